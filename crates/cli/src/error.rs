//! Why a command failed, for a person.

use std::path::PathBuf;

use whittle_pipeline::ports::PortError;
use whittle_render::policy::RenderError;

/// A failed command: what, why (the cause chain), and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// An adapter could not answer.
    #[error(transparent)]
    Port(#[from] PortError),
    /// Input could not be read.
    #[error("cannot read `{}`", .path.display())]
    Read {
        /// Where from.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Output could not be written.
    #[error("cannot write `{}`", .path.display())]
    Write {
        /// Where to.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Standard output is gone; not an error for the user (`whittle … | head`).
    #[error("standard output was closed")]
    BrokenPipe,
    /// A result cannot be written as JSON.
    #[error("cannot write JSON")]
    Json(#[from] serde_json::Error),
    /// The thing asked for does not exist.
    #[error("{message}")]
    NotFound {
        /// What was looked for.
        message: String,
        /// What there is instead.
        hint: String,
    },
    /// A template could not be read.
    #[error("`{}`: {source}", .path.display())]
    Template {
        /// Which.
        path: PathBuf,
        /// Why.
        source: whittle_template::source::ReadError,
    },
    /// A policy cannot be written in the format asked for.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// A file that the user wrote is not what it should be.
    #[error("`{}`: {message}", .path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong, and where.
        message: String,
        /// How to mend it.
        hint: String,
    },
    /// The runtime could not be started.
    #[error("cannot start")]
    Runtime(#[source] std::io::Error),
}

impl CommandError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Port(error) => error.hint(),
            Self::Template { source, .. } => source.hint(),
            Self::Render(error) if !error.hint().is_empty() => Some(error.hint()),
            Self::NotFound { hint, .. } | Self::File { hint, .. } if !hint.is_empty() => Some(hint),
            _ => None,
        }
    }
}
