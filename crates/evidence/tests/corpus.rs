//! Every file of the CloudTrail corpus, if it lies beside the project, is read and accounted for.

#![expect(clippy::unwrap_used, reason = "what a test cannot read is a failure of the test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use whittle_catalog::catalog;
use whittle_evidence::attribute::{Caller, CallerKey, FunctionRef, RoleFunctions, attribute, resolve};
use whittle_evidence::ledger::{Ledger, RecordSource};
use whittle_evidence::map::{Basis, EventClass, Mapper};
use whittle_evidence::read::{FileReport, Limits, RecordRef, key_kind, read_bytes};
use whittle_evidence::record::SkipReason;

/// The corpus, beside the workspace; `None` where a checkout has none.
fn corpus() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent()?.parent()?;
    let folder = root.canonicalize().ok()?.parent()?.join("shared/corpus/cloudtrail");
    folder.is_dir().then_some(folder)
}

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, out);
        } else if path.extension().is_some_and(|extension| ["json", "gz", "ndjson"].iter().any(|e| extension == *e)) {
            out.push(path);
        }
    }
}

fn read(path: &Path, sink: &mut dyn FnMut(RecordRef<'_, '_>)) -> FileReport {
    let report = read_bytes(&path.to_string_lossy(), &fs::read(path).unwrap(), &Limits::default(), sink);
    assert_eq!(
        report.total(),
        report.records + report.unreadable + report.skipped.values().sum::<u64>(),
        "{}",
        path.display()
    );
    report
}

fn read_folder(folder: &Path) -> (u64, u64, BTreeMap<SkipReason, u64>) {
    let mut paths = Vec::new();
    files(folder, &mut paths);
    assert!(!paths.is_empty(), "{}", folder.display());
    let (mut records, mut unreadable, mut skipped) = (0, 0, BTreeMap::new());
    for path in paths {
        let mut seen = 0;
        let report = read(&path, &mut |_| seen += 1);
        assert_eq!(seen, report.records);
        records += report.records;
        unreadable += report.unreadable;
        for (reason, count) in report.skipped {
            *skipped.entry(reason).or_default() += count;
        }
    }
    (records, unreadable, skipped)
}

#[test]
fn counts_are_those_of_the_source_notes() {
    let Some(corpus) = corpus() else { return };
    let none = BTreeMap::new();
    assert_eq!(read_folder(&corpus.join("invictus")), (2_900, 0, none.clone()));
    assert_eq!(read_folder(&corpus.join("schema-versions")), (21, 0, none));
    let skipped = BTreeMap::from([(SkipReason::NotCloudTrail, 13)]);
    // One of the bare records has no `eventTime`.
    assert_eq!(read_folder(&corpus.join("eventbridge")), (24, 1, skipped));
    // Five of the hand-edited records have no time, or `redacted` or `...` for one.
    let (records, unreadable, skipped) = read_folder(&corpus.join("odd-shapes"));
    assert_eq!((records + unreadable, skipped.len()), (120, 0));
    assert_eq!(unreadable, 5);
    let skipped = BTreeMap::from([(SkipReason::Digest, 1), (SkipReason::Insight, 1), (SkipReason::Aggregated, 1)]);
    assert_eq!(read_folder(&corpus.join("not-events")), (0, 0, skipped));
    let mut paths = Vec::new();
    files(&corpus.join("not-events"), &mut paths);
    assert!(paths.iter().all(|path| key_kind(&path.to_string_lossy()).can_be_skipped()));
}

