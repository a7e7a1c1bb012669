//! The ledger, an item for each role, and the marks, an item for each source.
//!
//! INVARIANT: a stored part of the ledger only grows. It is replaced only if it is the one that was loaded or
//! saved last; otherwise both are joined, which is what a ledger is made for.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use whittle_evidence::ledger::{Ledger, LedgerError};
use whittle_pipeline::marks::{HistorySpan, ReadMarks, SourceMarks};
use whittle_pipeline::ports::{PortError, PortErrorKind};

use super::fence::Held;
use super::item::{ItemHead, Packed, Stamp, TableKey, TableRow, digest_of, key_text, shard_of};
use super::item_set::{self, KnownItems};
use super::table::{DynamoTable, Expect, Find, Write, lease_lost, transactions};
use super::{json, parsed};

/// Partitions of the ledger: one takes 1,000 write units a second at most.
const SHARDS: u8 = 8;

/// Times that a part is joined with what others wrote meanwhile.
const MAX_JOINS: usize = 5;

/// Serialised roles kept in memory until they are written.
const BATCH_BYTES: usize = 32 * 1024 * 1024;

/// A part of the ledger.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum LedgerPart {
    Facts,
    Role(String),
}

fn partition(home: &str, shard: u8) -> String {
    format!("LEDGER#{home}#{shard}")
}

impl LedgerPart {
    fn key(&self, home: &str) -> TableKey {
        match self {
            Self::Facts => TableKey::new(partition(home, 0), "FACTS"),
            Self::Role(role) => {
                TableKey::new(partition(home, shard_of(role, SHARDS)), format!("ROLE#{}", key_text(role)))
            }
        }
    }

    fn bytes(&self, ledger: &Ledger) -> Result<Option<Vec<u8>>, LedgerError> {
        match self {
            Self::Facts if ledger.account().is_empty() => Ok(None),
            Self::Facts => ledger.account_bytes().map(Some),
            Self::Role(role) => ledger.role_bytes(role),
        }
    }

    fn insert(&self, ledger: &mut Ledger, bytes: &[u8]) -> Result<(), LedgerError> {
        match self {
            Self::Facts => ledger.insert_account_bytes(bytes),
            Self::Role(role) => ledger.insert_role_bytes(role, bytes),
        }
    }

    fn row(&self, home: &str, bytes: Vec<u8>, ledger: &Ledger) -> TableRow {
        let key = self.key(home);
        match self {
            Self::Facts => TableRow::new(key, "ledger-facts", bytes),
            Self::Role(id) => {
                let role = ledger.role(id);
                let arn = role.and_then(|role| role.arn()).unwrap_or_default();
                let row = TableRow::new(key, "ledger-role", bytes)
                    .text("role_id", id)
                    .text("role_arn", arn)
                    .text("account", role.and_then(|role| role.account()).unwrap_or_default());
                if arn.is_empty() { row } else { row.indexed(evidence_of(arn), key_text(id)) }
            }
        }
    }
}

fn ledger_error(key: &TableKey, error: LedgerError) -> PortError {
    let hint = error.hint().unwrap_or("restore the table to a point in time");
    PortError::new(PortErrorKind::Invalid, format!("item {key} of the table is no ledger: {error}"))
        .with_hint(hint)
        .with_source(error)
}

/// The stored ledger and what it is made of.
pub(super) fn load(table: &DynamoTable, home: &str) -> Result<(Ledger, KnownItems), PortError> {
    let partitions: Vec<String> = (0..SHARDS).map(|shard| partition(home, shard)).collect();
    let mut ledger = Ledger::default();
    let known = item_set::load(table, &partitions, &mut |head, content| {
        let part = part_of(head)?;
        part.insert(&mut ledger, &content).map_err(|error| ledger_error(&head.key, error))
    })?;
    Ok((ledger, known))
}

/// The stored ledger of these roles, with the facts of the accounts that saw them. Reads only their items;
/// what was written a moment ago may be missing, as the index lags behind.
pub(super) fn load_roles(table: &DynamoTable, role_arns: &BTreeSet<String>) -> Result<Ledger, PortError> {
    let mut keys = BTreeSet::new();
    for arn in role_arns {
        for item in table.find(Find::indexed(evidence_of(arn)).keys())? {
            let key = TableKey::of(&item)?;
            // `LEDGER#<home>#<shard>`
            keys.extend(key.pk.split('#').nth(1).map(|home| LedgerPart::Facts.key(home)));
            keys.insert(key);
        }
    }
    let mut ledger = Ledger::default();
    for key in keys {
        for (head, content) in item_set::read(table, &Find::one(&key))? {
            let part = part_of(&head)?;
            part.insert(&mut ledger, &content).map_err(|error| ledger_error(&head.key, error))?;
        }
    }
    Ok(ledger)
}

