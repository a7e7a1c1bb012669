//! Policy documents and their statements.
//!
//! Parsing is lossless in what a policy can express: scalar or list, order of statements and values, unknown
//! condition operators and the JSON types of condition values survive [`PolicyDocument::to_value`]. Elements
//! come out in the order of the grammar (IAM User Guide, "Grammar of the IAM JSON policy language"), whatever
//! order they came in.

mod canonical;
mod clause;
mod elements;
mod emit;
pub(crate) mod parse;
mod principal;
#[cfg(test)]
mod tests;

use std::fmt;

pub use clause::{ActionClause, OneOrMany, ResourceClause};
pub use principal::{PrincipalClause, PrincipalKind, Principals};

use crate::condition::ConditionBlock;

/// A policy document.
///
/// ```
/// # use whittle_policy::PolicyDocument;
/// let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}}"#;
/// let policy = PolicyDocument::parse(text)?;
/// assert_eq!(policy.to_json_compact(), text);
///
/// let error = PolicyDocument::parse(r#"{"Statement":[{"Effect":"Allow","action":"*","Resource":"*"}]}"#).unwrap_err();
/// assert_eq!(error.path(), "$.Statement[0].action");
/// assert_eq!(error.hint().as_deref(), Some("did you mean \"Action\"? case matters"));
/// # Ok::<(), whittle_policy::ParsePolicyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyDocument {
    /// The language version; absent means [`Version::V2008`] to AWS.
    pub version: Option<Version>,
    /// The `Id` element.
    pub id: Option<String>,
    /// The statements, in order.
    pub statements: OneOrMany<Statement>,
}

/// Version of the policy language (IAM User Guide, "IAM JSON policy elements: Version").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// `2008-10-17`: `${…}` is plain text.
    V2008,
    /// `2012-10-17`: policy variables.
    V2012,
}

/// Effect of a statement on the requests that it matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Effect {
    /// Grants them.
    Allow,
    /// Refuses them, whatever else grants them.
    Deny,
}

/// One statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The `Sid` element. AWS takes an empty one.
    pub sid: Option<String>,
    /// Allow or deny.
    pub effect: Effect,
    /// Who; only in resource-based and trust policies.
    pub principal: Option<PrincipalClause>,
    /// Which actions.
    pub action: ActionClause,
    /// On what; absent in trust policies.
    pub resource: Option<ResourceClause>,
    /// Under which condition.
    pub condition: ConditionBlock,
}

impl Version {
    /// The element's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2008 => "2008-10-17",
            Self::V2012 => "2012-10-17",
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Effect {
    /// The element's value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "Allow",
            Self::Deny => "Deny",
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl PolicyDocument {
    /// A document of the current version with a list of statements.
    pub fn new(statements: Vec<Statement>) -> Self {
        Self { version: Some(Version::V2012), id: None, statements: OneOrMany::Many(statements) }
    }

    /// True if `${…}` in resources and condition values is a policy variable.
    pub fn variables_active(&self) -> bool {
        self.version == Some(Version::V2012)
    }

    /// The same permissions in version 2012-10-17: where `${` was plain text, it is escaped.
    ///
    /// Use it before moving statements into a document of the current version.
    #[must_use]
    pub fn to_version_2012(&self) -> Self {
        let statements = match &self.statements {
            OneOrMany::One(statement) => OneOrMany::One(statement.to_version_2012()),
            OneOrMany::Many(list) => OneOrMany::Many(list.iter().map(Statement::to_version_2012).collect()),
        };
        Self { version: Some(Version::V2012), id: self.id.clone(), statements }
    }
}

impl Statement {
    /// An unconditional grant.
    pub fn allow(
        actions: impl Into<OneOrMany<crate::ActionPattern>>,
        resources: impl Into<OneOrMany<crate::ResourcePattern>>,
    ) -> Self {
        Self {
            sid: None,
            effect: Effect::Allow,
            principal: None,
            action: ActionClause::Action(actions.into()),
            resource: Some(ResourceClause::Resource(resources.into())),
            condition: ConditionBlock::default(),
        }
    }

    /// True if every request that `other` allows is allowed by `self`.
    ///
    /// Both must be Allow statements for the same principals. Sound: `false` may mean that no proof was
    /// found, for example because two patterns of `self` only together cover one of `other`.
    pub fn covers(&self, other: &Self) -> bool {
        let resources = match (&self.resource, &other.resource) {
            (None, None) => true,
            (Some(wide), Some(narrow)) => wide.covers_clause(narrow),
            _ => false,
        };
        let principals = || match (&self.principal, &other.principal) {
            (None, None) => true,
            (Some(a), Some(b)) => a.is_same(b),
            _ => false,
        };
        (self.effect, other.effect) == (Effect::Allow, Effect::Allow)
            && resources
            && principals()
            && self.action.covers_clause(&other.action)
            && self.condition.covers(&other.condition)
    }

    /// True if some pattern or condition value of this statement holds a policy variable.
    pub fn has_variables(&self) -> bool {
        let resources = self
            .resource
            .as_ref()
            .is_some_and(|clause| clause.patterns().iter().any(crate::ResourcePattern::has_variables));
        resources || self.condition.has_variables()
    }

    /// The same statement spelled for a document of version 2012-10-17.
    #[must_use]
    pub fn to_version_2012(&self) -> Self {
        Self {
            resource: self.resource.as_ref().map(ResourceClause::to_version_2012),
            condition: self.condition.to_version_2012(),
            ..self.clone()
        }
    }
}
