use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;
use whittle_analysis::inventory::{EventSourceKind, Function, Inventory, PolicyKind, Role};
use whittle_snapshot::{read_inventory, read_trails};

use super::*;

mod bad_input;
mod trail_configuration;

const ACCOUNT: &str = "111122223333";

fn function_arn(name: &str) -> String {
    format!("arn:aws:lambda:eu-central-1:{ACCOUNT}:function:{name}")
}

fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/service-role/{name}")
}

fn allow(action: &str) -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": action, "Resource": "*"}]})
}

fn role(name: &str) -> Value {
    json!({
        "Path": "/service-role/", "RoleName": name, "RoleId": format!("AROAEXAMPLE{:0>10}", name.to_uppercase()),
        "Arn": role_arn(name), "CreateDate": "2025-01-02 03:04:05+00:00", "AssumeRolePolicyDocument": allow("sts:AssumeRole"),
        "InstanceProfileList": [], "Tags": [],
        "RolePolicyList": [{"PolicyName": "own", "PolicyDocument": allow("s3:GetObject")}],
        "AttachedManagedPolicies": [], "RoleLastUsed": {}
    })
}

fn function(name: &str, role: &str) -> Value {
    json!({
        "FunctionName": name, "FunctionArn": format!("{}:$LATEST", function_arn(name)), "Version": "$LATEST",
        "Role": role_arn(role), "Runtime": "python3.13", "LastModified": "2026-01-02T03:04:05.000+0000",
        "TracingConfig": {"Mode": "PassThrough"}, "LoggingConfig": {"LogFormat": "Text", "LogGroup": format!("/aws/lambda/{name}")}
    })
}

/// A snapshot in a temporary folder.
struct Snapshot(TempDir);

impl Snapshot {
    /// Two functions, two roles, and every file that avoids an issue.
    fn new() -> Self {
        let snapshot = Self(tempfile::tempdir().unwrap());
        snapshot.roles(json!([role("orders"), role("mail")]), json!([]));
        snapshot.functions(json!([function("orders", "orders"), function("mail", "mail")]));
        snapshot.write("event-source-mappings.json", &json!({"EventSourceMappings": []}));
        for folder in ["event-invoke-configs", "function-urls", "resource-policies", "aliases", "service-last-accessed"]
        {
            fs::create_dir(snapshot.0.path().join(folder)).unwrap();
        }
        snapshot
    }

    fn roles(&self, roles: impl Into<Value>, policies: impl Into<Value>) {
        let details = json!({"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": roles.into(), "Policies": policies.into()});
        self.write("authorization-details.json", &details);
    }

    fn functions(&self, functions: impl Into<Value>) {
        self.write("functions.json", &json!({"Functions": functions.into()}));
    }

    fn write(&self, file: &str, content: &Value) {
        self.write_text(file, &serde_json::to_string_pretty(content).unwrap());
    }

    fn write_text(&self, file: &str, content: &str) {
        let path = self.0.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn remove(&self, name: &str) {
        let path = self.0.path().join(name);
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }

    fn inventory(&self) -> Inventory {
        read_inventory(&SnapshotFolder::open(self.0.path()).unwrap()).unwrap()
    }

    fn error(&self) -> PortError {
        match SnapshotFolder::open(self.0.path()) {
            Ok(folder) => read_inventory(&folder).unwrap_err().into(),
            Err(error) => error,
        }
    }
}

fn function_of<'a>(inventory: &'a Inventory, name: &str) -> &'a Function {
    &inventory.functions[&function_arn(name).parse().unwrap()]
}

fn role_of<'a>(inventory: &'a Inventory, name: &str) -> &'a Role {
    &inventory.roles[&role_arn(name).parse().unwrap()]
}

fn kinds(inventory: &Inventory) -> Vec<&str> {
    inventory.issues.iter().map(|issue| issue.kind.as_str()).collect()
}

