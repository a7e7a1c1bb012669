//! Grants of a role's identity-based policies, one per Allow statement.
//!
//! A statement with patterns or NotAction is expanded with the catalog; a pattern that the catalog does not
//! know stays and is later kept as granted. Deny statements, boundary and SCPs never grant, so they are not
//! here.

use std::collections::BTreeMap;

use whittle_catalog::{ActionId, catalog};
use whittle_policy::{ActionClause, ActionPattern, Effect, ResourceClause, ResourcePattern, Statement};

use crate::inventory::{Role, RolePolicy};

/// One Allow statement of a role.
#[derive(Debug, Clone)]
pub struct GrantStatement<'a> {
    /// The policy that holds it.
    pub owner: &'a RolePolicy,
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

impl GrantStatement<'_> {
    /// True if it names no resource in particular: `*`, or everything but some.
    pub fn reaches_everything(&self) -> bool {
        reaches_everything(self.statement)
    }

    /// Its place among the grants of the role: policy, then statement.
    pub fn position(&self) -> (usize, usize) {
        (self.policy, self.statement_index)
    }
}

/// True if the statement names no resource in particular: `*`, or everything but some.
pub(crate) fn reaches_everything(statement: &Statement) -> bool {
    match &statement.resource {
        Some(ResourceClause::Resource(patterns)) => patterns.iter().any(ResourcePattern::is_any),
        Some(ResourceClause::NotResource(_)) => true,
        None => false,
    }
}

/// All grant statements of a role and an index from action to statements.
#[derive(Debug, Clone)]
pub struct Grants<'a> {
    /// In policy and statement order.
    pub statements: Vec<GrantStatement<'a>>,
    /// Action → indexes into `statements`.
    by_action: BTreeMap<ActionId, Vec<usize>>,
}

impl<'a> Grants<'a> {
    /// Expands every Allow of `role`.
    pub fn of(role: &'a Role) -> Self {
        let mut statements = Vec::new();
        for (policy, role_policy) in role.policies.iter().enumerate() {
            for (statement_index, statement) in role_policy.document.statements.iter().enumerate() {
                if statement.effect != Effect::Allow {
                    continue;
                }
                let (actions, unknown) = Self::expand(&statement.action);
                statements.push(GrantStatement {
                    owner: role_policy,
                    policy,
                    statement_index,
                    statement,
                    actions,
                    unknown,
                });
            }
        }
        let mut by_action: BTreeMap<ActionId, Vec<usize>> = BTreeMap::new();
        for (index, grant) in statements.iter().enumerate() {
            for action in &grant.actions {
                by_action.entry(*action).or_default().push(index);
            }
        }
        Self { statements, by_action }
    }

    /// Every granted catalog action.
    pub fn actions(&self) -> impl Iterator<Item = ActionId> + '_ {
        self.by_action.keys().copied()
    }

    /// True if some statement grants `action`.
    pub fn contains(&self, action: ActionId) -> bool {
        self.by_action.contains_key(&action)
    }

    /// The statements that grant `action`, in order.
    #[expect(clippy::expect_used, reason = "`by_action` holds indexes into `statements`, and neither changes")]
    pub fn of_action(&self, action: ActionId) -> impl Iterator<Item = &GrantStatement<'a>> + Clone {
        let indexes = self.by_action.get(&action).into_iter().flatten();
        indexes.map(|&index| self.statements.get(index).expect("an index of a statement"))
    }

    /// Patterns that match nothing in the catalog, sorted by text.
    pub fn unknown_patterns(&self) -> Vec<&ActionPattern> {
        let mut patterns: Vec<_> = self.statements.iter().flat_map(|grant| &grant.unknown).collect();
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
