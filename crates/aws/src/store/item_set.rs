//! Items that are read as a whole at the start of a run and written one by one as they change: evidence,
//! marks, kept documents, baselines, findings.
//!
//! Reading yields the stored states, so a change is found without reading again.

use std::collections::{BTreeMap, BTreeSet};

use whittle_pipeline::ports::{PortError, PortErrorKind};

use super::fence::Held;
use super::item::{ItemHead, Packed, Parts, Stamp, TableKey, TableRow, sort_out};
use super::table::{DynamoTable, Expect, Find, Job, Refused, Write, lease_lost, transactions};

/// Times that items are read again if their parts are exchanged meanwhile.
const MAX_TRIES: usize = 4;

/// Partitions that are read before their items are decoded, so that memory holds a part of the answers only.
const AT_ONCE: usize = 4;

/// Takes an item with its content.
pub(super) type Each<'a> = &'a mut dyn FnMut(&ItemHead, Vec<u8>) -> Result<(), PortError>;

/// Items with their contents.
type Contents = Vec<(ItemHead, Vec<u8>)>;

/// Stored states by key.
pub(super) type KnownItems = BTreeMap<TableKey, Stamp>;

/// Reads partitions and gives every item with its content to `each`.
pub(super) fn load(table: &DynamoTable, partitions: &[String], each: Each<'_>) -> Result<KnownItems, PortError> {
    let mut known = KnownItems::new();
    for some in partitions.chunks(AT_ONCE) {
        let answers = table.find_each(some.iter().map(Find::all).collect())?;
        for (partition, items) in some.iter().zip(answers) {
            for (head, content) in with_content(table, items, &Find::all(partition))? {
                each(&head, content)?;
                known.insert(head.key, head.stamp);
            }
        }
    }
    Ok(known)
}

/// Stored states of all items in partitions.
pub(super) fn stamps(table: &DynamoTable, partitions: &[String]) -> Result<KnownItems, PortError> {
    let mut known = KnownItems::new();
    for some in partitions.chunks(AT_ONCE) {
        for items in table.find_each(some.iter().map(Find::all).collect())? {
            known.extend(sort_out(items)?.0.into_iter().map(|head| (head.key, head.stamp)));
        }
    }
    Ok(known)
}

/// Items with their contents. `again` reads the same items and their parts: a reader without lease may meet
/// an item whose parts were just replaced.
fn with_content(table: &DynamoTable, items: Vec<super::item::Item>, again: &Find) -> Result<Contents, PortError> {
    let mut items = items;
    for _ in 0..MAX_TRIES {
        let (heads, parts) = sort_out(items)?;
        let littered = with_left_over_parts(&heads, &parts);
        if let Some(mut out) = contents(heads, &parts)? {
            // Not known, so that the next save writes the item once more and clears up after a run that was
            // killed.
            for (head, _) in out.iter_mut().filter(|(head, _)| littered.contains(&head.key)) {
                head.stamp.digest.clear();
                head.stamp.parts = head.stamp.parts.max(1);
            }
            return Ok(out);
        }
        items = table.find(again.clone())?;
    }
    Err(parts_missing(table))
}

/// Items that have parts of another state than their present one.
fn with_left_over_parts(heads: &[ItemHead], parts: &Parts) -> BTreeSet<TableKey> {
    if parts.is_empty() {
        return BTreeSet::new();
    }
    let of_parts: BTreeMap<(&str, String), &ItemHead> =
        heads.iter().map(|head| ((head.key.pk.as_str(), head.key.parts()), head)).collect();
    let mut out = BTreeSet::new();
    for part in parts.keys() {
        // `PART#<item>#<state>#<number>`
        let Some(end) = part.sk.match_indices('#').nth(1).map(|(at, _)| at.saturating_add(1)) else { continue };
        let prefix = part.sk.get(..end).unwrap_or_default().to_owned();
        if let Some(head) = of_parts.get(&(part.pk.as_str(), prefix))
            && !part.sk.starts_with(&head.key.parts_of(&head.stamp.digest))
        {
            out.insert(head.key.clone());
        }
    }
    out
}

fn contents(heads: Vec<ItemHead>, parts: &Parts) -> Result<Option<Contents>, PortError> {
    let mut out = Vec::with_capacity(heads.len());
    for head in heads {
        match head.content(parts)? {
            Some(content) => out.push((head, content)),
            None => return Ok(None),
        }
    }
    Ok(Some(out))
}

