//! Narrowing the roles of a Terraform file.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use whittle_policy::{ActionClause, ResourceClause, Statement};

use super::{Block, Module};
use crate::edit::entry::document;
use crate::edit::splice::{Edit, Pen, splice};
use crate::edit::statement::element;
use crate::edit::write::{Notation, StatementWriter};
use crate::edit::{EditOutcome, EditReport, EditTarget, Edited, Surroundings, literals};
use crate::grants::{GrantedPolicy, Origin, RoleGrants};
use crate::layout::{Layout, Tree};
use crate::narrow::{EditRefusal, EntryPlan, Narrowing, StatementPlan, plan};
use crate::node::Node;
use crate::quote;
use crate::reason::{LayoutObstacle, ProofFailure, RefusalReason, Unreadable};
use crate::references::References;
use crate::resolve::{Context, Resolver};
use crate::source::{ReadError, Span};
use crate::verify;

/// The resolver for a file: with the defaults of its variables and the texts of its locals, unless other
/// values are given.
pub fn resolver<'t>(module: &'t Module<'_>, root: &'t Node, context: &Context) -> Resolver<'t> {
    let mut context = context.clone();
    let given: Vec<(String, String)> =
        context.parameters.iter().map(|(name, value)| (format!("var.{name}"), value.clone())).collect();
    context.parameters.extend(given);
    for block in &module.blocks {
        if let ("variable", [name]) = (block.ident.as_str(), block.labels.as_slice())
            && let Some(default) = block.get("default").and_then(Node::text)
        {
            context.parameters.entry(format!("var.{name}")).or_insert_with(|| default.to_owned());
        }
        if block.ident == "locals" {
            for (name, value) in block.attributes.entries() {
                if let (Some(name), Some(value)) = (name.text(), value.text()) {
                    context.parameters.entry(format!("local.{name}")).or_insert_with(|| value.to_owned());
                }
            }
        }
    }
    Resolver::new(root, context)
}

/// Edits a Terraform file. `function` of a target is an address: `aws_lambda_function.checkout`.
pub fn apply(bytes: &[u8], targets: &[EditTarget], surroundings: &Surroundings) -> Result<Edited, ReadError> {
    Module::read(bytes)?;
    let mut current = bytes.to_vec();
    let mut reports = Vec::new();
    for target in targets {
        let (report, changed) = one(&current, target, surroundings)?;
        current = changed.unwrap_or(current);
        reports.push(report);
    }
    Ok(Edited { bytes: current, reports })
}

fn one(
    bytes: &[u8],
    target: &EditTarget,
    surroundings: &Surroundings,
) -> Result<(EditReport, Option<Vec<u8>>), ReadError> {
    let module = Module::read(bytes)?;
    let root = Module::empty_root();
    let resolver = resolver(&module, &root, &surroundings.context);
    let function = module.functions(&resolver).into_iter().find(|function| function.address == target.function);
    let label = match function.as_ref().map(|function| &function.role) {
        Some(Ok(address)) => format!("the role {address}"),
        _ => format!("the role of {}", target.function),
    };
    let report = |outcome| EditReport { function: target.function.clone(), role: label.clone(), outcome };
    let refused = |refusal: EditRefusal| {
        let place = refusal.span.map(|span| module.source().place(span.start));
        let snippet = snippet(&target.narrowing, &target.function, &resolver);
        Ok((report(EditOutcome::Refused { reason: refusal.reason, place, snippet }), None))
    };
    let role = match function.map(|function| function.role) {
        None => return refused(EditRefusal::whole(RefusalReason::NoFunction(target.function.clone()))),
        Some(Err(written)) => return refused(EditRefusal::whole(Unreadable::RoleElsewhere(written).into())),
        Some(Ok(role)) => role,
    };
    let grants = module.grants(&resolver, &role, &surroundings.documents);
    let planned = plan(&grants, &target.narrowing);
    let references = resolver.context.references.without(&waiting(&module, &grants));
    let edits = planned.and_then(|plans| edits(&module, &resolver, &references, &grants, &plans));
    let edits = match edits {
        Ok(edits) if edits.is_empty() => return Ok((report(EditOutcome::Unchanged), None)),
        Ok(edits) => edits,
        Err(refusal) => return refused(refusal),
    };
    let Some(text) = splice(module.source().text(), edits) else {
        return refused(EditRefusal::whole(RefusalReason::Overlap));
    };
    let changed = module.source().file_of(&text);
    if let Err(failure) = prove(&module, &changed, &role, &grants, &target.narrowing, surroundings) {
        return refused(EditRefusal::whole(RefusalReason::Proof(failure)));
    }
    let literals = literals(&target.narrowing, &references, &grants, &text);
    Ok((report(EditOutcome::Changed { literals }), Some(changed)))
}

