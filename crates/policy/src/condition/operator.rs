//! Condition operators as data.
//!
//! IAM User Guide, "IAM JSON policy elements: Condition operators" and "…: Set operators for multi-valued
//! context keys".

use std::fmt;

/// How a value of the policy is compared with a value of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Comparison {
    /// Same text.
    StringEquals,
    /// Same text but for ASCII case.
    StringEqualsIgnoreCase,
    /// Pattern of `*` and `?`.
    StringLike,
    /// Same number.
    NumericEquals,
    /// Number below the policy's.
    NumericLessThan,
    /// Number not above the policy's.
    NumericLessThanEquals,
    /// Number above the policy's.
    NumericGreaterThan,
    /// Number not below the policy's.
    NumericGreaterThanEquals,
    /// Same instant.
    DateEquals,
    /// Before the policy's.
    DateLessThan,
    /// Not after the policy's.
    DateLessThanEquals,
    /// After the policy's.
    DateGreaterThan,
    /// Not before the policy's.
    DateGreaterThanEquals,
    /// Same truth value.
    Bool,
    /// Same bytes, Base64 in the policy.
    BinaryEquals,
    /// Address within the policy's network.
    IpAddress,
    /// ARN pattern; its six components are matched one by one. `ArnEquals` is the same.
    ArnLike,
    /// True if the key is absent.
    Null,
}

/// Quantifier over the values of a multivalued key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quantifier {
    /// `ForAllValues:`
    ForAllValues,
    /// `ForAnyValue:`
    ForAnyValue,
}

struct OperatorRow {
    name: &'static str,
    comparison: Comparison,
    negated: bool,
}

const fn row(name: &'static str, comparison: Comparison, negated: bool) -> OperatorRow {
    OperatorRow { name, comparison, negated }
}

/// Every operator without quantifier and `IfExists`.
static ROWS: [OperatorRow; 27] = [
    row("StringEquals", Comparison::StringEquals, false),
    row("StringNotEquals", Comparison::StringEquals, true),
    row("StringEqualsIgnoreCase", Comparison::StringEqualsIgnoreCase, false),
    row("StringNotEqualsIgnoreCase", Comparison::StringEqualsIgnoreCase, true),
    row("StringLike", Comparison::StringLike, false),
    row("StringNotLike", Comparison::StringLike, true),
    row("NumericEquals", Comparison::NumericEquals, false),
    row("NumericNotEquals", Comparison::NumericEquals, true),
    row("NumericLessThan", Comparison::NumericLessThan, false),
    row("NumericLessThanEquals", Comparison::NumericLessThanEquals, false),
    row("NumericGreaterThan", Comparison::NumericGreaterThan, false),
    row("NumericGreaterThanEquals", Comparison::NumericGreaterThanEquals, false),
    row("DateEquals", Comparison::DateEquals, false),
    row("DateNotEquals", Comparison::DateEquals, true),
    row("DateLessThan", Comparison::DateLessThan, false),
    row("DateLessThanEquals", Comparison::DateLessThanEquals, false),
    row("DateGreaterThan", Comparison::DateGreaterThan, false),
    row("DateGreaterThanEquals", Comparison::DateGreaterThanEquals, false),
    row("Bool", Comparison::Bool, false),
    row("BinaryEquals", Comparison::BinaryEquals, false),
    row("IpAddress", Comparison::IpAddress, false),
    row("NotIpAddress", Comparison::IpAddress, true),
    row("ArnEquals", Comparison::ArnLike, false),
    row("ArnNotEquals", Comparison::ArnLike, true),
    row("ArnLike", Comparison::ArnLike, false),
    row("ArnNotLike", Comparison::ArnLike, true),
    row("Null", Comparison::Null, false),
];

/// A condition operator that AWS knows.
#[derive(Clone, Copy)]
pub struct Operator {
    row: &'static OperatorRow,
    quantifier: Option<Quantifier>,
    if_exists: bool,
}

impl Operator {
    /// Reads an operator without regard to ASCII case; `None` if AWS has no such operator.
    pub fn parse(text: &str) -> Option<Self> {
        let (quantifier, rest) = match text.split_once(':') {
            None => (None, text),
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case("ForAllValues") => {
                (Some(Quantifier::ForAllValues), rest)
            }
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case("ForAnyValue") => (Some(Quantifier::ForAnyValue), rest),
            Some(_) => return None,
        };
        let suffix = rest.len().checked_sub("IfExists".len());
        let (name, if_exists) = match suffix.and_then(|at| rest.split_at_checked(at)) {
            Some((name, suffix)) if suffix.eq_ignore_ascii_case("IfExists") => (name, true),
            _ => (rest, false),
        };
        let row = ROWS.iter().find(|row| row.name.eq_ignore_ascii_case(name))?;
        let is_null = row.comparison == Comparison::Null;
        (!is_null || (!if_exists && quantifier.is_none())).then_some(Self { row, quantifier, if_exists })
    }

    /// How values are compared.
    pub fn comparison(self) -> Comparison {
        self.row.comparison
    }

    /// True if the operator asks that no value matches. A missing key meets it.
    pub fn is_negated(self) -> bool {
        self.row.negated
    }

    /// `ForAllValues:` or `ForAnyValue:`.
    pub fn quantifier(self) -> Option<Quantifier> {
        self.quantifier
    }

    /// True if a missing key meets it by its suffix.
    pub fn is_if_exists(self) -> bool {
        self.if_exists
    }

    /// True if a missing key meets the operator. `Null` depends on its value and is not asked.
    pub fn is_met_by_missing_key(self) -> bool {
        match self.quantifier {
            Some(Quantifier::ForAllValues) => true,
            Some(Quantifier::ForAnyValue) => self.if_exists,
            None => self.if_exists || self.row.negated,
        }
    }

    /// Names of all operators without quantifier and `IfExists`.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ROWS.iter().map(|row| row.name)
    }

    /// Another operator that means the same for these values.
    pub(crate) fn synonym(self, values: &[String]) -> Option<String> {
        let plain = || !values.iter().any(|value| value.contains(['*', '?', '$']));
        let name = match self.row.name {
            "ArnEquals" => "ArnLike",
            "ArnLike" => "ArnEquals",
            "StringEquals" if plain() => "StringLike",
            "StringLike" if plain() => "StringEquals",
            _ => return None,
        };
        let row = ROWS.iter().find(|row| row.name == name)?;
        Some(Self { row, ..self }.to_string())
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.quantifier {
            Some(Quantifier::ForAllValues) => f.write_str("ForAllValues:")?,
            Some(Quantifier::ForAnyValue) => f.write_str("ForAnyValue:")?,
            None => {}
        }
        f.write_str(self.row.name)?;
        f.write_str(if self.if_exists { "IfExists" } else { "" })
    }
}

impl fmt::Debug for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
