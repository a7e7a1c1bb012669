//! `trails.json` and, beside it, `trail-status/<trail>.json` and `event-selectors/<trail>.json`.
//!
//! The shapes themselves are read by [`whittle_evidence::coverage::Trails`]; here the files of all folders
//! become the one value that it reads. A multi-Region trail is listed in each Region: its status and
//! selectors are looked for in the folder of its home Region, in the root, then anywhere.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use whittle_analysis::issue::{Issue, IssueKind, merge_issues};
use whittle_evidence::coverage::Trails;

use crate::document::remake_hint;
use crate::keep::{Fields, Shape};
use crate::scope::{SnapshotDocument, SnapshotScope};

const FILE: &str = "trails.json";
const COMMAND: &str = "aws cloudtrail describe-trails --output json > trails.json";
const STATUS: &str = "trail-status";
const STATUS_COMMAND: &str =
    "aws cloudtrail get-trail-status --name {trail ARN} --output json > trail-status/{trail}.json";
const SELECTORS: &str = "event-selectors";
const SELECTORS_COMMAND: &str =
    "aws cloudtrail get-event-selectors --trail-name {trail ARN} --output json > event-selectors/{trail}.json";

/// Names of the list in the answers of `describe-trails` and of similar tools.
const LISTS: &[&str] = &["trailList", "TrailList", "Trails", "trails"];

/// What is read of `trails.json`: an answer or a list of answers, each a trail, a list of trails, or statuses
/// and selectors by trail (see [`Trails`]).
pub(crate) static KEPT: Shape = Shape::ListOr(&PART, &PART);

/// What is read of statuses: of one, or by trail.
pub(crate) static KEPT_STATUS: Shape = Shape::Open(STATUS_MEMBERS, &KEPT_STATUS);

/// What is read of selectors: a list of them, by kind, or by trail.
pub(crate) static KEPT_SELECTORS: Shape = Shape::ListOr(&SELECTOR, &SELECTORS_BY_NAME);
static SELECTORS_BY_NAME: Shape = Shape::Open(&[], &KEPT_SELECTORS);

static PART: Shape = Shape::Answer(&[TRAIL_LISTS, TRAIL_MEMBERS, STATUS_MEMBERS]);
static TRAIL: Shape = Shape::Answer(&[TRAIL_MEMBERS, STATUS_MEMBERS]);

const TRAIL_LISTS: &Fields = &[
    ("trailList", Shape::List(&TRAIL)),
    ("TrailList", Shape::List(&TRAIL)),
    ("Trails", Shape::List(&TRAIL)),
    ("trails", Shape::List(&TRAIL)),
];
const TRAIL_MEMBERS: &Fields = &[
    ("Name", Shape::Scalar),
    ("TrailARN", Shape::Scalar),
    ("TrailArn", Shape::Scalar),
    ("HomeRegion", Shape::Scalar),
    ("IsMultiRegionTrail", Shape::Scalar),
    ("IncludeGlobalServiceEvents", Shape::Scalar),
    ("IsOrganizationTrail", Shape::Scalar),
    ("HasCustomEventSelectors", Shape::Scalar),
    ("S3BucketName", Shape::Scalar),
    ("S3KeyPrefix", Shape::Scalar),
    ("Status", Shape::Open(STATUS_MEMBERS, &KEPT_STATUS)),
    ("TrailStatus", Shape::Open(STATUS_MEMBERS, &KEPT_STATUS)),
    ("trailStatus", Shape::Open(STATUS_MEMBERS, &KEPT_STATUS)),
    ("TrailStatuses", Shape::Open(STATUS_MEMBERS, &KEPT_STATUS)),
    ("AdvancedEventSelectors", Shape::ListOr(&SELECTOR, &SELECTORS_BY_NAME)),
    ("EventSelectors", Shape::ListOr(&SELECTOR, &SELECTORS_BY_NAME)),
    ("Selectors", Shape::ListOr(&SELECTOR, &SELECTORS_BY_NAME)),
    ("EventSelectorsResponse", Shape::ListOr(&SELECTOR, &SELECTORS_BY_NAME)),
];
const STATUS_MEMBERS: &Fields = &[
    ("IsLogging", Shape::Scalar),
    ("StartLoggingTime", Shape::Scalar),
    ("TimeLoggingStarted", Shape::Scalar),
    ("StopLoggingTime", Shape::Scalar),
    ("TimeLoggingStopped", Shape::Scalar),
    ("LatestDeliveryError", Shape::Scalar),
];

