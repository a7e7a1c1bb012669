//! `regions/…` and `trails.json`: how the functions are configured and what the trail records.

use anyhow::Result;
use serde_json::{Value, json};

use super::account::{
    ACCOUNT, ExampleFunction, FUNCTIONS, REGION, SECRETS_KEY, function_arn, queue_arn, role_arn, topic_arn,
};
use super::prng::{ALPHANUMERIC, Prng};
use super::{Files, add_json};

pub fn add_files(files: &mut Files) -> Result<()> {
    let mut add = |name: &str, value: &Value| add_json(files, &format!("regions/{REGION}/{name}"), value);
    add("functions.json", &json!({ "Functions": functions() }))?;
    add("event-source-mappings.json", &event_source_mappings())?;
    add("function-urls.json", &function_urls())?;
    add("event-invoke-configs.json", &event_invoke_configs())?;
    add("aliases/shop-search.json", &aliases())?;
    for (function, policy) in resource_policies() {
        let revision = Prng::new(&format!("revision of the policy of {function}"), 0).uuid();
        add(
            &format!("resource-policies/{function}.json"),
            &json!({ "Policy": policy.to_string(), "RevisionId": revision }),
        )?;
    }
    for (function, logical_id) in
        [("shop-checkout", "Checkout"), ("shop-invoice", "Invoice"), ("shop-search", "Search")]
    {
        add(&format!("tags/{function}.json"), &tags(logical_id))?;
    }
    add_json(files, "trails.json", &trails())
}

/// The log group of a function.
pub fn log_group(function: &str) -> String {
    match function {
        "shop-payment" => "/shop/payments".to_owned(),
        _ => format!("/aws/lambda/{function}"),
    }
}

fn functions() -> Vec<Value> {
    let mut list = Vec::new();
    for function in &FUNCTIONS {
        list.push(configuration(function, "$LATEST", function.role, function.last_modified));
        if function.name == "shop-search" {
            list.push(configuration(function, "1", "shop-search-role", "2025-06-03T08:20:11.000+0000"));
            list.push(configuration(function, "2", "shop-search-role", "2026-02-25T10:02:49.000+0000"));
            list.push(configuration(function, "3", "shop-search-v3-role", "2026-05-20T07:45:30.000+0000"));
        }
    }
    list
}

