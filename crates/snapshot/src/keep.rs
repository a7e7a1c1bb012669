//! Which fields of a document its reader knows. Whoever keeps documents keeps these alone: answers of AWS
//! hold secrets (the environment variables of functions) and much else that no verdict rests on.
//!
//! The fields stand beside each reader, as a [`Shape`]; here they are applied to a text. A document reads the
//! same before and after: what has the wrong type keeps its type and loses its content, what is no JSON stays
//! none, and members that occur twice still do.

use std::fmt;

use serde::Deserializer as _;
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::{
    attachments, document, exposure, functions, iam, last_accessed, not_collected, public_keys, stacks, trails,
};

/// Members of an object.
pub(crate) type Fields = [(&'static str, Shape)];

/// The part of a JSON value that a reader knows.
#[derive(Debug)]
pub(crate) enum Shape {
    /// It matters only that it is there, and of which type.
    Present,
    /// A text, a number or a boolean.
    Scalar,
    /// All of it.
    Whole,
    /// A policy document, as an object or as text.
    Policy,
    /// A list.
    List(&'static Shape),
    /// A list of the first, or else the second.
    ListOr(&'static Shape, &'static Shape),
    /// An object with these members.
    Object(&'static Fields),
    /// An object with these members; any other one matters too.
    Open(&'static Fields, &'static Shape),
    /// The answer of a command: an object with all these members, and the marks of one that was cut off.
    Answer(&'static [&'static Fields]),
}

/// Levels below which nothing is kept; no answer of AWS is as deep.
const MAX_DEPTH: usize = 16;

/// Stands for a text that is no JSON.
const NO_JSON: &str = "{";

/// Documents by name, and what of each is read.
static DOCUMENTS: &[(&str, &Shape)] = &[
    ("authorization-details", &iam::KEPT),
    ("functions", &functions::KEPT),
    ("trails", &trails::KEPT),
    ("trail-status", &trails::KEPT_STATUS),
    ("event-selectors", &trails::KEPT_SELECTORS),
    (exposure::NAME, &exposure::KEPT),
    (last_accessed::NAME, &last_accessed::KEPT),
    (public_keys::NAME, &public_keys::KEPT),
    (stacks::NAME, &stacks::KEPT),
    (not_collected::NAME, &not_collected::KEPT),
    ("stack-resources", &STACK_RESOURCES),
];

/// `stack-resources`, which is read with templates (`whittle_template::references`): the answer of
/// `describe-stack-resources` or `list-stack-resources`.
static STACK_RESOURCES: Shape = Shape::Object(&[
    ("StackResources", Shape::List(&Shape::Object(STACK_RESOURCE))),
    ("StackResourceSummaries", Shape::List(&Shape::Object(STACK_RESOURCE))),
]);

const STACK_RESOURCE: &Fields = &[
    ("StackId", Shape::Scalar),
    ("LogicalResourceId", Shape::Scalar),
    ("PhysicalResourceId", Shape::Scalar),
    ("ResourceType", Shape::Scalar),
];

/// IAM User Guide, "Grammar of the IAM JSON policy language". A document with another element is refused, and
/// stays so; the content of that element goes.
static POLICY: Shape = Shape::Open(POLICY_ELEMENTS, &Shape::Present);

/// Elements of a policy document.
pub(crate) const POLICY_ELEMENTS: &Fields =
    &[("Version", Shape::Scalar), ("Id", Shape::Scalar), ("Statement", Shape::ListOr(&STATEMENT, &STATEMENT))];

static STATEMENT: Shape = Shape::Open(
    &[
        ("Sid", Shape::Scalar),
        ("Effect", Shape::Scalar),
        ("Principal", Shape::Whole),
        ("NotPrincipal", Shape::Whole),
        ("Action", Shape::Whole),
        ("NotAction", Shape::Whole),
        ("Resource", Shape::Whole),
        ("NotResource", Shape::Whole),
        ("Condition", Shape::Whole),
    ],
    &Shape::Present,
);

/// Names of the documents that are read: each may be a file (`<name>.json`) or a folder of files, in the root
/// of a snapshot or in the folder of a Region. With those of `stack-resources`, which templates are read
/// with.
pub fn document_names() -> impl Iterator<Item = &'static str> {
    DOCUMENTS.iter().map(|(name, _)| *name).chain(attachments::KINDS.iter().map(|kind| kind.name))
}

/// The part of a document that is read, by its name in a snapshot folder
/// (`regions/eu-west-1/functions.json`). [`read_inventory`](crate::read_inventory) and
/// [`read_trails`](crate::read_trails) read the same from it as from `text`, apart from the places of errors
/// in the text. `None` for a name that is no document.
pub fn known_part(name: &str, text: &str) -> Option<String> {
    let shape = shape(name)?;
    if text.trim().is_empty() {
        return Some(String::new());
    }
    let mut out = String::new();
    let kept = serde_json::from_str::<&RawValue>(text).and_then(|raw| shape.keep(raw, 0, &mut out));
    Some(if kept.is_ok() { out } else { NO_JSON.to_owned() })
}

fn shape(name: &str) -> Option<&'static Shape> {
    let inner = match name.strip_prefix("regions/") {
        Some(rest) => rest.split_once('/')?.1,
        None => name,
    };
    let first = inner.split('/').next().unwrap_or_default();
    let stem = inner.strip_suffix(".json")?;
    let name = if first == inner { stem } else { first };
    let of_kind = attachments::KINDS.iter().find(|kind| kind.name == name).map(|kind| &kind.kept);
    of_kind.or_else(|| DOCUMENTS.iter().find(|(known, _)| *known == name).map(|(_, shape)| *shape))
}

impl Shape {
    /// Appends the known part of a value. Fails only on what is no JSON.
    fn keep(&self, raw: &RawValue, depth: usize, out: &mut String) -> Result<(), serde_json::Error> {
        let text = raw.get();
        let inner = depth.saturating_add(1);
        match (self, text.as_bytes().first()) {
            _ if depth >= MAX_DEPTH => blank(text, out),
            (Self::Whole, _) | (Self::Scalar, Some(b'"' | b'0'..=b'9' | b'-')) => out.push_str(text),
            (Self::Policy, Some(b'"')) => push_text(&policy_text(text).unwrap_or_default(), out)?,
            (Self::Policy, _) => POLICY.keep(raw, depth, out)?,
            (Self::List(item) | Self::ListOr(item, _), Some(b'[')) => {
                out.push('[');
                for (index, entry) in serde_json::from_str::<Vec<&RawValue>>(text)?.into_iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    item.keep(entry, inner, out)?;
                }
                out.push(']');
            }
            (Self::ListOr(_, other), _) => other.keep(raw, depth, out)?,
            (Self::Object(_) | Self::Open(..) | Self::Answer(_), Some(b'{')) => {
                out.push('{');
                let mut is_first = true;
                for (name, value) in members(text)? {
                    let Some(shape) = self.member(&name) else { continue };
                    if !std::mem::take(&mut is_first) {
                        out.push(',');
                    }
                    push_text(&name, out)?;
                    out.push(':');
                    shape.keep(value, inner, out)?;
                }
                out.push('}');
            }
            _ => blank(text, out),
        }
        Ok(())
    }

    fn member(&self, name: &str) -> Option<&'static Self> {
        let find = |fields: &'static Fields| fields.iter().find(|(known, _)| *known == name).map(|(_, shape)| shape);
        match self {
            Self::Object(fields) => find(fields),
            Self::Open(fields, other) => Some(find(fields).unwrap_or(other)),
            Self::Answer(groups) => {
                let marks = || document::TRUNCATION_MARKS.contains(&name).then_some(&Self::Scalar);
                groups.iter().find_map(|fields| find(fields)).or_else(marks)
            }
            _ => None,
        }
    }
}

