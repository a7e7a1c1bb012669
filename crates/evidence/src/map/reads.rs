//! Which parameters the mapping of an event can depend on, worked out once for each event name.
//!
//! Most parameters of most calls say nothing about actions and resources: the key of an item, the body of a message, a page
//! size. Two calls that differ only there mean the same, so what is remembered of one answers the other
//! ([`super::memo`]); and only the others are ever parsed ([`super::members`]).

use std::collections::BTreeMap;

use whittle_catalog::events::{Clause, EventRule, FieldPath, ResourceSpec, Segment, Test};
use whittle_catalog::{ActionId, Catalog};

use super::members::{Members, scan};
use super::plan;

/// The top-level parameters that a rule and the resources of its actions look at. Keys compare in any case.
#[derive(Debug, Default)]
pub(super) struct Reads {
    names: Vec<Read>,
    /// What a key may start with.
    starts: Vec<Read>,
    /// A bit for each name, by its length and first letter: most keys have none of them.
    bits: u64,
    /// A path starts at any key, so that all parameters count.
    any: bool,
    /// A path of a test starts at any key.
    tests_any: bool,
    /// A path is of the answer.
    response: bool,
}

/// A key, or the start of one.
#[derive(Debug, Clone, Copy)]
struct Read {
    key: &'static str,
    /// A test of the rule looks at it.
    of_test: bool,
}

impl Reads {
    pub fn of(catalog: &'static Catalog, rule: &EventRule<'static>) -> Self {
        let mut keys = Keys::default();
        let mut reads = Self::default();
        for clause in rule.clauses() {
            for test in clause.tests() {
                match test {
                    Test::Has(paths) | Test::Lacks(paths) => paths.iter().for_each(|path| keys.add(path, true)),
                    Test::Is(pairs) => pairs.iter().for_each(|(path, _)| keys.add(path, true)),
                    Test::Text(path, _) | Test::Verb(_, path) | Test::NoVerb(_, path) => keys.add(path, true),
                    Test::Error(_) => {}
                    _ => (keys.any, keys.response) = (true, true),
                }
            }
        }
        reads.tests_any = keys.any;
        for clause in rule.clauses() {
            match clause.resource() {
                ResourceSpec::Any | ResourceSpec::Unnamed | ResourceSpec::Default => {}
                ResourceSpec::At(paths) => paths.iter().for_each(|(path, _)| keys.add(path, false)),
                _ => (keys.any, keys.response) = (true, true),
            }
        }
        let of_clauses = rule.clauses().flat_map(Clause::actions).copied();
        for action in rule.same_named().into_iter().chain(of_clauses) {
            keys.add_resources(catalog, action);
        }
        let list = |keys: BTreeMap<&'static str, bool>| {
            keys.into_iter().map(|(key, of_test)| Read { key, of_test }).collect::<Vec<_>>()
        };
        (reads.any, reads.response) = (keys.any, keys.response);
        (reads.names, reads.starts) = (list(keys.names), list(keys.starts));
        reads.bits = reads.names.iter().fold(0, |bits, name| bits | bit(name.key.as_bytes()));
        reads
    }

    /// Whether any of them looks at `responseElements`.
    pub fn response(&self) -> bool {
        self.response
    }

    /// The parameters that the rule looks at; `None` if the text is no object that can be scanned.
    pub fn members<'a>(&self, text: &'a str) -> Option<Members<'a>> {
        let mut members = Members::default();
        scan(text, |found| {
            if let Some(of_test) = self.find(found.key()) {
                members.of_tests |= of_test;
                members.list.extend(found.member());
            }
        })?;
        Some(members)
    }

    /// Whether a test of the rule looks below any key, or at the answer.
    pub fn tests_look_anywhere(&self) -> bool {
        self.tests_any
    }

    /// Whether nothing but [`Self::members`] counts, unless something looks through all of the parameters.
    pub fn are_all(&self) -> bool {
        !self.any
    }

    /// Whether everything that a path's first step leads to is among [`Self::members`].
    pub fn cover(&self, first: &Segment) -> bool {
        match first {
            Segment::Key(key) => self.find(key.as_bytes()).is_some(),
            Segment::KeyPrefix(start) => self.starts.iter().any(|known| *known.key == **start),
            _ => false,
        }
    }

    /// Whether a key is looked at, and whether by a test.
    fn find(&self, key: &[u8]) -> Option<bool> {
        let mut found = None;
        if self.bits & bit(key) != 0 {
            found = self.names.iter().find(|name| is_same_key(name.key.as_bytes(), key)).map(|name| name.of_test);
        }
        for start in &self.starts {
            if key_starts_with(key, start.key) {
                found = Some(found.unwrap_or_default() | start.of_test);
            }
        }
        found
    }
}

/// Whether two keys are the same in any case. Most differ in nothing but the case of the first letter.
pub(super) fn is_same_key(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len()
        && match (one.split_first(), other.split_first()) {
            (Some((first, rest)), Some((other_first, other_rest))) => {
                first.eq_ignore_ascii_case(other_first) && (rest == other_rest || rest.eq_ignore_ascii_case(other_rest))
            }
            _ => true,
        }
}

/// Whether a key starts so, in any case.
pub(super) fn key_starts_with(key: &[u8], start: &str) -> bool {
    key.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
}

/// Keys while they are collected, each with whether a test looks at it.
#[derive(Debug, Default)]
struct Keys {
    names: BTreeMap<&'static str, bool>,
    starts: BTreeMap<&'static str, bool>,
    any: bool,
    response: bool,
}

impl Keys {
    fn add(&mut self, path: &'static FieldPath, of_test: bool) {
        self.response |= path.is_response();
        match path.segments().first() {
            Some(Segment::Key(key)) if !path.is_response() => {
                // The tables and the ARN formats spell one key in several ways.
                let known = self.names.keys().find(|known| known.eq_ignore_ascii_case(key)).copied();
                *self.names.entry(known.unwrap_or(key)).or_default() |= of_test;
            }
            Some(Segment::KeyPrefix(start)) if !path.is_response() => {
                *self.starts.entry(start).or_default() |= of_test;
            }
            _ => self.any = true,
        }
    }

    /// Everything that the resources of an action are looked for in. `responseElements` count in full, or not at all.
    fn add_resources(&mut self, catalog: &'static Catalog, action: ActionId) {
        let Some(plan) = plan::of(catalog, action) else {
            (self.any, self.response) = (true, true);
            return;
        };
        // Whole ARNs are looked for below any key too, and their paths are read only when they are used.
        self.any |= !plan.whole_arns.is_empty();
        self.response |= !plan.whole_arns.is_empty() || plan.paths().any(FieldPath::is_response);
        plan.paths().filter(|path| !path.is_response()).for_each(|path| self.add(path, false));
    }
}

fn bit(key: &[u8]) -> u64 {
    let first = key.first().copied().unwrap_or_default().to_ascii_lowercase();
    1 << ((key.len() ^ (usize::from(first) << 2)) % 64)
}
