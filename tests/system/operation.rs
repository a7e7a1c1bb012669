//! Reads from a request which operation of which service it calls, and which IAM actions that needs.
//!
//! Only the operations that Whittle may call are known. Any other answers no action, which fails the test
//! that compares actions with the template: a new call has to be added here, by its page in the Service
//! Authorization Reference.

use serde_json::Value;

use crate::wire::{Message, pairs};

/// How a service words its requests and errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// `X-Amz-Target` and a JSON body.
    Json,
    /// A form with `Action`, an answer in XML.
    Query,
    /// Method and path; JSON.
    RestJson,
    /// Method and path; XML.
    RestXml,
    /// `/service/…/operation/…`, CBOR. No SDK of ours speaks it yet.
    Cbor,
}

/// The operation of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsOperation {
    /// Signing name of the service, such as `dynamodb`.
    pub service: String,
    pub name: String,
    pub protocol: Protocol,
    /// IAM actions that it is authorised by, sorted; empty if the operation is not known.
    pub actions: Vec<String>,
    /// Access key id of the signature.
    pub access_key: String,
    /// Region of the signature.
    pub region: String,
    /// True if the request asks for a later page.
    pub continues: bool,
}

/// Reads a request. `None` if it is not signed, as requests to the emulator's own paths are not.
pub fn operation(request: &Message) -> Option<AwsOperation> {
    // AWS4-HMAC-SHA256 Credential=KEY/20261121/eu-central-1/dynamodb/aws4_request, SignedHeaders=…
    let credential = request.header("authorization")?.split("Credential=").nth(1)?.split(',').next()?;
    let mut scope = credential.split('/');
    let access_key = scope.next()?.to_owned();
    let region = scope.nth(1)?.to_owned();
    let service = scope.next()?.to_owned();
    let (path, query) = request.target().split_once('?').unwrap_or((request.target(), ""));
    let query = pairs(query);
    let (protocol, name) = if let Some(target) = request.header("x-amz-target") {
        (Protocol::Json, target.rsplit('.').next().unwrap_or_default().to_owned())
    } else if request.header("smithy-protocol").is_some() {
        (Protocol::Cbor, path.rsplit('/').next().unwrap_or_default().to_owned())
    } else if service == "lambda" {
        (Protocol::RestJson, lambda_operation(request.method(), path).to_owned())
    } else if service == "s3" {
        (Protocol::RestXml, s3_operation(request.method(), path, &query).to_owned())
    } else {
        let form = pairs(&String::from_utf8_lossy(&request.body));
        let action = form.iter().chain(&query).find(|(key, _)| key == "Action").map(|(_, value)| value.clone());
        (Protocol::Query, action.unwrap_or_default())
    };
    let actions = actions(&service, &name, &request.body);
    let continues = continues(request, protocol, &query);
    Some(AwsOperation { service, name, protocol, actions, access_key, region, continues })
}

/// Paths of the AWS Lambda API Reference.
fn lambda_operation(method: &str, path: &str) -> &'static str {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match (method, parts.get(1..).unwrap_or_default()) {
        ("GET", ["functions"]) => "ListFunctions",
        ("GET", ["functions", _]) => "GetFunction",
        ("GET", ["functions", _, "aliases"]) => "ListAliases",
        ("GET", ["functions", _, "configuration"]) => "GetFunctionConfiguration",
        ("GET", ["functions", _, "event-invoke-config", "list"]) => "ListFunctionEventInvokeConfigs",
        ("GET", ["functions", _, "policy"]) => "GetPolicy",
        ("GET", ["functions", _, "urls"]) => "ListFunctionUrlConfigs",
        ("GET", ["functions", _, "versions"]) => "ListVersionsByFunction",
        ("POST", ["functions", _, "invocations"]) => "Invoke",
        ("GET", ["event-source-mappings"]) => "ListEventSourceMappings",
        ("GET", ["tags", ..]) => "ListTags",
        _ => "",
    }
}

