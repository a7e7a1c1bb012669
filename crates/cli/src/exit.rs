//! Exit codes.

use std::process::{ExitCode, Termination};

use whittle_analysis::result::{Report, Severity};

/// Exit codes of the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: fine.
    Clean,
    /// 1: findings at or above `--fail-on`.
    Findings,
    /// 2: wrong usage, or something failed.
    Error,
    /// 3: a gate was asked for and coverage is too small to answer.
    Inconclusive,
}

impl Exit {
    /// The answer of a gate on findings of the severity `least` or worse; without one, there is no gate.
    pub fn of_gate(report: &Report, least: Option<Severity>) -> Self {
        let Some(least) = least else { return Self::Clean };
        if report.findings.iter().any(|finding| finding.severity >= least) {
            Self::Findings
        } else if report.window.days == 0 {
            // Without evidence a gate that passes would say more than is known.
            Self::Inconclusive
        } else {
            Self::Clean
        }
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        match self {
            Self::Clean => ExitCode::SUCCESS,
            Self::Findings => ExitCode::from(1),
            Self::Error => ExitCode::from(2),
            Self::Inconclusive => ExitCode::from(3),
        }
    }
}
