//! Silent dependencies: what a used action also needs, though no event carries its name.

use std::collections::{BTreeSet, HashMap};
use std::sync::OnceLock;

use super::rule::ClauseEffect;
use super::{table, tables};
use crate::{ActionId, Catalog};

static TEXT: &str = include_str!("../../data/events/companions.tsv");

/// Relation of the companion's resource to the used one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Relation {
    /// The same resource.
    Same,
    /// The bucket of the used object.
    Bucket,
    /// Whatever the grant allows.
    Any,
    /// Keys used through the service: a condition on `kms:ViaService` names it.
    Key,
}

/// An action to keep, where granted, beside a used one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Companion {
    /// The action to keep.
    pub action: ActionId,
    /// Relation of its resource to the used one.
    pub relation: Relation,
    /// For [`Relation::Key`]: the service of `kms:ViaService`, without Region (`s3` of
    /// `s3.eu-west-1.amazonaws.com`).
    pub via_service: Option<&'static str>,
    /// The reason, as a sentence fragment for people.
    pub reason: &'static str,
    /// AWS page that says so.
    pub source: &'static str,
    /// True if only AWS's list of possible checks names it: it is kept, never added, and marked.
    pub possible: bool,
}

#[derive(Debug, Default)]
pub(super) struct CompanionIndex {
    rows: HashMap<ActionId, Vec<Companion>>,
    pub problems: Vec<String>,
}

impl CompanionIndex {
    pub fn of(&self, action: ActionId) -> &[Companion] {
        self.rows.get(&action).map_or(&[], Vec::as_slice)
    }

    fn add(&mut self, used: ActionId, companion: Companion) {
        let rows = self.rows.entry(used).or_default();
        if used != companion.action && !rows.iter().any(|row| row.action == companion.action) {
            rows.push(companion);
        }
    }

    fn read(catalog: &Catalog) -> Self {
        let mut index = Self::default();
        for row in table::rows(TEXT) {
            let relation = match row.column(2) {
                "same" => Relation::Same,
                "bucket" => Relation::Bucket,
                "key" => Relation::Key,
                "any" => Relation::Any,
                other => {
                    index.problems.push(format!("companions.tsv:{}: relation `{other}`", row.line));
                    continue;
                }
            };
            let via_service = Some(row.column(3)).filter(|via| !via.is_empty());
            let ids = |at| row.list(at).map(move |name| (name, catalog.action(name)));
            for (name, _) in ids(0).chain(ids(1)).filter(|(_, id)| id.is_none()) {
                index.problems.push(format!("companions.tsv:{}: no action `{name}`", row.line));
            }
            for used in ids(0).filter_map(|(_, id)| id) {
                for action in ids(1).filter_map(|(_, id)| id) {
                    let reason = row.column(4);
                    let source = row.source;
                    index.add(used, Companion { action, relation, via_service, reason, source, possible: false });
                }
            }
        }
        index.add_possible(catalog);
        for rows in index.rows.values_mut() {
            rows.sort_unstable();
        }
        index
    }

    /// Adds the actions that AWS lists for an operation and no event shows: kept where granted.
    fn add_possible(&mut self, catalog: &Catalog) {
        for (prefix, event, clauses) in tables::tables().rules.events() {
            let primary: BTreeSet<_> = clauses
                .iter()
                .filter(|clause| clause.effect() == ClauseEffect::Is)
                .flat_map(|clause| clause.actions().iter().copied())
                .collect();
            let primary = if primary.is_empty() {
                catalog.action(&format!("{prefix}:{event}")).into_iter().collect()
            } else {
                primary
            };
            for clause in clauses.iter().filter(|clause| clause.effect() == ClauseEffect::Possible) {
                for used in &primary {
                    for action in clause.actions().iter().filter(|action| !primary.contains(*action)) {
                        self.add(
                            *used,
                            Companion {
                                action: *action,
                                relation: Relation::Any,
                                via_service: None,
                                reason: "AWS lists it among what the same call may check; no event shows whether it was",
                                source: clause.source(),
                                possible: true,
                            },
                        );
                    }
                }
            }
        }
    }
}

pub(super) fn index() -> &'static CompanionIndex {
    static INDEX: OnceLock<CompanionIndex> = OnceLock::new();
    INDEX.get_or_init(|| CompanionIndex::read(crate::catalog()))
}