static SELECTOR: Shape = Shape::Object(&[
    ("Name", Shape::Scalar),
    ("ReadWriteType", Shape::Scalar),
    ("IncludeManagementEvents", Shape::Scalar),
    ("DataResources", Shape::List(&DATA_RESOURCE)),
    ("ExcludeManagementEventSources", Shape::List(&Shape::Scalar)),
    ("FieldSelectors", Shape::List(&FIELD_SELECTOR)),
]);
static DATA_RESOURCE: Shape = Shape::Object(&[("Type", Shape::Scalar), ("Values", Shape::List(&Shape::Scalar))]);
/// An operator that is not known may exclude anything: that it is there matters.
static FIELD_SELECTOR: Shape = Shape::Open(
    &[
        ("Field", Shape::Scalar),
        ("Equals", Shape::List(&Shape::Scalar)),
        ("StartsWith", Shape::List(&Shape::Scalar)),
        ("EndsWith", Shape::List(&Shape::Scalar)),
        ("NotEquals", Shape::List(&Shape::Scalar)),
        ("NotStartsWith", Shape::List(&Shape::Scalar)),
        ("NotEndsWith", Shape::List(&Shape::Scalar)),
    ],
    &Shape::List(&Shape::Present),
);

/// Configuration of the trails.
#[derive(Debug, Clone, Default)]
pub struct TrailConfigs {
    /// Trails with what is known about them; `None` if it is not known which trails there are.
    pub trails: Option<Trails>,
    /// Parts of it that are not known.
    pub issues: Vec<Issue>,
}

