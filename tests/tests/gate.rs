//! `whittle check` and `whittle waive` on the example account: formats, exit codes, waivers, baselines.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::support::{call, shop, stderr, stdout, whittle};

fn check(dir: &Path, more: &[&str]) -> Output {
    let (snapshot, trail) = (shop().display().to_string(), shop().join("trail").display().to_string());
    call(dir, &[&["check", &snapshot, "--trail", &trail], more].concat())
}

#[track_caller]
fn json(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).unwrap_or_else(|error| panic!("{error}: {}", stderr(output)))
}

#[test]
fn the_gate_fails_on_high_findings_and_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let output = check(dir.path(), &["--format", "json"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let answer = json(&output);
    assert_eq!((&answer["outcome"], &answer["fail_on"]), (&"findings".into(), &"high".into()));
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "a gate leaves nothing behind");
    for format in ["table", "sarif", "github", "markdown"] {
        let output = check(dir.path(), &["--format", format]);
        assert_eq!(output.status.code(), Some(1), "{format}");
        assert!(stdout(&output).contains("administrator-access"), "{format}");
    }
}

#[test]
fn a_reader_that_is_gone_changes_no_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let (snapshot, trail) = (shop().display().to_string(), shop().join("trail").display().to_string());
    // The end that is read is closed before anything is written.
    let closed = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Stdio::from(writer)
    };
    let (snapshot, trail) = (snapshot.as_str(), trail.as_str());
    for (args, code) in [
        (vec!["check", snapshot, "--trail", trail, "--format", "json"], 1),
        (vec!["check", snapshot, "--trail", trail], 1),
        (vec!["analyze", snapshot, "--trail", trail, "--fail-on", "low", "--format", "ndjson"], 1),
        (vec!["diff", "none.json"], 2),
        (vec!["trail", "map", trail], 0),
        (vec!["catalog", "show", "s3:*"], 0),
        (vec!["simulate", "/dev/null"], 2),
    ] {
        for both in [false, true] {
            let mut command = Command::new(whittle());
            command.args(&args).current_dir(dir.path()).stdout(closed()).env_remove("WHITTLE_OUTPUT");
            if both {
                command.stderr(closed());
            }
            let output = command.stdin(Stdio::null()).output().unwrap();
            assert_eq!(output.status.code(), Some(code), "{args:?} {both}: {}", stderr(&output));
        }
    }
}

