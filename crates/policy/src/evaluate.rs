//! Decides whether a request is allowed, as AWS does.
//!
//! In: a [`Request`] and the policies that apply to it, by layer ([`PolicySets`]). Out: a [`Decision`] and
//! the statements that decided. [`explain`] also says of every other statement why it did not match.
//!
//! The order is that of the IAM User Guide, "How AWS enforcement code logic evaluates requests to allow or
//! deny access" and "Cross-account policy evaluation logic": a matching Deny of any layer ends it; then
//! resource control policies, service control policies (each level must allow) and the endpoint policy must
//! allow; then the resource-based policy or the identity side (identity policies within boundary and session
//! policies), in the same account; both across accounts. Which layers reach which callers is a table in the
//! module `flow`; `docs/correctness/evaluation.md` ties each rule to its page and its test.
//!
//! Not here: which policies apply (the caller collects them), parsing ([`crate::document`]), and anything
//! about actions by name but for the two resource types whose own policy must always allow.
//!
//! Work is linear in the number of statements; a pattern costs at worst text × pattern. For many requests
//! against the same policies, [`PreparedPolicies`] reads them once and looks actions up.

mod flow;
mod prepared;
mod principal;
mod statement;
#[cfg(test)]
mod tests;

use std::fmt;

pub use flow::{evaluate, explain};
pub use prepared::PreparedPolicies;
pub use principal::{Caller, CallerKind, Naming};
pub use statement::Miss;

pub use crate::context::Context;
use crate::document::{Effect, PolicyDocument, Statement};
pub use crate::layer::Layer;

/// A call that someone makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Who.
    pub caller: Caller,
    /// Full action name, such as `s3:GetObject`.
    pub action: String,
    /// ARN of the resource, or `*` for an action without one.
    pub resource: String,
    /// Account of the resource. If absent: the account in the ARN, else the caller's.
    pub resource_account: Option<String>,
    /// Context keys.
    pub context: Context,
}

impl Request {
    /// A request without context, on a resource whose ARN names the account.
    pub fn new(principal: &str, action: impl Into<String>, resource: impl Into<String>) -> Self {
        Self {
            caller: Caller::parse(principal),
            action: action.into(),
            resource: resource.into(),
            resource_account: None,
            context: Context::default(),
        }
    }

    /// The account that owns the resource, as far as the request shows it.
    pub fn owner(&self) -> Option<&str> {
        let in_arn = || {
            let [_, _, account, _] = principal::arn_parts(&self.resource)?;
            crate::id::is_account(account).then_some(account)
        };
        self.resource_account.as_deref().or_else(in_arn).or(self.caller.account())
    }
}

/// A policy with the name that a decision shows.
#[derive(Debug, Clone, Copy)]
pub struct Policy<'a> {
    /// Name.
    pub name: &'a str,
    /// Document.
    pub document: &'a PolicyDocument,
}

/// The policies that apply to a request, by layer. An empty layer is not there and limits nothing.
#[derive(Debug, Clone, Default)]
pub struct PolicySets<'a> {
    /// Identity policies of the caller, those of groups included.
    pub identity: Vec<Policy<'a>>,
    /// Policy of the resource: bucket policy, key policy, trust policy, ….
    pub resource: Option<Policy<'a>>,
    /// Permissions boundary of the caller. AWS has at most one; of several, one must allow.
    pub boundaries: Vec<Policy<'a>>,
    /// Session policies: one must allow.
    pub session: Vec<Policy<'a>>,
    /// Service control policies of the caller's account: from the root to the account, those attached at each
    /// level. Each level must allow; a level without policies allows nothing.
    pub service_control: Vec<Vec<Policy<'a>>>,
    /// Resource control policies of the resource's account, by level. Each level holds `RCPFullAWSAccess`,
    /// which AWS attaches everywhere and nobody can detach, whether listed or not; so only their Deny
    /// statements decide.
    pub resource_control: Vec<Vec<Policy<'a>>>,
    /// Policy of the VPC endpoint that the request goes through. AWS has at most one; of several, one must
    /// allow.
    pub endpoint: Vec<Policy<'a>>,
}

impl<'a> PolicySets<'a> {
    /// The policies of a layer without levels; none of one with.
    fn flat(&self, layer: Layer) -> &[Policy<'a>] {
        match layer {
            Layer::ResourceControl | Layer::ServiceControl => &[],
            Layer::Endpoint => &self.endpoint,
            Layer::Resource => self.resource.as_slice(),
            Layer::Identity => &self.identity,
            Layer::Boundary => &self.boundaries,
            Layer::Session => &self.session,
        }
    }
}

/// Result of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DecisionOutcome {
    /// Every policy that must allow it does.
    Allowed,
    /// No Deny matches, but a policy that must allow does not.
    ImplicitlyDenied,
    /// A Deny matches.
    ExplicitlyDenied,
}

impl DecisionOutcome {
    /// The word that AWS's simulator has for it, capitalised.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "Allowed",
            Self::ImplicitlyDenied => "ImplicitlyDenied",
            Self::ExplicitlyDenied => "ExplicitlyDenied",
        }
    }
}

impl fmt::Display for DecisionOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A statement among the policies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatementRef<'a> {
    /// Kind of policy.
    pub layer: Layer,
    /// Level of a control policy, from 0; else 0.
    pub level: usize,
    /// Name of the policy.
    pub policy: &'a str,
    /// Place in the policy, from 0.
    pub statement: usize,
    /// Its Sid, if it has one that is not empty.
    pub sid: Option<&'a str>,
}

impl<'a> StatementRef<'a> {
    fn new(layer: Layer, level: usize, policy: &'a str, index: usize, statement: &'a Statement) -> Self {
        let sid = statement.sid.as_deref().filter(|sid| !sid.is_empty());
        Self { layer, level, policy, statement: index, sid }
    }
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision<'a> {
    /// Allowed or not.
    pub outcome: DecisionOutcome,
    /// `ExplicitlyDenied`: every Deny that matches. `Allowed`: every Allow that matches among the
    /// resource-based and identity policies; empty for a root user without any. `ImplicitlyDenied`: empty. In
    /// the order of [`Layer::ALL`], then as given.
    pub deciding: Vec<StatementRef<'a>>,
    /// `ImplicitlyDenied`: the first layer that had to allow and does not.
    pub missing: Option<Layer>,
}

/// The part that a statement had in a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementReport<'a> {
    /// Which statement.
    pub statement: StatementRef<'a>,
    /// Its effect.
    pub effect: Effect,
    /// The reason that it does not match; `None` if it does.
    pub miss: Option<Miss<'a>>,
}

/// A decision with an account of every statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation<'a> {
    /// The decision.
    pub decision: Decision<'a>,
    /// Every statement, in the order of [`Layer::ALL`], then as given.
    pub statements: Vec<StatementReport<'a>>,
}
