//! No removal where a use could have gone unseen, whatever the trails say.
//!
//! Random trails (selectors of both kinds, states, Regions, nonsense), random evidence, one role. Everything
//! that the analysis calls unused is checked against a literal reading of CloudTrail's rules on concrete
//! events: each event that a use of the action would have made, on each of some resources inside the grant,
//! must have been logged by a trail that was logging over the whole window, or be in event history that was
//! read.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod one_function;

use std::collections::BTreeSet;

use one_function::{ROLE_ID, function, role};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use whittle_analysis::analyze::analyze;
use whittle_analysis::input::{AnalysisEvidence, AnalysisSettings};
use whittle_analysis::inventory::{Inventory, LastAccessed};
use whittle_analysis::result::Verdict;
use whittle_analysis::window::ObservationWindow;
use whittle_evidence::coverage::{self, Coverage, EventHistory, Trails};
use whittle_evidence::ledger::days::day_of;
use whittle_evidence::ledger::{KeptRoles, Ledger, RecordSource};
use whittle_evidence::map::Mapper;
use whittle_evidence::record::{ParsedRecord, parse_record};

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-west-1";
const ROLE: &str = "arn:aws:iam::111122223333:role/app/orders-role";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/orders-role/orders";

/// A use that would have made an event.
struct Use {
    action: &'static str,
    /// `None`: no event at all.
    event: Option<(&'static str, &'static str, bool)>,
    /// `resources.type`; `None`: a management event.
    data: Option<&'static str>,
    region: &'static str,
    resource: &'static str,
}

const fn management(action: &'static str, source: &'static str, name: &'static str, read: bool) -> Use {
    Use { action, event: Some((source, name, read)), data: None, region: REGION, resource: "*" }
}

const fn data(action: &'static str, kind: &'static str, source: &'static str, name: &'static str, read: bool) -> Use {
    Use { action, event: Some((source, name, read)), data: Some(kind), region: REGION, resource: "" }
}

const BUCKET: &str = "arn:aws:s3:::shop/*";
const QUEUE: &str = "arn:aws:sqs:eu-west-1:111122223333:orders";
const TABLE: &str = "arn:aws:dynamodb:eu-west-1:111122223333:table/orders";
const TARGET: &str = "arn:aws:lambda:eu-west-1:111122223333:function:next";
const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/k";

/// Every event that each granted action would have made (service guides, "logging with CloudTrail").
const USES: &[Use] = &[
    Use {
        resource: "arn:aws:s3:::shop/in/a",
        ..data("s3:GetObject", "AWS::S3::Object", "s3.amazonaws.com", "GetObject", true)
    },
    Use {
        resource: "arn:aws:s3:::shop/z",
        ..data("s3:GetObject", "AWS::S3::Object", "s3.amazonaws.com", "HeadObject", true)
    },
    Use {
        resource: "arn:aws:s3:::shop/z",
        ..data("s3:PutObject", "AWS::S3::Object", "s3.amazonaws.com", "PutObject", false)
    },
    Use { resource: QUEUE, ..data("sqs:SendMessage", "AWS::SQS::Queue", "sqs.amazonaws.com", "SendMessage", false) },
    Use {
        resource: QUEUE,
        ..data("sqs:SendMessage", "AWS::SQS::Queue", "sqs.amazonaws.com", "SendMessageBatch", false)
    },
    Use {
        resource: TABLE,
        ..data("dynamodb:PutItem", "AWS::DynamoDB::Table", "dynamodb.amazonaws.com", "PutItem", false)
    },
    Use { resource: TABLE, ..data("dynamodb:Query", "AWS::DynamoDB::Table", "dynamodb.amazonaws.com", "Query", true) },
    Use {
        resource: TARGET,
        ..data("lambda:InvokeFunction", "AWS::Lambda::Function", "lambda.amazonaws.com", "Invoke", false)
    },
    Use { resource: KEY, ..management("kms:Decrypt", "kms.amazonaws.com", "Decrypt", true) },
    Use { region: "us-east-1", ..management("iam:CreateUser", "iam.amazonaws.com", "CreateUser", false) },
    management("ec2:DescribeVpcs", "ec2.amazonaws.com", "DescribeVpcs", true),
    management("ec2:CreateVpc", "ec2.amazonaws.com", "CreateVpc", false),
    Use { event: None, ..management("logs:PutLogEvents", "", "", false) },
    management("lambda:CreateFunction", "lambda.amazonaws.com", "CreateFunction20150331", false),
    // A permission without a call: it is used in calls that take a role.
    management("iam:PassRole", "lambda.amazonaws.com", "CreateFunction20150331", false),
];

