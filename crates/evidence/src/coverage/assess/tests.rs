use super::*;
use crate::coverage::{ActionAsked, Trails};
use crate::ledger::{AccountFacts, Ledger, RecordSource};
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

/// Facts of an account with a management event on each day, and what else is asked for.
fn facts(more: &[&str]) -> AccountFacts {
    facts_of(&folder(), "eu-west-1", 1..31, more)
}

fn folder() -> RecordSource {
    RecordSource::Folder { location: "/copy".to_owned() }
}

/// Facts of a source with a management event on each of these days of September in the Region.
fn facts_of(source: &RecordSource, region: &str, days: std::ops::Range<u32>, more: &[&str]) -> AccountFacts {
    let mut ledger = Ledger::default();
    let management: Vec<String> = days
        .map(|day| format!(r#""eventTime":"2026-09-{day:02}T01:00:00Z","eventSource":"sts.amazonaws.com","eventName":"AssumeRole","eventCategory":"Management","readOnly":true"#))
        .collect();
    for fields in management.iter().map(String::as_str).chain(more.iter().copied()) {
        let text = format!(r#"{{{fields},"awsRegion":"{region}","recipientAccountId":"{ACCOUNT}"}}"#);
        match parse_record(&text).unwrap() {
            ParsedRecord::Record(record) => ledger.observe_account(&record, source),
            ParsedRecord::Skipped(reason) => panic!("{reason:?}"),
        }
    }
    ledger.account().clone()
}

const DATA_EVENT: &str = r#""eventTime":"2026-09-05T01:00:00Z","eventSource":"sqs.amazonaws.com","eventName":"SendMessage","eventCategory":"Data","resources":[{"type":"AWS::SQS::Queue","ARN":"arn:aws:sqs:eu-west-1:111122223333:q"}]"#;

fn trail(settings: &str) -> String {
    format!(
        r#"{{"trailList":[{{"Name":"main","TrailARN":"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/main","HomeRegion":"eu-west-1","S3BucketName":"b",{settings}}}]}}"#
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
        work_regions: &[],
        role_arn: Some(ROLE),
    }
}

fn assess(trails: &str, facts: &AccountFacts, question: &CoverageQuestion<'_>) -> Observability {
    coverage(&Trails::parse(trails).unwrap(), facts).assess(question)
}

/// Coverage by trails alone.
fn coverage<'a>(trails: &'a Trails, facts: &'a AccountFacts) -> Coverage<'a> {
    Coverage::new(evidence(Some(trails), None, facts))
}

fn evidence<'a>(
    trails: Option<&'a Trails>,
    history: Option<&'a EventHistory>,
    facts: &'a AccountFacts,
) -> CoverageEvidence<'a> {
    CoverageEvidence { account: ACCOUNT, trails, history, facts, window: window(), assume_quiet_days: false }
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
    check(&sqs_selectors(), &AccountFacts::default(), &question(EventKind::Management), "none: NoTrailFiles");
}

#[test]
fn unknown_settings_claim_nothing() {
    check(&trail(MULTI), &facts(&[]), &question(EventKind::Management), r#"none: StatusUnknown { trail: "main" }"#);
    let no_selectors = trail(&format!(r#""IsMultiRegionTrail":true,"HasCustomEventSelectors":true,{ON}"#));
    check(&no_selectors, &facts(&[]), &question(EventKind::Management), r#"none: SelectorsUnknown { trail: "main" }"#);
    check(r#"{"trailList":[]}"#, &facts(&[]), &question(EventKind::Management), "none: NoTrail");
    let facts = facts(&[]);
    let nothing = evidence(None, None, &facts);
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
    let early = CoverageEvidence { window: early, ..evidence(Some(&trails), None, &later) };
    assert!(matches!(Coverage::new(early).assess(&management), Observability::Partial { .. }));
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
        r#"none: OneRegion { trail: "main", home: "eu-west-1", asked: None"#,
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
    let evidence = |trails, history| evidence(trails, history, &facts);
    let ask = question(EventKind::Management);
    assert!(Coverage::new(evidence(Some(&both), None)).assess(&ask).is_full());
    let days = window().start..window().end;
    let history = EventHistory { days: [("eu-west-1".to_owned(), days.clone())].into() };
    assert!(Coverage::new(evidence(Some(&off), Some(&history))).assess(&ask).is_full());
    assert!(!Coverage::new(evidence(Some(&off), Some(&history))).assess(&question(QUEUE)).is_full());
    assert!(
        !Coverage::new(evidence(None, Some(&history)))
            .assess(&CoverageQuestion { region: Some("us-east-1"), ..ask })
            .is_full()
    );
    let short = EventHistory { days: [("eu-west-1".to_owned(), days.start + 5..days.end)].into() };
    let answer = Coverage::new(evidence(None, Some(&short))).assess(&ask);
    assert!(matches!(answer, Observability::Partial { since: Some(_), .. }), "{answer:?}");
    assert_eq!(Coverage::new(evidence(Some(&both), Some(&short))).sources().len(), 3);
}

#[test]
fn settings_of_a_trail_say_nothing_about_other_files() {
    let trails = Trails::parse(&sqs_selectors()).unwrap();
    for source in [RecordSource::EventHistory, RecordSource::Other] {
        let facts = facts_of(&source, "eu-west-1", 1..31, &[DATA_EVENT]);
        for kind in [EventKind::Management, QUEUE] {
            let answer = coverage(&trails, &facts).assess(&question(kind));
            assert_eq!(answer.reason(), Some(&BlindReason::NoTrailFiles));
        }
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

fn asked(resource: &str) -> ActionAsked<'_> {
    ActionAsked { resource, region: Some("eu-west-1"), work_regions: &[], role_arn: Some(ROLE) }
}

#[test]
fn actions_of_the_catalog_are_asked_by_all_their_events() {
    let facts = facts(&[DATA_EVENT]);
    let trails = Trails::parse(&sqs_selectors()).unwrap();
    let coverage = coverage(&trails, &facts);
    let check = |action: &str, expect: bool| {
        let id = catalog().action(action).unwrap();
        let answer = coverage.assess_action(id, &asked("*"));
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
        let answer = coverage.assess_action(id, &asked(resource));
        assert_eq!(answer.is_full(), expect, "{resource}: {answer:?}");
    }
}

/// Trails `main` (management) and `data` (SQS data events) in buckets of their own.
fn two_trails() -> Trails {
    let one = |name: &str, selectors: &str| {
        format!(
            r#"{{"Name":"{name}","TrailARN":"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/{name}","HomeRegion":"eu-west-1","S3BucketName":"{name}","IsMultiRegionTrail":true,"IncludeGlobalServiceEvents":true,{ON},"AdvancedEventSelectors":[{{"FieldSelectors":[{selectors}]}}]}}"#
        )
    };
    let management = r#"{"Field":"eventCategory","Equals":["Management"]}"#;
    let data = r#"{"Field":"eventCategory","Equals":["Data"]},{"Field":"resources.type","Equals":["AWS::SQS::Queue"]}"#;
    Trails::parse(&format!(r#"{{"trailList":[{},{}]}}"#, one("main", management), one("data", data))).unwrap()
}

#[test]
fn a_trail_proves_nothing_before_its_files_are_read() {
    let trails = two_trails();
    // The folder holds management events, so it is that of `main`; of `data` nothing was read.
    let only_main = facts(&[]);
    let ask = |facts: &AccountFacts, kind| coverage(&trails, facts).assess(&question(kind));
    assert!(ask(&only_main, EventKind::Management).is_full());
    let blind = ask(&only_main, QUEUE);
    let reason = format!("{:?}", blind.reason().unwrap());
    assert!(reason.contains("data") && matches!(blind, Observability::None { .. }), "{reason}");
    // With events that only `data` logs on every day its files are there too.
    let daily: Vec<String> = (1..31).map(|day| DATA_EVENT.replace("09-05", &format!("09-{day:02}"))).collect();
    let daily: Vec<&str> = daily.iter().map(String::as_str).collect();
    assert!(ask(&facts(&daily), QUEUE).is_full());
    // On few days it is not told from a copy of some of its files.
    assert!(!ask(&facts(&[DATA_EVENT]), QUEUE).is_full());
}

#[test]
fn a_bucket_tells_its_trail() {
    let trails = two_trails();
    let bucket = |name: &str| RecordSource::TrailFiles { location: format!("s3://{name}"), organization: None };
    let mut both = facts_of(&bucket("main"), "eu-west-1", 1..31, &[]);
    let data: Vec<String> = (1..20).map(|day| DATA_EVENT.replace("09-05", &format!("09-{day:02}"))).collect();
    let data: Vec<&str> = data.iter().map(String::as_str).collect();
    both.merge(&facts_of(&bucket("data"), "eu-west-1", 1..1, &data));
    assert!(coverage(&trails, &both).assess(&question(QUEUE)).is_full());
    // Files of a bucket that is no trail's are nobody's.
    let other = facts_of(&bucket("other"), "eu-west-1", 1..31, &[]);
    let answer = coverage(&trails, &other).assess(&question(EventKind::Management));
    assert!(matches!(answer.reason(), Some(BlindReason::NotRead { .. })), "{answer:?}");
}

#[test]
fn trails_of_one_destination_complement_each_other() {
    let half = |name: &str, kind: &str| {
        format!(
            r#"{{"Name":"{name}","TrailARN":"arn:aws:cloudtrail:eu-west-1:{ACCOUNT}:trail/{name}","HomeRegion":"eu-west-1","S3BucketName":"b","IsMultiRegionTrail":true,{ON},"EventSelectors":[{{"ReadWriteType":"{kind}","IncludeManagementEvents":true}}]}}"#
        )
    };
    let (reads, writes) = (half("reads", "ReadOnly"), half("writes", "WriteOnly"));
    let both = Trails::parse(&format!(r#"{{"trailList":[{reads},{writes}]}}"#)).unwrap();
    let only_writes = Trails::parse(&format!(r#"{{"trailList":[{writes}]}}"#)).unwrap();
    let facts = facts(&[]);
    let ask = |trails: &Trails, read_only| {
        let question = CoverageQuestion { read_only, ..question(EventKind::Management) };
        coverage(trails, &facts).assess(&question).is_full()
    };
    assert!(ask(&both, None) && ask(&both, Some(true)) && ask(&both, Some(false)));
    assert!(ask(&only_writes, Some(false)) && !ask(&only_writes, Some(true)) && !ask(&only_writes, None));
    let id = |action: &str| catalog().action(action).unwrap();
    let covered = |action: &str| coverage(&only_writes, &facts).assess_action(id(action), &asked("*")).is_full();
    assert!(covered("ec2:RunInstances") && !covered("ec2:DescribeInstances"));
}

#[test]
fn days_of_a_region_without_files_are_missing_after_a_fortnight() {
    let trails = Trails::parse(&trail(&format!("{MULTI},{ON}"))).unwrap();
    let mut facts = facts(&[]);
    facts.merge(&facts_of(&folder(), "us-east-1", 1..5, &[]));
    let ask = |facts: &AccountFacts, region, work_regions| {
        let question = CoverageQuestion { region, work_regions, ..question(EventKind::Management) };
        coverage(&trails, facts).assess(&question)
    };
    assert!(ask(&facts, Some("eu-west-1"), &[]).is_full());
    let answer = ask(&facts, Some("us-east-1"), &[]);
    assert!(
        matches!(answer.reason(), Some(BlindReason::DaysNotRead { region, days: 26, .. }) if region == "us-east-1"),
        "{answer:?}"
    );
    // A grant for any Region needs those in which the functions work, and not one without functions.
    assert!(ask(&facts, None, &["eu-west-1"]).is_full());
    assert!(!ask(&facts, None, &["eu-west-1", "us-east-1"]).is_full());
    facts.merge(&facts_of(&folder(), "us-east-1", 19..31, &[]));
    assert!(ask(&facts, Some("us-east-1"), &[]).is_full());
    // Event history shows events on a day of which there is no file.
    facts.merge(&facts_of(&RecordSource::EventHistory, "us-east-1", 10..11, &[]));
    assert!(matches!(ask(&facts, Some("us-east-1"), &[]).reason(), Some(BlindReason::DaysNotRead { days: 1, .. })));
}

#[test]
fn files_that_begin_later_cover_what_follows() {
    let trails = Trails::parse(&sqs_selectors()).unwrap();
    let mut facts = facts_of(&folder(), "eu-west-1", 11..31, &[&DATA_EVENT.replace("09-05", "09-25")]);
    facts.merge(&facts_of(&RecordSource::EventHistory, "eu-west-1", 1..31, &[]));
    let days = window().start..window().end;
    let history = EventHistory { days: [(EventHistory::ALL_REGIONS.to_owned(), days)].into() };
    let coverage = Coverage::new(evidence(Some(&trails), Some(&history), &facts));
    assert!(coverage.assess(&question(EventKind::Management)).is_full());
    let answer = coverage.assess(&question(QUEUE));
    let Observability::Partial { reason: BlindReason::FilesOfDaysOnly { days: 20, .. }, since: Some(since) } = answer
    else {
        panic!("{answer:?}")
    };
    assert_eq!(since.to_string(), "2026-09-11T00:00:00Z");
}

#[test]
fn of_an_organisation_trail_only_what_its_files_show_is_believed() {
    let organisation = sqs_selectors()
        .replace(":111122223333:trail", ":999988887777:trail")
        .replace(r#""HomeRegion""#, r#""IsOrganizationTrail":true,"HomeRegion""#);
    let trails = Trails::parse(&organisation).unwrap();
    let source = RecordSource::TrailFiles { location: "/copy".to_owned(), organization: Some("o-abc123".to_owned()) };
    let mut facts = facts_of(&source, "eu-west-1", 1..31, &[&DATA_EVENT.replace("09-05", "09-21")]);
    let ask = |facts: &AccountFacts, read_only| {
        coverage(&trails, facts).assess(&CoverageQuestion { read_only, ..question(QUEUE) })
    };
    assert!(
        coverage(&trails, &facts)
            .assess(&CoverageQuestion { read_only: Some(true), ..question(EventKind::Management) })
            .is_full()
    );
    let answer = ask(&facts, Some(false));
    let Observability::Partial { reason: BlindReason::ShownSince { .. }, since: Some(since) } = answer else {
        panic!("{answer:?}")
    };
    assert_eq!(since.to_string(), "2026-09-21T00:00:00Z");
    // No event that reads was seen at all.
    assert!(matches!(ask(&facts, Some(true)), Observability::None { .. }));
    // Where the events of the account that owns the trail are read, a change would be seen.
    for day in 1..31 {
        let text = format!(
            r#"{{"eventTime":"2026-09-{day:02}T01:00:00Z","eventSource":"sts.amazonaws.com","eventName":"AssumeRole","eventCategory":"Management","awsRegion":"eu-west-1","recipientAccountId":"999988887777"}}"#
        );
        let ParsedRecord::Record(record) = parse_record(&text).unwrap() else { panic!() };
        let mut ledger = Ledger::default();
        ledger.observe_account(&record, &source);
        facts.merge(ledger.account());
    }
    assert!(ask(&facts, Some(false)).is_full());
    // Files without an organisation in their keys are not those of an organisation trail.
    let own = RecordSource::TrailFiles { location: "/copy".to_owned(), organization: None };
    let answer = ask(&facts_of(&own, "eu-west-1", 1..31, &[DATA_EVENT]), None);
    assert!(matches!(answer.reason(), Some(BlindReason::NotRead { .. })), "{answer:?}");
}

#[test]
fn a_trail_of_another_account_is_no_evidence() {
    let foreign = sqs_selectors().replace(":111122223333:trail", ":999988887777:trail");
    let facts = facts(&[DATA_EVENT]);
    check(&foreign, &facts, &question(EventKind::Management), "none: TrailOfAnotherAccount");
}

#[test]
fn a_resource_of_another_account_needs_a_page_that_says_who_gets_the_event() {
    let facts = facts(&[DATA_EVENT]);
    let ask = |resource, event_source| CoverageQuestion {
        resource,
        event_source: Some(event_source),
        ..question(EventKind::Management)
    };
    let trails = sqs_selectors();
    let queue = "arn:aws:sqs:eu-west-1:999988887777:q";
    check(&trails, &facts, &ask(queue, "sqs.amazonaws.com"), "none: ResourceOfAnotherAccount");
    check(&trails, &facts, &ask("arn:aws:kms:eu-west-1:999988887777:key/k", "kms.amazonaws.com"), "full");
    check(&trails, &facts, &ask("arn:aws:sqs:eu-west-1:*:q", "sqs.amazonaws.com"), "full");
}
