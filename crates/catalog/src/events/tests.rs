use std::collections::BTreeSet;

use super::*;
use crate::catalog;

fn id(name: &str) -> ActionId {
    catalog().action(name).unwrap_or_else(|| panic!("no action {name}"))
}

/// Names of an event's certain actions.
fn primary(source: &str, name: &str) -> Vec<&'static str> {
    match catalog().resolve_event(&format!("{source}.amazonaws.com"), name) {
        EventResolution::Actions(rule) => rule.primary().iter().map(|id| catalog().info(*id).name()).collect(),
        other => panic!("{source} {name}: {other:?}"),
    }
}

#[test]
fn every_row_of_every_table_is_understood() {
    let tables = tables::tables();
    let no_problem: [String; 0] = [];
    assert_eq!(tables.rules.problems, no_problem);
    assert_eq!(tables.outcomes.problems, no_problem);
    assert_eq!(tables.templates.problems, no_problem);
    assert_eq!(tables.batches.problems, no_problem);
    for prefix in tables.passed_to.prefixes() {
        assert!(catalog().service(prefix).is_some(), "passed-to.tsv: {prefix}");
    }
    assert_eq!(visibility::index().problems, no_problem);
    assert_eq!(companion::index().problems, no_problem);
    for action in tables.templates.tagging_actions() {
        assert!(catalog().action(&action).is_some(), "tagging.tsv: {action}");
    }
    for (label, prefixes) in &tables.sources {
        for prefix in prefixes {
            assert!(catalog().service(prefix).is_some(), "sources.tsv: {label} -> {prefix}");
        }
    }
    for list in ["names-created", "takes-tags", "reads", "role-is-data", "inference-profile", "short-lived", "lasting"]
    {
        assert!(!tables.lists.of(list).is_empty(), "{list}");
    }
    assert!(tables.classes.len() > 60);
    assert!(tables.data_types.len() >= 175);
    assert!(tables.data_types.is_sorted());
}

#[test]
fn every_row_names_its_source() {
    for (file, _, text) in rule::TEXTS {
        for row in table::rows(text) {
            assert!(!row.source.is_empty(), "{file}.tsv:{}", row.line);
        }
    }
}

#[test]
fn event_sources_lead_to_prefixes() {
    for (source, expect) in [
        ("monitoring.amazonaws.com", "cloudwatch"),
        ("email.amazonaws.com", "ses"),
        ("tagging.amazonaws.com", "tag"),
        ("streams.dynamodb.amazonaws.com", "dynamodb"),
        ("rdsdata.amazonaws.com", "rds-data"),
        ("amazonmq.amazonaws.com", "mq"),
        ("opensearchservice.amazonaws.com", "es"),
        ("runtime.lex.amazonaws.com", "lex"),
        ("appstream2.amazonaws.com", "appstream"),
        ("mturk-requester.amazonaws.com", "mechanicalturk"),
        ("chime-sdk-voice.amazonaws.com", "chime"),
        ("marketplacecatalog.amazonaws.com", "aws-marketplace"),
        ("management-marketplace.amazonaws.com", "aws-marketplace-management"),
        ("billingconsole.amazonaws.com", "billing"),
        ("iotsecuredtunneling.amazonaws.com", "iot"),
        ("pinpoint.amazonaws.com", "mobiletargeting"),
        ("application-insights.amazonaws.com", "applicationinsights"),
        ("cloudcontrolapi.amazonaws.com", "cloudformation"),
        ("servicecatalog-appregistry.amazonaws.com", "servicecatalog"),
        ("participant-connect.amazonaws.com", "connect"),
        ("stepfunctions.amazonaws.com", "states"),
        ("inspector2.amazon.aws", "inspector2"),
        ("sqs.amazonaws.com.cn", "sqs"),
        ("s3.amazonaws.com", "s3"),
    ] {
        assert_eq!(catalog().prefixes_of_source(source).first().copied(), Some(expect), "{source}");
    }
    for source in [
        "",
        "EVENT_SOURCE_VALUE",
        "{{CLOUD_TRAIL_EVENT_SOURCE}}",
        "event-source-placeholder",
        "aws:s3",
        "oss.aliyuncs.com",
        "aws-mcp.amazonaws.com",
        ".amazonaws.com",
    ] {
        assert!(catalog().prefixes_of_source(source).is_empty(), "{source}");
    }
}

