//! Matching of a statement against a request.

use std::collections::BTreeMap;

use serde_json::Value;
use whittle_policy::Statement;

use super::pattern::{action_matches, resource_matches};
use super::principal::Who;
use super::text::{Lookup, pieces, resource};
use super::{Request, condition};

/// True if the statement is about the request. Principals are not looked at; resources must not hold
/// variables.
pub fn matches(statement: &Statement, request: &Request) -> bool {
    let actions = statement.action.patterns();
    let action = actions.iter().any(|pattern| action_matches(pattern.as_str(), &request.action));
    let resource = statement.resource.as_ref().is_none_or(|clause| {
        let listed = clause.patterns().iter().any(|pattern| resource_matches(pattern.as_str(), &request.resource));
        listed != clause.is_negated()
    });
    action != statement.action.is_negated() && resource && condition::is_met(&statement.condition, &request.context)
}

/// The request of a case.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Caller.
    pub who: Who,
    /// Action.
    pub action: String,
    /// Resource.
    pub resource: String,
    /// Context keys in lower case.
    pub context: BTreeMap<String, Vec<String>>,
    /// The caller has a permissions boundary.
    pub bounded: bool,
}

impl Asked {
    /// Reads the request of a case.
    pub fn of(request: &Value) -> Self {
        let mut context = BTreeMap::new();
        for (key, values) in request["context"].as_object().into_iter().flatten() {
            let values = list(values);
            if !values.is_empty() {
                context.insert(key.to_ascii_lowercase(), values);
            }
        }
        Self {
            who: Who::of(&request["principal"]),
            action: request["action"].as_str().unwrap_or_default().to_owned(),
            resource: request["resource"].as_str().unwrap_or("*").to_owned(),
            context,
            bounded: false,
        }
    }

    fn values(&self, key: &str) -> Vec<String> {
        self.context.get(&key.to_ascii_lowercase()).cloned().unwrap_or_default()
    }

    /// The value of a key that has one.
    pub fn single(&self, key: &str) -> Option<String> {
        let mut values = self.values(key);
        if values.len() == 1 { values.pop() } else { None }
    }
}

/// A value or a list of values, as texts.
pub fn list(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(list).collect(),
        Value::Null => Vec::new(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

/// In which ways a statement of JSON is about the request; none if it is not.
pub fn applies(document: &Value, statement: &Value, kind: &str, asked: &Asked) -> Vec<String> {
    let lookup = |key: &str| asked.values(key);
    let lookup: Option<Lookup<'_>> = if document["Version"] == "2012-10-17" { Some(&lookup) } else { None };

    let in_actions = |name: &str| list(&statement[name]).iter().any(|pattern| action_matches(pattern, &asked.action));
    let action = if statement["Action"].is_null() { !in_actions("NotAction") } else { in_actions("Action") };

    let arn: Vec<char> = asked.resource.chars().collect();
    let in_resources = |name: &str| {
        let matches = |text: &String| pieces(text, true, lookup).is_some_and(|pattern| resource(&pattern, &arn));
        list(&statement[name]).iter().any(matches)
    };
    let on_resource = match (statement["Resource"].is_null(), statement["NotResource"].is_null()) {
        (false, _) => in_resources("Resource"),
        (true, false) => !in_resources("NotResource"),
        (true, true) => kind == "resource",
    };

    let mut conditions = true;
    for (operator, keys) in statement["Condition"].as_object().into_iter().flatten() {
        for (key, values) in keys.as_object().into_iter().flatten() {
            conditions &= condition::constraint(operator, &list(values), &asked.values(key), lookup);
        }
    }
    if action && on_resource && conditions { asked.who.reached_by(statement, kind, asked) } else { Vec::new() }
}