fn statements() -> Value {
    let allow = |actions: &[&str], resource: &str| json!({"Effect": "Allow", "Action": actions, "Resource": resource});
    json!([
        allow(&["s3:GetObject", "s3:PutObject"], BUCKET),
        allow(&["sqs:SendMessage"], QUEUE),
        allow(&["dynamodb:PutItem", "dynamodb:Query"], TABLE),
        allow(&["lambda:InvokeFunction"], TARGET),
        allow(&["kms:Decrypt"], KEY),
        allow(&["iam:CreateUser", "ec2:DescribeVpcs", "ec2:CreateVpc", "logs:PutLogEvents"], "*"),
        allow(&["lambda:CreateFunction", "iam:PassRole"], "*"),
    ])
}

// ---- the literal reading of a trail ----

/// True if the trail logs this very event (CloudTrail API Reference, `EventSelector`,
/// `AdvancedFieldSelector`).
fn logs(trail: &Value, used: &Use, start: &str) -> bool {
    let Some((source, name, read)) = used.event else { return false };
    let status = &trail["Status"];
    let logging = status["IsLogging"] == true && status["StartLoggingTime"].as_str().is_none_or(|time| time <= start);
    let everywhere = trail["IsMultiRegionTrail"] == true;
    let here = everywhere || trail["HomeRegion"] == used.region;
    let global = source != "iam.amazonaws.com" || trail["IncludeGlobalServiceEvents"] != false || everywhere;
    if !(logging && here && global) {
        return false;
    }
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    if let Some(selectors) = trail["AdvancedEventSelectors"].as_array() {
        return selectors.iter().any(|selector| {
            list(&selector["FieldSelectors"]).iter().all(|field| {
                let value = match field["Field"].as_str().unwrap_or_default() {
                    "eventCategory" => {
                        if used.data.is_some() {
                            "Data"
                        } else {
                            "Management"
                        }
                    }
                    "resources.type" => used.data.unwrap_or(""),
                    "readOnly" => {
                        if read {
                            "true"
                        } else {
                            "false"
                        }
                    }
                    "eventName" => name,
                    "eventSource" => source,
                    "resources.ARN" => used.resource,
                    "userIdentity.arn" => SESSION,
                    _ => return false,
                };
                field.as_object().unwrap().iter().filter(|(key, _)| *key != "Field").all(|(operator, values)| {
                    let values: Vec<String> =
                        list(values).iter().filter_map(|value| value.as_str().map(str::to_owned)).collect();
                    let any = |test: &dyn Fn(&str) -> bool| values.iter().any(|value| test(value));
                    match operator.as_str() {
                        "Equals" => any(&|wanted| value == wanted),
                        "StartsWith" => any(&|wanted| value.starts_with(wanted)),
                        "EndsWith" => any(&|wanted| value.ends_with(wanted)),
                        "NotEquals" => !any(&|wanted| value == wanted),
                        "NotStartsWith" => !any(&|wanted| value.starts_with(wanted)),
                        "NotEndsWith" => !any(&|wanted| value.ends_with(wanted)),
                        _ => false,
                    }
                })
            })
        });
    }
    let default = trail["HasCustomEventSelectors"] == false;
    if default {
        return used.data.is_none();
    }
    list(&trail["EventSelectors"]).iter().any(|selector| {
        let kind = selector["ReadWriteType"].as_str().unwrap_or("All");
        let right_kind = kind == "All" || (kind == "ReadOnly") == read;
        let excluded = list(&selector["ExcludeManagementEventSources"]).iter().any(|excluded| excluded == source);
        right_kind
            && match used.data {
                None => selector["IncludeManagementEvents"] != false && !excluded,
                Some(wanted) => list(&selector["DataResources"]).iter().any(|resource| {
                    resource["Type"] == wanted
                        && list(&resource["Values"]).iter().any(|value| {
                            let value = value.as_str().unwrap();
                            value.split(':').count() == 3 || used.resource.starts_with(value)
                        })
                }),
            }
    })
}

