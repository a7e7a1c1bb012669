//! The settings of a run, from the arguments about evidence.

use jiff::Timestamp;
use whittle_analysis::input::AnalysisSettings;
use whittle_pipeline::run::RunSettings;

use crate::args::EvidenceArguments;

/// The settings that the arguments say.
pub fn settings(arguments: &EvidenceArguments) -> RunSettings {
    RunSettings {
        analysis: AnalysisSettings { min_window_days: arguments.window.min_window_days },
        event_history: arguments.event_history.clone(),
        assume_quiet_days: arguments.assume_quiet_days,
        now: Some(Timestamp::now()),
    }
}
