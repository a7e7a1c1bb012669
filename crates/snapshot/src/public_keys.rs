//! `public-keys.json`: the keys that CloudTrail signs digest files with.
//!
//! Shape: CloudTrail API Reference, `ListPublicKeys`. Each Region has its own keys, so the file may stand in
//! the folder of each Region, or be a folder of files. Without it digests are checked by their hashes alone.

use whittle_analysis::issue::{Issue, IssueKind};
use whittle_evidence::read::digest::PublicKeys;

use crate::files::SnapshotFiles;
use crate::keep::{Fields, Shape};
use crate::scope::scopes;

/// Name of the document.
pub(crate) const NAME: &str = "public-keys";
const COMMAND: &str = "aws cloudtrail list-public-keys --start-time {first day} --output json > public-keys.json";

/// What is read of the file.
pub(crate) static KEPT: Shape = Shape::Answer(&[&[("PublicKeyList", Shape::List(&Shape::Object(KEY)))]]);
const KEY: &Fields = &[("Value", Shape::Scalar), ("Fingerprint", Shape::Scalar)];

/// The public keys of a snapshot, and what is wrong with their files.
pub fn read_public_keys(files: &dyn SnapshotFiles) -> (PublicKeys, Vec<Issue>) {
    let mut keys = PublicKeys::default();
    let mut issues = Vec::new();
    // Folders that are named wrongly are reported with the inventory.
    for scope in scopes(files, &mut Vec::new()) {
        for document in scope.documents(NAME, &mut issues) {
            let bad = |message: String| {
                Issue::new(IssueKind::BadJson, &document.place, message).with_hint(format!("make it with `{COMMAND}`"))
            };
            match document
                .text
                .as_deref()
                .map_err(Clone::clone)
                .and_then(|text| PublicKeys::parse(text).map_err(|error| bad(error.to_string())))
            {
                Ok(of_file) => {
                    if of_file.unusable() > 0 {
                        issues.push(bad(format!("{} entries are no public keys", of_file.unusable())));
                    }
                    keys.extend(of_file);
                }
                Err(issue) => issues.push(issue),
            }
        }
    }
    (keys, issues)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SnapshotDocuments;

    fn read(text: &str) -> (PublicKeys, Vec<String>) {
        let mut files = SnapshotDocuments::default();
        files.insert("public-keys.json", text);
        let (keys, issues) = read_public_keys(&files);
        (keys, issues.into_iter().map(|issue| format!("{}: {} {}", issue.place, issue.message, issue.hint)).collect())
    }

    #[test]
    fn a_file_that_holds_no_keys_is_named_with_the_command_that_makes_it() {
        let (keys, issues) = read("{}");
        assert!(keys.is_empty());
        assert!(issues[0].contains("public-keys.json") && issues[0].contains("list-public-keys"), "{issues:?}");
        let (keys, issues) = read(r#"{"PublicKeyList": [{"Value": "AAAA", "Fingerprint": "x"}]}"#);
        assert!(keys.is_empty() && issues[0].contains("1 entries"), "{issues:?}");
    }

    #[test]
    fn no_file_is_no_key_and_no_issue() {
        let (keys, issues) = read_public_keys(&SnapshotDocuments::default());
        assert!(keys.is_empty() && issues.is_empty());
    }
}
