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
//! | `table_total` | table | what it holds (`store/schema_3.sql`) |
//!
//! Views: `removable`, `unused_action`, `suggested_policy`.
//!
//! Each method is one transaction, so a kill leaves all of a call or nothing. Rows that are equal are not
//! written: a run with nothing new leaves the file byte-identical. Two processes may share a file: a ledger
//! row that changed since it was loaded is joined, not replaced, so neither loses evidence; the results are
//! those of the last to finish.
//!
//! It says what may be done in an account, so only its owner may read the file and those that SQLite keeps
//! beside it. Of a snapshot, only what is read is kept, and what is deleted is overwritten. Each row has a
//! checksum, which is verified before anything of its table is used.
//!
//! `PRAGMA user_version` counts migrations and `PRAGMA application_id` names the program; a file that is
//! newer, or of another program, is refused and left alone.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use whittle_analysis::result::{Finding, FunctionResult, Report, RoleResult};
use whittle_evidence::ledger::Ledger;
use whittle_pipeline::marks::ReadMarks;
use whittle_pipeline::ports::{Changes, EvidenceBatch, PortError, PortErrorKind, SaveScope, Store};
use whittle_snapshot::SnapshotFiles;

use checksum::{EVIDENCE, RESULTS, SNAPSHOTS, Table};
use evidence::KnownRows;
use failure::{StorePlace, sqlite_error};
use file::{FileIdentity, FileState};

mod checksum;
mod evidence;
mod failure;
mod file;
mod opening;
mod report;
mod schema;
mod stored_snapshot;

pub use file::StoreExposure;
pub use stored_snapshot::StoredSnapshot;

/// Time that a call waits for another process to finish its transaction.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// A [`Store`] in an SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Connection,
    place: StorePlace,
    known: KnownRows,
    /// The file at its path when it was opened; `None` in memory and where nothing is written.
    identity: Option<FileIdentity>,
    /// State of a file that is read without locks, which must stay.
    unlocked: Option<FileState>,
    exposure: StoreExposure,
    /// Names of the first tables of the groups whose rows were verified.
    verified: Vec<&'static str>,
    /// What is read in place of a file that cannot be opened where it is. Dropped after the connection.
    copy: Option<tempfile::TempDir>,
}

