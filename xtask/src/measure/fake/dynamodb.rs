//! DynamoDB as far as Whittle uses it: conditions, transactions and pages as the real one has them, so that a
//! store that works here makes the calls that it would make there. Reserved words are not refused.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Map, Value, json};

use self::expression::{Placeholders, at, parse, parse_paths};
use self::table::{Key, MAX_ITEM_BYTES, PAGE_BYTES, Range, Table, key_of, last_key};
use self::value::{Item, item_bytes, text};

mod expression;
mod table;
#[cfg(test)]
mod tests;
mod token;
mod update;
mod value;

/// An operation that DynamoDB refuses.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    pub code: &'static str,
    pub message: String,
    /// Members beside code and message.
    pub more: Value,
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal { code: "ValidationException", message: message.into(), more: json!({}) }
}

/// Items written and deleted, by their attribute `item`.
pub type Written = BTreeMap<String, u64>;

pub struct Database {
    name: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    table: Table,
    /// Client request tokens of transactions that were made, with a hash of their actions.
    tokens: HashMap<String, u64>,
    written: Written,
    deleted: u64,
}

/// One action of a transaction, or a write of its own.
struct Action {
    key: Key,
    kind: Kind,
    after: Option<Item>,
    refused: Option<Refusal>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Put,
    Update,
    Delete,
    Check,
}

