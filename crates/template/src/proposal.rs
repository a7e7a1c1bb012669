//! Reads a whole file: every role of a function with its statements, each with its region in the file.
//!
//! For gates and comparisons before deployment. [`crate::grants`] and [`crate::terraform`] read; the result
//! owns its text. It names what could not be read with its place ([`UnreadPart`]), and values that are not
//! known ([`TemplateStatement::unknown`]).

mod features;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use whittle_policy::{ResourceClause, ResourcePattern, Statement};

use crate::grants::{Documents, Grant, GrantedPolicy, Origin, RoleGrants, grants_of};
use crate::reason::Unreadable;
use crate::resolve::Resolver;
use crate::source::{FilePosition, Source, Span};
use crate::template::{RoleRef, Template};
use crate::terraform::Module;

pub use features::Feature;

/// A region of a file, `[start, end)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region {
    /// First character.
    pub start: FilePosition,
    /// Just behind the last character that is not white space.
    pub end: FilePosition,
}

/// Everything that a file proposes.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Proposal {
    /// Roles of functions, in the order of the file.
    pub roles: Vec<ProposedRole>,
    /// Functions whose role is not in the file, with the role as it is written.
    pub elsewhere: Vec<(ProposedFunction, String)>,
    /// Parts of the file that could not be read.
    pub unread: Vec<UnreadPart>,
}

/// One role and the functions of the file that run under it.
#[derive(Debug, Clone, PartialEq)]
pub struct ProposedRole {
    /// Logical id of the role, or of the function that SAM generates it for; Terraform: address.
    pub id: String,
    /// SAM generates it.
    pub generated: bool,
    /// `RoleName`, where it is fixed and known.
    pub name: Option<String>,
    /// Where it is: the resource.
    pub region: Region,
    /// Never empty.
    pub functions: Vec<ProposedFunction>,
    /// Its statements, Allow and Deny.
    pub statements: Vec<TemplateStatement>,
    /// Policies of it that could not be read.
    pub unread: Vec<UnreadPart>,
}

/// A function.
#[derive(Debug, Clone, PartialEq)]
pub struct ProposedFunction {
    /// Logical id; Terraform: address.
    pub id: String,
    /// Its fixed name.
    pub name: Option<String>,
    /// `Runtime`, where it is known.
    pub runtime: Option<String>,
    /// `AuthType` of a function URL that the file gives it.
    pub url_auth: Option<String>,
    /// Features of its configuration that make Lambda use the role, each with its count.
    pub features: BTreeMap<Feature, usize>,
    /// The resource.
    pub region: Region,
}

/// A statement with everything resolved that is known.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateStatement {
    /// The policy that it is in, for people.
    pub policy: String,
    /// The statement, as of version 2012-10-17.
    pub statement: Statement,
    /// Where it is written; for a policy by name, where the name is.
    pub region: Region,
    /// Names of values in it that are not known.
    pub unknown: Vec<String>,
    /// If there are some: the statement on all resources that they may stand for.
    pub loose: Option<Statement>,
    /// SAM adds it by itself: it is not in the file.
    pub implied: bool,
    /// Of a managed policy that SAM itself gives to functions.
    pub usual: bool,
}

/// A part of the file that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadPart {
    /// Where; `None` for the role as a whole.
    pub region: Option<Region>,
    /// The reason.
    pub reason: Unreadable,
}

impl Proposal {
    /// All functions of the file.
    pub fn functions(&self) -> impl Iterator<Item = &ProposedFunction> {
        let own = self.roles.iter().flat_map(|role| &role.functions);
        own.chain(self.elsewhere.iter().map(|(function, _)| function))
    }
}

/// Reads a SAM or CloudFormation template.
pub fn of_template<'t>(template: &'t Template<'_>, resolver: &Resolver<'t>, documents: &Documents) -> Proposal {
    let source = template.source();
    let mut out = Proposal::default();
    for (name, span) in template.macros() {
        out.unread.push(UnreadPart { region: Some(region(source, span)), reason: Unreadable::Macro(name) });
    }
    for (reason, span) in template.unread() {
        out.unread.push(UnreadPart { region: Some(region(source, span)), reason });
    }
    for function in template.functions(resolver) {
        let property = |name: &str| template.function_property(function.node, name);
        let proposed = ProposedFunction {
            id: function.logical_id.to_owned(),
            name: function.name.clone(),
            runtime: property("Runtime").and_then(|node| resolver.text_of(node)),
            url_auth: property("FunctionUrlConfig")
                .and_then(|url| url.get("AuthType"))
                .and_then(|auth| resolver.text_of(auth))
                .or_else(|| features::url_of(template, resolver, function.logical_id)),
            features: features::of_template(template, resolver, &function),
            region: region(source, resource_span(template, function.logical_id)),
        };
        let (id, generated) = match &function.role {
            RoleRef::Generated(id) => (*id, true),
            RoleRef::InFile(id) => (*id, false),
            RoleRef::Elsewhere(text) => {
                out.elsewhere.push((proposed, text.clone()));
                continue;
            }
        };
        if let Some(role) = out.roles.iter_mut().find(|role| role.id == id && role.generated == generated) {
            role.functions.push(proposed);
            continue;
        }
        let grants = grants_of(template, resolver, &function.role, documents);
        let named = template.resource(id).and_then(|node| node.get("Properties")?.get("RoleName"));
        out.roles.push(ProposedRole {
            id: id.to_owned(),
            generated,
            name: named.and_then(|name| resolver.text_of(name)),
            region: region(source, resource_span(template, id)),
            functions: vec![proposed],
            statements: statements(source, &grants),
            unread: unread(source, &grants),
        });
    }
    out
}

