//! Documents that exist per function: which of them must be fetched, and fetching them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;
use whittle_pipeline::ports::service::{KeptDocument, KeptDocuments};
use whittle_pipeline::ports::{PortError, PortErrorKind};
use whittle_policy::id::FunctionArn;

use super::News;
use super::listing::{Functions, ListedFunction};
use super::pace::{Pacer, StopFlag};
use super::problem::CallFailure;
use fetch::fetch;

mod fetch;

/// Calls under way at once in one Region and quota.
const AT_ONCE: usize = 8;
/// Times that a function is tried again later, after the tries of the SDK.
const RETURNS: u8 = 2;
/// Refusals without a single success after which a call is not made for further functions of the Region: a
/// permission is missing altogether.
const REFUSALS: u32 = 5;

/// A kind of document that a function has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Detail {
    /// Destinations of asynchronous invocations: the only one that a verdict rests on, so the first to be
    /// fetched.
    EventInvokeConfigs,
    Urls,
    Policy,
    Aliases,
    Tags,
}

impl Detail {
    pub(super) const ALL: [Self; 5] = [Self::EventInvokeConfigs, Self::Urls, Self::Policy, Self::Aliases, Self::Tags];

    /// Folder in a snapshot.
    pub(super) fn folder(self) -> &'static str {
        match self {
            Self::EventInvokeConfigs => "event-invoke-configs",
            Self::Urls => "function-urls",
            Self::Policy => "resource-policies",
            Self::Aliases => "aliases",
            Self::Tags => "tags",
        }
    }

    /// IAM action of the call.
    pub(super) fn action(self) -> &'static str {
        match self {
            Self::EventInvokeConfigs => "lambda:ListFunctionEventInvokeConfigs",
            Self::Urls => "lambda:ListFunctionUrlConfigs",
            Self::Policy => "lambda:GetPolicy",
            Self::Aliases => "lambda:ListAliases",
            // Not GetFunction, whose answer has tags too, but also a link to the code.
            Self::Tags => "lambda:ListTags",
        }
    }

    /// The facts that are not known without it.
    pub(super) fn effect(self) -> &'static str {
        match self {
            Self::EventInvokeConfigs => "destinations are not known, so nothing is called unused for them",
            Self::Urls => "whether functions have a URL is not known",
            Self::Policy => "who may invoke functions is not known",
            Self::Aliases => "which versions have an alias is not known",
            Self::Tags => "tags are not known",
        }
    }

    /// Name of the document of a function.
    pub(super) fn document(self, region: &str, function: &str) -> String {
        format!("regions/{region}/{}/{function}.json", self.folder())
    }

    /// True if the function has this kind at all: an alias points to a published version or to `$LATEST`, and
    /// only the former may run under another role.
    pub(super) fn applies(self, function: &ListedFunction) -> bool {
        self != Self::Aliases || function.has_versions
    }
}

/// One document to fetch.
#[derive(Debug, Clone)]
pub(super) struct DetailTask {
    pub(super) region: String,
    /// Name.
    pub(super) function: String,
    /// Unqualified ARN.
    arn: String,
    pub(super) detail: Detail,
    pub(super) document: String,
    pub(super) revision: String,
    tries: u8,
}

/// Result of a task.
#[derive(Debug)]
pub(super) enum DetailOutcome {
    Fetched(DetailTask, String),
    Failed(DetailTask, CallFailure),
}

/// Documents to fetch for the functions of an account.
#[derive(Debug, Default)]
pub(super) struct DetailPlan {
    /// Documents that are good as they are.
    pub(super) good: KeptDocuments,
    /// Documents that are only old: used once more if they cannot be fetched in time.
    pub(super) old: KeptDocuments,
    /// The most needed first.
    tasks: Vec<DetailTask>,
}

