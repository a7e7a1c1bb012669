//! Marks of the evidence that was read, so that a run reads only what is new.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize, Serializer};
use whittle_analysis::issue::{Issue, IssueKind, merge_issues};
use whittle_evidence::read::parse_key;

use crate::trail_object::TrailObject;

/// Objects and spans of event history that are in the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReadMarks {
    /// Source → its marks.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: BTreeMap<String, SourceMarks>,
    /// Region → spans of event history that were read completely, sorted and apart from each other.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub history: BTreeMap<String, Vec<HistorySpan>>,
    /// Region → the part of its `history` that held no event and is not worth a write.
    #[serde(skip)]
    quiet: BTreeMap<String, HistorySpan>,
}

/// Less than this without an event is read again rather than written down: a run with nothing new writes
/// nothing.
const QUIET: SignedDuration = SignedDuration::from_hours(24);

/// Marks of one source of trail objects.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SourceMarks {
    /// First key that [`SourceMarks::through`] speaks of: older ones were beyond the lookback and never
    /// listed. `None`: it speaks of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// Every object up to and including this key was read, or is in `failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub through: Option<String>,
    /// Objects read one by one: key → version.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub read: BTreeMap<String, String>,
    /// Keys that were listed and could not be read: the next run tries them again.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub failed: BTreeSet<String>,
    /// Keys of files that a digest names and that were never listed.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub missing: BTreeSet<String>,
    /// Problems of objects that were read, by key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", serialize_with = "stored_issues")]
    pub issues: BTreeMap<String, Vec<Issue>>,
}

/// One issue for the missing files of each Region, at the newest of them.
fn missing_files(keys: &BTreeSet<String>) -> Vec<Issue> {
    let mut by_region: BTreeMap<&str, (&String, u64)> = BTreeMap::new();
    for key in keys {
        let region = parse_key(key).map_or("", |key| key.region);
        // Keys of one Region stand in the order of delivery.
        let (newest, count) = by_region.entry(region).or_insert((key, 0));
        *newest = key;
        *count = count.saturating_add(1);
    }
    let issue = |(newest, count): (&String, u64)| {
        let message = "is not there, and a digest names it";
        let mut issue = Issue::new(IssueKind::MissingTrailFile, newest.clone(), message)
            .with_hint("copy the whole folder again; until then nothing of its Region is called unused");
        issue.count = count;
        issue
    };
    by_region.into_values().map(issue).collect()
}

/// An issue with the word of a store, which says whether evidence is lost.
#[derive(Serialize)]
struct StoredIssue<'a> {
    kind: Cow<'a, str>,
    place: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    hint: &'a str,
    count: u64,
}

impl<'a> From<&'a Issue> for StoredIssue<'a> {
    fn from(Issue { kind, place, message, hint, count }: &'a Issue) -> Self {
        Self { kind: kind.to_stored(), place, message, hint, count: *count }
    }
}

fn stored_issues<S: Serializer>(issues: &BTreeMap<String, Vec<Issue>>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer
        .collect_map(issues.iter().map(|(key, issues)| (key, issues.iter().map(StoredIssue::from).collect::<Vec<_>>())))
}

/// A span of time, `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HistorySpan {
    /// First instant.
    pub start: Timestamp,
    /// First instant after it.
    pub end: Timestamp,
}

impl ReadMarks {
    /// True if this very version of the object was read.
    pub fn knows(&self, object: &TrailObject) -> bool {
        let Some(source) = self.sources.get(&object.source) else { return false };
        match source.read.get(&object.key) {
            Some(version) => *version == object.version,
            None => {
                source.through.as_ref().is_some_and(|through| object.key <= *through)
                    && source.since.as_ref().is_none_or(|since| object.key >= *since)
                    && !source.failed.contains(&object.key)
            }
        }
    }

    /// Notes that an object was read, with its problems.
    pub fn note_read(&mut self, object: &TrailObject, issues: Vec<Issue>) {
        let source = self.sources.entry(object.source.clone()).or_default();
        source.failed.remove(&object.key);
        source.read.insert(object.key.clone(), object.version.clone());
        if issues.is_empty() {
            source.issues.remove(&object.key);
        } else {
            source.issues.insert(object.key.clone(), issues);
        }
    }

