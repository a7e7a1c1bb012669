//! Policies that SAM derives from a function's `Policies`, properties and event sources (data from
//! `aws-sam-translator`, `data/SOURCES.md`).

mod connectors;

use std::collections::BTreeMap;
use std::sync::LazyLock;

pub use connectors::{Connector, connectors};
use serde_json::Value;
use whittle_policy::{PolicyDocument, Statement};

use crate::expression::{Expression, ExpressionPart};
use crate::node::Node;
use crate::reason::Unreadable;
use crate::resolve::{Resolver, sub_parts};

/// A SAM policy template: parameters and the statements that it stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyTemplate {
    /// Names of its parameters.
    pub parameters: Vec<String>,
    /// Statements as in the SAM specification, with `Ref` to parameters in them.
    pub statements: Vec<Value>,
}

#[expect(clippy::expect_used, reason = "the file is built in, and tests read it")]
static TEMPLATES: LazyLock<BTreeMap<String, PolicyTemplate>> = LazyLock::new(|| {
    let file: BTreeMap<String, Value> =
        serde_json::from_str(include_str!("../data/sam-policy-templates.json")).expect("the file is a JSON object");
    let list = |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let template = |value: Value| PolicyTemplate {
        parameters: list(&value, "Parameters").iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        statements: list(&value, "Statement"),
    };
    file.into_iter().map(|(name, value)| (name, template(value))).collect()
});

/// The SAM policy template of this name.
pub fn policy_template(name: &str) -> Option<&'static PolicyTemplate> {
    TEMPLATES.get(name)
}

/// All SAM policy templates by name.
pub fn policy_templates() -> impl Iterator<Item = (&'static str, &'static PolicyTemplate)> {
    TEMPLATES.iter().map(|(name, template)| (name.as_str(), template))
}

impl PolicyTemplate {
    /// The statements with these parameter values. `Err` names a parameter without a value.
    pub fn expand(
        &self,
        values: &dyn Fn(&str) -> Option<Expression>,
        resolver: &Resolver<'_>,
    ) -> Result<Vec<Statement>, Unreadable> {
        if let Some(missing) = self.parameters.iter().find(|name| values(name).is_none()) {
            return Err(Unreadable::MissingParameter(missing.clone()));
        }
        let filled: Vec<Value> = self.statements.iter().map(|value| resolve_json(value, values, resolver)).collect();
        statements(&filled)
    }
}

/// Statements from JSON; `Effect` is Allow where it is not written.
fn statements(values: &[Value]) -> Result<Vec<Statement>, Unreadable> {
    let mut list = values.to_vec();
    for object in list.iter_mut().filter_map(Value::as_object_mut) {
        object.entry("Effect").or_insert_with(|| Value::from("Allow"));
    }
    let document = serde_json::json!({ "Version": "2012-10-17", "Statement": list });
    PolicyDocument::from_value(&document)
        .map(|document| document.statements.into_vec())
        .map_err(|error| Unreadable::Invalid(Box::new(error)))
}

/// Resolves `Ref` and `Fn::Sub` in JSON.
fn resolve_json(value: &Value, values: &dyn Fn(&str) -> Option<Expression>, resolver: &Resolver<'_>) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| resolve_json(item, values, resolver)).collect(),
        Value::Object(object) => match json_expression(value, values) {
            Some(expression) => Value::from(resolver.value(&expression)),
            None => object.iter().map(|(key, value)| (key.clone(), resolve_json(value, values, resolver))).collect(),
        },
        other => other.clone(),
    }
}

/// `Ref` and `Fn::Sub` in JSON, the only functions that the data uses.
fn json_expression(value: &Value, values: &dyn Fn(&str) -> Option<Expression>) -> Option<Expression> {
    let object = value.as_object().filter(|object| object.len() == 1)?;
    if let Some(name) = object.get("Ref").and_then(Value::as_str) {
        return Some(values(name).unwrap_or_else(|| Expression::reference(name)));
    }
    match object.get("Fn::Sub")? {
        Value::String(text) => Some(sub_parts(text, &|_| None)),
        Value::Array(items) => {
            let variables = items.get(1)?.as_object()?;
            let variable = |name: &str| {
                let value = variables.get(name)?;
                json_expression(value, values).or_else(|| value.as_str().map(Expression::text))
            };
            Some(sub_parts(items.first()?.as_str()?, &variable))
        }
        _ => None,
    }
}

/// A grant that SAM adds, and its cause.
#[derive(Debug, Clone, PartialEq)]
pub struct Implied<'t> {
    /// In words: ``the event `Queue` of type SQS``.
    pub because: String,
    /// The property or event that makes SAM add it; `None` if every function gets it.
    pub node: Option<&'t Node>,
    /// An AWS managed policy, by name.
    pub managed: Option<&'static str>,
    /// Statements of an inline policy.
    pub statements: Result<Vec<Statement>, Unreadable>,
}

struct ImpliedRow {
    trigger: &'static str,
    property: &'static str,
    managed: Option<&'static str>,
    statement: Option<&'static str>,
}

static ROWS: LazyLock<Vec<ImpliedRow>> = LazyLock::new(|| {
    let lines = include_str!("../data/sam-implied.tsv").lines().filter(|line| !line.starts_with('#')).skip(1);
    let row = |line: &'static str| {
        let mut fields = line.split('\t');
        let mut next = || fields.next();
        let (trigger, property, managed, statement) = (next()?, next()?, next()?, next()?);
        let some = |field: &'static str| (field != "-").then_some(field);
        Some(ImpliedRow { trigger, property, managed: some(managed), statement: some(statement) })
    };
    lines.filter_map(row).collect()
});

