//! `unlisted-function`: a role is used by functions in Regions or accounts that were not listed.

use std::collections::BTreeSet;

use super::{FindingDraft, RoleFacts, Rule, finding, plural, some_of};
use crate::reason::Reason;
use crate::result::Finding;

pub(super) const UNLISTED_FUNCTION: Rule = Rule {
    code: "unlisted-function",
    summary: "functions that were not listed use the role, so that nothing of it can be called unused",
    check: unlisted_function,
};

/// What is kept for want of knowledge is no danger of its own.
const IMPACT: u8 = 2;

fn unlisted_function(facts: &RoleFacts<'_>, out: &mut Vec<Finding>) {
    let Some(first) = facts.unlisted.first() else { return };
    let part = |arn: &str, index: usize| arn.split(':').nth(index).unwrap_or_default().to_owned();
    let account = part(facts.role.arn.as_ref(), 4);
    let regions: BTreeSet<String> = facts.unlisted.iter().map(|arn| part(arn, 3)).collect();
    let regions: Vec<String> = regions.into_iter().collect();
    let remedy = if part(first, 4) == account {
        format!(
            "list the functions of {} too: --regions, the parameter Regions, or regions/REGION/functions.json in the snapshot",
            some_of(&regions, 5)
        )
    } else {
        format!("find out why functions of account {} use this role", part(first, 4))
    };
    out.push(finding(
        &UNLISTED_FUNCTION,
        facts.role,
        FindingDraft {
            likelihood: facts.likelihood(),
            impact: IMPACT,
            function_arn: None,
            title: format!(
                "{} is used by {} that nobody listed",
                facts.role.name,
                plural(facts.unlisted.len(), "function")
            ),
            detail: Reason::Text(some_of(facts.unlisted, 3)),
            remedy,
        },
    ));
}
