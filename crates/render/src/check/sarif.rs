//! SARIF 2.1.0 (OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0"), as code scanning
//! takes it (GitHub Docs, "SARIF support for code scanning": rules with `security-severity`, one location
//! with a line, a fingerprint).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use whittle_analysis::findings::{DRIFT_RULES, RULES, WAIVER_RULES};
use whittle_analysis::gate::{Gate, GateOutcome, JudgedFinding, Standing};
use whittle_analysis::result::Severity;

use super::{Locate, Location, level, page, subject};
use crate::text::clean;
use crate::words;

/// Key of the fingerprint; its number changes if fingerprints are ever computed differently.
pub const FINGERPRINT_KEY: &str = "whittleFingerprint/v1";

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The log with one run, final newline. `version` is that of the program.
pub fn render(gate: &Gate, locate: Locate<'_>, version: &str) -> String {
    let mut worst: BTreeMap<&str, Severity> = BTreeMap::new();
    for judged in &gate.findings {
        let known = worst.entry(&judged.finding.code).or_insert(judged.finding.severity);
        *known = (*known).max(judged.finding.severity);
    }
    let summaries = RULES.iter().map(|rule| (rule.code, rule.summary));
    let summaries = summaries.chain(DRIFT_RULES.iter().map(|rule| (rule.code, rule.summary)));
    let summaries: Vec<(&str, &str)> =
        summaries.chain(WAIVER_RULES.iter().map(|rule| (rule.code, rule.summary))).collect();
    let rules: Vec<Value> = summaries
        .iter()
        .map(|(code, summary)| rule(code, summary, worst.get(code).copied().unwrap_or(Severity::Info)))
        .collect();
    let results: Vec<Value> = gate
        .findings
        .iter()
        .map(|judged| {
            let index = summaries.iter().position(|(code, _)| *code == judged.finding.code);
            result(judged, index, &locate(judged), gate.has_baseline)
        })
        .collect();
    let issues = gate.issues.iter().map(|issue| ("warning", issue));
    let notes: Vec<Value> = issues
        .chain(gate.notes.iter().map(|issue| ("note", issue)))
        .map(|(level, issue)| {
            json!({
                "level": level,
                "message": {"text": clean(&format!("{}: {} {}", issue.place, issue.message, issue.hint)).trim_end()},
            })
        })
        .collect();
    let mut invocation = json!({
        "executionSuccessful": true,
        "exitCode": match gate.outcome() { GateOutcome::Clean => 0, GateOutcome::Findings => 1, GateOutcome::Inconclusive => 3 },
        "toolExecutionNotifications": notes,
    });
    if let (Some(reason), Some(fields)) = (&gate.inconclusive, invocation.as_object_mut()) {
        fields.insert("properties".to_owned(), json!({"inconclusive": words::inconclusive(reason)}));
    }
    let log = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "Whittle", "version": version, "rules": rules}},
            "invocations": [invocation],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

fn rule(code: &str, summary: &str, worst: Severity) -> Value {
    let page = page(code).unwrap_or_default();
    json!({
        "id": code,
        "name": pascal(code),
        "shortDescription": {"text": summary},
        "fullDescription": {"text": paragraph(page)},
        "help": {"text": page, "markdown": page},
        "defaultConfiguration": {"level": level(worst, ["error", "warning", "note"])},
        "properties": {"tags": ["security", "iam"], "security-severity": security_severity(worst)},
    })
}

fn result(judged: &JudgedFinding, index: Option<usize>, places: &[Location], has_baseline: bool) -> Value {
    let finding = &judged.finding;
    let mut out = Map::new();
    out.insert("ruleId".to_owned(), json!(finding.code));
    out.extend(index.map(|index| ("ruleIndex".to_owned(), json!(index))));
    out.insert("level".to_owned(), json!(level(finding.severity, ["error", "warning", "note"])));
    let text = format!("{}. {}. Next: {}", finding.title, words::detail(&finding.detail), finding.remedy);
    out.insert("message".to_owned(), json!({"text": clean(&text)}));
    let mut location = json!({"logicalLocations": [{"fullyQualifiedName": subject(judged), "kind": "resource"}]});
    let mut places = places.iter();
    if let (Some(place), Some(fields)) = (places.next(), location.as_object_mut()) {
        fields.insert("physicalLocation".to_owned(), physical(place));
    }
    let related: Vec<Value> = places
        .map(|place| json!({"physicalLocation": physical(place), "message": {"text": "grants some of it too"}}))
        .collect();
    if !related.is_empty() {
        out.insert("relatedLocations".to_owned(), json!(related));
    }
    out.insert("locations".to_owned(), json!([location]));
    out.insert("partialFingerprints".to_owned(), json!({FINGERPRINT_KEY: finding.fingerprint}));
    if has_baseline {
        let state = if judged.standing == Standing::New { "new" } else { "unchanged" };
        out.insert("baselineState".to_owned(), json!(state));
    }
    if let Standing::Waived(waiver) = &judged.standing {
        let text = clean(&format!("{} (by {} until {})", waiver.reason, waiver.owner, waiver.until));
        let suppression = json!({"kind": "external", "status": "accepted", "justification": text});
        out.insert("suppressions".to_owned(), json!([suppression]));
    }
    let properties = json!({
        "severity": finding.severity.as_str(), "likelihood": finding.likelihood, "impact": finding.impact,
        "function_arn": finding.function_arn, "role_arn": finding.role_arn,
    });
    out.insert("properties".to_owned(), properties);
    Value::Object(out)
}

fn physical(place: &Location) -> Value {
    let mut region = json!({"startLine": place.line});
    if let Some(fields) = region.as_object_mut() {
        fields.extend(place.column.map(|column| ("startColumn".to_owned(), json!(column))));
        fields.extend(place.end_line.map(|line| ("endLine".to_owned(), json!(line))));
        fields.extend(place.end_column.map(|column| ("endColumn".to_owned(), json!(column))));
    }
    json!({"artifactLocation": {"uri": uri(&place.path), "uriBaseId": "%SRCROOT%"}, "region": region})
}

/// GitHub's scale: critical over 9.0, high 7.0 to 8.9, medium 4.0 to 6.9, low 0.1 to 3.9.
fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
        Severity::Info => "0.5",
    }
}

fn pascal(code: &str) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase().to_string() + letters.as_str()).unwrap_or_default()
    };
    code.split('-').map(capital).collect()
}

/// The first paragraph below the heading, on one line.
fn paragraph(page: &str) -> String {
    page.split("\n\n").nth(1).unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A relative path as a URI reference (RFC 3986): all but unreserved characters are encoded, also a colon in
/// the first segment.
fn uri(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
