//! The lease that keeps runs apart, and the records of runs.
//!
//! INVARIANT: the fence only grows. Each run that takes the lease writes a higher one into the lease and
//! into its copies, in one transaction; every other write checks a copy for the fence of its own run.

use jiff::{SignedDuration, Timestamp};
use whittle_pipeline::ports::service::{Begun, Lease, RunRecord};
use whittle_pipeline::ports::{PortError, PortErrorKind};

use super::fence::{Held, LEASE_COPIES, lease_copy, runs};
use super::item::{ItemHead, Packed, TableKey, TableRow, sort_out};
use super::table::{DynamoTable, Expect, Find, Write};
use super::{expiry, json, parsed};

/// Times that a lease is asked for if others change it at the same moment.
const MAX_TRIES: usize = 5;

/// How long the record of a run is kept.
const KEEP_RUNS: SignedDuration = SignedDuration::from_hours(24 * 400);

fn lease_key(home: &str) -> TableKey {
    TableKey::new(runs(home), "LEASE")
}

fn last_key(home: &str) -> TableKey {
    TableKey::new(runs(home), "LAST")
}

/// Takes the lease if it is free, expired, or held by the same run (whose earlier try is then refused).
pub(super) fn begin(table: &DynamoTable, home: &str, wanted: &Lease) -> Result<(Option<Held>, Begun), PortError> {
    for _ in 0..MAX_TRIES {
        // Copies, the last record and the lease lie side by side.
        let items = table.find(Find::between(runs(home), "LANE#", "LEASE"))?;
        let (heads, _) = sort_out(items)?;
        let lease = heads.iter().find(|head| head.key == lease_key(home));
        if let Some((run_id, until)) = lease.map(holder).transpose()?.flatten()
            && until > wanted.now
            && run_id != wanted.run_id
        {
            return Ok((None, Begun::Busy { run_id, until }));
        }
        let seen = heads.iter().filter_map(|head| head.number("fence")).max().unwrap_or_default();
        let held = Held {
            home: home.to_owned(),
            run_id: wanted.run_id.clone(),
            fence: seen.saturating_add(1),
            since: wanted.now,
        };
        let expect = match lease.and_then(|lease| lease.number("fence")) {
            Some(fence) => Expect::Fence(fence),
            None => Expect::Absent,
        };
        let mut writes = vec![Write::Put(lease_row(&held, Some(wanted.expires))?.head, expect)];
        for number in 0..LEASE_COPIES {
            let row = TableRow::new(lease_copy(home, number), "lease-copy", Vec::new()).pack()?;
            writes.push(Write::Put(row.head, Expect::Below(held.fence)));
        }
        if table.transact(held.fence, writes)? {
            let last = heads.iter().find(|head| head.key == last_key(home)).map(record).transpose()?;
            return Ok((Some(held), Begun::Started { last }));
        }
    }
    let message = format!("the lease of table `{}` changes all the time", table.name);
    Err(PortError::new(PortErrorKind::Transient, message).with_hint("another run begins at the same moment: try again"))
}

/// Moves the expiry on.
pub(super) fn renew(table: &DynamoTable, held: &Held, expires: Timestamp) -> Result<(), PortError> {
    let row = lease_row(held, Some(expires))?;
    if table.transact(held.fence, vec![Write::Put(row.head, Expect::Fence(held.fence))])? {
        Ok(())
    } else {
        Err(super::table::lease_lost(&table.name))
    }
}

/// Gives the lease back and keeps the record.
pub(super) fn end(table: &DynamoTable, held: &Held, record: &RunRecord, changed: bool) -> Result<(), PortError> {
    let mut writes = vec![
        Write::Put(lease_row(held, None)?.head, Expect::Fence(held.fence)),
        Write::Put(record_row(last_key(&held.home), record, false)?.head, Expect::Any),
    ];
    if changed {
        let key = TableKey::new(
            runs(&held.home),
            format!("RUN#{}#{}", record.started, super::item::key_text(&record.run_id)),
        );
        writes.push(Write::Put(record_row(key, record, true)?.head, Expect::Any));
    }
    if table.transact(held.fence, writes)? { Ok(()) } else { Err(super::table::lease_lost(&table.name)) }
}

/// The record of the last run that ended.
pub(super) fn last_run(table: &DynamoTable, home: &str) -> Result<Option<RunRecord>, PortError> {
    let (heads, _) = sort_out(table.find(Find::one(&last_key(home)))?)?;
    heads.first().map(record).transpose()
}

fn lease_row(held: &Held, expires: Option<Timestamp>) -> Result<Packed, PortError> {
    let row = TableRow::new(lease_key(&held.home), "lease", Vec::new())
        .text("run_id", &held.run_id)
        .text("since", &held.since.to_string())
        .text("state", if expires.is_some() { "held" } else { "free" });
    match expires {
        Some(expires) => row.text("expires", &expires.to_string()).pack(),
        None => row.pack(),
    }
}

/// Who holds the lease, until when; `None` if it was given back.
fn holder(lease: &ItemHead) -> Result<Option<(String, Timestamp)>, PortError> {
    if lease.text("state") == Some("free") {
        return Ok(None);
    }
    let expires = lease.text("expires").and_then(|expires| expires.parse().ok());
    let until = expires.ok_or_else(|| lease.damaged("it does not say when it expires"))?;
    Ok(Some((lease.text("run_id").unwrap_or_default().to_owned(), until)))
}

fn record_row(key: TableKey, record: &RunRecord, passing: bool) -> Result<Packed, PortError> {
    let row = TableRow::new(key, "run", json(record)?)
        .text("run_id", &record.run_id)
        .text("started", &record.started.to_string())
        .text("ended", &record.ended.to_string())
        .text("status", &record.status)
        .text("error", record.error.as_deref().unwrap_or_default())
        .numbers("counts", &record.counts)
        .numbers("issues", &record.issues);
    if passing { row.expires(expiry(record.ended, KEEP_RUNS)).pack() } else { row.pack() }
}

fn record(head: &ItemHead) -> Result<RunRecord, PortError> {
    match head.content(&super::item::Parts::new())? {
        Some(content) => parsed(&head.key, &content),
        None => Err(head.damaged("it is larger than a record is")),
    }
}
