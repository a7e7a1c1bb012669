//! Texts that patterns match, built rather than searched for.

use super::Glob;
use super::machine::{Token, tokens};
use super::relation::{is_star, share_a_character};

/// Pairs of positions that the search for a common text may look at.
const MAX_PAIRS: usize = 1 << 16;

impl Glob {
    /// A text of this pattern, with `star` in place of each star and `value` of each variable.
    pub(crate) fn sample(&self, star: &str, value: &str) -> String {
        let piece = |token: Token<'_>| match token {
            Token::Char(char) => char.to_string(),
            Token::Star { .. } => star.to_owned(),
            Token::One { .. } => "x".to_owned(),
            Token::Variable(_) => value.to_owned(),
        };
        tokens(self).into_iter().map(piece).collect()
    }

    /// The text between the braces of each variable.
    pub(crate) fn variable_names(&self) -> Vec<&str> {
        if !self.has_variables() {
            return Vec::new();
        }
        let pieces = self.program.split(|&byte| byte == super::VARIABLE).enumerate();
        // Variables open and close with the same byte, so every second piece is a name.
        pieces.filter(|(at, _)| at % 2 == 1).filter_map(|(_, piece)| std::str::from_utf8(piece).ok()).collect()
    }

    /// A text of both patterns. None if there is none, a variable is in the way, or the patterns are too long
    /// to search.
    pub(crate) fn common_text(&self, other: &Self) -> Option<String> {
        if self.has_variables() || other.has_variables() {
            return None;
        }
        let (own, others) = (tokens(self), tokens(other));
        let width = others.len() + 1;
        let cells = (own.len() + 1).checked_mul(width).filter(|&cells| cells <= MAX_PAIRS)?;
        // For each pair of positions that some text leads to: the pair before, and the character between.
        let mut from: Vec<Option<(usize, Option<char>)>> = vec![None; cells];
        let mut pending = vec![0_usize];
        while let Some(at) = pending.pop() {
            let (i, j) = (at / width, at % width);
            let (x, y) = (own.get(i).copied(), others.get(j).copied());
            let mut go = |i: usize, j: usize, char: Option<char>| {
                let to = i * width + j;
                if to != 0
                    && let Some(cell @ None) = from.get_mut(to)
                {
                    *cell = Some((at, char));
                    pending.push(to);
                }
            };
            if x.is_some_and(is_star) {
                go(i + 1, j, None);
            }
            if y.is_some_and(is_star) {
                go(i, j + 1, None);
            }
            if let (Some(x), Some(y)) = (x, y)
                && share_a_character(x, y)
                && !(is_star(x) && is_star(y))
            {
                let char = match (x, y) {
                    (Token::Char(char), _) | (_, Token::Char(char)) => char,
                    _ => 'x',
                };
                go(i + usize::from(!is_star(x)), j + usize::from(!is_star(y)), Some(char));
            }
        }
        let mut text = Vec::new();
        let mut at = cells - 1;
        while at != 0 {
            let (before, char) = (*from.get(at)?)?;
            text.extend(char);
            at = before;
        }
        Some(text.into_iter().rev().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_texts_are_texts_of_both() {
        for (a, b) in [("s3:get*", "s3:*object"), ("*", "a?c"), ("a*b*c", "*x*"), ("", ""), ("a:*", "a:b:?")] {
            let (a, b) = (Glob::string_like(a, false), Glob::string_like(b, false));
            let text = a.common_text(&b).unwrap();
            assert!(a.matches(&text) && b.matches(&text), "{text}");
        }
        for (a, b) in [("a", "b"), ("a*", "b*"), ("?", "")] {
            assert_eq!(Glob::string_like(a, false).common_text(&Glob::string_like(b, false)), None);
        }
    }
}
