use super::*;

use whittle_evidence::coverage::{Selectors, Trail};

fn trail(name: &str, home: &str) -> Value {
    json!({"Name": name, "TrailARN": format!("arn:aws:cloudtrail:{home}:{ACCOUNT}:trail/{name}"), "HomeRegion": home,
        "S3BucketName": "logs", "IsMultiRegionTrail": true, "IncludeGlobalServiceEvents": true,
        "HasCustomEventSelectors": true, "IsOrganizationTrail": false, "LogFileValidationEnabled": true})
}

fn status(logging: bool) -> Value {
    json!({"IsLogging": logging, "StartLoggingTime": "2025-01-01T00:00:00+00:00"})
}

fn selectors() -> Value {
    json!({"TrailARN": "x", "AdvancedEventSelectors": [{"Name": "all", "FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]}]})
}

/// Trails and issue kinds of a snapshot with these files.
#[track_caller]
fn check(files: &[(&str, Value)], trails: Option<usize>, issues: &[&str]) -> Vec<Trail> {
    let snapshot = Snapshot::new();
    for (file, content) in files {
        match content.as_str() {
            Some(text) => snapshot.write_text(file, text),
            None => snapshot.write(file, content),
        }
    }
    let configs = read_trails(&SnapshotFolder::open(snapshot.0.path()).unwrap());
    let kinds: Vec<_> = configs.issues.iter().map(|issue| issue.kind.as_str()).collect();
    assert_eq!(kinds, issues, "{:#?}", configs.issues);
    let found = configs.trails.map(|trails| {
        assert_eq!(trails.issues, Vec::<String>::new(), "they are issues of the port");
        trails.trails
    });
    assert_eq!(found.as_ref().map(Vec::len), trails, "{found:#?}");
    found.unwrap_or_default()
}

#[track_caller]
fn is_complete(trail: &Trail) {
    assert!(trail.status.as_ref().is_some_and(|status| status.is_logging), "{trail:#?}");
    assert!(matches!(trail.selectors, Some(Selectors::Advanced(_))), "{trail:#?}");
}

#[test]
fn status_and_selectors_may_be_inside_the_trail() {
    let mut main = trail("main", "eu-central-1");
    main["Status"] = status(true);
    main["AdvancedEventSelectors"] = selectors()["AdvancedEventSelectors"].clone();
    is_complete(&check(&[("trails.json", json!({"trailList": [main]}))], Some(1), &[])[0]);
}

#[test]
fn status_and_selectors_may_be_files_beside_it() {
    let list = json!({"trailList": [trail("main", "eu-central-1"), trail("audit", "eu-central-1")]});
    let files = [
        ("trails.json", list),
        ("trail-status/main.json", status(true)),
        ("trail-status/audit.json", status(true)),
        ("event-selectors/main.json", selectors()),
        ("event-selectors/audit.json", selectors()),
    ];
    check(&files, Some(2), &[]).iter().for_each(is_complete);
}

#[test]
fn a_trail_of_several_regions_is_one() {
    let files = [
        ("regions/eu-central-1/trails.json", json!({"trailList": [trail("main", "eu-central-1")]})),
        ("regions/eu-central-1/trail-status/main.json", status(true)),
        ("regions/eu-central-1/event-selectors/main.json", selectors()),
        // A shadow, and another trail that happens to have the same name.
        (
            "regions/us-east-1/trails.json",
            json!({"trailList": [trail("main", "eu-central-1"), trail("main", "us-east-1")]}),
        ),
        ("regions/us-east-1/trail-status/main.json", status(false)),
        ("regions/us-east-1/event-selectors/main.json", selectors()),
    ];
    let trails = check(&files, Some(2), &[]);
    is_complete(&trails[0]);
    assert!(!trails[1].status.as_ref().unwrap().is_logging);
}

#[test]
fn the_copy_that_carries_more_counts() {
    let mut full = trail("main", "us-east-1");
    full["Status"] = status(true);
    full["AdvancedEventSelectors"] = selectors()["AdvancedEventSelectors"].clone();
    for (one, two) in [(trail("main", "us-east-1"), full.clone()), (full.clone(), trail("main", "us-east-1"))] {
        let files = [
            ("regions/eu-central-1/trails.json", json!({"trailList": [one]})),
            ("regions/us-east-1/trails.json", json!({"trailList": [two]})),
        ];
        let snapshot = Snapshot::new();
        for (file, content) in &files {
            snapshot.write(file, content);
        }
        let configs = read_trails(&SnapshotFolder::open(snapshot.0.path()).unwrap());
        is_complete(&configs.trails.unwrap().trails[0]);
    }
}

#[test]
fn what_is_not_known_is_an_issue() {
    check(&[], None, &["missing-file"]);
    check(&[("trails.json", json!({"trailList": []}))], Some(0), &["no-trail"]);
    check(&[("trails.json", json!("{\"trailList\": ["))], None, &["bad-json"]);
    check(&[("trails.json", json!(""))], None, &["bad-json"]);
    check(&[("trails.json", json!([7]))], Some(0), &["no-trail"]);
    let list = json!({"trailList": [trail("main", "eu-central-1")]});
    check(&[("trails.json", list.clone())], Some(1), &["trail-configuration", "trail-configuration"]);
    let files = [
        ("trails.json", list.clone()),
        ("trail-status/main.json", json!("{")),
        ("event-selectors/main.json", selectors()),
    ];
    check(&files, Some(1), &["bad-json", "trail-configuration"]);
    // A Region that cannot be read takes nothing from the others.
    let files = [
        ("trails.json", json!("nonsense")),
        ("regions/eu-central-1/trails.json", list),
        ("trail-status/main.json", status(true)),
        ("event-selectors/main.json", selectors()),
    ];
    check(&files, Some(1), &["bad-json"]);
}
