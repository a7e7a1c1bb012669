//! Everybody else in the trail: people, the deployment pipeline, other services, a partner. None of it may
//! count as a function's need.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::account::{
    ACCOUNT, ANALYTICS_POLICY, ExampleRole, FEED_BUCKET, INVOICE_KEY, PARTNER_ACCOUNT, REGION, SCALING_ROLE,
    function_arn, role, role_arn, table_arn,
};
use super::identities::{ExampleCaller, assumed, service, user};
use super::prng::{BASE32, HEX, Prng};
use super::record::{ExampleCall, ExampleEvent};
use super::window::{DAYS, Moment, day as days, is_weekend};

const BROWSER: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
const TERMINAL: &str = "aws-cli/2.28.11 md/awscrt#0.27.6 ua/2.1 os/macos#25.0.0 md/arch#arm64 lang/python#3.13.7 md/pyimpl#CPython m/b,E,Z";
const PIPELINE: &str = "aws-cli/2.28.11 md/awscrt#0.27.6 ua/2.1 os/linux#6.11.0-1018-azure md/arch#x86_64 lang/python#3.13.7 md/pyimpl#CPython exec-env/GitHubActions m/b,E,Z";
const PIPELINE_ADDRESS: &str = "203.0.113.24";

pub fn events() -> Result<Vec<ExampleEvent>> {
    let mut log = Log { prng: Prng::new("everybody else", 0), events: Vec::new() };
    for day in 0..DAYS {
        log.prng = Prng::new("everybody else", day);
        people(&mut log, day)?;
        pipeline(&mut log, day)?;
        services(&mut log, day)?;
        partner(&mut log, day)?;
    }
    Ok(log.events)
}

struct Log {
    prng: Prng,
    events: Vec<ExampleEvent>,
}

impl Log {
    fn add(&mut self, caller: &ExampleCaller, at: Moment, call: ExampleCall) -> Result<()> {
        self.events.push(call.by(caller, at, &mut self.prng)?);
        Ok(())
    }
}

fn known(name: &str) -> Result<&'static ExampleRole> {
    role(name).with_context(|| format!("no role `{name}`"))
}

fn people(log: &mut Log, day: u32) -> Result<()> {
    if is_weekend(day) {
        return Ok(());
    }
    let at = Moment::at(day, 7, 5).plus(log.prng.between(0, 2400));
    let dana = user("dana", "AIDAEXAMPLEDANA5W2K3R", BROWSER, at)?;
    let wrong_password = day % 19 == 6;
    if wrong_password {
        log.add(&dana, at, login(false))?;
    }
    log.add(&dana, at.plus(20), login(true))?;
    log.add(&dana, at.plus(90), ExampleCall::read("iam", "ListUsers", json!({ "maxItems": 1000 })).global())?;
    if day % 5 == 3 {
        let summary = ExampleCall::read("iam", "GetAccountSummary", json!(null)).global();
        log.add(&dana, at.plus(91), summary)?;
    }
    let at = Moment::at(day, 8, 30).plus(log.prng.between(0, 20_000));
    let luis = user("luis", "AIDAEXAMPLELUIS4T6M7P", TERMINAL, at)?;
    log.add(&luis, at, ExampleCall::read("monitoring", "DescribeAlarms", json!({ "maxRecords": 50 })))?;
    log.add(&luis, at.plus(30), ExampleCall::read("dynamodb", "ListTables", json!({ "limit": 100 })))?;
    let configuration = json!({ "functionName": log.prng.pick(&["shop-search", "shop-checkout", "shop-notify"]) });
    log.add(&luis, at.plus(45), ExampleCall::read("lambda", "GetFunctionConfiguration20150331v2", configuration))?;
    if day % 13 == 4 {
        let message = format!(
            "User: arn:aws:iam::{ACCOUNT}:user/luis is not authorized to perform: lambda:UpdateFunctionCode on resource: {} \
             because no identity-based policy allows the lambda:UpdateFunctionCode action",
            function_arn("shop-search")
        );
        let update = ExampleCall::write("lambda", "UpdateFunctionCode20150331v2", json!({}))
            .denied("AccessDeniedException", message);
        log.add(&luis, at.plus(60), update)?;
    }
    if day == 40 || day == 41 {
        debug_reports(log, day)?;
    }
    Ok(())
}

fn login(succeeds: bool) -> ExampleCall {
    ExampleCall::write("signin", "ConsoleLogin", json!(null))
        .global()
        .kind("AwsConsoleSignIn")
        .answer(json!({ "ConsoleLogin": if succeeds { "Success" } else { "Failure" } }))
        .with(json!({
            "LoginTo": "https://console.aws.amazon.com/console/home",
            "MobileVersion": "No",
            "MFAUsed": "Yes",
        }))
}

