//! Attribution in unclear cases: chained roles, versions and aliases with roles of their own, sessions of
//! people. A row is a record, the role that it counts for and the caller that the inventory makes of it.

#![expect(clippy::unwrap_used, reason = "what a test cannot read is a failure of the test")]

use whittle_evidence::attribute::{Caller, FunctionRef, RoleFunctions, attribute, resolve};
use whittle_evidence::ledger::{Ledger, RecordSource};
use whittle_evidence::map::Mapper;
use whittle_evidence::record::{ParsedRecord, Record, parse_record};

const ACCOUNT: &str = "111122223333";
const ORDERS: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders";
const EXPORT: &str = "arn:aws:lambda:eu-west-1:111122223333:function:export";
const SANDBOX: &str = "Boto3/1.40 exec-env/AWS_Lambda_python3.12";
const LAPTOP: &str = "aws-cli/2.30 md/command#s3.ls";

/// One call: role (its name and the end of its unique id), session, `inScopeOf` as (issued to, version) and
/// user agent.
struct Call {
    role: &'static str,
    session: &'static str,
    scope: Option<(&'static str, &'static str)>,
    agent: &'static str,
}

fn role_id(role: &str) -> String {
    format!("AROAEXAMPLE{}", role.to_uppercase())
}

fn role_arn(role: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{role}")
}

