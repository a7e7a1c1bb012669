//! The dependency rule, over `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use crate::support::root;

/// Which crate of ours may depend on which others of ours.
const ALLOWED: &[(&str, &[&str])] = &[
    ("whittle-policy", &[]),
    ("whittle-catalog", &["whittle-policy"]),
    ("whittle-evidence", &["whittle-policy", "whittle-catalog"]),
    ("whittle-analysis", &["whittle-policy", "whittle-catalog", "whittle-evidence"]),
    ("whittle-template", &["whittle-policy", "whittle-catalog"]),
    (
        "whittle-render",
        &["whittle-policy", "whittle-catalog", "whittle-evidence", "whittle-analysis", "whittle-template"],
    ),
    ("whittle-snapshot", &["whittle-policy", "whittle-evidence", "whittle-analysis"]),
    (
        "whittle-pipeline",
        &[
            "whittle-policy",
            "whittle-catalog",
            "whittle-evidence",
            "whittle-analysis",
            "whittle-template",
            "whittle-snapshot",
        ],
    ),
    (
        "whittle-local",
        &[
            "whittle-policy",
            "whittle-catalog",
            "whittle-evidence",
            "whittle-analysis",
            "whittle-snapshot",
            "whittle-pipeline",
        ],
    ),
    (
        "whittle-aws",
        &[
            "whittle-policy",
            "whittle-catalog",
            "whittle-evidence",
            "whittle-analysis",
            "whittle-snapshot",
            "whittle-pipeline",
        ],
    ),
    ("whittle-lambda", &["whittle-aws", "whittle-pipeline", "whittle-analysis", "whittle-catalog", "whittle-render"]),
    (
        "whittle-cli",
        &[
            "whittle-policy",
            "whittle-catalog",
            "whittle-evidence",
            "whittle-analysis",
            "whittle-render",
            "whittle-template",
            "whittle-snapshot",
            "whittle-pipeline",
            "whittle-local",
            "whittle-aws",
        ],
    ),
    (
        "whittle-testkit",
        &["whittle-policy", "whittle-catalog", "whittle-evidence", "whittle-analysis", "whittle-pipeline"],
    ),
];

const PURE: &[&str] = &[
    "whittle-policy",
    "whittle-catalog",
    "whittle-evidence",
    "whittle-analysis",
    "whittle-template",
    "whittle-render",
    "whittle-snapshot",
];

/// Names that a pure crate's sources may not use: files, network, environment, clock, randomness.
const IMPURE: &[&str] =
    &["std::fs", "std::net", "std::env", "SystemTime::now", "Instant::now", "Timestamp::now", "tokio::", "rand::"];

fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--locked"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: serde_json::Value = serde_json::from_str(std::str::from_utf8(&output.stdout).unwrap()).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let normal = package["dependencies"].as_array().unwrap().iter().filter(|dep| dep["kind"].is_null());
            let names = normal.map(|dep| dep["name"].as_str().unwrap().to_owned()).collect();
            (package["name"].as_str().unwrap().to_owned(), names)
        })
        .collect()
}

#[test]
fn crates_depend_only_in_the_allowed_direction() {
    let dependencies = dependencies();
    for (name, allowed) in ALLOWED {
        let of = dependencies.get(*name).unwrap_or_else(|| panic!("{name} is gone: the table is stale"));
        for dependency in of.iter().filter(|dependency| dependency.starts_with("whittle-")) {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
    }
    for name in dependencies.keys().filter(|name| name.starts_with("whittle-") && *name != "whittle-tests") {
        assert!(ALLOWED.iter().any(|(known, _)| known == name), "{name} is not in the table");
    }
}

#[test]
fn pure_crates_have_no_runtime_and_no_aws() {
    let dependencies = dependencies();
    for name in PURE {
        for dependency in &dependencies[*name] {
            let impure = ["tokio", "reqwest", "hyper", "rand", "rusqlite"].contains(&dependency.as_str());
            assert!(!impure && !dependency.starts_with("aws-"), "{name} is pure and depends on {dependency}");
        }
    }
}

#[test]
fn pure_crates_touch_no_file_clock_or_environment() {
    fn walk(dir: &std::path::Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let is_test =
                path.file_stem().is_some_and(|stem| stem == "tests" || stem.to_string_lossy().ends_with("_tests"));
            if is_test {
                continue;
            }
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]").next().unwrap_or_default();
                for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
                    for word in IMPURE.iter().filter(|word| line.contains(*word)) {
                        found.push(format!("{}: {word}", path.display()));
                    }
                }
            }
        }
    }
    let mut found = Vec::new();
    for name in PURE {
        walk(&root().join("crates").join(name.trim_start_matches("whittle-")).join("src"), &mut found);
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_default_build_of_whittle_has_no_aws_sdk() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package", "whittle-cli", "--prefix", "none", "--edges", "normal", "--locked", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    assert!(tree.contains("whittle-local"), "{tree}{}", String::from_utf8_lossy(&output.stderr));
    assert!(!tree.contains("aws-sdk-"), "{tree}");
}
