//! Answers as JSON.

use serde::Serialize;
use serde_json::Value;

use super::read;
use crate::document::Effect;
use crate::evaluate::{Account, Decision, StatementRef};

#[derive(Serialize)]
struct Answer<'a> {
    id: &'a Value,
    decision: &'static str,
    deciding: Vec<Place<'a>>,
    /// `ImplicitlyDenied`: the layer that had to allow and does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    statements: Option<Vec<Told<'a>>>,
}

/// A statement.
#[derive(Serialize)]
struct Place<'a> {
    policy: &'a str,
    /// Place in the policy, from 0.
    statement: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a str>,
    layer: &'static str,
}

/// A statement and why it does not match.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    effect: &'static str,
    matches: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<String>,
}

#[derive(Serialize)]
struct Refusal<'a> {
    id: &'a Value,
    error: String,
}

impl<'a> From<StatementRef<'a>> for Place<'a> {
    fn from(place: StatementRef<'a>) -> Self {
        let StatementRef { layer, policy, statement, sid, .. } = place;
        Self { policy, statement, sid, layer: layer.as_str() }
    }
}

impl<'a> From<Account<'a>> for Told<'a> {
    fn from(account: Account<'a>) -> Self {
        let effect = match account.effect {
            Effect::Allow => "Allow",
            Effect::Deny => "Deny",
        };
        Self {
            place: account.statement.into(),
            effect,
            matches: account.miss.is_none(),
            because: account.miss.map(|miss| miss.to_string()),
        }
    }
}

/// The answer to a line, without a line break. `explain`: with every statement and why it does not match.
pub fn answer_line(line: &str, explain: bool) -> String {
    let case = match read::case(line) {
        Ok(case) => case,
        Err(failure) => return refusal(&failure.id, failure.error.to_string()),
    };
    let (decision, statements) = if explain {
        let explanation = case.explain();
        (explanation.decision, Some(explanation.statements.into_iter().map(Told::from).collect()))
    } else {
        (case.decide(), None)
    };
    let Decision { outcome, deciding, missing } = decision;
    json(&Answer {
        id: &case.id,
        decision: outcome.as_str(),
        deciding: deciding.into_iter().map(Place::from).collect(),
        missing: missing.map(crate::evaluate::Layer::as_str),
        statements,
    })
}

/// [`answer_line`] for a line that may not be UTF-8, which is an error like others.
pub fn answer_bytes(line: &[u8], explain: bool) -> String {
    match std::str::from_utf8(line) {
        Ok(line) => answer_line(line, explain),
        Err(error) => refusal(&Value::Null, format!("not UTF-8 from byte {}", error.valid_up_to())),
    }
}

fn refusal(id: &Value, error: String) -> String {
    json(&Refusal { id, error })
}

fn json(answer: &impl Serialize) -> String {
    // Nothing in an answer can fail: keys are strings, numbers are finite.
    serde_json::to_string(answer).unwrap_or_else(|error| format!(r#"{{"id":null,"error":"{error}"}}"#))
}