// ---- random input ----

const TYPES: [&str; 5] =
    ["AWS::S3::Object", "AWS::SQS::Queue", "AWS::DynamoDB::Table", "AWS::Lambda::Function", "AWS::SNS::Topic"];
const VALUES: [&str; 16] = [
    "arn:aws:s3:::shop/",
    "arn:aws:s3:::shop/in/",
    "arn:aws:s3:::other/",
    QUEUE,
    TABLE,
    "GetObject",
    "PutItem",
    "Decrypt",
    "kms.amazonaws.com",
    "sqs.amazonaws.com",
    "true",
    "false",
    SESSION,
    "arn:aws:sts::",
    "Head",
    "",
];

fn field() -> impl Strategy<Value = Value> {
    let fields = ["readOnly", "eventName", "eventSource", "resources.ARN", "userIdentity.arn", "errorCode"];
    let operators =
        ["Equals", "StartsWith", "EndsWith", "NotEquals", "NotStartsWith", "NotEndsWith", "NotEquals", "Like"];
    (select(fields.to_vec()), select(operators.to_vec()), vec(select(&VALUES[..]), 1..3))
        .prop_map(|(field, operator, values)| json!({"Field": field, operator: values}))
}

fn advanced() -> impl Strategy<Value = Value> {
    let category = prop_oneof![Just("Management"), Just("Data"), Just("Data")];
    (category, select(&TYPES[..]), vec(field(), 0..2)).prop_map(|(category, kind, more)| {
        let mut fields = vec![json!({"Field": "eventCategory", "Equals": [category]})];
        if category == "Data" {
            fields.push(json!({"Field": "resources.type", "Equals": [kind]}));
        }
        fields.extend(more);
        json!({"FieldSelectors": fields})
    })
}

fn basic() -> impl Strategy<Value = Value> {
    let kinds = ["AWS::S3::Object", "AWS::DynamoDB::Table", "AWS::Lambda::Function"];
    let values =
        ["arn:aws:s3", "arn:aws:s3:::shop/", "arn:aws:s3:::shop/in/", "arn:aws:dynamodb", TABLE, "arn:aws:lambda"];
    let resource = (select(kinds.to_vec()), vec(select(values.to_vec()), 1..3))
        .prop_map(|(kind, values)| json!({"Type": kind, "Values": values}));
    let excluded = vec(select(&["kms.amazonaws.com", "rdsdata.amazonaws.com"][..]), 0..2);
    (select(&["All", "All", "ReadOnly", "WriteOnly"][..]), any::<bool>(), vec(resource, 0..3), excluded).prop_map(
        |(kind, management, resources, excluded)| {
            json!({"ReadWriteType": kind, "IncludeManagementEvents": management, "DataResources": resources,
                   "ExcludeManagementEventSources": excluded})
        },
    )
}

