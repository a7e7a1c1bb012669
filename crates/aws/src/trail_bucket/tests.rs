use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use whittle_analysis::issue::IssueKind;

use super::*;
use crate::wire::{Asked, Reply, Wire};

const NOW: &str = "2026-09-10T12:00:00Z";
const FOLDER: &str = "AWSLogs/111122223333/CloudTrail/";

fn file(region: &str, day: u8, time: &str) -> String {
    format!("{FOLDER}{region}/2026/09/{day:02}/111122223333_CloudTrail_{region}_202609{day:02}T{time}Z_x.json.gz")
}

/// A key without the folders down to the Region.
fn in_region(key: &str) -> &str {
    key.strip_prefix(FOLDER).and_then(|rest| rest.split_once('/')).unwrap().1
}

fn settings() -> TrailBucketSettings {
    TrailBucketSettings {
        bucket: "trail".to_owned(),
        prefix: None,
        organization: None,
        accounts: vec!["111122223333".to_owned()],
        regions: None,
        lookback_days: 5,
        now: NOW.parse().unwrap(),
    }
}

/// A bucket with two keys a page.
#[derive(Clone)]
struct Bucket {
    keys: Arc<Vec<String>>,
}

impl Bucket {
    fn new(keys: &[String]) -> Self {
        let mut keys = keys.to_vec();
        keys.sort();
        Self { keys: Arc::new(keys) }
    }

    fn answer(&self, asked: &Asked) -> Reply {
        if asked.method == "HEAD" {
            return Reply::new(200, "").with("x-amz-bucket-region", "eu-west-1");
        }
        let key = asked.path.trim_start_matches('/').split_once('/').map_or("", |(_, key)| key);
        if !key.is_empty() {
            return if self.keys.iter().any(|known| known == key) {
                Reply::new(200, key).with("content-length", key.len().to_string())
            } else {
                Reply::xml_error(404, "NoSuchKey")
            };
        }
        let prefix = &asked.query["prefix"];
        let after = asked.query.get("start-after").cloned().unwrap_or_default();
        let keys: Vec<&String> = self.keys.iter().filter(|key| key.starts_with(prefix) && **key > after).collect();
        if asked.query.contains_key("delimiter") {
            let folders: BTreeSet<String> = keys
                .iter()
                .filter_map(|key| key.strip_prefix(prefix.as_str())?.split_once('/'))
                .map(|(folder, _)| format!("{prefix}{folder}/"))
                .collect();
            let some: String = folders
                .iter()
                .take(2)
                .map(|folder| format!("<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>"))
                .collect::<Vec<_>>()
                .concat();
            return page(folders.len() > 2, &some);
        }
        let some: String = keys
            .iter()
            .take(2)
            .map(|key| format!("<Contents><Key>{key}</Key><ETag>\"e\"</ETag><Size>{}</Size></Contents>", key.len()))
            .collect::<Vec<_>>()
            .concat();
        page(keys.len() > 2, &some)
    }

    fn wire(&self) -> Wire {
        let bucket = self.clone();
        Wire::new(move |asked| bucket.answer(asked))
    }
}

fn page(more: bool, content: &str) -> Reply {
    Reply::new(200, format!("<ListBucketResult><IsTruncated>{more}</IsTruncated>{content}</ListBucketResult>"))
        .with("content-type", "application/xml")
}

fn open_with(wire: &Wire, settings: TrailBucketSettings) -> TrailBucket {
    TrailBucket::new(&wire.aws(), settings)
}

fn open(wire: &Wire) -> TrailBucket {
    open_with(wire, settings())
}

fn keys(objects: &[TrailObject]) -> Vec<String> {
    objects
        .iter()
        .map(|object| format!("{}{}", object.source.strip_prefix("s3://trail/").unwrap(), object.key))
        .collect()
}

fn some_files() -> Vec<String> {
    let mut keys: Vec<String> = (1..=10).map(|day| file("eu-west-1", day, "0100")).collect();
    keys.extend(["us-east-1", "us-west-2", "sa-east-1"].map(|region| file(region, 9, "2359")));
    keys.sort();
    keys
}

