//! Progress of one Region, and its next request.

use std::collections::BTreeSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use jiff::{SignedDuration, Timestamp};
use whittle_analysis::issue::{Issue, IssueKind};

use super::page::{self, PageRead};
use crate::marks::{HistorySpan, ReadMarks};
use crate::ports::{HistoryPage, HistoryRequest, PortError, PortErrorKind};

/// Tries of one span without any progress, after the first.
const MAX_RESTARTS: u32 = 3;

/// Empty pages in a row that still announce another one.
const MAX_EMPTY_PAGES: u32 = 10;

/// Different pages in a row that all end in the same second: 50,000 events of one second.
const MAX_PAGES_OF_A_SECOND: u32 = 1_000;

const SECOND: SignedDuration = SignedDuration::from_secs(1);

/// One Region of a run.
#[derive(Debug)]
pub(super) struct RegionReading {
    region: String,
    /// Spans to read, oldest first: the last one is being read and shrinks from its end.
    gaps: Vec<HistorySpan>,
    /// The span that was read before and is read again; nothing after its end was read yet.
    again: Option<HistorySpan>,
    /// End of the question that the token goes on with: it "must be passed in with the same parameters" (AWS
    /// CloudTrail API Reference, LookupEvents, `NextToken`), while what is left to read shrinks.
    asked_end: Timestamp,
    token: Option<String>,
    /// Pages and tokens since the span was last begun, to see when the service turns in a circle.
    seen: BTreeSet<u64>,
    restarts: u32,
    empty_pages: u32,
    pages_of_second: u32,
    failed: bool,
}

/// One page with what became of it.
pub(super) struct HistoryAnswer<'a> {
    pub(super) page: &'a HistoryPage,
    pub(super) read: PageRead,
    /// The service holds nothing older.
    pub(super) held_since: Timestamp,
}

impl RegionReading {
    /// The spans that `marks` lack of `wanted`. The newest gap begins earlier by `overlap`, so that events
    /// that were delivered after the last run are found.
    pub(super) fn new(region: &str, marks: &ReadMarks, wanted: HistorySpan, overlap: SignedDuration) -> Self {
        let mut gaps = marks.history_gaps(region, wanted);
        let mut again = None;
        if let Some(newest) = gaps.first_mut()
            && newest.end == wanted.end
            && newest.start > wanted.start
        {
            let start = super::before(newest.start, overlap).max(wanted.start);
            again = Some(HistorySpan { start, end: newest.start });
            newest.start = start;
        }
        gaps.reverse();
        let mut joined: Vec<HistorySpan> = Vec::with_capacity(gaps.len());
        for gap in gaps {
            match joined.last_mut() {
                Some(last) if gap.start <= last.end => {
                    last.start = last.start.min(gap.start);
                    last.end = gap.end;
                }
                _ => joined.push(gap),
            }
        }
        // The overlap may reach over several older gaps: those inside it are part of it now.
        if let Some(newest) = joined.last().copied() {
            joined.retain(|gap| gap.start < newest.start || *gap == newest);
        }
        Self {
            region: region.to_owned(),
            asked_end: joined.last().map_or(wanted.end, |gap| gap.end),
            gaps: joined,
            again,
            token: None,
            seen: BTreeSet::new(),
            restarts: 0,
            empty_pages: 0,
            pages_of_second: 0,
            failed: false,
        }
    }

    pub(super) fn region(&self) -> &str {
        &self.region
    }

    /// Nothing is left to ask for, or asking is of no use.
    pub(super) fn is_done(&self) -> bool {
        self.failed || self.gaps.is_empty()
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed
    }

    /// The next request. The end is asked for as well, though it is no part of the span: an event is not lost
    /// if the service knows its time to the millisecond, or takes the end as exclusive.
    pub(super) fn request(&self) -> HistoryRequest {
        HistoryRequest {
            region: self.region.clone(),
            start: self.gaps.last().map_or(self.asked_end, |gap| gap.start),
            end: self.asked_end,
            token: self.token.clone(),
        }
    }

    /// The page could not be had.
    pub(super) fn refused(&mut self, error: &PortError) -> Option<Issue> {
        // A token lives for a while only. `Invalid` with a token is answered alike: without the token it
        // shows whether the rest of the request is at fault.
        let by_token = self.token.is_some() && matches!(error.kind(), PortErrorKind::NotFound | PortErrorKind::Invalid);
        if by_token {
            return self.restart(&error.to_string());
        }
        self.failed = true;
        let hint =
            error.hint().unwrap_or("the next run tries again; until then nothing of this Region is called unused");
        Some(self.issue(IssueKind::EventHistoryUnavailable, error.to_string()).with_hint(hint))
    }

