//! The event source of S3 carries calls of several service prefixes: directory buckets, object lambdas,
//! outposts.

use serde_json::Value;
use whittle_catalog::{ActionId, catalog};

use super::arns::SplitArn;
use super::params::is_masked;
use super::plan::ResourcePlan;
use super::resources::harmless;
use super::transform::percent_decoded;
use super::{Basis, CallContext, CollectedUses, ResourceOrigin, ResourceSeen};

/// Every name of a directory bucket ends so, whatever its zone.
///
/// AWS page: S3 User Guide, "Directory bucket naming rules".
const DIRECTORY_BUCKET: &str = "--x-s3";

/// Every alias of an access point for an object lambda ends so.
///
/// AWS page: S3 User Guide, "How to use a bucket-style alias for your S3 bucket Object Lambda Access Point".
const OBJECT_LAMBDA_ALIAS: &str = "--ol-s3";

/// Every alias of another access point ends so.
///
/// AWS page: S3 User Guide, "Using a bucket-style alias for your access point".
const ACCESS_POINT_ALIAS: &str = "-s3alias";

/// Names of multi-Region access points end so in their ARNs.
///
/// AWS page: S3 User Guide, "Making requests using a Multi-Region Access Point".
const MULTI_REGION: &str = ".mrap";

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
        Value::String(text) if text.ends_with(OBJECT_LAMBDA_ALIAS) => out.push("s3-object-lambda"),
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
/// A call through an object lambda is also checked on the access point behind it and, for the function that
/// changes the object, as an invocation; both with the caller's permissions and without an event that is sure
/// to show it.
///
/// AWS page: S3 User Guide, "Directory buckets: identity and access management" and "Configuring IAM policies
/// for Object Lambda Access Points"; Service Authorization Reference, S3 Express, S3 Object Lambda, S3 on
/// Outposts.
pub(super) fn switch_prefix(call: &CallContext<'_>, uses: &mut CollectedUses, possible: &mut Vec<ActionId>) {
    let copy = CopiedBuckets::of(call);
    let Some(prefix) = other_prefix(call).or_else(|| copy.as_ref().and_then(CopiedBuckets::prefix)) else { return };
    if prefix == "s3-object-lambda" {
        possible.extend(uses.list.iter().map(|used| used.action));
        possible.extend(catalog().action("lambda:InvokeFunction"));
    }
    for used in std::mem::take(&mut uses.list) {
        let is_other = copy.as_ref().is_none_or(|copy| copy.is_under(used.action, prefix));
        match under_prefix(used.action, prefix).filter(|_| is_other) {
            Some(action) => uses.add(action, used.basis, call.resources_of(action)),
            None => uses.add(used.action, used.basis, used.resources),
        }
    }
    if let Some(copy) = copy
        && copy.from_directory
        && let Some(session) = catalog().action("s3express:CreateSession")
    {
        // The parameters of the call name the bucket that it writes to.
        uses.add(session, Basis::Primary, vec![ResourceSeen::Unnamed]);
    }
}

/// The kinds of the two buckets of a copy: each decides about its own half of the call.
///
/// AWS page: S3 API Reference, "CopyObject", Permissions: "If the source object is in a directory bucket …".
struct CopiedBuckets {
    from_directory: bool,
    to_directory: bool,
}

impl CopiedBuckets {
    fn of(call: &CallContext<'_>) -> Option<Self> {
        let source = percent_decoded(call.parameter("x-amz-copy-source")?);
        let from = source.trim_start_matches('/').split('/').next().unwrap_or_default();
        let from_directory = from.ends_with(DIRECTORY_BUCKET);
        let to_directory = call.parameter("bucketName").is_some_and(|bucket| bucket.ends_with(DIRECTORY_BUCKET));
        Some(Self { from_directory, to_directory })
    }

