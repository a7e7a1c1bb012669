//! Moves the marks of one source.
//!
//! Keys stand in the order of delivery, so a mark ([`SourceMarks::through`]) can stand for all keys before
//! it. But a file may become visible after one of a later time, so the mark stays [`OVERLAP`] behind the
//! newest file that was read: what is between is listed in each run and known one by one. INVARIANT: no
//! object is behind the mark that was neither read nor is among the failed ones, as long as no file appears
//! more than the overlap after one of a later time was read.
//!
//! What was lost stays an issue, by key, for as long as the analysis may look back on it.

use std::collections::BTreeSet;

use jiff::civil::{Date, DateTime, Time};
use jiff::{SignedDuration, Span};
use whittle_analysis::issue::{Issue, IssueKind};
use whittle_evidence::read::parse_key;
use whittle_pipeline::marks::SourceMarks;

/// In delivery time. CloudTrail delivers within minutes; redelivery after a fault of the bucket goes on for
/// 30 days (CloudTrail User Guide, "Getting and viewing your CloudTrail log files"), but under the time of
/// the redelivery.
const OVERLAP: SignedDuration = SignedDuration::from_hours(24);

/// Range of a source that the last list covered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listed {
    /// How the first key of the lookback begins.
    pub(super) start: String,
    /// [`SourceMarks::since`] and [`SourceMarks::through`] when it was listed: what is between was left out
    /// as known.
    pub(super) known: Option<(String, String)>,
    /// The last key listed, if it broke off after that.
    pub(super) end: Option<String>,
}

/// How far back anybody looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Horizon {
    /// Issues of keys before this are forgotten.
    pub(super) kept_since: String,
    /// Keys from this on are named after days to come: they are read and move no mark, or what is delivered
    /// until then would lie behind it.
    pub(super) ahead: String,
}

/// Moves the mark of `source` on and forgets what it stands for.
///
/// `next`: the first key of the list that was not tried yet. `gone`: keys that turned out to be deleted.
pub(super) fn compact(
    source: &mut SourceMarks,
    listed: &Listed,
    next: Option<&str>,
    gone: &BTreeSet<String>,
    horizon: &Horizon,
) {
    // Everything listed before this was tried.
    let tried = |key: &str| next.is_none_or(|next| key < next) && listed.end.as_deref().is_none_or(|end| key <= end);
    let is_dated_right = |key: &&String| **key < horizon.ahead;
    let newest = source.read.keys().filter(is_dated_right).filter_map(|key| delivered(key)).max();
    let cutoff = newest.and_then(|newest| newest.checked_sub(OVERLAP).ok());
    let old = |key: &str| delivered(key).zip(cutoff).is_some_and(|(time, cutoff)| time < cutoff);
    let candidate = source.read.keys().chain(&source.failed).filter(|key| tried(key) && old(key)).max().cloned();
    move_mark(source, listed, candidate, &tried);
    for key in gone {
        if source.failed.remove(key) {
            let message = "was deleted before it could be read";
            source.issues.insert(key.clone(), vec![lost(IssueKind::DeletedUnread, key, message)]);
        }
    }
    give_up_before(source, &listed.start);
    forget(source, &listed.start, horizon);
}

/// Sets the mark to `candidate`, the largest key that it may stand for.
fn move_mark(source: &mut SourceMarks, listed: &Listed, candidate: Option<String>, tried: &dyn Fn(&str) -> bool) {
    let Some(candidate) = candidate else { return };
    let Some(through) = &source.through else {
        source.since = Some(listed.start.clone());
        source.through = Some(candidate);
        return;
    };
    match &source.since {
        // The lookback reaches further back than before.
        Some(since) if listed.start < *since => {
            if tried(since) {
                source.through = Some(candidate.max(through.clone()));
            } else if candidate < *since {
                // Not all of it is read. One mark cannot say what is read behind a gap, so that is read
                // again.
                source.through = Some(candidate);
            } else {
                return;
            }
            source.since = Some(listed.start.clone());
        }
        _ => {
            // After a pause longer than the lookback: nobody looked at what lies between.
            if listed.start > *through {
                source.since = Some(listed.start.clone());
            }
            // A longer lookback that is read up to where the mark stood before: what it stood for was not
            // read again.
            let candidate = match &listed.known {
                Some((since, through)) if tried(since) => candidate.max(through.clone()),
                _ => candidate,
            };
            if candidate > *through {
                source.through = Some(candidate);
            }
        }
    }
}

/// Objects before the lookback are not tried again; that they were never read stays known.
fn give_up_before(source: &mut SourceMarks, start: &str) {
    let kept = source.failed.split_off(start);
    for key in std::mem::replace(&mut source.failed, kept) {
        let message = "could not be read while it was within the lookback";
        let issue = lost(IssueKind::NeverRead, &key, message);
        source.issues.insert(key, vec![issue]);
    }
}

/// Drops what the mark stands for, what the lookback has left behind, and issues that nobody looks back on.
fn forget(source: &mut SourceMarks, start: &str, horizon: &Horizon) {
    let SourceMarks { since, through, read, issues, .. } = source;
    let is_done = |key: &str| {
        let by_mark = through.as_deref().is_some_and(|through| key <= through)
            && since.as_deref().is_none_or(|since| key >= since);
        by_mark || key < start
    };
    read.retain(|key, _| !is_done(key));
    for (key, issues) in issues.iter_mut() {
        if is_done(key) {
            // Single records that could not be read were reported when they were met.
            issues.retain(|issue| issue.kind.loses_evidence());
        }
    }
    issues.retain(|key, issues| !issues.is_empty() && key.as_str() >= horizon.kept_since.as_str());
}

fn lost(kind: IssueKind, key: &str, message: &str) -> Issue {
    Issue::new(kind, key, message).with_hint("until it is out of the window nothing is called unused")
}

/// When a file was delivered, by its name; for another name in a folder of a day, the end of the day; `None`
/// for a key that is in no such folder. No key before another one was delivered later.
fn delivered(key: &str) -> Option<DateTime> {
    let (day, file) = (key.get(..10)?, key.get(11..)?);
    let mut parts = day.split('/').map(|part| part.parse::<i16>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let date = Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    let time = parse_key(file).filter(|parsed| parsed.date == date).and_then(|_| time_of_name(file));
    match time {
        Some(time) => Some(date.to_datetime(time)),
        None => Some(date.to_datetime(Time::midnight()).saturating_add(Span::new().days(1))),
    }
}

/// `hhmm` of `<account>_CloudTrail_<Region>_<yyyymmddThhmmZ>_…`.
fn time_of_name(file: &str) -> Option<Time> {
    let stamp = file.split('_').nth(3)?.strip_suffix('Z')?;
    let (_, time) = stamp.split_once('T')?;
    if time.len() != 4 {
        return None;
    }
    Time::new(time.get(..2)?.parse().ok()?, time.get(2..)?.parse().ok()?, 0, 0).ok()
}

#[cfg(test)]
mod tests;
