use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};

use proptest::prelude::*;
use whittle_analysis::issue::IssueKind;
use whittle_analysis::reason::Reason;
use whittle_analysis::result::{FunctionResult, Report, RoleResult, Severity};
use whittle_analysis::risk;
use whittle_evidence::ledger::Ledger;

use super::*;
use crate::baseline::RoleBaseline;
use crate::marks::ReadMarks;
use crate::ports::service::{AlertSink, Begun, KeptDocuments, Lease, RunRecord, ServiceStore};
use crate::ports::{Changes, EvidenceBatch, PortError, PortErrorKind, SaveScope, Store};

type Records = BTreeMap<String, FindingRecord>;

fn at(hour: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + hour * 3600).unwrap()
}

fn role(name: &str) -> String {
    format!("arn:aws:iam::111122223333:role/{name}")
}

fn finding(name: &str, likelihood: u8, impact: u8) -> Finding {
    Finding {
        code: "unused-actions".to_owned(),
        severity: risk::severity(likelihood, impact),
        likelihood,
        impact,
        function_arn: Some(format!("arn:aws:lambda:eu-central-1:111122223333:function:{name}")),
        role_arn: role(name),
        title: format!("{name} is allowed 3 actions that it does not use"),
        detail: Reason::Text("3 of 9".to_owned()),
        remedy: format!("whittle policy {name}"),
        fingerprint: name.to_owned(),
    }
}

fn settings() -> AlertSettings {
    AlertSettings { least: Severity::Medium, report_resolved: true, waivers: BTreeMap::new() }
}

/// Runs once and applies the changes; how many records changed.
fn step(records: &mut Records, findings: &[Finding], scope: &SaveScope, settings: &AlertSettings, hour: i64) -> usize {
    let changed = advance(records, findings, scope, settings, at(hour));
    let count = changed.len();
    records.extend(changed.into_iter().map(|record| (record.finding.fingerprint.clone(), record)));
    count
}

fn send(records: &mut Records, hour: i64) {
    let owed: Vec<String> =
        records.values().filter(|r| r.owed.is_some()).map(|r| r.finding.fingerprint.clone()).collect();
    for record in sent(records, &owed, at(hour)) {
        records.insert(record.finding.fingerprint.clone(), record);
    }
}

/// What one run sees of the finding `f`.
#[derive(Clone, Copy)]
enum Seen {
    /// There, at (likelihood, impact).
    At(u8, u8),
    Gone,
    /// The role was not looked at.
    Skipped,
    /// The inventory was incomplete, and the finding is not in the report.
    Incomplete,
    /// There at the level, and waived for the next ten hours.
    Waived(u8, u8),
    /// Whatever is owed is published.
    Sent,
}

use AlertKind::{New, Resolved, Worse};
use Seen::{At, Gone, Incomplete, Sent, Skipped, Waived};

/// After the steps: state and what is owed. Every step is repeated once and must change nothing the second
/// time.
#[track_caller]
fn check(steps: &[Seen], expect: Option<(FindingState, Option<AlertKind>)>) -> Option<FindingRecord> {
    let mut records = Records::new();
    let mut settings = settings();
    for (hour, seen) in (0_i64..).step_by(10).zip(steps) {
        let (findings, scope) = match *seen {
            At(likelihood, impact) => (vec![finding("f", likelihood, impact)], SaveScope::Account),
            Waived(likelihood, impact) => {
                settings.waivers.insert("f".to_owned(), at(hour + 10));
                (vec![finding("f", likelihood, impact)], SaveScope::Account)
            }
            Gone => (Vec::new(), SaveScope::Account),
            Skipped => (Vec::new(), SaveScope::Roles(BTreeSet::from([role("other")]))),
            Incomplete => (Vec::new(), SaveScope::Incomplete),
            Sent => {
                send(&mut records, hour);
                continue;
            }
        };
        step(&mut records, &findings, &scope, &settings, hour);
        assert_eq!(step(&mut records, &findings, &scope, &settings, hour + 1), 0, "a second run changed something");
    }
    let record = records.remove("f");
    assert_eq!(record.as_ref().map(|record| (record.state, record.owed)), expect);
    record
}

