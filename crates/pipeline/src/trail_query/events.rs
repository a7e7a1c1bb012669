//! The events behind a verdict, one by one.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rayon::prelude::*;
use whittle_analysis::issue::{Issue, merge_issues};
use whittle_catalog::ActionId;
use whittle_catalog::events::CallOutcome;
use whittle_evidence::attribute::{RoleFunctions, attribute};
use whittle_evidence::map::{Mapper, ResourceSeen};
use whittle_evidence::read::{Limits, read_bytes};
use whittle_evidence::record::Record;

use super::who;
use crate::ingest::{list_events, unavailable};
use crate::marks::ReadMarks;
use crate::ports::{PortError, TrailObjects};
use crate::trail_object::TrailObject;

/// Query for the events of a role, by action.
#[derive(Debug, Clone)]
pub struct EventQuery {
    /// ARN and unique ids of the role.
    pub role: BTreeSet<String>,
    /// Functions that run under it.
    pub functions: Vec<String>,
    /// Actions.
    pub actions: BTreeSet<ActionId>,
    /// Events to keep of each action, the latest.
    pub max_events: usize,
}

/// One event of one action.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct EventSeen {
    /// Time of the event.
    pub time: Timestamp,
    /// `eventSource`.
    pub event_source: String,
    /// `eventName`.
    pub event_name: String,
    /// Region.
    pub region: String,
    /// `authorised`, `denied`, `undecided` or `not-reached`; `possible` where the call may have needed the
    /// action too.
    pub outcome: &'static str,
    /// `errorCode`.
    pub error_code: Option<String>,
    /// Resources that it names, sorted.
    pub resources: Vec<String>,
    /// `function`, `platform` or `other`.
    pub caller: &'static str,
    /// The function, where it is known.
    pub function: Option<String>,
    /// Service that made the call with the role's rights.
    pub via: Option<String>,
    /// CloudTrail's id of the event, by which it can be found.
    pub event_id: String,
}

/// Events of one action.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ActionEvents {
    /// All there are, each counted once however often it was delivered.
    pub total: usize,
    /// The latest ones, latest first.
    pub latest: Vec<EventSeen>,
}

/// Each event once, however often it was delivered.
type SeenEvents = BTreeSet<(ActionId, EventSeen)>;

/// The events of a role's use of some actions, per action.
pub fn role_events(
    objects: &impl TrailObjects,
    query: &EventQuery,
) -> Result<(BTreeMap<ActionId, ActionEvents>, Vec<Issue>), PortError> {
    let (read, _, mut issues) = list_events(objects, &ReadMarks::default())?;
    let candidates = RoleFunctions::new(query.functions.iter().cloned());
    let parts: Vec<(SeenEvents, Vec<Issue>)> = read
        .par_iter()
        .fold(
            || (BTreeSet::new(), Vec::new(), Mapper::default()),
            |(mut seen, mut issues, mut mapper), object| {
                if let Err(issue) = read_object(objects, object, query, &candidates, &mut mapper, &mut seen) {
                    issues.push(issue);
                }
                (seen, issues, mapper)
            },
        )
        .map(|(seen, issues, _)| (seen, issues))
        .collect();
    let mut all = BTreeSet::new();
    for (seen, more) in parts {
        all.extend(seen);
        issues.extend(more);
    }
    let mut out: BTreeMap<ActionId, ActionEvents> = BTreeMap::new();
    for (action, event) in all.into_iter().rev() {
        let events = out.entry(action).or_default();
        events.total += 1;
        if events.latest.len() < query.max_events {
            events.latest.push(event);
        }
    }
    Ok((out, merge_issues(issues)))
}

fn read_object(
    objects: &impl TrailObjects,
    object: &TrailObject,
    query: &EventQuery,
    candidates: &RoleFunctions,
    mapper: &mut Mapper,
    seen: &mut SeenEvents,
) -> Result<(), Issue> {
    let bytes = objects.read(object).map_err(|error| unavailable(object, &error))?;
    read_bytes(&object.key, &bytes, &Limits::default(), &mut |found| {
        read_record(found.record, query, candidates, mapper, seen);
    });
    Ok(())
}

fn read_record(
    record: &Record<'_>,
    query: &EventQuery,
    candidates: &RoleFunctions,
    mapper: &mut Mapper,
    seen: &mut SeenEvents,
) {
    let Some(by) = attribute(record) else { return };
    if !query.role.contains(by.role_id) && !by.role_arn.is_some_and(|arn| query.role.contains(arn)) {
        return;
    }
    let meaning = mapper.map(record);
    let wanted = |action: &ActionId| query.actions.contains(action);
    if !meaning.uses.iter().any(|used| wanted(&used.action)) && !meaning.possible.iter().any(wanted) {
        return;
    }
    let (function, caller) = who(&by.caller.to_key(), candidates, by.role_arn);
    let outcome = match meaning.outcome {
        CallOutcome::Authorised => "authorised",
        CallOutcome::Denied => "denied",
        CallOutcome::Undecided => "undecided",
        CallOutcome::NotReached => "not-reached",
    };
    let text = |own: Option<&str>| own.unwrap_or_default().to_owned();
    let event = |outcome, resources| EventSeen {
        time: record.event_time,
        event_source: record.event_source.as_str().to_owned(),
        event_name: record.event_name.as_str().to_owned(),
        region: text(record.aws_region.as_deref()),
        outcome,
        error_code: record.error_code.as_deref().map(str::to_owned),
        resources,
        caller,
        function: function.clone(),
        via: by.forwarded_by.map(str::to_owned),
        event_id: text(record.event_id.as_deref()),
    };
    for used in meaning.uses.iter().filter(|used| wanted(&used.action)) {
        let mut resources: Vec<String> = used
            .resources
            .iter()
            .map(|resource| match resource {
                ResourceSeen::Arn(arn, _) => arn.clone(),
                ResourceSeen::Unnamed => "(not named by the event)".to_owned(),
            })
            .collect();
        resources.sort();
        resources.dedup();
        seen.insert((used.action, event(outcome, resources)));
    }
    for action in meaning.possible.iter().filter(|action| wanted(action)) {
        seen.insert((*action, event("possible", Vec::new())));
    }
}