/// Dana takes on the role that the report functions share.
fn debug_reports(log: &mut Log, day: u32) -> Result<()> {
    let at = Moment::at(day, 10, 12);
    let shared = known("shop-reporting-role")?;
    let dana = user("dana", "AIDAEXAMPLEDANA5W2K3R", TERMINAL, at)?;
    let assume =
        ExampleCall::read("sts", "AssumeRole", json!({ "roleArn": shared.arn(), "roleSessionName": "dana-debug" }))
            .on("AWS::IAM::Role", &shared.arn());
    log.add(&dana, at, assume)?;
    let debugging = assumed(shared, "dana-debug", "192.0.2.15", TERMINAL, at)?;
    log.add(&debugging, at.plus(30), ExampleCall::read("glue", "GetDatabases", json!({ "maxResults": 100 })))?;
    log.add(&debugging, at.plus(52), ExampleCall::read("glue", "GetTables", json!({ "databaseName": "shop" })))
}

fn pipeline(log: &mut Log, day: u32) -> Result<()> {
    let deploy = known("shop-deploy")?;
    let at = Moment::at(day, 2, 10).plus(log.prng.between(0, 300));
    let nightly = assumed(deploy, "nightly-drift", PIPELINE_ADDRESS, PIPELINE, at)?;
    log.add(&nightly, at, ExampleCall::write("cloudformation", "DetectStackDrift", json!({ "stackName": "shop" })))?;
    let checked = log.prng.pick(&["shop-checkout-role", "shop-invoice-role", "shop-payment-role", "shop-search-role"]);
    log.add(&nightly, at.plus(8), ExampleCall::read("iam", "GetRole", json!({ "roleName": checked })).global())?;
    let list = ExampleCall::read("iam", "ListAttachedRolePolicies", json!({ "roleName": checked })).global();
    log.add(&nightly, at.plus(9), list)?;
    match day {
        days::FIRST_DEPLOYMENT | days::SECOND_DEPLOYMENT | days::LAST_DEPLOYMENT => deploy_checkout(log, deploy, day),
        days::POLICY_CHANGE => change_analytics_policy(log, deploy, day),
        _ => Ok(()),
    }
}

fn signed_in(log: &mut Log, deploy: &ExampleRole, at: Moment) -> Result<ExampleCaller> {
    let subject = "repo:example-shop/shop:ref:refs/heads/main";
    let provider = format!("arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com");
    let workflow = ExampleCaller {
        identity: json!({
            "type": "WebIdentityUser",
            "principalId": format!("{provider}:sts.amazonaws.com:{subject}"),
            "userName": subject,
            "identityProvider": provider,
        }),
        address: PIPELINE_ADDRESS.to_owned(),
        agent: PIPELINE.to_owned(),
        tls: true,
        vpc_endpoint: None,
    };
    let sign_in = ExampleCall::read(
        "sts",
        "AssumeRoleWithWebIdentity",
        json!({ "roleArn": deploy.arn(), "roleSessionName": "GitHubActions", "durationSeconds": 3600 }),
    )
    .on("AWS::IAM::Role", &deploy.arn());
    log.add(&workflow, at, sign_in)?;
    assumed(deploy, "GitHubActions", PIPELINE_ADDRESS, PIPELINE, at)
}

fn deploy_checkout(log: &mut Log, deploy: &ExampleRole, day: u32) -> Result<()> {
    let at = Moment::at(day, 9, 14).plus(log.prng.between(0, 50));
    let actions = signed_in(log, deploy, at)?;
    let (bucket, key) =
        ("shop-artifacts-111122223333", format!("checkout/{}.zip", log.prng.text(40, HEX).to_lowercase()));
    let object = json!({ "bucketName": bucket, "Host": format!("{bucket}.s3.{REGION}.amazonaws.com"), "key": key });
    log.add(&actions, at.plus(30), ExampleCall::write("s3", "PutObject", object).data().on_object(bucket, &key))?;
    let read = ExampleCall::read("lambda", "GetFunction20150331v2", json!({ "functionName": "shop-checkout" }));
    log.add(&actions, at.plus(33), read)?;
    let update = ExampleCall::write(
        "lambda",
        "UpdateFunctionCode20150331v2",
        json!({ "functionName": "shop-checkout", "s3Bucket": bucket, "s3Key": key, "publish": false, "dryRun": false }),
    )
    .answer(json!({
        "functionName": "shop-checkout",
        "functionArn": function_arn("shop-checkout"),
        "runtime": "nodejs22.x",
        "role": role_arn("shop-checkout-role"),
        "version": "$LATEST",
        "lastModified": at.plus(35).format("%Y-%m-%dT%H:%M:%S.000+0000")?,
    }));
    log.add(&actions, at.plus(35), update)
}

