//! Since when functions are what they are: made, and under the role that they have.

use std::collections::BTreeMap;

use jiff::Timestamp;
use whittle_evidence::attribute::CallerKey;
use whittle_evidence::ledger::{ChangeKind, Ledger};

use crate::input::AnalysisEvidence;
use crate::inventory::{Function, Role};
use crate::reason::{UnseenReason, day};

/// What the ledger shows of functions, whatever the inventory says of them today.
#[derive(Debug, Default)]
pub struct FunctionHistory {
    /// Region and name → when it was last made.
    created: BTreeMap<(String, String), Timestamp>,
    /// Function ARN → roles whose credentials CloudTrail says it had, with the last time.
    roles: BTreeMap<String, Vec<(String, Timestamp)>>,
}

impl FunctionHistory {
    /// Reads it off a ledger.
    pub fn of(ledger: &Ledger) -> Self {
        let mut out = Self::default();
        let changes = ledger.account().changes(ChangeKind::Code);
        for (change, times) in changes.filter(|(change, _)| change.event_name == "CreateFunction") {
            let name = change.subject.rsplit(':').next().unwrap_or_default().to_owned();
            let last = out.created.entry((change.region.clone(), name)).or_insert(times.last);
            *last = times.last.max(*last);
        }
        for (key, role) in ledger.roles() {
            for (caller, used) in role.callers() {
                let (Some(seen), CallerKey::Function { arn, .. }) = (used.seen(), caller) else { continue };
                let role = role.arn().unwrap_or(key).to_owned();
                out.roles.entry(arn.clone()).or_default().push((role, seen.last));
            }
        }
        out
    }

    /// The part of the window over which the function is what it is today, where that is not all of it.
    pub(crate) fn since(
        &self,
        evidence: AnalysisEvidence<'_>,
        function: &Function,
        role: &Role,
    ) -> Option<FunctionSince> {
        let (start, end) = (evidence.window.start()?, evidence.window.end()?);
        let inside = |time: &Timestamp| start < *time && *time < end;
        let made = self.created.get(&(function.region.to_string(), function.name.clone())).copied().filter(inside);
        let roles = self.roles.get(function.arn.as_ref()).map(Vec::as_slice).unwrap_or_default();
        // Today it may have several, by its versions; this one may be known by its id alone.
        let is_own = |of: &str| of == role.id.as_ref() || function.roles().into_iter().any(|own| own.as_ref() == of);
        let other = roles.iter().filter(|(of, last)| !is_own(of) && inside(last)).max_by_key(|(_, last)| *last);
        let name = || function.name.clone();
        let made = made.map(|on| (on, UnseenReason::FunctionMade { function: name(), on: day(on) }));
        let other = other.map(|(role, on)| {
            (*on, UnseenReason::RanUnderAnotherRole { function: name(), role: role.clone(), on: day(*on) })
        });
        let (since, reason) = made.into_iter().chain(other).max_by_key(|(since, _)| *since)?;
        let days = evidence.window.days_since(since);
        let few = days == 0 || days < evidence.settings.min_window_days;
        Some(FunctionSince { days, doubt: few.then_some(reason) })
    }
}

/// Days over which a function is what it is today.
#[derive(Debug, Clone)]
pub(crate) struct FunctionSince {
    pub(crate) days: u32,
    /// These days are too few.
    pub(crate) doubt: Option<UnseenReason>,
}
