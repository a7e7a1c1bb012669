//! How many calls an account of a size costs, and how long Lambda's limits make them take.

use super::*;

/// Calls and seconds of one collection.
async fn cost(aws: &Aws, kept: &KeptDocuments, now: &str) -> (BTreeMap<String, u64>, u64, Collected) {
    aws.take_calls();
    let began = tokio::time::Instant::now();
    let collected = collect(aws, &settings(), kept, &BTreeSet::new(), &|| false, at(now)).await.unwrap();
    assert_eq!(collected.issues, []);
    (aws.take_calls(), began.elapsed().as_secs(), collected)
}

/// Calls that list everything.
fn lists(functions: u64) -> BTreeMap<String, u64> {
    BTreeMap::from([
        ("CloudTrail.DescribeTrails".to_owned(), 1),
        ("IAM.GetAccountAuthorizationDetails".to_owned(), functions.div_ceil(1_000)),
        ("Lambda.ListEventSourceMappings".to_owned(), 1),
        ("Lambda.ListFunctions".to_owned(), functions.div_ceil(50)),
    ])
}

/// Calls about each function and each role.
const SINGLE: [&str; 6] = [
    "IAM.GenerateServiceLastAccessedDetails",
    "IAM.GetServiceLastAccessedDetails",
    "Lambda.GetPolicy",
    "Lambda.ListFunctionEventInvokeConfigs",
    "Lambda.ListFunctionUrlConfigs",
    "Lambda.ListTags",
];

fn total(calls: &BTreeMap<String, u64>) -> u64 {
    calls.values().sum()
}

#[track_caller]
fn check(functions: u64) {
    let fake = Fake::new(many(usize::try_from(functions).unwrap()));
    run(async {
        let aws = fake.aws().await;
        let (first, first_seconds, collected) = cost(&aws, &KeptDocuments::new(), NOW).await;
        let (second, second_seconds, _) = cost(&aws, &collected.kept, "2026-01-05T02:00:00Z").await;
        println!(
            "{functions:>6} functions: first {:>6} calls in {first_seconds:>5} s, second {:>4} calls in {second_seconds:>3} s",
            total(&first),
            total(&second)
        );
        let mut all = lists(functions);
        all.extend(SINGLE.map(|operation| (operation.to_owned(), functions)));
        assert_eq!(first, all);
        assert_eq!(second, lists(functions));
        // Three calls for each function at twelve a second, and never faster.
        assert!(first_seconds >= functions / 4, "{first_seconds}");
        assert!(first_seconds < functions / 4 + functions / 40 + 10, "{first_seconds}");
    });
}

#[test]
fn ten_functions() {
    check(10);
}

#[test]
fn a_thousand_functions() {
    check(1_000);
}

/// The first collection is planned only: its sixty thousand calls would be the slowest test by far, and each
/// planned one is one call, as the smaller accounts show.
#[test]
fn ten_thousand_functions() {
    const FUNCTIONS: usize = 10_000;
    let fake = Fake::new(many(FUNCTIONS));
    run(async {
        let aws = fake.aws().await;
        let functions = listing::functions(&aws.lambda(REGION), &Pacer::new(1_000)).await.unwrap();
        let roles = listing::roles(&aws.iam()).await.unwrap().roles;
        let regions = BTreeMap::from([(REGION.to_owned(), functions)]);
        let none = KeptDocuments::new();
        let tasks =
            details::plan(&regions, &none, &ChangedFunctions::default(), settings().max_age, at(NOW)).take_tasks();
        let (_, _, reports) = last_accessed::plan(&roles, &none, settings().last_accessed_max_age, at(NOW));
        assert_eq!((tasks.len(), reports.len()), (4 * FUNCTIONS, FUNCTIONS));

        let document = |revision: String| KeptDocument { text: "{}".to_owned(), revision, fetched: at(NOW) };
        let mut kept: KeptDocuments = tasks.into_iter().map(|task| (task.document, document(task.revision))).collect();
        kept.extend(reports.into_iter().map(|task| (last_accessed::document(&task.role), document(task.revision))));
        let (second, seconds, _) = cost(&aws, &kept, "2026-01-05T02:00:00Z").await;
        assert_eq!(second, lists(10_000));
        println!(
            " 10000 functions: first {:>6} calls in {:>5} s, second {:>4} calls in {seconds:>3} s",
            total(&second) + 60_000,
            seconds + 2_500,
            total(&second)
        );
    });
}
