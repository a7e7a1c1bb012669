//! Tables for reading, refusing, emitting and comparing whole documents.

use serde_json::{Value, json};

use super::*;
use crate::lint::LintCode;
use crate::{ActionPattern, ParsePolicyErrorKind, ResourcePattern};

/// A document of one statement, in text.
fn wrap(statement: &str) -> String {
    format!("{{\"Version\":\"2012-10-17\",\"Statement\":[{statement}]}}")
}

fn statement(text: &str) -> Statement {
    PolicyDocument::parse(&wrap(text)).unwrap().statements.as_slice()[0].clone()
}

/// Parses, and comes out as it went in.
#[track_caller]
fn keeps(text: &str) -> PolicyDocument {
    let document = PolicyDocument::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(document.to_json_compact(), text);
    assert_eq!(PolicyDocument::from_value(&document.to_value()).unwrap(), document);
    document
}

/// Is refused, at this path, position and with this message; the hint holds `hint`.
#[track_caller]
fn refuses(text: &str, path: &str, message: &str, hint: &str) {
    let error = PolicyDocument::parse(text).expect_err(text);
    assert_eq!((error.path(), &*error.kind().to_string()), (path, message), "{text}");
    assert!(error.hint().unwrap_or_default().contains(hint), "{text}: hint {:?}", error.hint());
    let position = error.position().unwrap();
    assert!(text.is_char_boundary(position.offset) && position.line >= 1 && position.column >= 1);
}

