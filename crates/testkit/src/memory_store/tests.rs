use std::cell::Cell;

use whittle_analysis::result::Severity;
use whittle_pipeline::dry_run::DryRun;

use super::*;
use crate::store_suite::sample::{self, at};
use crate::store_suite::{ServicePlace, StorePlace, every_service_store, every_store, every_write};

#[derive(Default)]
struct Runs {
    memory: Memory,
    count: Cell<i64>,
}

impl StorePlace for Runs {
    type Store = MemoryStore;

    fn open(&self) -> MemoryStore {
        self.count.set(self.count.get() + 1);
        let mut store = self.memory.store();
        let now = 100 * self.count.get();
        let lease = Lease { run_id: format!("run-{now}"), now: at(now), expires: at(now + 1) };
        assert!(matches!(store.begin_run(&lease).unwrap(), Begun::Started { .. }));
        store
    }
}

impl ServicePlace for Runs {
    fn connect(&self) -> MemoryStore {
        self.memory.store()
    }
}

#[test]
fn it_does_what_every_store_does() {
    every_store(Runs::default);
    every_service_store(Runs::default);
}

#[test]
fn a_dry_run_reads_its_own_writes_and_writes_nothing() {
    let memory = Memory::default();
    let mut real = memory.store();
    let lease = Lease { run_id: "real".to_owned(), now: at(0), expires: at(9) };
    real.begin_run(&lease).unwrap();
    real.save_report(&sample::report(&["mail", "orders"]), &SaveScope::Account).unwrap();
    real.save_finding_records(sample::ACCOUNT, &[sample::record("orders", Severity::High)]).unwrap();
    let before = memory.writes();

    let mut dry = DryRun::new(memory.store());
    // The real run goes on: no lease is asked for.
    let begun = dry.begin_run(&Lease { run_id: "dry".to_owned(), now: at(1), expires: at(9) }).unwrap();
    assert_eq!(begun, Begun::Started { last: None });
    for (name, write) in every_write::<DryRun<MemoryStore>>() {
        write(&mut dry).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    // The report that was saved last has neither `mail` nor `orders`.
    assert_eq!(dry.functions("late").unwrap().len(), 1);
    assert_eq!(dry.functions("orders").unwrap(), []);
    assert_eq!(dry.roles("late-Role").unwrap().len(), 1);
    assert_eq!(dry.roles("orders-Role").unwrap(), []);
    assert_eq!(dry.findings(sample::ACCOUNT).unwrap().len(), 2);
    assert_eq!(dry.finding_records(sample::ACCOUNT).unwrap().len(), 2);
    assert_eq!(dry.kept_documents().unwrap().len(), 1);
    assert_eq!(dry.baselines().unwrap().len(), 1);
    assert!(!dry.load_ledger().unwrap().is_empty());
    assert!(!dry.read_marks().unwrap().sources.is_empty());
    dry.end_run(&sample::run_record("dry"), true).unwrap();

    assert_eq!(memory.writes(), before);
    let mut below = dry.into_inner();
    assert_eq!(below.names().unwrap(), ["mail", "mail-Role", "orders", "orders-Role"]);
    assert_eq!(below.last_run().unwrap(), None);
    real.renew(at(10)).unwrap();
}
