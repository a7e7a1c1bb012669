//! Words for what `whittle_template` reports: why something in a file is not known, and why a role is left as
//! it is.

use whittle_policy::{ActionPattern, ResourceClause, ResourcePattern, Statement};
use whittle_template::reason::{
    InconclusiveProposal, LayoutObstacle, PolicyPart, ProofFailure, RefusalReason, Uneditable, Unreadable,
};
use whittle_template::verify::MAX_INLINE_POLICY_CHARACTERS;

/// The sentence for a part of a file that is not known.
pub fn unreadable(reason: &Unreadable) -> String {
    const ALIAS: &str = "an alias (`*name`), which CloudFormation does not support";
    match reason {
        Unreadable::Macro(name) => format!("the macro `{name}` may change the template before it is deployed"),
        Unreadable::Loop(key) => format!("what `{key}` makes is not read"),
        Unreadable::NestedTemplate(id) => format!("the template of `{id}` is another file and not read"),
        Unreadable::RoleElsewhere(written) => format!("the role is not in this file: {written}"),
        Unreadable::ComputedProperties => "`Properties` is computed by a function".to_owned(),
        Unreadable::NotAPlainList(property) => format!("`{property}` is no plain list"),
        Unreadable::ComputedRoles(id) => {
            format!("`{id}` may be attached to the role: its `Roles` is computed by a function")
        }
        Unreadable::InnerTransform => "`Fn::Transform` may change the policies".to_owned(),
        Unreadable::Decided { function, part } => format!("{} decides {}", short_tag(function), decided(*part)),
        Unreadable::Alias(PolicyPart::Policy) => format!("this is {ALIAS}"),
        Unreadable::Alias(part) => format!("{} is {ALIAS}", decided(*part)),
        Unreadable::InnerAlias => format!("it uses {ALIAS}"),
        Unreadable::NotAPolicy => "this is no managed policy, policy template or policy document".to_owned(),
        Unreadable::NotAPolicyTemplate(name) => format!("`{name}` is no SAM policy template"),
        Unreadable::MissingParameter(name) => format!("the parameter `{name}` has no value"),
        Unreadable::UnknownManagedPolicy(written) => {
            format!("the document of the managed policy `{written}` is not known")
        }
        Unreadable::NoDocument => "it has no `PolicyDocument`".to_owned(),
        Unreadable::NoPlainDocument => "this item of `Policies` has no plain `PolicyDocument`".to_owned(),
        Unreadable::NoStatement => "the policy document has no `Statement`".to_owned(),
        Unreadable::Invalid(error) => format!("IAM would refuse it: {error}"),
        Unreadable::NoPolicyArgument(block) => format!("`{block}` has no `policy`"),
        Unreadable::DynamicRole => "a `dynamic` block computes what is in the role".to_owned(),
        Unreadable::ComputedArgument(name) => format!("`{name}` is computed"),
        Unreadable::PolicyAttachment => "`aws_iam_policy_attachment` attaches to more than this role".to_owned(),
        Unreadable::Repeated(name) => format!("`{name}` decides how many of it there are"),
        Unreadable::EmptyJsonencode => "`jsonencode` has no argument".to_owned(),
        Unreadable::PolicyText => {
            "the policy is text; only jsonencode({…}) and aws_iam_policy_document can be edited".to_owned()
        }
        Unreadable::ComputedPolicy(expression) => format!("the policy is computed by `{expression}`"),
        Unreadable::MergedDocuments(name) => format!("`{name}` puts other policies in"),
        Unreadable::DynamicStatements => "a `dynamic` block computes the statements".to_owned(),
        Unreadable::StatementBlock(name) => format!("the statement has a `{name}` block"),
        Unreadable::ComputedCondition => "a `condition` is computed".to_owned(),
    }
}

/// `!If` for `Fn::If`. Terraform's functions have no tags.
fn short_tag(function: &str) -> String {
    match function {
        "Fn::hcl" | "Fn::hcl-template" | "Fn::jsonencode" => "an expression".to_owned(),
        _ => format!("`!{}`", function.trim_start_matches("Fn::")),
    }
}

fn decided(part: PolicyPart) -> String {
    match part {
        PolicyPart::Policy => "which policy it is".to_owned(),
        PolicyPart::Document => "the policy document".to_owned(),
        PolicyPart::Statements => "`Statement`".to_owned(),
        PolicyPart::Statement => "the statement".to_owned(),
        PolicyPart::Element(name) => format!("`{name}`"),
    }
}

