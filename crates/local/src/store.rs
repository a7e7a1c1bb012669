//! Keeps ledger, watermarks and results in one SQLite file.
//!
//! The file is for people too: `sqlite3 whittle.db 'SELECT * FROM removable'`. Its schema, with a comment on
//! each table and column, is `store/schema_1.sql` (`.schema` prints it):
//!
//! | table | a row for each | |
//! |---|---|---|
//! | `analysis` | account | window, coverage, issues |
//! | `function_result`, `role_result` | (function, role), role | suggestion and verdicts, JSON in `result` |
//! | `finding` | finding | in report order by `position` |
//! | `ledger_role`, `ledger_account` | role, account part | evidence, JSON |
//! | `trail_object`, `evidence_issue` | object read, problem met | watermark |
//! | `snapshot_document` | document | the account as it was analysed (`store/schema_2.sql`) |
//!
//! Views: `removable`, `unused_action`, `suggested_policy`.
//!
//! Each method is one transaction, so a kill leaves all of a call or nothing. Rows that are equal are not
//! written: a run with nothing new leaves the file byte-identical. Two processes may share a file: a ledger
//! row that changed since it was loaded is joined, not replaced, so neither loses evidence; the results are
//! those of the last to finish.
//!
//! `PRAGMA user_version` counts migrations and `PRAGMA application_id` names the program; a file that is
//! newer, or of another program, is refused and left alone.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use whittle_analysis::result::{Finding, FunctionResult, Report, RoleResult};
use whittle_evidence::ledger::Ledger;
use whittle_pipeline::marks::ReadMarks;
use whittle_pipeline::ports::{Changes, EvidenceBatch, PortError, PortErrorKind, SaveScope, Store};
use whittle_snapshot::SnapshotFiles;

use evidence::KnownRows;
use failure::{StorePlace, sqlite_error};

mod evidence;
mod failure;
mod report;
mod stored_snapshot;

pub use stored_snapshot::StoredSnapshot;

/// `Whtl`, by which `file` and other programs know the database.
const APPLICATION_ID: i32 = 0x5768_746c;

/// Statements that lead from each schema version to the next.
const MIGRATIONS: &[&str] = &[include_str!("store/schema_1.sql"), include_str!("store/schema_2.sql")];

/// Time that a call waits for another process to finish its transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// A [`Store`] in an SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
    place: StorePlace,
    known: KnownRows,
}

