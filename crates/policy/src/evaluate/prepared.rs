//! Policies read once, to decide many requests.
//!
//! For each level of each layer, an index from action to the statements that may be about it: names in full,
//! patterns by service prefix, and the rest (`*`, `NotAction`, wildcards in the prefix), which is always
//! asked. Conditions are read beforehand. [`PreparedPolicies::outcome`] allocates nothing, but where policy
//! variables or names beyond [`FOLDED_BYTES`] come in.

use std::collections::HashMap;

use super::flow::{Layers, Matched, Reach, decide};
use super::{Decision, DecisionOutcome, Layer, Policy, PolicySets, Request, StatementRef, statement};
use crate::action::ActionPattern;
use crate::condition::prepared::PreparedConditions;
use crate::document::{ActionClause, Effect, Statement};

/// Longest action whose lower-case form stays on the stack. The longest of AWS has some 80 characters.
const FOLDED_BYTES: usize = 128;

/// [`PolicySets`], read once.
///
/// ```
/// # use whittle_policy::PolicyDocument;
/// # use whittle_policy::evaluate::{DecisionOutcome, Policy, PolicySets, PreparedPolicies, Request};
/// let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}}"#;
/// let document = PolicyDocument::parse(text)?;
/// let policies = PolicySets { identity: vec![Policy { name: "read", document: &document }], ..PolicySets::default() };
/// let prepared = PreparedPolicies::new(&policies);
/// let get = Request::new("arn:aws:iam::111122223333:user/ann", "s3:GetObject", "arn:aws:s3:::photos/a.jpg");
/// assert_eq!(prepared.outcome(&get), DecisionOutcome::Allowed);
/// # Ok::<(), whittle_policy::ParsePolicyError>(())
/// ```
#[derive(Debug, Clone)]
pub struct PreparedPolicies<'a> {
    /// In the order of [`Layer::ALL`].
    layers: [Vec<PolicyLevel<'a>>; 7],
}

impl<'a> PreparedPolicies<'a> {
    /// Reads the policies. Linear in their size.
    pub fn new(policies: &PolicySets<'a>) -> Self {
        let of = |layer: Layer| match layer {
            Layer::ResourceControl => levels(layer, policies.resource_control.iter().map(Vec::as_slice)),
            Layer::ServiceControl => levels(layer, policies.service_control.iter().map(Vec::as_slice)),
            _ => levels(layer, Some(policies.flat(layer)).filter(|flat| !flat.is_empty()).into_iter()),
        };
        Self { layers: Layer::ALL.map(of) }
    }

    /// Decides a request.
    pub fn outcome(&self, request: &Request) -> DecisionOutcome {
        self.decide(request, false).outcome
    }

    /// Decides a request as [`super::evaluate`] does.
    pub fn evaluate(&self, request: &Request) -> Decision<'a> {
        self.decide(request, true)
    }

    fn decide(&self, request: &Request, collects: bool) -> Decision<'a> {
        let mut buffer = [0; FOLDED_BYTES];
        let bytes = request.action.as_bytes();
        let short = buffer.get_mut(..bytes.len()).and_then(|buffer| {
            buffer.copy_from_slice(bytes);
            buffer.make_ascii_lowercase();
            std::str::from_utf8(buffer).ok()
        });
        let long = if short.is_none() { request.action.to_ascii_lowercase() } else { String::new() };
        decide(request, &mut Lookup { prepared: self, request, action: short.unwrap_or(&long), collects })
    }
}

/// Policies that apply side by side.
#[derive(Debug, Clone)]
struct PolicyLevel<'a> {
    statements: Vec<PreparedStatement<'a>>,
    /// Action in lower case → statements that name it.
    by_name: HashMap<Box<str>, Vec<usize>, foldhash::fast::RandomState>,
    /// Service prefix in lower case → patterns with it, and their statement.
    by_service: HashMap<Box<str>, Vec<(&'a ActionPattern, usize)>, foldhash::fast::RandomState>,
    /// Statements that have to be asked about every action.
    others: Vec<usize>,
}

#[derive(Debug, Clone)]
struct PreparedStatement<'a> {
    place: StatementRef<'a>,
    statement: &'a Statement,
    conditions: PreparedConditions<'a>,
}

