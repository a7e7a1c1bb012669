//! Lambda: functions, asynchronous invocation, URLs, aliases, tags (AWS Lambda API Reference,
//! `FunctionConfiguration`, `ListFunctionEventInvokeConfigs`, `ListFunctionUrlConfigs`, `ListAliases`,
//! `ListTags`).

use std::collections::{BTreeMap, HashMap};

use aws_sdk_lambda::types::{
    AliasConfiguration, CapacityProviderConfig, DestinationConfig, FileSystemConfig, FunctionConfiguration,
    FunctionEventInvokeConfig, FunctionUrlConfig, ImageConfigResponse, Layer,
};
use serde_json::Value;

use super::{JsonObject, list, names};

/// A function or a published version. `Environment` is never taken; its `KMSKeyArn` is.
pub(in crate::inventory) fn function(function: &FunctionConfiguration) -> JsonObject {
    let vpc = function.vpc_config().map(|vpc| {
        JsonObject::default()
            .with_texts("SubnetIds", Some(vpc.subnet_ids()))
            .with_texts("SecurityGroupIds", Some(vpc.security_group_ids()))
            .with("VpcId", vpc.vpc_id())
    });
    let dead_letter =
        function.dead_letter_config().map(|target| JsonObject::default().with("TargetArn", target.target_arn()));
    let tracing = function.tracing_config().map(|tracing| {
        JsonObject::default().with("Mode", tracing.mode().map(aws_sdk_lambda::types::TracingMode::as_str))
    });
    let snap_start = function.snap_start().map(|snap| {
        JsonObject::default()
            .with("ApplyOn", snap.apply_on().map(aws_sdk_lambda::types::SnapStartApplyOn::as_str))
            .with(
                "OptimizationStatus",
                snap.optimization_status().map(aws_sdk_lambda::types::SnapStartOptimizationStatus::as_str),
            )
    });
    let logging = function.logging_config().map(|logging| {
        JsonObject::default()
            .with("LogFormat", logging.log_format().map(aws_sdk_lambda::types::LogFormat::as_str))
            .with(
                "ApplicationLogLevel",
                logging.application_log_level().map(aws_sdk_lambda::types::ApplicationLogLevel::as_str),
            )
            .with("SystemLogLevel", logging.system_log_level().map(aws_sdk_lambda::types::SystemLogLevel::as_str))
            .with("LogGroup", logging.log_group())
    });
    let durable = function.durable_config().map(|durable| {
        JsonObject::default()
            .with("KMSKeyArn", durable.kms_key_arn())
            .with("RetentionPeriodInDays", durable.retention_period_in_days())
            .with("ExecutionTimeout", durable.execution_timeout())
    });
    let tenancy = function.tenancy_config().map(|tenancy| {
        JsonObject::default().with("TenantIsolationMode", Some(tenancy.tenant_isolation_mode().as_str()))
    });
    let layers = function.layers.as_deref();
    let file_systems = function.file_system_configs.as_deref();
    JsonObject::default()
        .with("FunctionName", function.function_name())
        .with("FunctionArn", function.function_arn())
        .with("Runtime", function.runtime().map(aws_sdk_lambda::types::Runtime::as_str))
        .with("Role", function.role())
        .with("Handler", function.handler())
        .with("CodeSize", Some(function.code_size()))
        .with("Description", function.description())
        .with("Timeout", function.timeout())
        .with("MemorySize", function.memory_size())
        .with("LastModified", function.last_modified())
        .with("Version", function.version())
        .with("VpcConfig", vpc)
        .with("DeadLetterConfig", dead_letter)
        .with("KMSKeyArn", function.kms_key_arn())
        .with("TracingConfig", tracing)
        .with("MasterArn", function.master_arn())
        .with("RevisionId", function.revision_id())
        .with("Layers", list(layers, layer))
        .with("FileSystemConfigs", list(file_systems, file_system))
        .with("SigningProfileVersionArn", function.signing_profile_version_arn())
        .with("SigningJobArn", function.signing_job_arn())
        .with("PackageType", function.package_type().map(aws_sdk_lambda::types::PackageType::as_str))
        .with("ImageConfigResponse", function.image_config_response().map(image))
        .with("Architectures", names(function.architectures.as_deref(), |architecture| architecture.as_str()))
        .with(
            "EphemeralStorage",
            function.ephemeral_storage().map(|storage| JsonObject::default().with("Size", Some(storage.size()))),
        )
        .with("SnapStart", snap_start)
        .with("LoggingConfig", logging)
        .with("TenancyConfig", tenancy)
        .with("CapacityProviderConfig", function.capacity_provider_config().map(capacity_provider))
        .with("DurableConfig", durable)
}

