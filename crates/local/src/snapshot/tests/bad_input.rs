//! Bad input: one clear error, or issues, and never something that makes a permission look unused.

use super::*;

/// The snapshot cannot be read at all: the message has each of `words`, and there is a hint.
#[track_caller]
fn refused(spoil: impl FnOnce(&Snapshot), words: &[&str]) {
    let snapshot = Snapshot::new();
    spoil(&snapshot);
    let error = snapshot.error();
    assert_eq!(error.kind(), &PortErrorKind::Invalid);
    let message = error.to_string();
    for word in words {
        assert!(message.contains(word), "`{word}` is not in: {message}");
    }
    assert!(error.hint().is_some_and(|hint| !hint.is_empty()), "no hint for: {message}");
    assert!(!message.contains('\n'), "{message}");
}

/// The rest is read; there is exactly one issue, of `kind`, at `place`.
#[track_caller]
fn noted(spoil: impl FnOnce(&Snapshot), kind: &str, place: &str) -> Inventory {
    let snapshot = Snapshot::new();
    spoil(&snapshot);
    let inventory = snapshot.inventory();
    let found: Vec<_> = inventory.issues.iter().map(|issue| (issue.kind.as_str(), issue.place.as_str())).collect();
    assert_eq!(found, [(kind, place)], "{:#?}", inventory.issues);
    inventory
}

fn nothing_is_unused(function: &Function) -> bool {
    function.config.event_sources.iter().any(|source| source.kind == EventSourceKind::Unknown)
}

#[test]
fn what_leaves_nothing_to_analyse_is_an_error() {
    refused(|s| s.remove("authorization-details.json"), &["no `authorization-details.json`"]);
    refused(|s| s.remove("functions.json"), &["no `functions.json`"]);
    refused(|s| s.write_text("authorization-details.json", ""), &["authorization-details.json", "is empty"]);
    refused(
        |s| s.write_text("functions.json", "{\n \"Functions\": [\n  {\"a\""),
        &["functions.json", "line 3 column 6"],
    );
    refused(|s| s.write_text("authorization-details.json", "[]"), &["holds no JSON object"]);
    refused(|s| s.write_text("authorization-details.json", "{\"Roles\": []}"), &["holds no list `RoleDetailList`"]);
    refused(|s| s.write_text("functions.json", "{\"Functions\": null}"), &["holds no list `Functions`"]);
    refused(|s| s.write_text("functions.json", "{\"Functions\": {}}"), &["`Functions`", "not a list"]);
    refused(|s| s.write_text("functions.json", "{\"Functions\": []} {}"), &["line 1 column 19"]);
    refused(
        |s| {
            s.roles(json!([]), json!([]));
            s.functions(json!([]));
        },
        &["no usable role and no usable function"],
    );
}

#[test]
fn a_near_miss_in_a_file_name_is_named() {
    let snapshot = Snapshot::new();
    let root = snapshot.0.path();
    fs::rename(root.join("functions.json"), root.join("Functions.JSON")).unwrap();
    assert!(snapshot.error().hint().unwrap().contains("rename `Functions.JSON`"));
}

#[test]
fn folders_that_are_none_are_errors() {
    let dir = tempfile::tempdir().unwrap();
    let message = |path: &Path| {
        let error = SnapshotFolder::open(path).unwrap_err();
        assert!(error.hint().is_some());
        error.to_string()
    };
    assert!(message(dir.path()).ends_with("is empty"));
    assert!(message(&dir.path().join("none")).ends_with("cannot be opened"));
    let file = dir.path().join("file.json");
    fs::write(&file, "{}").unwrap();
    assert!(message(&file).ends_with("is not a folder"));
}

#[test]
fn mixed_accounts_are_named() {
    let other =
        |value: Value| serde_json::from_str::<Value>(&value.to_string().replace(ACCOUNT, "444455556666")).unwrap();
    refused(|s| s.functions(json!([other(function("orders", "orders"))])), &[ACCOUNT, "444455556666"]);
    refused(|s| s.roles(json!([role("orders"), other(role("mail"))]), json!([])), &[ACCOUNT, "444455556666"]);
    let inventory = noted(
        |s| s.functions(json!([function("orders", "orders"), other(function("mail", "mail"))])),
        "other-account",
        "functions.json",
    );
    assert_eq!(inventory.functions.len(), 1);
}

#[test]
fn a_role_that_is_not_there_is_an_issue() {
    let inventory =
        noted(|s| s.roles(json!([role("orders")]), json!([])), "unknown-role", "authorization-details.json");
    assert_eq!(inventory.functions.len(), 2);
    noted(
        |s| {
            let mut mail = function("mail", "mail");
            mail["Role"] = json!("arn:aws:iam::444455556666:role/mail");
            s.functions(json!([function("orders", "orders"), mail]));
        },
        "unknown-role",
        "authorization-details.json",
    );
}

