use serde_json::{Value, json};
use whittle_evidence::ledger::{Ledger, RecordSource};
use whittle_evidence::map::Mapper;
use whittle_evidence::record::{ParsedRecord, parse_record};

use super::*;
use crate::inventory::{Exposure, FunctionConfig, RolePolicy};
use crate::result::Severity;

const ROLE: &str = "arn:aws:iam::111122223333:role/app/orders-role";
const ROLE_ID: &str = "AROAEXAMPLEEXAMPLE001";
const TABLE: &str = "arn:aws:dynamodb:eu-central-1:111122223333:table/orders";

fn at(text: &str) -> Timestamp {
    format!("2026-11-{text}:00Z").parse().unwrap()
}

fn function(name: &str) -> Function {
    Function {
        arn: format!("arn:aws:lambda:eu-central-1:111122223333:function:{name}").parse().unwrap(),
        name: name.to_owned(),
        region: "eu-central-1".parse().unwrap(),
        role: ROLE.parse().unwrap(),
        versions: Vec::new(),
        runtime: None,
        last_modified: None,
        config: FunctionConfig::default(),
        exposure: Exposure::default(),
    }
}

fn document(statements: &Value) -> PolicyDocument {
    PolicyDocument::parse(&json!({"Version": "2012-10-17", "Statement": statements}).to_string()).unwrap()
}

fn allow(actions: &[&str], resources: &[&str]) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": resources})
}

fn deny(actions: &[&str], resources: &[&str]) -> Value {
    json!({"Effect": "Deny", "Action": actions, "Resource": resources})
}

/// A role with these policies: name, kind, statements.
fn role_with(policies: &[(&str, PolicyKind, Value)]) -> Role {
    Role {
        policies: policies
            .iter()
            .map(|(name, kind, statements)| RolePolicy {
                name: (*name).to_owned(),
                arn: (*kind != PolicyKind::Inline).then(|| format!("arn:aws:iam::111122223333:policy/{name}")),
                kind: *kind,
                document: document(statements),
                versions: Vec::new(),
            })
            .collect(),
        ..Role::new(ROLE.parse().unwrap(), ROLE_ID.parse().unwrap())
    }
}

/// A role with one inline policy.
fn role(statements: Value) -> Role {
    role_with(&[("app", PolicyKind::Inline, statements)])
}

fn bounded(statements: Value, boundary: &Value) -> Role {
    Role { boundary: Some(document(boundary)), has_boundary: true, ..role(statements) }
}

fn next(role: &Role, baseline: Option<&RoleBaseline>, ledger: &Ledger, now: Timestamp) -> (Vec<Finding>, RoleBaseline) {
    let orders = function("orders");
    let evidence = DriftEvidence { ledger, now };
    let (findings, next) = compare_role(role, &[&orders], baseline, evidence);
    (findings, next.unwrap())
}

/// First run with `before`, second with `after`: what was added, and whether something was taken away.
#[track_caller]
fn check(before: &Role, after: &Role, added: &[&str], narrower: bool) {
    let ledger = Ledger::default();
    let (findings, first) = next(before, None, &ledger, at("01T00:00"));
    assert_eq!(findings, [], "the first run has nothing to compare with");
    assert_eq!((&first.widened, first.earlier.len()), (&None, 0));
    let (findings, second) = next(after, Some(&first), &ledger, at("02T00:00"));
    let actions: Vec<&str> =
        second.widened.iter().flat_map(|widening| &widening.actions).map(|action| action.action.as_str()).collect();
    assert_eq!(actions, added);
    assert_eq!(!second.earlier.is_empty(), narrower, "taken away");
    assert_eq!(
        findings.iter().map(|finding| finding.code.as_str()).collect::<Vec<_>>(),
        if added.is_empty() { vec![] } else { vec!["privilege-widened"] }
    );
    // Nothing more to write, and the same findings, as long as nothing changes.
    let (again, third) = next(after, Some(&second), &ledger, at("03T00:00"));
    assert_eq!((again, &third), (findings, &second));
    let text = serde_json::to_string(&third).unwrap();
    assert_eq!(serde_json::from_str::<RoleBaseline>(&text).unwrap(), third);
}

