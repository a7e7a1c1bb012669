//! Coverage of an action of the catalog.

use whittle_catalog::events::{RevealerKind, Visibility};
use whittle_catalog::{ActionId, Catalog};

use super::assess::{Coverage, worse};
use super::question::{EventKind, Question, Sight};

impl Coverage<'_> {
    /// Whether every use of `action` on `resource` (an ARN pattern) by the role would have been seen.
    ///
    /// An action that several events can reveal is seen only if each of them is. `region` is that of the calls; `None`
    /// stands for any Region.
    pub fn assess_action(
        &self,
        catalog: &Catalog,
        action: ActionId,
        resource: &str,
        region: Option<&str>,
        role_arn: Option<&str>,
    ) -> Sight {
        let ask = |kind: EventKind<'_>, event_source: Option<&str>, event_names: &[&str]| {
            self.assess(&Question { kind, event_source, event_names, read_only: None, resource, region, role_arn })
        };
        let by_kind = match catalog.visibility(action) {
            Visibility::Management => EventKind::Management,
            Visibility::Data { resource_types } => EventKind::Data(resource_types),
            Visibility::Either { resource_types } => EventKind::Either(resource_types),
            Visibility::NetworkOnly => EventKind::NetworkActivity,
            Visibility::Never { reason } | Visibility::Inferred { reason, .. } => EventKind::Never(reason),
            _ => EventKind::Never("this version of the program does not know how the action could be seen"),
        };
        let events = catalog.revealed_by(action);
        if events.is_empty() || matches!(by_kind, EventKind::Never(_) | EventKind::NetworkActivity) {
            return ask(by_kind, None, &[]);
        }
        let mut sight = Sight::Full;
        for event in events {
            let kind = match event.kind {
                RevealerKind::Management => EventKind::Management,
                RevealerKind::Data => EventKind::Data(&event.resource_types),
                RevealerKind::Either => EventKind::Either(&event.resource_types),
            };
            sight = worse(sight, ask(kind, Some(&event.event_source), &[&event.event_name]));
            if matches!(sight, Sight::None { .. }) {
                break;
            }
        }
        sight
    }
}
