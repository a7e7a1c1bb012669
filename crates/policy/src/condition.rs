//! The `Condition` element.
//!
//! Operators AND, keys under one operator AND, values of one key OR (NOR under a negated operator) — IAM User
//! Guide, "Conditions with multiple context keys or values". Unknown operators are kept as text: a reader
//! must see them, and nothing is ever proved about them but that they equal themselves.
//!
//! A request meets a condition, or not: [`ConditionBlock::is_met`]. The module `check` has a table of how
//! each operator compares.

mod check;
pub(crate) mod implies;
pub mod operator;
pub(crate) mod prepared;
#[cfg(test)]
mod tests;
pub(crate) mod value;

use serde_json::{Map, Number, Value};

use crate::context::Context;
use crate::glob::Glob;
use operator::{Comparison, Operator};

/// The constraints of one `Condition` element, in the order written. No constraints: every request meets it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConditionBlock {
    operators: Vec<OperatorEntry>,
    /// `"Condition": {}` was written out. False if there are operators, so that equal meaning is equal value.
    explicit: bool,
    /// `${` in a value is plain text (older version). False if there is no `${`.
    literal: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct OperatorEntry {
    name: String,
    keys: Vec<KeyEntry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct KeyEntry {
    key: String,
    values: Values,
}

/// Values of one key, with the JSON shape they came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Values {
    texts: Vec<String>,
    shape: Shape,
    /// The JSON type of each value; empty if all are strings.
    types: Vec<Scalar>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    One,
    List,
}

/// JSON type of a condition value. AWS takes numbers and booleans without quotes too (IAM User Guide,
/// "Grammar of the IAM JSON policy language").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scalar {
    Text,
    Bool,
    Number,
}

impl Values {
    pub(crate) fn new(shape: Shape, values: Vec<(String, Scalar)>) -> Self {
        let (texts, types): (Vec<_>, Vec<_>) = values.into_iter().unzip();
        let all_text = types.iter().all(|&scalar| scalar == Scalar::Text);
        Self { texts, shape, types: if all_text { Vec::new() } else { types } }
    }

    fn list(texts: Vec<String>) -> Self {
        Self { texts, shape: Shape::List, types: Vec::new() }
    }

    fn to_value(&self) -> Value {
        let value = |(at, text): (usize, &String)| match self.types.get(at) {
            Some(Scalar::Bool) => Value::Bool(text == "true"),
            Some(Scalar::Number) => match serde_json::from_str::<Number>(text) {
                Ok(number) => Value::Number(number),
                Err(_) => Value::String(text.clone()),
            },
            _ => Value::String(text.clone()),
        };
        let mut values = self.texts.iter().enumerate().map(value);
        match self.shape {
            Shape::One => values.next().unwrap_or_default(),
            Shape::List => values.collect(),
        }
    }
}

impl ConditionBlock {
    /// A block of one constraint.
    pub fn of<V: Into<String>>(operator: &str, key: &str, values: impl IntoIterator<Item = V>) -> Self {
        let mut block = Self::default();
        block.push(operator, key, Values::list(values.into_iter().map(Into::into).collect()));
        block
    }

    /// No constraints.
    pub fn is_empty(&self) -> bool {
        self.operators.iter().all(|entry| entry.keys.is_empty())
    }

    /// Number of constraints: (operator, key) pairs.
    pub fn len(&self) -> usize {
        self.operators.iter().map(|entry| entry.keys.len()).sum()
    }

