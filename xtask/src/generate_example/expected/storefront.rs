//! Verdicts for checkout, payment, notify and search.

use super::{Expected, ExpectedRow, LOG_EVENTS, LOG_GROUP, LOG_STREAM, either, required, unobservable, unused, used};

const TABLE_EVENTS: &str = "a data event of tables, logged over the whole window, and there is none";
const MANAGEMENT: &str = "a management event, logged over the whole window, and there is none";
const SQS_UNLOGGED: &str = "a data event of queues, which the trail does not log";
const SNS_UNLOGGED: &str = "a data event of topics, which the trail does not log";
const LEFTOVER: &str = "left from the time in a VPC; the function is in none now, and a management event would show it";

pub const EXPECTED: [Expected; 5] = [
    Expected { function: "shop-checkout", role: "shop-checkout-role", rows: &CHECKOUT },
    Expected { function: "shop-payment", role: "shop-payment-role", rows: &PAYMENT },
    Expected { function: "shop-notify", role: "shop-notify-role", rows: &NOTIFY },
    Expected { function: "shop-search", role: "shop-search-role", rows: &SEARCH },
    Expected { function: "shop-search", role: "shop-search-v3-role", rows: &SEARCH_V3 },
];

const CHECKOUT: [ExpectedRow; 22] = [
    used("dynamodb:GetItem", "reads carts"),
    used("dynamodb:PutItem", "writes orders"),
    used("dynamodb:Query", "queries the index customer-index of orders"),
    used("lambda:InvokeFunction", "invokes shop-payment"),
    unobservable("sns:Publish", SNS_UNLOGGED),
    unused("dynamodb:BatchWriteItem", TABLE_EVENTS),
    unused("dynamodb:BatchGetItem", TABLE_EVENTS),
    unused("dynamodb:DeleteItem", TABLE_EVENTS),
    unused("dynamodb:Scan", TABLE_EVENTS),
    unused("dynamodb:UpdateItem", TABLE_EVENTS),
    unused("dynamodb:CreateTable", MANAGEMENT),
    unused("dynamodb:DeleteTable", MANAGEMENT),
    unused("dynamodb:DeleteBackup", MANAGEMENT),
    unused("dynamodb:ListTables", "luis lists tables, the function does not"),
    unused("dynamodb:UpdateTable", MANAGEMENT),
    unused("dynamodb:UpdateTimeToLive", MANAGEMENT),
    either("dynamodb:ConditionCheckItem", "unobservable|companion", "kept", "no event carries its name"),
    required("xray:PutTraceSegments", "active tracing"),
    required("xray:PutTelemetryRecords", "active tracing"),
    LOG_GROUP,
    LOG_STREAM,
    LOG_EVENTS,
];

const PAYMENT: [ExpectedRow; 17] = [
    used("secretsmanager:GetSecretValue", "reads the key of the payment provider"),
    either("kms:Decrypt", "used|required", "kept", "encrypted environment and, through Secrets Manager, the secret"),
    required(
        "sqs:SendMessage",
        "dead-letter queue; that it never fired, and that last-accessed data is empty, proves nothing",
    ),
    unused("kms:DescribeKey", MANAGEMENT),
    unused("secretsmanager:CreateSecret", MANAGEMENT),
    unused("secretsmanager:DeleteSecret", MANAGEMENT),
    unused("secretsmanager:ListSecrets", MANAGEMENT),
    unused("secretsmanager:PutSecretValue", MANAGEMENT),
    unused("secretsmanager:UpdateSecret", MANAGEMENT),
    unused("ssm:DeleteParameter", MANAGEMENT),
    unused("ssm:DescribeParameters", MANAGEMENT),
    unused("ssm:GetParameter", MANAGEMENT),
    unused("ssm:PutParameter", MANAGEMENT),
    unused("ssm:SendCommand", MANAGEMENT),
    LOG_GROUP,
    LOG_STREAM,
    LOG_EVENTS,
];

const NOTIFY: [ExpectedRow; 19] = [
    used("dynamodb:GetItem", "reads preferences"),
    used("ssm:GetParameter", "reads templates"),
    unobservable("sns:Publish", SNS_UNLOGGED),
    unobservable("sqs:GetQueueUrl", SQS_UNLOGGED),
    unobservable("sqs:SendMessage", SQS_UNLOGGED),
    unused("sns:CreateTopic", MANAGEMENT),
    unused("sns:DeleteTopic", MANAGEMENT),
    unused("sns:Subscribe", MANAGEMENT),
    unused("ssm:GetParameters", MANAGEMENT),
    unused("dynamodb:UpdateItem", TABLE_EVENTS),
    unused("ec2:CreateNetworkInterface", LEFTOVER),
    unused("ec2:DescribeNetworkInterfaces", LEFTOVER),
    unused("ec2:DescribeSubnets", LEFTOVER),
    unused("ec2:DeleteNetworkInterface", LEFTOVER),
    unused("ec2:AssignPrivateIpAddresses", LEFTOVER),
    unused("ec2:UnassignPrivateIpAddresses", LEFTOVER),
    LOG_GROUP,
    LOG_STREAM,
    LOG_EVENTS,
];

/// `$LATEST`.
const SEARCH: [ExpectedRow; 13] = [
    used("dynamodb:Query", "queries the index category-index of products"),
    used("dynamodb:Scan", "scans products"),
    unused("dynamodb:GetItem", "version 3 reads items, under its own role"),
    unused("dynamodb:DeleteTable", MANAGEMENT),
    unused("ec2:RunInstances", MANAGEMENT),
    unused("kms:ScheduleKeyDeletion", MANAGEMENT),
    unused("lambda:CreateFunction", MANAGEMENT),
    unused("s3:DeleteBucket", MANAGEMENT),
    unused("s3:PutBucketPolicy", MANAGEMENT),
    unobservable("sqs:SendMessage", SQS_UNLOGGED),
    LOG_GROUP,
    LOG_STREAM,
    LOG_EVENTS,
];

/// Version 3, behind the alias `live`.
const SEARCH_V3: [ExpectedRow; 11] = [
    used("dynamodb:GetItem", "reads products"),
    used("dynamodb:Query", "queries the index category-index of products"),
    unused("dynamodb:Scan", "$LATEST scans, under its own role"),
    unused("dynamodb:PutItem", TABLE_EVENTS),
    unused("dynamodb:DeleteTable", MANAGEMENT),
    unused("es:DescribeDomain", MANAGEMENT),
    unobservable("es:ESHttpGet", "requests to a search domain are not logged"),
    unobservable("es:ESHttpPost", "requests to a search domain are not logged"),
    LOG_GROUP,
    LOG_STREAM,
    LOG_EVENTS,
];
