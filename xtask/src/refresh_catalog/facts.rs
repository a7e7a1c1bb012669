//! The facts as plain data: the readers of the packages fill them in, `encode` packs them.

use std::collections::{BTreeMap, BTreeSet};

use whittle_catalog::{AccessLevel, SourceInfo};

/// Everything a catalog holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Where the facts come from.
    pub sources: Vec<SourceInfo>,
    /// Services by lower-case prefix.
    pub services: BTreeMap<String, ServiceFacts>,
}

/// One service prefix.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceFacts {
    /// Prefix as AWS spells it.
    pub prefix: String,
    /// Name for people, for example `Amazon S3`.
    pub name: String,
    /// Actions by lower-case name (without the prefix).
    pub actions: BTreeMap<String, ActionFacts>,
    /// Resource types by lower-case name.
    pub resource_types: BTreeMap<String, ResourceTypeFacts>,
    /// API operations by lower-case name.
    pub operations: BTreeMap<String, OperationFacts>,
}

/// One action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActionFacts {
    /// Name as AWS spells it, without the prefix.
    pub name: String,
    /// Access level.
    pub access_level: AccessLevel,
    /// True if IAM's action last accessed information tracks it; `None` where no source says.
    pub last_accessed: Option<bool>,
    /// Resource types by name, and whether each is required.
    pub resource_types: Vec<(String, bool)>,
    /// Condition keys.
    pub condition_keys: BTreeSet<String>,
    /// Actions that a caller needs beside this one, as `prefix:Name`.
    pub dependent_actions: BTreeSet<String>,
}

/// One resource type of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResourceTypeFacts {
    /// Name as AWS spells it.
    pub name: String,
    /// ARN formats with `${Placeholder}` parts.
    pub arn_formats: Vec<String>,
    /// Condition keys that the type supports.
    pub condition_keys: BTreeSet<String>,
}

/// One API operation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OperationFacts {
    /// Name as the API spells it.
    pub name: String,
    /// True if it is an operation of a current SDK (and not only of an older or third-party list).
    pub in_sdk: bool,
    /// True if the API model marks it read-only; `None` where it does not say.
    pub read_only: Option<bool>,
    /// Actions that may be checked when it is called, as `prefix:Name`: a superset.
    pub authorised_by: BTreeSet<String>,
}
