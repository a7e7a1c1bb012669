//! Reasons of suggested statements, and reasons why there is no suggestion.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{NeedReason, Reason};
use crate::result::Verdict;

/// Reason why a suggested statement is there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum StatementReason {
    /// A Deny is never touched.
    Deny,
    /// It holds actions of these verdicts, counted.
    Verdicts {
        /// Number of each.
        counts: BTreeMap<Verdict, usize>,
    },
    /// Several statements were merged so that the policy fits the quota.
    Merged {
        /// The reason of the first.
        first: Box<StatementReason>,
        /// The others.
        others: Vec<MergedStatement>,
    },
}

/// A statement that was merged into another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MergedStatement {
    /// Its Sid.
    pub sid: String,
    /// Its reason.
    pub reason: StatementReason,
}

/// Reason why there is no suggestion.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum NoSuggestion {
    /// The execution role is not in the inventory.
    RoleNotFound,
    /// Policies of the role could not be read.
    UnreadablePolicies {
        /// Their names, with what is wrong.
        policies: Vec<String>,
    },
    /// The role has no identity-based policies.
    NoPolicies,
    /// There is no evidence at all.
    NoEvidence,
    /// Not used in the window, so nothing was learned.
    NotUsed,
    /// The proof failed.
    Unproved {
        /// The first failure.
        failure: ProofFailure,
    },
}

impl NoSuggestion {
    /// The word for it where only a word fits, such as an attribute of a table.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::RoleNotFound => "role-not-found",
            Self::UnreadablePolicies { .. } => "unreadable-policies",
            Self::NoPolicies => "no-policies",
            Self::NoEvidence => "no-evidence",
            Self::NotUsed => "not-used",
            Self::Unproved { .. } => "unproved",
        }
    }
}

impl Reason<NoSuggestion> {
    /// The word for it, or the sentence of an earlier version.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(reason) => reason.as_str(),
            Self::Text(text) => text,
        }
    }
}

/// One thing that could not be proved of a suggestion.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum ProofFailure {
    /// No one original Allow covers a suggested statement.
    NotCovered {
        /// Sid of the statement.
        sid: Option<String>,
    },
    /// A Deny is missing.
    DenyMissing {
        /// Its Sid.
        sid: Option<String>,
    },
    /// Something that is needed is no longer allowed.
    NeedNotAllowed {
        /// The action.
        action: String,
        /// The resource; `None`: whatever is granted.
        resource: Option<String>,
        /// The need.
        need: NeedReason,
    },
    /// Something is no longer allowed that a call of the role may check, and no rule excludes for all its
    /// calls.
    CallMayCheck {
        /// The action.
        action: String,
        /// The operation called, as `prefix:Name`.
        operation: String,
    },
    /// Something that could have been used unseen is no longer allowed.
    UnseenNotAllowed {
        /// The action.
        action: String,
        /// The resource pattern.
        resource: String,
    },
}
