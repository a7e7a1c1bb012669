//! A small application in the account: used through its triggers, watched by the proxy.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufReader;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::harness::{ACCOUNT, Harness, source};
use crate::proxy::Call;
use crate::recorder::Recorder;
use crate::wire::Message;

pub const STACK: &str = "shop";

/// A call by which a function's work is done.
struct Done {
    function: &'static str,
    operation: &'static str,
    /// In the request; `ID` stands for the order.
    names: &'static str,
}

const fn done(function: &'static str, operation: &'static str, names: &'static str) -> Done {
    Done { function, operation, names }
}

/// Consequences of a customer's actions.
const OF_CUSTOMERS: &[Done] = &[
    done("shop-checkout", "SendMessage", "ID"),
    done("shop-fulfil", "Publish", "ID"),
    done("shop-audit", "PutObject", "audit/ID/insert.json"),
    done("shop-audit", "PutObject", "audit/ID/modify.json"),
    done("shop-notify", "PutItem", "ID"),
    done("shop-thumbnail", "PutObject", "thumbs/ID.png"),
    done("shop-price", "GetItem", "ID"),
    done("shop-quote", "PutEvents", "ID"),
    done("shop-refund", "StartExecution", "ID"),
];

/// Consequences of the nightly jobs.
const AT_NIGHT: &[Done] = &[
    done("shop-report", "PutObject", "ID"),
    done("shop-cleanup", "BatchWriteItem", "ID"),
    done("shop-audit", "PutObject", "audit/ID/remove.json"),
];

/// Services that Lambda uses with a function's role, beside its logs.
const BY_LAMBDA: &[(&str, &str)] = &[("shop-fulfil", "sqs"), ("shop-audit", "dynamodb")];

pub struct Shop {
    pub harness: Harness,
    pub recorder: Recorder,
    outputs: BTreeMap<String, String>,
}

impl Shop {
    /// Deploys it to an empty account.
    pub fn open() -> Self {
        let harness = Harness::start();
        harness.deploy(STACK, &source("shop.yaml"), &[]);
        let outputs = harness.outputs(STACK);
        Self { harness, recorder: Recorder::default(), outputs }
    }

    /// Names of the functions' roles, by function.
    pub fn roles(&self) -> BTreeMap<String, String> {
        let functions = self.harness.aws("lambda", "list_functions", json!({}));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let of_shop =
            functions["Functions"].as_array().cloned().unwrap_or_default().into_iter().filter_map(|function| {
                let role = text(&function["Role"]).rsplit('/').next().unwrap_or_default().to_owned();
                Some((text(&function["FunctionName"]), role)).filter(|(name, _)| name.starts_with("shop-"))
            });
        of_shop.collect()
    }

    /// One day with one order: everything that the functions do. Answers their calls, none of which was
    /// refused.
    pub fn use_it(&mut self, order: &str) -> Vec<Call> {
        self.harness.proxy.take_calls();
        self.harness.proxy.keep_exchanges(true);
        let body = json!({"id": order}).to_string();
        self.request("CheckoutUrl", "POST", "", &body);
        let (bucket, key) = (format!("shop-uploads-{ACCOUNT}"), format!("uploads/{order}.png"));
        self.harness.aws_bytes(
            "s3",
            "put_object",
            json!({"Bucket": bucket, "Key": key}),
            "Body",
            b"a picture of something",
        );
        self.request("QuoteUrl", "GET", &format!("?sku={order}"), "");
        self.publish("shop.refund", order);
        self.wait_for(OF_CUSTOMERS, order);

        // As EventBridge does on schedule (EventBridge User Guide, "Events from AWS services"); a day is too
        // long to wait.
        let event = json!({
            "version": "0", "id": "53dc4d37-cffa-4f76-80c9-8b7d4a4d2eaa", "detail-type": "Scheduled Event",
            "source": "aws.events", "account": ACCOUNT, "time": "2026-11-21T04:00:00Z", "detail": {},
        });
        let parameters =
            json!({"FunctionName": "shop-report", "InvocationType": "Event", "Payload": event.to_string()});
        self.harness.aws("lambda", "invoke", parameters);
        self.wait_for(&AT_NIGHT[..1], order);
        self.publish("shop.cleanup", order);
        self.wait_for(AT_NIGHT, order);

        self.harness.proxy.keep_exchanges(false);
        let calls = self.harness.proxy.take_calls();
        self.recorder.learn(&calls);
        let calls: Vec<Call> = calls.into_iter().filter(|call| self.recorder.session(call).is_some()).collect();
        let refused: Vec<String> =
            calls.iter().filter(|call| call.status >= 400).map(|call| self.described(call)).collect();
        assert!(refused.is_empty(), "refused: {refused:#?}");
        calls
    }

