use std::collections::BTreeMap;

use whittle_evidence::read::IssueKind as FileIssueKind;
use whittle_pipeline::marks::ReadMarks;
use whittle_pipeline::trail_object::TrailObject;

use super::super::list::from;
use super::*;

const SOURCE: &str = "s3://b/AWSLogs/111122223333/CloudTrail/eu-west-1/";

const HOUR: i64 = 60;

/// The key of a file that was delivered so many minutes after the beginning of 2026-08-01.
fn key(minute: i64, unique: usize) -> String {
    let begin: DateTime = "2026-08-01T00:00:00".parse().unwrap();
    let time = begin + SignedDuration::from_mins(minute);
    format!(
        "{}/111122223333_CloudTrail_eu-west-1_{}_{unique:04}.json.gz",
        time.strftime("%Y/%m/%d"),
        time.strftime("%Y%m%dT%H%MZ"),
    )
}

fn day(day: i64) -> String {
    key(day * 24 * HOUR, 0).get(..10).unwrap().to_owned()
}

fn horizon() -> Horizon {
    Horizon { kept_since: "2026/07/01".to_owned(), ahead: "2027/01/01".to_owned() }
}

fn object(key: &str) -> TrailObject {
    TrailObject { source: SOURCE.to_owned(), key: key.to_owned(), version: "1".to_owned(), size_bytes: 1 }
}

fn listed(start: &str, end: Option<&str>) -> Listed {
    Listed { start: start.to_owned(), known: None, end: end.map(str::to_owned) }
}

fn read(keys: &[String]) -> ReadMarks {
    let mut marks = ReadMarks::default();
    for key in keys {
        marks.note_read(&object(key), Vec::new());
    }
    marks
}

#[test]
fn delivery_times_are_read_off_names() {
    assert_eq!(delivered(&key(61, 7)), Some("2026-08-01T01:01:00".parse().unwrap()));
    // Some other file of the day: as if delivered last.
    assert_eq!(delivered("2026/08/01/copy.json"), Some("2026-08-02T00:00:00".parse().unwrap()));
    let elsewhere = "2026/08/01/111122223333_CloudTrail_eu-west-1_20260809T0101Z_x.json.gz";
    assert_eq!(delivered(elsewhere), Some("2026-08-02T00:00:00".parse().unwrap()));
    for odd in ["", "x", "2026/08/01", "2026/08/41/x", "2026-08-01/x", "é26/08/01/x"] {
        assert_eq!(delivered(odd), None, "{odd}");
    }
}

#[test]
fn the_mark_stays_a_day_behind_the_newest_file() {
    let keys: Vec<String> = [0, 30, 24 * HOUR + 10, 24 * HOUR + 20].iter().map(|at| key(*at, 0)).collect();
    let mut marks = read(&keys);
    let source = marks.sources.get_mut(SOURCE).unwrap();
    compact(source, &listed(&day(0), None), None, &BTreeSet::new(), &horizon());
    assert_eq!((source.since.clone(), source.through.clone()), (Some(day(0)), Some(keys[0].clone())));
    assert_eq!(source.read.keys().collect::<Vec<_>>(), keys[1..].iter().collect::<Vec<_>>());
    assert!(keys.iter().all(|key| marks.knows(&object(key))));
    assert!(!marks.knows(&object(&key(31, 5))), "a file that comes late is new");
}

#[test]
fn a_key_of_a_day_to_come_moves_no_mark() {
    let mut keys: Vec<String> = [0, 30, 24 * HOUR + 10].iter().map(|at| key(*at, 0)).collect();
    for day in ["2098/01/01", "2027/01/02"] {
        let stamp = day.replace('/', "");
        keys.push(format!("{day}/111122223333_CloudTrail_eu-west-1_{stamp}T0000Z_x.json.gz"));
    }
    let mut marks = read(&keys);
    let source = marks.sources.get_mut(SOURCE).unwrap();
    compact(source, &listed(&day(0), None), None, &BTreeSet::new(), &horizon());
    assert_eq!(source.through.as_deref(), Some(keys[0].as_str()));
    assert!(!marks.knows(&object(&key(25 * HOUR, 9))), "what is delivered later is new");
    assert!(keys.iter().all(|key| marks.knows(&object(key))), "and nothing is read twice");
}