#[test]
fn a_value_that_is_no_host_of_aws_is_not_a_call() {
    for source in ["EVENT_SOURCE_VALUE", "aws:s3", "event-source-placeholder"] {
        assert!(matches!(catalog().resolve_event(source, "GetObject"), EventResolution::NotACall { .. }), "{source}");
    }
}

#[test]
fn names_match_in_any_case_before_a_date_is_cut() {
    assert_eq!(primary("lambda", "GetFunction20150331v2"), ["lambda:GetFunction"]);
    assert_eq!(primary("LAMBDA".to_lowercase().as_str(), "getfunction"), ["lambda:GetFunction"]);
    assert_eq!(primary("rds", "RestoreDBClusterFromS3"), ["rds:RestoreDBClusterFromS3"]);
    assert_eq!(primary("s3", "GetBucketCors"), ["s3:GetBucketCORS"]);
}

#[test]
fn an_unknown_name_is_not_guessed_and_shows_its_neighbours() {
    let EventResolution::Unknown { nearest } = catalog().resolve_event("s3.amazonaws.com", "GetObjekt") else {
        panic!("known");
    };
    assert!(nearest.iter().any(|name| name == "s3:GetObject"), "{nearest:?}");
    assert!(matches!(
        catalog().resolve_event("nosuchservice.amazonaws.com", "GetObject"),
        EventResolution::Unknown { .. }
    ));
}

#[test]
fn every_operation_of_every_service_resolves_or_its_service_has_no_action_for_it() {
    let (mut known, mut unknown) = (0, BTreeSet::new());
    for service in catalog().services() {
        for operation in service.operations().filter(|operation| operation.in_sdk()) {
            let source = format!("{}.amazonaws.com", service.prefix());
            match catalog().resolve_event(&source, operation.name()) {
                EventResolution::Unknown { .. } => {
                    unknown.insert(operation.to_string());
                }
                EventResolution::Actions(rule) => {
                    known += 1;
                    let listed = rule.further_actions(catalog());
                    assert!(!rule.mentioned().is_empty() || !listed.is_empty(), "{operation}");
                }
                _ => known += 1,
            }
        }
    }
    // What stays unknown are operations newer than the action list; this bound keeps the share from growing
    // unseen.
    let share = unknown.len() * 100 / (known + unknown.len()).max(1);
    assert!(share < 4, "{} of {} unknown: {unknown:?}", unknown.len(), known + unknown.len());
}

#[track_caller]
fn check_visibility(action: &str, expect: &str) {
    let text = match catalog().visibility(id(action)) {
        Visibility::Management => "management".to_owned(),
        Visibility::Data { resource_types } => format!("data {}", resource_types.join(" ")),
        Visibility::Either { resource_types } => format!("either {}", resource_types.join(" ")),
        Visibility::NetworkOnly => "network".to_owned(),
        Visibility::Never { .. } => "never".to_owned(),
        Visibility::Inferred { .. } => "inferred".to_owned(),
    };
    assert_eq!(text, expect, "{action}");
}

#[test]
fn requests_to_functions_over_http_are_data_events_of_their_types() {
    check_visibility("lambda:InvokeFunctionUrl", "data AWS::Lambda::Function");
    check_visibility("lambda:InvokeWebFunctionEndpoint", "data AWS::Lambda::WebFunction");
}

