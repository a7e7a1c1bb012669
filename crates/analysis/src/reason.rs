//! Reasons behind verdicts, suggestions and gaps, as data. `whittle-render` words them.
//!
//! A stored result holds the data. Output for scripts holds the sentence, as a result of an earlier version
//! does; both are read ([`Reason::Text`]). No decision rests on a sentence.

mod need;
mod suggestion;
mod unseen;

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use serde::{Deserialize, Serialize};
use whittle_evidence::coverage::BlindReason;

pub use need::{Callers, ConfiguredFeature, NeedReason, TargetRole};
pub use suggestion::{MergedStatement, NoSuggestion, ProofFailure, StatementReason};
pub use unseen::{BeyondTrails, UnseenReason};

/// A reason as data, or the sentence of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Reason<T> {
    /// As data.
    Known(T),
    /// In words: from output for scripts, or from a result of an earlier version.
    Text(String),
}

impl<T> Reason<T> {
    /// The reason as data, if it is.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(reason) => Some(reason),
            Self::Text(_) => None,
        }
    }
}

impl<T> From<T> for Reason<T> {
    fn from(reason: T) -> Self {
        Self::Known(reason)
    }
}

/// Reason for a verdict on one granted action.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum VerdictReason {
    /// Used, required, or a companion.
    Needed {
        /// The need.
        need: NeedReason,
        /// Calls name their key by this alias too.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by_alias: Option<String>,
        /// The resources were not narrowed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kept_whole: Option<KeepReason>,
    },
    /// Not needed as far as is known, and kept.
    Kept {
        /// The reason.
        because: KeepReason,
    },
    /// Nothing was learned about the function or role: it was not used in the window.
    NotLearned,
    /// The catalog does not know the action.
    UnknownAction,
    /// A use would have been seen and was not.
    Unused {
        /// The proof.
        proof: UnusedProof,
        /// Last use by another caller of the role.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        other_callers: Option<Timestamp>,
    },
}

/// Evidence that an action was not used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum UnusedProof {
    /// An event would have shown it.
    Window {
        /// Days of the window.
        days: u32,
    },
    /// `iam:PassRole`: the granted calls that can pass a role would have been seen.
    PassRoleCalls {
        /// Days of the window.
        days: u32,
    },
    /// `iam:PassRole`: no granted call can pass a role.
    NoPassRoleCall,
    /// IAM last accessed: no attempt on the service in its whole tracking period.
    LastAccessed {
        /// Service prefix.
        service: String,
    },
}

/// Reason to keep the resources of a grant as they are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum KeepReason {
    /// Some events do not name the resource.
    ResourceNotNamed,
    /// The action takes no resource.
    NoResource,
    /// One call may need several kinds of resource, and events name only some.
    SeveralResources,
    /// Other calls that were seen may check it too, on resources that no event names.
    PossiblyChecked {
        /// The first of the operations called, as `prefix:Name`.
        calls: Vec<String>,
    },
    /// No grant names a resource that was used.
    NotGranted {
        /// The resource.
        resource: String,
    },
    /// The role was created inside the window.
    RoleCreated {
        /// The day.
        on: Date,
    },
    /// The action was granted inside the window.
    RecentlyGranted {
        /// The day.
        on: Date,
    },
    /// A use could have gone unseen.
    Unseen {
        /// The reason.
        because: UnseenReason,
    },
}

/// Reason for what a row of the coverage says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum CoverageReason {
    /// The source covers the window: there is nothing to explain.
    Covered,
    /// The source does not select such events.
    NotSelected,
    /// The source does not cover the window.
    Blind {
        /// The reason.
        reason: BlindReason,
    },
}

/// Detail of a finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum FindingDetail {
    /// Granted actions that no evidence can judge, by reason.
    BlindSpot {
        /// The largest groups.
        groups: Vec<BlindGroup>,
        /// Number of smaller groups.
        more: usize,
    },
}

impl Reason<FindingDetail> {
    /// The sentence, or the data as JSON, where only a text fits, such as an attribute of a table.
    pub fn as_attribute(&self) -> Cow<'_, str> {
        match self {
            Self::Known(detail) => Cow::Owned(serde_json::json!(detail).to_string()),
            Self::Text(text) => Cow::Borrowed(text),
        }
    }
}

/// Granted actions that could not have been seen for one reason.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BlindGroup {
    /// The reason.
    pub reason: Reason<VerdictReason>,
    /// The first actions.
    pub actions: Vec<String>,
    /// All actions, counted.
    pub count: usize,
}

/// The day of a time, in UTC.
pub(crate) fn day(time: Timestamp) -> Date {
    Offset::UTC.to_datetime(time).date()
}
