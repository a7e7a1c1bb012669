//! Services that roles in the parameters of calls are passed to: `data/events/passed-to.tsv`.

use std::collections::HashMap;

use super::table;

static TEXT: &str = include_str!("../../data/events/passed-to.tsv");

#[derive(Debug, Default)]
pub(super) struct PassedTo {
    rows: HashMap<&'static str, Vec<(&'static str, Vec<&'static str>)>>,
}

impl PassedTo {
    pub fn read() -> Self {
        let mut passed_to = Self::default();
        for row in table::rows(TEXT) {
            for event in row.list(1) {
                passed_to.rows.entry(row.column(0)).or_default().push((event, row.list(2).collect()));
            }
        }
        passed_to
    }

    /// Service principals, empty where it is not known.
    pub fn services(&self, prefix: &str, event_name: &str) -> &[&'static str] {
        let rows = self.rows.get(prefix).into_iter().flatten();
        let mut fitting = rows.filter(|row| row.0 == "*" || row.0.eq_ignore_ascii_case(event_name));
        fitting.next().map_or(&[], |row| row.1.as_slice())
    }

    /// Prefixes of the table, for the test that they exist.
    #[cfg(test)]
    pub fn prefixes(&self) -> impl Iterator<Item = &'static str> {
        self.rows.keys().copied()
    }
}
