//! The contract of the service's stores beyond [`Store`](whittle_pipeline::ports::Store).

use std::collections::{BTreeMap, BTreeSet};

use whittle_analysis::alert::AlertKind;
use whittle_analysis::result::Severity;
use whittle_pipeline::alerts::{FindingRecord, FindingState};
use whittle_pipeline::marks::{HistorySpan, ReadMarks};
use whittle_pipeline::ports::service::{Begun, KeptDocuments, Lease, ServiceStore};
use whittle_pipeline::ports::{PortError, PortErrorKind, SaveScope, Store};

use super::sample::{
    ACCOUNT, OTHER, at, baseline, document, marks_of, noise, object, record, report, role_arn, run_record, seen,
};
use super::{RARE, StorePlace, kind, save};

/// A place whose stores have leases.
pub trait ServicePlace: StorePlace<Store: ServiceStore> {
    /// A store that has not begun a run.
    fn connect(&self) -> Self::Store;
}

/// Checks of [`ServiceStore`], each on a new place.
pub fn every_service_store<P: ServicePlace>(new: impl Fn() -> P) {
    one_run_at_a_time(&new());
    an_expired_lease_is_taken_over(&new());
    a_run_that_lost_its_lease_writes_nothing(&new());
    a_run_may_begin_again_after_a_lost_answer(&new());
    the_last_run_is_remembered(&new());
    findings_come_back_with_their_state(&new());
    documents_are_replaced(&new());
    baselines_come_and_go(&new());
    marks_come_back_whole(&new());
    reading_needs_no_lease(&new());
}

fn lease(run_id: &str, now: i64, expires: i64) -> Lease {
    Lease { run_id: run_id.to_owned(), now: at(now), expires: at(expires) }
}

fn begin<S: ServiceStore>(store: &mut S, run_id: &str, now: i64, expires: i64) {
    let begun = store.begin_run(&lease(run_id, now, expires)).unwrap();
    assert!(matches!(begun, Begun::Started { .. }), "{run_id}: {begun:?}");
}

fn one_run_at_a_time<P: ServicePlace>(place: &P) {
    let (mut one, mut two) = (place.connect(), place.connect());
    begin(&mut one, "one", 0, 2);
    let busy = Begun::Busy { run_id: "one".to_owned(), until: at(2) };
    assert_eq!(two.begin_run(&lease("two", 1, 3)).unwrap(), busy);
    one.renew(at(5)).unwrap();
    let busy = Begun::Busy { run_id: "one".to_owned(), until: at(5) };
    assert_eq!(two.begin_run(&lease("two", 3, 4)).unwrap(), busy);
    // Not ours, so nothing can be written.
    assert!(two.save_report(&report(&["orders"]), &SaveScope::Account).is_err());
    assert!(two.renew(at(9)).is_err());
    one.end_run(&run_record("one"), true).unwrap();
    begin(&mut two, "two", 3, 4);
    two.save_report(&report(&["orders"]), &SaveScope::Account).unwrap();
    // The first is over.
    assert!(one.save_report(&report(&["mail"]), &SaveScope::Account).is_err());
    assert_eq!(place.connect().names().unwrap(), ["orders", "orders-Role"]);
}

fn an_expired_lease_is_taken_over<P: ServicePlace>(place: &P) {
    let (mut one, mut two) = (place.connect(), place.connect());
    begin(&mut one, "one", 0, 2);
    begin(&mut two, "two", 2, 4);
    assert_eq!(kind(one.renew(at(9))), PortErrorKind::LeaseLost);
    assert_eq!(kind(one.end_run(&run_record("one"), true)), PortErrorKind::LeaseLost);
    // The end of the first did not free the lease of the second.
    assert!(matches!(place.connect().begin_run(&lease("three", 3, 5)).unwrap(), Begun::Busy { .. }));
    two.end_run(&run_record("two"), false).unwrap();
}

type StoreWrite<S> = fn(&mut S) -> Result<(), PortError>;

