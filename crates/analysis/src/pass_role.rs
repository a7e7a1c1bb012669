//! Calls that can pass a role to a service.
//!
//! `iam:PassRole` is a permission and no API call: IAM checks it inside a call that hands a role to a
//! service, and the trail shows only that call (IAM User Guide, "Grant a user permissions to pass a role to
//! an AWS service"). So it was not used if no call that can take a role was made, and each that is granted
//! would have been seen. Which calls those are is known from three sides: the actions that AWS says depend on
//! `iam:PassRole`, the operations whose list of checked actions has it, and the curated rules about role
//! parameters. Calls that were seen need no such list: the mapping finds any role in their parameters.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use whittle_catalog::events::{EventResolution, Visibility};
use whittle_catalog::{AccessLevel, ActionId, catalog};

/// The permission.
pub const PASS_ROLE: &str = "iam:PassRole";

struct Takers {
    actions: BTreeSet<ActionId>,
    /// Services with such an action: what is new in them may take one too.
    prefixes: BTreeSet<&'static str>,
}

fn takers() -> &'static Takers {
    static TAKERS: OnceLock<Takers> = OnceLock::new();
    TAKERS.get_or_init(find)
}

#[expect(clippy::expect_used, reason = "the catalog is embedded, and a test of this module reads it")]
fn find() -> Takers {
    let pass_role = catalog().action(PASS_ROLE).expect("iam:PassRole is an action");
    let mut actions: BTreeSet<ActionId> = catalog()
        .actions()
        .filter(|action| catalog().info(*action).dependent_actions().any(|other| other == pass_role))
        .collect();
    for operation in catalog().services().flat_map(whittle_catalog::ServiceInfo::operations) {
        let checked = operation.authorised_by();
        if checked.contains(&pass_role) {
            let own = catalog().action(&format!("{}:{}", operation.prefix(), operation.name()));
            actions.extend(own.map_or(checked, |own| vec![own]));
        }
    }
    for event in catalog().revealed_by(pass_role) {
        if let EventResolution::Actions(rule) = catalog().resolve_event(&event.event_source, &event.event_name) {
            actions.extend(rule.primary());
        }
    }
    actions.remove(&pass_role);
    let prefixes = actions.iter().map(|action| catalog().info(*action).prefix()).collect();
    Takers { actions, prefixes }
}

/// True if a call of the action can hand a role to a service.
pub fn takes_role(action: ActionId) -> bool {
    takers().actions.contains(&action)
}

/// True if a call of the action might hand a role to a service: it can, or it is a change in a service where
/// others can.
pub fn might_take_role(action: ActionId) -> bool {
    let info = catalog().info(action);
    takes_role(action)
        || (takers().prefixes.contains(info.prefix())
            && matches!(info.access_level(), AccessLevel::Write | AccessLevel::PermissionsManagement)
            && matches!(catalog().visibility(action), Visibility::Management | Visibility::Either { .. }))
}

#[cfg(test)]
mod tests {
    use whittle_catalog::catalog;

    use super::{might_take_role, takes_role};

    #[test]
    fn what_takes_a_role_is_known() {
        let id = |name: &str| catalog().action(name).unwrap_or_else(|| panic!("{name}"));
        for name in [
            "lambda:CreateFunction",
            "lambda:UpdateFunctionConfiguration",
            "ecs:RunTask",
            "ecs:RegisterTaskDefinition",
            "ec2:RunInstances",
            "states:CreateStateMachine",
            "events:PutTargets",
            "scheduler:CreateSchedule",
            "cloudformation:CreateStack",
            "glue:CreateJob",
            "s3:PutReplicationConfiguration",
            "iam:AddRoleToInstanceProfile",
            "sns:SetTopicAttributes",
        ] {
            assert!(takes_role(id(name)) && might_take_role(id(name)), "{name}");
        }
        for name in [
            "s3:PutObject",
            "sqs:SendMessage",
            "dynamodb:PutItem",
            "kms:Encrypt",
            "states:StartExecution",
            "lambda:InvokeFunction",
            "events:PutEvents",
            "sns:Publish",
            "sts:AssumeRole",
        ] {
            assert!(!takes_role(id(name)), "{name}");
        }
        for name in ["s3:PutObject", "sqs:SendMessage", "kms:Encrypt", "lambda:GetFunction"] {
            assert!(!might_take_role(id(name)), "{name}");
        }
    }
}
