use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;

use super::*;
use crate::memory::Memory;

/// Objects with one event each; some may not be read.
#[derive(Default)]
struct Objects {
    count: usize,
    parallel: usize,
    denied: BTreeSet<usize>,
    broken: BTreeSet<usize>,
    reads: AtomicUsize,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
    slow: AtomicBool,
}

impl TrailObjects for Objects {
    fn list(&self, _: &ReadMarks) -> Result<(Vec<TrailObject>, Vec<Issue>), PortError> {
        let object = |index: usize| TrailObject {
            source: "trail".to_owned(),
            key: format!("{index:05}.json"),
            version: "1".to_owned(),
            size_bytes: 1_000,
        };
        Ok(((0..self.count).map(object).collect(), Vec::new()))
    }

    fn read(&self, object: &TrailObject) -> Result<Vec<u8>, PortError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let at_once = self.at_once.fetch_add(1, Ordering::Relaxed) + 1;
        self.most_at_once.fetch_max(at_once, Ordering::Relaxed);
        if self.slow.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.at_once.fetch_sub(1, Ordering::Relaxed);
        let index: usize = object.key.trim_end_matches(".json").parse().unwrap();
        if self.denied.contains(&index) {
            let kind = PortErrorKind::AccessDenied { action: "s3:GetObject".to_owned() };
            return Err(PortError::new(kind, "may not be read").with_hint("allow it"));
        }
        if self.broken.contains(&index) {
            return Err(PortError::new(PortErrorKind::Transient, "broke off"));
        }
        let role = format!("AROAEXAMPLE{:08}", index % 70);
        let record = json!({
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "AssumedRole", "principalId": format!("{role}:f"), "accountId": "111122223333",
                "sessionContext": {"sessionIssuer": {
                    "type": "Role", "principalId": role, "accountId": "111122223333",
                    "arn": "arn:aws:iam::111122223333:role/r", "userName": "r",
                }},
            },
            "eventTime": format!("2026-09-{:02}T00:00:00Z", index % 28 + 1),
            "eventSource": "dynamodb.amazonaws.com", "eventName": "DescribeTable", "awsRegion": "eu-west-1",
            "requestParameters": {"tableName": format!("t{index}")},
            "eventID": format!("id-{index}"), "eventType": "AwsApiCall", "recipientAccountId": "111122223333",
            "eventCategory": "Management", "managementEvent": true,
        });
        Ok(json!({"Records": [record]}).to_string().into_bytes())
    }

    fn parallel_reads(&self) -> usize {
        self.parallel
    }
}

fn read(objects: &Objects) -> (Memory, IngestSummary, Vec<Issue>) {
    let mut store = Memory::default();
    let mut evidence = Evidence::default();
    let (summary, issues) = ingest(objects, &mut store, &mut evidence, &mut (), &|| false).unwrap();
    assert!(evidence.marks == store.marks && evidence.ledger == store.ledger || store.saves == 0);
    (store, summary, issues)
}

#[test]
fn reading_many_at_once_gives_the_same_as_reading_on_all_cores() {
    let broken = BTreeSet::from([3, 250]);
    let (one, first, issues) = read(&Objects { count: 300, broken: broken.clone(), ..Objects::default() });
    for parallel in [1, 2, 16, 400] {
        let objects = Objects { count: 300, parallel, broken: broken.clone(), ..Objects::default() };
        let (two, second, more) = read(&objects);
        assert!(one.ledger == two.ledger && one.marks == two.marks);
        assert_eq!((&first, &issues), (&second, &more));
        assert_eq!(second.records, 298);
    }
}

#[test]
fn as_many_are_under_way_as_the_source_wants() {
    let objects = Objects { count: 64, parallel: 16, slow: AtomicBool::new(true), ..Objects::default() };
    read(&objects);
    let most = objects.most_at_once.load(Ordering::Relaxed);
    assert!((9..=16).contains(&most), "{most}");
}

#[test]
fn where_reading_means_waiting_a_batch_holds_not_too_many() {
    let (store, summary, _) = read(&Objects { count: 4_500, parallel: 8, ..Objects::default() });
    assert_eq!((store.saves, summary.read), (3, 4_500));
    let (store, ..) = read(&Objects { count: 4_500, ..Objects::default() });
    assert_eq!(store.saves, 1);
}

