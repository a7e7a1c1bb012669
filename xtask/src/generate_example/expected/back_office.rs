//! Verdicts for the functions behind the shop.

use super::{
    Expected, ExpectedRow, LOG_EVENTS, LOG_GROUP, LOG_STREAM, companion, either, required, unobservable, unused, used,
};

const TABLE_EVENTS: &str = "a data event of tables, logged over the whole window, and there is none";
const OBJECT_EVENTS: &str = "a data event of objects, logged over the whole window, and there is none";
const MANAGEMENT: &str = "a management event, logged over the whole window, and there is none";
const SQS_UNLOGGED: &str = "a data event of queues, which the trail does not log";
const SES_UNLOGGED: &str = "a data event of identities, which the trail does not log";
const POLLER: &str = "event source mapping of shop-orders";
const IN_VPC: &str = "the function is in a VPC; interfaces were made before the window";
const OTHER_FUNCTION: &str = "the other function on the shared role does this";
const YOUNG: &str = "granted on 2026-10-12 by a new policy version: too young to judge";
const UNTOUCHED: &str = "not logged, but last-accessed data says that the service was never touched";

pub const EXPECTED: [Expected; 7] = [
    Expected { function: "shop-order-worker", role: "shop-order-worker-role", rows: &ORDER_WORKER },
    Expected { function: "shop-invoice", role: "shop-invoice-role", rows: &INVOICE },
    Expected { function: "shop-inventory-sync", role: "shop-inventory-sync-role", rows: &INVENTORY_SYNC },
    Expected { function: "shop-report-daily", role: "shop-reporting-role", rows: &REPORT_DAILY },
    Expected { function: "shop-report-monthly", role: "shop-reporting-role", rows: &REPORT_MONTHLY },
    Expected { function: "shop-admin-tasks", role: "shop-admin-tasks-role", rows: &ADMIN_TASKS },
    Expected { function: "shop-legacy-export", role: "shop-legacy-export-role", rows: &LEGACY_EXPORT },
];

const ORDER_WORKER: [ExpectedRow; 18] = [
    used("dynamodb:UpdateItem", "updates orders"),
    unused("dynamodb:PutItem", TABLE_EVENTS),
    unused("dynamodb:DeleteItem", TABLE_EVENTS),
    required("sqs:ReceiveMessage", POLLER),
    required("sqs:DeleteMessage", POLLER),
    required("sqs:GetQueueAttributes", POLLER),
    either("sqs:ChangeMessageVisibility", "required|unobservable", "kept", POLLER),
    unobservable("sqs:SendMessage", SQS_UNLOGGED),
    unobservable("sqs:GetQueueUrl", SQS_UNLOGGED),
    unobservable("sqs:ListQueues", SQS_UNLOGGED),
    unused("sqs:AddPermission", MANAGEMENT),
    unused("sqs:CreateQueue", MANAGEMENT),
    unused("sqs:RemovePermission", MANAGEMENT),
    unused("sqs:SetQueueAttributes", MANAGEMENT),
    unobservable(
        "xray:PutTraceSegments",
        "tracing is passed through, and the trail does not log data events of traces",
    ),
    LOG_GROUP,
    LOG_STREAM,
    LOG_EVENTS,
];

const INVOICE: [ExpectedRow; 20] = [
    used("s3:GetObject", "reads invoices"),
    used("s3:PutObject", "writes invoices"),
    companion("s3:ListBucket", "beside object reads: without it a missing key is a denial"),
    companion("s3:AbortMultipartUpload", "beside uploads in parts: only called when one fails"),
    companion("s3:ListMultipartUploadParts", "beside uploads in parts: only called when one fails"),
    either("s3:GetObjectVersion", "unobservable|companion", "kept", "no event carries its name"),
    either("kms:Decrypt", "used|companion", "kept", "S3 calls it for the function (invokedBy) on a few days"),
    either("kms:GenerateDataKey", "used|companion", "kept", "S3 calls it for the function (invokedBy) on a few days"),
    unused("s3:DeleteObject", OBJECT_EVENTS),
    unused("s3:CreateBucket", MANAGEMENT),
    unused("s3:DeleteBucket", MANAGEMENT),
    unused("s3:ListAllMyBuckets", MANAGEMENT),
    unused("s3:PutBucketPolicy", MANAGEMENT),
    unused("kms:CreateGrant", MANAGEMENT),
    unused("kms:Encrypt", "a management event although it is a data operation, and there is none"),
    unused("kms:PutKeyPolicy", MANAGEMENT),
    unused("kms:ScheduleKeyDeletion", MANAGEMENT),
    LOG_GROUP,
    LOG_STREAM,
    LOG_EVENTS,
];

