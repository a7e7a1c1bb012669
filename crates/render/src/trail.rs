//! Contents of a trail: kinds of events with the actions they map to; usage per role, function and action.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use whittle_analysis::issue::Issue;
use whittle_analysis::result::{SCHEMA_VERSION, UsageRow};

use crate::text::{clean, short_name, table};

/// One kind of event.
#[derive(Debug, Clone, Serialize)]
pub struct EventKindRow {
    /// `eventSource`.
    pub event_source: String,
    /// `eventName`.
    pub event_name: String,
    /// Records of this kind.
    pub events: u64,
    /// `actions`, `no-permission`, `not-a-call` or `unknown`.
    pub class: &'static str,
    /// The actions that it proves.
    pub actions: Vec<EventActionRow>,
    /// Outcomes of the calls: `authorised`, `denied`, `undecided`, `not-reached` with their counts; empty for
    /// what is no call.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Actions that the call may have needed too, without evidence: never counted as used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub possible: Vec<String>,
    /// Actions of denied items inside successful calls.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub denied_items: Vec<String>,
    /// Reason why it proves none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// For an unknown kind: actions that are spelled like it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nearest: Vec<String>,
}

/// One action of a kind of event.
#[derive(Debug, Clone, Serialize)]
pub struct EventActionRow {
    /// The action.
    pub action: String,
    /// `primary` or `secondary`.
    pub basis: &'static str,
    /// Resources that events name; empty if none does.
    pub resources: Vec<String>,
    /// For `iam:PassRole`: the services that the role may have been passed to (`iam:PassedToService`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub passed_to_service: Vec<&'static str>,
}

#[derive(Serialize)]
struct TrailLine<'a, T> {
    schema_version: u32,
    #[serde(flatten)]
    row: &'a T,
}

/// One JSON object a line, each with `schema_version`.
pub fn ndjson<T: Serialize>(rows: &[T]) -> Result<String, serde_json::Error> {
    let mut out = String::new();
    for row in rows {
        out.push_str(&serde_json::to_string(&TrailLine { schema_version: SCHEMA_VERSION, row })?);
        out.push('\n');
    }
    Ok(out)
}

/// Kinds of events as one JSON document.
pub fn map_json(rows: &[EventKindRow], issues: &[Issue]) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Document<'a> {
        schema_version: u32,
        events: &'a [EventKindRow],
        issues: &'a [Issue],
    }
    let document = Document { schema_version: SCHEMA_VERSION, events: rows, issues };
    Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
}

/// Kinds of events for a person.
pub fn map_human(rows: &[EventKindRow]) -> String {
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let what = if row.actions.is_empty() {
                let reason = row.reason.unwrap_or_default();
                if row.nearest.is_empty() {
                    reason.to_owned()
                } else {
                    format!("spelled like {}; {reason}", row.nearest.join(", "))
                }
            } else {
                let actions: Vec<String> = row
                    .actions
                    .iter()
                    .map(
                        |used| if used.basis == "primary" { used.action.clone() } else { format!("({})", used.action) },
                    )
                    .collect();
                actions.join(", ")
            };
            let denied = row.outcomes.get("denied").copied().unwrap_or_default();
            vec![
                clean(&row.event_source),
                clean(&row.event_name),
                row.events.to_string(),
                if denied == 0 { String::new() } else { denied.to_string() },
                row.class.to_owned(),
                clean(&what),
            ]
        })
        .collect();
    let mut out = table(&["event source", "event name", "events", "denied", "class", "actions"], &cells, &[2, 3], None);
    let unknown = rows.iter().filter(|row| row.class == "unknown").count();
    let _ = writeln!(out, "\n{} kinds of events, {unknown} unknown; secondary actions in parentheses", rows.len());
    out
}

/// Usage as one JSON document.
pub fn usage_json(rows: &[UsageRow], issues: &[Issue]) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Document<'a> {
        schema_version: u32,
        usage: &'a [UsageRow],
        issues: &'a [Issue],
    }
    let document = Document { schema_version: SCHEMA_VERSION, usage: rows, issues };
    Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
}

/// Usage for a person.
pub fn usage_human(rows: &[UsageRow]) -> String {
    let day = |time: &Option<String>| time.as_deref().and_then(|time| time.split('T').next()).unwrap_or("-").to_owned();
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let resources = match row.resources.as_slice() {
                [] => String::new(),
                [one] => clean(one),
                [first, rest @ ..] => format!("{} and {} more", clean(first), rest.len()),
            };
            vec![
                clean(short_name(&row.role)),
                clean(row.function.as_deref().map_or("-", short_name)),
                row.caller.clone(),
                clean(&row.action),
                day(&row.last_seen),
                row.active_days.to_string(),
                row.denied_days.to_string(),
                resources,
            ]
        })
        .collect();
    let heading = ["role", "function", "caller", "action", "last seen", "days", "denied days", "resources"];
    table(&heading, &cells, &[5, 6], None)
}