/// A `FunctionConfiguration` as `list-functions --function-version ALL` prints it.
fn configuration(function: &ExampleFunction, version: &str, role: &str, last_modified: &str) -> Value {
    let mut prng = Prng::new(&format!("configuration of {} {version}", function.name), 0);
    let architecture = if function.agent.contains("aarch64") { "arm64" } else { "x86_64" };
    let mut value = json!({
        "FunctionName": function.name,
        "FunctionArn": format!("{}:{version}", function.arn()),
        "Runtime": function.runtime,
        "Role": role_arn(role),
        "Handler": function.handler,
        "CodeSize": function.code_bytes,
        "Description": function.description,
        "Timeout": function.timeout_seconds,
        "MemorySize": function.memory_mb,
        "LastModified": last_modified,
        "CodeSha256": format!("{}=", prng.text(43, ALPHANUMERIC)),
        "Version": version,
        "TracingConfig": { "Mode": if function.name == "shop-checkout" { "Active" } else { "PassThrough" } },
        "RevisionId": prng.uuid(),
        "PackageType": "Zip",
        "Architectures": [architecture],
        "EphemeralStorage": { "Size": 512 },
        "SnapStart": { "ApplyOn": "None", "OptimizationStatus": "Off" },
        "LoggingConfig": {
            "LogFormat": if function.name == "shop-payment" { "JSON" } else { "Text" },
            "LogGroup": log_group(function.name),
        },
    });
    if let Some(members) = value.as_object_mut() {
        members.extend(particulars(function.name).into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
    value
}

/// Members that only some functions have.
fn particulars(function: &str) -> Vec<(&'static str, Value)> {
    match function {
        "shop-checkout" => vec![(
            "Environment",
            json!({ "Variables": { "CARTS": "carts", "ORDERS": "orders", "EVENTS": topic_arn("shop-order-events") } }),
        )],
        "shop-inventory-sync" => vec![(
            "VpcConfig",
            json!({
                "SubnetIds": ["subnet-07a41f9c2be3d5816", "subnet-0e92d6b83c1f4a705"],
                "SecurityGroupIds": ["sg-03b7e5a1c9d2f8460"],
                "VpcId": "vpc-0a5c8e1d7f3b92640",
                "Ipv6AllowedForDualStack": false,
            }),
        )],
        "shop-payment" => vec![
            ("DeadLetterConfig", json!({ "TargetArn": queue_arn("shop-payment-dead-letters") })),
            ("Environment", json!({ "Variables": { "PROVIDER": "https://api.payments.example.com" } })),
            ("KMSKeyArn", json!(SECRETS_KEY)),
        ],
        "shop-invoice" => vec![("Environment", json!({ "Variables": { "BUCKET": super::account::INVOICE_BUCKET } }))],
        "shop-legacy-export" => vec![("Environment", json!({ "Variables": { "WAREHOUSE": "legacy" } }))],
        _ => Vec::new(),
    }
}

fn event_source_mappings() -> Value {
    json!({
        "EventSourceMappings": [{
            "UUID": "5e1f8a90-3c47-4b6d-9a28-d07c61b4e3f5",
            "BatchSize": 10,
            "MaximumBatchingWindowInSeconds": 0,
            "EventSourceArn": queue_arn("shop-orders"),
            "FunctionArn": function_arn("shop-order-worker"),
            "LastModified": "2024-12-02T10:05:22.480000+00:00",
            "State": "Enabled",
            "StateTransitionReason": "USER_INITIATED",
            "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "EventSourceMappingArn":
                format!("arn:aws:lambda:{REGION}:{ACCOUNT}:event-source-mapping:5e1f8a90-3c47-4b6d-9a28-d07c61b4e3f5")
        }]
    })
}

fn function_urls() -> Value {
    json!({
        "FunctionUrlConfigs": [{
            "FunctionUrl": "https://k3vq7xw2m5ntc4hjr6pzy2sd3u0gfabe.lambda-url.eu-central-1.on.aws/",
            "FunctionArn": function_arn("shop-checkout"),
            "CreationTime": "2024-12-02T09:40:17.482913Z",
            "LastModifiedTime": "2025-07-08T12:27:51.094337Z",
            "Cors": { "AllowOrigins": ["https://shop.example.com"], "AllowMethods": ["GET", "POST"], "MaxAge": 300 },
            "AuthType": "NONE",
            "InvokeMode": "BUFFERED"
        }]
    })
}

fn event_invoke_configs() -> Value {
    json!({
        "FunctionEventInvokeConfigs": [{
            "LastModified": "2025-01-21T12:03:45.113000+00:00",
            "FunctionArn": format!("{}:$LATEST", function_arn("shop-inventory-sync")),
            "MaximumRetryAttempts": 1,
            "MaximumEventAgeInSeconds": 3600,
            "DestinationConfig": { "OnSuccess": {}, "OnFailure": { "Destination": queue_arn("shop-sync-failures") } }
        }]
    })
}

fn aliases() -> Value {
    json!({
        "Aliases": [{
            "AliasArn": format!("{}:live", function_arn("shop-search")),
            "Name": "live",
            "FunctionVersion": "3",
            "Description": "What the shop calls",
            "RevisionId": "c2f04d7e-8b15-4a93-9e60-7d3b1fa58c24"
        }]
    })
}

/// Who may invoke: function and policy.
fn resource_policies() -> Vec<(&'static str, Value)> {
    let policy = |statements: Value| json!({ "Version": "2012-10-17", "Id": "default", "Statement": statements });
    let from_rule = |function: &str| {
        json!([{
            "Sid": "schedule",
            "Effect": "Allow",
            "Principal": { "Service": "events.amazonaws.com" },
            "Action": "lambda:InvokeFunction",
            "Resource": function_arn(function),
            "Condition": { "ArnLike": { "AWS:SourceArn": format!("arn:aws:events:{REGION}:{ACCOUNT}:rule/{function}") } }
        }])
    };
    vec![
        (
            "shop-checkout",
            policy(json!([
                {
                    "Sid": "FunctionURLAllowPublicAccess",
                    "Effect": "Allow",
                    "Principal": "*",
                    "Action": "lambda:InvokeFunctionUrl",
                    "Resource": function_arn("shop-checkout"),
                    "Condition": { "StringEquals": { "lambda:FunctionUrlAuthType": "NONE" } }
                },
                {
                    "Sid": "FunctionURLInvokeAllowPublicAccess",
                    "Effect": "Allow",
                    "Principal": "*",
                    "Action": "lambda:InvokeFunction",
                    "Resource": function_arn("shop-checkout"),
                    "Condition": { "Bool": { "lambda:InvokedViaFunctionUrl": "true" } }
                }
            ])),
        ),
        ("shop-admin-tasks", policy(from_rule("shop-admin-tasks"))),
        ("shop-inventory-sync", policy(from_rule("shop-inventory-sync"))),
        (
            "shop-notify",
            policy(json!([{
                "Sid": "order-events",
                "Effect": "Allow",
                "Principal": { "Service": "sns.amazonaws.com" },
                "Action": "lambda:InvokeFunction",
                "Resource": function_arn("shop-notify"),
                "Condition": { "ArnLike": { "AWS:SourceArn": topic_arn("shop-order-events") } }
            }])),
        ),
        ("shop-report-daily", policy(from_rule("shop-report-daily"))),
    ]
}

fn tags(logical_id: &str) -> Value {
    json!({
        "Tags": {
            "aws:cloudformation:logical-id": logical_id,
            "aws:cloudformation:stack-id":
                format!("arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/shop/9b1c3f70-b08d-11ef-8a2e-0a4d6f7c1e35"),
            "aws:cloudformation:stack-name": "shop",
            "stage": "production",
            "team": "shop"
        }
    })
}

/// `describe-trails`, with each trail's status and selectors beside it.
fn trails() -> Value {
    let data = |name: &str, kind: &str| {
        json!({
            "Name": name,
            "FieldSelectors": [
                { "Field": "eventCategory", "Equals": ["Data"] },
                { "Field": "resources.type", "Equals": [kind] }
            ]
        })
    };
    json!({
        "trailList": [{
            "Name": "shop-trail",
            "S3BucketName": "shop-trail-111122223333",
            "IncludeGlobalServiceEvents": true,
            "IsMultiRegionTrail": true,
            "HomeRegion": REGION,
            "TrailARN": format!("arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/shop-trail"),
            "LogFileValidationEnabled": true,
            "HasCustomEventSelectors": true,
            "HasInsightSelectors": false,
            "IsOrganizationTrail": false,
            "Status": {
                "IsLogging": true,
                "LatestDeliveryTime": "2026-10-30T05:54:18.305000+00:00",
                "StartLoggingTime": "2024-06-03T08:31:26.117000+00:00",
                "LatestDigestDeliveryTime": "2026-10-30T05:31:02.660000+00:00",
                "LatestDeliveryAttemptTime": "2026-10-30T05:54:18Z",
                "LatestNotificationAttemptTime": "",
                "LatestNotificationAttemptSucceeded": "",
                "LatestDeliveryAttemptSucceeded": "2026-10-30T05:54:18Z",
                "TimeLoggingStarted": "2024-06-03T08:31:26Z",
                "TimeLoggingStopped": ""
            },
            "AdvancedEventSelectors": [
                {
                    "Name": "All management events",
                    "FieldSelectors": [{ "Field": "eventCategory", "Equals": ["Management"] }]
                },
                data("Objects", "AWS::S3::Object"),
                data("Tables", "AWS::DynamoDB::Table"),
                data("Invocations", "AWS::Lambda::Function")
            ]
        }]
    })
}
