use serde_json::{Value, json};

use super::{References, ResourceName};
use crate::resolve::{Context, Resolver};

fn stack() -> Value {
    let row = |id: &str, kind: &str, physical: &str| {
        json!({"StackName": "shop", "StackId": "arn:aws:cloudformation:eu-west-1:111122223333:stack/shop/1",
               "LogicalResourceId": id, "ResourceType": kind, "PhysicalResourceId": physical})
    };
    json!({"StackResources": [
        row("Orders", "AWS::DynamoDB::Table", "shop-Orders-1A"),
        row("Uploads", "AWS::S3::Bucket", "shop-uploads-1a"),
        row("Jobs", "AWS::SQS::Queue", "https://sqs.eu-west-1.amazonaws.com/111122223333/shop-Jobs-1A"),
        row("Topic", "AWS::SNS::Topic", "arn:aws:sns:eu-west-1:111122223333:shop-Topic-1A"),
        row("Key", "AWS::KMS::Key", "1234abcd-12ab-34cd-56ef-1234567890ab"),
        row("Checkout", "AWS::Lambda::Function", "shop-Checkout-1A"),
        row("Config", "AWS::SSM::Parameter", "/shop/config"),
        row("Secret", "AWS::SecretsManager::Secret", "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop-AbCdEf"),
        row("Short", "AWS::IAM::Role", "dev"),
    ]})
}

#[test]
fn arns_of_a_stack_become_references() {
    let references = References::from_stack_resources(&stack()).unwrap();
    let context = Context {
        references: references.clone(),
        ..Context::of_arn("arn:aws:lambda:eu-west-1:111122223333:function:f")
    };
    let root = crate::yaml::parse(&crate::source::Source::new(b"{}").unwrap()).unwrap();
    let resolver = Resolver::new(&root, context);
    for (arn, expect) in [
        ("arn:aws:dynamodb:eu-west-1:111122223333:table/shop-Orders-1A", "!GetAtt Orders.Arn"),
        ("arn:aws:dynamodb:eu-west-1:111122223333:table/shop-Orders-1A/index/*", "!Sub ${Orders.Arn}/index/*"),
        (
            "arn:aws:dynamodb:eu-west-1:111122223333:table/shop-Orders-1AB",
            "!Sub arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/shop-Orders-1AB",
        ),
        ("arn:aws:s3:::shop-uploads-1a", "!GetAtt Uploads.Arn"),
        ("arn:aws:s3:::shop-uploads-1a/in/*", "!Sub ${Uploads.Arn}/in/*"),
        ("arn:aws:s3:::other/${aws:username}/*", "!Sub arn:${AWS::Partition}:s3:::other/${!aws:username}/*"),
        // An open brace would swallow what follows.
        ("arn:aws:s3:::${other/*", "arn:aws:s3:::${other/*"),
        ("arn:aws:s3:::other/*", "!Sub arn:${AWS::Partition}:s3:::other/*"),
        ("arn:aws:sqs:eu-west-1:111122223333:shop-Jobs-1A", "!GetAtt Jobs.Arn"),
        ("arn:aws:sns:eu-west-1:111122223333:shop-Topic-1A", "!Ref Topic"),
        ("arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab", "!GetAtt Key.Arn"),
        (
            "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/shop-Checkout-1A:*",
            "!Sub arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/aws/lambda/${Checkout}:*",
        ),
        ("arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop-AbCdEf", "!Ref Secret"),
        ("arn:aws:iam::444455556666:role/dev", "!Sub arn:${AWS::Partition}:iam::444455556666:role/dev"),
        (
            "arn:aws:ec2:us-east-1:111122223333:instance/*",
            "!Sub arn:${AWS::Partition}:ec2:us-east-1:${AWS::AccountId}:instance/*",
        ),
        ("*", "'*'"),
    ] {
        let expression = references.rewrite(arn);
        let plain = expression.to_yaml().replace("!Sub '", "!Sub ").trim_end_matches('\'').to_owned();
        assert_eq!(plain, expect.trim_end_matches('\''), "{arn}");
        assert_eq!(resolver.value(&expression), arn, "every rewriting is exact");
    }
}

#[test]
fn only_what_belongs_to_the_stack_becomes_a_pseudo_parameter() {
    let function = References::default().with_place(Some("111122223333"), Some("eu-central-1"), Some("aws"));
    let role = References::default().with_place(Some("111122223333"), None, Some("aws"));
    for (text, expect, without_region) in [
        ("*", "*", "*"),
        ("arn:aws:s3:::b/*", "arn:${AWS::Partition}:s3:::b/*", "arn:${AWS::Partition}:s3:::b/*"),
        (
            "arn:aws:sqs:eu-central-1:111122223333:q",
            "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:q",
            "arn:${AWS::Partition}:sqs:eu-central-1:${AWS::AccountId}:q",
        ),
        (
            "arn:aws:sqs:us-east-1:444455556666:q",
            "arn:${AWS::Partition}:sqs:us-east-1:444455556666:q",
            "arn:${AWS::Partition}:sqs:us-east-1:444455556666:q",
        ),
        ("arn:*:sqs:eu-central-1:*:q", "arn:*:sqs:${AWS::Region}:*:q", "arn:*:sqs:eu-central-1:*:q"),
        ("arn:*:sqs:*:*:q", "arn:*:sqs:*:*:q", "arn:*:sqs:*:*:q"),
        ("111122223333", "111122223333", "111122223333"),
        (
            "arn:aws:s3:::b/${aws:username}/*",
            "arn:${AWS::Partition}:s3:::b/${!aws:username}/*",
            "arn:${AWS::Partition}:s3:::b/${!aws:username}/*",
        ),
    ] {
        assert_eq!(function.rewrite(text).to_sub(), expect);
        assert_eq!(role.rewrite(text).to_sub(), without_region);
    }
}

