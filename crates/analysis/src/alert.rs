//! An alert as data: what the pipeline plans, `render` puts into words, and an adapter publishes.
//!
//! It stands here because both sides know this crate and neither knows the other.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::result::{Finding, Severity};

/// Kind of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertKind {
    /// It was not there before, or its waiver ended.
    New,
    /// It got worse.
    Worse,
    /// It is gone.
    Resolved,
}

impl AlertKind {
    /// The word used in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Worse => "worse",
            Self::Resolved => "resolved",
        }
    }
}

/// Weight of a finding, by which a change of it is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Level {
    /// From the other two.
    pub severity: Severity,
    /// 1 to 5.
    pub likelihood: u8,
    /// 1 to 5.
    pub impact: u8,
}

impl Level {
    /// That of a finding.
    pub fn of(finding: &Finding) -> Self {
        Self { severity: finding.severity, likelihood: finding.likelihood, impact: finding.impact }
    }

    /// True if this is worse than `other`: a higher severity; with the same, a higher likelihood or impact
    /// while the other of the two did not fall. A strict order, so nothing gets worse by going back and
    /// forth.
    pub fn is_worse_than(self, other: Self) -> bool {
        match self.severity.cmp(&other.severity) {
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => {
                self != other && self.likelihood >= other.likelihood && self.impact >= other.impact
            }
            std::cmp::Ordering::Less => false,
        }
    }
}

/// One finding to tell about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// The finding as last seen.
    pub finding: Finding,
    /// The kind.
    pub kind: AlertKind,
    /// For [`AlertKind::Worse`]: the level that it rose from.
    pub was: Option<Level>,
    /// Time at which the finding was first seen.
    pub first_seen: Timestamp,
    /// Time at which it became what the alert says. With fingerprint and kind it names the alert, also when
    /// that is sent twice.
    pub since: Timestamp,
}

/// Content of one message: one alert, or a digest of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Account id.
    pub account: String,
    /// The run that sends it.
    pub run_id: String,
    /// Time of sending.
    pub at: Timestamp,
    /// Worst first; never empty.
    pub alerts: Vec<Alert>,
}

/// A message for the topic, in every form that a subscriber may get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// ASCII, under 100 characters, begins with the severity in upper case.
    pub subject: String,
    /// Plain text that reads well on a phone.
    pub text: String,
    /// One JSON document for machines.
    pub json: String,
    /// For SMS: at most 140 bytes of ASCII.
    pub sms: String,
    /// For filter policies: name → value. At most 10 (Amazon SNS Developer Guide, "Amazon SNS message
    /// attributes").
    pub attributes: BTreeMap<String, Attribute>,
    /// Fingerprints of all findings it is about, the ones that it does not list included.
    pub fingerprints: Vec<String>,
}

/// Value of a message attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attribute {
    /// Data type `String`.
    One(String),
    /// Data type `String.Array`: a filter policy matches when any of the values does.
    Many(Vec<String>),
}

impl Attribute {
    /// `DataType` as SNS names it.
    pub fn data_type(&self) -> &'static str {
        match self {
            Self::One(_) => "String",
            Self::Many(_) => "String.Array",
        }
    }

    /// `StringValue`: the text, or a JSON list of texts.
    pub fn string_value(&self) -> String {
        match self {
            Self::One(text) => text.clone(),
            Self::Many(texts) => serde_json::Value::from(texts.clone()).to_string(),
        }
    }
}

/// Most bytes of a message with its attributes (Amazon SNS API Reference, "Publish": 256 KB).
pub const MAX_MESSAGE_BYTES: usize = 256 * 1024;

impl Message {
    /// The `Message` parameter of SNS' Publish for `MessageStructure` = `json`: a text per protocol.
    ///
    /// `email` gets the text and `sms` the short form. All others get the JSON, as `default`: they are
    /// programs, and the limit is on all texts together, so that a copy for each protocol would leave room
    /// for a fifth of the findings (Amazon SNS API Reference, "Publish": "including multiple protocols may
    /// limit message sizes").
    pub fn structured(&self) -> String {
        serde_json::json!({"default": self.json, "email": self.text, "sms": self.sms}).to_string()
    }

    /// Bytes that count against [`MAX_MESSAGE_BYTES`].
    pub fn size_bytes(&self) -> usize {
        let attribute =
            |(name, value): (&String, &Attribute)| name.len() + value.data_type().len() + value.string_value().len();
        self.structured().len() + self.subject.len() + self.attributes.iter().map(attribute).sum::<usize>()
    }
}