#[test]
fn a_missing_permission_ends_the_reading_and_marks_nothing() {
    let objects = Objects { count: 5_000, parallel: 8, denied: (0..5_000).collect(), ..Objects::default() };
    let (store, summary, issues) = read(&objects);
    assert_eq!((summary.read, summary.left, summary.denied, store.saves), (0, 0, 5_000, 0));
    assert_eq!(objects.reads.load(Ordering::Relaxed), 2_001);
    let issue = Issue { count: 5_000, ..Issue::new(IssueKind::Unavailable, "trail", "may not be read") };
    assert_eq!(issues, [issue.with_hint("allow it")]);
}

#[test]
fn objects_that_are_denied_do_not_keep_others_from_being_read() {
    let objects = Objects { count: 2_500, parallel: 8, denied: (0..2_100).collect(), ..Objects::default() };
    let (store, summary, _) = read(&objects);
    assert_eq!((summary.read, summary.denied), (400, 0));
    assert_eq!(store.marks.sources["trail"].failed.len(), 2_100);
}

#[test]
#[should_panic(expected = "a scoped thread panicked")]
fn a_panic_while_parsing_ends_the_reading() {
    struct Odd;
    impl TrailObjects for Odd {
        fn list(&self, _: &ReadMarks) -> Result<(Vec<TrailObject>, Vec<Issue>), PortError> {
            Objects { count: 50, ..Objects::default() }.list(&ReadMarks::default())
        }

        fn read(&self, _: &TrailObject) -> Result<Vec<u8>, PortError> {
            panic!("in a test");
        }

        fn parallel_reads(&self) -> usize {
            4
        }
    }
    let mut evidence = Evidence::default();
    let _ = ingest(&Odd, &mut Memory::default(), &mut evidence, &mut (), &|| false);
}

#[test]
fn bounds_follow_the_memory() {
    let default = ReadingBounds::default();
    assert_eq!(ReadingBounds::for_memory(1 << 40, 2), default);
    let small = ReadingBounds::for_memory(256 * MIB, 2);
    assert_eq!((small.batch_bytes, small.inflated_bytes), (32 * MIB, 52 << 20));
    let middle = ReadingBounds::for_memory(512 * MIB, 2);
    assert_eq!((middle.batch_bytes, middle.inflated_bytes), (64 * MIB, 64 << 20));
}

/// Of roles that nobody judges the days are kept, and facts of the account from all events.
#[test]
fn usage_of_other_roles_is_kept_as_days() {
    let objects = Objects { count: 60, ..Objects::default() };
    let mut whole = (Memory::default(), Evidence::default());
    ingest(&objects, &mut whole.0, &mut whole.1, &mut (), &|| false).unwrap();
    let mut part = (Memory::default(), Evidence::default());
    part.1.reading.kept_roles = KeptRoles::only(["arn:aws:iam::111122223333:role/other".to_owned()]);
    ingest(&objects, &mut part.0, &mut part.1, &mut (), &|| false).unwrap();
    assert_eq!(part.0.ledger.account(), whole.0.ledger.account());
    assert_eq!(part.0.ledger.roles().count(), whole.0.ledger.roles().count());
    for (id, role) in part.0.ledger.roles() {
        let full = whole.0.ledger.role(id).unwrap();
        let days: whittle_evidence::ledger::DaySet =
            full.callers().flat_map(|(_, caller)| caller.seen().unwrap().days.iter()).collect();
        assert_eq!((role.summarised_days(), role.callers().count(), role.arn()), (&days, 0, full.arn()));
    }
    // Merging with what was kept in full loses neither.
    let mut both = whole.0.ledger.clone();
    both.merge(&part.0.ledger);
    let (_, role) = both.roles().next().unwrap();
    assert!(role.callers().count() > 0 && !role.summarised_days().is_empty());
}

#[test]
fn a_store_of_an_earlier_layout_is_read_again_and_told() {
    let facts = r#"{"version":1,"account":{"regions":[],"trail_files":true},"roles":{}}"#;
    let mut store = Memory { ledger: Ledger::from_bytes(facts.as_bytes()).unwrap(), ..Memory::default() };
    let objects = Objects { count: 2, ..Objects::default() };
    for object in objects.list(&ReadMarks::default()).unwrap().0 {
        store.marks.note_read(&object, Vec::new());
    }
    let mut evidence = Evidence::load(&mut store).unwrap();
    let (summary, issues) = ingest(&objects, &mut store, &mut evidence, &mut (), &|| false).unwrap();
    assert_eq!((summary.read, issues[0].kind.as_str()), (2, "earlier-store"));
}