#[test]
fn rewriting_policies_is_no_change() {
    let all = role(json!([allow(&["s3:GetObject", "s3:PutObject"], &["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"])]));
    let split = role(json!([
        allow(&["s3:PutObject"], &["arn:aws:s3:::b/*", "arn:aws:s3:::a/*"]),
        allow(&["s3:GetObject"], &["arn:aws:s3:::a/*"]),
        allow(&["s3:getobject"], &["arn:aws:s3:::b/*"]),
    ]));
    check(&all, &split, &[], false);
    check(&split, &all, &[], false);
    let two = role_with(&[
        ("x", PolicyKind::Inline, json!([allow(&["s3:GetObject"], &["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"])])),
        ("y", PolicyKind::CustomerManaged, json!(allow(&["s3:PutObject"], &["arn:aws:s3:::a/*", "arn:aws:s3:::b/*"]))),
    ]);
    check(&all, &two, &[], false);
    // One of two that say the same goes.
    let twice = role(json!([allow(&["s3:*"], &["*"]), allow(&["s3:GetObject"], &["arn:aws:s3:::a/*"])]));
    check(&twice, &role(json!([allow(&["s3:*"], &["*"])])), &[], false);
    // A pattern and what it stands for.
    let pattern = role(json!([allow(&["dynamodb:BatchGet*"], &[TABLE])]));
    check(&pattern, &role(json!([allow(&["dynamodb:BatchGetItem"], &[TABLE])])), &[], false);
    check(&role(json!([allow(&["dynamodb:BatchGetItem"], &[TABLE])])), &pattern, &[], false);
}

#[test]
fn more_actions_resources_or_fewer_conditions_are_more() {
    let get = role(json!([allow(&["s3:GetObject"], &["arn:aws:s3:::a/*"])]));
    check(
        &get,
        &role(json!([allow(&["s3:GetObject", "s3:PutObject"], &["arn:aws:s3:::a/*"])])),
        &["s3:PutObject"],
        false,
    );
    check(&get, &role(json!([allow(&["s3:GetObject"], &["arn:aws:s3:::*"])])), &["s3:GetObject"], false);
    check(&get, &role(json!([allow(&["s3:PutObject"], &["arn:aws:s3:::a/*"])])), &["s3:PutObject"], true);
    check(&role(json!([allow(&["s3:GetObject"], &["*"])])), &get, &[], true);
    let mut only_ours = allow(&["s3:GetObject"], &["arn:aws:s3:::a/*"]);
    only_ours["Condition"] = json!({"StringEquals": {"aws:ResourceAccount": "111122223333"}});
    check(&role(json!([only_ours.clone()])), &get, &["s3:GetObject"], false);
    check(&get, &role(json!([only_ours])), &[], true);
    check(
        &get,
        &role(json!([allow(&["nosuch:Thing*"], &["*"]), allow(&["s3:GetObject"], &["arn:aws:s3:::a/*"])])),
        &["nosuch:Thing*"],
        false,
    );
}

#[test]
fn a_deny_that_goes_is_more_and_one_that_comes_is_less() {
    let both = role(json!([allow(&["s3:GetObject", "s3:PutObject"], &["*"]), deny(&["s3:PutObject"], &["*"])]));
    let free = role(json!([allow(&["s3:GetObject", "s3:PutObject"], &["*"])]));
    check(&both, &free, &["s3:PutObject"], false);
    check(&free, &both, &[], true);
    // A Deny over what is not allowed anyway.
    let idle = role(json!([allow(&["s3:GetObject"], &["*"]), deny(&["s3:PutObject"], &["*"])]));
    check(&idle, &role(json!([allow(&["s3:GetObject"], &["*"])])), &[], false);
    // An Allow that a Deny keeps from taking effect.
    check(&idle, &both, &[], false);
}

#[test]
fn boundaries_count() {
    let allows = json!([allow(&["s3:GetObject", "s3:DeleteObject"], &["arn:aws:s3:::a/*"])]);
    let tight = bounded(allows.clone(), &json!([allow(&["s3:GetObject"], &["*"])]));
    let wide = bounded(allows.clone(), &json!([allow(&["s3:*"], &["*"])]));
    check(&tight, &role(allows.clone()), &["s3:DeleteObject"], false);
    check(&role(allows.clone()), &tight, &[], true);
    check(&tight, &wide, &["s3:DeleteObject"], false);
    check(&wide, &role(allows), &[], false);
    // More than the boundary lets through is no more.
    let get =
        bounded(json!([allow(&["s3:GetObject"], &["arn:aws:s3:::a/*"])]), &json!([allow(&["s3:GetObject"], &["*"])]));
    check(&get, &tight, &[], false);
}

