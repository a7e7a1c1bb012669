//! Tables for the three relations of compiled patterns. The property tests against the oracle are in
//! `tests/`.

use super::machine::Machine;
use super::*;

fn resource(text: &str) -> Glob {
    Glob::resource(text, true)
}

#[track_caller]
fn matches(pattern: &str, text: &str, expect: bool) {
    assert_eq!(resource(pattern).matches(text), expect, "{pattern:?} on {text:?}");
    assert_eq!(Machine::new(&resource(pattern)).accepts(text), expect, "machine of {pattern:?} on {text:?}");
}

#[track_caller]
fn covers(wide: &str, narrow: &str, expect: bool) {
    assert_eq!(resource(wide).covers(&resource(narrow)), expect, "{wide:?} covers {narrow:?}");
}

#[track_caller]
fn intersects(a: &str, b: &str, expect: bool) {
    assert_eq!(resource(a).intersects(&resource(b)), expect, "{a:?} intersects {b:?}");
    assert_eq!(resource(b).intersects(&resource(a)), expect, "{b:?} intersects {a:?}");
}

#[test]
fn star_crosses_slashes() {
    matches("arn:aws:s3:::b/*", "arn:aws:s3:::b/x/y", true);
    matches("arn:aws:s3:::b/*/z", "arn:aws:s3:::b/x/y/z", true);
    matches("arn:aws:s3:::b/*", "arn:aws:s3:::b", false);
}

#[test]
fn star_inside_a_segment_stays_inside() {
    matches("a*b", "axxb", true);
    matches("a*b", "ax:xb", false);
    matches("a:*b:c", "a:xb:c", true);
    matches("a:*b:c", "a:x:b:c", false);
}

#[test]
fn star_at_the_end_of_a_segment_crosses_colons() {
    matches("f*", "f:1", true);
    matches("a:*:z", "a:b:c:z", true);
    matches("a:*:z", "a::z", true);
    matches("*", "anything:at/all", true);
    matches("*", "", true);
    matches("a**", "a:b", true);
    matches("a**b", "a:b", false);
    matches("*:b", "a:b:b", true);
}

#[test]
fn an_earlier_star_gets_a_second_chance() {
    matches("*:a*b", "x:ac:ab", true);
    matches("*:a*b", "x:ac:axb", true);
    matches("*:a*b:c", "x:ab:d:ab:c", true);
    matches("*:a*b:c", "x:ab:d", false);
}

#[test]
fn question_mark_is_one_character_but_no_colon() {
    matches("a?c", "abc", true);
    matches("a?c", "a:c", false);
    matches("a?", "a", false);
    matches("a?c", "aéc", true);
    matches("a??c", "aéc", false);
    matches("*?é", "xéé", true);
}

#[test]
fn escapes_are_plain_characters() {
    matches("a${*}", "a*", true);
    matches("a${*}", "ab", false);
    matches("a${?}${$}", "a?$", true);
    matches("${*}:*", "*:x:y", true);
}

#[test]
fn variables_match_nothing_by_themselves() {
    matches("${aws:username}", "x", false);
    matches("${aws:username}", "${aws:username}", false);
    assert!(resource("a/${aws:username}/*").widened().matches("a/x:y/z"));
    assert!(!resource("a/${aws:username}/*").widened().matches("b/x/z"));
}

#[test]
fn unclosed_and_nested_variables_are_text() {
    matches("${a", "${a", true);
    matches("$", "$", true);
    assert!(!resource("${").has_variables());
    assert!(resource("${a${b}").has_variables());
    assert!(resource("${a, 'x{y'}").has_variables());
}

#[test]
fn without_variables_the_text_is_literal() {
    assert!(Glob::resource("${a}", false).matches("${a}"));
    assert!(Glob::resource("${*}", false).matches("${x}"));
}

