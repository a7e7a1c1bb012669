use proptest::prelude::*;

use super::*;

const OPERATORS: [Operator; 6] = [
    Operator::Equals,
    Operator::StartsWith,
    Operator::EndsWith,
    Operator::NotEquals,
    Operator::NotStartsWith,
    Operator::NotEndsWith,
];

/// The operators as the API reference words them.
fn oracle(operator: Operator, values: &[String], value: &str) -> bool {
    match operator {
        Operator::Equals => values.iter().any(|wanted| wanted == value),
        Operator::StartsWith => values.iter().any(|wanted| value.starts_with(wanted.as_str())),
        Operator::EndsWith => values.iter().any(|wanted| value.ends_with(wanted.as_str())),
        Operator::NotEquals => values.iter().all(|wanted| wanted != value),
        Operator::NotStartsWith => values.iter().all(|wanted| !value.starts_with(wanted.as_str())),
        Operator::NotEndsWith => values.iter().all(|wanted| !value.ends_with(wanted.as_str())),
        Operator::Unknown => false,
    }
}

/// All texts of up to five letters of a tiny alphabet that the pattern matches.
fn matches_of(pattern: &str) -> Vec<String> {
    fn matches(pattern: &[u8], text: &[u8]) -> bool {
        match (pattern, text) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => (0..=text.len()).any(|at| matches(rest, &text[at..])),
            ([b'?', rest @ ..], [_, tail @ ..]) => matches(rest, tail),
            ([p, rest @ ..], [t, tail @ ..]) => p == t && matches(rest, tail),
            _ => false,
        }
    }
    let mut all = vec![String::new()];
    let mut last = all.clone();
    for _ in 0..5 {
        last = last.iter().flat_map(|text| ["a", "b"].map(|letter| format!("{text}{letter}"))).collect();
        all.extend(last.clone());
    }
    all.retain(|text| matches(pattern.as_bytes(), text.as_bytes()));
    all
}

proptest! {
    #[test]
    fn conditions_on_values_agree_with_the_reference(
        operator in prop::sample::select(&OPERATORS[..]),
        values in prop::collection::vec("[ab]{0,3}", 1..4),
        known in prop::collection::vec("[ab]{0,3}", 1..4),
    ) {
        let condition = Condition { operator, values: values.clone() };
        let expect = known.iter().all(|value| oracle(operator, &values, value));
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        prop_assert_eq!(condition.holds(Known::Values(&known)), expect);
    }

    #[test]
    fn a_condition_that_holds_for_a_pattern_holds_for_all_it_matches(
        operator in prop::sample::select(&OPERATORS[..]),
        values in prop::collection::vec("[ab]{0,3}", 1..3),
        pattern in "[ab*?]{0,4}",
    ) {
        let condition = Condition { operator, values: values.clone() };
        if condition.holds(Known::Pattern(&pattern)) {
            for text in matches_of(&pattern) {
                prop_assert!(oracle(operator, &values, &text), "{operator:?} {values:?} {pattern} {text}");
            }
        } else if !pattern.contains(['*', '?']) {
            prop_assert!(!oracle(operator, &values, &pattern));
        }
    }
}

fn parse(json: &str) -> Selectors {
    let mut issues = Vec::new();
    let value: Value = serde_json::from_str(json).unwrap();
    let selectors = Selectors::from_value("Selectors", &value, "t", &mut issues).unwrap();
    assert!(issues.is_empty());
    selectors
}

fn data<'a>(kind: &'a str, resource: &'a str) -> Events<'a> {
    Events {
        category: "Data",
        resource_type: Some(kind),
        read_only: true,
        event_source: Some("s3.amazonaws.com"),
        event_names: &["GetObject"],
        resource,
        principal: Some("arn:aws:sts::111122223333:assumed-role/orders/*"),
    }
}

const S3: &str = "AWS::S3::Object";

#[track_caller]
fn check(selectors: &str, events: Events<'_>, expect: bool) {
    assert_eq!(parse(selectors).cover(&events), expect, "{selectors} {events:?}");
}

