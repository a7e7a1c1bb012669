//! From HCL to blocks and [`Node`]s.

use hcl_edit::Span as _;
use hcl_edit::expr::{Expression, ObjectKey};
use hcl_edit::structure::{Body, Structure};

use super::{Block, implicit};
use crate::node::{Node, NodeKind, Style};
use crate::reason::Unreadable;
use crate::source::{FilePosition, MAX_DEPTH, ReadError, Source, Span};

/// The top-level blocks of a file.
pub fn blocks(source: &Source<'_>) -> Result<Vec<Block>, ReadError> {
    bounded(source)?;
    let body = hcl_edit::parser::parse_body(source.text()).map_err(|error| {
        let place = FilePosition { line: error.location().line(), column: error.location().column() };
        ReadError::Syntax { place, message: error.message().to_owned() }
    })?;
    children(&body, source)
}

/// The parser calls itself for each bracket.
fn bounded(source: &Source<'_>) -> Result<(), ReadError> {
    let mut depth = 0_usize;
    for (at, byte) in source.text().bytes().enumerate() {
        match byte {
            b'{' | b'[' | b'(' => depth += 1,
            b'}' | b']' | b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(ReadError::TooDeep(source.place(at)));
        }
    }
    Ok(())
}

fn children(body: &Body, source: &Source<'_>) -> Result<Vec<Block>, ReadError> {
    let mut out = Vec::new();
    for structure in body {
        let Structure::Block(block) = structure else { continue };
        let span = span_of(block.span());
        let labels = block.labels.iter().map(|label| label.as_str().to_owned()).collect();
        let attributes = attributes(&block.body, span, source)?;
        let blocks = children(&block.body, source)?;
        out.push(Block { ident: block.ident.as_str().to_owned(), labels, span, attributes, blocks });
    }
    Ok(out)
}

fn attributes(body: &Body, span: Span, source: &Source<'_>) -> Result<Node, ReadError> {
    let mut entries: Vec<(Node, Node)> = Vec::new();
    for structure in body {
        let Structure::Attribute(attribute) = structure else { continue };
        let name = attribute.key.as_str();
        let key = scalar(name, span_of(attribute.key.span()));
        if let Some((first, _)) = entries.iter().find(|(known, _)| known.text() == Some(name)) {
            return Err(ReadError::DuplicateKey {
                place: source.place(key.span.start),
                key: name.to_owned(),
                first_line: source.place(first.span.start).line,
            });
        }
        entries.push((key, node(&attribute.value, source)));
    }
    Ok(Node { span, tag: None, anchored: false, kind: NodeKind::Mapping { entries, flow: true } })
}

fn span_of(range: Option<std::ops::Range<usize>>) -> Span {
    range.map(|range| Span { start: range.start, end: range.end }).unwrap_or_default()
}

fn scalar(text: &str, span: Span) -> Node {
    Node { span, tag: None, anchored: false, kind: NodeKind::Scalar { text: text.to_owned(), style: Style::Quoted } }
}

/// A value; a computed one is a scalar with a tag and the text of the expression.
fn node(value: &Expression, source: &Source<'_>) -> Node {
    let span = span_of(value.span());
    let tagged = |tag: &str, kind| Node { span, tag: Some(tag.to_owned()), anchored: false, kind };
    let written = || NodeKind::Scalar { text: source.slice(span).to_owned(), style: Style::Plain };
    match value {
        Expression::String(text) => scalar(text.as_str(), span),
        Expression::Bool(flag) => scalar(if *flag.value() { "true" } else { "false" }, span),
        Expression::Number(number) => scalar(&number.value().to_string(), span),
        Expression::Array(array) => {
            let items = array.iter().map(|item| node(item, source)).collect();
            Node { span, tag: None, anchored: false, kind: NodeKind::Sequence { items, flow: true } }
        }
        Expression::Object(object) => {
            let entry = |(key, value): (&ObjectKey, &hcl_edit::expr::ObjectValue)| {
                let at = span_of(key.span());
                let key = match key {
                    ObjectKey::Ident(ident) | ObjectKey::Expression(Expression::Variable(ident)) => {
                        scalar(ident.as_str(), at)
                    }
                    ObjectKey::Expression(expression) => node(expression, source),
                };
                (key, node(value.expr(), source))
            };
            let entries = object.iter().map(entry).collect();
            Node { span, tag: None, anchored: false, kind: NodeKind::Mapping { entries, flow: true } }
        }
        Expression::StringTemplate(_) => {
            let text = source.slice(span);
            let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(text);
            tagged("hcl-template", NodeKind::Scalar { text: inner.to_owned(), style: Style::Quoted })
        }
        Expression::FuncCall(call) if call.name.name.as_str() == "jsonencode" && !call.name.is_namespaced() => {
            let items = call.args.iter().map(|argument| node(argument, source)).collect();
            tagged("jsonencode", NodeKind::Sequence { items, flow: true })
        }
        _ => tagged("hcl", written()),
    }
}

