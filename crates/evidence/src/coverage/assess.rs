//! Answers one question at a time: would some source have shown the use, over the whole window?

use std::sync::Arc;

use jiff::Timestamp;

use super::by_trail::EventsAsked;
use super::event_sources::{is_global, names_other_accounts};
use super::files::{FilesRead, match_files};
use super::known::KnownAnswers;
use super::question::{
    CoverageEvidence, CoverageQuestion, DayWindow, DependsOn, EventHistory, EventKind, Observability, SourceSummary,
};
use super::reason::{BlindReason, CoverageRemedy};
use super::trails::Trail;
use crate::ledger::RecordSource;
use crate::ledger::days::start_of_day;

/// Answers questions about one account's evidence.
#[derive(Debug, Clone)]
pub struct Coverage<'a> {
    evidence: CoverageEvidence<'a>,
    /// What was read, by the trails that may have delivered it.
    files: Arc<Vec<FilesRead>>,
    /// Over which days the files at hand tell what a trail delivers: the whole window, also where one day is
    /// asked about.
    files_window: DayWindow,
    /// What holds for every question, worked out once.
    known: Arc<KnownAnswers>,
}

/// Region of global events in the partition `aws`. Elsewhere a trail of one Region is not trusted with them.
pub const GLOBAL_REGION: &str = "us-east-1";

impl<'a> Coverage<'a> {
    /// Over this evidence.
    pub fn new(evidence: CoverageEvidence<'a>) -> Self {
        let files = evidence.trails.map(|trails| match_files(trails, evidence.facts, evidence.account));
        let files_window = evidence.window;
        let coverage =
            Self { evidence, files: Arc::new(files.unwrap_or_default()), files_window, known: Arc::default() };
        coverage.with_known()
    }

    /// The same files, asked about a part of the window.
    pub(super) fn within(&self, evidence: CoverageEvidence<'a>) -> Self {
        let files = Arc::clone(&self.files);
        Self { evidence, files, files_window: self.files_window, known: Arc::default() }.with_known()
    }

    fn with_known(self) -> Self {
        let known = Arc::new(KnownAnswers::of(&self));
        Self { known, ..self }
    }

    pub(super) fn files(&self) -> &[FilesRead] {
        &self.files
    }

    pub(super) fn known(&self) -> &KnownAnswers {
        &self.known
    }