#[test]
fn data_event_operations_are_told_from_management_ones() {
    for (action, expect) in [
        ("s3:GetObject", "data AWS::S3::Object"),
        ("s3:ListBucket", "data AWS::S3::Object"),
        ("s3:PutObject", "data AWS::S3::Object"),
        ("s3:DeleteObject", "data AWS::S3::Object"),
        ("s3:AbortMultipartUpload", "data AWS::S3::Object"),
        ("s3:GetBucketLocation", "management"),
        ("s3:PutBucketPolicy", "management"),
        ("s3:ListAllMyBuckets", "management"),
        ("s3:GetEncryptionConfiguration", "management"),
        ("dynamodb:GetItem", "data AWS::DynamoDB::Table"),
        ("dynamodb:UpdateItem", "data AWS::DynamoDB::Table"),
        ("dynamodb:GetRecords", "data AWS::DynamoDB::Stream"),
        ("dynamodb:DescribeTable", "management"),
        ("dynamodb:ListStreams", "management"),
        ("lambda:InvokeFunction", "data AWS::Lambda::Function"),
        ("lambda:GetFunction", "management"),
        ("sqs:SendMessage", "data AWS::SQS::Queue"),
        ("sqs:GetQueueAttributes", "data AWS::SQS::Queue"),
        ("sqs:PurgeQueue", "management"),
        ("sqs:CreateQueue", "management"),
        ("sns:Publish", "data AWS::SNS::Topic"),
        ("sns:Subscribe", "management"),
        ("states:StartExecution", "management"),
        ("states:SendTaskSuccess", "management"),
        ("states:StartSyncExecution", "data AWS::StepFunctions::StateMachine"),
        ("states:InvokeHTTPEndpoint", "data AWS::StepFunctions::StateMachine"),
        ("bedrock:RenderPrompt", "data AWS::Bedrock::PromptVersion"),
        ("states:GetActivityTask", "data AWS::StepFunctions::Activity"),
        ("events:PutEvents", "data AWS::Events::EventBus"),
        ("events:PutRule", "management"),
        ("kinesis:PutRecord", "either AWS::Kinesis::Stream"),
        ("kinesis:SubscribeToShard", "either AWS::Kinesis::StreamConsumer"),
        ("firehose:PutRecord", "never"),
        ("bedrock:InvokeModel", "either AWS::Bedrock::AsyncInvoke AWS::Bedrock::Model"),
        ("bedrock:InvokeModelWithResponseStream", "management"),
        ("bedrock:InvokeAgent", "data AWS::Bedrock::AgentAlias"),
        ("cognito-identity:GetId", "data AWS::Cognito::IdentityPool"),
        ("cognito-idp:AdminGetUser", "management"),
        ("cloudwatch:PutMetricData", "data AWS::CloudWatch::Metric"),
        ("cloudwatch:DescribeAlarms", "management"),
        ("xray:PutTraceSegments", "data AWS::XRay::Trace"),
        ("appconfig:GetLatestConfiguration", "data AWS::AppConfig::Configuration"),
        ("rds-data:ExecuteStatement", "data AWS::RDS::DBCluster"),
        ("sagemaker:InvokeEndpoint", "never"),
        ("kms:Decrypt", "management"),
        ("secretsmanager:GetSecretValue", "management"),
        ("ssm:GetParameter", "management"),
        ("sts:AssumeRole", "management"),
        ("glue:GetTable", "either AWS::Glue::Table"),
        ("ebs:GetSnapshotBlock", "data AWS::EC2::Snapshot"),
        ("es:DescribeElasticsearchDomain", "management"),
        // Called management events before their guides were read: absence would have proved them unused.
        ("lambda:CheckpointDurableExecution", "data AWS::Lambda::Function"),
        ("lambda:GetDurableExecutionState", "data AWS::Lambda::Function"),
        ("dynamodb:SearchVectors", "data AWS::DynamoDB::Table"),
        ("ses:SendEmail", "data AWS::SES::EmailIdentity"),
        ("timestream:WriteRecords", "never"),
        ("iot:Publish", "never"),
        ("iot:ListThings", "never"),
        ("iot:CreateThing", "management"),
        ("dsql:DbConnect", "data AWS::DSQL::Cluster"),
        ("bedrock:Rerank", "never"),
        ("verifiedpermissions:IsAuthorized", "data AWS::VerifiedPermissions::PolicyStore"),
        ("s3tables:GetTableData", "data AWS::S3Tables::Table"),
        ("s3tables:CreateTable", "management"),
        ("s3vectors:QueryVectors", "data AWS::S3Vectors::Index"),
        ("swf:StartWorkflowExecution", "data AWS::SWF::Domain"),
        ("xray:GetSamplingRules", "either AWS::XRay::Trace"),
        ("servicediscovery:GetServiceAttributes", "data AWS::ServiceDiscovery::Service"),
        ("servicediscovery:DiscoverInstances", "data AWS::ServiceDiscovery::Namespace"),
        ("lakeformation:GetWorkUnitResults", "never"),
        ("cloudsearch:search", "never"),
        ("geo:SearchPlaceIndexForText", "never"),
        ("comprehend:DetectToxicContent", "never"),
        ("kinesis:ListShards", "either AWS::Kinesis::Stream"),
        // Of another type than the other calls of the service: both types must be logged.
        ("qapps:PredictQApp", "data AWS::QBusiness::Application"),
        ("qapps:GetQApp", "data AWS::QApps::QApp"),
        ("qapps:StartQAppSession", "data AWS::QApps::QApp AWS::QApps::QAppSession"),
        // Management events, though the service has data events.
        ("ebs:StartSnapshot", "management"),
        ("qapps:GetLibraryItem", "management"),
        ("geo:CreateTracker", "management"),
        ("comprehend:DetectSentiment", "management"),
        ("logs:StartQuery", "management"),
        ("logs:GetQueryResults", "management"),
        ("agent-registry:GetRegistryRecord", "management"),
        ("agent-registry:SearchDiscoverableRegistryRecords", "data AWS::AgentRegistry::Registry"),
        ("airflow:CreateCliToken", "data AWS::MWAA::Environment"),
        ("airflow:GetEnvironment", "management"),
        ("thinclient:GetDevice", "management"),
        ("quicksight:DescribeActionConnector", "management"),
        ("quicksight:ListFlows", "either AWS::QuickSight::Flow AWS::QuickSight::FlowSession"),
        ("s3-outposts:GetObject", "data AWS::S3Outposts::Object"),
        ("s3-outposts:PutReplicationConfiguration", "never"),
        ("rds:ModifyCustomDBEngineVersion", "never"),
        ("b2bi:StartTransformerJob", "data AWS::B2BI::Transformer"),
        ("b2bi:GetTransformer", "either AWS::B2BI::Transformer"),
        ("ec2-instance-connect:OpenTunnel", "either AWS::EC2::InstanceConnectEndpoint"),
    ] {
        check_visibility(action, expect);
    }
}

