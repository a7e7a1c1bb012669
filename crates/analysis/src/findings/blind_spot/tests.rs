use serde_json::{Value, json};
use whittle_evidence::coverage::Trails;

use super::*;
use crate::result::Severity;

fn trail(name: &str, more: &Value) -> Value {
    let mut trail = json!({
        "Name": name,
        "TrailARN": format!("arn:aws:cloudtrail:eu-central-1:111122223333:trail/{name}"),
        "HomeRegion": "eu-central-1",
        "IsMultiRegionTrail": true,
        "HasCustomEventSelectors": false,
        "Status": {"IsLogging": true},
    });
    for (key, value) in more.as_object().unwrap() {
        trail[key] = value.clone();
    }
    trail
}

/// Titles with severities.
#[track_caller]
fn check(trails: &[Value], reads_event_history: bool, expect: &[(&str, Severity)]) {
    let trails = Trails::from_value(&json!({"trailList": trails})).unwrap();
    let facts = TrailFacts { account: "111122223333", trails: Some(&trails), reads_event_history };
    let found = check_trails(&facts);
    let titles: Vec<(&str, Severity)> =
        found.iter().map(|finding| (finding.title.as_str(), finding.severity)).collect();
    assert_eq!(titles, expect, "{found:#?}");
    assert!(found.iter().all(|finding| finding.role_arn.contains(":trail/")));
}

#[test]
fn a_trail_that_stopped_is_a_blind_spot_of_the_account() {
    let stopped = trail("org", &json!({"Status": {"IsLogging": false, "StopLoggingTime": "2026-11-02T08:00:00Z"}}));
    check(&[trail("org", &json!({}))], false, &[]);
    check(std::slice::from_ref(&stopped), false, &[("trail org is not logging", Severity::High)]);
    // Something else shows the same events.
    check(&[stopped.clone(), trail("two", &json!({}))], false, &[("trail org is not logging", Severity::Low)]);
    check(std::slice::from_ref(&stopped), true, &[("trail org is not logging", Severity::Low)]);
    let one_region = trail("two", &json!({"IsMultiRegionTrail": false, "HomeRegion": "us-east-1"}));
    check(&[stopped, one_region], false, &[("trail org is not logging", Severity::High)]);
    let failing = trail("org", &json!({"Status": {"IsLogging": true, "LatestDeliveryError": "AccessDenied"}}));
    check(&[failing], false, &[("trail org cannot deliver its files", Severity::High)]);
}

#[test]
fn selectors_that_leave_out_callers_or_sources_are_told() {
    let left_out = "trail org leaves out some management events";
    let basic = |selector: Value| trail("org", &json!({"EventSelectors": [selector]}));
    let all = json!({"ReadWriteType": "All", "IncludeManagementEvents": true});
    check(&[basic(all.clone())], false, &[]);
    let mut writes = all.clone();
    writes["ReadWriteType"] = json!("WriteOnly");
    check(&[basic(writes)], false, &[(left_out, Severity::High)]);
    let mut kms = all;
    kms["ExcludeManagementEventSources"] = json!(["kms.amazonaws.com"]);
    check(&[basic(kms)], false, &[(left_out, Severity::Low)]);

    let advanced = |fields: &[Value]| {
        let mut fields = fields.to_vec();
        fields.push(json!({"Field": "eventCategory", "Equals": ["Management"]}));
        trail("org", &json!({"AdvancedEventSelectors": [{"FieldSelectors": fields}]}))
    };
    check(&[advanced(&[])], false, &[]);
    let lambda = json!({"Field": "eventSource", "NotEquals": ["lambda.amazonaws.com"]});
    check(&[advanced(&[lambda])], false, &[(left_out, Severity::High)]);
    let roles = json!({"Field": "userIdentity.arn", "NotStartsWith": ["arn:aws:sts::111122223333:assumed-role/"]});
    check(&[advanced(&[roles])], false, &[(left_out, Severity::High)]);
    let kms = json!({"Field": "eventSource", "NotEquals": ["kms.amazonaws.com"]});
    check(&[advanced(&[kms])], false, &[(left_out, Severity::Low)]);
    // A trail for data events only is not meant to log management events.
    let data = json!({"FieldSelectors": [
        {"Field": "eventCategory", "Equals": ["Data"]}, {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
    ]});
    check(&[trail("org", &json!({"AdvancedEventSelectors": [data]}))], false, &[]);
}

#[test]
fn trails_that_are_not_known_are_an_issue_elsewhere() {
    assert_eq!(check_trails(&TrailFacts { account: "1", trails: None, reads_event_history: false }), []);
}
