//! `whittle analyze`.

use whittle_analysis::result::Severity;
use whittle_local::snapshot::SnapshotFolder;
use whittle_local::trail::TrailFolder;
use whittle_pipeline::run::{self, RunOutcome};
use whittle_render::report;

use super::evidence::settings;
use super::stored;
use crate::args::{AnalyzeArguments, Format};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::progress::ReadProgress;

/// Analyzes a snapshot folder with its trail.
pub fn run(arguments: &AnalyzeArguments, printer: &Printer) -> Result<Exit, CommandError> {
    let snapshot = SnapshotFolder::open(&arguments.snapshot)?;
    let trail = TrailFolder::new(arguments.evidence.trails.clone());
    let mut store = stored::open_or_make(&arguments.store.store, printer)?;
    let settings = settings(&arguments.evidence);
    let outcome = {
        let mut progress = ReadProgress::new(printer);
        run::run(&snapshot, &trail, &mut store, &settings, &mut progress)?
    };
    print_summary(&outcome, printer);
    let report = &outcome.report;
    // For `check` and `diff` on a template, which ask what a role is today.
    store.keep_snapshot(&report.account, &snapshot)?;
    store.close()?;
    printer.data(&match arguments.format {
        Format::Table => report::human(report, printer.color()),
        Format::Json => report::json(report)?,
        Format::Ndjson => report::ndjson(report)?,
    })?;
    Ok(Exit::of_gate(report, arguments.fail_on.map(Severity::from)))
}

fn print_summary(outcome: &RunOutcome, printer: &Printer) {
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
