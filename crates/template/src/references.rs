//! Turns an ARN of the account back into the name that a template has for it.
//!
//! [`References`] knows the names and attributes of the resources of one stack (or Terraform state).
//! [`References::rewrite`] turns the ARN of a suggestion into `!GetAtt Table.Arn`, `!Sub …` or a resource
//! address. Rewriting is exact: the new expression resolves to the text that came in.

mod names;
mod stack;
mod terraform;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use names::ResourceName;

use crate::expression::{Expression, ExpressionPart};
use crate::terraform::address::block_of;

/// Names and attributes of the resources of one stack or state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    values: BTreeMap<ReferenceKey, String>,
    /// Terraform: the expression that has a value.
    addresses: BTreeMap<String, String>,
    /// Terraform: the value of every expression that is known, also of those that are not the best name of a
    /// value.
    attributes: BTreeMap<String, String>,
    account: Option<String>,
    region: Option<String>,
    partition: Option<String>,
    /// Expressions for account, Region and partition, if there are some.
    pseudo: Pseudo,
    /// Expressions for names of resources that may not be referenced.
    names: BTreeMap<String, Expression>,
    /// Logical ids and addresses of blocks that may not be referenced.
    withheld: BTreeSet<String>,
}

type ReferenceKey = (String, Option<String>);

/// Shorter names, such as `dev` or `main`, may mean anything.
const SHORTEST_NAME: usize = 6;

/// Expressions for account, Region and partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Pseudo {
    account: Option<ExpressionPart>,
    region: Option<ExpressionPart>,
    partition: Option<ExpressionPart>,
}

impl References {
    /// Account, Region and partition that become pseudo parameters (AWS CloudFormation User Guide, "Get AWS
    /// values using pseudo parameters"). `None` stays literal.
    #[must_use]
    pub fn with_place(mut self, account: Option<&str>, region: Option<&str>, partition: Option<&str>) -> Self {
        let pseudo = |name: &str| ExpressionPart::Reference { logical_id: name.to_owned(), attribute: None };
        self.account = account.map(str::to_owned);
        self.region = region.map(str::to_owned);
        self.partition = partition.map(str::to_owned);
        self.pseudo = Pseudo {
            account: Some(pseudo("AWS::AccountId")),
            region: Some(pseudo("AWS::Region")),
            partition: Some(pseudo("AWS::Partition")),
        };
        self
    }

    /// Adds the value of `Ref` (or of an attribute) of a logical id. The first value stays.
    pub fn insert(&mut self, logical_id: &str, attribute: Option<&str>, value: impl Into<String>) {
        let value = value.into();
        if !value.is_empty() {
            self.values.entry((logical_id.to_owned(), attribute.map(str::to_owned))).or_insert(value);
        }
    }

    /// The same without the resources of these logical ids, or the blocks at these addresses: no expression
    /// names them.
    #[must_use]
    pub fn without(&self, resources: &BTreeSet<String>) -> Self {
        let mut out = self.clone();
        out.values.retain(|(id, _), _| !resources.contains(id));
        out.withheld.extend(resources.iter().cloned());
        let withheld = |address: &str| block_of(address).is_some_and(|block| resources.contains(block));
        out.addresses.retain(|_, address| !withheld(address));
        out
    }

    /// True if an expression names no resource that may not be referenced.
    pub fn allow(&self, expression: &Expression) -> bool {
        let named = |part: &ExpressionPart| match part {
            ExpressionPart::Reference { logical_id, .. } => self.withheld.contains(logical_id),
            ExpressionPart::Address(address) => block_of(address).is_some_and(|block| self.withheld.contains(block)),
            ExpressionPart::Text(_) | ExpressionPart::Opaque(_) => false,
        };
        !expression.parts().iter().any(named)
    }

    /// Sets the expression for a name (one segment of an ARN).
    pub fn set_name(&mut self, name: &str, written: Expression) {
        self.names.insert(name.to_owned(), written);
    }

