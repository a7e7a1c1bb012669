//! Wildcard patterns of the policy language, compiled to bytes, and their matcher.
//!
//! In: pattern text of an action, a resource or a condition value. Out: [`Glob`], which decides membership
//! ([`Glob::matches`]), inclusion ([`Glob::covers`]) and overlap ([`Glob::intersects`]). Not here: what a
//! pattern is *for*; [`crate::action`], [`crate::resource`] and [`crate::condition`] choose a compiler from
//! text to program, and the program alone decides everything else.
//!
//! A program is the pattern's UTF-8 text in which each special token became one byte that never occurs in
//! UTF-8 (0xF8..=0xFF), so a literal `*` (spelled `${*}`) and the wildcard cannot be confused, matching needs
//! no decoding, and the program is not longer than the text plus two bytes per variable.

mod common;
mod machine;
mod relation;
#[cfg(test)]
mod tests;

use machine::Machine;

/// Any text, colons included.
const STAR_ALL: u8 = 0xFF;
/// Any text without a colon.
const STAR_SEGMENT: u8 = 0xFE;
/// One character.
const ONE_ALL: u8 = 0xFD;
/// One character that is not a colon.
const ONE_SEGMENT: u8 = 0xFC;
/// Opens and closes the text of a policy variable.
const VARIABLE: u8 = 0xFB;

/// Steps of the backtracking matcher per byte of text and pattern before the set machine takes over.
const BACKTRACK_STEPS_PER_BYTE: usize = 16;

/// A compiled pattern. Equality is equality of meaning as far as spelling shows it (`**` equals `*`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Glob {
    program: Box<[u8]>,
    /// No special token at all.
    literal: bool,
}

impl Glob {
    /// Compiles an action pattern: ASCII case folded, `*` and `?` match any character.
    ///
    /// In a service prefix they are plain characters, which no service has in its name, but for `*:*`.
    /// Match it against text with [`Glob::matches_ignore_ascii_case`].
    pub(crate) fn action(text: &str) -> Self {
        let mut program = Program::default();
        let plain = if text == "*:*" { 0 } else { text.find(':').unwrap_or(0) };
        for (at, byte) in text.bytes().enumerate() {
            let byte = byte.to_ascii_lowercase();
            if at < plain {
                program.bytes.push(byte);
            } else {
                program.push_wildcards_as_all(byte);
            }
        }
        program.finish()
    }

