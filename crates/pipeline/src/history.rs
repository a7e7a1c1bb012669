//! CloudTrail's event history → ledger: reads the spans that were not read yet, newest first, every Region at
//! its own pace.
//!
//! In: an [`EventHistorySource`] and the marks of earlier runs. Out: events in the ledger, and marks that say
//! which spans are in it. A page is noted as soon as it is merged, so a stop between two pages loses nothing;
//! what a kill loses is what was read since the last save, and reading it again changes nothing.
//!
//! Answers come newest first and are paged by a token (AWS CloudTrail API Reference, LookupEvents). So after
//! a page whose oldest event is of second `t`, everything from `t + 1 s` on is read; of second `t` itself
//! more may follow. `StartTime` and `EndTime` are both inclusive ("after or at", "before or at"), so nothing
//! falls between two spans that meet; an event at the border is read twice, which changes nothing.
//!
//! Event history is no trail file: it never speaks for what the trails log.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::task::Poll;

use jiff::{SignedDuration, Timestamp};
use whittle_analysis::issue::{Issue, merge_issues};
use whittle_evidence::ledger::days::{day_of, start_of_day};
use whittle_evidence::map::Mapper;

use crate::ingest::Evidence;
use crate::marks::{HistorySpan, ReadMarks};
use crate::ports::{Clock, EventHistorySource, EvidenceBatch, HistoryPage, PortError, Store};

mod covered;
mod page;
mod region;

pub use covered::covered_history;
use region::{HistoryAnswer, RegionReading};

/// Pages between two saves.
const SAVE_PAGES: u64 = 50;

/// Time between two saves.
const SAVE_INTERVAL: SignedDuration = SignedDuration::from_secs(30);

/// Time that a first reading may take before the oldest days are out of event history: two calls a second and
/// Region are 360,000 events an hour.
const READING_TIME: SignedDuration = SignedDuration::from_hours(6);

/// The ledger's window reaches back no further, so that older issues concern nobody.
const KEEP_ISSUES: SignedDuration = SignedDuration::from_hours(400 * 24);

/// Settings for the reading of event history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistorySettings {
    /// Days to look back; more than [`HistorySettings::MAX_DAYS`] are as many.
    pub lookback_days: u16,
    /// Time before the newest instant read that is read again, for events that were delivered late.
    pub overlap: SignedDuration,
    /// Least age of an event. Younger ones may be incomplete: CloudTrail delivers within 15 minutes, on
    /// average within 5, without a guarantee (CloudTrail User Guide, "Getting and viewing your CloudTrail log
    /// files").
    pub lag: SignedDuration,
}

impl HistorySettings {
    /// Event history goes back 90 days (CloudTrail User Guide, "Working with CloudTrail event history").
    pub const MAX_DAYS: u16 = 90;
}

impl Default for HistorySettings {
    fn default() -> Self {
        Self {
            lookback_days: Self::MAX_DAYS,
            overlap: SignedDuration::from_hours(2),
            lag: SignedDuration::from_mins(15),
        }
    }
}

/// Summary of the reading of event history.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistorySummary {
    /// Pages read.
    pub pages: u64,
    /// Events read; one that was read twice counts twice.
    pub events: u64,
    /// Every Region asked for.
    pub regions: BTreeMap<String, RegionHistory>,
    /// Spans left for the next run since there was no time, by Region, newest first. Not those that could not
    /// be read: see [`RegionHistory::complete`].
    pub left: Vec<(String, HistorySpan)>,
}

/// Summary for one Region.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RegionHistory {
    /// Pages read.
    pub pages: u64,
    /// Events read.
    pub events: u64,
    /// Everything wanted is read, now or by an earlier run.
    pub complete: bool,
    /// Time that was covered now, of what was wanted.
    pub covered_now: SignedDuration,
    /// Time that is not covered yet.
    pub left: SignedDuration,
}

