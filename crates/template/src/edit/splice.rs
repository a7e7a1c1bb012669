//! Edits as replaced byte ranges. Bytes outside of every edit stay as they are, by construction.

use crate::layout::{Layout, Tree};
use crate::node::{Node, NodeKind};
use crate::quote;
use crate::reason::LayoutObstacle;
use crate::source::{Source, Span};

/// A range of bytes and what takes its place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edit {
    /// The bytes that go; empty for an insertion.
    pub span: Span,
    /// The text that takes their place.
    pub text: String,
}

/// A value on one line stays on one line up to this width.
const LINE_WIDTH: usize = 120;

/// Applies all edits. `None` if two of them overlap or one does not end on a character boundary.
pub fn splice(text: &str, mut edits: Vec<Edit>) -> Option<String> {
    edits.sort();
    edits.dedup_by(|next, edit| {
        // Two adjacent removals: the last line of a file takes the line break before it along.
        let both_go = edit.text.is_empty() && next.text.is_empty() && next.span.start <= edit.span.end;
        if both_go {
            edit.span.end = edit.span.end.max(next.span.end);
        }
        both_go
    });
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for edit in &edits {
        out.push_str(text.get(at..edit.span.start)?);
        out.push_str(&edit.text);
        at = edit.span.end;
    }
    out.push_str(text.get(at..)?);
    Some(out)
}

/// Writes new values into one file.
pub struct Pen<'s, 'a> {
    /// The file.
    pub source: &'s Source<'a>,
    /// Its habits.
    pub layout: &'s Layout,
}

impl Pen<'_, '_> {
    fn insert(at: usize, text: String) -> Edit {
        Edit { span: Span { start: at, end: at }, text }
    }

    /// One past the colon after a key.
    fn after_colon(&self, key: &Node) -> Option<usize> {
        let rest = self.source.text().get(key.span.end..)?;
        let colon = rest.find(':')?;
        rest.get(..colon)?.trim().is_empty().then_some(key.span.end + colon + 1)
    }

    /// Column of the dash of a block list item, which must begin its own line.
    fn dash_column(&self, item: &Node) -> Result<usize, LayoutObstacle> {
        let start = self.source.line_start(item.span.start);
        let before = self.source.text().get(start..item.span.start).unwrap_or_default();
        let dash = before.find('-').filter(|_| before.trim() == "-");
        dash.ok_or(LayoutObstacle::ItemSharesLine)
    }

    /// Column for the lines of something in brackets that begins at `offset`, if it is spread over lines.
    fn flow_column(&self, node: &Node) -> Option<usize> {
        self.source.slice(node.span).contains('\n').then(|| self.source.indentation(node.span.start))
    }

    /// Replaces the value of a key in a mapping.
    pub fn replace_value(&self, mapping: &Node, key: &Node, value: &Node, tree: &Tree) -> Result<Edit, LayoutObstacle> {
        if mapping.is_flow() {
            let column = self.flow_column(mapping).map(|_| self.source.indentation(key.span.start));
            let one_line = self.layout.flow(tree, None);
            let was_one_line = value.items().is_some() && !self.source.slice(value.span).contains('\n');
            let fits = was_one_line && self.source.column(value.span.start) + one_line.len() <= LINE_WIDTH;
            let text = if fits { one_line } else { self.layout.flow(tree, column) };
            return Ok(Edit { span: value.span, text });
        }
        let colon = self.after_colon(key).ok_or(LayoutObstacle::NoColon)?;
        let column = self.source.column(key.span.start);
        let own_lines = self.source.line_start(value.span.start) != self.source.line_start(key.span.start);
        if let (true, NodeKind::Sequence { flow: false, items }, Tree::List(new)) = (own_lines, &value.kind, tree)
            && let Some(first) = items.first()
            && !new.is_empty()
            && value.tag.is_none()
        {
            let column = self.dash_column(first)?;
            let start = self.source.line_start(first.span.start);
            return Ok(Edit { span: Span { start, end: value.span.end }, text: self.layout.block(tree, column) });
        }
        let end = value.span.end.max(colon);
        if self.source.text().get(colon..value.span.start.max(colon)).is_some_and(|between| between.contains('#')) {
            return Err(LayoutObstacle::CommentBeforeValue);
        }
        Ok(Edit { span: Span { start: colon, end }, text: self.layout.after_key(tree, column) })
    }

    /// True if edits inside a value in brackets or braces make its one line too long.
    pub fn overflows(&self, node: &Node, edits: &[Edit]) -> bool {
        let old = self.source.slice(node.span);
        let grown: usize = edits.iter().map(|edit| edit.text.len()).sum();
        let gone: usize = edits.iter().map(|edit| self.source.slice(edit.span).len()).sum();
        let length = self.source.column(node.span.start) + (old.len() + grown).saturating_sub(gone);
        node.is_flow() && !self.source.is_json() && !old.contains('\n') && grown > gone && length > LINE_WIDTH
    }

