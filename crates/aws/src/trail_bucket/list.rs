//! Objects in the bucket that are not read yet.
//!
//! Pages are asked for by the last key seen (`StartAfter`), not by token, so that a page that is answered
//! twice, or one that is lost, is just asked for again. (Amazon S3 API Reference, ListObjectsV2: keys come in
//! the order of their UTF-8 bytes, at most 1,000 a page.)

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::operation::list_objects_v2::{ListObjectsV2Error, ListObjectsV2Output};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use whittle_analysis::issue::{Issue, IssueKind, merge_issues};
use whittle_pipeline::marks::{ReadMarks, SourceMarks};
use whittle_pipeline::ports::{PortError, PortErrorKind};
use whittle_pipeline::trail_object::TrailObject;

use super::compact::Listed;
use crate::error::port_error;

const ACTION: &str = "s3:ListBucket";

/// Sources listed at once. S3 answers 5,500 requests a second for each prefix (Amazon S3 User Guide, "Best
/// practices design patterns"); this is about waiting.
const PARALLEL_LISTS: usize = 8;

/// Tries of a page that fails or brings nothing new, beside those of the SDK for a refused call.
const MAX_TRIES: u32 = 4;

const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Objects of one run: some hundred bytes each in memory. The next run goes on after them.
const MAX_OBJECTS: usize = 200_000;

/// For an object that is read again without being listed again. CloudTrail's files hold at most 50 MB
/// uncompressed, which is about this compressed.
const UNLISTED_BYTES: u64 = 4 * 1024 * 1024;

/// Lists sources of one bucket.
#[derive(Debug, Clone)]
pub(super) struct Lister {
    pub(super) client: aws_sdk_s3::Client,
    pub(super) bucket: String,
    /// Begins each source's name: `s3://<bucket>/`.
    pub(super) root: String,
    /// How the first wanted key begins: a day.
    pub(super) start: String,
    /// How the first key begins that is named after a day to come.
    pub(super) ahead: String,
}

/// A folder that holds one folder for each Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ListedFolder {
    /// Key that its keys begin with.
    pub(super) path: String,
    /// There may be no such folder: validation is off, or the account has no trail of its own.
    pub(super) may_be_absent: bool,
}

/// Everything found.
#[derive(Debug, Default)]
pub(super) struct FoundObjects {
    /// Sorted by source and key.
    pub(super) objects: Vec<TrailObject>,
    pub(super) listed: BTreeMap<String, Listed>,
    pub(super) issues: Vec<Issue>,
}

impl Lister {
    /// Lists the Regions of `folders`, then each of them.
    pub(super) async fn all(
        self,
        folders: Vec<ListedFolder>,
        regions: Option<BTreeSet<String>>,
        marks: &ReadMarks,
    ) -> FoundObjects {
        let mut found = FoundObjects::default();
        let mut sources = BTreeSet::new();
        let mut absent = Vec::new();
        let mut has_files = false;
        for ListedFolder { path, may_be_absent } in folders {
            match &regions {
                Some(regions) => sources.extend(regions.iter().map(|region| format!("{path}{region}/"))),
                None => match self.regions(&path).await {
                    Ok(regions) => {
                        has_files |= !regions.is_empty();
                        if regions.is_empty() && !may_be_absent {
                            absent.push(path);
                        }
                        sources.extend(regions);
                    }
                    Err(error) => found.issues.push(self.unlisted(&path, &error)),
                },
            }
        }
        found.issues.extend(absent.iter().map(|folder| self.nothing(folder, has_files)));
        let permits = Arc::new(Semaphore::new(PARALLEL_LISTS));
        let count = Arc::new(AtomicUsize::new(0));
        let mut tasks = JoinSet::new();
        for prefix in sources {
            let name = format!("{}{prefix}", self.root);
            let known = marks.sources.get(&name).cloned().unwrap_or_default();
            let (lister, permits, count) = (self.clone(), Arc::clone(&permits), Arc::clone(&count));
            tasks.spawn(async move {
                let _permit = permits.acquire_owned().await;
                lister.source(name, &prefix, &known, &count).await
            });
        }
        while let Some(outcome) = tasks.join_next().await {
            match outcome {
                Ok(mut source) => {
                    found.objects.append(&mut source.objects);
                    found.issues.append(&mut source.issues);
                    found.listed.append(&mut source.listed);
                }
                Err(error) => {
                    let error =
                        PortError::new(PortErrorKind::Bug, format!("a listing ended without an answer: {error}"));
                    found.issues.push(self.unlisted("", &error));
                }
            }
        }
        found.objects.sort();
        found.issues = merge_issues(found.issues);
        found
    }

