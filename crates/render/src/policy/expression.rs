//! Texts of a policy as expressions of a template: literal, or a reference that means the same there.

/// How a text is written in a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    /// As it is.
    Literal(String),
    /// `!Sub`: the text with `${…}` references; a literal `${` is already written `${!`.
    Sub(String),
    /// `!GetAtt`.
    GetAtt {
        /// Logical id of the resource.
        logical_id: String,
        /// Its attribute.
        attribute: String,
    },
    /// `!Ref` to a logical id.
    Ref(String),
    /// A Terraform expression, such as `aws_dynamodb_table.orders.arn` or a quoted template.
    Hcl(String),
}

/// Decides how ARNs and names are written in one template.
pub trait Rewrite {
    /// An ARN, an ARN pattern, or any other text of `Resource`, `NotResource` and condition values. What it gives must mean
    /// exactly `text` in the account that the policy was made for.
    fn text(&self, text: &str) -> Expression;

    /// The name of the resource that `arn` names, for parameters of SAM policy templates. `name` is that name.
    fn name(&self, arn: &str, name: &str) -> Expression {
        let _ = arn;
        Expression::Literal(name.to_owned())
    }
}

impl<F: Fn(&str) -> Expression> Rewrite for F {
    fn text(&self, text: &str) -> Expression {
        self(text)
    }
}

/// Everything stays as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Literally;

impl Rewrite for Literally {
    fn text(&self, text: &str) -> Expression {
        Expression::Literal(text.to_owned())
    }
}
