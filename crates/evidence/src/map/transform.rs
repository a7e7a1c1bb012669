//! From texts in parameters to ARNs or parts of ARNs.

use std::borrow::Cow;

use whittle_catalog::events::Transform;
use whittle_catalog::{catalog, partition_of_region};
use whittle_policy::id::is_account;

use crate::record::Record;

/// Place of a call, for ARNs that the event does not spell out.
#[derive(Debug, Clone)]
pub(super) struct CallPlace<'p> {
    pub partition: Cow<'p, str>,
    /// `*` if the event has none.
    pub region: Cow<'p, str>,
    /// `*` if the event has none.
    pub account: Cow<'p, str>,
}

impl<'p> CallPlace<'p> {
    /// Partition of the caller's ARN, else by the Region's name; account of the listed resources, else the
    /// recipient.
    ///
    /// AWS page: AWS General Reference, "Amazon Resource Names", partitions.
    pub fn of(record: &'p Record<'_>) -> Self {
        let listed = || record.resources.iter().filter_map(|entry| entry.arn.as_deref()).find_map(partition_of);
        let partition = partition_of_caller(record).or_else(listed);
        let region = record.aws_region.as_deref().filter(|region| is_region(region));
        let by_region = || partition_of_region(region.unwrap_or_default());
        let mut owners = record.resources.iter().filter_map(|entry| entry.account_id.as_deref());
        let owner = owners.next().filter(|first| owners.all(|other| other == *first));
        let account = owner.or_else(|| record.account()).filter(|account| is_account(account));
        Self {
            partition: Cow::Borrowed(partition.unwrap_or_else(by_region)),
            region: Cow::Borrowed(region.unwrap_or("*")),
            account: Cow::Borrowed(account.unwrap_or("*")),
        }
    }
}

/// The partition of the caller's ARN.
fn partition_of_caller<'r>(record: &'r Record<'_>) -> Option<&'r str> {
    let identity = &record.user_identity;
    let arns = [identity.session_issuer().and_then(|issuer| issuer.arn.as_deref()), identity.arn.as_deref()];
    arns.into_iter().flatten().find_map(partition_of)
}

fn partition_of(arn: &str) -> Option<&str> {
    let partition = arn.strip_prefix("arn:")?.split(':').next()?;
    let clean = partition.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    (clean && partition.starts_with("aws")).then_some(partition)
}

fn is_region(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Meaning of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum NamedResource<'t> {
    /// A whole ARN.
    Arn(Cow<'t, str>),
    /// A part that fills a placeholder.
    Part(Cow<'t, str>),
}

fn arn<'t>(text: String) -> Vec<NamedResource<'t>> {
    vec![NamedResource::Arn(Cow::Owned(text))]
}

fn part(text: &str) -> Vec<NamedResource<'_>> {
    vec![NamedResource::Part(Cow::Borrowed(text))]
}

fn whole(text: &str) -> Vec<NamedResource<'_>> {
    vec![NamedResource::Arn(Cow::Borrowed(text))]
}

