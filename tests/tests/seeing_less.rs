//! Seeing less never removes more: with files missing nothing becomes unused that was kept with all of them.
//!
//! Digests name the files of each hour, so with them the loss of any one file is noticed. Without them a
//! Region and day without files may have been quiet; whole Regions are noticed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use whittle_analysis::issue::{Issue, IssueKind};
use whittle_analysis::result::{Report, Verdict};
use whittle_local::snapshot::SnapshotFolder;
use whittle_local::store::SqliteStore;
use whittle_local::trail::TrailFolder;
use whittle_pipeline::marks::ReadMarks;
use whittle_pipeline::ports::{PortError, TrailObjects};
use whittle_pipeline::run::{RunSettings, run};
use whittle_pipeline::trail_object::TrailObject;
use whittle_policy::ResourcePattern;
use whittle_snapshot::{FileProblem, SnapshotFiles};

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

/// The snapshot of the example with another list of trails.
struct OtherTrails {
    all: SnapshotFolder,
    trails: String,
}

impl SnapshotFiles for OtherTrails {
    fn shown(&self) -> String {
        self.all.shown()
    }

    fn text(&self, file: &str) -> Result<Option<String>, FileProblem> {
        if file == "trails.json" { Ok(Some(self.trails.clone())) } else { self.all.text(file) }
    }

    fn names(&self, folder: &str) -> Result<Option<BTreeSet<String>>, FileProblem> {
        self.all.names(folder)
    }

    fn exists(&self, file: &str) -> bool {
        self.all.exists(file)
    }
}

fn report(missing: impl Fn(&str) -> bool + Send + Sync) -> Report {
    report_of(&SnapshotFolder::open(shop()).unwrap(), missing)
}

fn report_of(snapshot: &dyn SnapshotFiles, missing: impl Fn(&str) -> bool + Send + Sync) -> Report {
    let trail = Without { all: TrailFolder::new(vec![shop().join("trail")]), missing };
    let mut store = SqliteStore::open_in_memory().unwrap();
    run(snapshot, &trail, &mut store, &RunSettings::default(), &mut ()).unwrap().report
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
    compare(whole, what, &kept(&report(missing)));
}

#[track_caller]
fn compare(whole: &Kept, what: &str, less: &Kept) {
    let untouched = untouched();
    for (key, patterns) in less {
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
    let said = |report: &Report| report.issues.iter().any(|issue| issue.kind == IssueKind::NoDigests);
    assert!(said(&report(is_digest)) && !said(&report(|_| false)));
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

/// A trail that the inventory has and whose files nobody read proves nothing, whatever it logs, and it casts
/// doubt on where the files at hand came from.
#[test]
fn trails_whose_files_are_not_there() {
    let whole = kept(&report(|_| false));
    let known: Value = serde_json::from_str(&std::fs::read_to_string(shop().join("trails.json")).unwrap()).unwrap();
    let everything = json!([
        {"FieldSelectors": [{"Field": "eventCategory", "Equals": ["Management"]}]},
        {"FieldSelectors": [
            {"Field": "eventCategory", "Equals": ["Data"]},
            {"Field": "resources.type", "Equals": ["AWS::SQS::Queue", "AWS::SNS::Topic", "AWS::Glue::Table"]},
        ]},
    ]);
    for (name, of_organization, regions) in
        [("other", false, true), ("organisation", true, true), ("one-region", false, false)]
    {
        let mut trails = known.clone();
        let list = trails["trailList"].as_array_mut().unwrap();
        let mut trail = list[0].clone();
        for (member, value) in [
            ("Name", json!(name)),
            ("TrailARN", json!(format!("arn:aws:cloudtrail:eu-central-1:111122223333:trail/{name}"))),
            ("S3BucketName", json!("another-bucket")),
            ("IsOrganizationTrail", json!(of_organization)),
            ("IsMultiRegionTrail", json!(regions)),
            ("AdvancedEventSelectors", everything.clone()),
        ] {
            trail[member] = value;
        }
        list.push(trail);
        let other = OtherTrails { all: SnapshotFolder::open(shop()).unwrap(), trails: trails.to_string() };
        compare(&whole, &format!("the files of {name}"), &kept(&report_of(&other, |_| false)));
        // And alone: nobody knows what the files at hand are of.
        trails["trailList"].as_array_mut().unwrap().remove(0);
        let other = OtherTrails { all: SnapshotFolder::open(shop()).unwrap(), trails: trails.to_string() };
        compare(&whole, &format!("any trail but {name}"), &kept(&report_of(&other, |_| false)));
    }
    // A trail of another account that is no organisation's.
    let text = known.to_string().replace("111122223333:trail", "444455556666:trail");
    let report = report_of(&OtherTrails { all: SnapshotFolder::open(shop()).unwrap(), trails: text }, |_| false);
    let issue = report.issues.iter().find(|issue| issue.kind == IssueKind::TrailConfiguration).unwrap();
    assert!(issue.message.contains("another account than 111122223333"), "{issue:?}");
    compare(&whole, "a trail of this account", &kept(&report));
}
