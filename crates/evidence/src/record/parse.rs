//! From the JSON object of one record to a [`Record`], or to why it is none.

use jiff::Timestamp;
use serde_json::value::RawValue;

use super::lenient::{OddFields, Present, Seed, lenient_object};
use super::time::parse_time;
use super::{LazyJson, Record, ResourceEntry, Text, UserIdentity, is_damaged};

lenient_object! {
    /// One JSON object with every key that tells what it is; everything optional.
    pub(crate) struct RawRecord<'a> {
        pub(crate) event_time: Option<Text<'a>> = "eventTime",
        pub(crate) event_source: Option<Text<'a>> = "eventSource",
        pub(crate) event_name: Option<Text<'a>> = "eventName",
        /// Stands in for a missing `eventTime`: Elasticsearch, OpenSearch and Logstash index records by it.
        timestamp: Option<Text<'a>> = "@timestamp",
        aws_region: Option<Text<'a>> = "awsRegion",
        error_code: Option<Text<'a>> = "errorCode",
        error_message: Option<Text<'a>> = "errorMessage",
        user_agent: Option<Text<'a>> = "userAgent",
        source_ip_address: Option<Text<'a>> = "sourceIPAddress",
        event_id: Option<Text<'a>> = "eventID",
        event_type: Option<Text<'a>> = "eventType",
        event_category: Option<Text<'a>> = "eventCategory",
        event_version: Option<Text<'a>> = "eventVersion",
        read_only: Option<bool> = "readOnly",
        management_event: Option<bool> = "managementEvent",
        recipient_account_id: Option<Text<'a>> = "recipientAccountId",
        shared_event_id: Option<Text<'a>> = "sharedEventID",
        vpc_endpoint_id: Option<Text<'a>> = "vpcEndpointId",
        pub(crate) user_identity: UserIdentity<'a> = "userIdentity",
        request_parameters: Option<&'a RawValue> = "requestParameters",
        response_elements: Option<&'a RawValue> = "responseElements",
        additional_event_data: Option<&'a RawValue> = "additionalEventData",
        resources: Vec<ResourceEntry<'a>> = "resources",
        /// Wrappers.
        pub(crate) detail: Option<&'a RawValue> = "detail",
        pub(crate) lookup_event: Option<Text<'a>> = "CloudTrailEvent",
        /// Columns that hold a whole record beside some of its fields.
        whole_record: Present =
            "eventJson" | "eventjson" | "event_json" | "eventData" | "eventdata" | "event_data" | "@message" | "_raw",
        /// Arrays of other shapes.
        pub(crate) records: Present = "Records" | "Events",
        /// Marks of other files in a trail's bucket.
        insight_details: Present = "insightDetails",
        digest: Present = "digestS3Object",
        digest_start: Present = "digestStartTime",
        time_window: Present = "timeWindow",
    }
}

/// A JSON object that is no event of a principal, and was passed over. Not a fault of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SkipReason {
    /// A digest file of log file integrity validation.
    Digest,
    /// A CloudTrail Insights event.
    Insight,
    /// An aggregated event: a summary of five minutes.
    Aggregated,
    /// JSON of another kind, such as another EventBridge event or an S3 notification.
    NotCloudTrail,
}

impl SkipReason {
    /// A stable word for output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::Insight => "insight",
            Self::Aggregated => "aggregated",
            Self::NotCloudTrail => "not CloudTrail",
        }
    }
}

/// The record cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordFault {
    /// The text is not JSON.
    #[error("not readable as JSON: {0}")]
    Json(String),
    /// The JSON value is no object.
    #[error("not a JSON object")]
    NotAnObject,
    /// A field that every record has is missing, empty or of another type.
    #[error("no usable `{0}`")]
    MissingField(&'static str),
    /// The event time is no time.
    #[error("`eventTime` is no time: `{0}`")]
    BadTime(String),
    /// A name in the record holds characters that are no text.
    #[error("`{0}` holds characters that are no text")]
    DamagedName(&'static str),
}

/// Result of reading one JSON object.
#[derive(Debug, Clone)]
pub enum ParsedRecord<'a> {
    /// A CloudTrail record.
    Record(Box<Record<'a>>),
    /// Something that is no event of a principal.
    Skipped(SkipReason),
}

/// Reads the text of one record (no wrapper: see [`crate::read`] for those).
pub fn parse_record(text: &str) -> Result<ParsedRecord<'_>, RecordFault> {
    let (raw, odd) = RawRecord::parse(text)?;
    match classify(raw, odd)? {
        Classified::Record(record) => Ok(ParsedRecord::Record(Box::new(record))),
        Classified::Skipped(reason) => Ok(ParsedRecord::Skipped(reason)),
    }
}

#[expect(
    clippy::large_enum_variant,
    reason = "one lives at a time, on the stack; a box would cost an allocation for each record"
)]
pub(crate) enum Classified<'a> {
    Record(Record<'a>),
    Skipped(SkipReason),
}

impl<'a> RawRecord<'a> {
    /// Reads one object. Fails only on broken JSON or another kind of value.
    pub(crate) fn parse(text: &'a str) -> Result<(Self, OddFields), RecordFault> {
        let mut odd = OddFields::default();
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let raw = serde::de::DeserializeSeed::deserialize(
            Seed::<Option<RawRecord<'a>>>::new("record", &mut odd),
            &mut deserializer,
        )
        .and_then(|raw| deserializer.end().map(|()| raw))
        .map_err(|error| RecordFault::Json(error.to_string()))?;
        raw.map(|raw| (raw, odd)).ok_or(RecordFault::NotAnObject)
    }

