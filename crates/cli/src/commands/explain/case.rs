//! Gathers what a verdict rests on: the store's ledger, the trail, the snapshot, the catalog.

use std::collections::{BTreeMap, BTreeSet};

use whittle_analysis::inventory::Inventory;
use whittle_analysis::result::{FunctionResult, ReportWindow, UsageRow, VerdictRow};
use whittle_catalog::events::{RevealerKind, Visibility};
use whittle_catalog::{ActionId, catalog};
use whittle_evidence::ledger::Ledger;
use whittle_local::snapshot::SnapshotFolder;
use whittle_local::trail::TrailFolder;
use whittle_pipeline::trail_query::{ActionEvents, EventQuery, EventSeen, may_be_function, role_events, usage_rows};
use whittle_policy::{ActionClause, Effect, ResourceClause};
use whittle_render::explain::detail::{
    Case, EventLine, Events, Granting, UsageLine, WouldShow, human, json, keeping, ndjson, rule,
};
use whittle_snapshot::read_inventory;

use crate::args::{ExplainArguments, Format};
use crate::commands::stored::{StoredFacts, StoredResults};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::printer::Printer;

/// Lays out the case for each of the rows.
pub fn run(
    arguments: &ExplainArguments,
    store: &mut StoredResults,
    selected: &[(&FunctionResult, Vec<&VerdictRow>)],
    printer: &Printer,
) -> Result<Exit, CommandError> {
    let account = selected.first().and_then(|(result, _)| result.function_arn.split(':').nth(4)).unwrap_or_default();
    let roles = selected.iter().map(|(result, _)| result.role_arn.clone()).collect();
    let facts = store.facts(account, &roles)?;
    let inventory = match &arguments.snapshot {
        Some(path) => Some(read_inventory(&SnapshotFolder::open(path)?)?),
        None => None,
    };
    let usage = usage_rows(&facts.ledger, inventory.as_ref());
    let mut cases = Vec::new();
    for (result, rows) in selected {
        let events = events(arguments, &facts, result, rows, printer)?;
        for row in rows {
            cases.push(case(result, row, &facts, &usage, inventory.as_ref(), events.as_ref()));
        }
    }
    printer.data(&match arguments.format {
        Format::Table => cases.iter().map(|case| human(case, printer.color())).collect::<Vec<_>>().join("\n"),
        Format::Json => json(&cases)?,
        Format::Ndjson => ndjson(&cases)?,
    })?;
    Ok(Exit::Clean)
}

/// Events by action; `None` if no trail was named.
fn events(
    arguments: &ExplainArguments,
    facts: &StoredFacts,
    result: &FunctionResult,
    rows: &[&VerdictRow],
    printer: &Printer,
) -> Result<Option<BTreeMap<ActionId, ActionEvents>>, CommandError> {
    if arguments.trails.is_empty() {
        return Ok(None);
    }
    let query = EventQuery {
        role: role_keys(&facts.ledger, &result.role_arn),
        functions: vec![result.function_arn.clone()],
        actions: rows.iter().filter_map(|row| catalog().action(&row.action)).collect(),
        max_events: arguments.events,
    };
    let (events, issues) = role_events(&TrailFolder::new(arguments.trails.clone()), &query)?;
    for issue in issues {
        printer.warning(&format!("{}: {}", issue.place, issue.message));
    }
    Ok(Some(events))
}

/// Names of the role in records: its ARN, and the unique ids that the ledger knows it by.
fn role_keys(ledger: &Ledger, role_arn: &str) -> BTreeSet<String> {
    let ids = ledger.roles().filter(|(_, role)| role.arn() == Some(role_arn));
    ids.map(|(id, _)| id.to_owned()).chain([role_arn.to_owned()]).collect()
}

fn case<'a>(
    result: &'a FunctionResult,
    row: &'a VerdictRow,
    facts: &'a StoredFacts,
    usage: &[UsageRow],
    inventory: Option<&Inventory>,
    events: Option<&BTreeMap<ActionId, ActionEvents>>,
) -> Case<'a> {
    let action = catalog().action(&row.action);
    let window: Option<&ReportWindow> = facts.window.as_ref();
    let kinds = action.map(event_kinds).unwrap_or_default();
    Case {
        function_arn: &result.function_arn,
        role_arn: &result.role_arn,
        row: row.clone(),
        rule: rule(row, window),
        granted_by: inventory.map(|inventory| granting(inventory, &result.role_arn, &row.action)),
        kept_by: keeping(result, &row.action),
        usage: usage
            .iter()
            .filter(|line| line.role == result.role_arn && line.action == row.action)
            .map(|line| usage_line(line, result))
            .collect(),
        events: events.map(|events| {
            let own = action.and_then(|action| events.get(&action)).cloned().unwrap_or_default();
            Events { total: own.total, latest: own.latest.into_iter().map(event_line).collect() }
        }),
        would_show: action.map(would_show).unwrap_or_default(),
        window,
        coverage: facts.coverage.iter().filter(|row| kinds.contains(row.events.as_str())).cloned().collect(),
    }
}

