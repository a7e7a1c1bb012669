//! State of findings between runs, and what is owed to the alert topic because of it.
//!
//! `new → open → worse | unchanged | better → resolved`; waived until an expiry. A finding's record says in
//! one place what state it is in and what alert is owed for it, so that one write makes both true: an alert
//! is owed before it is published, and no longer owed once it was. A message may so be published twice (its
//! answer was lost), a state change never.
//!
//! | before | now | owed |
//! |---|---|---|
//! | – or resolved | there | new |
//! | open | worse ([`Level::is_worse_than`]) | worse; still new if that was not sent |
//! | open | not worse | what was owed, as long as it is true |
//! | waived, waiver ended | there | new |
//! | any | there, waived | nothing |
//! | open | gone | resolved, if asked for and if the finding was alerted before; else nothing |
//! | open | not looked at | what was owed |
//!
//! Below the chosen severity nothing is owed; a finding that rises to it is owed as worse. A pure function of
//! its inputs: [`advance`] decides, [`plan`] makes messages of what is owed, [`deliver`] publishes and notes
//! it.

mod delivery;
mod state;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use whittle_analysis::result::Finding;

pub use delivery::{Delivered, MAX_MESSAGES, Renderer, deliver, plan, sent};
pub use state::{AlertSettings, advance};
pub use whittle_analysis::alert::{Alert, AlertKind, Attribute, Level, Message, Notice};

/// State of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FindingState {
    /// It is there.
    Open,
    /// Accepted until an expiry.
    Waived,
    /// It was there and is no more.
    Resolved,
}

/// A finding with its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingRecord {
    /// The finding as last seen.
    pub finding: Finding,
    /// State of the finding.
    pub state: FindingState,
    /// Time when it was first seen (again, after it was resolved).
    pub first_seen: Timestamp,
    /// Time of the last change of its state or level; new wording of the same finding does not count.
    pub changed: Timestamp,
    /// Until when it is waived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived_until: Option<Timestamp>,
    /// The alert that is to be published for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owed: Option<AlertKind>,
    /// Time since when that alert is owed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owed_since: Option<Timestamp>,
    /// For a worse finding whose alert is owed: the level it rose from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<Level>,
    /// Time of the last alert published for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerted: Option<Timestamp>,
}

impl FindingRecord {
    /// Time when the store may forget the record: `keep` after it was resolved. Never while the finding is
    /// there or an alert is owed.
    pub fn expires(&self, keep: SignedDuration) -> Option<Timestamp> {
        let over = self.state == FindingState::Resolved && self.owed.is_none();
        over.then(|| self.changed.saturating_add(keep).unwrap_or(Timestamp::MAX))
    }
}

#[cfg(test)]
mod tests;
