//! The observation window.

use jiff::Timestamp;
use whittle_evidence::ledger::days::{day_of, start_of_day};

use crate::result::ReportWindow;

/// Days of evidence in UTC, half open; empty when there is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ObservationWindow {
    days: Option<(i32, i32)>,
}

impl ObservationWindow {
    /// From days since 1970-01-01.
    pub fn new(days: Option<std::ops::Range<i32>>) -> Self {
        Self { days: days.filter(|days| days.start < days.end).map(|days| (days.start, days.end)) }
    }

    /// First instant.
    pub fn start(&self) -> Option<Timestamp> {
        self.days.and_then(|(start, _)| start_of_day(start))
    }

    /// First instant after it.
    pub fn end(&self) -> Option<Timestamp> {
        self.days.and_then(|(_, end)| start_of_day(end))
    }

    /// Whole days.
    pub fn days(&self) -> u32 {
        self.days.map_or(0, |(start, end)| u32::try_from(end.saturating_sub(start)).unwrap_or(0))
    }

    /// Whole days of the window from `since` on.
    pub fn days_since(&self, since: Timestamp) -> u32 {
        let Some((start, end)) = self.days else { return 0 };
        let day = day_of(since);
        let first = if start_of_day(day) == Some(since) { day } else { day.saturating_add(1) };
        u32::try_from(end.saturating_sub(first.max(start))).unwrap_or(0)
    }

    /// As it is shown.
    pub fn to_result(&self) -> ReportWindow {
        let text = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
        ReportWindow { start: text(self.start()), end: text(self.end()), days: self.days() }
    }
}
