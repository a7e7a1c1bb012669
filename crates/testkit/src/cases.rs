//! Generators of cases of `whittle simulate`, made so that principals, accounts, patterns and values meet and
//! just miss each other all the time.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

const PRINCIPALS: &[&str] = &[
    "arn:aws:iam::111122223333:user/ann",
    "arn:aws:iam::111122223333:user/p/carl",
    "arn:aws:iam::111122223333:role/r",
    "arn:aws:iam::111122223333:role/p/r",
    "arn:aws:sts::111122223333:assumed-role/r/s",
    "arn:aws:sts::111122223333:assumed-role/r/t",
    "arn:aws:sts::111122223333:assumed-role/AWSServiceRoleForX/s",
    "arn:aws:sts::111122223333:federated-user/carl",
    "arn:aws:iam::111122223333:root",
    "arn:aws:iam::444455556666:user/bob",
    "arn:aws:sts::444455556666:assumed-role/r/s",
    "111122223333",
    "sns.amazonaws.com",
    "arn:aws:iam::111122223333:saml-provider/x",
];
const LISTED: &[&str] = &["*", "444455556666", "AROAEXAMPLEEXAMPLE123", "AIDAEXAMPLEEXAMPLE123", "arn:aws:iam::*:root"];
const ACTIONS: &[&str] = &["s3:Get", "s3:Put", "sts:AssumeRole", "kms:Decrypt", "kms:RetireGrant"];
const ACTION_PATTERNS: &[&str] = &["*", "s3:*", "S3:g?t", "s3:*t", "sts:*", "kms:*", "kms:decrypt", "ec2:*"];
const RESOURCES: &[&str] = &[
    "*",
    "arn:aws:s3:::a",
    "arn:aws:s3:::a/b:c",
    "arn:aws:sqs:eu:444455556666:a",
    "arn:aws:iam::111122223333:role/r",
    "arn:aws:kms:eu:111122223333:key/1",
];
const RESOURCE_PATTERNS: &[&str] = &[
    "*",
    "arn:aws:s3:::a",
    "arn:aws:s3:::${k:One}",
    "arn:aws:s3:::${k:one, 'a'}*",
    "arn:aws:s3:::a/*c",
    "arn:aws:*:a",
    "arn:aws:iam::*:role/*",
    "arn:aws:kms:*",
    "arn:aws:s3:::?${*}",
];
const KEYS: &[&str] = &["k:One", "K:one", "k:Two", "aws:userid", "aws:PrincipalArn", "aws:PrincipalOrgMasterAccountId"];
/// Values of policies and requests.
pub const VALUES: &[&str] = &[
    "",
    "a",
    "A",
    "*",
    "a*",
    "${k:One}",
    "${k:two, 'a'}",
    "1",
    "1.0",
    "-2",
    "10",
    "2026-01-01",
    "2026-01-01T01:00:00+01:00",
    "1767225600",
    "true",
    "False",
    "10.0.0.0/8",
    "10.1.2.3",
    "::1",
    "QQ==",
    "arn:aws:iam::111122223333:role/r",
    "arn:aws:iam::*:role/?",
    "arn:aws:iam::111122223333:role/p/r",
    "AROAEXAMPLEEXAMPLE123:s",
    "AIDAEXAMPLEEXAMPLE123",
    "111122223333",
];
const OPERATORS: &[&str] = &[
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnLike",
    "ArnNotEquals",
    "ArnNotLike",
];

fn one_or_list(of: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop_oneof![3 => select(of).prop_map(Value::from), 2 => vec(select(of), 1..=3).prop_map(Value::from)]
}

/// A condition operator in any of its forms.
pub fn operator() -> impl Strategy<Value = String> {
    let sets = select(vec!["", "", "", "ForAllValues:", "ForAnyValue:"]);
    let suffixes = select(vec!["", "", "IfExists"]);
    prop_oneof![
        9 => (sets, select(OPERATORS), suffixes).prop_map(|(set, name, suffix)| format!("{set}{name}{suffix}")),
        1 => Just("Null".to_owned()),
    ]
}

fn condition_element() -> impl Strategy<Value = Value> {
    let keys = vec((select(KEYS), one_or_list(VALUES)), 1..=2);
    let keys = keys.prop_map(|keys| keys.into_iter().map(|(key, values)| (key.to_owned(), values)).collect());
    vec((operator(), keys.prop_map(Value::Object)), 1..=2)
        .prop_map(|operators| Value::Object(operators.into_iter().collect()))
}

