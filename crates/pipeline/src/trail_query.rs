//! Queries on a trail: the actions that its events map to, and who used them. No store, no verdicts.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;
use whittle_analysis::inventory::Inventory;
use whittle_analysis::issue::{Issue, merge_issues};
use whittle_analysis::result::UsageRow;
use whittle_catalog::{ActionId, catalog};
use whittle_evidence::attribute::{Caller, CallerKey, FunctionRef, RoleFunctions, function_name, resolve};
use whittle_evidence::coverage::{ActionAsked, Coverage, Observability};
use whittle_evidence::ledger::{Ledger, LedgerSettings, ResourceSet, Sighting};
use whittle_evidence::map::{Basis, CallOutcome, EventClass, Mapper, ResourceSeen};
use whittle_evidence::read::{Limits, read_bytes};
use whittle_evidence::record::Record;
use whittle_policy::ResourcePattern;

use crate::ingest::{IngestSummary, ObjectReport, list_events, unavailable};
use crate::marks::ReadMarks;
use crate::ports::{PortError, TrailObjects};
use crate::trail_object::TrailObject;

mod events;
mod validated;

pub use events::{ActionEvents, EventQuery, EventSeen, role_events};
pub use validated::{ValidatedRegion, day_runs, validated_days};

/// The mapping of one kind of event, over all records of that kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventMapping {
    /// Records of this kind.
    pub events: u64,
    /// Class of the event.
    pub class: EventClass,
    /// Reason why it is no call or proves no permission.
    pub reason: Option<&'static str>,
    /// For an unknown kind: names that are spelled like it.
    pub nearest: Vec<String>,
    /// Actions with the basis and the resources seen, of denied calls too.
    pub actions: BTreeMap<ActionId, (Basis, ResourceSet)>,
    /// Actions that the call may have needed too: never counted as used.
    pub possible: BTreeSet<ActionId>,
    /// Outcomes of the calls, for events that are calls.
    pub outcomes: BTreeMap<CallOutcome, u64>,
    /// Services that roles in the parameters may have been passed to.
    pub passed_to: BTreeSet<&'static str>,
    /// Actions of items that were denied inside calls that succeeded.
    pub denied_items: BTreeSet<ActionId>,
}

/// Kinds of events by (event source, event name).
pub type EventMappings = BTreeMap<(String, String), EventMapping>;

/// Maps every record of `objects`.
pub fn map_events(objects: &impl TrailObjects) -> Result<(EventMappings, IngestSummary, Vec<Issue>), PortError> {
    let (read, mut summary, mut issues) = list_events(objects, &ReadMarks::default())?;
    summary.read = read.len();
    let settings = LedgerSettings::default();
    let (kinds, reports) = read
        .par_iter()
        .fold(
            || (EventMappings::new(), Vec::new(), Mapper::default()),
            |(mut kinds, mut reports, mut mapper), object| {
                reports.push(map_object(objects, object, &mut mapper, &mut kinds, &settings));
                (kinds, reports, mapper)
            },
        )
        .map(|(kinds, reports, _)| (kinds, reports))
        .reduce(
            || (EventMappings::new(), Vec::new()),
            |(mut kinds, mut reports), (other, more)| {
                for (name, kind) in other {
                    match kinds.get_mut(&name) {
                        Some(known) => join(known, &kind, &settings),
                        None => {
                            kinds.insert(name, kind);
                        }
                    }
                }
                reports.extend(more);
                (kinds, reports)
            },
        );
    for report in &reports {
        summary.add(report, &mut issues);
    }
    Ok((kinds, summary, merge_issues(issues)))
}

fn map_object(
    objects: &impl TrailObjects,
    object: &TrailObject,
    mapper: &mut Mapper,
    kinds: &mut EventMappings,
    settings: &LedgerSettings,
) -> ObjectReport {
    let bytes = objects.read(object).map_err(|error| unavailable(object, &error))?;
    Ok(read_bytes(&object.key, &bytes, &Limits::default(), &mut |found| {
        let kind = kind_of(found.record, mapper, settings);
        let record = found.record;
        let name = (record.event_source.as_str().to_owned(), record.event_name.as_str().to_owned());
        match kinds.get_mut(&name) {
            Some(known) => join(known, &kind, settings),
            None => {
                kinds.insert(name, kind);
            }
        }
    }))
}

