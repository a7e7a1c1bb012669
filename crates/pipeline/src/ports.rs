//! Ports of a run, one capability per trait. Methods of the AWS adapters name the IAM actions they need
//! (`Requires:`); together these are the actions of `template.yaml`.

use std::future::Future;

use jiff::Timestamp;
use whittle_analysis::issue::Issue;
use whittle_analysis::result::{Finding, FunctionResult, Report, RoleResult};
use whittle_evidence::ledger::Ledger;
use whittle_snapshot::SnapshotError;

use crate::marks::ReadMarks;
use crate::trail_object::TrailObject;

pub mod service;

/// A call of a port that failed.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct PortError {
    kind: PortErrorKind,
    message: String,
    hint: Option<String>,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// Kinds of [`PortError`], by what a caller can do.
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
    /// Another run took over: this one must stop writing.
    LeaseLost,
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

    /// Kind of the error.
    pub fn kind(&self) -> &PortErrorKind {
        &self.kind
    }

    /// Advice for the user.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl From<SnapshotError> for PortError {
    fn from(error: SnapshotError) -> Self {
        let (message, hint) = (error.to_string(), error.hint().map(str::to_owned));
        Self { kind: PortErrorKind::Invalid, message, hint, source: error.into_source() }
    }
}

/// Trail objects, listed and read. Reading is synchronous: it runs on worker threads.
pub trait TrailObjects: Send + Sync {
    /// All objects that `marks` does not say to be read already (more is no harm), sorted by source and key.
    /// What cannot be listed is an issue.
    fn list(&self, marks: &ReadMarks) -> Result<(Vec<TrailObject>, Vec<Issue>), PortError>;

    /// Content of one object as stored (maybe compressed).
    fn read(&self, object: &TrailObject) -> Result<Vec<u8>, PortError>;

    /// Number of objects to read at once; 0 for as many as there are cores. More where reading means waiting.
    fn parallel_reads(&self) -> usize {
        0
    }

    /// Compacts `marks`, dropping what [`TrailObjects::list`] needs no longer: a source whose keys are
    /// ordered by time moves [`SourceMarks::through`](crate::marks::SourceMarks::through) on and forgets the
    /// objects before it. Objects are tried in the order of the last list; `next` is the first that was not
    /// tried yet, `None` after the last. Does nothing by default.
    fn compact(&self, marks: &mut ReadMarks, next: Option<&TrailObject>) {
        let _ = (marks, next);
    }
}

/// No trail files, where there is no source of them.
impl<T: TrailObjects> TrailObjects for Option<T> {
    fn list(&self, marks: &ReadMarks) -> Result<(Vec<TrailObject>, Vec<Issue>), PortError> {
        self.as_ref().map_or_else(|| Ok((Vec::new(), Vec::new())), |objects| objects.list(marks))
    }

    fn read(&self, object: &TrailObject) -> Result<Vec<u8>, PortError> {
        match self {
            Some(objects) => objects.read(object),
            None => Err(PortError::new(PortErrorKind::NotFound, format!("there is no source of `{}`", object.key))),
        }
    }

    fn parallel_reads(&self) -> usize {
        self.as_ref().map_or(0, TrailObjects::parallel_reads)
    }

    fn compact(&self, marks: &mut ReadMarks, next: Option<&TrailObject>) {
        if let Some(objects) = self {
            objects.compact(marks, next);
        }
    }
}

/// One page of event history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryPage {
    /// As LookupEvents answers it: `{"Events": [{"CloudTrailEvent": "…"}, …]}`.
    pub body: Vec<u8>,
    /// Time of its oldest event; `None` if it has none.
    pub oldest: Option<Timestamp>,
    /// Asks for the next page (older events); `None` on the last one.
    pub next: Option<String>,
}

/// A request for a page of event history: events of `[start, end]`, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryRequest {
    /// Region.
    pub region: String,
    /// First second.
    pub start: Timestamp,
    /// Last second.
    pub end: Timestamp,
    /// [`HistoryPage::next`] of the page before.
    pub token: Option<String>,
}

/// CloudTrail's event history: management events of 90 days, without any trail.
pub trait EventHistorySource: Send + Sync {
    /// Regions to read, sorted. Empty: event history is not read.
    fn regions(&self) -> Vec<String>;

    /// One page. Keeps the service's pace (two calls a second in each Region) by waiting.
    /// [`PortErrorKind::NotFound`] for a token that the service takes no longer.
    fn page(&self, request: &HistoryRequest) -> impl Future<Output = Result<HistoryPage, PortError>> + Send;
}

/// The time. A port, so that a run is a function of its inputs.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// A batch of evidence for a store.
#[derive(Debug, Clone, Copy)]
pub struct EvidenceBatch<'a> {
    /// The whole ledger as it is now.
    pub ledger: &'a Ledger,
    /// Objects read in this batch.
    pub objects: &'a [TrailObject],
    /// All marks as they are now, for stores that keep them as a whole; they hold the issues of the objects
    /// too.
    pub marks: &'a ReadMarks,
}

/// Remembers what was read and found.
///
/// Every method is atomic or can be repeated: after a kill the store holds all of a call, or what the next
/// run needs to do it again.
pub trait Store: Send {
    /// The ledger of everything read so far; empty for a new store.
    fn load_ledger(&mut self) -> Result<Ledger, PortError>;

    /// Marks of what was read.
    fn read_marks(&mut self) -> Result<ReadMarks, PortError>;

    /// Saves what a batch added: the parts of the ledger that differ from the stored ones first, then the
    /// marks.
    fn save_evidence(&mut self, batch: EvidenceBatch<'_>) -> Result<(), PortError>;

    /// Makes the stored results those of `report` as far as `scope` says; rows that are equal are not
    /// written. A store that keeps [finding records](service::ServiceStore::save_finding_records) leaves the
    /// findings to these.
    fn save_report(&mut self, report: &Report, scope: &SaveScope) -> Result<Changes, PortError>;

    /// Results of one function: by unqualified ARN, or by name. Several when it runs under several roles or
    /// the name occurs in several Regions or accounts.
    fn functions(&mut self, name_or_arn: &str) -> Result<Vec<FunctionResult>, PortError>;

    /// Results of one role by ARN or name.
    fn roles(&mut self, name_or_arn: &str) -> Result<Vec<RoleResult>, PortError>;

    /// Names of all functions and roles with results, sorted, for "did you mean".
    fn names(&mut self) -> Result<Vec<String>, PortError>;

    /// Findings of one account that are not resolved, in report order.
    fn findings(&mut self, account: &str) -> Result<Vec<Finding>, PortError>;
}

/// The stored results that a report replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SaveScope {
    /// All of the account: results that the report does not have are deleted.
    Account,
    /// The report is of these roles (ARNs) only; results of others stay as they are.
    Roles(std::collections::BTreeSet<String>),
    /// Something could not be listed: what the report does not have may still be there, and stays.
    Incomplete,
}

impl SaveScope {
    /// True if a stored result of `role_arn` that the report does not have is to be deleted.
    pub fn deletes(&self, role_arn: &str) -> bool {
        match self {
            Self::Account => true,
            Self::Roles(roles) => roles.contains(role_arn),
            Self::Incomplete => false,
        }
    }
}

/// Numbers of rows that a save changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changes {
    /// Rows that are new.
    pub inserted: usize,
    /// Rows with other content than before.
    pub updated: usize,
    /// Rows that are gone.
    pub deleted: usize,
}