#[test]
fn a_complete_snapshot_has_no_issue() {
    let inventory = Snapshot::new().inventory();
    assert_eq!(inventory.issues, []);
    assert_eq!((inventory.account.as_str(), inventory.partition.as_str()), (ACCOUNT, "aws"));
    assert_eq!((inventory.functions.len(), inventory.roles.len()), (2, 2));
    let orders = function_of(&inventory, "orders");
    assert_eq!(orders.region.as_str(), "eu-central-1");
    assert_eq!(orders.role.as_str(), role_arn("orders"));
    assert_eq!(orders.last_modified.unwrap().to_string(), "2026-01-02T03:04:05Z");
    assert_eq!(orders.config, whittle_analysis::inventory::FunctionConfig::default());
    let role = role_of(&inventory, "orders");
    assert_eq!((role.name.as_str(), role.id.as_str()), ("orders", "AROAEXAMPLE0000ORDERS"));
    assert_eq!(role.created.unwrap().to_string(), "2025-01-02T03:04:05Z");
    assert_eq!(role.policies[0].kind, PolicyKind::Inline);
    assert!(role.last_used.is_none() && !role.has_boundary && role.unreadable_policies.is_empty());
}

#[test]
fn managed_policies_are_joined_with_their_default_version() {
    let snapshot = Snapshot::new();
    let mut orders = role("orders");
    orders["AttachedManagedPolicies"] = json!([
        {"PolicyName": "Logs", "PolicyArn": "arn:aws:iam::aws:policy/service-role/Logs"},
        {"PolicyName": "Team", "PolicyArn": format!("arn:aws:iam::{ACCOUNT}:policy/Team")}
    ]);
    orders["PermissionsBoundary"] = json!({"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": format!("arn:aws:iam::{ACCOUNT}:policy/Team")});
    orders["RoleLastUsed"] = json!({"LastUsedDate": "2026-01-01T00:00:00Z", "Region": "eu-central-1"});
    let version = |id: &str, date: &str, default: bool, action: &str| json!({"VersionId": id, "CreateDate": date, "IsDefaultVersion": default, "Document": allow(action)});
    snapshot.roles(
        json!([orders, role("mail")]),
        json!([
            {"PolicyName": "Logs", "Arn": "arn:aws:iam::aws:policy/service-role/Logs", "DefaultVersionId": "v1",
             "PolicyVersionList": [version("v1", "2015-01-01T00:00:00Z", true, "logs:PutLogEvents")]},
            {"PolicyName": "Team", "Arn": format!("arn:aws:iam::{ACCOUNT}:policy/Team"), "DefaultVersionId": "v9",
             "PolicyVersionList": [
                version("v10", "2025-03-01T00:00:00Z", false, "sqs:*"),
                version("v2", "2025-01-01T00:00:00Z", false, "sns:*"),
                version("v9", "2025-02-01T00:00:00Z", true, "ses:*")]}
        ]),
    );
    let inventory = snapshot.inventory();
    assert_eq!(inventory.issues, []);
    let role = role_of(&inventory, "orders");
    let names: Vec<_> = role.policies.iter().map(|policy| (policy.name.as_str(), policy.kind)).collect();
    let expect = [("own", PolicyKind::Inline), ("Logs", PolicyKind::AwsManaged), ("Team", PolicyKind::CustomerManaged)];
    assert_eq!(names, expect);
    let team = &role.policies[2];
    assert!(team.document.to_json_compact().contains("ses:*"));
    let dates: Vec<_> = team.versions.iter().map(|version| version.created.to_string()).collect();
    assert_eq!(dates, ["2025-03-01T00:00:00Z", "2025-02-01T00:00:00Z", "2025-01-01T00:00:00Z"]);
    assert_eq!(role.boundary.as_ref(), Some(&team.document));
    assert_eq!(role.last_used.unwrap().to_string(), "2026-01-01T00:00:00Z");
}

