//! IAM's last-accessed reports of execution roles, of action level: it also says which of the actions that
//! IAM tracks were attempted, so that an access to a service can be told from one to another action of it.
//!
//! A report is a job: asked for, ready after some seconds, read page by page. A job belongs to the session
//! that asked for it (IAM API Reference, `GenerateServiceLastAccessedDetails`: "must be used by the same role
//! within a session"), so that one begun in an earlier run may be refused, and is begun again then.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_iam::Client;
use aws_sdk_iam::types::{AccessAdvisorUsageGranularityType, JobStatusType};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;
use tokio::task::JoinSet;
use whittle_pipeline::ports::PortError;
use whittle_pipeline::ports::service::KeptDocuments;

use super::News;
use super::details::is_due;
use super::listing::{ListedRole, advance, patiently};
use super::pace::{Pacer, StopFlag};
use super::problem::CallFailure;
use super::shape;
use crate::error::port_error;

pub(super) const GENERATE: &str = "iam:GenerateServiceLastAccessedDetails";
pub(super) const GET: &str = "iam:GetServiceLastAccessedDetails";
/// The facts that are not known without a report.
pub(super) const EFFECT: &str = "no report says which services these roles never used";

/// Roles worked on at once.
const AT_ONCE: usize = 16;
/// Calls a second; IAM documents no limit of these.
const PER_SECOND: u32 = 10;
/// Waits between two looks at a job.
const WAITS: [u64; 5] = [1, 2, 4, 8, 15];
/// Refusals without a success after which nobody is asked about any more.
const REFUSALS: u32 = 3;

/// Name of the document of a role.
pub(super) fn document(role: &str) -> String {
    format!("service-last-accessed/{role}.json")
}

/// Name of the kept document that holds the job of a role; no document of a snapshot.
pub(super) fn job_document(role: &str) -> String {
    format!("{JOBS}{role}.json")
}

/// Where jobs are kept.
pub(super) const JOBS: &str = "service-last-accessed-jobs/";

/// A role to be asked about.
#[derive(Debug, Clone)]
pub(super) struct ReportTask {
    arn: String,
    pub(super) role: String,
    pub(super) revision: String,
    /// A job of an earlier run.
    job: Option<String>,
}

