//! `whittle analyze`.

use whittle_analysis::input::AnalysisSettings;
use whittle_analysis::result::{Report, Severity};
use whittle_local::snapshot::SnapshotFolder;
use whittle_local::trail::TrailFolder;
use whittle_pipeline::run::{RunOutcome, RunSettings};
use whittle_render::report;

use super::stored;
use crate::args::{AnalyzeArguments, Format, SeverityChoice};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::progress::ReadProgress;

/// Analyzes a snapshot folder with its trail.
pub fn run(arguments: &AnalyzeArguments, printer: &Printer) -> Result<Exit, CommandError> {
    let snapshot = SnapshotFolder::open(&arguments.snapshot)?;
    let trail = TrailFolder::new(arguments.evidence.trails.clone());
    let mut store = stored::open_or_make(&arguments.store.store)?;
    let settings = RunSettings {
        analysis: AnalysisSettings { min_window_days: arguments.evidence.min_window_days },
        event_history: arguments.evidence.event_history.clone(),
        assume_quiet_days: arguments.evidence.assume_quiet_days,
    };
    let outcome = {
        let mut progress = ReadProgress::new(printer);
        super::block_on(whittle_pipeline::run::run(&snapshot, &trail, &mut store, &settings, &mut progress))??
    };
    tell(&outcome, printer);
    let report = &outcome.report;
    // For `check` and `diff` on a template, which ask what a role is today.
    store.keep_snapshot(&report.account, &snapshot)?;
    printer.data(&match arguments.format {
        Format::Table => report::human(report, printer.color()),
        Format::Json => report::json(report)?,
        Format::Ndjson => report::ndjson(report)?,
    })?;
    Ok(gate(report, arguments.fail_on))
}

fn tell(outcome: &RunOutcome, printer: &Printer) {
    let read = &outcome.read;
    printer.detail(&format!(
        "read {} of {} trail files ({} known from earlier, {} hold no events): {} events, {} skipped, {} unreadable",
        read.read, read.objects, read.known, read.not_events, read.records, read.skipped, read.unreadable
    ));
    let changes = &outcome.changes;
    printer.detail(&format!(
        "store: {} rows new, {} changed, {} removed",
        changes.inserted, changes.updated, changes.deleted
    ));
}

pub(super) fn gate(report: &Report, fail_on: Option<SeverityChoice>) -> Exit {
    let Some(least) = fail_on.map(severity) else { return Exit::Clean };
    if report.findings.iter().any(|finding| finding.severity >= least) {
        Exit::Findings
    } else if report.window.days == 0 {
        // Without evidence a gate that passes would say more than is known.
        Exit::Inconclusive
    } else {
        Exit::Clean
    }
}

pub(super) fn severity(choice: SeverityChoice) -> Severity {
    match choice {
        SeverityChoice::Info => Severity::Info,
        SeverityChoice::Low => Severity::Low,
        SeverityChoice::Medium => Severity::Medium,
        SeverityChoice::High => Severity::High,
        SeverityChoice::Critical => Severity::Critical,
    }
}
