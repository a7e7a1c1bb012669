//! Parameters of one event, parsed only when asked for, and walked by path.

use std::cell::OnceCell;
use std::sync::LazyLock;

use memchr::memmem;
use serde_json::value::RawValue;
use serde_json_borrow::Value;
use whittle_catalog::events::{FieldPath, Segment};

/// What CloudTrail writes in place of a value it does not show.
const MASK: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// Leaves read from one path at most: an event holds at most 256 KB.
const MAX_LEAVES: usize = 2_000;

/// Request parameters and response elements of one event.
#[derive(Debug)]
pub(super) struct Parameters<'a> {
    request: Option<&'a RawValue>,
    response: Option<&'a RawValue>,
    parsed_request: OnceCell<Option<Value<'a>>>,
    parsed_response: OnceCell<Option<Value<'a>>>,
}

/// The end of a path.
#[derive(Debug, Clone, Copy)]
pub(super) enum Leaf<'v> {
    Value(&'v Value<'v>),
    Key(&'v str),
}

impl<'v> Leaf<'v> {
    /// Whether there is something: not null, not empty, not `false`.
    pub fn is_present(self) -> bool {
        match self {
            Leaf::Key(key) => !key.is_empty(),
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
            Leaf::Key(key) => key,
            Leaf::Value(Value::Str(text)) => text,
            Leaf::Value(_) => return None,
        };
        (!text.is_empty() && !is_masked(text)).then_some(text)
    }
}

/// Whether a value is hidden: it is no name and no ARN.
pub(super) fn is_masked(text: &str) -> bool {
    // A searcher made once: most texts are ARNs of common events.
    static SEARCHER: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(MASK));
    SEARCHER.find(text.as_bytes()).is_some() || text == "***" || text == "****"
}

impl<'a> Parameters<'a> {
    pub fn new(request: Option<&'a RawValue>, response: Option<&'a RawValue>) -> Self {
        Self { request, response, parsed_request: OnceCell::new(), parsed_response: OnceCell::new() }
    }

    /// Whether the event has request parameters.
    pub fn has_request(&self) -> bool {
        self.request.is_some()
    }

    /// JSON text of the request parameters, to search before parsing.
    pub fn raw_request(&self) -> &'a str {
        self.request.map_or("", RawValue::get)
    }

    pub fn request(&self) -> Option<&Value<'a>> {
        self.parsed_request.get_or_init(|| parse(self.request)).as_ref()
    }

    pub fn response(&self) -> Option<&Value<'a>> {
        self.parsed_response.get_or_init(|| parse(self.response)).as_ref()
    }

    /// The ends of a path. Lists at an end count as their elements.
    pub fn leaves(&self, path: &FieldPath) -> Vec<Leaf<'_>> {
        let mut leaves = Vec::new();
        let root = if path.is_response() { self.response() } else { self.request() };
        if let Some(root) = root {
            walk(root, path.segments(), &mut leaves);
        }
        leaves
    }

    /// Number of elements of the first list on a path; 0 if it names none.
    pub fn elements(&self, path: &FieldPath) -> usize {
        let mut leaves = Vec::new();
        let list = path.segments().iter().position(|segment| *segment == Segment::Each);
        if let Some((segments, root)) = list.and_then(|at| path.segments().get(..=at)).zip(self.request()) {
            walk(root, segments, &mut leaves);
        }
        leaves.len()
    }

    /// Whether one of the paths leads to something.
    pub fn has(&self, paths: &[FieldPath]) -> bool {
        paths.iter().any(|path| self.leaves(path).into_iter().any(Leaf::is_present))
    }

    /// The texts at the ends of a path.
    pub fn texts(&self, path: &FieldPath) -> Vec<&str> {
        self.leaves(path).into_iter().filter_map(Leaf::text).collect()
    }
}

/// The texts at the ends of a path below a value.
pub(super) fn texts_in<'v>(value: &'v Value<'v>, path: &FieldPath) -> Vec<&'v str> {
    let mut leaves = Vec::new();
    walk(value, path.segments(), &mut leaves);
    leaves.into_iter().filter_map(Leaf::text).collect()
}

fn parse(raw: Option<&RawValue>) -> Option<Value<'_>> {
    serde_json::from_str(raw?.get()).ok()
}

fn walk<'v>(value: &'v Value<'v>, segments: &[Segment], out: &mut Vec<Leaf<'v>>) {
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
            let starts = |name: &str| name.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
            map.iter().filter(|(name, _)| starts(name)).for_each(|(_, value)| walk(value, rest, out));
        }
        (Segment::AnyKey, Value::Object(map)) => map.values().for_each(|value| walk(value, rest, out)),
        (Segment::Keys, Value::Object(map)) => out.extend(map.keys().take(MAX_LEAVES).map(Leaf::Key)),
        // A key asked of a list: of each element (`targets.roleArn` for `targets[].roleArn`).
        (_, Value::Array(items)) => items.iter().for_each(|item| walk(item, segments, out)),
        _ => {}
    }
}