impl SqliteStore {
    /// Opens a store, or makes a new one if there is no file (or an empty one), for its owner alone. The
    /// folder must exist. A store of an earlier version is brought up to date.
    ///
    /// Fails (`Invalid`, with a hint) on a file that is no database, of another program or of a newer
    /// version, on a damaged one, and on a place that cannot be written; `Transient` if another process keeps
    /// it locked.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, PortError> {
        let mut store = Self::open_waiting(path.as_ref(), BUSY_TIMEOUT)?;
        store.exposure = file::tighten(path.as_ref());
        Ok(store)
    }

    /// Opens a store that is there, to read it. Where nothing may be written it is read as it is.
    ///
    /// Fails as [`Self::open`] does, and (`Invalid`, with a hint) on a store of an earlier version that may
    /// not be brought up to date.
    pub fn open_to_read(path: impl AsRef<Path>) -> Result<Self, PortError> {
        let path = path.as_ref();
        if file::may_write(path) {
            match Self::open_waiting(path, BUSY_TIMEOUT) {
                // The file may be written, and its folder may not.
                Err(error) if failure::is_unwritable(&error) => {}
                other => return other,
            }
        }
        Self::open_read_only(path)
    }

    /// A store that is gone when it is dropped.
    pub fn open_in_memory() -> Result<Self, PortError> {
        let place = StorePlace::Memory;
        let connection = Connection::open_in_memory().map_err(|error| sqlite_error(&place, "opened", error))?;
        Self::set_up(connection, place, BUSY_TIMEOUT)
    }

    /// Who could read the file before it was opened.
    pub fn exposure(&self) -> StoreExposure {
        self.exposure
    }

    /// Accounts with results, sorted.
    pub fn accounts(&mut self) -> Result<Vec<String>, PortError> {
        self.reading(RESULTS, report::accounts)
    }

    /// The last report of an account, as it was saved.
    pub fn report(&mut self, account: &str) -> Result<Option<Report>, PortError> {
        self.reading(RESULTS, |transaction, place| report::load(transaction, place, account))
    }

    /// Results of the functions that belong to a CloudFormation stack, by their tags.
    pub fn functions_of_stack(&mut self, stack: &str) -> Result<Vec<FunctionResult>, PortError> {
        self.reading(RESULTS, |transaction, place| report::functions_of_stack(transaction, place, stack))
    }

    /// Keeps the snapshot that `account` was analysed from, in place of the one before. The account must have
    /// results.
    pub fn keep_snapshot(&mut self, account: &str, files: &dyn SnapshotFiles) -> Result<(), PortError> {
        self.writing(|transaction, place, _| stored_snapshot::save(transaction, place, account, files))
    }

    /// The snapshot that an account was last analysed from.
    pub fn snapshot(&mut self, account: &str) -> Result<Option<StoredSnapshot>, PortError> {
        self.reading(SNAPSHOTS, |transaction, place| stored_snapshot::load(transaction, place, account))
    }

    /// Writes everything into the one file and closes it. Dropping the store does the same but cannot report
    /// a failure, nor that the file is gone.
    pub fn close(self) -> Result<(), PortError> {
        let Self { connection, place, identity, .. } = self;
        connection.close().map_err(|(_, error)| sqlite_error(&place, "closed", error))?;
        still_there(identity.as_ref(), &place)
    }

    /// Runs `work` on one consistent state of the file, in which the rows of `tables` are what was written.
    fn reading<T>(
        &mut self,
        tables: &[&'static Table],
        work: impl FnOnce(&Transaction<'_>, &StorePlace) -> Result<T, PortError>,
    ) -> Result<T, PortError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Deferred)
            .map_err(|error| sqlite_error(&self.place, "read", error))?;
        let group = tables.first().map(|table| table.name);
        if let Some(group) = group.filter(|group| !self.verified.contains(group)) {
            checksum::verify(tables, &transaction, &self.place)?;
            self.verified.push(group);
        }
        let done = work(&transaction, &self.place)?;
        drop(transaction);
        if let (Some(before), StorePlace::File(path)) = (&self.unlocked, &self.place)
            && FileState::of(path).as_ref() != Some(before)
        {
            let message = format!("store {} is being written by another process", self.place);
            return Err(PortError::new(PortErrorKind::Transient, message).with_hint("run again when it is done"));
        }
        Ok(done)
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
        still_there(self.identity.as_ref(), &self.place)?;
        Ok(done)
    }
}

/// What is written to a file that was deleted is lost with it, and nobody would hear of it.
fn still_there(identity: Option<&FileIdentity>, place: &StorePlace) -> Result<(), PortError> {
    let (Some(identity), StorePlace::File(path)) = (identity, place) else { return Ok(()) };
    if FileIdentity::of(path).as_ref() == Some(identity) {
        return Ok(());
    }
    let message = format!("store {place} was deleted or replaced while it was in use, and nothing was kept");
    Err(PortError::new(PortErrorKind::Invalid, message).with_hint("run again; let nothing remove the file meanwhile"))
}

impl Store for SqliteStore {
    fn load_ledger(&mut self) -> Result<Ledger, PortError> {
        let (ledger, known) = self.reading(EVIDENCE, evidence::load)?;
        self.known = known;
        Ok(ledger)
    }

    /// Right after [`Store::load_ledger`], the marks of that very state: objects that another process adds in
    /// between would otherwise count as read although the loaded ledger does not have them.
    fn read_marks(&mut self) -> Result<ReadMarks, PortError> {
        match self.known.take_marks() {
            Some(marks) => Ok(marks),
            None => self.reading(EVIDENCE, evidence::marks),
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
        self.reading(RESULTS, |transaction, place| report::functions(transaction, place, name_or_arn))
    }

    fn roles(&mut self, name_or_arn: &str) -> Result<Vec<RoleResult>, PortError> {
        self.reading(RESULTS, |transaction, place| report::roles(transaction, place, name_or_arn))
    }

    fn names(&mut self) -> Result<Vec<String>, PortError> {
        self.reading(RESULTS, report::names)
    }

    fn findings(&mut self, account: &str) -> Result<Vec<Finding>, PortError> {
        self.reading(RESULTS, |transaction, place| report::findings(transaction, place, account))
    }
}

#[cfg(test)]
mod tests;