/// Blocks that wait for one that holds the role's policies: no policy may name them.
fn waiting(module: &Module<'_>, grants: &RoleGrants<'_>) -> BTreeSet<String> {
    let dependencies = module.dependencies();
    let written = |block: &&Block| {
        grants.entries.iter().any(|entry| {
            block.span.contains(entry.span) || entry.document.is_some_and(|document| block.span.contains(document.span))
        })
    };
    let edited = module.blocks.iter().filter(written).filter_map(Block::address);
    edited.flat_map(|address| dependencies.waiting_for(&address)).collect()
}

/// Reads the new file and compares it with the old one.
fn prove(
    old: &Module<'_>,
    bytes: &[u8],
    role: &str,
    grants: &RoleGrants<'_>,
    narrowing: &Narrowing,
    surroundings: &Surroundings,
) -> Result<(), ProofFailure> {
    let module = Module::read(bytes).map_err(ProofFailure::Read)?;
    let root = Module::empty_root();
    let resolver = resolver(&module, &root, &surroundings.context);
    let new = module.grants(&resolver, role, &surroundings.documents);
    verify::compare(narrowing, grants, &new, role)?;
    let others = |module: &Module<'_>| -> Vec<String> {
        let is_policy = |block: &&Block| {
            let kind = block.labels.first().map(String::as_str).unwrap_or_default();
            let own = block.address().is_some_and(|address| address == role);
            own || kind.starts_with("aws_iam_role_policy")
                || kind == "aws_iam_policy"
                || kind == "aws_iam_policy_document"
        };
        module
            .blocks
            .iter()
            .filter(|block| !is_policy(block))
            .map(|block| module.source().slice(block.span).to_owned())
            .collect()
    };
    if let Some(address) = module.dependencies().circular().difference(&old.dependencies().circular()).next() {
        return Err(ProofFailure::Circular(address.clone()));
    }
    if others(old) == others(&module) { Ok(()) } else { Err(ProofFailure::OtherChange) }
}

fn edits(
    module: &Module<'_>,
    resolver: &Resolver<'_>,
    references: &References,
    grants: &RoleGrants<'_>,
    plans: &[EntryPlan],
) -> Result<Vec<Edit>, EditRefusal> {
    let layout = Layout { step: 2, indented_lists: true, newline: module.source().newline(0), indent: " ", hcl: true };
    let pen = Pen { source: module.source(), layout: &layout };
    let writer = StatementWriter::new(module.source(), Notation::Hcl, resolver, grants, references);
    let mut out = Vec::new();
    for (entry, plan) in grants.entries.iter().zip(plans) {
        let at = |obstacle: LayoutObstacle| EditRefusal::at(entry.span, obstacle);
        let refused = |reason: RefusalReason| EditRefusal::at(entry.span, reason);
        match plan {
            EntryPlan::Keep => {}
            EntryPlan::Statements(plans) if is_data_source(module, entry) => {
                out.extend(data_source(&pen, &writer, resolver, entry, plans).map_err(at)?);
            }
            EntryPlan::Statements(plans) => out.extend(document(&pen, &writer, resolver, entry, plans).map_err(at)?),
            EntryPlan::Remove => out.push(remove(module, &pen, entry).map_err(refused)?),
            EntryPlan::Replace(statements) => {
                out.push(replace(module, &pen, &writer, entry, statements).map_err(refused)?);
            }
        }
    }
    Ok(out)
}

fn is_data_source(module: &Module<'_>, entry: &GrantedPolicy<'_>) -> bool {
    entry
        .document
        .is_some_and(|document| module.blocks.iter().any(|block| block.ident == "data" && block.span == document.span))
}

/// Statement blocks of a `data "aws_iam_policy_document"`.
fn data_source(
    pen: &Pen<'_, '_>,
    writer: &StatementWriter<'_, '_>,
    resolver: &Resolver<'_>,
    entry: &GrantedPolicy<'_>,
    plans: &[StatementPlan],
) -> Result<Vec<Edit>, LayoutObstacle> {
    let mut out = Vec::new();
    for (grant, plan) in entry.grants.iter().zip(plans) {
        let node = grant.node.ok_or(LayoutObstacle::Moved)?;
        match plan {
            StatementPlan::Keep => {}
            StatementPlan::Remove => out.push(pen.whole_lines(node.span)),
            StatementPlan::Narrow(statements) => {
                let column = pen.source.column(node.span.start);
                let own = match statements.as_slice() {
                    [only] => in_place(pen, writer, resolver, node, &grant.statement, only)?,
                    _ => None,
                };
                if let Some(edits) = own {
                    out.extend(edits);
                } else {
                    let newline = pen.layout.newline;
                    let blocks: Vec<String> =
                        statements.iter().map(|statement| block(writer, statement, column, newline)).collect();
                    let text = blocks.join(&format!("{}{}", newline.repeat(2), " ".repeat(column)));
                    out.push(Edit { span: node.span, text });
                }
            }
        }
    }
    Ok(out)
}

