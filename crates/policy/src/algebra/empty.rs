//! Proofs that no request can be in a set.

use super::RequestRegion;
use crate::action::ActionPattern;
use crate::condition::ConditionBlock;
use crate::document::{ActionClause, ResourceClause, Statement};
use crate::resource::ResourcePattern;

/// Pieces that a proof may look at before it gives up.
const MAX_PIECES: usize = 1 << 20;

/// True if no request matches both. Sound: `false` may mean that no proof was found.
pub(super) fn disjoint(a: &Statement, b: &Statement) -> bool {
    !actions_meet(&a.action, &b.action)
        || !resources_meet(a.resource.as_ref(), b.resource.as_ref())
        || a.condition.excludes(&b.condition)
}

fn actions_meet(a: &ActionClause, b: &ActionClause) -> bool {
    match (a, b) {
        (ActionClause::Action(patterns), other) | (other, ActionClause::Action(patterns)) => {
            patterns.iter().any(|pattern| other.intersects(pattern))
        }
        // Two times "all but": something is outside both lists, unless one of them is everything.
        (ActionClause::NotAction(a), ActionClause::NotAction(b)) => !a.iter().chain(b).any(ActionPattern::is_any),
    }
}

fn resources_meet(a: Option<&ResourceClause>, b: Option<&ResourceClause>) -> bool {
    let (Some(a), Some(b)) = (a, b) else { return true };
    match (a, b) {
        (ResourceClause::Resource(patterns), other) | (other, ResourceClause::Resource(patterns)) => {
            patterns.iter().any(|pattern| other.intersects(pattern))
        }
        (ResourceClause::NotResource(a), ResourceClause::NotResource(b)) => {
            !a.iter().chain(b).any(ResourcePattern::is_any)
        }
    }
}

/// A part of an `Action` element: one pattern, or all of a `NotAction`.
enum ActionPiece<'a> {
    One(&'a ActionPattern),
    Whole(&'a ActionClause),
}

impl ActionPiece<'_> {
    fn is_within(&self, clause: &ActionClause) -> bool {
        match self {
            Self::One(pattern) => clause.covers(pattern),
            Self::Whole(whole) => clause.covers_clause(whole),
        }
    }

    fn meets(&self, clause: &ActionClause) -> bool {
        match self {
            Self::One(pattern) => clause.intersects(pattern),
            Self::Whole(whole) => actions_meet(clause, whole),
        }
    }
}

/// A part of a `Resource` element: one pattern, all of a `NotResource`, or everything where there is no
/// element.
enum ResourcePiece<'a> {
    One(&'a ResourcePattern),
    Whole(Option<&'a ResourceClause>),
}

impl ResourcePiece<'_> {
    fn is_within(&self, clause: Option<&ResourceClause>) -> bool {
        match (self, clause) {
            (_, None) => true,
            (Self::One(pattern), Some(clause)) => clause.covers(pattern),
            (Self::Whole(Some(whole)), Some(clause)) => clause.covers_clause(whole),
            (Self::Whole(None), Some(clause)) => clause.covers(&ResourcePattern::new("*")),
        }
    }

    fn meets(&self, clause: Option<&ResourceClause>) -> bool {
        match (self, clause) {
            (Self::One(pattern), Some(clause)) => clause.intersects(pattern),
            (Self::Whole(whole), clause) => resources_meet(*whole, clause),
            (_, None) => true,
        }
    }
}

fn action_pieces(statement: &Statement) -> Vec<ActionPiece<'_>> {
    match &statement.action {
        ActionClause::Action(patterns) => patterns.iter().map(ActionPiece::One).collect(),
        whole @ ActionClause::NotAction(_) => vec![ActionPiece::Whole(whole)],
    }
}

fn resource_pieces(statement: &Statement) -> Vec<ResourcePiece<'_>> {
    match &statement.resource {
        Some(ResourceClause::Resource(patterns)) => patterns.iter().map(ResourcePiece::One).collect(),
        whole => vec![ResourcePiece::Whole(whole.as_ref())],
    }
}

impl RequestRegion<'_> {
    /// True if it is proved that no request is in the set.
    pub(super) fn is_proved_empty(&self) -> bool {
        let pairs = self.all.iter().enumerate().flat_map(|(at, a)| self.all.iter().skip(at + 1).map(move |b| (a, b)));
        if self.all.is_empty() || pairs.clone().any(|(a, b)| disjoint(a, b)) {
            return !self.all.is_empty();
        }
        let same_principal = |statement: &Statement| match &statement.principal {
            None => true,
            Some(clause) => self.all.iter().any(|own| own.principal.as_ref().is_some_and(|own| own.is_same(clause))),
        };
        let conditions: Vec<&ConditionBlock> = self.all.iter().map(|statement| &statement.condition).collect();
        let cuts = |cut: &&Statement| same_principal(cut) && cut.condition.follows_from(&conditions);
        let cutting: Vec<&Statement> = self.none.iter().copied().filter(cuts).collect();
        // Any statement of the region may give the pieces of its action, and any those of its resource.
        self.all
            .iter()
            .any(|by_action| self.all.iter().any(|by_resource| self.all_cut(by_action, by_resource, &cutting)))
    }

    /// True if each piece of the set lies within one of the statements `cutting`, or holds nothing.
    fn all_cut(&self, by_action: &Statement, by_resource: &Statement, cutting: &[&Statement]) -> bool {
        let resources = resource_pieces(by_resource);
        let actions = action_pieces(by_action);
        let work = actions.len().saturating_mul(cutting.len().saturating_add(resources.len()));
        if work > MAX_PIECES {
            return false;
        }
        actions.iter().all(|action| {
            if self.all.iter().any(|own| !std::ptr::eq(*own, by_action) && !action.meets(&own.action)) {
                return true;
            }
            let cutting: Vec<&&Statement> = cutting.iter().filter(|cut| action.is_within(&cut.action)).collect();
            resources.iter().all(|resource| {
                cutting.iter().any(|cut| resource.is_within(cut.resource.as_ref()))
                    || self
                        .all
                        .iter()
                        .any(|own| !std::ptr::eq(*own, by_resource) && !resource.meets(own.resource.as_ref()))
            })
        })
    }
}
