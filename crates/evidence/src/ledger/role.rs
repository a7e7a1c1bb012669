//! Everything that was seen of one role.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use whittle_catalog::catalog;
use whittle_catalog::events::CallOutcome;

use super::calls::Calls;
use super::days::{DaySet, day_of};
use super::entries;
use super::region::is_region;
use super::settings::LedgerSettings;
use super::usage::{Sighting, Usage, UsageEvent, merge_option, note_option};
use crate::attribute::{Attribution, CallerKey};
use crate::record::Record;

/// Everything that was seen of one role.
///
/// Callers are bounded: more than [`LedgerSettings::max_sessions`] session names (counted apart for sessions
/// from inside a Lambda sandbox) become the one name [`CallerKey::ANY_SESSION`], more than
/// [`LedgerSettings::max_versions`] versions of a function become [`CallerKey::ANY_VERSION`]. Both depend
/// only on the set of callers seen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RoleLedger {
    /// The latest ARN, with the time of the event that carried it.
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<(Timestamp, String)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    #[serde(skip_serializing_if = "DaySet::is_empty")]
    assumed: DaySet,
    #[serde(skip_serializing_if = "DaySet::is_empty")]
    summarised: DaySet,
    #[serde(with = "entries")]
    callers: BTreeMap<CallerKey, CallerLedger>,
}

/// Everything that was seen of one caller of a role.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CallerLedger {
    /// Any call, denied and unmapped ones included: the caller was alive. Resources stay empty here.
    #[serde(skip_serializing_if = "Option::is_none")]
    seen: Option<Sighting>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    regions: BTreeMap<String, DaySet>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    usage: BTreeMap<Box<str>, Usage>,
    #[serde(skip_serializing_if = "Calls::is_empty")]
    calls: Calls,
    #[serde(with = "entries", skip_serializing_if = "BTreeMap::is_empty")]
    unmapped: BTreeMap<(Box<str>, Box<str>), Sighting>,
}

impl RoleLedger {
    /// The latest ARN seen.
    pub fn arn(&self) -> Option<&str> {
        self.arn.as_ref().map(|(_, arn)| arn.as_str())
    }

    /// The account of the role.
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// The callers, sorted.
    pub fn callers(&self) -> impl Iterator<Item = (&CallerKey, &CallerLedger)> {
        self.callers.iter()
    }

    /// Unqualified ARNs of the functions that CloudTrail itself named as users of the role, sorted.
    pub fn functions(&self) -> impl Iterator<Item = &str> {
        let mut last = None;
        self.callers.keys().filter_map(move |key| match key {
            CallerKey::Function { arn, .. } if last != Some(arn) => {
                last = Some(arn);
                Some(arn.as_str())
            }
            _ => None,
        })
    }

    /// Days on which the Lambda service assumed the role.
    pub fn assumed_days(&self) -> &DaySet {
        &self.assumed
    }

    /// Days with calls of which nothing else was kept (see [`super::KeptRoles`]).
    pub fn summarised_days(&self) -> &DaySet {
        &self.summarised
    }

    /// Notes that a call was made, and nothing else of it.
    pub(super) fn summarise(&mut self, record: &Record<'_>, by: &Attribution<'_>) {
        self.note_owner(record, by);
        self.summarised.insert(day_of(record.event_time));
    }

    pub(super) fn note_assumed(&mut self, time: Timestamp, arn: Option<&str>) {
        self.assumed.insert(day_of(time));
        self.note_arn(time, arn);
    }

    fn note_arn(&mut self, time: Timestamp, arn: Option<&str>) {
        let Some(arn) = arn else { return };
        // Same time, two ARNs: the greater one, so that order does not matter.
        match &mut self.arn {
            Some((at, known)) => {
                if (time, arn) > (*at, known.as_str()) {
                    *at = time;
                    if known != arn {
                        arn.clone_into(known);
                    }
                }
            }
            None => self.arn = Some((time, arn.to_owned())),
        }
    }

