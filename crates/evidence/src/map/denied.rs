//! Messages of denied calls: the action, the resource, and the kind of policy that refused.
//!
//! AWS page: IAM User Guide, "Troubleshoot access denied error messages". Messages are cut at 1 KB, so every
//! part is optional; the words are compared in any case.

use serde::{Deserialize, Serialize};

use crate::record::Record;

/// Who denied a call. The ledger persists these words, sorted as the variants are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum DeniedBy {
    /// Policy of a VPC endpoint.
    #[serde(rename = "VPC endpoint policy")]
    VpcEndpoint,
    /// A Deny statement; the message does not say in which policy.
    #[serde(rename = "deny")]
    ExplicitDeny,
    /// A Deny statement of an identity-based policy.
    #[serde(rename = "identity-based policy, deny")]
    IdentityDeny,
    /// No identity-based policy allows the action: the only denial that a grant can cure.
    #[serde(rename = "identity-based policy, no allow")]
    IdentityNoAllow,
    /// One item of a batch call that itself succeeded.
    #[serde(rename = "item of a batch")]
    BatchItem,
    /// The message does not say: it may be anything.
    #[default]
    #[serde(rename = "not told")]
    NotTold,
    /// Permissions boundary.
    #[serde(rename = "permissions boundary")]
    Boundary,
    /// Resource control policy.
    #[serde(rename = "resource control policy")]
    ResourceControl,
    /// Resource-based policy.
    #[serde(rename = "resource-based policy")]
    Resource,
    /// Trust policy of a role.
    #[serde(rename = "role trust policy")]
    Trust,
    /// Service control policy.
    #[serde(rename = "service control policy")]
    ServiceControl,
    /// Session policy.
    #[serde(rename = "session policy")]
    Session,
}

/// The content of a denied message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeniedDetail {
    /// The action, as the message spells it (`dynamodb:PutItem`).
    pub action: Option<String>,
    /// The resource: an ARN or `*`.
    pub resource: Option<String>,
    /// Who denied the call.
    pub by: DeniedBy,
}

const PERFORM: [&str; 2] = ["not authorized to perform: ", "not authorized to perform "];
const RESOURCE: &str = "on resource: ";
/// What may follow the resource: the reason, or the details of an answer that the AWS SDKs append.
const REASONS: [&str; 9] = [
    " because no ",
    " because the ",
    " with an explicit deny",
    " in an identity policy enforced by ",
    " (service: ",
    " (status code: ",
    "; status code: ",
    " (request id: ",
    "\n",
];
/// EC2 ends its messages so, with hundreds of letters that hold no words.
const ENCODED: &str = "encoded authorization failure message";

pub(super) fn parse(message: &str) -> DeniedDetail {
    let mut lower = message.to_ascii_lowercase();
    let encoded = lower.find(ENCODED);
    let words = message.get(..encoded.unwrap_or(message.len())).unwrap_or_default();
    lower.truncate(words.len());
    let mut detail = DeniedDetail { by: denied_by(&lower), ..DeniedDetail::default() };
    for phrase in PERFORM {
        if let Some(at) = lower.find(phrase) {
            let action = words.get(at + phrase.len()..).and_then(word).filter(|word| is_action(word));
            detail.action = action.map(str::to_owned);
            if detail.action.is_some() {
                break;
            }
        }
    }
    if let Some(at) = lower.find(RESOURCE) {
        let text = words.get(at + RESOURCE.len()..).unwrap_or_default();
        let lower_text = lower.get(at + RESOURCE.len()..).unwrap_or_default();
        let end = end_of_resource(text, lower_text);
        let resource = text.get(..end.unwrap_or(text.len())).unwrap_or_default();
        let resource = resource.trim().trim_matches(['"', '\'']);
        let sentence_ends = end.is_none() || !is_object(lower_text);
        let resource = if sentence_ends { resource.trim_end_matches(['.', ',', ';', '"']) } else { resource };
        let complete = end.is_some() || encoded.is_some() || message.len() < 1_000;
        if complete && (resource == "*" || resource.starts_with("arn:")) {
            detail.resource = Some(resource.to_owned());
        }
    }
    detail
}

/// Where the resource at the start of a text ends, if something follows it: the reason, or what an SDK wrote
/// about the answer.
fn end_of_resource(text: &str, lower: &str) -> Option<usize> {
    // Object keys may hold blanks; no other name in an ARN does.
    if is_object(lower) {
        return REASONS.iter().filter_map(|phrase| lower.find(phrase)).min();
    }
    let start = text.len() - text.trim_start().len();
    text.get(start..)?.find(char::is_whitespace).map(|at| start + at)
}

/// True if a text starts with the ARN of an object.
fn is_object(lower: &str) -> bool {
    lower.split(':').nth(2).is_some_and(|service| service.starts_with("s3"))
}

