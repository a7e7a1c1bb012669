//! Keeps the policies of a role from naming what depends on the role, which CloudFormation would refuse
//! ([`crate::dependencies`]).
//!
//! Such a resource is written by its name: as the template writes it, `${Stage}` and all. If CloudFormation
//! generated the name, its random end would tie the file to one deployment, so it is left open
//! (`${AWS::StackName}-Report-*`) if the role was allowed that.

use std::collections::{BTreeMap, BTreeSet};

use whittle_policy::{OneOrMany, PolicyDocument, ResourceClause, ResourcePattern, Statement};

use crate::dependencies::{APIS_OF_ALL, Dependencies};
use crate::expression::{Expression, ExpressionPart};
use crate::grants::RoleGrants;
use crate::narrow::Narrowing;
use crate::references::{References, ResourceName};
use crate::resolve::Resolver;
use crate::template::{RoleRef, Template};

/// References and narrowing for the policies of the role (or SAM function) `id`.
pub fn within(
    template: &Template<'_>,
    resolver: &Resolver<'_>,
    id: &str,
    grants: &RoleGrants<'_>,
    narrowing: &Narrowing,
) -> (References, Narrowing) {
    let all = &resolver.context.references;
    let waiting = Dependencies::of(template.root()).waiting_for(id);
    let mut withheld = waiting.clone();
    withheld
        .extend(all.iter().map(|(id, _, _)| id).filter(|id| !may_be_named(template, id, &waiting)).map(str::to_owned));
    let mut references = all.without(&withheld);
    let mut open = BTreeMap::new();
    for other in &waiting {
        let Some(physical) = all.value(other, None) else { continue };
        match name_of(template, resolver, other) {
            Some(name) if !name.is_opaque() && !names_one(&name, &waiting) => {
                if resolver.value(&name) == physical {
                    references.set_name(physical, name);
                }
            }
            Some(_) => {}
            None => {
                let Some(stack) = resolver.context.stack_name.as_deref() else { continue };
                let prefix = format!("{stack}-{other}-");
                // AWS CloudFormation User Guide, "Name type": stack name, logical id and a unique id, joined
                // by hyphens. Longer names are cut; they stay literal.
                let random = physical.strip_prefix(&prefix).is_some_and(|end| end.chars().all(char::is_alphanumeric));
                if random {
                    let mut name = Expression::reference("AWS::StackName");
                    name.push(ExpressionPart::Text(format!("-{other}-*")));
                    references.set_name(&format!("{prefix}*"), name);
                    open.insert(physical.to_owned(), format!("{prefix}*"));
                }
            }
        }
    }
    let policies = narrowing.policies.iter().map(|(name, document)| (name.clone(), opened(document, &open, grants)));
    let narrowing = Narrowing { policies: policies.collect(), ..narrowing.clone() };
    (references, narrowing)
}

/// True if a policy may name a resource of the stack. Of the resources that SAM generates, only roles and the
/// APIs of all functions keep their logical ids from one deployment to the next (AWS SAM Developer Guide,
/// "Generated CloudFormation resources").
fn may_be_named(template: &Template<'_>, id: &str, waiting: &BTreeSet<String>) -> bool {
    let stands_for = match template.role_named(id) {
        _ if template.resource(id).is_some() => id,
        Some(RoleRef::Generated(function)) => function,
        _ if APIS_OF_ALL.contains(&id) => id,
        _ => return false,
    };
    !waiting.contains(stands_for)
}

/// The name of a resource as the template writes it, if it gives one.
fn name_of(template: &Template<'_>, resolver: &Resolver<'_>, id: &str) -> Option<Expression> {
    let kind = match template.kind_of(id)? {
        "AWS::Serverless::Function" => "AWS::Lambda::Function",
        kind => kind,
    };
    let property = ResourceName::of(kind)?.name_property?;
    let value = template.resource(id)?.get("Properties")?.get(property)?;
    Some(resolver.expression(value))
}

fn names_one(expression: &Expression, ids: &BTreeSet<String>) -> bool {
    expression
        .parts()
        .iter()
        .any(|part| matches!(part, ExpressionPart::Reference { logical_id, .. } if ids.contains(logical_id)))
}

/// The document with open names in each statement for which the role allowed that.
fn opened(document: &PolicyDocument, open: &BTreeMap<String, String>, grants: &RoleGrants<'_>) -> PolicyDocument {
    let mut changed = false;
    let statements = document.to_version_2012().statements.into_vec().into_iter().map(|statement| {
        let wider = open_names(&statement, open);
        if wider == statement || !grants.grants().any(|(_, grant)| grant.statement.covers(&wider)) {
            return statement;
        }
        changed = true;
        wider
    });
    let statements: Vec<Statement> = statements.collect();
    if changed { PolicyDocument::new(statements) } else { document.clone() }
}

fn open_names(statement: &Statement, open: &BTreeMap<String, String>) -> Statement {
    let Some(ResourceClause::Resource(patterns)) = &statement.resource else { return statement.clone() };
    let pattern = |pattern: &ResourcePattern| {
        let mut text = String::with_capacity(pattern.as_str().len());
        for piece in pattern.as_str().split_inclusive(['/', ':']) {
            let name = piece.trim_end_matches(['/', ':']);
            text.push_str(open.get(name).map_or(name, String::as_str));
            text.push_str(piece.get(name.len()..).unwrap_or_default());
        }
        ResourcePattern::new(text)
    };
    let patterns: Vec<ResourcePattern> = patterns.iter().map(pattern).collect();
    Statement { resource: Some(ResourceClause::Resource(OneOrMany::from(patterns))), ..statement.clone() }
}