fn text(call: &Call, source: &str, event: &str, parameters: &str) -> String {
    let Call { role, session, scope, agent } = call;
    let (id, arn) = (role_id(role), role_arn(role));
    let scope = scope.map_or_else(String::new, |(issued, version)| {
        let version = if version.is_empty() {
            String::new()
        } else {
            format!(r#","credentialsIssuedToVersion":"{issued}:{version}""#)
        };
        format!(r#","inScopeOf":{{"issuerType":"AWS::Lambda::Function","credentialsIssuedTo":"{issued}"{version}}}"#)
    });
    format!(
        r#"{{"eventTime":"2026-09-01T10:00:00Z","eventSource":"{source}.amazonaws.com","eventName":"{event}","awsRegion":"eu-west-1","userAgent":"{agent}","recipientAccountId":"{ACCOUNT}","eventType":"AwsApiCall","requestParameters":{parameters},"userIdentity":{{"type":"AssumedRole","principalId":"{id}:{session}","arn":"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session}","accountId":"{ACCOUNT}","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"{id}","arn":"{arn}","accountId":"{ACCOUNT}"}}}}{scope}}}}}"#
    )
}

fn with_record<T>(text: &str, work: impl FnOnce(&Record<'_>) -> T) -> T {
    let parsed = parse_record(text).unwrap();
    let record = match &parsed {
        ParsedRecord::Record(record) => Some(record),
        ParsedRecord::Skipped(_) => None,
    };
    work(record.unwrap())
}

fn by_arn(arn: &str) -> Caller {
    Caller::Function(FunctionRef::Arn(arn.to_owned()))
}

fn by_name(name: &str) -> Caller {
    Caller::Function(FunctionRef::Name(name.to_owned()))
}

#[test]
fn every_call_counts_for_the_role_of_its_session_and_for_the_function_of_that_role() {
    // The role `live` belongs to version 7 of `orders` and to nothing else; `shared` to two functions;
    // `target` to none: code assumes it.
    let inventory = |role: &str| match role {
        "latest" | "live" => RoleFunctions::new([ORDERS]),
        "shared" => RoleFunctions::new([ORDERS, EXPORT]),
        _ => RoleFunctions::default(),
    };
    let call = |role, session, scope, agent| Call { role, session, scope, agent };
    let rows = [
        // Versions and aliases with roles of their own.
        (call("latest", "orders", Some((ORDERS, "$LATEST")), SANDBOX), by_arn(ORDERS)),
        (call("live", "orders", Some((ORDERS, "7")), SANDBOX), by_arn(ORDERS)),
        (call("live", "orders", Some((ORDERS, "")), SANDBOX), by_arn(ORDERS)),
        (
            call("live", "orders", Some(("arn:aws:lambda:eu-west-1:111122223333:function:orders:live", "")), SANDBOX),
            by_arn(ORDERS),
        ),
        (call("live", "orders", None, SANDBOX), by_arn(ORDERS)),
        (call("live", "orders", None, LAPTOP), by_arn(ORDERS)),
        // A shared role: the session's name decides.
        (call("shared", "export", None, SANDBOX), by_arn(EXPORT)),
        (call("shared", "orders", Some((EXPORT, "3")), SANDBOX), by_arn(EXPORT)),
        // A chained role: the call is the other role's, whatever the session is called.
        (call("target", "orders", None, SANDBOX), by_name("orders")),
        (call("target", "botocore-session-1788242400", None, SANDBOX), by_name("botocore-session-1788242400")),
        (call("target", "orders", None, LAPTOP), Caller::Other),
        // A person or a pipeline with the execution role.
        (call("latest", "alice", None, LAPTOP), Caller::Other),
        (call("shared", "deploy", None, LAPTOP), Caller::Other),
        // Lambda@Edge replicas, and the Lambda service itself.
        (call("latest", "us-east-1.orders", None, SANDBOX), by_arn(ORDERS)),
        (
            call("shared", "awslambda_215_20260901100412292", None, "awslambda-worker/1.0"),
            Caller::Platform { function_name: None },
        ),
        (
            call("shared", "awslambda_215_20260901100412292", Some((EXPORT, "")), "awslambda-worker/1.0"),
            Caller::Platform { function_name: Some("export".to_owned()) },
        ),
    ];
    for (call, expect) in rows {
        let text = text(&call, "s3", "ListBuckets", "{}");
        with_record(&text, |record| {
            let by = attribute(record).unwrap();
            assert_eq!((by.role_id, by.role_arn), (&*role_id(call.role), Some(&*role_arn(call.role))), "{text}");
            assert_eq!(resolve(&by.caller.to_key(), &inventory(call.role)), expect, "{text}");
        });
    }
}

/// A function of `latest` assumes `target` and reads with it: the first role needs `sts:AssumeRole` on the
/// second and no more, the second needs the read.
#[test]
fn a_chained_role_charges_the_first_with_the_assumption_alone() {
    let target = role_arn("target");
    let function = |role, session, agent| Call { role, session, scope: None, agent };
    let first = Call { role: "latest", session: "orders", scope: Some((ORDERS, "$LATEST")), agent: SANDBOX };
    let second = function("target", "orders-export", SANDBOX);
    let texts = [
        text(
            &first,
            "sts",
            "AssumeRole",
            &format!(
                r#"{{"roleArn":"{target}","roleSessionName":"orders-export","tags":[{{"key":"a","value":"b"}}]}}"#
            ),
        ),
        text(&second, "s3", "GetObject", r#"{"bucketName":"partner","key":"in/1.json"}"#),
    ];
    let (mut ledger, mut mapper) = (Ledger::default(), Mapper::default());
    for text in &texts {
        with_record(text, |record| ledger.observe_record(record, &RecordSource::default(), &mut mapper));
    }
    let used = |role: &str| -> Vec<String> {
        let found = ledger.of_role(&role_id(role), &role_arn(role)).unwrap();
        let callers = found.callers();
        let uses = callers.flat_map(|(_, caller)| caller.usage());
        uses.filter_map(|(action, usage)| {
            Some(format!("{action} {}", usage.authorised.as_ref()?.resources.patterns().join(" ")))
        })
        .collect()
    };
    assert_eq!(used("latest"), [format!("sts:AssumeRole {target}"), format!("sts:TagSession {target}")]);
    assert_eq!(used("target"), ["s3:GetObject arn:aws:s3:::partner/in/*"]);
}

/// Use by version 7 of a function is no evidence for the role of `$LATEST`, and the other way round.
#[test]
fn versions_with_roles_of_their_own_do_not_share_evidence() {
    let (mut ledger, mut mapper) = (Ledger::default(), Mapper::default());
    for (role, version, bucket) in [("latest", "$LATEST", "new"), ("live", "7", "old")] {
        let call = Call { role, session: "orders", scope: Some((ORDERS, version)), agent: SANDBOX };
        let text = text(&call, "s3", "PutObject", &format!(r#"{{"bucketName":"{bucket}","key":"k"}}"#));
        with_record(&text, |record| ledger.observe_record(record, &RecordSource::default(), &mut mapper));
    }
    for (role, expect) in [("latest", "arn:aws:s3:::new/*"), ("live", "arn:aws:s3:::old/*")] {
        let found = ledger.of_role(&role_id(role), &role_arn(role)).unwrap();
        let patterns: Vec<String> = found
            .callers()
            .flat_map(|(_, caller)| caller.usage())
            .filter(|(action, _)| *action == "s3:PutObject")
            .flat_map(|(_, usage)| usage.authorised.as_ref().unwrap().resources.patterns())
            .collect();
        assert_eq!(patterns, [expect], "{role}");
        assert_eq!(found.functions().collect::<Vec<_>>(), [ORDERS], "{role}");
    }
}
