//! Would one trail have shown the events: its selectors, Regions, status and changes?

use super::assess::{Coverage, none, partial, unknown, worse};
use super::event_sources::is_global;
use super::files::{EventClass, FilesRead};
use super::question::{CoverageQuestion, Observability};
use super::reason::{BlindReason, CoverageRemedy, Obstacle};
use super::remedy;
use super::selectors::Events;
use super::trails::Trail;
use crate::ledger::ChangeKind;
use crate::ledger::days::start_of_day;

/// One kind of events of a question.
#[derive(Debug, Clone, Copy)]
pub(super) struct EventsAsked<'a> {
    /// `resources.type` of data events; `None` for management events.
    pub(super) data_type: Option<&'a str>,
    /// Events that only read, or only those that write.
    pub(super) read_only: bool,
    /// The Region whose log holds them; `None`: any Region that is not named otherwise.
    pub(super) region: Option<&'a str>,
}

impl Coverage<'_> {
    /// By the settings of the trail alone, and by what its files show of these.
    pub(super) fn by_trail(
        &self,
        (index, trail): (usize, &Trail),
        files: Option<(usize, &FilesRead)>,
        question: &CoverageQuestion<'_>,
        asked: EventsAsked<'_>,
    ) -> Observability {
        let name = || trail.name.clone();
        if trail.is_foreign(self.evidence().account) {
            return none(BlindReason::TrailOfAnotherAccount { trail: name() }, None);
        }
        let Some(selectors) = &trail.selectors else {
            return unknown(BlindReason::SelectorsUnknown { trail: name() });
        };
        if let Err(reason) = region_gap(trail, question, asked.region) {
            return none(reason, Some(CoverageRemedy::LogAllRegions));
        }
        let resource = resource_for_selectors(asked.data_type, question.resource);
        let principal = question.role_arn.and_then(session_pattern);
        let events = Events {
            category: if asked.data_type.is_some() { "Data" } else { "Management" },
            resource_type: asked.data_type,
            read_only: asked.read_only,
            event_source: question.event_source,
            event_names: question.event_names,
            resource: &resource,
            principal: principal.as_deref(),
        };
        if !selectors.cover(&events) {
            let some =
                asked.data_type.map_or(selectors.has_management(), |kind| selectors.data_types().contains(&kind));
            let obstacle = Obstacle::of(selectors, &events);
            let remedy = remedy::for_trail(trail, selectors, asked.data_type, obstacle.as_ref());
            let data_type = asked.data_type.map(str::to_owned);
            return none(BlindReason::NotSelected { trail: name(), data_type, some, obstacle }, Some(remedy));
        }
        let Some((at, files)) = files else {
            let remedy = CoverageRemedy::GiveFilesOfTrail { trail: name() };
            return none(BlindReason::NotRead { trail: name() }, Some(remedy));
        };
        // A trail that selects data events proves nothing if its files hold none of any type, and one that
        // selects management events if they hold none.
        let data = asked.data_type.is_some();
        if !self.known().holds(at, data) {
            let remedy = CoverageRemedy::GiveFilesOfTrail { trail: name() };
            return none(BlindReason::NotInFiles { trail: name(), data }, Some(remedy));
        }
        let window = self.known().logging(index).cloned().unwrap_or_else(|| self.over_window(trail));
        if self.known().sees_changes(at, index) { window } else { worse(window, self.shown_since(trail, files, asked)) }
    }

    /// Of a trail whose changes are logged elsewhere nothing is believed that its files do not show: its
    /// selectors may have changed until the first event of the class. (CloudTrail User Guide, "Creating a
    /// trail for an organization": member accounts cannot see or change its settings; PutEventSelectors is an
    /// event of the account that owns the trail.)
    fn shown_since(&self, trail: &Trail, files: &FilesRead, asked: EventsAsked<'_>) -> Observability {
        let class = EventClass { data_type: asked.data_type, reads: asked.read_only };
        let trail = || trail.name.clone();
        match files.first_of(class) {
            Some(first) if first <= self.files_window().start => Observability::Full,
            Some(first) => {
                let asked_window = self.evidence().window;
                if first <= asked_window.start {
                    return Observability::Full;
                }
                partial(BlindReason::ShownSince { trail: trail() }, start_of_day(first))
            }
            None => {
                let data = asked.data_type.is_some();
                none(BlindReason::NotInFiles { trail: trail(), data }, None)
            }
        }
    }

    /// True if a change of the trail's settings would have been read: it belongs to this account, and the
    /// management events of its home Region were read.
    pub(super) fn sees_changes_of(&self, trail: &Trail, files: &FilesRead) -> bool {
        let Some(home) = trail.home_region.as_deref() else { return false };
        let owner = trail.owner().or_else(|| (!trail.is_organization_trail).then_some(self.evidence().account));
        owner.is_some_and(|owner| self.reads_management_of(owner, home, files))
    }

    /// Observability by a trail that logs everything: was it logging over the whole window, unchanged?
    pub(super) fn over_window(&self, trail: &Trail) -> Observability {
        let name = || trail.name.clone();
        let window = self.evidence().window;
        let (start, end) = (window.starts_at(), window.ends_at());
        let Some(status) = &trail.status else {
            return unknown(BlindReason::StatusUnknown { trail: name() });
        };
        // CloudTrail API Reference, GetTrailStatus: the error of the last delivery, absent once files arrive
        // again.
        if let Some(error) = &status.delivery_error {
            return partial(BlindReason::CannotDeliver { trail: name(), error: error.clone() }, None);
        }
        if !status.is_logging {
            match status.stopped {
                Some(stopped) if stopped >= end => {}
                Some(at) if at > start => return partial(BlindReason::Stopped { trail: name(), at }, None),
                since => {
                    let remedy = CoverageRemedy::StartLogging { trail: name() };
                    return none(BlindReason::NotLogging { trail: name(), since }, Some(remedy));
                }
            }
        }
        if let Some(at) = status.started.filter(|started| *started > start) {
            return partial(BlindReason::StartedLate { trail: name(), at }, Some(at));
        }
        // A status without a start: events of the first day of the window show that the trail was logging
        // then.
        if status.started.is_none() && !self.has_events_on(window.start) {
            return partial(BlindReason::StartUnknown { trail: name() }, None);
        }
        let changed = self
            .evidence()
            .facts
            .changes(ChangeKind::Trail)
            .filter(|(change, times)| {
                // The selectors at hand are those after the last change: before it nothing is known of them.
                is_same_trail(trail, &change.subject) && times.last >= start
            })
            .map(|(change, times)| (times.last, change.event_name.as_str()))
            .max();
        // The trail logs again, or is there again, since some time that no event shows.
        let restarted_unseen = |event: &str| matches!(event, "StopLogging" | "DeleteTrail");
        match changed {
            Some((at, event)) if restarted_unseen(event) => {
                let since = status.started.filter(|started| *started >= at);
                partial(BlindReason::Changed { trail: name(), event: event.to_owned(), at }, since)
            }
            Some((at, event)) => partial(BlindReason::Changed { trail: name(), event: event.to_owned(), at }, Some(at)),
            None => Observability::Full,
        }
    }

    fn has_events_on(&self, day: i32) -> bool {
        self.evidence().facts.regions_of(self.evidence().account).any(|(_, facts)| facts.management.contains(day))
    }
}