/// Reads the spans that the marks lack of `[now - lookback, now - lag)`, in all Regions of `source` at once.
/// The lookback begins at midnight UTC: of the day that it reaches, or of the first day that event history
/// still holds wholly.
///
/// `stop` is asked after each page; pages that are under way then are given up. A Region that cannot be read
/// is an issue, and its spans stay uncovered; the others go on. An error means that the store failed.
pub async fn read_history(
    source: &impl EventHistorySource,
    store: &mut impl Store,
    evidence: &mut Evidence,
    settings: &HistorySettings,
    clock: &impl Clock,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<(HistorySummary, Vec<Issue>), PortError> {
    let mut reading = HistoryReading::new(settings, clock.now());
    let mut regions = source.regions();
    regions.sort();
    regions.dedup();
    let mut pending = Vec::with_capacity(regions.len());
    for region in &regions {
        let state = RegionReading::new(region, &evidence.marks, reading.wanted, settings.overlap);
        let wanted = uncovered(&evidence.marks, region, reading.wanted);
        reading.summary.regions.insert(region.clone(), RegionHistory { left: wanted, ..RegionHistory::default() });
        if state.is_done() || stop() {
            reading.ended.push(state);
        } else {
            pending.push(fetch(source, state));
        }
    }
    while let Some((mut state, answer)) = next_of(&mut pending).await {
        reading.take(&mut state, answer, evidence, clock.now());
        if reading.is_time_to_save(clock.now()) {
            reading.save(store, evidence, clock.now())?;
        }
        let stopped = stop();
        if state.is_done() || stopped {
            reading.ended.push(state);
        } else {
            pending.push(fetch(source, state));
        }
        if stopped {
            break;
        }
    }
    // A call that is under way is given up: its answer may take longer than there is time.
    drop(pending);
    if reading.unsaved_pages > 0 {
        reading.save(store, evidence, clock.now())?;
    }
    Ok(reading.finish(&evidence.marks, clock.now()))
}

type Fetched<'s> = Pin<Box<dyn Future<Output = (RegionReading, Result<HistoryPage, PortError>)> + Send + 's>>;

fn fetch(source: &impl EventHistorySource, state: RegionReading) -> Fetched<'_> {
    Box::pin(async move {
        let answer = source.page(&state.request()).await;
        (state, answer)
    })
}

/// The result of the first future that is done. Each wake-up polls all: there is one a Region, and each waits
/// for half a second at least.
async fn next_of<T>(pending: &mut Vec<Pin<Box<dyn Future<Output = T> + Send + '_>>>) -> Option<T> {
    if pending.is_empty() {
        return None;
    }
    let done = std::future::poll_fn(|context| {
        for (index, future) in pending.iter_mut().enumerate() {
            if let Poll::Ready(result) = future.as_mut().poll(context) {
                return Poll::Ready((index, result));
            }
        }
        Poll::Pending
    });
    let (index, result) = done.await;
    // The others keep their order, so that each has its turn.
    drop(pending.remove(index));
    Some(result)
}

/// The one loop that owns the ledger.
struct HistoryReading {
    wanted: HistorySpan,
    mapper: Mapper,
    summary: HistorySummary,
    issues: Vec<Issue>,
    /// Regions that read no more: done, failed or stopped.
    ended: Vec<RegionReading>,
    unsaved_pages: u64,
    saved: Timestamp,
}

impl HistoryReading {
    fn new(settings: &HistorySettings, now: Timestamp) -> Self {
        let start = first_wanted(now, settings.lookback_days);
        let end = page::second_of(before(now, settings.lag));
        Self {
            wanted: HistorySpan { start, end: end.max(start) },
            mapper: Mapper::default(),
            summary: HistorySummary::default(),
            issues: Vec::new(),
            ended: Vec::new(),
            unsaved_pages: 0,
            saved: now,
        }
    }

