//! The contract of every store: one suite for the store in memory, in SQLite and in DynamoDB.
//!
//! A [`StorePlace`] is what outlives a store: a file, a table. Each check gets a new one.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a failed check ends the test")]
#![expect(clippy::missing_panics_doc, reason = "a failed check ends the test")]

use std::collections::BTreeSet;

use whittle_analysis::issue::{Issue, IssueKind};
use whittle_analysis::reason::Reason;
use whittle_analysis::result::Severity;
use whittle_evidence::ledger::Ledger;
use whittle_pipeline::marks::ReadMarks;
use whittle_pipeline::ports::{Changes, EvidenceBatch, PortErrorKind, SaveScope, Store};
use whittle_pipeline::trail_object::TrailObject;

use sample::{ACCOUNT, OTHER, function_arn, joined, marks_of, object, report, report_of, role_arn, seen};

pub mod sample;
mod service;

pub use service::{ServicePlace, every_service_store, every_write};

/// Where stores keep things.
pub trait StorePlace {
    /// The store under test.
    type Store: Store;

    /// A store on this place that may write, as a new run opens it. A store opened before is gone or must not
    /// write any more.
    fn open(&self) -> Self::Store;
}

/// Checks of [`Store`], each on a new place.
pub fn every_store<P: StorePlace>(new: impl Fn() -> P) {
    a_new_store_is_empty(&new());
    evidence_comes_back(&new());
    a_ledger_that_was_not_loaded_is_joined(&new());
    an_object_read_again_forgets_its_old_issues(&new());
    results_come_back_by_name_and_arn(&new());
    a_report_that_is_stored_changes_nothing(&new());
    changes_are_counted_and_stored(&new());
    what_is_gone_is_deleted_as_far_as_the_scope_says(&new());
    accounts_do_not_touch_each_other(&new());
    a_report_with_two_equal_keys_is_not_saved(&new());
    large_results_come_back(&new());
}

/// Checks of stores that take findings from reports, not from records with a state.
pub fn every_plain_store<P: StorePlace>(new: impl Fn() -> P) {
    let place = new();
    let mut store = place.open();
    let both = report(&["mail", "orders"]);
    store.save_report(&both, &SaveScope::Account).unwrap();
    assert_eq!(store.findings(ACCOUNT).unwrap(), both.findings);
    assert_eq!(store.findings(OTHER).unwrap(), []);
    store.save_report(&report(&["mail"]), &SaveScope::Account).unwrap();
    assert_eq!(store.findings(ACCOUNT).unwrap(), report(&["mail"]).findings);
}

pub(crate) fn save(store: &mut impl Store, ledger: &Ledger, objects: &[TrailObject], marks: &ReadMarks) {
    store.save_evidence(EvidenceBatch { ledger, objects, marks }).unwrap();
}

fn a_new_store_is_empty<P: StorePlace>(place: &P) {
    let mut store = place.open();
    assert!(store.load_ledger().unwrap().is_empty());
    assert_eq!(store.read_marks().unwrap(), ReadMarks::default());
    assert_eq!(store.functions("orders").unwrap(), []);
    assert_eq!(store.functions(&function_arn(ACCOUNT, "orders")).unwrap(), []);
    assert_eq!(store.roles("orders-Role").unwrap(), []);
    assert_eq!(store.names().unwrap(), Vec::<String>::new());
    assert_eq!(store.findings(ACCOUNT).unwrap(), []);
}

fn evidence_comes_back<P: StorePlace>(place: &P) {
    let mut ledger = joined(&[seen("orders", 1), seen("mail", 2)]);
    let mut marks = marks_of(&[object("a.json", "1")]);
    marks.note_read(
        &object("b.json", "1"),
        vec![Issue::new(IssueKind::from("bad-record"), "b.json", "no eventName").with_hint("none")],
    );
    let mut store = place.open();
    assert!(store.load_ledger().unwrap().is_empty());
    save(&mut store, &ledger, &[object("a.json", "1"), object("b.json", "1")], &marks);
    let mut store = place.open();
    assert_eq!(store.load_ledger().unwrap(), ledger);
    assert_eq!(store.read_marks().unwrap(), marks);
    // A second batch of the same run, and one of the next.
    ledger.merge(&seen("stock", 3));
    marks.note_read(&object("c.json", "1"), Vec::new());
    save(&mut store, &ledger, &[object("c.json", "1")], &marks);
    ledger.merge(&seen("stock", 4));
    marks.note_read(&object("d.json", "1"), Vec::new());
    save(&mut store, &ledger, &[object("d.json", "1")], &marks);
    let mut store = place.open();
    assert_eq!((store.load_ledger().unwrap(), store.read_marks().unwrap()), (ledger, marks));
}

