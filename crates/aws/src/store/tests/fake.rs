//! A DynamoDB table in memory, behind the SDK's own requests: what the store sends is what DynamoDB would
//! get.
//!
//! It knows the calls and expressions that the store uses and no others, holds the limits of the service, and
//! can be told to fail, to lose an answer or to wait at the n-th transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use serde_json::{Map, Value, json};
use tokio::sync::Notify;

type Attributes = Map<String, Value>;

/// A fault of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// From this one on, everything is refused, as for a process that is gone.
    KilledBefore(u64),
    /// As before, but this one is made: its answer is lost.
    KilledAfter(u64),
    /// Every so manieth is canceled for this reason.
    Canceled(u64, &'static str),
}

#[derive(Debug, Default)]
struct State {
    items: BTreeMap<(String, String), Attributes>,
    calls: BTreeMap<String, u64>,
    conditions: BTreeSet<String>,
    transactions: u64,
    written: Vec<(String, String)>,
    write_units: u64,
    read_units: u64,
    fault: Option<Fault>,
    dead: bool,
    missing: bool,
    pause: Option<(u64, Arc<Notify>, Arc<Notify>)>,
}

/// The table; its clones are the same one.
#[derive(Debug, Clone, Default)]
pub(super) struct FakeTable(Arc<Mutex<State>>);

impl FakeTable {
    pub(super) fn client(&self) -> aws_sdk_dynamodb::Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(aws_sdk_dynamodb::config::BehaviorVersion::v2026_01_12())
            .region(aws_sdk_dynamodb::config::Region::new("eu-central-1"))
            .credentials_provider(aws_sdk_dynamodb::config::Credentials::for_tests())
            .retry_config(
                aws_sdk_dynamodb::config::retry::RetryConfig::standard()
                    .with_initial_backoff(std::time::Duration::from_millis(1)),
            )
            .http_client(self.clone())
            .build();
        aws_sdk_dynamodb::Client::from_conf(config)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(super) fn fail(&self, fault: Option<Fault>) {
        let mut state = self.state();
        state.fault = fault;
        state.dead = false;
        state.transactions = 0;
    }

    /// Deletes all items.
    pub(super) fn clear(&self) {
        self.state().items.clear();
    }

    /// From now on there is no such table.
    pub(super) fn drop_table(&self) {
        self.state().missing = true;
    }

    /// Lets the transaction after `count` more wait. Gives what tells that it waits, and what lets it go on.
    pub(super) fn pause_after(&self, count: u64) -> (Arc<Notify>, Arc<Notify>) {
        let (reached, resume) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let mut state = self.state();
        let at = state.transactions + count;
        state.pause = Some((at, Arc::clone(&reached), Arc::clone(&resume)));
        (reached, resume)
    }

    /// Calls so far, by operation; read and write units that AWS would bill for them.
    pub(super) fn bill(&self) -> (BTreeMap<String, u64>, u64, u64) {
        let state = self.state();
        (state.calls.clone(), state.read_units, state.write_units)
    }

    pub(super) fn forget_bill(&self) {
        let mut state = self.state();
        state.calls.clear();
        state.written.clear();
        (state.read_units, state.write_units) = (0, 0);
    }

    /// Keys written since the bill was forgotten.
    pub(super) fn written(&self) -> Vec<(String, String)> {
        self.state().written.clone()
    }

    pub(super) fn conditions(&self) -> BTreeSet<String> {
        self.state().conditions.clone()
    }

    /// All items but those of the lease, without their fences.
    pub(super) fn dump(&self) -> BTreeMap<(String, String), Attributes> {
        let state = self.state();
        let items = state.items.iter().filter(|((pk, _), _)| !pk.starts_with("RUN#"));
        items
            .map(|(key, item)| {
                let mut item = item.clone();
                item.remove("fence");
                (key.clone(), item)
            })
            .collect()
    }

    pub(super) fn edit(&self, pk: &str, sk: &str, change: impl FnOnce(&mut Option<Attributes>)) {
        let mut state = self.state();
        let key = (pk.to_owned(), sk.to_owned());
        let mut item = state.items.remove(&key);
        change(&mut item);
        if let Some(item) = item {
            state.items.insert(key, item);
        }
    }
}

impl HttpConnector for FakeTable {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let table = self.clone();
        HttpConnectorFuture::new(async move {
            let target = request.headers().get("x-amz-target").unwrap().split('.').next_back().unwrap().to_owned();
            let body: Value =
                serde_json::from_str(std::str::from_utf8(request.body().bytes().unwrap()).unwrap()).unwrap();
            let waiting = {
                let mut state = table.state();
                let due = target == "TransactWriteItems"
                    && state.pause.as_ref().is_some_and(|(at, ..)| state.transactions >= *at);
                if due { state.pause.take() } else { None }
            };
            if let Some((_, reached, resume)) = waiting {
                reached.notify_one();
                resume.notified().await;
            }
            let answer = table.state().answer(&target, &body);
            let (status, body) = match answer {
                Ok(body) => (200, body),
                Err(error) => (400, error),
            };
            Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body.to_string())))
        })
    }
}

