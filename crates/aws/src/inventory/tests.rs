use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use serde_json::{Value, json};
use whittle_analysis::inventory::{EventSourceKind, Function, Inventory, PolicyKind};
use whittle_snapshot::{read_inventory, read_trails};

use super::*;
use fake::{ACCOUNT, Account, Fake, REGION, allow, function_arn, many, policy, role, role_arn, version};

mod emulator;
mod fake;
mod faults;
mod numbers;
mod reuse;

const AWS_POLICY: &str = "arn:aws:iam::aws:policy/service-role/Logs";

fn own_policy(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:policy/{name}")
}

/// Two functions, one of them with everything, and a trail.
fn account() -> Account {
    let mut account = Account::default();
    let mut functions = fake::Functions::default();
    let mut orders = version(REGION, "orders", "$LATEST", "orders");
    orders["KMSKeyArn"] = json!("arn:aws:kms:eu-central-1:111122223333:key/1");
    orders["VpcConfig"] = json!({"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"], "VpcId": "vpc-1"});
    orders["DeadLetterConfig"] = json!({"TargetArn": "arn:aws:sqs:eu-central-1:111122223333:dead"});
    orders["Layers"] = json!([{"Arn": "arn:aws:lambda:eu-central-1:111122223333:layer:l:1", "CodeSize": 1}]);
    functions.listed = vec![version(REGION, "orders", "2", "mail"), version(REGION, "mail", "$LATEST", "mail"), orders];
    functions.mappings = vec![
        json!({"UUID": "u2", "FunctionArn": function_arn(REGION, "mail"), "State": "Disabled", "LastModified": 1_735_787_045.0,
            "EventSourceArn": "arn:aws:kinesis:eu-central-1:111122223333:stream/s"}),
        json!({"UUID": "u1", "FunctionArn": format!("{}:live", function_arn(REGION, "orders")), "State": "Enabled", "BatchSize": 10,
            "EventSourceArn": "arn:aws:sqs:eu-central-1:111122223333:q", "LastModified": 1_735_787_045.0,
            "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sns:eu-central-1:111122223333:failed"}}}),
    ];
    let mut detail = |kind, name: &str, value: Value| drop(functions.details.insert((kind, name.to_owned()), value));
    detail(
        "event-invoke-configs",
        "orders",
        json!([{"FunctionArn": format!("{}:$LATEST", function_arn(REGION, "orders")),
        "LastModified": 1_735_787_045.0, "MaximumRetryAttempts": 0,
        "DestinationConfig": {"OnSuccess": {"Destination": "arn:aws:sns:eu-central-1:111122223333:done"}, "OnFailure": {}}}]),
    );
    detail(
        "function-urls",
        "orders",
        json!([{"FunctionUrl": "https://x", "FunctionArn": function_arn(REGION, "orders"),
        "AuthType": "NONE", "CreationTime": "2026-01-01T00:00:00Z", "LastModifiedTime": "2026-01-01T00:00:00Z"}]),
    );
    detail(
        "resource-policies",
        "mail",
        json!({"Version": "2012-10-17", "Statement": [{"Sid": "s", "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"}, "Action": "lambda:InvokeFunction", "Resource": function_arn(REGION, "mail")}]}),
    );
    detail(
        "aliases",
        "orders",
        json!([{"AliasArn": format!("{}:live", function_arn(REGION, "orders")), "Name": "live",
        "FunctionVersion": "2", "RevisionId": "a"}]),
    );
    detail("tags", "orders", json!({"aws:cloudformation:stack-name": "shop", "a": "b"}));
    account.regions.insert(REGION.to_owned(), functions);
    account.roles = vec![
        role("orders", &[AWS_POLICY], Some(&own_policy("Limit"))),
        role("mail", &[], None),
        role("nobody", &[], None),
    ];
    account.policies = vec![
        policy(&own_policy("Unused"), "sqs:*"),
        policy(AWS_POLICY, "logs:PutLogEvents"),
        policy(&own_policy("Limit"), "s3:*"),
    ];
    let arn = format!("arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/org");
    let trail = json!({"Name": "org", "TrailARN": arn, "HomeRegion": "us-east-1", "IsMultiRegionTrail": true, "S3BucketName": "logs",
        "IncludeGlobalServiceEvents": true, "HasCustomEventSelectors": true, "IsOrganizationTrail": false});
    account.trails.insert(REGION.to_owned(), vec![trail]);
    account.statuses.insert(arn.clone(), json!({"IsLogging": true, "StartLoggingTime": 1_735_787_045.0}));
    account.selectors.insert(arn.clone(), json!({"TrailARN": arn, "AdvancedEventSelectors": [
        {"Name": "data", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Data"]}, {"Field": "resources.type", "Equals": ["AWS::S3::Object"]}]},
        {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}]}));
    account.reports = BTreeMap::from([
        ("orders".to_owned(), vec!["s3".to_owned(), "sqs".to_owned()]),
        ("mail".to_owned(), vec!["ses".to_owned()]),
    ]);
    account
}

