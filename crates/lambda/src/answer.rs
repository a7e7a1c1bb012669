//! Answer of an invocation: how the run ended, what it did, what it could not see.

use std::collections::BTreeMap;

use serde::Serialize;
use whittle_analysis::issue::Issue;
use whittle_analysis::result::{Report, SCHEMA_VERSION, VerdictCounts};
use whittle_pipeline::service::ServiceOutcome;
use whittle_render::words;

/// Issues in an answer; the rest is counted. All are in the log.
const MAX_ISSUES: usize = 50;

/// Functions in the answer to an event that names a function or role.
const MAX_FUNCTIONS: usize = 200;

/// Answer of an invocation, as JSON.
#[derive(Debug, Serialize)]
pub struct RunAnswer {
    schema_version: u32,
    run_id: String,
    status: &'static str,
    dry_run: bool,
    /// The function invoked itself again to go on.
    continued: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    counts: BTreeMap<String, u64>,
    /// Inputs that could not be read or seen, alerts that were not published. A run goes on without them.
    issues: Vec<Issue>,
    issues_not_listed: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    functions: Vec<FunctionAnswer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    busy_with: Option<String>,
}

#[derive(Debug, Serialize)]
struct FunctionAnswer {
    function_arn: String,
    role_arn: String,
    counts: VerdictCounts,
    #[serde(skip_serializing_if = "Option::is_none")]
    removed_actions: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    no_suggestion: Option<String>,
}

impl RunAnswer {
    /// The answer of a run. `scoped`: the event named a function or role, so that the answer is about these.
    pub fn new(run_id: &str, outcome: ServiceOutcome, dry_run: bool, scoped: bool, continued: bool) -> Self {
        let functions = outcome.report.iter().filter(|_| scoped).flat_map(functions).collect();
        let issues = outcome.all_issues().take(MAX_ISSUES).cloned().collect();
        let issues_not_listed = outcome.all_issues().count().saturating_sub(MAX_ISSUES);
        Self {
            schema_version: SCHEMA_VERSION,
            run_id: run_id.to_owned(),
            status: outcome.status.as_str(),
            dry_run,
            continued,
            account: outcome.report.map(|report| report.account),
            counts: outcome.counts,
            issues,
            issues_not_listed,
            functions,
            busy_with: outcome.busy_with,
        }
    }
}

fn functions(report: &Report) -> impl Iterator<Item = FunctionAnswer> {
    report.functions.iter().take(MAX_FUNCTIONS).map(|function| FunctionAnswer {
        function_arn: function.function_arn.clone(),
        role_arn: function.role_arn.clone(),
        counts: function.counts,
        removed_actions: function.suggestion.as_ref().map(|suggestion| suggestion.removed_actions),
        confidence: function.suggestion.as_ref().map(|suggestion| suggestion.confidence),
        no_suggestion: function.no_suggestion.as_ref().map(|reason| words::no_suggestion(reason).into_owned()),
    })
}