fn in_place(
    pen: &Pen<'_, '_>,
    writer: &StatementWriter<'_, '_>,
    resolver: &Resolver<'_>,
    node: &Node,
    old: &Statement,
    new: &Statement,
) -> Result<Option<Vec<Edit>>, LayoutObstacle> {
    let (ActionClause::Action(_), ActionClause::Action(_)) = (&old.action, &new.action) else { return Ok(None) };
    let (Some(ResourceClause::Resource(_)), Some(ResourceClause::Resource(resources))) = (&old.resource, &new.resource)
    else {
        return Ok(None);
    };
    if old.condition != new.condition {
        return Ok(None);
    }
    let (Some((action_key, actions)), Some((resource_key, old_resources))) =
        (node.entry("Action"), node.entry("Resource"))
    else {
        return Ok(None);
    };
    let wanted: Vec<String> = new.action.patterns().iter().map(|pattern| pattern.as_str().to_owned()).collect();
    let tree = listed(wanted.iter().map(|text| hcl(writer, text)));
    let mut out = element(pen, resolver, node, action_key, actions, &wanted, &tree, true)?;
    let wanted: Vec<String> = resources.patterns_as_text();
    let tree = listed(wanted.iter().map(|text| variables(&writer.resource(text, true))));
    out.extend(element(pen, resolver, node, resource_key, old_resources, &wanted, &tree, false)?);
    Ok(Some(out))
}

fn hcl(writer: &StatementWriter<'_, '_>, text: &str) -> String {
    variables(&writer.text(text, true))
}

/// The data source writes IAM's variables as `&{…}`.
fn variables(text: &str) -> String {
    text.replace("$${", "&{")
}

fn listed(texts: impl Iterator<Item = String>) -> Tree {
    Tree::List(texts.map(Tree::Scalar).collect())
}

trait AsText {
    fn patterns_as_text(&self) -> Vec<String>;
}

impl AsText for whittle_policy::OneOrMany<whittle_policy::ResourcePattern> {
    fn patterns_as_text(&self) -> Vec<String> {
        self.iter().map(|pattern| pattern.as_str().to_owned()).collect()
    }
}

/// A `statement` block; its first line is not indented.
fn block(writer: &StatementWriter<'_, '_>, statement: &Statement, column: usize, newline: &str) -> String {
    let (pad, inner) = (" ".repeat(column), " ".repeat(column + 2));
    let mut rows: Vec<(&str, String)> = Vec::new();
    if let Some(sid) = &statement.sid {
        rows.push(("sid", hcl(writer, sid)));
    }
    if statement.effect == whittle_policy::Effect::Deny {
        rows.push(("effect", "\"Deny\"".to_owned()));
    }
    let list = |texts: Vec<String>| match texts.as_slice() {
        [only] => format!("[{only}]"),
        texts => format!(
            "[{newline}{}{inner}]",
            texts.iter().map(|text| format!("{inner}  {text},{newline}")).collect::<Vec<_>>().concat()
        ),
    };
    let actions = statement.action.patterns().iter().map(|pattern| hcl(writer, pattern.as_str())).collect();
    rows.push((if statement.action.is_negated() { "not_actions" } else { "actions" }, list(actions)));
    if let Some(clause) = &statement.resource {
        let texts =
            clause.patterns().iter().map(|pattern| variables(&writer.resource(pattern.as_str(), true))).collect();
        rows.push((if clause.is_negated() { "not_resources" } else { "resources" }, list(texts)));
    }
    let mut out = format!("statement {{{newline}");
    for (index, (name, value)) in rows.iter().enumerate() {
        // As `terraform fmt` does: equal signs of neighbouring one-line attributes are aligned.
        let single = |row: &&(&str, String)| !row.1.contains('\n');
        let before = rows.iter().take(index).rev().take_while(single);
        let after = rows.iter().skip(index).take_while(single);
        let width =
            if single(&&(*name, value.clone())) { before.chain(after).map(|(name, _)| name.len()).max() } else { None };
        let width = width.unwrap_or_default();
        let _ = write!(out, "{inner}{name:width$} = {value}{newline}");
    }
    for (operator, key, values) in statement.condition.iter() {
        let values: Vec<String> = values.iter().map(|value| variables(&writer.resource(value, true))).collect();
        let _ = write!(
            out,
            "{newline}{inner}condition {{{newline}{inner}  test     = {}{newline}{inner}  variable = {}{newline}{inner}  values   = [{}]{newline}{inner}}}{newline}",
            hcl(writer, operator),
            hcl(writer, key),
            values.join(", ")
        );
    }
    let _ = write!(out, "{pad}}}");
    out
}

