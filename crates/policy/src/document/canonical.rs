//! One spelling for each meaning, as far as order, repetition and shape go.

use super::{ActionClause, OneOrMany, PolicyDocument, PrincipalClause, Principals, ResourceClause, Statement};
use crate::action::ActionPattern;

impl PolicyDocument {
    /// The same document with lists everywhere, their values sorted and without repeats. Statements keep
    /// their order, and nothing is dropped because something else covers it: the result decides every request
    /// like the original, statement by statement. Idempotent.
    #[must_use]
    pub fn canonical(&self) -> Self {
        Self {
            version: self.version,
            id: self.id.clone(),
            statements: OneOrMany::Many(self.statements.iter().map(Statement::canonical).collect()),
        }
    }
}

impl Statement {
    /// The same statement with lists everywhere, sorted and without repeats. Actions that differ in case only
    /// are repeats.
    #[must_use]
    pub fn canonical(&self) -> Self {
        Self {
            sid: self.sid.clone(),
            effect: self.effect,
            principal: self.principal.as_ref().map(|clause| match clause {
                PrincipalClause::Principal(who) => PrincipalClause::Principal(who.canonical()),
                PrincipalClause::NotPrincipal(who) => PrincipalClause::NotPrincipal(who.canonical()),
            }),
            action: match &self.action {
                ActionClause::Action(actions) => ActionClause::Action(sorted_actions(actions)),
                ActionClause::NotAction(actions) => ActionClause::NotAction(sorted_actions(actions)),
            },
            resource: self.resource.as_ref().map(|clause| match clause {
                ResourceClause::Resource(on) => ResourceClause::Resource(sorted(on)),
                ResourceClause::NotResource(on) => ResourceClause::NotResource(sorted(on)),
            }),
            condition: self.condition.canonical(),
        }
    }
}

impl Principals {
    fn canonical(&self) -> Self {
        match self {
            Self::Everyone => Self::Everyone,
            Self::ByKind(by_kind) => {
                let mut by_kind: Vec<_> = by_kind.iter().map(|(kind, names)| (*kind, sorted(names))).collect();
                by_kind.sort();
                Self::ByKind(by_kind)
            }
        }
    }
}

fn sorted<T: Ord + Clone>(values: &OneOrMany<T>) -> OneOrMany<T> {
    let mut values = values.as_slice().to_vec();
    values.sort();
    values.dedup();
    OneOrMany::Many(values)
}

fn sorted_actions(actions: &OneOrMany<ActionPattern>) -> OneOrMany<ActionPattern> {
    let mut actions = actions.as_slice().to_vec();
    actions.sort_by_cached_key(|action| (action.as_str().to_ascii_lowercase(), action.as_str().to_owned()));
    actions.dedup_by(|a, b| a.as_str().eq_ignore_ascii_case(b.as_str()));
    OneOrMany::Many(actions)
}
