use super::operator::Operator;
use super::*;

/// Reads `Operator key value,value` lines, one constraint each.
fn block(text: &str) -> ConditionBlock {
    let mut block = ConditionBlock::default();
    for line in text.split(';').map(str::trim).filter(|line| !line.is_empty()) {
        let mut parts = line.split(' ');
        let (operator, key) = (parts.next().unwrap(), parts.next().unwrap());
        let values = parts.next().unwrap_or_default().split(',').map(str::to_owned).collect();
        block.push(operator, key, Values::list(values));
    }
    block
}

#[track_caller]
fn covers(wide: &str, narrow: &str, expect: bool) {
    assert_eq!(block(wide).covers(&block(narrow)), expect, "{wide:?} covers {narrow:?}");
}

#[test]
fn the_empty_block_covers_all_and_is_covered_by_itself_only() {
    covers("", "StringEquals k a", true);
    covers("StringEquals k a", "", false);
    covers("", "", true);
}

#[test]
fn fewer_constraints_cover_more() {
    covers("StringEquals k a", "StringEquals k a; Bool s true", true);
    covers("StringEquals k a; Bool s true", "StringEquals k a", false);
}

#[test]
fn operators_and_keys_compare_without_case() {
    covers("stringequals AWS:SourceVpc a", "StringEquals aws:sourcevpc a", true);
    covers("StringEquals k A", "StringEquals k a", false);
    covers("StringEquals k a", "StringEquals l a", false);
}

#[test]
fn more_values_cover_fewer_and_the_reverse_when_negated() {
    covers("StringEquals k a,b", "StringEquals k b", true);
    covers("StringEquals k b", "StringEquals k a,b", false);
    covers("StringNotEquals k b", "StringNotEquals k a,b", true);
    covers("StringNotEquals k a,b", "StringNotEquals k b", false);
    covers("StringNotEquals k abc", "StringNotLike k a*", true);
    covers("StringNotLike k a*", "StringNotEquals k abc", false);
}

#[test]
fn patterns_cover_what_they_match() {
    covers("StringLike k a*", "StringEquals k abc", true);
    covers("StringLike k a*", "StringLike k ab*", true);
    covers("StringLike k a*", "StringEquals k a*", true);
    covers("StringEquals k a*", "StringLike k a*", false);
    covers("StringEquals k abc", "StringLike k abc", true);
    covers("StringLike k a*c", "StringEquals k a:c", true);
    covers("StringEqualsIgnoreCase k ABC", "StringEquals k abc", true);
    covers("StringEquals k abc", "StringEqualsIgnoreCase k abc", false);
    covers("StringLike k *", "StringEqualsIgnoreCase k abc", true);
}

#[test]
fn arns_compare_by_component() {
    covers("ArnEquals k arn:aws:sns:*:1:t", "ArnLike k arn:aws:sns:eu:1:t", true);
    covers("ArnLike k arn:aws:sns:*:t", "ArnLike k arn:aws:sns:eu:1:t", false);
    covers("ArnLike k arn:aws:lambda:eu:1:function:*", "ArnEquals k arn:aws:lambda:eu:1:function:f:1", true);
    covers("StringLike k arn:aws:sns:*", "ArnLike k arn:aws:sns:*:1:t", true);
    covers("ArnLike k arn:aws:sns:*:1:t", "StringLike k arn:aws:sns:*:1:t", false);
    covers("ArnLike k arn:aws:s3:::*", "ArnLike k arn:aws:s3:::${v}", false);
    covers("ArnLike k arn:aws:s3:::${v}", "ArnEquals k arn:aws:s3:::${v}", true);
}

#[test]
fn networks_numbers_and_dates_compare_by_value() {
    covers("IpAddress k 10.0.0.0/8", "IpAddress k 10.1.0.0/16,10.2.3.4", true);
    covers("IpAddress k 10.1.0.0/16", "IpAddress k 10.0.0.0/8", false);
    covers("IpAddress k 10.0.0.0/16", "IpAddress k 10.0.0.0/8", false);
    covers("IpAddress k ::/0", "IpAddress k 10.0.0.0/8", false);
    covers("IpAddress k 0.0.0.0/0", "IpAddress k 10.0.0.0/8", true);
    covers("IpAddress k 2001:db8::/32", "IpAddress k 2001:db8:1::/48", true);
    covers("NotIpAddress k 10.1.0.0/16", "NotIpAddress k 10.0.0.0/8", true);
    covers("NumericLessThan k 10", "NumericLessThanEquals k 9", true);
    covers("NumericLessThan k 10", "NumericLessThanEquals k 10", false);
    covers("NumericGreaterThanEquals k 2", "NumericEquals k 2", true);
    covers("NumericLessThan k 1.5", "NumericLessThan k 1.5", true);
    covers("NumericLessThan k 10", "NumericGreaterThan k 1", false);
    covers("DateLessThan k 2026-01-02T00:00:00Z", "DateLessThan k 2026-01-01T00:00:00Z", true);
    covers("DateLessThan k 2026-01-02", "DateLessThan k 2026-01-01", true);
    covers("DateLessThan k 2026-01-02", "DateLessThan k 2026-01-02T00:30:00+01:00", true);
    covers("DateLessThan k 2026-99-01T00:00:00Z", "DateLessThan k 2026-01-01T00:00:00Z", false);
    covers("NumericLessThan k 1.25", "NumericLessThan k 1.2", true);
    covers("Bool k true", "Bool k True", true);
    covers("Bool k true", "Bool k false", false);
}

