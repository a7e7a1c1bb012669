//! Questions to coverage, the evidence behind them, and the answers.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;

use jiff::Timestamp;

use super::reason::{BlindReason, CoverageRemedy};
use super::trails::Trails;
use crate::ledger::AccountFacts;
use crate::ledger::days::start_of_day;

/// The observation window in UTC days, counted from 1970-01-01: `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayWindow {
    /// The first day.
    pub start: i32,
    /// The day after the last.
    pub end: i32,
}

impl DayWindow {
    /// From a range of days, such as [`AccountFacts::observed`] gives.
    pub fn new(days: &Range<i32>) -> Self {
        Self { start: days.start, end: days.end }
    }

    /// Number of days.
    pub fn days(self) -> u32 {
        u32::try_from(i64::from(self.end) - i64::from(self.start)).unwrap_or(0)
    }

    pub(super) fn starts_at(self) -> Timestamp {
        start_of_day(self.start).unwrap_or(Timestamp::MIN)
    }

    pub(super) fn ends_at(self) -> Timestamp {
        start_of_day(self.end).unwrap_or(Timestamp::MAX)
    }
}

/// Answers of LookupEvents. They show every management event of a Region, whatever the trails are set to, and
/// no other (CloudTrail User Guide, "Working with CloudTrail event history"), for at most 90 days.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventHistory {
    /// Region → the days over which its answers are complete, `[start, end)`; the caller vouches for it.
    pub days: BTreeMap<String, Range<i32>>,
}

impl EventHistory {
    /// In place of a Region: every Region that is enabled in the account was read.
    pub const ALL_REGIONS: &'static str = "all";
}

/// Evidence of one account.
#[derive(Debug, Clone)]
pub struct CoverageEvidence<'a> {
    /// The account.
    pub account: &'a str,
    /// Its trails; `None` if they are not known.
    pub trails: Option<&'a Trails>,
    /// Event history, if it was read.
    pub history: Option<&'a EventHistory>,
    /// Facts of the ledger.
    pub facts: &'a AccountFacts,
    /// The window.
    pub window: DayWindow,
    /// Days without files were quiet: none is missing.
    pub assume_quiet_days: bool,
}

/// Events that would reveal an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind<'a> {
    /// A management event.
    Management,
    /// A data event; each of these values of `resources.type` has to be logged.
    Data(&'a [&'a str]),
    /// Either of the two, it is not known which: both have to be logged.
    Either(&'a [&'a str]),
    /// Only a network activity event.
    NetworkActivity,
    /// No event of its own, for the reason given.
    Never(&'a str),
}

/// One question: would a use of an action have been seen?
#[derive(Debug, Clone, Copy)]
pub struct CoverageQuestion<'a> {
    /// Events that would reveal the action.
    pub kind: EventKind<'a>,
    /// The event source, such as `kms.amazonaws.com`.
    pub event_source: Option<&'a str>,
    /// The event names that would reveal the action; empty if not known.
    pub event_names: &'a [&'a str],
    /// True if these events are read-only; `None` if not known.
    pub read_only: Option<bool>,
    /// Pattern of the resource's ARN.
    pub resource: &'a str,
    /// The Region of the call; `None` for any Region.
    pub region: Option<&'a str>,
    /// For a call in any Region: those in which the role's functions work, whose logs have to be read.
    pub work_regions: &'a [&'a str],
    /// The role's ARN.
    pub role_arn: Option<&'a str>,
}

/// Answer: would every use have left an event in the evidence?
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observability {
    /// Over the whole window.
    Full,
    /// Not over the whole window, or not everywhere.
    Partial {
        /// The reason.
        reason: BlindReason,
        /// From when on it would have been seen, if that is the reason.
        since: Option<Timestamp>,
    },
    /// Not at all, as far as is known.
    None {
        /// The reason.
        reason: BlindReason,
        /// Change that would make it visible.
        remedy: Option<CoverageRemedy>,
    },
}

impl Observability {
    /// True if no event means no use.
    pub fn is_full(&self) -> bool {
        *self == Self::Full
    }

    /// Reason why it would not have been seen.
    pub fn reason(&self) -> Option<&BlindReason> {
        match self {
            Self::Full => None,
            Self::Partial { reason, .. } | Self::None { reason, .. } => Some(reason),
        }
    }

    /// Best first.
    pub(super) fn rank(&self) -> (u8, Reverse<Option<Reverse<Timestamp>>>) {
        match self {
            Self::Full => (0, Reverse(None)),
            // An earlier start is better than a later one, and a known start than none.
            Self::Partial { since, .. } => (1, Reverse(since.map(Reverse))),
            Self::None { .. } => (2, Reverse(None)),
        }
    }
}

/// Parts of a question that the answers depend on, see [`super::Coverage::depends_on`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DependsOn {
    /// Some selector looks at the resource's ARN.
    pub resource: bool,
    /// Some selector looks at the principal's ARN.
    pub role: bool,
}

/// One source, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSummary {
    /// The trail's name, or `event history`.
    pub name: String,
    /// The Regions; `all` for a multi-Region trail.
    pub regions: Vec<String>,
    /// True if it asks for management events, at least in part.
    pub management: bool,
    /// Types of data events it asks for, at least in part.
    pub data_types: Vec<String>,
    /// Does the source cover the window?
    pub window: Observability,
}
