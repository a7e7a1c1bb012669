//! Narrows a statement in place: only elements that change are touched, and in a list only the items that go.

use std::collections::BTreeSet;

use whittle_policy::{ActionClause, ResourceClause, Statement};

use super::splice::{Edit, Pen};
use super::write::StatementWriter;
use crate::grants::Grant;
use crate::layout::Tree;
use crate::node::Node;
use crate::reason::LayoutObstacle;
use crate::resolve::Resolver;

/// Edits that turn the statement of `grant` into `new`; `None` if it has to be rewritten.
pub fn narrow(
    pen: &Pen<'_, '_>,
    writer: &StatementWriter<'_, '_>,
    resolver: &Resolver<'_>,
    grant: &Grant<'_>,
    new: &Statement,
) -> Result<Option<Vec<Edit>>, LayoutObstacle> {
    let (Some(node), old) = (grant.node, &grant.statement) else { return Ok(None) };
    let flow = node.is_flow();
    let (ActionClause::Action(_), ActionClause::Action(_)) = (&old.action, &new.action) else { return Ok(None) };
    let mut edits = Vec::new();

    let wanted: Vec<String> = new.action.patterns().iter().map(|pattern| pattern.as_str().to_owned()).collect();
    let list = |element: &str| node.entry(element);
    let Some((key, value)) = list("Action") else { return Ok(None) };
    edits.extend(element(pen, resolver, node, key, value, &wanted, &writer.actions(new, flow), true)?);

    match (&old.resource, &new.resource) {
        (a, b) if a == b => {}
        (Some(ResourceClause::Resource(_)), Some(clause @ ResourceClause::Resource(_))) => {
            let wanted: Vec<String> = clause.patterns().iter().map(|pattern| pattern.as_str().to_owned()).collect();
            let Some((key, value)) = list("Resource") else { return Ok(None) };
            edits.extend(element(pen, resolver, node, key, value, &wanted, &writer.resources(clause, flow), false)?);
        }
        _ => return Ok(None),
    }

    if old.condition != new.condition {
        let (None, Some(tree)) = (node.get("Condition"), writer.condition(new, flow)) else { return Ok(None) };
        let Some((last_key, last_value)) = node.entries().last() else { return Ok(None) };
        edits.push(pen.insert_pair(node, (last_key, last_value), "Condition", &tree));
        // Both would end at the same byte: the statement is rewritten instead.
        let touches_last = edits.iter().rev().skip(1).any(|edit| edit.span.end >= last_value.span.end);
        if touches_last {
            return Ok(None);
        }
    }
    Ok(Some(edits))
}

/// Edits of one element that is a text or a list of texts.
#[expect(clippy::too_many_arguments, reason = "one value each of the old and the new statement")]
pub fn element(
    pen: &Pen<'_, '_>,
    resolver: &Resolver<'_>,
    statement: &Node,
    key: &Node,
    value: &Node,
    wanted: &[String],
    tree: &Tree,
    ignore_case: bool,
) -> Result<Vec<Edit>, LayoutObstacle> {
    let fold = |text: &str| if ignore_case { text.to_ascii_lowercase() } else { text.to_owned() };
    let items = value.as_list();
    let present: Vec<String> = items.iter().map(|item| fold(&resolver.value(&resolver.expression(item)))).collect();
    let wanted: BTreeSet<String> = wanted.iter().map(|text| fold(text)).collect();
    let all_there = wanted.iter().all(|text| present.contains(text));
    if all_there && present.len() == wanted.len() {
        return Ok(Vec::new());
    }
    if all_there && value.items().is_some() && value.tag.is_none() {
        let mut seen = BTreeSet::new();
        let removed: Vec<bool> = present.iter().map(|text| !wanted.contains(text) || !seen.insert(text)).collect();
        return pen.remove_items(value, &removed);
    }
    Ok(vec![pen.replace_value(statement, key, value, tree)?])
}
