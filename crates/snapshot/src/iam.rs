//! `authorization-details.json`: roles with every policy that decides what they may do.
//!
//! Shape: IAM API Reference, `GetAccountAuthorizationDetails` (the API URL-encodes documents, the command
//! line prints them as objects; both are read). Attached managed policies are joined by ARN with `Policies`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use whittle_analysis::inventory::{PolicyKind, PolicyVersion, Role, RolePolicy};
use whittle_analysis::issue::{Issue, IssueKind};
use whittle_analysis::result::RoleSettings;
use whittle_policy::id::{RoleArn, RoleId};
use whittle_policy::{LintCode, PolicyDocument};

use crate::document::{BadEntries, JsonObject};
use crate::files::FileProblem;
use crate::keep::{Fields, Shape};
use crate::time::timestamp;

/// File name in the root of a snapshot.
pub(crate) const FILE: &str = "authorization-details.json";
/// Command that makes it.
pub(crate) const COMMAND: &str = "aws iam get-account-authorization-details --output json > authorization-details.json";

/// Content of the file.
#[derive(Debug, Default)]
pub(crate) struct AuthorizationDetails {
    pub(crate) roles: BTreeMap<RoleArn, Role>,
    pub(crate) settings: BTreeMap<RoleArn, RoleSettings>,
    pub(crate) issues: Vec<Issue>,
}

/// What is read of it.
pub(crate) static KEPT: Shape = Shape::Answer(&[&[
    ("RoleDetailList", Shape::List(&Shape::Object(ROLE))),
    ("Policies", Shape::List(&Shape::Object(MANAGED))),
]]);

