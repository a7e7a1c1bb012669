//! Records inside something else.
//!
//! | envelope | where from |
//! |---|---|
//! | `{"messageType", "logEvents": [{"message": "…"}]}` | a subscription of a CloudWatch log group (CloudWatch Logs User Guide, "Real-time processing of log data with subscriptions"); Firehose writes one after another |
//! | `{"awslogs": {"data": "…"}}` | the same for Lambda: gzip in base64 (Lambda Developer Guide, "Process CloudWatch Logs with Lambda") |
//! | `{"events": [{"message": "…"}]}` | FilterLogEvents, GetLogEvents (CloudWatch Logs API Reference) |
//! | `{"results": [[{"field", "value"}]]}` | GetQueryResults (CloudWatch Logs API Reference); the column `@message` |
//! | `{"QueryResultRows": [[{"eventJson": "…"}]]}` | GetQueryResults (CloudTrail API Reference) |
//! | `{"detail-type", "detail": record}` | EventBridge (EventBridge User Guide, "AWS service events delivered via CloudTrail") |
//! | `{"Records": [{"body": "…"}]}`, `[{"Sns": {"Message": "…"}}]`, `[{"kinesis": {"data": "…"}}]` | events of Lambda functions (Lambda Developer Guide, one page a service) |
//! | `{"hits": {"hits": [{"_source": …}]}}`, `{"event": {"original": "…"}}` | Elasticsearch and OpenSearch (Elastic Common Schema, "Event fields") |
//! | `{"result": {"_raw": "…"}}` | searches of Splunk, exported as JSON |
//!
//! An envelope may hold another one. The records show use, and prove nothing by absence.

use std::borrow::Cow;

use serde_json::value::{RawValue, to_raw_value};

use super::columns::{self, Columns, Members, text_of};
use super::document::{DocumentReader, kind_of_loss};
use super::report::{IssueKind, RecordOrigin};
use super::table::Table;
use crate::base64;
use crate::record::{OddFields, RawRecord, RecordFault, SkipReason, mend};

/// Envelopes inside each other; what AWS nests is at most four deep.
const MAX_DEPTH: usize = 8;

/// Members that hold a list of further values, or an object with such a list.
const LISTS: &[&str] =
    &["Records", "records", "Events", "events", "logEvents", "results", "QueryResultRows", "hits", "Messages"];

/// Members that hold one further value, as an object or as JSON text. The surest first.
const CARRIERS: &[&str] = &[
    "CloudTrailEvent",
    "eventJson",
    "eventjson",
    "event_json",
    "eventData",
    "eventdata",
    "event_data",
    "@message",
    "_raw",
    "raw_data",
    "_source",
    "original",
    "event.original",
    "message",
    "Message",
    "body",
    "Body",
    "Sns",
    "kinesis",
    "awslogs",
    "data",
    "result",
    "event",
    "record",
    "log",
    "detail",
];

