//! Attribute values in their JSON form (`{"S": "text"}`).

use std::cmp::Ordering;

use serde_json::{Map, Value};

/// An item.
pub type Item = Map<String, Value>;

/// Type (`S`, `N`, …) and content.
pub fn parts(value: &Value) -> Option<(&str, &Value)> {
    value.as_object()?.iter().next().map(|(kind, content)| (kind.as_str(), content))
}

/// The text of an attribute of type `S`.
pub fn text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.get("S")?.as_str()
}

/// Order of two values of one type that has an order. Binary values are equal or not.
pub fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    let ((kind, left), (other, right)) = (parts(left)?, parts(right)?);
    if kind != other {
        return None;
    }
    match kind {
        "S" => Some(left.as_str()?.cmp(right.as_str()?)),
        "N" => {
            let (left, right) = (left.as_str()?, right.as_str()?);
            match (left.parse::<i128>(), right.parse::<i128>()) {
                (Ok(left), Ok(right)) => Some(left.cmp(&right)),
                _ => left.parse::<f64>().ok()?.partial_cmp(&right.parse().ok()?),
            }
        }
        _ => (left == right).then_some(Ordering::Equal),
    }
}

/// Bytes of an item (Amazon DynamoDB Developer Guide, "DynamoDB item sizes and formats").
pub fn item_bytes(item: &Item) -> usize {
    item.iter().map(|(name, value)| name.len() + value_bytes(value)).sum()
}

/// Bytes of a value; numbers roughly.
pub fn value_bytes(value: &Value) -> usize {
    let Some((kind, content)) = parts(value) else { return 0 };
    match (kind, content) {
        ("S", Value::String(text)) => text.len(),
        ("N", Value::String(digits)) => digits.len().div_ceil(2) + 1,
        ("B", Value::String(base64)) => binary_bytes(base64),
        ("SS" | "NS" | "BS", Value::Array(members)) => {
            members.iter().filter_map(Value::as_str).map(|member| member.len() + 1).sum::<usize>() + 3
        }
        ("L", Value::Array(members)) => members.iter().map(|member| value_bytes(member) + 1).sum::<usize>() + 3,
        ("M", Value::Object(members)) => {
            members.iter().map(|(name, value)| name.len() + value_bytes(value) + 1).sum::<usize>() + 3
        }
        _ => 1,
    }
}

/// Result of `size(…)`.
pub fn size(value: &Value) -> Option<usize> {
    match parts(value)? {
        ("S", Value::String(text)) => Some(text.len()),
        ("B", Value::String(base64)) => Some(binary_bytes(base64)),
        (_, Value::Array(members)) => Some(members.len()),
        ("M", Value::Object(members)) => Some(members.len()),
        _ => None,
    }
}

fn binary_bytes(base64: &str) -> usize {
    let padding = base64.bytes().rev().take_while(|byte| *byte == b'=').count();
    (base64.len() / 4 * 3).saturating_sub(padding)
}