const ROLE: &Fields = &[
    ("Arn", Shape::Scalar),
    ("RoleId", Shape::Scalar),
    ("CreateDate", Shape::Scalar),
    ("AssumeRolePolicyDocument", Shape::Policy),
    ("RolePolicyList", Shape::List(&Shape::Object(INLINE))),
    ("AttachedManagedPolicies", Shape::List(&Shape::Object(ATTACHED))),
    ("PermissionsBoundary", Shape::Object(BOUNDARY)),
    ("RoleLastUsed", Shape::Object(LAST_USED)),
];
const INLINE: &Fields = &[("PolicyName", Shape::Scalar), ("PolicyDocument", Shape::Policy)];
const ATTACHED: &Fields = &[("PolicyName", Shape::Scalar), ("PolicyArn", Shape::Scalar)];
const BOUNDARY: &Fields = &[("PermissionsBoundaryArn", Shape::Scalar)];
const LAST_USED: &Fields = &[("LastUsedDate", Shape::Scalar)];
const MANAGED: &Fields = &[
    ("Arn", Shape::Scalar),
    ("PolicyName", Shape::Scalar),
    ("DefaultVersionId", Shape::Scalar),
    ("PolicyVersionList", Shape::List(&Shape::Object(VERSION))),
];
const VERSION: &Fields = &[
    ("VersionId", Shape::Scalar),
    ("IsDefaultVersion", Shape::Scalar),
    ("CreateDate", Shape::Scalar),
    ("Document", Shape::Policy),
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RoleEntry<'a> {
    arn: String,
    role_id: String,
    #[serde(borrow)]
    create_date: Option<&'a RawValue>,
    #[serde(borrow)]
    assume_role_policy_document: Option<&'a RawValue>,
    #[serde(borrow)]
    role_policy_list: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    attached_managed_policies: Option<Vec<&'a RawValue>>,
    #[serde(borrow)]
    permissions_boundary: Option<&'a RawValue>,
    #[serde(borrow)]
    role_last_used: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InlinePolicy<'a> {
    policy_name: String,
    #[serde(borrow)]
    policy_document: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AttachedPolicy {
    policy_name: Option<String>,
    policy_arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Boundary {
    permissions_boundary_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LastUsed<'a> {
    #[serde(borrow)]
    last_used_date: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ManagedEntry<'a> {
    arn: String,
    policy_name: Option<String>,
    default_version_id: Option<String>,
    #[serde(borrow)]
    policy_version_list: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VersionEntry<'a> {
    version_id: String,
    is_default_version: Option<bool>,
    #[serde(borrow)]
    create_date: Option<&'a RawValue>,
    #[serde(borrow)]
    document: Option<&'a RawValue>,
}

/// Reads the whole file; only a file that is no such answer at all is a [`FileProblem`].
pub(crate) fn parse(text: &str) -> Result<AuthorizationDetails, FileProblem> {
    let object = JsonObject::parse(text, FILE, COMMAND)?;
    let entries = object.required_list("RoleDetailList", COMMAND)?;
    let mut reader = RoleReader {
        object: &object,
        managed: BTreeMap::new(),
        resolved: BTreeMap::new(),
        out: AuthorizationDetails::default(),
    };
    reader.out.issues.extend(object.truncation());
    match object.list("Policies") {
        Ok(policies) => reader.index_policies(&policies.unwrap_or_default()),
        Err(problem) => reader.out.issues.push(problem.into_issue()),
    }
    let mut bad = BadEntries::new(FILE, "RoleDetailList");
    for (index, raw) in entries.iter().enumerate() {
        match reader.role(raw) {
            Ok((role, _)) if reader.out.roles.contains_key(&role.arn) => {
                bad.add(index, || format!("role `{}` occurs twice; the first one counts", role.arn));
            }
            Ok((role, settings)) => {
                reader.out.settings.insert(role.arn.clone(), settings);
                reader.out.roles.insert(role.arn.clone(), role);
            }
            Err(reason) => bad.add(index, || reason),
        }
    }
    reader.out.issues.extend(bad.into_issues());
    Ok(reader.out)
}

/// A managed policy that was looked at: what a role gets from it, or why it cannot be used.
enum Managed {
    Ready { name: String, document: PolicyDocument, versions: Vec<PolicyVersion> },
    Unusable(Issue),
}

struct RoleReader<'a> {
    object: &'a JsonObject<'a>,
    managed: BTreeMap<String, ManagedEntry<'a>>,
    resolved: BTreeMap<String, Managed>,
    out: AuthorizationDetails,
}

impl<'a> RoleReader<'a> {
    fn index_policies(&mut self, entries: &[&'a RawValue]) {
        let mut bad = BadEntries::new(FILE, "Policies");
        for (index, raw) in entries.iter().enumerate() {
            match self.object.typed::<ManagedEntry<'a>>(raw) {
                Ok(entry) => {
                    self.managed.entry(entry.arn.clone()).or_insert(entry);
                }
                Err(reason) => bad.add(index, || reason),
            }
        }
        self.out.issues.extend(bad.into_issues());
    }

    fn role(&mut self, raw: &'a RawValue) -> Result<(Role, RoleSettings), String> {
        let entry: RoleEntry<'a> = self.object.typed(raw)?;
        let arn: RoleArn = entry.arn.parse().map_err(|error| format!("{error}"))?;
        // Without it no event of the trail can be attributed to this role.
        let id: RoleId = entry.role_id.parse().map_err(|error| format!("role `{arn}`: {error}"))?;
        let created = self.time(entry.create_date, || format!("CreateDate of role `{arn}`"));
        let mut role = Role { created, ..Role::new(arn, id) };
        if let Some(raw) = entry.role_last_used {
            match self.object.typed::<LastUsed<'a>>(raw) {
                Ok(used) => {
                    role.last_used = self.time(used.last_used_date, || format!("RoleLastUsed of role `{}`", role.arn));
                }
                Err(reason) => self.issue(IssueKind::BadEntry, format!("RoleLastUsed of role `{}` {reason}", role.arn)),
            }
        }
        for (index, raw) in entry.role_policy_list.unwrap_or_default().into_iter().enumerate() {
            self.inline(&mut role, index, raw);
        }
        for (index, raw) in entry.attached_managed_policies.unwrap_or_default().into_iter().enumerate() {
            match self.object.typed::<AttachedPolicy>(raw) {
                Ok(attached) => self.attached(&mut role, attached),
                Err(reason) => {
                    self.issue(
                        IssueKind::UnreadablePolicy,
                        format!("entry {index} of AttachedManagedPolicies of role `{}` {reason}", role.arn),
                    );
                    role.unreadable_policies.push(format!("attached policy {index}"));
                }
            }
        }
        let mut settings = RoleSettings {
            // Nothing is judged by it: what cannot be read is only not there to be copied.
            trust: entry.assume_role_policy_document.and_then(|raw| document(raw).ok()),
            boundary_arn: None,
        };
        if let Some(raw) = entry.permissions_boundary {
            settings.boundary_arn = self.boundary(&mut role, raw);
        }
        Ok((role, settings))
    }

    fn inline(&mut self, role: &mut Role, index: usize, raw: &'a RawValue) {
        let (name, problem) = match self.object.typed::<InlinePolicy<'a>>(raw) {
            Ok(inline) => match document(inline.policy_document) {
                Ok(document) => {
                    self.note_unknown_operators(&document, || {
                        format!("inline policy `{}` of role `{}`", inline.policy_name, role.arn)
                    });
                    role.policies.push(RolePolicy {
                        name: inline.policy_name,
                        arn: None,
                        kind: PolicyKind::Inline,
                        document,
                        versions: Vec::new(),
                    });
                    return;
                }
                Err(reason) => (inline.policy_name, reason),
            },
            Err(reason) => (format!("inline policy {index}"), reason),
        };
        let message = format!("inline policy `{name}` of role `{}` is not readable: {problem}", role.arn);
        self.out.issues.push(
            Issue::new(IssueKind::UnreadablePolicy, FILE, message)
                .with_hint("no suggestion is made for the role until it is"),
        );
        role.unreadable_policies.push(name);
    }

    fn attached(&mut self, role: &mut Role, attached: AttachedPolicy) {
        let arn = attached.policy_arn;
        match self.resolve(&arn) {
            Managed::Ready { name, document, versions } => role.policies.push(RolePolicy {
                name: attached.policy_name.unwrap_or_else(|| name.clone()),
                kind: kind(&arn),
                document: document.clone(),
                versions: versions.clone(),
                arn: Some(arn),
            }),
            Managed::Unusable(issue) => {
                let issue = issue.clone();
                self.out.issues.push(issue);
                role.unreadable_policies.push(arn);
            }
        }
    }

    /// Gives the ARN of the boundary.
    fn boundary(&mut self, role: &mut Role, raw: &'a RawValue) -> Option<String> {
        role.has_boundary = true;
        let boundary = self.object.typed::<Boundary>(raw);
        let arn = match boundary.map(|boundary| boundary.permissions_boundary_arn) {
            Ok(Some(arn)) => arn,
            Ok(None) => {
                self.issue(IssueKind::UnreadablePolicy, format!("the boundary of role `{}` has no ARN", role.arn));
                return None;
            }
            Err(reason) => {
                self.issue(IssueKind::UnreadablePolicy, format!("the boundary of role `{}` {reason}", role.arn));
                return None;
            }
        };
        match self.resolve(&arn) {
            Managed::Ready { document, .. } => role.boundary = Some(document.clone()),
            Managed::Unusable(issue) => {
                let issue = issue.clone();
                self.out.issues.push(issue);
            }
        }
        Some(arn)
    }

    /// A managed policy, parsed at its first use: an account may own thousands that no role has.
    fn resolve(&mut self, arn: &str) -> &Managed {
        if !self.resolved.contains_key(arn) {
            let resolved = self.look_at(arn);
            self.resolved.insert(arn.to_owned(), resolved);
        }
        self.resolved.entry(arn.to_owned()).or_insert_with(|| Managed::Unusable(missing_policy(arn)))
    }

    fn look_at(&mut self, arn: &str) -> Managed {
        let Some(entry) = self.managed.get(arn) else { return Managed::Unusable(missing_policy(arn)) };
        let unusable = |reason: String| {
            let message = format!("managed policy `{arn}` is not readable: {reason}");
            Managed::Unusable(
                Issue::new(IssueKind::UnreadablePolicy, FILE, message)
                    .with_hint("no suggestion is made for the roles that have it until it is"),
            )
        };
        let name = entry.policy_name.clone().unwrap_or_else(|| arn.rsplit('/').next().unwrap_or_default().to_owned());
        let default_id = entry.default_version_id.clone();
        let mut versions: Vec<VersionEntry<'a>> = Vec::new();
        for raw in entry.policy_version_list.iter().flatten() {
            match self.object.typed(raw) {
                Ok(version) => versions.push(version),
                Err(reason) => return unusable(format!("a version {reason}")),
            }
        }
        // Both ways of naming the default version must agree: guessing here would narrow the wrong document.
        let mut defaults = versions.iter().filter(|version| match &default_id {
            Some(id) => version.version_id == *id,
            None => version.is_default_version == Some(true),
        });
        let (Some(default), None) = (defaults.next(), defaults.next()) else {
            return unusable("its default version is not in PolicyVersionList, or not once".to_owned());
        };
        if versions.iter().any(|version| {
            version.is_default_version.is_some_and(|flag| flag != (version.version_id == default.version_id))
        }) {
            return unusable("DefaultVersionId and IsDefaultVersion name different versions".to_owned());
        }
        let Some(raw) = default.document else { return unusable("its default version has no Document".to_owned()) };
        let document = match document(raw) {
            Ok(document) => document,
            Err(reason) => return unusable(reason),
        };
        let (versions, issue) = history(arn, &versions);
        self.note_unknown_operators(&document, || format!("managed policy `{arn}`"));
        self.out.issues.extend(issue);
        Managed::Ready { name, document, versions }
    }

    fn time(&mut self, raw: Option<&RawValue>, what: impl FnOnce() -> String) -> Option<Timestamp> {
        timestamp(raw).unwrap_or_else(|reason| {
            self.issue(IssueKind::BadEntry, format!("{}: {reason}", what()));
            None
        })
    }

    /// The meaning of such a condition is not known; most often it is a misspelling that AWS refuses today.
    fn note_unknown_operators(&mut self, document: &PolicyDocument, what: impl Fn() -> String) {
        for lint in document.lint().into_iter().filter(|lint| lint.code == LintCode::UnknownOperator) {
            let message = format!("{}: {} at {}", what(), lint.message, lint.path);
            self.out.issues.push(Issue::new(IssueKind::UnknownOperator, FILE, message).with_hint("check its spelling"));
        }
    }

    fn issue(&mut self, kind: IssueKind, message: String) {
        self.out.issues.push(Issue::new(kind, FILE, message));
    }
}

