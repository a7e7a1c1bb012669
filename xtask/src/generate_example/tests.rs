use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use serde_json::Value;

use super::account::{ACCOUNT, FUNCTIONS, PARTNER_ACCOUNT, role};
use super::{Files, expected, generate, run, write};

/// The generated files; made once for all tests.
fn files() -> &'static Files {
    static FILES: OnceLock<Files> = OnceLock::new();
    FILES.get_or_init(|| generate().unwrap())
}

/// The records of all log files.
fn records() -> &'static [Value] {
    static RECORDS: OnceLock<Vec<Value>> = OnceLock::new();
    RECORDS.get_or_init(|| read_records(files()))
}

/// All files below `folder` but the hand-written `README.md`, by their path with `/`.
fn read_folder(folder: &Path) -> Files {
    fn walk(root: &Path, folder: &Path, files: &mut Files) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, files);
            } else {
                let parts: Vec<_> =
                    path.strip_prefix(root).unwrap().iter().map(|part| part.to_str().unwrap()).collect();
                files.insert(parts.join("/"), fs::read(&path).unwrap());
            }
        }
    }
    let mut files = Files::new();
    walk(folder, folder, &mut files);
    files.remove("README.md");
    files
}

fn temporary_folder(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("whittle-example-{}-{name}", std::process::id()))
}

/// `assert_eq!` would print megabytes.
#[track_caller]
fn assert_same(left: &Files, right: &Files) {
    let names = |files: &Files| files.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(left), names(right));
    for (name, content) in left {
        assert!(content == &right[name], "`{name}` differs; `cargo xtask generate-example` writes it anew");
    }
}

fn read_records(files: &Files) -> Vec<Value> {
    let mut records = Vec::new();
    for (name, content) in files.iter().filter(|(name, _)| name.contains("/CloudTrail/")) {
        let mut text = String::new();
        flate2::read::MultiGzDecoder::new(content.as_slice()).read_to_string(&mut text).unwrap();
        let file: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        records.extend(file["Records"].as_array().unwrap().iter().cloned());
    }
    records
}

#[test]
fn writing_twice_gives_the_same_bytes() {
    let (first, second) = (temporary_folder("first"), temporary_folder("second"));
    write(files(), &first).unwrap();
    // The second time over an older, different state.
    write(&Files::from([("trail/stale.json".to_owned(), b"{}".to_vec())]), &second).unwrap();
    run(&[second.to_str().unwrap().to_owned()]).unwrap();
    assert_same(&read_folder(&first), &read_folder(&second));
    fs::remove_dir_all(first).unwrap();
    fs::remove_dir_all(second).unwrap();
}

#[test]
fn committed_folder_is_what_the_generator_writes() {
    assert_same(files(), &read_folder(&super::default_folder()));
}

#[test]
fn trail_is_big_enough_to_be_interesting_and_small_enough_to_commit() {
    let events = records().len();
    assert!((6_000..=9_000).contains(&events), "{events} events");
    let bytes: usize = files().values().map(Vec::len).sum();
    assert!(bytes < 1_700_000, "{bytes} bytes");
}

#[test]
fn readme_tells_how_many_events_there_are() {
    let distinct: BTreeSet<_> = records().iter().filter_map(|record| record["eventID"].as_str()).collect();
    let thousands = |count: usize| format!("{},{:03}", count / 1000, count % 1000);
    let text = format!("{} records, {} of them different", thousands(records().len()), thousands(distinct.len()));
    let readme = fs::read_to_string(super::default_folder().join("README.md")).unwrap();
    assert!(readme.contains(&text), "README.md should say `{text}`");
}

#[test]
fn events_repeat_only_as_whole_copies() {
    let mut by_id: BTreeMap<String, &Value> = BTreeMap::new();
    let mut repeated = 0;
    for record in records() {
        let id = record["eventID"].as_str().unwrap().to_owned();
        if let Some(earlier) = by_id.insert(id, record) {
            assert_eq!(earlier, record);
            repeated += 1;
        }
    }
    assert!(repeated > 100, "{repeated} repeated events");
}