    fn described(&self, call: &Call) -> String {
        let function = self.recorder.session(call).map_or("?", |session| &session.function);
        let answer = call.exchange.as_ref().map(|exchange| String::from_utf8_lossy(&exchange.answer.body).into_owned());
        format!("{function}: {}.{} {}", call.operation.service, call.operation.name, answer.unwrap_or_default())
    }

    /// A request to a function URL, as a browser sends it.
    fn request(&self, output: &str, method: &str, query: &str, body: &str) {
        let id = self.outputs[output].trim_start_matches("https://").split('.').next().unwrap_or_default();
        let host = self.harness.endpoint.trim_start_matches("http://");
        let mut request = Message {
            start: format!("{method} /_aws/lambda-url/{id}/{query} HTTP/1.1"),
            headers: vec![("host".to_owned(), host.to_owned())],
            body: body.as_bytes().to_vec(),
        };
        request.set_header("content-type", "application/json");
        let socket = TcpStream::connect(host).expect("the emulator listens");
        request.write(&mut &socket).expect("a request is sent");
        let answer = Message::read(&mut BufReader::new(&socket), false).expect("an answer").expect("an answer");
        assert!(answer.status() < 300, "{output}: {} {}", answer.start, String::from_utf8_lossy(&answer.body));
    }

    fn publish(&self, source: &str, order: &str) {
        let detail = json!({"id": order}).to_string();
        let entry = json!({"Source": source, "DetailType": "order", "Detail": detail});
        let answer = self.harness.aws("events", "put_events", json!({"Entries": [entry]}));
        assert_eq!(answer["FailedEntryCount"], 0, "{answer:#}");
    }

    /// Waits until all of that is done, or something was refused.
    fn wait_for(&mut self, all: &[Done], order: &str) {
        let give_up = Instant::now() + Duration::from_mins(5);
        loop {
            let calls = self.harness.proxy.calls();
            self.recorder.learn(&calls);
            let missing: Vec<String> = all
                .iter()
                .filter(|one| !calls.iter().any(|call| self.is_done(call, one, order)))
                .map(|one| format!("{} {}", one.function, one.operation))
                .collect();
            if missing.is_empty() {
                return;
            }
            let of_functions = calls.iter().filter(|call| self.recorder.session(call).is_some());
            let refused: Vec<String> =
                of_functions.filter(|call| call.status >= 400).map(|call| self.described(call)).collect();
            assert!(refused.is_empty(), "refused: {refused:#?}");
            assert!(Instant::now() < give_up, "not done: {missing:?}\n{}", self.harness.emulator_log());
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    fn is_done(&self, call: &Call, done: &Done, order: &str) -> bool {
        let (Some(session), Some(exchange)) = (self.recorder.session(call), &call.exchange) else { return false };
        let names = done.names.replace("ID", order);
        let body = String::from_utf8_lossy(&exchange.request.body);
        session.function == done.function
            && call.operation.name == done.operation
            && call.status == 200
            && (exchange.request.start.contains(&names) || body.contains(&names))
    }

    /// Lets a function try a call of boto3 with its own permissions: whether it is refused.
    pub fn is_refused(&self, function: &str, service: &str, operation: &str, parameters: &Value) -> bool {
        let event = json!({"attempt": {"service": service, "operation": operation, "parameters": parameters}});
        match self.harness.invoke(function, &event) {
            Ok(answer) => answer["refused"].as_bool().expect("an answer"),
            Err(error) => panic!("{function} {operation}: {error:#}"),
        }
    }

    /// IAM's report on services last accessed for each role: services that it may use, and when it did.
    pub fn last_accessed(&self, calls: &[Call], when: &str) -> Value {
        let roles = self.roles();
        let mut used: BTreeSet<(&str, &str)> = BTreeSet::new();
        for call in calls {
            if let Some(session) = self.recorder.session(call) {
                used.insert((&session.role, &call.operation.service));
            }
        }
        used.extend(roles.values().map(|role| (role.as_str(), "logs")));
        used.extend(BY_LAMBDA.iter().map(|(function, service)| (roles[*function].as_str(), *service)));
        let of_role = |role: &str| -> BTreeMap<String, Option<&str>> {
            let granted = self.harness.granted_actions(role);
            let services = granted.iter().filter_map(|action| action.split(':').next());
            services.map(|service| (service.to_owned(), used.contains(&(role, service)).then_some(when))).collect()
        };
        let reports: BTreeMap<&String, _> = roles.values().map(|role| (role, of_role(role))).collect();
        json!(reports)
    }
}
