//! Words for needs.

use std::fmt::Write as _;

use whittle_analysis::inventory::EventSourceKind;
use whittle_analysis::reason::{Callers, ConfiguredFeature, NeedReason, TargetRole};

/// Reason of a need. That of a configuration is a predicate, to be read after "the function".
pub(super) fn need(reason: &NeedReason) -> String {
    match reason {
        NeedReason::PossiblyChecked { calls, by } if !calls.is_empty() => {
            format!(
                "AWS may check it when {} is called, and no event shows whether it was{}",
                calls.join(" or "),
                callers(by)
            )
        }
        NeedReason::PossiblyChecked { calls: _, by } => {
            format!("AWS may check it in calls that were seen; no event shows whether it was{}", callers(by))
        }
        NeedReason::Dependent { action } => format!("AWS may check it when {action} is called"),
        NeedReason::Beside { action, why } => format!("beside {action}: {why}"),
        NeedReason::BesideUnseen { actions } => {
            format!("beside {}, which may have been used unseen", actions.join(", "))
        }
        NeedReason::ByAlias { alias } => by_alias(alias),
        NeedReason::Parameters { by } => {
            format!("the parameters of another call show that it was needed{}", callers(by))
        }
        NeedReason::ViaService { actions } => format!(
            "{} on encrypted data needs it through the service; such calls are rare in the log",
            actions.join(", ")
        ),
        NeedReason::Called { days, by } => {
            format!("called on {days} {}{}", if *days == 1 { "day" } else { "days" }, callers(by))
        }
        NeedReason::Configured { feature } => configured(feature),
    }
}

pub(super) fn by_alias(alias: &str) -> String {
    format!("calls name a key by {alias}, which may stand for another key tomorrow")
}

fn callers(by: &Callers) -> String {
    let mut out = String::new();
    if by.platform_only {
        out.push_str(" by the Lambda service");
    }
    if by.others_only {
        out.push_str(", only by people or CI that assumed the role");
    }
    if !by.via.is_empty() {
        let _ = write!(out, ", also through {}", by.via.join(", "));
    }
    out
}

fn configured(feature: &ConfiguredFeature) -> String {
    match feature {
        ConfiguredFeature::Unknown => "a part of its configuration is not known".to_owned(),
        ConfiguredFeature::ApplicationSignals => "carries the Application Signals layer".to_owned(),
        ConfiguredFeature::LambdaInsights => "carries the Lambda Insights extension".to_owned(),
        ConfiguredFeature::Tracing => "has active X-Ray tracing".to_owned(),
        ConfiguredFeature::EnvironmentKey { key } => format!("has its environment encrypted with {key}"),
        ConfiguredFeature::Durable => "is a durable function".to_owned(),
        ConfiguredFeature::Vpc => "is attached to a VPC".to_owned(),
        ConfiguredFeature::FileSystem => "mounts a file system".to_owned(),
        ConfiguredFeature::EventSource { source, arn, secret } => {
            let secret = secret.as_ref().map(|secret| format!(" with secret {secret}"));
            format!("reads the {} {arn}{}", event_source(*source), secret.unwrap_or_default())
        }
        ConfiguredFeature::Target { role, arn, encrypted } => {
            let role = match role {
                TargetRole::DeadLetter => "dead-letter target",
                TargetRole::AsyncDestination => "destination of asynchronous invocations",
                TargetRole::SourceFailure => "on-failure destination of the event source",
            };
            format!("sends to the {role} {arn}{}", if *encrypted { ", which may be encrypted" } else { "" })
        }
        ConfiguredFeature::Log { group } => format!("writes its log to {group}"),
    }
}

fn event_source(kind: EventSourceKind) -> &'static str {
    match kind {
        EventSourceKind::Mq => "Amazon MQ event source",
        EventSourceKind::Msk => "Amazon MSK event source",
        EventSourceKind::SelfManagedKafka => "Apache Kafka event source",
        EventSourceKind::DocumentDb => "DocumentDB event source",
        EventSourceKind::DynamoDbStream => "DynamoDB stream event source",
        EventSourceKind::Kinesis => "Kinesis event source",
        EventSourceKind::Sqs => "SQS event source",
        EventSourceKind::Unknown => "event source",
    }
}