#[test]
fn each_day_has_management_and_data_events() {
    let mut days: BTreeMap<(String, String), BTreeSet<String>> = BTreeMap::new();
    for record in records() {
        let text = |name: &str| record[name].as_str().unwrap().to_owned();
        let day: String = text("eventTime").chars().take(10).collect();
        days.entry((text("awsRegion"), text("eventCategory"))).or_default().insert(day);
    }
    for (region, category) in [("eu-central-1", "Management"), ("eu-central-1", "Data"), ("us-east-1", "Management")] {
        let days = &days[&(region.to_owned(), category.to_owned())];
        assert_eq!(days.len(), 90, "{category} events in {region}");
        assert_eq!(days.first().unwrap(), "2026-08-01");
        assert_eq!(days.last().unwrap(), "2026-10-29");
    }
}

#[test]
fn data_events_are_of_the_resource_types_that_the_trail_logs() {
    let logged: BTreeSet<_> = records()
        .iter()
        .filter(|record| record["eventCategory"] == "Data")
        .map(|record| record["eventSource"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(logged, ["dynamodb", "lambda", "s3"].map(|name| format!("{name}.amazonaws.com")).into());
}

#[test]
fn only_fictitious_accounts_occur() {
    let mut texts: Vec<String> = records().iter().map(Value::to_string).collect();
    texts.extend(files().values().filter_map(|content| String::from_utf8(content.clone()).ok()));
    for text in texts {
        for arn in text.split("arn:aws:").skip(1) {
            let account = arn.split(':').nth(2).unwrap();
            assert!(["", "*", "aws", ACCOUNT, PARTNER_ACCOUNT].contains(&account), "{}", arn.escape_default());
        }
    }
}

#[test]
fn unused_function_leaves_no_trace() {
    for record in records() {
        assert!(!record.to_string().contains("shop-legacy-export"), "{record}");
    }
}

/// Guards the table of verdicts against the traffic: what it calls unused must not be in the trail under that
/// role and function, and what it calls used must be.
#[test]
fn verdicts_agree_with_the_traffic() {
    let mut calls: BTreeSet<(String, String, String)> = BTreeSet::new();
    for record in records() {
        let identity = &record["userIdentity"];
        let Some(issuer) = identity["sessionContext"]["sessionIssuer"]["userName"].as_str() else { continue };
        if record["errorCode"].as_str().is_some_and(|code| code.starts_with("AccessDenied")) {
            continue;
        }
        let session = identity["principalId"].as_str().unwrap().split_once(':').unwrap().1;
        let service = record["eventSource"].as_str().unwrap().trim_end_matches(".amazonaws.com");
        let service = if service == "monitoring" { "cloudwatch" } else { service };
        let name = record["eventName"].as_str().unwrap();
        let name = match (service, name) {
            ("lambda", "Invoke") => "InvokeFunction",
            ("lambda", dated) => dated.split("2015").next().unwrap(),
            ("s3", "ListObjects") => "ListBucket",
            (_, name) => name,
        };
        calls.insert((session.to_owned(), issuer.to_owned(), format!("{service}:{name}")));
    }
    for expected in expected::all() {
        for row in expected.rows {
            let call = (expected.function.to_owned(), expected.role.to_owned(), row.action.to_owned());
            let seen = calls.contains(&call);
            match row.verdict {
                "used" => assert!(seen, "{call:?} is called used"),
                "unused" | "unobservable" | "companion" | "required" => assert!(!seen, "{call:?} is not called used"),
                _ => {}
            }
        }
    }
}

#[test]
fn verdicts_are_of_functions_and_roles_of_the_account() {
    let mut seen = BTreeSet::new();
    for expected in expected::all() {
        assert!(FUNCTIONS.iter().any(|function| function.name == expected.function));
        assert!(role(expected.role).is_some(), "{}", expected.role);
        for row in expected.rows {
            assert!(seen.insert((expected.function, expected.role, row.action)), "{} twice", row.action);
        }
    }
    assert!(seen.len() > 60);
    assert_eq!(FUNCTIONS.len(), expected::all().map(|e| e.function).collect::<BTreeSet<_>>().len());
}
