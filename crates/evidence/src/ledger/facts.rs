//! Facts of an account that any principal's records show.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use whittle_policy::id::is_account;

use super::changes::{ChangeKind, TrailChange};
use super::days::{DAY_SECONDS, DaySet, day_of};
use super::entries;
use super::region::is_region;
use super::source::RecordSource;
use crate::read::DigestKey;
use crate::record::{EventCategory, Record};

/// When something happened: first, last and on which days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Times {
    /// The first time.
    pub first: Timestamp,
    /// The last time.
    pub last: Timestamp,
    /// The days.
    pub days: DaySet,
}

impl Times {
    fn at(time: Timestamp) -> Self {
        Self { first: time, last: time, days: std::iter::once(day_of(time)).collect() }
    }

    fn note(&mut self, time: Timestamp) {
        self.first = self.first.min(time);
        self.last = self.last.max(time);
        self.days.insert(day_of(time));
    }

    fn merge(&mut self, other: &Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.days.union(&other.days);
    }
}

/// What was read of one source in one Region of one account: days with events, whoever caused them, and days
/// for which files were read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegionFacts {
    /// Days with any event.
    pub any: DaySet,
    /// Days with management events.
    #[serde(skip_serializing_if = "DaySet::is_empty")]
    pub management: DaySet,
    /// Days with management events that only read.
    #[serde(skip_serializing_if = "DaySet::is_empty")]
    pub management_reads: DaySet,
    /// Days with data events.
    #[serde(skip_serializing_if = "DaySet::is_empty")]
    pub data: DaySet,
    /// Days with network activity events.
    #[serde(skip_serializing_if = "DaySet::is_empty")]
    pub network_activity: DaySet,
    /// Days with data events on a resource of the type (`AWS::S3::Object`).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub data_types: BTreeMap<String, DaySet>,
    /// The same, of events that only read.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub data_type_reads: BTreeMap<String, DaySet>,
    /// Days on which a file was delivered that was read, by its key.
    #[serde(skip_serializing_if = "DaySet::is_empty")]
    pub files: DaySet,
    /// Spans of a quarter of an hour, counted from 1970-01-01, of which a digest lists the files that were
    /// delivered.
    #[serde(skip_serializing_if = "DaySet::is_empty")]
    pub digested: DaySet,
    /// The trails that these digests are of: home Region and name, apart by a colon.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub digest_trails: BTreeSet<String>,
    /// Those of [`RegionFacts::digested`] of which every file is at hand and has the hash that its digest
    /// names.
    #[serde(skip_serializing_if = "DaySet::is_empty")]
    pub verified: DaySet,
    /// Those of [`RegionFacts::digested`] whose digest has a valid signature of CloudTrail.
    #[serde(skip_serializing_if = "DaySet::is_empty")]
    pub signed: DaySet,
}

/// Seconds of a span of [`RegionFacts::digested`].
const DIGEST_SPAN_SECONDS: i64 = 900;
/// Such spans of a day.
const SPANS_A_DAY: i32 = 96;

impl RegionFacts {
    /// Days of which digests list all files, but for those delivered after midnight.
    pub fn digested_days(&self) -> DaySet {
        whole_days(&self.digested)
    }

    /// Of these days, those whose files all have the hash that their digest names.
    pub fn verified_days(&self) -> DaySet {
        whole_days(&self.verified)
    }

    /// Of these days, those whose digests all have a valid signature.
    pub fn signed_days(&self) -> DaySet {
        whole_days(&self.signed)
    }

    /// The first and the last day with a digest.
    pub fn digest_span(&self) -> Option<(i32, i32)> {
        let day = |span: i32| span.div_euclid(SPANS_A_DAY);
        Some((day(self.digested.first()?), day(self.digested.last()?)))
    }

    /// Adds everything of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.any.union(&other.any);
        self.management.union(&other.management);
        self.management_reads.union(&other.management_reads);
        self.data.union(&other.data);
        self.network_activity.union(&other.network_activity);
        for (kind, days) in &other.data_types {
            self.data_types.entry(kind.clone()).or_default().union(days);
        }
        for (kind, days) in &other.data_type_reads {
            self.data_type_reads.entry(kind.clone()).or_default().union(days);
        }
        self.files.union(&other.files);
        self.digested.union(&other.digested);
        self.digest_trails.extend(other.digest_trails.iter().cloned());
        self.verified.union(&other.verified);
        self.signed.union(&other.signed);
    }
}

