//! Everything about an event name that does not depend on the single event.

use whittle_catalog::catalog;
use whittle_catalog::events::{BatchItems, EventRule, FurtherAction, TagKeys};

/// A rule, ready for many events.
#[derive(Debug)]
pub(super) struct PreparedRule {
    pub rule: EventRule<'static>,
    /// The tagging action, if the event is a create call of a service that has one.
    pub tags: Option<TagKeys<'static>>,
    /// True if a role in the parameters is passed on.
    pub may_pass_role: bool,
    /// The place where the answer of a batch call names its denied items.
    pub batch: Option<&'static BatchItems>,
    /// The services that a role in the parameters may be passed to.
    pub passed_to: &'static [&'static str],
    /// What AWS lists under the operation beside the actions that every call of it proves; without those that
    /// no call checks.
    pub further: Vec<FurtherAction<'static>>,
}

impl PreparedRule {
    pub fn of(rule: EventRule<'static>, event_name: &str) -> Self {
        let mut further = rule.further_actions(catalog());
        further.retain(|further| !further.is_never_checked());
        Self {
            rule,
            further,
            tags: catalog().tag_on_create(rule.prefix(), event_name),
            may_pass_role: catalog().may_pass_role(rule.prefix(), event_name),
            batch: catalog().batch_items(rule.prefix(), event_name),
            passed_to: catalog().passed_to_services(rule.prefix(), event_name),
        }
    }
}
