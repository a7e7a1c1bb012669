//! Answers one question at a time: would some source have shown the use, over the whole window?

use jiff::Timestamp;

use super::event_sources::is_global;
use super::question::{
    CoverageEvidence, CoverageQuestion, DayWindow, DependsOn, EventHistory, EventKind, Observability, SourceSummary,
};
use super::reason::{BlindReason, CoverageRemedy, Obstacle};
use super::remedy;
use super::selectors::Events;
use super::trails::Trail;
use crate::ledger::ChangeKind;
use crate::ledger::days::start_of_day;

/// Answers questions about one account's evidence.
#[derive(Debug, Clone)]
pub struct Coverage<'a> {
    evidence: CoverageEvidence<'a>,
    has_trail_files: bool,
    /// Over which days the files at hand tell what a trail delivers: the whole window, also where one day is
    /// asked about.
    files: DayWindow,
}

/// Region of global events in the partition `aws`. Elsewhere a trail of one Region is not trusted with them.
const GLOBAL_REGION: &str = "us-east-1";

impl<'a> Coverage<'a> {
    /// Over this evidence.
    pub fn new(evidence: CoverageEvidence<'a>) -> Self {
        let files = evidence.window;
        Self { evidence, has_trail_files: true, files }
    }

    /// The same files, asked about a part of the window.
    pub(super) fn within(&self, evidence: CoverageEvidence<'a>) -> Self {
        Self { evidence, has_trail_files: self.has_trail_files, files: self.files }
    }

