//! Changes that the trail itself shows: to trails (coverage), to policies (grace of a grant) and to code
//! (confidence).

use serde::{Deserialize, Serialize};

use super::region::is_region;
use crate::record::Record;

/// Kind of the changed thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeKind {
    /// A trail: started, stopped, created, deleted, or its settings or selectors changed.
    Trail,
    /// A policy of a role, or a managed policy, or the role itself.
    Policy,
    /// The code or configuration of a function.
    Code,
    /// A thing attached to a function: destinations, URL, resource policy, aliases. The function's revision
    /// does not change.
    Attachment,
}

/// One kind of change to one thing. The times are in the ledger beside it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrailChange {
    /// Kind of the changed thing.
    pub kind: ChangeKind,
    /// The account whose trail holds the record; empty if the record does not tell.
    pub account: String,
    /// The Region of the event; empty if the record does not tell.
    pub region: String,
    /// The event name without API date, such as `PutRolePolicy`.
    pub event_name: String,
    /// Trail name or ARN, role name, managed policy ARN, function name or ARN, as the request gives it.
    pub subject: String,
    /// The inline policy's name, the managed policy's ARN or the version, where the event has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

/// Events that change something: kind, source, event name, parameter of the subject, parameter of the policy.
/// (CloudTrail, IAM and Lambda API References; Lambda names carry an API date, Lambda Developer Guide,
/// "Logging Lambda API calls using CloudTrail".)
const EVENTS: &[(ChangeKind, &str, &str, &str, Option<&str>)] = &[
    (ChangeKind::Trail, "cloudtrail.amazonaws.com", "CreateTrail", "name", None),
    (ChangeKind::Trail, "cloudtrail.amazonaws.com", "DeleteTrail", "name", None),
    (ChangeKind::Trail, "cloudtrail.amazonaws.com", "PutEventSelectors", "trailName", None),
    (ChangeKind::Trail, "cloudtrail.amazonaws.com", "StartLogging", "name", None),
    (ChangeKind::Trail, "cloudtrail.amazonaws.com", "StopLogging", "name", None),
    (ChangeKind::Trail, "cloudtrail.amazonaws.com", "UpdateTrail", "name", None),
    (ChangeKind::Policy, "iam.amazonaws.com", "AttachRolePolicy", "roleName", Some("policyArn")),
    (ChangeKind::Policy, "iam.amazonaws.com", "CreatePolicyVersion", "policyArn", None),
    (ChangeKind::Policy, "iam.amazonaws.com", "CreateRole", "roleName", None),
    (ChangeKind::Policy, "iam.amazonaws.com", "DeletePolicyVersion", "policyArn", Some("versionId")),
    (ChangeKind::Policy, "iam.amazonaws.com", "DeleteRole", "roleName", None),
    (ChangeKind::Policy, "iam.amazonaws.com", "DeleteRolePermissionsBoundary", "roleName", None),
    (ChangeKind::Policy, "iam.amazonaws.com", "DeleteRolePolicy", "roleName", Some("policyName")),
    (ChangeKind::Policy, "iam.amazonaws.com", "DetachRolePolicy", "roleName", Some("policyArn")),
    (ChangeKind::Policy, "iam.amazonaws.com", "PutRolePermissionsBoundary", "roleName", Some("permissionsBoundary")),
    (ChangeKind::Policy, "iam.amazonaws.com", "PutRolePolicy", "roleName", Some("policyName")),
    (ChangeKind::Policy, "iam.amazonaws.com", "SetDefaultPolicyVersion", "policyArn", Some("versionId")),
    (ChangeKind::Policy, "iam.amazonaws.com", "UpdateAssumeRolePolicy", "roleName", None),
    (ChangeKind::Code, "lambda.amazonaws.com", "CreateFunction", "functionName", None),
    (ChangeKind::Code, "lambda.amazonaws.com", "PublishVersion", "functionName", None),
    (ChangeKind::Code, "lambda.amazonaws.com", "UpdateFunctionCode", "functionName", None),
    (ChangeKind::Code, "lambda.amazonaws.com", "UpdateFunctionConfiguration", "functionName", None),
    (ChangeKind::Attachment, "lambda.amazonaws.com", "AddPermission", "functionName", None),
    (ChangeKind::Attachment, "lambda.amazonaws.com", "CreateAlias", "functionName", None),
    (ChangeKind::Attachment, "lambda.amazonaws.com", "CreateFunctionUrlConfig", "functionName", None),
    (ChangeKind::Attachment, "lambda.amazonaws.com", "DeleteAlias", "functionName", None),
    (ChangeKind::Attachment, "lambda.amazonaws.com", "DeleteFunctionEventInvokeConfig", "functionName", None),
    (ChangeKind::Attachment, "lambda.amazonaws.com", "DeleteFunctionUrlConfig", "functionName", None),
    (ChangeKind::Attachment, "lambda.amazonaws.com", "PutFunctionEventInvokeConfig", "functionName", None),
    (ChangeKind::Attachment, "lambda.amazonaws.com", "RemovePermission", "functionName", None),
    (ChangeKind::Attachment, "lambda.amazonaws.com", "UpdateAlias", "functionName", None),
    (ChangeKind::Attachment, "lambda.amazonaws.com", "UpdateFunctionEventInvokeConfig", "functionName", None),
    (ChangeKind::Attachment, "lambda.amazonaws.com", "UpdateFunctionUrlConfig", "functionName", None),
];

/// Longest name or ARN of IAM, CloudTrail and Lambda (2,048 bytes); more is no name.
const MAX_SUBJECT_BYTES: usize = 2_048;

impl TrailChange {
    /// The change that a record shows, if it shows a successful one that says what it changed.
    pub(super) fn of(record: &Record<'_>) -> Option<Self> {
        if record.error_code.is_some() {
            return None;
        }
        let (source, name) = (record.event_source.as_str(), record.event_name.as_str());
        let (kind, _, event_name, subject, policy) =
            EVENTS.iter().find(|row| row.1 == source && is_event(name, row.2, row.0))?;
        let parameters = record.request_parameters.as_ref()?.value();
        let text = |key: &str| {
            parameters.get(key)?.as_str().filter(|text| !text.is_empty() && text.len() <= MAX_SUBJECT_BYTES)
        };
        Some(Self {
            kind: *kind,
            account: record.account().unwrap_or_default().to_owned(),
            region: record.aws_region.as_deref().filter(|region| is_region(region)).unwrap_or_default().to_owned(),
            event_name: (*event_name).to_owned(),
            subject: text(subject)?.to_owned(),
            policy: policy.and_then(text).map(str::to_owned),
        })
    }
}

/// Lambda's event names carry an API date and a version (`UpdateFunctionCode20150331v2`).
fn is_event(name: &str, stem: &str, kind: ChangeKind) -> bool {
    match name.strip_prefix(stem) {
        Some("") => true,
        Some(rest) => {
            matches!(kind, ChangeKind::Code | ChangeKind::Attachment)
                && rest.bytes().all(|b| b.is_ascii_digit() || b == b'v')
        }
        None => false,
    }
}
