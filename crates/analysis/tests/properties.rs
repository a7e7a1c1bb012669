//! Invariants 1, 2 and 4 on random policies, usage and blind spots, decided by the literal oracle: it shares
//! no code with the engine that builds and proves suggestions.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use whittle_analysis::decide::{UnseenUse, decide};
use whittle_analysis::grants::{GrantStatement, Grants};
use whittle_analysis::inventory::{Role, RolePolicy};
use whittle_analysis::need::{ActionUsage, SubjectUsage, UseBasis};
use whittle_analysis::needs::{self, NeedContext};
use whittle_analysis::observability::ObservabilityCheck;
use whittle_analysis::reason::{KeepReason, UnseenReason};
use whittle_analysis::result::{SuggestedPolicy, Verdict};
use whittle_analysis::window::ObservationWindow;
use whittle_analysis::{proof, suggest};
use whittle_catalog::{ActionId, catalog};
use whittle_evidence::ledger::DaySet;
use whittle_policy::{
    ActionClause, ConditionBlock, Effect, OneOrMany, PolicyDocument, ResourceClause, ResourcePattern, Statement,
};
use whittle_testkit::oracle::{self, Request};

const ACTION_PATTERNS: &[&str] = &[
    "sqs:*",
    "sqs:Send*",
    "sqs:SendMessage",
    "SQS:receivemessage",
    "sqs:Get*",
    "s3:Get*",
    "s3:GetObject",
    "s3:PutObject",
    "s3:*Object",
    "s3:ListBucket",
    "kms:Decrypt",
    "kms:*",
    "dynamodb:Query",
    "dynamodb:*Item",
    "nosuch:Thing",
];

const ACTIONS: &[&str] = &[
    "sqs:SendMessage",
    "sqs:ReceiveMessage",
    "sqs:GetQueueUrl",
    "sqs:DeleteQueue",
    "s3:GetObject",
    "s3:PutObject",
    "s3:ListBucket",
    "s3:DeleteObject",
    "kms:Decrypt",
    "kms:Encrypt",
    "dynamodb:Query",
    "dynamodb:PutItem",
];

const RESOURCE_PATTERNS: &[&str] = &[
    "*",
    "arn:aws:sqs:*:*:*",
    "arn:aws:sqs:eu-west-1:111122223333:orders*",
    "arn:aws:sqs:eu-west-1:111122223333:orders",
    "arn:aws:s3:::shop",
    "arn:aws:s3:::shop/*",
    "arn:aws:s3:::shop/in/*",
    "arn:aws:s3:::*/in/?",
    "arn:aws:kms:eu-west-1:111122223333:key/*",
    "arn:aws:dynamodb:*:111122223333:table/*",
    "arn:aws:s3:::${aws:PrincipalTag/team}/*",
];

const ARNS: &[&str] = &[
    "arn:aws:sqs:eu-west-1:111122223333:orders",
    "arn:aws:sqs:eu-west-1:111122223333:orders-dead",
    "arn:aws:sqs:us-east-1:111122223333:bills",
    "arn:aws:s3:::shop",
    "arn:aws:s3:::shop/in/a",
    "arn:aws:s3:::shop/out/b",
    "arn:aws:s3:::other/in/a",
    "arn:aws:kms:eu-west-1:111122223333:key/1",
    "arn:aws:dynamodb:eu-west-1:111122223333:table/orders",
    "arn:aws:dynamodb:eu-west-1:111122223333:table/orders/index/by-day",
];

/// A [`ObservabilityCheck`] that answers from a set of (action, pattern) numbers.
struct Blind {
    unseen: BTreeSet<usize>,
}

fn spot(action: ActionId, pattern: &ResourcePattern) -> usize {
    (action.index() * 31 + pattern.as_str().bytes().map(usize::from).sum::<usize>()) % 16
}

impl ObservabilityCheck for Blind {
    fn unseen(&self, action: ActionId, pattern: &ResourcePattern) -> Option<UnseenReason> {
        self.unseen.contains(&spot(action, pattern)).then_some(UnseenReason::NoEvidence)
    }

    fn recently_granted(&self, _: &GrantStatement<'_>, _: ActionId) -> Option<KeepReason> {
        None
    }

    fn cleared_by_last_accessed(&self, _: ActionId) -> Option<String> {
        None
    }

    fn window_days(&self, _: ActionId) -> u32 {
        90
    }
}