    pub(super) fn evidence(&self) -> &CoverageEvidence<'a> {
        &self.evidence
    }

    /// The same without any file that a trail delivered: then the trails' settings prove nothing. For
    /// evidence that is all answers of LookupEvents or events that EventBridge forwarded (see
    /// [`crate::read::FileReport::is_trail_file`]): these hold management events too, but not all that a
    /// trail selects.
    #[must_use]
    pub fn without_trail_files(self) -> Self {
        Self { has_trail_files: false, ..self }
    }

    /// The window.
    pub fn window(&self) -> DayWindow {
        self.evidence.window
    }

    /// Observability of the events in question.
    pub fn assess(&self, question: &CoverageQuestion<'_>) -> Observability {
        match question.kind {
            EventKind::Management => self.management(question),
            EventKind::Data(types) => self.data(question, types),
            EventKind::Either(types) => worse(self.management(question), self.data(question, types)),
            EventKind::NetworkActivity => none(BlindReason::NetworkActivityOnly, None),
            EventKind::Never(why) => none(BlindReason::NoEvent { why: why.to_owned() }, None),
        }
    }

    fn management(&self, question: &CoverageQuestion<'_>) -> Observability {
        let by_history = self.evidence.history.map(|history| self.by_history(history, question));
        let by_trails = self.by_trails(question, None);
        match by_history {
            Some(answer) => better(answer, by_trails),
            None => by_trails,
        }
    }

    fn data(&self, question: &CoverageQuestion<'_>, types: &[&str]) -> Observability {
        if types.is_empty() {
            return none(BlindReason::DataTypesUnknown, None);
        }
        let mut answer = Observability::Full;
        for kind in types {
            answer = worse(answer, self.by_trails(question, Some(kind)));
        }
        answer
    }

    fn by_history(&self, history: &EventHistory, question: &CoverageQuestion<'_>) -> Observability {
        let window = self.evidence.window;
        let region = region_of(question);
        match region {
            _ if history.regions.contains(EventHistory::ALL_REGIONS) => {}
            Some(region) if !history.regions.contains(region) => {
                let region = region.to_owned();
                let remedy = CoverageRemedy::ReadHistory { region: region.clone() };
                return none(BlindReason::HistoryOfRegionUnread { region }, Some(remedy));
            }
            Some(_) => {}
            None => {
                let regions = history.regions.iter().cloned().collect();
                return partial(BlindReason::HistoryOfRegionsOnly { regions }, None);
            }
        }
        if history.days.start > window.start || history.days.end < window.end {
            let since = start_of_day(history.days.start).filter(|_| history.days.end >= window.end);
            return partial(BlindReason::HistoryTooShort, since);
        }
        Observability::Full
    }

    fn by_trails(&self, question: &CoverageQuestion<'_>, data_type: Option<&str>) -> Observability {
        let Some(trails) = self.evidence.trails else {
            return none(BlindReason::TrailsUnknown, Some(CoverageRemedy::AddTrails));
        };
        if trails.trails.is_empty() {
            let remedy = CoverageRemedy::CreateTrail { data_type: data_type.map(str::to_owned) };
            return none(BlindReason::NoTrail, Some(remedy));
        }
        if !self.has_trail_files {
            return none(BlindReason::NoTrailFiles, Some(CoverageRemedy::GiveFiles));
        }
        let answers = trails.trails.iter().map(|trail| self.by_trail(trail, question, data_type));
        answers.min_by_key(Observability::rank).unwrap_or_else(|| unknown(BlindReason::NoTrail))
    }

    fn by_trail(&self, trail: &Trail, question: &CoverageQuestion<'_>, data_type: Option<&str>) -> Observability {
        let name = || trail.name.clone();
        let Some(selectors) = &trail.selectors else {
            return unknown(BlindReason::SelectorsUnknown { trail: name() });
        };
        let region_gap = match Self::region_gap(trail, question) {
            Ok(gap) => gap,
            Err(reason) => return none(reason, Some(CoverageRemedy::LogAllRegions)),
        };
        let resource = resource_for_selectors(data_type, question.resource);
        let principal = question.role_arn.and_then(session_pattern);
        let events = |read_only: bool| Events {
            category: if data_type.is_some() { "Data" } else { "Management" },
            resource_type: data_type,
            read_only,
            event_source: question.event_source,
            event_names: question.event_names,
            resource: &resource,
            principal: principal.as_deref(),
        };
        let covers = |read_only: bool| selectors.cover(&events(read_only));
        let is_covered = match question.read_only {
            Some(read_only) => covers(read_only),
            None => covers(true) && covers(false),
        };
        if !is_covered {
            let some = data_type.map_or(selectors.has_management(), |kind| selectors.data_types().contains(&kind));
            let obstacle = Obstacle::of(selectors, &events(question.read_only.unwrap_or(!covers(true))));
            let remedy = remedy::for_trail(trail, selectors, data_type, obstacle.as_ref());
            let data_type = data_type.map(str::to_owned);
            return none(BlindReason::NotSelected { trail: name(), data_type, some, obstacle }, Some(remedy));
        }
        if let Some(answer) = self.not_in_files(data_type, &trail.name) {
            return answer;
        }
        match (self.over_window(trail), region_gap) {
            (Observability::Full, Some(reason)) => partial(reason, None),
            (answer, _) => answer,
        }
    }

    /// A trail that selects events proves nothing if none of the files at hand came from it.
    fn not_in_files(&self, data_type: Option<&str>, name: &str) -> Option<Observability> {
        let DayWindow { start, end } = self.files;
        let mut regions = self.evidence.facts.regions_of(self.evidence.account);
        let trail = || name.to_owned();
        let data = data_type.is_some();
        let seen = regions.any(|(_, facts)| if data { &facts.data } else { &facts.management }.intersects(start, end));
        if !seen {
            let remedy = CoverageRemedy::GiveFilesOfTrail { trail: trail() };
            return Some(none(BlindReason::NotInFiles { trail: trail(), data }, Some(remedy)));
        }
        // Asked about a part of the window: its own files may be missing.
        let asked = self.evidence.window;
        let mut regions = self.evidence.facts.regions_of(self.evidence.account);
        let missing = asked != self.files && !regions.any(|(_, facts)| facts.any.intersects(asked.start, asked.end));
        missing.then(|| none(BlindReason::NoEventOnDays, Some(CoverageRemedy::GiveFilesOfDays { trail: trail() })))
    }

    /// `Err`: the trail does not log the Region at all; `Ok(Some)`: only part of what the question is about.
    fn region_gap(trail: &Trail, question: &CoverageQuestion<'_>) -> Result<Option<BlindReason>, BlindReason> {
        let name = || trail.name.clone();
        if question.event_source.is_some_and(is_global) && !trail.includes_global_events {
            return Err(BlindReason::NoGlobalEvents { trail: name() });
        }
        if trail.is_multi_region {
            return Ok(None);
        }
        let Some(home) = trail.home_region.as_deref() else {
            return Err(BlindReason::RegionUnknown { trail: name() });
        };
        let one = |asked: Option<&str>| BlindReason::OneRegion {
            trail: name(),
            home: home.to_owned(),
            asked: asked.map(str::to_owned),
        };
        match region_of(question) {
            Some(region) if region == home => Ok(None),
            Some(region) => Err(one(Some(region))),
            None => Ok(Some(one(None))),
        }
    }

    /// Observability by a trail that logs everything: was it logging over the whole window, unchanged?
    fn over_window(&self, trail: &Trail) -> Observability {
        let name = || trail.name.clone();
        let window = self.evidence.window;
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
            .evidence
            .facts
            .changes(ChangeKind::Trail)
            .filter(|(change, times)| {
                // The selectors at hand are those after the last change: before it nothing is known of them.
                is_same_trail(trail, &change.subject) && times.last >= start
            })
            .map(|(change, times)| (times.last, change.event_name.as_str()))
            .max();
        match changed {
            Some((at, event)) => partial(BlindReason::Changed { trail: name(), event: event.to_owned(), at }, Some(at)),
            None => Observability::Full,
        }
    }

    fn has_events_on(&self, day: i32) -> bool {
        self.evidence.facts.regions_of(self.evidence.account).any(|(_, facts)| facts.management.contains(day))
    }

    /// Dependence of answers on more than event and Region: where neither matters, one answer serves all
    /// roles and resources.
    pub fn depends_on(&self) -> DependsOn {
        let selectors =
            || self.evidence.trails.iter().flat_map(|trails| &trails.trails).filter_map(|t| t.selectors.as_ref());
        DependsOn {
            resource: selectors().any(super::Selectors::look_at_resources),
            role: selectors().any(super::Selectors::look_at_principals),
        }
    }

    /// Days of the window without any event of the account in the files given. Not a gap by itself: an
    /// account may be quiet.
    pub fn days_without_events(&self) -> Vec<i32> {
        let DayWindow { start, end } = self.evidence.window;
        let facts: Vec<_> = self.evidence.facts.regions_of(self.evidence.account).map(|(_, facts)| facts).collect();
        (start..end).filter(|day| !facts.iter().any(|facts| facts.any.contains(*day))).collect()
    }

    /// Coverage by source, in the order of the trails, event history last.
    pub fn sources(&self) -> Vec<SourceSummary> {
        let trails = self.evidence.trails.map_or(&[][..], |trails| &trails.trails);
        let mut sources: Vec<SourceSummary> = trails
            .iter()
            .map(|trail| {
                let selectors = trail.selectors.as_ref();
                let home = trail.home_region.clone().unwrap_or_else(|| "unknown".to_owned());
                SourceSummary {
                    name: trail.name.clone(),
                    regions: vec![if trail.is_multi_region { "all".to_owned() } else { home }],
                    management: selectors.is_some_and(super::Selectors::has_management),
                    data_types: selectors
                        .map(super::Selectors::data_types)
                        .unwrap_or_default()
                        .into_iter()
                        .map(str::to_owned)
                        .collect(),
                    window: if selectors.is_some() {
                        self.over_window(trail)
                    } else {
                        unknown(BlindReason::SelectorsUnknown { trail: trail.name.clone() })
                    },
                }
            })
            .collect();
        if let Some(history) = self.evidence.history {
            let window = self.evidence.window;
            let whole = history.days.start <= window.start && history.days.end >= window.end;
            sources.push(SourceSummary {
                name: "event history".to_owned(),
                regions: history.regions.iter().cloned().collect(),
                management: true,
                data_types: Vec::new(),
                window: if whole {
                    Observability::Full
                } else {
                    partial(BlindReason::HistoryTooShort, start_of_day(history.days.start))
                },
            });
        }
        sources
    }
}

fn none(reason: BlindReason, remedy: Option<CoverageRemedy>) -> Observability {
    Observability::None { reason, remedy }
}

fn partial(reason: BlindReason, since: Option<Timestamp>) -> Observability {
    Observability::Partial { reason, since }
}

/// The settings of a trail are not known.
fn unknown(reason: BlindReason) -> Observability {
    none(reason, Some(CoverageRemedy::AddTrailSettings))
}

fn better(one: Observability, two: Observability) -> Observability {
    if two.rank() < one.rank() { two } else { one }
}

pub(super) fn worse(one: Observability, two: Observability) -> Observability {
    if two.rank() > one.rank() { two } else { one }
}

/// The Region whose log would hold the event.
fn region_of<'q>(question: &CoverageQuestion<'q>) -> Option<&'q str> {
    if question.event_source.is_some_and(is_global) { Some(GLOBAL_REGION) } else { question.region }
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
mod tests;
