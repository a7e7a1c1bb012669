//! What holds for every question: worked out once, since an account asks tens of thousands.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::assess::{Coverage, GLOBAL_REGION};
use super::question::Observability;
use super::read_days::ReadState;

/// Answers that depend on no question. Files and trails are named by their positions.
#[derive(Debug, Clone, Default)]
pub(super) struct KnownAnswers {
    /// Files → Region → what was read of it; `None` for any Region.
    read: Vec<HashMap<Option<String>, ReadState>>,
    /// Files → what was read of a Region that nothing names.
    absent: Vec<ReadState>,
    /// Files and trails: changes of the trail would have been read while these files were.
    sees_changes: HashSet<(usize, usize)>,
    /// Files with data events (`true`) or management events (`false`) inside the window.
    holds: HashSet<(usize, bool)>,
    /// Trail → was it logging over the window, unchanged?
    logging: Vec<Observability>,
}

impl KnownAnswers {
    pub(super) fn of(coverage: &Coverage<'_>) -> Self {
        let evidence = coverage.evidence();
        let window = coverage.files_window();
        let named: BTreeSet<&str> =
            evidence.facts.regions_of(evidence.account).map(|(region, _)| region).chain([GLOBAL_REGION]).collect();
        let trails = evidence.trails.map_or(&[][..], |trails| &trails.trails);
        let mut known = Self::default();
        for (at, files) in coverage.files().iter().enumerate() {
            let regions = named.iter().map(|region| Some(*region)).chain([None]);
            let state = |region: Option<&str>| (region.map(str::to_owned), coverage.read_state(files, region));
            known.read.push(regions.map(state).collect());
            known.absent.push(coverage.read_state(files, Some("")));
            for index in files.destinations.iter().flatten() {
                if trails.get(*index).is_some_and(|trail| coverage.sees_changes_of(trail, files)) {
                    known.sees_changes.insert((at, *index));
                }
            }
            for data in [false, true] {
                let of_kind = |facts: &crate::ledger::RegionFacts| {
                    if data { &facts.data } else { &facts.management }.intersects(window.start, window.end)
                };
                if files.regions.values().any(of_kind) {
                    known.holds.insert((at, data));
                }
            }
        }
        known.logging = trails.iter().map(|trail| coverage.over_window(trail)).collect();
        known
    }

    pub(super) fn read_over(&self, at: usize, region: Option<&str>) -> ReadState {
        let known = self.read.get(at).and_then(|regions| regions.get(&region.map(str::to_owned)));
        known.or_else(|| self.absent.get(at)).copied().unwrap_or(ReadState::Nothing)
    }

    pub(super) fn sees_changes(&self, at: usize, trail: usize) -> bool {
        self.sees_changes.contains(&(at, trail))
    }

    pub(super) fn holds(&self, at: usize, data: bool) -> bool {
        self.holds.contains(&(at, data))
    }

    pub(super) fn logging(&self, trail: usize) -> Option<&Observability> {
        self.logging.get(trail)
    }
}