fn statement() -> impl Strategy<Value = Statement> {
    let actions = (vec(select(ACTION_PATTERNS), 1..=3), prop::bool::weighted(0.03)).prop_map(|(patterns, negated)| {
        let list: Vec<_> = patterns.into_iter().map(|text| text.parse().unwrap()).collect();
        if negated {
            ActionClause::NotAction(OneOrMany::from(list))
        } else {
            ActionClause::Action(OneOrMany::from(list))
        }
    });
    let resources =
        (vec(select(RESOURCE_PATTERNS), 1..=2), prop::bool::weighted(0.1)).prop_map(|(patterns, negated)| {
            let list: Vec<_> = patterns.into_iter().map(ResourcePattern::new).collect();
            if negated {
                ResourceClause::NotResource(OneOrMany::from(list))
            } else {
                ResourceClause::Resource(OneOrMany::from(list))
            }
        });
    let condition = prop::option::weighted(0.3, select(vec!["team-a", "team-b"])).prop_map(|value| match value {
        Some(value) => ConditionBlock::of("StringEquals", "aws:PrincipalTag/team", [value]),
        None => ConditionBlock::default(),
    });
    (actions, resources, condition, prop::bool::weighted(0.15)).prop_map(|(action, resource, condition, deny)| {
        Statement {
            sid: None,
            effect: if deny { Effect::Deny } else { Effect::Allow },
            principal: None,
            action,
            resource: Some(resource),
            condition,
        }
    })
}

fn role() -> impl Strategy<Value = Role> {
    vec(vec(statement(), 1..=3), 1..=3).prop_map(|policies| Role {
        policies: policies
            .into_iter()
            .enumerate()
            .map(|(index, statements)| RolePolicy::inline(format!("p{index}"), PolicyDocument::new(statements)))
            .collect(),
        ..Role::new("arn:aws:iam::111122223333:role/r".parse().unwrap(), "AROAEXAMPLEEXAMPLE001".parse().unwrap())
    })
}

/// Uses: (action, ARNs that events named, whether some event named none).
fn usage() -> impl Strategy<Value = SubjectUsage> {
    let one = (subsequence(ARNS, 1..=2), prop::bool::weighted(0.15));
    prop::collection::btree_map(select(ACTIONS), one, 0..6).prop_map(|uses| {
        let time = "2026-10-01T00:00:00Z".parse().unwrap();
        let actions = uses
            .into_iter()
            .map(|(action, (arns, unnamed))| {
                let usage = ActionUsage {
                    first_seen: time,
                    last_seen: time,
                    days: DaySet::new(),
                    resources: arns.into_iter().map(ResourcePattern::new).collect(),
                    since: BTreeMap::new(),
                    unnamed,
                    basis: UseBasis::Primary,
                    via: BTreeSet::new(),
                    may_be_checked_by: BTreeSet::new(),
                    platform_only: false,
                    others_only: false,
                };
                (catalog().action(action).unwrap(), usage)
            })
            .collect();
        SubjectUsage { actions, ..SubjectUsage::default() }
    })
}

fn request(action: &str, resource: &str, team: Option<&str>, via: Option<&str>) -> Request {
    let mut context = BTreeMap::new();
    if let Some(team) = team {
        context.insert("aws:principaltag/team".to_owned(), vec![team.to_owned()]);
    }
    if let Some(via) = via {
        context.insert("kms:viaservice".to_owned(), vec![via.to_owned()]);
    }
    Request { action: action.to_owned(), resource: resource.to_owned(), context }
}

fn allows(documents: &[&PolicyDocument], request: &Request) -> bool {
    let matches = |effect: Effect| {
        documents
            .iter()
            .flat_map(|document| document.statements.iter())
            .any(|statement| statement.effect == effect && oracle::statement::matches(statement, request))
    };
    matches(Effect::Allow) && !matches(Effect::Deny)
}

fn documents(policies: &[SuggestedPolicy]) -> Vec<&PolicyDocument> {
    policies.iter().map(|policy| &policy.document).collect()
}

