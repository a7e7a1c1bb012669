//! Edits the places that hold a role's policies: a function's `Policies`, a role's `Policies` and
//! `ManagedPolicyArns`, and policy resources.

use whittle_policy::Statement;

use super::splice::{Edit, Pen};
use super::statement;
use super::write::StatementWriter;
use crate::grants::{GrantedPolicy, Origin, RoleGrants};
use crate::layout::Tree;
use crate::narrow::{EditRefusal, EntryPlan, StatementPlan};
use crate::node::Node;
use crate::reason::{LayoutObstacle, RefusalReason};
use crate::resolve::Resolver;
use crate::source::Span;
use crate::template::Template;

/// Edits one role.
pub struct Editor<'e, 't, 'a> {
    /// The file.
    pub template: &'t Template<'a>,
    /// Values of the deployment.
    pub resolver: &'e Resolver<'t>,
    /// Writes bytes.
    pub pen: &'e Pen<'e, 'a>,
    /// Writes statements.
    pub writer: &'e StatementWriter<'e, 't>,
}

/// A policy and its plan.
type Planned<'p, 't> = (&'p GrantedPolicy<'t>, &'p EntryPlan);

impl Editor<'_, '_, '_> {
    /// All edits of a role. `generated`: SAM generates it for the function of this logical id.
    pub fn role(
        &self,
        logical_id: &str,
        generated: bool,
        grants: &RoleGrants<'_>,
        plans: &[EntryPlan],
    ) -> Result<Vec<Edit>, EditRefusal> {
        let planned: Vec<Planned<'_, '_>> = grants.entries.iter().zip(plans).collect();
        let Some(properties) = self.template.resource(logical_id).and_then(|node| node.get("Properties")) else {
            return Err(EditRefusal::whole(RefusalReason::NoProperties(logical_id.to_owned())));
        };
        let at = |obstacle: LayoutObstacle| EditRefusal::at(properties.span, obstacle);
        let mut edits = Vec::new();
        if generated {
            let own: Vec<Planned<'_, '_>> = planned
                .iter()
                .copied()
                .filter(|(entry, _)| {
                    matches!(entry.origin, Origin::Inline | Origin::SamTemplate(_) | Origin::Managed(_))
                })
                .collect();
            edits.extend(self.list(properties, "Policies", &own).map_err(at)?);
        } else {
            let of = |wanted: fn(&Origin) -> bool| -> Vec<Planned<'_, '_>> {
                planned.iter().copied().filter(|(entry, _)| wanted(&entry.origin)).collect()
            };
            let managed = of(|origin| matches!(origin, Origin::Managed(_)));
            let inline = of(|origin| matches!(origin, Origin::RolePolicy(_)));
            edits.extend(self.managed_of_role(properties, &managed, &inline).map_err(at)?);
        }
        for (entry, plan) in planned {
            if let Origin::Attached(id) = &entry.origin {
                edits.extend(self.attached(id, entry, plan)?);
            }
        }
        Ok(edits)
    }

    /// Edits of a list property whose items are these policies, in order; or of its only value.
    fn list(&self, properties: &Node, name: &str, planned: &[Planned<'_, '_>]) -> Result<Vec<Edit>, LayoutObstacle> {
        if planned.iter().all(|(_, plan)| **plan == EntryPlan::Keep) {
            return Ok(Vec::new());
        }
        let (key, value) = properties.entry(name).ok_or(LayoutObstacle::Moved)?;
        if planned.iter().all(|(_, plan)| **plan == EntryPlan::Remove) {
            return self.pen.empty_list(properties, key, value);
        }
        let is_list = value.items().is_some() && value.tag.is_none();
        if let Some(spread) = self.spread(properties, value, planned) {
            return Ok(vec![self.pen.replace_value(properties, key, value, &spread)?]);
        }
        let mut edits = Vec::new();
        let mut removed = vec![false; value.as_list().len()];
        for (entry, plan) in planned {
            let (item, flow) = (entry.node.ok_or(LayoutObstacle::Moved)?, value.is_flow());
            match plan {
                EntryPlan::Keep => {}
                EntryPlan::Remove => {
                    let index = value.as_list().iter().position(|other| other.span == item.span);
                    let slot = index.and_then(|index| removed.get_mut(index));
                    *slot.ok_or(LayoutObstacle::Moved)? = true;
                }
                EntryPlan::Statements(plans) => {
                    edits.extend(document(self.pen, self.writer, self.resolver, entry, plans)?);
                }
                EntryPlan::Replace(statements) => {
                    let tree = self.sam_document(statements, flow);
                    if is_list {
                        edits.push(self.pen.replace_item(value, item, &tree)?);
                    } else {
                        edits.push(self.pen.replace_value(properties, key, value, &Tree::List(vec![tree]))?);
                    }
                }
            }
        }
        if removed.iter().any(|removed| *removed) {
            edits.extend(self.pen.remove_items(value, &removed)?);
        }
        Ok(edits)
    }

    /// Spreads `Policies: [AmazonS3FullAccess]` over lines once a policy document comes in: in brackets it
    /// would be one long line. `None` if it has to stay as written.
    fn spread(&self, properties: &Node, list: &Node, planned: &[Planned<'_, '_>]) -> Option<Tree> {
        let text = self.pen.source.slice(list.span);
        let one_line = list.is_flow() && list.items().is_some() && list.tag.is_none() && !text.contains(['\n', '#']);
        if !one_line || properties.is_flow() || self.pen.source.is_json() {
            return None;
        }
        if !planned.iter().any(|(_, plan)| matches!(plan, EntryPlan::Replace(_))) {
            return None;
        }
        let mut trees = Vec::new();
        for item in list.as_list() {
            let plan = planned.iter().find(|(entry, _)| entry.node.is_some_and(|node| node.span == item.span));
            match plan.map(|(_, plan)| *plan) {
                None | Some(EntryPlan::Keep) => trees.push(Tree::Scalar(self.pen.source.slice(item.span).to_owned())),
                Some(EntryPlan::Remove) => {}
                Some(EntryPlan::Statements(_)) => return None,
                Some(EntryPlan::Replace(statements)) => trees.push(self.sam_document(statements, false)),
            }
        }
        Some(Tree::List(trees))
    }

    /// A policy document in a function's `Policies`.
    fn sam_document(&self, statements: &[Statement], flow: bool) -> Tree {
        let list = Tree::List(statements.iter().map(|s| self.writer.statement(s, true, flow)).collect());
        Tree::Map(vec![
            ("Version".to_owned(), Tree::Scalar(self.writer.text("2012-10-17", flow))),
            ("Statement".to_owned(), list),
        ])
    }

    /// `ManagedPolicyArns` and `Policies` of an `AWS::IAM::Role`: a managed policy that shrinks becomes an
    /// inline one.
    fn managed_of_role(
        &self,
        properties: &Node,
        managed: &[Planned<'_, '_>],
        inline: &[Planned<'_, '_>],
    ) -> Result<Vec<Edit>, LayoutObstacle> {
        let mut edits = Vec::new();
        let mut new = Vec::new();
        let mut names: Vec<String> = Vec::new();
        for (entry, _) in inline {
            if let Origin::RolePolicy(name) = &entry.origin {
                names.push(name.clone());
            }
        }
        for (entry, plan) in managed {
            if let (Origin::Managed(name), EntryPlan::Replace(statements)) = (&entry.origin, plan) {
                let name = unused(name, &names);
                names.push(name.clone());
                new.push((name, statements));
            }
        }
        let entry = properties.entry("ManagedPolicyArns");
        let all_managed_go = managed.iter().all(|(_, plan)| **plan != EntryPlan::Keep)
            && entry.is_some_and(|(_, value)| value.as_list().len() == managed.len());
        // Nothing would stay under this key and `Policies` does not exist yet: the key is renamed.
        let rename = all_managed_go && !new.is_empty() && properties.entry("Policies").is_none();
        if let Some((key, value)) = entry.filter(|_| !rename) {
            let gone = |item: &Node| {
                managed.iter().any(|(entry, plan)| {
                    entry.node.is_some_and(|node| node.span == item.span) && **plan != EntryPlan::Keep
                })
            };
            let removed: Vec<bool> = value.as_list().iter().map(gone).collect();
            if !removed.is_empty() && removed.iter().all(|removed| *removed) {
                edits.extend(self.pen.empty_list(properties, key, value)?);
            } else if removed.iter().any(|removed| *removed) {
                edits.extend(self.pen.remove_items(value, &removed)?);
            }
        }
        let policies = properties.entry("Policies");
        let all_go = !inline.is_empty() && inline.iter().all(|(_, plan)| **plan == EntryPlan::Remove);
        let flow = policies.map_or(properties.is_flow(), |(_, value)| value.is_flow());
        let trees: Vec<Tree> = new
            .iter()
            .map(|(name, statements)| {
                Tree::Map(vec![
                    ("PolicyName".to_owned(), Tree::Scalar(self.writer.text(name, flow))),
                    ("PolicyDocument".to_owned(), self.writer.document(statements, flow)),
                ])
            })
            .collect();
        match policies {
            Some((key, value)) if !trees.is_empty() && (all_go || value.as_list().is_empty() || value.is_null()) => {
                edits.push(self.pen.replace_value(properties, key, value, &Tree::List(trees))?);
            }
            Some((_, value)) if !trees.is_empty() => {
                edits.extend(self.list(properties, "Policies", inline)?);
                let kept = |item: &&Node| {
                    !inline.iter().any(|(entry, plan)| {
                        **plan == EntryPlan::Remove && entry.node.is_some_and(|node| node.span == item.span)
                    })
                };
                let final_item = value.as_list().iter().rfind(kept).ok_or(LayoutObstacle::Moved)?;
                edits.push(self.pen.insert_items(value, final_item, &trees)?);
            }
            Some(_) => edits.extend(self.list(properties, "Policies", inline)?),
            None if trees.is_empty() => {}
            None if rename => {
                let (key, value) = entry.ok_or(LayoutObstacle::Moved)?;
                let name = if properties.is_flow() { "\"Policies\"" } else { "Policies" };
                edits.push(Edit { span: key.span, text: name.to_owned() });
                edits.push(self.pen.replace_value(properties, key, value, &Tree::List(trees))?);
            }
            None => {
                let (key, value) = entry.ok_or(LayoutObstacle::Moved)?;
                edits.push(self.pen.insert_pair(properties, (key, value), "Policies", &Tree::List(trees)));
            }
        }
        Ok(edits)
    }

    /// A policy resource of its own.
    fn attached(&self, id: &str, entry: &GrantedPolicy<'_>, plan: &EntryPlan) -> Result<Vec<Edit>, EditRefusal> {
        let at = |obstacle: LayoutObstacle| EditRefusal::at(entry.span, obstacle);
        match plan {
            EntryPlan::Keep => Ok(Vec::new()),
            EntryPlan::Statements(plans) => document(self.pen, self.writer, self.resolver, entry, plans).map_err(at),
            EntryPlan::Remove => {
                if let Some(span) = self.mention(id) {
                    return Err(EditRefusal::at(span, RefusalReason::NamedElsewhere(id.to_owned())));
                }
                let resources = self.template.root().get("Resources");
                let pair = resources.and_then(|resources| Some((resources, resources.entry(id)?)));
                let (resources, (key, value)) = pair.ok_or_else(|| at(LayoutObstacle::Moved))?;
                Ok(vec![self.pen.remove_pair(resources, key, value).map_err(at)?])
            }
            EntryPlan::Replace(_) => Err(at(LayoutObstacle::Moved)),
        }
    }

    /// Where something outside of a resource names its logical id: `Ref`, `GetAtt`, `Sub`, `DependsOn`,
    /// `Condition`, …
    fn mention(&self, id: &str) -> Option<Span> {
        let own = self.template.resource(id)?.span;
        let mut found = None;
        self.template.root().walk(&mut |node| {
            let text = node.scalar().unwrap_or_default();
            let names = text == id
                || text.starts_with(&format!("{id}."))
                || text.contains(&format!("${{{id}}}"))
                || text.contains(&format!("${{{id}."));
            let is_key = self
                .template
                .root()
                .get("Resources")
                .and_then(|r| r.entry(id))
                .is_some_and(|(key, _)| key.span == node.span);
            if names && !is_key && !own.contains(node.span) && found.is_none() {
                found = Some(node.span);
            }
        });
        found
    }
}

