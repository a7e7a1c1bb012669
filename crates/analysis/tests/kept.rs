//! What a suggestion keeps though no event names it: companions of what could not be seen, streams that
//! others made, replicas at the edge, names that go on growing.
//!
//! One role with one function and a trail of management events (and data events where a test says so) over 90
//! days. Each test asks the suggested policy about requests, and the literal oracle decides.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod one_function;

use std::collections::BTreeMap;

use one_function::{ROLE_ID, function, role};
use serde_json::{Value, json};
use whittle_analysis::analyze::analyze;
use whittle_analysis::input::{AnalysisEvidence, AnalysisSettings};
use whittle_analysis::inventory::Inventory;
use whittle_analysis::reason::{NeedReason, VerdictReason};
use whittle_analysis::result::{FunctionResult, RoleSettings, Verdict};
use whittle_analysis::window::ObservationWindow;
use whittle_evidence::coverage::{self, Coverage, Trails};
use whittle_evidence::ledger::days::{day_of, start_of_day};
use whittle_evidence::ledger::{Ledger, RecordSource};
use whittle_evidence::map::Mapper;
use whittle_evidence::record::{ParsedRecord, parse_record};
use whittle_policy::PolicyDocument;
use whittle_testkit::oracle::{self, Request};

const ACCOUNT: &str = "111122223333";
const ROLE: &str = "arn:aws:iam::111122223333:role/f-role";
/// Days of the window.
const DAYS: u32 = 90;

/// A call that the function makes, over some days of the window.
struct Call {
    days: std::ops::Range<u32>,
    source: &'static str,
    name: &'static str,
    region: &'static str,
    parameters: Value,
    data: Option<Value>,
}

impl Call {
    fn daily(source: &'static str, name: &'static str, parameters: Value) -> Self {
        Self { days: 0..DAYS, source, name, region: "eu-west-1", parameters, data: None }
    }

    fn on(self, days: std::ops::Range<u32>) -> Self {
        Self { days, ..self }
    }
}

fn stream(group: &str) -> Call {
    Call::daily("logs.amazonaws.com", "CreateLogStream", json!({"logGroupName": group, "logStreamName": "x"}))
}

struct Account {
    function: &'static str,
    region: &'static str,
    granted: Value,
    trusts: &'static str,
    data_types: &'static [&'static str],
}

impl Account {
    fn grants(granted: Value) -> Self {
        Self { function: "f", region: "eu-west-1", granted, trusts: "lambda.amazonaws.com", data_types: &[] }
    }

    fn analyzed(&self, calls: &[Call]) -> FunctionResult {
        let ledger = self.ledger(calls);
        let selector = |fields: Value| json!({"FieldSelectors": fields});
        let mut selectors = vec![selector(json!([{"Field": "eventCategory", "Equals": ["Management"]}]))];
        for kind in self.data_types {
            selectors.push(selector(json!([{"Field": "eventCategory", "Equals": ["Data"]},
                {"Field": "resources.type", "Equals": [kind]}])));
        }
        let trail = json!({"Name": "t", "HomeRegion": self.region, "IsMultiRegionTrail": true, "S3BucketName": "b",
            "IncludeGlobalServiceEvents": true, "AdvancedEventSelectors": selectors,
            "TrailARN": format!("arn:aws:cloudtrail:{}:{ACCOUNT}:trail/t", self.region),
            "Status": {"IsLogging": true, "StartLoggingTime": "2020-01-01T00:00:00Z"}});
        let trails = Trails::parse(&json!({"trailList": [trail]}).to_string()).unwrap();
        let days = first_day()..first_day() + i32::try_from(DAYS).unwrap();
        let coverage = Coverage::new(coverage::CoverageEvidence {
            account: ACCOUNT,
            trails: Some(&trails),
            history: None,
            facts: ledger.account(),
            window: coverage::DayWindow::new(&days),
            assume_quiet_days: true,
        });
        let window = ObservationWindow::new(Some(days));
        let settings = AnalysisSettings::default();
        let evidence = AnalysisEvidence {
            ledger: &ledger,
            coverage: &coverage,
            window: &window,
            settings: &settings,
            doubts: &[],
            density: 1.0,
        };
        let mut report = analyze(&self.inventory(), evidence);
        assert_eq!(report.functions.len(), 1);
        report.functions.remove(0)
    }

