//! The inventory of an account: functions, roles, trails.
//!
//! In: an account, and the documents kept from the last run. Out: documents in the shape of plain AWS command
//! line output, named as in a snapshot folder, which [`whittle_snapshot`] reads: one reader for folder and
//! account.
//!
//! What is listed at once (roles, functions, event source mappings, trails) is listed in every run. What must
//! be asked for per function is asked only if the function's revision changed, if the trail shows a change,
//! or after a time. What was not fetched is named in `regions/<region>/not-collected.json`, so that "none"
//! and "not known" never look alike; a Region whose functions cannot be listed has that document only, and
//! then nothing is called unused anywhere: its functions may use the same roles.
//!
//! Calls are paced below Lambda's limits for its control plane, which whoever deploys shares: 15 requests a
//! second for everything together, and 15 for GetPolicy (AWS Lambda Developer Guide, "Lambda quotas").

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use whittle_analysis::doubt::Doubt;
use whittle_analysis::issue::{Issue, IssueKind, merge_issues};
use whittle_pipeline::ports::service::{self, CollectRequest, InventoryCollector, KeptDocument, KeptDocuments};
use whittle_pipeline::ports::{PortError, PortErrorKind};
use whittle_snapshot::SnapshotDocuments;

use crate::clients::Aws;
use details::{ChangedFunctions, Clients, Detail};
use listing::{Functions, Roles};
use pace::{Pacer, StopFlag};
use problem::{CallFailure, Problems};

mod details;
mod last_accessed;
mod listing;
mod pace;
mod problem;
mod shape;
mod trails;

/// Settings of a collection.
#[derive(Debug, Clone)]
pub struct InventorySettings {
    /// Regions whose functions and trails are wanted.
    pub regions: Vec<String>,
    /// Age at which a document of a function is fetched again although nothing shows a change. Each function
    /// has a time of its own between half of it and all of it.
    pub max_age: SignedDuration,
    /// Ask IAM which services the execution roles never used.
    pub last_accessed: bool,
    /// The same as `max_age` for these reports. The analysis uses none that is a day older than the evidence.
    pub last_accessed_max_age: SignedDuration,
}

impl InventorySettings {
    /// Everything in these Regions; documents of functions serve for up to a week, reports for up to 20
    /// hours.
    pub fn new(regions: Vec<String>) -> Self {
        Self {
            regions,
            max_age: SignedDuration::from_hours(7 * 24),
            last_accessed: true,
            last_accessed_max_age: SignedDuration::from_hours(20),
        }
    }
}

/// A collected inventory.
#[derive(Debug, Default)]
pub struct Collected {
    /// Documents as in a snapshot folder.
    pub documents: SnapshotDocuments,
    /// Documents that the next collection may reuse.
    pub kept: KeptDocuments,
    /// Failed calls, equal failures counted.
    pub issues: Vec<Issue>,
    /// Reasons why absence of evidence proves nothing anywhere: Regions whose functions are not known.
    pub doubts: Vec<Doubt>,
    /// Every list that decides which functions and roles exist was read.
    pub complete: bool,
    /// Documents of functions and reports that were fetched now.
    pub fetched: usize,
    /// Documents of functions and reports that were reused.
    pub reused: usize,
}