/// Runs with a clock that jumps over waits.
fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(future)
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const NOW: &str = "2026-01-05T00:01:00Z";

fn settings() -> InventorySettings {
    InventorySettings::new(vec![REGION.to_owned()])
}

async fn again(fake: &Fake, kept: &KeptDocuments, changed: &[&str], now: &str) -> Collected {
    let changed = changed.iter().map(|name| (*name).to_owned()).collect();
    collect(&fake.aws().await, &settings(), kept, &changed, &|| false, at(now)).await.unwrap()
}

async fn first(fake: &Fake) -> Collected {
    again(fake, &KeptDocuments::new(), &[], NOW).await
}

fn function<'a>(inventory: &'a Inventory, name: &str) -> &'a Function {
    &inventory.functions[&function_arn(REGION, name).parse().unwrap()]
}

/// True if something about the function is not known.
fn is_unknown(function: &Function) -> bool {
    function.config.event_sources.iter().any(|source| source.kind == EventSourceKind::Unknown)
}

#[test]
fn what_is_collected_is_read_without_an_issue() {
    let collected = run(first(&Fake::new(account())));
    assert_eq!(collected.issues, []);
    assert!(collected.complete && collected.doubts.is_empty());
    let inventory = read_inventory(&collected.documents).unwrap();
    assert_eq!(inventory.issues, []);
    assert_eq!((inventory.account.as_str(), inventory.functions.len(), inventory.roles.len()), (ACCOUNT, 2, 3));

    let orders = function(&inventory, "orders");
    assert_eq!(orders.role.as_str(), role_arn("orders"));
    assert_eq!(
        (orders.versions[0].version.as_str(), orders.versions[0].role.as_str()),
        ("2", role_arn("mail").as_str())
    );
    assert_eq!(orders.versions[0].aliases, ["live"]);
    assert!(orders.config.in_vpc && orders.config.kms_key.is_some());
    assert_eq!(orders.config.dead_letter_target.as_deref(), Some("arn:aws:sqs:eu-central-1:111122223333:dead"));
    assert_eq!(orders.config.destinations, ["arn:aws:sns:eu-central-1:111122223333:done"]);
    assert_eq!(orders.config.layers.len(), 1);
    assert_eq!(orders.config.event_sources[0].kind, EventSourceKind::Sqs);
    assert_eq!(
        orders.config.event_sources[0].on_failure.as_deref(),
        Some("arn:aws:sns:eu-central-1:111122223333:failed")
    );
    assert_eq!(orders.exposure.url_auth.as_deref(), Some("NONE"));
    let mail = function(&inventory, "mail");
    assert_eq!(mail.exposure.invokers, ["s3.amazonaws.com"]);
    assert!(!mail.config.event_sources[0].enabled);

    let role = &inventory.roles[&role_arn("orders").parse().unwrap()];
    let kinds: Vec<_> = role.policies.iter().map(|policy| (policy.name.as_str(), policy.kind)).collect();
    assert_eq!(kinds, [("own", PolicyKind::Inline), ("Logs", PolicyKind::AwsManaged)]);
    assert!(role.boundary.is_some() && role.unreadable_policies.is_empty());
    assert_eq!(role.last_used, Some(at("2026-01-01T00:00:00Z")));
    let services = &role.last_accessed.as_ref().unwrap().services;
    assert_eq!(services.keys().collect::<Vec<_>>(), ["s3", "sqs"]);
    assert!(inventory.roles[&role_arn("nobody").parse().unwrap()].last_accessed.is_none());

    let trails = read_trails(&collected.documents);
    assert_eq!(trails.issues, []);
    let trails = trails.trails.unwrap().trails;
    assert!(trails.len() == 1 && trails[0].status.as_ref().unwrap().is_logging && trails[0].selectors.is_some());
}

