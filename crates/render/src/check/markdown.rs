//! A summary for a comment on a pull request.
//!
//! The first line is a mark by which a workflow finds its earlier comment. Nothing in a name can become a
//! link, an image, HTML or a mention.

use std::fmt::Write as _;

use whittle_analysis::gate::{Gate, GateOutcome, JudgedFinding, Standing};

use super::{Locate, note, subject, summary};
use crate::text::{clean, short_name};
use crate::words;

/// A workflow finds its earlier comment by this mark.
pub const MARK: &str = "<!-- whittle check -->";

/// Findings listed in full; the others are only counted. GitHub takes comments of up to 65,536 characters.
const LISTED: usize = 60;

/// The summary.
pub fn render(gate: &Gate, locate: Locate<'_>) -> String {
    let mut out = format!("{MARK}\n");
    let sign = match gate.outcome() {
        GateOutcome::Clean => "passed",
        GateOutcome::Findings => "failed",
        GateOutcome::Inconclusive => "inconclusive",
    };
    let _ = writeln!(out, "## Whittle: {sign}\n\n{}.", escape(&summary(gate)));
    let new: Vec<&JudgedFinding> = gate.new_findings().collect();
    if !new.is_empty() {
        out.push_str("\n| severity | finding | where | next |\n|---|---|---|---|\n");
        for judged in new.iter().take(LISTED) {
            row(judged, locate, &mut out);
        }
        if new.len() > LISTED {
            let _ = writeln!(out, "\nAnd {} more.", new.len() - LISTED);
        }
    }
    let rest: Vec<&JudgedFinding> = gate.findings.iter().filter(|judged| judged.standing != Standing::New).collect();
    if !rest.is_empty() {
        let _ = writeln!(out, "\n<details><summary>{} known or waived</summary>\n", rest.len());
        for judged in rest.iter().take(LISTED) {
            let why = match &judged.standing {
                Standing::Waived(waiver) => {
                    format!("waived by {} until {}: {}", waiver.owner, waiver.until, waiver.reason)
                }
                Standing::New | Standing::Known => "in the baseline".to_owned(),
            };
            let finding = &judged.finding;
            let _ = writeln!(
                out,
                "- {} `{}` {}: {}",
                finding.severity.as_str(),
                finding.code,
                escape(short_name(subject(judged))),
                escape(&why)
            );
        }
        if rest.len() > LISTED {
            let _ = writeln!(out, "- and {} more", rest.len() - LISTED);
        }
        out.push_str("\n</details>\n");
    }
    if !gate.notes.is_empty() {
        out.push_str("\nNot judged, or not wholly:\n\n");
        for issue in gate.notes.iter().take(LISTED) {
            let _ = writeln!(out, "- {}", escape(&note(issue)));
        }
        if gate.notes.len() > LISTED {
            let _ = writeln!(out, "- and {} more", gate.notes.len() - LISTED);
        }
    }
    let window = &gate.window;
    if window.days > 0 {
        let day = |time: &str| escape(time.split('T').next().unwrap_or(time));
        let _ = writeln!(out, "\nEvidence: {} days, {} to {}.", window.days, day(&window.start), day(&window.end));
    }
    out
}

fn row(judged: &JudgedFinding, locate: Locate<'_>, out: &mut String) {
    let finding = &judged.finding;
    let place = match locate(judged).first() {
        Some(place) => format!("{}<br>{}:{}", escape(short_name(subject(judged))), escape(&place.path), place.line),
        None => escape(short_name(subject(judged))),
    };
    let _ = writeln!(
        out,
        "| {} | **{}** {}<br>{}<br>fingerprint `{}` | {place} | {} |",
        finding.severity.as_str(),
        finding.code,
        escape(&finding.title),
        escape(&words::detail(&finding.detail)),
        finding.fingerprint,
        escape(&finding.remedy)
    );
}

/// Text that Markdown shows as it is.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in clean(text).chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // A mention, an issue, a link by its scheme: an entity stops all of them.
            '@' => out.push_str("&#64;"),
            '#' => out.push_str("&#35;"),
            ':' => out.push_str("&#58;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '(' | ')' | '|' | '~' | '!' => {
                out.push('\\');
                out.push(character);
            }
            _ => out.push(character),
        }
    }
    out
}
