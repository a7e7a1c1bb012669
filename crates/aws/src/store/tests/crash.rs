//! Kills at every transaction of a run.

use whittle_testkit::store_suite::sample::{baseline, document, noise, role_arn};

use super::*;
use whittle_analysis::reason::Reason;

/// The writes of a run, in several transactions each.
fn whole_run(store: &mut DynamoStore, names: &[&str], day: u8) -> Result<(), PortError> {
    let mut ledger = store.load_ledger()?;
    store.read_marks()?;
    for name in names {
        ledger.merge(&seen(name, day));
    }
    let objects = [object(&format!("{day}.json"), "1")];
    store.save_evidence(EvidenceBatch { ledger: &ledger, objects: &objects, marks: &marks_of(&objects) })?;
    let mut documents: KeptDocuments =
        names.iter().map(|name| ((*name).to_owned(), document(&format!("{name} {day}")))).collect();
    documents.insert("large".to_owned(), document(&format!("{day}{}", noise(500 * 1024))));
    store.kept_documents()?;
    store.keep_documents(&documents)?;
    store.baselines()?;
    let baselines: Vec<_> = names.iter().map(|name| baseline(name, &format!("AROA{day}"))).collect();
    store.save_baselines(&baselines, &BTreeSet::from([role_arn(ACCOUNT, "gone")]))?;
    let mut report = report(names);
    for function in &mut report.functions {
        function.active_days = u32::from(day);
    }
    report.functions[0].verdicts[0].reason = Reason::Text(format!("{day}{}", noise(700 * 1024)));
    store.save_report(&report, &SaveScope::Account)?;
    store.finding_records(ACCOUNT)?;
    let records: Vec<_> = names.iter().map(|name| record(name, Severity::High)).collect();
    store.save_finding_records(ACCOUNT, &records)
}

fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("function-{number}")).collect()
}

#[test]
fn a_kill_at_any_write_costs_nothing_but_the_repetition() {
    let first = names(70);
    let first: Vec<&str> = first.iter().map(String::as_str).collect();
    // Functions go, others come.
    let second = &first[..60];
    let before = FakeTable::default();
    whole_run(&mut begun(&before, "zero", 0), &first, 1).unwrap();
    whole_run(&mut begun(&before, "one", 10), second, 2).unwrap();
    let undisturbed = before.dump();
    let mut kills = 0;
    for at in 1.. {
        let mut finished = false;
        for fault in [Fault::KilledBefore(at), Fault::KilledAfter(at)] {
            let table = FakeTable::default();
            whole_run(&mut begun(&table, "zero", 0), &first, 1).unwrap();
            table.fail(Some(fault));
            let mut store = begun(&table, "one", 10);
            finished = whole_run(&mut store, second, 2).is_ok();
            if finished {
                break;
            }
            kills += 1;
            // The next run, at the same moment so that what it writes can be compared.
            table.fail(None);
            whole_run(&mut begun(&table, "one", 10), second, 2).unwrap_or_else(|error| panic!("{fault:?}: {error}"));
            let after = table.dump();
            let differ: Vec<_> = undisturbed
                .iter()
                .filter(|(key, item)| after.get(*key) != Some(item))
                .map(|(key, _)| key)
                .chain(after.keys().filter(|key| !undisturbed.contains_key(*key)))
                .collect();
            assert!(differ.is_empty(), "{fault:?}: {differ:?}");
        }
        if finished {
            break;
        }
    }
    assert!(kills > 20, "only {kills} kills: the run is too small to say anything");
}

#[test]
fn a_failed_call_may_be_repeated_by_the_same_store() {
    let table = FakeTable::default();
    let mut store = begun(&table, "one", 0);
    let names = names(120);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    table.fail(Some(Fault::KilledAfter(1)));
    whole_run(&mut store, &names, 1).unwrap_err();
    table.fail(None);
    whole_run(&mut store, &names, 1).unwrap();
    let undisturbed = FakeTable::default();
    whole_run(&mut begun(&undisturbed, "one", 0), &names, 1).unwrap();
    assert!(table.dump() == undisturbed.dump());
}
