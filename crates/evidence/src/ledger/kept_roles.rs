//! Roles whose usage is kept in full.

use std::collections::BTreeSet;

use crate::attribute::{Attribution, CallerRef};

/// The roles whose usage a ledger keeps in full. Of others it keeps the days with calls alone, so that memory
/// follows the roles that are judged. Absence proves nothing of a role on such days, should it be judged
/// later.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptRoles {
    /// ARNs; `None` for all roles.
    arns: Option<BTreeSet<String>>,
}

impl KeptRoles {
    /// All roles.
    pub fn all() -> Self {
        Self::default()
    }

    /// Those with these ARNs, those whose calls do not say their ARN, and whatever functions did under
    /// others.
    pub fn only(arns: impl IntoIterator<Item = String>) -> Self {
        Self { arns: Some(arns.into_iter().collect()) }
    }

    pub(super) fn keeps(&self, by: &Attribution<'_>) -> bool {
        // What a function did follows it to its next role.
        if matches!(by.caller, CallerRef::Function { .. } | CallerRef::Platform { .. }) {
            return true;
        }
        match (&self.arns, by.role_arn) {
            (Some(arns), Some(arn)) => arns.contains(arn),
            _ => true,
        }
    }
}