    /// Notes in `marks` what the page covers, and moves on.
    pub(super) fn take(&mut self, answer: HistoryAnswer<'_>, marks: &mut ReadMarks) -> Option<Issue> {
        let HistoryAnswer { page, read, held_since } = answer;
        let gap = self.gaps.last_mut()?;
        if let Some(why) = read.broken {
            return self.restart(&format!("a page {why}"));
        }
        if let Some(oldest) = page.oldest {
            let second = page::second_of(oldest);
            if second < gap.start || second > gap.end {
                return self.restart(&format!("a page that ends at {oldest} is none of the time asked for"));
            }
            if !self.seen.insert(fingerprint(b'p', &page.body)) {
                return self.restart(&format!("the page that ends at {oldest} was answered twice"));
            }
        }
        // INVARIANT: every event at or after this instant, and before the end of the gap, is in the ledger.
        let covered = match (page.next.is_some(), page.oldest) {
            (false, _) => gap.start,
            (true, Some(oldest)) => {
                page::second_of(oldest).checked_add(SECOND).unwrap_or(gap.end).clamp(gap.start, gap.end)
            }
            (true, None) => gap.end,
        };
        let span = HistorySpan { start: covered.max(held_since), end: gap.end };
        let progress = covered < gap.end;
        gap.end = covered;
        let done = gap.end <= gap.start;
        if progress {
            // Only now: a run that gets nothing must not take away what is known.
            let again = self.again.take();
            if let Some(again) = again {
                marks.forget_history(&self.region, again);
            }
            match again {
                Some(again) if read.issues.is_empty() && read.newest.is_none_or(|newest| newest < again.end) => {
                    marks.note_history(&self.region, HistorySpan { end: again.end, ..span });
                    marks.note_quiet(&self.region, HistorySpan { start: again.end.max(span.start), ..span });
                }
                _ => marks.note_history(&self.region, span),
            }
            self.restarts = 0;
            self.empty_pages = 0;
            self.pages_of_second = 0;
        }
        let issues_of = HistorySpan { start: covered, end: if progress { span.end } else { covered } };
        page::keep_issues(marks, &self.region, issues_of, read.issues);
        if done {
            self.gaps.pop();
            self.begin();
            return None;
        }
        self.follow(page, progress)
    }

    /// Goes on with the next page.
    fn follow(&mut self, page: &HistoryPage, progress: bool) -> Option<Issue> {
        let Some(next) = &page.next else { return None };
        if !self.seen.insert(fingerprint(b't', next.as_bytes())) {
            return self.restart("a page led back to one before it");
        }
        if page.oldest.is_none() {
            self.empty_pages += 1;
        } else if !progress {
            self.pages_of_second += 1;
        }
        if self.empty_pages > MAX_EMPTY_PAGES || self.pages_of_second > MAX_PAGES_OF_A_SECOND {
            return Some(self.give_up("page follows page without an older event"));
        }
        self.token = Some(next.clone());
        None
    }

    /// Begins what is left of the span without a token.
    fn restart(&mut self, why: &str) -> Option<Issue> {
        self.begin();
        self.restarts += 1;
        (self.restarts > MAX_RESTARTS).then(|| self.give_up(why))
    }

    fn begin(&mut self) {
        self.asked_end = self.gaps.last().map_or(self.asked_end, |gap| gap.end);
        self.token = None;
        self.seen.clear();
        self.empty_pages = 0;
        self.pages_of_second = 0;
    }

    fn give_up(&mut self, why: &str) -> Issue {
        self.failed = true;
        self.issue(IssueKind::EventHistoryStuck, format!("reading does not get on: {why}"))
            .with_hint("the next run tries again; until then nothing of this Region is called unused")
    }

    fn issue(&self, kind: IssueKind, message: String) -> Issue {
        Issue::new(kind, page::place(&self.region), message)
    }
}

/// Tells pages and tokens of one span apart. A collision costs a second reading, no event.
fn fingerprint(kind: u8, bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    kind.hash(&mut hasher);
    bytes.hash(&mut hasher);
    hasher.finish()
}
