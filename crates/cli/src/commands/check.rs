//! `whittle check`: the gate for CI.

mod baseline;
mod locate;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use whittle_analysis::gate::{Gate, GateOutcome, GateQuestion, Waiver};
use whittle_analysis::issue::Issue;
use whittle_analysis::reason::Reason;
use whittle_local::snapshot::SnapshotFolder;
use whittle_local::store::SqliteStore;
use whittle_local::trail::TrailFolder;
use whittle_local::waivers;
use whittle_pipeline::ingest::{Evidence, ingest};
use whittle_pipeline::proposal::{CheckedProposal, ProposalEvidence, check};
use whittle_pipeline::run::{AnalysisInput, analyze};
use whittle_render::check as render;
use whittle_snapshot::{read_inventory, read_trails};

use super::evidence::settings;
use super::{proposal, stored};
use crate::args::{CheckArguments, CheckFormat};
use crate::clock::today;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::files::relative;
use crate::printer::Printer;
use crate::progress::ReadProgress;

/// Waivers file that is read if it is there and none is named.
const WAIVERS: &str = "whittle.toml";

/// Judges a snapshot or a template and answers by exit code.
pub fn run(arguments: &CheckArguments, printer: &Printer) -> Result<Exit, CommandError> {
    let (waivers_file, waivers) = read_waivers(arguments.waivers.as_deref())?;
    let baseline = arguments.baseline.as_deref().map(baseline::read).transpose()?;
    let checked =
        if arguments.subject.is_dir() { snapshot(arguments, printer)? } else { template(arguments, printer)? };
    let shown = waivers_file.display().to_string();
    let mut gate = Gate::new(
        checked.report,
        &GateQuestion {
            fail_on: arguments.fail_on.into(),
            waivers: &waivers,
            waivers_file: &shown,
            baseline: baseline.as_ref(),
            min_window_days: arguments.evidence.window.min_window_days,
            today: today(),
            // A template has some of the functions; the waivers file may be for all of them.
            is_whole: arguments.subject.is_dir(),
        },
    );
    gate.notes = checked.notes;
    let of_template = checked.inconclusive.filter(|_| gate.inconclusive.is_none());
    let in_words = |reason| Reason::Text(whittle_render::template::inconclusive(reason));
    gate.inconclusive = gate.inconclusive.or_else(|| of_template.as_ref().map(in_words));
    let places = locate::Places::read(&arguments.subject, &waivers_file);
    let file = relative(&arguments.subject);
    let find = |own: &whittle_analysis::gate::JudgedFinding| match checked.places.get(&own.finding.fingerprint) {
        Some(found) if own.waiver_line.is_none() => {
            found.iter().map(|place| proposal::location_of(&file, *place)).collect()
        }
        _ => vec![places.find(own)],
    };
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
    if let (GateOutcome::Inconclusive, Some(reason)) = (gate.outcome(), &gate.inconclusive) {
        printer.warning(&format!("inconclusive: {}", whittle_render::words::inconclusive(reason)));
        printer.hint(of_template.as_ref().map_or(
            "pass --trail, or a store that knows more days; `whittle trail coverage` shows what can be seen",
            whittle_render::template::inconclusive_hint,
        ));
    }
    Ok(match gate.outcome() {
        GateOutcome::Clean => Exit::Clean,
        GateOutcome::Findings => Exit::Findings,
        GateOutcome::Inconclusive => Exit::Inconclusive,
    })
}

/// Report on a snapshot, with the evidence of the store and of the trails named. The store is only read.
fn snapshot(arguments: &CheckArguments, printer: &Printer) -> Result<CheckedProposal, CommandError> {
    // The other flags for a template may be set in the environment for all commands.
    if let Some((id, _)) = arguments.deployment.functions.first() {
        return Err(CommandError::Usage {
            message: format!("`{}` is a folder, and --function {id} is for a template", arguments.subject.display()),
            hint: "name the template, or leave --function out".to_owned(),
        });
    }
    let snapshot = SnapshotFolder::open(&arguments.subject)?;
    let inventory = read_inventory(&snapshot)?;
    let trails = read_trails(&snapshot);
    let (evidence, issues) = evidence(arguments, printer)?;
    let settings = settings(&arguments.evidence);
    let account = inventory.account.to_string();
    let history = |days| settings.declared_history(days, evidence.ledger.account(), &account);
    let report = analyze(AnalysisInput {
        inventory: &inventory,
        trails,
        evidence: &evidence,
        history: &history,
        settings: &settings,
        doubts: Vec::new(),
        issues,
        is_partial: true,
    });
    Ok(CheckedProposal { report, places: BTreeMap::new(), notes: Vec::new(), inconclusive: None })
}

fn template(arguments: &CheckArguments, printer: &Printer) -> Result<CheckedProposal, CommandError> {
    if let Err(source) = std::fs::metadata(&arguments.subject) {
        return Err(CommandError::Read { path: arguments.subject.clone(), source });
    }
    let (evidence, issues) = evidence(arguments, printer)?;
    let proposal = proposal::read(&arguments.subject, &arguments.deployment, &arguments.store.store)?;
    let settings = settings(&arguments.evidence);
    let now = Timestamp::now();
    Ok(check(&proposal, ProposalEvidence { evidence: &evidence, settings: &settings, issues, now })?)
}

/// The evidence of the store, if there is one, and of the trails named, and what could not be read of these.
fn evidence(arguments: &CheckArguments, printer: &Printer) -> Result<(Evidence, Vec<Issue>), CommandError> {
    let path = &arguments.store.store;
    let mut evidence =
        if path.exists() { Evidence::load(&mut stored::open_existing(path)?)? } else { Evidence::default() };
    let mut issues = Vec::new();
    if !arguments.evidence.trails.is_empty() {
        let mut progress = ReadProgress::new(printer);
        let trail = TrailFolder::new(arguments.evidence.trails.clone());
        // Reading saves as it goes; what a gate reads is kept for this answer only.
        let mut scratch = SqliteStore::open_in_memory()?;
        let (read, found) = ingest(&trail, &mut scratch, &mut evidence, &mut progress, &|| false)?;
        printer.detail(&format!("read {} trail files: {} events", read.read, read.records));
        issues = found;
    }
    Ok((evidence, issues))
}

fn read_waivers(named: Option<&Path>) -> Result<(PathBuf, Vec<Waiver>), CommandError> {
    let path = named.unwrap_or(Path::new(WAIVERS));
    if named.is_none() && !path.exists() {
        return Ok((path.to_owned(), Vec::new()));
    }
    Ok((path.to_owned(), waivers::read(path)?))
}
