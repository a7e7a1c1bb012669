//! The uses of one event while they are collected.

use whittle_catalog::ActionId;

use super::{ActionUse, Basis, ResourceSeen};

/// The uses of one event while they are collected.
#[derive(Debug, Default)]
pub(super) struct CollectedUses {
    pub list: Vec<ActionUse>,
}

impl CollectedUses {
    pub fn add(&mut self, action: ActionId, basis: Basis, resources: Vec<ResourceSeen>) {
        match self.list.iter_mut().find(|used| used.action == action) {
            Some(used) => {
                used.basis = used.basis.min(basis);
                used.resources.extend(resources);
            }
            None => self.list.push(ActionUse { action, basis, resources }),
        }
    }

    pub fn remove(&mut self, action: ActionId) {
        self.list.retain(|used| used.action != action);
    }

    pub fn remove_primary(&mut self) {
        self.list.retain(|used| used.basis != Basis::Primary);
    }

    pub fn into_sorted(mut self) -> Vec<ActionUse> {
        for used in &mut self.list {
            used.resources.sort_unstable();
            // One ARN found by two steps counts once, by the stronger one, which sorts first.
            used.resources.dedup_by(|next, kept| match (next, kept) {
                (ResourceSeen::Arn(next, _), ResourceSeen::Arn(kept, _)) => next == kept,
                (next, kept) => next == kept,
            });
            if used.resources.is_empty() {
                used.resources.push(ResourceSeen::Unnamed);
            }
        }
        self.list.sort_unstable_by_key(|used| (used.basis, used.action));
        self.list
    }
}