#[test]
fn shapes_of_execution_role_events_are_attributed() {
    let Some(corpus) = corpus() else { return };
    let functions = RoleFunctions::new(
        ["orders-ingest", "orders-export"].map(|name| format!("arn:aws:lambda:us-east-1:111122223333:function:{name}")),
    );
    let mut mapper = Mapper::default();
    let mut lines = Vec::new();
    let report = read(&corpus.join("lambda-role-shapes.ndjson"), &mut |read| {
        let meaning = mapper.map(read.record);
        let actions: Vec<&str> = meaning.uses.iter().map(|used| catalog().info(used.action).name()).collect();
        let Some(by) = attribute(read.record) else {
            lines.push(format!("none | {} {}", actions.join(","), meaning.outcome.as_str()));
            return;
        };
        assert_eq!(by.role_id, "AROAEXAMPLEORDERSROLE");
        let key = by.caller.to_key();
        let version = match &key {
            CallerKey::Function { version: Some(version), .. } => format!(":{version}"),
            _ => String::new(),
        };
        let who = match resolve(&key, &functions) {
            Caller::Function(FunctionRef::Arn(arn)) => arn.rsplit(':').next().unwrap_or_default().to_owned(),
            Caller::Function(other) => format!("{other:?}"),
            Caller::Platform { function_name } => format!("platform {}", function_name.unwrap_or_default()),
            Caller::Other => "other".to_owned(),
        };
        let via = by.forwarded_by.map_or(String::new(), |service| format!(" via {service}"));
        lines.push(format!("{who}{version}{via} | {} {}", actions.join(","), meaning.outcome.as_str()));
    });
    assert_eq!((report.records, report.total()), (20, 20));
    let expect = include_str!("data/role-shapes-by-line.txt");
    for (number, (line, expect)) in lines.iter().zip(expect.lines()).enumerate() {
        assert_eq!(line, expect, "line {}", number + 1);
    }
    assert_eq!(lines.len(), expect.lines().count());
}

#[test]
fn every_event_of_the_corpus_has_a_class_and_calls_have_an_action() {
    let Some(corpus) = corpus() else { return };
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    let mut unknown: BTreeMap<(String, String), u64> = BTreeMap::new();
    let mut paths = Vec::new();
    files(&corpus, &mut paths);
    let mut mapper = Mapper::default();
    let mut records = 0;
    for path in paths {
        records += read(&path, &mut |read| {
            let meaning = mapper.map(read.record);
            let word = match (meaning.class, meaning.uses.first()) {
                (EventClass::Actions, Some(used)) if meaning.used().is_empty() => match used.basis {
                    Basis::Primary => "actions, not authorised",
                    Basis::Secondary => "secondary actions, not authorised",
                },
                (EventClass::Actions, Some(used)) => match used.basis {
                    Basis::Primary => "actions",
                    Basis::Secondary => "secondary actions only",
                },
                (EventClass::Actions, None) => "possible actions only",
                (class, _) => class.as_str(),
            };
            *counts.entry(word).or_default() += 1;
            let pair = (read.record.event_source.as_str(), read.record.event_name.as_str());
            if meaning.class == EventClass::Unknown {
                *unknown.entry((pair.0.to_owned(), pair.1.to_owned())).or_default() += 1;
            }
            if meaning.class == EventClass::Actions {
                assert!(
                    meaning.reason.is_none() && !(meaning.uses.is_empty() && meaning.possible.is_empty()),
                    "{pair:?}"
                );
            }
            if matches!(meaning.class, EventClass::NoPermission | EventClass::NotACall) {
                assert!(meaning.reason.is_some(), "{pair:?}");
            }
        })
        .records;
    }
    assert_eq!(unknown, BTreeMap::new());
    assert_eq!(counts.values().sum::<u64>(), records);
    let expect = BTreeMap::from([
        ("actions", 2_919),
        ("actions, not authorised", 74),
        ("no-permission", 21),
        ("not-a-call", 66),
    ]);
    assert_eq!(counts, expect);
}

#[test]
fn the_whole_corpus_gives_one_ledger_in_any_order() {
    let Some(corpus) = corpus() else { return };
    let mut paths = Vec::new();
    files(&corpus, &mut paths);
    let ledger = |paths: &[PathBuf]| {
        let mut ledger = Ledger::default();
        for path in paths {
            let mut part = Ledger::default();
            let mut mapper = Mapper::default();
            read(path, &mut |read| {
                part.observe_record(read.record, &RecordSource::default(), &mut mapper);
            });
            ledger.merge(&part);
        }
        ledger.to_bytes().unwrap()
    };
    let forwards = ledger(&paths);
    paths.reverse();
    assert!(forwards == ledger(&paths), "the order of files changes the ledger");
    assert!(forwards == Ledger::from_bytes(&forwards).unwrap().to_bytes().unwrap());
}
