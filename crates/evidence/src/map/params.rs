//! Request parameters and answer of one event, walked by path.

use serde_json::Value;
use whittle_catalog::events::{FieldPath, PathSegment};

use crate::record::{LazyJson, Record, holds_mask};

/// Leaves read from one path at most: an event holds at most 256 KB.
const MAX_LEAVES: usize = 2_000;

/// Request parameters and response elements of one event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameters<'r> {
    request: Option<&'r LazyJson<'r>>,
    response: Option<&'r LazyJson<'r>>,
}

/// The end of a path.
#[derive(Debug, Clone, Copy)]
pub(super) enum Leaf<'v> {
    Value(&'v Value),
    /// A key.
    Key(&'v str),
}

impl<'v> Leaf<'v> {
    /// True if there is something: not null, not empty, not `false`.
    pub fn is_present(self) -> bool {
        match self {
            Leaf::Key(key) => !key.is_empty(),
            Leaf::Value(Value::Null | Value::Bool(false)) => false,
            Leaf::Value(Value::Bool(true) | Value::Number(_)) => true,
            Leaf::Value(Value::String(text)) => !text.is_empty(),
            Leaf::Value(Value::Array(items)) => items.iter().any(|item| Leaf::Value(item).is_present()),
            Leaf::Value(Value::Object(map)) => !map.is_empty(),
        }
    }

    /// The text, masked or not; `None` for a value of another type.
    pub fn any_text(self) -> Option<&'v str> {
        match self {
            Leaf::Key(key) => Some(key),
            Leaf::Value(value) => value.as_str(),
        }
    }

    /// The text, if it is neither empty nor masked.
    pub fn text(self) -> Option<&'v str> {
        self.any_text().filter(|text| !text.is_empty() && !is_masked(text))
    }
}

/// True for a hidden value: it is no name and no ARN.
pub(super) fn is_masked(text: &str) -> bool {
    holds_mask(text) || text == "***" || text == "****"
}

impl<'r> Parameters<'r> {
    pub fn of(record: &'r Record<'_>) -> Self {
        Self { request: record.request_parameters.as_ref(), response: record.response_elements.as_ref() }
    }

    pub fn has_request(self) -> bool {
        self.request.is_some()
    }

    /// True if the event has request parameters, so that one which is not among them was not in the request.
    pub fn are_given(self) -> bool {
        self.request().is_some_and(|request| request.as_object().is_some_and(|map| !map.is_empty()))
    }

    /// True if any request parameter is hidden.
    pub fn has_mask(self) -> bool {
        self.request.is_some_and(|request| holds_mask(request.text()))
    }

    pub fn request(self) -> Option<&'r Value> {
        self.request.map(LazyJson::value)
    }

    pub fn response(self) -> Option<&'r Value> {
        self.response.map(LazyJson::value)
    }

    /// The ends of a path. Lists at an end count as their elements.
    pub fn leaves(self, path: &FieldPath) -> Vec<Leaf<'r>> {
        let root = if path.is_response() { self.response() } else { self.request() };
        ends(root, path.segments())
    }

    /// Number of elements of the first list on a path; 0 if it names none.
    pub fn elements(self, path: &FieldPath) -> usize {
        let list = path.segments().iter().position(|segment| *segment == PathSegment::Each);
        let segments = list.and_then(|at| path.segments().get(..=at));
        segments.map_or(0, |segments| ends(self.request(), segments).len())
    }

    /// True if one of the paths leads to something.
    pub fn has(self, paths: &[FieldPath]) -> bool {
        paths.iter().any(|path| self.leaves(path).into_iter().any(Leaf::is_present))
    }

    /// The texts at the ends of a path.
    pub fn texts(self, path: &FieldPath) -> impl Iterator<Item = &'r str> {
        self.leaves(path).into_iter().filter_map(Leaf::text)
    }
}

/// True if a path below a value leads to something.
pub(super) fn present_in(value: &Value, path: &FieldPath) -> bool {
    ends(Some(value), path.segments()).into_iter().any(Leaf::is_present)
}

/// The texts at the ends of a path below a value.
pub(super) fn texts_in<'v>(value: &'v Value, path: &FieldPath) -> Vec<&'v str> {
    ends(Some(value), path.segments()).into_iter().filter_map(Leaf::text).collect()
}

fn ends<'v>(root: Option<&'v Value>, segments: &[PathSegment]) -> Vec<Leaf<'v>> {
    let mut leaves = Vec::new();
    if let Some(root) = root {
        walk(root, segments, &mut leaves);
    }
    leaves
}

fn walk<'v>(value: &'v Value, segments: &[PathSegment], out: &mut Vec<Leaf<'v>>) {
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
        (PathSegment::Each, Value::Array(items)) => items.iter().for_each(|item| walk(item, rest, out)),
        // CloudTrail writes some lists as {"items": […]} and a single element without its list.
        (PathSegment::Each, value) => walk(value, rest, out),
        (PathSegment::Key(key), Value::Object(map)) => {
            let named = map.iter().filter(|(name, _)| name.eq_ignore_ascii_case(key));
            named.for_each(|(_, value)| walk(value, rest, out));
        }
        (PathSegment::KeyPrefix(start), Value::Object(map)) => {
            let named = map.iter().filter(|(name, _)| key_starts_with(name, start));
            named.for_each(|(_, value)| walk(value, rest, out));
        }
        (PathSegment::AnyKey, Value::Object(map)) => map.values().for_each(|value| walk(value, rest, out)),
        (PathSegment::Keys, Value::Object(map)) => {
            out.extend(map.keys().take(MAX_LEAVES).map(|key| Leaf::Key(key)));
        }
        // The keys of a map that CloudTrail wrote as a list are not those that the row means.
        (PathSegment::Keys, Value::Array(_)) => {}
        // A key asked of a list: of each element (`targets.roleArn` for `targets[].roleArn`).
        (_, Value::Array(items)) => items.iter().for_each(|item| walk(item, segments, out)),
        _ => {}
    }
}

/// True if a key starts so, in any case: services differ in the case of their keys.
pub(super) fn key_starts_with(key: &str, start: &str) -> bool {
    key.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}