#[test]
fn transitions() {
    use FindingState as S;
    // Levels: 1×1 info, 2×3 = 6 medium, 3×3 medium, 4×3 = 12 high, 5×5 critical. Medium and up is told.
    let open = |owed| Some((S::Open, owed));
    let gone = |owed| Some((S::Resolved, owed));
    check(&[Gone], None);
    check(&[At(2, 3)], open(Some(New)));
    check(&[At(1, 1)], open(None));
    check(&[At(2, 3), Sent], open(None));
    check(&[At(2, 3), Sent, At(2, 3)], open(None));
    // Worse: by severity, by impact alone, by likelihood alone; not by going back and forth.
    check(&[At(2, 3), Sent, At(4, 3)], open(Some(Worse)));
    check(&[At(2, 3), Sent, At(2, 4)], open(Some(Worse)));
    check(&[At(2, 3), Sent, At(3, 3)], open(Some(Worse)));
    check(&[At(2, 3), Sent, At(3, 2)], open(None));
    check(&[At(1, 1), At(4, 3)], open(Some(Worse)));
    check(&[At(1, 1), At(1, 3)], open(None));
    // Not sent yet: it stays owed, new stays new, and a rise that is over is not told.
    check(&[At(2, 3), At(2, 3), At(2, 3)], open(Some(New)));
    check(&[At(2, 3), At(4, 3)], open(Some(New)));
    check(&[At(4, 3), At(2, 3)], open(Some(New)));
    check(&[At(4, 3), At(1, 1)], open(None));
    check(&[At(2, 3), Sent, At(4, 3), At(2, 3)], open(None));
    check(&[At(2, 3), Sent, At(5, 5), At(4, 3)], open(Some(Worse)));
    // Better is not told; worse again is.
    check(&[At(4, 3), Sent, At(2, 3)], open(None));
    check(&[At(4, 3), Sent, At(2, 3), At(4, 3)], open(Some(Worse)));
    // Gone: told to those who know of it.
    check(&[At(2, 3), Sent, Gone], gone(Some(Resolved)));
    check(&[At(2, 3), Gone], gone(None));
    check(&[At(2, 3), Sent, At(4, 3), Gone], gone(Some(Resolved)));
    check(&[At(1, 1), Gone], gone(None));
    check(&[At(2, 3), Sent, Gone, Sent, Gone], gone(None));
    // Back again: new.
    check(&[At(2, 3), Sent, Gone, Sent, At(2, 3)], open(Some(New)));
    check(&[At(2, 3), Sent, Gone, At(2, 3)], open(Some(New)));
    check(&[At(2, 3), Sent, Gone, Sent, At(2, 3), Gone], gone(None));
    // Not looked at: nothing happens to it.
    check(&[At(2, 3), Skipped], open(Some(New)));
    check(&[At(2, 3), Incomplete], open(Some(New)));
    check(&[At(2, 3), Sent, Skipped, Incomplete], open(None));
    // Waived: nothing is owed until the waiver ends.
    check(&[Waived(4, 3)], Some((S::Waived, None)));
    check(&[At(2, 3), Waived(2, 3)], Some((S::Waived, None)));
    check(&[Waived(2, 3), At(2, 3)], open(Some(New)));
    check(&[At(2, 3), Sent, Waived(2, 3), At(2, 3), Sent, At(2, 3)], open(None));
    check(&[At(2, 3), Sent, Waived(2, 3), Gone], gone(None));
    check(&[Waived(2, 3), Skipped], Some((S::Waived, None)));
}

#[test]
fn a_record_says_since_when_and_from_which_level() {
    let record = check(&[At(2, 3), Sent, At(4, 3)], Some((FindingState::Open, Some(Worse)))).unwrap();
    assert_eq!((record.first_seen, record.changed, record.owed_since), (at(0), at(20), Some(at(20))));
    assert_eq!(record.was.map(|was| was.severity), Some(Severity::Medium));
    assert_eq!(record.alerted, Some(at(10)));
    assert_eq!(record.expires(SignedDuration::from_hours(1)), None);

    let record = check(&[At(2, 3), Sent, At(4, 3), At(5, 5)], Some((FindingState::Open, Some(Worse)))).unwrap();
    assert_eq!(record.was.map(|was| was.severity), Some(Severity::Medium), "from the level that was told");
    assert_eq!(record.owed_since, Some(at(20)), "the alert keeps its name while it is owed");

    let record = check(&[At(2, 3), Sent, Gone, Sent], Some((FindingState::Resolved, None))).unwrap();
    assert_eq!(record.expires(SignedDuration::from_hours(1)), Some(at(21)));
    let record = check(&[At(2, 3), Sent, Gone, At(2, 3)], Some((FindingState::Open, Some(New)))).unwrap();
    assert_eq!(record.first_seen, at(30));
}

