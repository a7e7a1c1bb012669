//! From CloudTrail events to the IAM actions that they prove, and back: what no event can prove.
//!
//! In: an event source and an event name, or an action. Out: [`EventResolution`] (which actions the event
//! authorises, with the clauses that depend on its parameters), [`Visibility`] (how CloudTrail could show an
//! action), [`Companion`]s (what else a used action silently needs), [`Outcome`] of an error code, and the templates
//! from which a resource is read. Not here: reading records and evaluating clauses (`whittle-evidence`).
//!
//! All facts are rows of the tables in `data/events/`, which say where each comes from and are read on first use.
//! The tables describe the embedded catalog ([`crate::catalog`]): ids of another [`Catalog`] do not fit them.
//!
//! AWS pages: CloudTrail User Guide, "CloudTrail record contents" and "Logging data events"; Service Authorization
//! Reference; IAM User Guide, "Troubleshoot access denied error messages".

mod classes;
mod companion;
mod generalise;
mod items;
mod outcome;
mod passed_to;
mod path;
mod rule;
mod sources;
mod table;
mod tables;
mod template;
mod visibility;

use crate::{ActionId, Catalog};

pub use companion::{Companion, Relation};
pub use generalise::generalise;
pub use items::{AnswerKind, BatchItems};
pub use outcome::Outcome;
pub use path::{FieldPath, Segment};
pub use rule::{Clause, Effect, ResourceSpec, Test, Transform};
pub use template::{ParameterSource, TagKeys};
pub use visibility::{BlindResource, Revealer, RevealerKind, Visibility};

/// What an (event source, event name) pair means.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventResolution<'a> {
    /// The call is authorised by actions.
    Actions(EventRule<'a>),
    /// A call that needs no permission of its caller, or whose permission is not an IAM action.
    NoPermission {
        /// Why.
        reason: &'a str,
    },
    /// Not a call of a principal: service events, console sign-in, Insights.
    NotACall {
        /// Why.
        reason: &'a str,
    },
    /// The pair is not known.
    Unknown {
        /// Names of actions that are spelled most like it, best first; may be empty.
        nearest: Vec<String>,
    },
}

/// How the actions of an event were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuleOrigin {
    /// By rows of the curated tables.
    Curated,
    /// By the action of the same name.
    SameName,
    /// By the one action that AWS's operation map leaves when the secondary ones are taken out.
    OperationMap,
}

/// The actions that an event proves, with and without conditions on its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventRule<'a> {
    prefix: &'a str,
    same_named: Option<ActionId>,
    origin: RuleOrigin,
    clauses: [&'a [Clause]; 3],
}

impl<'a> EventRule<'a> {
    /// IAM service prefix of the event's service.
    pub fn prefix(&self) -> &'a str {
        self.prefix
    }

    /// How the rule was found.
    pub fn origin(&self) -> RuleOrigin {
        self.origin
    }

    /// The action that stands for the call by name; `None` where clauses say it all.
    pub fn same_named(&self) -> Option<ActionId> {
        self.same_named
    }

    /// Clauses to evaluate on the event, in table order.
    pub fn clauses(&self) -> impl Iterator<Item = &'a Clause> + use<'a> {
        self.clauses.into_iter().flatten()
    }

    /// Actions that every successful call with this name proves, sorted, whatever its parameters.
    ///
    /// Empty where the parameters decide (PartiQL statements, transaction items). An `instead` clause may replace one
    /// of them by a stricter one.
    pub fn primary(&self) -> Vec<ActionId> {
        let certain = self.clauses().filter(|clause| clause.effect() == Effect::Is && clause.tests().is_empty());
        let mut actions: Vec<_> =
            self.same_named.into_iter().chain(certain.flat_map(|clause| clause.actions().iter().copied())).collect();
        actions.sort_unstable();
        actions.dedup();
        actions
    }

    /// Every action that the rule names, sorted, whatever the parameters say.
    pub fn mentioned(&self) -> Vec<ActionId> {
        let listed = self.clauses().flat_map(|clause| clause.actions().iter().copied());
        let mut actions: Vec<_> = self.same_named.into_iter().chain(listed).collect();
        actions.sort_unstable();
        actions.dedup();
        actions
    }
}

