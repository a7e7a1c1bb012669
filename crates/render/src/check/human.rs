//! The answer for a person at a terminal.

use std::fmt::Write as _;

use whittle_analysis::gate::{Gate, GateOutcome, Standing};

use super::{Locate, Location, note, subject, summary};
use crate::style::Color;
use crate::text::{clean, short_name};
use crate::words;

/// Findings that count, worst first; waived findings; the answer.
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
        let _ = writeln!(out, "          {}", clean(&words::detail(&finding.detail)));
        let places = locate(judged);
        let column = |place: &Location| place.column.map(|column| format!(":{column}")).unwrap_or_default();
        let place = places.first().map(|place| format!("{}:{}{}, ", clean(&place.path), place.line, column(place)));
        let place = place.unwrap_or_default();
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
    for issue in &gate.notes {
        let _ = writeln!(out, "{}      {}", color.faint("note"), clean(&note(issue)));
    }
    if !out.is_empty() {
        out.push('\n');
    }
    let word = match gate.outcome() {
        GateOutcome::Clean => "Passed",
        GateOutcome::Findings => "Failed",
        GateOutcome::Inconclusive => "Inconclusive",
    };
    let _ = writeln!(out, "{}: {}.", color.heading(word), clean(&summary(gate)));
    out
}
