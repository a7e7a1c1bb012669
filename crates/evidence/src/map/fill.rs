//! ARNs from formats and the values of their placeholders.

use std::borrow::Cow;

use serde_json::Value;
use whittle_catalog::ArnFormat;

use super::arns::SplitArn;
use super::params::is_masked;
use super::plan::{FormatPiece, FormatPlan, TypePlan};
use super::transform::CallPlace;
use super::{ResourceOrigin, ResourceSeen};
use crate::record::ResourceEntry;

/// ARNs of the first format with one placeholder of its own.
pub(super) fn only_placeholder(
    types: &[TypePlan],
    part: Cow<'_, str>,
    place: &CallPlace<'_>,
) -> Vec<(String, ResourceOrigin)> {
    let mut arns = Vec::new();
    let mut formats = types.iter().flat_map(|kind| kind.formats.iter());
    if let Some(format) = formats.find(|format| format.parts.len() == 1)
        && let Some(placeholder) = format.parts.first()
    {
        push_filled(format, vec![(placeholder.name, part)], place, ResourceOrigin::Template, &mut arns);
    }
    arns
}

/// Values for the placeholders of a format.
pub(super) type Values<'t> = Vec<(&'static str, Cow<'t, str>)>;

/// One of several choices of values, while they are collected.
#[derive(Debug, Clone, Default)]
pub(super) struct Choice<'t> {
    pub values: Values<'t>,
    /// Place of the resource, if an ARN names it; else that of the call.
    pub place: Option<CallPlace<'static>>,
}

impl<'t> Choice<'t> {
    pub fn with(&self, placeholder: &'static str, text: &Cow<'t, str>, place: Option<&CallPlace<'static>>) -> Self {
        let mut values = self.values.clone();
        values.push((placeholder, text.clone()));
        Self { values, place: place.cloned().or_else(|| self.place.clone()) }
    }
}

/// The place of the resource and the value of the placeholder, if the ARN ends with that placeholder of the
/// format.
pub(super) fn outer<'t>(
    format: ArnFormat<'_>,
    placeholder: &str,
    arn: &'t str,
) -> Option<(CallPlace<'static>, &'t str)> {
    let wanted = SplitArn::of(format.as_str())?;
    let found = SplitArn::of(arn)?;
    let (head, rest) = wanted.resource.split_once(&format!("${{{placeholder}}}"))?;
    let text = found.resource.strip_prefix(head).filter(|text| !text.is_empty())?;
    // The first of several placeholders: what stands before it is fixed, and the ARN ends with its value.
    let inner = rest.starts_with('/') && !head.contains("${") && !text.contains('/') && wanted.service == found.service;
    let place = || {
        Some(CallPlace {
            partition: Cow::Owned(arn.split(':').nth(1)?.to_owned()),
            region: Cow::Owned(found.region.to_owned()),
            account: Cow::Owned(found.account.to_owned()),
        })
    };
    inner.then(place).flatten().map(|place| (place, text))
}

/// True if an ARN or a pattern made by a transform (`table/*`, `role/*name`) has the shape of the type.
pub(super) fn fits_exactly(kind: &TypePlan, arn: &str) -> bool {
    let Some(parts) = SplitArn::of(arn) else { return false };
    let same_service = |format: &FormatPlan| format.format.as_str().split(':').nth(2) == Some(parts.service);
    kind.formats.iter().any(|format| same_service(format) && format.format.matches(arn))
}

/// Adds the filled format, in lower case too where the service keeps names so.
pub(super) fn push_filled(
    format: &FormatPlan,
    mut values: Values<'_>,
    place: &CallPlace<'_>,
    step: ResourceOrigin,
    out: &mut Vec<(String, ResourceOrigin)>,
) {
    out.extend(filled(format, &values, place).map(|arn| (arn, step)));
    let has_upper = |(_, text): &(_, Cow<'_, str>)| text.bytes().any(|byte| byte.is_ascii_uppercase());
    if format.is_lower_case && values.iter().any(has_upper) {
        for (_, text) in &mut values {
            text.to_mut().make_ascii_lowercase();
        }
        out.extend(filled(format, &values, place).map(|arn| (arn, step)));
    }
}

/// The format with its placeholders replaced; `None` if one has no value.
pub(super) fn filled(format: &FormatPlan, values: &[(&str, Cow<'_, str>)], place: &CallPlace<'_>) -> Option<String> {
    let mut arn = String::with_capacity(format.format.as_str().len() + 64);
    for piece in &format.pieces {
        arn.push_str(match piece {
            FormatPiece::Text(text) => text,
            FormatPiece::Partition => &place.partition,
            FormatPiece::Region => &place.region,
            FormatPiece::Account => &place.account,
            FormatPiece::Part(name) => {
                values.iter().find(|(placeholder, _)| placeholder == name).map(|(_, value)| &**value)?
            }
        });
    }
    (!arn.is_empty()).then_some(arn)
}

/// Adds an ARN, and again with the tail that its type must be granted with (`:*` of log groups and
/// functions), unless it is qualified already.
pub(super) fn push_with_tail(kind: &TypePlan, arn: String, step: ResourceOrigin, seen: &mut Vec<ResourceSeen>) {
    if let Some(tail) = kind.tail {
        // Six colons end `arn:aws:logs:<region>:<account>:log-group:`; one more is a qualifier.
        match arn.strip_suffix(tail) {
            Some(bare) => seen.push(ResourceSeen::Arn(bare.to_owned(), step)),
            None if arn.bytes().filter(|byte| *byte == b':').count() == 6 => {
                seen.push(ResourceSeen::Arn([&arn, tail].concat(), step));
            }
            None => {}
        }
    }
    seen.push(ResourceSeen::Arn(arn, step));
}

/// The ARN of an entry of `resources[]`; an entry with a prefix only stands for everything below it.
pub(super) fn entry_arn<'e>(entry: &'e ResourceEntry<'_>) -> Option<Cow<'e, str>> {
    let arn = match (entry.arn.as_deref(), entry.arn_prefix.as_deref()) {
        (Some(arn), _) => Cow::Borrowed(arn),
        (None, Some(start)) => Cow::Owned(format!("{start}*")),
        (None, None) => return None,
    };
    (arn.starts_with("arn:") && !is_masked(&arn)).then_some(arn)
}

pub(super) fn arn_texts<'v>(value: &'v Value, depth: usize, out: &mut Vec<&'v str>) {
    if depth > 4 || out.len() >= 50 {
        return;
    }
    match value {
        Value::String(text) if text.starts_with("arn:") => out.push(text),
        Value::Array(items) => items.iter().for_each(|item| arn_texts(item, depth + 1, out)),
        Value::Object(map) => map.values().for_each(|value| arn_texts(value, depth + 1, out)),
        _ => {}
    }
}
