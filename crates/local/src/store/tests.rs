use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::json;
use tempfile::TempDir;
use whittle_analysis::issue::{Issue, IssueKind};
use whittle_analysis::result::Severity;
use whittle_pipeline::trail_object::TrailObject;
use whittle_testkit::store_suite::sample::{ACCOUNT, joined, object, role_id, seen};

use super::*;

mod integrity;
mod migration;
mod opening;
mod private;
mod reports;
mod stored_snapshot;
mod suite;

fn file() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("whittle.db");
    (dir, path)
}

fn contents(path: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(path.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

/// Shorter ways to the methods of the port.
trait Shortcuts {
    fn save(&mut self, ledger: &Ledger, objects: &[TrailObject], issues: &[Issue]) -> Result<(), PortError>;
    fn objects(&mut self) -> Result<BTreeMap<(String, String), String>, PortError>;
    fn issues(&mut self) -> Result<Vec<Issue>, PortError>;
}

impl Shortcuts for SqliteStore {
    fn save(&mut self, ledger: &Ledger, objects: &[TrailObject], issues: &[Issue]) -> Result<(), PortError> {
        let mut marks = ReadMarks::default();
        for object in objects {
            let own = issues.iter().filter(|issue| issue.place == object.key).cloned().collect();
            marks.note_read(object, own);
        }
        self.save_evidence(EvidenceBatch { ledger, objects, marks: &marks })
    }

    fn objects(&mut self) -> Result<BTreeMap<(String, String), String>, PortError> {
        let sources = self.read_marks()?.sources;
        Ok(sources
            .into_iter()
            .flat_map(|(source, marks)| {
                marks.read.into_iter().map(move |(key, version)| ((source.clone(), key), version))
            })
            .collect())
    }

    fn issues(&mut self) -> Result<Vec<Issue>, PortError> {
        Ok(self.read_marks()?.issues())
    }
}

#[test]
fn evidence_survives_closing() {
    let (_dir, path) = file();
    let ledger = joined(&[seen("orders", 1), seen("mail", 2)]);
    let issue = Issue::new(IssueKind::from("bad-record"), "a.json", "no eventName").with_hint("none");
    let mut store = SqliteStore::open(&path).unwrap();
    assert!(store.load_ledger().unwrap().is_empty());
    assert!(store.objects().unwrap().is_empty());
    store.save(&ledger, &[object("a.json", "1"), object("b.json", "1")], std::slice::from_ref(&issue)).unwrap();
    store.close().unwrap();

    let mut store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.load_ledger().unwrap(), ledger);
    let objects = store.objects().unwrap();
    assert_eq!(objects[&("/trail".to_owned(), "a.json".to_owned())], "1");
    assert_eq!(objects.len(), 2);
    assert_eq!(store.issues().unwrap(), [issue]);
    // Rows say whose they are.
    let arn: String = store
        .connection
        .query_row("SELECT role_arn FROM ledger_role WHERE role_id = ?1", [role_id("mail")], |row| row.get(0))
        .unwrap();
    assert_eq!(arn, format!("arn:aws:iam::{ACCOUNT}:role/mail"));
}

#[test]
fn a_run_with_nothing_new_leaves_the_same_bytes() {
    let (_dir, path) = file();
    let ledger = joined(&[seen("orders", 1), seen("mail", 2)]);
    let objects = [object("a.json", "1")];
    let issues = [Issue::new(IssueKind::from("bad-record"), "a.json", "no eventName")];
    let report = reports::report(&["orders", "mail"]);
    let run = || {
        let mut store = SqliteStore::open(&path).unwrap();
        let mut known = store.load_ledger().unwrap();
        store.objects().unwrap();
        known.merge(&ledger);
        store.save(&known, &objects, &issues).unwrap();
        let changes = store.save_report(&report, &SaveScope::Account).unwrap();
        store.issues().unwrap();
        store.functions("orders").unwrap();
        store.close().unwrap();
        (changes, contents(&path))
    };
    let (first, before) = run();
    assert!(first.inserted > 0);
    let (second, after) = run();
    assert_eq!(second, Changes::default());
    assert!(before == after, "the file changed");
    assert_eq!(after.len(), 1, "no journal is left behind");
}

#[test]
fn only_changed_rows_are_written() {
    let mut store = SqliteStore::open_in_memory().unwrap();
    let mut ledger = joined(&[seen("orders", 1), seen("mail", 1)]);
    store.load_ledger().unwrap();
    store.save(&ledger, &[], &[]).unwrap();
    let written = |store: &SqliteStore| -> i64 {
        store.connection.query_row("SELECT total_changes()", [], |row| row.get(0)).unwrap()
    };
    let before = written(&store);
    ledger.merge(&seen("mail", 2));
    store.save(&ledger, &[], &[]).unwrap();
    assert_eq!(written(&store) - before, 6, "one role and the facts of the account; two changes of each total");
    let before = written(&store);
    store.save(&ledger, &[], &[]).unwrap();
    assert_eq!(written(&store), before);
}

#[test]
fn an_object_read_again_forgets_its_old_issues() {
    let mut store = SqliteStore::open_in_memory().unwrap();
    let ledger = Ledger::default();
    let issue = |place: &str, message: &str| Issue::new(IssueKind::from("bad-record"), place, message);
    store
        .save(
            &ledger,
            &[object("a.json", "1"), object("b.json", "1")],
            &[issue("a.json", "old"), issue("b.json", "kept")],
        )
        .unwrap();
    store.save(&ledger, &[object("a.json", "2")], &[issue("a.json", "new")]).unwrap();
    let messages: Vec<_> =
        store.issues().unwrap().into_iter().map(|issue| (issue.place, issue.message, issue.count)).collect();
    let expect =
        [("a.json", "new"), ("b.json", "kept")].map(|(place, message)| (place.to_owned(), message.to_owned(), 1));
    assert_eq!(messages, expect);
    assert_eq!(store.objects().unwrap()[&("/trail".to_owned(), "a.json".to_owned())], "2");
}

#[test]
fn two_processes_lose_nothing_of_each_other() {
    let (_dir, path) = file();
    let mut one = SqliteStore::open(&path).unwrap();
    let mut two = SqliteStore::open(&path).unwrap();
    let mut of_one = one.load_ledger().unwrap();
    let mut of_two = two.load_ledger().unwrap();
    of_one.merge(&joined(&[seen("orders", 1), seen("mail", 1)]));
    of_two.merge(&joined(&[seen("orders", 2), seen("stock", 2)]));
    one.save(&of_one, &[object("one", "1")], &[]).unwrap();
    two.save(&of_two, &[object("two", "1")], &[]).unwrap();
    // Both go on with what they know, which is less than what is stored.
    of_one.merge(&seen("orders", 3));
    one.save(&of_one, &[object("three", "1")], &[]).unwrap();
    of_two.merge(&seen("orders", 4));
    two.save(&of_two, &[], &[]).unwrap();
    let all = joined(&[of_one, of_two]);
    assert_eq!(SqliteStore::open(&path).unwrap().load_ledger().unwrap(), all);
    assert_eq!(one.objects().unwrap().len(), 3);
}

#[test]
fn objects_belong_to_the_ledger_that_was_loaded() {
    let (_dir, path) = file();
    let mut one = SqliteStore::open(&path).unwrap();
    let mut two = SqliteStore::open(&path).unwrap();
    assert!(one.load_ledger().unwrap().is_empty());
    two.save(&seen("orders", 1), &[object("a.json", "1")], &[]).unwrap();
    // The ledger that `one` has does not hold this object, so it has to read it itself.
    assert!(one.objects().unwrap().is_empty());
}

#[test]
fn a_ledger_saved_without_loading_is_joined() {
    let (_dir, path) = file();
    SqliteStore::open(&path).unwrap().save(&seen("orders", 1), &[], &[]).unwrap();
    SqliteStore::open(&path).unwrap().save(&seen("orders", 2), &[], &[]).unwrap();
    assert_eq!(
        SqliteStore::open(&path).unwrap().load_ledger().unwrap(),
        joined(&[seen("orders", 1), seen("orders", 2)])
    );
}

#[test]
fn threads_on_one_file_all_get_through() {
    let (_dir, path) = file();
    std::thread::scope(|scope| {
        for thread in 1..=4_u8 {
            let path = &path;
            scope.spawn(move || {
                let mut store = SqliteStore::open(path).unwrap();
                let mut ledger = store.load_ledger().unwrap();
                for day in 1..=5_u8 {
                    ledger.merge(&seen("shared", thread * 5 + day));
                    ledger.merge(&seen(&format!("own{thread}"), day));
                    store.save(&ledger, &[object(&format!("{thread}/{day}"), "1")], &[]).unwrap();
                }
                store.save_report(&reports::report(&["orders"]), &SaveScope::Account).unwrap();
            });
        }
    });
    let mut store = SqliteStore::open(&path).unwrap();
    let mut expect = Ledger::default();
    for thread in 1..=4_u8 {
        for day in 1..=5_u8 {
            expect.merge(&seen("shared", thread * 5 + day));
            expect.merge(&seen(&format!("own{thread}"), day));
        }
    }
    assert_eq!(store.load_ledger().unwrap(), expect);
    assert_eq!(store.objects().unwrap().len(), 20);
}

#[test]
fn a_call_that_is_cut_off_leaves_nothing() {
    let (_dir, path) = file();
    let mut store = SqliteStore::open(&path).unwrap();
    store.load_ledger().unwrap();
    store.save(&seen("orders", 1), &[object("a.json", "1")], &[]).unwrap();
    // As a kill between the statements of a call: the transaction is dropped.
    let cut: Result<(), PortError> = store.writing(|transaction, place, _| {
        evidence::save_objects(transaction, place, &[object("b.json", "1")], &ReadMarks::default())?;
        transaction.execute("DELETE FROM ledger_role", []).unwrap();
        Err(PortError::new(PortErrorKind::Transient, "killed"))
    });
    assert!(cut.is_err());
    // The process is gone without closing: what is on disk at this moment is all there is.
    let copy = path.with_file_name("copy");
    fs::create_dir(&copy).unwrap();
    for name in ["whittle.db", "whittle.db-wal"] {
        fs::copy(path.with_file_name(name), copy.join(name)).unwrap();
    }
    let mut recovered = SqliteStore::open(copy.join("whittle.db")).unwrap();
    assert_eq!(recovered.load_ledger().unwrap(), seen("orders", 1));
    assert_eq!(recovered.objects().unwrap().len(), 1);
    // And the store itself goes on, believing nothing that was not saved.
    let ledger = joined(&[seen("orders", 1), seen("mail", 2)]);
    store.save(&ledger, &[object("b.json", "1")], &[]).unwrap();
    assert_eq!(SqliteStore::open(&path).unwrap().load_ledger().unwrap(), ledger);
}

#[test]
fn a_damaged_ledger_is_an_error_with_advice() {
    for (table, value) in [
        ("ledger_role", json!("{")),
        ("ledger_role", json!("{\"version\":1,\"role\":7}")),
        ("ledger_role", json!("{\"version\":99,\"role\":{}}")),
        ("ledger_role", json!(7)),
        ("ledger_account", json!("")),
    ] {
        let mut store = SqliteStore::open_in_memory().unwrap();
        store.save(&seen("orders", 1), &[], &[]).unwrap();
        let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        store.connection.execute(&format!("UPDATE {table} SET ledger = ?1"), [text]).unwrap();
        let error = store.load_ledger().unwrap_err();
        assert_eq!(error.kind(), &PortErrorKind::Invalid, "{error}");
        assert!(error.hint().is_some());
        // Neither is it overwritten.
        let mut fresh = evidence::KnownRows::default();
        std::mem::swap(&mut store.known, &mut fresh);
        assert!(store.save(&seen("orders", 2), &[], &[]).is_err());
    }
    let mut store = SqliteStore::open_in_memory().unwrap();
    store.save(&seen("orders", 1), &[], &[]).unwrap();
    store.connection.execute("UPDATE ledger_role SET ledger = x'ff00ff'", []).unwrap();
    assert!(store.load_ledger().is_err());
    store.connection.execute("UPDATE ledger_role SET ledger = 7.5", []).unwrap();
    assert!(store.load_ledger().is_err());
}

#[test]
fn many_may_make_the_same_file_at_once() {
    // A file that is being made was once taken for another program's: its marks were read one by one.
    for _ in 0..40 {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("whittle.db");
        std::thread::scope(|scope| {
            let open = || SqliteStore::open(&path).map(drop);
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
            for thread in threads {
                thread.join().unwrap().unwrap();
            }
        });
    }
}
