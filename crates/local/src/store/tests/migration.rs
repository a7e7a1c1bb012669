//! Stores of earlier versions.

use super::reports::report;
use super::*;

/// A store as version 2 of the schema had it: no checksums, and documents as they came.
pub(super) fn make_old(path: &Path, documents: &[(&str, &str)]) {
    let connection = Connection::open(path).unwrap();
    connection.execute_batch("PRAGMA journal_mode = WAL").unwrap();
    connection.execute_batch(include_str!("../schema_1.sql")).unwrap();
    connection.execute_batch(include_str!("../schema_2.sql")).unwrap();
    connection.pragma_update(None, "application_id", 0x5768_746c).unwrap();
    connection.pragma_update(None, "user_version", 2).unwrap();
    connection.execute("INSERT INTO analysis VALUES (?1, 1, '', '', 0, '[]', '[]')", [ACCOUNT]).unwrap();
    let ledger = seen("orders", 1);
    let role = String::from_utf8(ledger.role_bytes(&role_id("orders")).unwrap().unwrap()).unwrap();
    let facts = String::from_utf8(ledger.account_bytes().unwrap()).unwrap();
    connection
        .execute("INSERT INTO ledger_role VALUES (?1, NULL, ?2, ?3)", [&role_id("orders"), ACCOUNT, &role])
        .unwrap();
    connection.execute("INSERT INTO ledger_account VALUES ('facts', ?1)", [&facts]).unwrap();
    connection.execute("INSERT INTO trail_object VALUES ('/trail', 'a.json', '1')", []).unwrap();
    for (name, text) in documents {
        // What was kept before is still in pages that nothing uses.
        let earlier = format!("{{\"x\": \"hunter2-earlier{}\"}}", "y".repeat(20_000));
        let sql = "INSERT INTO snapshot_document VALUES (?1, ?2, ?3)
                   ON CONFLICT (account, name) DO UPDATE SET document = excluded.document";
        connection.execute(sql, [ACCOUNT, name, &earlier]).unwrap();
        connection.execute(sql, [ACCOUNT, name, text]).unwrap();
    }
    connection.close().unwrap();
}

fn holds(path: &Path, text: &str) -> bool {
    contents(path).iter().any(|(_, bytes)| bytes.windows(text.len()).any(|window| window == text.as_bytes()))
}

#[test]
fn an_old_store_loses_what_it_should_not_have_kept_and_nothing_else() {
    let (_dir, path) = file();
    let function = json!({"FunctionArn": "arn:aws:lambda:eu-west-1:111122223333:function:f", "Role": "r",
        "Environment": {"Variables": {"DB_PASSWORD": "hunter2"}}});
    let functions = json!({"Functions": [function]}).to_string();
    make_old(&path, &[("functions.json", &functions), ("tags/", ""), ("tags/f.json", "{"), ("notes.json", "hunter2")]);
    assert!(holds(&path, "hunter2") && holds(&path, "hunter2-earlier"));
    let mut store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.load_ledger().unwrap(), seen("orders", 1));
    assert_eq!(store.objects().unwrap().len(), 1);
    let snapshot = store.snapshot(ACCOUNT).unwrap().unwrap();
    let kept = snapshot.text("functions.json").unwrap().unwrap();
    assert_eq!(
        kept,
        r#"{"Functions":[{"FunctionArn":"arn:aws:lambda:eu-west-1:111122223333:function:f","Role":"r"}]}"#
    );
    assert!(snapshot.exists("tags/f.json") && !snapshot.exists("notes.json"));
    store.save_report(&report(&["orders"]), &SaveScope::Account).unwrap();
    store.close().unwrap();
    assert!(!holds(&path, "hunter2"));
    // It is a store like any other now.
    let before = contents(&path);
    let mut store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.report(ACCOUNT).unwrap(), Some(report(&["orders"])));
    store.close().unwrap();
    assert!(contents(&path) == before);
}

#[test]
fn a_migration_that_was_cut_off_goes_on() {
    let (_dir, path) = file();
    make_old(&path, &[("functions.json", r#"{"Functions":[],"x":"hunter2"}"#)]);
    // Killed after the documents were cleaned, before anything else was done.
    let connection = Connection::open(&path).unwrap();
    crate::store::stored_snapshot::clean(&connection).unwrap();
    connection.close().unwrap();
    SqliteStore::open(&path).unwrap().close().unwrap();
    assert!(!holds(&path, "hunter2"));
    let mut store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.load_ledger().unwrap(), seen("orders", 1));
}