/// True if SAM itself gives a managed policy of this name to functions: a function that lists it asks for
/// nothing more.
pub fn is_implied_policy(name: &str) -> bool {
    ROWS.iter().any(|row| row.managed == Some(name))
}

/// Grants that SAM adds to the role that it generates for a function. `property` looks up the function's own
/// property or that of `Globals`.
pub fn implied<'t>(property: &dyn Fn(&str) -> Option<&'t Node>, resolver: &Resolver<'t>) -> Vec<Implied<'t>> {
    let mut out = Vec::new();
    let base = if property("DurableConfig").is_some() { "durable" } else { "always" };
    apply(base, "every function whose role SAM generates", None, resolver, &mut out);
    let set = |name: &str| property(name).filter(|node| !node.is_null());
    if let Some(node) = set("Tracing")
        && resolver.text_of(node).as_deref() != Some("Disabled")
    {
        let standard = resolver.context.partition.as_deref().is_none_or(|partition| partition == "aws");
        apply(
            if standard { "tracing" } else { "tracing-other-partitions" },
            "`Tracing`",
            Some(node),
            resolver,
            &mut out,
        );
    }
    if let Some(node) = set("VpcConfig") {
        apply("vpc", "`VpcConfig`", Some(node), resolver, &mut out);
    }
    if let Some(node) = set("DeadLetterQueue")
        && let Some(kind) = node.get("Type").and_then(|kind| resolver.text_of(kind))
    {
        apply(&format!("dead-letter:{kind}"), "`DeadLetterQueue`", Some(node), resolver, &mut out);
    }
    let destinations = set("EventInvokeConfig").and_then(|config| config.get("DestinationConfig"));
    for side in ["OnSuccess", "OnFailure"] {
        if let Some(node) = destinations.and_then(|config| config.get(side))
            && let Some(kind) = node.get("Type").and_then(|kind| resolver.text_of(kind))
        {
            let because = format!("`EventInvokeConfig.DestinationConfig.{side}`");
            apply(&format!("destination:{kind}"), &because, Some(node), resolver, &mut out);
        }
    }
    for (name, event) in set("Events").map(Node::entries).unwrap_or_default() {
        let Some(kind) = event.get("Type").and_then(Node::text) else { continue };
        let because = format!("the event `{}` of type {kind}", name.text().unwrap_or_default());
        let Some(properties) = event.get("Properties") else { continue };
        apply(&format!("event:{kind}"), &because, Some(properties), resolver, &mut out);
        let failure = properties.get("DestinationConfig").and_then(|config| config.get("OnFailure"));
        if let Some(failure) = failure
            && let Some(kind) = failure.get("Type").and_then(|kind| resolver.text_of(kind))
        {
            apply(&format!("on-failure:{kind}"), &because, Some(failure), resolver, &mut out);
        }
    }
    out
}

fn apply<'t>(
    trigger: &str,
    because: &str,
    node: Option<&'t Node>,
    resolver: &Resolver<'t>,
    out: &mut Vec<Implied<'t>>,
) {
    for row in ROWS.iter().filter(|row| row.trigger == trigger) {
        let secret_kind = row.property.strip_prefix("secret:");
        let secret = secret_kind.and_then(|kind| secret_of(node?, kind, resolver));
        let present = match (row.property, secret_kind) {
            ("-", _) => true,
            (_, Some(_)) => secret.is_some(),
            (name, None) => node.is_some_and(|node| node.get(name).is_some()),
        };
        if !present {
            continue;
        }
        let fill = |name: &str| match name {
            "Secret" => secret.clone(),
            name => node.and_then(|node| node.get(name)).map(|value| resolver.expression(value)),
        };
        let statement = row.statement.and_then(|text| serde_json::from_str::<Value>(text).ok());
        let statements = statement.map(|value| statements(&[filled(&value, &fill, resolver)]));
        out.push(Implied {
            because: because.to_owned(),
            node,
            managed: row.managed,
            statements: statements.unwrap_or_else(|| Ok(Vec::new())),
        });
    }
}

/// The `URI` of the `SourceAccessConfigurations` entry of a type.
fn secret_of(properties: &Node, kind: &str, resolver: &Resolver<'_>) -> Option<Expression> {
    let list = properties.get("SourceAccessConfigurations")?.items()?;
    let entry = list.iter().find(|entry| entry.get("Type").and_then(Node::text) == Some(kind))?;
    Some(resolver.expression(entry.get("URI")?))
}

/// Replaces `%{Name}` by values, and `${…}` as `Fn::Sub` does.
fn filled(value: &Value, fill: &dyn Fn(&str) -> Option<Expression>, resolver: &Resolver<'_>) -> Value {
    match value {
        Value::String(text) => Value::from(resolver.value(&marks(text, fill))),
        Value::Array(items) => items.iter().map(|item| filled(item, fill, resolver)).collect(),
        Value::Object(object) => {
            object.iter().map(|(key, value)| (key.clone(), filled(value, fill, resolver))).collect()
        }
        other => other.clone(),
    }
}

fn marks(text: &str, fill: &dyn Fn(&str) -> Option<Expression>) -> Expression {
    let mut out = Expression::default();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("%{") {
        out.extend(sub_parts(before, &|_| None));
        let Some((name, after)) = after.split_once('}') else { break };
        out.extend(fill(name).unwrap_or_else(|| Expression::of(ExpressionPart::Opaque(name.to_owned()))));
        rest = after;
    }
    out.extend(sub_parts(rest, &|_| None));
    out
}

#[cfg(test)]
mod tests;
