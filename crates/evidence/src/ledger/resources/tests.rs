use super::*;
use proptest::prelude::*;

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

fn build(arns: &[String], settings: &LedgerSettings) -> ResourceSet {
    let mut set = ResourceSet::default();
    for arn in arns {
        set.insert(arn, settings);
    }
    set
}

/// `*` alone as a wildcard that crosses everything.
fn covers(pattern: &str, arn: &str) -> bool {
    pattern == arn || pattern.strip_suffix('*').is_some_and(|prefix| arn.starts_with(prefix))
}

proptest! {
    #[test]
    fn widening_depends_only_on_the_set(arns in prop::collection::vec(arn(), 0..25), cut in 0_usize..25, seed in any::<u64>()) {
        let settings = tight();
        let whole = build(&arns, &settings);
        let mut shuffled = arns.clone();
        // A cheap deterministic shuffle, with every second element twice.
        shuffled.sort_by_key(|arn| arn.bytes().fold(seed, |h, b| h.wrapping_mul(31).wrapping_add(u64::from(b))));
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
        for arn in &arns {
            prop_assert!(whole.patterns().iter().any(|pattern| covers(pattern, arn)), "{} in {:?}", arn, whole.patterns());
        }
    }

    #[test]
    fn patterns_rebuild_the_set(arns in prop::collection::vec(arn(), 0..25)) {
        let settings = tight();
        let set = build(&arns, &settings);
        prop_assert_eq!(build(&set.patterns(), &settings), set.clone());
        let mut read: ResourceSet = serde_json::from_str(&serde_json::to_string(&set).unwrap()).unwrap();
        prop_assert_eq!(read.patterns(), set.patterns());
        read.tighten(&settings);
        prop_assert_eq!(read, set);
    }
}
