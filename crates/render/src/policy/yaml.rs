//! A writer of YAML: block style, two spaces, comments, and CloudFormation's short tags.
//!
//! Libraries that write YAML write no comments, so this small one does.

use std::fmt::Write as _;

use serde_json::Value;
use whittle_template::expression::{Expression, ExpressionPart};
use whittle_template::quote;

use super::comment::one_line;

/// A YAML value.
#[derive(Debug, Clone, PartialEq)]
pub enum Yaml {
    /// A text.
    Text(String),
    /// A number, `true`, `false` or `null`, as it is.
    Bare(String),
    /// A text with a short tag, such as `!Sub`.
    Tagged(&'static str, String),
    /// A list.
    List(Vec<YamlEntry>),
    /// A mapping, in order.
    Map(Vec<(String, YamlEntry)>),
}

/// A value with the comment lines above it.
#[derive(Debug, Clone, PartialEq)]
pub struct YamlEntry {
    /// One line each.
    pub comments: Vec<String>,
    /// The value.
    pub value: Yaml,
}

impl YamlEntry {
    /// Without comments.
    pub fn plain(value: impl Into<Yaml>) -> Self {
        Self { comments: Vec::new(), value: value.into() }
    }
}

impl From<&str> for Yaml {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Vec<(&str, Yaml)>> for Yaml {
    fn from(fields: Vec<(&str, Yaml)>) -> Self {
        Self::Map(fields.into_iter().map(|(key, value)| (key.to_owned(), YamlEntry::plain(value))).collect())
    }
}

impl Yaml {
    /// An expression of a CloudFormation template.
    pub fn expression(expression: &Expression) -> Self {
        match expression.parts() {
            [ExpressionPart::Reference { logical_id, attribute: None }] => Self::Tagged("!Ref", logical_id.clone()),
            [ExpressionPart::Reference { logical_id, attribute: Some(attribute) }] => {
                Self::Tagged("!GetAtt", format!("{logical_id}.{attribute}"))
            }
            _ => match expression.literal() {
                Some(text) => Self::Text(text.to_owned()),
                None => Self::Tagged("!Sub", expression.to_sub()),
            },
        }
    }

    /// A JSON value; `text` writes its texts.
    pub fn json(value: &Value, text: &dyn Fn(&str) -> Self) -> Self {
        match value {
            Value::String(own) => text(own),
            Value::Array(list) => Self::List(list.iter().map(|own| YamlEntry::plain(Self::json(own, text))).collect()),
            Value::Object(fields) => Self::Map(
                fields.iter().map(|(key, own)| (key.clone(), YamlEntry::plain(Self::json(own, text)))).collect(),
            ),
            Value::Null | Value::Bool(_) | Value::Number(_) => Self::Bare(value.to_string()),
        }
    }

    /// As a document, with comment lines on top; final newline.
    pub fn document(&self, heading: &[String]) -> String {
        let mut out = String::new();
        comments(heading, 0, &mut out);
        match self {
            Self::List(entries) if !entries.is_empty() => list(entries, 0, false, &mut out),
            Self::Map(fields) if !fields.is_empty() => map(fields, 0, false, &mut out),
            other => {
                out.push_str(&inline(other));
                out.push('\n');
            }
        }
        out
    }
}

fn comments(lines: &[String], indent: usize, out: &mut String) {
    for line in lines {
        let _ = writeln!(out, "{:indent$}# {}", "", one_line(line));
    }
}

/// `begun`: the first line is begun already (after `- `).
fn map(fields: &[(String, YamlEntry)], indent: usize, begun: bool, out: &mut String) {
    for (index, (key, entry)) in fields.iter().enumerate() {
        if index > 0 || !begun {
            comments(&entry.comments, indent, out);
            let _ = write!(out, "{:indent$}", "");
        }
        let _ = write!(out, "{}:", scalar(key));
        nested(&entry.value, indent + 2, out);
    }
}

fn list(entries: &[YamlEntry], indent: usize, begun: bool, out: &mut String) {
    for (index, entry) in entries.iter().enumerate() {
        if index > 0 || !begun {
            comments(&entry.comments, indent, out);
            let _ = write!(out, "{:indent$}", "");
        }
        out.push('-');
        match &entry.value {
            Yaml::Map(fields) if !fields.is_empty() => {
                // A comment of the first field would end the line that the dash began.
                out.push(' ');
                map(fields, indent + 2, true, out);
            }
            Yaml::List(entries) if !entries.is_empty() => {
                out.push(' ');
                list(entries, indent + 2, true, out);
            }
            other => {
                let _ = writeln!(out, " {}", inline(other));
            }
        }
    }
}

fn nested(value: &Yaml, indent: usize, out: &mut String) {
    match value {
        Yaml::List(entries) if !entries.is_empty() => {
            out.push('\n');
            list(entries, indent, false, out);
        }
        Yaml::Map(fields) if !fields.is_empty() => {
            out.push('\n');
            map(fields, indent, false, out);
        }
        other => {
            let _ = writeln!(out, " {}", inline(other));
        }
    }
}

fn inline(value: &Yaml) -> String {
    match value {
        Yaml::Text(text) => scalar(text),
        Yaml::Bare(text) => text.clone(),
        Yaml::Tagged("!Sub", text) => format!("!Sub {}", quote::yaml_double(text)),
        Yaml::Tagged(tag, text) => format!("{tag} {}", scalar(text)),
        Yaml::List(_) => "[]".to_owned(),
        Yaml::Map(_) => "{}".to_owned(),
    }
}

/// A text as a plain scalar if nothing could take it for anything else, else in double quotes.
fn scalar(text: &str) -> String {
    if quote::is_plain_yaml(text) { text.to_owned() } else { quote::yaml_double(text) }
}
