//! The evidence and the settings of an analysis.

use whittle_evidence::coverage::Coverage;
use whittle_evidence::ledger::Ledger;

use crate::doubt::Doubt;
use crate::window::ObservationWindow;

/// Settings of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalysisSettings {
    /// Days of evidence below which nothing is called unused.
    pub min_window_days: u32,
}

impl Default for AnalysisSettings {
    fn default() -> Self {
        Self { min_window_days: 30 }
    }
}

/// Everything an analysis rests on.
#[derive(Clone, Copy)]
pub struct AnalysisEvidence<'a> {
    /// Calls that were seen.
    pub ledger: &'a Ledger,
    /// Calls that could have been seen.
    pub coverage: &'a Coverage<'a>,
    /// From when to when.
    pub window: &'a ObservationWindow,
    /// Settings of the user.
    pub settings: &'a AnalysisSettings,
    /// Reasons why absence proves nothing anywhere: lost files, missing days. Usually empty.
    pub doubts: &'a [Doubt],
    /// Share of the window's days with any event of the account, 0 to 1.
    pub density: f64,
}
