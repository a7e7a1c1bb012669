//! Events that prove no permission: rows of `data/events/classes.tsv`.

use std::collections::HashMap;

use super::table;

static TEXT: &str = include_str!("../../data/events/classes.tsv");

/// Events that prove no permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    NoPermission,
    NotACall,
}

#[derive(Debug, Default)]
pub(super) struct Classes {
    exact: HashMap<(&'static str, String), (Class, &'static str)>,
    /// Name pattern with one `*` at the end, or `*` alone.
    starts: Vec<(&'static str, String, Class, &'static str)>,
    event_types: HashMap<String, &'static str>,
}

impl Classes {
    pub fn read() -> Self {
        let mut classes = Self::default();
        for row in table::rows(TEXT) {
            let class = if row.column(2) == "no-permission" { Class::NoPermission } else { Class::NotACall };
            for name in row.list(1) {
                let name = name.to_ascii_lowercase();
                if row.column(0) == "eventType" {
                    classes.event_types.insert(name, row.column(3));
                } else if let Some(start) = name.strip_suffix('*') {
                    classes.starts.push((row.column(0), start.to_owned(), class, row.column(3)));
                } else {
                    classes.exact.insert((row.column(0), name), (class, row.column(3)));
                }
            }
        }
        classes
    }

    /// The class of an event by source label and lower-case name, if a row names it.
    pub fn find(&self, label: &'static str, name: &str) -> Option<(Class, &'static str)> {
        self.exact.get(&(label, name.to_owned())).copied()
    }

    /// The class of events that nothing else explains, by source label and lower-case name.
    pub fn otherwise(&self, label: &str, name: &str) -> Option<(Class, &'static str)> {
        let mut rows = self.starts.iter();
        rows.find(|row| row.0 == label && name.starts_with(row.1.as_str())).map(|row| (row.2, row.3))
    }

    /// The row label equal to a text, to search without allocating a key per label.
    pub fn known_label(&self, label: &str) -> Option<&'static str> {
        self.exact.keys().map(|key| key.0).find(|known| *known == label)
    }

    pub fn event_type(&self, event_type: &str) -> Option<&'static str> {
        match event_type {
            "" | "AwsApiCall" => None,
            other => Some(
                self.event_types
                    .get(&other.to_ascii_lowercase())
                    .copied()
                    .unwrap_or("only AwsApiCall events prove an IAM authorisation"),
            ),
        }
    }

    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.exact.len() + self.starts.len() + self.event_types.len()
    }
}