    /// Compiles a pattern of the `Resource` element.
    ///
    /// `*` and `?` stay inside one colon-separated segment, except that a `*` which ends a segment also
    /// expands across colons (IAM User Guide, "IAM JSON policy elements: Resource").
    pub(crate) fn resource(text: &str, variables: bool) -> Self {
        let mut program = Program::default();
        let bytes = text.as_bytes();
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            if variables && let Some(variable) = Variable::at(text, at) {
                program.push_variable(&variable);
                at += variable.len;
                continue;
            }
            at += 1;
            match byte {
                b'*' => match bytes.get(at) {
                    Some(b'*') => {} // the last star of the run decides
                    Some(b':') | None => program.push_star(STAR_ALL),
                    Some(_) => program.push_star(STAR_SEGMENT),
                },
                b'?' => program.bytes.push(ONE_SEGMENT),
                _ => program.bytes.push(byte),
            }
        }
        program.finish()
    }

    /// Compiles a value of `StringLike`: `*` and `?` match any character.
    pub(crate) fn string_like(text: &str, variables: bool) -> Self {
        Self::value(text, variables, true)
    }

    /// Compiles a value of `StringEquals`: only variables are special.
    pub(crate) fn string_equals(text: &str, variables: bool) -> Self {
        Self::value(text, variables, false)
    }

    fn value(text: &str, variables: bool, wildcards: bool) -> Self {
        let mut program = Program::default();
        let mut at = 0;
        while let Some(&byte) = text.as_bytes().get(at) {
            if variables && let Some(variable) = Variable::at(text, at) {
                program.push_variable(&variable);
                at += variable.len;
                continue;
            }
            at += 1;
            if wildcards {
                program.push_wildcards_as_all(byte);
            } else {
                program.bytes.push(byte);
            }
        }
        program.finish()
    }

    /// The same program in ASCII lower case, variables excepted.
    pub(crate) fn to_ascii_lowercase(&self) -> Self {
        let mut inside = false;
        let fold = |&byte: &u8| {
            inside ^= byte == VARIABLE;
            if inside { byte } else { byte.to_ascii_lowercase() }
        };
        Self { program: self.program.iter().map(fold).collect(), literal: self.literal }
    }

    /// Matches every text.
    pub(crate) fn is_any(&self) -> bool {
        *self.program == [STAR_ALL]
    }

    /// Holds a wildcard.
    pub(crate) fn is_wildcard(&self) -> bool {
        self.program.iter().any(|&byte| matches!(byte, STAR_ALL | STAR_SEGMENT | ONE_ALL | ONE_SEGMENT))
    }

    /// Holds a policy variable (escapes such as `${*}` are plain text by now).
    pub(crate) fn has_variables(&self) -> bool {
        self.program.contains(&VARIABLE)
    }

    /// The one text this pattern matches, if it has neither wildcards nor variables.
    pub(crate) fn literal(&self) -> Option<&str> {
        if self.literal { std::str::from_utf8(&self.program).ok() } else { None }
    }

    /// The program with each variable replaced by "any text".
    pub(crate) fn widened(&self) -> Self {
        let mut program = Program::default();
        let mut inside = false;
        for &byte in &self.program {
            match byte {
                VARIABLE => {
                    inside = !inside;
                    if inside {
                        program.push_star(STAR_ALL);
                    }
                }
                _ if inside => {}
                STAR_ALL | STAR_SEGMENT => program.push_star(byte),
                _ => program.bytes.push(byte),
            }
        }
        program.finish()
    }

    /// The program with each variable replaced by its value, which is plain text; `None` if one has no value.
    ///
    /// `value` gets what stands between the braces.
    pub(crate) fn resolved<'s>(&'s self, value: impl Fn(&'s str) -> Option<&'s str>) -> Option<Self> {
        let mut program = Vec::with_capacity(self.program.len());
        // Variables open and close with the same byte, so every second piece is a name.
        for (index, piece) in self.program.split(|&byte| byte == VARIABLE).enumerate() {
            if index % 2 == 0 {
                program.extend_from_slice(piece);
            } else {
                program.extend_from_slice(value(std::str::from_utf8(piece).ok()?)?.as_bytes());
            }
        }
        Some(Program { bytes: program }.finish())
    }

    /// The six components of an ARN pattern, each by itself; `None` if there are fewer. Resolve variables
    /// first.
    pub(crate) fn arn_components(&self) -> Option<Box<[Self]>> {
        let parts = self.program.splitn(6, |&byte| byte == b':');
        let parts: Box<[Self]> = parts.map(|part| Program { bytes: part.to_vec() }.finish()).collect();
        (parts.len() == 6).then_some(parts)
    }

    /// True if the pattern matches the whole text. A pattern with a variable matches nothing.
    pub(crate) fn matches(&self, text: &str) -> bool {
        self.run::<false>(text)
    }

    /// [`Glob::matches`] for a program compiled in lower case.
    pub(crate) fn matches_ignore_ascii_case(&self, text: &str) -> bool {
        self.run::<true>(text)
    }

    /// Backtracks to the latest star only, which is enough: the leftmost place for what follows a star leaves
    /// the longest rest. A star confined to its segment that runs into a colon or the end gives way to the
    /// latest unconfined star. O(text × pattern) at worst; past a budget of steps the set machine finishes
    /// the work.
    fn run<const FOLD: bool>(&self, text: &str) -> bool {
        let (program, bytes) = (&*self.program, text.as_bytes());
        let mut budget = BACKTRACK_STEPS_PER_BYTE.saturating_mul(program.len() + bytes.len() + 16);
        let (mut at, mut pos) = (0, 0);
        let mut in_segment: Option<(usize, usize)> = None;
        let mut across: Option<(usize, usize)> = None;
        loop {
            budget -= 1;
            if budget == 0 {
                let folded = if FOLD { Some(text.to_ascii_lowercase()) } else { None };
                return Machine::new(self).accepts(folded.as_deref().unwrap_or(text));
            }
            let byte = bytes.get(pos).map(|&byte| if FOLD { byte.to_ascii_lowercase() } else { byte });
            match (program.get(at), byte) {
                (None, None) => return true,
                (Some(&STAR_ALL), _) => {
                    at += 1;
                    if at == program.len() {
                        return true;
                    }
                    (across, in_segment) = (Some((at, pos)), None);
                    continue;
                }
                (Some(&STAR_SEGMENT), _) => {
                    at += 1;
                    in_segment = Some((at, pos));
                    continue;
                }
                (Some(&VARIABLE), _) => return false,
                (Some(&ONE_ALL), Some(byte)) => {
                    (at, pos) = (at + 1, pos + utf8_len(byte));
                    continue;
                }
                (Some(&ONE_SEGMENT), Some(byte)) if byte != b':' => {
                    (at, pos) = (at + 1, pos + utf8_len(byte));
                    continue;
                }
                (Some(&literal), Some(byte)) if literal == byte => {
                    (at, pos) = (at + 1, pos + 1);
                    continue;
                }
                _ => {}
            }
            if let Some((after, from)) = in_segment {
                match bytes.get(from) {
                    // What follows the star is in no suffix of the text; starting later cannot help.
                    None => return false,
                    Some(b':') => in_segment = None,
                    Some(&skipped) => {
                        let next = from + utf8_len(skipped);
                        in_segment = Some((after, next));
                        (at, pos) = (after, next);
                        continue;
                    }
                }
            }
            let Some((after, from)) = across else { return false };
            let Some(&skipped) = bytes.get(from) else { return false };
            let next = from + utf8_len(skipped);
            across = Some((after, next));
            (at, pos) = (after, next);
        }
    }
}