    /// Notes that an object could not be read.
    pub fn note_failed(&mut self, object: &TrailObject) {
        let source = self.sources.entry(object.source.clone()).or_default();
        source.read.remove(&object.key);
        source.failed.insert(object.key.clone());
    }

    /// Issues of all objects read so far.
    pub fn issues(&self) -> Vec<Issue> {
        let of_objects = self.sources.values().flat_map(|source| source.issues.values().flatten()).cloned();
        let missing = self.sources.values().flat_map(|source| missing_files(&source.missing));
        merge_issues(of_objects.chain(missing).collect())
    }

    /// Notes that event history of a Region was read over `span`.
    pub fn note_history(&mut self, region: &str, span: HistorySpan) {
        if span.start < span.end {
            let spans = self.history.entry(region.to_owned()).or_default();
            spans.push(span);
            *spans = joined(std::mem::take(spans));
        }
    }

    /// Notes that event history of a Region was read over `span`, the newest there is, and held no event.
    pub fn note_quiet(&mut self, region: &str, span: HistorySpan) {
        self.note_history(region, span);
        if span.end.duration_since(span.start) < QUIET {
            self.quiet.insert(region.to_owned(), span);
        }
    }

    /// The marks to store: all but the quiet end of a Region's history, which the next run reads again.
    #[must_use]
    pub fn durable(&self) -> Self {
        let mut durable = Self { quiet: BTreeMap::new(), ..self.clone() };
        for (region, quiet) in &self.quiet {
            durable.forget_history(region, *quiet);
        }
        durable.history.retain(|_, spans| !spans.is_empty());
        durable
    }

    /// Forgets that event history since `since` was read, and every object: what is listed is read again.
    pub fn forget_since(&mut self, since: Timestamp) {
        for source in self.sources.values_mut() {
            source.through = None;
            source.read.clear();
        }
        for spans in self.history.values_mut() {
            spans.retain_mut(|span| {
                span.end = span.end.min(since);
                span.start < span.end
            });
        }
    }

    /// Forgets marks that stand for keys named after `day` (`2026/09/30`): what was delivered before that day
    /// may lie behind them and was never listed.
    pub fn forget_marks_ahead(&mut self, day: &str) {
        for source in self.sources.values_mut() {
            let is_day = |key: &str| key.get(..10).is_some_and(|day| day.split('/').count() == 3);
            if source.through.as_deref().is_some_and(|through| is_day(through) && through > day) {
                source.through = None;
                source.since = None;
            }
        }
    }

    /// Takes `span` out of what was read: it is to be read again.
    pub fn forget_history(&mut self, region: &str, span: HistorySpan) {
        if let Some(spans) = self.history.get_mut(region) {
            *spans = without(spans, span);
        }
    }

    /// The parts of `wanted` that were not read yet, newest first.
    pub fn history_gaps(&self, region: &str, wanted: HistorySpan) -> Vec<HistorySpan> {
        let mut gaps = Vec::new();
        let mut start = wanted.start;
        for span in self.history.get(region).map(Vec::as_slice).unwrap_or_default() {
            if span.start > start && start < wanted.end {
                gaps.push(HistorySpan { start, end: span.start.min(wanted.end) });
            }
            start = start.max(span.end);
        }
        if start < wanted.end {
            gaps.push(HistorySpan { start, end: wanted.end });
        }
        gaps.reverse();
        gaps
    }

    /// True if event history of a Region was read over all of `wanted`.
    pub fn history_covers(&self, region: &str, wanted: HistorySpan) -> bool {
        self.history_gaps(region, wanted).is_empty()
    }
}

/// `spans` without `span`.
fn without(spans: &[HistorySpan], span: HistorySpan) -> Vec<HistorySpan> {
    spans
        .iter()
        .flat_map(|known| {
            [
                HistorySpan { start: known.start, end: known.end.min(span.start) },
                HistorySpan { start: known.start.max(span.end), end: known.end },
            ]
        })
        .filter(|rest| rest.start < rest.end)
        .collect()
}

