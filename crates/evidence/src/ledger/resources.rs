//! Which resources an action was used on: a trie of ARN segments that generalises as it grows.
//!
//! A join-semilattice. The state is a function of the *set* of ARNs put in, not of order or repetition, because
//! - whether a segment is generalised depends on the ARN alone (`segments.rs`);
//! - a node's children collapse to `*` when there are more than the level's threshold, which counts distinct segments and
//!   so only grows; a collapsed node stays collapsed and takes in everything below it;
//! - a collapse below a node does not change how many children the node has.
//!
//! Nothing is dropped: what is not kept exactly is covered by a pattern.

use std::collections::BTreeMap;

use memchr::memchr_iter;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::segments::{Context, HEAD, Keep, Separator, segments};

/// When resource sets generalise. The defaults keep a policy short and survive tomorrow's object names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Distinct Regions, and distinct accounts of a Region, before they become `*`.
    pub max_head_children: usize,
    /// Distinct children of a node, by depth below the account: the first level is a resource type or a name, the second
    /// a name. Deeper levels use the last number. More become `*`.
    pub max_children: Vec<usize>,
    /// Distinct first-level prefixes of a bucket (or of another S3 resource) before they become `*`.
    pub max_object_prefixes: usize,
    /// Levels of an S3 object key that are kept; the name of the object never is.
    pub object_key_levels: usize,
    /// Segments below the account that are kept.
    pub max_resource_segments: usize,
    /// Length of a segment in bytes above which it becomes `*`.
    pub max_segment_bytes: usize,
    /// Distinct session names of a role before they become one (separately for sessions from inside a Lambda sandbox).
    pub max_sessions: usize,
    /// Distinct versions of a function of a role before they become one.
    pub max_versions: usize,
}

impl Default for Settings {
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

impl Settings {
    /// No limits; for reading back what was already generalised.
    fn permissive() -> Self {
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

    /// The tighter of both, field by field: what a ledger merged from two settings obeys.
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

    /// How many children the node at `level` may have; level 0 is the root.
    fn threshold(&self, level: usize, is_s3: bool) -> usize {
        let limit = match level.checked_sub(HEAD) {
            None if level < 3 => return usize::MAX, // `arn`, partition, service: few, and `*` there means nothing
            None => Some(&self.max_head_children),
            Some(depth) if is_s3 && depth > 0 => Some(&self.max_object_prefixes),
            Some(depth) => self.max_children.get(depth).or(self.max_children.last()),
        };
        limit.copied().unwrap_or(1).max(1)
    }
}

/// The resources of one action. See the module documentation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResourceSet {
    root: Node,
    unnamed: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Node {
    /// An ARN ends here.
    ends: bool,
    colon: Children,
    slash: Children,
}

/// The continuations of a node after one separator.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Children {
    Named(BTreeMap<Box<str>, Node>),
    /// Anything: the pattern `<path><separator>*`.
    Any,
}

impl Default for Children {
    fn default() -> Self {
        Self::Named(BTreeMap::new())
    }
}

impl ResourceSet {
    /// Adds an ARN, which may hold `*` and `?` where a part is unknown. Text that is no ARN (`*` alone included) is the
    /// same as [`ResourceSet::insert_unnamed`]: no name is invented.
    pub fn insert(&mut self, arn: &str, settings: &Settings) {
        // A pattern of a collapsed head (`arn:aws:sqs:*`) is shorter than an ARN.
        let is_arn =
            arn.starts_with("arn:") && (arn.ends_with(":*") || memchr_iter(b':', arn.as_bytes()).nth(4).is_some());
        if is_arn { self.root.insert(arn, settings) } else { self.unnamed = true }
    }

    /// Notes that an event did not name its resource.
    pub fn insert_unnamed(&mut self) {
        self.unnamed = true;
    }

    /// Whether some event did not name its resource; then the patterns are not all there is.
    pub fn has_unnamed(&self) -> bool {
        self.unnamed
    }

    /// Whether no resource was seen and none was left unnamed.
    pub fn is_empty(&self) -> bool {
        !self.unnamed && self.root.is_empty()
    }

    /// The ARNs and patterns, sorted. Each ARN put in equals one or is covered by one that ends in `*`.
    pub fn patterns(&self) -> Vec<String> {
        let mut patterns = Vec::new();
        self.root.collect(&mut String::new(), true, &mut patterns);
        patterns.sort_unstable();
        patterns
    }