#[test]
fn the_store_is_evidence_enough() {
    let dir = tempfile::tempdir().unwrap();
    let (snapshot, trail) = (shop().display().to_string(), shop().join("trail").display().to_string());
    assert!(call(dir.path(), &["analyze", &snapshot, "--trail", &trail, "--quiet"]).status.success());
    let from_store = call(dir.path(), &["check", &snapshot, "--format", "json"]);
    assert_eq!(json(&from_store)["findings"], json(&check(dir.path(), &["--format", "json"]))["findings"]);
    let analyzed = json(&call(dir.path(), &["analyze", &snapshot, "--trail", &trail, "--format", "json"]));
    let prints = |value: &Value| -> Vec<String> {
        value["findings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|own| own["fingerprint"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(prints(&json(&from_store)), prints(&analyzed));
}

#[test]
fn without_evidence_the_answer_is_inconclusive() {
    let dir = tempfile::tempdir().unwrap();
    let snapshot = shop().display().to_string();
    let output = call(dir.path(), &["check", &snapshot, "--fail-on", "critical", "--format", "json"]);
    let answer = json(&output);
    let worst = answer["failing"].as_u64().unwrap();
    assert_eq!(output.status.code(), Some(if worst > 0 { 1 } else { 3 }), "{}", stderr(&output));
    // With everything known, only the evidence is missing.
    std::fs::write(dir.path().join("b.json"), stdout(&output)).unwrap();
    let again = call(dir.path(), &["check", &snapshot, "--baseline", "b.json", "--fail-on", "info"]);
    assert_eq!(again.status.code(), Some(3), "{}", stdout(&again));
    assert!(stderr(&again).contains("no evidence"), "{}", stderr(&again));
}

#[test]
fn a_baseline_of_either_format_leaves_what_is_new() {
    let dir = tempfile::tempdir().unwrap();
    for format in ["json", "sarif"] {
        std::fs::write(dir.path().join("baseline"), stdout(&check(dir.path(), &["--format", format]))).unwrap();
        let same = check(dir.path(), &["--baseline", "baseline", "--fail-on", "info"]);
        assert_eq!(same.status.code(), Some(0), "{format}: {}", stdout(&same));
        assert!(stdout(&same).contains("0 new findings"), "{}", stdout(&same));
        // One finding taken out of the baseline is new again.
        let text = std::fs::read_to_string(dir.path().join("baseline")).unwrap();
        let mut value: Value = serde_json::from_str(&text).unwrap();
        let list = if format == "json" { &mut value["findings"] } else { &mut value["runs"][0]["results"] };
        list.as_array_mut().unwrap().remove(0);
        std::fs::write(dir.path().join("baseline"), value.to_string()).unwrap();
        let one = check(dir.path(), &["--baseline", "baseline", "--format", "json", "--fail-on", "info"]);
        assert_eq!((one.status.code(), json(&one)["failing"].as_u64()), (Some(1), Some(1)), "{format}");
    }
    for (text, part) in [("{}", "neither"), ("no", "not JSON"), (r#"{"findings":[{"id":1}]}"#, "fingerprint")] {
        std::fs::write(dir.path().join("baseline"), text).unwrap();
        let output = check(dir.path(), &["--baseline", "baseline"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(part), "{}", stderr(&output));
    }
}

#[test]
fn a_waiver_accepts_one_finding_until_its_day() {
    let dir = tempfile::tempdir().unwrap();
    let (snapshot, trail) = (shop().display().to_string(), shop().join("trail").display().to_string());
    assert!(call(dir.path(), &["analyze", &snapshot, "--trail", &trail, "--quiet"]).status.success());
    let before = json(&check(dir.path(), &["--format", "json"]));
    let print = before["findings"][0]["fingerprint"].as_str().unwrap().to_owned();
    let waive = |print: &str, until: &str| {
        call(dir.path(), &["waive", print, "--owner", "team", "--reason", "it is \"fine\"", "--until", until])
    };
    let output = waive(&print[..8], "9999-12-31");
    assert!(output.status.success(), "{}", stderr(&output));
    let after = json(&check(dir.path(), &["--format", "json"]));
    assert_eq!(after["failing"].as_u64().unwrap() + 1, before["failing"].as_u64().unwrap());
    assert_eq!(after["findings"][0]["waiver"]["reason"], "it is \"fine\"");
    let sarif = json(&check(dir.path(), &["--format", "sarif"]));
    assert_eq!(sarif["runs"][0]["results"][0]["suppressions"][0]["kind"], "external");
    // Ended, and about nothing: each is a finding with its line.
    let file = dir.path().join("whittle.toml");
    let text = std::fs::read_to_string(&file).unwrap().replace("9999-12-31", "2020-01-01");
    std::fs::write(&file, format!("{text}\n[[waiver]]\nfingerprint = \"0000000000000000\"\nowner = \"a\"\nreason = \"b\"\nuntil = \"9999-12-31\"\n")).unwrap();
    let answer = json(&check(dir.path(), &["--format", "json"]));
    assert_eq!(answer["failing"], before["failing"]);
    let found =
        |code: &str| answer["findings"].as_array().unwrap().iter().find(|own| own["code"] == code).unwrap().clone();
    assert_eq!(found("expired-waiver")["location"]["path"], "whittle.toml");
    assert!(
        found("stale-waiver")["location"]["line"].as_u64().unwrap()
            > found("expired-waiver")["location"]["line"].as_u64().unwrap()
    );
}

#[test]
fn waiving_asks_for_what_makes_sense() {
    let dir = tempfile::tempdir().unwrap();
    let (snapshot, trail) = (shop().display().to_string(), shop().join("trail").display().to_string());
    let base = ["waive", "0123456789abcdef", "--owner", "o", "--reason", "r", "--until", "9999-12-31"];
    let without = call(dir.path(), &base);
    assert!(without.status.code() == Some(2) && stderr(&without).contains("no store"), "{}", stderr(&without));
    assert!(call(dir.path(), &[&base[..], &["--force"]].concat()).status.success());
    assert!(call(dir.path(), &["analyze", &snapshot, "--trail", &trail, "--quiet"]).status.success());
    for (args, part) in [
        (base.to_vec(), "knows no finding"),
        (
            vec!["waive", "0123456789abcdef", "--owner", "o", "--reason", " ", "--until", "9999-12-31"],
            "reason is empty",
        ),
        (vec!["waive", "0123456789abcdef", "--owner", "o", "--reason", "r", "--until", "2020-01-01"], "ended already"),
        (vec!["waive", "0123456789abcdef", "--owner", "o", "--reason", "r", "--until", "tomorrow"], "no date"),
    ] {
        let output = call(dir.path(), &args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(part), "{args:?}: {}", stderr(&output));
    }
    std::fs::write(dir.path().join("whittle.toml"), "[[waiver]]\nowner = 1\n").unwrap();
    let output = check(dir.path(), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("whittle.toml") && stderr(&output).contains("line 2"), "{}", stderr(&output));
}

#[test]
fn findings_stand_where_their_role_stands() {
    let dir = tempfile::tempdir().unwrap();
    crate::support::copy(&shop(), &dir.path().join("snapshot"));
    let output = call(dir.path(), &["check", "snapshot", "--trail", "snapshot/trail", "--format", "sarif"]);
    let log = json(&output);
    let text = std::fs::read_to_string(dir.path().join("snapshot/authorization-details.json")).unwrap();
    for result in log["runs"][0]["results"].as_array().unwrap() {
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "snapshot/authorization-details.json");
        let line = usize::try_from(place["region"]["startLine"].as_u64().unwrap()).unwrap();
        let role = result["properties"]["role_arn"].as_str().unwrap();
        assert!(text.lines().nth(line - 1).unwrap().contains(role), "{role} is not in line {line}");
    }
}

#[test]
fn the_example_files_are_taken() {
    let dir = tempfile::tempdir().unwrap();
    let waivers = crate::support::root().join("examples/ci/whittle.toml").display().to_string();
    let output = check(dir.path(), &["--waivers", &waivers, "--format", "json"]);
    assert!(json(&output)["findings"].as_array().unwrap().iter().any(|own| own["code"] == "stale-waiver"));
}
