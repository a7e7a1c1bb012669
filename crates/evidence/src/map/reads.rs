//! Which parameters the mapping of an event can depend on, worked out once for each event name.
//!
//! Most parameters of most calls say nothing about actions and resources: the key of an item, the body of a message, a page
//! size. Two calls that differ only there mean the same, so what is remembered of one answers the other
//! ([`super::memo`]); and only the others are ever parsed.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::ops::Deref;

use serde_json_borrow::Value;
use smallvec::SmallVec;
use whittle_catalog::ActionId;
use whittle_catalog::events::{Clause, EventRule, FieldPath, ResourceSpec, Segment, Test};

use super::{plan, s3};
use crate::record::{Member, RequestParameters};

/// The top-level parameters that a rule and the resources of its actions look at. Keys compare in any case.
#[derive(Debug, Default)]
pub(super) struct Reads {
    names: Vec<Read>,
    /// The bits of all names: most keys have none of them.
    bits: u64,
    /// What a key may start with.
    starts: BTreeSet<&'static str>,
    /// A path starts at any key, so that all parameters count.
    any: bool,
    /// A path is of the answer.
    response: bool,
}

/// A key.
#[derive(Debug, Clone, Copy)]
struct Read {
    key: &'static str,
    bit: u64,
}

/// The top-level request parameters of one event that its rule looks at, in the order of the record.
#[derive(Debug, Default)]
pub(super) struct Members<'a> {
    pub list: SmallVec<[Wanted<'a>; 4]>,
    /// Those of [`bit_of`] of all of them: most tests of a rule ask for keys that the event does not have.
    pub bits: u64,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Wanted<'a> {
    member: Member<'a>,
    /// Boxed: most are never parsed.
    parsed: OnceCell<Option<Box<Value<'a>>>>,
}

impl<'a> Wanted<'a> {
    /// The value.
    pub fn parsed(&self) -> Option<&Value<'a>> {
        self.parsed.get_or_init(|| serde_json::from_str(self.member.value()).ok().map(Box::new)).as_deref()
    }
}

impl<'a> Deref for Wanted<'a> {
    type Target = Member<'a>;

    fn deref(&self) -> &Member<'a> {
        &self.member
    }
}

impl Reads {
    pub fn of(rule: &EventRule<'static>) -> Self {
        let mut keys = Keys::default();
        let mut reads = Self::default();
        for clause in rule.clauses() {
            for test in clause.tests() {
                match test {
                    Test::Has(paths) | Test::Lacks(paths) => paths.iter().for_each(|path| keys.add(path)),
                    Test::Is(pairs) => pairs.iter().for_each(|(path, _)| keys.add(path)),
                    Test::Text(path, _) | Test::Verb(_, path) | Test::NoVerb(_, path) => keys.add(path),
                    Test::Error(_) => {}
                    _ => (keys.any, keys.response) = (true, true),
                }
            }
        }
        for clause in rule.clauses() {
            match clause.resource() {
                ResourceSpec::Any | ResourceSpec::Unnamed | ResourceSpec::Default => {}
                ResourceSpec::At(paths) => paths.iter().for_each(|(path, _)| keys.add(path)),
                _ => (keys.any, keys.response) = (true, true),
            }
        }
        let of_clauses = rule.clauses().flat_map(Clause::actions).copied();
        for action in rule.same_named().into_iter().chain(of_clauses) {
            keys.add_resources(action);
            s3::others(action).for_each(|other| keys.add_resources(other));
        }
        let read = |key: &'static str| Read { key, bit: bit_of_key(key.as_bytes()) };
        (reads.any, reads.response) = (keys.any, keys.response);
        (reads.names, reads.starts) = (keys.names.into_iter().map(read).collect(), keys.starts);
        reads.bits = reads.names.iter().fold(0, |bits, name| bits | name.bit);
        reads
    }

    /// Whether any of them looks at `responseElements`.
    pub fn response(&self) -> bool {
        self.response
    }