#[test]
fn all_regions_are_listed_from_the_lookback_on_and_later_from_the_mark() {
    let mut files = some_files();
    let wire = Bucket::new(&files).wire();
    let bucket = open(&wire);
    let (objects, issues) = bucket.list(&ReadMarks::default()).unwrap();
    files.retain(|key| !["/01/1", "/02/1", "/03/1", "/04/1"].iter().any(|day| key.contains(day)));
    assert_eq!((keys(&objects), issues), (files, Vec::new()));
    assert_eq!(objects[0].source, format!("s3://trail/{FOLDER}eu-west-1/"));
    assert_eq!(objects[0].version, format!("{}-e", objects[0].size_bytes));
    // HEAD, two pages of Regions, one of digests, three of eu-west-1 (days 5 to 10), one of each other.
    assert_eq!(wire.asked().len(), 1 + 2 + 1 + 3 + 3);

    let mut marks = ReadMarks::default();
    for object in &objects {
        marks.note_read(object, Vec::new());
    }
    bucket.compact(&mut marks, None);
    let source = &marks.sources[&objects[0].source];
    assert_eq!(source.through.as_deref(), Some(in_region(&file("eu-west-1", 8, "0100"))));
    assert_eq!(source.read.len(), 2);
    let before = wire.asked().len();
    assert_eq!(bucket.list(&marks).unwrap(), (Vec::new(), Vec::new()));
    assert_eq!(wire.asked().len() - before, 2 + 1 + 4);
}

#[test]
fn regions_that_are_named_need_not_be_found() {
    let wire = Bucket::new(&some_files()).wire();
    let regions = Some(BTreeSet::from(["us-east-1".to_owned()]));
    let bucket = open_with(&wire, TrailBucketSettings { regions, ..settings() });
    assert_eq!(bucket.list(&ReadMarks::default()).unwrap().0.len(), 1);
    // HEAD, the Region's files and its digests.
    assert_eq!(wire.asked().len(), 3);
}

#[test]
fn prefix_and_organisation_come_before_the_account() {
    let settings = TrailBucketSettings {
        prefix: Some("/logs/a/".to_owned()),
        organization: Some("o-abc".to_owned()),
        ..settings()
    };
    let accounts = ["444455556666".to_owned(), "111122223333".to_owned()];
    let folders: Vec<(String, bool)> =
        settings.folders(&accounts).into_iter().map(|folder| (folder.path, folder.may_be_absent)).collect();
    let of = |account: &str| {
        [
            (format!("logs/a/AWSLogs/o-abc/{account}/CloudTrail/"), false),
            (format!("logs/a/AWSLogs/o-abc/{account}/CloudTrail-Digest/"), true),
            (format!("logs/a/AWSLogs/{account}/CloudTrail/"), true),
            (format!("logs/a/AWSLogs/{account}/CloudTrail-Digest/"), true),
        ]
    };
    assert_eq!(folders, [of("111122223333"), of("444455556666")].concat());
}

#[test]
fn a_bucket_may_hold_the_trails_of_an_organisation_and_of_the_account() {
    let of_member = |key: String| key.replace("AWSLogs/", "AWSLogs/o-abc/");
    let digest = "AWSLogs/o-abc/111122223333/CloudTrail-Digest/eu-west-1/2026/09/09/\
                  111122223333_CloudTrail-Digest_eu-west-1_t_eu-west-1_20260909T110131Z.json.gz"
        .to_owned();
    let mut files = vec![
        file("eu-west-1", 9, "0100"),
        of_member(file("eu-west-1", 9, "0200")),
        of_member(file("us-east-1", 8, "0300")),
        digest,
    ];
    files.sort();
    // Those of another member are not asked for.
    let mut all = files.clone();
    all.push(of_member(file("eu-west-1", 9, "0400")).replace("111122223333", "444455556666"));
    let wire = Bucket::new(&all).wire();
    let organization = Some("o-abc".to_owned());
    let bucket = open_with(&wire, TrailBucketSettings { organization, ..settings() });
    let (objects, issues) = bucket.list(&ReadMarks::default()).unwrap();
    assert_eq!((keys(&objects), issues), (files, Vec::new()));
    assert!(!wire.asked().iter().any(|asked| asked.query.get("prefix").is_some_and(|at| at.contains("444455556666"))));
}

