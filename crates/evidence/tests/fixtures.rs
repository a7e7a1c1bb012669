//! The whole path on small files of our own: bytes to records to ledger to coverage.

#![expect(clippy::unwrap_used, reason = "what a test cannot read is a failure of the test")]

use whittle_catalog::catalog;
use whittle_evidence::attribute::{Caller, FunctionRef, RoleFunctions, resolve};
use whittle_evidence::coverage::{ActionAsked, BlindReason, Coverage, CoverageEvidence, DayWindow, Trails};
use whittle_evidence::ledger::{ChangeKind, Ledger, RecordSource};
use whittle_evidence::map::{EventClass, Mapper};
use whittle_evidence::read::{FileKind, Limits, read_bytes};

const TRAIL_FILE: &[u8] = include_bytes!("data/trail.json");
const LOOKUP: &[u8] = include_bytes!("data/lookup-events.json");
const EVENTBRIDGE: &[u8] = include_bytes!("data/eventbridge.ndjson");
const TRAILS: &str = include_str!("data/trails.json");

const ROLE_ID: &str = "AROAEXAMPLESHOPROLE01";
const ROLE_ARN: &str = "arn:aws:iam::111122223333:role/shop/checkout-role";
const CHECKOUT: &str = "arn:aws:lambda:eu-west-1:111122223333:function:checkout";

fn observe(ledger: &mut Ledger, bytes: &[u8], kind: FileKind, records: u64) {
    let mut mapper = Mapper::default();
    let report = read_bytes("fixture", bytes, &Limits::default(), &mut |read| {
        let class =
            ledger.observe_record(read.record, &RecordSource::Folder { location: "fixtures".to_owned() }, &mut mapper);
        assert_ne!(class, Some(EventClass::Unknown), "{}", read.record.event_name);
    });
    assert_eq!((report.kind, report.records), (kind, records), "{:?}", report.issues);
    assert!(report.issues.is_empty(), "{:?}", report.issues);
}

fn ledger() -> Ledger {
    let mut ledger = Ledger::default();
    observe(&mut ledger, TRAIL_FILE, FileKind::Records, 7);
    observe(&mut ledger, LOOKUP, FileKind::LookupEvents, 2);
    observe(&mut ledger, EVENTBRIDGE, FileKind::Lines, 1);
    ledger
}

/// `caller | action | resources | days | denied days`, one a line.
fn usage(ledger: &Ledger) -> Vec<String> {
    let role = ledger.of_role(ROLE_ID, ROLE_ARN).unwrap();
    let mut functions: Vec<&str> = role.functions().collect();
    functions.push(CHECKOUT);
    let functions = RoleFunctions::new(functions);
    let mut lines = Vec::new();
    for (key, caller) in role.callers() {
        let who = match resolve(key, &functions) {
            Caller::Function(FunctionRef::Arn(arn)) => arn.rsplit(':').next().unwrap().to_owned(),
            Caller::Function(other) => format!("{other:?}"),
            Caller::Platform { .. } => "platform".to_owned(),
            Caller::Other => "other".to_owned(),
        };
        for (action, usage) in caller.usage() {
            let resources = usage.authorised.as_ref().map_or(Vec::new(), |sighting| sighting.resources.patterns());
            let resources = resources.join(",");
            lines.push(format!("{who} | {action} | {resources} | {} | {}", usage.active_days(), usage.denied_days()));
        }
    }
    lines.sort();
    lines
}

#[test]
fn usage_of_one_role_by_caller() {
    let lines = usage(&ledger());
    for expect in [
        "checkout | dynamodb:PutItem | arn:aws:dynamodb:eu-west-1:111122223333:table/orders | 2 | 0",
        "checkout | s3:GetObject | arn:aws:s3:::shop-assets/prices/* | 1 | 0",
        "checkout | sns:Publish |  | 0 | 1",
        "platform | sqs:SendMessage | arn:aws:sqs:eu-west-1:111122223333:checkout-dlq | 1 | 0",
    ] {
        assert!(lines.iter().any(|line| line == expect), "{expect}\n{lines:#?}");
    }
    assert!(lines.iter().any(|line| line.starts_with("other | ")), "{lines:#?}");
}

#[test]
fn facts_of_the_account() {
    let ledger = ledger();
    let facts = ledger.account();
    let changed: Vec<&str> = facts.changes(ChangeKind::Code).map(|(change, _)| change.subject.as_str()).collect();
    assert_eq!(changed, ["checkout"]);
    let days = facts.observed("111122223333", 0..30_000).unwrap();
    assert_eq!(days.len(), 5);
    let role = ledger.role(ROLE_ID).unwrap();
    assert_eq!((role.arn(), role.account()), (Some(ROLE_ARN), Some("111122223333")));
    assert_eq!(role.assumed_days().len(), 1);
}

#[test]
fn coverage_of_the_window() {
    let ledger = ledger();
    let trails = Trails::parse(TRAILS).unwrap();
    assert!(trails.issues.is_empty(), "{:?}", trails.issues);
    let window = DayWindow::new(&ledger.account().observed("111122223333", 0..30_000).unwrap());
    let coverage = Coverage::new(CoverageEvidence {
        account: "111122223333",
        trails: Some(&trails),
        history: None,
        facts: ledger.account(),
        window,
        assume_quiet_days: true,
    });
    let observability = |action: &str, resource: &str| {
        let id = catalog().action(action).unwrap();
        let asked = ActionAsked { resource, region: Some("eu-west-1"), work_regions: &[], role_arn: Some(ROLE_ARN) };
        coverage.assess_action(id, &asked)
    };
    assert!(observability("iam:CreateUser", "*").is_full());
    assert!(observability("s3:PutObject", "arn:aws:s3:::shop-assets/*").is_full());
    let other_bucket = observability("s3:PutObject", "arn:aws:s3:::other/*");
    assert!(matches!(other_bucket.reason(), Some(BlindReason::NotSelected { some: true, .. })), "{other_bucket:?}");
    assert!(!observability("dynamodb:GetItem", "*").is_full());
}
