//! The functions behind the shop: orders, invoices, stock, reports, chores.

use anyhow::Result;
use serde_json::json;

use super::Shift;
use super::calls::{decrypt, generate_data_key, get_object, object, put_object, scan, update_item};
use crate::generate_example::account::{
    ACCOUNT, FEED_BUCKET, INVOICE_BUCKET, INVOICE_KEY, REGION, REPORT_BUCKET, queue_arn, role_arn, table_arn,
};
use crate::generate_example::prng::HEX;
use crate::generate_example::record::ExampleCall;
use crate::generate_example::window::{Moment, day as days, is_weekend};

/// Receives and deletes messages too, but the trail has no data events of SQS.
pub fn order_worker(day: u32) -> Result<Shift> {
    let mut shift = Shift::new("shop-order-worker", day)?;
    let at = shift.sometime();
    shift.poll(at)?;
    shift.start_sandbox(at.plus(20))?;
    for _ in 0..shift.prng.between(4, 6) {
        let at = shift.sometime();
        let order = format!("o-2026-{}", shift.prng.text(8, HEX).to_lowercase());
        shift.call(at, update_item("orders", &json!({ "orderId": order }), &["state", "updatedAt"]))?;
    }
    if day == 27 || day == 64 {
        let queue = queue_arn("shop-orders");
        let message = format!(
            "User: arn:aws:sts::{ACCOUNT}:assumed-role/shop-order-worker-role/shop-order-worker is not authorized to \
             perform: sqs:purgequeue on resource: {queue} with an explicit deny in an identity-based policy"
        );
        let purge = ExampleCall::write("sqs", "PurgeQueue", json!({})).denied("AccessDenied", message);
        let at = shift.sometime();
        shift.call(at, purge)?;
    }
    Ok(shift)
}

pub fn invoice(day: u32) -> Result<Shift> {
    let mut shift = Shift::new("shop-invoice", day)?;
    let sandbox = shift.sometime();
    shift.start_sandbox(sandbox)?;
    // S3 asks KMS seldom, because of its bucket keys.
    let asks_kms = day % 4 == 1;
    for number in 0..shift.prng.between(3, 5) {
        let at = shift.sometime();
        let key = format!("{}in-2026-{day:02}{number:03}.pdf", at.format("%Y/%m/")?);
        shift.call(at, put_object(INVOICE_BUCKET, &key, Some(INVOICE_KEY)))?;
        let context = json!({ "aws:s3:arn": format!("arn:aws:s3:::{INVOICE_BUCKET}") });
        if asks_kms && number == 0 {
            shift.forward(at, "AWS Internal", generate_data_key(INVOICE_KEY, &context))?;
        }
        if shift.prng.once_in(2) {
            let at = at.plus(60);
            shift.call(at, get_object(INVOICE_BUCKET, &key))?;
            if asks_kms {
                shift.forward(at, "AWS Internal", decrypt(INVOICE_KEY, &context))?;
            }
        }
    }
    if days::MONTH_ENDS.contains(&day) {
        archive(&mut shift)?;
    }
    Ok(shift)
}

/// All invoices of the month in one file, in parts.
fn archive(shift: &mut Shift) -> Result<()> {
    let at = Moment::at(shift.day, 22, 30);
    let key = format!("archive/{}.zip", at.format("%Y-%m")?);
    let upload = shift.prng.text(32, HEX).to_lowercase();
    let step = |name: &'static str, query: &[(&str, &str)]| {
        let mut parameters = object(INVOICE_BUCKET, &key);
        if let Some(parameters) = parameters.as_object_mut() {
            parameters.extend(query.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
        }
        ExampleCall::write("s3", name, parameters).data().on_object(INVOICE_BUCKET, &key)
    };
    let start = [("uploads", ""), ("x-amz-server-side-encryption", "aws:kms")];
    shift.call(at, step("CreateMultipartUpload", &start))?;
    for (seconds, part) in [(3, "1"), (9, "2"), (14, "3")] {
        shift.call(at.plus(seconds), step("UploadPart", &[("partNumber", part), ("uploadId", &upload)]))?;
    }
    shift.call(at.plus(17), step("CompleteMultipartUpload", &[("uploadId", &upload)]))
}

