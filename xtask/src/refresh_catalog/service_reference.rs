//! AWS's own service reference files (format v1.4), from a folder: they win over the packages.
//!
//! AWS page: Service Authorization Reference, "Simplified AWS service information for programmatic access".
//! The folder holds one file per service in any layout; the index and other JSON files in it are passed over.
//!
//! A service that is there takes its actions, resource types and condition keys from it alone. It does not
//! say which resource types are required and which actions depend on others: that stays as the packages know
//! it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use whittle_catalog::{AccessLevel, SourceInfo};

use super::facts::{ActionFacts, Facts, OperationFacts, ResourceTypeFacts, ServiceFacts};
use super::{count, known_action};

/// One service's file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ReferenceService {
    name: String,
    actions: Vec<ReferenceAction>,
    #[serde(default)]
    resources: Vec<Resource>,
    #[serde(default)]
    operations: Vec<ReferenceOperation>,
    #[serde(default)]
    version: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReferenceAction {
    name: String,
    #[serde(default)]
    action_condition_keys: Vec<String>,
    #[serde(default)]
    resources: Vec<NamedItem>,
    annotations: Option<Annotations>,
    supported_by: Option<SupportedBy>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NamedItem {
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Annotations {
    properties: Properties,
}

/// Not mutually exclusive; all false means that the action reads.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
#[expect(clippy::struct_excessive_bools, reason = "the shape of AWS's file")]
struct Properties {
    #[serde(default)]
    is_list: bool,
    #[serde(default)]
    is_permission_management: bool,
    #[serde(default)]
    is_tagging_only: bool,
    #[serde(default)]
    is_write: bool,
}

#[derive(Debug, Deserialize)]
struct SupportedBy {
    #[serde(rename = "IAM Action Last Accessed")]
    last_accessed: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Resource {
    name: String,
    #[serde(rename = "ARNFormats", default)]
    arn_formats: Vec<String>,
    #[serde(default)]
    condition_keys: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ReferenceOperation {
    name: String,
    /// Absent where AWS does not map the service yet.
    authorized_actions: Option<Vec<AuthorizedAction>>,
    #[serde(rename = "SDK", default)]
    sdk: Vec<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AuthorizedAction {
    name: String,
    service: String,
}

/// Reads every service file under a folder, by name of the service.
pub fn load(folder: &Path) -> Result<Vec<ReferenceService>> {
    let mut files = Vec::new();
    json_files(folder, &mut files)?;
    files.sort();
    let mut services: BTreeMap<String, ReferenceService> = BTreeMap::new();
    for path in files {
        let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let value: serde_json::Value =
            serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))?;
        if value.get("Name").is_none() || value.get("Actions").is_none() {
            continue;
        }
        let service: ReferenceService =
            serde_json::from_value(value).with_context(|| format!("{} is not a service file", path.display()))?;
        ensure!(
            service.version.is_empty() || service.version.starts_with("v1."),
            "{} has format {}, only v1.x is understood",
            path.display(),
            service.version
        );
        let name = service.name.to_ascii_lowercase();
        if let Some(twice) = services.insert(name, service) {
            bail!("{} describes the service {} a second time", path.display(), twice.name);
        }
    }
    ensure!(!services.is_empty(), "{} holds no service reference file", folder.display());
    Ok(services.into_values().collect())
}

fn json_files(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            json_files(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    Ok(())
}

/// Replaces actions and resource types of the services that are there. Run it before other packages add to
/// them.
pub fn apply_actions(services: &[ReferenceService], facts: &mut Facts) {
    for service in services {
        let known = facts.services.remove(&service.name.to_ascii_lowercase()).unwrap_or_default();
        let mut fresh = ServiceFacts {
            prefix: service.name.clone(),
            name: if known.name.is_empty() { service.name.clone() } else { known.name },
            operations: known.operations,
            ..ServiceFacts::default()
        };
        for resource in &service.resources {
            let kind = ResourceTypeFacts {
                name: resource.name.clone(),
                arn_formats: resource.arn_formats.clone(),
                condition_keys: resource.condition_keys.iter().cloned().collect(),
            };
            fresh.resource_types.insert(resource.name.to_ascii_lowercase(), kind);
        }
        for action in &service.actions {
            let key = action.name.to_ascii_lowercase();
            let before = known.actions.get(&key);
            let facts = action_facts(action, before, &mut fresh);
            fresh.actions.insert(key, facts);
        }
        facts.services.insert(service.name.to_ascii_lowercase(), fresh);
    }
}

fn action_facts(action: &ReferenceAction, before: Option<&ActionFacts>, service: &mut ServiceFacts) -> ActionFacts {
    let required = |name: &str| {
        let listed = before.and_then(|before| before.resource_types.iter().find(|(known, _)| known == name));
        listed.is_some_and(|(_, required)| *required)
    };
    let resource_types: Vec<_> =
        action.resources.iter().map(|resource| (resource.name.clone(), required(&resource.name))).collect();
    for (name, _) in &resource_types {
        // A type that the file names without describing it: known by name, with no ARN format.
        service
            .resource_types
            .entry(name.to_ascii_lowercase())
            .or_insert_with(|| ResourceTypeFacts { name: name.clone(), ..ResourceTypeFacts::default() });
    }
    ActionFacts {
        name: action.name.clone(),
        access_level: action.annotations.as_ref().map_or_else(
            || before.map_or(AccessLevel::Write, |before| before.access_level),
            |annotations| access_level(&annotations.properties),
        ),
        last_accessed: action.supported_by.as_ref().and_then(|supported| supported.last_accessed),
        resource_types,
        condition_keys: action.action_condition_keys.iter().cloned().collect(),
        dependent_actions: before.map(|before| before.dependent_actions.clone()).unwrap_or_default(),
    }
}

fn access_level(properties: &Properties) -> AccessLevel {
    if properties.is_permission_management {
        AccessLevel::PermissionsManagement
    } else if properties.is_tagging_only {
        AccessLevel::Tagging
    } else if properties.is_write {
        AccessLevel::Write
    } else if properties.is_list {
        AccessLevel::List
    } else {
        AccessLevel::Read
    }
}

/// Operations that AWS maps, as (service, operation, actions).
pub fn authorised_actions(services: &[ReferenceService]) -> impl Iterator<Item = (&str, &str, Vec<String>)> {
    services.iter().flat_map(|service| {
        service.operations.iter().filter_map(|operation| {
            let actions = operation.authorized_actions.as_ref()?.iter();
            let actions = actions.map(|action| format!("{}:{}", action.service, action.name)).collect();
            Some((service.name.as_str(), operation.name.as_str(), actions))
        })
    })
}

/// Replaces the authorised actions of the operations that AWS maps, and records the source.
///
/// `day` is when the folder was fetched, as the user states it.
pub fn apply_operations(services: &[ReferenceService], day: Option<&str>, facts: &mut Facts) {
    let (mut operations, mut mapped, mut unknown) = (0, 0, 0);
    for service in services {
        for operation in &service.operations {
            operations += 1;
            let mut authorised_by = std::collections::BTreeSet::new();
            for action in operation.authorized_actions.iter().flatten() {
                match known_action(facts, &format!("{}:{}", action.service, action.name)) {
                    Some(name) => _ = authorised_by.insert(name),
                    None => unknown += 1,
                }
            }
            let Some(known) = facts.services.get_mut(&service.name.to_ascii_lowercase()) else { continue };
            let entry = known.operations.entry(operation.name.to_ascii_lowercase());
            let entry =
                entry.or_insert_with(|| OperationFacts { name: operation.name.clone(), ..OperationFacts::default() });
            entry.in_sdk |= !operation.sdk.is_empty();
            if operation.authorized_actions.is_some() {
                mapped += 1;
                entry.authorised_by = authorised_by;
            }
        }
    }
    let tracked = facts.services.values().flat_map(|service| service.actions.values());
    let tracked = tracked.filter(|action| action.last_accessed.is_some()).count();
    let versions: std::collections::BTreeSet<_> = services.iter().map(|service| service.version.as_str()).collect();
    facts.sources.push(SourceInfo {
        name: "AWS service reference".into(),
        version: versions.into_iter().collect::<Vec<_>>().join(", "),
        date: day.unwrap_or("not stated").to_owned(),
        licence: "facts published by AWS".into(),
        copyright: String::new(),
        provides: "actions, access levels, resource types, condition keys, last accessed support, authorised actions"
            .into(),
        counts: vec![
            count("services", services.len()),
            count("actions", services.iter().map(|service| service.actions.len()).sum()),
            count("operations", operations),
            count("operations with authorised actions", mapped),
            count("authorised actions left out (not in the catalog)", unknown),
            count("actions with last accessed support stated", tracked),
        ],
    });
}
