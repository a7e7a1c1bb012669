//! Reads everything that a role of a template allows: every policy that reaches it, expanded as SAM and
//! CloudFormation do, each statement with its place in the file. What cannot be resolved becomes a
//! [`GrantProblem`], never a guess.

pub(crate) mod document;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use whittle_policy::{PolicyDocument, Statement};

use crate::managed::{self, aws_managed};
use crate::node::Node;
use crate::reason::{PolicyPart, PolicyProblem, Uneditable, Unreadable};
use crate::resolve::Resolver;
use crate::sam;
use crate::source::Span;
use crate::template::{RoleRef, Template};

/// Documents of managed policies as an account has them, by ARN.
pub type Documents = BTreeMap<String, PolicyDocument>;

/// A statement and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant<'t> {
    /// The statement with everything resolved that is known.
    pub statement: Statement,
    /// Where it is written; for a statement that a name stands for, where the name is.
    pub span: Span,
    /// The statement in the file; `None` if it is not written out.
    pub node: Option<&'t Node>,
}

/// How a policy comes to a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Statements inside a function's `Policies`.
    Inline,
    /// A SAM policy template, by name.
    SamTemplate(String),
    /// A managed policy by name or ARN, in `Policies` or `ManagedPolicyArns`.
    Managed(String),
    /// An inline policy of an `AWS::IAM::Role`, by name.
    RolePolicy(String),
    /// An `AWS::IAM::Policy`, `ManagedPolicy` or `RolePolicy` of the file, by logical id.
    Attached(String),
    /// SAM adds it; the reason.
    Implied(String),
    /// A SAM connector, by name.
    Connector(String),
}

/// One policy of a role.
#[derive(Debug, Clone, PartialEq)]
pub struct GrantedPolicy<'t> {
    /// How it comes to the role.
    pub origin: Origin,
    /// The item in the list that holds it, or the resource; `None` for what SAM adds.
    pub node: Option<&'t Node>,
    /// Where it is written.
    pub span: Span,
    /// Its policy document in the file, where it has one of its own.
    pub document: Option<&'t Node>,
    /// Its statements.
    pub grants: Vec<Grant<'t>>,
    /// Its statements are not all known, or must not be edited.
    pub problem: Option<PolicyProblem>,
}

/// A place where a role's policies could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantProblem {
    /// Where.
    pub span: Span,
    /// The problem.
    pub reason: Unreadable,
}

/// Everything that a role allows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RoleGrants<'t> {
    /// Its policies.
    pub entries: Vec<GrantedPolicy<'t>>,
    /// Problems of the role as a whole.
    pub problems: Vec<GrantProblem>,
}

impl<'t> RoleGrants<'t> {
    /// All statements, with how they come to the role.
    pub fn grants(&self) -> impl Iterator<Item = (&GrantedPolicy<'t>, &Grant<'t>)> {
        self.entries.iter().flat_map(|entry| entry.grants.iter().map(move |grant| (entry, grant)))
    }

    /// Everything that is not known, of the role and of its policies.
    pub fn unreadable(&self) -> Vec<GrantProblem> {
        let own = self.entries.iter().filter_map(|entry| match &entry.problem {
            Some(PolicyProblem::Unreadable(reason)) => Some(GrantProblem { span: entry.span, reason: reason.clone() }),
            Some(PolicyProblem::Uneditable(_)) | None => None,
        });
        self.problems.iter().cloned().chain(own).collect()
    }
}

/// Reads what a role of the template allows. `documents` knows managed policies of the account.
pub fn grants_of<'t>(
    template: &'t Template<'_>,
    resolver: &Resolver<'t>,
    role: &RoleRef<'t>,
    documents: &Documents,
) -> RoleGrants<'t> {
    let mut reader = GrantReader { template, resolver, documents, out: RoleGrants::default() };
    match role {
        RoleRef::Generated(function) => reader.generated(function),
        RoleRef::InFile(role) => reader.role(role),
        RoleRef::Elsewhere(text) => {
            let reason = Unreadable::RoleElsewhere(text.clone());
            reader.out.problems.push(GrantProblem { span: Span::default(), reason });
        }
    }
    reader.out
}

