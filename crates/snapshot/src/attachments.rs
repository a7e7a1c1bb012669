//! Attachments of functions: event source mappings, URLs, asynchronous destinations, aliases.
//!
//! Shapes: AWS Lambda API Reference, `ListEventSourceMappings`, `ListFunctionUrlConfigs`,
//! `ListFunctionEventInvokeConfigs`, `ListAliases` (and the `Get…` of one of them, which answers a bare
//! entry). Each may be one file or a folder with a file per function, in the root or in a Region's folder.
//!
//! An event source mapping or a destination that cannot be read costs its function every `unused` verdict:
//! the permission it needs may never fire inside a window.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use whittle_analysis::inventory::{EventSource, EventSourceKind, Function, SchemaRegistry};
use whittle_analysis::issue::{Issue, IssueKind};
use whittle_policy::id::FunctionArn;

use crate::document::{BadEntries, JsonObject};
use crate::functions::{add_new, filled, unknown_source};
use crate::keep::{Fields, Shape};
use crate::scope::SnapshotDocument;

/// Functions by ARN, to be completed.
pub(crate) type FunctionsByArn = BTreeMap<FunctionArn, Function>;

/// A kind of attachment: where its files are and how they are made.
#[derive(Debug)]
pub(crate) struct AttachmentKind {
    /// Name of the folder; with `.json` the name of the file.
    pub(crate) name: &'static str,
    /// Only the folder exists, a file per function.
    pub(crate) per_function: bool,
    /// List in the answer.
    pub(crate) list: &'static str,
    /// What is read of it: the list, or its bare entry.
    pub(crate) kept: Shape,
    /// Command that makes it; `{name}` stands for a function's name.
    pub(crate) command: &'static str,
    /// Sentence on what is not known without it.
    pub(crate) without: &'static str,
    /// Effect of an absent document.
    pub(crate) absence: Absence,
    /// Only asked for if some function has published versions.
    pub(crate) needs_versions: bool,
    add: fn(&mut FunctionsByArn, &JsonObject<'_>, &RawValue) -> Result<(), String>,
}

/// Effect of an absent document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Absence {
    /// A permission that is needed could look unused: no function that it may be about has unused
    /// permissions.
    NothingUnused,
    /// The same for a function without a document beside functions that have one.
    NothingUnusedBesideOthers,
    /// Verdicts do not rest on it.
    Little,
}

const MAPPING: &Fields = &[
    ("FunctionArn", Shape::Scalar),
    ("EventSourceArn", Shape::Scalar),
    ("State", Shape::Scalar),
    ("DestinationConfig", Shape::Object(DESTINATIONS)),
    ("SourceAccessConfigurations", Shape::List(&Shape::Object(ACCESS))),
    ("SelfManagedEventSource", Shape::Present),
    ("AmazonManagedKafkaEventSourceConfig", Shape::Object(KAFKA)),
    ("SelfManagedKafkaEventSourceConfig", Shape::Object(KAFKA)),
];
const KAFKA: &Fields = &[("SchemaRegistryConfig", Shape::Object(REGISTRY))];
const REGISTRY: &Fields =
    &[("SchemaRegistryURI", Shape::Scalar), ("AccessConfigs", Shape::List(&Shape::Object(ACCESS)))];
const ACCESS: &Fields = &[("URI", Shape::Scalar)];
const DESTINATIONS: &Fields = &[("OnSuccess", Shape::Object(DESTINATION)), ("OnFailure", Shape::Object(DESTINATION))];
const DESTINATION: &Fields = &[("Destination", Shape::Scalar)];
const INVOKE_CONFIG: &Fields = &[("FunctionArn", Shape::Scalar), ("DestinationConfig", Shape::Object(DESTINATIONS))];
const URL: &Fields = &[("FunctionArn", Shape::Scalar), ("AuthType", Shape::Scalar)];
const ALIAS: &Fields = &[
    ("FunctionArn", Shape::Scalar),
    ("AliasArn", Shape::Scalar),
    ("Name", Shape::Scalar),
    ("FunctionVersion", Shape::Scalar),
    ("RoutingConfig", Shape::Object(ROUTING)),
];
// Its names are versions.
const ROUTING: &Fields = &[("AdditionalVersionWeights", Shape::Open(&[], &Shape::Scalar))];