    /// Removes items from a list. At least one must stay; see [`Self::empty_list`].
    pub fn remove_items(&self, list: &Node, removed: &[bool]) -> Result<Vec<Edit>, LayoutObstacle> {
        let items = list.items().filter(|items| items.len() == removed.len()).ok_or(LayoutObstacle::Moved)?;
        let gone = |index: usize| removed.get(index).copied().unwrap_or(false);
        if !list.is_flow() {
            return items
                .iter()
                .enumerate()
                .filter(|(index, _)| gone(*index))
                .map(|(_, item)| self.remove_lines(item))
                .collect();
        }
        let going = || items.iter().enumerate().filter(|(index, _)| gone(*index)).map(|(_, item)| item);
        if !self.source.is_json() && going().all(|item| self.is_alone_on_lines(item)) {
            // YAML and HCL allow a comma before the closing bracket.
            return Ok(going().map(|item| self.whole_lines(item.span)).collect());
        }
        let mut edits = Vec::new();
        let mut index = 0;
        while let Some(first) = items.get(index) {
            if !gone(index) {
                index += 1;
                continue;
            }
            let mut end = index + 1;
            while gone(end) && end < items.len() {
                end += 1;
            }
            let before = index.checked_sub(1).and_then(|before| items.get(before));
            let span = match (items.get(end), before, items.get(end - 1)) {
                (Some(next), _, _) => Span { start: first.span.start, end: next.span.start },
                (None, Some(previous), Some(closing)) => Span { start: previous.span.end, end: closing.span.end },
                _ => return Err(LayoutObstacle::Moved),
            };
            edits.push(Edit { span, text: String::new() });
            index = end;
        }
        Ok(edits)
    }

    /// True if an item in brackets shares its lines with nothing but a comma and a comment.
    fn is_alone_on_lines(&self, item: &Node) -> bool {
        let before =
            self.source.text().get(self.source.line_start(item.span.start)..item.span.start).unwrap_or_default();
        let after = self.source.text().get(item.span.end..self.source.line_end(item.span.end)).unwrap_or_default();
        let after = after.trim_start();
        let after = after.strip_prefix(',').unwrap_or(after).trim_start();
        before.trim().is_empty() && (after.is_empty() || after.starts_with('#') || after.starts_with("//"))
    }

    /// The whole lines of an item of a block list.
    fn remove_lines(&self, item: &Node) -> Result<Edit, LayoutObstacle> {
        self.dash_column(item)?;
        Ok(self.whole_lines(item.span))
    }

    /// From the start of the first line of a span to the start of the line after it.
    pub fn whole_lines(&self, span: Span) -> Edit {
        let mut start = self.source.line_start(span.start);
        let end = self.source.next_line(span.end);
        // The last line of a file may have no line break of its own: then the one before it goes.
        if end == self.source.text().len() && !self.source.text().ends_with('\n') {
            let before = self.source.text().get(..start).unwrap_or_default();
            start = before.trim_end_matches('\n').trim_end_matches('\r').len().max(start.saturating_sub(2));
        }
        Edit { span: Span { start, end }, text: String::new() }
    }

    /// Removes all items of a list: `[]` stays, and so do the comments between the items.
    pub fn empty_list(&self, mapping: &Node, key: &Node, value: &Node) -> Result<Vec<Edit>, LayoutObstacle> {
        if mapping.is_flow() || value.is_flow() {
            return Ok(vec![Edit { span: value.span, text: "[]".to_owned() }]);
        }
        let colon = self.after_colon(key).ok_or(LayoutObstacle::NoColon)?;
        let Some(items) = value.items().filter(|_| value.tag.is_none()) else {
            return Ok(vec![self.replace_value(mapping, key, value, &Tree::List(Vec::new()))?]);
        };
        let mut edits = vec![Self::insert(colon, " []".to_owned())];
        for item in items {
            edits.push(self.remove_lines(item)?);
        }
        Ok(edits)
    }

    /// Inserts items behind one of a list.
    pub fn insert_items(&self, list: &Node, after: &Node, trees: &[Tree]) -> Result<Edit, LayoutObstacle> {
        let mut text = String::new();
        if list.is_flow() {
            let column = self.flow_column(list);
            for tree in trees {
                let own = column.map(|_| self.source.indentation(after.span.start));
                let separator = own.map_or_else(
                    || ", ".to_owned(),
                    |at| format!(",{}{}", self.layout.newline, self.layout.indent.repeat(at)),
                );
                text.push_str(&separator);
                text.push_str(&self.layout.flow(tree, own));
            }
            return Ok(Self::insert(after.span.end, text));
        }
        let column = self.dash_column(after)?;
        for tree in trees {
            text.push_str(self.layout.newline);
            text.push_str(&self.layout.block(&Tree::List(vec![tree.clone()]), column));
        }
        Ok(Self::insert(self.source.line_end(after.span.end), text))
    }