/// The sentence for a role that is left as it is.
pub fn refusal(reason: &RefusalReason) -> String {
    match reason {
        RefusalReason::NoFunction(id) => format!("the file has no function `{id}`"),
        RefusalReason::Unreadable(reason) => unreadable(reason),
        RefusalReason::Uneditable(Uneditable::Conditional(id)) => {
            format!("a `Condition` decides whether `{id}` is there")
        }
        RefusalReason::Uneditable(Uneditable::Shared(id)) => format!("`{id}` is attached to more than this role"),
        RefusalReason::Uneditable(Uneditable::UsedTwice(address)) => format!("`{address}` is used more than once"),
        RefusalReason::NoProperties(id) => format!("`{id}` has no `Properties`"),
        RefusalReason::Anchored => {
            "an anchor or alias (`&name`, `*name`) is used here; CloudFormation does not support them".to_owned()
        }
        RefusalReason::NotGranted(wanted) => {
            format!("no statement of the file grants {}, which the suggestion keeps", summary(wanted))
        }
        RefusalReason::ActionNotAnalysed(action) => format!(
            "the file allows {action}, which the role that was analysed was not allowed: deploy the file and analyse again first"
        ),
        RefusalReason::StatementNotDeployed(own) => format!(
            "the file allows {}, which no statement of the role that was analysed covers: deploy the file and analyse again first",
            summary(own)
        ),
        RefusalReason::NamedElsewhere(id) => {
            format!("nothing in `{id}` is needed, but the file names it elsewhere; remove both by hand")
        }
        RefusalReason::ManagedInList => {
            "a managed policy in a list cannot be narrowed in place; write it as aws_iam_role_policy".to_owned()
        }
        RefusalReason::NameTaken(address) => format!("`{address}` or its name is used elsewhere"),
        RefusalReason::Layout(obstacle) => layout(*obstacle).to_owned(),
        RefusalReason::Overlap => "the changes would overlap".to_owned(),
        RefusalReason::Proof(ProofFailure::TooLong { role, characters }) => format!(
            "the inline policies of {role} would have {characters} characters; IAM allows {MAX_INLINE_POLICY_CHARACTERS}"
        ),
        RefusalReason::Proof(failure) => format!("the edited file could not be proved: {}", unproved(failure)),
    }
}

fn layout(obstacle: LayoutObstacle) -> &'static str {
    match obstacle {
        LayoutObstacle::ItemSharesLine => "the list item does not begin its own line",
        LayoutObstacle::KeySharesLine => "the key does not begin its own line",
        LayoutObstacle::NoColon => "there is no colon right after the key",
        LayoutObstacle::CommentBeforeValue => "a comment stands between the key and its value",
        LayoutObstacle::Moved => "what has to change is not where it was read",
    }
}

fn unproved(failure: &ProofFailure) -> String {
    match failure {
        ProofFailure::Read(error) => format!("it cannot be read any more: {error}"),
        ProofFailure::RoleGone => "the role is gone".to_owned(),
        ProofFailure::FunctionChanged => "a function or its role changed".to_owned(),
        ProofFailure::Unreadable(reason) => unreadable(reason),
        ProofFailure::Wider(own) => format!("{} would be wider than before", summary(own)),
        ProofFailure::DenyGone(deny) => format!("the Deny {} would be gone", summary(deny)),
        ProofFailure::TooNarrow(wanted) => format!("{} of the suggestion would not be allowed", summary(wanted)),
        ProofFailure::LeftOver { statement, was_there } => {
            let verb = if *was_there { "would stay" } else { "would be there" };
            format!("{} {verb}, which the suggestion does not keep", summary(statement))
        }
        ProofFailure::Circular(id) => format!("`{id}` would depend on itself"),
        ProofFailure::OtherChange => "something other than policies would change".to_owned(),
        ProofFailure::TooLong { role, characters } => format!("{role} would have {characters} characters"),
    }
}

/// The first actions and resources of a statement.
fn summary(statement: &Statement) -> String {
    let actions: Vec<&str> = statement.action.patterns().iter().map(ActionPattern::as_str).take(3).collect();
    let resources: Vec<&str> =
        statement.resource.iter().flat_map(ResourceClause::patterns).map(ResourcePattern::as_str).take(2).collect();
    format!("{} on {}", actions.join(", "), resources.join(", "))
}

/// The sentence for a gate that finds nothing and proves nothing.
pub fn inconclusive(reason: &InconclusiveProposal) -> String {
    match reason {
        InconclusiveProposal::Macro(name) => unreadable(&Unreadable::Macro(name.clone())),
        InconclusiveProposal::NoRole => "no role of a function is in the file".to_owned(),
        InconclusiveProposal::NothingDeployed => "no function of the template is known to be deployed".to_owned(),
        InconclusiveProposal::NothingActive => "no function of the template was seen in the window".to_owned(),
    }
}

/// Advice for that gate.
pub fn inconclusive_hint(reason: &InconclusiveProposal) -> &'static str {
    match reason {
        InconclusiveProposal::Macro(_) => {
            "expand it first and check the result: aws cloudformation get-template --stack-name STACK --template-stage Processed --query TemplateBody > processed.json"
        }
        InconclusiveProposal::NoRole | InconclusiveProposal::NothingDeployed | InconclusiveProposal::NothingActive => {
            "what is not deployed has no evidence; if it is, pass --function LOGICAL_ID=NAME"
        }
    }
}

#[cfg(test)]
mod tests;
