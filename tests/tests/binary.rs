//! The binary as a user meets it: what goes where, exit codes, errors with hints.

use std::path::Path;

use crate::support::{call, shop, stderr, stdout};

fn analyzed() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let output = analyze(dir.path(), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    dir
}

fn analyze(dir: &Path, more: &[&str]) -> std::process::Output {
    let snapshot = shop().display().to_string();
    let trail = shop().join("trail").display().to_string();
    call(dir, &[&["analyze", &snapshot, "--trail", &trail], more].concat())
}

#[test]
fn standard_output_holds_data_only() {
    let dir = tempfile::tempdir().unwrap();
    let output = analyze(dir.path(), &["--format", "json", "--verbose"]);
    let _: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert!(stderr(&output).contains("trail files"), "{}", stderr(&output));
    let quiet = analyze(dir.path(), &["--format", "json", "--quiet"]);
    assert_eq!(stderr(&quiet), "");
}

#[test]
fn every_ndjson_line_carries_its_schema_version() {
    let dir = analyzed();
    for args in [
        vec!["analyze", "SNAPSHOT", "--trail", "TRAIL", "--format", "ndjson"],
        vec!["explain", "shop-checkout", "--format", "ndjson"],
        vec!["trail", "map", "TRAIL", "--format", "ndjson"],
        vec!["trail", "usage", "TRAIL", "--format", "ndjson"],
        vec!["trail", "coverage", "SNAPSHOT", "--trail", "TRAIL", "--format", "ndjson"],
        vec!["catalog", "show", "s3:Get*", "--format", "ndjson"],
    ] {
        let (snapshot, trail) = (shop().display().to_string(), shop().join("trail").display().to_string());
        let args: Vec<&str> = args
            .into_iter()
            .map(|arg| match arg {
                "SNAPSHOT" => snapshot.as_str(),
                "TRAIL" => trail.as_str(),
                other => other,
            })
            .collect();
        let output = call(dir.path(), &args);
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        let text = stdout(&output);
        assert!(text.lines().count() > 1, "{args:?}");
        for line in text.lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(value["schema_version"], 1, "{args:?}: {line}");
        }
    }
}

#[test]
fn the_gate_answers_by_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(analyze(dir.path(), &["--fail-on", "critical"]).status.code(), Some(1));
    assert_eq!(analyze(dir.path(), &[]).status.code(), Some(0));
}

#[test]
fn a_gate_without_evidence_is_inconclusive() {
    let dir = tempfile::tempdir().unwrap();
    let empty = dir.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let snapshot = shop().display().to_string();
    let args = ["analyze", &snapshot, "--trail", "empty", "--fail-on", "critical", "--format", "json"];
    let output = call(dir.path(), &args);
    let report: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
    let worst_is_critical =
        report["findings"].as_array().unwrap().iter().any(|finding| finding["severity"] == "critical");
    assert_eq!(output.status.code(), Some(if worst_is_critical { 1 } else { 3 }));
    for function in report["functions"].as_array().unwrap() {
        assert!(function["suggestion"].is_null(), "{}", function["function_arn"]);
    }
}

#[test]
fn policy_prints_a_document_that_iam_takes() {
    let dir = analyzed();
    let output = call(dir.path(), &["policy", "shop-checkout"]);
    let document = whittle_policy::PolicyDocument::parse(&stdout(&output)).unwrap();
    assert!(document.size() <= 6_144 && document.lint().is_empty(), "{:?}", document.lint());
    let by_arn = call(dir.path(), &["policy", "arn:aws:lambda:eu-central-1:111122223333:function:shop-checkout"]);
    assert_eq!(stdout(&output), stdout(&by_arn));
    let to_file = call(dir.path(), &["policy", "shop-checkout", "--output", "policy.json"]);
    assert_eq!(stdout(&to_file), "");
    assert_eq!(std::fs::read_to_string(dir.path().join("policy.json")).unwrap(), stdout(&output));
}

