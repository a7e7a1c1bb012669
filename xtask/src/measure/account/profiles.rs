//! Kinds of functions: what their role allows, and which of it they do.

use serde_json::{Value, json};

use super::{ACCOUNT, REGION, table_name};

/// A call that functions of a kind make.
pub struct Call {
    /// Label of the event source.
    pub service: &'static str,
    pub event: &'static str,
    pub data: bool,
    pub read_only: bool,
}

const fn management(service: &'static str, event: &'static str, read_only: bool) -> Call {
    Call { service, event, data: false, read_only }
}

const fn data(service: &'static str, event: &'static str, read_only: bool) -> Call {
    Call { service, event, data: true, read_only }
}

/// A kind of function.
pub struct Profile {
    pub calls: &'static [Call],
    /// Reads a queue.
    pub reads_queue: bool,
}

pub const PROFILES: [Profile; 8] = [
    // An API over a table.
    Profile {
        calls: &[
            data("dynamodb", "GetItem", true),
            data("dynamodb", "PutItem", false),
            data("dynamodb", "Query", true),
        ],
        reads_queue: false,
    },
    // A worker behind a queue.
    Profile { calls: &[data("s3", "PutObject", false), data("s3", "GetObject", true)], reads_queue: true },
    // Far too wide.
    Profile {
        calls: &[management("dynamodb", "DescribeTable", true), data("s3", "GetObject", true)],
        reads_queue: false,
    },
    // Secrets.
    Profile {
        calls: &[
            management("secretsmanager", "GetSecretValue", true),
            management("ssm", "GetParameter", true),
            management("kms", "Decrypt", true),
        ],
        reads_queue: false,
    },
    // Tells people.
    Profile { calls: &[data("sns", "Publish", false)], reads_queue: false },
    // Reports.
    Profile {
        calls: &[
            management("athena", "StartQueryExecution", false),
            management("athena", "GetQueryExecution", true),
            data("s3", "GetObject", true),
        ],
        reads_queue: false,
    },
    // Starts others.
    Profile {
        calls: &[management("states", "StartExecution", false), data("lambda", "Invoke", false)],
        reads_queue: false,
    },
    // Looks after machines, by a policy that its team shares.
    Profile { calls: &[management("ec2", "DescribeInstances", true)], reads_queue: false },
];

/// Name and document of each inline policy.
type Inline = Vec<(String, Value)>;

/// Inline policies of the role of `function`, and ARNs of managed ones.
pub fn policies(profile: usize, function: &str) -> (Inline, Vec<String>) {
    let statements = match profile {
        0 => json!([allow(
            &[
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "dynamodb:UpdateItem",
                "dynamodb:DeleteItem",
                "dynamodb:Query",
                "dynamodb:Scan",
                "dynamodb:BatchWriteItem"
            ],
            &[&table_arn(function), &format!("{}/index/*", table_arn(function))]
        ),]),
        1 => json!([
            allow(
                &["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:SendMessage"],
                &[&queue_arn(function)]
            ),
            allow(
                &["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket"],
                &["arn:aws:s3:::work-111122223333", &format!("arn:aws:s3:::work-111122223333/{function}/*")]
            ),
        ]),
        2 => json!([allow(&["dynamodb:*", "s3:*"], &["*"])]),
        3 => json!([
            allow(
                &["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret", "secretsmanager:PutSecretValue"],
                &[&format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{function}/*")]
            ),
            allow(&["ssm:GetParameter*", "kms:Decrypt", "kms:GenerateDataKey"], &["*"]),
        ]),
        4 => json!([allow(&["sns:Publish", "sns:Subscribe", "ses:SendEmail"], &["*"])]),
        5 => json!([
            allow(&["athena:*", "glue:GetTable", "glue:GetPartitions", "glue:GetDatabase"], &["*"]),
            allow(
                &["s3:PutObject", "s3:GetBucketLocation"],
                &["arn:aws:s3:::reports-111122223333", "arn:aws:s3:::reports-111122223333/*"]
            ),
        ]),
        6 => json!([
            allow(
                &["states:StartExecution", "states:StopExecution"],
                &[&format!("arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{function}")]
            ),
            allow(&["lambda:InvokeFunction", "events:PutEvents"], &["*"]),
        ]),
        _ => json!([allow(&["ec2:DescribeInstances", "ec2:CreateTags", "autoscaling:Describe*"], &["*"])]),
    };
    let mut attached = vec![managed_arn("service-role/AWSLambdaBasicExecutionRole")];
    match profile {
        1 => attached.push(managed_arn("service-role/AWSLambdaSQSQueueExecutionRole")),
        4 => attached.push(managed_arn("AWSXRayDaemonWriteAccess")),
        5 => attached.push(managed_arn("AmazonS3ReadOnlyAccess")),
        7 => attached.push(format!("arn:aws:iam::{ACCOUNT}:policy/{TEAM_POLICY}")),
        _ => {}
    }
    (vec![(format!("{function}-policy"), document(statements))], attached)
}

const TEAM_POLICY: &str = "team-operations";

/// Name (with path), document, and whether it is AWS's own, of the managed policies in use. AWS's are as
/// published (AWS Managed Policy Reference), without their Sids.
pub fn managed() -> Vec<(&'static str, Value, bool)> {
    let all = |actions: &[&str]| document(json!([allow(actions, &["*"])]));
    let logs = ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"];
    let queue = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];
    let tracing = [
        "xray:PutTraceSegments",
        "xray:PutTelemetryRecords",
        "xray:GetSamplingRules",
        "xray:GetSamplingTargets",
        "xray:GetSamplingStatisticSummaries",
    ];
    let objects = ["s3:Get*", "s3:List*", "s3:Describe*", "s3-object-lambda:Get*", "s3-object-lambda:List*"];
    vec![
        ("service-role/AWSLambdaBasicExecutionRole", all(&logs), true),
        ("service-role/AWSLambdaSQSQueueExecutionRole", all(&[&queue[..], &logs].concat()), true),
        ("AWSXRayDaemonWriteAccess", all(&tracing), true),
        ("AmazonS3ReadOnlyAccess", all(&objects), true),
        (
            TEAM_POLICY,
            all(&[
                "ec2:Describe*",
                "cloudwatch:PutMetricData",
                "iam:PassRole",
                "ec2:StartInstances",
                "ec2:StopInstances",
            ]),
            false,
        ),
    ]
}

pub fn managed_arn(name: &str) -> String {
    format!("arn:aws:iam::aws:policy/{name}")
}

pub fn queue_arn(function: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{function}-queue")
}

pub fn table_arn(function: &str) -> String {
    format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{}", table_name(function))
}

fn allow(actions: &[&str], resources: &[&str]) -> Value {
    json!({ "Effect": "Allow", "Action": actions, "Resource": resources })
}

fn document(statements: Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}