/// `Err`: the trail does not log the Region; for `None`: not every Region.
fn region_gap(trail: &Trail, question: &CoverageQuestion<'_>, region: Option<&str>) -> Result<(), BlindReason> {
    let name = || trail.name.clone();
    if question.event_source.is_some_and(is_global) && !trail.includes_global_events {
        return Err(BlindReason::NoGlobalEvents { trail: name() });
    }
    if trail.is_multi_region {
        return Ok(());
    }
    let Some(home) = trail.home_region.as_deref() else {
        return Err(BlindReason::RegionUnknown { trail: name() });
    };
    if region == Some(home) {
        return Ok(());
    }
    Err(BlindReason::OneRegion { trail: name(), home: home.to_owned(), asked: region.map(str::to_owned) })
}

/// True if a change names this trail: by ARN, or by name.
fn is_same_trail(trail: &Trail, subject: &str) -> bool {
    if subject.starts_with("arn:") {
        trail.arn.as_deref().is_none_or(|arn| arn == subject)
    } else {
        trail.name == subject
    }
}

/// `userIdentity.arn` of the role's sessions: `arn:<partition>:sts::<account>:assumed-role/<role
/// name>/<session>`, without the role's path (CloudTrail User Guide, "CloudTrail userIdentity element").
fn session_pattern(role_arn: &str) -> Option<String> {
    let mut parts = role_arn.splitn(6, ':');
    let (_, partition) = (parts.next()?, parts.next()?);
    let (_, _, account) = (parts.next()?, parts.next()?, parts.next()?);
    let name = parts.next()?.strip_prefix("role/")?.rsplit('/').next()?;
    Some(format!("arn:{partition}:sts::{account}:assumed-role/{name}/*"))
}

/// Data events on a bucket (ListObjects, HeadBucket) are selected by the prefix of its objects (CloudTrail
/// User Guide, "Logging data events": a bucket is selected as `arn:aws:s3:::bucket/`).
fn resource_for_selectors(data_type: Option<&str>, resource: &str) -> String {
    let is_bucket = data_type == Some("AWS::S3::Object") && resource.contains(":s3:::") && !resource.contains('/');
    if is_bucket && !resource.ends_with('*') { format!("{resource}/") } else { resource.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::session_pattern;

    #[test]
    fn session_arns_lose_the_path_of_the_role() {
        let role = "arn:aws:iam::111122223333:role/service/orders";
        assert_eq!(session_pattern(role).as_deref(), Some("arn:aws:sts::111122223333:assumed-role/orders/*"));
        assert_eq!(session_pattern("AROAEXAMPLE"), None);
    }
}
