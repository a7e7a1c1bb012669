use super::*;
use crate::coverage::Trails;
use crate::ledger::{AccountFacts, Ledger};
use crate::record::{ParsedRecord, parse_record};
use whittle_catalog::catalog;

const ACCOUNT: &str = "111122223333";
const ROLE: &str = "arn:aws:iam::111122223333:role/service/orders";

fn day(text: &str) -> i32 {
    crate::ledger::days::day_of(format!("{text}T00:00:00Z").parse().unwrap())
}

fn window() -> DayWindow {
    DayWindow { start: day("2026-09-01"), end: day("2026-10-01") }
}

/// Facts of an account with a management event on the first day, and what else is asked for.
fn facts(more: &[&str]) -> AccountFacts {
    let mut ledger = Ledger::default();
    let first = r#""eventTime":"2026-09-01T01:00:00Z","eventSource":"sts.amazonaws.com","eventName":"AssumeRole","eventCategory":"Management""#;
    for fields in std::iter::once(&first).chain(more) {
        let text = format!(r#"{{{fields},"awsRegion":"eu-west-1","recipientAccountId":"{ACCOUNT}"}}"#);
        match parse_record(&text).unwrap() {
            ParsedRecord::Record(record) => ledger.observe_account(&record),
            ParsedRecord::Skipped(reason) => panic!("{reason:?}"),
        }
    }
    ledger.account().clone()
}

const DATA_EVENT: &str = r#""eventTime":"2026-09-05T01:00:00Z","eventSource":"sqs.amazonaws.com","eventName":"SendMessage","eventCategory":"Data","resources":[{"type":"AWS::SQS::Queue","ARN":"arn:aws:sqs:eu-west-1:111122223333:q"}]"#;

fn trail(settings: &str) -> String {
    format!(
        r#"{{"trailList":[{{"Name":"main","TrailARN":"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/main","HomeRegion":"eu-west-1",{settings}}}]}}"#
    )
}

const MULTI: &str = r#""IsMultiRegionTrail":true,"IncludeGlobalServiceEvents":true,"HasCustomEventSelectors":false"#;
const ON: &str = r#""Status":{"IsLogging":true,"StartLoggingTime":"2026-01-01T00:00:00Z"}"#;

fn question(kind: EventKind<'static>) -> CoverageQuestion<'static> {
    CoverageQuestion {
        kind,
        event_source: Some("sqs.amazonaws.com"),
        event_names: &["CreateQueue"],
        read_only: None,
        resource: "arn:aws:sqs:eu-west-1:111122223333:*",
        region: Some("eu-west-1"),
        role_arn: Some(ROLE),
    }
}

fn assess(trails: &str, facts: &AccountFacts, question: &CoverageQuestion<'_>) -> Observability {
    coverage(&Trails::parse(trails).unwrap(), facts).assess(question)
}

/// Coverage by trails alone.
fn coverage<'a>(trails: &'a Trails, facts: &'a AccountFacts) -> Coverage<'a> {
    Coverage::new(CoverageEvidence { account: ACCOUNT, trails: Some(trails), history: None, facts, window: window() })
}

/// `full`, or `partial: …` or `none: …` where the reason, as it is debugged, holds the text.
#[track_caller]
fn check(trails: &str, facts: &AccountFacts, question: &CoverageQuestion<'_>, expect: &str) {
    let answer = assess(trails, facts, question);
    let (word, text) = expect.split_once(": ").unwrap_or((expect, ""));
    let is = match &answer {
        Observability::Full => "full",
        Observability::Partial { .. } => "partial",
        Observability::None { .. } => "none",
    };
    assert_eq!(is, word, "{answer:?}");
    let reason = answer.reason().map(|reason| format!("{reason:?}")).unwrap_or_default();
    assert!(reason.contains(text), "{answer:?}");
}

const QUEUE: EventKind<'static> = EventKind::Data(&["AWS::SQS::Queue"]);

fn sqs_selectors() -> String {
    let custom = MULTI.replace("\"HasCustomEventSelectors\":false", "\"HasCustomEventSelectors\":true");
    trail(&format!(
        r#"{custom},{ON},"AdvancedEventSelectors":[{{"FieldSelectors":[{{"Field":"eventCategory","Equals":["Management"]}}]}},{{"FieldSelectors":[{{"Field":"eventCategory","Equals":["Data"]}},{{"Field":"resources.type","Equals":["AWS::SQS::Queue"]}}]}}],"EventSelectors":[]"#
    ))
}

#[test]
fn a_default_trail_shows_management_events_and_no_data() {
    let trails = trail(&format!("{MULTI},{ON}"));
    check(&trails, &facts(&[]), &question(EventKind::Management), "full");
    check(&trails, &facts(&[DATA_EVENT]), &question(QUEUE), r#"none: data_type: Some("AWS::SQS::Queue"), some: false"#);
    let Observability::None { remedy: Some(remedy), .. } = assess(&trails, &facts(&[]), &question(QUEUE)) else {
        panic!()
    };
    let (trail, data_type) = ("main".to_owned(), "AWS::SQS::Queue".to_owned());
    assert_eq!(remedy, CoverageRemedy::ReplaceByAdvanced { trail, data_type });
    check(&trails, &facts(&[DATA_EVENT]), &question(EventKind::Either(&["AWS::SQS::Queue"])), "none");
    check(&trails, &facts(&[]), &question(EventKind::Never("no event")), "none: NoEvent");
    check(&trails, &facts(&[]), &question(EventKind::NetworkActivity), "none");
}

#[test]
fn selected_data_events_need_to_be_in_the_files() {
    check(&sqs_selectors(), &facts(&[DATA_EVENT]), &question(QUEUE), "full");
    check(&sqs_selectors(), &facts(&[]), &question(QUEUE), r#"none: NotInFiles { trail: "main", data: true }"#);
    check(
        &sqs_selectors(),
        &AccountFacts::default(),
        &question(EventKind::Management),
        r#"none: NotInFiles { trail: "main", data: false }"#,
    );
}

#[test]
fn unknown_settings_claim_nothing() {
    check(&trail(MULTI), &facts(&[]), &question(EventKind::Management), r#"none: StatusUnknown { trail: "main" }"#);
    let no_selectors = trail(&format!(r#""IsMultiRegionTrail":true,"HasCustomEventSelectors":true,{ON}"#));
    check(&no_selectors, &facts(&[]), &question(EventKind::Management), r#"none: SelectorsUnknown { trail: "main" }"#);
    check(r#"{"trailList":[]}"#, &facts(&[]), &question(EventKind::Management), "none: NoTrail");
    let facts = facts(&[]);
    let nothing = CoverageEvidence { account: ACCOUNT, trails: None, history: None, facts: &facts, window: window() };
    assert!(matches!(Coverage::new(nothing).assess(&question(EventKind::Management)), Observability::None { .. }));
    assert_eq!(Trails::parse(&trail(MULTI)).unwrap().issues.len(), 1);
}

#[test]
fn status_over_the_window() {
    let with = |status: &str| trail(&format!(r#"{MULTI},"TrailStatus":{{{status}}}"#));
    let management = question(EventKind::Management);
    check(&with(r#""IsLogging":true,"StartLoggingTime":1767225600.5"#), &facts(&[]), &management, "full");
    check(
        &with(r#""IsLogging":true,"StartLoggingTime":"2026-09-10T00:00:00Z""#),
        &facts(&[]),
        &management,
        "partial: StartedLate",
    );
    check(
        &with(r#""IsLogging":false,"StopLoggingTime":"2026-09-10T00:00:00Z""#),
        &facts(&[]),
        &management,
        "partial: Stopped",
    );
    check(
        &with(r#""IsLogging":false,"StopLoggingTime":"2026-08-10T00:00:00Z""#),
        &facts(&[]),
        &management,
        r#"none: NotLogging { trail: "main", since: Some("#,
    );
    check(
        &with(
            r#""IsLogging":false,"StartLoggingTime":"2026-01-01T00:00:00Z","StopLoggingTime":"2026-10-02T00:00:00Z""#,
        ),
        &facts(&[]),
        &management,
        "full",
    );
    check(&with(r#""IsLogging":false"#), &facts(&[]), &management, r#"none: NotLogging { trail: "main", since: None"#);
    check(&with(r#""IsLogging":true"#), &facts(&[]), &management, "full");
    let later = facts(&[]);
    let trails = Trails::parse(&with(r#""IsLogging":true"#)).unwrap();
    let early = DayWindow { start: day("2026-08-20"), ..window() };
    let evidence =
        CoverageEvidence { account: ACCOUNT, trails: Some(&trails), history: None, facts: &later, window: early };
    assert!(matches!(Coverage::new(evidence).assess(&management), Observability::Partial { .. }));
}

#[test]
fn a_change_of_the_trail_inside_the_window_is_a_gap() {
    let change = |name: &str, time: &str| {
        format!(
            r#""eventTime":"{time}","eventSource":"cloudtrail.amazonaws.com","eventName":"PutEventSelectors","requestParameters":{{"trailName":"{name}"}}"#
        )
    };
    let management = question(EventKind::Management);
    let trails = trail(&format!("{MULTI},{ON}"));
    let arn = format!("arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/main");
    for name in ["main", arn.as_str()] {
        check(
            &trails,
            &facts(&[&change(name, "2026-09-20T00:00:00Z")]),
            &management,
            r#"partial: event: "PutEventSelectors""#,
        );
    }
    check(&trails, &facts(&[&change("other", "2026-09-20T00:00:00Z")]), &management, "full");
    check(&trails, &facts(&[&change("main", "2026-08-20T00:00:00Z")]), &management, "full");
    let denied = format!(r#"{},"errorCode":"AccessDenied""#, change("main", "2026-09-20T00:00:00Z"));
    check(&trails, &facts(&[&denied]), &management, "full");
}

#[test]
fn trails_of_one_region() {
    let single = trail(&format!(
        r#""IsMultiRegionTrail":false,"IncludeGlobalServiceEvents":true,"HasCustomEventSelectors":false,{ON}"#
    ));
    let ask = question(EventKind::Management);
    check(&single, &facts(&[]), &ask, "full");
    check(
        &single,
        &facts(&[]),
        &CoverageQuestion { region: Some("us-east-1"), ..ask },
        r#"none: OneRegion { trail: "main", home: "eu-west-1", asked: Some("us-east-1")"#,
    );
    check(
        &single,
        &facts(&[]),
        &CoverageQuestion { region: None, ..ask },
        r#"partial: OneRegion { trail: "main", home: "eu-west-1", asked: None"#,
    );
    check(
        &single,
        &facts(&[]),
        &CoverageQuestion { event_source: Some("iam.amazonaws.com"), ..ask },
        r#"none: asked: Some("us-east-1")"#,
    );
    let no_global = trail(&format!(
        r#""IsMultiRegionTrail":true,"IncludeGlobalServiceEvents":false,"HasCustomEventSelectors":false,{ON}"#
    ));
    check(
        &no_global,
        &facts(&[]),
        &CoverageQuestion { event_source: Some("iam.amazonaws.com"), ..ask },
        "none: NoGlobalEvents",
    );
}

#[test]
fn the_best_of_several_sources_counts() {
    let facts = facts(&[]);
    let off = Trails::parse(&trail(&format!(r#"{MULTI},"Status":{{"IsLogging":false}}"#))).unwrap();
    let mut both = off.clone();
    let on = trail(&format!("{MULTI},{ON}")).replace("main", "second");
    both.merge(Trails::parse(&on).unwrap());
    let evidence =
        |trails, history| CoverageEvidence { account: ACCOUNT, trails, history, facts: &facts, window: window() };
    let ask = question(EventKind::Management);
    assert!(Coverage::new(evidence(Some(&both), None)).assess(&ask).is_full());
    let days = window().start..window().end;
    let history = EventHistory { regions: ["eu-west-1".to_owned()].into(), days: days.clone() };
    assert!(Coverage::new(evidence(Some(&off), Some(&history))).assess(&ask).is_full());
    assert!(!Coverage::new(evidence(Some(&off), Some(&history))).assess(&question(QUEUE)).is_full());
    assert!(
        !Coverage::new(evidence(None, Some(&history)))
            .assess(&CoverageQuestion { region: Some("us-east-1"), ..ask })
            .is_full()
    );
    let short = EventHistory { days: days.start + 5..days.end, ..history.clone() };
    let answer = Coverage::new(evidence(None, Some(&short))).assess(&ask);
    assert!(matches!(answer, Observability::Partial { since: Some(_), .. }), "{answer:?}");
    assert_eq!(Coverage::new(evidence(Some(&both), Some(&short))).sources().len(), 3);
}

#[test]
fn settings_of_a_trail_say_nothing_about_other_files() {
    let trails = Trails::parse(&sqs_selectors()).unwrap();
    let facts = facts(&[DATA_EVENT]);
    let evidence =
        CoverageEvidence { account: ACCOUNT, trails: Some(&trails), history: None, facts: &facts, window: window() };
    for kind in [EventKind::Management, QUEUE] {
        let answer = Coverage::new(evidence.clone()).without_trail_files().assess(&question(kind));
        assert_eq!(answer.reason(), Some(&BlindReason::NoTrailFiles));
    }
}

#[test]
fn settings_beside_the_list_of_trails() {
    let arn = format!("arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/main");
    let text = format!(
        r#"{{"trailList":[{{"TrailARN":"{arn}","IsMultiRegionTrail":true,"HasCustomEventSelectors":true}}],
           "TrailStatus":{{"main":{{"IsLogging":true,"StartLoggingTime":"2026-01-01T00:00:00Z"}}}},
           "EventSelectors":{{"{arn}":{{"TrailARN":"{arn}","EventSelectors":[{{"ReadWriteType":"All","IncludeManagementEvents":true,"DataResources":[]}}]}}}}}}"#
    );
    let trails = Trails::parse(&text).unwrap();
    assert_eq!((trails.trails.len(), trails.issues.len()), (1, 0), "{:?}", trails.issues);
    assert_eq!(trails.trails.first().unwrap().home_region.as_deref(), Some("eu-west-1"));
    check(&text, &facts(&[]), &question(EventKind::Management), "full");
    for bad in ["{", "3", "{}", "[{}]"] {
        assert!(Trails::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn session_arns_lose_the_path_of_the_role() {
    assert_eq!(session_pattern(ROLE).as_deref(), Some("arn:aws:sts::111122223333:assumed-role/orders/*"));
    assert_eq!(session_pattern("AROAEXAMPLE"), None);
}

#[test]
fn actions_of_the_catalog_are_asked_by_all_their_events() {
    let facts = facts(&[DATA_EVENT]);
    let trails = Trails::parse(&sqs_selectors()).unwrap();
    let coverage = coverage(&trails, &facts);
    let check = |action: &str, expect: bool| {
        let id = catalog().action(action).unwrap();
        let answer = coverage.assess_action(id, "*", Some("eu-west-1"), Some(ROLE));
        assert_eq!(answer.is_full(), expect, "{action}: {answer:?}");
    };
    check("sqs:SendMessage", true);
    check("sqs:CreateQueue", true);
    check("s3:GetObject", false);
    check("logs:PutLogEvents", false);
    check("iam:PassRole", false);
    check("kms:Decrypt", true);
    assert_eq!(coverage.depends_on(), DependsOn { resource: false, role: false });
}

/// Data events of topics say nothing about text messages and pushes, which the same action sends.
#[test]
fn what_leaves_no_event_on_some_resources_is_seen_only_where_a_grant_leaves_these_out() {
    let facts = facts(&[DATA_EVENT]);
    let trails = Trails::parse(&sqs_selectors().replace("AWS::SQS::Queue", "AWS::SNS::Topic")).unwrap();
    let coverage = coverage(&trails, &facts);
    let id = catalog().action("sns:Publish").unwrap();
    for (resource, expect) in [
        ("arn:aws:sns:eu-west-1:111122223333:orders", true),
        ("arn:aws:sns:eu-west-1:111122223333:orders-*", true),
        ("*", false),
        ("arn:aws:sns:*", false),
        ("arn:aws:sns:eu-west-1:111122223333:*", false),
        ("arn:aws:sns:eu-west-1:111122223333:endpoint/GCM/app/*", false),
    ] {
        let answer = coverage.assess_action(id, resource, Some("eu-west-1"), Some(ROLE));
        assert_eq!(answer.is_full(), expect, "{resource}: {answer:?}");
    }
}