    fn ledger(&self, calls: &[Call]) -> Ledger {
        let session = format!("arn:aws:sts::{ACCOUNT}:assumed-role/f-role/{}", self.function);
        let by = json!({"type": "AssumedRole", "principalId": format!("{ROLE_ID}:{}", self.function), "arn": session, "accountId": ACCOUNT,
            "sessionContext": {"sessionIssuer": {"type": "Role", "principalId": ROLE_ID, "arn": ROLE, "accountId": ACCOUNT}}});
        let (mut ledger, mut mapper) = (Ledger::default(), Mapper::default());
        let mut observe = |event: Value| {
            let text = event.to_string();
            let ParsedRecord::Record(record) = parse_record(&text).unwrap() else { panic!("{text}") };
            ledger.observe_record(&record, &RecordSource::Folder { location: "/trail".to_owned() }, &mut mapper);
        };
        // Somebody else's: they show that the files hold data events.
        for kind in self.data_types {
            observe(json!({
                "eventTime": start_of_day(first_day()).unwrap().to_string(), "awsRegion": "eu-west-1",
                "recipientAccountId": ACCOUNT, "eventType": "AwsApiCall", "eventCategory": "Data",
                "eventSource": "sns.amazonaws.com", "eventName": "Publish",
                "resources": [{"type": kind, "ARN": "arn:aws:s3:::other/x"}],
            }));
        }
        for call in calls {
            for day in call.days.clone() {
                let time = start_of_day(first_day() + i32::try_from(day).unwrap()).unwrap();
                let mut event = json!({
                    "eventTime": time.to_string(), "awsRegion": call.region, "recipientAccountId": ACCOUNT,
                    "eventType": "AwsApiCall", "eventCategory": if call.data.is_some() { "Data" } else { "Management" },
                    "eventSource": call.source, "eventName": call.name, "requestParameters": call.parameters,
                    "userIdentity": by,
                });
                if let Some(resources) = &call.data {
                    event["resources"] = resources.clone();
                }
                observe(event);
            }
        }
        ledger
    }

    fn inventory(&self) -> Inventory {
        let mut inventory = Inventory::new(ACCOUNT.parse().unwrap(), "aws");
        let role = role(ROLE, &self.granted);
        let function = function(self.region, self.function, &role);
        let trust = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"Service": ["lambda.amazonaws.com", self.trusts]}}]});
        let trust = Some(PolicyDocument::parse(&trust.to_string()).unwrap());
        inventory.role_settings.insert(role.arn.clone(), RoleSettings { trust, boundary_arn: None });
        inventory.roles.insert(role.arn.clone(), role);
        inventory.functions.insert(function.arn.clone(), function);
        inventory
    }
}

fn first_day() -> i32 {
    day_of("2026-08-01T00:00:00Z".parse().unwrap())
}

#[track_caller]
fn check(result: &FunctionResult, action: &str, resource: &str, allowed: bool) {
    let suggestion = result.suggestion.as_ref().unwrap();
    assert!(suggestion.proof.never_wider && suggestion.proof.never_too_narrow);
    let request = Request { action: action.to_owned(), resource: resource.to_owned(), context: BTreeMap::new() };
    let statements = suggestion.policies.iter().flat_map(|policy| policy.document.statements.iter());
    let matched = statements.filter(|statement| oracle::statement::matches(statement, &request)).count() > 0;
    assert_eq!(matched, allowed, "{action} on {resource}: {:#?}", result.verdicts);
}

fn verdict<'a>(result: &'a FunctionResult, action: &str) -> (Verdict, &'a VerdictReason) {
    let row = result.verdicts.iter().find(|row| row.action == action).unwrap();
    (row.verdict, row.reason.known().unwrap())
}

fn allow(actions: &[&str], resource: &str) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": resource})
}