    pub(super) fn evidence(&self) -> &CoverageEvidence<'a> {
        &self.evidence
    }

    pub(super) fn files_window(&self) -> DayWindow {
        self.files_window
    }

    /// The window.
    pub fn window(&self) -> DayWindow {
        self.evidence.window
    }

    /// Observability of the events in question.
    pub fn assess(&self, question: &CoverageQuestion<'_>) -> Observability {
        match question.kind {
            EventKind::Management => self.of_class(question, None),
            EventKind::Data(types) => self.data(question, types),
            EventKind::Either(types) => worse(self.of_class(question, None), self.data(question, types)),
            EventKind::NetworkActivity => none(BlindReason::NetworkActivityOnly, None),
            EventKind::Never(why) => none(BlindReason::NoEvent { why: why.to_owned() }, None),
        }
    }

    fn data(&self, question: &CoverageQuestion<'_>, types: &[&str]) -> Observability {
        if types.is_empty() {
            return none(BlindReason::DataTypesUnknown, None);
        }
        types.iter().fold(Observability::Full, |answer, kind| worse(answer, self.of_class(question, Some(kind))))
    }

    /// Each direction and Region of the question by the source that shows it best: two trails of which one
    /// logs reads and one writes add up.
    fn of_class(&self, question: &CoverageQuestion<'_>, data_type: Option<&str>) -> Observability {
        if let Some(account) = self.other_account(question) {
            return none(BlindReason::ResourceOfAnotherAccount { account: account.to_owned() }, None);
        }
        let directions = question.read_only.map_or_else(|| vec![true, false], |read_only| vec![read_only]);
        let mut answer = Observability::Full;
        for region in regions_of(question) {
            for &read_only in &directions {
                answer = worse(answer, self.best(question, EventsAsked { data_type, read_only, region }));
            }
        }
        answer
    }

    /// The account that the resource's ARN names, if it is another one, and no AWS page says that the
    /// caller's account gets the event too.
    fn other_account<'q>(&self, question: &CoverageQuestion<'q>) -> Option<&'q str> {
        let mut parts = question.resource.split(':');
        let account = parts.next().filter(|first| *first == "arn").and_then(|_| parts.nth(3))?;
        let is_other = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
        let told = question.event_source.is_some_and(names_other_accounts);
        (is_other && account != self.evidence.account && !told).then_some(account)
    }

    fn best(&self, question: &CoverageQuestion<'_>, asked: EventsAsked<'_>) -> Observability {
        let by_trails = self.by_trails(question, asked);
        match self.evidence.history.filter(|_| asked.data_type.is_none()) {
            Some(history) => better(self.by_history(history, asked.region), by_trails),
            None => by_trails,
        }
    }

    pub(super) fn by_history(&self, history: &EventHistory, region: Option<&str>) -> Observability {
        let window = self.evidence.window;
        let all = history.days.get(EventHistory::ALL_REGIONS);
        let Some(days) = region.and_then(|region| history.days.get(region)).or(all) else {
            let Some(region) = region else {
                let regions = history.days.keys().cloned().collect();
                return partial(BlindReason::HistoryOfRegionsOnly { regions }, None);
            };
            let remedy = CoverageRemedy::ReadHistory { region: region.to_owned() };
            return none(BlindReason::HistoryOfRegionUnread { region: region.to_owned() }, Some(remedy));
        };
        if days.start > window.start || days.end < window.end {
            let since = start_of_day(days.start).filter(|_| days.end >= window.end);
            return partial(BlindReason::HistoryTooShort, since);
        }
        Observability::Full
    }

    fn by_trails(&self, question: &CoverageQuestion<'_>, asked: EventsAsked<'_>) -> Observability {
        let Some(trails) = self.evidence.trails else {
            return none(BlindReason::TrailsUnknown, Some(CoverageRemedy::AddTrails));
        };
        if trails.trails.is_empty() {
            let remedy = CoverageRemedy::CreateTrail { data_type: asked.data_type.map(str::to_owned) };
            return none(BlindReason::NoTrail, Some(remedy));
        }
        if self.files.is_empty() && !self.has_trail_files() {
            return none(BlindReason::NoTrailFiles, Some(CoverageRemedy::GiveFiles));
        }
        let by_files = (0..self.files.len()).map(|index| self.by_files(index, question, asked));
        let is_read =
            |index: usize| self.files.iter().any(|files| files.destinations.iter().flatten().any(|i| *i == index));
        let unread = trails.trails.iter().enumerate().filter(|(index, _)| !is_read(*index));
        let by_unread = unread.map(|(index, trail)| self.by_trail((index, trail), None, question, asked));
        let best = by_files.chain(by_unread).min_by_key(|answer| (answer.rank(), !blames_files(answer)));
        best.unwrap_or_else(|| unknown(BlindReason::NoTrail))
    }

    /// By files of one destination: the best of its trails. By files that may be of several: the least that
    /// any of these logs.
    fn by_files(&self, at: usize, question: &CoverageQuestion<'_>, asked: EventsAsked<'_>) -> Observability {
        let Some(files) = self.files.get(at) else { return unknown(BlindReason::NoTrail) };
        let trails = self.evidence.trails.map_or(&[][..], |trails| &trails.trails);
        let by_destination = |destination: &Vec<usize>| {
            let trails = destination.iter().filter_map(|index| Some((*index, trails.get(*index)?)));
            let answers = trails.map(|trail| (self.by_trail(trail, Some((at, files)), question, asked), trail.1));
            answers.min_by_key(|(answer, _)| answer.rank())
        };
        let mut answers = files.destinations.iter().filter_map(by_destination);
        let Some((mut answer, mut trail)) = answers.next() else { return unknown(BlindReason::NoTrail) };
        let mut logged_by_some = !matches!(answer, Observability::None { .. });
        for (next, of) in answers {
            logged_by_some |= !matches!(next, Observability::None { .. });
            if next.rank() > answer.rank() {
                (answer, trail) = (next, of);
            }
        }
        if files.destinations.len() > 1 && logged_by_some && matches!(answer, Observability::None { .. }) {
            let named = files.destinations.iter().flatten().filter_map(|index| trails.get(*index));
            let trails = named.map(|trail| trail.name.clone()).collect();
            let reason = BlindReason::FilesNotTold { trails, without: trail.name.clone() };
            return none(reason, Some(CoverageRemedy::GiveFilesOfTrail { trail: trail.name.clone() }));
        }
        if matches!(answer, Observability::None { .. }) {
            return answer;
        }
        worse(answer, self.known.read_over(at, asked.region).answer(&trail.name, asked.region))
    }

    /// True if files that a trail delivered were among what was read, of whichever account.
    fn has_trail_files(&self) -> bool {
        self.evidence
            .facts
            .read()
            .any(|(source, ..)| matches!(source, RecordSource::TrailFiles { .. } | RecordSource::Folder { .. }))
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

    /// Coverage by source, in the order of the trails, event history last.
    pub fn sources(&self) -> Vec<SourceSummary> {
        let trails = self.evidence.trails.map_or(&[][..], |trails| &trails.trails);
        let mut sources: Vec<SourceSummary> =
            trails.iter().enumerate().map(|(index, trail)| self.of_trail(index, trail)).collect();
        if let Some(history) = self.evidence.history {
            let answers = history.days.keys().map(|region| self.by_history(history, Some(region)));
            sources.push(SourceSummary {
                name: "event history".to_owned(),
                regions: history.days.keys().cloned().collect(),
                management: true,
                data_types: Vec::new(),
                window: answers.reduce(worse).unwrap_or_else(|| partial(BlindReason::HistoryTooShort, None)),
            });
        }
        sources
    }

    fn of_trail(&self, index: usize, trail: &Trail) -> SourceSummary {
        let selectors = trail.selectors.as_ref();
        let home = trail.home_region.clone().unwrap_or_else(|| "unknown".to_owned());
        let files = self.files.iter().position(|files| files.destinations.iter().flatten().any(|of| *of == index));
        let window = if trail.is_foreign(self.evidence.account) {
            none(BlindReason::TrailOfAnotherAccount { trail: trail.name.clone() }, None)
        } else if selectors.is_none() {
            unknown(BlindReason::SelectorsUnknown { trail: trail.name.clone() })
        } else {
            let read = match files {
                Some(at) => self.known.read_over(at, None).answer(&trail.name, None),
                None => none(BlindReason::NotRead { trail: trail.name.clone() }, None),
            };
            worse(self.over_window(trail), read)
        };
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
            window,
        }
    }
}

