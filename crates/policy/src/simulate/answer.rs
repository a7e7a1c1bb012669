//! Answers as JSON.

use serde::Serialize;
use serde_json::Value;

use super::{Case, read};
use crate::context::Context;
use crate::document::Effect;
use crate::error::{ParsePolicyError, excerpt};
use crate::evaluate::{Account, Decision, Layer, Miss, StatementRef};

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
    /// What the policies say that nobody means.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lints: Vec<Odd<'a>>,
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

/// Something odd in a policy.
#[derive(Serialize)]
struct Odd<'a> {
    policy: &'a str,
    layer: &'static str,
    path: String,
    code: &'static str,
    message: String,
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

impl<'a> Told<'a> {
    fn of(account: &Account<'a>, context: &Context) -> Self {
        let effect = match account.effect {
            Effect::Allow => "Allow",
            Effect::Deny => "Deny",
        };
        Self {
            place: account.statement.into(),
            effect,
            matches: account.miss.is_none(),
            because: account.miss.as_ref().map(|miss| because(miss, context)),
        }
    }
}

/// Why a statement does not match; of a constraint, also what the request has.
fn because(miss: &Miss<'_>, context: &Context) -> String {
    const SHOWN: usize = 3;
    let Miss::Condition { key, .. } = miss else { return miss.to_string() };
    let values = context.get(key);
    if values.is_empty() {
        return format!("{miss}: the request does not have the key");
    }
    let shown: Vec<String> = values.iter().take(SHOWN).map(|value| format!("{:?}", excerpt(value))).collect();
    let more = match values.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{miss}: the request has {}{more}", shown.join(", "))
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
/// `place` (file and line) stands before each error, with the column if it is known.
pub fn answer_bytes(line: &[u8], explain: bool, place: &str) -> Answer {
    match std::str::from_utf8(line) {
        Ok(line) => answer_text(line, explain, place),
        Err(error) => {
            let readable = line.get(..error.valid_up_to()).unwrap_or_default();
            let id = read::unread_id(std::str::from_utf8(readable).unwrap_or_default());
            refusal(&id, place, &format_args!("not UTF-8 from byte {}", error.valid_up_to()))
        }
    }
}

/// The answer to a line that is not even looked at.
pub fn refuse(place: &str, why: impl std::fmt::Display) -> Answer {
    refusal(&Value::Null, place, &why)
}

fn answer_text(line: &str, explain: bool, place: &str) -> Answer {
    let case = match read::case(line) {
        Ok(case) => case,
        Err(failure) => {
            let error = &failure.error;
            let place = match error.position() {
                Some(position) if !place.is_empty() => format!("{place}, column {}", position.column),
                _ => place.to_owned(),
            };
            return refusal(&failure.id, &place, &Advice { error, is_placed: !place.is_empty() });
        }
    };
    let (decision, statements, lints) = if explain {
        let explanation = case.explain();
        let told = explanation.statements.iter().map(|told| Told::of(told, &case.request.context));
        (explanation.decision, Some(told.collect()), odd(&case))
    } else {
        (case.decide(), None, Vec::new())
    };
    let Decision { outcome, deciding, missing } = decision;
    let json = json(&Decided {
        id: &case.id,
        decision: outcome.as_str(),
        deciding: deciding.into_iter().map(Place::from).collect(),
        missing: missing.map(Layer::as_str),
        statements,
        lints,
    });
    Answer { json, is_decided: true }
}

fn odd(case: &Case) -> Vec<Odd<'_>> {
    let lints = case
        .named_policies()
        .flat_map(|(layer, policy)| policy.document.lint().into_iter().map(move |lint| (layer, policy, lint)));
    lints
        .map(|(layer, policy, lint)| Odd {
            policy: &policy.name,
            layer: layer.as_str(),
            path: lint.path,
            code: lint.code.as_str(),
            message: lint.message,
        })
        .collect()
}

/// An error with what to do about it.
struct Advice<'a> {
    error: &'a ParsePolicyError,
    /// Line and column stand before it.
    is_placed: bool,
}

impl std::fmt::Display for Advice<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_placed {
            write!(f, "{}: {}", self.error.path(), self.error.kind())?;
        } else {
            self.error.fmt(f)?;
        }
        self.error.hint().map_or(Ok(()), |hint| write!(f, "; {hint}"))
    }
}

fn refusal(id: &Value, place: &str, why: &dyn std::fmt::Display) -> Answer {
    let error = if place.is_empty() { why.to_string() } else { format!("{place}: {why}") };
    Answer { json: json(&Refusal { id, error }), is_decided: false }
}

fn json(answer: &impl Serialize) -> String {
    // Nothing in an answer can fail: keys are strings, numbers are finite.
    serde_json::to_string(answer).unwrap_or_else(|error| format!(r#"{{"id":null,"error":"{error}"}}"#))
}
