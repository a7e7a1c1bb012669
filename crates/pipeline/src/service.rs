//! The use case of the service: one run in an account, from lease to alerts.
//!
//! lease → evidence (event history, trail files) → inventory → analysis → results → state of findings →
//! alerts.
//!
//! A run may be stopped at any point and is repeatable: what was read is saved with its marks as it is read,
//! results and findings are written as differences, and an alert is owed in the same write that makes it due.
//! Evidence comes before the inventory, since the trail shows which functions changed. A run that has no time
//! left for all of it ends as [`Status::Continues`]; the next one goes on. Such a run judges by what was read
//! so far, unless a complete run did so lately.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::{SignedDuration, Timestamp};
use whittle_analysis::findings;
use whittle_analysis::inventory::Inventory;
use whittle_analysis::issue::{Issue, IssueKind, merge_issues};
use whittle_analysis::result::Report;
use whittle_evidence::coverage::EventHistory;
use whittle_evidence::ledger::{ChangeKind, KeptRoles};

use crate::alerts::{AlertSettings, Renderer, advance, deliver};
use crate::baseline::{self, RoleBaseline};
use crate::history::{HistorySettings, covered_history, read_history};
use crate::ingest::{self, IngestObserver, ReadingSettings, ingest};
use crate::ports::service::{AlertSink, Begun, CollectRequest, InventoryCollector, Lease, RunRecord, ServiceStore};
use crate::ports::{Clock, EventHistorySource, PortError, PortErrorKind, SaveScope, TrailObjects};
use crate::run::{AnalysisInput, RunSettings, analyze};
use whittle_snapshot::{read_inventory, read_trails};

mod progress;
mod scope;

pub use scope::AnalysisScope;

/// Settings of one run of the service.
#[derive(Debug, Clone)]
pub struct ServiceSettings {
    /// Id of the run; unique.
    pub run_id: String,
    /// Scope of the analysis.
    pub scope: AnalysisScope,
    /// Settings of the analysis.
    pub run: RunSettings,
    /// How evidence is read.
    pub reading: ReadingSettings,
    /// Settings for the reading of event history.
    pub history: HistorySettings,
    /// Read evidence of so many days again, whatever was read before.
    pub backfill_days: Option<u16>,
    /// Times to stop reading and to be done. `None`: no deadline.
    pub deadline: Option<Deadline>,
    /// Settings of alerts.
    pub alerts: AlertSettings,
}

/// Times at which a run has to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// Nothing new is read from then on: the rest of the time is for analysing and writing.
    pub reading: Timestamp,
    /// Functions are not looked at one by one any more.
    pub collecting: Timestamp,
    /// The run is killed then.
    pub end: Timestamp,
}

impl Deadline {
    /// For a run that is killed at `end` and begins at `now`: two thirds of the time for reading evidence,
    /// and at least a fifth for analysing and writing.
    pub fn within(now: Timestamp, end: Timestamp) -> Self {
        let total = end.duration_since(now);
        let share = |part: i32| now.checked_add(total.saturating_mul(part) / 15).unwrap_or(end);
        Self { reading: share(10), collecting: share(12), end }
    }
}

/// Duration of a lease without a deadline, from one renewal to the next.
const LEASE: SignedDuration = SignedDuration::from_mins(20);

/// Age up to which the judgement of a complete run is left in place while a reading goes on over several
/// runs.
const RECENT: SignedDuration = SignedDuration::from_hours(48);

/// Status at the end of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// Everything was read, analysed and published.
    Complete,
    /// There was no time for all of it: progress is saved, the next run goes on.
    Continues,
    /// Another run is at work; nothing was done.
    Busy,
}

impl Status {
    /// The word used in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Continues => "continues",
            Self::Busy => "busy",
        }
    }
}

/// Outcome of one run of the service.
#[derive(Debug)]
pub struct ServiceOutcome {
    /// Status at the end.
    pub status: Status,
    /// Everything found; `None` if nothing was analysed.
    pub report: Option<Report>,
    /// Counts of its work by name.
    pub counts: BTreeMap<String, u64>,
    /// Problems of reading, collecting and publishing.
    pub issues: Vec<Issue>,
    /// The run that is at work, for [`Status::Busy`].
    pub busy_with: Option<String>,
}

impl ServiceOutcome {
    /// Issues of the run as a whole and of the analysis.
    pub fn all_issues(&self) -> impl Iterator<Item = &Issue> {
        self.issues.iter().chain(self.report.iter().flat_map(|report| &report.issues))
    }
}