pub fn inventory_sync(day: u32) -> Result<Shift> {
    let mut shift = Shift::new("shop-inventory-sync", day)?;
    let sandbox = Moment::at(day, 1, 5);
    shift.start_sandbox(sandbox)?;
    let parameters = format!("arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/shop/inventory");
    if day % 7 == 2 {
        let list =
            ExampleCall::read("ssm", "GetParametersByPath", json!({ "path": "/shop/inventory", "recursive": true }));
        shift.call(sandbox.plus(2), list)?;
    }
    for hour in [1, 11, 21] {
        let at = Moment::at(day, hour, 5).plus(shift.prng.between(4, 50));
        let get = ExampleCall::read("ssm", "GetParameter", json!({ "name": "/shop/inventory/suppliers" }))
            .on("AWS::SSM::Parameter", &format!("{parameters}/suppliers"));
        let get = if shift.prng.once_in(50) { get.fails("ThrottlingException", "Rate exceeded") } else { get };
        shift.call(at, get)?;
        let supplier = shift.prng.pick(&["acme", "globex", "initech"]);
        let feed = format!("{supplier}/{}", at.format("%Y-%m-%d.csv")?);
        let read = get_object(FEED_BUCKET, &feed);
        if shift.prng.once_in(12) {
            shift.call(at.plus(1), read.fails("NoSuchKey", "The specified key does not exist."))?;
            continue;
        }
        shift.call(at.plus(1), read)?;
        let product = |number: u32| json!({ "putRequest": { "key": { "productId": format!("p-{number:04}") }, "items": ["productId", "stock", "supplier"] } });
        let first = shift.prng.below(690);
        let write = ExampleCall::write(
            "dynamodb",
            "BatchWriteItem",
            json!({ "requestItems": { "inventory": [product(first), product(first + 1)] } }),
        )
        .data()
        .on("AWS::DynamoDB::Table", &table_arn("inventory"));
        shift.call(at.plus(3), write)?;
    }
    if day % 30 == 14 {
        let message = format!(
            "User: arn:aws:sts::{ACCOUNT}:assumed-role/shop-inventory-sync-role/shop-inventory-sync is not authorized to \
             perform: ssm:PutParameter on resource: {parameters}/last-run because no permissions boundary allows the \
             ssm:PutParameter action"
        );
        let put = ExampleCall::write("ssm", "PutParameter", json!({})).denied("AccessDeniedException", message);
        shift.call(Moment::at(day, 21, 9), put)?;
    }
    Ok(shift)
}

pub fn report_daily(day: u32) -> Result<Shift> {
    let mut shift = Shift::new("shop-report-daily", day)?;
    let at = Moment::at(day, 4, 0).plus(shift.prng.between(1, 20));
    shift.start_sandbox(at)?;
    for (seconds, table) in [(5, "orders"), (31, "inventory")] {
        let describe = ExampleCall::read("dynamodb", "DescribeTable", json!({ "tableName": table }))
            .on("AWS::DynamoDB::Table", &table_arn(table));
        shift.call(at.plus(seconds), describe)?;
        shift.call(at.plus(seconds + 1), scan(table))?;
    }
    let key = format!("daily/{}.csv", at.format("%Y-%m-%d")?);
    shift.call(at.plus(75), put_object(REPORT_BUCKET, &key, None))?;
    Ok(shift)
}

/// Mails too, but the trail has no data events of SES. Its SDK is old and its events have no `inScopeOf`.
pub fn report_monthly(day: u32) -> Result<Shift> {
    let mut shift = Shift::under("shop-report-monthly", "shop-reporting-role", None, day)?;
    if !days::MONTH_STARTS.contains(&day) {
        return Ok(shift);
    }
    let at = Moment::at(day, 6, 0).plus(shift.prng.between(1, 20));
    shift.start_sandbox(at)?;
    let bucket = REPORT_BUCKET;
    let list = ExampleCall::read(
        "s3",
        "ListObjects",
        json!({
            "bucketName": bucket,
            "Host": format!("{bucket}.s3.eu-central-1.amazonaws.com"),
            "list-type": "2",
            "prefix": "daily/",
        }),
    )
    .data()
    .on_listed(bucket);
    shift.call(at.plus(4), list)?;
    // The first month has no reports of the days before.
    for past in 1..=day.min(30) {
        let key = format!("daily/{}.csv", Moment::new(day - past, 0).format("%Y-%m-%d")?);
        shift.call(at.plus(5 + past), get_object(bucket, &key))?;
    }
    if day == 0 {
        for date in ["2026-07-29", "2026-07-30", "2026-07-31"] {
            shift.call(at.plus(9), get_object(bucket, &format!("daily/{date}.csv")))?;
        }
    }
    Ok(shift)
}

