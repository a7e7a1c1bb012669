//! One invocation: event → run → answer, log lines, metrics.

use std::collections::BTreeMap;
use std::io::Write;

use jiff::{SignedDuration, Timestamp};
use lambda_runtime::{Context, LambdaEvent};
use serde_json::{Value, json};
use tracing::{Instrument, error, info, info_span, warn};
use whittle_aws::clients::{Aws, AwsSettings};
use whittle_aws::service::{RunRequest, ServiceConfig, SystemClock, run};
use whittle_pipeline::ports::{Clock, PortError};
use whittle_pipeline::service::{AnalysisScope, Deadline, ServiceOutcome, Status};

use crate::answer::RunAnswer;
use crate::event::Invocation;
use crate::failure::{InvocationFailure, with_advice};
use crate::metrics::{Metric, line};

/// Kept back from Lambda's deadline for the last writes and log lines.
const RESERVE: SignedDuration = SignedDuration::from_secs(10);

/// Times in a row that a run may invoke the function again. Lambda itself stops such a chain after about 16
/// (Lambda Developer Guide, "Use Lambda recursive loop detection to prevent infinite loops").
const MAX_CONTINUATIONS: u8 = 12;

/// Everything that is built once per execution environment.
pub struct Handler {
    ready: Result<(Aws, ServiceConfig), String>,
    service: String,
    function: Option<String>,
}

impl Handler {
    /// Reads the environment; calls nothing. Each invocation reports what is wrong with it, where somebody
    /// sees it.
    pub async fn new() -> Self {
        let variable = |name: &str| std::env::var(name).ok();
        let ready = match Aws::load(&AwsSettings::default()).await {
            Ok(aws) => ServiceConfig::from_variables(&variable, &aws.region()).map(|config| (aws, config)),
            Err(error) => Err(error),
        };
        Self {
            ready: ready.map_err(|error| with_advice(&error, error.hint())),
            service: variable("WHITTLE_SERVICE").unwrap_or_else(|| "whittle".to_owned()),
            function: variable("WHITTLE_SELF").filter(|name| !name.is_empty()),
        }
    }

    /// Answers one invocation.
    pub async fn handle(&self, event: LambdaEvent<Value>) -> Result<Value, InvocationFailure> {
        let LambdaEvent { payload, context } = event;
        let run_id = context.request_id.clone();
        let span = info_span!("run", run_id = %run_id, service = %self.service);
        let started = SystemClock.now();
        let before = self.calls();
        async {
            let result = self.answer(&payload, &context).await;
            self.finish(&run_id, started, self.calls().saturating_sub(before), result)
        }
        .instrument(span)
        .await
    }

    /// Calls to AWS since the environment began.
    fn calls(&self) -> u64 {
        self.ready.as_ref().map(|(aws, _)| aws.calls().values().sum()).unwrap_or_default()
    }

    async fn answer(
        &self,
        payload: &Value,
        context: &Context,
    ) -> Result<(ServiceOutcome, Invocation, bool), InvocationFailure> {
        let invocation = Invocation::parse(payload)?;
        let (aws, config) = self
            .ready
            .as_ref()
            .map_err(|error| PortError::new(whittle_pipeline::ports::PortErrorKind::Invalid, error.clone()))?;
        let now = SystemClock.now();
        let end = i64::try_from(context.deadline).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
        let end = end.and_then(|end| end.checked_sub(RESERVE).ok());
        let request = RunRequest {
            run_id: context.request_id.clone(),
            scope: invocation.scope.clone(),
            dry_run: invocation.dry_run,
            backfill_days: invocation.backfill_days,
            deadline: end.map(|end| Deadline::within(now, end)),
        };
        info!(
            scope = ?invocation.scope,
            dry_run = invocation.dry_run,
            backfill_days = invocation.backfill_days,
            continuation = invocation.continuation,
            "run begins"
        );
        let outcome = run(aws, config, &request, &whittle_render::alert::message, &mut ()).await?;
        let continued = outcome.status == Status::Continues && self.go_on(aws, &invocation).await;
        Ok((outcome, invocation, continued))
    }

    /// Invokes the function again, so that a long first reading does not wait for the next tick of the
    /// schedule.
    async fn go_on(&self, aws: &Aws, invocation: &Invocation) -> bool {
        let Some(function) = &self.function else { return false };
        if invocation.continuation >= MAX_CONTINUATIONS || invocation.dry_run {
            warn!("run stops before everything is read; the next tick goes on");
            return false;
        }
        // A backfill has forgotten its marks already: to ask for it again would begin it again.
        let continuation = invocation.continuation.saturating_add(1);
        let event = match &invocation.scope {
            AnalysisScope::Account => json!({"continuation": continuation}),
            AnalysisScope::Function(name) => json!({"continuation": continuation, "function": name}),
            AnalysisScope::Role(name) => json!({"continuation": continuation, "role": name}),
        };
        match whittle_aws::continuation::invoke(aws, function, &event.to_string()).await {
            Ok(()) => true,
            Err(error) => {
                warn!(error = %with_advice(&error, error.hint()), "the function cannot invoke itself; the next tick goes on");
                false
            }
        }
    }

    /// Logs how it ended and writes the metrics.
    fn finish(
        &self,
        run_id: &str,
        started: Timestamp,
        calls: u64,
        result: Result<(ServiceOutcome, Invocation, bool), InvocationFailure>,
    ) -> Result<Value, InvocationFailure> {
        let now = SystemClock.now();
        let millis = now.duration_since(started).as_millis();
        let mut values = BTreeMap::from([
            (Metric::RunDuration, u64::try_from(millis).unwrap_or_default()),
            (Metric::AwsCalls, calls),
            (Metric::CompletedRuns, 0),
            (Metric::FailedRuns, 0),
        ]);
        let status = match &result {
            Ok((outcome, ..)) => {
                for issue in outcome.all_issues() {
                    warn!(kind = %issue.kind, place = %issue.place, hint = %issue.hint, count = issue.count, "{}", issue.message);
                }
                let count = |name: &str| outcome.counts.get(name).copied().unwrap_or_default();
                values.insert(Metric::CompletedRuns, u64::from(outcome.status == Status::Complete));
                values.insert(Metric::Functions, count("functions"));
                values.insert(Metric::Records, count("records").saturating_add(count("history_events")));
                values.insert(Metric::Findings, count("findings"));
                values.insert(Metric::AlertsPublished, count("alerts"));
                values.insert(Metric::Issues, outcome.all_issues().map(|issue| issue.count).sum());
                info!(status = outcome.status.as_str(), counts = %json!(outcome.counts), calls, "run ends");
                outcome.status.as_str()
            }
            Err(failure) => {
                values.insert(Metric::FailedRuns, 1);
                error!(error_type = failure.error_type(), "{}", failure.message());
                "failed"
            }
        };
        // Standard output is where Lambda takes metrics from; a log line would wrap them.
        let text = line(&self.service, run_id, status, now, &values);
        let _ = writeln!(std::io::stdout(), "{text}");
        let (outcome, invocation, continued) = result?;
        let scoped = invocation.scope != AnalysisScope::Account;
        let answer = RunAnswer::new(run_id, outcome, invocation.dry_run, scoped, continued);
        serde_json::to_value(answer).map_err(|error| {
            let kind = whittle_pipeline::ports::PortErrorKind::Bug;
            InvocationFailure::Run(PortError::new(kind, "the answer cannot be written as JSON").with_source(error))
        })
    }
}
