//! Answers of CloudTrail (AWS CloudTrail API Reference).

use serde_json::{Value, json};

use super::super::account::{ACCOUNT, REGION, TRAIL_BUCKET};
use super::super::http::Response;
use super::{Fake, json_answer, json_error};

/// Events in an answer of LookupEvents at most.
const PAGE: usize = 50;

/// How many days longer the trail logs than it holds.
const EARLIER_DAYS: i64 = 5;

pub fn answer(fake: &Fake, operation: &str, input: &Value) -> Response {
    let arn = format!("arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/main");
    match operation {
        "DescribeTrails" => json_answer(&json!({ "trailList": [{
            "Name": "main", "S3BucketName": TRAIL_BUCKET, "IncludeGlobalServiceEvents": true, "IsMultiRegionTrail": true,
            "HomeRegion": REGION, "TrailARN": arn, "LogFileValidationEnabled": true, "HasCustomEventSelectors": true,
            "HasInsightSelectors": false, "IsOrganizationTrail": false,
        }] })),
        "GetTrailStatus" => json_answer(&json!({
            "IsLogging": true,
            "LatestDeliveryTime": fake.account().now.as_second(),
            "StartLoggingTime": fake.account().days_ago(i64::from(fake.settings.trail_days) + EARLIER_DAYS).as_second(),
        })),
        "GetEventSelectors" => {
            let equals = |field: &str, value: &str| json!({ "Field": field, "Equals": [value] });
            let data = |kind: &str| json!({ "Name": kind, "FieldSelectors": [equals("eventCategory", "Data"), equals("resources.type", kind)] });
            let management = json!({ "Name": "management", "FieldSelectors": [equals("eventCategory", "Management")] });
            let kinds = ["AWS::S3::Object", "AWS::DynamoDB::Table", "AWS::Lambda::Function", "AWS::SNS::Topic"];
            let selectors: Vec<Value> = std::iter::once(management).chain(kinds.map(data)).collect();
            json_answer(&json!({ "TrailARN": arn, "AdvancedEventSelectors": selectors }))
        }
        "LookupEvents" => {
            let time = |name: &str| input[name].as_f64();
            let from = input["NextToken"].as_str().and_then(|token| token.parse().ok()).unwrap_or(0);
            let count =
                input["MaxResults"].as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or(PAGE).min(PAGE);
            #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^52")]
            let wanted = |at: i64| {
                time("StartTime").is_none_or(|start| at as f64 >= start)
                    && time("EndTime").is_none_or(|end| at as f64 <= end)
            };
            let events = fake.trail().history.iter().rev().filter(|(at, _)| wanted(*at)).map(|(_, event)| event);
            let mut page: Vec<&Value> = events.skip(from).take(count + 1).collect();
            let more = page.len() > count;
            page.truncate(count);
            let mut body = json!({ "Events": page });
            if more {
                body["NextToken"] = json!((from + count).to_string());
            }
            json_answer(&body)
        }
        _ => json_error(400, "UnknownOperationException", "not known here"),
    }
}