#[test]
fn url_encoded_documents_are_read() {
    let snapshot = Snapshot::new();
    let mut orders = role("orders");
    let text = serde_json::to_string(&allow("s3:PutObject")).unwrap();
    let encoded = percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC).to_string();
    orders["RolePolicyList"] =
        json!([{"PolicyName": "api", "PolicyDocument": encoded}, {"PolicyName": "text", "PolicyDocument": text}]);
    snapshot.roles(json!([orders, role("mail")]), json!([]));
    let inventory = snapshot.inventory();
    assert_eq!(inventory.issues, []);
    let role = role_of(&inventory, "orders");
    assert_eq!(role.policies[0].document, role.policies[1].document);
}

#[test]
fn configuration_of_published_versions_counts() {
    let snapshot = Snapshot::new();
    let mut latest = function("orders", "orders");
    latest["DeadLetterConfig"] = json!({"TargetArn": "arn:aws:sqs:eu-central-1:111122223333:new"});
    latest["Layers"] = json!([{"Arn": "layer:1", "CodeSize": 1}]);
    let mut version = function("orders", "mail");
    version["FunctionArn"] = json!(format!("{}:7", function_arn("orders")));
    version["Version"] = json!("7");
    version["DeadLetterConfig"] = json!({"TargetArn": "arn:aws:sqs:eu-central-1:111122223333:old"});
    version["VpcConfig"] = json!({"SubnetIds": ["subnet-1"], "SecurityGroupIds": [], "VpcId": "vpc-1"});
    version["TracingConfig"] = json!({"Mode": "Active"});
    version["KMSKeyArn"] = json!("arn:aws:kms:eu-central-1:111122223333:key/1");
    version["DurableConfig"] = json!({"ExecutionTimeout": 60});
    version["FileSystemConfigs"] = json!([{"Arn": "fs:1", "LocalMountPath": "/mnt/a"}]);
    snapshot.functions(json!([version, latest, function("mail", "mail")]));
    snapshot.write(
        "aliases/orders.json",
        &json!({"Aliases": [
            {"AliasArn": format!("{}:live", function_arn("orders")), "Name": "live", "FunctionVersion": "7"},
            {"AliasArn": format!("{}:dev", function_arn("orders")), "Name": "dev", "FunctionVersion": "$LATEST",
             "RoutingConfig": {"AdditionalVersionWeights": {"7": 0.1}}}
        ]}),
    );
    let inventory = snapshot.inventory();
    let orders = function_of(&inventory, "orders");
    assert_eq!(orders.role.as_str(), role_arn("orders"));
    assert_eq!(orders.versions.len(), 1);
    assert_eq!(orders.versions[0].role.as_str(), role_arn("mail"));
    assert_eq!(orders.versions[0].aliases, ["dev", "live"]);
    let config = &orders.config;
    assert_eq!(config.dead_letter_target.as_deref(), Some("arn:aws:sqs:eu-central-1:111122223333:new"));
    assert_eq!(config.destinations, ["arn:aws:sqs:eu-central-1:111122223333:old"]);
    assert!(config.in_vpc && config.active_tracing && config.durable);
    assert_eq!((config.layers.len(), config.file_systems.len()), (1, 1));
    assert!(config.kms_key.is_some());
}

