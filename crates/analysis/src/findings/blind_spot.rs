//! `blind-spot`: grants that no evidence source can judge.

use std::collections::BTreeMap;

use whittle_evidence::coverage::event_sources::is_excludable;
use whittle_evidence::coverage::{AdvancedSelector, Operator, Selectors, Trail, Trails};

use super::{FindingDraft, FindingIdentity, RoleFacts, Rule, finding, fingerprint, plural};
use crate::reason::{BlindGroup, FindingDetail, Reason, VerdictReason};
use crate::result::{Finding, Verdict};
use crate::risk;

pub(super) const BLIND_SPOT: Rule =
    Rule { code: "blind-spot", summary: "no evidence source could have seen some granted actions", check: blind_spot };

fn blind_spot(facts: &RoleFacts<'_>, out: &mut Vec<Finding>) {
    let mut by_reason: BTreeMap<&Reason<VerdictReason>, Vec<&str>> = BTreeMap::new();
    for row in facts.role_rows.iter().filter(|row| row.verdict == Verdict::Unobservable) {
        by_reason.entry(&row.reason).or_default().push(&row.action);
    }
    if by_reason.is_empty() || facts.all_idle() {
        return;
    }
    let count: usize = by_reason.values().map(Vec::len).sum();
    out.push(finding(
        &BLIND_SPOT,
        facts.role,
        FindingDraft {
            likelihood: facts.likelihood(),
            // Nothing is known to be wrong; the finding says where knowledge ends.
            impact: 1,
            function_arn: facts.only_function(),
            title: format!("{} of {} cannot be judged", plural(count, "granted action"), facts.role.name),
            detail: detail(by_reason).into(),
            remedy: "whittle trail coverage, or collect IAM last-accessed reports".to_owned(),
        },
    ));
}

/// Groups that may be shown; of equally large ones all are kept, since their order is that of their
/// sentences.
const MAX_GROUPS: usize = 4;
/// Actions that each group names.
const MAX_ACTIONS: usize = 3;

fn detail(by_reason: BTreeMap<&Reason<VerdictReason>, Vec<&str>>) -> FindingDetail {
    let mut groups: Vec<BlindGroup> = by_reason
        .into_iter()
        .map(|(reason, actions)| BlindGroup {
            reason: reason.clone(),
            count: actions.len(),
            actions: actions.into_iter().take(MAX_ACTIONS).map(str::to_owned).collect(),
        })
        .collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    let least = groups.iter().take(MAX_GROUPS).next_back().map_or(0, |group| group.count);
    let all = groups.len();
    groups.retain(|group| group.count >= least);
    FindingDetail::BlindSpot { more: all.saturating_sub(groups.len()), groups }
}

/// Facts for [`check_trails`].
pub struct TrailFacts<'a> {
    /// Account id.
    pub account: &'a str,
    /// The trails; `None` if they are not known.
    pub trails: Option<&'a Trails>,
    /// Management events are read from event history too, whatever the trails are set to.
    pub reads_event_history: bool,
}

