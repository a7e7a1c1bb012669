//! Elements that a kind of policy must or must not have.

use super::{PolicyDocument, PrincipalClause, Statement};
use crate::error::{ParsePolicyError, ParsePolicyErrorKind as Kind};
use crate::json::Path;
use crate::layer::Layer;

/// Rule for one element of a statement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Want {
    Must,
    MustNot,
    May,
}

struct ElementRule {
    layer: Layer,
    policy: &'static str,
    principal: Want,
    resource: Want,
}

/// IAM User Guide, "Grammar of the IAM JSON policy language", notes; Organizations User Guide, "SCP syntax",
/// "RCP syntax". Resource-based policies of some services, trust policies among them, have no `Resource`.
/// Control and endpoint policies are taken without `Principal`, which then means everyone.
static RULES: [ElementRule; 7] = [
    ElementRule {
        layer: Layer::ResourceControl,
        policy: "a resource control policy",
        principal: Want::May,
        resource: Want::Must,
    },
    ElementRule {
        layer: Layer::ServiceControl,
        policy: "a service control policy",
        principal: Want::MustNot,
        resource: Want::Must,
    },
    ElementRule { layer: Layer::Endpoint, policy: "an endpoint policy", principal: Want::May, resource: Want::Must },
    ElementRule {
        layer: Layer::Resource,
        policy: "a resource-based policy",
        principal: Want::Must,
        resource: Want::May,
    },
    ElementRule {
        layer: Layer::Identity,
        policy: "an identity policy",
        principal: Want::MustNot,
        resource: Want::Must,
    },
    ElementRule {
        layer: Layer::Boundary,
        policy: "a permissions boundary",
        principal: Want::MustNot,
        resource: Want::Must,
    },
    ElementRule { layer: Layer::Session, policy: "a session policy", principal: Want::MustNot, resource: Want::Must },
];

impl PolicyDocument {
    /// Checks that AWS would take the document as a policy of this kind, as far as `Principal` and `Resource`
    /// go.
    ///
    /// Fails on the first statement that lacks an element it must have, or has one it must not have.
    pub fn check_elements(&self, layer: Layer) -> Result<(), ParsePolicyError> {
        let Some(rule) = RULES.iter().find(|rule| rule.layer == layer) else { return Ok(()) };
        let is_list = matches!(self.statements, super::OneOrMany::Many(_));
        for (index, statement) in self.statements.iter().enumerate() {
            if let Some((element, kind)) = rule.misfit(statement) {
                let mut path = Path::root();
                path.enter("Statement");
                if is_list {
                    path.enter_item(index);
                }
                if matches!(kind, Kind::Misplaced { .. }) {
                    path.enter(element);
                }
                return Err(ParsePolicyError { path: path.as_str().to_owned(), position: None, kind: Box::new(kind) });
            }
        }
        Ok(())
    }
}

impl ElementRule {
    fn misfit(&self, statement: &Statement) -> Option<(&'static str, Kind)> {
        let principal = match &statement.principal {
            Some(clause) if self.principal == Want::MustNot => Some(name(clause)),
            Some(clause @ PrincipalClause::NotPrincipal(_)) if self.layer == Layer::ResourceControl => {
                Some(name(clause))
            }
            _ => None,
        };
        if let Some(element) = principal {
            return Some((element, Kind::Misplaced { element, policy: self.policy }));
        }
        if self.principal == Want::Must && statement.principal.is_none() {
            return Some(("Principal", Kind::Missing("Principal")));
        }
        let resource = self.resource == Want::Must && statement.resource.is_none();
        resource.then_some(("Resource", Kind::Missing("Resource")))
    }
}

fn name(clause: &PrincipalClause) -> &'static str {
    if clause.is_negated() { "NotPrincipal" } else { "Principal" }
}
