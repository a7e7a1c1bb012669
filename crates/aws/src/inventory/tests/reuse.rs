//! Calls of a second collection.

use super::*;

/// The calls that every collection makes for this account.
const LISTS: [&str; 6] = [
    "DescribeTrails",
    "GetAccountAuthorizationDetails",
    "GetEventSelectors arn:aws:cloudtrail:us-east-1:111122223333:trail/org",
    "GetTrailStatus arn:aws:cloudtrail:us-east-1:111122223333:trail/org",
    "ListEventSourceMappings",
    "ListFunctions",
];

const OF_MAIL: [&str; 4] =
    ["GetPolicy mail", "ListFunctionEventInvokeConfigs mail", "ListFunctionUrlConfigs mail", "ListTags mail"];

fn asked_beside_lists(fake: &Fake) -> Vec<String> {
    let asked = fake.take_asked();
    for call in LISTS {
        assert_eq!(asked.iter().filter(|other| *other == call).count(), 1, "{call}");
    }
    asked.into_iter().filter(|call| !LISTS.contains(&call.as_str())).collect()
}

#[test]
fn nothing_is_asked_about_functions_that_did_not_change() {
    let fake = Fake::new(account());
    run(async {
        let before = first(&fake).await;
        assert_eq!((before.fetched, before.reused), (11, 0));
        fake.take_asked();
        let after = again(&fake, &before.kept, &[], "2026-01-05T01:00:00Z").await;
        assert_eq!(asked_beside_lists(&fake), [""; 0]);
        assert_eq!((after.documents, after.kept, after.issues), (before.documents, before.kept, before.issues));
        assert_eq!((after.fetched, after.reused), (0, 11));
    });
}

#[test]
fn a_new_revision_costs_the_calls_of_its_function() {
    let fake = Fake::new(account());
    run(async {
        let before = first(&fake).await;
        fake.take_asked();
        fake.edit(|account| {
            let functions = account.regions.get_mut(REGION).unwrap();
            functions.listed[1]["RevisionId"] = json!("mail-2");
            functions.details.insert(("function-urls", "mail".to_owned()), json!([{"FunctionUrl": "https://m",
                "FunctionArn": function_arn(REGION, "mail"), "AuthType": "AWS_IAM", "CreationTime": "t", "LastModifiedTime": "t"}]));
        });
        let after = again(&fake, &before.kept, &[], "2026-01-05T01:00:00Z").await;
        assert_eq!(asked_beside_lists(&fake), OF_MAIL);
        let inventory = read_inventory(&after.documents).unwrap();
        assert_eq!(function(&inventory, "mail").exposure.url_auth.as_deref(), Some("AWS_IAM"));
        // A new version has a revision of its own.
        fake.edit(|account| {
            let functions = account.regions.get_mut(REGION).unwrap();
            functions.listed.push(version(REGION, "mail", "1", "mail"));
        });
        again(&fake, &after.kept, &[], "2026-01-05T02:00:00Z").await;
        let mut expect: Vec<String> = OF_MAIL.iter().map(|call| (*call).to_owned()).collect();
        expect.insert(1, "ListAliases mail".to_owned());
        assert_eq!(asked_beside_lists(&fake), expect);
    });
}

#[test]
fn a_change_in_the_trail_costs_them_too() {
    let fake = Fake::new(account());
    run(async {
        let before = first(&fake).await;
        for named in ["mail", "mail:live", "111122223333:function:mail", &format!("{}:7", function_arn(REGION, "mail"))]
        {
            fake.take_asked();
            let after = again(&fake, &before.kept, &[named, "unknown"], "2026-01-05T01:00:00Z").await;
            assert_eq!(asked_beside_lists(&fake), OF_MAIL, "{named}");
            assert_eq!(after.documents, before.documents);
        }
    });
}

