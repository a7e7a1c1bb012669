//! Since when a policy grants an action: what is younger than the window is not called unused.

use std::borrow::Cow;
use std::collections::HashMap;

use jiff::Timestamp;
use whittle_evidence::ledger::{ChangeKind, Ledger};
use whittle_policy::Effect;

use crate::inventory::{PolicyKind, Role, RolePolicy};

/// The changes of policies that a ledger shows, by what they change. Built once for an analysis: an account
/// has thousands of changes, and the question is asked for every granted action.
#[derive(Debug, Default)]
pub struct PolicyChanges {
    latest: HashMap<PolicyChange<'static>, Timestamp>,
}

/// What was changed. The account is empty where the record does not tell it.
#[derive(Debug, PartialEq, Eq, Hash)]
struct PolicyChange<'a> {
    sort: Sort,
    account: Cow<'a, str>,
    /// Name of the role, or ARN of the managed policy.
    subject: Cow<'a, str>,
    /// Name of the inline policy or ARN of the attached one; empty where the whole subject is new.
    policy: Cow<'a, str>,
}

/// Sorts of changes that grant something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Sort {
    /// `PutRolePolicy`.
    Written,
    /// `AttachRolePolicy`.
    Attached,
    /// `CreatePolicyVersion`, `SetDefaultPolicyVersion`.
    NewVersion,
    /// `CreateRole`.
    NewRole,
}

impl Sort {
    fn of(event_name: &str) -> Option<Self> {
        Some(match event_name {
            "PutRolePolicy" => Self::Written,
            "AttachRolePolicy" => Self::Attached,
            "CreatePolicyVersion" | "SetDefaultPolicyVersion" => Self::NewVersion,
            "CreateRole" => Self::NewRole,
            _ => return None,
        })
    }
}

impl PolicyChanges {
    /// The changes that `ledger` shows.
    pub fn of(ledger: &Ledger) -> Self {
        let mut latest: HashMap<PolicyChange<'static>, Timestamp> = HashMap::new();
        for (change, times) in ledger.account().changes(ChangeKind::Policy) {
            let Some(sort) = Sort::of(&change.event_name) else { continue };
            let policy = match sort {
                Sort::Written | Sort::Attached => change.policy.clone(),
                Sort::NewVersion | Sort::NewRole => Some(String::new()),
            };
            // Without its policy nothing says what a change of a role granted.
            let Some(policy) = policy else { continue };
            let change = PolicyChange {
                sort,
                account: Cow::Owned(change.account.clone()),
                subject: Cow::Owned(change.subject.clone()),
                policy: Cow::Owned(policy),
            };
            let known = latest.entry(change).or_insert(times.last);
            *known = (*known).max(times.last);
        }
        Self { latest }
    }

    /// Last time at which `policy` was written or attached for `role`.
    fn last(&self, role: &Role, policy: &RolePolicy) -> Option<Timestamp> {
        let of_policy = match &policy.arn {
            None => self.at(role, Sort::Written, &role.name, &policy.name),
            Some(arn) => {
                // What the new version grants beyond the old one is told by the versions; without them, all
                // of it is new.
                let version = (policy.versions.len() < 2).then(|| self.at(role, Sort::NewVersion, arn, "")).flatten();
                self.at(role, Sort::Attached, &role.name, arn).max(version)
            }
        };
        of_policy.max(self.at(role, Sort::NewRole, &role.name, ""))
    }

    fn at(&self, role: &Role, sort: Sort, subject: &str, policy: &str) -> Option<Timestamp> {
        let latest: &HashMap<PolicyChange<'_>, Timestamp> = &self.latest;
        let in_account = |account| {
            let change =
                PolicyChange { sort, account: Cow::Borrowed(account), subject: subject.into(), policy: policy.into() };
            latest.get(&change).copied()
        };
        in_account(role.arn.account()).max(in_account(""))
    }
}

/// Since when `policy` of `role` grants the action, by its versions and the trail.
pub(crate) fn granted_since(
    changes: &PolicyChanges,
    role: &Role,
    policy: &RolePolicy,
    action: &str,
) -> Option<Timestamp> {
    granted_since_version(policy, action).max(changes.last(role, policy))
}

