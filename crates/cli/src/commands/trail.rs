//! `whittle trail map|usage|coverage`.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use whittle_analysis::issue::{Issue, merge_issues};
use whittle_catalog::catalog;
use whittle_evidence::coverage::{ActionAsked, Observability, Trails};
use whittle_evidence::ledger::days::start_of_day;
use whittle_evidence::ledger::{DaySet, Ledger};
use whittle_evidence::read::digest::PublicKeys;
use whittle_local::snapshot::SnapshotFolder;
use whittle_local::trail::TrailFolder;
use whittle_pipeline::ingest::{IngestSummary, read_all};
use whittle_pipeline::run::{Observed, RunSettings};
use whittle_pipeline::trail_query::{
    ActionDays, ValidatedRegion, day_runs, days_of_action, map_events, usage_rows, validated_days,
};
use whittle_render::coverage::{ActionDaysRow, CoverageView, DayRunRow, ValidationRow};
use whittle_render::trail::{self as render, EventActionRow, EventKindRow};
use whittle_render::words::{self, InWords};
use whittle_snapshot::{read_inventory, read_public_keys, read_trails};

use crate::args::{Format, TrailCoverageArguments, TrailMapArguments, TrailUsageArguments};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::printer::Printer;

/// Prints the actions of each kind of event.
pub fn map(arguments: &TrailMapArguments, printer: &Printer) -> Result<Exit, CommandError> {
    let trail = TrailFolder::new(arguments.paths.clone());
    let (kinds, summary, issues) = map_events(&trail)?;
    print_summary(&summary, printer);
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
                .map(|(action, (basis, resources))| {
                    let action = catalog().info(action).name();
                    let passes_role = action == "iam:PassRole";
                    EventActionRow {
                        action: action.to_owned(),
                        basis: basis.as_str(),
                        resources: resources.patterns(),
                        passed_to_service: kind.passed_to.iter().copied().filter(|_| passes_role).collect(),
                    }
                })
                .collect(),
            outcomes: kind.outcomes.iter().map(|(outcome, count)| (outcome.as_str(), *count)).collect(),
            possible: kind.possible.iter().map(|action| catalog().info(*action).name().to_owned()).collect(),
            denied_items: kind.denied_items.iter().map(|action| catalog().info(*action).name().to_owned()).collect(),
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
    if summary.records == 0 {
        return Err(no_events(&summary));
    }
    Ok(Exit::Clean)
}

/// No event was mapped, so whoever asked must not take the end for an answer.
fn no_events(summary: &IngestSummary) -> CommandError {
    CommandError::Unusable {
        message: if summary.unreadable > 0 {
            format!("none of the {} records could be read", summary.unreadable)
        } else {
            "there is no event in the input".to_owned()
        },
        hint: "give files of a trail, the answer of `aws cloudtrail lookup-events`, or records line by line".to_owned(),
    }
}

/// Prints usages by caller and action.
pub fn usage(arguments: &TrailUsageArguments, printer: &Printer) -> Result<Exit, CommandError> {
    let inventory = match &arguments.snapshot {
        Some(path) => Some(read_inventory(&SnapshotFolder::open(path)?)?),
        None => None,
    };
    let (ledger, issues) = ledger(&arguments.paths, PublicKeys::default(), printer)?;
    let rows = usage_rows(&ledger, inventory.as_ref());
    printer.data(&match arguments.format {
        Format::Table => render::usage_human(&rows),
        Format::Json => render::usage_json(&rows, &issues)?,
        Format::Ndjson => render::ndjson(&rows)?,
    })?;
    warn(&issues, printer);
    Ok(Exit::Clean)
}