#[test]
fn what_aws_changes_in_its_own_policies_is_nobodys_change() {
    let managed =
        |actions: &[&str]| role_with(&[("ReadOnly", PolicyKind::AwsManaged, json!([allow(actions, &["*"])]))]);
    check(&managed(&["s3:GetObject"]), &managed(&["s3:GetObject", "s3:ListBucket"]), &[], false);
    let none = role(json!([allow(&["s3:GetObject"], &["*"])]));
    let attached = role_with(&[
        ("app", PolicyKind::Inline, json!([allow(&["s3:GetObject"], &["*"])])),
        ("ReadOnly", PolicyKind::AwsManaged, json!([allow(&["s3:ListBucket"], &["*"])])),
    ]);
    check(&none, &attached, &["s3:ListBucket"], false);
}

#[test]
fn a_role_made_again_or_unreadable_is_not_compared() {
    let narrow = role(json!([allow(&["s3:GetObject"], &["*"])]));
    let wide = role(json!([allow(&["s3:*"], &["*"])]));
    let (_, first) = next(&narrow, None, &Ledger::default(), at("01T00:00"));
    let again = Role { id: "AROAEXAMPLEEXAMPLE002".parse().unwrap(), ..wide.clone() };
    let (findings, second) = next(&again, Some(&first), &Ledger::default(), at("02T00:00"));
    assert_eq!((findings, second.widened, second.earlier), (vec![], None, vec![]));
    assert_eq!(second.role_id, "AROAEXAMPLEEXAMPLE002");
    for unreadable in
        [Role { unreadable_policies: vec!["x".to_owned()], ..wide.clone() }, Role { has_boundary: true, ..wide }]
    {
        assert_eq!(next(&unreadable, Some(&first), &Ledger::default(), at("02T00:00")), (vec![], first.clone()));
    }
}

#[test]
fn widening_is_rated_by_what_was_added_and_ends_when_it_is_taken_back() {
    let ledger = Ledger::default();
    let get = role(json!([allow(&["s3:GetObject"], &["arn:aws:s3:::a/*"])]));
    let pass = role(json!([
        allow(&["s3:GetObject"], &["arn:aws:s3:::a/*"]),
        allow(&["iam:PassRole", "s3:ListBucket"], &["*"])
    ]));
    let (_, first) = next(&get, None, &ledger, at("01T00:00"));
    let (findings, second) = next(&pass, Some(&first), &ledger, at("02T00:00"));
    let [finding] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!((finding.impact, finding.severity), (5, Severity::Medium), "an internal function");
    assert_eq!(finding.title, "orders-role may do more than before: 2 actions");
    assert_eq!(
        finding.detail.as_attribute(),
        "change seen 2026-11-02 00:00 UTC adds iam:PassRole, s3:ListBucket (through app)"
    );
    assert!(finding.remedy.ends_with("whittle explain orders"));
    // Another change is another finding.
    let more = role(json!([allow(&["s3:GetObject"], &["arn:aws:s3:::a/*"]), allow(&["iam:PassRole", "s3:*"], &["*"])]));
    let (other, _) = next(&more, Some(&second), &ledger, at("03T00:00"));
    assert_ne!(other[0].fingerprint, finding.fingerprint);
    // A run that cannot read the role does not call it resolved.
    let unreadable = Role { unreadable_policies: vec!["x".to_owned()], ..pass.clone() };
    assert_eq!(next(&unreadable, Some(&second), &ledger, at("03T00:00")), (findings.clone(), second.clone()));
    // Part of it taken back: the same finding with less in it. All of it: none.
    let list = role(json!([allow(&["s3:GetObject"], &["arn:aws:s3:::a/*"]), allow(&["s3:ListBucket"], &["*"])]));
    let (less, third) = next(&list, Some(&second), &ledger, at("03T00:00"));
    assert_eq!((less[0].fingerprint.as_str(), less[0].impact), (finding.fingerprint.as_str(), 1));
    assert_eq!(next(&get, Some(&third), &ledger, at("04T00:00")).0, []);
    // After a quarter it is how things are.
    let later = at("02T00:00").checked_add(SignedDuration::from_hours(24 * 93)).unwrap();
    assert_eq!(next(&pass, Some(&second), &ledger, later), (vec![], second.clone()));
}

