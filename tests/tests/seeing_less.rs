//! Seeing less never removes more: with files missing nothing becomes unused that was kept with all of them.
//!
//! Digests name the files of each hour, so with them the loss of any one file is noticed. Without them a
//! Region and day without files may have been quiet; whole Regions are noticed.

use std::collections::{BTreeMap, BTreeSet};

use whittle_analysis::issue::Issue;
use whittle_analysis::result::{Report, Verdict};
use whittle_local::snapshot::SnapshotFolder;
use whittle_local::store::SqliteStore;
use whittle_local::trail::TrailFolder;
use whittle_pipeline::marks::ReadMarks;
use whittle_pipeline::ports::{PortError, TrailObjects};
use whittle_pipeline::run::{RunSettings, run};
use whittle_pipeline::trail_object::TrailObject;
use whittle_policy::ResourcePattern;

use crate::support::shop;

/// The trail of the example without some of its files.
struct Without<F: Fn(&str) -> bool + Send + Sync> {
    all: TrailFolder,
    missing: F,
}

impl<F: Fn(&str) -> bool + Send + Sync> TrailObjects for Without<F> {
    fn list(&self, marks: &ReadMarks) -> Result<(Vec<TrailObject>, Vec<Issue>), PortError> {
        let (mut objects, issues) = self.all.list(marks)?;
        objects.retain(|object| !(self.missing)(&object.key));
        Ok((objects, issues))
    }

    fn read(&self, object: &TrailObject) -> Result<Vec<u8>, PortError> {
        self.all.read(object)
    }
}

fn report(missing: impl Fn(&str) -> bool + Send + Sync) -> Report {
    let snapshot = SnapshotFolder::open(shop()).unwrap();
    let trail = Without { all: TrailFolder::new(vec![shop().join("trail")]), missing };
    let mut store = SqliteStore::open_in_memory().unwrap();
    run(&snapshot, &trail, &mut store, &RunSettings::default(), &mut ()).unwrap().report
}

/// What each suggestion keeps: (function, action) → resource patterns, none for an action that is gone.
type Kept = BTreeMap<(String, String), Vec<ResourcePattern>>;

fn kept(report: &Report) -> Kept {
    let rows = report.functions.iter().filter(|function| function.suggestion.is_some()).flat_map(|function| {
        function.verdicts.iter().map(move |row| ((function.function_arn.clone(), row.action.clone()), row))
    });
    rows.map(|(key, row)| {
        let patterns = row.resources.iter().map(|text| ResourcePattern::new(text.as_str()));
        (key, if row.verdict == Verdict::Unused { Vec::new() } else { patterns.collect() })
    })
    .collect()
}

fn unused(kept: &Kept) -> usize {
    kept.values().filter(|patterns| patterns.is_empty()).count()
}

/// Actions of services that IAM never saw the role of a function access: their absence rests on IAM alone.
fn untouched() -> BTreeSet<(String, String)> {
    let snapshot = SnapshotFolder::open(shop()).unwrap();
    let inventory = whittle_snapshot::read_inventory(&snapshot).unwrap();
    let mut out = BTreeSet::new();
    for function in inventory.functions.values() {
        for role in function.roles() {
            let report = inventory.roles.get(role).and_then(|role| role.last_accessed.as_ref());
            let services = report.into_iter().flat_map(|report| &report.services);
            out.extend(
                services
                    .filter(|(_, last)| last.is_none())
                    .map(|(service, _)| (function.arn.to_string(), service.clone())),
            );
        }
    }
    out
}

#[track_caller]
fn check(whole: &Kept, what: &str, missing: impl Fn(&str) -> bool + Send + Sync) {
    let less = kept(&report(missing));
    let untouched = untouched();
    for (key, patterns) in &less {
        let service = key.1.split(':').next().unwrap_or_default().to_owned();
        // A NotResource element that stays as it is says so in words.
        let as_granted = patterns.iter().any(|pattern| pattern.as_str().starts_with("everything but"));
        if as_granted || untouched.contains(&(key.0.clone(), service)) {
            continue;
        }
        let lost = whole[key].iter().find(|wanted| !patterns.iter().any(|pattern| pattern.covers(wanted)));
        assert!(lost.is_none(), "without {what}: {key:?} loses {lost:?}, it keeps {patterns:?}");
    }
}

fn keys() -> Vec<String> {
    let (objects, _) = TrailFolder::new(vec![shop().join("trail")]).list(&ReadMarks::default()).unwrap();
    objects.into_iter().map(|object| object.key).collect()
}

fn is_digest(key: &str) -> bool {
    key.contains("/CloudTrail-Digest/")
}

/// Region and day of a key.
fn region_day(key: &str) -> (String, String) {
    let parts: Vec<&str> = key.split('/').collect();
    (parts[3].to_owned(), parts[4..7].join("-"))
}

#[test]
fn whole_regions() {
    let whole = kept(&report(|_| false));
    assert!(unused(&whole) > 30, "the example has lost its unused actions: {}", unused(&whole));
    for region in ["eu-central-1", "us-east-1"] {
        let of_region = |key: &str| key.contains(&format!("/{region}/"));
        check(&whole, region, of_region);
        check(&whole, &format!("{region}, and without any digest"), |key| is_digest(key) || of_region(key));
    }
    check(&whole, "digests", is_digest);
    check(&whole, "any log file", |key| !is_digest(key));
    check(&whole, "any file", |_| true);
}

/// Of each Region every ninth day, with and without its digests.
#[test]
fn days_of_a_region() {
    let whole = kept(&report(|_| false));
    let days: BTreeSet<(String, String)> = keys().iter().map(|key| region_day(key)).collect();
    for (region, day) in days.iter().step_by(9) {
        let of_day = |key: &str| region_day(key) == (region.clone(), day.clone());
        check(&whole, &format!("{region} on {day}"), of_day);
        check(&whole, &format!("the log files of {region} on {day}"), |key| !is_digest(key) && of_day(key));
    }
}

#[test]
fn single_files() {
    let whole = kept(&report(|_| false));
    // One file for each pair of a Region and a number of files that day, so that the odd ones are among them.
    let mut per_day: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for key in keys().into_iter().filter(|key| !is_digest(key)) {
        per_day.entry(region_day(&key)).or_default().push(key);
    }
    let several = per_day.values().filter(|keys| keys.len() > 1).take(4).map(|keys| keys[0].clone());
    let single = per_day.values().filter(|keys| keys.len() == 1).step_by(17).map(|keys| keys[0].clone());
    for file in several.chain(single) {
        check(&whole, &file, |key| key == file);
    }
}
