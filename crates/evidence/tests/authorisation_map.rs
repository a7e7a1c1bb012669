//! What AWS lists under an operation is kept unless a sourced rule shows from the event that the call did not
//! check it: over every operation of the table, and for the rules one by one.

#![expect(clippy::panic, clippy::indexing_slicing, reason = "what a test cannot read is a failure of the test")]
#![expect(clippy::needless_pass_by_value, reason = "parameters are written where they are used")]

use std::collections::BTreeSet;

use serde_json::{Value, json};
use whittle_catalog::catalog;
use whittle_catalog::events::EventResolution;
use whittle_evidence::map::{EventClass, Mapped, map_record};
use whittle_evidence::record::{ParsedRecord, parse_record};

fn map(source: &str, name: &str, request: Value, more: &[(&str, Value)]) -> Mapped {
    let mut record = json!({
        "eventTime": "2026-09-01T10:00:00Z", "eventSource": format!("{source}.amazonaws.com"), "eventName": name,
        "awsRegion": "eu-west-1", "recipientAccountId": "111122223333", "eventType": "AwsApiCall",
        "requestParameters": request,
    });
    for (key, value) in more {
        record[*key] = value.clone();
    }
    match parse_record(&record.to_string()) {
        Ok(ParsedRecord::Record(record)) => map_record(&record),
        other => panic!("no record: {other:?}"),
    }
}

fn possible(mapped: &Mapped) -> Vec<&'static str> {
    mapped.possible.iter().map(|action| catalog().info(*action).name()).collect()
}

/// Used or possible.
fn checked(mapped: &Mapped) -> Vec<&'static str> {
    let used = mapped.uses.iter().map(|used| catalog().info(used.action).name());
    used.chain(possible(mapped)).collect()
}

/// Every operation that AWS's table knows, called without any parameter that could exclude something: each
/// action listed is used or possible, or a rule says that no call of the operation checks it.
#[test]
fn no_listed_action_is_silently_left_out() {
    let (mut pairs, mut never, mut lost) = (0, 0, BTreeSet::new());
    for operation in catalog().services().flat_map(|service| service.operations().collect::<Vec<_>>()) {
        let listed = operation.authorised_by();
        let source = format!("{}.amazonaws.com", operation.prefix());
        let EventResolution::Actions(rule) = catalog().resolve_event(&source, operation.name()) else { continue };
        // Another service of the same event source may own the name.
        if rule.prefix() != operation.prefix() || listed.len() < 2 {
            continue;
        }
        let mapped = map(operation.prefix(), operation.name(), Value::Null, &[]);
        let never_checked: Vec<_> = rule
            .further_actions(catalog())
            .into_iter()
            .filter(whittle_catalog::events::FurtherAction::is_never_checked)
            .map(|further| further.action)
            .collect();
        for action in listed {
            pairs += 1;
            if never_checked.contains(&action) {
                never += 1;
            } else if !mapped.possible.contains(&action) && !mapped.uses.iter().any(|used| used.action == action) {
                lost.insert(format!("{operation}: {}", catalog().info(action).name()));
            }
        }
    }
    assert!(lost.is_empty(), "{} of {pairs} pairs lost: {lost:#?}", lost.len());
    assert!(pairs > 5_000 && never < 60, "{pairs} pairs, {never} never");
}

