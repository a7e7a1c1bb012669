//! From CloudTrail events to the IAM actions that they prove, and back: what no event can prove.
//!
//! In: an event source and an event name, or an action. Out: [`EventResolution`] (which actions the event
//! authorises, with the clauses that depend on its parameters), [`Visibility`] (how CloudTrail could show an
//! action), [`Companion`]s (what else a used action silently needs), [`CallOutcome`] of an error code, and
//! the templates from which a resource is read. Not here: reading records and evaluating clauses
//! (`whittle-evidence`).
//!
//! All facts are rows of the tables in `data/events/`, which say where each comes from and are read on first
//! use. The tables describe the embedded catalog ([`crate::catalog`]): ids of another [`Catalog`] do not fit
//! them.
//!
//! AWS pages: CloudTrail User Guide, "CloudTrail record contents" and "Logging data events"; Service
//! Authorization Reference; IAM User Guide, "Troubleshoot access denied error messages".

mod classes;
mod companion;
mod data_event_types;
mod generalise;
mod items;
mod lists;
mod outcome;
mod passed_to;
mod path;
mod resolve;
mod rule;
mod sources;
mod table;
mod tables;
mod tags_shown;
mod template;
mod transform;
mod visibility;

use crate::{ActionId, Catalog};

pub use companion::{Companion, Relation};
pub use generalise::generalise;
pub use items::{AnswerKind, BatchItems};
pub use outcome::CallOutcome;
pub use path::{FieldPath, PathSegment};
pub use resolve::{EventResolution, EventRule, FurtherAction, RuleOrigin};
pub use rule::{Clause, ClauseEffect, ClauseTest, ResourceSpec};
pub use template::{ParameterSource, TagKeys};
pub use transform::Transform;
pub use visibility::{BlindResource, Revealer, RevealerKind, Visibility};

impl Catalog {
    /// IAM service prefixes of an event source: `monitoring.amazonaws.com` gives `cloudwatch`. The usual one
    /// first.
    ///
    /// Empty where the value is not the host name of an AWS service, or the service has no IAM prefix.
    pub fn prefixes_of_source(&self, event_source: &str) -> Vec<&str> {
        sources::prefixes(self, &tables::tables().sources, event_source)
    }

