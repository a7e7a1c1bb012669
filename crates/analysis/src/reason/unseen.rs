//! Reasons why a use could have gone unseen.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use whittle_evidence::coverage::{BlindReason, CoverageRemedy};

use crate::doubt::Doubt;

/// Reason why absence of evidence proves nothing about an action.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum UnseenReason {
    /// There is no evidence at all.
    NoEvidence,
    /// The window is too short.
    TooFewDays {
        /// Days of the window.
        days: u32,
        /// Days that are asked for.
        least: u32,
    },
    /// Evidence was lost.
    Doubt {
        /// The doubt.
        doubt: Doubt,
    },
    /// A function has an event source of a kind that is not known.
    UnknownEventSource {
        /// The function.
        function: String,
    },
    /// Calls were seen that the catalog cannot map.
    Unmapped {
        /// The first of them: event source and event name.
        events: Vec<String>,
    },
    /// Code was deployed and has not been seen to run since: what it calls is not known.
    NewCodeUnseen {
        /// The function.
        function: String,
        /// The day of the deployment.
        on: Date,
    },
    /// IAM saw the role used after the evidence ends.
    UsedAfterEvidence {
        /// The day.
        on: Date,
    },
    /// The function was made inside the window.
    FunctionMade {
        /// The function.
        function: String,
        /// The day.
        on: Date,
    },
    /// The function had another role inside the window: what it did then stands under that role.
    RanUnderAnotherRole {
        /// The function.
        function: String,
        /// ARN of the other role.
        role: String,
        /// The last day.
        on: Date,
    },
    /// Of calls of the role on some days nothing was kept but the day: no function had it then.
    UsageNotKept {
        /// The last such day.
        on: Date,
    },
    /// SnapStart runs the initialisation when a version is published, and none was inside the window.
    InitialisationUnseen {
        /// The function.
        function: String,
    },
    /// CloudFormation invokes the function for a custom resource: what it does when the stack changes or goes
    /// was not seen.
    RunsWithStacks {
        /// The function.
        function: String,
    },
    /// The ledger saw a function under the role that the inventory lacks: its needs are not known.
    FunctionNotInInventory {
        /// Its ARN.
        function: String,
    },
    /// IAM saw an access to the service that no event of the role shows: evidence of it is incomplete.
    ServiceAccessWithoutEvent {
        /// Service prefix.
        service: String,
        /// The day.
        on: Date,
    },
    /// IAM saw an attempt that no event shows.
    AttemptWithoutEvent {
        /// The day.
        on: Date,
    },
    /// No event source would have shown it.
    NotCovered {
        /// The reason.
        reason: BlindReason,
        /// Remedy.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remedy: Option<CoverageRemedy>,
        /// IAM's own data, where no trail can tell.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        beyond_trails: Option<BeyondTrails>,
    },
    /// An operation that may check it beside its own action may have been called unseen.
    CallerUnseen {
        /// The operation, as `prefix:Name`.
        operation: String,
        /// The reason.
        because: Box<UnseenReason>,
    },
    /// `iam:PassRole`: calls were seen that pass a role, and others may do so too.
    PassesRole,
    /// `iam:PassRole`: a granted pattern that the catalog does not know may take a role.
    UnknownMayTakeRole {
        /// The pattern.
        pattern: String,
    },
    /// `iam:PassRole`: calls that the catalog cannot map may take a role.
    UnmappedMayTakeRole {
        /// The first of them: event source and event name.
        events: Vec<String>,
    },
    /// `iam:PassRole`: a call was seen that can pass a role.
    CanPassRole {
        /// Its action.
        action: String,
    },
    /// `iam:PassRole`: a call that can pass a role may have gone unseen.
    PassRoleCallUnseen {
        /// Its action.
        action: String,
        /// The reason.
        because: Box<UnseenReason>,
    },
}

/// IAM's last-accessed data on a service that no trail can see.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum BeyondTrails {
    /// There is no report.
    NoReport,
    /// An attempt.
    Attempt {
        /// Service prefix.
        service: String,
        /// The day of the last one.
        on: Date,
    },
    /// The report is older than the window.
    ReportTooOld,
    /// The report does not list the service.
    NotListed {
        /// Service prefix.
        service: String,
    },
}
