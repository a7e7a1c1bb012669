use std::collections::BTreeSet;

use proptest::prelude::*;
use whittle_catalog::catalog;

use super::*;
use crate::record::{ParsedRecord, parse_record};

/// One file of cases for each group of services; `s3.txt` says how they are written.
const CASES: [(&str, &str); 10] = [
    ("s3", include_str!("../../tests/data/map/s3.txt")),
    ("checked", include_str!("../../tests/data/map/checked.txt")),
    ("dynamodb", include_str!("../../tests/data/map/dynamodb.txt")),
    ("messaging", include_str!("../../tests/data/map/messaging.txt")),
    ("secrets", include_str!("../../tests/data/map/secrets.txt")),
    ("apigateway", include_str!("../../tests/data/map/apigateway.txt")),
    ("data-services", include_str!("../../tests/data/map/data-services.txt")),
    ("operations", include_str!("../../tests/data/map/operations.txt")),
    ("long-tail", include_str!("../../tests/data/map/long-tail.txt")),
    ("sources", include_str!("../../tests/data/map/sources.txt")),
];

mod checked;

const SHAPES: &str = include_str!("../../tests/data/map/role-shapes.ndjson");

fn map_text(text: &str) -> Mapped {
    match parse_record(text) {
        Ok(ParsedRecord::Record(record)) => map_record(&record),
        other => panic!("no record: {other:?}"),
    }
}

fn event(source: &str, name: &str, request: &str, error: &str) -> String {
    let (code, message) = error.split_once(": ").unwrap_or((error, ""));
    let mut record = serde_json::json!({
        "eventTime": "2026-09-01T10:00:00Z",
        "eventSource": format!("{source}.amazonaws.com"),
        "eventName": name,
        "awsRegion": "eu-west-1",
        "recipientAccountId": "111122223333",
        "eventType": "AwsApiCall",
        "requestParameters": serde_json::from_str::<serde_json::Value>(request).expect(request),
    });
    if !code.is_empty() {
        record["errorCode"] = code.into();
        record["errorMessage"] = message.into();
    }
    record.to_string()
}

fn names(mapped: &Mapped, basis: Basis) -> BTreeSet<&'static str> {
    let uses = mapped.uses.iter().filter(|used| used.basis == basis);
    uses.map(|used| catalog().info(used.action).name()).collect()
}

fn resource_text(seen: &ResourceSeen) -> &str {
    match seen {
        ResourceSeen::Arn(arn, _) => arn,
        ResourceSeen::Unnamed => "-",
    }
}

/// The JSON at the start of a text, and what follows it.
fn json_and_rest(text: &str) -> (&str, &str) {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
    values.next().expect("JSON").expect(text);
    let (json, rest) = text.split_at(values.byte_offset());
    (json, rest.trim())
}

/// The fault in the mapping of a case, if any.
fn check(line: &str) -> Result<(), String> {
    let (call, expect) = line.split_once(" => ").expect(line);
    let (source, rest) = call.split_once(' ').expect(line);
    let (name, rest) = rest.split_once(' ').expect(line);
    let (request, error) = json_and_rest(rest);
    let mapped = map_text(&event(source, name, request, error));
    let (mut primary, mut secondary, mut action) = (BTreeSet::new(), BTreeSet::new(), "");
    for word in expect.split_whitespace() {
        if let Some(class) = word.strip_prefix('=') {
            if mapped.class.as_str() != class {
                return Err(format!("class {}", mapped.class.as_str()));
            }
        } else if let Some(name) = word.strip_prefix('?') {
            let possible: Vec<_> = mapped.possible.iter().map(|id| catalog().info(*id).name()).collect();
            if !possible.contains(&name) {
                return Err(format!("possible {possible:?}"));
            }
        } else if let Some(arn) = word.strip_prefix('@') {
            let arn = arn.replace('␠', " ");
            let used = mapped.uses.iter().find(|used| catalog().info(used.action).name() == action);
            let Some(used) = used else { return Err(format!("no {action}")) };
            let seen: Vec<_> = used.resources.iter().map(resource_text).collect();
            if !seen.contains(&arn.as_str()) {
                return Err(format!("{action} on {seen:?}"));
            }
        } else if let Some(arn) = word.strip_prefix('~') {
            let used = mapped.uses.iter().find(|used| catalog().info(used.action).name() == action);
            if used.is_some_and(|used| used.resources.iter().any(|seen| resource_text(seen) == arn)) {
                return Err(format!("{action} on {arn}"));
            }
        } else if let Some(name) = word.strip_prefix('+') {
            action = name;
            secondary.insert(name);
        } else {
            action = word;
            primary.insert(word);
        }
    }
    let (found, also) = (names(&mapped, Basis::Primary), names(&mapped, Basis::Secondary));
    if (&found, &also) == (&primary, &secondary) {
        Ok(())
    } else {
        Err(format!("primary {found:?}, secondary {also:?}"))
    }
}