    /// The parameters that the rule looks at; `None` if it is not known where they stand.
    pub fn members<'a>(&self, request: &RequestParameters<'a>) -> Option<Members<'a>> {
        let mut members = Members::default();
        for member in request.members()? {
            let bits = self.bits_of(member.key());
            if bits != 0 {
                members.bits |= bits;
                members.list.push(Wanted { member: *member, parsed: OnceCell::new() });
            }
        }
        Some(members)
    }

    /// Whether nothing but [`Self::members`] counts, unless something looks through all of the parameters.
    pub fn are_all(&self) -> bool {
        !self.any
    }

    /// Whether everything that a path's first step leads to is among [`Self::members`].
    pub fn cover(&self, first: &Segment) -> bool {
        match first {
            Segment::Key(key) => self.bits_of(key.as_bytes()) != 0,
            Segment::KeyPrefix(start) => self.starts.contains(&**start),
            _ => false,
        }
    }

    /// The bits of a key, if it is looked at; else none.
    fn bits_of(&self, key: &[u8]) -> u64 {
        let bit = bit_of_key(key);
        let is_name = || {
            let mut names = self.names.iter().filter(|name| name.bit == bit);
            names.any(|name| is_same_key(name.key.as_bytes(), key))
        };
        let of_name = if self.bits & bit != 0 && is_name() { bit } else { 0 };
        let has_start = self.starts.iter().any(|start| key_starts_with(key, start));
        of_name | if has_start { BIT_OF_STARTS } else { 0 }
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
    // Keys of one service start alike, so the end of the start tells most of them apart.
    key.get(..start.len()).is_some_and(|head| {
        head.last().zip(start.as_bytes().last()).is_none_or(|(one, other)| one.eq_ignore_ascii_case(other))
            && head.eq_ignore_ascii_case(start.as_bytes())
    })
}

/// Keys while they are collected.
#[derive(Debug, Default)]
struct Keys {
    names: BTreeSet<&'static str>,
    starts: BTreeSet<&'static str>,
    any: bool,
    response: bool,
}

impl Keys {
    fn add(&mut self, path: &'static FieldPath) {
        self.response |= path.is_response();
        match path.segments().first() {
            Some(Segment::Key(key)) if !path.is_response() => {
                // The tables and the ARN formats spell one key in several ways.
                if !self.names.iter().any(|known| known.eq_ignore_ascii_case(key)) {
                    self.names.insert(key);
                }
            }
            Some(Segment::KeyPrefix(start)) if !path.is_response() => {
                self.starts.insert(start);
            }
            _ => self.any = true,
        }
    }

    /// Everything that the resources of an action are looked for in. `responseElements` count in full, or not at all.
    fn add_resources(&mut self, action: ActionId) {
        let Some(plan) = plan::of(action) else {
            (self.any, self.response) = (true, true);
            return;
        };
        // Whole ARNs are looked for below any key too, and their paths are read only when they are used.
        self.any |= !plan.whole_arns.is_empty();
        self.response |= !plan.whole_arns.is_empty() || plan.paths().any(FieldPath::is_response);
        plan.paths().filter(|path| !path.is_response()).for_each(|path| self.add(path));
    }
}

/// The bit that keys have which are told by their start.
const BIT_OF_STARTS: u64 = 1 << 63;

/// One of 63 bits, by length and first letter in any case.
fn bit_of_key(key: &[u8]) -> u64 {
    let first = key.first().copied().unwrap_or_default().to_ascii_lowercase();
    1 << ((key.len() ^ usize::from(first) << 2) % 63)
}

/// The bit that a key of the request has if this first step of a path leads to it; `None` if it may lead to any.
pub(super) fn bit_of(first: &Segment) -> Option<u64> {
    match first {
        Segment::Key(key) => Some(bit_of_key(key.as_bytes())),
        Segment::KeyPrefix(_) => Some(BIT_OF_STARTS),
        _ => None,
    }
}
