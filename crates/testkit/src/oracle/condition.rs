//! Conditions, one operator at a time.
//!
//! IAM User Guide: "Condition operators", "Conditions with multiple context keys or values", "Set operators for
//! multi-valued context keys". Variables are not resolved; values must not hold any.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::IpAddr;

use whittle_policy::ConditionBlock;

use super::pattern::{arn_like_matches, string_like_matches};

/// Whether a request with this context (keys in lower case) meets the condition. An unknown operator is never met.
pub fn is_met(block: &ConditionBlock, context: &BTreeMap<String, Vec<String>>) -> bool {
    block.iter().all(|(operator, key, values)| {
        constraint(operator, values, context.get(&key.to_ascii_lowercase()).map_or(&[], Vec::as_slice))
    })
}

/// One operator against one key. A key without values is a missing key.
fn constraint(operator: &str, wanted: &[String], given: &[String]) -> bool {
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
    let any_wanted = |given: &String| wanted.iter().any(|want| compare(positive, want, given));
    let one = |given: &String| any_wanted(given) != negated;
    match set.as_str() {
        _ if given.is_empty() && if_exists => true,
        "forallvalues" => given.iter().all(one),
        "foranyvalue" => given.iter().any(one),
        "" if given.is_empty() => negated,
        "" => given.iter().any(any_wanted) != negated,
        _ => false,
    }
}

fn positive_form(operator: &str) -> Option<(&'static str, bool)> {
    Some(match operator {
        "stringequals" | "binaryequals" => ("stringequals", false),
        "stringnotequals" => ("stringequals", true),
        "stringequalsignorecase" | "bool" => ("stringequalsignorecase", false),
        "stringnotequalsignorecase" => ("stringequalsignorecase", true),
        "stringlike" => ("stringlike", false),
        "stringnotlike" => ("stringlike", true),
        "numericequals" | "dateequals" => ("=", false),
        "numericnotequals" | "datenotequals" => ("=", true),
        "numericlessthan" | "datelessthan" => ("<", false),
        "numericlessthanequals" | "datelessthanequals" => ("<=", false),
        "numericgreaterthan" | "dategreaterthan" => (">", false),
        "numericgreaterthanequals" | "dategreaterthanequals" => (">=", false),
        "ipaddress" => ("ipaddress", false),
        "notipaddress" => ("ipaddress", true),
        "arnequals" | "arnlike" => ("arn", false),
        "arnnotequals" | "arnnotlike" => ("arn", true),
        _ => return None,
    })
}

fn compare(operator: &str, want: &str, given: &str) -> bool {
    let order = || Some(instant_or_number(given)?.cmp(&instant_or_number(want)?));
    match operator {
        "stringequals" => want == given,
        "stringequalsignorecase" => want.eq_ignore_ascii_case(given),
        "stringlike" => string_like_matches(want, given),
        "arn" => arn_like_matches(want, given),
        "=" => order() == Some(Ordering::Equal),
        "<" => order() == Some(Ordering::Less),
        "<=" => matches!(order(), Some(Ordering::Less | Ordering::Equal)),
        ">" => order() == Some(Ordering::Greater),
        ">=" => matches!(order(), Some(Ordering::Greater | Ordering::Equal)),
        "ipaddress" => in_network(want, given).unwrap_or(false),
        _ => false,
    }
}

/// A number, or an ISO 8601 instant of the short form read as the number its digits spell.
fn instant_or_number(text: &str) -> Option<i64> {
    if text.contains('T') {
        return text.chars().filter(char::is_ascii_digit).collect::<String>().parse().ok();
    }
    text.parse().ok()
}

fn in_network(network: &str, address: &str) -> Option<bool> {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => format!("4{:032b}", u32::from(address)),
        IpAddr::V6(address) => format!("6{:0128b}", u128::from(address)),
    };
    let (base, length) = match network.split_once('/') {
        Some((base, length)) => (base, Some(length.parse::<usize>().ok()?)),
        None => (network, None),
    };
    let (base, address) = (bits(base.parse().ok()?), bits(address.parse().ok()?));
    let length = length.map_or(base.len(), |length| length + 1);
    Some(base.len() == address.len() && base.get(..length)? == address.get(..length)?)
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
