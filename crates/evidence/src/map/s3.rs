//! The event source of S3 carries calls of several service prefixes: directory buckets, object lambdas, outposts.

use std::sync::LazyLock;

use memchr::memmem;

use super::arns::ArnParts;
use super::{Call, Collected};
use crate::record::Record;

/// Whether a call of the event source of S3 may be one of another prefix: a directory bucket in the parameters, or an ARN
/// of another service there or in `resources[]`.
pub(super) fn is_special(record: &Record<'_>, request: &str) -> bool {
    static TEXTS: LazyLock<[memmem::Finder<'static>; 2]> =
        LazyLock::new(|| ["--x-s3\"", ":s3-o"].map(memmem::Finder::new));
    TEXTS.iter().any(|finder| finder.find(request.as_bytes()).is_some())
        || record.resources.iter().filter_map(|entry| entry.arn.as_deref()).any(|arn| !is_of_s3(arn))
}

fn is_of_s3(arn: &str) -> bool {
    // Nearly all are of the first partition.
    arn.starts_with("arn:aws:s3:") || service_of(arn) == Some("s3")
}

fn service_of(arn: &str) -> Option<&str> {
    ArnParts::of(arn).map(|parts| parts.service)
}

/// Directory buckets and object lambdas have service prefixes of their own, with the same event source.
///
/// AWS page: S3 User Guide, "Directory buckets: identity and access management"; Service Authorization Reference, S3
/// Express, S3 Object Lambda, S3 on Outposts.
pub(super) fn switch_prefix(call: &Call<'_, '_>, uses: &mut Collected) {
    let raw = call.parameters.raw_request();
    if !is_special(call.record, raw) {
        return;
    }
    let arns = || call.record.resources.iter().filter_map(|entry| entry.arn.as_deref());
    let listed = |service: &str| arns().any(|arn| service_of(arn) == Some(service));
    let (prefix, fallback) = if raw.contains("--x-s3\"") || listed("s3express") {
        ("s3express", Some("s3express:CreateSession"))
    } else if raw.contains(":s3-object-lambda:") || listed("s3-object-lambda") {
        ("s3-object-lambda", None)
    } else if raw.contains(":s3-outposts:") || listed("s3-outposts") {
        ("s3-outposts", None)
    } else {
        return;
    };
    for used in std::mem::take(&mut uses.list) {
        let info = call.catalog.info(used.action);
        let switched = (info.prefix() == "s3")
            .then(|| {
                call.catalog
                    .action(&format!("{prefix}:{}", info.short_name()))
                    .or_else(|| call.catalog.action(fallback?))
            })
            .flatten();
        match switched {
            Some(action) => uses.add(action, used.basis, call.resources_of(action)),
            None => uses.add(used.action, used.basis, used.resources),
        }
    }
}