#[test]
fn unreadable_policies_are_named_on_the_role() {
    let with = |member: &str, value: Value| {
        let mut orders = role("orders");
        orders[member] = value;
        json!([orders, role("mail")])
    };
    let team = format!("arn:aws:iam::{ACCOUNT}:policy/Team");
    let attached = json!([{"PolicyName": "Team", "PolicyArn": team}]);
    let version = json!({"VersionId": "v1", "IsDefaultVersion": true, "CreateDate": "2025-01-01T00:00:00Z", "Document": allow("s3:*")});
    let policy = |versions: Value| json!([{"PolicyName": "Team", "Arn": team, "DefaultVersionId": "v1", "PolicyVersionList": versions}]);
    let mut broken = version.clone();
    broken["Document"] = json!({"Statement": [{"Effect": "Allow", "Actoin": "s3:*"}]});
    let mut not_default = version.clone();
    not_default["IsDefaultVersion"] = json!(false);

    let cases = [
        (with("AttachedManagedPolicies", attached.clone()), json!([])),
        (with("AttachedManagedPolicies", attached.clone()), policy(json!([]))),
        (with("AttachedManagedPolicies", attached.clone()), policy(json!(null))),
        (with("AttachedManagedPolicies", attached.clone()), policy(json!([broken]))),
        (with("AttachedManagedPolicies", attached.clone()), policy(json!([version, version]))),
        (with("AttachedManagedPolicies", attached.clone()), policy(json!([not_default]))),
        (with("AttachedManagedPolicies", attached), policy(json!(["v1"]))),
        (with("AttachedManagedPolicies", json!([7])), json!([])),
        (with("RolePolicyList", json!([{"PolicyName": "own", "PolicyDocument": "%7Bnot json"}])), json!([])),
        (with("RolePolicyList", json!([{"PolicyName": "own", "PolicyDocument": "%ff"}])), json!([])),
        (with("RolePolicyList", json!([{"PolicyName": "own", "PolicyDocument": null}])), json!([])),
        (with("RolePolicyList", json!([{"PolicyName": 1}])), json!([])),
    ];
    for (roles, policies) in cases {
        let inventory = noted(|s| s.roles(roles.clone(), policies), "unreadable-policy", "authorization-details.json");
        assert_eq!(role_of(&inventory, "orders").unreadable_policies.len(), 1, "{roles}");
        assert_eq!(role_of(&inventory, "mail").unreadable_policies.len(), 0);
    }
}

#[test]
fn an_unreadable_boundary_is_still_a_boundary() {
    for boundary in [json!({}), json!("x"), json!({"PermissionsBoundaryArn": "arn:aws:iam::111122223333:policy/None"})]
    {
        let mut orders = role("orders");
        orders["PermissionsBoundary"] = boundary;
        let roles = json!([orders, role("mail")]);
        let inventory = noted(|s| s.roles(roles, json!([])), "unreadable-policy", "authorization-details.json");
        let role = role_of(&inventory, "orders");
        assert!(role.has_boundary && role.boundary.is_none());
    }
}

#[test]
fn an_older_version_that_cannot_be_read_ends_the_history() {
    let team = format!("arn:aws:iam::{ACCOUNT}:policy/Team");
    let mut orders = role("orders");
    orders["AttachedManagedPolicies"] = json!([{"PolicyName": "Team", "PolicyArn": team}]);
    let version = |id: &str, day: u8, document: Value| json!({"VersionId": id, "IsDefaultVersion": id == "v3", "CreateDate": format!("2025-01-0{day}T00:00:00Z"), "Document": document});
    let versions =
        json!([version("v3", 3, allow("s3:*")), version("v2", 2, json!({})), version("v1", 1, allow("s3:*"))]);
    let policies =
        json!([{"PolicyName": "Team", "Arn": team, "DefaultVersionId": "v3", "PolicyVersionList": versions}]);
    let roles = json!([orders, role("mail")]);
    let inventory = noted(|s| s.roles(roles, policies), "incomplete-history", "authorization-details.json");
    assert_eq!(role_of(&inventory, "orders").policies[1].versions.len(), 1);
}

