//! The body of decision cases, through the engine and through the literal oracle.
//!
//! A case is a line of `whittle simulate` with two more members: the rule that it shows and the decision that
//! the page in its file's `source` calls for.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;
use whittle_policy::simulate::{SimulationCase, answer_line, simulate_line};
use whittle_testkit::oracle::evaluate::decide;

fn cases() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testkit/cases/evaluation");
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut out = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let mut content: Value = serde_json::from_str(&text).unwrap();
        let source = content["source"].as_str().unwrap().to_owned();
        assert!(!source.is_empty(), "{}", file.display());
        let Value::Array(cases) = content["cases"].take() else { panic!("{}: no cases", file.display()) };
        out.extend(cases.into_iter().map(|case| (source.clone(), case)));
    }
    out
}

#[test]
fn every_case_is_decided_as_its_source_says() {
    let cases = cases();
    let mut wrong = Vec::new();
    for (source, case) in &cases {
        let answer: Value = serde_json::from_str(&simulate_line(&case.to_string())).unwrap();
        if answer["decision"] != case["expect"] || answer["id"] != case["id"] {
            wrong.push(format!("{}: {} [{source}]\n  {answer}", case["id"], case["rule"]));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(cases.len() >= 700, "only {} cases", cases.len());
}

#[test]
fn the_oracle_agrees_with_every_case() {
    let wrong: Vec<String> = cases()
        .iter()
        .filter(|(_, case)| case["identity_policies"][0]["document"].is_string() || decide(case) != case["expect"])
        .filter(|(_, case)| !case["identity_policies"][0]["document"].is_string())
        .map(|(_, case)| format!("{}: {} is {}", case["id"], case["rule"], decide(case)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn ids_are_unique_and_every_outcome_is_common() {
    let cases = cases();
    let ids: BTreeSet<&str> = cases.iter().map(|(_, case)| case["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), cases.len());
    for outcome in ["Allowed", "ImplicitlyDenied", "ExplicitlyDenied"] {
        assert!(cases.iter().filter(|(_, case)| case["expect"] == outcome).count() >= 60, "{outcome}");
    }
}

#[test]
fn explanations_agree_with_decisions() {
    for (_, case) in cases() {
        let line = case.to_string();
        let (short, long): (Value, Value) = (
            serde_json::from_str(&answer_line(&line, false)).unwrap(),
            serde_json::from_str(&answer_line(&line, true)).unwrap(),
        );
        assert_eq!(short["decision"], long["decision"]);
        assert_eq!(short["deciding"], long["deciding"]);
        let parsed = SimulationCase::parse(&line).unwrap();
        let told = parsed.explain();
        let effects = |matching: &str| {
            told.statements.iter().filter(|told| told.effect.as_str() == matching && told.miss.is_none()).count()
        };
        assert_eq!(effects("Deny") > 0, case["expect"] == "ExplicitlyDenied", "{}", case["id"]);
        assert_eq!(told.decision.missing.is_some(), case["expect"] == "ImplicitlyDenied", "{}", case["id"]);
    }
}
