//! Text with references: the meaning of an intrinsic function (or a Terraform expression), and its notations.

use std::fmt::Write as _;

use crate::quote;

/// Literal text and references, in order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Expression {
    /// Neighbouring texts are joined; none is empty.
    parts: Vec<ExpressionPart>,
}

/// A part of an [`Expression`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExpressionPart {
    /// Text that stands for itself.
    Text(String),
    /// `Ref` (without attribute) or `GetAtt` of a logical id; `Ref` of a pseudo parameter such as
    /// `AWS::Region`.
    Reference {
        /// Logical id of a resource or parameter, or a pseudo parameter.
        logical_id: String,
        /// `Arn`, `StreamArn`, …
        attribute: Option<String>,
    },
    /// A Terraform expression such as `aws_dynamodb_table.orders.arn`.
    Address(String),
    /// Something that this crate cannot resolve, as written.
    Opaque(String),
}

impl Expression {
    /// Text without references.
    pub fn text(text: impl Into<String>) -> Self {
        let mut expression = Self::default();
        expression.push(ExpressionPart::Text(text.into()));
        expression
    }

    /// One part.
    pub fn of(part: ExpressionPart) -> Self {
        let mut expression = Self::default();
        expression.push(part);
        expression
    }

    /// `Ref` of a logical id or pseudo parameter.
    pub fn reference(logical_id: impl Into<String>) -> Self {
        Self::of(ExpressionPart::Reference { logical_id: logical_id.into(), attribute: None })
    }

    /// `GetAtt` of a logical id.
    pub fn attribute(logical_id: impl Into<String>, attribute: impl Into<String>) -> Self {
        Self::of(ExpressionPart::Reference { logical_id: logical_id.into(), attribute: Some(attribute.into()) })
    }

    /// Its parts.
    pub fn parts(&self) -> &[ExpressionPart] {
        &self.parts
    }

    /// Adds a part at the end.
    pub fn push(&mut self, part: ExpressionPart) {
        match (self.parts.last_mut(), part) {
            (_, ExpressionPart::Text(text)) if text.is_empty() => {}
            (Some(ExpressionPart::Text(last)), ExpressionPart::Text(text)) => last.push_str(&text),
            (_, part) => self.parts.push(part),
        }
    }

    /// Adds all parts of another expression.
    pub fn extend(&mut self, other: Self) {
        for part in other.parts {
            self.push(part);
        }
    }

    /// The text, if there is no reference.
    pub fn literal(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [] => Some(""),
            [ExpressionPart::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// True if a part of it cannot be resolved.
    pub fn is_opaque(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, ExpressionPart::Opaque(_)))
    }

    /// As the argument of `Fn::Sub`.
    pub fn to_sub(&self) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                ExpressionPart::Text(text) => out.push_str(&text.replace("${", "${!")),
                ExpressionPart::Reference { logical_id, attribute: None } => {
                    let _ = write!(out, "${{{logical_id}}}");
                }
                ExpressionPart::Reference { logical_id, attribute: Some(attribute) } => {
                    let _ = write!(out, "${{{logical_id}.{attribute}}}");
                }
                ExpressionPart::Address(text) | ExpressionPart::Opaque(text) => {
                    let _ = write!(out, "${{{text}}}");
                }
            }
        }
        out
    }

    /// As JSON that CloudFormation reads: a string, `Ref`, `Fn::GetAtt` or `Fn::Sub`.
    pub fn to_json(&self) -> serde_json::Value {
        match self.parts.as_slice() {
            [ExpressionPart::Reference { logical_id, attribute: None }] => serde_json::json!({ "Ref": logical_id }),
            [ExpressionPart::Reference { logical_id, attribute: Some(attribute) }] => {
                serde_json::json!({ "Fn::GetAtt": [logical_id, attribute] })
            }
            _ => match self.literal() {
                Some(text) => serde_json::Value::from(text),
                None => serde_json::json!({ "Fn::Sub": self.to_sub() }),
            },
        }
    }

    /// As a YAML value with CloudFormation's short tags.
    pub fn to_yaml(&self) -> String {
        match self.parts.as_slice() {
            [ExpressionPart::Reference { logical_id, attribute: None }] => format!("!Ref {}", quote::yaml(logical_id)),
            [ExpressionPart::Reference { logical_id, attribute: Some(attribute) }] => {
                format!("!GetAtt {logical_id}.{attribute}")
            }
            _ => match self.literal() {
                Some(text) => quote::yaml(text),
                None => format!("!Sub {}", quote::yaml(&self.to_sub())),
            },
        }
    }

    /// As an HCL expression: a quoted template, or a bare address.
    pub fn to_hcl(&self) -> String {
        if let [ExpressionPart::Address(address)] = self.parts.as_slice() {
            return address.clone();
        }
        let mut out = String::from("\"");
        for (part, next) in self.parts.iter().zip(self.parts.iter().skip(1).map(Some).chain([None])) {
            match part {
                ExpressionPart::Text(text) => quote::push_hcl(text, next.is_some(), &mut out),
                ExpressionPart::Address(text) | ExpressionPart::Opaque(text) => {
                    let _ = write!(out, "${{{text}}}");
                }
                ExpressionPart::Reference { logical_id, .. } => {
                    let _ = write!(out, "${{{logical_id}}}");
                }
            }
        }
        out.push('"');
        out
    }
}

#[cfg(test)]
mod tests;
