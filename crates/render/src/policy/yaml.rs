//! A writer of YAML: block style, two spaces, comments, and CloudFormation's short tags.
//!
//! Libraries that write YAML write no comments, so this small one does. Texts are plain only where no parser of any YAML
//! version could take them for something else; everything else is in double quotes with escapes (YAML 1.2, "Double-Quoted
//! Style").

use std::fmt::Write as _;

use serde_json::Value;

use super::comment::one_line;
use super::expression::Expression;

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
    List(Vec<Entry>),
    /// A mapping, in order.
    Map(Vec<(String, Entry)>),
}

/// A value with the comment lines above it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// One line each.
    pub comments: Vec<String>,
    /// The value.
    pub value: Yaml,
}

impl Entry {
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
        Self::Map(fields.into_iter().map(|(key, value)| (key.to_owned(), Entry::plain(value))).collect())
    }
}

impl Yaml {
    /// An expression of a CloudFormation template. A Terraform expression has no place there: its text is kept.
    pub fn expression(expression: Expression) -> Self {
        match expression {
            Expression::Literal(text) | Expression::Hcl(text) => Self::Text(text),
            Expression::Sub(text) => Self::Tagged("!Sub", text),
            Expression::GetAtt { logical_id, attribute } => {
                Self::Tagged("!GetAtt", format!("{logical_id}.{attribute}"))
            }
            Expression::Ref(logical_id) => Self::Tagged("!Ref", logical_id),
        }
    }

    /// A JSON value; `text` writes its texts.
    pub fn json(value: &Value, text: &dyn Fn(&str) -> Self) -> Self {
        match value {
            Value::String(own) => text(own),
            Value::Array(list) => Self::List(list.iter().map(|own| Entry::plain(Self::json(own, text))).collect()),
            Value::Object(fields) => {
                Self::Map(fields.iter().map(|(key, own)| (key.clone(), Entry::plain(Self::json(own, text)))).collect())
            }
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
fn map(fields: &[(String, Entry)], indent: usize, begun: bool, out: &mut String) {
    for (index, (key, entry)) in fields.iter().enumerate() {
        if index > 0 || !begun {
            comments(&entry.comments, indent, out);
            let _ = write!(out, "{:indent$}", "");
        }
        let _ = write!(out, "{}:", scalar(key));
        nested(&entry.value, indent + 2, out);
    }
}

fn list(entries: &[Entry], indent: usize, begun: bool, out: &mut String) {
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
        Yaml::Tagged("!Sub", text) => format!("!Sub {}", quoted(text)),
        Yaml::Tagged(tag, text) => format!("{tag} {}", scalar(text)),
        Yaml::List(_) => "[]".to_owned(),
        Yaml::Map(_) => "{}".to_owned(),
    }
}

/// A text as a plain scalar if nothing could take it for anything else, else in double quotes.
pub fn scalar(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

/// Words that YAML 1.1 reads as booleans or null.
const WORDS: &[&str] = &["y", "n", "yes", "no", "on", "off", "true", "false", "null"];

fn is_plain(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"_-./*:@=+".contains(&byte))
        && !text.ends_with(':')
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
        && text.len() < 200
}

/// A text in double quotes.
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            _ if needs_escape(character) => {
                let code = u32::from(character);
                let _ = match code {
                    0..=0xff => write!(out, "\\x{code:02x}"),
                    0x100..=0xffff => write!(out, "\\u{code:04x}"),
                    _ => write!(out, "\\U{code:08x}"),
                };
            }
            _ => out.push(character),
        }
    }
    out.push('"');
    out
}

/// Characters that are not printable in YAML, break lines, reorder what is read, or are no characters at all.
fn needs_escape(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}'
        )
        || u32::from(character) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::scalar;

    #[test]
    fn plain_only_where_nothing_else_could_be_meant() {
        for text in ["s3:GetObject", "arn:aws:s3:::b/*", "Allow", "aws:SourceArn", "shop-orders"] {
            assert_eq!(scalar(text), text);
        }
        for (text, written) in [
            ("*", "\"*\""),
            ("", "\"\""),
            ("2012-10-17", "\"2012-10-17\""),
            ("no", "\"no\""),
            ("Off", "\"Off\""),
            ("a: b", "\"a: b\""),
            ("a #b", "\"a #b\""),
            ("a:", "\"a:\""),
            ("!Sub x", "\"!Sub x\""),
            ("a\nb: c", "\"a\\nb: c\""),
            ("\u{85}\u{2028}\u{1b}", "\"\\x85\\u2028\\x1b\""),
            ("\u{1f600}\u{10ffff}", "\"\u{1f600}\\U0010ffff\""),
        ] {
            assert_eq!(scalar(text), written);
        }
    }
}
