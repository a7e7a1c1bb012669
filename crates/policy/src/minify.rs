//! The same grants in fewer and shorter statements.
//!
//! In: statements of policies that apply together. Out, in the spelling of version 2012-10-17: statements
//! that match exactly the same requests with the same effect ([`minify`]), each with the places of those it
//! was made from. Steps, repeated until nothing changes:
//!
//! 1. within a statement, patterns that another pattern of it covers are dropped;
//! 2. actions and whole statements that another statement of the same effect covers are dropped;
//! 3. statements that differ only in their actions become one, and those that differ only in their resources.
//!
//! [`shorten_actions`] goes further where size forces it: names become `prefix*` where every action that the
//! caller knows with that prefix is matched already. It matches nothing more today; it may match actions that
//! AWS adds later, so it is never done unasked.
//!
//! Deterministic: the order of the input decides, nothing else. Quadratic in statements and in wildcard
//! patterns.

mod actions;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

pub use actions::{KnownActions, shorten_actions};

use crate::action::ActionPattern;
use crate::document::{ActionClause, OneOrMany, ResourceClause, Statement};
use crate::resource::ResourcePattern;

/// A statement and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinifiedStatement {
    /// The statement. Its Sid is that of its first origin.
    pub statement: Statement,
    /// Places in the input of the statements that it stands for, rising. What was dropped because another
    /// statement covers it is not told.
    pub origins: Vec<usize>,
}

/// The same grants in fewer and shorter statements.
///
/// ```
/// # use whittle_policy::{PolicyDocument, minify::minify};
/// let policy = PolicyDocument::parse(r#"{"Version":"2012-10-17","Statement":[
///   {"Effect":"Allow","Action":["s3:GetObject","s3:Get*"],"Resource":"arn:aws:s3:::a/*"},
///   {"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::b/*"},
///   {"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/x"}]}"#)?;
/// let merged = minify(policy.statements.as_slice());
/// assert_eq!(merged.len(), 1);
/// assert_eq!(
///     merged[0].statement.to_value().to_string(),
///     r#"{"Effect":"Allow","Action":"s3:Get*","Resource":["arn:aws:s3:::a/*","arn:aws:s3:::b/*"]}"#
/// );
/// assert_eq!(merged[0].origins, [0, 1]);
/// # Ok::<(), whittle_policy::ParsePolicyError>(())
/// ```
pub fn minify(statements: &[Statement]) -> Vec<MinifiedStatement> {
    minify_where(statements, |_| true)
}

/// [`minify`], but statements are merged only where `may_merge` takes the result.
pub fn minify_where(statements: &[Statement], may_merge: impl Fn(&Statement) -> bool) -> Vec<MinifiedStatement> {
    let mut merged: Vec<MinifiedStatement> = statements
        .iter()
        .enumerate()
        .map(|(at, statement)| MinifiedStatement {
            statement: reduced(&statement.to_version_2012()),
            origins: vec![at],
        })
        .collect();
    drop_covered(&mut merged);
    loop {
        let before = merged.len();
        merged = merge_by(merged, Side::Action, &may_merge);
        merged = merge_by(merged, Side::Resource, &may_merge);
        if merged.len() == before {
            return merged;
        }
        drop_covered(&mut merged);
    }
}

/// Which element two statements may differ in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Action,
    Resource,
}

/// Joins statements that differ only on one side, each with the first of its kind.
fn merge_by(
    statements: Vec<MinifiedStatement>,
    side: Side,
    may_merge: &impl Fn(&Statement) -> bool,
) -> Vec<MinifiedStatement> {
    let mut places: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut out: Vec<MinifiedStatement> = Vec::with_capacity(statements.len());
    for next in statements {
        let Some(key) = rest(&next.statement, side) else {
            out.push(next);
            continue;
        };
        let same = places.entry(key).or_default();
        let joined = same.iter().find_map(|&at| {
            let joined = join(&out.get(at)?.statement, &next.statement, side)?;
            may_merge(&joined).then_some((at, joined))
        });
        if let Some((at, statement)) = joined {
            if let Some(into) = out.get_mut(at) {
                into.statement = statement;
                into.origins.extend(next.origins);
                into.origins.sort_unstable();
                into.origins.dedup();
            }
        } else {
            same.push(out.len());
            out.push(next);
        }
    }
    out
}

/// Everything but one side, as a text that is equal for equal meaning; none if that side cannot be joined.
fn rest(statement: &Statement, side: Side) -> Option<String> {
    let joinable = match side {
        Side::Action => matches!(statement.action, ActionClause::Action(_)),
        Side::Resource => matches!(statement.resource, Some(ResourceClause::Resource(_))),
    };
    if !joinable {
        return None;
    }
    let mut other = statement.canonical();
    other.sid = None;
    match side {
        Side::Action => other.action = ActionClause::Action(Vec::new().into()),
        Side::Resource => other.resource = None,
    }
    Some(other.to_value().to_string())
}