#[test]
fn event_sources_and_destinations_are_attached() {
    use EventSourceKind::{DocumentDb, DynamoDbStream, Kinesis, Mq, Msk, SelfManagedKafka, Sqs, Unknown};
    let snapshot = Snapshot::new();
    let mapping = |source: Value| {
        let mut mapping =
            json!({"UUID": "u", "FunctionArn": format!("{}:live", function_arn("orders")), "State": "Enabled"});
        mapping.as_object_mut().unwrap().extend(source.as_object().unwrap().clone());
        mapping
    };
    let arn = |service: &str| json!({"EventSourceArn": format!("arn:aws:{service}:eu-central-1:111122223333:x")});
    snapshot.write(
        "event-source-mappings.json",
        &json!({"EventSourceMappings": [
            mapping(arn("sqs")), mapping(arn("kinesis")), mapping(arn("dynamodb")), mapping(arn("mq")), mapping(arn("rds")),
            mapping(json!({"EventSourceArn": "arn:aws:kafka:eu-central-1:111122223333:cluster/a/b", "State": "Disabled",
                "DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sns:eu-central-1:111122223333:t"}, "OnSuccess": {}},
                "SourceAccessConfigurations": [{"Type": "SASL_SCRAM_512_AUTH", "URI": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:s"},
                    {"Type": "VPC_SUBNET", "URI": "subnet:subnet-1"}],
                "AmazonManagedKafkaEventSourceConfig": {"SchemaRegistryConfig": {"AccessConfigs": [{"Type": "BASIC_AUTH", "URI": "arn:aws:secretsmanager:eu-central-1:111122223333:secret:r"}]}}})),
            mapping(json!({"SelfManagedEventSource": {"Endpoints": {}}})),
            mapping(arn("newservice")),
        ]}),
    );
    snapshot.write(
        "event-invoke-configs/orders.json",
        &json!({"FunctionEventInvokeConfigs": [{"FunctionArn": format!("{}:$LATEST", function_arn("orders")),
            "DestinationConfig": {"OnSuccess": {"Destination": "arn:aws:events:x"}, "OnFailure": {"Destination": "arn:aws:sqs:y"}}}]}),
    );
    snapshot.write(
        "function-urls.json",
        &json!({"FunctionUrlConfigs": [
            {"FunctionUrl": "https://a", "FunctionArn": function_arn("orders"), "AuthType": "NONE"},
            {"FunctionUrl": "https://b", "FunctionArn": format!("{}:live", function_arn("orders")), "AuthType": "AWS_IAM"}]}),
    );
    // The answer of get-function-url-config is the entry itself.
    snapshot.write("function-urls/mail.json", &json!({"FunctionArn": function_arn("mail"), "AuthType": "AWS_IAM"}));
    let inventory = snapshot.inventory();
    assert_eq!(inventory.issues, []);
    let orders = function_of(&inventory, "orders");
    let sources = &orders.config.event_sources;
    let kinds: Vec<_> = sources.iter().map(|source| source.kind).collect();
    assert_eq!(kinds, [Sqs, Kinesis, DynamoDbStream, Mq, DocumentDb, Msk, SelfManagedKafka, Unknown]);
    assert_eq!(sources[5].secrets.len(), 2);
    assert_eq!(sources[5].on_failure.as_deref(), Some("arn:aws:sns:eu-central-1:111122223333:t"));
    assert!(!sources[5].enabled && sources[0].enabled);
    assert_eq!(orders.config.destinations, ["arn:aws:events:x", "arn:aws:sqs:y"]);
    assert_eq!(orders.exposure.url_auth.as_deref(), Some("NONE"));
    assert_eq!(function_of(&inventory, "mail").exposure.url_auth.as_deref(), Some("AWS_IAM"));
}

