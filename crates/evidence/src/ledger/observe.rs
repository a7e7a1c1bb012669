//! From a mapped record into the ledger.

use whittle_catalog::catalog;
use whittle_catalog::events::Outcome;

use super::usage::UsageEvent;
use super::{Ledger, caller};
use crate::attribute::{self, Attribution};
use crate::map::{Basis, DeniedBy, DeniedDetail, EventClass, Mapped, ResourceSeen, generalise};
use crate::record::Record;

impl Ledger {
    /// Notes everything that a record shows: facts of the account always, usage if a role's session made the call.
    ///
    /// Observing a record again changes nothing. Counts of events are the caller's to keep.
    pub fn observe(&mut self, record: &Record<'_>, by: Option<&Attribution<'_>>, mapped: &Mapped) {
        self.observe_account(record);
        let Some(by) = by else { return };
        let caller = caller(&mut self.roles, &self.settings, record, by);
        if mapped.class == EventClass::Unknown {
            caller.observe_unmapped(record, mapped.outcome);
            return;
        }
        let denial = mapped.denied_detail.as_deref().map(denial_words);
        for action in &mapped.uses {
            let generalised: Vec<_> = action
                .resources
                .iter()
                .map(|resource| match resource {
                    ResourceSeen::Arn(arn, _) => Some(generalise(arn, action.action)),
                    ResourceSeen::Unnamed => None,
                })
                .collect();
            let event = UsageEvent {
                action: catalog().info(action.action).name(),
                is_primary: action.basis == Basis::Primary,
                outcome: mapped.outcome,
                resources: generalised.iter().map(Option::as_deref).collect(),
                denial,
            };
            caller.observe_use(record, by, &event, &self.settings);
        }
        for action in &mapped.denied_items {
            let resources = action.resources.iter().map(|resource| match resource {
                ResourceSeen::Arn(arn, _) => Some(generalise(arn, action.action)),
                ResourceSeen::Unnamed => None,
            });
            let resources: Vec<_> = resources.collect();
            let event = UsageEvent {
                action: catalog().info(action.action).name(),
                is_primary: action.basis == Basis::Primary,
                outcome: Outcome::Denied,
                resources: resources.iter().map(Option::as_deref).collect(),
                denial: Some("item of a batch"),
            };
            caller.observe_use(record, by, &event, &self.settings);
        }
        if matches!(mapped.outcome, Outcome::Authorised | Outcome::Undecided) {
            for action in &mapped.possible {
                caller.observe_possible(record, catalog().info(*action).name());
            }
        }
    }

    /// Attributes, maps and observes a record: the whole path of one event. Returns what the event is.
    ///
    /// Only records of role sessions are mapped; for others the class stays `None`.
    pub fn observe_record(&mut self, record: &Record<'_>, mapper: &mut crate::map::Mapper) -> Option<EventClass> {
        let Some(by) = attribute::attribute(record) else {
            self.observe_account(record);
            return None;
        };
        let meaning = mapper.map(record);
        self.observe(record, Some(&by), meaning);
        Some(meaning.class)
    }
}

/// A denial in stable words: which kind of policy, and whether by a Deny statement. Only `identity-based policy, no allow`
/// can be cured by a grant.
fn denial_words(detail: &DeniedDetail) -> &'static str {
    match (detail.by, detail.explicit) {
        (Some(DeniedBy::Identity), Some(false)) => "identity-based policy, no allow",
        (Some(DeniedBy::Identity), _) => "identity-based policy, deny",
        (Some(DeniedBy::Resource), _) => "resource-based policy",
        (Some(DeniedBy::Boundary), _) => "permissions boundary",
        (Some(DeniedBy::Session), _) => "session policy",
        (Some(DeniedBy::ServiceControl), _) => "service control policy",
        (Some(DeniedBy::ResourceControl), _) => "resource control policy",
        (Some(DeniedBy::VpcEndpoint), _) => "VPC endpoint policy",
        (Some(DeniedBy::Trust), _) => "role trust policy",
        (None, Some(true)) => "deny",
        (None, Some(false) | None) => "not told",
    }
}