/// Removes a policy of which nothing is needed.
fn remove(module: &Module<'_>, pen: &Pen<'_, '_>, entry: &GrantedPolicy<'_>) -> Result<Edit, RefusalReason> {
    if let (Origin::Managed(_), Some(item)) = (&entry.origin, entry.node) {
        return Ok(remove_from_list(module, pen, item)?);
    }
    let block = module.blocks.iter().find(|block| block.span == entry.span);
    if let Some(address) = block.and_then(Block::address)
        && (block.is_some_and(|block| block.is("aws_iam_policy")) || module.uses(&address) > 0)
    {
        return Err(RefusalReason::NamedElsewhere(address));
    }
    Ok(with_blank_line(pen, entry.span))
}

fn with_blank_line(pen: &Pen<'_, '_>, span: Span) -> Edit {
    let mut edit = pen.whole_lines(span);
    let next = pen.source.next_line(edit.span.end);
    let blank = pen.source.text().get(edit.span.end..next).is_some_and(|line| line.trim().is_empty());
    if blank {
        edit.span.end = next;
    }
    edit
}

fn remove_from_list(module: &Module<'_>, pen: &Pen<'_, '_>, item: &Node) -> Result<Edit, LayoutObstacle> {
    let list = module
        .blocks
        .iter()
        .filter_map(|block| block.get("managed_policy_arns"))
        .find(|list| list.span.contains(item.span));
    let list = list.ok_or(LayoutObstacle::Moved)?;
    let items = list.items().unwrap_or_default();
    if items.len() == 1 {
        return Ok(Edit { span: list.span, text: "[]".to_owned() });
    }
    let removed: Vec<bool> = items.iter().map(|other| other.span == item.span).collect();
    pen.remove_items(list, &removed)?.pop().ok_or(LayoutObstacle::Moved)
}

/// Replaces an attached managed policy by an inline policy of the role.
fn replace(
    module: &Module<'_>,
    pen: &Pen<'_, '_>,
    writer: &StatementWriter<'_, '_>,
    entry: &GrantedPolicy<'_>,
    statements: &[Statement],
) -> Result<Edit, RefusalReason> {
    let found =
        module.blocks.iter().find(|block| block.span == entry.span && block.is("aws_iam_role_policy_attachment"));
    let (Some(attachment), Origin::Managed(policy)) = (found, &entry.origin) else {
        return Err(RefusalReason::ManagedInList);
    };
    let (Some(label), Some(role)) = (attachment.labels.get(1), attachment.get("role")) else {
        return Err(LayoutObstacle::Moved.into());
    };
    let address = attachment.address().unwrap_or_default();
    if module.uses(&address) > 0
        || module.block(&format!("data.aws_iam_policy_document.{label}")).is_some()
        || module.block(&format!("aws_iam_role_policy.{label}")).is_some()
    {
        return Err(RefusalReason::NameTaken(address));
    }
    let text = pair(writer, label, policy, module.source().slice(role.span), statements, pen.layout.newline);
    Ok(Edit { span: attachment.span, text })
}

/// A document and the role policy that uses it.
fn pair(
    writer: &StatementWriter<'_, '_>,
    label: &str,
    name: &str,
    role: &str,
    statements: &[Statement],
    newline: &str,
) -> String {
    let blocks: Vec<String> =
        statements.iter().map(|statement| format!("  {}", block(writer, statement, 2, newline))).collect();
    let name = quote::hcl(name);
    [
        format!("data \"aws_iam_policy_document\" \"{label}\" {{"),
        blocks.join(&newline.repeat(2)),
        "}".to_owned(),
        String::new(),
        format!("resource \"aws_iam_role_policy\" \"{label}\" {{"),
        format!("  name   = {name}"),
        format!("  role   = {role}"),
        format!("  policy = data.aws_iam_policy_document.{label}.json"),
        "}".to_owned(),
    ]
    .join(newline)
}

/// The policies to write by hand.
fn snippet(narrowing: &Narrowing, function: &str, resolver: &Resolver<'_>) -> String {
    let Ok(source) = crate::source::Source::new(b"") else { return String::new() };
    let grants = RoleGrants::default();
    let writer = StatementWriter::new(&source, Notation::Hcl, resolver, &grants, &resolver.context.references);
    let label = function.rsplit('.').next().unwrap_or("narrowed");
    let part = |(index, (name, document)): (usize, &(String, whittle_policy::PolicyDocument))| {
        let label = if narrowing.policies.len() > 1 { format!("{label}_{}", index + 1) } else { label.to_owned() };
        let statements = document.to_version_2012().statements.into_vec();
        pair(&writer, &label, name, "aws_iam_role.NAME.id", &statements, "\n")
    };
    let parts: Vec<String> = narrowing.policies.iter().enumerate().map(part).collect();
    format!("{}\n", parts.join("\n\n"))
}
