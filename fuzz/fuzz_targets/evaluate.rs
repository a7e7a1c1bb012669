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

/// Bytes that one case takes at most.
const CASE_BYTES: usize = 1 << 16;

/// The fuzzer's bytes, and random ones after them: a generator that runs out of bytes is given zeros, and
/// what it draws until it is distinct would never be.
fn with_tail(data: &[u8]) -> Vec<u8> {
    let mut state = data.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mut bytes = data.to_vec();
    while bytes.len() < CASE_BYTES {
        // SplitMix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend((mixed ^ (mixed >> 31)).to_le_bytes());
    }
    bytes
}

fuzz_target!(|data: &[u8]| {
    let rng = TestRng::from_seed(RngAlgorithm::PassThrough, &with_tail(data));
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let Ok(tree) = cases::case().new_tree(&mut runner) else { return };
    let value = tree.current();
    let case = SimulationCase::parse(&value.to_string()).expect("generated cases are well formed");
    let decision = case.decide();
    assert_eq!(decision.outcome.as_str(), decide(&value), "{value}");
    let policies = case.policies();
    assert_eq!(PreparedPolicies::new(&policies).evaluate(&case.request), decision, "{value}");
});
