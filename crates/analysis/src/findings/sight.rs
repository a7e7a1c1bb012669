//! `blind-spot`: grants that no evidence source can judge.

use std::collections::BTreeMap;

use super::{Draft, RoleFacts, Rule, finding, plural, some_of};
use crate::result::{Finding, Verdict};

pub(super) const BLIND_SPOT: Rule =
    Rule { code: "blind-spot", summary: "no evidence source could have seen some granted actions", check: blind_spot };

fn blind_spot(facts: &RoleFacts<'_>, out: &mut Vec<Finding>) {
    let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for row in facts.role_rows.iter().filter(|row| row.verdict == Verdict::Unobservable) {
        by_reason.entry(row.reason.as_str()).or_default().push(&row.action);
    }
    if by_reason.is_empty() || facts.all_idle() {
        return;
    }
    let count: usize = by_reason.values().map(Vec::len).sum();
    let mut groups: Vec<(&str, Vec<&str>)> = by_reason.into_iter().collect();
    groups.sort_by(|a, b| b.1.len().cmp(&a.1.len()).then_with(|| a.0.cmp(b.0)));
    let parts: Vec<String> =
        groups.iter().map(|(reason, actions)| format!("{} ({reason})", some_of(actions, 3))).collect();
    out.push(finding(
        &BLIND_SPOT,
        facts.role,
        Draft {
            likelihood: facts.likelihood(),
            // Nothing is known to be wrong; the finding says where knowledge ends.
            impact: 1,
            function_arn: facts.only_function(),
            title: format!("{} of {} cannot be judged", plural(count, "granted action"), facts.role.name),
            detail: some_of(&parts, 4),
            remedy: "whittle trail coverage, or collect IAM last-accessed reports".to_owned(),
        },
    ));
}