/// Collects the inventory of the account that the credentials are of. Fails if the roles cannot be listed, or
/// the functions of no Region; everything else that is missing is in the issues.
///
/// `changed`: functions (names or ARNs, qualified or not) that the trail shows to have changed since the last
/// collection. `stop` is asked between calls; from then on what was not fetched counts as not known, and the
/// next collection goes on with it.
///
/// Requires: `iam:GetAccountAuthorizationDetails`, `lambda:ListFunctions`, `lambda:ListEventSourceMappings`,
/// `lambda:ListFunctionEventInvokeConfigs`, `lambda:ListFunctionUrlConfigs`, `lambda:GetPolicy`,
/// `lambda:ListAliases`, `lambda:ListTags`, `cloudtrail:DescribeTrails`, `cloudtrail:GetTrailStatus`,
/// `cloudtrail:GetEventSelectors`, `iam:GenerateServiceLastAccessedDetails`,
/// `iam:GetServiceLastAccessedDetails`
pub async fn collect(
    aws: &Aws,
    settings: &InventorySettings,
    kept: &KeptDocuments,
    changed: &BTreeSet<String>,
    stop: &(dyn Fn() -> bool + Sync),
    now: Timestamp,
) -> Result<Collected, PortError> {
    let clients: Clients = settings
        .regions
        .iter()
        .map(|region| (region.clone(), (aws.lambda(region), Pacer::new(CALLS_PER_SECOND))))
        .collect();
    if clients.is_empty() {
        return Err(PortError::new(PortErrorKind::Invalid, "no Region to look at is given"));
    }
    let mut lists = list(aws, &clients, stop).await?;
    let mut collected = Collected { complete: true, ..Collected::default() };
    let mut problems = Problems::default();
    lists.finish(&mut collected, &mut problems)?;
    let changed = ChangedFunctions::new(changed);
    let round = Round { aws, settings, lists: &lists, clients: &clients, kept, changed: &changed, stop, now };
    round.fetch(&mut collected, &mut problems).await;
    let mut issues = problems.into_issues();
    issues.append(&mut collected.issues);
    collected.issues = merge_issues(issues);
    Ok(collected)
}

/// Calls a second to Lambda in one Region, GetPolicy aside.
const CALLS_PER_SECOND: u32 = 12;
/// How often `stop` is asked at least.
const LOOK_AROUND: Duration = Duration::from_millis(200);

/// Answers of the calls that list everything at once; `None` where there was no time.
#[derive(Default)]
struct Lists {
    roles: Option<Result<Roles, PortError>>,
    functions: BTreeMap<String, Option<Result<Functions, PortError>>>,
    mappings: BTreeMap<String, Option<Result<String, PortError>>>,
    trails: Option<trails::TrailDocuments>,
    /// Contents of `roles` and `functions`, filled by [`Lists::finish`].
    good_roles: Roles,
    good_functions: BTreeMap<String, Functions>,
}

/// The answer of one of them.
enum ListAnswer {
    Roles(Result<Roles, PortError>),
    Functions(String, Result<Functions, PortError>),
    Mappings(String, Result<String, PortError>),
    Trails(trails::TrailDocuments),
}

async fn list(aws: &Aws, clients: &Clients, stop: &(dyn Fn() -> bool + Sync)) -> Result<Lists, PortError> {
    let mut running: JoinSet<ListAnswer> = JoinSet::new();
    let iam = aws.iam();
    running.spawn(async move { ListAnswer::Roles(listing::roles(&iam).await) });
    let mut lists = Lists::default();
    for (region, (client, pacer)) in clients {
        lists.functions.insert(region.clone(), None);
        lists.mappings.insert(region.clone(), None);
        let (name, lambda, pace) = (region.clone(), client.clone(), pacer.clone());
        running.spawn(async move { ListAnswer::Functions(name, listing::functions(&lambda, &pace).await) });
        let (name, lambda, pace) = (region.clone(), client.clone(), pacer.clone());
        running.spawn(async move { ListAnswer::Mappings(name, listing::event_source_mappings(&lambda, &pace).await) });
    }
    let (own, regions) = (aws.clone(), clients.keys().cloned().collect());
    running.spawn(async move { ListAnswer::Trails(trails::collect(own, regions).await) });
    // Dropping the set ends what is still under way.
    while !stop() {
        match tokio::time::timeout(LOOK_AROUND, running.join_next()).await {
            Err(_) => {}
            Ok(None) => break,
            Ok(Some(Err(error))) => {
                return Err(PortError::new(PortErrorKind::Bug, "a list ended without an answer").with_source(error));
            }
            Ok(Some(Ok(part))) => match part {
                ListAnswer::Roles(answer) => lists.roles = Some(answer),
                ListAnswer::Functions(region, answer) => drop(lists.functions.insert(region, Some(answer))),
                ListAnswer::Mappings(region, answer) => drop(lists.mappings.insert(region, Some(answer))),
                ListAnswer::Trails(answer) => lists.trails = Some(answer),
            },
        }
    }
    Ok(lists)
}

