//! Answers as JSON.

use serde::Serialize;
use serde_json::Value;

use super::read;
use crate::document::Effect;
use crate::error::ParsePolicyError;
use crate::evaluate::{Account, Decision, StatementRef};

#[derive(Serialize)]
struct Decided<'a> {
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

/// The answer to a line, as JSON without a line break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The JSON.
    pub json: String,
    /// Whether the line was read as a case and decided. If not, the JSON says why.
    pub is_decided: bool,
}

/// The answer to a line, without a line break. `explain`: with every statement and why it does not match.
pub fn answer_line(line: &str, explain: bool) -> String {
    answer_text(line, explain, "").json
}

/// The answer to a line that may not be UTF-8, which is an error like others.
///
/// `place` (file and line, say) stands before the error of a line whose id cannot be read, so that it can be found.
pub fn answer_bytes(line: &[u8], explain: bool, place: &str) -> Answer {
    match std::str::from_utf8(line) {
        Ok(line) => answer_text(line, explain, place),
        Err(error) => refuse(place, format_args!("not UTF-8 from byte {}", error.valid_up_to())),
    }
}

/// The answer to a line that is not even looked at.
pub fn refuse(place: &str, why: impl std::fmt::Display) -> Answer {
    refusal(&Value::Null, place, &why)
}

fn answer_text(line: &str, explain: bool, place: &str) -> Answer {
    let case = match read::case(line) {
        Ok(case) => case,
        Err(failure) => return refusal(&failure.id, place, &Advice(&failure.error)),
    };
    let (decision, statements) = if explain {
        let explanation = case.explain();
        (explanation.decision, Some(explanation.statements.into_iter().map(Told::from).collect()))
    } else {
        (case.decide(), None)
    };
    let Decision { outcome, deciding, missing } = decision;
    let json = json(&Decided {
        id: &case.id,
        decision: outcome.as_str(),
        deciding: deciding.into_iter().map(Place::from).collect(),
        missing: missing.map(crate::evaluate::Layer::as_str),
        statements,
    });
    Answer { json, is_decided: true }
}

/// An error with what to do about it.
struct Advice<'a>(&'a ParsePolicyError);

impl std::fmt::Display for Advice<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0.hint() {
            Some(hint) => write!(f, "{}; {hint}", self.0),
            None => self.0.fmt(f),
        }
    }
}

fn refusal(id: &Value, place: &str, why: &dyn std::fmt::Display) -> Answer {
    let named = id.is_null() && !place.is_empty();
    let error = if named { format!("{place}: {why}") } else { why.to_string() };
    Answer { json: json(&Refusal { id, error }), is_decided: false }
}

fn json(answer: &impl Serialize) -> String {
    // Nothing in an answer can fail: keys are strings, numbers are finite.
    serde_json::to_string(answer).unwrap_or_else(|error| format!(r#"{{"id":null,"error":"{error}"}}"#))
}
