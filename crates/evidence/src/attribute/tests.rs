use super::*;
use crate::record::{ParsedRecord, parse_record};

const ROLE: &str = "arn:aws:iam::111122223333:role/service/orders/orders-role";
const FUNCTION: &str = "arn:aws:lambda:us-east-1:111122223333:function:orders-ingest";

fn identity(session: &str, more: &str) -> String {
    format!(
        r#""userIdentity":{{"type":"AssumedRole","principalId":"AROAEXAMPLE1:{session}","arn":"arn:aws:sts::111122223333:assumed-role/orders-role/{session}","accountId":"111122223333","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROAEXAMPLE1","arn":"{ROLE}","accountId":"111122223333"}}}}{more}}}"#
    )
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "cases read better without references")]
fn check(fields: &str, expect: Option<(&str, Option<&str>, CallerKey)>) {
    let text = format!(
        r#"{{"eventTime":"2026-09-01T10:02:07Z","eventSource":"kms.amazonaws.com","eventName":"Decrypt",{fields}}}"#
    );
    let ParsedRecord::Record(record) = parse_record(&text).unwrap() else { panic!("skipped") };
    let got = attribute(&record);
    let got = got.as_ref().map(|a| (a.role_id, a.role_arn, a.caller.to_key()));
    assert_eq!(got, expect, "{fields}");
}

fn session(name: &str, exec_env: bool) -> CallerKey {
    CallerKey::Session { name: name.into(), exec_env }
}