    fn prefix(&self) -> Option<&'static str> {
        (self.from_directory || self.to_directory).then_some("s3express")
    }

    /// True if the action of S3 is of this prefix on its side of the copy.
    fn is_under(&self, action: ActionId, prefix: &str) -> bool {
        let reads = catalog().info(action).short_name().starts_with("Get");
        prefix != "s3express" || if reads { self.from_directory } else { self.to_directory }
    }
}

/// Adds the access point that a call goes through: it is checked beside the bucket or object behind it, which
/// a policy of the bucket may allow in the role's place. What is behind an alias or a multi-Region access
/// point is not told: there no name is complete.
///
/// AWS page: S3 User Guide, "Configuring IAM policies for using access points" and "Permissions"
/// (Multi-Region Access Points); Service Authorization Reference, resource types `accesspoint` and
/// `accesspointobject`.
pub(super) fn add_access_points(
    call: &CallContext<'_>,
    plan: &ResourcePlan,
    with_listed: bool,
    seen: &mut Vec<ResourceSeen>,
) {
    let Some((prefix, _)) =
        plan.full_name.split_once(':').filter(|(prefix, _)| matches!(*prefix, "s3" | "s3-outposts"))
    else {
        return;
    };
    let has_type = |name: &str| plan.types.iter().any(|kind| kind.name == name);
    let of_object = has_type("accesspointobject") || has_type("object");
    if !of_object && !has_type("accesspoint") {
        return;
    }
    let bucket = call.bucket_name();
    let mut points: Vec<&str> = bucket.into_iter().filter_map(|bucket| access_point(bucket, prefix)).collect();
    let mut is_complete = true;
    if with_listed {
        let listed = call.record.resources.iter().filter_map(|entry| entry.arn.as_deref());
        points.extend(listed.filter_map(|arn| access_point(arn, prefix)));
        is_complete = !bucket.is_some_and(|bucket| bucket.ends_with(ACCESS_POINT_ALIAS)) || !points.is_empty();
    }
    if points.is_empty() && is_complete {
        return;
    }
    let key = call.object_key().unwrap_or("*");
    for point in points {
        is_complete &= !point.ends_with(MULTI_REGION);
        let arn = if of_object { format!("{point}/object/{key}") } else { point.to_owned() };
        seen.push(ResourceSeen::Arn(harmless(&arn), ResourceOrigin::Template));
    }
    let behind = |seen: &ResourceSeen| match seen {
        ResourceSeen::Arn(arn, step) => *step != ResourceOrigin::TypeOnly && !arn.contains("accesspoint/"),
        ResourceSeen::Unnamed => false,
    };
    if !is_complete || !seen.iter().any(behind) {
        seen.push(ResourceSeen::Unnamed);
    }
}

/// The ARN of the access point that an ARN is of, or of something in.
fn access_point<'t>(arn: &'t str, service: &str) -> Option<&'t str> {
    let parts = SplitArn::of(arn).filter(|parts| parts.service == service && !is_masked(arn))?;
    let start = arn.len() - parts.resource.len();
    let name_at = match parts.resource.strip_prefix("accesspoint/") {
        Some(_) => start + "accesspoint/".len(),
        None => start + parts.resource.find("/accesspoint/")? + "/accesspoint/".len(),
    };
    let name = arn.get(name_at..)?.split('/').next().filter(|name| !name.is_empty())?;
    arn.get(..name_at + name.len())
}

impl CallContext<'_> {
    fn bucket_name(&self) -> Option<&str> {
        self.top_text("bucketName")
    }

    /// The key of the one object that the call names.
    fn object_key(&self) -> Option<&str> {
        self.top_text("key")
    }

    fn top_text(&self, wanted: &str) -> Option<&str> {
        self.parameter(wanted).filter(|text| !text.is_empty() && !is_masked(text))
    }

    /// The text of a top-level parameter, in any case of its name, masked or not.
    fn parameter(&self, wanted: &str) -> Option<&str> {
        let request = self.parameters.request()?.as_object()?;
        let mut named = request.iter().filter(|(key, _)| key.eq_ignore_ascii_case(wanted));
        named.find_map(|(_, value)| value.as_str())
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
