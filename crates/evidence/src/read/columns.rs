//! Records as the columns of a table: names in lower or snake case, JSON as text.
//!
//! Amazon Athena and the event data stores of CloudTrail name columns in lower case (CloudTrail User Guide,
//! "Supported SQL schemas for event data stores"; Athena User Guide, "Query AWS CloudTrail logs"), and
//! exports of them as JSON keep these names. Only rows with a whole record are read: a row that lacks its
//! identity or whose parameters are no JSON would hide what was called on what.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

/// The members of an object. A repeated key keeps its last value.
pub(super) type Members<'t> = BTreeMap<String, &'t RawValue>;

/// What the columns of a row give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Columns {
    /// The JSON of a record.
    Record(String),
    /// Parts of a record; the text says what is missing.
    Partial(&'static str),
    /// No fields of a record.
    None,
}

const INCOMPLETE: &str =
    "a row without the whole event; select the raw event (`eventJson`, `@message`), or give the files of the trail";
const NO_PARAMETERS: &str =
    "a row whose parameters are no JSON as the trail wrote it; select the raw event, or give the files of the trail";

/// Fields of a record with a plain value.
const PLAIN: &[&str] = &[
    "eventVersion",
    "eventTime",
    "@timestamp",
    "eventSource",
    "eventName",
    "awsRegion",
    "sourceIPAddress",
    "userAgent",
    "errorCode",
    "errorMessage",
    "eventID",
    "eventType",
    "eventCategory",
    "readOnly",
    "managementEvent",
    "recipientAccountId",
    "sharedEventID",
    "vpcEndpointId",
];
/// Fields of a record whose inner names are those of an API.
const PARAMETERS: &[&str] = &["requestParameters", "responseElements", "additionalEventData"];
/// Fields of a record with names of CloudTrail inside.
const NESTED: &[&str] = &["userIdentity", "resources"];
/// Names inside those.
const INNER: &[&str] = &[
    "type",
    "principalId",
    "arn",
    "accountId",
    "accessKeyId",
    "userName",
    "invokedBy",
    "sessionContext",
    "sessionIssuer",
    "inScopeOf",
    "issuerType",
    "credentialsIssuedTo",
    "credentialsIssuedToVersion",
    "ARNPrefix",
];

/// The text of a member that is a string.
pub(super) fn text_of(members: &Members<'_>, name: &str) -> Option<String> {
    serde_json::from_str(members.get(name)?.get()).ok()
}

/// The record in the columns of a row.
pub(super) fn record_of(members: &Members<'_>) -> Columns {
    let mut fields: Vec<(&str, String)> = Vec::new();
    let mut has_identity = false;
    for (name, raw) in members {
        let value = if let Some(field) = known(PLAIN, name) {
            (field, raw.get().to_owned())
        } else if let Some(field) = known(NESTED, name) {
            let Some(value) = unquoted(raw).map(|value| renamed(&value, 0)) else {
                return Columns::Partial(INCOMPLETE);
            };
            has_identity |= field == "userIdentity" && value.starts_with('{');
            (field, value)
        } else if let Some(field) = known(PARAMETERS, name) {
            match unquoted(raw) {
                // Names of parameters that went through lower case, too, are none of the API's.
                Some(value) if raw.get().starts_with('"') || is_empty(&value) || has_capital(&value) => (field, value),
                _ => return Columns::Partial(NO_PARAMETERS),
            }
        } else {
            continue;
        };
        fields.push(value);
    }
    let has = |name: &str| fields.iter().any(|(field, _)| *field == name);
    let core = ["eventSource", "eventName", "eventTime"].iter().filter(|name| has(name)).count();
    let has_time = has("eventTime") || has("@timestamp");
    match core {
        0 => Columns::None,
        _ if has("eventSource") && has("eventName") && has_time && has_identity && has("requestParameters") => {
            let fields: Vec<String> = fields.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            Columns::Record(format!("{{{}}}", fields.join(",")))
        }
        _ => Columns::Partial(INCOMPLETE),
    }
}