/// Every method that writes into a store beside those of the lease, with something that changes it.
pub fn every_write<S: ServiceStore>() -> Vec<(&'static str, StoreWrite<S>)> {
    vec![
        ("save_evidence", |store| {
            let (ledger, objects) = (seen("orders", 9), [object("z.json", "1")]);
            store.save_evidence(whittle_pipeline::ports::EvidenceBatch {
                ledger: &ledger,
                objects: &objects,
                marks: &marks_of(&objects),
            })
        }),
        ("save_report", |store| store.save_report(&report(&["late"]), &SaveScope::Account).map(drop)),
        ("keep_documents", |store| store.keep_documents(&[("late".to_owned(), document("late"))].into())),
        ("save_finding_records", |store| store.save_finding_records(ACCOUNT, &[record("late", RARE)])),
        ("save_baselines", |store| {
            store.save_baselines(&[baseline("late", "AROALATE")], &BTreeSet::from([role_arn(ACCOUNT, "orders")]))
        }),
    ]
}

fn a_run_that_lost_its_lease_writes_nothing<P: ServicePlace>(place: &P) {
    let mut one = place.connect();
    begin(&mut one, "one", 0, 2);
    // It has read everything, as a run does.
    one.load_ledger().unwrap();
    one.read_marks().unwrap();
    one.kept_documents().unwrap();
    one.finding_records(ACCOUNT).unwrap();
    one.baselines().unwrap();
    let mut two = place.connect();
    begin(&mut two, "two", 2, 9);
    two.save_baselines(&[baseline("orders", "AROAONE")], &BTreeSet::new()).unwrap();
    for (name, write) in every_write::<P::Store>() {
        assert_eq!(kind(write(&mut one)), PortErrorKind::LeaseLost, "{name}");
    }
    assert!(two.load_ledger().unwrap().is_empty());
    assert_eq!(two.read_marks().unwrap(), ReadMarks::default());
    assert_eq!(two.names().unwrap(), Vec::<String>::new());
    assert_eq!(two.kept_documents().unwrap(), KeptDocuments::new());
    assert_eq!(two.finding_records(ACCOUNT).unwrap(), BTreeMap::new());
    assert_eq!(two.baselines().unwrap().len(), 1);
    for (name, write) in every_write::<P::Store>() {
        write(&mut two).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

fn a_run_may_begin_again_after_a_lost_answer<P: ServicePlace>(place: &P) {
    let mut one = place.connect();
    begin(&mut one, "one", 0, 2);
    let mut again = place.connect();
    begin(&mut again, "one", 1, 3);
    again.save_finding_records(ACCOUNT, &[record("orders", Severity::High)]).unwrap();
    let late = one.save_finding_records(ACCOUNT, &[record("mail", Severity::High)]);
    assert_eq!(kind(late), PortErrorKind::LeaseLost);
}

fn the_last_run_is_remembered<P: ServicePlace>(place: &P) {
    let mut store = place.connect();
    assert_eq!(store.begin_run(&lease("one", 0, 2)).unwrap(), Begun::Started { last: None });
    store.end_run(&run_record("one"), true).unwrap();
    let last = Some(run_record("one"));
    assert_eq!(store.last_run().unwrap(), last);
    assert_eq!(place.connect().begin_run(&lease("two", 1, 2)).unwrap(), Begun::Started { last: last.clone() });
    // It was killed; the one before is still the last that ended.
    assert_eq!(place.connect().last_run().unwrap(), last);
    let mut store = place.connect();
    assert_eq!(store.begin_run(&lease("three", 5, 6)).unwrap(), Begun::Started { last });
    store.end_run(&run_record("three"), false).unwrap();
    assert_eq!(place.connect().last_run().unwrap(), Some(run_record("three")));
}

fn findings_come_back_with_their_state<P: ServicePlace>(place: &P) {
    let by_fingerprint = |records: &[FindingRecord]| -> BTreeMap<String, FindingRecord> {
        records.iter().map(|record| (record.finding.fingerprint.clone(), record.clone())).collect()
    };
    let mut waived = record("mail", Severity::Critical);
    (waived.state, waived.waived_until) = (FindingState::Waived, Some(at(9)));
    let mut resolved = record("stock", Severity::High);
    resolved.state = FindingState::Resolved;
    let mut open = record("orders", Severity::High);
    (open.owed, open.owed_since) = (Some(AlertKind::New), Some(at(1)));
    let records = [open.clone(), waived.clone(), resolved];
    let mut store = place.open();
    store.save_finding_records(ACCOUNT, &records).unwrap();
    store.save_finding_records(OTHER, &[record("web", Severity::Info)]).unwrap();
    let mut store = place.open();
    assert_eq!(store.finding_records(ACCOUNT).unwrap(), by_fingerprint(&records));
    assert_eq!(store.finding_records(OTHER).unwrap().len(), 1);
    // Worst first, without the resolved one.
    assert_eq!(store.findings(ACCOUNT).unwrap(), [waived.finding.clone(), open.finding.clone()]);
    // Only what changed is given.
    (open.owed, open.owed_since, open.alerted) = (None, None, Some(at(2)));
    store.save_finding_records(ACCOUNT, std::slice::from_ref(&open)).unwrap();
    store.save_finding_records(ACCOUNT, &[]).unwrap();
    let stored = place.open().finding_records(ACCOUNT).unwrap();
    assert_eq!((stored.len(), &stored[&open.finding.fingerprint]), (3, &open));
    // A report leaves findings to their records.
    place.open().save_report(&report(&["web"]), &SaveScope::Account).unwrap();
    assert_eq!(place.open().findings(ACCOUNT).unwrap(), [waived.finding, open.finding]);
}

fn documents_are_replaced<P: ServicePlace>(place: &P) {
    let kept = |names: &[(&str, &str)]| -> KeptDocuments {
        names.iter().map(|(name, text)| ((*name).to_owned(), document(text))).collect()
    };
    let large = noise(2 * 1024 * 1024);
    let steps = [
        kept(&[("regions/a/functions.json", "1"), ("roles.json", &large), ("c", "")]),
        kept(&[("regions/a/functions.json", "2"), ("roles.json", &large), ("d", "4")]),
        kept(&[("roles.json", "short")]),
        kept(&[]),
    ];
    for step in steps {
        place.open().keep_documents(&step).unwrap();
        assert_eq!(place.open().kept_documents().unwrap(), step);
    }
}

fn baselines_come_and_go<P: ServicePlace>(place: &P) {
    let gone = |names: &[&str]| names.iter().map(|name| role_arn(ACCOUNT, name)).collect::<BTreeSet<_>>();
    let mut store = place.open();
    let first = [baseline("orders", "AROAONE"), baseline("mail", "AROATWO")];
    store.save_baselines(&first, &BTreeSet::new()).unwrap();
    store.save_baselines(&[baseline("mail", "AROANEW")], &gone(&["orders", "never"])).unwrap();
    let stored = place.open().baselines().unwrap();
    assert_eq!(stored, [(role_arn(ACCOUNT, "mail"), baseline("mail", "AROANEW"))].into());
}

fn marks_come_back_whole<P: ServicePlace>(place: &P) {
    let mut marks = marks_of(&[object("a.json", "1")]);
    marks.note_failed(&object("b.json", "1"));
    marks.sources.entry("s3://bucket/AWSLogs".to_owned()).or_default().through = Some("2026/01/01/x".to_owned());
    marks.note_history("eu-central-1", HistorySpan { start: at(0), end: at(5) });
    save(&mut place.open(), &seen("orders", 1), &[], &marks);
    assert_eq!(place.open().read_marks().unwrap(), marks);
    marks.sources.remove("/trail");
    marks.history.clear();
    save(&mut place.open(), &seen("orders", 1), &[], &marks);
    assert_eq!(place.open().read_marks().unwrap(), marks);
}

fn reading_needs_no_lease<P: ServicePlace>(place: &P) {
    let mut store = place.open();
    for (_, write) in every_write::<P::Store>() {
        write(&mut store).unwrap();
    }
    let mut reader = place.connect();
    assert_eq!(reader.functions("late").unwrap().len(), 1);
    assert_eq!(reader.roles("late-Role").unwrap().len(), 1);
    assert_eq!(reader.names().unwrap(), ["late", "late-Role"]);
    assert_eq!(reader.findings(ACCOUNT).unwrap().len(), 1);
    assert!(!reader.load_ledger().unwrap().is_empty());
    for (name, write) in every_write::<P::Store>() {
        assert!(write(&mut reader).is_err(), "{name}");
    }
}
