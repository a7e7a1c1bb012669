//! What is written is read back by other parsers, and is the same policy document.

use proptest::prelude::*;
use serde_json::{Value, json};
use whittle_policy::PolicyDocument;
use whittle_template::quote;
use whittle_template::references::References;

use super::*;

const FUNCTION: &str = "arn:aws:lambda:eu-central-1:111122223333:function:shop-checkout";
const ROLE: &str = "arn:aws:iam::111122223333:role/shop-checkout-role";

fn set(documents: Vec<PolicyDocument>) -> PolicySet {
    let policies = documents
        .into_iter()
        .zip(1..)
        .map(|(document, number)| AnnotatedPolicy {
            name: format!("whittle-shop-checkout-{number}"),
            comments: document.statements.iter().map(|_| vec!["Used: x\u{2028}evil: true".to_owned()]).collect(),
            document,
        })
        .collect();
    PolicySet {
        name: "shop-checkout".to_owned(),
        function_arn: Some(FUNCTION.to_owned()),
        logical_id: Some("Checkout".to_owned()),
        role_arn: ROLE.to_owned(),
        settings: None,
        heading: vec!["A policy\nfoo: bar".to_owned()],
        policies,
    }
}

/// References of a stack in the account that knows no resource.
fn in_account() -> References {
    References::default().with_place(Some("111122223333"), Some("eu-central-1"), Some("aws"))
}

/// References of a Terraform state with one resource of this address.
fn in_state(kind: &str, name: &str, values: &Value) -> References {
    let resource = json!({"mode": "managed", "type": kind, "name": name, "values": values});
    References::from_terraform_state(&json!({"values": {"root_module": {"resources": [resource]}}})).unwrap().0
}

#[expect(clippy::needless_pass_by_value, reason = "JSON literals read best as arguments")]
fn document(statements: Value) -> PolicyDocument {
    PolicyDocument::from_value(&json!({"Version": "2012-10-17", "Statement": statements})).unwrap()
}

/// A YAML value as JSON, `!Sub` resolved as CloudFormation would in the account of [`FUNCTION`].
fn resolve(value: &yaml_serde::Value) -> Value {
    use yaml_serde::Value as Yaml;
    match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(own) => json!(own),
        Yaml::Number(own) => serde_json::from_str(&own.to_string()).unwrap(),
        Yaml::String(own) => json!(own),
        Yaml::Sequence(own) => own.iter().map(resolve).collect(),
        Yaml::Mapping(own) => {
            own.iter().map(|(key, value)| (key.as_str().unwrap().to_owned(), resolve(value))).collect()
        }
        Yaml::Tagged(own) => {
            assert_eq!(own.tag.to_string(), "!Sub");
            json!(substituted(own.value.as_str().unwrap()))
        }
    }
}

fn substituted(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, tail) = after.split_once('}').unwrap_or((after, ""));
        out.push_str(before);
        match name {
            "AWS::Partition" => out.push_str("aws"),
            "AWS::Region" => out.push_str("eu-central-1"),
            "AWS::AccountId" => out.push_str("111122223333"),
            literal => {
                let literal = literal.strip_prefix('!').unwrap_or_else(|| panic!("{literal} refers to nothing"));
                out.push_str("${");
                out.push_str(literal);
                if after.contains('}') {
                    out.push('}');
                }
            }
        }
        rest = tail;
    }
    out + rest
}

fn yaml(text: &str) -> Value {
    let value: yaml_serde::Value = yaml_serde::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    resolve(&value)
}

