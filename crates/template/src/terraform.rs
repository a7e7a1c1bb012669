//! Terraform files: the roles of their functions, what the roles allow, and narrowing them in place.
//!
//! `hcl-edit` parses. A file becomes the same [`Node`]s as a template, so reading grants, planning, writing
//! statements and the proof are shared. Only one file is read: policies in other files of the module are not
//! known, and a role that is partly elsewhere is refused.

pub(crate) mod address;
mod edit;
mod order;
mod read;
#[cfg(test)]
mod tests;

use crate::grants::{Documents, Grant, GrantProblem, GrantedPolicy, Origin, RoleGrants, document};
use crate::managed;
use crate::node::{Node, NodeKind, Style};
use crate::reason::{PolicyProblem, Uneditable, Unreadable};
use crate::resolve::Resolver;
use crate::source::{ReadError, Source, Span};

pub use edit::{apply, resolver};

/// A block with its attributes as a mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// `resource`, `data`, `statement`, …
    pub ident: String,
    /// The quoted labels after it.
    pub labels: Vec<String>,
    /// The whole block.
    pub span: Span,
    /// Attributes by name.
    pub attributes: Node,
    /// Blocks inside.
    pub blocks: Vec<Block>,
}

impl Block {
    /// `aws_iam_role.shop`, `data.aws_iam_policy_document.shop`.
    pub fn address(&self) -> Option<String> {
        let [kind, name] = self.labels.as_slice() else { return None };
        match self.ident.as_str() {
            "resource" => Some(format!("{kind}.{name}")),
            "data" => Some(format!("data.{kind}.{name}")),
            _ => None,
        }
    }

    fn is(&self, kind: &str) -> bool {
        self.labels.first().is_some_and(|label| label == kind)
    }

    fn get(&self, name: &str) -> Option<&Node> {
        self.attributes.get(name)
    }
}

/// A `.tf` file.
#[derive(Debug, Clone)]
pub struct Module<'a> {
    source: Source<'a>,
    blocks: Vec<Block>,
    /// Each `data.aws_iam_policy_document` as a policy document.
    documents: Vec<(String, Result<Node, Unreadable>)>,
}

/// A Lambda function of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleFunction {
    /// `aws_lambda_function.checkout`
    pub address: String,
    /// `function_name`, where it is known.
    pub name: Option<String>,
    /// Address of its role, if the role is in the file; else the role as written.
    pub role: Result<String, String>,
}

impl<'a> Module<'a> {
    /// Reads a file.
    pub fn read(bytes: &'a [u8]) -> Result<Self, ReadError> {
        let source = Source::new(bytes)?;
        let blocks = read::blocks(&source)?;
        let documents = blocks
            .iter()
            .filter(|block| block.ident == "data" && block.is("aws_iam_policy_document"))
            .filter_map(|block| Some((block.address()?, read::document(block))))
            .collect();
        Ok(Self { source, blocks, documents })
    }

    /// The root for a resolver of a Terraform file, which has no parameters or mappings of CloudFormation.
    pub fn empty_root() -> Node {
        implicit("", 0)
    }

