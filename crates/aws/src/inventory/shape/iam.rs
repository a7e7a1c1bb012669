//! IAM: roles, managed policies, last-accessed reports (IAM API Reference, `RoleDetail`,
//! `ManagedPolicyDetail`, `GetServiceLastAccessedDetails`).

use aws_sdk_iam::operation::get_service_last_accessed_details::GetServiceLastAccessedDetailsOutput as Report;
use aws_sdk_iam::types::{AttachedPolicy, ManagedPolicyDetail, PolicyVersion, RoleDetail, ServiceLastAccessed, Tag};
use serde_json::Value;

use super::{JsonObject, list};

/// A role without `RoleLastUsed`, which changes by itself. Its instance profiles say nothing about functions.
pub(in crate::inventory) fn role(role: &RoleDetail) -> JsonObject {
    let boundary = role.permissions_boundary().map(|boundary| {
        JsonObject::default()
            .with(
                "PermissionsBoundaryType",
                boundary.permissions_boundary_type().map(aws_sdk_iam::types::PermissionsBoundaryAttachmentType::as_str),
            )
            .with("PermissionsBoundaryArn", boundary.permissions_boundary_arn())
    });
    let mut inline: Vec<_> = role.role_policy_list().iter().collect();
    inline.sort_by_key(|policy| policy.policy_name());
    let inline: Vec<Value> = inline
        .into_iter()
        .map(|policy| {
            JsonObject::default()
                .with("PolicyName", policy.policy_name())
                .with("PolicyDocument", policy.policy_document().map(policy_document))
                .into()
        })
        .collect();
    let mut attached: Vec<&AttachedPolicy> = role.attached_managed_policies().iter().collect();
    attached.sort_by_key(|policy| policy.policy_arn());
    let attached: Vec<Value> = attached
        .into_iter()
        .map(|policy| {
            let object = JsonObject::default().with("PolicyName", policy.policy_name());
            object.with("PolicyArn", policy.policy_arn()).into()
        })
        .collect();
    JsonObject::default()
        .with("Path", role.path())
        .with("RoleName", role.role_name())
        .with("RoleId", role.role_id())
        .with("Arn", role.arn())
        .with_time("CreateDate", role.create_date())
        .with("AssumeRolePolicyDocument", role.assume_role_policy_document().map(policy_document))
        .with("RolePolicyList", Some(inline))
        .with("AttachedManagedPolicies", Some(attached))
        .with("PermissionsBoundary", boundary)
        .with("Tags", Some(tags(role.tags())))
}

/// `RoleLastUsed`, if the answer has it; empty if the role was not used in the trailing 400 days.
pub(in crate::inventory) fn last_used(role: &RoleDetail) -> Option<JsonObject> {
    let used = role.role_last_used()?;
    Some(JsonObject::default().with_time("LastUsedDate", used.last_used_date()).with("Region", used.region()))
}

/// A managed policy with all its versions.
pub(in crate::inventory) fn managed_policy(policy: &ManagedPolicyDetail) -> JsonObject {
    JsonObject::default()
        .with("PolicyName", policy.policy_name())
        .with("PolicyId", policy.policy_id())
        .with("Arn", policy.arn())
        .with("Path", policy.path())
        .with("DefaultVersionId", policy.default_version_id())
        .with("AttachmentCount", policy.attachment_count())
        .with("PermissionsBoundaryUsageCount", policy.permissions_boundary_usage_count())
        .with("IsAttachable", Some(policy.is_attachable()))
        .with("Description", policy.description())
        .with_time("CreateDate", policy.create_date())
        .with_time("UpdateDate", policy.update_date())
        .with("PolicyVersionList", list(Some(policy.policy_version_list()), version))
}

fn version(version: &PolicyVersion) -> JsonObject {
    JsonObject::default()
        .with("Document", version.document().map(policy_document))
        .with("VersionId", version.version_id())
        .with("IsDefaultVersion", Some(version.is_default_version()))
        .with_time("CreateDate", version.create_date())
}