/// A call of the role's session `session`, denied or not.
fn call(session: &str, time: Timestamp, denied: bool) -> Value {
    let mut record = json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": format!("{ROLE_ID}:{session}"),
            "arn": format!("arn:aws:sts::111122223333:assumed-role/orders-role/{session}"),
            "accountId": "111122223333",
            "sessionContext": {"sessionIssuer": {
                "type": "Role", "principalId": ROLE_ID, "arn": ROLE, "accountId": "111122223333", "userName": "orders-role",
            }},
        },
        "eventTime": time.to_string(),
        "eventSource": "dynamodb.amazonaws.com",
        "eventName": "PutItem",
        "awsRegion": "eu-central-1",
        "userAgent": "aws-sdk",
        "requestParameters": {"tableName": "orders"},
        "resources": [{"type": "AWS::DynamoDB::Table", "ARN": TABLE, "accountId": "111122223333"}],
        "eventID": format!("{session}{time}"),
        "eventType": "AwsApiCall",
        "managementEvent": false,
        "eventCategory": "Data",
        "recipientAccountId": "111122223333",
    });
    if denied {
        record["errorCode"] = json!("AccessDeniedException");
        record["errorMessage"] = json!(format!(
            "User: arn:aws:sts::111122223333:assumed-role/orders-role/{session} is not authorized to perform: \
             dynamodb:PutItem on resource: {TABLE} because no identity-based policy allows the dynamodb:PutItem action"
        ));
    }
    record
}

fn put_role_policy(time: Timestamp) -> Value {
    json!({
        "eventVersion": "1.11",
        "userIdentity": {"type": "IAMUser", "principalId": "AIDAEXAMPLE", "accountId": "111122223333", "userName": "ops"},
        "eventTime": time.to_string(),
        "eventSource": "iam.amazonaws.com",
        "eventName": "PutRolePolicy",
        "awsRegion": "us-east-1",
        "requestParameters": {"roleName": "orders-role", "policyName": "app"},
        "eventID": "put",
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "eventCategory": "Management",
        "recipientAccountId": "111122223333",
    })
}

fn ledger(events: &[Value]) -> Ledger {
    let mut ledger = Ledger::default();
    let mut mapper = Mapper::default();
    for event in events {
        let text = event.to_string();
        let ParsedRecord::Record(record) = parse_record(&text).unwrap() else { panic!("{text}") };
        ledger.observe_record(&record, &RecordSource::default(), &mut mapper);
    }
    ledger
}

fn wide() -> Role {
    role(json!([
        {"Sid": "Tables", "Effect": "Allow", "Action": "dynamodb:*", "Resource": "*",
         "Condition": {"StringEquals": {"aws:ResourceAccount": "111122223333"}}},
        allow(&["logs:PutLogEvents"], &["*"]),
    ]))
}

fn narrow() -> Role {
    role(json!([ours(&["dynamodb:GetItem"]), allow(&["logs:PutLogEvents"], &["*"])]))
}

fn ours(actions: &[&str]) -> Value {
    let mut statement = allow(actions, &[TABLE]);
    statement["Condition"] = json!({"StringEquals": {"aws:ResourceAccount": "111122223333"}});
    statement
}

/// Narrowed between the runs of the 1st and the 2nd; what the run of the 3rd says, given these events.
fn after_narrowing(events: &[Value], now: &Role) -> Vec<Finding> {
    let (_, first) = next(&wide(), None, &Ledger::default(), at("01T00:00"));
    let ledger = ledger(events);
    let (_, second) = next(&narrow(), Some(&first), &ledger, at("02T00:00"));
    next(now, Some(&second), &ledger, at("03T00:00")).0
}

#[test]
fn a_call_denied_after_narrowing_names_the_statement_to_restore() {
    let findings = after_narrowing(&[call("orders", at("02T08:00"), true)], &narrow());
    let [finding] = &findings[..] else { panic!("{findings:?}") };
    assert_eq!((finding.code.as_str(), finding.severity), ("over-narrowed", Severity::High));
    assert_eq!(finding.function_arn.as_deref(), Some("arn:aws:lambda:eu-central-1:111122223333:function:orders"));
    assert_eq!(finding.title, "orders is denied 1 action that it was allowed before");
    assert_eq!(
        finding.detail.as_attribute(),
        "policies narrowed 2026-11-02 00:00 UTC, last denied 2026-11-02 08:00 UTC: dynamodb:PutItem; restore \
         {\"Sid\":\"Tables\",\"Effect\":\"Allow\",\"Action\":[\"dynamodb:PutItem\"],\
         \"Resource\":[\"arn:aws:dynamodb:eu-central-1:111122223333:table/orders\"],\
         \"Condition\":{\"StringEquals\":{\"aws:ResourceAccount\":\"111122223333\"}}} (was in app/Tables)"
    );
    assert!(finding.remedy.ends_with("whittle explain orders"));
}