impl HttpClient for FakeTable {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

fn error(code: &str, message: &str) -> Value {
    json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{code}"), "message": message})
}

fn invalid(message: &str) -> Value {
    error("ValidationException", message)
}

impl State {
    fn answer(&mut self, target: &str, body: &Value) -> Result<Value, Value> {
        if self.dead {
            return Err(error("AccessDeniedException", "killed"));
        }
        if self.missing {
            return Err(error("ResourceNotFoundException", "Requested resource not found"));
        }
        *self.calls.entry(target.to_owned()).or_default() += 1;
        match target {
            "Query" => self.query(body),
            "TransactWriteItems" => self.transact(body),
            other => Err(invalid(&format!("the store does not call {other}"))),
        }
    }

    fn query(&mut self, body: &Value) -> Result<Value, Value> {
        let indexed = body["IndexName"].as_str().map(|name| assert_eq!(name, "gsi1")).is_some();
        if indexed && body["ConsistentRead"] == json!(true) {
            return Err(invalid("Consistent reads are not supported on global secondary indexes"));
        }
        let (pk, sk) = if indexed { ("gsi1pk", "gsi1sk") } else { ("pk", "sk") };
        let value = |name: &str| body["ExpressionAttributeValues"][name]["S"].as_str().unwrap().to_owned();
        let expression = body["KeyConditionExpression"].as_str().unwrap();
        let wanted = value(":pk");
        let sort: Box<dyn Fn(&str) -> bool> = match expression.strip_prefix(&format!("{pk} = :pk")).unwrap() {
            "" => Box::new(|_| true),
            rest if rest == format!(" AND begins_with({sk}, :prefix)") => {
                let prefix = value(":prefix");
                Box::new(move |sk| sk.starts_with(&prefix))
            }
            rest if rest == format!(" AND {sk} BETWEEN :first AND :last") => {
                let range = value(":first")..=value(":last");
                Box::new(move |sk| range.contains(&sk.to_owned()))
            }
            other => return Err(invalid(other)),
        };
        let mut found: Vec<(&str, &(String, String), &Attributes)> = self
            .items
            .iter()
            .filter(|(_, item)| item.get(pk).is_some_and(|value| value["S"] == json!(wanted)))
            .map(|(key, item)| (item[sk]["S"].as_str().unwrap(), key, item))
            .filter(|(sk, ..)| sort(sk))
            .collect();
        found.sort_by_key(|(sk, key, _)| (*sk, *key));
        let start = &body["ExclusiveStartKey"];
        let after = |(sk_value, key, _): &(&str, &(String, String), &Attributes)| {
            let Some(start_sk) = start[sk]["S"].as_str() else { return true };
            let start_key = (start["pk"]["S"].as_str().unwrap(), start["sk"]["S"].as_str().unwrap());
            (*sk_value, (key.0.as_str(), key.1.as_str())) > (start_sk, start_key)
        };
        let mut items = Vec::new();
        let mut bytes = 0;
        let mut last = Value::Null;
        for (_, key, item) in found.into_iter().filter(after) {
            if bytes > 1024 * 1024 {
                break;
            }
            bytes += size(item);
            let item = match body["ProjectionExpression"].as_str() {
                Some("pk, sk") => [("pk", &item["pk"]), ("sk", &item["sk"])]
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value.clone()))
                    .collect(),
                None => item.clone(),
                Some(other) => return Err(invalid(other)),
            };
            last = json!({"pk": {"S": key.0}, "sk": {"S": key.1}});
            if indexed {
                last["gsi1pk"] = json!({"S": wanted});
                last["gsi1sk"] = item.get("gsi1sk").cloned().unwrap_or_else(|| self.items[key]["gsi1sk"].clone());
            }
            items.push(Value::Object(item));
        }
        let units = u64::try_from(bytes.div_ceil(4096)).unwrap().max(1);
        self.read_units += units * if indexed { 1 } else { 2 };
        let mut answer = json!({"Count": items.len(), "ScannedCount": items.len(), "Items": items});
        if bytes > 1024 * 1024 {
            answer["LastEvaluatedKey"] = last;
        }
        Ok(answer)
    }

    fn transact(&mut self, body: &Value) -> Result<Value, Value> {
        let number = self.transactions;
        if let Some(Fault::KilledBefore(at)) = self.fault
            && number >= at
        {
            self.dead = true;
            return Err(error("AccessDeniedException", "killed"));
        }
        self.transactions += 1;
        let actions = body["TransactItems"].as_array().unwrap();
        if let Some(Fault::Canceled(every, reason)) = self.fault
            && number.is_multiple_of(every)
        {
            let reasons: Vec<Value> = actions.iter().map(|_| json!({"Code": reason})).collect();
            let mut answer = error("TransactionCanceledException", "canceled");
            answer["CancellationReasons"] = json!(reasons);
            return Err(answer);
        }
        self.check_limits(actions)?;
        let reasons: Vec<Value> = actions
            .iter()
            .map(|action| json!({"Code": if self.holds(action) { "None" } else { "ConditionalCheckFailed" }}))
            .collect();
        if reasons.iter().any(|reason| reason["Code"] != json!("None")) {
            let mut answer = error("TransactionCanceledException", "canceled");
            answer["CancellationReasons"] = json!(reasons);
            return Err(answer);
        }
        for action in actions {
            if let Some(item) = action["Put"]["Item"].as_object() {
                let key = key(&action["Put"]["Item"]);
                self.write_units += u64::try_from(size(item).div_ceil(1024)).unwrap() * 2;
                self.written.push(key.clone());
                self.items.insert(key, item.clone());
            } else if !action["Delete"].is_null() {
                let key = key(&action["Delete"]["Key"]);
                self.write_units += 2;
                self.written.push(key.clone());
                self.items.remove(&key);
            } else {
                self.write_units += 2;
            }
        }
        if self.fault == Some(Fault::KilledAfter(number)) {
            self.dead = true;
            return Err(error("AccessDeniedException", "killed"));
        }
        Ok(json!({}))
    }

    #[expect(clippy::unused_self, reason = "a step of the table like the others")]
    fn check_limits(&self, actions: &[Value]) -> Result<(), Value> {
        let mut keys = BTreeSet::new();
        let mut bytes = 0;
        if actions.is_empty() || actions.len() > 100 {
            return Err(invalid("1 to 100 actions"));
        }
        for action in actions {
            let place = ["Put", "Delete", "ConditionCheck"].into_iter().find(|name| !action[name].is_null()).unwrap();
            let key = key(if place == "Put" { &action[place]["Item"] } else { &action[place]["Key"] });
            if key.0.is_empty() || key.1.is_empty() || key.0.len() > 2048 || key.1.len() > 1024 {
                return Err(invalid("key too long or empty"));
            }
            if !keys.insert(key) {
                return Err(invalid("Transaction request cannot include multiple operations on one item"));
            }
            if let Some(item) = action["Put"]["Item"].as_object() {
                if size(item) > 400 * 1024 {
                    return Err(invalid("Item size has exceeded the maximum allowed size"));
                }
                let sort = item.get("gsi1sk").and_then(|value| value["S"].as_str());
                if sort.is_some_and(|sort| sort.is_empty() || sort.len() > 1024) {
                    return Err(invalid("index key too long or empty"));
                }
                bytes += size(item);
            }
        }
        if bytes > 4 * 1024 * 1024 { Err(invalid("more than 4 MB")) } else { Ok(()) }
    }

    fn holds(&mut self, action: &Value) -> bool {
        let place = ["Put", "Delete", "ConditionCheck"].into_iter().find(|name| !action[name].is_null()).unwrap();
        let action = &action[place];
        let key = key(if place == "Put" { &action["Item"] } else { &action["Key"] });
        let condition = action["ConditionExpression"].as_str().expect("every write has a condition");
        self.conditions.insert(format!("{place} if {condition}"));
        let item = self.items.get(&key);
        let values = &action["ExpressionAttributeValues"];
        condition.split(" OR ").any(|all| all.split(" AND ").all(|one| holds(item, one, values)))
    }
}

