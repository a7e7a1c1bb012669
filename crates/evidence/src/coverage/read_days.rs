//! Days that were read: gaps in the files of a Region.
//!
//! CloudTrail writes no file for a Region and day without events, so a day without files is either quiet or
//! lost. At most [`MAX_QUIET_DAYS`] in a row count as quiet, and none on which another source shows
//! management events that these trails log too.

use std::ops::Range;

use super::assess::Coverage;
use super::files::FilesRead;
use super::question::{DayWindow, Observability};
use super::reason::{BlindReason, CoverageRemedy};
use super::selectors::Events;
use crate::ledger::days::start_of_day;
use crate::ledger::{DaySet, RecordSource};

/// Days in a row without a file that a Region in which functions work may have. More is missing evidence: a
/// function that runs leaves management events.
pub const MAX_QUIET_DAYS: i32 = 14;

/// What was read of some files, in one Region or in any, over the days asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadState {
    /// Nothing inside the window.
    Nothing,
    /// No day of those asked about.
    NoDay,
    /// All days.
    All,
    /// Days are missing: their number, and whether these are all.
    Missing { days: u32, all: bool },
    /// All days from this one on, of which the window has so many.
    Since { day: i32, days: u32 },
}

impl ReadState {
    /// As an answer about the trail that delivered the files.
    pub(super) fn answer(self, trail: &str, region: Option<&str>) -> Observability {
        let trail = || trail.to_owned();
        let no_day = || BlindReason::NoEventOnDays;
        let of_days = || Some(CoverageRemedy::GiveFilesOfDays { trail: trail() });
        match self {
            Self::All => Observability::Full,
            Self::Nothing => Observability::None {
                reason: BlindReason::NotRead { trail: trail() },
                remedy: Some(CoverageRemedy::GiveFilesOfTrail { trail: trail() }),
            },
            Self::NoDay => Observability::None { reason: no_day(), remedy: of_days() },
            Self::Missing { days, all } => {
                let reason = match region {
                    Some(region) => BlindReason::DaysNotRead { trail: trail(), region: region.to_owned(), days },
                    None => no_day(),
                };
                if all {
                    Observability::None { reason, remedy: of_days() }
                } else {
                    Observability::Partial { reason, since: None }
                }
            }
            Self::Since { day, days } => Observability::Partial {
                reason: BlindReason::FilesOfDaysOnly { trail: trail(), days },
                since: start_of_day(day),
            },
        }
    }
}

impl Coverage<'_> {
    /// Were the files of `region` read over the window (of any Region, for `None`)?
    pub(super) fn read_state(&self, files: &FilesRead, region: Option<&str>) -> ReadState {
        let DayWindow { start, end } = self.files_window();
        let asked = self.evidence().window;
        let any = files.days(None);
        let Some(first) = any.iter().find(|day| (start..end).contains(day)) else { return ReadState::Nothing };
        if asked != self.files_window() && !any.intersects(asked.start, asked.end) {
            return ReadState::NoDay;
        }
        let days = files.days(region);
        let witness = region.map(|region| self.witness(files, region)).unwrap_or_default();
        let mut missing = missing_days(first..end, &days, &witness, self.evidence().assume_quiet_days);
        if let Some(region) = region {
            missing = by_digests(missing, first..end, files, region, &witness);
        }
        let missing = missing.iter().filter(|day| (asked.start..asked.end).contains(day)).count();
        if missing > 0 {
            let days = u32::try_from(missing).unwrap_or(u32::MAX);
            return ReadState::Missing { days, all: days >= asked.days() };
        }
        if first <= asked.start {
            ReadState::All
        } else if first >= asked.end {
            ReadState::NoDay
        } else {
            ReadState::Since { day: first, days: u32::try_from(end.saturating_sub(first)).unwrap_or(0) }
        }
    }

    /// Were the management events of a Region of `owner` read, by whichever source, since these files begin?
    pub(super) fn reads_management_of(&self, owner: &str, region: &str, files: &FilesRead) -> bool {
        let evidence = self.evidence();
        if owner == evidence.account
            && evidence.history.is_some_and(|history| self.by_history(history, Some(region)).is_full())
        {
            return true;
        }
        let window = self.files_window();
        let mut days = DaySet::new();
        for (source, of, facts) in evidence.facts.read_of(owner) {
            if (of == region || of.is_empty()) && *source != RecordSource::Other {
                days.union(&facts.management);
            }
        }
        let first = files.days(None).iter().find(|day| *day >= window.start).unwrap_or(window.start);
        missing_days(first..window.end, &days, &DaySet::new(), evidence.assume_quiet_days).is_empty()
    }

    /// Days on which another source shows management events of the Region, where these trails log all such
    /// events. Not the last day of the window: sources are not equally late.
    fn witness(&self, files: &FilesRead, region: &str) -> DaySet {
        let trails = self.evidence().trails.map_or(&[][..], |trails| &trails.trails);
        let log_all = files.destinations.iter().flatten().filter_map(|index| trails.get(*index)).all(|trail| {
            trail.selectors.as_ref().is_some_and(|selectors| {
                [true, false].into_iter().all(|read_only| selectors.cover(&Events::all_management(read_only)))
            })
        });
        let mut days = DaySet::new();
        if !log_all {
            return days;
        }
        let last = self.files_window().end.saturating_sub(1);
        for (source, of, facts) in self.evidence().facts.read_of(self.evidence().account) {
            if of == region && !files.sources.contains(source) && *source != RecordSource::Other {
                for day in facts.management.iter().filter(|day| *day != last) {
                    days.insert(day);
                }
            }
        }
        days
    }
}

