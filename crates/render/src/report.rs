//! The result of an analysis: for people and for scripts.

use std::fmt::Write as _;

use serde::Serialize;
use whittle_analysis::issue::Issue;
use whittle_analysis::result::{CoverageRow, Finding, FunctionResult, Report, ReportWindow, RoleResult};

use crate::style::Color;
use crate::text::{clean, short_name, table};
use crate::words::{self, AllInWords, InWords as _};

/// The report as JSON, two spaces of indentation, final newline.
pub fn json(report: &Report) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Document<'a> {
        schema_version: u32,
        account: &'a str,
        window: &'a ReportWindow,
        coverage: AllInWords<'a, CoverageRow>,
        issues: &'a [Issue],
        roles: AllInWords<'a, RoleResult>,
        functions: AllInWords<'a, FunctionResult>,
        findings: AllInWords<'a, Finding>,
    }
    let document = Document {
        schema_version: report.schema_version,
        account: &report.account,
        window: &report.window,
        coverage: AllInWords(&report.coverage),
        issues: &report.issues,
        roles: AllInWords(&report.roles),
        functions: AllInWords(&report.functions),
        findings: AllInWords(&report.findings),
    };
    Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
}

/// One JSON object a line, each with `schema_version` and `kind`: `run`, `role`, `function`, `finding`.
pub fn ndjson(report: &Report) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Line<'a, T> {
        schema_version: u32,
        kind: &'static str,
        #[serde(flatten)]
        value: &'a T,
    }
    #[derive(Serialize)]
    struct Run<'a> {
        account: &'a str,
        window: &'a ReportWindow,
        coverage: AllInWords<'a, CoverageRow>,
        issues: &'a [Issue],
    }
    fn line<T: Serialize>(
        out: &mut String,
        version: u32,
        kind: &'static str,
        value: &T,
    ) -> Result<(), serde_json::Error> {
        out.push_str(&serde_json::to_string(&Line { schema_version: version, kind, value })?);
        out.push('\n');
        Ok(())
    }
    let mut out = String::new();
    let version = report.schema_version;
    let run = Run {
        account: &report.account,
        window: &report.window,
        coverage: AllInWords(&report.coverage),
        issues: &report.issues,
    };
    line(&mut out, version, "run", &run)?;
    for role in &report.roles {
        line(&mut out, version, "role", &role.in_words())?;
    }
    for function in &report.functions {
        line(&mut out, version, "function", &function.in_words())?;
    }
    for finding in &report.findings {
        line(&mut out, version, "finding", &finding.in_words())?;
    }
    Ok(out)
}

/// The report for a person: a table of functions, findings by severity, what could not be seen, the next
/// command.
pub fn human(report: &Report, color: Color) -> String {
    let mut out = String::new();
    header(report, color, &mut out);
    functions(report, &mut out);
    findings(report, color, &mut out);
    gaps(report, color, &mut out);
    next(report, color, &mut out);
    out
}

fn header(report: &Report, color: Color, out: &mut String) {
    let window = if report.window.days == 0 {
        "no evidence".to_owned()
    } else {
        format!(
            "{} days of evidence ({} to {})",
            report.window.days,
            day(&report.window.start),
            day(&report.window.end)
        )
    };
    let title = format!("Account {}", clean(&report.account));
    let _ = writeln!(
        out,
        "{}: {} functions on {} roles, {window}\n",
        color.heading(&title),
        report.functions.len(),
        report.roles.len()
    );
}

fn day(timestamp: &str) -> &str {
    timestamp.split('T').next().unwrap_or(timestamp)
}

fn functions(report: &Report, out: &mut String) {
    if report.functions.is_empty() {
        out.push_str("No functions.\n");
        return;
    }
    let rows: Vec<Vec<String>> = report.functions.iter().map(function_row).collect();
    out.push_str(&table(
        &[
            "function",
            "granted",
            "used",
            "required",
            "companion",
            "possible",
            "kept unproven",
            "removable",
            "confidence",
        ],
        &rows,
        &[1, 2, 3, 4, 5, 6, 7, 8],
        None,
    ));
}

fn function_row(function: &FunctionResult) -> Vec<String> {
    let counts = function.counts;
    let mut name = clean(short_name(&function.function_arn));
    if !function.qualifiers.iter().any(|qualifier| qualifier == "$LATEST") {
        let _ = write!(name, " ({})", clean(&function.qualifiers.join(", ")));
    }
    let (removable, confidence) = match &function.suggestion {
        Some(suggestion) => (suggestion.removed_actions.to_string(), format!("{:.2}", suggestion.confidence)),
        None => ("-".to_owned(), "no suggestion".to_owned()),
    };
    vec![
        name,
        counts.granted.to_string(),
        counts.used.to_string(),
        counts.required.to_string(),
        counts.companion.to_string(),
        counts.possible.to_string(),
        counts.unproven.to_string(),
        removable,
        confidence,
    ]
}

fn findings(report: &Report, color: Color, out: &mut String) {
    if report.findings.is_empty() {
        out.push_str("\nNo findings.\n");
        return;
    }
    let _ = writeln!(out, "\n{}", color.heading("Findings"));
    for finding in &report.findings {
        let severity = format!("{:<8}", finding.severity.as_str());
        let _ = writeln!(
            out,
            "{}  {}: {}",
            color.severity(finding.severity, &severity),
            finding.code,
            clean(&finding.title)
        );
        let _ = writeln!(out, "          {}", clean(&words::detail(&finding.detail)));
        let _ = writeln!(out, "          {}", color.faint(&format!("next: {}", clean(&finding.remedy))));
    }
}

fn gaps(report: &Report, color: Color, out: &mut String) {
    let without: Vec<&FunctionResult> =
        report.functions.iter().filter(|function| function.suggestion.is_none()).collect();
    if !without.is_empty() {
        let _ = writeln!(out, "\n{}", color.heading("No suggestion"));
        for function in without {
            let reason = function.no_suggestion.as_ref().map_or("unknown".into(), words::no_suggestion);
            let _ = writeln!(out, "  {}: {}", clean(short_name(&function.function_arn)), clean(&reason));
        }
    }
    if !report.issues.is_empty() {
        let _ = writeln!(out, "\n{}", color.heading("Issues"));
        for issue in &report.issues {
            let times = if issue.count > 1 { format!(" ({} times)", issue.count) } else { String::new() };
            let _ = writeln!(out, "  {}: {}{times}", clean(&issue.place), clean(&issue.message));
            if !issue.hint.is_empty() {
                let _ = writeln!(out, "    {}", color.faint(&format!("hint: {}", clean(&issue.hint))));
            }
        }
    }
}

fn next(report: &Report, color: Color, out: &mut String) {
    let most = report
        .functions
        .iter()
        .filter_map(|function| function.suggestion.as_ref().map(|suggestion| (suggestion.removed_actions, function)))
        .filter(|(removed, _)| *removed > 0)
        .max_by_key(|(removed, function)| (*removed, std::cmp::Reverse(&function.function_arn)));
    if let Some((_, function)) = most {
        let name = clean(short_name(&function.function_arn));
        let _ = writeln!(out, "\n{} whittle policy {name}", color.heading("Next:"));
        let _ = writeln!(out, "      whittle explain {name}");
    }
}