/// The meaning of a text, neither empty nor masked, under a transform; empty if it names nothing usable.
pub(super) fn named<'t>(transform: Transform, text: &'t str, place: &CallPlace<'_>) -> Vec<NamedResource<'t>> {
    let is_arn = text.starts_with("arn:");
    let CallPlace { partition, region, account } = place;
    match transform {
        Transform::Role | Transform::PathUnknown | Transform::SqsUrl | Transform::Function if is_arn => whole(text),
        Transform::Role => arn(format!("arn:{partition}:iam::{account}:role/*{}", last_part(text))),
        Transform::PathUnknown => vec![NamedResource::Part(Cow::Owned(format!("*{}", last_part(text))))],
        Transform::S3Bucket if text.ends_with("-s3alias") || text.ends_with("--ol-s3") => Vec::new(),
        Transform::S3Bucket if is_arn => match text.split_once(":::") {
            Some((_, bucket)) if !bucket.contains('/') => part(bucket),
            _ => whole(text),
        },
        Transform::S3CopySource => copy_source(text, place).map(arn).unwrap_or_default(),
        Transform::SqsUrl => sqs_url(text, place).map(arn).unwrap_or_default(),
        Transform::Function => function(text, place).map(arn).unwrap_or_default(),
        Transform::KmsKey if text.contains("alias/") => Vec::new(),
        Transform::Secret => secret(text),
        Transform::SsmName if !is_arn => ssm_name(text, place),
        Transform::SsmName => match text.split_once(":parameter/") {
            Some((head, name)) => {
                let name = name.split(':').next().unwrap_or(name).trim_start_matches('/');
                arn(format!("{head}:parameter/{name}"))
            }
            None => whole(text),
        },
        Transform::SsmSecret => {
            text.trim_start_matches('/').strip_prefix(SECRET_REFERENCE).map(secret).unwrap_or_default()
        }
        Transform::SsmDocument if text.starts_with("AWS") => {
            arn(format!("arn:{partition}:ssm:{region}:*:document/{text}"))
        }
        Transform::SsmPath if !is_arn => ssm_path(text),
        Transform::DynamoTable if is_arn => {
            let table = text.find("/index/").or_else(|| text.find("/stream/")).and_then(|end| text.get(..end));
            whole(table.unwrap_or(text))
        }
        Transform::PartiqlTable(verb) => partiql(text, verb, place),
        Transform::LastPart => part(last_part(text)),
        Transform::Family if is_arn => match text.rfind('/').and_then(|slash| text.get(slash..)) {
            Some(tail) if tail.contains(':') => {
                text.rsplit_once(':').map(|(family, _)| arn(format!("{family}:*"))).unwrap_or_default()
            }
            _ => arn(format!("{text}:*")),
        },
        Transform::Family => part(text.split(':').next().unwrap_or(text)),
        Transform::BatchDefinition => batch_definition(text, place),
        Transform::BedrockModel => bedrock_model(text, place),
        Transform::BedrockGuardrail if !is_arn => {
            arn(format!("arn:{partition}:bedrock:{region}:{account}:guardrail/{text}"))
        }
        Transform::MailIdentity => mail_identity(text),
        _ if is_arn => whole(text),
        _ => part(text),
    }
}

fn last_part(text: &str) -> &str {
    text.rsplit('/').next().filter(|part| !part.is_empty()).unwrap_or(text)
}

fn copy_source(text: &str, place: &CallPlace<'_>) -> Option<String> {
    let decoded = percent_decoded(text);
    let path = decoded.trim_start_matches('/');
    let path = path.split_once("?versionId=").map_or(path, |(path, _)| path);
    if path.starts_with("arn:") {
        // Through an access point the bucket must allow the call too, so the access point alone is not the
        // resource.
        return path.contains(":::").then(|| path.to_owned());
    }
    let (bucket, key) = path.split_once('/')?;
    let usable = !bucket.is_empty() && !key.is_empty() && !bucket.ends_with("-s3alias");
    usable.then(|| format!("arn:{}:s3:::{path}", place.partition))
}

