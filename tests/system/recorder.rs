//! Calls that the proxy saw, as CloudTrail would have logged them.
//!
//! Shapes are those of records that AWS documents or that were seen: CloudTrail User Guide, "CloudTrail
//! record contents", and the logging page of each service.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::harness::{ACCOUNT, REGION};
use crate::proxy::{Call, Exchange};
use crate::trail::Habit;
use crate::wire::{decode, pairs};

/// CloudTrail's placeholder for contents.
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// Types of resources whose data events the recorder can write.
pub const DATA_TYPES: &[&str] = &[
    "AWS::DynamoDB::Table",
    "AWS::Events::EventBus",
    "AWS::Lambda::Function",
    "AWS::S3::Object",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
];

/// A session of a function's role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub role: String,
    pub function: String,
}

/// Knows whose access key is whose, from what `sts:GetCallerIdentity` answered to it.
#[derive(Debug, Default)]
pub struct Recorder {
    sessions: BTreeMap<String, Session>,
}

impl Recorder {
    /// Learns from the calls in which functions asked who they are.
    pub fn learn(&mut self, calls: &[Call]) {
        for call in calls.iter().filter(|call| call.operation.name == "GetCallerIdentity") {
            let Some(exchange) = &call.exchange else { continue };
            let text = String::from_utf8_lossy(&exchange.answer.body);
            // arn:aws:sts::111122223333:assumed-role/ROLE/FUNCTION
            let session = text.split(":assumed-role/").nth(1).and_then(|rest| rest.split('<').next());
            if let Some((role, function)) = session.and_then(|session| session.split_once('/')) {
                let session = Session { role: role.to_owned(), function: function.to_owned() };
                self.sessions.insert(call.operation.access_key.clone(), session);
            }
        }
    }

    /// Who made a call; `None` for a key that never asked.
    pub fn session(&self, call: &Call) -> Option<&Session> {
        self.sessions.get(&call.operation.access_key)
    }

    /// The calls of functions that asked who they are, in their order.
    pub fn habits(&self, calls: &[Call]) -> Vec<Habit> {
        let of_functions = calls.iter().filter_map(|call| Some((self.session(call)?, call, call.exchange.as_ref()?)));
        of_functions.map(|(session, call, exchange)| habit(session, call, exchange)).collect()
    }
}

/// The part of a record that depends on the operation.
struct CloudTrailCall {
    name: &'static str,
    data: bool,
    read_only: bool,
    parameters: Value,
    resources: Value,
}

fn habit(session: &Session, call: &Call, exchange: &Exchange) -> Habit {
    let operation = &call.operation;
    let Some(logged) = logged(&operation.service, &operation.name, exchange) else {
        panic!("how does CloudTrail tell of {}.{}? Add it to recorder.rs.", operation.service, operation.name)
    };
    Habit {
        function: session.function.clone(),
        role: session.role.clone(),
        event_source: format!("{}.amazonaws.com", operation.service),
        event_name: logged.name.to_owned(),
        region: operation.region.clone(),
        data: logged.data,
        read_only: logged.read_only,
        parameters: logged.parameters,
        resources: logged.resources,
    }
}

