//! From the bytes of one file to records.
//!
//! In: a name (for issues) and bytes as S3, the AWS CLI or EventBridge give them, gzip or plain. Out: each
//! record, handed to a sink, and a [`FileReport`] that accounts for everything else. Never fails: what cannot
//! be read is counted and named.
//!
//! Shapes, told apart by content alone:
//!
//! | shape | where from |
//! |---|---|
//! | `{"Records": [record, …]}` | trail files (CloudTrail User Guide, "CloudTrail log file examples") |
//! | one record, a JSON array of records, one record a line, records one after another | exports |
//! | `{"Events": [{"CloudTrailEvent": "…"}, …]}` | LookupEvents |
//! | records in other envelopes | see `envelope` |
//! | rows below a line of names | see `table` |
//! | digest, Insights and aggregated files | the trail's bucket; passed over |
//!
//! A value of any other kind may hold records that are not seen: it counts as [`IssueKind::UnknownShape`].
//!
//! A trail file is streamed record by record, so a truncated one gives what lies before the cut. If something
//! breaks the fast pass, the document is read again with each record apart. What stops a parser inside a
//! value (a lone surrogate, a control character, `NaN`) is replaced, and the record stays.

mod columns;
pub mod digest;
mod document;
mod envelope;
mod inflate;
pub mod key;
pub mod report;
mod table;

pub use key::{DigestKey, KeyKind, TrailKey, key_kind, parse_digest_key, parse_key};
pub use report::{FileKind, FileReport, IssueKind, ReadIssue, RecordOrigin};

use std::borrow::Cow;

use document::DocumentReader;

use crate::record::{DAMAGED, Record};

/// Bounds on what one file may cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that a compressed file may inflate to. CloudTrail's files are at most 50 MB uncompressed
    /// (CloudTrail User Guide, "Quotas in AWS CloudTrail"); what lies past the limit is lost and reported.
    pub max_inflated_bytes: usize,
    /// Issues that a report describes one by one; more are only counted.
    pub max_described_issues: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_inflated_bytes: 128 * 1024 * 1024, max_described_issues: 20 }
    }
}

/// One record and where it stood.
#[derive(Debug, Clone, Copy)]
pub struct RecordRef<'r, 'a> {
    /// Position among all records of the file, skipped and unreadable ones included, from 0.
    pub index: u64,
    /// How the record came, by the shape of the file.
    pub origin: RecordOrigin,
    /// The record.
    pub record: &'r Record<'a>,
}

/// Decides from the JSON text of one record whether it is worth parsing. It may say yes too often.
pub type Prefilter<'a> = &'a dyn Fn(&str) -> bool;

/// Reads all records of a file.
pub fn read_bytes(name: &str, bytes: &[u8], limits: &Limits, sink: &mut dyn FnMut(RecordRef<'_, '_>)) -> FileReport {
    read_filtered(name, bytes, limits, None, sink)
}

/// Like [`read_bytes`], and compares the content with the hash in a digest. The records of a changed file are
/// handed on all the same: they show what was used.
pub fn read_verified(
    name: &str,
    bytes: &[u8],
    limits: &Limits,
    entry: &digest::LogFileEntry,
    sink: &mut dyn FnMut(RecordRef<'_, '_>),
) -> FileReport {
    read_file(name, bytes, limits, (None, Some(entry)), sink)
}

/// Compares the content of a log file, gzip or plain, with the hash in a digest.
pub fn verify_file(bytes: &[u8], limits: &Limits, entry: &digest::LogFileEntry) -> digest::FileIntegrity {
    let mut report = FileReport::new("", 0);
    digest::verify_log_file(entry, &inflate::inflate(bytes, limits.max_inflated_bytes, &mut report))
}

/// Like [`read_bytes`], but hands on only records that pass `prefilter`; the others are counted as
/// [`FileReport::prefiltered`]. Facts about an account need all records, so filter only when those are known.
pub fn read_filtered(
    name: &str,
    bytes: &[u8],
    limits: &Limits,
    prefilter: Option<Prefilter<'_>>,
    sink: &mut dyn FnMut(RecordRef<'_, '_>),
) -> FileReport {
    read_file(name, bytes, limits, (prefilter, None), sink)
}

fn read_file(
    name: &str,
    bytes: &[u8],
    limits: &Limits,
    (prefilter, entry): (Option<Prefilter<'_>>, Option<&digest::LogFileEntry>),
    sink: &mut dyn FnMut(RecordRef<'_, '_>),
) -> FileReport {
    let mut report = FileReport::new(name, limits.max_described_issues);
    let inflated = inflate::inflate(bytes, limits.max_inflated_bytes, &mut report);
    report.integrity = entry.map(|entry| digest::verify_log_file(entry, &inflated));
    if report.integrity == Some(digest::FileIntegrity::Changed) {
        report.issue(None, IssueKind::Changed, "");
    }
    report.inflated_bytes = u64::try_from(inflated.len()).unwrap_or(u64::MAX);
    let text = to_text(inflated, &mut report);
    DocumentReader::new(report, limits, prefilter, sink).read(text.strip_prefix('\u{feff}').unwrap_or(&text))
}

/// Reads a digest file, gzip or plain.
///
/// # Errors
///
/// [`digest::DigestError`] if it is damaged, or a field is missing.
pub fn read_digest(bytes: &[u8], limits: &Limits) -> Result<digest::Digest, digest::DigestError> {
    let mut report = FileReport::new("", 0);
    let inflated = inflate::inflate(bytes, limits.max_inflated_bytes, &mut report);
    digest::parse_digest(&to_text(inflated, &mut report))
}

/// The bytes as text. Each byte that is no UTF-8 becomes DEL: the records stay, the ledger keeps no name that
/// holds that character, and the text is as long as the bytes.
fn to_text<'a>(bytes: Cow<'a, [u8]>, report: &mut FileReport) -> Cow<'a, str> {
    // Output of the AWS CLI that PowerShell redirected into a file.
    match &*bytes {
        [0xff, 0xfe, rest @ ..] => return Cow::Owned(from_utf16(rest, u16::from_le_bytes)),
        [0xfe, 0xff, rest @ ..] => return Cow::Owned(from_utf16(rest, u16::from_be_bytes)),
        _ => {}
    }
    let (error, mut bytes) = match bytes {
        Cow::Borrowed(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => return Cow::Borrowed(text),
            Err(error) => (error, bytes.to_vec()),
        },
        Cow::Owned(bytes) => match String::from_utf8(bytes) {
            Ok(text) => return Cow::Owned(text),
            Err(error) => (error.utf8_error(), error.into_bytes()),
        },
    };
    report.issue(None, IssueKind::InvalidUtf8, format!("first at byte {}", error.valid_up_to()));
    let mut rest = bytes.as_mut_slice();
    while let Err(error) = std::str::from_utf8(rest)
        && let Some((bad, after)) = rest.get_mut(error.valid_up_to()..).and_then(<[u8]>::split_first_mut)
    {
        *bad = DAMAGED;
        rest = after;
    }
    Cow::Owned(String::from_utf8(bytes).unwrap_or_default())
}

fn from_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (pairs, _) = bytes.as_chunks::<2>();
    char::decode_utf16(pairs.iter().copied().map(unit)).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests;
