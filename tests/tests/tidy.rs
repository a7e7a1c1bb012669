//! Rules of style that a reader would otherwise have to hold, and paths and names in ARCHITECTURE.md.

use std::path::{Path, PathBuf};

use crate::support::root;

/// Columns of a comment line, its indentation included.
const MAX_COMMENT_COLUMNS: usize = 110;

/// Every Rust file of the project.
fn sources() -> Vec<PathBuf> {
    fn walk(folder: &Path, out: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, out);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                out.push(path);
            }
        }
    }
    let mut out = Vec::new();
    for folder in ["crates", "tests", "xtask", "fuzz/fuzz_targets"] {
        walk(&root().join(folder), &mut out);
    }
    assert!(out.len() > 500, "only {} files were found", out.len());
    out.sort();
    out
}

/// The comment lines of a file that are prose: no tables, no code in fences, no word that cannot be broken.
/// With their numbers.
fn prose(text: &str) -> Vec<(usize, &str)> {
    let mut in_fence = false;
    let mut out = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let trimmed = line.trim_start();
        let Some(comment) = trimmed.strip_prefix("//") else { continue };
        let comment = comment.trim_start_matches(['/', '!']).trim_start();
        if comment.starts_with("```") {
            in_fence = !in_fence;
        } else if !in_fence && !comment.starts_with('|') && comment.split(' ').all(|word| word.len() <= 60) {
            out.push((index + 1, line));
        }
    }
    out
}

#[test]
fn comments_fit_a_screen() {
    let mut wide = Vec::new();
    for path in sources() {
        let text = std::fs::read_to_string(&path).unwrap();
        let found = prose(&text).into_iter().filter(|(_, line)| line.chars().count() > MAX_COMMENT_COLUMNS);
        wide.extend(found.map(|(number, _)| format!("{}:{number}", path.display())));
    }
    assert!(wide.is_empty(), "comments wider than {MAX_COMMENT_COLUMNS} columns:\n{}", wide.join("\n"));
}

#[test]
fn prose_leaves_out_tables_and_code() {
    let text = "//! a\n//! | b |\n//! ```\n//! c\n//! ```\nlet d = 1; // e\n    // f\n";
    assert_eq!(prose(text), [(1, "//! a"), (7, "    // f")]);
}

/// `a/{b,c}.rs` as `a/b.rs` and `a/c.rs`.
fn expanded(path: &str) -> Vec<String> {
    match (path.split_once('{'), path.split_once('}')) {
        (Some((before, _)), Some((_, after))) => {
            let choices = &path[before.len() + 1..path.len() - after.len() - 1];
            choices.split(',').map(|choice| format!("{before}{choice}{after}")).collect()
        }
        _ => vec![path.to_owned()],
    }
}

/// Texts between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[test]
fn architecture_names_files_that_exist() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut checked = 0;
    for path in quoted(&text).filter(|quoted| !quoted.contains([' ', '*'])) {
        if !["crates/", "tests/", "docs/", "xtask/", "examples/"].iter().any(|start| path.starts_with(start)) {
            continue;
        }
        for path in expanded(path) {
            let full = root().join(&path);
            // A module is named without its ending where its folder is meant too.
            assert!(full.exists() || full.with_extension("rs").exists(), "ARCHITECTURE.md names {path}");
            checked += 1;
        }
    }
    assert!(checked > 40, "only {checked} paths were found");
}

#[test]
fn the_vocabulary_names_types_that_exist() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (_, vocabulary) = text.split_once("## Vocabulary").unwrap();
    let (vocabulary, _) = vocabulary.split_once("\n## ").unwrap();
    let mut checked = 0;
    for row in vocabulary.lines().filter(|line| line.starts_with("| ")) {
        let Some(names) = row.split('|').nth(2) else { continue };
        for name in quoted(names).filter(|name| name.contains("::")) {
            let parts: Vec<&str> = name.split("::").collect();
            let (of, item) = (parts[0], parts[parts.len() - 1]);
            let files = sources().into_iter().filter(|path| path.starts_with(root().join("crates").join(of)));
            let declared = ["struct", "enum", "trait", "mod"].map(|keyword| format!("pub {keyword} {item}"));
            let is_declared = |path: PathBuf| {
                let text = std::fs::read_to_string(path).unwrap();
                declared.iter().any(|declared| {
                    let ends = |rest: &str| !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_');
                    text.match_indices(declared).any(|(at, _)| ends(&text[at + declared.len()..]))
                })
            };
            assert!(files.into_iter().any(is_declared), "the vocabulary names {name}, which {of} does not declare");
            checked += 1;
        }
    }
    assert!(checked > 15, "only {checked} names were found");
}
