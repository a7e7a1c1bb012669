//! What a run needs from the outside, one capability per trait.

use std::collections::BTreeMap;
use std::future::Future;

use whittle_analysis::inventory::Inventory;
use whittle_analysis::issue::Issue;
use whittle_analysis::result::{Finding, FunctionResult, Report, RoleResult};

/// Why a port could not answer.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct PortError {
    kind: PortErrorKind,
    message: String,
    hint: Option<String>,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// What a caller may do about a [`PortError`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PortErrorKind {
    /// A permission is missing.
    AccessDenied {
        /// The IAM action that was refused.
        action: String,
    },
    /// Asked too fast; the same call may succeed later.
    Throttled,
    /// The thing is gone; usually not an error for the run.
    NotFound,
    /// May go away by itself.
    Transient,
    /// The input is wrong; trying again does not help.
    Invalid,
    /// Whittle is wrong.
    Bug,
}

impl PortError {
    /// An error of `kind`; `message` is one line, lower case, user input in backticks.
    pub fn new(kind: PortErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, source: None }
    }

    /// Adds advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What a caller may do about it.
    pub fn kind(&self) -> &PortErrorKind {
        &self.kind
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// Lists functions and roles.
pub trait InventorySource: Send + Sync {
    /// The whole inventory. What could not be read is in `Inventory::issues`; an error means that there is none at all.
    fn inventory(&self) -> impl Future<Output = Result<Inventory, PortError>> + Send;
}

/// Says how the trails are configured.
pub trait TrailConfigSource: Send + Sync {
    /// Trails with status and selectors. No trail known is `Ok` with an issue.
    fn trails(&self) -> impl Future<Output = Result<TrailConfigs, PortError>> + Send;
}

/// Answer of [`TrailConfigSource::trails`].
#[derive(Debug, Clone, Default)]
pub struct TrailConfigs {
    /// Trails with what is known about them; `None` if it is not known which trails there are.
    pub trails: Option<whittle_evidence::coverage::Trails>,
    /// What is not known.
    pub issues: Vec<Issue>,
}

/// One object of a trail: a file in a folder, or a key in a bucket.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrailObject {
    /// Which source it belongs to (a folder's or a bucket's own name), stable between runs.
    pub source: String,
    /// Key within the source, with `/`.
    pub key: String,
    /// Changes when the content does (size and modification time, or an ETag).
    pub version: String,
    /// Size in bytes as stored.
    pub size_bytes: u64,
}

/// Trail objects, listed and read. Reading is synchronous: it runs on worker threads.
pub trait TrailObjects: Send + Sync {
    /// All objects, sorted by source and key. What cannot be listed is an issue.
    fn list(&self) -> Result<(Vec<TrailObject>, Vec<Issue>), PortError>;

    /// Content of one object as stored (maybe compressed).
    fn read(&self, object: &TrailObject) -> Result<Vec<u8>, PortError>;
}

/// Remembers what was read and found.
///
/// Every method is atomic: after a kill the store holds all of a call or nothing of it.
pub trait Store: Send {
    /// The ledger of everything read so far; empty for a new store.
    fn load_ledger(&mut self) -> Result<whittle_evidence::ledger::Ledger, PortError>;

    /// Objects already read: (source, key) → version.
    fn read_objects(&mut self) -> Result<BTreeMap<(String, String), String>, PortError>;

    /// Saves what a batch of objects added: the parts of `ledger` that differ from the stored ones, and the objects
    /// as read, in one transaction.
    fn save_evidence(
        &mut self,
        ledger: &whittle_evidence::ledger::Ledger,
        objects: &[TrailObject],
        issues: &[Issue],
    ) -> Result<(), PortError>;

    /// Issues saved with the objects read so far.
    fn evidence_issues(&mut self) -> Result<Vec<Issue>, PortError>;

    /// Replaces the results of `report.account` by `report`; rows that are equal are not written.
    fn save_report(&mut self, report: &Report) -> Result<Changes, PortError>;

    /// Results of one function: by unqualified ARN, or by name. Several when it runs under several roles or the
    /// name occurs in several Regions or accounts.
    fn functions(&mut self, name_or_arn: &str) -> Result<Vec<FunctionResult>, PortError>;

    /// Results of one role by ARN or name.
    fn roles(&mut self, name_or_arn: &str) -> Result<Vec<RoleResult>, PortError>;

    /// Names of all functions and roles with results, sorted, for "did you mean".
    fn names(&mut self) -> Result<Vec<String>, PortError>;

    /// Findings of one account, in report order.
    fn findings(&mut self, account: &str) -> Result<Vec<Finding>, PortError>;
}

/// How many rows a save changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes {
    /// Rows that are new.
    pub inserted: usize,
    /// Rows with other content than before.
    pub updated: usize,
    /// Rows that are gone.
    pub deleted: usize,
}
