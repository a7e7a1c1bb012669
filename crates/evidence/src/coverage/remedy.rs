//! Why a trail leaves events out, and the exact setting that would log them.
//!
//! AWS pages: CloudTrail API Reference, `PutEventSelectors`, `EventSelector`, `AdvancedEventSelector`: a trail has either
//! basic or advanced selectors, and putting the one kind replaces the other.

use std::fmt;

use super::selectors::{Events, FieldSelector, Selectors};
use super::trails::Trail;

/// The first setting that stands in the way, of the selector that comes closest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Obstacle {
    /// `ReadWriteType` leaves the events out.
    ReadWrite { reads: bool },
    /// `ExcludeManagementEventSources` holds their source.
    ExcludedSource(String),
    /// `DataResources` lists other resources of the type.
    OtherResources,
    /// A field of an advanced selector does not let all of them through.
    Field(FieldSelector),
}

impl Obstacle {
    /// What in `selectors` stands in the way of logging all of `events`; `None` where no selector is about such events.
    pub(super) fn of(selectors: &Selectors, events: &Events<'_>) -> Option<Self> {
        match selectors {
            Selectors::Basic(selectors) => {
                let about = selectors.iter().filter(|selector| match events.resource_type {
                    None => selector.includes_management,
                    Some(kind) => selector.data_resources.iter().any(|resource| resource.kind == kind),
                });
                let obstacles = about.map(|selector| {
                    if !(if events.read_only { selector.reads } else { selector.writes }) {
                        return Self::ReadWrite { reads: events.read_only };
                    }
                    let excluded = || events.event_source.filter(|source| selector.excludes(source));
                    match (events.resource_type, excluded()) {
                        (None, Some(source)) => Self::ExcludedSource(source.to_owned()),
                        (None, None) => Self::ExcludedSource(selector.excluded_sources.join(", ")),
                        (Some(_), _) => Self::OtherResources,
                    }
                });
                // A selector that logs the other half is less of a help than one that only lists too little.
                obstacles.max_by_key(|obstacle| !matches!(obstacle, Self::ReadWrite { .. }))
            }
            Selectors::Advanced(selectors) => selectors
                .iter()
                .filter(|selector| selector.is_for(events.category))
                .filter_map(|selector| {
                    let of_type = |field: &&FieldSelector| field.field == "resources.type";
                    let is_about = selector.fields.iter().filter(of_type).all(|field| field.admits(events));
                    let failing: Vec<_> = selector.fields.iter().filter(|field| !field.admits(events)).collect();
                    (is_about && (events.resource_type.is_none() || selector.fields.iter().any(|f| of_type(&f))))
                        .then_some(failing)
                })
                .min_by_key(Vec::len)
                .and_then(|failing| failing.first().map(|field| Self::Field((*field).clone()))),
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReadWrite { reads: true } => f.write_str("`ReadWriteType` leaves out read events"),
            Self::ReadWrite { reads: false } => f.write_str("`ReadWriteType` leaves out write events"),
            Self::ExcludedSource(source) => write!(f, "`ExcludeManagementEventSources` holds {source}"),
            Self::OtherResources => f.write_str("`DataResources` lists only some resources of the type"),
            Self::Field(field) => {
                write!(f, "`{}`", field.field)?;
                for condition in &field.conditions {
                    let shown: Vec<&str> = condition.values.iter().take(3).map(String::as_str).collect();
                    let more = condition.values.len().saturating_sub(shown.len());
                    write!(f, " {} {}", condition.operator.as_str(), shown.join(", "))?;
                    if more > 0 {
                        write!(f, " and {more} more")?;
                    }
                }
                Ok(())
            }
        }
    }
}

/// What would make the trail log the events: a selector as `put-event-selectors` takes it.
pub(super) fn for_trail(
    trail: &Trail,
    selectors: &Selectors,
    data_type: Option<&str>,
    obstacle: Option<&Obstacle>,
) -> String {
    let name = &trail.name;
    if let Some(Obstacle::ExcludedSource(source)) = obstacle {
        return format!("remove {source} from `ExcludeManagementEventSources` of trail `{name}`");
    }
    let partition = trail.arn.as_deref().and_then(|arn| arn.split(':').nth(1)).unwrap_or("aws");
    match (selectors, data_type) {
        (Selectors::Basic(_), None) => format!(
            r#"add to the event selectors of trail `{name}`: {{"ReadWriteType":"All","IncludeManagementEvents":true}}"#
        ),
        (Selectors::Basic(_), Some(kind)) => match basic_service(kind) {
            Some(service) => format!(
                r#"add to `DataResources` of the event selectors of trail `{name}` (`ReadWriteType` All): {{"Type":"{kind}","Values":["arn:{partition}:{service}"]}}"#
            ),
            None => format!(
                "replace the event selectors of trail `{name}` by advanced ones: what they log now, and {}",
                advanced(data_type)
            ),
        },
        (Selectors::Advanced(_), _) => {
            format!("add to the advanced event selectors of trail `{name}`: {}", advanced(data_type))
        }
    }
}

