//! `whittle check`: the gate for CI.

mod baseline;
mod locate;

use std::path::{Path, PathBuf};

use whittle_analysis::analyze::Settings;
use whittle_analysis::gate::{Gate, Outcome, Question, Waiver};
use whittle_analysis::result::Report;
use whittle_local::snapshot::SnapshotFolder;
use whittle_local::store::SqliteStore;
use whittle_local::trail::TrailFolder;
use whittle_local::waivers;
use whittle_pipeline::ingest::{Evidence, ingest};
use whittle_pipeline::ports::{InventorySource, TrailConfigSource};
use whittle_pipeline::run::{Case, RunSettings, judge};
use whittle_render::check as render;

use super::{analyze, stored};
use crate::args::{CheckArguments, CheckFormat};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::progress::ReadProgress;

/// Waivers file that is read if it is there and none is named.
const WAIVERS: &str = "whittle.toml";

/// Judges a snapshot and answers by exit code.
pub fn run(arguments: &CheckArguments, printer: &Printer) -> Result<Exit, CommandError> {
    let (waivers_file, waivers) = read_waivers(arguments.waivers.as_deref())?;
    let baseline = arguments.baseline.as_deref().map(baseline::read).transpose()?;
    let report = report(arguments, printer)?;
    let shown = waivers_file.display().to_string();
    let gate = Gate::new(
        report,
        &Question {
            fail_on: analyze::severity(arguments.fail_on),
            waivers: &waivers,
            waivers_file: &shown,
            baseline: baseline.as_ref(),
            min_window_days: arguments.min_window_days,
            today: super::today(),
        },
    );
    let places = locate::Places::read(&arguments.snapshot, &waivers_file);
    let find = |judged: &whittle_analysis::gate::Judged| Some(places.find(judged));
    printer.data(&match arguments.format {
        CheckFormat::Table => render::human::render(&gate, &find, printer.color()),
        CheckFormat::Json => render::json::render(&gate, &find)?,
        CheckFormat::Sarif => render::sarif::render(&gate, &find, env!("CARGO_PKG_VERSION")),
        CheckFormat::Github => render::github::render(&gate, &find),
        CheckFormat::Markdown => render::markdown::render(&gate, &find),
    })?;
    // Where the data is for machines, a person still wants to know how it ended.
    if arguments.format != CheckFormat::Table {
        printer.detail(&render::summary(&gate));
    }
    if let (Outcome::Inconclusive, Some(reason)) = (gate.outcome(), &gate.inconclusive) {
        printer.warning(&format!("inconclusive: {reason}"));
        printer.hint("pass --trail, or a store that knows more days; `whittle trail coverage` shows what can be seen");
    }
    Ok(match gate.outcome() {
        Outcome::Clean => Exit::Clean,
        Outcome::Findings => Exit::Findings,
        Outcome::Inconclusive => Exit::Inconclusive,
    })
}

/// The report on the snapshot with the evidence of the store and of the trails named. The store is only read.
fn report(arguments: &CheckArguments, printer: &Printer) -> Result<Report, CommandError> {
    let snapshot = SnapshotFolder::open(&arguments.snapshot)?;
    let inventory = super::block_on(snapshot.inventory())??;
    let trails = super::block_on(snapshot.trails())??;
    let path = &arguments.store.store;
    let mut evidence =
        if path.exists() { Evidence::load(&mut stored::open_existing(path)?)? } else { Evidence::default() };
    let mut issues = Vec::new();
    if !arguments.trails.is_empty() {
        let mut progress = ReadProgress::new(printer);
        let trail = TrailFolder::new(arguments.trails.clone());
        // Reading saves as it goes; what a gate reads is kept for this answer only.
        let mut scratch = SqliteStore::open_in_memory()?;
        let (read, found) =
            ingest(whittle_catalog::catalog(), &trail, &mut scratch, &mut evidence, &mut progress, &|| false)?;
        printer.detail(&format!("read {} trail files: {} events", read.read, read.records));
        issues = found;
    }
    let settings = RunSettings {
        analysis: Settings { min_window_days: arguments.min_window_days },
        event_history: arguments.event_history.clone(),
        quiet_days_are_real: arguments.quiet_days_are_real,
    };
    let history = |days| settings.declared_history(days);
    Ok(judge(Case {
        catalog: whittle_catalog::catalog(),
        inventory: &inventory,
        trails,
        evidence: &evidence,
        history: &history,
        settings: &settings,
        doubts: Vec::new(),
        issues,
    }))
}

fn read_waivers(named: Option<&Path>) -> Result<(PathBuf, Vec<Waiver>), CommandError> {
    let path = named.unwrap_or(Path::new(WAIVERS));
    if named.is_none() && !path.exists() {
        return Ok((path.to_owned(), Vec::new()));
    }
    Ok((path.to_owned(), waivers::read(path)?))
}
