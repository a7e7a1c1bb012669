//! Resources that an action was used on: a trie of ARN segments that generalises as it grows.
//!
//! A join-semilattice. The state is a function of the *set* of ARNs put in, not of order or repetition,
//! because
//! - whether a segment is generalised depends on the ARN alone (`segments.rs`);
//! - a node's children collapse to `*` when there are more than the level's threshold, which counts distinct
//!   segments and so only grows; a collapsed node stays collapsed and takes in everything below it;
//! - a collapse below a node does not change how many children the node has.
//!
//! Nothing is dropped: what is not kept exactly is covered by a pattern.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::segments::{HEAD, SegmentContext, SegmentKeep, Separator, segments};
use super::settings::LedgerSettings;

/// The resources of one action. See the module documentation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResourceSet {
    root: TrieNode,
    unnamed: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct TrieNode {
    /// An ARN ends here.
    ends: bool,
    colon: Children,
    slash: Children,
}

/// The continuations of a node after one separator.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Children {
    Named(BTreeMap<Box<str>, TrieNode>),
    /// Anything: the pattern `<path><separator>*`.
    Any,
}

impl Default for Children {
    fn default() -> Self {
        Self::Named(BTreeMap::new())
    }
}

impl ResourceSet {
    /// Adds an ARN, which may hold `*` and `?` where a part is unknown. Text that is no ARN (`*` alone
    /// included) is the same as [`ResourceSet::insert_unnamed`]: no name is invented.
    pub fn insert(&mut self, arn: &str, settings: &LedgerSettings) {
        // A pattern of a collapsed head (`arn:aws:sqs:*`) is shorter than an ARN.
        let is_arn = arn.starts_with("arn:") && (arn.ends_with(":*") || arn.bytes().filter(|b| *b == b':').count() > 4);
        if is_arn { self.root.insert(arn, settings) } else { self.unnamed = true }
    }

    /// Notes that an event did not name its resource.
    pub fn insert_unnamed(&mut self) {
        self.unnamed = true;
    }

    /// True if some event did not name its resource; then the patterns are not all there is.
    pub fn has_unnamed(&self) -> bool {
        self.unnamed
    }

    /// True if no resource was seen and none was left unnamed.
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
    pub fn merge(&mut self, other: &Self, settings: &LedgerSettings) {
        self.unnamed |= other.unnamed;
        self.root.merge(&other.root, 0, false, settings);
    }

    /// Generalises again under tighter settings.
    pub(super) fn tighten(&mut self, settings: &LedgerSettings) {
        let mut tightened = Self { unnamed: self.unnamed, ..Self::default() };
        for pattern in self.patterns() {
            tightened.insert(&pattern, settings);
        }
        *self = tightened;
    }
}

impl Children {
    fn is_empty(&self) -> bool {
        matches!(self, Self::Named(named) if named.is_empty())
    }

    /// The child of that name, made if there is room; `None` if these are collapsed, or do so now.
    // The entry API would allocate a key for each segment.
    #[expect(clippy::expect_used, reason = "inserted if it was not there")]
    fn child(&mut self, text: &str, threshold: usize) -> Option<&mut TrieNode> {
        if matches!(self, Self::Named(named) if named.len() >= threshold && !named.contains_key(text)) {
            *self = Self::Any;
        }
        let Self::Named(named) = self else { return None };
        if !named.contains_key(text) {
            named.insert(text.into(), TrieNode::default());
        }
        Some(named.get_mut(text).expect("an entry"))
    }

    fn collapse(&mut self, threshold: usize) {
        if matches!(self, Self::Named(named) if named.len() > threshold) {
            *self = Self::Any;
        }
    }
}

impl TrieNode {
    fn is_empty(&self) -> bool {
        !self.ends && self.colon.is_empty() && self.slash.is_empty()
    }

    fn children(&mut self, separator: Separator) -> &mut Children {
        match separator {
            Separator::Colon => &mut self.colon,
            Separator::Slash => &mut self.slash,
        }
    }

    fn insert(&mut self, arn: &str, settings: &LedgerSettings) {
        let mut node = self;
        let mut context = SegmentContext::of(arn);
        let mut is_s3 = false;
        let mut parts = segments(arn).enumerate().peekable();
        while let Some((level, segment)) = parts.next() {
            let keep = context.judge(segment, parts.peek().is_none(), settings);
            let children = node.children(segment.separator);
            if keep == SegmentKeep::Generalise {
                *children = Children::Any;
                return;
            }
            if level == 2 {
                is_s3 = is_s3_service(segment.text);
            }
            match children.child(segment.text, max_children(level, is_s3, settings)) {
                Some(child) => node = child,
                None => return,
            }
        }
        node.ends = true;
    }

    fn merge(&mut self, other: &Self, level: usize, is_s3: bool, settings: &LedgerSettings) {
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
            mine.collapse(max_children(level, is_s3, settings));
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

/// The number of children that a node at `level` may have; level 0 is the root.
fn max_children(level: usize, is_s3: bool, settings: &LedgerSettings) -> usize {
    let limit = match level.checked_sub(HEAD) {
        None if level < 3 => return usize::MAX, // `arn`, partition, service: few, and `*` there means nothing
        None => Some(&settings.max_head_children),
        Some(depth) if is_s3 && depth > 0 => Some(&settings.max_object_prefixes),
        Some(depth) => settings.max_children.get(depth).or(settings.max_children.last()),
    };
    limit.copied().unwrap_or(1).max(1)
}

fn is_s3_service(service: &str) -> bool {
    matches!(service, "s3" | "s3express" | "s3-outposts")
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredSet {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    arns: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    unnamed: bool,
}

impl Serialize for ResourceSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        StoredSet { arns: self.patterns(), unnamed: self.unnamed }.serialize(serializer)
    }
}

/// Reads the patterns as stored; the ledger generalises them again under its settings.
impl<'de> Deserialize<'de> for ResourceSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let stored = StoredSet::deserialize(deserializer)?;
        let mut set = Self { unnamed: stored.unnamed, ..Self::default() };
        let settings = LedgerSettings::permissive();
        for arn in &stored.arns {
            set.insert(arn, &settings);
        }
        Ok(set)
    }
}

#[cfg(test)]
mod tests;
