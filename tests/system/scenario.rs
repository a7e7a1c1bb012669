//! Scenarios in an account that Whittle was deployed to.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};
use whittle_policy::action::ActionPattern;

use crate::faults::{Fault, FaultPlan};
use crate::harness::{ACCOUNT, Harness, REGION, actions_of, source};
use crate::proxy::Call;
use crate::trail;

pub const WHITTLE: &str = "whittle";

/// Granted, and never seen by the proxy: AWS services call these with the role, or inside of another call.
const NOT_SEEN: &[&str] = &[
    // Lambda writes the log with the function's role.
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    // Lambda hands over events that failed for good.
    "sqs:SendMessage",
    // DynamoDB, SNS, SQS and S3 use keys for the caller.
    "kms:Decrypt",
    "kms:GenerateDataKey",
    // Only a run that comes to its deadline goes on by itself: a scenario of its own.
    "lambda:InvokeFunction",
];

/// An account with the sample functions, their trail, and Whittle.
struct SampleAccount {
    harness: Harness,
    outputs: BTreeMap<String, String>,
    inbox: String,
    schedule: Value,
}

impl SampleAccount {
    fn new(evidence: &str) -> Self {
        Self::busy(evidence, 1)
    }

    /// An account where everything happened `times` times, by its event history.
    fn busy(evidence: &str, times: usize) -> Self {
        let (harness, SamplePast { role_ids, now, records, bucket }) = sample();
        trail::deliver(&harness, &bucket, &records);
        trail::start(&harness, &bucket, &trail::with_tables());
        harness.set_past(&past(&role_ids, now, &repeated(&records, times)));
        install(&harness, evidence, &bucket);
        let outputs = harness.outputs(WHITTLE);
        let inbox = harness.aws("sqs", "get_queue_url", json!({"QueueName": "sample-inbox"}));
        let inbox = inbox["QueueUrl"].as_str().expect("a queue").to_owned();
        // Alarms carry no attributes: the filter keeps them out.
        harness.aws(
            "sns",
            "subscribe",
            json!({
                "TopicArn": outputs["AlertTopicArn"],
                "Protocol": "sqs",
                "Endpoint": format!("arn:aws:sqs:{REGION}:{ACCOUNT}:sample-inbox"),
                "Attributes": {"FilterPolicy": r#"{"severity":[{"exists":true}]}"#},
            }),
        );
        let schedule = schedule_event();
        harness.proxy.take_calls();
        Self { harness, outputs, inbox, schedule }
    }

    #[track_caller]
    fn tick(&self) -> Value {
        match self.harness.invoke(WHITTLE, &self.schedule) {
            Ok(answer) => answer,
            Err(error) => panic!("the run failed: {error:#}"),
        }
    }

    fn items(&self) -> Vec<Value> {
        self.harness.items(&self.outputs["TableName"])
    }

    /// As if Whittle had never run.
    fn forget(&self) {
        for item in self.items() {
            let key = json!({"pk": item["pk"], "sk": item["sk"]});
            let parameters = json!({"TableName": self.outputs["TableName"], "Key": key});
            self.harness.aws("dynamodb", "delete_item", parameters);
        }
        self.harness.take_messages(&self.inbox);
    }

    /// Actions that the suggestion of each function and role allows, by key of the item.
    fn suggested(&self) -> BTreeMap<String, BTreeSet<String>> {
        let suggested = |item: &Value| {
            let policies: Value = serde_json::from_str(item["policies"]["S"].as_str()?).ok()?;
            let documents = policies.as_array()?.iter().map(|policy| &policy["document"]);
            Some((key_of(item), actions_of(documents)))
        };
        self.items().iter().filter(|item| is_result(&key_of(item))).filter_map(suggested).collect()
    }

    /// Actions that Whittle's calls needed since the last look; unknown operations by their own name.
    fn actions_called(&self) -> BTreeSet<String> {
        let calls = self.harness.proxy.take_calls();
        let mut actions = BTreeSet::new();
        for call in calls.iter().filter(|call| call.operation.access_key.starts_with("ASIA")) {
            let operation = &call.operation;
            if operation.actions.is_empty() && operation.name != "GetCallerIdentity" {
                actions.insert(format!("unknown operation {}.{}", operation.service, operation.name));
            }
            actions.extend(operation.actions.iter().cloned());
        }
        actions
    }

    fn role(&self) -> &str {
        self.outputs["RoleArn"].rsplit('/').next().expect("an ARN of a role")
    }
}

/// What the sample functions did, and the bucket for it.
pub struct SamplePast {
    /// Ids of all roles by their name.
    pub role_ids: BTreeMap<String, String>,
    pub now: Timestamp,
    /// Of 60 days.
    pub records: Vec<Value>,
    /// Empty.
    pub bucket: String,
}

/// An account with the sample functions, and what is to be told of their past.
pub fn sample() -> (Harness, SamplePast) {
    let harness = Harness::start();
    harness.deploy("sample", &source("sample.yaml"), &[]);
    let role_ids = role_ids(&harness);
    let now = Timestamp::now();
    let records = trail::records(&role_ids, now, 60);
    (harness, SamplePast { role_ids, now, records, bucket: format!("sample-trail-{ACCOUNT}") })
}

/// Deploys Whittle, which runs only when it is invoked.
pub fn install(harness: &Harness, evidence: &str, trail_bucket: &str) {
    install_with(harness, evidence, trail_bucket, &[]);
}

/// The same with more parameters.
pub fn install_with(harness: &Harness, evidence: &str, trail_bucket: &str, more: &[(&str, &str)]) {
    // The Regions are named: the emulator knows no pseudo parameters in conditions.
    let regions = format!("{REGION},us-east-1");
    let mut parameters = vec![
        ("Architecture", architecture()),
        ("EvidenceSource", evidence),
        ("TrailBucket", trail_bucket),
        ("Regions", &regions),
        // Nobody else asks.
        ("EventHistoryShare", "100"),
        ("LookbackDays", "60"),
        ("MinWindowDays", "30"),
        ("ScheduleState", "DISABLED"),
    ];
    parameters.extend(more);
    harness.deploy(WHITTLE, &harness.built_template(), &parameters);
}

/// The event that starts a run.
pub fn schedule_event() -> Value {
    serde_json::from_str(include_str!("../../events/schedule.json")).expect("events/schedule.json is JSON")
}

/// Of this machine: the emulator runs the function as a process.
fn architecture() -> &'static str {
    if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" }
}