/// `blind-spot` of the account: a trail that stopped, cannot deliver, or leaves out management events, which
/// no other trail makes up for. Every verdict rests on this, so it is told apart from the blind spots of
/// single roles, whose severity a stopped trail would not change. The trail's ARN stands in the place of the
/// role's.
pub fn check_trails(facts: &TrailFacts<'_>) -> Vec<Finding> {
    let Some(trails) = facts.trails else { return Vec::new() };
    let logs = |trail: &Trail| {
        trail.status.as_ref().is_some_and(|status| status.is_logging && status.delivery_error.is_none())
    };
    let sees_all =
        |trail: &Trail| trail.selectors.as_ref().is_some_and(|selectors| left_out(selectors).is_none() && logs(trail));
    // Another trail, or event history, shows the same management events; then less is lost.
    let others_see = |trail: &Trail| {
        let regions_of = |other: &Trail| other.is_multi_region || other.home_region == trail.home_region;
        facts.reads_event_history
            || trails.trails.iter().any(|other| other != trail && sees_all(other) && regions_of(other))
    };
    let mut out = Vec::new();
    for trail in &trails.trails {
        let name = &trail.name;
        let status = trail.status.as_ref();
        let selectors = trail.selectors.as_ref();
        let mut few = false;
        let (title, detail, remedy) = if let Some(stopped) = status.filter(|status| !status.is_logging) {
            let since = stopped.stopped.map(|at| format!(" since {}", at.strftime("%Y-%m-%d %H:%M UTC")));
            (
                format!("trail {name} is not logging"),
                format!("no event was logged{}: use after that cannot be seen", since.unwrap_or_default()),
                format!("aws cloudtrail start-logging --name {name}"),
            )
        } else if let Some(error) = status.and_then(|status| status.delivery_error.as_deref()) {
            (
                format!("trail {name} cannot deliver its files"),
                format!("last delivery failed with {error}: use since then cannot be seen"),
                format!("aws cloudtrail get-trail-status --name {name}"),
            )
        } else if let Some(left_out) = selectors.filter(|selectors| selectors.has_management()).and_then(left_out) {
            few = left_out.only_excludable;
            (
                format!("trail {name} leaves out some management events"),
                format!("its event selectors leave out {}: use that only these show cannot be seen", left_out.what),
                "whittle trail coverage".to_owned(),
            )
        } else {
            continue;
        };
        let (likelihood, impact) = if few || others_see(trail) { (2, 2) } else { (4, 3) };
        let arn = trail.arn.clone().unwrap_or_else(|| name.clone());
        out.push(Finding {
            code: BLIND_SPOT.code.to_owned(),
            severity: risk::severity(likelihood, impact),
            likelihood,
            impact,
            function_arn: None,
            title,
            detail: Reason::Text(detail),
            remedy,
            fingerprint: fingerprint(&FindingIdentity {
                code: BLIND_SPOT.code,
                function: None,
                role: &arn,
                also: facts.account,
            }),
            role_arn: arn,
        });
    }
    out
}

/// Management events that a trail leaves out.
struct LeftOut {
    what: String,
    /// Only those of services that AWS itself offers to leave out.
    only_excludable: bool,
}

/// Management events that selectors leave out although they log such events; `None`: none.
fn left_out(selectors: &Selectors) -> Option<LeftOut> {
    let excludable = |sources: &[String]| sources.iter().all(|source| is_excludable(source));
    match selectors {
        Selectors::Basic(list) => {
            let logging = || list.iter().filter(|selector| selector.includes_management);
            let reads = logging().any(|selector| selector.reads);
            let writes = logging().any(|selector| selector.writes);
            let mut what = Vec::new();
            if !reads {
                what.push("reads".to_owned());
            }
            if !writes {
                what.push("writes".to_owned());
            }
            // What one selector excludes, another may still log.
            let excluded: Vec<String> =
                match logging().map(|selector| &selector.excluded_sources).min_by_key(|s| s.len()) {
                    Some(fewest) => fewest.clone(),
                    None => Vec::new(),
                };
            if !excluded.is_empty() {
                what.push(format!("events of {}", excluded.join(", ")));
            }
            (!what.is_empty())
                .then(|| LeftOut { what: what.join(", "), only_excludable: reads && writes && excludable(&excluded) })
        }
        Selectors::Advanced(list) => {
            let logging: Vec<_> = list
                .iter()
                .filter(|selector| {
                    selector.fields.iter().any(|field| {
                        field.field == "eventCategory"
                            && field
                                .conditions
                                .iter()
                                .any(|condition| condition.values.iter().any(|v| v == "Management"))
                    })
                })
                .collect();
            // Fields that make a selector pick among management events.
            let picks = |selector: &&&AdvancedSelector| {
                selector.fields.iter().any(|field| !["eventCategory", "readOnly"].contains(&field.field.as_str()))
            };
            let read_only = |selector: &AdvancedSelector| {
                let field = selector.fields.iter().find(|field| field.field == "readOnly")?;
                Some(field.conditions.iter().any(|condition| condition.values.iter().any(|value| value == "true")))
            };
            let whole: Vec<Option<bool>> =
                logging.iter().filter(|selector| !picks(selector)).map(|selector| read_only(selector)).collect();
            if whole.contains(&None) || (whole.contains(&Some(true)) && whole.contains(&Some(false))) {
                return None;
            }
            let mut what = Vec::new();
            let mut only_excludable = whole.is_empty();
            for selector in &logging {
                for field in selector.fields.iter().filter(|field| field.field != "eventCategory") {
                    for condition in &field.conditions {
                        let values = condition.values.join(", ");
                        only_excludable &= field.field == "eventSource"
                            && condition.operator == Operator::NotEquals
                            && excludable(&condition.values);
                        what.push(format!("events by {} ({values})", field.field));
                    }
                }
            }
            Some(LeftOut { what: what.join(", "), only_excludable: only_excludable && !what.is_empty() })
        }
    }
}

#[cfg(test)]
mod tests;
