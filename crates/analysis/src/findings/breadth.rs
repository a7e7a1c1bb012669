//! `administrator-access`, `wildcard-action`, `wildcard-resource`, `shared-role`: grants that are broad by how they are written.

use whittle_catalog::{ActionId, catalog};
use whittle_policy::{ActionClause, ActionPattern};

use super::{Draft, RoleFacts, Rule, finding, plural, some_of};
use crate::grants::GrantSite;
use crate::result::{Finding, Verdict, VerdictRow};
use crate::risk;

pub(super) const ADMINISTRATOR_ACCESS: Rule = Rule {
    code: "administrator-access",
    summary: "allows every action on every resource",
    check: administrator_access,
};

pub(super) const WILDCARD_ACTION: Rule =
    Rule { code: "wildcard-action", summary: "allows actions by wildcard", check: wildcard_action };

pub(super) const WILDCARD_RESOURCE: Rule = Rule {
    code: "wildcard-resource",
    summary: "allows actions on every resource although they support resources",
    check: wildcard_resource,
};

pub(super) const SHARED_ROLE: Rule =
    Rule { code: "shared-role", summary: "several functions share one execution role", check: shared_role };

fn place(facts: &RoleFacts<'_>, site: &GrantSite<'_>) -> String {
    let policy = facts.role.policies.get(site.policy).map_or("?", |policy| policy.name.as_str());
    match site.statement.sid.as_deref().filter(|sid| !sid.is_empty()) {
        Some(sid) => format!("{policy}/{sid}"),
        None => format!("{policy}/#{}", site.statement_index + 1),
    }
}

/// Every action on every resource, without a condition.
pub(crate) fn is_everything(site: &GrantSite<'_>) -> bool {
    let all_actions =
        matches!(&site.statement.action, ActionClause::Action(patterns) if patterns.iter().any(ActionPattern::is_any));
    all_actions && site.reaches_everything() && site.statement.condition.is_empty()
}

/// Names its actions by pattern.
pub(crate) fn by_pattern(site: &GrantSite<'_>) -> bool {
    match &site.statement.action {
        ActionClause::Action(patterns) => patterns.iter().any(ActionPattern::is_wildcard),
        ActionClause::NotAction(_) => true,
    }
}

/// Verdict of the role on the actions of a site; what matters is the part that nobody needs.
fn rows_of<'a>(facts: &'a RoleFacts<'_>, site: &'a GrantSite<'_>) -> impl Iterator<Item = (ActionId, &'a VerdictRow)> {
    site.actions.iter().filter_map(|action| {
        let at = facts.granted.binary_search(action).ok()?;
        Some((*action, facts.role_rows.get(at)?))
    })
}

fn administrator_access(facts: &RoleFacts<'_>, out: &mut Vec<Finding>) {
    let places: Vec<String> =
        facts.grants.sites.iter().filter(|site| is_everything(site)).map(|site| place(facts, site)).collect();
    if places.is_empty() {
        return;
    }
    let limited = facts.role.has_boundary;
    out.push(finding(
        &ADMINISTRATOR_ACCESS,
        facts.role,
        Draft {
            likelihood: facts.likelihood(),
            impact: if limited { 4 } else { 5 },
            function_arn: facts.only_function(),
            title: format!("{} may do everything in the account", facts.role.name),
            detail: format!(
                "{} allows every action on every resource{}",
                some_of(&places, 3),
                if limited { "; a permissions boundary limits it" } else { "" }
            ),
            remedy: facts.next_command(),
        },
    ));
}

