//! Catalog entries: one action in full, or a list.

use std::fmt::Write as _;

use serde::Serialize;
use whittle_analysis::result::SCHEMA_VERSION;
use whittle_catalog::events::{RevealerKind, Visibility};
use whittle_catalog::{ActionId, catalog};

use crate::style::Color;
use crate::text::table;

#[derive(Serialize)]
struct ActionEntry {
    action: &'static str,
    access_level: &'static str,
    resource_types: Vec<ResourceType>,
    condition_keys: Vec<&'static str>,
    dependent_actions: Vec<&'static str>,
    visibility: &'static str,
    visibility_detail: String,
    /// True if IAM's action-level last-accessed report tells of it; absent where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    action_last_accessed: Option<bool>,
    /// Resources on which no such event shows a use.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unseen_on: Vec<UnseenOn>,
    revealed_by: Vec<Revealed>,
    companions: Vec<CompanionEntry>,
    /// What AWS lists under the operation of the action's name, beside what its event proves.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    may_check: Vec<MayCheck>,
    /// Operations, as `prefix:Name`, under which AWS lists the action.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    may_be_checked_by: Vec<String>,
}

#[derive(Serialize)]
struct MayCheck {
    action: &'static str,
    /// The parameters of a call may show that it did not check the action.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    ruled_out_by_parameters: bool,
}

fn may_check(action: ActionId) -> Vec<MayCheck> {
    let info = catalog().info(action);
    let Some(rule) = catalog().rule_of_operation(info.prefix(), info.short_name()) else { return Vec::new() };
    let further = rule.further_actions(catalog()).into_iter().filter(|further| !further.is_never_checked());
    further
        .map(|further| MayCheck {
            action: catalog().info(further.action).name(),
            ruled_out_by_parameters: further.needs_tags || !further.only.is_empty() || !further.never.is_empty(),
        })
        .collect()
}

fn may_be_checked_by(action: ActionId) -> Vec<String> {
    let own = catalog().info(action).name();
    let operations = catalog().info(action).operations().into_iter().map(|operation| operation.to_string());
    operations.filter(|operation| operation != own).collect()
}

#[derive(Serialize)]
struct ResourceType {
    name: &'static str,
    required: bool,
    arn_formats: Vec<&'static str>,
}

#[derive(Serialize)]
struct Revealed {
    event_source: &'static str,
    event_name: &'static str,
    kind: &'static str,
    resource_types: &'static [&'static str],
    /// Only if the parameters of the event show it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    only_by_parameters: bool,
    /// Advanced event selectors that log it, each needed; empty for management events, which are logged
    /// unless excluded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    selectors: Vec<String>,
}

/// The advanced event selector that logs data events of a type.
fn selector(resource_type: &str) -> String {
    format!(
        r#"{{"FieldSelectors":[{{"Field":"eventCategory","Equals":["Data"]}},{{"Field":"resources.type","Equals":["{resource_type}"]}}]}}"#
    )
}

#[derive(Serialize)]
struct UnseenOn {
    resource: &'static str,
    reason: &'static str,
}

#[derive(Serialize)]
struct CompanionEntry {
    action: &'static str,
    reason: &'static str,
}

fn entry(action: ActionId) -> ActionEntry {
    let info = catalog().info(action);
    let (visibility, visibility_detail) = visibility(action);
    ActionEntry {
        action: info.name(),
        access_level: info.access_level().as_str(),
        resource_types: info
            .resource_types()
            .map(|kind| ResourceType {
                name: kind.name(),
                required: kind.required(),
                arn_formats: kind.arn_formats().map(whittle_catalog::ArnFormat::as_str).collect(),
            })
            .collect(),
        condition_keys: info.condition_keys().collect(),
        dependent_actions: info.dependent_actions().map(|other| catalog().info(other).name()).collect(),
        visibility,
        visibility_detail,
        action_last_accessed: catalog().action_last_accessed(action),
        unseen_on: catalog()
            .blind_resources(action)
            .iter()
            .map(|blind| UnseenOn { resource: blind.pattern, reason: blind.reason })
            .collect(),
        revealed_by: catalog()
            .revealed_by(action)
            .iter()
            .map(|revealer| Revealed {
                event_source: &revealer.event_source,
                event_name: &revealer.event_name,
                kind: kind(revealer.kind),
                resource_types: &revealer.resource_types,
                only_by_parameters: revealer.conditional,
                selectors: revealer.resource_types.iter().map(|kind| selector(kind)).collect(),
            })
            .collect(),
        companions: catalog()
            .companions_of(action)
            .iter()
            .map(|companion| CompanionEntry {
                action: catalog().info(companion.action).name(),
                reason: companion.reason,
            })
            .collect(),
        may_check: may_check(action),
        may_be_checked_by: may_be_checked_by(action),
    }
}

fn kind(kind: RevealerKind) -> &'static str {
    match kind {
        RevealerKind::Management => "management",
        RevealerKind::Data => "data",
        RevealerKind::Either => "management or data",
    }
}