/// Sorted spans; those that meet or overlap become one.
fn joined(mut spans: Vec<HistorySpan>) -> Vec<HistorySpan> {
    spans.sort();
    let mut out: Vec<HistorySpan> = Vec::with_capacity(spans.len());
    for span in spans {
        match out.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ => out.push(span),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(start: i64, end: i64) -> HistorySpan {
        HistorySpan { start: Timestamp::from_second(start).unwrap(), end: Timestamp::from_second(end).unwrap() }
    }

    fn object(key: &str, version: &str) -> TrailObject {
        TrailObject { source: "s".to_owned(), key: key.to_owned(), version: version.to_owned(), size_bytes: 1 }
    }

    #[test]
    fn spans_join_and_gaps_are_newest_first() {
        let mut marks = ReadMarks::default();
        marks.note_history("r", span(50, 60));
        marks.note_history("r", span(20, 30));
        assert_eq!(marks.history_gaps("r", span(0, 100)), [span(60, 100), span(30, 50), span(0, 20)]);
        marks.note_history("r", span(25, 55));
        assert_eq!(marks.history["r"], [span(20, 60)]);
        assert!(marks.history_covers("r", span(20, 60)) && !marks.history_covers("r", span(20, 61)));
        assert_eq!(marks.history_gaps("r", span(0, 40)), [span(0, 20)]);
        assert_eq!(marks.history_gaps("r", span(70, 80)), [span(70, 80)]);
        assert_eq!(marks.history_gaps("other", span(1, 2)), [span(1, 2)]);
        marks.note_history("r", span(5, 5));
        assert_eq!(marks.history["r"].len(), 1);
        marks.forget_history("r", span(30, 40));
        marks.forget_history("r", span(0, 10));
        marks.forget_history("other", span(0, 10));
        assert_eq!(marks.history["r"], [span(20, 30), span(40, 60)]);
    }

    #[test]
    fn a_quiet_end_counts_as_read_and_is_stored_once_a_day_is_full() {
        let mut marks = ReadMarks::default();
        marks.note_history("r", span(0, 50));
        marks.note_quiet("r", span(50, 60));
        marks.note_quiet("new", span(50, 60));
        assert!(marks.history_covers("r", span(0, 60)));
        let mut marks = marks.durable();
        assert_eq!(marks.history, BTreeMap::from([("r".to_owned(), vec![span(0, 50)])]));
        marks.note_quiet("r", span(50, 50 + 86_400));
        assert_eq!(marks.durable().history["r"], [span(0, 50 + 86_400)]);
    }

    #[test]
    fn an_object_is_known_by_version_or_by_the_mark_it_lies_behind() {
        let mut marks = ReadMarks::default();
        marks.note_read(&object("b", "1"), Vec::new());
        assert!(marks.knows(&object("b", "1")) && !marks.knows(&object("b", "2")) && !marks.knows(&object("a", "1")));
        marks.sources.get_mut("s").unwrap().through = Some("c".to_owned());
        assert!(marks.knows(&object("a", "1")) && !marks.knows(&object("d", "1")));
        marks.sources.get_mut("s").unwrap().since = Some("a".to_owned());
        assert!(marks.knows(&object("a", "1")) && !marks.knows(&object("Z", "1")));
        marks.note_failed(&object("a", "1"));
        assert!(!marks.knows(&object("a", "1")));
    }

    #[test]
    fn reading_an_object_again_replaces_its_issues() {
        let mut marks = ReadMarks::default();
        marks.note_read(&object("b", "1"), vec![Issue::new(IssueKind::from("bad-record"), "b", "is bad")]);
        assert_eq!(marks.issues().len(), 1);
        marks.note_read(&object("b", "2"), Vec::new());
        assert_eq!(marks.issues(), []);
        let text = serde_json::to_string(&marks).unwrap();
        assert_eq!(serde_json::from_str::<ReadMarks>(&text).unwrap(), marks);
    }

    #[test]
    fn a_mark_on_a_day_to_come_is_forgotten() {
        let mark = |through: &str| {
            let through = Some(through.to_owned());
            SourceMarks { through, since: Some("2026/08/01".to_owned()), ..SourceMarks::default() }
        };
        let mut marks = ReadMarks::default();
        for (source, through) in [("a", "2026/09/09/x"), ("b", "2098/01/01/x"), ("c", "x")] {
            marks.sources.insert(source.to_owned(), mark(through));
        }
        marks.forget_marks_ahead("2026/09/11");
        let through: Vec<Option<&str>> = marks.sources.values().map(|source| source.through.as_deref()).collect();
        assert_eq!(through, [Some("2026/09/09/x"), None, Some("x")]);
    }
}