/// Versions newest first, cut at the newest one that cannot be read: with a hole in the history an older
/// version would make a grant look older than it is.
fn history(arn: &str, entries: &[VersionEntry<'_>]) -> (Vec<PolicyVersion>, Option<Issue>) {
    let mut dated = Vec::with_capacity(entries.len());
    for entry in entries {
        let Ok(Some(created)) = timestamp(entry.create_date) else {
            let message = format!("version {} of `{arn}` has no usable CreateDate", entry.version_id);
            return (Vec::new(), Some(Issue::new(IssueKind::IncompleteHistory, FILE, message)));
        };
        dated.push((created, version_number(&entry.version_id), entry));
    }
    dated.sort_by_key(|(created, number, _)| (*created, *number));
    let mut versions = Vec::with_capacity(dated.len());
    for (created, _, entry) in dated.into_iter().rev() {
        match entry.document.ok_or_else(|| "no Document".to_owned()).and_then(document) {
            Ok(document) => versions.push(PolicyVersion { created, document }),
            Err(reason) => {
                let message = format!("version {} of `{arn}` is not readable: {reason}", entry.version_id);
                return (versions, Some(Issue::new(IssueKind::IncompleteHistory, FILE, message)));
            }
        }
    }
    (versions, None)
}

/// `v12` → 12.
fn version_number(id: &str) -> u64 {
    id.strip_prefix('v').and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

fn missing_policy(arn: &str) -> Issue {
    Issue::new(IssueKind::UnreadablePolicy, FILE, format!("policy `{arn}` is attached but not in `Policies`"))
        .with_hint(format!("collect it without --filter: `{COMMAND}`"))
}

/// AWS-managed policies have `aws` in place of an account (IAM User Guide, "IAM ARNs").
fn kind(arn: &str) -> PolicyKind {
    if arn.split(':').nth(4) == Some("aws") { PolicyKind::AwsManaged } else { PolicyKind::CustomerManaged }
}

/// A policy document: a JSON object, JSON text, or URL-encoded JSON text (RFC 3986).
pub(crate) fn document(raw: &RawValue) -> Result<PolicyDocument, String> {
    let text = raw.get();
    let parsed = if text.starts_with('"') {
        let text: String = serde_json::from_str(text).map_err(|error| error.to_string())?;
        PolicyDocument::parse(&decoded(&text)?)
    } else {
        PolicyDocument::parse(text)
    };
    parsed.map_err(|error| match error.hint() {
        Some(hint) => format!("{error} ({hint})"),
        None => error.to_string(),
    })
}

/// The text of a policy, URL-encoded or not.
pub(crate) fn decoded(text: &str) -> Result<Cow<'_, str>, String> {
    if text.trim_start().starts_with('{') {
        return Ok(Cow::Borrowed(text));
    }
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    decoded.map_err(|_| "its URL-encoded document is not UTF-8 text".to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::keep::tests::keeps_what_is_read;

    #[test]
    fn a_real_answer_is_read() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../../shared/corpus/iam/authorization-details-small.json");
        // The corpus is not part of the project; without it there is nothing to check.
        let Ok(text) = std::fs::read_to_string(path) else { return };
        let parsed = parse(&text).unwrap();
        // Its role ids are placeholders, which nothing in a trail could match.
        assert_eq!(parsed.roles.len(), 0);
        assert_eq!(parsed.issues.len(), 3, "{:?}", parsed.issues);
        let mut answer: Value = serde_json::from_str(&text).unwrap();
        let policies: Vec<Value> = answer["Policies"]
            .as_array()
            .unwrap()
            .iter()
            .map(|policy| json!({"PolicyName": policy["PolicyName"], "PolicyArn": policy["Arn"]}))
            .collect();
        for (index, role) in answer["RoleDetailList"].as_array_mut().unwrap().iter_mut().enumerate() {
            role["RoleId"] = json!(format!("AROAEXAMPLEEXAMPLE{index:03}"));
            role["AttachedManagedPolicies"] = json!(policies);
        }
        let parsed = parse(&answer.to_string()).unwrap();
        assert_eq!(parsed.issues, []);
        for role in parsed.roles.values() {
            assert!(role.policies.len() >= 32 && role.unreadable_policies.is_empty(), "{}", role.name);
        }
    }

    #[test]
    fn all_that_is_read_is_kept() {
        keeps_what_is_read::<RoleEntry<'_>>(ROLE);
        keeps_what_is_read::<InlinePolicy<'_>>(INLINE);
        keeps_what_is_read::<AttachedPolicy>(ATTACHED);
        keeps_what_is_read::<Boundary>(BOUNDARY);
        keeps_what_is_read::<LastUsed<'_>>(LAST_USED);
        keeps_what_is_read::<ManagedEntry<'_>>(MANAGED);
        keeps_what_is_read::<VersionEntry<'_>>(VERSION);
    }
}
