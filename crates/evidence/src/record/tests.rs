use super::*;

fn record(text: &str) -> Record<'_> {
    match parse_record(text).unwrap() {
        ParsedRecord::Record(record) => *record,
        ParsedRecord::Skipped(reason) => panic!("skipped: {reason:?}"),
    }
}

const BASE: &str = r#""eventTime":"2026-09-01T10:02:07Z","eventSource":"s3.amazonaws.com","eventName":"GetObject""#;

#[test]
fn strings_borrow_unless_they_hold_an_escape() {
    let text = format!(r#"{{{BASE},"awsRegion":"eu-central-1","userAgent":"a\"b"}}"#);
    let record = record(&text);
    assert!(record.event_name.is_borrowed() && record.aws_region.as_ref().unwrap().is_borrowed());
    assert!(!record.user_agent.as_ref().unwrap().is_borrowed());
    assert_eq!(record.user_agent.as_deref(), Some("a\"b"));
}

#[test]
fn odd_types_become_none_and_are_named() {
    let text = format!(
        r#"{{{BASE},"errorCode":7,"readOnly":"true","managementEvent":[],"userIdentity":"nobody","resources":[1,{{"arn":"x"}},"y"],"requestParameters":null,"responseElements":{{"a":1}}}}"#
    );
    let record = record(&text);
    assert_eq!(record.error_code, None);
    assert_eq!(record.read_only, Some(true));
    assert_eq!(record.resources.len(), 1);
    assert!(record.request_parameters.is_none());
    assert_eq!(record.response_elements.as_ref().map(LazyJson::text), Some(r#"{"a":1}"#));
    assert_eq!(record.odd_fields, ["error_code", "management_event", "user_identity", "resources"]);
}

#[test]
fn repeated_keys_keep_the_last_value() {
    let text = format!(r#"{{{BASE},"awsRegion":"us-east-1","awsRegion":"us-west-2"}}"#);
    assert_eq!(record(&text).aws_region.as_deref(), Some("us-west-2"));
}

#[test]
fn unusable_core_fields_are_faults() {
    let fault = |text: &str| parse_record(text).unwrap_err();
    assert_eq!(fault(r#"{"eventTime":"x","eventSource":"a","eventName":"b"}"#), RecordFault::BadTime("x".into()));
    assert_eq!(fault(r#"{"eventSource":"a","eventName":"b"}"#), RecordFault::MissingField("eventTime"));
    assert_eq!(
        fault(r#"{"eventTime":"2026-09-01T10:02:07Z","eventName":"b","eventSource":3}"#),
        RecordFault::MissingField("eventSource")
    );
    assert_eq!(fault("[]"), RecordFault::NotAnObject);
    assert!(matches!(fault("{"), RecordFault::Json(_)));
}

#[test]
fn other_files_of_a_trail_bucket_are_skipped() {
    let skip = |text: &str| match parse_record(text).unwrap() {
        ParsedRecord::Skipped(reason) => reason,
        ParsedRecord::Record(_) => panic!("a record"),
    };
    assert_eq!(skip(r#"{"digestStartTime":"x","logFiles":[]}"#), SkipReason::Digest);
    assert_eq!(skip(r#"{"eventTime":"x","eventCategory":"Insight"}"#), SkipReason::Insight);
    assert_eq!(skip(r#"{"eventSource":"s3.amazonaws.com","eventCategory":"Aggregated"}"#), SkipReason::Aggregated);
    assert_eq!(skip(r#"{"eventSource":"aws:s3","eventName":"ObjectCreated:Put"}"#), SkipReason::NotCloudTrail);
    assert_eq!(skip("{}"), SkipReason::NotCloudTrail);
}

#[test]
fn deep_nesting_is_no_stack_overflow() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let text = format!(r#"{{{BASE},"requestParameters":{deep}}}"#);
    assert!(record(&text).request_parameters.is_some());
    let text = format!(r#"{{{BASE},"errorCode":{deep}}}"#);
    // Either noted as odd or refused as too deep; never a crash.
    let _ = parse_record(&text);
}
