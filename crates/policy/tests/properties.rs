//! The engine against the literal oracle of `whittle-testkit`, on patterns small enough to try everything.
#![expect(clippy::string_slice, reason = "the helpers slice ASCII that this file generates")]

use std::collections::BTreeMap;
use std::sync::LazyLock;

use proptest::prelude::*;
use whittle_policy::{ConditionBlock, Effect, OneOrMany, PolicyDocument, ResourcePattern, Statement};
use whittle_testkit::oracle::pattern::{action_matches, resource_matches, words};
use whittle_testkit::oracle::{Request, condition, statement as oracle_statement};
use whittle_testkit::policies;

/// Every resource of up to six characters. `x` stands for all characters that no pattern names.
static RESOURCES: LazyLock<Vec<String>> = LazyLock::new(|| words(&['a', 'b', ':', 'x'], 6));
/// Every action with a name of up to five characters.
static ACTIONS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let names = words(&['a', 'b', 'x'], 5);
    names.iter().filter(|name| !name.is_empty()).flat_map(|name| ["s", "t"].map(|p| format!("{p}:{name}"))).collect()
});

/// Shortest text on which two patterns can differ is no longer than the sum of their lengths; six characters
/// suffice for exactness only if both are short.
const EXACT: usize = 3;

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn resource_match_is_the_oracles(pattern in policies::resource_text()) {
        let engine = ResourcePattern::new(pattern.as_str());
        for arn in RESOURCES.iter() {
            prop_assert_eq!(engine.matches(arn), resource_matches(&pattern, arn), "{} {}", pattern, arn);
        }
    }

    #[test]
    fn action_match_is_the_oracles(pattern in policies::action()) {
        for action in ACTIONS.iter() {
            prop_assert_eq!(pattern.matches(action), action_matches(pattern.as_str(), action), "{} {}", pattern, action);
        }
    }

    #[test]
    fn resource_relations_hold_on_every_text(a in policies::resource_text(), b in policies::resource_text()) {
        let (x, y) = (ResourcePattern::new(a.as_str()), ResourcePattern::new(b.as_str()));
        let both = RESOURCES.iter().find(|arn| resource_matches(&a, arn) && resource_matches(&b, arn));
        let only_b = RESOURCES.iter().find(|arn| !resource_matches(&a, arn) && resource_matches(&b, arn));
        prop_assert!(!(x.covers(&y) && only_b.is_some()), "{} covers {} but for {:?}", a, b, only_b);
        prop_assert!(x.intersects(&y) || both.is_none(), "{} and {} share {:?}", a, b, both);
        prop_assert_eq!(x.intersects(&y), y.intersects(&x));
        if a.len().max(b.len()) <= EXACT {
            prop_assert_eq!(x.covers(&y), only_b.is_none(), "{} covers {}", a, b);
            prop_assert_eq!(x.intersects(&y), both.is_some(), "{} intersects {}", a, b);
        }
    }

    #[test]
    fn action_relations_hold_on_every_text(a in policies::action(), b in policies::action()) {
        let both = ACTIONS.iter().find(|action| a.matches(action) && b.matches(action));
        let only_b = ACTIONS.iter().find(|action| !a.matches(action) && b.matches(action));
        prop_assert!(!(a.covers(&b) && only_b.is_some()), "{} covers {} but for {:?}", a, b, only_b);
        prop_assert!(a.intersects(&b) || both.is_none(), "{} and {} share {:?}", a, b, both);
    }

    /// Both sides get the same values for the same variables; `may_match` and `matches` bracket them all.
    #[test]
    fn relations_hold_for_every_value_of_variables(
        a in policies::resource_text_with_variables(),
        b in policies::resource_text_with_variables(),
        v in policies::text(&['a', 'b', ':', 'x'], 3),
        w in policies::text(&['a', 'b', ':', 'x'], 3),
    ) {
        let (x, y) = (ResourcePattern::new(a.as_str()), ResourcePattern::new(b.as_str()));
        let (p, q) = (resolved(&a, &v, &w), resolved(&b, &v, &w));
        for arn in words(&['a', ':', 'x', '*'], 4).iter().chain([&v, &w]) {
            let (in_p, in_q) = (resolved_matches(&p, arn), resolved_matches(&q, arn));
            prop_assert!(!x.covers(&y) || !in_q || in_p, "{} covers {} but for {}", a, b, arn);
            prop_assert!(x.intersects(&y) || !in_p || !in_q, "{} and {} share {}", a, b, arn);
            prop_assert!(!x.matches(arn) || in_p, "{} matches {}", a, arn);
            prop_assert!(x.may_match(arn) || !in_p, "{} may match {}", a, arn);
        }
    }

    #[test]
    fn parse_of_emit_is_the_document(document in policies::document()) {
        for text in [document.to_json_compact(), document.to_json_pretty()] {
            let parsed = PolicyDocument::parse(&text).unwrap();
            prop_assert_eq!(&parsed, &document);
            prop_assert_eq!(parsed.to_value(), document.to_value());
        }
        prop_assert_eq!(document.size(), document.to_json_compact().chars().count());
        let frame = PolicyDocument { statements: OneOrMany::Many(vec![]), ..document.clone() }.size();
        if let OneOrMany::Many(list) = &document.statements {
            let sum: usize = list.iter().map(Statement::size).sum();
            prop_assert_eq!(document.size(), frame + sum + list.len() - 1);
        }
    }

    #[test]
    fn canonical_is_idempotent_and_decides_the_same(document in policies::document(), request in request()) {
        let canonical = document.canonical();
        prop_assert_eq!(&canonical.canonical(), &canonical);
        prop_assert_eq!(canonical.statements.len(), document.statements.len());
        for (a, b) in document.statements.iter().zip(&canonical.statements) {
            prop_assert_eq!(oracle_statement::matches(a, &request), oracle_statement::matches(b, &request));
        }
    }

    #[test]
    fn conditions_cover_only_what_they_imply(
        a in policies::condition(),
        b in policies::condition(),
        extra in policies::constraint(),
        one in policies::context_values(),
        two in policies::context_values(),
    ) {
        let context = context(one, two);
        let met = |block: &ConditionBlock| condition::is_met(block, &context);
        prop_assert!(a.covers(&a));
        prop_assert!(a.covers(&a.canonical()) && a.canonical().covers(&a));
        prop_assert!(!a.covers(&b) || !met(&b) || met(&a), "{:?} covers {:?} but for {:?}", a, b, context);
        let (operator, key, values) = extra;
        let more = a.with(&operator, &key, values.clone());
        let single = ConditionBlock::of(&operator, &key, values);
        prop_assert!(!met(&more) || (met(&a) && met(&single)), "{:?} is wider than {:?} and {:?}", more, a, single);
    }

    /// Two constraints on one key are the interesting case; random blocks rarely hold it.
    #[test]
    fn single_constraints_cover_only_what_they_imply(
        a in policies::constraint(),
        b in policies::constraint(),
        contexts in prop::collection::vec(policies::context_values(), 40),
    ) {
        let (x, y) = (ConditionBlock::of(&a.0, "k:One", a.2), ConditionBlock::of(&b.0, "k:One", b.2));
        if x.covers(&y) {
            for one in contexts {
                let context = context(one, vec![]);
                prop_assert!(
                    !condition::is_met(&y, &context) || condition::is_met(&x, &context),
                    "{:?} covers {:?} but for {:?}", x, y, context
                );
            }
        }
    }

    /// Clause by clause the negated forms meet often enough to matter.
    #[test]
    fn clauses_cover_only_what_they_are_about(a in policies::statement(), b in policies::statement()) {
        let short = |text: &&String| text.len() <= 5;
        if a.action.covers_clause(&b.action) {
            for action in ACTIONS.iter().filter(short) {
                prop_assert!(!b.action.matches(action) || a.action.matches(action), "{:?} {:?} {}", a, b, action);
            }
        }
        let (Some(x), Some(y)) = (&a.resource, &b.resource) else { return Ok(()) };
        let covered = x.covers_clause(y);
        let pattern = y.patterns().first().filter(|_| !y.is_negated());
        for arn in RESOURCES.iter().filter(short) {
            let (in_x, in_y) = (x.matches(arn), y.matches(arn));
            prop_assert!(!covered || !in_y || in_x, "{:?} covers {:?} but for {}", x, y, arn);
            if let Some(pattern) = pattern.filter(|pattern| pattern.matches(arn)) {
                prop_assert!(!x.covers(pattern) || in_x, "{:?} covers {} but for {}", x, pattern, arn);
                prop_assert!(x.intersects(pattern) || !in_x, "{:?} and {} share {}", x, pattern, arn);
            }
        }
    }

    #[test]
    fn statements_cover_only_what_they_allow(
        a in policies::statement(),
        b in policies::statement(),
        requests in prop::collection::vec(request(), 16),
    ) {
        prop_assert_eq!(a.covers(&a), a.effect == Effect::Allow);
        if a.covers(&b) {
            for request in &requests {
                let (in_a, in_b) = (oracle_statement::matches(&a, request), oracle_statement::matches(&b, request));
                prop_assert!(!in_b || in_a, "{:?} covers {:?} but for {:?}", a, b, request);
            }
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in ".{0,64}") {
        let _ = PolicyDocument::parse(&text);
        let pattern = ResourcePattern::new(text.as_str());
        prop_assert!(pattern.covers(&pattern));
        let literal = ResourcePattern::without_variables(text.as_str());
        prop_assert_eq!(literal.matches("a"), literal.to_version_2012().matches("a"));
    }
}

