//! Documentation and code say the same.

use std::collections::BTreeSet;

use whittle_analysis::findings::{DRIFT_RULES, RULES, WAIVER_RULES};

use crate::support::root;

/// Every code, in the order of the documentation.
fn codes() -> Vec<&'static str> {
    let drift = DRIFT_RULES.iter().map(|rule| rule.code);
    RULES.iter().map(|rule| rule.code).chain(drift).chain(WAIVER_RULES.iter().map(|rule| rule.code)).collect()
}

#[test]
fn every_finding_code_has_its_page_and_every_page_a_code() {
    let all = codes();
    let codes: BTreeSet<String> = all.iter().map(|code| (*code).to_owned()).collect();
    assert_eq!(codes.len(), all.len(), "a code stands twice");
    let pages: BTreeSet<String> = std::fs::read_dir(root().join("docs/findings"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(codes, pages);
    for code in &codes {
        let text = std::fs::read_to_string(root().join(format!("docs/findings/{code}.md"))).unwrap();
        assert!(text.starts_with(&format!("# {code}\n")), "{code}.md has another heading");
    }
}

#[test]
fn finding_codes_are_never_renamed() {
    assert_eq!(
        codes(),
        [
            "unused-actions",
            "unused-services",
            "unused-function",
            "administrator-access",
            "wildcard-action",
            "wildcard-resource",
            "shared-role",
            "blind-spot",
            "unlisted-function",
            "over-narrowed",
            "privilege-widened",
            "expired-waiver",
            "stale-waiver",
        ]
    );
}

#[test]
fn the_readme_names_every_command() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    for command in [
        "analyze",
        "policy",
        "explain",
        "check",
        "waive",
        "diff",
        "trail map",
        "trail usage",
        "trail coverage",
        "catalog show",
        "completions",
        "man",
    ] {
        assert!(readme.contains(&format!("whittle {command}")), "README.md does not name `whittle {command}`");
    }
}
