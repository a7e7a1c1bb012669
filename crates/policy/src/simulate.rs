//! Decisions on cases in JSON, one case a line.
//!
//! A case:
//! `{"id":…,"request":{"principal":ARN,"action":…,"resource":ARN,"resource_account":…,"context":{key:[values]}},
//! "identity_policies":[{"name","document"}],"resource_policy":document|null,"permissions_boundaries":[…]|null,
//! "session_policies":[…]|null,"service_control_policies":[[…] per level],"resource_control_policies":[[…]
//! per level], "endpoint_policies":[…]|null}`. The answer:
//! `{"id":…,"decision":"Allowed"|"ImplicitlyDenied"|"ExplicitlyDenied",
//! "deciding":[{"policy","statement",…}]}`, or `{"id":…,"error":…}`. An explained answer has besides
//! `"statements":[…]`, each with why it does not match, and `"lints":[…]` if a policy says something that
//! nobody means.
//!
//! Taken besides: a policy without a name (the document itself); a document as a JSON text in a string; a
//! single context value without a list; a number or boolean as a context value; a principal as `{"AWS": …}`
//! or `{"Service": …}`. Other members are ignored, unless their name looks like a slip of one that counts.
//!
//! Each line stands for itself: a caller can answer line by line in constant memory. Time and memory are
//! linear in the line but for patterns, which are bounded by text × pattern.

mod answer;
mod read;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::document::PolicyDocument;
use crate::error::ParsePolicyError;
use crate::evaluate::{Decision, Explanation, Layer, Policy, PolicySets, Request, evaluate, explain};

pub use answer::{SimulationAnswer, answer_bytes, answer_line, refuse};

/// A request with the policies that apply to it.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulationCase {
    /// Whatever the case was marked with; null if it was not.
    pub id: Value,
    /// The request.
    pub request: Request,
    /// `identity_policies`
    pub identity: Vec<NamedPolicy>,
    /// `resource_policy`
    pub resource: Option<NamedPolicy>,
    /// `permissions_boundaries`
    pub boundaries: Vec<NamedPolicy>,
    /// `session_policies`
    pub session: Vec<NamedPolicy>,
    /// `service_control_policies`, by level.
    pub service_control: Vec<Vec<NamedPolicy>>,
    /// `resource_control_policies`, by level.
    pub resource_control: Vec<Vec<NamedPolicy>>,
    /// `endpoint_policies`
    pub endpoint: Vec<NamedPolicy>,
}

/// A policy with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPolicy {
    /// Name; made from the member and the place if the case has none.
    pub name: String,
    /// Document.
    pub document: PolicyDocument,
}

impl SimulationCase {
    /// Reads a case. A policy that AWS would refuse is an error, with its JSON path.
    pub fn parse(text: &str) -> Result<Self, ParsePolicyError> {
        read::case(text).map_err(|failure| failure.error)
    }

    /// The policies as the engine takes them.
    pub fn policies(&self) -> PolicySets<'_> {
        fn all(policies: &[NamedPolicy]) -> Vec<Policy<'_>> {
            policies.iter().map(|policy| Policy { name: &policy.name, document: &policy.document }).collect()
        }
        PolicySets {
            identity: all(&self.identity),
            resource: all(self.resource.as_slice()).pop(),
            boundaries: all(&self.boundaries),
            session: all(&self.session),
            service_control: self.service_control.iter().map(|level| all(level)).collect(),
            resource_control: self.resource_control.iter().map(|level| all(level)).collect(),
            endpoint: all(&self.endpoint),
        }
    }

    /// Each policy with its layer, in the order of [`Layer::ALL`], then as given.
    fn named_policies(&self) -> impl Iterator<Item = (Layer, &NamedPolicy)> {
        fn of(layer: Layer) -> impl Fn(&NamedPolicy) -> (Layer, &NamedPolicy) {
            move |policy| (layer, policy)
        }
        let resource_control = self.resource_control.iter().flatten().map(of(Layer::ResourceControl));
        let service_control = self.service_control.iter().flatten().map(of(Layer::ServiceControl));
        resource_control
            .chain(service_control)
            .chain(self.endpoint.iter().map(of(Layer::Endpoint)))
            .chain(self.resource.iter().map(of(Layer::Resource)))
            .chain(self.identity.iter().map(of(Layer::Identity)))
            .chain(self.boundaries.iter().map(of(Layer::Boundary)))
            .chain(self.session.iter().map(of(Layer::Session)))
    }

    /// Decides the case.
    pub fn decide(&self) -> Decision<'_> {
        evaluate(&self.request, &self.policies())
    }

    /// Decides the case and accounts for every statement.
    pub fn explain(&self) -> Explanation<'_> {
        explain(&self.request, &self.policies())
    }
}

/// The answer to a line, without a line break.
///
/// ```
/// let line = r#"{"id":7,"request":{"principal":"arn:aws:iam::111122223333:user/ann","action":"s3:GetObject",
///   "resource":"arn:aws:s3:::photos/a.jpg","context":{}},"identity_policies":[{"name":"read","document":
///   {"Version":"2012-10-17","Statement":[{"Sid":"All","Effect":"Allow","Action":"s3:*","Resource":"*"}]}}]}"#;
/// let answer = whittle_policy::simulate::simulate_line(line);
/// assert_eq!(
///     answer,
///     r#"{"id":7,"decision":"Allowed","deciding":[{"policy":"read","statement":0,"sid":"All","layer":"identity"}]}"#
/// );
/// ```
pub fn simulate_line(line: &str) -> String {
    answer_line(line, false)
}
