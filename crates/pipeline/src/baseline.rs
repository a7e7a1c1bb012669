//! The policies of each role at the last run: finds the roles that changed, and the baselines for the next
//! run.
//!
//! The comparison of one role is [`whittle_analysis::drift`]; here it is done for all roles of an account.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use whittle_analysis::drift::{DriftEvidence, compare_role};
use whittle_analysis::inventory::Inventory;
use whittle_analysis::result::Finding;
use whittle_evidence::ledger::Ledger;

pub use whittle_analysis::drift::RoleBaseline;

use crate::ports::SaveScope;

/// Changes of the roles of an account.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Drift {
    /// `over-narrowed` and `privilege-widened`, unsorted.
    pub findings: Vec<Finding>,
    /// Baselines that are new or differ from the stored ones, by ARN.
    pub changed: Vec<RoleBaseline>,
    /// Roles that no function runs under any more: their baselines can go.
    pub gone: BTreeSet<String>,
}

/// Compares every execution role of `inventory` that `scope` names with its stored baseline.
///
/// Roles that the scope leaves out give no findings and no baselines; where the inventory is incomplete,
/// nothing is gone.
pub fn compare(
    inventory: &Inventory,
    ledger: &Ledger,
    baselines: &BTreeMap<String, RoleBaseline>,
    scope: &SaveScope,
    now: Timestamp,
) -> Drift {
    let mut out = Drift::default();
    let evidence = DriftEvidence { ledger, now };
    let assignments = inventory.assignments();
    for (role_arn, functions) in &assignments {
        let arn: &str = role_arn.as_ref();
        if matches!(scope, SaveScope::Roles(roles) if !roles.contains(arn)) {
            continue;
        }
        // A function may name a role that is deleted, or of another account: there are no policies to
        // compare.
        let Some(role) = inventory.roles.get(*role_arn) else { continue };
        let baseline = baselines.get(arn);
        let (findings, next) = compare_role(role, functions, baseline, evidence);
        out.findings.extend(findings);
        if let Some(next) = next.filter(|next| Some(next) != baseline) {
            out.changed.push(next);
        }
    }
    let used: BTreeSet<&str> = assignments.keys().map(AsRef::as_ref).collect();
    let unused = baselines.keys().filter(|arn| !used.contains(arn.as_str()));
    out.gone = unused.filter(|arn| scope.deletes(arn)).cloned().collect();
    out
}

#[cfg(test)]
mod tests;