/// Path-style requests of the Amazon S3 API Reference.
fn s3_operation(method: &str, path: &str, query: &[(String, String)]) -> &'static str {
    let has = |name: &str| query.iter().any(|(key, _)| key == name);
    let parts = path.trim_start_matches('/').split_once('/').filter(|(_, key)| !key.is_empty());
    match (method, parts) {
        ("GET", Some(_)) => "GetObject",
        ("HEAD", Some(_)) => "HeadObject",
        ("PUT", Some(_)) => "PutObject",
        ("GET", None) if has("location") => "GetBucketLocation",
        ("GET", None) if has("list-type") => "ListObjectsV2",
        ("HEAD", None) => "HeadBucket",
        _ => "",
    }
}

/// Service Authorization Reference: an operation's actions where they are not simply its name.
fn actions(service: &str, name: &str, body: &[u8]) -> Vec<String> {
    let named = |actions: &[&str]| actions.iter().map(|action| format!("{service}:{action}")).collect();
    match (service, name) {
        // No permission is needed (AWS STS API Reference, GetCallerIdentity).
        (_, "") | ("sts", "GetCallerIdentity") => Vec::new(),
        ("dynamodb", "TransactWriteItems") => {
            let items = json(body).and_then(|body| body.get("TransactItems").cloned());
            let mut actions: Vec<String> = items
                .iter()
                .filter_map(Value::as_array)
                .flatten()
                .filter_map(Value::as_object)
                .flat_map(|item| item.keys())
                .map(|member| match member.as_str() {
                    "ConditionCheck" => "dynamodb:ConditionCheckItem".to_owned(),
                    member => format!("dynamodb:{member}Item"),
                })
                .collect();
            actions.sort();
            actions.dedup();
            actions
        }
        (
            "dynamodb",
            "BatchGetItem" | "BatchWriteItem" | "DeleteItem" | "GetItem" | "PutItem" | "Query" | "Scan" | "UpdateItem",
        )
        | ("lambda", _)
        | (
            "iam",
            "GetAccountAuthorizationDetails" | "GenerateServiceLastAccessedDetails" | "GetServiceLastAccessedDetails",
        )
        | ("cloudtrail", "DescribeTrails" | "GetEventSelectors" | "GetTrailStatus" | "LookupEvents")
        | ("sns", "Publish")
        | ("s3", "GetObject" | "PutObject" | "GetBucketLocation") => match name {
            "Invoke" => named(&["InvokeFunction"]),
            name => named(&[name]),
        },
        ("s3", "HeadObject") => named(&["GetObject"]),
        ("s3", "ListObjectsV2" | "HeadBucket") => named(&["ListBucket"]),
        _ => Vec::new(),
    }
}

fn json(body: &[u8]) -> Option<Value> {
    serde_json::from_str(std::str::from_utf8(body).ok()?).ok()
}

/// Names of what asks for a later page, in all protocols.
const TOKENS: &[&str] = &["NextToken", "Marker", "ExclusiveStartKey", "continuation-token", "ContinuationToken"];

fn continues(request: &Message, protocol: Protocol, query: &[(String, String)]) -> bool {
    let in_pairs = |pairs: &[(String, String)]| {
        pairs.iter().any(|(key, value)| TOKENS.contains(&key.as_str()) && !value.is_empty())
    };
    match protocol {
        Protocol::Json => json(&request.body)
            .is_some_and(|body| TOKENS.iter().any(|token| body.get(token).is_some_and(|value| !value.is_null()))),
        Protocol::Query => in_pairs(&pairs(&String::from_utf8_lossy(&request.body))),
        Protocol::RestJson | Protocol::RestXml => in_pairs(query),
        Protocol::Cbor => false,
    }
}

/// The same request without what asks for a page: pages of one list share it.
pub fn list_key(request: &Message, operation: &AwsOperation) -> String {
    let without = |text: &str| {
        let kept: Vec<String> = pairs(text)
            .into_iter()
            .filter(|(key, _)| !TOKENS.contains(&key.as_str()))
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        kept.join("&")
    };
    let (path, query) = request.target().split_once('?').unwrap_or((request.target(), ""));
    let body = match operation.protocol {
        Protocol::Json => json(&request.body).map_or_else(String::new, |mut body| {
            if let Some(members) = body.as_object_mut() {
                members.retain(|key, _| !TOKENS.contains(&key.as_str()));
            }
            body.to_string()
        }),
        _ => without(&String::from_utf8_lossy(&request.body)),
    };
    format!("{} {} {} {path} {} {body}", operation.region, operation.service, operation.name, without(query))
}
