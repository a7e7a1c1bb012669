//! How a text from the parameters becomes an ARN, as the tables write it: `path#transform`.

use super::path::FieldPath;

/// Rule by which a text from the parameters becomes an ARN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transform {
    /// The value as it is; where an ARN is wanted, only an ARN counts.
    Plain,
    /// A role: ARN, or a name whose path is not known.
    Role,
    /// A name that may stand after a path that is not known (IAM).
    PathUnknown,
    /// A bucket name, an access-point ARN or alias.
    S3Bucket,
    /// `bucket/key` of a copy source, URL-encoded, maybe with a version id.
    S3CopySource,
    /// `https://sqs.<region>.amazonaws.com/<account>/<name>`.
    SqsUrl,
    /// A function: name, `name:alias`, partial ARN, ARN.
    Function,
    /// A key: id, ARN; an alias does not name the key.
    KmsKey,
    /// A secret: name (six random characters follow in the ARN), partial ARN, ARN.
    Secret,
    /// A parameter name: no leading slash, no `:version` or `:label`.
    SsmName,
    /// A parameter that stands for a secret: the secret.
    SsmSecret,
    /// A document name; AWS's own documents have no account.
    SsmDocument,
    /// A parameter path: everything below it.
    SsmPath,
    /// A table: name or ARN.
    DynamoTable,
    /// The table named in a PartiQL statement; the first word of the statement where several are listed.
    PartiqlTable(Option<&'static str>),
    /// The last part after `/` of a name or ARN.
    LastPart,
    /// The part before the first `:` (`family:revision`), with `:*` after it.
    Family,
    /// A job definition: name, `name:revision`, ARN; with and without a revision.
    BatchDefinition,
    /// A model: id of a foundation model or ARN.
    BedrockModel,
    /// A guardrail: id or ARN.
    BedrockGuardrail,
    /// The address or domain of a mail identity.
    MailIdentity,
}

impl Transform {
    /// Reads the name that the tables use.
    pub fn parse(text: &'static str) -> Option<Self> {
        Some(match text {
            "" | "arn" | "plain" => Self::Plain,
            "role" => Self::Role,
            "path-unknown" => Self::PathUnknown,
            "s3-bucket" => Self::S3Bucket,
            "s3-copy-source" => Self::S3CopySource,
            "sqs-url" => Self::SqsUrl,
            "function" => Self::Function,
            "kms-key" => Self::KmsKey,
            "secret" => Self::Secret,
            "ssm-name" => Self::SsmName,
            "ssm-secret" => Self::SsmSecret,
            "ssm-document" => Self::SsmDocument,
            "ssm-path" => Self::SsmPath,
            "dynamodb-table" => Self::DynamoTable,
            "last-part" => Self::LastPart,
            "family" => Self::Family,
            "batch-definition" => Self::BatchDefinition,
            "bedrock-model" => Self::BedrockModel,
            "bedrock-guardrail" => Self::BedrockGuardrail,
            "mail-identity" => Self::MailIdentity,
            other => match other.strip_prefix("partiql-table")?.strip_prefix(':') {
                Some(verb) => Self::PartiqlTable(Some(verb)),
                None => Self::PartiqlTable(None),
            },
        })
    }
}

/// `path#transform`.
pub(super) fn located(text: &'static str) -> Result<(FieldPath, Transform), String> {
    let (path, transform) = text.split_once('#').unwrap_or((text, ""));
    let transform = Transform::parse(transform).ok_or_else(|| format!("transform `{transform}`"))?;
    Ok((FieldPath::parse(path), transform))
}
