//! A run that is cut off loses nothing, and a later one reads only what is new.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

use serde_json::json;
use whittle_analysis::issue::Issue;
use whittle_evidence::ledger::Ledger;
use whittle_local::store::SqliteStore;
use whittle_pipeline::ingest::{Evidence, IngestObserver, IngestStep, IngestSummary, ingest};
use whittle_pipeline::marks::ReadMarks;
use whittle_pipeline::ports::{PortError, PortErrorKind, TrailObjects};
use whittle_pipeline::trail_object::TrailObject;

/// Objects that claim to be large, so that each is a batch of its own; remembers what was read.
struct Objects {
    count: usize,
    unreadable: Option<usize>,
    read: Mutex<Vec<String>>,
}

impl Objects {
    fn new(count: usize) -> Self {
        Self { count, unreadable: None, read: Mutex::new(Vec::new()) }
    }

    fn read(&self) -> Vec<String> {
        let mut read = self.read.lock().unwrap().clone();
        read.sort();
        read
    }
}

impl TrailObjects for Objects {
    fn list(&self, _: &ReadMarks) -> Result<(Vec<TrailObject>, Vec<Issue>), PortError> {
        let object = |index: usize| TrailObject {
            source: "test".to_owned(),
            key: format!("{index}.json"),
            version: "1".to_owned(),
            size_bytes: 60 * 1024 * 1024,
        };
        Ok(((0..self.count).map(object).collect(), Vec::new()))
    }

    fn read(&self, object: &TrailObject) -> Result<Vec<u8>, PortError> {
        let index: usize = object.key.trim_end_matches(".json").parse().unwrap();
        if self.unreadable == Some(index) {
            return Err(PortError::new(PortErrorKind::Transient, "the disk is tired"));
        }
        self.read.lock().unwrap().push(object.key.clone());
        let record = json!({
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "AssumedRole", "principalId": "AROAEXAMPLE00000001:f", "accountId": "111122223333",
                "arn": "arn:aws:sts::111122223333:assumed-role/r/f",
                "sessionContext": {"sessionIssuer": {
                    "type": "Role", "principalId": "AROAEXAMPLE00000001", "accountId": "111122223333",
                    "arn": "arn:aws:iam::111122223333:role/r", "userName": "r",
                }},
            },
            "eventTime": format!("2026-09-{:02}T00:00:00Z", index + 1),
            "eventSource": "dynamodb.amazonaws.com", "eventName": "DescribeTable", "awsRegion": "eu-west-1",
            "requestParameters": {"tableName": format!("t{index}")},
            "eventID": format!("id-{index}"), "eventType": "AwsApiCall", "recipientAccountId": "111122223333",
            "eventCategory": "Management", "managementEvent": true,
        });
        Ok(json!({"Records": [record]}).to_string().into_bytes())
    }
}

struct Killed {
    after: usize,
}

impl IngestObserver for Killed {
    fn step(&mut self, _: &IngestStep) {
        self.after -= 1;
        assert!(self.after > 0, "killed");
    }
}

/// Reads everything that is new, as a run does.
fn read(
    objects: &Objects,
    store: &mut SqliteStore,
    observer: &mut dyn IngestObserver,
) -> Result<(Ledger, IngestSummary, Vec<Issue>), PortError> {
    let mut evidence = Evidence::load(store)?;
    let (summary, mut issues) = ingest(objects, store, &mut evidence, observer, &|| false)?;
    issues.extend(evidence.marks.issues());
    Ok((evidence.ledger, summary, issues))
}

fn whole(objects: &Objects) -> Ledger {
    read(objects, &mut SqliteStore::open_in_memory().unwrap(), &mut ()).unwrap().0
}

#[test]
fn a_killed_run_goes_on_where_it_saved_last() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.sqlite");
    let objects = Objects::new(6);
    let killed = catch_unwind(AssertUnwindSafe(|| {
        let mut store = SqliteStore::open(&path).unwrap();
        read(&objects, &mut store, &mut Killed { after: 3 })
    }));
    assert!(killed.is_err());
    assert_eq!(objects.read(), ["0.json", "1.json", "2.json"]);

    let rest = Objects::new(6);
    let (ledger, summary, _) = read(&rest, &mut SqliteStore::open(&path).unwrap(), &mut ()).unwrap();
    assert_eq!(rest.read(), ["3.json", "4.json", "5.json"], "only what is new is read");
    assert_eq!((summary.known, summary.read), (3, 3));
    assert_eq!(ledger.to_bytes().unwrap(), whole(&Objects::new(6)).to_bytes().unwrap());
}

#[test]
fn an_object_that_cannot_be_read_is_told_and_tried_again() {
    let mut store = SqliteStore::open_in_memory().unwrap();
    let broken = Objects { unreadable: Some(1), ..Objects::new(3) };
    let (_, summary, issues) = read(&broken, &mut store, &mut ()).unwrap();
    assert_eq!(summary.read, 2);
    assert!(issues.iter().any(|issue| issue.place == "1.json" && issue.message.contains("tired")), "{issues:#?}");
    let (ledger, summary, issues) = read(&Objects::new(3), &mut store, &mut ()).unwrap();
    assert_eq!((summary.known, summary.read), (2, 1));
    assert!(issues.is_empty(), "{issues:#?}");
    assert_eq!(ledger.to_bytes().unwrap(), whole(&Objects::new(3)).to_bytes().unwrap());
}