#[test]
fn what_is_kept_beside_a_used_action_is_kept_beside_an_unseen_one() {
    let granted = json!([allow(
        &["s3:GetObject", "s3:ListBucket", "kms:Decrypt", "kms:ScheduleKeyDeletion", "sqs:DeleteQueue"],
        "*"
    )]);
    let key = "arn:aws:kms:eu-west-1:111122223333:key/k";
    let unseen = Account::grants(granted.clone()).analyzed(&[stream("/aws/lambda/f")]);
    check(&unseen, "kms:Decrypt", key, true);
    check(&unseen, "kms:ScheduleKeyDeletion", key, false);
    check(&unseen, "sqs:DeleteQueue", "arn:aws:sqs:eu-west-1:111122223333:q", false);
    let (kind, reason) = verdict(&unseen, "kms:Decrypt");
    assert_eq!(kind, Verdict::Unobservable);
    let VerdictReason::Needed { need: NeedReason::BesideUnseen { actions }, .. } = reason else { panic!("{reason:?}") };
    assert_eq!(actions, &["s3:GetObject"]);
    // Itself unseen: with its own reason.
    assert!(matches!(verdict(&unseen, "s3:ListBucket").1, VerdictReason::Kept { .. }));
    // Seen and not used: nothing is beside it.
    let seen = Account { data_types: &["AWS::S3::Object"], ..Account::grants(granted) };
    let seen = seen.analyzed(&[stream("/aws/lambda/f")]);
    check(&seen, "kms:Decrypt", key, false);
    check(&seen, "s3:GetObject", "arn:aws:s3:::b/x", false);
}

