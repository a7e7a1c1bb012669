//! The answer for a person at a terminal.

use std::fmt::Write as _;

use whittle_analysis::gate::{Gate, Outcome, Standing};

use super::{Locate, subject, summary};
use crate::style::Color;
use crate::text::{clean, short_name};

/// Findings that count, worst first, what was waived, and the answer.
pub fn render(gate: &Gate, locate: Locate<'_>, color: Color) -> String {
    let mut out = String::new();
    for judged in gate.new_findings() {
        let finding = &judged.finding;
        let severity = format!("{:<8}", finding.severity.as_str());
        let _ = writeln!(
            out,
            "{}  {}: {} ({})",
            color.severity(finding.severity, &severity),
            finding.code,
            clean(&finding.title),
            clean(short_name(subject(judged)))
        );
        let _ = writeln!(out, "          {}", clean(&finding.detail));
        let place = locate(judged).map(|place| format!("{}:{}, ", clean(&place.path), place.line)).unwrap_or_default();
        let _ = writeln!(out, "          {}", color.faint(&format!("{place}fingerprint {}", finding.fingerprint)));
        let _ = writeln!(out, "          {}", color.faint(&format!("next: {}", clean(&finding.remedy))));
    }
    for judged in &gate.findings {
        if let Standing::Waived(waiver) = &judged.standing {
            let _ = writeln!(
                out,
                "{}    {}: {} ({} until {}: {})",
                color.faint("waived"),
                judged.finding.code,
                clean(short_name(subject(judged))),
                clean(&waiver.owner),
                waiver.until,
                clean(&waiver.reason)
            );
        }
    }
    if !out.is_empty() {
        out.push('\n');
    }
    let word = match gate.outcome() {
        Outcome::Clean => "Passed",
        Outcome::Findings => "Failed",
        Outcome::Inconclusive => "Inconclusive",
    };
    let _ = writeln!(out, "{}: {}.", color.heading(word), clean(&summary(gate)));
    out
}
