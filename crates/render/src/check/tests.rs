//! Each format against what reads it.

use serde_json::Value;
use whittle_analysis::findings::{DRIFT_RULES, RULES, WAIVER_RULES};
use whittle_analysis::gate::{Gate, JudgedFinding, Standing, Waiver};
use whittle_analysis::issue::{Issue, IssueKind};
use whittle_analysis::reason::Reason;
use whittle_analysis::result::{Finding, ReportWindow, Severity};

use super::*;
use crate::style::Color;

/// A name that means something in each format.
const EVIL: &str = "x|y<img src=a>@admin `a` [l](http://e) 100%,\u{1b}[31m\r\n::error::owned";

fn finding(code: &str, severity: Severity, name: &str) -> Finding {
    Finding {
        code: code.to_owned(),
        severity,
        likelihood: 3,
        impact: 4,
        function_arn: Some(format!("arn:aws:lambda:eu-central-1:111122223333:function:{name}")),
        role_arn: "arn:aws:iam::111122223333:role/r".to_owned(),
        title: format!("title of {name}"),
        detail: Reason::Text(format!("detail of {name}")),
        remedy: "whittle policy f".to_owned(),
        fingerprint: "0123456789abcdef".to_owned(),
    }
}

fn gate() -> Gate {
    let judged = |finding, standing| JudgedFinding { finding, standing, waiver_line: None };
    let waiver = Waiver {
        fingerprint: "0123456789abcdef".to_owned(),
        owner: EVIL.to_owned(),
        reason: EVIL.to_owned(),
        until: "2027-01-01".parse().unwrap(),
        line: 1,
    };
    Gate {
        account: "111122223333".to_owned(),
        window: ReportWindow {
            start: "2026-08-01T00:00:00Z".to_owned(),
            end: "2026-10-30T00:00:00Z".to_owned(),
            days: 90,
        },
        fail_on: Severity::High,
        findings: vec![
            judged(finding("administrator-access", Severity::Critical, "f"), Standing::New),
            judged(finding("unused-actions", Severity::High, EVIL), Standing::New),
            judged(finding("unused-actions", Severity::Medium, "g"), Standing::Known),
            judged(finding("shared-role", Severity::Low, "h"), Standing::Waived(waiver)),
            judged(finding("stale-waiver", Severity::Info, "i"), Standing::New),
        ],
        issues: vec![Issue::new(IssueKind::from("bad-record"), "file", "is odd\n::error::x")],
        notes: vec![Issue::new(IssueKind::NoEvidenceOfFunction, "t.yaml:3", "New|<b>@x\n::error::y").with_hint("wait")],
        inconclusive: None,
        has_baseline: true,
    }
}

fn places(judged: &JudgedFinding) -> Vec<Location> {
    let path = "a b/snapshot:1/authorization-details.json".to_owned();
    let line = Location { path, line: 7, column: None, end_line: None, end_column: None };
    let block = Location { line: 9, column: Some(3), end_line: Some(11), end_column: Some(8), ..line.clone() };
    match judged.finding.code.as_str() {
        "shared-role" => Vec::new(),
        "administrator-access" => vec![block, line],
        _ => vec![line],
    }
}