/// Each record so many times, as calls of their own.
fn repeated(records: &[Value], times: usize) -> Vec<Value> {
    let copy = |number: usize| {
        records.iter().map(move |record| {
            let mut record = record.clone();
            let id = record["eventID"].as_str().unwrap_or_default().to_owned();
            record["eventID"] = json!(format!("{number:08}{}", id.get(8..).unwrap_or_default()));
            record
        })
    };
    (0..times).flat_map(copy).collect()
}

/// Ids of all roles by their name.
pub fn role_ids(harness: &Harness) -> BTreeMap<String, String> {
    let answer = harness.aws("iam", "list_roles", json!({}));
    let roles = answer["Roles"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    roles.iter().map(|role| (text(&role["RoleName"]), text(&role["RoleId"]))).collect()
}

/// Roles that are old, were used a day ago, and whose services IAM says were or were never used.
pub fn past(role_ids: &BTreeMap<String, String>, now: Timestamp, records: &[Value]) -> Value {
    let yesterday = Timestamp::from_second(now.as_second() - 86_400).expect("yesterday").to_string();
    let used: BTreeMap<&String, &String> = role_ids.keys().map(|role| (role, &yesterday)).collect();
    json!({
        "born": "2025-01-01T00:00:00Z",
        "last_used": used,
        "last_accessed": {
            "sample-orders-role": {"dynamodb": yesterday, "logs": yesterday},
            "sample-reports-role": {"ssm": yesterday, "logs": yesterday, "iam": null},
            "sample-admin-role": {"iam": yesterday},
        },
        "events": records,
    })
}

#[test]
fn a_tick_judges_a_second_is_silent_and_what_gets_worse_is_told_once() {
    let account = SampleAccount::new("both");
    let first = account.tick();
    assert_eq!(first["status"], "complete", "{first:#}");
    let messages = account.harness.take_messages(&account.inbox);
    assert!(!messages.is_empty(), "a public function that may hand out roles is worth an alert: {first:#}");
    for message in &messages {
        let subject = message["Subject"].as_str().unwrap_or_default();
        assert!(subject.is_ascii() && subject.len() < 100, "{subject}");
    }
    let after_first = account.items();

    assert_paced(&account.harness.proxy.take_calls());

    account.tick();
    assert!(account.harness.take_messages(&account.inbox).is_empty(), "a second tick has nothing to tell");
    let after_second = account.items();
    assert_eq!(
        changed(&after_first, &after_second),
        Vec::<String>::new(),
        "a second tick writes nothing but its record"
    );

    account.harness.deploy("sample", &source("sample.yaml"), &[("ReportsWorse", "true")]);
    account.tick();
    let messages = account.harness.take_messages(&account.inbox);
    assert_eq!(messages.len(), 1, "{messages:#?}");
    assert!(messages[0].to_string().contains("sample-reports"), "{messages:#?}");
}

#[test]
fn the_calls_need_exactly_what_the_template_grants() {
    let account = SampleAccount::new("both");
    // Aliases are asked for only where there are versions that they may point to.
    account.harness.aws("lambda", "publish_version", json!({"FunctionName": "sample-orders"}));
    account.tick();
    // Reads what is stored, and forgets what it does not need any more.
    account.harness.deploy("sample", &source("sample.yaml"), &[("ReportsWorse", "true")]);
    account.tick();
    account.harness.deploy("sample", &source("sample.yaml"), &[("ReportsWorse", "false")]);
    account.harness.aws("lambda", "delete_function", json!({"FunctionName": "sample-admin"}));
    account.tick();
    let called = account.actions_called();
    let granted = actions_of(account.harness.policies(account.role()).values());
    let missing: Vec<&String> = called.difference(&granted).collect();
    assert!(missing.is_empty(), "called, and not granted by template.yaml: {missing:?}");
    let unused: Vec<&String> =
        granted.difference(&called).filter(|action| !NOT_SEEN.contains(&action.as_str())).collect();
    assert!(unused.is_empty(), "granted by template.yaml, and never called: {unused:?}");
    let writes: Vec<&String> = granted.iter().filter(|action| action.starts_with("iam:")).collect();
    assert_eq!(
        writes,
        [
            "iam:GenerateServiceLastAccessedDetails",
            "iam:GetAccountAuthorizationDetails",
            "iam:GetServiceLastAccessedDetails"
        ],
        "the role must not be able to change IAM"
    );
}

#[test]
fn a_disturbed_run_ends_as_an_undisturbed_one() {
    let calm = SampleAccount::new("both");
    calm.tick();
    let disturbed = SampleAccount::new("both");
    disturbed.harness.proxy.disturb(Some(FaultPlan::transient(1, 0.2)));
    // A run may give up; the next goes on where it was.
    let ended = (0..5).any(|_| {
        let answer = disturbed.harness.invoke(WHITTLE, &disturbed.schedule);
        answer.is_ok_and(|answer| answer["status"] == "complete")
    });
    disturbed.harness.proxy.disturb(None);
    let calls = disturbed.harness.proxy.take_calls();
    let struck = calls.iter().filter(|call| call.fault.is_some()).count();
    assert!(struck * 10 > calls.len(), "{struck} of {} calls were disturbed", calls.len());
    assert!(ended, "five runs did not come to an end");
    assert_eq!(results(&disturbed.items()), results(&calm.items()));
    let subjects = |account: &SampleAccount| {
        let messages = account.harness.take_messages(&account.inbox);
        messages.iter().map(|message| message["Subject"].clone().to_string()).collect::<BTreeSet<_>>()
    };
    assert_eq!(subjects(&disturbed), subjects(&calm));
}

#[test]
fn an_expired_token_and_repeated_pages_are_got_over() {
    // Many pages of event history, of which some are repeated.
    let account = SampleAccount::busy("both", 10);
    account.tick();
    let calm = results(&account.items());
    for fault in [Fault::ExpiredToken, Fault::RepeatedPage] {
        account.forget();
        account.harness.proxy.take_calls();
        account.harness.proxy.disturb(Some(FaultPlan { kinds: vec![fault], burst: 1, ..FaultPlan::transient(1, 0.2) }));
        // The answer may be an error here: the environment's credentials do not get fresher.
        account.harness.invoke(WHITTLE, &account.schedule).ok();
        account.harness.proxy.disturb(None);
        let calls = account.harness.proxy.take_calls();
        assert!(calls.iter().any(|call| call.fault == Some(fault)), "{fault:?} struck none of {} calls", calls.len());
        let answer = account.tick();
        assert_eq!(answer["status"], "complete", "{fault:?}: {answer:#}");
        assert_eq!(results(&account.items()), calm, "{fault:?}");
    }
}

#[test]
fn without_a_permission_a_run_says_so_and_suggests_nothing_that_rests_on_it() {
    let account = SampleAccount::new("both");
    account.tick();
    let calm = account.suggested();
    assert!(!calm.is_empty(), "something is suggested for the sample functions");
    let role = account.role().to_owned();
    let policies = account.harness.policies(&role);
    let put = |name: &str, document: &Value| {
        let parameters = json!({"RoleName": role, "PolicyName": name, "PolicyDocument": document.to_string()});
        account.harness.aws("iam", "put_role_policy", parameters);
    };
    for (name, document) in &policies {
        for action in actions_of([document]).iter().filter(|action| !NOT_SEEN.contains(&action.as_str())) {
            put(name, &without(document, action));
            account.forget();
            account.harness.proxy.take_calls();
            let answer = account.harness.invoke(WHITTLE, &account.schedule);
            let refused = account
                .harness
                .proxy
                .take_calls()
                .iter()
                .any(|call| matches!(call.status, 400 | 403) && call.operation.actions.contains(action));
            put(name, document);
            let text = answer.as_ref().map_or_else(Value::to_string, Value::to_string);
            // What was not called in this run could not be refused either.
            if refused {
                assert!(text.contains(action), "{action} was refused, and the run does not say so: {text}");
            }
            for (key, kept) in account.suggested() {
                // A suggestion is never bolder for knowing less.
                let wanted = calm.get(&key).into_iter().flatten();
                let missing: Vec<_> = wanted.filter(|one| !kept.iter().any(|kept| covers(kept, one))).collect();
                assert!(missing.is_empty(), "without {action}, {key} loses {missing:?}");
            }
        }
    }
}

/// True if one pattern of actions allows all that another does.
pub fn covers(pattern: &str, other: &str) -> bool {
    let parsed = |text: &str| text.parse::<ActionPattern>().expect("a pattern of actions");
    parsed(pattern).covers(&parsed(other))
}

/// Two calls a second, account and Region (AWS CloudTrail API Reference, LookupEvents).
fn assert_paced(calls: &[Call]) {
    let mut by_region: BTreeMap<&str, Vec<Duration>> = BTreeMap::new();
    for call in calls.iter().filter(|call| call.operation.name == "LookupEvents") {
        by_region.entry(&call.operation.region).or_default().push(call.at);
    }
    for (region, mut times) in by_region {
        times.sort();
        for window in times.windows(4) {
            // Four calls span three gaps of half a second; a fifth is for times that are taken after the
            // answer.
            assert!(
                window[3].saturating_sub(window[0]) > Duration::from_millis(1_200),
                "{region} was asked too fast: {times:?}"
            );
        }
    }
}

#[test]
fn a_run_that_comes_to_its_deadline_goes_on_by_itself() {
    // At two pages a second event history takes longer than one invocation may read.
    let account = SampleAccount::busy("event-history", 40);
    let timeout = json!({"FunctionName": WHITTLE, "Timeout": 30});
    account.harness.aws("lambda", "update_function_configuration", timeout);
    let first = account.tick();
    assert_eq!((&first["status"], &first["continued"]), (&json!("continues"), &json!(true)), "{first:#}");
    let give_up = Instant::now() + Duration::from_mins(10);
    let last_run = || account.items().into_iter().find(|item| item["sk"]["S"] == "LAST").unwrap_or_default();
    while last_run()["status"]["S"] != "complete" {
        assert!(Instant::now() < give_up, "the run did not go on to its end: {:#}", last_run());
        std::thread::sleep(Duration::from_secs(2));
    }
    assert!(!account.suggested().is_empty(), "the end of it is a judgement");
    assert!(!account.harness.take_messages(&account.inbox).is_empty(), "and an alert");
    let invoked = account.harness.proxy.take_calls().iter().any(|call| call.operation.name == "Invoke");
    assert!(invoked, "it was the function that invoked itself");
}

/// For a person: `cargo xtask emulator` runs it.
#[test]
#[ignore = "waits for a line on standard input; run it with `cargo xtask emulator`"]
fn stay() {
    let account = SampleAccount::new("both");
    let (endpoint, table) = (&account.harness.endpoint, &account.outputs["TableName"]);
    println!(
        "
An AWS account with three sample functions, a trail of 60 days, and Whittle, which has not run yet.
Region {REGION}, stack `{WHITTLE}`, function `{WHITTLE}`, table `{table}`. In another terminal:

    export AWS_ENDPOINT_URL={endpoint} AWS_REGION={REGION} AWS_ACCESS_KEY_ID={ACCOUNT} AWS_SECRET_ACCESS_KEY=test
    aws lambda invoke --function-name {WHITTLE} --payload fileb://events/schedule.json /dev/stdout
    aws dynamodb scan --table-name {table}
    aws sqs receive-message --queue-url {inbox}
    cargo run --release --features aws -- policy sample-orders --table {table}

Enter ends it.",
        inbox = account.inbox,
    );
    std::io::stdin().read_line(&mut String::new()).ok();
}

/// The policy without one action.
fn without(document: &Value, action: &str) -> Value {
    let mut document = document.clone();
    let statements = document["Statement"].as_array_mut().expect("statements");
    for statement in statements.iter_mut() {
        match &mut statement["Action"] {
            Value::Array(actions) => actions.retain(|one| one != action),
            Value::String(one) if one == action => statement["Action"] = json!([]),
            _ => {}
        }
    }
    statements.retain(|statement| statement["Action"] != json!([]));
    // IAM wants one statement at least; this one allows nothing.
    if statements.is_empty() {
        statements.push(json!({"Sid": "Nothing", "Effect": "Deny", "Action": action, "Resource": "*"}));
    }
    document
}

fn key_of(item: &Value) -> String {
    format!("{} {}", item["pk"]["S"], item["sk"]["S"])
}

/// The present result of a sample function or its role. Whittle's own names keys, whose ids differ between
/// accounts.
fn is_result(key: &str) -> bool {
    let kinds = ["\"FUNCTION#", "\"ROLE#"];
    let of_one = kinds.iter().any(|kind| key.starts_with(kind)) && key.contains("sample-");
    of_one && !key.contains("\"HISTORY#") && !key.contains("\"PART#")
}

/// Keys of what differs between two states of the table, records of runs aside.
fn changed(before: &[Value], after: &[Value]) -> Vec<String> {
    let by_key = |items: &[Value]| -> BTreeMap<String, Value> {
        items.iter().map(|item| (key_of(item), item.clone())).collect()
    };
    let (before, after) = (by_key(before), by_key(after));
    let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let differs = keys.into_iter().filter(|key| before.get(*key) != after.get(*key));
    differs.filter(|key| !is_about_runs(key)).cloned().collect()
}

/// Lease and records of runs, which each run writes (docs/table.md).
fn is_about_runs(key: &str) -> bool {
    key.starts_with("\"RUN#")
}

/// Look-ups of people in the table: results, findings, and what the results say. Findings say when they were
/// first seen, and history when it was written. Evidence is left out: its keys hold ids of roles, which
/// differ between accounts.
fn results(items: &[Value]) -> BTreeSet<String> {
    let mut out = BTreeSet::new();
    for item in items {
        let key = key_of(item);
        if key.starts_with("\"FINDING#") {
            out.insert(key);
        } else if is_result(&key) {
            out.insert(format!("{key} {}", item["digest"]));
        }
    }
    out
}
