//! Over the digests that another implementation signed (`crates/evidence/tests/data/digest`): three hours,
//! one log file, in the second.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use whittle_evidence::read::digest::parse_digest;

use super::*;
use crate::ingest::{IngestSummary, ingest};
use crate::memory::Memory;

const DIGESTS: [&str; 3] = [
    include_str!("../../../../evidence/tests/data/digest/digest-1.json"),
    include_str!("../../../../evidence/tests/data/digest/digest-2.json"),
    include_str!("../../../../evidence/tests/data/digest/digest-3.json"),
];
const KEYS: &str = include_str!("../../../../evidence/tests/data/digest/public-keys.json");
const LOG: &str = include_str!("../../../../evidence/tests/data/digest/log.json");

const ROOT: &str = "s3://example-trail/";

/// A bucket.
#[derive(Debug, Clone, Default)]
struct Bucket {
    /// By key.
    files: BTreeMap<String, String>,
    /// Beginnings of names that may be listed and not read.
    denied: Option<&'static str>,
}

impl Bucket {
    /// The digests with these numbers, and the log file.
    fn new(digests: &[usize]) -> Self {
        let mut bucket = Self::default();
        for number in digests {
            bucket.put_digest(DIGESTS[*number]);
        }
        bucket.files.insert(log_key(), LOG.to_owned());
        bucket
    }

    fn put_digest(&mut self, text: &str) {
        self.files.insert(parse_digest(text).unwrap().object, text.to_owned());
    }
}

fn log_key() -> String {
    parse_digest(DIGESTS[1]).unwrap().log_files()[0].object.clone()
}

impl TrailObjects for Bucket {
    fn list(&self, _: &ReadMarks) -> Result<(Vec<TrailObject>, Vec<Issue>), PortError> {
        let object = |(key, text): (&String, &String)| {
            // The folder of a Region is a source, as in a bucket.
            let (folder, file) = key.split_once("/2026/").unwrap();
            TrailObject {
                source: format!("{ROOT}{folder}/"),
                key: format!("2026/{file}"),
                version: text.len().to_string(),
                size_bytes: 1,
            }
        };
        let mut objects: Vec<TrailObject> = self.files.iter().map(object).collect();
        objects.sort();
        Ok((objects, Vec::new()))
    }

    fn read(&self, object: &TrailObject) -> Result<Vec<u8>, PortError> {
        if self.denied.is_some_and(|part| object.source.contains(part)) {
            let kind = PortErrorKind::AccessDenied { action: "s3:GetObject".to_owned() };
            return Err(PortError::new(kind, "may not be read"));
        }
        let key = format!("{}{}", object.source, object.key);
        let text = self.files.get(key.strip_prefix(ROOT).unwrap());
        text.map(|text| text.clone().into_bytes()).ok_or_else(|| PortError::new(PortErrorKind::NotFound, "is gone"))
    }
}

/// One run after the other over the same store.
#[derive(Default)]
struct Runs {
    store: Memory,
    with_keys: bool,
}

impl Runs {
    fn run_until(&mut self, bucket: &Bucket, stop: &(dyn Fn() -> bool + Sync)) -> (IngestSummary, Vec<Issue>) {
        let mut evidence = Evidence::load(&mut self.store).unwrap();
        if self.with_keys {
            evidence.reading.public_keys = PublicKeys::parse(KEYS).unwrap();
        }
        let (summary, mut issues) = ingest(bucket, &mut self.store, &mut evidence, &mut (), stop).unwrap();
        issues.extend(evidence.marks.issues());
        assert!(self.store.ledger == evidence.ledger && self.store.marks == evidence.marks, "all is saved");
        (summary, issues)
    }

    fn run(&mut self, bucket: &Bucket) -> Vec<Issue> {
        self.run_until(bucket, &|| false).1
    }

    /// Spans of a quarter of an hour: digested, verified, signed.
    fn spans(&self) -> (usize, usize, usize) {
        let facts = self.store.ledger.account().regions_of("111122223333");
        facts.fold((0, 0, 0), |sum, (_, facts)| {
            (sum.0 + facts.digested.len(), sum.1 + facts.verified.len(), sum.2 + facts.signed.len())
        })
    }
}

fn kinds(issues: &[Issue]) -> Vec<&str> {
    issues.iter().map(|issue| issue.kind.as_str()).collect()
}

#[test]
fn files_are_compared_with_their_digests_and_digests_with_the_keys() {
    let mut runs = Runs::default();
    assert_eq!(runs.run(&Bucket::new(&[0, 1, 2])), []);
    let (digested, verified, signed) = runs.spans();
    assert!(digested > 0 && verified == digested && signed == 0, "{:?}", runs.spans());
    let mut runs = Runs { with_keys: true, ..Runs::default() };
    assert_eq!(runs.run(&Bucket::new(&[0, 1, 2])), []);
    let (digested, verified, signed) = runs.spans();
    // The signature of the newest stands in the next one.
    assert!(verified == digested && signed > 0 && signed < digested, "{:?}", runs.spans());
}

