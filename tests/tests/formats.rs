//! `whittle policy` in every format, on the example account: what is printed parses, and is the suggestion.

use std::path::Path;

use serde_json::{Value, json};
use whittle_policy::PolicyDocument;

use crate::support::{call, shop, stderr, stdout};

fn analyzed() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let (snapshot, trail) = (shop().display().to_string(), shop().join("trail").display().to_string());
    let output = call(dir.path(), &["analyze", &snapshot, "--trail", &trail, "--quiet"]);
    assert!(output.status.success(), "{}", stderr(&output));
    dir
}

#[track_caller]
fn policy(dir: &Path, args: &[&str]) -> String {
    let output = call(dir, &[&["policy"], args].concat());
    assert!(output.status.success(), "{args:?}: {}", stderr(&output));
    stdout(&output)
}

#[test]
fn every_function_prints_in_every_format() {
    let dir = analyzed();
    for name in
        ["shop-checkout", "shop-order-worker", "shop-invoice", "shop-admin-tasks", "shop-notify", "shop-search-role"]
    {
        let json = policy(dir.path(), &[name]);
        PolicyDocument::parse(&json).unwrap_or_else(|_| {
            let list: Value = serde_json::from_str(&json).unwrap();
            PolicyDocument::from_value(&list[0]["document"]).unwrap()
        });
        let cloudformation = policy(dir.path(), &[name, "--format", "cloudformation"]);
        assert!(cloudformation.contains("\nResources:\n"), "{cloudformation}");
        let terraform = policy(dir.path(), &[name, "--format", "terraform"]);
        assert!(terraform.contains("data \"aws_iam_policy_document\""), "{terraform}");
        if name != "shop-search-role" {
            let sam = policy(dir.path(), &[name, "--format", "sam"]);
            assert!(sam.contains("\nPolicies:\n"), "{sam}");
        }
    }
}

