//! The lease as every write needs it: its fence, and the copies that are checked for it.

use jiff::Timestamp;

use super::item::TableKey;

/// Copies of the lease: as many transactions can check it at once without cancelling each other.
pub(super) const LEASE_COPIES: u8 = 4;

/// The lease of this run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    /// The account that Whittle runs in.
    pub(super) home: String,
    pub(super) run_id: String,
    pub(super) fence: i64,
    /// When the run began.
    pub(super) since: Timestamp,
}

/// Partition of the runs of an account.
pub(super) fn runs(home: &str) -> String {
    format!("RUN#{home}")
}

/// Key of a copy of the lease.
pub(super) fn lease_copy(home: &str, number: u8) -> TableKey {
    TableKey::new(runs(home), format!("LANE#{number}"))
}
