//! Plans which statements of a role stay, shrink and go, so that the role allows what a suggestion allows.
//!
//! Works on resolved statements alone. A statement that the suggestion keeps whole stays as written, to the
//! byte. Every other statement of the suggestion narrows one that covers it. If nothing in the file covers a
//! statement, file and suggestion are not about the same role, and the plan is refused.

use std::collections::BTreeSet;

use whittle_catalog::catalog;
use whittle_policy::{ActionClause, Effect, PolicyDocument, Statement};

use crate::grants::{GrantedPolicy, Origin, RoleGrants};
use crate::reason::{PolicyProblem, RefusalReason};
use crate::source::Span;

/// A narrowed set of policies for one role.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Narrowing {
    /// Name and document of each policy.
    pub policies: Vec<(String, PolicyDocument)>,
    /// Actions (or patterns, as granted) of the analysed role. Nothing else that the file allows was
    /// analysed. `None`: not known, nothing is compared.
    pub analysed: Option<BTreeSet<String>>,
    /// Name and statements of each policy of the analysed role. Nothing that the file allows beyond them was
    /// analysed. `None`: not known, only actions are compared.
    pub deployed: Option<Vec<(String, Vec<Statement>)>>,
}

impl Narrowing {
    /// All statements, as of version 2012-10-17.
    pub fn statements(&self) -> Vec<Statement> {
        self.policies.iter().flat_map(|(_, document)| document.to_version_2012().statements.into_vec()).collect()
    }
}

/// The plan for one policy of a role.
#[derive(Debug, Clone, PartialEq)]
pub enum EntryPlan {
    /// Nothing.
    Keep,
    /// Each statement of its document gets its own plan, in order.
    Statements(Vec<StatementPlan>),
    /// It becomes an inline policy with these statements.
    Replace(Vec<Statement>),
    /// It goes.
    Remove,
}

/// The plan for one statement.
#[derive(Debug, Clone, PartialEq)]
pub enum StatementPlan {
    /// Nothing.
    Keep,
    /// It becomes these (at least one).
    Narrow(Vec<Statement>),
    /// It goes.
    Remove,
}

/// The reason why a role is not edited, and the place that it is about.
#[derive(Debug, Clone, PartialEq)]
pub struct EditRefusal {
    /// Where; `None` for the role as a whole.
    pub span: Option<Span>,
    /// The reason.
    pub reason: RefusalReason,
}

impl EditRefusal {
    /// About a place.
    pub fn at(span: Span, reason: impl Into<RefusalReason>) -> Self {
        Self { span: Some(span), reason: reason.into() }
    }

    /// About the role as a whole.
    pub fn whole(reason: RefusalReason) -> Self {
        Self { span: None, reason }
    }
}

/// Plans each entry of `grants`, in order.
pub fn plan(grants: &RoleGrants<'_>, narrowing: &Narrowing) -> Result<Vec<EntryPlan>, EditRefusal> {
    if let Some(problem) = grants.problems.first() {
        return Err(EditRefusal::at(problem.span, problem.reason.clone()));
    }
    for entry in &grants.entries {
        if let Some(PolicyProblem::Unreadable(reason)) = &entry.problem {
            return Err(EditRefusal::at(entry.span, reason.clone()));
        }
    }
    let wanted = narrowing.statements();
    let kept: Vec<Vec<bool>> = grants.entries.iter().map(|entry| kept_statements(entry, &wanted)).collect();
    let mut assigned: Vec<Vec<Vec<Statement>>> =
        grants.entries.iter().map(|entry| vec![Vec::new(); entry.grants.len()]).collect();
    for statement in &wanted {
        let satisfied = grants.entries.iter().zip(&kept).any(|(entry, kept)| {
            let whole = is_fixed(entry) || kept.iter().all(|kept| *kept);
            entry.grants.iter().zip(kept).any(|(grant, kept)| {
                (is_fixed(entry) || (*kept && (whole || entry.document.is_some()))) && does(&grant.statement, statement)
            })
        });
        if satisfied {
            continue;
        }
        let owner = grants
            .entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| !is_fixed(entry))
            .flat_map(|(index, entry)| {
                entry.grants.iter().enumerate().map(move |(at, grant)| (index, at, entry, grant))
            })
            .filter(|(_, _, _, grant)| does(&grant.statement, statement))
            .min_by_key(|(_, _, entry, grant)| (rank(entry), grant.statement.sid != statement.sid));
        let slot = owner.and_then(|(index, at, _, _)| assigned.get_mut(index)?.get_mut(at));
        match slot {
            Some(list) => list.push(statement.clone()),
            None => return Err(EditRefusal::whole(RefusalReason::NotGranted(Box::new(statement.clone())))),
        }
    }
    let mut plans = Vec::new();
    for ((entry, kept), assigned) in grants.entries.iter().zip(&kept).zip(assigned) {
        let plan = plan_entry(entry, kept, assigned);
        if plan != EntryPlan::Keep {
            if let Some(PolicyProblem::Uneditable(reason)) = &entry.problem {
                return Err(EditRefusal::at(entry.span, RefusalReason::Uneditable(reason.clone())));
            }
            not_analysed(entry, kept, narrowing)?;
            not_deployed(entry, kept, narrowing)?;
        }
        plans.push(plan);
    }
    Ok(plans)
}

