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

fn window() -> Window {
    Window { start: day("2026-09-01"), end: day("2026-10-01") }
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

fn question(kind: EventKind<'static>) -> Question<'static> {
    Question {
        kind,
        event_source: Some("sqs.amazonaws.com"),
        event_names: &["CreateQueue"],
        read_only: None,
        resource: "arn:aws:sqs:eu-west-1:111122223333:*",
        region: Some("eu-west-1"),
        role_arn: Some(ROLE),
    }
}

fn assess(trails: &str, facts: &AccountFacts, question: &Question<'_>) -> Sight {
    coverage(&Trails::parse(trails).unwrap(), facts).assess(question)
}

/// Coverage by trails alone.
fn coverage<'a>(trails: &'a Trails, facts: &'a AccountFacts) -> Coverage<'a> {
    Coverage::new(Evidence { account: ACCOUNT, trails: Some(trails), history: None, facts, window: window() })
}

/// `full`, or `partial: …` or `none: …` where the reason holds the text.
#[track_caller]
fn check(trails: &str, facts: &AccountFacts, question: &Question<'_>, expect: &str) {
    let sight = assess(trails, facts, question);
    let (word, text) = expect.split_once(": ").unwrap_or((expect, ""));
    let is = match &sight {
        Sight::Full => "full",
        Sight::Partial { .. } => "partial",
        Sight::None { .. } => "none",
    };
    assert_eq!(is, word, "{sight:?}");
    assert!(sight.reason().unwrap_or_default().contains(text), "{sight:?}");
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
    check(&trails, &facts(&[DATA_EVENT]), &question(QUEUE), "none: does not select data events of AWS::SQS::Queue");
    let Sight::None { remedy: Some(remedy), .. } = assess(&trails, &facts(&[]), &question(QUEUE)) else { panic!() };
    assert!(remedy.contains(r#"{"Field":"resources.type","Equals":["AWS::SQS::Queue"]}"#), "{remedy}");
    check(&trails, &facts(&[DATA_EVENT]), &question(EventKind::Either(&["AWS::SQS::Queue"])), "none");
    check(&trails, &facts(&[]), &question(EventKind::Never("no event")), "none: no event");
    check(&trails, &facts(&[]), &question(EventKind::NetworkActivity), "none");
}

#[test]
fn selected_data_events_need_to_be_in_the_files() {
    check(&sqs_selectors(), &facts(&[DATA_EVENT]), &question(QUEUE), "full");
    check(&sqs_selectors(), &facts(&[]), &question(QUEUE), "none: hold no data event");
    check(
        &sqs_selectors(),
        &AccountFacts::default(),
        &question(EventKind::Management),
        "none: hold no management event",
    );
}

#[test]
fn unknown_settings_claim_nothing() {
    check(&trail(MULTI), &facts(&[]), &question(EventKind::Management), "none: whether trail `main` was logging");
    let no_selectors = trail(&format!(r#""IsMultiRegionTrail":true,"HasCustomEventSelectors":true,{ON}"#));
    check(&no_selectors, &facts(&[]), &question(EventKind::Management), "none: event selectors of trail `main`");
    check(r#"{"trailList":[]}"#, &facts(&[]), &question(EventKind::Management), "none: no trail");
    let facts = facts(&[]);
    let nothing = Evidence { account: ACCOUNT, trails: None, history: None, facts: &facts, window: window() };
    assert!(matches!(Coverage::new(nothing).assess(&question(EventKind::Management)), Sight::None { .. }));
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
        "partial: only since",
    );
    check(
        &with(r#""IsLogging":false,"StopLoggingTime":"2026-09-10T00:00:00Z""#),
        &facts(&[]),
        &management,
        "partial: stopped",
    );
    check(
        &with(r#""IsLogging":false,"StopLoggingTime":"2026-08-10T00:00:00Z""#),
        &facts(&[]),
        &management,
        "none: has not been",
    );
    check(
        &with(
            r#""IsLogging":false,"StartLoggingTime":"2026-01-01T00:00:00Z","StopLoggingTime":"2026-10-02T00:00:00Z""#,
        ),
        &facts(&[]),
        &management,
        "full",
    );
    check(&with(r#""IsLogging":false"#), &facts(&[]), &management, "none: is not logging");
    check(&with(r#""IsLogging":true"#), &facts(&[]), &management, "full");
    let later = facts(&[]);
    let trails = Trails::parse(&with(r#""IsLogging":true"#)).unwrap();
    let early = Window { start: day("2026-08-20"), ..window() };
    let evidence = Evidence { account: ACCOUNT, trails: Some(&trails), history: None, facts: &later, window: early };
    assert!(matches!(Coverage::new(evidence).assess(&management), Sight::Partial { .. }));
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
        check(&trails, &facts(&[&change(name, "2026-09-20T00:00:00Z")]), &management, "partial: `PutEventSelectors`");
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
    check(&single, &facts(&[]), &Question { region: Some("us-east-1"), ..ask }, "none: logs only eu-west-1");
    check(&single, &facts(&[]), &Question { region: None, ..ask }, "partial: logs only eu-west-1");
    check(&single, &facts(&[]), &Question { event_source: Some("iam.amazonaws.com"), ..ask }, "none: not us-east-1");
    let no_global = trail(&format!(
        r#""IsMultiRegionTrail":true,"IncludeGlobalServiceEvents":false,"HasCustomEventSelectors":false,{ON}"#
    ));
    check(
        &no_global,
        &facts(&[]),
        &Question { event_source: Some("iam.amazonaws.com"), ..ask },
        "none: global service events",
    );
}

#[test]
fn the_best_of_several_sources_counts() {
    let facts = facts(&[]);
    let off = Trails::parse(&trail(&format!(r#"{MULTI},"Status":{{"IsLogging":false}}"#))).unwrap();
    let mut both = off.clone();
    let on = trail(&format!("{MULTI},{ON}")).replace("main", "second");
    both.merge(Trails::parse(&on).unwrap());
    let evidence = |trails, history| Evidence { account: ACCOUNT, trails, history, facts: &facts, window: window() };
    let ask = question(EventKind::Management);
    assert!(Coverage::new(evidence(Some(&both), None)).assess(&ask).is_full());
    let days = window().start..window().end;
    let history = EventHistory { regions: ["eu-west-1".to_owned()].into(), days: days.clone() };
    assert!(Coverage::new(evidence(Some(&off), Some(&history))).assess(&ask).is_full());
    assert!(!Coverage::new(evidence(Some(&off), Some(&history))).assess(&question(QUEUE)).is_full());
    assert!(
        !Coverage::new(evidence(None, Some(&history))).assess(&Question { region: Some("us-east-1"), ..ask }).is_full()
    );
    let short = EventHistory { days: days.start + 5..days.end, ..history.clone() };
    let sight = Coverage::new(evidence(None, Some(&short))).assess(&ask);
    assert!(matches!(sight, Sight::Partial { since: Some(_), .. }), "{sight:?}");
    assert_eq!(Coverage::new(evidence(Some(&both), Some(&short))).sources().len(), 3);
}

#[test]
fn settings_of_a_trail_say_nothing_about_other_files() {
    let trails = Trails::parse(&sqs_selectors()).unwrap();
    let facts = facts(&[DATA_EVENT]);
    let evidence = Evidence { account: ACCOUNT, trails: Some(&trails), history: None, facts: &facts, window: window() };
    for kind in [EventKind::Management, QUEUE] {
        let sight = Coverage::new(evidence.clone()).without_trail_files().assess(&question(kind));
        assert!(sight.reason().unwrap().contains("no file that a trail delivered"), "{sight:?}");
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
        let sight = coverage.assess_action(id, "*", Some("eu-west-1"), Some(ROLE));
        assert_eq!(sight.is_full(), expect, "{action}: {sight:?}");
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
        let sight = coverage.assess_action(id, resource, Some("eu-west-1"), Some(ROLE));
        assert_eq!(sight.is_full(), expect, "{resource}: {sight:?}");
    }
}
