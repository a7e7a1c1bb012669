//! Trail objects → ledger: lists, skips what was read before, reads the rest on all cores, saves after each
//! batch.
//!
//! A batch is the unit of loss: a kill between two saves costs the reading of one batch and nothing else,
//! since observing an event twice changes nothing.

use rayon::prelude::*;
use whittle_analysis::issue::{Issue, IssueKind, merge_issues};
use whittle_evidence::ledger::{KeptRoles, Ledger, RecordSource};
use whittle_evidence::map::Mapper;
use whittle_evidence::read::digest::PublicKeys;
use whittle_evidence::read::{
    FileReport, IssueKind as FileIssueKind, Limits, RecordOrigin, RecordRef, key_kind, read_bytes, read_verified,
};
use whittle_evidence::record::RecordFault;

use crate::marks::ReadMarks;
use crate::ports::{EvidenceBatch, PortError, PortErrorKind, Store, TrailObjects};
use crate::trail_object::TrailObject;

mod digests;
mod waiting;

use digests::DigestReading;

/// Objects read between two saves where reading means waiting: small files take as long as larger ones.
const BATCH_OBJECTS: usize = 2_000;

/// Summary of the reading of trail objects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IngestSummary {
    /// Objects found.
    pub objects: usize,
    /// Objects read now.
    pub read: usize,
    /// Objects that were read by an earlier run.
    pub known: usize,
    /// Digest, Insights and other objects that hold no events, by their key.
    pub not_events: usize,
    /// Records read now.
    pub records: u64,
    /// Records passed over now: not events of CloudTrail.
    pub skipped: u64,
    /// Records that could not be read now.
    pub unreadable: u64,
    /// Objects left for the next run, since there was no time.
    pub left: usize,
    /// Objects left for the next run, since reading was denied for all of those before them.
    pub denied: usize,
}

impl IngestSummary {
    /// Adds the report on one object, and its issues to `issues`.
    pub fn add(&mut self, report: &ObjectReport, issues: &mut Vec<Issue>) {
        match report {
            Ok(report) => {
                self.records += report.records;
                self.skipped += report.skipped.values().sum::<u64>();
                self.unreadable += report.unreadable;
                issues.extend(issues_of(report));
            }
            Err(issue) => issues.push(issue.clone()),
        }
    }
}

/// Report on one object; the issue if it could not be read at all.
pub type ObjectReport = Result<FileReport, Issue>;

/// Progress of the reading.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct IngestStep {
    /// Bytes (as stored) read so far.
    pub bytes_done: u64,
    /// Bytes to read in this run.
    pub bytes_total: u64,
    /// Records read so far.
    pub records: u64,
}

/// Receives the progress of the reading.
pub trait IngestObserver {
    /// Called after each group of objects.
    fn step(&mut self, step: &IngestStep);
}

/// Ignores progress.
impl IngestObserver for () {
    fn step(&mut self, _: &IngestStep) {}
}

/// The ledger, and the marks of what is in it.
#[derive(Debug, Default)]
pub struct Evidence {
    /// Everything read so far.
    pub ledger: Ledger,
    /// Marks of what was read.
    pub marks: ReadMarks,
    /// How more of it is read.
    pub reading: ReadingSettings,
}

/// How evidence is read.
#[derive(Debug, Clone, Default)]
pub struct ReadingSettings {
    /// CloudTrail's public keys, where they are at hand: they check the signatures of digests.
    pub public_keys: PublicKeys,
    /// The roles whose usage is kept in full.
    pub kept_roles: KeptRoles,
    /// Bounds on memory.
    pub bounds: ReadingBounds,
}

/// Bounds on what reading holds in memory at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadingBounds {
    /// Bytes (as stored) that are read between two saves, and so are held at once at most.
    pub batch_bytes: u64,
    /// Bytes that one object may inflate to; there is one for each core at once.
    pub inflated_bytes: usize,
}

impl Default for ReadingBounds {
    fn default() -> Self {
        Self { batch_bytes: 64 * MIB, inflated_bytes: Limits::default().max_inflated_bytes }
    }
}

