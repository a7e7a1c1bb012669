//! How many records a second one core maps and attributes, after parsing.
//!
//!     cargo bench -p whittle-evidence --bench mapping
//!
//! Three mixes of events as functions make them: one in which the same calls come again and again (as scheduled and queue
//! functions make them), one in which every record has a key, an object or a message of its own, and the trail of the example,
//! which holds both, calls of people and of services. Records are
//! parsed in small chunks, and the clock runs only while a chunk is mapped; the median chunk of the best round is reported.
//! Parsing is measured beside it, in the same way.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]
#![expect(clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::hint::black_box;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, Instant};

use flate2::read::GzDecoder;
use whittle_evidence::attribute::attribute;
use whittle_evidence::ledger::Ledger;
use whittle_evidence::map::Mapper;
use whittle_evidence::record::{ParsedRecord, Record, parse_record};

const EVENTS: u32 = 20_000;
/// Records that are parsed, then mapped. A file's reader hands every record on as soon as it is parsed, so what is mapped
/// lies in the nearest cache; several at a time only keep the reading of the clock out of the result.
const CHUNK: usize = 10;
const ROUNDS: usize = 20;

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

/// Records as CloudTrail writes them; `distinct` numbers of each call stand in the parameters before they start again.
fn texts(distinct: usize) -> Vec<String> {
    let calls = CALLS.iter().cycle().take(EVENTS as usize).enumerate();
    calls
        .map(|(at, (source, name, category, parameters, resources))| {
            let number = format!("{:08x}", (at / CALLS.len() % distinct).wrapping_mul(2_654_435_761));
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

/// The records of a trail's folder, as texts; what is no record is left out.
fn texts_of_trail(folder: &Path, texts: &mut Vec<String>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            texts_of_trail(&path, texts);
        } else if path.extension().is_some_and(|extension| extension == "gz") {
            let mut text = String::new();
            GzDecoder::new(std::fs::File::open(&path).unwrap()).read_to_string(&mut text).unwrap();
            // One file of the example is cut off.
            let Ok(document) = serde_json::from_str::<serde_json::Value>(&text) else { continue };
            let records = document.get("Records").and_then(serde_json::Value::as_array).into_iter().flatten();
            let records = records.map(serde_json::Value::to_string);
            texts.extend(records.filter(|text| matches!(parse_record(text), Ok(ParsedRecord::Record(_)))));
        }
    }
}

/// Seconds for one of a chunk of texts, as `time` tells for the whole chunk: the median chunk of the best round. Other
/// guests of a machine slow a round by half and more, and never quicken one.
fn measure<'t>(texts: &'t [String], mut round: impl FnMut() -> Box<dyn FnMut(&'t [String]) -> Duration>) -> f64 {
    let rounds = (0..ROUNDS).map(|_| {
        let mut time = round();
        let of_chunks = texts.chunks(CHUNK).map(|chunk| {
            let length = f64::from(u32::try_from(chunk.len()).unwrap());
            time(chunk).as_secs_f64() / length
        });
        let mut times: Vec<f64> = of_chunks.collect();
        times.sort_by(f64::total_cmp);
        times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
    });
    rounds.fold(f64::INFINITY, f64::min)
}

/// What is done with records that were parsed just before.
fn after_parsing(texts: &[String], mut start: impl FnMut() -> Box<dyn FnMut(&Record<'_>)>) -> f64 {
    measure(texts, || {
        let mut work = start();
        Box::new(move |chunk| {
            let parsed = chunk.iter().filter_map(|text| match parse_record(text).unwrap() {
                ParsedRecord::Record(record) => Some(*record),
                ParsedRecord::Skipped(_) => None,
            });
            let records: Vec<Record<'_>> = parsed.collect();
            assert_eq!(records.len(), chunk.len());
            let clock = Instant::now();
            records.iter().for_each(&mut work);
            clock.elapsed()
        })
    })
}

/// Parsing itself: what the other numbers compare with, since a busy machine slows all of them alike.
fn parsing(texts: &[String]) -> f64 {
    measure(texts, || {
        Box::new(|chunk| {
            let clock = Instant::now();
            for text in chunk {
                black_box(parse_record(text).unwrap());
            }
            clock.elapsed()
        })
    })
}

fn main() {
    // Cargo adds `--bench`; anything else narrows what is measured: `distinct`, `mapping`.
    let filters: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let mut of_trail = Vec::new();
    texts_of_trail(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/shop/trail"), &mut of_trail);
    for (mix, texts) in [
        ("calls that come again (400 distinct)", texts(400 / CALLS.len())),
        ("every call distinct", texts(usize::MAX)),
        ("the trail of examples/shop", of_trail),
    ] {
        let report = |what: &str, measure: &dyn Fn() -> f64| {
            if !filters.iter().all(|filter| mix.contains(filter.as_str()) || what == filter) {
                return;
            }
            let seconds = measure();
            println!("{mix}: {what}: {:.2} M events/s and core, {:.0} ns an event", 1e-6 / seconds, seconds * 1e9);
        };
        report("parsing", &|| parsing(&texts));
        report("mapping", &|| {
            after_parsing(&texts, || {
                let mut mapper = Mapper::default();
                Box::new(move |record| {
                    black_box(mapper.map(record));
                })
            })
        });
        report("attribution", &|| {
            after_parsing(&texts, || {
                Box::new(|record| {
                    black_box(attribute(record));
                })
            })
        });
        report("mapping and attribution", &|| {
            after_parsing(&texts, || {
                let mut mapper = Mapper::default();
                Box::new(move |record| {
                    black_box((attribute(record), mapper.map(record)));
                })
            })
        });
        report("with the ledger", &|| {
            after_parsing(&texts, || {
                let (mut ledger, mut mapper) = (Ledger::default(), Mapper::default());
                Box::new(move |record| {
                    black_box(ledger.observe_record(record, &mut mapper));
                })
            })
        });
    }
}