/// A document in one spelling: lists sorted, single values as lists, everything in conditions as text.
fn normal(document: &Value) -> Value {
    fn list(value: &Value) -> Value {
        let mut out: Vec<String> = match value {
            Value::Array(list) => list.iter().map(|own| own.as_str().map_or(own.to_string(), str::to_owned)).collect(),
            Value::String(own) => vec![own.clone()],
            other => vec![other.to_string()],
        };
        out.sort();
        out.dedup();
        json!(out)
    }
    let statements = match &document["Statement"] {
        Value::Array(list) => list.clone(),
        one => vec![one.clone()],
    };
    let statements = statements.iter().map(|statement| {
        let fields = statement.as_object().unwrap().iter().map(|(key, value)| {
            let value = match key.as_str() {
                "Sid" | "Effect" => value.clone(),
                "Principal" | "NotPrincipal" if value == "*" => value.clone(),
                "Condition" => {
                    let mut out = std::collections::BTreeMap::new();
                    for (operator, keys) in value.as_object().unwrap() {
                        for (name, values) in keys.as_object().unwrap() {
                            out.insert(format!("{operator} {name}"), list(values));
                        }
                    }
                    json!(out)
                }
                "Principal" | "NotPrincipal" => {
                    value.as_object().unwrap().iter().map(|(kind, names)| (kind.clone(), list(names))).collect()
                }
                _ => list(value),
            };
            (key.clone(), value)
        });
        fields.collect::<std::collections::BTreeMap<_, _>>()
    });
    json!(statements.collect::<Vec<_>>())
}

/// The documents of `aws_iam_policy_document` data sources, put together as the provider does, by data source
/// name.
fn from_hcl(text: &str) -> Vec<Value> {
    let body: ::hcl::Body = ::hcl::parse(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    body.blocks()
        .filter(|block| block.identifier() == "data")
        .map(|block| {
            let statements: Vec<Value> = block.body().blocks().map(|own| statement_of(own.body())).collect();
            json!({"Version": "2012-10-17", "Statement": statements})
        })
        .collect()
}

fn evaluated(body: &::hcl::Body, name: &str) -> Option<Value> {
    use ::hcl::eval::{Context, Evaluate};
    let attribute = body.attributes().find(|attribute| attribute.key() == name)?;
    let value = attribute.expr().evaluate(&Context::new()).unwrap();
    Some(serde_json::to_value(value).unwrap())
}

fn statement_of(body: &::hcl::Body) -> Value {
    let mut out = serde_json::Map::new();
    for (name, element) in [
        ("sid", "Sid"),
        ("effect", "Effect"),
        ("actions", "Action"),
        ("not_actions", "NotAction"),
        ("resources", "Resource"),
        ("not_resources", "NotResource"),
    ] {
        out.extend(evaluated(body, name).map(|value| (element.to_owned(), value)));
    }
    for block in body.blocks() {
        let own = block.body();
        match block.identifier() {
            "condition" => {
                let text = |name| evaluated(own, name).unwrap().as_str().unwrap().to_owned();
                let operators = out.entry("Condition").or_insert(json!({}));
                operators[text("test")][text("variable")] = evaluated(own, "values").unwrap();
            }
            "principals" => {
                let kind = evaluated(own, "type").unwrap();
                if kind == "*" {
                    out.insert("Principal".to_owned(), json!("*"));
                } else {
                    let by_kind = out.entry("Principal").or_insert(json!({}));
                    by_kind[kind.as_str().unwrap()] = evaluated(own, "identifiers").unwrap();
                }
            }
            other => panic!("{other}"),
        }
    }
    Value::Object(out)
}

/// Texts that writers get wrong.
fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => "[a-z]{1,4}",
        3 => Just("arn:aws:sqs:eu-central-1:111122223333:q".to_owned()),
        1 => Just("arn:aws:s3:::".to_owned()),
        2 => proptest::sample::select(vec![
            "*", "?", "${", "${aws:username}", "%{", "$$", "%%", "$", "}", "\"", "'", "\\", "\n", "\r", "\t", "#", ": ", " #",
            "- ", "!", "&", "|", ">", "@", "`", "\u{85}", "\u{2028}", "\u{feff}", "\u{7f}", "\u{1b}", "\u{202e}", "é", "\u{1f600}",
            "~", "no", "null", "1e3", "<<", "---", "...", "${!", "{{", "//", "/*",
        ]).prop_map(str::to_owned),
        1 => any::<char>().prop_filter("&{ is refused", |c| *c != '&').prop_map(|c| c.to_string()),
    ];
    proptest::collection::vec(piece, 1..5).prop_map(|parts| parts.concat())
}

