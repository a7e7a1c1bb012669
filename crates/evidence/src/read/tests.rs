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
    check(r#"{"Records":"none"}"#, FileKind::Single, "", 1, &[]);
}

#[test]
fn one_bad_record_is_one_issue() {
    use IssueKind::UnreadableRecord;
    check(
        format!(r#"{{"Records":[{A},7,{{"eventName":"x"}},{B}]}}"#),
        FileKind::Records,
        "0A 3B",
        4,
        &[UnreadableRecord; 2],
    );
    // A lone surrogate is JSON, but no text: the fast pass stops, the second takes records apart.
    let lone = r#"{"eventTime":"2026-09-01T10:00:00Z","eventSource":"s","eventName":"X","userAgent":"\ud800"}"#;
    let report =
        check(format!(r#"{{"Records":[{A},{lone},{B}]}}"#), FileKind::Records, "0A 2B", 3, &[UnreadableRecord]);
    assert_eq!(report.issues.first().unwrap().index, Some(1));
    check(format!("{A}\n{lone}\n{{broken\n{B}"), FileKind::Lines, "0A 3B", 4, &[UnreadableRecord; 2]);
    check(format!("garbage\n{A}\n{B}"), FileKind::Lines, "1A 2B", 3, &[UnreadableRecord]);
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
    check(format!("{A}\n{}", cut(B, 30)), FileKind::Lines, "0A", 2, &[IssueKind::UnreadableRecord]);
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
    assert_eq!((report.unreadable, report.issue_counts.get(&IssueKind::UnreadableRecord)), (100, Some(&100)));
}

#[test]
fn deep_nesting_is_no_stack_overflow() {
    for open in ["[", "{\"a\":"] {
        let text = open.repeat(300_000);
        let (seen, report) = read(text.as_bytes());
        assert!(seen.is_empty() && !report.issues.is_empty());
    }
}
