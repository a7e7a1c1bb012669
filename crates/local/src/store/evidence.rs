//! Ledger rows and watermarks.
//!
//! INVARIANT: a ledger row only grows. A row is written as it is given only if the stored one is the one that
//! was loaded or saved last by this store; otherwise both are joined, which is what a ledger is made for.

use std::collections::BTreeMap;

use rayon::prelude::*;
use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use sha2::{Digest, Sha256};
use whittle_analysis::issue::Issue;
use whittle_evidence::ledger::{Ledger, LedgerError};
use whittle_pipeline::marks::ReadMarks;
use whittle_pipeline::ports::PortError;
use whittle_pipeline::trail_object::TrailObject;

use super::checksum::{EVIDENCE_ISSUE, LEDGER_ACCOUNT, LEDGER_ROLE, TRAIL_OBJECT};
use super::failure::{StorePlace, damaged, ledger_error, sqlite_error};

/// The one row of `ledger_account`.
const FACTS: &str = "facts";

type Hash = [u8; 32];

/// A row of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum LedgerRow {
    Facts,
    Role(String),
}

/// Hashes of the stored rows at the time when the caller's ledger last held all of them.
#[derive(Debug, Default)]
pub(super) struct KnownRows {
    hashes: BTreeMap<LedgerRow, Hash>,
    marks: Option<ReadMarks>,
}

impl KnownRows {
    /// The marks of the state that was loaded, once.
    pub(super) fn take_marks(&mut self) -> Option<ReadMarks> {
        self.marks.take()
    }

    /// Takes over what was saved.
    pub(super) fn note(&mut self, saved: Vec<SavedRow>) {
        self.marks = None;
        for SavedRow { part, hash } in saved {
            match hash {
                Some(hash) => self.hashes.insert(part, hash),
                None => self.hashes.remove(&part),
            };
        }
    }
}

/// The stored ledger, and what it was made of.
pub(super) fn load(transaction: &Transaction<'_>, place: &StorePlace) -> Result<(Ledger, KnownRows), PortError> {
    let failed = |error| sqlite_error(place, "read", error);
    let mut ledger = Ledger::default();
    let mut known = KnownRows::default();
    let mut statement =
        transaction.prepare("SELECT role_id, ledger FROM ledger_role ORDER BY role_id").map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let role: String = row.get(0).map_err(failed)?;
        let bytes = bytes(row, 1, place)?;
        ledger.insert_role_bytes(&role, bytes).map_err(|error| ledger_error(place, &role, error))?;
        known.hashes.insert(LedgerRow::Role(role), hash(bytes));
    }
    if let Some(bytes) = stored(transaction, place, &LedgerRow::Facts)? {
        ledger.insert_account_bytes(&bytes).map_err(|error| ledger_error(place, FACTS, error))?;
        known.hashes.insert(LedgerRow::Facts, hash(&bytes));
    }
    known.marks = Some(marks(transaction, place)?);
    Ok((ledger, known))
}

/// Objects already read, with their versions and what was wrong with them.
pub(super) fn marks(transaction: &Transaction<'_>, place: &StorePlace) -> Result<ReadMarks, PortError> {
    let failed = |error| sqlite_error(place, "read", error);
    let mut marks = ReadMarks::default();
    let mut statement = transaction.prepare("SELECT source, key, version FROM trail_object").map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let (source, key, version) =
            (row.get(0).map_err(failed)?, row.get(1).map_err(failed)?, row.get(2).map_err(failed)?);
        marks.sources.entry(source).or_default().read.insert(key, version);
    }
    let mut statement =
        transaction.prepare("SELECT source, place, kind, message, hint, count FROM evidence_issue").map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let text = |column: usize| row.get::<_, String>(column).map_err(failed);
        let key = text(1)?;
        let mut issue = Issue::new(text(2)?.as_str(), key.clone(), text(3)?);
        issue.hint = text(4)?;
        issue.count = u64::try_from(row.get::<_, i64>(5).map_err(failed)?).unwrap_or(0);
        marks.sources.entry(text(0)?).or_default().issues.entry(key).or_default().push(issue);
    }
    Ok(marks)
}

/// A row of the given ledger that is not what is known to be stored.
#[derive(Debug)]
pub(super) struct ChangedRow {
    part: LedgerRow,
    bytes: Vec<u8>,
}

