//! Terraform files in the styles people write, narrowed and read again; each difference is a snapshot,
//! reviewed like code.
#![expect(clippy::unwrap_used, reason = "helpers outside the test functions read our own files")]

use std::fmt::Write as _;

use std::path::{Path, PathBuf};

use crate::support::{Keep, terraform_targets};
use similar::TextDiff;
use whittle_template::edit::{EditOutcome, Edited, Surroundings};
use whittle_template::reason::RefusalReason;
use whittle_template::terraform::{Module, apply};

fn files() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/terraform");
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn edit(bytes: &[u8], keep: Keep) -> Edited {
    apply(bytes, &terraform_targets(bytes, keep), &Surroundings::default()).unwrap()
}

#[test]
fn each_file_changes_as_reviewed() {
    for path in files() {
        let bytes = std::fs::read(&path).unwrap();
        let mut text = String::new();
        if let Err(error) = Module::read(&bytes) {
            text = format!("refused: {error}\n");
        } else {
            let edited = edit(&bytes, Keep::Half);
            for report in &edited.reports {
                let outcome = match &report.outcome {
                    EditOutcome::Unchanged => "unchanged".to_owned(),
                    EditOutcome::Changed { .. } => "changed".to_owned(),
                    EditOutcome::Refused { reason, .. } => format!("refused: {reason:?}"),
                };
                writeln!(text, "{}: {outcome}", report.function).unwrap();
            }
            let (old, new) = (String::from_utf8(bytes).unwrap(), String::from_utf8(edited.bytes).unwrap());
            let diff = TextDiff::from_lines(&old, &new).unified_diff().context_radius(2).to_string();
            text.push_str(&diff.replace('\r', "<CR>"));
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        insta::with_settings!({ snapshot_suffix => name, prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!("terraform", text);
        });
    }
}

#[test]
fn a_second_run_changes_nothing_and_no_edit_fails_its_proof() {
    for path in files() {
        let bytes = std::fs::read(&path).unwrap();
        if Module::read(&bytes).is_err() {
            continue;
        }
        for keep in [Keep::Half, Keep::One] {
            let targets = terraform_targets(&bytes, keep);
            let first = apply(&bytes, &targets, &Surroundings::default()).unwrap();
            for report in &first.reports {
                if let EditOutcome::Refused { reason, .. } = &report.outcome {
                    let fault = matches!(reason, RefusalReason::Proof(_) | RefusalReason::Overlap);
                    assert!(!fault, "{}: {reason:?}", path.display());
                    assert!(path.to_string_lossy().contains("refused-"), "{} {keep:?}: {reason:?}", path.display());
                }
            }
            let second = apply(&first.bytes, &targets, &Surroundings::default()).unwrap();
            assert_eq!(
                String::from_utf8(first.bytes).unwrap(),
                String::from_utf8(second.bytes).unwrap(),
                "{}",
                path.display()
            );
        }
        assert_eq!(edit(&bytes, Keep::All).bytes, bytes, "{}", path.display());
    }
}
