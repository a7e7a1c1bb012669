use super::*;
use proptest::prelude::*;
use whittle_policy::ResourcePattern;

fn set(arns: &[&str]) -> ResourceSet {
    let mut set = ResourceSet::default();
    for arn in arns {
        set.insert(arn, &LedgerSettings::default());
    }
    set
}

#[track_caller]
fn check(arns: &[&str], expect: &[&str]) {
    assert_eq!(set(arns).patterns(), expect, "{arns:?}");
}

#[test]
fn names_stay_and_generated_ids_do_not() {
    let queue = "arn:aws:sqs:us-east-1:111122223333:orders";
    check(&[queue, queue], &[queue]);
    let key = "arn:aws:kms:us-east-1:111122223333:key/6f1c2f3e-1111-4222-8333-abcdefabcdef";
    check(&[key], &[key]);
    check(
        &["arn:aws:states:us-east-1:111122223333:execution:orders:6f1c2f3e-1111-4222-8333-abcdefabcdef"],
        &["arn:aws:states:us-east-1:111122223333:execution:orders:*"],
    );
    check(
        &[
            "arn:aws:logs:us-east-1:111122223333:log-group:/aws/lambda/fn:log-stream:2026/07/29/[$LATEST]0123456789abcdef",
        ],
        &["arn:aws:logs:us-east-1:111122223333:log-group:/aws/lambda/fn:log-stream:*"],
    );
    check(
        &["arn:aws:lambda:us-east-1:111122223333:function:f", "arn:aws:lambda:us-east-1:111122223333:function:f:7"],
        &["arn:aws:lambda:us-east-1:111122223333:function:f", "arn:aws:lambda:us-east-1:111122223333:function:f:*"],
    );
    check(
        &["arn:aws:ec2:us-east-1:111122223333:instance/i-0123456789abcdef0"],
        &["arn:aws:ec2:us-east-1:111122223333:instance/*"],
    );
    check(
        &["arn:aws:dynamodb:us-east-1:111122223333:table/orders/index/by-day"],
        &["arn:aws:dynamodb:us-east-1:111122223333:table/orders/index/by-day"],
    );
    check(
        &[
            "arn:aws:cognito-identity:us-east-1:111122223333:identitypool/us-east-1:6f1c2f3e-1111-4222-8333-abcdefabcdef",
        ],
        &[
            "arn:aws:cognito-identity:us-east-1:111122223333:identitypool/us-east-1:6f1c2f3e-1111-4222-8333-abcdefabcdef",
        ],
    );
}

#[test]
fn object_keys_keep_one_level() {
    check(&["arn:aws:s3:::b/in/2026/07/a.json", "arn:aws:s3:::b"], &["arn:aws:s3:::b", "arn:aws:s3:::b/in/*"]);
    check(&["arn:aws:s3:::b/a.json"], &["arn:aws:s3:::b/*"]);
    check(&["arn:aws:s3:::b/2026/07/a.json"], &["arn:aws:s3:::b/*"]);
    check(&["arn:aws:s3:::b/in/", "arn:aws:s3:::b/*"], &["arn:aws:s3:::b/*"]);
    let many: Vec<String> = (0..5).map(|n| format!("arn:aws:s3:::b/tenant-{n}x/file")).collect();
    check(&many.iter().map(String::as_str).collect::<Vec<_>>(), &["arn:aws:s3:::b/*"]);
    check(
        &["arn:aws:s3:us-east-1:111122223333:accesspoint/ap/object/in/x.json"],
        &["arn:aws:s3:us-east-1:111122223333:accesspoint/ap/object/in/*"],
    );
}

#[test]
fn too_many_names_collapse_to_their_parent() {
    let many: Vec<String> = (0..33).map(|n| format!("arn:aws:sqs:us-east-1:111122223333:q{n}")).collect();
    check(&many.iter().map(String::as_str).collect::<Vec<_>>(), &["arn:aws:sqs:us-east-1:111122223333:*"]);
    let regions: Vec<String> = (0..41).map(|n| format!("arn:aws:sqs:r{n}:111122223333:q")).collect();
    check(&regions.iter().map(String::as_str).collect::<Vec<_>>(), &["arn:aws:sqs:*"]);
    check(&["arn:aws:sqs:*", "arn:aws:sqs:us-east-1:111122223333:q"], &["arn:aws:sqs:*"]);
}

