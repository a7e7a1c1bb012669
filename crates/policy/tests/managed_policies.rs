//! Every AWS managed policy goes through the crate. See `crates/template/data/SOURCES.md`.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper outside the test functions reads our own file"
)]

use std::io::Read as _;

use serde_json::Value;
use whittle_policy::algebra::{GrantSet, Proof};
use whittle_policy::evaluate::{Policy, PolicySets, PreparedPolicies, Request, evaluate};
use whittle_policy::minify::minify;
use whittle_policy::pack::{MANAGED_POLICY_CHARACTERS, pack};
use whittle_policy::{ActionClause, ActionPattern, Effect, PolicyDocument, Statement};

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

/// The same grants, proved; and never longer.
#[test]
fn minified_policies_are_proved_to_grant_the_same() {
    let mut unproved = Vec::new();
    for (name, value) in policies() {
        let document = PolicyDocument::from_value(&value).unwrap();
        let small = PolicyDocument::new(minified(&document));
        assert!(small.size() <= document.size() + "\"Version\":\"2012-10-17\",".len(), "{name}");
        assert_eq!(minified(&small), small.statements.as_slice(), "{name}: once is enough");
        let (was, is) = (GrantSet::of([&document]), GrantSet::of([&small]));
        if (was.covers(&is), is.covers(&was)) != (Proof::Yes, Proof::Yes) {
            unproved.push(name);
        }
    }
    assert_eq!(unproved, Vec::<String>::new());
}

/// The parts that no proof covers: deciding statements, and explicit Deny.
#[test]
fn minified_and_packed_policies_decide_sampled_requests_the_same() {
    let policies = policies();
    let mut decided = [0; 3];
    for (at, (name, value)) in policies.iter().enumerate() {
        let document = PolicyDocument::from_value(value).unwrap();
        let neighbour = PolicyDocument::from_value(&policies[(at + 1) % policies.len()].1).unwrap();
        let small = minified(&document);
        let packed: Vec<PolicyDocument> = pack(&small, MANAGED_POLICY_CHARACTERS)
            .into_iter()
            .map(|policy| PolicyDocument::new(policy.into_iter().map(|placed| placed.statement).collect()))
            .collect();
        // AWS's own policies may be longer than a customer's. A NotAction cannot be split.
        let fits = |policy: &PolicyDocument| policy.size() <= MANAGED_POLICY_CHARACTERS || policy.statements.len() == 1;
        assert!(packed.iter().all(fits), "{name}");
        let was = PolicySets { identity: vec![Policy { name, document: &document }], ..PolicySets::default() };
        let identity = packed.iter().map(|document| Policy { name, document }).collect();
        let is = PolicySets { identity, ..PolicySets::default() };
        let (prepared_was, prepared_is) = (PreparedPolicies::new(&was), PreparedPolicies::new(&is));
        for request in sampled(&document).iter().chain(&sampled(&neighbour)) {
            let outcome = evaluate(request, &was).outcome;
            assert_eq!(evaluate(request, &is).outcome, outcome, "{name}: {request:?}");
            assert_eq!(prepared_was.evaluate(request), evaluate(request, &was), "{name}: {request:?}");
            assert_eq!(prepared_is.outcome(request), outcome, "{name}: {request:?}");
            decided[outcome as usize] += 1;
        }
    }
    assert!(decided.iter().all(|&count| count > 300), "{decided:?}");
}

fn minified(document: &PolicyDocument) -> Vec<Statement> {
    minify(document.statements.as_slice()).into_iter().map(|merged| merged.statement).collect()
}

/// Requests that the statements of a policy are about, and just miss: with and without what their conditions
/// ask for.
fn sampled(document: &PolicyDocument) -> Vec<Request> {
    const EACH: usize = 12;
    let mut out = Vec::new();
    for statement in &document.statements {
        let resources: Vec<&str> = match &statement.resource {
            Some(clause) => clause.patterns().iter().map(whittle_policy::ResourcePattern::as_str).collect(),
            None => vec!["*"],
        };
        let actions: Vec<&ActionPattern> = statement.action.patterns().iter().collect();
        let step = actions.len().div_ceil(EACH).max(1);
        for (at, action) in actions.into_iter().enumerate().step_by(step) {
            let action = action.as_str().replace('*', "Thing");
            let action = if action.contains(':') { action } else { "s3:GetObject".to_owned() };
            let resource = resources[at % resources.len()].replace('*', "x");
            let mut request = Request::new("arn:aws:iam::111122223333:role/worker", action, resource);
            if at % 3 != 0 {
                for (_, key, values) in statement.condition.iter() {
                    request.context.insert(key, values.iter().take(1).map(|value| value.replace('*', "x")));
                }
            }
            out.push(request);
        }
    }
    out
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

/// AWS's own policies hold no oddities but deliberate ones; a new kind here is a bug in the lint or news
/// about AWS.
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

const EXPECTED_LINTS: [(&str, usize); 2] = [("allow-all-but", 9), ("passes-without-key", 49)];
