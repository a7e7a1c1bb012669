//! Completeness of resources: does an event name all resources that its call was checked against?
//!
//! A call of `ec2:RunInstances` is checked against an image, a subnet, a network interface and more, and its
//! event names only some of them; narrowing to those would break the next call. So an action is narrowed to
//! observed resources only if the catalog gives it one resource type, or if it stands in the table below.

use std::collections::BTreeSet;
use std::sync::OnceLock;

use whittle_catalog::{ActionId, catalog};

fn table() -> &'static BTreeSet<&'static str> {
    static TABLE: OnceLock<BTreeSet<&'static str>> = OnceLock::new();
    TABLE.get_or_init(|| {
        include_str!("../data/one_resource_per_call.tsv")
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
            .filter_map(|line| line.split('\t').next())
            .collect()
    })
}

/// True if the resources seen are complete, so that the grant may be narrowed to them.
///
/// False for an action without resource types: only `*` authorises it (IAM User Guide, "IAM JSON policy
/// elements: Resource").
pub fn is_narrowable(action: ActionId) -> bool {
    let info = catalog().info(action);
    if table().contains(format!("!{}", info.name()).as_str()) {
        return false;
    }
    match info.resource_types().count() {
        0 => false,
        1 => true,
        _ => table().contains(info.name()) || table().contains(format!("{}:*", info.prefix()).as_str()),
    }
}
