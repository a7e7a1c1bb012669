//! Why a statement is there, for the person who reviews it.

use std::collections::BTreeMap;

use whittle_analysis::result::{StatementNote, Verdict, VerdictRow};
use whittle_policy::{ActionClause, Effect, Statement};

use crate::text::clean;

/// Actions that a comment names; of more it says how many.
const NAMED: usize = 4;

/// Characters of a comment line.
const WIDTH: usize = 100;

/// Comment lines of one statement: what keeps it, when it was last seen, what it narrows, and warnings.
pub fn lines(statement: &Statement, note: Option<&StatementNote>, rows: &[&VerdictRow]) -> Vec<String> {
    let mut out = Vec::new();
    if statement.effect == Effect::Deny {
        out.push("A Deny of the role: never touched.".to_owned());
        out.extend(note.map(origin));
        return out;
    }
    let mut by_verdict: BTreeMap<Verdict, Vec<&VerdictRow>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.verdict != Verdict::Unused && is_about(row, statement)) {
        by_verdict.entry(row.verdict).or_default().push(row);
    }
    if by_verdict.is_empty() {
        out.extend(note.map(|note| format!("Kept: {}.", note.reason)));
    }
    for (verdict, rows) in &by_verdict {
        match verdict {
            Verdict::Used => out.push(format!("Used: {}{}.", names(rows), last_seen(rows))),
            Verdict::Required => out.push(format!("Required: {}: {}.", names(rows), reasons(rows))),
            Verdict::Companion => {
                out.push(format!("Companion: {}{}: {}.", names(rows), last_seen(rows), reasons(rows)));
            }
            Verdict::Unobservable | Verdict::Unknown => {
                out.push(format!("WARNING kept unproven: {}: {}.", names(rows), reasons(rows)));
            }
            Verdict::Unused => {}
        }
    }
    out.extend(note.map(origin));
    out.iter().flat_map(|line| wrapped(line)).collect()
}

/// A sentence in lines that a reviewer can read beside the code; the later ones are indented.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in one_line(text).split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + word.chars().count() < WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) => lines.push(format!("  {word}")),
            None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// One line that nothing can break out of: no control characters, and none that YAML takes for a line break or a byte order
/// mark (YAML 1.1, "Line break characters").
pub fn one_line(text: &str) -> String {
    clean(text).replace(['\u{2028}', '\u{2029}', '\u{feff}'], "\u{fffd}")
}

fn origin(note: &StatementNote) -> String {
    format!("From policy {}, statement {}.", note.from_policy, note.from_statement + 1)
}

fn is_about(row: &VerdictRow, statement: &Statement) -> bool {
    match &statement.action {
        // A row of an action that the catalog does not know is the pattern itself.
        ActionClause::Action(patterns) => {
            patterns.iter().any(|pattern| pattern.matches(&row.action) || pattern.as_str() == row.action)
        }
        ActionClause::NotAction(_) => statement.action.matches(&row.action),
    }
}

fn names(rows: &[&VerdictRow]) -> String {
    let shown: Vec<&str> = rows.iter().take(NAMED).map(|row| row.action.as_str()).collect();
    let more = rows.len().saturating_sub(NAMED);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

fn last_seen(rows: &[&VerdictRow]) -> String {
    let last = rows.iter().filter_map(|row| row.last_seen.as_deref()).max();
    last.map(|last| format!(" (last seen {})", last.split('T').next().unwrap_or(last))).unwrap_or_default()
}

/// Distinct reasons, most frequent first.
fn reasons(rows: &[&VerdictRow]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        // What would give sight of it is said by `whittle explain`; in a comment it would hide the rest.
        let reason = row.reason.split("; add to the advanced event selectors").next().unwrap_or_default();
        *counts.entry(reason).or_default() += 1;
    }
    let mut reasons: Vec<(&str, usize)> = counts.into_iter().collect();
    reasons.sort_by_key(|(reason, count)| (std::cmp::Reverse(*count), *reason));
    let shown: Vec<&str> = reasons.iter().take(2).map(|(reason, _)| *reason).collect();
    let more = reasons.len().saturating_sub(2);
    if more == 0 { shown.join("; ") } else { format!("{}; and {more} other reasons", shown.join("; ")) }
}
