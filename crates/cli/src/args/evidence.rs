//! Evidence: which counts, and how much of it is enough.

use std::path::PathBuf;

use clap::Args;

/// Which evidence counts, and how much of it is enough.
#[derive(Debug, Args)]
pub struct EvidenceArguments {
    /// Trail file or folder; may be given several times
    #[arg(long = "trail", value_name = "PATH")]
    pub trails: Vec<PathBuf>,
    /// The LookupEvents answers given are complete (no lookup attribute, all pages) for this Region, or
    /// `all`; repeatable
    #[arg(long, value_name = "REGION", env = "WHITTLE_EVENT_HISTORY", value_delimiter = ',')]
    pub event_history: Vec<String>,
    /// Days without any event of the account were quiet; no trail files are missing
    #[arg(long, alias = "quiet-days-are-real", env = "WHITTLE_QUIET_DAYS_ARE_REAL")]
    pub assume_quiet_days: bool,
    #[command(flatten)]
    pub window: WindowArguments,
}

/// How much evidence is enough.
#[derive(Debug, Args)]
pub struct WindowArguments {
    /// Days of evidence below which nothing is called unused, and a gate that finds nothing is inconclusive
    #[arg(long, value_name = "DAYS", default_value_t = 30, env = "WHITTLE_MIN_WINDOW_DAYS")]
    pub min_window_days: u32,
}
