//! `expected-verdicts.tsv`: the verdicts that the design of the example intends, which a test compares with
//! what Whittle says.
//!
//! The rows follow from the rules (a table of verdicts by evidence, configuration and coverage), never from
//! the program.

use std::fmt::Write as _;

mod back_office;
mod storefront;

/// The expected verdict on one action of one role of one function.
pub struct ExpectedRow {
    pub action: &'static str,
    /// A verdict, or several divided by `|` where the rules allow each of them.
    pub verdict: &'static str,
    /// `kept` or `removed` in the suggestion for this function and role.
    pub suggestion: &'static str,
    pub why: &'static str,
}

/// The rows of a function under one of its roles.
pub struct Expected {
    pub function: &'static str,
    pub role: &'static str,
    pub rows: &'static [ExpectedRow],
}

/// All rows, in the order of the file.
pub fn all() -> impl Iterator<Item = &'static Expected> {
    storefront::EXPECTED.iter().chain(&back_office::EXPECTED)
}

/// The file.
pub fn table() -> String {
    let mut table = "function\trole\taction\tverdict\tsuggestion\twhy\n".to_owned();
    for Expected { function, role, rows } in all() {
        for ExpectedRow { action, verdict, suggestion, why } in *rows {
            // Writing to a String cannot fail.
            let _ = writeln!(table, "{function}\t{role}\t{action}\t{verdict}\t{suggestion}\t{why}");
        }
    }
    table
}

const fn used(action: &'static str, why: &'static str) -> ExpectedRow {
    ExpectedRow { action, verdict: "used", suggestion: "kept", why }
}

const fn required(action: &'static str, why: &'static str) -> ExpectedRow {
    ExpectedRow { action, verdict: "required", suggestion: "kept", why }
}

const fn companion(action: &'static str, why: &'static str) -> ExpectedRow {
    ExpectedRow { action, verdict: "companion", suggestion: "kept", why }
}

const fn unobservable(action: &'static str, why: &'static str) -> ExpectedRow {
    ExpectedRow { action, verdict: "unobservable", suggestion: "kept", why }
}

const fn unused(action: &'static str, why: &'static str) -> ExpectedRow {
    ExpectedRow { action, verdict: "unused", suggestion: "removed", why }
}

const fn either(
    action: &'static str,
    verdict: &'static str,
    suggestion: &'static str,
    why: &'static str,
) -> ExpectedRow {
    ExpectedRow { action, verdict, suggestion, why }
}

/// The three log permissions of each function: `CreateLogStream` is needed by configuration and seen in the
/// trail too.
const LOG_GROUP: ExpectedRow = required("logs:CreateLogGroup", "each function logs");
const LOG_STREAM: ExpectedRow =
    either("logs:CreateLogStream", "used|required", "kept", "each function logs; the trail shows it");
const LOG_EVENTS: ExpectedRow = required("logs:PutLogEvents", "each function logs; CloudTrail never shows it");