/// Reads every trail of the snapshot.
pub(crate) fn read(scopes: &[SnapshotScope<'_>]) -> TrailConfigs {
    let mut issues = Vec::new();
    let mut trails: Vec<Map<String, Value>> = Vec::new();
    let mut rest: Vec<Value> = Vec::new();
    let mut found = false;
    for scope in scopes {
        match scope.text(FILE) {
            Ok(None) => {}
            Ok(Some(text)) => {
                found = true;
                match parse(&text, &scope.place(FILE)) {
                    Ok(value) => take_trails(value, &mut trails, &mut rest),
                    Err(issue) => issues.push(issue),
                }
            }
            Err(problem) => {
                found = true;
                issues.push(problem.into_issue());
            }
        }
    }
    if !found {
        issues.push(
            Issue::new(IssueKind::MissingFile, FILE, "is not in the snapshot: nothing says what the trail could see")
                .with_hint(remake_hint(COMMAND)),
        );
        return TrailConfigs { trails: None, issues };
    }
    let all_readable = issues.is_empty();
    // Of two copies of a trail the first counts: the one that carries more.
    trails.sort_by_key(|trail| std::cmp::Reverse(completeness(trail)));
    let statuses = beside(scopes, STATUS, &trails, &mut issues);
    let selectors = beside(scopes, SELECTORS, &trails, &mut issues);
    rest.insert(0, json!({"trailList": trails, "Status": statuses, "Selectors": selectors}));
    match Trails::from_value(&Value::Array(rest)) {
        Ok(mut read) => {
            if read.trails.is_empty() && all_readable {
                issues.push(
                    Issue::new(
                        IssueKind::NoTrail,
                        FILE,
                        "no trail is in the snapshot: data events were seen by nobody",
                    )
                    .with_hint("check the Region that the command asked, or create a trail"),
                );
            }
            issues.extend(read.issues.drain(..).map(|message| {
                let hint = format!("{}, and with `{SELECTORS_COMMAND}`", remake_hint(STATUS_COMMAND));
                Issue::new(IssueKind::TrailConfiguration, FILE, message).with_hint(hint)
            }));
            // A file that cannot be read may hold trails: that is not the same as having none.
            let known = all_readable || !read.trails.is_empty();
            TrailConfigs { trails: known.then_some(read), issues: merge_issues(issues) }
        }
        Err(error) => {
            issues.push(Issue::new(IssueKind::BadJson, FILE, error.to_string()).with_hint(remake_hint(COMMAND)));
            TrailConfigs { trails: None, issues: merge_issues(issues) }
        }
    }
}

fn parse(text: &str, place: &str) -> Result<Value, Issue> {
    serde_json::from_str(text).map_err(|error| {
        // The parser's own message ends in line and column.
        let message = if text.trim().is_empty() { "is empty".to_owned() } else { format!("is not valid: {error}") };
        Issue::new(IssueKind::BadJson, place, message).with_hint(remake_hint(COMMAND))
    })
}

/// Moves the trails out of an answer; what else it holds may be statuses and selectors by name.
fn take_trails(value: Value, trails: &mut Vec<Map<String, Value>>, rest: &mut Vec<Value>) {
    let parts = match value {
        Value::Array(parts) => parts,
        other => vec![other],
    };
    for mut part in parts {
        if let Some(object) = part.as_object_mut() {
            for list in LISTS {
                match object.remove(*list) {
                    Some(Value::Array(items)) => {
                        for item in items {
                            match item {
                                Value::Object(trail) => trails.push(trail),
                                other => rest.push(json!({"trailList": [other]})),
                            }
                        }
                    }
                    Some(other) => {
                        object.insert((*list).to_owned(), other);
                    }
                    None => {}
                }
            }
            if object.contains_key("Name") || object.contains_key("TrailARN") {
                trails.push(std::mem::take(object));
                continue;
            }
        }
        rest.push(part);
    }
}

fn completeness(trail: &Map<String, Value>) -> usize {
    ["Status", "IsLogging", "EventSelectors", "AdvancedEventSelectors"]
        .iter()
        .filter(|key| trail.get(**key).is_some_and(|value| !value.is_null()))
        .count()
}

/// The files of one kind, by the ARN (or name) of the trail each is about.
fn beside(
    scopes: &[SnapshotScope<'_>],
    name: &str,
    trails: &[Map<String, Value>],
    issues: &mut Vec<Issue>,
) -> Map<String, Value> {
    // (Region, trail name) → content; the root has no Region.
    let mut files: BTreeMap<(Option<String>, String), Value> = BTreeMap::new();
    let mut all = Map::new();
    for scope in scopes {
        let region = scope.region.as_ref().map(ToString::to_string);
        for SnapshotDocument { place, stem, text, .. } in scope.documents(name, issues) {
            match (text.and_then(|text| parse(&text, &place)), stem) {
                (Ok(value), Some(stem)) => {
                    files.insert((region.clone(), stem), value);
                }
                // One file with an answer for each trail.
                (Ok(Value::Object(by_trail)), None) => all.extend(by_trail),
                (Ok(_), None) => issues.push(Issue::new(IssueKind::BadJson, place, "holds no JSON object")),
                (Err(issue), _) => issues.push(Issue { hint: String::new(), ..issue }),
            }
        }
    }
    let text = |trail: &Map<String, Value>, key: &str| trail.get(key).and_then(Value::as_str).map(ToOwned::to_owned);
    for trail in trails {
        let arn = text(trail, "TrailARN");
        let named = text(trail, "Name");
        let Some(trail_name) = named.or_else(|| arn.as_deref()?.rsplit('/').next().map(ToOwned::to_owned)) else {
            continue;
        };
        let home = text(trail, "HomeRegion").or_else(|| arn.as_deref()?.split(':').nth(3).map(ToOwned::to_owned));
        let found = files
            .get(&(home, trail_name.clone()))
            .or_else(|| files.get(&(None, trail_name.clone())))
            .or_else(|| files.iter().find(|((_, stem), _)| *stem == trail_name).map(|(_, value)| value));
        if let Some(value) = found {
            all.entry(arn.unwrap_or(trail_name)).or_insert_with(|| value.clone());
        }
    }
    all
}
