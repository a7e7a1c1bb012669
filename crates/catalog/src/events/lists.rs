//! Short lists of facts: `data/events/lists.tsv`.

use std::collections::HashMap;

use super::table;

static TEXT: &str = include_str!("../../data/events/lists.tsv");

#[derive(Debug)]
pub(super) struct Lists {
    rows: HashMap<&'static str, Vec<&'static str>>,
}

impl Lists {
    pub fn read() -> Self {
        Self { rows: table::rows(TEXT).map(|row| (row.column(0), row.list(1).collect())).collect() }
    }

    /// The items of a list that the table has.
    pub fn of(&self, name: &str) -> &[&'static str] {
        debug_assert!(self.rows.contains_key(name), "lists.tsv has no `{name}`");
        self.rows.get(name).map_or(&[], Vec::as_slice)
    }

    /// True if a text starts with an item of a list, in any case.
    pub fn has_start(&self, name: &str, text: &str) -> bool {
        let starts = |start: &&str| text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
        self.of(name).iter().any(starts)
    }
}