/// Every kind that is a list of entries.
pub(crate) const KINDS: &[AttachmentKind] = &[
    AttachmentKind {
        name: "event-source-mappings",
        per_function: false,
        list: "EventSourceMappings",
        kept: Shape::Answer(&[&[("EventSourceMappings", Shape::List(&Shape::Object(MAPPING)))], MAPPING]),
        command: "aws lambda list-event-source-mappings --output json > event-source-mappings.json",
        without: "what functions poll is not known, so nothing is called unused",
        absence: Absence::NothingUnused,
        needs_versions: false,
        add: add_mapping,
    },
    AttachmentKind {
        name: "event-invoke-configs",
        per_function: true,
        list: "FunctionEventInvokeConfigs",
        kept: Shape::Answer(&[
            &[("FunctionEventInvokeConfigs", Shape::List(&Shape::Object(INVOKE_CONFIG)))],
            INVOKE_CONFIG,
        ]),
        command: "aws lambda list-function-event-invoke-configs --function-name {name} --output json > event-invoke-configs/{name}.json",
        without: "destinations of asynchronous invocations are not known",
        absence: Absence::NothingUnusedBesideOthers,
        needs_versions: false,
        add: add_invoke_config,
    },
    AttachmentKind {
        name: "function-urls",
        per_function: true,
        list: "FunctionUrlConfigs",
        kept: Shape::Answer(&[&[("FunctionUrlConfigs", Shape::List(&Shape::Object(URL)))], URL]),
        command: "aws lambda list-function-url-configs --function-name {name} --output json > function-urls/{name}.json",
        without: "function URLs are not known, so the exposure of functions may be rated too low",
        absence: Absence::Little,
        needs_versions: false,
        add: add_url,
    },
    AttachmentKind {
        name: "aliases",
        per_function: true,
        list: "Aliases",
        kept: Shape::Answer(&[&[("Aliases", Shape::List(&Shape::Object(ALIAS)))], ALIAS]),
        command: "aws lambda list-aliases --function-name {name} --output json > aliases/{name}.json",
        without: "which versions have an alias is not known",
        absence: Absence::Little,
        needs_versions: true,
        add: add_alias,
    },
];

/// Services of `EventSourceArn` (AWS Lambda API Reference, `CreateEventSourceMapping`, "EventSourceArn").
const EVENT_SOURCES: &[(&str, EventSourceKind)] = &[
    ("sqs", EventSourceKind::Sqs),
    ("kinesis", EventSourceKind::Kinesis),
    ("dynamodb", EventSourceKind::DynamoDbStream),
    ("kafka", EventSourceKind::Msk),
    ("mq", EventSourceKind::Mq),
    ("rds", EventSourceKind::DocumentDb),
];

/// States of a mapping that does not poll (AWS Lambda API Reference, `EventSourceMappingConfiguration`,
/// "State").
const OFF_STATES: &[&str] = &["Disabled", "Disabling", "Deleting"];

/// Adds the entries of one document; whether all of them could be used.
pub(crate) fn apply(
    kind: &AttachmentKind,
    document: &SnapshotDocument,
    functions: &mut FunctionsByArn,
    issues: &mut Vec<Issue>,
) {
    let governed = |functions: &mut FunctionsByArn| {
        if kind.absence == Absence::NothingUnused {
            for function in functions.values_mut().filter(|function| document.concerns(function)) {
                add_new(&mut function.config.event_sources, &[unknown_source()]);
            }
        }
    };
    let parsed = document.text.as_deref().map_err(Clone::clone).and_then(|text| {
        let object =
            JsonObject::parse(text, &document.place, kind.command).map_err(crate::files::FileProblem::into_issue)?;
        let entries = match object.list(kind.list).map_err(crate::files::FileProblem::into_issue)? {
            Some(entries) => entries,
            None => match serde_json::from_str::<&RawValue>(text) {
                // The answer of a `get-` command is the entry itself.
                Ok(whole) if object.member("FunctionArn").or_else(|| object.member("AliasArn")).is_some() => {
                    vec![whole]
                }
                _ => {
                    return Err(Issue::new(
                        IssueKind::BadJson,
                        &document.place,
                        format!("holds no list `{}`", kind.list),
                    )
                    .with_hint(crate::document::remake_hint(kind.command)));
                }
            },
        };
        Ok((object, entries))
    });
    let (object, entries) = match parsed {
        Ok(parsed) => parsed,
        Err(issue) => {
            issues.push(issue);
            return governed(functions);
        }
    };
    if let Some(issue) = object.truncation() {
        issues.push(issue);
        governed(functions);
    }
    let mut bad = BadEntries::new(&document.place, kind.list);
    for (index, raw) in entries.iter().enumerate() {
        if let Err(reason) = (kind.add)(functions, &object, raw) {
            bad.add(index, || reason);
            // What the function has configured is not known then.
            match serde_json::from_str::<NamedEntry>(raw.get()).map(|named| lookup(functions, &named.function_arn)) {
                Ok(Ok(function)) => add_new(&mut function.config.event_sources, &[unknown_source()]),
                // A function that is not in the snapshot is not analysed.
                Ok(Err(_)) => {}
                Err(_) => governed(functions),
            }
        }
    }
    issues.extend(bad.into_issues());
}