/// A pattern element after its variables got values: values are plain text, `None` is a wildcard's place.
fn resolved(pattern: &str, v: &str, w: &str) -> Vec<Piece> {
    let mut out = Vec::new();
    let mut rest = pattern;
    while !rest.is_empty() {
        let pieces = [("${v}", v), ("${w}", w), ("${*}", "*"), ("${?}", "?"), ("${$}", "$")];
        if let Some((name, value)) = pieces.iter().find(|(name, _)| rest.starts_with(name)) {
            out.push(Piece::Plain((*value).to_owned()));
            rest = &rest[name.len()..];
            continue;
        }
        let (first, tail) = rest.split_at(1);
        out.push(match first {
            "*" => Piece::Star {
                across: tail.is_empty() || tail.starts_with(':') || tail.starts_with('*') && star_run_ends(tail),
            },
            "?" => Piece::One,
            _ => Piece::Plain(first.to_owned()),
        });
        rest = tail;
    }
    out
}

fn star_run_ends(tail: &str) -> bool {
    let rest = tail.trim_start_matches('*');
    rest.is_empty() || rest.starts_with(':')
}

enum Piece {
    Plain(String),
    One,
    Star { across: bool },
}

fn resolved_matches(pieces: &[Piece], text: &str) -> bool {
    let Some((first, rest)) = pieces.split_first() else { return text.is_empty() };
    match first {
        Piece::Plain(plain) => text.strip_prefix(plain.as_str()).is_some_and(|text| resolved_matches(rest, text)),
        Piece::One => !text.is_empty() && !text.starts_with(':') && resolved_matches(rest, &text[1..]),
        Piece::Star { across } => (0..=text.len())
            .take_while(|&at| *across || !text[..at].contains(':'))
            .any(|at| resolved_matches(rest, &text[at..])),
    }
}

fn context(one: Vec<String>, two: Vec<String>) -> BTreeMap<String, Vec<String>> {
    BTreeMap::from([("k:one".to_owned(), one), ("k:two".to_owned(), two)])
}

fn request() -> impl Strategy<Value = Request> {
    let action = (prop::sample::select(vec!["s", "t"]), policies::text(&['a', 'b', 'A'], 3))
        .prop_map(|(prefix, name)| format!("{prefix}:a{name}"));
    let resource = policies::text(&['a', 'b', ':'], 4);
    (action, resource, policies::context_values(), policies::context_values())
        .prop_map(|(action, resource, one, two)| Request { action, resource, context: context(one, two) })
}
