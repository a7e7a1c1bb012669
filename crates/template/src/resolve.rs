//! Resolves values of a template in one deployment: parameters, pseudo parameters and resources become text
//! if they are known, and stay names if not. Nothing is guessed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::expression::{Expression, ExpressionPart};
use crate::node::{Node, NodeKind};
use crate::references::References;

/// Facts about the deployment that a template describes.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Account id, `AWS::AccountId`.
    pub account: Option<String>,
    /// Region, `AWS::Region`.
    pub region: Option<String>,
    /// Partition, `AWS::Partition`.
    pub partition: Option<String>,
    /// Stack name, `AWS::StackName`.
    pub stack_name: Option<String>,
    /// Values of parameters; they outrank defaults of the template.
    pub parameters: BTreeMap<String, String>,
    /// Names of the stack's resources.
    pub references: References,
}

impl Context {
    /// The account, Region and partition of an ARN.
    #[must_use]
    pub fn of_arn(arn: &str) -> Self {
        let mut fields = arn.splitn(6, ':').skip(1);
        let mut next = || fields.next().filter(|text| !text.is_empty()).map(str::to_owned);
        let partition = next();
        let _service = next();
        let region = next();
        Self { account: next(), region, partition, ..Self::default() }
    }

    fn pseudo(&self, name: &str) -> Option<String> {
        match name {
            "AWS::AccountId" => self.account.clone(),
            "AWS::Region" => self.region.clone(),
            "AWS::Partition" => self.partition.clone(),
            "AWS::StackName" => self.stack_name.clone(),
            // AWS CloudFormation User Guide, "Get AWS values using pseudo parameters".
            "AWS::URLSuffix" => self.partition.as_deref().and_then(|partition| match partition {
                "aws" | "aws-us-gov" => Some("amazonaws.com".to_owned()),
                "aws-cn" => Some("amazonaws.com.cn".to_owned()),
                _ => None,
            }),
            _ => None,
        }
    }
}

/// Resolves values of one template.
#[derive(Debug, Clone)]
pub struct Resolver<'t> {
    /// Facts about the deployment.
    pub context: Context,
    defaults: BTreeMap<String, String>,
    mappings: Option<&'t Node>,
}

impl<'t> Resolver<'t> {
    /// For a template with this root.
    pub fn new(root: &'t Node, context: Context) -> Self {
        let mut defaults = BTreeMap::new();
        for (name, parameter) in root.get("Parameters").map(Node::entries).unwrap_or_default() {
            // The value of an SSM parameter type is looked up when the stack is deployed; its default is only
            // a name.
            let kind = parameter.get("Type").and_then(Node::text).unwrap_or_default();
            let plain = !kind.starts_with("AWS::SSM::");
            if let (Some(name), Some(default), true) =
                (name.text(), parameter.get("Default").and_then(Node::text), plain)
            {
                defaults.insert(name.to_owned(), default.to_owned());
            }
        }
        Self { context, defaults, mappings: root.get("Mappings") }
    }

    /// The text of an expression in this deployment. An unknown reference becomes a marked name that equals
    /// only itself.
    pub fn value(&self, expression: &Expression) -> String {
        let mut out = String::new();
        for part in expression.parts() {
            match part {
                ExpressionPart::Text(text) => out.push_str(text),
                ExpressionPart::Reference { logical_id, attribute } => {
                    match self.reference(logical_id, attribute.as_deref()) {
                        Some(value) => out.push_str(&value),
                        None => out.push_str(&unknown(&match attribute {
                            None => logical_id.clone(),
                            Some(attribute) => format!("{logical_id}.{attribute}"),
                        })),
                    }
                }
                ExpressionPart::Address(text) => match self.address(text) {
                    Some(value) => out.push_str(&value),
                    None => out.push_str(&unknown(text)),
                },
                ExpressionPart::Opaque(text) => out.push_str(&unknown(text)),
            }
        }
        out
    }

    /// Names in an expression whose value is not known.
    pub fn unknown_in(&self, expression: &Expression) -> Vec<String> {
        let name = |part: &ExpressionPart| match part {
            ExpressionPart::Reference { logical_id, attribute }
                if self.reference(logical_id, attribute.as_deref()).is_none() =>
            {
                Some(attribute.as_ref().map_or_else(|| logical_id.clone(), |name| format!("{logical_id}.{name}")))
            }
            ExpressionPart::Address(text) if self.address(text).is_none() => Some(text.clone()),
            ExpressionPart::Opaque(text) => Some(text.clone()),
            _ => None,
        };
        expression.parts().iter().filter_map(name).collect()
    }