#[test]
fn a_changed_log_file_is_used_and_proves_no_absence() {
    let mut bucket = Bucket::new(&[0, 1, 2]);
    bucket.files.insert(log_key(), format!("{LOG} "));
    let mut runs = Runs::default();
    let issues = runs.run(&bucket);
    assert_eq!(kinds(&issues), ["changed-file"]);
    assert!(issues[0].kind.loses_evidence() && issues[0].hint.contains("who changed it"), "{issues:?}");
    let (digested, verified, _) = runs.spans();
    assert!(verified < digested, "{:?}", runs.spans());
    assert!(runs.store.ledger.account().regions_of("111122223333").any(|(_, facts)| !facts.any.is_empty()));
}

#[test]
fn a_changed_digest_proves_nothing() {
    let mut bucket = Bucket::new(&[0, 2]);
    bucket.put_digest(&DIGESTS[1].replace("\"s3Object\"", "\"s3Object\" "));
    let mut runs = Runs::default();
    let issues = runs.run(&bucket);
    assert_eq!(kinds(&issues), ["changed-file"]);
    assert!(issues[0].place.contains("CloudTrail-Digest"), "{issues:?}");
    let mut whole = Runs::default();
    whole.run(&Bucket::new(&[0, 1, 2]));
    assert!(runs.spans().0 < whole.spans().0);
}

#[test]
fn a_file_that_a_digest_names_and_that_is_not_there_is_lost_in_its_region() {
    let mut bucket = Bucket::new(&[0, 1, 2]);
    bucket.files.remove(&log_key());
    let mut runs = Runs::default();
    let issues = runs.run(&bucket);
    assert_eq!(kinds(&issues), ["missing-trail-file"]);
    assert_eq!(parse_key(&issues[0].place).unwrap().region, "us-east-1");
    // It comes with the next copy.
    assert_eq!(runs.run(&Bucket::new(&[0, 1, 2])), []);
}

#[test]
fn files_that_were_read_before_their_digest_are_looked_at_again() {
    let mut runs = Runs::default();
    assert_eq!(runs.run(&Bucket::new(&[0])), []);
    let before = runs.spans();
    assert_eq!(runs.run(&Bucket::new(&[0, 1, 2])), []);
    let (digested, verified, _) = runs.spans();
    assert!(digested > before.0 && verified == digested, "{:?}", runs.spans());
    // Of a file that somebody changed after it was read, and of one that was deleted.
    let mut runs = Runs::default();
    runs.run(&Bucket::new(&[]));
    let mut bucket = Bucket::new(&[0, 1, 2]);
    bucket.files.insert(log_key(), format!("{LOG} "));
    // Same size for the marks: it is not read as a new version.
    let object =
        bucket.list(&ReadMarks::default()).unwrap().0.into_iter().find(|object| !object.source.contains("Digest"));
    runs.store.marks.note_read(&object.unwrap(), Vec::new());
    assert_eq!(kinds(&runs.run(&bucket)), ["changed-file"]);
    let mut runs = Runs::default();
    runs.run(&Bucket::new(&[]));
    let mut bucket = Bucket::new(&[0, 1, 2]);
    bucket.files.remove(&log_key());
    assert_eq!(runs.run(&bucket), [], "it was read while it was there");
    assert!(runs.spans().1 < runs.spans().0);
}

#[test]
fn digests_that_may_not_be_read_lose_nothing_but_themselves() {
    let mut bucket = Bucket::new(&[0, 1, 2]);
    bucket.denied = Some("Digest");
    let mut runs = Runs::default();
    let issues = runs.run(&bucket);
    assert_eq!(kinds(&issues), ["access-denied"]);
    assert!(!issues[0].kind.loses_evidence());
    assert_eq!(runs.spans(), (0, 0, 0));
    bucket.denied = None;
    assert_eq!(runs.run(&bucket), []);
    assert!(runs.spans().1 > 0);
}

#[test]
fn a_run_that_stops_takes_the_digests_up_again() {
    let bucket = Bucket::new(&[0, 1, 2]);
    let mut runs = Runs::default();
    let (summary, _) = runs.run_until(&bucket, &|| true);
    assert!(summary.left >= 3, "{summary:?}");
    // Stopped between the digests and the files.
    let asked = AtomicUsize::new(0);
    let stop = || asked.fetch_add(1, Ordering::Relaxed) > 3;
    let (summary, _) = runs.run_until(&bucket, &stop);
    assert!(summary.left > 0, "{summary:?}");
    assert_eq!(runs.run(&bucket), []);
    let (digested, verified, _) = runs.spans();
    assert!(digested > 0 && verified == digested, "{:?}", runs.spans());
}

#[test]
fn a_file_of_the_day_before_the_first_digest_is_not_missed() {
    let text = DIGESTS[1].replace("/2026/09/01/111122223333_CloudTrail_", "/2026/08/31/111122223333_CloudTrail_");
    assert_ne!(text, DIGESTS[1]);
    let mut bucket = Bucket::default();
    bucket.put_digest(&text);
    assert_eq!(Runs::default().run(&bucket), []);
}
