//! Input made to hurt: depth, length, wildcards in masses. A failure here is a hang, a crash or an overflow.

use whittle_policy::simulate::simulate_line;
use whittle_policy::{ActionPattern, ParsePolicyErrorKind, PolicyDocument, ResourcePattern};

const MEGABYTE: usize = 1 << 20;

#[track_caller]
fn refused(text: &str) -> ParsePolicyErrorKind {
    let result = PolicyDocument::parse(text);
    assert!(result.is_err(), "should be refused");
    let Err(error) = result else { return ParsePolicyErrorKind::Json("unreachable") };
    assert!(error.to_string().len() < 2_000, "an error message must not repeat the attack");
    error.kind().clone()
}

#[test]
fn ten_thousand_levels_of_nesting_are_refused() {
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(10_000), close.repeat(10_000));
    assert!(matches!(refused(&deep("[", "]")), ParsePolicyErrorKind::TooDeep { .. }));
    assert!(matches!(refused(&"{\"Statement\":".repeat(10_000)), ParsePolicyErrorKind::TooDeep { .. }));
    let inside = format!(r#"{{"Statement":{{"Effect":"Allow","Action":{}}}}}"#, deep("[", "]"));
    assert!(matches!(refused(&inside), ParsePolicyErrorKind::TooDeep { .. }));
    assert!(serde_json::from_str::<PolicyDocument>(&deep("[", "]")).is_err());
}

#[test]
fn deep_json_values_are_refused() {
    let mut value = serde_json::Value::Null;
    for _ in 0..100 {
        value = serde_json::Value::Array(vec![value]);
    }
    let error = PolicyDocument::from_value(&value).unwrap_err();
    assert!(matches!(error.kind(), ParsePolicyErrorKind::TooDeep { .. }));
}

