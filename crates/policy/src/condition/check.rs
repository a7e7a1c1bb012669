//! Comparison of a request's values with those of one operator.
//!
//! IAM User Guide, "IAM JSON policy elements: Condition operators", "Conditions with multiple context keys or
//! values", "Single-valued vs. multivalued context keys". What differs between operators is [`SEMANTICS`];
//! what is common to all (missing keys, sets of values, negation) is [`is_met`].

use core::net::IpAddr;
use std::cmp::Ordering;

use super::operator::{Comparison, Operator, Quantifier};
use super::value::{Decimal, base64, instant, network, prefix, truth};
use super::value_glob;
use crate::context::Context;
use crate::glob::Glob;

/// How the values of a comparison are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Text; the comparison's pattern compiler knows its special characters.
    Text,
    /// Text without regard to ASCII case.
    Folded,
    /// Six components, each a pattern.
    Arn,
    Number,
    Instant,
    Truth,
    Network,
    Bytes,
    /// Absence of the key; see [`is_met`].
    Presence,
}

struct Semantics {
    comparison: Comparison,
    family: Family,
    /// For ordered families: the orderings of the request's value to the policy's that match.
    accepts: &'static [Ordering],
    /// True if `${…}` is a policy variable in values of this operator.
    variables: bool,
}

const fn row(comparison: Comparison, family: Family, accepts: &'static [Ordering], variables: bool) -> Semantics {
    Semantics { comparison, family, accepts, variables }
}

const LESS: Ordering = Ordering::Less;
const SAME: Ordering = Ordering::Equal;
const MORE: Ordering = Ordering::Greater;

/// In the order of [`Comparison`], which a test holds.
static SEMANTICS: [Semantics; 18] = [
    row(Comparison::StringEquals, Family::Text, &[], true),
    row(Comparison::StringEqualsIgnoreCase, Family::Folded, &[], true),
    row(Comparison::StringLike, Family::Text, &[], true),
    row(Comparison::NumericEquals, Family::Number, &[SAME], false),
    row(Comparison::NumericLessThan, Family::Number, &[LESS], false),
    row(Comparison::NumericLessThanEquals, Family::Number, &[LESS, SAME], false),
    row(Comparison::NumericGreaterThan, Family::Number, &[MORE], false),
    row(Comparison::NumericGreaterThanEquals, Family::Number, &[MORE, SAME], false),
    row(Comparison::DateEquals, Family::Instant, &[SAME], false),
    row(Comparison::DateLessThan, Family::Instant, &[LESS], false),
    row(Comparison::DateLessThanEquals, Family::Instant, &[LESS, SAME], false),
    row(Comparison::DateGreaterThan, Family::Instant, &[MORE], false),
    row(Comparison::DateGreaterThanEquals, Family::Instant, &[MORE, SAME], false),
    row(Comparison::Bool, Family::Truth, &[SAME], true),
    row(Comparison::BinaryEquals, Family::Bytes, &[], false),
    row(Comparison::IpAddress, Family::Network, &[], false),
    row(Comparison::ArnLike, Family::Arn, &[], true),
    row(Comparison::Null, Family::Presence, &[], false),
];

fn semantics(comparison: Comparison) -> Option<&'static Semantics> {
    SEMANTICS.get(comparison as usize).filter(|row| row.comparison == comparison)
}

/// True if a request whose key has the values `given` meets the operator. No values: the key is missing.
///
/// `variables`: `${…}` in values is a policy variable.
pub(super) fn is_met(
    operator: Operator,
    values: &[String],
    given: &[String],
    variables: bool,
    context: &Context,
) -> bool {
    if let Some(answer) = by_presence(operator, values, given) {
        return answer;
    }
    compare(operator, &read_all(operator, values, variables), given, context)
}