impl DocumentReader<'_> {
    /// Takes an element that is no plain record: what it wraps, or the fact that nobody knows.
    pub(super) fn open(&mut self, text: &str) {
        self.report.has_envelopes = true;
        if text.starts_with('[') { self.open_row(text, 0) } else { self.open_value(text, 0) }
    }

    fn open_value(&mut self, text: &str, depth: usize) {
        let text = &*mend(text.trim());
        if depth > MAX_DEPTH {
            self.unknown("values nested too deeply");
        } else if text.starts_with('{') {
            self.open_object(text, depth);
        } else if text.starts_with('[') {
            match serde_json::from_str::<Vec<&RawValue>>(text) {
                Ok(values) => self.open_elements(&values, depth),
                Err(error) => self.refuse(&RecordFault::Json(error.to_string()), IssueKind::LostRecord),
            }
        } else if let Ok(inner) = serde_json::from_str::<String>(text) {
            self.open_text(&inner, depth + 1);
        } else {
            self.unknown("no object, but a plain value");
        }
    }

    /// Takes the JSON documents that stand one after another in a text.
    fn open_text(&mut self, text: &str, depth: usize) {
        self.report.has_envelopes = true;
        if !is_json_like(text) {
            return self.unknown("text that is no JSON");
        }
        let text = mend(text);
        let mut documents = serde_json::Deserializer::from_str(&text).into_iter::<&RawValue>();
        for document in documents.by_ref() {
            match document {
                Ok(raw) => self.open_value(raw.get(), depth),
                Err(error) => return self.refuse(&RecordFault::Json(error.to_string()), IssueKind::LostRecord),
            }
        }
    }

    fn open_elements(&mut self, values: &[&RawValue], depth: usize) {
        for value in values {
            let text = value.get();
            if text.starts_with('[') { self.open_row(text, depth + 1) } else { self.open_value(text, depth + 1) }
        }
    }

    /// Takes a row of a query result: a list of its columns.
    fn open_row(&mut self, text: &str, depth: usize) {
        let text = mend(text);
        let Ok(columns) = serde_json::from_str::<Vec<Members<'_>>>(&text) else {
            return self.open_value(&text, depth + 1);
        };
        let mut members = Members::new();
        for column in columns {
            match (column.get("field"), column.get("value")) {
                (Some(field), Some(value)) => {
                    let field = serde_json::from_str(field.get()).unwrap_or_default();
                    members.insert(field, value);
                }
                _ => members.extend(column),
            }
        }
        self.open_members(&members, depth);
    }

    fn open_object(&mut self, text: &str, depth: usize) {
        match RawRecord::parse(text) {
            Ok((raw, odd)) if raw.is_plain() => self.hand_on_opened(text, raw, odd),
            Ok((raw, odd)) => match serde_json::from_str::<Members<'_>>(text) {
                Ok(members) if raw.is_event_like() && !is_wrapper(&members) => self.hand_on_opened(text, raw, odd),
                Ok(members) => self.open_members(&members, depth),
                Err(error) => self.refuse(&RecordFault::Json(error.to_string()), IssueKind::LostRecord),
            },
            Err(fault) => self.refuse(&fault, IssueKind::LostRecord),
        }
    }

    fn hand_on_opened(&mut self, text: &str, raw: RawRecord<'_>, odd: OddFields) {
        if !self.is_held_back(text) {
            self.hand_on(raw, odd, RecordOrigin::Other);
        }
    }

    fn open_members(&mut self, members: &Members<'_>, depth: usize) {
        if let Some(raw) = members.get("detail")
            && members.contains_key("detail-type")
        {
            return self.open_detail(members, raw);
        }
        if holds_no_event(members) || depth == 0 && members.is_empty() {
            return self.skip(SkipReason::NotCloudTrail);
        }
        let lists: Vec<&str> = LISTS
            .iter()
            .filter_map(|name| members.get(*name))
            .map(|raw| raw.get())
            .filter(|text| is_list(text))
            .collect();
        if !lists.is_empty() {
            return lists.into_iter().filter(|list| *list != "null").for_each(|list| self.open_value(list, depth + 1));
        }
        if let Some((name, text)) = carried(members) {
            return if name == "data" { self.open_data(&text, depth + 1) } else { self.open_text(&text, depth + 1) };
        }
        if let Some(source) = text_of(members, "eventSource").filter(|source| source.starts_with("aws:")) {
            // Queues and streams carry what somebody put there; other notifications speak for themselves.
            let carries = matches!(&*source, "aws:sqs" | "aws:sns" | "aws:kinesis");
            return if carries { self.unknown(looks_like(members)) } else { self.skip(SkipReason::NotCloudTrail) };
        }
        match columns::record_of(members) {
            Columns::Record(text) => match RawRecord::parse(&text) {
                Ok((raw, odd)) => self.hand_on_opened(&text, raw, odd),
                Err(fault) => self.refuse(&fault, IssueKind::LostRecord),
            },
            Columns::Partial(why) => self.unknown(why),
            Columns::None => self.unknown(looks_like(members)),
        }
    }

    /// EventBridge carries events of all services; only CloudTrail's have the fields of a record.
    fn open_detail(&mut self, members: &Members<'_>, detail: &RawValue) {
        let is_ours = text_of(members, "detail-type").is_some_and(|kind| kind.ends_with("via CloudTrail"));
        match RawRecord::parse(detail.get()) {
            Ok((raw, odd)) if raw.is_plain() || kind_of_loss(&raw) == IssueKind::LostRecord => {
                self.hand_on_opened(detail.get(), raw, odd);
            }
            Err(fault @ RecordFault::Json(_)) => self.refuse(&fault, IssueKind::LostRecord),
            _ if is_ours => self.unknown("an EventBridge event without the record of its call"),
            _ => self.skip(SkipReason::NotCloudTrail),
        }
    }

    /// Takes the rows of a table.
    pub(super) fn read_table(&mut self, table: Table<'_>) {
        let whole = table.whole_record();
        let Table { names, mut rows } = table;
        self.report.has_envelopes = true;
        for row in rows.by_ref() {
            if row.len() != names.len() {
                self.unknown("a row with more or fewer values than the line of names");
                continue;
            }
            if let Some(text) = whole.and_then(|at| row.get(at)) {
                self.open_text(text, 1);
                continue;
            }
            let values: Vec<Box<RawValue>> = row.iter().filter_map(|value| to_raw_value(value).ok()).collect();
            let members: Members<'_> =
                names.iter().map(ToString::to_string).zip(values.iter().map(|value| &**value)).collect();
            self.open_members(&members, 1);
        }
        if rows.is_cut {
            self.report.issue(None, IssueKind::Truncated, "the last value has no closing quote");
        }
    }

    /// Takes what stands in base64, compressed or not.
    fn open_data(&mut self, text: &str, depth: usize) {
        let Some(bytes) = base64::decode(text) else { return self.open_text(text, depth) };
        let inflated = super::inflate::inflate(&bytes, self.inflate_left, &mut self.report);
        if matches!(inflated, Cow::Owned(_)) {
            self.inflate_left = self.inflate_left.saturating_sub(inflated.len());
        }
        let text = super::to_text(inflated, &mut self.report);
        self.open_text(&text, depth);
    }
}

