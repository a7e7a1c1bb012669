//! The engine, the prepared engine and the literal oracle on cases that the fuzzer steers: its bytes are the
//! random numbers of the generator that the property tests use too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use whittle_policy::evaluate::PreparedPolicies;
use whittle_policy::simulate::SimulationCase;
use whittle_testkit::cases;
use whittle_testkit::oracle::evaluate::decide;

fuzz_target!(|data: &[u8]| {
    let rng = TestRng::from_seed(RngAlgorithm::PassThrough, data);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let Ok(tree) = cases::case().new_tree(&mut runner) else { return };
    let value = tree.current();
    let case = SimulationCase::parse(&value.to_string()).expect("generated cases are well formed");
    let decision = case.decide();
    assert_eq!(decision.outcome.as_str(), decide(&value), "{value}");
    let policies = case.policies();
    assert_eq!(PreparedPolicies::new(&policies).evaluate(&case.request), decision, "{value}");
});
