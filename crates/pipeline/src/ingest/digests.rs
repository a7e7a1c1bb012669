//! Digest files: which log files a trail delivered, so that one that is not there is noticed, and one that is
//! not as CloudTrail delivered it.
//!
//! A digest names the files of an hour with their hashes, and lists those before it in a signed chain. It is
//! read before the files that it names; those that were read earlier are read once more for their hash. It is
//! marked as read when all of them were looked at, so a run that is stopped between takes it up again.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::sync::{Mutex, PoisonError};
use std::thread;

use jiff::civil::Date;
use whittle_analysis::issue::{Issue, IssueKind};
use whittle_evidence::ledger::CheckedDigest;
use whittle_evidence::read::digest::{Digest, DigestIntegrity, FileIntegrity, LogFileEntry, PublicKeys, verify_chain};
use whittle_evidence::read::{
    IssueKind as FileIssueKind, KeyKind, Limits, key_kind, parse_key, read_digest, verify_file,
};

use super::{Evidence, file_hint, unavailable, waiting};
use crate::marks::ReadMarks;
use crate::ports::{PortError, PortErrorKind, TrailObjects};
use crate::trail_object::TrailObject;

/// Digests read before the next look at the clock.
const DIGESTS_AT_ONCE: usize = 500;

/// Files that the digests of one run may name: some hundred bytes each in memory. The next run goes on.
const MAX_NAMED_FILES: usize = 200_000;

/// The digests of one reading, and what became of the files that they name.
#[derive(Debug, Default)]
pub(super) struct DigestReading {
    digests: Vec<ReadDigest>,
    /// The named files that are listed now, by the name of the file.
    expected: BTreeMap<String, LogFileEntry>,
    /// By the name of the file.
    outcomes: BTreeMap<String, FileIntegrity>,
    /// Digests that there was no time for.
    pub(super) left: usize,
    /// What is wrong with digests and with files that were read earlier.
    pub(super) issues: Vec<Issue>,
}

#[derive(Debug)]
struct ReadDigest {
    object: TrailObject,
    digest: Digest,
    is_signed: bool,
}

