//! Proves a suggestion before anybody sees it (invariants 1 to 4 of ARCHITECTURE.md).
//!
//! Works on the finished documents and on the original ones; it shares nothing with the code that built the
//! suggestion but the list of needs, the calls seen, and the answer to "could a use have gone unseen?".
//! Sound, not complete: a failed proof means "not proved", and the suggestion is dropped.

use std::collections::BTreeMap;

use whittle_catalog::{ActionId, catalog};
use whittle_policy::{Effect, ResourceClause, ResourcePattern, Statement};

use crate::grants::{GrantStatement, Grants};
use crate::inventory::Role;
use crate::need::{Need, NeedKind, Needs, SubjectUsage};
use crate::observability::ObservabilityCheck;
use crate::reason::{Callers, NeedReason, ProofFailure};
use crate::result::{Proof, SuggestedPolicy};
use crate::usage::is_proven;

/// Result of a proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    /// The two invariants.
    pub proof: Proof,
    /// Parts without a proof; empty when both hold.
    pub failures: Vec<ProofFailure>,
}

/// Proves `suggested` against the policies of `role`.
pub fn prove(
    role: &Role,
    grants: &Grants<'_>,
    suggested: &[SuggestedPolicy],
    needs: &Needs,
    usage: &SubjectUsage,
    observability: &dyn ObservabilityCheck,
) -> Proved {
    let statements: Vec<&Statement> = suggested.iter().flat_map(|policy| policy.document.statements.iter()).collect();
    let mut failures = Vec::new();
    let never_wider = never_wider(role, &statements, &mut failures);
    let by_action = index(grants, &statements);
    let kept = needs_are_kept(grants, &by_action, needs, &mut failures);
    let unseen = unseen_is_kept(grants, &by_action, observability, &mut failures);
    let called = checked_by_calls_is_kept(grants, &by_action, usage, &mut failures);
    Proved { proof: Proof { never_wider, never_too_narrow: kept && unseen && called }, failures }
}

/// Invariant 1: one original Allow covers each suggested one, and every Deny is still there.
fn never_wider(role: &Role, suggested: &[&Statement], failures: &mut Vec<ProofFailure>) -> bool {
    let original = || role.policies.iter().flat_map(|policy| policy.document.statements.iter());
    let before = failures.len();
    for statement in suggested.iter().filter(|statement| statement.effect == Effect::Allow) {
        if !original().any(|wide| wide.effect == Effect::Allow && wide.covers(statement)) {
            failures.push(ProofFailure::NotCovered { sid: statement.sid.clone() });
        }
    }
    for deny in original().filter(|statement| statement.effect == Effect::Deny) {
        if !deny_is_kept(&deny.to_version_2012(), suggested) {
            failures.push(ProofFailure::DenyMissing { sid: deny.sid.clone() });
        }
    }
    failures.len() == before
}

/// A Deny may have been split over several statements; each of its actions and resources must be in one of
/// them.
fn deny_is_kept(deny: &Statement, suggested: &[&Statement]) -> bool {
    let same = |other: &Statement| {
        other.effect == Effect::Deny
            && other.condition == deny.condition
            && other.principal == deny.principal
            && std::mem::discriminant(&other.action) == std::mem::discriminant(&deny.action)
    };
    let whole = |other: &&&Statement| same(other) && other.action == deny.action && other.resource == deny.resource;
    if suggested.iter().any(|other| whole(&other)) {
        return true;
    }
    let Some(ResourceClause::Resource(resources)) = &deny.resource else { return false };
    let whittle_policy::ActionClause::Action(actions) = &deny.action else { return false };
    actions.iter().all(|action| {
        resources.iter().all(|resource| {
            suggested.iter().any(|other| {
                same(other)
                    && other.action.patterns().contains(action)
                    && matches!(&other.resource, Some(ResourceClause::Resource(own)) if own.as_slice().contains(resource))
            })
        })
    })
}

type ByAction<'a> = BTreeMap<ActionId, Vec<&'a Statement>>;