/// A whole report: the first page with the services of all pages.
pub(in crate::inventory) fn report(first: &Report, mut services: Vec<ServiceLastAccessed>) -> JsonObject {
    services.sort_by(|a, b| a.service_namespace().cmp(b.service_namespace()));
    JsonObject::default()
        .with("JobStatus", Some(first.job_status().as_str()))
        .with("JobType", first.job_type().map(aws_sdk_iam::types::AccessAdvisorUsageGranularityType::as_str))
        .with_time("JobCreationDate", Some(first.job_creation_date()))
        .with("ServicesLastAccessed", list(Some(&services), service))
        .with_time("JobCompletionDate", Some(first.job_completion_date()))
        .with("IsTruncated", Some(false))
}

fn service(service: &ServiceLastAccessed) -> JsonObject {
    JsonObject::default()
        .with("ServiceName", Some(service.service_name()))
        .with_time("LastAuthenticated", service.last_authenticated())
        .with("ServiceNamespace", Some(service.service_namespace()))
        .with("LastAuthenticatedEntity", service.last_authenticated_entity())
        .with("LastAuthenticatedRegion", service.last_authenticated_region())
        .with("TotalAuthenticatedEntities", service.total_authenticated_entities())
        .with("TrackedActionsLastAccessed", attempted_actions(service))
}

/// Tracked actions that were attempted. The others are as many as the role may do, and prove nothing: what
/// IAM tracks is a part of a service's actions (IAM User Guide, "IAM action last accessed information
/// services and actions").
fn attempted_actions(service: &ServiceLastAccessed) -> Option<Vec<Value>> {
    let attempted =
        service.tracked_actions_last_accessed().iter().filter(|action| action.last_accessed_time().is_some());
    let actions: Vec<Value> = attempted
        .map(|action| {
            JsonObject::default()
                .with("ActionName", action.action_name())
                .with("LastAccessedRegion", action.last_accessed_region())
                .with_time("LastAccessedTime", action.last_accessed_time())
                .into()
        })
        .collect();
    (!actions.is_empty()).then_some(actions)
}

fn tags(tags: &[Tag]) -> Vec<Value> {
    let mut tags: Vec<&Tag> = tags.iter().collect();
    tags.sort_by_key(|tag| tag.key());
    tags.into_iter()
        .map(|tag| JsonObject::default().with("Key", Some(tag.key())).with("Value", Some(tag.value())).into())
        .collect()
}

/// A policy document as an object. The API encodes it (RFC 3986); text that is none stays as it is, for the
/// reader to say so.
fn policy_document(text: &str) -> Value {
    let plain = if text.trim_start().starts_with('{') {
        Some(text.into())
    } else {
        percent_encoding::percent_decode_str(text).decode_utf8().ok()
    };
    plain.and_then(|plain| serde_json::from_str(&plain).ok()).unwrap_or_else(|| Value::from(text))
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::DateTime;
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &Value) {
        assert_eq!(&policy_document(text), expect, "{text}");
    }

    #[test]
    fn of_tracked_actions_those_that_were_attempted_are_kept() {
        use aws_sdk_iam::types::TrackedActionLastAccessed;
        let tracked = |name: &str, last: Option<DateTime>| {
            TrackedActionLastAccessed::builder().action_name(name).set_last_accessed_time(last).build()
        };
        let entry = ServiceLastAccessed::builder()
            .service_name("Amazon S3")
            .service_namespace("s3")
            .tracked_actions_last_accessed(tracked("CreateBucket", Some(DateTime::from_secs(1_767_225_600))))
            .tracked_actions_last_accessed(tracked("DeleteBucket", None))
            .build()
            .unwrap();
        let expect = json!([{"ActionName": "CreateBucket", "LastAccessedTime": "2026-01-01T00:00:00Z"}]);
        assert_eq!(Value::from(service(&entry))["TrackedActionsLastAccessed"], expect);
    }

    #[test]
    fn documents_become_objects_if_they_are_some() {
        check("%7B%22Version%22%3A%222012-10-17%22%7D", &json!({"Version": "2012-10-17"}));
        check("{\"Resource\":\"a%2Fb+c\"}", &json!({"Resource": "a%2Fb+c"}));
        // A plus sign is itself, not a blank.
        check("%7B%22a%22%3A%22x+y%22%7D", &json!({"a": "x+y"}));
        check("not a policy", &json!("not a policy"));
        check("%7B%FF", &json!("%7B%FF"));
        check("", &json!(""));
    }
}
