use whittle_analysis::inventory::EventSourceKind;
use whittle_analysis::reason::{
    BeyondTrails, BlindGroup, Callers, ConfiguredFeature, KeepReason, MergedStatement, NeedReason, TargetRole,
    UnseenReason, UnusedProof,
};
use whittle_analysis::result::Verdict;
use whittle_evidence::coverage::{BlindReason, CoverageRemedy, FieldCondition, Obstacle};

use super::*;

fn text(value: &str) -> String {
    value.to_owned()
}

fn needed(need: NeedReason, by_alias: Option<&str>, kept_whole: Option<KeepReason>) -> VerdictReason {
    VerdictReason::Needed { need, by_alias: by_alias.map(text), kept_whole }
}

fn not_selected() -> UnseenReason {
    UnseenReason::NotCovered {
        reason: BlindReason::NotSelected {
            trail: text("main"),
            data_type: Some(text("AWS::SQS::Queue")),
            some: true,
            obstacle: Some(Obstacle::Field {
                field: text("resources.ARN"),
                conditions: vec![FieldCondition {
                    operator: Some(text("StartsWith")),
                    values: ["a", "b", "c"].map(text).to_vec(),
                    more: 2,
                }],
            }),
        },
        remedy: Some(CoverageRemedy::AddAdvanced { trail: text("main"), data_type: Some(text("AWS::SQS::Queue")) }),
        beyond_trails: Some(BeyondTrails::NotListed { service: text("sqs") }),
    }
}

#[test]
fn verdicts() {
    let by = Callers { platform_only: true, others_only: false, via: vec![text("athena.amazonaws.com")] };
    let called = NeedReason::Called { days: 1, by };
    let kept = KeepReason::NotGranted { resource: text("arn:x") };
    let queue = ConfiguredFeature::Target { role: TargetRole::DeadLetter, arn: text("arn:q"), encrypted: true };
    let others = Some("2026-09-01T10:00:00Z".parse().unwrap());
    for (reason, sentence) in [
        (
            needed(called, Some("alias/orders"), Some(kept)),
            "called on 1 day by the Lambda service, also through athena.amazonaws.com; calls name a key by alias/orders, \
             which may stand for another key tomorrow; resources kept as granted: no grant names arn:x, which was used",
        ),
        (
            needed(NeedReason::Configured { feature: queue }, None, None),
            "the function sends to the dead-letter target arn:q, which may be encrypted",
        ),
        (
            VerdictReason::Unused { proof: UnusedProof::Window { days: 90 }, other_callers: others },
            "would have been seen, and was not in 90 days; only other callers of the role used it, last \
             2026-09-01T10:00:00Z",
        ),
        (
            VerdictReason::Kept { because: KeepReason::RecentlyGranted { on: "2026-09-01".parse().unwrap() } },
            "granted 2026-09-01, inside the window: too young to judge",
        ),
        (
            VerdictReason::Kept { because: KeepReason::Unseen { because: not_selected() } },
            "trail `main` does not select all of data events of AWS::SQS::Queue (`resources.ARN` StartsWith a, b, c and 2 \
             more); add to the advanced event selectors of trail `main`: {\"FieldSelectors\":[{\"Field\":\
             \"eventCategory\",\"Equals\":[\"Data\"]},{\"Field\":\"resources.type\",\"Equals\":[\"AWS::SQS::Queue\"]}]}; \
             the last-accessed report, which could tell, does not list sqs",
        ),
    ] {
        assert_eq!(verdict(&Reason::Known(reason)), sentence);
    }
}

#[test]
fn a_comment_leaves_out_what_would_make_a_use_visible() {
    let because = UnseenReason::PassRoleCallUnseen { action: text("ecs:RunTask"), because: Box::new(not_selected()) };
    let reason = VerdictReason::Kept { because: KeepReason::Unseen { because } };
    assert_eq!(
        brief_verdict(&reason.into()),
        "ecs:RunTask can pass a role, and a call of it may have gone unseen: trail `main` does not select all of data \
         events of AWS::SQS::Queue (`resources.ARN` StartsWith a, b, c and 2 more)"
    );
}

