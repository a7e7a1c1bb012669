//! One test for each rule of the policy grammar and of the evaluation order; `docs/correctness/evaluation.md`
//! ties them to AWS's pages. The body of cases in `evaluation.rs` has many more of each.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use serde_json::{Value, json};
use whittle_policy::simulate::simulate_line;

const USER: &str = "arn:aws:iam::111122223333:user/ann";
const ROLE: &str = "arn:aws:iam::111122223333:role/reader";
const SESSION: &str = "arn:aws:sts::111122223333:assumed-role/reader/one";
const STRANGER: &str = "arn:aws:iam::444455556666:user/bob";
const OBJECT: &str = "arn:aws:s3:::photos/a.jpg";

fn allow(action: &str, resource: &str) -> Value {
    json!({"Effect": "Allow", "Action": action, "Resource": resource})
}

fn deny(action: &str) -> Value {
    json!({"Effect": "Deny", "Action": action, "Resource": "*"})
}

fn document(statements: impl Into<Value>) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements.into()})
}

/// A request of `who` for an object, with members of the case laid over.
#[track_caller]
fn decide(who: &str, members: Value, expect: &str) {
    let mut case = json!({"id": 1, "request": {"principal": who, "action": "s3:GetObject", "resource": OBJECT}});
    lay(&mut case, members);
    let answer: Value = serde_json::from_str(&simulate_line(&case.to_string())).unwrap();
    assert_eq!(answer["decision"], expect, "{case}\n{answer}");
}

