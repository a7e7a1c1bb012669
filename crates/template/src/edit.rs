//! Writes narrowed policies into a template, and proves the result before returning it.
//!
//! For each role: read what it allows, plan each statement ([`crate::narrow`]), replace only the bytes that
//! change, read the result again and prove that nothing became wider, that everything the suggestion keeps is
//! allowed, and that nothing but policies changed ([`crate::verify`]). A role that cannot be edited like this
//! is refused with the reason; the others go on. A second run finds every statement in place and changes
//! nothing.

pub(crate) mod entry;
mod reach;
mod snippet;
pub(crate) mod splice;
pub(crate) mod statement;
#[cfg(test)]
mod tests;
pub(crate) mod write;

use crate::expression::ExpressionPart;
use crate::grants::{RoleGrants, grants_of};
use crate::layout::Layout;
use crate::narrow::{EditRefusal, EntryPlan, Narrowing, plan};
use crate::node::{Node, NodeKind};
use crate::reason::{RefusalReason, Unreadable};
use crate::references::References;
use crate::resolve::Resolver;
use crate::source::{FilePosition, ReadError, Span};
use crate::template::{RoleRef, Template};
use crate::verify;

pub use crate::surroundings::{Surroundings, resolver};
pub use snippet::snippet;

/// A function of the template, and what its role must allow.
#[derive(Debug, Clone, PartialEq)]
pub struct EditTarget {
    /// Logical id of the function.
    pub function: String,
    /// The policies that its role must have.
    pub narrowing: Narrowing,
}

/// The result for one target.
#[derive(Debug, Clone, PartialEq)]
pub struct EditReport {
    /// Logical id of the function.
    pub function: String,
    /// Name of the role in messages.
    pub role: String,
    /// The outcome.
    pub outcome: EditOutcome,
}

/// The result for one role.
#[derive(Debug, Clone, PartialEq)]
pub enum EditOutcome {
    /// The file already says what the suggestion says.
    Unchanged,
    /// It was narrowed.
    Changed {
        /// Names (of stacks, buckets, …) that are written literally, as in this deployment, and not by
        /// reference.
        literals: Vec<String>,
    },
    /// It was left as it is.
    Refused {
        /// The reason.
        reason: RefusalReason,
        /// The place that the reason is about.
        place: Option<FilePosition>,
        /// The policies to write by hand instead.
        snippet: String,
    },
}

/// The edited file, and a report for each target.
#[derive(Debug, Clone, PartialEq)]
pub struct Edited {
    /// The whole file; the same bytes if nothing changed.
    pub bytes: Vec<u8>,
    /// One per target, in order.
    pub reports: Vec<EditReport>,
}

/// Edits a SAM or CloudFormation template.
///
/// Two targets with the same role must carry the same narrowing, that of the role; the second finds it in
/// place.
pub fn apply(bytes: &[u8], targets: &[EditTarget], surroundings: &Surroundings) -> Result<Edited, ReadError> {
    Template::read(bytes)?;
    let mut current = bytes.to_vec();
    let mut reports = Vec::new();
    for target in targets {
        let (report, changed) = one(&current, target, surroundings)?;
        if let Some(changed) = changed {
            current = changed;
        }
        reports.push(report);
    }
    Ok(Edited { bytes: current, reports })
}

fn one(
    bytes: &[u8],
    target: &EditTarget,
    surroundings: &Surroundings,
) -> Result<(EditReport, Option<Vec<u8>>), ReadError> {
    let template = Template::read(bytes)?;
    let resolver = resolver(&template, &surroundings.context);
    let layout = Layout::of(template.source(), template.root());
    let functions = template.functions(&resolver);
    let function = functions.iter().find(|function| function.logical_id == target.function);
    let role = function.map(|function| function.role.clone());
    let label = match &role {
        Some(RoleRef::Generated(function)) => format!("the role that SAM generates for {function}"),
        Some(RoleRef::InFile(role)) => format!("the role {role}"),
        _ => format!("the role of {}", target.function),
    };
    let reachable = match &role {
        Some(role @ (RoleRef::Generated(id) | RoleRef::InFile(id))) => {
            let grants = grants_of(&template, &resolver, role, &surroundings.documents);
            Some(reach::within(&template, &resolver, id, &grants, &target.narrowing))
        }
        _ => None,
    };
    let (references, narrowing) =
        reachable.unwrap_or_else(|| (resolver.context.references.clone(), target.narrowing.clone()));
    let report = |outcome| EditReport { function: target.function.clone(), role: label.clone(), outcome };
    let refused = |refusal: EditRefusal| {
        let place = refusal.span.map(|span| template.source().place(span.start));
        let text = snippet(&narrowing, function.is_none_or(|f| f.is_sam), &references, &resolver);
        (report(EditOutcome::Refused { reason: refusal.reason, place, snippet: text }), None)
    };
    let Some(role) = role else {
        return Ok(refused(EditRefusal::whole(RefusalReason::NoFunction(target.function.clone()))));
    };
    if let Some((name, span)) = template.macros().into_iter().next() {
        return Ok(refused(EditRefusal::at(span, Unreadable::Macro(name))));
    }
    let grants = grants_of(&template, &resolver, &role, &surroundings.documents);
    let edits = match edits(&template, &resolver, &layout, &references, &role, &grants, &narrowing) {
        Ok(edits) if edits.is_empty() => return Ok((report(EditOutcome::Unchanged), None)),
        Ok(edits) => edits,
        Err(refusal) => return Ok(refused(refusal)),
    };
    let Some(text) = splice::splice(template.source().text(), edits) else {
        let span = function.map(|function| function.node.span);
        return Ok(refused(EditRefusal { span, reason: RefusalReason::Overlap }));
    };
    let changed = template.source().file_of(&text);
    let proof =
        verify::ProofInput { old: &template, role: &role, grants: &grants, narrowing: &narrowing, surroundings };
    match verify::prove(&proof, &changed) {
        Ok(()) => {
            let literals = literals(&narrowing, &references, &grants, &text);
            Ok((report(EditOutcome::Changed { literals }), Some(changed)))
        }
        Err(failure) => Ok(refused(EditRefusal::whole(RefusalReason::Proof(failure)))),
    }
}

