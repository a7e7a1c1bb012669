//! Bad input gives one clear error or a counted issue, and never a wrong suggestion.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use whittle_analysis::result::{Report, Verdict};

use crate::support::{analyze, call, copy, shop, stderr};

struct Case {
    dir: tempfile::TempDir,
}

impl Case {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy(&shop(), &dir.path().join("shop"));
        Self { dir }
    }

    fn snapshot(&self) -> PathBuf {
        self.dir.path().join("shop")
    }

    fn trail(&self) -> PathBuf {
        self.snapshot().join("trail")
    }

    fn some_trail_file(&self) -> PathBuf {
        fn walk(dir: &Path, found: &mut Vec<PathBuf>) {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, found);
                } else if path.to_string_lossy().contains("/CloudTrail/eu-central-1/") {
                    found.push(path);
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.trail(), &mut found);
        found.sort();
        found[found.len() / 2].clone()
    }

    /// Changes the first inline policy of a role in the snapshot.
    fn edit_inline_policy(&self, role_name: &str, edit: impl FnOnce(&mut serde_json::Value)) {
        let path = self.snapshot().join("authorization-details.json");
        let mut details: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let mut roles = details["RoleDetailList"].as_array_mut().unwrap().iter_mut();
        let role = roles.find(|role| role["RoleName"] == role_name).unwrap();
        edit(&mut role["RolePolicyList"][0]["PolicyDocument"]);
        std::fs::write(&path, details.to_string()).unwrap();
    }

    fn report(&self) -> Report {
        analyze(&self.snapshot(), &self.trail())
    }

    #[track_caller]
    fn fails(&self, words: &[&str]) {
        let output = call(self.dir.path(), &["analyze", "shop", "--trail", "shop/trail"]);
        assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
        let text = stderr(&output);
        assert_eq!(text.matches("error:").count(), 1, "{text}");
        for word in words {
            assert!(text.contains(word), "no `{word}` in: {text}");
        }
    }
}

#[track_caller]
fn nothing_unused(report: &Report) {
    for result in &report.functions {
        let unused = result.verdicts.iter().filter(|row| row.verdict == Verdict::Unused).count();
        assert_eq!(unused, 0, "{}", result.function_arn);
        assert!(result.suggestion.as_ref().is_none_or(|suggestion| suggestion.removed_actions == 0));
    }
}

/// Nothing is unused but actions of global services, whose events lie in the files of another Region.
#[track_caller]
fn nothing_regional_unused(report: &Report) {
    for result in &report.functions {
        let global = |action: &str| {
            let id = whittle_catalog::catalog().action(action).unwrap();
            let events = whittle_catalog::catalog().revealed_by(id);
            events.iter().any(|event| whittle_evidence::coverage::event_sources::is_global(&event.event_source))
        };
        let mut unused = result.verdicts.iter().filter(|row| row.verdict == Verdict::Unused);
        let wrong = unused.find(|row| !global(&row.action));
        assert!(wrong.is_none(), "{}: {wrong:?}", result.function_arn);
    }
}

#[track_caller]
fn has_issue(report: &Report, words: &[&str]) {
    let found = report.issues.iter().any(|issue| {
        let text = format!("{} {} {} {}", issue.kind, issue.place, issue.message, issue.hint);
        words.iter().all(|word| text.contains(word))
    });
    assert!(found, "no issue with {words:?} in {:#?}", report.issues);
}

#[test]
fn a_missing_snapshot_folder_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let trail = shop().join("trail").display().to_string();
    let output = call(dir.path(), &["analyze", "nowhere", "--trail", &trail]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("nowhere"), "{}", stderr(&output));
}

#[test]
fn an_empty_snapshot_folder_says_what_belongs_there() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("empty")).unwrap();
    let trail = shop().join("trail").display().to_string();
    let output = call(dir.path(), &["analyze", "empty", "--trail", &trail]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("authorization-details.json"), "{}", stderr(&output));
}

#[test]
fn missing_authorization_details_are_an_error_with_the_command_that_makes_them() {
    let case = Case::new();
    std::fs::remove_file(case.snapshot().join("authorization-details.json")).unwrap();
    case.fails(&["authorization-details.json", "get-account-authorization-details"]);
}

