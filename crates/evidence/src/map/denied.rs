//! Messages of denied calls: which action, on what, refused by which kind of policy.
//!
//! AWS page: IAM User Guide, "Troubleshoot access denied error messages". Messages are cut at 1 KB, so every part is
//! optional; the words are compared in any case.

/// Which kind of policy refused a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DeniedBy {
    /// Identity-based policy.
    Identity,
    /// Resource-based policy.
    Resource,
    /// Permissions boundary.
    Boundary,
    /// Session policy.
    Session,
    /// Service control policy.
    ServiceControl,
    /// Resource control policy.
    ResourceControl,
    /// Policy of a VPC endpoint.
    VpcEndpoint,
    /// Trust policy of a role.
    Trust,
}

/// What a denied message says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeniedDetail {
    /// The action, as the message spells it (`dynamodb:PutItem`).
    pub action: Option<String>,
    /// The resource: an ARN or `*`.
    pub resource: Option<String>,
    /// `Some(true)`: a Deny statement; `Some(false)`: no Allow; `None`: the message does not say.
    pub explicit: Option<bool>,
    /// The kind of policy.
    pub by: Option<DeniedBy>,
    /// ARN of the policy with the Deny statement, where given.
    pub policy_arn: Option<String>,
    /// Whether EC2 gave an encoded message, which `sts:DecodeAuthorizationMessage` can read.
    pub encoded: bool,
}

impl DeniedDetail {
    /// Whether a grant in the role's own policies can cure it: no identity-based policy allows the action.
    pub fn is_curable_by_grant(&self) -> bool {
        self.explicit == Some(false) && self.by == Some(DeniedBy::Identity)
    }
}

const PERFORM: [&str; 2] = ["not authorized to perform: ", "not authorized to perform "];
const RESOURCE: &str = "on resource: ";
/// Begins what EC2 puts at the end of its messages: some hundreds of letters in which no word stands.
const ENCODED: &str = "encoded authorization failure message";

pub(super) fn parse(message: &str) -> DeniedDetail {
    let mut lower = message.to_ascii_lowercase();
    let encoded = lower.find(ENCODED);
    let words = message.get(..encoded.unwrap_or(message.len())).unwrap_or_default();
    lower.truncate(words.len());
    let mut detail = DeniedDetail { encoded: encoded.is_some(), ..Default::default() };
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
        // Object keys may hold spaces, so the resource ends where the reason begins, not at a blank.
        let end = [" because no ", " with an explicit deny"].iter().filter_map(|phrase| lower_text.find(phrase)).min();
        let resource = text.get(..end.unwrap_or(text.len())).unwrap_or_default().trim().trim_matches('"');
        let resource = if encoded.is_some() { resource.trim_end_matches('.') } else { resource };
        let complete = end.is_some() || encoded.is_some() || message.len() < 1_000;
        if complete && (resource == "*" || resource.starts_with("arn:")) {
            detail.resource = Some(resource.to_owned());
        }
    }
    if let Some(at) = lower.find("because no ") {
        detail.explicit = Some(false);
        detail.by = lower.get(at..).and_then(kind);
    }
    if let Some(at) = lower.find("with an explicit deny").or_else(|| lower.find("in an identity policy enforced by")) {
        detail.explicit = Some(true);
        let reason = lower.get(at..).unwrap_or_default();
        detail.by = kind(reason);
        let arn = reason.find("arn:").and_then(|arn| words.get(at + arn..)).and_then(word);
        detail.policy_arn = arn.map(str::to_owned);
    }
    detail
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