struct GrantReader<'r, 't, 'a> {
    template: &'t Template<'a>,
    resolver: &'r Resolver<'t>,
    documents: &'r Documents,
    out: RoleGrants<'t>,
}

impl<'t> GrantReader<'_, 't, '_> {
    fn generated(&mut self, function: &'t str) {
        let Some(node) = self.template.resource(function) else { return };
        self.transforms(node);
        let property = |name: &str| self.template.function_property(node, name);
        for implied in sam::implied(&property, self.resolver) {
            let span = implied.node.map_or(node.span, |node| node.span);
            let (mut statements, problem) = match implied.statements {
                Ok(statements) => (statements, None),
                Err(reason) => (Vec::new(), Some(PolicyProblem::Unreadable(reason))),
            };
            if let Some(policy) = implied.managed.and_then(aws_managed) {
                statements.extend(policy.document.statements.into_vec());
            }
            let grants = statements.into_iter().map(|statement| Grant { statement, span, node: None }).collect();
            let because = match implied.managed {
                Some(name) => format!("{name}, for {}", implied.because),
                None => implied.because,
            };
            self.push(Origin::Implied(because), None, span, grants, problem);
        }
        let properties = node.get("Properties");
        if let Some(properties) = properties.filter(|properties| properties.intrinsic().is_some()) {
            self.problem(properties, Unreadable::ComputedProperties);
        }
        let policies = properties.and_then(|properties| properties.get("Policies"));
        match policies {
            Some(list) if list.items().is_some() && list.tag.is_none() => {
                list.as_list().iter().for_each(|item| self.function_policy(item));
            }
            Some(one) if !one.is_null() => self.function_policy(one),
            _ => {}
        }
        let generated = RoleRef::Generated(function);
        self.attached(&generated);
        for connector in sam::connectors(self.template.root(), self.resolver) {
            if connector.function == function {
                self.connector(connector);
            }
        }
    }

    fn role(&mut self, role: &'t str) {
        let Some(node) = self.template.resource(role) else { return };
        self.transforms(node);
        let Some(properties) = node.get("Properties") else { return };
        if properties.intrinsic().is_some() {
            return self.problem(properties, Unreadable::ComputedProperties);
        }
        if let Some(list) = properties.get("ManagedPolicyArns") {
            if list.intrinsic().is_some() || list.items().is_none() {
                self.problem(list, Unreadable::NotAPlainList("ManagedPolicyArns"));
            } else {
                list.as_list().iter().for_each(|item| self.managed(item));
            }
        }
        if let Some(list) = properties.get("Policies") {
            if list.intrinsic().is_some() || list.items().is_none() {
                self.problem(list, Unreadable::NotAPlainList("Policies"));
            } else {
                list.as_list().iter().for_each(|item| self.role_policy(item));
            }
        }
        self.attached(&RoleRef::InFile(role));
        for connector in sam::connectors(self.template.root(), self.resolver) {
            let of_function =
                self.template.resource(&connector.function).and_then(|node| node.get("Properties")?.get("Role"));
            let names = of_function.map(|node| self.resolver.expression(node));
            let same = names.is_some_and(|names| {
                matches!(names.parts(), [crate::expression::ExpressionPart::Reference { logical_id, .. }] if logical_id == role)
            });
            if same {
                self.connector(connector);
            }
        }
    }

