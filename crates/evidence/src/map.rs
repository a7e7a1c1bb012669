//! From a record to the IAM actions that it proves, on which resources, and how the call ended.
//!
//! In: a [`Record`] and the catalog. Out: [`Mapped`]. The tables of the catalog's events module say which
//! event means which actions; this module evaluates their conditions on the parameters, reads resources out
//! of the record and classifies the error. Not here: whose use it was ([`crate::attribute`]) and what is
//! remembered ([`crate::ledger`]).
//!
//! Order for resources: ARN of a denied message, `resources[]`, the tables' templates, parameters named like
//! the placeholders of the ARN format, `responseElements`, else [`ResourceSeen::Unnamed`]. Nothing is
//! invented: a part that the event does not give is `*`.
//!
//! AWS pages: CloudTrail User Guide, "CloudTrail record contents"; IAM User Guide, "Troubleshoot access
//! denied error messages".

mod arns;
mod collected;
mod conditions;
mod denied;
mod fill;
mod items;
mod owner;
mod params;
mod plan;
mod prepared;
mod reads;
mod resources;
mod s3;
mod transform;

use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::OnceLock;

use whittle_catalog::events::{ClauseEffect, EventResolution, ResourceSpec};
use whittle_catalog::{ActionId, catalog};

pub use denied::{DeniedBy, DeniedDetail};
pub use reads::{ParametersRead, parameters_read};
pub use transform::secret_name;
pub use whittle_catalog::events::CallOutcome;

use crate::record::Record;
use collected::CollectedUses;
use params::Parameters;
use prepared::PreparedRule;

/// Class of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventClass {
    /// A call that actions authorise.
    Actions,
    /// A call that proves no permission.
    NoPermission,
    /// Not a call of a principal.
    NotACall,
    /// Not known.
    Unknown,
}

impl EventClass {
    /// The word for output: `actions`, `no-permission`, `not-a-call`, `unknown`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Actions => "actions",
            Self::NoPermission => "no-permission",
            Self::NotACall => "not-a-call",
            Self::Unknown => "unknown",
        }
    }
}

/// Proof of an action by an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Basis {
    /// The call is this action.
    Primary,
    /// The parameters prove it, or another grant would have authorised the same call.
    Secondary,
}

impl Basis {
    /// The word for output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
            Self::Secondary => "secondary",
        }
    }
}

/// Part of the event that named a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceOrigin {
    /// In the message of a denied call.
    DeniedMessage,
    /// In `resources[]`.
    Listed,
    /// In the parameters, by a row of the tables.
    Template,
    /// In parameters named like the placeholders of the ARN format.
    Generic,
    /// In `responseElements`.
    Response,
    /// Only the type of the resource is known: its identifying parts are `*`.
    TypeOnly,
    /// The action has no resource types: `*`.
    NoResourceTypes,
}

/// A resource that an action was used on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceSeen {
    /// An ARN, with `*` where a part is not known, or `*` alone. Policy variables (`${`) in it are made
    /// harmless.
    Arn(String, ResourceOrigin),
    /// The event does not name it.
    Unnamed,
}

/// One action that an event proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionUse {
    /// The action.
    pub action: ActionId,
    /// Proof of the action.
    pub basis: Basis,
    /// On what, sorted, never empty.
    pub resources: Vec<ResourceSeen>,
}

/// Meaning of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped {
    /// Class of the event.
    pub class: EventClass,
    /// The reason, where the event is no call, proves no permission or is not known.
    pub reason: Option<&'static str>,
    /// For an unknown event: names of actions that are spelled like it.
    pub nearest: Vec<String>,
    /// The actions that the call exercised (or, if it was denied, asked for), by action, primary first.
    pub uses: Vec<ActionUse>,
    /// Actions that AWS may have checked too, without evidence: keep them where granted, never count them as
    /// used. What AWS lists under the operation is among them, unless a sourced rule shows from the
    /// parameters that this call did not check it.
    pub possible: Vec<ActionId>,
    /// The operation that was called: IAM prefix and name, as the catalog spells them.
    pub operation: Option<(&'static str, &'static str)>,
    /// Outcome of the call. Only [`CallOutcome::Authorised`] is use.
    pub outcome: CallOutcome,
    /// For a denied call: what its message says.
    pub denied_detail: Option<DeniedDetail>,
    /// Items that were denied inside a call that succeeded: no use. Sorted as the uses are.
    pub denied_items: Vec<ActionUse>,
    /// If [`Self::uses`] hold `iam:PassRole`: the services that the role may have been passed to, in the
    /// partition `aws` (values of `iam:PassedToService`). Empty where they are not known.
    pub passed_to: &'static [&'static str],
}

impl Mapped {
    fn of_class(class: EventClass, reason: Option<&'static str>, nearest: Vec<String>) -> Self {
        Self {
            class,
            reason,
            nearest,
            uses: Vec::new(),
            possible: Vec::new(),
            operation: None,
            outcome: CallOutcome::NotReached,
            denied_detail: None,
            denied_items: Vec::new(),
            passed_to: &[],
        }
    }

