//! Puts narrowed policies into a template, and proves the result before anybody gets it.
//!
//! Per role: read what it allows, plan each statement ([`crate::narrow`]), replace only the bytes of what changes, read the
//! result again and prove on it that nothing became wider, that everything which the suggestion keeps is allowed, and that
//! nothing but policies changed (module `verify`). A role that cannot be edited so is refused with the reason; the others
//! go on. A second run finds every statement in place and changes nothing.

pub(crate) mod entry;
mod reach;
mod snippet;
pub(crate) mod splice;
pub(crate) mod statement;
#[cfg(test)]
mod tests;
pub(crate) mod write;

use crate::expression::Part;
use crate::grants::{RoleGrants, grants_of};
use crate::layout::Layout;
use crate::narrow::{EditRefusal, EntryPlan, Narrowing, plan};
use crate::node::{Kind, Node};
use crate::reason::{RefusalReason, Unreadable};
use crate::references::References;
use crate::resolve::Resolver;
use crate::source::{Place, ReadError, Span};
use crate::template::{RoleRef, Template};
use crate::verify;

pub use crate::surroundings::{Surroundings, resolver};
pub use snippet::snippet;

/// A function of the template and what its role shall allow.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Logical id of the function.
    pub function: String,
    /// What its role shall allow.
    pub narrowing: Narrowing,
}

/// What became of one target.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Logical id of the function.
    pub function: String,
    /// How the role is named in messages.
    pub role: String,
    /// What happened.
    pub outcome: Outcome,
}

/// What happened to one role.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// The file says what the suggestion says.
    Unchanged,
    /// It was narrowed.
    Changed {
        /// Names (of stacks, buckets, …) that are written as they are in this deployment, and not by reference.
        literals: Vec<String>,
    },
    /// It was left as it is.
    Refused {
        /// Why.
        reason: RefusalReason,
        /// Where.
        place: Option<Place>,
        /// What to write by hand instead.
        snippet: String,
    },
}

/// The new file and what was done.
#[derive(Debug, Clone, PartialEq)]
pub struct Edited {
    /// The file; the same bytes where nothing changed.
    pub bytes: Vec<u8>,
    /// One per target, in order.
    pub reports: Vec<Report>,
}

/// Edits a SAM or CloudFormation template.
///
/// Two targets with the same role must carry the same narrowing (that of the role); the second one finds it in place.
pub fn apply(bytes: &[u8], targets: &[Target], surroundings: &Surroundings) -> Result<Edited, ReadError> {
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

fn one(bytes: &[u8], target: &Target, surroundings: &Surroundings) -> Result<(Report, Option<Vec<u8>>), ReadError> {
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
    let report = |outcome| Report { function: target.function.clone(), role: label.clone(), outcome };
    let refused = |refusal: EditRefusal| {
        let place = refusal.span.map(|span| template.source().place(span.start));
        let text = snippet(&narrowing, function.is_none_or(|f| f.is_sam), &references, &resolver);
        (report(Outcome::Refused { reason: refusal.reason, place, snippet: text }), None)
    };
    let Some(role) = role else {
        return Ok(refused(EditRefusal::whole(RefusalReason::NoFunction(target.function.clone()))));
    };
    if let Some((name, span)) = template.macros().into_iter().next() {
        return Ok(refused(EditRefusal::at(span, Unreadable::Macro(name))));
    }
    let grants = grants_of(&template, &resolver, &role, &surroundings.documents);
    let edits = match edits(&template, &resolver, &layout, &references, &role, &grants, &narrowing) {
        Ok(edits) if edits.is_empty() => return Ok((report(Outcome::Unchanged), None)),
        Ok(edits) => edits,
        Err(refusal) => return Ok(refused(refusal)),
    };
    let Some(text) = splice::splice(template.source().text(), edits) else {
        let span = function.map(|function| function.node.span);
        return Ok(refused(EditRefusal { span, reason: RefusalReason::Overlap }));
    };
    let mut changed = bytes.get(..template.source().mark()).unwrap_or_default().to_vec();
    changed.extend_from_slice(text.as_bytes());
    let proof = verify::Question { old: &template, role: &role, grants: &grants, narrowing: &narrowing, surroundings };
    match verify::prove(&proof, &changed) {
        Ok(()) => {
            let literals = literals(&narrowing, &references, &grants, &text);
            Ok((report(Outcome::Changed { literals }), Some(changed)))
        }
        Err(failure) => Ok(refused(EditRefusal::whole(RefusalReason::Proof(failure)))),
    }
}

#[expect(clippy::too_many_arguments, reason = "everything that is known of one role")]
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
    let writer = write::Writer::new(template.source(), notation, resolver, grants, references);
    let editor = entry::Editor { template, resolver, pen: &pen, writer: &writer };
    editor.role(logical_id, matches!(role, RoleRef::Generated(_)), grants, &plans)
}

fn anchored(node: &Node) -> Option<Span> {
    node.walk_any(&|node| node.anchored || matches!(node.kind, Kind::Alias)).first().map(|node| node.span)
}

/// ARNs of a narrowing that the new `file` has with a name which the template does not know.
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
                Part::Reference { logical_id, .. } => !logical_id.starts_with("AWS::"),
                Part::Address(_) => true,
                Part::Text(_) | Part::Opaque(_) => false,
            });
            let by_name = by_name || text.split(['/', ':']).any(|segment| references.is_said(segment));
            let named = text.starts_with("arn:") && text.rsplit(':').next().is_some_and(|tail| !tail.starts_with('*'));
            // What SAM adds by itself is not written.
            let in_file = [expression.to_sub(), expression.to_hcl()];
            let in_file = in_file.iter().any(|text| file.contains(text.trim_matches('"'))) || file.contains(text);
            if named && !by_name && in_file && !written.contains(&text) && !out.iter().any(|known| known == text) {
                out.push(text.to_owned());
            }
        }
    }
    out
}
