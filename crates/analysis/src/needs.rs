//! Collects what a subject needs: from its usage, from the configuration of its functions, and what those
//! imply.

mod growing;
mod key_aliases;

use std::collections::{BTreeMap, BTreeSet};

use whittle_catalog::events::{Companion, Relation, Visibility};
use whittle_catalog::{ActionId, catalog};
use whittle_evidence::ledger::days::day_of;
use whittle_policy::ResourcePattern;

use self::growing::UseDays;
use self::key_aliases::KeyName;
use crate::decide::UnseenUse;
use crate::need::{ActionUsage, ExtraCondition, Need, NeedKind, Needs, SubjectUsage, UseBasis};
use crate::reason::{Callers, NeedReason};
use crate::required::Requirement;
use crate::stable_arn::stable_pattern;
use crate::window::ObservationWindow;

/// What needs depend on beside usage and configuration.
#[derive(Debug, Clone, Copy)]
pub struct NeedContext<'a> {
    /// Partition of ARNs.
    pub partition: &'a str,
    /// The window.
    pub window: ObservationWindow,
    /// What may have been used without an event.
    pub unseen: &'a UnseenUse,
}

/// Needs of one subject.
pub fn collect(usage: &SubjectUsage, requirements: &[Requirement], context: NeedContext<'_>) -> Needs {
    let mut needs = Needs::default();
    for (action, used) in &usage.actions {
        let configured = |resource: &ResourcePattern| {
            let of_action = requirements.iter().filter(|requirement| requirement.action == *action);
            of_action.filter_map(|requirement| requirement.resource.as_ref()).any(|known| known.covers(resource))
        };
        push_usage(&mut needs, *action, used, context.window, configured);
    }
    for (action, used) in &usage.possible {
        push_usage(&mut needs, *action, used, context.window, |_| false);
    }
    key_aliases::add(usage, &mut needs);
    for requirement in requirements {
        needs.push(Need {
            action: requirement.action,
            kind: NeedKind::Required,
            resource: requirement.resource.clone(),
            only_if: None,
            reason: NeedReason::Configured { feature: requirement.feature.clone() },
        });
    }
    companions(&mut needs, context);
    needs
}

/// `configured` tells the resources that the configuration names: these are known, however new they are.
fn push_usage(
    needs: &mut Needs,
    action: ActionId,
    used: &ActionUsage,
    window: ObservationWindow,
    configured: impl Fn(&ResourcePattern) -> bool,
) {
    let by = Callers {
        platform_only: used.platform_only,
        others_only: used.others_only,
        via: used.via.iter().cloned().collect(),
    };
    // What only the parameters of another call imply has no event of its own: a companion.
    let (kind, reason) = match used.basis {
        UseBasis::Primary => (NeedKind::Used, NeedReason::Called { days: used.days.len(), by }),
        UseBasis::Secondary => (NeedKind::Companion, NeedReason::Parameters { by }),
        UseBasis::Possible => {
            let calls = used.may_be_checked_by.iter().take(NAMED_CALLS).cloned().collect();
            (NeedKind::Possible, NeedReason::PossiblyChecked { calls, by })
        }
    };
    let need = |resource| Need { action, kind, resource, only_if: None, reason: reason.clone() };
    let (mut named, mut open) = (Vec::new(), used.unnamed);
    for resource in &used.resources {
        match key_aliases::key_name(action, resource) {
            KeyName::Own => {
                let name = supported_prefix(&stable_pattern(resource), used.days.len());
                let day = used.since.get(resource).copied().filter(|_| !configured(resource));
                named.push((name, day));
            }
            KeyName::Alias => {}
            KeyName::Aliases => open = true,
        }
    }
    if open || named.is_empty() {
        needs.push(need(None));
    }
    // Of a name that several resources share the first day counts.
    named.sort();
    named.dedup_by(|next, kept| next.0 == kept.0);
    let dated: Vec<_> = named.iter().map(|(name, day)| (name, *day)).collect();
    let end = window.end().map(day_of);
    let first = day_of(used.first_seen).max(window.start().map_or(i32::MIN, day_of));
    for pattern in growing::open(&dated, end.map(|end| UseDays { first, end })) {
        needs.push(need(Some(pattern)));
    }
    for (name, _) in named {
        needs.push(need(Some(name)));
    }
}

/// Operations that a reason names at most.
const NAMED_CALLS: usize = 3;

/// Days of use below which the first level of an object's key proves nothing about the next key: a tenant, a
/// customer or a month may stand there, and the next one must not be refused.
const PREFIX_DAYS: usize = 20;

/// The pattern of an S3 object as far as `days` of use support it: its key prefix, or the whole bucket.
fn supported_prefix(resource: &ResourcePattern, days: usize) -> ResourcePattern {
    let text = resource.as_str();
    if days >= PREFIX_DAYS || !text.contains(":s3:::") {
        return resource.clone();
    }
    match text.split_once('/') {
        Some((bucket, _)) if !bucket.contains(['*', '?', '$']) => ResourcePattern::new(format!("{bucket}/*")),
        _ => resource.clone(),
    }
}

