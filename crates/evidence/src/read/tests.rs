use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;
use crate::record::SkipReason;

const A: &str = r#"{"eventTime":"2026-09-01T10:00:00Z","eventSource":"s3.amazonaws.com","eventName":"A"}"#;
const B: &str = r#"{"eventTime":"2026-09-01T10:00:01Z","eventSource":"s3.amazonaws.com","eventName":"B"}"#;

fn read(bytes: &[u8]) -> (Vec<(u64, String)>, FileReport) {
    let mut seen = Vec::new();
    let report =
        read_bytes("f", bytes, &Limits::default(), &mut |r| seen.push((r.index, r.record.event_name.to_string())));
    assert_eq!(report.records, seen.len() as u64);
    (seen, report)
}

/// Names with their index, as `0A 1B`; then total; then the issue kinds.
#[track_caller]
fn check(bytes: impl AsRef<[u8]>, kind: FileKind, expect: &str, total: u64, issues: &[IssueKind]) -> FileReport {
    let (seen, report) = read(bytes.as_ref());
    let names: Vec<String> = seen.iter().map(|(index, name)| format!("{index}{name}")).collect();
    let text = String::from_utf8_lossy(bytes.as_ref()).chars().take(200).collect::<String>();
    assert_eq!((report.kind, names.join(" ").as_str()), (kind, expect), "{text}\n{:?}", report.issues);
    assert_eq!(report.total(), total, "{text}");
    assert_eq!(report.issues.iter().map(|issue| issue.kind).collect::<Vec<_>>(), issues, "{text}\n{:?}", report.issues);
    report
}

