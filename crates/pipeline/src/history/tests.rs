//! Whatever the service does and whenever a run is stopped, the ledger ends up as if all had been read at
//! once.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use proptest::prelude::*;
use serde_json::json;
use whittle_analysis::issue::IssueKind;
use whittle_evidence::ledger::Ledger;
use whittle_evidence::ledger::RecordSource;

use super::*;
use crate::memory::Memory;
use crate::ports::{HistoryRequest, PortErrorKind};

const PAGE: usize = 3;
const HOUR: i64 = 3_600;

/// Midnight of the day before the first run: where a lookback of one day begins.
const MIDNIGHT: i64 = 1_788_220_800;

/// Noon of the day of the first run.
const NOON: i64 = MIDNIGHT + 36 * HOUR;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[derive(Debug, Clone)]
struct Event {
    id: usize,
    second: i64,
    /// When the service begins to show it.
    shown: i64,
}

impl Event {
    /// Each under a role of its own, so that the ledger tells all of them apart.
    fn text(&self) -> String {
        let id = format!("AROAEXAMPLE{:08}", self.id);
        json!({
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "AssumedRole", "principalId": format!("{id}:f"), "accountId": "111122223333",
                "arn": "arn:aws:sts::111122223333:assumed-role/r/f",
                "sessionContext": {"sessionIssuer": {
                    "type": "Role", "principalId": id, "accountId": "111122223333",
                    "arn": format!("arn:aws:iam::111122223333:role/r{}", self.id), "userName": "r",
                }},
            },
            "eventTime": at(self.second).to_string(),
            "eventSource": "dynamodb.amazonaws.com", "eventName": "DescribeTable", "awsRegion": "eu-west-1",
            "requestParameters": {"tableName": "t"},
            "eventID": format!("id-{}", self.id), "eventType": "AwsApiCall", "recipientAccountId": "111122223333",
            "eventCategory": "Management", "managementEvent": true,
        })
        .to_string()
    }
}

fn body(texts: impl Iterator<Item = String>) -> Vec<u8> {
    let events: Vec<_> = texts.map(|text| json!({"CloudTrailEvent": text})).collect();
    json!({"Events": events}).to_string().into_bytes()
}

/// What all events of `regions` together give.
fn oracle<'e>(events: impl Iterator<Item = &'e Event>) -> Ledger {
    let mut evidence = Evidence::default();
    let page = HistoryPage { body: body(events.map(Event::text)), oldest: None, next: None };
    page::observe("all", &page, &mut evidence, &mut Mapper::default());
    evidence.ledger
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    TokenExpired,
    Repeat,
    Denied,
    Empty,
    Circle,
    Broken,
    OtherTime,
}

#[derive(Default)]
struct Service {
    regions: BTreeMap<String, Vec<Event>>,
    faults: Mutex<BTreeMap<String, VecDeque<Fault>>>,
    last: Mutex<BTreeMap<String, HistoryPage>>,
    now: AtomicI64,
    /// Seconds that a page takes.
    page_seconds: i64,
    pages: AtomicUsize,
    requests: Mutex<Vec<HistoryRequest>>,
    /// Tokens that came with another question than their own.
    misused: AtomicUsize,
}