#[test]
fn a_file_of_a_day_to_come_is_told_and_hides_nothing() {
    let mut files = vec![file("eu-west-1", 9, "0100"), file("eu-west-1", 9, "0100").replace("2026", "2098")];
    let wire = Bucket::new(&files).wire();
    let bucket = open(&wire);
    let (objects, issues) = bucket.list(&ReadMarks::default()).unwrap();
    assert_eq!(objects.len(), 2);
    assert_eq!((issues.len(), issues[0].kind.as_str(), issues[0].count), (1, "future-events", 1));
    let mut marks = ReadMarks::default();
    for object in &objects {
        marks.note_read(object, Vec::new());
    }
    bucket.compact(&mut marks, None);
    files.push(file("eu-west-1", 10, "0500"));
    let (new, issues) = open(&Bucket::new(&files).wire()).list(&marks).unwrap();
    assert_eq!((keys(&new), issues.len()), (vec![files[2].clone()], 1));
}

#[test]
fn an_empty_folder_is_told() {
    let (objects, issues) = open(&Bucket::new(&[]).wire()).list(&ReadMarks::default()).unwrap();
    assert_eq!((objects, issues.len(), issues[0].kind.as_str()), (Vec::new(), 1, "empty-trail"));
}

/// Lists and reads everything of a bucket of which each answer may be replaced.
fn disturbed(fault: impl Fn(usize, &Asked) -> Option<Reply> + Send + Sync + 'static) {
    let bucket = Bucket::new(&some_files());
    let calls = AtomicUsize::new(0);
    let wire = {
        let bucket = bucket.clone();
        Wire::new(move |asked| {
            fault(calls.fetch_add(1, Ordering::Relaxed), asked).unwrap_or_else(|| bucket.answer(asked))
        })
    };
    let undisturbed = open(&bucket.wire()).list(&ReadMarks::default()).unwrap();
    let trail = open(&wire);
    let found = trail.list(&ReadMarks::default()).unwrap();
    assert_eq!(found, undisturbed);
    for object in &found.0 {
        assert_eq!(trail.read(object).unwrap(), trail.key_of(object).unwrap().into_bytes());
    }
}

#[test]
fn lists_and_reads_are_tried_again() {
    disturbed(|call, _| (call % 3 == 1).then(|| Reply::xml_error(503, "SlowDown")));
    disturbed(|call, _| (call % 4 == 2).then(|| Reply::xml_error(500, "InternalError")));
    disturbed(|call, asked| {
        (call % 3 == 1 && asked.method == "GET").then(|| Reply::new(200, "<ListBuck").with("content-length", "9000"))
    });
}

#[test]
fn a_page_that_is_answered_twice_loses_and_doubles_nothing() {
    let first = Bucket::new(&some_files());
    disturbed(move |call, asked| {
        let is_later_page = asked.query.get("start-after").is_some_and(|after| after.ends_with(".json.gz"));
        (is_later_page && call % 2 == 0).then(|| {
            let mut again = asked.clone();
            again.query.insert("start-after".to_owned(), format!("{}2026/09/05", asked.query["prefix"]));
            first.answer(&again)
        })
    });
}

#[test]
fn a_listing_that_breaks_off_is_an_issue_and_keeps_what_it_found() {
    let bucket = Bucket::new(&some_files());
    let after = file("eu-west-1", 6, "0100");
    let wire = Wire::new(move |asked| {
        if asked.query.get("start-after") == Some(&after) {
            Reply::xml_error(403, "AccessDenied")
        } else {
            bucket.answer(asked)
        }
    });
    let trail = open(&wire);
    let (objects, issues) = trail.list(&ReadMarks::default()).unwrap();
    assert_eq!(objects.len(), 5);
    assert_eq!((issues.len(), issues[0].kind.clone()), (1, IssueKind::Unlisted));
    assert!(issues[0].hint.contains("s3:ListBucket"), "{}", issues[0].hint);
    assert_eq!(issues[0].place, format!("s3://trail/{FOLDER}eu-west-1/"));
}

fn read_error(reply: impl Fn() -> Reply + Send + Sync + 'static) -> (PortError, usize) {
    let bucket = Bucket::new(&some_files());
    let inner = bucket.clone();
    let wire = Wire::new(move |asked| if asked.path.ends_with(".json.gz") { reply() } else { inner.answer(asked) });
    let trail = open(&wire);
    let (objects, _) = trail.list(&ReadMarks::default()).unwrap();
    let before = wire.asked().len();
    let error = trail.read(&objects[0]).unwrap_err();
    (error, wire.asked().len() - before)
}

#[test]
fn half_a_file_is_never_taken_for_a_whole_one() {
    let (error, calls) = read_error(|| Reply::new(200, "half").with("content-length", "8"));
    assert_eq!((error.kind(), calls), (&PortErrorKind::Transient, 4));
    assert!(error.to_string().contains("could not be read whole"), "{error}");
}