fn lay(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (name, value) in over {
                lay(base.entry(name).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over,
    }
}

/// True if an identity policy of one Allow lets a user do this.
#[track_caller]
fn allows(statement: Value, request: &Value, expect: bool) {
    let members = json!({"request": request, "identity_policies": [document(vec![statement])]});
    decide(USER, members, if expect { "Allowed" } else { "ImplicitlyDenied" });
}

/// True if a request with this value of a key meets one constraint.
#[track_caller]
fn met(operator: &str, wanted: &Value, given: &Value, expect: bool) {
    let mut statement = allow("*", "*");
    statement["Condition"] = json!({operator: {"aws:Key": wanted}});
    let context = if given.is_null() { json!({}) } else { json!({"aws:Key": given}) };
    allows(statement, &json!({"context": context}), expect);
}

/// A resource-based Allow of the object for a principal.
fn granted(principal: Value) -> Value {
    let mut statement = allow("s3:*", "arn:aws:s3:::photos/*");
    statement["Principal"] = principal;
    document(vec![statement])
}

#[test]
fn version_2012_has_policy_variables() {
    let request = json!({"resource": "arn:aws:s3:::home/ann/x", "context": {"aws:username": ["ann"]}});
    allows(allow("*", "arn:aws:s3:::home/${aws:username}/*"), &request, true);
}

#[test]
fn version_2008_and_no_version_read_variables_as_text() {
    for version in [json!("2008-10-17"), Value::Null] {
        let mut policy = document(vec![allow("*", "arn:aws:s3:::home/${aws:username}/*")]);
        match version {
            Value::Null => drop(policy.as_object_mut().unwrap().remove("Version")),
            version => policy["Version"] = version,
        }
        let request =
            |name: &str| json!({"resource": format!("arn:aws:s3:::home/{name}/x"), "context": {"aws:username": "ann"}});
        decide(USER, json!({"request": request("ann"), "identity_policies": [policy]}), "ImplicitlyDenied");
        decide(USER, json!({"request": request("${aws:username}"), "identity_policies": [policy]}), "Allowed");
    }
}

#[test]
fn actions_ignore_case_and_take_wildcards_anywhere() {
    for (pattern, expect) in [("S3:getOBJECT", true), ("s3:*tO?ject", true), ("s3:Get", false), ("ec2:*", false)] {
        allows(allow(pattern, "*"), &json!({}), expect);
    }
}

#[test]
fn a_service_prefix_has_no_wildcard_but_in_star_colon_star() {
    let patterns = [("*", true), ("*:*", true), ("s*:GetObject", false), ("s?:*", false), ("*:GetObject", false)];
    for (pattern, expect) in patterns {
        allows(allow(pattern, "*"), &json!({}), expect);
    }
}

#[test]
fn resources_keep_case() {
    allows(allow("*", "arn:aws:s3:::Photos/*"), &json!({}), false);
}

#[test]
fn resource_wildcards_stay_in_segments_but_a_final_star_expands() {
    let function =
        |name: &str| json!({"resource": format!("arn:aws:lambda:eu-central-1:111122223333:function:{name}")});
    let pattern = |name: &str| allow("*", &format!("arn:aws:lambda:eu-central-1:111122223333:function:{name}"));
    allows(pattern("f*"), &function("f:1"), true);
    allows(pattern("f*1"), &function("f:1"), false);
    allows(pattern("f?1"), &function("f:1"), false);
    allows(allow("*", "arn:aws:s3:::photos/*"), &json!({"resource": "arn:aws:s3:::photos/x/y"}), true);
}

#[test]
fn actions_without_resources_need_the_lone_star() {
    let list = json!({"action": "s3:ListAllMyBuckets", "resource": "*"});
    allows(allow("s3:ListAllMyBuckets", "*"), &list, true);
    allows(allow("s3:ListAllMyBuckets", "arn:aws:s3:::*"), &list, false);
}

#[test]
fn not_action_and_not_resource_are_about_everything_else() {
    let other = json!({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"});
    allows(other.clone(), &json!({}), true);
    allows(other, &json!({"action": "iam:CreateUser"}), false);
    allows(json!({"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::photos/*"}), &json!({}), false);
}

#[test]
fn arn_operators_match_six_components_and_equals_is_like() {
    let wide = "arn:aws:someservice:*:111122223333:finance/*";
    let spans = "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt";
    for operator in ["ArnLike", "ArnEquals"] {
        met(operator, &json!(wide), &json!("arn:aws:someservice:us-east-2:111122223333:finance/x"), true);
        met(operator, &json!(wide), &json!(spans), false);
    }
    met("StringLike", &json!(wide), &json!(spans), true);
    met("ArnNotLike", &json!(wide), &json!(spans), true);
    met("ArnNotEquals", &json!(wide), &json!("arn:aws:someservice:us-east-2:111122223333:finance/x"), false);
}

#[test]
fn a_missing_key_fails_positive_operators_and_meets_negated_ones() {
    for operator in
        ["StringEquals", "StringLike", "NumericLessThan", "DateEquals", "Bool", "IpAddress", "ArnLike", "BinaryEquals"]
    {
        met(operator, &json!("1"), &Value::Null, false);
        met(&format!("{operator}IfExists"), &json!("1"), &Value::Null, true);
        met(&format!("ForAllValues:{operator}"), &json!("1"), &Value::Null, true);
        met(&format!("ForAnyValue:{operator}"), &json!("1"), &Value::Null, false);
    }
    for operator in
        ["StringNotEquals", "StringNotLike", "NumericNotEquals", "DateNotEquals", "NotIpAddress", "ArnNotEquals"]
    {
        met(operator, &json!("1"), &Value::Null, true);
    }
}

#[test]
fn all_operators_take_if_exists_and_set_prefixes_but_null() {
    let known = "StringEquals StringNotEquals StringEqualsIgnoreCase StringNotEqualsIgnoreCase StringLike StringNotLike \
                 NumericEquals NumericNotEquals NumericLessThan NumericLessThanEquals NumericGreaterThan \
                 NumericGreaterThanEquals DateEquals DateNotEquals DateLessThan DateLessThanEquals DateGreaterThan \
                 DateGreaterThanEquals Bool BinaryEquals IpAddress NotIpAddress ArnEquals ArnLike ArnNotEquals ArnNotLike";
    for name in known.split_whitespace() {
        met(&format!("{name}IfExists"), &json!("1"), &Value::Null, true);
        met(&format!("ForAllValues:{name}"), &json!("1"), &Value::Null, true);
        met(&format!("ForAnyValue:{name}"), &json!("1"), &Value::Null, false);
    }
    for name in ["NullIfExists", "ForAllValues:Null", "StringMatchesIfExists", "ForSomeValues:StringEqualsIfExists"] {
        met(name, &json!("true"), &Value::Null, false);
    }
}

#[test]
fn null_asks_for_presence() {
    met("Null", &json!("true"), &Value::Null, true);
    met("Null", &json!("true"), &json!("x"), false);
    met("Null", &json!("false"), &json!("x"), true);
    met("Null", &json!("false"), &json!([]), false);
}

#[test]
fn set_operators_range_over_the_values_of_the_request() {
    met("ForAllValues:StringEquals", &json!(["a", "b"]), &json!(["a"]), true);
    met("ForAllValues:StringEquals", &json!(["a", "b"]), &json!(["a", "c"]), false);
    met("ForAnyValue:StringEquals", &json!(["a", "b"]), &json!(["c", "b"]), true);
    met("ForAnyValue:StringEquals", &json!(["a", "b"]), &json!(["c"]), false);
}

#[test]
fn an_empty_text_is_an_empty_data_set_to_set_operators() {
    met("ForAllValues:StringEquals", &json!("a"), &json!([""]), true);
    met("ForAnyValue:StringEquals", &json!(["", "a"]), &json!([""]), false);
    met("StringEquals", &json!(""), &json!([""]), true);
}

#[test]
fn values_or_and_negated_values_nor() {
    met("StringEquals", &json!(["a", "b"]), &json!("b"), true);
    met("StringNotEquals", &json!(["a", "b"]), &json!("b"), false);
    met("StringNotEquals", &json!(["a", "b"]), &json!("c"), true);
}

#[test]
fn keys_and_operators_and() {
    let mut statement = allow("*", "*");
    statement["Condition"] = json!({"StringEquals": {"aws:a": "1", "aws:b": "2"}, "Bool": {"aws:c": "true"}});
    allows(statement.clone(), &json!({"context": {"aws:a": "1", "aws:b": "2", "aws:c": "true"}}), true);
    allows(statement.clone(), &json!({"context": {"aws:a": "1", "aws:b": "3", "aws:c": "true"}}), false);
    allows(statement, &json!({"context": {"aws:a": "1", "aws:b": "2", "aws:c": "false"}}), false);
}

#[test]
fn key_names_ignore_case_tag_names_included() {
    let mut statement = allow("*", "*");
    statement["Condition"] = json!({"StringEquals": {"AWS:principaltag/TEAM": "blue"}});
    allows(statement, &json!({"context": {"aws:PrincipalTag/team": "blue"}}), true);
}

#[test]
fn numbers_dates_addresses_and_bytes_compare_by_value() {
    met("NumericLessThan", &json!("100"), &json!("99.5"), true);
    met("DateLessThan", &json!("2026-11-21T00:00:00Z"), &json!("2026-11-21T00:30:00+01:00"), true);
    met("DateEquals", &json!("1795249815"), &json!("2026-11-21T08:30:15Z"), true);
    met("IpAddress", &json!("2001:db8::/32"), &json!("2001:0DB8:0::1"), true);
    met("BinaryEquals", &json!("QQ=="), &json!("QQ=="), true);
    met("Bool", &json!(true), &json!("True"), true);
}

#[test]
fn variables_stand_anywhere_in_a_resource_and_in_no_action() {
    let request = json!({"context": {"aws:PrincipalAccount": "111122223333", "k:bucket": "photos"},
        "resource": "arn:aws:sqs:eu-central-1:111122223333:photos"});
    allows(allow("*", "arn:aws:sqs:*:${aws:PrincipalAccount}:${k:bucket}"), &request, true);
    allows(allow("s3:${k:name}", "*"), &json!({"context": {"k:name": "GetObject"}}), false);
}

#[test]
fn variables_have_defaults_and_escapes_and_values_are_no_patterns() {
    let at = |name: &str| json!({"resource": format!("arn:aws:s3:::home/{name}"), "context": {"aws:username": "*"}});
    allows(allow("*", "arn:aws:s3:::home/${aws:username}"), &at("bob"), false);
    allows(allow("*", "arn:aws:s3:::home/${aws:username}"), &at("*"), true);
    allows(allow("*", "arn:aws:s3:::home/${aws:userid, 'guest'}"), &at("guest"), true);
    allows(allow("*", "arn:aws:s3:::home/${*}${?}${$}"), &at("*?$"), true);
    allows(allow("*", "arn:aws:s3:::home/${*}"), &at("bob"), false);
    allows(allow("*", "arn:aws:s3:::home/${aws:userid}"), &at("${aws:userid}"), false);
}

#[test]
fn a_variable_without_value_does_not_pass_a_negated_operator() {
    met("StringNotEquals", &json!("${aws:username}"), &json!("x"), false);
}

#[test]
fn an_explicit_deny_of_any_layer_ends_it() {
    let full = document(vec![allow("*", "*")]);
    let no = document(vec![allow("*", "*"), deny("s3:*")]);
    let own = document(vec![json!({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"})]);
    let layers = [
        json!({"identity_policies": [no]}),
        json!({"permissions_boundaries": [no]}),
        json!({"session_policies": [no]}),
        json!({"service_control_policies": [[full], [no]]}),
        json!({"resource_control_policies": [[own]]}),
        json!({"endpoint_policies": [no]}),
        json!({"resource_policy": own}),
    ];
    for layer in layers {
        let mut members = json!({"identity_policies": [full]});
        lay(&mut members, layer);
        decide(SESSION, members, "ExplicitlyDenied");
    }
}

#[test]
fn resource_control_policies_always_have_their_full_access() {
    let other = document(vec![json!({"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"})]);
    let members =
        json!({"identity_policies": [document(vec![allow("*", "*")])], "resource_control_policies": [[other]]});
    decide(USER, members, "Allowed");
}

#[test]
fn service_control_policies_must_allow_at_every_level() {
    let (full, other) = (document(vec![allow("*", "*")]), document(vec![allow("ec2:*", "*")]));
    for (levels, expect) in [
        (json!([[full], [other, full]]), "Allowed"),
        (json!([[full], [other]]), "ImplicitlyDenied"),
        (json!([[other], [full]]), "ImplicitlyDenied"),
        (json!([[full], []]), "ImplicitlyDenied"),
    ] {
        decide(USER, json!({"identity_policies": [full], "service_control_policies": levels}), expect);
    }
}

#[test]
fn control_policies_spare_service_linked_roles_and_the_management_account() {
    let full = document(vec![allow("*", "*")]);
    let members = json!({"identity_policies": [full], "service_control_policies": [[document(vec![deny("*")])]]});
    decide("arn:aws:sts::111122223333:assumed-role/AWSServiceRoleForX/s", members.clone(), "Allowed");
    decide(USER, members.clone(), "ExplicitlyDenied");
    let mut managed = members;
    lay(&mut managed, json!({"request": {"context": {"aws:PrincipalOrgMasterAccountId": "111122223333"}}}));
    decide(USER, managed, "Allowed");
}

#[test]
fn boundary_and_session_policies_limit_identity_policies() {
    let (full, other) = (document(vec![allow("*", "*")]), document(vec![allow("ec2:*", "*")]));
    for limit in ["permissions_boundaries", "session_policies"] {
        decide(SESSION, json!({"identity_policies": [full], limit: [full]}), "Allowed");
        decide(SESSION, json!({"identity_policies": [full], limit: [other]}), "ImplicitlyDenied");
        decide(SESSION, json!({limit: [full]}), "ImplicitlyDenied");
    }
}

#[test]
fn a_grant_to_the_session_or_user_is_not_limited_by_implicit_denies() {
    let other = document(vec![allow("ec2:*", "*")]);
    for who in [USER, SESSION] {
        let members = json!({"resource_policy": granted(json!({"AWS": who})), "permissions_boundaries": [other]});
        decide(who, members, "Allowed");
    }
    let members = json!({"resource_policy": granted(json!({"AWS": SESSION})), "session_policies": [other]});
    decide(SESSION, members, "Allowed");
}

#[test]
fn a_grant_to_the_role_is_limited_by_boundary_and_session_policies_only() {
    let other = document(vec![allow("ec2:*", "*")]);
    let own = granted(json!({"AWS": ROLE}));
    decide(SESSION, json!({"resource_policy": own}), "Allowed");
    for limit in ["permissions_boundaries", "session_policies"] {
        decide(SESSION, json!({"resource_policy": own, limit: [other]}), "ImplicitlyDenied");
    }
}

#[test]
fn a_grant_to_the_user_who_federated_is_limited_by_the_session_policy() {
    let carl = "arn:aws:sts::111122223333:federated-user/carl";
    let grant = granted(json!({"AWS": "arn:aws:iam::111122223333:user/carl"}));
    for (session, expect) in [("s3:*", "Allowed"), ("ec2:*", "ImplicitlyDenied")] {
        let session = json!([document(vec![allow(session, "*")])]);
        decide(carl, json!({"resource_policy": grant, "session_policies": session}), expect);
    }
}

#[test]
fn a_grant_to_the_account_delegates_to_identity_policies() {
    for account in ["111122223333", "arn:aws:iam::111122223333:root"] {
        let own = granted(json!({"AWS": account}));
        decide(USER, json!({"resource_policy": own}), "ImplicitlyDenied");
        let identity = document(vec![allow("s3:*", "*")]);
        decide(USER, json!({"resource_policy": own, "identity_policies": [identity]}), "Allowed");
    }
}

#[test]
fn across_accounts_both_sides_must_allow() {
    let (identity, own) = (document(vec![allow("s3:*", "*")]), granted(json!({"AWS": STRANGER})));
    let request = json!({"resource_account": "111122223333"});
    decide(STRANGER, json!({"request": request, "identity_policies": [identity], "resource_policy": own}), "Allowed");
    decide(STRANGER, json!({"request": request, "identity_policies": [identity]}), "ImplicitlyDenied");
    decide(STRANGER, json!({"request": request, "resource_policy": own}), "ImplicitlyDenied");
}

#[test]
fn trust_and_key_policies_must_allow_even_in_the_same_account() {
    let full = document(vec![allow("*", "*")]);
    let key = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    for (action, resource) in [("sts:AssumeRole", ROLE), ("kms:Decrypt", key)] {
        let request = json!({"action": action, "resource": resource});
        decide(USER, json!({"request": request, "identity_policies": [full]}), "ImplicitlyDenied");
        let own = |principal: &str| {
            document(vec![json!({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": action})])
        };
        let delegated = own("111122223333");
        decide(USER, json!({"request": request, "resource_policy": delegated}), "ImplicitlyDenied");
        let both = json!({"request": request, "identity_policies": [full], "resource_policy": delegated});
        decide(USER, both, "Allowed");
        decide(USER, json!({"request": request, "resource_policy": own(USER)}), "Allowed");
    }
}

#[test]
fn the_root_user_has_full_access_within_control_policies() {
    let root = "arn:aws:iam::111122223333:root";
    decide(root, json!({}), "Allowed");
    decide(root, json!({"service_control_policies": [[document(vec![allow("ec2:*", "*")])]]}), "ImplicitlyDenied");
}

#[test]
fn a_federated_user_needs_a_session_policy() {
    let carl = "arn:aws:sts::111122223333:federated-user/carl";
    let full = document(vec![allow("*", "*")]);
    decide(carl, json!({"identity_policies": [full]}), "ImplicitlyDenied");
    decide(carl, json!({"identity_policies": [full], "session_policies": [full]}), "Allowed");
    decide(carl, json!({"resource_policy": granted(json!({"AWS": carl}))}), "Allowed");
}

#[test]
fn services_and_anonymous_callers_have_the_resource_policy_alone() {
    let service = granted(json!({"Service": "sns.amazonaws.com"}));
    decide("sns.amazonaws.com", json!({"resource_policy": service}), "Allowed");
    decide("", json!({"resource_policy": service}), "ImplicitlyDenied");
    decide("", json!({"resource_policy": granted(json!("*"))}), "Allowed");
    decide("", json!({"identity_policies": [document(vec![allow("*", "*")])]}), "ImplicitlyDenied");
}

#[test]
fn an_endpoint_policy_must_allow() {
    let full = document(vec![allow("*", "*")]);
    let endpoint =
        |action: &str| document(vec![json!({"Effect": "Allow", "Principal": "*", "Action": action, "Resource": "*"})]);
    decide(USER, json!({"identity_policies": [full], "endpoint_policies": [endpoint("s3:*")]}), "Allowed");
    decide(USER, json!({"identity_policies": [full], "endpoint_policies": [endpoint("sqs:*")]}), "ImplicitlyDenied");
}

#[test]
fn part_of_a_principal_is_no_pattern() {
    let own = granted(json!({"AWS": "arn:aws:iam::111122223333:user/*"}));
    decide(USER, json!({"resource_policy": own}), "ImplicitlyDenied");
}

#[test]
fn unique_ids_name_their_user_or_role() {
    let own = granted(json!({"AWS": "AROAEXAMPLEEXAMPLE123"}));
    let request = |id: &str| json!({"context": {"aws:userid": id}});
    let members = |id: &str| json!({"request": request(id), "resource_policy": own});
    decide(SESSION, members("AROAEXAMPLEEXAMPLE123:one"), "Allowed");
    decide(SESSION, members("AROAEXAMPLEEXAMPLE999:one"), "ImplicitlyDenied");
}

#[test]
fn not_principal_spares_whoever_is_listed_with_each_arn() {
    let full = document(vec![allow("*", "*")]);
    let spare = |listed: Value| {
        document(vec![json!({"Effect": "Deny", "NotPrincipal": {"AWS": listed}, "Action": "s3:*", "Resource": "*"})])
    };
    let members = |listed: Value| json!({"identity_policies": [full], "resource_policy": spare(listed)});
    let account = "arn:aws:iam::111122223333:root";
    decide(USER, members(json!([USER, account])), "Allowed");
    decide(USER, members(json!([account])), "ExplicitlyDenied");
    decide(SESSION, members(json!([SESSION, ROLE, account])), "Allowed");
    decide(SESSION, members(json!([ROLE, account])), "ExplicitlyDenied");
    let mut bounded = members(json!([USER, account]));
    lay(&mut bounded, json!({"permissions_boundaries": [full]}));
    decide(USER, bounded, "ExplicitlyDenied");
}