/// Functions without a document of a kind that others of the same folder have are not known to have none of
/// it: the command failed for them, or the collection ended too early.
pub(crate) fn doubt_missing(
    kind: &AttachmentKind,
    documents: &[SnapshotDocument],
    of_scope: impl Fn(&Function) -> bool,
    functions: &mut FunctionsByArn,
) {
    let named = documents.iter().filter(|document| document.stem.is_some()).count();
    // A file without a function's name is about all of them.
    if kind.absence != Absence::NothingUnusedBesideOthers || named == 0 || named < documents.len() {
        return;
    }
    for function in functions.values_mut().filter(|function| of_scope(function)) {
        if !documents.iter().any(|document| document.concerns(function)) {
            add_new(&mut function.config.event_sources, &[unknown_source()]);
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NamedEntry {
    function_arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MappingEntry {
    function_arn: String,
    event_source_arn: Option<String>,
    state: Option<String>,
    destination_config: Option<DestinationConfig>,
    source_access_configurations: Option<Vec<AccessConfiguration>>,
    self_managed_event_source: Option<serde::de::IgnoredAny>,
    amazon_managed_kafka_event_source_config: Option<KafkaConfig>,
    self_managed_kafka_event_source_config: Option<KafkaConfig>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KafkaConfig {
    schema_registry_config: Option<RegistryConfig>,
}

impl KafkaConfig {
    fn kind(&self) -> SchemaRegistry {
        match &self.schema_registry_config {
            None => SchemaRegistry::NotGlue,
            Some(config) => match config.uri.as_deref() {
                None => SchemaRegistry::Unknown,
                Some(uri) if uri.split(':').nth(2) == Some("glue") => SchemaRegistry::Glue,
                Some(_) => SchemaRegistry::NotGlue,
            },
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RegistryConfig {
    #[serde(rename = "SchemaRegistryURI")]
    uri: Option<String>,
    access_configs: Option<Vec<AccessConfiguration>>,
}

#[derive(Deserialize)]
struct AccessConfiguration {
    #[serde(rename = "URI")]
    uri: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DestinationConfig {
    on_success: Option<Destination>,
    on_failure: Option<Destination>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Destination {
    destination: Option<String>,
}

fn add_mapping(functions: &mut FunctionsByArn, object: &JsonObject<'_>, raw: &RawValue) -> Result<(), String> {
    let mapping: MappingEntry = object.typed(raw)?;
    let function = lookup(functions, &mapping.function_arn)?;
    let arn = filled(mapping.event_source_arn);
    let kind = match arn.as_deref() {
        Some(arn) => {
            let service = arn.split(':').nth(2).unwrap_or_default();
            EVENT_SOURCES
                .iter()
                .find(|(known, _)| *known == service)
                .map_or(EventSourceKind::Unknown, |(_, kind)| *kind)
        }
        None if mapping.self_managed_event_source.is_some() => EventSourceKind::SelfManagedKafka,
        None => EventSourceKind::Unknown,
    };
    let registries: Vec<KafkaConfig> =
        [mapping.amazon_managed_kafka_event_source_config, mapping.self_managed_kafka_event_source_config]
            .into_iter()
            .flatten()
            .collect();
    let schema_registry = registries.iter().map(KafkaConfig::kind).max().unwrap_or_default();
    let registry_access =
        registries.into_iter().filter_map(|config| config.schema_registry_config?.access_configs).flatten();
    // The other types of access configuration (subnets, security groups, virtual hosts) name no secret.
    let mut secrets: Vec<String> = mapping
        .source_access_configurations
        .into_iter()
        .flatten()
        .chain(registry_access)
        .filter_map(|access| access.uri)
        .filter(|uri| uri.split(':').nth(2) == Some("secretsmanager"))
        .collect();
    secrets.sort();
    secrets.dedup();
    let source = EventSource {
        kind,
        arn,
        on_failure: mapping
            .destination_config
            .and_then(|config| config.on_failure)
            .and_then(|target| filled(target.destination)),
        secrets,
        schema_registry,
        enabled: !mapping.state.is_some_and(|state| OFF_STATES.contains(&state.as_str())),
    };
    add_new(&mut function.config.event_sources, &[source]);
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InvokeConfig {
    function_arn: String,
    destination_config: Option<DestinationConfig>,
}

fn add_invoke_config(functions: &mut FunctionsByArn, object: &JsonObject<'_>, raw: &RawValue) -> Result<(), String> {
    let config: InvokeConfig = object.typed(raw)?;
    let function = lookup(functions, &config.function_arn)?;
    let Some(destinations) = config.destination_config else { return Ok(()) };
    for destination in [destinations.on_success, destinations.on_failure].into_iter().flatten() {
        if let Some(target) = filled(destination.destination) {
            add_new(&mut function.config.destinations, &[target]);
        }
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UrlConfig {
    function_arn: String,
    auth_type: String,
}

fn add_url(functions: &mut FunctionsByArn, object: &JsonObject<'_>, raw: &RawValue) -> Result<(), String> {
    let url: UrlConfig = object.typed(raw)?;
    let exposure = &mut lookup(functions, &url.function_arn)?.exposure;
    // A function may have a URL per alias; the one without authorisation decides.
    if exposure.url_auth.as_deref() != Some("NONE") {
        exposure.url_auth = Some(url.auth_type);
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Alias {
    #[serde(rename = "AliasArn")]
    arn: String,
    name: String,
    function_version: String,
    routing_config: Option<Routing>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Routing {
    additional_version_weights: Option<BTreeMap<String, f64>>,
}

fn add_alias(functions: &mut FunctionsByArn, object: &JsonObject<'_>, raw: &RawValue) -> Result<(), String> {
    let alias: Alias = object.typed(raw)?;
    let function = lookup(functions, &alias.arn)?;
    let weighted = alias.routing_config.and_then(|routing| routing.additional_version_weights).unwrap_or_default();
    for name in std::iter::once(alias.function_version).chain(weighted.into_keys()) {
        if name == "$LATEST" {
            continue;
        }
        let Some(version) = function.versions.iter_mut().find(|version| version.version == name) else {
            return Err(format!(
                "alias `{}` of `{}` points to version {name}, which is not in functions.json",
                alias.name, function.arn
            ));
        };
        add_new(&mut version.aliases, std::slice::from_ref(&alias.name));
        version.aliases.sort();
    }
    Ok(())
}

fn lookup<'a>(functions: &'a mut FunctionsByArn, arn: &str) -> Result<&'a mut Function, String> {
    let (function, _) = FunctionArn::split_qualified(arn).map_err(|error| error.to_string())?;
    functions.get_mut(&function).ok_or_else(|| format!("function `{function}` is not in functions.json"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keep::tests::keeps_what_is_read;

    #[test]
    fn all_that_is_read_is_kept() {
        keeps_what_is_read::<NamedEntry>(MAPPING);
        keeps_what_is_read::<NamedEntry>(INVOKE_CONFIG);
        keeps_what_is_read::<NamedEntry>(URL);
        keeps_what_is_read::<NamedEntry>(ALIAS);
        keeps_what_is_read::<MappingEntry>(MAPPING);
        keeps_what_is_read::<KafkaConfig>(KAFKA);
        keeps_what_is_read::<RegistryConfig>(REGISTRY);
        keeps_what_is_read::<AccessConfiguration>(ACCESS);
        keeps_what_is_read::<DestinationConfig>(DESTINATIONS);
        keeps_what_is_read::<Destination>(DESTINATION);
        keeps_what_is_read::<InvokeConfig>(INVOKE_CONFIG);
        keeps_what_is_read::<UrlConfig>(URL);
        keeps_what_is_read::<Alias>(ALIAS);
        keeps_what_is_read::<Routing>(ROUTING);
    }
}
