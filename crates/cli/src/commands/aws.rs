//! `whittle run` and `whittle snapshot`: the same adapters as the Lambda function, from a laptop.

use whittle_analysis::result::Severity;
use whittle_aws::service::{EvidenceSource, RunRequest, ServiceConfig};
use whittle_pipeline::service::{AnalysisScope, Status};
use whittle_render::report;

use super::client::{block_on, load, regions};
use crate::args::{EvidenceChoice, Format, RunArguments, SnapshotArguments};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::progress::ReadProgress;

/// One run against AWS.
pub fn run(arguments: &RunArguments, printer: &Printer) -> Result<Exit, CommandError> {
    let aws = load(&arguments.aws)?;
    let regions = regions(&arguments.regions, &aws);
    let config = ServiceConfig {
        table: arguments.table.clone(),
        topic: arguments.topic.clone(),
        regions,
        evidence: match arguments.evidence {
            EvidenceChoice::EventHistory => EvidenceSource::EventHistory,
            EvidenceChoice::TrailBucket => EvidenceSource::TrailBucket,
            EvidenceChoice::Both => EvidenceSource::Both,
        },
        trail_bucket: arguments.trail_bucket.clone(),
        trail_prefix: arguments.trail_prefix.clone(),
        trail_organization: arguments.trail_organization.clone(),
        trail_accounts: arguments.trail_accounts.clone(),
        history_share: arguments.history_share,
        memory: None,
        lookback_days: arguments.lookback_days,
        min_window_days: arguments.window.min_window_days,
        alert_severity: arguments.alert_severity.into(),
        alert_resolved: arguments.alert_resolved,
        last_accessed: !arguments.no_last_accessed,
    };
    let request = RunRequest {
        run_id: format!("laptop-{}-{}", jiff::Timestamp::now().as_millisecond(), std::process::id()),
        scope: match (&arguments.function, &arguments.role) {
            (Some(name), _) => AnalysisScope::Function(name.clone()),
            (None, Some(name)) => AnalysisScope::Role(name.clone()),
            (None, None) => AnalysisScope::Account,
        },
        dry_run: arguments.dry_run,
        backfill_days: arguments.backfill_days,
        deadline: None,
    };
    let outcome = {
        let mut progress = ReadProgress::new(printer);
        block_on(whittle_aws::service::run(&aws, &config, &request, &whittle_render::alert::message, &mut progress))??
    };
    for (name, count) in &outcome.counts {
        printer.detail(&format!("{name}: {count}"));
    }
    printer.detail(&format!("calls to AWS: {}", aws.calls().values().sum::<u64>()));
    if outcome.status == Status::Busy {
        return Err(CommandError::Busy { message: outcome.issues.into_iter().map(|issue| issue.message).collect() });
    }
    let Some(found) = outcome.report else { return Ok(Exit::Inconclusive) };
    printer.data(&match arguments.format {
        Format::Table => report::human(&found, printer.color()),
        Format::Json => report::json(&found)?,
        Format::Ndjson => report::ndjson(&found)?,
    })?;
    Ok(Exit::of_gate(&found, arguments.fail_on.map(Severity::from)))
}

/// Fetches the inventory into a folder.
pub fn snapshot(arguments: &SnapshotArguments, printer: &Printer) -> Result<Exit, CommandError> {
    let aws = load(&arguments.aws)?;
    let regions = regions(&arguments.regions, &aws);
    let (documents, issues) =
        block_on(whittle_aws::service::fetch_documents(&aws, regions, !arguments.no_last_accessed))??;
    let written = whittle_local::snapshot::write(&arguments.folder, &documents)?;
    for issue in &issues {
        printer.warning(&format!("{}: {}", issue.place, issue.message));
        if !issue.hint.is_empty() {
            printer.hint(&issue.hint);
        }
    }
    printer.detail(&format!("{written} files in {}", arguments.folder.display()));
    printer.hint(&format!(
        "fetch the trail with `aws s3 sync s3://BUCKET/AWSLogs/ trail/`, then `whittle analyze {} --trail trail/`",
        arguments.folder.display()
    ));
    Ok(Exit::Clean)
}