/// Ports of one run.
pub struct Ports<'a, I, H, T, S, A, C> {
    /// Functions, roles, trails.
    pub inventory: &'a I,
    /// Event history.
    pub history: &'a H,
    /// Trail files.
    pub objects: &'a T,
    /// Table.
    pub store: &'a mut S,
    /// Topic; `None` publishes nothing and leaves owed what is owed.
    pub alerts: Option<&'a A>,
    /// Clock.
    pub clock: &'a C,
}

/// Runs once. An error means that the run could do nothing useful; whatever it had read is saved.
pub async fn run_service<I, H, T, S, A, C>(
    ports: Ports<'_, I, H, T, S, A, C>,
    settings: &ServiceSettings,
    render: Renderer<'_>,
    observer: &mut dyn IngestObserver,
) -> Result<ServiceOutcome, PortError>
where
    I: InventoryCollector,
    H: EventHistorySource,
    T: TrailObjects,
    S: ServiceStore,
    A: AlertSink,
    C: Clock,
{
    let started = ports.clock.now();
    let expires = match &settings.deadline {
        // A run that is killed cannot give its lease back.
        Some(deadline) => deadline.end.saturating_add(SignedDuration::from_secs(30)).unwrap_or(Timestamp::MAX),
        None => started.saturating_add(LEASE).unwrap_or(Timestamp::MAX),
    };
    let lease = Lease { run_id: settings.run_id.clone(), now: started, expires };
    let last = match ports.store.begin_run(&lease)? {
        Begun::Started { last } => last,
        Begun::Busy { run_id, until } => {
            let message = format!("run {run_id} is at work, at the latest until {until}");
            return Ok(ServiceOutcome {
                status: Status::Busy,
                report: None,
                counts: BTreeMap::new(),
                issues: vec![Issue::new(IssueKind::Busy, "lease", message)],
                busy_with: Some(run_id),
            });
        }
    };
    let mut run = ServiceRun {
        ports,
        settings,
        render,
        baselines: BTreeMap::new(),
        counts: BTreeMap::new(),
        changed: false,
        issues: Vec::new(),
    };
    let result = run.all(last.as_ref(), observer).await;
    run.end(started, last.and_then(|last| last.completed), &result)?;
    let ServiceRun { counts, issues, .. } = run;
    let (status, report) = result?;
    Ok(ServiceOutcome { status, report, counts, issues: merge_issues(issues), busy_with: None })
}

struct ServiceRun<'a, 'p, I, H, T, S, A, C> {
    ports: Ports<'p, I, H, T, S, A, C>,
    settings: &'a ServiceSettings,
    render: Renderer<'a>,
    /// By role ARN: what the last run found.
    baselines: BTreeMap<String, RoleBaseline>,
    counts: BTreeMap<String, u64>,
    /// Something was written beside the lease.
    changed: bool,
    issues: Vec<Issue>,
}

