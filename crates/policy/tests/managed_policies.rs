//! Every AWS managed policy goes through the crate. See `crates/template/data/SOURCES.md`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper outside the test functions reads our own file"
)]

use std::io::Read as _;

use serde_json::Value;
use whittle_policy::{ActionClause, Effect, PolicyDocument};

const FILE: &[u8] = include_bytes!("../../template/data/aws-managed-policies.ndjson.gz");

/// (name, document) of each policy.
fn policies() -> Vec<(String, Value)> {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(FILE).read_to_string(&mut text).unwrap();
    let row = |line: &str| {
        let mut row: Value = serde_json::from_str(line).unwrap();
        (row["name"].as_str().unwrap().to_owned(), row["document"].take())
    };
    text.lines().map(row).collect()
}

#[test]
fn parsing_and_emitting_loses_nothing() {
    let policies = policies();
    assert_eq!(policies.len(), 1582);
    for (name, value) in policies {
        let text = value.to_string();
        let document = PolicyDocument::parse(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(document.to_value(), value, "{name}");
        assert_eq!(PolicyDocument::from_value(&value).unwrap(), document, "{name}");
        assert_eq!(PolicyDocument::parse(&document.to_json_pretty()).unwrap(), document, "{name}");
        assert_eq!(serde_json::from_str::<PolicyDocument>(&text).unwrap(), document, "{name}");
        assert_eq!(document.size(), text.chars().count(), "{name}");
    }
}

#[test]
fn canonical_form_is_stable_and_covers_both_ways() {
    for (name, value) in policies() {
        let document = PolicyDocument::from_value(&value).unwrap();
        let canonical = document.canonical();
        let again = PolicyDocument::parse(&canonical.to_json_compact()).unwrap().canonical();
        assert_eq!(again.to_json_compact(), canonical.to_json_compact(), "{name}");
        for (original, canonical) in document.statements.iter().zip(&canonical.statements) {
            if original.effect == Effect::Allow {
                assert!(original.covers(canonical) && canonical.covers(original), "{name}: {original:?}");
            }
        }
    }
}

#[test]
fn every_allow_covers_itself_and_its_parts() {
    for (name, value) in policies() {
        let document = PolicyDocument::from_value(&value).unwrap();
        for statement in document.statements.iter().filter(|statement| statement.effect == Effect::Allow) {
            assert!(statement.covers(statement), "{name}: {statement:?}");
            let ActionClause::Action(actions) = &statement.action else { continue };
            for action in actions {
                assert!(statement.action.covers(action), "{name}: {action}");
            }
            let mut part = statement.clone();
            part.action = ActionClause::Action(actions.as_slice()[0].clone().into());
            part.condition = part.condition.with("StringEquals", "aws:RequestedRegion", ["eu-central-1"]);
            assert!(statement.covers(&part), "{name}: {part:?}");
        }
    }
}

#[test]
fn only_administrator_like_policies_cover_everything() {
    let everything: PolicyDocument = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#.parse().unwrap();
    let everything = &everything.statements.as_slice()[0];
    let mut administrators: Vec<String> = Vec::new();
    for (name, value) in policies() {
        let document = PolicyDocument::from_value(&value).unwrap();
        assert!(document.statements.iter().all(|s| s.effect == Effect::Deny || everything.covers(s)), "{name}");
        if document.statements.iter().any(|statement| statement.covers(everything)) {
            administrators.push(name);
        }
    }
    assert_eq!(administrators, ADMINISTRATORS);
}

/// The managed policies with an unconditional Allow of `*` on `*`.
const ADMINISTRATORS: &[&str] = &["AdministratorAccess"];

/// AWS's own policies hold no oddities but deliberate ones; a new kind here is a bug in the lint or news about AWS.
#[test]
fn lint_finds_little_in_managed_policies() {
    let mut found = std::collections::BTreeMap::<&str, usize>::new();
    let mut examples = Vec::new();
    for (name, value) in policies() {
        for lint in PolicyDocument::from_value(&value).unwrap().lint() {
            *found.entry(lint.code.as_str()).or_default() += 1;
            examples.push(format!("{name} {lint}"));
        }
    }
    let expected = std::collections::BTreeMap::from(EXPECTED_LINTS);
    assert_eq!(found, expected, "{examples:#?}");
}

const EXPECTED_LINTS: [(&str, usize); 1] = [("allow-all-but", 9)];