    /// The file's text and positions.
    pub fn source(&self) -> &Source<'a> {
        &self.source
    }

    /// The functions in the order of the file.
    pub fn functions(&self, resolver: &Resolver<'_>) -> Vec<ModuleFunction> {
        let functions = self.blocks.iter().filter(|block| block.ident == "resource" && block.is("aws_lambda_function"));
        functions
            .filter_map(|block| {
                let role = block.get("role");
                let written = role.map_or("nowhere", |role| self.source.slice(role.span));
                let address = role.and_then(|role| self.role_in(role));
                Some(ModuleFunction {
                    address: block.address()?,
                    name: block.get("function_name").and_then(|name| resolver.text_of(name)),
                    role: address.ok_or_else(|| written.to_owned()),
                })
            })
            .collect()
    }

    /// The role of the file that an expression (`aws_iam_role.shop.arn`, `.name`, `.id`) means.
    fn role_in(&self, value: &Node) -> Option<String> {
        let text = value.scalar().filter(|_| value.tag.as_deref() == Some("hcl"))?;
        let (address, _) = text.rsplit_once('.')?;
        self.block(address).filter(|block| block.is("aws_iam_role")).map(|_| address.to_owned())
    }

    fn block(&self, address: &str) -> Option<&Block> {
        self.blocks.iter().find(|block| block.address().as_deref() == Some(address))
    }

    /// An attribute of a block.
    pub(crate) fn attribute(&self, address: &str, name: &str) -> Option<&Node> {
        self.block(address)?.get(name)
    }

    /// Where a block is.
    pub(crate) fn span_of(&self, address: &str) -> Option<Span> {
        Some(self.block(address)?.span)
    }

    /// Number of attributes and inner blocks of this name in a block.
    pub(crate) fn count(&self, address: &str, name: &str) -> usize {
        let Some(block) = self.block(address) else { return 0 };
        let dynamic = |inner: &Block| inner.ident == "dynamic" && inner.labels.iter().any(|label| label == name);
        let inner = block.blocks.iter().filter(|inner| inner.ident == name || dynamic(inner)).count();
        inner + usize::from(block.get(name).is_some())
    }

    /// Number of resources of a type with an attribute that names a block, or may.
    pub(crate) fn naming(&self, address: &str, kind: &str, attribute: &str) -> usize {
        let of_kind = self.blocks.iter().filter(|block| block.ident == "resource" && block.is(kind));
        let elsewhere = |text: &str| text.starts_with("aws_lambda_function.") && !names(text, address);
        of_kind.filter(|block| !block.get(attribute).and_then(Node::scalar).is_some_and(elsewhere)).count()
    }

    /// The address of the first resource of a type with an attribute that names a block.
    pub(crate) fn named_by(&self, address: &str, kind: &str, attribute: &str) -> Option<String> {
        let mut of_kind = self.blocks.iter().filter(|block| block.ident == "resource" && block.is(kind));
        let found =
            of_kind.find(|block| block.get(attribute).and_then(Node::scalar).is_some_and(|text| names(text, address)));
        found.and_then(Block::address)
    }

    /// How often the file names an address outside of its own block.
    fn uses(&self, address: &str) -> usize {
        let own = self.block(address).map(|block| block.span).unwrap_or_default();
        let found = self.source.text().match_indices(address).filter(|(at, _)| {
            let after = self.source.text().get(at + address.len()..).and_then(|rest| rest.chars().next());
            let before = self.source.text().get(..*at).and_then(|rest| rest.chars().next_back());
            let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '-');
            let inside = own.start <= *at && *at < own.end;
            let part_of_a_name = word(after) || word(before) || before == Some('.');
            !inside && !part_of_a_name
        });
        found.count()
    }

    /// Everything that a role allows.
    pub fn grants<'t>(&'t self, resolver: &Resolver<'t>, role: &str, documents: &Documents) -> RoleGrants<'t> {
        let mut out = RoleGrants::default();
        let Some(block) = self.block(role) else { return out };
        conditional(block, &mut out);
        let is_role =
            |block: &Block, name: &str| block.get(name).and_then(|value| self.role_in(value)).as_deref() == Some(role);
        for inner in block.blocks.iter().filter(|inner| inner.ident == "inline_policy") {
            let name = inner.get("name").and_then(|name| resolver.text_of(name)).unwrap_or_default();
            if let Some(policy) = inner.get("policy") {
                self.policy(Origin::RolePolicy(name), inner, policy, resolver, &mut out);
            } else {
                let reason = Unreadable::NoPolicyArgument("inline_policy");
                out.problems.push(GrantProblem { span: inner.span, reason });
            }
        }
        if let Some(dynamic) = block.blocks.iter().find(|inner| inner.ident == "dynamic") {
            out.problems.push(GrantProblem { span: dynamic.span, reason: Unreadable::DynamicRole });
        }
        if let Some(list) = block.get("managed_policy_arns") {
            if let Some(items) = list.items().filter(|_| list.tag.is_none()) {
                for item in items {
                    self.managed(item, item.span, Some(item), resolver, documents, &mut out);
                }
            } else {
                let reason = Unreadable::ComputedArgument("managed_policy_arns");
                out.problems.push(GrantProblem { span: list.span, reason });
            }
        }
        for block in self.blocks.iter().filter(|block| block.ident == "resource") {
            if block.is("aws_iam_role_policy") && is_role(block, "role") {
                conditional(block, &mut out);
                if let (Some(policy), Some(address)) = (block.get("policy"), block.address()) {
                    self.policy(Origin::Attached(address), block, policy, resolver, &mut out);
                }
            } else if block.is("aws_iam_role_policy_attachment") && is_role(block, "role") {
                conditional(block, &mut out);
                if let Some(arn) = block.get("policy_arn") {
                    self.managed(arn, block.span, None, resolver, documents, &mut out);
                }
            } else if block.is("aws_iam_policy_attachment")
                && block
                    .get("roles")
                    .map(Node::as_list)
                    .unwrap_or_default()
                    .iter()
                    .any(|item| self.role_in(item).as_deref() == Some(role))
            {
                out.problems.push(GrantProblem { span: block.span, reason: Unreadable::PolicyAttachment });
            }
        }
        out
    }

    /// A managed policy: of AWS, or an `aws_iam_policy` of the file.
    fn managed<'t>(
        &'t self,
        value: &'t Node,
        span: Span,
        item: Option<&'t Node>,
        resolver: &Resolver<'t>,
        documents: &Documents,
        out: &mut RoleGrants<'t>,
    ) {
        let own = value.scalar().filter(|_| value.tag.is_some()).and_then(|text| text.rsplit_once('.'));
        let own = own.and_then(|(address, _)| self.block(address)).filter(|block| block.is("aws_iam_policy"));
        if let Some(block) = own {
            conditional(block, out);
            let address = block.address().unwrap_or_default();
            let before = out.entries.len();
            if let Some(policy) = block.get("policy") {
                self.policy(Origin::Attached(address.clone()), block, policy, resolver, out);
            } else {
                let reason = Unreadable::NoPolicyArgument("aws_iam_policy");
                out.problems.push(GrantProblem { span: block.span, reason });
            }
            if self.uses(&address) > 1
                && let Some(entry) = out.entries.get_mut(before).filter(|entry| entry.problem.is_none())
            {
                entry.problem = Some(PolicyProblem::Uneditable(Uneditable::UsedTwice(address)));
            }
            return;
        }
        let name = resolver.value(&resolver.expression(value));
        let short = name.rsplit('/').next().unwrap_or(&name).to_owned();
        let document = managed::document(&name, documents);
        let unknown = || Unreadable::UnknownManagedPolicy(self.source.slice(value.span).to_owned());
        let problem = document.is_none().then(|| PolicyProblem::Unreadable(unknown()));
        let grant = |statement| Grant { statement, span, node: None };
        let statements = document.map(|document| document.to_version_2012().statements.into_vec());
        let grants = statements.unwrap_or_default().into_iter().map(grant).collect();
        out.entries.push(GrantedPolicy {
            origin: Origin::Managed(short),
            node: item,
            span,
            document: None,
            grants,
            problem,
        });
    }

    /// A policy given by an expression.
    fn policy<'t>(
        &'t self,
        origin: Origin,
        block: &'t Block,
        policy: &'t Node,
        resolver: &Resolver<'t>,
        out: &mut RoleGrants<'t>,
    ) {
        let mut shared = None;
        let found: Result<&Node, Unreadable> = match (policy.tag.as_deref(), policy.scalar()) {
            (Some("jsonencode"), _) => policy.items().and_then(<[Node]>::first).ok_or(Unreadable::EmptyJsonencode),
            (Some("hcl"), Some(text)) => match text
                .strip_suffix(".json")
                .and_then(|address| self.documents.iter().find(|(known, _)| known == address))
            {
                Some((address, Ok(document))) => {
                    if self.uses(address) > 1 {
                        shared = Some(PolicyProblem::Uneditable(Uneditable::UsedTwice(address.clone())));
                    }
                    Ok(document)
                }
                Some((_, Err(reason))) => Err(reason.clone()),
                None if text.starts_with("<<") => Err(Unreadable::PolicyText),
                None => Err(Unreadable::ComputedPolicy(text.to_owned())),
            },
            _ => Err(Unreadable::PolicyText),
        };
        let read = found.and_then(|document| {
            document::read(document, resolver).map(|grants| (document, grants)).map_err(|problem| problem.reason)
        });
        let (document, grants, problem) = match read {
            Ok((document, grants)) => (Some(document), grants, shared),
            Err(reason) => (None, Vec::new(), Some(PolicyProblem::Unreadable(reason))),
        };
        out.entries.push(GrantedPolicy { origin, node: Some(policy), span: block.span, document, grants, problem });
    }
}

/// True if an expression is an attribute of a block.
fn names(expression: &str, address: &str) -> bool {
    expression.strip_prefix(address).is_some_and(|rest| rest.starts_with('.'))
}

fn conditional(block: &Block, out: &mut RoleGrants<'_>) {
    for name in ["count", "for_each"] {
        if let Some(value) = block.get(name) {
            out.problems.push(GrantProblem { span: value.span, reason: Unreadable::Repeated(name) });
        }
    }
}

/// A scalar that is not in the file: Terraform's default.
fn implicit(text: &str, at: usize) -> Node {
    let kind = NodeKind::Scalar { text: text.to_owned(), style: Style::Quoted };
    Node { span: Span { start: at, end: at }, tag: None, anchored: false, kind }
}