/// Reads a Terraform file.
pub fn of_module<'t>(module: &'t Module<'_>, resolver: &Resolver<'t>, documents: &Documents) -> Proposal {
    let source = module.source();
    let mut out = Proposal::default();
    for function in module.functions(resolver) {
        let text = |name: &str| module.attribute(&function.address, name).and_then(|node| resolver.text_of(node));
        let proposed = ProposedFunction {
            id: function.address.clone(),
            name: function.name.clone(),
            runtime: text("runtime"),
            url_auth: features::url_of_module(module, resolver, &function.address),
            features: features::of_module(module, &function.address),
            region: region(source, module.span_of(&function.address).unwrap_or_default()),
        };
        let address = match function.role {
            Ok(address) => address,
            Err(written) => {
                out.elsewhere.push((proposed, written));
                continue;
            }
        };
        if let Some(role) = out.roles.iter_mut().find(|role| role.id == address) {
            role.functions.push(proposed);
            continue;
        }
        let grants = module.grants(resolver, &address, documents);
        out.roles.push(ProposedRole {
            name: module.attribute(&address, "name").and_then(|node| resolver.text_of(node)),
            generated: false,
            region: region(source, module.span_of(&address).unwrap_or_default()),
            functions: vec![proposed],
            statements: statements(source, &grants),
            unread: unread(source, &grants),
            id: address,
        });
    }
    out
}

/// The whole resource: from its logical id on.
fn resource_span(template: &Template<'_>, logical_id: &str) -> Span {
    let entry = template.root().get("Resources").and_then(|resources| resources.entry(logical_id));
    entry.map(|(key, value)| Span { start: key.span.start, end: value.span.end }).unwrap_or_default()
}

fn statements(source: &Source<'_>, grants: &RoleGrants<'_>) -> Vec<TemplateStatement> {
    let statement = |(entry, grant): (&GrantedPolicy<'_>, &Grant<'_>)| TemplateStatement {
        policy: label(&entry.origin),
        region: region(source, grant.span),
        unknown: unknown_in(&grant.statement),
        loose: loose(&grant.statement),
        implied: matches!(entry.origin, Origin::Implied(_) | Origin::Connector(_)),
        usual: matches!(&entry.origin, Origin::Managed(name) if crate::sam::is_implied_policy(name)),
        statement: grant.statement.clone(),
    };
    grants.grants().map(statement).collect()
}

fn unread(source: &Source<'_>, grants: &RoleGrants<'_>) -> Vec<UnreadPart> {
    let problems = grants.unreadable().into_iter();
    problems
        .map(|problem| UnreadPart {
            region: (problem.span != Span::default()).then(|| region(source, problem.span)),
            reason: problem.reason,
        })
        .collect()
}

/// The name of a policy, for people.
fn label(origin: &Origin) -> String {
    match origin {
        Origin::Inline => "Policies".to_owned(),
        Origin::RolePolicy(name) if name.is_empty() => "Policies".to_owned(),
        Origin::SamTemplate(name) | Origin::Managed(name) | Origin::Attached(name) | Origin::RolePolicy(name) => {
            name.clone()
        }
        Origin::Implied(because) => format!("added by SAM ({because})"),
        Origin::Connector(name) => format!("connector {name}"),
    }
}

fn region(source: &Source<'_>, span: Span) -> Region {
    let text = source.slice(span);
    // The reader ends a block with the comments below it, which do not belong to it.
    let mut end = text.trim_end().len();
    while let Some(before) = text.get(..end) {
        let line = before.rfind('\n').map_or(0, |at| at + 1);
        let is_comment = line > 0 && before.get(line..).is_some_and(|line| line.trim_start().starts_with('#'));
        if !is_comment {
            break;
        }
        end = before.get(..line).unwrap_or_default().trim_end().len();
    }
    Region { start: source.place(span.start), end: source.place(span.start + end) }
}

/// Names of the unknown values in a statement.
fn unknown_in(statement: &Statement) -> Vec<String> {
    let resources = statement.resource.iter().flat_map(ResourceClause::patterns).map(ResourcePattern::as_str);
    let conditions = statement.condition.iter().flat_map(|(_, _, values)| values.iter().map(String::as_str));
    let names: BTreeSet<String> =
        resources.chain(conditions).flat_map(crate::resolve::unknown_names).map(str::to_owned).collect();
    names.into_iter().collect()
}

/// The statement on whatever its unknown values may be; `None` if there are none.
fn loose(statement: &Statement) -> Option<Statement> {
    if unknown_in(statement).is_empty() {
        return None;
    }
    let wide = |pattern: &ResourcePattern| ResourcePattern::new(crate::resolve::loosened(pattern.as_str()));
    let resource = match statement.resource.as_ref()? {
        ResourceClause::Resource(patterns) => {
            ResourceClause::Resource(patterns.iter().map(wide).collect::<Vec<_>>().into())
        }
        // Everything but an unknown value may be everything.
        ResourceClause::NotResource(_) => ResourceClause::Resource(ResourcePattern::new("*").into()),
    };
    Some(Statement { resource: Some(resource), ..statement.clone() })
}