fn layer(layer: &Layer) -> JsonObject {
    JsonObject::default()
        .with("Arn", layer.arn())
        .with("CodeSize", Some(layer.code_size()))
        .with("SigningProfileVersionArn", layer.signing_profile_version_arn())
        .with("SigningJobArn", layer.signing_job_arn())
}

fn file_system(config: &FileSystemConfig) -> JsonObject {
    JsonObject::default().with("Arn", Some(config.arn())).with("LocalMountPath", Some(config.local_mount_path()))
}

fn image(response: &ImageConfigResponse) -> JsonObject {
    let config = response.image_config().map(|config| {
        JsonObject::default()
            .with_texts("EntryPoint", config.entry_point.as_deref())
            .with_texts("Command", config.command.as_deref())
            .with("WorkingDirectory", config.working_directory())
    });
    JsonObject::default().with("ImageConfig", config)
}

fn capacity_provider(config: &CapacityProviderConfig) -> JsonObject {
    let instances = config.lambda_managed_instances_capacity_provider_config().map(|instances| {
        JsonObject::default()
            .with("CapacityProviderArn", Some(instances.capacity_provider_arn()))
            .with("PerExecutionEnvironmentMaxConcurrency", instances.per_execution_environment_max_concurrency())
            .with("ExecutionEnvironmentMemoryGiBPerVCpu", instances.execution_environment_memory_gib_per_v_cpu())
    });
    JsonObject::default().with("LambdaManagedInstancesCapacityProviderConfig", instances)
}

/// The configuration of asynchronous invocations of a function, a version or an alias.
pub(in crate::inventory) fn event_invoke_config(config: &FunctionEventInvokeConfig) -> JsonObject {
    JsonObject::default()
        .with_time("LastModified", config.last_modified())
        .with("FunctionArn", config.function_arn())
        .with("MaximumRetryAttempts", config.maximum_retry_attempts())
        .with("MaximumEventAgeInSeconds", config.maximum_event_age_in_seconds())
        .with("DestinationConfig", config.destination_config().map(destinations))
}

/// Where results or failures go.
pub(in crate::inventory) fn destinations(config: &DestinationConfig) -> JsonObject {
    let target = |target: Option<&str>| JsonObject::default().with("Destination", target);
    JsonObject::default()
        .with("OnSuccess", config.on_success().map(|success| target(success.destination())))
        .with("OnFailure", config.on_failure().map(|failure| target(failure.destination())))
}

/// The URL of a function or an alias.
pub(in crate::inventory) fn url_config(config: &FunctionUrlConfig) -> JsonObject {
    let cors = config.cors().map(|cors| {
        JsonObject::default()
            .with("AllowCredentials", cors.allow_credentials())
            .with_texts("AllowHeaders", cors.allow_headers.as_deref())
            .with_texts("AllowMethods", cors.allow_methods.as_deref())
            .with_texts("AllowOrigins", cors.allow_origins.as_deref())
            .with_texts("ExposeHeaders", cors.expose_headers.as_deref())
            .with("MaxAge", cors.max_age())
    });
    JsonObject::default()
        .with("FunctionUrl", Some(config.function_url()))
        .with("FunctionArn", Some(config.function_arn()))
        .with("CreationTime", Some(config.creation_time()))
        .with("LastModifiedTime", Some(config.last_modified_time()))
        .with("Cors", cors)
        .with("AuthType", Some(config.auth_type().as_str()))
        .with("InvokeMode", config.invoke_mode().map(aws_sdk_lambda::types::InvokeMode::as_str))
}

/// An alias.
pub(in crate::inventory) fn alias(alias: &AliasConfiguration) -> JsonObject {
    let routing = alias.routing_config().map(|routing| {
        let weights = routing.additional_version_weights().map(|weights| {
            let sorted: BTreeMap<_, _> = weights.iter().collect();
            sorted
                .into_iter()
                .fold(JsonObject::default(), |object, (version, weight)| object.with(version, Some(*weight)))
        });
        JsonObject::default().with("AdditionalVersionWeights", weights)
    });
    JsonObject::default()
        .with("AliasArn", alias.alias_arn())
        .with("Name", alias.name())
        .with("FunctionVersion", alias.function_version())
        .with("Description", alias.description())
        .with("RoutingConfig", routing)
        .with("RevisionId", alias.revision_id())
}

/// The answer of ListTags.
pub(in crate::inventory) fn tags(tags: Option<&HashMap<String, String>>) -> Value {
    let sorted: BTreeMap<_, _> = tags.into_iter().flatten().collect();
    let object =
        sorted.into_iter().fold(JsonObject::default(), |object, (key, value)| object.with(key, Some(value.as_str())));
    JsonObject::default().with("Tags", Some(object)).into()
}