#[test]
fn if_exists_is_weaker() {
    covers("StringEqualsIfExists k a", "StringEquals k a", true);
    covers("StringEquals k a", "StringEqualsIfExists k a", false);
    covers("StringEqualsIfExists k a", "StringEqualsIfExists k a", true);
    covers("StringNotEquals k a", "StringNotEqualsIfExists k a", true);
}

#[test]
fn an_absent_key_meets_what_does_not_need_it() {
    covers("StringNotEquals k a", "Null k true", true);
    covers("StringEqualsIfExists k a", "Null k true", true);
    covers("StringEquals k a", "Null k true", false);
    covers("Null k true", "StringNotEquals k a", false);
    covers("Null k true", "Null k True", true);
    covers("Null k true", "Null k false", false);
}

#[test]
fn quantified_and_unknown_operators_cover_their_equals_only() {
    covers("ForAllValues:StringEquals k a,b", "ForAllValues:StringEquals k b,a", true);
    covers("ForAllValues:StringEquals k a,b", "ForAllValues:StringEquals k a", false);
    covers("ForAnyValue:StringEquals k a", "StringEquals k a", false);
    covers("StringMatches k a", "StringMatches k a", true);
    covers("StringMatches k a,b", "StringMatches k a", false);
}

#[test]
fn negated_values_with_variables_need_the_same_variables() {
    covers("StringNotLike k ${v}x", "StringNotLike k *", false);
    covers("StringNotLike k ${v}x", "StringNotLike k ${v}x", true);
}

#[test]
fn dialects_do_not_mix() {
    let value = |variables| {
        let values = Values::new(Shape::One, vec![("${v}".to_owned(), Scalar::Text)]);
        ConditionBlock::from_parts(vec![("StringEquals".to_owned(), vec![("k".to_owned(), values)])], variables)
    };
    assert!(!value(true).covers(&value(false)) && !value(false).covers(&value(true)));
    assert!(value(false).covers(&value(false)));
    assert!(ConditionBlock::default().covers(&value(false)));
    assert!(value(true).has_variables() && !value(false).has_variables());
    let upgraded = value(false).to_version_2012();
    assert_eq!(upgraded.iter().next().unwrap().2, ["${$}{v}"]);
}

#[track_caller]
fn with(start: &str, operator: &str, key: &str, values: &[&str], expect: &str) {
    let result = block(start).with(operator, key, values.iter().copied());
    assert_eq!(result, block(expect), "{start:?} with {operator} {key} {values:?}");
}

#[test]
fn with_adds_and_never_widens() {
    with("", "StringEquals", "k", &["a"], "StringEquals k a");
    with("StringEquals k a", "StringEquals", "l", &["b"], "StringEquals k a; StringEquals l b");
    with("StringEquals k a", "StringEquals", "k", &["a", "b"], "StringEquals k a");
    with("StringEquals k a,b", "stringequals", "K", &["a"], "StringEquals k a");
    with("StringNotEquals k a", "StringNotEquals", "k", &["b"], "StringNotEquals k a,b");
    with("StringEquals k a,b", "StringEquals", "k", &["b", "c"], "StringEquals k a,b; StringLike k b,c");
    with("ArnLike k a:*:b:c:d:e", "ArnLike", "k", &["*:a:b:c:d:e"], "ArnLike k a:*:b:c:d:e; ArnEquals k *:a:b:c:d:e");
    with("NumericEquals k 1,2", "NumericEquals", "k", &["2", "3"], "NumericEquals k 2");
    with("StringEquals k a,b", "StringEquals", "k", &["b", "a*"], "StringEquals k b");
    let impossible = block("Bool k true").with("Bool", "k", ["false"]);
    assert_eq!(impossible.iter().next().unwrap().2, [""; 0]);
}

#[test]
fn operators_parse_with_prefix_and_suffix() {
    let check = |text: &str, expect: Option<&str>| {
        assert_eq!(Operator::parse(text).map(|operator| operator.to_string()).as_deref(), expect, "{text:?}");
    };
    check("stringequals", Some("StringEquals"));
    check("foranyvalue:ArnLikeifexists", Some("ForAnyValue:ArnLikeIfExists"));
    check("NullIfExists", None);
    check("ForAllValues:Null", None);
    check("ForSomeValues:StringEquals", None);
    check("StringEqual", None);
    check("IfExists", None);
    check("", None);
    check("é", None);
    for name in Operator::names() {
        check(name, Some(name));
    }
}

#[test]
fn canonical_merges_spellings_without_losing_constraints() {
    let one = block("stringequals k b,a; Bool s true").canonical();
    assert_eq!(one, block("Bool s true; StringEquals k a,b"));
    assert_eq!(block("Made:Up k b,a").canonical(), block("Made:Up k b,a"));
}
