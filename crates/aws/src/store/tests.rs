use std::cell::Cell;

use whittle_analysis::result::Severity;
use whittle_testkit::store_suite::sample::{ACCOUNT, at, joined, marks_of, object, record, report, run_record, seen};
use whittle_testkit::store_suite::{ServicePlace, StorePlace, every_service_store, every_store};

use super::*;
use crate::bridge::Bridge;
use fake::{FakeTable, Fault};

mod crash;
mod emulator;
mod fake;
mod items;
mod race;
mod volume;

/// A place in the fake table.
#[derive(Default)]
pub(super) struct Fakes {
    table: FakeTable,
    count: Cell<i64>,
}

fn store(table: &FakeTable) -> DynamoStore {
    DynamoStore::with_client(table.client(), Bridge::new().unwrap(), "whittle").for_account(ACCOUNT)
}

fn lease(run_id: &str, now: i64, expires: i64) -> Lease {
    Lease { run_id: run_id.to_owned(), now: at(now), expires: at(expires) }
}

/// A store that has begun a run.
fn begun(table: &FakeTable, run_id: &str, now: i64) -> DynamoStore {
    let mut store = store(table);
    let begun = store.begin_run(&lease(run_id, now, now + 1)).unwrap();
    assert!(matches!(begun, Begun::Started { .. }), "{begun:?}");
    store
}

impl StorePlace for Fakes {
    type Store = DynamoStore;

    fn open(&self) -> DynamoStore {
        self.count.set(self.count.get() + 1);
        begun(&self.table, &format!("run-{}", self.count.get()), 100 * self.count.get())
    }
}

impl ServicePlace for Fakes {
    fn connect(&self) -> DynamoStore {
        store(&self.table)
    }
}

#[test]
fn it_does_what_every_store_does() {
    every_store(Fakes::default);
    every_service_store(Fakes::default);
}

#[test]
fn a_table_that_is_not_there_is_an_error_with_advice() {
    let table = FakeTable::default();
    table.drop_table();
    let mut store = store(&table);
    for error in [store.begin_run(&lease("one", 0, 1)).unwrap_err(), store.functions("orders").unwrap_err()] {
        assert_eq!(error.kind(), &PortErrorKind::Invalid);
        assert_eq!(error.to_string(), "there is no table `whittle` in this Region");
        assert!(error.hint().unwrap().contains("sam deploy"));
    }
}

#[test]
fn a_refused_call_names_the_missing_action() {
    let table = FakeTable::default();
    table.fail(Some(Fault::KilledBefore(0)));
    let error = store(&table).begin_run(&lease("one", 0, 1)).unwrap_err();
    assert_eq!(error.kind(), &PortErrorKind::AccessDenied { action: "dynamodb:PutItem".to_owned() });
    assert!(error.hint().unwrap().contains("template.yaml"), "{:?}", error.hint());
}

#[test]
fn transactions_are_repeated_while_the_table_is_busy() {
    for reason in ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"] {
        let table = FakeTable::default();
        let mut store = begun(&table, "one", 0);
        table.fail(Some(Fault::Canceled(2, reason)));
        store.save_report(&report(&["mail", "orders"]), &SaveScope::Account).unwrap();
        table.fail(None);
        assert_eq!(store.functions("orders").unwrap().len(), 1, "{reason}");
    }
    let table = FakeTable::default();
    let mut store = begun(&table, "one", 0);
    table.fail(Some(Fault::Canceled(1, "ValidationError")));
    let error = store.save_report(&report(&["mail"]), &SaveScope::Account).unwrap_err();
    assert_eq!(error.kind(), &PortErrorKind::Bug, "{error}");
}

#[test]
fn the_empty_name_is_no_table() {
    let config = aws_config::SdkConfig::builder().build();
    let aws = Aws::from_config(config).unwrap();
    assert_eq!(DynamoStore::open(&aws, " ").unwrap_err().kind(), &PortErrorKind::Invalid);
}