    fn reference(&self, logical_id: &str, attribute: Option<&str>) -> Option<String> {
        if let Some(value) = self.context.references.value(logical_id, attribute) {
            return Some(value.to_owned());
        }
        if attribute.is_some() {
            return None;
        }
        let given = || self.context.parameters.get(logical_id).or_else(|| self.defaults.get(logical_id)).cloned();
        self.context.pseudo(logical_id).or_else(given)
    }

    /// The value of a Terraform expression: of the state, of `var.x` or `local.x`.
    fn address(&self, address: &str) -> Option<String> {
        let known = self.context.references.address_value(address).map(str::to_owned);
        known.or_else(|| self.context.parameters.get(address).cloned())
    }

    /// The text of a node if all of it is known.
    pub fn text_of(&self, node: &Node) -> Option<String> {
        let expression = self.expression(node);
        self.unknown_in(&expression).is_empty().then(|| self.value(&expression))
    }

    /// The expression that a node stands for.
    pub fn expression(&self, node: &Node) -> Expression {
        let Some((function, argument)) = node.intrinsic() else {
            return match node.text() {
                // `{{resolve:ssm:…}}` is replaced when the stack is deployed.
                Some(text) if text.contains("{{resolve:") => opaque(node),
                Some(text) => Expression::text(text),
                None => opaque(node),
            };
        };
        match function.as_str() {
            "Ref" => argument.scalar().map_or_else(|| opaque(node), Expression::reference),
            "Fn::hcl" => argument
                .scalar()
                .map_or_else(|| opaque(node), |text| Expression::of(ExpressionPart::Address(text.to_owned()))),
            "Fn::hcl-template" => hcl_parts(argument).unwrap_or_else(|| opaque(node)),
            "Fn::GetAtt" => get_att(argument).unwrap_or_else(|| opaque(node)),
            "Fn::Sub" => self.sub(argument).unwrap_or_else(|| opaque(node)),
            "Fn::Join" => self.join(argument).unwrap_or_else(|| opaque(node)),
            "Fn::Select" => self.select(argument).unwrap_or_else(|| opaque(node)),
            "Fn::FindInMap" => self.find_in_map(argument).unwrap_or_else(|| opaque(node)),
            _ => opaque(node),
        }
    }

    fn sub(&self, argument: &Node) -> Option<Expression> {
        let (template, variables) = match argument.items() {
            Some([template, variables]) => (template.scalar()?, Some(variables)),
            Some(_) => return None,
            None => (argument.scalar()?, None),
        };
        Some(sub_parts(template, &|name| variables?.get(name).map(|value| self.expression(value))))
    }

    fn join(&self, argument: &Node) -> Option<Expression> {
        let [separator, values] = argument.items()? else { return None };
        let separator = separator.text()?;
        if values.tag.is_some() {
            return None;
        }
        let mut out = Expression::default();
        for (index, value) in values.items()?.iter().enumerate() {
            if index > 0 {
                out.push(ExpressionPart::Text(separator.to_owned()));
            }
            out.extend(self.expression(value));
        }
        Some(out)
    }

    /// `Fn::Select` of a list that is written out, or of `Fn::Split` of known text.
    fn select(&self, argument: &Node) -> Option<Expression> {
        let [index, list] = argument.items()? else { return None };
        let index = index.text()?.parse::<usize>().ok()?;
        if let Some((name, inner)) = list.intrinsic() {
            let [separator, text] = inner.items()? else { return None };
            let text = (name == "Fn::Split").then(|| self.text_of(text))??;
            return text.split(separator.text()?).nth(index).map(Expression::text);
        }
        list.items()?.get(index).map(|value| self.expression(value))
    }

    fn find_in_map(&self, argument: &Node) -> Option<Expression> {
        let [map, first, second] = argument.items()? else { return None };
        let key = |node: &Node| self.text_of(node);
        let value = self.mappings?.get(&key(map)?)?.get(&key(first)?)?.get(&key(second)?)?;
        value.text().map(Expression::text)
    }
}

