//! Patterns of the `Action` and `NotAction` elements.
//!
//! Prefix and name compare without regard to ASCII case; `*` and `?` may stand anywhere in the name (IAM User
//! Guide, "IAM JSON policy elements: Action"). The lone `*` is every action. IAM refuses a wildcard in the
//! prefix ("Action vendors must not contain wildcards"). Such a pattern parses, because a reader has to see
//! it, and [`crate::PolicyDocument::lint`] reports it; it matches no action.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::glob::Glob;

/// A pattern over action names: `s3:GetObject`, `s3:Get*`, `*`.
///
/// Equality, order and hash are those of the text as spelled, so that `s3:getobject` and `s3:GetObject` stay
/// two spellings; ask [`ActionPattern::covers`] about meaning.
///
/// ```
/// # use whittle_policy::ActionPattern;
/// let read: ActionPattern = "s3:Get*".parse()?;
/// assert!(read.matches("s3:GetObject"));
/// assert!(read.matches("S3:getobject"));
/// assert!(read.covers(&"s3:GetObject*".parse()?));
/// assert!(!read.intersects(&"s3:Put*".parse()?));
/// # Ok::<(), whittle_policy::ParseActionPatternError>(())
/// ```
#[derive(Clone)]
pub struct ActionPattern {
    text: Box<str>,
    glob: Glob,
    any: bool,
}

/// The text is not an action pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseActionPatternError {
    /// The text is empty.
    #[error("an action must not be empty")]
    Empty,
    /// The text has no `prefix:`.
    #[error("action {0:?} has no service prefix")]
    NoPrefix(String),
    /// Nothing follows the prefix.
    #[error("action {0:?} has nothing after its service prefix")]
    NoName(String),
}

impl ParseActionPatternError {
    /// Advice: the text to write instead.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Empty | Self::NoPrefix(_) => "write service:Name, such as s3:GetObject, or * for every action",
            Self::NoName(_) => "name an action, or write service:* for all of the service",
        }
    }
}

impl ActionPattern {
    /// Longest piece of a rejected text that an error repeats.
    const SHOWN: usize = 80;

    /// The text as spelled.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Matches every action: spelled `*` or `*:*`.
    pub fn is_any(&self) -> bool {
        self.any
    }

    /// Holds `*` or `?`.
    pub fn is_wildcard(&self) -> bool {
        self.glob.is_wildcard()
    }

    /// The service prefix as spelled; `None` for the lone `*`.
    pub fn service_prefix(&self) -> Option<&str> {
        self.text.split_once(':').map(|(prefix, _)| prefix)
    }

    /// The part after the prefix, as spelled; `None` for the lone `*`.
    pub fn name(&self) -> Option<&str> {
        self.text.split_once(':').map(|(_, name)| name)
    }

    /// True if the pattern matches a full action name such as `s3:GetObject`.
    pub fn matches(&self, action: &str) -> bool {
        self.is_any() || self.glob.matches_ignore_ascii_case(action)
    }

    /// True if every action that `other` matches is matched by `self`. Sound, and exact up to a bound on
    /// work.
    pub fn covers(&self, other: &Self) -> bool {
        self.is_any() || self.glob.covers(&other.glob)
    }

    /// A few texts that the pattern matches; those of the lone `*` lack the colon of an action.
    pub(crate) fn samples(&self) -> [String; 2] {
        let (prefix, name) = match self.text.split_once(':') {
            Some((prefix, name)) if !self.any => (format!("{prefix}:"), name),
            _ => (String::new(), &*self.text),
        };
        ["", "X"].map(|star| format!("{prefix}{}", name.replace('*', star).replace('?', "X")))
    }

    /// A text that both match, in lower case as far as the patterns are.
    pub(crate) fn common_text(&self, other: &Self) -> Option<String> {
        self.glob.common_text(&other.glob)
    }

    /// True if some action is matched by both. Complete, and exact up to a bound on work.
    pub fn intersects(&self, other: &Self) -> bool {
        self.is_any() || other.is_any() || self.glob.intersects(&other.glob)
    }
}

impl FromStr for ActionPattern {
    type Err = ParseActionPatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shown = || text.chars().take(Self::SHOWN).collect();
        match text.split_once(':') {
            _ if text.is_empty() => return Err(ParseActionPatternError::Empty),
            None if text != "*" => return Err(ParseActionPatternError::NoPrefix(shown())),
            Some(("", _)) => return Err(ParseActionPatternError::NoPrefix(shown())),
            Some((_, "")) => return Err(ParseActionPatternError::NoName(shown())),
            _ => {}
        }
        let any = matches!(text, "*" | "*:*");
        Ok(Self { text: text.into(), glob: Glob::action(text), any })
    }
}

impl fmt::Debug for ActionPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ActionPattern").field(&self.text).finish()
    }
}

impl fmt::Display for ActionPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl AsRef<str> for ActionPattern {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl PartialEq for ActionPattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for ActionPattern {}

impl PartialOrd for ActionPattern {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ActionPattern {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.text.cmp(&other.text)
    }
}

impl Hash for ActionPattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl Serialize for ActionPattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for ActionPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}
