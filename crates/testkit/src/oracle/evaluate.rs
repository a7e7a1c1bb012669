//! The evaluation flow of the IAM User Guide on a case of `whittle simulate`, straight from its JSON.
//!
//! "How AWS enforcement code logic evaluates requests to allow or deny access", "Policy evaluation for
//! requests within a single account", "Cross-account policy evaluation logic", and the Organizations User
//! Guide on control policies. Every question is asked again wherever it comes up.

use serde_json::Value;

use super::account::is_account;
use super::principal::{Asked, Who};
use super::statement::applies;

/// `Allowed`, `ImplicitlyDenied` or `ExplicitlyDenied`. The case must be well formed.
pub fn decide(case: &Value) -> &'static str {
    let request = &case["request"];
    let asked = Asked::of(request);
    let who = &asked.who.clone();
    let has = |name: &str| case[name].as_array().is_some_and(|list| !list.is_empty());

    let manager = asked.single("aws:PrincipalOrgMasterAccountId");
    let owner = owner(request, who);
    let service_linked = who.is_service_linked(&asked);
    let service_controlled = who.has_account() && !service_linked && who.account() != manager.as_deref();
    let resource_controlled = !service_linked
        && (owner.is_none() || owner != manager)
        && !asked.action.eq_ignore_ascii_case("kms:RetireGrant");
    let has_identity = who.has_account();
    let is_root = matches!(who, Who::Root { .. });
    let bounded = has_identity && !is_root && !service_linked && has("permissions_boundaries");
    let asked = Asked { bounded, ..asked };

    // Which policies apply to the request at all.
    let mut everything: Vec<(&str, Vec<&Value>)> = Vec::new();
    let list = |name: &str| case[name].as_array().map(|list| list.iter().collect::<Vec<_>>()).unwrap_or_default();
    for level in list("resource_control_policies").into_iter().filter(|_| resource_controlled) {
        everything.push(("rcp", level.as_array().map(|level| level.iter().collect()).unwrap_or_default()));
    }
    for level in list("service_control_policies").into_iter().filter(|_| service_controlled) {
        everything.push(("scp", level.as_array().map(|level| level.iter().collect()).unwrap_or_default()));
    }
    everything.push(("endpoint", list("endpoint_policies")));
    if !case["resource_policy"].is_null() {
        everything.push(("resource", vec![&case["resource_policy"]]));
    }
    if has_identity {
        everything.push(("identity", list("identity_policies")));
    }
    if bounded {
        everything.push(("boundary", list("permissions_boundaries")));
    }
    if has_identity && !is_root {
        everything.push(("session", list("session_policies")));
    }

    // "In all those policies, the enforcement code looks for a Deny statement that applies to the request."
    let found = |kind: &str, policies: &[&Value], effect: &str| -> Vec<String> {
        let mut ways = Vec::new();
        for policy in policies {
            let document = if policy["document"].is_null() { policy } else { &policy["document"] };
            for statement in statements(document) {
                if statement["Effect"] == effect {
                    ways.extend(applies(document, statement, kind, &asked));
                }
            }
        }
        ways
    };
    if everything.iter().any(|(kind, policies)| !found(kind, policies, "Deny").is_empty()) {
        return "ExplicitlyDenied";
    }
    let allows = |wanted: &str| {
        everything
            .iter()
            .filter(|(kind, _)| *kind == wanted)
            .any(|(kind, policies)| !found(kind, policies, "Allow").is_empty())
    };

    // "RCPFullAWSAccess can't be detached": resource control policies always allow what they do not deny.
    // "An explicit Allow statement at every level from the root to the account."
    let each_scp = everything
        .iter()
        .filter(|(kind, _)| *kind == "scp")
        .all(|(kind, policies)| !found(kind, policies, "Allow").is_empty());
    if !each_scp || (has("endpoint_policies") && !allows("endpoint")) {
        return "ImplicitlyDenied";
    }

    let mut granted: Vec<String> = Vec::new();
    for (kind, policies) in everything.iter().filter(|(kind, _)| *kind == "resource") {
        granted.extend(found(kind, policies, "Allow"));
    }
    let granted_as = |way: &str| granted.iter().any(|granted| granted == way);
    let boundary_allows = !bounded || allows("boundary");
    let session_allows = match who {
        Who::Root { .. } => true,
        Who::Federated { .. } => allows("session"),
        _ => !has("session_policies") || allows("session"),
    };
    let identity_allows = is_root || allows("identity");
    let identity_side = identity_allows && boundary_allows && session_allows;

    let allowed = if !has_identity {
        !granted.is_empty()
    } else if owner.as_deref() != who.account() {
        !granted.is_empty() && identity_side
    } else if granted_as("itself") || granted_as("everyone") {
        true
    } else if granted_as("role") {
        boundary_allows && session_allows
    } else if granted.is_empty() && policy_of_its_own(&asked) {
        false
    } else {
        identity_side
    };
    if allowed { "Allowed" } else { "ImplicitlyDenied" }
}

fn statements(document: &Value) -> Vec<&Value> {
    match &document["Statement"] {
        Value::Array(list) => list.iter().collect(),
        one => vec![one],
    }
}

/// The account of the resource: as told, else in its ARN, else the caller's.
fn owner(request: &Value, who: &Who) -> Option<String> {
    if let Some(account) = request["resource_account"].as_str().filter(|account| !account.is_empty()) {
        return Some(account.to_owned());
    }
    let arn: Vec<&str> = request["resource"].as_str().unwrap_or_default().split(':').collect();
    match arn.get(4) {
        Some(account) if arn.len() > 5 && arn.first() == Some(&"arn") && is_account(account) => {
            Some((*account).to_owned())
        }
        _ => who.account().map(str::to_owned),
    }
}

/// "IAM role trust policies and KMS key policies are exceptions to this logic, because they must explicitly
/// allow access."
fn policy_of_its_own(asked: &Asked) -> bool {
    let parts: Vec<&str> = asked.resource.splitn(6, ':').collect();
    let (service, name) = (parts.get(2).copied().unwrap_or_default(), parts.get(5).copied().unwrap_or_default());
    let action = asked.action.to_ascii_lowercase();
    let role = action.starts_with("sts:") && service == "iam" && name.starts_with("role/");
    let key = action.starts_with("kms:") && service == "kms" && name.starts_with("key/");
    role || key
}
