//! Limits above which a ledger generalises.

use serde::{Deserialize, Serialize};

/// Limits above which resources, sessions and versions generalise. The defaults keep a policy short and
/// survive tomorrow's object names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LedgerSettings {
    /// Distinct Regions, and distinct accounts of a Region, before they become `*`.
    pub max_head_children: usize,
    /// Distinct children of a node, by depth below the account: the first level is a resource type or a name,
    /// the second a name. Deeper levels use the last number. More become `*`.
    pub max_children: Vec<usize>,
    /// Distinct first-level prefixes of a bucket (or of another S3 resource) before they become `*`.
    pub max_object_prefixes: usize,
    /// Levels of an S3 object key that are kept; the name of the object never is.
    pub object_key_levels: usize,
    /// Segments below the account that are kept.
    pub max_resource_segments: usize,
    /// Length of a segment in bytes above which it becomes `*`.
    pub max_segment_bytes: usize,
    /// Distinct session names of a role before they become one (separately for sessions from inside a Lambda
    /// sandbox).
    pub max_sessions: usize,
    /// Distinct versions of a function of a role before they become one.
    pub max_versions: usize,
}

impl Default for LedgerSettings {
    fn default() -> Self {
        Self {
            max_head_children: 40,
            max_children: vec![32, 32, 8, 8, 6, 4],
            max_object_prefixes: 4,
            object_key_levels: 1,
            max_resource_segments: 6,
            max_segment_bytes: 512,
            max_sessions: 512,
            max_versions: 64,
        }
    }
}

impl LedgerSettings {
    /// No limits; for reading back what was already generalised.
    pub(super) fn permissive() -> Self {
        Self {
            max_head_children: usize::MAX,
            max_children: vec![usize::MAX],
            max_object_prefixes: usize::MAX,
            object_key_levels: usize::MAX,
            max_resource_segments: usize::MAX,
            max_segment_bytes: usize::MAX,
            max_sessions: usize::MAX,
            max_versions: usize::MAX,
        }
    }

    /// The tighter of both, field by field: a ledger merged from two settings obeys it.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Self {
        let last = |levels: &[usize]| levels.last().copied().unwrap_or(1);
        let level = |levels: &[usize], at: usize| levels.get(at).copied().unwrap_or_else(|| last(levels));
        let depth = self.max_children.len().max(other.max_children.len());
        let max_children = (0..depth).map(|at| level(&self.max_children, at).min(level(&other.max_children, at)));
        Self {
            max_head_children: self.max_head_children.min(other.max_head_children),
            max_children: max_children.collect(),
            max_object_prefixes: self.max_object_prefixes.min(other.max_object_prefixes),
            object_key_levels: self.object_key_levels.min(other.object_key_levels),
            max_resource_segments: self.max_resource_segments.min(other.max_resource_segments),
            max_segment_bytes: self.max_segment_bytes.min(other.max_segment_bytes),
            max_sessions: self.max_sessions.min(other.max_sessions),
            max_versions: self.max_versions.min(other.max_versions),
        }
    }
}
