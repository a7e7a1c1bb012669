//! Small accounts, one rule each: what evidence, configuration and coverage make of a grant.

mod account;
mod since;

use account::{
    ACCOUNT, Case, DAYS, REGION, allow, as_data, by_lambda, by_person, call, check, check_verdict, function,
    policy_change, result,
};
use serde_json::{Value, json};
use whittle_analysis::issue::IssueKind;
use whittle_analysis::reason::VerdictReason;
use whittle_analysis::result::Verdict;

const TABLES: &str = "arn:aws:dynamodb:*:*:table/*";
const ORDERS: &str = "arn:aws:dynamodb:eu-west-1:111122223333:table/orders";

fn describe_orders(name: &str) -> Value {
    call(name, 10, "dynamodb", "DescribeTable", json!({"tableName": "orders"}))
}

#[test]
fn an_observable_action_without_an_event_is_unused_and_a_used_one_is_narrowed() {
    let report = Case::new(allow(&["dynamodb:DescribeTable", "dynamodb:DeleteTable"], &[TABLES]))
        .with(describe_orders("one"))
        .run();
    check(&report, "one", "dynamodb:DescribeTable", Verdict::Used, &[ORDERS]);
    check(&report, "one", "dynamodb:DeleteTable", Verdict::Unused, &[]);
    // What one function of a shared role uses is not the other's need.
    check(&report, "two", "dynamodb:DescribeTable", Verdict::Unused, &[]);
    assert_eq!(report.roles[0].suggestion.as_ref().unwrap().removed_actions, 1);
}

#[test]
fn what_people_do_with_the_role_is_no_need_of_a_function() {
    let report = Case::new(allow(&["dynamodb:DescribeTable"], &[TABLES])).with(by_person(describe_orders("one"))).run();
    check_verdict(&report, "one", "dynamodb:DescribeTable", Verdict::Unused);
    let row = &result(&report, "one").verdicts[0];
    let other_callers = matches!(row.reason.known(), Some(VerdictReason::Unused { other_callers: Some(_), .. }));
    assert!(other_callers, "{:?}", row.reason);
    // The policy of the role as it is shared keeps it: somebody works with it.
    let role = report.roles[0].suggestion.as_ref().unwrap();
    assert_eq!(role.removed_actions, 0);
}

#[test]
fn a_denied_call_is_no_use() {
    let mut denied = describe_orders("one");
    denied["errorCode"] = json!("AccessDenied");
    let report =
        Case::new(allow(&["dynamodb:DescribeTable"], &["arn:aws:dynamodb:*:*:table/bills"])).with(denied).run();
    check(&report, "one", "dynamodb:DescribeTable", Verdict::Unused, &[]);
}

#[test]
fn a_function_of_a_region_that_was_not_listed_keeps_everything_and_is_told() {
    let of = |region: &str| {
        let mut call = describe_orders("elsewhere");
        let issued = format!("arn:aws:lambda:{region}:{ACCOUNT}:function:elsewhere");
        call["userIdentity"]["inScopeOf"]["credentialsIssuedTo"] = json!(issued);
        call
    };
    let grants = || Case::new(allow(&["dynamodb:DescribeTable", "dynamodb:DeleteTable"], &[TABLES]));
    let report = grants().with(of("ap-south-1")).run();
    check(&report, "one", "dynamodb:DeleteTable", Verdict::Unobservable, &[TABLES]);
    let finding = report.findings.iter().find(|finding| finding.code == "unlisted-function").unwrap();
    assert!(finding.remedy.contains("ap-south-1") && finding.role_arn.contains(":role/"), "{finding:?}");
    // One that was deleted from a Region that was listed had needs of its own.
    let report = grants().with(of(REGION)).run();
    check(&report, "one", "dynamodb:DeleteTable", Verdict::Unused, &[]);
    assert!(!report.findings.iter().any(|finding| finding.code == "unlisted-function"));
}