impl Service {
    fn new(regions: impl IntoIterator<Item = (&'static str, Vec<Event>)>) -> Self {
        let regions = regions.into_iter().map(|(name, events)| (name.to_owned(), events)).collect();
        Self { regions, now: AtomicI64::new(NOON), ..Self::default() }
    }

    fn fault(&self, region: &str) -> Fault {
        self.faults.lock().unwrap().get_mut(region).and_then(VecDeque::pop_front).unwrap_or(Fault::None)
    }

    fn set_faults(&self, region: &str, faults: impl IntoIterator<Item = Fault>) {
        self.faults.lock().unwrap().insert(region.to_owned(), faults.into_iter().collect());
    }

    fn answer(&self, request: &HistoryRequest) -> Result<HistoryPage, PortError> {
        assert!(request.start <= request.end, "an answer to {request:?} would be an error");
        let now = self.now.fetch_add(self.page_seconds, Ordering::Relaxed);
        let fault = self.fault(&request.region);
        let (start, end) = (request.start.as_second(), request.end.as_second());
        // The token says after which event to go on: later arrivals do not move it.
        if request.token.as_ref().is_some_and(|token| !token.contains(&format!("{start}-{end}#"))) {
            self.misused.fetch_add(1, Ordering::Relaxed);
            return Err(PortError::new(PortErrorKind::NotFound, "the token was used in another request"));
        }
        let after = request.token.as_deref().map(|token| {
            let (_, place) = token.split_once('#').unwrap();
            let (second, id) = place.split_once(':').unwrap();
            (second.parse::<i64>().unwrap(), id.parse::<usize>().unwrap())
        });
        let mut found: Vec<&Event> = self.regions[&request.region]
            .iter()
            .filter(|event| event.shown <= now && (start..=end).contains(&event.second))
            .filter(|event| after.is_none_or(|after| (event.second, event.id) < after))
            .collect();
        found.sort_by_key(|event| std::cmp::Reverse((event.second, event.id)));
        let more = found.len() > PAGE;
        found.truncate(PAGE);
        let token = |event: &Event, salt: &str| format!("{salt}{start}-{end}#{}:{}", event.second, event.id);
        let page = HistoryPage {
            body: body(found.iter().map(|event| event.text())),
            oldest: found.last().map(|event| at(event.second)),
            next: found.last().filter(|_| more).map(|event| token(event, "")),
        };
        let last = self.last.lock().unwrap().insert(request.region.clone(), page.clone());
        match fault {
            Fault::TokenExpired if request.token.is_some() => {
                Err(PortError::new(PortErrorKind::NotFound, "the token is no longer valid"))
            }
            Fault::Denied => {
                let action = "cloudtrail:LookupEvents".to_owned();
                Err(PortError::new(PortErrorKind::AccessDenied { action }, "may not look"))
            }
            Fault::Repeat if request.token.is_some() => Ok(last.unwrap_or(page)),
            Fault::Empty if page.oldest.is_some() => {
                let (second, id) = after.unwrap_or((i64::MAX, 0));
                let next =
                    Some(format!("empty{}|{start}-{end}#{second}:{id}", self.pages.fetch_add(1, Ordering::Relaxed)));
                Ok(HistoryPage { body: body(std::iter::empty()), oldest: None, next })
            }
            Fault::Circle => Ok(HistoryPage { next: request.token.clone().or(page.next.clone()), ..page }),
            Fault::Broken => {
                let half = page.body.len() / 2;
                Ok(HistoryPage { body: page.body[..half].to_vec(), ..page })
            }
            // A page of another question, and the last one at that.
            Fault::OtherTime => Ok(HistoryPage { oldest: Some(at(start - 10)), next: None, ..page }),
            _ => Ok(page),
        }
    }
}

impl EventHistorySource for Service {
    fn regions(&self) -> Vec<String> {
        self.regions.keys().cloned().collect()
    }

    async fn page(&self, request: &HistoryRequest) -> Result<HistoryPage, PortError> {
        self.requests.lock().unwrap().push(request.clone());
        tokio::task::yield_now().await;
        self.answer(request)
    }
}

impl Clock for Service {
    fn now(&self) -> Timestamp {
        at(self.now.load(Ordering::Relaxed))
    }
}

fn settings() -> HistorySettings {
    HistorySettings { lookback_days: 1, ..HistorySettings::default() }
}

/// One run on what the store has, stopped after so many pages.
fn run(service: &Service, store: &mut Memory, most_pages: usize) -> Result<(HistorySummary, Vec<Issue>), PortError> {
    let asked = AtomicUsize::new(0);
    let stop = || asked.fetch_add(1, Ordering::Relaxed) >= most_pages;
    let mut evidence = Evidence::load(store)?;
    let settings = settings();
    let reading = read_history(service, store, &mut evidence, &settings, service, &stop);
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(reading)
}

fn wanted(now: i64) -> HistorySpan {
    HistorySpan { start: at(MIDNIGHT), end: at(now - 15 * 60) }
}

fn events(seconds: &[i64]) -> Vec<Event> {
    seconds.iter().enumerate().map(|(id, second)| Event { id, second: MIDNIGHT + second, shown: 0 }).collect()
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        6 => Just(Fault::None),
        1 => Just(Fault::TokenExpired),
        1 => Just(Fault::Repeat),
        1 => Just(Fault::Denied),
        1 => Just(Fault::Empty),
        1 => Just(Fault::Circle),
        1 => Just(Fault::Broken),
        1 => Just(Fault::OtherTime),
    ]
}

