//! Names become prefixes, where size forces it.

use std::collections::{BTreeMap, BTreeSet};

use crate::action::ActionPattern;
use crate::document::{ActionClause, OneOrMany, Statement};

/// The actions that exist, as far as the caller knows. This crate knows none.
#[derive(Debug, Clone, Default)]
pub struct KnownActions {
    /// Service prefix → names; both in lower case.
    names: BTreeMap<String, BTreeSet<String>>,
}

impl<'n> FromIterator<&'n str> for KnownActions {
    /// From full names such as `s3:GetObject`. What has no colon is no action.
    fn from_iter<I: IntoIterator<Item = &'n str>>(actions: I) -> Self {
        let mut names: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (service, name) in actions.into_iter().filter_map(|action| action.split_once(':')) {
            names.entry(service.to_ascii_lowercase()).or_default().insert(name.to_ascii_lowercase());
        }
        Self { names }
    }
}

impl KnownActions {
    /// Full names, in lower case, of the actions of a service that begin with this.
    fn beginning_with(&self, service: &str, prefix: &str) -> impl Iterator<Item = String> {
        let (service, prefix) = (service.to_ascii_lowercase(), prefix.to_ascii_lowercase());
        let names = self.names.get(&service);
        let from = prefix.clone();
        names
            .into_iter()
            .flat_map(move |names| names.range(from.clone()..))
            .take_while(move |name| name.starts_with(&prefix))
            .map(move |name| format!("{service}:{name}"))
    }
}

/// The statement with names replaced by prefixes of whole words (`s3:GetObject*`), the shortest prefixes
/// first; none if nothing can be replaced.
///
/// A prefix is taken only if it replaces at least two names, every known action that it matches is matched by
/// the statement already, and `may_use` takes it (the caller asks, say, whether the original policy grants
/// the pattern).
pub fn shorten_actions(
    statement: &Statement,
    known: &KnownActions,
    may_use: impl Fn(&ActionPattern) -> bool,
) -> Option<Statement> {
    let ActionClause::Action(patterns) = &statement.action else { return None };
    let (mut names, mut out): (Vec<ActionPattern>, Vec<ActionPattern>) =
        patterns.iter().cloned().partition(|pattern| !pattern.is_wildcard() && pattern.name().is_some());
    let mut candidates: Vec<(usize, String)> = Vec::new();
    for pattern in &names {
        let (Some(service), Some(name)) = (pattern.service_prefix(), pattern.name()) else { continue };
        let ends = word_ends(name).into_iter().filter_map(|end| name.get(..end));
        candidates.extend(ends.map(|prefix| (prefix.len(), format!("{service}:{prefix}*"))));
    }
    candidates.sort();
    candidates.dedup();
    let mut replaced_any = false;
    for (_, candidate) in candidates {
        let Ok(candidate) = candidate.parse::<ActionPattern>() else { continue };
        if names.iter().filter(|name| candidate.covers(name)).take(2).count() < 2 {
            continue;
        }
        let (Some(service), Some(name)) = (candidate.service_prefix(), candidate.name()) else { continue };
        let matches_nothing_more =
            known.beginning_with(service, name.trim_end_matches('*')).all(|action| statement.action.matches(&action));
        if matches_nothing_more && may_use(&candidate) {
            names.retain(|name| !candidate.covers(name));
            out.push(candidate);
            replaced_any = true;
        }
    }
    out.append(&mut names);
    out.sort();
    replaced_any.then(|| Statement { action: ActionClause::Action(OneOrMany::Many(out)), ..statement.clone() })
}

/// Where the words of a name in camel case end: `GetObjectACL` after `Get`, `Object` and `ACL`.
fn word_ends(name: &str) -> Vec<usize> {
    let bytes = name.as_bytes();
    let starts_word = |at: &usize| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        let (Some(before), Some(here)) = (before, bytes.get(*at)) else { return false };
        let next_is_small = bytes.get(at + 1).is_some_and(u8::is_ascii_lowercase);
        here.is_ascii_uppercase() && (!before.is_ascii_uppercase() || next_is_small)
    };
    (1..bytes.len()).filter(starts_word).chain([bytes.len()]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::ResourcePattern;

    const KNOWN: [&str; 7] = [
        "s3:GetObject",
        "s3:GetObjectAcl",
        "s3:GetObjectTagging",
        "s3:GetBucketAcl",
        "s3:PutObject",
        "s3:PutObjectAcl",
        "sqs:GetQueueUrl",
    ];

    fn shortened(actions: &[&str], may_use: impl Fn(&ActionPattern) -> bool) -> Option<String> {
        let patterns: Vec<ActionPattern> = actions.iter().map(|action| action.parse().unwrap()).collect();
        let statement = Statement::allow(patterns, ResourcePattern::new("*"));
        let shorter = shorten_actions(&statement, &KNOWN.into_iter().collect(), may_use)?;
        let names: Vec<&str> = shorter.action.patterns().iter().map(ActionPattern::as_str).collect();
        Some(names.join(" "))
    }

    #[test]
    fn prefixes_match_nothing_more_among_known_actions() {
        let object = ["s3:GetObject", "s3:GetObjectAcl", "s3:GetObjectTagging"];
        assert_eq!(shortened(&object, |_| true).as_deref(), Some("s3:GetObject*"));
        assert_eq!(shortened(&object[..2], |_| true), None, "s3:GetObjectTagging would be more");
        let put = ["s3:PutObject", "s3:PutObjectAcl", "s3:GetBucketAcl"];
        assert_eq!(shortened(&put, |_| true).as_deref(), Some("s3:GetBucketAcl s3:Put*"));
        let all_get = [&object[..], &["s3:GetBucketAcl"]].concat();
        assert_eq!(shortened(&all_get, |_| true).as_deref(), Some("s3:Get*"));
        assert_eq!(shortened(&["s3:GetObject", "sqs:GetQueueUrl"], |_| true), None, "one name each");
    }

    #[test]
    fn the_caller_may_refuse_a_prefix() {
        let put = ["s3:PutObject", "s3:PutObjectAcl"];
        let not_all_puts = |pattern: &ActionPattern| pattern.as_str() != "s3:Put*";
        assert_eq!(shortened(&put, not_all_puts).as_deref(), Some("s3:PutObject*"));
        assert_eq!(shortened(&put, |_| false), None);
    }

    #[test]
    fn words_end_where_the_next_begins() {
        for (name, words) in [
            ("GetObjectACL", vec!["Get", "GetObject", "GetObjectACL"]),
            ("GetACLEntry", vec!["Get", "GetACL", "GetACLEntry"]),
            ("ListV2Items", vec!["List", "ListV2", "ListV2Items"]),
            ("invoke", vec!["invoke"]),
        ] {
            let found: Vec<&str> = word_ends(name).into_iter().filter_map(|end| name.get(..end)).collect();
            assert_eq!(found, words);
        }
    }
}
