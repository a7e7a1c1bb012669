//! Reads an edited template again and proves it: invariants 1 and 2 of ARCHITECTURE.md hold for what its role
//! allows, and nothing but policies changed. Shares nothing with the editor but the reader.

use whittle_policy::{ActionClause, Effect, PolicyDocument, ResourceClause, Statement};

use crate::dependencies::Dependencies;
use crate::grants::{Origin, RoleGrants, grants_of};
use crate::narrow::{Narrowing, same_deny};
use crate::node::{Node, NodeKind};
use crate::reason::ProofFailure;
use crate::surroundings::{Surroundings, resolver};
use crate::template::{RoleRef, Template};

/// The original that an edited file is compared with.
pub struct ProofInput<'q, 't, 'a> {
    /// The file before.
    pub old: &'t Template<'a>,
    /// The role that was edited.
    pub role: &'q RoleRef<'t>,
    /// The grants before the edit.
    pub grants: &'q RoleGrants<'t>,
    /// The grants that the edit must leave.
    pub narrowing: &'q Narrowing,
    /// Facts beside the file.
    pub surroundings: &'q Surroundings,
}

/// Most characters of all inline policies of a role together, white space not counted (IAM User Guide, "IAM
/// and AWS STS quotas").
pub const MAX_INLINE_POLICY_CHARACTERS: usize = 10_240;

/// Proves an edited file. `Err` is what does not hold.
pub fn prove(question: &ProofInput<'_, '_, '_>, bytes: &[u8]) -> Result<(), ProofFailure> {
    let template = Template::read(bytes).map_err(ProofFailure::Read)?;
    let resolver = resolver(&template, &question.surroundings.context);
    let role = match question.role {
        RoleRef::Generated(id) => template.resource(id).map(|_| RoleRef::Generated(id)),
        RoleRef::InFile(id) => template.resource(id).map(|_| RoleRef::InFile(id)),
        RoleRef::Elsewhere(_) => None,
    };
    let role = role.ok_or(ProofFailure::RoleGone)?;
    let functions: Vec<_> =
        template.functions(&resolver).into_iter().map(|f| (f.logical_id.to_owned(), format!("{:?}", f.role))).collect();
    let old_resolver = self::resolver(question.old, &question.surroundings.context);
    let before: Vec<_> = question
        .old
        .functions(&old_resolver)
        .into_iter()
        .map(|f| (f.logical_id.to_owned(), format!("{:?}", f.role)))
        .collect();
    if functions != before {
        return Err(ProofFailure::FunctionChanged);
    }
    // The role keeps its logical id, so its grants can be read from the new file by that id.
    let id = match &role {
        RoleRef::Generated(id) | RoleRef::InFile(id) => (*id).to_owned(),
        RoleRef::Elsewhere(_) => String::new(),
    };
    let own = template.resources().map(|(own, _)| own).find(|own| *own == id).ok_or(ProofFailure::RoleGone)?;
    let role = if matches!(role, RoleRef::Generated(_)) { RoleRef::Generated(own) } else { RoleRef::InFile(own) };
    let new = grants_of(&template, &resolver, &role, &question.surroundings.documents);
    compare(question.narrowing, question.grants, &new, own)?;
    let circular = Dependencies::of(template.root()).circular();
    if let Some(id) = circular.difference(&Dependencies::of(question.old.root()).circular()).next() {
        return Err(ProofFailure::Circular(id.clone()));
    }
    only_policies(question, template.root())
}

/// Compares what a role allows after an edit with what it allowed before and must allow.
pub fn compare(
    narrowing: &Narrowing,
    old: &RoleGrants<'_>,
    new: &RoleGrants<'_>,
    role: &str,
) -> Result<(), ProofFailure> {
    if let Some(problem) = new.unreadable().into_iter().next() {
        return Err(ProofFailure::Unreadable(problem.reason));
    }
    let allows = |grants: &RoleGrants<'_>| -> Vec<Statement> {
        grants.grants().map(|(_, grant)| grant.statement.clone()).collect()
    };
    let (old_statements, new_statements) = (allows(old), allows(new));
    never_wider(&old_statements, &new_statements)?;
    never_too_narrow(narrowing, &new_statements)?;
    nothing_left_over(narrowing, new, &old_statements)?;
    size(new, role)
}

/// Invariant 1: each Allow is covered by one that was there; each Deny is still there.
fn never_wider(old: &[Statement], new: &[Statement]) -> Result<(), ProofFailure> {
    for statement in new.iter().filter(|statement| statement.effect == Effect::Allow) {
        if !old.iter().any(|wide| wide.covers(statement)) {
            return Err(ProofFailure::Wider(Box::new(statement.clone())));
        }
    }
    for deny in old.iter().filter(|statement| statement.effect == Effect::Deny) {
        if !new.iter().any(|other| same_deny(deny, other)) {
            return Err(ProofFailure::DenyGone(Box::new(deny.clone())));
        }
    }
    Ok(())
}