fn suggestion_of(role: &Role, usage: &SubjectUsage, watch: &Blind) -> (Vec<SuggestedPolicy>, Vec<(String, Verdict)>) {
    let grants = Grants::of(role);
    let known =
        NeedContext { partition: "aws", window: ObservationWindow::new(Some(0..90)), unseen: &UnseenUse::new() };
    let first = decide(&grants, &needs::collect(usage, &[], known), usage, watch);
    let needs = needs::collect(usage, &[], NeedContext { unseen: &first.unseen, ..known });
    let decision = decide(&grants, &needs, usage, watch);
    assert_eq!(decision.unseen, first.unseen, "needs change nothing about what could have been seen");
    let draft = suggest::draft(role, &grants, &decision, "whittle-r");
    let proved = proof::prove(role, &grants, &draft.policies, &needs, usage, watch);
    assert!(proved.proof.never_wider && proved.proof.never_too_narrow, "{:#?}", proved.failures);
    let verdicts = decision.rows.into_iter().map(|row| (row.action, row.verdict)).collect();
    (draft.policies, verdicts)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_suggestion_lies_between_the_needs_and_the_original(
        role in role(),
        usage in usage(),
        unseen in prop::collection::btree_set(0_usize..16, 0..12),
    ) {
        let watch = Blind { unseen };
        let (suggested, verdicts) = suggestion_of(&role, &usage, &watch);
        let original: Vec<_> = role.policies.iter().map(|policy| &policy.document).collect();
        let narrowed: Vec<_> = suggested.iter().map(|policy| &policy.document).collect();
        for action in ACTIONS {
            let id = catalog().action(action).unwrap();
            let used = usage.actions.get(&id);
            for arn in ARNS.iter().chain(&["*"]) {
                for team in [None, Some("team-a"), Some("shop")] {
                    let request = request(action, arn, team, None);
                    let (before, after) = (allows(&original, &request), allows(&narrowed, &request));
                    prop_assert!(before || !after, "wider: {action} on {arn} as {team:?}\n{suggested:#?}");
                    let needed = used.is_some_and(|used| {
                        used.unnamed || used.resources.iter().any(|resource| resource.as_str() == *arn)
                    });
                    prop_assert!(!needed || !before || after, "too narrow: {action} on {arn} as {team:?}\n{suggested:#?}");
                }
            }
        }
        // What the verdict calls unused is gone, and nothing else is.
        for (action, verdict) in &verdicts {
            let allowed = narrowed.iter().flat_map(|document| document.statements.iter()).any(|statement| {
                statement.effect == Effect::Allow && statement.action.matches(action)
            });
            if *verdict == Verdict::Unused {
                prop_assert!(!allowed, "{action} is called unused and still allowed");
            } else if *verdict != Verdict::Unknown {
                prop_assert!(allowed, "{action} is {} and not allowed", verdict.as_str());
            }
        }
    }

    #[test]
    fn what_could_have_gone_unseen_is_kept(
        role in role(),
        usage in usage(),
        unseen in prop::collection::btree_set(0_usize..16, 1..12),
    ) {
        let watch = Blind { unseen };
        let (suggested, _) = suggestion_of(&role, &usage, &watch);
        for policy in &role.policies {
            for statement in policy.document.statements.iter().filter(|statement| statement.effect == Effect::Allow) {
                let Some(ResourceClause::Resource(patterns)) = &statement.resource else { continue };
                for action in ACTIONS.iter().filter(|action| statement.action.matches(action)) {
                    let id = catalog().action(action).unwrap();
                    for pattern in patterns.iter().filter(|pattern| watch.unseen(id, pattern).is_some()) {
                        for arn in ARNS {
                            let own = Statement {
                                resource: Some(ResourceClause::Resource(OneOrMany::One(pattern.clone()))),
                                ..statement.clone()
                            };
                            for team in [None, Some("team-a"), Some("shop")] {
                                let request = request(action, arn, team, None);
                                let denied = role.policies.iter().flat_map(|policy| policy.document.statements.iter()).any(
                                    |other| other.effect == Effect::Deny && oracle::statement::matches(other, &request),
                                );
                                if oracle::statement::matches(&own, &request) && !denied {
                                    prop_assert!(
                                        allows(&documents(&suggested), &request),
                                        "{action} on {arn}: unseen and removed"
                                    );
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// Whatever the policy: a call that names its key by an alias is allowed on whichever key the alias
    /// stands for.
    #[test]
    fn a_key_behind_an_alias_may_be_another_one_tomorrow(role in role()) {
        let key = |id: &str| format!("arn:aws:kms:eu-west-1:111122223333:key/{id}");
        let time = "2026-10-01T00:00:00Z".parse().unwrap();
        let used = |resources: &[String]| ActionUsage {
            first_seen: time,
            last_seen: time,
            days: DaySet::new(),
            resources: resources.iter().map(|arn| ResourcePattern::new(arn.as_str())).collect(),
            since: BTreeMap::new(),
            unnamed: false,
            basis: UseBasis::Primary,
            via: BTreeSet::new(),
            may_be_checked_by: BTreeSet::new(),
            platform_only: false,
            others_only: false,
        };
        let alias = "arn:aws:kms:eu-west-1:111122223333:alias/orders".to_owned();
        let mut usage = SubjectUsage::default();
        usage.actions.insert(catalog().action("kms:Encrypt").unwrap(), used(&[key("1"), alias]));
        usage.actions.insert(catalog().action("kms:Decrypt").unwrap(), used(&[key("1")]));
        let (suggested, _) = suggestion_of(&role, &usage, &Blind { unseen: BTreeSet::new() });
        let original: Vec<&PolicyDocument> = role.policies.iter().map(|policy| &policy.document).collect();
        let call = |action: &str, id: &str, named: Option<&str>, aliases: &[&str]| {
            let mut request = request(action, &key(id), Some("team-a"), None);
            if let Some(named) = named {
                request.context.insert("kms:requestalias".to_owned(), vec![named.to_owned()]);
            }
            let aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
            request.context.insert("kms:resourcealiases".to_owned(), aliases);
            (allows(&original, &request), allows(&documents(&suggested), &request))
        };
        let own = &["alias/orders", "alias/other"][..];
        for (action, id, named, aliases) in [
            ("kms:Encrypt", "1", None, own),
            ("kms:Encrypt", "2", Some("alias/orders"), own),
            // The authorisation may not know yet that the alias moved.
            ("kms:Encrypt", "2", Some("alias/orders"), &[]),
            ("kms:Decrypt", "2", None, own),
            // What the old key encrypted.
            ("kms:Decrypt", "1", None, &[]),
        ] {
            let (before, after) = call(action, id, named, aliases);
            prop_assert_eq!(before, after, "{} on {} by {:?}", action, id, named);
        }
        for (action, named, aliases) in
            [("kms:Encrypt", Some("alias/other"), &["alias/other"][..]), ("kms:Decrypt", None, &["alias/other"])]
        {
            prop_assert!(!call(action, "3", named, aliases).1, "another key: {}", action);
        }
    }

    #[test]
    fn kms_through_a_service_stays_possible(role in role(), seen in any::<bool>()) {
        let mut usage = SubjectUsage::default();
        let time = "2026-10-01T00:00:00Z".parse().unwrap();
        usage.actions.insert(catalog().action("s3:GetObject").unwrap(), ActionUsage {
            first_seen: time,
            last_seen: time,
            days: DaySet::new(),
            resources: vec![ResourcePattern::new("arn:aws:s3:::shop/in/a")],
            since: BTreeMap::new(),
            unnamed: !seen,
            basis: UseBasis::Primary,
            via: BTreeSet::new(),
            may_be_checked_by: BTreeSet::new(),
            platform_only: false,
            others_only: false,
        });
        let watch = Blind { unseen: BTreeSet::new() };
        let (suggested, _) = suggestion_of(&role, &usage, &watch);
        let request = request(
            "kms:Decrypt",
            "arn:aws:kms:eu-west-1:111122223333:key/1",
            Some("team-a"),
            Some("s3.eu-west-1.amazonaws.com"),
        );
        let before = allows(&role.policies.iter().map(|policy| &policy.document).collect::<Vec<_>>(), &request);
        let after = allows(&documents(&suggested), &request);
        prop_assert_eq!(before, after);
    }

    #[test]
    fn the_same_input_gives_the_same_bytes(role in role(), usage in usage()) {
        let watch = Blind { unseen: BTreeSet::from([1, 3]) };
        let (one, _) = suggestion_of(&role, &usage, &watch);
        let (two, _) = suggestion_of(&role, &usage, &watch);
        prop_assert_eq!(serde_json::to_string(&one).unwrap(), serde_json::to_string(&two).unwrap());
        for policy in &one {
            prop_assert!(policy.document.size() <= suggest::MANAGED_POLICY_CHARACTERS);
            prop_assert_eq!(&PolicyDocument::parse(&policy.document.to_json_pretty()).unwrap(), &policy.document);
        }
    }
}
