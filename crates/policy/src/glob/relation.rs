//! Inclusion and overlap of two patterns.

use super::machine::{Machine, Positions, Symbol, Token, tokens};
use super::{Glob, VARIABLE};

/// Machine words that one inclusion proof may touch before it gives up.
const COVERS_WORK: usize = 1 << 21;
/// Pairs of positions that one overlap test may look at before it gives up.
const INTERSECTS_WORK: usize = 1 << 24;

impl Glob {
    /// True if every text of `other` is a text of `self`, for every value of the variables.
    ///
    /// A variable is equal to itself and covered by an unconfined star, nothing else.
    /// Sound; exact without variables, up to a bound on work after which the answer is `false`.
    ///
    /// First `self` reads the tokens of `other` as characters, a star of `other` being readable by a star
    /// only: linear and nearly always enough. If that fails, the subset construction of `self` runs against
    /// `other`, which also finds proofs that cut through a star (`?*x` covers `*yx`).
    pub(crate) fn covers(&self, other: &Glob) -> bool {
        if self.is_any() || self == other {
            return true;
        }
        if self.differs_at_either_end(other) {
            return false;
        }
        if let Some(text) = other.literal() {
            return self.matches(text);
        }
        if other.samples().iter().any(|text| !self.matches(text)) {
            return false;
        }
        let other = tokens(other);
        let mut machine = Machine::new(self);
        if other.len().saturating_mul(machine.words()) > COVERS_WORK {
            return false;
        }
        let end = other.iter().fold(machine.start(), |set, &token| machine.step(&set, as_symbol(token)));
        machine.is_accepting(&end) || includes(&mut machine, &other)
    }

    /// True if a literal byte before the first special token of `self`, or after the last, meets anything
    /// else in `other`: then `other` has a text that `self` lacks. Settles nearly all pairs of a large
    /// policy.
    fn differs_at_either_end(&self, other: &Glob) -> bool {
        let (own, other) = (self.program.iter(), other.program.iter());
        let differ = |(own, other): (&u8, &u8)| own != other;
        let is_literal = |(own, _): &(&u8, &u8)| **own < VARIABLE;
        own.clone().zip(other.clone()).take_while(is_literal).any(differ)
            || own.rev().zip(other.rev()).take_while(is_literal).any(differ)
    }

    /// True if both begin, or both end, with literals that differ: then they share no text. Settles nearly
    /// all pairs.
    fn is_apart_at_either_end(&self, other: &Glob) -> bool {
        let (own, other) = (self.program.iter(), other.program.iter());
        let differ = |(own, other): (&u8, &u8)| own != other;
        let are_literal = |(own, other): &(&u8, &u8)| **own < VARIABLE && **other < VARIABLE;
        own.clone().zip(other.clone()).take_while(are_literal).any(differ)
            || own.rev().zip(other.rev()).take_while(are_literal).any(differ)
    }

    /// A few texts of a pattern without variables; none of one with.
    fn samples(&self) -> Vec<String> {
        if self.has_variables() {
            return Vec::new();
        }
        // Any character will do in place of a wildcard; one that no policy names tells the most.
        let with = |star: &str, star_across: &str| -> String {
            let piece = |token: Token<'_>| match token {
                Token::Char(char) => char.to_string(),
                Token::Star { colon: true } => star_across.to_owned(),
                Token::Star { colon: false } => star.to_owned(),
                Token::One { .. } | Token::Variable(_) => '\u{1}'.to_string(),
            };
            tokens(self).into_iter().map(piece).collect()
        };
        vec![with("", ""), with("\u{1}", "\u{1}:\u{1}")]
    }

    /// True if some text, for some value of the variables, is a text of both.
    ///
    /// Complete; exact when neither has a variable, up to a bound on work after which the answer is `true`.
    pub(crate) fn intersects(&self, other: &Glob) -> bool {
        if self.is_apart_at_either_end(other) {
            return false;
        }
        if let (Some(own), Some(other)) = (self.literal(), other.literal()) {
            return own == other;
        }
        let (a, b) = (tokens(self), tokens(other));
        if a.len().saturating_mul(b.len()) > INTERSECTS_WORK {
            return true;
        }
        // row[j]: some text is read by a[..i] and b[..j].
        let mut row = vec![false; b.len() + 1];
        let mut next = row.clone();
        if let Some(first) = row.first_mut() {
            *first = true;
        }
        for i in 0..=a.len() {
            let from_a = a.get(i).copied();
            next.fill(false);
            for j in 0..=b.len() {
                if row.get(j) != Some(&true) {
                    continue;
                }
                let from_b = b.get(j).copied();
                if from_a.is_some_and(is_star) {
                    set(&mut next, j);
                }
                if from_b.is_some_and(is_star) {
                    set(&mut row, j + 1);
                }
                if let (Some(x), Some(y)) = (from_a, from_b)
                    && share_a_character(x, y)
                {
                    match (is_star(x), is_star(y)) {
                        (true, true) => {}
                        (true, false) => set(&mut row, j + 1),
                        (false, true) => set(&mut next, j),
                        (false, false) => set(&mut next, j + 1),
                    }
                }
            }
            if i < a.len() {
                std::mem::swap(&mut row, &mut next);
            }
        }
        row.last() == Some(&true)
    }
}