impl Catalog {
    /// IAM service prefixes of an event source: `monitoring.amazonaws.com` gives `cloudwatch`. The usual one first.
    ///
    /// Empty where the value is not the host name of an AWS service, or the service has no IAM prefix.
    pub fn prefixes_of_source(&self, event_source: &str) -> Vec<&str> {
        sources::prefixes(self, tables::tables(), event_source).into_iter().collect()
    }

    /// What an event is: the actions it proves, or why it proves none.
    ///
    /// Order: class rows, curated rules, the action of the same name, the same again without an API date in the name
    /// (`CreateFunction20150331`), AWS's operation map. Names match in any case.
    pub fn resolve_event(&self, event_source: &str, event_name: &str) -> EventResolution<'_> {
        rule::resolve(self, tables::tables(), event_source, event_name)
    }

    /// Why an event of this `eventType` is no call, if so: only `AwsApiCall` proves an IAM authorisation.
    ///
    /// AWS page: CloudTrail User Guide, "CloudTrail record contents", eventType.
    pub fn event_type_reason(&self, event_type: &str) -> Option<&'static str> {
        tables::tables().classes.event_type(event_type)
    }

    /// How CloudTrail could show that an action was used.
    pub fn visibility(&self, action: ActionId) -> Visibility<'_> {
        visibility::index(self).visibility(action)
    }

    /// Resources on which no event that [`Self::visibility`] speaks of shows a use of the action: a grant that may match one
    /// of them can be in use unseen.
    pub fn blind_resources(&self, action: ActionId) -> &[BlindResource] {
        visibility::index(self).blind_resources(action)
    }

    /// Whether IAM's action-level report tells of an action; `None` where that is not known. It tells of management actions
    /// only, never of `iam:PassRole` (its service-level report sees the data plane too).
    ///
    /// AWS page: IAM User Guide, "Refine permissions in AWS using last accessed information".
    pub fn action_last_accessed(&self, action: ActionId) -> Option<bool> {
        let info = self.info(action);
        info.last_accessed_supported().or_else(|| {
            let data_only = matches!(self.visibility(action), Visibility::Data { .. });
            (data_only || info.name() == "iam:PassRole").then_some(false)
        })
    }

    /// The events that reveal an action, by (event source, event name).
    pub fn revealed_by(&self, action: ActionId) -> &[Revealer] {
        visibility::index(self).revealers(action)
    }

    /// Actions to keep, where granted, beside a used action: no event carries their name.
    pub fn companions_of(&self, action: ActionId) -> &[Companion] {
        companion::index(self).of(action)
    }

    /// What an error code says about the authorisation of a call. `prefix` is the IAM prefix of the event's service.
    pub fn outcome_of_error(&self, prefix: &str, event_name: &str, error_code: &str, message: &str) -> Outcome {
        tables::tables().outcomes.classify(prefix, event_name, error_code, message)
    }

    /// Where the placeholders of a service's ARN formats are found in request parameters, in table order.
    pub fn parameter_sources(&self, prefix: &str) -> &[ParameterSource] {
        tables::tables().templates.sources(prefix)
    }

    /// The tagging actions of a service that a create call with tags also needs, and the parameters that show tags.
    pub fn tag_on_create(&self, prefix: &str, event_name: &str) -> Option<TagKeys<'_>> {
        tables::tables().templates.tag_on_create(self, prefix, event_name)
    }

    /// Where a batch call of a service says which of its items were denied. `prefix` is the IAM prefix.
    pub fn batch_items(&self, prefix: &str, event_name: &str) -> Option<&BatchItems> {
        tables::tables().batches.of(prefix, event_name)
    }

    /// The services that a role in the parameters of a call may be passed to: values of `iam:PassedToService`, in the
    /// partition `aws`. Empty where it is not known. `event_name` is without an API date.
    pub fn passed_to_services(&self, prefix: &str, event_name: &str) -> &[&'static str] {
        tables::tables().passed_to.services(prefix, event_name)
    }

    /// Data event resource types (`resources.type` of a selector) that CloudTrail knows.
    ///
    /// AWS page: CloudTrail User Guide, "Logging data events", state of autumn 2026.
    pub fn data_event_types(&self) -> &'static [&'static str] {
        &tables::tables().data_types
    }
}

#[cfg(test)]
mod tests;
