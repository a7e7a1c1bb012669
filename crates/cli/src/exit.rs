//! Exit codes.

use std::process::{ExitCode, Termination};

/// How the program ends.
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
