//! How many records a second one core maps and attributes, after parsing.
//!
//!     cargo bench -p whittle-evidence --bench mapping
//!
//! Two mixes of events as functions make them: one in which the same calls come again and again (as scheduled and queue
//! functions make them), and one in which every record has a key, an object or a message of its own. Each round is
//! measured by itself; the best of them is the machine's, the others its neighbours'.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::hint::black_box;
use std::time::Instant;

use whittle_catalog::catalog;
use whittle_evidence::attribute::attribute;
use whittle_evidence::ledger::Ledger;
use whittle_evidence::map::Mapper;
use whittle_evidence::record::{ParsedRecord, Record, parse_record};

const EVENTS: u32 = 40_000;
const ROUNDS: usize = 7;

/// Source, name, category, request parameters, `resources[]`. `@` becomes the number of the call.
const CALLS: &[(&str, &str, &str, &str, &str)] = &[
    (
        "dynamodb",
        "GetItem",
        "Data",
        r#"{"tableName":"orders","key":{"id":"@"},"consistentRead":false,"returnConsumedCapacity":"NONE"}"#,
        r#"{"type":"AWS::DynamoDB::Table","ARN":"arn:aws:dynamodb:eu-west-1:111122223333:table/orders","accountId":"111122223333"}"#,
    ),
    (
        "dynamodb",
        "PutItem",
        "Data",
        r#"{"tableName":"orders","key":{"id":"@"},"items":["id","total","state"]}"#,
        r#"{"type":"AWS::DynamoDB::Table","ARN":"arn:aws:dynamodb:eu-west-1:111122223333:table/orders","accountId":"111122223333"}"#,
    ),
    (
        "dynamodb",
        "Query",
        "Data",
        r#"{"tableName":"orders","keyConditionExpression":"id = :id","limit":20,"scanIndexForward":true}"#,
        r#"{"type":"AWS::DynamoDB::Table","ARN":"arn:aws:dynamodb:eu-west-1:111122223333:table/orders","accountId":"111122223333"}"#,
    ),
    (
        "s3",
        "GetObject",
        "Data",
        r#"{"bucketName":"shop-assets","Host":"shop-assets.s3.eu-west-1.amazonaws.com","key":"in/@.json"}"#,
        r#"{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::shop-assets/in/@.json"},{"accountId":"111122223333","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::shop-assets"}"#,
    ),
    (
        "s3",
        "PutObject",
        "Data",
        r#"{"bucketName":"shop-assets","Host":"shop-assets.s3.eu-west-1.amazonaws.com","key":"out/@.json","x-amz-server-side-encryption":"AES256"}"#,
        r#"{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::shop-assets/out/@.json"},{"accountId":"111122223333","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::shop-assets"}"#,
    ),
    (
        "sqs",
        "SendMessage",
        "Data",
        r#"{"queueUrl":"https://sqs.eu-west-1.amazonaws.com/111122223333/orders","messageBody":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#,
        r#"{"accountId":"111122223333","type":"AWS::SQS::Queue","ARN":"arn:aws:sqs:eu-west-1:111122223333:orders"}"#,
    ),
    (
        "sqs",
        "ReceiveMessage",
        "Data",
        r#"{"queueUrl":"https://sqs.eu-west-1.amazonaws.com/111122223333/orders","maxNumberOfMessages":10,"waitTimeSeconds":20}"#,
        r#"{"accountId":"111122223333","type":"AWS::SQS::Queue","ARN":"arn:aws:sqs:eu-west-1:111122223333:orders"}"#,
    ),
    (
        "sns",
        "Publish",
        "Data",
        r#"{"topicArn":"arn:aws:sns:eu-west-1:111122223333:orders","message":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#,
        r#"{"accountId":"111122223333","type":"AWS::SNS::Topic","ARN":"arn:aws:sns:eu-west-1:111122223333:orders"}"#,
    ),
    (
        "kms",
        "Decrypt",
        "Management",
        r#"{"encryptionContext":{"SecretARN":"arn:aws:secretsmanager:eu-west-1:111122223333:secret:db-a1b2c3","SecretVersionId":"@"},"encryptionAlgorithm":"SYMMETRIC_DEFAULT"}"#,
        r#"{"accountId":"111122223333","type":"AWS::KMS::Key","ARN":"arn:aws:kms:eu-west-1:111122223333:key/11111111-2222-3333-4444-555555555555"}"#,
    ),
    ("secretsmanager", "GetSecretValue", "Management", r#"{"secretId":"db"}"#, ""),
    ("ssm", "GetParameter", "Management", r#"{"name":"/shop/prices","withDecryption":true}"#, ""),
    (
        "states",
        "StartExecution",
        "Management",
        r#"{"stateMachineArn":"arn:aws:states:eu-west-1:111122223333:stateMachine:orders","name":"@","input":"HIDDEN_DUE_TO_SECURITY_REASONS"}"#,
        "",
    ),
    (
        "lambda",
        "Invoke",
        "Data",
        r#"{"functionName":"arn:aws:lambda:eu-west-1:111122223333:function:next","invocationType":"Event"}"#,
        r#"{"accountId":"111122223333","type":"AWS::Lambda::Function","ARN":"arn:aws:lambda:eu-west-1:111122223333:function:next"}"#,
    ),
    (
        "logs",
        "CreateLogStream",
        "Management",
        r#"{"logGroupName":"/aws/lambda/orders","logStreamName":"2026/09/01/[$LATEST]@"}"#,
        "",
    ),
];

/// Records as CloudTrail writes them; `distinct` numbers stand in the parameters before they start again.
fn texts(distinct: usize) -> Vec<String> {
    let calls = CALLS.iter().cycle().take(EVENTS as usize).enumerate();
    calls
        .map(|(at, (source, name, category, parameters, resources))| {
            let number = format!("{:08x}", (at % distinct).wrapping_mul(2_654_435_761));
            let function = at % 5;
            format!(
                r#"{{"eventVersion":"1.11","userIdentity":{{"type":"AssumedRole","principalId":"AROAEXAMPLEROLE:orders-{function}","arn":"arn:aws:sts::111122223333:assumed-role/orders-role/orders-{function}","accountId":"111122223333","accessKeyId":"ASIAEXAMPLE","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROAEXAMPLEROLE","arn":"arn:aws:iam::111122223333:role/service/orders-role","accountId":"111122223333","userName":"orders-role"}},"attributes":{{"creationDate":"2026-09-01T10:00:00Z","mfaAuthenticated":"false"}}}},"inScopeOf":{{"sourceArn":"arn:aws:lambda:eu-west-1:111122223333:function:orders-{function}","sourceAccount":"111122223333","issuerType":"AWS::Lambda::Function","credentialsIssuedTo":"arn:aws:lambda:eu-west-1:111122223333:function:orders-{function}"}}}},"eventTime":"2026-09-{:02}T10:00:00Z","eventSource":"{source}.amazonaws.com","eventName":"{name}","awsRegion":"eu-west-1","sourceIPAddress":"203.0.113.1","userAgent":"aws-sdk-rust/1.3 os/linux lang/rust/1.95 exec-env/AWS_Lambda_provided.al2023","requestParameters":{parameters},"responseElements":null,"eventID":"{at}","readOnly":true,"resources":[{resources}],"eventType":"AwsApiCall","managementEvent":{},"recipientAccountId":"111122223333","eventCategory":"{category}"}}"#,
                at % 28 + 1,
                *category == "Management",
            )
            .replace('@', &number)
        })
        .collect()
}

fn best(records: &[Record<'_>], mut work: impl FnMut(&[Record<'_>])) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        work(records);
        best = best.min(start.elapsed().as_secs_f64());
    }
    best
}