    /// Replaces a list item. Comments inside the old one, and the one behind its first line, stay.
    pub fn replace_item(&self, list: &Node, item: &Node, tree: &Tree) -> Result<Edit, LayoutObstacle> {
        if list.is_flow() {
            let column = self.flow_column(list).map(|_| self.source.indentation(item.span.start));
            return Ok(Edit { span: item.span, text: self.layout.flow(tree, column) });
        }
        self.dash_column(item)?;
        let column = self.source.column(item.span.start);
        let end = self.source.line_end(item.span.end);
        let span = Span { start: item.span.start, end };
        let mut text = self.layout.block(tree, column).trim_start().to_owned();
        let comments = self.comments(item, span);
        if !comments.is_empty() {
            let first = text.find(self.layout.newline).unwrap_or(text.len());
            let (one_line, rest) = text.split_at_checked(first).unwrap_or((&text, ""));
            let pad = " ".repeat(column);
            let lines: Vec<String> =
                comments.iter().map(|comment| format!("{}{pad}{comment}", self.layout.newline)).collect();
            text = match comments.as_slice() {
                [only] => format!("{one_line}  {only}{rest}"),
                _ => format!("{one_line}{}{rest}", lines.concat()),
            };
        }
        Ok(Edit { span, text })
    }

    /// Comments inside a span of YAML that are not part of a value of `node`.
    pub fn comments(&self, node: &Node, span: Span) -> Vec<String> {
        if self.source.is_json() {
            return Vec::new();
        }
        let mut scalars = Vec::new();
        node.walk(&mut |node| {
            if matches!(node.kind, NodeKind::Scalar { .. }) {
                scalars.push(node.span);
            }
        });
        let text = self.source.slice(span);
        let mut found = Vec::new();
        let mut at = span.start;
        for line in text.split('\n') {
            let hash = line.match_indices('#').find(|(index, _)| {
                let offset = at + index;
                let begins = *index == 0 || line.get(..*index).is_some_and(|before| before.ends_with([' ', '\t']));
                begins && !scalars.iter().any(|span| span.start <= offset && offset < span.end)
            });
            if let Some((index, _)) = hash {
                found.push(line.get(index..).unwrap_or_default().trim_end().to_owned());
            }
            at += line.len() + 1;
        }
        found
    }

    /// Inserts a key and its value behind an entry of a mapping.
    pub fn insert_pair(&self, mapping: &Node, after: (&Node, &Node), key: &str, tree: &Tree) -> Edit {
        let (after_key, after_value) = after;
        if mapping.is_flow() {
            let column = self.flow_column(mapping).map(|_| self.source.indentation(after_key.span.start));
            let separator = column.map_or_else(
                || ", ".to_owned(),
                |at| format!(",{}{}", self.layout.newline, self.layout.indent.repeat(at)),
            );
            let inner = format!("{}: {}", quote::json(key), self.layout.flow(tree, column));
            return Self::insert(after_value.span.end, format!("{separator}{inner}"));
        }
        let column = self.source.column(after_key.span.start);
        let text =
            format!("{}{}{key}:{}", self.layout.newline, " ".repeat(column), self.layout.after_key(tree, column));
        Self::insert(self.source.line_end(after_value.span.end.max(after_key.span.end)), text)
    }

    /// Removes an entry of a mapping, with its lines.
    pub fn remove_pair(&self, mapping: &Node, key: &Node, value: &Node) -> Result<Edit, LayoutObstacle> {
        let span = Span { start: key.span.start, end: value.span.end };
        if mapping.is_flow() {
            let entries = mapping.entries();
            let index = entries.iter().position(|(own, _)| own.span == key.span).ok_or(LayoutObstacle::Moved)?;
            return Ok(match (entries.get(index + 1), index.checked_sub(1).and_then(|before| entries.get(before))) {
                (Some((next, _)), _) => {
                    Edit { span: Span { start: span.start, end: next.span.start }, text: String::new() }
                }
                (None, Some((_, before))) => {
                    Edit { span: Span { start: before.span.end, end: span.end }, text: String::new() }
                }
                (None, None) => Edit { span, text: String::new() },
            });
        }
        let before = self.source.text().get(self.source.line_start(key.span.start)..key.span.start).unwrap_or_default();
        if !before.trim().is_empty() {
            return Err(LayoutObstacle::KeySharesLine);
        }
        Ok(self.whole_lines(span))
    }
}