    /// An item of a SAM function's `Policies` (SAM specification, "AWS::Serverless::Function", `Policies`).
    fn function_policy(&mut self, item: &'t Node) {
        if let Some((function, _)) = item.intrinsic() {
            return match function.as_str() {
                "Ref" | "Fn::Sub" | "Fn::Join" | "Fn::GetAtt" | "Fn::FindInMap" => self.managed(item),
                _ => self.unknown(Origin::Inline, item, Unreadable::Decided { function, part: PolicyPart::Policy }),
            };
        }
        if matches!(item.kind, crate::node::NodeKind::Alias) {
            return self.unknown(Origin::Inline, item, Unreadable::Alias(PolicyPart::Policy));
        }
        if item.text().is_some() {
            return self.managed(item);
        }
        if item.get("Statement").is_some() {
            return self.document(Origin::Inline, item, item);
        }
        let [(name, parameters)] = item.entries() else {
            return self.unknown(Origin::Inline, item, Unreadable::NotAPolicy);
        };
        let name = name.text().unwrap_or_default();
        let Some(known) = sam::policy_template(name) else {
            let reason = Unreadable::NotAPolicyTemplate(name.to_owned());
            return self.unknown(Origin::SamTemplate(name.to_owned()), item, reason);
        };
        let value = |parameter: &str| parameters.get(parameter).map(|node| self.resolver.expression(node));
        match known.expand(&value, self.resolver) {
            Ok(statements) => {
                let grant = |statement| Grant { statement, span: item.span, node: None };
                let grants = statements.into_iter().map(grant).collect();
                self.push(Origin::SamTemplate(name.to_owned()), Some(item), item.span, grants, None);
            }
            Err(reason) => self.unknown(Origin::SamTemplate(name.to_owned()), item, reason),
        }
    }

    /// A managed policy by name or ARN.
    fn managed(&mut self, item: &'t Node) {
        let expression = self.resolver.expression(item);
        // A managed policy of this very file is read where it is written.
        if let [crate::expression::ExpressionPart::Reference { logical_id, attribute: None }] = expression.parts()
            && self.template.kind_of(logical_id) == Some("AWS::IAM::ManagedPolicy")
            && let Some((id, node)) = self.template.resources().find(|(id, _)| id == logical_id)
        {
            return self.policy_resource(id, node, &[]);
        }
        let name = self.resolver.value(&expression);
        let short = name.rsplit('/').next().unwrap_or(&name).to_owned();
        let document = managed::document(&name, self.documents);
        if let Some(document) = document {
            let grant = |statement| Grant { statement, span: item.span, node: None };
            let grants = document.to_version_2012().statements.into_vec().into_iter().map(grant).collect();
            self.push(Origin::Managed(short), Some(item), item.span, grants, None);
        } else {
            let written = self.template.source().slice(item.span).to_owned();
            self.unknown(Origin::Managed(written.clone()), item, Unreadable::UnknownManagedPolicy(written));
        }
    }

    fn role_policy(&mut self, item: &'t Node) {
        let name = item.get("PolicyName").map(|name| self.resolver.value(&self.resolver.expression(name)));
        let origin = Origin::RolePolicy(name.unwrap_or_default());
        match item.get("PolicyDocument") {
            Some(document) if item.intrinsic().is_none() => self.document(origin, item, document),
            _ => self.unknown(origin, item, Unreadable::NoPlainDocument),
        }
    }

    /// `AWS::IAM::Policy`, `AWS::IAM::ManagedPolicy` and `AWS::IAM::RolePolicy` that name the role.
    fn attached(&mut self, role: &RoleRef<'t>) {
        for (id, node) in self.template.resources() {
            let Some(kind) = node.get("Type").and_then(Node::text) else { continue };
            let list = match kind {
                "AWS::IAM::Policy" | "AWS::IAM::ManagedPolicy" => "Roles",
                "AWS::IAM::RolePolicy" => "RoleName",
                _ => continue,
            };
            let Some(roles) = node.get("Properties").and_then(|properties| properties.get(list)) else { continue };
            if roles.intrinsic().is_some() && list == "Roles" {
                self.problem(roles, Unreadable::ComputedRoles(id.to_owned()));
                continue;
            }
            let (own, others): (Vec<&Node>, Vec<&Node>) =
                roles.as_list().iter().partition(|item| self.is_role(item, role));
            if !own.is_empty() {
                self.policy_resource(id, node, &others);
            }
        }
    }

    /// True if an item of `Roles` (a role name) is this role.
    fn is_role(&self, item: &Node, role: &RoleRef<'t>) -> bool {
        let expression = self.resolver.expression(item);
        let by_id = match expression.parts() {
            [crate::expression::ExpressionPart::Reference { logical_id, attribute: None }] => {
                self.template.role_named(logical_id).as_ref() == Some(role)
            }
            _ => false,
        };
        let RoleRef::InFile(id) = role else { return by_id };
        let named = self.template.resource(id).and_then(|node| node.get("Properties")?.get("RoleName"));
        by_id
            || named.is_some_and(|name| {
                self.resolver.value(&self.resolver.expression(name)) == self.resolver.value(&expression)
            })
    }

