//! The resource that IAM checks, where the event also lists others; denials under any error code.

use serde_json::json;

use super::{event, map_text, resource_text};
use crate::map::{CallOutcome, Mapped};
use whittle_catalog::catalog;

const CALLER: &str = "arn:aws:sts::111122223333:assumed-role/r/fn";

fn map_with(source: &str, name: &str, request: &str, error: &str, more: &[(&str, serde_json::Value)]) -> Mapped {
    let mut record: serde_json::Value = serde_json::from_str(&event(source, name, request, error)).unwrap();
    for (key, value) in more {
        record[*key] = value.clone();
    }
    map_text(&record.to_string())
}

#[track_caller]
fn resources_of<'m>(mapped: &'m Mapped, action: &str) -> Vec<&'m str> {
    let used = mapped.uses.iter().find(|used| catalog().info(used.action).name() == action);
    let Some(used) = used else { panic!("no {action} in {:?}", mapped.uses) };
    used.resources.iter().map(resource_text).collect()
}

fn caller() -> serde_json::Value {
    json!({"type": "AssumedRole", "principalId": "AROAEXAMPLE:fn", "arn": CALLER, "accountId": "111122223333"})
}

#[test]
fn a_copy_writes_to_the_destination_alone_though_both_buckets_are_listed() {
    let resources = json!([
        {"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::d/k"},
        {"type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::d", "accountId": "111122223333"},
        {"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::s/k"},
        {"type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::s", "accountId": "111122223333"}
    ]);
    for name in ["CopyObject", "UploadPartCopy"] {
        let request = r#"{"bucketName":"d","key":"k","x-amz-copy-source":"s%2Fk?versionId=1"}"#;
        let mapped = map_with("s3", name, request, "", &[("resources", resources.clone())]);
        assert_eq!(resources_of(&mapped, "s3:PutObject"), ["arn:aws:s3:::d/k"]);
        assert_eq!(resources_of(&mapped, "s3:GetObjectVersion"), ["arn:aws:s3:::s/k"]);
        // Without parameters nobody knows which is which.
        let mapped = map_with("s3", name, "null", "", &[("resources", resources.clone())]);
        assert_eq!(resources_of(&mapped, "s3:PutObject"), ["arn:aws:s3:::d/k", "arn:aws:s3:::s/k"]);
        assert_eq!(resources_of(&mapped, "s3:GetObject"), ["-"]);
    }
}

#[test]
fn an_access_point_is_checked_beside_the_bucket_behind_it() {
    let point = "arn:aws:s3:eu-west-1:111122223333:accesspoint/ap";
    let resources = json!([
        {"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::b/a/k"},
        {"type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::b", "accountId": "111122223333"},
        {"type": "AWS::S3::AccessPoint", "ARN": point, "accountId": "111122223333"}
    ]);
    for bucket in [point, "b", "ap-1234567890abcdef-s3alias"] {
        let request = json!({"bucketName": bucket, "key": "a/k"}).to_string();
        for (name, action) in [
            ("GetObject", "s3:GetObject"),
            ("HeadObject", "s3:GetObject"),
            ("PutObject", "s3:PutObject"),
            ("DeleteObject", "s3:DeleteObject"),
            ("GetObjectTagging", "s3:GetObjectTagging"),
        ] {
            let mapped = map_with("s3", name, &request, "", &[("resources", resources.clone())]);
            assert_eq!(
                resources_of(&mapped, action),
                ["arn:aws:s3:::b/a/k", "arn:aws:s3:eu-west-1:111122223333:accesspoint/ap/object/a/k"],
                "{bucket} {name}"
            );
        }
        let mapped = map_with("s3", "ListObjects", &request, "", &[("resources", resources.clone())]);
        assert_eq!(resources_of(&mapped, "s3:ListBucket"), ["arn:aws:s3:::b", point], "{bucket}");
    }
    let mapped =
        map_with("s3", "DeleteObjects", &json!({"bucketName": point}).to_string(), "", &[("resources", resources)]);
    let seen = resources_of(&mapped, "s3:DeleteObject");
    assert!(seen.contains(&"arn:aws:s3:eu-west-1:111122223333:accesspoint/ap/object/*"), "{seen:?}");
}

#[test]
fn an_alias_or_a_multi_region_access_point_leaves_buckets_untold() {
    let object = json!({"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::b/k"});
    let alias = r#"{"bucketName":"ap-1234567890abcdef-s3alias","key":"k"}"#;
    let mapped = map_with("s3", "GetObject", alias, "", &[("resources", json!([object]))]);
    assert!(resources_of(&mapped, "s3:GetObject").contains(&"-"));
    let point = "arn:aws:s3::111122223333:accesspoint/x1.mrap";
    let request = json!({"bucketName": point, "key": "k"}).to_string();
    let listed = json!([object, {"type": "AWS::S3::AccessPoint", "ARN": point}]);
    let mapped = map_with("s3", "GetObject", &request, "", &[("resources", listed)]);
    let seen = resources_of(&mapped, "s3:GetObject");
    assert_eq!(seen, ["arn:aws:s3::111122223333:accesspoint/x1.mrap/object/k", "arn:aws:s3:::b/k", "-"]);
}