    /// True if any of the three fields that make an event is there.
    pub(crate) fn is_event_like(&self) -> bool {
        self.event_name.is_some() || self.event_source.is_some() || self.event_time.is_some()
    }

    /// True if [`classify`] can say what the object is: it looks like a whole record, or like what else a
    /// trail delivers.
    pub(crate) fn is_plain(&self) -> bool {
        match other_kind(self) {
            Some(reason) => reason != SkipReason::NotCloudTrail,
            None => self.event_name.is_some() && self.event_source.is_some() && !self.whole_record.0,
        }
    }

    /// How many of the three fields that make an event are there.
    pub(crate) fn core_fields(&self) -> usize {
        [&self.event_time, &self.event_source, &self.event_name].iter().filter(|field| field.is_some()).count()
    }

    /// A name in the record that was damaged on the way, without which nobody knows who did what.
    fn damaged_name(&self) -> Option<&'static str> {
        let identity = &self.user_identity;
        let issuer = identity.session_issuer();
        let scope = identity.in_scope_of.as_ref();
        [
            ("eventSource", &self.event_source),
            ("eventName", &self.event_name),
            ("userIdentity.type", &identity.type_),
            ("userIdentity.principalId", &identity.principal_id),
            ("userIdentity.arn", &identity.arn),
        ]
        .into_iter()
        .chain(issuer.map(|issuer| ("sessionIssuer.principalId", &issuer.principal_id)))
        .chain(issuer.map(|issuer| ("sessionIssuer.arn", &issuer.arn)))
        .chain(scope.map(|scope| ("inScopeOf.credentialsIssuedTo", &scope.credentials_issued_to)))
        .find_map(|(name, text)| text.as_deref().is_some_and(is_damaged).then_some(name))
    }
}

/// Decides what a raw object is; wrappers must have been looked at before.
pub(crate) fn classify(raw: RawRecord<'_>, odd: OddFields) -> Result<Classified<'_>, RecordFault> {
    if let Some(reason) = other_kind(&raw) {
        return Ok(Classified::Skipped(reason));
    }
    if let Some(name) = raw.damaged_name() {
        return Err(RecordFault::DamagedName(name));
    }
    let event_source = required(raw.event_source, "eventSource")?;
    let event_name = required(raw.event_name, "eventName")?;
    let event_time = event_time(raw.event_time, raw.timestamp)?;
    Ok(Classified::Record(Record {
        event_time,
        event_source,
        event_name,
        aws_region: raw.aws_region,
        error_code: raw.error_code.filter(|code| !code.is_empty()),
        error_message: raw.error_message,
        user_agent: raw.user_agent,
        source_ip_address: raw.source_ip_address,
        event_id: raw.event_id,
        event_type: raw.event_type,
        event_category: raw.event_category,
        event_version: raw.event_version,
        read_only: raw.read_only,
        management_event: raw.management_event,
        recipient_account_id: raw.recipient_account_id,
        shared_event_id: raw.shared_event_id,
        vpc_endpoint_id: raw.vpc_endpoint_id,
        user_identity: raw.user_identity,
        request_parameters: raw.request_parameters.map(LazyJson::new),
        response_elements: raw.response_elements.map(LazyJson::new),
        additional_event_data: raw.additional_event_data,
        resources: raw.resources,
        odd_fields: odd.0,
    }))
}

fn other_kind(raw: &RawRecord<'_>) -> Option<SkipReason> {
    if raw.digest.0 || raw.digest_start.0 {
        return Some(SkipReason::Digest);
    }
    let (category, event_type) = (raw.event_category.as_deref(), raw.event_type.as_deref());
    if category == Some("Insight") || event_type == Some("AwsCloudTrailInsight") || raw.insight_details.0 {
        return Some(SkipReason::Insight);
    }
    if category == Some("Aggregated")
        || event_type == Some("AwsAggregatedEvent")
        || (raw.time_window.0 && raw.event_name.is_none())
    {
        return Some(SkipReason::Aggregated);
    }
    if !raw.is_event_like() {
        return Some(SkipReason::NotCloudTrail);
    }
    // S3 and SES notifications also come as `Records` with these three keys.
    let source = raw.event_source.as_deref().unwrap_or_default();
    (source.starts_with("aws:") || source.ends_with(".aliyuncs.com")).then_some(SkipReason::NotCloudTrail)
}

fn required<'a>(field: Option<Text<'a>>, name: &'static str) -> Result<Text<'a>, RecordFault> {
    field.filter(|text| !text.trim().is_empty()).ok_or(RecordFault::MissingField(name))
}

fn event_time(field: Option<Text<'_>>, stand_in: Option<Text<'_>>) -> Result<Timestamp, RecordFault> {
    let time = required(field, "eventTime")
        .and_then(|text| parse_time(&text).ok_or_else(|| RecordFault::BadTime(text.chars().take(40).collect())));
    time.or_else(|fault| stand_in.and_then(|text| parse_time(&text)).ok_or(fault))
}