#[test]
fn every_shape_is_kept() {
    keeps(r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#);
    keeps(r#"{"Version":"2008-10-17","Id":"x","Statement":[]}"#);
    keeps(&wrap(r#"{"Sid":"","Effect":"Deny","NotAction":["s3:*"],"NotResource":["*","a"],"Condition":{}}"#));
    keeps(&wrap(r#"{"Effect":"Allow","Principal":"*","Action":"s3:Get*"}"#));
    keeps(&wrap(r#"{"Effect":"Allow","NotPrincipal":{"AWS":["1","2"],"Service":"x"},"Action":[]}"#));
    keeps(&wrap(r#"{"Effect":"Allow","Principal":{"Federated":[],"CanonicalUser":"c"},"Action":"a:b"}"#));
    let odd =
        r#"{"Zz":{"k":["b","a"]},"Bool":{"x":true,"y":"true"},"NumericEquals":{"n":[1,2.5,"3"]},"StringEquals":{}}"#;
    keeps(&wrap(&format!(r#"{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{odd}}}"#)));
}

#[test]
fn white_space_escapes_and_a_byte_order_mark_are_read() {
    let text = "\u{feff} {\n \"Statement\" :\t[ { \"Effect\": \"Allow\",\r\n \"Action\": \"s3:\\u0047et\", \"Resource\": \"\\\"é😀\" } ] }\n ";
    let document = PolicyDocument::parse(text).unwrap();
    assert_eq!(document.statements.as_slice()[0].action.patterns()[0].as_str(), "s3:Get");
    assert_eq!(document.size(), document.to_json_compact().chars().count());
    assert!(document.size() < document.to_json_compact().len());
}

#[test]
fn elements_come_out_in_the_order_of_the_grammar() {
    let text = r#"{"Statement":[{"Resource":"*","Action":"*","Effect":"Allow","Sid":"a"}],"Version":"2012-10-17"}"#;
    let expected = wrap(r#"{"Sid":"a","Effect":"Allow","Action":"*","Resource":"*"}"#);
    assert_eq!(PolicyDocument::parse(text).unwrap().to_json_compact(), expected);
}

#[test]
fn pretty_output_is_indented_by_two() {
    let text = PolicyDocument::new(vec![]).to_json_pretty();
    assert_eq!(text, "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": []\n}");
}

#[test]
fn broken_json_is_refused_where_it_breaks() {
    refuses("", "$", "not JSON: text ended too early", "cut off");
    refuses("{", "$", "not JSON: text ended too early", "cut off");
    refuses("{}x", "$", "not JSON: text goes on after the document", "");
    refuses("{'Statement':1}", "$", "not JSON: expected a key in double quotes", "");
    refuses("{\"Statement\":[1,]}", "$.Statement", "not JSON: a comma must not end a list", "");
    refuses("{\"Statement\":[],}", "$", "not JSON: a comma must not end an object", "");
    refuses("{\"Statement\" []}", "$.Statement", "not JSON: expected a colon after this key", "");
    refuses("{\"Statement\":\"\\q\"}", "$.Statement", "not JSON: bad escape in this string", "");
    refuses("{\"Statement\":\"\\ud800\"}", "$.Statement", "not JSON: bad escape in this string", "");
    refuses("{\"Statement\":\"a", "$.Statement", "not JSON: this string does not end", "");
    refuses("{\"Statement\":\"\\", "$.Statement", "not JSON: this string does not end", "");
    refuses("{\"Statement\":\"\n\"}", "$.Statement", "not JSON: a control character in a string needs an escape", "");
    refuses("{\"Statement\":01}", "$.Statement", "not JSON: not a number", "");
    refuses("{\"Statement\":[/*x*/]}", "$.Statement[0]", "not JSON: JSON has no comments", "");
    refuses("{\"Statement\":tru}", "$.Statement", "not JSON: expected a value", "");
    refuses("é", "$", "not JSON: expected a value", "");
}

#[test]
fn keys_that_occur_twice_are_refused() {
    refuses(r#"{"Statement":[],"Statement":[]}"#, "$.Statement", "key \"Statement\" occurs twice", "merge");
    let text =
        wrap(r#"{"Effect":"Allow","Action":"*","Condition":{"StringEquals":{"aws:a":"1","b":"2","aws:a":"3"}}}"#);
    let path = "$.Statement[0].Condition.StringEquals[\"aws:a\"]";
    refuses(&text, path, "key \"aws:a\" occurs twice", "merge");
    assert!(serde_json::from_str::<PolicyDocument>(&text).unwrap_err().to_string().contains("occurs twice"));
}

#[test]
fn unknown_elements_are_refused_with_a_suggestion() {
    let unknown = |name: &str| format!("unknown element {name:?}");
    let check = |text: &str, name: &str, hint| {
        refuses(&wrap(text), &format!("$.Statement[0].{name}"), &unknown(name), hint);
    };
    check(r#"{"Effect":"Allow","Action":"*","Ressource":"*"}"#, "Ressource", "\"Resource\"");
    check(r#"{"Effect":"Allow","actions":"*","Resource":"*"}"#, "actions", "\"Action\"");
    check(r#"{"effect":"Allow","Action":"*","Resource":"*"}"#, "effect", "\"Effect\"");
    check(r#"{"Effect":"Allow","Action":"*","Comment":"x"}"#, "Comment", "");
    refuses(r#"{"Statements":[]}"#, "$.Statements", &unknown("Statements"), "\"Statement\"");
    refuses(r#"{"Statement":[],"version":""}"#, "$.version", &unknown("version"), "\"Version\"");
    let text = wrap(r#"{"Effect":"Allow","Principal":{"aws":"*"},"Action":"*"}"#);
    refuses(&text, "$.Statement[0].Principal.aws", &unknown("aws"), "\"AWS\"");
}

#[test]
fn missing_and_excluding_elements_are_refused() {
    refuses("{}", "$", "Statement is missing", "Version and Statement");
    refuses(&wrap(r#"{"Action":"*"}"#), "$.Statement[0]", "Effect is missing", "Allow");
    refuses(&wrap(r#"{"Effect":"Allow"}"#), "$.Statement[0]", "Action is missing", "NotAction");
    for (plain, negated) in [("Action", "NotAction"), ("Resource", "NotResource"), ("Principal", "NotPrincipal")] {
        let action = if plain == "Action" { "" } else { r#""Action":"*","# };
        let text = wrap(&format!(r#"{{"Effect":"Allow",{action}"{plain}":"*","{negated}":"*"}}"#));
        refuses(&text, "$.Statement[0]", &format!("{plain} and {negated} exclude each other"), "split");
    }
}

#[test]
fn wrong_types_and_words_are_refused() {
    let check = |text: &str, path: &str, message: &str, hint: &str| {
        refuses(&wrap(text), &format!("$.Statement[0]{path}"), message, hint);
    };
    refuses("[]", "$", "expected a policy document (an object), found a list", "");
    refuses(r#"{"Statement":null}"#, "$.Statement", "expected a statement (an object), found null", "");
    refuses(
        r#"{"Version":"2012-10-18","Statement":[]}"#,
        "$.Version",
        "\"2012-10-18\" is not \"2012-10-17\" or \"2008-10-17\"",
        "2012-10-17",
    );
    check("1", "", "expected a statement (an object), found a number", "");
    check(r#"{"Effect":"allow","Action":"*"}"#, ".Effect", "\"allow\" is not \"Allow\" or \"Deny\"", "\"Allow\"");
    check(r#"{"Effect":"Allow","Action":1}"#, ".Action", "expected an action (a string), found a number", "");
    check(r#"{"Effect":"Allow","Action":[["*"]]}"#, ".Action[0]", "expected an action (a string), found a list", "");
    check(
        r#"{"Effect":"Allow","Action":"*","Resource":{}}"#,
        ".Resource",
        "expected a resource (a string), found an object",
        "",
    );
    check(
        r#"{"Effect":"Allow","Action":"*","Principal":"x"}"#,
        ".Principal",
        "\"x\" is not \"*\" or an object of principals",
        "",
    );
    check(
        r#"{"Effect":"Allow","Action":"*","Condition":{"Bool":1}}"#,
        ".Condition.Bool",
        "expected an object of condition keys, found a number",
        "",
    );
    check(
        r#"{"Effect":"Allow","Action":"*","Condition":{"Bool":{"a:b":[null]}}}"#,
        ".Condition.Bool[\"a:b\"][0]",
        "expected a string, number or boolean, found null",
        "",
    );
}

#[test]
fn actions_need_a_prefix_and_a_name() {
    let check = |action: &str, message: &str, hint: &str| {
        let text = wrap(&format!(r#"{{"Effect":"Allow","Action":["*","{action}"]}}"#));
        refuses(&text, "$.Statement[0].Action[1]", message, hint);
    };
    check("GetObject", "action \"GetObject\" has no service prefix", "service:Name");
    check("s3*", "action \"s3*\" has no service prefix", "service:Name");
    check(":Get", "action \":Get\" has no service prefix", "service:Name");
    check("s3:", "action \"s3:\" has nothing after its service prefix", "service:*");
    check("", "an action must not be empty", "*");
}

#[test]
fn positions_count_lines_and_characters() {
    let text = "{\"Version\": \"2012-10-17\",\n \"Statement\": [\n  {\"Sid\": \"é\", \"Effekt\": 1}]}";
    let error = PolicyDocument::parse(text).unwrap_err();
    let position = error.position().unwrap();
    assert_eq!((position.line, position.column), (3, 16));
    assert!(text.get(position.offset..).unwrap().starts_with("\"Effekt\""));
    let shown = "$.Statement[0].Effekt: unknown element \"Effekt\" (line 3, column 16)";
    assert_eq!(error.to_string(), shown);
    let marked = format!("\u{feff}{text}");
    let position = PolicyDocument::parse(&marked).unwrap_err().position().unwrap();
    assert!(marked.get(position.offset..).unwrap().starts_with("\"Effekt\""));
    assert_eq!(PolicyDocument::from_value(&json!({})).unwrap_err().position(), None);
}

#[test]
fn variables_depend_on_the_version() {
    let text = |version: &str| {
        format!(
            r#"{{{version}"Statement":{{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::${{aws:username}}"}}}}"#
        )
    };
    for (version, active) in [("", false), (r#""Version":"2008-10-17","#, false), (r#""Version":"2012-10-17","#, true)]
    {
        let document = keeps(&text(version));
        assert_eq!(document.variables_active(), active);
        let statement = &document.statements.as_slice()[0];
        assert_eq!(statement.has_variables(), active);
        assert_eq!(statement.resource.as_ref().unwrap().matches("arn:aws:s3:::${aws:username}"), !active);
    }
    let upgraded = PolicyDocument::parse(&text("")).unwrap().to_version_2012();
    let again = PolicyDocument::parse(&upgraded.to_json_compact()).unwrap();
    assert!(again.statements.as_slice()[0].resource.as_ref().unwrap().matches("arn:aws:s3:::${aws:username}"));
}

#[track_caller]
fn covers(wide: &str, narrow: &str, expect: bool) {
    assert_eq!(statement(wide).covers(&statement(narrow)), expect, "{wide} covers {narrow}");
}

#[test]
fn statements_cover_by_action_resource_and_condition() {
    let wide = r#"{"Effect":"Allow","Action":["s3:Get*","s3:Put*"],"Resource":"arn:aws:s3:::b/*"}"#;
    covers(wide, r#"{"Sid":"x","Effect":"Allow","Action":"S3:getobject","Resource":"arn:aws:s3:::b/x"}"#, true);
    covers(wide, r#"{"Effect":"Allow","Action":"s3:List*","Resource":"arn:aws:s3:::b/x"}"#, false);
    covers(
        wide,
        r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":["arn:aws:s3:::b/x","arn:aws:s3:::c"]}"#,
        false,
    );
    covers(wide, r#"{"Effect":"Allow","Action":"s3:GetObject"}"#, false);
    covers(wide, r#"{"Effect":"Deny","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/x"}"#, false);
    let conditional = r#"{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::b/*","Condition":{"Bool":{"aws:SecureTransport":true}}}"#;
    covers(wide, conditional, true);
    covers(conditional, wide, false);
}

#[test]
fn negated_clauses_cover_what_they_do_not_name() {
    let power = r#"{"Effect":"Allow","NotAction":["iam:*","sts:*"],"NotResource":"arn:aws:s3:::secret/*"}"#;
    covers(power, r#"{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::open/*"}"#, true);
    covers(power, r#"{"Effect":"Allow","Action":["s3:Get*","iam:Get*"],"Resource":"arn:aws:s3:::open/*"}"#, false);
    // IAM refuses a wildcard in a prefix; it matches no action, and nothing is granted.
    covers(power, r#"{"Effect":"Allow","Action":"i*:Get","Resource":"arn:aws:s3:::open/*"}"#, true);
    covers(power, r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#, false);
    covers(power, r#"{"Effect":"Allow","NotAction":["iam:*","sts:*","s3:*"],"NotResource":"arn:aws:s3:::s*"}"#, true);
    covers(power, r#"{"Effect":"Allow","NotAction":"iam:*","NotResource":"arn:aws:s3:::secret/*"}"#, false);
    covers(
        power,
        r#"{"Effect":"Allow","NotAction":["iam:Get*","sts:*"],"NotResource":"arn:aws:s3:::secret/*"}"#,
        false,
    );
    covers(power, r#"{"Effect":"Allow","NotAction":["iam:*","sts:*"],"NotResource":"arn:aws:s3:::secret/x"}"#, false);
    covers(power, power, true);
    covers(r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#, power, true);
    covers(r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#, power, false);
}

#[test]
fn principals_must_be_the_same() {
    let one = r#"{"Effect":"Allow","Principal":{"AWS":["1","2"],"Service":"x"},"Action":"sts:AssumeRole"}"#;
    covers(
        one,
        r#"{"Effect":"Allow","Principal":{"Service":["x"],"AWS":["2","1","1"]},"Action":"sts:AssumeRole"}"#,
        true,
    );
    covers(one, r#"{"Effect":"Allow","Principal":{"AWS":["1","2"]},"Action":"sts:AssumeRole"}"#, false);
    covers(
        one,
        r#"{"Effect":"Allow","NotPrincipal":{"AWS":["1","2"],"Service":"x"},"Action":"sts:AssumeRole"}"#,
        false,
    );
    covers(one, r#"{"Effect":"Allow","Action":"sts:AssumeRole"}"#, false);
}

#[test]
fn clauses_bracket_variables() {
    let not = ResourceClause::NotResource(ResourcePattern::new("arn:aws:s3:::${aws:username}").into());
    assert!(!not.matches("arn:aws:s3:::x") && not.may_match("arn:aws:s3:::x"));
    assert!(!not.covers(&ResourcePattern::new("arn:aws:s3:::x")));
    assert!(not.covers(&ResourcePattern::new("arn:aws:sns:*")));
    assert!(not.intersects(&ResourcePattern::new("arn:aws:s3:::${aws:username}x")));
    let one = ResourceClause::Resource(ResourcePattern::new("arn:aws:s3:::${aws:username}").into());
    assert!(!one.matches("arn:aws:s3:::x") && one.may_match("arn:aws:s3:::x"));
    let action: ActionPattern = "iam:*".parse().unwrap();
    let all_but = ActionClause::NotAction(vec![action.clone()].into());
    assert!(!all_but.intersects(&"iam:Get*".parse().unwrap()) && all_but.intersects(&"i*:Get".parse().unwrap()));
    assert!(all_but.matches("s3:GetObject") && !all_but.matches("IAM:GetRole") && !all_but.covers(&action));
}

#[test]
fn canonical_sorts_and_drops_repeats() {
    let text = wrap(
        r#"{"Effect":"Allow","Principal":{"Service":"b","AWS":["2","1"]},"Action":["s3:b","S3:A","s3:a"],"Resource":"*","Condition":{"stringequals":{"b":"y","A":["z","x","z"]},"Bool":{}}}"#,
    );
    let canonical = PolicyDocument::parse(&text).unwrap().canonical();
    let expected = wrap(
        r#"{"Effect":"Allow","Principal":{"AWS":["1","2"],"Service":["b"]},"Action":["S3:A","s3:b"],"Resource":["*"],"Condition":{"StringEquals":{"A":["x","z"],"b":["y"]}}}"#,
    );
    assert_eq!(canonical.to_json_compact(), expected);
    assert_eq!(canonical.canonical(), canonical);
}

#[test]
fn canonical_keeps_two_spellings_of_one_key() {
    let condition = r#"{"StringEquals":{"k":["a"]},"stringequals":{"k":["b"]}}"#;
    let text = wrap(&format!(r#"{{"Effect":"Allow","Action":["*"],"Condition":{condition}}}"#));
    assert_eq!(PolicyDocument::parse(&text).unwrap().canonical().to_json_compact(), text);
}

#[track_caller]
fn lints(text: &str, expect: &[(&str, LintCode)]) {
    let found = PolicyDocument::parse(text).unwrap().lint();
    let found: Vec<_> = found.iter().map(|lint| (lint.path.as_str(), lint.code)).collect();
    assert_eq!(found, expect, "{text}");
}

#[test]
fn lint_names_what_nobody_means() {
    use LintCode as C;
    let one = |statement: &str, expect: &[(&str, C)]| lints(&wrap(statement), expect);
    one(r#"{"Sid":"","Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::b/*"}"#, &[]);
    lints(r#"{"Statement":[]}"#, &[("$", C::MissingVersion), ("$.Statement", C::EmptyList)]);
    let statement = r#"{"Sid":"a","Effect":"Deny","Action":"*","Resource":"*"}"#;
    one(&format!("{statement},{statement}"), &[("$.Statement[1].Sid", C::DuplicateSid)]);
    one(r#"{"Sid":"a b","Effect":"Deny","Action":"*","Resource":"*"}"#, &[("$.Statement[0].Sid", C::InvalidSid)]);
    one(
        r#"{"Effect":"Deny","Action":["s*:Get","s3: Get"],"Resource":"*"}"#,
        &[("$.Statement[0].Action[0]", C::WildcardPrefix), ("$.Statement[0].Action[1]", C::InvalidAction)],
    );
    one(
        r#"{"Effect":"Deny","Action":"*","Resource":["b/*","arn:aws:*:::b","arn:aws:s3","arn:*"]}"#,
        &[
            ("$.Statement[0].Resource[0]", C::NotAnArn),
            ("$.Statement[0].Resource[1]", C::WildcardService),
            ("$.Statement[0].Resource[2]", C::NotAnArn),
        ],
    );
    one(
        r#"{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEqual":{"k":[]},"Bool":{}}}"#,
        &[
            ("$.Statement[0].Condition.StringEqual", C::UnknownOperator),
            ("$.Statement[0].Condition.Bool", C::EmptyList),
            ("$.Statement[0].Condition.StringEqual.k", C::EmptyList),
        ],
    );
    one(
        r#"{"Effect":"Allow","NotPrincipal":"*","NotAction":"a:b","NotResource":"*"}"#,
        &[
            ("$.Statement[0].NotPrincipal", C::AllowAllBut),
            ("$.Statement[0].NotAction", C::AllowAllBut),
            ("$.Statement[0].NotResource", C::AllowAllBut),
        ],
    );
    lints(
        r#"{"Version":"2008-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"arn:aws:s3:::${a}"}}"#,
        &[("$.Statement.Resource", C::InactiveVariable)],
    );
}

#[test]
fn lint_names_values_and_principals_that_match_nothing() {
    use LintCode as C;
    lints(
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["*","arn:aws:iam::111122223333:user/*"]},
            "Action":"s3:*","Resource":"*","Condition":{"NumericLessThan":{"k:N":["10","ten"]},"Null":{"k:M":"maybe"},
            "ArnLike":{"k:A":"*"},"StringLike":{"k:S":"${aws:username}*"}}}]}"#,
        &[
            ("$.Statement[0].Principal.AWS", C::PartialPrincipal),
            ("$.Statement[0].Condition.NumericLessThan[\"k:N\"]", C::UnreadableValue),
            ("$.Statement[0].Condition.Null[\"k:M\"]", C::UnreadableValue),
            ("$.Statement[0].Condition.ArnLike[\"k:A\"]", C::UnreadableValue),
        ],
    );
}

#[test]
fn lint_codes_are_unique_and_kebab_case() {
    let codes: std::collections::BTreeSet<_> = LintCode::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(codes.len(), LintCode::ALL.len());
    assert!(codes.iter().all(|code| code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')));
}

#[test]
fn messages_do_not_repeat_an_attackers_text_at_length() {
    let text = wrap(&format!(r#"{{"{}":1}}"#, "x\u{1b}[31m".replace('\u{1b}', "\\u001b").repeat(1000)));
    let error = PolicyDocument::parse(&text).unwrap_err();
    let shown = error.to_string();
    assert!(shown.len() < 1_000 && !shown.contains('\u{1b}'), "{shown}");
    assert!(matches!(error.kind(), ParsePolicyErrorKind::UnknownElement { .. }));
}

#[test]
fn serde_goes_both_ways() {
    let value: Value = json!({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}});
    let document: PolicyDocument = serde_json::from_value(value.clone()).unwrap();
    assert_eq!(serde_json::to_value(&document).unwrap(), value);
    assert_eq!(serde_json::to_value(&document.statements.as_slice()[0]).unwrap(), value["Statement"]);
    assert!(serde_json::from_value::<PolicyDocument>(json!({"Statement": 1})).is_err());
}

#[test]
fn lint_names_conditions_that_do_not_do_what_they_seem_to() {
    use LintCode as C;
    let one = |condition: &str, expect: &[(&str, C)]| {
        let statement = format!(r#"{{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{condition}}}"#);
        lints(&format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#), expect);
    };
    let path = "$.Statement.Condition.StringEquals";
    one(r#"{"StringEquals":{"k":"a*"}}"#, &[(&format!("{path}.k"), C::PlainWildcard)]);
    one(r#"{"StringEquals":{"k":"a${*}"},"StringLike":{"k":"a*"}}"#, &[]);
    let all = "$.Statement.Condition[\"ForAllValues:StringEquals\"].k";
    one(r#"{"ForAllValues:StringEquals":{"k":"a"}}"#, &[(all, C::PassesWithoutKey)]);
    one(r#"{"ForAllValues:StringEquals":{"k":"a"},"Null":{"K":"false"}}"#, &[]);
    one(r#"{"ForAllValues:StringEquals":{"aws:TagKeys":"a"}}"#, &[]);
    one(r#"{"StringEquals":{"k":"a"},"StringNotLike":{"K":"*"}}"#, &[("$.Statement.Condition", C::Contradiction)]);
    one(r#"{"StringEquals":{"k":"a"},"Null":{"k":"true"}}"#, &[("$.Statement.Condition", C::Contradiction)]);
    one(r#"{"StringEqualsIfExists":{"k":"a"},"Null":{"k":"true"}}"#, &[]);
}

#[test]
fn lint_names_what_a_deny_takes_away_altogether() {
    let with = |deny: &str, expect: &[(&str, LintCode)]| {
        let allow = r#"{"Effect":"Allow","Action":["s3:Get*","s3:PutObject"],"Resource":"arn:aws:s3:::a/*"}"#;
        lints(&format!(r#"{{"Version":"2012-10-17","Statement":[{allow},{deny}]}}"#), expect);
    };
    let shadowed = [("$.Statement[0]", LintCode::ShadowedAllow)];
    with(r#"{"Effect":"Deny","Action":"s3:*","Resource":"*"}"#, &shadowed);
    with(r#"{"Effect":"Deny","Action":"s3:Get*","Resource":"*"}"#, &[]);
    with(r#"{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"Null":{"k":"true"}}}"#, &[]);
}