/// Prints the coverage of trails: all of it by source, and chosen actions day by day.
pub fn coverage(arguments: &TrailCoverageArguments, printer: &Printer) -> Result<Exit, CommandError> {
    let (keys, of_keys) = if arguments.snapshot.is_file() {
        (PublicKeys::default(), Vec::new())
    } else {
        read_public_keys(&SnapshotFolder::open(&arguments.snapshot)?)
    };
    let (ledger, mut issues) = if arguments.trails.is_empty() {
        (Ledger::default(), Vec::new())
    } else {
        ledger(&arguments.trails, keys, printer)?
    };
    issues.extend(of_keys);
    let (account, trails) = if arguments.snapshot.is_file() {
        trails_of_file(&arguments.snapshot, &ledger)?
    } else {
        let snapshot = SnapshotFolder::open(&arguments.snapshot)?;
        let account = read_inventory(&snapshot)?.account.to_string();
        let trails = read_trails(&snapshot);
        issues.extend(trails.issues);
        (account, trails.trails)
    };
    let settings = RunSettings {
        event_history: arguments.event_history.clone(),
        now: Some(Timestamp::now()),
        ..RunSettings::default()
    };
    let history = |days| settings.declared_history(days, ledger.account(), &account);
    let observed = Observed::of(&account, &ledger, &settings, &history, &mut issues);
    let coverage = observed.coverage(&account, trails.as_ref(), &ledger);
    let rows = whittle_analysis::observability::coverage_rows(&coverage);
    let actions = chosen_actions(arguments)?
        .into_iter()
        .map(|action| {
            let asked = ActionAsked {
                resource: &arguments.resource,
                region: arguments.region.as_deref(),
                work_regions: &[],
                role_arn: arguments.role.as_deref(),
            };
            let days = days_of_action(&coverage, &ledger, action, &asked);
            action_days_row(catalog().info(action).name(), asked.resource, &days)
        })
        .collect::<Vec<_>>();
    let issues = merge_issues(issues);
    let window = observed.window.to_result();
    let validation: Vec<ValidationRow> = validated_days(&ledger, &account).iter().map(validation_row).collect();
    let shown =
        CoverageView { window: &window, rows: &rows, validation: &validation, actions: &actions, issues: &issues };
    printer.data(&match arguments.format {
        Format::Table => shown.human(),
        Format::Json => shown.json()?,
        Format::Ndjson if arguments.action.is_empty() => {
            let rows: Vec<_> = rows.iter().map(InWords::in_words).collect();
            render::ndjson(&rows)?
        }
        Format::Ndjson => render::ndjson(&actions)?,
    })?;
    Ok(Exit::Clean)
}

fn action_days_row(action: &str, resource: &str, days: &ActionDays) -> ActionDaysRow {
    let runs = days.runs.iter().map(|run| {
        let (state, reason, remedy) = match (&run.observability, run.seen) {
            (_, true) => ("seen", String::new(), None),
            (Observability::Full, false) => ("could-have-been-seen", String::new(), None),
            (Observability::Partial { reason, .. }, false) => ("partly", words::blind_reason(reason), None),
            (Observability::None { reason, remedy }, false) => {
                ("could-not-be-seen", words::blind_reason(reason), remedy.as_ref().map(words::remedy))
            }
        };
        DayRunRow { first: date(run.days.start), last: date(run.days.end - 1), state, reason, remedy }
    });
    ActionDaysRow { action: action.to_owned(), resource: resource.to_owned(), days: runs.collect() }
}

fn validation_row(region: &ValidatedRegion) -> ValidationRow {
    let runs = |days: &DaySet| {
        day_runs(days).into_iter().map(|run| format!("{} to {}", date(run.start), date(run.end - 1))).collect()
    };
    ValidationRow {
        region: region.region.clone(),
        digests: runs(&region.digested),
        intact: runs(&region.verified),
        signed: runs(&region.signed),
    }
}

fn date(day: i32) -> String {
    start_of_day(day).map(|time| time.strftime("%Y-%m-%d").to_string()).unwrap_or_default()
}

/// A file that holds what `aws cloudtrail describe-trails` answers; the account is that of the trails, or of
/// the events.
fn trails_of_file(path: &Path, ledger: &Ledger) -> Result<(String, Option<Trails>), CommandError> {
    let problem = |message: String, hint: &str| CommandError::Unusable { message, hint: hint.to_owned() };
    let text = std::fs::read_to_string(path)
        .map_err(|error| problem(format!("cannot read `{}`: {error}", path.display()), "give a snapshot folder"))?;
    let trails = Trails::parse(&text).map_err(|error| {
        let hint = error.hint().unwrap_or_default();
        problem(format!("`{}`: {error}", path.display()), hint)
    })?;
    let of_trail = |arn: &String| arn.split(':').nth(4).map(str::to_owned);
    let seen = || ledger.account().recipients().into_iter().next().map(str::to_owned);
    let account = trails.trails.iter().filter_map(|trail| trail.arn.as_ref()).find_map(of_trail);
    Ok((seen().or(account).unwrap_or_default(), Some(trails)))
}

fn chosen_actions(arguments: &TrailCoverageArguments) -> Result<Vec<whittle_catalog::ActionId>, CommandError> {
    let mut actions = Vec::new();
    for text in &arguments.action {
        let expanded = super::catalog::expand(text)?;
        actions.extend(expanded);
    }
    actions.sort_unstable();
    actions.dedup();
    Ok(actions)
}

fn ledger(paths: &[PathBuf], keys: PublicKeys, printer: &Printer) -> Result<(Ledger, Vec<Issue>), CommandError> {
    let trail = TrailFolder::new(paths.to_vec());
    let (ledger, summary, issues) = read_all(&trail, keys)?;
    print_summary(&summary, printer);
    Ok((ledger, issues))
}

fn print_summary(summary: &IngestSummary, printer: &Printer) {
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
