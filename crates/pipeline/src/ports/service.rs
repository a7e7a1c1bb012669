//! Ports of a run that goes on by itself: what it remembers beside results, and where its alerts go.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use whittle_analysis::doubt::Doubt;
use whittle_analysis::issue::Issue;
use whittle_snapshot::SnapshotFiles;

use super::{PortError, Store};
use crate::alerts::{FindingRecord, Message};
use crate::baseline::RoleBaseline;

/// A document of the snapshot that is kept between runs, so that what did not change is not fetched again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KeptDocument {
    /// The document, as in a snapshot folder.
    pub text: String,
    /// Revision of the thing it is about when it was fetched.
    pub revision: String,
    /// Time when it was fetched.
    pub fetched: Timestamp,
}

/// Kept documents by their name in a snapshot folder (`regions/eu-central-1/function-urls/checkout.json`).
pub type KeptDocuments = BTreeMap<String, KeptDocument>;

/// The right to run alone, for a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// Id of the run.
    pub run_id: String,
    /// Now.
    pub now: Timestamp,
    /// Time when the lease expires by itself, if its holder does not come back.
    pub expires: Timestamp,
}

/// Answer of [`ServiceStore::begin_run`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// The lease is ours; the record of the last run that ended, if any.
    Started {
        /// The last run.
        last: Option<RunRecord>,
    },
    /// Another run holds it.
    Busy {
        /// Its id.
        run_id: String,
        /// Time when its lease expires.
        until: Timestamp,
    },
}

/// Record of a run, for people and for the next run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Id of the run.
    pub run_id: String,
    /// Time of its start, RFC 3339.
    pub started: Timestamp,
    /// Time of its end.
    pub ended: Timestamp,
    /// `complete`, `continues` (stopped before its deadline, goes on at the next tick) or `failed`.
    pub status: String,
    /// Counts of its work by name (`functions`, `records`, `alerts`, …).
    pub counts: BTreeMap<String, u64>,
    /// Kinds of issues it met, with their numbers.
    pub issues: BTreeMap<String, u64>,
    /// The error, if it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When a run last ended as `complete`: this one or an earlier one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completed: Option<Timestamp>,
}

/// The memory of the service beside evidence and results.
pub trait ServiceStore: Store {
    /// Takes the lease: the first write of a run. At most one run has it; an expired one is taken over, and
    /// whatever its former holder still tries to write is refused from then on (`PortErrorKind::LeaseLost`).
    fn begin_run(&mut self, lease: &Lease) -> Result<Begun, PortError>;

    /// Moves the expiry of the lease on.
    fn renew(&mut self, expires: Timestamp) -> Result<(), PortError>;

    /// Gives the lease back and keeps the record. `changed`: the run wrote something, so its record is worth
    /// keeping beside that of the last run.
    fn end_run(&mut self, record: &RunRecord, changed: bool) -> Result<(), PortError>;

    /// The record of the last run that ended, without taking the lease. Stores that keep none answer `None`.
    fn last_run(&mut self) -> Result<Option<RunRecord>, PortError> {
        Ok(None)
    }

    /// Documents kept by [`ServiceStore::keep_documents`].
    fn kept_documents(&mut self) -> Result<KeptDocuments, PortError>;

    /// Makes the kept documents these; writes only what differs.
    fn keep_documents(&mut self, documents: &KeptDocuments) -> Result<(), PortError>;

    /// All findings of an account with their state, by fingerprint; resolved ones too.
    fn finding_records(&mut self, account: &str) -> Result<BTreeMap<String, FindingRecord>, PortError>;

    /// Saves findings whose record changed; each record is one atomic write, with what is owed for it.
    fn save_finding_records(&mut self, account: &str, changed: &[FindingRecord]) -> Result<(), PortError>;

    /// The last known policies of each role, by role ARN.
    fn baselines(&mut self) -> Result<BTreeMap<String, RoleBaseline>, PortError>;

    /// Saves baselines that changed and forgets those of roles that are gone.
    fn save_baselines(&mut self, changed: &[RoleBaseline], gone: &BTreeSet<String>) -> Result<(), PortError>;
}

/// Request for a collection of the inventory.
#[derive(Clone, Copy)]
pub struct CollectRequest<'a> {
    /// Documents of earlier runs.
    pub kept: &'a KeptDocuments,
    /// Functions (names or ARNs) that the trail shows to have changed lately, whatever their revision says.
    pub changed: &'a BTreeSet<String>,
    /// Asked between fetches; once it is true, what was not fetched counts as not known.
    pub stop: &'a (dyn Fn() -> bool + Sync),
    /// Now.
    pub now: Timestamp,
}

/// A collected inventory.
pub struct CollectedInventory {
    /// Documents as in a snapshot folder.
    pub documents: Box<dyn SnapshotFiles>,
    /// Documents that the next run may reuse.
    pub kept: KeptDocuments,
    /// Documents that could not be fetched.
    pub issues: Vec<Issue>,
    /// Reasons why absence of evidence proves nothing anywhere, such as a Region whose functions are not
    /// known.
    pub doubts: Vec<Doubt>,
    /// Every function and role that exists is in the documents.
    pub complete: bool,
}

/// Fetches the inventory and the configuration of trails.
pub trait InventoryCollector: Send + Sync {
    /// Fetches what is new; an error means that there is no inventory at all.
    fn collect(
        &self,
        request: CollectRequest<'_>,
    ) -> impl Future<Output = Result<CollectedInventory, PortError>> + Send;
}

/// A topic for alerts.
pub trait AlertSink: Send + Sync {
    /// Publishes one message. At least once: a message whose answer was lost may be published again.
    fn publish(&self, message: &Message) -> impl Future<Output = Result<(), PortError>> + Send;
}
