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

/// What digest files say of the files of one Region, in runs of days (`2026-09-01 to 2026-09-30`).
#[derive(Debug, Clone, Serialize)]
pub struct ValidationRow {
    /// The Region.
    pub region: String,
    /// Days of which digests list every file.
    pub digests: Vec<String>,
    /// Those of them on which every file has the hash that its digest names.
    pub intact: Vec<String>,
    /// Those of them whose digests all have a valid signature.
    pub signed: Vec<String>,
}

/// Everything that is known of the coverage of an account.
#[derive(Debug, Clone, Copy)]
pub struct CoverageView<'a> {
    /// The days that the evidence covers.
    pub window: &'a ReportWindow,
    /// Classes of events by source.
    pub rows: &'a [CoverageRow],
    /// Regions with digest files.
    pub validation: &'a [ValidationRow],
    /// Actions that were asked about.
    pub actions: &'a [ActionDaysRow],
    /// What could not be read.
    pub issues: &'a [Issue],
}

impl CoverageView<'_> {
    /// One JSON document.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        #[derive(Serialize)]
        struct Document<'a> {
            schema_version: u32,
            window: &'a ReportWindow,
            coverage: AllInWords<'a, CoverageRow>,
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            validation: &'a [ValidationRow],
            #[serde(skip_serializing_if = "<[_]>::is_empty")]
            actions: &'a [ActionDaysRow],
            issues: &'a [Issue],
        }
        let Self { window, rows, validation, actions, issues } = *self;
        let coverage = AllInWords(rows);
        let document = Document { schema_version: SCHEMA_VERSION, window, coverage, validation, actions, issues };
        Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
    }

    /// Text for a person.
    pub fn human(&self) -> String {
        let Self { window, rows, validation, actions, issues } = *self;
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
        if !validation.is_empty() {
            let days = |runs: &[String]| if runs.is_empty() { "none".to_owned() } else { runs.join(", ") };
            let cells: Vec<Vec<String>> = validation
                .iter()
                .map(|row| vec![clean(&row.region), days(&row.digests), days(&row.intact), days(&row.signed)])
                .collect();
            out.push('\n');
            let columns = ["region", "days with all digests", "all files intact", "all digests signed"];
            out.push_str(&table(&columns, &cells, &[], None));
        }
        out.push_str(&action_table(actions));
        for issue in issues {
            let _ = writeln!(out, "\nissue: {}: {}", clean(&issue.place), clean(&issue.message));
            if !issue.hint.is_empty() {
                let _ = writeln!(out, "  hint: {}", clean(&issue.hint));
            }
        }
        out
    }
}

/// Actions day by day; nothing if none was asked about.
fn action_table(actions: &[ActionDaysRow]) -> String {
    if actions.is_empty() {
        return String::new();
    }
    let row = |action: &ActionDaysRow, run: &DayRunRow| {
        let why = match &run.remedy {
            Some(remedy) => format!("{}; {remedy}", run.reason),
            None => run.reason.clone(),
        };
        let days = if run.first == run.last { run.first.clone() } else { format!("{} to {}", run.first, run.last) };
        vec![action.action.clone(), clean(&action.resource), days, run.state.to_owned(), clean(&why)]
    };
    let cells: Vec<Vec<String>> =
        actions.iter().flat_map(|action| action.days.iter().map(move |run| row(action, run))).collect();
    format!("\n{}", table(&["action", "resource", "days", "state", "why"], &cells, &[], None))
}
