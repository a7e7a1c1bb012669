//! `docs/correctness/evaluation.md` names tests and files of cases for each rule. All of them exist, and none
//! that shows a rule is left out.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn page() -> String {
    fs::read_to_string(root().join("docs/correctness/evaluation.md")).unwrap()
}

/// Rows of the tables whose header has a column of this name: its cell and the first.
fn column(page: &str, name: &str) -> Vec<(String, String)> {
    let mut at = None;
    let mut out = Vec::new();
    for line in page.lines() {
        let inside = line.strip_prefix('|').and_then(|line| line.strip_suffix('|')).unwrap_or_default();
        let cells: Vec<&str> = inside.split('|').map(str::trim).collect();
        match (line.starts_with('|'), at) {
            (false, _) => at = None,
            (true, None) => at = Some(cells.iter().position(|cell| cell.starts_with(name))),
            (true, Some(Some(at))) if !line.starts_with("|---") => {
                out.push((cells[0].to_owned(), cells.get(at).copied().unwrap_or_default().to_owned()));
            }
            (true, Some(_)) => {}
        }
    }
    out
}

/// Texts in back quotes.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

fn sources() -> String {
    fn walk(folder: &Path, out: &mut String) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                out.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    let mut out = String::new();
    for folder in ["crates/policy/src", "crates/policy/tests"] {
        walk(&root().join(folder), &mut out);
    }
    out
}

#[test]
fn every_test_that_the_page_names_exists() {
    let (page, sources) = (page(), sources());
    let rows = column(&page, "test");
    assert!(rows.len() > 40, "only {} rows", rows.len());
    let exists = |name: &str| {
        let function = format!("fn {}(", name.rsplit("::").next().unwrap());
        let file = name.strip_suffix("::tests").unwrap_or(name).replace("::", "/");
        let file = file.strip_suffix(".rs").unwrap_or(&file).to_owned() + ".rs";
        sources.contains(&function)
            || ["src", "tests"].iter().any(|folder| root().join("crates/policy").join(folder).join(&file).exists())
    };
    for (rule, cell) in &rows {
        for name in quoted(cell) {
            assert!(exists(name), "no test `{name}`, which shall show: {rule}");
        }
    }
}

#[test]
fn every_rule_has_a_test_or_cases() {
    let page = page();
    let cases: std::collections::BTreeMap<_, _> = column(&page, "cases").into_iter().collect();
    for (rule, cell) in column(&page, "test") {
        let cases = cases.get(&rule).is_some_and(|files| !files.is_empty());
        assert!(quoted(&cell).next().is_some() || cell == "same" || cases, "nothing shows: {rule}");
    }
}

#[test]
fn every_test_of_a_rule_is_on_the_page() {
    let page = page();
    let named: BTreeSet<String> = column(&page, "test")
        .iter()
        .flat_map(|(_, cell)| quoted(cell).map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let rules = fs::read_to_string(root().join("crates/policy/tests/rules.rs")).unwrap();
    let tests = rules.split("#[test]\nfn ").skip(1).map(|rest| rest.split('(').next().unwrap());
    let left_out: Vec<&str> = tests.filter(|test| !named.contains(*test)).collect();
    assert!(left_out.is_empty(), "not on the page: {left_out:?}");
}

#[test]
fn every_file_of_cases_is_on_the_page_and_the_other_way_round() {
    let page = page();
    let named: BTreeSet<String> = column(&page, "cases")
        .iter()
        .flat_map(|(_, cell)| cell.split(", ").map(str::to_owned).collect::<Vec<_>>())
        .filter(|name| !name.is_empty() && !name.contains(' '))
        .collect();
    let files = fs::read_dir(root().join("crates/testkit/cases/evaluation")).unwrap();
    let files: BTreeSet<String> =
        files.map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(named, files);
}