#[test]
fn the_statement_to_restore_is_within_the_one_that_was_there() {
    let findings = after_narrowing(&[call("orders", at("02T08:00"), true)], &narrow());
    let text = findings[0]
        .detail
        .as_attribute()
        .split("restore ")
        .nth(1)
        .unwrap()
        .split(" (was in")
        .next()
        .unwrap()
        .to_owned();
    let restored = PolicyDocument::parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{text}]}}"#)).unwrap();
    let original = &wide().policies[0].document;
    assert!(original.statements.as_slice()[0].covers(&restored.statements.as_slice()[0]));
}

#[test]
fn only_denials_of_the_function_after_the_change_count() {
    let count = |events: &[Value]| after_narrowing(events, &narrow()).len();
    assert_eq!(count(&[]), 0);
    assert_eq!(count(&[call("orders", at("02T08:00"), false)]), 0, "not denied");
    assert_eq!(count(&[call("orders", at("01T12:00"), true)]), 0, "before the change was seen");
    // The trail tells when the change was made: then the same denial is after it.
    assert_eq!(count(&[put_role_policy(at("01T10:00")), call("orders", at("01T12:00"), true)]), 1);
    assert_eq!(count(&[put_role_policy(at("01T13:00")), call("orders", at("01T12:00"), true)]), 0);
    assert_eq!(count(&[call("dana", at("02T08:00"), true)]), 0, "a person");
    let mut by_scp = call("orders", at("02T08:00"), true);
    by_scp["errorMessage"] = json!(format!(
        "User: x is not authorized to perform: dynamodb:PutItem on resource: {TABLE} with an explicit deny in a service \
         control policy"
    ));
    assert_eq!(count(&[by_scp]), 0, "refused by a service control policy");
    // Never allowed before either.
    let mut elsewhere = call("orders", at("02T08:00"), true);
    elsewhere["eventSource"] = json!("sqs.amazonaws.com");
    elsewhere["eventName"] = json!("SendMessage");
    elsewhere["errorMessage"] = json!("not told");
    assert_eq!(count(&[elsewhere]), 0);
}

#[test]
fn it_ends_when_the_permission_is_back() {
    let events = [call("orders", at("02T08:00"), true)];
    assert_eq!(after_narrowing(&events, &wide()).iter().filter(|f| f.code == "over-narrowed").count(), 0);
    // A change of something else does not make it forgotten.
    let other = role(json!([ours(&["dynamodb:GetItem", "dynamodb:Query"]), allow(&["logs:PutLogEvents"], &["*"])]));
    let findings = after_narrowing(&events, &other);
    let mut codes: Vec<&str> = findings.iter().map(|finding| finding.code.as_str()).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["over-narrowed", "privilege-widened"]);
}

#[test]
fn a_second_narrowing_does_not_hide_the_first() {
    let steps = [
        wide(),
        role(json!([ours(&["dynamodb:GetItem", "dynamodb:Query"]), allow(&["logs:PutLogEvents"], &["*"])])),
        narrow(),
    ];
    let mut baseline = None;
    for (role, day) in steps.iter().zip(["01T00:00", "02T00:00", "03T00:00"]) {
        baseline = Some(next(role, baseline.as_ref(), &Ledger::default(), at(day)).1);
    }
    let denied = ledger(&[call("orders", at("03T08:00"), true)]);
    let (findings, _) = next(&narrow(), baseline.as_ref(), &denied, at("04T00:00"));
    let [finding] = &findings[..] else { panic!("{findings:?}") };
    assert!(
        finding.detail.as_attribute().starts_with("policies narrowed 2026-11-02"),
        "{}",
        finding.detail.as_attribute()
    );
    // However often it goes on, the list stays short.
    for day in 4..10 {
        let actions: &[&str] = if day % 2 == 0 { &["dynamodb:GetItem"] } else { &["dynamodb:Query"] };
        let role = role(json!([ours(actions)]));
        baseline = Some(next(&role, baseline.as_ref(), &Ledger::default(), at(&format!("{day:02}T00:00"))).1);
    }
    assert_eq!(baseline.unwrap().earlier.len(), MAX_EARLIER);
}

#[test]
fn a_change_has_the_same_name_when_a_run_that_saw_it_was_cut_off() {
    let get = role(json!([allow(&["s3:GetObject"], &["*"])]));
    let put = role(json!([allow(&["s3:GetObject", "s3:PutObject"], &["*"])]));
    let (_, first) = next(&get, None, &Ledger::default(), at("01T00:00"));
    let (one, _) = next(&put, Some(&first), &Ledger::default(), at("02T00:00"));
    let (two, _) = next(&put, Some(&first), &Ledger::default(), at("02T01:00"));
    assert_eq!(one[0].fingerprint, two[0].fingerprint);
}