    /// Each constraint as (operator, key, values), in the order written.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &[String])> {
        self.operators.iter().flat_map(|entry| {
            entry.keys.iter().map(|key| (entry.name.as_str(), key.key.as_str(), key.values.texts.as_slice()))
        })
    }

    /// The first operator that AWS does not know, as spelled.
    pub fn has_unknown_operator(&self) -> Option<&str> {
        self.operators.iter().map(|entry| entry.name.as_str()).find(|name| Operator::parse(name).is_none())
    }

    /// True if some value holds a policy variable.
    pub fn has_variables(&self) -> bool {
        !self.literal && self.holds_variable_text()
    }

    /// True if a request with this context meets every constraint. An unknown operator is never met.
    pub fn is_met(&self, context: &Context) -> bool {
        self.first_unmet(context).is_none()
    }

    /// The first (operator, key) that a request with this context does not meet, as spelled.
    pub fn first_unmet(&self, context: &Context) -> Option<(&str, &str)> {
        let unmet = |(operator, _, values): &(&str, &str, &[String]), key: &str| {
            let given = context.get(key);
            !Operator::parse(operator).is_some_and(|op| check::is_met(op, values, given, !self.literal, context))
        };
        self.iter().find(|constraint| unmet(constraint, constraint.1)).map(|(operator, key, _)| (operator, key))
    }

    /// Values that their operator cannot read and that therefore match nothing, as (operator, key, value).
    pub(crate) fn unreadable(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.iter().flat_map(move |(operator, key, values)| {
            let known = Operator::parse(operator);
            let unreadable =
                move |value: &&String| known.is_some_and(|known| !check::reads(known, value, !self.literal));
            values.iter().filter(unreadable).map(move |value| (operator, key, value.as_str()))
        })
    }

    /// True if every request that meets `other` meets `self`.
    ///
    /// Sound: each constraint of `self` must follow from a single constraint of `other`. The empty block
    /// covers all. Operators and keys compare without regard to case. What is known to follow:
    ///
    /// - a positive operator from one on the same key whose values are all within its own (`StringLike` and
    ///   `Arn…` by pattern, `IpAddress` by network, the ordering operators by value); the other way round for
    ///   negated ones;
    /// - `…IfExists` from the plain operator, and from `Null: true`;
    /// - a negated operator from `Null: true`, since a missing key meets it;
    /// - `ForAllValues:`, `ForAnyValue:` and unknown operators from themselves with the same values only.
    pub fn covers(&self, other: &Self) -> bool {
        if self.is_empty() {
            return true;
        }
        if self.literal != other.literal {
            // `${` is a variable in one and plain text in the other; nothing can be compared.
            return false;
        }
        let variables = !self.literal;
        self.iter().all(|wanted| other.iter().any(|given| implies::implies(given, wanted, variables)))
    }

    /// This block with one more constraint: a request meets the result only if it meets `self` *and* the
    /// constraint.
    ///
    /// JSON has one place for each (operator, key). If it is taken, the result is, in this order of
    /// preference: the stronger of the two, if one implies the other; the union of values of a negated
    /// operator, which is exact; an operator that means the same (`ArnLike` for `ArnEquals`, `StringLike` for
    /// `StringEquals` without `*`, `?` and `$`), which is exact; the values of either that lie within the
    /// other, which is exact for operators that compare for equality. At worst this is narrower than the
    /// conjunction, possibly met by no request; it is never wider than either part.
    #[must_use]
    pub fn with<V: Into<String>>(
        &self,
        operator: &str,
        key: &str,
        values: impl IntoIterator<Item = V>,
    ) -> ConditionBlock {
        let values: Vec<String> = values.into_iter().map(Into::into).collect();
        let mut block = self.clone();
        let Some(present) = block.entry(operator, key) else {
            block.push(operator, key, Values::list(values));
            return block;
        };
        let (given, wanted) = (present.values.texts.clone(), values);
        let variables = !self.literal;
        let implied = |a: &[String], b: &[String]| implies::implies((operator, key, a), (operator, key, b), variables);
        if implied(&given, &wanted) {
            return block;
        }
        if implied(&wanted, &given) {
            present.values = Values::list(wanted);
            return block;
        }
        let parsed = Operator::parse(operator);
        if parsed.is_some_and(|operator| operator.is_negated() && operator.quantifier().is_none()) {
            present.values = Values::list(given.into_iter().chain(wanted).collect());
            return block;
        }
        if let Some(synonym) = parsed.and_then(|operator| operator.synonym(&wanted))
            && block.entry(&synonym, key).is_none()
        {
            block.push(&synonym, key, Values::list(wanted));
            return block;
        }
        let within = |value: &String, values: &[String]| implied(std::slice::from_ref(value), values);
        let mut kept: Vec<String> = given.iter().filter(|value| within(value, &wanted)).cloned().collect();
        kept.extend(wanted.into_iter().filter(|value| within(value, &given)));
        kept.sort();
        kept.dedup();
        if let Some(present) = block.entry(operator, key) {
            present.values = Values::list(kept);
        }
        block
    }

    /// True if a request that meets each of the `given` blocks meets this one. Sound, as [`Self::covers`] is.
    pub(crate) fn follows_from(&self, given: &[&Self]) -> bool {
        let by = |wanted, block: &Self| {
            block.literal == self.literal && block.iter().any(|given| implies::implies(given, wanted, !self.literal))
        };
        self.iter().all(|wanted| given.iter().any(|block| by(wanted, block)))
    }

    /// True if no request meets both. Sound: `false` may mean that no proof was found.
    pub(crate) fn excludes(&self, other: &Self) -> bool {
        self.literal == other.literal
            && self.iter().any(|a| {
                other.iter().any(|b| implies::excludes(a, b, !self.literal) || implies::excludes(b, a, !self.literal))
            })
    }

    fn entry(&mut self, operator: &str, key: &str) -> Option<&mut KeyEntry> {
        let operators = self.operators.iter_mut().filter(|entry| entry.name.eq_ignore_ascii_case(operator));
        operators.flat_map(|entry| &mut entry.keys).find(|entry| entry.key.eq_ignore_ascii_case(key))
    }

    fn push(&mut self, operator: &str, key: &str, values: Values) {
        let key = KeyEntry { key: key.to_owned(), values };
        match self.operators.iter_mut().find(|entry| entry.name.eq_ignore_ascii_case(operator)) {
            Some(entry) => entry.keys.push(key),
            None => self.operators.push(OperatorEntry { name: operator.to_owned(), keys: vec![key] }),
        }
    }

    /// Builds a block exactly as read.
    pub(crate) fn from_parts(parts: Vec<(String, Vec<(String, Values)>)>, variables: bool) -> Self {
        let operators: Vec<OperatorEntry> = parts
            .into_iter()
            .map(|(name, keys)| OperatorEntry {
                name,
                keys: keys.into_iter().map(|(key, values)| KeyEntry { key, values }).collect(),
            })
            .collect();
        let mut block = Self { explicit: operators.is_empty(), operators, literal: false };
        block.literal = !variables && block.holds_variable_text();
        block
    }

    fn holds_variable_text(&self) -> bool {
        self.iter().any(|(_, _, values)| values.iter().any(|value| value.contains("${")))
    }

    /// Operators as spelled, those without keys included.
    pub(crate) fn operator_names(&self) -> impl Iterator<Item = (&str, usize)> {
        self.operators.iter().map(|entry| (entry.name.as_str(), entry.keys.len()))
    }

    /// The element's JSON value; `None` if the statement has none.
    pub(crate) fn to_value(&self) -> Option<Value> {
        if self.operators.is_empty() && !self.explicit {
            return None;
        }
        let operator = |entry: &OperatorEntry| {
            let keys: Map<String, Value> =
                entry.keys.iter().map(|key| (key.key.clone(), key.values.to_value())).collect();
            (entry.name.clone(), Value::Object(keys))
        };
        Some(Value::Object(self.operators.iter().map(operator).collect()))
    }

    /// Known operators in AWS's spelling, operators and keys sorted, values sorted lists of strings without
    /// repeats. Values of unknown operators keep their order. Means the same.
    #[must_use]
    pub fn canonical(&self) -> Self {
        let mut operators: Vec<OperatorEntry> = Vec::new();
        for entry in self.operators.iter().filter(|entry| !entry.keys.is_empty()) {
            let known = Operator::parse(&entry.name);
            let name = known.map_or_else(|| entry.name.clone(), |operator| operator.to_string());
            let mut keys: Vec<KeyEntry> = entry.keys.clone();
            for key in &mut keys {
                key.values.types.clear();
                key.values.shape = Shape::List;
                if known.is_some() {
                    key.values.texts.sort();
                    key.values.texts.dedup();
                }
            }
            let clashes = |other: &OperatorEntry| {
                other.name == name && other.keys.iter().any(|a| keys.iter().any(|b| a.key == b.key))
            };
            // Two spellings of one operator may both hold a key; then the later keeps its spelling.
            if operators.iter().any(clashes) {
                operators.push(OperatorEntry { name: entry.name.clone(), keys });
            } else if let Some(same) = operators.iter_mut().find(|other| other.name == name) {
                same.keys.append(&mut keys);
            } else {
                operators.push(OperatorEntry { name, keys });
            }
        }
        for entry in &mut operators {
            entry.keys.sort_by(|a, b| {
                let fold = |key: &KeyEntry| key.key.to_ascii_lowercase();
                fold(a).cmp(&fold(b)).then_with(|| a.key.cmp(&b.key))
            });
        }
        operators.sort_by(|a, b| a.name.cmp(&b.name));
        Self { operators, explicit: false, literal: self.literal }
    }

    /// The same condition spelled for a policy of version 2012-10-17.
    #[must_use]
    pub(crate) fn to_version_2012(&self) -> Self {
        let mut block = self.clone();
        if block.literal {
            block.literal = false;
            for entry in block.operators.iter_mut().flat_map(|entry| &mut entry.keys) {
                for text in &mut entry.values.texts {
                    *text = text.replace("${", "${$}{");
                }
            }
        }
        block
    }
}

/// The pattern a value stands for, as `comparison` reads it.
pub(crate) fn value_glob(comparison: Comparison, value: &str, variables: bool) -> Glob {
    match comparison {
        Comparison::StringLike => Glob::string_like(value, variables),
        Comparison::StringEqualsIgnoreCase => Glob::string_equals(value, variables).to_ascii_lowercase(),
        _ => Glob::string_equals(value, variables),
    }
}
