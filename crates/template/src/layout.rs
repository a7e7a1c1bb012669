//! Layout of new values: they follow the indentation, line breaks and notation around them.

use crate::node::{Node, NodeKind};
use crate::quote;
use crate::source::Source;

/// A value to be written. Scalars are already in the notation of the place.
#[derive(Debug, Clone, PartialEq)]
pub enum Tree {
    /// One line of text: `!Ref Table`, `'*'`, `"Allow"`.
    Scalar(String),
    /// A mapping.
    Map(Vec<(String, Tree)>),
    /// A list.
    List(Vec<Tree>),
}

/// Habits of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Spaces per level.
    pub step: usize,
    /// Lists stand deeper than their key by one level; else right under it.
    pub indented_lists: bool,
    /// Line break.
    pub newline: &'static str,
    /// The character that indents lines: a tab only in JSON.
    pub indent: &'static str,
    /// Objects are written as HCL does: `key = value`, one a line.
    pub hcl: bool,
}

impl Layout {
    /// The habits of most of the file.
    pub fn of(source: &Source<'_>, root: &Node) -> Self {
        let mut steps = [0_usize; 9];
        let (mut deeper, mut level) = (0_usize, 0_usize);
        root.walk(&mut |node| {
            for (key, value) in node.entries() {
                let (own, below) = (source.column(key.span.start), first_line_column(source, value));
                let Some(below) = below.filter(|_| !value.is_flow() || source.is_json()) else { continue };
                let difference = below.saturating_sub(own);
                match &value.kind {
                    NodeKind::Sequence { .. } if !value.is_flow() => {
                        if difference == 0 {
                            level += 1;
                        } else {
                            deeper += 1;
                        }
                    }
                    NodeKind::Mapping { .. } => {
                        if let Some(count) = steps.get_mut(difference) {
                            *count += 1;
                        }
                    }
                    _ => {}
                }
            }
        });
        let best = steps.iter().enumerate().skip(1).max_by_key(|(index, count)| (**count, usize::MAX - index));
        let indent = if source.is_json() && source.text().contains("\n\t") { "\t" } else { " " };
        let step = best.filter(|(_, count)| **count > 0).map_or(2, |(index, _)| index);
        Self { step, indented_lists: deeper >= level, newline: source.newline(0), indent, hcl: false }
    }

    /// Lines of a block value at a column; no line break at the start or the end.
    pub fn block(&self, tree: &Tree, column: usize) -> String {
        let mut lines = Vec::new();
        self.lines(tree, column, &mut lines);
        lines.join(self.newline)
    }

    /// A value after `key:` of a block mapping whose keys stand at `column`: what follows the colon.
    pub fn after_key(&self, tree: &Tree, column: usize) -> String {
        match tree {
            Tree::Scalar(text) => format!(" {text}"),
            Tree::List(items) if items.is_empty() => " []".to_owned(),
            Tree::List(_) => {
                let column = if self.indented_lists { column + self.step } else { column };
                format!("{}{}", self.newline, self.block(tree, column))
            }
            Tree::Map(_) => format!("{}{}", self.newline, self.block(tree, column + self.step)),
        }
    }

    fn lines(&self, tree: &Tree, column: usize, out: &mut Vec<String>) {
        let pad = " ".repeat(column);
        match tree {
            Tree::Scalar(text) => out.push(format!("{pad}{text}")),
            Tree::Map(entries) => {
                for (key, value) in entries {
                    out.push(format!("{pad}{key}:{}", self.after_key(value, column)));
                }
            }
            Tree::List(items) => {
                for item in items {
                    let text = self.block(item, column + 2);
                    out.push(format!("{pad}- {}", text.trim_start()));
                }
            }
        }
    }

    /// A value in brackets and braces. `column`: of the line that it begins on; `None` writes it on one line.
    pub fn flow(&self, tree: &Tree, column: Option<usize>) -> String {
        let (open, close, parts): (_, _, Vec<String>) = match tree {
            Tree::Scalar(text) => return text.clone(),
            Tree::List(items) => {
                ('[', ']', items.iter().map(|item| self.flow(item, column.map(|at| at + self.step))).collect())
            }
            Tree::Map(entries) => {
                let entry = |(key, value): &(String, Tree)| {
                    let value = self.flow(value, column.map(|at| at + self.step));
                    // Both JSON and YAML read a key in double quotes.
                    if self.hcl {
                        format!("{} = {value}", hcl_key(key))
                    } else {
                        format!("{}: {value}", quote::json(key))
                    }
                };
                ('{', '}', entries.iter().map(entry).collect())
            }
        };
        match column {
            _ if parts.is_empty() => format!("{open}{close}"),
            Some(_) if self.hcl && open == '[' && parts.len() == 1 => format!("[{}]", parts.concat()),
            None => format!("{open}{}{close}", parts.join(", ")),
            Some(at) => {
                let inner = format!("{}{}", self.newline, self.indent.repeat(at + self.step));
                let comma = if self.hcl && open == '{' { "" } else { "," };
                let body = parts.join(&format!("{comma}{inner}"));
                format!("{open}{inner}{body}{}{}{close}", self.newline, self.indent.repeat(at))
            }
        }
    }
}

/// HCL writes names bare.
fn hcl_key(key: &str) -> String {
    let bare = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if bare { key.to_owned() } else { quote::hcl(key) }
}

/// Column of a value that begins its own line.
fn first_line_column(source: &Source<'_>, value: &Node) -> Option<usize> {
    if source.is_json() && value.is_flow() {
        // `"key": {` and its first entry on the next line.
        let first = match &value.kind {
            NodeKind::Mapping { entries, .. } => entries.first().map(|(key, _)| key.span.start),
            NodeKind::Sequence { items, .. } => items.first().map(|item| item.span.start),
            _ => None,
        }?;
        let own_line = source.line_start(first) != source.line_start(value.span.start);
        return own_line.then(|| source.column(first));
    }
    let start = value.span.start;
    let before = source.text().get(source.line_start(start)..start)?;
    match &value.kind {
        NodeKind::Sequence { .. } => {
            let dash = before.find(|c: char| c != ' ').unwrap_or(before.len());
            (before.trim().is_empty() || before.trim() == "-").then_some(dash)
        }
        _ => before.trim().is_empty().then_some(before.len()),
    }
}
