//! Coverage of an action of the catalog.

use whittle_catalog::events::{Revealer, RevealerKind, Visibility};
use whittle_catalog::{AccessLevel, ActionId, catalog};
use whittle_policy::ResourcePattern;

use super::assess::{Coverage, worse};
use super::direction::only_reads;
use super::question::{CoverageQuestion, EventKind, Observability};
use super::reason::BlindReason;

/// Where and by whom a use of an action is asked about.
#[derive(Debug, Clone, Copy)]
pub struct ActionAsked<'a> {
    /// Pattern of the resource's ARN.
    pub resource: &'a str,
    /// The Region of the calls; `None` for any Region.
    pub region: Option<&'a str>,
    /// For calls in any Region: those in which the role's functions work.
    pub work_regions: &'a [&'a str],
    /// The role's ARN.
    pub role_arn: Option<&'a str>,
}

impl Coverage<'_> {
    /// Would every use of `action` on `resource` (an ARN pattern) by the role have been seen?
    ///
    /// An action that several events can reveal is seen only if each of them is. `region` is that of the
    /// calls; `None` stands for any Region, and `work_regions` are then those in which the role's functions
    /// work.
    pub fn assess_action(&self, action: ActionId, asked: &ActionAsked<'_>) -> Observability {
        let ActionAsked { resource, region, work_regions, role_arn } = *asked;
        let level = catalog().info(action).access_level();
        let mut blind = catalog().blind_resources(action).iter();
        if let Some(blind) = blind.find(|blind| may_share(blind.pattern, resource)) {
            let reason = BlindReason::NoEvent { why: blind.reason.to_owned() };
            return Observability::None { reason, remedy: None };
        }
        let by_kind = match catalog().visibility(action) {
            Visibility::Management => EventKind::Management,
            Visibility::Data { resource_types } => EventKind::Data(resource_types),
            Visibility::Either { resource_types } => EventKind::Either(resource_types),
            Visibility::NetworkOnly => EventKind::NetworkActivity,
            Visibility::Never { reason } | Visibility::Inferred { reason, .. } => EventKind::Never(reason),
            _ => return Observability::None { reason: BlindReason::VisibilityUnknown, remedy: None },
        };
        let events = catalog().revealed_by(action);
        if events.is_empty() || matches!(by_kind, EventKind::Never(_) | EventKind::NetworkActivity) {
            return self.assess(&CoverageQuestion {
                kind: by_kind,
                event_source: None,
                event_names: &[],
                read_only: None,
                resource,
                region,
                work_regions,
                role_arn,
            });
        }
        let mut answer = Observability::Full;
        for event in events {
            answer = worse(answer, self.assess_event(event, level, asked));
            if matches!(answer, Observability::None { .. }) {
                break;
            }
        }
        answer
    }

    /// Would every call with this event have been seen? `level`: of an action that opens the call.
    pub fn assess_event(&self, event: &Revealer, level: AccessLevel, asked: &ActionAsked<'_>) -> Observability {
        let kind = match event.kind {
            RevealerKind::Management => EventKind::Management,
            RevealerKind::Data => EventKind::Data(&event.resource_types),
            RevealerKind::Either => EventKind::Either(&event.resource_types),
        };
        self.assess(&CoverageQuestion {
            kind,
            event_source: Some(&event.event_source),
            event_names: &[&event.event_name],
            read_only: only_reads(&event.event_name, level),
            resource: asked.resource,
            region: asked.region,
            work_regions: asked.work_regions,
            role_arn: asked.role_arn,
        })
    }
}

/// True if two patterns may match the same resource. Where a pattern spells out the parts before the
/// resource, none of its wildcards stands for a colon: `arn:aws:sns:eu-west-1:111122223333:orders-*` is no
/// endpoint.
fn may_share(one: &str, other: &str) -> bool {
    let intersect = |one: &str, other: &str| ResourcePattern::new(one).intersects(&ResourcePattern::new(other));
    let parts = |text| -> Option<[&str; 6]> { str::splitn(text, 6, ':').collect::<Vec<_>>().try_into().ok() };
    match (parts(one), parts(other)) {
        (Some(one), Some(other)) if !other.iter().take(5).any(|part| part.contains(['*', '?', '$'])) => {
            one.iter().zip(other).all(|(one, other)| intersect(one, other))
        }
        _ => intersect(one, other),
    }
}