fn join(a: &Statement, b: &Statement, side: Side) -> Option<Statement> {
    let mut joined = a.clone();
    match side {
        Side::Action => {
            let (ActionClause::Action(x), ActionClause::Action(y)) = (&a.action, &b.action) else { return None };
            let patterns: Vec<ActionPattern> = x.iter().chain(y).cloned().collect();
            joined.action = ActionClause::Action(one_or_many(widest_actions(&patterns)));
        }
        Side::Resource => {
            let (Some(ResourceClause::Resource(x)), Some(ResourceClause::Resource(y))) = (&a.resource, &b.resource)
            else {
                return None;
            };
            let patterns: Vec<ResourcePattern> = x.iter().chain(y).cloned().collect();
            joined.resource = Some(ResourceClause::Resource(one_or_many(widest_resources(&patterns))));
        }
    }
    Some(joined)
}

/// The statement without patterns that another pattern of the same element covers; sorted.
fn reduced(statement: &Statement) -> Statement {
    let action = match &statement.action {
        ActionClause::Action(patterns) => ActionClause::Action(reduced_list(patterns, widest_actions)),
        ActionClause::NotAction(patterns) => ActionClause::NotAction(reduced_list(patterns, widest_actions)),
    };
    let resource = statement.resource.as_ref().map(|clause| match clause {
        ResourceClause::Resource(patterns) => ResourceClause::Resource(reduced_list(patterns, widest_resources)),
        ResourceClause::NotResource(patterns) => ResourceClause::NotResource(reduced_list(patterns, widest_resources)),
    });
    Statement { action, resource, ..statement.clone() }
}

fn reduced_list<T: Clone>(patterns: &OneOrMany<T>, widest: impl Fn(&[T]) -> Vec<T>) -> OneOrMany<T> {
    one_or_many(widest(patterns.as_slice()))
}

fn one_or_many<T>(mut patterns: Vec<T>) -> OneOrMany<T> {
    match (patterns.pop(), patterns.is_empty()) {
        (Some(last), true) => OneOrMany::One(last),
        (last, _) => {
            patterns.extend(last);
            OneOrMany::Many(patterns)
        }
    }
}

/// The patterns that no other one covers, sorted; of those that mean the same, the first.
fn widest_actions(patterns: &[ActionPattern]) -> Vec<ActionPattern> {
    let mut sorted = patterns.to_vec();
    sorted.sort();
    // Only case tells these apart.
    let mut seen = std::collections::BTreeSet::new();
    sorted.retain(|pattern| seen.insert(pattern.as_str().to_ascii_lowercase()));
    widest(&sorted, ActionPattern::is_wildcard, ActionPattern::covers)
}

fn widest_resources(patterns: &[ResourcePattern]) -> Vec<ResourcePattern> {
    let mut sorted = patterns.to_vec();
    sorted.sort();
    sorted.dedup();
    // Two variables may stand for one text, but only a wildcard is known to cover another pattern.
    widest(&sorted, ResourcePattern::is_wildcard, ResourcePattern::covers)
}

fn widest<T: Clone>(sorted: &[T], is_wildcard: impl Fn(&T) -> bool, covers: impl Fn(&T, &T) -> bool) -> Vec<T> {
    let wide: Vec<(usize, &T)> = sorted.iter().enumerate().filter(|(_, pattern)| is_wildcard(pattern)).collect();
    let is_needed = |(at, pattern): &(usize, &T)| {
        !wide.iter().any(|&(other, wide)| {
            // Of two that cover each other, the first stays.
            other != *at && covers(wide, pattern) && (other < *at || !covers(pattern, wide))
        })
    };
    sorted.iter().enumerate().filter(is_needed).map(|(_, pattern)| pattern.clone()).collect()
}

/// Drops actions, resources and statements that another statement of the same effect covers. One at a time,
/// each against what is left of the others, so that two never go for each other's sake.
fn drop_covered(statements: &mut Vec<MinifiedStatement>) {
    let mut at = 0;
    while at < statements.len() {
        let Some(own) = statements.get(at) else { return };
        let others =
            || statements.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, other)| &other.statement);
        let left = match &own.statement.action {
            ActionClause::Action(patterns) => {
                let wide: Vec<&Statement> = others().filter(|other| may_cover_part(other, &own.statement)).collect();
                let is_needed = |pattern: &&ActionPattern| !wide.iter().any(|other| other.action.covers(pattern));
                let needed: Vec<ActionPattern> = patterns.iter().filter(is_needed).cloned().collect();
                if needed.len() == patterns.len() { None } else { Some(needed) }
            }
            clause @ ActionClause::NotAction(_) => {
                let gone =
                    others().any(|other| may_cover_part(other, &own.statement) && other.action.covers_clause(clause));
                gone.then(Vec::new)
            }
        };
        match left {
            Some(needed) if needed.is_empty() => {
                statements.remove(at);
            }
            Some(needed) => {
                if let Some(own) = statements.get_mut(at) {
                    own.statement.action = ActionClause::Action(one_or_many(needed));
                }
                at += 1;
            }
            None => at += 1,
        }
    }
}

/// True if `wide` covers `narrow` in everything but the actions.
fn may_cover_part(wide: &Statement, narrow: &Statement) -> bool {
    let principals = match (&wide.principal, &narrow.principal) {
        (None, None) => true,
        (Some(a), Some(b)) => a.is_same(b),
        _ => false,
    };
    let resources = || match (&wide.resource, &narrow.resource) {
        (None, None) => true,
        (Some(wide), Some(narrow)) => wide.covers_clause(narrow),
        _ => false,
    };
    wide.effect == narrow.effect && principals && resources() && wide.condition.covers(&narrow.condition)
}
