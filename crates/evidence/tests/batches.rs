//! Denied items inside successful calls, denied secondary actions, and services that roles are passed to.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what a test cannot read is a failure of the test")]

use serde_json::{Value, json};
use whittle_catalog::catalog;
use whittle_evidence::ledger::{Ledger, RecordSource};
use whittle_evidence::map::{ActionUse, CallOutcome, Mapped, Mapper, ResourceSeen, map_record};
use whittle_evidence::record::{ParsedRecord, parse_record};

fn event(source: &str, name: &str, fields: &Value) -> String {
    let mut record = json!({
        "eventTime": "2026-09-01T10:00:00Z",
        "eventSource": format!("{source}.amazonaws.com"),
        "eventName": name,
        "awsRegion": "eu-west-1",
        "recipientAccountId": "111122223333",
        "eventType": "AwsApiCall",
        "userIdentity": {"type": "AssumedRole", "principalId": "AROAEXAMPLE1:orders", "accountId": "111122223333",
            "sessionContext": {"sessionIssuer": {"type": "Role", "principalId": "AROAEXAMPLE1",
                "arn": "arn:aws:iam::111122223333:role/orders", "accountId": "111122223333"}}},
    });
    record.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    record.to_string()
}

fn map(text: &str) -> Mapped {
    let ParsedRecord::Record(record) = parse_record(text).unwrap() else { panic!("{text}") };
    map_record(&record)
}

fn words(uses: &[ActionUse]) -> Vec<String> {
    let resource = |seen: &ResourceSeen| match seen {
        ResourceSeen::Arn(arn, _) => arn.clone(),
        ResourceSeen::Unnamed => "-".to_owned(),
    };
    let word = |used: &ActionUse| {
        let resources: Vec<String> = used.resources.iter().map(resource).collect();
        format!("{} {}", catalog().info(used.action).name(), resources.join(" "))
    };
    uses.iter().map(word).collect()
}

const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:111122223333:secret";

#[test]
fn items_that_were_denied_are_no_use() {
    let batch = |errors: &[&str]| {
        let errors: Vec<Value> =
            errors.iter().map(|id| json!({"secretId": id, "errorCode": "AccessDeniedException"})).collect();
        let fields = json!({"requestParameters": {"secretIdList": ["a", "b"]}, "responseElements": {"errors": errors}});
        map(&event("secretsmanager", "BatchGetSecretValue", &fields))
    };
    let none = batch(&[]);
    assert_eq!(words(&none.denied_items), [""; 0]);
    let one = batch(&["a"]);
    assert_eq!(
        words(&one.uses),
        ["secretsmanager:BatchGetSecretValue *".to_owned(), format!("secretsmanager:GetSecretValue {SECRET}:b-??????")]
    );
    assert_eq!(words(&one.denied_items), [format!("secretsmanager:GetSecretValue {SECRET}:a-??????")]);
    let all = batch(&["a", "b"]);
    assert_eq!(words(&all.uses), ["secretsmanager:BatchGetSecretValue *"]);
    assert_eq!(all.denied_items.len(), 1);
    // Another error is no denial.
    let fields = json!({"requestParameters": {"secretIdList": ["a"]},
        "responseElements": {"errors": [{"secretId": "a", "errorCode": "ResourceNotFoundException"}]}});
    let gone = map(&event("secretsmanager", "BatchGetSecretValue", &fields));
    assert_eq!((gone.uses.len(), gone.denied_items.len()), (2, 0));
}

#[test]
fn answers_in_the_order_of_the_items() {
    let put = |codes: &[Option<&str>]| {
        let items: Vec<Value> = codes.iter().map(|_| json!({"source": "shop"})).collect();
        let answers: Vec<Value> =
            codes.iter().map(|code| code.map_or(json!({"eventId": "1"}), |code| json!({"errorCode": code}))).collect();
        let fields = json!({"requestParameters": {"entries": items}, "responseElements": {"entries": answers}});
        map(&event("events", "PutEvents", &fields))
    };
    let partly = put(&[Some("AccessDeniedException"), None]);
    assert_eq!((partly.uses.len(), partly.denied_items.len()), (1, 0), "the bus of the other entry is not told apart");
    let all = put(&[Some("AccessDeniedException"), Some("AccessDeniedException")]);
    assert_eq!((all.uses.len(), all.denied_items.len()), (0, 1));
    assert_eq!(put(&[Some("ThrottlingException")]).uses.len(), 1);

    let statements = json!({"requestParameters": {"statements": [
            {"statement": "SELECT * FROM \"a\""}, {"statement": "SELECT * FROM \"b\""}, {"statement": "SELECT x FROM \"a\""}]},
        "responseElements": {"responses": [{"error": {"code": "AccessDenied"}}, {"error": {"code": "AccessDenied"}}, {}]}});
    let mapped = map(&event("dynamodb", "BatchExecuteStatement", &statements));
    let table = "arn:aws:dynamodb:eu-west-1:111122223333:table";
    assert_eq!(words(&mapped.uses), [format!("dynamodb:PartiQLSelect {table}/a")], "another statement on it passed");
    assert_eq!(words(&mapped.denied_items), [format!("dynamodb:PartiQLSelect {table}/b")]);
}

