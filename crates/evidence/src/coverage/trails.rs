//! Trails as the AWS CLI prints them: `describe-trails`, with status and selectors beside it or inside each
//! trail.
//!
//! Accepted, all in one object or spread over a list of objects:
//! - `trailList` (or `Trails`): the answer of DescribeTrails; each trail may hold `Status` (or `TrailStatus`,
//!   or the members of GetTrailStatus themselves), `EventSelectors` and `AdvancedEventSelectors`;
//! - `Status`, `TrailStatus`, `trailStatus`: trail name or ARN → answer of GetTrailStatus;
//! - `EventSelectors`, `AdvancedEventSelectors`, `Selectors`: trail name or ARN → answer of
//!   GetEventSelectors, or its list.
//!
//! (CloudTrail API Reference: DescribeTrails, GetTrailStatus, GetEventSelectors.)

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::selectors::Selectors;
use super::times;

/// Error of a text that holds no trails.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParseTrailsError {
    /// The text is not JSON.
    #[error("trails are not readable as JSON")]
    Json(#[source] serde_json::Error),
    /// The JSON holds no list of trails.
    #[error("no list `trailList` of trails")]
    NoTrails,
}

impl ParseTrailsError {
    /// Advice for the user.
    pub fn hint(&self) -> Option<&'static str> {
        Some("write the output of `aws cloudtrail describe-trails`, with each trail's status and selectors")
    }
}

/// All trails of a snapshot.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trails {
    /// The trails, sorted by ARN and name; shadow copies of one trail are one.
    pub trails: Vec<Trail>,
    /// Parts that could not be read: each lowers coverage.
    pub issues: Vec<String>,
}

/// One trail.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Trail {
    /// `Name`.
    pub name: String,
    /// `TrailARN`.
    pub arn: Option<String>,
    /// `HomeRegion`.
    pub home_region: Option<String>,
    /// `IsMultiRegionTrail`; a trail that does not say is taken to be of one Region.
    pub is_multi_region: bool,
    /// `IncludeGlobalServiceEvents`.
    pub includes_global_events: bool,
    /// `IsOrganizationTrail`.
    pub is_organization_trail: bool,
    /// `S3BucketName`.
    pub bucket: Option<String>,
    /// `S3KeyPrefix`.
    pub key_prefix: Option<String>,
    /// The status; `None` if not given.
    pub status: Option<TrailStatus>,
    /// The selectors; `None` if not given and not known to be the default.
    pub selectors: Option<Selectors>,
}

/// Status of a trail: is it logging, and since when?
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrailStatus {
    /// `IsLogging`.
    pub is_logging: bool,
    /// `StartLoggingTime`.
    pub started: Option<Timestamp>,
    /// `StopLoggingTime`.
    pub stopped: Option<Timestamp>,
    /// `LatestDeliveryError`, if not empty.
    pub delivery_error: Option<String>,
}

impl Trail {
    /// The account that owns the trail, by its ARN.
    pub fn owner(&self) -> Option<&str> {
        self.arn.as_deref()?.split(':').nth(4).filter(|account| !account.is_empty())
    }

    /// True for a trail of another account that is no organisation trail: it delivers nothing of `account`.
    pub fn is_foreign(&self, account: &str) -> bool {
        !self.is_organization_trail && self.owner().is_some_and(|owner| owner != account)
    }
}

impl Trails {
    /// Reads a `trails.json`.
    pub fn parse(text: &str) -> Result<Self, ParseTrailsError> {
        Self::from_value(&serde_json::from_str(text).map_err(ParseTrailsError::Json)?)
    }

    /// Reads parsed JSON.
    pub fn from_value(value: &Value) -> Result<Self, ParseTrailsError> {
        let parts: Vec<&Map<String, Value>> = match value {
            Value::Object(object) => vec![object],
            Value::Array(items) => items.iter().filter_map(Value::as_object).collect(),
            _ => return Err(ParseTrailsError::NoTrails),
        };
        let mut listed: Vec<&Map<String, Value>> = Vec::new();
        let mut found = false;
        for part in &parts {
            for list in
                ["trailList", "TrailList", "Trails", "trails"].iter().filter_map(|key| part.get(*key)?.as_array())
            {
                found = true;
                listed.extend(list.iter().filter_map(Value::as_object));
            }
        }
        if !found {
            // A bare list of trails.
            listed.extend(parts.iter().filter(|part| part.contains_key("Name") || part.contains_key("TrailARN")));
            let is_empty_list = value.as_array().is_some_and(Vec::is_empty);
            if listed.is_empty() && !is_empty_list {
                return Err(ParseTrailsError::NoTrails);
            }
        }
        let mut trails = Self::default();
        for object in listed {
            if let Some(trail) = read_trail(object, &parts, &mut trails.issues) {
                trails.trails.push(trail);
            } else {
                trails.issues.push("a trail without `Name` and `TrailARN` was passed over".to_owned());
            }
        }
        trails.trails.sort_by(|a, b| (&a.arn, &a.name).cmp(&(&b.arn, &b.name)));
        // A multi-Region trail is listed once in each Region of the snapshot.
        trails.trails.dedup_by(|a, b| a.arn.is_some() && a.arn == b.arn);
        Ok(trails)
    }

