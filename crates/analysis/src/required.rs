//! Permissions that the Lambda service needs for a function's configuration, whatever the trail shows.
//!
//! In: the configuration of a function. Out: (action, resource, feature) triples, from the table
//! `data/required.tsv`. A permission of this kind may never fire inside a window (a dead-letter queue that
//! nothing died into), so it is decided by configuration alone. Source of each row: the table's last column.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use whittle_catalog::{ActionId, catalog};
use whittle_policy::ResourcePattern;

use crate::inventory::{EventSource, EventSourceKind, Function};
use crate::reason::{ConfiguredFeature, TargetRole};
use crate::stable_arn::stable_arn;

/// One permission that the configuration needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Requirement {
    /// The action.
    pub action: ActionId,
    /// The configured resource; `None`: it cannot be told, so the grant is kept as it is.
    pub resource: Option<ResourcePattern>,
    /// An action whose events stand in for this one, which no event shows.
    pub seen_through: Option<ActionId>,
    /// The part of the configuration.
    pub feature: ConfiguredFeature,
}

struct RequiredRow {
    action: &'static str,
    resource: &'static str,
    seen_through: &'static str,
}

fn table() -> &'static BTreeMap<&'static str, Vec<RequiredRow>> {
    static TABLE: OnceLock<BTreeMap<&'static str, Vec<RequiredRow>>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut rows: BTreeMap<&'static str, Vec<RequiredRow>> = BTreeMap::new();
        for line in include_str!("../data/required.tsv").lines() {
            if line.starts_with('#') || line.is_empty() {
                continue;
            }
            let mut cells = line.split('\t');
            let (Some(feature), Some(action), Some(resource), Some(seen_through)) =
                (cells.next(), cells.next(), cells.next(), cells.next())
            else {
                continue;
            };
            rows.entry(feature).or_default().push(RequiredRow { action, resource, seen_through });
        }
        rows
    })
}

/// Everything that the configuration of `function` needs of its execution role, sorted and without repeats.
pub fn requirements(function: &Function, partition: &str) -> Vec<Requirement> {
    let account = function.arn.account();
    let config = &function.config;
    let log_group = config.log_group.clone().unwrap_or_else(|| format!("/aws/lambda/{}", function.name));
    let mut collector = Collector {
        fixed: vec![
            ("{partition}", partition.to_owned()),
            ("{region}", function.region.to_string()),
            ("{account}", account.to_string()),
            ("{function}", function.name.clone()),
            ("{log_group}", log_group.clone()),
        ],
        out: Vec::new(),
    };

    collector.add("logs", &[], &ConfiguredFeature::Log { group: log_group });
    if config.in_vpc {
        collector.add("vpc", &[], &ConfiguredFeature::Vpc);
    }
    if config.active_tracing {
        collector.add("tracing", &[], &ConfiguredFeature::Tracing);
    }
    if let Some(target) = &config.dead_letter_target {
        collector.target(target, TargetRole::DeadLetter);
    }
    for target in &config.destinations {
        collector.target(target, TargetRole::AsyncDestination);
    }
    for source in &config.event_sources {
        collector.source(source);
    }
    if let Some(key) = &config.kms_key {
        let feature = ConfiguredFeature::EnvironmentKey { key: key.clone() };
        collector.add("environment-key", &[("{key}", key)], &feature);
    }
    if !config.file_systems.is_empty() {
        collector.add("file-system", &[], &ConfiguredFeature::FileSystem);
    }
    if config.durable {
        collector.add("durable", &[], &ConfiguredFeature::Durable);
    }
    // Layer names as published by AWS (CloudWatch User Guide, "Lambda Insights extension versions" and
    // "Enable your applications on Lambda" for Application Signals).
    for (layer, name, feature) in [
        (":layer:LambdaInsightsExtension", "insights", ConfiguredFeature::LambdaInsights),
        (":layer:AWSOpenTelemetryDistro", "application-signals", ConfiguredFeature::ApplicationSignals),
    ] {
        if config.layers.iter().any(|arn| arn.contains(layer)) {
            collector.add(name, &[], &feature);
        }
    }
    collector.out.sort();
    collector.out.dedup();
    collector.out
}

/// True if a configured feature is one that the table does not know, so that nothing may be called unused.
///
/// An event source of unknown kind without an ARN is another thing: a part of the configuration could not be
/// read. It may be any feature of the table, so all its actions count as required, as granted.
pub fn has_unknown_feature(function: &Function) -> bool {
    let unknown = |source: &EventSource| source.kind == EventSourceKind::Unknown && source.arn.is_some();
    function.config.event_sources.iter().any(unknown)
}

