//! The setting that makes a trail leave events out, and the one that would log them.
//!
//! AWS pages: CloudTrail API Reference, `PutEventSelectors`, `EventSelector`, `AdvancedEventSelector`: a
//! trail has either basic or advanced selectors, and putting the one kind replaces the other.

use super::reason::{CoverageRemedy, FieldCondition, Obstacle};
use super::selectors::{Events, FieldSelector, Selectors};
use super::trails::Trail;

/// Values of a field selector that a reason names.
const NAMED_VALUES: usize = 3;

impl Obstacle {
    /// The setting in `selectors` that stands in the way of logging all of `events`; `None` where no selector
    /// is about such events.
    pub(super) fn of(selectors: &Selectors, events: &Events<'_>) -> Option<Self> {
        match selectors {
            Selectors::Basic(selectors) => {
                let about = selectors.iter().filter(|selector| match events.resource_type {
                    None => selector.includes_management,
                    Some(kind) => selector.data_resources.iter().any(|resource| resource.kind == kind),
                });
                let obstacles = about.map(|selector| {
                    if !(if events.read_only { selector.reads } else { selector.writes }) {
                        return Self::ReadWriteType { reads: events.read_only };
                    }
                    let excluded = || events.event_source.filter(|source| selector.excludes(source));
                    match (events.resource_type, excluded()) {
                        (None, Some(source)) => Self::ExcludedSource { source: source.to_owned() },
                        (None, None) => Self::ExcludedSource { source: selector.excluded_sources.join(", ") },
                        (Some(_), _) => Self::OtherResources,
                    }
                });
                // A selector that logs the other half is less of a help than one that only lists too little.
                obstacles.max_by_key(|obstacle| !matches!(obstacle, Self::ReadWriteType { .. }))
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
                .and_then(|failing| failing.first().map(|failing| field(failing))),
        }
    }
}

/// A field selector as a reason names it.
fn field(selector: &FieldSelector) -> Obstacle {
    let conditions = selector.conditions.iter().map(|condition| FieldCondition {
        operator: condition.operator.name().map(str::to_owned),
        values: condition.values.iter().take(NAMED_VALUES).cloned().collect(),
        more: condition.values.len().saturating_sub(NAMED_VALUES),
    });
    Obstacle::Field { field: selector.field.clone(), conditions: conditions.collect() }
}

/// The setting that would make the trail log the events.
pub(super) fn for_trail(
    trail: &Trail,
    selectors: &Selectors,
    data_type: Option<&str>,
    obstacle: Option<&Obstacle>,
) -> CoverageRemedy {
    let name = trail.name.clone();
    if let Some(Obstacle::ExcludedSource { source }) = obstacle {
        return CoverageRemedy::IncludeSource { trail: name, source: source.clone() };
    }
    match (selectors, data_type) {
        (Selectors::Basic(_), None) => CoverageRemedy::AddManagementEvents { trail: name },
        (Selectors::Basic(_), Some(kind)) => match basic_service(kind) {
            Some(service) => {
                let partition = trail.arn.as_deref().and_then(|arn| arn.split(':').nth(1)).unwrap_or("aws");
                CoverageRemedy::AddDataResources {
                    trail: name,
                    data_type: kind.to_owned(),
                    arn: format!("arn:{partition}:{service}"),
                }
            }
            None => CoverageRemedy::ReplaceByAdvanced { trail: name, data_type: kind.to_owned() },
        },
        (Selectors::Advanced(_), _) => {
            CoverageRemedy::AddAdvanced { trail: name, data_type: data_type.map(str::to_owned) }
        }
    }
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

#[cfg(test)]
mod tests {
    use super::super::Trails;
    use super::*;

    #[track_caller]
    fn check(selectors: &str, kind: Option<&str>, read_only: bool, why: Option<&Obstacle>, how: &CoverageRemedy) {
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
        assert_eq!(obstacle.as_ref(), why, "{selectors}");
        assert_eq!(for_trail(trail, found, kind, obstacle.as_ref()), *how, "{selectors}");
    }

    #[test]
    fn each_setting_that_leaves_events_out_is_named_with_the_setting_that_would_not() {
        let trail = || "t".to_owned();
        let kms = || "kms.amazonaws.com".to_owned();
        check(
            r#""EventSelectors":[{"ReadWriteType":"WriteOnly","IncludeManagementEvents":true}]"#,
            None,
            true,
            Some(&Obstacle::ReadWriteType { reads: true }),
            &CoverageRemedy::AddManagementEvents { trail: trail() },
        );
        check(
            r#""EventSelectors":[{"ReadWriteType":"All","ExcludeManagementEventSources":["kms.amazonaws.com"]}]"#,
            None,
            true,
            Some(&Obstacle::ExcludedSource { source: kms() }),
            &CoverageRemedy::IncludeSource { trail: trail(), source: kms() },
        );
        check(
            r#""EventSelectors":[{"ReadWriteType":"All","DataResources":[{"Type":"AWS::S3::Object","Values":["arn:aws-us-gov:s3:::b/"]}]}]"#,
            Some("AWS::S3::Object"),
            true,
            Some(&Obstacle::OtherResources),
            &CoverageRemedy::AddDataResources {
                trail: trail(),
                data_type: "AWS::S3::Object".to_owned(),
                arn: "arn:aws-us-gov:s3".to_owned(),
            },
        );
        let queue = "AWS::SQS::Queue".to_owned();
        let replace = CoverageRemedy::ReplaceByAdvanced { trail: trail(), data_type: queue.clone() };
        check(r#""EventSelectors":[{"ReadWriteType":"All"}]"#, Some(&queue), true, None, &replace);
        let advanced = |fields: &str, category: &str| {
            format!(
                r#""AdvancedEventSelectors":[{{"FieldSelectors":[{{"Field":"eventCategory","Equals":["{category}"]}},{fields}]}}]"#
            )
        };
        let field = |field: &str, operator: Option<&str>, values: &[&str], more: usize| {
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            let condition = FieldCondition { operator: operator.map(str::to_owned), values, more };
            Obstacle::Field { field: field.to_owned(), conditions: vec![condition] }
        };
        check(
            &advanced(r#"{"Field":"eventSource","NotEquals":["kms.amazonaws.com"]}"#, "Management"),
            None,
            true,
            Some(&field("eventSource", Some("NotEquals"), &["kms.amazonaws.com"], 0)),
            &CoverageRemedy::AddAdvanced { trail: trail(), data_type: None },
        );
        let of_type = r#"{"Field":"resources.type","Equals":["AWS::SQS::Queue"]}"#;
        for (text, why) in [
            (r#"{"Field":"readOnly","Equals":["false"]}"#, field("readOnly", Some("Equals"), &["false"], 0)),
            (
                r#"{"Field":"eventName","Equals":["A","B","C","D"]}"#,
                field("eventName", Some("Equals"), &["A", "B", "C"], 1),
            ),
            (
                r#"{"Field":"resources.ARN","StartsWith":["arn:x"]}"#,
                field("resources.ARN", Some("StartsWith"), &["arn:x"], 0),
            ),
            (
                r#"{"Field":"userIdentity.arn","NotEquals":["x"]}"#,
                field("userIdentity.arn", Some("NotEquals"), &["x"], 0),
            ),
            (r#"{"Field":"eventName","Like":["x"]}"#, field("eventName", None, &["x"], 0)),
        ] {
            let remedy = CoverageRemedy::AddAdvanced { trail: trail(), data_type: Some(queue.clone()) };
            check(&advanced(&format!("{of_type},{text}"), "Data"), Some(&queue), true, Some(&why), &remedy);
        }
        let topic = || "AWS::SNS::Topic".to_owned();
        let remedy = CoverageRemedy::AddAdvanced { trail: trail(), data_type: Some(topic()) };
        check(&advanced(of_type, "Data"), Some(&topic()), true, None, &remedy);
    }
}
