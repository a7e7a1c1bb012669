//! `whittle trail map|usage|coverage`.

use std::path::PathBuf;

use whittle_analysis::issue::{Issue, merge_issues};
use whittle_catalog::catalog;
use whittle_evidence::ledger::Ledger;
use whittle_local::snapshot::SnapshotFolder;
use whittle_local::trail::TrailFolder;
use whittle_pipeline::ingest::{IngestSummary, read_all};
use whittle_pipeline::look::{map_events, usage_rows};
use whittle_pipeline::ports::{InventorySource, TrailConfigSource};
use whittle_pipeline::run::{Observed, RunSettings};
use whittle_render::trail::{self as render, EventActionRow, EventKindRow};

use crate::args::{Format, TrailCoverageArguments, TrailMapArguments, TrailUsageArguments};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::printer::Printer;

/// What each kind of event maps to.
pub fn map(arguments: &TrailMapArguments, printer: &Printer) -> Result<Exit, CommandError> {
    let trail = TrailFolder::new(arguments.paths.clone());
    let catalog = catalog();
    let (kinds, summary, issues) = map_events(catalog, &trail)?;
    tell(&summary, printer);
    let rows: Vec<EventKindRow> = kinds
        .into_iter()
        .filter(|(_, kind)| {
            arguments.class.is_empty() || arguments.class.iter().any(|class| class == kind.class.as_str())
        })
        .map(|((event_source, event_name), kind)| EventKindRow {
            event_source,
            event_name,
            events: kind.events,
            class: kind.class.as_str(),
            actions: kind
                .actions
                .into_iter()
                .map(|(action, (basis, resources))| EventActionRow {
                    action: catalog.info(action).name().to_owned(),
                    basis: basis.as_str(),
                    resources: resources.patterns(),
                })
                .collect(),
            reason: kind.reason,
            nearest: kind.nearest,
        })
        .collect();
    printer.data(&match arguments.format {
        Format::Table => render::map_human(&rows),
        Format::Json => render::map_json(&rows, &issues)?,
        Format::Ndjson => render::ndjson(&rows)?,
    })?;
    warn(&issues, printer);
    Ok(Exit::Clean)
}

/// Who used which action on what.
pub fn usage(arguments: &TrailUsageArguments, printer: &Printer) -> Result<Exit, CommandError> {
    let inventory = match &arguments.snapshot {
        Some(path) => {
            let snapshot = SnapshotFolder::open(path)?;
            Some(super::block_on(snapshot.inventory())??)
        }
        None => None,
    };
    let (ledger, issues) = ledger(&arguments.paths, printer)?;
    let rows = usage_rows(&ledger, inventory.as_ref());
    printer.data(&match arguments.format {
        Format::Table => render::usage_human(&rows),
        Format::Json => render::usage_json(&rows, &issues)?,
        Format::Ndjson => render::ndjson(&rows)?,
    })?;
    warn(&issues, printer);
    Ok(Exit::Clean)
}

/// What the trails of a snapshot can see.
pub fn coverage(arguments: &TrailCoverageArguments, printer: &Printer) -> Result<Exit, CommandError> {
    let snapshot = SnapshotFolder::open(&arguments.snapshot)?;
    let account = super::block_on(snapshot.inventory())??.account;
    let trails = super::block_on(snapshot.trails())??;
    let (ledger, mut issues) =
        if arguments.trails.is_empty() { (Ledger::default(), Vec::new()) } else { ledger(&arguments.trails, printer)? };
    issues.extend(trails.issues);
    let settings = RunSettings { event_history: arguments.event_history.clone(), ..RunSettings::default() };
    let history = |days| settings.declared_history(days);
    let observed = Observed::of(account.as_ref(), &ledger, settings.quiet_days_are_real, &history, &mut issues);
    let coverage = observed.coverage(account.as_ref(), trails.trails.as_ref(), &ledger);
    let rows = whittle_analysis::observe::coverage_rows(&coverage);
    let issues = merge_issues(issues);
    let window = observed.window.to_result();
    printer.data(&match arguments.format {
        Format::Table => whittle_render::coverage::human(&window, &rows, &issues),
        Format::Json => whittle_render::coverage::json(&window, &rows, &issues)?,
        Format::Ndjson => render::ndjson(&rows)?,
    })?;
    Ok(Exit::Clean)
}

fn ledger(paths: &[PathBuf], printer: &Printer) -> Result<(Ledger, Vec<Issue>), CommandError> {
    let trail = TrailFolder::new(paths.to_vec());
    let (ledger, summary, issues) = read_all(catalog(), &trail)?;
    tell(&summary, printer);
    Ok((ledger, issues))
}

fn tell(summary: &IngestSummary, printer: &Printer) {
    printer.detail(&format!(
        "read {} files ({} hold no events): {} events, {} skipped, {} unreadable",
        summary.read, summary.not_events, summary.records, summary.skipped, summary.unreadable
    ));
}

fn warn(issues: &[Issue], printer: &Printer) {
    for issue in issues {
        let times = if issue.count > 1 { format!(" ({} times)", issue.count) } else { String::new() };
        printer.warning(&format!("{}: {}{times}", issue.place, issue.message));
    }
}
