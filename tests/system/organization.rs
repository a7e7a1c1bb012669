//! A bucket of an organisation: folders of two member accounts, and beside them a trail of the account
//! itself.

use serde_json::{Value, json};

use crate::harness::{ACCOUNT, Harness};
use crate::scenario::{SamplePast, WHITTLE, install_with, past, sample, schedule_event};
use crate::trail;

const ORGANIZATION: &str = "o-exampleorgid";

/// Another member, whose files are nobody's business here.
const MEMBER: &str = "444455556666";

/// Resources of an action in the stored suggestion of a function; `None` without a suggestion.
fn resources(harness: &Harness, table: &str, function: &str, action: &str) -> Option<Vec<Value>> {
    let items = harness.items(table);
    let is_of = |item: &&Value| {
        let key = item["pk"]["S"].as_str().unwrap_or_default();
        key.starts_with("FUNCTION#") && key.contains(function) && item["policies"]["S"].is_string()
    };
    let policies: Value = serde_json::from_str(items.iter().find(is_of)?["policies"]["S"].as_str()?).expect("JSON");
    let statements = policies
        .as_array()?
        .iter()
        .flat_map(|policy| policy["document"]["Statement"].as_array().cloned().unwrap_or_default());
    let names = |statement: &Value| match &statement["Action"] {
        Value::Array(all) => all.iter().any(|one| one == action),
        one => one == action,
    };
    let listed = |statement: Value| match statement["Resource"].clone() {
        Value::Array(all) => all,
        one => vec![one],
    };
    Some(statements.filter(names).flat_map(listed).collect())
}

/// An account with the sample functions, a bucket of the organisation's trail and its own, and Whittle.
fn account(parameters: &[(&str, &str)]) -> (Harness, String) {
    let (harness, SamplePast { role_ids, now, records, bucket }) = sample();
    // The account's own trail logs management events alone; that of the organisation data events too.
    let own: Vec<Value> = records.iter().filter(|record| record["managementEvent"] == true).cloned().collect();
    let of_member: Vec<Value> = records
        .iter()
        .map(|record| serde_json::from_str(&record.to_string().replace(ACCOUNT, MEMBER)).expect("JSON"))
        .collect();
    let folder = format!("{ORGANIZATION}/");
    trail::deliver(&harness, &bucket, &own);
    trail::deliver_below(&harness, &bucket, (&folder, ACCOUNT), &records);
    trail::deliver_below(&harness, &bucket, (&folder, MEMBER), &of_member);
    let management = json!({"EventSelectors": [{"ReadWriteType": "All", "IncludeManagementEvents": true}]});
    trail::start_named(&harness, &bucket, ("own", false), &management);
    trail::start_named(&harness, &bucket, ("organisation", true), &trail::with_tables());
    harness.set_past(&past(&role_ids, now, &[]));
    install_with(&harness, "trail-bucket", &bucket, parameters);
    let table = harness.outputs(WHITTLE)["TableName"].clone();
    (harness, table)
}

#[test]
fn a_trail_of_the_organisation_that_is_not_read_proves_nothing() {
    let (harness, table) = account(&[]);
    let answer = harness.invoke(WHITTLE, &schedule_event()).expect("a run");
    assert_eq!(answer["status"], "complete", "{answer:#}");
    let found = resources(&harness, &table, "sample-orders", "dynamodb:GetItem");
    assert_eq!(found, None, "whatever it did stands in files that were not read");
}

#[test]
fn the_files_of_an_organisation_are_read_in_the_folder_of_the_account() {
    let (harness, table) = account(&[("TrailOrganizationId", ORGANIZATION)]);
    harness.proxy.keep_exchanges(true);
    harness.proxy.take_calls();
    let answer = harness.invoke(WHITTLE, &schedule_event()).expect("a run");
    assert_eq!(answer["status"], "complete", "{answer:#}");
    let of = |action: &str| resources(&harness, &table, "sample-orders", action);
    let orders = |resource: &Value| resource.as_str().is_some_and(|arn| arn.ends_with(":table/sample-orders"));
    let found = of("dynamodb:GetItem").unwrap_or_else(|| panic!("no suggestion: {answer:#}"));
    assert!(!found.is_empty() && found.iter().all(orders), "{found:?}");
    assert_eq!(of("dynamodb:DeleteTable"), Some(Vec::new()));
    let calls = harness.proxy.take_calls();
    let targets: Vec<&str> = calls
        .iter()
        .filter(|call| call.operation.service == "s3")
        .filter_map(|call| Some(call.exchange.as_ref()?.request.target()))
        .collect();
    assert!(targets.iter().any(|target| target.contains(ORGANIZATION)), "{targets:?}");
    assert!(!targets.iter().any(|target| target.contains(MEMBER)), "the folder of another member was looked into");
}
