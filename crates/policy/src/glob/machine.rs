//! The pattern as a nondeterministic machine over sets of positions, one bit each.
//!
//! Slower than backtracking on small input and never quadratic in the text: a step costs O(tokens / 64).
//! It also reads *tokens of another pattern* as if they were characters, which is how inclusion is decided.

use std::collections::BTreeMap;

use super::{Glob, ONE_ALL, ONE_SEGMENT, STAR_ALL, STAR_SEGMENT, VARIABLE};

/// One token of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Char(char),
    /// One character; a colon only if `colon`.
    One {
        colon: bool,
    },
    /// Any text; with colons only if `colon`.
    Star {
        colon: bool,
    },
    Variable(&'a [u8]),
}

/// Input of a machine: a character, or a token of another pattern that stands for all its texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Symbol<'a> {
    Char(char),
    /// Any character that no literal of the machine equals, and not a colon.
    Other,
    AnyOne {
        colon: bool,
    },
    AnyText {
        colon: bool,
    },
    Variable(&'a [u8]),
}

/// Splits a program into tokens.
pub(super) fn tokens(glob: &Glob) -> Vec<Token<'_>> {
    let mut out = Vec::with_capacity(glob.program.len());
    let mut rest = &*glob.program;
    while let Some((&first, tail)) = rest.split_first() {
        let (token, used) = match first {
            STAR_ALL => (Token::Star { colon: true }, 1),
            STAR_SEGMENT => (Token::Star { colon: false }, 1),
            ONE_ALL => (Token::One { colon: true }, 1),
            ONE_SEGMENT => (Token::One { colon: false }, 1),
            VARIABLE => {
                let len = tail.iter().position(|&byte| byte == VARIABLE).unwrap_or(tail.len());
                (Token::Variable(tail.get(..len).unwrap_or_default()), len + 2)
            }
            _ => {
                let len = super::utf8_len(first);
                let char = rest.get(..len).and_then(|bytes| std::str::from_utf8(bytes).ok()?.chars().next());
                (Token::Char(char.unwrap_or(char::REPLACEMENT_CHARACTER)), len)
            }
        };
        out.push(token);
        rest = rest.get(used..).unwrap_or_default();
    }
    out
}

/// Which positions move on, and which stay, on one symbol.
struct Moves {
    advance: Box<[u64]>,
    stay: Box<[u64]>,
}

/// A set of positions in the pattern.
pub(super) type Positions = Box<[u64]>;

pub(super) struct Machine<'a> {
    tokens: Vec<Token<'a>>,
    stars: Box<[u64]>,
    moves: BTreeMap<Symbol<'a>, Moves>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(glob: &'a Glob) -> Self {
        let tokens = tokens(glob);
        let stars = bits(&tokens, |token| matches!(token, Token::Star { .. }));
        Self { tokens, stars, moves: BTreeMap::new() }
    }

    /// Words in a set of positions: the price of a step.
    pub(super) fn words(&self) -> usize {
        self.stars.len()
    }

    /// The distinct literal characters of the pattern.
    pub(super) fn alphabet(&self) -> Vec<char> {
        let mut chars: Vec<char> = self
            .tokens
            .iter()
            .filter_map(|token| match token {
                Token::Char(char) => Some(*char),
                _ => None,
            })
            .collect();
        chars.sort_unstable();
        chars.dedup();
        chars
    }

    pub(super) fn start(&self) -> Positions {
        let mut set: Positions = vec![0; self.words()].into();
        if let Some(first) = set.first_mut() {
            *first = 1;
        }
        self.close(&mut set);
        set
    }

    pub(super) fn is_accepting(&self, set: &Positions) -> bool {
        let end = self.tokens.len();
        set.get(end / 64).is_some_and(|word| word >> (end % 64) & 1 == 1)
    }

    /// The positions reachable by one symbol.
    pub(super) fn step(&mut self, from: &Positions, symbol: Symbol<'a>) -> Positions {
        let tokens = &self.tokens;
        let moves = self.moves.entry(symbol).or_insert_with(|| Moves {
            advance: bits(tokens, |token| advances(token, symbol)),
            stay: bits(tokens, |token| stays(token, symbol)),
        });
        let mut carry = 0;
        let mut next: Positions = from
            .iter()
            .zip(&moves.advance)
            .zip(&moves.stay)
            .map(|((&word, &advance), &stay)| {
                let leaving = word & advance;
                let out = leaving << 1 | carry | word & stay;
                carry = leaving >> 63;
                out
            })
            .collect();
        self.close(&mut next);
        next
    }

    /// Adds the position after each star: stars match the empty text. Two stars are never neighbours.
    fn close(&self, set: &mut Positions) {
        let mut carry = 0;
        for (word, &stars) in set.iter_mut().zip(&self.stars) {
            let at_star = *word & stars;
            *word |= at_star << 1 | carry;
            carry = at_star >> 63;
        }
    }

    /// True if the machine accepts a text.
    pub(super) fn accepts(&mut self, text: &str) -> bool {
        let alphabet = self.alphabet();
        let mut set = self.start();
        for char in text.chars() {
            let known = char == ':' || alphabet.binary_search(&char).is_ok();
            set = self.step(&set, if known { Symbol::Char(char) } else { Symbol::Other });
            if set.iter().all(|&word| word == 0) {
                return false;
            }
        }
        self.is_accepting(&set)
    }
}

/// One bit per token, plus the bit of the end position (never set).
fn bits(tokens: &[Token<'_>], include: impl Fn(&Token<'_>) -> bool) -> Box<[u64]> {
    let word = |chunk: &[Token<'_>]| {
        chunk.iter().enumerate().filter(|(_, token)| include(token)).fold(0, |word, (bit, _)| word | 1u64 << bit)
    };
    let mut words: Vec<u64> = tokens.chunks(64).map(word).collect();
    words.resize(tokens.len() / 64 + 1, 0);
    words.into()
}

fn advances(token: &Token<'_>, symbol: Symbol<'_>) -> bool {
    match (token, symbol) {
        (Token::Char(a), Symbol::Char(b)) => *a == b,
        (Token::One { colon }, Symbol::Char(char)) => *colon || char != ':',
        (Token::One { .. }, Symbol::Other) => true,
        (Token::One { colon: wide }, Symbol::AnyOne { colon }) => *wide || !colon,
        (Token::Variable(a), Symbol::Variable(b)) => *a == b,
        _ => false,
    }
}

fn stays(token: &Token<'_>, symbol: Symbol<'_>) -> bool {
    let Token::Star { colon: wide } = token else { return false };
    match symbol {
        Symbol::Char(char) => *wide || char != ':',
        Symbol::Other => true,
        Symbol::AnyOne { colon } | Symbol::AnyText { colon } => *wide || !colon,
        Symbol::Variable(_) => *wide, // a value may hold a colon
    }
}
