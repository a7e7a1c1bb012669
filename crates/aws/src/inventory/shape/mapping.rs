//! Event source mappings (AWS Lambda API Reference, `EventSourceMappingConfiguration`).

use std::collections::BTreeMap;

use aws_sdk_lambda::types::{
    EventSourceMappingConfiguration, FilterCriteria, KafkaSchemaRegistryConfig, SelfManagedEventSource,
    SourceAccessConfiguration,
};

use super::lambda::destinations;
use super::{JsonObject, list, names};

/// A mapping.
pub(in crate::inventory) fn event_source_mapping(mapping: &EventSourceMappingConfiguration) -> JsonObject {
    let scaling = mapping
        .scaling_config()
        .map(|scaling| JsonObject::default().with("MaximumConcurrency", scaling.maximum_concurrency()));
    let managed_kafka = mapping.amazon_managed_kafka_event_source_config().map(|kafka| {
        JsonObject::default()
            .with("ConsumerGroupId", kafka.consumer_group_id())
            .with("SchemaRegistryConfig", kafka.schema_registry_config().map(schema_registry))
    });
    let own_kafka = mapping.self_managed_kafka_event_source_config().map(|kafka| {
        JsonObject::default()
            .with("ConsumerGroupId", kafka.consumer_group_id())
            .with("SchemaRegistryConfig", kafka.schema_registry_config().map(schema_registry))
    });
    let document_db = mapping.document_db_event_source_config().map(|source| {
        JsonObject::default()
            .with("DatabaseName", source.database_name())
            .with("CollectionName", source.collection_name())
            .with("FullDocument", source.full_document().map(aws_sdk_lambda::types::FullDocument::as_str))
    });
    let metrics = mapping.metrics_config().map(|metrics| {
        JsonObject::default().with("Metrics", names(metrics.metrics.as_deref(), |metric| metric.as_str()))
    });
    let logging = mapping.logging_config().map(|logging| {
        JsonObject::default().with(
            "SystemLogLevel",
            logging.system_log_level().map(aws_sdk_lambda::types::EventSourceMappingSystemLogLevel::as_str),
        )
    });
    let pollers = mapping.provisioned_poller_config().map(|pollers| {
        JsonObject::default()
            .with("MinimumPollers", pollers.minimum_pollers())
            .with("MaximumPollers", pollers.maximum_pollers())
            .with("PollerGroupName", pollers.poller_group_name())
    });
    let responses = mapping.function_response_types.as_deref();
    JsonObject::default()
        .with("UUID", mapping.uuid())
        .with("StartingPosition", mapping.starting_position().map(aws_sdk_lambda::types::EventSourcePosition::as_str))
        .with_time("StartingPositionTimestamp", mapping.starting_position_timestamp())
        .with("BatchSize", mapping.batch_size())
        .with("MaximumBatchingWindowInSeconds", mapping.maximum_batching_window_in_seconds())
        .with("ParallelizationFactor", mapping.parallelization_factor())
        .with("EventSourceArn", mapping.event_source_arn())
        .with("FilterCriteria", mapping.filter_criteria().map(filters))
        .with("KMSKeyArn", mapping.kms_key_arn())
        .with("MetricsConfig", metrics)
        .with("LoggingConfig", logging)
        .with("ScalingConfig", scaling)
        .with("FunctionArn", mapping.function_arn())
        .with_time("LastModified", mapping.last_modified())
        .with("LastProcessingResult", mapping.last_processing_result())
        .with("State", mapping.state())
        .with("StateTransitionReason", mapping.state_transition_reason())
        .with("DestinationConfig", mapping.destination_config().map(destinations))
        .with_texts("Topics", mapping.topics.as_deref())
        .with_texts("Queues", mapping.queues.as_deref())
        .with("SourceAccessConfigurations", list(mapping.source_access_configurations.as_deref(), source_access))
        .with("SelfManagedEventSource", mapping.self_managed_event_source().map(self_managed))
        .with("MaximumRecordAgeInSeconds", mapping.maximum_record_age_in_seconds())
        .with("BisectBatchOnFunctionError", mapping.bisect_batch_on_function_error())
        .with("MaximumRetryAttempts", mapping.maximum_retry_attempts())
        .with("TumblingWindowInSeconds", mapping.tumbling_window_in_seconds())
        .with("FunctionResponseTypes", names(responses, |response| response.as_str()))
        .with("AmazonManagedKafkaEventSourceConfig", managed_kafka)
        .with("SelfManagedKafkaEventSourceConfig", own_kafka)
        .with("DocumentDBEventSourceConfig", document_db)
        .with("EventSourceMappingArn", mapping.event_source_mapping_arn())
        .with("ProvisionedPollerConfig", pollers)
}

fn filters(criteria: &FilterCriteria) -> JsonObject {
    let filters = list(criteria.filters.as_deref(), |filter| JsonObject::default().with("Pattern", filter.pattern()));
    JsonObject::default().with("Filters", filters)
}

/// The URI names a secret; its value is in Secrets Manager.
fn source_access(access: &SourceAccessConfiguration) -> JsonObject {
    JsonObject::default()
        .with("Type", access.r#type().map(aws_sdk_lambda::types::SourceAccessType::as_str))
        .with("URI", access.uri())
}

fn self_managed(source: &SelfManagedEventSource) -> JsonObject {
    let endpoints = source.endpoints().map(|endpoints| {
        let sorted: BTreeMap<&str, &Vec<String>> =
            endpoints.iter().map(|(kind, hosts)| (kind.as_str(), hosts)).collect();
        sorted.into_iter().fold(JsonObject::default(), |object, (kind, hosts)| object.with_texts(kind, Some(hosts)))
    });
    JsonObject::default().with("Endpoints", endpoints)
}

fn schema_registry(config: &KafkaSchemaRegistryConfig) -> JsonObject {
    let access = list(config.access_configs.as_deref(), |access| {
        JsonObject::default()
            .with("Type", access.r#type().map(aws_sdk_lambda::types::KafkaSchemaRegistryAuthType::as_str))
            .with("URI", access.uri())
    });
    let validation = list(config.schema_validation_configs.as_deref(), |validation| {
        JsonObject::default().with(
            "Attribute",
            validation.attribute().map(aws_sdk_lambda::types::KafkaSchemaValidationAttribute::as_str),
        )
    });
    JsonObject::default()
        .with("SchemaRegistryURI", config.schema_registry_uri())
        .with(
            "EventRecordFormat",
            config.event_record_format().map(aws_sdk_lambda::types::SchemaRegistryEventRecordFormat::as_str),
        )
        .with("AccessConfigs", access)
        .with("SchemaValidationConfigs", validation)
}