pub(super) fn none(reason: BlindReason, remedy: Option<CoverageRemedy>) -> Observability {
    Observability::None { reason, remedy }
}

pub(super) fn partial(reason: BlindReason, since: Option<Timestamp>) -> Observability {
    Observability::Partial { reason, since }
}

/// The settings of a trail are not known.
pub(super) fn unknown(reason: BlindReason) -> Observability {
    none(reason, Some(CoverageRemedy::AddTrailSettings))
}

fn better(one: Observability, two: Observability) -> Observability {
    if two.rank() < one.rank() { two } else { one }
}

pub(super) fn worse(one: Observability, two: Observability) -> Observability {
    if two.rank() > one.rank() { two } else { one }
}

/// Of reasons that weigh the same the one that names missing files explains the most.
fn blames_files(answer: &Observability) -> bool {
    use BlindReason::{DaysNotRead, FilesNotTold, NotInFiles, NotRead};
    matches!(answer.reason(), Some(NotRead { .. } | NotInFiles { .. } | DaysNotRead { .. } | FilesNotTold { .. }))
}

/// The Regions whose logs have to be read: `None` stands for those that are not named.
fn regions_of<'q>(question: &CoverageQuestion<'q>) -> Vec<Option<&'q str>> {
    if question.event_source.is_some_and(is_global) {
        return vec![Some(GLOBAL_REGION)];
    }
    match question.region {
        Some(region) => vec![Some(region)],
        None => question.work_regions.iter().map(|region| Some(*region)).chain([None]).collect(),
    }
}

#[cfg(test)]
mod tests;
