//! What an event name means, with everything worked out that does not depend on the single event.

use whittle_catalog::catalog;
use whittle_catalog::events::{BatchItems, Clause, EventRule, FieldPath, TagKeys, Test};

use super::reads::{Reads, bit_of};
use super::resources;

/// A rule, ready for many events.
#[derive(Debug)]
pub(super) struct Prepared {
    pub rule: EventRule<'static>,
    /// The clauses of the rule, in order.
    pub clauses: Vec<Prefiltered>,
    /// The parameters that the mapping can depend on.
    pub reads: Reads,
    /// Whether the mapping can depend on `responseElements`.
    pub reads_response: bool,
    /// Whether the mapping can depend on a masked value anywhere in the parameters.
    pub asks_for_masks: bool,
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
    pub fn of(rule: EventRule<'static>, event_name: &str) -> Self {
        let reads = Reads::of(&rule);
        let batch = catalog().batch_items(rule.prefix(), event_name);
        Self {
            clauses: rule.clauses().map(|clause| Prefiltered { bits: bits_of(clause), clause }).collect(),
            rule,
            reads_response: reads.response() || batch.is_some() || resources::creates(event_name),
            reads,
            asks_for_masks: rule.mentioned().iter().any(|action| resources::asks_for_masks(*action)),
            tags: catalog().tag_on_create(rule.prefix(), event_name),
            may_pass_role: may_pass_role(rule.prefix(), event_name),
            batch,
            passed_to: catalog().passed_to_services(rule.prefix(), event_name),
        }
    }
}

/// A clause that holds only where the request has a key of one of these bits; `None`: whatever it has.
#[derive(Debug)]
pub(super) struct Prefiltered {
    bits: Option<u64>,
    pub clause: &'static Clause,
}

impl Prefiltered {
    /// Whether the clause may hold for an event with keys of these bits.
    pub fn may_hold(&self, present: u64) -> bool {
        self.bits.is_none_or(|wanted| wanted & present != 0)
    }
}

fn bits_of(clause: &Clause) -> Option<u64> {
    clause.tests().iter().find_map(|test| match test {
        Test::Has(paths) => bits_of_paths(paths),
        Test::Is(pairs) => bits_of_paths(pairs.iter().map(|(path, _)| path)),
        Test::Text(path, _) | Test::Verb(_, path) => bits_of_paths([path]),
        _ => None,
    })
}

/// `None` if one of the paths starts with no key of the request.
fn bits_of_paths<'p>(paths: impl IntoIterator<Item = &'p FieldPath>) -> Option<u64> {
    paths.into_iter().try_fold(0, |bits, path| {
        let first = path.segments().first().filter(|_| !path.is_response())?;
        Some(bits | bit_of(first)?)
    })
}

/// Calls that read pass no role, and some services take role ARNs as plain data.
fn may_pass_role(prefix: &str, event_name: &str) -> bool {
    let reads = ["Get", "List", "Describe", "Head", "Search", "Lookup", "BatchGet"];
    !matches!(prefix, "iam" | "sts" | "s3" | "sso" | "kms" | "secretsmanager" | "cloudtrail")
        && !reads.iter().any(|start| event_name.starts_with(start))
}
