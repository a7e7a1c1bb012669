//! Comments that tell a reviewer why a statement is there.

use std::borrow::Cow;
use std::collections::BTreeMap;

use whittle_analysis::result::{StatementNote, Verdict, VerdictRow};
use whittle_policy::{ActionClause, Effect, Statement};

use crate::text::clean;
use crate::words;

/// Actions that a comment names beside another verdict; the others are counted.
const NAMED: usize = 2;

/// Characters of a comment line.
const WIDTH: usize = 100;

/// Comment lines of one statement: a sentence for each verdict in it (reason and last use, or a warning),
/// then its origin. The statement itself lists the actions, so a sentence names them only if verdicts are
/// mixed or the actions are few.
pub fn lines(statement: &Statement, note: Option<&StatementNote>, rows: &[&VerdictRow]) -> Vec<String> {
    let mut out = Vec::new();
    let mut by_verdict: BTreeMap<Verdict, Vec<&VerdictRow>> = BTreeMap::new();
    if statement.effect == Effect::Deny {
        out.push("A Deny of the role: never touched.".to_owned());
    } else {
        for row in rows.iter().filter(|row| row.verdict != Verdict::Unused && is_about(row, statement)) {
            by_verdict.entry(row.verdict).or_default().push(row);
        }
        if by_verdict.is_empty() {
            out.extend(note.map(|note| format!("Kept: {}.", words::statement(&note.reason))));
        }
    }
    let mixed = by_verdict.len() > 1;
    for (verdict, rows) in &by_verdict {
        let names = if mixed || rows.len() <= NAMED { format!(": {}", names(rows)) } else { String::new() };
        match verdict {
            Verdict::Used => out.push(format!("Used{names}{}.", last_seen(rows))),
            Verdict::Required => out.push(format!("Required{names}: {}.", reason(rows))),
            Verdict::Companion => out.push(format!("Companion{names}{}: {}.", last_seen(rows), reason(rows))),
            Verdict::Possible => out.push(format!("Possible{names}{}: {}.", last_seen(rows), reason(rows))),
            Verdict::Unobservable | Verdict::Unknown => {
                out.push(format!("WARNING kept unproven{names}: {}.", reason(rows)));
            }
            Verdict::Unused => {}
        }
    }
    if let Some(note) = note {
        match out.last_mut() {
            Some(last) => {
                last.push(' ');
                last.push_str(&origin(note));
            }
            None => out.push(origin(note)),
        }
    }
    out.iter().flat_map(|line| wrapped(line)).collect()
}

/// Wraps a sentence; later lines are indented.
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

/// One line that nothing can break out of: no control characters, and none that YAML takes for a line break
/// or a byte order mark (YAML 1.1, "Line break characters").
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

/// The most frequent reason, and the number of others.
fn reason(rows: &[&VerdictRow]) -> String {
    let mut counts: BTreeMap<Cow<'_, str>, usize> = BTreeMap::new();
    for row in rows {
        // `whittle explain` says what would make a use visible; in a comment it would hide the rest.
        *counts.entry(words::brief_verdict(&row.reason)).or_default() += 1;
    }
    let more = counts.len().saturating_sub(1);
    let most = counts.into_iter().max_by(|(a, m), (b, n)| m.cmp(n).then_with(|| b.cmp(a)));
    let reason = most.map_or(Cow::Borrowed(""), |(reason, _)| reason);
    match more {
        0 => reason.into_owned(),
        1 => format!("{reason} (and another reason)"),
        more => format!("{reason} (and {more} other reasons)"),
    }
}