    /// Adds everything of `other`.
    pub fn merge(&mut self, other: &Self, settings: &Settings) {
        self.unnamed |= other.unnamed;
        self.root.merge(&other.root, 0, false, settings);
    }

    /// Generalises again under other settings.
    pub(super) fn resettle(&mut self, settings: &Settings) {
        let mut settled = Self { unnamed: self.unnamed, ..Self::default() };
        for pattern in self.patterns() {
            settled.insert(&pattern, settings);
        }
        *self = settled;
    }
}

impl Children {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Named(named) if named.is_empty())
    }

    /// The child of that name, made if there is room; `None` if these are collapsed, or do so now.
    fn child(&mut self, text: &str, threshold: usize) -> Option<&mut Node> {
        if matches!(self, Self::Named(named) if named.len() >= threshold && !named.contains_key(text)) {
            *self = Self::Any;
        }
        let Self::Named(named) = self else { return None };
        if !named.contains_key(text) {
            named.insert(text.into(), Node::default());
        }
        named.get_mut(text)
    }

    fn settle(&mut self, threshold: usize) {
        if matches!(self, Self::Named(named) if named.len() > threshold) {
            *self = Self::Any;
        }
    }
}

impl Node {
    fn is_empty(&self) -> bool {
        !self.ends && self.colon.is_empty() && self.slash.is_empty()
    }

    fn children(&mut self, separator: Separator) -> &mut Children {
        match separator {
            Separator::Colon => &mut self.colon,
            Separator::Slash => &mut self.slash,
        }
    }

    fn insert(&mut self, arn: &str, settings: &Settings) {
        let mut node = self;
        let mut context = Context::of(arn);
        let mut is_s3 = false;
        let mut parts = segments(arn).enumerate().peekable();
        while let Some((level, segment)) = parts.next() {
            let keep = context.judge(segment, parts.peek().is_none(), settings);
            let children = node.children(segment.separator);
            if keep == Keep::Generalise {
                *children = Children::Any;
                return;
            }
            if level == 2 {
                is_s3 = is_s3_service(segment.text);
            }
            match children.child(segment.text, settings.threshold(level, is_s3)) {
                Some(child) => node = child,
                None => return,
            }
        }
        node.ends = true;
    }

    fn merge(&mut self, other: &Self, level: usize, is_s3: bool, settings: &Settings) {
        self.ends |= other.ends;
        for (mine, theirs) in [(&mut self.colon, &other.colon), (&mut self.slash, &other.slash)] {
            let (Children::Named(named), Children::Named(others)) = (&mut *mine, theirs) else {
                *mine = Children::Any;
                continue;
            };
            for (text, child) in others {
                let is_s3 = is_s3 || (level == 2 && is_s3_service(text));
                if let Some(known) = named.get_mut(text) {
                    known.merge(child, level + 1, is_s3, settings);
                } else {
                    named.insert(text.clone(), child.clone());
                }
            }
            mine.settle(settings.threshold(level, is_s3));
        }
    }

    fn collect(&self, path: &mut String, is_root: bool, patterns: &mut Vec<String>) {
        if self.ends {
            patterns.push(path.clone());
        }
        for (separator, children) in [(Separator::Colon, &self.colon), (Separator::Slash, &self.slash)] {
            let length = path.len();
            if !is_root {
                path.push(separator.as_char());
            }
            match children {
                Children::Any => patterns.push(format!("{path}*")),
                Children::Named(named) => {
                    let stem = path.len();
                    for (text, child) in named {
                        path.push_str(text);
                        child.collect(path, false, patterns);
                        path.truncate(stem);
                    }
                }
            }
            path.truncate(length);
        }
    }
}

fn is_s3_service(service: &str) -> bool {
    matches!(service, "s3" | "s3express" | "s3-outposts")
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    arns: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    unnamed: bool,
}

impl Serialize for ResourceSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Stored { arns: self.patterns(), unnamed: self.unnamed }.serialize(serializer)
    }
}

/// Reads the patterns as stored; the ledger generalises them again under its settings.
impl<'de> Deserialize<'de> for ResourceSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        let mut set = Self { unnamed: stored.unnamed, ..Self::default() };
        let settings = Settings::permissive();
        for arn in &stored.arns {
            set.insert(arn, &settings);
        }
        Ok(set)
    }
}

#[cfg(test)]
mod tests;