#[test]
fn new_words_are_kept_quietly() {
    let mut records = Records::new();
    step(&mut records, &[finding("f", 2, 3)], &SaveScope::Account, &settings(), 0);
    let reworded = Finding { detail: Reason::Text("3 of 10".to_owned()), ..finding("f", 2, 3) };
    assert_eq!(step(&mut records, std::slice::from_ref(&reworded), &SaveScope::Account, &settings(), 5), 1);
    let record = &records["f"];
    assert_eq!((record.changed, record.owed_since, &record.finding), (at(0), Some(at(0)), &reworded));
}

#[test]
fn raising_the_severity_clears_alerts_and_lowering_it_alerts_nothing_old() {
    let high = AlertSettings { least: Severity::High, ..settings() };
    let mut records = Records::new();
    step(&mut records, &[finding("f", 2, 3)], &SaveScope::Account, &settings(), 0);
    step(&mut records, &[finding("f", 2, 3)], &SaveScope::Account, &high, 1);
    assert_eq!(records["f"].owed, None);
    assert_eq!(step(&mut records, &[finding("f", 2, 3)], &SaveScope::Account, &settings(), 2), 0);
    // Also for a role that this run did not look at.
    let mut records = Records::new();
    step(&mut records, &[finding("f", 2, 3)], &SaveScope::Account, &settings(), 0);
    step(&mut records, &[], &SaveScope::Incomplete, &high, 1);
    assert_eq!(records["f"].owed, None);
}

#[test]
fn resolved_is_alerted_only_if_asked_for() {
    let quiet = AlertSettings { report_resolved: false, ..settings() };
    let mut records = Records::new();
    step(&mut records, &[finding("f", 2, 3)], &SaveScope::Account, &quiet, 0);
    send(&mut records, 0);
    step(&mut records, &[], &SaveScope::Account, &quiet, 1);
    assert_eq!((records["f"].state, records["f"].owed), (FindingState::Resolved, None));
}

#[test]
fn records_survive_json() {
    let mut records = Records::new();
    step(&mut records, &[finding("f", 2, 3)], &SaveScope::Account, &settings(), 0);
    send(&mut records, 0);
    step(&mut records, &[finding("f", 4, 3)], &SaveScope::Account, &settings(), 1);
    let text = serde_json::to_string(&records).unwrap();
    assert_eq!(serde_json::from_str::<Records>(&text).unwrap(), records);
}

#[test]
fn five_are_sent_one_by_one_and_six_at_once() {
    for (count, messages) in [(0, 0), (1, 1), (5, 5), (6, 1), (200, 1)] {
        let mut records = Records::new();
        let findings: Vec<Finding> = (0..count).map(|i| finding(&format!("f{i:03}"), 2 + i % 3, 3)).collect();
        step(&mut records, &findings, &SaveScope::Account, &settings(), 0);
        let notices = plan("111122223333", "run-1", at(0), &records);
        assert_eq!(notices.len(), messages, "{count}");
        let alerts: Vec<&Alert> = notices.iter().flat_map(|notice| &notice.alerts).collect();
        assert_eq!(alerts.len(), usize::from(count));
        assert!(alerts.is_sorted_by_key(|alert| std::cmp::Reverse(alert.finding.severity)));
    }
}

