//! Matching of a statement against a request.

use serde_json::Value;
use whittle_policy::Statement;

use super::pattern::{action_matches, resource_matches};
use super::principal::{Asked, list};
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