fn no_time(action: &str) -> PortError {
    PortError::new(PortErrorKind::Transient, format!("{action} did not end before the time was up"))
        .with_hint("give the function a longer timeout, or list fewer Regions")
}

impl Lists {
    /// Documents of everything that was listed. Fails without roles, and without the functions of a single
    /// Region.
    fn finish(&mut self, collected: &mut Collected, problems: &mut Problems) -> Result<(), PortError> {
        let mut roles = self.roles.take().unwrap_or_else(|| Err(no_time("iam:GetAccountAuthorizationDetails")))?;
        collected.documents.insert("authorization-details.json", std::mem::take(&mut roles.text));
        self.good_roles = roles;
        let mut first_error = None;
        for (region, answer) in std::mem::take(&mut self.functions) {
            match answer.unwrap_or_else(|| Err(no_time("lambda:ListFunctions"))) {
                Ok(mut functions) => {
                    let text = std::mem::take(&mut functions.text);
                    collected.documents.insert(format!("regions/{region}/functions.json"), text);
                    self.good_functions.insert(region, functions);
                }
                Err(error) => {
                    collected.complete = false;
                    collected.doubts.push(Doubt::FunctionsNotListed { region: region.clone() });
                    // The Region must be there for the reader to miss its functions.
                    collected.documents.insert(not_collected(&region), json!({"NotCollected": []}).to_string());
                    problems.add("lambda:ListFunctions", &region, UNLISTED, "", CallFailure::from(&error));
                    first_error.get_or_insert(error);
                }
            }
        }
        if let (true, Some(error)) = (self.good_functions.is_empty(), first_error) {
            return Err(error);
        }
        for (region, answer) in std::mem::take(&mut self.mappings) {
            match answer.unwrap_or_else(|| Err(no_time("lambda:ListEventSourceMappings"))) {
                // Mappings of functions that nobody knows would only be noise.
                Ok(_) if !self.good_functions.contains_key(&region) => {}
                Ok(text) => collected.documents.insert(format!("regions/{region}/event-source-mappings.json"), text),
                Err(error) => {
                    let effect = "what functions poll is not known, so nothing is called unused for them";
                    problems.add("lambda:ListEventSourceMappings", &region, effect, "", CallFailure::from(&error));
                }
            }
        }
        if let Some(trails) = self.trails.take() {
            for (name, text) in trails.documents {
                collected.documents.insert(name, text);
            }
            collected.issues.extend(trails.issues);
        } else {
            let failure = CallFailure::from(&no_time("cloudtrail:DescribeTrails"));
            problems.add("cloudtrail:DescribeTrails", "", "what the trails could see is not known", "", failure);
        }
        Ok(())
    }

    /// The roles that functions run under.
    fn execution_roles(&self) -> BTreeMap<String, listing::ListedRole> {
        let used: BTreeSet<&String> = self.good_functions.values().flat_map(|functions| &functions.roles).collect();
        let roles = &self.good_roles.roles;
        used.into_iter().filter_map(|arn| Some((arn.clone(), roles.get(arn)?.clone()))).collect()
    }
}

const UNLISTED: &str = "functions there are not known, so nothing is called unused anywhere";

fn not_collected(region: &str) -> String {
    format!("regions/{region}/not-collected.json")
}

/// One collection, after the lists.
#[derive(Clone, Copy)]
struct Round<'a> {
    aws: &'a Aws,
    settings: &'a InventorySettings,
    lists: &'a Lists,
    clients: &'a Clients,
    kept: &'a KeptDocuments,
    changed: &'a ChangedFunctions,
    stop: &'a (dyn Fn() -> bool + Sync),
    now: Timestamp,
}