fn change_analytics_policy(log: &mut Log, deploy: &ExampleRole, day: u32) -> Result<()> {
    let at = Moment::at(day, 13, 3);
    let actions = signed_in(log, deploy, at)?;
    let change = ExampleCall::write(
        "iam",
        "CreatePolicyVersion",
        json!({
            "policyArn": format!("arn:aws:iam::{ACCOUNT}:policy/{ANALYTICS_POLICY}"),
            "policyDocument": super::grants::analytics_policy_text(),
            "setAsDefault": true,
        }),
    )
    .answer(json!({
        "policyVersion": {
            "versionId": "v2",
            "isDefaultVersion": true,
            "createDate": at.plus(60).format("%b %-d, %Y, %-I:%M:%S %p")?,
        }
    }))
    .global();
    log.add(&actions, at.plus(60), change)
}

fn services(log: &mut Log, day: u32) -> Result<()> {
    for (name, hour, minute) in [
        ("shop-inventory-sync", 1, 5),
        ("shop-report-daily", 4, 0),
        ("shop-admin-tasks", 5, 30),
        ("shop-inventory-sync", 11, 5),
        ("shop-inventory-sync", 21, 5),
    ] {
        let invoke = ExampleCall::write(
            "lambda",
            "Invoke",
            json!({
                "functionName": function_arn(name),
                "invocationType": "Event",
                "sourceArn": format!("arn:aws:events:{REGION}:{ACCOUNT}:rule/{name}"),
                "sourceAccount": ACCOUNT,
            }),
        )
        .data()
        .on("AWS::Lambda::Function", &function_arn(name));
        log.add(&service("events.amazonaws.com"), Moment::at(day, hour, minute), invoke)?;
    }
    for hour in [3, 15] {
        let at = Moment::at(day, hour, 40).plus(log.prng.between(0, 900));
        let scaling = "dynamodb.application-autoscaling.amazonaws.com";
        let mut caller = assumed(known(SCALING_ROLE)?, "AutoScaling-ManageTables", scaling, scaling, at)?;
        caller.tls = false;
        if let Some(identity) = caller.identity.as_object_mut() {
            identity.insert("invokedBy".to_owned(), json!(scaling));
        }
        let describe = ExampleCall::read("dynamodb", "DescribeTable", json!({ "tableName": "orders" }))
            .on("AWS::DynamoDB::Table", &table_arn("orders"));
        log.add(&caller, at, describe)?;
    }
    let at = Moment::at(day, 20, 0).plus(log.prng.between(0, 60));
    let session = log.prng.text(32, HEX).to_lowercase();
    let task = assumed(
        known("shop-task-role")?,
        &session,
        "198.51.100.251",
        "aws-sdk-go-v2/1.39.2 ua/2.1 os/linux lang/go#1.24.7 md/GOOS#linux md/GOARCH#amd64 api/s3#1.88.3 exec-env/AWS_ECS_FARGATE m/E",
        at,
    )?;
    let (bucket, key) = ("shop-product-images-111122223333", format!("original/p-{:04}.jpg", log.prng.below(700)));
    let object = json!({ "bucketName": bucket, "Host": format!("{bucket}.s3.{REGION}.amazonaws.com"), "key": key });
    log.add(&task, at, ExampleCall::read("s3", "GetObject", object).data().on_object(bucket, &key))?;
    if day == 45 {
        rotate_key(log, day)?;
    }
    Ok(())
}

/// Not an API call: KMS turns a key by itself.
fn rotate_key(log: &mut Log, day: u32) -> Result<()> {
    let mut kms = service("AWS Internal");
    kms.identity = json!({ "accountId": ACCOUNT, "invokedBy": "AWS Internal" });
    let rotate =
        ExampleCall::read("kms", "RotateKey", Value::Null).kind("AwsServiceEvent").on("AWS::KMS::Key", INVOICE_KEY);
    log.add(&kms, Moment::at(day, 6, 11), rotate)
}

/// A supplier puts a feed into our bucket; this is the copy of the event that the bucket's account gets.
fn partner(log: &mut Log, day: u32) -> Result<()> {
    let at = Moment::at(day, 0, 30).plus(log.prng.between(0, 1500));
    let supplier = ExampleCaller {
        identity: json!({
            "type": "AWSAccount",
            "principalId": format!("AROAEXAMPLEPTN4W6C2HX:feeds-{}", log.prng.text(6, BASE32).to_lowercase()),
            "accountId": PARTNER_ACCOUNT,
        }),
        address: "203.0.113.201".to_owned(),
        agent: "aws-sdk-java/2.31.0 ua/2.1 os/Linux lang/java#17.0.12".to_owned(),
        tls: true,
        vpc_endpoint: None,
    };
    let key = format!("acme/{}", at.format("%Y-%m-%d.csv")?);
    let object =
        json!({ "bucketName": FEED_BUCKET, "Host": format!("{FEED_BUCKET}.s3.{REGION}.amazonaws.com"), "key": key });
    let put = ExampleCall::write("s3", "PutObject", object).data().on_object(FEED_BUCKET, &key);
    let mut event = put.by(&supplier, at, &mut log.prng)?;
    if let Some(record) = event.record.as_object_mut() {
        record.insert("sharedEventID".to_owned(), json!(log.prng.uuid()));
    }
    log.events.push(event);
    Ok(())
}
