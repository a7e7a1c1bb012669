//! Usage of the sample functions, as files of a trail: named and shaped as AWS delivers them.

use std::collections::BTreeMap;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde_json::{Value, json};

use crate::harness::{ACCOUNT, Harness, REGION};

/// Region of the events of global services.
const GLOBAL: &str = "us-east-1";

/// A call that a function makes, as CloudTrail logs it.
#[derive(Debug, Clone)]
pub struct Habit {
    pub function: String,
    pub role: String,
    pub event_source: String,
    pub event_name: String,
    pub region: String,
    /// A data event.
    pub data: bool,
    pub read_only: bool,
    pub parameters: Value,
    pub resources: Value,
}

fn habits() -> Vec<Habit> {
    let table = format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/sample-orders");
    let item = |event_name: &str, read_only| Habit {
        function: "sample-orders".to_owned(),
        role: "sample-orders-role".to_owned(),
        event_source: "dynamodb.amazonaws.com".to_owned(),
        event_name: event_name.to_owned(),
        region: REGION.to_owned(),
        data: true,
        read_only,
        parameters: json!({"tableName": "sample-orders", "key": {"id": "***"}}),
        resources: json!([{"accountId": ACCOUNT, "type": "AWS::DynamoDB::Table", "ARN": table}]),
    };
    vec![
        item("GetItem", true),
        item("PutItem", false),
        Habit {
            function: "sample-reports".to_owned(),
            role: "sample-reports-role".to_owned(),
            event_source: "ssm.amazonaws.com".to_owned(),
            event_name: "GetParameter".to_owned(),
            region: REGION.to_owned(),
            data: false,
            read_only: true,
            parameters: json!({"name": "/reports/settings", "withDecryption": false}),
            resources: json!([{
                "accountId": ACCOUNT,
                "type": "AWS::SSM::Parameter",
                "ARN": format!("arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/reports/settings"),
            }]),
        },
        Habit {
            function: "sample-admin".to_owned(),
            role: "sample-admin-role".to_owned(),
            event_source: "iam.amazonaws.com".to_owned(),
            event_name: "ListUsers".to_owned(),
            region: GLOBAL.to_owned(),
            data: false,
            read_only: true,
            parameters: Value::Null,
            resources: Value::Null,
        },
    ]
}

/// Records of the sample functions' `days` days up to yesterday, and of today up to an hour ago; role ids by
/// role name.
pub fn records(role_ids: &BTreeMap<String, String>, now: Timestamp, days: i64) -> Vec<Value> {
    history(role_ids, now, days, |_| habits())
}

/// The same of any calls: `day` answers those of so many days back.
pub fn history(
    role_ids: &BTreeMap<String, String>,
    now: Timestamp,
    days: i64,
    day: impl Fn(i64) -> Vec<Habit>,
) -> Vec<Value> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let latest = now.saturating_sub(1.hour()).expect("hours");
    let mut records = Vec::new();
    for back in (0..=days).rev() {
        let date = today.saturating_sub(back.days());
        for (number, habit) in day(back).iter().enumerate() {
            let at = moment(date, number);
            if at <= latest {
                records.push(record(habit, role_ids, at, records.len()));
            }
        }
    }
    records
}

fn moment(date: Date, number: usize) -> Timestamp {
    let minute = i8::try_from(number % 60).unwrap_or(0);
    date.at(6, minute, 0, 0).to_zoned(TimeZone::UTC).expect("UTC has every time").timestamp()
}

fn record(habit: &Habit, role_ids: &BTreeMap<String, String>, at: Timestamp, number: usize) -> Value {
    let Habit { function, role, .. } = habit;
    let role_id = role_ids.get(role).map_or("AROAUNKNOWN", String::as_str);
    json!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "AssumedRole",
            "principalId": format!("{role_id}:{function}"),
            "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{function}"),
            "accountId": ACCOUNT,
            "accessKeyId": "ASIAEXAMPLE000000002",
            "sessionContext": {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": role_id,
                    "arn": format!("arn:aws:iam::{ACCOUNT}:role/{role}"),
                    "accountId": ACCOUNT,
                    "userName": role,
                },
                "attributes": {"creationDate": at.to_string(), "mfaAuthenticated": "false"},
            },
            "inScopeOf": {
                "issuerType": "AWS::Lambda::Function",
                "credentialsIssuedTo": format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}"),
            },
        },
        "eventTime": at.to_string(),
        "eventSource": habit.event_source,
        "eventName": habit.event_name,
        "awsRegion": habit.region,
        "sourceIPAddress": "198.51.100.7",
        "userAgent": "Boto3/1.40 exec-env/AWS_Lambda_python3.13",
        "requestParameters": habit.parameters,
        "responseElements": null,
        "requestID": format!("00000000-0000-4000-9000-{number:012}"),
        "eventID": format!("00000000-0000-4000-8000-{number:012}"),
        "readOnly": habit.read_only,
        "resources": habit.resources,
        "eventType": "AwsApiCall",
        "managementEvent": !habit.data,
        "recipientAccountId": ACCOUNT,
        "eventCategory": if habit.data { "Data" } else { "Management" },
    })
}