/// Partition of the index in which the evidence about a role stands.
fn evidence_of(role_arn: &str) -> String {
    format!("EVIDENCE#{}", key_text(role_arn))
}

fn part_of(head: &ItemHead) -> Result<LedgerPart, PortError> {
    match (head.text("item"), head.text("role_id")) {
        (Some("ledger-facts"), _) => Ok(LedgerPart::Facts),
        (Some("ledger-role"), Some(role)) => Ok(LedgerPart::Role(role.to_owned())),
        _ => Err(head.damaged("it is no part of a ledger")),
    }
}

/// Writes the parts of `ledger` that are not stored like this.
pub(super) fn save(table: &DynamoTable, held: &Held, known: &mut KnownItems, ledger: &Ledger) -> Result<(), PortError> {
    let roles = ledger.roles().map(|(role, _)| LedgerPart::Role(role.to_owned()));
    let mut batch: Vec<(LedgerPart, Vec<u8>)> = Vec::new();
    let mut bytes = 0_usize;
    for part in roles.chain([LedgerPart::Facts]) {
        let key = part.key(&held.home);
        let Some(content) = part.bytes(ledger).map_err(|error| ledger_error(&key, error))? else { continue };
        if known.get(&key).is_some_and(|stamp| stamp.digest == digest_of(&content)) {
            continue;
        }
        bytes = bytes.saturating_add(content.len());
        batch.push((part, content));
        if bytes > BATCH_BYTES {
            save_parts(table, held, known, ledger, std::mem::take(&mut batch))?;
            bytes = 0;
        }
    }
    save_parts(table, held, known, ledger, batch)
}

/// A part on its way into the table.
struct Pending {
    part: LedgerPart,
    packed: Packed,
    /// Digest that must be stored for the write to be made.
    expect: Option<String>,
    /// It holds more than the caller's ledger.
    joined: bool,
}

fn save_parts(
    table: &DynamoTable,
    held: &Held,
    known: &mut KnownItems,
    ledger: &Ledger,
    batch: Vec<(LedgerPart, Vec<u8>)>,
) -> Result<(), PortError> {
    let mut pending: BTreeMap<TableKey, Pending> = BTreeMap::new();
    for (part, content) in batch {
        let packed = part.row(&held.home, content, ledger).pack()?;
        let expect = known.get(&packed.key).map(|stamp| stamp.digest.clone());
        pending.insert(packed.key.clone(), Pending { part, packed, expect, joined: false });
    }
    let mut split: Vec<(TableKey, Option<Stamp>)> = Vec::new();
    for _ in 0..MAX_JOINS {
        let (done, unexpected) = try_parts(table, held, &pending)?;
        for key in done {
            let Some(Pending { packed, joined, .. }) = pending.remove(&key) else { continue };
            // A joined part is not what the caller has: the next save has to join it again.
            let before = if joined { known.remove(&key) } else { known.insert(key.clone(), packed.stamp.clone()) };
            // What was stored before a join is not known.
            if packed.stamp.parts > 0 || joined || before.is_some_and(|before| before.parts > 0) {
                split.push((key, Some(packed.stamp)));
            }
        }
        for key in unexpected {
            let Some(waiting) = pending.get_mut(&key) else { continue };
            join(table, held, waiting)?;
            // All of ours is stored already: by another run, or by a try of this one whose answer was lost.
            if waiting.expect.as_ref() == Some(&waiting.packed.stamp.digest) {
                if !waiting.joined {
                    known.insert(key.clone(), waiting.packed.stamp.clone());
                }
                pending.remove(&key);
            }
        }
        if pending.is_empty() {
            return item_set::drop_old_parts(table, held, &split);
        }
    }
    Err(lease_lost(&table.name))
}

