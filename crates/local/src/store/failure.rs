//! Errors of SQLite as errors of a port.

use std::fmt;
use std::path::PathBuf;

use rusqlite::ffi::ErrorCode;
use whittle_evidence::ledger::LedgerError;
use whittle_pipeline::ports::{PortError, PortErrorKind};

/// Location of a store.
#[derive(Debug, Clone)]
pub(super) enum StorePlace {
    File(PathBuf),
    Memory,
}

impl fmt::Display for StorePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "`{}`", path.display()),
            Self::Memory => f.write_str("in memory"),
        }
    }
}

/// `done` says what could not be done: `opened`, `read`, `written`.
pub(super) fn sqlite_error(place: &StorePlace, done: &str, error: rusqlite::Error) -> PortError {
    use PortErrorKind::{Bug, Invalid, Transient};
    let (kind, message, hint) = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (
            Transient,
            format!("store {place} is in use by another process"),
            "wait until the other run is done, or close the program that has the file open",
        ),
        Some(ErrorCode::NotADatabase) => (
            Invalid,
            format!("store {place} is not an SQLite database"),
            "give another place for the store; the file was not changed",
        ),
        Some(ErrorCode::DatabaseCorrupt) => (Invalid, format!("store {place} is damaged"), damaged_hint()),
        Some(
            ErrorCode::ReadOnly
            | ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied
            | ErrorCode::AuthorizationForStatementDenied,
        ) => (
            Invalid,
            format!("store {place} cannot be {done}: no permission to write there"),
            "give a place in a folder that you may write to",
        ),
        Some(ErrorCode::DiskFull) => {
            (Transient, format!("store {place} cannot be {done}: the disk is full"), "free some space and run again")
        }
        Some(ErrorCode::SystemIoFailure) => {
            (Transient, format!("store {place} cannot be {done}"), "check the disk, then run again")
        }
        // A table or column is not what the schema says: somebody changed it.
        None if is_conversion(&error) => return damaged(place, "a column", error),
        _ => (Bug, format!("store {place} cannot be {done}"), "please report this with the cause shown"),
    };
    PortError::new(kind, message).with_hint(hint).with_source(error)
}

/// Content that the schema or the program would not have written.
pub(super) fn damaged(
    place: &StorePlace,
    what: &str,
    cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> PortError {
    PortError::new(PortErrorKind::Invalid, format!("store {place} is damaged: {what} is not readable"))
        .with_hint(damaged_hint())
        .with_source(cause)
}

/// What to do about a store that is damaged.
pub(super) fn damaged_hint() -> &'static str {
    "delete the file; the next run reads the trail again"
}

/// True for what a store without write permission answers.
pub(super) fn is_unwritable(error: &PortError) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<rusqlite::Error>());
    cause
        .and_then(rusqlite::Error::sqlite_error_code)
        .is_some_and(|code| matches!(code, ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied))
}

pub(super) fn ledger_error(place: &StorePlace, role: &str, error: LedgerError) -> PortError {
    match error {
        LedgerError::OtherVersion { .. } => {
            let hint = error.hint().unwrap_or("use the version of Whittle that wrote it, or give another place");
            PortError::new(PortErrorKind::Invalid, format!("the ledger in store {place} is of another version"))
                .with_hint(hint)
                .with_source(error)
        }
        error => damaged(place, &format!("the ledger of `{role}`"), error),
    }
}

pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

fn is_conversion(error: &rusqlite::Error) -> bool {
    matches!(
        error,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::Utf8Error(..)
    )
}
