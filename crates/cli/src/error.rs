//! Errors of commands, worded for a person.

use std::path::PathBuf;

use whittle_pipeline::ports::PortError;
use whittle_pipeline::proposal::ProposalError;
use whittle_render::policy::RenderError;
use whittle_snapshot::SnapshotError;

/// A failed command: the problem, its causes, and advice.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// An adapter could not answer.
    #[error(transparent)]
    Port(#[from] PortError),
    /// A snapshot cannot be used.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// Input could not be read.
    #[error("cannot read `{}`", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// Output could not be written.
    #[error("cannot write `{}`", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A result cannot be written as JSON.
    #[error("cannot write JSON")]
    Json(#[from] serde_json::Error),
    /// The arguments are not valid, or do not fit together.
    #[error("{message}")]
    Usage {
        /// The problem.
        message: String,
        /// Advice; may be empty.
        hint: String,
    },
    /// The thing asked for does not exist.
    #[error("{message}")]
    NotFound {
        /// The problem.
        message: String,
        /// Advice; may be empty.
        hint: String,
    },
    /// A name means several things.
    #[error("{message}")]
    Ambiguous {
        /// The problem.
        message: String,
        /// Advice; may be empty.
        hint: String,
    },
    /// No earlier run stored what the command needs.
    #[error("{message}")]
    NoResult {
        /// The problem.
        message: String,
        /// Advice; may be empty.
        hint: String,
    },
    /// There is no narrowed policy for a function or role.
    #[error("{message}")]
    NoPolicy {
        /// The problem.
        message: String,
        /// Advice; may be empty.
        hint: String,
    },
    /// A file has content that the command cannot use.
    #[error("{message}")]
    Unusable {
        /// The problem.
        message: String,
        /// Advice; may be empty.
        hint: String,
    },
    /// Another run is at work.
    #[cfg(feature = "aws")]
    #[error("{message}")]
    Busy {
        /// The run at work, and the end of its lease.
        message: String,
    },
    /// The command is not in this build.
    #[cfg(not(feature = "aws"))]
    #[error("{what} is not in this build of whittle")]
    NotInBuild {
        /// The command or flag.
        what: &'static str,
    },
    /// A template cannot be held against the account.
    #[error(transparent)]
    Proposal(#[from] ProposalError),
    /// A template could not be read.
    #[error("`{}`: {source}", .path.display())]
    Template {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: whittle_template::source::ReadError,
    },
    /// A policy cannot be written in the format asked for.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// A file that the user wrote is not valid.
    #[error("`{}`: {message}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The problem and its place.
        message: String,
        /// Advice.
        hint: String,
    },
    /// The runtime could not be started.
    #[cfg(feature = "aws")]
    #[error("cannot start")]
    Runtime(#[source] std::io::Error),
}

impl CommandError {
    /// Advice for the user.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Port(error) => error.hint(),
            Self::Snapshot(error) => error.hint(),
            Self::Proposal(error) => error.hint(),
            #[cfg(not(feature = "aws"))]
            Self::NotInBuild { .. } => Some("build it with `cargo install --path crates/cli --features aws`"),
            Self::Template { source, .. } => source.hint(),
            Self::Render(error) if !error.hint().is_empty() => Some(error.hint()),
            Self::Usage { hint, .. }
            | Self::NotFound { hint, .. }
            | Self::Ambiguous { hint, .. }
            | Self::NoResult { hint, .. }
            | Self::NoPolicy { hint, .. }
            | Self::Unusable { hint, .. }
            | Self::File { hint, .. }
                if !hint.is_empty() =>
            {
                Some(hint)
            }
            #[cfg(feature = "aws")]
            Self::Busy { .. } => Some("try again when it has ended; nothing was done"),
            _ => None,
        }
    }
}
