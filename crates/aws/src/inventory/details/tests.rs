use super::*;

fn listed(count: usize) -> BTreeMap<String, Functions> {
    let functions = (0..count).map(|index| {
        let name = format!("f{index}");
        let arn = format!("arn:aws:lambda:eu-central-1:111122223333:function:{name}");
        (name, ListedFunction { arn, revision: "r".to_owned(), has_versions: false })
    });
    let functions = Functions { text: String::new(), functions: functions.collect(), roles: BTreeSet::new() };
    BTreeMap::from([("eu-central-1".to_owned(), functions)])
}

fn fetched_all(regions: &BTreeMap<String, Functions>, fetched: Timestamp) -> KeptDocuments {
    plan(regions, &KeptDocuments::new(), &ChangedFunctions::default(), WEEK, fetched)
        .take_tasks()
        .into_iter()
        .map(|task| (task.document, KeptDocument { text: "{}".to_owned(), revision: task.revision, fetched }))
        .collect()
}

const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

#[test]
fn old_documents_are_due_in_the_second_half_of_the_week_spread_evenly() {
    let regions = listed(1_000);
    let began: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let kept = fetched_all(&regions, began);
    let due = |hours: i64| {
        let now = began + SignedDuration::from_hours(hours);
        let mut plan = plan(&regions, &kept, &ChangedFunctions::default(), WEEK, now);
        let tasks = plan.take_tasks().len();
        assert_eq!(plan.old.len(), tasks);
        assert_eq!(plan.good.len() + tasks, kept.len());
        tasks * 100 / kept.len()
    };
    assert_eq!(due(83), 0);
    let middle = due(126);
    assert!((40..60).contains(&middle), "{middle}");
    assert_eq!(due(168), 100);
    assert_eq!(due(-1), 100);
}

#[test]
fn what_was_never_fetched_comes_before_what_is_old_and_destinations_before_all() {
    let regions = listed(3);
    let began: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let mut kept = fetched_all(&regions, began);
    kept.remove("regions/eu-central-1/event-invoke-configs/f2.json");
    kept.remove("regions/eu-central-1/tags/f0.json");
    let mut plan = plan(&regions, &kept, &ChangedFunctions::default(), WEEK, began + WEEK);
    let order: Vec<_> = plan.take_tasks().into_iter().map(|task| (task.detail, task.function)).collect();
    assert_eq!(order.len(), 12);
    assert_eq!(order[0], (Detail::EventInvokeConfigs, "f2".to_owned()));
    assert_eq!(order[9], (Detail::Tags, "f0".to_owned()));
}

#[test]
fn functions_are_known_by_every_name_that_requests_use() {
    let arn = "arn:aws:lambda:eu-central-1:111122223333:function:orders";
    let has = |text: &str, region: &str, name: &str| {
        ChangedFunctions::new(&BTreeSet::from([text.to_owned()])).has(region, name)
    };
    for text in ["orders", "orders:live", "111122223333:function:orders", "111122223333:function:orders:7"] {
        assert!(has(text, "eu-central-1", "orders") && has(text, "us-east-1", "orders"), "{text}");
        assert!(!has(text, "eu-central-1", "order") && !has(text, "eu-central-1", "live"), "{text}");
    }
    for text in [arn.to_owned(), format!("{arn}:live"), format!("{arn}:$LATEST")] {
        assert!(has(&text, "eu-central-1", "orders") && !has(&text, "us-east-1", "orders"), "{text}");
    }
    for text in ["", "arn:aws:s3:::x", ":", ":function:"] {
        assert!(!has(text, "eu-central-1", "orders"), "{text}");
    }
    let changed = ChangedFunctions::new(&BTreeSet::from([arn.to_owned()]));
    assert!(changed.has_document("eu-central-1", "regions/eu-central-1/tags/orders.json"));
    assert!(!changed.has_document("eu-central-1", "regions/eu-central-1/tags/other.json"));
}
