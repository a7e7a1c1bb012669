//! Calls that list everything of an account or a Region at once.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::time::Duration;

use aws_sdk_iam::types::EntityType;
use aws_sdk_lambda::types::FunctionVersion;
use serde_json::Value;
use sha2::{Digest, Sha256};
use whittle_pipeline::ports::{PortError, PortErrorKind};
use whittle_policy::id::FunctionArn;

use super::pace::Pacer;
use super::shape;
use crate::error::port_error;

/// Waits before a page is asked for again that AWS was too busy for, after the tries of the SDK.
const PATIENCE: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(10)];

/// Roles and the policies they have.
#[derive(Debug, Default)]
pub(super) struct Roles {
    /// `authorization-details.json`.
    pub(super) text: String,
    /// By ARN.
    pub(super) roles: BTreeMap<String, ListedRole>,
}

/// Facts of a role that are needed beside its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListedRole {
    pub(super) name: String,
    /// `AROA…`.
    pub(super) id: String,
    /// Changes with its policies.
    pub(super) revision: String,
}

/// The functions of a Region.
#[derive(Debug)]
#[expect(clippy::struct_field_names, reason = "the document, and what stands in it")]
pub(super) struct Functions {
    /// `functions.json`.
    pub(super) text: String,
    /// By name.
    pub(super) functions: BTreeMap<String, ListedFunction>,
    /// ARNs of the roles that they and their versions run under.
    pub(super) roles: BTreeSet<String>,
}

/// Facts of a function that are needed beside its document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListedFunction {
    /// Unqualified ARN.
    pub(super) arn: String,
    /// Changes with the configuration or code of any version.
    pub(super) revision: String,
    pub(super) has_versions: bool,
}

/// Roles with all their policies, and the managed policies that they have.
///
/// The API reference does not say whether filter `AWSManagedPolicy` gives all AWS-managed policies or those
/// in use; both will do, since only policies of roles are taken over. A policy of a role that is not in the
/// answer is an unreadable one to the reader, so that the role is left alone.
///
/// Requires: `iam:GetAccountAuthorizationDetails`
pub(super) async fn roles(client: &aws_sdk_iam::Client) -> Result<Roles, PortError> {
    // IAM API Reference, GetAccountAuthorizationDetails: 1,000 at most, maybe fewer with `IsTruncated`.
    const PAGE: i32 = 1_000;
    const ACTION: &str = "iam:GetAccountAuthorizationDetails";
    let mut roles: BTreeMap<String, (Value, Option<Value>, ListedRole)> = BTreeMap::new();
    let mut policies: BTreeMap<String, (String, String)> = BTreeMap::new();
    let mut sent: Option<String> = None;
    loop {
        let page = patiently(|| async {
            client
                .get_account_authorization_details()
                .filter(EntityType::Role)
                .filter(EntityType::LocalManagedPolicy)
                .filter(EntityType::AwsManagedPolicy)
                .max_items(PAGE)
                .set_marker(sent.clone())
                .send()
                .await
                .map_err(|error| port_error(error, ACTION, "the roles cannot be listed"))
        })
        .await?;
        for role in page.role_detail_list() {
            let facts = ListedRole {
                name: role.role_name().unwrap_or_default().to_owned(),
                id: role.role_id().unwrap_or_default().to_owned(),
                revision: String::new(),
            };
            let key = role.arn().or(role.role_name()).unwrap_or_default().to_owned();
            roles.insert(key, (shape::iam::role(role).into(), shape::iam::last_used(role).map(Value::from), facts));
        }
        for policy in page.policies() {
            let default = policy.default_version_id().unwrap_or_default().to_owned();
            let text = Value::from(shape::iam::managed_policy(policy)).to_string();
            policies.insert(policy.arn().unwrap_or_default().to_owned(), (default, text));
        }
        let next = page.is_truncated().then(|| page.marker().unwrap_or_default().to_owned());
        match advance(sent.as_deref(), next, ACTION)? {
            Some(next) => sent = Some(next),
            None => break,
        }
    }
    Ok(join_roles(roles, &policies))
}

