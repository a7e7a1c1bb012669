//! What a role's identity-based policies grant, one site per Allow statement.
//!
//! A statement with patterns or NotAction is expanded with the catalog; what the catalog does not know stays a pattern and
//! is later kept as granted. Deny statements, boundary and SCPs never grant, so they have no site.

use std::collections::BTreeMap;

use whittle_catalog::{ActionId, catalog};
use whittle_policy::{ActionClause, ActionPattern, Effect, ResourceClause, ResourcePattern, Statement};

use crate::inventory::Role;

/// One Allow statement of a role.
#[derive(Debug, Clone)]
pub struct GrantSite<'a> {
    /// Index of the policy in `Role::policies`.
    pub policy: usize,
    /// Index of the statement in its document.
    pub statement_index: usize,
    /// The statement.
    pub statement: &'a Statement,
    /// Catalog actions that it grants, sorted.
    pub actions: Vec<ActionId>,
    /// Action patterns that match nothing in the catalog.
    pub unknown: Vec<ActionPattern>,
}

impl GrantSite<'_> {
    /// Whether it names no resource in particular: `*`, or everything but some.
    pub fn reaches_everything(&self) -> bool {
        match &self.statement.resource {
            Some(ResourceClause::Resource(patterns)) => patterns.iter().any(ResourcePattern::is_any),
            Some(ResourceClause::NotResource(_)) => true,
            None => false,
        }
    }
}

/// All grant sites of a role and an index from action to sites.
#[derive(Debug, Clone)]
pub struct Grants<'a> {
    /// Sites in policy and statement order.
    pub sites: Vec<GrantSite<'a>>,
    /// Action → indexes into `sites`.
    pub by_action: BTreeMap<ActionId, Vec<usize>>,
}

impl<'a> Grants<'a> {
    /// Expands every Allow of `role`.
    pub fn of(role: &'a Role) -> Self {
        let mut sites = Vec::new();
        for (policy, role_policy) in role.policies.iter().enumerate() {
            for (statement_index, statement) in role_policy.document.statements.iter().enumerate() {
                if statement.effect != Effect::Allow {
                    continue;
                }
                let (actions, unknown) = Self::expand(&statement.action);
                sites.push(GrantSite { policy, statement_index, statement, actions, unknown });
            }
        }
        let mut by_action: BTreeMap<ActionId, Vec<usize>> = BTreeMap::new();
        for (index, site) in sites.iter().enumerate() {
            for action in &site.actions {
                by_action.entry(*action).or_default().push(index);
            }
        }
        Self { sites, by_action }
    }

    /// Every granted catalog action.
    pub fn actions(&self) -> impl Iterator<Item = ActionId> + '_ {
        self.by_action.keys().copied()
    }

    /// Patterns that match nothing in the catalog, sorted by text.
    pub fn unknown_patterns(&self) -> Vec<&ActionPattern> {
        let mut patterns: Vec<_> = self.sites.iter().flat_map(|site| &site.unknown).collect();
        patterns.sort();
        patterns.dedup();
        patterns
    }

    /// Catalog actions that `clause` is about, sorted, and its patterns that match none.
    pub fn expand(clause: &ActionClause) -> (Vec<ActionId>, Vec<ActionPattern>) {
        match clause {
            ActionClause::Action(patterns) => {
                let mut actions = Vec::new();
                let mut unknown = Vec::new();
                for pattern in patterns {
                    let matched = catalog().expand(pattern);
                    if matched.is_empty() {
                        unknown.push(pattern.clone());
                    }
                    actions.extend(matched);
                }
                actions.sort_unstable();
                actions.dedup();
                (actions, unknown)
            }
            ActionClause::NotAction(patterns) => {
                let mut excluded: Vec<ActionId> =
                    patterns.iter().flat_map(|pattern| catalog().expand(pattern)).collect();
                excluded.sort_unstable();
                excluded.dedup();
                let actions = catalog().actions().filter(|action| excluded.binary_search(action).is_err()).collect();
                (actions, Vec::new())
            }
        }
    }
}