/// Bytes of the UTF-8 character that starts with `first`.
fn utf8_len(first: u8) -> usize {
    match first {
        0..0xC0 => 1,
        0xC0..0xE0 => 2,
        0xE0..0xF0 => 3,
        _ => 4,
    }
}

/// A program under construction.
#[derive(Default)]
struct Program {
    bytes: Vec<u8>,
}

impl Program {
    /// Adds a star; two stars side by side are the wider of the two.
    fn push_star(&mut self, star: u8) {
        match self.bytes.last_mut() {
            Some(last @ &mut (STAR_ALL | STAR_SEGMENT)) => *last = star.max(*last),
            _ => self.bytes.push(star),
        }
    }

    fn push_wildcards_as_all(&mut self, byte: u8) {
        match byte {
            b'*' => self.push_star(STAR_ALL),
            b'?' => self.bytes.push(ONE_ALL),
            _ => self.bytes.push(byte),
        }
    }

    fn push_variable(&mut self, variable: &Variable<'_>) {
        if let "*" | "?" | "$" = variable.name {
            self.bytes.extend_from_slice(variable.name.as_bytes());
        } else {
            self.bytes.push(VARIABLE);
            self.bytes.extend_from_slice(variable.name.as_bytes());
            self.bytes.push(VARIABLE);
        }
    }

    fn finish(self) -> Glob {
        let literal = !self.bytes.iter().any(|&byte| byte >= VARIABLE);
        Glob { program: self.bytes.into_boxed_slice(), literal }
    }
}

/// A `${…}` found in text.
pub(crate) struct Variable<'a> {
    /// The text between the braces, default value included.
    pub(crate) name: &'a str,
    /// Length of the whole in bytes.
    len: usize,
}

impl<'a> Variable<'a> {
    /// The variable that starts at byte `at`. A `${` that meets another before its `}`, or none at all, is
    /// plain text: variables do not nest, and the search for the end stays linear over a text of nothing but
    /// `${`.
    pub(crate) fn at(text: &'a str, at: usize) -> Option<Self> {
        let rest = text.get(at..)?.strip_prefix("${")?;
        let end = rest
            .bytes()
            .zip(rest.bytes().skip(1).chain([0]))
            .position(|pair| pair == (b'$', b'{') || pair.0 == b'}')?;
        rest.get(end..)?.starts_with('}').then_some(Self { name: rest.get(..end)?, len: end + 3 })
    }
}
