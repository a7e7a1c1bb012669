//! A widening and a narrowing of random roles is never missed, decided by the literal oracle; rewriting is
//! neither.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use whittle_analysis::drift::{DriftEvidence, RoleBaseline, compare_role};
use whittle_analysis::inventory::{Role, RolePolicy};
use whittle_analysis::result::Finding;
use whittle_evidence::ledger::Ledger;
use whittle_policy::{
    ActionClause, ActionPattern, ConditionBlock, Effect, OneOrMany, PolicyDocument, ResourceClause, ResourcePattern,
    Statement,
};
use whittle_testkit::oracle::{self, Request};

const PATTERNS: &[&str] = &["*", "s3:*", "s3:Get*", "s3:GetObject", "s3:PutObject", "S3:putobject", "sqs:SendMessage"];
const ACTIONS: &[&str] = &["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "sqs:SendMessage"];
const RESOURCES: &[&str] = &["*", "arn:aws:s3:::a/*", "arn:aws:s3:::a/x*", "arn:aws:s3:::b/*", "arn:aws:sqs:*:*:q"];
const ARNS: &[&str] = &["arn:aws:s3:::a/x1", "arn:aws:s3:::a/y", "arn:aws:s3:::b/z", "arn:aws:sqs:eu-west-1:1:q"];

fn statement() -> impl Strategy<Value = Statement> {
    let actions = (vec(select(PATTERNS), 1..=2), prop::bool::weighted(0.1)).prop_map(|(patterns, negated)| {
        let list: Vec<ActionPattern> = patterns.into_iter().map(|text| text.parse().unwrap()).collect();
        if negated { ActionClause::NotAction(list.into()) } else { ActionClause::Action(list.into()) }
    });
    let resources = (vec(select(RESOURCES), 1..=2), prop::bool::weighted(0.1)).prop_map(|(patterns, negated)| {
        let list: Vec<ResourcePattern> = patterns.into_iter().map(ResourcePattern::new).collect();
        if negated { ResourceClause::NotResource(list.into()) } else { ResourceClause::Resource(list.into()) }
    });
    (actions, resources, prop::option::weighted(0.3, select(vec!["a", "b"])), prop::bool::weighted(0.25)).prop_map(
        |(action, resource, team, deny)| Statement {
            sid: None,
            effect: if deny { Effect::Deny } else { Effect::Allow },
            principal: None,
            action,
            resource: Some(resource),
            condition: team.map_or_else(ConditionBlock::default, |team| {
                ConditionBlock::of("StringEquals", "aws:PrincipalTag/team", [team])
            }),
        },
    )
}

fn role() -> impl Strategy<Value = Role> {
    let boundary = prop::option::weighted(0.3, vec(statement(), 1..=2));
    (vec(vec(statement(), 1..=3), 1..=2), boundary).prop_map(|(policies, boundary)| Role {
        policies: policies.into_iter().enumerate().map(|(index, statements)| policy(index, statements)).collect(),
        has_boundary: boundary.is_some(),
        boundary: boundary.map(PolicyDocument::new),
        ..Role::new("arn:aws:iam::111122223333:role/r".parse().unwrap(), "AROAEXAMPLEEXAMPLE001".parse().unwrap())
    })
}

fn policy(index: usize, statements: Vec<Statement>) -> RolePolicy {
    RolePolicy::inline(format!("p{index}"), PolicyDocument::new(statements))
}

/// IAM User Guide, "Policy evaluation logic", within one account: an Allow of both, and a Deny of neither.
fn allows(role: &Role, request: &Request) -> bool {
    let any = |effect: Effect, documents: &[&PolicyDocument]| {
        documents
            .iter()
            .flat_map(|document| document.statements.iter())
            .any(|statement| statement.effect == effect && oracle::statement::matches(statement, request))
    };
    let identity: Vec<&PolicyDocument> = role.policies.iter().map(|policy| &policy.document).collect();
    let boundary: Vec<&PolicyDocument> = role.boundary.iter().collect();
    any(Effect::Allow, &identity)
        && (boundary.is_empty() || any(Effect::Allow, &boundary))
        && !any(Effect::Deny, &identity)
        && !any(Effect::Deny, &boundary)
}

fn requests() -> Vec<Request> {
    let mut out = Vec::new();
    for action in ACTIONS {
        for arn in ARNS {
            for team in [None, Some("a"), Some("b")] {
                let context: BTreeMap<String, Vec<String>> =
                    team.map(|team| ("aws:principaltag/team".to_owned(), vec![team.to_owned()])).into_iter().collect();
                out.push(Request { action: (*action).to_owned(), resource: (*arn).to_owned(), context });
            }
        }
    }
    out
}

fn next(role: &Role, baseline: Option<&RoleBaseline>) -> (Vec<Finding>, RoleBaseline) {
    let ledger = Ledger::default();
    let now = "2026-11-21T06:00:00Z".parse().unwrap();
    let (findings, next) = compare_role(role, &[], baseline, DriftEvidence { ledger: &ledger, now });
    (findings, next.unwrap())
}

proptest! {
    // `*` stands for some 20,000 actions: a case takes its time.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_change_of_what_a_role_may_do_is_missed(before in role(), after in role()) {
        let (_, first) = next(&before, None);
        let (findings, second) = next(&after, Some(&first));
        for request in requests() {
            let (was, is) = (allows(&before, &request), allows(&after, &request));
            if is && !was {
                let added = second.widened.as_ref().map(|widening| widening.actions.as_slice()).unwrap_or_default();
                prop_assert!(added.iter().any(|added| added.action == request.action), "{request:?} {added:?}");
                prop_assert!(findings.iter().any(|finding| finding.code == "privilege-widened"));
            }
            if was && !is {
                prop_assert!(!second.earlier.is_empty(), "{request:?}");
            }
        }
        prop_assert_eq!(next(&after, Some(&second)), (findings, second));
    }

    /// Statements in another order, one for each action and resource, in other policies.
    #[test]
    fn rewriting_a_role_is_no_change(role in role()) {
        let mut pieces = Vec::new();
        for statement in role.policies.iter().flat_map(|policy| policy.document.statements.iter()) {
            let (ActionClause::Action(actions), Some(ResourceClause::Resource(resources))) =
                (&statement.action, &statement.resource)
            else {
                pieces.push(statement.clone());
                continue;
            };
            for action in actions {
                for resource in resources {
                    pieces.push(Statement {
                        action: ActionClause::Action(OneOrMany::One(action.clone())),
                        resource: Some(ResourceClause::Resource(OneOrMany::One(resource.clone()))),
                        ..statement.clone()
                    });
                }
            }
        }
        pieces.reverse();
        let rewritten = Role {
            policies: pieces.chunks(2).enumerate().map(|(index, some)| policy(index, some.to_vec())).collect(),
            ..role.clone()
        };
        for (one, two) in [(&role, &rewritten), (&rewritten, &role)] {
            let (_, first) = next(one, None);
            let (findings, second) = next(two, Some(&first));
            prop_assert_eq!((findings, second.widened, second.earlier), (vec![], None, vec![]));
        }
    }
}