    fn note_owner(&mut self, record: &Record<'_>, by: &Attribution<'_>) {
        self.note_arn(record.event_time, by.role_arn);
        if let Some(account) = by.account
            && self.account.as_deref().is_none_or(|known| known < account)
        {
            self.account = Some(account.to_owned());
        }
    }

    pub(super) fn caller_for(
        &mut self,
        record: &Record<'_>,
        by: &Attribution<'_>,
        settings: &LedgerSettings,
    ) -> &mut CallerLedger {
        self.note_owner(record, by);
        let mut key = by.caller.to_key();
        if !self.callers.contains_key(&key) {
            self.callers.insert(key.clone(), CallerLedger::default());
            self.collapse(settings);
            // It may have made its family collapse, or have joined one that had before.
            if let Some(any) = Generalised::of(&key).filter(|any| self.callers.contains_key(any)) {
                key = any;
            }
        }
        let caller = self.callers.entry(key).or_default();
        note_option(&mut caller.seen, record.event_time);
        if let Some(region) = record.aws_region.as_deref().filter(|region| is_region(region)) {
            match caller.regions.get_mut(region) {
                Some(days) => {
                    days.insert(day_of(record.event_time));
                }
                None => {
                    caller.regions.insert(region.to_owned(), std::iter::once(day_of(record.event_time)).collect());
                }
            }
        }
        caller
    }

    /// Collapses families of callers that have too many members, or that already did elsewhere.
    fn collapse(&mut self, settings: &LedgerSettings) {
        let mut families: BTreeMap<CallerKey, (usize, bool)> = BTreeMap::new();
        for key in self.callers.keys() {
            if let Some(any) = Generalised::of(key) {
                let family = families.entry(any).or_default();
                family.0 += 1;
            } else if Generalised::is(key) {
                families.entry(key.clone()).or_default().1 = true;
            }
        }
        for (any, (members, collapsed)) in families {
            if members == 0 || (!collapsed && members <= Generalised::limit(&any, settings)) {
                continue;
            }
            let gone: Vec<CallerKey> =
                self.callers.keys().filter(|key| Generalised::of(key).as_ref() == Some(&any)).cloned().collect();
            let mut all = self.callers.remove(&any).unwrap_or_default();
            for key in gone {
                if let Some(member) = self.callers.remove(&key) {
                    all.merge(&member, settings);
                }
            }
            self.callers.insert(any, all);
        }
    }

    pub(super) fn merge(&mut self, other: &Self, settings: &LedgerSettings) {
        if let Some((time, arn)) = &other.arn {
            self.note_arn(*time, Some(arn));
        }
        self.account = self.account.take().max(other.account.clone());
        self.assumed.union(&other.assumed);
        self.summarised.union(&other.summarised);
        for (key, caller) in &other.callers {
            match self.callers.get_mut(key) {
                Some(known) => known.merge(caller, settings),
                None => {
                    self.callers.insert(key.clone(), caller.clone());
                }
            }
        }
        self.collapse(settings);
    }

    pub(super) fn tighten(&mut self, settings: &LedgerSettings) {
        for caller in self.callers.values_mut() {
            for usage in caller.usage.values_mut() {
                usage.tighten(settings);
            }
        }
        self.collapse(settings);
    }
}

/// Families of callers that can become too many, and the key that then stands for all of them.
struct Generalised;

impl Generalised {
    /// The key that `key` collapses into; `None` for a key that never collapses, and for the collapsed keys
    /// themselves.
    fn of(key: &CallerKey) -> Option<CallerKey> {
        if Self::is(key) {
            return None;
        }
        match key {
            CallerKey::Session { exec_env, .. } => {
                Some(CallerKey::Session { name: CallerKey::ANY_SESSION.to_owned(), exec_env: *exec_env })
            }
            CallerKey::Function { arn, version: Some(_) } => {
                Some(CallerKey::Function { arn: arn.clone(), version: Some(CallerKey::ANY_VERSION.to_owned()) })
            }
            CallerKey::Platform { function_name: Some(_) } => {
                Some(CallerKey::Platform { function_name: Some(CallerKey::ANY_SESSION.to_owned()) })
            }
            CallerKey::Function { version: None, .. } | CallerKey::Platform { function_name: None } => None,
        }
    }