#[test]
fn covers_by_star() {
    covers("*", "anything:*", true);
    covers("s3:*", "s3:Get*", true);
    covers("arn:aws:s3:::b/*", "arn:aws:s3:::b/x/*", true);
    covers("arn:aws:s3:::b*", "arn:aws:s3:::b/*", true);
    covers("arn:aws:s3:::b/*", "arn:aws:s3:::b*", false);
    covers("a*b*", "a?x*b", true);
    covers("a*", "*", false);
    covers("*a", "*", false);
    covers("a?", "a*", false);
    covers("a*", "a?", true);
    covers("?*", "*?", true);
    covers("*?", "?*", false); // the last star of the right one crosses colons
    covers("*?:x", "?:x", true);
}

#[test]
fn covers_respects_segments() {
    covers("a*b", "a*b", true);
    covers("a:*b", "a:*:b", false);
    covers("a:*:b", "a:*b", false);
    covers("a:*:b", "a:x*y:b", true);
    covers("a*", "a*b", true);
    covers("x*:y", "x:*:y", true);
    covers("x:*:y", "x:*:z:y", true);
    covers("a*:b", "a?*:b", true);
    covers("?", ":", false);
}

#[test]
fn covers_may_cut_through_a_star() {
    covers("?*x", "*yx", true);
    covers("*?x", "*yx", true);
    covers("??*", "a*b", true);
    covers("*ab*", "*a?b*", false);
    covers("*a*b", "*ab*ab", true);
    covers("*:a*", "*:a:*", true);
}

#[test]
fn variables_are_covered_by_themselves_and_by_crossing_stars() {
    covers("b/${v}/*", "b/${v}/x", true);
    covers("b/${v}/*", "b/${w}/x", false);
    covers("b/*", "b/${v}/x", true);
    covers("b/*/x", "b/${v}/x", false);
    covers("b/${v}/*", "b/x/*", false);
    covers("${v}", "${v}${v}", false);
    covers("${v}?", "${v}a", true);
    covers("${v}", "*", false);
}

#[test]
fn a_literal_star_is_not_a_wildcard() {
    covers("a${*}", "a*", false);
    covers("a*", "a${*}", true);
    covers("a${*}", "a${*}", true);
    intersects("a${*}", "ab", false);
}

#[test]
fn intersects_finds_a_common_text() {
    intersects("a*", "*b", true);
    intersects("a*", "b*", false);
    intersects("a?c", "ab*", true);
    intersects("a", "a?", false);
    intersects("", "*", true);
    intersects("", "a", false);
    intersects("*a*", "*b*", true);
    intersects("x*y", "x:y", false);
    intersects("x:*:y", "x:a*", true);
    intersects("a*b", "a:*", false);
    intersects("a?", "a:", false);
}

#[test]
fn variables_may_meet_anything() {
    intersects("${v}", "abc:d", true);
    intersects("a${v}", "b${v}", false);
    intersects("a${v}", "*c", true);
}

#[test]
fn actions_fold_case_and_cross_everything() {
    let glob = Glob::action("S3:Get*");
    assert!(glob.matches_ignore_ascii_case("s3:gEtObject"));
    assert!(!glob.matches_ignore_ascii_case("s3:Put"));
    assert!(Glob::action("s3:*").covers(&Glob::action("S3:GET*")));
}

#[test]
fn ignoring_case_keeps_variables() {
    let (a, b) = (Glob::string_equals("X${aws:Y}", true), Glob::string_equals("x${aws:y}", true));
    assert_ne!(a.to_ascii_lowercase(), b.to_ascii_lowercase());
    assert_eq!(a.to_ascii_lowercase(), Glob::string_equals("x${aws:Y}", true));
}

#[test]
fn sets_longer_than_a_word_work() {
    let long = format!("{}*{}", "a".repeat(70), "b".repeat(70));
    matches(&long, &format!("{}{}", "a".repeat(70), "b".repeat(70)), true);
    matches(&long, &format!("{}x{}", "a".repeat(70), "b".repeat(69)), false);
    matches(&format!("{}*", "a".repeat(63)), &"a".repeat(63), true);
    matches(&format!("{}*", "a".repeat(64)), &"a".repeat(65), true);
    covers(&format!("?*{long}"), &format!("*c{long}"), true);
}