fn kind(reason: &str) -> Option<DeniedBy> {
    // The first phrase that occurs decides; policy ARNs come later in the sentence.
    [
        ("identity-based polic", DeniedBy::Identity),
        ("identity policy", DeniedBy::Identity),
        ("resource-based polic", DeniedBy::Resource),
        ("permissions boundar", DeniedBy::Boundary),
        ("session polic", DeniedBy::Session),
        ("service control polic", DeniedBy::ServiceControl),
        ("resource control polic", DeniedBy::ResourceControl),
        ("vpc endpoint polic", DeniedBy::VpcEndpoint),
        ("role trust polic", DeniedBy::Trust),
    ]
    .into_iter()
    .filter_map(|(phrase, by)| Some((reason.find(phrase)?, by)))
    .min_by_key(|(at, _)| *at)
    .map(|(_, by)| by)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &str = "User: arn:aws:sts::111122223333:assumed-role/orders-role/orders-ingest";
    const TABLE: &str = "arn:aws:dynamodb:us-east-1:111122223333:table/orders";

    #[track_caller]
    fn check(
        message: &str,
        action: Option<&str>,
        resource: Option<&str>,
        explicit: Option<bool>,
        by: Option<DeniedBy>,
    ) {
        let detail = parse(message);
        assert_eq!(
            (detail.action.as_deref(), detail.resource.as_deref(), detail.explicit, detail.by),
            (action, resource, explicit, by),
            "{message}"
        );
    }

    #[test]
    fn each_shape_of_the_guide_yields_what_it_says() {
        let put = Some("dynamodb:PutItem");
        for (kind, by) in [
            ("identity-based", DeniedBy::Identity),
            ("resource-based", DeniedBy::Resource),
            ("service control", DeniedBy::ServiceControl),
            ("resource control", DeniedBy::ResourceControl),
            ("session", DeniedBy::Session),
            ("VPC endpoint", DeniedBy::VpcEndpoint),
            ("role trust", DeniedBy::Trust),
        ] {
            let message = format!(
                "{USER} is not authorized to perform: dynamodb:PutItem on resource: {TABLE} because no {kind} policy allows the dynamodb:PutItem action"
            );
            check(&message, put, Some(TABLE), Some(false), Some(by));
            let message = format!(
                "{USER} is not authorized to perform: dynamodb:PutItem on resource: {TABLE} with an explicit deny in a {kind} policy"
            );
            check(&message, put, Some(TABLE), Some(true), Some(by));
        }
        let boundary = format!(
            "{USER} is not authorized to perform: dynamodb:PutItem because no permissions boundary allows the dynamodb:PutItem action"
        );
        check(&boundary, put, None, Some(false), Some(DeniedBy::Boundary));
        let boundary = format!(
            "{USER} is not authorized to perform: dynamodb:PutItem with an explicit deny in a permissions boundary"
        );
        check(&boundary, put, None, Some(true), Some(DeniedBy::Boundary));
        let plain =
            format!("{USER} is not authorized to perform: dynamodb:PutItem on resource: {TABLE} with an explicit deny");
        check(&plain, put, Some(TABLE), Some(true), None);
        check(&format!("{USER} is not authorized to perform: dynamodb:PutItem"), put, None, None, None);
        check("User is not authorized to perform s3:ListBucket", Some("s3:ListBucket"), None, None, None);
        check("Not authorized to perform sts:AssumeRole", Some("sts:AssumeRole"), None, None, None);
        check(
            &format!("{USER} is not authorized to perform: ec2:DescribeVpcs on resource: *"),
            Some("ec2:DescribeVpcs"),
            Some("*"),
            None,
            None,
        );
        for empty in [
            "You are not authorized to perform this operation.",
            "Access Denied",
            "",
            "An unknown error occurred",
            "IAM user access not activated",
        ] {
            check(empty, None, None, None, None);
        }
    }

    #[test]
    fn ec2_messages_are_read_or_known_to_be_encoded() {
        let new = format!(
            "You are not authorized to perform this operation. {USER} is not authorized to perform: ec2:RunInstances on resource: arn:aws:ec2:us-east-1::image/ami-1 because no identity-based policy allows the ec2:RunInstances action"
        );
        check(
            &new,
            Some("ec2:RunInstances"),
            Some("arn:aws:ec2:us-east-1::image/ami-1"),
            Some(false),
            Some(DeniedBy::Identity),
        );
        assert!(parse(&new).is_curable_by_grant());
        let old = parse("You are not authorized to perform this operation. Encoded authorization failure message: AbC");
        assert!(old.encoded && old.action.is_none());
        let blob = "X".repeat(900);
        let both = format!("{new}. Encoded authorization failure message: {blob}");
        assert_eq!(parse(&both), DeniedDetail { encoded: true, ..parse(&new) });
        let bare = format!(
            "{USER} is not authorized to perform: ec2:RunInstances on resource: {TABLE}. Encoded authorization failure message: {blob}"
        );
        check(&bare, Some("ec2:RunInstances"), Some(TABLE), None, None);
    }

    #[test]
    fn the_policy_of_an_explicit_deny_is_kept() {
        let message = format!(
            "{USER} is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::b/a key\" with an explicit deny in a service control policy: arn:aws:organizations::111122223333:policy/o-x/service_control_policy/p-y"
        );
        let detail = parse(&message);
        assert_eq!(detail.resource.as_deref(), Some("arn:aws:s3:::b/a key"));
        assert_eq!(detail.by, Some(DeniedBy::ServiceControl));
        assert!(detail.policy_arn.is_some_and(|arn| arn.ends_with("/p-y")));
        assert!(!parse(&message).is_curable_by_grant());
    }

    #[test]
    fn a_message_cut_at_one_kilobyte_gives_no_half_resource() {
        let message = format!(
            "{USER} is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/{}",
            "k".repeat(1_000)
        );
        assert_eq!(parse(message.get(..1_024).unwrap()).resource, None);
    }
}
