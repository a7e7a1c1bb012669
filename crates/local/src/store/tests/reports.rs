use whittle_testkit::store_suite::sample::{self, finding};

use super::*;

fn function_arn(name: &str) -> String {
    sample::function_arn(ACCOUNT, name)
}

fn role_arn(name: &str) -> String {
    sample::role_arn(ACCOUNT, name)
}

/// A report with one function, role and finding for each name; findings in the order given, which the store
/// keeps.
pub(super) fn report(names: &[&str]) -> Report {
    let findings = names.iter().map(|name| finding(name, Severity::High)).collect();
    Report { findings, ..sample::report(names) }
}

#[test]
fn a_report_comes_back_as_it_was() {
    let (_dir, path) = file();
    let report = report(&["orders", "mail"]);
    let mut store = SqliteStore::open(&path).unwrap();
    let changes = store.save_report(&report, &SaveScope::Account).unwrap();
    assert_eq!(changes, Changes { inserted: 7, updated: 0, deleted: 0 });
    store.close().unwrap();
    let mut store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.report(ACCOUNT).unwrap().as_ref(), Some(&report));
    assert_eq!(store.report("444455556666").unwrap(), None);
    assert_eq!(store.accounts().unwrap(), [ACCOUNT]);
    assert_eq!(store.findings(ACCOUNT).unwrap(), report.findings);
    assert_eq!(store.findings("444455556666").unwrap(), []);
    assert_eq!(store.save_report(&report, &SaveScope::Account).unwrap(), Changes::default());
}

#[test]
fn functions_and_roles_are_found_by_name_and_arn() {
    let mut store = SqliteStore::open_in_memory().unwrap();
    let mut one = report(&["orders", "mail"]);
    // The same function under another role, as a published version may be.
    let mut second = one.functions[1].clone();
    second.role_arn = role_arn("old");
    one.functions.push(second);
    store.save_report(&one, &SaveScope::Account).unwrap();
    let two: Report =
        serde_json::from_str(&serde_json::to_string(&report(&["orders"])).unwrap().replace(ACCOUNT, "444455556666"))
            .unwrap();
    store.save_report(&two, &SaveScope::Account).unwrap();

    let found = |store: &mut SqliteStore, text: &str| store.functions(text).unwrap().len();
    assert_eq!(found(&mut store, "orders"), 3);
    assert_eq!(found(&mut store, "orders:live"), 3);
    assert_eq!(found(&mut store, "order"), 0);
    assert_eq!(found(&mut store, &function_arn("orders")), 2);
    assert_eq!(found(&mut store, &format!("{}:$LATEST", function_arn("orders"))), 2);
    assert_eq!(found(&mut store, "arn:nonsense"), 0);
    assert_eq!(found(&mut store, "' OR 1=1 --"), 0);
    assert_eq!(store.roles("orders-role").unwrap().len(), 2);
    assert_eq!(store.roles(&role_arn("orders")).unwrap().len(), 1);
    assert_eq!(store.names().unwrap(), ["mail", "mail-Role", "orders", "orders-Role"]);
    assert_eq!(store.accounts().unwrap(), [ACCOUNT, "444455556666"]);
}

#[test]
fn saving_writes_differences_only() {
    let mut store = SqliteStore::open_in_memory().unwrap();
    store.save_report(&report(&["orders", "mail", "stock"]), &SaveScope::Account).unwrap();
    let mut next = report(&["stock", "mail", "web"]);
    next.functions[0].active_days = 8;
    next.findings[1].severity = Severity::Critical;
    let changes = store.save_report(&next, &SaveScope::Account).unwrap();
    // Function, role and finding of `web` are new, those of `orders` gone; a finding that only moved has not
    // changed.
    assert_eq!(changes, Changes { inserted: 3, updated: 2, deleted: 3 });
    assert_eq!(store.report(ACCOUNT).unwrap(), Some(next));
}

#[test]
fn an_empty_report_empties_its_account_only() {
    let mut store = SqliteStore::open_in_memory().unwrap();
    store.save_report(&report(&["orders"]), &SaveScope::Account).unwrap();
    let mut other = report(&["orders"]);
    other.account = "444455556666".to_owned();
    store.save_report(&other, &SaveScope::Account).unwrap();
    let changes = store.save_report(&report(&[]), &SaveScope::Account).unwrap();
    assert_eq!(changes, Changes { inserted: 0, updated: 0, deleted: 3 });
    assert_eq!(store.functions("orders").unwrap().len(), 1);
}

#[test]
fn a_report_with_two_equal_keys_is_not_saved() {
    let mut store = SqliteStore::open_in_memory().unwrap();
    store.save_report(&report(&["orders"]), &SaveScope::Account).unwrap();
    let mut twice = report(&["orders", "mail"]);
    twice.findings[1].fingerprint = twice.findings[0].fingerprint.clone();
    let error = store.save_report(&twice, &SaveScope::Account).unwrap_err();
    assert_eq!(error.kind(), &PortErrorKind::Bug);
    assert_eq!(store.report(ACCOUNT).unwrap(), Some(report(&["orders"])));
}

#[test]
fn a_damaged_result_is_an_error_with_advice() {
    let mut store = SqliteStore::open_in_memory().unwrap();
    store.save_report(&report(&["orders"]), &SaveScope::Account).unwrap();
    for value in ["'{'", "'{}'", "7", "x'ff'"] {
        store.connection.execute(&format!("UPDATE function_result SET result = {value}"), []).unwrap();
        let error = store.functions("orders").unwrap_err();
        assert_eq!(error.kind(), &PortErrorKind::Invalid, "{value}: {error}");
        assert!(error.hint().is_some());
    }
    // The next run mends it.
    assert_eq!(store.save_report(&report(&["orders"]), &SaveScope::Account).unwrap().updated, 1);
}

#[test]
fn views_answer_what_people_ask() {
    let mut store = SqliteStore::open_in_memory().unwrap();
    store.save_report(&report(&["orders"]), &SaveScope::Account).unwrap();
    let text = |sql: &str| -> String { store.connection.query_row(sql, [], |row| row.get(0)).unwrap() };
    assert_eq!(text("SELECT function_name || removed_actions FROM removable"), "orders3");
    assert_eq!(text("SELECT action FROM unused_action WHERE function_name = 'orders'"), "s3:PutObject");
    assert!(text("SELECT document FROM suggested_policy").starts_with("{\"Version\""));
    // Every table says in its own words what its columns are.
    assert!(text("SELECT sql FROM sqlite_schema WHERE name = 'finding'").contains("-- stable name of the finding"));
}

#[test]
fn sqlite3_opens_it() {
    let (_dir, path) = file();
    let mut store = SqliteStore::open(&path).unwrap();
    store.save_report(&report(&["orders"]), &SaveScope::Account).unwrap();
    store.close().unwrap();
    let output =
        Command::new("sqlite3").arg("-readonly").arg(&path).arg("SELECT function_name FROM removable").output();
    // A machine without it has nothing to show.
    if let Ok(output) = output {
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "orders", "{output:?}");
    }
}
