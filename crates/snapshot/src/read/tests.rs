//! What a collection of its own says of itself. The files of a folder are tested with the folder.

use serde_json::{Value, json};
use whittle_analysis::inventory::EventSourceKind;

use super::*;
use crate::documents::SnapshotDocuments;

const REGION: &str = "regions/eu-central-1";

fn function_arn(name: &str) -> String {
    format!("arn:aws:lambda:eu-central-1:111122223333:function:{name}")
}

/// Two functions in a Region, every kind of document for both, nothing in any.
fn complete() -> SnapshotDocuments {
    let mut documents = SnapshotDocuments::default();
    let mut add = |name: String, value: Value| documents.insert(name, value.to_string());
    add(
        "authorization-details.json".to_owned(),
        json!({"RoleDetailList": [{"Arn": "arn:aws:iam::111122223333:role/r",
        "RoleId": "AROAEXAMPLEEXAMPLE00", "RolePolicyList": [], "AttachedManagedPolicies": []}], "Policies": []}),
    );
    add("service-last-accessed/r.json".to_owned(), json!({"JobStatus": "COMPLETED", "ServicesLastAccessed": []}));
    let functions: Vec<Value> = ["mail", "orders"]
        .iter()
        .map(|name| {
            json!({"FunctionArn": format!("{}:$LATEST", function_arn(name)), "Version": "$LATEST",
            "Role": "arn:aws:iam::111122223333:role/r"})
        })
        .collect();
    add(format!("{REGION}/functions.json"), json!({"Functions": functions}));
    add(format!("{REGION}/event-source-mappings.json"), json!({"EventSourceMappings": []}));
    for name in ["mail", "orders"] {
        add(format!("{REGION}/event-invoke-configs/{name}.json"), json!({"FunctionEventInvokeConfigs": []}));
        add(format!("{REGION}/function-urls/{name}.json"), json!({"FunctionUrlConfigs": []}));
        add(format!("{REGION}/resource-policies/{name}.json"), json!({"Policy": null}));
        add(format!("{REGION}/tags/{name}.json"), json!({"Tags": {}}));
    }
    documents
}

fn complete_without(name: &str) -> SnapshotDocuments {
    let mut documents = SnapshotDocuments::default();
    for (other, text) in complete().iter().filter(|(other, _)| *other != name) {
        documents.insert(other, text);
    }
    documents
}

/// Names of functions about which something is not known, and the issues.
fn read(documents: &SnapshotDocuments) -> (Vec<String>, Vec<(String, String, u64)>) {
    let inventory = read_inventory(documents).unwrap();
    let unknown = |function: &&Function| {
        function.config.event_sources.iter().any(|source| source.kind == EventSourceKind::Unknown)
    };
    let names = inventory.functions.values().filter(unknown).map(|function| function.name.clone()).collect();
    (names, inventory.issues.into_iter().map(|issue| (issue.kind.to_string(), issue.place, issue.count)).collect())
}

fn issue(kind: &str, file: &str, count: u64) -> (String, String, u64) {
    (kind.to_owned(), format!("{REGION}/{file}"), count)
}

#[test]
fn documents_that_say_none_leave_nothing_unknown() {
    assert_eq!(read(&complete()), (vec![], vec![]));
}

#[test]
fn what_was_not_collected_is_not_taken_for_none() {
    for (kind, unknown) in [
        ("event-invoke-configs", true),
        ("function-urls", false),
        ("resource-policies", false),
        ("tags", false),
        ("new-kind", true),
    ] {
        let mut documents = complete_without(&format!("{REGION}/{kind}/mail.json"));
        let manifest = json!({"NotCollected": [
            {"FunctionArn": function_arn("mail"), "Documents": [kind]},
            {"FunctionArn": function_arn("not-in-functions-json"), "Documents": [kind]}]});
        documents.insert(format!("{REGION}/not-collected.json"), manifest.to_string());
        let (names, issues) = read(&documents);
        assert_eq!(names, if unknown { vec!["mail"] } else { vec![] }, "{kind}");
        assert_eq!(issues, [issue("not-collected", kind, 1)], "{kind}");
    }
}

#[test]
fn a_list_of_what_is_missing_that_cannot_be_read_is_about_everybody() {
    for text in [
        "",
        "[",
        "{}",
        "{\"NotCollected\": 1}",
        "{\"NotCollected\": [1]}",
        "{\"NotCollected\": [{\"FunctionArn\": 1}]}",
    ] {
        let mut documents = complete();
        documents.insert(format!("{REGION}/not-collected.json"), text.to_owned());
        let (names, issues) = read(&documents);
        assert_eq!(names, ["mail", "orders"], "{text}");
        assert_eq!(issues.len(), 1, "{text} {issues:?}");
    }
}

#[test]
fn a_function_without_the_document_that_others_have_is_not_known() {
    let mut documents = complete_without(&format!("{REGION}/event-invoke-configs/mail.json"));
    assert_eq!(read(&documents).0, ["mail"]);
    // One document about all functions is about this one too.
    documents
        .insert(format!("{REGION}/event-invoke-configs.json"), json!({"FunctionEventInvokeConfigs": []}).to_string());
    assert_eq!(read(&documents).0, [""; 0]);
}

#[test]
fn a_region_without_functions_leaves_nothing_unused() {
    let mut documents = complete();
    documents.insert("regions/us-east-1/not-collected.json", json!({"NotCollected": []}).to_string());
    let (names, issues) = read(&documents);
    assert_eq!(names, ["mail", "orders"]);
    assert_eq!(issues, [("missing-file".to_owned(), "regions/us-east-1/functions.json".to_owned(), 1)]);
}
