//! Generators of policies for property tests.
//!
//! Alphabets are tiny, so that patterns meet, cover and just miss each other all the time.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use whittle_policy::{
    ActionClause, ActionPattern, ConditionBlock, Effect, OneOrMany, PolicyDocument, PrincipalClause, PrincipalKind,
    Principals, ResourceClause, ResourcePattern, Statement, Version,
};

/// Text of up to `longest` characters of `alphabet`.
pub fn text(alphabet: &'static [char], longest: usize) -> impl Strategy<Value = String> {
    vec(select(alphabet), 0..=longest).prop_map(String::from_iter)
}

/// Pattern of a resource over `a`, `b`, `/` and colons.
pub fn resource_text() -> impl Strategy<Value = String> {
    text(&['a', 'a', 'b', ':', ':', '*', '*', '?'], 7)
}

/// [`resource_text`] as a pattern.
pub fn resource() -> impl Strategy<Value = ResourcePattern> {
    resource_text().prop_map(ResourcePattern::new)
}

/// Pattern of a resource with policy variables in it.
pub fn resource_text_with_variables() -> impl Strategy<Value = String> {
    let pieces = vec!["a", "b", ":", "*", "?", "${v}", "${w}", "${*}", "${?}", "${$}"];
    vec(select(pieces), 0..=6).prop_map(|pieces| pieces.concat())
}

/// An action pattern over two services and a few letters, in either case.
pub fn action() -> impl Strategy<Value = ActionPattern> {
    let name = text(&['a', 'A', 'b', '*', '?'], 5).prop_filter("a name", |name| !name.is_empty());
    let with_prefix = (select(vec!["s", "S", "t"]), name).prop_map(|(prefix, name)| format!("{prefix}:{name}"));
    let text = prop_oneof![9 => with_prefix, 1 => Just("*".to_owned())];
    text.prop_filter_map("an action", |text| text.parse().ok())
}

/// A value or a list of up to three.
pub fn one_or_many<T: std::fmt::Debug + Clone>(of: impl Strategy<Value = T>) -> impl Strategy<Value = OneOrMany<T>> {
    (vec(of, 1..=3), any::<bool>()).prop_map(|(mut values, one)| match values.pop() {
        Some(value) if one => OneOrMany::One(value),
        last => OneOrMany::Many(values.into_iter().chain(last).collect()),
    })
}

/// One constraint that the oracle can decide: operator, key, values.
pub fn constraint() -> impl Strategy<Value = (String, String, Vec<String>)> {
    const STRINGS: &[&str] = &[
        "StringEquals",
        "StringNotEquals",
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
        "StringLike",
        "StringNotLike",
    ];
    const ARNS: &[&str] = &["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"];
    const NUMBERS: &[&str] = &[
        "NumericEquals",
        "NumericNotEquals",
        "NumericLessThan",
        "NumericLessThanEquals",
        "NumericGreaterThan",
        "NumericGreaterThanEquals",
    ];
    const DATES: &[&str] =
        &["DateEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals"];
    let operator = prop_oneof![
        6 => (select(STRINGS), vec(text(&['a', 'A', '*', '?'], 3), 1..=2)),
        2 => (select(ARNS), vec(select(vec!["a:a:a:a:a:a", "a:a:a:a:a:*", "a:a:*:a:a:a", "a:?:a:a:a:a*", "*", "a:a:a:a:a:a:a", "a:a:a:a:a:a*a"]).prop_map(str::to_owned), 1..=2)),
        2 => (select(NUMBERS), vec((0..3).prop_map(|n: i32| n.to_string()), 1..=2)),
        1 => (select(DATES), vec((1..4).prop_map(|n: i32| format!("2026-01-0{n}T00:00:00Z")), 1..=2)),
        1 => (Just("Bool"), vec(select(vec!["true", "false", "True"]).prop_map(str::to_owned), 1..=1)),
        2 => (select(&["IpAddress", "NotIpAddress"][..]), vec(select(vec!["10.0.0.0/8", "10.0.0.0/31", "10.0.0.1", "0.0.0.0/0", "::/0"]).prop_map(str::to_owned), 1..=2)),
        2 => (Just("Null"), vec(select(vec!["true", "false"]).prop_map(str::to_owned), 1..=1)),
    ];
    let set = select(vec!["", "", "", "ForAllValues:", "ForAnyValue:"]);
    let suffix = select(vec!["", "", "IfExists"]);
    (set, operator, suffix, select(vec!["k:One", "K:one", "k:Two"])).prop_map(
        |(set, (operator, values), suffix, key)| {
            let operator = if operator == "Null" { operator.to_owned() } else { format!("{set}{operator}{suffix}") };
            (operator, key.to_owned(), values)
        },
    )
}