#[test]
fn bad_entries_cost_themselves_only() {
    let with = |member: &str, value: Value| {
        let mut mail = function("mail", "mail");
        mail[member] = value;
        json!([function("orders", "orders"), mail])
    };
    for (member, value) in [
        ("Role", json!(null)),
        ("Role", json!("x")),
        ("FunctionArn", json!(7)),
        ("FunctionArn", json!("arn:aws:s3:::b")),
    ] {
        let inventory = noted(|s| s.functions(with(member, value)), "bad-entry", "functions.json");
        assert_eq!(inventory.functions.len(), 1);
    }
    for (member, value) in [
        ("Layers", json!("x")),
        ("VpcConfig", json!(7)),
        ("KMSKeyArn", json!([])),
        ("DeadLetterConfig", json!({"TargetArn": 1})),
    ] {
        let inventory = noted(|s| s.functions(with(member, value)), "bad-entry", "functions.json");
        assert!(nothing_is_unused(function_of(&inventory, "mail")), "{member}");
        assert!(!nothing_is_unused(function_of(&inventory, "orders")));
    }
    noted(|s| s.functions(with("LastModified", json!("soon"))), "bad-entry", "functions.json");
    noted(
        |s| s.functions(json!([7, function("mail", "mail"), function("orders", "orders")])),
        "bad-entry",
        "functions.json",
    );
    let mut twice = function("mail", "orders");
    twice["Version"] = json!("$LATEST");
    noted(
        |s| s.functions(json!([function("mail", "mail"), function("orders", "orders"), twice])),
        "bad-entry",
        "functions.json",
    );
    noted(
        |s| s.roles(json!([role("orders"), role("mail"), {"Arn": "x"}]), json!([])),
        "bad-entry",
        "authorization-details.json",
    );
    noted(
        |s| s.roles(json!([role("orders"), role("mail")]), json!([{"Arn": 1}])),
        "bad-entry",
        "authorization-details.json",
    );
    noted(|s| s.roles(json!([role("orders"), role("mail")]), json!({})), "bad-json", "authorization-details.json");
}

#[test]
fn null_lists_are_empty_lists() {
    let snapshot = Snapshot::new();
    let mut mail = function("mail", "mail");
    for member in [
        "Layers",
        "FileSystemConfigs",
        "VpcConfig",
        "DeadLetterConfig",
        "KMSKeyArn",
        "LoggingConfig",
        "TracingConfig",
        "Runtime",
        "LastModified",
        "DurableConfig",
    ] {
        mail[member] = json!(null);
    }
    mail["VpcConfig"] = json!({"SubnetIds": null});
    snapshot.functions(json!([function("orders", "orders"), mail]));
    let mut role_mail = role("mail");
    for member in
        ["RolePolicyList", "AttachedManagedPolicies", "PermissionsBoundary", "RoleLastUsed", "CreateDate", "Tags"]
    {
        role_mail[member] = json!(null);
    }
    snapshot.roles(json!([role("orders"), role_mail]), json!(null));
    let inventory = snapshot.inventory();
    assert_eq!(inventory.issues, []);
    assert_eq!(role_of(&inventory, "mail").policies, []);
    assert!(!function_of(&inventory, "mail").config.in_vpc && !function_of(&inventory, "mail").config.durable);
}

#[test]
fn missing_files_are_named_with_their_command() {
    for (file, word) in [
        ("event-source-mappings.json", "list-event-source-mappings"),
        ("event-invoke-configs", "list-function-event-invoke-configs"),
        ("function-urls", "list-function-url-configs"),
        ("resource-policies", "get-policy"),
        ("service-last-accessed", "get-service-last-accessed-details"),
    ] {
        let inventory = noted(|s| s.remove(file), "missing-file", file);
        assert!(inventory.issues[0].hint.contains(word), "{}", inventory.issues[0].hint);
        let unknown = file == "event-source-mappings.json";
        assert_eq!(nothing_is_unused(function_of(&inventory, "mail")), unknown, "{file}");
    }
    // No published version, no need for aliases.
    let snapshot = Snapshot::new();
    snapshot.remove("aliases");
    assert_eq!(snapshot.inventory().issues, []);
}

#[test]
fn bad_mappings_keep_everything() {
    let file = "event-source-mappings.json";
    for text in [
        "{\"EventSourceMappings\": [",
        "{}",
        "",
        "[]",
        "{\"EventSourceMappings\": null}",
        "{\"EventSourceMappings\": [7]}",
    ] {
        let kind = match text {
            "" => "empty-file",
            text if text.contains('7') => "bad-entry",
            _ => "bad-json",
        };
        let inventory = noted(|s| s.write_text(file, text), kind, file);
        assert!(nothing_is_unused(function_of(&inventory, "mail")), "{text}");
    }
    let truncated = json!({"EventSourceMappings": [], "NextMarker": "x"});
    assert!(nothing_is_unused(function_of(&noted(|s| s.write(file, &truncated), "truncated-file", file), "mail")));
    let odd = json!({"EventSourceMappings": [{"FunctionArn": function_arn("mail"), "EventSourceArn": 7}]});
    let inventory = noted(|s| s.write(file, &odd), "bad-entry", file);
    assert!(
        nothing_is_unused(function_of(&inventory, "mail")) && !nothing_is_unused(function_of(&inventory, "orders"))
    );
    let gone =
        json!({"EventSourceMappings": [{"FunctionArn": function_arn("gone"), "EventSourceArn": "arn:aws:sqs:a:b:c"}]});
    let inventory = noted(|s| s.write(file, &gone), "bad-entry", file);
    assert!(!nothing_is_unused(function_of(&inventory, "mail")));
}

