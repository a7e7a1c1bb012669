//! The ledger: what roles did. The same events always give the same bytes.
//!
//! A [`Ledger`] is a join-semilattice: [`Ledger::merge`] is associative, commutative and idempotent, and
//! observing an event twice changes nothing. So files may be read in any order, on any number of threads, and
//! again. Counts of events are not idempotent and live elsewhere (see [`crate::read::FileReport`]). Unbounded
//! things are generalised by rules that depend only on the set observed: resources ([`ResourceSet`]) and
//! session names ([`RoleLedger`]).
//!
//! In: a record, its attribution and its mapping. Out: usage per (role, caller, action), and facts of the
//! account: days with events, changes to trails, policies and code. Not here: which function a session was
//! (see [`crate::attribute::resolve()`]), and what may be concluded.

mod calls;
pub mod changes;
mod codec;
pub mod days;
mod entries;
pub mod facts;
mod kept_roles;
mod observe;
mod periods;
mod region;
pub mod resources;
pub mod role;
mod segments;
mod settings;
pub mod source;
pub mod usage;

pub use calls::{Calls, CallsOfOperation};
pub use changes::{ChangeKind, TrailChange};
pub use codec::LedgerError;
pub use days::DaySet;
pub use facts::{AccountFacts, CheckedDigest, RegionFacts, Times};
pub use kept_roles::KeptRoles;
pub use resources::ResourceSet;
pub use role::{CallerLedger, RoleLedger};
pub use settings::LedgerSettings;
pub use source::RecordSource;
pub use usage::{Sighting, Usage, UsageEvent};

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use crate::attribute::{self, Attribution};
use crate::read::digest::Digest;
use crate::read::{KeyKind, parse_digest_key, parse_key};
use crate::record::Record;
use whittle_catalog::events::CallOutcome;

/// All evidence of a window. See the module documentation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    settings: LedgerSettings,
    roles: BTreeMap<String, RoleLedger>,
    account: AccountFacts,
}

impl Ledger {
    /// An empty ledger that generalises by `settings`.
    pub fn new(settings: LedgerSettings) -> Self {
        Self { settings, ..Self::default() }
    }

    /// The settings in force.
    pub fn settings(&self) -> &LedgerSettings {
        &self.settings
    }

    /// Facts of the accounts whose records were seen.
    pub fn account(&self) -> &AccountFacts {
        &self.account
    }

    /// All roles by their key (the unique id, or the ARN where records had none), sorted.
    pub fn roles(&self) -> impl Iterator<Item = (&str, &RoleLedger)> {
        self.roles.iter().map(|(id, role)| (id.as_str(), role))
    }

    /// The role under exactly this key.
    pub fn role(&self, key: &str) -> Option<&RoleLedger> {
        self.roles.get(key)
    }

