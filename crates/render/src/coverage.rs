//! Coverage of trails, and observability of actions day by day.

use std::fmt::Write as _;

use serde::Serialize;
use whittle_analysis::issue::Issue;
use whittle_analysis::result::{CoverageRow, ReportWindow, SCHEMA_VERSION};

use crate::text::{clean, table};
use crate::words::{self, AllInWords};

/// One action on one resource, day by day.
#[derive(Debug, Clone, Serialize)]
pub struct ActionDaysRow {
    /// The action.
    pub action: String,
    /// The resource that was asked about: an ARN pattern.
    pub resource: String,
    /// Days in a row with the same answer, in order.
    pub days: Vec<DayRunRow>,
}

/// Days in a row with the same answer.
#[derive(Debug, Clone, Serialize)]
pub struct DayRunRow {
    /// First day, `2026-09-01`.
    pub first: String,
    /// Last day.
    pub last: String,
    /// `seen`, `could-have-been-seen`, `partly` or `could-not-be-seen`.
    pub state: &'static str,
    /// Reason why not all of it could be seen.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The setting that would change it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// Coverage as one JSON document.
pub fn json(
    window: &ReportWindow,
    rows: &[CoverageRow],
    actions: &[ActionDaysRow],
    issues: &[Issue],
) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Document<'a> {
        schema_version: u32,
        window: &'a ReportWindow,
        coverage: AllInWords<'a, CoverageRow>,
        #[serde(skip_serializing_if = "<[_]>::is_empty")]
        actions: &'a [ActionDaysRow],
        issues: &'a [Issue],
    }
    let document = Document { schema_version: SCHEMA_VERSION, window, coverage: AllInWords(rows), actions, issues };
    Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
}

/// Coverage for a person.
pub fn human(window: &ReportWindow, rows: &[CoverageRow], actions: &[ActionDaysRow], issues: &[Issue]) -> String {
    let mut out = if window.days == 0 {
        "No window: no trail file was given, or none holds events of this account.\n\n".to_owned()
    } else {
        format!("{} days, {} to {}\n\n", window.days, clean(&window.start), clean(&window.end))
    };
    if rows.is_empty() {
        out.push_str("No trail is known.\n");
    } else {
        let cells: Vec<Vec<String>> = rows
            .iter()
            .map(|row| {
                vec![
                    clean(&row.source),
                    clean(&row.events),
                    row.observability.as_str().to_owned(),
                    clean(&words::coverage(&row.reason)),
                ]
            })
            .collect();
        out.push_str(&table(&["source", "events", "sight", "why"], &cells, &[], None));
    }
    if !actions.is_empty() {
        let cells: Vec<Vec<String>> = actions
            .iter()
            .flat_map(|action| {
                action.days.iter().map(|run| {
                    let why = match &run.remedy {
                        Some(remedy) => format!("{}; {remedy}", run.reason),
                        None => run.reason.clone(),
                    };
                    vec![
                        action.action.clone(),
                        clean(&action.resource),
                        if run.first == run.last {
                            run.first.clone()
                        } else {
                            format!("{} to {}", run.first, run.last)
                        },
                        run.state.to_owned(),
                        clean(&why),
                    ]
                })
            })
            .collect();
        out.push('\n');
        out.push_str(&table(&["action", "resource", "days", "state", "why"], &cells, &[], None));
    }
    for issue in issues {
        let _ = writeln!(out, "\nissue: {}: {}", clean(&issue.place), clean(&issue.message));
        if !issue.hint.is_empty() {
            let _ = writeln!(out, "  hint: {}", clean(&issue.hint));
        }
    }
    out
}
