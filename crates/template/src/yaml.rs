//! Parses text into [`Node`]s. `saphyr-parser` reads YAML 1.2, which includes JSON; this module adds what it
//! leaves open: exact ends of values, duplicate keys, tabs, a single document, bounded depth.

use saphyr_parser::{Event, Parser, ScalarStyle, Span as ParserSpan};

use crate::node::{Node, NodeKind, Style};
use crate::source::{MAX_DEPTH, ReadError, Source, Span};

/// Parses a file that must hold one document.
pub fn parse(source: &Source<'_>) -> Result<Node, ReadError> {
    if source.is_json() {
        check_json(source)?;
    }
    let mut builder = TreeBuilder { source, offsets: Offsets::new(source.text()), stack: Vec::new(), root: None };
    let mut documents = 0_usize;
    for event in Parser::new_from_str(source.text()) {
        let (event, span) = event.map_err(|error| {
            let offset = builder.offsets.byte(error.marker().index());
            if tab_indents(source, offset) {
                return ReadError::Tab(source.place(source.line_start(offset)));
            }
            ReadError::Syntax { place: source.place(offset), message: error.info().to_owned() }
        })?;
        if let Event::DocumentStart(_) = event {
            documents += 1;
            if documents > 1 {
                return Err(ReadError::ManyDocuments(source.place(builder.offsets.byte(span.start.index()))));
            }
        }
        builder.event(event, span)?;
    }
    builder.root.ok_or(ReadError::Empty)
}

/// A template in JSON must be JSON, not merely YAML that begins with a brace.
fn check_json(source: &Source<'_>) -> Result<(), ReadError> {
    match serde_json::from_str::<serde::de::IgnoredAny>(source.text()) {
        Ok(_) => Ok(()),
        // `{…}` at the top of a YAML file is legal; the YAML parser decides.
        Err(_) if source.text().contains(": !") || source.text().contains("\n#") => Ok(()),
        Err(error) => {
            let place = crate::source::FilePosition { line: error.line(), column: error.column() };
            Err(ReadError::Syntax { place, message: error.to_string() })
        }
    }
}

fn tab_indents(source: &Source<'_>, offset: usize) -> bool {
    let line = source.text().get(source.line_start(offset)..).unwrap_or_default();
    line.trim_start_matches(' ').starts_with('\t')
}

/// The parser counts characters, editing needs bytes.
struct Offsets {
    /// Byte of each character; `None` where all characters are one byte.
    table: Option<Vec<usize>>,
    end: usize,
}

impl Offsets {
    fn new(text: &str) -> Self {
        let table = (!text.is_ascii()).then(|| text.char_indices().map(|(byte, _)| byte).collect());
        Self { table, end: text.len() }
    }

    fn byte(&self, character: usize) -> usize {
        match &self.table {
            None => character.min(self.end),
            Some(table) => table.get(character).copied().unwrap_or(self.end),
        }
    }
}

struct Open {
    node: Node,
    /// The key that waits for its value.
    key: Option<Node>,
}

struct TreeBuilder<'s, 'a> {
    source: &'s Source<'a>,
    offsets: Offsets,
    stack: Vec<Open>,
    root: Option<Node>,
}