#[test]
fn a_statement_says_why_and_warns_where_nothing_is_proved() {
    let dir = analyzed();
    let text = policy(dir.path(), &["shop-checkout", "--format", "sam"]);
    for part in [
        "# Used: dynamodb:GetItem (last seen 2026-10-",
        "(last seen 2026-10-",
        "# WARNING kept unproven: sns:Publish",
        "# Required: the function has active X-Ray tracing. From policy ",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    assert!(text.contains("${AWS::Region}:${AWS::AccountId}") && !text.contains(":111122223333:"), "{text}");
}

/// Answer of `aws cloudformation describe-stack-resources` for the stack with `shop-checkout`.
fn stack_of_checkout() -> (Value, Vec<(&'static str, &'static str)>) {
    let arn = |service: &str, rest: &str| format!("arn:aws:{service}:eu-central-1:111122223333:{rest}");
    let row = |id: &str, kind: &str, physical: &str| {
        json!({"StackName": "shop", "StackId": arn("cloudformation", "stack/shop/0a1b"),
               "LogicalResourceId": id, "ResourceType": kind, "PhysicalResourceId": physical})
    };
    let rows = json!({"StackResources": [
        row("Checkout", "AWS::Lambda::Function", "shop-checkout"),
        row("CheckoutRole", "AWS::IAM::Role", "shop-checkout-role"),
        row("Carts", "AWS::DynamoDB::Table", "carts"),
        row("Orders", "AWS::DynamoDB::Table", "orders"),
        row("OrderEvents", "AWS::SNS::Topic", &arn("sns", "shop-order-events")),
        row("Payment", "AWS::Lambda::Function", "shop-payment"),
    ]});
    let values = vec![
        ("!GetAtt Carts.Arn", "arn:aws:dynamodb:eu-central-1:111122223333:table/carts"),
        ("!GetAtt Orders.Arn", "arn:aws:dynamodb:eu-central-1:111122223333:table/orders"),
        ("${Orders.Arn}", "arn:aws:dynamodb:eu-central-1:111122223333:table/orders"),
        ("!GetAtt Payment.Arn", "arn:aws:lambda:eu-central-1:111122223333:function:shop-payment"),
        ("${Payment.Arn}", "arn:aws:lambda:eu-central-1:111122223333:function:shop-payment"),
        ("${Checkout}", "shop-checkout"),
        ("${AWS::Partition}", "aws"),
        ("${AWS::Region}", "eu-central-1"),
        ("${AWS::AccountId}", "111122223333"),
    ];
    (rows, values)
}

/// Every resource of the JSON policy stands in `text`, once its references have their values.
#[track_caller]
fn assert_same_resources(dir: &Path, text: &str, values: &[(&str, &str)]) {
    let resolved = values.iter().fold(text.to_owned(), |text, (reference, value)| text.replace(reference, value));
    let document = PolicyDocument::parse(&policy(dir, &["shop-checkout"])).unwrap();
    for statement in &document.statements {
        for pattern in statement.resource.iter().flat_map(|clause| clause.patterns().iter()) {
            assert!(resolved.contains(pattern.as_str()), "{} is not in:\n{resolved}", pattern.as_str());
        }
    }
}

#[test]
fn arns_become_references_to_what_the_stack_holds() {
    let dir = analyzed();
    let (resources, values) = stack_of_checkout();
    let path = dir.path().join("resources.json");
    std::fs::write(&path, resources.to_string()).unwrap();
    let file = path.display().to_string();
    let printed = |format: &str| policy(dir.path(), &["shop-checkout", "--format", format, "--stack-resources", &file]);

    let template = printed("cloudformation");
    for part in [
        "- !GetAtt Carts.Arn\n",
        "- !Sub \"${Orders.Arn}/index/customer-index\"\n",
        "RoleName: !Ref CheckoutRole\n",
        "log-group:/aws/lambda/${Checkout}:*",
        "- !GetAtt Payment.Arn\n",
    ] {
        assert!(template.contains(part), "{part} is not in:\n{template}");
    }
    assert!(!template.contains(":111122223333:") && !template.contains("table/"), "{template}");
    assert_same_resources(
        dir.path(),
        &template,
        &[&values[..], &[("!Ref OrderEvents", "arn:aws:sns:eu-central-1:111122223333:shop-order-events")]].concat(),
    );

    // The policies of a SAM function make its role: they cannot name the function or the role.
    let sam = printed("sam");
    assert!(
        sam.contains("- !GetAtt Carts.Arn\n") && sam.contains("TopicName: !GetAtt OrderEvents.TopicName\n"),
        "{sam}"
    );
    assert!(!sam.contains("Checkout}") && !sam.contains("Ref Checkout"), "{sam}");
}

#[test]
fn a_stack_that_does_not_hold_the_function_gives_no_names() {
    let dir = analyzed();
    let (mut resources, _) = stack_of_checkout();
    let list = resources["StackResources"].as_array_mut().unwrap();
    list.retain(|row| row["LogicalResourceId"] != "Checkout" && row["LogicalResourceId"] != "CheckoutRole");
    let path = dir.path().join("resources.json");
    std::fs::write(&path, resources.to_string()).unwrap();
    let file = path.display().to_string();
    let output =
        call(dir.path(), &["policy", "shop-checkout", "--format", "cloudformation", "--stack-resources", &file]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(stderr(&output).contains("no stack of the 1 stack resource lists has the function"), "{}", stderr(&output));
    assert_eq!(stdout(&output), policy(dir.path(), &["shop-checkout", "--format", "cloudformation"]));
}

#[test]
fn arns_become_addresses_of_the_terraform_state() {
    let dir = analyzed();
    let table = |name: &str| {
        let arn = format!("arn:aws:dynamodb:eu-central-1:111122223333:table/{name}");
        json!({"mode": "managed", "type": "aws_dynamodb_table", "name": name, "values": {"arn": arn, "id": name, "name": name}})
    };
    let role = "arn:aws:iam::111122223333:role/shop/shop-checkout-role";
    let state = json!({"format_version": "1.0", "values": {"root_module": {"resources": [
        table("carts"),
        table("orders"),
        {"mode": "managed", "type": "aws_iam_role", "name": "checkout",
         "values": {"arn": role, "id": "shop-checkout-role", "name": "shop-checkout-role"}},
        {"mode": "data", "type": "aws_caller_identity", "name": "current", "values": {"account_id": "111122223333"}},
    ]}}});
    let path = dir.path().join("state.json");
    std::fs::write(&path, state.to_string()).unwrap();
    let file = path.display().to_string();
    let text = policy(dir.path(), &["shop-checkout", "--format", "terraform", "--terraform-state", &file]);
    for part in [
        "      aws_dynamodb_table.carts.arn,\n",
        "\"${aws_dynamodb_table.orders.arn}/index/customer-index\",\n",
        "= aws_iam_role.checkout.name\n",
        "${data.aws_caller_identity.current.account_id}",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    assert!(!text.contains("111122223333"), "{text}");
    let other =
        call(dir.path(), &["policy", "shop-checkout", "--format", "terraform", "--terraform-state", "none.json"]);
    assert_eq!(other.status.code(), Some(2));
}

#[test]
fn a_function_is_found_by_its_stack_and_logical_id() {
    let dir = analyzed();
    let by_stack = policy(dir.path(), &["--stack", "shop", "Checkout", "--format", "cloudformation"]);
    assert_eq!(by_stack, policy(dir.path(), &["shop-checkout", "--format", "cloudformation"]));
    for (args, hint) in [
        (vec!["policy", "--stack", "shop", "Chekout"], "Checkout"),
        (vec!["policy", "--stack", "other", "Checkout"], "tags/FUNCTION.json"),
    ] {
        let output = call(dir.path(), &args);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(hint), "{}", stderr(&output));
    }
}

#[test]
fn a_shared_role_is_taken_apart() {
    let dir = analyzed();
    let split: Value = serde_json::from_str(&policy(dir.path(), &["shop-reporting-role", "--split"])).unwrap();
    let roles = split["roles"].as_array().unwrap();
    assert_eq!(roles.len(), 2);
    for role in roles {
        let name = role["function_arn"].as_str().unwrap().rsplit(':').next().unwrap();
        assert_eq!(role["assume_role_policy_document"]["Statement"][0]["Principal"]["Service"], "lambda.amazonaws.com");
        // The role's documents are those of the function alone.
        let own = PolicyDocument::parse(&policy(dir.path(), &[name])).unwrap();
        assert_eq!(PolicyDocument::from_value(&role["policies"][0]["document"]).unwrap(), own);
    }
    let template = policy(dir.path(), &["shop-reporting-role", "--split", "--format", "sam"]);
    assert!(template.contains("ShopReportDailyRole:") && template.contains("Role: !GetAtt ShopReportMonthlyRole.Arn"));
    // By the name of a function too.
    assert_eq!(policy(dir.path(), &["shop-report-daily", "--split", "--format", "sam"]), template);
    let terraform = policy(dir.path(), &["shop-reporting-role", "--split", "--format", "terraform"]);
    assert_eq!(terraform.matches("resource \"aws_iam_role\" ").count(), 2, "{terraform}");
}

#[test]
fn a_role_that_is_split_keeps_its_boundary() {
    let dir = analyzed();
    let split: Value = serde_json::from_str(&policy(dir.path(), &["shop-inventory-sync", "--split"])).unwrap();
    let boundary = split["roles"][0]["permissions_boundary"].as_str().unwrap();
    assert!(boundary.starts_with("arn:aws:iam::111122223333:policy/"), "{boundary}");
}

#[test]
fn statements_for_one_function_are_marked_by_its_arn_and_platform_calls_are_not() {
    let dir = analyzed();
    let text = policy(dir.path(), &["shop-reporting-role", "--source-function-arn"]);
    let document = PolicyDocument::parse(&text).unwrap();
    let mut marked = 0;
    for statement in &document.statements {
        let keys: Vec<(&str, &[String])> = statement
            .condition
            .iter()
            .filter(|(_, key, _)| *key == "lambda:SourceFunctionArn")
            .map(|(op, _, v)| (op, v))
            .collect();
        if let [(operator, values)] = keys.as_slice() {
            marked += 1;
            assert_eq!(*operator, "ArnEquals");
            assert!(
                values[0].starts_with("arn:aws:lambda:eu-central-1:111122223333:function:shop-report-"),
                "{values:?}"
            );
            for action in ["logs:PutLogEvents", "xray:PutTraceSegments", "ses:SendEmail", "athena:StartQueryExecution"]
            {
                assert!(!statement.action.matches(action), "{action} must stay for all");
            }
        }
    }
    assert!(marked >= 3, "{text}");
}

#[test]
fn a_shared_role_without_a_policy_for_one_of_its_functions_is_refused_there() {
    let dir = analyzed();
    let output = call(dir.path(), &["policy", "shop-legacy-export", "--source-function-arn"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("nothing was learned"), "{}", stderr(&output));
    let sam = call(dir.path(), &["policy", "shop-reporting-role", "--format", "sam"]);
    assert!(stderr(&sam).contains("--split"), "{}", stderr(&sam));
}

#[test]
fn explain_lays_out_a_case() {
    let dir = analyzed();
    let (snapshot, trail) = (shop().display().to_string(), shop().join("trail").display().to_string());
    let args = ["explain", "shop-checkout", "dynamodb:PutItem", "--trail", &trail, "--snapshot", &snapshot];
    let text = stdout(&call(dir.path(), &args));
    for part in [
        "dynamodb:PutItem is kept for shop-checkout",
        "Granted by",
        "policy ",
        "Seen",
        "code of shop-checkout",
        "Events (",
        "authorised",
        "What a call would leave",
        "AWS::DynamoDB::Table",
        "Rule",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    let removed = stdout(&call(dir.path(), &["explain", "shop-checkout", "dynamodb:DeleteTable"]));
    assert!(
        removed.contains("removable") && removed.contains("no event") && removed.contains("If you doubt it"),
        "{removed}"
    );
    let json = stdout(&call(dir.path(), &[&args[..], &["--format", "json", "--events", "3"]].concat()));
    let value: Value = serde_json::from_str(&json).unwrap();
    let case = &value["cases"][0];
    assert_eq!((case["verdict"].as_str(), case["events"]["latest"].as_array().map(Vec::len)), (Some("used"), Some(3)));
    let times: Vec<&str> =
        case["events"]["latest"].as_array().unwrap().iter().map(|event| event["time"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "{times:?}");
    assert_eq!(case["last_seen"].as_str(), Some(times[0]));
}

#[test]
fn diff_names_what_changed() {
    let dir = tempfile::tempdir().unwrap();
    let (snapshot, trail) = (shop().display().to_string(), shop().join("trail").display().to_string());
    let before = call(dir.path(), &["analyze", &snapshot, "--trail", &trail, "--format", "json", "-o", "before.json"]);
    assert!(before.status.success());
    let same = call(dir.path(), &["diff", "before.json"]);
    assert!(stdout(&same).contains("Nothing changed"), "{}", stdout(&same));
    let changed = dir.path().join("snapshot");
    crate::support::copy(&shop(), &changed);
    std::fs::remove_dir_all(changed.join("service-last-accessed")).unwrap();
    let after =
        ["analyze", "snapshot", "--trail", &trail, "--format", "json", "-o", "after.json", "--min-window-days", "365"];
    assert!(call(dir.path(), &after).status.success());
    let text = stdout(&call(dir.path(), &["diff", "before.json", "after.json"]));
    assert!(text.contains("unused → unobservable") && text.contains("resolved"), "{text}");
    let json: Value =
        serde_json::from_str(&stdout(&call(dir.path(), &["diff", "before.json", "after.json", "--format", "json"])))
            .unwrap();
    assert!(json["functions"].as_array().unwrap().iter().any(|function| function["policy_changed"] == true));
    let bad = call(dir.path(), &["diff", "snapshot/trails.json"]);
    assert_eq!(bad.status.code(), Some(2));
    assert!(stderr(&bad).contains("is no result"), "{}", stderr(&bad));
}

#[test]
fn completions_and_manual_pages_come_from_the_command_line_itself() {
    let dir = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = stdout(&call(dir.path(), &["completions", shell]));
        assert!(script.contains("whittle") && script.contains("policy"), "{shell}");
    }
    assert!(stdout(&call(dir.path(), &["man"])).contains(".TH whittle"));
    assert!(stdout(&call(dir.path(), &["man", "trail", "map"])).contains("whittle-trail-map"));
    assert_eq!(call(dir.path(), &["man", "nothing"]).status.code(), Some(2));
}
