//! Answers as JSON.

use serde::Serialize;
use serde_json::Value;

use super::{SimulationCase, read};
use crate::context::Context;
use crate::document::Effect;
use crate::error::{ParsePolicyError, excerpt};
use crate::evaluate::{Decision, Layer, Miss, StatementRef, StatementReport};

#[derive(Serialize)]
struct Decided<'a> {
    id: &'a Value,
    decision: &'static str,
    deciding: Vec<StatementPlace<'a>>,
    /// `ImplicitlyDenied`: the layer that had to allow and does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    missing: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    statements: Option<Vec<StatementMiss<'a>>>,
    /// Oddities of the policies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lints: Vec<PolicyOddity<'a>>,
}

/// A statement.
#[derive(Serialize)]
struct StatementPlace<'a> {
    policy: &'a str,
    /// Place in the policy, from 0.
    statement: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<&'a str>,
    layer: &'static str,
}

/// A statement and why it does not match.
#[derive(Serialize)]
struct StatementMiss<'a> {
    #[serde(flatten)]
    place: StatementPlace<'a>,
    effect: &'static str,
    matches: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<String>,
}

/// Something odd in a policy.
#[derive(Serialize)]
struct PolicyOddity<'a> {
    policy: &'a str,
    layer: &'static str,
    path: String,
    code: &'static str,
    message: String,
}

#[derive(Serialize)]
struct LineRefusal<'a> {
    id: &'a Value,
    error: String,
}

impl<'a> From<StatementRef<'a>> for StatementPlace<'a> {
    fn from(place: StatementRef<'a>) -> Self {
        let StatementRef { layer, policy, statement, sid, .. } = place;
        Self { policy, statement, sid, layer: layer.as_str() }
    }
}

impl<'a> StatementMiss<'a> {
    fn of(account: &StatementReport<'a>, context: &Context) -> Self {
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

/// Words for a statement that does not match; for a constraint, also the request's values.
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
pub struct SimulationAnswer {
    /// The JSON.
    pub json: String,
    /// True if the line was read as a case and decided. If not, the JSON says why.
    pub is_decided: bool,
}

/// The answer to a line, without a line break. `explain`: with every statement and why it does not match.
pub fn answer_line(line: &str, explain: bool) -> String {
    answer_text(line, explain, "").json
}

/// The answer to a line that may not be UTF-8, which is an error like others.
///
/// `place` (file and line) stands before each error, with the column if it is known.
pub fn answer_bytes(line: &[u8], explain: bool, place: &str) -> SimulationAnswer {
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
pub fn refuse(place: &str, why: impl std::fmt::Display) -> SimulationAnswer {
    refusal(&Value::Null, place, &why)
}

fn answer_text(line: &str, explain: bool, place: &str) -> SimulationAnswer {
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
        let told = explanation.statements.iter().map(|told| StatementMiss::of(told, &case.request.context));
        (explanation.decision, Some(told.collect()), odd(&case))
    } else {
        (case.decide(), None, Vec::new())
    };
    let Decision { outcome, deciding, missing } = decision;
    let json = json(&Decided {
        id: &case.id,
        decision: outcome.as_str(),
        deciding: deciding.into_iter().map(StatementPlace::from).collect(),
        missing: missing.map(Layer::as_str),
        statements,
        lints,
    });
    SimulationAnswer { json, is_decided: true }
}

fn odd(case: &SimulationCase) -> Vec<PolicyOddity<'_>> {
    let lints = case
        .named_policies()
        .flat_map(|(layer, policy)| policy.document.lint().into_iter().map(move |lint| (layer, policy, lint)));
    lints
        .map(|(layer, policy, lint)| PolicyOddity {
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

fn refusal(id: &Value, place: &str, why: &dyn std::fmt::Display) -> SimulationAnswer {
    let error = if place.is_empty() { why.to_string() } else { format!("{place}: {why}") };
    SimulationAnswer { json: json(&LineRefusal { id, error }), is_decided: false }
}

fn json(answer: &impl Serialize) -> String {
    // Nothing in an answer can fail: keys are strings, numbers are finite.
    serde_json::to_string(answer).unwrap_or_else(|error| format!(r#"{{"id":null,"error":"{error}"}}"#))
}
