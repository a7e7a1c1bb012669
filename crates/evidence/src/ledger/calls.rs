//! The operations that a caller called, and what they may have checked.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::settings::LedgerSettings;
use super::usage::Sighting;
use crate::record::Record;

/// The operations that a caller called and that were not denied, by IAM prefix, then by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Calls(BTreeMap<Box<str>, BTreeMap<Box<str>, CallsOfOperation>>);

/// Calls of one operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallsOfOperation {
    /// When. Resources stay empty here.
    seen: Sighting,
    /// By the state of the rules ([`exclusion_rules`](whittle_catalog::Catalog::exclusion_rules)) that a call
    /// was read with: the actions that some of these calls may have checked, beside what its event proves.
    may_check: BTreeMap<u32, BTreeSet<Box<str>>>,
}

impl CallsOfOperation {
    /// First and last call, and days with calls.
    pub fn seen(&self) -> &Sighting {
        &self.seen
    }

    /// Actions that some call may have checked beside what its event proves, if all calls were read with
    /// `rules`. `None`: some were read with other rules, which may have ruled out what these do not, so any
    /// action that AWS lists under the operation may have been checked.
    pub fn may_check(&self, rules: u32) -> Option<impl Iterator<Item = &str>> {
        match (self.may_check.get(&rules), self.may_check.len()) {
            (Some(actions), 1) => Some(actions.iter().map(|action| &**action)),
            _ => None,
        }
    }

    /// Every action that some call may have checked, by the rules that it was read with.
    pub fn may_check_by_any_rules(&self) -> impl Iterator<Item = &str> {
        self.may_check.values().flatten().map(|action| &**action)
    }
}

impl Calls {
    /// True if there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The operations as (IAM prefix, name), sorted.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &CallsOfOperation)> {
        self.0
            .iter()
            .flat_map(|(prefix, operations)| operations.iter().map(move |(name, calls)| (&**prefix, &**name, calls)))
    }

    /// Notes a call of an operation, and what it may have checked by these rules.
    pub(super) fn observe<'a>(
        &mut self,
        record: &Record<'_>,
        (prefix, name): (&str, &str),
        rules: u32,
        may_check: impl Iterator<Item = &'a str>,
    ) {
        // The entry API would allocate keys for each event.
        if !self.0.contains_key(prefix) {
            self.0.insert(prefix.into(), BTreeMap::new());
        }
        let Some(operations) = self.0.get_mut(prefix) else { return };
        if !operations.contains_key(name) {
            let calls = CallsOfOperation { seen: Sighting::at(record.event_time), may_check: BTreeMap::new() };
            operations.insert(name.into(), calls);
        }
        let Some(calls) = operations.get_mut(name) else { return };
        calls.seen.note(record.event_time);
        let known = calls.may_check.entry(rules).or_default();
        for action in may_check {
            if !known.contains(action) {
                known.insert(action.into());
            }
        }
    }

    pub(super) fn merge(&mut self, other: &Self, settings: &LedgerSettings) {
        for (prefix, operations) in &other.0 {
            let mine = self.0.entry(prefix.clone()).or_default();
            for (name, theirs) in operations {
                match mine.get_mut(name) {
                    Some(calls) => {
                        calls.seen.merge(&theirs.seen, settings);
                        for (rules, actions) in &theirs.may_check {
                            calls.may_check.entry(*rules).or_default().extend(actions.iter().cloned());
                        }
                    }
                    None => {
                        mine.insert(name.clone(), theirs.clone());
                    }
                }
            }
        }
    }
}
