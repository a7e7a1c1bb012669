//! Proves a suggestion before anybody sees it (design, invariants 1 to 4).
//!
//! Works on the finished documents and on the original ones; it shares nothing with the code that built the suggestion but
//! the list of needs and the answer to "could a use have gone unseen?". Sound, not complete: a failed proof means "not
//! proved", and the suggestion is dropped.

use std::collections::BTreeMap;

use whittle_catalog::{ActionId, catalog};
use whittle_policy::{Effect, ResourceClause, ResourcePattern, Statement};

use crate::grants::{GrantSite, Grants};
use crate::inventory::Role;
use crate::need::{Need, Needs};
use crate::observe::Watch;
use crate::result::{Proof, SuggestedPolicy};

/// Result of a proof; `failures` says what could not be proved, one line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proved {
    /// The two invariants.
    pub proof: Proof,
    /// Empty when both hold.
    pub failures: Vec<String>,
}

/// Proves `suggested` against the policies of `role`.
pub fn prove(
    role: &Role,
    grants: &Grants<'_>,
    suggested: &[SuggestedPolicy],
    needs: &Needs,
    observer: &dyn Watch,
) -> Proved {
    let statements: Vec<&Statement> = suggested.iter().flat_map(|policy| policy.document.statements.iter()).collect();
    let mut failures = Vec::new();
    let never_wider = never_wider(role, &statements, &mut failures);
    let by_action = index(grants, &statements);
    let kept = needs_are_kept(grants, &by_action, needs, &mut failures);
    let unseen = unseen_is_kept(grants, &by_action, needs, observer, &mut failures);
    Proved { proof: Proof { never_wider, never_too_narrow: kept && unseen }, failures }
}

/// Invariant 1: one original Allow covers each suggested one, and every Deny is still there.
fn never_wider(role: &Role, suggested: &[&Statement], failures: &mut Vec<String>) -> bool {
    let original = || role.policies.iter().flat_map(|policy| policy.document.statements.iter());
    let before = failures.len();
    for statement in suggested.iter().filter(|statement| statement.effect == Effect::Allow) {
        if !original().any(|wide| wide.effect == Effect::Allow && wide.covers(statement)) {
            failures.push(format!("statement `{}` is not covered by one original Allow", sid(statement)));
        }
    }
    for deny in original().filter(|statement| statement.effect == Effect::Deny) {
        if !deny_is_kept(&deny.to_version_2012(), suggested) {
            failures.push(format!("the Deny `{}` is missing", sid(deny)));
        }
    }
    failures.len() == before
}

/// A Deny may have been split over several statements; each of its actions and resources must be in one of them.
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
                if grants.by_action.contains_key(&action) {
                    by_action.entry(action).or_default().push(statement);
                }
            }
        }
    }
    by_action
}

/// Invariant 2.
fn needs_are_kept(grants: &Grants<'_>, suggested: &ByAction<'_>, needs: &Needs, failures: &mut Vec<String>) -> bool {
    let before = failures.len();
    for need in needs.iter() {
        let allowed = suggested.get(&need.action).map_or(&[][..], Vec::as_slice);
        for site in sites_of(grants, need.action) {
            if !need_is_kept(site, need, allowed) {
                failures.push(format!(
                    "{} on {} is needed ({}) and no longer allowed",
                    catalog().info(need.action).name(),
                    need.resource.as_ref().map_or("what is granted", |resource| resource.as_str()),
                    need.reason,
                ));
            }
        }
    }
    failures.len() == before
}

fn sites_of<'a, 'g>(grants: &'a Grants<'g>, action: ActionId) -> impl Iterator<Item = &'a GrantSite<'g>> {
    grants.by_action.get(&action).into_iter().flatten().filter_map(|&index| grants.sites.get(index))
}

/// Whether what `site` allows of the need is allowed by the suggested statements.
fn need_is_kept(site: &GrantSite<'_>, need: &Need, allowed: &[&Statement]) -> bool {
    let under = match &need.only_if {
        None => site.statement.condition.clone(),
        Some(extra) => site.statement.condition.with(&extra.operator, &extra.key, &extra.values),
    };
    let mut candidates = allowed.iter().filter(|statement| statement.condition.covers(&under));
    let Some(clause) = &site.statement.resource else { return candidates.next().is_some() };
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

/// Invariant 4: a part of a grant that could have been used unseen is still there, unless only events of another action
/// would betray its use (`Need::seen_through`).
fn unseen_is_kept(
    grants: &Grants<'_>,
    suggested: &ByAction<'_>,
    needs: &Needs,
    observer: &dyn Watch,
    failures: &mut Vec<String>,
) -> bool {
    let before = failures.len();
    let any = ResourcePattern::new("*");
    for &action in grants.by_action.keys() {
        let allowed = suggested.get(&action).map_or(&[][..], Vec::as_slice);
        for site in sites_of(grants, action) {
            let patterns: Vec<&ResourcePattern> = match &site.statement.resource {
                Some(ResourceClause::Resource(patterns)) => patterns.iter().collect(),
                _ => vec![&any],
            };
            for pattern in patterns {
                let witness = needs
                    .of(action)
                    .iter()
                    .filter(|need| need.resource.as_ref().is_some_and(|resource| pattern.intersects(resource)))
                    .find_map(|need| need.seen_through)
                    .unwrap_or(action);
                if observer.on_grace(site, action).is_none() && observer.unseen(witness, pattern).is_none() {
                    continue;
                }
                let kept = allowed.iter().any(|statement| {
                    statement.condition.covers(&site.statement.condition)
                        && (resource_covers(statement, pattern)
                            || site.statement.resource.as_ref().is_some_and(|clause| keeps_clause(statement, clause)))
                });
                if !kept {
                    failures.push(format!(
                        "{} on {} could have been used unseen and is no longer allowed",
                        catalog().info(action).name(),
                        pattern.as_str(),
                    ));
                }
            }
        }
    }
    failures.len() == before
}

fn sid(statement: &Statement) -> &str {
    statement.sid.as_deref().unwrap_or("(no Sid)")
}
