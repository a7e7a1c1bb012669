//! `service-last-accessed/<role name>.json`: IAM's report of a role, of service or of action level.
//!
//! Shape: IAM API Reference, `GetServiceLastAccessedDetails`. A report is used whole or not at all: it proves
//! absence, so a cut-off or half-read one would prove too much.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use whittle_analysis::inventory::{LastAccessed, Role};
use whittle_analysis::issue::{Issue, IssueKind};
use whittle_policy::id::RoleArn;

use crate::document::JsonObject;
use crate::files::FileProblem;
use crate::keep::{Fields, Shape};
use crate::scope::SnapshotDocument;
use crate::time::timestamp;

/// Folder name.
pub(crate) const NAME: &str = "service-last-accessed";
/// Commands that make one file of it.
pub(crate) const COMMAND: &str = "aws iam generate-service-last-accessed-details --granularity ACTION_LEVEL --arn {role ARN}, then \
     aws iam get-service-last-accessed-details --job-id {JobId} --output json > service-last-accessed/{role name}.json";

/// What is read of one file.
pub(crate) static KEPT: Shape = Shape::Answer(&[&[
    ("JobStatus", Shape::Scalar),
    ("JobCompletionDate", Shape::Scalar),
    ("ServicesLastAccessed", Shape::List(&Shape::Object(SERVICE))),
]]);

const SERVICE: &Fields = &[
    ("ServiceNamespace", Shape::Scalar),
    ("LastAuthenticated", Shape::Scalar),
    ("LastAuthenticatedEntity", Shape::Scalar),
    ("TrackedActionsLastAccessed", Shape::List(&Shape::Object(TRACKED_ACTION))),
];
const TRACKED_ACTION: &Fields = &[("ActionName", Shape::Scalar), ("LastAccessedTime", Shape::Scalar)];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ServiceEntry<'a> {
    #[serde(rename = "ServiceNamespace")]
    namespace: String,
    #[serde(borrow)]
    last_authenticated: Option<&'a RawValue>,
    /// Of the report of a role it is the role.
    #[serde(default)]
    last_authenticated_entity: Option<String>,
    /// Only in a report that was asked for with `--granularity ACTION_LEVEL`.
    #[serde(borrow, default)]
    tracked_actions_last_accessed: Vec<TrackedAction<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TrackedAction<'a> {
    action_name: String,
    #[serde(borrow)]
    last_accessed_time: Option<&'a RawValue>,
}

/// Gives each report to the role that its file is named after.
pub(crate) fn apply(documents: &[SnapshotDocument], roles: &mut BTreeMap<RoleArn, Role>, issues: &mut Vec<Issue>) {
    // Role names are unique in an account, whatever their path and case (IAM User Guide, "IAM and AWS STS
    // quotas").
    let mut by_name: BTreeMap<String, &mut Role> =
        roles.values_mut().map(|role| (role.name.to_ascii_lowercase(), role)).collect();
    for document in documents {
        apply_one(document, &mut by_name, issues);
    }
}

fn apply_one(document: &SnapshotDocument, by_name: &mut BTreeMap<String, &mut Role>, issues: &mut Vec<Issue>) {
    let stem = document.stem.as_deref().unwrap_or_default();
    let Some(role) = by_name.get_mut(&stem.to_ascii_lowercase()) else {
        let message = format!("is named after role `{stem}`, which is not in authorization-details.json");
        return issues.push(Issue::new(IssueKind::UnknownRole, &document.place, message));
    };
    let parsed = document.text.as_deref().map_err(Clone::clone).and_then(|text| {
        parse(text, &document.place, &role.arn).map_err(|problem| {
            let hint =
                if problem.hint.is_empty() { "the report is not used" } else { problem.hint.as_str() }.to_owned();
            problem.with_hint(hint).into_issue()
        })
    });
    match parsed {
        Ok(report) => role.last_accessed = Some(report),
        Err(issue) => issues.push(issue),
    }
}

fn parse(text: &str, place: &str, role: &RoleArn) -> Result<LastAccessed, FileProblem> {
    let object = JsonObject::parse(text, place, COMMAND)?;
    let problem = |message: String| FileProblem::new(IssueKind::UnusableReport, place, message);
    let status = object.member("JobStatus").map_or("absent", RawValue::get).trim_matches('"');
    if status != "COMPLETED" {
        let status: String = status.chars().take(40).collect();
        return Err(problem(format!("has JobStatus {status}, not COMPLETED"))
            .with_hint("wait a moment and get the report again with the same job id"));
    }
    if object.truncation().is_some() {
        return Err(problem("holds only the first pages of the report".to_owned())
            .with_hint("get it again without --max-items"));
    }
    let mut report = LastAccessed {
        services: BTreeMap::new(),
        actions: BTreeMap::new(),
        completed: timestamp(object.member("JobCompletionDate"))
            .map_err(|reason| problem(format!("JobCompletionDate: {reason}")))?,
    };
    for (index, raw) in object.required_list("ServicesLastAccessed", COMMAND)?.into_iter().enumerate() {
        let service: ServiceEntry<'_> =
            object.typed(raw).map_err(|reason| problem(format!("entry {index} of `ServicesLastAccessed` {reason}")))?;
        if let Some(entity) = service.last_authenticated_entity.as_deref().filter(|entity| !entity.is_empty())
            && entity != role.as_ref()
        {
            return Err(problem(format!("is the report of `{entity}`, not of `{role}`"))
                .with_hint("get the report of this role: its ARN goes to generate-service-last-accessed-details"));
        }
        let last = timestamp(service.last_authenticated)
            .map_err(|reason| problem(format!("entry {index} of `ServicesLastAccessed`: {reason}")))?;
        for tracked in service.tracked_actions_last_accessed {
            let last = timestamp(tracked.last_accessed_time)
                .map_err(|reason| problem(format!("entry {index} of `ServicesLastAccessed`: {reason}")))?;
            let action = format!("{}:{}", service.namespace, tracked.action_name);
            let known = report.actions.entry(action).or_insert(last);
            *known = (*known).max(last);
        }
        let known = report.services.entry(service.namespace).or_insert(last);
        *known = (*known).max(last);
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keep::tests::keeps_what_is_read;

    #[test]
    fn all_that_is_read_is_kept() {
        keeps_what_is_read::<ServiceEntry<'_>>(SERVICE);
        keeps_what_is_read::<TrackedAction<'_>>(TRACKED_ACTION);
    }
}
