//! AWS managed policies by name or ARN, from an embedded copy (`data/SOURCES.md`).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use whittle_policy::PolicyDocument;

static FILE: &[u8] = include_bytes!("../data/aws-managed-policies.ndjson.gz");
/// The file inflates to less than this.
const MAX_INFLATED_BYTES: usize = 64 * 1024 * 1024;
/// A gzip header without optional fields (RFC 1952), as the file was written.
const GZIP_HEADER_BYTES: usize = 10;

/// Path and name (`service-role/AWSLambdaRole`) and document as text, by name.
#[expect(clippy::expect_used, reason = "the file is built in, and a test reads all of it")]
static POLICIES: LazyLock<BTreeMap<String, (String, String)>> = LazyLock::new(|| {
    let (_, body) = FILE.split_at_checked(GZIP_HEADER_BYTES).expect("the file has a gzip header");
    let bytes = miniz_oxide::inflate::decompress_to_vec_with_limit(body, MAX_INFLATED_BYTES);
    let text = String::from_utf8(bytes.expect("the file inflates")).expect("the file is UTF-8");
    text.lines().map(|line| row(line).expect("each line is a policy")).collect()
});

fn row(line: &str) -> Option<(String, (String, String))> {
    let row: BTreeMap<&str, &serde_json::value::RawValue> = serde_json::from_str(line).ok()?;
    let text = |key: &str| serde_json::from_str::<String>(row.get(key)?.get()).ok();
    let path = text("arn")?.split_once(":policy/")?.1.to_owned();
    Some((text("name")?, (path, row.get("document")?.get().to_owned())))
}

/// A managed policy that AWS publishes.
#[derive(Debug, Clone, PartialEq)]
pub struct ManagedPolicy {
    /// Name without path.
    pub name: String,
    /// Path and name: what follows `policy/` in the ARN.
    pub path: String,
    /// The document, as of the embedded copy.
    pub document: PolicyDocument,
}

/// Finds an AWS managed policy by its name or its ARN in any partition. `None` for a policy of a customer.
pub fn aws_managed(name_or_arn: &str) -> Option<ManagedPolicy> {
    let (name, path) = match name_or_arn.split_once(":iam::aws:policy/") {
        Some((_, path)) => (path.rsplit('/').next().unwrap_or(path), Some(path)),
        None if name_or_arn.contains(':') => return None,
        None => (name_or_arn, None),
    };
    let (known_path, text) = POLICIES.get(name)?;
    if path.is_some_and(|path| path != known_path) {
        return None;
    }
    let document = PolicyDocument::parse(text).ok()?;
    Some(ManagedPolicy { name: name.to_owned(), path: known_path.clone(), document })
}

/// The document of a managed policy: as the account has it (`documents`, by ARN), else the embedded copy of
/// AWS's.
pub fn document(name_or_arn: &str, documents: &BTreeMap<String, PolicyDocument>) -> Option<PolicyDocument> {
    let own = documents.get(name_or_arn).or_else(|| {
        // A bare name, or an ARN of another partition, means AWS's policy of that name.
        let name = match name_or_arn.split_once(":iam::aws:policy/") {
            Some((_, path)) => path.rsplit('/').next()?,
            None if name_or_arn.contains(':') => return None,
            None => name_or_arn,
        };
        let of_aws = |arn: &str| arn.contains(":iam::aws:policy/") && arn.rsplit('/').next() == Some(name);
        documents.iter().find(|(arn, _)| of_aws(arn)).map(|(_, document)| document)
    });
    own.cloned().or_else(|| aws_managed(name_or_arn).map(|policy| policy.document))
}

#[cfg(test)]
mod tests {
    use super::{POLICIES, aws_managed};

    #[test]
    fn the_embedded_file_holds_all_policies() {
        assert_eq!(POLICIES.len(), 1582);
    }

    #[test]
    fn names_and_arns_find_the_same_policy() {
        let by_name = aws_managed("AWSLambdaBasicExecutionRole").unwrap();
        for arn in [
            "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
            "arn:aws-cn:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
        ] {
            assert_eq!(aws_managed(arn).unwrap(), by_name);
        }
        for other in [
            "arn:aws:iam::aws:policy/AWSLambdaBasicExecutionRole",
            "arn:aws:iam::111122223333:policy/AWSLambdaBasicExecutionRole",
            "NoSuchPolicy",
        ] {
            assert!(aws_managed(other).is_none(), "{other}");
        }
    }

    #[test]
    fn every_policy_that_sam_implies_is_known() {
        let rows = include_str!("../data/sam-implied.tsv").lines().filter(|line| !line.starts_with('#')).skip(1);
        for name in rows.filter_map(|line| line.split('\t').nth(2)).filter(|name| *name != "-") {
            assert!(aws_managed(name).is_some(), "{name}");
        }
    }
}
