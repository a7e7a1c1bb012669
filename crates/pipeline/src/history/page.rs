//! One page of event history: its events go into the ledger, its problems into the marks.
//!
//! A span is read once, so what was wrong with its events has to outlive the run. It stands in the marks like
//! the issues of trail files, under a source for the Region, by the second of the page's oldest event.

use jiff::Timestamp;
use whittle_analysis::issue::Issue;
use whittle_evidence::ledger::RecordSource;
use whittle_evidence::map::Mapper;
use whittle_evidence::read::{IssueKind as FileIssueKind, Limits, read_bytes};

use crate::ingest::{Evidence, issues_of, without_text};
use crate::marks::{HistorySpan, ReadMarks};
use crate::ports::HistoryPage;

/// Events of one page at most (AWS CloudTrail API Reference, LookupEvents, `MaxResults`).
const PAGE_EVENTS: usize = 50;

/// Result of one page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct PageRead {
    /// Events that are in the ledger now.
    pub(super) events: u64,
    /// Time of the newest of them.
    pub(super) newest: Option<Timestamp>,
    /// Problems of single events.
    pub(super) issues: Vec<Issue>,
    /// Reason why the page as a whole proves nothing: it was not read to its end.
    pub(super) broken: Option<String>,
}

/// Name of a Region's event history in issues.
pub(super) fn place(region: &str) -> String {
    format!("event history of {region}")
}

/// The beginning of a time's second.
pub(super) fn second_of(time: Timestamp) -> Timestamp {
    // `as_second` truncates towards 1970; event history does not go back that far.
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// Merges a page into the ledger.
pub(super) fn observe(region: &str, page: &HistoryPage, evidence: &mut Evidence, mapper: &mut Mapper) -> PageRead {
    let Evidence { ledger, reading, .. } = evidence;
    let limits = Limits { max_described_issues: PAGE_EVENTS, ..Limits::default() };
    let place = place(region);
    let mut newest = None;
    let report = read_bytes(&place, &page.body, &limits, &mut |found| {
        newest = newest.max(Some(found.record.event_time));
        ledger.observe_kept(found.record, &RecordSource::EventHistory, mapper, &reading.kept_roles);
    });
    let broken = report
        .issue_counts
        .keys()
        .find(|kind| kind.loses_records() && **kind != FileIssueKind::UnreadableRecord)
        .map(|kind| kind.description().to_owned());
    let issues =
        if broken.is_some() { without_text(&report, &place).into_iter().collect() } else { issues_of(&report) };
    PageRead { events: report.records, newest, issues, broken }
}

/// Source of a Region's issues in the marks.
fn issue_source(region: &str) -> String {
    format!("event-history/{region}")
}

/// Replaces the issues known of `span`.
pub(super) fn keep_issues(marks: &mut ReadMarks, region: &str, span: HistorySpan, issues: Vec<Issue>) {
    let name = issue_source(region);
    let (start, end) = (span.start.to_string(), span.end.to_string());
    if let Some(source) = marks.sources.get_mut(&name) {
        source.issues.retain(|key, _| *key < start || *key >= end);
    }
    if !issues.is_empty() {
        marks.sources.entry(name).or_default().issues.entry(start).or_default().extend(issues);
    } else if marks.sources.get(&name).is_some_and(|source| *source == crate::marks::SourceMarks::default()) {
        marks.sources.remove(&name);
    }
}

/// Forgets issues of events before `time`.
pub(super) fn forget_issues_before(marks: &mut ReadMarks, region: &str, time: Timestamp) {
    let start = second_of(time).to_string();
    if let Some(source) = marks.sources.get_mut(&issue_source(region)) {
        source.issues.retain(|key, _| *key >= start);
    }
}