fn set(row: &mut [bool], at: usize) {
    if let Some(cell) = row.get_mut(at) {
        *cell = true;
    }
}

pub(super) fn is_star(token: Token<'_>) -> bool {
    matches!(token, Token::Star { .. } | Token::Variable(_))
}

pub(super) fn share_a_character(a: Token<'_>, b: Token<'_>) -> bool {
    let only_segment = |token| matches!(token, Token::One { colon: false } | Token::Star { colon: false });
    match (a, b) {
        (Token::Char(a), Token::Char(b)) => a == b,
        (Token::Char(':'), class) | (class, Token::Char(':')) => !only_segment(class),
        _ => true,
    }
}

fn as_symbol(token: Token<'_>) -> Symbol<'_> {
    match token {
        Token::Char(char) => Symbol::Char(char),
        Token::One { colon } => Symbol::AnyOne { colon },
        Token::Star { colon } => Symbol::AnyText { colon },
        Token::Variable(name) => Symbol::Variable(name),
    }
}

/// Walks `other` and the determinised machine side by side; a place where `other` can stop and the machine
/// cannot is a counterexample. Sets that contain an already visited set at the same place can only succeed
/// more easily.
fn includes<'a>(machine: &mut Machine<'a>, other: &[Token<'a>]) -> bool {
    let alphabet = machine.alphabet();
    let mut visited: Vec<Vec<Positions>> = vec![Vec::new(); other.len() + 1];
    let mut pending = vec![(0, machine.start())];
    let mut work = 0usize;
    while let Some((at, set)) = pending.pop() {
        if set.iter().all(|&word| word == 0) {
            return false; // whatever `other` still writes, the machine is stuck
        }
        let Some(seen) = visited.get_mut(at) else { return false };
        work = work.saturating_add(machine.words().saturating_mul(seen.len() + alphabet.len() + 4));
        if work > COVERS_WORK {
            return false;
        }
        if seen.iter().any(|old| old.iter().zip(&set).all(|(old, new)| old & !new == 0)) {
            continue;
        }
        seen.push(set.clone());
        let Some(&token) = other.get(at) else {
            if !machine.is_accepting(&set) {
                return false;
            }
            continue;
        };
        match token {
            Token::Char(_) | Token::Variable(_) => pending.push((at + 1, machine.step(&set, as_symbol(token)))),
            Token::One { colon } => {
                for symbol in characters(&alphabet, colon) {
                    pending.push((at + 1, machine.step(&set, symbol)));
                }
            }
            Token::Star { colon } => {
                for symbol in characters(&alphabet, colon) {
                    pending.push((at, machine.step(&set, symbol)));
                }
                pending.push((at + 1, set));
            }
        }
    }
    true
}

/// One symbol for each class of characters that the machine can tell apart.
fn characters<'a>(alphabet: &[char], colon: bool) -> impl Iterator<Item = Symbol<'a>> {
    let literals = alphabet.iter().filter(|&&char| char != ':').map(|&char| Symbol::Char(char));
    literals.chain([Symbol::Other]).chain(colon.then_some(Symbol::Char(':')))
}