/// Serialises the ledger and keeps what differs from the rows known to be stored.
pub(super) fn changed_parts(
    ledger: &Ledger,
    known: &KnownRows,
    place: &StorePlace,
) -> Result<Vec<ChangedRow>, PortError> {
    let roles: Vec<&str> = ledger.roles().map(|(role, _)| role).collect();
    let changed = |part: LedgerRow, bytes: Vec<u8>| {
        (known.hashes.get(&part) != Some(&hash(&bytes))).then_some(ChangedRow { part, bytes })
    };
    let mut parts: Vec<ChangedRow> = roles
        .par_iter()
        .map(|role| match ledger.role_bytes(role) {
            Ok(bytes) => Ok(bytes.and_then(|bytes| changed(LedgerRow::Role((*role).to_owned()), bytes))),
            Err(error) => Err(ledger_error(place, role, error)),
        })
        .filter_map(Result::transpose)
        .collect::<Result<_, _>>()?;
    if !ledger.account().is_empty() {
        let bytes = ledger.account_bytes().map_err(|error| ledger_error(place, FACTS, error))?;
        parts.extend(changed(LedgerRow::Facts, bytes));
    }
    Ok(parts)
}

/// A row that was saved. No hash: it holds more than the caller's ledger, so the next save has to join it
/// again.
#[derive(Debug)]
pub(super) struct SavedRow {
    part: LedgerRow,
    hash: Option<Hash>,
}

/// Writes ledger rows and returns the rows as they are stored now.
pub(super) fn save_parts(
    transaction: &Transaction<'_>,
    place: &StorePlace,
    known: &KnownRows,
    ledger: &Ledger,
    parts: Vec<ChangedRow>,
) -> Result<Vec<SavedRow>, PortError> {
    let failed = |error| sqlite_error(place, "written", error);
    let mut role_row = transaction
        .prepare(
            "INSERT INTO ledger_role (role_id, role_arn, account, ledger, checksum) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (role_id) DO UPDATE
             SET role_arn = excluded.role_arn, account = excluded.account, ledger = excluded.ledger,
                 checksum = excluded.checksum",
        )
        .map_err(failed)?;
    let mut facts_row = transaction
        .prepare(
            "INSERT INTO ledger_account (part, ledger, checksum) VALUES (?1, ?2, ?3)
             ON CONFLICT (part) DO UPDATE SET ledger = excluded.ledger, checksum = excluded.checksum",
        )
        .map_err(failed)?;
    let mut saved = Vec::with_capacity(parts.len());
    for ChangedRow { part, bytes } in parts {
        let own_hash = hash(&bytes);
        let stored = stored(transaction, place, &part)?;
        let stored_hash = stored.as_deref().map(hash);
        // Somebody else wrote the row since it was loaded, or it never was.
        let joined = match &stored {
            Some(other) if stored_hash.as_ref() != known.hashes.get(&part) => {
                let table = if part == LedgerRow::Facts { &LEDGER_ACCOUNT } else { &LEDGER_ROLE };
                table.verify_row(transaction, place, part.name())?;
                Some(join(&part, &bytes, other, place)?)
            }
            _ => None,
        };
        let (bytes, arn, account) = match &joined {
            Some(ledger) => columns(ledger, &part, place)?,
            None => with_names(bytes, ledger, &part),
        };
        let new_hash = hash(&bytes);
        if stored_hash != Some(new_hash) {
            let text = String::from_utf8(bytes).map_err(|error| damaged(place, "the ledger", error))?;
            match &part {
                LedgerRow::Role(role) => {
                    let (arn, account) = (arn.as_deref(), account.as_deref());
                    let values = [ValueRef::from(role.as_str()), arn.into(), account.into(), text.as_str().into()];
                    role_row.execute(params![role, arn, account, text, LEDGER_ROLE.checksum(values)])
                }
                LedgerRow::Facts => {
                    let checksum = LEDGER_ACCOUNT.checksum([ValueRef::from(FACTS), text.as_str().into()]);
                    facts_row.execute(params![FACTS, text, checksum])
                }
            }
            .map_err(failed)?;
        }
        saved.push(SavedRow { part, hash: (new_hash == own_hash).then_some(new_hash) });
    }
    Ok(saved)
}

fn join(part: &LedgerRow, ours: &[u8], stored: &[u8], place: &StorePlace) -> Result<Ledger, PortError> {
    let mut ledger = Ledger::default();
    for bytes in [ours, stored] {
        match part {
            LedgerRow::Role(role) => ledger.insert_role_bytes(role, bytes),
            LedgerRow::Facts => ledger.insert_account_bytes(bytes),
        }
        .map_err(|error| ledger_error(place, part.name(), error))?;
    }
    Ok(ledger)
}

type Columns = (Vec<u8>, Option<String>, Option<String>);

