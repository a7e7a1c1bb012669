//! Memory of a role between runs, and results of a comparison.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use whittle_evidence::ledger::Ledger;
use whittle_policy::{PolicyDocument, Statement};

/// A policy name and its document.
pub type NamedPolicy = (String, PolicyDocument);

/// Policies of one role: as they were last seen, and what the last changes of them did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RoleBaseline {
    /// ARN.
    pub role_arn: String,
    /// `AROA…`.
    pub role_id: String,
    /// Identity-based policies as they were last seen, sorted by name.
    pub policies: Vec<NamedPolicy>,
    /// Permissions boundary as it was last seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<PolicyDocument>,
    /// The policies before changes that took something away: the newest first, at most `MAX_EARLIER`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<EarlierPolicies>,
    /// Actions added by the last change that widened the role; `None` if none was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub widened: Option<Widening>,
}

/// Policies that a role had before a change took something away from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EarlierPolicies {
    /// Time of the change by the trail; the time at which it was seen, if the trail does not tell.
    pub until: Timestamp,
    /// Identity-based policies, sorted by name.
    pub policies: Vec<NamedPolicy>,
    /// Permissions boundary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<PolicyDocument>,
}

/// Actions that a change of a role's policies added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Widening {
    /// Time at which it was seen.
    pub seen: Timestamp,
    /// The actions, sorted.
    pub actions: Vec<AddedAction>,
    /// Their sources: policy names, `a Deny was removed`, `permissions boundary`; sorted.
    pub through: Vec<String>,
}

/// An action that a role may use now on something that it could not use it on before.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AddedAction {
    /// `service:Action`, or the pattern if the catalog does not know it.
    pub action: String,
    /// On `*`, or on everything but some.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub everywhere: bool,
}

/// Evidence for a comparison.
#[derive(Clone, Copy)]
pub struct DriftEvidence<'a> {
    /// Calls that were seen.
    pub ledger: &'a Ledger,
    /// The time of the run.
    pub now: Timestamp,
}

/// A statement to restore, and what was denied without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostStatement {
    /// The policy that had it, and the statement's Sid or number in it.
    pub place: String,
    /// The part of that statement that the denied calls need: its condition and resources, the denied
    /// actions.
    pub statement: Statement,
    /// The denied actions, sorted.
    pub actions: Vec<String>,
    /// Time of the last denied call.
    pub last_denied: Timestamp,
}
