//! Calls that succeed while single items of them are denied: `data/events/items.tsv`.

use std::collections::HashMap;

use super::path::FieldPath;
use super::table;
use super::transform::{Transform, located};
use crate::{ActionId, Catalog};

static TEXT: &str = include_str!("../../data/events/items.tsv");

/// Relation of the elements of an answer to the items of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerKind {
    /// One element per item, in the order of the request.
    Aligned,
    /// Only the items that failed.
    Failed,
}

/// The place where a batch call names its denied items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchItems {
    actions: Vec<ActionId>,
    items: FieldPath,
    answers: FieldPath,
    kind: AnswerKind,
    code: FieldPath,
    resource: Option<(FieldPath, Transform)>,
}

impl BatchItems {
    /// The actions that each item needs.
    pub fn actions(&self) -> &[ActionId] {
        &self.actions
    }

    /// The items of the request.
    pub fn items(&self) -> &FieldPath {
        &self.items
    }

    /// The elements of the answer.
    pub fn answers(&self) -> &FieldPath {
        &self.answers
    }

    /// Relation of elements and items.
    pub fn kind(&self) -> AnswerKind {
        self.kind
    }

    /// The error code, from an element of the answer.
    pub fn code(&self) -> &FieldPath {
        &self.code
    }

    /// The resource, from an item of the request ([`AnswerKind::Aligned`]) or from a failed element.
    pub fn resource(&self) -> Option<&(FieldPath, Transform)> {
        self.resource.as_ref()
    }
}

#[derive(Debug, Default)]
pub(super) struct Batches {
    rows: HashMap<String, BatchItems>,
    pub problems: Vec<String>,
}

impl Batches {
    pub fn read(catalog: &Catalog) -> Self {
        let mut batches = Self::default();
        for row in table::rows(TEXT) {
            let service = row.service.unwrap_or_default();
            match batch(catalog, service, row) {
                Ok(batch) => {
                    for event in row.list(0) {
                        batches.rows.insert(key(service, event), batch.clone());
                    }
                }
                Err(problem) => batches.problems.push(format!("items.tsv:{}: {problem}", row.line)),
            }
        }
        batches
    }

    pub fn of(&self, prefix: &str, event_name: &str) -> Option<&BatchItems> {
        self.rows.get(&key(prefix, event_name))
    }
}

fn key(prefix: &str, event_name: &str) -> String {
    format!("{prefix}:{}", event_name.to_ascii_lowercase())
}

fn batch(catalog: &Catalog, service: &str, row: table::TableRow) -> Result<BatchItems, String> {
    let actions = row.list(1).map(|name| {
        let full = if name.contains(':') { name.to_owned() } else { format!("{service}:{name}") };
        catalog.action(&full).ok_or_else(|| format!("no action `{full}` in the catalog"))
    });
    let kind = match row.column(4) {
        "aligned" => AnswerKind::Aligned,
        "failed" => AnswerKind::Failed,
        other => return Err(format!("kind `{other}`")),
    };
    let resource = match row.column(6) {
        "" => None,
        text => Some(located(text)?),
    };
    Ok(BatchItems {
        actions: actions.collect::<Result<_, _>>()?,
        items: FieldPath::parse(row.column(2)),
        answers: FieldPath::parse(row.column(3)),
        kind,
        code: FieldPath::parse(row.column(5)),
        resource,
    })
}
