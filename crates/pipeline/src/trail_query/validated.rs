//! Which days of a trail were checked against its digest files.

use std::collections::BTreeMap;
use std::ops::Range;

use whittle_evidence::ledger::{DaySet, Ledger};

/// What the digests of one Region say of its files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ValidatedRegion {
    /// The Region.
    pub region: String,
    /// Days of which digests list every file.
    pub digested: DaySet,
    /// Those of them on which every file has the hash that its digest names.
    pub verified: DaySet,
    /// Those of them whose digests all have a valid signature of CloudTrail.
    pub signed: DaySet,
}

/// The Regions of an account that digest files are at hand of, sorted.
pub fn validated_days(ledger: &Ledger, account: &str) -> Vec<ValidatedRegion> {
    let mut regions: BTreeMap<&str, ValidatedRegion> = BTreeMap::new();
    for (region, facts) in ledger.account().regions_of(account).filter(|(_, facts)| !facts.digested.is_empty()) {
        let of_region = regions.entry(region).or_default();
        region.clone_into(&mut of_region.region);
        of_region.digested.union(&facts.digested_days());
        of_region.verified.union(&facts.verified_days());
        of_region.signed.union(&facts.signed_days());
    }
    regions.into_values().collect()
}

/// Days in a row.
pub fn day_runs(days: &DaySet) -> Vec<Range<i32>> {
    let mut runs: Vec<Range<i32>> = Vec::new();
    for day in days.iter() {
        match runs.last_mut() {
            Some(last) if last.end == day => last.end = day.saturating_add(1),
            _ => runs.push(day..day.saturating_add(1)),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_in_a_row_are_one_run() {
        let days: DaySet = [3, 4, 5, 9].into_iter().collect();
        assert_eq!(day_runs(&days), [3..6, 9..10]);
        assert_eq!(day_runs(&DaySet::new()), []);
    }
}
