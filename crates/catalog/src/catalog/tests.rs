//! The embedded catalog: counts, known facts, expansion.

use proptest::prelude::*;

use super::*;
use crate::{AccessLevel, ResourceTypeRef};
use whittle_policy::ActionPattern;

#[track_caller]
fn info(name: &str) -> ActionInfo<'static> {
    let id = catalog().action(name).unwrap_or_else(|| panic!("{name} is not in the catalog"));
    catalog().info(id)
}

#[track_caller]
fn names(ids: &[ActionId]) -> Vec<&'static str> {
    ids.iter().map(|id| catalog().info(*id).name()).collect()
}

#[track_caller]
fn expand(pattern: &str) -> Vec<&'static str> {
    names(&catalog().expand(&pattern.parse().expect("a pattern")))
}

#[test]
fn the_committed_file_loads() {
    let loaded = Catalog::from_bytes(EMBEDDED).expect("data/catalog.bin loads");
    assert!(loaded.services().len() >= 455, "{} services", loaded.services().len());
    assert!(loaded.action_count() >= 22_000, "{} actions", loaded.action_count());
    assert!(EMBEDDED.len() <= 1_500_000, "{} bytes", EMBEDDED.len());
    assert_eq!(catalog().action_count(), loaded.action_count());
}

#[test]
fn every_source_says_what_it_is() {
    let sources = catalog().sources();
    assert!(sources.len() >= 4);
    for source in sources {
        assert!(!source.name.is_empty() && !source.version.is_empty() && !source.provides.is_empty(), "{source:?}");
        assert!(!source.date.is_empty() && !source.licence.is_empty() && !source.counts.is_empty(), "{source:?}");
    }
}

/// (action, level, resource types, one ARN format)
const FACTS: &[(&str, AccessLevel, &[&str], &str)] = &[
    (
        "s3:GetObject",
        AccessLevel::Read,
        &["accesspointobject", "object"],
        "arn:${Partition}:s3:::${BucketName}/${ObjectName}",
    ),
    (
        "s3:PutObject",
        AccessLevel::Write,
        &["accesspointobject", "object"],
        "arn:${Partition}:s3:::${BucketName}/${ObjectName}",
    ),
    ("s3:ListBucket", AccessLevel::List, &["accesspoint", "bucket"], "arn:${Partition}:s3:::${BucketName}"),
    ("s3:ListAllMyBuckets", AccessLevel::List, &[], ""),
    ("s3:PutBucketPolicy", AccessLevel::PermissionsManagement, &["bucket"], "arn:${Partition}:s3:::${BucketName}"),
    (
        "iam:PassRole",
        AccessLevel::PermissionsManagement,
        &["role"],
        "arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}",
    ),
    ("iam:TagRole", AccessLevel::Tagging, &["role"], "arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}"),
    ("iam:AttachRolePolicy", AccessLevel::PermissionsManagement, &["role"], ""),
    (
        "dynamodb:Query",
        AccessLevel::Read,
        &["index", "table"],
        "arn:${Partition}:dynamodb:${Region}:${Account}:table/${TableName}/index/${IndexName}",
    ),
    (
        "logs:PutLogEvents",
        AccessLevel::Write,
        &["log-stream"],
        "arn:${Partition}:logs:${Region}:${Account}:log-group:${LogGroupName}:log-stream:${LogStreamName}",
    ),
    ("sqs:SendMessage", AccessLevel::Write, &["queue"], "arn:${Partition}:sqs:${Region}:${Account}:${QueueName}"),
    ("kms:Decrypt", AccessLevel::Write, &["key"], "arn:${Partition}:kms:${Region}:${Account}:key/${KeyId}"),
    (
        "lambda:InvokeFunction",
        AccessLevel::Write,
        &["function"],
        "arn:${Partition}:lambda:${Region}:${Account}:function:${FunctionName}",
    ),
    ("sts:AssumeRole", AccessLevel::Write, &["role"], "arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}"),
    (
        "secretsmanager:GetSecretValue",
        AccessLevel::Read,
        &["Secret"],
        "arn:${Partition}:secretsmanager:${Region}:${Account}:secret:${SecretId}",
    ),
];

#[test]
fn well_known_actions_have_their_facts() {
    for (name, level, resource_types, arn_format) in FACTS {
        let info = info(name);
        assert_eq!(info.access_level(), *level, "{name}");
        let kinds: Vec<_> = info.resource_types().collect();
        for expected in *resource_types {
            assert!(kinds.iter().any(|kind| kind.name() == *expected), "{name} has {kinds:?}, not {expected}");
        }
        assert_eq!(info.supports_resources(), !resource_types.is_empty(), "{name}");
        if !arn_format.is_empty() {
            let formats: Vec<_> = kinds.iter().flat_map(|kind| kind.arn_formats()).collect();
            assert!(formats.iter().any(|format| format.as_str() == *arn_format), "{name} has {formats:?}");
        }
    }
}