#[test]
fn sarif_is_what_its_schema_says() {
    let schema: Value = serde_json::from_str(include_str!("../../tests/data/sarif-schema-2.1.0.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let empty =
        Gate { findings: Vec::new(), issues: Vec::new(), inconclusive: Some(Reason::Text("why".to_owned())), ..gate() };
    for gate in [gate(), empty] {
        let log: Value = serde_json::from_str(&sarif::render(&gate, &places, "0.1.0")).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(&log).map(|error| format!("{error} at {}", error.instance_path)).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
    // The check would notice.
    let mut log: Value = serde_json::from_str(&sarif::render(&gate(), &places, "0.1.0")).unwrap();
    log["runs"][0]["results"][0]["level"] = "critical".into();
    assert!(!validator.is_valid(&log));
}

#[test]
fn sarif_says_what_code_scanning_needs() {
    let log: Value = serde_json::from_str(&sarif::render(&gate(), &places, "0.1.0")).unwrap();
    let run = &log["runs"][0];
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 5, "nothing is dropped");
    let levels: Vec<&str> = results.iter().map(|result| result["level"].as_str().unwrap()).collect();
    assert_eq!(levels, ["error", "error", "warning", "note", "note"]);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(run["tool"]["driver"]["rules"][index]["id"], result["ruleId"]);
        assert_eq!(result["partialFingerprints"][sarif::FINGERPRINT_KEY], "0123456789abcdef");
    }
    assert_eq!(
        results[0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
        "a%20b/snapshot%3A1/authorization-details.json"
    );
    assert_eq!(
        results[0]["locations"][0]["physicalLocation"]["region"],
        serde_json::json!({"startLine": 9, "startColumn": 3, "endLine": 11, "endColumn": 8})
    );
    assert_eq!(results[0]["relatedLocations"][0]["physicalLocation"]["region"]["startLine"], 7);
    assert_eq!(run["invocations"][0]["toolExecutionNotifications"][1]["level"], "note");
    assert_eq!(results[2]["baselineState"], "unchanged");
    assert_eq!(results[3]["suppressions"][0]["status"], "accepted");
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let severity = |code: &str| {
        let rule = rules.iter().find(|rule| rule["id"] == code).unwrap();
        rule["properties"]["security-severity"].as_str().unwrap().parse::<f64>().unwrap()
    };
    assert!(severity("administrator-access") > 9.0 && severity("unused-actions") < 9.0);
}

#[test]
fn every_rule_has_its_page() {
    let codes = RULES.iter().map(|rule| rule.code).chain(DRIFT_RULES.iter().map(|rule| rule.code));
    for code in codes.chain(WAIVER_RULES.iter().map(|rule| rule.code)) {
        let page = page(code).unwrap_or_else(|| panic!("no page of {code}"));
        assert!(page.starts_with(&format!("# {code}\n")), "{code}");
    }
}

#[test]
fn annotations_are_one_line_each_and_nothing_in_them_is_a_command() {
    let text = github::render(&gate(), &places);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 5, "{text}");
    assert!(lines[0].starts_with("::error file=a b/snapshot%3A1/authorization-details.json,line=9,endLine=11,title=administrator-access (critical)%3A f::title of f%0A"), "{text}");
    assert!(lines[1].starts_with("::error ") && lines[1].contains("100%25"), "{text}");
    assert!(lines[2].starts_with("::notice "), "{text}");
    assert!(
        lines[3].starts_with("::notice file=t.yaml,line=3,title=no-evidence-of-function::t.yaml:3: New|"),
        "{text}"
    );
    assert!(lines[4].starts_with("whittle: 3 new findings, 2 at or above high; 1 known"), "{text}");
    // Colons of a property are escaped, so its end is the first `::` behind the command.
    let properties = lines[1].split("::").nth(1).unwrap();
    assert_eq!(properties.split(',').count(), 3, "{properties}");
}

#[test]
fn markdown_shows_names_as_they_are() {
    let text = markdown::render(&gate(), &places);
    assert!(text.starts_with(markdown::MARK));
    for evil in ["<img", "@admin", "[l](", "| y", "\u{1b}", "http://"] {
        assert!(!text.contains(evil), "{evil} in {text}");
    }
    for row in text.lines().filter(|line| line.starts_with("| ")) {
        assert_eq!(row.replace("\\|", "").matches('|').count(), 5, "{row}");
    }
    assert!(text.contains("failed") && text.contains("<details>"), "{text}");
    assert!(text.contains("\n- t.yaml&#58;3&#58; New\\|&lt;b&gt;&#64;x"), "{text}");
}

#[test]
fn json_is_a_baseline_for_the_next_run_and_the_table_names_the_rest() {
    let answer: Value = serde_json::from_str(&json::render(&gate(), &places).unwrap()).unwrap();
    assert_eq!((&answer["outcome"], &answer["failing"]), (&"findings".into(), &2.into()));
    let states: Vec<&str> =
        answer["findings"].as_array().unwrap().iter().map(|finding| finding["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["new", "new", "known", "waived", "new"]);
    assert_eq!(
        (&answer["findings"][0]["location"]["end_line"], &answer["findings"][0]["other_locations"][0]["line"]),
        (&11.into(), &7.into())
    );
    assert_eq!(answer["notes"][0]["kind"], "no-evidence-of-function");
    let text = human::render(&gate(), &places, Color::Off);
    assert!(text.contains("details.json:9:3, finger"), "{text}");
    assert!(text.contains("note      t.yaml:3: New"), "{text}");
    assert!(text.contains("waived") && text.ends_with("1 waived.\n") && !text.contains('\u{1b}'), "{text}");
}
