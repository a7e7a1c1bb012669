//! Report on one file.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::digest::FileIntegrity;
use crate::record::SkipReason;

/// Kind of a file, by its content.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FileKind {
    /// `{"Records": […]}`.
    Records,
    /// One record or one EventBridge event.
    Single,
    /// A JSON array.
    Array,
    /// One JSON object a line, or one after another.
    Lines,
    /// An answer of LookupEvents.
    LookupEvents,
    /// Rows of values below a line of names (CSV).
    Table,
    /// Nothing but white space.
    Empty,
    /// No JSON that could hold records.
    #[default]
    NotJson,
}

/// How a record came. What its absence elsewhere proves depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RecordOrigin {
    /// In `{"Records": […]}`, a file that a trail delivered.
    TrailFile,
    /// In a list, or one a line: an export of what a trail delivered.
    Export,
    /// In an answer of LookupEvents.
    EventHistory,
    /// Alone, or in another envelope: other events may have been left out.
    Other,
}

/// Kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum IssueKind {
    /// A record has no usable time, source or name, and no identity of a role.
    UnreadableRecord,
    /// A record that could not be read may be a call of a role.
    LostRecord,
    /// A value is of a kind that may hold records and is not known.
    UnknownShape,
    /// A record was read, but a field of it has an unusual type and was left out.
    OddField,
    /// The file ends inside a record or a compressed block.
    Truncated,
    /// The text stops being JSON.
    BrokenJson,
    /// The compressed data is damaged.
    BrokenGzip,
    /// There are bytes after the compressed data.
    TrailingBytes,
    /// The file inflates past the limit.
    TooLarge,
    /// Some bytes are no UTF-8.
    InvalidUtf8,
    /// The file is empty.
    Empty,
    /// The file is no JSON.
    NotJson,
    /// A call does not say who made it.
    NoIdentity,
    /// The content is another one than the digest of its trail says.
    Changed,
}

impl IssueKind {
    /// A stable word for output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnreadableRecord => "unreadable-record",
            Self::LostRecord => "lost-record",
            Self::UnknownShape => "unknown-shape",
            Self::OddField => "odd-field",
            Self::Truncated => "truncated",
            Self::BrokenJson => "broken-json",
            Self::BrokenGzip => "broken-gzip",
            Self::TrailingBytes => "trailing-bytes",
            Self::TooLarge => "too-large",
            Self::InvalidUtf8 => "invalid-utf8",
            Self::Empty => "empty",
            Self::NotJson => "not-json",
            Self::NoIdentity => "no-identity",
            Self::Changed => "changed-file",
        }
    }

    /// The fault, as the beginning of a sentence about a file or record.
    pub fn description(self) -> &'static str {
        match self {
            Self::UnreadableRecord => "cannot be read",
            Self::LostRecord => "cannot be read, and may be a call of a role",
            Self::UnknownShape => "holds no record of a kind that is known",
            Self::OddField => "has a field of an unusual type, which was left out",
            Self::Truncated => "is cut off",
            Self::BrokenJson => "is no valid JSON from here on",
            Self::BrokenGzip => "has damaged compressed data",
            Self::TrailingBytes => "has bytes after the compressed data",
            Self::TooLarge => "inflates past the limit",
            Self::InvalidUtf8 => "holds bytes that are no UTF-8",
            Self::Empty => "is empty",
            Self::NotJson => "is no JSON",
            Self::NoIdentity => "does not say who made the call, which may have been a role",
            Self::Changed => "is not as CloudTrail delivered it: its digest has another hash",
        }
    }

    /// True if records may be missing because of it.
    pub fn loses_records(self) -> bool {
        !matches!(self, Self::OddField | Self::TrailingBytes | Self::InvalidUtf8)
    }
}

/// One thing that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadIssue {
    /// The file.
    pub file: Arc<str>,
    /// Position of the record in the file, from 0; `None` if the file as a whole is meant.
    pub index: Option<u64>,
    /// Kind of fault.
    pub kind: IssueKind,
    /// The details. May quote the file: escape it where it is printed.
    pub detail: String,
}

impl fmt::Display for ReadIssue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(index) = self.index {
            write!(f, ", record {index}")?;
        }
        write!(f, ": {}", self.kind.as_str())?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

/// Report on one file. Everything in it is accounted for:
/// records handed on + prefiltered + skipped + unreadable = [`FileReport::total`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileReport {
    /// The name that the caller gave.
    pub name: Arc<str>,
    /// Kind of the file.
    pub kind: FileKind,
    /// Records handed to the sink.
    pub records: u64,
    /// Records that the prefilter held back.
    pub prefiltered: u64,
    /// Objects that are no event of a principal.
    pub skipped: BTreeMap<SkipReason, u64>,
    /// Records that could not be read, and objects of which nobody knows whether they hold one.
    pub unreadable: u64,
    /// Some records came inside something else: an EventBridge event, an entry of LookupEvents, a log event.
    pub has_envelopes: bool,
    /// Size after inflating.
    pub inflated_bytes: u64,
    /// What its digest says of the content; `None` without a digest.
    pub integrity: Option<FileIntegrity>,
    /// The first issues, in the order of the file.
    pub issues: Vec<ReadIssue>,
    /// All issues, counted.
    pub issue_counts: BTreeMap<IssueKind, u64>,
    max_described: usize,
}

impl FileReport {
    pub(super) fn new(name: &str, max_described: usize) -> Self {
        Self {
            name: name.into(),
            kind: FileKind::default(),
            records: 0,
            prefiltered: 0,
            skipped: BTreeMap::new(),
            unreadable: 0,
            has_envelopes: false,
            inflated_bytes: 0,
            integrity: None,
            issues: Vec::new(),
            issue_counts: BTreeMap::new(),
            max_described,
        }
    }

    /// Number of objects found, whatever became of them.
    pub fn total(&self) -> u64 {
        self.records + self.prefiltered + self.unreadable + self.skipped.values().sum::<u64>()
    }

    /// True if some issue means that records may be missing.
    pub fn issues_lose_records(&self) -> bool {
        self.issue_counts.keys().any(|kind| kind.loses_records())
    }

    pub(super) fn issue(&mut self, index: Option<u64>, kind: IssueKind, detail: impl Into<String>) {
        *self.issue_counts.entry(kind).or_default() += 1;
        if self.issues.len() < self.max_described {
            self.issues.push(ReadIssue { file: Arc::clone(&self.name), index, kind, detail: detail.into() });
        }
    }

    pub(super) fn skip(&mut self, reason: SkipReason) {
        *self.skipped.entry(reason).or_default() += 1;
    }

    pub(super) fn unreadable(&mut self, index: Option<u64>, kind: IssueKind, detail: impl Into<String>) {
        self.unreadable += 1;
        self.issue(index, kind, detail);
    }
}
