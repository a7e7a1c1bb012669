//! Proofs that one constraint follows from another.

use core::net::IpAddr;
use std::cmp::Ordering;

use super::operator::{Comparison, Operator};
use super::value::{Decimal, instant, network, prefix, truth};
use super::value_glob;
use crate::glob::Glob;

/// A constraint: operator, key, values.
pub(crate) type Constraint<'a> = (&'a str, &'a str, &'a [String]);

/// True if every request that meets `given` meets `wanted`. Sound, not complete.
///
/// `variables`: `${…}` in values is a policy variable, in both.
pub(crate) fn implies(given: Constraint<'_>, wanted: Constraint<'_>, variables: bool) -> bool {
    let ((given_op, given_key, given_values), (wanted_op, wanted_key, wanted_values)) = (given, wanted);
    if !given_key.eq_ignore_ascii_case(wanted_key) {
        return false;
    }
    let (Some(given), Some(wanted)) = (Operator::parse(given_op), Operator::parse(wanted_op)) else {
        return given_op == wanted_op && given_values == wanted_values;
    };
    if is_null(given, given_values, "true") && wanted.quantifier().is_none() && wanted.comparison() != Comparison::Null
    {
        return wanted.is_met_by_missing_key();
    }
    if given.is_negated() != wanted.is_negated() || given.quantifier() != wanted.quantifier() {
        return false;
    }
    let same_kind = given.comparison() == wanted.comparison();
    if given.quantifier().is_some() {
        let same = same_kind && given.is_if_exists() == wanted.is_if_exists();
        return same && same_set(given_values, wanted_values);
    }
    // A missing key that satisfies `given` must satisfy `wanted`; values are compared below.
    if given.comparison() != Comparison::Null && given.is_met_by_missing_key() && !wanted.is_met_by_missing_key() {
        return false;
    }
    if given_values.is_empty() || wanted_values.is_empty() {
        // What AWS makes of an empty list is not documented.
        return same_kind && given_values.is_empty() == wanted_values.is_empty();
    }
    let within = |narrow: Operator, narrow_values: &[String], wide: Operator, wide_values: &[String]| {
        let narrow_values = readings(narrow.comparison(), narrow_values, variables);
        let wide_values = readings(wide.comparison(), wide_values, variables);
        narrow_values.iter().all(|narrow| wide_values.iter().any(|wide| wide.contains(narrow)))
    };
    if wanted.is_negated() {
        // A variable without a value makes `wanted` fail; only the same variable in `given` would make that
        // fail too.
        let has_variable = |value: &&String| variables && value.contains("${");
        if !wanted_values.iter().filter(has_variable).all(|value| given_values.contains(value)) {
            return false;
        }
        within(wanted, wanted_values, given, given_values)
    } else {
        within(given, given_values, wanted, wanted_values)
    }
}

fn is_null(operator: Operator, values: &[String], answer: &str) -> bool {
    operator.comparison() == Comparison::Null && matches!(values, [value] if value.eq_ignore_ascii_case(answer))
}

fn same_set(a: &[String], b: &[String]) -> bool {
    a.iter().all(|value| b.contains(value)) && b.iter().all(|value| a.contains(value))
}

/// The set of request values that one value of a policy matches.
struct ValueSet<'a> {
    comparison: Comparison,
    text: &'a str,
    form: ValueForm<'a>,
}

enum ValueForm<'a> {
    /// String operators.
    Text(Glob),
    /// The six components of an ARN.
    Arn(Vec<Glob>, Glob),
    Network(IpAddr, u8),
    Number(Decimal<'a>),
    /// Nanoseconds since 1970.
    Instant(i128),
    Truth(bool),
    /// Understood no further than its text.
    Opaque,
}

/// True if no request meets both, as far as this order of the two shows. Sound, not complete.
pub(crate) fn excludes(first: Constraint<'_>, second: Constraint<'_>, variables: bool) -> bool {
    let ((first_op, first_key, first_values), (second_op, second_key, second_values)) = (first, second);
    if !first_key.eq_ignore_ascii_case(second_key) {
        return false;
    }
    let (Some(first), Some(second)) = (Operator::parse(first_op), Operator::parse(second_op)) else { return false };
    if is_null(first, first_values, "true") {
        // The key is absent; does the second want it there?
        return match second.comparison() {
            Comparison::Null => is_null(second, second_values, "false"),
            _ => !second.is_met_by_missing_key(),
        };
    }
    // Some value is among the first's, and none may be among the second's.
    let is_some = !first.is_negated() && first.quantifier().is_none() && !first.is_if_exists();
    let is_none = second.is_negated() && second.quantifier().is_none();
    if !is_some || !is_none || first.comparison() == Comparison::Null {
        return false;
    }
    let narrow = readings(first.comparison(), first_values, variables);
    let wide = readings(second.comparison(), second_values, variables);
    narrow.iter().all(|narrow| wide.iter().any(|wide| wide.contains(narrow)))
}

