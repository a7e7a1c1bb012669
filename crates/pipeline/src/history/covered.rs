//! For which Regions event history speaks for the observation window.
//!
//! Coverage is counted in whole UTC days, so a day counts only if all of it was read. The two ends of a
//! window are special:
//!
//! - **The first day.** Reading begins at midnight (see [`super::read_history`]), so the first day that event
//!   history gives to the window is a whole one. A window that begins earlier, because a trail's files go
//!   back further, is covered from the first whole day on, and the answer's days say so.
//! - **The last day** is hardly ever over: the window ends with the newest event, and reading ends a little
//!   before now. It counts as covered as far as any Region's event history goes, since the window's own last
//!   day goes no further. A Region that was not read as far as the others (it failed in this run) is behind
//!   the window, and left out.
//!
//! Between the ends no gap is allowed: the gaps of a reading that was stopped are filled newest first, so
//! what is covered up to the end of the window is one span.

use std::ops::Range;

use jiff::Timestamp;
use whittle_evidence::coverage::EventHistory;
use whittle_evidence::ledger::days::{day_of, start_of_day};

use crate::marks::ReadMarks;

/// The Regions of `asked`, each with the last of `window_days` (UTC days, `[start, end)`) that its event
/// history was read over without a gap. A Region that does not reach the end is left out.
pub fn covered_history(marks: &ReadMarks, window_days: Range<i32>, asked: &[String]) -> EventHistory {
    let Some(end) = end_of_window(marks, &window_days) else { return EventHistory::default() };
    let days = asked
        .iter()
        .filter_map(|region| Some((region, covered_since(marks, region, end)?.max(window_days.start))))
        .filter(|(_, day)| *day < window_days.end)
        .map(|(region, day)| (region.clone(), day..window_days.end))
        .collect();
    EventHistory { days }
}

/// Up to when a Region has to be covered; `None` if no Region reaches the window's last day.
fn end_of_window(marks: &ReadMarks, window_days: &Range<i32>) -> Option<Timestamp> {
    if window_days.is_empty() {
        return None;
    }
    let newest = marks.history.values().filter_map(|spans| spans.last()).map(|span| span.end).max()?;
    let end = start_of_day(window_days.end)?.min(newest);
    (end > start_of_day(window_days.end.checked_sub(1)?)?).then_some(end)
}

/// The first whole day from which on the Region was read without a gap up to `end`.
fn covered_since(marks: &ReadMarks, region: &str, end: Timestamp) -> Option<i32> {
    let span = marks.history.get(region)?.iter().find(|span| span.start < end && span.end >= end)?;
    let day = day_of(span.start);
    if start_of_day(day)? == span.start { Some(day) } else { day.checked_add(1) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marks::HistorySpan;

    fn at(text: &str) -> Timestamp {
        format!("2026-09-{text}Z").parse().unwrap()
    }

    fn day(day: i32) -> i32 {
        day_of(at("01T00:00:00")) + day - 1
    }

    fn marks(spans: &[(&str, &str, &str)]) -> ReadMarks {
        let mut marks = ReadMarks::default();
        for (region, start, end) in spans {
            marks.note_history(region, HistorySpan { start: at(start), end: at(end) });
        }
        marks
    }

    #[track_caller]
    fn check(spans: &[(&str, &str, &str)], window: Range<i32>, expect: &[(&str, i32)]) {
        let asked = ["a".to_owned(), "b".to_owned()];
        let found = covered_history(&marks(spans), day(window.start)..day(window.end), &asked);
        let since = |(region, since): &(&str, i32)| ((*region).to_owned(), day(*since)..day(window.end));
        assert_eq!(found, EventHistory { days: expect.iter().map(since).collect() });
    }

    #[test]
    fn regions_read_over_the_whole_window() {
        check(&[("a", "01T00:00:00", "10T09:45:00")], 1..11, &[("a", 1)]);
        check(&[("a", "01T00:00:00", "12T00:00:00")], 3..8, &[("a", 3)]);
        let both = [("a", "01T00:00:00", "10T09:45:00"), ("b", "01T00:00:00", "10T09:45:00")];
        check(&both, 1..11, &[("a", 1), ("b", 1)]);
    }

    #[test]
    fn a_region_that_lags_behind_the_others_is_not_covered() {
        check(&[("a", "01T00:00:00", "10T09:45:00"), ("b", "01T00:00:00", "10T08:45:00")], 1..11, &[("a", 1)]);
    }

    #[test]
    fn a_gap_inside_the_window_is_no_coverage_before_it() {
        let spans = [("a", "01T00:00:00", "05T12:00:00"), ("a", "05T12:00:01", "10T09:45:00")];
        check(&spans, 1..11, &[("a", 6)]);
    }

    #[test]
    fn a_day_that_was_read_in_part_does_not_count() {
        check(&[("a", "01T00:00:01", "10T09:45:00")], 1..11, &[("a", 2)]);
        check(&[("a", "10T00:00:01", "10T09:45:00")], 1..11, &[]);
        check(&[("a", "01T00:00:00", "10T00:00:00")], 1..11, &[]);
    }

    #[test]
    fn each_region_counts_from_its_own_first_whole_day() {
        let spans = [("a", "03T00:00:00", "10T09:45:00"), ("b", "05T00:00:00", "10T09:45:00")];
        check(&spans, 1..11, &[("a", 3), ("b", 5)]);
        check(&[], 1..11, &[]);
        check(&spans, 6..6, &[]);
    }
}
