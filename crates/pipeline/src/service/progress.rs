//! How far the reading of event history is, and whether it can keep up.

use jiff::{SignedDuration, Timestamp};
use whittle_analysis::issue::{Issue, IssueKind};

use crate::history::{HistorySummary, RegionHistory};

/// A first reading that takes longer than this wants another source.
const LONG_READING: SignedDuration = SignedDuration::from_hours(24);

/// A day whose events take longer than this to read leaves the reading no time to catch up.
const LONG_DAY: SignedDuration = SignedDuration::from_hours(12);

const SECONDS_A_DAY: f64 = 86_400.0;

/// What to say of Regions that are not read to the end. `took`: time of this reading.
pub(super) fn of_event_history(summary: &HistorySummary, took: SignedDuration) -> Vec<Issue> {
    let mut issues = Vec::new();
    for (region, read) in summary.regions.iter().filter(|(_, read)| !read.complete) {
        // A Region that could not be asked has an issue of its own.
        let Some((_, newest)) = summary.left.iter().find(|(of, _)| of == region) else { continue };
        let pace = ReadingPace::of(read, took);
        let place = format!("event-history:{region}");
        let left = pace.as_ref().map(|pace| format!(", about {} of reading", duration(pace.left))).unwrap_or_default();
        let message = format!("is read back to {} so far; {} are left{left}", date(newest.end), days(read.left));
        issues.push(
            Issue::new(IssueKind::ReadingContinues, place.clone(), message).with_hint(
                "nothing to do: the next run goes on, and until then fewer days prove that nothing was used",
            ),
        );
        if let Some(pace) = pace.filter(|pace| pace.left > LONG_READING || pace.a_day > LONG_DAY) {
            let message = format!(
                "holds about {:.0} events a day, each day takes {} to read, and all of them {}: \
                 event history cannot keep up",
                pace.events_a_day,
                duration(pace.a_day),
                duration(pace.left),
            );
            issues.push(Issue::new(IssueKind::EventHistoryTooSlow, place, message).with_hint(
                "read the files of a trail in S3 instead (EvidenceSource=trail-bucket), which has no such limit",
            ));
        }
    }
    issues
}

/// How fast a Region is read.
#[derive(Debug, Clone, Copy, PartialEq)]
struct ReadingPace {
    events_a_day: f64,
    /// Time that a day of events takes.
    a_day: SignedDuration,
    /// Time that the rest takes.
    left: SignedDuration,
}

impl ReadingPace {
    /// `None` where too little was read to tell.
    fn of(read: &RegionHistory, took: SignedDuration) -> Option<Self> {
        let covered = read.covered_now.as_secs_f64();
        if covered < 60.0 || took < SignedDuration::from_secs(1) {
            return None;
        }
        let per_second = took.as_secs_f64() / covered;
        let seconds = |seconds: f64| SignedDuration::try_from_secs_f64(seconds).unwrap_or(SignedDuration::MAX);
        #[expect(clippy::cast_precision_loss, reason = "an estimate")]
        let events = read.events as f64;
        Some(Self {
            events_a_day: events * SECONDS_A_DAY / covered,
            a_day: seconds(per_second * SECONDS_A_DAY),
            left: seconds(per_second * read.left.as_secs_f64()),
        })
    }
}

fn date(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn days(span: SignedDuration) -> String {
    format!("{:.1} days", span.as_secs_f64() / SECONDS_A_DAY)
}

fn duration(span: SignedDuration) -> String {
    match span.as_secs() {
        seconds @ ..120 => format!("{seconds} seconds"),
        seconds @ 120..7_200 => format!("{} minutes", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} hours", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marks::HistorySpan;

    fn summary(events: u64, covered_hours: i64, left_days: i64) -> HistorySummary {
        let left = SignedDuration::from_hours(24 * left_days);
        let end: Timestamp = "2026-09-30T00:00:00Z".parse().unwrap();
        let mut summary = HistorySummary::default();
        let covered_now = SignedDuration::from_hours(covered_hours);
        let read = RegionHistory { pages: 1, events, complete: left_days == 0, covered_now, left };
        summary.regions.insert("eu-west-1".to_owned(), read);
        if left_days > 0 {
            summary.left.push(("eu-west-1".to_owned(), HistorySpan { start: end.checked_sub(left).unwrap(), end }));
        }
        summary
    }

    fn said(summary: &HistorySummary, minutes: i64) -> Vec<(String, String)> {
        let issues = of_event_history(summary, SignedDuration::from_mins(minutes));
        issues.into_iter().map(|issue| (issue.kind.to_string(), issue.message)).collect()
    }

    #[test]
    fn a_reading_that_goes_on_says_how_far_it_is() {
        assert_eq!(said(&summary(1_000, 24, 0), 10), []);
        // 30 days in ten minutes: 60 days take twenty.
        let said = said(&summary(30_000, 720, 60), 10);
        let message = "is read back to 2026-09-30 00:00 UTC so far; 60.0 days are left, about 20 minutes of reading";
        assert_eq!(said, [("reading-continues".to_owned(), message.to_owned())]);
    }

    #[test]
    fn a_million_events_a_day_want_another_source() {
        // At a hundred events a second: 60,000 events in ten minutes are 1.44 hours of such a day.
        let mut busy = summary(60_000, 0, 89);
        busy.regions.get_mut("eu-west-1").unwrap().covered_now = SignedDuration::from_secs(5_184);
        let said = said(&busy, 10);
        assert_eq!(said[0].1.rsplit_once(", ").unwrap().1, "about 10 days of reading");
        assert_eq!(said[1].0, "event-history-too-slow");
        assert!(said[1].1.contains("about 1000000 events a day, each day takes 2 hours to read"), "{said:?}");
    }

    #[test]
    fn where_nothing_was_read_no_time_is_guessed() {
        let said = said(&summary(0, 0, 90), 10);
        assert_eq!(said.len(), 1);
        assert!(said[0].1.ends_with("90.0 days are left"), "{said:?}");
    }
}