/// `inScopeOf`, with more members.
fn scope(issued: &str, more: &str) -> String {
    format!(r#","inScopeOf":{{"issuerType":"AWS::Lambda::Function","credentialsIssuedTo":"{issued}"{more}}}"#)
}

fn platform(name: Option<&str>) -> CallerKey {
    CallerKey::Platform { function_name: name.map(Into::into) }
}

#[test]
fn session_names_wait_for_the_inventory() {
    check(&identity("orders-ingest", ""), Some(("AROAEXAMPLE1", Some(ROLE), session("orders-ingest", false))));
    let agent =
        format!(r#"{},"userAgent":"Boto3/1.40 exec-env/AWS_Lambda_python3.12 cfg/x""#, identity("orders-ingest", ""));
    check(&agent, Some(("AROAEXAMPLE1", Some(ROLE), session("orders-ingest", true))));
}

#[test]
fn credentials_issued_to_names_the_function() {
    let function =
        |version: Option<&str>| CallerKey::Function { arn: FUNCTION.into(), version: version.map(Into::into) };
    check(&identity("x", &scope(FUNCTION, "")), Some(("AROAEXAMPLE1", Some(ROLE), function(None))));
    let latest = format!(r#","credentialsIssuedToVersion":"{FUNCTION}:$LATEST""#);
    check(&identity("x", &scope(FUNCTION, &latest)), Some(("AROAEXAMPLE1", Some(ROLE), function(Some("$LATEST")))));
    check(
        &identity("x", &scope(&format!("{FUNCTION}:7"), "")),
        Some(("AROAEXAMPLE1", Some(ROLE), function(Some("7")))),
    );
    // Documentation-style: a role.
    check(
        &identity("x", &scope("arn:aws:iam::111122223333:role/r", "")),
        Some(("AROAEXAMPLE1", Some(ROLE), session("x", false))),
    );
    check(
        &identity("awslambda_2_20260901100412292", &scope(FUNCTION, "")),
        Some(("AROAEXAMPLE1", Some(ROLE), platform(Some("orders-ingest")))),
    );
}

#[test]
fn the_lambda_service_is_the_platform() {
    check(&identity("awslambda_215_20260901100412292", ""), Some(("AROAEXAMPLE1", Some(ROLE), platform(None))));
    for near in ["awslambda_215_2026090110041229", "awslambda_x_20260901100412292", "awslambda_215"] {
        check(&identity(near, ""), Some(("AROAEXAMPLE1", Some(ROLE), session(near, false))));
    }
    let decrypt = format!(
        r#"{},"requestParameters":{{"encryptionContext":{{"aws:lambda:FunctionArn":"{FUNCTION}"}}}}"#,
        identity("orders-ingest", "")
    );
    check(&decrypt, Some(("AROAEXAMPLE1", Some(ROLE), platform(Some("orders-ingest")))));
    let by_code = format!(r#"{decrypt},"userAgent":"exec-env/AWS_Lambda_nodejs22.x""#);
    check(&by_code, Some(("AROAEXAMPLE1", Some(ROLE), session("orders-ingest", true))));
}

#[test]
fn what_a_caller_may_write_moves_no_use_to_another_function() {
    let context = |function: &str| {
        let arn = FUNCTION.replace("orders-ingest", function);
        format!(r#","requestParameters":{{"encryptionContext":{{"aws:lambda:FunctionArn":"{arn}"}}}}"#)
    };
    let own = CallerKey::Function { arn: FUNCTION.to_owned(), version: None };
    let in_scope = identity("orders-ingest", &scope(FUNCTION, ""));
    // Another function in the encryption context, with any user agent.
    for user_agent in ["", r#","userAgent":"my agent""#, r#","userAgent":"exec-env/AWS_Lambda_nodejs22.x""#] {
        let fields = format!("{in_scope}{}{user_agent}", context("other"));
        check(&fields, Some(("AROAEXAMPLE1", Some(ROLE), own.clone())));
    }
    let fields = format!("{in_scope}{}", context("orders-ingest"));
    check(&fields, Some(("AROAEXAMPLE1", Some(ROLE), platform(Some("orders-ingest")))));
    // Without `inScopeOf` the session's name has to agree.
    let fields = format!("{}{}", identity("orders-ingest", ""), context("other"));
    check(&fields, Some(("AROAEXAMPLE1", Some(ROLE), session("orders-ingest", false))));
}

#[test]
fn copies_in_another_account_have_only_the_unique_id() {
    check(
        r#""userIdentity":{"type":"AWSAccount","principalId":"AROAEXAMPLE1:orders-ingest","accountId":"111122223333"}"#,
        Some(("AROAEXAMPLE1", None, session("orders-ingest", false))),
    );
    check(r#""userIdentity":{"type":"AWSAccount","principalId":"AIDAEXAMPLE","accountId":"111122223333"}"#, None);
    check(r#""userIdentity":{"type":"AWSAccount","accountId":"ANONYMOUS_PRINCIPAL"}"#, None);
}

#[test]
fn no_role_is_invented() {
    check(r#""userIdentity":{"type":"IAMUser","principalId":"AIDAX","arn":"arn:aws:iam::111122223333:user/a"}"#, None);
    check(r#""userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/r/s"}"#, None);
    check(r#""userIdentity":{}"#, None);
    check(r#""userIdentity":null"#, None);
    check(
        r#""userIdentity":{"type":"AssumedRole","principalId":"AROAX1:s","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAX1","arn":"arn:aws:iam::111122223333:role/aws-service-role/ops.amazonaws.com/X"}}}"#,
        None,
    );
    check(
        r#""userIdentity":{"type":"AssumedRole","principalId":"AIDAX:s","sessionContext":{"sessionIssuer":{"type":"IAMUser","principalId":"AIDAX"}}}"#,
        None,
    );
}

#[test]
fn the_arn_stands_in_where_no_unique_id_is_given() {
    let text = format!(
        r#""userIdentity":{{"type":"AssumedRole","principalId":"redacted:s","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"redacted","arn":"{ROLE}"}}}}}}"#
    );
    check(&text, Some((ROLE, Some(ROLE), session("s", false))));
}

#[test]
fn function_arns_split_before_the_qualifier() {
    assert_eq!(split_function_arn(FUNCTION), Some((FUNCTION, None)));
    assert_eq!(split_function_arn(&format!("{FUNCTION}:live")), Some((FUNCTION, Some("live"))));
    assert_eq!(split_function_arn("arn:aws:lambda:us-east-1:111122223333:layer:x:1"), None);
    assert_eq!(split_function_arn("arn:aws:lambda:us-east-1:111122223333:function:"), None);
    assert_eq!(split_function_arn("arn:aws:lambda:us-east-1:111122223333:function:a:b:c"), None);
    assert_eq!(function_name(&format!("{FUNCTION}:live")), Some("orders-ingest"));
}

#[test]
fn lambda_assuming_a_role_shows_that_it_is_alive() {
    let text = format!(
        r#"{{"eventTime":"2026-09-01T10:02:07Z","eventSource":"sts.amazonaws.com","eventName":"AssumeRole","userIdentity":{{"type":"AWSService","invokedBy":"lambda.amazonaws.com"}},"requestParameters":{{"roleArn":"{ROLE}"}},"responseElements":{{"assumedRoleUser":{{"assumedRoleId":"AROAEXAMPLE1:orders-ingest"}}}}}}"#
    );
    let ParsedRecord::Record(record) = parse_record(&text).unwrap() else { panic!("skipped") };
    assert_eq!(
        assumed_by_lambda(&record),
        Some(RoleAssumed { role_id: "AROAEXAMPLE1".into(), role_arn: Some(ROLE.into()) })
    );
    assert_eq!(attribute(&record), None);
}

#[test]
fn sessions_resolve_through_the_inventory() {
    let other_region = FUNCTION.replace("us-east-1", "eu-west-1");
    let one = RoleFunctions::new([FUNCTION]);
    let two = RoleFunctions::new([FUNCTION, other_region.as_str()]);
    assert_eq!(resolve(&session("orders-ingest", false), &one), Caller::Function(FunctionRef::Arn(FUNCTION.into())));
    let by_name = Caller::Function(FunctionRef::Name("orders-ingest".into()));
    assert_eq!(resolve(&session("orders-ingest", false), &two), by_name);
    assert!(by_name.may_be(&other_region) && !by_name.may_be("arn:aws:lambda:us-east-1:111122223333:function:x"));
    assert_eq!(resolve(&session("gone", true), &one), Caller::Function(FunctionRef::Name("gone".into())));
    assert_eq!(resolve(&session("alice", false), &one), Caller::Other);
    assert_eq!(resolve(&session("*", false), &one), Caller::Function(FunctionRef::Any));
    assert_eq!(resolve(&platform(None), &one), Caller::Platform { function_name: None });
}

#[test]
fn calls_of_nobody_known_are_told() {
    let check = |fields: &str, expect: Option<&str>| {
        let text = format!(
            r#"{{"eventTime":"2026-09-01T10:02:07Z","eventSource":"sqs.amazonaws.com","eventName":"DeleteQueue"{fields}}}"#
        );
        let ParsedRecord::Record(record) = parse_record(&text).unwrap() else { panic!("skipped") };
        assert_eq!(missing_identity(&record), expect, "{fields}");
    };
    let by = |identity: &str| format!(r#","userIdentity":{identity}"#);
    let call = |more: &str| format!(r#","eventType":"AwsApiCall"{more}"#);
    check(&call(""), Some("userIdentity"));
    check(&call(r#","userIdentity":null"#), Some("userIdentity"));
    check(&call(&by("{}")), Some("userIdentity"));
    check("", None);
    let arn = "arn:aws:sts::111122223333:assumed-role/r/f";
    check(
        &by(&format!(r#"{{"type":"AssumedRole","arn":"{arn}","accountId":"111122223333"}}"#)),
        Some("userIdentity.principalId"),
    );
    let in_scope = format!(
        r#"{{"accountId":"111122223333","inScopeOf":{{"issuerType":"AWS::Lambda::Function","credentialsIssuedTo":"{FUNCTION}"}}}}"#
    );
    check(&by(&in_scope), Some("userIdentity"));
    for (identity, event_type) in [
        (r#"{"type":"AssumedRole","principalId":"AROAEXAMPLE1:f"}"#.to_owned(), "AwsApiCall"),
        (r#"{"type":"AWSService","invokedBy":"lambda.amazonaws.com"}"#.to_owned(), "AwsApiCall"),
        (r#"{"accountId":"111122223333","invokedBy":"ec2.amazonaws.com"}"#.to_owned(), "AwsApiCall"),
        ("{}".to_owned(), "AwsServiceEvent"),
    ] {
        check(&format!(r#"{},"eventType":"{event_type}""#, by(&identity)), None);
    }
    let linked = "arn:aws:iam::111122223333:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX";
    let linked =
        format!(r#"{{"type":"AssumedRole","sessionContext":{{"sessionIssuer":{{"type":"Role","arn":"{linked}"}}}}}}"#);
    check(&by(&linked), None);
}