#[test]
fn action_level_reports_tell_of_no_data_plane_and_no_role_passing() {
    for (action, expect) in [
        ("s3:GetObject", Some(false)),
        ("dynamodb:PutItem", Some(false)),
        ("iam:PassRole", Some(false)),
        ("iam:CreateUser", None),
    ] {
        assert_eq!(catalog().action_last_accessed(id(action)), expect, "{action}");
    }
}

#[test]
fn what_no_event_shows_is_never_or_inferred() {
    for (action, expect) in [
        ("logs:PutLogEvents", "never"),
        ("kafka-cluster:ReadData", "never"),
        ("elasticfilesystem:ClientMount", "never"),
        ("rds-db:connect", "never"),
        ("elasticache:Connect", "never"),
        ("execute-api:Invoke", "never"),
        ("neptune-db:connect", "never"),
        ("iam:PassRole", "inferred"),
        ("dynamodb:ConditionCheckItem", "inferred"),
        ("dynamodb:PartiQLSelect", "inferred"),
        ("kms:ReEncryptFrom", "management"),
        ("s3:GetObjectVersion", "inferred"),
        ("s3:PutObjectAcl", "inferred"),
        ("s3:BypassGovernanceRetention", "inferred"),
        ("sts:TagSession", "inferred"),
        ("sts:SetSourceIdentity", "inferred"),
        ("logs:CreateLogStream", "management"),
        ("logs:FilterLogEvents", "management"),
    ] {
        check_visibility(action, expect);
    }
}

