//! SAM connectors that attach a policy to a function's role (`data/sam-connectors.json`).

use std::sync::LazyLock;

use serde_json::Value;
use whittle_policy::Statement;

use crate::expression::Expression;
use crate::node::Node;
use crate::reason::Unreadable;
use crate::resolve::Resolver;

#[expect(clippy::expect_used, reason = "the file is built in, and tests read it")]
static PROFILES: LazyLock<Vec<Value>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../data/sam-connectors.json")).expect("the file is a JSON list")
});

/// A connector, and what it grants to a function of the template.
#[derive(Debug, Clone, PartialEq)]
pub struct Connector<'t> {
    /// Logical id of the connector; of an embedded one, its name after that of its source.
    pub name: String,
    /// Where it is written.
    pub node: &'t Node,
    /// Logical id of the function that gets the policy.
    pub function: String,
    /// The statements it adds; `Err` if they are not known.
    pub statements: Result<Vec<Statement>, Unreadable>,
}

/// All connectors of a template that concern a function.
pub fn connectors<'t>(root: &'t Node, resolver: &Resolver<'t>) -> Vec<Connector<'t>> {
    let resources = root.get("Resources").map(Node::entries).unwrap_or_default();
    let mut out = Vec::new();
    for (name, resource) in resources {
        let Some(name) = name.text() else { continue };
        if resource.get("Type").and_then(Node::text) == Some("AWS::Serverless::Connector")
            && let Some(properties) = resource.get("Properties")
        {
            let source = properties.get("Source").map(End::of);
            one(root, resolver, name, properties, source, &mut out);
        }
        for (own, connector) in resource.get("Connectors").map(Node::entries).unwrap_or_default() {
            let source = End { id: Some(name), node: None };
            let name = format!("{name}{}", own.text().unwrap_or_default());
            if let Some(properties) = connector.get("Properties") {
                one(root, resolver, &name, properties, Some(source), &mut out);
            }
        }
    }
    out
}

/// One side of a connector.
#[derive(Clone, Copy)]
struct End<'t> {
    id: Option<&'t str>,
    node: Option<&'t Node>,
}

impl<'t> End<'t> {
    fn of(node: &'t Node) -> Self {
        Self { id: node.get("Id").and_then(Node::text), node: Some(node) }
    }

    /// CloudFormation type: of the resource in the file, or as written.
    fn kind(self, root: &'t Node) -> Option<&'t str> {
        let kind = match self.id {
            Some(id) => root.get("Resources")?.get(id)?.get("Type")?.text()?,
            None => self.node?.get("Type")?.text()?,
        };
        Some(match kind {
            "AWS::Serverless::Function" => "AWS::Lambda::Function",
            "AWS::Serverless::SimpleTable" => "AWS::DynamoDB::Table",
            "AWS::Serverless::StateMachine" => "AWS::StepFunctions::StateMachine",
            other => other,
        })
    }

    fn arn(self, kind: &str, resolver: &Resolver<'t>) -> Option<Expression> {
        match self.id {
            Some(id) if matches!(kind, "AWS::SNS::Topic" | "AWS::StepFunctions::StateMachine") => {
                Some(Expression::reference(id))
            }
            Some(id) => Some(Expression::attribute(id, "Arn")),
            None => Some(resolver.expression(self.node?.get("Arn")?)),
        }
    }

    fn name(self, resolver: &Resolver<'t>) -> Option<Expression> {
        match self.id {
            Some(id) => Some(Expression::reference(id)),
            None => Some(resolver.expression(self.node?.get("Name")?)),
        }
    }
}

fn one<'t>(
    root: &'t Node,
    resolver: &Resolver<'t>,
    name: &str,
    properties: &'t Node,
    source: Option<End<'t>>,
    out: &mut Vec<Connector<'t>>,
) {
    let Some(source) = source else { return };
    for destination in properties.get("Destination").map(Node::as_list).unwrap_or_default() {
        let destination = End::of(destination);
        let (Some(from), Some(to)) = (source.kind(root), destination.kind(root)) else { continue };
        let is = |profile: &&Value, key: &str, kind: &str| profile.get(key).and_then(Value::as_str) == Some(kind);
        let Some(profile) = PROFILES.iter().find(|row| is(row, "source", from) && is(row, "destination", to)) else {
            continue;
        };
        let holder = if is(&profile, "holder", "source") { source } else { destination };
        let Some(function) = holder.id else { continue };
        let fill = |mark: &str| match mark {
            "Source.Arn" => source.arn(from, resolver),
            "Destination.Arn" => destination.arn(to, resolver),
            "Source.Name" => source.name(resolver),
            "Destination.Name" => destination.name(resolver),
            _ => None,
        };
        let mut values = Vec::new();
        let wanted: Vec<&str> = properties
            .get("Permissions")
            .map(Node::as_list)
            .unwrap_or_default()
            .iter()
            .filter_map(Node::text)
            .collect();
        for permission in wanted {
            let list = profile.get("access").and_then(|access| access.get(permission)).and_then(Value::as_array);
            values.extend(list.into_iter().flatten().map(|value| super::filled(value, &fill, resolver)));
        }
        out.push(Connector {
            name: name.to_owned(),
            node: properties,
            function: function.to_owned(),
            statements: super::statements(&values),
        });
    }
}
