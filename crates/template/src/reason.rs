//! Reasons as types: something in a file is not known, a role is not edited, an edit is not proved.
//!
//! Decisions match on them; `whittle_render::template` words them.

use whittle_policy::{ParsePolicyError, Statement};

use crate::source::ReadError;

/// Something in a file that is not known, so that its roles may allow more than what was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// A macro of this name may change the whole template before it is deployed.
    Macro(String),
    /// `Fn::ForEach::…` makes resources; the key as written.
    Loop(String),
    /// The resource of this logical id is another template.
    NestedTemplate(String),
    /// The role is not in this file; how it is written.
    RoleElsewhere(String),
    /// A function computes `Properties`.
    ComputedProperties,
    /// The property is not a list that is written out.
    NotAPlainList(&'static str),
    /// A function computes the `Roles` of the policy of this logical id: it may be attached.
    ComputedRoles(String),
    /// `Fn::Transform` inside a resource.
    InnerTransform,
    /// A function (by its long name) decides a part of a policy.
    Decided {
        /// `Fn::If`, …
        function: String,
        /// The property that it decides.
        part: PolicyPart,
    },
    /// A part of a policy is an alias (`*name`).
    Alias(PolicyPart),
    /// A statement has an alias in it.
    InnerAlias,
    /// An item of `Policies` is no managed policy, policy template or policy document.
    NotAPolicy,
    /// SAM has no policy template of this name.
    NotAPolicyTemplate(String),
    /// A parameter of a SAM policy template has no value.
    MissingParameter(String),
    /// The document of a managed policy is not known; how the policy is written.
    UnknownManagedPolicy(String),
    /// A policy resource without `PolicyDocument`.
    NoDocument,
    /// An item of a role's `Policies` without a `PolicyDocument` that is written out.
    NoPlainDocument,
    /// A policy document without `Statement`.
    NoStatement,
    /// IAM would refuse the policy.
    Invalid(Box<ParsePolicyError>),
    /// Terraform: a block of this type without `policy`.
    NoPolicyArgument(&'static str),
    /// Terraform: a `dynamic` block inside a role.
    DynamicRole,
    /// Terraform: an expression computes this argument.
    ComputedArgument(&'static str),
    /// Terraform: `aws_iam_policy_attachment`, which attaches to more than one role.
    PolicyAttachment,
    /// Terraform: `count` or `for_each` decides how many of a resource there are.
    Repeated(&'static str),
    /// Terraform: `jsonencode` without an argument.
    EmptyJsonencode,
    /// Terraform: the policy is text.
    PolicyText,
    /// Terraform: an expression computes the policy.
    ComputedPolicy(String),
    /// Terraform: an argument of `aws_iam_policy_document` puts other policies in.
    MergedDocuments(&'static str),
    /// Terraform: a `dynamic` block computes the statements.
    DynamicStatements,
    /// Terraform: a statement has a block of this type, which is not known.
    StatementBlock(String),
    /// Terraform: an expression computes a `condition`.
    ComputedCondition,
}

/// A part of a policy that may be computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyPart {
    /// Which policy it is.
    Policy,
    /// The policy document.
    Document,
    /// `Statement`.
    Statements,
    /// One statement.
    Statement,
    /// An element of a statement.
    Element(&'static str),
}

/// The reason why a policy whose statements are known must not be edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Uneditable {
    /// A `Condition` decides whether the resource of this logical id exists.
    Conditional(String),
    /// The policy of this logical id is attached to more than this role.
    Shared(String),
    /// Terraform: more than one place names the block at this address.
    UsedTwice(String),
}

/// A problem with one policy of a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyProblem {
    /// Its statements are not (all) known.
    Unreadable(Unreadable),
    /// Its statements are known, but must stay as they are.
    Uneditable(Uneditable),
}

/// The reason why a role is left as it is.
#[derive(Debug, Clone, PartialEq)]
pub enum RefusalReason {
    /// The file has no function of this id.
    NoFunction(String),
    /// Something that the role allows is not known.
    Unreadable(Unreadable),
    /// A policy that would have to change must not be edited.
    Uneditable(Uneditable),
    /// The resource of this logical id has no `Properties`.
    NoProperties(String),
    /// An anchor or alias (`&name`, `*name`), which CloudFormation does not support.
    Anchored,
    /// No statement of the file grants what this one of the suggestion keeps.
    NotGranted(Box<Statement>),
    /// The file allows an action that the analysed role was not allowed.
    ActionNotAnalysed(String),
    /// The file has a statement that no statement of the analysed role covers.
    StatementNotDeployed(Box<Statement>),
    /// Nothing of the policy with this id is needed, but something else in the file names it.
    NamedElsewhere(String),
    /// Terraform: a managed policy in a list.
    ManagedInList,
    /// Terraform: the address, or the name that a new block would take, is in use.
    NameTaken(String),
    /// How the file is written does not allow the edit.
    Layout(LayoutObstacle),
    /// Two changes would overlap.
    Overlap,
    /// The edited file does not prove to be right.
    Proof(ProofFailure),
}

/// How a file is written that does not allow an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayoutObstacle {
    /// A list item shares its line with something else.
    ItemSharesLine,
    /// A key shares its line with something else.
    KeySharesLine,
    /// No colon follows the key directly.
    NoColon,
    /// A comment stands between a key and its value.
    CommentBeforeValue,
    /// The part to change is not where it was read. No file is known that leads here.
    Moved,
}

/// The property that an edited file lacks.
#[derive(Debug, Clone, PartialEq)]
pub enum ProofFailure {
    /// It cannot be read again.
    Read(ReadError),
    /// The role is gone.
    RoleGone,
    /// A function or its role changed.
    FunctionChanged,
    /// Something that the role allows is not known any more.
    Unreadable(Unreadable),
    /// An Allow that no statement of the old file covers.
    Wider(Box<Statement>),
    /// A Deny that is gone.
    DenyGone(Box<Statement>),
    /// A statement of the suggestion that would not be allowed.
    TooNarrow(Box<Statement>),
    /// A statement that the suggestion does not keep.
    LeftOver {
        /// The statement.
        statement: Box<Statement>,
        /// The old file had it.
        was_there: bool,
    },
    /// The resource of this id would depend on itself.
    Circular(String),
    /// Something other than policies would change.
    OtherChange,
    /// The inline policies of the role are longer than IAM allows.
    TooLong {
        /// Logical id of the role, or its address.
        role: String,
        /// Their characters together.
        characters: usize,
    },
}

/// The reason why a gate that finds nothing in a proposal proves nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InconclusiveProposal {
    /// A macro of this name may change everything.
    Macro(String),
    /// No role of a function is in the file.
    NoRole,
    /// No function of the file is known to be deployed.
    NothingDeployed,
    /// No function of the file was active in the window.
    NothingActive,
}

impl From<Unreadable> for RefusalReason {
    fn from(reason: Unreadable) -> Self {
        Self::Unreadable(reason)
    }
}

impl From<LayoutObstacle> for RefusalReason {
    fn from(obstacle: LayoutObstacle) -> Self {
        Self::Layout(obstacle)
    }
}