/// Actions that stay unproven are told as what they are.
#[test]
fn the_reason_why_no_event_shows_an_action_is_the_true_one() {
    for (action, words) in [
        ("sts:GetCallerIdentity", "needs no grant"),
        ("sts:GetSessionToken", "needs no grant"),
        ("glue:CreatePartitionIndex", "authorised by another action"),
        ("s3:GetObjectTorrent", "authorised by another action"),
        ("s3:GetStorageLensDashboard", "console"),
        ("s3:GetObjectVersionForReplication", "S3 itself"),
        ("dynamodb:WriteDataForReplication", "DynamoDB itself"),
        ("bedrock:CallWithBearerToken", "bearer token"),
        ("logs:CreateLogDelivery", "another service"),
        ("lambda:EnableReplication", "Lambda@Edge"),
        ("ssm:UpdateInstanceInformation", "agent"),
        ("logs:PutLogEvents", "does not log PutLogEvents"),
    ] {
        match catalog().visibility(id(action)) {
            Visibility::Never { reason } => assert!(reason.contains(words), "{action}: {reason}"),
            other => panic!("{action}: {other:?}"),
        }
    }
}

/// Rows for all names that start so count as much as rows that spell a name.
#[test]
fn events_of_rows_by_the_start_of_the_name_reveal_their_action() {
    for (action, event) in [
        ("apigateway:GET", "GetRestApis"),
        ("apigateway:PATCH", "UpdateStage"),
        ("apigateway:POST", "CreateDeployment"),
        ("apigateway:PUT", "PutMethod"),
        ("apigateway:DELETE", "DeleteRestApi"),
        ("s3:GetObjectAttributes", "GetObjectAttributes"),
        ("s3:GetObjectVersionAttributes", "GetObjectAttributes"),
        ("s3:GetObjectLegalHold", "GetObjectLockLegalHold"),
    ] {
        let revealed = catalog().revealed_by(id(action));
        assert!(revealed.iter().any(|row| row.event_name.eq_ignore_ascii_case(event)), "{action}: {revealed:?}");
    }
    check_visibility("apigateway:GET", "management");
    check_visibility("apigateway:PATCH", "management");
}

#[test]
fn management_is_said_only_where_an_event_reveals_the_action() {
    for action in catalog().actions() {
        let name = catalog().info(action).name();
        let revealed = catalog().revealed_by(action);
        match catalog().visibility(action) {
            Visibility::Management => {
                assert!(revealed.iter().any(|row| !row.conditional), "{name}");
                assert!(revealed.iter().all(|row| row.kind == RevealerKind::Management), "{name}: {revealed:?}");
            }
            Visibility::Data { resource_types } | Visibility::Either { resource_types } => {
                assert!(!resource_types.is_empty(), "{name}");
            }
            Visibility::Never { reason } | Visibility::Inferred { reason, .. } => assert!(!reason.is_empty(), "{name}"),
            Visibility::NetworkOnly => {}
        }
    }
}

#[test]
fn revealing_events_map_back_to_the_action() {
    for action in catalog().actions() {
        for row in catalog().revealed_by(action) {
            match catalog().resolve_event(&row.event_source, &row.event_name) {
                EventResolution::Actions(rule) => {
                    assert!(rule.mentioned().contains(&action), "{} by {row:?}", catalog().info(action).name());
                }
                other => panic!("{} by {row:?}: {other:?}", catalog().info(action).name()),
            }
        }
    }
}