fn logged(service: &str, name: &str, exchange: &Exchange) -> Option<CloudTrailCall> {
    // Other protocols have none of JSON.
    let body = |bytes: &[u8]| serde_json::from_str(&String::from_utf8_lossy(bytes)).unwrap_or(Value::Null);
    let (asked, answered): (Value, Value) = (body(&exchange.request.body), body(&exchange.answer.body));
    let management =
        |name, read_only, parameters, resources| CloudTrailCall { name, data: false, read_only, parameters, resources };
    let data =
        |name, read_only, parameters, resources| CloudTrailCall { name, data: true, read_only, parameters, resources };
    Some(match (service, name) {
        // CloudTrail User Guide; no parameters.
        ("sts", "GetCallerIdentity") => management("GetCallerIdentity", true, Value::Null, Value::Null),
        // DynamoDB Developer Guide, "Understanding DynamoDB log file entries": the table and the key.
        ("dynamodb", "GetItem") => data("GetItem", true, item(&asked, "Key"), table(&asked["TableName"])),
        ("dynamodb", "PutItem") => data("PutItem", false, item(&asked, "Item"), table(&asked["TableName"])),
        ("dynamodb", "UpdateItem") => data("UpdateItem", false, item(&asked, "Key"), table(&asked["TableName"])),
        ("dynamodb", "Query") => data("Query", true, item(&asked, ""), table(&asked["TableName"])),
        ("dynamodb", "Scan") => data("Scan", true, item(&asked, ""), table(&asked["TableName"])),
        ("dynamodb", "BatchWriteItem") => {
            let tables = asked["RequestItems"].as_object()?.keys();
            let resources = tables.flat_map(|name| table(&json!(name)).as_array().cloned().unwrap_or_default());
            data("BatchWriteItem", false, Value::Null, resources.collect())
        }
        ("s3", _) => return object(name, exchange),
        // SQS Developer Guide, "Logging Amazon SQS API calls using AWS CloudTrail".
        ("sqs", "SendMessage") => {
            let queue = asked["QueueUrl"].as_str()?.rsplit('/').next()?.to_owned();
            let url = format!("https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{queue}");
            let resources = resource("AWS::SQS::Queue", &format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"));
            data("SendMessage", false, json!({"queueUrl": url, "messageBody": HIDDEN}), resources)
        }
        // SNS Developer Guide, "Logging AWS SNS API calls using AWS CloudTrail".
        ("sns", "Publish") => {
            let form = pairs(&String::from_utf8_lossy(&exchange.request.body));
            let topic = form.into_iter().find(|(key, _)| key == "TopicArn")?.1;
            let resources = resource("AWS::SNS::Topic", &topic);
            data("Publish", false, json!({"topicArn": topic, "message": HIDDEN}), resources)
        }
        // Lambda Developer Guide, "Logging AWS Lambda API calls using AWS CloudTrail".
        ("lambda", "Invoke") => {
            let function = exchange.request.target().split('/').nth(3)?.to_owned();
            let arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}");
            let parameters = json!({"functionName": arn, "invocationType": "RequestResponse"});
            data("Invoke", false, parameters, resource("AWS::Lambda::Function", &arn))
        }
        // EventBridge User Guide, "Logging Amazon EventBridge API calls using AWS CloudTrail".
        ("events", "PutEvents") => {
            let bus = format!("arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default");
            data("PutEvents", false, Value::Null, resource("AWS::Events::EventBus", &bus))
        }
        ("ssm", "GetParameter") => {
            let parameter = asked["Name"].as_str()?;
            let arn = format!("arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/{}", parameter.trim_start_matches('/'));
            let resources = json!([{"accountId": ACCOUNT, "ARN": arn}]);
            management("GetParameter", true, json!({"name": parameter}), resources)
        }
        // The name that was asked for is all that the record has of the secret.
        ("secretsmanager", "GetSecretValue") => {
            management("GetSecretValue", true, json!({"secretId": asked["SecretId"]}), Value::Null)
        }
        // KMS Developer Guide, "Examples of AWS KMS log entries".
        ("kms", "Encrypt") => {
            let resources = resource("AWS::KMS::Key", answered["KeyId"].as_str()?);
            let parameters = json!({"keyId": asked["KeyId"], "encryptionAlgorithm": "SYMMETRIC_DEFAULT"});
            management("Encrypt", true, parameters, resources)
        }
        // Step Functions Developer Guide, "Recording Step Functions API calls with AWS CloudTrail".
        ("states", "StartExecution") => {
            let parameters =
                json!({"stateMachineArn": asked["stateMachineArn"], "name": asked["name"], "input": HIDDEN});
            management("StartExecution", false, parameters, Value::Null)
        }
        _ => return None,
    })
}

fn resource(kind: &str, arn: &str) -> Value {
    json!([{"accountId": ACCOUNT, "type": kind, "ARN": arn}])
}

fn table(name: &Value) -> Value {
    let name = name.as_str().unwrap_or_default();
    resource("AWS::DynamoDB::Table", &format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"))
}

/// Table, and the key as plain values; of an item, its attribute `id` is the key in all tables here.
fn item(asked: &Value, member: &str) -> Value {
    let mut parameters = json!({"tableName": asked["TableName"]});
    if let Some(attributes) = asked[member].as_object() {
        let is_key = |name: &str| member == "Key" || name == "id";
        let key =
            attributes.iter().filter(|(name, _)| is_key(name)).map(|(name, value)| (name.clone(), value["S"].clone()));
        parameters["key"] = Value::Object(key.collect());
    }
    parameters
}

/// Amazon S3 User Guide, "Amazon S3 CloudTrail log file entries".
fn object(name: &str, exchange: &Exchange) -> Option<CloudTrailCall> {
    let (path, query) = exchange.request.target().split_once('?').unwrap_or((exchange.request.target(), ""));
    let (bucket, key) = path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_start_matches('/'), ""));
    let key = decode(key);
    let host = format!("{bucket}.s3.{REGION}.amazonaws.com");
    let mut parameters = Map::from_iter([("bucketName".to_owned(), json!(bucket)), ("Host".to_owned(), json!(host))]);
    let of_bucket = json!({"accountId": ACCOUNT, "type": "AWS::S3::Bucket", "ARN": format!("arn:aws:s3:::{bucket}")});
    let arn = format!("arn:aws:s3:::{bucket}/{key}");
    let (name, read_only, of_object) = match name {
        "GetObject" => ("GetObject", true, json!({"type": "AWS::S3::Object", "ARN": arn})),
        "PutObject" => ("PutObject", false, json!({"type": "AWS::S3::Object", "ARN": arn})),
        // CloudTrail logs both versions of the call under the name of the first.
        "ListObjectsV2" => ("ListObjects", true, json!({"type": "AWS::S3::Object", "ARNPrefix": arn})),
        _ => return None,
    };
    if name == "ListObjects" {
        parameters.extend(pairs(query).into_iter().map(|(key, value)| (key, json!(value))));
    } else {
        parameters.insert("key".to_owned(), json!(key));
    }
    let parameters = Value::Object(parameters);
    Some(CloudTrailCall { name, data: true, read_only, parameters, resources: json!([of_object, of_bucket]) })
}