impl ReadingBounds {
    /// For a process that may use so many bytes on so many cores: an eighth for objects as stored and a
    /// quarter for inflated ones. Never less than CloudTrail's own files need, which hold 50 MB at most
    /// (CloudTrail User Guide, "Quotas in AWS CloudTrail").
    pub fn for_memory(bytes: u64, cores: u64) -> Self {
        let default = Self::default();
        let most = u64::try_from(default.inflated_bytes).unwrap_or(u64::MAX);
        let inflated = (bytes / 4 / cores.max(1)).clamp(52 * MIB, most);
        Self {
            batch_bytes: (bytes / 8).clamp(8 * MIB, default.batch_bytes),
            inflated_bytes: usize::try_from(inflated).unwrap_or(default.inflated_bytes),
        }
    }
}

const MIB: u64 = 1024 * 1024;

impl Evidence {
    /// Loads the evidence of earlier runs.
    pub fn load(store: &mut impl Store) -> Result<Self, PortError> {
        // The ledger first: marks of the same state or an older one make objects be read twice at worst.
        let ledger = store.load_ledger()?;
        let marks = store.read_marks()?;
        // A store of an earlier layout does not say what was read where: everything is read again.
        let marks = if ledger.account().is_of_earlier_layout() { ReadMarks::default() } else { marks };
        Ok(Self { ledger, marks, reading: ReadingSettings::default() })
    }
}