impl Round<'_> {
    /// Fetches, or takes from what was kept, what exists per function and per role.
    async fn fetch(self, collected: &mut Collected, problems: &mut Problems) {
        let Self { settings, lists, kept, now, .. } = self;
        let mut plan = details::plan(&lists.good_functions, kept, self.changed, settings.max_age, now);
        let flag = StopFlag::default();
        let (sender, receiver) = unbounded_channel();
        let mut running = details::start(plan.take_tasks(), self.clients, &flag, &sender);
        let roles = lists.execution_roles();
        let mut state = Progress { kept: plan.good, old: plan.old, now, fetched: 0, pending: 0, problems };
        if settings.last_accessed {
            let (good, old, tasks) = last_accessed::plan(&roles, kept, settings.last_accessed_max_age, now);
            state.kept.extend(good);
            state.old.extend(old);
            // A job of an earlier run is kept until its report is there.
            for task in &tasks {
                let name = last_accessed::job_document(&task.role);
                if let Some(job) = kept.get(&name).filter(|job| job.revision == task.revision) {
                    state.kept.insert(name, job.clone());
                }
            }
            state.pending = tasks.len();
            running.spawn(last_accessed::run(self.aws.iam(), tasks, flag.clone(), sender.clone()));
        }
        drop(sender);
        state.follow(receiver, self.stop, &flag).await;
        drop(running);

        let Progress { kept: mut documents, old, fetched, pending, .. } = state;
        for (name, document) in old {
            documents.entry(name).or_insert(document);
        }
        if pending > 0 {
            let message = "last-accessed reports of roles were not ready in time";
            let mut issue = Issue::new(IssueKind::NotCollected, "service-last-accessed", message)
                .with_hint("the next run asks again");
            issue.count = u64::try_from(pending).unwrap_or(u64::MAX);
            collected.issues.push(issue);
        }
        for (region, functions) in &lists.good_functions {
            if let Some(manifest) = manifest(region, functions, &documents) {
                collected.documents.insert(not_collected(region), manifest);
            }
        }
        let mut used = 0_usize;
        for (name, document) in documents.iter().filter(|(name, _)| !name.starts_with(last_accessed::JOBS)) {
            collected.documents.insert(name.clone(), document.text.clone());
            used = used.saturating_add(1);
        }
        collected.fetched = fetched;
        collected.reused = used.saturating_sub(fetched);
        collected.kept = documents;
        self.keep_unseen(&roles, &mut collected.kept);
    }

    /// Keeps what belongs to Regions that could not be listed this time, unless it changed: the trail shows
    /// that only once.
    fn keep_unseen(self, roles: &BTreeMap<String, listing::ListedRole>, kept: &mut KeptDocuments) {
        let unseen: Vec<(&String, String)> = self
            .settings
            .regions
            .iter()
            .filter(|region| !self.lists.good_functions.contains_key(*region))
            .map(|region| (region, format!("regions/{region}/")))
            .collect();
        if unseen.is_empty() {
            return;
        }
        // A role that only functions of such a Region use is not known to be one.
        let all = self.lists.good_roles.roles.iter();
        let others: BTreeSet<String> = all
            .filter(|(arn, _)| !roles.contains_key(*arn))
            .flat_map(|(_, facts)| [last_accessed::document(&facts.name), last_accessed::job_document(&facts.name)])
            .collect();
        let is_unseen = |name: &str| {
            unseen.iter().any(|(region, prefix)| name.starts_with(prefix) && !self.changed.has_document(region, name))
        };
        for (name, document) in self.kept {
            if others.contains(name) || is_unseen(name) {
                kept.entry(name.clone()).or_insert_with(|| document.clone());
            }
        }
    }
}

/// Names the functions of which a document is not there; `None` if all are.
fn manifest(region: &str, functions: &Functions, documents: &KeptDocuments) -> Option<String> {
    let mut entries = Vec::new();
    for (name, function) in &functions.functions {
        let missing: Vec<&str> = Detail::ALL
            .into_iter()
            .filter(|detail| detail.applies(function) && !documents.contains_key(&detail.document(region, name)))
            .map(Detail::folder)
            .collect();
        if !missing.is_empty() {
            entries.push(json!({"FunctionArn": function.arn, "Documents": missing}));
        }
    }
    (!entries.is_empty()).then(|| Value::from_iter([("NotCollected", entries)]).to_string())
}