#[test]
fn condition_keys_and_dependent_actions_are_there() {
    assert!(info("iam:PassRole").condition_keys().any(|key| key == "iam:PassedToService"));
    assert!(info("s3:ListBucket").condition_keys().any(|key| key == "s3:prefix"));
    assert!(info("ec2:RunInstances").condition_keys().any(|key| key == "aws:RequestTag/${TagKey}"));
    let dependents: Vec<_> = info("lambda:CreateFunction").dependent_actions().collect();
    assert!(names(&dependents).contains(&"iam:PassRole"), "{:?}", names(&dependents));
    let required = |action: &str, kind: &str| {
        info(action).resource_types().find(|found| found.name() == kind).map(ResourceTypeRef::required)
    };
    assert_eq!(required("lambda:InvokeFunction", "function"), Some(true));
    assert_eq!(required("dynamodb:Query", "index"), Some(false));
}

#[test]
fn operations_lead_to_actions_and_back() {
    let authorised = |prefix, operation| names(&catalog().authorised_by(prefix, operation));
    assert!(authorised("s3", "ListObjectsV2").contains(&"s3:ListBucket"));
    assert!(authorised("lambda", "CreateFunction").contains(&"iam:PassRole"));
    assert!(authorised("LAMBDA", "createfunction").contains(&"lambda:CreateFunction"));
    assert!(authorised("dynamodb", "TransactWriteItems").contains(&"dynamodb:ConditionCheckItem"));
    assert!(authorised("cloudwatch", "PutMetricData").contains(&"cloudwatch:PutMetricData"));
    assert_eq!(authorised("s3", "NoSuchOperation"), Vec::<&str>::new());
    assert_eq!(authorised("nosuchservice", "GetObject"), Vec::<&str>::new());

    let operations = |action| info(action).operations().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert!(operations("s3:ListBucket").contains(&"s3:ListObjectsV2".to_owned()));
    assert!(operations("iam:PassRole").contains(&"lambda:CreateFunction".to_owned()));
    assert!(operations("lambda:InvokeFunction").contains(&"lambda:Invoke".to_owned()));
    assert!(operations("s3:BypassGovernanceRetention").contains(&"s3:DeleteObject".to_owned()));
    assert_eq!(operations("s3:ReplicateObject"), Vec::<String>::new());
}

#[test]
fn read_only_marks_of_operations_are_kept() {
    let marked = catalog().services().flat_map(ServiceInfo::operations).filter(|found| found.read_only().is_some());
    assert!(marked.count() >= 2_000);
    let operation = catalog().operation("sqs", "sendmessage").expect("an operation");
    assert_eq!((operation.name(), operation.prefix(), operation.in_sdk()), ("SendMessage", "sqs", true));
}

#[test]
fn operations_of_an_action_agree_with_actions_of_an_operation() {
    for operation in catalog().services().flat_map(ServiceInfo::operations) {
        let found = catalog().operation(operation.prefix(), operation.name()).expect("listed operations are found");
        assert_eq!(found.authorised_by(), operation.authorised_by(), "{operation}");
        for action in operation.authorised_by().into_iter().take(3) {
            let back = catalog().info(action).operations();
            let is_same =
                |other: &OperationInfo<'_>| other.name() == operation.name() && other.prefix() == operation.prefix();
            assert!(back.iter().any(is_same), "{operation} authorised by {}", catalog().info(action).name());
        }
    }
}

#[test]
fn every_action_is_found_by_its_name_in_any_case() {
    for id in catalog().actions() {
        let info = catalog().info(id);
        assert_eq!(info.id(), id);
        assert_eq!(format!("{}:{}", info.prefix(), info.short_name()), info.name());
        assert_eq!(catalog().action(info.name()), Some(id), "{}", info.name());
        assert_eq!(catalog().action(&info.name().to_ascii_uppercase()), Some(id), "{}", info.name());
        assert_eq!(catalog().action_at(id.index()), Some(id));
        assert_eq!(info.has_known_operation(), !info.operations().is_empty(), "{}", info.name());
    }
    assert_eq!(catalog().action_at(catalog().action_count()), None);
}

#[test]
fn ids_are_in_order_of_prefix_and_name() {
    let key = |id| {
        let info: ActionInfo<'_> = catalog().info(id);
        (info.prefix().to_ascii_lowercase(), info.short_name().to_ascii_lowercase())
    };
    let actions: Vec<_> = catalog().actions().collect();
    assert!(actions.is_sorted_by(|a, b| a < b && key(*a) < key(*b)));
}

#[test]
fn names_that_are_no_actions_are_not_found() {
    for name in
        ["", ":", "s3", "s3:", ":GetObject", "s3:GetObject ", "s3:*", "*", "s3:GetObject:x", "é:é", "s3:Getöbject"]
    {
        assert_eq!(catalog().action(name), None, "{name:?}");
    }
}

#[test]
fn services_know_their_actions_and_resource_types() {
    let s3 = catalog().service("S3").expect("a service");
    assert_eq!((s3.prefix(), s3.name()), ("s3", "Amazon S3"));
    assert_eq!(s3.actions().len(), s3.action_count());
    assert_eq!(names(&s3.actions().collect::<Vec<_>>()), expand("s3:*"));
    assert!(s3.resource_type("Object").is_some_and(|kind| !kind.required()));
    assert_eq!(catalog().services().map(ServiceInfo::action_count).sum::<usize>(), catalog().action_count());
    assert!(catalog().service("s").is_none());
}

