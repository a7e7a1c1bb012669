//! The use case: one analysis of one account; and [`analyze`], which it shares with the
//! [service](crate::service).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rayon::prelude::*;
use whittle_analysis::analyze::analyze_with;
use whittle_analysis::doubt::Doubt;
use whittle_analysis::findings::{self, TrailFacts};
use whittle_analysis::input::{AnalysisEvidence, AnalysisSettings};
use whittle_analysis::inventory::Inventory;
use whittle_analysis::issue::{Issue, IssueKind, merge_issues};
use whittle_analysis::result::Report;
use whittle_analysis::window::ObservationWindow;
use whittle_evidence::coverage::{self, Coverage, EventHistory, MAX_QUIET_DAYS, Trails};
use whittle_evidence::ledger::days::{day_of, start_of_day};
use whittle_evidence::ledger::{AccountFacts, KeptRoles, Ledger, RecordSource};
use whittle_evidence::read::parse_key;
use whittle_snapshot::{SnapshotFiles, TrailConfigs, read_inventory, read_public_keys, read_trails};

use crate::ingest::{self, IngestObserver, IngestSummary, ingest};
use crate::ports::{Changes, PortError, SaveScope, Store, TrailObjects};

/// Settings of one run.
#[derive(Debug, Clone, Default)]
pub struct RunSettings {
    /// Settings of the analysis.
    pub analysis: AnalysisSettings,
    /// Regions whose event history was read completely.
    pub event_history: Vec<String>,
    /// Days without any event of the account were quiet; no files are missing.
    pub assume_quiet_days: bool,
    /// The time of the run: events dated later are no evidence. `None` takes every date as it stands.
    pub now: Option<Timestamp>,
}

impl RunSettings {
    /// Event history as the user declares it: complete for the Regions given, over the days between the first
    /// and the last answer that was read of each. Without an answer nothing was read.
    pub fn declared_history(&self, days: Range<i32>, facts: &AccountFacts, account: &str) -> Option<EventHistory> {
        let days_of = |region: &String| {
            let read = facts.read_of(account).filter(|(source, of, _)| {
                **source == RecordSource::EventHistory && (region == EventHistory::ALL_REGIONS || of == region)
            });
            let (first, last) = read
                .filter_map(|(_, _, facts)| Some((facts.any.first()?, facts.any.last()?)))
                .reduce(|one, two| (one.0.min(two.0), one.1.max(two.1)))?;
            // A few quiet days at either end are as quiet as elsewhere.
            let start = if first.saturating_sub(days.start) <= MAX_QUIET_DAYS { days.start } else { first };
            let end =
                if days.end.saturating_sub(last) <= MAX_QUIET_DAYS + 1 { days.end } else { last.saturating_add(1) };
            (start < end).then(|| (region.clone(), start..end))
        };
        let known: BTreeMap<String, Range<i32>> = self.event_history.iter().filter_map(days_of).collect();
        (!self.event_history.is_empty()).then_some(EventHistory { days: known })
    }
}

/// Outcome of one run.
#[derive(Debug)]
pub struct RunOutcome {
    /// Everything found.
    pub report: Report,
    /// Summary of the reading.
    pub read: IngestSummary,
    /// Changes in the store.
    pub changes: Changes,
}

/// Inventory → evidence → analysis → store.
pub fn run(
    snapshot: &dyn SnapshotFiles,
    objects: &impl TrailObjects,
    store: &mut impl Store,
    settings: &RunSettings,
    observer: &mut dyn IngestObserver,
) -> Result<RunOutcome, PortError> {
    let inventory = read_inventory(snapshot)?;
    let trails = read_trails(snapshot);
    let mut evidence = ingest::Evidence::load(store)?;
    let (keys, of_keys) = read_public_keys(snapshot);
    evidence.reading.public_keys = keys;
    evidence.reading.kept_roles = KeptRoles::only(inventory.assignments().into_keys().map(ToString::to_string));
    let (read, mut issues) = ingest(objects, store, &mut evidence, observer, &|| false)?;
    issues.extend(of_keys);
    let account = inventory.account.to_string();
    let history = |days: Range<i32>| settings.declared_history(days, evidence.ledger.account(), &account);
    let report = analyze(AnalysisInput {
        inventory: &inventory,
        trails,
        evidence: &evidence,
        history: &history,
        settings,
        doubts: Vec::new(),
        issues,
        is_partial: false,
    });
    let changes = store.save_report(&report, &SaveScope::Account)?;
    Ok(RunOutcome { report, read, changes })
}