/// True if the message says that somebody else than the caller is not authorised: a role that the service was
/// to take on, a service.
pub(super) fn is_of_another(message: &str, record: &Record<'_>) -> bool {
    let lower = message.to_ascii_lowercase();
    let Some(end) = lower.find("not authorized to perform") else { return false };
    let mut words = message.get(..end).unwrap_or_default().split_whitespace().rev();
    let subject = words.find(|word| !matches!(*word, "is" | "are")).unwrap_or_default();
    let subject = subject.trim_matches(['"', '\'', ',', ':', '.', '(', ')']);
    let caller = record.user_identity.arn.as_deref();
    if subject.starts_with("arn:") {
        return caller.is_some_and(|caller| !is_same_principal(subject, caller));
    }
    let speaks_to_caller = ["", "user", "you", "caller"].iter().any(|word| subject.eq_ignore_ascii_case(word));
    !speaks_to_caller
}

/// True if two ARNs name one principal: a role and any of its sessions count as one only by the same session,
/// or where one of them is the role itself.
fn is_same_principal(named: &str, caller: &str) -> bool {
    let role = |arn: &str| -> Option<(String, String, Option<String>)> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let (account, resource) = (parts.get(4)?, parts.get(5)?);
        let mut names = resource.split('/');
        match names.next()? {
            "assumed-role" => Some(((*account).to_owned(), names.next()?.to_owned(), names.next().map(str::to_owned))),
            "role" => Some(((*account).to_owned(), names.next_back()?.to_owned(), None)),
            _ => None,
        }
    };
    match (role(named), role(caller)) {
        (Some((account, name, session)), Some((own_account, own_name, own_session))) => {
            let same_session = session.is_none() || own_session.is_none() || session == own_session;
            account == own_account && name == own_name && same_session
        }
        _ => named == caller,
    }
}

/// The reason of a message in lower case. AWS names an explicit Deny before anything else.
fn denied_by(message: &str) -> DeniedBy {
    let reason_at = |phrase| message.find(phrase).and_then(|at| message.get(at..));
    let deny = reason_at("with an explicit deny").or_else(|| reason_at("in an identity policy enforced by"));
    match (deny, reason_at("because no ")) {
        (Some(reason), _) => match policy_kind(reason) {
            Some(DeniedBy::IdentityNoAllow) => DeniedBy::IdentityDeny,
            Some(kind) => kind,
            None => DeniedBy::ExplicitDeny,
        },
        (None, Some(reason)) => policy_kind(reason).unwrap_or_default(),
        (None, None) => DeniedBy::NotTold,
    }
}

/// The first word, without the full stop that ends a sentence.
fn word(text: &str) -> Option<&str> {
    let word = text.split_whitespace().next()?;
    Some(word.trim_end_matches(['.', ',', ';']))
}

fn is_action(text: &str) -> bool {
    text.split_once(':').is_some_and(|(prefix, name)| {
        let plain = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        plain(prefix) && plain(name)
    })
}