#[test]
fn patterns_expand_to_the_actions_they_match() {
    assert_eq!(expand("s3:GetObject"), ["s3:GetObject"]);
    assert_eq!(expand("S3:GETOBJECT"), ["s3:GetObject"]);
    assert_eq!(expand("s3:GetObjectAc*"), ["s3:GetObjectAcl"]);
    assert_eq!(expand("sqs:Send*"), ["sqs:SendMessage"]);
    assert_eq!(expand("sqs:?e??Message"), ["sqs:SendMessage"]);
    assert_eq!(expand("s3:Unheard*"), Vec::<&str>::new());
    assert_eq!(expand("unheard:*"), Vec::<&str>::new());
    assert_eq!(expand("*").len(), catalog().action_count());
    assert!(expand("lambda:*Function").contains(&"lambda:InvokeFunction"));
    assert!(!expand("s3:*").iter().any(|name| name.starts_with("s3-")));
}

#[test]
fn every_service_pattern_is_the_service() {
    for service in catalog().services() {
        let expected: Vec<_> = service.actions().collect();
        let pattern = format!("{}:*", service.prefix()).parse().expect("a pattern");
        assert_eq!(catalog().expand(&pattern), expected, "{service:?}");
    }
}

#[test]
fn arn_formats_are_arns() {
    for service in catalog().services() {
        for kind in service.resource_types() {
            for format in kind.arn_formats() {
                assert!(format.as_str().starts_with("arn:"), "{service:?} {kind:?} {format}");
                assert!(format.as_str().split(':').count() >= 6, "{service:?} {kind:?} {format}");
                let sample = format.to_pattern().replace('*', "x");
                assert!(format.matches(&sample), "{format} does not match {sample}");
            }
        }
    }
}

#[test]
fn unknown_names_get_the_nearest_ones() {
    assert_eq!(catalog().nearest("s3:GetObjectz", 1), ["s3:GetObject"]);
    assert_eq!(catalog().nearest("S3:getobjects", 1), ["s3:GetObject"]);
    assert!(catalog().nearest("monitoring:PutMetricData", 2).contains(&"cloudwatch:PutMetricData"));
    assert_eq!(catalog().nearest("dynamodbb:GetItem", 1), ["dynamodb:GetItem"]);
    assert_eq!(catalog().nearest("AssumeRole", 1), ["sts:AssumeRole"]);
    assert!(catalog().nearest("s3:Zzzzzzzzzzzzzz", 3).is_empty());
    assert!(catalog().nearest(&"ab:".repeat(100_000), 3).is_empty());
    assert!(catalog().nearest("s3:GetObject", 0).is_empty());
}

#[test]
fn an_empty_catalog_knows_nothing() {
    let empty = Catalog::empty();
    assert_eq!(empty.action_count(), 0);
    assert_eq!(empty.action("s3:GetObject"), None);
    assert!(empty.expand(&"*".parse().expect("a pattern")).is_empty());
    assert!(empty.nearest("s3:GetObject", 3).is_empty());
    // An id of another catalog answers empty, it does not panic.
    let foreign = empty.info(info("s3:GetObject").id());
    assert_eq!((foreign.name(), foreign.prefix(), foreign.operations().len()), ("", "", 0));
    assert_eq!(foreign.resource_types().count() + foreign.condition_keys().count(), 0);
}

/// A pattern made from a real name: parts replaced by wildcards, case mixed.
fn patterns() -> impl Strategy<Value = String> {
    let edits = proptest::collection::vec((0.0..1.0_f64, 0_usize..12, 0_u8..4), 0..4);
    (0..catalog().action_count(), edits).prop_map(|(index, edits)| {
        let id = catalog().action_at(index).expect("an action");
        let mut text: Vec<char> = catalog().info(id).name().chars().collect();
        for (place, length, kind) in edits {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "a place in a short text"
            )]
            let start = (place * text.len() as f64) as usize;
            let end = (start + length).min(text.len());
            // The colon stays: a pattern without it is another language.
            if text[start..end].contains(&':') {
                continue;
            }
            match kind {
                0 => drop(text.splice(start..end, ['*'])),
                1 => drop(text.splice(start..end, vec!['?'; end - start])),
                2 => drop(text.splice(start..end, [])),
                _ => text[start..end].iter_mut().for_each(char::make_ascii_uppercase),
            }
        }
        text.into_iter().collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn expanding_equals_matching_each_action(text in patterns()) {
        let Ok(pattern) = text.parse::<ActionPattern>() else { return Ok(()) };
        let slow: Vec<_> =
            catalog().actions().filter(|id| pattern.matches(catalog().info(*id).name())).collect();
        prop_assert_eq!(catalog().expand(&pattern), slow, "{}", text);
    }

    #[test]
    fn lookups_never_panic(text in ".{0,40}") {
        let _ = catalog().action(&text);
        let _ = catalog().nearest(&text, 3);
        let _ = catalog().operation(&text, &text);
    }
}
