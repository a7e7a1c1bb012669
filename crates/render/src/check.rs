//! The answer of a CI gate: SARIF for code scanning, annotations for GitHub Actions, Markdown for a comment,
//! JSON, a table.
//!
//! [`whittle_analysis::gate`] decides which findings count; the caller tells the place of each in a file
//! ([`Locate`]). Titles and names may be written by an attacker, so each format escapes them in its own way.

pub mod github;
pub mod human;
pub mod json;
pub mod markdown;
mod pages;
pub mod sarif;

pub use pages::page;

use std::fmt::Write as _;

use serde::Serialize;
use whittle_analysis::gate::{Gate, JudgedFinding};
use whittle_analysis::issue::Issue;
use whittle_analysis::result::Severity;

use crate::words;

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Location {
    /// Relative to the root of the repository, with `/`.
    pub path: String,
    /// From 1.
    pub line: u32,
    /// From 1, in characters; `None` for the whole line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<u32>,
    /// Last line; `None` for one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_line: Option<u32>,
    /// One past the last character of the last line; `None` for all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end_column: Option<u32>,
}

/// Places of a finding in a file, the one that matters most first; empty if it has none.
pub type Locate<'a> = &'a dyn Fn(&JudgedFinding) -> Vec<Location>;

/// The answer in one line.
pub fn summary(gate: &Gate) -> String {
    let new = gate.new_findings().count();
    let mut text = format!(
        "{new} {}{}, {} at or above {}",
        if gate.has_baseline { "new " } else { "" },
        if new == 1 { "finding" } else { "findings" },
        gate.failing(),
        gate.fail_on.as_str()
    );
    let (known, waived) = gate.passed_over();
    if known > 0 {
        let _ = write!(text, "; {known} known from the baseline");
    }
    if waived > 0 {
        let _ = write!(text, "; {waived} waived");
    }
    if gate.failing() == 0
        && let Some(reason) = &gate.inconclusive
    {
        let _ = write!(text, "; inconclusive: {}", words::inconclusive(reason));
    }
    text
}

/// The word for a level of annotations: three for five severities.
fn level(severity: Severity, words: [&'static str; 3]) -> &'static str {
    let [error, warning, note] = words;
    match severity {
        Severity::Critical | Severity::High => error,
        Severity::Medium => warning,
        Severity::Low | Severity::Info => note,
    }
}

/// A note on one line: place, message, hint.
fn note(issue: &Issue) -> String {
    let hint = if issue.hint.is_empty() { String::new() } else { format!(" ({})", issue.hint) };
    format!("{}: {}{hint}", issue.place, issue.message)
}

/// Function or role that a finding is about.
fn subject(judged: &JudgedFinding) -> &str {
    judged.finding.function_arn.as_deref().unwrap_or(&judged.finding.role_arn)
}

#[cfg(test)]
mod tests;