/// Suggested Allow statements by the granted catalog actions that they match.
fn index<'a>(grants: &Grants<'_>, suggested: &[&'a Statement]) -> ByAction<'a> {
    let mut by_action = ByAction::new();
    for statement in suggested.iter().filter(|statement| statement.effect == Effect::Allow) {
        for pattern in statement.action.patterns() {
            for action in catalog().expand(pattern) {
                if grants.contains(action) {
                    by_action.entry(action).or_default().push(statement);
                }
            }
        }
    }
    by_action
}

/// Invariant 2.
fn needs_are_kept(
    grants: &Grants<'_>,
    suggested: &ByAction<'_>,
    needs: &Needs,
    failures: &mut Vec<ProofFailure>,
) -> bool {
    let before = failures.len();
    for need in needs.iter() {
        let allowed = suggested.get(&need.action).map_or(&[][..], Vec::as_slice);
        for grant in grants.of_action(need.action) {
            if !need_is_kept(grant, need, allowed) {
                failures.push(ProofFailure::NeedNotAllowed {
                    action: catalog().info(need.action).name().to_owned(),
                    resource: need.resource.as_ref().map(|resource| resource.as_str().to_owned()),
                    need: need.reason.clone(),
                });
            }
        }
    }
    failures.len() == before
}

/// Invariant 2 from the other side, apart from the needs: for each granted action, was an operation called
/// that AWS's table says may check it, and did its events not rule that out for every call? Then it stays
/// whole.
fn checked_by_calls_is_kept(
    grants: &Grants<'_>,
    suggested: &ByAction<'_>,
    usage: &SubjectUsage,
    failures: &mut Vec<ProofFailure>,
) -> bool {
    let before = failures.len();
    for action in grants.actions() {
        let allowed = suggested.get(&action).map_or(&[][..], Vec::as_slice);
        for operation in catalog().info(action).operations() {
            let key = (operation.prefix().to_owned(), operation.name().to_owned());
            let Some(called) = usage.calls.get(&key) else { continue };
            // The call of its own name is use, with the resources of its events.
            let own = catalog().info(action).name() == format!("{}:{}", key.0, key.1);
            let ruled_out = if called.by_other_rules {
                is_proven(&key.0, &key.1, action)
            } else {
                !called.may_check.contains(&action)
            };
            if own || ruled_out {
                continue;
            }
            let whole = Need {
                action,
                kind: NeedKind::Possible,
                resource: None,
                only_if: None,
                reason: NeedReason::PossiblyChecked { calls: Vec::new(), by: Callers::default() },
            };
            if !grants.of_action(action).all(|grant| need_is_kept(grant, &whole, allowed)) {
                failures.push(ProofFailure::CallMayCheck {
                    action: catalog().info(action).name().to_owned(),
                    operation: operation.to_string(),
                });
            }
        }
    }
    failures.len() == before
}

/// True if the suggested statements allow what `grant` allows of the need.
fn need_is_kept(grant: &GrantStatement<'_>, need: &Need, allowed: &[&Statement]) -> bool {
    let under = match &need.only_if {
        None => grant.statement.condition.clone(),
        Some(extra) => grant.statement.condition.with(&extra.operator, &extra.key, &extra.values),
    };
    let mut candidates = allowed.iter().filter(|statement| statement.condition.covers(&under));
    let Some(clause) = &grant.statement.resource else { return candidates.next().is_some() };
    match (&need.resource, clause) {
        (None, ResourceClause::Resource(patterns)) => {
            patterns.iter().all(|pattern| candidates.clone().any(|statement| resource_covers(statement, pattern)))
        }
        (None, ResourceClause::NotResource(_)) => candidates.any(|statement| keeps_clause(statement, clause)),
        (Some(resource), _) if !clause.intersects(resource) => true,
        (Some(resource), _) if clause.covers(resource) => {
            candidates.any(|statement| resource_covers(statement, resource) || keeps_clause(statement, clause))
        }
        (Some(resource), ResourceClause::Resource(patterns)) => {
            patterns.iter().filter(|pattern| pattern.intersects(resource)).all(|pattern| {
                candidates
                    .clone()
                    .any(|statement| resource_covers(statement, pattern) || resource_covers(statement, resource))
            })
        }
        (Some(_), ResourceClause::NotResource(_)) => candidates.any(|statement| keeps_clause(statement, clause)),
    }
}

fn keeps_clause(statement: &Statement, clause: &ResourceClause) -> bool {
    statement.resource.as_ref().is_none_or(|own| own.covers_clause(clause))
}

fn resource_covers(statement: &Statement, pattern: &ResourcePattern) -> bool {
    statement.resource.as_ref().is_none_or(|clause| clause.covers(pattern))
}

/// Invariant 4: a part of a grant that could have been used unseen is still there.
fn unseen_is_kept(
    grants: &Grants<'_>,
    suggested: &ByAction<'_>,
    observability: &dyn ObservabilityCheck,
    failures: &mut Vec<ProofFailure>,
) -> bool {
    let before = failures.len();
    let any = ResourcePattern::new("*");
    for action in grants.actions() {
        let allowed = suggested.get(&action).map_or(&[][..], Vec::as_slice);
        for grant in grants.of_action(action) {
            let patterns: Vec<&ResourcePattern> = match &grant.statement.resource {
                Some(ResourceClause::Resource(patterns)) => patterns.iter().collect(),
                _ => vec![&any],
            };
            for pattern in patterns {
                if observability.recently_granted(grant, action).is_none()
                    && observability.unseen(action, pattern).is_none()
                {
                    continue;
                }
                let kept = allowed.iter().any(|statement| {
                    statement.condition.covers(&grant.statement.condition)
                        && (resource_covers(statement, pattern)
                            || grant.statement.resource.as_ref().is_some_and(|clause| keeps_clause(statement, clause)))
                });
                if !kept {
                    failures.push(ProofFailure::UnseenNotAllowed {
                        action: catalog().info(action).name().to_owned(),
                        resource: pattern.as_str().to_owned(),
                    });
                }
            }
        }
    }
    failures.len() == before
}
