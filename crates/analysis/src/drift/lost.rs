//! Calls that were denied after the role lost the permission for them.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use whittle_catalog::catalog;
use whittle_evidence::attribute::{Caller, FunctionRef, RoleFunctions, resolve};
use whittle_evidence::ledger::Usage;
use whittle_evidence::map::DeniedBy;
use whittle_policy::{ActionClause, ActionPattern, OneOrMany, ResourceClause, ResourcePattern, Statement};

use super::compare::{Entry, Policies};
use super::model::{DriftEvidence, LostStatement};
use crate::inventory::{Function, Role};

/// Most resources of a statement to restore; a longer list is kept as it was granted.
const MAX_RESOURCES: usize = 5;

/// True if any call of the role was denied after `changed`.
pub(super) fn is_denied_since(changed: Timestamp, role: &Role, evidence: DriftEvidence<'_>) -> bool {
    let ledger = evidence.ledger.of_role(role.id.as_ref(), role.arn.as_ref());
    ledger.is_some_and(|ledger| {
        let mut usages = ledger.callers().flat_map(|(_, used)| used.usage());
        usages.any(|(_, usage)| usage.denied.as_ref().is_some_and(|denied| denied.last > changed))
    })
}

/// A function (`None`: it is not known which) and an action that it was denied.
pub(super) type Told = BTreeSet<(Option<String>, String)>;

/// By function (`None`: it is not known which): what to restore. Calls of people and pipelines do not count,
/// nor does what was `told` already of a later state; what is told now is added.
pub(super) fn after(
    changed: Timestamp,
    role: &Role,
    functions: &[&Function],
    (before, now): (&Policies, &Policies),
    evidence: DriftEvidence<'_>,
    told: &mut Told,
) -> BTreeMap<Option<String>, Vec<LostStatement>> {
    let mut out: BTreeMap<Option<String>, BTreeMap<(String, usize), LostStatement>> = BTreeMap::new();
    let Some(ledger) = evidence.ledger.of_role(role.id.as_ref(), role.arn.as_ref()) else { return BTreeMap::new() };
    let known = functions.iter().map(|function| function.arn.to_string());
    let candidates = RoleFunctions::new(known.chain(ledger.functions().map(str::to_owned)));
    for (key, used) in ledger.callers() {
        let caller = resolve(key, &candidates);
        let function = match Whose::of(&caller, functions) {
            Whose::Function(arn) => Some(arn),
            Whose::Some => None,
            Whose::Nobody => continue,
        };
        for (name, usage) in used.usage() {
            let Some(action) = catalog().action(name) else { continue };
            if told.contains(&(function.clone(), name.to_owned())) {
                continue;
            }
            let Some(denied) = usage.denied.as_ref().filter(|denied| denied.last > changed) else { continue };
            if !by_the_roles_policies(usage) {
                continue;
            }
            let mut resources: Vec<Option<ResourcePattern>> = denied
                .resources
                .patterns()
                .into_iter()
                .map(|text| Some(ResourcePattern::without_variables(text)))
                .collect();
            // A denied call often does not name its resource; then a later call that passed says more.
            let passed_later = usage.authorised.as_ref().is_some_and(|authorised| authorised.last > denied.last);
            if (denied.resources.has_unnamed() || resources.is_empty()) && !passed_later {
                resources.push(None);
            }
            for resource in resources {
                let granted = before.grants_of(action, resource.as_ref());
                // Some of it is still granted: which part of it was denied is not known.
                if granted.is_empty() || !now.grants_of(action, resource.as_ref()).is_empty() {
                    continue;
                }
                for entry in granted {
                    let by_place = out.entry(function.clone()).or_default();
                    let lost = by_place
                        .entry((entry.policy.clone(), entry.index))
                        .or_insert_with(|| LostStatement::of(entry, denied.last));
                    lost.need(name, resource.as_ref(), entry, denied.last);
                }
            }
        }
    }
    out.into_iter()
        .map(|(function, by_place)| (function, by_place.into_values().map(LostStatement::finish).collect()))
        .collect()
}