#[test]
fn findings_of_one_change_of_a_role_are_sent_in_one_message() {
    let mut records = Records::new();
    let about =
        |fingerprint: &str, severity, name: &str| Finding { role_arn: role(name), ..finding(fingerprint, severity, 3) };
    let findings = [about("a", 2, "one"), about("b", 4, "two"), about("c", 4, "one")];
    step(&mut records, &findings, &SaveScope::Account, &settings(), 0);
    let told = |notice: &Notice| -> Vec<String> {
        notice.alerts.iter().map(|alert| alert.finding.fingerprint.clone()).collect()
    };
    let notices = plan("111122223333", "run-1", at(0), &records);
    assert_eq!(notices.iter().map(told).collect::<Vec<_>>(), [vec!["b"], vec!["c", "a"]]);
}

proptest! {
    /// Random histories of four findings: present at some level or not, looked at or not, alerts sent or not.
    #[test]
    fn every_history_owes_each_change_once(
        runs in prop::collection::vec(
            (prop::collection::vec(prop::option::of((1_u8..6, 1_u8..6)), 4), 0_u8..8, any::<bool>(), any::<bool>()),
            1..12,
        ),
    ) {
        let mut records = Records::new();
        // What the subscribers were told, by fingerprint.
        let mut told: BTreeMap<String, Vec<(AlertKind, Timestamp)>> = BTreeMap::new();
        for (run, (levels, scope, report_resolved, publishes)) in (0_i64..).zip(&runs) {
            let settings = AlertSettings { report_resolved: *report_resolved, ..settings() };
            let findings: Vec<Finding> = levels
                .iter()
                .enumerate()
                .filter_map(|(name, level)| level.map(|(l, i)| finding(&format!("f{name}"), l, i)))
                .collect();
            let scope = match scope {
                0 => SaveScope::Incomplete,
                1 => SaveScope::Roles((0..2).map(|name| role(&format!("f{name}"))).collect()),
                _ => SaveScope::Account,
            };
            let before = records.clone();
            step(&mut records, &findings, &scope, &settings, run);
            // (b) the same input changes nothing
            prop_assert_eq!(step(&mut records, &findings, &scope, &settings, run), 0);
            for (fingerprint, record) in &records {
                // (c)
                prop_assert!(record.owed.is_none() || record.finding.severity >= Severity::Medium);
                // Nothing becomes owed without a change of state or level.
                let was = before.get(fingerprint);
                if record.owed.is_some() && was.is_none_or(|was| was.owed.is_none()) {
                    prop_assert_eq!(record.changed, at(run));
                }
                prop_assert_eq!(record.owed.is_some(), record.owed_since.is_some());
                // A role that was not looked at stays as it is.
                let looked_at = findings.iter().any(|finding| finding.fingerprint == *fingerprint)
                    || scope.deletes(&record.finding.role_arn);
                prop_assert!(looked_at || was.map(|was| was.state) == Some(record.state));
            }
            if *publishes {
                for notice in plan("111122223333", "run", at(run), &records) {
                    for alert in notice.alerts {
                        told.entry(alert.finding.fingerprint).or_default().push((alert.kind, alert.since));
                    }
                }
                send(&mut records, run);
                // (d)
                prop_assert!(plan("111122223333", "run", at(run), &records).is_empty());
                step(&mut records, &findings, &scope, &settings, run);
                prop_assert!(plan("111122223333", "run", at(run), &records).is_empty());
            }
        }
        // (a) no change is told twice, and only one that was told is told to be over
        for alerts in told.values() {
            let mut names = alerts.clone();
            names.dedup();
            prop_assert_eq!(&names, alerts);
            prop_assert!(alerts.is_sorted_by_key(|(_, since)| *since));
            prop_assert!(alerts.first().is_some_and(|(kind, _)| *kind != AlertKind::Resolved));
            prop_assert!(alerts.windows(2).all(|pair| pair[0].0 != AlertKind::Resolved || pair[1].0 != AlertKind::Resolved));
        }
    }
}

/// A sink that refuses messages whose subject is listed.
#[derive(Default)]
struct Sink {
    refuse: Vec<String>,
    got: Mutex<Vec<Message>>,
}

impl AlertSink for Sink {
    async fn publish(&self, message: &Message) -> Result<(), PortError> {
        if self.refuse.contains(&message.subject) {
            return Err(PortError::new(PortErrorKind::Transient, "the topic is away"));
        }
        self.got.lock().unwrap().push(message.clone());
        Ok(())
    }
}