/// Kinds of events (as coverage rows name them) that could show an action.
fn event_kinds(action: ActionId) -> BTreeSet<&'static str> {
    match catalog().visibility(action) {
        Visibility::Management => BTreeSet::from(["management"]),
        Visibility::Data { resource_types } => resource_types.iter().copied().chain(["data"]).collect(),
        Visibility::Either { resource_types } => resource_types.iter().copied().chain(["data", "management"]).collect(),
        // Events of other actions show it: what is known of those.
        Visibility::Inferred { .. } => {
            let mut kinds = BTreeSet::new();
            for revealer in catalog().revealed_by(action) {
                if revealer.kind != RevealerKind::Data {
                    kinds.insert("management");
                }
                if revealer.kind != RevealerKind::Management {
                    kinds.extend(revealer.resource_types.iter().copied().chain(["data"]));
                }
            }
            kinds
        }
        _ => BTreeSet::new(),
    }
}

fn would_show(action: ActionId) -> WouldShow {
    let (_, how) = whittle_render::catalog::visibility(action);
    let mut events: Vec<String> = catalog()
        .revealed_by(action)
        .iter()
        .map(|revealer| format!("{} {}", revealer.event_source, revealer.event_name))
        .collect();
    events.sort();
    events.dedup();
    WouldShow { how, events }
}

fn granting(inventory: &Inventory, role_arn: &str, action: &str) -> Vec<Granting> {
    let Some(role) = inventory.roles.values().find(|role| role.arn.as_ref() == role_arn) else { return Vec::new() };
    let mut out = Vec::new();
    for policy in &role.policies {
        for (statement, number) in policy.document.statements.iter().zip(1..) {
            if statement.effect != Effect::Allow || !statement.action.matches(action) {
                continue;
            }
            let actions = match &statement.action {
                ActionClause::Action(patterns) => {
                    let matching = patterns.iter().filter(|pattern| pattern.matches(action));
                    matching.map(|pattern| pattern.as_str().to_owned()).collect()
                }
                ActionClause::NotAction(patterns) => {
                    patterns.iter().map(|pattern| format!("everything but {}", pattern.as_str())).collect()
                }
            };
            let resources = match &statement.resource {
                Some(ResourceClause::Resource(patterns)) => patterns.iter().map(|p| p.as_str().to_owned()).collect(),
                Some(ResourceClause::NotResource(patterns)) => {
                    patterns.iter().map(|p| format!("everything but {}", p.as_str())).collect()
                }
                None => Vec::new(),
            };
            let conditional = !statement.condition.is_empty();
            out.push(Granting { policy: policy.name.clone(), statement: number, actions, resources, conditional });
        }
    }
    out
}

fn usage_line(line: &UsageRow, result: &FunctionResult) -> UsageLine {
    let own = line.function.as_deref().is_none_or(|function| may_be_function(function, &result.function_arn));
    UsageLine {
        who: who(&line.caller, line.function.as_deref()),
        counts: line.caller != "other" && own,
        first: line.first_seen.clone(),
        last: line.last_seen.clone(),
        days: line.active_days,
        denied_days: line.denied_days,
        resources: line.resources.clone(),
    }
}

fn who(caller: &str, function: Option<&str>) -> String {
    match (caller, function.map(whittle_render::text::short_name)) {
        ("function", Some(function)) => format!("code of {function}"),
        ("function", None) => "code of a function of the role".to_owned(),
        ("function-by-session-name", Some(function)) => {
            format!("a session named {function}, taken for its code (CloudTrail does not say so)")
        }
        ("function-by-session-name", None) => {
            "sessions of many names, any of which may be a function's code".to_owned()
        }
        ("platform", Some(function)) => format!("the Lambda service for {function}"),
        ("platform", None) => "the Lambda service, for a function of the role".to_owned(),
        _ => "another session of the role (a person, CI, or a function that is not known)".to_owned(),
    }
}

fn event_line(event: EventSeen) -> EventLine {
    let mut by = who(event.caller, event.function.as_deref());
    if let Some(via) = &event.via {
        by = format!("{by} through {via}");
    }
    EventLine {
        time: event.time.to_string(),
        event_source: event.event_source,
        event_name: event.event_name,
        region: event.region,
        outcome: event.outcome.to_owned(),
        error_code: event.error_code,
        resources: event.resources,
        who: by,
        event_id: event.event_id,
    }
}
