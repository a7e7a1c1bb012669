//! Some weeks of a trail: what the functions of an account did, and what people and pipelines did beside
//! them.

use std::collections::BTreeMap;
use std::io::Write as _;

use anyhow::Result;
use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::account::profiles::{Call, PROFILES, queue_arn, table_arn};
use super::account::{ACCOUNT, Function, MeasuredAccount, REGION, Role, hash, table_name, uuid};

/// CloudTrail delivers about every five minutes (AWS CloudTrail User Guide, "How CloudTrail works").
const FILE_MINUTES: i64 = 5;

/// Times that a function makes each of its calls within the window.
const REPEATS: u32 = 3;

pub struct Trail {
    /// Key in the bucket → file.
    pub objects: BTreeMap<String, Vec<u8>>,
    /// Management events, oldest first: time in seconds, and the answer of LookupEvents about it.
    pub history: Vec<(i64, Value)>,
    pub events: usize,
    pub bytes: usize,
}

impl Trail {
    /// `days` days of the trail of `account`, up to half an hour before now, in files of five minutes with at
    /// least one event each.
    pub fn new(account: &MeasuredAccount, days: u32) -> Result<Self> {
        let seconds = FILE_MINUTES * 60;
        let end = (account.now.as_second() - 1_800).div_euclid(seconds) * seconds;
        let start = end - i64::from(days) * 86_400;
        let mut files: BTreeMap<i64, Vec<(i64, Value)>> = BTreeMap::new();
        for slot in (start..end).step_by(usize::try_from(seconds)?) {
            let at = slot + i64::try_from(hash(&slot.to_string()) % 300)?;
            files.entry(slot).or_default().push((at, background(at)?));
        }
        let span = u64::try_from(end - start)?;
        for function in &account.functions {
            let Some(role) = account.role_of(function) else { continue };
            let Some(profile) = PROFILES.get(role.profile) else { continue };
            for call in profile.calls {
                for repeat in 0..REPEATS {
                    let seed = format!("{} {} {repeat}", function.name, call.event);
                    let at = start + i64::try_from(hash(&seed) % span)?;
                    let record = record(function, role, call, at, &seed)?;
                    files.entry(at.div_euclid(seconds) * seconds).or_default().push((at, record));
                }
            }
        }
        let mut trail = Self { objects: BTreeMap::new(), history: Vec::new(), events: 0, bytes: 0 };
        for (slot, mut events) in files {
            events.sort_by_key(|(at, _)| *at);
            trail.add_file(slot + seconds, events)?;
        }
        trail.history.sort_by_key(|(at, _)| *at);
        Ok(trail)
    }

    fn add_file(&mut self, delivered: i64, events: Vec<(i64, Value)>) -> Result<()> {
        let time = Timestamp::from_second(delivered)?;
        let key = format!(
            "AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/{}/{ACCOUNT}_CloudTrail_{REGION}_{}_{}.json.gz",
            time.strftime("%Y/%m/%d"),
            time.strftime("%Y%m%dT%H%MZ"),
            uuid(&delivered.to_string()).replace('-', "").chars().take(16).collect::<String>(),
        );
        self.events += events.len();
        let mut records = Vec::with_capacity(events.len());
        for (at, record) in events {
            if record["managementEvent"] == true {
                self.history.push((at, looked_up(at, &record)));
            }
            records.push(record);
        }
        let mut file = GzEncoder::new(Vec::new(), Compression::default());
        file.write_all(json!({ "Records": records }).to_string().as_bytes())?;
        let file = file.finish()?;
        self.bytes += file.len();
        self.objects.insert(key, file);
        Ok(())
    }
}

/// An event as LookupEvents has it (AWS CloudTrail API Reference, `Event`).
fn looked_up(at: i64, record: &Value) -> Value {
    json!({
        "EventId": record["eventID"],
        "EventName": record["eventName"],
        "ReadOnly": record["readOnly"].to_string(),
        "EventTime": at,
        "EventSource": record["eventSource"],
        "Username": record["userIdentity"]["principalId"],
        "Resources": [],
        "CloudTrailEvent": record.to_string(),
    })
}

fn record(function: &Function, role: &Role, call: &Call, at: i64, seed: &str) -> Result<Value> {
    let arn = format!("arn:aws:sts::{ACCOUNT}:assumed-role/{}/{}", role.name, function.name);
    let (parameters, resources) = target(call, &function.name);
    let mut record = shell(call.service, call.event, at, seed)?;
    let created = Timestamp::from_second(at)?.checked_sub(SignedDuration::from_mins(20))?;
    record["userIdentity"] = json!({
        "type": "AssumedRole",
        "principalId": format!("{}:{}", role.id, function.name),
        "arn": arn,
        "accountId": ACCOUNT,
        "accessKeyId": "ASIAEXAMPLE222222222",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role", "principalId": role.id, "arn": role.arn, "accountId": ACCOUNT, "userName": role.name,
            },
            "attributes": { "creationDate": created.to_string(), "mfaAuthenticated": "false" },
        },
        "inScopeOf": {
            "issuerType": "AWS::Lambda::Function",
            "credentialsIssuedTo": function.arn,
        },
    });
    record["requestParameters"] = parameters;
    record["readOnly"] = json!(call.read_only);
    record["managementEvent"] = json!(!call.data);
    record["eventCategory"] = json!(if call.data { "Data" } else { "Management" });
    if let (Some((kind, arn)), Some(members)) = (resources, record.as_object_mut()) {
        members.insert("resources".to_owned(), json!([{ "accountId": ACCOUNT, "type": kind, "ARN": arn }]));
    }
    Ok(record)
}

