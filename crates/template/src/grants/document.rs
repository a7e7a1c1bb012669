//! A policy document as written in a template.

use serde_json::Value;
use whittle_policy::PolicyDocument;

use super::{Grant, Problem, name_of};
use crate::node::{Kind, Node};
use crate::resolve::Resolver;

/// Reads the statements of a document. `Err` says what makes them unknown.
pub fn read<'t>(document: &'t Node, resolver: &Resolver<'t>) -> Result<Vec<Grant<'t>>, Problem> {
    plain(document, "the policy document")?;
    let Some(statements) = document.get("Statement") else {
        return Err(problem(document, "the policy document has no `Statement`"));
    };
    plain(statements, "`Statement`")?;
    let version = document.get("Version").and_then(Node::text);
    let mut grants = Vec::new();
    for node in statements.as_list() {
        plain(node, "the statement")?;
        for element in ["Effect", "Action", "NotAction", "Sid"] {
            let values = node.get(element).map(Node::as_list).unwrap_or_default();
            for value in values {
                plain(value, &format!("`{element}`"))?;
            }
        }
        if !node.walk_any(&|node| matches!(node.kind, Kind::Alias)).is_empty() {
            return Err(problem(node, "it uses an alias (`*name`), which CloudFormation does not support"));
        }
        let mut object = serde_json::Map::new();
        if let Some(version) = version {
            object.insert("Version".to_owned(), Value::from(version));
        }
        object.insert("Statement".to_owned(), Value::from(vec![to_json(node, resolver)]));
        let parsed = PolicyDocument::from_value(&Value::Object(object))
            .map_err(|error| problem(node, &format!("IAM would refuse it: {error}")))?;
        for statement in parsed.to_version_2012().statements.into_vec() {
            grants.push(Grant { statement, span: node.span, node: Some(node) });
        }
    }
    Ok(grants)
}

/// A value that no function computes.
fn plain(node: &Node, what: &str) -> Result<(), Problem> {
    match node.intrinsic() {
        Some((function, _)) => Err(problem(node, &format!("{} decides {what}", name_of(&function)))),
        None if matches!(node.kind, Kind::Alias) => {
            Err(problem(node, &format!("{what} is an alias (`*name`), which CloudFormation does not support")))
        }
        None => Ok(()),
    }
}

fn problem(node: &Node, reason: &str) -> Problem {
    Problem { span: node.span, reason: reason.to_owned() }
}

fn to_json(node: &Node, resolver: &Resolver<'_>) -> Value {
    if node.intrinsic().is_some() {
        return Value::from(resolver.value(&resolver.expression(node)));
    }
    match &node.kind {
        Kind::Scalar { .. } => Value::from(resolver.value(&resolver.expression(node))),
        Kind::Sequence { items, .. } => items.iter().map(|item| to_json(item, resolver)).collect(),
        Kind::Mapping { entries, .. } => {
            let pair =
                |(key, value): &(Node, Node)| (key.scalar().unwrap_or_default().to_owned(), to_json(value, resolver));
            Value::Object(entries.iter().map(pair).collect())
        }
        Kind::Alias => Value::Null,
    }
}
