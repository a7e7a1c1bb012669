//! A policy document as written in a template.

use serde_json::Value;
use whittle_policy::PolicyDocument;

use super::{Grant, GrantProblem};
use crate::node::{Node, NodeKind};
use crate::reason::{PolicyPart, Unreadable};
use crate::resolve::Resolver;

/// Reads the statements of a document. `Err` is the reason that they are not known.
pub fn read<'t>(document: &'t Node, resolver: &Resolver<'t>) -> Result<Vec<Grant<'t>>, GrantProblem> {
    plain(document, PolicyPart::Document)?;
    let Some(statements) = document.get("Statement") else {
        return Err(problem(document, Unreadable::NoStatement));
    };
    plain(statements, PolicyPart::Statements)?;
    let version = document.get("Version").and_then(Node::text);
    let mut grants = Vec::new();
    for node in statements.as_list() {
        plain(node, PolicyPart::Statement)?;
        for element in ["Effect", "Action", "NotAction", "Sid"] {
            let values = node.get(element).map(Node::as_list).unwrap_or_default();
            for value in values {
                plain(value, PolicyPart::Element(element))?;
            }
        }
        if !node.walk_any(&|node| matches!(node.kind, NodeKind::Alias)).is_empty() {
            return Err(problem(node, Unreadable::InnerAlias));
        }
        let mut object = serde_json::Map::new();
        if let Some(version) = version {
            object.insert("Version".to_owned(), Value::from(version));
        }
        object.insert("Statement".to_owned(), Value::from(vec![to_json(node, resolver)]));
        let parsed = PolicyDocument::from_value(&Value::Object(object))
            .map_err(|error| problem(node, Unreadable::Invalid(Box::new(error))))?;
        for statement in parsed.to_version_2012().statements.into_vec() {
            grants.push(Grant { statement, span: node.span, node: Some(node) });
        }
    }
    Ok(grants)
}

/// Refuses a value that a function computes.
fn plain(node: &Node, part: PolicyPart) -> Result<(), GrantProblem> {
    match node.intrinsic() {
        Some((function, _)) => Err(problem(node, Unreadable::Decided { function, part })),
        None if matches!(node.kind, NodeKind::Alias) => Err(problem(node, Unreadable::Alias(part))),
        None => Ok(()),
    }
}

fn problem(node: &Node, reason: Unreadable) -> GrantProblem {
    GrantProblem { span: node.span, reason }
}

fn to_json(node: &Node, resolver: &Resolver<'_>) -> Value {
    if node.intrinsic().is_some() {
        return Value::from(resolver.value(&resolver.expression(node)));
    }
    match &node.kind {
        NodeKind::Scalar { .. } => Value::from(resolver.value(&resolver.expression(node))),
        NodeKind::Sequence { items, .. } => items.iter().map(|item| to_json(item, resolver)).collect(),
        NodeKind::Mapping { entries, .. } => {
            let pair =
                |(key, value): &(Node, Node)| (key.scalar().unwrap_or_default().to_owned(), to_json(value, resolver));
            Value::Object(entries.iter().map(pair).collect())
        }
        NodeKind::Alias => Value::Null,
    }
}