#[test]
fn a_rule_excludes_only_where_the_event_shows_it() {
    let create_queue = |request: Value| possible(&map("sqs", "CreateQueue", request, &[]));
    assert_eq!(create_queue(json!({"queueName": "q"})), Vec::<&str>::new(), "no tags in the request");
    assert_eq!(create_queue(Value::Null), ["sqs:TagQueue"], "parameters left out of the event show nothing");
    assert_eq!(create_queue(json!({})), ["sqs:TagQueue"]);
    let tagged = map("sqs", "CreateQueue", json!({"queueName": "q", "tags": {"team": "a"}}), &[]);
    assert!(tagged.uses.iter().any(|used| catalog().info(used.action).name() == "sqs:TagQueue"));

    // Tags at any depth, under any of the names that services use.
    for request in [
        json!({"volumeType": "gp3", "tagSpecificationSet": {"items": [{"resourceType": "volume"}]}}),
        json!({"CreateVolumeRequest": {"TagSpecification": {"Tag": {"Key": "a"}}}}),
    ] {
        let mapped = map("ec2", "CreateVolume", request.clone(), &[]);
        let used = mapped.uses.iter().any(|used| catalog().info(used.action).name() == "ec2:CreateTags");
        assert!(used || possible(&mapped).contains(&"ec2:CreateTags"), "{request}");
    }
    assert!(!possible(&map("ec2", "CreateVolume", json!({"size": "8"}), &[])).contains(&"ec2:CreateTags"));
    // A launch template may carry tags.
    let run = |request: Value| possible(&map("ec2", "RunInstances", request, &[])).contains(&"ec2:CreateTags");
    assert!(run(json!({"launchTemplate": {"launchTemplateId": "lt-1"}})) && !run(json!({"imageId": "ami-1"})));

    // The kind of an account policy decides; a masked or missing one decides nothing.
    let delete = |request: Value| checked(&map("logs", "DeleteAccountPolicy", request, &[]));
    assert!(delete(json!({"policyName": "p", "policyType": "TRANSFORMER_POLICY"})).contains(&"logs:DeleteTransformer"));
    assert!(
        !delete(json!({"policyName": "p", "policyType": "TRANSFORMER_POLICY"})).contains(&"logs:DeleteIndexPolicy")
    );
    for unreadable in [json!({"policyName": "p"}), json!({"policyType": "HIDDEN_DUE_TO_SECURITY_REASONS"})] {
        assert!(delete(unreadable).contains(&"logs:DeleteIndexPolicy"));
    }
}

#[test]
fn a_copy_of_a_version_reads_the_version() {
    let read = |source: Option<&str>| {
        let mut request = json!({"bucketName": "b", "key": "k"});
        if let Some(source) = source {
            request["x-amz-copy-source"] = source.into();
        }
        let mapped = map("s3", "CopyObject", request, &[]);
        let names = mapped.uses.iter().map(|used| used.action).chain(mapped.possible.iter().copied());
        let names: BTreeSet<_> = names.map(|action| catalog().info(action).name()).collect();
        (names.contains("s3:GetObject"), names.contains("s3:GetObjectVersion"))
    };
    assert_eq!(read(Some("src/k")), (true, false));
    assert_eq!(read(Some("src/k?versionId=1")), (false, true));
    assert_eq!(read(None), (true, true));
}

#[test]
fn a_bearer_token_is_checked_where_the_event_shows_one() {
    let call = |more: &[(&str, Value)]| {
        let mapped = map("bedrock", "InvokeModel", json!({"modelId": "m"}), more);
        possible(&mapped).contains(&"bedrock:CallWithBearerToken")
    };
    assert!(!call(&[]));
    assert!(call(&[("additionalEventData", json!({"callWithBearerToken": true}))]));
}

#[test]
fn an_operation_without_an_action_of_its_name_may_check_whatever_is_listed() {
    for (prefix, name) in [("s3", "CreateBucketMetadataConfiguration"), ("codedeploy", "CreateDeployment")] {
        let mapped = map(prefix, name, Value::Null, &[]);
        assert_eq!(mapped.class, EventClass::Actions, "{prefix}:{name}");
        assert_eq!(mapped.operation, Some((prefix, name)));
        let listed = catalog().authorised_by(prefix, name);
        let known: Vec<_> = mapped.uses.iter().map(|used| used.action).chain(mapped.possible.iter().copied()).collect();
        assert!(listed.iter().all(|action| known.contains(action)), "{prefix}:{name}");
    }
}
