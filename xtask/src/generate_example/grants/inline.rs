//! The inline policies of the roles: broad in the ways in which people write them.

use serde_json::{Value, json};

use crate::generate_example::account::{
    ACCOUNT, FEED_BUCKET, INVOICE_BUCKET, REGION, REPORT_BUCKET, SECRETS_KEY, function_arn, queue_arn, table_arn,
    topic_arn,
};

/// Name and document of each inline policy of a role.
pub fn inline_policies(role: &str) -> Vec<(&'static str, Value)> {
    let (name, statements) = match role {
        "shop-checkout-role" => ("checkout", checkout()),
        "shop-deploy" => ("deploy", deploy()),
        "shop-inventory-sync-role" => ("inventory-sync", inventory_sync()),
        "shop-invoice-role" => ("invoice-storage", invoice()),
        "shop-legacy-export-role" => ("export", legacy_export()),
        "shop-notify-role" => ("notify-settings", notify()),
        "shop-order-worker-role" => ("order-worker", order_worker()),
        "shop-payment-role" => ("payment", payment()),
        "shop-reporting-role" => ("reports", reporting()),
        "shop-search-role" => ("developer-sandbox", search()),
        "shop-search-v3-role" => ("search", search_v3()),
        _ => return Vec::new(),
    };
    vec![(name, json!({ "Version": "2012-10-17", "Statement": statements }))]
}

fn checkout() -> Value {
    json!([
        { "Sid": "Tables", "Effect": "Allow", "Action": "dynamodb:*", "Resource": "*" },
        {
            "Sid": "OrderEvents",
            "Effect": "Allow",
            "Action": ["sns:Publish"],
            "Resource": topic_arn("shop-order-events")
        },
        {
            "Sid": "CallOtherFunctions",
            "Effect": "Allow",
            "Action": "lambda:InvokeFunction",
            "Resource": [function_arn("shop-*")]
        }
    ])
}

fn order_worker() -> Value {
    json!([
        { "Effect": "Allow", "Action": "sqs:*", "Resource": "*" },
        {
            "Effect": "Deny",
            "Action": ["sqs:PurgeQueue", "sqs:DeleteQueue"],
            "Resource": "*"
        },
        {
            "Effect": "Allow",
            "Action": ["dynamodb:UpdateItem", "dynamodb:PutItem", "dynamodb:DeleteItem"],
            "Resource": table_arn("*")
        }
    ])
}

fn invoice() -> Value {
    json!([
        { "Sid": "Storage", "Effect": "Allow", "Action": ["s3:*"], "Resource": ["*"] },
        { "Sid": "Encryption", "Effect": "Allow", "Action": ["kms:*"], "Resource": ["*"] }
    ])
}

fn payment() -> Value {
    json!([
        { "Sid": "Secrets", "Effect": "Allow", "Action": "secretsmanager:*", "Resource": "*" },
        { "Sid": "Parameters", "Effect": "Allow", "Action": "ssm:*", "Resource": "*" },
        {
            "Sid": "DeadLetters",
            "Effect": "Allow",
            "Action": "sqs:SendMessage",
            "Resource": queue_arn("shop-payment-dead-letters")
        },
        { "Sid": "Keys", "Effect": "Allow", "Action": ["kms:Decrypt", "kms:DescribeKey"], "Resource": SECRETS_KEY }
    ])
}

fn inventory_sync() -> Value {
    json!([
        { "Sid": "Settings", "Effect": "Allow", "Action": ["ssm:Get*", "ssm:PutParameter"], "Resource": "*" },
        {
            "Sid": "Stock",
            "Effect": "Allow",
            "Action": ["dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:Scan"],
            "Resource": [table_arn("inventory"), format!("{}/index/*", table_arn("inventory"))]
        },
        {
            "Sid": "FeedsButNoInvoices",
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:ListBucket"],
            "NotResource": [format!("arn:aws:s3:::{INVOICE_BUCKET}"), format!("arn:aws:s3:::{INVOICE_BUCKET}/*")]
        },
        {
            "Sid": "Failures",
            "Effect": "Allow",
            "Action": "sqs:SendMessage",
            "Resource": queue_arn("shop-*")
        }
    ])
}