fn trail() -> impl Strategy<Value = Value> {
    let selectors = prop_oneof![
        2 => Just(json!({"HasCustomEventSelectors": false})),
        4 => vec(advanced(), 1..5).prop_map(|list| json!({"AdvancedEventSelectors": list})),
        3 => vec(basic(), 1..3).prop_map(|list| json!({"EventSelectors": list})),
        1 => Just(json!({})),
        1 => Just(json!({"EventSelectors": "nonsense"})),
    ];
    let status = prop_oneof![
        6 => Just(json!({"IsLogging": true, "StartLoggingTime": "2026-01-01T00:00:00Z"})),
        1 => Just(json!({"IsLogging": true, "StartLoggingTime": "2026-09-20T00:00:00Z"})),
        1 => Just(json!({"IsLogging": false, "StopLoggingTime": "2026-09-20T00:00:00Z"})),
        1 => Just(json!({"IsLogging": false})),
        1 => Just(Value::Null),
    ];
    (selectors, status, prop::bool::weighted(0.8), any::<bool>(), select(&[REGION, "us-east-1"][..])).prop_map(
        |(selectors, status, multi, global, home)| {
            let mut trail = json!({"Name": "t", "HomeRegion": home, "IsMultiRegionTrail": multi});
            if !multi {
                trail["IncludeGlobalServiceEvents"] = global.into();
            }
            if !status.is_null() {
                trail["Status"] = status;
            }
            trail.as_object_mut().unwrap().extend(selectors.as_object().unwrap().clone());
            trail
        },
    )
}

#[derive(Debug, Clone)]
struct Case {
    trails: Vec<Value>,
    has_data_events: bool,
    history: Option<&'static str>,
    changed: bool,
    last_accessed: bool,
}

fn case() -> impl Strategy<Value = Case> {
    let history = prop_oneof![4 => Just(None), 1 => Just(Some(EventHistory::ALL_REGIONS)), 1 => Just(Some(REGION))];
    (vec(trail(), 0..4), prop::bool::weighted(0.8), history, prop::bool::weighted(0.1), prop::bool::weighted(0.1))
        .prop_map(|(mut trails, has_data_events, history, changed, last_accessed)| {
            for (number, trail) in trails.iter_mut().enumerate() {
                trail["Name"] = format!("t{number}").into();
                trail["S3BucketName"] = "b".into();
                trail["TrailARN"] = format!("arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/t{number}").into();
            }
            Case { trails, has_data_events, history, changed, last_accessed }
        })
}

// ---- running it ----

fn ledger(case: &Case) -> Ledger {
    let mut events = Vec::new();
    let event = |day: u32, fields: Value| {
        let mut event = json!({
            "eventTime": format!("2026-{:02}-{:02}T01:00:00Z", 9 + day / 30, day % 30 + 1), "awsRegion": REGION,
            "recipientAccountId": ACCOUNT, "eventType": "AwsApiCall", "eventCategory": "Management",
        });
        event.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        event
    };
    let by = json!({"type": "AssumedRole", "principalId": format!("{ROLE_ID}:orders"), "arn": SESSION, "accountId": ACCOUNT,
        "sessionContext": {"sessionIssuer": {"type": "Role", "principalId": ROLE_ID, "arn": ROLE, "accountId": ACCOUNT}}});
    for day in 0..40 {
        events.push(event(
            day,
            json!({"eventSource": "sqs.amazonaws.com", "eventName": "CreateQueue", "userIdentity": by}),
        ));
    }
    if case.has_data_events {
        events.push(event(
            3,
            json!({"eventSource": "sns.amazonaws.com", "eventName": "Publish", "eventCategory": "Data",
            "resources": [{"type": "AWS::SNS::Topic", "ARN": "arn:aws:sns:eu-west-1:111122223333:t"}]}),
        ));
    }
    if case.changed {
        for number in 0..4 {
            events.push(event(
                20,
                json!({"eventSource": "cloudtrail.amazonaws.com", "eventName": "PutEventSelectors",
                "requestParameters": {"trailName": format!("t{number}")}}),
            ));
        }
    }
    let (mut ledger, mut mapper) = (Ledger::default(), Mapper::default());
    for event in events {
        let text = event.to_string();
        let ParsedRecord::Record(record) = parse_record(&text).unwrap() else { panic!("{text}") };
        ledger.observe_record(&record, &RecordSource::Folder { location: "/trail".to_owned() }, &mut mapper);
    }
    ledger
}

