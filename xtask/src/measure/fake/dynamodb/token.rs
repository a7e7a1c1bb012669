//! Words and symbols of DynamoDB's expressions.

use std::fmt;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpressionToken {
    /// A name, a keyword, `#name` or `:value`.
    Word(String),
    Number(usize),
    Symbol(&'static str),
}

impl fmt::Display for ExpressionToken {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => out.write_str(word),
            Self::Number(number) => write!(out, "{number}"),
            Self::Symbol(symbol) => out.write_str(symbol),
        }
    }
}

/// Longer ones first.
const SYMBOLS: [&str; 14] = ["<>", "<=", ">=", "<", ">", "=", "(", ")", ",", ".", "[", "]", "+", "-"];

pub fn tokens(text: &str) -> Result<Vec<ExpressionToken>, String> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let symbol = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
        let length = if let Some(symbol) = symbol {
            out.push(ExpressionToken::Symbol(symbol));
            symbol.len()
        } else {
            let length = 1 + rest.chars().skip(1).take_while(|c| c.is_ascii_alphanumeric() || *c == '_').count();
            let word = rest.get(..length).ok_or_else(|| format!("Invalid expression: token: {first}"))?;
            if first.is_ascii_digit() {
                out.push(ExpressionToken::Number(
                    word.parse().map_err(|_| format!("Invalid expression: token: {word}"))?,
                ));
            } else if first.is_ascii_alphabetic() || "_#:".contains(first) {
                out.push(ExpressionToken::Word(word.to_owned()));
            } else {
                return Err(format!("Invalid expression: Syntax error; token: {first}"));
            }
            length
        };
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    Ok(out)
}