#[test]
fn half_a_json_names_file_and_line() {
    let case = Case::new();
    let path = case.snapshot().join("authorization-details.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, &text[..text.len() / 2]).unwrap();
    case.fails(&["authorization-details.json", "line"]);
}

#[test]
fn a_missing_trail_path_is_named() {
    let case = Case::new();
    let output = call(case.dir.path(), &["analyze", "shop", "--trail", "nowhere"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("nowhere"), "{}", stderr(&output));
}

#[test]
fn an_empty_trail_folder_removes_nothing() {
    let case = Case::new();
    let empty = case.dir.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let report = analyze(&case.snapshot(), &empty);
    nothing_unused(&report);
    has_issue(&report, &["no event"]);
}

#[test]
fn a_truncated_trail_file_is_an_issue_and_nothing_is_called_unused() {
    let case = Case::new();
    let path = case.some_trail_file();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let report = case.report();
    nothing_regional_unused(&report);
    has_issue(&report, &[path.file_name().unwrap().to_str().unwrap(), "fetch the file again"]);
}

#[test]
fn a_repaired_trail_file_heals_the_result() {
    let case = Case::new();
    let whole = case.report();
    let path = case.some_trail_file();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let mut store = whittle_local::store::SqliteStore::open(case.dir.path().join("store.sqlite")).unwrap();
    let broken = crate::support::try_analyze(&case.snapshot(), &case.trail(), &mut store).unwrap().report;
    nothing_regional_unused(&broken);
    std::fs::write(&path, &bytes).unwrap();
    let healed = crate::support::try_analyze(&case.snapshot(), &case.trail(), &mut store).unwrap();
    assert_eq!(healed.read.read, 1, "only the repaired file is read");
    assert_eq!(healed.report, whole);
}

#[test]
fn a_trail_file_that_is_no_json_is_an_issue() {
    let case = Case::new();
    std::fs::write(case.trail().join("notes.json"), "these are no events").unwrap();
    let report = case.report();
    has_issue(&report, &["notes.json"]);
}

#[test]
fn a_file_of_an_unknown_kind_removes_nothing() {
    let case = Case::new();
    let ocsf =
        r#"{"class_uid":6003,"class_name":"API Activity","metadata":{"product":{"name":"CloudTrail"}},"time":1}"#;
    std::fs::write(case.trail().join("lake.json"), ocsf).unwrap();
    let report = case.report();
    nothing_unused(&report);
    has_issue(&report, &["lake.json", "OCSF"]);
}

#[test]
fn a_delivery_of_a_log_group_is_read_like_the_file() {
    let case = Case::new();
    let before = case.report();
    let path = case.some_trail_file();
    let mut text = String::new();
    flate2::read::GzDecoder::new(std::fs::File::open(&path).unwrap()).read_to_string(&mut text).unwrap();
    let file: serde_json::Value = serde_json::from_str(&text).unwrap();
    let delivery = |record: &serde_json::Value| {
        serde_json::json!({"messageType": "DATA_MESSAGE", "logGroup": "CloudTrail", "logEvents": [
            {"id": "1", "timestamp": 1, "message": record.to_string()}]})
        .to_string()
    };
    let deliveries: String = file["Records"].as_array().unwrap().iter().map(delivery).collect();
    std::fs::write(&path, deliveries).unwrap();
    let after = case.report();
    let used = |report: &Report| report.functions.iter().map(|result| result.counts.used).collect::<Vec<_>>();
    assert_eq!(used(&after), used(&before));
    assert!(before.functions.iter().any(|result| result.counts.unused > 0));
}

#[test]
fn an_unreadable_record_costs_itself_only() {
    let case = Case::new();
    let mut file = std::fs::File::create(case.trail().join("extra.json")).unwrap();
    file.write_all(br#"{"Records":[{"eventVersion":"1.08","eventTime":"not a time","eventSource":"s3.amazonaws.com","eventName":"GetObject","userIdentity":{"type":"Root"}}]}"#)
        .unwrap();
    let report = case.report();
    has_issue(&report, &["extra.json", "record 0"]);
    assert!(report.functions.iter().any(|result| result.counts.unused > 0), "one bad record must not end the run");
}

#[test]
fn a_snapshot_of_another_account_removes_nothing() {
    let case = Case::new();
    let text = |path: &Path| std::fs::read_to_string(path).unwrap().replace("111122223333", "444455556666");
    for name in ["authorization-details.json", "trails.json"] {
        let path = case.snapshot().join(name);
        std::fs::write(&path, text(&path)).unwrap();
    }
    for entry in std::fs::read_dir(case.snapshot().join("regions/eu-central-1")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::write(&path, text(&path)).unwrap();
        }
    }
    let report = case.report();
    nothing_unused(&report);
    has_issue(&report, &["444455556666", "111122223333"]);
    assert!(!report.findings.iter().any(|finding| finding.code == "unused-function"), "nobody was looked for");
}

#[test]
fn a_policy_that_cannot_be_read_costs_the_suggestion_of_its_role_only() {
    let case = Case::new();
    case.edit_inline_policy("shop-invoice-role", |document| document["Statement"] = serde_json::json!("nonsense"));
    let report = case.report();
    let broken = crate::support::function(&report, "shop-invoice", "shop-invoice-role");
    assert!(broken.suggestion.is_none() && broken.no_suggestion.is_some());
    assert!(crate::support::function(&report, "shop-checkout", "shop-checkout-role").suggestion.is_some());
    has_issue(&report, &["shop-invoice-role"]);
}

#[test]
fn an_unknown_condition_operator_stays_on_its_statement() {
    let case = Case::new();
    case.edit_inline_policy("shop-invoice-role", |document| {
        for statement in document["Statement"].as_array_mut().unwrap() {
            statement["Condition"] = serde_json::json!({"StringSmells": {"aws:SourceVpc": "vpc-1"}});
        }
    });
    let report = case.report();
    let result = crate::support::function(&report, "shop-invoice", "shop-invoice-role");
    let suggestion = result.suggestion.as_ref().expect("the condition is carried along");
    assert!(suggestion.proof.never_wider && suggestion.proof.never_too_narrow);
    let text = serde_json::to_string(&suggestion.policies).unwrap();
    assert!(text.contains("StringSmells"), "{text}");
}

#[test]
fn days_without_any_event_are_told_and_a_long_gap_stops_removals() {
    let case = Case::new();
    let region = case.trail().join("AWSLogs/111122223333/CloudTrail");
    for entry in std::fs::read_dir(&region).unwrap() {
        let september = entry.unwrap().path().join("2026/09");
        if september.is_dir() {
            std::fs::remove_dir_all(september).unwrap();
        }
    }
    let report = case.report();
    nothing_unused(&report);
    has_issue(&report, &["hold no event"]);
}
