//! Which account a snapshot is of, and whether its functions and roles belong together.

use std::collections::{BTreeMap, BTreeSet};

use whittle_analysis::inventory::Role;
use whittle_analysis::issue::{Issue, IssueKind};
use whittle_policy::id::{AccountId, RoleArn};

use crate::attachments::FunctionsByArn;
use crate::error::SnapshotError;
use crate::{functions, iam};

/// The one account of the roles; functions of others are taken out, each with an issue.
///
/// Fails if the roles are of several accounts, if no function is of theirs, or if there is nothing at all.
pub(crate) fn decide(
    roles: &BTreeMap<RoleArn, Role>,
    functions: &mut FunctionsByArn,
    shown: &str,
    issues: &mut Vec<Issue>,
) -> Result<AccountId, SnapshotError> {
    let invalid = |message: String| SnapshotError::new(message);
    let of_roles: BTreeSet<&str> = roles.keys().map(RoleArn::account).collect();
    let of_functions: BTreeSet<String> = functions.keys().map(|arn| arn.account().to_owned()).collect();
    let several = |what: &str, one: &str, two: &str| {
        invalid(format!("the {what} in snapshot `{shown}` are of several accounts: {one} and {two}"))
            .with_hint("keep the snapshot of each account in a folder of its own")
    };

    let mut accounts = of_roles.iter();
    let account = match (accounts.next(), accounts.next()) {
        (Some(one), Some(two)) => return Err(several("roles", one, two)),
        (Some(account), None) => (*account).to_owned(),
        (None, _) => {
            let mut accounts = of_functions.iter();
            match (accounts.next(), accounts.next()) {
                (Some(one), Some(two)) => return Err(several("functions", one, two)),
                (Some(account), None) => account.clone(),
                (None, _) => {
                    return Err(invalid(format!("snapshot `{shown}` holds no usable role and no usable function"))
                        .with_hint(format!("look at `{}` and `{}`", iam::FILE, functions::FILE)));
                }
            }
        }
    };
    if let (false, Some(other)) = (of_functions.contains(&account), of_functions.first()) {
        let message = format!(
            "snapshot `{shown}` mixes accounts: `{}` is of {account}, `{}` of {other}",
            iam::FILE,
            functions::FILE
        );
        return Err(invalid(message).with_hint("make both files with the same credentials"));
    }
    functions.retain(|arn, _| {
        let own = arn.account() == account;
        if !own {
            let message = format!("function `{arn}` is of another account than the roles ({account})");
            issues.push(
                Issue::new(IssueKind::OtherAccount, functions::FILE, message)
                    .with_hint("it is left out; keep the snapshot of each account in a folder of its own"),
            );
        }
        own
    });
    if functions.is_empty() {
        issues.push(
            Issue::new(IssueKind::NoFunctions, functions::FILE, "no function is in the snapshot")
                .with_hint("check the Region that the command asked"),
        );
    }
    account.parse().map_err(|error| invalid(format!("account `{account}` in snapshot `{shown}`")).with_source(error))
}

/// Partition of the ARNs.
pub(crate) fn partition(roles: &BTreeMap<RoleArn, Role>, functions: &FunctionsByArn) -> String {
    let first = roles.keys().next().map(AsRef::<str>::as_ref);
    let arn = first.or_else(|| functions.keys().next().map(AsRef::<str>::as_ref));
    arn.and_then(|arn| arn.split(':').nth(1)).unwrap_or("aws").to_owned()
}

/// An issue for each execution role that the snapshot does not have.
pub(crate) fn check_roles(functions: &FunctionsByArn, roles: &BTreeMap<RoleArn, Role>, issues: &mut Vec<Issue>) {
    for function in functions.values() {
        for role in function.roles().into_iter().filter(|role| !roles.contains_key(role)) {
            let message = if role.account() == function.arn.account() {
                format!("role `{role}` of function `{}` is not in it", function.arn)
            } else {
                format!("role `{role}` of function `{}` is of another account", function.arn)
            };
            issues.push(
                Issue::new(IssueKind::UnknownRole, iam::FILE, message)
                    .with_hint("no suggestion is made for this function under this role; collect both files anew"),
            );
        }
    }
}