fn inventory(case: &Case) -> Inventory {
    let mut inventory = Inventory::new(ACCOUNT.parse().unwrap(), "aws");
    let mut role = role(ROLE, &statements());
    role.last_accessed = case.last_accessed.then(|| LastAccessed {
        services: [("kms".to_owned(), None)].into(),
        completed: Some("2026-10-11T00:00:00Z".parse().unwrap()),
        ..LastAccessed::default()
    });
    let function = function(REGION, "orders", &role);
    inventory.roles.insert(role.arn.clone(), role);
    inventory.functions.insert(function.arn.clone(), function);
    inventory
}

/// Actions that the analysis calls unused.
fn removed(case: &Case) -> BTreeSet<String> {
    removed_by(case, &ledger(case))
}

fn removed_by(case: &Case, ledger: &Ledger) -> BTreeSet<String> {
    let trails = Trails::parse(&json!({ "trailList": case.trails }).to_string()).unwrap();
    let day = |text: &str| day_of(format!("{text}T00:00:00Z").parse().unwrap());
    let days = day("2026-09-01")..day("2026-10-11");
    let history = case.history.map(|region| EventHistory { days: [(region.to_owned(), days.clone())].into() });
    let coverage = Coverage::new(coverage::CoverageEvidence {
        account: ACCOUNT,
        trails: Some(&trails),
        history: history.as_ref(),
        facts: ledger.account(),
        window: coverage::DayWindow::new(&days),
        // What settings select is tried here, not which days were read.
        assume_quiet_days: true,
    });
    let window = ObservationWindow::new(Some(days));
    let settings = AnalysisSettings::default();
    let evidence = AnalysisEvidence {
        ledger,
        coverage: &coverage,
        window: &window,
        settings: &settings,
        doubts: &[],
        density: 1.0,
    };
    let report = analyze(&inventory(case), evidence);
    let rows = report.functions.iter().flat_map(|function| &function.verdicts);
    rows.filter(|row| row.verdict == Verdict::Unused).map(|row| row.action.clone()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_removed_that_could_have_gone_unseen(case in case()) {
        for action in removed(&case) {
            if case.last_accessed && action.starts_with("kms:") {
                continue;
            }
            for used in USES.iter().filter(|used| used.action == action) {
                let by_history = used.event.is_some()
                    && used.data.is_none()
                    && case.history.is_some_and(|region| region == EventHistory::ALL_REGIONS || region == used.region);
                let by_trail = !case.changed
                    && (used.data.is_none() || case.has_data_events)
                    && case.trails.iter().any(|trail| logs(trail, used, "2026-09-11T00:00:00Z"));
                let (name, resource) = (used.event.map_or("nothing", |event| event.1), used.resource);
                prop_assert!(by_history || by_trail, "{action}: {name} on {resource} could have gone unseen");
            }
        }
    }
}

/// The property is not true because nothing is ever removed.
#[test]
fn what_every_source_would_have_shown_is_removed() {
    let selectors: Vec<Value> = std::iter::once(json!({"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}))
        .chain(TYPES.map(|kind| {
            json!({"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}, {"Field": "resources.type", "Equals": [kind]}]})
        }))
        .collect();
    let trail = json!({"Name": "t0", "TrailARN": "arn:aws:cloudtrail:eu-west-1:111122223333:trail/t0", "HomeRegion": REGION,
        "IsMultiRegionTrail": true, "AdvancedEventSelectors": selectors,
        "Status": {"IsLogging": true, "StartLoggingTime": "2026-01-01T00:00:00Z"}});
    let case = Case { trails: vec![trail], has_data_events: true, history: None, changed: false, last_accessed: false };
    let removed = removed(&case);
    for action in [
        "s3:PutObject",
        "sqs:SendMessage",
        "dynamodb:Query",
        "lambda:InvokeFunction",
        "kms:Decrypt",
        "ec2:CreateVpc",
        "lambda:CreateFunction",
        "iam:PassRole",
    ] {
        assert!(removed.contains(action), "{action}: {removed:?}");
    }
    assert!(!removed.contains("logs:PutLogEvents"));
}

/// Days of which only the day was kept count for nothing, and nothing before them.
#[test]
fn usage_that_was_not_kept_is_no_absence() {
    let selector = json!({"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]});
    let trail = json!({"Name": "t0", "TrailARN": "arn:aws:cloudtrail:eu-west-1:111122223333:trail/t0", "HomeRegion": REGION,
        "IsMultiRegionTrail": true, "AdvancedEventSelectors": [selector],
        "Status": {"IsLogging": true, "StartLoggingTime": "2026-01-01T00:00:00Z"}});
    let case =
        Case { trails: vec![trail], has_data_events: false, history: None, changed: false, last_accessed: false };
    let removed_without = |day: &str| {
        let mut ledger = ledger(&case);
        let event = json!({
            "eventTime": format!("{day}T02:00:00Z"), "awsRegion": REGION, "recipientAccountId": ACCOUNT,
            "eventType": "AwsApiCall", "eventCategory": "Management",
            "eventSource": "ec2.amazonaws.com", "eventName": "CreateVpc",
            "userIdentity": {"type": "AssumedRole", "principalId": format!("{ROLE_ID}:x"), "arn": SESSION, "accountId": ACCOUNT,
                "sessionContext": {"sessionIssuer": {
                    "type": "Role", "principalId": ROLE_ID, "arn": ROLE, "accountId": ACCOUNT,
                }}},
        });
        let text = event.to_string();
        let ParsedRecord::Record(record) = parse_record(&text).unwrap() else { panic!("{text}") };
        let source = RecordSource::Folder { location: "/trail".to_owned() };
        ledger.observe_kept(&record, &source, &mut Mapper::default(), &KeptRoles::only([]));
        removed_by(&case, &ledger)
    };
    // 39 days are left, or 20, and 30 are wanted.
    assert!(removed_without("2026-09-01").contains("ec2:CreateVpc"));
    assert_eq!(removed_without("2026-09-20"), BTreeSet::new());
    assert_eq!(removed_without("2026-10-10"), BTreeSet::new());
}

/// All else would have been seen; the one granted call that can pass a role would not.
#[test]
fn a_role_may_have_been_passed_where_calls_that_take_one_are_not_logged() {
    let selector = json!({"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]},
        {"Field": "eventSource", "NotEquals": ["lambda.amazonaws.com"]}]});
    let trail = json!({"Name": "t0", "TrailARN": "arn:aws:cloudtrail:eu-west-1:111122223333:trail/t0", "HomeRegion": REGION,
        "IsMultiRegionTrail": true, "AdvancedEventSelectors": [selector],
        "Status": {"IsLogging": true, "StartLoggingTime": "2026-01-01T00:00:00Z"}});
    let case = Case { trails: vec![trail], has_data_events: true, history: None, changed: false, last_accessed: false };
    let removed = removed(&case);
    assert!(removed.contains("ec2:CreateVpc") && removed.contains("iam:CreateUser"), "{removed:?}");
    // Objects, queues and tables may be read and written unseen, and they may be encrypted.
    assert!(!removed.contains("kms:Decrypt"), "{removed:?}");
    assert!(!removed.contains("iam:PassRole") && !removed.contains("lambda:CreateFunction"), "{removed:?}");
}