impl<I, H, T, S, A, C> ServiceRun<'_, '_, I, H, T, S, A, C>
where
    I: InventoryCollector,
    H: EventHistorySource,
    T: TrailObjects,
    S: ServiceStore,
    A: AlertSink,
    C: Clock,
{
    async fn all(
        &mut self,
        last: Option<&RunRecord>,
        observer: &mut dyn IngestObserver,
    ) -> Result<(Status, Option<Report>), PortError> {
        let mut evidence = ingest::Evidence::load(self.ports.store)?;
        evidence.reading = self.settings.reading.clone();
        self.baselines = self.ports.store.baselines()?;
        // In the first run nobody knows yet which roles functions have.
        if !self.baselines.is_empty() {
            evidence.reading.kept_roles = KeptRoles::only(self.baselines.keys().cloned());
        }
        let ahead = self.ports.clock.now().saturating_add(SignedDuration::from_hours(48)).unwrap_or(Timestamp::MAX);
        evidence.marks.forget_marks_ahead(&ahead.strftime("%Y/%m/%d").to_string());
        if let Some(days) = self.settings.backfill_days {
            let since = day_before(self.ports.clock.now(), days);
            evidence.marks.forget_since(since);
        }
        let all_read = self.read(&mut evidence, observer).await?;
        self.keep_lease()?;
        if !all_read && !self.judges_in_part(last) {
            return Ok((Status::Continues, None));
        }
        let status = if all_read { Status::Complete } else { Status::Continues };
        let changed = changed_functions(&evidence, last);
        let kept = self.ports.store.kept_documents()?;
        let collected = {
            let (clock, deadline) = (self.ports.clock, self.settings.deadline);
            let stop = || deadline.is_some_and(|deadline| clock.now() >= deadline.collecting);
            let request = CollectRequest { kept: &kept, changed: &changed, stop: &stop, now: clock.now() };
            self.ports.inventory.collect(request).await?
        };
        if collected.kept != kept {
            self.changed = true;
            self.ports.store.keep_documents(&collected.kept)?;
        }
        self.keep_lease()?;
        let mut inventory = read_inventory(collected.documents.as_ref())?;
        let trails = read_trails(collected.documents.as_ref());
        let mut issues = collected.issues;
        issues.append(&mut self.issues);
        let roles = self.settings.scope.restrict(&mut inventory)?;
        let scope = match &roles {
            Some(roles) => SaveScope::Roles(roles.clone()),
            None if collected.complete => SaveScope::Account,
            None => SaveScope::Incomplete,
        };
        let regions = self.ports.history.regions();
        let history = |days: Range<i32>| -> Option<EventHistory> {
            (!regions.is_empty()).then(|| covered_history(&evidence.marks, days, &regions))
        };
        // What is merely out of sight is not resolved.
        let sees_all = all_read && collected.complete && collected.doubts.is_empty() && trails.trails.is_some();
        let mut report = analyze(AnalysisInput {
            inventory: &inventory,
            trails,
            evidence: &evidence,
            history: &history,
            settings: &RunSettings { now: Some(self.ports.clock.now()), ..self.settings.run.clone() },
            doubts: collected.doubts,
            issues,
            is_partial: roles.is_some(),
        });
        if let Some(roles) = &roles {
            report.functions.retain(|function| roles.contains(&function.role_arn));
        }
        self.keep_lease()?;
        self.save_and_alert(&inventory, &evidence, report, &scope, sees_all).await.map(|report| (status, Some(report)))
    }

    /// True if what was read so far is worth a judgement: nobody has a better one that is recent. Results
    /// that rest on less evidence keep more, and would come and go with every reading that takes two runs.
    fn judges_in_part(&self, last: Option<&RunRecord>) -> bool {
        let completed = last.and_then(|last| last.completed);
        completed.is_none_or(|at| self.ports.clock.now().duration_since(at) > RECENT)
    }

    /// Reads what is new. `false`: something is left for the next run.
    async fn read(
        &mut self,
        evidence: &mut ingest::Evidence,
        observer: &mut dyn IngestObserver,
    ) -> Result<bool, PortError> {
        let (clock, deadline) = (self.ports.clock, self.settings.deadline);
        let stop = || deadline.is_some_and(|deadline| clock.now() >= deadline.reading);
        let mut all_read = true;
        let began = clock.now();
        if !self.ports.history.regions().is_empty() {
            let mut history = self.settings.history.clone();
            if let Some(days) = self.settings.backfill_days {
                history.lookback_days = days.min(HistorySettings::MAX_DAYS);
            }
            let (summary, issues) =
                read_history(self.ports.history, self.ports.store, evidence, &history, clock, &stop).await?;
            all_read &= summary.left.is_empty();
            let took = clock.now().duration_since(began);
            self.issues.extend(progress::of_event_history(&summary, took));
            self.changed |= summary.events > 0;
            self.count("history_pages", summary.pages);
            self.count("history_events", summary.events);
            self.issues.extend(issues);
        }
        let (summary, issues) = ingest(self.ports.objects, self.ports.store, evidence, observer, &stop)?;
        all_read &= summary.left == 0;
        self.changed |= summary.read > 0;
        self.count("files", as_u64(summary.read));
        self.count("files_left", as_u64(summary.left));
        self.count("records", summary.records);
        self.count("records_unreadable", summary.unreadable);
        self.issues.extend(issues);
        Ok(all_read)
    }

    /// Writes results and findings, and publishes what is owed.
    async fn save_and_alert(
        &mut self,
        inventory: &Inventory,
        evidence: &ingest::Evidence,
        mut report: Report,
        scope: &SaveScope,
        sees_all: bool,
    ) -> Result<Report, PortError> {
        let now = self.ports.clock.now();
        let drift = baseline::compare(inventory, &evidence.ledger, &self.baselines, scope, now);
        report.findings.extend(drift.findings);
        findings::sort(&mut report.findings);
        let changes = self.ports.store.save_report(&report, scope)?;
        self.changed |= changes.inserted + changes.updated + changes.deleted > 0;
        self.count("results_new", as_u64(changes.inserted));
        self.count("results_changed", as_u64(changes.updated));
        self.count("results_removed", as_u64(changes.deleted));
        self.count("functions", as_u64(report.functions.len()));
        self.count("roles", as_u64(report.roles.len()));
        self.count("findings", as_u64(report.findings.len()));
        let suggestions = report.functions.iter().filter(|function| function.suggestion.is_some()).count();
        self.count("suggestions", as_u64(suggestions));
        let of_findings = if sees_all || matches!(scope, SaveScope::Roles(_)) { scope } else { &SaveScope::Incomplete };
        self.alert(&report, of_findings, now).await?;
        // Last: a run that is cut off before this compares with the same baselines again, and finds the same.
        if !drift.changed.is_empty() || !drift.gone.is_empty() {
            self.changed = true;
            self.ports.store.save_baselines(&drift.changed, &drift.gone)?;
        }
        Ok(report)
    }

    /// Brings the state of the findings up to date, and publishes what is owed, from earlier runs too.
    async fn alert(&mut self, report: &Report, scope: &SaveScope, now: Timestamp) -> Result<(), PortError> {
        let account = report.account.as_str();
        let mut records = self.ports.store.finding_records(account)?;
        let changed = advance(&records, &report.findings, scope, &self.settings.alerts, now);
        if !changed.is_empty() {
            self.changed = true;
            self.ports.store.save_finding_records(account, &changed)?;
            records.extend(changed.into_iter().map(|record| (record.finding.fingerprint.clone(), record)));
        }
        let Some(sink) = self.ports.alerts else { return Ok(()) };
        let run = (account, self.settings.run_id.as_str());
        let delivered = deliver(self.ports.store, sink, &mut records, run, now, self.render).await?;
        self.changed |= delivered.messages > 0;
        self.count("messages", delivered.messages);
        self.count("alerts", delivered.alerts);
        self.count("alerts_still_owed", delivered.still_owed);
        self.issues.extend(delivered.issues);
        Ok(())
    }

    /// A lease without deadline has to be renewed.
    fn keep_lease(&mut self) -> Result<(), PortError> {
        if self.settings.deadline.is_none() {
            let expires = self.ports.clock.now().saturating_add(LEASE).unwrap_or(Timestamp::MAX);
            self.ports.store.renew(expires)?;
        }
        Ok(())
    }

    fn count(&mut self, name: &str, number: u64) {
        let count = self.counts.entry(name.to_owned()).or_default();
        *count = count.saturating_add(number);
    }

    /// Gives the lease back with a record of the run, however it ended.
    fn end(
        &mut self,
        started: Timestamp,
        completed: Option<Timestamp>,
        result: &Result<(Status, Option<Report>), PortError>,
    ) -> Result<(), PortError> {
        let (status, error) = match result {
            Ok((status, _)) => (status.as_str(), None),
            // Whoever has the lease now keeps it.
            Err(error) if *error.kind() == PortErrorKind::LeaseLost => return Ok(()),
            Err(error) => ("failed", Some(error.to_string())),
        };
        let report_issues = result.iter().flat_map(|(_, report)| report).flat_map(|report| &report.issues);
        let mut issues: BTreeMap<String, u64> = BTreeMap::new();
        for issue in merge_issues(report_issues.chain(&self.issues).cloned().collect()) {
            let count = issues.entry(issue.kind.to_string()).or_default();
            *count = count.saturating_add(issue.count);
        }
        let ended = self.ports.clock.now();
        let is_complete = matches!(result, Ok((Status::Complete, _)));
        let record = RunRecord {
            run_id: self.settings.run_id.clone(),
            started,
            ended,
            completed: if is_complete { Some(ended) } else { completed },
            status: status.to_owned(),
            counts: self.counts.clone(),
            issues,
            error,
        };
        self.ports.store.end_run(&record, self.changed)
    }
}

/// Functions that the trail shows to have changed since the last run began, give or take the lateness of
/// events.
fn changed_functions(evidence: &ingest::Evidence, last: Option<&RunRecord>) -> BTreeSet<String> {
    let Some(last) = last else { return BTreeSet::new() };
    let since = last.started.saturating_sub(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MIN);
    let facts = evidence.ledger.account();
    [ChangeKind::Code, ChangeKind::Attachment]
        .into_iter()
        .flat_map(|kind| facts.changes(kind))
        .filter(|(_, times)| times.last >= since)
        .map(|(change, _)| change.subject.clone())
        .collect()
}

fn day_before(now: Timestamp, days: u16) -> Timestamp {
    now.saturating_sub(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(Timestamp::MIN)
}

fn as_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
