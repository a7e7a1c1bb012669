//! Each document with a secret wherever its reader does not look; and that no reader looks where nothing is
//! kept.

use serde::de::{Deserializer, Error as _, Visitor};
use serde::{Deserialize, forward_to_deserialize_any};
use serde_json::{Value, json};

use super::*;

const SECRET: &str = "hunter2";

#[track_caller]
fn check(name: &str, document: &Value, expect: &Value) {
    let text = known_part(name, &document.to_string()).unwrap();
    assert!(!text.contains(SECRET), "{name}: {text}");
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), *expect, "{name}");
    // What is kept stays as it is when it is kept again.
    assert_eq!(known_part(name, &text).unwrap(), text, "{name}");
}

/// The same as `check`, where all of `document` but the secrets is kept.
#[track_caller]
fn check_all(name: &str, document: &Value) {
    let mut expect = document.clone();
    remove_secrets(&mut expect);
    check(name, document, &expect);
}

fn remove_secrets(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(remove_secrets),
        Value::Object(members) => {
            members.retain(|name, _| name != "Other");
            members.values_mut().for_each(remove_secrets);
        }
        _ => {}
    }
}

fn policy() -> Value {
    json!({"Version": "2012-10-17", "Id": "i", "Statement": [{"Sid": "s", "Effect": "Allow",
        "Principal": {"AWS": ["arn:aws:iam::111122223333:root"]}, "Action": ["s3:GetObject"], "Resource": "*",
        "Condition": {"StringEquals": {"aws:PrincipalTag/a": ["b"]}}}]})
}