    /// The actions that the event counts as used: none unless the call was authorised.
    pub fn used(&self) -> &[ActionUse] {
        if self.outcome == CallOutcome::Authorised { &self.uses } else { &[] }
    }
}

/// Maps one record. For many records use a [`Mapper`], which remembers what each event name means.
pub fn map_record(record: &Record<'_>) -> Mapped {
    if let Some(reason) = not_a_call(record) {
        return Mapped::of_class(EventClass::NotACall, Some(reason), Vec::new());
    }
    let meaning = EventMeaning::of_names(record.event_source.as_str(), record.event_name.as_str());
    meaning.of_record(record)
}

/// Event names that are remembered at most; further ones are looked up each time (event names are the
/// sender's text).
const MAX_REMEMBERED: usize = 20_000;

/// Maps records, remembering for each (event source, event name) what does not depend on the single event.
#[derive(Debug, Default)]
pub struct Mapper {
    /// By event source, then event name.
    meanings: HashMap<String, HashMap<String, EventMeaning>>,
    remembered: usize,
}

impl Mapper {
    /// Maps one record: the same answer as [`map_record`].
    pub fn map(&mut self, record: &Record<'_>) -> Mapped {
        if let Some(reason) = not_a_call(record) {
            return Mapped::of_class(EventClass::NotACall, Some(reason), Vec::new());
        }
        let (source, name) = (record.event_source.as_str(), record.event_name.as_str());
        if let Some(meaning) = self.meanings.get(source).and_then(|names| names.get(name)) {
            return meaning.of_record(record);
        }
        let meaning = EventMeaning::of_names(source, name);
        let mapped = meaning.of_record(record);
        if self.remembered < MAX_REMEMBERED {
            self.remembered += 1;
            self.meanings.entry(source.to_owned()).or_default().insert(name.to_owned(), meaning);
        }
        mapped
    }
}

/// The meaning of an (event source, event name), prepared for many events.
#[derive(Debug)]
enum EventMeaning {
    Call(PreparedRule),
    /// The same for every event of the name, but for its outcome.
    Class(Mapped),
}

impl EventMeaning {
    fn of_names(source: &str, name: &str) -> Self {
        let class = |class, reason, nearest| Self::Class(Mapped::of_class(class, Some(reason), nearest));
        match catalog().resolve_event(source, name) {
            EventResolution::Actions(rule) => Self::Call(PreparedRule::of(rule, name)),
            EventResolution::NoPermission { reason } => class(EventClass::NoPermission, reason, Vec::new()),
            EventResolution::NotACall { reason } => class(EventClass::NotACall, reason, Vec::new()),
            EventResolution::Unknown { nearest } => {
                let no_service = catalog().prefixes_of_source(source).is_empty();
                class(EventClass::Unknown, if no_service { UNKNOWN_SERVICE } else { UNKNOWN_NAME }, nearest)
            }
            _ => class(EventClass::Unknown, UNKNOWN_NAME, Vec::new()),
        }
    }

    fn of_record(&self, record: &Record<'_>) -> Mapped {
        match self {
            Self::Call(prepared) => map_call(record, prepared),
            Self::Class(mapped) if mapped.class == EventClass::Unknown => {
                Mapped { outcome: outcome_of(record, ""), ..mapped.clone() }
            }
            Self::Class(mapped) => mapped.clone(),
        }
    }
}

/// Reason of an unknown event of a known service.
const UNKNOWN_NAME: &str = "no action, operation or rule of the service has this name: it may have needed any of its \
     actions, so none of them is called unused";

/// The same for a service that is not known.
const UNKNOWN_SERVICE: &str =
    "the catalog knows no service of this event source: it may have needed any action, so none is called unused";

/// Outcome of a call. `prefix` is the IAM prefix of its service; without a known action it is empty: if the
/// call was not denied, it used some permission.
fn outcome_of(record: &Record<'_>, prefix: &str) -> CallOutcome {
    let Some(code) = record.error_code.as_deref() else { return CallOutcome::Authorised };
    let message = record.error_message.as_deref().unwrap_or_default();
    // What is said of another principal (a role that the service takes on) is no denial of the caller.
    let message = if denied::is_of_another(message, record) { "" } else { message };
    catalog().outcome_of_error(prefix, record.event_name.as_str(), code, message)
}

/// The reason that a record is no call of an API, by its type and category.
fn not_a_call(record: &Record<'_>) -> Option<&'static str> {
    if let Some(reason) = record.event_type.as_deref().and_then(|kind| catalog().event_type_reason(kind)) {
        return Some(reason);
    }
    match record.event_category.as_deref() {
        Some("NetworkActivity") => Some("a network activity event, as the owner of the VPC endpoint sees a call"),
        Some("Insight") => Some("an Insights event, computed by CloudTrail"),
        Some("Aggregated") => Some("a summary of several events, without a principal"),
        _ => None,
    }
}

/// Everything that mapping one record looks at.
struct CallContext<'r> {
    record: &'r Record<'r>,
    parameters: Parameters<'r>,
    denied: Option<&'r DeniedDetail>,
    place: OnceCell<transform::CallPlace<'r>>,
    owners: OnceCell<Vec<owner::NamedOwner<'r>>>,
}

