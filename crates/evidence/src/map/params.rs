//! Parameters of one event, walked by path. Those that the rule looks at were found before and are parsed one by one
//! ([`super::reads`]); the whole is parsed only for paths that start anywhere.

use std::cell::OnceCell;

use serde_json::value::RawValue;
use serde_json_borrow::Value;
use smallvec::SmallVec;
use whittle_catalog::events::{FieldPath, Segment};

use super::reads::{Members, Reads, Wanted, is_same_key, key_starts_with};
use crate::record::{RequestParameters, holds_mask};

/// Leaves read from one path at most: an event holds at most 256 KB.
const MAX_LEAVES: usize = 2_000;

/// Request parameters and response elements of one event.
#[derive(Debug)]
pub(super) struct Parameters<'a, 'r> {
    request: Option<&'r RequestParameters<'a>>,
    response: Option<&'a RawValue>,
    /// What [`Reads`] covers of the request; `None` where its text could not be scanned.
    members: Option<Members<'a>>,
    reads: &'r Reads,
    parsed_request: OnceCell<Option<Value<'a>>>,
    parsed_response: OnceCell<Option<Value<'a>>>,
}

/// The end of a path.
#[derive(Debug, Clone, Copy)]
pub(super) enum Leaf<'v> {
    Value(&'v Value<'v>),
    /// A value that is a text, or a key.
    Text(&'v str),
}

/// The ends of a path: mostly none or one.
pub(super) type Leaves<'v> = SmallVec<[Leaf<'v>; 2]>;

impl<'v> Leaf<'v> {
    /// Whether there is something: not null, not empty, not `false`.
    pub fn is_present(self) -> bool {
        match self {
            Leaf::Text(text) => !text.is_empty(),
            Leaf::Value(Value::Null | Value::Bool(false)) => false,
            Leaf::Value(Value::Bool(true) | Value::Number(_)) => true,
            Leaf::Value(Value::Str(text)) => !text.is_empty(),
            Leaf::Value(Value::Array(items)) => items.iter().any(|item| Leaf::Value(item).is_present()),
            Leaf::Value(Value::Object(map)) => !map.is_empty(),
        }
    }

    /// The text, if it is one and not masked.
    pub fn text(self) -> Option<&'v str> {
        let text = match self {
            Leaf::Text(text) => text,
            Leaf::Value(Value::Str(text)) => text,
            Leaf::Value(_) => return None,
        };
        (!text.is_empty() && !is_masked(text)).then_some(text)
    }
}

/// Whether a value is hidden: it is no name and no ARN.
pub(super) fn is_masked(text: &str) -> bool {
    holds_mask(text) || text == "***" || text == "****"
}

impl<'a, 'r> Parameters<'a, 'r> {
    /// `members` are those of `request` that `reads` covers.
    pub fn new(
        request: Option<&'r RequestParameters<'a>>,
        response: Option<&'a RawValue>,
        members: Option<Members<'a>>,
        reads: &'r Reads,
    ) -> Self {
        Self { request, response, members, reads, parsed_request: OnceCell::new(), parsed_response: OnceCell::new() }
    }

    /// Whether the event has request parameters.
    pub fn has_request(&self) -> bool {
        self.request.is_some()
    }