pub fn admin_tasks(day: u32) -> Result<Shift> {
    let mut shift = Shift::new("shop-admin-tasks", day)?;
    let at = Moment::at(day, 5, 30).plus(shift.prng.between(1, 20));
    shift.start_sandbox(at)?;
    let at = at.plus(4);
    shift.call(at, ExampleCall::read("sts", "GetCallerIdentity", json!(null)))?;
    let describe = json!({ "filterSet": { "items": [{ "name": "tag:team", "valueSet": { "items": [{ "value": "shop" }] } }] }, "instancesSet": {} });
    shift.call(at.plus(1), ExampleCall::read("ec2", "DescribeInstances", describe))?;
    let alarms = json!({ "stateValue": "ALARM", "maxRecords": 100 });
    shift.call(at.plus(2), ExampleCall::read("monitoring", "DescribeAlarms", alarms))?;
    let machine = format!("arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:shop-clean-up");
    let execution = shift.prng.uuid();
    let start = ExampleCall::write(
        "states",
        "StartExecution",
        json!({ "stateMachineArn": machine, "name": execution, "input": "HIDDEN_DUE_TO_SECURITY_REASONS" }),
    )
    .answer(json!({
        "executionArn": format!("arn:aws:states:{REGION}:{ACCOUNT}:execution:shop-clean-up:{execution}"),
        "startDate": at.plus(3).format("%b %-d, %Y, %-I:%M:%S %p")?,
    }));
    shift.call(at.plus(3), start)?;
    if !is_weekend(day) && day % 7 == 2 {
        weekly(&mut shift, at.plus(60))?;
    }
    if [days::FIRST_DEPLOYMENT, days::SECOND_DEPLOYMENT, days::LAST_DEPLOYMENT].contains(&day) {
        tune_checkout(&mut shift)?;
    }
    Ok(shift)
}

/// On Mondays.
fn weekly(shift: &mut Shift, at: Moment) -> Result<()> {
    shift.call(at, ExampleCall::read("iam", "ListRoles", json!({ "maxItems": 100 })).global())?;
    for (seconds, table) in [(2, "carts"), (3, "orders"), (4, "products")] {
        let describe = ExampleCall::read("dynamodb", "DescribeTable", json!({ "tableName": table }))
            .on("AWS::DynamoDB::Table", &table_arn(table));
        shift.call(at.plus(seconds), describe)?;
    }
    let task_role = role_arn("shop-task-role");
    let register = ExampleCall::write(
        "ecs",
        "RegisterTaskDefinition",
        json!({
            "family": "shop-image-resizer",
            "taskRoleArn": task_role,
            "executionRoleArn": task_role,
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "cpu": "512",
            "memory": "1024",
            "containerDefinitions": [{ "name": "resizer", "image": format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/shop-image-resizer:weekly"), "essential": true }]
        }),
    );
    shift.call(at.plus(9), register)?;
    let retention = json!({ "logGroupName": "/ecs/shop-image-resizer", "retentionInDays": 30 });
    shift.call(at.plus(12), ExampleCall::write("logs", "PutRetentionPolicy", retention))
}

/// After a deployment of `shop-checkout`, its memory and role are set anew.
fn tune_checkout(shift: &mut Shift) -> Result<()> {
    let update = ExampleCall::write(
        "lambda",
        "UpdateFunctionConfiguration20150331v2",
        json!({
            "functionName": "shop-checkout",
            "role": role_arn("shop-checkout-role"),
            "memorySize": 512,
            "environment": {},
        }),
    );
    shift.call(Moment::at(shift.day, 9, 25).plus(14), update)
}