/// Result for one role.
#[derive(Debug)]
pub(super) enum ReportOutcome {
    /// A job was begun: its id is to be kept until it has ended.
    Begun(ReportTask, String),
    Ready(ReportTask, String),
    /// Not ready in time.
    Pending,
    Failed(ReportTask, &'static str, CallFailure),
}

/// Which roles need a report, and the reports that are good; and those that serve until there is a new one.
pub(super) fn plan(
    roles: &BTreeMap<String, ListedRole>,
    kept: &KeptDocuments,
    max_age: SignedDuration,
    now: Timestamp,
) -> (KeptDocuments, KeptDocuments, Vec<ReportTask>) {
    let (mut good, mut old, mut tasks) = (KeptDocuments::new(), KeptDocuments::new(), Vec::new());
    for (arn, facts) in roles {
        let name = document(&facts.name);
        if let Some(found) = kept.get(&name) {
            if found.revision == facts.revision && !is_due(found, arn, max_age, now) {
                good.insert(name, found.clone());
                continue;
            }
            // A report of the same role is true whatever its policies became; its date says of when.
            let same_role = found.revision.split(' ').next() == Some(facts.id.as_str());
            if same_role && now.duration_since(found.fetched) < max_age.saturating_add(max_age) {
                old.insert(name, found.clone());
            }
        }
        let job = kept.get(&job_document(&facts.name)).filter(|job| job.revision == facts.revision);
        let job = job
            .and_then(|job| serde_json::from_str::<Value>(&job.text).ok()?.get("JobId")?.as_str().map(str::to_owned));
        tasks.push(ReportTask { arn: arn.clone(), role: facts.name.clone(), revision: facts.revision.clone(), job });
    }
    (good, old, tasks)
}

/// Text of the kept document of a job.
pub(super) fn job_text(id: &str) -> String {
    json!({ "JobId": id }).to_string()
}

/// Asks for reports and waits for them, until `stop` is set.
///
/// Requires: `iam:GenerateServiceLastAccessedDetails`, `iam:GetServiceLastAccessedDetails`
pub(super) async fn run(client: Client, tasks: Vec<ReportTask>, stop: StopFlag, outcomes: UnboundedSender<News>) {
    let pacer = Pacer::new(PER_SECOND);
    let mut running: JoinSet<ReportOutcome> = JoinSet::new();
    let mut tasks = tasks.into_iter();
    let (mut refused, mut succeeded): (u32, bool) = (0, false);
    let mut last_refusal: Option<(&'static str, CallFailure)> = None;
    loop {
        while running.len() < AT_ONCE && !stop.is_set() {
            let Some(task) = tasks.next() else { break };
            if let (true, Some((action, failure))) = (refused >= REFUSALS && !succeeded, &last_refusal) {
                let _ = outcomes.send(News::Report(ReportOutcome::Failed(task, action, failure.clone())));
                continue;
            }
            running.spawn(report(client.clone(), pacer.clone(), task, outcomes.clone()));
        }
        match running.join_next().await {
            Some(Ok(outcome)) => {
                match &outcome {
                    ReportOutcome::Ready(..) => succeeded = true,
                    ReportOutcome::Failed(_, action, failure) if failure.is_denied() => {
                        refused = refused.saturating_add(1);
                        last_refusal = Some((action, failure.clone()));
                    }
                    _ => {}
                }
                let _ = outcomes.send(News::Report(outcome));
            }
            Some(Err(_)) => {}
            None => return,
        }
    }
}

/// The report of one role. A new job is reported at once: the time may be up while it is waited for.
async fn report(client: Client, pacer: Pacer, task: ReportTask, outcomes: UnboundedSender<News>) -> ReportOutcome {
    let mut job = None;
    if let Some(earlier) = &task.job {
        match read(&client, &pacer, earlier).await {
            Ok(Some(text)) => return ReportOutcome::Ready(task, text),
            Ok(None) => job = Some(earlier.clone()),
            // It is not ours, or is forgotten: a new one tells more.
            Err(_) => {}
        }
    }
    let job = match job {
        Some(job) => job,
        None => match begin(&client, &pacer, &task).await {
            Ok(job) => {
                let _ = outcomes.send(News::Report(ReportOutcome::Begun(task.clone(), job.clone())));
                job
            }
            Err(error) => return ReportOutcome::Failed(task, GENERATE, CallFailure::from(&error)),
        },
    };
    for wait in WAITS {
        match read(&client, &pacer, &job).await {
            Ok(Some(text)) => return ReportOutcome::Ready(task, text),
            Ok(None) => tokio::time::sleep(Duration::from_secs(wait)).await,
            Err(error) => return ReportOutcome::Failed(task, GET, CallFailure::from(&error)),
        }
    }
    ReportOutcome::Pending
}

/// Id of a new job.
async fn begin(client: &Client, pacer: &Pacer, task: &ReportTask) -> Result<String, PortError> {
    let answer = patiently(|| async {
        pacer.turn().await;
        client
            .generate_service_last_accessed_details()
            .arn(&task.arn)
            .granularity(AccessAdvisorUsageGranularityType::ActionLevel)
            .send()
            .await
            .map_err(|error| port_error(error, GENERATE, &format!("role `{}` cannot be asked about", task.role)))
    });
    Ok(answer.await?.job_id().unwrap_or_default().to_owned())
}

/// The whole report, `None` if the job has not ended.
async fn read(client: &Client, pacer: &Pacer, job: &str) -> Result<Option<String>, PortError> {
    // IAM API Reference, GetServiceLastAccessedDetails: at most 1,000, maybe fewer with `IsTruncated`.
    const PAGE: i32 = 1_000;
    let mut first = None;
    let mut services = Vec::new();
    let mut sent: Option<String> = None;
    loop {
        let page = patiently(|| async {
            pacer.turn().await;
            let call = client.get_service_last_accessed_details().job_id(job).max_items(PAGE);
            let answer = call.set_marker(sent.clone()).send().await;
            answer.map_err(|error| port_error(error, GET, "a last-accessed report cannot be read"))
        })
        .await?;
        match page.job_status() {
            JobStatusType::Completed => {}
            JobStatusType::InProgress => return Ok(None),
            _ => {
                let reason = page.error().map_or("for no reason given", |error| error.message());
                let message = format!("IAM could not make a last-accessed report: {reason}");
                return Err(PortError::new(whittle_pipeline::ports::PortErrorKind::Transient, message));
            }
        }
        services.extend_from_slice(page.services_last_accessed());
        let next = page.is_truncated().then(|| page.marker().unwrap_or_default().to_owned());
        let next = advance(sent.as_deref(), next, GET)?;
        let first = first.get_or_insert(page);
        match next {
            Some(next) => sent = Some(next),
            None => return Ok(Some(Value::from(shape::iam::report(first, services)).to_string())),
        }
    }
}