fn basic(values: &str) -> String {
    format!(r#"[{{"ReadWriteType":"All","DataResources":[{{"Type":"{S3}","Values":{values}}}]}}]"#)
}

#[test]
fn basic_data_resources() {
    check(&basic(r#"["arn:aws:s3"]"#), data(S3, "*"), true);
    check(&basic(r#"["arn:aws:s3:::"]"#), data(S3, "arn:aws:s3:::b/*"), true);
    check(&basic(r#"["arn:aws:s3:::b/"]"#), data(S3, "arn:aws:s3:::b/*"), true);
    check(&basic(r#"["arn:aws:s3:::b/"]"#), data(S3, "arn:aws:s3:::b*"), false);
    check(&basic(r#"["arn:aws:s3:::b/in"]"#), data(S3, "arn:aws:s3:::b/*"), false);
    check(&basic(r#"["arn:aws:s3:::b/in"]"#), data(S3, "arn:aws:s3:::b/in/*"), true);
    check(&basic("[]"), data(S3, "arn:aws:s3:::b/*"), false);
    check(&basic(r#"["arn:aws:s3"]"#), data("AWS::Lambda::Function", "*"), false);
    let reads = basic(r#"["arn:aws:s3"]"#).replace("All", "WriteOnly");
    check(&reads, data(S3, "*"), false);
    let function =
        r#"[{"DataResources":[{"Type":"AWS::Lambda::Function","Values":["arn:aws:lambda:r:1:function:f"]}]}]"#;
    check(function, data("AWS::Lambda::Function", "arn:aws:lambda:r:1:function:f:live"), true);
    check(function, data("AWS::Lambda::Function", "arn:aws:lambda:r:1:function:f"), true);
    check(function, data("AWS::Lambda::Function", "arn:aws:lambda:r:1:function:f*"), false);
    check(function, data("AWS::Lambda::Function", "arn:aws:lambda:r:1:function:fg"), false);
}

fn management(source: &str) -> Events<'_> {
    Events { category: "Management", resource_type: None, event_source: Some(source), ..data("", "*") }
}

#[test]
fn management_events_and_their_exclusions() {
    let excluded = r#"[{"ReadWriteType":"All","IncludeManagementEvents":true,"ExcludeManagementEventSources":["kms.amazonaws.com"]}]"#;
    check(excluded, management("kms.amazonaws.com"), false);
    check(excluded, management("sqs.amazonaws.com"), true);
    check(excluded, Events { event_source: None, ..management("") }, false);
    check(r#"[{"IncludeManagementEvents":false}]"#, management("sqs.amazonaws.com"), false);
    check(r#"[{"ReadWriteType":"ReadOnly"}]"#, Events { read_only: false, ..management("sqs.amazonaws.com") }, false);
    check(r#"{"AdvancedEventSelectors":[],"EventSelectors":[{}]}"#, management("sqs.amazonaws.com"), true);
    let advanced =
        |more: &str| format!(r#"[{{"FieldSelectors":[{{"Field":"eventCategory","Equals":["Management"]}}{more}]}}]"#);
    check(&advanced(""), management("kms.amazonaws.com"), true);
    let no_kms = advanced(r#",{"Field":"eventSource","NotEquals":["kms.amazonaws.com"]}"#);
    check(&no_kms, management("kms.amazonaws.com"), false);
    check(&no_kms, management("sts.amazonaws.com"), true);
    check(&advanced(r#",{"Field":"eventType","Equals":["AwsApiCall"]}"#), management("sts.amazonaws.com"), true);
    check(&advanced(r#",{"Field":"readOnly","Equals":["false"]}"#), management("sts.amazonaws.com"), false);
    check(
        &advanced(r#",{"Field":"sessionCredentialFromConsole","NotEquals":["true"]}"#),
        management("sts.amazonaws.com"),
        true,
    );
    check(
        &advanced(r#",{"Field":"sessionCredentialFromConsole","Equals":["true"]}"#),
        management("sts.amazonaws.com"),
        false,
    );
    check(r#"[{"FieldSelectors":[]}]"#, management("sts.amazonaws.com"), false);
}

#[test]
fn advanced_data_selectors() {
    let selector = |more: &str| {
        format!(
            r#"[{{"FieldSelectors":[{{"Field":"eventCategory","Equals":["Data"]}},{{"Field":"resources.type","Equals":["{S3}"]}}{more}]}}]"#
        )
    };
    let on = "arn:aws:s3:::b/*";
    check(&selector(""), data(S3, "*"), true);
    check(&selector(""), data("AWS::SQS::Queue", "*"), false);
    check(&selector(""), management("s3.amazonaws.com"), false);
    check(r#"[{"FieldSelectors":[{"Field":"eventCategory","Equals":["Data"]}]}]"#, data(S3, on), false);
    check(&selector(r#",{"Field":"resources.ARN","StartsWith":["arn:aws:s3:::b/"]}"#), data(S3, on), true);
    check(&selector(r#",{"Field":"resources.ARN","StartsWith":["arn:aws:s3:::b/"]}"#), data(S3, "*"), false);
    check(&selector(r#",{"Field":"resources.ARN","NotStartsWith":["arn:aws:s3:::logs/"]}"#), data(S3, on), true);
    check(&selector(r#",{"Field":"resources.ARN","NotStartsWith":["arn:aws:s3:::b/tmp/"]}"#), data(S3, on), false);
    check(&selector(r#",{"Field":"eventName","Equals":["GetObject","PutObject"]}"#), data(S3, on), true);
    check(&selector(r#",{"Field":"eventName","Equals":["PutObject"]}"#), data(S3, on), false);
    check(&selector(r#",{"Field":"eventName","NotEquals":["GetObject"]}"#), data(S3, on), false);
    check(
        &selector(r#",{"Field":"eventName","NotEquals":["HeadObject"]}"#),
        Events { event_names: &[], ..data(S3, on) },
        false,
    );
    let role =
        |operator: &str, value: &str| selector(&format!(r#",{{"Field":"userIdentity.arn","{operator}":["{value}"]}}"#));
    check(&role("NotStartsWith", "arn:aws:sts::111122223333:assumed-role/orders/"), data(S3, on), false);
    check(&role("NotStartsWith", "arn:aws:sts::111122223333:assumed-role/ci/"), data(S3, on), true);
    check(&role("NotEndsWith", "/ingest"), data(S3, on), false);
    check(&role("StartsWith", "arn:aws:sts::111122223333:assumed-role/orders/"), data(S3, on), true);
    check(&role("Equals", "arn:aws:sts::111122223333:assumed-role/orders/x"), data(S3, on), false);
    check(&role("NotEquals", "x"), Events { principal: None, ..data(S3, on) }, false);
    check(&selector(r#",{"Field":"vpcEndpointId","NotEquals":["x"]}"#), data(S3, on), false);
    check(&selector(r#",{"Field":"eventName","Matches":["*"]}"#), data(S3, on), false);
}

#[test]
fn what_selectors_ask_for() {
    assert_eq!(parse(&basic(r#"["arn:aws:s3"]"#)).data_types(), [S3]);
    assert!(parse(&basic("[]")).data_types().is_empty() && parse(&basic("[]")).has_management());
    assert_eq!(Selectors::default_of_trail().data_types(), [""; 0]);
}