fn readings(comparison: Comparison, values: &[String], variables: bool) -> Vec<ValueSet<'_>> {
    values.iter().map(|text| ValueSet { comparison, text, form: form(comparison, text, variables) }).collect()
}

fn form(comparison: Comparison, text: &str, variables: bool) -> ValueForm<'_> {
    use Comparison as C;
    match comparison {
        C::StringEquals | C::StringEqualsIgnoreCase | C::StringLike => {
            ValueForm::Text(value_glob(comparison, text, variables))
        }
        C::ArnLike if variables && text.contains("${") => ValueForm::Opaque,
        C::ArnLike => {
            let parts: Vec<Glob> = text.splitn(6, ':').map(|part| Glob::string_like(part, false)).collect();
            if parts.len() == 6 { ValueForm::Arn(parts, Glob::string_like(text, false)) } else { ValueForm::Opaque }
        }
        C::IpAddress => network(text).map_or(ValueForm::Opaque, |(address, bits)| ValueForm::Network(address, bits)),
        C::NumericEquals
        | C::NumericLessThan
        | C::NumericLessThanEquals
        | C::NumericGreaterThan
        | C::NumericGreaterThanEquals => Decimal::parse(text).map_or(ValueForm::Opaque, ValueForm::Number),
        C::DateEquals | C::DateLessThan | C::DateLessThanEquals | C::DateGreaterThan | C::DateGreaterThanEquals => {
            instant(text).map_or(ValueForm::Opaque, ValueForm::Instant)
        }
        C::Bool | C::Null => truth(text).map_or(ValueForm::Opaque, ValueForm::Truth),
        C::BinaryEquals => ValueForm::Opaque,
    }
}

impl ValueSet<'_> {
    /// True if every request value that `narrow` matches is matched by `self`.
    fn contains(&self, narrow: &Self) -> bool {
        use Comparison as C;
        let same = self.comparison == narrow.comparison;
        if same && self.text == narrow.text {
            return true;
        }
        match (&self.form, &narrow.form) {
            (ValueForm::Text(wide), ValueForm::Text(glob)) => match (self.comparison, narrow.comparison) {
                (C::StringEqualsIgnoreCase, C::StringEqualsIgnoreCase) => wide.covers(glob),
                (C::StringEqualsIgnoreCase, _) => wide.covers(&glob.to_ascii_lowercase()),
                (_, C::StringEqualsIgnoreCase) => wide.is_any(),
                _ => wide.covers(glob),
            },
            (ValueForm::Arn(wide, _), ValueForm::Arn(parts, _)) => {
                wide.iter().zip(parts).all(|(wide, part)| wide.covers(part))
            }
            // An ARN pattern matches no more than the same text read as a string pattern.
            (ValueForm::Text(wide), ValueForm::Arn(_, whole)) => self.comparison == C::StringLike && wide.covers(whole),
            (ValueForm::Network(wide, wide_bits), ValueForm::Network(address, bits)) => {
                wide_bits <= bits && prefix(*wide, *wide_bits) == prefix(*address, *wide_bits)
            }
            (ValueForm::Truth(wide), ValueForm::Truth(narrow)) => same && wide == narrow,
            (ValueForm::Number(wide), ValueForm::Number(number)) => {
                ordered(self.comparison, narrow.comparison, number.cmp(wide))
            }
            (ValueForm::Instant(wide), ValueForm::Instant(time)) => {
                ordered(self.comparison, narrow.comparison, time.cmp(wide))
            }
            _ => false,
        }
    }
}

/// True if `x narrow n` implies `x wide w`, given how n compares with w.
fn ordered(wide: Comparison, narrow: Comparison, n_to_w: Ordering) -> bool {
    use Comparison as C;
    let (below, equal, above) = (n_to_w.is_lt(), n_to_w.is_eq(), n_to_w.is_gt());
    match (wide, narrow) {
        (C::NumericEquals, C::NumericEquals) | (C::DateEquals, C::DateEquals) => equal,
        (C::NumericLessThan, C::NumericLessThan)
        | (C::DateLessThan, C::DateLessThan)
        | (C::NumericLessThanEquals, C::NumericLessThan | C::NumericLessThanEquals | C::NumericEquals)
        | (C::DateLessThanEquals, C::DateLessThan | C::DateLessThanEquals | C::DateEquals) => below || equal,
        (C::NumericLessThan, C::NumericLessThanEquals | C::NumericEquals)
        | (C::DateLessThan, C::DateLessThanEquals | C::DateEquals) => below,
        (C::NumericGreaterThan, C::NumericGreaterThan)
        | (C::DateGreaterThan, C::DateGreaterThan)
        | (C::NumericGreaterThanEquals, C::NumericGreaterThan | C::NumericGreaterThanEquals | C::NumericEquals)
        | (C::DateGreaterThanEquals, C::DateGreaterThan | C::DateGreaterThanEquals | C::DateEquals) => above || equal,
        (C::NumericGreaterThan, C::NumericGreaterThanEquals | C::NumericEquals)
        | (C::DateGreaterThan, C::DateGreaterThanEquals | C::DateEquals) => above,
        _ => false,
    }
}
