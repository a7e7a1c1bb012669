//! Writes statements for a template: ARNs become references where the template has a name for them.

use serde_json::Value;
use whittle_policy::{ActionClause, ResourceClause, Statement};

use crate::expression::{Expression, ExpressionPart};
use crate::grants::RoleGrants;
use crate::layout::Tree;
use crate::node::Node;
use crate::quote;
use crate::references::References;
use crate::resolve::{Resolver, has_unknown};
use crate::source::Source;

/// A value of the file that may be reused.
struct KnownValue {
    value: String,
    text: String,
    expression: Expression,
    /// Written in brackets or braces, so it may be reused there.
    flow: bool,
}

/// Notation of new values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    /// Block YAML, with JSON inside brackets and braces.
    Yaml,
    /// JSON.
    Json,
    /// HCL inside brackets and braces.
    Hcl,
}

/// Writes statements for one role.
pub struct StatementWriter<'w, 't> {
    resolver: &'w Resolver<'t>,
    references: &'w References,
    known: Vec<KnownValue>,
    notation: Notation,
}

impl<'w, 't> StatementWriter<'w, 't> {
    /// Reuses values of the role's statements.
    pub fn new(
        source: &Source<'_>,
        notation: Notation,
        resolver: &'w Resolver<'t>,
        grants: &RoleGrants<'t>,
        references: &'w References,
    ) -> Self {
        let mut known = Vec::new();
        for (entry, grant) in grants.grants() {
            let Some(node) = grant.node else { continue };
            let flow = node.is_flow() || entry.document.is_some_and(Node::is_flow);
            let lists = ["Resource", "NotResource"].iter().filter_map(|element| node.get(element));
            for item in lists.flat_map(Node::as_list) {
                let expression = resolver.expression(item);
                let text = source.slice(item.span);
                if !text.contains('\n') && references.allow(&expression) {
                    known.push(KnownValue {
                        value: resolver.value(&expression),
                        text: text.to_owned(),
                        expression,
                        flow,
                    });
                }
            }
        }
        Self { resolver, references, known, notation }
    }

    /// A plain text. `flow`: inside brackets or braces.
    pub fn text(&self, text: &str, flow: bool) -> String {
        match self.notation {
            Notation::Hcl => quote::hcl(text),
            Notation::Yaml if !flow => quote::yaml(text),
            Notation::Yaml | Notation::Json => quote::json(text),
        }
    }

    /// An ARN, a pattern of ARNs, or another value that may be one.
    pub fn resource(&self, pattern: &str, flow: bool) -> String {
        let same = self.known.iter().find(|known| known.value == pattern && (known.flow || !flow));
        if let Some(known) = same {
            return known.text.clone();
        }
        let expression = self.expression(pattern);
        match (expression.literal(), self.notation) {
            (Some(text), _) => self.text(text, flow),
            (None, Notation::Hcl) => expression.to_hcl(),
            (None, Notation::Yaml) if !flow => expression.to_yaml(),
            (None, _) => expression.to_json().to_string(),
        }
    }

    /// The expression whose value is exactly the pattern; the pattern itself if there is no other.
    pub fn expression(&self, pattern: &str) -> Expression {
        let literal = || Expression::text(pattern);
        if has_unknown(pattern) {
            // Unknown values are only ever copied as written.
            let same = self.known.iter().find(|known| known.value == pattern);
            return same.map_or_else(literal, |known| known.expression.clone());
        }
        let longer = self.known.iter().find_map(|known| derive(&known.expression, &known.value, pattern));
        let candidates = longer.into_iter().chain(std::iter::once(self.references.rewrite(pattern)));
        candidates.into_iter().find(|found| self.resolver.value(found) == pattern).unwrap_or_else(literal)
    }