#[test]
fn what_no_reader_knows_is_not_kept() {
    let secret = json!({"a": [SECRET, {"b": SECRET}], SECRET: SECRET});
    check_all(
        "authorization-details.json",
        &json!({"Other": secret, "IsTruncated": false, "Policies": [{"Other": secret, "Arn": "a", "PolicyName": "n",
            "DefaultVersionId": "v1", "PolicyVersionList": [{"Other": secret, "VersionId": "v1", "IsDefaultVersion": true,
                "CreateDate": "2026-01-01T00:00:00Z", "Document": policy()}]}],
            "RoleDetailList": [{"Other": secret, "Arn": "a", "RoleId": "i", "CreateDate": 1.5,
                "AssumeRolePolicyDocument": policy(), "RolePolicyList": [{"Other": secret, "PolicyName": "p",
                    "PolicyDocument": policy()}], "AttachedManagedPolicies": [{"Other": secret, "PolicyName": "p",
                    "PolicyArn": "a"}], "PermissionsBoundary": {"Other": secret, "PermissionsBoundaryArn": "b"},
                "RoleLastUsed": {"Other": secret, "LastUsedDate": "2026-01-01T00:00:00Z"}}]}),
    );
    check_all(
        "regions/eu-west-1/functions.json",
        &json!({"Other": SECRET, "Functions": [{"Other": {"Variables": {"DB_PASSWORD": SECRET}}, "FunctionArn": "a",
            "Role": "r", "Version": "$LATEST", "Runtime": null, "LastModified": "2026-01-01T00:00:00Z",
            "VpcConfig": {"Other": secret, "SubnetIds": ["s"]}, "DeadLetterConfig": {"Other": secret, "TargetArn": "d"},
            "KMSKeyArn": "k", "TracingConfig": {"Other": secret, "Mode": "Active"}, "Layers": [{"Other": secret, "Arn": "l"}],
            "FileSystemConfigs": [{"Other": secret, "Arn": "f"}], "LoggingConfig": {"Other": secret, "LogGroup": "g"},
            "DurableConfig": {"Other": secret}}]}),
    );
    let destinations = json!({"Other": secret, "OnSuccess": {"Other": secret, "Destination": "d"},
        "OnFailure": {"Other": secret, "Destination": "d"}});
    let kafka = json!({"Other": secret, "SchemaRegistryConfig": {"Other": secret, "AccessConfigs": [{"Other": secret, "URI": "u"}]}});
    let mapping = json!({"Other": secret, "FunctionArn": "a", "EventSourceArn": "e", "State": "Enabled",
        "DestinationConfig": destinations, "SourceAccessConfigurations": [{"Other": secret, "URI": "u"}],
        "SelfManagedEventSource": {"Other": secret}, "AmazonManagedKafkaEventSourceConfig": kafka,
        "SelfManagedKafkaEventSourceConfig": kafka});
    check_all("event-source-mappings.json", &json!({"Other": secret, "EventSourceMappings": [mapping]}));
    check_all("event-source-mappings/one.json", &mapping);
    let config = json!({"Other": secret, "FunctionArn": "a", "DestinationConfig": destinations});
    check_all("event-invoke-configs/f.json", &json!({"Other": secret, "FunctionEventInvokeConfigs": [config]}));
    check_all("event-invoke-configs/f.json", &config);
    let url = json!({"Other": secret, "FunctionArn": "a", "AuthType": "NONE"});
    check_all("regions/eu-west-1/function-urls.json", &json!({"Other": secret, "FunctionUrlConfigs": [url]}));
    let alias = json!({"Other": secret, "AliasArn": "a", "Name": "n", "FunctionVersion": "1",
        "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.5}}});
    check_all("aliases/f.json", &json!({"Other": secret, "Aliases": [alias]}));
    check_all(
        "service-last-accessed/r.json",
        &json!({"Other": secret, "JobStatus": "COMPLETED", "JobCompletionDate": 7,
        "ServicesLastAccessed": [{"Other": secret, "ServiceNamespace": "s3", "LastAuthenticated": null,
            "TrackedActionsLastAccessed": [{"Other": secret, "ActionName": "GetObject", "LastAccessedTime": 7}]}]}),
    );
    check_all(
        "tags/f.json",
        &json!({"Other": secret, "Tags": {"Other": SECRET, "aws:cloudformation:stack-name": "s",
        "aws:cloudformation:logical-id": "l"}}),
    );
    check_all(
        "not-collected.json",
        &json!({"Other": secret, "NotCollected": [{"Other": secret, "FunctionArn": "a",
        "Documents": ["tags"]}]}),
    );
    let row = json!({"Other": secret, "StackId": "i", "LogicalResourceId": "l", "PhysicalResourceId": "p", "ResourceType": "t"});
    check_all("stack-resources.json", &json!({"Other": secret, "StackResources": [row]}));
    check_all("stack-resources/s.json", &json!({"Other": secret, "StackResourceSummaries": [row]}));
}

#[test]
fn of_trails_every_form_is_kept() {
    let status = json!({"IsLogging": true, "StartLoggingTime": 1, "StopLoggingTime": 2, "TimeLoggingStarted": "t",
        "TimeLoggingStopped": "t", "LatestDeliveryError": "AccessDenied"});
    let basic = json!({"Other": SECRET, "ReadWriteType": "All", "IncludeManagementEvents": true, "DataResources":
        [{"Other": SECRET, "Type": "AWS::S3::Object", "Values": ["arn:aws:s3"]}], "ExcludeManagementEventSources": ["k"]});
    let advanced = json!({"Other": SECRET, "Name": "n", "FieldSelectors": [{"Field": "f", "Equals": ["a"], "StartsWith": ["b"],
        "EndsWith": ["c"], "NotEquals": ["d"], "NotStartsWith": ["e"], "NotEndsWith": ["f"]}]});
    let trail = json!({"Other": SECRET, "Name": "n", "TrailARN": "a", "HomeRegion": "r", "IsMultiRegionTrail": true,
        "IncludeGlobalServiceEvents": true, "IsOrganizationTrail": false, "HasCustomEventSelectors": true,
        "S3BucketName": "b", "S3KeyPrefix": "p", "Status": status, "EventSelectors": [basic],
        "AdvancedEventSelectors": [advanced]});
    for list in ["trailList", "TrailList", "Trails", "trails"] {
        check_all(
            "trails.json",
            &json!({"Other": SECRET, list: [trail], "Status": {"a": status},
            "Selectors": {"a": {"AdvancedEventSelectors": [advanced]}, "b": [basic]}}),
        );
    }
    check_all("regions/eu-west-1/trails.json", &json!([trail, {"trailList": [trail]}]));
    let mut flat = trail.clone();
    flat.as_object_mut().unwrap().extend(status.as_object().unwrap().clone());
    check_all("trails.json", &flat);
    check_all("trail-status/n.json", &status);
    check_all("trail-status.json", &json!({"n": status}));
    check_all("event-selectors/n.json", &json!({"AdvancedEventSelectors": [advanced], "EventSelectors": []}));
    check("event-selectors/n.json", &json!({"TrailARN": SECRET, "EventSelectors": [basic]}), &{
        let mut expect = json!({"TrailARN": "", "EventSelectors": [basic]});
        remove_secrets(&mut expect);
        expect
    });
    // An operator that is not known lets nothing through, so it stays.
    check(
        "event-selectors/n.json",
        &json!({"AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "f", "Matches": [SECRET]}]}]}),
        &json!({"AdvancedEventSelectors": [{"FieldSelectors": [{"Field": "f", "Matches": [""]}]}]}),
    );
}

#[test]
fn policies_are_kept_in_each_form() {
    let check_policy = |document: &Value, expect: &Value| {
        check("resource-policies/f.json", &json!({"Policy": document}), &json!({"Policy": expect}));
    };
    let text = policy().to_string();
    check_policy(&policy(), &policy());
    check_policy(&json!(text), &json!(text));
    let encoded = text.bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02X}"));
    check_policy(&json!(encoded), &json!(text));
    check_policy(&json!(null), &json!(null));
    check("resource-policies/f.json", &policy(), &policy());
    // Another element makes a policy unreadable, and still does; what it says goes.
    let odd = json!({"Statement": {"Effect": "Allow", "Comment": [SECRET]}, "Author": {"name": SECRET}});
    let kept = json!({"Statement": {"Effect": "Allow", "Comment": []}, "Author": {}});
    check_policy(&odd, &kept);
    check_policy(&json!(odd.to_string()), &json!(kept.to_string()));
    check_policy(&json!(SECRET), &json!(""));
    check_policy(&json!([SECRET]), &json!([]));
}

#[test]
fn what_has_the_wrong_type_keeps_it_and_loses_its_content() {
    check("functions.json", &json!([SECRET]), &json!([]));
    check("functions.json", &json!({"Functions": SECRET}), &json!({"Functions": ""}));
    check(
        "functions.json",
        &json!({"Functions": [SECRET, 7, {"FunctionArn": {"x": SECRET}, "Layers": {"x": SECRET}, "VpcConfig": [SECRET]}]}),
        &json!({"Functions": ["", 0, {"FunctionArn": {}, "Layers": {}, "VpcConfig": []}]}),
    );
    check("functions.json", &json!({"NextMarker": {"t": SECRET}}), &json!({"NextMarker": {}}));
}

#[test]
fn what_is_no_json_stays_none_and_empty_stays_empty() {
    for text in ["hunter2", "{\"Functions\": [hunter2", "{} hunter2", "{\"a\": \"hunter2\""] {
        let kept = known_part("functions.json", text).unwrap();
        assert!(!kept.contains(SECRET) && serde_json::from_str::<Value>(&kept).is_err(), "{text}: {kept}");
    }
    assert_eq!(known_part("tags/f.json", " \n").unwrap(), "");
    // A member that occurs twice makes its entry unreadable, and still does.
    let twice = r#"{"Functions":[{"Role":"a","Role":"b"}]}"#;
    assert_eq!(known_part("functions.json", twice).unwrap(), twice);
    let deep = format!("{}{}", "{\"n\":".repeat(50), "7".to_owned() + &"}".repeat(50));
    assert!(known_part("trail-status.json", &deep).unwrap().len() < deep.len());
}

#[test]
fn names_that_are_no_document_are_not_kept() {
    for name in ["notes.json", "regions/eu-west-1/notes.json", "functions", "functions/a.txt", "regions/x", ""] {
        assert_eq!(known_part(name, "{}"), None, "{name}");
    }
    for name in document_names() {
        for file in [format!("{name}.json"), format!("{name}/x.json"), format!("regions/r/{name}.json")] {
            assert_eq!(known_part(&file, "{}").as_deref(), Some("{}"), "{file}");
        }
    }
}

/// Notes the fields that a type reads.
struct Fields<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(Self::Error::custom("only structures have fields"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Self::Error> {
        *self.0 = fields;
        Err(Self::Error::custom("noted"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct
        seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// Fails for a field that `T` reads and `shape` does not keep.
#[track_caller]
pub(crate) fn keeps_what_is_read<'de, T: Deserialize<'de>>(shape: &super::Fields) {
    let mut read: &[&str] = &[];
    assert!(T::deserialize(Fields(&mut read)).is_err());
    assert!(!read.is_empty(), "{}", std::any::type_name::<T>());
    for field in read {
        assert!(shape.iter().any(|(known, _)| known == field), "{field} of {} is not kept", std::any::type_name::<T>());
    }
}