#[derive(Default)]
struct Saved(Vec<FindingRecord>);

#[rustfmt::skip]
impl Store for Saved {
    fn load_ledger(&mut self) -> Result<Ledger, PortError> { Ok(Ledger::default()) }
    fn read_marks(&mut self) -> Result<ReadMarks, PortError> { Ok(ReadMarks::default()) }
    fn save_evidence(&mut self, _: EvidenceBatch<'_>) -> Result<(), PortError> { Ok(()) }
    fn save_report(&mut self, _: &Report, _: &SaveScope) -> Result<Changes, PortError> { Ok(Changes::default()) }
    fn functions(&mut self, _: &str) -> Result<Vec<FunctionResult>, PortError> { Ok(Vec::new()) }
    fn roles(&mut self, _: &str) -> Result<Vec<RoleResult>, PortError> { Ok(Vec::new()) }
    fn names(&mut self) -> Result<Vec<String>, PortError> { Ok(Vec::new()) }
    fn findings(&mut self, _: &str) -> Result<Vec<Finding>, PortError> { Ok(Vec::new()) }
}

#[rustfmt::skip]
impl ServiceStore for Saved {
    fn begin_run(&mut self, _: &Lease) -> Result<Begun, PortError> { Ok(Begun::Started { last: None }) }
    fn renew(&mut self, _: Timestamp) -> Result<(), PortError> { Ok(()) }
    fn end_run(&mut self, _: &RunRecord, _: bool) -> Result<(), PortError> { Ok(()) }
    fn kept_documents(&mut self) -> Result<KeptDocuments, PortError> { Ok(KeptDocuments::new()) }
    fn keep_documents(&mut self, _: &KeptDocuments) -> Result<(), PortError> { Ok(()) }
    fn finding_records(&mut self, _: &str) -> Result<Records, PortError> { Ok(Records::new()) }
    fn save_finding_records(&mut self, _: &str, changed: &[FindingRecord]) -> Result<(), PortError> {
        self.0.extend_from_slice(changed);
        Ok(())
    }
    fn baselines(&mut self) -> Result<BTreeMap<String, RoleBaseline>, PortError> { Ok(BTreeMap::new()) }
    fn save_baselines(&mut self, _: &[RoleBaseline], _: &BTreeSet<String>) -> Result<(), PortError> { Ok(()) }
}

/// A future that never waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("waits"),
    }
}

fn render(notice: &Notice) -> Message {
    Message {
        subject: notice.alerts[0].finding.fingerprint.clone(),
        text: String::new(),
        json: String::new(),
        sms: String::new(),
        attributes: BTreeMap::new(),
        fingerprints: Vec::new(),
    }
}

#[test]
fn what_is_published_is_noted_and_the_rest_stays_owed() {
    let mut records = Records::new();
    let findings = [finding("a", 4, 3), finding("b", 2, 3), finding("c", 2, 3)];
    step(&mut records, &findings, &SaveScope::Account, &settings(), 0);
    let mut store = Saved::default();
    let sink = Sink { refuse: vec!["b".to_owned()], ..Sink::default() };
    let delivered = now(deliver(&mut store, &sink, &mut records, ("111122223333", "r"), at(0), &render)).unwrap();
    assert_eq!((delivered.messages, delivered.alerts, delivered.still_owed), (2, 2, 1));
    assert_eq!(delivered.issues.len(), 1);
    assert_eq!(delivered.issues[0].kind, IssueKind::AlertNotPublished);
    assert_eq!(store.0.iter().map(|r| r.finding.fingerprint.as_str()).collect::<Vec<_>>(), ["a", "c"]);
    assert!(store.0.iter().all(|record| record.owed.is_none() && record.alerted == Some(at(0))));

    // The next run sends what was left, and the one after that nothing.
    for expect in [1, 0] {
        step(&mut records, &findings, &SaveScope::Account, &settings(), 1);
        let sink = Sink::default();
        let delivered = now(deliver(&mut store, &sink, &mut records, ("111122223333", "r"), at(1), &render)).unwrap();
        assert_eq!((delivered.messages, sink.got.lock().unwrap().len()), (expect, usize::try_from(expect).unwrap()));
    }
}