    /// A whole statement. `sid`: with its Sid.
    pub fn statement(&self, statement: &Statement, sid: bool, flow: bool) -> Tree {
        let mut entries = Vec::new();
        let scalar = |text: &str| Tree::Scalar(self.text(text, flow));
        if let Some(text) = statement.sid.as_deref().filter(|_| sid) {
            entries.push(("Sid".to_owned(), scalar(text)));
        }
        entries.push(("Effect".to_owned(), scalar(statement.effect.as_str())));
        let key = match statement.action {
            ActionClause::Action(_) => "Action",
            ActionClause::NotAction(_) => "NotAction",
        };
        entries.push((key.to_owned(), self.actions(statement, flow)));
        if let Some(clause) = &statement.resource {
            let key = match clause {
                ResourceClause::Resource(_) => "Resource",
                ResourceClause::NotResource(_) => "NotResource",
            };
            entries.push((key.to_owned(), self.resources(clause, flow)));
        }
        if let Some(condition) = self.condition(statement, flow) {
            entries.push(("Condition".to_owned(), condition));
        }
        Tree::Map(entries)
    }

    /// The value of `Action`.
    pub fn actions(&self, statement: &Statement, flow: bool) -> Tree {
        let texts = statement.action.patterns().iter().map(|pattern| self.text(pattern.as_str(), flow));
        one_or_many(texts.map(Tree::Scalar).collect())
    }

    /// The value of `Resource`.
    pub fn resources(&self, clause: &ResourceClause, flow: bool) -> Tree {
        one_or_many(
            clause.patterns().iter().map(|pattern| Tree::Scalar(self.resource(pattern.as_str(), flow))).collect(),
        )
    }

    /// The value of `Condition`, if there is one.
    pub fn condition(&self, statement: &Statement, flow: bool) -> Option<Tree> {
        let value = statement.to_value();
        let condition = value.get("Condition")?;
        Some(self.json_tree(condition, flow))
    }

    fn json_tree(&self, value: &Value, flow: bool) -> Tree {
        match value {
            Value::Object(object) => {
                Tree::Map(object.iter().map(|(key, value)| (key.clone(), self.json_tree(value, flow))).collect())
            }
            Value::Array(items) => Tree::List(items.iter().map(|item| self.json_tree(item, flow)).collect()),
            Value::String(text) if text.starts_with("arn:") => Tree::Scalar(self.resource(text, flow)),
            Value::String(text) => Tree::Scalar(self.text(text, flow)),
            other => Tree::Scalar(other.to_string()),
        }
    }

    /// A policy document around statements.
    pub fn document(&self, statements: &[Statement], flow: bool) -> Tree {
        let list = statements.iter().map(|statement| self.statement(statement, true, flow)).collect();
        Tree::Map(vec![
            ("Version".to_owned(), Tree::Scalar(self.text("2012-10-17", flow))),
            ("Statement".to_owned(), Tree::List(list)),
        ])
    }
}

fn one_or_many(mut trees: Vec<Tree>) -> Tree {
    if trees.len() == 1 { trees.pop().unwrap_or(Tree::List(Vec::new())) } else { Tree::List(trees) }
}

/// `!Sub arn:aws:s3:::${Bucket}/*` and `arn:aws:s3:::shop/in/*` make `!Sub arn:aws:s3:::${Bucket}/in/*`.
fn derive(known: &Expression, value: &str, pattern: &str) -> Option<Expression> {
    let (Some(ExpressionPart::Text(last)), Some(prefix)) = (known.parts().last(), value.strip_suffix('*')) else {
        return None;
    };
    let rest = pattern.strip_prefix(prefix)?;
    if has_unknown(value) || prefix.contains(['*', '?']) || known.parts().len() < 2 {
        return None;
    }
    let mut out = Expression::default();
    for part in known.parts().iter().take(known.parts().len() - 1) {
        out.push(part.clone());
    }
    out.push(ExpressionPart::Text(last.strip_suffix('*')?.to_owned()));
    out.push(ExpressionPart::Text(rest.to_owned()));
    Some(out)
}