fn main() {
    for (mix, distinct) in [("calls that come again (400 distinct)", 400), ("every call distinct", usize::MAX)] {
        let texts = texts(distinct);
        let records: Vec<Record<'_>> = texts
            .iter()
            .filter_map(|text| match parse_record(text).unwrap() {
                ParsedRecord::Record(record) => Some(*record),
                ParsedRecord::Skipped(_) => None,
            })
            .collect();
        assert_eq!(records.len(), EVENTS as usize);
        let report = |what: &str, seconds: f64| {
            let count = f64::from(EVENTS);
            let (events, nanoseconds) = (count / seconds / 1e6, seconds * 1e9 / count);
            println!("{mix}: {what}: {events:.2} M events/s and core, {nanoseconds:.0} ns an event");
        };
        report(
            "mapping",
            best(&records, |records| {
                let mut mapper = Mapper::new(catalog());
                for record in records {
                    black_box(mapper.map(record));
                }
            }),
        );
        report(
            "attribution",
            best(&records, |records| {
                for record in records {
                    black_box(attribute(record));
                }
            }),
        );
        report(
            "mapping and attribution",
            best(&records, |records| {
                let mut mapper = Mapper::new(catalog());
                for record in records {
                    black_box((attribute(record), mapper.map(record)));
                }
            }),
        );
        report(
            "with the ledger",
            best(&records, |records| {
                let (mut ledger, mut mapper) = (Ledger::default(), Mapper::new(catalog()));
                for record in records {
                    black_box(ledger.observe_record(record, &mut mapper));
                }
            }),
        );
    }
}
