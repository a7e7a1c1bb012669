//! Matching of one statement against a request.

use std::fmt;

use super::{Layer, Naming, Request};
use crate::document::Statement;

/// The first element of a statement that does not match a request, in the order of this enum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Miss<'a> {
    /// Policies of this kind do not reach this caller, such as service control policies a service-linked
    /// role.
    Layer,
    /// `Action` or `NotAction`.
    Action,
    /// `Resource` or `NotResource`; an unresolved variable, or the element is missing where the kind of
    /// policy needs it.
    Resource,
    /// `Principal` or `NotPrincipal`, or the element is missing in a resource-based policy.
    Principal,
    /// A constraint of `Condition`.
    Condition {
        /// Operator as spelled.
        operator: &'a str,
        /// Key as spelled.
        key: &'a str,
    },
}

impl fmt::Display for Miss<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Layer => f.write_str("policies of this kind do not apply to this caller"),
            Self::Action => f.write_str("the action does not match"),
            Self::Resource => f.write_str("the resource does not match"),
            Self::Principal => f.write_str("the principal does not match"),
            Self::Condition { operator, key } => write!(f, "{operator} on {key} is not met"),
        }
    }
}

/// The way the statement reaches the request's caller, or the reason that it does not match.
///
/// Where a kind of policy has no `Principal` element, the statement is about whoever the policy is attached
/// to. Where it has no `Resource` element (trust policies and some other resource-based policies), it is
/// about the resource that the policy is attached to.
pub(super) fn matches<'a>(
    statement: &'a Statement,
    layer: Layer,
    request: &Request,
    has_boundary: bool,
) -> Result<Naming, Miss<'a>> {
    if !statement.action.matches(&request.action) {
        return Err(Miss::Action);
    }
    let naming = matches_on(statement, layer, request, has_boundary)?;
    match statement.condition.first_unmet(&request.context) {
        Some((operator, key)) => Err(Miss::Condition { operator, key }),
        None => Ok(naming),
    }
}

/// [`matches`], but for action and condition.
pub(super) fn matches_on<'a>(
    statement: &Statement,
    layer: Layer,
    request: &Request,
    has_boundary: bool,
) -> Result<Naming, Miss<'a>> {
    let resource = match &statement.resource {
        Some(clause) => clause.matches_in(&request.resource, &request.context),
        None => layer == Layer::Resource,
    };
    if !resource {
        return Err(Miss::Resource);
    }
    let naming = match &statement.principal {
        Some(clause) => request.caller.reached_by(clause, statement.effect, has_boundary, &request.context),
        None => (layer != Layer::Resource).then_some(Naming::Everyone),
    };
    naming.ok_or(Miss::Principal)
}
