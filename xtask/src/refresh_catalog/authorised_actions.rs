//! AWS's own table of the actions that each operation may check (Service Reference Information, Operations /
//! AuthorizedActions), and the committed copy of what it adds: `crates/catalog/data/authorised-actions.tsv`.
//!
//! The copy holds the operations that check anything but the action of their own name, under IAM's prefixes.
//! It is a superset by nature: the parameters of a call decide what is checked. An operation that is absent
//! from it proves nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use whittle_catalog::{SourceInfo, catalog};

use super::facts::{Facts, OperationFacts};
use super::sdk_services::SdkServices;
use super::{count, known_action};

/// Name of the committed copy.
pub const FILE: &str = "authorised-actions.tsv";

const AS_OF: &str = "# as of: ";

/// Operations and the actions that they may check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthorisedActions {
    /// The day of AWS's data, as the user states it.
    as_of: String,
    /// By (prefix, operation).
    rows: BTreeMap<(String, String), BTreeSet<String>>,
}

/// AWS's table as it was imported, and what of it could not be taken over.
#[derive(Debug, Default)]
pub struct Imported {
    /// What was taken over.
    pub table: AuthorisedActions,
    /// Labels of services without an IAM prefix.
    pub unknown_labels: BTreeSet<String>,
    /// Actions that the catalog does not know: withdrawn ones.
    pub unknown_actions: BTreeSet<String>,
}

impl Imported {
    /// Reads `<label>:<operation> <tab> <action>,<action>` lines; labels are names of SDK services, with or
    /// without hyphens, or IAM prefixes.
    pub fn read(path: &Path, as_of: Option<&str>, services: &SdkServices, facts: &Facts) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let mut lines = Vec::new();
        for (number, line) in rows(&text) {
            let place = || format!("{}:{number}", path.display());
            let (operation, actions) = line.split_once('\t').with_context(|| format!("{}: no tab", place()))?;
            let (label, name) = operation.split_once(':').with_context(|| format!("{}: no label", place()))?;
            lines.push((label, name, actions.split(',').map(str::to_owned).collect()));
        }
        Ok(Self::of(lines, as_of, services, facts))
    }

    /// From (label, operation, actions).
    pub fn of<'a>(
        lines: impl IntoIterator<Item = (&'a str, &'a str, Vec<String>)>,
        as_of: Option<&str>,
        services: &SdkServices,
        facts: &Facts,
    ) -> Self {
        let mut imported = Self::default();
        imported.table.as_of = as_of.unwrap_or("not stated").to_owned();
        for (label, name, actions) in lines {
            let prefixes = prefixes_of(label, services, facts);
            if prefixes.is_empty() {
                imported.unknown_labels.insert(label.to_owned());
            }
            let known: BTreeSet<String> = actions
                .into_iter()
                .filter_map(|action| {
                    let found = known_action(facts, &action);
                    if found.is_none() {
                        imported.unknown_actions.insert(action);
                    }
                    found
                })
                .collect();
            for prefix in prefixes {
                let own = format!("{prefix}:{name}");
                if known.iter().any(|action| !action.eq_ignore_ascii_case(&own)) {
                    let row = imported.table.rows.entry((prefix, name.to_owned())).or_default();
                    row.extend(known.iter().cloned());
                }
            }
        }
        imported
    }
}

