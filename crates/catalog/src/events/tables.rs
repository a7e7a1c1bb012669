//! All tables, read once.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::classes::Classes;
use super::items::Batches;
use super::lists::Lists;
use super::outcome::Outcomes;
use super::passed_to::PassedTo;
use super::rule::Rules;
use super::template::Templates;
use super::{data_event_types, sources};

#[derive(Debug)]
pub(super) struct EventTables {
    pub sources: sources::Sources,
    /// Prefix to the label that CloudTrail writes for it, where they differ.
    pub usual_labels: HashMap<&'static str, &'static str>,
    pub classes: Classes,
    pub rules: Rules,
    pub outcomes: Outcomes,
    pub templates: Templates,
    pub batches: Batches,
    pub lists: Lists,
    pub passed_to: PassedTo,
    pub data_types: Vec<&'static str>,
}

/// The tables of the embedded catalog.
pub(super) fn tables() -> &'static EventTables {
    static TABLES: OnceLock<EventTables> = OnceLock::new();
    TABLES.get_or_init(|| EventTables {
        sources: sources::read(),
        usual_labels: sources::read_usual(),
        classes: Classes::read(),
        rules: Rules::read(crate::catalog()),
        outcomes: Outcomes::read(),
        templates: Templates::read(),
        batches: Batches::read(crate::catalog()),
        lists: Lists::read(),
        passed_to: PassedTo::read(),
        data_types: data_event_types::read(),
    })
}