fn texts() -> impl Strategy<Value = Value> {
    prop_oneof![text().prop_map(|own| json!(own)), proptest::collection::vec(text(), 1..4).prop_map(|own| json!(own))]
}

fn statement() -> impl Strategy<Value = Value> {
    let actions = proptest::collection::vec(
        proptest::sample::select(vec!["s3:GetObject", "sqs:*", "*", "dynamodb:Put?tem"]),
        1..3,
    );
    let condition = proptest::option::of((
        proptest::sample::select(vec!["StringLike", "ArnEqualsIfExists", "ForAnyValue:StringEquals"]),
        proptest::sample::select(vec!["aws:SourceArn", "aws:PrincipalTag/a b", "kms:ViaService"]),
        texts(),
    ));
    (any::<[bool; 4]>(), actions, texts(), condition).prop_map(
        |([deny, not_action, not_resource, sid], actions, resources, condition)| {
            let mut out = serde_json::Map::new();
            if sid {
                out.insert("Sid".to_owned(), json!("One2"));
            }
            out.insert("Effect".to_owned(), json!(if deny { "Deny" } else { "Allow" }));
            out.insert(if not_action { "NotAction" } else { "Action" }.to_owned(), json!(actions));
            out.insert(if not_resource { "NotResource" } else { "Resource" }.to_owned(), resources);
            if let Some((operator, key, values)) = condition {
                out.insert("Condition".to_owned(), json!({operator: {key: values}}));
            }
            Value::Object(out)
        },
    )
}