#[test]
fn what_was_not_tried_yet_holds_the_mark_back() {
    let keys: Vec<String> = (0..5).map(|at| key(at * 30 * HOUR, 0)).collect();
    let mut marks = read(&keys[..4]);
    let source = marks.sources.get_mut(SOURCE).unwrap();
    let next = key(30 * HOUR, 0);
    compact(source, &listed(&day(0), None), Some(&next), &BTreeSet::new(), &horizon());
    assert_eq!(source.through.as_deref(), Some(keys[0].as_str()));
    compact(source, &listed(&day(0), Some(&keys[1])), None, &BTreeSet::new(), &horizon());
    assert_eq!(source.through.as_deref(), Some(keys[1].as_str()));
}

#[test]
fn a_longer_lookback_is_read_from_its_beginning() {
    let old: Vec<String> = (0..3).map(|at| key(at * 30 * HOUR, 0)).collect();
    let new: Vec<String> = (10..14).map(|at| key(at * 30 * HOUR, 0)).collect();
    let mut marks = read(&new);
    let source = marks.sources.get_mut(SOURCE).unwrap();
    compact(source, &listed(&day(10), None), None, &BTreeSet::new(), &horizon());
    assert_eq!(source.through.as_deref(), Some(new[2].as_str()));
    assert!(!marks.knows(&object(&old[0])));
    assert_eq!(from(&day(0), &marks.sources[SOURCE]), day(0));
    // Stopped after one file: what lies behind is not claimed any more.
    marks.note_read(&object(&old[0]), Vec::new());
    let source = marks.sources.get_mut(SOURCE).unwrap();
    compact(source, &listed(&day(0), None), Some(&old[1]), &BTreeSet::new(), &horizon());
    assert_eq!((source.since.clone(), source.through.clone()), (Some(day(0)), Some(old[0].clone())));
    assert!(marks.knows(&object(&old[0])) && !marks.knows(&object(&new[0])) && marks.knows(&object(&new[3])));
}

#[test]
fn what_was_lost_stays_told_and_other_issues_do_not() {
    let keys: Vec<String> = (0..5).map(|at| key(at * 30 * HOUR, 0)).collect();
    let mut marks = read(&keys);
    let lost_issue = lost(IssueKind::File(FileIssueKind::Truncated), &keys[0], "is cut off");
    let odd = Issue::new(FileIssueKind::OddField, keys[0].clone(), "has an odd field");
    marks.note_read(&object(&keys[0]), vec![lost_issue.clone(), odd]);
    let ancient = "2026/06/01/x".to_owned();
    marks.note_read(&object(&ancient), vec![lost_issue.clone()]);
    marks.note_failed(&object(&keys[1]));
    marks.note_failed(&object(&keys[2]));
    let source = marks.sources.get_mut(SOURCE).unwrap();
    let gone = BTreeSet::from([keys[2].clone()]);
    compact(source, &listed(&day(2), None), None, &gone, &horizon());
    assert_eq!(source.failed, BTreeSet::new());
    let kept: BTreeMap<&str, &IssueKind> =
        source.issues.iter().map(|(key, issues)| (key.as_str(), &issues[0].kind)).collect();
    let expect = [
        (keys[0].as_str(), &IssueKind::File(FileIssueKind::Truncated)),
        (keys[1].as_str(), &IssueKind::NeverRead),
        (keys[2].as_str(), &IssueKind::DeletedUnread),
    ];
    assert_eq!(kept, BTreeMap::from(expect));
    assert!(source.issues.values().all(|issues| issues.len() == 1));
}

#[derive(Debug, Clone)]
struct File {
    key: String,
    visible: i64,
}