/// Tries to write all; which were written, and which found something else than expected.
fn try_parts(
    table: &DynamoTable,
    held: &Held,
    pending: &BTreeMap<TableKey, Pending>,
) -> Result<(Vec<TableKey>, Vec<TableKey>), PortError> {
    let packed: Vec<Packed> = pending.values().map(|waiting| waiting.packed.clone()).collect();
    item_set::put_parts(table, held, &packed)?;
    let writes: Vec<Write> = pending
        .values()
        .map(|waiting| {
            let expect = waiting.expect.clone().map_or(Expect::Absent, Expect::Digest);
            Write::Put(waiting.packed.head.clone(), expect)
        })
        .collect();
    let refused = table.commit(held, transactions(writes).into_iter().map(|one| vec![one]).collect())?;
    let mut left: BTreeSet<TableKey> = BTreeSet::new();
    let mut unexpected = Vec::new();
    for canceled in refused {
        for (number, write) in canceled.writes.iter().enumerate() {
            let Write::Put(item, _) = write else { continue };
            let key = TableKey::of(item)?;
            if canceled.unexpected.contains(&number) {
                unexpected.push(key.clone());
            }
            left.insert(key);
        }
    }
    Ok((pending.keys().filter(|key| !left.contains(key)).cloned().collect(), unexpected))
}

/// Joins a part with what is stored.
fn join(table: &DynamoTable, held: &Held, waiting: &mut Pending) -> Result<(), PortError> {
    let key = waiting.packed.key.clone();
    let mut both = Ledger::default();
    let mut stored_digest = None;
    for (head, content) in item_set::read(table, &Find::one(&key))? {
        waiting.part.insert(&mut both, &content).map_err(|error| ledger_error(&key, error))?;
        stored_digest = Some(head.stamp.digest);
    }
    let own = own_content(&waiting.packed)?;
    let before = digest_of(&own);
    waiting.part.insert(&mut both, &own).map_err(|error| ledger_error(&key, error))?;
    let content = waiting.part.bytes(&both).map_err(|error| ledger_error(&key, error))?.unwrap_or_default();
    waiting.joined |= digest_of(&content) != before;
    waiting.packed = waiting.part.row(&held.home, content, &both).pack()?;
    waiting.expect = stored_digest;
    Ok(())
}

fn own_content(packed: &Packed) -> Result<Vec<u8>, PortError> {
    let items = packed.parts.iter().cloned().chain([packed.head.clone()]).collect();
    let (heads, parts) = super::item::sort_out(items)?;
    let content = heads.first().map(|head| head.content(&parts)).transpose()?;
    Ok(content.flatten().unwrap_or_default())
}

fn marks_partition(home: &str) -> String {
    format!("MARKS#{home}")
}

#[derive(Serialize, Deserialize)]
struct StoredSource {
    source: String,
    marks: SourceMarks,
}

/// The stored marks and what they are made of.
pub(super) fn load_marks(table: &DynamoTable, home: &str) -> Result<(ReadMarks, KnownItems), PortError> {
    let mut marks = ReadMarks::default();
    let known = item_set::load(table, &[marks_partition(home)], &mut |head, content| {
        if head.text("item") == Some("history-marks") {
            marks.history = parsed::<BTreeMap<String, Vec<HistorySpan>>>(&head.key, &content)?;
        } else {
            let stored: StoredSource = parsed(&head.key, &content)?;
            marks.sources.insert(stored.source, stored.marks);
        }
        Ok(())
    })?;
    Ok((marks, known))
}

/// Makes the stored marks these.
pub(super) fn save_marks(
    table: &DynamoTable,
    held: &Held,
    known: &mut KnownItems,
    marks: &ReadMarks,
) -> Result<(), PortError> {
    let marks = &marks.durable();
    let pk = marks_partition(&held.home);
    let mut rows = Vec::new();
    if !marks.history.is_empty() {
        rows.push(TableRow::new(TableKey::new(pk.clone(), "HISTORY"), "history-marks", json(&marks.history)?));
    }
    for (source, own) in &marks.sources {
        let content = json(&StoredSource { source: source.clone(), marks: own.clone() })?;
        let key = TableKey::new(pk.clone(), format!("SOURCE#{}", key_text(source)));
        rows.push(
            TableRow::new(key, "source-marks", content)
                .text("source", source)
                .text("through", own.through.as_deref().unwrap_or_default())
                .number("objects", own.read.len())
                .number("failed", own.failed.len()),
        );
    }
    let kept: BTreeSet<&TableKey> = rows.iter().map(|row| &row.key).collect();
    let gone: BTreeSet<TableKey> = known.keys().filter(|key| !kept.contains(key)).cloned().collect();
    item_set::save(table, held, known, rows, &gone)
}