/// True if SAM derives it from something else in the file, whatever the policies say.
fn is_fixed(entry: &GrantedPolicy<'_>) -> bool {
    matches!(entry.origin, Origin::Implied(_) | Origin::Connector(_))
}

/// Order in which policies are narrowed: statements that are written out first, whole managed policies last.
fn rank(entry: &GrantedPolicy<'_>) -> u8 {
    match entry.origin {
        Origin::Inline | Origin::RolePolicy(_) => 0,
        Origin::Attached(_) => 1,
        Origin::SamTemplate(_) => 2,
        Origin::Managed(_) => 3,
        Origin::Implied(_) | Origin::Connector(_) => 4,
    }
}

/// For each statement of a policy, true if the suggestion keeps it whole.
fn kept_statements(entry: &GrantedPolicy<'_>, wanted: &[Statement]) -> Vec<bool> {
    let own = entry.grants.iter().map(|grant| {
        let statement = &grant.statement;
        wanted.iter().any(|wanted| does(wanted, statement))
            || (statement.effect == Effect::Deny && entry.document.is_some())
    });
    own.collect()
}

/// True if `wide` does everything that `narrow` does: covers an Allow, equals a Deny.
fn does(wide: &Statement, narrow: &Statement) -> bool {
    match (wide.effect, narrow.effect) {
        (Effect::Allow, Effect::Allow) => wide.covers(narrow),
        (Effect::Deny, Effect::Deny) => same_deny(wide, narrow),
        _ => false,
    }
}

/// The same Deny, whatever its Sid.
pub fn same_deny(a: &Statement, b: &Statement) -> bool {
    let plain = |statement: &Statement| Statement { sid: None, ..statement.canonical() };
    plain(a) == plain(b)
}

fn plan_entry(entry: &GrantedPolicy<'_>, kept: &[bool], assigned: Vec<Vec<Statement>>) -> EntryPlan {
    if is_fixed(entry) || kept.iter().all(|kept| *kept) {
        return EntryPlan::Keep;
    }
    if entry.document.is_none() {
        let statements: Vec<Statement> = assigned.into_iter().flatten().collect();
        return if statements.is_empty() { EntryPlan::Remove } else { EntryPlan::Replace(statements) };
    }
    let plans: Vec<StatementPlan> = kept
        .iter()
        .zip(assigned)
        .map(|(kept, statements)| match (kept, statements.is_empty()) {
            (true, _) => StatementPlan::Keep,
            (false, true) => StatementPlan::Remove,
            (false, false) => StatementPlan::Narrow(statements),
        })
        .collect();
    if plans.iter().all(|plan| *plan == StatementPlan::Remove) {
        EntryPlan::Remove
    } else {
        EntryPlan::Statements(plans)
    }
}

/// Refuses to remove an action that was not analysed: the file allows it, the analysed role did not.
fn not_analysed(entry: &GrantedPolicy<'_>, kept: &[bool], narrowing: &Narrowing) -> Result<(), EditRefusal> {
    let Some(analysed) = &narrowing.analysed else { return Ok(()) };
    let changed =
        entry.grants.iter().zip(kept).filter(|(grant, kept)| !**kept && grant.statement.effect == Effect::Allow);
    for (grant, _) in changed {
        let ActionClause::Action(patterns) = &grant.statement.action else { continue };
        for pattern in patterns {
            if analysed.contains(pattern.as_str()) {
                continue;
            }
            let unseen = catalog().expand(pattern).into_iter().map(|action| catalog().info(action).name().to_owned());
            if let Some(action) = unseen.into_iter().find(|action| !analysed.contains(action)) {
                return Err(EditRefusal::at(grant.span, RefusalReason::ActionNotAnalysed(action)));
            }
        }
    }
    Ok(())
}

/// The same for resources and conditions. A managed policy that the role has by name counts as unchanged,
/// whatever the copies say.
fn not_deployed(entry: &GrantedPolicy<'_>, kept: &[bool], narrowing: &Narrowing) -> Result<(), EditRefusal> {
    let Some(deployed) = &narrowing.deployed else { return Ok(()) };
    let same_name = |name: &String| deployed.iter().any(|(own, _)| own == name);
    if matches!(&entry.origin, Origin::Managed(name) if same_name(name)) {
        return Ok(());
    }
    let changed =
        entry.grants.iter().zip(kept).filter(|(grant, kept)| !**kept && grant.statement.effect == Effect::Allow);
    for (grant, _) in changed {
        let known = deployed.iter().flat_map(|(_, statements)| statements).any(|own| own.covers(&grant.statement));
        if !known {
            let reason = RefusalReason::StatementNotDeployed(Box::new(grant.statement.clone()));
            return Err(EditRefusal::at(grant.span, reason));
        }
    }
    Ok(())
}