pub(super) fn percent_decoded(text: &str) -> String {
    let hex = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let (bytes, mut at, mut out) = (text.as_bytes(), 0, Vec::with_capacity(text.len()));
    while let Some(byte) = bytes.get(at) {
        if let (b'%', Some(high), Some(low)) = (byte, hex(bytes.get(at + 1)), hex(bytes.get(at + 2))) {
            out.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
            at += 3;
        } else {
            out.push(*byte);
            at += 1;
        }
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

/// Names of parameters that stand for a secret start so.
///
/// AWS page: Systems Manager User Guide, "Referencing AWS Secrets Manager secrets from Parameter Store
/// parameters".
const SECRET_REFERENCE: &str = "aws/reference/secretsmanager/";

/// AWS page: SQS Developer Guide, "Amazon SQS queue and message identifiers": the URL ends in account and
/// name.
fn sqs_url(text: &str, place: &CallPlace<'_>) -> Option<String> {
    let mut parts = text.trim_end_matches('/').rsplit('/');
    let (name, account) = (parts.next()?, parts.next()?);
    let clean = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    let host = text.split_once("://").map_or("", |(_, rest)| rest).split('/').next().unwrap_or_default();
    let region = region_of_queue_host(host);
    (clean && is_account(account))
        .then(|| format!("arn:{}:sqs:{}:{account}:{name}", place.partition, region.unwrap_or(&place.region)))
}

/// The Region in the host of a queue's URL: `sqs.REGION.…`, `sqs-fips.REGION.…`,
/// `vpce-….sqs.REGION.vpce.amazonaws.com`, the older `REGION.queue.amazonaws.com`; `None` if it names none.
///
/// AWS page: AWS General Reference, "Amazon Simple Queue Service endpoints"; SQS Developer Guide,
/// "Internetwork traffic privacy", VPC endpoints.
fn region_of_queue_host(host: &str) -> Option<&str> {
    let labels: Vec<&str> = host.split('.').collect();
    let at = labels.iter().position(|label| matches!(*label, "sqs" | "sqs-fips" | "queue"))?;
    let beside = if labels.get(at) == Some(&"queue") { at.checked_sub(1)? } else { at + 1 };
    labels.get(beside).copied().filter(|label| looks_like_region(label))
}

/// True for `eu-west-1`, `us-iso-east-1`: words and a number of one or two digits.
fn looks_like_region(label: &str) -> bool {
    let parts: Vec<&str> = label.split('-').collect();
    let Some((number, words)) = parts.split_last() else { return false };
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_number = (1..=2).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    words.len() >= 2 && words.iter().all(is_word) && is_number
}

/// AWS page: Lambda API Reference, "Name formats" of `FunctionName`.
fn function(text: &str, place: &CallPlace<'_>) -> Option<String> {
    let CallPlace { partition, region, account } = place;
    match text.split_once(":function:") {
        Some((owner, rest)) if is_account(owner) => {
            Some(format!("arn:{partition}:lambda:{region}:{owner}:function:{rest}"))
        }
        Some(_) => None,
        None => {
            let rest = text.strip_prefix("function:").unwrap_or(text);
            (!rest.contains('/')).then(|| format!("arn:{partition}:lambda:{region}:{account}:function:{rest}"))
        }
    }
}

/// The ARN of a secret without the `-` and six random characters at its end, if it has them.
///
/// AWS page: Secrets Manager User Guide, "Determine who has permissions".
pub fn secret_name(arn: &str) -> Option<&str> {
    let (name, suffix) = arn.rsplit_once('-')?;
    (suffix.len() == 6 && suffix.bytes().all(|byte| byte.is_ascii_alphanumeric())).then_some(name)
}

/// `-??????` stands for the random end.
fn secret(text: &str) -> Vec<NamedResource<'_>> {
    if !text.starts_with("arn:") {
        return vec![NamedResource::Part(Cow::Owned(format!("{text}-??????")))];
    }
    // A name may end in six characters of its own (`db-secret`), so a complete-looking ARN is kept in both
    // readings.
    let mut names = arn(format!("{text}-??????"));
    names.extend(secret_name(text).map(|_| NamedResource::Arn(Cow::Borrowed(text))));
    names
}

fn ssm_name<'t>(text: &'t str, place: &CallPlace<'_>) -> Vec<NamedResource<'t>> {
    let name = text.split(':').next().unwrap_or(text).trim_start_matches('/');
    if name.is_empty() {
        return Vec::new();
    }
    if name.starts_with("aws/") {
        // Public parameters have no account in their ARN.
        let CallPlace { partition, region, .. } = place;
        return arn(format!("arn:{partition}:ssm:{region}:*:parameter/{name}"));
    }
    part(name)
}

fn ssm_path(text: &str) -> Vec<NamedResource<'_>> {
    let path = text.trim_matches('/');
    if path.is_empty() {
        return part("*");
    }
    vec![NamedResource::Part(Cow::Borrowed(path)), NamedResource::Part(Cow::Owned(format!("{path}/*")))]
}

