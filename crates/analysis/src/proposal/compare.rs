//! Statements that a proposed role allows beyond today's, and the reverse.
//!
//! Decided on the policies as a whole ([`whittle_policy::algebra`]): several statements of one side may
//! together allow what one statement of the other does. Where neither a proof nor an example is found the
//! answer is not certain, and so it is where a value or a policy of the file is not known. A permissions
//! boundary limits both sides alike and is left out.

use std::str::FromStr as _;

use serde::Serialize;
use whittle_catalog::catalog;
use whittle_evidence::ledger::Ledger;
use whittle_policy::algebra::{GrantSet, Proof};
use whittle_policy::evaluate::Request;
use whittle_policy::{ActionClause, ActionPattern, Effect, PolicyDocument, Statement};

use super::{Novelty, ProposedStatement, novelty};
use crate::inventory::Role;
use crate::reason::Reason;

/// One statement that the other side does not allow, wholly or in part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DifferingStatement {
    /// Policy that it is in.
    pub policy: String,
    /// Its Sid, or its place in the policy.
    pub statement: String,
    /// Index of the statement among those of its side.
    #[serde(skip)]
    pub index: usize,
    /// The other side allows less, by an example; else it is not known.
    pub certain: bool,
    /// Reason why it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<Reason<Uncertainty>>,
    /// Actions that no single statement of the other side allows.
    pub actions: Vec<String>,
    /// Resources of the statement; those of `NotResource` begin with `everything but`.
    pub resources: Vec<String>,
    /// A call that one side allows and the other does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<ExampleCall>,
}

/// Reason why it is not known if the other side allows a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Uncertainty {
    /// Values in the statement are not known.
    UnknownValues {
        /// The values.
        names: Vec<String>,
    },
    /// A statement of the other side may allow it, depending on values that are not known.
    MayBeAllowed {
        /// Policy of that statement.
        policy: String,
        /// Its Sid, or its place in the policy.
        statement: String,
        /// The values.
        names: Vec<String>,
    },
    /// A policy of the other side could not be read.
    UnreadablePolicy {
        /// The policy, with what is wrong.
        problem: String,
    },
    /// Neither a proof nor an example was found.
    NeitherProofNorExample,
}

/// A call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExampleCall {
    /// Action.
    pub action: String,
    /// Resource.
    pub resource: String,
}

/// Both directions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// Statements of the file that today's role does not allow.
    pub more: Vec<DifferingStatement>,
    /// Statements of today's role that the file does not allow.
    pub less: Vec<DifferingStatement>,
}

/// The two sides of a comparison.
pub struct Sides<'a> {
    /// As the file proposes it: made by [`super::role`].
    pub proposed: &'a Role,
    /// Statements of the file, in the order of the policies of `proposed`.
    pub statements: &'a [ProposedStatement],
    /// For each statement, the values in it that are not known.
    pub unknown: &'a [Vec<String>],
    /// As the account has it; `None` for a role that is new.
    pub current: Option<&'a Role>,
}

/// Compares both.
pub fn compare(sides: &Sides<'_>) -> Comparison {
    let of_file = |(own, unknown): (&ProposedStatement, &Vec<String>)| Owned {
        policy: own.policy.clone(),
        name: named(&own.statement, || own.place.clone()),
        statement: own.statement.clone(),
        unknown: unknown.clone(),
    };
    let file: Vec<Owned> = sides.statements.iter().zip(sides.unknown).map(of_file).collect();
    let today: Vec<Owned> = sides.current.map(of_role).unwrap_or_default();
    let nobody = Role { policies: Vec::new(), unreadable_policies: Vec::new(), ..sides.proposed.clone() };
    Comparison {
        more: beyond(&file, &today, sides.current.unwrap_or(&nobody)),
        less: beyond(&today, &file, sides.proposed),
    }
}

struct Owned {
    policy: String,
    name: String,
    statement: Statement,
    unknown: Vec<String>,
}

fn named(statement: &Statement, place: impl FnOnce() -> String) -> String {
    statement.sid.clone().filter(|sid| !sid.is_empty()).unwrap_or_else(place)
}

