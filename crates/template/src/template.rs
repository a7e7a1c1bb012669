//! A SAM or CloudFormation template: its functions, and the role of each.

use crate::node::Node;
use crate::reason::Unreadable;
use crate::resolve::Resolver;
use crate::source::{ReadError, Source, Span};
use crate::yaml;

/// A template, with the place of everything in it.
#[derive(Debug, Clone)]
pub struct Template<'a> {
    source: Source<'a>,
    root: Node,
}

/// A Lambda function of a template.
#[derive(Debug, Clone)]
pub struct TemplateFunction<'t> {
    /// Logical id.
    pub logical_id: &'t str,
    /// `FunctionName`, where it is text that is known.
    pub name: Option<String>,
    /// The resource.
    pub node: &'t Node,
    /// `AWS::Serverless::Function`; else `AWS::Lambda::Function`.
    pub is_sam: bool,
    /// The role it runs under.
    pub role: RoleRef<'t>,
}

/// Which role a function runs under.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoleRef<'t> {
    /// SAM generates it for the function of this logical id.
    Generated(&'t str),
    /// An `AWS::IAM::Role` of this file.
    InFile(&'t str),
    /// Not in this file, or not known; as it is written.
    Elsewhere(String),
}

impl<'a> Template<'a> {
    /// Reads a file. Refuses, with the place, whatever YAML or JSON forbids or would make an edit ambiguous.
    pub fn read(bytes: &'a [u8]) -> Result<Self, ReadError> {
        let source = Source::new(bytes)?;
        let root = yaml::parse(&source)?;
        if root.entries().is_empty() {
            return Err(ReadError::NotATemplate("the top level is no mapping"));
        }
        if root.get("Resources").is_none_or(|resources| resources.entries().is_empty()) {
            return Err(ReadError::NotATemplate("it has no `Resources`"));
        }
        Ok(Self { source, root })
    }

    /// The file's text and positions.
    pub fn source(&self) -> &Source<'a> {
        &self.source
    }

    /// The whole tree.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// Resources by logical id, in the order of the file.
    pub fn resources(&self) -> impl Iterator<Item = (&str, &Node)> {
        let entries = self.root.get("Resources").map(Node::entries).unwrap_or_default();
        entries.iter().filter_map(|(name, node)| Some((name.text()?, node)))
    }

    /// One resource.
    pub fn resource(&self, logical_id: &str) -> Option<&Node> {
        self.root.get("Resources")?.get(logical_id)
    }

    /// Type of a resource.
    pub fn kind_of(&self, logical_id: &str) -> Option<&str> {
        self.resource(logical_id)?.get("Type")?.text()
    }

    /// The functions, in the order of the file.
    pub fn functions<'t>(&'t self, resolver: &Resolver<'t>) -> Vec<TemplateFunction<'t>> {
        let function = |(logical_id, node): (&'t str, &'t Node)| {
            let is_sam = match node.get("Type")?.text()? {
                "AWS::Serverless::Function" => true,
                "AWS::Lambda::Function" => false,
                _ => return None,
            };
            let properties = node.get("Properties");
            let name = properties.and_then(|p| p.get("FunctionName")).and_then(|name| resolver.text_of(name));
            let role = properties.and_then(|p| p.get("Role")).filter(|role| !role.is_null());
            let role = match role {
                Some(role) => self.role_of(role, resolver),
                None if is_sam => RoleRef::Generated(logical_id),
                None => RoleRef::Elsewhere("nowhere: `Role` is missing".to_owned()),
            };
            Some(TemplateFunction { logical_id, name, node, is_sam, role })
        };
        self.resources().filter_map(function).collect()
    }

    /// The value of a function's property, or that of `Globals.Function`.
    pub fn function_property<'t>(&'t self, function: &'t Node, name: &str) -> Option<&'t Node> {
        let own = function.get("Properties").and_then(|properties| properties.get(name));
        own.or_else(|| self.root.get("Globals")?.get("Function")?.get(name))
    }

    fn role_of<'t>(&'t self, role: &'t Node, resolver: &Resolver<'t>) -> RoleRef<'t> {
        let expression = resolver.expression(role);
        if let [crate::expression::ExpressionPart::Reference { logical_id, attribute: Some(attribute) }] =
            expression.parts()
            && attribute == "Arn"
            && let Some(found) = self.role_named(logical_id)
        {
            return found;
        }
        RoleRef::Elsewhere(self.source.slice(role.span).to_owned())
    }

    /// The role of a logical id: one of the file, or `<Function>Role` that SAM generates.
    pub fn role_named(&self, logical_id: &str) -> Option<RoleRef<'_>> {
        if let Some((id, _)) = self.resources().find(|(id, _)| *id == logical_id) {
            return (self.kind_of(id) == Some("AWS::IAM::Role")).then_some(RoleRef::InFile(id));
        }
        let function = logical_id.strip_suffix("Role")?;
        let (id, node) = self.resources().find(|(id, _)| *id == function)?;
        let generated = self.kind_of(id) == Some("AWS::Serverless::Function")
            && node.get("Properties").is_none_or(|properties| properties.get("Role").is_none());
        generated.then_some(RoleRef::Generated(id))
    }

    /// Resources that may hold functions which are not read: loops, included text, nested templates.
    pub fn unread(&self) -> Vec<(Unreadable, Span)> {
        let entries = self.root.get("Resources").map(Node::entries).unwrap_or_default();
        let reason = |(key, value): &(Node, Node)| {
            let name = key.text()?;
            let kind = value.get("Type").and_then(Node::text).unwrap_or_default();
            let nested = matches!(kind, "AWS::CloudFormation::Stack" | "AWS::Serverless::Application");
            let reason = if name.starts_with("Fn::") {
                Unreadable::Loop(name.to_owned())
            } else if nested {
                Unreadable::NestedTemplate(name.to_owned())
            } else {
                return None;
            };
            Some((reason, key.span))
        };
        entries.iter().filter_map(reason).collect()
    }

    /// Transforms of the whole template that may change anything in it: everything but SAM and AWS's own
    /// extensions.
    pub fn macros(&self) -> Vec<(String, Span)> {
        // AWS CloudFormation User Guide, "Transform reference": these add or expand, and leave policies as
        // written.
        const KNOWN: &[&str] = &[
            "AWS::Serverless-2016-10-31",
            "AWS::LanguageExtensions",
            "AWS::CodeDeployBlueGreen",
            "AWS::ServiceCatalog",
        ];
        let known = |name: &str| {
            KNOWN.contains(&name) || name.starts_with("AWS::SecretsManager-") || name.starts_with("AWS::CodeDeploy")
        };
        let list = self.root.get("Transform").map(Node::as_list).unwrap_or_default();
        let name = |node: &Node| match node.text() {
            Some(text) => text.to_owned(),
            None => node.get("Name").and_then(Node::text).unwrap_or("a macro").to_owned(),
        };
        list.iter().map(|node| (name(node), node.span)).filter(|(name, _)| !known(name)).collect()
    }
}