    /// JSON text of the request parameters, to search before parsing.
    pub fn raw_request(&self) -> &'a str {
        self.request.map_or("", RequestParameters::get)
    }

    /// The bits of all keys that the rule looks at and the request may have.
    pub fn bits(&self) -> u64 {
        match &self.members {
            Some(members) => members.bits,
            None if self.request.is_none() => 0,
            None => u64::MAX,
        }
    }

    pub fn request(&self) -> Option<&Value<'a>> {
        self.parsed_request.get_or_init(|| parse(self.request?.get())).as_ref()
    }

    pub fn response(&self) -> Option<&Value<'a>> {
        self.parsed_response.get_or_init(|| parse(self.response?.get())).as_ref()
    }

    /// The ends of a path. Lists at an end count as their elements.
    pub fn leaves(&self, path: &FieldPath) -> Leaves<'_> {
        if path.is_response() { self.leaves_anywhere(path) } else { self.in_request(path.segments()) }
    }

    /// The same through all of the parameters, for paths that are not those of a rule.
    pub fn leaves_anywhere(&self, path: &FieldPath) -> Leaves<'_> {
        let mut leaves = Leaves::new();
        if let Some(root) = if path.is_response() { self.response() } else { self.request() } {
            walk(root, path.segments(), &mut leaves);
        }
        leaves
    }

    fn in_request(&self, segments: &[Segment]) -> Leaves<'_> {
        let mut leaves = Leaves::new();
        match (segments.split_first(), &self.members) {
            (Some((first @ (Segment::Key(_) | Segment::KeyPrefix(_)), rest)), Some(members)) => {
                debug_assert!(self.reads.cover(first), "{first:?} is read by no part of the rule");
                let wanted = members.list.iter().filter(|member| leads_to(first, member.key()));
                wanted.for_each(|member| walk_member(member, rest, &mut leaves));
            }
            _ => self.request().into_iter().for_each(|root| walk(root, segments, &mut leaves)),
        }
        leaves
    }

    /// Number of elements of the first list on a path; 0 if it names none.
    pub fn elements(&self, path: &FieldPath) -> usize {
        let list = path.segments().iter().position(|segment| *segment == Segment::Each);
        let segments = list.and_then(|at| path.segments().get(..=at));
        segments.map_or(0, |segments| self.in_request(segments).len())
    }

    /// Whether one of the paths leads to something.
    pub fn has(&self, paths: &[FieldPath]) -> bool {
        paths.iter().any(|path| self.leaves(path).into_iter().any(Leaf::is_present))
    }

    /// The texts at the ends of a path.
    pub fn texts(&self, path: &FieldPath) -> impl Iterator<Item = &str> {
        self.leaves(path).into_iter().filter_map(Leaf::text)
    }
}

/// The texts at the ends of a path below a value.
pub(super) fn texts_in<'v>(value: &'v Value<'v>, path: &FieldPath) -> Vec<&'v str> {
    let mut leaves = Leaves::new();
    walk(value, path.segments(), &mut leaves);
    leaves.into_iter().filter_map(Leaf::text).collect()
}

fn parse(text: &str) -> Option<Value<'_>> {
    serde_json::from_str(text).ok()
}

/// Whether the first step of a path leads to a member.
fn leads_to(first: &Segment, name: &[u8]) -> bool {
    match first {
        Segment::Key(key) => is_same_key(key.as_bytes(), name),
        Segment::KeyPrefix(start) => key_starts_with(name, start),
        _ => false,
    }
}

fn walk_member<'v>(member: &'v Wanted<'_>, rest: &[Segment], out: &mut Leaves<'v>) {
    match member.plain_text() {
        // As in `walk`: a text is the only element of itself, and has no keys.
        Some(text) if rest.iter().all(|segment| *segment == Segment::Each) => out.push(Leaf::Text(text)),
        Some(_) => {}
        None => member.parsed().into_iter().for_each(|value| walk(value, rest, out)),
    }
}

fn walk<'v>(value: &'v Value<'v>, segments: &[Segment], out: &mut Leaves<'v>) {
    if out.len() >= MAX_LEAVES {
        return;
    }
    let Some((segment, rest)) = segments.split_first() else {
        match value {
            Value::Array(items) => out.extend(items.iter().take(MAX_LEAVES).map(Leaf::Value)),
            value => out.push(Leaf::Value(value)),
        }
        return;
    };
    match (segment, value) {
        (Segment::Each, Value::Array(items)) => items.iter().for_each(|item| walk(item, rest, out)),
        // CloudTrail writes some lists as {"items": […]} and a single element without its list.
        (Segment::Each, value) => walk(value, rest, out),
        (Segment::Key(key), Value::Object(map)) => {
            let named = map.iter().filter(|(name, _)| name.eq_ignore_ascii_case(key));
            named.for_each(|(_, value)| walk(value, rest, out));
        }
        (Segment::KeyPrefix(start), Value::Object(map)) => {
            map.iter()
                .filter(|(name, _)| key_starts_with(name.as_bytes(), start))
                .for_each(|(_, value)| walk(value, rest, out));
        }
        (Segment::AnyKey, Value::Object(map)) => map.values().for_each(|value| walk(value, rest, out)),
        (Segment::Keys, Value::Object(map)) => out.extend(map.keys().take(MAX_LEAVES).map(Leaf::Text)),
        // A key asked of a list: of each element (`targets.roleArn` for `targets[].roleArn`).
        (_, Value::Array(items)) => items.iter().for_each(|item| walk(item, segments, out)),
        _ => {}
    }
}
