//! Costs of an account: calls, and the units that AWS bills.

use whittle_testkit::store_suite::sample::{baseline, document};

use super::*;

fn run(table: &FakeTable, id: &str, now: i64, names: &[&str], changed: usize) -> (BTreeMap<String, u64>, u64, u64) {
    table.forget_bill();
    let mut store = begun(table, id, now);
    let mut ledger = store.load_ledger().unwrap();
    let mut marks = store.read_marks().unwrap();
    if ledger.is_empty() {
        for name in names {
            ledger.merge(&seen(name, 1));
        }
        marks = marks_of(&[object("a.json", "1")]);
        store.save_evidence(EvidenceBatch { ledger: &ledger, objects: &[], marks: &marks }).unwrap();
    }
    store.save_evidence(EvidenceBatch { ledger: &ledger, objects: &[], marks: &marks }).unwrap();
    let documents: KeptDocuments = names.iter().map(|name| ((*name).to_owned(), document(name))).collect();
    if store.kept_documents().unwrap() != documents {
        store.keep_documents(&documents).unwrap();
    }
    let stored = store.baselines().unwrap();
    let baselines: Vec<_> = names.iter().map(|name| baseline(name, "AROA")).collect();
    let new: Vec<_> = baselines.into_iter().filter(|one| stored.get(&one.role_arn) != Some(one)).collect();
    store.save_baselines(&new, &BTreeSet::new()).unwrap();
    let mut today = report(names);
    for function in today.functions.iter_mut().take(changed) {
        function.active_days = u32::try_from(now).unwrap() + 1;
    }
    let saved = store.save_report(&today, &SaveScope::Account).unwrap();
    let known = store.finding_records(ACCOUNT).unwrap();
    let records: Vec<_> = names.iter().map(|name| record(name, Severity::High)).collect();
    let new: Vec<_> = records.into_iter().filter(|one| known.get(&one.finding.fingerprint) != Some(one)).collect();
    store.save_finding_records(ACCOUNT, &new).unwrap();
    store.end_run(&run_record(id), saved != Changes::default()).unwrap();
    table.bill()
}

/// Roles and functions one to one, a finding each; `changed` results change from the first run to the third.
fn account(count: usize) -> [(BTreeMap<String, u64>, u64, u64); 3] {
    let table = FakeTable::default();
    let names: Vec<String> = (0..count).map(|number| format!("function-{number:05}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let first = run(&table, "one", 0, &names, 0);
    let second = run(&table, "two", 10, &names, 0);
    let other: Vec<_> = table.written().into_iter().filter(|(pk, _)| !pk.starts_with("RUN#")).collect();
    assert_eq!(other, [], "a run with nothing new writes nothing but its lease");
    let third = run(&table, "three", 20, &names, 1);
    [first, second, third]
}

#[test]
fn calls_grow_with_pages_and_transactions_not_with_functions() {
    let [(first, ..), (second, _, units), (third, ..)] = account(1000);
    assert!(first["TransactWriteItems"] < 200, "{first:?}");
    // Lease taken and given back.
    assert_eq!(second["TransactWriteItems"], 2);
    assert!(second["Query"] < 60, "{second:?}");
    assert!(units < 60, "{units}");
    assert_eq!(third["TransactWriteItems"], 3);
}

/// Prints what docs/table.md says. `cargo test -p whittle-aws -- --ignored bill --nocapture`
#[test]
#[ignore = "prints numbers for the documentation; takes a minute"]
fn bill() {
    for count in [10, 1000, 10_000] {
        for (run, (calls, read, write)) in ["first", "nothing new", "one changed"].into_iter().zip(account(count)) {
            println!("{count} {run}: {calls:?}, {read} read units, {write} write units");
        }
    }
}
