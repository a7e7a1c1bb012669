use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::read::{FileKind, FileReport, IssueKind, Limits, RecordOrigin, read_bytes};
use crate::record::SkipReason;

fn record(name: &str) -> Value {
    json!({
        "eventVersion": "1.10", "eventTime": "2026-09-01T10:00:00Z", "eventSource": "sqs.amazonaws.com",
        "eventName": name, "userIdentity": {"type": "AssumedRole", "principalId": "AROAX:f"},
        "requestParameters": {"queueName": "é\"\\"},
    })
}

fn text(name: &str) -> String {
    record(name).to_string()
}

fn encode(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let digit = usize::try_from(bits >> (18 - 6 * at) & 63).unwrap();
            out.push(if at <= chunk.len() { char::from(ALPHABET[digit]) } else { '=' });
        }
    }
    out
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn delivery(messages: &[String]) -> Value {
    let events: Vec<Value> =
        messages.iter().map(|message| json!({"id": "1", "timestamp": 1, "message": message})).collect();
    json!({
        "messageType": "DATA_MESSAGE", "owner": "111122223333", "logGroup": "CloudTrail/x", "logStream": "s",
        "subscriptionFilters": ["a"], "logEvents": events,
    })
}

fn control() -> Value {
    json!({"messageType": "CONTROL_MESSAGE", "owner": "CloudwatchLogs", "logGroup": "", "logStream": "",
        "subscriptionFilters": [], "logEvents": [{"id": "", "timestamp": 1,
        "message": "CWL CONTROL MESSAGE: Checking health of destination Firehose."}]})
}

/// Names of the records, all of them from elsewhere than a trail file; total; issues.
#[track_caller]
fn check(file: impl AsRef<[u8]>, expect: &str, total: u64, issues: &[IssueKind]) -> FileReport {
    let mut names = Vec::new();
    let report = read_bytes("f", file.as_ref(), &Limits::default(), &mut |read| {
        assert_eq!(read.origin, RecordOrigin::Other);
        names.push(read.record.event_name.to_string());
    });
    let shown = String::from_utf8_lossy(file.as_ref()).chars().take(300).collect::<String>();
    assert_eq!((names.join(" ").as_str(), report.total()), (expect, total), "{shown}\n{:?}", report.issues);
    assert_eq!(
        report.issues.iter().map(|issue| issue.kind).collect::<Vec<_>>(),
        issues,
        "{shown}\n{:?}",
        report.issues
    );
    assert!(report.has_envelopes, "{shown}");
    report
}

#[test]
fn deliveries_of_a_log_group() {
    let (one, two) = (delivery(&[text("A"), text("B")]), delivery(&[text("C")]));
    check(one.to_string(), "A B", 2, &[]);
    let all = format!("{}{one}{two}", control());
    let report = check(&all, "A B C", 4, &[]);
    assert_eq!(report.skipped.get(&SkipReason::NotCloudTrail), Some(&1));
    check(gzip(&all), "A B C", 4, &[]);
    check(format!("{one}\n{two}\n"), "A B C", 3, &[]);
    check(serde_json::to_string_pretty(&one).unwrap(), "A B", 2, &[]);
    let event = json!({"awslogs": {"data": encode(&gzip(&one.to_string()))}});
    check(event.to_string(), "A B", 2, &[]);
    check(json!([event, two]).to_string(), "A B C", 3, &[]);
    // One message that is none costs itself, and is a loss.
    check(delivery(&[text("A"), "START".to_owned(), text("B")]).to_string(), "A B", 3, &[IssueKind::UnknownShape]);
    check(delivery(&[text("A"), "{\"eventName\":".to_owned()]).to_string(), "A", 2, &[IssueKind::LostRecord]);
    check(delivery(&[text("A").replace('é', "\\ud800"), text("B")]).to_string(), "A B", 2, &[]);
}

