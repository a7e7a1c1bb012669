//! Access levels of the Service Authorization Reference.
//!
//! AWS page: IAM User Guide, "Access levels in policy summaries".

use std::fmt;
use std::str::FromStr;

/// Kind of access that an action gives. Ordered from the least to the most dangerous.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum AccessLevel {
    /// Lists resources, without their contents.
    List,
    /// Reads contents or attributes.
    Read,
    /// Changes only tags.
    Tagging,
    /// Creates, changes or deletes resources.
    Write,
    /// Grants or changes permissions, or hands out credentials.
    PermissionsManagement,
}

impl AccessLevel {
    /// Every level, from the least to the most dangerous.
    pub const ALL: [Self; 5] = [Self::List, Self::Read, Self::Tagging, Self::Write, Self::PermissionsManagement];

    /// The level's name as AWS's pages spell it, for example `Permissions management`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::List => "List",
            Self::Read => "Read",
            Self::Tagging => "Tagging",
            Self::Write => "Write",
            Self::PermissionsManagement => "Permissions management",
        }
    }
}

impl fmt::Display for AccessLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text is not the name of an access level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not an access level")]
pub struct ParseAccessLevelError {
    text: String,
}

impl ParseAccessLevelError {
    /// The text that was not understood.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Advice: the spelling to use instead.
    pub fn hint(&self) -> &'static str {
        "access levels are List, Read, Tagging, Write and Permissions management"
    }
}

/// Reads AWS's names, and the compound ones that machine-readable extracts carry: `Tagging, Write` is
/// [`AccessLevel::Tagging`] (such an action writes nothing but tags), every other compound is its most
/// dangerous part.
impl FromStr for AccessLevel {
    type Err = ParseAccessLevelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut tagging = false;
        let mut highest: Option<Self> = None;
        for part in text.split(',') {
            let part: String = part.chars().filter(char::is_ascii_alphabetic).collect();
            let level = match part.to_ascii_lowercase().as_str() {
                "list" => Self::List,
                "read" => Self::Read,
                "tagging" => Self::Tagging,
                "write" => Self::Write,
                "permissionsmanagement" => Self::PermissionsManagement,
                _ => return Err(ParseAccessLevelError { text: text.to_owned() }),
            };
            tagging |= level == Self::Tagging;
            highest = highest.max(Some(level));
        }
        match highest {
            Some(Self::Write) if tagging => Ok(Self::Tagging),
            Some(level) => Ok(level),
            None => Err(ParseAccessLevelError { text: text.to_owned() }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: Option<AccessLevel>) {
        assert_eq!(text.parse().ok(), expect, "{text:?}");
    }

    #[test]
    fn compound_levels_resolve_to_one() {
        check("Read", Some(AccessLevel::Read));
        check("Permissions management", Some(AccessLevel::PermissionsManagement));
        check("PermissionsManagement", Some(AccessLevel::PermissionsManagement));
        check("Permissions management, Write", Some(AccessLevel::PermissionsManagement));
        check("Tagging, Write", Some(AccessLevel::Tagging));
        check("List, Write", Some(AccessLevel::Write));
        check("", None);
        check("Read, Admin", None);
    }

    #[test]
    fn names_round_trip() {
        for level in AccessLevel::ALL {
            check(level.as_str(), Some(level));
        }
    }
}
