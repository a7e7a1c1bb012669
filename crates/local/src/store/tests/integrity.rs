//! A store that is not what was written is an error, and never another answer.

use whittle_snapshot::SnapshotDocuments;

use super::reports::report;
use super::*;

/// Everything that can be asked of a store.
#[derive(Debug, PartialEq)]
struct Content {
    ledger: Ledger,
    marks: ReadMarks,
    accounts: Vec<String>,
    report: Option<Report>,
    functions: Vec<FunctionResult>,
    roles: Vec<RoleResult>,
    names: Vec<String>,
    findings: Vec<Finding>,
    snapshot: Option<StoredSnapshot>,
}

fn read(mut store: SqliteStore) -> Result<Content, PortError> {
    Ok(Content {
        ledger: store.load_ledger()?,
        marks: store.read_marks()?,
        accounts: store.accounts()?,
        report: store.report(ACCOUNT)?,
        functions: store.functions("orders")?,
        roles: store.roles("mail-role")?,
        names: store.names()?,
        findings: store.findings(ACCOUNT)?,
        snapshot: store.snapshot(ACCOUNT)?,
    })
}

fn fill(store: &mut SqliteStore) {
    let names: Vec<String> = (0..12).map(|number| format!("function{number}")).collect();
    let ledgers: Vec<Ledger> =
        names.iter().map(String::as_str).chain(["orders", "mail"]).map(|name| seen(name, 3)).collect();
    let objects: Vec<TrailObject> = (0..40).map(|number| object(&format!("{number}.json"), "1")).collect();
    let issues = [Issue::new(IssueKind::from("broken-json"), "7.json", "ends too early")];
    store.load_ledger().unwrap();
    store.save(&joined(&ledgers), &objects, &issues).unwrap();
    let names: Vec<&str> = names.iter().map(String::as_str).chain(["orders", "mail"]).collect();
    store.save_report(&report(&names), &SaveScope::Account).unwrap();
    let mut documents = SnapshotDocuments::default();
    documents.insert("functions.json", json!({"Functions": [{"FunctionArn": "a", "Role": "r"}]}).to_string());
    documents.insert("authorization-details.json", json!({"RoleDetailList": [], "Policies": []}).to_string());
    store.keep_snapshot(ACCOUNT, &documents).unwrap();
}

fn filled() -> (TempDir, PathBuf) {
    let (dir, path) = file();
    let mut store = SqliteStore::open(&path).unwrap();
    fill(&mut store);
    store.close().unwrap();
    (dir, path)
}

#[test]
fn a_changed_byte_is_an_error_or_changes_nothing() {
    let (dir, path) = filled();
    let expect = read(SqliteStore::open_to_read(&path).unwrap()).unwrap();
    let bytes = fs::read(&path).unwrap();
    let damaged = dir.path().join("damaged.db");
    let mut refused = 0;
    let mut check = |what: &str, bytes: &[u8]| {
        fs::write(&damaged, bytes).unwrap();
        for suffix in ["-wal", "-shm"] {
            let _ = fs::remove_file(file::beside(&damaged, suffix));
        }
        match SqliteStore::open_waiting(&damaged, Duration::from_millis(100)).and_then(read) {
            Ok(content) => assert!(content == expect, "{what}: another answer"),
            Err(error) => {
                refused += 1;
                assert!(error.hint().is_some_and(|hint| !hint.is_empty()), "{what}: {error}");
            }
        }
    };
    // The header and the beginning of each page decide most; of the rest, a byte here and there.
    let pages = (0..bytes.len()).step_by(4096).flat_map(|page| page..page + 12);
    let header = 12..100;
    let rest = (0..bytes.len()).step_by(389);
    let masks = [0x01, 0xff, 0x20, 0x80, 0x03];
    for (position, mask) in pages.chain(header).chain(rest).zip(masks.into_iter().cycle()) {
        let mut bytes = bytes.clone();
        bytes[position] ^= mask;
        check(&format!("byte {position} with {mask:#x}"), &bytes);
    }
    for page in (4096..bytes.len()).step_by(4096) {
        let mut zeroed = bytes.clone();
        zeroed[page..page + 4096].fill(0);
        check(&format!("zeroes from {page}"), &zeroed);
        check(&format!("cut off at {page}"), &bytes[..page]);
    }
    assert!(refused > 200, "only {refused} were noticed");
}