fn documents() -> impl Strategy<Value = PolicyDocument> {
    proptest::collection::vec(statement(), 1..4).prop_filter_map("parses", |statements| {
        PolicyDocument::from_value(&json!({"Version": "2012-10-17", "Statement": statements})).ok()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn yaml_reads_back_as_the_same_document(document in documents()) {
        let set = set(vec![document.clone()]);
        for references in [References::default(), in_account()] {
            let text = cloudformation::render(&set, &references);
            let read = yaml(&text);
            let resource = &read["Resources"]["ShopCheckoutPolicy"];
            prop_assert_eq!(&resource["Properties"]["PolicyDocument"], &document.to_value(), "{}", text);
            prop_assert_eq!(resource["Properties"]["RoleName"].as_str(), Some("shop-checkout-role"));
            prop_assert_eq!(read.as_object().map(serde_json::Map::len), Some(1));
        }
    }

    #[test]
    fn hcl_reads_back_as_the_same_document(document in documents()) {
        let text = match terraform::render(&set(vec![document.clone()]), &References::default()) {
            Ok(text) => text,
            Err(error) => {
                prop_assert!(document.to_json_compact().contains("&{"), "{}", error);
                return Ok(());
            }
        };
        let read = from_hcl(&text);
        prop_assert_eq!(read.len(), 1);
        prop_assert_eq!(normal(&read[0]), normal(&document.to_value()), "{}", text);
    }

    #[test]
    fn json_reads_back_as_the_same_document(document in documents()) {
        let text = json::render(&set(vec![document.clone()]));
        prop_assert_eq!(PolicyDocument::parse(&text).unwrap(), document);
    }

    #[test]
    fn any_text_is_one_scalar_and_one_template(text in text()) {
        let written = format!("a: {}\n", quote::yaml(&text));
        let read: yaml_serde::Value = yaml_serde::from_str(&written).unwrap();
        prop_assert_eq!(read["a"].as_str(), Some(text.as_str()), "{}", written);
        let body: ::hcl::Body = ::hcl::parse(&format!("a = {}\n", quote::hcl(&text))).unwrap();
        prop_assert_eq!(evaluated(&body, "a"), Some(json!(text)));
    }
}

#[test]
fn a_template_stands_for_the_statements_that_it_grants_exactly() {
    let table = "arn:aws:dynamodb:eu-central-1:111122223333:table/orders";
    let read = json!([
        "dynamodb:GetItem",
        "dynamodb:Scan",
        "dynamodb:Query",
        "dynamodb:BatchGetItem",
        "dynamodb:DescribeTable",
    ]);
    let document = document(json!([
        {"Sid": "A", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"},
        {"Sid": "B", "Effect": "Allow", "Action": read, "Resource": [table, format!("{table}/index/*")]},
    ]));
    let text = sam::render(&set(vec![document]), &in_account()).unwrap();
    let read = yaml(&text);
    assert_eq!(read["Policies"][0], json!({"DynamoDBReadPolicy": {"TableName": "orders"}}));
    assert_eq!(
        read["Policies"][1]["Statement"],
        json!([{"Sid": "A", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*"}])
    );
    assert!(text.contains("arn:${AWS::Partition}:s3:::b/*"), "{text}");
}

#[test]
fn what_a_format_cannot_say_is_refused() {
    let odd = document(json!([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/&{x}"}]));
    assert!(terraform::render(&set(vec![odd]), &References::default()).unwrap_err().to_string().contains("&{"));
    let role = PolicySet { function_arn: None, ..set(vec![document(json!([]))]) };
    assert!(sam::render(&role, &References::default()).is_err());
}

#[test]
fn policies_beyond_the_inline_budget_become_managed_ones() {
    let wide = |name: &str| {
        let resources: Vec<String> =
            (0..90).map(|number| format!("arn:aws:s3:::{name}-bucket-with-a-long-name-{number}/*")).collect();
        document(json!([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": resources}]))
    };
    let set = set(vec![wide("one"), wide("two"), wide("three")]);
    assert!(!set.fits_inline());
    let read = yaml(&cloudformation::render(&set, &References::default()));
    assert_eq!(read["Resources"]["ShopCheckoutPolicy3"]["Type"], "AWS::IAM::ManagedPolicy");
    let text = terraform::render(&set, &References::default()).unwrap();
    assert_eq!(text.matches("aws_iam_role_policy_attachment").count(), 3);
    assert_eq!(from_hcl(&text).len(), 3);
}

#[test]
fn the_role_is_named_as_the_template_names_it() {
    let set = set(vec![document(json!([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}]))]);
    let mut stack = References::default();
    stack.add_resource("CheckoutRole", "AWS::IAM::Role", "shop-checkout-role");
    let text = cloudformation::render(&set, &stack);
    assert!(text.contains("RoleName: !Ref CheckoutRole\n"), "{text}");
    let state = in_state("aws_iam_role", "checkout", &json!({"arn": ROLE, "name": "shop-checkout-role"}));
    let text = terraform::render(&set, &state).unwrap();
    assert!(text.contains("= aws_iam_role.checkout.name\n"), "{text}");
}

#[test]
fn references_of_a_template_are_written_as_such() {
    let arn = |name: &str| format!("arn:aws:sqs:eu-central-1:111122223333:{name}");
    let document =
        document(json!([{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": [arn("a"), arn("b"), arn("c")]}]));
    let mut stack = References::default();
    stack.insert("Queue", Some("Arn"), arn("a"));
    stack.insert("Topic", None, arn("b"));
    let text = cloudformation::render(&set(vec![document.clone()]), &stack);
    assert!(text.contains("- !GetAtt Queue.Arn\n") && text.contains("- !Ref Topic\n"), "{text}");
    let state = in_state("aws_sqs_queue", "c", &json!({"arn": arn("c")}));
    let text = terraform::render(&set(vec![document]), &state).unwrap();
    assert!(text.contains("      aws_sqs_queue.c.arn,\n"), "{text}");
}
