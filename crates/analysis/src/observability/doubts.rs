//! Doubts about everything that a role may do.

use whittle_evidence::ledger::days::start_of_day;

use crate::input::AnalysisEvidence;
use crate::inventory::{Function, Role};
use crate::reason::{UnseenReason, day};
use crate::required;

/// A doubt about everything.
pub(super) fn general_doubt(evidence: AnalysisEvidence<'_>, functions: &[&Function]) -> Option<UnseenReason> {
    let days = evidence.window.days();
    let least = evidence.settings.min_window_days;
    if days == 0 {
        return Some(UnseenReason::NoEvidence);
    }
    if days < least {
        return Some(UnseenReason::TooFewDays { days, least });
    }
    if let Some(doubt) = evidence.doubts.iter().find(|doubt| doubt.concerns(&[])) {
        return Some(UnseenReason::Doubt { doubt: doubt.clone() });
    }
    let unknown = functions.iter().find(|function| required::has_unknown_feature(function))?;
    Some(UnseenReason::UnknownEventSource { function: unknown.name.clone() })
}

/// IAM saw the role used at a time that the evidence does not reach: what it did then is not known.
pub(super) fn used_after_evidence(evidence: AnalysisEvidence<'_>, role: &Role) -> Option<UnseenReason> {
    let (end, last) = evidence.window.end().zip(role.last_used)?;
    (last >= end).then(|| UnseenReason::UsedAfterEvidence { on: day(last) })
}

/// Days over which the ledger keeps everything of a role, where it did not always.
pub(super) struct KeptUsage {
    pub(super) days: u32,
    /// These days are too few.
    pub(super) doubt: Option<UnseenReason>,
}

/// The part of the window after the last day of which the ledger kept nothing of the role but that it made
/// calls; `None` if there is no such day.
pub(super) fn usage_not_kept(evidence: AnalysisEvidence<'_>, role: &Role) -> Option<KeptUsage> {
    let start = evidence.window.start()?;
    let ledger = evidence.ledger.of_role(role.id.as_ref(), role.arn.as_ref())?;
    let last = ledger.summarised_days().last()?;
    let (on, next) = (start_of_day(last)?, start_of_day(last.checked_add(1)?)?);
    if on < start {
        return None;
    }
    let days = evidence.window.days_since(next);
    let few = days == 0 || days < evidence.settings.min_window_days;
    Some(KeptUsage { days, doubt: few.then(|| UnseenReason::UsageNotKept { on: day(on) }) })
}