#[test]
fn companions_of_an_unseen_action_follow_its_resources() {
    let granted = json!([
        allow(&["s3:PutObject"], "arn:aws:s3:::in/*"),
        allow(&["s3:ListBucket"], "*"),
        allow(&["lambda:InvokeFunctionUrl"], "arn:aws:lambda:eu-west-1:111122223333:function:callee"),
        allow(&["lambda:InvokeFunction", "lambda:DeleteFunction"], "*"),
        allow(&["rds-data:ExecuteStatement", "secretsmanager:GetSecretValue", "secretsmanager:DeleteSecret"], "*"),
    ]);
    let callee = "arn:aws:lambda:eu-west-1:111122223333:function:callee";
    let account = Account { data_types: &["AWS::Lambda::Function"], ..Account::grants(granted) };
    let result = account.analyzed(&[stream("/aws/lambda/f")]);
    check(&result, "secretsmanager:GetSecretValue", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:x", true);
    check(&result, "secretsmanager:DeleteSecret", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:x", false);
    check(&result, "lambda:DeleteFunction", callee, false);
}

#[test]
fn a_reader_of_athena_results_reads_their_bucket() {
    let granted = json!([
        allow(&["athena:GetQueryResults", "athena:GetQueryExecution"], "*"),
        allow(&["s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation", "s3:DeleteObject"], "*"),
    ]);
    let account = Account { data_types: &["AWS::S3::Object"], ..Account::grants(granted) };
    let result = account.analyzed(&[Call::daily(
        "athena.amazonaws.com",
        "GetQueryResults",
        json!({"queryExecutionId": "6f1c2f3e-1111-4222-8333-abcdefabcdef"}),
    )]);
    for (action, resource, allowed) in [
        ("s3:GetObject", "arn:aws:s3:::results/x.csv", true),
        ("s3:ListBucket", "arn:aws:s3:::results", true),
        ("s3:GetBucketLocation", "arn:aws:s3:::results", true),
        ("s3:DeleteObject", "arn:aws:s3:::results/x.csv", false),
    ] {
        check(&result, action, resource, allowed);
    }
}

#[test]
fn log_lines_may_go_to_a_stream_that_somebody_else_made() {
    let logs = &["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"];
    let wide = Account::grants(json!([allow(logs, "*")])).analyzed(&[stream("/aws/lambda/f")]);
    let at = |group: &str| format!("arn:aws:logs:eu-west-1:111122223333:log-group:{group}:log-stream:main");
    check(&wide, "logs:PutLogEvents", &at("/app/audit"), true);
    check(&wide, "logs:PutLogEvents", &at("/aws/lambda/f"), true);
    check(&wide, "logs:CreateLogStream", &at("/app/audit"), false);
    let (kind, reason) = verdict(&wide, "logs:PutLogEvents");
    assert_eq!(kind, Verdict::Required);
    assert!(matches!(reason, VerdictReason::Needed { kept_whole: Some(_), .. }), "{reason:?}");
    // A grant on the function's own group has nothing to keep beside it.
    let own = "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/f:*";
    let narrow = Account::grants(json!([allow(logs, own)])).analyzed(&[stream("/aws/lambda/f")]);
    check(&narrow, "logs:PutLogEvents", &at("/aws/lambda/f"), true);
    assert!(matches!(verdict(&narrow, "logs:PutLogEvents").1, VerdictReason::Needed { kept_whole: None, .. }));
}

#[test]
fn replicas_at_the_edge_log_where_they_run() {
    let logs = &["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"];
    let edge = Account {
        region: "us-east-1",
        trusts: "edgelambda.amazonaws.com",
        ..Account::grants(json!([allow(logs, "arn:aws:logs:*:*:*")]))
    };
    let seen = || [Call { region: "eu-west-1", ..stream("/aws/lambda/us-east-1.f") }];
    let group = |region: &str| format!("arn:aws:logs:{region}:111122223333:log-group:/aws/lambda/us-east-1.f");
    for region in ["eu-west-1", "ap-southeast-1"] {
        let result = edge.analyzed(&seen());
        check(&result, "logs:CreateLogStream", &format!("{}:log-stream:x", group(region)), true);
        check(&result, "logs:CreateLogGroup", &group(region), true);
        check(&result, "logs:CreateLogGroup", &group(region).replace("us-east-1.f", "other"), false);
    }
    let plain = Account { trusts: "lambda.amazonaws.com", ..edge };
    check(&plain.analyzed(&seen()), "logs:CreateLogStream", &format!("{}:x", group("ap-southeast-1")), false);
}

#[test]
fn calls_that_need_every_resource_keep_it() {
    let actions = &["cloudwatch:DescribeAlarms", "cloudwatch:DescribeAlarmHistory", "sqs:GetQueueUrl"];
    let result = Account::grants(json!([allow(actions, "*")])).analyzed(&[
        Call::daily("monitoring.amazonaws.com", "DescribeAlarms", json!({"alarmNames": ["a"]})),
        Call::daily("monitoring.amazonaws.com", "DescribeAlarmHistory", json!({"alarmName": "a"})),
    ]);
    for action in ["cloudwatch:DescribeAlarms", "cloudwatch:DescribeAlarmHistory"] {
        check(&result, action, "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:other", true);
    }
}

#[test]
fn names_that_go_on_growing_are_open() {
    let table = |name: &str| Call::daily("dynamodb.amazonaws.com", "DescribeTable", json!({ "tableName": name }));
    let granted = || json!([allow(&["dynamodb:DescribeTable"], "*")]);
    let arn = |name: &str| format!("arn:aws:dynamodb:eu-west-1:111122223333:table/{name}");
    let ask = |calls: &[Call], name: &str, allowed: bool| {
        check(&Account::grants(granted()).analyzed(calls), "dynamodb:DescribeTable", &arn(name), allowed);
    };
    // A period, though only one was seen.
    ask(&[table("events_2026_08")], "events_2027_01", true);
    ask(&[table("events_2026_08")], "orders_2027_01", false);
    // A counter that moved, and one that did not.
    ask(&[table("model-v2").on(0..30), table("model-v3").on(30..90)], "model-v4", true);
    ask(&[table("orders-2")], "orders-3", false);
    // New names late in the window, and all of them early.
    ask(&[table("tenant-a"), table("tenant-b").on(70..90)], "tenant-c", true);
    ask(&[table("tenant-a"), table("tenant-b").on(70..90)], "other", false);
    ask(&[table("tenant-a"), table("tenant-b").on(10..90)], "tenant-c", false);
}

#[test]
fn what_runs_when_a_stack_goes_is_kept() {
    let granted = || json!([allow(&["dynamodb:CreateTable", "dynamodb:DeleteTable"], "*")]);
    let create = || [Call::daily("dynamodb.amazonaws.com", "CreateTable", json!({"tableName": "a"})).on(3..4)];
    let table = "arn:aws:dynamodb:eu-west-1:111122223333:table/a";
    for (function, kept) in [
        ("app-CustomTableCustomResourceProv-Ab12", true),
        ("app-ProviderframeworkonEvent-Ab12", true),
        ("orders-custom-resource", true),
        ("f", false),
    ] {
        let result = Account { function, ..Account::grants(granted()) }.analyzed(&create());
        check(&result, "dynamodb:DeleteTable", table, kept);
    }
}
