//! Operations that may check an action beside the one of their own name, and what opens them.

use std::sync::OnceLock;

use whittle_catalog::events::Revealer;
use whittle_catalog::{ActionId, catalog};

/// An operation that may check an action.
#[derive(Debug)]
pub(crate) struct CallingOperation {
    /// As `prefix:Name`.
    pub operation: String,
    /// It is of the action's service, so that it is called on the resource that the action is checked on.
    pub of_same_service: bool,
    /// The actions one of which opens it: those that every call of it proves, or else all that are listed.
    pub gates: Vec<ActionId>,
    /// Its event; `None` where no page of AWS says that it is logged.
    pub event: Option<Revealer>,
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
        let Some(rule) = catalog().rule_of_operation(operation.prefix(), operation.name()) else { continue };
        // Events that reveal the action are asked for with it.
        let reveals = |event: &Revealer| {
            event.event_name == operation.name()
                && catalog().prefixes_of_source(&event.event_source).contains(&operation.prefix())
        };
        if catalog().revealed_by(action).iter().any(reveals) {
            continue;
        }
        let mut further = rule.further_actions(catalog()).into_iter();
        if further.any(|further| further.action == action && !further.is_never_checked()) {
            let primary = rule.primary();
            let gates = if primary.is_empty() { operation.authorised_by() } else { primary };
            let event = catalog().event_of_operation(operation.prefix(), operation.name());
            let of_same_service = operation.prefix() == catalog().info(action).prefix();
            callers.push(CallingOperation { operation: operation.to_string(), of_same_service, gates, event });
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