/// Input of an analysis: everything that a report is made of.
pub struct AnalysisInput<'a> {
    /// Functions and roles.
    pub inventory: &'a Inventory,
    /// Configuration of the trails.
    pub trails: TrailConfigs,
    /// Ledger and marks.
    pub evidence: &'a ingest::Evidence,
    /// For the days of the window: which Regions' event history covers them.
    pub history: &'a dyn Fn(Range<i32>) -> Option<EventHistory>,
    /// Settings of the run.
    pub settings: &'a RunSettings,
    /// Reasons from outside why absence of evidence proves nothing anywhere.
    pub doubts: Vec<Doubt>,
    /// Issues so far.
    pub issues: Vec<Issue>,
    /// Only some roles are asked about: findings of the account itself are left out.
    pub is_partial: bool,
}

/// Inventory and evidence → report. Reads and writes nothing.
pub fn analyze(input: AnalysisInput<'_>) -> Report {
    let AnalysisInput { inventory, trails, evidence, history, settings, doubts, mut issues, is_partial } = input;
    let ledger = &evidence.ledger;
    issues.extend(evidence.marks.issues());
    issues.extend(trails.issues);
    let account_id = inventory.account.to_string();
    issues.extend(without_digests(&account_id, ledger));
    issues.extend(trails.trails.iter().flat_map(|known| foreign_trails(&account_id, known)));
    let mut seen = Observed::of(&account_id, ledger, settings, history, &mut issues);
    seen.doubts.extend(doubts);
    let coverage = seen.coverage(&account_id, trails.trails.as_ref(), ledger);
    let evidence = AnalysisEvidence {
        ledger,
        coverage: &coverage,
        window: &seen.window,
        settings: &settings.analysis,
        doubts: &seen.doubts,
        density: seen.density,
    };
    let mut report = analyze_with(inventory, evidence, |batches, work| batches.par_iter().map(work).collect());
    if !is_partial {
        report.findings.extend(findings::check_trails(&TrailFacts {
            account: &account_id,
            trails: trails.trails.as_ref(),
            reads_event_history: seen.history.is_some(),
        }));
        findings::sort(&mut report.findings);
    }
    report.issues.extend(issues);
    report.issues = merge_issues(std::mem::take(&mut report.issues));
    report
}

/// The observation window and the doubts about it.
#[derive(Debug)]
pub struct Observed {
    /// From the first to the last day with events of the account.
    pub window: ObservationWindow,
    /// Reasons why absence proves nothing anywhere.
    pub doubts: Vec<Doubt>,
    /// Share of the window's days with events.
    pub density: f64,
    history: Option<EventHistory>,
    days: Option<Range<i32>>,
    assume_quiet_days: bool,
}

/// IAM and the ledger look back no further (IAM's tracking period is 400 days).
const LOOKBACK_DAYS: i32 = 400;

impl Observed {
    /// Reads the window off the ledger. Adds issues for what makes it doubtful.
    pub fn of(
        account: &str,
        ledger: &Ledger,
        settings: &RunSettings,
        history: &dyn Fn(Range<i32>) -> Option<EventHistory>,
        issues: &mut Vec<Issue>,
    ) -> Self {
        let facts = ledger.account();
        let last = last_day(account, facts, settings.now, issues);
        let days = last.and_then(|last| {
            let bounds = last.saturating_sub(LOOKBACK_DAYS)..last.saturating_add(1);
            facts.observed(account, bounds)
        });
        let doubts = lost_events(issues, days.as_ref());
        if days.is_none() {
            let others: Vec<&str> = facts.recipients().into_iter().filter(|other| *other != account).collect();
            let issue = if others.is_empty() {
                Issue::new(IssueKind::NoEvidence, "trail", "no event of CloudTrail was found")
                    .with_hint("give the folder that holds AWSLogs/, or files that LookupEvents answered")
            } else {
                Issue::new(
                    IssueKind::OtherAccount,
                    "trail",
                    format!("the snapshot is of account {account}, the trail of {}", others.join(", ")),
                )
                .with_hint("give the snapshot and the trail of the same account")
            };
            issues.push(issue);
        }
        let mut density = 1.0;
        if let Some(days) = &days {
            let quiet = quiet_days(account, ledger, days.clone());
            let total = f64::from(days.end.saturating_sub(days.start).max(1));
            density = 1.0 - f64::from(u32::try_from(quiet.len()).unwrap_or(u32::MAX)) / total;
            if !quiet.is_empty() {
                issues.push(
                    Issue::new(
                        IssueKind::DaysWithoutEvents,
                        "trail",
                        format!("{} days of the window hold no event", quiet.len()),
                    )
                    .with_hint("if files are missing, add them; if the account was quiet, pass --assume-quiet-days"),
                );
            }
        }
        let history = history(days.clone().unwrap_or_default());
        let assume_quiet_days = settings.assume_quiet_days;
        Self { window: ObservationWindow::new(days.clone()), doubts, density, history, days, assume_quiet_days }
    }

