//! `eventSource` values and the IAM prefixes they stand for.

use std::collections::HashMap;

use super::table;
use crate::Catalog;

static TEXT: &str = include_str!("../../data/events/sources.tsv");

/// Label → prefixes, where they differ; an empty list: the source has no prefix.
pub(super) type Sources = HashMap<&'static str, Vec<&'static str>>;

pub(super) fn read() -> Sources {
    table::rows(TEXT).map(|row| (row.column(0), row.list(1).collect())).collect()
}

/// The label of an event source: `dynamodb` of `dynamodb.amazonaws.com`.
///
/// `None` where the value is no host name of AWS: placeholders of API models, other clouds, notification
/// sources.
pub(super) fn label(event_source: &str) -> Option<&str> {
    let host = event_source.strip_suffix(".cn").unwrap_or(event_source);
    let label = host.strip_suffix(".amazonaws.com").or_else(|| {
        // One published value lies outside amazonaws.com: inspector2.amazon.aws.
        host.ends_with(".amazon.aws").then_some(host)
    })?;
    let clean = !label.is_empty()
        && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.');
    (clean && label != "event-source-placeholder").then_some(label)
}

pub(super) fn prefixes<'a>(catalog: &'a Catalog, sources: &Sources, event_source: &str) -> Vec<&'a str> {
    let Some(label) = label(event_source) else { return Vec::new() };
    of_label(catalog, sources, label)
}

pub(super) fn of_label<'a>(catalog: &'a Catalog, sources: &Sources, label: &str) -> Vec<&'a str> {
    match sources.get(label) {
        Some(prefixes) => prefixes.iter().filter_map(|prefix| Some(catalog.service(prefix)?.prefix())).collect(),
        None => catalog.service(label).map(crate::ServiceInfo::prefix).into_iter().collect(),
    }
}

/// Prefix → label that CloudTrail writes for it, where they differ.
pub(super) fn read_usual() -> HashMap<&'static str, &'static str> {
    table::rows(TEXT).filter(|row| row.column(3) == "usual").map(|row| (row.column(1), row.column(0))).collect()
}
