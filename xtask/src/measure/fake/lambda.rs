//! Answers of Lambda (AWS Lambda API Reference).

use serde_json::{Value, json};

use super::super::account::profiles::{PROFILES, queue_arn};
use super::super::account::{ACCOUNT, Function, REGION, uuid};
use super::super::http::{HttpRequest, Response};
use super::{Fake, json_answer, json_error, lock};

/// Every which function has a URL.
const URL_EVERY: usize = 20;

/// Functions of this profile are called by an API.
const API_PROFILE: usize = 0;

pub fn operation(request: &HttpRequest) -> &'static str {
    let (_, parts) = parts(request);
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    match (request.method.as_str(), parts.as_slice()) {
        ("GET", ["functions"]) => "ListFunctions",
        ("GET", ["event-source-mappings"]) => "ListEventSourceMappings",
        ("GET", ["functions", _, "event-invoke-config", "list"]) => "ListFunctionEventInvokeConfigs",
        ("GET", ["functions", _, "urls"]) => "ListFunctionUrlConfigs",
        ("GET", ["functions", _, "policy"]) => "GetPolicy",
        ("GET", ["functions", _, "aliases"]) => "ListAliases",
        ("GET", ["tags", ..]) => "ListTags",
        ("POST", ["functions", _, "invocations"]) => "Invoke",
        _ => "unknown",
    }
}

/// Parts of the path after the API version, and the function that the path names.
fn parts(request: &HttpRequest) -> (String, Vec<String>) {
    let parts: Vec<String> =
        request.path.split('/').filter(|part| !part.is_empty()).skip(1).map(ToOwned::to_owned).collect();
    let named = parts.get(1).map(String::as_str).unwrap_or_default();
    let name = named.split(":function:").last().unwrap_or_default();
    (name.split(':').next().unwrap_or_default().to_owned(), parts)
}

pub fn answer(fake: &Fake, operation: &str, request: &HttpRequest) -> Response {
    let name = parts(request).0;
    let account = fake.account();
    let function = account.function(&name);
    match operation {
        "ListFunctions" => list(request, "Functions", 50, &listed(fake, request)),
        "ListEventSourceMappings" => list(request, "EventSourceMappings", 100, &mappings(fake)),
        "Invoke" => {
            lock(&fake.invoked).push_back(request.body.clone());
            Response::new(202, "application/json", "")
        }
        _ => match function {
            None => not_found(&name),
            Some((number, function)) => about(fake, operation, function, number),
        },
    }
}

fn about(fake: &Fake, operation: &str, function: &Function, number: usize) -> Response {
    let profile = fake.account().role_of(function).map(|role| role.profile);
    match operation {
        "ListFunctionEventInvokeConfigs" => json_answer(&json!({ "FunctionEventInvokeConfigs": [] })),
        "ListFunctionUrlConfigs" => json_answer(&json!({ "FunctionUrlConfigs": urls(fake, function, number) })),
        "GetPolicy" if profile == Some(API_PROFILE) => {
            let statement = json!({
                "Sid": "api", "Effect": "Allow", "Principal": { "Service": "apigateway.amazonaws.com" },
                "Action": "lambda:InvokeFunction", "Resource": function.arn,
                "Condition": { "ArnLike": { "AWS:SourceArn": format!("arn:aws:execute-api:{REGION}:{ACCOUNT}:api/*") } },
            });
            let policy = json!({ "Version": "2012-10-17", "Id": "default", "Statement": [statement] });
            json_answer(&json!({ "Policy": policy.to_string(), "RevisionId": uuid(&function.name) }))
        }
        "GetPolicy" => not_found(&function.name),
        "ListAliases" => {
            let aliases: Vec<Value> = (1..=function.versions)
                .map(|version| {
                    json!({
                        "AliasArn": format!("{}:live", function.arn), "Name": "live",
                        "FunctionVersion": version.to_string(), "Description": "",
                        "RevisionId": uuid(&format!("alias {}", function.name)),
                    })
                })
                .collect();
            json_answer(&json!({ "Aliases": aliases }))
        }
        "ListTags" => json_answer(&json!({ "Tags": { "team": "measured", "stage": "prod" } })),
        _ => json_error(404, "UnknownOperationException", "not known here"),
    }
}

fn urls(fake: &Fake, function: &Function, number: usize) -> Vec<Value> {
    let has_one = number % URL_EVERY == 7;
    let created = fake.account().days_ago(60).to_string();
    let url = json!({
        "FunctionUrl": format!("https://{}.lambda-url.{REGION}.on.aws/", uuid(&function.name).replace('-', "")),
        "FunctionArn": function.arn, "CreationTime": created, "LastModifiedTime": created,
        "AuthType": "AWS_IAM", "InvokeMode": "BUFFERED",
    });
    if has_one { vec![url] } else { Vec::new() }
}

fn listed<'a>(fake: &'a Fake, request: &HttpRequest) -> Vec<Box<dyn Fn() -> Value + 'a>> {
    let all = request.parameter("FunctionVersion") == Some("ALL");
    let account = fake.account();
    let mut out: Vec<Box<dyn Fn() -> Value + 'a>> = Vec::new();
    for function in &account.functions {
        for version in 0..=if all { function.versions } else { 0 } {
            out.push(Box::new(move || function.configuration(account, version)));
        }
    }
    out
}

fn mappings<'a>(fake: &'a Fake) -> Vec<Box<dyn Fn() -> Value + 'a>> {
    let account = fake.account();
    let has_queue = |function: &&Function| {
        let profile = account.role_of(function).and_then(|role| PROFILES.get(role.profile));
        profile.is_some_and(|profile| profile.reads_queue)
    };
    let modified = account.days_ago(60).as_second();
    account
        .functions
        .iter()
        .filter(has_queue)
        .map(|function| -> Box<dyn Fn() -> Value + 'a> {
            Box::new(move || {
                json!({
                    "UUID": uuid(&format!("mapping {}", function.name)), "BatchSize": 10,
                    "MaximumBatchingWindowInSeconds": 0, "EventSourceArn": queue_arn(&function.name),
                    "FunctionArn": function.arn, "LastModified": modified, "State": "Enabled",
                    "StateTransitionReason": "USER_INITIATED", "FunctionResponseTypes": [],
                })
            })
        })
        .collect()
}

/// A page of a list; entries are made only for the page.
fn list(request: &HttpRequest, name: &str, most: usize, entries: &[Box<dyn Fn() -> Value + '_>]) -> Response {
    let number = |name: &str| request.parameter(name).and_then(|text| text.parse::<usize>().ok());
    let from = number("Marker").unwrap_or(0);
    let count = number("MaxItems").unwrap_or(most).min(most);
    let page: Vec<Value> = entries.iter().skip(from).take(count).map(|entry| entry()).collect();
    let next = (from + count < entries.len()).then(|| (from + count).to_string());
    let mut body = json!({});
    body[name] = Value::Array(page);
    if let Some(next) = next {
        body["NextMarker"] = json!(next);
    }
    json_answer(&body)
}

fn not_found(name: &str) -> Response {
    json_error(404, "ResourceNotFoundException", &format!("The resource you requested does not exist: {name}"))
}
