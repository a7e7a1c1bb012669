//! Documentation and code say the same.

use std::collections::BTreeSet;

use whittle_analysis::findings::RULES;

use crate::support::root;

#[test]
fn every_finding_code_has_its_page_and_every_page_a_code() {
    let codes: BTreeSet<String> = RULES.iter().map(|rule| rule.code.to_owned()).collect();
    assert_eq!(codes.len(), RULES.len(), "a code stands twice");
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
    let codes: Vec<&str> = RULES.iter().map(|rule| rule.code).collect();
    assert_eq!(
        codes,
        [
            "unused-actions",
            "unused-services",
            "unused-function",
            "administrator-access",
            "wildcard-action",
            "wildcard-resource",
            "shared-role",
            "blind-spot",
        ]
    );
}

#[test]
fn the_readme_names_every_command() {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    for command in ["analyze", "policy", "explain", "trail map", "trail usage", "trail coverage", "catalog show"] {
        assert!(readme.contains(&format!("whittle {command}")), "README.md does not name `whittle {command}`");
    }
}