    /// Everything about one role of the inventory: recorded under its unique id, and under its ARN by records
    /// without a unique id.
    pub fn of_role(&self, role_id: &str, role_arn: &str) -> Option<Cow<'_, RoleLedger>> {
        match (self.roles.get(role_id), self.roles.get(role_arn)) {
            (Some(one), None) | (None, Some(one)) => Some(Cow::Borrowed(one)),
            (Some(by_id), Some(by_arn)) => {
                let mut both = by_id.clone();
                both.merge(by_arn, &self.settings);
                Some(Cow::Owned(both))
            }
            (None, None) => None,
        }
    }

    /// True if nothing was observed.
    pub fn is_empty(&self) -> bool {
        self.roles.is_empty() && self.account.is_empty()
    }

    /// Notes what a record shows about its account, whoever made the call: days with events, changes to
    /// trails, policies and code, and that Lambda assumed a role.
    pub fn observe_account(&mut self, record: &Record<'_>, source: &RecordSource) {
        self.account.observe(record, source);
        if let Some(assumed) = attribute::assumed_by_lambda(record) {
            let role = self.roles.entry(assumed.role_id).or_default();
            role.note_assumed(record.event_time, assumed.role_arn.as_deref());
        }
    }

    /// Notes that an object was read that a trail delivered, by its key. An object under another name is
    /// known by its records alone.
    pub fn observe_file(&mut self, place: &str, key: &str) {
        let Some(parts) = parse_key(key) else { return };
        // Files of network activity show that something was delivered, and nothing of management or data
        // events.
        if parts.kind == KeyKind::Records
            && let Ok(time) = parts.date.to_zoned(TimeZone::UTC)
        {
            let source = RecordSource::of_file(place, key);
            self.account.note_file(&source, parts.account, parts.region, days::day_of(time.timestamp()));
        }
    }

    /// Notes that a digest was read, an object under `key`: what was delivered in its time is known.
    pub fn observe_digest(&mut self, place: &str, key: &str, digest: &Digest) {
        if let Some(parts) = parse_digest_key(key) {
            let source = RecordSource::of_file(place, key);
            self.account.note_digest(&source, &parts, (digest.start, digest.end));
        }
    }

    /// Notes what was checked of the digest in the object `key` of `place`.
    pub fn observe_checked_digest(&mut self, place: &str, key: &str, digest: &Digest, checked: CheckedDigest) {
        if let Some(parts) = parse_digest_key(key) {
            let source = RecordSource::of_file(place, key);
            self.account.note_checked_digest(&source, &parts, (digest.start, digest.end), checked);
        }
    }

    /// Notes that a role's session made some call, without saying which: the role and the caller are alive.
    pub fn observe_session(&mut self, record: &Record<'_>, by: &Attribution<'_>) {
        caller(&mut self.roles, &self.settings, record, by);
    }

    /// Notes one use of one action.
    pub fn observe_use(&mut self, record: &Record<'_>, by: &Attribution<'_>, event: &UsageEvent<'_>) {
        caller(&mut self.roles, &self.settings, record, by).observe_use(record, by, event, &self.settings);
    }

    /// Notes a call of an operation (IAM prefix and name) that was not denied, and the actions that it may
    /// have checked beside what its event proves.
    pub fn observe_call<'a>(
        &mut self,
        record: &Record<'_>,
        by: &Attribution<'_>,
        operation: (&str, &str),
        may_check: impl Iterator<Item = &'a str>,
    ) {
        caller(&mut self.roles, &self.settings, record, by).observe_call(record, operation, may_check);
    }

    /// Notes a call that no action is known for; a denied one only as a sign of life.
    pub fn observe_unmapped(&mut self, record: &Record<'_>, by: &Attribution<'_>, outcome: CallOutcome) {
        caller(&mut self.roles, &self.settings, record, by).observe_unmapped(record, outcome);
    }

    /// Adds everything of `other`. If the settings differ, the tighter of both hold from now on.
    pub fn merge(&mut self, other: &Self) {
        if self.settings != other.settings {
            let tighter = self.settings.meet(&other.settings);
            self.tighten(&tighter);
            let mut other = other.clone();
            other.tighten(&tighter);
            return self.merge(&other);
        }
        self.account.merge(&other.account);
        for (id, role) in &other.roles {
            match self.roles.get_mut(id) {
                Some(known) => known.merge(role, &self.settings),
                None => {
                    self.roles.insert(id.clone(), role.clone());
                }
            }
        }
    }

    fn tighten(&mut self, settings: &LedgerSettings) {
        if self.settings != *settings {
            self.settings = settings.clone();
            for role in self.roles.values_mut() {
                role.tighten(settings);
            }
        }
    }
}

fn caller<'r>(
    roles: &'r mut BTreeMap<String, RoleLedger>,
    settings: &LedgerSettings,
    record: &Record<'_>,
    by: &Attribution<'_>,
) -> &'r mut CallerLedger {
    roles.entry(by.role_id.to_owned()).or_default().caller_for(record, by, settings)
}

#[cfg(test)]
mod tests;