#[test]
fn listed_state_machines_lose_their_qualifier_too() {
    let resources = json!([{"ARN": "arn:aws:states:eu-west-1:111122223333:stateMachine:m:PROD"}]);
    let mapped = map_with("states", "StartSyncExecution", "{}", "", &[("resources", resources)]);
    assert_eq!(
        resources_of(&mapped, "states:StartSyncExecution"),
        ["arn:aws:states:eu-west-1:111122223333:stateMachine:m"]
    );
}

#[test]
fn who_is_told_not_to_be_authorized_was_denied_whatever_the_code() {
    for (source, name, code, action) in [
        ("batch", "SubmitJob", "ClientException", "batch:SubmitJob"),
        ("directconnect", "DescribeConnections", "DirectConnectClientException", "directconnect:DescribeConnections"),
        ("emr", "RunJobFlow", "ValidationException", "elasticmapreduce:RunJobFlow"),
        ("athena", "StartQueryExecution", "InvalidRequestException", "athena:StartQueryExecution"),
        ("rdsdata", "ExecuteStatement", "BadRequestException", "secretsmanager:GetSecretValue"),
        ("redshift-data", "ExecuteStatement", "ValidationException", "redshift:GetClusterCredentials"),
        ("sns", "Publish", "KMSAccessDeniedException", "kms:GenerateDataKey"),
        ("sqs", "SendMessage", "AWS.SimpleQueueService.NonExistentQueue", "sqs:SendMessage"),
    ] {
        for (subject, outcome) in [
            (format!("User: {CALLER} is"), CallOutcome::Denied),
            ("User: arn:aws:iam::111122223333:role/service/r is".to_owned(), CallOutcome::Denied),
            ("User is".to_owned(), CallOutcome::Denied),
            ("You are".to_owned(), CallOutcome::Denied),
        ] {
            let error = format!("{code}: {subject} not authorized to perform: {action} because no policy allows it");
            let mapped = map_with(source, name, "{}", &error, &[("userIdentity", caller())]);
            assert_eq!(mapped.outcome, outcome, "{source} {error}");
            assert!(mapped.used().is_empty(), "{error}");
            let denied = mapped.denied_detail.as_ref().and_then(|detail| detail.action.as_deref());
            assert_eq!(denied, Some(action), "{error}");
        }
    }
}

#[test]
fn what_another_principal_may_not_do_is_no_denial_of_the_caller() {
    for subject in [
        "User: arn:aws:sts::111122223333:assumed-role/worker/fn",
        "User: arn:aws:sts::444455556666:assumed-role/r/fn",
        "The role arn:aws:iam::111122223333:role/worker",
        "The execution role",
        "Service firehose.amazonaws.com",
    ] {
        let error = format!("InvalidParameterValueException: {subject} is not authorized to perform: kms:Decrypt");
        let mapped = map_with("lambda", "Invoke", "{}", &error, &[("userIdentity", caller())]);
        assert_eq!(mapped.outcome, CallOutcome::Authorised, "{error}");
        // Where the code says it, the message cannot unsay it.
        let error = error.replace("InvalidParameterValueException", "AccessDeniedException");
        let mapped = map_with("lambda", "Invoke", "{}", &error, &[("userIdentity", caller())]);
        assert_eq!(mapped.outcome, CallOutcome::Denied, "{error}");
    }
}

#[test]
fn a_denied_resource_has_no_tail() {
    let key = "arn:aws:kms:us-east-1:111122223333:key/x";
    for tail in [
        "",
        ".",
        " (Service: AWSKMS; Status Code: 400; Error Code: AccessDeniedException)",
        " (Service: Kms, Status Code: 400, Request ID: 0-1)",
        "; Status Code: 400",
        " because no identity-based policy allows the kms:Decrypt action",
        " because the resource does not exist in this Region",
        " with an explicit deny in a permissions boundary",
        ". Please ask your administrator",
    ] {
        let error = format!(
            "AccessDeniedException: User: {CALLER} is not authorized to perform: kms:Decrypt on resource: {key}{tail}"
        );
        let mapped = map_with("ssm", "GetParameter", r#"{"name":"a"}"#, &error, &[]);
        assert_eq!(resources_of(&mapped, "kms:Decrypt"), [key], "{tail}");
        let object = "arn:aws:s3:::b/a key (1)";
        let error = error.replace(key, object).replace("kms:Decrypt", "s3:GetObject");
        let mapped = map_with("s3", "GetObject", r#"{"bucketName":"b","key":"a"}"#, &error, &[]);
        let seen = resources_of(&mapped, "s3:GetObject");
        assert!(seen == [object] || tail.contains("Please"), "{seen:?}");
    }
}
