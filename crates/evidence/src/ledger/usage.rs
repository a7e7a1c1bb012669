//! Usage of one action by one caller of a role.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use whittle_catalog::events::CallOutcome;

use super::days::{DaySet, day_of};
use super::resources::{ResourceSet, StoredSet};
use super::settings::LedgerSettings;
use crate::map::DeniedBy;

/// One use of one action in one event.
#[derive(Debug, Clone)]
pub struct UsageEvent<'a> {
    /// The action in catalogue spelling, such as `s3:GetObject`.
    pub action: &'a str,
    /// True if the event names the action itself; `false` if its parameters imply it.
    pub is_primary: bool,
    /// Outcome of the call.
    pub outcome: CallOutcome,
    /// The resources, as ARNs that may hold `*`; `None` for a resource that the event does not name.
    pub resources: Vec<Option<&'a str>>,
    /// For a denied call: who denied it.
    pub denied_by: Option<DeniedBy>,
}

/// Times and resources of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Time of the first event.
    pub first: Timestamp,
    /// Time of the last event.
    pub last: Timestamp,
    /// Days with an event.
    pub days: DaySet,
    /// The resources, each with the day on which it was first seen.
    pub resources: ResourceSet,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredSighting<D> {
    first: Timestamp,
    last: Timestamp,
    days: D,
    #[serde(default, skip_serializing_if = "StoredSet::is_empty")]
    resources: StoredSet,
}

impl Serialize for Sighting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let resources = self.resources.to_stored(day_of(self.first));
        StoredSighting { first: self.first, last: self.last, days: &self.days, resources }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Sighting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let StoredSighting { first, last, days, resources } = StoredSighting::deserialize(deserializer)?;
        Ok(Self { first, last, days, resources: ResourceSet::of_stored(&resources, day_of(first)) })
    }
}

impl Sighting {
    /// One event.
    pub fn at(time: Timestamp) -> Self {
        let mut days = DaySet::new();
        days.insert(day_of(time));
        Self { first: time, last: time, days, resources: ResourceSet::default() }
    }

    pub(super) fn note(&mut self, time: Timestamp) {
        self.first = self.first.min(time);
        self.last = self.last.max(time);
        self.days.insert(day_of(time));
    }

    pub(super) fn merge(&mut self, other: &Self, settings: &LedgerSettings) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.days.union(&other.days);
        self.resources.merge(&other.resources, settings);
    }
}

/// Joins two optional sightings.
pub(super) fn merge_option(mine: &mut Option<Sighting>, theirs: Option<&Sighting>, settings: &LedgerSettings) {
    match (mine.as_mut(), theirs) {
        (Some(mine), Some(theirs)) => mine.merge(theirs, settings),
        (None, Some(theirs)) => *mine = Some(theirs.clone()),
        (_, None) => {}
    }
}

/// Notes an event in an optional sighting.
pub(super) fn note_option(sighting: &mut Option<Sighting>, time: Timestamp) -> &mut Sighting {
    let sighting = sighting.get_or_insert_with(|| Sighting::at(time));
    sighting.note(time);
    sighting
}

/// Usage of one action by one caller.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Usage {
    /// Calls that passed authorisation: the only ones that count as use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorised: Option<Sighting>,
    /// Calls whose error may hide a denial.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undecided: Option<Sighting>,
    /// Calls that may have needed the action too, without evidence in the event, in ledgers of layout 1;
    /// since then [`Calls`](super::Calls) tell it. Names no resources; counts as use of nothing, but proves
    /// nothing unused either.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub possible: Option<Sighting>,
    /// Denied calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub denied: Option<Sighting>,
    /// True if an event named the action itself.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub primary: bool,
    /// True if parameters of another event implied it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub secondary: bool,
    /// True if the caller itself made a call that was not denied, without a service in between.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub direct: bool,
    /// Services that made a call that was not denied with the role's identity (`invokedBy`).
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub via: BTreeSet<String>,
    /// Who denied calls.
    #[serde(rename = "denials", skip_serializing_if = "BTreeSet::is_empty")]
    pub denied_by: BTreeSet<DeniedBy>,
}

impl Usage {
    /// First time the action was used.
    pub fn first_seen(&self) -> Option<Timestamp> {
        self.authorised.as_ref().map(|sighting| sighting.first)
    }

    /// Last time the action was used.
    pub fn last_seen(&self) -> Option<Timestamp> {
        self.authorised.as_ref().map(|sighting| sighting.last)
    }

    /// Days on which the action was used.
    pub fn active_days(&self) -> usize {
        self.authorised.as_ref().map_or(0, |sighting| sighting.days.len())
    }

    /// Days on which the action was denied.
    pub fn denied_days(&self) -> usize {
        self.denied.as_ref().map_or(0, |sighting| sighting.days.len())
    }

    pub(super) fn observe(
        &mut self,
        time: Timestamp,
        via: Option<&str>,
        event: &UsageEvent<'_>,
        settings: &LedgerSettings,
    ) {
        let sighting = match event.outcome {
            CallOutcome::Authorised => &mut self.authorised,
            CallOutcome::Undecided => &mut self.undecided,
            CallOutcome::Denied => &mut self.denied,
            // Nothing was decided about the action; the caller's sign of life is noted elsewhere.
            CallOutcome::NotReached => return,
        };
        let resources = &mut note_option(sighting, time).resources;
        for resource in &event.resources {
            match resource {
                Some(arn) => resources.insert_on(arn, day_of(time), settings),
                None => resources.insert_unnamed(),
            }
        }
        if event.resources.is_empty() {
            resources.insert_unnamed();
        }
        if event.outcome == CallOutcome::Denied {
            self.denied_by.extend(event.denied_by);
            return;
        }
        self.primary |= event.is_primary;
        self.secondary |= !event.is_primary;
        match via {
            Some(service) if !self.via.contains(service) => {
                self.via.insert(service.to_owned());
            }
            Some(_) => {}
            None => self.direct = true,
        }
    }

    /// Joins two usages of the same action. Resources generalise by `settings`, as in [`ResourceSet::merge`].
    pub fn merge(&mut self, other: &Self, settings: &LedgerSettings) {
        merge_option(&mut self.authorised, other.authorised.as_ref(), settings);
        merge_option(&mut self.undecided, other.undecided.as_ref(), settings);
        merge_option(&mut self.possible, other.possible.as_ref(), settings);
        merge_option(&mut self.denied, other.denied.as_ref(), settings);
        self.primary |= other.primary;
        self.secondary |= other.secondary;
        self.direct |= other.direct;
        self.via.extend(other.via.iter().cloned());
        self.denied_by.extend(&other.denied_by);
    }

    pub(super) fn tighten(&mut self, settings: &LedgerSettings) {
        for sighting in [&mut self.authorised, &mut self.undecided, &mut self.denied].into_iter().flatten() {
            sighting.resources.tighten(settings);
        }
    }
}