fn a_ledger_that_was_not_loaded_is_joined<P: StorePlace>(place: &P) {
    save(&mut place.open(), &joined(&[seen("orders", 1), seen("mail", 1)]), &[], &ReadMarks::default());
    let mut store = place.open();
    save(&mut store, &joined(&[seen("orders", 2), seen("stock", 2)]), &[], &ReadMarks::default());
    // And once more: the store still knows that it holds more than it is given.
    save(&mut store, &joined(&[seen("orders", 3), seen("stock", 2)]), &[], &ReadMarks::default());
    let all = [seen("orders", 1), seen("mail", 1), seen("orders", 2), seen("stock", 2), seen("orders", 3)];
    assert_eq!(place.open().load_ledger().unwrap(), joined(&all));
}

fn an_object_read_again_forgets_its_old_issues<P: StorePlace>(place: &P) {
    let issue = |message: &str| vec![Issue::new(IssueKind::from("bad-record"), "a.json", message)];
    let mut store = place.open();
    let mut marks = ReadMarks::default();
    marks.note_read(&object("a.json", "1"), issue("old"));
    save(&mut store, &Ledger::default(), &[object("a.json", "1")], &marks);
    marks.note_read(&object("a.json", "2"), issue("new"));
    save(&mut store, &Ledger::default(), &[object("a.json", "2")], &marks);
    let mut store = place.open();
    store.load_ledger().unwrap();
    assert_eq!(store.read_marks().unwrap().issues(), issue("new"));
}

fn results_come_back_by_name_and_arn<P: StorePlace>(place: &P) {
    let mut both = report(&["mail", "orders"]);
    // The same function under another role, as a published version may be.
    let mut second = both.functions[1].clone();
    second.role_arn = role_arn(ACCOUNT, "old");
    both.functions.insert(1, second);
    place.open().save_report(&both, &SaveScope::Account).unwrap();
    let mut store = place.open();
    for name in
        ["orders", "orders:live", &function_arn(ACCOUNT, "orders"), &format!("{}:7", function_arn(ACCOUNT, "orders"))]
    {
        assert_eq!(store.functions(name).unwrap(), both.functions[1..], "{name}");
    }
    for name in ["ORDERS", "order", &function_arn(OTHER, "orders"), ""] {
        assert_eq!(store.functions(name).unwrap(), [], "{name}");
    }
    for name in ["orders-Role", "ORDERS-role", &role_arn(ACCOUNT, "orders")] {
        assert_eq!(store.roles(name).unwrap(), both.roles[1..], "{name}");
    }
    assert_eq!(store.roles("orders").unwrap(), []);
    assert_eq!(store.names().unwrap(), ["mail", "mail-Role", "orders", "orders-Role"]);
}

fn a_report_that_is_stored_changes_nothing<P: StorePlace>(place: &P) {
    let both = report(&["mail", "orders"]);
    let mut store = place.open();
    let first = store.save_report(&both, &SaveScope::Account).unwrap();
    assert!(first.inserted >= 5 && first.updated == 0 && first.deleted == 0, "{first:?}");
    assert_eq!(store.save_report(&both, &SaveScope::Account).unwrap(), Changes::default());
    assert_eq!(place.open().save_report(&both, &SaveScope::Account).unwrap(), Changes::default());
}

fn changes_are_counted_and_stored<P: StorePlace>(place: &P) {
    place.open().save_report(&report(&["mail", "orders", "stock"]), &SaveScope::Account).unwrap();
    let mut next = report(&["mail", "stock", "web"]);
    next.findings = report(&["mail", "orders", "stock"]).findings;
    next.functions[0].active_days = 8;
    next.functions[1].suggestion = Some(sample::suggestion(4));
    next.roles[0].suggestion = None;
    let mut store = place.open();
    let changes = store.save_report(&next, &SaveScope::Account).unwrap();
    assert_eq!(changes, Changes { inserted: 2, updated: 3, deleted: 2 });
    let mut store = place.open();
    let functions: Vec<_> = ["mail", "stock", "web"].iter().flat_map(|name| store.functions(name).unwrap()).collect();
    assert_eq!(functions, next.functions);
    let roles: Vec<_> = next.roles.iter().flat_map(|role| store.roles(&role.role_arn).unwrap()).collect();
    assert_eq!(roles, next.roles);
    assert_eq!(store.functions("orders").unwrap(), []);
    next.window.days += 1;
    assert_eq!(
        place.open().save_report(&next, &SaveScope::Account).unwrap(),
        Changes { updated: 1, ..Changes::default() }
    );
}

