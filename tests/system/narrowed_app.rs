//! The rule above all, tested: an application runs under broad policies, Whittle narrows them by what its
//! trail shows, and the application runs as before under the narrowed ones, which refuse what it never did.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::harness::{ACCOUNT, REGION, actions_of, source};
use crate::proxy::Call;
use crate::recorder::DATA_TYPES;
use crate::scenario::{WHITTLE, covers, install, role_ids, schedule_event};
use crate::shop::{STACK, Shop};
use crate::trail;

const DAYS: i64 = 60;

/// A call that a function is allowed and never makes.
struct Attempt {
    function: &'static str,
    service: &'static str,
    operation: &'static str,
    parameters: Value,
    /// The type of resource whose data events would show it; `None` where management events do.
    data_of: Option<&'static str>,
}

/// None of them changes anything where it is allowed.
fn attempts() -> Vec<Attempt> {
    let management =
        |function, service, operation, parameters| Attempt { function, service, operation, parameters, data_of: None };
    let data = |function, service, operation, parameters| {
        let data_of = match service {
            "dynamodb" => "AWS::DynamoDB::Table",
            "lambda" => "AWS::Lambda::Function",
            _ => "AWS::S3::Object",
        };
        Attempt { data_of: Some(data_of), ..management(function, service, operation, parameters) }
    };
    let key = json!({"id": {"S": "never"}});
    let (uploads, archive) = (format!("shop-uploads-{ACCOUNT}"), format!("shop-archive-{ACCOUNT}"));
    vec![
        data("shop-checkout", "dynamodb", "delete_item", json!({"TableName": "shop-orders", "Key": key})),
        management("shop-checkout", "ssm", "delete_parameter", json!({"Name": "/shop/never"})),
        management("shop-checkout", "ssm", "get_parameter", json!({"Name": "/shop/prices/tax"})),
        data("shop-fulfil", "dynamodb", "delete_item", json!({"TableName": "shop-orders", "Key": key})),
        data("shop-fulfil", "dynamodb", "get_item", json!({"TableName": "shop-mails", "Key": key})),
        management("shop-fulfil", "dynamodb", "describe_table", json!({"TableName": "shop-orders"})),
        management("shop-fulfil", "sns", "list_topics", json!({})),
        data("shop-audit", "s3", "get_object", json!({"Bucket": archive, "Key": "reports/2026-11-21.json"})),
        management("shop-audit", "s3", "get_bucket_versioning", json!({"Bucket": archive})),
        data("shop-thumbnail", "s3", "delete_object", json!({"Bucket": uploads, "Key": "never"})),
        data("shop-thumbnail", "s3", "get_object", json!({"Bucket": archive, "Key": "reports/2026-11-21.json"})),
        management("shop-thumbnail", "s3", "list_buckets", json!({})),
        data("shop-notify", "dynamodb", "update_item", json!({"TableName": "shop-mails", "Key": key})),
        management("shop-notify", "secretsmanager", "list_secrets", json!({})),
        data("shop-report", "dynamodb", "delete_item", json!({"TableName": "shop-orders", "Key": key})),
        management("shop-report", "dynamodb", "list_tables", json!({})),
        data("shop-cleanup", "s3", "delete_object", json!({"Bucket": archive, "Key": "never"})),
        management("shop-cleanup", "lambda", "list_functions", json!({})),
        data("shop-price", "dynamodb", "scan", json!({"TableName": "shop-catalog"})),
        management("shop-price", "ssm", "describe_parameters", json!({})),
        data("shop-quote", "lambda", "invoke", json!({"FunctionName": "shop-audit", "InvocationType": "DryRun"})),
        management("shop-quote", "lambda", "list_functions", json!({})),
        management("shop-quote", "events", "list_rules", json!({})),
        management("shop-refund", "kms", "list_keys", json!({})),
        management("shop-refund", "stepfunctions", "list_state_machines", json!({})),
    ]
}

/// Whittle's verdict on a function and its role.
struct Judged {
    /// The suggestion for the role, whoever shares it.
    policies: Vec<Value>,
    /// As `whittle analyze --format json` prints a function.
    function: Value,
}