/// Adds what the needs found so far imply, and what may have been used unseen. Companions of companions are
/// not followed: each row of the table says all that an action implies.
fn companions(needs: &mut Needs, context: NeedContext<'_>) {
    let actions: Vec<ActionId> = needs.actions().collect();
    let mut through = ThroughServices::new();
    let mut plain: Vec<Need> = Vec::new();
    for action in actions {
        let name = catalog().info(action).name();
        // What a call may have checked beside its own action is in the ledger, event by event
        // (`UseBasis::Possible`); the rows by action would say the same of calls that were never made.
        for companion in catalog().companions_of(action).iter().filter(|companion| !companion.possible) {
            match companion.via_service {
                Some(service) => add_through(&mut through, companion.action, service, name),
                None => plain.extend(related(needs.of(action), companion, name)),
            }
        }
        plain.extend(same_call(action));
    }
    plain.extend(beside_unseen(context.unseen, &mut through));
    for need in plain {
        needs.push(need);
    }
    for (action, services) in through {
        let suffix = if context.partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
        // The Region of the service is left open: a bucket or queue may be in another Region than the
        // function. AWS KMS Developer Guide, "kms:ViaService": the value is
        // `<service>.<region>.amazonaws.com`.
        let values: Vec<String> = services.keys().map(|service| format!("{service}.*.{suffix}")).collect();
        let used: BTreeSet<&str> = services.values().flatten().map(String::as_str).collect();
        needs.push(Need {
            action,
            kind: NeedKind::Companion,
            resource: None,
            only_if: Some(ExtraCondition {
                operator: "StringLike".to_owned(),
                key: "kms:ViaService".to_owned(),
                values,
            }),
            reason: NeedReason::ViaService { actions: first_few(used) },
        });
    }
}

/// Companion → service that it is needed through → actions that need it so.
type ThroughServices = BTreeMap<ActionId, BTreeMap<String, BTreeSet<String>>>;

fn add_through(through: &mut ThroughServices, action: ActionId, service: &str, of: &str) {
    through.entry(action).or_default().entry(service.to_owned()).or_default().insert(of.to_owned());
}

/// The first actions, for a sentence.
fn first_few<'a>(actions: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    actions.into_iter().take(4).map(str::to_owned).collect()
}

/// What actions imply that may have been used unseen: what they would imply if they had been seen, so that
/// seeing less never removes more; what their calls may have checked too. A companion that used actions need
/// through a service is kept for these services as well; one that only unseen actions need is kept as
/// granted, like these.
fn beside_unseen(unseen: &UnseenUse, through: &mut ThroughServices) -> Vec<Need> {
    let mut beside: BTreeMap<(ActionId, Option<ResourcePattern>), BTreeSet<&str>> = BTreeMap::new();
    for (action, patterns) in unseen {
        let name = catalog().info(*action).name();
        // What no event ever shows is unseen whatever was read, and nothing tells that it is called at all:
        // of this only the table of companions follows, not all that a call might check.
        let may_show = !matches!(catalog().visibility(*action), Visibility::Never { .. });
        for companion in catalog().companions_of(*action).iter().filter(|known| may_show || !known.possible) {
            match companion.via_service {
                Some(service) if through.contains_key(&companion.action) => {
                    add_through(through, companion.action, service, name);
                }
                _ => {
                    for resource in beside_resources(patterns.iter(), companion.relation) {
                        beside.entry((companion.action, resource)).or_default().insert(name);
                    }
                }
            }
        }
        for dependent in dependents(*action).into_iter().filter(|_| may_show) {
            beside.entry((dependent, None)).or_default().insert(name);
        }
    }
    let need = |((action, resource), names)| Need {
        action,
        kind: NeedKind::BesideUnseen,
        resource,
        only_if: None,
        reason: NeedReason::BesideUnseen { actions: first_few(names) },
    };
    beside.into_iter().map(need).collect()
}

/// Resources of a companion of an action on `resources`.
fn beside_resources<'a>(
    resources: impl Iterator<Item = &'a ResourcePattern>,
    relation: Relation,
) -> BTreeSet<Option<ResourcePattern>> {
    match relation {
        Relation::Same => resources.cloned().map(Some).collect(),
        Relation::Bucket => resources.map(bucket_of).collect(),
        _ => BTreeSet::from([None]),
    }
}

fn related(of: &[Need], companion: &Companion, name: &str) -> Vec<Need> {
    let need = |resource| Need {
        action: companion.action,
        kind: NeedKind::Companion,
        resource,
        only_if: None,
        reason: NeedReason::Beside { action: name.to_owned(), why: companion.reason.to_owned() },
    };
    if of.iter().any(|need| need.resource.is_none()) {
        return vec![need(None)];
    }
    let resources = of.iter().filter_map(|need| need.resource.as_ref());
    beside_resources(resources, companion.relation).into_iter().map(need).collect()
}

/// `arn:aws:s3:::bucket/key` → `arn:aws:s3:::bucket`. A wildcard in the bucket's name reaches past the slash,
/// so then the bucket cannot be told.
fn bucket_of(object: &ResourcePattern) -> Option<ResourcePattern> {
    let text = object.as_str();
    // Of an object behind an access point: the access point.
    let (bucket, _) = if text.contains(":accesspoint/") { text.split_once("/object/")? } else { text.split_once('/')? };
    (!bucket.contains(['*', '?', '$'])).then(|| ResourcePattern::new(bucket))
}

/// Actions that AWS may check in the very call that was seen: kept where granted, never added. No event shows
/// whether they were checked (service authorization reference, "dependent actions").
fn same_call(action: ActionId) -> Vec<Need> {
    let name = catalog().info(action).name();
    let need = |action| Need {
        action,
        kind: NeedKind::Companion,
        resource: None,
        only_if: None,
        reason: NeedReason::Dependent { action: name.to_owned() },
    };
    dependents(action).into_iter().map(need).collect()
}

fn dependents(action: ActionId) -> BTreeSet<ActionId> {
    catalog().info(action).dependent_actions().filter(|other| *other != action).collect()
}