#[test]
fn a_throttled_or_failed_call_is_use() {
    for code in ["ThrottlingException", "ResourceNotFoundException"] {
        let mut failed = describe_orders("one");
        failed["errorCode"] = json!(code);
        let report = Case::new(allow(&["dynamodb:DescribeTable"], &[TABLES])).with(failed).run();
        check_verdict(&report, "one", "dynamodb:DescribeTable", Verdict::Used);
    }
}

#[test]
fn a_call_that_cannot_be_mapped_keeps_its_service() {
    let report = Case::new(allow(&["dynamodb:DeleteTable", "ssm:PutParameter"], &["*"]))
        .with(call("one", 5, "dynamodb", "FrobnicateTable", json!({})))
        .run();
    check(&report, "one", "dynamodb:DeleteTable", Verdict::Unobservable, &["*"]);
    check(&report, "one", "ssm:PutParameter", Verdict::Unused, &[]);
    check(&report, "two", "dynamodb:DeleteTable", Verdict::Unused, &[]);
}

#[test]
fn a_call_of_a_service_that_is_not_known_keeps_everything() {
    let report = Case::new(allow(&["dynamodb:DeleteTable", "ssm:PutParameter"], &["*"]))
        .with(call("one", 5, "brandnewservice", "DoThing", json!({})))
        .run();
    check(&report, "one", "ssm:PutParameter", Verdict::Unobservable, &["*"]);
}

#[test]
fn data_events_that_are_not_logged_keep_the_grant_with_the_selector_that_would_tell() {
    let report = Case::new(allow(&["sqs:SendMessage", "sqs:DeleteQueue"], &["arn:aws:sqs:*:*:orders"])).run();
    check(&report, "one", "sqs:SendMessage", Verdict::Unobservable, &["arn:aws:sqs:*:*:orders"]);
    check(&report, "one", "sqs:DeleteQueue", Verdict::Unused, &[]);
    let row = result(&report, "one").verdicts.iter().find(|row| row.action == "sqs:SendMessage").unwrap();
    let reason = format!("{:?}", row.reason);
    assert!(reason.contains("AWS::SQS::Queue"), "{reason}");
}

/// Text messages and pushes to mobile endpoints are published by the same action and leave no data event of a
/// topic.
#[test]
fn data_events_of_topics_say_nothing_about_text_messages() {
    let policies = [("arn:aws:sns:*:*:*", false), ("*", false), ("arn:aws:sns:eu-west-1:111122223333:orders", true)];
    for (resource, is_seen) in policies {
        let other = call("one", 20, "sns", "Publish", json!({"topicArn": "arn:aws:sns:eu-west-1:111122223333:other"}));
        let other = as_data(other, "AWS::SNS::Topic", "arn:aws:sns:eu-west-1:111122223333:other");
        let report = Case::new(allow(&["sns:Publish"], &[resource]))
            .logging(json!([
                {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]},
                {"FieldSelectors": [
                    {"Field": "eventCategory", "Equals": ["Data"]},
                    {"Field": "resources.type", "Equals": ["AWS::SNS::Topic"]},
                ]},
            ]))
            .with(other)
            .run();
        if is_seen {
            check(&report, "two", "sns:Publish", Verdict::Unused, &[]);
        } else {
            check(&report, "two", "sns:Publish", Verdict::Unobservable, &[resource]);
            check(&report, "one", "sns:Publish", Verdict::Used, &[resource]);
        }
    }
}