#[test]
fn every_case_of_the_tables_maps_as_written() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for (file, text) in CASES {
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            wrong.extend(check(line).err().map(|problem| format!("{file}: {line}\n    but {problem}")));
            count += 1;
        }
    }
    assert!(wrong.is_empty(), "{} of {count} cases:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 500, "{count} cases");
}

#[test]
fn shapes_of_execution_role_events_map_as_aws_documents() {
    let mapped: Vec<Mapped> = SHAPES.lines().map(map_text).collect();
    let line = |at: usize| {
        let used: Vec<_> = mapped[at]
            .uses
            .iter()
            .map(|used| {
                let seen: Vec<_> = used.resources.iter().map(resource_text).collect();
                format!("{} {}", catalog().info(used.action).name(), seen.join(" "))
            })
            .collect();
        (used.join("; "), mapped[at].outcome)
    };
    let key = "arn:aws:kms:us-east-1:111122223333:key/00000000-1111-4222-8333-444444444444";
    let function = "arn:aws:lambda:us-east-1:111122223333:function:orders-ingest";
    for (at, expect, outcome) in [
        (
            0,
            "secretsmanager:GetSecretValue arn:aws:secretsmanager:us-east-1:111122223333:secret:orders/db-??????"
                .to_owned(),
            CallOutcome::Authorised,
        ),
        (1, format!("kms:Decrypt {key}"), CallOutcome::Authorised),
        (2, "dynamodb:PutItem arn:aws:dynamodb:us-east-1:111122223333:table/orders".to_owned(), CallOutcome::Denied),
        (3, "ec2:CreateTags -".to_owned(), CallOutcome::Denied),
        (4, format!("lambda:GetFunctionConfiguration {function}:live"), CallOutcome::Authorised),
        (5, "s3:GetObject arn:aws:s3:::orders-in/2026/09/01/order 1.json".to_owned(), CallOutcome::Authorised),
        (6, "s3:ListBucket arn:aws:s3:::orders-in".to_owned(), CallOutcome::Authorised),
        (
            7,
            "s3:GetObject arn:aws:s3:::orders-in/2026/09/01/missing.json; s3:ListBucket arn:aws:s3:::orders-in"
                .to_owned(),
            CallOutcome::Authorised,
        ),
        (8, "states:StartExecution -".to_owned(), CallOutcome::Authorised),
        (9, "lambda:UpdateFunctionConfiguration -".to_owned(), CallOutcome::Authorised),
        (
            10,
            "sts:AssumeRole arn:aws:iam::111122223333:role/service/orders/orders-role".to_owned(),
            CallOutcome::Authorised,
        ),
    ] {
        assert_eq!(line(at), (expect, outcome), "line {at}");
    }
}

