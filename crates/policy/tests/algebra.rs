//! Algebra, minification and prepared evaluation against the literal oracle, on random policies and requests.

use std::collections::BTreeMap;

use proptest::prelude::*;
use whittle_policy::algebra::{GrantSet, Proof, effective};
use whittle_policy::evaluate::{Policy, PolicySets, PreparedPolicies, evaluate};
use whittle_policy::minify::{KnownActions, minify, shorten_actions};
use whittle_policy::pack::pack;
use whittle_policy::{Effect, PolicyDocument, Statement, evaluate as engine};
use whittle_testkit::oracle::{Request, statement as oracle};
use whittle_testkit::policies;

proptest! {
    #![proptest_config(ProptestConfig { cases: 768, ..ProptestConfig::default() })]

    #[test]
    fn sets_hold_what_the_oracle_allows(
        a in document(), b in document(), requests in prop::collection::vec(request(), 24),
    ) {
        let (x, y) = (GrantSet::of([&a]), GrantSet::of([&b]));
        let (difference, common) = (x.difference(&y).unwrap(), x.intersection(&y).unwrap());
        let (covers, meets) = (y.covers(&x), x.intersects(&y));
        let limited = effective([&a], Some(&b), &[vec![&b], vec![&a]]).unwrap();
        for request in &requests {
            let (in_a, in_b) = (allows(&a, request), allows(&b, request));
            let asked = asked(request);
            prop_assert_eq!(x.contains(&asked), in_a);
            prop_assert_eq!(difference.contains(&asked), in_a && !in_b, "{:?} less {:?}", a, b);
            prop_assert_eq!(common.contains(&asked), in_a && in_b, "{:?} and {:?}", a, b);
            prop_assert_eq!(limited.contains(&asked), in_a && in_b);
            prop_assert!(covers != Proof::Yes || !in_a || in_b, "{:?} is covered by {:?} but for {:?}", a, b, request);
            prop_assert!(meets != Proof::No || !in_a || !in_b, "{:?} meets {:?} in {:?}", a, b, request);
        }
    }

    /// A witness that tells two sets apart is in one of them only, says the oracle.
    #[test]
    fn witnesses_are_in_their_set(a in document(), b in document()) {
        let (x, y) = (GrantSet::of([&a]), GrantSet::of([&b]));
        let difference = x.difference(&y).unwrap();
        let witness = difference.witness();
        prop_assert_eq!(y.covers(&x) == Proof::No, witness.is_some());
        if let Some(request) = witness {
            let request = told(&request);
            prop_assert!(allows(&a, &request) && !allows(&b, &request), "{:?} {:?} {:?}", a, b, request);
        }
        prop_assert_ne!(x.covers(&x), Proof::No);
    }

    #[test]
    fn minified_policies_decide_the_same(
        a in document(), requests in prop::collection::vec(request(), 24),
    ) {
        let merged: Vec<Statement> = minify(a.statements.as_slice()).into_iter().map(|merged| merged.statement).collect();
        prop_assert!(merged.len() <= a.statements.len());
        let again: Vec<Statement> = minify(&merged).into_iter().map(|merged| merged.statement).collect();
        prop_assert_eq!(&again, &merged, "minify is idempotent");
        let small = PolicyDocument::new(merged);
        for request in &requests {
            for effect in [Effect::Allow, Effect::Deny] {
                prop_assert_eq!(matches(&a, effect, request), matches(&small, effect, request), "{:?} {:?}", small, request);
            }
        }
    }

    /// Limits so tight that everything is split.
    #[test]
    fn packed_policies_decide_the_same(
        a in document(), limit in 120_usize..400, requests in prop::collection::vec(request(), 16),
    ) {
        let packed: Vec<Statement> =
            pack(a.statements.as_slice(), limit).into_iter().flatten().map(|placed| placed.statement).collect();
        let packed = PolicyDocument::new(packed);
        for request in &requests {
            for effect in [Effect::Allow, Effect::Deny] {
                prop_assert_eq!(matches(&a, effect, request), matches(&packed, effect, request));
            }
        }
    }

    #[test]
    fn shortened_actions_match_what_was_matched(
        names in prop::collection::btree_set("[st]:(Get|Put)(A|B|Ab)?(C|D)?", 1..8),
        others in prop::collection::btree_set("[st]:(Get|Put)(A|B|Ab)?(C|D)?", 0..8),
    ) {
        let patterns: Vec<whittle_policy::ActionPattern> = names.iter().map(|name| name.parse().unwrap()).collect();
        let statement = Statement::allow(patterns, whittle_policy::ResourcePattern::new("*"));
        let known: KnownActions = names.iter().chain(&others).map(String::as_str).collect();
        if let Some(shorter) = shorten_actions(&statement, &known, |_| true) {
            prop_assert!(shorter.size() < statement.size());
            for action in names.iter().chain(&others) {
                prop_assert_eq!(statement.action.matches(action), shorter.action.matches(action), "{}", action);
            }
        }
    }

    #[test]
    fn prepared_policies_decide_as_others(
        a in document(), b in document(), c in document(), requests in prop::collection::vec(request(), 16),
    ) {
        let policy = |document| Policy { name: "p", document };
        let sets = PolicySets {
            identity: vec![policy(&a), policy(&b)],
            boundaries: vec![policy(&c)],
            service_control: vec![vec![policy(&b)], vec![policy(&a), policy(&c)]],
            ..PolicySets::default()
        };
        let prepared = PreparedPolicies::new(&sets);
        for request in &requests {
            let request = asked(request);
            let decision = evaluate(&request, &sets);
            prop_assert_eq!(prepared.outcome(&request), decision.outcome);
            prop_assert_eq!(prepared.evaluate(&request), decision);
        }
    }
}

fn matches(document: &PolicyDocument, effect: Effect, request: &Request) -> bool {
    document.statements.iter().any(|statement| statement.effect == effect && oracle::matches(statement, request))
}

fn allows(document: &PolicyDocument, request: &Request) -> bool {
    matches(document, Effect::Allow, request) && !matches(document, Effect::Deny, request)
}

fn asked(request: &Request) -> engine::Request {
    let context = request.context.iter().map(|(key, values)| (key.as_str(), values.clone())).collect();
    let who = "arn:aws:iam::111122223333:role/r";
    engine::Request { context, ..engine::Request::new(who, request.action.as_str(), request.resource.as_str()) }
}

fn told(request: &engine::Request) -> Request {
    let context = request.context.iter().map(|(key, values)| (key.to_owned(), values.to_vec()));
    let mut context: BTreeMap<String, Vec<String>> = context.collect();
    for key in ["k:one", "k:two"] {
        context.entry(key.to_owned()).or_default();
    }
    Request { action: request.action.clone(), resource: request.resource.clone(), context }
}

fn document() -> impl Strategy<Value = PolicyDocument> {
    prop::collection::vec(policies::statement(), 1..=4).prop_map(PolicyDocument::new)
}

fn request() -> impl Strategy<Value = Request> {
    let action = (prop::sample::select(vec!["s", "t"]), policies::text(&['a', 'b', 'A'], 3))
        .prop_map(|(prefix, name)| format!("{prefix}:a{name}"));
    let resource = policies::text(&['a', 'b', ':'], 4);
    (action, resource, policies::context_values(), policies::context_values()).prop_map(
        |(action, resource, one, two)| Request {
            action,
            resource,
            context: BTreeMap::from([("k:one".to_owned(), one), ("k:two".to_owned(), two)]),
        },
    )
}