/// One file for each Region and day of an account: key and content. `folder` comes after `AWSLogs/`.
pub fn files(folder: &str, account: &str, records: &[Value]) -> BTreeMap<String, Vec<u8>> {
    let mut by_file: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for record in records {
        let region = record["awsRegion"].as_str().unwrap_or_default();
        let day = record["eventTime"].as_str().unwrap_or_default().get(..10).unwrap_or_default();
        let (date, compact) = (day.replace('-', "/"), day.replace('-', ""));
        let name = format!("{account}_CloudTrail_{region}_{compact}T0605Z_aBcDeFgHiJkLmNoP.json.gz");
        by_file.entry(format!("AWSLogs/{folder}{account}/CloudTrail/{region}/{date}/{name}")).or_default().push(record);
    }
    by_file
        .into_iter()
        .map(|(key, records)| {
            let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
            gzip.write_all(json!({"Records": records}).to_string().as_bytes()).expect("into memory");
            (key, gzip.finish().expect("into memory"))
        })
        .collect()
}

/// Puts the files of a trail of the account into the bucket.
pub fn deliver(harness: &Harness, bucket: &str, records: &[Value]) {
    deliver_below(harness, bucket, ("", ACCOUNT), records);
}

/// Puts the files of an account into the bucket, below a folder.
pub fn deliver_below(harness: &Harness, bucket: &str, (folder, account): (&str, &str), records: &[Value]) {
    for (key, content) in files(folder, account, records) {
        harness.aws_bytes("s3", "put_object", json!({"Bucket": bucket, "Key": key}), "Body", &content);
    }
}

/// A trail over the bucket that logs since long ago, by these selectors.
pub fn start(harness: &Harness, bucket: &str, selectors: &Value) {
    start_named(harness, bucket, ("sample", false), selectors);
}

/// The same of a trail of another name, maybe of the whole organisation.
pub fn start_named(harness: &Harness, bucket: &str, (name, of_organization): (&str, bool), selectors: &Value) {
    harness.aws(
        "cloudtrail",
        "create_trail",
        json!({
            "Name": name, "S3BucketName": bucket, "IsMultiRegionTrail": true, "IncludeGlobalServiceEvents": true,
            "IsOrganizationTrail": of_organization,
        }),
    );
    let mut parameters = selectors.clone();
    parameters["TrailName"] = json!(name);
    harness.aws("cloudtrail", "put_event_selectors", parameters);
    harness.aws("cloudtrail", "start_logging", json!({"Name": name}));
}

/// Management events, and data events of tables.
pub fn with_tables() -> Value {
    json!({"EventSelectors": [{
        "ReadWriteType": "All",
        "IncludeManagementEvents": true,
        "DataResources": [{"Type": "AWS::DynamoDB::Table", "Values": ["arn:aws:dynamodb"]}],
    }]})
}

/// Management events, and data events of these types of resources.
pub fn with_data_of(types: &[&str]) -> Value {
    let selector = |name: &str, fields: Value| json!({"Name": name, "FieldSelectors": fields});
    let management = selector("management", json!([{"Field": "eventCategory", "Equals": ["Management"]}]));
    let data = types.iter().map(|kind| {
        let fields = [("eventCategory", "Data"), ("resources.type", *kind)];
        selector(kind, fields.iter().map(|(field, value)| json!({"Field": field, "Equals": [value]})).collect())
    });
    json!({"AdvancedEventSelectors": std::iter::once(management).chain(data).collect::<Vec<_>>()})
}