    fn policy_resource(&mut self, id: &'t str, node: &'t Node, other_roles: &[&Node]) {
        let origin = Origin::Attached(id.to_owned());
        let Some(properties) = node.get("Properties") else { return };
        let Some(document) = properties.get("PolicyDocument") else {
            return self.unknown(origin, node, Unreadable::NoDocument);
        };
        let before = self.out.entries.len();
        self.document(origin, node, document);
        let shared = !other_roles.is_empty()
            || ["Users", "Groups"].iter().any(|key| properties.get(key).is_some_and(|list| !list.as_list().is_empty()));
        let used_elsewhere = self.uses(id) > usize::from(other_roles.is_empty());
        let managed = node.get("Type").and_then(Node::text) == Some("AWS::IAM::ManagedPolicy");
        if let Some(entry) = self.out.entries.get_mut(before) {
            let reason = if node.get("Condition").is_some() {
                Some(Uneditable::Conditional(id.to_owned()))
            } else if shared || (managed && used_elsewhere) {
                Some(Uneditable::Shared(id.to_owned()))
            } else {
                None
            };
            entry.problem = entry.problem.take().or(reason.map(PolicyProblem::Uneditable));
        }
        self.transforms(node);
    }

    /// Counts the `Ref`s of a logical id: a measure of who depends on it.
    fn uses(&self, id: &str) -> usize {
        let mut count = 0;
        self.template.root().walk(&mut |node| {
            if let Some(("Ref", argument)) =
                node.intrinsic().as_ref().map(|(name, argument)| (name.as_str(), *argument))
                && argument.scalar() == Some(id)
            {
                count += 1;
            }
        });
        count
    }

    fn connector(&mut self, connector: sam::Connector<'t>) {
        let span = connector.node.span;
        let origin = Origin::Connector(connector.name);
        match connector.statements {
            Ok(statements) => {
                let grants = statements.into_iter().map(|statement| Grant { statement, span, node: None }).collect();
                self.push(origin, None, span, grants, None);
            }
            Err(reason) => {
                self.push(origin, None, span, Vec::new(), Some(PolicyProblem::Unreadable(reason)));
            }
        }
    }

    fn document(&mut self, origin: Origin, item: &'t Node, document: &'t Node) {
        let read = document::read(document, self.resolver);
        let (grants, problem) = match read {
            Ok(grants) => (grants, None),
            Err(problem) => (Vec::new(), Some(PolicyProblem::Unreadable(problem.reason))),
        };
        self.out.entries.push(GrantedPolicy {
            origin,
            node: Some(item),
            span: item.span,
            document: Some(document),
            grants,
            problem,
        });
    }

    /// `Fn::Transform` inside a resource may put anything beside what is written.
    fn transforms(&mut self, resource: &'t Node) {
        let mut found = Vec::new();
        resource.walk(&mut |node| {
            let by_key =
                node.entries().iter().find(|(key, _)| key.text() == Some("Fn::Transform")).map(|(key, _)| key.span);
            let by_tag = (node.tag.as_deref() == Some("Transform")).then_some(node.span);
            found.extend(by_key.or(by_tag));
        });
        for span in found {
            self.out.problems.push(GrantProblem { span, reason: Unreadable::InnerTransform });
        }
    }

    fn problem(&mut self, node: &'t Node, reason: Unreadable) {
        self.out.problems.push(GrantProblem { span: node.span, reason });
    }

    fn unknown(&mut self, origin: Origin, item: &'t Node, reason: Unreadable) {
        self.push(origin, Some(item), item.span, Vec::new(), Some(PolicyProblem::Unreadable(reason)));
    }

    fn push(
        &mut self,
        origin: Origin,
        node: Option<&'t Node>,
        span: Span,
        grants: Vec<Grant<'t>>,
        problem: Option<PolicyProblem>,
    ) {
        self.out.entries.push(GrantedPolicy { origin, node, span, document: None, grants, problem });
    }
}
