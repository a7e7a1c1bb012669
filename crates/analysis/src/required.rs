//! Permissions that the Lambda service needs for a function's configuration, whatever the trail shows.
//!
//! In: the configuration of a function. Out: (action, resource, feature) triples, from the table
//! `data/required.tsv`. A permission of this kind may never fire inside a window (a dead-letter queue that
//! nothing died into), so it is decided by configuration alone. Source of each row: the table's last column.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use whittle_catalog::{ActionId, ArnFormat, ResourceTypeRef, catalog};
use whittle_policy::{Effect, PolicyDocument, PrincipalKind, ResourcePattern};

use crate::inventory::{EventSource, EventSourceKind, Function, SchemaRegistry};
use crate::reason::{ConfiguredFeature, TargetRole};
use crate::stable_arn::stable_arn;

/// One permission that the configuration needs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Requirement {
    /// The action.
    pub action: ActionId,
    /// The configured resource; `None`: it cannot be told, so the grant is kept as it is.
    pub resource: Option<ResourcePattern>,
    /// The part of the configuration.
    pub feature: ConfiguredFeature,
}

struct RequiredRow {
    action: &'static str,
    resource: &'static str,
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
            let (Some(feature), Some(action), Some(resource)) = (cells.next(), cells.next(), cells.next()) else {
                continue;
            };
            rows.entry(feature).or_default().push(RequiredRow { action, resource });
        }
        rows
    })
}

/// Everything that the configuration of `function` needs of its execution role, sorted and without repeats.
/// `trust` is the role's trust policy.
pub fn requirements(function: &Function, trust: RoleTrust<'_>, partition: &str) -> Vec<Requirement> {
    let account = function.arn.account();
    let config = &function.config;
    let log_group = config.log_group.clone().unwrap_or_else(|| format!("/aws/lambda/{}", function.name));
    let mut collector = Collector {
        fixed: vec![
            ("{partition}", partition.to_owned()),
            ("{region}", function.region.to_string()),
            ("{account}", account.to_string()),
            ("{function}", function.name.clone()),
        ],
        out: Vec::new(),
    };

    collector.add("logs", &[("{log_group}", &log_group)], &ConfiguredFeature::Log { group: log_group.clone() });
    if trust.may_run_at_the_edge(function) {
        let default = format!("/aws/lambda/{}.{}", function.region, function.name);
        for group in [Some(default), config.log_group.clone()].into_iter().flatten() {
            collector.add("edge-logs", &[("{log_group}", &group)], &ConfiguredFeature::Log { group: group.clone() });
        }
    }
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

/// Trust policy of a role, as far as it is known.
#[derive(Debug, Clone, Copy)]
pub enum RoleTrust<'a> {
    /// The inventory has none.
    NotListed,
    /// It could not be read.
    Unreadable,
    /// The policy.
    Policy(&'a PolicyDocument),
}

/// Region of the functions that Lambda@Edge replicates (CloudFront Developer Guide, "Restrictions on
/// Lambda@Edge").
const EDGE_HOME: &str = "us-east-1";

/// Service principal of Lambda@Edge (CloudFront Developer Guide, "Set up IAM permissions and roles for
/// Lambda@Edge").
const EDGE_SERVICE: &str = "edgelambda.amazonaws.com";

impl RoleTrust<'_> {
    /// True if replicas of the function may run under the role: it trusts Lambda@Edge, or may do so.
    fn may_run_at_the_edge(self, function: &Function) -> bool {
        let trusts = |policy: &PolicyDocument| {
            let allows = policy.statements.iter().filter(|statement| statement.effect == Effect::Allow);
            allows.filter_map(|statement| statement.principal.as_ref()).any(|clause| {
                let principals = clause.principals();
                clause.is_negated()
                    || principals.is_everyone()
                    || principals.iter().any(|(kind, name)| {
                        kind == PrincipalKind::Service && (name == "*" || name.eq_ignore_ascii_case(EDGE_SERVICE))
                    })
            })
        };
        match self {
            Self::NotListed => false,
            Self::Unreadable => function.region.as_str() == EDGE_HOME,
            Self::Policy(policy) => function.region.as_str() == EDGE_HOME && trusts(policy),
        }
    }
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
            let resource = match row.resource {
                "granted" => None,
                "{source}" => values.iter().find(|(name, _)| *name == "{source}").and_then(|(_, source)| {
                    let owners = [source, owner_of(source)];
                    owners.into_iter().find(|arn| is_resource_of(action, arn)).map(ResourcePattern::new)
                }),
                template => {
                    let fixed = self.fixed.iter().map(|(name, value)| (*name, value.as_str()));
                    let text = fixed
                        .chain(values.iter().copied())
                        .fold(template.to_owned(), |text, (name, value)| text.replace(name, value));
                    Some(ResourcePattern::new(text))
                }
            };
            self.out.push(Requirement { action, resource, feature: feature.clone() });
        }
    }

    /// Whatever any configuration may need.
    fn everything(&mut self) {
        for row in table().values().flatten() {
            let Some(action) = catalog().action(row.action) else { continue };
            let feature = ConfiguredFeature::Unknown;
            self.out.push(Requirement { action, resource: None, feature });
        }
    }

    /// A dead-letter queue, a destination or an on-failure target: the service in its ARN decides.
    fn target(&mut self, target: &str, role: TargetRole) {
        let of = |encrypted| ConfiguredFeature::Target { role, arn: target.to_owned(), encrypted };
        if target.starts_with("kafka://") {
            self.add("target-kafka", &[], &of(false));
            return;
        }
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
        let is_kafka = matches!(source.kind, EventSourceKind::Msk | EventSourceKind::SelfManagedKafka);
        if is_kafka && source.schema_registry != SchemaRegistry::NotGlue {
            self.add("source-glue", &[], &of(None));
        }
        for secret in &source.secrets {
            self.add("source-secret", &[("{target}", &stable_arn(secret))], &of(Some(secret)));
        }
        if let Some(target) = &source.on_failure {
            self.target(target, TargetRole::SourceFailure);
        }
    }
}