#[test]
fn data_events_of_one_bucket_say_nothing_about_another() {
    let get = call("one", 20, "s3", "GetObject", json!({"bucketName": "seen", "key": "in/a"}));
    let report = Case::new(allow(&["s3:GetObject"], &["arn:aws:s3:::seen/*", "arn:aws:s3:::unseen/*"]))
        .logging(json!([
            {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]},
            {"FieldSelectors": [
                {"Field": "eventCategory", "Equals": ["Data"]},
                {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
                {"Field": "resources.ARN", "StartsWith": ["arn:aws:s3:::seen/"]},
            ]},
        ]))
        .with(as_data(get, "AWS::S3::Object", "arn:aws:s3:::seen/in/a"))
        .run();
    // One day of use does not support the key prefix `in/`.
    check(&report, "one", "s3:GetObject", Verdict::Used, &["arn:aws:s3:::seen/*", "arn:aws:s3:::unseen/*"]);
    check(&report, "two", "s3:GetObject", Verdict::Unobservable, &["arn:aws:s3:::unseen/*"]);
}

#[test]
fn a_key_prefix_is_kept_only_when_many_days_support_it() {
    for (days, expect) in [(5, "arn:aws:s3:::shop/*"), (40, "arn:aws:s3:::shop/in/*")] {
        let mut case = Case::new(allow(&["s3:GetObject"], &["arn:aws:s3:::*"])).logging(json!([
            {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]},
            {"FieldSelectors": [
                {"Field": "eventCategory", "Equals": ["Data"]}, {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
            ]},
        ]));
        for day in 0..days {
            let get = call("one", day, "s3", "GetObject", json!({"bucketName": "shop", "key": "in/a"}));
            case = case.with(as_data(get, "AWS::S3::Object", "arn:aws:s3:::shop/in/a"));
        }
        check(&case.run(), "one", "s3:GetObject", Verdict::Used, &[expect]);
    }
}

#[test]
fn a_grant_younger_than_the_window_is_kept() {
    let written = policy_change(60, "PutRolePolicy", json!({"roleName": "shared", "policyName": "own"}));
    let report = Case::new(allow(&["dynamodb:DeleteTable"], &["*"])).with(written).run();
    check(&report, "one", "dynamodb:DeleteTable", Verdict::Unobservable, &["*"]);
    let before = policy_change(60, "PutRolePolicy", json!({"roleName": "shared", "policyName": "another"}));
    let report = Case::new(allow(&["dynamodb:DeleteTable"], &["*"])).with(before).run();
    check(&report, "one", "dynamodb:DeleteTable", Verdict::Unused, &[]);
}

#[test]
fn of_a_managed_policy_only_what_its_new_version_added_is_recently_granted() {
    let mut case = Case::new(allow(&["logs:CreateLogStream"], &["*"]));
    let version = |id: &str, default: bool, created: &str, document: Value| json!({"VersionId": id, "IsDefaultVersion": default, "CreateDate": created, "Document": document});
    case.managed = vec![json!({
        "PolicyName": "team", "PolicyId": "ANPAEXAMPLE", "Arn": format!("arn:aws:iam::{ACCOUNT}:policy/team"), "Path": "/",
        "DefaultVersionId": "v2", "AttachmentCount": 1, "IsAttachable": true,
        "PolicyVersionList": [
            version("v2", true, "2026-10-01T00:00:00Z", allow(&["ssm:PutParameter", "dynamodb:DeleteTable"], &["*"])),
            version("v1", false, "2025-02-01T00:00:00Z", allow(&["ssm:PutParameter"], &["*"])),
        ],
    })];
    let report = case.run();
    check(&report, "one", "dynamodb:DeleteTable", Verdict::Unobservable, &["*"]);
    check(&report, "one", "ssm:PutParameter", Verdict::Unused, &[]);
}

