//! The sorts of issues, and which of them lose evidence.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use whittle_evidence::read::IssueKind as FileIssueKind;

/// Marks the words of kinds that lose evidence in a store, so that a version that does not know such a word
/// keeps the doubt.
const LOST_EVIDENCE: &str = "lost-evidence:";

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $word:literal,)*) => {
        /// Sort of issue, with a stable kebab-case word.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum IssueKind {
            $($(#[$doc])* $variant,)*
            /// Something is wrong with a trail file, or with a page of event history.
            File(FileIssueKind),
            /// The word of a later version, as it was stored.
            Other(String),
        }

        impl IssueKind {
            const ALL: &[Self] = &[$(Self::$variant),*];

            /// The word that output shows.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::File(kind) => kind.as_str(),
                    Self::Other(word) => word.strip_prefix(LOST_EVIDENCE).unwrap_or(word),
                }
            }
        }
    };
}

kinds! {
    /// IAM saw an access that no event shows.
    AccessWithoutEvent = "access-without-event",
    /// A call was refused.
    AccessDenied = "access-denied",
    /// The alert topic refuses messages.
    AlertDenied = "alert-denied",
    /// An alert could not be published.
    AlertNotPublished = "alert-not-published",
    /// A file is not UTF-8 or UTF-16 text.
    BadEncoding = "bad-encoding",
    /// An entry of a document cannot be used.
    BadEntry = "bad-entry",
    /// A digest file cannot be read.
    BadDigest = "bad-digest",
    /// A document is not the JSON that it should be.
    BadJson = "bad-json",
    /// The name of a file or folder has no meaning.
    BadName = "bad-name",
    /// Another run is at work.
    Busy = "busy",
    /// Days of the window hold no event.
    DaysWithoutEvents = "days-without-events",
    /// A document is empty.
    EmptyFile = "empty-file",
    /// A trail folder or prefix holds no file.
    EmptyTrail = "empty-trail",
    /// The event history of a Region leads nowhere.
    EventHistoryStuck = "event-history-stuck",
    /// The event history of a Region could not be read.
    EventHistoryUnavailable = "event-history-unavailable",
    /// Entries of event history came without their event. Loses evidence.
    EventWithoutText = "event-without-text",
    /// A call failed.
    FailedCall = "failed-call",
    /// A file is larger than the limit.
    FileTooLarge = "file-too-large",
    /// Events are dated after the time of the run.
    FutureEvents = "future-events",
    /// A function or role was deleted between two calls.
    Gone = "gone",
    /// Parts of a function's configuration are missing.
    IncompleteFunction = "incomplete-function",
    /// Versions of a policy are missing.
    IncompleteHistory = "incomplete-history",
    /// A digest names a trail file that is not there. Loses evidence.
    MissingTrailFile = "missing-trail-file",
    /// The snapshot lacks a file.
    MissingFile = "missing-file",
    /// Trail files are left for the next run. Loses evidence.
    NotReadYet = "not-read-yet",
    /// A trail file was never read while it was within the lookback. Loses evidence.
    NeverRead = "never-read",
    /// The store is of an earlier layout: everything is read again.
    EarlierStore = "earlier-store",
    /// A template changes the configuration of a function.
    NewConfiguration = "new-configuration",
    /// A role was used, and no event shows it.
    NoEventOfUsedRole = "no-event-of-used-role",
    /// An account writes more events than its event history can be read.
    EventHistoryTooSlow = "event-history-too-slow",
    /// Trail files are at hand and no digest of them: one that is lost would not be noticed.
    NoDigests = "no-digests",
    /// There is no event at all.
    NoEvidence = "no-evidence",
    /// A function of a template has no counterpart with evidence.
    NoEvidenceOfFunction = "no-evidence-of-function",
    /// There is no function.
    NoFunctions = "no-functions",
    /// There is no trail.
    NoTrail = "no-trail",
    /// A file of a trail folder holds no events.
    NotATrailFile = "not-a-trail-file",
    /// A part of the inventory was not collected.
    NotCollected = "not-collected",
    /// A part of a template was not read.
    NotRead = "not-read",
    /// Snapshot and trail are of different accounts.
    OtherAccount = "other-account",
    /// Event history is read in part; the next run goes on.
    ReadingContinues = "reading-continues",
    /// A function's role is not in the template.
    RoleElsewhere = "role-elsewhere",
    /// AWS limits the rate of calls.
    Throttled = "throttled",
    /// There are more trail files than can be listed. Loses evidence.
    TooManyFiles = "too-many-files",
    /// The configuration of a trail cannot be used.
    TrailConfiguration = "trail-configuration",
    /// A document holds only the first pages.
    TruncatedFile = "truncated-file",
    /// A listed trail file cannot be read. Loses evidence.
    Unavailable = "unavailable",
    /// A document names a function that is not in the snapshot.
    UnknownFunction = "unknown-function",
    /// A policy has a condition operator that IAM does not know.
    UnknownOperator = "unknown-operator",
    /// A document names a role that is not in the snapshot.
    UnknownRole = "unknown-role",
    /// A value of a template is not known.
    UnknownValue = "unknown-value",
    /// Trail files could not be listed. Loses evidence.
    Unlisted = "unlisted",
    /// A suggestion could not be proved.
    UnprovedSuggestion = "unproved-suggestion",
    /// AWS cannot be reached.
    Unreachable = "unreachable",
    /// A file cannot be read.
    UnreadableFile = "unreadable-file",
    /// A policy cannot be understood.
    UnreadablePolicy = "unreadable-policy",
    /// A last-accessed report cannot be used.
    UnusableReport = "unusable-report",
    /// A published version of a function is configured differently.
    VersionConfiguration = "version-configuration",
    /// The published versions of a function were not collected.
    VersionsNotCollected = "versions-not-collected",
    /// A trail file was deleted before it could be read. Loses evidence.
    DeletedUnread = "gone",
}