/// A `data "aws_iam_policy_document"` as a policy document. `Err` if it is more than what is written.
pub fn document(block: &Block) -> Result<Node, Unreadable> {
    for name in
        ["source_policy_documents", "override_policy_documents", "source_json", "override_json", "count", "for_each"]
    {
        if block.get(name).is_some() {
            return Err(Unreadable::MergedDocuments(name));
        }
    }
    let mut items = Vec::new();
    for inner in &block.blocks {
        match inner.ident.as_str() {
            "statement" => items.push(statement(inner)?),
            "dynamic" => return Err(Unreadable::DynamicStatements),
            _ => {}
        }
    }
    let list = Node { span: block.span, tag: None, anchored: false, kind: NodeKind::Sequence { items, flow: true } };
    let entries = vec![
        (implicit("Version", block.span.start), implicit("2012-10-17", block.span.start)),
        (implicit("Statement", block.span.start), list),
    ];
    Ok(Node { span: block.span, tag: None, anchored: false, kind: NodeKind::Mapping { entries, flow: true } })
}

fn statement(block: &Block) -> Result<Node, Unreadable> {
    const NAMES: &[(&str, &str)] = &[
        ("sid", "Sid"),
        ("effect", "Effect"),
        ("actions", "Action"),
        ("not_actions", "NotAction"),
        ("resources", "Resource"),
        ("not_resources", "NotResource"),
    ];
    let mut entries = Vec::new();
    for (own, element) in NAMES {
        if let Some((key, value)) = block.attributes.entry(own) {
            entries.push((Node { kind: implicit(element, 0).kind, ..key.clone() }, iam_variables(value.clone())));
        }
    }
    if block.get("effect").is_none() {
        // Terraform's default (AWS provider, "aws_iam_policy_document", `effect`).
        entries.push((implicit("Effect", block.span.start), implicit("Allow", block.span.start)));
    }
    let mut operators: Vec<(Node, Node)> = Vec::new();
    for inner in &block.blocks {
        if inner.ident != "condition" {
            return Err(Unreadable::StatementBlock(inner.ident.clone()));
        }
        let text = |name: &str| inner.get(name).filter(|node| node.tag.is_none()).and_then(Node::scalar);
        let (Some(operator), Some(variable), Some(values)) = (text("test"), text("variable"), inner.get("values"))
        else {
            return Err(Unreadable::ComputedCondition);
        };
        let pair = (implicit(variable, inner.span.start), iam_variables(values.clone()));
        let existing = operators.iter_mut().find(|(known, _)| known.text() == Some(operator));
        if let Some(NodeKind::Mapping { entries, .. }) = existing.map(|(_, keys)| &mut keys.kind) {
            entries.push(pair);
        } else {
            let kind = NodeKind::Mapping { entries: vec![pair], flow: true };
            let keys = Node { span: inner.span, tag: None, anchored: false, kind };
            operators.push((implicit(operator, inner.span.start), keys));
        }
    }
    if !operators.is_empty() {
        let kind = NodeKind::Mapping { entries: operators, flow: true };
        entries.push((
            implicit("Condition", block.span.start),
            Node { span: block.span, tag: None, anchored: false, kind },
        ));
    }
    Ok(Node { span: block.span, tag: None, anchored: false, kind: NodeKind::Mapping { entries, flow: true } })
}

/// `&{aws:userid}` is how this data source writes `${aws:userid}` (AWS provider, "Context Variable
/// Interpolation").
fn iam_variables(mut node: Node) -> Node {
    match &mut node.kind {
        NodeKind::Scalar { text, .. } if node.tag.is_none() => *text = text.replace("&{", "${"),
        NodeKind::Sequence { items, .. } => {
            for item in items {
                *item = iam_variables(item.clone());
            }
        }
        _ => {}
    }
    node
}
