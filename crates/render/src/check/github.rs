//! Annotations of GitHub Actions: a workflow command for each finding that counts, one a line, then a line
//! for the log.
//!
//! GitHub Docs, "Workflow commands for GitHub Actions", "Setting an error message"; its toolkit escapes `%`,
//! `\r` and `\n` in messages, and `:` and `,` in properties too.

use std::fmt::Write as _;

use whittle_analysis::gate::Gate;

use super::{Locate, level, note, subject, summary};
use crate::text::{clean, short_name};
use crate::words;

/// The annotations.
pub fn render(gate: &Gate, locate: Locate<'_>) -> String {
    let mut out = String::new();
    for judged in gate.new_findings() {
        let finding = &judged.finding;
        let command = level(finding.severity, ["error", "warning", "notice"]);
        let mut properties = Vec::new();
        if let Some(place) = locate(judged).first() {
            properties.push(format!("file={}", property(&place.path)));
            properties.push(format!("line={}", place.line));
            properties.extend(place.end_line.map(|line| format!("endLine={line}")));
            // GitHub shows columns of one line only.
            if place.end_line.is_none_or(|line| line == place.line) {
                properties.extend(place.column.map(|column| format!("col={column}")));
                properties.extend(place.end_column.map(|column| format!("endColumn={column}")));
            }
        }
        let title = format!("{} ({}): {}", finding.code, finding.severity.as_str(), short_name(subject(judged)));
        properties.push(format!("title={}", property(&title)));
        let text = format!(
            "{}\n{}\nNext: {}\nFingerprint: {}",
            clean(&finding.title),
            clean(&words::detail(&finding.detail)),
            clean(&finding.remedy),
            finding.fingerprint
        );
        let _ = writeln!(out, "::{command} {}::{}", properties.join(","), data(&text));
    }
    for issue in &gate.notes {
        let mut properties = Vec::new();
        if let Some((path, line)) = issue.place.rsplit_once(':').filter(|(_, line)| line.parse::<u32>().is_ok()) {
            properties.extend([format!("file={}", property(path)), format!("line={line}")]);
        }
        properties.push(format!("title={}", property(issue.kind.as_str())));
        let _ = writeln!(out, "::notice {}::{}", properties.join(","), data(&clean(&note(issue))));
    }
    let _ = writeln!(out, "whittle: {}", clean(&summary(gate)));
    out
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(&clean(text)).replace(':', "%3A").replace(',', "%2C")
}