fn holds(item: Option<&Attributes>, condition: &str, values: &Value) -> bool {
    if let Some(name) = condition.strip_prefix("attribute_not_exists(") {
        return item.and_then(|item| item.get(name.trim_end_matches(')'))).is_none();
    }
    let mut words = condition.split(' ');
    let (name, operator, value) = (words.next().unwrap(), words.next().unwrap(), &values[words.next().unwrap()]);
    let Some(found) = item.and_then(|item| item.get(name)) else { return false };
    let number = |value: &Value| value["N"].as_str().map(|number| number.parse::<i64>().unwrap());
    match operator {
        "=" => found == value,
        "<=" => number(found).unwrap() <= number(value).unwrap(),
        "<" => number(found).unwrap() < number(value).unwrap(),
        other => panic!("operator {other}"),
    }
}

fn key(of: &Value) -> (String, String) {
    (of["pk"]["S"].as_str().unwrap().to_owned(), of["sk"]["S"].as_str().unwrap().to_owned())
}

/// Bytes of an item as DynamoDB counts them; binary comes in base64.
fn size(item: &Attributes) -> usize {
    item.iter()
        .map(|(name, value)| {
            let value = match value.as_object().unwrap().iter().next().unwrap() {
                (kind, Value::String(text)) if kind == "B" => text.len() / 4 * 3,
                (_, Value::String(text)) => text.len(),
                (_, other) => other.to_string().len(),
            };
            name.len() + value
        })
        .sum()
}