impl TreeBuilder<'_, '_> {
    fn event(&mut self, event: Event<'_>, span: ParserSpan) -> Result<(), ReadError> {
        let start = self.offsets.byte(span.start.index());
        let end = self.offsets.byte(span.end.index());
        match event {
            Event::Alias(_) => {
                let end = start + token_length(self.source, start);
                self.value(Node { span: Span { start, end }, tag: None, anchored: false, kind: NodeKind::Alias })
            }
            Event::Scalar(text, style, anchor, tag) => {
                let tag = tag.map(|tag| tag.suffix.clone());
                let span = self.scalar_span(start, end, style);
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                };
                let kind = NodeKind::Scalar { text: text.into_owned(), style };
                self.value(Node { span, tag, anchored: anchor > 0, kind })
            }
            Event::SequenceStart(anchor, tag) => {
                let flow = self.opens_flow(start, end, b'[');
                let kind = NodeKind::Sequence { items: Vec::new(), flow };
                self.open(start, tag.map(|tag| tag.suffix.clone()), anchor > 0, kind)
            }
            Event::MappingStart(anchor, tag) => {
                let flow = self.opens_flow(start, end, b'{');
                let kind = NodeKind::Mapping { entries: Vec::new(), flow };
                self.open(start, tag.map(|tag| tag.suffix.clone()), anchor > 0, kind)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(mut open) = self.stack.pop() else { return Ok(()) };
                if open.node.is_flow() {
                    // One bracket; the parser's end may lie behind a comment.
                    open.node.span.end = start + 1;
                }
                self.value(open.node)
            }
            _ => Ok(()),
        }
    }

    /// A collection is written in brackets or braces if its first token, behind tag and anchor, is one. The
    /// parser's token may take blanks and a comment along; that of a block collection is empty but for tag
    /// and anchor.
    fn opens_flow(&self, start: usize, end: usize, bracket: u8) -> bool {
        let token = self.source.text().get(start..end).unwrap_or_default();
        token.as_bytes().get(properties_length(token)) == Some(&bracket)
    }

    fn open(&mut self, start: usize, tag: Option<String>, anchored: bool, kind: NodeKind) -> Result<(), ReadError> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(ReadError::TooDeep(self.source.place(start)));
        }
        if tab_indents(self.source, start) && !self.source.is_json() {
            return Err(ReadError::Tab(self.source.place(self.source.line_start(start))));
        }
        let node = Node { span: Span { start, end: start }, tag, anchored, kind };
        self.stack.push(Open { node, key: None });
        Ok(())
    }

    fn value(&mut self, node: Node) -> Result<(), ReadError> {
        let Some(open) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        // A block collection ends where its last value does; one in brackets gets its end when it closes.
        open.node.span.end = open.node.span.end.max(node.span.end);
        match &mut open.node.kind {
            NodeKind::Sequence { items, .. } => items.push(node),
            NodeKind::Mapping { entries, .. } => match open.key.take() {
                None => {
                    let earlier =
                        node.text().and_then(|key| entries.iter().find(|(known, _)| known.text() == Some(key)));
                    if let Some((first, _)) = earlier {
                        return Err(ReadError::DuplicateKey {
                            place: self.source.place(node.span.start),
                            key: node.text().unwrap_or_default().to_owned(),
                            first_line: self.source.place(first.span.start).line,
                        });
                    }
                    open.key = Some(node);
                }
                Some(key) => entries.push((key, node)),
            },
            NodeKind::Scalar { .. } | NodeKind::Alias => {}
        }
        Ok(())
    }

    /// The exact bytes of a scalar: the parser's end may lie behind a comment or line breaks.
    fn scalar_span(&self, start: usize, end: usize, style: ScalarStyle) -> Span {
        let text = self.source.text();
        // Without a tag, the parser begins a block scalar at its first line of text.
        let start = match style {
            ScalarStyle::Literal | ScalarStyle::Folded => self.block_header(start).unwrap_or(start),
            _ => start,
        };
        let content = start + properties_length(text.get(start..end).unwrap_or_default());
        let rest = text.get(content..).unwrap_or_default();
        let length = match style {
            ScalarStyle::SingleQuoted => single_quoted_length(rest),
            ScalarStyle::DoubleQuoted => double_quoted_length(rest),
            ScalarStyle::Plain => plain_length(text.get(content..end).unwrap_or_default()),
            ScalarStyle::Literal | ScalarStyle::Folded => self.block_length(start, content),
        };
        let end = if length == 0 {
            start + text.get(start..content).unwrap_or_default().trim_end().len()
        } else {
            content + length
        };
        Span { start, end }
    }

    /// Where the header of a block scalar is whose text begins at `start`; `None` if `start` is before it.
    fn block_header(&self, start: usize) -> Option<usize> {
        let text = self.source.text();
        let here = text.get(start..self.source.line_end(start)).unwrap_or_default();
        if here.starts_with(['!', '&']) || is_block_header(here) {
            return None;
        }
        let before = text.get(..start)?.trim_end();
        let line_start = self.source.line_start(before.len());
        let line = before.get(line_start..)?;
        let header =
            line.match_indices(['|', '>']).map(|(at, _)| at).find(|at| line.get(*at..).is_some_and(is_block_header));
        header.map(|at| line_start + at)
    }

    /// Header line and all lines that are blank or indented deeper than the line that the scalar begins on.
    fn block_length(&self, start: usize, content: usize) -> usize {
        let text = self.source.text();
        let mut end = self.source.line_end(content);
        let mut at = self.source.next_line(content);
        let outer = block_parent_indentation(self.source, start);
        while at < text.len() {
            let line_end = self.source.line_end(at);
            let line = text.get(at..line_end).unwrap_or_default();
            if !line.trim().is_empty() {
                if self.source.indentation(at) <= outer {
                    break;
                }
                end = line_end;
            }
            at = self.source.next_line(at);
        }
        end - content
    }
}

/// `|` or `>`, indicators, and at most a comment.
fn is_block_header(text: &str) -> bool {
    text.strip_prefix(['|', '>']).is_some_and(|rest| {
        let rest = rest.trim_start_matches(['+', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
        rest.trim().is_empty() || rest.starts_with([' ', '\t']) && rest.trim_start().starts_with('#')
    })
}

/// Column of the key (or dash) whose value a block scalar is.
fn block_parent_indentation(source: &Source<'_>, start: usize) -> usize {
    let line = source.text().get(source.line_start(start)..start).unwrap_or_default();
    // `- key: |` : the key's column counts, not the dash's.
    let dashes = line.len() - line.trim_start_matches([' ', '-']).len();
    let trimmed = line.trim_end();
    if trimmed.ends_with(':') || trimmed.contains(": ") { dashes } else { source.indentation(start) }
}

/// Bytes of tag and anchor before a value, with the white space after them.
fn properties_length(text: &str) -> usize {
    let mut at = 0;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        if !rest.starts_with(['!', '&']) {
            return at;
        }
        let word = rest.find(char::is_whitespace).unwrap_or(rest.len());
        let space = rest.get(word..).unwrap_or_default();
        at += word + (space.len() - space.trim_start().len());
    }
}

fn single_quoted_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        if *byte == b'\'' {
            if bytes.get(at + 1) != Some(&b'\'') {
                return at + 1;
            }
            at += 1;
        }
        at += 1;
    }
    text.len()
}

fn double_quoted_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    text.len()
}

/// A plain scalar ends before a comment; a `#` inside it never follows white space.
fn plain_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let comment = bytes.windows(2).position(|pair| matches!(pair, [b' ' | b'\t' | b'\n', b'#']));
    let comment = if bytes.first() == Some(&b'#') { Some(0) } else { comment };
    let text = comment.and_then(|at| text.get(..at)).unwrap_or(text);
    text.trim_end().len()
}

fn token_length(source: &Source<'_>, start: usize) -> usize {
    let rest = source.text().get(start..).unwrap_or_default();
    rest.find(|c: char| c.is_whitespace() || ",]}".contains(c)).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests;