fn wildcard_action(facts: &RoleFacts<'_>, out: &mut Vec<Finding>) {
    if facts.all_idle() {
        return;
    }
    let mut places = Vec::new();
    let mut excess = Vec::new();
    let mut granted = 0_usize;
    for site in facts.grants.sites.iter().filter(|site| !is_everything(site)) {
        let unused: Vec<_> =
            rows_of(facts, site).filter(|(_, row)| row.verdict == Verdict::Unused).map(|(action, _)| action).collect();
        if by_pattern(site) && !unused.is_empty() {
            places.push(place(facts, site));
            granted += site.actions.len();
            excess.extend(unused.into_iter().map(|action| (action, site.reaches_everything())));
        }
    }
    if places.is_empty() {
        return;
    }
    let count = excess.len();
    out.push(finding(
        &WILDCARD_ACTION,
        facts.role,
        Draft {
            likelihood: facts.likelihood(),
            impact: risk::impact_of_all(excess),
            function_arn: facts.only_function(),
            title: format!("{} allows actions by wildcard", facts.role.name),
            detail: format!(
                "{} of the {granted} actions that {} expand to are not used: {}",
                count,
                plural(places.len(), "statement"),
                some_of(&places, 4)
            ),
            remedy: facts.next_command(),
        },
    ));
}

fn wildcard_resource(facts: &RoleFacts<'_>, out: &mut Vec<Finding>) {
    if facts.all_idle() {
        return;
    }
    let mut places = Vec::new();
    let mut actions = Vec::new();
    for site in facts.grants.sites.iter().filter(|site| site.reaches_everything() && !is_everything(site)) {
        // Only what the suggestion narrows: a "*" that has to stay is nobody's fault.
        let narrowed: Vec<_> = rows_of(facts, site)
            .filter(|(_, row)| !row.resources.is_empty() && !row.resources.iter().any(|resource| resource == "*"))
            .map(|(action, _)| action)
            .filter(|action| catalog().info(*action).supports_resources())
            .collect();
        if !narrowed.is_empty() {
            places.push(place(facts, site));
            actions.extend(narrowed);
        }
    }
    if places.is_empty() {
        return;
    }
    actions.sort_unstable();
    actions.dedup();
    let names: Vec<&str> = actions.iter().map(|action| catalog().info(*action).name()).collect();
    out.push(finding(
        &WILDCARD_RESOURCE,
        facts.role,
        Draft {
            likelihood: facts.likelihood(),
            impact: risk::impact_of_all(actions.iter().map(|action| (*action, false))),
            function_arn: facts.only_function(),
            title: format!("{} allows {} on every resource", facts.role.name, plural(actions.len(), "action")),
            detail: format!("needed on named resources only: {} (in {})", some_of(&names, 5), some_of(&places, 4)),
            remedy: facts.next_command(),
        },
    ));
}

fn shared_role(facts: &RoleFacts<'_>, out: &mut Vec<Finding>) {
    if facts.functions.len() < 2 {
        return;
    }
    let names: Vec<&str> = facts.functions.iter().map(|function| function.name.as_str()).collect();
    // What one function can do only because another needs it.
    let needed = |verdict: Verdict| matches!(verdict, Verdict::Used | Verdict::Required | Verdict::Companion);
    let borrowed: Vec<_> = facts
        .role_rows
        .iter()
        .filter(|row| needed(row.verdict))
        .filter(|row| {
            let by = facts
                .function_results
                .iter()
                .filter(|result| result.verdicts.iter().any(|own| own.action == row.action && needed(own.verdict)));
            by.count() < facts.functions.len()
        })
        .filter_map(|row| catalog().action(&row.action))
        .collect();
    out.push(finding(
        &SHARED_ROLE,
        facts.role,
        Draft {
            likelihood: facts.likelihood(),
            impact: risk::impact_of_all(borrowed.iter().map(|action| (*action, false))),
            function_arn: None,
            title: format!("{} functions share {}", names.len(), facts.role.name),
            detail: format!(
                "{}; {} needed by some of them and allowed to all",
                some_of(&names, 5),
                plural(borrowed.len(), "action")
            ),
            remedy: format!("one role each: whittle policy {} --split", facts.role.name),
        },
    ));
}
