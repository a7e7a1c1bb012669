//! Two runs at once.

use super::*;

/// One run is stopped before its n-th transaction until another one took over: for every n.
#[test]
fn a_run_that_is_overtaken_in_the_middle_stops_there() {
    let names: Vec<String> = (0..150).map(|number| format!("function-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut second = report(&names[10..]);
    for function in &mut second.functions {
        function.active_days = 8;
    }
    let expect = FakeTable::default();
    let mut store = begun(&expect, "two", 10);
    store.save_report(&second, &SaveScope::Account).unwrap();
    store.save_finding_records(ACCOUNT, &[record("orders", Severity::High)]).unwrap();
    let mut overtaken = 0;
    for at in 0..20 {
        let table = FakeTable::default();
        let mut slow = begun(&table, "one", 0);
        let (reached, resume) = table.pause_after(at);
        let first = report(&names);
        let other = std::thread::spawn(move || {
            let saved = slow.save_report(&first, &SaveScope::Account);
            (saved, slow)
        });
        let bridge = Bridge::new().unwrap();
        let in_time = bridge.wait(async move {
            Ok(tokio::time::timeout(std::time::Duration::from_millis(500), reached.notified()).await.is_ok())
        });
        if !in_time.unwrap() {
            // It was done before.
            other.join().unwrap().0.unwrap();
            break;
        }
        overtaken += 1;
        let mut fast = begun(&table, "two", 10);
        // The first goes on while the second is at work.
        resume.notify_one();
        fast.save_report(&second, &SaveScope::Account).unwrap();
        let (saved, mut slow) = other.join().unwrap();
        assert_eq!(saved.unwrap_err().kind(), &PortErrorKind::LeaseLost, "at {at}");
        fast.save_finding_records(ACCOUNT, &[record("orders", Severity::High)]).unwrap();
        let late = slow.save_finding_records(ACCOUNT, &[record("mail", Severity::High)]);
        assert_eq!(late.unwrap_err().kind(), &PortErrorKind::LeaseLost);
        let results: Vec<_> = names.iter().flat_map(|name| fast.functions(name).unwrap()).collect();
        assert_eq!(results.len(), 140, "at {at}");
        assert!(results.iter().all(|result| result.active_days == 8));
        assert_eq!(fast.finding_records(ACCOUNT).unwrap().len(), 1);
        assert_eq!(fast.save_report(&second, &SaveScope::Account).unwrap(), Changes::default());
        assert_eq!(fast.names().unwrap(), store.names().unwrap());
    }
    assert!(overtaken >= 5, "only {overtaken}");
}

#[test]
fn of_two_that_begin_at_once_one_is_busy() {
    for _ in 0..20 {
        let table = FakeTable::default();
        let answers: Vec<Begun> = std::thread::scope(|scope| {
            let threads: Vec<_> = ["one", "two", "three"]
                .map(|run| {
                    let table = &table;
                    scope.spawn(move || store(table).begin_run(&lease(run, 0, 1)).unwrap())
                })
                .into();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let started = answers.iter().filter(|begun| matches!(begun, Begun::Started { .. })).count();
        assert_eq!(started, 1, "{answers:?}");
    }
}

/// A ledger row that somebody else wrote is joined as long as the lease is ours.
#[test]
fn a_ledger_that_changed_since_it_was_loaded_is_joined() {
    let table = FakeTable::default();
    let mut one = begun(&table, "one", 0);
    let empty = one.load_ledger().unwrap();
    assert!(empty.is_empty());
    let save = |store: &mut DynamoStore, ledger: &Ledger| {
        store.save_evidence(EvidenceBatch { ledger, objects: &[], marks: &ReadMarks::default() }).unwrap();
    };
    save(&mut one, &joined(&[seen("orders", 1), seen("mail", 1)]));
    let mut two = begun(&table, "two", 10);
    let loaded = two.load_ledger().unwrap();
    let mut three = begun(&table, "three", 20);
    save(&mut three, &seen("orders", 3));
    // The second begins again, and still believes what it loaded.
    let known = std::mem::take(&mut two.cache.ledger);
    two.begin_run(&lease("four", 30, 31)).unwrap();
    two.cache.ledger = known;
    let mut more = loaded.clone();
    more.merge(&seen("orders", 2));
    save(&mut two, &more);
    let all = joined(&[more, seen("orders", 3)]);
    assert_eq!(store(&table).load_ledger().unwrap(), all);
    // Once everything is loaded and saved, nothing is written again.
    let mut last = begun(&table, "five", 40);
    let ledger = last.load_ledger().unwrap();
    table.forget_bill();
    save(&mut last, &ledger);
    assert_eq!(table.written(), []);
}
