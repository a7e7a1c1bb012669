//! Since when a policy grants an action: what is younger than the window is not called unused.

use jiff::Timestamp;
use whittle_evidence::ledger::{ChangeKind, Ledger};
use whittle_policy::Effect;

use crate::inventory::{PolicyKind, Role, RolePolicy};

/// Since when `policy` of `role` grants the action, by its versions and the trail.
pub(crate) fn granted_since(ledger: &Ledger, role: &Role, policy: &RolePolicy, action: &str) -> Option<Timestamp> {
    granted_since_version(policy, action).into_iter().chain(changed_in_trail(ledger, role, policy)).max()
}

/// Since when the policy grants the action, by its versions. An inline policy has no date. AWS changes its
/// own managed policies without anybody in the account wanting the new actions, so their dates do not count.
fn granted_since_version(policy: &RolePolicy, action: &str) -> Option<Timestamp> {
    if policy.kind != PolicyKind::CustomerManaged {
        return None;
    }
    let in_force = policy.versions.iter().position(|version| version.document == policy.document).unwrap_or(0);
    policy
        .versions
        .get(in_force..)?
        .iter()
        .take_while(|version| {
            version
                .document
                .statements
                .iter()
                .any(|statement| statement.effect == Effect::Allow && statement.action.matches(action))
        })
        .last()
        .map(|version| version.created)
}

/// Last time at which the policy was written or attached, by the trail.
fn changed_in_trail(ledger: &Ledger, role: &Role, policy: &RolePolicy) -> Option<Timestamp> {
    ledger
        .account()
        .changes(ChangeKind::Policy)
        .filter(|(change, _)| change.account.is_empty() || change.account == role.arn.account())
        .filter(|(change, _)| match (change.event_name.as_str(), &policy.arn) {
            ("PutRolePolicy", None) => change.subject == role.name && change.policy.as_ref() == Some(&policy.name),
            ("AttachRolePolicy", Some(arn)) => change.subject == role.name && change.policy.as_ref() == Some(arn),
            // What the new version grants beyond the old one is told by the versions; without them, all of it
            // is new.
            ("CreatePolicyVersion" | "SetDefaultPolicyVersion", Some(arn)) => {
                change.subject == *arn && policy.versions.len() < 2
            }
            ("CreateRole", _) => change.subject == role.name,
            _ => false,
        })
        .map(|(_, times)| times.last)
        .max()
}