/// The table (and index) of a PartiQL statement.
///
/// AWS page: DynamoDB Developer Guide, "PartiQL statements for DynamoDB".
fn partiql<'t>(statement: &str, verb: Option<&str>, place: &CallPlace<'_>) -> Vec<NamedResource<'t>> {
    let words: Vec<&str> = statement.split_whitespace().collect();
    let first = words.first().copied().unwrap_or_default();
    if verb.is_some_and(|verb| !first.eq_ignore_ascii_case(verb)) {
        return Vec::new();
    }
    let before = if first.eq_ignore_ascii_case("update") {
        "update"
    } else if first.eq_ignore_ascii_case("insert") {
        "into"
    } else {
        "from"
    };
    let mut rest = words.iter().skip_while(|word| !word.eq_ignore_ascii_case(before));
    let Some(target) = rest.nth(1) else { return Vec::new() };
    let target = target.trim_end_matches([';', ',', '(']);
    let (table, index) = match target.split_once("\".\"") {
        Some((table, index)) => (table, Some(index)),
        None if target.starts_with('"') => (target, None),
        None => target.split_once('.').map_or((target, None), |(table, _)| (table, None)),
    };
    let clean = |name: &str| name.trim_matches('"').to_owned();
    let valid = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    let table = clean(table);
    if !valid(&table) {
        return Vec::new();
    }
    let CallPlace { partition, region, account } = place;
    let table = format!("arn:{partition}:dynamodb:{region}:{account}:table/{table}");
    let index = index.map(clean).filter(|index| valid(index)).map(|index| format!("{table}/index/{index}"));
    let mut names = arn(table);
    names.extend(index.map(|index| NamedResource::Arn(Cow::Owned(index))));
    names
}

/// A definition without a revision is checked so, with one it is checked with it: both are named.
///
/// AWS page: Batch User Guide, "Resource: Restrict to a job queue".
fn batch_definition<'t>(text: &str, place: &CallPlace<'_>) -> Vec<NamedResource<'t>> {
    let CallPlace { partition, region, account } = place;
    let (head, name) = match text.split_once(":job-definition/") {
        Some((head, name)) => (head.to_owned(), name),
        None => (format!("arn:{partition}:batch:{region}:{account}"), text),
    };
    let name = name.split(':').next().unwrap_or(name);
    let definition = format!("{head}:job-definition/{name}");
    vec![NamedResource::Arn(Cow::Owned(format!("{definition}:*"))), NamedResource::Arn(Cow::Owned(definition))]
}

/// What a call that names a model, a profile or a router is checked on: with a profile also the model in each
/// of its Regions. The models behind an application profile or a router are not told.
///
/// AWS page: Bedrock User Guide, "Prerequisites for inference profiles".
fn bedrock_model<'t>(text: &'t str, place: &CallPlace<'_>) -> Vec<NamedResource<'t>> {
    let CallPlace { partition, region, account } = place;
    let model = |id: &str| NamedResource::Arn(Cow::Owned(format!("arn:{partition}:bedrock:*::foundation-model/{id}")));
    if text.starts_with("arn:") {
        let mut names = whole(text);
        let (kind, id) = text.rsplit(':').find_map(|part| part.split_once('/')).unwrap_or_default();
        match kind {
            "inference-profile" => {
                // The id has a version after a colon: `us.provider.model-v1:0`.
                let id = text.split_once("inference-profile/").map_or(id, |(_, id)| id);
                names.push(model(id.split_once('.').map_or("*", |(_, model)| model)));
            }
            "application-inference-profile" | "prompt-router" | "default-prompt-router" => {
                names.push(model("*"));
                names.extend(arn(format!("arn:{partition}:bedrock:*:*:inference-profile/*")));
            }
            _ => {}
        }
        return names;
    }
    let by_id = || arn(format!("arn:{partition}:bedrock:{region}::foundation-model/{text}"));
    let profile = |of: &str| {
        let mut names = arn(format!("arn:{partition}:bedrock:{region}:{account}:inference-profile/{text}"));
        names.push(model(of));
        names
    };
    match text.split_once('.') {
        Some((geography, of)) if catalog().is_inference_profile(geography) => profile(of),
        // A geography that is new, or a provider whose model has a full stop in its name: both are named.
        Some((_, of)) if of.contains('.') => by_id().into_iter().chain(profile(of)).collect(),
        _ => by_id(),
    }
}

/// AWS page: SES Developer Guide, "Actions on identities": the address or its domain may authorise.
fn mail_identity(text: &str) -> Vec<NamedResource<'_>> {
    let address = text.rsplit_once('<').map_or(text, |(_, rest)| rest.trim_end_matches('>')).trim();
    let domain = address.rsplit_once('@').map(|(_, domain)| domain).filter(|domain| !domain.is_empty());
    let mut names = part(address);
    names.extend(domain.map(|domain| NamedResource::Part(Cow::Borrowed(domain))));
    names
}