/// True if the value can hold further ones; a list may be written as `null` when it is empty.
fn is_list(json: &str) -> bool {
    json.starts_with(['[', '{']) || json == "null"
}

fn is_json_like(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
}

/// The surest of the members that carry further JSON: its name, and that JSON or what stands for it.
fn carried(members: &Members<'_>) -> Option<(&'static str, String)> {
    CARRIERS.iter().find_map(|name| {
        let json = members.get(*name)?.get();
        let text = if json.starts_with('"') { serde_json::from_str(json).ok()? } else { json.to_owned() };
        let is_encoded = *name == "data" && base64::decode(&text).is_some_and(|bytes| !bytes.is_empty());
        (is_json_like(&text) || is_encoded).then_some((*name, text))
    })
}

/// True if the object holds a record beside fields of it, as rows of query results do.
fn is_wrapper(members: &Members<'_>) -> bool {
    let is_notification = text_of(members, "eventSource").is_some_and(|source| source.starts_with("aws:"));
    is_notification || carried(members).is_some()
}

/// True for what AWS puts into files and queues and what holds no event of a principal.
fn holds_no_event(members: &Members<'_>) -> bool {
    let has = |name: &str| members.contains_key(name);
    // CloudWatch Logs User Guide, "Subscription filters": it checks whether the destination can be reached.
    text_of(members, "messageType").is_some_and(|kind| kind == "CONTROL_MESSAGE")
        // CloudTrail User Guide, "Configuring Amazon SNS notifications for CloudTrail": names files.
        || has("s3Bucket") && has("s3ObjectKey")
        // S3 User Guide, "Event message structure": sent once, when notifications are switched on.
        || text_of(members, "Event").is_some_and(|event| event == "s3:TestEvent")
        // AWS Config Developer Guide, "Example configuration snapshot"; "Example events for AWS Config
        // rules".
        || has("configurationItems") && (has("fileVersion") || has("configSnapshotId"))
        || has("configRuleId") && has("invokingEvent")
}

/// What an object of an unknown kind looks like, and what to give in its place.
fn looks_like(members: &Members<'_>) -> &'static str {
    let has = |name: &str| members.contains_key(name);
    if has("class_uid") || has("class_name") && has("metadata") {
        // OCSF schema, "Base event"; Security Lake User Guide, "Open Cybersecurity Schema Framework".
        "an OCSF event as Security Lake writes it; give the files of the trail"
    } else if has("aws.cloudtrail.event_version") || has("@timestamp") && (has("ecs") || has("aws") || has("agent")) {
        "an event of the Elastic Common Schema without `event.original`; give that, or the files of the trail"
    } else if has("message") || has("@message") {
        "a log event that holds no record; give the log group of the trail, or its files"
    } else if has("logFiles") || has("s3Bucket") {
        "a list of files; give the files themselves"
    } else {
        "JSON of an unknown kind; give the files of the trail"
    }
}

#[cfg(test)]
mod tests;
