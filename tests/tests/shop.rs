//! The example account: each of its functions gets the verdicts that its design intends, through the library
//! and through the binary.

use std::collections::BTreeMap;

use whittle_analysis::issue::IssueKind;
use whittle_analysis::result::{Report, Verdict};
use whittle_policy::{ActionClause, Effect};

use crate::support::{analyze, call, function, root, shop, stderr, stdout};

struct Expected {
    function: String,
    role: String,
    action: String,
    verdicts: Vec<String>,
    suggestion: String,
}

fn expected() -> Vec<Expected> {
    let text = std::fs::read_to_string(shop().join("expected-verdicts.tsv")).unwrap();
    let rows: Vec<Expected> = text
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split('\t').collect();
            Expected {
                function: cells[0].to_owned(),
                role: cells[1].to_owned(),
                action: cells[2].to_owned(),
                verdicts: cells[3].split('|').map(str::to_owned).collect(),
                suggestion: cells[4].to_owned(),
            }
        })
        .collect();
    assert!(rows.len() >= 190, "the table lost rows");
    rows
}

fn through_the_binary() -> Report {
    let dir = tempfile::tempdir().unwrap();
    let snapshot = shop().display().to_string();
    let trail = shop().join("trail").display().to_string();
    let output = call(dir.path(), &["analyze", &snapshot, "--trail", &trail, "--format", "json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).unwrap()
}

#[test]
fn every_intended_verdict_holds_through_the_library_and_the_binary() {
    let report = analyze(&shop(), &shop().join("trail"));
    // Output for scripts says the reasons in words.
    let in_words: Report = serde_json::from_str(&whittle_render::report::json(&report).unwrap()).unwrap();
    assert_eq!(in_words, through_the_binary(), "library and binary differ");
    let mut wrong = Vec::new();
    for row in expected() {
        let result = function(&report, &row.function, &row.role);
        if row.action == "*" {
            if result.suggestion.is_some() {
                wrong.push(format!("{}: has a suggestion", row.function));
            }
            continue;
        }
        let Some(verdict) = result.verdicts.iter().find(|verdict| verdict.action == row.action) else {
            wrong.push(format!("{} {}: not granted", row.function, row.action));
            continue;
        };
        if !row.verdicts.iter().any(|word| word == verdict.verdict.as_str()) {
            wrong.push(format!(
                "{} {}: {} instead of {} ({:?})",
                row.function,
                row.action,
                verdict.verdict.as_str(),
                row.verdicts.join("|"),
                verdict.reason
            ));
        }
        let suggestion = result.suggestion.as_ref().unwrap_or_else(|| {
            panic!("{} has no suggestion: {:?}", row.function, result.no_suggestion);
        });
        let kept = suggestion.policies.iter().flat_map(|policy| policy.document.statements.iter()).any(|statement| {
            statement.effect == Effect::Allow
                && matches!(&statement.action, ActionClause::Action(_))
                && statement.action.matches(&row.action)
        });
        if kept != (row.suggestion == "kept") {
            wrong.push(format!("{} {}: kept is {kept}, expected {}", row.function, row.action, row.suggestion));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_suggestion_is_proved_and_fits() {
    let report = analyze(&shop(), &shop().join("trail"));
    let suggestions = report
        .functions
        .iter()
        .filter_map(|result| result.suggestion.as_ref())
        .chain(report.roles.iter().filter_map(|result| result.suggestion.as_ref()));
    let mut count = 0;
    for suggestion in suggestions {
        count += 1;
        assert!(suggestion.proof.never_wider && suggestion.proof.never_too_narrow);
        for policy in &suggestion.policies {
            assert!(policy.document.size() <= 6_144, "{} has {} characters", policy.name, policy.document.size());
        }
    }
    assert!(count >= 20, "only {count} suggestions");
    assert!(!report.issues.iter().any(|issue| issue.kind == IssueKind::UnprovedSuggestion), "{:#?}", report.issues);
}

#[test]
fn resources_are_narrowed_to_what_was_used_or_configured() {
    let report = analyze(&shop(), &shop().join("trail"));
    let resources = |function_name: &str, role: &str, action: &str| -> Vec<String> {
        let result = function(&report, function_name, role);
        result.verdicts.iter().find(|row| row.action == action).map(|row| row.resources.clone()).unwrap_or_default()
    };
    let put = resources("shop-checkout", "shop-checkout-role", "dynamodb:PutItem");
    assert!(put.iter().all(|arn| arn.contains(":table/") && !arn.ends_with(":table/*")), "{put:?}");
    let dead_letter = resources("shop-payment", "shop-payment-role", "sqs:SendMessage");
    assert!(dead_letter.iter().all(|arn| arn.starts_with("arn:aws:sqs:")), "{dead_letter:?}");
    let logs = resources("shop-checkout", "shop-checkout-role", "logs:CreateLogStream");
    assert!(logs.iter().all(|arn| arn.contains("log-group:/aws/lambda/shop-checkout")), "{logs:?}");
}

#[test]
fn findings_name_what_the_example_is_made_to_show() {
    let report = analyze(&shop(), &shop().join("trail"));
    let mut by_code: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in &report.findings {
        *by_code.entry(finding.code.as_str()).or_default() += 1;
        assert!(
            !finding.remedy.is_empty() && !finding.detail.as_attribute().is_empty() && finding.fingerprint.len() == 16
        );
    }
    for code in [
        "unused-actions",
        "unused-services",
        "unused-function",
        "administrator-access",
        "wildcard-action",
        "wildcard-resource",
        "shared-role",
        "blind-spot",
    ] {
        assert!(by_code.contains_key(code), "no {code}: {by_code:?}");
    }
    assert_eq!(by_code["administrator-access"], 1);
    assert_eq!(by_code["unused-function"], 1);
    assert_eq!(by_code["shared-role"], 1);
    let severities: Vec<_> = report.findings.iter().map(|finding| finding.severity).collect();
    assert!(severities.is_sorted_by(|a, b| a >= b), "findings are not worst first");
}

#[test]
fn a_second_run_prints_the_same_and_leaves_the_store_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let snapshot = shop().display().to_string();
    let trail = shop().join("trail").display().to_string();
    for format in ["table", "json", "ndjson"] {
        let args = ["analyze", &snapshot, "--trail", &trail, "--format", format];
        let first = call(dir.path(), &args);
        assert!(first.status.success(), "{}", stderr(&first));
        let store = dir.path().join(".whittle/store.sqlite");
        let before = std::fs::read(&store).unwrap();
        let second = call(dir.path(), &args);
        assert_eq!(stdout(&first), stdout(&second), "{format}");
        assert!(before == std::fs::read(&store).unwrap(), "the store changed ({format})");
    }
}

#[test]
fn nothing_unused_is_claimed_without_its_evidence() {
    // Without trails.json nothing is known about what could have been seen: everything unneeded is kept.
    let dir = tempfile::tempdir().unwrap();
    let snapshot = dir.path().join("snapshot");
    crate::support::copy(&shop(), &snapshot);
    std::fs::remove_file(snapshot.join("trails.json")).unwrap();
    std::fs::remove_dir_all(snapshot.join("service-last-accessed")).unwrap();
    let report = analyze(&snapshot, &shop().join("trail"));
    let unused: Vec<_> = report
        .functions
        .iter()
        .flat_map(|result| result.verdicts.iter())
        .filter(|row| row.verdict == Verdict::Unused)
        .collect();
    assert!(unused.is_empty(), "{unused:#?}");
    assert!(report.issues.iter().any(|issue| issue.place.contains("trails.json")), "{:#?}", report.issues);
}

#[test]
fn the_example_of_the_readme_is_the_one_tested() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    assert!(readme.contains("cargo run --release -- analyze examples/shop --trail examples/shop/trail"));
}