struct Collector {
    fixed: Vec<(&'static str, String)>,
    out: Vec<Requirement>,
}

impl Collector {
    fn add(&mut self, name: &str, values: &[(&str, &str)], feature: &ConfiguredFeature) {
        for row in table().get(name).into_iter().flatten() {
            // A row the catalog does not know cannot be granted by an expanded action; a literal grant of it
            // is `unknown` and kept. The tests hold the table to the catalog.
            let Some(action) = catalog().action(row.action) else { continue };
            let resource = (row.resource != "granted").then(|| {
                let mut text = row.resource.to_owned();
                for (name, value) in &self.fixed {
                    text = text.replace(name, value);
                }
                for (name, value) in values {
                    text = text.replace(name, value);
                }
                ResourcePattern::new(text)
            });
            self.out.push(Requirement {
                action,
                resource,
                seen_through: catalog().action(row.seen_through),
                feature: feature.clone(),
            });
        }
    }

    /// Whatever any configuration may need.
    fn everything(&mut self) {
        for row in table().values().flatten() {
            let Some(action) = catalog().action(row.action) else { continue };
            let feature = ConfiguredFeature::Unknown;
            self.out.push(Requirement { action, resource: None, seen_through: None, feature });
        }
    }

    /// A dead-letter queue, a destination or an on-failure target: the service in its ARN decides.
    fn target(&mut self, target: &str, role: TargetRole) {
        let of = |encrypted| ConfiguredFeature::Target { role, arn: target.to_owned(), encrypted };
        let service = target.split(':').nth(2).unwrap_or_default();
        let feature = match service {
            "sqs" => "target-sqs",
            "sns" => "target-sns",
            "s3" => "target-s3",
            "lambda" => "target-lambda",
            "events" => "target-events",
            _ => return,
        };
        let bucket = target.trim_end_matches('*').trim_end_matches('/');
        self.add(feature, &[("{target}", target), ("{bucket}", bucket)], &of(false));
        if matches!(service, "sqs" | "sns") {
            self.add("target-kms", &[], &of(true));
        }
    }

    fn source(&mut self, source: &EventSource) {
        let arn = source.arn.as_deref().unwrap_or("*");
        let names: &[&str] = match source.kind {
            EventSourceKind::Sqs => &["source-sqs"],
            EventSourceKind::Kinesis => &["source-kinesis"],
            EventSourceKind::DynamoDbStream => &["source-dynamodb"],
            EventSourceKind::Msk => &["source-msk", "source-network"],
            EventSourceKind::SelfManagedKafka => &["source-network"],
            EventSourceKind::Mq => &["source-mq", "source-network"],
            EventSourceKind::DocumentDb => &["source-documentdb", "source-network"],
            EventSourceKind::Unknown => {
                if source.arn.is_none() {
                    self.everything();
                }
                return;
            }
        };
        let of = |secret: Option<&String>| ConfiguredFeature::EventSource {
            source: source.kind,
            arn: arn.to_owned(),
            secret: secret.cloned(),
        };
        for name in names {
            self.add(name, &[("{source}", &stable_arn(arn))], &of(None));
        }
        for secret in &source.secrets {
            self.add("source-secret", &[("{target}", &stable_arn(secret))], &of(Some(secret)));
        }
        if let Some(target) = &source.on_failure {
            self.target(target, TargetRole::SourceFailure);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Collector, ConfiguredFeature, EventSource, EventSourceKind, TargetRole};

    #[test]
    fn a_source_needs_its_secrets_and_its_target_for_failures() {
        let mut collector = Collector { fixed: Vec::new(), out: Vec::new() };
        let text = str::to_owned;
        let lost = "arn:aws:sns:eu-central-1:111122223333:lost";
        let failed = "arn:aws:sqs:eu-central-1:111122223333:failed";
        let broker = "arn:aws:mq:eu-central-1:111122223333:broker:b:1";
        let secret = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:s-AbCdEf";
        collector.target(lost, TargetRole::DeadLetter);
        collector.source(&EventSource {
            kind: EventSourceKind::Mq,
            arn: Some(text(broker)),
            on_failure: Some(text(failed)),
            secrets: vec![text(secret)],
            enabled: true,
        });
        let mut features: Vec<_> = collector.out.into_iter().map(|requirement| requirement.feature).collect();
        features.sort();
        features.dedup();
        let source = |secret: Option<&str>| ConfiguredFeature::EventSource {
            source: EventSourceKind::Mq,
            arn: text(broker),
            secret: secret.map(text),
        };
        let target = |role, arn, encrypted| ConfiguredFeature::Target { role, arn: text(arn), encrypted };
        assert_eq!(
            features,
            [
                source(None),
                source(Some(secret)),
                target(TargetRole::DeadLetter, lost, false),
                target(TargetRole::DeadLetter, lost, true),
                target(TargetRole::SourceFailure, failed, false),
                target(TargetRole::SourceFailure, failed, true),
            ]
        );
    }
}