/// [`is_met`] with the values read before.
pub(super) fn is_met_by(
    operator: Operator,
    values: &[String],
    wanted: &[PolicyValue<'_>],
    given: &[String],
    context: &Context,
) -> bool {
    by_presence(operator, values, given).unwrap_or_else(|| compare(operator, wanted, given, context))
}

/// The answer where presence or absence of the key decides.
fn by_presence(operator: Operator, values: &[String], given: &[String]) -> Option<bool> {
    if operator.comparison() == Comparison::Null {
        return Some(values.iter().any(|value| truth(value) == Some(given.is_empty())));
    }
    if given.is_empty() {
        return Some(operator.is_met_by_missing_key());
    }
    // "If the key values in the request resolve to an empty data set (for example, an empty string)".
    match operator.quantifier() {
        Some(quantifier) if given.iter().all(String::is_empty) => Some(quantifier == Quantifier::ForAllValues),
        _ => None,
    }
}

fn compare(operator: Operator, wanted: &[PolicyValue<'_>], given: &[String], context: &Context) -> bool {
    if operator.is_negated() && wanted.iter().any(|wanted| wanted.is_unresolved(context)) {
        // "Any attempt to match it fails and causes the statement to be invalid": not a way to pass a negated
        // operator.
        return false;
    }
    let accepts = semantics(operator.comparison()).map_or(&[][..], |row| row.accepts);
    let among = |given: &String| wanted.iter().any(|wanted| wanted.matches(given, accepts, context));
    match operator.quantifier() {
        Some(Quantifier::ForAllValues) => given.iter().all(|given| among(given) != operator.is_negated()),
        Some(Quantifier::ForAnyValue) => given.iter().any(|given| among(given) != operator.is_negated()),
        None => given.iter().any(among) != operator.is_negated(),
    }
}

/// The values of the policy, read for comparison; those that the operator cannot read match nothing and are
/// left out.
pub(super) fn read_all(operator: Operator, values: &[String], variables: bool) -> Vec<PolicyValue<'_>> {
    values.iter().filter_map(|value| PolicyValue::read(operator.comparison(), value, variables)).collect()
}

/// True if the operator can make sense of a value at all.
pub(super) fn reads(operator: Operator, value: &str, variables: bool) -> bool {
    if operator.comparison() == Comparison::Null {
        return truth(value).is_some();
    }
    PolicyValue::read(operator.comparison(), value, variables).is_some()
}

/// A value of the policy, read for comparison.
#[derive(Debug, Clone)]
pub(super) enum PolicyValue<'a> {
    Text(Glob),
    Folded(Glob),
    Arn(Box<[Glob]>),
    Number(Decimal<'a>),
    Instant(i128),
    Truth(bool),
    Network(IpAddr, u8),
    Bytes(&'a str, Vec<u8>),
    /// Holds variables, which the request resolves.
    Variable(Family, Glob),
}

impl<'a> PolicyValue<'a> {
    /// `None` if the operator cannot read the text.
    fn read(comparison: Comparison, text: &'a str, variables: bool) -> Option<Self> {
        let row = semantics(comparison)?;
        let variables = variables && row.variables;
        let glob = match row.family {
            Family::Text => value_glob(comparison, text, variables),
            Family::Arn => Glob::string_like(text, variables),
            Family::Folded | Family::Truth => Glob::string_equals(text, variables),
            Family::Number => return Decimal::parse(text).map(Self::Number),
            Family::Instant => return instant(text).map(Self::Instant),
            Family::Network => return network(text).map(|(address, bits)| Self::Network(address, bits)),
            Family::Bytes => return base64(text).map(|bytes| Self::Bytes(text, bytes)),
            Family::Presence => return None,
        };
        if glob.has_variables() { Some(Self::Variable(row.family, glob)) } else { Self::of_glob(row.family, glob) }
    }

    /// `None` if the operator cannot read the text.
    fn of_glob(family: Family, glob: Glob) -> Option<Self> {
        match family {
            Family::Text => Some(Self::Text(glob)),
            Family::Folded => Some(Self::Folded(glob.to_ascii_lowercase())),
            Family::Arn => glob.arn_components().map(Self::Arn),
            Family::Truth => glob.literal().and_then(truth).map(Self::Truth),
            _ => None,
        }
    }

    fn is_unresolved(&self, context: &Context) -> bool {
        match self {
            Self::Variable(_, glob) => glob.resolved(|name| context.variable(name)).is_none(),
            _ => false,
        }
    }

    fn matches(&self, given: &str, accepts: &[Ordering], context: &Context) -> bool {
        match self {
            Self::Text(glob) => glob.matches(given),
            Self::Folded(glob) => glob.matches_ignore_ascii_case(given),
            Self::Arn(patterns) => {
                let parts = || given.splitn(6, ':');
                parts().count() == patterns.len() && patterns.iter().zip(parts()).all(|(glob, part)| glob.matches(part))
            }
            Self::Number(wanted) => Decimal::parse(given).is_some_and(|given| accepts.contains(&given.cmp(wanted))),
            Self::Instant(wanted) => instant(given).is_some_and(|given| accepts.contains(&given.cmp(wanted))),
            Self::Truth(wanted) => truth(given) == Some(*wanted),
            Self::Network(address, bits) => {
                given.parse().is_ok_and(|given| prefix(given, *bits) == prefix(*address, *bits))
            }
            Self::Bytes(text, bytes) => given == *text || base64(given).as_ref() == Some(bytes),
            Self::Variable(family, glob) => {
                let resolved = glob.resolved(|name| context.variable(name));
                let wanted = resolved.and_then(|glob| PolicyValue::of_glob(*family, glob));
                wanted.is_some_and(|wanted| wanted.matches(given, accepts, context))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_one_row_for_each_comparison_in_order() {
        for (at, row) in SEMANTICS.iter().enumerate() {
            assert_eq!(row.comparison as usize, at, "{:?}", row.comparison);
        }
        for name in Operator::names() {
            let comparison = Operator::parse(name).unwrap().comparison();
            assert_eq!(semantics(comparison).unwrap().comparison, comparison, "{name}");
        }
    }

    #[test]
    fn only_string_arn_and_bool_operators_read_variables() {
        let with: Vec<Comparison> = SEMANTICS.iter().filter(|row| row.variables).map(|row| row.comparison).collect();
        let families = [Family::Text, Family::Folded, Family::Arn, Family::Truth];
        assert!(with.iter().all(|&comparison| families.contains(&semantics(comparison).unwrap().family)));
        assert_eq!(with.len(), 5);
    }
}
