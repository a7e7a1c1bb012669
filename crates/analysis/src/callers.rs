//! Operations that may check an action beside the one of their own name, and what opens them.

use std::sync::OnceLock;

use whittle_catalog::events::EventResolution;
use whittle_catalog::{ActionId, catalog};

/// An operation that may check an action.
#[derive(Debug)]
pub(crate) struct CallingOperation {
    /// As `prefix:Name`.
    pub operation: String,
    /// The actions without which the call is refused at once: those that every call of it proves.
    pub gates: Vec<ActionId>,
}

/// Operations that may check an action beside their own: what AWS lists for them, without what a sourced rule
/// excludes whatever the parameters are.
pub(crate) fn callers_of(action: ActionId) -> &'static [CallingOperation] {
    static CALLERS: OnceLock<Vec<OnceLock<Vec<CallingOperation>>>> = OnceLock::new();
    let all = CALLERS.get_or_init(|| catalog().actions().map(|_| OnceLock::new()).collect());
    all.get(action.index()).map_or(&[], |callers| callers.get_or_init(|| find(action)).as_slice())
}

fn find(action: ActionId) -> Vec<CallingOperation> {
    let mut callers = Vec::new();
    for operation in catalog().info(action).operations() {
        let source = format!("{}.amazonaws.com", operation.prefix());
        let EventResolution::Actions(rule) = catalog().resolve_event(&source, operation.name()) else { continue };
        let mut further = rule.further_actions(catalog()).into_iter();
        if further.any(|further| further.action == action && !further.is_never_checked()) {
            let primary = rule.primary();
            let gates = if primary.is_empty() { operation.authorised_by() } else { primary };
            callers.push(CallingOperation { operation: operation.to_string(), gates });
        }
    }
    callers
}

#[cfg(test)]
mod tests {
    use whittle_catalog::catalog;

    use super::callers_of;

    #[test]
    fn operations_that_may_check_an_action_are_found_with_what_opens_them() {
        let id = |name: &str| catalog().action(name).unwrap_or_else(|| panic!("{name}"));
        let callers = callers_of(id("codedeploy:GetDeploymentConfig"));
        let create = callers.iter().find(|caller| caller.operation == "codedeploy:CreateDeployment").unwrap();
        assert_eq!(create.gates, [id("codedeploy:CreateDeployment")]);
        assert!(callers.iter().all(|caller| caller.operation != "codedeploy:GetDeploymentConfig"), "its own call");
        assert!(callers_of(id("sqs:PurgeQueue")).is_empty());
    }
}