/// Invariant 2: everything that the suggestion allows is allowed.
fn never_too_narrow(narrowing: &Narrowing, new: &[Statement]) -> Result<(), ProofFailure> {
    for statement in narrowing.statements().iter().filter(|statement| statement.effect == Effect::Allow) {
        let whole = new.iter().any(|own| own.covers(statement));
        if !whole && !covered_by_parts(new, statement) {
            return Err(ProofFailure::TooNarrow(Box::new(statement.clone())));
        }
    }
    Ok(())
}

/// Each action on each resource is covered by some statement.
fn covered_by_parts(new: &[Statement], statement: &Statement) -> bool {
    let (ActionClause::Action(actions), Some(ResourceClause::Resource(resources))) =
        (&statement.action, &statement.resource)
    else {
        return false;
    };
    actions.iter().all(|action| {
        resources.iter().all(|resource| {
            let part = Statement {
                action: ActionClause::Action(action.clone().into()),
                resource: Some(ResourceClause::Resource(resource.clone().into())),
                ..statement.clone()
            };
            new.iter().any(|own| own.covers(&part))
        })
    })
}

/// Apart from what SAM adds, the file allows nothing that the suggestion does not.
fn nothing_left_over(narrowing: &Narrowing, new: &RoleGrants<'_>, old: &[Statement]) -> Result<(), ProofFailure> {
    let wanted = narrowing.statements();
    for (entry, grant) in new.grants() {
        let fixed = matches!(entry.origin, Origin::Implied(_) | Origin::Connector(_));
        if fixed || grant.statement.effect == Effect::Deny {
            continue;
        }
        if !wanted.iter().any(|statement| statement.covers(&grant.statement)) {
            let was_there = old.contains(&grant.statement);
            return Err(ProofFailure::LeftOver { statement: Box::new(grant.statement.clone()), was_there });
        }
    }
    Ok(())
}

fn size(new: &RoleGrants<'_>, role: &str) -> Result<(), ProofFailure> {
    let inline = new
        .entries
        .iter()
        .filter(|entry| matches!(entry.origin, Origin::Inline | Origin::RolePolicy(_) | Origin::SamTemplate(_)));
    let characters: usize = inline
        .map(|entry| PolicyDocument::new(entry.grants.iter().map(|grant| grant.statement.clone()).collect()).size())
        .sum();
    if characters > MAX_INLINE_POLICY_CHARACTERS {
        return Err(ProofFailure::TooLong { role: role.to_owned(), characters });
    }
    Ok(())
}

/// Both trees are equal but for policies of the role.
fn only_policies(question: &ProofInput<'_, '_, '_>, new: &Node) -> Result<(), ProofFailure> {
    let attached: Vec<&str> = question
        .grants
        .entries
        .iter()
        .filter_map(|entry| match &entry.origin {
            Origin::Attached(id) => Some(id.as_str()),
            _ => None,
        })
        .collect();
    let old = without_policies(question.old.root(), question.role, &attached);
    let new = without_policies(new, question.role, &attached);
    if old.same_value(&new) { Ok(()) } else { Err(ProofFailure::OtherChange) }
}

fn without_policies(root: &Node, role: &RoleRef<'_>, attached: &[&str]) -> Node {
    let id = match role {
        RoleRef::Generated(id) | RoleRef::InFile(id) => *id,
        RoleRef::Elsewhere(_) => "",
    };
    let mut root = root.clone();
    let Some(resources) = value_mut(&mut root, "Resources") else { return root };
    if let Some(properties) = value_mut(resources, id).and_then(|resource| value_mut(resource, "Properties")) {
        retain(properties, &|key| !matches!(key, "Policies" | "ManagedPolicyArns"));
    }
    retain(resources, &|id| !attached.contains(&id));
    root
}

fn value_mut<'n>(node: &'n mut Node, key: &str) -> Option<&'n mut Node> {
    match &mut node.kind {
        NodeKind::Mapping { entries, .. } => {
            entries.iter_mut().find(|(own, _)| own.text() == Some(key)).map(|(_, value)| value)
        }
        _ => None,
    }
}

fn retain(node: &mut Node, keep: &dyn Fn(&str) -> bool) {
    if let NodeKind::Mapping { entries, .. } = &mut node.kind {
        entries.retain(|(key, _)| keep(key.text().unwrap_or_default()));
    }
}