#[test]
fn every_column_of_every_table_is_verified() {
    for table in EVIDENCE.iter().chain(RESULTS).chain(SNAPSHOTS) {
        for column in table.key.iter().chain(table.columns).chain(&["checksum"]) {
            let mut store = SqliteStore::open_in_memory().unwrap();
            fill(&mut store);
            store.verified.clear();
            let sql = format!("PRAGMA foreign_keys = OFF; UPDATE {0} SET {column} = 1700 WHERE rowid = 1", table.name);
            // Tables without row ids have few rows here, or all of a column are changed.
            let sql = if ["analysis", "trail_object", "evidence_issue"].contains(&table.name) {
                format!("PRAGMA foreign_keys = OFF; UPDATE OR IGNORE {} SET {column} = 1700", table.name)
            } else {
                sql
            };
            store.connection.execute_batch(&sql).unwrap();
            let error = read(store).unwrap_err();
            let text = error.to_string();
            assert!(text.contains(&format!("`{}`", table.name)), "{} {column}: {text}", table.name);
            assert!(error.hint().is_some(), "{text}");
        }
    }
}

#[test]
fn a_row_that_is_lost_is_noticed() {
    for table in EVIDENCE.iter().chain(RESULTS).chain(SNAPSHOTS) {
        let mut store = SqliteStore::open_in_memory().unwrap();
        fill(&mut store);
        store.verified.clear();
        let name = table.name;
        // As a damaged page would do it: nobody counts.
        let sql = format!("PRAGMA foreign_keys = OFF; DROP TRIGGER {name}_removed; DELETE FROM {name}");
        store.connection.execute_batch(&sql).unwrap();
        let text = read(store).unwrap_err().to_string();
        assert!(text.contains(&format!("`{name}`, rows of it are lost")), "{text}");
    }
}

#[test]
fn a_definition_that_was_changed_is_noticed() {
    for sql in ["DROP TRIGGER finding_added", "DROP VIEW removable", "DROP INDEX role_result_name"] {
        let (_dir, path) = filled();
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let error = SqliteStore::open(&path).unwrap_err();
        assert_eq!(error.kind(), &PortErrorKind::Invalid, "{error}");
        assert!(error.to_string().contains("is not defined as it was"), "{error}");
    }
    // What somebody added is theirs.
    let (_dir, path) = filled();
    Connection::open(&path).unwrap().execute_batch("CREATE VIEW mine AS SELECT 1").unwrap();
    SqliteStore::open(&path).unwrap();
}

#[test]
fn a_damaged_row_is_not_joined_with_what_is_new() {
    let (_dir, path) = filled();
    let mut store = SqliteStore::open(&path).unwrap();
    let damage = "UPDATE ledger_role SET ledger = replace(ledger, 'orders', 'others') WHERE ledger LIKE '%orders%'";
    assert!(store.connection.execute(damage, []).unwrap() > 0);
    let error = store.save(&seen("orders", 9), &[], &[]).unwrap_err();
    assert!(error.to_string().contains("`ledger_role`"), "{error}");
}

#[test]
fn a_file_that_is_deleted_or_replaced_meanwhile_is_an_error() {
    for replace in [false, true] {
        let (_dir, path) = filled();
        let mut store = SqliteStore::open(&path).unwrap();
        store.load_ledger().unwrap();
        fs::remove_file(&path).unwrap();
        if replace {
            fs::write(&path, "another file").unwrap();
        }
        let error = store.save(&seen("orders", 9), &[], &[]).unwrap_err();
        assert!(error.to_string().contains("was deleted or replaced"), "{error}");
        assert!(store.close().is_err());
    }
}
