//! Templates in the styles people write, narrowed and read again. Each file of `tests/templates` has the
//! difference that narrowing makes as a snapshot: reviewed like code.
#![expect(clippy::unwrap_used, reason = "helpers outside the test functions read our own files")]

use std::fmt::Write as _;

use std::path::{Path, PathBuf};

use crate::support::{Keep, surroundings, targets};
use similar::TextDiff;
use whittle_template::edit::{EditOutcome, Edited, apply};
use whittle_template::reason::{ProofFailure, RefusalReason};
use whittle_template::template::Template;

fn files() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/templates");
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    // The application of the system test.
    files.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/system/shop.yaml"));
    files.sort();
    files
}

/// SAM's own test inputs, where they are beside the project.
fn public() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/sam/input");
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn edit(bytes: &[u8], keep: Keep) -> Edited {
    let template = Template::read(bytes).unwrap();
    let surroundings = surroundings(&template);
    apply(bytes, &targets(&template, &surroundings, keep), &surroundings).unwrap()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn each_template_changes_as_reviewed() {
    for path in files() {
        let bytes = std::fs::read(&path).unwrap();
        let mut text = String::new();
        match Template::read(&bytes) {
            Err(error) => text = format!("refused: {error}\n"),
            Ok(template) => {
                let surroundings = surroundings(&template);
                let targets = targets(&template, &surroundings, Keep::Half);
                let edited = apply(&bytes, &targets, &surroundings).unwrap();
                for report in &edited.reports {
                    let outcome = match &report.outcome {
                        EditOutcome::Unchanged => "unchanged".to_owned(),
                        EditOutcome::Changed { literals } if literals.is_empty() => "changed".to_owned(),
                        EditOutcome::Changed { literals } => format!("changed; literal: {}", literals.join(", ")),
                        EditOutcome::Refused { reason, place, .. } => {
                            format!(
                                "refused: {reason:?}{}",
                                place.map(|place| format!(" ({place})")).unwrap_or_default()
                            )
                        }
                    };
                    writeln!(text, "{}: {outcome}", report.function).unwrap();
                }
                let (old, new) = (String::from_utf8(bytes.clone()).unwrap(), String::from_utf8(edited.bytes).unwrap());
                let diff = TextDiff::from_lines(&old, &new).unified_diff().context_radius(2).to_string();
                text.push_str(&diff.replace('\r', "<CR>"));
            }
        }
        insta::with_settings!({ snapshot_suffix => name(&path), prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!("narrowed", text);
        });
    }
}

#[test]
fn a_second_run_changes_nothing() {
    for path in files().into_iter().chain(public()) {
        let bytes = std::fs::read(&path).unwrap();
        let Ok(template) = Template::read(&bytes) else { continue };
        for keep in [Keep::Half, Keep::One, Keep::Split, Keep::All] {
            let surroundings = surroundings(&template);
            let targets = targets(&template, &surroundings, keep);
            let first = apply(&bytes, &targets, &surroundings).unwrap();
            let second = apply(&first.bytes, &targets, &surroundings).unwrap();
            assert_eq!(first.bytes, second.bytes, "{} {keep:?}", name(&path));
            for (first, second) in first.reports.iter().zip(&second.reports) {
                let same = matches!(
                    (&first.outcome, &second.outcome),
                    (EditOutcome::Refused { .. }, EditOutcome::Refused { .. })
                        | (EditOutcome::Unchanged | EditOutcome::Changed { .. }, EditOutcome::Unchanged)
                );
                assert!(same, "{} {keep:?}: {first:?} then {second:?}", name(&path));
            }
        }
    }
}

#[test]
fn what_is_all_needed_stays_byte_for_byte() {
    for path in files().into_iter().chain(public()) {
        let bytes = std::fs::read(&path).unwrap();
        if Template::read(&bytes).is_err() {
            continue;
        }
        let edited = edit(&bytes, Keep::All);
        assert_eq!(edited.bytes, bytes, "{}", name(&path));
    }
}

/// No edit may fail its proof: that would be a fault of the editor, which the proof only keeps from doing
/// harm.
#[test]
fn no_edit_fails_its_proof() {
    for path in files().into_iter().chain(public()) {
        let bytes = std::fs::read(&path).unwrap();
        if Template::read(&bytes).is_err() {
            continue;
        }
        for keep in [Keep::Half, Keep::One, Keep::Split] {
            for report in edit(&bytes, keep).reports {
                if let EditOutcome::Refused { reason, .. } = &report.outcome {
                    let fault = match reason {
                        RefusalReason::Overlap => true,
                        RefusalReason::Proof(failure) => !matches!(failure, ProofFailure::TooLong { .. }),
                        _ => false,
                    };
                    assert!(!fault, "{} {keep:?} {}: {reason:?}", name(&path), report.function);
                }
            }
        }
    }
}

/// Comments outside of what is replaced stay; each line that is new is inside a policy.
#[test]
fn every_line_that_goes_belongs_to_a_policy() {
    for path in files() {
        let bytes = std::fs::read(&path).unwrap();
        if Template::read(&bytes).is_err() {
            continue;
        }
        let edited = edit(&bytes, Keep::Half);
        let (old, new) = (String::from_utf8(bytes).unwrap(), String::from_utf8(edited.bytes).unwrap());
        let count = |text: &str, needle: &str| text.matches(needle).count();
        for kept in ["Handler:", "Runtime:", "Type:", "# keep"] {
            let gone_resource = old.matches("AWS::IAM::").count() - new.matches("AWS::IAM::").count();
            if gone_resource == 0 {
                assert_eq!(count(&old, kept), count(&new, kept), "{}: {kept}", name(&path));
            }
        }
        assert_eq!(old.contains("\r\n"), new.contains("\r\n"), "{}", name(&path));
        let lone = |text: &str| {
            text.replace("\r\n", "").contains('\r')
                || (text.contains("\r\n") && text.replace("\r\n", "").contains('\n'))
        };
        assert_eq!(lone(&old), lone(&new), "{}: line ends are mixed", name(&path));
    }
}
