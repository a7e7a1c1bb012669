//! Resources that an action was used on: a trie of ARN segments that generalises as it grows.
//!
//! A join-semilattice. The state is a function of the *set* of ARNs put in, not of order or repetition,
//! because
//! - whether a segment is generalised depends on the ARN alone (`segments.rs`);
//! - a node's children collapse to `*` when there are more than the level's threshold, which counts distinct
//!   segments and so only grows; a collapsed node stays collapsed and takes in everything below it;
//! - a collapse below a node does not change how many children the node has;
//! - the day on which an ARN was first seen is the least one.
//!
//! Nothing is dropped: what is not kept exactly is covered by a pattern.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
    /// An ARN ends here: the day on which it was first seen.
    ends: Option<i32>,
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
    /// Adds an ARN of unknown age. See [`ResourceSet::insert_on`].
    pub fn insert(&mut self, arn: &str, settings: &LedgerSettings) {
        self.insert_on(arn, i32::MIN, settings);
    }

    /// Adds an ARN that was seen on a day, counted from 1970-01-01. It may hold `*` and `?` where a part is
    /// unknown. Text that is no ARN (`*` alone included) is the same as [`ResourceSet::insert_unnamed`]: no
    /// name is invented.
    pub fn insert_on(&mut self, arn: &str, day: i32, settings: &LedgerSettings) {
        // A pattern of a collapsed head (`arn:aws:sqs:*`) is shorter than an ARN.
        let is_arn = arn.starts_with("arn:") && (arn.ends_with(":*") || arn.bytes().filter(|b| *b == b':').count() > 4);
        if is_arn { self.root.insert(arn, day, settings) } else { self.unnamed = true }
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

    /// The ARNs and patterns, sorted. Each ARN put in equals one or is covered by one that holds `*`.
    pub fn patterns(&self) -> Vec<String> {
        self.first_seen().into_iter().map(|(pattern, _)| pattern).collect()
    }

    /// The ARNs and patterns, sorted, with the day on which each was first seen; `None` for one that stands
    /// for a collapsed level, or is of unknown age.
    pub fn first_seen(&self) -> Vec<(String, Option<i32>)> {
        let mut patterns = Vec::new();
        self.root.collect(&mut String::new(), true, &mut patterns);
        // A collapsed level beside an ARN of the same text: the ARN tells nothing more.
        patterns.sort_unstable();
        patterns.dedup_by(|next, kept| next.0 == kept.0);
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
        for (pattern, day) in self.first_seen() {
            tightened.insert_on(&pattern, day.unwrap_or(i32::MIN), settings);
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
        self.ends.is_none() && self.colon.is_empty() && self.slash.is_empty()
    }

    fn children(&mut self, separator: Separator) -> &mut Children {
        match separator {
            Separator::Colon => &mut self.colon,
            Separator::Slash => &mut self.slash,
        }
    }

    fn insert(&mut self, arn: &str, day: i32, settings: &LedgerSettings) {
        let mut node = self;
        let mut context = SegmentContext::of(arn);
        let mut is_s3 = false;
        let mut parts = segments(arn).enumerate().peekable();
        while let Some((level, segment)) = parts.next() {
            let keep = context.judge(segment, parts.peek().is_none(), settings);
            let children = node.children(segment.separator);
            let text = match &keep {
                SegmentKeep::Exact => segment.text,
                SegmentKeep::Opened(open) => open,
                SegmentKeep::Generalise => {
                    *children = Children::Any;
                    return;
                }
            };
            if level == 2 {
                is_s3 = is_s3_service(segment.text);
            }
            match children.child(text, max_children(level, is_s3, settings)) {
                Some(child) => node = child,
                None => return,
            }
        }
        node.ends = earliest(node.ends, Some(day));
    }

    fn merge(&mut self, other: &Self, level: usize, is_s3: bool, settings: &LedgerSettings) {
        self.ends = earliest(self.ends, other.ends);
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

    fn collect(&self, path: &mut String, is_root: bool, patterns: &mut Vec<(String, Option<i32>)>) {
        if let Some(day) = self.ends {
            patterns.push((path.clone(), Some(day).filter(|day| *day != i32::MIN)));
        }
        for (separator, children) in [(Separator::Colon, &self.colon), (Separator::Slash, &self.slash)] {
            let length = path.len();
            if !is_root {
                path.push(separator.as_char());
            }
            match children {
                Children::Any => patterns.push((format!("{path}*"), None)),
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

fn earliest(a: Option<i32>, b: Option<i32>) -> Option<i32> {
    a.into_iter().chain(b).min()
}

/// A set as stored. Days are those after the first day of the action, so that an ARN seen from the start,
/// which is the usual one, takes no room.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredSet {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    arns: Vec<String>,
    /// Places in `arns`, each with its days; in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    later: Vec<(usize, i32)>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    unnamed: bool,
}

impl StoredSet {
    pub(super) fn is_empty(&self) -> bool {
        self.arns.is_empty() && !self.unnamed
    }
}

impl ResourceSet {
    /// As stored in a sighting whose first day is `from`.
    pub(super) fn to_stored(&self, from: i32) -> StoredSet {
        let mut stored = StoredSet { arns: Vec::new(), later: Vec::new(), unnamed: self.unnamed };
        for (index, (pattern, day)) in self.first_seen().into_iter().enumerate() {
            if let Some(days) = day.map(|day| day.saturating_sub(from)).filter(|days| *days > 0) {
                stored.later.push((index, days));
            }
            stored.arns.push(pattern);
        }
        stored
    }

    /// Reads the patterns as stored; the ledger generalises them again under its settings.
    pub(super) fn of_stored(stored: &StoredSet, from: i32) -> Self {
        let mut set = Self { unnamed: stored.unnamed, ..Self::default() };
        let settings = LedgerSettings::permissive();
        let mut later = stored.later.iter().peekable();
        for (index, arn) in stored.arns.iter().enumerate() {
            let days = later.next_if(|(place, _)| *place == index).map_or(0, |(_, days)| (*days).max(0));
            set.insert_on(arn, from.saturating_add(days), &settings);
        }
        set
    }
}

#[cfg(test)]
mod tests;