#[test]
fn documents_of_a_changed_function_are_not_used_if_there_is_no_time_to_fetch_them() {
    let fake = Fake::new(account());
    run(async {
        let before = first(&fake).await;
        fake.edit(|account| {
            account.denied.insert("ListFunctionEventInvokeConfigs".to_owned());
        });
        let after = again(&fake, &before.kept, &["mail"], "2026-01-05T01:00:00Z").await;
        let inventory = read_inventory(&after.documents).unwrap();
        assert!(is_unknown(function(&inventory, "mail")) && !is_unknown(function(&inventory, "orders")));
        // The trail shows the change once only; the document is still missing.
        fake.edit(|account| account.denied.clear());
        fake.take_asked();
        let later = again(&fake, &after.kept, &[], "2026-01-05T02:00:00Z").await;
        assert_eq!(asked_beside_lists(&fake), ["ListFunctionEventInvokeConfigs mail"]);
        assert_eq!(later.documents, before.documents);
    });
}

#[test]
fn everything_is_asked_again_within_a_week_and_reports_within_a_day() {
    let fake = Fake::new(account());
    run(async {
        let before = first(&fake).await;
        fake.take_asked();
        let day_later = again(&fake, &before.kept, &[], "2026-01-05T20:01:00Z").await;
        let reports = ["GenerateServiceLastAccessedDetails", "GetServiceLastAccessedDetails"];
        assert_eq!(asked_beside_lists(&fake), [reports[0], reports[0], reports[1], reports[1]]);
        again(&fake, &day_later.kept, &[], "2026-01-12T00:01:00Z").await;
        let asked = asked_beside_lists(&fake);
        assert_eq!(asked.iter().filter(|call| call.starts_with("List") || call.starts_with("GetPolicy")).count(), 9);
    });
}

#[test]
fn what_is_gone_is_forgotten() {
    let fake = Fake::new(account());
    run(async {
        let before = first(&fake).await;
        fake.edit(|account| {
            let functions = account.regions.get_mut(REGION).unwrap();
            functions.listed.remove(1);
            functions.mappings.remove(0);
        });
        let after = again(&fake, &before.kept, &[], "2026-01-05T01:00:00Z").await;
        assert_eq!(after.issues, []);
        assert!(before.kept.keys().any(|name| name.ends_with("/mail.json") && name.starts_with("regions")));
        assert!(!after.kept.keys().any(|name| name.ends_with("/mail.json") && name.starts_with("regions")));
        assert!(after.documents.iter().all(|(name, _)| !name.ends_with("/mail.json") || name.starts_with("service")));
    });
}

#[test]
fn a_report_that_is_not_ready_is_read_by_the_next_run() {
    let mut slow = account();
    slow.slow_jobs = 6;
    let fake = Fake::new(slow);
    run(async {
        let before = first(&fake).await;
        let issues: Vec<_> = before.issues.iter().map(|issue| (issue.kind.as_str(), issue.count)).collect();
        assert_eq!(issues, [("not-collected", 2)]);
        assert!(before.documents.iter().all(|(name, _)| !name.starts_with("service-last-accessed")));
        fake.take_asked();
        let after = again(&fake, &before.kept, &[], "2026-01-05T01:00:00Z").await;
        // The jobs of the first run are waited for.
        assert!(asked_beside_lists(&fake).iter().all(|call| call == "GetServiceLastAccessedDetails"));
        assert_eq!(after.issues, []);
        assert!(after.documents.get("service-last-accessed/orders.json").is_some());
        assert!(!after.kept.keys().any(|name| name.starts_with(last_accessed::JOBS)));
    });
}

#[test]
fn a_job_of_another_session_is_begun_again() {
    let mut slow = account();
    slow.slow_jobs = 6;
    let fake = Fake::new(slow);
    run(async {
        let before = first(&fake).await;
        assert!(before.kept.contains_key("service-last-accessed-jobs/orders.json"));
        fake.edit(|account| {
            account.slow_jobs = 0;
            account.forget_jobs();
        });
        let after = again(&fake, &before.kept, &[], "2026-01-05T01:00:00Z").await;
        assert_eq!(after.issues, []);
        assert!(after.documents.get("service-last-accessed/orders.json").is_some());
    });
}
