//! Against an emulator with an account in it, if there is one:
//! `WHITTLE_TEST_ENDPOINT=http://127.0.0.1:4566 cargo test -p whittle-aws emulator -- --nocapture`. It has no
//! lasting effect beyond last-accessed jobs.

use aws_config::{BehaviorVersion, Region};

use super::*;

#[test]
fn an_emulated_account_is_collected_and_nothing_is_asked_twice() {
    let Ok(endpoint) = std::env::var("WHITTLE_TEST_ENDPOINT") else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let credentials = aws_sdk_iam::config::Credentials::new(ACCOUNT, "test", None, None, "test");
        let config = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(Region::new(REGION))
            .credentials_provider(credentials)
            .endpoint_url(endpoint)
            .load()
            .await;
        let aws = Aws::from_config(config).unwrap();
        let collect_at = |kept: KeptDocuments, now: &'static str| {
            let aws = &aws;
            async move { collect(aws, &settings(), &kept, &BTreeSet::new(), &|| false, at(now)).await.unwrap() }
        };
        let before = collect_at(KeptDocuments::new(), NOW).await;
        let first_calls = aws.take_calls();
        println!("first run: {first_calls:#?}\nissues: {:#?}", before.issues);
        for (name, text) in before.documents.iter() {
            println!("{name}: {}", text.chars().take(300).collect::<String>());
        }
        let inventory = read_inventory(&before.documents).unwrap();
        println!(
            "{} functions, {} roles, issues: {:#?}",
            inventory.functions.len(),
            inventory.roles.len(),
            inventory.issues
        );
        let trails = read_trails(&before.documents);
        println!("trails: {:#?}", trails.trails.map(|trails| trails.trails));
        assert!(before.complete && before.issues.is_empty());
        assert!(
            !inventory
                .issues
                .iter()
                .any(|issue| issue.kind.as_str().starts_with("bad-") || issue.kind == IssueKind::NotCollected)
        );
        assert!(!inventory.functions.values().any(is_unknown));

        let after = collect_at(before.kept.clone(), "2026-01-05T01:00:00Z").await;
        let second_calls = aws.take_calls();
        println!("second run: {second_calls:#?}");
        assert_eq!((after.fetched, after.kept), (0, before.kept));
        assert!(!second_calls.contains_key("Lambda.GetPolicy") && !second_calls.contains_key("Lambda.ListTags"));
    });
}