#[test]
fn periods_in_names_are_open_at_any_place() {
    check(&["arn:aws:s3:::lake/year=2026/month=08/x.json"], &["arn:aws:s3:::lake/year=*/*"]);
    check(&["arn:aws:s3:::lake/dt=2026-10-01/x.json"], &["arn:aws:s3:::lake/dt=*/*"]);
    check(&["arn:aws:s3:::lake/2026W40/x.json"], &["arn:aws:s3:::lake/*"]);
    check(&["arn:aws:s3:::lake/Q3-2026/x.json"], &["arn:aws:s3:::lake/Q*/*"]);
    check(&["arn:aws:s3:::logs-2026/in/x"], &["arn:aws:s3:::logs-*/in/*"]);
    let at = |rest: &str| format!("arn:aws:{rest}");
    for (is, becomes) in [
        ("dynamodb:us-east-1:111122223333:table/events_2026_11", "dynamodb:us-east-1:111122223333:table/events_*"),
        (
            "dynamodb:us-east-1:111122223333:table/events_2026_11/index/by-day",
            "dynamodb:us-east-1:111122223333:table/events_*/index/by-day",
        ),
        ("sqs:us-east-1:111122223333:jobs-2026w40", "sqs:us-east-1:111122223333:jobs-*"),
        ("logs:us-east-1:111122223333:log-group:/app/2026-10:*", "logs:us-east-1:111122223333:log-group:/app/*"),
        ("logs:us-east-1:111122223333:log-group:/app/x-2026-10:*", "logs:us-east-1:111122223333:log-group:/app/x-*:*"),
        // A release of somebody else, and no period.
        (
            "bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307",
            "bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku-20240307",
        ),
        ("sqs:us-east-1:111122223333:jobs-v3", "sqs:us-east-1:111122223333:jobs-v3"),
    ] {
        check(&[&at(is)], &[&at(becomes)]);
    }
    // More days than a level may have names.
    let days: Vec<String> =
        (0..60).map(|n| at(&format!("dynamodb:r:1:table/e_2026_{:02}_{:02}", n / 28 + 1, n % 28 + 1))).collect();
    check(&days.iter().map(String::as_str).collect::<Vec<_>>(), &["arn:aws:dynamodb:r:1:table/e_*"]);
}