#[test]
fn events_that_are_no_calls_are_told_by_type_and_category() {
    for (field, value, class) in [
        ("eventType", "AwsServiceEvent", EventClass::NotACall),
        ("eventType", "AwsConsoleAction", EventClass::NotACall),
        ("eventType", "AwsConsoleSignIn", EventClass::NotACall),
        ("eventType", "AwsVpceEvent", EventClass::NotACall),
        ("eventType", "AwsVpceEvents", EventClass::NotACall),
        ("eventType", "AwsMcpEvent", EventClass::NotACall),
        ("eventType", "SomethingNew", EventClass::NotACall),
        ("eventCategory", "NetworkActivity", EventClass::NotACall),
        ("eventCategory", "Management", EventClass::Actions),
        ("eventType", "AwsApiCall", EventClass::Actions),
    ] {
        let mut record: serde_json::Value = serde_json::from_str(&event("s3", "ListBuckets", "{}", "")).unwrap();
        record[field] = value.into();
        if let Ok(ParsedRecord::Record(record)) = parse_record(&record.to_string()) {
            let mapped = map_record(&record);
            assert_eq!(mapped.class, class, "{field} {value}");
            assert_eq!(mapped.reason.is_some(), class == EventClass::NotACall);
        }
    }
}

#[test]
fn errors_are_classified_and_denied_calls_are_never_use() {
    for (source, error, outcome) in [
        ("dynamodb", "AccessDenied", CallOutcome::Denied),
        ("dynamodb", "AccessDeniedException", CallOutcome::Denied),
        ("ec2", "UnauthorizedOperation", CallOutcome::Denied),
        ("ec2", "Client.UnauthorizedOperation", CallOutcome::Denied),
        ("sns", "AuthorizationError", CallOutcome::Denied),
        ("sns", "AuthorizationErrorException", CallOutcome::Denied),
        ("sns", "NotAuthorized", CallOutcome::Denied),
        ("iot", "ForbiddenException", CallOutcome::Denied),
        ("ec2", "AuthFailure", CallOutcome::Denied),
        ("s3", "VpceAccessDenied", CallOutcome::Denied),
        ("s3", "InvalidClientTokenId", CallOutcome::NotReached),
        ("dynamodb", "UnrecognizedClientException", CallOutcome::NotReached),
        ("s3", "SignatureDoesNotMatch", CallOutcome::NotReached),
        ("sts", "ExpiredToken", CallOutcome::NotReached),
        ("sts", "ExpiredTokenException", CallOutcome::NotReached),
        ("ec2", "RequestExpired", CallOutcome::NotReached),
        ("ec2", "MissingAuthenticationToken", CallOutcome::NotReached),
        ("lambda", "ThrottlingException", CallOutcome::Authorised),
        ("lambda", "TooManyRequestsException", CallOutcome::Authorised),
        ("ec2", "Client.RequestLimitExceeded", CallOutcome::Authorised),
        ("s3", "SlowDown", CallOutcome::Authorised),
        ("s3", "ServiceUnavailable", CallOutcome::Authorised),
        ("s3", "InternalError", CallOutcome::Authorised),
        ("s3", "NoSuchBucketPolicy", CallOutcome::Authorised),
        ("ec2", "Client.InvalidVpcID.NotFound", CallOutcome::Authorised),
        ("dynamodb", "ConditionalCheckFailedException", CallOutcome::Authorised),
        ("dynamodb", "TransactionCanceledException", CallOutcome::Authorised),
        ("ec2", "Client.DryRunOperation", CallOutcome::Authorised),
        ("kms", "ValidationException", CallOutcome::Authorised),
        ("ec2", "Client.InvalidParameterValue", CallOutcome::Authorised),
        ("iam", "MalformedPolicyDocument", CallOutcome::Authorised),
        ("sqs", "AWS.SimpleQueueService.NonExistentQueue", CallOutcome::Undecided),
        ("sqs", "QueueDoesNotExist", CallOutcome::Undecided),
        ("s3", "NoSuchKey", CallOutcome::Authorised),
        (
            "cloudtrail",
            "InvalidCloudWatchLogsRoleArnException: Access denied. Check the trust relationships for your role.",
            CallOutcome::Authorised,
        ),
        ("xray", "com.amazonaws.xray#AccessDeniedException", CallOutcome::Denied),
    ] {
        let name = match source {
            "dynamodb" => "GetItem",
            "ec2" => "DescribeVpcs",
            "sns" => "Publish",
            "s3" => "GetObject",
            "sts" => "AssumeRole",
            "lambda" => "Invoke",
            "sqs" => "SendMessage",
            "kms" => "Decrypt",
            "iam" => "CreateRole",
            "cloudtrail" => "CreateTrail",
            "xray" => "GetGroup",
            _ => "CreateThing",
        };
        let mapped = map_text(&event(source, name, "{}", error));
        assert_eq!(mapped.outcome, outcome, "{source} {error}");
        assert!(!mapped.uses.is_empty(), "{source} {name}");
        assert_eq!(mapped.used().is_empty(), outcome != CallOutcome::Authorised, "{source} {error}");
        assert_eq!(mapped.denied_detail.is_some(), outcome == CallOutcome::Denied);
    }
}

