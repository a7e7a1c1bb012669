//! Which trails the files at hand came from, and over which days and Regions they were read.
//!
//! A folder does not say which trail filled it. It is matched by what its keys and records tell: bucket and
//! prefix, organisation, Region, and classes of events that only one trail logs. Trails with one destination
//! (bucket, prefix, organisation) share their folder. Files that may be those of several destinations count
//! for the least that any of these logs.

use std::collections::{BTreeMap, BTreeSet};

use super::selectors::Selectors;
use super::trails::{Trail, Trails};
use crate::ledger::{AccountFacts, DaySet, RecordSource, RegionFacts};

/// Files that were read, and the trails that they may have come from.
#[derive(Debug, Clone)]
pub(super) struct FilesRead {
    /// Trails by destination, as positions in the list of trails. One destination: the files are those of its
    /// trails. Several: they may be those of any of them.
    pub(super) destinations: Vec<Vec<usize>>,
    /// What was read by Region; the Region is empty for records that do not tell.
    pub(super) regions: BTreeMap<String, RegionFacts>,
    /// Where they were read.
    pub(super) sources: BTreeSet<RecordSource>,
}

impl FilesRead {
    /// Days on which files of the Region were read; `None`: of any Region.
    pub(super) fn days(&self, region: Option<&str>) -> DaySet {
        let mut days = DaySet::new();
        for (of, facts) in &self.regions {
            if region.is_none_or(|region| of == region || of.is_empty()) {
                days.union(&facts.management);
                days.union(&facts.data);
                days.union(&facts.files);
            }
        }
        days
    }

    /// The days between the first and the last digest, over all Regions: on these a Region's files are known.
    pub(super) fn digest_span(&self) -> Option<(i32, i32)> {
        let spans = self.regions.values().filter_map(RegionFacts::digest_span);
        spans.reduce(|one, two| (one.0.min(two.0), one.1.max(two.1)))
    }

    /// Days of which digests list all files of the Region.
    pub(super) fn digested_days(&self, region: &str) -> DaySet {
        self.regions.get(region).map(RegionFacts::digested_days).unwrap_or_default()
    }

    /// The first day on which the files hold an event of the class.
    pub(super) fn first_of(&self, class: EventClass<'_>) -> Option<i32> {
        self.regions.values().filter_map(|facts| class.days(facts)?.first()).min()
    }
}

/// A class of events that trails select apart from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EventClass<'a> {
    /// `resources.type` of data events; `None` for management events.
    pub(super) data_type: Option<&'a str>,
    /// Only the events that read.
    pub(super) reads: bool,
}

impl EventClass<'_> {
    /// Days with such an event.
    fn days<'f>(&self, facts: &'f RegionFacts) -> Option<&'f DaySet> {
        let days = match (self.data_type, self.reads) {
            (None, false) => &facts.management,
            (None, true) => &facts.management_reads,
            (Some(kind), false) => facts.data_types.get(kind)?,
            (Some(kind), true) => facts.data_type_reads.get(kind)?,
        };
        (!days.is_empty()).then_some(days)
    }

    fn is_selected(&self, selectors: &Selectors) -> bool {
        self.data_type.map_or_else(|| selectors.has_management(), |kind| selectors.data_types().contains(&kind))
    }
}

/// Matches what was read of `account` to its trails. Sources that match no trail are left out.
pub(super) fn match_files(trails: &Trails, facts: &AccountFacts, account: &str) -> Vec<FilesRead> {
    let mut all: Vec<FilesRead> = Vec::new();
    for (source, region, facts) in facts.read_of(account) {
        if !matches!(source, RecordSource::TrailFiles { .. } | RecordSource::Folder { .. }) {
            continue;
        }
        let fitting: Vec<usize> = trails
            .trails
            .iter()
            .enumerate()
            .filter(|(_, trail)| fits(trail, source, region, account))
            .map(|(index, _)| index)
            .collect();
        let destinations = by_destination(trails, &named_by_digests(trails, fitting, facts));
        if destinations.is_empty() {
            continue;
        }
        if destinations.len() > 1 {
            for (destination, told) in told_by_classes(trails, &destinations, facts) {
                add(&mut all, vec![destination], source, region, &told);
            }
        }
        add(&mut all, destinations, source, region, facts);
    }
    all
}