/// Decides for each document whether to fetch it.
///
/// It is fetched if there is none, if the revision of the function is another, if the trail shows a change
/// (what hangs on a function may change without a new revision), or if it is too old, which is when it has
/// between half and all of `max_age`, at another time for each function, so that not all are fetched at once.
pub(super) fn plan(
    regions: &BTreeMap<String, Functions>,
    kept: &KeptDocuments,
    changed: &ChangedFunctions,
    max_age: SignedDuration,
    now: Timestamp,
) -> DetailPlan {
    let mut plan = DetailPlan::default();
    let mut tasks = Vec::new();
    for (region, listed) in regions {
        for (name, function) in &listed.functions {
            let touched = changed.has(region, name);
            for detail in Detail::ALL.into_iter().filter(|detail| detail.applies(function)) {
                let document = detail.document(region, name);
                let mut age = None;
                if let Some(found) = kept.get(&document).filter(|found| !touched && found.revision == function.revision)
                {
                    if !is_due(found, &function.arn, max_age, now) {
                        plan.good.insert(document, found.clone());
                        continue;
                    }
                    age = Some(found.fetched);
                    plan.old.insert(document.clone(), found.clone());
                }
                // Never fetched before fetched long ago.
                let rank = (detail, age, region.clone(), name.clone());
                let task = DetailTask {
                    region: region.clone(),
                    function: name.clone(),
                    arn: function.arn.clone(),
                    detail,
                    document,
                    revision: function.revision.clone(),
                    tries: 0,
                };
                tasks.push((rank, task));
            }
        }
    }
    tasks.sort_by(|(a, _), (b, _)| a.cmp(b));
    plan.tasks = tasks.into_iter().map(|(_, task)| task).collect();
    plan
}

/// True if a kept document is too old. `subject` decides when within the second half of `max_age`.
pub(super) fn is_due(kept: &KeptDocument, subject: &str, max_age: SignedDuration, now: Timestamp) -> bool {
    let part = Sha256::digest(subject).first().copied().unwrap_or_default();
    let half = max_age / 2;
    let limit = half.saturating_add(half / 255 * i32::from(part));
    let age = now.duration_since(kept.fetched);
    // A time to come is no time of ours.
    age.is_negative() || age >= limit
}

/// Functions that the trail shows to have changed.
#[derive(Debug, Default)]
pub(super) struct ChangedFunctions {
    /// Known by name only: in whatever Region.
    names: BTreeSet<String>,
    /// Region and name.
    placed: BTreeSet<(String, String)>,
}

impl ChangedFunctions {
    /// Functions as requests name them: name, name and qualifier, partial ARN, ARN (AWS Lambda API Reference,
    /// `FunctionName`).
    pub(super) fn new(texts: &BTreeSet<String>) -> Self {
        let mut changed = Self::default();
        for text in texts {
            if let Ok((arn, _)) = FunctionArn::split_qualified(text) {
                changed.placed.insert((arn.region().to_owned(), arn.name().to_owned()));
            } else {
                let name = text.split_once(":function:").map_or(text.as_str(), |(_, name)| name);
                changed.names.insert(name.split(':').next().unwrap_or(name).to_owned());
            }
        }
        changed
    }

    /// True if this function changed.
    pub(super) fn has(&self, region: &str, name: &str) -> bool {
        self.names.contains(name) || self.placed.contains(&(region.to_owned(), name.to_owned()))
    }

    /// True if a document of a Region is about a function that changed.
    pub(super) fn has_document(&self, region: &str, document: &str) -> bool {
        let file = document.rsplit('/').next().and_then(|file| file.strip_suffix(".json"));
        file.is_some_and(|name| self.has(region, name))
    }
}

/// Clients of Lambda by Region.
pub(super) type Clients = BTreeMap<String, (aws_sdk_lambda::Client, Pacer)>;

/// Calls of GetPolicy a second in one Region; Lambda answers 15 for the whole account (AWS Lambda Developer
/// Guide, "Lambda quotas"), and others deploy meanwhile.
const POLICIES_PER_SECOND: u32 = 12;

