//! Digest files: what CloudTrail delivered in an hour, with hashes and a chain of signatures.
//!
//! In: the text of a digest file, the bytes of log files, public keys. Out: which files belong to the trail,
//! and whether they are as CloudTrail delivered them. Nothing is fetched here.
//!
//! Sources: CloudTrail User Guide, "CloudTrail digest file structure" (fields; file names) and "Custom
//! implementations of CloudTrail log file integrity validation" (hashes are over the *uncompressed* content;
//! what is signed). `awscli/customizations/cloudtrail/validation.py` of the AWS CLI does the same: it
//! inflates log file and digest before it hashes them, and signs `null` for a missing signature.
//!
//! The signature of a digest stands in the metadata of its object (`x-amz-meta-signature`) and in the *next*
//! digest. So of files alone all but the newest can be checked.

mod chain;
mod rsa;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

pub use chain::{ChainReport, DigestIntegrity, MissingDigest, SignatureCheck, verify_chain, verify_signature};

use super::key::{DigestKey, parse_digest_key};
use crate::base64;
use rsa::RsaPublicKey;

/// The one hash of digest files.
const HASH_ALGORITHM: &str = "SHA-256";

/// A digest file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    /// The account whose log files it lists.
    pub account: String,
    /// The beginning of the time in which the files were delivered.
    pub start: Timestamp,
    /// The end of that time.
    pub end: Timestamp,
    /// The bucket that it was delivered to.
    pub bucket: String,
    /// The key that it was delivered under.
    pub object: String,
    /// Names the key that signed it.
    pub fingerprint: String,
    /// How it was signed, such as `SHA256withRSA`.
    pub signature_algorithm: String,
    /// The digest before it; `None` for the first since validation or logging was switched on.
    pub previous: Option<PreviousDigest>,
    /// The log files, as listed.
    log_files: Vec<LogFileEntry>,
    /// As written: it is signed.
    end_text: String,
    previous_signature: Option<String>,
    hash: [u8; 32],
}

/// What a digest says of the one before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviousDigest {
    /// Its bucket.
    pub bucket: String,
    /// Its key.
    pub object: String,
    /// Its hash; `None` if it is stated in a way that is not known.
    pub hash: Option<[u8; 32]>,
    /// Its signature in hexadecimal.
    pub signature: Option<String>,
}

/// A log file in a digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFileEntry {
    /// The bucket that it was delivered to.
    pub bucket: String,
    /// The key that it was delivered under.
    pub object: String,
    /// The hash of its uncompressed content; `None` if it is stated in a way that is not known.
    pub hash: Option<[u8; 32]>,
    /// The time of its newest event.
    pub newest_event: Option<Timestamp>,
    /// The time of its oldest event.
    pub oldest_event: Option<Timestamp>,
}

/// Whether a log file is as CloudTrail delivered it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FileIntegrity {
    /// The content has the hash of the digest.
    Intact,
    /// The content has another hash.
    Changed,
    /// The digest states the hash in a way that is not known.
    Unknown,
}

/// The text is no digest file or no list of keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// The text is not the JSON that it should be.
    #[error("is no digest file: {0}")]
    Json(String),
    /// A field that every digest has is missing or empty.
    #[error("is no digest file: it has no `{0}`")]
    MissingField(&'static str),
    /// A time is no time, or the end lies before the start.
    #[error("is no digest file: `{0}` is no usable time")]
    BadTime(&'static str),
    /// The text is no answer of `aws cloudtrail list-public-keys`.
    #[error("is no answer of `aws cloudtrail list-public-keys`: {0}")]
    Keys(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDigest {
    aws_account_id: Option<String>,
    digest_start_time: Option<String>,
    digest_end_time: Option<String>,
    digest_s3_bucket: Option<String>,
    digest_s3_object: Option<String>,
    digest_public_key_fingerprint: Option<String>,
    digest_signature_algorithm: Option<String>,
    previous_digest_s3_bucket: Option<String>,
    previous_digest_s3_object: Option<String>,
    previous_digest_hash_value: Option<String>,
    previous_digest_hash_algorithm: Option<String>,
    previous_digest_signature: Option<String>,
    log_files: Option<Vec<RawLogFile>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawLogFile {
    s3_bucket: Option<String>,
    s3_object: Option<String>,
    hash_value: Option<String>,
    hash_algorithm: Option<String>,
    newest_event_time: Option<String>,
    oldest_event_time: Option<String>,
}

/// Reads the inflated text of a digest file, exactly as delivered: its hash is part of what is signed.
///
/// # Errors
///
/// [`DigestError`] if a field is missing without which the files or their time are not known.
pub fn parse_digest(text: &str) -> Result<Digest, DigestError> {
    let raw: RawDigest = serde_json::from_str(text).map_err(|error| DigestError::Json(error.to_string()))?;
    let field =
        |value: Option<String>, name| value.filter(|value| !value.is_empty()).ok_or(DigestError::MissingField(name));
    let end_text = field(raw.digest_end_time, "digestEndTime")?;
    let end = end_text.parse::<Timestamp>().map_err(|_| DigestError::BadTime("digestEndTime"))?;
    let start = field(raw.digest_start_time, "digestStartTime")?;
    let start = start.parse::<Timestamp>().map_err(|_| DigestError::BadTime("digestStartTime"))?;
    if end < start {
        return Err(DigestError::BadTime("digestEndTime"));
    }
    let log_files = raw.log_files.ok_or(DigestError::MissingField("logFiles"))?;
    let log_files = log_files.into_iter().map(log_file).collect::<Result<_, _>>()?;
    let previous = match (raw.previous_digest_s3_bucket, raw.previous_digest_s3_object) {
        (Some(bucket), Some(object)) => Some(PreviousDigest {
            bucket,
            object,
            hash: stated_hash(raw.previous_digest_hash_value.as_deref(), raw.previous_digest_hash_algorithm.as_deref()),
            signature: raw.previous_digest_signature.clone(),
        }),
        _ => None,
    };
    Ok(Digest {
        account: field(raw.aws_account_id, "awsAccountId")?,
        start,
        end,
        bucket: field(raw.digest_s3_bucket, "digestS3Bucket")?,
        object: field(raw.digest_s3_object, "digestS3Object")?,
        fingerprint: raw.digest_public_key_fingerprint.unwrap_or_default(),
        signature_algorithm: raw.digest_signature_algorithm.unwrap_or_default(),
        previous,
        log_files,
        end_text,
        previous_signature: raw.previous_digest_signature,
        hash: Sha256::digest(text.as_bytes()).into(),
    })
}

fn log_file(raw: RawLogFile) -> Result<LogFileEntry, DigestError> {
    let time = |text: Option<String>| text.and_then(|text| text.parse().ok());
    Ok(LogFileEntry {
        hash: stated_hash(raw.hash_value.as_deref(), raw.hash_algorithm.as_deref()),
        bucket: raw.s3_bucket.ok_or(DigestError::MissingField("logFiles[].s3Bucket"))?,
        object: raw.s3_object.ok_or(DigestError::MissingField("logFiles[].s3Object"))?,
        newest_event: time(raw.newest_event_time),
        oldest_event: time(raw.oldest_event_time),
    })
}

fn stated_hash(value: Option<&str>, algorithm: Option<&str>) -> Option<[u8; 32]> {
    let is_known = algorithm.is_none_or(|algorithm| algorithm.eq_ignore_ascii_case(HASH_ALGORITHM));
    value.filter(|_| is_known).and_then(from_hex)?.try_into().ok()
}

/// The bytes of a hexadecimal text.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits?;
    let (pairs, rest) = digits.as_chunks::<2>();
    rest.is_empty().then(|| pairs.iter().map(|[high, low]| high << 4 | low).collect())
}

fn to_hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0x0f]);
    digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect()
}

