//! From a mapped record into the ledger.

use std::borrow::Cow;

use whittle_catalog::catalog;
use whittle_catalog::events::{CallOutcome, generalise};

use super::kept_roles::KeptRoles;
use super::source::RecordSource;
use super::usage::UsageEvent;
use super::{Ledger, caller};
use crate::attribute::{self, Attribution};
use crate::map::{Basis, DeniedBy, EventClass, Mapped, ResourceSeen};
use crate::record::Record;

impl Ledger {
    /// Notes everything that a record shows: facts of the account always, usage if a role's session made the
    /// call.
    ///
    /// Observing a record again changes nothing. Counts of events are the caller's to keep.
    pub fn observe(
        &mut self,
        record: &Record<'_>,
        source: &RecordSource,
        by: Option<&Attribution<'_>>,
        mapped: &Mapped,
    ) {
        self.observe_account(record, source);
        let Some(by) = by else { return };
        let caller = caller(&mut self.roles, &self.settings, record, by);
        if mapped.class == EventClass::Unknown {
            caller.observe_unmapped(record, mapped.outcome);
            return;
        }
        let denied_by = mapped.denied_detail.as_ref().map(|detail| detail.by);
        let uses = mapped.uses.iter().map(|used| (used, mapped.outcome, denied_by));
        let denied_items =
            mapped.denied_items.iter().map(|used| (used, CallOutcome::Denied, Some(DeniedBy::BatchItem)));
        for (used, outcome, denied_by) in uses.chain(denied_items) {
            let resources: Vec<_> = used.resources.iter().map(generalised).collect();
            let event = UsageEvent {
                action: catalog().info(used.action).name(),
                is_primary: used.basis == Basis::Primary,
                outcome,
                resources: resources.iter().map(Option::as_deref).collect(),
                denied_by,
            };
            caller.observe_use(record, by, &event, &self.settings);
        }
        if matches!(mapped.outcome, CallOutcome::Authorised | CallOutcome::Undecided) {
            // A call of no known operation goes by the event's name.
            let unnamed = || (!mapped.possible.is_empty()).then_some(("", record.event_name.as_str()));
            if let Some(operation) = mapped.operation.or_else(unnamed) {
                let may_check = mapped.possible.iter().map(|action| catalog().info(*action).name());
                caller.observe_call(record, operation, may_check);
            }
        }
    }

    /// Attributes, maps and observes a record: the whole path of one event. Returns what the event is.
    ///
    /// Only records of role sessions are mapped; for others the class stays `None`.
    pub fn observe_record(
        &mut self,
        record: &Record<'_>,
        source: &RecordSource,
        mapper: &mut crate::map::Mapper,
    ) -> Option<EventClass> {
        self.observe_kept(record, source, mapper, &KeptRoles::all())
    }

    /// The same, with the usage of some roles alone: of others only the day is noted. Facts of the account
    /// are noted whoever made the call.
    pub fn observe_kept(
        &mut self,
        record: &Record<'_>,
        source: &RecordSource,
        mapper: &mut crate::map::Mapper,
        kept: &KeptRoles,
    ) -> Option<EventClass> {
        let Some(by) = attribute::attribute(record) else {
            self.observe_account(record, source);
            return None;
        };
        if !kept.keeps(&by) {
            self.observe_account(record, source);
            self.roles.entry(by.role_id.to_owned()).or_default().summarise(record, &by);
            return None;
        }
        let event = mapper.map(record);
        self.observe(record, source, Some(&by), &event);
        Some(event.class)
    }
}

fn generalised(seen: &ResourceSeen) -> Option<Cow<'_, str>> {
    match seen {
        ResourceSeen::Arn(arn, _) => Some(generalise(arn)),
        ResourceSeen::Unnamed => None,
    }
}