/// Splits the argument of `Fn::Sub` at its `${…}`. `variable` answers for names of the function's own map.
pub fn sub_parts(template: &str, variable: &dyn Fn(&str) -> Option<Expression>) -> Expression {
    let mut out = Expression::default();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("${") {
        out.push(ExpressionPart::Text(before.to_owned()));
        if let Some(literal) = after.strip_prefix('!') {
            out.push(ExpressionPart::Text("${".to_owned()));
            rest = literal;
            continue;
        }
        let Some((name, after)) = after.split_once('}') else {
            out.push(ExpressionPart::Text(format!("${{{after}")));
            return out;
        };
        let name = name.trim();
        match variable(name) {
            Some(value) => out.extend(value),
            None => out.push(reference_part(name)),
        }
        rest = after;
    }
    out.push(ExpressionPart::Text(rest.to_owned()));
    out
}

/// A quoted template of HCL. `None` for one with directives or escapes, which is known only as written.
fn hcl_parts(node: &Node) -> Option<Expression> {
    let mut rest = node.scalar()?;
    if rest.contains(['\\']) || rest.contains("%{") {
        return None;
    }
    let mut out = Expression::default();
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(text) = before.strip_suffix('$') {
            out.push(ExpressionPart::Text(format!("{text}${{")));
            rest = after;
            continue;
        }
        let (name, after) = after.split_once('}')?;
        if name.contains(['"', '{']) {
            return None;
        }
        out.push(ExpressionPart::Text(before.to_owned()));
        out.push(ExpressionPart::Address(name.trim().to_owned()));
        rest = after;
    }
    out.push(ExpressionPart::Text(rest.to_owned()));
    Some(out)
}

/// `Name` or `Name.Attribute`.
fn reference_part(name: &str) -> ExpressionPart {
    match name.split_once('.') {
        Some((logical_id, attribute)) => {
            ExpressionPart::Reference { logical_id: logical_id.to_owned(), attribute: Some(attribute.to_owned()) }
        }
        None => ExpressionPart::Reference { logical_id: name.to_owned(), attribute: None },
    }
}

fn get_att(argument: &Node) -> Option<Expression> {
    let (logical_id, attribute) = match argument.items() {
        Some([logical_id, attribute]) => (logical_id.text()?, attribute.text()?),
        Some(_) => return None,
        None => argument.scalar()?.split_once('.')?,
    };
    Some(Expression::attribute(logical_id, attribute))
}

/// A value that only equals the same value written again.
fn opaque(node: &Node) -> Expression {
    let mut text = String::new();
    describe(node, &mut text);
    Expression::of(ExpressionPart::Opaque(text))
}

fn describe(node: &Node, out: &mut String) {
    if let Some(tag) = &node.tag {
        let _ = write!(out, "!{tag} ");
    }
    match &node.kind {
        NodeKind::Scalar { text, .. } => {
            let _ = write!(out, "{text:?}");
        }
        NodeKind::Sequence { items, .. } => {
            out.push('[');
            for item in items {
                describe(item, out);
                out.push(',');
            }
            out.push(']');
        }
        NodeKind::Mapping { entries, .. } => {
            out.push('{');
            for (key, value) in entries {
                describe(key, out);
                out.push(':');
                describe(value, out);
                out.push(',');
            }
            out.push('}');
        }
        NodeKind::Alias => {
            let _ = write!(out, "alias at byte {}", node.span.start);
        }
    }
}

/// Marks text that is not known. Two marks of the same name are equal, and no ordinary pattern without `*`
/// matches one.
fn unknown(name: &str) -> String {
    format!("{UNKNOWN}{}>", name.replace('*', "\u{204e}").replace('?', "\u{ff1f}").replace('$', "\u{ff04}"))
}

const UNKNOWN: &str = "<unknown value, only equal to itself: ";

/// True if a resolved text holds something unknown.
pub fn has_unknown(text: &str) -> bool {
    text.contains(UNKNOWN)
}

/// Names of the unknown parts of a resolved text.
pub fn unknown_names(text: &str) -> impl Iterator<Item = &str> {
    text.split(UNKNOWN).skip(1).filter_map(|rest| rest.split('>').next())
}

/// A resolved text with unknown parts as `${Name}`, for people.
pub fn shown(text: &str) -> String {
    replaced(text, &|name| format!("${{{name}}}"))
}

/// A pattern that matches whatever a resolved text may turn out to be.
pub fn loosened(text: &str) -> String {
    replaced(text, &|_| "*".to_owned())
}

fn replaced(text: &str, with: &dyn Fn(&str) -> String) -> String {
    let mut parts = text.split(UNKNOWN);
    let mut out = parts.next().unwrap_or_default().to_owned();
    for rest in parts {
        let (name, after) = rest.split_once('>').unwrap_or((rest, ""));
        out.push_str(&with(name));
        out.push_str(after);
    }
    out
}

#[cfg(test)]
mod tests;