/// A value of the same type without its content; true and false tell nothing.
fn blank(text: &str, out: &mut String) {
    out.push_str(match text.as_bytes().first() {
        Some(b'"') => "\"\"",
        Some(b'[') => "[]",
        Some(b'{') => "{}",
        Some(b'0'..=b'9' | b'-') => "0",
        _ => text,
    });
}

/// The known part of a policy that is JSON text inside a JSON string, maybe URL-encoded (see
/// [`iam::document`]); `None` if it is no policy at all.
fn policy_text(raw: &str) -> Option<String> {
    let text: String = serde_json::from_str(raw).ok()?;
    let decoded = iam::decoded(&text).ok()?;
    let mut out = String::new();
    let value: &RawValue = serde_json::from_str(decoded.strip_prefix('\u{feff}').unwrap_or(&decoded)).ok()?;
    POLICY.keep(value, 0, &mut out).ok()?;
    Some(out)
}

fn push_text(text: &str, out: &mut String) -> Result<(), serde_json::Error> {
    out.push_str(&serde_json::to_string(text)?);
    Ok(())
}

/// The members of an object in their order; a name that occurs twice is there twice.
fn members(text: &str) -> Result<Vec<(String, &RawValue)>, serde_json::Error> {
    struct Members;

    impl<'de> Visitor<'de> for Members {
        type Value = Vec<(String, &'de RawValue)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut out = Vec::new();
            while let Some(name) = map.next_key()? {
                out.push((name, map.next_value()?));
            }
            Ok(out)
        }
    }

    serde_json::Deserializer::from_str(text).deserialize_map(Members)
}

#[cfg(test)]
pub(crate) mod tests;
