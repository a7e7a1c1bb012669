//! Changes of a role since the last run: did it gain permissions, and did it lose one that a function still
//! needs?
//!
//! In: the role now, what it was ([`RoleBaseline`]), the ledger. Out: findings and the next baseline, which
//! equals the old one when nothing changed. Policies are compared by what they grant, action by action:
//! statements that were reordered, split or rewritten with the same meaning are no change. A proof that is
//! not found counts as a difference, so a rewrite that is hard to see through may be reported as widening; a
//! widening is never missed.
//!
//! Deliberately not here: what a grant is worth to the function (see [`crate::decide`]).

mod compare;
mod lost;
pub(crate) mod model;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use whittle_evidence::ledger::ChangeKind;
use whittle_policy::{Effect, PolicyDocument};

use crate::findings::{OverNarrowed, PrivilegeWidened, over_narrowed, privilege_widened};
use crate::inventory::{Function, PolicyKind, Role};
use crate::result::Finding;

use compare::{Policies, added};

pub use model::{AddedAction, DriftEvidence, EarlierPolicies, LostStatement, NamedPolicy, RoleBaseline, Widening};

/// Earlier states that are kept: a role that is narrowed step by step may miss what the first step took.
pub const MAX_EARLIER: usize = 3;

/// Time for which a change is remembered: a quarterly job has run by then.
const MEMORY: SignedDuration = SignedDuration::from_hours(24 * 92);

/// Longest delay until a change is seen. An older event in the trail is about an earlier change.
const LATE: SignedDuration = SignedDuration::from_hours(48);

/// Compares `role` with its baseline; `functions` are those that run under it. Findings are unsorted.
///
/// Without a baseline, or with that of another role of the same name, there is nothing to compare with: only
/// a baseline. A role of which a policy could not be read keeps the baseline that it has (`None` if it has
/// none) and the findings that follow from it.
pub fn compare_role(
    role: &Role,
    functions: &[&Function],
    baseline: Option<&RoleBaseline>,
    evidence: DriftEvidence<'_>,
) -> (Vec<Finding>, Option<RoleBaseline>) {
    let known = baseline.filter(|baseline| baseline.role_id == role.id.as_ref());
    let readable = role.unreadable_policies.is_empty() && (!role.has_boundary || role.boundary.is_some());
    if !readable {
        // What was found before still stands: nothing says that it does not.
        let found = known.map(|known| findings(role, functions, known, evidence)).unwrap_or_default();
        return (found, baseline.cloned());
    }
    let next = match known {
        Some(known) => advance(role, known, evidence),
        None => fresh(role),
    };
    (findings(role, functions, &next, evidence), Some(next))
}

fn fresh(role: &Role) -> RoleBaseline {
    RoleBaseline {
        role_arn: role.arn.to_string(),
        role_id: role.id.to_string(),
        policies: named(role),
        boundary: role.boundary.clone(),
        ..RoleBaseline::default()
    }
}

/// Policies by name; IAM lists them in no promised order.
fn named(role: &Role) -> Vec<NamedPolicy> {
    let mut policies: Vec<NamedPolicy> =
        role.policies.iter().map(|policy| (policy.name.clone(), policy.document.clone())).collect();
    policies.sort_by_cached_key(|(name, document)| (name.clone(), document.to_json_compact()));
    policies
}

fn advance(role: &Role, known: &RoleBaseline, evidence: DriftEvidence<'_>) -> RoleBaseline {
    let policies = named(role);
    if policies == known.policies && role.boundary == known.boundary {
        return known.clone();
    }
    let canonical = |policies: &[NamedPolicy]| -> Vec<NamedPolicy> {
        policies.iter().map(|(name, document)| (name.clone(), document.canonical())).collect()
    };
    let same_boundary =
        role.boundary.as_ref().map(PolicyDocument::canonical) == known.boundary.as_ref().map(PolicyDocument::canonical);
    if same_boundary && canonical(&policies) == canonical(&known.policies) {
        return known.clone();
    }
    let old = Policies::new(&known.policies, known.boundary.as_ref());
    let new = Policies::new(&policies, role.boundary.as_ref());
    let mut next = RoleBaseline { policies: policies.clone(), boundary: role.boundary.clone(), ..known.clone() };
    // AWS changes its own managed policies: nobody in the account did, and nobody can undo it.
    let by_aws = |name: &str| {
        known.policies.iter().any(|(known, _)| known == name)
            && role.policies.iter().any(|policy| policy.name == name && policy.kind == PolicyKind::AwsManaged)
    };
    let gained = added(&old, &new, &by_aws);
    if !gained.actions.is_empty() {
        next.widened = Some(Widening { seen: evidence.now, actions: gained.actions, through: gained.through });
    }
    if !added(&new, &old, &|_| false).actions.is_empty() {
        let earlier = EarlierPolicies {
            until: changed_at(role, known, evidence),
            policies: known.policies.clone(),
            boundary: known.boundary.clone(),
        };
        next.earlier.insert(0, earlier);
        next.earlier.retain(|earlier| is_remembered(earlier.until, evidence));
        next.earlier.truncate(MAX_EARLIER);
    }
    next
}

