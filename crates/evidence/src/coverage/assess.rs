//! One question at a time: would some source have shown it, over the whole window?

use super::question::{DependsOn, EventHistory, EventKind, Evidence, Question, Sight, SourceSummary, Window};
use super::remedy;
use super::selectors::Events;
use super::trails::Trail;
use crate::ledger::ChangeKind;
use crate::ledger::days::start_of_day;

/// Answers questions about one account's evidence.
#[derive(Debug, Clone)]
pub struct Coverage<'a> {
    evidence: Evidence<'a>,
    has_trail_files: bool,
    /// Over which days the files at hand tell what a trail delivers: the whole window, also where one day is asked about.
    files: Window,
}

/// Event sources whose events are global: logged in us-east-1, and by a trail only if it includes global service events.
/// (CloudTrail User Guide, "CloudTrail concepts", global service events.) Regional STS endpoints log in their own Region,
/// which the same trails see if they are multi-Region.
const GLOBAL_SOURCES: &[&str] =
    &["iam.amazonaws.com", "cloudfront.amazonaws.com", "route53.amazonaws.com", "organizations.amazonaws.com"];

/// Where global events are logged in the partition `aws`. Elsewhere a trail of one Region is not trusted with them.
const GLOBAL_REGION: &str = "us-east-1";

impl<'a> Coverage<'a> {
    /// Over this evidence.
    pub fn new(evidence: Evidence<'a>) -> Self {
        let files = evidence.window;
        Self { evidence, has_trail_files: true, files }
    }

    /// The same files, asked about a part of the window.
    pub(super) fn within(&self, evidence: Evidence<'a>) -> Self {
        Self { evidence, has_trail_files: self.has_trail_files, files: self.files }
    }

