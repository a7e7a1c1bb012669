use proptest::prelude::*;

use super::*;
use crate::attribute::{CallerKey, attribute};
use crate::map::DeniedBy;
use crate::record::{ParsedRecord, parse_record};

/// One event of a role, with all that the ledger looks at.
#[derive(Debug, Clone)]
struct Event {
    json: String,
    action: &'static str,
    is_primary: bool,
    outcome: CallOutcome,
    resources: Vec<Option<String>>,
}

fn observe(ledger: &mut Ledger, event: &Event) {
    let ParsedRecord::Record(record) = parse_record(&event.json).unwrap() else { panic!("skipped") };
    ledger.observe_account(&record, &RecordSource::EventHistory);
    let Some(by) = attribute(&record) else { return };
    ledger.observe_session(&record, &by);
    if event.action.is_empty() {
        ledger.observe_unmapped(&record, &by, event.outcome);
        return;
    }
    let resources = event.resources.iter().map(Option::as_deref).collect();
    let denied_by = (event.outcome == CallOutcome::Denied).then_some(DeniedBy::IdentityNoAllow);
    let use_ =
        UsageEvent { action: event.action, is_primary: event.is_primary, outcome: event.outcome, resources, denied_by };
    ledger.observe_use(&record, &by, &use_);
    let may_check =
        if event.is_primary { vec!["s3:GetObjectTagging", "s3:GetObjectAcl"] } else { vec!["s3:GetObjectTagging"] };
    ledger.observe_call(&record, &by, ("s3", event.action), may_check.into_iter());
}

fn ledger(settings: &LedgerSettings, events: &[Event]) -> Ledger {
    let mut ledger = Ledger::new(settings.clone());
    for event in events {
        observe(&mut ledger, event);
    }
    ledger
}

fn tight() -> LedgerSettings {
    LedgerSettings {
        max_children: vec![2, 2, 2],
        max_object_prefixes: 1,
        max_sessions: 3,
        max_versions: 2,
        ..LedgerSettings::default()
    }
}