#[test]
fn ten_megabyte_strings_are_read() {
    let long = "a".repeat(10 * MEGABYTE);
    let text = format!(
        r#"{{"Statement":{{"Sid":"{long}","Effect":"Allow","Action":"s3:{long}","Resource":"arn:aws:s3:::{long}"}}}}"#
    );
    let policy = PolicyDocument::parse(&text).unwrap();
    assert_eq!(policy.size(), text.len());
    refused(&format!(r#"{{"{long}":1}}"#));
    refused(&format!(r#"{{"Statement":{{"Effect":"{long}"}}}}"#));
    refused(&format!(r#"{{"Statement":{{"Effect":"Allow","Action":"{long}"}}}}"#));
    refused(&format!(r#"{{"Statement":"{long}"#));
    refused(&"\\".repeat(MEGABYTE));
    refused(&format!("\"{}", "\\".repeat(MEGABYTE)));
}

#[test]
fn a_million_members_with_one_duplicate_are_told_apart() {
    let mut members: Vec<String> = (0..100_000).map(|n| format!("\"k{n}\":0")).collect();
    members.push("\"k7\":0".to_owned());
    assert_eq!(refused(&format!("{{{}}}", members.join(","))), ParsePolicyErrorKind::DuplicateKey("k7".to_owned()));
}

#[test]
fn a_thousand_stars_match_megabytes() {
    let text = "a".repeat(MEGABYTE / 4);
    for piece in ["*a", "*a?", "*aaaaaaaa", "?*a"] {
        let pattern = ResourcePattern::new(format!("{}b", piece.repeat(1_000)));
        assert!(!pattern.matches(&text), "{piece}");
        assert!(pattern.matches(&format!("{text}b")), "{piece}");
        let action: ActionPattern = format!("s:{}b", piece.repeat(1_000)).parse().unwrap();
        assert!(!action.matches(&format!("S:{text}")), "{piece}");
    }
}

#[test]
fn stars_in_many_segments_do_not_multiply() {
    let pattern = ResourcePattern::new(format!("*{}:b", ":?*a".repeat(1_000)));
    let text = ":aa".repeat(MEGABYTE / 64);
    assert!(!pattern.matches(&text));
    assert!(pattern.matches(&format!("{text}:b")));
    let variables = ResourcePattern::new(format!("${{v}}{}b", "a*".repeat(1_000)));
    assert!(!variables.may_match(&"a".repeat(MEGABYTE)));
}

#[test]
fn a_million_dollars_are_text() {
    let text = "${".repeat(MEGABYTE / 2);
    let pattern = ResourcePattern::new(text.as_str());
    assert!(!pattern.has_variables());
    assert!(pattern.matches(&text));
}

#[test]
fn relations_of_large_patterns_end() {
    let stars = ResourcePattern::new("*a".repeat(1_000));
    let questions = ResourcePattern::new(format!("*a{}*", "?".repeat(1_000)));
    let huge = ResourcePattern::new("*a".repeat(MEGABYTE / 8));
    assert!(stars.covers(&stars) && huge.covers(&huge));
    assert!(stars.intersects(&questions) && huge.intersects(&questions));
    let _ = (stars.covers(&questions), questions.covers(&stars), questions.covers(&huge), huge.covers(&stars));
    let blowup = |n: usize| ResourcePattern::new(format!("*a{}", "?".repeat(n)));
    assert!(!blowup(40).covers(&ResourcePattern::new(format!("*b{}", "?".repeat(40)))));
}

fn case(request: &str, policy: &str) -> String {
    format!(r#"{{"id":1,"request":{request},"identity_policies":[{{"name":"p","document":{policy}}}]}}"#)
}

const WHO: &str = r#""principal":"arn:aws:iam::111122223333:user/ann","action":"s3:GetObject""#;

#[track_caller]
fn answered(line: &str, expect: &str) {
    let answer = simulate_line(line);
    assert!(answer.len() < 2_000, "an answer must not repeat the attack");
    assert!(answer.contains(expect), "{answer}");
}

#[test]
fn cases_nested_ten_thousand_deep_are_refused() {
    answered(&"{\"id\":".repeat(10_000), "nested more than");
    answered(&"[".repeat(10_000), "nested more than");
    let deep = format!("{}1{}", "[".repeat(10_000), "]".repeat(10_000));
    answered(&case(&format!("{{{WHO},\"context\":{deep}}}"), "{}"), "nested more than");
    answered(&case(&format!("{{{WHO}}}"), &deep), "nested more than");
    // As a text in a string, it is read apart, with its own bound.
    answered(&case(&format!("{{{WHO}}}"), &format!("\"{deep}\"")), "nested more than");
}

#[test]
fn cases_with_ten_megabyte_strings_are_decided() {
    let long = "a".repeat(10 * MEGABYTE);
    let policy = |resource: &str| {
        format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*","Resource":"{resource}"}}}}"#)
    };
    let request = |resource: &str| format!(r#"{{{WHO},"resource":"{resource}"}}"#);
    answered(&case(&request(&format!("arn:aws:s3:::{long}")), &policy("arn:aws:s3:::*")), "\"Allowed\"");
    answered(&case(&request("arn:aws:s3:::a"), &policy(&format!("arn:aws:s3:::{long}"))), "\"ImplicitlyDenied\"");
    answered(&case(&request(&long), &policy(&long)), "too many to compare");
    let action = format!(r#"{{"principal":"{long}","action":"{long}","resource":"*"}}"#);
    answered(&case(&action, "{}"), "has no service prefix");
}

#[test]
fn variables_and_stars_in_masses_are_bounded() {
    let stars = "*a".repeat(1_000);
    let variables = "${aws:username}*".repeat(1_000);
    let name = "ab".repeat(30);
    let resource = "a".repeat(MEGABYTE / 16);
    for pattern in [format!("arn:aws:s3:::{stars}b"), format!("arn:aws:s3:::{variables}b")] {
        let policy = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"s3:*","Resource":"{pattern}"}},
            {{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{{"StringLike":{{"aws:Key":"{pattern}"}},"ArnLike":{{"aws:Key":"{pattern}"}}}}}}]}}"#
        );
        let request = format!(
            r#"{{{WHO},"resource":"arn:aws:s3:::{resource}","context":{{"aws:username":"{name}","aws:Key":"arn:aws:s3:::{resource}"}}}}"#
        );
        answered(&case(&request, &policy), "\"ImplicitlyDenied\"");
    }
}

#[test]
fn values_in_masses_are_bounded() {
    let many = |n: usize| (0..n).map(|n| format!("\"v{n}\"")).collect::<Vec<_>>().join(",");
    let policy = |values: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{{"ForAnyValue:StringLike":{{"aws:Key":[{values}]}}}}}}}}"#
        )
    };
    let request = |values: &str| format!(r#"{{{WHO},"resource":"*","context":{{"aws:Key":[{values}]}}}}"#);
    answered(&case(&request("\"x\""), &policy(&many(100_000))), "\"ImplicitlyDenied\"");
    answered(&case(&request(&many(100_000)), &policy("\"x\"")), "\"ImplicitlyDenied\"");
    answered(&case(&request(&many(300_000)), &policy(&many(300_000))), "too many to compare");
    let keys: Vec<String> = (0..200_000).rev().map(|n| format!("\"k{n}\":\"1\"")).collect();
    answered(
        &case(&format!(r#"{{{WHO},"resource":"*","context":{{{}}}}}"#, keys.join(",")), "{\"Statement\":[]}"),
        "\"ImplicitlyDenied\"",
    );
}

#[test]
fn duplicate_keys_of_a_case_are_refused() {
    answered(r#"{"id":1,"request":{},"request":{}}"#, "occurs twice");
    let policy = r#"{"Statement":{"Effect":"Allow","Effect":"Deny","Action":"*","Resource":"*"}}"#;
    answered(&case(&format!("{{{WHO}}}"), policy), "occurs twice");
}