/// Since when the policy grants the action, by its versions. An inline policy has no date. AWS changes its
/// own managed policies without anybody in the account wanting the new actions, so their dates do not count.
fn granted_since_version(policy: &RolePolicy, action: &str) -> Option<Timestamp> {
    if policy.kind != PolicyKind::CustomerManaged {
        return None;
    }
    let in_force = policy.versions.iter().position(|version| version.document == policy.document).unwrap_or(0);
    policy
        .versions
        .get(in_force..)?
        .iter()
        .take_while(|version| {
            version
                .document
                .statements
                .iter()
                .any(|statement| statement.effect == Effect::Allow && statement.action.matches(action))
        })
        .last()
        .map(|version| version.created)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use whittle_evidence::ledger::RecordSource;
    use whittle_evidence::record::{ParsedRecord, parse_record};
    use whittle_policy::PolicyDocument;

    use super::*;
    use crate::inventory::PolicyVersion;

    const ARN: &str = "arn:aws:iam::111122223333:policy/p";

    fn ledger(changes: &[(&str, &str, Value)]) -> Ledger {
        let mut ledger = Ledger::default();
        for (day, event, parameters) in changes {
            let record = json!({"eventVersion": "1.11", "eventTime": format!("2026-01-{day}T10:00:00Z"),
                "eventSource": "iam.amazonaws.com", "eventName": event, "awsRegion": "us-east-1",
                "eventType": "AwsApiCall", "eventCategory": "Management", "managementEvent": true,
                "requestParameters": parameters, "userIdentity": {"type": "AWSService", "invokedBy": "ops"},
                "recipientAccountId": parameters.get("in").unwrap_or(&json!("111122223333"))});
            let text = record.to_string();
            let ParsedRecord::Record(record) = parse_record(&text).unwrap() else { panic!("no record") };
            ledger.observe_account(&record, &RecordSource::default());
        }
        ledger
    }

    fn role() -> Role {
        let (arn, id) = ("arn:aws:iam::111122223333:role/service/mail", "AROAEXAMPLEMAILROLE01");
        Role::new(arn.parse().unwrap(), id.parse().unwrap())
    }

    fn policy(arn: Option<&str>, versions: usize) -> RolePolicy {
        let document: PolicyDocument =
            r#"{"Statement": {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}}"#.parse().unwrap();
        let version = PolicyVersion { created: "2025-01-01T00:00:00Z".parse().unwrap(), document: document.clone() };
        RolePolicy {
            name: "p".to_owned(),
            arn: arn.map(str::to_owned),
            // Without dates of its own.
            kind: if arn.is_some() { PolicyKind::AwsManaged } else { PolicyKind::Inline },
            document,
            versions: vec![version; versions],
        }
    }

    /// The day since which the policy is granted, by these changes.
    #[track_caller]
    fn check(policy: &RolePolicy, changes: &[(&str, &str, Value)], expect: Option<&str>) {
        let found = granted_since(&PolicyChanges::of(&ledger(changes)), &role(), policy, "s3:GetObject");
        assert_eq!(found.map(|time| time.strftime("%d").to_string()).as_deref(), expect);
    }

    #[test]
    fn a_change_counts_for_the_policy_that_it_grants() {
        let put = |day, role: &str, name: &str| (day, "PutRolePolicy", json!({"roleName": role, "policyName": name}));
        let attach =
            |day, role: &str, arn: &str| (day, "AttachRolePolicy", json!({"roleName": role, "policyArn": arn}));
        let version = |day, event, arn: &str| (day, event, json!({"policyArn": arn, "versionId": "v2"}));
        let create = |day, role: &str| (day, "CreateRole", json!({"roleName": role}));
        let inline = policy(None, 0);
        check(&inline, &[], None);
        check(&inline, &[put("05", "mail", "p"), put("07", "mail", "p"), put("06", "mail", "p")], Some("07"));
        check(&inline, &[put("05", "mail", "q"), put("06", "other", "p"), attach("07", "mail", "p")], None);
        check(&inline, &[put("05", "mail", "p"), create("09", "mail"), create("10", "other")], Some("09"));
        check(&inline, &[("05", "DeleteRolePolicy", json!({"roleName": "mail", "policyName": "p"}))], None);
        let one = policy(Some(ARN), 1);
        check(
            &one,
            &[attach("05", "mail", ARN), attach("08", "mail", "other"), attach("09", "other", ARN)],
            Some("05"),
        );
        check(&one, &[attach("05", "mail", ARN), version("08", "CreatePolicyVersion", ARN)], Some("08"));
        check(
            &one,
            &[version("08", "SetDefaultPolicyVersion", ARN), version("09", "CreatePolicyVersion", "x")],
            Some("08"),
        );
        check(&one, &[put("05", "mail", "p")], None);
        // Two versions say themselves what is new.
        check(
            &policy(Some(ARN), 2),
            &[attach("05", "mail", ARN), version("08", "CreatePolicyVersion", ARN)],
            Some("05"),
        );
    }

    #[test]
    fn a_change_in_another_account_is_about_another_role() {
        let put =
            |account: Value| ("05", "PutRolePolicy", json!({"roleName": "mail", "policyName": "p", "in": account}));
        check(&policy(None, 0), &[put(json!("444455556666"))], None);
        // A record that does not tell counts.
        check(&policy(None, 0), &[put(json!(""))], Some("05"));
    }
}