/// One document of the roles and of those managed policies that a role has; an account may own thousands that
/// none has.
fn join_roles(
    roles: BTreeMap<String, (Value, Option<Value>, ListedRole)>,
    policies: &BTreeMap<String, (String, String)>,
) -> Roles {
    let mut texts = Vec::with_capacity(roles.len());
    let mut facts_by_arn = BTreeMap::new();
    let mut in_use: BTreeSet<String> = BTreeSet::new();
    for (arn, (mut role, last_used, mut facts)) in roles {
        let mut arns: BTreeSet<String> = role
            .get("AttachedManagedPolicies")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|policy| policy.get("PolicyArn")?.as_str())
            .map(ToOwned::to_owned)
            .collect();
        let boundary = role.get("PermissionsBoundary").and_then(|boundary| boundary.get("PermissionsBoundaryArn"));
        arns.extend(boundary.and_then(Value::as_str).map(ToOwned::to_owned));
        let mut hasher = Sha256::new();
        hasher.update(role.to_string());
        for arn in &arns {
            let version = policies.get(arn).map_or("", |(default, _)| default);
            hasher.update(format!("\n{arn} {version}"));
        }
        facts.revision = format!("{} {}", facts.id, short_hex(hasher));
        in_use.append(&mut arns);
        if let (Some(object), Some(used)) = (role.as_object_mut(), last_used) {
            object.insert("RoleLastUsed".to_owned(), used);
        }
        texts.push(role.to_string());
        facts_by_arn.insert(arn, facts);
    }
    let policies =
        policies.iter().filter(|(arn, _)| in_use.contains(*arn)).map(|(_, (_, text))| text.as_str()).collect();
    let roles = texts.iter().map(String::as_str).collect();
    let lists =
        [("UserDetailList", vec![]), ("GroupDetailList", vec![]), ("RoleDetailList", roles), ("Policies", policies)];
    Roles { text: shape::document(&lists), roles: facts_by_arn }
}

/// Functions and all their published versions.
///
/// Requires: `lambda:ListFunctions`
pub(super) async fn functions(client: &aws_sdk_lambda::Client, pacer: &Pacer) -> Result<Functions, PortError> {
    // AWS Lambda API Reference, ListFunctions: no more than 50 in an answer, whatever is asked for.
    const PAGE: i32 = 50;
    const ACTION: &str = "lambda:ListFunctions";
    let mut entries: BTreeMap<(String, u64, String), (String, String)> = BTreeMap::new();
    let mut roles = BTreeSet::new();
    let mut sent: Option<String> = None;
    loop {
        let page = patiently(|| async {
            pacer.turn().await;
            client
                .list_functions()
                .function_version(FunctionVersion::All)
                .max_items(PAGE)
                .set_marker(sent.clone())
                .send()
                .await
                .map_err(|error| port_error(error, ACTION, "the functions cannot be listed"))
        })
        .await?;
        for function in page.functions() {
            let arn = function.function_arn().unwrap_or_default();
            let (unqualified, qualifier) = match FunctionArn::split_qualified(arn) {
                Ok((unqualified, qualifier)) => (unqualified.to_string(), qualifier.unwrap_or(LATEST)),
                // The reader will name it.
                Err(_) => (arn.to_owned(), ""),
            };
            let version = function.version().unwrap_or(qualifier).to_owned();
            let number = if version == LATEST { 0 } else { version.parse().unwrap_or(u64::MAX) };
            roles.extend(function.role().map(ToOwned::to_owned));
            let mark = format!(
                "{version} {} {}\n",
                function.revision_id().unwrap_or_default(),
                function.last_modified().unwrap_or_default()
            );
            // A list that shifts between two pages repeats entries; the later answer is the newer one.
            let text = Value::from(shape::lambda::function(function)).to_string();
            entries.insert((unqualified, number, version), (mark, text));
        }
        match advance(sent.as_deref(), marker(page.next_marker), ACTION)? {
            Some(next) => sent = Some(next),
            None => break,
        }
    }
    let mut by_arn: BTreeMap<FunctionArn, (Sha256, bool)> = BTreeMap::new();
    for ((arn, number, _), (mark, _)) in &entries {
        let Ok(arn) = arn.parse::<FunctionArn>() else { continue };
        let (hasher, has_versions) = by_arn.entry(arn).or_default();
        hasher.update(mark);
        *has_versions |= *number != 0;
    }
    let functions = by_arn
        .into_iter()
        .map(|(arn, (hasher, has_versions))| {
            (arn.name().to_owned(), ListedFunction { arn: arn.to_string(), revision: short_hex(hasher), has_versions })
        })
        .collect();
    let texts = entries.values().map(|(_, text)| text.as_str()).collect();
    Ok(Functions { text: shape::document(&[("Functions", texts)]), functions, roles })
}

