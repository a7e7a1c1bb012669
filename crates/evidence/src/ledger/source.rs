//! Where records were read: what their absence proves depends on it.

use serde::{Deserialize, Serialize};

use crate::read::{KeyKind, RecordOrigin, parse_key};

/// Where records were read.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum RecordSource {
    /// Files under keys of AWS's form, in a trail's bucket or a copy of it.
    TrailFiles {
        /// The folder or `s3://<bucket>/<prefix>` that holds `AWSLogs`.
        location: String,
        /// `o-…`: the files of an organisation trail.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        organization: Option<String>,
    },
    /// Files of a trail under other names, or an export of them.
    Folder {
        /// The folder.
        location: String,
    },
    /// Answers of LookupEvents.
    EventHistory,
    /// Anything else, such as an event that EventBridge forwarded: it shows what was used, and its absence
    /// proves nothing.
    #[default]
    Other,
}

impl RecordSource {
    /// The source of a record in the object `key` of `place`, a folder or `s3://<bucket>/`. `place` may end
    /// in folders of the key.
    pub fn of(place: &str, key: &str, origin: RecordOrigin) -> Self {
        let is_file_of_trail = matches!(origin, RecordOrigin::TrailFile | RecordOrigin::Export);
        match origin {
            RecordOrigin::EventHistory => Self::EventHistory,
            _ if !is_file_of_trail => Self::Other,
            _ => Self::of_file(place, key),
        }
    }

    /// The source of an object that holds records of a trail.
    pub fn of_file(place: &str, key: &str) -> Self {
        let (root, inside) = split_place(place);
        let key = key.replace('\\', "/");
        let key = if key.contains("AWSLogs/") { key } else { format!("{inside}{key}") };
        match parse_key(&key) {
            Some(parts) if matches!(parts.kind, KeyKind::Records | KeyKind::NetworkActivity | KeyKind::Digest) => {
                let prefix = match key.find("AWSLogs/") {
                    Some(at) => key.get(..at).unwrap_or_default(),
                    // A file name alone: its folders say nothing.
                    None => key.rsplit_once('/').map_or("", |(folder, _)| folder),
                };
                let prefix = prefix.trim_end_matches('/');
                let location = if prefix.is_empty() { root } else { format!("{root}/{prefix}") };
                match (key.contains("AWSLogs/"), parts.organization) {
                    (true, organization) => {
                        Self::TrailFiles { location, organization: organization.map(str::to_owned) }
                    }
                    (false, _) => Self::Folder { location },
                }
            }
            _ => Self::Folder { location: root },
        }
    }

    /// The bucket, and the prefix before `AWSLogs`, where the source is a bucket.
    pub fn bucket(&self) -> Option<(&str, &str)> {
        let Self::TrailFiles { location, .. } = self else { return None };
        let rest = location.strip_prefix("s3://")?;
        Some(rest.split_once('/').unwrap_or((rest, "")))
    }
}

/// Bucket or folder, and the beginning of keys that `place` goes on with: a source may be a folder at or
/// below `AWSLogs`.
fn split_place(place: &str) -> (String, String) {
    let place = place.trim_end_matches('/');
    let (root, inside) = match place.strip_prefix("s3://") {
        Some(rest) => {
            let (bucket, inside) = rest.split_once('/').unwrap_or((rest, ""));
            (format!("s3://{bucket}"), inside)
        }
        None => match place.split_once("/AWSLogs") {
            Some((root, rest)) if rest.is_empty() || rest.starts_with('/') => {
                let at = root.len().saturating_add(1);
                return (root.to_owned(), format!("{}/", place.get(at..).unwrap_or_default()));
            }
            _ => (place.to_owned(), ""),
        },
    };
    let is_inside = inside.split('/').any(|part| part == "AWSLogs");
    (root, if is_inside { format!("{inside}/") } else { String::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/09/01/x.json.gz";

    fn trail(location: &str, organization: Option<&str>) -> RecordSource {
        RecordSource::TrailFiles { location: location.to_owned(), organization: organization.map(str::to_owned) }
    }

    #[test]
    fn a_bucket_is_told_by_its_name_and_prefix() {
        let source = RecordSource::of_file("s3://logs/AWSLogs/111122223333/CloudTrail/eu-west-1/", KEY);
        assert_eq!(source, trail("s3://logs", None));
        assert_eq!(source.bucket(), Some(("logs", "")));
        let prefixed = RecordSource::of_file("s3://logs/a/b/", &format!("a/b/{KEY}"));
        assert_eq!(prefixed.bucket(), Some(("logs", "a/b")));
    }

    #[test]
    fn a_source_may_be_the_folder_of_a_region() {
        let file = "2026/09/01/111122223333_CloudTrail_eu-west-1_20260901T1015Z_x.json.gz";
        let of = |place: &str| RecordSource::of_file(place, file);
        assert_eq!(of("s3://logs/AWSLogs/111122223333/CloudTrail/eu-west-1/"), trail("s3://logs", None));
        let of_member = "s3://logs/a/b/AWSLogs/o-abc/111122223333/CloudTrail/eu-west-1/";
        assert_eq!(of(of_member), trail("s3://logs/a/b", Some("o-abc")));
        assert_eq!(of("/copy/AWSLogs/111122223333/CloudTrail/eu-west-1"), trail("/copy", None));
    }

    #[test]
    fn folders_of_an_organisation_are_a_source_of_their_own() {
        let of_member = KEY.replace("AWSLogs/", "AWSLogs/o-abc/");
        assert_eq!(RecordSource::of_file("/copy/", &of_member), trail("/copy", Some("o-abc")));
        assert_eq!(RecordSource::of_file("/copy", KEY), trail("/copy", None));
        assert_eq!(RecordSource::of_file("/copy", KEY).bucket(), None);
    }

    #[test]
    fn digests_lie_where_the_files_lie() {
        let key = "a/AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/09/01/111122223333_CloudTrail-Digest_eu-west-1_t_eu-west-1_20260901T110131Z.json.gz";
        assert_eq!(RecordSource::of_file("/copy", key), RecordSource::of_file("/copy", &format!("a/{KEY}")));
    }

    #[test]
    fn other_names_are_a_folder_and_other_shapes_prove_nothing() {
        let folder = RecordSource::Folder { location: "/copy".to_owned() };
        assert_eq!(RecordSource::of("/copy", "all.json", RecordOrigin::TrailFile), folder);
        assert_eq!(RecordSource::of("/copy", "all.ndjson", RecordOrigin::Export), folder);
        assert_eq!(RecordSource::of("/copy", KEY, RecordOrigin::EventHistory), RecordSource::EventHistory);
        assert_eq!(RecordSource::of("/copy", KEY, RecordOrigin::Other), RecordSource::Other);
        let file = "111122223333_CloudTrail_eu-west-1_20260901T1015Z_x.json.gz";
        assert_eq!(RecordSource::of("/copy", file, RecordOrigin::TrailFile), folder);
    }
}