#[test]
fn an_application_works_under_its_narrowed_policies_which_refuse_what_it_never_did() {
    let (all_calls, management) = std::thread::scope(|scope| {
        let all_calls = scope.spawn(|| narrowed(true));
        let management = scope.spawn(|| narrowed(false));
        (all_calls.join(), management.join())
    });
    // Each has said already what was wrong.
    let ((_, all_calls), (_, management)) = (all_calls.unwrap(), management.unwrap());
    let number = |result: &Judged, name: &str| result.function["suggestion"][name].as_u64().expect("a number");
    for (function, result) in &all_calls {
        let other = &management[function];
        let (removed, fewer) = (number(result, "removed_actions"), number(other, "removed_actions"));
        assert!(fewer <= removed, "{function}: {fewer} of actions removed by management events, {removed} by all");
        let (kept, more) = (number(result, "kept_unproven"), number(other, "kept_unproven"));
        assert!(more >= kept, "{function}: {more} kept unproven by management events, {kept} by all");
        let covered = |action: &String| actions_of(documents(other)).iter().any(|one| covers(one, action));
        // What a call that was seen may have checked stays beside it. Where the call was not seen, IAM's
        // report of a service that was never touched releases it.
        let possible = |action: &String| {
            let rows = result.function["verdicts"].as_array().into_iter().flatten();
            rows.into_iter().any(|row| row["action"] == **action && row["verdict"] == "possible")
        };
        let lost: Vec<String> =
            actions_of(documents(result)).into_iter().filter(|action| !covered(action) && !possible(action)).collect();
        assert!(lost.is_empty(), "{function}: only the policy by all calls allows {lost:?}");
    }
    for attempt in attempts() {
        let Some(data_of) = attempt.data_of else { continue };
        let (kept, reasons) =
            (number(&management[attempt.function], "kept_unproven"), reasons(&management[attempt.function]));
        assert!(kept > number(&all_calls[attempt.function], "kept_unproven"), "{} keeps no more", attempt.function);
        let of_type = |reason: &Value| reason["kind"] == "not-selected" && reason["data_type"] == data_of;
        assert!(reasons.iter().any(of_type), "{}: {reasons:#?}", attempt.function);
    }
}

fn documents(result: &Judged) -> impl Iterator<Item = &Value> {
    result.policies.iter().map(|policy| &policy["document"])
}

/// Reasons why the coverage does not show the actions that are kept unproven.
fn reasons(result: &Judged) -> Vec<Value> {
    let verdicts = result.function["verdicts"].as_array().cloned().unwrap_or_default();
    let kept = verdicts.iter().filter(|verdict| verdict["verdict"] == "unobservable");
    kept.map(|verdict| verdict["reason"]["because"]["because"]["reason"].clone()).collect()
}

fn refused(shop: &Shop, attempt: &Attempt) -> bool {
    shop.is_refused(attempt.function, attempt.service, attempt.operation, &attempt.parameters)
}

/// The shop used, its policies narrowed by what its trail shows, and used again; results by function.
fn narrowed(data_events: bool) -> (Shop, BTreeMap<String, Judged>) {
    const ORDER: &str = "o-4f1d97";
    let mut shop = Shop::open();
    let calls = shop.use_it(ORDER);
    for attempt in attempts() {
        assert!(!refused(&shop, &attempt), "{} may not {} at first", attempt.function, attempt.operation);
    }
    deliver_past(&shop, &calls, ORDER, data_events);
    install(&shop.harness, "both", &bucket());
    let answer = match shop.harness.invoke(WHITTLE, &schedule_event()) {
        Ok(answer) => answer,
        Err(error) => panic!("the run failed: {error:#}"),
    };
    assert_eq!(answer["status"], "complete", "{answer:#}");
    // The bucket has no digest files.
    let issues: Vec<&Value> = answer["issues"].as_array().into_iter().flatten().map(|issue| &issue["kind"]).collect();
    assert_eq!(issues, ["no-digests"], "{answer:#}");
    let results = results(&shop);
    for (function, result) in &results {
        let suggestion = &result.function["suggestion"];
        assert!(suggestion["removed_actions"].as_u64() > Some(0), "{function}: nothing is removed: {suggestion:#}");
        assert_eq!(suggestion["proof"], json!({"never_wider": true, "never_too_narrow": true}), "{function}");
    }
    let template = apply_and_deploy(&shop);
    for broad in ["[AmazonS3FullAccess]", "policy/AmazonDynamoDBFullAccess", "'states:*'", "'ssm:*'"] {
        assert!(!template.contains(broad), "{broad} is still in the template:\n{template}");
    }
    shop.use_it("o-b2c803");
    for attempt in attempts() {
        let expected = data_events || attempt.data_of.is_none();
        let Attempt { function, operation, parameters, .. } = &attempt;
        assert_eq!(
            refused(&shop, &attempt),
            expected,
            "data events {data_events}: {function} {operation} {parameters}"
        );
    }
    (shop, results)
}

