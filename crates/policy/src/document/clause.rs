//! The `Action`/`NotAction` and `Resource`/`NotResource` elements.

use crate::action::ActionPattern;
use crate::context::Context;
use crate::resource::ResourcePattern;

/// A single value or a list of values, as written. `"x"` and `["x"]` mean the same but stay distinct.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OneOrMany<T> {
    /// A single value.
    One(T),
    /// A list.
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    /// The values as a slice.
    pub fn as_slice(&self) -> &[T] {
        match self {
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }

    /// The values in order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.as_slice().iter()
    }

    /// Number of values.
    pub fn len(&self) -> usize {
        self.as_slice().len()
    }

    /// An empty list.
    pub fn is_empty(&self) -> bool {
        self.as_slice().is_empty()
    }

    /// The values, without the shape.
    pub fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(value) => vec![value],
            Self::Many(values) => values,
        }
    }
}

impl<T> From<T> for OneOrMany<T> {
    fn from(value: T) -> Self {
        Self::One(value)
    }
}

impl<T> From<Vec<T>> for OneOrMany<T> {
    fn from(values: Vec<T>) -> Self {
        Self::Many(values)
    }
}

impl<'a, T> IntoIterator for &'a OneOrMany<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// Which actions a statement is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ActionClause {
    /// These.
    Action(OneOrMany<ActionPattern>),
    /// All but these (IAM User Guide, "IAM JSON policy elements: NotAction").
    NotAction(OneOrMany<ActionPattern>),
}

impl ActionClause {
    /// The patterns, whichever way they count.
    pub fn patterns(&self) -> &[ActionPattern] {
        match self {
            Self::Action(patterns) | Self::NotAction(patterns) => patterns.as_slice(),
        }
    }

    /// `NotAction`.
    pub fn is_negated(&self) -> bool {
        matches!(self, Self::NotAction(_))
    }

    /// True if the clause is about this action.
    pub fn matches(&self, action: &str) -> bool {
        self.patterns().iter().any(|pattern| pattern.matches(action)) != self.is_negated()
    }

    /// True if the clause is about every action that `pattern` matches. Sound.
    pub fn covers(&self, pattern: &ActionPattern) -> bool {
        match self {
            Self::Action(own) => own.iter().any(|own| own.covers(pattern)),
            Self::NotAction(own) => !own.iter().any(|own| own.intersects(pattern)),
        }
    }

    /// True if the clause is about some action that `pattern` matches. Complete.
    pub fn intersects(&self, pattern: &ActionPattern) -> bool {
        match self {
            Self::Action(own) => own.iter().any(|own| own.intersects(pattern)),
            Self::NotAction(own) => !own.iter().any(|own| own.covers(pattern)),
        }
    }

    /// True if the clause is about every action that `other` is about. Sound.
    pub fn covers_clause(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Action(patterns)) => patterns.iter().all(|pattern| self.covers(pattern)),
            (Self::Action(own), Self::NotAction(_)) => own.iter().any(ActionPattern::is_any),
            // What `self` leaves out, `other` must leave out too.
            (Self::NotAction(own), Self::NotAction(patterns)) => {
                own.iter().all(|own| patterns.iter().any(|pattern| pattern.covers(own)))
            }
        }
    }
}

/// On which resources a statement acts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ResourceClause {
    /// These.
    Resource(OneOrMany<ResourcePattern>),
    /// All but these (IAM User Guide, "IAM JSON policy elements: NotResource").
    NotResource(OneOrMany<ResourcePattern>),
}

impl ResourceClause {
    /// The patterns, whichever way they count.
    pub fn patterns(&self) -> &[ResourcePattern] {
        match self {
            Self::Resource(patterns) | Self::NotResource(patterns) => patterns.as_slice(),
        }
    }

    /// `NotResource`.
    pub fn is_negated(&self) -> bool {
        matches!(self, Self::NotResource(_))
    }

    /// True if the clause is about this ARN whatever the values of its variables.
    pub fn matches(&self, arn: &str) -> bool {
        match self {
            Self::Resource(own) => own.iter().any(|own| own.matches(arn)),
            Self::NotResource(own) => !own.iter().any(|own| own.may_match(arn)),
        }
    }

    /// True if the clause is about this ARN in a request whose context gives the variables their values.
    pub fn matches_in(&self, arn: &str, context: &Context) -> bool {
        self.patterns().iter().any(|own| own.matches_in(arn, context)) != self.is_negated()
    }

    /// True if the clause is about this ARN for some values of its variables.
    pub fn may_match(&self, arn: &str) -> bool {
        match self {
            Self::Resource(own) => own.iter().any(|own| own.may_match(arn)),
            Self::NotResource(own) => !own.iter().any(|own| own.matches(arn)),
        }
    }

    /// True if the clause is about every ARN that `pattern` matches, for all values of the variables. Sound.
    pub fn covers(&self, pattern: &ResourcePattern) -> bool {
        match self {
            Self::Resource(own) => own.iter().any(|own| own.covers(pattern)),
            Self::NotResource(own) => !own.iter().any(|own| own.intersects(pattern)),
        }
    }

    /// True if the clause is about some ARN that `pattern` matches, for some values of the variables.
    /// Complete.
    pub fn intersects(&self, pattern: &ResourcePattern) -> bool {
        match self {
            Self::Resource(own) => own.iter().any(|own| own.intersects(pattern)),
            // With a variable in `own`, cover for all values is more than needed; still no false disproof
            // without.
            Self::NotResource(own) => !own.iter().any(|own| !own.has_variables() && own.covers(pattern)),
        }
    }

    /// True if the clause is about every ARN that `other` is about, for all values of the variables. Sound.
    pub fn covers_clause(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Resource(patterns)) => patterns.iter().all(|pattern| self.covers(pattern)),
            (Self::Resource(own), Self::NotResource(_)) => own.iter().any(ResourcePattern::is_any),
            // What `self` leaves out, `other` must leave out too.
            (Self::NotResource(own), Self::NotResource(patterns)) => {
                own.iter().all(|own| patterns.iter().any(|pattern| pattern.covers(own)))
            }
        }
    }

    pub(crate) fn to_version_2012(&self) -> Self {
        let convert = |patterns: &OneOrMany<ResourcePattern>| match patterns {
            OneOrMany::One(pattern) => OneOrMany::One(pattern.to_version_2012()),
            OneOrMany::Many(list) => OneOrMany::Many(list.iter().map(ResourcePattern::to_version_2012).collect()),
        };
        match self {
            Self::Resource(patterns) => Self::Resource(convert(patterns)),
            Self::NotResource(patterns) => Self::NotResource(convert(patterns)),
        }
    }
}