/// Adds every new object of `objects` to the evidence and to the store. `stop` is asked after each batch;
/// what is left then is in [`IngestSummary::left`]. Returns the issues of this reading; those of objects are
/// in the marks.
pub fn ingest(
    objects: &impl TrailObjects,
    store: &mut impl Store,
    evidence: &mut Evidence,
    observer: &mut dyn IngestObserver,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<(IngestSummary, Vec<Issue>), PortError> {
    let ListedObjects { events: listed, others, mut summary, mut issues } = list_objects(objects, &evidence.marks)?;
    if evidence.ledger.account().is_of_earlier_layout() {
        issues.push(earlier_store());
    }
    let mut digests = DigestReading::begin(objects, evidence, &listed, &others, stop);
    issues.append(&mut digests.issues);
    let (old, new): (Vec<_>, Vec<_>) = listed.into_iter().partition(|object| evidence.marks.knows(object));
    summary.known = old.len();
    let mut progress =
        IngestStep { bytes_total: new.iter().map(|object| object.size_bytes).sum(), ..IngestStep::default() };
    let mut rest = new.as_slice();
    while let Some((batch, tail)) = next_batch(rest, objects.parallel_reads(), &evidence.reading.bounds) {
        if stop() {
            break;
        }
        let (part, reports) =
            read_batch(objects, batch, ReadingContext { digests: &digests, reading: &evidence.reading });
        if is_denied(objects, &reports, tail) {
            // A missing permission, not the objects: none of them is marked, so the next run finds them as
            // they are.
            issues.extend(denied_issue(rest, &reports));
            summary.denied = rest.len();
            rest = &[];
            break;
        }
        let reports: Vec<ObjectReport> =
            reports.into_iter().map(|report| report.map_err(|unread| unread.issue)).collect();
        rest = tail;
        evidence.ledger.merge(&part);
        let mut saved = Vec::with_capacity(batch.len());
        for (object, report) in batch.iter().zip(&reports) {
            let mut found = Vec::new();
            summary.add(report, &mut found);
            if let Ok(report) = report {
                digests.note(&object.key, report.integrity);
                evidence.marks.note_read(object, found);
                saved.push(object.clone());
            } else {
                // Not read, so the next run tries again.
                evidence.marks.note_failed(object);
                issues.extend(found);
            }
        }
        summary.read += saved.len();
        objects.compact(&mut evidence.marks, tail.first());
        store.save_evidence(EvidenceBatch { ledger: &evidence.ledger, objects: &saved, marks: &evidence.marks })?;
        progress.bytes_done += batch.iter().map(|object| object.size_bytes).sum::<u64>();
        progress.records = summary.records;
        observer.step(&progress);
    }
    issues.extend(not_read_yet(rest));
    summary.left = rest.len().saturating_add(digests.left);
    let digests = digests.end(evidence);
    if digests > 0 {
        objects.compact(&mut evidence.marks, rest.first());
        store.save_evidence(EvidenceBatch { ledger: &evidence.ledger, objects: &[], marks: &evidence.marks })?;
    }
    Ok((summary, merge_issues(issues)))
}

/// Reads objects without a store: for looking into a trail. `public_keys` check the signatures of digests.
pub fn read_all(
    objects: &impl TrailObjects,
    public_keys: PublicKeys,
) -> Result<(Ledger, IngestSummary, Vec<Issue>), PortError> {
    let reading = ReadingSettings { public_keys, ..ReadingSettings::default() };
    let mut evidence = Evidence { reading, ..Evidence::default() };
    let ListedObjects { events, others, mut summary, mut issues } = list_objects(objects, &evidence.marks)?;
    let mut digests = DigestReading::begin(objects, &mut evidence, &events, &others, &|| false);
    issues.append(&mut digests.issues);
    issues.extend(evidence.marks.issues());
    summary.read = events.len();
    let (ledger, reports) =
        read_batch(objects, &events, ReadingContext { digests: &digests, reading: &evidence.reading });
    evidence.ledger.merge(&ledger);
    for (object, report) in events.iter().zip(reports) {
        if let Ok(report) = &report {
            digests.note(&object.key, report.integrity);
        }
        summary.add(&report.map_err(|unread| unread.issue), &mut issues);
    }
    digests.end(&mut evidence);
    Ok((evidence.ledger, summary, merge_issues(issues)))
}

/// Objects of a trail, by what their keys say.
struct ListedObjects {
    /// They hold events.
    events: Vec<TrailObject>,
    /// Digests and others, which hold none.
    others: Vec<TrailObject>,
    summary: IngestSummary,
    issues: Vec<Issue>,
}

/// Lists the objects that hold events, by their keys. Reads none.
pub(crate) fn list_events(
    objects: &impl TrailObjects,
    marks: &ReadMarks,
) -> Result<(Vec<TrailObject>, IngestSummary, Vec<Issue>), PortError> {
    let listed = list_objects(objects, marks)?;
    Ok((listed.events, listed.summary, listed.issues))
}

fn list_objects(objects: &impl TrailObjects, marks: &ReadMarks) -> Result<ListedObjects, PortError> {
    let (listed, issues) = objects.list(marks)?;
    let mut summary = IngestSummary { objects: listed.len(), ..IngestSummary::default() };
    let (others, events): (Vec<_>, Vec<_>) =
        listed.into_iter().partition(|object| key_kind(&object.key).can_be_skipped());
    summary.not_events = others.len();
    Ok(ListedObjects { events, others, summary, issues })
}

/// The next objects to read before a save, and those after them.
fn next_batch<'o>(
    objects: &'o [TrailObject],
    parallel_reads: usize,
    bounds: &ReadingBounds,
) -> Option<(&'o [TrailObject], &'o [TrailObject])> {
    if objects.is_empty() {
        return None;
    }
    let most = if parallel_reads == 0 { usize::MAX } else { BATCH_OBJECTS };
    let mut bytes = 0_u64;
    let count = objects
        .iter()
        .take(most)
        .take_while(|object| {
            let fits = bytes == 0 || bytes.saturating_add(object.size_bytes) <= bounds.batch_bytes;
            bytes = bytes.saturating_add(object.size_bytes.max(1));
            fits
        })
        .count();
    Some(objects.split_at(count.max(1).min(objects.len())))
}

/// An object that was not read.
struct UnreadObject {
    issue: Issue,
    /// A permission is missing.
    denied: bool,
}

/// Reads objects in parallel. Merging is associative and commutative, so the threads' order does not matter.
fn read_batch(
    objects: &impl TrailObjects,
    batch: &[TrailObject],
    context: ReadingContext<'_>,
) -> (Ledger, Vec<Result<FileReport, UnreadObject>>) {
    let mut parts: Vec<BatchPart<'_>> = match objects.parallel_reads() {
        0 => batch
            .par_iter()
            .enumerate()
            .fold(
                || BatchPart::new(context),
                |mut part, (index, object)| {
                    let bytes = objects.read(object);
                    part.take(index, object, bytes);
                    part
                },
            )
            .collect(),
        reads => waiting::read(objects, batch, reads, context),
    };
    let mut ledger = Ledger::default();
    let mut reports = Vec::with_capacity(batch.len());
    for part in parts.drain(..) {
        ledger.merge(&part.ledger);
        reports.extend(part.reports);
    }
    reports.sort_by_key(|(index, _)| *index);
    (ledger, reports.into_iter().map(|(_, report)| report).collect())
}

