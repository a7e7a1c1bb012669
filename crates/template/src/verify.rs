//! Reads an edited template again and proves it: invariants 1 and 2 of the design on what its role allows, and that nothing
//! but policies changed. Shares nothing with the editor but the reader.

use whittle_policy::{ActionClause, Effect, PolicyDocument, ResourceClause, Statement};

use crate::dependencies::Dependencies;
use crate::edit::{Surroundings, resolver};
use crate::grants::{Origin, RoleGrants, grants_of};
use crate::narrow::{Narrowing, name, same_deny};
use crate::node::{Kind, Node};
use crate::template::{RoleRef, Template};

/// What an edited file is held against.
pub struct Question<'q, 't, 'a> {
    /// The file before.
    pub old: &'t Template<'a>,
    /// The role that was edited.
    pub role: &'q RoleRef<'t>,
    /// What it allowed.
    pub grants: &'q RoleGrants<'t>,
    /// What it shall allow.
    pub narrowing: &'q Narrowing,
    /// What is known beside the file.
    pub surroundings: &'q Surroundings,
}

/// Most characters of all inline policies of a role together, white space not counted (IAM User Guide, "IAM and AWS STS
/// quotas").
const INLINE_POLICY_CHARACTERS: usize = 10_240;

/// Why an edit is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It could not be proved; says what does not hold.
    NotProved(String),
    /// IAM would not take it; says why.
    TooLarge(String),
}

impl From<String> for Failure {
    fn from(reason: String) -> Self {
        Self::NotProved(reason)
    }
}

impl From<&str> for Failure {
    fn from(reason: &str) -> Self {
        Self::NotProved(reason.to_owned())
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotProved(reason) => write!(f, "the edited file could not be proved: {reason}"),
            Self::TooLarge(reason) => f.write_str(reason),
        }
    }
}

/// `Err` says what does not hold.
pub fn prove(question: &Question<'_, '_, '_>, bytes: &[u8]) -> Result<(), Failure> {
    let template = Template::read(bytes).map_err(|error| format!("it cannot be read any more: {error}"))?;
    let resolver = resolver(&template, &question.surroundings.context);
    let role = match question.role {
        RoleRef::Generated(id) => template.resource(id).map(|_| RoleRef::Generated(id)),
        RoleRef::InFile(id) => template.resource(id).map(|_| RoleRef::InFile(id)),
        RoleRef::Elsewhere(_) => None,
    };
    let role = role.ok_or("the role is gone")?;
    let functions: Vec<_> =
        template.functions(&resolver).into_iter().map(|f| (f.logical_id.to_owned(), format!("{:?}", f.role))).collect();
    let old_resolver = crate::edit::resolver(question.old, &question.surroundings.context);
    let before: Vec<_> = question
        .old
        .functions(&old_resolver)
        .into_iter()
        .map(|f| (f.logical_id.to_owned(), format!("{:?}", f.role)))
        .collect();
    if functions != before {
        return Err("a function or its role changed".into());
    }
    // A role has the logical id that it had, so its grants may be read through a name of the new file.
    let id = match &role {
        RoleRef::Generated(id) | RoleRef::InFile(id) => (*id).to_owned(),
        RoleRef::Elsewhere(_) => String::new(),
    };
    let own = template.resources().map(|(own, _)| own).find(|own| *own == id).ok_or("the role is gone")?;
    let role = if matches!(role, RoleRef::Generated(_)) { RoleRef::Generated(own) } else { RoleRef::InFile(own) };
    let new = grants_of(&template, &resolver, &role, &question.surroundings.documents);
    compare(question.narrowing, question.grants, &new, own)?;
    let circular = Dependencies::of(&template).circular();
    if let Some(id) = circular.difference(&Dependencies::of(question.old).circular()).next() {
        return Err(format!("`{id}` would wait for itself, which CloudFormation refuses").into());
    }
    Ok(only_policies(question, template.root())?)
}

/// Holds what a role allows after an edit against what it allowed and shall allow.
pub fn compare(narrowing: &Narrowing, old: &RoleGrants<'_>, new: &RoleGrants<'_>, role: &str) -> Result<(), Failure> {
    if let Some(problem) = new.problems.first() {
        return Err(Failure::NotProved(problem.reason.clone()));
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
fn never_wider(old: &[Statement], new: &[Statement]) -> Result<(), String> {
    for statement in new.iter().filter(|statement| statement.effect == Effect::Allow) {
        if !old.iter().any(|wide| wide.covers(statement)) {
            return Err(format!("{} would be wider than before", name(statement)));
        }
    }
    for deny in old.iter().filter(|statement| statement.effect == Effect::Deny) {
        if !new.iter().any(|other| same_deny(deny, other)) {
            return Err(format!("the Deny {} would be gone", name(deny)));
        }
    }
    Ok(())
}

/// Invariant 2: everything that the suggestion allows is allowed.
fn never_too_narrow(narrowing: &Narrowing, new: &[Statement]) -> Result<(), String> {
    for statement in narrowing.statements().iter().filter(|statement| statement.effect == Effect::Allow) {
        let whole = new.iter().any(|own| own.covers(statement));
        if !whole && !covered_by_parts(new, statement) {
            return Err(format!("{} of the suggestion would not be allowed", name(statement)));
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

/// What the file allows beyond what SAM adds by itself is what the suggestion allows.
fn nothing_left_over(narrowing: &Narrowing, new: &RoleGrants<'_>, old: &[Statement]) -> Result<(), String> {
    let wanted = narrowing.statements();
    for (entry, grant) in new.grants() {
        let fixed = matches!(entry.origin, Origin::Implied(_) | Origin::Connector(_));
        if fixed || grant.statement.effect == Effect::Deny {
            continue;
        }
        if !wanted.iter().any(|statement| statement.covers(&grant.statement)) {
            let was = if old.contains(&grant.statement) { "would stay" } else { "would be there" };
            return Err(format!("{} {was}, which the suggestion does not keep", name(&grant.statement)));
        }
    }
    Ok(())
}

fn size(new: &RoleGrants<'_>, role: &str) -> Result<(), Failure> {
    let inline = new
        .entries
        .iter()
        .filter(|entry| matches!(entry.origin, Origin::Inline | Origin::RolePolicy(_) | Origin::SamTemplate(_)));
    let total: usize = inline
        .map(|entry| PolicyDocument::new(entry.grants.iter().map(|grant| grant.statement.clone()).collect()).size())
        .sum();
    if total > INLINE_POLICY_CHARACTERS {
        return Err(Failure::TooLarge(format!(
            "the inline policies of {role} would have {total} characters; IAM allows {INLINE_POLICY_CHARACTERS}"
        )));
    }
    Ok(())
}

/// Both trees are equal but for policies of the role.
fn only_policies(question: &Question<'_, '_, '_>, new: &Node) -> Result<(), String> {
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
    if old.same_value(&new) { Ok(()) } else { Err("something other than policies would change".to_owned()) }
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
        Kind::Mapping { entries, .. } => {
            entries.iter_mut().find(|(own, _)| own.text() == Some(key)).map(|(_, value)| value)
        }
        _ => None,
    }
}

fn retain(node: &mut Node, keep: &dyn Fn(&str) -> bool) {
    if let Kind::Mapping { entries, .. } = &mut node.kind {
        entries.retain(|(key, _)| keep(key.text().unwrap_or_default()));
    }
}