fn kind_of(record: &Record<'_>, mapper: &mut Mapper, settings: &LedgerSettings) -> EventMapping {
    let meaning = mapper.map(record);
    let mut actions = BTreeMap::new();
    for used in &meaning.uses {
        let mut resources = ResourceSet::default();
        for resource in &used.resources {
            match resource {
                ResourceSeen::Arn(arn, _) => resources.insert(arn, settings),
                ResourceSeen::Unnamed => resources.insert_unnamed(),
            }
        }
        actions.insert(used.action, (used.basis, resources));
    }
    let is_call = matches!(meaning.class, EventClass::Actions | EventClass::Unknown);
    EventMapping {
        events: 1,
        class: meaning.class,
        reason: meaning.reason,
        nearest: meaning.nearest.clone(),
        actions,
        possible: meaning.possible.iter().copied().collect(),
        outcomes: is_call.then_some((meaning.outcome, 1)).into_iter().collect(),
        passed_to: meaning.passed_to.iter().copied().collect(),
        denied_items: meaning.denied_items.iter().map(|used| used.action).collect(),
    }
}

/// Records of one kind may differ in class (a service event beside a call): the one that proves most stands.
fn join(known: &mut EventMapping, other: &EventMapping, settings: &LedgerSettings) {
    known.events += other.events;
    if other.class < known.class {
        known.class = other.class;
        known.reason = other.reason;
        known.nearest.clone_from(&other.nearest);
    }
    for (action, (basis, resources)) in &other.actions {
        let entry = known.actions.entry(*action).or_insert_with(|| (*basis, ResourceSet::default()));
        entry.0 = entry.0.min(*basis);
        entry.1.merge(resources, settings);
    }
    known.possible.extend(&other.possible);
    known.passed_to.extend(&other.passed_to);
    known.denied_items.extend(&other.denied_items);
    for (outcome, count) in &other.outcomes {
        *known.outcomes.entry(*outcome).or_default() += count;
    }
}

/// One action on one resource, day by day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionDays {
    /// The action.
    pub action: ActionId,
    /// Days in a row with the same answer, in order.
    pub runs: Vec<SeenRun>,
}

/// Days in a row on which an action was seen, could have been seen, or could not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenRun {
    /// UTC days since 1970-01-01.
    pub days: std::ops::Range<i32>,
    /// For each of them, true if an authorised or denied call was seen.
    pub seen: bool,
    /// Would every call have been seen?
    pub observability: Observability,
}

/// Which days of the window show an action on the resource asked about, which would have, and which could
/// not. `role_arn` limits what was seen, and selectors that look at the caller, to one role.
///
/// The ledger knows the resources of an action and its days, not which resource was used on which day. So a
/// role's days count as seen if all resources that it used may be the one asked about.
pub fn days_of_action(
    coverage: &Coverage<'_>,
    ledger: &Ledger,
    action: ActionId,
    asked: &ActionAsked<'_>,
) -> ActionDays {
    let resource = ResourcePattern::new(asked.resource);
    let is_about = |sighting: &Sighting| {
        let patterns = sighting.resources.patterns();
        resource.is_any() || patterns.iter().all(|used| ResourcePattern::new(used.as_str()).intersects(&resource))
    };
    let role_arn = asked.role_arn;
    let name = catalog().info(action).name();
    let mut seen = whittle_evidence::ledger::DaySet::new();
    for (_, role) in ledger.roles().filter(|(_, role)| role_arn.is_none_or(|arn| role.arn() == Some(arn))) {
        let used = role.callers().flat_map(|(_, caller)| caller.usage()).filter(|(used, _)| *used == name);
        for (_, usage) in used {
            let sightings = usage.authorised.iter().chain(&usage.denied).chain(&usage.undecided);
            for sighting in sightings.filter(|sighting| is_about(sighting)) {
                seen.union(&sighting.days);
            }
        }
    }
    let mut runs: Vec<SeenRun> = Vec::new();
    for run in coverage.days_of_action(action, asked) {
        for day in run.days {
            let seen = seen.contains(day);
            match runs.last_mut() {
                Some(last) if last.seen == seen && last.observability == run.observability => last.days.end = day + 1,
                _ => runs.push(SeenRun { days: day..day + 1, seen, observability: run.observability.clone() }),
            }
        }
    }
    ActionDays { action, runs }
}