#[test]
fn last_accessed_data_releases_a_service_that_was_never_touched() {
    let report_of = |completed: &str| {
        // What nobody knows may pass a role.
        let actions = ["sqs:SendMessage", "sns:Publish", "iam:PassRole", "lambda:NoSuchActionYet"];
        let mut case = Case::new(allow(&actions, &["*"]));
        case.last_accessed = Some(json!({
            "JobStatus": "COMPLETED", "JobType": "SERVICE_LEVEL",
            "JobCreationDate": completed, "JobCompletionDate": completed, "IsTruncated": false,
            "ServicesLastAccessed": [
                {"ServiceName": "Amazon SQS", "ServiceNamespace": "sqs", "TotalAuthenticatedEntities": 0},
                {"ServiceName": "Amazon SNS", "ServiceNamespace": "sns", "TotalAuthenticatedEntities": 1,
                 "LastAuthenticated": "2026-09-01T00:00:00Z"},
                {"ServiceName": "IAM", "ServiceNamespace": "iam", "TotalAuthenticatedEntities": 0},
            ],
        }));
        case.run()
    };
    let fresh = report_of("2026-10-30T00:10:00Z");
    check(&fresh, "one", "sqs:SendMessage", Verdict::Unused, &[]);
    check(&fresh, "one", "sns:Publish", Verdict::Unobservable, &["*"]);
    // Last-accessed data never shows iam:PassRole, so an untouched IAM proves nothing about it.
    check(&fresh, "one", "iam:PassRole", Verdict::Unobservable, &["*"]);
    let stale = report_of("2026-09-15T00:00:00Z");
    check(&stale, "one", "sqs:SendMessage", Verdict::Unobservable, &["*"]);
}

/// IAM's action-level report: an attempt that no event shows proves that some events were not seen; it never
/// releases anything, since it does not know data events and counts attempts that were denied.
#[test]
fn action_level_last_accessed_data_keeps_what_it_saw_and_releases_nothing() {
    let (before, inside) = ("2026-06-01T10:00:00Z", "2026-09-01T10:00:00Z");
    // Action, last access of its service and its own last attempt in the report, whether an event of that day
    // shows it, verdict.
    for (action, service, attempt, event, expect) in [
        ("sqs:CreateQueue", before, None, false, Verdict::Unused),
        ("sqs:CreateQueue", before, Some(before), false, Verdict::Unused),
        ("sqs:CreateQueue", inside, Some(inside), false, Verdict::Unobservable),
        ("sqs:CreateQueue", inside, Some(inside), true, Verdict::Used),
        // Something of the service was used that no event shows: then this may have been as well.
        ("sqs:CreateQueue", inside, None, false, Verdict::Unobservable),
        ("sqs:SendMessage", before, None, false, Verdict::Unobservable),
        ("sqs:SendMessage", inside, None, false, Verdict::Unobservable),
        ("sqs:SendMessage", inside, Some(inside), false, Verdict::Unobservable),
    ] {
        let mut case = Case::new(allow(&[action, "dynamodb:DescribeTable"], &["*"]));
        let name = action.split_once(':').unwrap().1;
        let mut tracked = json!({"ActionName": name});
        if let Some(attempt) = attempt {
            tracked["LastAccessedTime"] = json!(attempt);
        }
        case.last_accessed = Some(json!({
            "JobStatus": "COMPLETED", "JobType": "ACTION_LEVEL",
            "JobCreationDate": "2026-10-30T00:10:00Z", "JobCompletionDate": "2026-10-30T00:10:00Z", "IsTruncated": false,
            "ServicesLastAccessed": [{
                "ServiceName": "Amazon SQS", "ServiceNamespace": "sqs", "TotalAuthenticatedEntities": 1,
                "LastAuthenticated": service, "TrackedActionsLastAccessed": [tracked],
            }],
        }));
        if event {
            case = case.with(call("one", 31, "sqs", name, json!({"queueName": "q"})));
        }
        let report = case.run();
        let verdicts = &result(&report, "one").verdicts;
        let found = verdicts.iter().find(|verdict| verdict.action == action).unwrap();
        assert_eq!(found.verdict, expect, "{action} {attempt:?} {event}: {:?}", found.reason);
    }
}

#[test]
fn a_trail_that_changed_inside_the_window_proves_nothing() {
    let stopped = policy_change(40, "StopLogging", json!({"name": "main"}));
    let mut stopped = stopped;
    stopped["eventSource"] = json!("cloudtrail.amazonaws.com");
    let report = Case::new(allow(&["dynamodb:DeleteTable"], &["*"])).with(stopped).run();
    check(&report, "one", "dynamodb:DeleteTable", Verdict::Unobservable, &["*"]);
}

