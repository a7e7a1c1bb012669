//! CloudTrail: trails, their status and their selectors (CloudTrail API Reference, `DescribeTrails`,
//! `GetTrailStatus`, `GetEventSelectors`).

use aws_sdk_cloudtrail::operation::get_event_selectors::GetEventSelectorsOutput;
use aws_sdk_cloudtrail::operation::get_trail_status::GetTrailStatusOutput;
use aws_sdk_cloudtrail::types::{AdvancedEventSelector, AdvancedFieldSelector, EventSelector, Trail};

use super::{JsonObject, list};

/// A trail.
pub(in crate::inventory) fn trail(trail: &Trail) -> JsonObject {
    JsonObject::default()
        .with("Name", trail.name())
        .with("S3BucketName", trail.s3_bucket_name())
        .with("S3KeyPrefix", trail.s3_key_prefix())
        .with("SnsTopicARN", trail.sns_topic_arn())
        .with("IncludeGlobalServiceEvents", trail.include_global_service_events())
        .with("IsMultiRegionTrail", trail.is_multi_region_trail())
        .with("HomeRegion", trail.home_region())
        .with("TrailARN", trail.trail_arn())
        .with("LogFileValidationEnabled", trail.log_file_validation_enabled())
        .with("CloudWatchLogsLogGroupArn", trail.cloud_watch_logs_log_group_arn())
        .with("CloudWatchLogsRoleArn", trail.cloud_watch_logs_role_arn())
        .with("KmsKeyId", trail.kms_key_id())
        .with("HasCustomEventSelectors", trail.has_custom_event_selectors())
        .with("HasInsightSelectors", trail.has_insight_selectors())
        .with("IsOrganizationTrail", trail.is_organization_trail())
}

/// Logging status and its start. Times of deliveries are left out: they change all the time and decide
/// nothing.
pub(in crate::inventory) fn status(status: &GetTrailStatusOutput) -> JsonObject {
    JsonObject::default()
        .with("IsLogging", status.is_logging())
        .with("LatestDeliveryError", status.latest_delivery_error())
        .with_time("StartLoggingTime", status.start_logging_time())
        .with_time("StopLoggingTime", status.stop_logging_time())
        .with("TimeLoggingStarted", status.time_logging_started())
        .with("TimeLoggingStopped", status.time_logging_stopped())
}

/// Selectors of the trail, of one of the two kinds.
pub(in crate::inventory) fn selectors(answer: &GetEventSelectorsOutput) -> JsonObject {
    JsonObject::default()
        .with("TrailARN", answer.trail_arn())
        .with("EventSelectors", list(answer.event_selectors.as_deref(), selector))
        .with("AdvancedEventSelectors", list(answer.advanced_event_selectors.as_deref(), advanced))
}

fn selector(selector: &EventSelector) -> JsonObject {
    let resources = list(selector.data_resources.as_deref(), |resource| {
        JsonObject::default().with("Type", resource.r#type()).with_texts("Values", resource.values.as_deref())
    });
    JsonObject::default()
        .with("ReadWriteType", selector.read_write_type().map(aws_sdk_cloudtrail::types::ReadWriteType::as_str))
        .with("IncludeManagementEvents", selector.include_management_events())
        .with("DataResources", resources)
        .with_texts("ExcludeManagementEventSources", selector.exclude_management_event_sources.as_deref())
}

fn advanced(selector: &AdvancedEventSelector) -> JsonObject {
    JsonObject::default()
        .with("Name", selector.name())
        .with("FieldSelectors", list(Some(selector.field_selectors()), field))
}

fn field(field: &AdvancedFieldSelector) -> JsonObject {
    JsonObject::default()
        .with("Field", Some(field.field()))
        .with_texts("Equals", field.equals.as_deref())
        .with_texts("StartsWith", field.starts_with.as_deref())
        .with_texts("EndsWith", field.ends_with.as_deref())
        .with_texts("NotEquals", field.not_equals.as_deref())
        .with_texts("NotStartsWith", field.not_starts_with.as_deref())
        .with_texts("NotEndsWith", field.not_ends_with.as_deref())
}