#[test]
fn other_bad_files_are_issues() {
    noted(|s| s.write_text("function-urls.json", "nonsense"), "bad-json", "function-urls.json");
    noted(|s| s.write_text("function-urls/mail.json", "{}"), "bad-json", "function-urls/mail.json");
    noted(|s| s.write_text("aliases/mail.json", "{\"Aliases\": [{}]}"), "bad-entry", "aliases/mail.json");
    noted(|s| s.write_text("resource-policies/mail.json", "{}"), "bad-json", "resource-policies/mail.json");
    noted(
        |s| s.write_text("resource-policies/mail.json", "{\"Policy\": \"{\"}"),
        "bad-json",
        "resource-policies/mail.json",
    );
    noted(
        |s| s.write_text("resource-policies/gone.json", "{\"Policy\": \"{\\\"Statement\\\": []}\"}"),
        "unknown-function",
        "resource-policies/gone.json",
    );
    noted(
        |s| s.write_text("service-last-accessed/mail.json", "{\"JobStatus\": \"COMPLETED\"}"),
        "bad-json",
        "service-last-accessed/mail.json",
    );
    let inventory = noted(
        |s| {
            s.write_text("resource-policies/mail.json", "");
            s.write_text("resource-policies/orders.json", "\n");
        },
        "empty-file",
        "resource-policies",
    );
    assert_eq!(inventory.issues[0].count, 2);
    noted(|s| fs::create_dir(s.0.path().join("function-urls.json")).unwrap(), "unreadable-file", "function-urls.json");
}

#[test]
fn limits_hold() {
    let snapshot = Snapshot::new();
    let folder = SnapshotFolder::open(snapshot.0.path()).unwrap().with_max_file_bytes(10);
    let error = read_inventory(&folder).unwrap_err();
    assert!(error.to_string().contains("larger than 10 bytes"), "{error}");

    let nested = format!("{{\"RoleDetailList\": [{}1{}]}}", "[".repeat(100_000), "]".repeat(100_000));
    snapshot.write_text("authorization-details.json", &nested);
    assert!(kinds(&snapshot.inventory()).contains(&"bad-entry"));

    let many: Vec<Value> = (0..5_000).map(|_| json!(1)).collect();
    snapshot.roles(json!(many), json!([]));
    let inventory = snapshot.inventory();
    assert!(inventory.issues.len() < 200);
    let counted: u64 =
        inventory.issues.iter().filter(|issue| issue.kind == IssueKind::BadEntry).map(|issue| issue.count).sum();
    assert_eq!(counted, 5_000);
}

#[test]
fn a_byte_order_mark_is_tolerated() {
    let snapshot = Snapshot::new();
    let path = snapshot.0.path().join("functions.json");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("\u{feff}{text}")).unwrap();
    assert_eq!(snapshot.inventory().issues, []);
}

#[test]
fn versions_that_differ_where_only_one_fits_keep_everything() {
    let mut version = function("mail", "mail");
    version["FunctionArn"] = json!(format!("{}:1", function_arn("mail")));
    version["Version"] = json!("1");
    version["LoggingConfig"] = json!({"LogGroup": "/other"});
    let functions = json!([function("orders", "orders"), function("mail", "mail"), version]);
    let inventory = noted(|s| s.functions(functions), "version-configuration", "functions.json");
    assert!(nothing_is_unused(function_of(&inventory, "mail")));
}

#[test]
fn an_unknown_condition_operator_is_an_issue() {
    let mut orders = role("orders");
    orders["RolePolicyList"][0]["PolicyDocument"]["Statement"][0]["Condition"] =
        json!({"StringEqual": {"aws:RequestedRegion": "x"}});
    let roles = json!([orders, role("mail")]);
    let inventory = noted(|s| s.roles(roles, json!([])), "unknown-operator", "authorization-details.json");
    assert!(inventory.issues[0].message.contains("StringEqual"), "{}", inventory.issues[0].message);
    let role = role_of(&inventory, "orders");
    assert!(role.unreadable_policies.is_empty() && role.policies.len() == 1);
}
