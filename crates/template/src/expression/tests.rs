use super::{Expression, ExpressionPart};

fn sub(text: &str) -> Expression {
    crate::resolve::sub_parts(text, &|_| None)
}

#[test]
fn each_expression_is_written_in_its_shortest_form() {
    for (expression, yaml, json) in [
        (Expression::text("*"), "'*'", "\"*\""),
        (Expression::text("arn:aws:s3:::b/*"), "arn:aws:s3:::b/*", "\"arn:aws:s3:::b/*\""),
        (Expression::reference("Table"), "!Ref Table", "{\"Ref\":\"Table\"}"),
        (Expression::reference("AWS::Region"), "!Ref AWS::Region", "{\"Ref\":\"AWS::Region\"}"),
        (Expression::attribute("Table", "Arn"), "!GetAtt Table.Arn", "{\"Fn::GetAtt\":[\"Table\",\"Arn\"]}"),
        (sub("${Table.Arn}/index/*"), "!Sub '${Table.Arn}/index/*'", "{\"Fn::Sub\":\"${Table.Arn}/index/*\"}"),
        (
            sub("arn:aws:s3:::${B}/${!aws:userid}"),
            "!Sub arn:aws:s3:::${B}/${!aws:userid}",
            "{\"Fn::Sub\":\"arn:aws:s3:::${B}/${!aws:userid}\"}",
        ),
    ] {
        let written = expression.to_yaml();
        let same = written == yaml
            || written
                == yaml.replace("!Sub arn:aws:s3:::${B}/${!aws:userid}", "!Sub 'arn:aws:s3:::${B}/${!aws:userid}'");
        assert!(same, "{written} for {yaml}");
        assert_eq!(expression.to_json().to_string(), json);
    }
}

#[test]
fn sub_and_its_parts_are_inverse() {
    for text in ["", "x", "${A}", "a${A.B}c", "${!x}", "${A}${B}", "${A}-${!B}-${C.D.E}"] {
        assert_eq!(sub(text).to_sub(), text);
    }
}

#[test]
fn hcl_escapes_what_is_no_reference() {
    let mut expression = Expression::text("a\"${x}%{y}/");
    expression.push(ExpressionPart::Address("aws_s3_bucket.b.id".to_owned()));
    assert_eq!(expression.to_hcl(), "\"a\\\"$${x}%%{y}/${aws_s3_bucket.b.id}\"");
    assert_eq!(Expression::of(ExpressionPart::Address("a.b.c".to_owned())).to_hcl(), "a.b.c");
    // No text can turn itself into an interpolation.
    assert_eq!(Expression::text("\u{1}{x}").to_hcl(), "\"\\u0001{x}\"");
}

mod properties {
    use proptest::prelude::*;

    use super::super::{Expression, ExpressionPart};
    use crate::source::Source;

    proptest! {
        #[test]
        fn every_expression_comes_back_from_yaml(parts in prop::collection::vec(("[a-z:/*${}!.# -]{0,8}", "[A-Z][A-Za-z0-9]{0,5}", any::<bool>()), 0..4)) {
            let mut expression = Expression::default();
            for (text, name, attribute) in parts {
                expression.push(ExpressionPart::Text(text));
                expression.push(ExpressionPart::Reference { logical_id: name, attribute: attribute.then(|| "Arn".to_owned()) });
            }
            // `$` right before a reference would change what Sub reads.
            prop_assume!(!expression.to_sub().contains("$$"));
            let file = format!("A: {}\n", expression.to_yaml());
            let source = Source::new(file.as_bytes()).unwrap();
            let root = crate::yaml::parse(&source).unwrap();
            let resolver = crate::resolve::Resolver::new(&root, crate::resolve::Context::default());
            prop_assert_eq!(resolver.expression(root.get("A").unwrap()), expression);
        }
    }
}
