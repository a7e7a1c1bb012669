//! Observability day by day: on which days of the window would a use of an action have been seen?
//!
//! A trail's selectors are known as they are now. A day before the last change of a trail is a day of which
//! its selectors are not known, so such a day is not called visible.

use std::ops::Range;

use whittle_catalog::ActionId;

use super::action::ActionAsked;
use super::assess::Coverage;
use super::question::{CoverageEvidence, DayWindow, Observability};

/// Days in a row with the same answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayRun {
    /// UTC days since 1970-01-01.
    pub days: Range<i32>,
    /// Would every use on each of these days have been seen?
    pub observability: Observability,
}

impl Coverage<'_> {
    /// The days of the window in runs of the same answer, in order; together they are the window. Empty
    /// without a window.
    ///
    /// Each day is asked about by itself, so `Partial` answers are about a part of that day. The window is
    /// covered in full (see [`Self::assess_action`]) only if every day is; the reverse need not hold: that
    /// one source sees every day of the window has to be shown of that source.
    pub fn days_of_action(&self, action: ActionId, asked: &ActionAsked<'_>) -> Vec<DayRun> {
        let window = self.window();
        let mut runs: Vec<DayRun> = Vec::new();
        for day in window.start..window.end {
            let observability = self.on(day).assess_action(action, asked);
            match runs.last_mut() {
                Some(run) if run.observability == observability => run.days.end = day + 1,
                _ => runs.push(DayRun { days: day..day + 1, observability }),
            }
        }
        runs
    }

    /// The same evidence, asked about one day.
    fn on(&self, day: i32) -> Self {
        let window = DayWindow { start: day, end: day + 1 };
        self.within(CoverageEvidence { window, ..self.evidence().clone() })
    }
}

#[cfg(test)]
mod tests;