#[test]
fn answers_about_logs() {
    let event = |name: &str| json!({"logStreamName": "s", "timestamp": 1, "message": text(name), "eventId": "e"});
    let filtered = json!({"events": [event("A"), event("B")], "searchedLogStreams": [], "nextToken": "t"});
    check(filtered.to_string(), "A B", 2, &[]);
    check(json!({"events": [event("A")], "nextForwardToken": "f/1"}).to_string(), "A", 1, &[]);
    let row = |name: &str| {
        json!([{"field": "@timestamp", "value": "2026-09-01 10:00:00.000"}, {"field": "@message", "value": text(name)},
            {"field": "@ptr", "value": "CmEK"}])
    };
    let answer = json!({"results": [row("A"), row("B")], "statistics": {"recordsMatched": 2.0}, "status": "Complete"});
    check(answer.to_string(), "A B", 2, &[]);
    let fields = json!([{"field": "eventName", "value": "A"}, {"field": "eventTime", "value": "2026-09-01T10:00:00Z"}]);
    check(json!({"results": [fields, row("B")]}).to_string(), "B", 2, &[IssueKind::UnknownShape]);
}

#[test]
fn rows_of_an_event_data_store() {
    let row = json!([{"eventTime": "2026-09-01 10:00:00.000"}, {"eventName": "A"}, {"eventJson": text("A")}]);
    let partial = json!([{"eventTime": "2026-09-01 10:00:00.000"}, {"eventName": "A"}, {"eventSource": "s"}]);
    let answer = json!({"QueryStatus": "FINISHED", "QueryResultRows": [row, partial]});
    let report = check(answer.to_string(), "A", 2, &[IssueKind::UnknownShape]);
    assert!(report.issues[0].detail.contains("eventJson"), "{:?}", report.issues);
    let export = json!({"eventName": "A", "eventSource": "sqs.amazonaws.com", "eventData": record("A")});
    check(format!("{export}\n{export}"), "A A", 2, &[]);
    let columns = json!({
        "eventversion": "1.10", "eventtime": "2026-09-01T10:00:00Z", "eventsource": "sqs.amazonaws.com",
        "eventname": "A", "useridentity": {"type": "AssumedRole", "principalid": "AROAX:f"},
        "requestparameters": "{\"queueName\":\"q\"}", "readonly": "true",
    });
    let mut seen = Vec::new();
    let report = read_bytes("f", columns.to_string().as_bytes(), &Limits::default(), &mut |read| {
        let record = read.record;
        seen.push((record.user_identity.principal_id.as_ref().map(ToString::to_string), record.read_only));
        assert_eq!(record.request_parameters.as_ref().unwrap().value(), &json!({"queueName": "q"}));
    });
    assert_eq!((seen, report.issues.len()), (vec![(Some("AROAX:f".to_owned()), Some(true))], 0));
}

#[test]
fn tables() {
    let cell = |name: &str| text(name).replace('"', "\"\"");
    check(format!("eventTime,eventJson\r\nt,\"{}\"\r\nt,\"{}\"\r\n", cell("A"), cell("B")), "A B", 2, &[]);
    check(format!("@timestamp\t@message\nt\t\"{}\"\nt\tSTART\n", cell("A")), "A", 2, &[IssueKind::UnknownShape]);
    let athena = "\"eventversion\",\"useridentity\",\"eventtime\",\"eventsource\",\"eventname\"\n\
        \"1.10\",\"{type=AssumedRole, principalid=AROAX:f}\",\"2026-09-01T10:00:00Z\",\"s\",\"A\"\n";
    let report = check(athena, "", 1, &[IssueKind::UnknownShape]);
    assert_eq!(report.kind, FileKind::Table);
    check(
        "Event name,Event time,User name,Event source\nA,\"September 01, 2026\",f,s\n",
        "",
        1,
        &[IssueKind::UnknownShape],
    );
    check("eventname,eventtime\n", "", 0, &[]);
    check(format!("eventJson\n\"{}", cell("A")), "A", 1, &[IssueKind::Truncated]);
    check("eventname,eventtime\nA\n", "", 1, &[IssueKind::UnknownShape]);
}