/// Values that a request may carry for the keys of [`constraint`]: missing, one, or two.
pub fn context_values() -> impl Strategy<Value = Vec<String>> {
    let value = prop_oneof![
        3 => text(&['a', 'A', 'b'], 3),
        1 => select(vec!["a:a:a:a:a:a", "a:a:b:a:a:a", "a:a:a:a:a:a:a", "a:b:a:a:a:ab"]).prop_map(str::to_owned),
        1 => (0..4).prop_map(|n: i32| n.to_string()),
        1 => (1..5).prop_map(|n: i32| format!("2026-01-0{n}T00:00:00Z")),
        1 => select(vec!["true", "false"]).prop_map(str::to_owned),
        1 => select(vec!["10.0.0.0", "10.0.0.1", "10.0.0.2", "11.0.0.0", "::1"]).prop_map(str::to_owned),
    ];
    vec(value, 0..=2)
}

/// A block of up to three constraints.
pub fn condition() -> impl Strategy<Value = ConditionBlock> {
    vec(constraint(), 0..=3).prop_map(|constraints| {
        let empty = ConditionBlock::default();
        constraints
            .iter()
            .fold(empty, |block, (operator, key, values)| block.with(operator, key, values.iter().cloned()))
    })
}

/// An identity-policy statement without variables.
pub fn statement() -> impl Strategy<Value = Statement> {
    let sid = prop::option::of(text(&['a', 'b', '1'], 3));
    let effect = select(vec![Effect::Allow, Effect::Allow, Effect::Deny]);
    let action = (one_or_many(action()), prop::bool::weighted(0.2))
        .prop_map(|(list, not)| if not { ActionClause::NotAction(list) } else { ActionClause::Action(list) });
    let resource = (one_or_many(resource()), prop::bool::weighted(0.2))
        .prop_map(|(list, not)| if not { ResourceClause::NotResource(list) } else { ResourceClause::Resource(list) });
    (sid, effect, action, resource, prop_oneof![2 => Just(ConditionBlock::default()), 1 => condition()]).prop_map(
        |(sid, effect, action, resource, condition)| Statement {
            sid,
            effect,
            principal: None,
            action,
            resource: Some(resource),
            condition,
        },
    )
}

/// Who, in every form that parses.
pub fn principal() -> impl Strategy<Value = PrincipalClause> {
    let names = one_or_many(select(vec!["*", "111122223333", "lambda.amazonaws.com"]).prop_map(str::to_owned));
    let by_kind = vec((select(&PrincipalKind::ALL[..]), names), 1..=3).prop_map(|mut by_kind| {
        by_kind.sort();
        by_kind.dedup_by_key(|(kind, _)| *kind);
        Principals::ByKind(by_kind)
    });
    (prop_oneof![Just(Principals::Everyone), by_kind], any::<bool>())
        .prop_map(|(who, not)| if not { PrincipalClause::NotPrincipal(who) } else { PrincipalClause::Principal(who) })
}

/// A document, with principals now and then.
pub fn document() -> impl Strategy<Value = PolicyDocument> {
    let version = select(vec![None, Some(Version::V2008), Some(Version::V2012), Some(Version::V2012)]);
    let statement = (statement(), prop::option::weighted(0.2, principal()))
        .prop_map(|(statement, principal)| Statement { principal, ..statement });
    (version, prop::option::of(text(&['a', ' ', '"', 'é'], 3)), one_or_many(statement))
        .prop_map(|(version, id, statements)| PolicyDocument { version, id, statements })
}
