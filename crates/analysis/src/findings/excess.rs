//! `unused-actions`, `unused-services`, `unused-function`: permissions that nobody needed.

use std::collections::{BTreeMap, BTreeSet};

use whittle_catalog::{ActionId, catalog};

use super::{FindingDraft, RoleFacts, Rule, finding, plural, some_of};
use crate::grants::GrantStatement;
use crate::inventory::Function;
use crate::reason::Reason;
use crate::result::{Finding, FunctionResult, Verdict};
use crate::risk;

pub(super) const UNUSED_ACTIONS: Rule = Rule {
    code: "unused-actions",
    summary: "grants actions that were observable and never used",
    check: unused_actions,
};

pub(super) const UNUSED_SERVICES: Rule =
    Rule { code: "unused-services", summary: "grants whole services that were never used", check: unused_services };

pub(super) const UNUSED_FUNCTION: Rule =
    Rule { code: "unused-function", summary: "the function was not seen in the whole window", check: unused_function };

fn results<'a>(facts: &'a RoleFacts<'_>) -> impl Iterator<Item = (&'a Function, &'a FunctionResult)> {
    facts
        .functions
        .iter()
        .copied()
        .zip(facts.function_results)
        .zip(facts.idle)
        .filter(|(_, idle)| !**idle)
        .map(|(pair, _)| pair)
}

fn unused(result: &FunctionResult) -> Vec<ActionId> {
    result
        .verdicts
        .iter()
        .filter(|row| row.verdict == Verdict::Unused)
        .filter_map(|row| catalog().action(&row.action))
        .collect()
}

/// Worst actions first, so that the few that are shown are the ones that matter.
fn by_impact(mut actions: Vec<ActionId>) -> Vec<ActionId> {
    actions.sort_by_key(|action| (std::cmp::Reverse(risk::impact(*action)), *action));
    actions
}

/// True if any statement grants `action` on `*`.
fn reaches_everything(facts: &RoleFacts<'_>, action: ActionId) -> bool {
    facts.grants.of_action(action).any(GrantStatement::reaches_everything)
}

fn unused_actions(facts: &RoleFacts<'_>, out: &mut Vec<Finding>) {
    for (function, result) in results(facts) {
        let unused = by_impact(unused(result));
        if unused.is_empty() {
            continue;
        }
        let names: Vec<&str> = unused.iter().map(|action| catalog().info(*action).name()).collect();
        let impact = risk::impact_of_all(unused.iter().map(|action| (*action, reaches_everything(facts, *action))));
        out.push(finding(
            &UNUSED_ACTIONS,
            facts.role,
            FindingDraft {
                likelihood: risk::likelihood(function, facts.now),
                impact,
                function_arn: Some(function.arn.to_string()),
                title: format!("{} is allowed {} that it does not use", function.name, plural(unused.len(), "action")),
                detail: Reason::Text(format!(
                    "{} of {} granted actions were observable for {} days and not used: {}",
                    unused.len(),
                    result.counts.granted,
                    facts.window_days,
                    some_of(&names, 5)
                )),
                remedy: format!("whittle policy {}", function.name),
            },
        ));
    }
}

fn unused_services(facts: &RoleFacts<'_>, out: &mut Vec<Finding>) {
    for (function, result) in results(facts) {
        let mut services: BTreeMap<&str, bool> = BTreeMap::new();
        for row in &result.verdicts {
            let prefix = row.action.split(':').next().unwrap_or_default();
            let all_unused = services.entry(prefix).or_insert(true);
            *all_unused &= row.verdict == Verdict::Unused;
        }
        let unused: Vec<&str> = services.into_iter().filter(|(_, unused)| *unused).map(|(prefix, _)| prefix).collect();
        if unused.is_empty() {
            continue;
        }
        out.push(finding(
            &UNUSED_SERVICES,
            facts.role,
            FindingDraft {
                likelihood: risk::likelihood(function, facts.now),
                // The actions themselves are rated by `unused-actions`; this says how simple the clean-up is.
                impact: 1,
                function_arn: Some(function.arn.to_string()),
                title: format!("{} does not use {} it is granted", function.name, plural(unused.len(), "service")),
                detail: Reason::Text(format!(
                    "no granted action of these services is needed: {}",
                    some_of(&unused, 12)
                )),
                remedy: format!("whittle policy {}", function.name),
            },
        ));
    }
}

fn unused_function(facts: &RoleFacts<'_>, out: &mut Vec<Finding>) {
    // Without evidence nobody was seen; and a role that IAM saw while the trail did not is a question to the
    // trail.
    let Some(start) = facts.window_start else { return };
    if facts.all_idle() && facts.role.last_used.is_some_and(|last| last >= start) {
        return;
    }
    let idle: BTreeSet<usize> =
        facts.idle.iter().enumerate().filter(|(_, idle)| **idle).map(|(index, _)| index).collect();
    for (index, function) in facts.functions.iter().enumerate() {
        if !idle.contains(&index) {
            continue;
        }
        let last = facts.role.last_used.map_or_else(
            || "IAM does not know when its role was last used".to_owned(),
            |last| format!("its role was last used {}", last.strftime("%Y-%m-%d")),
        );
        let impact =
            risk::impact_of_all(facts.grants.actions().map(|action| (action, reaches_everything(facts, action))));
        out.push(finding(
            &UNUSED_FUNCTION,
            facts.role,
            FindingDraft {
                // Whoever reaches an idle function reaches all its grants; nobody would notice either.
                likelihood: risk::likelihood(function, facts.now).saturating_sub(1).max(1),
                impact,
                function_arn: Some(function.arn.to_string()),
                title: format!("{} was not seen in {} days", function.name, facts.window_days),
                detail: Reason::Text(format!(
                    "no event of the function in the window; {last}; nothing was learned about its needs"
                )),
                remedy: format!("delete the function, or: whittle explain {}", function.name),
            },
        ));
    }
}