/// True if the role's own policies may have denied the calls. The ledger holds everyone who ever denied the
/// action; an unknown one may be anyone.
fn by_the_roles_policies(usage: &Usage) -> bool {
    let may_be_own = |by: &DeniedBy| match by {
        DeniedBy::IdentityDeny
        | DeniedBy::IdentityNoAllow
        | DeniedBy::Boundary
        | DeniedBy::ExplicitDeny
        | DeniedBy::NotTold => true,
        DeniedBy::BatchItem
        | DeniedBy::Resource
        | DeniedBy::ResourceControl
        | DeniedBy::ServiceControl
        | DeniedBy::Session
        | DeniedBy::Trust
        | DeniedBy::VpcEndpoint => false,
    };
    usage.denied_by.is_empty() || usage.denied_by.iter().any(may_be_own)
}

/// Whose call it was.
enum Whose {
    /// A function's that runs under the role.
    Function(String),
    /// One of theirs, it is not known which.
    Some,
    /// A person's, or that of a function that is gone.
    Nobody,
}

impl Whose {
    fn of(caller: &Caller, functions: &[&Function]) -> Self {
        let only = |mut matching: Vec<&&Function>| match (matching.pop(), matching.pop()) {
            (Some(only), None) => Self::Function(only.arn.to_string()),
            _ => Self::Some,
        };
        match caller {
            Caller::Other => Self::Nobody,
            Caller::Function(FunctionRef::Arn(arn)) => {
                let known = functions.iter().any(|function| function.arn.as_ref() == arn);
                if known { Self::Function(arn.clone()) } else { Self::Nobody }
            }
            Caller::Function(FunctionRef::Name(name)) | Caller::Platform { function_name: Some(name) } => {
                only(functions.iter().filter(|function| function.name == *name).collect())
            }
            Caller::Function(FunctionRef::Any) | Caller::Platform { function_name: None } => {
                only(functions.iter().collect())
            }
        }
    }
}

impl LostStatement {
    fn of(entry: &Entry, last_denied: Timestamp) -> Self {
        let sid = entry.statement.sid.as_deref().filter(|sid| !sid.is_empty());
        let place = match sid {
            Some(sid) => format!("{}/{sid}", entry.policy),
            None => format!("{}/#{}", entry.policy, entry.index + 1),
        };
        let statement = Statement {
            resource: entry.statement.resource.as_ref().map(|_| ResourceClause::Resource(Vec::new().into())),
            ..entry.statement.clone()
        };
        Self { place, statement, actions: Vec::new(), last_denied }
    }

    /// Adds a denied action. Never wider than the statement was: a resource that it covers, else its own
    /// patterns.
    fn need(&mut self, action: &str, resource: Option<&ResourcePattern>, entry: &Entry, denied: Timestamp) {
        self.actions.push(action.to_owned());
        self.last_denied = self.last_denied.max(denied);
        let Some(clause) = &entry.statement.resource else { return };
        let covered = resource.filter(|resource| clause.covers(resource)).map(ResourcePattern::to_version_2012);
        let own = match (clause, &self.statement.resource) {
            // Once the whole clause is needed, it stays whole.
            (_, Some(whole)) if whole == clause => return,
            (ResourceClause::Resource(patterns), _) => patterns.as_slice(),
            (ResourceClause::NotResource(_), _) if covered.is_none() => {
                self.statement.resource = Some(clause.clone());
                return;
            }
            (ResourceClause::NotResource(_), _) => &[],
        };
        let Some(ResourceClause::Resource(kept)) = &self.statement.resource else { return };
        let mut kept = kept.as_slice().to_vec();
        match covered {
            Some(resource) => kept.push(resource),
            None => {
                kept.extend(own.iter().filter(|own| resource.is_none_or(|resource| own.intersects(resource))).cloned());
            }
        }
        kept.sort();
        kept.dedup();
        self.statement.resource =
            Some(if kept.len() > MAX_RESOURCES { clause.clone() } else { ResourceClause::Resource(kept.into()) });
    }

    fn finish(mut self) -> Self {
        self.actions.sort();
        self.actions.dedup();
        let patterns: Vec<ActionPattern> = self.actions.iter().filter_map(|action| action.parse().ok()).collect();
        self.statement.action = ActionClause::Action(OneOrMany::Many(patterns));
        self
    }
}