#[test]
fn the_ledger_counts_denied_items_as_denied() {
    let fields = json!({"requestParameters": {"secretIdList": ["a", "b"]},
        "responseElements": {"errors": [{"secretId": "a", "errorCode": "AccessDeniedException"}]}});
    let text = event("secretsmanager", "BatchGetSecretValue", &fields);
    let ParsedRecord::Record(record) = parse_record(&text).unwrap() else { panic!() };
    let mut ledger = Ledger::default();
    ledger.observe_record(&record, &RecordSource::default(), &mut Mapper::default());
    let role = ledger.role("AROAEXAMPLE1").unwrap();
    let (_, caller) = role.callers().next().unwrap();
    let usage = caller.usage().find(|(action, _)| *action == "secretsmanager:GetSecretValue").unwrap().1;
    let patterns = |sighting: Option<&whittle_evidence::ledger::Sighting>| sighting.unwrap().resources.patterns();
    assert_eq!(patterns(usage.authorised.as_ref()), [format!("{SECRET}:b-??????")]);
    assert_eq!(patterns(usage.denied.as_ref()), [format!("{SECRET}:a-??????")]);
}

#[test]
fn a_denied_message_may_name_another_action() {
    let role = "arn:aws:iam::111122223333:role/next";
    let message = format!(
        "User: arn:aws:sts::111122223333:assumed-role/orders/orders is not authorized to perform: iam:PassRole on resource: {role} because no identity-based policy allows the iam:PassRole action"
    );
    let fields = json!({"errorCode": "AccessDenied", "errorMessage": message, "requestParameters": null});
    let mapped = map(&event("states", "CreateStateMachine", &fields));
    assert_eq!(mapped.outcome, CallOutcome::Denied);
    assert!(words(&mapped.uses).contains(&format!("iam:PassRole {role}")), "{:?}", words(&mapped.uses));
    assert!(mapped.used().is_empty());
}

#[test]
fn roles_are_passed_to_the_service_of_the_table() {
    let role = "arn:aws:iam::111122223333:role/next";
    for (source, name, parameters, expect) in [
        ("lambda", "CreateFunction20150331", json!({"role": role}), &["lambda.amazonaws.com"][..]),
        ("states", "CreateStateMachine", json!({"roleArn": role}), &["states.amazonaws.com"]),
        ("events", "PutTargets", json!({"targets": [{"roleArn": role}]}), &["events.amazonaws.com"]),
        ("scheduler", "CreateSchedule", json!({"target": {"roleArn": role}}), &["scheduler.amazonaws.com"]),
        ("ecs", "RegisterTaskDefinition", json!({"taskRoleArn": role}), &["ecs-tasks.amazonaws.com"]),
        (
            "ecs",
            "RunTask",
            json!({"overrides": {"taskRoleArn": role}}),
            &["ecs-tasks.amazonaws.com", "ecs.amazonaws.com"],
        ),
        ("rds", "StartExportTask", json!({"iamRoleArn": role}), &["export.rds.amazonaws.com"]),
        ("eks", "CreatePodIdentityAssociation", json!({"roleArn": role}), &["pods.eks.amazonaws.com"]),
        ("ec2", "RunInstances", json!({"iamInstanceProfile": {"name": "p"}}), &["ec2.amazonaws.com"]),
        ("amplify", "CreateApp", json!({"iamServiceRoleArn": role}), &[]),
    ] {
        let mapped = map(&event(source, name, &json!({"requestParameters": parameters})));
        assert!(words(&mapped.uses).iter().any(|word| word.starts_with("iam:PassRole ")), "{source} {name}");
        assert_eq!(mapped.passed_to, expect, "{source} {name}");
    }
    let update =
        map(&event("lambda", "UpdateFunctionConfiguration20150331v2", &json!({"requestParameters": {"timeout": 3}})));
    assert_eq!(update.passed_to, [""; 0], "no role in the request, so none was passed");
}

#[test]
fn an_unknown_event_says_what_that_means() {
    for (source, name, text) in [
        ("s3", "GetObjekt", "none of them is called unused"),
        ("nosuchservice", "GetThing", "the catalog knows no service"),
    ] {
        let mapped = map(&event(source, name, &json!({})));
        assert_eq!(mapped.class.as_str(), "unknown");
        assert!(mapped.reason.is_some_and(|reason| reason.contains(text)), "{:?}", mapped.reason);
    }
}
