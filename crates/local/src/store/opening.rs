//! Opens a store: to write, or to read one that cannot be written.

use std::path::Path;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rusqlite::{Connection, OpenFlags};
use whittle_pipeline::ports::{PortError, PortErrorKind};

use super::evidence::KnownRows;
use super::failure::{StorePlace, is_busy, is_unwritable, sqlite_error};
use super::file::{self, FileIdentity, FileState, StoreExposure};
use super::{BUSY_TIMEOUT, SqliteStore, schema};

/// Bytes of a path that stand for themselves in a URI of SQLite ("Uniform Resource Identifiers", sqlite.org).
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// How a file is read that may not be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadOnlyWay {
    /// As it is, without locks: all content is in the one file, and no process has it open to write.
    Unlocked,
    /// With what another process left beside it, or is writing there now.
    WithLeftovers,
}

impl ReadOnlyWay {
    /// A process that has the store open keeps a write-ahead log beside it; one that was killed leaves it
    /// there, with content that the file does not have yet.
    pub(super) fn of(path: &Path) -> Self {
        if file::has_leftovers(path) { Self::WithLeftovers } else { Self::Unlocked }
    }
}

impl SqliteStore {
    pub(super) fn open_waiting(path: &Path, timeout: Duration) -> Result<Self, PortError> {
        let place = StorePlace::File(path.to_owned());
        let invalid = |message: String| PortError::new(PortErrorKind::Invalid, message);
        if path.is_dir() {
            return Err(invalid(format!("store {place} is a folder")).with_hint("give the name of a file in it"));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
            return Err(invalid(format!("store {place} cannot be made: `{}` is no folder", folder.display()))
                .with_hint("make the folder first, or give another place"));
        }
        // What cannot be made cannot be opened either, and SQLite says why.
        let _ = file::make_private(path);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(path, flags).map_err(|error| sqlite_error(&place, "opened", error))?;
        let mut store = Self::set_up(connection, place, timeout)?;
        store.identity = FileIdentity::of(path);
        Ok(store)
    }

    /// Reads a store without writing to it, its folder or the files beside it.
    pub(super) fn open_read_only(path: &Path) -> Result<Self, PortError> {
        let place = StorePlace::File(path.to_owned());
        let invalid = |message: String| PortError::new(PortErrorKind::Invalid, message);
        let unreadable = |error: std::io::Error| {
            invalid(format!("store {place} cannot be read"))
                .with_hint("check that you may read it; it is for its owner alone")
                .with_source(error)
        };
        std::fs::File::open(path).map_err(unreadable)?;
        let opened = |error| sqlite_error(&place, "read", error);
        match ReadOnlyWay::of(path) {
            ReadOnlyWay::Unlocked => {
                let state = FileState::of(path);
                let whole = path.canonicalize().map_err(unreadable)?;
                let encoded = percent_encode(whole.as_os_str().as_encoded_bytes(), PATH);
                let uri = format!("file:{encoded}?immutable=1");
                let flags =
                    OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                let connection = Connection::open_with_flags(uri, flags).map_err(opened)?;
                let mut store = Self::unchecked(connection, place.clone());
                store.unlocked = state;
                store.check_read_only()?;
                Ok(store)
            }
            ReadOnlyWay::WithLeftovers => {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
                let shared = Connection::open_with_flags(path, flags).map_err(opened).and_then(|connection| {
                    let mut store = Self::unchecked(connection, place.clone());
                    store.check_read_only()?;
                    Ok(store)
                });
                match shared {
                    Err(error) if is_unwritable(&error) => {}
                    other => return other,
                }
                // Nobody has it open, and SQLite would have to write to take in what was left: to a copy,
                // then.
                let folder = tempfile::tempdir().map_err(unreadable)?;
                let copy = file::copy(path, folder.path()).map_err(unreadable)?;
                let connection = Connection::open(copy).map_err(opened)?;
                let mut store = Self::unchecked(connection, place.clone());
                store.copy = Some(folder);
                store.check_read_only()?;
                Ok(store)
            }
        }
    }

    pub(super) fn set_up(connection: Connection, place: StorePlace, timeout: Duration) -> Result<Self, PortError> {
        let mut store = Self::unchecked(connection, place);
        store.check(timeout)?;
        Ok(store)
    }

    fn unchecked(connection: Connection, place: StorePlace) -> Self {
        Self {
            connection,
            place,
            known: KnownRows::default(),
            identity: None,
            unlocked: None,
            exposure: StoreExposure::Private,
            verified: Vec::new(),
            copy: None,
        }
    }

    /// Checks whose database it is, then brings it to the current schema.
    fn check(&mut self, timeout: Duration) -> Result<(), PortError> {
        self.prepare(timeout)?;
        let found = schema::version(&self.connection, &self.place)?;
        if matches!(self.place, StorePlace::File(_)) {
            self.use_write_ahead_log(timeout)?;
        }
        if found > 0 {
            schema::check_structure(&self.connection, &self.place)?;
        }
        if found < schema::CURRENT {
            schema::migrate(&mut self.connection, &self.place)?;
        }
        schema::check_definitions(&self.connection, &self.place)
    }

    /// Checks whose database it is, and that it needs nothing.
    fn check_read_only(&mut self) -> Result<(), PortError> {
        self.prepare(BUSY_TIMEOUT)?;
        let found = schema::version(&self.connection, &self.place)?;
        if found < schema::CURRENT {
            let message = match found {
                0 => format!("store {} is empty, and nothing may be written there", self.place),
                _ => format!(
                    "store {} was written by an earlier Whittle (schema {found}, this one needs {}), and nothing may be \
                     written there",
                    self.place,
                    schema::CURRENT
                ),
            };
            return Err(PortError::new(PortErrorKind::Invalid, message)
                .with_hint("copy it to a folder that you may write to, and give the copy"));
        }
        schema::check_structure(&self.connection, &self.place)?;
        schema::check_definitions(&self.connection, &self.place)
    }

    fn prepare(&self, timeout: Duration) -> Result<(), PortError> {
        let failed = |error| sqlite_error(&self.place, "opened", error);
        self.connection.busy_timeout(timeout).map_err(failed)?;
        // The schema of a file that somebody sent must not call functions behind our back.
        self.connection.pragma_update(None, "trusted_schema", false).map_err(failed)?;
        self.connection.pragma_update(None, "foreign_keys", true).map_err(failed)?;
        // What is deleted is overwritten: it may have been secret. The pragma answers with its value.
        self.connection.query_row("PRAGMA secure_delete = ON", [], |_| Ok(())).map_err(failed)
    }

    /// A reader never waits for a writer then. Changing the mode needs the file for itself for a moment,
    /// which SQLite's own busy handler does not wait for.
    fn use_write_ahead_log(&self, timeout: Duration) -> Result<(), PortError> {
        const PAUSE: Duration = Duration::from_millis(50);
        let mut waited = Duration::ZERO;
        loop {
            let mode =
                self.connection.query_row("PRAGMA journal_mode", [], |row| row.get::<_, String>(0)).and_then(|mode| {
                    if mode == "wal" {
                        return Ok(mode);
                    }
                    self.connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
                });
            match mode {
                // A file system without shared memory keeps the rollback journal: slower, and as safe.
                Ok(_) => return Ok(()),
                Err(error) if is_busy(&error) && waited < timeout => {
                    std::thread::sleep(PAUSE);
                    waited += PAUSE;
                }
                Err(error) => return Err(sqlite_error(&self.place, "opened", error)),
            }
        }
    }
}