const LATEST: &str = "$LATEST";

/// `event-source-mappings.json`: all mappings of a Region.
///
/// Requires: `lambda:ListEventSourceMappings`
pub(super) async fn event_source_mappings(client: &aws_sdk_lambda::Client, pacer: &Pacer) -> Result<String, PortError> {
    // AWS Lambda API Reference, ListEventSourceMappings: "returns a maximum of 100 items in each response".
    const PAGE: i32 = 100;
    const ACTION: &str = "lambda:ListEventSourceMappings";
    let mut entries: BTreeMap<(String, String), String> = BTreeMap::new();
    let mut sent: Option<String> = None;
    loop {
        let page = patiently(|| async {
            pacer.turn().await;
            client
                .list_event_source_mappings()
                .max_items(PAGE)
                .set_marker(sent.clone())
                .send()
                .await
                .map_err(|error| port_error(error, ACTION, "the event source mappings cannot be listed"))
        })
        .await?;
        for mapping in page.event_source_mappings() {
            let key =
                (mapping.function_arn().unwrap_or_default().to_owned(), mapping.uuid().unwrap_or_default().to_owned());
            entries.insert(key, Value::from(shape::mapping::event_source_mapping(mapping)).to_string());
        }
        match advance(sent.as_deref(), marker(page.next_marker), ACTION)? {
            Some(next) => sent = Some(next),
            None => break,
        }
    }
    Ok(shape::document(&[("EventSourceMappings", entries.values().map(String::as_str).collect())]))
}

/// The marker of the next page; an answer that leads nowhere is an error, for a list that was cut off looks
/// complete.
pub(super) fn advance(sent: Option<&str>, received: Option<String>, action: &str) -> Result<Option<String>, PortError> {
    if received.as_ref().is_some_and(|marker| marker.is_empty() || sent == Some(marker.as_str())) {
        let message = format!("the pages of {action} do not go on: the list was cut off");
        return Err(PortError::new(PortErrorKind::Transient, message));
    }
    Ok(received)
}

/// The marker of an answer of Lambda, which ends a list without one.
pub(super) fn marker(received: Option<String>) -> Option<String> {
    received.filter(|marker| !marker.is_empty())
}

/// Makes the call, and again after a while if AWS is too busy for it.
pub(super) async fn patiently<T, F>(call: impl Fn() -> F) -> Result<T, PortError>
where
    F: Future<Output = Result<T, PortError>>,
{
    for wait in PATIENCE {
        match call().await {
            Err(error) if *error.kind() == PortErrorKind::Throttled => tokio::time::sleep(wait).await,
            other => return other,
        }
    }
    call().await
}

/// Enough of a hash to tell revisions apart.
pub(super) fn short_hex(hasher: Sha256) -> String {
    use std::fmt::Write;
    hasher.finalize().iter().take(12).fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