    /// Folders of Regions in `folder`.
    async fn regions(&self, folder: &str) -> Result<Vec<String>, PortError> {
        let mut regions: Vec<String> = Vec::new();
        let mut idle = 0;
        loop {
            // Behind everything in the last folder.
            let after = regions.last().map(|last| format!("{last}\u{10ffff}"));
            let page = self.page(folder, after.as_deref(), true).await?;
            let before = regions.len();
            for name in page.common_prefixes().iter().filter_map(|prefix| prefix.prefix()) {
                // An answer to an earlier question may come again.
                if regions.last().is_none_or(|last| name > last.as_str()) {
                    regions.push(name.to_owned());
                }
            }
            if page.is_truncated() != Some(true) {
                return Ok(regions);
            }
            idle = if regions.len() == before { idle + 1 } else { 0 };
            if idle >= MAX_TRIES {
                return Err(stuck());
            }
        }
    }

    /// Everything of one source that `known` does not have.
    async fn source(self, name: String, prefix: &str, known: &SourceMarks, count: &AtomicUsize) -> FoundObjects {
        let mut found = FoundObjects::default();
        let mut last = from(&self.start, known);
        let mut end = None;
        let mut idle = 0;
        // The first key that is named after a day to come, and how many there are.
        let mut misdated = None;
        // `knows` looks into the source by its name.
        let mut marks = ReadMarks::default();
        marks.sources.insert(name.clone(), known.clone());
        loop {
            let page = match self.page(prefix, Some(&format!("{prefix}{last}")), false).await {
                Ok(page) => page,
                Err(error) => {
                    found.issues.push(self.unlisted(prefix, &error));
                    end = Some(last.clone());
                    break;
                }
            };
            let before = last.clone();
            for object in page.contents() {
                let Some(key) = object.key().and_then(|key| key.strip_prefix(prefix)) else { continue };
                // Also what an answer to an earlier question holds.
                if *key <= *last {
                    continue;
                }
                key.clone_into(&mut last);
                let size_bytes = object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
                let etag = object.e_tag().unwrap_or_default().trim_matches('"');
                let version = format!("{size_bytes}-{etag}");
                if *key >= *self.ahead {
                    let (_, count) = misdated.get_or_insert_with(|| (key.to_owned(), 0_u64));
                    *count = count.saturating_add(1);
                }
                let object = TrailObject { source: name.clone(), key: key.to_owned(), version, size_bytes };
                // A key that ends with a slash is what consoles make for an empty folder.
                if !object.key.ends_with('/') && !marks.knows(&object) {
                    found.objects.push(object);
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
            if page.is_truncated() != Some(true) {
                break;
            }
            idle = if last == before { idle + 1 } else { 0 };
            if idle >= MAX_TRIES {
                found.issues.push(self.unlisted(prefix, &stuck()));
                end = Some(last.clone());
                break;
            }
            if count.load(Ordering::Relaxed) >= MAX_OBJECTS {
                found.issues.push(self.too_many(prefix));
                end = Some(last.clone());
                break;
            }
        }
        found.issues.extend(misdated.map(|(first, count)| self.misdated(&format!("{prefix}{first}"), count)));
        self.add_failed(&name, known, &mut found.objects);
        let known = known.since.clone().zip(known.through.clone());
        found.listed.insert(name, Listed { start: self.start, known, end });
        found
    }

    /// Objects that could not be read before, and were not listed again: older than the mark, or deleted.
    fn add_failed(&self, name: &str, known: &SourceMarks, objects: &mut Vec<TrailObject>) {
        let listed: BTreeSet<String> = objects.iter().map(|object| object.key.clone()).collect();
        let failed = known.failed.iter().filter(|key| **key >= self.start && !listed.contains(*key));
        objects.extend(failed.map(|key| TrailObject {
            source: name.to_owned(),
            key: key.clone(),
            version: String::new(),
            size_bytes: UNLISTED_BYTES,
        }));
    }

    /// One page; tried again while that may help.
    async fn page(&self, prefix: &str, after: Option<&str>, folders: bool) -> Result<ListObjectsV2Output, PortError> {
        let mut tries = 0;
        loop {
            let answer = self
                .client
                .list_objects_v2()
                .bucket(&self.bucket)
                .prefix(prefix)
                .set_start_after(after.map(str::to_owned))
                .set_delimiter(folders.then(|| "/".to_owned()))
                .send()
                .await;
            let error = match answer {
                Ok(page) if answers(&page, prefix, after) => return Ok(page),
                Ok(_) => PortError::new(PortErrorKind::Transient, "S3 answered something else than it was asked"),
                Err(error) => self.error_of(error),
            };
            tries += 1;
            if tries >= MAX_TRIES || !matches!(error.kind(), PortErrorKind::Transient | PortErrorKind::Throttled) {
                return Err(error);
            }
            tokio::time::sleep(FIRST_PAUSE * 2_u32.saturating_pow(tries)).await;
        }
    }

    fn error_of(&self, error: SdkError<ListObjectsV2Error, HttpResponse>) -> PortError {
        let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default().to_owned();
        let error = port_error(error, ACTION, &format!("bucket `{}` cannot be listed", self.bucket));
        let hint = match code.as_str() {
            "NoSuchBucket" => "`aws cloudtrail describe-trails` names the bucket of each trail (`S3BucketName`)",
            "PermanentRedirect" | "AuthorizationHeaderMalformed" => {
                "the bucket is in another Region; let the role list it (`s3:ListBucket`), which shows where it is"
            }
            "AccessDenied" => {
                "allow `s3:ListBucket` on the bucket for the role that Whittle runs under, and in the bucket's policy if \
                 it is another account's (see template.yaml)"
            }
            _ => return error,
        };
        error.with_hint(hint)
    }

    fn unlisted(&self, prefix: &str, error: &PortError) -> Issue {
        unlisted(&format!("{}{prefix}", self.root), error)
    }

    fn too_many(&self, prefix: &str) -> Issue {
        let message = format!("more than {MAX_OBJECTS} files are to be read; the rest is left for the next run");
        Issue::new(IssueKind::TooManyFiles, format!("{}{prefix}", self.root), message)
            .with_hint("until they are read nothing is called unused")
    }

    fn misdated(&self, key: &str, count: u64) -> Issue {
        let message = "is named after a day to come: it is read, and later files are looked for all the same";
        let mut issue = Issue::new(IssueKind::FutureEvents, format!("{}{key}", self.root), message)
            .with_hint("find out who put it there: CloudTrail names files by the time of their delivery");
        issue.count = count;
        issue
    }

    /// No file of a Region is in the folder. `has_others`: other folders have some.
    fn nothing(&self, folder: &str, has_others: bool) -> Issue {
        let hint = if has_others {
            "other folders of the bucket have files; check organisation id and accounts"
        } else {
            "check prefix, organisation id and account; `aws cloudtrail describe-trails` names the prefix"
        };
        let message = "no file of a trail is in this folder of the bucket";
        Issue::new(IssueKind::EmptyTrail, format!("{}{folder}", self.root), message).with_hint(hint)
    }
}

/// True if the page answers this question, as far as it says: a page of another source would look like the
/// end of this.
fn answers(page: &ListObjectsV2Output, prefix: &str, after: Option<&str>) -> bool {
    page.prefix().is_none_or(|own| own == prefix)
        && page.start_after().is_none_or(|own| Some(own) == after || own.is_empty())
}

fn stuck() -> PortError {
    PortError::new(PortErrorKind::Transient, "S3 answers the same page again and again")
}

/// Evidence that may be there and cannot be seen.
pub(super) fn unlisted(place: &str, error: &PortError) -> Issue {
    Issue::new(IssueKind::Unlisted, place, error.to_string())
        .with_hint(error.hint().unwrap_or("the next run tries again; until then nothing is called unused"))
}

/// Key after which to list: the mark, but nothing before the lookback. A lookback that reaches further than
/// ever before lists all of it: of what lies before [`SourceMarks::since`] the mark says nothing.
pub(super) fn from(start: &str, known: &SourceMarks) -> String {
    match &known.through {
        Some(through) if known.since.as_deref().is_none_or(|since| since <= start) => {
            through.as_str().max(start).to_owned()
        }
        _ => start.to_owned(),
    }
}
