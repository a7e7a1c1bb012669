//! An endpoint that answers as AWS does, as far as Whittle calls it, and counts the calls.
//!
//! No signature is checked, nothing is enforced that is not named here. Answers take as long as they usually
//! do ([`Settings`]); quotas that Whittle has to keep are kept here too, and what goes beyond them is refused
//! and counted.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::{Value, json};

use self::dynamodb::{Database, Written};
use super::account::MeasuredAccount;
use super::http::{HttpRequest, Response, Service, pairs};
use super::trail::Trail;

mod cloudtrail;
mod dynamodb;
mod iam;
mod lambda;
mod s3;
mod sns;

pub use sns::topic_arn;

pub const TABLE: &str = "whittle";

/// How fast answers come, and how many.
#[derive(Debug, Clone)]
pub struct Settings {
    pub dynamodb: Duration,
    pub s3: Duration,
    pub others: Duration,
    /// Requests a second that Lambda's control plane takes in all, and as many for GetPolicy (AWS Lambda
    /// Developer Guide, "Lambda quotas": 15). `None`: any number.
    pub lambda_per_second: Option<u32>,
    /// Roles or policies in one answer at most.
    pub iam_page: usize,
    /// Days that the trail holds.
    pub trail_days: u32,
    /// How long IAM takes for a last-accessed report.
    pub report: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dynamodb: Duration::from_millis(5),
            s3: Duration::from_millis(20),
            others: Duration::from_millis(30),
            lambda_per_second: None,
            iam_page: 1_000,
            trail_days: 35,
            report: Duration::from_secs(2),
        }
    }
}

/// Calls since the last look.
#[derive(Debug, Default, Clone)]
pub struct CallCounts {
    /// Calls by service and operation.
    pub calls: BTreeMap<(String, String), u64>,
    /// Calls that were refused for coming too fast, by operation.
    pub throttled: BTreeMap<String, u64>,
    /// Calls that were refused otherwise, by operation and error code.
    pub refused: BTreeMap<(String, String), u64>,
    /// Items written by kind.
    pub written: Written,
    pub deleted: u64,
    /// Messages published: subject.
    pub messages: Vec<String>,
}

pub struct Fake {
    settings: Settings,
    account: MeasuredAccount,
    trail: Trail,
    roles: iam::Pages,
    database: Database,
    counts: Mutex<CallCounts>,
    invoked: Mutex<VecDeque<Vec<u8>>>,
    /// When the report of a role was last asked for.
    reports: Mutex<HashMap<usize, Instant>>,
    lambda_pace: Mutex<Bucket>,
    policy_pace: Mutex<Bucket>,
    history_pace: Mutex<Bucket>,
}

/// A token bucket.
#[derive(Default)]
struct Bucket {
    tokens: f64,
    last: Option<Instant>,
}

impl Bucket {
    /// Takes one of at most `per_second` tokens that come in a second.
    fn take(&mut self, per_second: u32, now: Instant) -> bool {
        let limit = f64::from(per_second);
        let gained = self.last.map_or(limit, |last| now.duration_since(last).as_secs_f64() * limit);
        self.tokens = (self.tokens + gained).min(limit);
        self.last = Some(now);
        let enough = self.tokens >= 1.0;
        self.tokens -= f64::from(u8::from(enough));
        enough
    }
}

/// The operation of a request.
struct Call {
    service: String,
    operation: String,
    /// Of a JSON or form body; a form is an object of texts.
    input: Value,
}

impl Fake {
    pub fn new(account: MeasuredAccount, settings: Settings) -> Result<Self> {
        let trail = Trail::new(&account, settings.trail_days)?;
        let roles = iam::Pages::new(&account);
        Ok(Self {
            settings,
            account,
            trail,
            roles,
            database: Database::new(TABLE),
            counts: Mutex::default(),
            invoked: Mutex::default(),
            reports: Mutex::default(),
            lambda_pace: Mutex::default(),
            policy_pace: Mutex::default(),
            history_pace: Mutex::default(),
        })
    }

    pub fn trail(&self) -> &Trail {
        &self.trail
    }

    pub fn account(&self) -> &MeasuredAccount {
        &self.account
    }

    /// Number and bytes of the items in the table.
    pub fn table_size(&self) -> (usize, usize) {
        self.database.size()
    }

    /// Counts since the last call.
    pub fn take_counts(&self) -> CallCounts {
        let mut counts = std::mem::take(&mut *lock(&self.counts));
        (counts.written, counts.deleted) = self.database.take_written();
        counts
    }

    /// The payload of the oldest asynchronous invocation that was not taken yet.
    pub fn take_invocation(&self) -> Option<Vec<u8>> {
        lock(&self.invoked).pop_front()
    }