    fn take(
        &mut self,
        state: &mut RegionReading,
        answer: Result<HistoryPage, PortError>,
        evidence: &mut Evidence,
        now: Timestamp,
    ) {
        let page = match answer {
            Ok(page) => page,
            Err(error) => return self.issues.extend(state.refused(&error)),
        };
        let read = page::observe(state.region(), &page, evidence, &mut self.mapper);
        let region = self.summary.regions.entry(state.region().to_owned()).or_default();
        region.pages += 1;
        region.events += read.events;
        self.summary.pages += 1;
        self.summary.events += read.events;
        self.unsaved_pages += 1;
        let issue = state.take(HistoryAnswer { page: &page, read, held_since: held_since(now) }, &mut evidence.marks);
        self.issues.extend(issue);
    }

    fn is_time_to_save(&self, now: Timestamp) -> bool {
        self.unsaved_pages >= SAVE_PAGES || (self.unsaved_pages > 0 && now.duration_since(self.saved) >= SAVE_INTERVAL)
    }

    fn save(&mut self, store: &mut impl Store, evidence: &mut Evidence, now: Timestamp) -> Result<(), PortError> {
        for region in self.summary.regions.keys() {
            page::forget_issues_before(&mut evidence.marks, region, before(now, KEEP_ISSUES));
        }
        store.save_evidence(EvidenceBatch { ledger: &evidence.ledger, objects: &[], marks: &evidence.marks })?;
        self.unsaved_pages = 0;
        self.saved = now;
        Ok(())
    }

    fn finish(mut self, marks: &ReadMarks, now: Timestamp) -> (HistorySummary, Vec<Issue>) {
        // The service no longer holds anything older.
        let wanted = HistorySpan { start: self.wanted.start.max(held_since(now)), end: self.wanted.end };
        for (name, region) in &mut self.summary.regions {
            region.complete = marks.history_covers(name, wanted);
            let before = std::mem::replace(&mut region.left, uncovered(marks, name, wanted));
            region.covered_now = before.saturating_sub(region.left).max(SignedDuration::ZERO);
        }
        // Regions whose call was given up are not among the ended ones: they are neither done nor failed.
        let failed = |name: &str| self.ended.iter().any(|state| state.region() == name && state.has_failed());
        self.summary.left = self
            .summary
            .regions
            .keys()
            .filter(|name| !failed(name))
            .flat_map(|name| marks.history_gaps(name, wanted).into_iter().map(|gap| (name.clone(), gap)))
            .collect();
        (self.summary, merge_issues(self.issues))
    }
}

/// Time of `wanted` that is not covered yet.
fn uncovered(marks: &ReadMarks, region: &str, wanted: HistorySpan) -> SignedDuration {
    let gaps = marks.history_gaps(region, wanted);
    gaps.iter().fold(SignedDuration::ZERO, |sum, gap| sum.saturating_add(gap.end.duration_since(gap.start)))
}

/// Start of the wanted span: at midnight UTC, since coverage is counted in days. A whole day, and so late
/// that the first day is still held when its turn comes, which is last.
fn first_wanted(now: Timestamp, lookback_days: u16) -> Timestamp {
    let wanted = day_of(before(now, days(lookback_days)));
    let held = day_of(held_since(now).saturating_add(READING_TIME).unwrap_or(now)).saturating_add(1);
    start_of_day(wanted.max(held)).unwrap_or(now)
}

/// The service holds nothing older.
fn held_since(now: Timestamp) -> Timestamp {
    before(now, days(HistorySettings::MAX_DAYS))
}

fn days(days: u16) -> SignedDuration {
    SignedDuration::from_hours(i64::from(days) * 24)
}

/// `time - duration`, at the earliest time there is.
fn before(time: Timestamp, duration: SignedDuration) -> Timestamp {
    time.checked_sub(duration).unwrap_or(Timestamp::MIN)
}

#[cfg(test)]
mod tests;