/// Days all of whose spans of [`DIGEST_SPAN_SECONDS`] are in the set.
fn whole_days(spans: &DaySet) -> DaySet {
    let mut counts: BTreeMap<i32, i32> = BTreeMap::new();
    for span in spans.iter() {
        *counts.entry(span.div_euclid(SPANS_A_DAY)).or_default() += 1;
    }
    counts.into_iter().filter(|(_, count)| *count >= SPANS_A_DAY).map(|(day, _)| day).collect()
}

/// The spans of [`DIGEST_SPAN_SECONDS`] that a digest from `start` to `end` speaks of. A digest is one of an
/// hour; one that claims more than two days is none.
fn digest_spans((start, end): (Timestamp, Timestamp)) -> impl Iterator<Item = i32> {
    let (first, last) = (start.as_second().div_euclid(DIGEST_SPAN_SECONDS), end.as_second());
    let after = (last - 1).div_euclid(DIGEST_SPAN_SECONDS);
    let is_one = after.saturating_sub(first) <= 2 * DAY_SECONDS / DIGEST_SPAN_SECONDS;
    (first..=after).filter(move |_| is_one).map(|span| i32::try_from(span).unwrap_or(i32::MAX))
}

/// What was checked of a digest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CheckedDigest {
    /// Every file that it names is at hand and has the hash that it names.
    pub files: bool,
    /// Its signature is CloudTrail's.
    pub signature: bool,
}

/// Source, account and Region of what was read. Account and Region are empty where the records do not tell.
type ReadScope = (RecordSource, String, String);

/// Facts of the accounts whose records were seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccountFacts {
    #[serde(with = "entries")]
    read: BTreeMap<ReadScope, RegionFacts>,
    #[serde(with = "entries", skip_serializing_if = "BTreeMap::is_empty")]
    changes: BTreeMap<TrailChange, Times>,
    /// Read from a store of an earlier layout, which did not say what was read where.
    #[serde(skip)]
    is_of_earlier_layout: bool,
}

impl AccountFacts {
    /// True if no record was seen.
    pub fn is_empty(&self) -> bool {
        self.read.is_empty() && self.changes.is_empty()
    }

    /// True if these facts come from a store that did not say what was read where: read everything again.
    pub fn is_of_earlier_layout(&self) -> bool {
        self.is_of_earlier_layout
    }

    /// What was read per source, account and Region, sorted. An empty account or Region stands for records
    /// that do not tell.
    pub fn read(&self) -> impl Iterator<Item = (&RecordSource, &str, &str, &RegionFacts)> {
        self.read.iter().map(|((source, account, region), facts)| (source, account.as_str(), region.as_str(), facts))
    }