fn principal_element() -> impl Strategy<Value = Value> {
    let names = || prop_oneof![2 => one_or_list(PRINCIPALS), 1 => one_or_list(LISTED)];
    let kinds = vec((select(vec!["AWS", "AWS", "AWS", "Service", "Federated"]), names()), 1..=2);
    let map =
        kinds.prop_map(|kinds| Value::Object(kinds.into_iter().map(|(kind, who)| (kind.to_owned(), who)).collect()));
    prop_oneof![1 => Just(json!("*")), 5 => map]
}

/// Rules of a layer for its statements.
#[derive(Debug, Clone, Copy, PartialEq)]
enum LayerForm {
    Plain,
    WithPrincipal,
    /// With `Principal`, and now and then without `Resource`.
    Own,
}

fn statement(form: LayerForm) -> impl Strategy<Value = Value> {
    let action = (prop::bool::weighted(0.15), one_or_list(ACTION_PATTERNS));
    let resource = (prop::bool::weighted(0.15), one_or_list(RESOURCE_PATTERNS));
    let principal = (prop::bool::weighted(0.2), principal_element());
    let condition = option::weighted(0.35, condition_element());
    let with_resource = prop::bool::weighted(if form == LayerForm::Own { 0.7 } else { 1.0 });
    (prop::bool::weighted(0.75), action, resource, principal, condition, with_resource).prop_map(
        move |(allow, action, resource, principal, condition, with_resource)| {
            let mut out = Map::new();
            out.insert("Effect".into(), if allow { "Allow" } else { "Deny" }.into());
            if form != LayerForm::Plain {
                out.insert(if principal.0 { "NotPrincipal" } else { "Principal" }.into(), principal.1);
            }
            out.insert(if action.0 { "NotAction" } else { "Action" }.into(), action.1);
            if with_resource {
                out.insert(if resource.0 { "NotResource" } else { "Resource" }.into(), resource.1);
            }
            out.extend(condition.map(|condition| ("Condition".to_owned(), condition)));
            Value::Object(out)
        },
    )
}

fn document(form: LayerForm) -> impl Strategy<Value = Value> {
    let version = select(vec![Some("2012-10-17"), Some("2012-10-17"), Some("2008-10-17"), None]);
    (version, vec(statement(form), 1..=3)).prop_map(|(version, statements)| {
        let mut out = Map::new();
        out.extend(version.map(|version| ("Version".to_owned(), version.into())));
        out.insert("Statement".into(), statements.into());
        Value::Object(out)
    })
}

fn policies(form: LayerForm, least: usize, most: usize) -> impl Strategy<Value = Value> {
    vec(document(form), least..=most).prop_map(|documents| {
        documents.into_iter().map(|document| json!({"name": "p", "document": document})).collect()
    })
}

fn request() -> impl Strategy<Value = Value> {
    let principal = prop_oneof![12 => select(PRINCIPALS).prop_map(Value::from), 1 => Just(Value::Null)];
    let account = select(vec![None, None, Some("111122223333"), Some("444455556666")]);
    let context = vec((select(KEYS), vec(select(VALUES), 0..=2)), 0..=4);
    (principal, select(ACTIONS), select(RESOURCES), account, context).prop_map(
        |(principal, action, resource, resource_account, keys)| {
            let mut context = Map::new();
            for (key, values) in keys {
                // Names that differ in case only are one key.
                if !context.keys().any(|have: &String| have.eq_ignore_ascii_case(key)) {
                    context.insert(key.to_owned(), values.into());
                }
            }
            json!({"principal": principal, "action": action, "resource": resource,
                   "resource_account": resource_account, "context": context})
        },
    )
}

/// A case.
pub fn case() -> impl Strategy<Value = Value> {
    let limits = (
        option::weighted(0.3, policies(LayerForm::Plain, 0, 1)),
        option::weighted(0.3, policies(LayerForm::Plain, 0, 2)),
        option::weighted(0.2, policies(LayerForm::WithPrincipal, 0, 1)),
        option::weighted(0.3, vec(policies(LayerForm::Plain, 0, 2), 0..=2)),
        option::weighted(0.2, vec(policies(LayerForm::Plain, 0, 2), 0..=2)),
    );
    (request(), policies(LayerForm::Plain, 0, 2), option::weighted(0.7, document(LayerForm::Own)), limits).prop_map(
        |(request, identity, resource, (boundaries, session, endpoint, scp, rcp))| {
            json!({"id": 1, "request": request, "identity_policies": identity, "resource_policy": resource,
                   "permissions_boundaries": boundaries, "session_policies": session, "endpoint_policies": endpoint,
                   "service_control_policies": scp, "resource_control_policies": rcp})
        },
    )
}