fn add(
    all: &mut Vec<FilesRead>,
    destinations: Vec<Vec<usize>>,
    source: &RecordSource,
    region: &str,
    facts: &RegionFacts,
) {
    let at = all.iter().position(|files| files.destinations == destinations).unwrap_or_else(|| {
        all.push(FilesRead { destinations, regions: BTreeMap::new(), sources: BTreeSet::new() });
        all.len() - 1
    });
    let Some(files) = all.get_mut(at) else { return };
    files.regions.entry(region.to_owned()).or_default().merge(facts);
    files.sources.insert(source.clone());
}

/// True unless something shows that the trail did not deliver these files.
fn fits(trail: &Trail, source: &RecordSource, region: &str, account: &str) -> bool {
    if trail.is_foreign(account) {
        return false;
    }
    if let RecordSource::TrailFiles { organization, .. } = source
        && organization.is_some() != trail.is_organization_trail
    {
        return false;
    }
    if let (Some((bucket, prefix)), Some(own)) = (source.bucket(), &trail.bucket) {
        let own_prefix = trail.key_prefix.as_deref().unwrap_or_default().trim_matches('/');
        if bucket != own || prefix.trim_matches('/') != own_prefix {
            return false;
        }
    }
    trail.is_multi_region || region.is_empty() || trail.home_region.as_deref().is_none_or(|home| home == region)
}

/// The trails that digests beside the files name; all of them without digests. Digests of a trail that is not
/// known show that the files are of none that is.
fn named_by_digests(trails: &Trails, fitting: Vec<usize>, facts: &RegionFacts) -> Vec<usize> {
    if facts.digest_trails.is_empty() {
        return fitting;
    }
    let is_named = |index: &usize| {
        trails.trails.get(*index).is_some_and(|trail| match trail.home_region.as_deref() {
            Some(home) => facts.digest_trails.contains(&format!("{home}:{}", trail.name)),
            None => facts.digest_trails.iter().any(|of| of.split_once(':').is_some_and(|(_, name)| name == trail.name)),
        })
    };
    fitting.into_iter().filter(is_named).collect()
}

/// The trails by where they deliver to. A trail that does not say delivers to a place of its own.
fn by_destination(trails: &Trails, fitting: &[usize]) -> Vec<Vec<usize>> {
    let mut known: BTreeMap<(&str, &str, bool), Vec<usize>> = BTreeMap::new();
    let mut out: Vec<Vec<usize>> = Vec::new();
    for &index in fitting {
        let Some(trail) = trails.trails.get(index) else { continue };
        match &trail.bucket {
            Some(bucket) => {
                let prefix = trail.key_prefix.as_deref().unwrap_or_default().trim_matches('/');
                known.entry((bucket, prefix, trail.is_organization_trail)).or_default().push(index);
            }
            None => out.push(vec![index]),
        }
    }
    out.extend(known.into_values());
    out.sort();
    out
}

/// The part of what was read that can only have come from one of the destinations: classes of events that no
/// other selects.
fn told_by_classes(
    trails: &Trails,
    destinations: &[Vec<usize>],
    facts: &RegionFacts,
) -> Vec<(Vec<usize>, RegionFacts)> {
    let only_one = |class: EventClass<'_>| -> Option<&Vec<usize>> {
        let may_log = |destination: &&Vec<usize>| {
            destination
                .iter()
                .filter_map(|index| trails.trails.get(*index))
                .any(|trail| trail.selectors.as_ref().is_none_or(|selectors| class.is_selected(selectors)))
        };
        let mut logging = destinations.iter().filter(may_log);
        logging.next().filter(|_| logging.next().is_none())
    };
    let mut told: BTreeMap<&Vec<usize>, RegionFacts> = BTreeMap::new();
    if let Some(destination) = only_one(EventClass { data_type: None, reads: false }) {
        let part = told.entry(destination).or_default();
        part.any.union(&facts.management);
        part.management.union(&facts.management);
        part.management_reads.union(&facts.management_reads);
    }
    for (kind, days) in &facts.data_types {
        if let Some(destination) = only_one(EventClass { data_type: Some(kind), reads: false }) {
            let part = told.entry(destination).or_default();
            part.any.union(days);
            part.data.union(days);
            part.data_types.insert(kind.clone(), days.clone());
            if let Some(reads) = facts.data_type_reads.get(kind) {
                part.data_type_reads.insert(kind.clone(), reads.clone());
            }
        }
    }
    told.into_iter().filter(|(_, part)| !part.any.is_empty()).map(|(of, part)| (of.clone(), part)).collect()
}
