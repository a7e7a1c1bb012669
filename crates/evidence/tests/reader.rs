//! The reader on damaged files: nothing panics, everything is accounted for, and no record goes silently.

use proptest::prelude::*;
use serde_json::{Value, json};
use whittle_evidence::read::digest::{PublicKeys, parse_digest};
use whittle_evidence::read::{
    FileKind, FileReport, IssueKind, Limits, parse_digest_key, parse_key, read_bytes, read_filtered,
};

fn record(name: &str) -> Value {
    json!({
        "eventVersion": "1.10", "eventTime": "2026-09-01T10:00:00Z", "eventSource": "sqs.amazonaws.com",
        "eventName": name, "awsRegion": "eu-west-1", "userAgent": "exec-env/AWS_Lambda_python3.12 é\t\"",
        "userIdentity": {"type": "AssumedRole", "principalId": "AROAEXAMPLE1:f", "arn": "arn:aws:sts::111122223333:assumed-role/r/f",
            "sessionContext": {"sessionIssuer": {"type": "Role", "principalId": "AROAEXAMPLE1"}}},
        "requestParameters": {"queueName": "q", "count": 1.5}, "responseElements": null, "readOnly": false,
    })
}

/// Files with two records each, one a shape.
fn files() -> Vec<String> {
    let (a, b) = (record("A"), record("B"));
    let message = |record: &Value| json!({"id": "1", "timestamp": 1, "message": record.to_string()});
    let delivery = |record: &Value| json!({"messageType": "DATA_MESSAGE", "logEvents": [message(record)]});
    let row = |record: &Value| json!([{"field": "@message", "value": record.to_string()}]);
    let bridge = |record: &Value| json!({"detail-type": "AWS API Call via CloudTrail", "detail": record});
    let cell = |record: &Value| record.to_string().replace('"', "\"\"");
    vec![
        json!({"Records": [a, b]}).to_string(),
        json!([a, b]).to_string(),
        format!("{a}\n{b}\n"),
        format!("{a}{b}"),
        json!({"Events": [{"CloudTrailEvent": a.to_string()}, {"CloudTrailEvent": b.to_string()}]}).to_string(),
        format!("{}{}", delivery(&a), delivery(&b)),
        json!({"events": [message(&a), message(&b)]}).to_string(),
        json!({"results": [row(&a), row(&b)]}).to_string(),
        json!({"QueryResultRows": [[{"eventJson": a.to_string()}], [{"eventJson": b.to_string()}]]}).to_string(),
        format!("{}\n{}", bridge(&a), bridge(&b)),
        json!({"Records": [{"eventSource": "aws:sqs", "body": bridge(&a).to_string()}, b]}).to_string(),
        json!({"hits": {"hits": [{"_source": a}, {"_source": {"event": {"original": b.to_string()}}}]}}).to_string(),
        format!("eventTime,eventJson\nt,\"{}\"\nt,\"{}\"\n", cell(&a), cell(&b)),
    ]
}

/// Reads the bytes, and checks what holds of any report.
fn read(bytes: &[u8]) -> FileReport {
    let limits = Limits { max_inflated_bytes: 1 << 20, ..Limits::default() };
    let mut indices = Vec::new();
    let report = read_bytes("f", bytes, &limits, &mut |read| {
        indices.push(read.index);
        let _ = read.record.request_parameters.as_ref().map(|parameters| parameters.value().is_object());
    });
    assert_eq!(indices.len() as u64, report.records);
    assert!(indices.is_sorted_by(|a, b| a < b) && indices.iter().all(|index| *index < report.total()), "{indices:?}");
    let named = [IssueKind::UnreadableRecord, IssueKind::LostRecord, IssueKind::UnknownShape];
    assert_eq!(named.iter().filter_map(|kind| report.issue_counts.get(kind)).sum::<u64>(), report.unreadable);
    let held_back = read_filtered("f", bytes, &limits, Some(&|_| false), &mut |_| ());
    assert_eq!(held_back.records, 0);
    report
}

fn is_doubted(report: &FileReport) -> bool {
    // An entry of event history without its event is counted as such by whoever asked for it.
    report.issue_counts.keys().any(|kind| kind.loses_records())
}

#[test]
fn whole_files_hold_two_records() {
    for file in files() {
        let report = read(file.as_bytes());
        assert_eq!((report.records, report.issues.len()), (2, 0), "{file}\n{report:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_500) })]

    #[test]
    fn a_damaged_file_loses_nothing_in_silence(
        file in prop::sample::select(files()),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..4), 1..4),
    ) {
        let mut bytes = file.into_bytes();
        for (at, byte, edit) in edits {
            let at = at.index(bytes.len());
            match edit {
                0 => { bytes.remove(at); }
                1 => bytes.insert(at, byte),
                2 => bytes[at] = byte,
                _ => bytes[at] = byte % 0x5f + 0x20,
            }
        }
        let report = read(&bytes);
        let shown = String::from_utf8_lossy(&bytes);
        prop_assert!(report.records >= 2 || is_doubted(&report), "{shown}\n{report:?}");
    }

    #[test]
    fn a_cut_file_loses_nothing_in_silence(file in prop::sample::select(files()), at in any::<prop::sample::Index>()) {
        let cut = &file.as_bytes()[..at.index(file.trim_end().len())];
        let report = read(cut);
        let shown = String::from_utf8_lossy(cut);
        // Between two documents or rows nothing tells that another one followed.
        let may_end = matches!(report.kind, FileKind::Lines | FileKind::Table | FileKind::Single | FileKind::Empty);
        let is_between = may_end && report.records == shown.matches("eventVersion").count() as u64;
        prop_assert!(report.records >= 2 || is_doubted(&report) || is_between, "{shown}\n{report:?}");
    }

    #[test]
    fn any_text_is_accounted_for(text in "[\\[\\]{}\",:\\\\ueEvntRcodsmg0-9\n .-]{0,80}") {
        let report = read(text.as_bytes());
        let is_empty_list = report.total() == 0 && serde_json::from_str::<Value>(&text).is_ok();
        prop_assert!(report.total() > 0 || !report.issues.is_empty() || is_empty_list || text.contains('['), "{text:?}");
        let _ = (parse_digest(&text), PublicKeys::parse(&text), parse_key(&text), parse_digest_key(&text));
    }
}