/// The name that CloudTrail gives a column.
fn known(names: &[&'static str], column: &str) -> Option<&'static str> {
    let plain: String = column.chars().filter(|c| !matches!(c, '_' | ' ')).collect();
    names.iter().find(|name| name.eq_ignore_ascii_case(&plain)).copied()
}

/// The JSON of a column that holds JSON, or JSON as text; `None` for another text. An empty text is `null`.
fn unquoted(raw: &RawValue) -> Option<String> {
    if !raw.get().starts_with('"') {
        return Some(raw.get().to_owned());
    }
    let text: String = serde_json::from_str(raw.get()).ok()?;
    if text.trim().is_empty() {
        return Some("null".to_owned());
    }
    let value: &RawValue = serde_json::from_str(&text).ok()?;
    (value.get() == "null" || value.get().starts_with(['{', '['])).then(|| value.get().to_owned())
}

/// The JSON with the names of CloudTrail.
fn renamed(json: &str, depth: usize) -> String {
    if depth < 5 {
        if let Ok(members) = serde_json::from_str::<Members<'_>>(json) {
            let members: Vec<String> = members
                .iter()
                .filter_map(|(name, raw)| Some((known(INNER, name)?, raw)))
                .map(|(name, raw)| format!("\"{name}\":{}", renamed(raw.get(), depth + 1)))
                .collect();
            return format!("{{{}}}", members.join(","));
        }
        if let Ok(values) = serde_json::from_str::<Vec<&RawValue>>(json) {
            let values: Vec<String> = values.iter().map(|raw| renamed(raw.get(), depth + 1)).collect();
            return format!("[{}]", values.join(","));
        }
    }
    json.to_owned()
}

fn is_empty(json: &str) -> bool {
    json == "null" || json.strip_prefix('{').is_some_and(|rest| rest.trim_start().starts_with('}'))
}

/// True if a name of the object holds a capital letter.
fn has_capital(json: &str) -> bool {
    serde_json::from_str::<Members<'_>>(json)
        .is_ok_and(|members| members.keys().any(|name| name.bytes().any(|byte| byte.is_ascii_uppercase())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Columns {
        record_of(&serde_json::from_str(json).unwrap())
    }

    const ROW: &str = r#""eventtime":"2026-09-01 10:00:00","event_source":"s3.amazonaws.com","eventname":"GetObject","useridentity":{"type":"AssumedRole","principalid":"AROAX:f","sessioncontext":{"sessionissuer":{"username":"r","arn":"a"},"attributes":{}}}"#;

    #[test]
    fn a_whole_row_is_a_record() {
        let row = format!(r#"{{{ROW},"requestparameters":"{{\"bucketName\":\"b\",\"key\":\"k\"}}","extra":1}}"#);
        let Columns::Record(text) = of(&row) else { panic!("{row}") };
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            value,
            serde_json::json!({
                "eventTime": "2026-09-01 10:00:00",
                "eventSource": "s3.amazonaws.com",
                "eventName": "GetObject",
                "userIdentity": {
                    "type": "AssumedRole",
                    "principalId": "AROAX:f",
                    "sessionContext": {"sessionIssuer": {"userName": "r", "arn": "a"}},
                },
                "requestParameters": {"bucketName": "b", "key": "k"},
            })
        );
        for parameters in ["null", "\"null\"", "\"\"", "{}", r#"{"bucketName":"b"}"#] {
            let row = format!(r#"{{{ROW},"request_parameters":{parameters}}}"#);
            assert!(matches!(of(&row), Columns::Record(_)), "{row}");
        }
    }

    #[test]
    fn a_row_that_hides_something_is_none() {
        let presto = r#""{type=AssumedRole, principalid=AROAX:f}""#;
        for (row, why) in [
            (format!("{{{ROW}}}"), INCOMPLETE),
            (format!(r#"{{{ROW},"requestparameters":{{"bucketname":"b"}}}}"#), NO_PARAMETERS),
            (format!(r#"{{{ROW},"requestparameters":"{{bucketName=b}}"}}"#), NO_PARAMETERS),
            (r#"{"eventname":"A","eventtime":"t"}"#.to_owned(), INCOMPLETE),
            (
                format!(
                    r#"{{"eventname":"A","eventtime":"t","eventsource":"s","requestparameters":null,"useridentity":{presto}}}"#
                ),
                INCOMPLETE,
            ),
        ] {
            assert_eq!(of(&row), Columns::Partial(why), "{row}");
        }
        assert_eq!(of(r#"{"time":1,"name":"x"}"#), Columns::None);
    }
}
