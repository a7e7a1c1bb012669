//! Changes between two results; in [`template`], changes that a template would make.

pub mod template;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use whittle_analysis::diff::{Difference, FunctionChange, VerdictChange};
use whittle_analysis::result::{SCHEMA_VERSION, Verdict};

use crate::style::Color;
use crate::text::{clean, short_name};
use crate::words::{self, InWords};

/// Actions that are named one by one for each kind of change.
const NAMED: usize = 6;

/// One JSON document, final newline.
pub fn json(difference: &Difference) -> Result<String, serde_json::Error> {
    let mut difference = difference.clone();
    difference.findings.iter_mut().for_each(InWords::put_in_words);
    difference.functions.iter_mut().for_each(InWords::put_in_words);
    Ok(format!("{}\n", serde_json::to_string_pretty(&difference)?))
}

/// One change a line, with `kind`: `finding` or `function`.
pub fn ndjson(difference: &Difference) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct ChangeLine<T> {
        schema_version: u32,
        kind: &'static str,
        #[serde(flatten)]
        value: T,
    }
    let mut out = String::new();
    for value in difference.findings.iter().map(InWords::in_words) {
        out.push_str(&serde_json::to_string(&ChangeLine { schema_version: SCHEMA_VERSION, kind: "finding", value })?);
        out.push('\n');
    }
    for value in difference.functions.iter().map(InWords::in_words) {
        out.push_str(&serde_json::to_string(&ChangeLine { schema_version: SCHEMA_VERSION, kind: "function", value })?);
        out.push('\n');
    }
    Ok(out)
}

/// For a person.
pub fn human(difference: &Difference, color: Color) -> String {
    let mut out = format!(
        "Account {}: {} days of evidence, then {}\n",
        clean(&difference.account),
        difference.before.days,
        difference.after.days
    );
    if difference.is_empty() {
        out.push_str("\nNothing changed.\n");
    }
    if !difference.findings.is_empty() {
        let _ = writeln!(out, "\n{}", color.heading("Findings"));
    }
    for change in &difference.findings {
        let finding = &change.finding;
        let subject = finding.function_arn.as_deref().unwrap_or(&finding.role_arn);
        let was = match change.was {
            Some(was) if change.change != "resolved" => format!(" (was {})", was.as_str()),
            _ => String::new(),
        };
        let _ = writeln!(
            out,
            "  {:<8}  {}{was}  {}: {} ({})",
            change.change,
            color.severity(finding.severity, finding.severity.as_str()),
            finding.code,
            clean(&finding.title),
            clean(short_name(subject))
        );
    }
    if !difference.functions.is_empty() {
        let _ = writeln!(out, "\n{}", color.heading("Functions"));
    }
    for change in &difference.functions {
        function(change, color, &mut out);
    }
    out
}

fn function(change: &FunctionChange, color: Color, out: &mut String) {
    let name = clean(short_name(&change.function_arn));
    let role = clean(short_name(&change.role_arn));
    let _ = write!(out, "  {} under {role}: {}", color.heading(&name), change.change);
    let removed =
        change.removed_actions.map(|count| count.map_or_else(|| "no suggestion".to_owned(), |n| n.to_string()));
    let [before, after] = &removed;
    if before != after {
        let _ = write!(out, ", removable {before} → {after}");
    }
    if change.policy_changed && change.change == "changed" {
        out.push_str(", its narrowed policy differs");
    }
    out.push('\n');
    let mut groups: BTreeMap<(Option<Verdict>, Option<Verdict>), Vec<&VerdictChange>> = BTreeMap::new();
    for verdict in &change.verdicts {
        groups.entry((verdict.before, verdict.after)).or_default().push(verdict);
    }
    for ((before, after), changes) in groups {
        let word = |verdict: Option<Verdict>| verdict.map_or("not granted", Verdict::as_str);
        let names: Vec<&str> = changes.iter().take(NAMED).map(|change| change.action.as_str()).collect();
        let more = changes.len().saturating_sub(NAMED);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let _ = writeln!(out, "    {} → {}: {}{more}", word(before), word(after), clean(&names.join(", ")));
        if let [only] = changes.as_slice() {
            let _ = writeln!(out, "      {}", color.faint(&clean(&words::verdict(&only.reason))));
        }
    }
}
