//! PyPI `botocore`: the API operations of each service and which of them its models mark read-only.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use anyhow::{Context as _, Result};
use flate2::read::GzDecoder;
use serde::Deserialize;
use whittle_catalog::SourceInfo;

use super::archive::Package;
use super::facts::{Facts, OperationFacts};
use super::sdk_services::{self, SdkServices};
use super::{count, first_copyright, python_metadata};

#[derive(Deserialize)]
struct Model {
    metadata: BotocoreMetadata,
    operations: BTreeMap<String, BotocoreOperation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BotocoreMetadata {
    endpoint_prefix: String,
    signing_name: Option<String>,
    service_id: String,
}

#[derive(Deserialize)]
struct BotocoreOperation {
    readonly: Option<bool>,
}

/// The members that are read.
pub fn wanted(path: &str) -> bool {
    path.contains(".dist-info/")
        || (path.starts_with("botocore/data/")
            && (path.ends_with("/service-2.json") || path.ends_with("/service-2.json.gz")))
}

/// Adds operations to the services of the catalog; answers which SDK service is called under which prefix.
pub fn read(package: &Package, facts: &mut Facts) -> Result<SdkServices> {
    let mut services = SdkServices::default();
    let mut left_out = BTreeSet::new();
    // In path order, so a newer API version of a service comes after an older one and its marks win.
    for (path, bytes) in package.matching("botocore/data/", "") {
        let Some(folder) = path.strip_prefix("botocore/data/").and_then(|rest| rest.split('/').next()) else {
            continue;
        };
        let model = parse(path, bytes).with_context(|| path.to_owned())?;
        let metadata = &model.metadata;
        let signing_name = metadata.signing_name.as_deref().unwrap_or(&metadata.endpoint_prefix);
        let candidates = [signing_name, &metadata.endpoint_prefix, folder];
        let Some(prefix) = sdk_services::prefix_of(folder, &candidates, facts) else {
            left_out.insert(folder.to_owned());
            continue;
        };
        services.insert(&metadata.service_id, &prefix);
        services.insert(folder, &prefix);
        let Some(service) = facts.services.get_mut(&prefix) else { continue };
        for (name, operation) in model.operations {
            let facts = service.operations.entry(name.to_ascii_lowercase()).or_insert_with(OperationFacts::default);
            facts.name = name;
            facts.in_sdk = true;
            facts.read_only = operation.readonly.or(facts.read_only);
        }
    }
    let operations: Vec<_> = facts.services.values().flat_map(|service| service.operations.values()).collect();
    let (known, marked) =
        (operations.len(), operations.iter().filter(|operation| operation.read_only.is_some()).count());
    let about = python_metadata(package)?;
    let left_out_names = left_out.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let counts = vec![
        count("operations", known),
        count("operations with a read-only mark", marked),
        count(&format!("SDK services left out, without a service prefix ({left_out_names})"), left_out.len()),
    ];
    let notice = package.matching("botocore-", "/NOTICE").next().map(|(path, _)| path.to_owned());
    facts.sources.push(SourceInfo {
        name: "PyPI botocore".into(),
        version: about.version,
        date: package.newest_day().unwrap_or("not stated").to_owned(),
        licence: about.licence,
        copyright: notice.map_or(Ok(String::new()), |path| package.text(&path).map(first_copyright))?,
        provides: "API operations per service, read-only marks".into(),
        counts,
    });
    Ok(services)
}

fn parse(path: &str, bytes: &[u8]) -> Result<Model> {
    let mut text = String::new();
    if path.ends_with(".gz") {
        GzDecoder::new(bytes).read_to_string(&mut text)?;
    } else {
        text.push_str(str::from_utf8(bytes)?);
    }
    Ok(serde_json::from_str(&text)?)
}