/// The same where digests tell: of a day that digests list in full nothing is missing, since files that they
/// name and that are not there are lost evidence of their own. Between the first and the last digest any
/// other day is missing.
fn by_digests(mut missing: Vec<i32>, span: Range<i32>, files: &FilesRead, region: &str, witness: &DaySet) -> Vec<i32> {
    let Some((first, last)) = files.digest_span() else { return missing };
    let listed = files.digested_days(region);
    missing.retain(|day| !listed.contains(*day) || witness.contains(*day));
    // The first and the last day have digests for a part of them alone.
    missing.extend((first.saturating_add(1)..last).filter(|day| span.contains(day) && !listed.contains(*day)));
    missing.sort_unstable();
    missing.dedup();
    missing
}

/// The days of `span` that were not read, sorted.
fn missing_days(span: Range<i32>, read: &DaySet, witness: &DaySet, assume_quiet: bool) -> Vec<i32> {
    let mut missing = Vec::new();
    let mut run: Vec<i32> = Vec::new();
    let limit = usize::try_from(MAX_QUIET_DAYS).unwrap_or(usize::MAX);
    for day in span.start..=span.end {
        if day < span.end && !read.contains(day) {
            run.push(day);
            continue;
        }
        if run.len() > limit && !assume_quiet {
            missing.append(&mut run);
        } else {
            missing.extend(run.drain(..).filter(|day| witness.contains(*day)));
        }
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(one: Range<i32>, other: Range<i32>) -> DaySet {
        one.chain(other).collect()
    }

    #[test]
    fn a_fortnight_may_be_quiet_and_a_day_more_is_missing() {
        let none = DaySet::new();
        assert_eq!(missing_days(0..40, &days(0..10, 24..40), &none, false), [0_i32; 0]);
        assert_eq!(missing_days(0..40, &days(0..10, 25..40), &none, false), (10..25).collect::<Vec<_>>());
        assert_eq!(missing_days(0..40, &days(0..10, 25..40), &none, true), [0_i32; 0]);
        // Also at the ends of the window.
        assert_eq!(missing_days(0..40, &days(15..40, 0..0), &none, false).len(), 15);
        assert_eq!(missing_days(0..40, &days(0..20, 0..0), &none, false).len(), 20);
        assert_eq!(missing_days(0..40, &none, &none, false).len(), 40);
    }

    #[test]
    fn a_day_that_another_source_shows_is_missing() {
        assert_eq!(missing_days(0..40, &days(0..10, 12..40), &days(3..12, 0..0), true), [10, 11]);
    }
}
