use super::{Context, Resolver, has_unknown};
use crate::references::References;
use crate::source::Source;

const FILE: &str = "
Parameters:
  Stage: {Type: String, Default: dev}
  Name: {Type: String}
  Looked: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /path}
Mappings:
  Map: {dev: {Bucket: shop-dev}}
Values:
";

fn context() -> Context {
    let mut references = References::default();
    references.insert("Table", Some("Arn"), "arn:aws:dynamodb:eu-west-1:111122223333:table/t-1");
    references.insert("Table", None, "t-1");
    Context { references, ..Context::of_arn("arn:aws:lambda:eu-west-1:111122223333:function:f") }
}

#[track_caller]
fn check(value: &str, expect: Option<&str>) {
    let file = format!("{FILE}  A: {value}\n");
    let source = Source::new(file.as_bytes()).unwrap();
    let root = crate::yaml::parse(&source).unwrap();
    let resolver = Resolver::new(&root, context());
    let node = root.get("Values").unwrap().get("A").unwrap();
    assert_eq!(resolver.text_of(node).as_deref(), expect, "{value}");
    assert_eq!(has_unknown(&resolver.value(&resolver.expression(node))), expect.is_none(), "{value}");
}

#[test]
fn functions_are_resolved_where_everything_is_known() {
    check("plain", Some("plain"));
    check("!Ref Stage", Some("dev"));
    check("{Ref: Stage}", Some("dev"));
    check("!Ref AWS::Region", Some("eu-west-1"));
    check("!Ref AWS::URLSuffix", Some("amazonaws.com"));
    check("!Ref Table", Some("t-1"));
    check("!GetAtt Table.Arn", Some("arn:aws:dynamodb:eu-west-1:111122223333:table/t-1"));
    check("{Fn::GetAtt: [Table, Arn]}", Some("arn:aws:dynamodb:eu-west-1:111122223333:table/t-1"));
    check("!Sub '${Stage}-${Table}-${!x}'", Some("dev-t-1-${x}"));
    check("!Sub ['${A}-${Stage}', {A: !Ref Table}]", Some("t-1-dev"));
    check("!Join ['-', [a, !Ref Stage]]", Some("a-dev"));
    check("!Select [1, [a, b]]", Some("b"));
    check("!Select [5, !Split [':', !GetAtt Table.Arn]]", Some("table/t-1"));
    check("!FindInMap [Map, !Ref Stage, Bucket]", Some("shop-dev"));
}

#[test]
fn nothing_is_guessed() {
    for value in [
        "!Ref Name",
        "!Ref Looked",
        "!GetAtt Table.StreamArn",
        "!Sub '${Other}'",
        "!ImportValue x",
        "!If [A, b, c]",
        "'{{resolve:ssm:/x}}'",
        "!Select [7, [a]]",
        "!FindInMap [Map, prod, Bucket]",
        "!Join ['-', !Ref Stage]",
        "[a]",
    ] {
        check(value, None);
    }
}

#[test]
fn unknown_values_equal_only_themselves() {
    let file = "A: !ImportValue x*\nB: !ImportValue x?\nC: !ImportValue x*\n";
    let source = Source::new(file.as_bytes()).unwrap();
    let root = crate::yaml::parse(&source).unwrap();
    let resolver = Resolver::new(&root, Context::default());
    let value = |key: &str| resolver.value(&resolver.expression(root.get(key).unwrap()));
    assert_eq!(value("A"), value("C"));
    assert_ne!(value("A"), value("B"));
    assert!(!value("A").contains(['*', '?', '$']));
}
