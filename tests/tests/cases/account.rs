//! A small account, built in a few lines: inventory, trail and events in folders, and the whole analysis over
//! them.

use std::path::PathBuf;

use serde_json::{Value, json};
use whittle_analysis::result::{FunctionResult, Report, Verdict};
use whittle_local::snapshot::SnapshotFolder;
use whittle_local::store::SqliteStore;
use whittle_local::trail::TrailFolder;
use whittle_pipeline::run::{RunSettings, run};

pub(super) const ACCOUNT: &str = "111122223333";
pub(super) const REGION: &str = "eu-west-1";
/// Days of the window: 2026-08-01 to 2026-10-29.
pub(super) const DAYS: i64 = 90;

/// An account with functions `one` (and `two`), both under the role `shared`.
pub(super) struct Case {
    pub(super) policies: Vec<(&'static str, Value)>,
    pub(super) managed: Vec<Value>,
    pub(super) functions: Vec<Value>,
    pub(super) mappings: Vec<Value>,
    pub(super) trail: Value,
    pub(super) events: Vec<Value>,
    pub(super) last_accessed: Option<Value>,
    pub(super) role_id: &'static str,
    pub(super) settings: RunSettings,
    pub(super) lookup_only: bool,
}

pub(super) fn allow(actions: &[&str], resources: &[&str]) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": resources}]})
}

pub(super) fn function(name: &str) -> Value {
    json!({
        "FunctionName": name,
        "FunctionArn": format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}:$LATEST"),
        "Version": "$LATEST",
        "Role": format!("arn:aws:iam::{ACCOUNT}:role/shared"),
        "Runtime": "python3.13",
        "Handler": "app.handler",
        "LastModified": "2026-01-01T00:00:00.000+0000",
    })
}

pub(super) fn time(day: i64) -> String {
    let start: i64 = 20_666; // 2026-08-01
    let day = start + day;
    let (mut year, mut rest) = (1970, day);
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    while rest >= if leap(year) { 366 } else { 365 } {
        rest -= if leap(year) { 366 } else { 365 };
        year += 1;
    }
    let months = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while rest >= months[month] {
        rest -= months[month];
        month += 1;
    }
    format!("{year:04}-{:02}-{:02}T12:00:00Z", month + 1, rest + 1)
}

/// A call of code in function `name`.
pub(super) fn call(name: &str, day: i64, service: &str, event: &str, parameters: Value) -> Value {
    json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": format!("AROAEXAMPLESHARED0001:{name}"),
            "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/shared/{name}"),
            "accountId": ACCOUNT,
            "sessionContext": {"sessionIssuer": {
                "type": "Role",
                "principalId": "AROAEXAMPLESHARED0001",
                "arn": format!("arn:aws:iam::{ACCOUNT}:role/shared"),
                "accountId": ACCOUNT,
                "userName": "shared",
            }},
            "inScopeOf": {
                "issuerType": "AWS::Lambda::Function",
                "credentialsIssuedTo": format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"),
            },
        },
        "eventTime": time(day),
        "eventSource": format!("{service}.amazonaws.com"),
        "eventName": event,
        "awsRegion": REGION,
        "userAgent": "Boto3/1.40 exec-env/AWS_Lambda_python3.13",
        "requestParameters": parameters,
        "eventID": format!("{name}-{day}-{service}-{event}"),
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
    })
}

pub(super) fn as_data(mut event: Value, kind: &str, arn: &str) -> Value {
    event["managementEvent"] = json!(false);
    event["eventCategory"] = json!("Data");
    event["resources"] = json!([{"type": kind, "ARN": arn, "accountId": ACCOUNT}]);
    event
}

/// The same call by a session of the role that is no function's.
pub(super) fn by_person(mut event: Value) -> Value {
    let identity = &mut event["userIdentity"];
    identity["principalId"] = json!("AROAEXAMPLESHARED0001:dana");
    identity["arn"] = json!(format!("arn:aws:sts::{ACCOUNT}:assumed-role/shared/dana"));
    identity.as_object_mut().unwrap().remove("inScopeOf");
    event["userAgent"] = json!("aws-cli/2.30");
    event
}

/// The same call by the Lambda service.
pub(super) fn by_lambda(mut event: Value) -> Value {
    let session = "awslambda_7_20260801120000123";
    let identity = &mut event["userIdentity"];
    identity["principalId"] = json!(format!("AROAEXAMPLESHARED0001:{session}"));
    identity["arn"] = json!(format!("arn:aws:sts::{ACCOUNT}:assumed-role/shared/{session}"));
    identity.as_object_mut().unwrap().remove("inScopeOf");
    event["userAgent"] = json!("lambda.amazonaws.com");
    event
}

/// IAM's event for a policy that is written.
pub(super) fn policy_change(day: i64, event: &str, parameters: Value) -> Value {
    let mut record = call("one", day, "iam", event, parameters);
    record["userIdentity"] =
        json!({"type": "IAMUser", "principalId": "AIDAEXAMPLE", "accountId": ACCOUNT, "userName": "ops"});
    record["awsRegion"] = json!("us-east-1");
    record
}