impl SqliteStore {
    /// Opens a store, or makes a new one if there is no file (or an empty one). The folder must exist.
    ///
    /// Fails (`Invalid`, with a hint) on a file that is no database, of another program or of a newer
    /// version, and on a place that cannot be written; `Transient` if another process keeps it locked.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, PortError> {
        Self::open_waiting(path.as_ref(), BUSY_TIMEOUT)
    }

    /// A store that is gone when it is dropped.
    pub fn open_in_memory() -> Result<Self, PortError> {
        let place = StorePlace::Memory;
        let connection = Connection::open_in_memory().map_err(|error| sqlite_error(&place, "opened", error))?;
        Self::set_up(connection, place, BUSY_TIMEOUT)
    }

    /// Accounts with results, sorted.
    pub fn accounts(&mut self) -> Result<Vec<String>, PortError> {
        self.reading(report::accounts)
    }

    /// The last report of an account, as it was saved.
    pub fn report(&mut self, account: &str) -> Result<Option<Report>, PortError> {
        self.reading(|transaction, place| report::load(transaction, place, account))
    }

    /// Results of the functions that belong to a CloudFormation stack, by their tags.
    pub fn functions_of_stack(&mut self, stack: &str) -> Result<Vec<FunctionResult>, PortError> {
        self.reading(|transaction, place| report::functions_of_stack(transaction, place, stack))
    }

    /// Keeps the snapshot that `account` was analysed from, in place of the one before. The account must have
    /// results.
    pub fn keep_snapshot(&mut self, account: &str, files: &dyn SnapshotFiles) -> Result<(), PortError> {
        self.writing(|transaction, place, _| stored_snapshot::save(transaction, place, account, files))
    }

    /// The snapshot that an account was last analysed from.
    pub fn snapshot(&mut self, account: &str) -> Result<Option<StoredSnapshot>, PortError> {
        self.reading(|transaction, place| stored_snapshot::load(transaction, place, account))
    }

    /// Writes everything into the one file and closes it. Dropping the store does the same but cannot report
    /// a failure.
    pub fn close(self) -> Result<(), PortError> {
        let place = self.place;
        self.connection.close().map_err(|(_, error)| sqlite_error(&place, "closed", error))
    }

    fn open_waiting(path: &Path, timeout: Duration) -> Result<Self, PortError> {
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
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection =
            Connection::open_with_flags(path, flags).map_err(|error| sqlite_error(&place, "opened", error))?;
        Self::set_up(connection, place, timeout)
    }

    fn set_up(connection: Connection, place: StorePlace, timeout: Duration) -> Result<Self, PortError> {
        let mut store = Self { connection, place, known: KnownRows::default() };
        store.check(timeout)?;
        Ok(store)
    }

    /// Checks whose database it is, then brings it to the current schema.
    fn check(&mut self, timeout: Duration) -> Result<(), PortError> {
        let place = self.place.clone();
        let failed = |error| sqlite_error(&place, "opened", error);
        self.connection.busy_timeout(timeout).map_err(failed)?;
        // The schema of a file that somebody sent must not call functions behind our back.
        self.connection.pragma_update(None, "trusted_schema", false).map_err(failed)?;
        self.connection.pragma_update(None, "foreign_keys", true).map_err(failed)?;
        let found = self.schema_version()?;
        if matches!(self.place, StorePlace::File(_)) {
            self.use_write_ahead_log(timeout)?;
        }
        if found < MIGRATIONS.len() {
            self.migrate()?;
        }
        Ok(())
    }

    /// The version of the file's schema; an error if it is not one that this program may touch.
    fn schema_version(&self) -> Result<usize, PortError> {
        let invalid = |message: String| PortError::new(PortErrorKind::Invalid, message);
        let failed = |error| sqlite_error(&self.place, "opened", error);
        // One snapshot for all three: another process may be making the file at this moment.
        let snapshot = self.connection.unchecked_transaction().map_err(failed)?;
        let read =
            |sql: &str| -> Result<i64, PortError> { snapshot.query_row(sql, [], |row| row.get(0)).map_err(failed) };
        let application = read("PRAGMA application_id")?;
        let version = read("PRAGMA user_version")?;
        let objects = read("SELECT count(*) FROM sqlite_schema")?;
        if application == 0 && version == 0 && objects == 0 {
            return Ok(0);
        }
        if application != i64::from(APPLICATION_ID) {
            return Err(invalid(format!("{} is a database of another program", self.place))
                .with_hint("give another place for the store"));
        }
        match usize::try_from(version) {
            Ok(version) if version <= MIGRATIONS.len() => Ok(version),
            _ => Err(invalid(format!(
                "store {} was written by a newer Whittle (schema {version}, this one knows {})",
                self.place,
                MIGRATIONS.len()
            ))
            .with_hint("update Whittle, or give another place for the store")),
        }
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
                Err(error) if failure::is_busy(&error) && waited < timeout => {
                    std::thread::sleep(PAUSE);
                    waited += PAUSE;
                }
                Err(error) => return Err(sqlite_error(&self.place, "opened", error)),
            }
        }
    }

    fn migrate(&mut self) -> Result<(), PortError> {
        let place = self.place.clone();
        let failed = |error| sqlite_error(&place, "brought up to date", error);
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        // Another process may have been faster.
        let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
        for (next, statements) in (1_i64..).zip(MIGRATIONS).filter(|(next, _)| *next > version) {
            transaction.execute_batch(statements).map_err(failed)?;
            transaction.pragma_update(None, "user_version", next).map_err(failed)?;
        }
        if version == 0 {
            transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
        }
        transaction.commit().map_err(failed)
    }

    /// Runs `work` on one consistent state of the file.
    fn reading<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>, &StorePlace) -> Result<T, PortError>,
    ) -> Result<T, PortError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Deferred)
            .map_err(|error| sqlite_error(&self.place, "read", error))?;
        work(&transaction, &self.place)
    }

    /// Runs `work` so that all of it is kept, or nothing.
    fn writing<T>(
        &mut self,
        work: impl FnOnce(&Transaction<'_>, &StorePlace, &mut KnownRows) -> Result<T, PortError>,
    ) -> Result<T, PortError> {
        let failed = |error| sqlite_error(&self.place, "written", error);
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let done = work(&transaction, &self.place, &mut self.known)?;
        transaction.commit().map_err(failed)?;
        Ok(done)
    }
}

impl Store for SqliteStore {
    fn load_ledger(&mut self) -> Result<Ledger, PortError> {
        let (ledger, known) = self.reading(evidence::load)?;
        self.known = known;
        Ok(ledger)
    }

    /// Right after [`Store::load_ledger`], the marks of that very state: objects that another process adds in
    /// between would otherwise count as read although the loaded ledger does not have them.
    fn read_marks(&mut self) -> Result<ReadMarks, PortError> {
        match self.known.take_marks() {
            Some(marks) => Ok(marks),
            None => self.reading(evidence::marks),
        }
    }

    fn save_evidence(&mut self, batch: EvidenceBatch<'_>) -> Result<(), PortError> {
        let parts = evidence::changed_parts(batch.ledger, &self.known, &self.place)?;
        let saved = self.writing(|transaction, place, known| {
            evidence::save_objects(transaction, place, batch.objects, batch.marks)?;
            evidence::save_parts(transaction, place, known, batch.ledger, parts)
        })?;
        // Only now: a transaction that failed has saved nothing.
        self.known.note(saved);
        Ok(())
    }

    fn save_report(&mut self, report: &Report, scope: &SaveScope) -> Result<Changes, PortError> {
        self.writing(|transaction, place, _| report::save(transaction, place, report, scope))
    }

    fn functions(&mut self, name_or_arn: &str) -> Result<Vec<FunctionResult>, PortError> {
        self.reading(|transaction, place| report::functions(transaction, place, name_or_arn))
    }

    fn roles(&mut self, name_or_arn: &str) -> Result<Vec<RoleResult>, PortError> {
        self.reading(|transaction, place| report::roles(transaction, place, name_or_arn))
    }

    fn names(&mut self) -> Result<Vec<String>, PortError> {
        self.reading(report::names)
    }

    fn findings(&mut self, account: &str) -> Result<Vec<Finding>, PortError> {
        self.reading(|transaction, place| report::findings(transaction, place, account))
    }
}

#[cfg(test)]
mod tests;
