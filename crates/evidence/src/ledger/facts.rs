//! Facts of an account that any principal's records show.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use whittle_policy::id::is_account;

use super::changes::{ChangeKind, TrailChange};
use super::days::{DaySet, day_of};
use super::entries;
use super::region::is_region;
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

/// Days with events in one Region of one account, whoever caused them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegionFacts {
    /// Days with any event.
    pub any: DaySet,
    /// Days with management events.
    #[serde(skip_serializing_if = "DaySet::is_empty")]
    pub management: DaySet,
    /// Days with data events.
    #[serde(skip_serializing_if = "DaySet::is_empty")]
    pub data: DaySet,
    /// Days with network activity events.
    #[serde(skip_serializing_if = "DaySet::is_empty")]
    pub network_activity: DaySet,
    /// Days with data events on a resource of the type (`AWS::S3::Object`).
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub data_types: BTreeMap<String, DaySet>,
}

/// Facts of the accounts whose records were seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AccountFacts {
    /// (account, Region) → days. Either is empty where the records do not tell.
    #[serde(with = "entries")]
    regions: BTreeMap<(String, String), RegionFacts>,
    #[serde(with = "entries", skip_serializing_if = "BTreeMap::is_empty")]
    changes: BTreeMap<TrailChange, Times>,
    /// Files that a trail delivered were among what was read.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    trail_files: bool,
}

impl AccountFacts {
    /// True if no record was seen.
    pub fn is_empty(&self) -> bool {
        self.regions.is_empty() && self.changes.is_empty() && !self.trail_files
    }

    /// True if files that a trail delivered were among what was read, and not only answers of LookupEvents or
    /// events that EventBridge forwarded: of those, a trail's settings say nothing.
    pub fn has_trail_files(&self) -> bool {
        self.trail_files
    }

    pub(super) fn note_trail_file(&mut self) {
        self.trail_files = true;
    }

    /// Days per (account, Region), sorted. An empty account or Region stands for records that do not tell.
    pub fn regions(&self) -> impl Iterator<Item = (&str, &str, &RegionFacts)> {
        self.regions.iter().map(|((account, region), facts)| (account.as_str(), region.as_str(), facts))
    }

    /// The Regions of one account; records that do not tell their account count for every account.
    pub fn regions_of<'s>(&'s self, account: &'s str) -> impl Iterator<Item = (&'s str, &'s RegionFacts)> {
        self.regions()
            .filter(move |(of, _, _)| of.is_empty() || *of == account)
            .map(|(_, region, facts)| (region, facts))
    }

    /// Accounts whose trails delivered records, sorted.
    pub fn recipients(&self) -> BTreeSet<&str> {
        self.regions.keys().map(|(account, _)| account.as_str()).filter(|account| !account.is_empty()).collect()
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

    pub(super) fn observe(&mut self, record: &Record<'_>) {
        let day = day_of(record.event_time);
        let account = record.account().filter(|account| is_account(account)).unwrap_or_default();
        let region = record.aws_region.as_deref().filter(|region| is_region(region)).unwrap_or_default();
        let facts = self.region_mut(account, region);
        facts.any.insert(day);
        match record.category() {
            Some(EventCategory::Management) => {
                facts.management.insert(day);
            }
            Some(EventCategory::Data) => {
                facts.data.insert(day);
                for kind in record.resources.iter().filter_map(|entry| entry.type_.as_deref()) {
                    if let Some(days) = facts.data_types.get_mut(kind) {
                        days.insert(day);
                    } else if is_resource_type(kind) {
                        facts.data_types.insert(kind.to_owned(), std::iter::once(day).collect());
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

    fn region_mut(&mut self, account: &str, region: &str) -> &mut RegionFacts {
        // A handful of Regions per account: the two small strings cost little beside parsing the record.
        self.regions.entry((account.to_owned(), region.to_owned())).or_default()
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
        self.trail_files |= other.trail_files;
        for ((account, region), facts) in &other.regions {
            let mine = self.region_mut(account, region);
            mine.any.union(&facts.any);
            mine.management.union(&facts.management);
            mine.data.union(&facts.data);
            mine.network_activity.union(&facts.network_activity);
            for (kind, days) in &facts.data_types {
                mine.data_types.entry(kind.clone()).or_default().union(days);
            }
        }
        for (change, times) in &other.changes {
            self.note_change(change.clone(), times);
        }
    }
}

/// `AWS::<service>::<type>`.
fn is_resource_type(text: &str) -> bool {
    text.len() <= 96
        && text.starts_with("AWS::")
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b':' | b'-' | b'_'))
}