fn event() -> impl Strategy<Value = Event> {
    let role = prop::sample::select(&["AROAEXAMPLE1", "AROAEXAMPLE2"][..]);
    let session = prop::sample::select(&["a", "b", "c", "d", "e", "awslambda_1_20260901100412292"][..]);
    let scope = prop::option::of(("[fg]", "[1-4]"));
    let action = prop::sample::select(&["s3:GetObject", "s3:PutObject", "sqs:SendMessage", ""][..]);
    let outcome = prop::sample::select(
        &[CallOutcome::Authorised, CallOutcome::Undecided, CallOutcome::Denied, CallOutcome::NotReached][..],
    );
    let name = prop::sample::select(&["GetObject", "PutRolePolicy", "StopLogging"][..]);
    let resource = prop::option::of("(arn:aws:s3:::[ab]/[xyz]/k|arn:aws:sqs:eu-west-1:111122223333:[pqrs])");
    let via = prop::option::of(prop::sample::select(&["athena.amazonaws.com", "AWS Internal"][..]));
    (
        (role, session, scope, action, outcome),
        (name, 0_i64..200, prop::collection::vec(resource, 0..3), via, any::<bool>(), any::<bool>()),
    )
        .prop_map(|((role, session, scope, action, outcome), (name, hours, resources, via, is_primary, exec_env))| {
            let time = jiff::Timestamp::from_second(1_780_000_000 + hours * 3600).unwrap();
            let scope = scope.map_or(String::new(), |(function, version)| {
                let arn = format!("arn:aws:lambda:eu-west-1:111122223333:function:{function}");
                format!(
                    r#","inScopeOf":{{"issuerType":"AWS::Lambda::Function","credentialsIssuedTo":"{arn}","credentialsIssuedToVersion":"{arn}:{version}"}}"#
                )
            });
            let via = via.map_or(String::new(), |via| format!(r#","invokedBy":"{via}""#));
            let agent = if exec_env { r#","userAgent":"exec-env/AWS_Lambda_x""# } else { "" };
            let source = if name == "StopLogging" { "cloudtrail" } else { "iam" };
            let category = if hours % 2 == 0 { "Management" } else { "Data" };
            let json = format!(
                r#"{{"eventTime":"{time}","eventSource":"{source}.amazonaws.com","eventName":"{name}","awsRegion":"eu-west-{}","recipientAccountId":"111122223333","eventCategory":"{category}","resources":[{{"type":"AWS::S3::Object"}}],"requestParameters":{{"name":"t","roleName":"r","policyName":"p{}"}},"userIdentity":{{"type":"AssumedRole","principalId":"{role}:{session}","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"{role}","arn":"arn:aws:iam::111122223333:role/{role}-{}"}}}}{scope}{via}}}{agent}}}"#,
                hours % 3,
                hours % 4,
                hours % 2,
            );
            Event { json, action, is_primary, outcome, resources }
        })
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    prop::collection::vec(event(), 0..40)
}

fn bytes(ledger: &Ledger) -> String {
    String::from_utf8(ledger.to_bytes().unwrap()).unwrap()
}

fn merged(a: &Ledger, b: &Ledger) -> Ledger {
    let mut both = a.clone();
    both.merge(b);
    both
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn order_repetition_and_splitting_change_no_byte(events in events(), cut in 0_usize..40, seed in any::<u64>()) {
        let settings = tight();
        let whole = ledger(&settings, &events);
        let expect = bytes(&whole);
        let mut shuffled = events.clone();
        shuffled.extend(events.iter().step_by(3).cloned());
        let mut state = seed | 1;
        for at in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            shuffled.swap(at, usize::try_from(state >> 33).unwrap() % (at + 1));
        }
        prop_assert_eq!(&bytes(&ledger(&settings, &shuffled)), &expect);
        let (left, right) = events.split_at(cut.min(events.len()));
        let parts = (ledger(&settings, left), ledger(&settings, right));
        prop_assert_eq!(&bytes(&merged(&parts.0, &parts.1)), &expect);
        prop_assert_eq!(&bytes(&merged(&parts.1, &parts.0)), &expect);
    }

    #[test]
    fn merge_is_a_join(a in events(), b in events(), c in events()) {
        let settings = tight();
        let [a, b, c] = [a, b, c].map(|events| ledger(&settings, &events));
        prop_assert_eq!(merged(&a, &a), a.clone());
        prop_assert_eq!(merged(&a, &b), merged(&b, &a));
        prop_assert_eq!(merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
        let both = merged(&a, &b);
        prop_assert_eq!(merged(&both, &a), both);
    }

    #[test]
    fn bytes_come_back_whole_and_in_parts(events in events()) {
        let whole = ledger(&tight(), &events);
        let bytes = whole.to_bytes().unwrap();
        let read = Ledger::from_bytes(&bytes).unwrap();
        prop_assert_eq!(&read, &whole);
        prop_assert_eq!(read.to_bytes().unwrap(), bytes);
        let mut rows = Ledger::new(tight());
        rows.insert_account_bytes(&whole.account_bytes().unwrap()).unwrap();
        for (id, _) in whole.roles() {
            rows.insert_role_bytes(id, &whole.role_bytes(id).unwrap().unwrap()).unwrap();
        }
        prop_assert_eq!(rows, whole);
    }

    #[test]
    fn tightening_commutes_with_observing(events in events()) {
        let loose = ledger(&LedgerSettings::default(), &events);
        let tightened = merged(&loose, &Ledger::new(tight()));
        prop_assert_eq!(tightened.roles, ledger(&tight(), &events).roles);
    }

    #[test]
    fn damaged_bytes_are_errors(events in events(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let bytes = ledger(&tight(), &events).to_bytes().unwrap();
        prop_assert!(Ledger::from_bytes(&bytes[..at.index(bytes.len())]).is_err());
        let mut damaged = bytes.clone();
        damaged[at.index(bytes.len())] = byte;
        // May still be a ledger; must not panic.
        let _ = Ledger::from_bytes(&damaged);
    }
}

fn role_event(session: &str, more: &str) -> Event {
    Event {
        json: format!(
            r#"{{"eventTime":"2026-09-01T10:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","userIdentity":{{"type":"AssumedRole","principalId":"AROAEXAMPLE1:{session}","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROAEXAMPLE1","arn":"arn:aws:iam::111122223333:role/r"}}}}}}{more}}}"#
        ),
        action: "s3:GetObject",
        is_primary: true,
        outcome: CallOutcome::Authorised,
        resources: vec![Some("arn:aws:s3:::b/k/x".to_owned())],
    }
}

#[test]
fn denied_calls_never_count_as_use() {
    let denied = Event { outcome: CallOutcome::Denied, ..role_event("f", "") };
    let ledger = ledger(&LedgerSettings::default(), &[denied]);
    let role = ledger.role("AROAEXAMPLE1").unwrap();
    let (_, caller) = role.callers().next().unwrap();
    let usage = caller.usage().find(|(action, _)| *action == "s3:GetObject").unwrap().1;
    assert_eq!((usage.first_seen(), usage.active_days(), usage.denied_days()), (None, 0, 1));
    assert!(!usage.primary && !usage.direct && usage.denied_by.contains(&DeniedBy::IdentityNoAllow));
}

#[test]
fn too_many_sessions_become_one_that_could_be_any() {
    let events: Vec<Event> = (0..4).map(|n| role_event(&format!("run-{n}"), "")).collect();
    let mut all = ledger(&tight(), &events);
    observe(&mut all, &role_event("f", r#","userAgent":"exec-env/AWS_Lambda_x""#));
    let keys: Vec<CallerKey> = all.role("AROAEXAMPLE1").unwrap().callers().map(|(key, _)| key.clone()).collect();
    let session = |name: &str, exec_env| CallerKey::Session { name: name.to_owned(), exec_env };
    // Sessions from inside a sandbox are counted apart: pipelines cannot hide a function.
    assert_eq!(keys, [session("*", false), session("f", true)]);
    observe(&mut all, &role_event("another", ""));
    assert_eq!(all.role("AROAEXAMPLE1").unwrap().callers().count(), 2);
}

#[test]
fn evidence_under_id_and_arn_is_joined() {
    let by_arn = r#"{"eventTime":"2026-09-02T10:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","userIdentity":{"type":"AssumedRole","principalId":"redacted:f","sessionContext":{"sessionIssuer":{"type":"Role","arn":"arn:aws:iam::111122223333:role/r"}}}}"#;
    let events = [role_event("f", ""), Event { json: by_arn.to_owned(), ..role_event("f", "") }];
    let ledger = ledger(&LedgerSettings::default(), &events);
    assert_eq!(ledger.roles().count(), 2);
    let role = ledger.of_role("AROAEXAMPLE1", "arn:aws:iam::111122223333:role/r").unwrap();
    let days: Vec<_> = role.callers().map(|(_, caller)| caller.seen().unwrap().days.len()).collect();
    assert_eq!(days, [2]);
    assert!(ledger.of_role("AROAOTHER", "arn:aws:iam::111122223333:role/other").is_none());
}

#[test]
fn changes_and_days_of_the_account() {
    let of = |source: &str, name: &str, parameters: &str, more: &str| Event {
        json: format!(
            r#"{{"eventTime":"2026-09-01T10:00:00Z","eventSource":"{source}.amazonaws.com","eventName":"{name}","awsRegion":"eu-west-1","recipientAccountId":"111122223333","requestParameters":{parameters}{more}}}"#
        ),
        ..role_event("", "")
    };
    let ledger = ledger(
        &LedgerSettings::default(),
        &[
            of("lambda", "UpdateFunctionCode20150331v2", r#"{"functionName":"f"}"#, r#","eventCategory":"Management""#),
            of("lambda", "UpdateFunctionCodeSigning", r#"{"functionName":"g"}"#, ""),
            of("iam", "AttachRolePolicy", r#"{"roleName":"r","policyArn":"arn:aws:iam::aws:policy/P"}"#, ""),
            of("iam", "PutRolePolicy", r#"{"roleName":"r","policyName":"p"}"#, r#","errorCode":"AccessDenied""#),
            of(
                "sqs",
                "SendMessage",
                "null",
                r#","managementEvent":false,"resources":[{"type":"AWS::SQS::Queue"},{"type":"x"}]"#,
            ),
        ],
    );
    let facts = ledger.account();
    let of = |kind| {
        facts.changes(kind).map(|(change, _)| (change.event_name.as_str(), change.subject.as_str())).collect::<Vec<_>>()
    };
    assert_eq!(of(ChangeKind::Code), [("UpdateFunctionCode", "f")]);
    assert_eq!(of(ChangeKind::Policy), [("AttachRolePolicy", "r")]);
    assert!(of(ChangeKind::Trail).is_empty());
    let (source, account, region, days) = facts.read().next().unwrap();
    assert_eq!(*source, RecordSource::EventHistory);
    assert_eq!(
        (account, region, days.any.len(), days.management.len(), days.data.len()),
        ("111122223333", "eu-west-1", 1, 1, 1)
    );
    assert_eq!(days.data_types.keys().collect::<Vec<_>>(), ["AWS::SQS::Queue"]);
    let day = days.any.first().unwrap();
    assert_eq!(facts.observed("111122223333", day - 30..day + 1), Some(day..day + 1));
    assert_eq!(facts.observed("111122223333", day + 1..day + 30), None);
    assert_eq!(facts.recipients().into_iter().collect::<Vec<_>>(), ["111122223333"]);
}

#[test]
fn other_layouts_are_told_from_damage() {
    let text = bytes(&Ledger::default());
    assert_eq!(text, r#"{"version":2,"account":{"read":[]},"roles":{}}"#);
    let other = text.replace("\"version\":2", "\"version\":3");
    assert!(matches!(Ledger::from_bytes(other.as_bytes()), Err(LedgerError::OtherVersion { found: 3 })));
    assert!(matches!(Ledger::from_bytes(b"{}"), Err(LedgerError::Damaged(_))));
    assert!(matches!(Ledger::from_bytes(b"\xff"), Err(LedgerError::NotText(_))));
}

/// Layout 1 kept days by account and Region alone.
#[test]
fn a_ledger_of_the_layout_without_sources_is_read_as_evidence_of_use_alone() {
    let facts =
        r#"{"regions":[[["111122223333","eu-west-1"],{"any":[20000,3],"management":[20000,3]}]],"trail_files":true}"#;
    let whole = format!(r#"{{"version":1,"account":{facts},"roles":{{}}}}"#);
    let row = format!(r#"{{"version":1,"account":{facts}}}"#);
    let mut by_rows = Ledger::default();
    by_rows.insert_account_bytes(row.as_bytes()).unwrap();
    for ledger in [Ledger::from_bytes(whole.as_bytes()).unwrap(), by_rows] {
        let facts = ledger.account();
        assert!(facts.is_of_earlier_layout());
        let (source, _, region, days) = facts.read().next().unwrap();
        assert_eq!((source, region, days.any.len()), (&RecordSource::Other, "eu-west-1", 3));
        // Written again, it is of today's layout.
        let again = Ledger::from_bytes(&ledger.to_bytes().unwrap()).unwrap();
        assert!(!again.account().is_of_earlier_layout() && again.account().read().eq(facts.read()));
    }
    let role = Ledger::default().role_bytes("r").unwrap();
    assert!(role.is_none());
}
