//! Refusals, throttles, functions that go, time that runs out.

use std::sync::atomic::{AtomicUsize, Ordering};

use whittle_pipeline::ports::PortErrorKind;

use super::*;

fn denied(operation: &str) -> Fake {
    let fake = Fake::new(account());
    fake.edit(|account| {
        account.denied.insert(operation.to_owned());
    });
    fake
}

fn error(fake: &Fake) -> PortError {
    run(async {
        collect(&fake.aws().await, &settings(), &KeptDocuments::new(), &BTreeSet::new(), &|| false, at(NOW))
            .await
            .unwrap_err()
    })
}

#[test]
fn without_roles_or_functions_there_is_no_inventory() {
    for (operation, action) in [
        ("GetAccountAuthorizationDetails", "iam:GetAccountAuthorizationDetails"),
        ("ListFunctions", "lambda:ListFunctions"),
    ] {
        let error = error(&denied(operation));
        assert_eq!(error.kind(), &PortErrorKind::AccessDenied { action: action.to_owned() });
        assert!(error.hint().unwrap().contains(action), "{error}");
    }
}

#[test]
fn every_other_refusal_is_an_issue_that_names_the_action() {
    for (operation, action, count, unknown) in [
        ("ListEventSourceMappings", "lambda:ListEventSourceMappings in eu-central-1", 1, true),
        ("ListFunctionEventInvokeConfigs", "lambda:ListFunctionEventInvokeConfigs in eu-central-1", 2, true),
        ("ListFunctionUrlConfigs", "lambda:ListFunctionUrlConfigs in eu-central-1", 2, false),
        ("GetPolicy", "lambda:GetPolicy in eu-central-1", 2, false),
        ("ListAliases", "lambda:ListAliases in eu-central-1", 1, false),
        ("ListTags", "lambda:ListTags in eu-central-1", 2, false),
        ("DescribeTrails", "cloudtrail:DescribeTrails in eu-central-1", 1, false),
        ("GetTrailStatus", "cloudtrail:GetTrailStatus", 1, false),
        ("GetEventSelectors", "cloudtrail:GetEventSelectors", 1, false),
        ("GenerateServiceLastAccessedDetails", "iam:GenerateServiceLastAccessedDetails", 2, false),
        ("GetServiceLastAccessedDetails", "iam:GetServiceLastAccessedDetails", 2, false),
    ] {
        let collected = run(first(&denied(operation)));
        let issues: Vec<_> =
            collected.issues.iter().map(|issue| (issue.kind.as_str(), issue.place.as_str(), issue.count)).collect();
        assert_eq!(issues, [("access-denied", action, count)], "{operation}");
        assert!(collected.issues[0].hint.contains(action.split(' ').next().unwrap()), "{}", collected.issues[0].hint);
        let inventory = read_inventory(&collected.documents).unwrap();
        assert_eq!(inventory.functions.len(), 2);
        for function in inventory.functions.values() {
            assert_eq!(is_unknown(function), unknown, "{operation} {}", function.name);
        }
        if operation == "DescribeTrails" {
            assert!(read_trails(&collected.documents).trails.is_none());
        }
        if operation.starts_with("GetTrail") || operation.starts_with("GetEvent") {
            assert_eq!(read_trails(&collected.documents).issues.len(), 1);
        }
    }
}

#[test]
fn a_permission_that_is_missing_is_not_tried_for_every_function() {
    let fake = Fake::new(many(100));
    fake.edit(|account| {
        account.denied.insert("GetPolicy".to_owned());
    });
    let collected = run(first(&fake));
    assert_eq!(collected.issues[0].count, 100);
    let tried = fake.take_asked().iter().filter(|call| call.starts_with("GetPolicy")).count();
    assert!(tried < 20, "{tried}");
    let inventory = read_inventory(&collected.documents).unwrap();
    let issues: Vec<_> =
        inventory.issues.iter().map(|issue| (issue.kind.as_str(), issue.place.as_str(), issue.count)).collect();
    assert!(issues.contains(&("not-collected", "regions/eu-central-1/resource-policies", 100)), "{issues:?}");
}

#[test]
fn throttles_cost_time_only() {
    let whole = run(first(&Fake::new(account())));
    for operation in [
        "GetAccountAuthorizationDetails",
        "ListFunctions",
        "ListEventSourceMappings",
        "ListFunctionEventInvokeConfigs",
        "GetPolicy",
        "ListTags",
        "DescribeTrails",
        "GenerateServiceLastAccessedDetails",
        "GetServiceLastAccessedDetails",
    ] {
        // DescribeTrails has the tries of the SDK only.
        let times = if operation == "DescribeTrails" { 2 } else { 4 };
        let fake = Fake::new(account());
        fake.edit(|account| {
            account.throttled.insert(operation.to_owned(), times);
        });
        let collected = run(first(&fake));
        assert_eq!(collected.issues, [], "{operation}");
        assert_eq!(collected.documents, whole.documents, "{operation}");
    }
}

#[test]
fn endless_throttling_ends() {
    let fake = Fake::new(account());
    fake.edit(|account| {
        account.throttled.insert("ListFunctionEventInvokeConfigs".to_owned(), u32::MAX);
    });
    let collected = run(first(&fake));
    assert_eq!((collected.issues[0].kind.as_str(), collected.issues[0].count), ("throttled", 2));
    let inventory = read_inventory(&collected.documents).unwrap();
    assert!(inventory.functions.values().all(is_unknown));
}