fn what_is_gone_is_deleted_as_far_as_the_scope_says<P: StorePlace>(place: &P) {
    let names = |place: &P| place.open().names().unwrap();
    place.open().save_report(&report(&["mail", "orders", "stock"]), &SaveScope::Account).unwrap();
    let only_mail = report(&["mail"]);
    place.open().save_report(&only_mail, &SaveScope::Incomplete).unwrap();
    assert_eq!(names(place).len(), 6);
    let scope = SaveScope::Roles(BTreeSet::from([role_arn(ACCOUNT, "stock"), role_arn(ACCOUNT, "mail")]));
    place.open().save_report(&only_mail, &scope).unwrap();
    assert_eq!(names(place), ["mail", "mail-Role", "orders", "orders-Role"]);
    place.open().save_report(&report(&[]), &SaveScope::Account).unwrap();
    assert_eq!(names(place), Vec::<String>::new());
    // And it may come back.
    place.open().save_report(&only_mail, &SaveScope::Account).unwrap();
    assert_eq!(place.open().functions("mail").unwrap(), only_mail.functions);
}

fn accounts_do_not_touch_each_other<P: StorePlace>(place: &P) {
    place.open().save_report(&report_of(ACCOUNT, &["orders"]), &SaveScope::Account).unwrap();
    place.open().save_report(&report_of(OTHER, &["orders"]), &SaveScope::Account).unwrap();
    assert_eq!(place.open().functions("orders").unwrap().len(), 2);
    place.open().save_report(&report_of(ACCOUNT, &[]), &SaveScope::Account).unwrap();
    assert_eq!(place.open().functions("orders").unwrap(), report_of(OTHER, &["orders"]).functions);
    assert_eq!(place.open().names().unwrap(), ["orders", "orders-Role"]);
}

fn a_report_with_two_equal_keys_is_not_saved<P: StorePlace>(place: &P) {
    place.open().save_report(&report(&["orders"]), &SaveScope::Account).unwrap();
    let mut twice = report(&["mail", "orders"]);
    twice.functions[1] = twice.functions[0].clone();
    let error = place.open().save_report(&twice, &SaveScope::Account).unwrap_err();
    assert_eq!(error.kind(), &PortErrorKind::Bug);
    assert_eq!(place.open().names().unwrap(), ["orders", "orders-Role"]);
}

fn large_results_come_back<P: StorePlace>(place: &P) {
    let mut large = report(&["mail", "orders"]);
    large.functions[0].verdicts[0].reason = Reason::Text(sample::noise(2 * 1024 * 1024));
    large.issues[0].message = sample::noise(700 * 1024);
    place.open().save_report(&large, &SaveScope::Account).unwrap();
    assert_eq!(place.open().functions("mail").unwrap(), large.functions[..1]);
    // Larger, smaller, and gone.
    large.functions[0].verdicts[0].reason = Reason::Text(sample::noise(3 * 1024 * 1024));
    place.open().save_report(&large, &SaveScope::Account).unwrap();
    assert_eq!(place.open().functions("mail").unwrap(), large.functions[..1]);
    place.open().save_report(&report(&["mail", "orders"]), &SaveScope::Account).unwrap();
    assert_eq!(place.open().functions("mail").unwrap(), report(&["mail"]).functions);
    place.open().save_report(&large, &SaveScope::Account).unwrap();
    place.open().save_report(&report(&["orders"]), &SaveScope::Account).unwrap();
    assert_eq!(place.open().functions("mail").unwrap(), []);
}

/// So that a check can say what kind an error is of.
pub(crate) fn kind<T: std::fmt::Debug>(answer: Result<T, whittle_pipeline::ports::PortError>) -> PortErrorKind {
    answer.unwrap_err().kind().clone()
}

/// A severity that no sample has.
pub(crate) const RARE: Severity = Severity::Low;