#[test]
fn a_name_is_as_old_as_its_first_sighting() {
    let settings = LedgerSettings::default();
    let (a, b) = ("arn:aws:sqs:r:1:a", "arn:aws:sqs:r:1:b");
    let mut set = ResourceSet::default();
    for (arn, day) in [(a, 20_010), (b, 20_030), (a, 20_000), (b, 20_040)] {
        set.insert_on(arn, day, &settings);
    }
    assert_eq!(set.first_seen(), [(a.to_owned(), Some(20_000)), (b.to_owned(), Some(20_030))]);
    let stored = serde_json::to_string(&set.to_stored(20_000)).unwrap();
    assert_eq!(stored, format!(r#"{{"arns":["{a}","{b}"],"later":[[1,30]]}}"#));
    // A set of the layout without ages: as old as the action.
    let earlier = serde_json::from_str(&format!(r#"{{"arns":["{a}"]}}"#)).unwrap();
    assert_eq!(ResourceSet::of_stored(&earlier, 20_000).first_seen(), [(a.to_owned(), Some(20_000))]);
}

#[test]
fn nothing_is_invented_from_what_is_no_arn() {
    for text in ["*", "", "orders", "arn:aws:s3"] {
        let set = set(&[text]);
        assert!(set.has_unnamed() && set.patterns().is_empty(), "{text}");
    }
    check(
        &["arn:aws:sqs:us-east-1:111122223333:HIDDEN_DUE_TO_SECURITY_REASONS", "arn:aws:sns:us-east-1:1:a\u{fffd}b"],
        &["arn:aws:sns:us-east-1:1:*", "arn:aws:sqs:us-east-1:111122223333:*"],
    );
}

/// A tiny alphabet, so that collisions and collapses happen.
fn arn() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        Just("a"),
        Just("b"),
        Just("c"),
        Just("*"),
        Just("12345"),
        Just("d*"),
        Just("e-2026"),
        Just("e-2025-10"),
        Just(""),
        Just("HIDDEN_DUE_TO_SECURITY_REASONS")
    ];
    let path = prop::collection::vec((prop_oneof![Just(':'), Just('/')], name), 1..5);
    let service = prop_oneof![Just("s3::"), Just("sqs:r1:1"), Just("sqs:r2:1"), Just("ec2:r1:1"), Just("states:r1:2")];
    (service, prop_oneof![Just("t"), Just("instance"), Just("execution")], path).prop_map(|(head, kind, path)| {
        path.iter().fold(format!("arn:aws:{head}:{kind}"), |text, (separator, name)| format!("{text}{separator}{name}"))
    })
}

fn tight() -> LedgerSettings {
    LedgerSettings {
        max_head_children: 2,
        max_children: vec![2, 3, 2],
        max_object_prefixes: 2,
        max_resource_segments: 4,
        ..LedgerSettings::default()
    }
}

/// An ARN and the day on which it was seen.
fn seen() -> impl Strategy<Value = (String, i32)> {
    (arn(), 20_000..20_009)
}

fn build(arns: &[(String, i32)], settings: &LedgerSettings) -> ResourceSet {
    let mut set = ResourceSet::default();
    for (arn, day) in arns {
        set.insert_on(arn, *day, settings);
    }
    set
}

/// `*` alone as a wildcard that crosses everything.
fn covers(pattern: &str, arn: &str) -> bool {
    ResourcePattern::new(pattern).covers(&ResourcePattern::new(arn))
}

proptest! {
    #[test]
    fn widening_depends_only_on_the_set(arns in prop::collection::vec(seen(), 0..25), cut in 0_usize..25, seed in any::<u64>()) {
        let settings = tight();
        let whole = build(&arns, &settings);
        let mut shuffled = arns.clone();
        // A cheap deterministic shuffle, with every second element twice.
        shuffled.sort_by_key(|(arn, _)| arn.bytes().fold(seed, |h, b| h.wrapping_mul(31).wrapping_add(u64::from(b))));
        shuffled.extend(arns.iter().step_by(2).cloned());
        prop_assert_eq!(&build(&shuffled, &settings), &whole);
        let (left, right) = arns.split_at(cut.min(arns.len()));
        let (left, right) = (build(left, &settings), build(right, &settings));
        let mut one = left.clone();
        one.merge(&right, &settings);
        let mut two = right.clone();
        two.merge(&left, &settings);
        prop_assert_eq!(&one, &whole);
        prop_assert_eq!(&two, &whole);
        let before = one.clone();
        one.merge(&right, &settings);
        prop_assert_eq!(&one, &before);
        for (arn, _) in &arns {
            prop_assert!(whole.patterns().iter().any(|pattern| covers(pattern, arn)), "{} in {:?}", arn, whole.patterns());
        }
    }

    #[test]
    fn patterns_rebuild_the_set(arns in prop::collection::vec(seen(), 0..25)) {
        let settings = tight();
        let set = build(&arns, &settings);
        let again: Vec<_> = set.first_seen().into_iter().map(|(arn, day)| (arn, day.unwrap_or(0))).collect();
        prop_assert_eq!(build(&again, &settings), set.clone());
        let stored = serde_json::to_string(&set.to_stored(20_000)).unwrap();
        let mut read = ResourceSet::of_stored(&serde_json::from_str(&stored).unwrap(), 20_000);
        prop_assert_eq!(read.first_seen(), set.first_seen());
        read.tighten(&settings);
        prop_assert_eq!(read, set);
    }
}