/// What a source belongs to: the stream of a Kinesis consumer, the table of a DynamoDB stream. Itself
/// otherwise.
fn owner_of(source: &str) -> &str {
    let parts = ["/consumer/", "/stream/"];
    parts.iter().filter_map(|part| source.split_once(part)).map(|(owner, _)| owner).next().unwrap_or(source)
}

/// True if an ARN, or a pattern of one, names a resource of a type that the action takes. A placeholder may
/// hold any text, so the consumer of a stream has the format of a stream too: of the service's formats the
/// one that says most decides.
fn is_resource_of(action: ActionId, arn: &str) -> bool {
    let info = catalog().info(action);
    let says = |format: ArnFormat<'_>| {
        let names: usize = format.placeholders().map(|name| name.len() + "${}".len()).sum();
        format.as_str().len().saturating_sub(names)
    };
    let most = |kind: ResourceTypeRef<'_>| kind.arn_formats().filter(|format| format.matches(arn)).map(says).max();
    let of_action = info.resource_types().filter_map(most).max();
    let of_service =
        catalog().service(info.prefix()).and_then(|service| service.resource_types().filter_map(most).max());
    of_action.is_some() && of_action >= of_service
}

#[cfg(test)]
mod tests {
    use whittle_catalog::catalog;

    use super::{Collector, ConfiguredFeature, EventSource, EventSourceKind, SchemaRegistry, TargetRole};

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
            schema_registry: SchemaRegistry::Unknown,
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

    /// Resource that a source needs an action on: `None` if it needs none.
    #[expect(clippy::option_option, reason = "no need, or one on a resource that may not be named")]
    fn needed(source: &EventSource, action: &str) -> Option<Option<String>> {
        let mut collector = Collector { fixed: Vec::new(), out: Vec::new() };
        collector.source(source);
        let action = catalog().action(action).unwrap();
        let found = collector.out.into_iter().find(|requirement| requirement.action == action)?;
        Some(found.resource.map(|resource| resource.as_str().to_owned()))
    }

    #[test]
    fn a_source_is_a_resource_of_the_action_or_what_it_belongs_to() {
        let source = |kind, arn: &str| EventSource { kind, arn: Some(arn.to_owned()), ..EventSource::default() };
        let stream = "arn:aws:kinesis:eu-central-1:111122223333:stream/clicks";
        let fan = source(EventSourceKind::Kinesis, &format!("{stream}/consumer/fan:1712345678"));
        let plain = source(EventSourceKind::Kinesis, stream);
        for action in ["DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards"] {
            let action = format!("kinesis:{action}");
            assert_eq!(needed(&fan, &action), Some(Some(stream.to_owned())), "{action}");
            assert_eq!(needed(&plain, &action), Some(Some(stream.to_owned())), "{action}");
        }
        for action in ["kinesis:SubscribeToShard", "kinesis:DescribeStreamConsumer"] {
            assert_eq!(needed(&fan, action), Some(None), "{action}");
        }
        let table = "arn:aws:dynamodb:eu-central-1:111122223333:table/orders";
        let changes = source(EventSourceKind::DynamoDbStream, &format!("{table}/stream/2026-11-01T10:11:12.345"));
        assert_eq!(needed(&changes, "dynamodb:GetRecords"), Some(Some(format!("{table}/stream/*"))));
        let queue = "arn:aws:sqs:eu-central-1:111122223333:jobs.fifo";
        let queue_source = source(EventSourceKind::Sqs, queue);
        assert_eq!(needed(&queue_source, "sqs:ReceiveMessage"), Some(Some(queue.to_owned())));
        let cluster = "arn:aws:kafka:eu-central-1:111122223333:cluster/c/6f1c2f3e-1111-4222-8333-abcdefabcdef-3";
        let msk = source(EventSourceKind::Msk, cluster);
        assert_eq!(needed(&msk, "kafka:DescribeClusterV2"), Some(Some(cluster.to_owned())));
        // The reference gives it no resource type.
        assert_eq!(needed(&msk, "kafka:GetBootstrapBrokers"), Some(None));
        let broker = "arn:aws:mq:eu-central-1:111122223333:broker:b:b-1234";
        assert_eq!(needed(&source(EventSourceKind::Mq, broker), "mq:DescribeBroker"), Some(Some(broker.to_owned())));
    }

    #[test]
    fn kafka_needs_glue_where_its_registry_is_there_or_not_known() {
        for kind in [EventSourceKind::Msk, EventSourceKind::SelfManagedKafka] {
            for (schema_registry, needs_it) in
                [(SchemaRegistry::Glue, true), (SchemaRegistry::Unknown, true), (SchemaRegistry::NotGlue, false)]
            {
                let source = EventSource { kind, schema_registry, ..EventSource::default() };
                for action in ["glue:GetRegistry", "glue:GetSchemaVersion"] {
                    assert_eq!(needed(&source, action).is_some(), needs_it, "{kind:?} {schema_registry:?}");
                }
            }
        }
        let failures = EventSource {
            kind: EventSourceKind::SelfManagedKafka,
            on_failure: Some("kafka://failed".to_owned()),
            ..EventSource::default()
        };
        assert_eq!(needed(&failures, "kafka-cluster:WriteData"), Some(None));
    }
}