/// The sources of one object's records, each made once.
struct SourcesOfObject<'o> {
    object: &'o TrailObject,
    known: Option<(RecordOrigin, RecordSource)>,
}

impl<'o> SourcesOfObject<'o> {
    fn new(object: &'o TrailObject) -> Self {
        Self { object, known: None }
    }

    fn of(&mut self, origin: RecordOrigin) -> &RecordSource {
        let known = self.known.take().filter(|(of, _)| *of == origin);
        let made = || (origin, RecordSource::of(&self.object.source, &self.object.key, origin));
        &self.known.insert(known.unwrap_or_else(made)).1
    }
}

/// What every thread of a reading looks at.
#[derive(Debug, Clone, Copy)]
struct ReadingContext<'d> {
    digests: &'d DigestReading,
    reading: &'d ReadingSettings,
}

/// The part of a batch that one thread read.
struct BatchPart<'d> {
    context: ReadingContext<'d>,
    ledger: Ledger,
    mapper: Mapper,
    /// By position in the batch.
    reports: Vec<(usize, Result<FileReport, UnreadObject>)>,
}

impl<'d> BatchPart<'d> {
    fn new(context: ReadingContext<'d>) -> Self {
        Self { context, ledger: Ledger::default(), mapper: Mapper::default(), reports: Vec::new() }
    }

    fn take(&mut self, index: usize, object: &TrailObject, bytes: Result<Vec<u8>, PortError>) {
        let report = match bytes {
            Ok(bytes) => Ok(self.observe(object, &bytes)),
            Err(error) => Err(UnreadObject {
                issue: unavailable(object, &error),
                denied: matches!(error.kind(), PortErrorKind::AccessDenied { .. }),
            }),
        };
        self.reports.push((index, report));
    }

    fn observe(&mut self, object: &TrailObject, bytes: &[u8]) -> FileReport {
        let Self { ledger, mapper, context: ReadingContext { digests, reading }, .. } = self;
        let mut sources = SourcesOfObject::new(object);
        let mut has_calls = false;
        let mut sink = |found: RecordRef<'_, '_>| {
            has_calls |= found.record.event_category.as_deref() != Some("NetworkActivity");
            ledger.observe_kept(found.record, sources.of(found.origin), mapper, &reading.kept_roles);
        };
        let limits = Limits { max_inflated_bytes: reading.bounds.inflated_bytes, ..Limits::default() };
        let report = match digests.entry(&object.key) {
            Some(entry) => read_verified(&object.key, bytes, &limits, entry, &mut sink),
            None => read_bytes(&object.key, bytes, &limits, &mut sink),
        };
        // CloudTrail delivers no file without a record, and network activity apart from management and data
        // events.
        if has_calls && !report.issues_lose_records() {
            ledger.observe_file(&object.source, &object.key);
        }
        report
    }
}

/// True if reading is denied altogether: for all of a batch, and for the newest object too. (Files of some
/// months may be encrypted with another key, and then the others can still be read.)
fn is_denied(objects: &impl TrailObjects, reports: &[Result<FileReport, UnreadObject>], tail: &[TrailObject]) -> bool {
    let denied = |error: &PortError| matches!(error.kind(), PortErrorKind::AccessDenied { .. });
    reports.iter().all(|report| matches!(report, Err(unread) if unread.denied))
        && tail.last().is_none_or(|newest| objects.read(newest).is_err_and(|error| denied(&error)))
}

fn earlier_store() -> Issue {
    let message = "was written by an earlier version, which did not keep where events were read: \
                   all files that are still there are read again, and what it knew counts as use alone";
    Issue::new(IssueKind::EarlierStore, "store", message)
        .with_hint("nothing to do; files that are gone since then prove no absence")
}