    /// Coverage over the window.
    pub fn coverage<'a>(&'a self, account: &'a str, trails: Option<&'a Trails>, ledger: &'a Ledger) -> Coverage<'a> {
        Coverage::new(coverage::CoverageEvidence {
            account,
            trails,
            history: self.history.as_ref(),
            facts: ledger.account(),
            window: coverage::DayWindow::new(&self.days.clone().unwrap_or_default()),
            assume_quiet_days: self.assume_quiet_days,
        })
    }
}

/// The last day with events of the account. Events dated after `now` do not count: they are named in an
/// issue. Where all are, the clock is what is wrong.
fn last_day(account: &str, facts: &AccountFacts, now: Option<Timestamp>, issues: &mut Vec<Issue>) -> Option<i32> {
    let days = || facts.regions_of(account).flat_map(|(_, region)| region.any.iter());
    let last = days().max()?;
    // A day of grace for clocks that differ.
    let today = now.map_or(i32::MAX, |now| day_of(now).saturating_add(1));
    if last <= today {
        return Some(last);
    }
    let known = days().filter(|day| *day <= today).max();
    let dated = days().filter(|day| *day > today).collect::<BTreeSet<_>>();
    let shown = |day: i32| start_of_day(day).map(|time| time.strftime("%Y-%m-%d").to_string()).unwrap_or_default();
    let first = dated.first().copied().map(shown).unwrap_or_default();
    let message = match known {
        Some(_) => format!("events are dated after today, the first on {first}: they are set aside"),
        None => format!("every event is dated after today, the first on {first}: the clock is taken to be wrong"),
    };
    let mut issue = Issue::new(IssueKind::FutureEvents, "trail", message)
        .with_hint("check the clock of this machine and the source of these records");
    issue.count = u64::try_from(dated.len()).unwrap_or(u64::MAX);
    issues.push(issue);
    known.or(Some(last))
}

/// An issue for each trail of another account that is not the organisation's.
fn foreign_trails<'t>(account: &'t str, trails: &'t Trails) -> impl Iterator<Item = Issue> + 't {
    trails.trails.iter().filter(|trail| trail.is_foreign(account)).map(move |trail| {
        let message = format!("is a trail of another account than {account}, and logs nothing of it");
        Issue::new(IssueKind::TrailConfiguration, trail.arn.as_deref().unwrap_or(&trail.name), message)
            .with_hint("take it out of trails.json, or give the snapshot of its account")
    })
}

/// An issue for each place whose trail files come without digests.
fn without_digests(account: &str, ledger: &Ledger) -> Vec<Issue> {
    let mut places: BTreeMap<&str, bool> = BTreeMap::new();
    for (source, _, facts) in ledger.account().read_of(account) {
        if let RecordSource::TrailFiles { location, .. } = source {
            *places.entry(location).or_default() |= !facts.digested.is_empty();
        }
    }
    let issue = |place: &str| {
        let message = "has no digest files: a single trail file that is lost would look like a quiet hour";
        Issue::new(IssueKind::NoDigests, place, message).with_hint(
            "copy the folders CloudTrail-Digest/ too, or switch them on: aws cloudtrail update-trail --name NAME \
             --enable-log-file-validation",
        )
    };
    places.into_iter().filter(|(_, has_digests)| !has_digests).map(|(place, _)| issue(place)).collect()
}

fn quiet_days(account: &str, ledger: &Ledger, days: Range<i32>) -> Vec<i32> {
    let regions: Vec<_> = ledger.account().regions_of(account).map(|(_, facts)| &facts.any).collect();
    days.filter(|day| !regions.iter().any(|any| any.contains(*day))).collect()
}

/// Each place where events were lost, once. A file whose key says that it was delivered before the window
/// does not count.
fn lost_events(issues: &[Issue], days: Option<&Range<i32>>) -> Vec<Doubt> {
    let places: BTreeSet<&String> =
        issues.iter().filter(|issue| issue.kind.loses_evidence()).map(|issue| &issue.place).collect();
    let lost = places.into_iter().filter_map(|place| {
        let key = parse_key(place);
        let day = key.and_then(|key| key.date.to_zoned(TimeZone::UTC).ok()).map(|date| day_of(date.timestamp()));
        let before = day.zip(days).is_some_and(|(day, window)| day < window.start);
        let region = key.map(|key| key.region.to_owned());
        (!before).then(|| Doubt::LostEvents { place: place.clone(), region })
    });
    lost.collect()
}