    /// Joins the trails of another file, such as that of another Region.
    pub fn merge(&mut self, other: Self) {
        self.trails.extend(other.trails);
        self.issues.extend(other.issues);
        self.trails.sort_by(|a, b| (&a.arn, &a.name).cmp(&(&b.arn, &b.name)));
        self.trails.dedup_by(|a, b| a.arn.is_some() && a.arn == b.arn);
    }
}

fn read_trail(object: &Map<String, Value>, parts: &[&Map<String, Value>], issues: &mut Vec<String>) -> Option<Trail> {
    let text = |key: &str| object.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned);
    let flag = |key: &str| object.get(key).and_then(Value::as_bool);
    let arn = text("TrailARN").or_else(|| text("TrailArn"));
    let of_arn = arn.as_deref().and_then(|arn| arn.rsplit('/').next()).map(str::to_owned);
    let name = text("Name").or(of_arn)?;
    let home_region =
        text("HomeRegion").or_else(|| arn.as_deref()?.split(':').nth(3).filter(|r| !r.is_empty()).map(str::to_owned));
    let beside = |keys: &[&str]| -> Option<&Value> {
        parts.iter().find_map(|part| {
            keys.iter().find_map(|key| {
                let map = part.get(*key)?.as_object()?;
                arn.as_ref().and_then(|arn| map.get(arn)).or_else(|| map.get(&name))
            })
        })
    };
    let status = ["Status", "TrailStatus", "trailStatus"]
        .iter()
        .find_map(|key| object.get(*key).filter(|value| value.is_object()))
        .or_else(|| object.contains_key("IsLogging").then_some(&Value::Null))
        .or_else(|| beside(&["Status", "TrailStatus", "trailStatus", "TrailStatuses"]));
    let status = match status {
        Some(Value::Object(status)) => read_status(status),
        Some(Value::Null) => read_status(object),
        _ => None,
    };
    if status.is_none() {
        issues.push(format!("trail `{name}` has no status: whether it was logging is not known"));
    }
    let inside = ["AdvancedEventSelectors", "EventSelectors", "Selectors", "EventSelectorsResponse"];
    let selectors = inside
        .iter()
        .find_map(|key| Selectors::from_value(key, object.get(*key)?, &name, issues))
        .or_else(|| inside.iter().find_map(|key| Selectors::from_value(key, beside(&[key])?, &name, issues)))
        // DescribeTrails: without custom selectors a trail logs all management events and nothing else.
        .or_else(|| (flag("HasCustomEventSelectors") == Some(false)).then(Selectors::default_of_trail));
    if selectors.is_none() {
        issues.push(format!("trail `{name}` has no event selectors: what it logs is not known"));
    }
    let is_multi_region = flag("IsMultiRegionTrail").unwrap_or(false);
    Some(Trail {
        name,
        home_region,
        is_multi_region,
        // CloudTrail concepts: always true for a multi-Region trail.
        includes_global_events: flag("IncludeGlobalServiceEvents").unwrap_or(is_multi_region),
        is_organization_trail: flag("IsOrganizationTrail").unwrap_or(false),
        bucket: text("S3BucketName"),
        key_prefix: text("S3KeyPrefix"),
        arn,
        status,
        selectors,
    })
}

fn read_status(object: &Map<String, Value>) -> Option<TrailStatus> {
    let time = |key: &str| object.get(key).and_then(times::parse);
    Some(TrailStatus {
        is_logging: object.get("IsLogging")?.as_bool()?,
        started: time("StartLoggingTime").or_else(|| time("TimeLoggingStarted")),
        stopped: time("StopLoggingTime").or_else(|| time("TimeLoggingStopped")),
        delivery_error: object
            .get("LatestDeliveryError")
            .and_then(Value::as_str)
            .filter(|error| !error.is_empty())
            .map(str::to_owned),
    })
}
