//! Any text: read or refused, never a panic; what is read comes out equal, and its algebra holds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use whittle_policy::PolicyDocument;
use whittle_policy::algebra::{Proof, GrantSet};
use whittle_policy::minify::minify;
use whittle_policy::simulate::answer_bytes;

fuzz_target!(|data: &[u8]| {
    let answer = answer_bytes(data, true, "");
    assert!(serde_json::from_str::<serde_json::Value>(&answer.json).is_ok());
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(document) = PolicyDocument::parse(text) else { return };
    assert_eq!(PolicyDocument::parse(&document.to_json_compact()).as_ref(), Ok(&document));
    let _ = document.lint();
    let small = minify(document.statements.as_slice()).into_iter().map(|merged| merged.statement).collect();
    let small = PolicyDocument::new(small);
    assert_ne!(GrantSet::of([&small]).covers(&GrantSet::of([&document])), Proof::No);
    assert_ne!(GrantSet::of([&document]).covers(&GrantSet::of([&small])), Proof::No);
});