#[test]
fn documents_hold_no_environment_and_no_policy_that_no_role_has() {
    let collected = run(first(&Fake::new(account())));
    for (name, text) in collected.documents.iter() {
        assert!(!text.contains("hunter2") && !text.contains("Environment"), "{name}");
        assert!(!text.contains("policy/Unused"), "{name}");
    }
    let tags = collected.documents.get("regions/eu-central-1/tags/orders.json").unwrap();
    assert_eq!(tags, r#"{"Tags":{"a":"b","aws:cloudformation:stack-name":"shop"}}"#);
    let details: Value = serde_json::from_str(collected.documents.get("authorization-details.json").unwrap()).unwrap();
    let orders =
        details["RoleDetailList"].as_array().unwrap().iter().find(|role| role["RoleName"] == "orders").unwrap();
    assert_eq!(orders["RolePolicyList"][0]["PolicyDocument"], allow("s3:GetObject"));
    assert_eq!(orders["Tags"][0]["Key"], "app");
    let functions = collected.documents.get("regions/eu-central-1/functions.json").unwrap();
    for word in ["app.handler", "\"Timeout\":3", "\"MemorySize\":128", "A \\\"quoted\\\" text", "arm64"] {
        assert!(functions.contains(word), "{word}");
    }
}

#[test]
fn small_pages_and_any_order_give_the_same_documents() {
    let whole = run(first(&Fake::new(account())));
    let mut paged = account();
    paged.page = 1;
    paged.roles.reverse();
    paged.policies.reverse();
    let functions = paged.regions.get_mut(REGION).unwrap();
    functions.listed.reverse();
    functions.mappings.reverse();
    let paged = run(first(&Fake::new(paged)));
    assert_eq!(paged.issues, []);
    assert_eq!(paged.documents, whole.documents);
}

#[test]
fn collecting_can_go_on_in_any_thread() {
    fn check<T: Send>(value: T) -> T {
        value
    }
    let fake = Fake::new(account());
    run(async {
        let aws = fake.aws().await;
        let (settings, kept, changed) = (settings(), KeptDocuments::new(), BTreeSet::new());
        let future = check(collect(&aws, &settings, &kept, &changed, &|| false, at(NOW)));
        assert!(future.await.unwrap().complete);
    });
}

#[test]
fn names_may_hold_whatever_iam_and_lambda_allow() {
    let mut account = many(0);
    let name = "a-B_c".repeat(12);
    let functions = account.regions.get_mut(REGION).unwrap();
    functions.listed.push(version(REGION, &name, "$LATEST", "we+ird=na,me.@x_-1"));
    functions.details.insert(("tags", name.clone()), json!({"k/ey \"1\"": "välue"}));
    account.roles.push(role("we+ird=na,me.@x_-1", &[], None));
    let fake = Fake::new(account);
    let collected = run(first(&fake));
    assert_eq!(collected.issues, []);
    let inventory = read_inventory(&collected.documents).unwrap();
    assert_eq!(inventory.issues, []);
    assert!(!is_unknown(function(&inventory, &name)));
    assert!(inventory.roles.values().all(|role| role.last_accessed.is_some()));
    assert!(fake.take_asked().contains(&format!("ListTags {name}")));
}

#[test]
fn an_account_without_functions_has_an_inventory() {
    let mut account = many(0);
    account.roles.push(role("nobody", &[], None));
    let collected = run(first(&Fake::new(account)));
    assert_eq!(collected.issues, []);
    let inventory = read_inventory(&collected.documents).unwrap();
    assert!(inventory.functions.is_empty() && inventory.roles.len() == 1);
}