#[test]
fn refusals_name_what_is_missing() {
    let denied = |action: &str| PortErrorKind::AccessDenied { action: action.to_owned() };
    let (error, calls) = read_error(|| Reply::xml_error(403, "AccessDenied"));
    assert_eq!((error.kind(), calls), (&denied("s3:GetObject"), 1));
    assert!(error.hint().unwrap().contains("kms:Decrypt"), "{:?}", error.hint());
    let (error, _) = read_error(|| {
        let text =
            "<Error><Code>AccessDenied</Code><Message>not authorized to perform: kms:Decrypt on it</Message></Error>";
        Reply::new(403, text)
    });
    assert_eq!(error.kind(), &denied("kms:Decrypt"));
    let (error, _) = read_error(|| Reply::xml_error(403, "InvalidObjectState"));
    assert_eq!(error.kind(), &PortErrorKind::Invalid);
    assert!(error.hint().unwrap().contains("archived"));
    let (error, _) = read_error(|| Reply::new(200, "x").with("content-length", (2_u64 << 30).to_string()));
    assert!(error.to_string().contains("larger than"), "{error}");
}

#[test]
fn an_object_that_failed_and_is_gone_is_lost_evidence() {
    let files = some_files();
    let wire = Bucket::new(&files).wire();
    let trail = open(&wire);
    let (objects, _) = trail.list(&ReadMarks::default()).unwrap();
    let source = &objects[0].source;
    let deleted = TrailObject { key: in_region(&file("eu-west-1", 7, "0200")).to_owned(), ..objects[0].clone() };
    let mut marks = ReadMarks::default();
    for object in &objects {
        marks.note_read(object, Vec::new());
    }
    marks.note_failed(&deleted);
    trail.compact(&mut marks, None);
    let (again, _) = trail.list(&marks).unwrap();
    assert_eq!(again.iter().map(|object| &object.key).collect::<Vec<_>>(), [&deleted.key]);
    let error = trail.read(&again[0]).unwrap_err();
    assert_eq!(error.kind(), &PortErrorKind::NotFound);
    trail.compact(&mut marks, None);
    assert_eq!(marks.sources[source].failed, BTreeSet::new());
    assert_eq!(marks.issues()[0].kind, IssueKind::DeletedUnread);
    assert_eq!(trail.list(&marks).unwrap(), (Vec::new(), Vec::new()));
}

#[test]
fn the_bucket_is_found_where_it_is_or_said_to_be_missing() {
    let at = |status: u16, region: Option<&str>| {
        let mut reply = Reply::new(status, "");
        if let Some(region) = region {
            reply = reply.with("x-amz-bucket-region", region);
        }
        open_with(&Wire::new(move |_| reply.clone()), settings())
            .client()
            .map(|client| client.config().region().unwrap().to_string())
    };
    assert_eq!(at(200, Some("us-east-1")).unwrap(), "us-east-1");
    assert_eq!(at(301, Some("us-west-2")).unwrap(), "us-west-2");
    assert_eq!(at(403, Some("us-west-2")).unwrap(), "us-west-2");
    assert_eq!(at(403, None).unwrap(), "eu-west-1");
    let missing = at(404, None).unwrap_err();
    assert_eq!(missing.kind(), &PortErrorKind::NotFound);
    assert!(missing.hint().unwrap().contains("describe-trails"));
    let path = TrailBucketSettings { bucket: "s3://trail/x".to_owned(), ..settings() };
    assert_eq!(
        open_with(&Wire::new(|_| Reply::new(200, "")), path).client().unwrap_err().kind(),
        &PortErrorKind::Invalid
    );
}

#[test]
fn a_bucket_that_cannot_be_reached_counts_as_lost_evidence() {
    let (objects, issues) = open(&Wire::new(|_| Reply::new(404, ""))).list(&ReadMarks::default()).unwrap();
    assert_eq!((objects, issues.len()), (Vec::new(), 1));
    assert_eq!((issues[0].kind.clone(), issues[0].place.as_str()), (IssueKind::Unlisted, "s3://trail/"));
    let denied = open(&Wire::new(|_| Reply::xml_error(403, "AccessDenied")));
    let (_, issues) = denied.list(&ReadMarks::default()).unwrap();
    assert!(issues[0].hint.contains("s3:ListBucket"), "{issues:?}");
}