#[test]
fn a_trail_of_one_region_says_nothing_about_the_others() {
    let mut case = Case::new(allow(
        &["dynamodb:DeleteTable"],
        &["arn:aws:dynamodb:eu-west-1:*:table/*", "arn:aws:dynamodb:us-east-2:*:table/*"],
    ));
    case.trail["IsMultiRegionTrail"] = json!(false);
    let report = case.run();
    check(&report, "one", "dynamodb:DeleteTable", Verdict::Unobservable, &["arn:aws:dynamodb:us-east-2:*:table/*"]);
}

#[test]
fn a_short_window_calls_nothing_unused() {
    let mut case = Case::new(allow(&["dynamodb:DeleteTable"], &["*"]));
    case.events.truncate(20);
    let report = case.run();
    check(&report, "one", "dynamodb:DeleteTable", Verdict::Unobservable, &["*"]);
}

#[test]
fn the_lambda_service_acts_for_the_function_whose_configuration_explains_it() {
    let receive = call(
        "one",
        3,
        "sqs",
        "ReceiveMessage",
        json!({"queueUrl": format!("https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/orders")}),
    );
    let mut case = Case::new(allow(&["sqs:ReceiveMessage"], &["*"])).logging(json!([
        {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]},
        {"FieldSelectors": [
            {"Field": "eventCategory", "Equals": ["Data"]}, {"Field": "resources.type", "Equals": ["AWS::SQS::Queue"]},
        ]},
    ]));
    case.mappings = vec![json!({
        "UUID": "5a1e", "EventSourceArn": format!("arn:aws:sqs:{REGION}:{ACCOUNT}:orders"), "State": "Enabled",
        "FunctionArn": format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:one"),
    })];
    let queue = format!("arn:aws:sqs:{REGION}:{ACCOUNT}:orders");
    let report = case.with(as_data(by_lambda(receive), "AWS::SQS::Queue", &queue)).run();
    check(&report, "one", "sqs:ReceiveMessage", Verdict::Used, &[&queue]);
    check(&report, "two", "sqs:ReceiveMessage", Verdict::Unused, &[]);
}

#[test]
fn a_use_that_no_grant_explains_leaves_the_grants_alone() {
    let report = Case::new(allow(
        &["dynamodb:DescribeTable"],
        &["arn:aws:dynamodb:*:*:table/bills", "arn:aws:dynamodb:*:*:table/notes"],
    ))
    .with(describe_orders("one"))
    .run();
    let grants = ["arn:aws:dynamodb:*:*:table/bills", "arn:aws:dynamodb:*:*:table/notes"];
    check(&report, "one", "dynamodb:DescribeTable", Verdict::Used, &grants);
}

#[test]
fn evidence_of_a_deleted_role_of_the_same_name_does_not_count() {
    let mut case = Case::new(allow(&["dynamodb:DescribeTable"], &[TABLES])).with(describe_orders("one"));
    case.role_id = "AROAEXAMPLESHARED0002";
    let report = case.run();
    assert!(result(&report, "one").suggestion.is_none());
    assert!(report.issues.iter().any(|issue| issue.kind == IssueKind::NoEventOfUsedRole), "{:#?}", report.issues);
}

#[test]
fn event_history_shows_disuse_only_where_it_is_complete() {
    let policy = allow(&["dynamodb:DeleteTable", "sqs:SendMessage"], &["*"]);
    let mut vouched = Case::new(policy.clone());
    vouched.lookup_only = true;
    vouched.settings.event_history = vec!["all".to_owned()];
    let report = vouched.run();
    check(&report, "one", "dynamodb:DeleteTable", Verdict::Unused, &[]);
    check(&report, "one", "sqs:SendMessage", Verdict::Unobservable, &["*"]);
    let mut alone = Case::new(policy);
    alone.lookup_only = true;
    check(&alone.run(), "one", "dynamodb:DeleteTable", Verdict::Unobservable, &["*"]);
}