impl Digest {
    /// The log files that CloudTrail delivered in the time of the digest.
    pub fn log_files(&self) -> &[LogFileEntry] {
        &self.log_files
    }

    /// What the name says: Region, trail, home Region.
    pub fn key(&self) -> Option<DigestKey<'_>> {
        parse_digest_key(&self.object)
    }

    /// True if a file under this key or path lies where the digest was delivered to: a copy that was moved
    /// elsewhere is none of the chain.
    pub fn is_at(&self, key: &str) -> bool {
        let key = key.replace('\\', "/");
        key.strip_suffix(&self.object).is_some_and(|before| before.is_empty() || before.ends_with('/'))
    }

    /// What CloudTrail signs: end, place, hash, and the signature before, one a line.
    fn signed_text(&self) -> String {
        let previous = self.previous_signature.as_deref().unwrap_or("null");
        format!("{}\n{}/{}\n{}\n{previous}", self.end_text, self.bucket, self.object, to_hex(&self.hash))
    }
}

/// Compares a log file's uncompressed content with the hash in a digest.
pub fn verify_log_file(entry: &LogFileEntry, uncompressed: &[u8]) -> FileIntegrity {
    match entry.hash {
        None => FileIntegrity::Unknown,
        Some(hash) if hash == <[u8; 32]>::from(Sha256::digest(uncompressed)) => FileIntegrity::Intact,
        Some(_) => FileIntegrity::Changed,
    }
}

/// The public keys of a Region, by fingerprint.
#[derive(Debug, Clone, Default)]
pub struct PublicKeys {
    keys: BTreeMap<String, RsaPublicKey>,
    unusable: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawKeys {
    public_key_list: Vec<RawKey>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RawKey {
    value: Option<String>,
    fingerprint: Option<String>,
}

impl PublicKeys {
    /// Reads the output of `aws cloudtrail list-public-keys` (CloudTrail API Reference, "ListPublicKeys":
    /// keys are DER of PKCS #1, here in base64).
    ///
    /// The times of validity are not compared: they bound which keys the command lists, and the fingerprint
    /// in the digest names one of them.
    ///
    /// # Errors
    ///
    /// [`DigestError::Keys`] if the text is no such output. An entry that is no key is passed over and
    /// counted.
    pub fn parse(text: &str) -> Result<Self, DigestError> {
        let raw: RawKeys = serde_json::from_str(text).map_err(|error| DigestError::Keys(error.to_string()))?;
        let mut out = Self::default();
        for key in raw.public_key_list {
            let value = key.value.and_then(|value| base64::decode(&value)).and_then(|der| RsaPublicKey::from_der(&der));
            match (key.fingerprint, value) {
                (Some(fingerprint), Some(value)) => {
                    out.keys.insert(fingerprint.to_ascii_lowercase(), value);
                }
                _ => out.unusable += 1,
            }
        }
        Ok(out)
    }

    /// Adds the keys of another Region.
    pub fn extend(&mut self, other: Self) {
        self.keys.extend(other.keys);
        self.unusable += other.unusable;
    }

    /// Entries that were no keys.
    pub fn unusable(&self) -> usize {
        self.unusable
    }

    /// True if there is no key.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    fn get(&self, fingerprint: &str) -> Option<&RsaPublicKey> {
        self.keys.get(&fingerprint.to_ascii_lowercase())
    }
}