impl Database {
    /// A table without items.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), state: Mutex::default() }
    }

    /// Items written (by kind) and deleted since the last call.
    pub fn take_written(&self) -> (Written, u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut state.written), std::mem::take(&mut state.deleted))
    }

    /// Number and bytes of the items.
    pub fn size(&self) -> (usize, usize) {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        (state.table.len(), state.table.bytes())
    }

    pub fn answer(&self, operation: &str, request: &Value) -> Result<Value, Refusal> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match operation {
            "GetItem" => {
                self.check_name(request)?;
                let key = key_of(object(request, "Key")?).map_err(invalid)?;
                let found = state.table.get(&key).map(|item| project(request, item)).transpose()?;
                Ok(found.map_or_else(|| json!({}), |item| json!({ "Item": item })))
            }
            "BatchGetItem" => self.batch_get(&state, request),
            "Query" => self.query(&state, request),
            "PutItem" => self.write(&mut state, request, Kind::Put),
            "UpdateItem" => self.write(&mut state, request, Kind::Update),
            "DeleteItem" => self.write(&mut state, request, Kind::Delete),
            "TransactWriteItems" => self.transact(&mut state, request),
            _ => Err(Refusal {
                code: "UnknownOperationException",
                message: format!("{operation} is not known here"),
                more: json!({}),
            }),
        }
    }

    fn check_name(&self, request: &Value) -> Result<(), Refusal> {
        let name = request.get("TableName").and_then(Value::as_str).unwrap_or_default();
        if name == self.name || name.ends_with(&format!(":table/{}", self.name)) {
            return Ok(());
        }
        let message = format!("Requested resource not found: Table: {name} not found");
        Err(Refusal { code: "ResourceNotFoundException", message, more: json!({}) })
    }

    fn batch_get(&self, state: &State, request: &Value) -> Result<Value, Refusal> {
        let mut found = Map::new();
        let mut bytes = 0;
        let mut left = Vec::new();
        for (table, wanted) in object(request, "RequestItems")? {
            self.check_name(&json!({ "TableName": table }))?;
            let keys = wanted.get("Keys").and_then(Value::as_array).ok_or_else(|| invalid("no Keys"))?;
            if keys.is_empty() || keys.len() > 100 {
                return Err(invalid("Too many items requested for the BatchGetItem call"));
            }
            let mut items = Vec::new();
            let mut seen = BTreeSet::new();
            for key_attributes in keys {
                let key = key_of(key_attributes.as_object().ok_or_else(|| invalid("a key is no object"))?)
                    .map_err(invalid)?;
                if !seen.insert(key.clone()) {
                    return Err(invalid("Provided list of item keys contains duplicates"));
                }
                let Some(item) = state.table.get(&key) else { continue };
                // 16 MB in one answer.
                if bytes + item_bytes(item) > 16 << 20 {
                    left.push(key_attributes.clone());
                    continue;
                }
                bytes += item_bytes(item);
                items.push(project(wanted, item)?);
            }
            found.insert(table.clone(), Value::Array(items));
        }
        let unprocessed = if left.is_empty() { json!({}) } else { json!({ &self.name: { "Keys": left } }) };
        Ok(json!({ "Responses": found, "UnprocessedKeys": unprocessed }))
    }

    fn query(&self, state: &State, request: &Value) -> Result<Value, Refusal> {
        self.check_name(request)?;
        let indexed = match request.get("IndexName").and_then(Value::as_str) {
            None => false,
            Some("gsi1") => true,
            Some(other) => return Err(invalid(format!("The table does not have the specified index: {other}"))),
        };
        if indexed && request.get("ConsistentRead") == Some(&Value::Bool(true)) {
            return Err(invalid("Consistent reads are not supported on global secondary indexes"));
        }
        let placeholders = Placeholders::of(request);
        let expression = |name: &str| request.get(name).and_then(Value::as_str);
        let condition = expression("KeyConditionExpression").ok_or_else(|| invalid("no KeyConditionExpression"))?;
        let range =
            parse(condition, &placeholders).and_then(|condition| Range::of(&condition, indexed)).map_err(invalid)?;
        let filter =
            expression("FilterExpression").map(|text| parse(text, &placeholders)).transpose().map_err(invalid)?;
        let projection = expression("ProjectionExpression");
        if let Some(projection) = projection {
            parse_paths(projection, &placeholders).map_err(invalid)?;
        }
        placeholders.check_all_used().map_err(invalid)?;
        let forward = request.get("ScanIndexForward") != Some(&Value::Bool(false));
        let start = request.get("ExclusiveStartKey").and_then(Value::as_object);
        let limit = request.get("Limit").and_then(Value::as_u64).and_then(|limit| usize::try_from(limit).ok());
        let mut items = Vec::new();
        let (mut bytes, mut scanned, mut last) = (0, 0, None);
        for (item, own) in state.table.range(&range, indexed, forward, start) {
            bytes += own;
            scanned += 1;
            if filter.as_ref().is_none_or(|filter| filter.holds(&item)) {
                items.push(project(request, &item)?);
            }
            // The item that passes the megabyte is still in the page.
            if bytes > PAGE_BYTES || limit == Some(scanned) {
                last = Some(last_key(&item, indexed));
                break;
            }
        }
        let mut answer = json!({ "Count": items.len(), "ScannedCount": scanned });
        if let Some(members) = answer.as_object_mut() {
            if request.get("Select").and_then(Value::as_str) != Some("COUNT") {
                members.insert("Items".to_owned(), Value::Array(items));
            }
            if let Some(last) = last {
                members.insert("LastEvaluatedKey".to_owned(), last);
            }
        }
        Ok(answer)
    }

    fn write(&self, state: &mut State, request: &Value, kind: Kind) -> Result<Value, Refusal> {
        let action = self.prepare(state, request, kind)?;
        if let Some(refused) = action.refused {
            return Err(refused);
        }
        let before = state.table.get(&action.key).cloned();
        let after = action.after.clone();
        apply(state, action);
        let shown = match request.get("ReturnValues").and_then(Value::as_str) {
            Some("ALL_OLD") => before.map(|item| item.as_ref().clone()),
            Some("ALL_NEW") => after,
            Some("UPDATED_OLD" | "UPDATED_NEW") => return Err(invalid("ReturnValues of updated attributes: not here")),
            _ => None,
        };
        Ok(shown.map_or_else(|| json!({}), |item| json!({ "Attributes": item })))
    }

    fn transact(&self, state: &mut State, request: &Value) -> Result<Value, Refusal> {
        let actions =
            request.get("TransactItems").and_then(Value::as_array).ok_or_else(|| invalid("no TransactItems"))?;
        if actions.is_empty() || actions.len() > 100 {
            return Err(invalid("Member must have length less than or equal to 100, and at least 1"));
        }
        let token = request.get("ClientRequestToken").and_then(Value::as_str);
        if let Some(made) = token.and_then(|token| state.tokens.get(token)) {
            if *made == hash(actions) {
                return Ok(json!({}));
            }
            return Err(Refusal {
                code: "IdempotentParameterMismatchException",
                message: "the token was used for another transaction".to_owned(),
                more: json!({}),
            });
        }
        let mut prepared = Vec::new();
        let (mut keys, mut bytes) = (BTreeSet::new(), 0);
        for action in actions {
            let (name, request) =
                action.as_object().and_then(|action| action.iter().next()).ok_or_else(|| invalid("an empty action"))?;
            let kind = match name.as_str() {
                "Put" => Kind::Put,
                "Update" => Kind::Update,
                "Delete" => Kind::Delete,
                "ConditionCheck" => Kind::Check,
                other => return Err(invalid(format!("unknown action {other}"))),
            };
            let action = self.prepare(state, request, kind)?;
            if !keys.insert(action.key.clone()) {
                return Err(invalid("Transaction request cannot include multiple operations on one item"));
            }
            bytes += action.after.as_ref().map_or(0, item_bytes);
            prepared.push(action);
        }
        if bytes > 4 << 20 {
            return Err(invalid("Collection size of the items in the transaction exceeds 4 MB"));
        }
        if prepared.iter().any(|action| action.refused.is_some()) {
            return Err(canceled(&prepared));
        }
        for action in prepared {
            apply(state, action);
        }
        if let Some(token) = token {
            state.tokens.insert(token.to_owned(), hash(actions));
        }
        Ok(json!({}))
    }

    /// Decides about one write, and makes the item that it would leave.
    fn prepare(&self, state: &State, request: &Value, kind: Kind) -> Result<Action, Refusal> {
        self.check_name(request)?;
        let placeholders = Placeholders::of(request);
        let expression = |name: &str| request.get(name).and_then(Value::as_str);
        let key = key_of(object(request, if kind == Kind::Put { "Item" } else { "Key" })?).map_err(invalid)?;
        let before = state.table.get(&key);
        let none = Item::new();
        let item = before.map_or(&none, Arc::as_ref);
        let condition =
            expression("ConditionExpression").map(|text| parse(text, &placeholders)).transpose().map_err(invalid)?;
        let holds = condition.as_ref().is_none_or(|condition| condition.holds(item));
        let after = match kind {
            Kind::Put => Some(object(request, "Item")?.clone()),
            Kind::Update => {
                let changes = update::parse(expression("UpdateExpression").unwrap_or_default(), &placeholders)
                    .map_err(invalid)?;
                // What an update reads need not be there when its condition fails.
                let mut after = if holds { update::apply(&changes, item).map_err(invalid)? } else { item.clone() };
                after.extend(object(request, "Key")?.clone());
                Some(after)
            }
            Kind::Delete | Kind::Check => None,
        };
        placeholders.check_all_used().map_err(invalid)?;
        if after.as_ref().is_some_and(|after| item_bytes(after) > MAX_ITEM_BYTES) {
            return Err(invalid("Item size has exceeded the maximum allowed size"));
        }
        let shows = expression("ReturnValuesOnConditionCheckFailure") == Some("ALL_OLD");
        let refused = (!holds).then(|| Refusal {
            code: "ConditionalCheckFailedException",
            message: "The conditional request failed".to_owned(),
            more: match before {
                Some(item) if shows => json!({ "Item": item.as_ref() }),
                _ => json!({}),
            },
        });
        Ok(Action { key, kind, after, refused })
    }
}

