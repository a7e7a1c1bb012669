//! Errors of texts that are not policies, with their places.

use std::fmt;

use crate::action::ParseActionPatternError;

/// A text or JSON value is not a policy document.
///
/// Displays as `path: reason (line L, column C)`; the position is known only if a text was parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsePolicyError {
    pub(crate) path: String,
    pub(crate) position: Option<Position>,
    // Boxed so that the Ok path of every parsing function stays small.
    pub(crate) kind: Box<ParsePolicyErrorKind>,
}

/// A place in a text. Lines and columns count from one, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Offset in bytes, from 0.
    pub offset: usize,
}

/// A fault of a policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParsePolicyErrorKind {
    /// The text is not JSON.
    #[error("not JSON: {0}")]
    Json(&'static str),
    /// Objects and lists are nested more deeply than any policy needs.
    #[error("nested more than {limit} levels deep")]
    TooDeep {
        /// Deepest nesting that is read.
        limit: usize,
    },
    /// The text holds more JSON values than any policy or case needs.
    #[error("more than {limit} JSON values")]
    TooManyValues {
        /// Most values that are read.
        limit: usize,
    },
    /// Policies and request are so long that comparing them could take unboundedly long.
    #[error("{policies} characters of policies against {request} characters of one request are too many to compare")]
    TooLarge {
        /// Characters of all policies.
        policies: usize,
        /// Characters of action, resource and the longest context key's values.
        request: usize,
    },
    /// A key occurs twice in one object; which one counts would be a matter of luck.
    #[error("key {0:?} occurs twice")]
    DuplicateKey(String),
    /// An element that the policy language does not have. Names are case-sensitive.
    #[error("unknown element {name:?}")]
    UnknownElement {
        /// The name as spelled.
        name: String,
        /// The element that was probably meant.
        nearest: Option<&'static str>,
    },
    /// A required element is absent.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// Two elements that exclude each other.
    #[error("{0} and {1} exclude each other")]
    Conflict(&'static str, &'static str),
    /// A value of the wrong JSON type.
    #[error("expected {expected}, found {found}")]
    WrongType {
        /// The type that the policy language wants here.
        expected: &'static str,
        /// The type in the text.
        found: &'static str,
    },
    /// A word that is not one of a fixed few.
    #[error("{found:?} is not {expected}")]
    UnknownWord {
        /// The word as spelled.
        found: String,
        /// The words that are known.
        expected: &'static str,
        /// The word that was probably meant.
        nearest: Option<&'static str>,
    },
    /// An element that policies of this kind must not have.
    #[error("{policy} has no {element}")]
    Misplaced {
        /// The element.
        element: &'static str,
        /// Kind of policy, with its article.
        policy: &'static str,
    },
    /// An action that is none.
    #[error(transparent)]
    Action(#[from] ParseActionPatternError),
}

impl ParsePolicyError {
    /// JSON path of the offending value, such as `$.Statement[2].Action[0]`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Place in the text, if a text was parsed.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// The fault.
    pub fn kind(&self) -> &ParsePolicyErrorKind {
        &self.kind
    }

    /// Advice to the author of the policy.
    pub fn hint(&self) -> Option<String> {
        match &*self.kind {
            ParsePolicyErrorKind::UnknownElement { nearest: Some(nearest), .. }
            | ParsePolicyErrorKind::UnknownWord { nearest: Some(nearest), .. } => {
                Some(format!("did you mean {nearest:?}? case matters"))
            }
            ParsePolicyErrorKind::DuplicateKey(_) => Some("merge the two, or remove one".to_owned()),
            ParsePolicyErrorKind::Missing("Action") => Some("add Action or NotAction".to_owned()),
            ParsePolicyErrorKind::Missing("Effect") => Some("add \"Effect\": \"Allow\" or \"Deny\"".to_owned()),
            ParsePolicyErrorKind::Missing("Statement") => {
                Some("a policy is an object with Version and Statement".to_owned())
            }
            ParsePolicyErrorKind::Conflict(..) => Some("split the statement in two, or remove one".to_owned()),
            ParsePolicyErrorKind::Action(error) => Some(error.hint().to_owned()),
            ParsePolicyErrorKind::Json("text ended too early") => Some("the document was cut off".to_owned()),
            _ => None,
        }
    }
}

impl fmt::Display for ParsePolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.kind)?;
        match self.position {
            Some(Position { line, column, .. }) => write!(f, " (line {line}, column {column})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ParsePolicyError {}

impl Position {
    /// The place of a byte offset in a text.
    pub(crate) fn of(text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            line: before.bytes().filter(|&byte| byte == b'\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            offset,
        }
    }
}

/// Piece of an attacker's text that is fit to be repeated in a message.
pub(crate) fn excerpt(text: &str) -> String {
    const SHOWN: usize = 64;
    let mut out: String = text.chars().take(SHOWN).collect();
    if out.len() < text.len() {
        out.push('…');
    }
    out
}
