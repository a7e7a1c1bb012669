//! Features of a function's configuration that make Lambda use its role, as far as a file shows them.
//!
//! Only kinds and counts, which is enough to see that a function will be configured for more than today; no
//! evidence can show that (AWS Lambda Developer Guide, "Defining Lambda function permissions with an
//! execution role").

use std::collections::BTreeMap;

use crate::node::Node;
use crate::resolve::Resolver;
use crate::template::{Template, TemplateFunction};
use crate::terraform::Module;

/// A feature of a configuration that needs permissions of the execution role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// Attached to a VPC.
    Vpc,
    /// Active X-Ray tracing.
    Tracing,
    /// A dead-letter queue or topic.
    DeadLetter,
    /// A key for the environment.
    Key,
    /// A file system.
    FileSystem,
    /// A source that Lambda polls.
    EventSource,
    /// A destination of asynchronous invocations.
    Destination,
    /// A durable function.
    Durable,
}

impl Feature {
    /// For people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Vpc => "VPC",
            Self::Tracing => "active tracing",
            Self::DeadLetter => "dead-letter target",
            Self::Key => "environment key",
            Self::FileSystem => "file system",
            Self::EventSource => "event source",
            Self::Destination => "destination",
            Self::Durable => "durable execution",
        }
    }
}

/// Property of SAM, of CloudFormation, block or attribute of Terraform.
const PROPERTIES: &[(Feature, &[&str])] = &[
    (Feature::Vpc, &["VpcConfig", "vpc_config"]),
    (Feature::Tracing, &["Tracing", "TracingConfig", "tracing_config"]),
    (Feature::DeadLetter, &["DeadLetterQueue", "DeadLetterConfig", "dead_letter_config"]),
    (Feature::Key, &["KmsKeyArn", "kms_key_arn"]),
    (Feature::FileSystem, &["FileSystemConfigs", "file_system_config"]),
    (Feature::Durable, &["DurableConfig", "durable_config"]),
];

/// SAM event types that become event source mappings (AWS SAM Developer Guide, "EventSource").
const POLLED: &[&str] = &["SQS", "Kinesis", "DynamoDB", "MSK", "SelfManagedKafka", "MQ", "DocumentDB"];

pub(super) fn of_template(
    template: &Template<'_>,
    resolver: &Resolver<'_>,
    function: &TemplateFunction<'_>,
) -> BTreeMap<Feature, usize> {
    let mut out = BTreeMap::new();
    let mut add = |feature: Feature, count: usize| {
        if count > 0 {
            *out.entry(feature).or_default() += count;
        }
    };
    let property = |name: &str| template.function_property(function.node, name).filter(|node| !node.is_null());
    for (feature, names) in PROPERTIES {
        let Some(node) = names.iter().find_map(|name| property(name)) else { continue };
        let mode = node.get("Mode").unwrap_or(node);
        let off = *feature == Feature::Tracing && resolver.text_of(mode).is_some_and(|mode| mode != "Active");
        if !off {
            add(*feature, if *feature == Feature::FileSystem { node.as_list().len() } else { 1 });
        }
    }
    let events = function.node.get("Properties").and_then(|properties| properties.get("Events"));
    let polled = |event: &Node| event.get("Type").and_then(Node::text).is_some_and(|kind| POLLED.contains(&kind));
    add(Feature::EventSource, events.map_or(0, |events| events.entries().iter().filter(|(_, e)| polled(e)).count()));
    if let Some(config) = property("EventInvokeConfig") {
        add(Feature::Destination, destinations(config));
    }
    for (_, node) in template.resources() {
        let Some(properties) = node.get("Properties") else { continue };
        match node.get("Type").and_then(Node::text) {
            Some("AWS::Lambda::EventSourceMapping") if may_be(properties, function, resolver) => {
                add(Feature::EventSource, 1);
            }
            Some("AWS::Lambda::EventInvokeConfig") if may_be(properties, function, resolver) => {
                add(Feature::Destination, destinations(properties));
            }
            _ => {}
        }
    }
    out
}

fn destinations(config: &Node) -> usize {
    let both = config.get("DestinationConfig").map(Node::entries).unwrap_or_default();
    both.iter().filter(|(key, value)| matches!(key.text(), Some("OnSuccess" | "OnFailure")) && !value.is_null()).count()
}

/// True if `FunctionName` may mean the function: it names the function, or is not known.
fn may_be(properties: &Node, function: &TemplateFunction<'_>, resolver: &Resolver<'_>) -> bool {
    let Some(name) = properties.get("FunctionName") else { return true };
    let expression = resolver.expression(name);
    if let [crate::expression::ExpressionPart::Reference { logical_id, .. }] = expression.parts() {
        return logical_id == function.logical_id;
    }
    let Some(text) = resolver.text_of(name) else { return true };
    function.name.as_ref().is_none_or(|own| text == *own || text.contains(&format!(":function:{own}")))
}

/// `AuthType` of an `AWS::Lambda::Url` for the function.
pub(super) fn url_of(template: &Template<'_>, resolver: &Resolver<'_>, logical_id: &str) -> Option<String> {
    template.resources().find_map(|(_, node)| {
        node.get("Type").filter(|kind| kind.text() == Some("AWS::Lambda::Url"))?;
        let properties = node.get("Properties")?;
        let target = resolver.expression(properties.get("TargetFunctionArn")?);
        match target.parts() {
            [crate::expression::ExpressionPart::Reference { logical_id: id, .. }] if id == logical_id => {
                resolver.text_of(properties.get("AuthType")?)
            }
            _ => None,
        }
    })
}

pub(super) fn of_module(module: &Module<'_>, address: &str) -> BTreeMap<Feature, usize> {
    let mut out = BTreeMap::new();
    for (feature, names) in PROPERTIES {
        let count: usize = names.iter().map(|name| module.count(address, name)).sum();
        if count > 0 {
            out.insert(*feature, count);
        }
    }
    let sources = module.naming(address, "aws_lambda_event_source_mapping", "function_name");
    if sources > 0 {
        out.insert(Feature::EventSource, sources);
    }
    // Its `destination_config` is not taken apart: one of them may be two.
    let configs = module.naming(address, "aws_lambda_function_event_invoke_config", "function_name");
    if configs > 0 {
        out.insert(Feature::Destination, configs * 2);
    }
    out
}

/// `authorization_type` of an `aws_lambda_function_url` for the function.
pub(super) fn url_of_module(module: &Module<'_>, resolver: &Resolver<'_>, address: &str) -> Option<String> {
    let url = module.named_by(address, "aws_lambda_function_url", "function_name")?;
    module.attribute(&url, "authorization_type").and_then(|node| resolver.text_of(node))
}
