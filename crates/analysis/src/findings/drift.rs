//! `over-narrowed`, `privilege-widened`: what a change of a role's policies did.

use jiff::Timestamp;
use whittle_catalog::catalog;

use super::{DriftRule, FindingIdentity, fingerprint, plural, some_of};
use crate::drift::model::{AddedAction, LostStatement, Widening};
use crate::inventory::{Function, Role};
use crate::reason::Reason;
use crate::result::Finding;
use crate::risk;

pub(super) const OVER_NARROWED: DriftRule =
    DriftRule { code: "over-narrowed", summary: "a call was denied after the role's policies became narrower" };

pub(super) const PRIVILEGE_WIDENED: DriftRule =
    DriftRule { code: "privilege-widened", summary: "the role may do more than at the last run" };

/// A function that lost what it needs.
pub struct OverNarrowed<'a> {
    /// The role.
    pub role: &'a Role,
    /// Functions that run under it.
    pub functions: &'a [&'a Function],
    /// Whose calls were denied; `None` if it is not known.
    pub function_arn: Option<String>,
    /// Time at which the policies became narrower.
    pub changed: Timestamp,
    /// Statements to restore; not empty.
    pub lost: &'a [LostStatement],
}

/// A role that gained permissions.
pub struct PrivilegeWidened<'a> {
    /// The role.
    pub role: &'a Role,
    /// Functions that run under it.
    pub functions: &'a [&'a Function],
    /// The change.
    pub widening: &'a Widening,
    /// Actions that it added and the role still has; not empty.
    pub left: &'a [&'a AddedAction],
}

/// Something is broken right now: high by design, whoever can reach the function.
const BROKEN: u8 = 4;

/// The finding for denied calls.
pub fn over_narrowed(what: &OverNarrowed<'_>) -> Finding {
    let role = what.role;
    let function = what.functions.iter().find(|function| Some(function.arn.as_ref()) == what.function_arn.as_deref());
    let name = function.map_or(role.name.as_str(), |function| function.name.as_str());
    let mut actions: Vec<&str> = what.lost.iter().flat_map(|lost| &lost.actions).map(String::as_str).collect();
    actions.sort_unstable();
    actions.dedup();
    let restore: Vec<String> = what
        .lost
        .iter()
        .map(|lost| {
            let statement = serde_json::to_string(&lost.statement).unwrap_or_default();
            format!("{statement} (was in {})", lost.place)
        })
        .collect();
    let last = what.lost.iter().map(|lost| lost.last_denied).max().unwrap_or(what.changed);
    Finding {
        code: OVER_NARROWED.code.to_owned(),
        severity: risk::severity(BROKEN, BROKEN),
        likelihood: BROKEN,
        impact: BROKEN,
        function_arn: what.function_arn.clone(),
        role_arn: role.arn.to_string(),
        title: format!("{name} is denied {} that it was allowed before", plural(actions.len(), "action")),
        detail: Reason::Text(format!(
            "policies narrowed {}, last denied {}: {}; restore {}",
            what.changed.strftime("%Y-%m-%d %H:%M UTC"),
            last.strftime("%Y-%m-%d %H:%M UTC"),
            some_of(&actions, 5),
            some_of(&restore, 3)
        )),
        remedy: format!("restore the statement; why: whittle explain {name}"),
        fingerprint: fingerprint(&FindingIdentity {
            code: OVER_NARROWED.code,
            function: what.function_arn.as_deref(),
            role: role.arn.as_ref(),
            also: &what.changed.to_string(),
        }),
    }
}

/// The finding for gained permissions. Each change is a finding of its own, so that the next one is told too.
pub fn privilege_widened(what: &PrivilegeWidened<'_>, now: Timestamp) -> Finding {
    let role = what.role;
    let function_arn = match what.functions {
        [only] => Some(only.arn.to_string()),
        _ => None,
    };
    let name = match what.functions {
        [only] => only.name.as_str(),
        _ => role.name.as_str(),
    };
    let known = || what.left.iter().filter_map(|added| Some((catalog().action(&added.action)?, added)));
    let mut actions: Vec<(u8, &str)> = known()
        .map(|(id, added)| (risk::impact_of_all([(id, added.everywhere)]), added.action.as_str()))
        .chain(
            // What the catalog does not know could be anything.
            what.left
                .iter()
                .filter(|added| catalog().action(&added.action).is_none())
                .map(|added| (UNKNOWN_IMPACT, added.action.as_str())),
        )
        .collect();
    actions.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    let impact = actions.iter().map(|(impact, _)| *impact).max().unwrap_or(1);
    let likelihood = what.functions.iter().map(|function| risk::likelihood(function, Some(now))).max().unwrap_or(1);
    let names: Vec<&str> = actions.iter().map(|(_, action)| *action).collect();
    Finding {
        code: PRIVILEGE_WIDENED.code.to_owned(),
        severity: risk::severity(likelihood, impact),
        likelihood,
        impact,
        function_arn,
        role_arn: role.arn.to_string(),
        title: format!("{} may do more than before: {}", role.name, plural(names.len(), "action")),
        detail: Reason::Text(format!(
            "change seen {} adds {} (through {})",
            what.widening.seen.strftime("%Y-%m-%d %H:%M UTC"),
            some_of(&names, 8),
            some_of(&what.widening.through, 4)
        )),
        remedy: format!("if nobody meant to, undo the change: whittle explain {name}"),
        fingerprint: fingerprint(&FindingIdentity {
            code: PRIVILEGE_WIDENED.code,
            function: None,
            role: role.arn.as_ref(),
            also: &change_id(what.widening),
        }),
    }
}

/// Names the change by what it added, not by when it was seen: a run that is cut off and one after it see the
/// same change.
fn change_id(widening: &Widening) -> String {
    let actions =
        widening.actions.iter().map(|added| format!("{}{}", added.action, if added.everywhere { "*" } else { "" }));
    actions.chain(widening.through.iter().cloned()).collect::<Vec<_>>().join("\n")
}

/// Impact of an action that the catalog does not know: that of a write.
const UNKNOWN_IMPACT: u8 = 3;