#[test]
fn partition_region_and_account_come_from_the_record() {
    let text = r#"{"eventTime":"2026-09-01T10:00:00Z","eventSource":"sqs.amazonaws.com","eventName":"GetQueueUrl",
        "awsRegion":"cn-north-1","recipientAccountId":"444455556666","requestParameters":{"queueName":"q"}}"#;
    assert_eq!(resource_text(&map_text(text).uses[0].resources[0]), "arn:aws-cn:sqs:cn-north-1:444455556666:q");
    let text = text.replace("cn-north-1", "us-gov-west-1");
    assert_eq!(resource_text(&map_text(&text).uses[0].resources[0]), "arn:aws-us-gov:sqs:us-gov-west-1:444455556666:q");
    let text = r#"{"eventTime":"2026-09-01T10:00:00Z","eventSource":"sqs.amazonaws.com","eventName":"GetQueueUrl",
        "requestParameters":{"queueName":"q"}}"#;
    assert_eq!(resource_text(&map_text(text).uses[0].resources[0]), "arn:aws:sqs:*:*:q");
}

#[test]
fn listed_arns_count_only_for_types_of_the_action_and_prefixes_become_patterns() {
    let text = r#"{"eventTime":"2026-09-01T10:00:00Z","eventSource":"s3.amazonaws.com","eventName":"DeleteObjects",
        "resources":[{"type":"AWS::S3::Object","ARNPrefix":"arn:aws:s3:::b/"},{"type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::b"},
        {"ARN":"arn:aws:s3:::HIDDEN_DUE_TO_SECURITY_REASONS/x"},{"type":"AWS::S3::Object"}]}"#;
    let mapped = map_text(text);
    let seen: Vec<_> = mapped.uses[0].resources.iter().map(resource_text).collect();
    assert_eq!(seen, ["arn:aws:s3:::b/*"]);
}

