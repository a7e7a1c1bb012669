use jiff::Timestamp;

use super::*;
use crate::measure::account::TRAIL_BUCKET;
use crate::measure::http::parsed;

fn fake() -> Fake {
    let now: Timestamp = "2026-11-21T10:00:00Z".parse().unwrap();
    let none = Duration::ZERO;
    let settings =
        Settings { dynamodb: none, s3: none, others: none, iam_page: 4, trail_days: 4, ..Settings::default() };
    Fake::new(MeasuredAccount::new(60, now), settings).unwrap()
}

/// Answers a request that is signed for `service`.
fn ask(fake: &Fake, service: &str, target: &str, body: &str) -> String {
    let (method, target) = target.split_once(' ').unwrap();
    let credential =
        format!("AWS4-HMAC-SHA256 Credential=KEY/20261121/us-east-1/{service}/aws4_request, SignedHeaders=host");
    let request = parsed(&format!(
        "{method} {target} HTTP/1.1\r\nAuthorization: {credential}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    String::from_utf8(fake.answer(&request).body).unwrap()
}

/// Contents of all elements of this name.
fn elements(xml: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    xml.split(&open).skip(1).filter_map(|rest| Some(rest.split_once(&close)?.0.to_owned())).collect()
}

#[test]
fn trail_files_are_listed_by_prefix_folder_and_start() {
    let fake = fake();
    let list = |query: &str| ask(&fake, "s3", &format!("GET /{TRAIL_BUCKET}?list-type=2&{query}"), "");
    let root = "AWSLogs%2F111122223333%2FCloudTrail%2F";
    assert_eq!(
        elements(&list(&format!("prefix={root}&delimiter=%2F")), "Prefix"),
        ["AWSLogs/111122223333/CloudTrail/", "AWSLogs/111122223333/CloudTrail/us-east-1/"]
    );
    let first = list(&format!("prefix={root}"));
    assert_eq!((elements(&first, "Key").len(), elements(&first, "IsTruncated")), (1_000, vec!["true".to_owned()]));
    // By token and by key alike.
    let token = elements(&first, "NextContinuationToken").concat();
    let second = elements(&list(&format!("prefix={root}&continuation-token={token}")), "Key");
    assert_eq!(second, elements(&list(&format!("prefix={root}&start-after={token}")), "Key"));
    assert!(elements(&first, "Key").last().unwrap() < second.first().unwrap());
    assert_eq!(list("prefix=other%2F").matches("<Key>").count(), 0);
    let counted = fake.take_counts().calls;
    assert_eq!(counted[&("s3".to_owned(), "ListObjectsV2".to_owned())], 5);
}

#[test]
fn lists_are_paged_and_complete() {
    let fake = fake();
    let mut names = Vec::new();
    let mut marker = String::new();
    loop {
        let text =
            ask(&fake, "lambda", &format!("GET /2015-03-31/functions?FunctionVersion=ALL&MaxItems=50{marker}"), "");
        let page: Value = serde_json::from_str(&text).unwrap();
        names.extend(
            page["Functions"].as_array().unwrap().iter().map(|f| f["FunctionArn"].as_str().unwrap().to_owned()),
        );
        match page["NextMarker"].as_str() {
            Some(next) => marker = format!("&Marker={next}"),
            None => break,
        }
    }
    // Every tenth has a version.
    assert_eq!(names.len(), 66);
    let (mut roles, mut policies, mut marker) = (0, 0, String::new());
    loop {
        let body = format!("Action=GetAccountAuthorizationDetails&MaxItems=1000{marker}");
        let page = ask(&fake, "iam", "POST /", &body);
        roles += elements(&page, "RoleName").len();
        policies += elements(&page, "DefaultVersionId").len();
        match elements(&page, "Marker").first() {
            Some(next) => marker = format!("&Marker={next}"),
            None => break,
        }
    }
    assert_eq!((roles, policies), (45, 5));
}

#[test]
fn event_history_answers_newest_first() {
    let fake = fake();
    let ask = |body: &str| {
        let request = parsed(&format!(
            "POST / HTTP/1.1\r\nX-Amz-Target: com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=KEY/20261121/us-east-1/cloudtrail/aws4_request\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        serde_json::from_str::<Value>(std::str::from_utf8(&fake.answer(&request).body).unwrap()).unwrap()
    };
    let first = ask("{}");
    let times = |page: &Value| -> Vec<i64> {
        page["Events"].as_array().unwrap().iter().map(|event| event["EventTime"].as_i64().unwrap()).collect()
    };
    let newest = times(&first);
    assert_eq!(newest.len(), 50);
    assert!(newest.is_sorted_by(|a, b| a >= b));
    let second = ask(&format!(r#"{{"NextToken": {}}}"#, first["NextToken"]));
    assert!(times(&second)[0] <= newest[49]);
}

#[test]
fn a_quota_is_so_many_in_a_second() {
    let (mut bucket, start) = (Bucket::default(), Instant::now());
    let taken: Vec<bool> = [0, 10, 20, 400, 510, 520, 9_000, 9_001, 9_002]
        .map(|ms| bucket.take(2, start + Duration::from_millis(ms)))
        .into();
    assert_eq!(taken, [true, true, false, false, true, false, true, true, false]);
}

#[test]
fn the_same_account_has_the_same_trail() {
    let (one, other) = (fake(), fake());
    assert_eq!(one.trail().objects.keys().collect::<Vec<_>>(), other.trail().objects.keys().collect::<Vec<_>>());
    assert_eq!(one.trail().history, other.trail().history);
    // Files of five minutes.
    assert_eq!(one.trail().objects.len(), 4 * 288);
}
