use serde_json::{Value, json};
use whittle_policy::PolicyDocument;

use super::{EditOutcome, EditTarget, Surroundings, apply};
use crate::narrow::Narrowing;
use crate::references::References;
use crate::resolve::Context;

const HEAD: &str = "\
Transform: AWS::Serverless-2016-10-31
Parameters: { Stage: { Type: String, Default: dev } }
Resources:
";

/// The only line with `Resource` after the function `Fn` of a deployment is narrowed to `actions` on
/// `resource`.
#[track_caller]
fn check(resources: &str, physical: &[(&str, &str, &str)], (action, resource): (&str, &str), expect: &str) {
    let rows: Vec<Value> = physical
        .iter()
        .map(|(id, kind, physical)| {
            json!({
                "LogicalResourceId": id, "ResourceType": kind, "PhysicalResourceId": physical,
                "StackId": "arn:aws:cloudformation:eu-west-1:111122223333:stack/demo/1",
            })
        })
        .collect();
    let context = Context {
        account: Some("111122223333".to_owned()),
        region: Some("eu-west-1".to_owned()),
        partition: Some("aws".to_owned()),
        stack_name: Some("demo".to_owned()),
        references: References::from_stack_resources(&json!({ "StackResources": rows })).unwrap(),
        ..Context::default()
    };
    let surroundings = Surroundings { context, ..Surroundings::default() };
    let statement = json!({"Effect": "Allow", "Action": action, "Resource": resource});
    let document: PolicyDocument =
        serde_json::from_value(json!({"Version": "2012-10-17", "Statement": [statement]})).unwrap();
    let narrowing = Narrowing { policies: vec![("narrowed".to_owned(), document)], ..Narrowing::default() };
    let targets = [EditTarget { function: "Fn".to_owned(), narrowing }];
    let text = format!("{HEAD}{resources}");
    let edited = apply(text.as_bytes(), &targets, &surroundings).unwrap();
    assert!(matches!(edited.reports[0].outcome, EditOutcome::Changed { .. }), "{:#?}", edited.reports);
    let new = String::from_utf8(edited.bytes.clone()).unwrap();
    let found: Vec<&str> = new.lines().filter_map(|line| line.trim().strip_prefix("Resource: ")).collect();
    assert_eq!(found, [expect], "{new}");
    let again = apply(&edited.bytes, &targets, &surroundings).unwrap();
    assert_eq!(again.bytes, edited.bytes, "a second run changes nothing");
}

/// A function under a role of its own with a managed policy for logs.
fn with_role(name: &str) -> String {
    format!(
        "  Fn:
    Type: AWS::Serverless::Function
    Properties:
      Role: !GetAtt Role.Arn{name}
  Role:
    Type: AWS::IAM::Role
    Properties:
      ManagedPolicyArns:
        - arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole
"
    )
}

const LOGS: &str = "arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:/aws/lambda";

#[test]
fn a_role_does_not_name_the_function_that_waits_for_it() {
    let function = "AWS::Lambda::Function";
    let log_group = |name: &str| format!("arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/{name}:*");
    for (property, physical, written) in [
        // CloudFormation made the name: its end is another one in the next deployment.
        ("", "demo-Fn-1A2B3C4D5E6F", "${AWS::StackName}-Fn-*"),
        ("\n      FunctionName: !Sub '${Stage}-reports'", "dev-reports", "${Stage}-reports"),
        ("\n      FunctionName: nightly-reports", "nightly-reports", "nightly-reports"),
        // A cut name tells nothing of the next one.
        ("", "demo-F-1A2B3C4D5E6F", "demo-F-1A2B3C4D5E6F"),
    ] {
        check(
            &with_role(property),
            &[
                ("Fn", function, physical),
                ("Role", "AWS::IAM::Role", "demo-Role-1"),
                // SAM makes it; it waits for the function.
                ("FnUrl", "AWS::Lambda::Url", physical),
            ],
            ("logs:PutLogEvents", &log_group(physical)),
            &format!("!Sub {LOGS}/{written}:*"),
        );
    }
}

#[test]
fn a_generated_role_does_not_name_the_bucket_that_invokes_its_function() {
    let resources = |property: &str, event: &str| {
        format!(
            "  Fn:
    Type: AWS::Serverless::Function
    Properties:
      Policies: [ AmazonS3FullAccess ]
      Events: {{ Uploads: {{ Type: {event}, Properties: {{ Bucket: !Ref Uploads, Queue: !GetAtt Uploads.Arn }} }} }}
  Uploads:
    Type: AWS::S3::Bucket{property}
"
        )
    };
    let objects = |name: &str| format!("arn:aws:s3:::{name}/*");
    for (property, physical, event, written) in [
        ("", "demo-uploads-1a2b3c", "S3", "!Sub arn:${AWS::Partition}:s3:::demo-uploads-1a2b3c/*"),
        (
            "\n    Properties: { BucketName: !Sub '${Stage}-uploads' }",
            "dev-uploads",
            "S3",
            "!Sub arn:${AWS::Partition}:s3:::${Stage}-uploads/*",
        ),
        // Nobody writes the function's name into the source of such an event.
        ("", "demo-uploads-1a2b3c", "SQS", "!Sub '${Uploads.Arn}/*'"),
    ] {
        check(
            &resources(property, event),
            &[("Fn", "AWS::Lambda::Function", "demo-Fn-1"), ("Uploads", "AWS::S3::Bucket", physical)],
            ("s3:GetObject", &objects(physical)),
            written,
        );
    }
}