fn columns(ledger: &Ledger, part: &LedgerRow, place: &StorePlace) -> Result<Columns, PortError> {
    let bytes: Result<Vec<u8>, LedgerError> = match part {
        LedgerRow::Role(role) => ledger.role_bytes(role).map(Option::unwrap_or_default),
        LedgerRow::Facts => ledger.account_bytes(),
    };
    let bytes = bytes.map_err(|error| ledger_error(place, part.name(), error))?;
    Ok(with_names(bytes, ledger, part))
}

fn with_names(bytes: Vec<u8>, ledger: &Ledger, part: &LedgerRow) -> Columns {
    let LedgerRow::Role(role) = part else { return (bytes, None, None) };
    let role = ledger.role(role);
    (
        bytes,
        role.and_then(|role| role.arn()).map(ToOwned::to_owned),
        role.and_then(|role| role.account()).map(ToOwned::to_owned),
    )
}

impl LedgerRow {
    fn name(&self) -> &str {
        match self {
            Self::Facts => FACTS,
            Self::Role(role) => role,
        }
    }
}

fn stored(transaction: &Transaction<'_>, place: &StorePlace, part: &LedgerRow) -> Result<Option<Vec<u8>>, PortError> {
    let sql = match part {
        LedgerRow::Facts => "SELECT ledger FROM ledger_account WHERE part = ?1",
        LedgerRow::Role(_) => "SELECT ledger FROM ledger_role WHERE role_id = ?1",
    };
    let failed = |error| sqlite_error(place, "read", error);
    let mut statement = transaction.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query([part.name()]).map_err(failed)?;
    match rows.next().map_err(failed)? {
        Some(row) => bytes(row, 0, place).map(|bytes| Some(bytes.to_owned())),
        None => Ok(None),
    }
}

/// The bytes of a text or blob column.
fn bytes<'a>(row: &'a Row<'_>, column: usize, place: &StorePlace) -> Result<&'a [u8], PortError> {
    match row.get_ref(column).map_err(|error| sqlite_error(place, "read", error))? {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Ok(bytes),
        other => Err(damaged(place, "the ledger", format!("found {}, expected text", other.data_type()))),
    }
}

fn hash(bytes: &[u8]) -> Hash {
    Sha256::digest(bytes).into()
}

/// Notes objects as read. What was wrong with an earlier version of one is forgotten; what is wrong now is
/// kept.
pub(super) fn save_objects(
    transaction: &Transaction<'_>,
    place: &StorePlace,
    objects: &[TrailObject],
    marks: &ReadMarks,
) -> Result<(), PortError> {
    let failed = |error| sqlite_error(place, "written", error);
    let mut version =
        transaction.prepare("SELECT version FROM trail_object WHERE source = ?1 AND key = ?2").map_err(failed)?;
    let mut object_row = transaction
        .prepare(
            "INSERT INTO trail_object (source, key, version, checksum) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (source, key) DO UPDATE SET version = excluded.version, checksum = excluded.checksum",
        )
        .map_err(failed)?;
    let mut forget =
        transaction.prepare("DELETE FROM evidence_issue WHERE source = ?1 AND place = ?2").map_err(failed)?;
    let mut issue_row = transaction
        .prepare(
            "INSERT INTO evidence_issue (source, place, kind, message, hint, count, checksum)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (source, place, kind, message, hint) DO UPDATE
             SET count = excluded.count, checksum = excluded.checksum WHERE excluded.count > count",
        )
        .map_err(failed)?;
    for object in objects {
        let names = [object.source.as_str(), object.key.as_str()];
        let stored: Option<String> = version.query_row(names, |row| row.get(0)).optional().map_err(failed)?;
        if stored.as_ref() != Some(&object.version) {
            let values = [object.source.as_str(), object.key.as_str(), object.version.as_str()];
            let checksum = TRAIL_OBJECT.checksum(values.map(ValueRef::from));
            object_row.execute(params![object.source, object.key, object.version, checksum]).map_err(failed)?;
            if stored.is_some() {
                forget.execute(names).map_err(failed)?;
            }
        }
        let issues = marks.sources.get(&object.source).and_then(|source| source.issues.get(&object.key));
        for issue in issues.into_iter().flatten() {
            let count = i64::try_from(issue.count).unwrap_or(i64::MAX);
            let kind = issue.kind.to_stored();
            let key = [&object.source, &object.key, &*kind, &issue.message, &issue.hint];
            let values = key.map(ValueRef::from).into_iter().chain([ValueRef::Integer(count)]);
            let checksum = EVIDENCE_ISSUE.checksum(values);
            issue_row
                .execute(params![object.source, object.key, kind, issue.message, issue.hint, count, checksum])
                .map_err(failed)?;
        }
    }
    Ok(())
}