/// Events in bunches, most of them shown at once and some as late as lag and overlap allow.
fn some_events() -> impl Strategy<Value = Vec<(i64, i64)>> {
    let second = prop_oneof![0..36 * HOUR, 35 * HOUR..44 * HOUR, Just(40 * HOUR), Just(30 * HOUR)];
    let delay = prop_oneof![4 => Just(0), 1 => 0..2 * HOUR + 15 * 60];
    prop::collection::vec((second, delay), 0..40)
}

type Schedule = Vec<(i64, usize, Option<usize>, Vec<Fault>, Vec<Fault>)>;

/// Runs: seconds since the one before, pages until it is stopped, save at which the store dies, faults in
/// each Region.
fn schedule() -> impl Strategy<Value = Schedule> {
    let faults = || prop::collection::vec(fault(), 0..12);
    prop::collection::vec((0..2 * HOUR, 0..30_usize, prop::option::of(1..3_usize), faults(), faults()), 0..5)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn the_end_is_that_of_one_undisturbed_reading(
        one in some_events(), two in some_events(), schedule in schedule(), page_seconds in 0..40_i64,
    ) {
        let events = |base: usize, list: &[(i64, i64)]| -> Vec<Event> {
            let event = |(id, (second, delay)): (usize, &(i64, i64))| {
                let second = MIDNIGHT + second;
                Event { id: base + id, second, shown: second + delay }
            };
            list.iter().enumerate().map(event).collect()
        };
        let mut service = Service::new([("eu-west-1", events(0, &one)), ("us-east-1", events(1_000, &two))]);
        service.page_seconds = page_seconds;
        let mut store = Memory::default();
        for (wait, pages, dies_at_save, first, second) in schedule {
            service.now.fetch_add(wait, Ordering::Relaxed);
            service.set_faults("eu-west-1", first);
            service.set_faults("us-east-1", second);
            (store.saves, store.dies_at_save) = (0, dies_at_save);
            let outcome = run(&service, &mut store, pages);
            prop_assert!(outcome.is_ok() || dies_at_save.is_some());
        }
        // The last run is undisturbed, and late enough for every event to be shown.
        service.now.store(MIDNIGHT + 47 * HOUR, Ordering::Relaxed);
        service.set_faults("eu-west-1", []);
        service.set_faults("us-east-1", []);
        store.dies_at_save = None;
        let wanted = wanted(service.now.load(Ordering::Relaxed));
        service.misused.store(0, Ordering::Relaxed);
        let (summary, issues) = run(&service, &mut store, usize::MAX).unwrap();
        prop_assert_eq!(issues, []);
        prop_assert_eq!(service.misused.load(Ordering::Relaxed), 0);
        prop_assert_eq!(&summary.left, &[]);
        prop_assert!(summary.regions.values().all(|region| region.complete));
        for region in ["eu-west-1", "us-east-1"] {
            let [stored] = store.marks.history[region][..] else { panic!("{:?}", store.marks.history) };
            prop_assert_eq!(stored.start, wanted.start);
            // Only an end without an event may be left out.
            let left = HistorySpan { start: stored.end, end: wanted.end };
            let quiet = |event: &Event| !(left.start <= at(event.second) && at(event.second) < left.end);
            prop_assert!(stored.end <= wanted.end && service.regions[region].iter().all(quiet), "{left:?}");
        }
        prop_assert!(store.ledger == oracle(service.regions.values().flatten()));
        prop_assert!(store.ledger.account().read().all(|(source, ..)| *source == RecordSource::EventHistory));
    }
}

