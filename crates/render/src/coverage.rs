//! What trails can see.

use std::fmt::Write as _;

use serde::Serialize;
use whittle_analysis::issue::Issue;
use whittle_analysis::result::{CoverageRow, SCHEMA_VERSION, Window};

use crate::text::{clean, table};

/// Coverage as one JSON document.
pub fn json(window: &Window, rows: &[CoverageRow], issues: &[Issue]) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Document<'a> {
        schema_version: u32,
        window: &'a Window,
        coverage: &'a [CoverageRow],
        issues: &'a [Issue],
    }
    let document = Document { schema_version: SCHEMA_VERSION, window, coverage: rows, issues };
    Ok(format!("{}\n", serde_json::to_string_pretty(&document)?))
}

/// Coverage for a person.
pub fn human(window: &Window, rows: &[CoverageRow], issues: &[Issue]) -> String {
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
            .map(|row| vec![clean(&row.source), clean(&row.events), row.sight.clone(), clean(&row.reason)])
            .collect();
        out.push_str(&table(&["source", "events", "sight", "why"], &cells, &[], None));
    }
    for issue in issues {
        let _ = writeln!(out, "\nissue: {}: {}", clean(&issue.place), clean(&issue.message));
        if !issue.hint.is_empty() {
            let _ = writeln!(out, "  hint: {}", clean(&issue.hint));
        }
    }
    out
}