/// Begins to fetch. Each Region has two quotas: that of GetPolicy, and that of everything else together.
pub(super) fn start(
    tasks: Vec<DetailTask>,
    clients: &Clients,
    stop: &StopFlag,
    outcomes: &UnboundedSender<News>,
) -> JoinSet<()> {
    let mut queues: BTreeMap<(String, bool), VecDeque<DetailTask>> = BTreeMap::new();
    for task in tasks {
        queues.entry((task.region.clone(), task.detail == Detail::Policy)).or_default().push_back(task);
    }
    let mut running = JoinSet::new();
    for ((region, policies), tasks) in queues {
        let Some((client, pacer)) = clients.get(&region) else { continue };
        let pacer = if policies { Pacer::new(POLICIES_PER_SECOND) } else { pacer.clone() };
        let queue = CallQueue {
            client: client.clone(),
            pacer,
            stop: stop.clone(),
            outcomes: outcomes.clone(),
            refusals: BTreeMap::new(),
        };
        running.spawn(queue.run(tasks));
    }
    running
}

impl DetailPlan {
    /// Takes the tasks out.
    pub(super) fn take_tasks(&mut self) -> Vec<DetailTask> {
        std::mem::take(&mut self.tasks)
    }
}

/// The calls of one Region under one quota.
struct CallQueue {
    client: aws_sdk_lambda::Client,
    pacer: Pacer,
    stop: StopFlag,
    outcomes: UnboundedSender<News>,
    /// Refusals of each kind before its first success; `None` after that.
    refusals: BTreeMap<Detail, Option<(u32, CallFailure)>>,
}

impl CallQueue {
    async fn run(mut self, mut tasks: VecDeque<DetailTask>) {
        let mut running: JoinSet<(DetailTask, Result<String, PortError>)> = JoinSet::new();
        loop {
            while running.len() < AT_ONCE && !self.stop.is_set() {
                let Some(task) = tasks.pop_front() else { break };
                if let Some(failure) = self.refused(task.detail) {
                    self.report(DetailOutcome::Failed(task, failure));
                    continue;
                }
                let (client, pacer) = (self.client.clone(), self.pacer.clone());
                running.spawn(async move {
                    let answer = fetch(&client, &pacer, task.detail, &task.function, &task.arn).await;
                    (task, answer)
                });
            }
            match running.join_next().await {
                Some(Ok((task, answer))) => tasks.extend(self.finish(task, answer)),
                // A task that panicked left its document unfetched, which the manifest says.
                Some(Err(_)) => {}
                None => return,
            }
        }
    }

    /// Reports the result, or gives the task back for later.
    fn finish(&mut self, mut task: DetailTask, answer: Result<String, PortError>) -> Option<DetailTask> {
        let error = match answer {
            Ok(text) => {
                self.refusals.insert(task.detail, None);
                self.report(DetailOutcome::Fetched(task, text));
                return None;
            }
            Err(error) => error,
        };
        if matches!(error.kind(), PortErrorKind::Throttled | PortErrorKind::Transient) && task.tries < RETURNS {
            if *error.kind() == PortErrorKind::Throttled {
                self.pacer.slow_down();
            }
            task.tries = task.tries.saturating_add(1);
            return Some(task);
        }
        let failure = CallFailure::from(&error);
        if failure.is_denied()
            && let Some((count, _)) = self.refusals.entry(task.detail).or_insert_with(|| Some((0, failure.clone())))
        {
            *count = count.saturating_add(1);
        }
        self.report(DetailOutcome::Failed(task, failure));
        None
    }

    fn refused(&self, detail: Detail) -> Option<CallFailure> {
        let (count, failure) = self.refusals.get(&detail)?.as_ref()?;
        (*count >= REFUSALS).then(|| failure.clone())
    }

    /// The receiver is gone only when nobody waits any more.
    fn report(&self, outcome: DetailOutcome) {
        let _ = self.outcomes.send(News::Detail(outcome));
    }
}

#[cfg(test)]
mod tests;