fn edits(
    template: &Template<'_>,
    resolver: &Resolver<'_>,
    layout: &Layout,
    references: &References,
    role: &RoleRef<'_>,
    grants: &RoleGrants<'_>,
    narrowing: &Narrowing,
) -> Result<Vec<splice::Edit>, EditRefusal> {
    let plans = plan(grants, narrowing)?;
    if plans.iter().all(|plan| *plan == EntryPlan::Keep) {
        return Ok(Vec::new());
    }
    let logical_id = match role {
        RoleRef::Generated(id) | RoleRef::InFile(id) => *id,
        RoleRef::Elsewhere(text) => {
            return Err(EditRefusal::whole(Unreadable::RoleElsewhere(text.clone()).into()));
        }
    };
    let resource = template.resource(logical_id);
    let touched = grants.entries.iter().zip(&plans).filter(|(_, plan)| **plan != EntryPlan::Keep);
    let nodes = touched.filter_map(|(entry, _)| entry.node);
    if let Some(anchor) = nodes.chain(resource.and_then(|node| node.get("Properties"))).find_map(anchored) {
        return Err(EditRefusal::at(anchor, RefusalReason::Anchored));
    }
    let pen = splice::Pen { source: template.source(), layout };
    let notation = if template.source().is_json() { write::Notation::Json } else { write::Notation::Yaml };
    let writer = write::StatementWriter::new(template.source(), notation, resolver, grants, references);
    let editor = entry::Editor { template, resolver, pen: &pen, writer: &writer };
    editor.role(logical_id, matches!(role, RoleRef::Generated(_)), grants, &plans)
}

fn anchored(node: &Node) -> Option<Span> {
    node.walk_any(&|node| node.anchored || matches!(node.kind, NodeKind::Alias)).first().map(|node| node.span)
}

/// ARNs of a narrowing that the new `file` has with a literal name.
pub(crate) fn literals(
    narrowing: &Narrowing,
    references: &References,
    grants: &RoleGrants<'_>,
    file: &str,
) -> Vec<String> {
    let written: Vec<&str> = grants
        .grants()
        .filter(|(_, grant)| grant.node.is_some())
        .flat_map(|(_, grant)| grant.statement.resource.iter().flat_map(whittle_policy::ResourceClause::patterns))
        .map(whittle_policy::ResourcePattern::as_str)
        .collect();
    let mut out: Vec<String> = Vec::new();
    for statement in narrowing.statements() {
        for pattern in statement.resource.iter().flat_map(whittle_policy::ResourceClause::patterns) {
            let text = pattern.as_str();
            let expression = references.rewrite(text);
            let by_name = expression.parts().iter().any(|part| match part {
                ExpressionPart::Reference { logical_id, .. } => !logical_id.starts_with("AWS::"),
                ExpressionPart::Address(_) => true,
                ExpressionPart::Text(_) | ExpressionPart::Opaque(_) => false,
            });
            let by_name = by_name || text.split(['/', ':']).any(|segment| references.has_name(segment));
            let named = text.starts_with("arn:") && text.rsplit(':').next().is_some_and(|tail| !tail.starts_with('*'));
            // Policies that SAM adds are not in the file.
            let in_file = [expression.to_sub(), expression.to_hcl()];
            let in_file = in_file.iter().any(|text| file.contains(text.trim_matches('"'))) || file.contains(text);
            if named && !by_name && in_file && !written.contains(&text) && !out.iter().any(|known| known == text) {
                out.push(text.to_owned());
            }
        }
    }
    out
}
