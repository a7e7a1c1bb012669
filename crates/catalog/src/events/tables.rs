//! All tables, read once.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::classes::Classes;
use super::items::Batches;
use super::lists::Lists;
use super::outcome::Outcomes;
use super::passed_to::PassedTo;
use super::rule::Rules;
use super::tags_shown::TagsShown;
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
    pub tags_shown: TagsShown,
    pub data_types: Vec<&'static str>,
    /// See [`Catalog::exclusion_rules`](crate::Catalog::exclusion_rules).
    pub exclusion_rules: u32,
}

/// FNV-1a of the rule tables and of the sources of the catalog.
fn exclusion_rules() -> u32 {
    let mut hash = 0x811c_9dc5_u32;
    let sources = crate::catalog().sources().iter().flat_map(|source| [source.version.as_str(), source.date.as_str()]);
    let rules = super::rule::TEXTS.iter().map(|(_, _, text)| *text);
    for text in rules.chain([super::tags_shown::TEXT]).chain(sources) {
        for byte in text.bytes() {
            hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
    }
    hash
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
        tags_shown: TagsShown::read(),
        data_types: data_event_types::read(),
        exclusion_rules: exclusion_rules(),
    })
}
