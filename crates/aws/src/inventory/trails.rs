//! Trails with their status and selectors.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};
use whittle_analysis::issue::Issue;
use whittle_pipeline::ports::{PortError, PortErrorKind};

use super::problem::{CallFailure, Problems};
use super::shape;
use crate::clients::Aws;
use crate::error::port_error;

const NO_TRAIL: &str = "which trails there are is not known everywhere";
const NO_STATUS: &str = "whether trails are logging is not known";
const NO_SELECTORS: &str = "what trails log is not known";

/// Documents about trails, by name, and what is missing in them.
#[derive(Debug, Default)]
pub(super) struct TrailDocuments {
    pub(super) documents: BTreeMap<String, String>,
    pub(super) issues: Vec<Issue>,
}

/// A trail is listed in each Region it logs, and asked about in its home Region by its ARN (CloudTrail API
/// Reference, `DescribeTrails`, "includeShadowTrails"; `GetEventSelectors` answers in the home Region only).
///
/// Requires: `cloudtrail:DescribeTrails`, `cloudtrail:GetTrailStatus`, `cloudtrail:GetEventSelectors`
pub(super) async fn collect(aws: Aws, regions: Vec<String>) -> TrailDocuments {
    let mut problems = Problems::default();
    let mut trails: BTreeMap<String, (String, Value)> = BTreeMap::new();
    let mut listed = false;
    for region in regions {
        match describe(&aws, &region).await {
            Ok(found) => {
                listed = true;
                trails.extend(found);
            }
            Err(error) => {
                problems.add("cloudtrail:DescribeTrails", &region, NO_TRAIL, "", CallFailure::from(&error));
            }
        }
    }
    let mut documents = BTreeMap::new();
    let (mut statuses, mut selectors) = (Map::new(), Map::new());
    let mut gone = BTreeSet::new();
    for (arn, (home, _)) in &trails {
        match status(&aws, home, arn).await {
            Ok(value) => {
                statuses.insert(arn.clone(), value);
            }
            // Deleted since it was listed: it says nothing about now, and what it logged is in its bucket.
            Err(error) if *error.kind() == PortErrorKind::NotFound => {
                gone.insert(arn.clone());
                continue;
            }
            Err(error) => problems.add("cloudtrail:GetTrailStatus", "", NO_STATUS, arn, CallFailure::from(&error)),
        }
        match event_selectors(&aws, home, arn).await {
            Ok(value) => {
                selectors.insert(arn.clone(), value);
            }
            Err(error) => {
                problems.add("cloudtrail:GetEventSelectors", "", NO_SELECTORS, arn, CallFailure::from(&error));
            }
        }
    }
    // Without an answer of any Region there is no list, which differs from an empty one.
    if listed {
        let list: Vec<Value> =
            trails.into_iter().filter(|(arn, _)| !gone.contains(arn)).map(|(_, (_, trail))| trail).collect();
        documents.insert("trails.json".to_owned(), json!({"trailList": list}).to_string());
        documents.insert("trail-status.json".to_owned(), Value::Object(statuses).to_string());
        documents.insert("event-selectors.json".to_owned(), Value::Object(selectors).to_string());
    }
    TrailDocuments { documents, issues: problems.into_issues() }
}

/// Trails that log a Region: ARN → home Region and trail.
async fn describe(aws: &Aws, region: &str) -> Result<BTreeMap<String, (String, Value)>, PortError> {
    let call = aws.cloudtrail(region).describe_trails().include_shadow_trails(true).send().await;
    let answer = call.map_err(|error| port_error(error, "cloudtrail:DescribeTrails", "the trails cannot be listed"))?;
    let mut trails = BTreeMap::new();
    for trail in answer.trail_list() {
        let Some(arn) = trail.trail_arn().or(trail.name()) else { continue };
        let home = trail.home_region().or_else(|| arn.split(':').nth(3)).unwrap_or(region);
        trails.insert(arn.to_owned(), (home.to_owned(), shape::trail::trail(trail).into()));
    }
    Ok(trails)
}

async fn status(aws: &Aws, home: &str, arn: &str) -> Result<Value, PortError> {
    let answer = aws.cloudtrail(home).get_trail_status().name(arn).send().await;
    answer
        .map(|answer| shape::trail::status(&answer).into())
        .map_err(|error| port_error(error, "cloudtrail:GetTrailStatus", &format!("trail `{arn}` cannot be asked")))
}

async fn event_selectors(aws: &Aws, home: &str, arn: &str) -> Result<Value, PortError> {
    let answer = aws.cloudtrail(home).get_event_selectors().trail_name(arn).send().await;
    answer
        .map(|answer| shape::trail::selectors(&answer).into())
        .map_err(|error| port_error(error, "cloudtrail:GetEventSelectors", &format!("trail `{arn}` cannot be asked")))
}
