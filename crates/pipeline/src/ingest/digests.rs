//! Digest files: which log files a trail delivered, so that one that is not there is noticed.

use std::collections::BTreeSet;

use whittle_analysis::issue::{Issue, IssueKind};
use whittle_evidence::read::{KeyKind, Limits, key_kind, read_digest};

use super::{Evidence, unavailable};
use crate::ports::TrailObjects;
use crate::trail_object::TrailObject;

/// Reads the digests among `others` that were not read before, and compares the files that they name with
/// those that are `listed` now or were read earlier. Returns the number of digests read, and issues.
pub(super) fn read_digests(
    objects: &impl TrailObjects,
    evidence: &mut Evidence,
    listed: &[TrailObject],
    others: &[TrailObject],
) -> (usize, Vec<Issue>) {
    let mut read = 0;
    let mut issues = Vec::new();
    let Evidence { ledger, marks } = evidence;
    let known = marks.sources.values().flat_map(|source| source.read.keys()).map(|key| file_name(key).to_owned());
    let present: BTreeSet<String> =
        listed.iter().map(|object| file_name(&object.key).to_owned()).chain(known).collect();
    for source in marks.sources.values_mut() {
        source.missing.retain(|key| !present.contains(file_name(key)));
    }
    for object in others.iter().filter(|object| key_kind(&object.key) == KeyKind::Digest) {
        if marks.knows(object) {
            continue;
        }
        let digest = match objects.read(object) {
            Ok(bytes) => read_digest(&bytes, &Limits::default()),
            Err(error) => {
                marks.note_failed(object);
                issues.push(unavailable(object, &error));
                continue;
            }
        };
        match digest {
            Ok(digest) => {
                read += 1;
                ledger.observe_digest(&object.source, &object.key, &digest);
                marks.note_read(object, Vec::new());
                let named = digest.log_files().iter().map(|entry| entry.object.as_str());
                let missing = named.filter(|key| !present.contains(file_name(key))).map(str::to_owned);
                if let Some(source) = marks.sources.get_mut(&object.source) {
                    source.missing.extend(missing);
                }
            }
            // Without it the files of its time are not known: a gap between the digests says so.
            Err(error) => {
                let issue = Issue::new(IssueKind::BadDigest, object.key.clone(), format!("is no digest: {error}"))
                    .with_hint("fetch the file again; without it missing log files cannot be noticed");
                marks.note_read(object, vec![issue]);
            }
        }
    }
    (read, issues)
}

fn file_name(key: &str) -> &str {
    key.rsplit(['/', '\\']).next().unwrap_or(key)
}