#[test]
fn a_function_with_two_roles_asks_which() {
    let dir = analyzed();
    let output = call(dir.path(), &["policy", "shop-search"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("name the role"), "{}", stderr(&output));
    assert!(call(dir.path(), &["policy", "shop-search-v3-role"]).status.success());
}

#[test]
fn names_that_mean_nothing_get_the_nearest_ones() {
    let dir = analyzed();
    for (args, hint) in [
        (vec!["policy", "shop-chekout"], "shop-checkout"),
        (vec!["explain", "shop-invoce"], "shop-invoice"),
        (vec!["catalog", "show", "s3:GetObjct"], "s3:GetObject"),
    ] {
        let output = call(dir.path(), &args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(hint), "{args:?}: {}", stderr(&output));
        assert_eq!(stdout(&output), "");
    }
}

#[test]
fn an_unused_function_is_told_why_it_gets_no_policy() {
    let dir = analyzed();
    let output = call(dir.path(), &["policy", "shop-legacy-export"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("nothing was learned"), "{}", stderr(&output));
}

#[test]
fn explain_narrows_to_an_action() {
    let dir = analyzed();
    let output = call(dir.path(), &["explain", "shop-payment", "sqs:SendMessage"]);
    let text = stdout(&output);
    assert!(text.contains("is kept for shop-payment") && text.contains("dead-letter"), "{text}");
    let not_granted = call(dir.path(), &["explain", "shop-payment", "ec2:RunInstances"]);
    assert_eq!(not_granted.status.code(), Some(2));
}

#[test]
fn commands_without_a_store_say_how_to_make_one() {
    let dir = tempfile::tempdir().unwrap();
    let output = call(dir.path(), &["policy", "anything"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("whittle analyze"), "{}", stderr(&output));
    assert!(!dir.path().join(".whittle").exists(), "looking must not make a store");
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = std::process::Command::new(crate::support::whittle())
        .args(["catalog", "show", "*"])
        .current_dir(dir.path())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(stderr(&output), "");
}

#[test]
fn colour_only_when_asked_for() {
    let dir = analyzed();
    assert!(!stdout(&call(dir.path(), &["explain", "shop-checkout"])).contains('\u{1b}'));
    assert!(stdout(&call(dir.path(), &["explain", "shop-checkout", "--color", "always"])).contains('\u{1b}'));
}

#[test]
fn trail_coverage_names_what_is_not_selected() {
    let dir = tempfile::tempdir().unwrap();
    let snapshot = shop().display().to_string();
    let trail = shop().join("trail").display().to_string();
    let output = call(dir.path(), &["trail", "coverage", &snapshot, "--trail", &trail]);
    let text = stdout(&output);
    assert!(text.starts_with("90 days"), "{text}");
    for expected in ["management", "AWS::S3::Object", "AWS::DynamoDB::Table", "AWS::Lambda::Function"] {
        assert!(text.contains(expected), "{text}");
    }
    assert!(!text.contains("AWS::SQS::Queue"), "{text}");
}

#[test]
fn trail_coverage_tells_the_days_of_an_action() {
    let dir = tempfile::tempdir().unwrap();
    let trail = shop().join("trail").display().to_string();
    // The folder, and the file with the trails alone.
    for snapshot in [shop(), shop().join("trails.json")] {
        let snapshot = snapshot.display().to_string();
        let asked = ["--action", "dynamodb:PutItem", "--action", "logs:PutLogEvents", "--action", "sqs:SendMessage"];
        let args = [&["trail", "coverage", &snapshot, "--trail", &trail, "--format", "json"], &asked[..]].concat();
        let output = call(dir.path(), &args);
        assert_eq!(stderr(&output), "", "{snapshot}");
        let json: serde_json::Value = serde_json::from_str(&stdout(&output)).unwrap();
        let states = |action: &str| -> Vec<String> {
            let rows = json["actions"].as_array().unwrap();
            let row = rows.iter().find(|row| row["action"] == action).unwrap();
            row["days"].as_array().unwrap().iter().map(|run| run["state"].as_str().unwrap().to_owned()).collect()
        };
        assert!(states("dynamodb:PutItem").iter().all(|state| state == "seen" || state == "could-have-been-seen"));
        assert_eq!(states("logs:PutLogEvents"), ["could-not-be-seen"]);
        assert_eq!(states("sqs:SendMessage"), ["could-not-be-seen"]);
        assert!(json.to_string().contains("AWS::SQS::Queue"), "the selector that would change it");
    }
    let output = call(dir.path(), &["trail", "coverage", &shop().display().to_string(), "--action", "s3:GetObjekt"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("did you mean"), "{}", stderr(&output));
}

#[test]
fn trail_map_reads_standard_input() {
    use std::io::Write as _;
    let event = r#"{"eventTime":"2026-09-01T10:00:00Z","eventSource":"lambda.amazonaws.com","eventName":"CreateFunction20150331","eventType":"AwsApiCall","requestParameters":{"role":"arn:aws:iam::111122223333:role/next"},"errorCode":"AccessDenied"}"#;
    let mut child = std::process::Command::new(crate::support::whittle())
        .args(["trail", "map", "-", "--format", "ndjson"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(event.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let json: serde_json::Value = serde_json::from_str(stdout(&output).trim()).unwrap();
    assert_eq!((json["class"].as_str(), json["outcomes"]["denied"].as_u64()), (Some("actions"), Some(1)));
    let passed = json["actions"].as_array().unwrap().iter().find(|row| row["action"] == "iam:PassRole").unwrap();
    assert_eq!(passed["passed_to_service"][0], "lambda.amazonaws.com");
}

#[test]
fn where_no_event_can_be_read_the_exit_code_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let event = r#"{"eventTime":"2026-01-01T00:00:00Z","eventSource":"s3.amazonaws.com","eventName":"ListBuckets"}"#;
    for (text, code) in [
        (String::new(), 2),
        ("no JSON".to_owned(), 2),
        (r#"{"Records":[]}"#.to_owned(), 2),
        (r#"{"Records":[{"eventName":7},{}]}"#.to_owned(), 2),
        (format!(r#"{{"Records":[{{}},{event}]}}"#), 0),
    ] {
        std::fs::write(dir.path().join("trail.json"), &text).unwrap();
        let output = call(dir.path(), &["trail", "map", "trail.json"]);
        assert_eq!(output.status.code(), Some(code), "{text}: {}", stderr(&output));
        assert_eq!(stderr(&output).contains("error: "), code == 2, "{text}: {}", stderr(&output));
    }
}