impl AuthorisedActions {
    /// Reads the committed copy, in which every name must be known.
    pub fn read(path: &Path, facts: &Facts) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let as_of = text.lines().find_map(|line| line.strip_prefix(AS_OF)).unwrap_or("not stated").to_owned();
        let mut table = Self { as_of, rows: BTreeMap::new() };
        for (number, line) in rows(&text) {
            let place = || format!("{}:{number}", path.display());
            let (operation, actions) = line.split_once('\t').with_context(|| format!("{}: no tab", place()))?;
            let (prefix, name) = operation.split_once(':').with_context(|| format!("{}: no prefix", place()))?;
            if !facts.services.contains_key(&prefix.to_ascii_lowercase()) {
                bail!("{}: the catalog has no service `{prefix}`", place());
            }
            let mut known = BTreeSet::new();
            for action in actions.split(',') {
                let action = known_action(facts, action);
                known.insert(action.with_context(|| format!("{}: the catalog lacks an action of it", place()))?);
            }
            table.rows.insert((prefix.to_owned(), name.to_owned()), known);
        }
        Ok(table)
    }

    /// The committed copy's text.
    pub fn render(&self) -> String {
        let mut text = format!(
            "# Operations that may check other actions than the one of their own name: facts of AWS's Service Reference\n\
             # Information (Operations / AuthorizedActions). A superset: the parameters of a call decide; an operation that\n\
             # is absent proves nothing. Written by `cargo xtask refresh-catalog --authorised-actions FILE`; do not edit.\n\
             {AS_OF}{}\n\
             # operation\tactions that may be checked\n",
            self.as_of
        );
        for ((prefix, name), actions) in &self.rows {
            let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
            _ = writeln!(text, "{prefix}:{name}\t{}", actions.join(","));
        }
        text
    }

    /// What changed against `before`, a line for each operation: `+` new, `-` gone, `~` other actions.
    pub fn diff(&self, before: &Self) -> String {
        let mut text = String::new();
        let keys: BTreeSet<_> = self.rows.keys().chain(before.rows.keys()).collect();
        for key in keys {
            let (prefix, name) = key;
            let (new, old) = (self.rows.get(key), before.rows.get(key));
            let list = |row: Option<&BTreeSet<String>>| -> BTreeSet<String> { row.cloned().unwrap_or_default() };
            let (new_actions, old_actions) = (list(new), list(old));
            let added: Vec<String> = new_actions.difference(&old_actions).map(|action| format!("+{action}")).collect();
            let gone: Vec<String> = old_actions.difference(&new_actions).map(|action| format!("-{action}")).collect();
            if added.is_empty() && gone.is_empty() {
                continue;
            }
            let mark = match (new, old) {
                (Some(_), None) => '+',
                (None, _) => '-',
                _ => '~',
            };
            _ = writeln!(text, "{mark} {prefix}:{name} {}", [added, gone].concat().join(" "));
        }
        text
    }

    /// Adds the table to the operations, and records the source.
    pub fn apply(&self, facts: &mut Facts) {
        if self.rows.is_empty() {
            return;
        }
        let mut new = 0;
        for ((prefix, name), actions) in &self.rows {
            let Some(service) = facts.services.get_mut(&prefix.to_ascii_lowercase()) else { continue };
            let entry = service.operations.entry(name.to_ascii_lowercase()).or_insert_with(|| {
                new += 1;
                OperationFacts { name: name.clone(), ..OperationFacts::default() }
            });
            entry.authorised_by.extend(actions.iter().cloned());
        }
        facts.sources.push(SourceInfo {
            name: "AWS Service Reference Information, authorised actions".into(),
            version: "v1.4".into(),
            date: self.as_of.clone(),
            licence: "facts published by AWS".into(),
            copyright: String::new(),
            provides: "actions that an operation may check beside the one of its own name".into(),
            counts: vec![
                count("operations with other actions than their own", self.rows.len()),
                count("pairs of operation and action", self.rows.values().map(BTreeSet::len).sum()),
                count("operations that no other source knows", new),
            ],
        });
    }
}