/// Items that `find` finds, with their contents, whose parts are looked for one item after the other.
pub(super) fn read(table: &DynamoTable, find: &Find) -> Result<Contents, PortError> {
    for _ in 0..MAX_TRIES {
        let (heads, mut parts) = sort_out(table.find(find.clone())?)?;
        for head in &heads {
            if let Some(prefix) = head.needs_parts() {
                parts.extend(sort_out(table.find(Find::prefix(head.key.pk.clone(), prefix))?)?.1);
            }
        }
        if let Some(out) = contents(heads, &parts)? {
            return Ok(out);
        }
    }
    Err(parts_missing(table))
}

fn parts_missing(table: &DynamoTable) -> PortError {
    let message = format!("parts of items of table `{}` are missing", table.name);
    PortError::new(PortErrorKind::Invalid, message).with_hint(
        "a run may be writing: try again; else restore the table to a point in time (docs/table.md, \"Mending\")",
    )
}

/// Writes rows that are not stored like this, and deletes items. `known` says what is stored, and then what
/// is.
pub(super) fn save(
    table: &DynamoTable,
    held: &Held,
    known: &mut KnownItems,
    rows: Vec<TableRow>,
    gone: &BTreeSet<TableKey>,
) -> Result<(), PortError> {
    let mut changed = Vec::new();
    for row in rows {
        if known.get(&row.key).is_none_or(|stamp| stamp.digest != row.digest()) {
            changed.push(row.pack()?);
        }
    }
    let gone: Vec<&TableKey> = gone.iter().filter(|key| known.contains_key(key)).collect();
    if changed.is_empty() && gone.is_empty() {
        return Ok(());
    }
    put_parts(table, held, &changed)?;
    let mut writes: Vec<Write> = changed.iter().map(|row| Write::Put(row.head.clone(), Expect::Any)).collect();
    writes.extend(gone.iter().map(|key| Write::Delete((*key).clone())));
    commit(table, held, transactions(writes).into_iter().map(|one| vec![one]).collect())?;
    let mut split = Vec::new();
    for row in changed {
        let before = known.insert(row.key.clone(), row.stamp.clone());
        if row.stamp.parts > 0 || before.is_some_and(|before| before.parts > 0) {
            split.push((row.key, Some(row.stamp)));
        }
    }
    for key in gone {
        if known.remove(key).is_some_and(|before| before.parts > 0) {
            split.push((key.clone(), None));
        }
    }
    drop_old_parts(table, held, &split)
}

/// Makes transactions in which nothing may be unexpected but a later run.
pub(super) fn commit(table: &DynamoTable, held: &Held, jobs: Vec<Job>) -> Result<(), PortError> {
    let refused: Vec<Refused> = table.commit(held, jobs)?;
    if refused.is_empty() { Ok(()) } else { Err(lease_lost(&table.name)) }
}

/// Writes the parts of rows, before the rows that name them.
pub(super) fn put_parts(table: &DynamoTable, held: &Held, rows: &[Packed]) -> Result<(), PortError> {
    let parts = rows.iter().flat_map(|row| &row.parts).map(|part| Write::Put(part.clone(), Expect::Any)).collect();
    commit(table, held, transactions(parts).into_iter().map(|one| vec![one]).collect())
}

/// Deletes all parts of items but those of their present state (`None`: the item is gone). Also those that a
/// run left behind when it was killed.
pub(super) fn drop_old_parts(
    table: &DynamoTable,
    held: &Held,
    items: &[(TableKey, Option<Stamp>)],
) -> Result<(), PortError> {
    if items.is_empty() {
        return Ok(());
    }
    let finds = items.iter().map(|(key, _)| Find::prefix(key.pk.clone(), key.parts()).keys()).collect();
    let mut deletes = Vec::new();
    for ((key, stamp), parts) in items.iter().zip(table.find_each(finds)?) {
        let current = stamp.as_ref().map(|stamp| key.parts_of(&stamp.digest));
        for part in parts {
            let part = TableKey::of(&part)?;
            if current.as_ref().is_none_or(|current| !part.sk.starts_with(current)) {
                deletes.push(Write::Delete(part));
            }
        }
    }
    commit(table, held, transactions(deletes).into_iter().map(|one| vec![one]).collect())
}