    pub(super) fn evidence(&self) -> &Evidence<'a> {
        &self.evidence
    }

    /// The same without any file that a trail delivered among the evidence: then the trails' settings prove nothing. Say so
    /// where all evidence is answers of LookupEvents or events that EventBridge forwarded (see
    /// [`crate::read::FileReport::is_trail_file`]): these hold management events too, but not all that a trail selects.
    #[must_use]
    pub fn without_trail_files(self) -> Self {
        Self { has_trail_files: false, ..self }
    }

    /// The window.
    pub fn window(&self) -> Window {
        self.evidence.window
    }

    /// Whether the events in question would have been seen.
    pub fn assess(&self, question: &Question<'_>) -> Sight {
        match question.kind {
            EventKind::Management => self.management(question),
            EventKind::Data(types) => self.data(question, types),
            EventKind::Either(types) => worse(self.management(question), self.data(question, types)),
            EventKind::NetworkActivity => Sight::None {
                reason: "only network activity events show it, and these show only calls through a VPC endpoint"
                    .to_owned(),
                remedy: None,
            },
            EventKind::Never(reason) => Sight::None { reason: reason.to_owned(), remedy: None },
        }
    }

    fn management(&self, question: &Question<'_>) -> Sight {
        let by_history = self.evidence.history.map(|history| self.by_history(history, question));
        let by_trails = self.by_trails(question, None);
        match by_history {
            Some(sight) => better(sight, by_trails),
            None => by_trails,
        }
    }

    fn data(&self, question: &Question<'_>, types: &[&str]) -> Sight {
        if types.is_empty() {
            return Sight::None { reason: "it is not known which data events show it".to_owned(), remedy: None };
        }
        let mut sight = Sight::Full;
        for kind in types {
            sight = worse(sight, self.by_trails(question, Some(kind)));
        }
        sight
    }

    fn by_history(&self, history: &EventHistory, question: &Question<'_>) -> Sight {
        let window = self.evidence.window;
        let region = region_of(question);
        match region {
            _ if history.regions.contains(EventHistory::ALL_REGIONS) => {}
            Some(region) if !history.regions.contains(region) => {
                return Sight::None {
                    reason: format!("event history of {region} was not read"),
                    remedy: Some(format!("read event history of {region} too")),
                };
            }
            Some(_) => {}
            None => {
                let listed: Vec<&str> = history.regions.iter().map(String::as_str).collect();
                return Sight::Partial {
                    reason: format!("event history was read only in {}", listed.join(", ")),
                    since: None,
                };
            }
        }
        if history.days.start > window.start || history.days.end < window.end {
            return Sight::Partial {
                reason: "event history was not read over the whole window; it goes back 90 days".to_owned(),
                since: start_of_day(history.days.start).filter(|_| history.days.end >= window.end),
            };
        }
        Sight::Full
    }

    fn by_trails(&self, question: &Question<'_>, data_type: Option<&str>) -> Sight {
        let Some(trails) = self.evidence.trails else {
            return Sight::None {
                reason: "it is not known what the trails log".to_owned(),
                remedy: Some(
                    "add `trails.json` with each trail's status and event selectors to the snapshot".to_owned(),
                ),
            };
        };
        if trails.trails.is_empty() {
            return Sight::None {
                reason: "the account has no trail".to_owned(),
                remedy: Some(remedy::for_account(data_type)),
            };
        }
        if !self.has_trail_files {
            return Sight::None {
                reason: "no file that a trail delivered was given".to_owned(),
                remedy: Some("give the files of the trail's bucket for the window".to_owned()),
            };
        }
        let sights = trails.trails.iter().map(|trail| self.by_trail(trail, question, data_type));
        sights.min_by_key(Sight::rank).unwrap_or_else(|| unknown("the account has no trail"))
    }

    fn by_trail(&self, trail: &Trail, question: &Question<'_>, data_type: Option<&str>) -> Sight {
        let name = &trail.name;
        let Some(selectors) = &trail.selectors else {
            return unknown(&format!("the event selectors of trail `{name}` are not known"));
        };
        let region_gap = match Self::region_gap(trail, question) {
            Ok(gap) => gap,
            Err(reason) => {
                return Sight::None { reason, remedy: Some("log the events of all Regions with one trail".to_owned()) };
            }
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
            let what =
                data_type.map_or_else(|| "these management events".to_owned(), |kind| format!("data events of {kind}"));
            let some = data_type.map_or(selectors.has_management(), |kind| selectors.data_types().contains(&kind));
            let extent = if some { "does not select all of" } else { "does not select" };
            let obstacle = remedy::Obstacle::of(selectors, &events(question.read_only.unwrap_or(!covers(true))));
            let why = obstacle.as_ref().map_or(String::new(), |obstacle| format!(" ({obstacle})"));
            return Sight::None {
                reason: format!("trail `{name}` {extent} {what}{why}"),
                remedy: Some(remedy::for_trail(trail, selectors, data_type, obstacle.as_ref())),
            };
        }
        if let Some(sight) = self.not_in_files(data_type, name) {
            return sight;
        }
        match (self.over_window(trail), region_gap) {
            (Sight::Full, Some(reason)) => Sight::Partial { reason, since: None },
            (sight, _) => sight,
        }
    }

    /// A trail that selects events proves nothing if none of the files at hand came from it.
    fn not_in_files(&self, data_type: Option<&str>, name: &str) -> Option<Sight> {
        let Window { start, end } = self.files;
        let mut regions = self.evidence.facts.regions_of(self.evidence.account);
        let (seen, what) = match data_type {
            Some(_) => (regions.any(|(_, facts)| facts.data.intersects(start, end)), "data"),
            None => (regions.any(|(_, facts)| facts.management.intersects(start, end)), "management"),
        };
        if !seen {
            return Some(Sight::None {
                reason: format!(
                    "trail `{name}` selects {what} events, but the files given hold no {what} event of this account"
                ),
                remedy: Some(format!("give the files that trail `{name}` delivered for the window")),
            });
        }
        // Asked about a part of the window: its own files may be missing.
        let asked = self.evidence.window;
        let mut regions = self.evidence.facts.regions_of(self.evidence.account);
        let missing = asked != self.files && !regions.any(|(_, facts)| facts.any.intersects(asked.start, asked.end));
        missing.then(|| Sight::None {
            reason: "the files given hold no event of this account on these days: files are missing, or it was quiet"
                .to_owned(),
            remedy: Some(format!("give all files that trail `{name}` delivered for these days")),
        })
    }

    /// Whether the trail sees the Region at all; `Ok(Some)` if it sees only part of what the question is about.
    fn region_gap(trail: &Trail, question: &Question<'_>) -> Result<Option<String>, String> {
        let name = &trail.name;
        let is_global = question.event_source.is_some_and(|source| GLOBAL_SOURCES.contains(&source));
        if is_global && !trail.includes_global_events {
            return Err(format!("trail `{name}` leaves out global service events"));
        }
        if trail.is_multi_region {
            return Ok(None);
        }
        let Some(home) = trail.home_region.as_deref() else {
            return Err(format!("the Region of trail `{name}` is not known"));
        };
        match region_of(question) {
            Some(region) if region == home => Ok(None),
            Some(region) => Err(format!("trail `{name}` logs only {home}, not {region}")),
            None => Ok(Some(format!("trail `{name}` logs only {home}"))),
        }
    }

    /// Whether the trail was logging over the whole window, and unchanged.
    fn over_window(&self, trail: &Trail) -> Sight {
        let (name, window) = (&trail.name, self.evidence.window);
        let (start, end) = (window.starts_at(), window.ends_at());
        let Some(status) = &trail.status else {
            return unknown(&format!("it is not known whether trail `{name}` was logging"));
        };
        // CloudTrail API Reference, GetTrailStatus: the error of the last delivery, absent once files arrive again.
        if let Some(error) = &status.delivery_error {
            return Sight::Partial {
                reason: format!("trail `{name}` cannot deliver its files ({error})"),
                since: None,
            };
        }
        let start_remedy = || Some(format!("aws cloudtrail start-logging --name {name}"));
        if !status.is_logging {
            match status.stopped {
                Some(stopped) if stopped >= end => {}
                Some(stopped) if stopped > start => {
                    return Sight::Partial {
                        reason: format!("trail `{name}` stopped logging at {stopped}"),
                        since: None,
                    };
                }
                Some(stopped) => {
                    return Sight::None {
                        reason: format!("trail `{name}` has not been logging since {stopped}"),
                        remedy: start_remedy(),
                    };
                }
                None => {
                    return Sight::None { reason: format!("trail `{name}` is not logging"), remedy: start_remedy() };
                }
            }
        }
        if let Some(started) = status.started
            && started > start
        {
            return Sight::Partial {
                reason: format!("trail `{name}` has been logging only since {started}"),
                since: Some(started),
            };
        }
        // A status without a start: events of the first day of the window show that the trail was logging then.
        if status.started.is_none() && !self.has_events_on(window.start) {
            return Sight::Partial {
                reason: format!("it is not known since when trail `{name}` has been logging"),
                since: None,
            };
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
            Some((at, event)) => Sight::Partial {
                reason: format!("trail `{name}` was changed inside the window (`{event}` at {at})"),
                since: Some(at),
            },
            None => Sight::Full,
        }
    }

    fn has_events_on(&self, day: i32) -> bool {
        self.evidence.facts.regions_of(self.evidence.account).any(|(_, facts)| facts.management.contains(day))
    }

    /// What answers depend on besides event and Region: where neither matters, one answer serves all roles and resources.
    pub fn depends_on(&self) -> DependsOn {
        let selectors =
            || self.evidence.trails.iter().flat_map(|trails| &trails.trails).filter_map(|t| t.selectors.as_ref());
        DependsOn {
            resource: selectors().any(super::Selectors::look_at_resources),
            role: selectors().any(super::Selectors::look_at_principals),
        }
    }

    /// Days of the window without any event of the account in the files given. Not a gap by itself: an account may be
    /// quiet.
    pub fn days_without_events(&self) -> Vec<i32> {
        let Window { start, end } = self.evidence.window;
        let facts: Vec<_> = self.evidence.facts.regions_of(self.evidence.account).map(|(_, facts)| facts).collect();
        (start..end).filter(|day| !facts.iter().any(|facts| facts.any.contains(*day))).collect()
    }

    /// What each source can see, in the order of the trails, event history last.
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
                        unknown(&format!("the event selectors of trail `{}` are not known", trail.name))
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
                    Sight::Full
                } else {
                    Sight::Partial {
                        reason: "event history was not read over the whole window; it goes back 90 days".to_owned(),
                        since: start_of_day(history.days.start),
                    }
                },
            });
        }
        sources
    }
}