#[test]
fn names_become_references_where_the_resource_is_known() {
    let references = References::from_stack_resources(&stack()).unwrap();
    let table = "arn:aws:dynamodb:eu-west-1:111122223333:table/shop-Orders-1A";
    let queue = "arn:aws:sqs:eu-west-1:111122223333:shop-Jobs-1A";
    for (arn, name, expect) in [
        (table, "shop-Orders-1A", "!Ref Orders"),
        (queue, "shop-Jobs-1A", "!GetAtt Jobs.QueueName"),
        ("arn:aws:iam::111122223333:role/path/dev", "dev", "!Ref Short"),
        // Another account's table of that name is another table.
        ("arn:aws:dynamodb:eu-west-1:444455556666:table/shop-Orders-1A", "shop-Orders-1A", "shop-Orders-1A"),
        ("arn:aws:dynamodb:eu-west-1:111122223333:table/other", "other", "other"),
    ] {
        assert_eq!(references.rewrite_name(arn, name).to_yaml(), expect, "{arn}");
    }
    let references = references.without(&["Orders".to_owned()].into());
    assert_eq!(references.rewrite_name(table, "shop-Orders-1A").to_yaml(), "shop-Orders-1A");
    let attributes = json!({"arn": "arn:aws:iam::111122223333:role/worker", "id": "worker", "name": "worker"});
    let state = json!({"version": 4, "resources": [
        {"mode": "managed", "type": "aws_iam_role", "name": "own", "instances": [{"attributes": attributes}]},
    ]});
    let (references, _) = References::from_terraform_state(&state).unwrap();
    let role = references.rewrite_name("arn:aws:iam::111122223333:role/worker", "worker");
    assert_eq!(role.to_hcl(), "aws_iam_role.own.name");
    assert_eq!(references.rewrite_name("arn:aws:iam::111122223333:role/x", "x").to_hcl(), "\"x\"");
}

#[test]
fn a_logical_id_that_sam_makes_anew_each_time_is_no_reference() {
    let version = "arn:aws:lambda:eu-west-1:111122223333:function:f:3";
    let stack = json!({"StackResources": [
        {"LogicalResourceId": "FVersion0123456789", "ResourceType": "AWS::Lambda::Version", "PhysicalResourceId": version},
    ]});
    assert_eq!(References::from_stack_resources(&stack).unwrap().rewrite(version).literal(), Some(version));
}

#[test]
fn terraform_states_of_both_shapes_give_addresses() {
    let attributes = json!({"arn": "arn:aws:s3:::shop-uploads", "id": "shop-uploads", "bucket": "shop-uploads"});
    let state = json!({"version": 4, "resources": [
        {"mode": "managed", "type": "aws_s3_bucket", "name": "uploads", "instances": [{"attributes": attributes}]},
        {"mode": "managed", "module": "module.x", "type": "aws_s3_bucket", "name": "other", "instances": []},
        {"mode": "data", "type": "aws_caller_identity", "name": "current", "instances": [{"attributes": {"account_id": "111122223333"}}]},
    ]});
    let shown = json!({"values": {"root_module": {"resources": [
        {"address": "aws_s3_bucket.uploads", "mode": "managed", "type": "aws_s3_bucket", "name": "uploads", "values": attributes},
        {"mode": "data", "type": "aws_caller_identity", "name": "current", "values": {"account_id": "111122223333"}},
    ], "child_modules": [{}]}}});
    for state in [state, shown] {
        let (references, in_modules) = References::from_terraform_state(&state).unwrap();
        assert_eq!(in_modules, 1);
        for (arn, expect) in [
            ("arn:aws:s3:::shop-uploads", "aws_s3_bucket.uploads.arn"),
            ("arn:aws:s3:::shop-uploads/*", "\"${aws_s3_bucket.uploads.arn}/*\""),
            (
                "arn:aws:sqs:eu-west-1:111122223333:jobs",
                "\"arn:aws:sqs:eu-west-1:${data.aws_caller_identity.current.account_id}:jobs\"",
            ),
            ("*", "\"*\""),
        ] {
            assert_eq!(references.rewrite(arn).to_hcl(), expect);
        }
    }
}

#[test]
fn other_documents_are_no_answers() {
    assert!(References::from_stack_resources(&json!({"Stacks": []})).is_none());
    assert!(References::from_terraform_state(&json!({"resources": []})).is_none());
}

#[test]
fn the_table_of_names_is_sound() {
    let rows = ResourceName::all();
    assert!(rows.len() >= 25);
    for pair in rows.windows(2) {
        assert!(
            pair[0].kind.to_ascii_lowercase() < pair[1].kind.to_ascii_lowercase(),
            "{} is not in order",
            pair[1].kind
        );
    }
    for row in rows {
        assert!(["name", "arn", "url"].contains(&row.physical), "{}", row.kind);
        assert!(row.arn_attribute.is_none() || row.arn.is_some() || row.physical == "arn", "{}", row.kind);
    }
}