    fn decide(&self, request: &HttpRequest, call: &Call) -> Response {
        let operation = call.operation.as_str();
        let pace = match (call.service.as_str(), operation) {
            ("lambda", "Invoke") => None,
            ("lambda", "GetPolicy") => self.settings.lambda_per_second.map(|limit| (&self.policy_pace, limit)),
            ("lambda", _) => self.settings.lambda_per_second.map(|limit| (&self.lambda_pace, limit)),
            // AWS CloudTrail API Reference, LookupEvents: two requests a second in an account and Region.
            ("cloudtrail", "LookupEvents") => Some((&self.history_pace, 2)),
            _ => None,
        };
        if let Some((bucket, limit)) = pace
            && !lock(bucket).take(limit, Instant::now())
        {
            *lock(&self.counts).throttled.entry(operation.to_owned()).or_default() += 1;
            let code = if call.service == "lambda" { "TooManyRequestsException" } else { "ThrottlingException" };
            let status = if call.service == "lambda" { 429 } else { 400 };
            return json_error(status, code, "Rate exceeded");
        }
        match call.service.as_str() {
            "dynamodb" => match self.database.answer(operation, &call.input) {
                Ok(answer) => json_answer(&answer),
                Err(refusal) => {
                    let mut body = refusal.more;
                    body["__type"] = json!(format!("com.amazonaws.dynamodb.v20120810#{}", refusal.code));
                    body["message"] = json!(refusal.message);
                    json_error_body(400, refusal.code, &body)
                }
            },
            "cloudtrail" => cloudtrail::answer(self, operation, &call.input),
            "iam" => iam::answer(self, operation, &call.input),
            "lambda" => lambda::answer(self, operation, request),
            "s3" => s3::answer(&self.trail, operation, request),
            "sns" => {
                let subject = call.input["Subject"].as_str().unwrap_or_default().to_owned();
                lock(&self.counts).messages.push(subject);
                sns::publish()
            }
            "sts" => sns::identity(),
            other => json_error(400, "UnknownOperationException", &format!("{other} is not known here")),
        }
    }

    fn latency(&self, service: &str) -> Duration {
        match service {
            "dynamodb" => self.settings.dynamodb,
            "s3" => self.settings.s3,
            _ => self.settings.others,
        }
    }
}

impl Service for Fake {
    fn answer(&self, request: &HttpRequest) -> Response {
        let began = Instant::now();
        let call = call_of(request);
        let response = self.decide(request, &call);
        {
            let mut counts = lock(&self.counts);
            let key = (call.service.clone(), call.operation.clone());
            *counts.calls.entry(key).or_default() += 1;
            let code = response.headers.iter().find(|(name, _)| *name == "x-amzn-errortype");
            if let Some((_, code)) = code.filter(|_| response.status != 404) {
                *counts.refused.entry((call.operation.clone(), code.clone())).or_default() += 1;
            }
        }
        thread::sleep(self.latency(&call.service).saturating_sub(began.elapsed()));
        response.with("x-amzn-requestid", "00000000-0000-4000-8000-000000000000")
    }
}

/// The service is the one that the request is signed for.
fn call_of(request: &HttpRequest) -> Call {
    // AWS4-HMAC-SHA256 Credential=KEY/20261121/us-east-1/dynamodb/aws4_request, SignedHeaders=…
    let credential = request.header("authorization").and_then(|text| text.split("Credential=").nth(1));
    let service = credential.and_then(|text| text.split('/').nth(3)).unwrap_or("unsigned").to_owned();
    let text = request.text();
    let (operation, input) = if let Some(target) = request.header("x-amz-target") {
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        (operation, serde_json::from_str(&text).unwrap_or(Value::Null))
    } else if service == "lambda" {
        (lambda::operation(request).to_owned(), Value::Null)
    } else if service == "s3" {
        (s3::operation(request).to_owned(), Value::Null)
    } else {
        let form: Value = pairs(&text).into_iter().map(|(name, value)| (name, Value::from(value))).collect();
        (form["Action"].as_str().unwrap_or("unknown").to_owned(), form)
    };
    Call { service, operation, input }
}

fn json_answer(body: &Value) -> Response {
    Response::new(200, "application/x-amz-json-1.0", body.to_string())
}

fn json_error(status: u16, code: &str, message: &str) -> Response {
    json_error_body(status, code, &json!({ "__type": code, "message": message, "Type": "User", "Message": message }))
}

fn json_error_body(status: u16, code: &str, body: &Value) -> Response {
    Response::new(status, "application/x-amz-json-1.0", body.to_string()).with("x-amzn-errortype", code)
}

fn xml_answer(body: String) -> Response {
    Response::new(200, "text/xml", body)
}

fn xml_error(status: u16, code: &str, message: &str) -> Response {
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error>\
         <RequestId>0</RequestId></ErrorResponse>"
    );
    Response::new(status, "text/xml", body).with("x-amzn-errortype", code)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
