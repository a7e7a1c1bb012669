//! `administrator-access`, `wildcard-action`, `wildcard-resource`, `shared-role`: grants that are broad by
//! how they are written.

use whittle_catalog::{ActionId, catalog};
use whittle_policy::{ActionClause, ActionPattern};

use super::{FindingDraft, RoleFacts, Rule, finding, plural, some_of};
use crate::grants::GrantStatement;
use crate::reason::Reason;
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

fn place(grant: &GrantStatement<'_>) -> String {
    let policy = &grant.owner.name;
    match grant.statement.sid.as_deref().filter(|sid| !sid.is_empty()) {
        Some(sid) => format!("{policy}/{sid}"),
        None => format!("{policy}/#{}", grant.statement_index + 1),
    }
}

/// Every action on every resource, without a condition.
pub(crate) fn is_everything(grant: &GrantStatement<'_>) -> bool {
    let all_actions =
        matches!(&grant.statement.action, ActionClause::Action(patterns) if patterns.iter().any(ActionPattern::is_any));
    all_actions && grant.reaches_everything() && grant.statement.condition.is_empty()
}

/// Names its actions by pattern.
pub(crate) fn by_pattern(grant: &GrantStatement<'_>) -> bool {
    match &grant.statement.action {
        ActionClause::Action(patterns) => patterns.iter().any(ActionPattern::is_wildcard),
        ActionClause::NotAction(_) => true,
    }
}

/// Verdict of the role on the actions of a grant; what matters is the part that nobody needs.
fn rows_of<'a>(
    facts: &'a RoleFacts<'_>,
    grant: &'a GrantStatement<'_>,
) -> impl Iterator<Item = (ActionId, &'a VerdictRow)> {
    grant.actions.iter().filter_map(|action| {
        let at = facts.granted.binary_search(action).ok()?;
        Some((*action, facts.role_rows.get(at)?))
    })
}

fn administrator_access(facts: &RoleFacts<'_>, out: &mut Vec<Finding>) {
    let places: Vec<String> = facts.grants.statements.iter().filter(|grant| is_everything(grant)).map(place).collect();
    if places.is_empty() {
        return;
    }
    let limited = facts.role.has_boundary;
    out.push(finding(
        &ADMINISTRATOR_ACCESS,
        facts.role,
        FindingDraft {
            likelihood: facts.likelihood(),
            impact: if limited { 4 } else { 5 },
            function_arn: facts.only_function(),
            title: format!("{} may do everything in the account", facts.role.name),
            detail: Reason::Text(format!(
                "{} allows every action on every resource{}",
                some_of(&places, 3),
                if limited { "; a permissions boundary limits it" } else { "" }
            )),
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
    for grant in facts.grants.statements.iter().filter(|grant| !is_everything(grant)) {
        let unused: Vec<_> =
            rows_of(facts, grant).filter(|(_, row)| row.verdict == Verdict::Unused).map(|(action, _)| action).collect();
        if by_pattern(grant) && !unused.is_empty() {
            places.push(place(grant));
            granted += grant.actions.len();
            excess.extend(unused.into_iter().map(|action| (action, grant.reaches_everything())));
        }
    }
    if places.is_empty() {
        return;
    }
    let count = excess.len();
    out.push(finding(
        &WILDCARD_ACTION,
        facts.role,
        FindingDraft {
            likelihood: facts.likelihood(),
            impact: risk::impact_of_all(excess),
            function_arn: facts.only_function(),
            title: format!("{} allows actions by wildcard", facts.role.name),
            detail: Reason::Text(format!(
                "{} of the {granted} actions that {} expand to are not used: {}",
                count,
                plural(places.len(), "statement"),
                some_of(&places, 4)
            )),
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
    for grant in facts.grants.statements.iter().filter(|grant| grant.reaches_everything() && !is_everything(grant)) {
        // Only what the suggestion narrows: a "*" that has to stay is nobody's fault.
        let narrowed: Vec<_> = rows_of(facts, grant)
            .filter(|(_, row)| !row.resources.is_empty() && !row.resources.iter().any(|resource| resource == "*"))
            .map(|(action, _)| action)
            .filter(|action| catalog().info(*action).supports_resources())
            .collect();
        if !narrowed.is_empty() {
            places.push(place(grant));
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
        FindingDraft {
            likelihood: facts.likelihood(),
            impact: risk::impact_of_all(actions.iter().map(|action| (*action, false))),
            function_arn: facts.only_function(),
            title: format!("{} allows {} on every resource", facts.role.name, plural(actions.len(), "action")),
            detail: Reason::Text(format!(
                "needed on named resources only: {} (in {})",
                some_of(&names, 5),
                some_of(&places, 4)
            )),
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
    let needed = |verdict: Verdict| {
        matches!(verdict, Verdict::Used | Verdict::Required | Verdict::Companion | Verdict::Possible)
    };
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
        FindingDraft {
            likelihood: facts.likelihood(),
            impact: risk::impact_of_all(borrowed.iter().map(|action| (*action, false))),
            function_arn: None,
            title: format!("{} functions share {}", names.len(), facts.role.name),
            detail: Reason::Text(format!(
                "{}; {} needed by some of them and allowed to all",
                some_of(&names, 5),
                plural(borrowed.len(), "action")
            )),
            remedy: format!("one role each: whittle policy {} --split", facts.role.name),
        },
    ));
}