#[test]
fn a_role_parameter_keeps_pass_role_on_that_role() {
    let role = format!("arn:aws:iam::{ACCOUNT}:role/task");
    let report = Case::new(allow(&["iam:PassRole", "lambda:UpdateFunctionConfiguration"], &["*"]))
        .with(call(
            "one",
            3,
            "lambda",
            "UpdateFunctionConfiguration20150331v2",
            json!({"functionName": "two", "role": role}),
        ))
        .run();
    check_verdict(&report, "one", "iam:PassRole", Verdict::Companion);
    // The only call that could have passed a role would have been seen.
    check_verdict(&report, "two", "iam:PassRole", Verdict::Unused);
}

/// AWS's table of authorised actions: what an operation that was called may check is kept, on whatever is
/// granted, unless the event shows that this call did not check it.
#[test]
fn what_a_called_operation_may_check_is_kept() {
    let further = ["GetDeploymentConfig", "GetApplicationRevision", "RegisterApplicationRevision"];
    let further: Vec<String> = further.iter().map(|name| format!("codedeploy:{name}")).collect();
    let mut granted: Vec<&str> = further.iter().map(String::as_str).collect();
    granted.extend(["codedeploy:CreateDeployment", "codedeploy:DeleteApplication"]);
    let deploy =
        call("one", 20, "codedeploy", "CreateDeployment", json!({"applicationName": "a", "deploymentGroupName": "g"}));
    let report = Case::new(allow(&granted, &["*"])).with(deploy.clone()).run();
    for action in &further {
        check(&report, "one", action, Verdict::Possible, &["*"]);
        // Nobody else's need.
        check(&report, "two", action, Verdict::Unused, &[]);
    }
    check(&report, "one", "codedeploy:DeleteApplication", Verdict::Unused, &[]);
    // A denied call has checked nothing beyond what it was denied.
    let mut denied = deploy;
    denied["errorCode"] = json!("AccessDeniedException");
    let report = Case::new(allow(&granted, &["*"])).with(denied).run();
    check(&report, "one", "codedeploy:GetDeploymentConfig", Verdict::Unused, &[]);
}

#[test]
fn an_event_without_tags_rules_out_the_tagging_action() {
    let made = |parameters: Value| {
        let case = Case::new(allow(&["sqs:CreateQueue", "sqs:TagQueue"], &["*"]));
        case.with(call("one", 20, "sqs", "CreateQueue", parameters)).run()
    };
    check(&made(json!({"queueName": "q"})), "one", "sqs:TagQueue", Verdict::Unused, &[]);
    let tagged = made(json!({"queueName": "q", "tags": {"team": "a"}}));
    check_verdict(&tagged, "one", "sqs:TagQueue", Verdict::Companion);
    // Parameters above 100 KB are left out of the event: then nothing is ruled out.
    check(&made(Value::Null), "one", "sqs:TagQueue", Verdict::Possible, &["*"]);
}

#[test]
fn a_call_that_may_pass_a_role_keeps_the_permission_whatever_its_parameter_is_called() {
    let role = format!("arn:aws:iam::{ACCOUNT}:role/sms");
    for parameters in [json!({"poolName": "p", "smsConfiguration": {"snsCallerArn": role}}), Value::Null] {
        let report = Case::new(allow(&["iam:PassRole", "cognito-idp:CreateUserPool"], &["*"]))
            .with(call("one", 3, "cognito-idp", "CreateUserPool", parameters))
            .run();
        check(&report, "one", "iam:PassRole", Verdict::Possible, &["*"]);
    }
}