const INVENTORY_SYNC: [ExpectedRow; 20] = [
    required("ec2:CreateNetworkInterface", IN_VPC),
    required("ec2:DescribeNetworkInterfaces", IN_VPC),
    required("ec2:DescribeSubnets", IN_VPC),
    required("ec2:DeleteNetworkInterface", IN_VPC),
    required("ec2:AssignPrivateIpAddresses", IN_VPC),
    required("ec2:UnassignPrivateIpAddresses", IN_VPC),
    required("sqs:SendMessage", "destination on failure; that it never fired proves nothing"),
    used("ssm:GetParameter", "reads the list of suppliers"),
    used("ssm:GetParametersByPath", "reads settings once a week"),
    used("s3:GetObject", "reads feeds"),
    companion("s3:ListBucket", "beside object reads, and missing keys did not answer as denials"),
    used("dynamodb:BatchWriteItem", "writes stock figures"),
    unused("dynamodb:BatchGetItem", TABLE_EVENTS),
    unused("dynamodb:Scan", TABLE_EVENTS),
    unused("ssm:GetDocument", MANAGEMENT),
    unused("ssm:GetParameterHistory", MANAGEMENT),
    unused("ssm:GetParameters", MANAGEMENT),
    LOG_GROUP,
    LOG_STREAM,
    LOG_EVENTS,
];

const REPORT_DAILY: [ExpectedRow; 13] = [
    used("dynamodb:DescribeTable", "looks at the size of tables"),
    used("dynamodb:Scan", "scans orders and inventory"),
    used("s3:PutObject", "writes the report"),
    unused("dynamodb:GetItem", TABLE_EVENTS),
    unused("dynamodb:Query", TABLE_EVENTS),
    companion("s3:GetObject", "beside the report that it writes: a conditional write reads its key"),
    unused("s3:DeleteBucket", MANAGEMENT),
    unused("s3:DeleteObject", OBJECT_EVENTS),
    unobservable("ses:SendEmail", SES_UNLOGGED),
    unobservable("athena:StartQueryExecution", YOUNG),
    LOG_GROUP,
    LOG_STREAM,
    LOG_EVENTS,
];

const REPORT_MONTHLY: [ExpectedRow; 13] = [
    used("s3:GetObject", "reads the daily reports, on three days; the session name alone tells the function"),
    used("s3:ListBucket", "lists the daily reports"),
    unused("dynamodb:DescribeTable", OTHER_FUNCTION),
    unused("dynamodb:Scan", OTHER_FUNCTION),
    unused("dynamodb:Query", TABLE_EVENTS),
    unused("s3:DeleteBucket", MANAGEMENT),
    unused("s3:DeleteObject", OBJECT_EVENTS),
    unobservable("ses:SendEmail", SES_UNLOGGED),
    unobservable("ses:SendRawEmail", SES_UNLOGGED),
    unobservable("athena:StartQueryExecution", YOUNG),
    LOG_GROUP,
    LOG_STREAM,
    LOG_EVENTS,
];

const ADMIN_TASKS: [ExpectedRow; 29] = [
    used("cloudwatch:DescribeAlarms", "daily; its event source is monitoring"),
    used("dynamodb:DescribeTable", "on Mondays"),
    used("ec2:DescribeInstances", "daily"),
    used("ecs:RegisterTaskDefinition", "on Mondays"),
    used("iam:ListRoles", "on Mondays, in us-east-1"),
    used("lambda:UpdateFunctionConfiguration", "after deployments; its event name carries a date"),
    used("logs:PutRetentionPolicy", "on Mondays"),
    used("states:StartExecution", "daily"),
    companion("iam:PassRole", "role parameters of RegisterTaskDefinition and UpdateFunctionConfiguration"),
    unobservable("sqs:SendMessage", "not logged, and last-accessed data says that SQS was used"),
    either("kinesis:PutRecord", "unobservable|unused", "removed", UNTOUCHED),
    either("sns:Publish", "unobservable|unused", "removed", UNTOUCHED),
    unused("cloudformation:DeleteStack", MANAGEMENT),
    unused("dynamodb:DeleteTable", MANAGEMENT),
    unused("dynamodb:PutItem", TABLE_EVENTS),
    unused("ec2:RunInstances", MANAGEMENT),
    unused("ec2:TerminateInstances", MANAGEMENT),
    unused("iam:AttachRolePolicy", MANAGEMENT),
    unused("iam:CreateAccessKey", MANAGEMENT),
    unused("iam:CreateUser", MANAGEMENT),
    unused("kms:ScheduleKeyDeletion", MANAGEMENT),
    unused("lambda:CreateFunction", MANAGEMENT),
    unused("organizations:LeaveOrganization", MANAGEMENT),
    unused("rds:DeleteDBInstance", MANAGEMENT),
    unused("s3:DeleteBucket", MANAGEMENT),
    unused("s3:DeleteObject", OBJECT_EVENTS),
    LOG_GROUP,
    LOG_STREAM,
    LOG_EVENTS,
];

const LEGACY_EXPORT: [ExpectedRow; 1] = [ExpectedRow {
    action: "*",
    verdict: "no-suggestion",
    suggestion: "none",
    why: "no event in the window and RoleLastUsed before it: nothing was learned, so nothing is narrowed",
}];
