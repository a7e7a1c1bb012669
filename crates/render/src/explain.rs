//! Verdicts on one function with their reasons.

pub mod detail;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use whittle_analysis::result::{FunctionResult, SCHEMA_VERSION, Verdict, VerdictRow};

use crate::style::Color;
use crate::text::{clean, short_name};
use crate::words::{self, InWords as _};

/// Verdicts of one function as JSON, final newline.
pub fn json(results: &[(&FunctionResult, Vec<&VerdictRow>)]) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Explanation<'a> {
        function_arn: &'a str,
        role_arn: &'a str,
        qualifiers: &'a [String],
        active_days: u32,
        verdicts: Vec<VerdictRow>,
        #[serde(skip_serializing_if = "Option::is_none")]
        no_suggestion: Option<Cow<'a, str>>,
    }
    #[derive(Serialize)]
    struct Explanations<'a> {
        schema_version: u32,
        functions: Vec<Explanation<'a>>,
    }
    let functions = results
        .iter()
        .map(|(result, rows)| Explanation {
            function_arn: &result.function_arn,
            role_arn: &result.role_arn,
            qualifiers: &result.qualifiers,
            active_days: result.active_days,
            verdicts: rows.iter().map(|row| row.in_words()).collect(),
            no_suggestion: result.no_suggestion.as_ref().map(words::no_suggestion),
        })
        .collect();
    Ok(format!("{}\n", serde_json::to_string_pretty(&Explanations { schema_version: SCHEMA_VERSION, functions })?))
}

/// Verdicts of one function for a person: needed actions one by one, removable ones grouped by service and
/// reason.
pub fn human(result: &FunctionResult, rows: &[&VerdictRow], all: bool, color: Color) -> String {
    let mut out = String::new();
    let _ =
        writeln!(out, "{} under {}", color.heading(&clean(short_name(&result.function_arn))), clean(&result.role_arn));
    let _ = writeln!(
        out,
        "  {} of the function; seen on {} days; {} actions granted",
        clean(&result.qualifiers.join(", ")),
        result.active_days,
        result.counts.granted
    );
    if let Some(reason) = &result.no_suggestion {
        let _ = writeln!(out, "  no suggestion: {}", clean(&words::no_suggestion(reason)));
    }
    for (verdict, heading) in [
        (Verdict::Used, "Used"),
        (Verdict::Required, "Required by the configuration"),
        (Verdict::Companion, "Companions of what is used"),
        (Verdict::Possible, "Possible: AWS may check it for calls that were seen"),
        (Verdict::Unknown, "Not known to the catalog, kept"),
        (Verdict::Unobservable, "Kept unproven: could not have been seen"),
        (Verdict::Unused, "Removable: would have been seen, and was not"),
    ] {
        let of: Vec<&&VerdictRow> = rows.iter().filter(|row| row.verdict == verdict).collect();
        if of.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n{} ({})", color.verdict(verdict, heading), of.len());
        let grouped = matches!(verdict, Verdict::Unobservable | Verdict::Unused) && !all && of.len() > 12;
        if grouped { groups(&of, &mut out) } else { details(&of, color, &mut out) }
    }
    if rows.is_empty() {
        out.push_str("  nothing granted\n");
    }
    out
}

fn details(rows: &[&&VerdictRow], color: Color, out: &mut String) {
    for row in rows {
        let _ = writeln!(out, "  {}", clean(&row.action));
        let _ = writeln!(out, "    {}", color.faint(&clean(&words::verdict(&row.reason))));
        for resource in &row.resources {
            let _ = writeln!(out, "    on {}", clean(resource));
        }
        if let Some(last) = &row.last_seen {
            let _ = writeln!(out, "    last seen {}", clean(last));
        }
    }
}

fn groups(rows: &[&&VerdictRow], out: &mut String) {
    let mut by_group: BTreeMap<(&str, Cow<'_, str>), Vec<&str>> = BTreeMap::new();
    for row in rows {
        let (prefix, name) = row.action.split_once(':').unwrap_or((row.action.as_str(), ""));
        by_group.entry((prefix, words::verdict(&row.reason))).or_default().push(name);
    }
    for ((prefix, reason), names) in by_group {
        let shown: Vec<&str> = names.iter().take(4).copied().collect();
        let rest = names.len().saturating_sub(shown.len());
        let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        let _ = writeln!(out, "  {}: {}{more}", clean(prefix), clean(&shown.join(", ")));
        let _ = writeln!(out, "    {}", clean(&reason));
    }
}

/// One verdict a line.
pub fn ndjson(results: &[(&FunctionResult, Vec<&VerdictRow>)]) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Line<'a> {
        schema_version: u32,
        function_arn: &'a str,
        role_arn: &'a str,
        #[serde(flatten)]
        row: VerdictRow,
    }
    let mut out = String::new();
    for (result, rows) in results {
        for row in rows {
            let line = Line {
                schema_version: SCHEMA_VERSION,
                function_arn: &result.function_arn,
                role_arn: &result.role_arn,
                row: row.in_words(),
            };
            out.push_str(&serde_json::to_string(&line)?);
            out.push('\n');
        }
    }
    Ok(out)
}