fn reporting() -> Value {
    json!([
        {
            "Sid": "ReadTables",
            "Effect": "Allow",
            "Action": ["dynamodb:DescribeTable", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"],
            "Resource": [table_arn("*")]
        },
        {
            "Sid": "Reports",
            "Effect": "Allow",
            "Action": "s3:*",
            "Resource": [format!("arn:aws:s3:::{REPORT_BUCKET}"), format!("arn:aws:s3:::{REPORT_BUCKET}/*")]
        },
        {
            "Sid": "Mail",
            "Effect": "Allow",
            "Action": ["ses:SendEmail", "ses:SendRawEmail"],
            "Resource": "*",
            "Condition": { "StringEquals": { "ses:FromAddress": "reports@shop.example.com" } }
        }
    ])
}

fn notify() -> Value {
    json!([
        {
            "Effect": "Allow",
            "Action": ["ssm:GetParameter", "ssm:GetParameters"],
            "Resource": format!("arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/shop/notify/*")
        },
        {
            "Effect": "Allow",
            "Action": ["dynamodb:GetItem", "dynamodb:UpdateItem"],
            "Resource": table_arn("notification-preferences")
        }
    ])
}

fn search() -> Value {
    json!([{
        "Sid": "EverythingButAccess",
        "Effect": "Allow",
        "NotAction": ["account:*", "iam:*", "organizations:*"],
        "Resource": "*"
    }])
}

fn search_v3() -> Value {
    json!([
        {
            "Sid": "Products",
            "Effect": "Allow",
            "Action": "dynamodb:*",
            "Resource": [table_arn("products"), format!("{}/index/*", table_arn("products"))]
        },
        {
            "Sid": "FullText",
            "Effect": "Allow",
            "Action": ["es:ESHttpGet", "es:ESHttpPost", "es:DescribeDomain"],
            "Resource": [
                format!("arn:aws:es:{REGION}:{ACCOUNT}:domain/shop-products"),
                format!("arn:aws:es:{REGION}:{ACCOUNT}:domain/shop-products/*")
            ]
        }
    ])
}

fn legacy_export() -> Value {
    json!([
        { "Effect": "Allow", "Action": ["dynamodb:*", "s3:*", "redshift:*", "redshift-data:*"], "Resource": "*" },
        { "Effect": "Allow", "Action": "iam:PassRole", "Resource": "*" }
    ])
}

fn deploy() -> Value {
    json!([
        {
            "Effect": "Allow",
            "Action": ["cloudformation:*", "lambda:*", "s3:*", "iam:CreatePolicyVersion", "iam:Get*", "iam:List*"],
            "Resource": "*"
        },
        {
            "Effect": "Allow",
            "Action": "iam:PassRole",
            "Resource": format!("arn:aws:iam::{ACCOUNT}:role/shop/*"),
            "Condition": { "StringEquals": { "iam:PassedToService": "lambda.amazonaws.com" } }
        }
    ])
}

/// The policy that bounds `shop-inventory-sync-role`. It leaves out `ssm:PutParameter`, which the role
/// grants.
pub fn boundary() -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "RunInVpc",
                "Effect": "Allow",
                "Action": ["ec2:*NetworkInterface*", "ec2:*PrivateIpAddresses", "ec2:DescribeSubnets", "logs:*"],
                "Resource": "*"
            },
            {
                "Sid": "Data",
                "Effect": "Allow",
                "Action": ["dynamodb:*", "sqs:SendMessage", "ssm:Describe*", "ssm:Get*"],
                "Resource": [
                    format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:*"),
                    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:shop-*"),
                    format!("arn:aws:ssm:{REGION}:{ACCOUNT}:*")
                ]
            },
            {
                "Sid": "Feeds",
                "Effect": "Allow",
                "Action": ["s3:Get*", "s3:List*"],
                "Resource": ["arn:aws:s3:::shop-*", format!("arn:aws:s3:::{FEED_BUCKET}/*")]
            }
        ]
    })
}

/// Version 1, or version 2 with Athena, of the analytics policy of the shared role.
pub fn analytics(version: u32) -> Value {
    let mut actions =
        vec!["glue:GetDatabase", "glue:GetDatabases", "glue:GetTable", "glue:GetTables", "glue:GetPartitions"];
    if version > 1 {
        actions.extend(["athena:StartQueryExecution", "athena:GetQueryExecution", "athena:GetQueryResults"]);
    }
    json!({
        "Version": "2012-10-17",
        "Statement": [{ "Sid": "Analytics", "Effect": "Allow", "Action": actions, "Resource": "*" }]
    })
}

/// The messaging policy of `shop-notify`.
pub fn messaging() -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Topics",
                "Effect": "Allow",
                "Action": ["sns:Publish", "sns:CreateTopic", "sns:DeleteTopic", "sns:Subscribe"],
                "Resource": topic_arn("*")
            },
            {
                "Sid": "Queues",
                "Effect": "Allow",
                "Action": ["sqs:SendMessage", "sqs:GetQueueUrl"],
                "Resource": queue_arn("shop-*")
            }
        ]
    })
}