fn unknown(reason: &str) -> Sight {
    Sight::None {
        reason: reason.to_owned(),
        remedy: Some("add each trail's status and event selectors to `trails.json`".to_owned()),
    }
}

fn better(one: Sight, two: Sight) -> Sight {
    if two.rank() < one.rank() { two } else { one }
}

pub(super) fn worse(one: Sight, two: Sight) -> Sight {
    if two.rank() > one.rank() { two } else { one }
}

/// The Region whose log would hold the event.
fn region_of<'q>(question: &Question<'q>) -> Option<&'q str> {
    let is_global = question.event_source.is_some_and(|source| GLOBAL_SOURCES.contains(&source));
    if is_global { Some(GLOBAL_REGION) } else { question.region }
}

/// Whether a change names this trail: by ARN, or by name.
fn is_same_trail(trail: &Trail, subject: &str) -> bool {
    if subject.starts_with("arn:") {
        trail.arn.as_deref().is_none_or(|arn| arn == subject)
    } else {
        trail.name == subject
    }
}

/// `userIdentity.arn` of the role's sessions: `arn:<partition>:sts::<account>:assumed-role/<role name>/<session>`, without
/// the role's path (CloudTrail User Guide, "CloudTrail userIdentity element").
fn session_pattern(role_arn: &str) -> Option<String> {
    let mut parts = role_arn.splitn(6, ':');
    let (_, partition) = (parts.next()?, parts.next()?);
    let (_, _, account) = (parts.next()?, parts.next()?, parts.next()?);
    let name = parts.next()?.strip_prefix("role/")?.rsplit('/').next()?;
    Some(format!("arn:{partition}:sts::{account}:assumed-role/{name}/*"))
}

/// Data events on a bucket (ListObjects, HeadBucket) are selected by the prefix of its objects (CloudTrail User Guide,
/// "Logging data events": a bucket is selected as `arn:aws:s3:::bucket/`).
fn resource_for_selectors(data_type: Option<&str>, resource: &str) -> String {
    let is_bucket = data_type == Some("AWS::S3::Object") && resource.contains(":s3:::") && !resource.contains('/');
    if is_bucket && !resource.ends_with('*') { format!("{resource}/") } else { resource.to_owned() }
}

#[cfg(test)]
mod tests;