/// Lines with their numbers, without comments.
fn rows(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// The IAM prefixes that a label may stand for: `opensearch` is a prefix of its own, and the SDK's name of
/// `es`.
fn prefixes_of(label: &str, services: &SdkServices, facts: &Facts) -> BTreeSet<String> {
    let is_prefix = |name: &str| facts.services.get(&name.to_ascii_lowercase()).map(|service| service.prefix.clone());
    let mut prefixes: BTreeSet<String> = is_prefix(label).into_iter().collect();
    prefixes.extend(services.get(label).and_then(is_prefix));
    if prefixes.is_empty() {
        let host = format!("{label}.amazonaws.com");
        prefixes.extend(catalog().prefixes_of_source(&host).first().and_then(|prefix| is_prefix(prefix)));
    }
    prefixes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refresh_catalog::facts::{ActionFacts, ServiceFacts};

    fn facts() -> Facts {
        let mut facts = Facts::default();
        for (prefix, actions) in [("states", vec!["StartExecution", "TagResource"]), ("iam", vec!["PassRole"])] {
            let action = |name: &str| ActionFacts {
                name: name.to_owned(),
                access_level: whittle_catalog::AccessLevel::Write,
                last_accessed: None,
                resource_types: Vec::new(),
                condition_keys: BTreeSet::new(),
                dependent_actions: BTreeSet::new(),
            };
            let actions = actions.into_iter().map(|name| (name.to_ascii_lowercase(), action(name))).collect();
            let service = ServiceFacts { prefix: prefix.to_owned(), actions, ..ServiceFacts::default() };
            facts.services.insert(prefix.to_owned(), service);
        }
        facts
    }

    fn imported(lines: &[(&str, &str, &str)]) -> Imported {
        let mut services = SdkServices::default();
        services.insert("SFN", "states");
        services.insert("stepfunctions", "states");
        let lines = lines
            .iter()
            .map(|(label, name, actions)| (*label, *name, actions.split(',').map(str::to_owned).collect::<Vec<_>>()));
        Imported::of(lines, Some("2026-07"), &services, &facts())
    }

    #[test]
    fn labels_join_in_any_spelling_and_what_is_withdrawn_is_named() {
        let found = imported(&[
            ("step-functions", "CreateStateMachine", "states:TagResource,iam:PassRole,aws-portal:ViewBilling"),
            ("stepfunctions", "CreateStateMachine", "states:StartExecution"),
            ("states", "StartExecution", "states:StartExecution"),
            ("nowhere", "Go", "iam:PassRole"),
        ]);
        assert_eq!(found.unknown_labels, BTreeSet::from(["nowhere".to_owned()]));
        assert_eq!(found.unknown_actions, BTreeSet::from(["aws-portal:ViewBilling".to_owned()]));
        let text = found.table.render();
        assert!(
            text.ends_with("states:CreateStateMachine\tiam:PassRole,states:StartExecution,states:TagResource\n"),
            "{text}"
        );
    }

    #[test]
    fn the_copy_reads_back_and_a_name_that_is_not_known_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let table = imported(&[("sfn", "CreateStateMachine", "iam:PassRole")]).table;
        std::fs::write(&path, table.render()).unwrap();
        let mut facts = facts();
        let read = AuthorisedActions::read(&path, &facts).unwrap();
        assert_eq!(read, table);
        read.apply(&mut facts);
        let operation = facts.services.get("states").unwrap().operations.get("createstatemachine").unwrap();
        assert_eq!(operation.authorised_by, BTreeSet::from(["iam:PassRole".to_owned()]));

        std::fs::write(&path, "states:CreateStateMachine\tiam:PasRole\n").unwrap();
        let error = format!("{:#}", AuthorisedActions::read(&path, &facts).unwrap_err());
        assert!(error.ends_with("authorised-actions.tsv:1: the catalog lacks an action of it"), "{error}");
        std::fs::write(&path, "statez:CreateStateMachine\tiam:PassRole\n").unwrap();
        let error = format!("{:#}", AuthorisedActions::read(&path, &facts).unwrap_err());
        assert!(error.ends_with("authorised-actions.tsv:1: the catalog has no service `statez`"), "{error}");
    }

    #[test]
    fn a_change_is_told_operation_by_operation() {
        let before = imported(&[("sfn", "A", "iam:PassRole"), ("sfn", "B", "iam:PassRole,states:TagResource")]).table;
        let after = imported(&[("sfn", "B", "iam:PassRole,states:StartExecution"), ("sfn", "C", "iam:PassRole")]).table;
        assert_eq!(
            after.diff(&before),
            "- states:A -iam:PassRole\n\
             ~ states:B +states:StartExecution -states:TagResource\n\
             + states:C +iam:PassRole\n"
        );
    }
}
