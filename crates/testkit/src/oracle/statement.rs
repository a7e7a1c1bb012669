//! Whether a statement matches a request. Principals are not looked at; resources must not hold variables.

use whittle_policy::Statement;

use super::pattern::{action_matches, resource_matches};
use super::{Request, condition};

/// Whether the statement is about the request.
pub fn matches(statement: &Statement, request: &Request) -> bool {
    let actions = statement.action.patterns();
    let action = actions.iter().any(|pattern| action_matches(pattern.as_str(), &request.action));
    let resource = statement.resource.as_ref().is_none_or(|clause| {
        let listed = clause.patterns().iter().any(|pattern| resource_matches(pattern.as_str(), &request.resource));
        listed != clause.is_negated()
    });
    action != statement.action.is_negated() && resource && condition::is_met(&statement.condition, &request.context)
}