fn hash(actions: &[Value]) -> u64 {
    let mut hasher = DefaultHasher::new();
    actions.iter().for_each(|action| action.to_string().hash(&mut hasher));
    hasher.finish()
}

fn apply(state: &mut State, action: Action) {
    match action.kind {
        Kind::Check => {}
        Kind::Delete => state.deleted += u64::from(state.table.delete(&action.key)),
        Kind::Put | Kind::Update => {
            let Some(item) = action.after else { return };
            let kind = text(&item, "item").unwrap_or("other").to_owned();
            *state.written.entry(kind).or_default() += 1;
            state.table.put(action.key, item);
        }
    }
}

/// Reasons are in the order of the actions, `None` for those that are not to blame.
fn canceled(actions: &[Action]) -> Refusal {
    let reasons: Vec<Value> = actions
        .iter()
        .map(|action| match &action.refused {
            None => json!({ "Code": "None" }),
            Some(refused) => {
                let mut reason = json!({ "Code": "ConditionalCheckFailed", "Message": refused.message });
                if let (Some(item), Some(members)) = (refused.more.get("Item"), reason.as_object_mut()) {
                    members.insert("Item".to_owned(), item.clone());
                }
                reason
            }
        })
        .collect();
    let codes: Vec<&str> = reasons.iter().filter_map(|reason| reason["Code"].as_str()).collect();
    Refusal {
        code: "TransactionCanceledException",
        message: format!(
            "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
            codes.join(", ")
        ),
        more: json!({ "CancellationReasons": reasons }),
    }
}

fn object<'a>(request: &'a Value, name: &str) -> Result<&'a Item, Refusal> {
    request.get(name).and_then(Value::as_object).ok_or_else(|| invalid(format!("no {name}")))
}

/// The attributes that a request asks for.
fn project(request: &Value, item: &Item) -> Result<Value, Refusal> {
    let Some(projection) = request.get("ProjectionExpression").and_then(Value::as_str) else {
        return Ok(Value::Object(item.clone()));
    };
    let mut out = Map::new();
    for path in parse_paths(projection, &Placeholders::of(request)).map_err(invalid)? {
        // Whittle asks for attributes, never for parts of them.
        if let ([expression::Step::Name(name)], Some(value)) = (path.as_slice(), at(item, &path)) {
            out.insert(name.clone(), value.clone());
        }
    }
    Ok(Value::Object(out))
}