#[test]
fn a_required_type_that_the_event_does_not_name_is_a_pattern_and_not_left_out() {
    let mapped = map_text(&event("ec2", "CreateSecurityGroup", r#"{"vpcId":"vpc-1","groupName":"g"}"#, ""));
    let seen: Vec<_> = mapped.uses[0].resources.iter().map(resource_text).collect();
    assert!(seen.contains(&"arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-1"), "{seen:?}");
    assert!(seen.contains(&"arn:aws:ec2:eu-west-1:*:security-group/*"), "{seen:?}");
}

#[test]
fn a_mapper_that_remembers_gives_the_same_as_a_fresh_one() {
    let mut mapper = Mapper::default();
    for line in SHAPES.lines().chain(SHAPES.lines()) {
        let Ok(ParsedRecord::Record(record)) = parse_record(line) else { panic!("no record") };
        assert_eq!(mapper.map(&record), map_record(&record));
    }
}

/// The event with an answer that names things, and says of items that they were denied.
fn with_answer(event: &str, name: &str) -> String {
    let mut record: serde_json::Value = serde_json::from_str(event).unwrap();
    let service = record["eventSource"].as_str().unwrap().split('.').next().unwrap().to_owned();
    let code = if name == "first" { "AccessDeniedException" } else { "Throttled" };
    let denied = serde_json::json!([{"id": "1", "code": code, "errorCode": code, "Error": {"Code": code}, "error": {"code": code}}]);
    record["responseElements"] = serde_json::json!({
        "arn": format!("arn:aws:{service}:eu-west-1:111122223333:{name}"),
        "role": {"arn": format!("arn:aws:iam::111122223333:role/{name}")},
        "id": name, "tableDescription": {"tableName": name}, "keyMetadata": {"arn": name, "keyId": name},
        "failed": denied, "responses": denied, "entries": denied, "records": denied, "requestResponses": denied,
    });
    record.to_string()
}

/// Every case of the tables, with answers, and with parameters beside it that no rule reads.
fn varied_events() -> Vec<String> {
    let mut texts = Vec::new();
    for (_, text) in CASES {
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
            let (call, _) = line.split_once(" => ").expect(line);
            let (source, rest) = call.split_once(' ').expect(line);
            let (name, rest) = rest.split_once(' ').expect(line);
            let (request, error) = json_and_rest(rest);
            texts.push(event(source, name, request, error));
            texts.extend(["first", "second"].map(|answer| with_answer(texts.last().unwrap(), answer)));
            let mut request: serde_json::Value = serde_json::from_str(request).unwrap();
            let Some(members) = request.as_object_mut() else { continue };
            for at in 0..2 {
                members.insert("clientRequestToken".to_owned(), format!("number \"{at}\", of {{two}}").into());
                texts.push(event(source, name, &serde_json::Value::from(members.clone()).to_string(), error));
            }
            let texts_of: Vec<String> =
                members.iter().filter(|(_, v)| v.is_string()).map(|(key, _)| key.clone()).collect();
            for key in texts_of {
                for other in
                    ["other", "HIDDEN_DUE_TO_SECURITY_REASONS", "", "arn:aws:s3:::other/o", "alias/o", "b--x-s3"]
                {
                    let mut members = members.clone();
                    members.insert(key.clone(), other.into());
                    texts.push(event(source, name, &serde_json::Value::from(members).to_string(), error));
                }
            }
            members.insert("Tags".to_owned(), serde_json::json!([{"key": "a"}]));
            members.insert("someRoleArn".to_owned(), "arn:aws:iam::111122223333:role/r".into());
            texts.push(event(source, name, &serde_json::Value::from(members.clone()).to_string(), error));
        }
    }
    texts
}

#[test]
fn parameters_that_no_rule_reads_change_nothing() {
    let mut mapper = Mapper::default();
    for text in varied_events() {
        let Ok(ParsedRecord::Record(record)) = parse_record(&text) else { panic!("no record") };
        let whole = map_record(&record);
        assert_eq!(mapper.map(&record), whole, "{text}");
        let reads = parameters_read(record.event_source.as_str(), record.event_name.as_str());
        let mut cut: serde_json::Value = serde_json::from_str(&text).unwrap();
        if let Some(parameters) = cut["requestParameters"].as_object_mut() {
            parameters.retain(|key, value| reads.contains(key) || reads.masks && is_masked_value(value));
        }
        if !reads.response {
            cut["responseElements"] = serde_json::Value::Null;
        }
        assert_eq!(map_text(&cut.to_string()), whole, "{text}\n{cut}");
    }
}

fn is_masked_value(value: &serde_json::Value) -> bool {
    value.to_string().contains("HIDDEN_DUE_TO_SECURITY_REASONS")
}

/// A test of a rule may look at the answer, also where the request has no parameters.
#[test]
fn the_answer_tells_where_the_request_has_no_parameters() {
    let mut record: serde_json::Value =
        serde_json::from_str(&event("secretsmanager", "BatchGetSecretValue", "null", "")).unwrap();
    let get = catalog().action("secretsmanager:GetSecretValue").unwrap();
    for (answer, expect) in [
        (serde_json::json!(null), false),
        (serde_json::json!({"secretValues": []}), false),
        (serde_json::json!({"secretValues": [{"name": "a"}]}), true),
    ] {
        record["responseElements"] = answer;
        let mapped = map_text(&record.to_string());
        assert_eq!(mapped.uses.iter().any(|used| used.action == get), expect, "{record}");
    }
}

/// Real logs beside the project, where they are: every pair has a class, or is explained.
#[test]
fn every_pair_of_the_public_corpus_has_a_class() {
    use std::io::Read as _;
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/cloudtrail/invictus");
    let mut files = Vec::new();
    collect_files(&folder, &mut files);
    let (mut pairs, mut unknown) = (BTreeSet::new(), BTreeSet::new());
    let mut mapper = Mapper::default();
    for file in files {
        let mut text = String::new();
        let opened = std::fs::File::open(&file).unwrap();
        flate2::read::MultiGzDecoder::new(opened).read_to_string(&mut text).unwrap();
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        for record in json["Records"].as_array().into_iter().flatten() {
            let text = record.to_string();
            let Ok(ParsedRecord::Record(record)) = parse_record(&text) else { continue };
            let meaning = mapper.map(&record);
            let pair = (record.event_source.to_string(), record.event_name.to_string());
            if meaning.class == EventClass::Unknown {
                unknown.insert(pair.clone());
            }
            if meaning.outcome != CallOutcome::Authorised {
                assert!(meaning.used().is_empty());
            }
            pairs.insert(pair);
        }
    }
    assert!(pairs.is_empty() || pairs.len() == 262, "{} pairs", pairs.len());
    assert!(unknown.is_empty(), "{unknown:?}");
}

fn collect_files(folder: &std::path::Path, out: &mut Vec<std::path::PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect_files(&path, out);
        } else if path.extension().is_some_and(|kind| kind == "gz") {
            out.push(path);
        }
    }
    out.sort();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Any source, name, parameters and error: no panic, only actions of the catalog, resources never empty,
    /// no use without authorisation, no policy variable and no foreign partition in an ARN.
    #[test]
    fn any_record_maps_to_known_actions(
        source in prop::sample::select(vec!["s3", "dynamodb", "sqs", "kms", "lambda", "iam", "ec2", "states", "logs", "ssm", "glue", "nosuch"]),
        index in 0_usize..30_000,
        key in prop::sample::select(vec!["bucketName", "key", "tableName", "queueUrl", "functionName", "roleName", "name", "role", "tags", "keyId", "versionId"]),
        value in "[a-z:/*?${}.\u{e9}-]{0,24}",
        error in prop::sample::select(vec!["", "AccessDenied", "NoSuchKey", "ExpiredToken", "QueueDoesNotExist"]),
    ) {
        let ids: Vec<_> = catalog().service(source).map(|s| s.actions().collect()).unwrap_or_default();
        let name = ids.get(index % ids.len().max(1)).map_or("Nothing", |id| catalog().info(*id).short_name());
        let request = serde_json::json!({ key: value }).to_string();
        let text = event(source, name, &request, error).replace("eu-west-1", "cn-north-1");
        let mapped = map_text(&text);
        for used in &mapped.uses {
            prop_assert!(catalog().action(catalog().info(used.action).name()) == Some(used.action));
            prop_assert!(!used.resources.is_empty());
            for seen in &used.resources {
                let arn = resource_text(seen);
                prop_assert!(!arn.contains("${"), "{}", arn);
                prop_assert!(!arn.starts_with("arn:aws:"), "{}", arn);
            }
        }
        if mapped.outcome != CallOutcome::Authorised {
            prop_assert!(mapped.used().is_empty());
        }
        prop_assert_eq!(map_text(&text), mapped);
    }
}