fn of_role(role: &Role) -> Vec<Owned> {
    let mut out = Vec::new();
    for policy in &role.policies {
        for (statement, number) in policy.document.to_version_2012().statements.into_vec().into_iter().zip(1..) {
            out.push(Owned {
                policy: policy.name.clone(),
                name: named(&statement, || format!("#{number}")),
                statement,
                unknown: Vec::new(),
            });
        }
    }
    out
}

/// Statements of `wide` that `narrow`, the statements of `role`, do not allow wholly.
fn beyond(wide: &[Owned], narrow: &[Owned], role: &Role) -> Vec<DifferingStatement> {
    let other = PolicyDocument::new(narrow.iter().map(|own| own.statement.clone()).collect());
    let other = GrantSet::of([&other]);
    let mut out = Vec::new();
    for (index, own) in wide.iter().enumerate().filter(|(_, own)| own.statement.effect == Effect::Allow) {
        let denies = wide.iter().filter(|own| own.statement.effect == Effect::Deny);
        let part = std::iter::once(own).chain(denies).map(|own| own.statement.clone()).collect();
        let part = PolicyDocument::new(part);
        let (answer, example) = match GrantSet::of([&part]).difference(&other) {
            Ok(rest) => (rest.is_empty(), rest.witness()),
            Err(_) => (Proof::Unknown, None),
        };
        if answer == Proof::Yes {
            continue;
        }
        let new = novelty(&Ledger::default(), role, &own.statement);
        let example = example.map(|example| familiar(&part, &other, &new).unwrap_or(example));
        let unknown = not_known(own, narrow, role)
            .or_else(|| example.is_none().then_some(Uncertainty::NeitherProofNorExample))
            .map(Reason::Known);
        let known = new.actions.iter().map(|action| catalog().info(*action).name().to_owned());
        out.push(DifferingStatement {
            policy: own.policy.clone(),
            statement: own.name.clone(),
            index,
            certain: unknown.is_none(),
            example: example.filter(|_| unknown.is_none()).map(|request| ExampleCall {
                action: request.action,
                // A pattern that begins with `*` matches nothing, too.
                resource: if request.resource.is_empty() { "*".to_owned() } else { request.resource },
            }),
            unknown,
            actions: known.chain(new.unknown.iter().map(|pattern| pattern.as_str().to_owned())).collect(),
            resources: resources(&own.statement),
        });
    }
    out
}

/// An example with an action that exists: the evaluator takes any text that a pattern matches.
fn familiar(part: &PolicyDocument, other: &GrantSet<'_>, new: &Novelty) -> Option<Request> {
    let action = ActionPattern::from_str(catalog().info(*new.actions.first()?).name()).ok()?;
    let mut statements = part.statements.clone().into_vec();
    statements.first_mut()?.action = ActionClause::Action(action.into());
    let one = PolicyDocument::new(statements);
    GrantSet::of([&one]).difference(other).ok()?.witness()
}

/// Reason why there is no answer about `own`.
fn not_known(own: &Owned, narrow: &[Owned], role: &Role) -> Option<Uncertainty> {
    if !own.unknown.is_empty() {
        return Some(Uncertainty::UnknownValues { names: own.unknown.clone() });
    }
    let near = |other: &&Owned| {
        own.statement.action.patterns().iter().any(|pattern| other.statement.action.intersects(pattern))
    };
    if let Some(other) = narrow.iter().filter(|other| !other.unknown.is_empty()).find(near) {
        return Some(Uncertainty::MayBeAllowed {
            policy: other.policy.clone(),
            statement: other.name.clone(),
            names: other.unknown.clone(),
        });
    }
    let problem = role.unreadable_policies.first()?.clone();
    Some(Uncertainty::UnreadablePolicy { problem })
}

fn resources(statement: &Statement) -> Vec<String> {
    let Some(clause) = &statement.resource else { return Vec::new() };
    let shown = |text: &str| if clause.is_negated() { format!("everything but {text}") } else { text.to_owned() };
    clause.patterns().iter().map(|pattern| shown(pattern.as_str())).collect()
}