    /// The meaning of an event: the actions that it proves, or the reason that it proves none.
    ///
    /// Order: class rows, curated rules, the action of the same name, the same again without an API date in
    /// the name (`CreateFunction20150331`), AWS's operation map. Names match in any case.
    pub fn resolve_event(&self, event_source: &str, event_name: &str) -> EventResolution<'_> {
        resolve::resolve(self, tables::tables(), event_source, event_name)
    }

    /// The rule of an operation's event, by IAM prefix and name; `None` if it proves no permission or is not
    /// known.
    pub fn rule_of_operation(&self, prefix: &str, operation: &str) -> Option<EventRule<'_>> {
        match self.resolve_event(&format!("{prefix}.amazonaws.com"), operation) {
            EventResolution::Actions(rule) => Some(rule),
            _ => None,
        }
    }

    /// The reason that an event of this `eventType` is no call; only `AwsApiCall` proves an IAM
    /// authorisation.
    ///
    /// AWS page: CloudTrail User Guide, "CloudTrail record contents", eventType.
    pub fn event_type_reason(&self, event_type: &str) -> Option<&'static str> {
        tables::tables().classes.event_type(event_type)
    }

    /// The way in which CloudTrail could show a use of an action.
    pub fn visibility(&self, action: ActionId) -> Visibility<'_> {
        visibility::index().visibility(action)
    }

    /// Resources on which no event that [`Self::visibility`] speaks of shows a use of the action: a grant
    /// that may match one of them can be in use unseen.
    pub fn blind_resources(&self, action: ActionId) -> &[BlindResource] {
        visibility::index().blind_resources(action)
    }

    /// True if IAM's action-level report tells of an action; `None` where that is not known. It tells of
    /// management actions only, never of `iam:PassRole` (its service-level report sees the data plane too).
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
        visibility::index().revealers(action)
    }

    /// The event of an operation (IAM prefix and name) and the log that holds it; `None` where no page of AWS
    /// says that it is logged.
    pub fn event_of_operation(&self, prefix: &str, operation: &str) -> Option<Revealer> {
        visibility::index().event_of(prefix, operation)
    }

    /// Actions to keep, where granted, beside a used action: no event carries their name.
    pub fn companions_of(&self, action: ActionId) -> &[Companion] {
        companion::index().of(action)
    }

    /// The outcome that an error code stands for. `prefix` is the IAM prefix of the event's service.
    pub fn outcome_of_error(&self, prefix: &str, event_name: &str, error_code: &str, message: &str) -> CallOutcome {
        tables::tables().outcomes.classify(prefix, event_name, error_code, message)
    }

    /// Request parameters that fill the placeholders of a service's ARN formats, in table order.
    pub fn parameter_sources(&self, prefix: &str) -> &[ParameterSource] {
        tables::tables().templates.sources(prefix)
    }

    /// The tagging actions of a service that a create call with tags also needs, and the parameters that show
    /// tags.
    pub fn tag_on_create(&self, prefix: &str, event_name: &str) -> Option<TagKeys<'_>> {
        let tables = tables::tables();
        let takes_tags = tables.lists.has_start("takes-tags", event_name);
        takes_tags.then(|| tables.templates.tagging_of(self, prefix, event_name))?
    }

    /// True if the answer to a call of this name holds the ARN of the resource that it made.
    pub fn names_created(&self, event_name: &str) -> bool {
        tables::tables().lists.has_start("names-created", event_name)
    }

    /// True if a role ARN in the parameters of a call of this name is passed on: not by a call that reads,
    /// nor to a service that takes role ARNs as plain data.
    pub fn may_pass_role(&self, prefix: &str, event_name: &str) -> bool {
        let lists = &tables::tables().lists;
        !lists.of("role-is-data").contains(&prefix) && !lists.has_start("reads", event_name)
    }

    /// A number that changes with whatever decides which of the actions that AWS lists a call did not check.
    pub fn exclusion_rules(&self) -> u32 {
        tables::tables().exclusion_rules
    }

    /// Request parameters that name the account of whoever owns the resource of a call.
    pub fn owner_account_keys(&self) -> &'static [&'static str] {
        tables::tables().lists.of("owner-account")
    }

    /// True if a call of this name may have a source and a target of one resource type.
    pub fn may_have_source(&self, event_name: &str) -> bool {
        tables::tables().lists.has_start("has-source", event_name)
    }

    /// True if a Bedrock model id that starts with `geography.` is the id of an inference profile.
    pub fn is_inference_profile(&self, geography: &str) -> bool {
        tables::tables().lists.of("inference-profile").contains(&geography)
    }

    /// True if ids of a resource type are used up within hours: by service and first segment of the ARN's
    /// resource.
    pub fn is_short_lived(&self, service: &str, resource_type: &str) -> bool {
        is_listed("short-lived", service, resource_type)
    }

    /// True if the generated ids of a resource type name lasting resources: by service and first segment of
    /// the ARN's resource.
    pub fn is_lasting(&self, service: &str, resource_type: &str) -> bool {
        is_listed("lasting", service, resource_type)
    }

    /// True if AWS publishes the names of a resource type, so that nothing in them grows by itself: by
    /// service and first segment of the ARN's resource.
    pub fn is_published(&self, service: &str, resource_type: &str) -> bool {
        is_listed("published", service, resource_type)
    }

    /// The place where a batch call of a service names its denied items. `prefix` is the IAM prefix.
    pub fn batch_items(&self, prefix: &str, event_name: &str) -> Option<&BatchItems> {
        tables::tables().batches.of(prefix, event_name)
    }

    /// The services that a role in the parameters of a call may be passed to: values of
    /// `iam:PassedToService`, in the partition `aws`. Empty where it is not known. `event_name` is without an
    /// API date.
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

fn is_listed(list: &str, service: &str, resource_type: &str) -> bool {
    let mut items = tables::tables().lists.of(list).iter().filter_map(|item| item.split_once(':'));
    items.any(|item| item == (service, resource_type))
}

#[cfg(test)]
mod tests;
