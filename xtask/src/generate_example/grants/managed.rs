//! Managed policies in use: three of the account, and AWS's own as they were published (AWS Managed Policy
//! Reference; texts and dates from the copy in PyPI `moto` 5.2.5).

use serde_json::{Value, json};

use super::inline::{analytics, boundary, messaging};
use super::{attached_policies, policy_arn};
use crate::generate_example::account::{ANALYTICS_POLICY, BOUNDARY, MESSAGING_POLICY, ROLES};

/// A managed policy of AWS.
struct Published {
    /// Path without the leading slash, and name.
    name: &'static str,
    id: &'static str,
    version: &'static str,
    created: &'static str,
    updated: &'static str,
    sid: Option<&'static str>,
    actions: &'static [&'static str],
}

const PUBLISHED: [Published; 9] = [
    Published {
        name: "AdministratorAccess",
        id: "ANPAEXAMPLEADMINXW2K3",
        version: "v1",
        created: "2015-02-06T18:39:46+00:00",
        updated: "2015-02-06T18:39:46+00:00",
        sid: None,
        actions: &["*"],
    },
    Published {
        name: "AmazonS3ReadOnlyAccess",
        id: "ANPAEXAMPLES3READ5T7M",
        version: "v3",
        created: "2015-02-06T18:40:59+00:00",
        updated: "2023-08-10T21:31:39+00:00",
        sid: None,
        actions: &["s3:Get*", "s3:List*", "s3:Describe*", "s3-object-lambda:Get*", "s3-object-lambda:List*"],
    },
    Published {
        name: "AWSXRayDaemonWriteAccess",
        id: "ANPAEXAMPLEXRAYW4Q6PD",
        version: "v2",
        created: "2018-08-28T23:00:33+00:00",
        updated: "2024-02-13T21:58:30+00:00",
        sid: Some("AWSXRayDaemonWriteAccess"),
        actions: &[
            "xray:PutTraceSegments",
            "xray:PutTelemetryRecords",
            "xray:GetSamplingRules",
            "xray:GetSamplingTargets",
            "xray:GetSamplingStatisticSummaries",
        ],
    },
    Published {
        name: "IAMUserChangePassword",
        id: "ANPAEXAMPLEPASSWD2H5B",
        version: "v5",
        created: "2016-11-15T00:25:16+00:00",
        updated: "2026-02-12T17:58:57+00:00",
        sid: None,
        actions: &["iam:ChangePassword"],
    },
    Published {
        name: "aws-service-role/AWSApplicationAutoscalingDynamoDBTablePolicy",
        id: "ANPAEXAMPLESCALE6W2TR",
        version: "v1",
        created: "2017-10-20T21:34:57+00:00",
        updated: "2017-10-20T21:34:57+00:00",
        sid: None,
        actions: &[
            "dynamodb:DescribeTable",
            "dynamodb:UpdateTable",
            "cloudwatch:PutMetricAlarm",
            "cloudwatch:DescribeAlarms",
            "cloudwatch:DeleteAlarms",
        ],
    },
    Published {
        name: "service-role/AWSLambdaBasicExecutionRole",
        id: "ANPAEXAMPLELBASIC7R3V",
        version: "v1",
        created: "2015-04-09T15:03:43+00:00",
        updated: "2015-04-09T15:03:43+00:00",
        sid: None,
        actions: &["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
    },
    Published {
        name: "service-role/AWSLambdaSQSQueueExecutionRole",
        id: "ANPAEXAMPLELSQSQ6N4ZC",
        version: "v1",
        created: "2018-06-14T21:50:45+00:00",
        updated: "2018-06-14T21:50:45+00:00",
        sid: None,
        actions: &[
            "sqs:ReceiveMessage",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "logs:CreateLogGroup",
            "logs:CreateLogStream",
            "logs:PutLogEvents",
        ],
    },
    Published {
        name: "service-role/AWSLambdaVPCAccessExecutionRole",
        id: "ANPAEXAMPLELVPCA5J2WT",
        version: "v3",
        created: "2016-02-11T23:15:26+00:00",
        updated: "2024-01-05T22:38:26+00:00",
        sid: Some("AWSLambdaVPCAccessExecutionPermissions"),
        actions: &[
            "logs:CreateLogGroup",
            "logs:CreateLogStream",
            "logs:PutLogEvents",
            "ec2:CreateNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:DeleteNetworkInterface",
            "ec2:AssignPrivateIpAddresses",
            "ec2:UnassignPrivateIpAddresses",
        ],
    },
    Published {
        name: "service-role/AmazonECSTaskExecutionRolePolicy",
        id: "ANPAEXAMPLEECSTSK3K6Y",
        version: "v1",
        created: "2017-11-16T18:48:22+00:00",
        updated: "2017-11-16T18:48:22+00:00",
        sid: None,
        actions: &[
            "ecr:GetAuthorizationToken",
            "ecr:BatchCheckLayerAvailability",
            "ecr:GetDownloadUrlForLayer",
            "ecr:BatchGetImage",
            "logs:CreateLogStream",
            "logs:PutLogEvents",
        ],
    },
];

/// A managed policy of the account.
struct Own {
    name: &'static str,
    id: &'static str,
    boundary_of: u32,
    /// Dates and documents, newest first.
    versions: Vec<(&'static str, Value)>,
}

fn own() -> [Own; 3] {
    [
        Own {
            name: BOUNDARY,
            id: "ANPAEXAMPLEBOUND4D7LQ",
            boundary_of: 1,
            versions: vec![("2025-01-20T16:11:05+00:00", boundary())],
        },
        Own {
            name: MESSAGING_POLICY,
            id: "ANPAEXAMPLEMESSG6P3FX",
            boundary_of: 0,
            versions: vec![("2025-01-14T13:20:32+00:00", messaging())],
        },
        Own {
            name: ANALYTICS_POLICY,
            id: "ANPAEXAMPLEANALY2V5HM",
            boundary_of: 0,
            versions: vec![("2026-10-12T13:04:00+00:00", analytics(2)), ("2025-03-05T08:46:18+00:00", analytics(1))],
        },
    ]
}

/// The list `Policies`.
pub fn policies() -> Vec<Value> {
    let own = own().into_iter().map(|Own { name, id, boundary_of, versions }| {
        let count = versions.len();
        let newest = versions.first().map(|(created, _)| *created).unwrap_or_default();
        let oldest = versions.last().map(|(created, _)| *created).unwrap_or_default();
        let list: Vec<Value> = versions
            .into_iter()
            .enumerate()
            .map(|(index, (created, document))| {
                json!({
                    "Document": document,
                    "VersionId": format!("v{}", count - index),
                    "IsDefaultVersion": index == 0,
                    "CreateDate": created,
                })
            })
            .collect();
        json!({
            "PolicyName": name,
            "PolicyId": id,
            "Arn": policy_arn(name),
            "Path": "/",
            "DefaultVersionId": format!("v{count}"),
            "AttachmentCount": attachment_count(name),
            "PermissionsBoundaryUsageCount": boundary_of,
            "IsAttachable": true,
            "CreateDate": oldest,
            "UpdateDate": newest,
            "PolicyVersionList": list,
        })
    });
    own.chain(PUBLISHED.iter().map(published)).collect()
}

fn published(policy: &Published) -> Value {
    let (path, name) = policy
        .name
        .rsplit_once('/')
        .map_or_else(|| ("/".to_owned(), policy.name), |(path, name)| (format!("/{path}/"), name));
    json!({
        "PolicyName": name,
        "PolicyId": policy.id,
        "Arn": policy_arn(policy.name),
        "Path": path,
        "DefaultVersionId": policy.version,
        "AttachmentCount": attachment_count(policy.name),
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": true,
        "CreateDate": policy.created,
        "UpdateDate": policy.updated,
        "PolicyVersionList": [{
            "Document": document(policy),
            "VersionId": policy.version,
            "IsDefaultVersion": true,
            "CreateDate": policy.updated,
        }],
    })
}

fn document(policy: &Published) -> Value {
    match policy.name {
        "AdministratorAccess" => json!({
            "Version": "2012-10-17",
            "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }]
        }),
        "IAMUserChangePassword" => json!({
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": policy.actions,
                    "Resource": ["arn:aws:iam::*:user/${aws:username}", "arn:aws:iam::*:user/*/${aws:username}"]
                },
                { "Effect": "Allow", "Action": ["iam:GetAccountPasswordPolicy"], "Resource": "*" }
            ]
        }),
        _ => match policy.sid {
            Some(sid) if policy.name == "AWSXRayDaemonWriteAccess" => json!({
                "Version": "2012-10-17",
                "Statement": [{ "Sid": sid, "Effect": "Allow", "Action": policy.actions, "Resource": ["*"] }]
            }),
            Some(sid) => json!({
                "Version": "2012-10-17",
                "Statement": [{ "Sid": sid, "Effect": "Allow", "Action": policy.actions, "Resource": "*" }]
            }),
            None => json!({
                "Version": "2012-10-17",
                "Statement": [{ "Effect": "Allow", "Action": policy.actions, "Resource": "*" }]
            }),
        },
    }
}

/// Attachments to roles, users and groups.
fn attachment_count(policy: &str) -> usize {
    let roles = ROLES.iter().filter(|role| attached_policies(role.name).contains(&policy)).count();
    let others = match policy {
        "AdministratorAccess" | "AmazonS3ReadOnlyAccess" => 1,
        "IAMUserChangePassword" => 2,
        _ => 0,
    };
    roles + others
}