/// Sorts of file issues, to find one by its word.
const FILE_KINDS: &[FileIssueKind] = &[
    FileIssueKind::UnreadableRecord,
    FileIssueKind::LostRecord,
    FileIssueKind::UnknownShape,
    FileIssueKind::OddField,
    FileIssueKind::Truncated,
    FileIssueKind::BrokenJson,
    FileIssueKind::BrokenGzip,
    FileIssueKind::TrailingBytes,
    FileIssueKind::TooLarge,
    FileIssueKind::InvalidUtf8,
    FileIssueKind::Empty,
    FileIssueKind::NotJson,
    FileIssueKind::NoIdentity,
    FileIssueKind::Changed,
];

impl IssueKind {
    /// True if an unknown number of events is missing, so that the absence of others proves nothing.
    ///
    /// A single record without time, source or name is no such loss unless a role made the call
    /// (`FileIssueKind::LostRecord`): CloudTrail writes no such event.
    pub fn loses_evidence(&self) -> bool {
        match self {
            Self::DeletedUnread
            | Self::EventWithoutText
            | Self::MissingTrailFile
            | Self::NeverRead
            | Self::NotReadYet
            | Self::TooManyFiles
            | Self::Unavailable
            | Self::Unlisted => true,
            // One that could be a role's is a `LostRecord`.
            Self::File(kind) => kind.loses_records() && *kind != FileIssueKind::UnreadableRecord,
            Self::Other(word) => word.starts_with(LOST_EVIDENCE),
            _ => false,
        }
    }

    /// The word for a store.
    pub fn to_stored(&self) -> Cow<'_, str> {
        match self {
            Self::Other(word) => Cow::Borrowed(word),
            _ if self.loses_evidence() => Cow::Owned(format!("{LOST_EVIDENCE}{}", self.as_str())),
            _ => Cow::Borrowed(self.as_str()),
        }
    }
}

/// Reads the word of a store or of an output.
impl From<&str> for IssueKind {
    fn from(text: &str) -> Self {
        let (word, lost) = match text.strip_prefix(LOST_EVIDENCE) {
            Some(word) => (word, true),
            None => (text, false),
        };
        let all = Self::ALL.iter().cloned().chain(FILE_KINDS.iter().map(|kind| Self::File(*kind)));
        all.into_iter()
            .find(|kind| kind.as_str() == word && (!lost || kind.loses_evidence()))
            .unwrap_or_else(|| Self::Other(text.to_owned()))
    }
}

impl From<FileIssueKind> for IssueKind {
    fn from(kind: FileIssueKind) -> Self {
        Self::File(kind)
    }
}

impl fmt::Display for IssueKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// By the words, which is how output is sorted.
impl Ord for IssueKind {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other.as_str()).then_with(|| self.to_stored().cmp(&other.to_stored()))
    }
}

impl PartialOrd for IssueKind {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Serialize for IssueKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for IssueKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(String::deserialize(deserializer)?.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(stored: &str, kind: &IssueKind, word: &str, loses_evidence: bool) {
        assert_eq!(IssueKind::from(stored), *kind);
        assert_eq!((kind.to_stored().as_ref(), kind.as_str()), (stored, word));
        assert_eq!(kind.loses_evidence(), loses_evidence);
    }

    #[test]
    fn every_kind_is_read_back_from_a_store() {
        for kind in IssueKind::ALL.iter().cloned().chain(FILE_KINDS.iter().map(|kind| IssueKind::File(*kind))) {
            check(&kind.to_stored(), &kind, kind.as_str(), kind.loses_evidence());
        }
    }

    #[test]
    fn stores_of_earlier_versions_mark_lost_evidence() {
        check("gone", &IssueKind::Gone, "gone", false);
        check("lost-evidence:gone", &IssueKind::DeletedUnread, "gone", true);
        check("lost-evidence:truncated", &IssueKind::File(FileIssueKind::Truncated), "truncated", true);
        check("unreadable-record", &IssueKind::File(FileIssueKind::UnreadableRecord), "unreadable-record", false);
    }

    #[test]
    fn words_of_later_versions_are_kept_with_their_mark() {
        check("later-word", &IssueKind::Other("later-word".to_owned()), "later-word", false);
        let lost = "lost-evidence:later-word";
        check(lost, &IssueKind::Other(lost.to_owned()), "later-word", true);
        check("lost-evidence:odd-field", &IssueKind::Other("lost-evidence:odd-field".to_owned()), "odd-field", true);
    }

    #[test]
    fn output_shows_the_plain_word() {
        let kind = IssueKind::File(FileIssueKind::Truncated);
        assert_eq!(serde_json::to_string(&kind).unwrap(), r#""truncated""#);
        assert_eq!(serde_json::from_str::<IssueKind>(r#""truncated""#).unwrap(), kind);
    }
}