/// An operation whose events nobody could have seen may have checked an action whose own would have been
/// seen.
#[test]
fn what_an_unseen_operation_may_check_is_kept() {
    // Jobs of Deadline Cloud are data events, which the trail does not log; its tagging call is none.
    let both = Case::new(allow(&["deadline:CreateJob", "deadline:TagResource"], &["*"])).run();
    check(&both, "one", "deadline:CreateJob", Verdict::Unobservable, &["*"]);
    check(&both, "one", "deadline:TagResource", Verdict::Unobservable, &["*"]);
    // A call that the role may not make has checked nothing.
    let alone = Case::new(allow(&["deadline:TagResource"], &["*"])).run();
    check(&alone, "one", "deadline:TagResource", Verdict::Unused, &[]);
}

#[test]
fn writing_to_a_log_group_is_never_logged_so_the_grant_stays() {
    let report = Case::new(allow(&["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"], &["*"])).run();
    // The stream may have been made by somebody else, so that no event tells of it.
    check(&report, "one", "logs:PutLogEvents", Verdict::Required, &["*"]);
    let own = "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/one:*";
    let streams = result(&report, "one").verdicts.iter().find(|row| row.action == "logs:CreateLogStream").unwrap();
    assert_eq!(streams.resources, [own]);
    let mut blind = Case::new(allow(&["logs:PutLogEvents"], &["*"]));
    blind.trail["Status"]["IsLogging"] = json!(false);
    check(&blind.run(), "one", "logs:PutLogEvents", Verdict::Required, &["*"]);
}

#[test]
fn a_deny_is_carried_along_word_for_word() {
    let deny = json!({"Sid": "Never", "Effect": "Deny", "NotAction": "dynamodb:*", "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:RequestedRegion": "eu-west-1"}}});
    let mut policy = allow(&["dynamodb:DescribeTable", "dynamodb:DeleteTable"], &[TABLES]);
    policy["Statement"].as_array_mut().unwrap().push(deny.clone());
    let report = Case::new(policy).with(describe_orders("one")).run();
    let suggestion = result(&report, "one").suggestion.as_ref().unwrap();
    let text = serde_json::to_value(&suggestion.policies).unwrap();
    let statements = text[0]["document"]["Statement"].as_array().unwrap();
    assert!(statements.contains(&deny), "{text:#}");
    assert!(suggestion.proof.never_wider && suggestion.proof.never_too_narrow);
}

#[test]
fn a_long_list_of_resources_is_split_over_policies_that_iam_takes() {
    let queues: Vec<String> = (0..150).map(|n| format!("arn:aws:sqs:eu-west-1:111122223333:queue-{n:03}")).collect();
    let resources: Vec<&str> = queues.iter().map(String::as_str).collect();
    let report = Case::new(allow(&["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:DeleteQueue"], &resources)).run();
    let suggestion = result(&report, "one").suggestion.as_ref().unwrap();
    assert!(suggestion.proof.never_wider && suggestion.proof.never_too_narrow);
    assert!(suggestion.policies.len() > 1);
    for policy in &suggestion.policies {
        assert!(policy.document.size() <= 6_144, "{} has {} characters", policy.name, policy.document.size());
    }
}

#[test]
fn a_role_s_policies_carry_its_name_whatever_its_function_is_called() {
    let mut case = Case::new(allow(&["logs:CreateLogStream"], &["*"]));
    // A name that also stands in the prefix of the policy's name.
    case.functions = vec![function("w")];
    let group = json!({"logGroupName": "/aws/lambda/w", "logStreamName": "a"});
    case.events = (0..DAYS).map(|day| call("w", day, "logs", "CreateLogStream", group.clone())).collect();
    let report = case.run();
    let name = |suggestion: &Option<whittle_analysis::result::Suggestion>| {
        suggestion.as_ref().unwrap().policies[0].name.clone()
    };
    assert_eq!(name(&result(&report, "w").suggestion), "whittle-w");
    assert_eq!(name(&report.roles[0].suggestion), "whittle-shared");
}