    /// True if [`Self::set_name`] set an expression for a name.
    pub fn has_name(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// The value of `Ref` or of an attribute.
    pub fn value(&self, logical_id: &str, attribute: Option<&str>) -> Option<&str> {
        // A key of borrowed parts would need its own ordering; templates have few references.
        self.values.get(&(logical_id.to_owned(), attribute.map(str::to_owned))).map(String::as_str)
    }

    /// All values of a stack: logical id, attribute, value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>, &str)> {
        self.values.iter().map(|((id, attribute), value)| (id.as_str(), attribute.as_deref(), value.as_str()))
    }

    /// The value of a Terraform expression.
    pub fn address_value(&self, address: &str) -> Option<&str> {
        let found = self.addresses.iter().find(|(_, known)| *known == address).map(|(value, _)| value.as_str());
        found.or_else(|| self.attributes.get(address).map(String::as_str))
    }

    /// The ARN (or ARN pattern) with the template's names in place of their values in the deployment.
    pub fn rewrite(&self, arn: &str) -> Expression {
        // A literal `${` without its brace would swallow the reference behind it in `Fn::Sub`.
        if arn.split("${").skip(1).any(|rest| !rest.contains('}')) {
            return Expression::text(arn);
        }
        if let Some(expression) = self.whole_or_prefix(arn) {
            return expression;
        }
        let fields: Vec<&str> = arn.splitn(6, ':').collect();
        let [scheme @ "arn", partition, service, region, account, resource] = fields.as_slice() else {
            return Expression::text(arn);
        };
        let mut out = Expression::text(format!("{scheme}:"));
        out.push(pseudo_or_text(partition, self.partition.as_deref(), self.pseudo.partition.as_ref()));
        out.push(ExpressionPart::Text(format!(":{service}:")));
        out.push(pseudo_or_text(region, self.region.as_deref(), self.pseudo.region.as_ref()));
        out.push(ExpressionPart::Text(":".to_owned()));
        out.push(pseudo_or_text(account, self.account.as_deref(), self.pseudo.account.as_ref()));
        out.push(ExpressionPart::Text(":".to_owned()));
        out.extend(self.names_in(resource));
        out
    }

    /// The name of the resource `arn`: `!Ref Table` if that resource is known and its name is `name`, else
    /// the text.
    pub fn rewrite_name(&self, arn: &str, name: &str) -> Expression {
        let of_stack = || {
            let mut same = self.values.iter().filter(|((_, attribute), value)| attribute.is_none() && *value == name);
            let found = self.iter().filter(|(_, _, value)| *value == arn).find_map(|(logical_id, _, _)| {
                // `Ref` (no attribute) comes first.
                let own = self.iter().find(|(id, _, value)| *id == logical_id && *value == name);
                own.map(|(id, attribute, _)| (id.to_owned(), attribute.map(str::to_owned)))
            });
            // A role's ARN is not known, as it may have a path; its name is.
            let by_name = || match (same.next(), same.next()) {
                (Some((key, _)), None) if self.has_no_arn(&key.0) => Some(key.clone()),
                _ => None,
            };
            let (logical_id, attribute) = found.or_else(by_name)?;
            Some(ExpressionPart::Reference { logical_id, attribute })
        };
        let of_state = || {
            let resources = self.attributes.iter().filter(|(_, value)| *value == arn);
            resources.filter_map(|(address, _)| address.strip_suffix(".arn")).find_map(|resource| {
                let attributes = terraform::ATTRIBUTES.iter().map(|attribute| format!("{resource}.{attribute}"));
                let own = attributes.filter(|address| self.attributes.get(address).is_some_and(|value| value == name));
                own.max_by_key(|address| address.rsplit('.').next() == Some("name")).map(ExpressionPart::Address)
            })
        };
        of_stack().or_else(of_state).map_or_else(|| Expression::text(name), Expression::of)
    }

