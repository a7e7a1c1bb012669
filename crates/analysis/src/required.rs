//! What a function's configuration makes the Lambda service need, whatever the trail shows.
//!
//! In: the configuration of a function. Out: (action, resource, reason) triples, from the table `data/required.tsv`.
//! A permission of this kind may never fire inside a window (a dead-letter queue that nothing died into), so it is
//! decided by configuration alone. Source of each row: the table's last column.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use whittle_catalog::{ActionId, catalog};
use whittle_policy::ResourcePattern;

use crate::enduring::enduring;
use crate::inventory::{EventSource, EventSourceKind, Function};

/// One permission that the configuration needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Requirement {
    /// The action.
    pub action: ActionId,
    /// The configured resource; `None`: it cannot be told, so the grant is kept as it is.
    pub resource: Option<ResourcePattern>,
    /// An action whose events stand in for this one, which no event shows.
    pub seen_through: Option<ActionId>,
    /// Which configuration, in words.
    pub reason: String,
}

struct Row {
    action: &'static str,
    resource: &'static str,
    seen_through: &'static str,
}

fn table() -> &'static BTreeMap<&'static str, Vec<Row>> {
    static TABLE: OnceLock<BTreeMap<&'static str, Vec<Row>>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut rows: BTreeMap<&'static str, Vec<Row>> = BTreeMap::new();
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
            rows.entry(feature).or_default().push(Row { action, resource, seen_through });
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

    collector.add("logs", &[], &format!("writes its log to {log_group}"));
    if config.in_vpc {
        collector.add("vpc", &[], "is attached to a VPC");
    }
    if config.active_tracing {
        collector.add("tracing", &[], "has active X-Ray tracing");
    }
    if let Some(target) = &config.dead_letter_target {
        collector.target(target, "dead-letter target");
    }
    for target in &config.destinations {
        collector.target(target, "destination of asynchronous invocations");
    }
    for source in &config.event_sources {
        collector.source(source);
    }
    if let Some(key) = &config.kms_key {
        collector.add("environment-key", &[("{key}", key)], &format!("has its environment encrypted with {key}"));
    }
    if !config.file_systems.is_empty() {
        collector.add("file-system", &[], "mounts a file system");
    }
    if config.durable {
        collector.add("durable", &[], "is a durable function");
    }
    // Layer names as published by AWS (CloudWatch User Guide, "Lambda Insights extension versions" and "Enable your
    // applications on Lambda" for Application Signals).
    for (layer, feature, reason) in [
        (":layer:LambdaInsightsExtension", "insights", "carries the Lambda Insights extension"),
        (":layer:AWSOpenTelemetryDistro", "application-signals", "carries the Application Signals layer"),
    ] {
        if config.layers.iter().any(|arn| arn.contains(layer)) {
            collector.add(feature, &[], reason);
        }
    }
    collector.out.sort();
    collector.out.dedup();
    collector.out
}

/// Whether a configured feature is one that the table does not know, so that nothing may be called unused.
///
/// An event source of unknown kind without an ARN is another thing: a part of the configuration could not be read. It may be
/// any feature of the table, so all its actions count as required, as granted.
pub fn has_unknown_feature(function: &Function) -> bool {
    let unknown = |source: &EventSource| source.kind == EventSourceKind::Unknown && source.arn.is_some();
    function.config.event_sources.iter().any(unknown)
}

struct Collector {
    fixed: Vec<(&'static str, String)>,
    out: Vec<Requirement>,
}

impl Collector {
    fn add(&mut self, feature: &str, values: &[(&str, &str)], reason: &str) {
        for row in table().get(feature).into_iter().flatten() {
            // A row the catalog does not know cannot be granted by an expanded action; a literal grant of it is
            // `unknown` and kept. The tests hold the table to the catalog.
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
                reason: reason.to_owned(),
            });
        }
    }

    /// Whatever any configuration may need.
    fn everything(&mut self, reason: &str) {
        for row in table().values().flatten() {
            let Some(action) = catalog().action(row.action) else { continue };
            self.out.push(Requirement { action, resource: None, seen_through: None, reason: reason.to_owned() });
        }
    }

    /// A dead-letter queue, a destination or an on-failure target: the service in its ARN decides.
    fn target(&mut self, target: &str, role: &str) {
        let reason = format!("sends to the {role} {target}");
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
        self.add(feature, &[("{target}", target), ("{bucket}", bucket)], &reason);
        if matches!(service, "sqs" | "sns") {
            self.add("target-kms", &[], &format!("{reason}, which may be encrypted"));
        }
    }

    fn source(&mut self, source: &EventSource) {
        let arn = source.arn.as_deref().unwrap_or("*");
        let (features, what): (&[&str], &str) = match source.kind {
            EventSourceKind::Sqs => (&["source-sqs"], "SQS event source"),
            EventSourceKind::Kinesis => (&["source-kinesis"], "Kinesis event source"),
            EventSourceKind::DynamoDbStream => (&["source-dynamodb"], "DynamoDB stream event source"),
            EventSourceKind::Msk => (&["source-msk", "source-network"], "Amazon MSK event source"),
            EventSourceKind::SelfManagedKafka => (&["source-network"], "Apache Kafka event source"),
            EventSourceKind::Mq => (&["source-mq", "source-network"], "Amazon MQ event source"),
            EventSourceKind::DocumentDb => (&["source-documentdb", "source-network"], "DocumentDB event source"),
            EventSourceKind::Unknown => {
                if source.arn.is_none() {
                    self.everything("a part of its configuration is not known");
                }
                return;
            }
        };
        let reason = format!("reads the {what} {arn}");
        for feature in features {
            self.add(feature, &[("{source}", &enduring(arn))], &reason);
        }
        for secret in &source.secrets {
            self.add("source-secret", &[("{target}", &enduring(secret))], &format!("{reason} with secret {secret}"));
        }
        if let Some(target) = &source.on_failure {
            self.target(target, "on-failure destination of the event source");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Collector, EventSource, EventSourceKind};

    /// Reasons are read after "the function".
    #[test]
    fn reasons_of_sources_and_targets_are_predicates() {
        let mut collector = Collector { fixed: Vec::new(), out: Vec::new() };
        collector.target("arn:aws:sns:eu-central-1:111122223333:lost", "dead-letter target");
        collector.source(&EventSource {
            kind: EventSourceKind::Mq,
            arn: Some("arn:aws:mq:eu-central-1:111122223333:broker:b:1".to_owned()),
            on_failure: Some("arn:aws:sqs:eu-central-1:111122223333:failed".to_owned()),
            secrets: vec!["arn:aws:secretsmanager:eu-central-1:111122223333:secret:s-AbCdEf".to_owned()],
            enabled: true,
        });
        let mut reasons: Vec<String> = collector.out.into_iter().map(|requirement| requirement.reason).collect();
        reasons.sort();
        reasons.dedup();
        let source = "reads the Amazon MQ event source arn:aws:mq:eu-central-1:111122223333:broker:b:1";
        let failed = "on-failure destination of the event source arn:aws:sqs:eu-central-1:111122223333:failed";
        let dead = "sends to the dead-letter target arn:aws:sns:eu-central-1:111122223333:lost";
        assert_eq!(
            reasons,
            [
                source.to_owned(),
                format!("{source} with secret arn:aws:secretsmanager:eu-central-1:111122223333:secret:s-AbCdEf"),
                dead.to_owned(),
                format!("{dead}, which may be encrypted"),
                format!("sends to the {failed}"),
                format!("sends to the {failed}, which may be encrypted"),
            ]
        );
    }
}