fn levels<'p, 'a: 'p>(layer: Layer, levels: impl Iterator<Item = &'p [Policy<'a>]>) -> Vec<PolicyLevel<'a>> {
    levels.enumerate().map(|(level, policies)| PolicyLevel::new(layer, level, policies)).collect()
}

impl<'a> PolicyLevel<'a> {
    fn new(layer: Layer, level: usize, policies: &[Policy<'a>]) -> Self {
        let mut out = Self {
            statements: Vec::new(),
            by_name: HashMap::default(),
            by_service: HashMap::default(),
            others: Vec::new(),
        };
        for policy in policies {
            for (index, statement) in policy.document.statements.iter().enumerate() {
                let place = StatementRef::new(layer, level, policy.name, index, statement);
                let conditions = PreparedConditions::new(&statement.condition);
                out.index(statement, out.statements.len());
                out.statements.push(PreparedStatement { place, statement, conditions });
            }
        }
        out
    }

    fn index(&mut self, statement: &'a Statement, at: usize) {
        let ActionClause::Action(patterns) = &statement.action else {
            self.others.push(at);
            return;
        };
        if patterns.iter().any(|pattern| prefix_of(pattern).is_none()) {
            self.others.push(at);
            return;
        }
        for pattern in patterns {
            let Some(prefix) = prefix_of(pattern) else { continue };
            if pattern.is_wildcard() {
                self.by_service.entry(prefix.to_ascii_lowercase().into()).or_default().push((pattern, at));
            } else {
                let list = self.by_name.entry(pattern.as_str().to_ascii_lowercase().into()).or_default();
                if list.last() != Some(&at) {
                    list.push(at);
                }
            }
        }
    }

    /// Calls `take` with the place of each statement that is about the action (given in lower case); with
    /// some more than once.
    fn about(&self, action: &str, mut take: impl FnMut(usize)) {
        if let Some(list) = self.by_name.get(action) {
            for &at in list {
                take(at);
            }
        }
        if let Some((service, _)) = action.split_once(':')
            && let Some(list) = self.by_service.get(service)
        {
            let mut last = None;
            for &(pattern, at) in list {
                if last != Some(at) && pattern.matches(action) {
                    last = Some(at);
                    take(at);
                }
            }
        }
        for &at in &self.others {
            if self.statements.get(at).is_some_and(|prepared| prepared.statement.action.matches(action)) {
                take(at);
            }
        }
    }
}

/// The service prefix, if it is one and no pattern.
fn prefix_of(pattern: &ActionPattern) -> Option<&str> {
    pattern.service_prefix().filter(|prefix| !prefix.contains(['*', '?']))
}

struct Lookup<'p, 'a> {
    prepared: &'p PreparedPolicies<'a>,
    request: &'p Request,
    /// In lower case.
    action: &'p str,
    /// The statements that match are wanted, not only whether there are some.
    collects: bool,
}

impl<'a> Layers<'a> for Lookup<'_, 'a> {
    fn has_boundary(&self) -> bool {
        !self.levels(Layer::Boundary).is_empty()
    }

    fn layer(&mut self, layer: Layer, reach: Reach, has_boundary: bool) -> Matched<'a> {
        let mut matched = Matched { applies: reach != Reach::None, allows: true, ..Matched::default() };
        let levels = self.levels(layer);
        if reach == Reach::None || levels.is_empty() {
            matched.allows = Matched::is_satisfied(reach, 0, 0);
            return matched;
        }
        let mut allowing_levels = 0;
        for level in levels {
            let mut allows = reach == Reach::Granted;
            let mut consider = |at: usize| {
                let Some(PreparedStatement { place, statement, conditions }) = level.statements.get(at) else { return };
                let is_grant = statement.effect == Effect::Allow;
                if !self.collects && !is_grant && matched.denies {
                    return;
                }
                let Ok(naming) = statement::matches_on(statement, layer, self.request, has_boundary) else { return };
                if !conditions.is_met(&self.request.context) {
                    return;
                }
                let list = if is_grant {
                    allows = true;
                    matched.naming = matched.naming.max(Some(naming));
                    &mut matched.granting
                } else {
                    matched.denies = true;
                    &mut matched.denying
                };
                if self.collects {
                    list.push(*place);
                }
            };
            if self.collects {
                // In the order of the input, each once.
                let mut places = Vec::new();
                level.about(self.action, |at| places.push(at));
                places.sort_unstable();
                places.dedup();
                for at in places {
                    consider(at);
                }
            } else {
                level.about(self.action, &mut consider);
            }
            allowing_levels += usize::from(allows);
        }
        matched.allows = Matched::is_satisfied(reach, levels.len(), allowing_levels);
        matched
    }
}

impl<'p, 'a> Lookup<'p, 'a> {
    fn levels(&self, layer: Layer) -> &'p [PolicyLevel<'a>] {
        let at = Layer::ALL.iter().position(|other| *other == layer);
        at.and_then(|at| self.prepared.layers.get(at)).map_or(&[], Vec::as_slice)
    }
}