#[test]
fn sources_and_targets_are_predicates() {
    let source = |secret: Option<&str>| NeedReason::Configured {
        feature: ConfiguredFeature::EventSource {
            source: EventSourceKind::Mq,
            arn: text("arn:b"),
            secret: secret.map(text),
        },
    };
    assert_eq!(needs::need(&source(None)), "reads the Amazon MQ event source arn:b");
    assert_eq!(needs::need(&source(Some("arn:s"))), "reads the Amazon MQ event source arn:b with secret arn:s");
}

#[test]
fn settings_of_trails() {
    let trail = || text("t");
    let kms = || text("kms.amazonaws.com");
    for (change, words) in [
        (
            CoverageRemedy::IncludeSource { trail: trail(), source: kms() },
            "remove kms.amazonaws.com from `ExcludeManagementEventSources` of trail `t`",
        ),
        (
            CoverageRemedy::AddManagementEvents { trail: trail() },
            r#"add to the event selectors of trail `t`: {"ReadWriteType":"All","IncludeManagementEvents":true}"#,
        ),
        (
            CoverageRemedy::AddDataResources {
                trail: trail(),
                data_type: text("AWS::S3::Object"),
                arn: text("arn:aws-us-gov:s3"),
            },
            r#"add to `DataResources` of the event selectors of trail `t` (`ReadWriteType` All): {"Type":"AWS::S3::Object","Values":["arn:aws-us-gov:s3"]}"#,
        ),
        (
            CoverageRemedy::CreateTrail { data_type: None },
            r#"create a multi-Region trail with the advanced event selector {"FieldSelectors":[{"Field":"eventCategory","Equals":["Management"]}]}"#,
        ),
    ] {
        assert_eq!(remedy(&change), words);
    }
    let excluded = Some(Obstacle::ExcludedSource { source: kms() });
    let reason = BlindReason::NotSelected { trail: trail(), data_type: None, some: false, obstacle: excluded };
    assert_eq!(
        blind_reason(&reason),
        "trail `t` does not select these management events (`ExcludeManagementEventSources` holds kms.amazonaws.com)"
    );
}

#[test]
fn merged_statements_keep_their_reasons() {
    let counts = |verdict, count| StatementReason::Verdicts { counts: [(verdict, count)].into() };
    let others = vec![MergedStatement { sid: text("B"), reason: counts(Verdict::Required, 2) }];
    let merged = StatementReason::Merged { first: Box::new(counts(Verdict::Used, 1)), others };
    assert_eq!(statement(&merged.into()), "1 used; with B: 2 required");
}

#[test]
fn a_blind_spot_names_the_largest_groups_by_sentence() {
    let group = |service: &str, count: usize| BlindGroup {
        reason: Reason::Text(format!("why {service}")),
        actions: (0..count.min(3)).map(|number| format!("{service}:A{number}")).collect(),
        count,
    };
    let groups = vec![group("z", 5), group("d", 1), group("c", 1), group("b", 1), group("a", 1)];
    assert_eq!(
        detail(&FindingDetail::BlindSpot { groups, more: 2 }.into()),
        "z:A0, z:A1, z:A2 and 2 more (why z), a:A0 (why a), b:A0 (why b), c:A0 (why c) and 3 more"
    );
}

/// A store holds the data; scripts and stores of earlier versions hold the sentence. Both are read.
#[test]
fn reasons_are_read_as_data_and_as_sentences() {
    let known: Reason<VerdictReason> =
        VerdictReason::Kept { because: KeepReason::Unseen { because: not_selected() } }.into();
    let json = serde_json::to_string(&known).unwrap();
    assert!(json.starts_with(r#"{"kind":"kept","because":{"kind":"unseen","because":{"kind":"not-covered""#), "{json}");
    assert_eq!(serde_json::from_str::<Reason<VerdictReason>>(&json).unwrap(), known);
    let sentence: Reason<VerdictReason> = serde_json::from_str(r#""called on 3 days""#).unwrap();
    assert_eq!(verdict(&sentence), "called on 3 days");
    assert!(serde_json::from_str::<Reason<VerdictReason>>(r#"{"kind":"of-tomorrow"}"#).is_err());
}