impl DigestReading {
    /// Reads the digests among `others` that were not read before, notes in the ledger what they list, and in
    /// the marks which of the files that they name are neither `listed` now nor were read earlier.
    pub(super) fn begin(
        objects: &impl TrailObjects,
        evidence: &mut Evidence,
        listed: &[TrailObject],
        others: &[TrailObject],
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Self {
        let mut reading = Self::default();
        let new: Vec<&TrailObject> = others
            .iter()
            .filter(|object| key_kind(&object.key) == KeyKind::Digest && !evidence.marks.knows(object))
            .collect();
        if evidence.marks.sources.values().any(|source| !source.missing.is_empty()) {
            let present: BTreeSet<&str> = listed.iter().map(|object| file_name(&object.key)).collect();
            for source in evidence.marks.sources.values_mut() {
                source.missing.retain(|key| !present.contains(file_name(key)));
            }
        }
        if new.is_empty() {
            return reading;
        }
        // A folder lists what was read before, too.
        let to_read = listed.iter().filter(|object| !evidence.marks.knows(object));
        let to_read: BTreeSet<&str> = to_read.map(|object| file_name(&object.key)).collect();
        let known = ReadFiles::of(&evidence.marks);
        let Some(found) = reading.read(objects, &new, &mut evidence.marks, stop) else { return reading };
        reading.digests = unchanged(found, &evidence.reading.public_keys, &mut evidence.marks);
        let earliest = reading.digests.iter().filter_map(|read| Some(read.digest.key()?.date)).min();
        let mut earlier = Vec::new();
        for ReadDigest { object, digest, .. } in &reading.digests {
            evidence.ledger.observe_digest(&object.source, &object.key, digest);
            for entry in digest.log_files() {
                let name = file_name(&entry.object);
                if to_read.contains(name) {
                    reading.expected.insert(name.to_owned(), entry.clone());
                } else if let Some(object) = known.find(entry) {
                    earlier.push((object, entry));
                } else if !is_before(&entry.object, earliest) {
                    let source = evidence.marks.sources.entry(object.source.clone()).or_default();
                    source.missing.insert(entry.object.clone());
                }
            }
        }
        let wanted: Vec<&TrailObject> = earlier.iter().map(|(object, _)| object).collect();
        let contents = read_all(objects, &wanted, stop);
        let mut changed = Vec::new();
        for ((object, entry), content) in earlier.iter().zip(contents) {
            // One that is gone since was read while it was there, and cannot be checked any more.
            let outcome = match content {
                Some(Ok(bytes)) => verify_file(&bytes, &Limits::default(), entry),
                Some(Err(_)) => FileIntegrity::Unknown,
                None => continue,
            };
            reading.outcomes.insert(file_name(&entry.object).to_owned(), outcome);
            if outcome == FileIntegrity::Changed {
                changed.push(object.clone());
            }
        }
        for object in changed {
            let issues = evidence.marks.sources.entry(object.source.clone()).or_default();
            issues.issues.entry(object.key.clone()).or_default().push(changed_file(&object.key));
        }
        reading
    }

    /// What a digest says of the file under a key; `None` if none of this reading names it.
    pub(super) fn entry(&self, key: &str) -> Option<&LogFileEntry> {
        self.expected.get(file_name(key))
    }

    /// Notes what the content of a file that was read turned out to be.
    pub(super) fn note(&mut self, key: &str, integrity: Option<FileIntegrity>) {
        if let Some(integrity) = integrity {
            self.outcomes.insert(file_name(key).to_owned(), integrity);
        }
    }

    /// Notes in the ledger what was checked, and in the marks the digests all of whose files were looked at.
    /// Returns the number of these.
    pub(super) fn end(self, evidence: &mut Evidence) -> usize {
        let mut done: usize = 0;
        for ReadDigest { object, digest, is_signed } in &self.digests {
            let outcomes: Vec<Option<&FileIntegrity>> =
                digest.log_files().iter().map(|entry| self.outcomes.get(file_name(&entry.object))).collect();
            let files = outcomes.iter().all(|outcome| *outcome == Some(&FileIntegrity::Intact));
            let checked = CheckedDigest { files, signature: *is_signed };
            evidence.ledger.observe_checked_digest(&object.source, &object.key, digest, checked);
            let waits = |entry: &LogFileEntry| {
                let name = file_name(&entry.object);
                self.expected.contains_key(name) && !self.outcomes.contains_key(name)
            };
            if !digest.log_files().iter().any(waits) {
                evidence.marks.note_read(object, Vec::new());
                done = done.saturating_add(1);
            }
        }
        done
    }

    /// The digests of `new` that can be read; `None` if reading them is denied altogether.
    fn read(
        &mut self,
        objects: &impl TrailObjects,
        new: &[&TrailObject],
        marks: &mut ReadMarks,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Option<Vec<(TrailObject, Digest)>> {
        let mut found = Vec::new();
        let mut named: usize = 0;
        for (number, batch) in new.chunks(DIGESTS_AT_ONCE).enumerate() {
            if named > MAX_NAMED_FILES {
                self.left = self.left.saturating_add(batch.len());
                continue;
            }
            let contents = read_all(objects, batch, stop);
            if number == 0
                && let Some(issue) = denied(batch, &contents)
            {
                self.issues.push(issue);
                return None;
            }
            for (object, content) in batch.iter().zip(contents) {
                let object = TrailObject::clone(object);
                match content {
                    None => self.left = self.left.saturating_add(1),
                    Some(Ok(bytes)) => match read_digest(&bytes, &Limits::default()) {
                        Ok(digest) => {
                            named = named.saturating_add(digest.log_files().len());
                            found.push((object, digest));
                        }
                        // Without it the files of its time are not known: a gap between the digests says so.
                        Err(error) => {
                            let message = format!("is no digest: {error}");
                            let issue = Issue::new(IssueKind::BadDigest, object.key.clone(), message)
                                .with_hint("fetch the file again; without it missing log files cannot be noticed");
                            marks.note_read(&object, vec![issue]);
                        }
                    },
                    Some(Err(error)) => {
                        marks.note_failed(&object);
                        self.issues.push(unavailable(&object, &error));
                    }
                }
            }
        }
        Some(found)
    }
}

/// The issue if all of these digests may not be read: a missing permission, not the digests.
fn denied(batch: &[&TrailObject], contents: &[Option<Result<Vec<u8>, PortError>>]) -> Option<Issue> {
    let mut first = None;
    for content in contents {
        match content {
            Some(Err(error)) if matches!(error.kind(), PortErrorKind::AccessDenied { .. }) => {
                first = first.or(Some(error));
            }
            _ => return None,
        }
    }
    let (error, object) = (first?, batch.first()?);
    let message = format!("digest files may not be read, so lost trail files cannot be noticed: {error}");
    let hint = error.hint().unwrap_or("let the role read the folders CloudTrail-Digest/ of the bucket");
    Some(Issue::new(IssueKind::AccessDenied, object.source.clone(), message).with_hint(hint))
}

/// The digests without those that the chain shows to be changed: what these list proves nothing.
fn unchanged(found: Vec<(TrailObject, Digest)>, keys: &PublicKeys, marks: &mut ReadMarks) -> Vec<ReadDigest> {
    let (objects, digests): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    let chain = verify_chain(&digests, keys, &|_| None);
    let mut unchanged = Vec::with_capacity(digests.len());
    for ((object, digest), integrity) in objects.into_iter().zip(digests).zip(chain.integrity) {
        if integrity == DigestIntegrity::Changed {
            marks.note_read(&object, vec![changed_file(&object.key)]);
        } else {
            let is_signed = integrity == DigestIntegrity::Signed;
            unchanged.push(ReadDigest { object, digest, is_signed });
        }
    }
    unchanged
}

/// Files that earlier runs read.
struct ReadFiles {
    /// By the name of the file.
    by_name: BTreeMap<String, TrailObject>,
    /// Sources in a bucket, for what their marks stand for.
    buckets: Vec<(String, ReadMarks)>,
}

impl ReadFiles {
    fn of(marks: &ReadMarks) -> Self {
        let mut by_name = BTreeMap::new();
        let mut buckets = Vec::new();
        for (name, source) in &marks.sources {
            for (key, version) in &source.read {
                let object =
                    TrailObject { source: name.clone(), key: key.clone(), version: version.clone(), size_bytes: 0 };
                by_name.insert(file_name(key).to_owned(), object);
            }
            if source.through.is_some() && name.starts_with("s3://") {
                let mut of_source = ReadMarks::default();
                of_source.sources.insert(name.clone(), source.clone());
                buckets.push((name.clone(), of_source));
            }
        }
        Self { by_name, buckets }
    }

    /// The object of a file that was read.
    fn find(&self, entry: &LogFileEntry) -> Option<TrailObject> {
        if let Some(object) = self.by_name.get(file_name(&entry.object)) {
            return Some(object.clone());
        }
        let place = format!("s3://{}/{}", entry.bucket, entry.object);
        self.buckets.iter().find_map(|(source, marks)| {
            let key = place.strip_prefix(source.as_str())?.to_owned();
            let object = TrailObject { source: source.clone(), key, version: String::new(), size_bytes: 0 };
            marks.knows(&object).then_some(object)
        })
    }
}

/// True for a file that was delivered before the day of the first digest: it may lie before what is at hand.
fn is_before(key: &str, earliest: Option<Date>) -> bool {
    parse_key(key).zip(earliest).is_some_and(|(key, earliest)| key.date < earliest)
}

fn changed_file(key: &str) -> Issue {
    let kind = FileIssueKind::Changed;
    Issue::new(kind, key.to_owned(), kind.description()).with_hint(file_hint(kind))
}

fn file_name(key: &str) -> &str {
    key.rsplit(['/', '\\']).next().unwrap_or(key)
}

/// Reads small objects, several at once; `None` for those that there was no time for.
fn read_all(
    objects: &impl TrailObjects,
    wanted: &[&TrailObject],
    stop: &(dyn Fn() -> bool + Sync),
) -> Vec<Option<Result<Vec<u8>, PortError>>> {
    let threads = match objects.parallel_reads() {
        0 => thread::available_parallelism().map_or(1, NonZero::get),
        reads => reads,
    };
    let contents: Vec<_> = wanted.iter().map(|_| Mutex::new(None)).collect();
    let slots: Vec<_> = wanted.iter().zip(&contents).collect();
    waiting::each(&slots, threads, stop, &|_, (object, content)| {
        *content.lock().unwrap_or_else(PoisonError::into_inner) = Some(objects.read(object));
    });
    contents.into_iter().map(|content| content.into_inner().unwrap_or_else(PoisonError::into_inner)).collect()
}

#[cfg(test)]
mod tests;