    /// What was read of one account, from all sources; records that do not tell their account count for every
    /// account.
    pub fn regions_of<'s>(&'s self, account: &'s str) -> impl Iterator<Item = (&'s str, &'s RegionFacts)> {
        self.read_of(account).map(|(_, region, facts)| (region, facts))
    }

    /// The same with the source.
    pub fn read_of<'s>(
        &'s self,
        account: &'s str,
    ) -> impl Iterator<Item = (&'s RecordSource, &'s str, &'s RegionFacts)> {
        self.read()
            .filter(move |(_, of, _, _)| of.is_empty() || *of == account)
            .map(|(source, _, region, facts)| (source, region, facts))
    }

    /// Accounts whose trails delivered records, sorted.
    pub fn recipients(&self) -> BTreeSet<&str> {
        self.read.keys().map(|(_, account, _)| account.as_str()).filter(|account| !account.is_empty()).collect()
    }

    /// Successful changes of one kind, sorted by Region, event and subject.
    pub fn changes(&self, kind: ChangeKind) -> impl Iterator<Item = (&TrailChange, &Times)> {
        self.changes.iter().filter(move |(change, _)| change.kind == kind)
    }

    /// The days from the first to the last event of `account` that lie in `bounds` (pass the lookback, so
    /// that one record with a wrong clock does not stretch the window); `None` without an event there.
    pub fn observed(&self, account: &str, bounds: Range<i32>) -> Option<Range<i32>> {
        let days =
            || self.regions_of(account).flat_map(|(_, facts)| facts.any.iter()).filter(|day| bounds.contains(day));
        Some(days().min()?..days().max()?.checked_add(1)?)
    }

    pub(super) fn observe(&mut self, record: &Record<'_>, source: &RecordSource) {
        let day = day_of(record.event_time);
        let account = record.account().filter(|account| is_account(account)).unwrap_or_default();
        let region = record.aws_region.as_deref().filter(|region| is_region(region)).unwrap_or_default();
        let only_reads = record.read_only == Some(true);
        let facts = self.scope_mut(source, account, region);
        facts.any.insert(day);
        match record.category() {
            Some(EventCategory::Management) => {
                facts.management.insert(day);
                if only_reads {
                    facts.management_reads.insert(day);
                }
            }
            Some(EventCategory::Data) => {
                facts.data.insert(day);
                for kind in record.resources.iter().filter_map(|entry| entry.type_.as_deref()) {
                    note_type(&mut facts.data_types, kind, day);
                    if only_reads {
                        note_type(&mut facts.data_type_reads, kind, day);
                    }
                }
            }
            Some(EventCategory::NetworkActivity) => {
                facts.network_activity.insert(day);
            }
            None => {}
        }
        if let Some(change) = TrailChange::of(record) {
            self.note_change(change, &Times::at(record.event_time));
        }
    }

    /// Notes that a file was read that was delivered on `day`, whether or not it held records.
    pub(super) fn note_file(&mut self, source: &RecordSource, account: &str, region: &str, day: i32) {
        if is_account(account) && is_region(region) {
            self.scope_mut(source, account, region).files.insert(day);
        }
    }

    /// Notes that a digest lists the files that were delivered from `start` to `end`.
    pub(super) fn note_digest(&mut self, source: &RecordSource, key: &DigestKey<'_>, times: (Timestamp, Timestamp)) {
        if !is_account(key.account) || !is_region(key.region) {
            return;
        }
        let facts = self.scope_mut(source, key.account, key.region);
        facts.digest_trails.insert(format!("{}:{}", key.home_region, key.trail));
        facts.digested.extend(digest_spans(times));
    }

    /// Notes what was checked of a digest.
    pub(super) fn note_checked_digest(
        &mut self,
        source: &RecordSource,
        key: &DigestKey<'_>,
        times: (Timestamp, Timestamp),
        checked: CheckedDigest,
    ) {
        if !is_account(key.account) || !is_region(key.region) || checked == CheckedDigest::default() {
            return;
        }
        let facts = self.scope_mut(source, key.account, key.region);
        if checked.files {
            facts.verified.extend(digest_spans(times));
        }
        if checked.signature {
            facts.signed.extend(digest_spans(times));
        }
    }

    fn scope_mut(&mut self, source: &RecordSource, account: &str, region: &str) -> &mut RegionFacts {
        // A handful of these per account: the small strings cost little beside parsing the record.
        self.read.entry((source.clone(), account.to_owned(), region.to_owned())).or_default()
    }

    /// Facts of an earlier layout: they show what happened, and not where it was read.
    pub(super) fn of_earlier_layout(
        regions: BTreeMap<(String, String), RegionFacts>,
        changes: BTreeMap<TrailChange, Times>,
    ) -> Self {
        let scope = |(account, region)| (RecordSource::Other, account, region);
        let read = regions.into_iter().map(|(key, facts)| (scope(key), facts)).collect();
        Self { read, changes, is_of_earlier_layout: true }
    }

    fn note_change(&mut self, change: TrailChange, times: &Times) {
        match self.changes.get_mut(&change) {
            Some(known) => {
                known.note(times.first);
                known.merge(times);
            }
            None => {
                self.changes.insert(change, times.clone());
            }
        }
    }

    /// Adds everything of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.is_of_earlier_layout |= other.is_of_earlier_layout;
        for (scope, facts) in &other.read {
            match self.read.get_mut(scope) {
                Some(mine) => mine.merge(facts),
                None => {
                    self.read.insert(scope.clone(), facts.clone());
                }
            }
        }
        for (change, times) in &other.changes {
            self.note_change(change.clone(), times);
        }
    }
}

fn note_type(types: &mut BTreeMap<String, DaySet>, kind: &str, day: i32) {
    if let Some(days) = types.get_mut(kind) {
        days.insert(day);
    } else if is_resource_type(kind) {
        types.insert(kind.to_owned(), std::iter::once(day).collect());
    }
}

/// `AWS::<service>::<type>`.
fn is_resource_type(text: &str) -> bool {
    text.len() <= 96
        && text.starts_with("AWS::")
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'-' | b'_'))
}