/// One issue for the objects of each source that there was no time for, at the newest of them.
fn not_read_yet(rest: &[TrailObject]) -> Vec<Issue> {
    let of_source = rest.chunk_by(|one, other| one.source == other.source);
    let issue = |objects: &[TrailObject]| {
        let newest = objects.last()?;
        let mut issue = Issue::new(IssueKind::NotReadYet, newest.key.clone(), "is left for the next run")
            .with_hint("nothing to do: the next run goes on, and until then nothing of this Region is called unused");
        issue.count = u64::try_from(objects.len()).unwrap_or(u64::MAX);
        Some(issue)
    };
    of_source.filter_map(issue).collect()
}

/// One issue for all objects of which none may be read.
fn denied_issue(objects: &[TrailObject], reports: &[Result<FileReport, UnreadObject>]) -> Option<Issue> {
    let (first, report) = (objects.first()?, reports.first()?);
    let mut issue = report.as_ref().err()?.issue.clone();
    issue.place.clone_from(&first.source);
    issue.count = u64::try_from(objects.len()).unwrap_or(u64::MAX);
    Some(issue)
}

/// The issue for an object that is listed and cannot be read.
pub(crate) fn unavailable(object: &TrailObject, error: &PortError) -> Issue {
    Issue::new(IssueKind::Unavailable, object.key.clone(), error.to_string())
        .with_hint(error.hint().unwrap_or("make the file readable; until then nothing is called unused"))
}

/// Issues of a trail file.
pub fn issues_of(report: &FileReport) -> Vec<Issue> {
    let mut out = Vec::new();
    for (kind, count) in &report.issue_counts {
        let first = report.issues.iter().find(|issue| issue.kind == *kind);
        let detail = first.map(|issue| issue.detail.clone()).unwrap_or_default();
        let at = first.and_then(|issue| issue.index).map(|index| format!("record {index} ")).unwrap_or_default();
        let detail = if detail.is_empty() { detail } else { format!(": {detail}") };
        let message = format!("{at}{}{detail}", kind.description());
        let mut issue = Issue::new(*kind, report.name.to_string(), message);
        issue.count = *count;
        issue = issue.with_hint(file_hint(*kind));
        out.push(issue);
    }
    out.extend(without_text(report, &report.name));
    out
}

/// An entry that names an event and does not hold it hides what somebody did; a record that lacks its time or
/// its name does not (CloudTrail writes no such event of a principal).
pub(crate) fn without_text(report: &FileReport, place: &str) -> Option<Issue> {
    let fault = RecordFault::MissingField("CloudTrailEvent").to_string();
    let count = report.issues.iter().filter(|issue| issue.detail == fault).count();
    (count > 0).then(|| {
        let message = "entries of event history came without their event";
        let mut issue = Issue::new(IssueKind::EventWithoutText, place, message)
            .with_hint("until they are out of the window nothing is called unused; a trail's files would hold them");
        issue.count = u64::try_from(count).unwrap_or(u64::MAX);
        issue
    })
}

/// What a fault of a file costs, and what to do.
fn file_hint(kind: FileIssueKind) -> &'static str {
    match kind {
        FileIssueKind::UnreadableRecord => {
            "it is no call of a role, so nothing is lost; CloudTrail writes no such record: find out who did"
        }
        FileIssueKind::OddField => "the rest of the record counts",
        FileIssueKind::InvalidUtf8 => "names that hold such bytes are left out, and the rest of each record counts",
        FileIssueKind::TrailingBytes => "what came before them counts",
        FileIssueKind::UnknownShape => {
            "give the trail's own files, or events as `aws cloudtrail lookup-events` answers them, in its place; \
             until then nothing is called unused (a store remembers it: start a new one once it is gone)"
        }
        FileIssueKind::LostRecord | FileIssueKind::NoIdentity => {
            "until the record is out of the window nothing is called unused"
        }
        FileIssueKind::TooLarge => "split the file; until then nothing is called unused",
        FileIssueKind::Changed => {
            "find out who changed it; until it is out of the window nothing of its Region is called unused"
        }
        _ => "fetch the file again; until then nothing is called unused",
    }
}

#[cfg(test)]
mod tests;