/// Statements of one policy document.
pub fn document(
    pen: &Pen<'_, '_>,
    writer: &StatementWriter<'_, '_>,
    resolver: &Resolver<'_>,
    entry: &GrantedPolicy<'_>,
    plans: &[StatementPlan],
) -> Result<Vec<Edit>, LayoutObstacle> {
    let document = entry.document.ok_or(LayoutObstacle::Moved)?;
    let (key, value) = document.entry("Statement").ok_or(LayoutObstacle::Moved)?;
    let mut edits = Vec::new();
    let mut removed = vec![false; plans.len()];
    let with_sid = entry.grants.iter().all(|grant| grant.statement.sid.is_some());
    let mut rewritten: Vec<Tree> = Vec::new();
    let single = value.items().is_none();
    for ((grant, plan), removed) in entry.grants.iter().zip(plans).zip(&mut removed) {
        let (node, flow) = (grant.node.ok_or(LayoutObstacle::Moved)?, value.is_flow());
        match plan {
            StatementPlan::Keep => {}
            StatementPlan::Remove => *removed = true,
            StatementPlan::Narrow(statements) => {
                let (first, others) = statements.split_first().ok_or(LayoutObstacle::Moved)?;
                let tree = |statement: &Statement| writer.statement(statement, with_sid, flow);
                if single && !others.is_empty() {
                    rewritten = statements.iter().map(tree).collect();
                    continue;
                }
                let own_sid = Statement { sid: grant.statement.sid.clone(), ..first.clone() };
                let in_place = statement::narrow(pen, writer, resolver, grant, first)?;
                match in_place.filter(|own| single || value.is_flow() || !pen.overflows(node, own)) {
                    Some(own) => edits.extend(own),
                    None if single => {
                        let tree = writer.statement(&own_sid, true, flow);
                        edits.push(pen.replace_value(document, key, value, &Tree::List(vec![tree]))?);
                    }
                    None => {
                        let tree = writer.statement(&own_sid, true, flow);
                        edits.push(pen.replace_item(value, node, &tree)?);
                    }
                }
                if !others.is_empty() {
                    let trees: Vec<Tree> = others.iter().map(tree).collect();
                    edits.push(pen.insert_items(value, node, &trees)?);
                }
            }
        }
    }
    if !rewritten.is_empty() {
        edits.push(pen.replace_value(document, key, value, &Tree::List(rewritten))?);
    }
    if removed.iter().any(|removed| *removed) {
        edits.extend(pen.remove_items(value, &removed)?);
    }
    Ok(edits)
}

/// A policy name that the role does not use yet. IAM allows letters, digits and `_+=,.@-`.
fn unused(wanted: &str, names: &[String]) -> String {
    let allowed = |c: &char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(*c);
    let base: String = wanted.rsplit('/').next().unwrap_or(wanted).chars().filter(allowed).take(100).collect();
    let base = if base.is_empty() { "Narrowed".to_owned() } else { base };
    let mut name = base.clone();
    let mut number = 2_u32;
    while names.contains(&name) {
        name = format!("{base}-{number}");
        number = number.saturating_add(1);
    }
    name
}
