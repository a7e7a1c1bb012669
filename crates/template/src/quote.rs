//! Texts in the notations of templates: YAML scalars, JSON strings, quoted templates of HCL.
//!
//! Names, tags and ARNs may be written by an attacker, so whatever goes into a file passes here: it reads
//! back as the same text and as nothing else. The tests read it with the parsers of others.

use std::fmt::Write as _;

/// A JSON string that YAML reads as the same text, for values in brackets and braces.
pub fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    for character in serde_json::Value::from(text).to_string().chars() {
        match u32::from(character) {
            code @ ..=0xffff if needs_escape(character) => {
                let _ = write!(out, "\\u{code:04x}");
            }
            _ => out.push(character),
        }
    }
    out
}

/// A YAML scalar that means this text, in 1.1 (CloudFormation) and 1.2 alike: plain, or in single quotes, or
/// in double quotes where a character needs an escape.
pub fn yaml(text: &str) -> String {
    if is_plain_yaml(text) {
        text.to_owned()
    } else if text.chars().any(needs_escape) {
        yaml_double(text)
    } else {
        format!("'{}'", text.replace('\'', "''"))
    }
}

/// A YAML scalar in double quotes (YAML 1.2, "Double-Quoted Style").
pub fn yaml_double(text: &str) -> String {
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

/// True for a text that no version of YAML takes for anything but itself, outside of brackets and braces.
pub fn is_plain_yaml(text: &str) -> bool {
    /// Words that YAML 1.1 reads as booleans or null.
    const WORDS: &[&str] = &["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:*?@$+=^~{}".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(plain)
        // Braces only as in `${Table}`.
        && text.matches('{').count() == text.matches("${").count()
        && !text.ends_with(':')
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

/// A text as a quoted template of HCL that means itself.
pub fn hcl(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    push_hcl(text, false, &mut out);
    out.push('"');
    out
}

/// Text inside a quoted template of HCL: none of it is a template itself (HCL Native Syntax Specification,
/// "Template Literals"). `before_reference`: an interpolation follows, which a final `$` must not join.
pub(crate) fn push_hcl(text: &str, before_reference: bool, out: &mut String) {
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let next = rest.peek().copied().or(before_reference.then_some('$'));
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '$' | '%' if next == Some('{') => {
                out.push(character);
                out.push(character);
            }
            // Three in a row before a brace can be read in two ways.
            '$' | '%' if next == Some(character) => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            _ if needs_escape(character) => {
                let code = u32::from(character);
                let _ = if code > 0xffff { write!(out, "\\U{code:08x}") } else { write!(out, "\\u{code:04x}") };
            }
            _ => out.push(character),
        }
    }
}

/// Characters that are not printable, break lines, reorder what is read, or are no characters at all.
fn needs_escape(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{fff0}'..='\u{ffff}'
        )
        || u32::from(character) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests;