/// Usage per (role, function, action), sorted. With an inventory, session names are compared with its
/// functions.
pub fn usage_rows(ledger: &Ledger, inventory: Option<&Inventory>) -> Vec<UsageRow> {
    let mut rows: BTreeMap<(String, Option<String>, &'static str, String), MergedUsage> = BTreeMap::new();
    for (key, role) in ledger.roles() {
        let arn = role.arn().unwrap_or(key).to_owned();
        let mut functions: Vec<String> = role.functions().map(str::to_owned).collect();
        for function in inventory.into_iter().flat_map(|inventory| inventory.functions.values()) {
            if function.roles().iter().any(|role| role.as_ref() == arn) {
                functions.push(function.arn.to_string());
            }
        }
        let known = RoleFunctions::new(functions);
        for (caller, used) in role.callers() {
            let (function, caller) = who(caller, &known, role.arn());
            for (action, usage) in used.usage() {
                // A call that may have needed the action is not usage of it.
                if usage.authorised.is_none() && usage.undecided.is_none() && usage.denied.is_none() {
                    continue;
                }
                let place = (key.to_owned(), function.clone(), caller, action.to_owned());
                let row = rows.entry(place).or_default();
                row.role.clone_from(&arn);
                for sighting in usage.authorised.iter().chain(&usage.undecided) {
                    row.authorised(sighting);
                }
                if let Some(denied) = &usage.denied {
                    row.denied.union(&denied.days);
                }
            }
        }
    }
    rows.into_iter()
        .map(|((role_id, function, caller, action), row)| row.finish(role_id, function, caller, action))
        .collect()
}

/// The function, and the sort of caller: `function` (CloudTrail names it), `function-by-session-name` (a
/// session of its name; whoever may assume the role chooses that), `platform` (the Lambda service) or
/// `other`. Functions are named by ARN; one whose Region no record tells has `*` there.
fn who(key: &CallerKey, known: &RoleFunctions, role_arn: Option<&str>) -> (Option<String>, &'static str) {
    let by = match key {
        CallerKey::Function { .. } => "function",
        _ => "function-by-session-name",
    };
    match resolve(key, known) {
        Caller::Function(FunctionRef::Arn(arn)) => (Some(arn), by),
        Caller::Function(FunctionRef::Name(name)) => (Some(arn_of(&name, known, role_arn)), by),
        Caller::Function(FunctionRef::Any) => (None, by),
        Caller::Platform { function_name } => (function_name.map(|name| arn_of(&name, known, role_arn)), "platform"),
        Caller::Other => (None, "other"),
    }
}

/// The ARN of the role's only function of this name; else of a function of this name in any Region of the
/// role's account.
fn arn_of(name: &str, known: &RoleFunctions, role_arn: Option<&str>) -> String {
    let mut named = known.arns().filter(|arn| function_name(arn) == Some(name));
    if let (Some(arn), None) = (named.next(), named.next()) {
        return arn.to_owned();
    }
    let mut parts = role_arn.unwrap_or_default().split(':').skip(1);
    let (partition, account) = (parts.next().unwrap_or("*"), parts.nth(2).unwrap_or("*"));
    format!("arn:{partition}:lambda:*:{account}:function:{name}")
}

/// True if a function as [`usage_rows`] and [`role_events`] name it may be the one of this ARN.
pub fn may_be_function(named: &str, arn: &str) -> bool {
    named == arn || (named.contains(":lambda:*:") && function_name(named) == function_name(arn))
}

#[derive(Default)]
struct MergedUsage {
    role: String,
    first: Option<jiff::Timestamp>,
    last: Option<jiff::Timestamp>,
    days: whittle_evidence::ledger::DaySet,
    denied: whittle_evidence::ledger::DaySet,
    resources: Vec<String>,
}

impl MergedUsage {
    fn authorised(&mut self, sighting: &Sighting) {
        self.first = Some(self.first.map_or(sighting.first, |first| first.min(sighting.first)));
        self.last = Some(self.last.map_or(sighting.last, |last| last.max(sighting.last)));
        self.days.union(&sighting.days);
        self.resources.extend(sighting.resources.patterns());
    }

    fn finish(mut self, role_id: String, function: Option<String>, caller: &'static str, action: String) -> UsageRow {
        self.resources.sort();
        self.resources.dedup();
        UsageRow {
            role: self.role,
            role_id,
            function,
            caller: caller.to_owned(),
            action,
            first_seen: self.first.map(|time| time.to_string()),
            last_seen: self.last.map(|time| time.to_string()),
            active_days: self.days.len(),
            denied_days: self.denied.len(),
            resources: self.resources,
        }
    }
}