impl Case {
    pub(super) fn new(policy: Value) -> Self {
        let mut events = Vec::new();
        for day in 0..DAYS {
            for name in ["one", "two"] {
                let group =
                    json!({"logGroupName": format!("/aws/lambda/{name}"), "logStreamName": "2026/08/01/[$LATEST]ab"});
                events.push(call(name, day, "logs", "CreateLogStream", group));
            }
        }
        Self {
            policies: vec![("own", policy)],
            managed: Vec::new(),
            functions: vec![function("one"), function("two")],
            mappings: Vec::new(),
            trail: json!({
                "Name": "main",
                "TrailARN": format!("arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/main"),
                "HomeRegion": REGION,
                "IsMultiRegionTrail": true,
                "IncludeGlobalServiceEvents": true,
                "HasCustomEventSelectors": false,
                "Status": {"IsLogging": true, "StartLoggingTime": "2025-01-01T00:00:00Z"},
            }),
            events,
            last_accessed: None,
            role_id: "AROAEXAMPLESHARED0001",
            settings: RunSettings::default(),
            lookup_only: false,
        }
    }

    pub(super) fn with(mut self, event: Value) -> Self {
        self.events.push(event);
        self
    }

    pub(super) fn logging(mut self, selectors: Value) -> Self {
        self.trail["HasCustomEventSelectors"] = json!(true);
        self.trail["AdvancedEventSelectors"] = selectors;
        self
    }

    pub(super) fn run(self) -> Report {
        let dir = tempfile::tempdir().unwrap();
        let snapshot: PathBuf = dir.path().join("snapshot");
        let trail = dir.path().join("trail");
        std::fs::create_dir_all(snapshot.join("service-last-accessed")).unwrap();
        std::fs::create_dir_all(&trail).unwrap();
        let write = |name: &str, value: &Value| std::fs::write(snapshot.join(name), value.to_string()).unwrap();
        let inline: Vec<Value> = self
            .policies
            .iter()
            .map(|(name, document)| json!({"PolicyName": name, "PolicyDocument": document}))
            .collect();
        let attached: Vec<Value> = self
            .managed
            .iter()
            .map(|policy| json!({"PolicyName": policy["PolicyName"], "PolicyArn": policy["Arn"]}))
            .collect();
        write(
            "authorization-details.json",
            &json!({"UserDetailList": [], "GroupDetailList": [], "Policies": self.managed, "RoleDetailList": [{
                "Path": "/", "RoleName": "shared", "RoleId": self.role_id,
                "Arn": format!("arn:aws:iam::{ACCOUNT}:role/shared"), "CreateDate": "2025-01-01T00:00:00Z",
                "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": []},
                "RolePolicyList": inline, "AttachedManagedPolicies": attached, "Tags": [],
                "RoleLastUsed": {"LastUsedDate": "2026-10-29T12:00:00Z", "Region": REGION},
            }]}),
        );
        write("functions.json", &json!({"Functions": self.functions}));
        write("event-source-mappings.json", &json!({"EventSourceMappings": self.mappings}));
        write("trails.json", &json!({"trailList": [self.trail]}));
        if let Some(report) = &self.last_accessed {
            write("service-last-accessed/shared.json", report);
        }
        if self.lookup_only {
            let events: Vec<Value> = self
                .events
                .iter()
                .map(|event| json!({"EventId": event["eventID"], "CloudTrailEvent": event.to_string()}))
                .collect();
            std::fs::write(trail.join("lookup.json"), json!({"Events": events}).to_string()).unwrap();
        } else {
            std::fs::write(trail.join("events.json"), json!({"Records": self.events}).to_string()).unwrap();
        }
        run(
            &SnapshotFolder::open(&snapshot).unwrap(),
            &TrailFolder::new(vec![trail]),
            &mut SqliteStore::open_in_memory().unwrap(),
            &self.settings,
            &mut (),
        )
        .unwrap()
        .report
    }
}

pub(super) fn result<'a>(report: &'a Report, name: &str) -> &'a FunctionResult {
    report.functions.iter().find(|result| result.function_arn.ends_with(&format!(":{name}"))).unwrap()
}

#[track_caller]
pub(super) fn check(report: &Report, name: &str, action: &str, expect: Verdict, resources: &[&str]) {
    let row = result(report, name).verdicts.iter().find(|row| row.action == action).unwrap_or_else(|| {
        panic!("{name} has no verdict on {action}");
    });
    assert_eq!(
        (row.verdict, row.resources.iter().map(String::as_str).collect::<Vec<_>>()),
        (expect, resources.to_vec()),
        "{row:#?}"
    );
}

#[track_caller]
pub(super) fn check_verdict(report: &Report, name: &str, action: &str, expect: Verdict) {
    let row = result(report, name).verdicts.iter().find(|row| row.action == action).unwrap();
    assert_eq!(row.verdict, expect, "{row:#?}");
}