/// Results of tasks while they work.
enum News {
    Detail(details::DetailOutcome),
    Report(last_accessed::ReportOutcome),
}

/// Documents as they come in.
struct Progress<'a> {
    kept: KeptDocuments,
    /// Documents that are only old serve once more if nothing newer comes. Not if the call is refused or the
    /// thing is gone: then they would serve for ever.
    old: KeptDocuments,
    now: Timestamp,
    fetched: usize,
    /// Reports that are not there yet.
    pending: usize,
    problems: &'a mut Problems,
}

impl Progress<'_> {
    /// Takes what comes in until all has come or the time is up.
    async fn follow(&mut self, mut news: UnboundedReceiver<News>, stop: &(dyn Fn() -> bool + Sync), flag: &StopFlag) {
        while !stop() {
            match tokio::time::timeout(LOOK_AROUND, news.recv()).await {
                Ok(Some(outcome)) => self.take(outcome),
                Ok(None) => return,
                Err(_) => {}
            }
        }
        flag.set();
        while let Ok(outcome) = news.try_recv() {
            self.take(outcome);
        }
    }

    fn take(&mut self, news: News) {
        match news {
            News::Detail(outcome) => self.detail(outcome),
            News::Report(outcome) => self.report(outcome),
        }
    }

    fn keep(&mut self, name: String, text: String, revision: String) {
        self.kept.insert(name, KeptDocument { text, revision, fetched: self.now });
    }

    fn detail(&mut self, outcome: details::DetailOutcome) {
        match outcome {
            details::DetailOutcome::Fetched(task, text) => {
                self.fetched = self.fetched.saturating_add(1);
                self.keep(task.document, text, task.revision);
            }
            details::DetailOutcome::Failed(task, failure) => {
                let detail = task.detail;
                if failure.is_final() {
                    self.old.remove(&task.document);
                }
                self.problems.add(detail.action(), &task.region, detail.effect(), &task.function, failure);
            }
        }
    }

    fn report(&mut self, outcome: last_accessed::ReportOutcome) {
        match outcome {
            last_accessed::ReportOutcome::Begun(task, job) => {
                let name = last_accessed::job_document(&task.role);
                self.keep(name, last_accessed::job_text(&job), task.revision);
            }
            last_accessed::ReportOutcome::Ready(task, text) => {
                self.fetched = self.fetched.saturating_add(1);
                self.pending = self.pending.saturating_sub(1);
                self.kept.remove(&last_accessed::job_document(&task.role));
                self.keep(last_accessed::document(&task.role), text, task.revision);
            }
            last_accessed::ReportOutcome::Pending => {}
            last_accessed::ReportOutcome::Failed(task, action, failure) => {
                self.pending = self.pending.saturating_sub(1);
                self.kept.remove(&last_accessed::job_document(&task.role));
                if failure.is_final() {
                    self.old.remove(&last_accessed::document(&task.role));
                }
                self.problems.add(action, "", last_accessed::EFFECT, &task.role, failure);
            }
        }
    }
}

/// The inventory of an account as a port.
#[derive(Debug, Clone)]
pub struct AccountInventory {
    aws: Aws,
    settings: InventorySettings,
}

impl AccountInventory {
    /// The account that the credentials are of; calls nothing.
    pub fn new(aws: Aws, settings: InventorySettings) -> Self {
        Self { aws, settings }
    }
}

impl InventoryCollector for AccountInventory {
    async fn collect(&self, request: CollectRequest<'_>) -> Result<service::CollectedInventory, PortError> {
        let CollectRequest { kept, changed, stop, now } = request;
        let collected = collect(&self.aws, &self.settings, kept, changed, stop, now).await?;
        Ok(service::CollectedInventory {
            documents: Box::new(collected.documents),
            kept: collected.kept,
            issues: collected.issues,
            doubts: collected.doubts,
            complete: collected.complete,
        })
    }
}

#[cfg(test)]
mod tests;