#[test]
fn a_run_is_resumed_where_it_was_stopped() {
    let service = Service::new([("eu-west-1", events(&(0..30).map(|n| n * 1_000).collect::<Vec<_>>()))]);
    let mut store = Memory::default();
    let (summary, _) = run(&service, &mut store, 4).unwrap();
    assert_eq!((summary.pages, summary.events, store.saves), (4, 12, 1));
    let covered = HistorySpan { start: at(MIDNIGHT + 18_001), end: wanted(NOON).end };
    assert_eq!(store.marks.history["eu-west-1"], [covered]);
    assert_eq!(summary.left, [("eu-west-1".to_owned(), HistorySpan { start: at(MIDNIGHT), end: covered.start })]);
    assert!(!summary.regions["eu-west-1"].complete);
    let (summary, _) = run(&service, &mut store, usize::MAX).unwrap();
    // 18 events older than those read, and the one at the boundary again.
    assert_eq!((summary.pages, summary.events), (7, 19));
    assert_eq!(store.marks.history["eu-west-1"], [wanted(NOON)]);
}

#[test]
fn a_second_run_reads_only_what_is_new_and_the_overlap() {
    let service = Service::new([("eu-west-1", events(&[0, 20 * HOUR, 33 * HOUR, 35 * HOUR, 36 * HOUR]))]);
    let mut store = Memory::default();
    run(&service, &mut store, usize::MAX).unwrap();
    service.now.fetch_add(HOUR, Ordering::Relaxed);
    let (summary, _) = run(&service, &mut store, usize::MAX).unwrap();
    assert_eq!((summary.pages, summary.events), (1, 2));
    let request = service.requests.lock().unwrap().last().cloned().unwrap();
    let newest = NOON - 15 * 60;
    assert_eq!((request.start, request.end), (at(newest - 2 * HOUR), at(newest + HOUR)));
    let stored = store.marks.history["eu-west-1"].clone();
    assert_eq!(stored, [wanted(NOON + HOUR)]);
    // Another hour without an event is no reason to write, and is asked for again.
    service.now.fetch_add(HOUR, Ordering::Relaxed);
    for _ in 0..2 {
        let (summary, _) = run(&service, &mut store, usize::MAX).unwrap();
        assert_eq!((summary.pages, summary.regions["eu-west-1"].complete), (1, true));
        assert_eq!(store.marks.history["eu-west-1"], stored);
    }
    // A day without an event is.
    service.now.fetch_add(23 * HOUR, Ordering::Relaxed);
    run(&service, &mut store, usize::MAX).unwrap();
    assert_eq!(store.marks.history["eu-west-1"][0].end, wanted(NOON + 25 * HOUR).end);
    // Nothing is older than the lag: nothing to ask for.
    let (summary, _) = run(&service, &mut store, usize::MAX).unwrap();
    assert_eq!((summary.pages, summary.regions["eu-west-1"].complete), (0, true));
}

#[test]
fn runs_that_get_nothing_take_nothing_away() {
    let service = Service::new([("eu-west-1", events(&[0]))]);
    let mut store = Memory::default();
    run(&service, &mut store, usize::MAX).unwrap();
    let marks = store.marks.clone();
    for _ in 0..3 {
        service.now.fetch_add(HOUR, Ordering::Relaxed);
        service.set_faults("eu-west-1", [Fault::Denied]);
        let (summary, issues) = run(&service, &mut store, usize::MAX).unwrap();
        assert_eq!((issues.len(), issues[0].kind.as_str()), (1, "event-history-unavailable"));
        assert_eq!((summary.left, summary.regions["eu-west-1"].complete), (Vec::new(), false));
        assert_eq!((&store.marks, store.saves), (&marks, 1));
    }
}

#[test]
fn a_region_that_is_denied_does_not_stop_the_others() {
    let service = Service::new([("eu-west-1", events(&[0, 10])), ("us-east-1", events(&[5]))]);
    service.set_faults("eu-west-1", [Fault::Denied]);
    let mut store = Memory::default();
    let (summary, issues) = run(&service, &mut store, usize::MAX).unwrap();
    assert_eq!(issues[0].place, "event history of eu-west-1");
    assert!(!store.marks.history.contains_key("eu-west-1"));
    assert!(summary.regions["us-east-1"].complete && !summary.regions["eu-west-1"].complete);
}