    fn has_no_arn(&self, logical_id: &str) -> bool {
        !self.iter().any(|(id, _, value)| id == logical_id && value.starts_with("arn:"))
    }

    /// A value that is the text, or that the text continues after a `/` or `:`.
    fn whole_or_prefix(&self, text: &str) -> Option<Expression> {
        let known = self.values.iter().map(|((logical_id, attribute), value)| {
            (value, ExpressionPart::Reference { logical_id: logical_id.clone(), attribute: attribute.clone() })
        });
        let addresses = self.addresses.iter().map(|(value, address)| (value, ExpressionPart::Address(address.clone())));
        let best = known
            .chain(addresses)
            .filter(|(value, _)| value.starts_with("arn:"))
            .filter_map(|(value, part)| {
                let rest = text.strip_prefix(value.as_str())?;
                (rest.is_empty() || rest.starts_with(['/', ':'])).then_some((value.len(), part, rest))
            })
            .max_by_key(|(length, part, _)| {
                (*length, matches!(part, ExpressionPart::Reference { attribute: None, .. }))
            })?;
        let (_, part, rest) = best;
        let mut out = Expression::of(part);
        out.push(ExpressionPart::Text(rest.to_owned()));
        Some(out)
    }

    /// Replaces segments of a resource part that are the physical name of exactly one resource.
    fn names_in(&self, resource: &str) -> Expression {
        let mut out = Expression::default();
        let mut rest = resource;
        loop {
            if let Some((part, after)) = self.path(rest) {
                out.push(part);
                rest = after;
                continue;
            }
            let end = rest.find(['/', ':']).unwrap_or(rest.len());
            let (segment, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
            match (self.names.get(segment), self.name(segment)) {
                (Some(written), _) => out.extend(written.clone()),
                (None, Some(part)) => out.push(part),
                (None, None) => out.push(ExpressionPart::Text(segment.to_owned())),
            }
            if let Some((part, after)) = self.path(after) {
                out.push(part);
                rest = after;
                continue;
            }
            let Some(separator) = after.chars().next() else { return out };
            out.push(ExpressionPart::Text(separator.to_string()));
            rest = after.get(1..).unwrap_or_default();
        }
    }

    /// A name of several segments (`/shop/prices/tax`, `team/app`) that stands at the start of a text, and
    /// the rest of it.
    fn path<'t>(&self, text: &'t str) -> Option<(ExpressionPart, &'t str)> {
        let mut found = self.values.iter().filter_map(|((logical_id, attribute), value)| {
            let rest = text.strip_prefix(value.as_str())?;
            let ends = rest.is_empty() || rest.starts_with(['/', ':']);
            let is_path = value.contains('/') && !value.contains(':') && value.len() >= SHORTEST_NAME;
            let part = ExpressionPart::Reference { logical_id: logical_id.clone(), attribute: None };
            (ends && is_path && attribute.is_none()).then_some((part, rest))
        });
        // If two fit, either would be a guess.
        found.next().filter(|_| found.next().is_none())
    }

    fn name(&self, segment: &str) -> Option<ExpressionPart> {
        if segment.len() < SHORTEST_NAME || segment.contains(['*', '?']) {
            return None;
        }
        let mut same = self.values.iter().filter(|((_, attribute), value)| attribute.is_none() && *value == segment);
        match (same.next(), same.next()) {
            (Some(((logical_id, _), _)), None) => {
                Some(ExpressionPart::Reference { logical_id: logical_id.clone(), attribute: None })
            }
            (None, _) => self.addresses.get(segment).map(|address| ExpressionPart::Address(address.clone())),
            _ => None,
        }
    }
}

fn pseudo_or_text(field: &str, known: Option<&str>, pseudo: Option<&ExpressionPart>) -> ExpressionPart {
    match pseudo {
        Some(part) if known == Some(field) && !field.is_empty() => part.clone(),
        _ => ExpressionPart::Text(field.to_owned()),
    }
}
