//! Collects what a subject needs: from its usage, from the configuration of its functions, and what those
//! imply.

mod key_aliases;

use std::collections::{BTreeMap, BTreeSet};

use whittle_catalog::events::{Companion, Relation};
use whittle_catalog::{ActionId, catalog};
use whittle_policy::ResourcePattern;

use self::key_aliases::KeyName;
use crate::need::{ActionUsage, ExtraCondition, Need, NeedKind, Needs, SubjectUsage, UseBasis};
use crate::reason::{Callers, NeedReason};
use crate::required::Requirement;
use crate::stable_arn::stable_pattern;

/// Needs of one subject.
pub fn collect(usage: &SubjectUsage, requirements: &[Requirement], partition: &str) -> Needs {
    let mut needs = Needs::default();
    for (action, used) in &usage.actions {
        push_usage(&mut needs, *action, used);
    }
    for (action, used) in &usage.possible {
        push_usage(&mut needs, *action, used);
    }
    key_aliases::add(usage, &mut needs);
    for requirement in requirements {
        needs.push(Need {
            action: requirement.action,
            kind: NeedKind::Required,
            resource: requirement.resource.clone(),
            only_if: None,
            seen_through: requirement.seen_through,
            reason: NeedReason::Configured { feature: requirement.feature.clone() },
        });
    }
    companions(&mut needs, partition);
    needs
}

fn push_usage(needs: &mut Needs, action: ActionId, used: &ActionUsage) {
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
    let need = |resource| Need { action, kind, resource, only_if: None, seen_through: None, reason: reason.clone() };
    let (mut named, mut open) = (false, used.unnamed);
    for resource in &used.resources {
        match key_aliases::key_name(action, resource) {
            KeyName::Own => {
                named = true;
                needs.push(need(Some(supported_prefix(&stable_pattern(resource), used.days.len()))));
            }
            KeyName::Alias => {}
            KeyName::Aliases => open = true,
        }
    }
    if open || !named {
        needs.push(need(None));
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

/// Adds what the needs found so far imply. Companions of companions are not followed: each row of the table
/// says all that an action implies.
fn companions(needs: &mut Needs, partition: &str) {
    let actions: Vec<ActionId> = needs.actions().collect();
    let mut through: BTreeMap<ActionId, BTreeMap<String, BTreeSet<String>>> = BTreeMap::new();
    let mut plain: Vec<Need> = Vec::new();
    for action in actions {
        let name = catalog().info(action).name();
        // What a call may have checked beside its own action is in the ledger, event by event
        // (`UseBasis::Possible`); the rows by action would say the same of calls that were never made.
        for companion in catalog().companions_of(action).iter().filter(|companion| !companion.possible) {
            match companion.via_service {
                Some(service) => {
                    through
                        .entry(companion.action)
                        .or_default()
                        .entry(service.to_owned())
                        .or_default()
                        .insert(name.to_owned());
                }
                None => plain.extend(related(needs.of(action), companion, name)),
            }
        }
        plain.extend(same_call(action));
    }
    for need in plain {
        needs.push(need);
    }
    for (action, services) in through {
        let suffix = if partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
        // The Region of the service is left open: a bucket or queue may be in another Region than the
        // function. AWS KMS Developer Guide, "kms:ViaService": the value is
        // `<service>.<region>.amazonaws.com`.
        let values: Vec<String> = services.keys().map(|service| format!("{service}.*.{suffix}")).collect();
        let used: BTreeSet<&str> = services.values().flatten().map(String::as_str).collect();
        let used: Vec<String> = used.into_iter().take(4).map(str::to_owned).collect();
        needs.push(Need {
            action,
            kind: NeedKind::Companion,
            resource: None,
            only_if: Some(ExtraCondition {
                operator: "StringLike".to_owned(),
                key: "kms:ViaService".to_owned(),
                values,
            }),
            seen_through: None,
            reason: NeedReason::ViaService { actions: used },
        });
    }
}

fn related(of: &[Need], companion: &Companion, name: &str) -> Vec<Need> {
    let need = |resource| Need {
        action: companion.action,
        kind: NeedKind::Companion,
        resource,
        only_if: None,
        seen_through: None,
        reason: NeedReason::Beside { action: name.to_owned(), why: companion.reason.to_owned() },
    };
    if !matches!(companion.relation, Relation::Same | Relation::Bucket) || of.iter().any(|need| need.resource.is_none())
    {
        return vec![need(None)];
    }
    of.iter()
        .filter_map(|need| need.resource.as_ref())
        .map(|resource| {
            need(match companion.relation {
                Relation::Same => Some(resource.clone()),
                Relation::Bucket => bucket_of(resource),
                _ => None,
            })
        })
        .collect()
}

/// `arn:aws:s3:::bucket/key` → `arn:aws:s3:::bucket`. A wildcard in the bucket's name reaches past the slash,
/// so then the bucket cannot be told.
fn bucket_of(object: &ResourcePattern) -> Option<ResourcePattern> {
    let (bucket, _) = object.as_str().split_once('/')?;
    (!bucket.contains(['*', '?', '$'])).then(|| ResourcePattern::new(bucket))
}

/// Actions that AWS may check in the very call that was seen: kept where granted, never added. No event shows
/// whether they were checked (service authorization reference, "dependent actions").
fn same_call(action: ActionId) -> Vec<Need> {
    let info = catalog().info(action);
    let mut others: Vec<ActionId> = info.dependent_actions().filter(|other| *other != action).collect();
    others.sort_unstable();
    others.dedup();
    others
        .into_iter()
        .map(|other| Need {
            action: other,
            kind: NeedKind::Companion,
            resource: None,
            only_if: None,
            seen_through: None,
            reason: NeedReason::Dependent { action: info.name().to_owned() },
        })
        .collect()
}