/// What would log the events in an account that has no trail.
pub(super) fn for_account(data_type: Option<&str>) -> String {
    format!("create a multi-Region trail with the advanced event selector {}", advanced(data_type))
}

/// Basic selectors know data events of three services (CloudTrail API Reference, `DataResource`).
fn basic_service(kind: &str) -> Option<&'static str> {
    match kind {
        "AWS::S3::Object" => Some("s3"),
        "AWS::Lambda::Function" => Some("lambda"),
        "AWS::DynamoDB::Table" => Some("dynamodb"),
        _ => None,
    }
}

fn advanced(data_type: Option<&str>) -> String {
    match data_type {
        None => r#"{"FieldSelectors":[{"Field":"eventCategory","Equals":["Management"]}]}"#.to_owned(),
        Some(kind) => format!(
            r#"{{"FieldSelectors":[{{"Field":"eventCategory","Equals":["Data"]}},{{"Field":"resources.type","Equals":["{kind}"]}}]}}"#
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Trails;
    use super::*;

    #[track_caller]
    fn check(selectors: &str, kind: Option<&str>, read_only: bool, why: &str, how: &str) {
        let text = format!(
            r#"{{"trailList":[{{"Name":"t","TrailARN":"arn:aws-us-gov:cloudtrail:us-gov-west-1:111122223333:trail/t",{selectors}}}]}}"#
        );
        let trails = Trails::parse(&text).unwrap();
        let trail = &trails.trails[0];
        let found = trail.selectors.as_ref().unwrap();
        let events = Events {
            category: if kind.is_some() { "Data" } else { "Management" },
            resource_type: kind,
            read_only,
            event_source: Some("kms.amazonaws.com"),
            event_names: &["Decrypt"],
            resource: "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/k",
            principal: None,
        };
        assert!(!found.cover(&events), "{selectors}");
        let obstacle = Obstacle::of(found, &events);
        assert_eq!(obstacle.as_ref().map(ToString::to_string).unwrap_or_default(), why, "{selectors}");
        let remedy = for_trail(trail, found, kind, obstacle.as_ref());
        assert!(remedy.contains(how), "{selectors}: {remedy}");
    }

    #[test]
    fn each_setting_that_leaves_events_out_is_named_with_the_setting_that_would_not() {
        check(
            r#""EventSelectors":[{"ReadWriteType":"WriteOnly","IncludeManagementEvents":true}]"#,
            None,
            true,
            "`ReadWriteType` leaves out read events",
            r#""ReadWriteType":"All""#,
        );
        check(
            r#""EventSelectors":[{"ReadWriteType":"All","ExcludeManagementEventSources":["kms.amazonaws.com"]}]"#,
            None,
            true,
            "`ExcludeManagementEventSources` holds kms.amazonaws.com",
            "remove kms.amazonaws.com from `ExcludeManagementEventSources` of trail `t`",
        );
        check(
            r#""EventSelectors":[{"ReadWriteType":"All","DataResources":[{"Type":"AWS::S3::Object","Values":["arn:aws-us-gov:s3:::b/"]}]}]"#,
            Some("AWS::S3::Object"),
            true,
            "`DataResources` lists only some resources of the type",
            r#"{"Type":"AWS::S3::Object","Values":["arn:aws-us-gov:s3"]}"#,
        );
        check(r#""EventSelectors":[{"ReadWriteType":"All"}]"#, Some("AWS::SQS::Queue"), true, "", "by advanced ones");
        let advanced = |fields: &str, category: &str| {
            format!(
                r#""AdvancedEventSelectors":[{{"FieldSelectors":[{{"Field":"eventCategory","Equals":["{category}"]}},{fields}]}}]"#
            )
        };
        check(
            &advanced(r#"{"Field":"eventSource","NotEquals":["kms.amazonaws.com"]}"#, "Management"),
            None,
            true,
            "`eventSource` NotEquals kms.amazonaws.com",
            r#"{"Field":"eventCategory","Equals":["Management"]}"#,
        );
        let of_type = r#"{"Field":"resources.type","Equals":["AWS::SQS::Queue"]}"#;
        for (field, why) in [
            (r#"{"Field":"readOnly","Equals":["false"]}"#, "`readOnly` Equals false"),
            (r#"{"Field":"eventName","Equals":["A","B","C","D"]}"#, "`eventName` Equals A, B, C and 1 more"),
            (r#"{"Field":"resources.ARN","StartsWith":["arn:x"]}"#, "`resources.ARN` StartsWith arn:x"),
            (r#"{"Field":"userIdentity.arn","NotEquals":["x"]}"#, "`userIdentity.arn` NotEquals x"),
            (r#"{"Field":"eventName","Like":["x"]}"#, "`eventName` an operator that is not known x"),
        ] {
            check(
                &advanced(&format!("{of_type},{field}"), "Data"),
                Some("AWS::SQS::Queue"),
                true,
                why,
                r#"{"Field":"resources.type","Equals":["AWS::SQS::Queue"]}"#,
            );
        }
        check(&advanced(of_type, "Data"), Some("AWS::SNS::Topic"), true, "", "AWS::SNS::Topic");
    }
}
