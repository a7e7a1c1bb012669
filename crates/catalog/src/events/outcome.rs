//! Outcomes of calls by error code: `data/events/outcomes.tsv`.

use super::table;

static TEXT: &str = include_str!("../../data/events/outcomes.tsv");

/// How far a call got, as to its authorisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallOutcome {
    /// The call was allowed; it may have failed later for another reason.
    Authorised,
    /// A policy refused the call. Never counts as use.
    Denied,
    /// The error may hide a refusal.
    Undecided,
    /// The call failed before it was authorised.
    NotReached,
}

impl CallOutcome {
    /// The word for output: `authorised`, `denied`, `undecided`, `not-reached`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authorised => "authorised",
            Self::Denied => "denied",
            Self::Undecided => "undecided",
            Self::NotReached => "not-reached",
        }
    }
}

#[derive(Debug)]
struct OutcomeRow {
    prefix: &'static str,
    event: &'static str,
    code: &'static str,
    message: &'static str,
    outcome: CallOutcome,
}

#[derive(Debug, Default)]
pub(super) struct Outcomes {
    rows: Vec<OutcomeRow>,
    pub problems: Vec<String>,
}

impl Outcomes {
    pub fn read() -> Self {
        let mut outcomes = Self::default();
        for row in table::rows(TEXT) {
            let outcome = match row.column(4) {
                "authorised" => CallOutcome::Authorised,
                "denied" => CallOutcome::Denied,
                "undecided" => CallOutcome::Undecided,
                "not-reached" => CallOutcome::NotReached,
                other => {
                    outcomes.problems.push(format!("outcomes.tsv:{}: outcome `{other}`", row.line));
                    continue;
                }
            };
            let [prefix, event, code, message] = [0, 1, 2, 3].map(|at| row.column(at));
            outcomes.rows.push(OutcomeRow { prefix, event, code, message, outcome });
        }
        outcomes
    }

    pub fn classify(&self, prefix: &str, event_name: &str, error_code: &str, message: &str) -> CallOutcome {
        let code = error_code.strip_prefix("Client.").or_else(|| error_code.strip_prefix("Server."));
        let code = code.unwrap_or(error_code);
        // Some services log the code with its shape: `com.amazonaws...#AccessDeniedException`.
        let code = code.rsplit_once('#').map_or(code, |(_, name)| name);
        let fits = |row: &&OutcomeRow| {
            (row.prefix == "*" || row.prefix == prefix)
                && (row.event == "*" || row.event.eq_ignore_ascii_case(event_name))
                && like(row.code, code)
                && (row.message.is_empty() || contains_ignore_case(message, row.message))
        };
        self.rows.iter().find(fits).map_or(CallOutcome::Undecided, |row| row.outcome)
    }
}

/// A `*` at either end stands for anything.
fn like(pattern: &str, text: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        _ if pattern == "*" => true,
        (Some(rest), Some(_)) => contains_ignore_case(text, rest.strip_suffix('*').unwrap_or(rest)),
        (Some(end), None) => {
            let at = text.len().checked_sub(end.len());
            at.and_then(|at| text.get(at..)).is_some_and(|tail| tail.eq_ignore_ascii_case(end))
        }
        (None, Some(start)) => text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start)),
        (None, None) => text.eq_ignore_ascii_case(pattern),
    }
}

fn contains_ignore_case(text: &str, needle: &str) -> bool {
    let (text, needle) = (text.as_bytes(), needle.as_bytes());
    needle.is_empty() || text.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle))
}
