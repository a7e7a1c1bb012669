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

/// Partition, Region and account of ARNs become CloudFormation's pseudo parameters, where they are those of the stack (AWS
/// CloudFormation User Guide, "Get AWS values using pseudo parameters").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PseudoParameters {
    partition: String,
    region: String,
    account: String,
}

impl PseudoParameters {
    /// For a stack with the function or role `arn`. A role's ARN has no Region, so with it Regions stay as they are.
    pub fn of(arn: &str) -> Self {
        let mut parts = arn.split(':').skip(1);
        let mut part = || parts.next().unwrap_or_default().to_owned();
        let partition = part();
        let _service = part();
        Self { partition, region: part(), account: part() }
    }
}

impl Rewrite for PseudoParameters {
    fn text(&self, text: &str) -> Expression {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        let [arn @ "arn", partition, service, region, account, resource] = parts.as_slice() else {
            return Expression::Literal(text.to_owned());
        };
        let swap = |part: &str, own: &str, reference: &str| {
            if !own.is_empty() && part == own { reference.to_owned() } else { escape_sub(part) }
        };
        let written = [
            (*arn).to_owned(),
            swap(partition, &self.partition, "${AWS::Partition}"),
            escape_sub(service),
            swap(region, &self.region, "${AWS::Region}"),
            swap(account, &self.account, "${AWS::AccountId}"),
            escape_sub(resource),
        ];
        let written = written.join(":");
        if written == escape_sub(text) { Expression::Literal(text.to_owned()) } else { Expression::Sub(written) }
    }
}

/// Text for `!Sub` that means itself (AWS CloudFormation User Guide, "Fn::Sub": `${!Literal}` resolves to `${Literal}`).
pub fn escape_sub(text: &str) -> String {
    text.replace("${", "${!")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let rewrite = PseudoParameters::of("arn:aws:lambda:eu-central-1:111122223333:function:f");
        let written = match rewrite.text(text) {
            Expression::Literal(text) => format!("={text}"),
            Expression::Sub(text) => text,
            other => format!("{other:?}"),
        };
        assert_eq!(written, expected);
    }

    #[test]
    fn only_what_belongs_to_the_stack_becomes_a_pseudo_parameter() {
        check("*", "=*");
        check("arn:aws:s3:::b/*", "arn:${AWS::Partition}:s3:::b/*");
        check(
            "arn:aws:sqs:eu-central-1:111122223333:q",
            "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:q",
        );
        check("arn:aws:sqs:us-east-1:444455556666:q", "arn:${AWS::Partition}:sqs:us-east-1:444455556666:q");
        check("arn:*:sqs:eu-central-1:*:q", "arn:*:sqs:${AWS::Region}:*:q");
        check("arn:*:sqs:*:*:q", "=arn:*:sqs:*:*:q");
        check("111122223333", "=111122223333");
    }

    #[test]
    fn policy_variables_stay_policy_variables() {
        check("arn:aws:s3:::b/${aws:username}/*", "arn:${AWS::Partition}:s3:::b/${!aws:username}/*");
        check("${aws:username}", "=${aws:username}");
    }
}