/// Numbers as if by chance, the same in each run (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        i64::try_from((mixed ^ (mixed >> 31)) % end.unsigned_abs()).unwrap()
    }

    fn index(&mut self, end: i64) -> usize {
        usize::try_from(self.below(end)).unwrap()
    }

    /// Minute of delivery and how much later the file can be seen: less than the overlap.
    fn files(&mut self) -> Vec<File> {
        let count = self.index(60);
        let file = |unique| {
            let minute = self.below(15 * 24 * HOUR);
            let delay = if self.below(4) == 0 { self.below(24 * HOUR) } else { 0 };
            File { key: key(minute, unique), visible: minute + delay }
        };
        (0..count).map(file).collect()
    }

    fn tick(&mut self) -> Tick {
        Tick {
            wait: self.below(4 * 24 * HOUR),
            start: self.below(6),
            listed: (self.below(2) == 0).then(|| self.index(20)),
            batch: 1 + self.index(5),
            batches: self.index(8),
            fails: (0..20).map(|_| self.below(5) == 0).collect(),
        }
    }
}

#[derive(Debug, Clone)]
struct Tick {
    wait: i64,
    /// First day of the lookback.
    start: i64,
    /// Files after which the listing breaks off.
    listed: Option<usize>,
    batch: usize,
    /// Batches after which the run is stopped.
    batches: usize,
    /// Of the files tried: fails.
    fails: Vec<bool>,
}

/// One run as the pipeline makes it. Adds what was read to `done`.
fn run(files: &[File], now: i64, tick: &Tick, marks: &mut ReadMarks, done: &mut BTreeSet<String>) {
    let start = day(tick.start);
    let known = marks.sources.get(SOURCE).cloned().unwrap_or_default();
    let from = from(&start, &known);
    let mut keys: Vec<&str> =
        files.iter().filter(|file| file.visible <= now && file.key > from).map(|file| file.key.as_str()).collect();
    keys.sort_unstable();
    let end = tick.listed.filter(|most| *most < keys.len()).map(|most| {
        keys.truncate(most);
        keys.last().map_or_else(|| from.clone(), |key| (*key).to_owned())
    });
    let mut new: BTreeSet<String> =
        keys.iter().filter(|key| !marks.knows(&object(key))).map(|key| (*key).to_owned()).collect();
    new.extend(known.failed.iter().filter(|key| **key >= start).cloned());
    let new: Vec<String> = new.into_iter().collect();
    let listed = Listed { start, known: known.since.clone().zip(known.through.clone()), end };
    let mut fails = tick.fails.iter().copied().cycle();
    for (index, batch) in new.chunks(tick.batch).enumerate().take(tick.batches) {
        for key in batch {
            if fails.next().unwrap() {
                marks.note_failed(&object(key));
            } else {
                marks.note_read(&object(key), Vec::new());
                done.insert(key.clone());
            }
        }
        let next = new.get((index + 1) * tick.batch).map(String::as_str);
        if let Some(source) = marks.sources.get_mut(SOURCE) {
            compact(source, &listed, next, &BTreeSet::new(), &horizon());
        }
    }
}

#[test]
fn no_file_is_ever_skipped() {
    for seed in 0..3_000 {
        let chance = &mut Chance(seed);
        let files = chance.files();
        let ticks: Vec<Tick> = (0..chance.below(8)).map(|_| chance.tick()).collect();
        let start = chance.below(6);
        let (mut now, mut marks, mut done) = (24 * HOUR, ReadMarks::default(), BTreeSet::new());
        for tick in &ticks {
            now += tick.wait;
            run(&files, now, tick, &mut marks, &mut done);
        }
        // An undisturbed run sees what is left.
        let last = Tick { wait: 0, start, listed: None, batch: 3, batches: usize::MAX, fails: vec![false] };
        now = now.max(17 * 24 * HOUR);
        run(&files, now, &last, &mut marks, &mut done);
        let given_up: BTreeSet<&String> = marks.sources.values().flat_map(|source| source.issues.keys()).collect();
        let lacking: Vec<&File> = files
            .iter()
            .filter(|file| file.key > day(start) && !done.contains(&file.key) && !given_up.contains(&file.key))
            .collect();
        assert!(lacking.is_empty(), "{seed}: {lacking:?}");
        // And a second one finds nothing to do.
        let before = done.clone();
        let mut again = marks.clone();
        run(&files, now, &last, &mut again, &mut done);
        assert_eq!((&again, &done), (&marks, &before), "{seed}");
    }
}
