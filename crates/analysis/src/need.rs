//! Usage and needs of a function, or of a role as a whole.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use whittle_catalog::ActionId;
use whittle_evidence::ledger::DaySet;
use whittle_policy::ResourcePattern;

use crate::reason::NeedReason;
use crate::result::Seen;

/// Evidence that an action was used, strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UseBasis {
    /// An event carries the action itself.
    Primary,
    /// The parameters of an event of another action imply it.
    Secondary,
    /// Calls were seen that may have needed it too; no event proves it.
    Possible,
}

/// Usage of one action by one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionUsage {
    /// First authorised call.
    pub first_seen: Timestamp,
    /// Last authorised call.
    pub last_seen: Timestamp,
    /// Days with such calls.
    pub days: DaySet,
    /// Resources that events named (patterns where the ledger generalised).
    pub resources: Vec<ResourcePattern>,
    /// Day on which a resource was first seen, counted from 1970-01-01, where that is known.
    pub since: BTreeMap<ResourcePattern, i32>,
    /// Some event did not name its resource.
    pub unnamed: bool,
    /// The evidence.
    pub basis: UseBasis,
    /// Services that made the call with the role's rights (forward access sessions).
    pub via: BTreeSet<String>,
    /// Operations that were called and may have checked it.
    pub may_be_checked_by: BTreeSet<String>,
    /// Only the Lambda service itself was seen using it.
    pub platform_only: bool,
    /// Only people or CI that assumed the role were seen using it.
    pub others_only: bool,
}

impl ActionUsage {
    /// As a result holds it.
    pub fn to_seen(&self) -> Seen {
        let basis = match self.basis {
            UseBasis::Primary => "primary",
            UseBasis::Secondary => "secondary",
            UseBasis::Possible => "possible",
        };
        Seen {
            first: self.first_seen.to_string(),
            days: u32::try_from(self.days.len()).unwrap_or(u32::MAX),
            basis: basis.to_owned(),
            via: self.via.iter().cloned().collect(),
            platform_only: self.platform_only,
            required: false,
        }
    }

    /// Notes a day on which a resource was seen; the first one counts.
    pub fn note_day(&mut self, resource: ResourcePattern, day: i32) {
        let known = self.since.entry(resource).or_insert(day);
        *known = day.min(*known);
    }

    /// Joins what another caller of the same subject did.
    pub fn join(&mut self, other: &Self) {
        self.first_seen = self.first_seen.min(other.first_seen);
        self.last_seen = self.last_seen.max(other.last_seen);
        self.days.union(&other.days);
        self.resources.extend(other.resources.iter().cloned());
        self.resources.sort();
        self.resources.dedup();
        for (resource, day) in &other.since {
            self.note_day(resource.clone(), *day);
        }
        self.unnamed |= other.unnamed;
        self.basis = self.basis.min(other.basis);
        self.via.extend(other.via.iter().cloned());
        self.may_be_checked_by.extend(other.may_be_checked_by.iter().cloned());
        self.platform_only &= other.platform_only;
        self.others_only &= other.others_only;
    }
}

/// All usage of one subject: a function under a role, or the role as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubjectUsage {
    /// Per action.
    pub actions: BTreeMap<ActionId, ActionUsage>,
    /// What the operations that were called may have checked, beside what their events prove. Resources are
    /// never named.
    pub possible: BTreeMap<ActionId, ActionUsage>,
    /// Operations that were called and not denied, by IAM prefix and name.
    pub calls: BTreeMap<(String, String), CalledOperation>,
    /// Authorised calls that the catalog cannot map: (event source, event name).
    pub unmapped: BTreeSet<(String, String)>,
    /// Days with any event of the subject, denied ones too.
    pub days: DaySet,
    /// Days on which the Lambda service assumed the role: it is in use, whatever it was used for.
    pub assumed_days: usize,
    /// Last event of the subject.
    pub last_seen: Option<Timestamp>,
    /// Actions that only people or CI used under the role, with their last use. Never a need of the function.
    pub others: BTreeMap<ActionId, Timestamp>,
}

/// Calls of one operation by one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalledOperation {
    /// First call.
    pub first_seen: Timestamp,
    /// Last call.
    pub last_seen: Timestamp,
    /// Days with calls.
    pub days: DaySet,
    /// Actions that some call may have checked beside what its event proves.
    pub may_check: BTreeSet<ActionId>,
    /// Some calls were read with other rules than today's: they may have checked whatever AWS lists under the
    /// operation.
    pub by_other_rules: bool,
    /// Only the Lambda service itself was seen calling it.
    pub platform_only: bool,
    /// Only people or CI that assumed the role were seen calling it.
    pub others_only: bool,
}

/// A condition that a suggestion adds to a kept grant.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExtraCondition {
    /// Operator, such as `StringLike`.
    pub operator: String,
    /// Key, such as `kms:ViaService`.
    pub key: String,
    /// Values, sorted.
    pub values: Vec<String>,
}

/// Kind of a need; the order is the precedence of the verdicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NeedKind {
    /// An authorised event maps to it.
    Used,
    /// The configuration needs it.
    Required,
    /// A used action implies it.
    Companion,
    /// An operation that was called may check it.
    Possible,
    /// An action that may have been used unseen implies it.
    BesideUnseen,
}

/// One (action, resource) that must stay allowed wherever the original allows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// The action.
    pub action: ActionId,
    /// The kind.
    pub kind: NeedKind,
    /// The resource; `None`: unknown, so all resources of the grants.
    pub resource: Option<ResourcePattern>,
    /// The need arises only under this condition (a call through another service).
    pub only_if: Option<ExtraCondition>,
    /// The reason.
    pub reason: NeedReason,
}

/// Condition key: the alias by which a call names its key.
pub(crate) const REQUEST_ALIAS: &str = "kms:RequestAlias";
/// Condition key: the aliases that a key has.
pub(crate) const RESOURCE_ALIASES: &str = "kms:ResourceAliases";

impl Need {
    /// The alias, for a need under a condition of whichever key it stands for.
    pub fn by_alias(&self) -> Option<&str> {
        match (&self.reason, &self.only_if) {
            (NeedReason::ByAlias { alias }, Some(_)) => Some(alias),
            _ => None,
        }
    }
}

/// Needs by action, each list sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Needs(BTreeMap<ActionId, Vec<Need>>);

impl Needs {
    /// Adds a need.
    pub fn push(&mut self, need: Need) {
        let list = self.0.entry(need.action).or_default();
        if let Err(at) = list.binary_search(&need) {
            list.insert(at, need);
        }
    }

    /// Needs of one action, sorted.
    pub fn of(&self, action: ActionId) -> &[Need] {
        self.0.get(&action).map_or(&[], Vec::as_slice)
    }

    /// True if there is any need of `action`.
    pub fn contains(&self, action: ActionId) -> bool {
        self.0.contains_key(&action)
    }

    /// All needs, by action.
    pub fn iter(&self) -> impl Iterator<Item = &Need> {
        self.0.values().flatten()
    }

    /// Actions with at least one need.
    pub fn actions(&self) -> impl Iterator<Item = ActionId> + '_ {
        self.0.keys().copied()
    }
}