/// Visibility of an action in CloudTrail: a word and a sentence.
pub fn visibility(action: ActionId) -> (&'static str, String) {
    match catalog().visibility(action) {
        Visibility::Management => ("management", "shown by management events".to_owned()),
        Visibility::Data { resource_types } => (
            "data",
            format!(
                "shown only by data events; the selector that logs them: resources.type equals {}",
                resource_types.join(" or ")
            ),
        ),
        Visibility::Either { resource_types } => (
            "either",
            format!("shown by management events, by data events of {}, or by both", resource_types.join(" or ")),
        ),
        Visibility::NetworkOnly => ("network", "shown only by network activity events".to_owned()),
        Visibility::Never { reason } => ("never", format!("never shown: {reason}")),
        Visibility::Inferred { reason, .. } => ("inferred", format!("only inferred from other events: {reason}")),
        _ => ("unknown", "not known".to_owned()),
    }
}

/// All `actions` as one JSON document, final newline.
pub fn json(actions: &[ActionId]) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct ActionEntries {
        schema_version: u32,
        actions: Vec<ActionEntry>,
    }
    let actions = actions.iter().map(|action| entry(*action)).collect();
    Ok(format!("{}\n", serde_json::to_string_pretty(&ActionEntries { schema_version: SCHEMA_VERSION, actions })?))
}

/// One JSON object a line.
pub fn ndjson(actions: &[ActionId]) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct ActionLine {
        schema_version: u32,
        #[serde(flatten)]
        entry: ActionEntry,
    }
    let mut out = String::new();
    for action in actions {
        let line = ActionLine { schema_version: SCHEMA_VERSION, entry: entry(*action) };
        out.push_str(&serde_json::to_string(&line)?);
        out.push('\n');
    }
    Ok(out)
}

/// For a person: one action in full, several as a table.
pub fn human(actions: &[ActionId], color: Color) -> String {
    match actions {
        [action] => one(*action, color),
        _ => list(actions),
    }
}

fn list(actions: &[ActionId]) -> String {
    let rows: Vec<Vec<String>> = actions
        .iter()
        .map(|action| {
            let entry = entry(*action);
            let types: Vec<&str> = entry.resource_types.iter().map(|kind| kind.name).collect();
            vec![
                entry.action.to_owned(),
                entry.access_level.to_owned(),
                if types.is_empty() { "*".to_owned() } else { types.join(", ") },
                entry.visibility.to_owned(),
            ]
        })
        .collect();
    format!(
        "{}\n{} actions\n",
        table(&["action", "access level", "resource types", "events"], &rows, &[], None),
        actions.len()
    )
}

/// The first dozen of a list.
fn some_of(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn one(action: ActionId, color: Color) -> String {
    let entry = entry(action);
    let mut out = String::new();
    let _ = writeln!(out, "{}", color.heading(entry.action));
    let _ = writeln!(out, "  access level   {}", entry.access_level);
    if entry.resource_types.is_empty() {
        let _ = writeln!(out, "  resources      none: needs \"Resource\": \"*\"");
    }
    for kind in &entry.resource_types {
        let required = if kind.required { " (required)" } else { "" };
        let _ = writeln!(out, "  resource       {}{required}: {}", kind.name, kind.arn_formats.join(", "));
    }
    if !entry.condition_keys.is_empty() {
        let _ = writeln!(out, "  condition keys {}", entry.condition_keys.join(", "));
    }
    if !entry.dependent_actions.is_empty() {
        let _ = writeln!(out, "  dependent      {}", entry.dependent_actions.join(", "));
    }
    let _ = writeln!(out, "  CloudTrail     {}", entry.visibility_detail);
    for blind in &entry.unseen_on {
        let _ = writeln!(out, "  not shown on   {}: {}", blind.resource, blind.reason);
    }
    if entry.action_last_accessed == Some(false) {
        let _ = writeln!(out, "  last accessed  not in IAM's action-level report, only in that of its service");
    }
    for revealed in &entry.revealed_by {
        let _ = writeln!(
            out,
            "  shown by       {} {} ({} event{})",
            revealed.event_source,
            revealed.event_name,
            revealed.kind,
            if revealed.only_by_parameters { ", where its parameters say so" } else { "" }
        );
    }
    let mut selectors: Vec<&String> = entry.revealed_by.iter().flat_map(|revealed| &revealed.selectors).collect();
    selectors.sort_unstable();
    selectors.dedup();
    for selector in selectors {
        let _ = writeln!(out, "  selector       {selector}");
    }
    for companion in &entry.companions {
        let _ = writeln!(out, "  companion      {}: {}", companion.action, companion.reason);
    }
    for further in &entry.may_check {
        let unless = if further.ruled_out_by_parameters { ", unless its parameters rule that out" } else { "" };
        let _ = writeln!(out, "  may check      {}{unless}", further.action);
    }
    if !entry.may_be_checked_by.is_empty() {
        let _ = writeln!(out, "  checked by     {}", some_of(&entry.may_be_checked_by));
    }
    out
}
