//! The schema of a store: its versions, the way from each to the next, and whether it is still what was made.

use std::collections::BTreeMap;

use rusqlite::{Connection, TransactionBehavior};
use whittle_pipeline::ports::{PortError, PortErrorKind};

use super::failure::{StorePlace, damaged_hint, sqlite_error};
use super::{checksum, stored_snapshot};

/// `Whtl`, by which `file` and other programs know the database.
const APPLICATION_ID: i32 = 0x5768_746c;

/// Statements that lead from each schema version to the next.
const MIGRATIONS: &[&str] = &[
    include_str!("schema_1.sql"),
    include_str!("schema_2.sql"),
    // With the triggers of `checksum::introduce`.
    include_str!("schema_3.sql"),
];

/// The version that this program writes.
pub(super) const CURRENT: usize = MIGRATIONS.len();

/// The first version that keeps only what is read of snapshots; and checksums.
const CHECKED: i64 = 3;

/// The version of the file's schema, 0 for a new file; an error if it is not one that this program may touch.
pub(super) fn version(connection: &Connection, place: &StorePlace) -> Result<usize, PortError> {
    let invalid = |message: String| PortError::new(PortErrorKind::Invalid, message);
    let failed = |error| sqlite_error(place, "opened", error);
    // One snapshot for all three: another process may be making the file at this moment.
    let snapshot = connection.unchecked_transaction().map_err(failed)?;
    let read = |sql: &str| -> Result<i64, PortError> { snapshot.query_row(sql, [], |row| row.get(0)).map_err(failed) };
    let application = read("PRAGMA application_id")?;
    let version = read("PRAGMA user_version")?;
    let objects = read("SELECT count(*) FROM sqlite_schema")?;
    if application == 0 && version == 0 && objects == 0 {
        return Ok(0);
    }
    if application != i64::from(APPLICATION_ID) {
        return Err(
            invalid(format!("{place} is a database of another program")).with_hint("give another place for the store")
        );
    }
    match usize::try_from(version) {
        Ok(version) if version <= CURRENT => Ok(version),
        _ => Err(invalid(format!(
            "store {place} was written by a newer Whittle (schema {version}, this one knows {CURRENT})"
        ))
        .with_hint("update Whittle, or give another place for the store")),
    }
}

/// Brings the schema to the current version.
pub(super) fn migrate(connection: &mut Connection, place: &StorePlace) -> Result<(), PortError> {
    let failed = |error| sqlite_error(place, "brought up to date", error);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    // Another process may have been faster.
    let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
    if version == CHECKED - 1 {
        // Before the version counts up, so that it is done again if it is cut off.
        stored_snapshot::clean(&transaction).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        // What was overwritten earlier is still in pages that nothing uses.
        connection.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)").map_err(failed)?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(failed)?;
        build(&transaction, version).map_err(failed)?;
        return transaction.commit().map_err(failed);
    }
    build(&transaction, version).map_err(failed)?;
    transaction.commit().map_err(failed)
}

/// Runs the migrations after `version`.
fn build(connection: &Connection, version: i64) -> Result<(), rusqlite::Error> {
    for (next, statements) in (1_i64..).zip(MIGRATIONS).filter(|(next, _)| *next > version) {
        connection.execute_batch(statements)?;
        if next == CHECKED {
            checksum::introduce(connection)?;
        }
        connection.pragma_update(None, "user_version", next)?;
    }
    if version == 0 {
        connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    Ok(())
}

/// Fails if pages or indexes of the file are not what SQLite would write: a damaged index hides rows, and a
/// damaged list of free pages overwrites them.
pub(super) fn check_structure(connection: &Connection, place: &StorePlace) -> Result<(), PortError> {
    let found: String = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(|error| sqlite_error(place, "read", error))?;
    if found == "ok" {
        return Ok(());
    }
    Err(PortError::new(PortErrorKind::Invalid, format!("store {place} is damaged: {found}")).with_hint(damaged_hint()))
}

/// Fails if a table, index, view or trigger is not defined as this program defines it; others may be there.
pub(super) fn check_definitions(connection: &Connection, place: &StorePlace) -> Result<(), PortError> {
    let failed = |error| sqlite_error(place, "opened", error);
    let model = Connection::open_in_memory().map_err(failed)?;
    build(&model, 0).map_err(failed)?;
    let found = definitions(connection).map_err(failed)?;
    for (name, definition) in definitions(&model).map_err(failed)? {
        if found.get(&name) != Some(&definition) {
            let message = format!("store {place} is damaged: `{name}` is not defined as it was");
            return Err(PortError::new(PortErrorKind::Invalid, message).with_hint(damaged_hint()));
        }
    }
    Ok(())
}

/// Type, table and text of what is defined.
type Definition = (String, String, Option<String>);

/// What is defined in a database, by name.
fn definitions(connection: &Connection) -> Result<BTreeMap<String, Definition>, rusqlite::Error> {
    let mut select = connection.prepare("SELECT name, type, tbl_name, sql FROM sqlite_schema")?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?))))?;
    rows.collect()
}
