//! State of findings between runs, and what is owed to the alert topic because of it.
//!
//! `new → open → worse | unchanged | better → resolved`; waived until an expiry. A finding's record says in one place what
//! state it is in and what alert is owed for it, so that one write makes both true: an alert is owed before it is published,
//! and no longer owed once it was.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use whittle_analysis::result::{Finding, Severity};

/// Where a finding stands.
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

/// Why an alert is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertKind {
    /// It was not there before.
    New,
    /// It got worse.
    Worse,
    /// It is gone.
    Resolved,
}

/// A finding with its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingRecord {
    /// The finding as last seen.
    pub finding: Finding,
    /// Where it stands.
    pub state: FindingState,
    /// When it was first seen (again, after it was resolved).
    pub first_seen: Timestamp,
    /// When its state or its content last changed.
    pub changed: Timestamp,
    /// Until when it is waived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waived_until: Option<Timestamp>,
    /// The alert that is to be published for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owed: Option<AlertKind>,
    /// Severity at the last change for the worse, to tell how much it got worse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<Severity>,
    /// When an alert was last published for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerted: Option<Timestamp>,
}

/// A message for the topic, in every form that a subscriber may get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// ASCII, under 100 characters, severity first.
    pub subject: String,
    /// Plain text that reads well on a phone.
    pub text: String,
    /// One JSON document for machines.
    pub json: String,
    /// For SMS: at most 140 bytes of ASCII.
    pub sms: String,
    /// For filter policies: name → value.
    pub attributes: BTreeMap<String, String>,
    /// Fingerprints of the findings it is about.
    pub fingerprints: Vec<String>,
}
