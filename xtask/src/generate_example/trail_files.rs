//! The trail folder, as S3 holds it (AWS CloudTrail User Guide, "Getting and viewing your CloudTrail log
//! files"): one file for each Region and day, two on some days, plus what a reader must cope with: events
//! delivered twice, a file delivered twice, a gzip file of two members. And a digest for each Region and day,
//! which names the files of that day (AWS writes one an hour); their signatures are made up.

use anyhow::{Context as _, Result};
use flate2::Crc;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::Files;
use super::account::{ACCOUNT, GLOBAL_REGION, REGION};
use super::prng::{ALPHANUMERIC, Prng};
use super::record::ExampleEvent;
use super::window::{DAYS, Moment};

const BUCKET: &str = "shop-trail-111122223333";
/// Days on which the file of the shop's Region is delivered twice, under another name.
const REPEATED_FILE_DAYS: [u32; 2] = [22, 58];
/// Days of which the last events are delivered once more on the next day.
const LATE_DAYS: [u32; 3] = [9, 38, 70];
/// The day whose file is a gzip file of two members.
const TWO_MEMBER_DAY: u32 = 33;
/// Every how many days there are two files.
const SPLIT_EVERY: u32 = 9;
/// How many events are delivered late.
const LATE_EVENTS: usize = 7;

pub fn add_files(files: &mut Files, mut events: Vec<ExampleEvent>) -> Result<()> {
    events.sort_by(|a, b| (a.region, a.at, &a.id).cmp(&(b.region, b.at, &b.id)));
    for region in [REGION, GLOBAL_REGION] {
        let mut late: Vec<ExampleEvent> = Vec::new();
        let mut previous: Option<WrittenDigest> = None;
        for day in 0..DAYS {
            let mut delivered: Vec<Value> = Vec::new();
            let today = events.iter().filter(|event| event.region == region && event.at.day() == day).cloned();
            let mut today: Vec<ExampleEvent> = std::mem::take(&mut late).into_iter().chain(today).collect();
            if region == REGION && LATE_DAYS.contains(&day) {
                late = today.iter().rev().take(LATE_EVENTS).cloned().collect();
            }
            if region == REGION && day % SPLIT_EVERY == 3 {
                let evening = today.split_off(today.partition_point(|event| !event.at.is_afternoon()));
                delivered.extend(add_log_file(files, region, Moment::at(day, 12, 5), "", &today)?);
                today = evening;
            }
            delivered.extend(add_log_file(files, region, Moment::at(day, 23, 55), "", &today)?);
            if region == REGION && REPEATED_FILE_DAYS.contains(&day) {
                delivered.extend(add_log_file(files, region, Moment::at(day, 23, 55), "again", &today)?);
            }
            previous = Some(add_digest(files, region, day, &delivered, previous.as_ref())?);
        }
    }
    Ok(())
}

/// `<bucket
/// root>/AWSLogs/<account>/CloudTrail/<region>/<yyyy>/<mm>/<dd>/<account>_CloudTrail_<region>_<time>_<unique>.json.gz`
fn log_file_key(region: &str, delivered: Moment, salt: &str) -> Result<String> {
    let unique = Prng::new(&format!("file in {region} {salt}{}", delivered.rfc3339()?), 0).text(16, ALPHANUMERIC);
    Ok(format!(
        "AWSLogs/{ACCOUNT}/CloudTrail/{region}/{}/{ACCOUNT}_CloudTrail_{region}_{}_{unique}.json.gz",
        delivered.format("%Y/%m/%d")?,
        delivered.format("%Y%m%dT%H%MZ")?,
    ))
}

/// Adds a file, and gives what a digest says of it.
fn add_log_file(
    files: &mut Files,
    region: &str,
    delivered: Moment,
    salt: &str,
    events: &[ExampleEvent],
) -> Result<Option<Value>> {
    let (Some(first), Some(last)) = (events.iter().map(|e| e.at).min(), events.iter().map(|e| e.at).max()) else {
        return Ok(None);
    };
    let records: Vec<&Value> = events.iter().map(|event| &event.record).collect();
    let text = json!({ "Records": records }).to_string();
    let bytes = if region == REGION && delivered.day() == TWO_MEMBER_DAY {
        let (first, second) = text.as_bytes().split_at_checked(text.len() / 2).context("a text has two halves")?;
        [gzip(first)?, gzip(second)?].concat()
    } else {
        gzip(text.as_bytes())?
    };
    let key = log_file_key(region, delivered, salt)?;
    files.insert(format!("trail/{key}"), bytes);
    Ok(Some(json!({
        "s3Bucket": BUCKET,
        "s3Object": key,
        "hashValue": hex(&Sha256::digest(text.as_bytes())),
        "hashAlgorithm": "SHA-256",
        "newestEventTime": last.rfc3339()?,
        "oldestEventTime": first.rfc3339()?,
    })))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `<account>_CloudTrail-Digest_<Region>_<trail>_<home Region>_<end>.json.gz`
fn digest_key(region: &str, end: Moment) -> Result<String> {
    Ok(format!(
        "AWSLogs/{ACCOUNT}/CloudTrail-Digest/{region}/{}/{ACCOUNT}_CloudTrail-Digest_{region}_shop-trail_{REGION}_{}.json.gz",
        end.format("%Y/%m/%d")?,
        end.format("%Y%m%dT%H%M%SZ")?,
    ))
}

/// What the next digest says of one.
struct WrittenDigest {
    key: String,
    hash: String,
}

/// The digest of one day: CloudTrail User Guide, "CloudTrail digest file structure".
fn add_digest(
    files: &mut Files,
    region: &str,
    day: u32,
    delivered: &[Value],
    previous: Option<&WrittenDigest>,
) -> Result<WrittenDigest> {
    let (start, end) = (Moment::at(day, 0, 0), Moment::at(day, 24, 0));
    let key = digest_key(region, end)?;
    let digest = json!({
        "awsAccountId": ACCOUNT,
        "digestStartTime": start.rfc3339()?,
        "digestEndTime": end.rfc3339()?,
        "digestS3Bucket": BUCKET,
        "digestS3Object": key,
        "digestPublicKeyFingerprint": "0".repeat(32),
        "digestSignatureAlgorithm": "SHA256withRSA",
        "newestEventTime": delivered.iter().filter_map(|file| file["newestEventTime"].as_str()).max(),
        "oldestEventTime": delivered.iter().filter_map(|file| file["oldestEventTime"].as_str()).min(),
        "previousDigestS3Bucket": previous.map(|_| BUCKET),
        "previousDigestS3Object": previous.map(|digest| &digest.key),
        "previousDigestHashValue": previous.map(|digest| &digest.hash),
        "previousDigestHashAlgorithm": "SHA-256",
        "previousDigestSignature": previous.map(|_| "0".repeat(512)),
        "logFiles": delivered,
    });
    let text = digest.to_string();
    files.insert(format!("trail/{key}"), gzip(text.as_bytes())?);
    Ok(WrittenDigest { key, hash: hex(&Sha256::digest(text.as_bytes())) })
}

/// One gzip member with no name and no time (RFC 1952). `miniz_oxide` gives the same bytes on each machine,
/// which encoders that choose by CPU features do not promise.
fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 255];
    let mut crc = Crc::new();
    crc.update(content);
    let mut member = HEADER.to_vec();
    member.extend(miniz_oxide::deflate::compress_to_vec(content, 10));
    member.extend(crc.sum().to_le_bytes());
    member.extend(u32::try_from(content.len()).context("a log file is below 4 GiB")?.to_le_bytes());
    Ok(member)
}