fn cut(text: &str, at: usize) -> &str {
    text.get(..at).unwrap()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn lookup(event: &str) -> String {
    format!(r#"{{"EventId":"x","CloudTrailEvent":{}}}"#, serde_json::to_string(event).unwrap())
}

#[test]
fn shapes_are_told_by_content() {
    check(format!(r#"{{"Records":[{A},{B}]}}"#), FileKind::Records, "0A 1B", 2, &[]);
    check(r#"{"Records":[]}"#, FileKind::Records, "", 0, &[]);
    check(format!(r#"{{"x":1,"Records":[{A}],"y":2}}"#), FileKind::Records, "0A", 1, &[]);
    check(A, FileKind::Single, "0A", 1, &[]);
    check(format!("[{A},{B}]"), FileKind::Array, "0A 1B", 2, &[]);
    check(format!("{A}\r\n\r\n  {B}\n"), FileKind::Lines, "0A 1B", 2, &[]);
    check(format!("{A}{B}{A}"), FileKind::Lines, "0A 1B 2A", 3, &[]);
    check(
        format!(r#"{{"Events":[{},{}],"NextToken":"t"}}"#, lookup(A), lookup(B)),
        FileKind::LookupEvents,
        "0A 1B",
        2,
        &[],
    );
    check(
        format!(r#"{{"version":"0","detail-type":"AWS API Call via CloudTrail","detail":{A}}}"#),
        FileKind::Single,
        "0A",
        1,
        &[],
    );
    check(
        format!("{{\"detail\":{A}}}\n{{\"detail\":{B}}}\n{{\"Records\":[{A}]}}"),
        FileKind::Lines,
        "0A 1B 2A",
        3,
        &[],
    );
    let pretty: serde_json::Value = serde_json::from_str(&format!(r#"{{"Records":[{A},{B}]}}"#)).unwrap();
    check(serde_json::to_string_pretty(&pretty).unwrap(), FileKind::Records, "0A 1B", 2, &[]);
    check(format!("{{\"Records\":[\n{A},\n{B}\n]}}"), FileKind::Records, "0A 1B", 2, &[]);
    check(format!("{{\"Records\":[{A}\n,{B}\n]}}"), FileKind::Records, "0A 1B", 2, &[]);
}

#[test]
fn what_holds_no_event_is_skipped_and_counted() {
    let report = check(r#"{"detail-type":"Scheduled Event","detail":{}}"#, FileKind::Single, "", 1, &[]);
    assert_eq!(report.skipped.get(&SkipReason::NotCloudTrail), Some(&1));
    let report = check(r#"{"digestS3Object":"x","logFiles":[{}]}"#, FileKind::Single, "", 1, &[]);
    assert_eq!(report.skipped.get(&SkipReason::Digest), Some(&1));
    let report = check(r#"{"Records":[{"eventCategory":"Insight","eventTime":"x"}]}"#, FileKind::Records, "", 1, &[]);
    assert_eq!(report.skipped.get(&SkipReason::Insight), Some(&1));
    check(r#"{"Records":[{"eventSource":"aws:s3","eventName":"ObjectCreated:Put"}]}"#, FileKind::Records, "", 1, &[]);
}

#[test]
fn what_nobody_knows_may_hold_records() {
    use IssueKind::UnknownShape;
    assert!(UnknownShape.loses_records());
    for text in
        ["{\"Records\":\"none\"}", "7", "\"text\"", "null", "{\"a\":{}}", "{\"eventTime\":\"2026-09-01T10:00:00Z\"}"]
    {
        check(text, FileKind::Single, "", 1, &[UnknownShape]);
    }
    check(format!("[{A},7,null,\"x\",[],{{\"a\":1}},{B}]"), FileKind::Array, "0A 6B", 7, &[UnknownShape; 4]);
    check(format!("{{\"a\":1}}\n{A}\n7\n{{}}"), FileKind::Lines, "1A", 4, &[UnknownShape; 2]);
    check(
        format!(r#"{{"Events":[{{"a":1}},{}]}}"#, lookup(A)),
        FileKind::LookupEvents,
        "1A",
        2,
        &[IssueKind::UnreadableRecord],
    );
    for text in ["{}", "[]", r#"{"Records":[]}"#, r#"{"Records":null}"#, r#"{"events":[],"nextToken":"t"}"#] {
        let (seen, report) = read(text.as_bytes());
        assert!(seen.is_empty() && report.issues.is_empty(), "{text}: {report:?}");
    }
}

#[test]
fn a_record_of_a_role_that_cannot_be_used_is_a_loss() {
    use IssueKind::{LostRecord, UnreadableRecord};
    assert!(LostRecord.loses_records());
    let role = r#""userIdentity":{"type":"AssumedRole","principalId":"AROAX:f"}"#;
    let record = |time: &str, identity: &str| {
        format!(r#"{{"Records":[{{"eventTime":"{time}","eventSource":"s","eventName":"X",{identity}}}]}}"#)
    };
    check(record("redacted", role), FileKind::Records, "", 1, &[LostRecord]);
    check(record("redacted", r#""userIdentity":{"type":"Root"}"#), FileKind::Records, "", 1, &[UnreadableRecord]);
    let time = "2026-09-01T10:00:00Z";
    for name in [r"AROAX:\ud800", r"AROAX:\ufffd", "AROAX:\u{7f}", "AROA\u{0}X:f"] {
        let identity = role.replace("AROAX:f", name);
        check(record(time, &identity), FileKind::Records, "", 1, &[LostRecord]);
    }
    check(record(time, role), FileKind::Records, "0X", 1, &[]);
}

#[test]
fn an_index_keeps_the_time_in_a_field_of_its_own() {
    let record = |fields: &str| format!(r#"{{{fields},"eventSource":"s","eventName":"X"}}"#);
    let lines = format!(
        "{}\n{}",
        record(r#""@timestamp":"2026-09-01T10:00:00.000Z""#),
        record(r#""@timestamp":"2026-09-02T10:00:00Z","eventTime":"2026-09-01T10:00:00Z""#)
    );
    let mut seen = Vec::new();
    let report = read_bytes("f", lines.as_bytes(), &Limits::default(), &mut |r| {
        seen.push((r.origin, r.record.event_time.to_string()));
    });
    let time = "2026-09-01T10:00:00Z".to_owned();
    assert_eq!(seen, [(RecordOrigin::Other, time.clone()), (RecordOrigin::Export, time)]);
    assert!(report.has_envelopes);
}

#[test]
fn one_bad_record_is_one_issue() {
    use IssueKind::{LostRecord, UnknownShape, UnreadableRecord};
    let timeless = r#"{"eventSource":"s","eventName":"X"}"#;
    let report = check(
        format!(r#"{{"Records":[{A},{timeless},{{"eventName":"x"}},{B}]}}"#),
        FileKind::Records,
        "0A 3B",
        4,
        &[UnreadableRecord, UnknownShape],
    );
    assert_eq!(report.issues.first().unwrap().index, Some(1));
    check(format!("{A}\n{{broken\n{B}"), FileKind::Lines, "0A 2B", 3, &[LostRecord]);
    check(format!("garbage\n{A}\n{B}"), FileKind::Lines, "1A 2B", 3, &[LostRecord]);
    check(
        format!(r#"{{"Events":[{},{{"EventId":"y"}}]}}"#, lookup(A)),
        FileKind::LookupEvents,
        "0A",
        2,
        &[UnreadableRecord],
    );
    check(
        format!(r#"{{"Events":[{},{}]}}"#, lookup("{"), lookup(B)),
        FileKind::LookupEvents,
        "1B",
        2,
        &[UnreadableRecord],
    );
}

#[test]
fn a_cut_file_keeps_what_came_before() {
    use IssueKind::{BrokenJson, Truncated};
    let whole = format!(r#"{{"Records":[{A},{B}]}}"#);
    let in_second = whole.len() - 20;
    check(cut(&whole, in_second), FileKind::Records, "0A", 1, &[Truncated]);
    check(format!(r#"{{"Records":[{A},]}}"#), FileKind::Records, "0A", 1, &[BrokenJson]);
    check(cut(A, 40), FileKind::NotJson, "", 0, &[Truncated]);
    check(format!("{A}\n{}", cut(B, 30)), FileKind::Lines, "0A", 2, &[IssueKind::LostRecord]);
}

#[test]
fn files_that_are_nothing() {
    check("", FileKind::Empty, "", 0, &[IssueKind::Empty]);
    check(" \n", FileKind::Empty, "", 0, &[IssueKind::Empty]);
    check("hello", FileKind::NotJson, "", 0, &[IssueKind::NotJson]);
    check("\u{feff}[]", FileKind::Array, "", 0, &[]);
}

#[test]
fn gzip_members_padding_and_damage() {
    let (one, two) = (format!(r#"{{"Records":[{A},"#), format!("{B}]}}"));
    let mut members = gzip(&one);
    members.extend(gzip(&two));
    check(&members, FileKind::Records, "0A 1B", 2, &[]);
    for padding in [1, 5, 512] {
        let mut padded = members.clone();
        padded.extend(vec![0; padding]);
        check(&padded, FileKind::Records, "0A 1B", 2, &[IssueKind::TrailingBytes]);
    }
    let mut other = members.clone();
    other.extend(b"not gzip at all");
    check(&other, FileKind::Records, "0A 1B", 2, &[IssueKind::TrailingBytes]);
    // Cut in the second member: what the first holds stays.
    let cut = &members[..members.len() - 30];
    let (seen, report) = read(cut);
    assert_eq!(seen.first().map(|(_, name)| name.as_str()), Some("A"));
    assert!(report.issue_counts.contains_key(&IssueKind::Truncated));
    assert!(report.issue_counts.keys().any(|kind| kind.loses_records()));
    check(&members[..3], FileKind::Empty, "", 0, &[IssueKind::Truncated]);
}

#[test]
fn inflating_is_bounded() {
    let bomb = gzip(&format!(r#"{{"Records":[{A},{}"#, " ".repeat(1_000_000)));
    let limits = Limits { max_inflated_bytes: 1000, ..Limits::default() };
    let mut count = 0;
    let report = read_bytes("f", &bomb, &limits, &mut |_| count += 1);
    assert_eq!((count, report.inflated_bytes), (1, 1000));
    assert!(report.issue_counts.contains_key(&IssueKind::TooLarge));
    let exact = gzip(A);
    let limits = Limits { max_inflated_bytes: A.len(), ..Limits::default() };
    assert!(read_bytes("f", &exact, &limits, &mut |_| ()).issues.is_empty());
}

#[test]
fn bytes_that_are_no_text_cost_no_record() {
    let mut bytes = format!(r#"{{"Records":[{A},"#).into_bytes();
    bytes.extend(B.replace("\"B\"", "\"B\",\"userAgent\":\"").into_bytes());
    bytes.pop();
    bytes.extend(b"\xff\"}]}");
    check(&bytes, FileKind::Records, "0A 1B", 2, &[IssueKind::InvalidUtf8]);
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(A.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    check(&utf16, FileKind::Single, "0A", 1, &[]);
}

#[test]
fn a_value_that_is_no_json_costs_no_record() {
    let with = |value: &str| B.replace("\"eventName\"", &format!("\"userAgent\":{value},\"eventName\""));
    for value in [r#""\ud800x""#, "\"a\tb\u{0}\"", r#""\x41""#, "NaN", "-Infinity", "1e999", "{\"a\":1,\"a\":2}"] {
        let odd = with(value);
        let lost = if value.starts_with(['{']) { vec![IssueKind::OddField] } else { Vec::new() };
        check(format!(r#"{{"Records":[{A},{odd},{A}]}}"#), FileKind::Records, "0A 1B 2A", 3, &lost);
        check(format!("[{odd},{A}]"), FileKind::Array, "0B 1A", 2, &lost);
        check(format!("{A}\n{odd}\n{A}"), FileKind::Lines, "0A 1B 2A", 3, &lost);
        check(format!("{odd}{A}{odd}"), FileKind::Lines, "0B 1A 2B", 3, &[lost.clone(), lost.clone()].concat());
        check(format!(r#"{{"Events":[{},{}]}}"#, lookup(&odd), lookup(A)), FileKind::LookupEvents, "0B 1A", 2, &lost);
    }
    // Beside the records, too; and deep nesting anywhere is passed over.
    check(format!(r#"{{"Records":[{A},{B}],"x":NaN}}"#), FileKind::Records, "0A 1B", 2, &[]);
    let deep = format!("{}{}", "[".repeat(9_000), "]".repeat(9_000));
    check(format!("[{},{A}]", with(&deep)), FileKind::Array, "0B 1A", 2, &[IssueKind::OddField]);
}

#[test]
fn bad_bytes_cost_no_memory() {
    let mut bytes = A.replace("A\"}", "A\",\"userAgent\":\"").into_bytes();
    bytes.extend(vec![0xff; 10_000]);
    bytes.extend(b"\xe2\x82 \xf0\x9f\"}");
    let mut report = FileReport::new("f", 1);
    for bytes in [Cow::Borrowed(bytes.as_slice()), Cow::Owned(bytes.clone())] {
        let text = to_text(bytes.clone(), &mut report);
        assert_eq!(text.len(), bytes.len());
        assert!(text.ends_with("\u{7f}\u{7f}\u{7f} \u{7f}\u{7f}\"}"));
    }
    check(&bytes, FileKind::Single, "0A", 1, &[IssueKind::InvalidUtf8]);
}

#[test]
fn the_prefilter_only_counts_what_it_holds_back() {
    let text = format!(r#"{{"Records":[{A},{B},{A}]}}"#);
    let mut seen = Vec::new();
    let wanted = |json: &str| json.contains(r#""B""#);
    let report = read_filtered("f", text.as_bytes(), &Limits::default(), Some(&wanted), &mut |r| seen.push(r.index));
    assert_eq!((seen, report.records, report.prefiltered, report.total()), (vec![1], 1, 2, 3));
}

#[test]
fn issues_are_described_up_to_a_limit_and_all_counted() {
    let text = format!("[{}]", ["1"; 100].join(","));
    let (_, report) = read(text.as_bytes());
    assert_eq!(report.issues.len(), Limits::default().max_described_issues);
    assert_eq!((report.unreadable, report.issue_counts.get(&IssueKind::UnknownShape)), (100, Some(&100)));
}

#[test]
fn deep_nesting_is_no_stack_overflow() {
    for open in ["[", "{\"a\":"] {
        let text = open.repeat(300_000);
        let (seen, report) = read(text.as_bytes());
        assert!(seen.is_empty() && !report.issues.is_empty());
    }
}

#[test]
fn a_call_that_does_not_say_whose_it_is_is_handed_on_and_told() {
    let call = A.replace("\"eventName\"", "\"eventType\":\"AwsApiCall\",\"eventName\"");
    check(format!("[{call},{B}]"), FileKind::Array, "0A 1B", 2, &[IssueKind::NoIdentity]);
    assert!(IssueKind::NoIdentity.loses_records());
}
