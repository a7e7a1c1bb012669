//! Conditions, one operator at a time.
//!
//! IAM User Guide: "Condition operators", "Conditions with multiple context keys or values", "Single-valued
//! vs. multivalued context keys".

use std::cmp::Ordering;
use std::collections::BTreeMap;

use whittle_policy::ConditionBlock;

use super::text::{Lookup, arn, like, pieces};
use super::value::{bytes, in_network, moment, number};

/// True if a request with this context (keys in lower case) meets the condition. An unknown operator is never
/// met. Variables are plain text.
pub fn is_met(block: &ConditionBlock, context: &BTreeMap<String, Vec<String>>) -> bool {
    block.iter().all(|(operator, key, values)| {
        constraint(operator, values, context.get(&key.to_ascii_lowercase()).map_or(&[], Vec::as_slice), None)
    })
}

/// Result of comparing one policy value with one request value.
#[derive(PartialEq)]
enum Compared {
    Equal,
    Different,
    /// The policy value holds a variable without value.
    Invalid,
}

/// One operator against one key. A key without values is a missing key.
pub fn constraint(operator: &str, wanted: &[String], given: &[String], lookup: Option<Lookup<'_>>) -> bool {
    let operator = operator.to_ascii_lowercase();
    if operator == "null" {
        return wanted.iter().any(|want| want.eq_ignore_ascii_case(if given.is_empty() { "true" } else { "false" }));
    }
    let (set, operator) = match operator.split_once(':') {
        Some((set, operator)) => (set.to_owned(), operator.to_owned()),
        None => (String::new(), operator),
    };
    let (operator, if_exists) = match operator.strip_suffix("ifexists") {
        Some(operator) => (operator.to_owned(), true),
        None => (operator, false),
    };
    let Some((positive, negated)) = positive_form(&operator) else { return false };
    if !["", "forallvalues", "foranyvalue"].contains(&set.as_str()) {
        return false;
    }
    if given.is_empty() {
        return if_exists || set == "forallvalues" || (set.is_empty() && negated);
    }
    if !set.is_empty() && given.iter().all(String::is_empty) {
        return set == "forallvalues";
    }
    let any_wanted =
        |given: &String| wanted.iter().any(|want| compare(positive, want, given, lookup) == Compared::Equal);
    let invalid =
        |given: &String| wanted.iter().any(|want| compare(positive, want, given, lookup) == Compared::Invalid);
    if negated && given.iter().any(invalid) {
        return false;
    }
    let one = |given: &String| any_wanted(given) != negated;
    match set.as_str() {
        "forallvalues" => given.iter().all(one),
        "foranyvalue" => given.iter().any(one),
        _ => given.iter().any(any_wanted) != negated,
    }
}

fn positive_form(operator: &str) -> Option<(&'static str, bool)> {
    Some(match operator {
        "stringequals" => ("stringequals", false),
        "stringnotequals" => ("stringequals", true),
        "stringequalsignorecase" => ("stringequalsignorecase", false),
        "stringnotequalsignorecase" => ("stringequalsignorecase", true),
        "stringlike" => ("stringlike", false),
        "stringnotlike" => ("stringlike", true),
        "numericequals" => ("number =", false),
        "numericnotequals" => ("number =", true),
        "numericlessthan" => ("number <", false),
        "numericlessthanequals" => ("number <=", false),
        "numericgreaterthan" => ("number >", false),
        "numericgreaterthanequals" => ("number >=", false),
        "dateequals" => ("date =", false),
        "datenotequals" => ("date =", true),
        "datelessthan" => ("date <", false),
        "datelessthanequals" => ("date <=", false),
        "dategreaterthan" => ("date >", false),
        "dategreaterthanequals" => ("date >=", false),
        "bool" => ("bool", false),
        "binaryequals" => ("binary", false),
        "ipaddress" => ("ipaddress", false),
        "notipaddress" => ("ipaddress", true),
        "arnequals" | "arnlike" => ("arn", false),
        "arnnotequals" | "arnnotlike" => ("arn", true),
        _ => return None,
    })
}

fn compare(operator: &str, want: &str, given: &str, lookup: Option<Lookup<'_>>) -> Compared {
    let verdict = |equal: bool| if equal { Compared::Equal } else { Compared::Different };
    let chars: Vec<char> = given.chars().collect();
    let lower: Vec<char> = given.to_ascii_lowercase().chars().collect();
    match operator {
        "stringequals" | "stringequalsignorecase" | "stringlike" | "arn" | "bool" => {
            let wildcards = operator == "stringlike" || operator == "arn";
            let Some(pattern) = pieces(want, wildcards, lookup) else { return Compared::Invalid };
            let text =
                || pattern.iter().map(|piece| if let super::text::Piece::Char(char) = piece { *char } else { '*' });
            let folded = || text().map(|char| char.to_ascii_lowercase()).collect::<Vec<_>>();
            verdict(match operator {
                "stringequals" => text().collect::<Vec<_>>() == chars,
                "stringequalsignorecase" => folded() == lower,
                "bool" => {
                    let word: String = folded().into_iter().collect();
                    (word == "true" || word == "false") && folded() == lower
                }
                "stringlike" => like(&pattern, &chars),
                _ => arn(&pattern, given),
            })
        }
        "binary" => verdict(bytes(want).is_some_and(|want| bytes(given) == Some(want))),
        "ipaddress" => verdict(in_network(want, given).unwrap_or(false)),
        _ => {
            let order = match operator.split_once(' ') {
                Some(("number", _)) => number(given).zip(number(want)).map(|(given, want)| given.compare(&want)),
                _ => moment(given).zip(moment(want)).map(|(given, want)| given.cmp(&want)),
            };
            let sign = operator.rsplit(' ').next().unwrap_or_default();
            verdict(match order {
                None => false,
                Some(Ordering::Less) => sign.starts_with('<'),
                Some(Ordering::Equal) => sign.ends_with('='),
                Some(Ordering::Greater) => sign.starts_with('>'),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(operator: &str, wanted: &[&str], given: &[&str], expect: bool) {
        let block = ConditionBlock::of(operator, "aws:Key", wanted.iter().copied());
        let mut context = BTreeMap::new();
        if !given.is_empty() {
            context.insert("aws:key".to_owned(), given.iter().map(|&value| value.to_owned()).collect());
        }
        assert_eq!(is_met(&block, &context), expect, "{operator} {wanted:?} on {given:?}");
    }

    #[test]
    fn missing_keys_fail_positive_and_meet_negated_operators() {
        check("StringEquals", &["a"], &[], false);
        check("StringNotEquals", &["a"], &[], true);
        check("StringEqualsIfExists", &["a"], &[], true);
        check("ForAllValues:StringEquals", &["a"], &[], true);
        check("ForAnyValue:StringEquals", &["a"], &[], false);
        check("Null", &["true"], &[], true);
        check("Null", &["false"], &[], false);
    }

    #[test]
    fn networks_contain_addresses() {
        check("IpAddress", &["10.0.0.0/8"], &["10.9.8.7"], true);
        check("IpAddress", &["10.0.0.0/8"], &["11.9.8.7"], false);
        check("NotIpAddress", &["2001:db8::/32"], &["2001:db8::1"], false);
    }

    #[test]
    fn quantifiers_range_over_the_request() {
        check("ForAllValues:StringEquals", &["a", "b"], &["a"], true);
        check("ForAllValues:StringEquals", &["a"], &["a", "b"], false);
        check("ForAnyValue:StringEquals", &["a"], &["a", "b"], true);
    }
}
