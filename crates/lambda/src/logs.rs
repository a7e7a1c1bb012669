//! Structured logs: one JSON object a line, as Lambda's JSON log format has them.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// Starts logging to standard output. `AWS_LAMBDA_LOG_LEVEL` sets the level, as Lambda's logging
/// configuration does (Lambda Developer Guide, "Configuring advanced logging controls"); libraries are heard
/// from warnings on.
pub fn start() {
    let level = std::env::var("AWS_LAMBDA_LOG_LEVEL").unwrap_or_default();
    let level = ["trace", "debug", "info", "warn", "error"]
        .into_iter()
        .find(|known| level.eq_ignore_ascii_case(known))
        .unwrap_or(if level.eq_ignore_ascii_case("fatal") { "error" } else { "info" });
    let filter = EnvFilter::new(format!("warn,whittle_lambda={level},whittle_aws={level},whittle_pipeline={level}"));
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::NONE)
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_ansi(false)
        .init();
}