#[test]
fn notifications_and_queues() {
    let bridge = json!({"version": "0", "detail-type": "AWS API Call via CloudTrail", "source": "aws.sqs",
        "detail": record("A")});
    check(bridge.to_string(), "A", 1, &[]);
    check(json!({"Records": [{"eventSource": "aws:sqs", "body": bridge.to_string()}]}).to_string(), "A", 1, &[]);
    let topic = json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": bridge.to_string()}}]});
    let mut count = 0;
    read_bytes("f", topic.to_string().as_bytes(), &Limits::default(), &mut |_| count += 1);
    assert_eq!(count, 1);
    let s3 =
        json!({"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "eventTime": "t", "s3": {}}]});
    let delivered = json!({"s3Bucket": "b", "s3ObjectKey": ["AWSLogs/x.json.gz"]});
    for passed_over in [
        json!({"Type": "Notification", "Message": delivered.to_string()}),
        json!({"Messages": [{"MessageId": "1", "Body": s3.to_string()}]}),
        json!({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "b"}),
        json!({"detail-type": "EC2 Instance State-change Notification", "source": "aws.ec2", "detail": {"state": "x"}}),
        json!({"fileVersion": "1.0", "configSnapshotId": "x", "configurationItems": [{}]}),
    ] {
        let report = check(passed_over.to_string(), "", 1, &[]);
        assert_eq!(report.skipped.get(&SkipReason::NotCloudTrail), Some(&1), "{passed_over}");
    }
    let broken = json!({"detail-type": "AWS API Call via CloudTrail", "detail": {"awsRegion": "x"}});
    check(broken.to_string(), "", 1, &[IssueKind::UnknownShape]);
}

#[test]
fn indexed_events() {
    let hit = |source: Value| json!({"_index": "i", "_id": "1", "_source": source});
    let found = json!({"took": 1, "hits": {"total": {"value": 2}, "hits": [hit(record("A")),
        hit(json!({"@timestamp": "2026-09-01T10:00:00Z", "event": {"action": "B", "original": text("B")}}))]}});
    check(found.to_string(), "A B", 2, &[]);
    check(format!("{}\n{}", hit(record("A")), hit(record("B"))), "A B", 2, &[]);
    check(json!({"preview": false, "result": {"_raw": text("A"), "host": "h"}}).to_string(), "A", 1, &[]);
    let plain = json!({"@timestamp": "2026-09-01T10:00:00Z", "aws": {"cloudtrail": {}}, "event": {"action": "A"}});
    check(plain.to_string(), "", 1, &[IssueKind::UnknownShape]);
    let ocsf = json!({"class_uid": 6003, "class_name": "API Activity", "time": 1, "unmapped": {},
        "metadata": {"product": {"name": "CloudTrail"}}, "api": {"operation": "CreateQueue"}});
    let report = check(ocsf.to_string(), "", 1, &[IssueKind::UnknownShape]);
    assert!(report.issues[0].detail.contains("OCSF"), "{:?}", report.issues);
}

#[test]
fn what_is_nested_or_compressed_is_bounded() {
    let mut nested = text("A");
    for _ in 0..12 {
        nested = json!({"body": nested}).to_string();
    }
    check(&nested, "", 1, &[IssueKind::UnknownShape]);
    let bomb = encode(&gzip(&format!("{}{}", text("A"), " ".repeat(100_000))));
    let deliveries = json!([{"awslogs": {"data": bomb}}, {"awslogs": {"data": bomb}}, {"awslogs": {"data": bomb}}]);
    let limits = Limits { max_inflated_bytes: 150_000, ..Limits::default() };
    let mut count = 0;
    let report = read_bytes("f", deliveries.to_string().as_bytes(), &limits, &mut |_| count += 1);
    assert_eq!(count, 2);
    assert!(report.issue_counts.contains_key(&IssueKind::TooLarge), "{report:?}");
}
