//! What an event name means, with everything worked out that does not depend on the single event.

use whittle_catalog::Catalog;
use whittle_catalog::events::{BatchItems, EventRule, TagKeys};

use super::reads::Reads;
use super::resources;

/// A rule, ready for many events.
#[derive(Debug)]
pub(super) struct Prepared {
    pub rule: EventRule<'static>,
    /// The parameters that the mapping can depend on.
    pub reads: Reads,
    /// Whether the mapping can depend on `responseElements`.
    pub reads_response: bool,
    /// The tagging action, if the event is a create call of a service that has one.
    pub tags: Option<TagKeys<'static>>,
    /// Whether a role in the parameters is passed on.
    pub may_pass_role: bool,
    /// Where the answer of a batch call says which items were denied.
    pub batch: Option<&'static BatchItems>,
    /// The services that a role in the parameters may be passed to.
    pub passed_to: &'static [&'static str],
}

impl Prepared {
    pub fn of(catalog: &'static Catalog, rule: EventRule<'static>, event_name: &str) -> Self {
        let reads = Reads::of(catalog, &rule);
        let batch = catalog.batch_items(rule.prefix(), event_name);
        Self {
            rule,
            reads_response: reads.response() || batch.is_some() || resources::creates(event_name),
            reads,
            tags: catalog.tag_on_create(rule.prefix(), event_name),
            may_pass_role: may_pass_role(rule.prefix(), event_name),
            batch,
            passed_to: catalog.passed_to_services(rule.prefix(), event_name),
        }
    }
}

/// Calls that read pass no role, and some services take role ARNs as plain data.
fn may_pass_role(prefix: &str, event_name: &str) -> bool {
    let reads = ["Get", "List", "Describe", "Head", "Search", "Lookup", "BatchGet"];
    !matches!(prefix, "iam" | "sts" | "s3" | "sso" | "kms" | "secretsmanager" | "cloudtrail")
        && !reads.iter().any(|start| event_name.starts_with(start))
}
