//! The tree of a YAML or JSON file in which each node knows its bytes.

use crate::source::Span;

/// A value and where it is written.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// From the tag (or the value, without one) to the end of the value; no comments or white space around
    /// it.
    pub span: Span,
    /// Local tag without the exclamation mark: `Sub`, `GetAtt`, …
    pub tag: Option<String>,
    /// `&name` is on it: an alias elsewhere may mean this very value.
    pub anchored: bool,
    /// The value.
    pub kind: NodeKind,
}

/// The value of a node.
#[derive(Debug, Clone, PartialEq)]
pub enum NodeKind {
    /// Text, number, boolean or null; all as their text.
    Scalar {
        /// Unquoted text.
        text: String,
        /// How it is written.
        style: Style,
    },
    /// A list.
    Sequence {
        /// The values.
        items: Vec<Node>,
        /// Written in brackets.
        flow: bool,
    },
    /// A mapping.
    Mapping {
        /// Keys and values in order.
        entries: Vec<(Node, Node)>,
        /// Written in braces.
        flow: bool,
    },
    /// `*name`: CloudFormation does not support it, and what it means is written elsewhere.
    Alias,
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// In single or double quotes.
    Quoted,
    /// As a block (`|`, `>`).
    Block,
}

impl Node {
    /// The text of a scalar without a tag.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Scalar { text, .. } if self.tag.is_none() => Some(text),
            _ => None,
        }
    }

    /// The text of a scalar, whatever its tag.
    pub fn scalar(&self) -> Option<&str> {
        match &self.kind {
            NodeKind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Values of a list.
    pub fn items(&self) -> Option<&[Node]> {
        match &self.kind {
            NodeKind::Sequence { items, .. } => Some(items),
            _ => None,
        }
    }

    /// A list as it is, anything else as the only value of one.
    pub fn as_list(&self) -> &[Node] {
        match &self.kind {
            NodeKind::Sequence { items, .. } if self.tag.is_none() => items,
            _ => std::slice::from_ref(self),
        }
    }

    /// Keys and values of a mapping.
    pub fn entries(&self) -> &[(Node, Node)] {
        match &self.kind {
            NodeKind::Mapping { entries, .. } => entries,
            _ => &[],
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|(_, value)| value)
    }

    /// A key and its value.
    pub fn entry(&self, key: &str) -> Option<&(Node, Node)> {
        self.entries().iter().find(|(name, _)| name.text() == Some(key))
    }

    /// Written in brackets or braces.
    pub fn is_flow(&self) -> bool {
        matches!(self.kind, NodeKind::Sequence { flow: true, .. } | NodeKind::Mapping { flow: true, .. })
    }

    /// Nothing: an empty plain scalar, `null` or `~`.
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, NodeKind::Scalar { text, style: Style::Plain } if matches!(text.as_str(), "" | "null" | "~"))
    }

    /// Values below this one, and this one.
    pub fn walk<'n>(&'n self, visit: &mut dyn FnMut(&'n Node)) {
        visit(self);
        match &self.kind {
            NodeKind::Sequence { items, .. } => items.iter().for_each(|item| item.walk(visit)),
            NodeKind::Mapping { entries, .. } => {
                for (key, value) in entries {
                    key.walk(visit);
                    value.walk(visit);
                }
            }
            NodeKind::Scalar { .. } | NodeKind::Alias => {}
        }
    }

    /// Nodes below this one (and this one) for which a test is true.
    pub fn walk_any<'n>(&'n self, test: &dyn Fn(&Node) -> bool) -> Vec<&'n Node> {
        let mut found = Vec::new();
        self.walk(&mut |node| {
            if test(node) {
                found.push(node);
            }
        });
        found
    }

    /// An intrinsic function and its argument: `!Sub x` and `Fn::Sub: x` alike, by the long name (`Ref`,
    /// `Fn::Sub`).
    pub fn intrinsic(&self) -> Option<(String, &Node)> {
        if let Some(tag) = &self.tag {
            let name = match tag.as_str() {
                "Ref" | "Condition" => tag.clone(),
                _ => format!("Fn::{tag}"),
            };
            return Some((name, self));
        }
        match self.entries() {
            [(key, value)] => {
                let name = key.text()?;
                (name == "Ref" || name.starts_with("Fn::")).then(|| (name.to_owned(), value))
            }
            _ => None,
        }
    }

    /// The same value, wherever and however it is written.
    pub fn same_value(&self, other: &Self) -> bool {
        if self.tag != other.tag {
            return false;
        }
        match (&self.kind, &other.kind) {
            (NodeKind::Scalar { text: a, .. }, NodeKind::Scalar { text: b, .. }) => a == b,
            (NodeKind::Sequence { items: a, .. }, NodeKind::Sequence { items: b, .. }) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same_value(b))
            }
            (NodeKind::Mapping { entries: a, .. }, NodeKind::Mapping { entries: b, .. }) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0.same_value(&b.0) && a.1.same_value(&b.1))
            }
            (NodeKind::Alias, NodeKind::Alias) => true,
            _ => false,
        }
    }
}
