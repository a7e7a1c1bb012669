use std::collections::BTreeMap;

use super::{policy_template, policy_templates};
use crate::expression::Expression;
use crate::node::Node;
use crate::resolve::{Context, Resolver};
use crate::source::Source;

fn empty() -> Node {
    crate::yaml::parse(&Source::new(b"{}").unwrap()).unwrap()
}

#[test]
fn all_policy_templates_expand_to_statements() {
    let root = empty();
    let resolver = Resolver::new(&root, Context::of_arn("arn:aws:lambda:eu-west-1:111122223333:function:f"));
    let mut count = 0;
    for (name, template) in policy_templates() {
        let statements = template.expand(&|parameter| Some(Expression::text(parameter)), &resolver);
        let statements = statements.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert!(!statements.is_empty(), "{name}");
        for statement in &statements {
            let text = statement.to_value().to_string();
            assert!(!text.contains("Fn::") && !text.contains("<unknown"), "{name}: {text}");
        }
        let missing = template.expand(&|_| None, &resolver);
        assert_eq!(missing.is_err(), !template.parameters.is_empty(), "{name}");
        count += 1;
    }
    assert_eq!(count, 81);
}

#[test]
fn parameters_are_put_in_as_sam_does() {
    let root = empty();
    let resolver = Resolver::new(&root, Context::of_arn("arn:aws:lambda:eu-west-1:111122223333:function:f"));
    let statements = policy_template("DynamoDBReadPolicy")
        .unwrap()
        .expand(&|name| (name == "TableName").then(|| Expression::text("orders")), &resolver)
        .unwrap();
    let resources = statements[0].to_value()["Resource"].to_string();
    assert_eq!(
        resources,
        r#"["arn:aws:dynamodb:eu-west-1:111122223333:table/orders","arn:aws:dynamodb:eu-west-1:111122223333:table/orders/index/*"]"#
    );
}

/// `because` and what is granted, of a function with these properties.
fn implied(properties: &str) -> BTreeMap<String, Vec<String>> {
    let file = format!("{properties}\n");
    let source = Source::new(file.as_bytes()).unwrap();
    let root = crate::yaml::parse(&source).unwrap();
    let resolver = Resolver::new(&root, Context::of_arn("arn:aws:lambda:eu-west-1:111122223333:function:f"));
    let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for implied in super::implied(&|name| root.get(name), &resolver) {
        let list = out.entry(implied.because.clone()).or_default();
        list.extend(implied.managed.map(str::to_owned));
        for statement in &implied.statements.unwrap() {
            let value = statement.to_value();
            list.push(format!("{} {}", value["Action"], value["Resource"]).replace('"', ""));
        }
    }
    out.remove("every function whose role SAM generates");
    out
}

#[test]
fn what_sam_adds_follows_from_properties_and_events() {
    for (properties, because, expect) in [
        ("Tracing: Active", "`Tracing`", &["AWSXrayWriteOnlyAccess"][..]),
        ("VpcConfig: {SubnetIds: [s]}", "`VpcConfig`", &["AWSLambdaVPCAccessExecutionRole"]),
        ("DeadLetterQueue: {Type: SQS, TargetArn: a}", "`DeadLetterQueue`", &["sqs:SendMessage a"]),
        (
            "EventInvokeConfig: {DestinationConfig: {OnFailure: {Type: S3Bucket, Destination: 'arn:aws:s3:::b'}}}",
            "`EventInvokeConfig.DestinationConfig.OnFailure`",
            &["s3:PutObject arn:aws:s3:::b/*", "s3:ListBucket arn:aws:s3:::b"],
        ),
        (
            "Events: {Q: {Type: SQS, Properties: {Queue: q}}}",
            "the event `Q` of type SQS",
            &["AWSLambdaSQSQueueExecutionRole"],
        ),
        (
            "Events: {K: {Type: Kinesis, Properties: {DestinationConfig: {OnFailure: {Type: SNS, Destination: t}}}}}",
            "the event `K` of type Kinesis",
            &["AWSLambdaKinesisExecutionRole", "sns:publish t"],
        ),
        (
            "Events: {M: {Type: MQ, Properties: {Broker: b, SecretsManagerKmsKeyId: k, SourceAccessConfigurations: [{Type: BASIC_AUTH, URI: s}]}}}",
            "the event `M` of type MQ",
            &[
                "secretsmanager:GetSecretValue s",
                "mq:DescribeBroker b",
                "kms:Decrypt arn:aws:kms:eu-west-1:111122223333:key/k",
            ],
        ),
    ] {
        assert_eq!(implied(properties).remove(because).unwrap_or_default(), expect, "{properties}");
    }
    for nothing in ["Tracing: Disabled", "Events: {A: {Type: Api, Properties: {Path: /}}}", "Timeout: 3"] {
        assert_eq!(implied(nothing), BTreeMap::new(), "{nothing}");
    }
}
