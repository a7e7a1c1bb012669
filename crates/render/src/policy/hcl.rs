//! A writer of HCL: blocks, attributes, comments. Laid out as `terraform fmt` does.

use std::fmt::Write as _;

use super::comment::one_line;

/// Text with indentation.
#[derive(Debug, Default)]
pub struct HclWriter {
    out: String,
    depth: usize,
}

impl HclWriter {
    /// The text so far.
    pub fn finish(self) -> String {
        self.out
    }

    /// Comment lines.
    pub fn comments(&mut self, lines: &[String]) {
        for line in lines {
            self.line(&format!("# {}", one_line(line)));
        }
    }

    /// An empty line, unless the block or file begins here.
    pub fn gap(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("{\n") && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// Begins a block; `head` is its type and labels.
    pub fn open(&mut self, head: &str) {
        self.line(&format!("{head} {{"));
        self.depth += 1;
    }

    /// Ends the block.
    pub fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        self.line("}");
    }

    /// Attributes of one line each, their `=` below each other.
    pub fn attributes(&mut self, attributes: &[(&str, String)]) {
        let width = attributes.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in attributes {
            self.line(&format!("{name:<width$} = {value}"));
        }
    }

    /// A list with an element a line, each an expression already.
    pub fn list(&mut self, name: &str, elements: &[String]) {
        if elements.is_empty() {
            return self.line(&format!("{name} = []"));
        }
        self.line(&format!("{name} = ["));
        self.depth += 1;
        for element in elements {
            self.line(&format!("{element},"));
        }
        self.depth = self.depth.saturating_sub(1);
        self.line("]");
    }

    fn line(&mut self, text: &str) {
        let indent = self.depth * 2;
        let _ = writeln!(self.out, "{:indent$}{text}", "");
    }
}

/// `shop-checkout` → `shop_checkout`: a name of a resource in Terraform.
pub fn identifier(name: &str) -> String {
    let mut out: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    if !out.starts_with(|c: char| c.is_ascii_alphabetic()) {
        out.insert_str(0, "p_");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_plain() {
        assert_eq!(identifier("shop-checkout.v2"), "shop_checkout_v2");
        assert_eq!(identifier("2fa"), "p_2fa");
    }
}
