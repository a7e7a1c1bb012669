//! `authorization-details.json`: what `aws iam get-account-authorization-details` prints.

use anyhow::Result;
use serde_json::{Value, json};

use super::account::{ACCOUNT, ANALYTICS_POLICY, BOUNDARY, ExampleRole, MESSAGING_POLICY, REGION, ROLES, SCALING_ROLE};
use super::record::ExampleEvent;
use super::{Files, add_json};

mod inline;
mod managed;

pub use inline::inline_policies;

pub fn add_files(files: &mut Files, events: &[ExampleEvent]) -> Result<()> {
    add_json(files, "authorization-details.json", &authorization_details(events)?)
}

fn authorization_details(events: &[ExampleEvent]) -> Result<Value> {
    let roles = ROLES.iter().map(|role| role_detail(role, events)).collect::<Result<Vec<_>>>()?;
    Ok(json!({
        "UserDetailList": users(),
        "GroupDetailList": groups(),
        "RoleDetailList": roles,
        "Policies": managed::policies(),
    }))
}

/// Time and Region of the last event of a role, as `RoleLastUsed` has them.
fn last_used(role: &ExampleRole, events: &[ExampleEvent]) -> Result<Value> {
    let is_of_role = |event: &&ExampleEvent| {
        event.record.pointer("/userIdentity/sessionContext/sessionIssuer/principalId").is_some_and(|id| id == role.id)
    };
    let last = events.iter().filter(is_of_role).max_by_key(|event| event.at);
    Ok(match (last, role.used_before) {
        (Some(event), _) => {
            json!({ "LastUsedDate": event.at.format("%Y-%m-%dT%H:%M:%S+00:00")?, "Region": event.region })
        }
        (None, Some(time)) => json!({ "LastUsedDate": time, "Region": REGION }),
        (None, None) => json!({}),
    })
}

/// The text of version 2 of the analytics policy, as a request carries it.
pub fn analytics_policy_text() -> String {
    inline::analytics(2).to_string()
}

/// Names of the managed policies of a role, AWS's own by their path.
pub fn attached_policies(role: &str) -> &'static [&'static str] {
    match role {
        SCALING_ROLE => &["aws-service-role/AWSApplicationAutoscalingDynamoDBTablePolicy"],
        "shop-admin-tasks-role" => &["AdministratorAccess"],
        "shop-checkout-role" => &["service-role/AWSLambdaBasicExecutionRole", "AWSXRayDaemonWriteAccess"],
        "shop-inventory-sync-role" => &["service-role/AWSLambdaVPCAccessExecutionRole"],
        "shop-notify-role" => &["service-role/AWSLambdaVPCAccessExecutionRole", MESSAGING_POLICY],
        "shop-order-worker-role" => &["service-role/AWSLambdaSQSQueueExecutionRole", "AWSXRayDaemonWriteAccess"],
        "shop-reporting-role" => &["service-role/AWSLambdaBasicExecutionRole", ANALYTICS_POLICY],
        "shop-task-role" => &["service-role/AmazonECSTaskExecutionRolePolicy", "AmazonS3ReadOnlyAccess"],
        "shop-deploy" => &[],
        _ => &["service-role/AWSLambdaBasicExecutionRole"],
    }
}

/// Full ARN of a managed policy, AWS's own if it is none of ours.
fn policy_arn(path_and_name: &str) -> String {
    match path_and_name {
        BOUNDARY | ANALYTICS_POLICY | MESSAGING_POLICY => format!("arn:aws:iam::{ACCOUNT}:policy/{path_and_name}"),
        _ => format!("arn:aws:iam::aws:policy/{path_and_name}"),
    }
}

fn attachments(policies: &[&str]) -> Vec<Value> {
    policies
        .iter()
        .map(|policy| {
            let name = policy.rsplit('/').next().unwrap_or(policy);
            json!({ "PolicyName": name, "PolicyArn": policy_arn(policy) })
        })
        .collect()
}