fn policy_kind(reason: &str) -> Option<DeniedBy> {
    // The first phrase that occurs decides; policy ARNs come later in the sentence.
    let found = [
        ("identity-based polic", DeniedBy::IdentityNoAllow),
        ("identity policy", DeniedBy::IdentityNoAllow),
        ("resource-based polic", DeniedBy::Resource),
        ("permissions boundar", DeniedBy::Boundary),
        ("session polic", DeniedBy::Session),
        ("service control polic", DeniedBy::ServiceControl),
        ("resource control polic", DeniedBy::ResourceControl),
        ("vpc endpoint polic", DeniedBy::VpcEndpoint),
        ("role trust polic", DeniedBy::Trust),
    ]
    .into_iter()
    .filter_map(|(phrase, by)| Some((reason.find(phrase)?, by)));
    found.min_by_key(|(at, _)| *at).map(|(_, by)| by)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "User: arn:aws:sts::111122223333:assumed-role/orders-role/orders-ingest";
    const TABLE: &str = "arn:aws:dynamodb:us-east-1:111122223333:table/orders";

    #[track_caller]
    fn check(message: &str, action: Option<&str>, resource: Option<&str>, by: DeniedBy) {
        let detail = parse(message);
        assert_eq!(
            (detail.action.as_deref(), detail.resource.as_deref(), detail.by),
            (action, resource, by),
            "{message}"
        );
    }

    #[test]
    fn each_shape_of_the_guide_yields_what_it_says() {
        let put = Some("dynamodb:PutItem");
        for (kind, no_allow, deny) in [
            ("identity-based", DeniedBy::IdentityNoAllow, DeniedBy::IdentityDeny),
            ("resource-based", DeniedBy::Resource, DeniedBy::Resource),
            ("service control", DeniedBy::ServiceControl, DeniedBy::ServiceControl),
            ("resource control", DeniedBy::ResourceControl, DeniedBy::ResourceControl),
            ("session", DeniedBy::Session, DeniedBy::Session),
            ("VPC endpoint", DeniedBy::VpcEndpoint, DeniedBy::VpcEndpoint),
            ("role trust", DeniedBy::Trust, DeniedBy::Trust),
        ] {
            let message = format!(
                "{USER} is not authorized to perform: dynamodb:PutItem on resource: {TABLE} because no {kind} policy allows the dynamodb:PutItem action"
            );
            check(&message, put, Some(TABLE), no_allow);
            let message = format!(
                "{USER} is not authorized to perform: dynamodb:PutItem on resource: {TABLE} with an explicit deny in a {kind} policy"
            );
            check(&message, put, Some(TABLE), deny);
        }
        let boundary = format!(
            "{USER} is not authorized to perform: dynamodb:PutItem because no permissions boundary allows the dynamodb:PutItem action"
        );
        check(&boundary, put, None, DeniedBy::Boundary);
        let boundary = format!(
            "{USER} is not authorized to perform: dynamodb:PutItem with an explicit deny in a permissions boundary"
        );
        check(&boundary, put, None, DeniedBy::Boundary);
        let plain =
            format!("{USER} is not authorized to perform: dynamodb:PutItem on resource: {TABLE} with an explicit deny");
        check(&plain, put, Some(TABLE), DeniedBy::ExplicitDeny);
        check(&format!("{USER} is not authorized to perform: dynamodb:PutItem"), put, None, DeniedBy::NotTold);
        check("User is not authorized to perform s3:ListBucket", Some("s3:ListBucket"), None, DeniedBy::NotTold);
        check("Not authorized to perform sts:AssumeRole", Some("sts:AssumeRole"), None, DeniedBy::NotTold);
        check(
            &format!("{USER} is not authorized to perform: ec2:DescribeVpcs on resource: *"),
            Some("ec2:DescribeVpcs"),
            Some("*"),
            DeniedBy::NotTold,
        );
        for empty in [
            "You are not authorized to perform this operation.",
            "Access Denied",
            "",
            "An unknown error occurred",
            "IAM user access not activated",
        ] {
            check(empty, None, None, DeniedBy::NotTold);
        }
    }

    #[test]
    fn ec2_messages_are_read_or_known_to_be_encoded() {
        let new = format!(
            "You are not authorized to perform this operation. {USER} is not authorized to perform: ec2:RunInstances on resource: arn:aws:ec2:us-east-1::image/ami-1 because no identity-based policy allows the ec2:RunInstances action"
        );
        check(&new, Some("ec2:RunInstances"), Some("arn:aws:ec2:us-east-1::image/ami-1"), DeniedBy::IdentityNoAllow);
        let old = parse("You are not authorized to perform this operation. Encoded authorization failure message: AbC");
        assert_eq!(old, DeniedDetail::default());
        let blob = "X".repeat(900);
        let both = format!("{new}. Encoded authorization failure message: {blob}");
        assert_eq!(parse(&both), parse(&new));
        let bare = format!(
            "{USER} is not authorized to perform: ec2:RunInstances on resource: {TABLE}. Encoded authorization failure message: {blob}"
        );
        check(&bare, Some("ec2:RunInstances"), Some(TABLE), DeniedBy::NotTold);
    }

    #[test]
    fn a_resource_may_hold_blanks_and_be_quoted() {
        let message = format!(
            "{USER} is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::b/a key\" with an explicit deny in a service control policy: arn:aws:organizations::111122223333:policy/o-x/service_control_policy/p-y"
        );
        let detail = parse(&message);
        assert_eq!(detail.resource.as_deref(), Some("arn:aws:s3:::b/a key"));
        assert_eq!(detail.by, DeniedBy::ServiceControl);
    }

    #[test]
    fn a_message_cut_at_one_kilobyte_gives_no_half_resource() {
        let message = format!(
            "{USER} is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/{}",
            "k".repeat(1_000)
        );
        assert_eq!(parse(message.get(..1_024).unwrap()).resource, None);
    }

    #[test]
    fn stored_words_are_sorted_and_stay() {
        let words = [
            "VPC endpoint policy",
            "deny",
            "identity-based policy, deny",
            "identity-based policy, no allow",
            "item of a batch",
            "not told",
            "permissions boundary",
            "resource control policy",
            "resource-based policy",
            "role trust policy",
            "service control policy",
            "session policy",
        ];
        let json = serde_json::to_string(&words).unwrap();
        let read: std::collections::BTreeSet<DeniedBy> = serde_json::from_str(&json).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), json);
    }
}