/// Subject of a call: parameters, and type and ARN of the resource if its events name one.
fn target(call: &Call, function: &str) -> (Value, Option<(&'static str, String)>) {
    let arn = |service: &str, rest: &str| format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}");
    match (call.service, call.event) {
        ("dynamodb", _) => {
            (json!({ "tableName": table_name(function) }), Some(("AWS::DynamoDB::Table", table_arn(function))))
        }
        ("s3", _) => {
            let (bucket, key) = ("work-111122223333", format!("{function}/2026/file.json"));
            let arn = format!("arn:aws:s3:::{bucket}/{key}");
            (json!({ "bucketName": bucket, "key": key }), Some(("AWS::S3::Object", arn)))
        }
        ("secretsmanager", _) => (json!({ "secretId": format!("{function}/key") }), None),
        ("ssm", _) => (json!({ "name": format!("/{function}/setting"), "withDecryption": true }), None),
        ("kms", _) => {
            let key = arn("kms", "key/1234abcd-12ab-34cd-56ef-1234567890ab");
            (json!({ "encryptionAlgorithm": "SYMMETRIC_DEFAULT" }), Some(("AWS::KMS::Key", key)))
        }
        ("sns", _) => {
            let topic = arn("sns", &format!("{function}-topic"));
            (json!({ "topicArn": topic }), Some(("AWS::SNS::Topic", topic)))
        }
        ("athena", "StartQueryExecution") => (json!({ "workGroup": "primary", "queryString": "***" }), None),
        ("athena", _) => (json!({ "queryExecutionId": uuid(function) }), None),
        ("states", _) => (json!({ "stateMachineArn": arn("states", &format!("stateMachine:{function}")) }), None),
        ("lambda", _) => {
            let other = arn("lambda", "function:orders-service-00000");
            (json!({ "functionName": other }), Some(("AWS::Lambda::Function", other)))
        }
        ("sqs", _) => (json!({ "queueUrl": queue_arn(function) }), None),
        _ => (json!({}), None),
    }
}

/// Somebody else than a function: most events of an account.
fn background(at: i64) -> Result<Value> {
    const CALLS: [(&str, &str); 4] = [
        ("ec2", "DescribeInstances"),
        ("sts", "GetCallerIdentity"),
        ("cloudformation", "DescribeStacks"),
        ("logs", "DescribeLogGroups"),
    ];
    let seed = format!("background {at}");
    let index = usize::try_from(hash(&seed) % 4)?;
    let (service, event) = CALLS.get(index).copied().unwrap_or(("sts", "GetCallerIdentity"));
    let mut record = shell(service, event, at, &seed)?;
    record["userIdentity"] = json!({
        "type": "AssumedRole",
        "principalId": "AROAEXAMPLEPIPELINE22:build",
        "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/pipeline/build"),
        "accountId": ACCOUNT,
        "accessKeyId": "ASIAEXAMPLE333333333",
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": "AROAEXAMPLEPIPELINE22",
                "arn": format!("arn:aws:iam::{ACCOUNT}:role/ci/pipeline"),
                "accountId": ACCOUNT,
                "userName": "pipeline",
            },
            "attributes": { "creationDate": Timestamp::from_second(at)?.to_string(), "mfaAuthenticated": "false" },
        },
    });
    Ok(record)
}

/// A management event that reads; the order of members is CloudTrail's.
fn shell(service: &str, event: &str, at: i64, seed: &str) -> Result<Value> {
    Ok(json!({
        "eventVersion": "1.11",
        "userIdentity": null,
        "eventTime": Timestamp::from_second(at)?.to_string(),
        "eventSource": format!("{service}.amazonaws.com"),
        "eventName": event,
        "awsRegion": REGION,
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "Boto3/1.40.21 md/Botocore#1.40.21 ua/2.1 os/linux lang/python#3.13.7 exec-env/AWS_Lambda_python3.13",
        "requestParameters": null,
        "responseElements": null,
        "requestID": uuid(&format!("request {seed}")),
        "eventID": uuid(seed),
        "readOnly": true,
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
        "tlsDetails": {
            "tlsVersion": "TLSv1.3",
            "cipherSuite": "TLS_AES_128_GCM_SHA256",
            "clientProvidedHostHeader": format!("{service}.{REGION}.amazonaws.com"),
        },
    }))
}
