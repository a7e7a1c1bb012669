//! Functions that were not always what they are, reports that are somebody else's, answers that nobody read.

use serde_json::{Value, json};
use whittle_analysis::issue::IssueKind;
use whittle_analysis::result::Verdict;

use super::account::{ACCOUNT, Case, allow, call, check, policy_change};

fn queues() -> Case {
    Case::new(allow(&["sqs:CreateQueue", "sqs:DeleteQueue"], &["*"]))
}

/// With an event of function `one` late in the window its permissions are kept, with one long ago they are
/// not; those of function `two` never are.
#[track_caller]
fn check_since(late: i64, event: impl Fn(i64) -> Value) {
    for (day, expect, kept) in [(late, Verdict::Unobservable, &["*"][..]), (20, Verdict::Unused, &[])] {
        let report = queues().with(event(day)).run();
        check(&report, "one", "sqs:DeleteQueue", expect, kept);
        check(&report, "two", "sqs:DeleteQueue", Verdict::Unused, &[]);
    }
}

#[test]
fn a_function_that_was_made_lately_is_too_young_and_one_that_was_made_long_ago_is_not() {
    check_since(85, |day| {
        let mut made = policy_change(day, "CreateFunction20150331", json!({"functionName": "one"}));
        made["eventSource"] = json!("lambda.amazonaws.com");
        made["awsRegion"] = json!("eu-west-1");
        made
    });
}

#[test]
fn what_a_function_did_under_another_role_is_no_absence_under_this_one() {
    check_since(80, |day| {
        let mut earlier = call("one", day, "sqs", "DeleteQueue", json!({"queueUrl": "q"}));
        let issuer = &mut earlier["userIdentity"]["sessionContext"]["sessionIssuer"];
        issuer["principalId"] = json!("AROAEXAMPLEEARLIER001");
        issuer["arn"] = json!(format!("arn:aws:iam::{ACCOUNT}:role/earlier"));
        earlier["userIdentity"]["principalId"] = json!("AROAEXAMPLEEARLIER001:one");
        earlier
    });
}

#[test]
fn a_report_of_another_role_releases_nothing() {
    let service = |namespace: &str, more: Value| {
        let mut entry =
            json!({"ServiceName": namespace, "ServiceNamespace": namespace, "TotalAuthenticatedEntities": 0});
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        entry
    };
    let with = |services: Value| {
        let mut case = Case::new(allow(&["sns:Publish", "dynamodb:DescribeTable"], &["*"])).with(call(
            "one",
            10,
            "dynamodb",
            "DescribeTable",
            json!({"tableName": "orders"}),
        ));
        case.last_accessed = Some(json!({
            "JobStatus": "COMPLETED", "JobType": "ACTION_LEVEL", "JobCreationDate": "2026-10-30T00:10:00Z",
            "JobCompletionDate": "2026-10-30T00:10:00Z", "IsTruncated": false, "ServicesLastAccessed": services,
        }));
        case.run()
    };
    let used = json!({"LastAuthenticated": "2026-08-11T00:00:00Z",
        "LastAuthenticatedEntity": format!("arn:aws:iam::{ACCOUNT}:role/shared")});
    let own = with(json!([service("sns", json!({})), service("dynamodb", used.clone())]));
    check(&own, "one", "sns:Publish", Verdict::Unused, &[]);
    // It says so itself.
    let mut other = used;
    other["LastAuthenticatedEntity"] = json!(format!("arn:aws:iam::{ACCOUNT}:role/other"));
    let named = with(json!([service("sns", json!({})), service("dynamodb", other)]));
    check(&named, "one", "sns:Publish", Verdict::Unobservable, &["*"]);
    assert!(named.issues.iter().any(|issue| issue.kind == IssueKind::UnusableReport), "{:?}", named.issues);
    // The trail says so.
    let contradicted = with(json!([service("sns", json!({})), service("dynamodb", json!({}))]));
    check(&contradicted, "one", "sns:Publish", Verdict::Unobservable, &["*"]);
}

#[test]
fn event_history_of_which_no_answer_was_read_shows_nothing() {
    let mut vouched = Case::new(allow(&["dynamodb:DeleteTable"], &["*"])).logging(json!([{"FieldSelectors": [
        {"Field": "eventCategory", "Equals": ["Data"]}, {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
    ]}]));
    vouched.settings.event_history = vec!["all".to_owned()];
    check(&vouched.run(), "one", "dynamodb:DeleteTable", Verdict::Unobservable, &["*"]);
}