fn role_detail(role: &ExampleRole, events: &[ExampleEvent]) -> Result<Value> {
    let inline: Vec<Value> = inline_policies(role.name)
        .into_iter()
        .map(|(name, document)| json!({ "PolicyName": name, "PolicyDocument": document }))
        .collect();
    let mut detail = json!({
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn(),
        "CreateDate": role.created,
        "AssumeRolePolicyDocument": trust_policy(role.name),
        "InstanceProfileList": [],
        "RolePolicyList": inline,
        "AttachedManagedPolicies": attachments(attached_policies(role.name)),
    });
    if let Some(detail) = detail.as_object_mut() {
        if role.name == "shop-inventory-sync-role" {
            detail.insert(
                "PermissionsBoundary".to_owned(),
                json!({ "PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": policy_arn(BOUNDARY) }),
            );
        }
        detail.insert("Tags".to_owned(), tags(role.name));
        detail.insert("RoleLastUsed".to_owned(), last_used(role, events)?);
    }
    Ok(detail)
}

fn tags(role: &str) -> Value {
    match role {
        SCALING_ROLE | "shop-legacy-export-role" => json!([]),
        "shop-deploy" | "shop-admin-tasks-role" => json!([{ "Key": "team", "Value": "platform" }]),
        _ => json!([{ "Key": "team", "Value": "shop" }, { "Key": "stage", "Value": "production" }]),
    }
}

fn trust_policy(role: &str) -> Value {
    let service = match role {
        SCALING_ROLE => "dynamodb.application-autoscaling.amazonaws.com",
        "shop-task-role" => "ecs-tasks.amazonaws.com",
        "shop-deploy" => {
            return json!({
                "Version": "2012-10-17",
                "Statement": [{
                    "Effect": "Allow",
                    "Principal": {
                        "Federated": format!("arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com")
                    },
                    "Action": "sts:AssumeRoleWithWebIdentity",
                    "Condition": {
                        "StringEquals": { "token.actions.githubusercontent.com:aud": "sts.amazonaws.com" },
                        "StringLike": { "token.actions.githubusercontent.com:sub": "repo:example-shop/*:ref:refs/heads/main" }
                    }
                }]
            });
        }
        "shop-reporting-role" => {
            return json!({
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": { "Service": "lambda.amazonaws.com" },
                        "Action": "sts:AssumeRole"
                    },
                    {
                        "Sid": "Debugging",
                        "Effect": "Allow",
                        "Principal": { "AWS": format!("arn:aws:iam::{ACCOUNT}:user/dana") },
                        "Action": "sts:AssumeRole"
                    }
                ]
            });
        }
        _ => "lambda.amazonaws.com",
    };
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": { "Service": service }, "Action": "sts:AssumeRole" }]
    })
}

fn users() -> Value {
    let user = |name: &str, id: &str, created: &str, group: &str| {
        json!({
            "Path": "/",
            "UserName": name,
            "UserId": id,
            "Arn": format!("arn:aws:iam::{ACCOUNT}:user/{name}"),
            "CreateDate": created,
            "GroupList": [group],
            "AttachedManagedPolicies": attachments(&["IAMUserChangePassword"]),
            "Tags": []
        })
    };
    json!([
        user("dana", "AIDAEXAMPLEDANA5W2K3R", "2024-06-03T08:00:11+00:00", "platform"),
        user("luis", "AIDAEXAMPLELUIS4T6M7P", "2025-02-24T09:14:52+00:00", "developers"),
    ])
}

fn groups() -> Value {
    json!([
        {
            "Path": "/",
            "GroupName": "platform",
            "GroupId": "AGPAEXAMPLEPLAT3Q5V2X",
            "Arn": format!("arn:aws:iam::{ACCOUNT}:group/platform"),
            "CreateDate": "2024-06-03T07:58:29+00:00",
            "GroupPolicyList": [],
            "AttachedManagedPolicies": attachments(&["AdministratorAccess"])
        },
        {
            "Path": "/",
            "GroupName": "developers",
            "GroupId": "AGPAEXAMPLEDEVS7H4N6C",
            "Arn": format!("arn:aws:iam::{ACCOUNT}:group/developers"),
            "CreateDate": "2024-06-03T07:59:40+00:00",
            "GroupPolicyList": [{
                "PolicyName": "look-around",
                "PolicyDocument": {
                    "Version": "2012-10-17",
                    "Statement": [{
                        "Effect": "Allow",
                        "Action": ["cloudwatch:*", "dynamodb:Describe*", "dynamodb:List*", "lambda:Get*", "lambda:List*", "logs:*"],
                        "Resource": "*"
                    }]
                }
            }],
            "AttachedManagedPolicies": attachments(&["AmazonS3ReadOnlyAccess"])
        }
    ])
}