#[test]
fn every_row_of_the_silent_dependencies_is_a_companion() {
    for (used, kept, relation, via) in [
        ("s3:GetObject", "s3:ListBucket", Relation::Bucket, None),
        ("s3:PutObject", "s3:AbortMultipartUpload", Relation::Same, None),
        ("s3:PutObject", "s3:ListMultipartUploadParts", Relation::Same, None),
        ("s3:GetObject", "kms:Decrypt", Relation::Key, Some("s3")),
        ("s3:PutObject", "kms:GenerateDataKey", Relation::Key, Some("s3")),
        ("dynamodb:Query", "kms:Decrypt", Relation::Key, Some("dynamodb")),
        ("dynamodb:CreateTable", "kms:CreateGrant", Relation::Key, Some("dynamodb")),
        ("dynamodb:CreateTable", "kms:DescribeKey", Relation::Key, Some("dynamodb")),
        ("sqs:SendMessage", "kms:GenerateDataKey", Relation::Key, Some("sqs")),
        ("sqs:ReceiveMessage", "kms:Decrypt", Relation::Key, Some("sqs")),
        ("sns:Publish", "kms:GenerateDataKey", Relation::Key, Some("sns")),
        ("sns:Publish", "kms:Decrypt", Relation::Key, Some("sns")),
        ("kinesis:PutRecord", "kms:GenerateDataKey", Relation::Key, Some("kinesis")),
        ("kinesis:GetRecords", "kms:Decrypt", Relation::Key, Some("kinesis")),
        ("secretsmanager:GetSecretValue", "kms:Decrypt", Relation::Key, Some("secretsmanager")),
        ("secretsmanager:PutSecretValue", "kms:GenerateDataKey", Relation::Key, Some("secretsmanager")),
        ("ssm:GetParameter", "kms:Decrypt", Relation::Key, Some("ssm")),
        ("ssm:PutParameter", "kms:Encrypt", Relation::Key, Some("ssm")),
        ("states:StartSyncExecution", "kms:Decrypt", Relation::Key, Some("states")),
        ("states:CreateStateMachine", "kms:GenerateDataKey", Relation::Key, Some("states")),
        ("events:PutEvents", "kms:GenerateDataKey", Relation::Key, Some("events")),
        ("redshift-data:ExecuteStatement", "redshift:GetClusterCredentials", Relation::Any, None),
        ("athena:StartQueryExecution", "glue:GetTable", Relation::Any, None),
        ("athena:StartQueryExecution", "athena:GetQueryResults", Relation::Any, None),
        ("rds-data:ExecuteStatement", "secretsmanager:GetSecretValue", Relation::Any, None),
        ("logs:CreateLogStream", "logs:PutLogEvents", Relation::Same, None),
        ("sts:AssumeRole", "sts:TagSession", Relation::Same, None),
    ] {
        let rows = catalog().companions_of(id(used));
        let row = rows.iter().find(|row| row.action == id(kept));
        let row = row.unwrap_or_else(|| panic!("{used} has no companion {kept}"));
        assert_eq!((row.relation, row.via_service), (relation, via), "{used} {kept}");
        assert!(!row.reason.is_empty() && !row.source.is_empty() && !row.possible, "{used} {kept}");
    }
    let possible = catalog().companions_of(id("states:StartExecution"));
    assert!(possible.iter().any(|row| row.action == id("states:DescribeExecution") && row.possible));
    assert!(possible.iter().all(|row| row.action != id("kms:Decrypt") && row.action != id("kms:GenerateDataKey")));
}

#[test]
fn event_types_other_than_api_calls_have_a_reason() {
    assert_eq!(catalog().event_type_reason("AwsApiCall"), None);
    assert_eq!(catalog().event_type_reason(""), None);
    for kind in ["AwsServiceEvent", "AwsConsoleAction", "AwsConsoleSignIn", "AwsVpceEvent", "AwsMcpEvent", "New"] {
        assert!(catalog().event_type_reason(kind).is_some(), "{kind}");
    }
}