    fn is(key: &CallerKey) -> bool {
        match key {
            CallerKey::Session { name, .. } | CallerKey::Platform { function_name: Some(name) } => {
                name == CallerKey::ANY_SESSION
            }
            CallerKey::Function { version: Some(version), .. } => version == CallerKey::ANY_VERSION,
            CallerKey::Function { version: None, .. } | CallerKey::Platform { function_name: None } => false,
        }
    }

    fn limit(key: &CallerKey, settings: &LedgerSettings) -> usize {
        match key {
            CallerKey::Function { .. } => settings.max_versions,
            CallerKey::Session { .. } | CallerKey::Platform { .. } => settings.max_sessions,
        }
    }
}

impl CallerLedger {
    /// Any call of this caller: first, last, days. Denied calls and calls that no action is known for count
    /// too.
    pub fn seen(&self) -> Option<&Sighting> {
        self.seen.as_ref()
    }

    /// Regions that the caller made calls in, with the days, sorted.
    pub fn regions(&self) -> impl Iterator<Item = (&str, &DaySet)> {
        self.regions.iter().map(|(region, days)| (region.as_str(), days))
    }

    /// Usage by action name, sorted.
    pub fn usage(&self) -> impl Iterator<Item = (&str, &Usage)> {
        self.usage.iter().map(|(action, usage)| (&**action, usage))
    }

    /// The operations called, denied calls left out.
    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    /// Calls that were not denied and that no action is known for, as (event source, event name), sorted.
    pub fn unmapped(&self) -> impl Iterator<Item = (&str, &str, &Sighting)> {
        self.unmapped.iter().map(|((source, name), sighting)| (&**source, &**name, sighting))
    }

    pub(super) fn observe_use(
        &mut self,
        record: &Record<'_>,
        by: &Attribution<'_>,
        event: &UsageEvent<'_>,
        settings: &LedgerSettings,
    ) {
        self.usage_mut(event.action).observe(record.event_time, by.forwarded_by, event, settings);
    }

    pub(super) fn observe_call<'a>(
        &mut self,
        record: &Record<'_>,
        operation: (&str, &str),
        may_check: impl Iterator<Item = &'a str>,
    ) {
        self.calls.observe(record, operation, catalog().exclusion_rules(), may_check);
    }

    // The entry API would allocate a key for each event.
    #[expect(clippy::expect_used, reason = "inserted if it was not there")]
    fn usage_mut(&mut self, action: &str) -> &mut Usage {
        if !self.usage.contains_key(action) {
            self.usage.insert(action.into(), Usage::default());
        }
        self.usage.get_mut(action).expect("an entry")
    }

    pub(super) fn observe_unmapped(&mut self, record: &Record<'_>, outcome: CallOutcome) {
        // A denied call, or one that failed before, shows no permission in use, whatever it was.
        if matches!(outcome, CallOutcome::Denied | CallOutcome::NotReached) {
            return;
        }
        let key = (record.event_source.as_str().into(), record.event_name.as_str().into());
        self.unmapped.entry(key).or_insert_with(|| Sighting::at(record.event_time)).note(record.event_time);
    }

    fn merge(&mut self, other: &Self, settings: &LedgerSettings) {
        merge_option(&mut self.seen, other.seen.as_ref(), settings);
        for (region, days) in &other.regions {
            self.regions.entry(region.clone()).or_default().union(days);
        }
        for (action, usage) in &other.usage {
            match self.usage.get_mut(action) {
                Some(known) => known.merge(usage, settings),
                None => {
                    self.usage.insert(action.clone(), usage.clone());
                }
            }
        }
        self.calls.merge(&other.calls, settings);
        for (key, sighting) in &other.unmapped {
            match self.unmapped.get_mut(key) {
                Some(known) => known.merge(sighting, settings),
                None => {
                    self.unmapped.insert(key.clone(), sighting.clone());
                }
            }
        }
    }
}
