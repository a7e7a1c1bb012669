//! The engine against the literal oracle on random cases, made so that principals, accounts, patterns and
//! values meet and just miss each other all the time.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};
use whittle_policy::evaluate::PreparedPolicies;
use whittle_policy::simulate::{SimulationCase, simulate_line};
use whittle_policy::{ConditionBlock, PolicyDocument};
use whittle_testkit::cases::{VALUES, case, operator};
use whittle_testkit::oracle::evaluate::decide;
use whittle_testkit::oracle::{condition, text};

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn the_engine_decides_as_the_oracle(case in case()) {
        let answer: Value = serde_json::from_str(&simulate_line(&case.to_string())).unwrap();
        prop_assert_eq!(answer["decision"].as_str(), Some(decide(&case)), "{}", answer);
        let case = SimulationCase::parse(&case.to_string()).unwrap();
        let policies = case.policies();
        let prepared = PreparedPolicies::new(&policies);
        prop_assert_eq!(prepared.evaluate(&case.request), case.decide());
        prop_assert_eq!(prepared.outcome(&case.request), case.decide().outcome);
    }

    /// The order of policies, statements and values never matters.
    #[test]
    fn order_does_not_matter(case in case()) {
        let turned = turned_around(&case);
        let (a, b) = (SimulationCase::parse(&case.to_string()).unwrap(), SimulationCase::parse(&turned.to_string()).unwrap());
        prop_assert_eq!(a.decide().outcome, b.decide().outcome);
    }

    #[test]
    fn operators_decide_as_the_oracle(
        operator in operator(),
        wanted in vec(select(VALUES), 0..=3),
        given in vec(select(VALUES), 0..=3),
    ) {
        let (wanted, given): (Vec<String>, Vec<String>) =
            (wanted.into_iter().map(str::to_owned).collect(), given.into_iter().map(str::to_owned).collect());
        let text = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*",
            "Condition": {&operator: {"k:Given": &wanted}}}});
        let document = PolicyDocument::from_value(&text).unwrap();
        let block: &ConditionBlock = &document.statements.as_slice()[0].condition;
        let mut context = whittle_policy::evaluate::Context::default();
        context.insert("k:given", given.iter().cloned());
        context.insert("k:One", ["a"]);
        let lookup = |key: &str| context.get(key).to_vec();
        let expect = condition::constraint(&operator, &wanted, &given, Some(&lookup as text::Lookup<'_>));
        prop_assert_eq!(block.is_met(&context), expect);
    }
}

/// Random cases are worth something only if they come out in every way, and not for the dullest of reasons.
#[test]
fn random_cases_come_out_in_every_way() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let (mut outcomes, mut missing) = (std::collections::BTreeMap::new(), std::collections::BTreeMap::new());
    for _ in 0..2_000 {
        let case = case().new_tree(&mut runner).unwrap().current();
        let decided = SimulationCase::parse(&case.to_string()).unwrap();
        let decision = decided.decide();
        *outcomes.entry(decision.outcome).or_insert(0) += 1;
        *missing.entry(decision.missing).or_insert(0) += 1;
    }
    assert!(outcomes.len() == 3 && outcomes.values().all(|&count| count >= 150), "{outcomes:?}");
    // Resource control policies never withhold an Allow; all other layers do.
    assert!(missing.len() == 7 && missing.values().all(|&count| count >= 5), "{missing:?}");
}

/// The case with every list in reverse, but for the levels of control policies.
fn turned_around(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().rev().map(turned_around).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(name, value)| (name.clone(), turned_around(value))).collect())
        }
        other => other.clone(),
    }
}