fn bucket() -> String {
    format!("shop-trail-{ACCOUNT}")
}

/// As if the calls had been made on each of many days, each with an order of its own, and a trail had seen
/// them.
fn deliver_past(shop: &Shop, calls: &[Call], order: &str, data_events: bool) {
    let now = Timestamp::now();
    let habits = shop.recorder.habits(calls);
    let role_ids = role_ids(&shop.harness);
    let records = trail::history(&role_ids, now, DAYS, |back| {
        let another = format!("o-{:06x}", (back + 7) * 2_654_435 % 0xff_ffff);
        let seen = habits.iter().filter(|habit| data_events || !habit.data);
        let renamed = seen.map(|habit| {
            let mut habit = habit.clone();
            for value in [&mut habit.parameters, &mut habit.resources] {
                let text = value.to_string().replace(order, &another);
                *value = serde_json::from_str(&text).expect("an id in the place of another");
            }
            habit
        });
        renamed.collect()
    });
    trail::deliver(&shop.harness, &bucket(), &records);
    trail::start(&shop.harness, &bucket(), &trail::with_data_of(if data_events { DATA_TYPES } else { &[] }));
    let yesterday = Timestamp::from_second(now.as_second() - 86_400).expect("yesterday").to_string();
    let used: BTreeMap<&String, &String> = role_ids.keys().map(|role| (role, &yesterday)).collect();
    shop.harness.set_past(&json!({
        "born": "2025-01-01T00:00:00Z",
        "last_used": used,
        "last_accessed": shop.last_accessed(calls, &yesterday),
        "events": records,
    }));
}

/// By name of the function.
fn results(shop: &Shop) -> BTreeMap<String, Judged> {
    let outputs = shop.harness.outputs(WHITTLE);
    let items = shop.harness.items(&outputs["TableName"]);
    let text = |item: &Value, name: &str| item[name]["S"].as_str().unwrap_or_default().to_owned();
    let find = |pk: String, sk: &str| {
        let item = items.iter().find(|item| text(item, "pk") == pk && text(item, "sk") == sk);
        item.unwrap_or_else(|| panic!("no result for {pk}"))
    };
    let of_function = |(function, role): (String, String)| {
        let arn = format!("arn:aws:iam::{ACCOUNT}:role/{role}");
        let item = find(format!("ROLE#{arn}"), "RESULT");
        let policies: Vec<Value> = serde_json::from_str(&text(item, "policies"))
            .unwrap_or_else(|_| panic!("nothing is suggested for {role}: {}", item["content"]["B"]));
        let item =
            find(format!("FUNCTION#arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"), &format!("ROLE#{arn}"));
        let content = item["content"]["B"].as_str().unwrap_or_default();
        (function, Judged { policies, function: serde_json::from_str(content).expect("a result") })
    };
    shop.roles().into_iter().map(of_function).collect()
}

/// Acts as a developer: narrows the template's policies by the table's results and deploys it. Returns the
/// template.
fn apply_and_deploy(shop: &Shop) -> String {
    let folder = shop.harness.dir.path().join("repository");
    let template = folder.join("shop.yaml");
    std::fs::create_dir_all(folder.join("shop")).expect("a folder");
    for file in ["shop.yaml", "shop/app.py"] {
        std::fs::copy(source(file), folder.join(file)).expect("a copy");
    }
    let resources = shop.harness.aws("cloudformation", "describe_stack_resources", json!({"StackName": STACK}));
    std::fs::write(folder.join("resources.json"), resources.to_string()).expect("a file");
    let table = shop.harness.outputs(WHITTLE)["TableName"].clone();
    for (question, answer) in [
        (&["policy", "Checkout", "--stack", STACK, "--format", "sam"][..], "Policies:"),
        (&["explain", "shop-checkout", "ssm:GetParameter"], "code of shop-checkout:"),
    ] {
        let (done, output) = shop.harness.whittle(&folder, &[question, &["--table", &table]].concat());
        assert!(done && output.contains(answer), "{question:?}: {output}");
    }
    let apply = ["apply", "shop.yaml", "--stack-resources", "resources.json", "--stack", STACK, "--table", &table];
    let (done, output) = shop.harness.whittle(&folder, &apply);
    assert!(done, "{output}");
    assert!(!output.contains("left as it is"), "nothing is left to be done by hand: {output}");
    let (done, output) = shop.harness.whittle(&folder, &[&apply[..], &["--check"]].concat());
    assert!(done, "nothing is left to narrow: {output}");
    shop.harness.deploy(STACK, &template, &[]);
    std::fs::read_to_string(template).expect("the template")
}
