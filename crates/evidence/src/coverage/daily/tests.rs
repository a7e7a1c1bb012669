use super::*;
use crate::coverage::{ActionAsked, Trails};
use crate::ledger::days::day_of;
use crate::ledger::{Ledger, RecordSource};
use crate::record::{ParsedRecord, parse_record};
use whittle_catalog::catalog;

const ACCOUNT: &str = "111122223333";
const QUEUE: &str = "arn:aws:sqs:eu-west-1:111122223333:q";

fn day(text: &str) -> i32 {
    day_of(format!("{text}T00:00:00Z").parse().unwrap())
}

/// Management events on these days of September, and whatever else.
fn ledger(days: Range<u32>, more: &[String]) -> Ledger {
    let mut ledger = Ledger::default();
    let management = days.map(|day| {
        format!(
            r#""eventTime":"2026-09-{day:02}T01:00:00Z","eventSource":"sts.amazonaws.com","eventName":"AssumeRole","eventCategory":"Management""#
        )
    });
    for fields in management.chain(more.iter().cloned()) {
        let text = format!(r#"{{{fields},"awsRegion":"eu-west-1","recipientAccountId":"{ACCOUNT}"}}"#);
        match parse_record(&text).unwrap() {
            ParsedRecord::Record(record) => {
                ledger.observe_account(&record, &RecordSource::Folder { location: "/copy".to_owned() });
            }
            ParsedRecord::Skipped(reason) => panic!("{reason:?}"),
        }
    }
    ledger
}

fn runs(ledger: &Ledger, trail: &str, action: &str) -> Vec<(u32, u32, String)> {
    let trails = Trails::parse(&format!(
        r#"{{"trailList":[{{"Name":"t","TrailARN":"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/t","HomeRegion":"eu-west-1","IsMultiRegionTrail":true,"IncludeGlobalServiceEvents":true,{trail}}}]}}"#
    ))
    .unwrap();
    let first = day("2026-09-01");
    let window = DayWindow { start: first, end: first + 10 };
    let evidence = CoverageEvidence {
        account: ACCOUNT,
        trails: Some(&trails),
        history: None,
        facts: ledger.account(),
        window,
        assume_quiet_days: false,
    };
    let id = catalog().action(action).unwrap();
    let runs = Coverage::new(evidence).days_of_action(
        id,
        &ActionAsked { resource: QUEUE, region: Some("eu-west-1"), work_regions: &[], role_arn: None },
    );
    let number = |day: i32| u32::try_from(day - first + 1).unwrap();
    let word = |answer: &Observability| match answer.reason() {
        None => "full".to_owned(),
        Some(reason) => format!("{reason:?}"),
    };
    runs.iter().map(|run| (number(run.days.start), number(run.days.end - 1), word(&run.observability))).collect()
}

const DEFAULT: &str = r#""HasCustomEventSelectors":false"#;

#[track_caller]
fn check(found: &[(u32, u32, String)], expect: &[(u32, u32, &str)]) {
    assert_eq!(found.len(), expect.len(), "{found:#?}");
    for (found, expect) in found.iter().zip(expect) {
        assert!((found.0, found.1) == (expect.0, expect.1) && found.2.contains(expect.2), "{found:?} for {expect:?}");
    }
}

#[test]
fn a_trail_that_was_started_and_stopped_inside_the_window() {
    let ledger = ledger(1..11, &[]);
    let status = |status: &str| format!(r#"{DEFAULT},"Status":{{{status}}}"#);
    let always = status(r#""IsLogging":true,"StartLoggingTime":"2026-01-01T00:00:00Z""#);
    check(&runs(&ledger, &always, "sqs:CreateQueue"), &[(1, 10, "full")]);
    let started = status(r#""IsLogging":true,"StartLoggingTime":"2026-09-04T12:00:00Z""#);
    check(&runs(&ledger, &started, "sqs:CreateQueue"), &[(1, 4, "StartedLate"), (5, 10, "full")]);
    let failing =
        status(r#""IsLogging":true,"StartLoggingTime":"2026-01-01T00:00:00Z","LatestDeliveryError":"AccessDenied""#);
    check(
        &runs(&ledger, &failing, "sqs:CreateQueue"),
        &[(1, 10, r#"CannotDeliver { trail: "t", error: "AccessDenied" }"#)],
    );
    let stopped = status(
        r#""IsLogging":false,"StartLoggingTime":"2026-01-01T00:00:00Z","StopLoggingTime":"2026-09-08T12:00:00Z""#,
    );
    check(&runs(&ledger, &stopped, "sqs:CreateQueue"), &[(1, 7, "full"), (8, 8, "Stopped"), (9, 10, "since: Some(")]);
}

#[test]
fn days_before_a_change_of_the_trail_are_not_known() {
    let change = r#""eventTime":"2026-09-05T01:00:00Z","eventSource":"cloudtrail.amazonaws.com","eventName":"PutEventSelectors","eventCategory":"Management","requestParameters":{"trailName":"t"}"#;
    let ledger = ledger(1..11, &[change.to_owned()]);
    let trail = format!(r#"{DEFAULT},"Status":{{"IsLogging":true,"StartLoggingTime":"2026-01-01T00:00:00Z"}}"#);
    check(&runs(&ledger, &trail, "sqs:CreateQueue"), &[(1, 5, "Changed"), (6, 10, "full")]);
}

#[test]
fn a_day_without_any_file_is_a_gap_and_data_events_need_their_selector() {
    let data = r#""eventTime":"2026-09-02T01:00:00Z","eventSource":"sqs.amazonaws.com","eventName":"SendMessage","eventCategory":"Data","resources":[{"type":"AWS::SQS::Queue","ARN":"arn:aws:sqs:eu-west-1:111122223333:q"}]"#;
    let ledger = ledger(1..9, &[data.to_owned()]);
    let on = r#""Status":{"IsLogging":true,"StartLoggingTime":"2026-01-01T00:00:00Z"}"#;
    let none = format!("{DEFAULT},{on}");
    check(&runs(&ledger, &none, "sqs:CreateQueue"), &[(1, 8, "full"), (9, 10, "NoEventOnDays")]);
    check(&runs(&ledger, &none, "sqs:SendMessage"), &[(1, 10, r#"data_type: Some("AWS::SQS::Queue"), some: false"#)]);
    let queues = format!(
        r#""AdvancedEventSelectors":[{{"FieldSelectors":[{{"Field":"eventCategory","Equals":["Management"]}}]}},{{"FieldSelectors":[{{"Field":"eventCategory","Equals":["Data"]}},{{"Field":"resources.type","Equals":["AWS::SQS::Queue"]}}]}}],{on}"#
    );
    check(&runs(&ledger, &queues, "sqs:SendMessage"), &[(1, 8, "full"), (9, 10, "NoEventOnDays")]);
    check(&runs(&ledger, &queues, "logs:PutLogEvents"), &[(1, 10, "does not log PutLogEvents")]);
}