#[test]
fn a_service_that_turns_in_a_circle_ends_the_region() {
    for fault in [Fault::Repeat, Fault::TokenExpired, Fault::Circle, Fault::Broken, Fault::Empty, Fault::OtherTime] {
        let service = Service::new([("eu-west-1", events(&(0..30).map(|_| 7).collect::<Vec<_>>()))]);
        service.set_faults("eu-west-1", vec![fault; 1_000]);
        let (summary, issues) = run(&service, &mut Memory::default(), usize::MAX).unwrap();
        assert_eq!(issues.len(), 1, "{fault:?}");
        assert_eq!(issues[0].kind, IssueKind::EventHistoryStuck, "{fault:?}");
        assert!(service.requests.lock().unwrap().len() <= 16, "{fault:?}: {}", summary.pages);
    }
}

#[test]
fn many_events_of_one_second_are_all_read() {
    let service = Service::new([("eu-west-1", events(&vec![7; 300]))]);
    let mut store = Memory::default();
    let (summary, issues) = run(&service, &mut store, usize::MAX).unwrap();
    assert_eq!((summary.events, issues.len(), store.ledger.roles().count()), (300, 0, 300));
}

#[test]
fn what_the_service_holds_no_longer_is_not_vouched_for() {
    let mut service = Service::new([("eu-west-1", events(&[0, 3 * HOUR, 6 * HOUR, 9 * HOUR]))]);
    service.now = AtomicI64::new(MIDNIGHT + 90 * 24 * HOUR - 1);
    service.page_seconds = 6 * HOUR + 1;
    let mut store = Memory::default();
    let mut evidence = Evidence::load(&mut store).unwrap();
    let settings = HistorySettings { lookback_days: 400, ..HistorySettings::default() };
    let reading = read_history(&service, &mut store, &mut evidence, &settings, &service, &|| false);
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(reading).unwrap();
    // Begins at the first midnight that the reading may reach in time.
    assert_eq!(service.requests.lock().unwrap()[0].start, at(MIDNIGHT + 24 * HOUR));
    assert!(evidence.marks.history["eu-west-1"][0].start >= at(MIDNIGHT + 24 * HOUR));
}

#[test]
fn saves_now_and_then_while_reading() {
    let mut service = Service::new([("eu-west-1", events(&(0..60).map(|n| n * 1_000).collect::<Vec<_>>()))]);
    service.page_seconds = 10;
    let mut store = Memory::default();
    let (summary, _) = run(&service, &mut store, usize::MAX).unwrap();
    assert_eq!((summary.pages, store.saves), (20, 7));
}

#[test]
fn an_entry_without_its_event_is_lost_evidence_that_outlives_the_run() {
    struct Gappy;
    impl EventHistorySource for Gappy {
        fn regions(&self) -> Vec<String> {
            vec!["eu-west-1".to_owned()]
        }

        async fn page(&self, request: &HistoryRequest) -> Result<HistoryPage, PortError> {
            let body = br#"{"Events":[{"EventId":"a"},{"CloudTrailEvent":"{}"}]}"#.to_vec();
            Ok(HistoryPage { body, oldest: Some(request.start), next: None })
        }
    }
    let service = Service::new([]);
    let mut store = Memory::default();
    let mut evidence = Evidence::default();
    let settings = settings();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for _ in 0..2 {
        service.now.fetch_add(HOUR, Ordering::Relaxed);
        let reading = read_history(&Gappy, &mut store, &mut evidence, &settings, &service, &|| false);
        runtime.block_on(reading).unwrap();
    }
    let issues = store.marks.issues();
    let kinds: Vec<_> = issues.iter().map(|issue| (issue.kind.to_stored(), issue.count)).collect();
    // The page of the overlap lies in another span than the first one, so it counts again.
    assert_eq!(kinds, [("lost-evidence:event-without-text".into(), 2), ("unreadable-record".into(), 2)]);
}

#[test]
fn the_reading_can_be_sent_to_another_thread() {
    fn is_send(_: &impl Send) {}
    let service = Service::new([]);
    let (mut store, mut evidence, settings) = (Memory::default(), Evidence::default(), settings());
    is_send(&read_history(&service, &mut store, &mut evidence, &settings, &service, &|| false));
}
