//! Patterns of the `Resource` and `NotResource` elements.
//!
//! Resources compare with regard to case. `*` and `?` match inside one colon-separated segment, `/` included;
//! a `*` that is the last character of a segment may also expand across colons, so the lone `*` matches
//! everything (IAM User Guide, "IAM JSON policy elements: Resource").
//!
//! `${key}` is a policy variable, `${key, 'default'}` one with a default, and `${*}`, `${?}`, `${$}` are the
//! plain characters, if the policy's version is 2012-10-17; in an older version all of these are plain text
//! (IAM User Guide, "IAM JSON policy elements: Variables and tags" and "…: Version"). A variable's value is
//! never read as a pattern.

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::context::Context;
use crate::glob::Glob;

/// A pattern over ARNs. Every text is one.
///
/// ```
/// # use whittle_policy::ResourcePattern;
/// let objects = ResourcePattern::new("arn:aws:s3:::photos/*");
/// assert!(objects.matches("arn:aws:s3:::photos/2026/11/a.jpg"));
/// assert!(!objects.matches("arn:aws:s3:::photos"));
/// assert!(objects.covers(&ResourcePattern::new("arn:aws:s3:::photos/${aws:username}/*")));
/// ```
#[derive(Clone)]
pub struct ResourcePattern {
    text: Box<str>,
    glob: Glob,
    /// The pattern with variables replaced by "anything"; present only if it has some.
    widened: Option<Box<Glob>>,
    /// `${` in this text means nothing. False if the text has no `${`, so that equal meaning is equal value.
    literal: bool,
}

impl ResourcePattern {
    /// A pattern as written in a policy of version 2012-10-17.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self::with_variables(text, true)
    }

    /// A pattern as written in a policy of version 2008-10-17 or without a version, where `${…}` is plain
    /// text.
    pub fn without_variables(text: impl Into<Box<str>>) -> Self {
        Self::with_variables(text, false)
    }

    pub(crate) fn with_variables(text: impl Into<Box<str>>, variables: bool) -> Self {
        let text = text.into();
        let glob = Glob::resource(&text, variables);
        let widened = glob.has_variables().then(|| Box::new(glob.widened()));
        Self { literal: !variables && text.contains("${"), text, glob, widened }
    }

    /// The text as spelled.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Matches every ARN.
    pub fn is_any(&self) -> bool {
        self.glob.is_any()
    }

    /// Holds `*` or `?` as wildcards.
    pub fn is_wildcard(&self) -> bool {
        self.glob.is_wildcard()
    }

    /// Holds a policy variable whose value depends on the request.
    pub fn has_variables(&self) -> bool {
        self.widened.is_some()
    }

    /// True if `${…}` in this text is plain text because its policy predates variables.
    pub fn is_literal(&self) -> bool {
        self.literal
    }

    /// True if the pattern matches the ARN whatever the request. With a variable, it does not.
    pub fn matches(&self, arn: &str) -> bool {
        self.glob.matches(arn)
    }

    /// True if the pattern matches the ARN in a request whose context gives the variables their values.
    ///
    /// A variable without a value and without a default makes the pattern match nothing (IAM User Guide, "IAM
    /// policy elements: Variables and tags").
    pub fn matches_in(&self, arn: &str, context: &Context) -> bool {
        if !self.has_variables() {
            return self.matches(arn);
        }
        // Most requests fail here, without building anything.
        self.may_match(arn) && self.glob.resolved(|name| context.variable(name)).is_some_and(|glob| glob.matches(arn))
    }

    /// True if the pattern matches the ARN for some value of its variables.
    pub fn may_match(&self, arn: &str) -> bool {
        self.widened.as_deref().unwrap_or(&self.glob).matches(arn)
    }

    /// True if every ARN matched by `other` is matched by `self`, for every value of the variables.
    ///
    /// Variables with equal text have equal values; otherwise nothing is assumed of them. Sound; exact
    /// without variables up to a bound on work.
    pub fn covers(&self, other: &Self) -> bool {
        self.glob.covers(&other.glob)
    }

    /// True if some ARN is matched by both, for some values of the variables.
    ///
    /// Complete: `false` is a proof. Exact without variables up to a bound on work.
    pub fn intersects(&self, other: &Self) -> bool {
        self.glob.intersects(&other.glob)
    }

    /// A few texts that the pattern matches where its variables have this value.
    pub(crate) fn samples(&self, value: &str) -> [String; 2] {
        ["", "x"].map(|star| self.glob.sample(star, value))
    }

    /// A text that both match; none where variables are in the way.
    pub(crate) fn common_text(&self, other: &Self) -> Option<String> {
        self.glob.common_text(&other.glob)
    }

    /// The text between the braces of each variable.
    pub(crate) fn variable_names(&self) -> Vec<&str> {
        self.glob.variable_names()
    }

    /// The same pattern spelled for a policy of version 2012-10-17: a `$` that would begin a variable there
    /// is escaped.
    #[must_use]
    pub fn to_version_2012(&self) -> Self {
        if self.literal { Self::new(self.text.replace("${", "${$}{")) } else { self.clone() }
    }
}

impl From<&str> for ResourcePattern {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for ResourcePattern {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for ResourcePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.literal { "ResourcePattern(2008)" } else { "ResourcePattern" };
        f.debug_tuple(name).field(&self.text).finish()
    }
}

impl fmt::Display for ResourcePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl AsRef<str> for ResourcePattern {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl PartialEq for ResourcePattern {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, self.literal) == (&other.text, other.literal)
    }
}

impl Eq for ResourcePattern {}

impl PartialOrd for ResourcePattern {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ResourcePattern {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (&self.text, self.literal).cmp(&(&other.text, other.literal))
    }
}

impl Hash for ResourcePattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.text, self.literal).hash(state);
    }
}

impl Serialize for ResourcePattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for ResourcePattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::new(String::deserialize(deserializer)?))
    }
}