/// Time of the change: that of the trail's last event about the policies if it is recent, else now. Calls
/// that were denied between change and run so count, and those of before do not.
fn changed_at(role: &Role, known: &RoleBaseline, evidence: DriftEvidence<'_>) -> Timestamp {
    let earliest = evidence.now.checked_sub(LATE).unwrap_or(Timestamp::MIN);
    evidence
        .ledger
        .account()
        .changes(ChangeKind::Policy)
        .filter(|(change, _)| change.account.is_empty() || change.account == role.arn.account())
        .filter(|(change, _)| match change.event_name.as_str() {
            "PutRolePolicy"
            | "DeleteRolePolicy"
            | "AttachRolePolicy"
            | "DetachRolePolicy"
            | "PutRolePermissionsBoundary"
            | "DeleteRolePermissionsBoundary" => change.subject == role.name,
            "CreatePolicyVersion" | "SetDefaultPolicyVersion" => {
                let name = change.subject.rsplit('/').next().unwrap_or_default();
                let now = role.policies.iter().any(|policy| policy.arn.as_ref() == Some(&change.subject));
                now || known.policies.iter().any(|(known, _)| known == name)
            }
            _ => false,
        })
        .map(|(_, times)| times.last)
        .filter(|last| *last >= earliest && *last <= evidence.now)
        .max()
        .unwrap_or(evidence.now)
}

fn findings(
    role: &Role,
    functions: &[&Function],
    baseline: &RoleBaseline,
    evidence: DriftEvidence<'_>,
) -> Vec<Finding> {
    let mut out = Vec::new();
    if let Some(widening) = baseline.widened.as_ref().filter(|widening| is_remembered(widening.seen, evidence)) {
        let left: Vec<&AddedAction> =
            widening.actions.iter().filter(|added| names(&baseline.policies, &added.action)).collect();
        if !left.is_empty() {
            let what = PrivilegeWidened { role, functions, widening, left: &left };
            out.push(privilege_widened(&what, evidence.now));
        }
    }
    let earlier = || baseline.earlier.iter().filter(|earlier| is_remembered(earlier.until, evidence));
    // Expanding policies is most of the work, and few roles are ever denied anything.
    if earlier().any(|earlier| lost::is_denied_since(earlier.until, role, evidence)) {
        let now = Policies::new(&baseline.policies, baseline.boundary.as_ref());
        let mut told = BTreeSet::new();
        for earlier in earlier() {
            let before = Policies::new(&earlier.policies, earlier.boundary.as_ref());
            for (function_arn, lost) in
                lost::after(earlier.until, role, functions, (&before, &now), evidence, &mut told)
            {
                let changed = earlier.until;
                out.push(over_narrowed(&OverNarrowed { role, functions, function_arn, changed, lost: &lost }));
            }
        }
    }
    out
}

fn is_remembered(since: Timestamp, evidence: DriftEvidence<'_>) -> bool {
    evidence.now.duration_since(since) <= MEMORY
}

/// True if some Allow is about the action (or is written as the pattern that stands for it).
fn names(policies: &[NamedPolicy], action: &str) -> bool {
    let allows = policies.iter().flat_map(|(_, document)| document.statements.iter());
    allows.filter(|statement| statement.effect == Effect::Allow).any(|statement| {
        let clause = &statement.action;
        clause.matches(action) || clause.patterns().iter().any(|pattern| pattern.as_str() == action)
    })
}

#[cfg(test)]
mod tests;
