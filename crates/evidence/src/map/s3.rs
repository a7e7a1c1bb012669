//! The event source of S3 carries calls of several service prefixes: directory buckets, object lambdas, outposts.

use memchr::memmem;
use whittle_catalog::{ActionId, catalog};

use super::arns::ArnParts;
use super::{Call, Collected};
use crate::record::{Member, Record};

/// What the name of a directory bucket ends in, whatever its zone.
///
/// AWS page: S3 User Guide, "Directory bucket naming rules".
const DIRECTORY_BUCKET: &str = "--x-s3";

/// The prefixes that a call of the event source of S3 may be of beside `s3`: a directory bucket in the parameters, or an ARN
/// of another service there or in `resources[]`. Keys and prefixes of objects are the caller's text and say nothing.
const PREFIXES: [&str; 3] = ["s3express", "s3-object-lambda", "s3-outposts"];

/// The service prefix of a call of the event source of S3; `None`: S3 itself.
pub(super) fn other_prefix(record: &Record<'_>) -> Option<&'static str> {
    let mut found: Option<usize> = None;
    let mut see = |service: &str| {
        let at = PREFIXES.iter().position(|prefix| *prefix == service);
        found = found.into_iter().chain(at).min();
    };
    // Nearly all are of S3 and the first partition.
    let arns = record.resources.iter().filter_map(|entry| entry.arn.as_deref());
    arns.filter(|arn| !arn.starts_with("arn:aws:s3:")).filter_map(service_of).for_each(&mut see);
    match record.request_parameters.as_ref().map(|request| (request.members(), request.get())) {
        Some((Some(members), _)) => {
            for member in members.iter().filter(|member| !is_of_object(member)) {
                match member.plain_text() {
                    Some(text) if text.ends_with(DIRECTORY_BUCKET) => see("s3express"),
                    Some(text) => service_of(text).into_iter().for_each(&mut see),
                    None => services_within(member.value()).for_each(&mut see),
                }
            }
        }
        Some((None, text)) => services_within(text).for_each(&mut see),
        None => {}
    }
    PREFIXES.get(found?).copied()
}

/// Services whose names stand in a text that is not looked at piece by piece.
fn services_within(text: &str) -> impl Iterator<Item = &'static str> {
    let marks = ["--x-s3\"", ":s3-object-lambda:", ":s3-outposts:"].into_iter().zip(PREFIXES);
    marks.filter(move |(mark, _)| memmem::find(text.as_bytes(), mark.as_bytes()).is_some()).map(|(_, prefix)| prefix)
}

fn is_of_object(member: &Member<'_>) -> bool {
    matches!(member.key(), b"key" | b"prefix")
}

fn service_of(arn: &str) -> Option<&str> {
    ArnParts::of(arn).map(|parts| parts.service)
}

/// Directory buckets and object lambdas have service prefixes of their own, with the same event source.
///
/// AWS page: S3 User Guide, "Directory buckets: identity and access management"; Service Authorization Reference, S3
/// Express, S3 Object Lambda, S3 on Outposts.
pub(super) fn switch_prefix(call: &Call<'_, '_>, uses: &mut Collected) {
    let Some(prefix) = other_prefix(call.record) else { return };
    for used in std::mem::take(&mut uses.list) {
        match other(used.action, prefix) {
            Some(action) => uses.add(action, used.basis, call.resources_of(action)),
            None => uses.add(used.action, used.basis, used.resources),
        }
    }
}

/// What an action of S3 is under the other prefixes.
pub(super) fn others(action: ActionId) -> impl Iterator<Item = ActionId> {
    PREFIXES.iter().filter_map(move |prefix| other(action, prefix))
}

fn other(action: ActionId, prefix: &str) -> Option<ActionId> {
    let info = catalog().info(action);
    let same_named = (info.prefix() == "s3").then(|| catalog().action(&format!("{prefix}:{}", info.short_name())))?;
    same_named.or_else(|| (prefix == "s3express").then(|| catalog().action("s3express:CreateSession"))?)
}