#[test]
fn a_function_that_goes_between_two_calls_is_not_known() {
    let fake = Fake::new(account());
    fake.edit(|account| {
        account.regions.get_mut(REGION).unwrap().gone.insert("mail".to_owned());
    });
    let collected = run(first(&fake));
    assert!(collected.issues.iter().all(|issue| issue.kind == IssueKind::Gone), "{:?}", collected.issues);
    let inventory = read_inventory(&collected.documents).unwrap();
    assert!(is_unknown(function(&inventory, "mail")) && !is_unknown(function(&inventory, "orders")));
    assert!(!collected.kept.contains_key("regions/eu-central-1/event-invoke-configs/mail.json"));
}

#[test]
fn pages_that_do_not_go_on_are_no_list() {
    let fake = Fake::new(account());
    fake.edit(|account| {
        account.page = 1;
        account.stuck.insert("ListFunctions");
    });
    let error = error(&fake);
    assert!(error.to_string().contains("cut off"), "{error}");
    assert_eq!(error.kind(), &PortErrorKind::Transient);
}

#[test]
fn a_region_that_cannot_be_listed_leaves_nothing_unused_anywhere() {
    let fake = Fake::new(account());
    run(async {
        let both = InventorySettings::new(vec![REGION.to_owned(), "us-east-1".to_owned()]);
        fake.edit(|account| {
            let copy = many(1).regions[REGION].clone();
            account.regions.insert("us-east-1".to_owned(), copy);
            for function in &mut account.regions.get_mut("us-east-1").unwrap().listed {
                *function = version("us-east-1", "there", "$LATEST", "nobody");
            }
        });
        let aws = fake.aws().await;
        let all = |kept: KeptDocuments| {
            let (aws, both) = (&aws, &both);
            async move { collect(aws, both, &kept, &BTreeSet::new(), &|| false, at(NOW)).await.unwrap() }
        };
        let before = all(KeptDocuments::new()).await;
        assert!(before.complete);
        assert_eq!(read_inventory(&before.documents).unwrap().functions.len(), 3);

        fake.edit(|account| {
            account.denied.insert("ListFunctions@us-east-1".to_owned());
        });
        let after = all(before.kept.clone()).await;
        assert!(!after.complete && after.doubts.len() == 1, "{:?}", after.doubts);
        let issue = &after.issues[0];
        assert_eq!((issue.kind.as_str(), issue.place.as_str()), ("access-denied", "lambda:ListFunctions in us-east-1"));
        let inventory = read_inventory(&after.documents).unwrap();
        assert!(inventory.functions.len() == 2 && inventory.functions.values().all(is_unknown));
        assert!(inventory.issues.iter().any(|issue| issue.place == "regions/us-east-1/functions.json"));
        // What is known of the Region and its role is kept for when it answers again.
        assert_eq!(after.kept, before.kept);

        // A Region that is not switched on answers for nobody.
        fake.edit(|account| {
            account.denied.clear();
            account.regions.remove("us-east-1");
        });
        let off = all(before.kept.clone()).await;
        assert!(!off.complete);
        assert_eq!(off.issues[0].kind, IssueKind::FailedCall);
    });
}

#[test]
fn what_there_was_no_time_for_is_not_known_and_comes_next() {
    let fake = Fake::new(many(40));
    run(async {
        let aws = fake.aws().await;
        let mut kept = KeptDocuments::new();
        let mut rounds = 0;
        loop {
            rounds += 1;
            assert!(rounds < 50);
            // Each run has the time for its lists and some functions.
            let asked = AtomicUsize::new(0);
            let stop = || asked.fetch_add(1, Ordering::Relaxed) > 30;
            let collected = collect(&aws, &settings(), &kept, &BTreeSet::new(), &stop, at(NOW)).await.unwrap();
            assert!(collected.complete);
            let inventory = read_inventory(&collected.documents).unwrap();
            for (arn, function) in &inventory.functions {
                let name = Detail::EventInvokeConfigs.document(REGION, arn.name());
                assert_eq!(is_unknown(function), !collected.kept.contains_key(&name), "{arn}");
            }
            let missing = inventory.issues.iter().any(|issue| issue.kind == IssueKind::NotCollected);
            assert!(collected.kept.len() > kept.len() || collected.fetched == 0);
            kept = collected.kept;
            if !missing && collected.issues.is_empty() {
                break;
            }
        }
        assert!(rounds > 2);
        let whole = first(&Fake::new(many(40))).await;
        let names = |kept: &KeptDocuments| kept.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&kept), names(&whole.kept));
    });
}

#[test]
fn without_time_for_the_lists_there_is_no_inventory() {
    let fake = Fake::new(account());
    let error = run(async {
        collect(&fake.aws().await, &settings(), &KeptDocuments::new(), &BTreeSet::new(), &|| true, at(NOW))
            .await
            .unwrap_err()
    });
    assert_eq!(error.kind(), &PortErrorKind::Transient);
    let none = InventorySettings::new(Vec::new());
    let error = run(async {
        collect(&fake.aws().await, &none, &KeptDocuments::new(), &BTreeSet::new(), &|| false, at(NOW))
            .await
            .unwrap_err()
    });
    assert_eq!(error.kind(), &PortErrorKind::Invalid);
}
