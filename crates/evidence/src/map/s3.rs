//! The event source of S3 carries calls of several service prefixes: directory buckets, object lambdas,
//! outposts.

use serde_json::Value;
use whittle_catalog::{ActionId, catalog};

use super::arns::SplitArn;
use super::{CallContext, CollectedUses};

/// Every name of a directory bucket ends so, whatever its zone.
///
/// AWS page: S3 User Guide, "Directory bucket naming rules".
const DIRECTORY_BUCKET: &str = "--x-s3";

/// The prefixes that a call of the event source of S3 may be of beside `s3`: a directory bucket in the
/// parameters, or an ARN of another service there or in `resources[]`. Keys and prefixes of objects are the
/// caller's text and say nothing.
const PREFIXES: [&str; 3] = ["s3express", "s3-object-lambda", "s3-outposts"];

/// The service prefix of a call of the event source of S3; `None`: S3 itself.
fn other_prefix(call: &CallContext<'_>) -> Option<&'static str> {
    let listed = call.record.resources.iter().filter_map(|entry| service_of(entry.arn.as_deref()?));
    let mut services: Vec<&str> = listed.collect();
    match call.parameters.request() {
        Some(Value::Object(parameters)) => {
            let named = parameters.iter().filter(|(key, _)| !matches!(key.as_str(), "key" | "prefix"));
            named.for_each(|(_, value)| services_in(value, &mut services));
        }
        request => request.into_iter().for_each(|request| services_in(request, &mut services)),
    }
    PREFIXES.into_iter().find(|prefix| services.contains(prefix))
}

/// The services that the texts in a value name.
fn services_in<'v>(value: &'v Value, out: &mut Vec<&'v str>) {
    match value {
        Value::String(text) if text.ends_with(DIRECTORY_BUCKET) => out.push("s3express"),
        Value::String(text) => out.extend(service_of(text)),
        Value::Array(items) => items.iter().for_each(|item| services_in(item, out)),
        Value::Object(map) => map.values().for_each(|value| services_in(value, out)),
        _ => {}
    }
}

fn service_of(arn: &str) -> Option<&str> {
    SplitArn::of(arn).map(|parts| parts.service)
}

/// Directory buckets and object lambdas have service prefixes of their own, with the same event source.
///
/// AWS page: S3 User Guide, "Directory buckets: identity and access management"; Service Authorization
/// Reference, S3 Express, S3 Object Lambda, S3 on Outposts.
pub(super) fn switch_prefix(call: &CallContext<'_>, uses: &mut CollectedUses) {
    let Some(prefix) = other_prefix(call) else { return };
    for used in std::mem::take(&mut uses.list) {
        match under_prefix(used.action, prefix) {
            Some(action) => uses.add(action, used.basis, call.resources_of(action)),
            None => uses.add(used.action, used.basis, used.resources),
        }
    }
}

/// The actions that stand for an action of S3 under the other prefixes.
pub(super) fn under_other_prefixes(action: ActionId) -> impl Iterator<Item = ActionId> {
    PREFIXES.iter().filter_map(move |prefix| under_prefix(action, prefix))
}

fn under_prefix(action: ActionId, prefix: &str) -> Option<ActionId> {
    let info = catalog().info(action);
    let same_named = (info.prefix() == "s3").then(|| catalog().action(&format!("{prefix}:{}", info.short_name())))?;
    same_named.or_else(|| (prefix == "s3express").then(|| catalog().action("s3express:CreateSession"))?)
}