#[test]
fn resource_policies_say_who_may_invoke() {
    let snapshot = Snapshot::new();
    let statement = |principal: Value, condition: Value| {
        json!({"Sid": "s", "Effect": "Allow", "Principal": principal, "Action": "lambda:InvokeFunction",
            "Resource": function_arn("orders"), "Condition": condition})
    };
    let answer = |statements: Value| {
        let policy = json!({"Version": "2012-10-17", "Id": "default", "Statement": statements}).to_string();
        json!({"Policy": policy, "RevisionId": "r"})
    };
    snapshot.write(
        "resource-policies/orders.json",
        &answer(json!([
            statement(json!({"Service": "s3.amazonaws.com"}), json!({"StringEquals": {"AWS:SourceAccount": ACCOUNT}})),
            statement(json!({"AWS": "arn:aws:iam::444455556666:root"}), json!({})),
            statement(json!("*"), json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}})),
        ])),
    );
    let mut open = statement(json!("*"), json!({"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}}));
    open["Action"] = json!("lambda:InvokeFunctionUrl");
    open["Resource"] = json!(function_arn("mail"));
    snapshot.write("resource-policies/mail.json", &answer(json!([open])));
    let inventory = snapshot.inventory();
    assert_eq!(inventory.issues, []);
    let exposure = &function_of(&inventory, "orders").exposure;
    assert_eq!(exposure.invokers, ["*", "arn:aws:iam::444455556666:root", "s3.amazonaws.com"]);
    assert!(!exposure.public_policy);
    assert!(function_of(&inventory, "mail").exposure.public_policy);
}

#[test]
fn last_accessed_reports_go_to_the_role_they_are_named_after() {
    let snapshot = Snapshot::new();
    let report = |status: &str, truncated: bool| {
        json!({"JobStatus": status, "JobCompletionDate": "2026-01-05T00:00:00+00:00", "IsTruncated": truncated,
            "ServicesLastAccessed": [
                {"ServiceName": "Amazon S3", "ServiceNamespace": "s3", "LastAuthenticated": "2026-01-01T00:00:00+00:00", "TotalAuthenticatedEntities": 1},
                {"ServiceName": "Amazon SQS", "ServiceNamespace": "sqs", "TotalAuthenticatedEntities": 0}]})
    };
    snapshot.write("service-last-accessed/orders.json", &report("COMPLETED", false));
    snapshot.write("service-last-accessed/mail.json", &report("IN_PROGRESS", false));
    let inventory = snapshot.inventory();
    let services = &role_of(&inventory, "orders").last_accessed.as_ref().unwrap().services;
    assert!(services["s3"].is_some() && services["sqs"].is_none());
    assert!(role_of(&inventory, "mail").last_accessed.is_none());
    assert_eq!(kinds(&inventory), ["unusable-report"]);

    snapshot.write("service-last-accessed/mail.json", &report("COMPLETED", true));
    snapshot.write("service-last-accessed/nobody.json", &report("COMPLETED", false));
    let inventory = snapshot.inventory();
    assert!(role_of(&inventory, "mail").last_accessed.is_none());
    assert_eq!(kinds(&inventory), ["unknown-role", "unusable-report"]);
}

#[test]
fn regions_are_folders() {
    let snapshot = Snapshot::new();
    let mut other = function("orders", "orders");
    other["FunctionArn"] = json!(format!("arn:aws:lambda:us-east-1:{ACCOUNT}:function:orders"));
    snapshot.write("regions/us-east-1/functions.json", &json!({"Functions": [other]}));
    snapshot.write("regions/nowhere/functions.json", &json!({"Functions": []}));
    fs::create_dir(snapshot.0.path().join("regions/eu-west-1")).unwrap();
    let inventory = snapshot.inventory();
    assert_eq!(inventory.functions.len(), 3);
    let places: Vec<_> = inventory.issues.iter().map(|issue| (issue.kind.as_str(), issue.place.as_str())).collect();
    assert_eq!(
        places,
        [
            ("bad-name", "regions/nowhere"),
            ("missing-file", "regions/eu-west-1/functions.json"),
            ("missing-file", "regions/us-east-1/event-invoke-configs"),
            ("missing-file", "regions/us-east-1/event-source-mappings.json"),
            ("missing-file", "regions/us-east-1/function-urls"),
            ("missing-file", "regions/us-east-1/resource-policies"),
            ("versions-not-collected", "regions/us-east-1/functions.json"),
        ]
    );
    let missing = inventory.issues.iter().find(|issue| issue.place.ends_with("mappings.json")).unwrap();
    assert!(missing.hint.contains("--region us-east-1"), "{}", missing.hint);
}

#[test]
fn a_snapshot_of_regions_only_needs_nothing_in_the_root() {
    let snapshot = Snapshot::new();
    for name in [
        "functions.json",
        "event-source-mappings.json",
        "event-invoke-configs",
        "function-urls",
        "resource-policies",
        "aliases",
    ] {
        let to = snapshot.0.path().join("regions/eu-central-1").join(name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::rename(snapshot.0.path().join(name), to).unwrap();
    }
    let inventory = snapshot.inventory();
    assert_eq!(inventory.issues, []);
    assert_eq!(inventory.functions.len(), 2);
}

#[test]
fn reading_twice_gives_the_same() {
    let snapshot = Snapshot::new();
    snapshot.remove("function-urls");
    assert_eq!(snapshot.inventory(), snapshot.inventory());
}