fn map_call(record: &Record<'_>, prepared: &PreparedRule) -> Mapped {
    let rule = &prepared.rule;
    let message = record.error_message.as_deref().unwrap_or_default();
    let outcome = outcome_of(record, rule.prefix());
    let denied_detail = (outcome == CallOutcome::Denied).then(|| denied::parse(message));
    let call = CallContext {
        record,
        parameters: Parameters::of(record),
        denied: denied_detail.as_ref(),
        place: OnceCell::new(),
        owners: OnceCell::new(),
    };
    let mut uses = CollectedUses::default();
    if let Some(action) = rule.same_named() {
        uses.add(action, Basis::Primary, call.resources_of(action));
    }
    let mut possible: Vec<ActionId> = Vec::new();
    for clause in rule.clauses().filter(|clause| call.holds(clause.tests())) {
        match clause.effect() {
            ClauseEffect::Is => {
                for action in clause.actions() {
                    uses.add(*action, Basis::Primary, call.resources_by(clause.resource(), *action));
                }
            }
            ClauseEffect::Instead => {
                match clause.replaces() {
                    Some(old) => uses.remove(old),
                    None => uses.remove_primary(),
                }
                for action in clause.actions() {
                    uses.add(*action, Basis::Primary, call.resources_by(clause.resource(), *action));
                }
            }
            ClauseEffect::And | ClauseEffect::Or => {
                for action in clause.actions() {
                    uses.add(*action, Basis::Secondary, call.resources_by(clause.resource(), *action));
                }
            }
            ClauseEffect::Possible => possible.extend(clause.actions()),
            _ => {}
        }
    }
    if let Some(tags) = &prepared.tags {
        call.add_tagging(tags, &mut uses);
    }
    if prepared.may_pass_role {
        call.add_role_passing(&mut uses);
    }
    match rule.prefix() {
        "s3" => s3::switch_prefix(&call, &mut uses, &mut possible),
        "kms" if outcome == CallOutcome::Authorised => call.add_key_aliases(&mut uses),
        _ => {}
    }
    call.add_denied_action(&mut uses);
    let denied_items = match prepared.batch {
        Some(batch) if outcome == CallOutcome::Authorised => {
            CollectedUses { list: call.take_denied_items(rule.prefix(), batch, &mut uses) }.into_sorted()
        }
        _ => Vec::new(),
    };
    let uses = uses.into_sorted();
    let passes_role = uses.iter().any(|used| Some(used.action) == pass_role());
    let passed_to = if passes_role { prepared.passed_to } else { &[] };
    let further = prepared.further.iter().filter(|further| !call.is_excluded(further));
    possible.extend(further.map(|further| further.action));
    possible.retain(|action| !uses.iter().any(|used| used.action == *action));
    possible.sort_unstable();
    possible.dedup();
    Mapped {
        class: EventClass::Actions,
        reason: None,
        nearest: Vec::new(),
        uses,
        possible,
        operation: rule.operation().map(|name| (rule.prefix(), name)),
        outcome,
        denied_detail,
        denied_items,
        passed_to,
    }
}

/// `iam:PassRole`, looked up once.
fn pass_role() -> Option<ActionId> {
    static PASS_ROLE: OnceLock<Option<ActionId>> = OnceLock::new();
    *PASS_ROLE.get_or_init(|| catalog().action("iam:PassRole"))
}

impl<'r> CallContext<'r> {
    /// The place of the call.
    fn place(&self) -> &transform::CallPlace<'r> {
        self.place.get_or_init(|| transform::CallPlace::of(self.record))
    }

    /// The action that a denied message names, where the event's own actions do not include it: a call may be
    /// refused for a role that it passes, or a key that it uses.
    fn add_denied_action(&self, uses: &mut CollectedUses) {
        let Some(detail) = self.denied else { return };
        let Some(action) = detail.action.as_deref().and_then(|name| catalog().action(name)) else { return };
        if uses.list.iter().any(|used| used.action == action) {
            return;
        }
        let resource = match detail.resource.as_deref() {
            Some(arn) if !params::is_masked(arn) => {
                ResourceSeen::Arn(resources::harmless(arn), ResourceOrigin::DeniedMessage)
            }
            _ => ResourceSeen::Unnamed,
        };
        uses.add(action, Basis::Secondary, vec![resource]);
    }

    fn resources_by(&self, spec: &ResourceSpec, action: ActionId) -> Vec<ResourceSeen> {
        match spec {
            ResourceSpec::Any => vec![ResourceSeen::Arn("*".to_owned(), ResourceOrigin::NoResourceTypes)],
            ResourceSpec::Unnamed => vec![ResourceSeen::Unnamed],
            ResourceSpec::At(paths) => self.resources_at(paths, action),
            ResourceSpec::Request => self.resources_of_request(action),
            _ => self.resources_of(action),
        }
    }
}

#[cfg(test)]
mod tests;
