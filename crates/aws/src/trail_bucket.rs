//! The files of a trail in its bucket.
//!
//! In: bucket, accounts, Regions, lookback, and the marks of earlier runs. Out: the objects that were not
//! read yet, and their bytes. Keys are
//! `[<prefix>/]AWSLogs/[<organisation id>/]<account>/CloudTrail/<Region>/<yyyy>/<mm>/<dd>/<file>` (CloudTrail
//! User Guide, "Getting and viewing your CloudTrail log files"), and files are named
//! `<account>_CloudTrail_<Region>_<yyyymmddThhmmZ>_<unique>.json.gz` by the time of their delivery
//! ("CloudTrail log file examples"). So the keys of one account and Region, which is one source, stand in the
//! order of delivery, and a run lists from its mark on. `compact` decides how marks move.
//!
//! Digest files lie beside them in `CloudTrail-Digest/` and are listed too; Insights and aggregated files
//! have folders of their own and are not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_sdk_s3::operation::head_bucket::HeadBucketError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use jiff::{SignedDuration, Timestamp};
use whittle_analysis::issue::Issue;
use whittle_pipeline::marks::ReadMarks;
use whittle_pipeline::ports::{PortError, PortErrorKind, TrailObjects};
use whittle_pipeline::trail_object::TrailObject;

use crate::clients::Aws;
use crate::error::port_error;

mod compact;
mod list;
mod read;

use compact::{Horizon, Listed};
use list::{ListedFolder, Lister};

/// Objects read at once: one answer takes some ten milliseconds, most of them waiting.
const PARALLEL_READS: usize = 16;

/// Limit of one stored object, as for files. CloudTrail's own hold at most 50 MB uncompressed (CloudTrail
/// User Guide, "Quotas in AWS CloudTrail").
pub const DEFAULT_MAX_OBJECT_BYTES: u64 = 1 << 30;

/// The analysis looks back no further, so that what was lost before is of no interest.
const KEEP_DAYS: u16 = 400;

/// Which files to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrailBucketSettings {
    /// Name of the bucket.
    pub bucket: String,
    /// Prefix of the trail before `AWSLogs/`.
    pub prefix: Option<String>,
    /// Id of the organisation (`o-…`), for an organisation trail. The folders of a trail of the account
    /// itself are read too, if the bucket has them.
    pub organization: Option<String>,
    /// Accounts whose files are read; none for that of the caller.
    pub accounts: Vec<String>,
    /// Regions; `None` for all that are in the bucket.
    pub regions: Option<BTreeSet<String>>,
    /// Days to look back from `now`, by the day of delivery.
    pub lookback_days: u16,
    /// Now.
    pub now: Timestamp,
}

/// Trail files in a bucket. Make one for each run.
#[derive(Debug)]
pub struct TrailBucket {
    aws: Aws,
    settings: TrailBucketSettings,
    max_object_bytes: u64,
    state: Mutex<ListState>,
}

/// Findings of the last list.
#[derive(Debug, Default)]
struct ListState {
    /// Client in the bucket's Region, once that is known.
    client: Option<aws_sdk_s3::Client>,
    listed: BTreeMap<String, Listed>,
    /// Objects that were listed once and are not there, by source.
    gone: BTreeMap<String, BTreeSet<String>>,
}

impl TrailBucket {
    /// Calls nothing yet.
    pub fn new(aws: &Aws, settings: TrailBucketSettings) -> Self {
        Self { aws: aws.clone(), settings, max_object_bytes: DEFAULT_MAX_OBJECT_BYTES, state: Mutex::default() }
    }

    /// Refuses to read objects that are larger as stored.
    #[must_use]
    pub fn with_max_object_bytes(mut self, max_object_bytes: u64) -> Self {
        self.max_object_bytes = max_object_bytes;
        self
    }

    fn state(&self) -> MutexGuard<'_, ListState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins each source's name.
    fn root(&self) -> String {
        format!("s3://{}/", self.settings.bucket)
    }

    /// A client in the bucket's Region. The first call looks for it.
    fn client(&self) -> Result<aws_sdk_s3::Client, PortError> {
        if let Some(client) = &self.state().client {
            return Ok(client.clone());
        }
        let bucket = self.settings.bucket.clone();
        if bucket.is_empty() || bucket.contains(['/', ':']) {
            return Err(PortError::new(PortErrorKind::Invalid, format!("`{bucket}` is no name of a bucket"))
                .with_hint("give the name alone, without `s3://` and without a path"));
        }
        let client = self.aws.s3(&self.aws.region());
        let region = self.aws.bridge().wait(async move { region_of(&client, &bucket).await })?;
        let client = self.aws.s3(&region.unwrap_or_else(|| self.aws.region()));
        self.state().client = Some(client.clone());
        Ok(client)
    }

    /// The accounts whose files are read.
    fn accounts(&self) -> Result<Vec<String>, PortError> {
        if !self.settings.accounts.is_empty() {
            return Ok(self.settings.accounts.clone());
        }
        let aws = self.aws.clone();
        Ok(vec![self.aws.bridge().wait(async move { aws.identity().await })?.account])
    }

    /// The key in the bucket.
    fn key_of(&self, object: &TrailObject) -> Result<String, PortError> {
        if let Some(prefix) = object.source.strip_prefix(&self.root()) {
            Ok(format!("{prefix}{}", object.key))
        } else {
            let message = format!("`{}` does not lie in bucket `{}`", object.source, self.settings.bucket);
            Err(PortError::new(PortErrorKind::Bug, message))
        }
    }
}

impl TrailObjects for TrailBucket {
    /// Each source from its mark on, several at once, and the objects that could not be read before. A bucket
    /// that is not there or may not be listed is an issue, by which all its evidence counts as lost.
    ///
    /// Requires: `s3:ListBucket` (for HeadBucket too, Amazon S3 API Reference)
    fn list(&self, marks: &ReadMarks) -> Result<(Vec<TrailObject>, Vec<Issue>), PortError> {
        let reached = self.client().and_then(|client| Ok((client, self.accounts()?)));
        let (client, accounts) = match reached {
            Ok(reached) => reached,
            Err(error) => return Ok((Vec::new(), vec![list::unlisted(&self.root(), &error)])),
        };
        let lister = Lister {
            client,
            bucket: self.settings.bucket.clone(),
            root: self.root(),
            start: day_prefix(self.settings.now, i32::from(self.settings.lookback_days)),
            ahead: self.settings.ahead(),
        };
        let folders = self.settings.folders(&accounts);
        let regions = self.settings.regions.clone();
        let marks = marks.clone();
        let found = self.aws.bridge().wait(async move { Ok(lister.all(folders, regions, &marks).await) })?;
        self.state().listed = found.listed;
        Ok((found.objects, found.issues))
    }

    /// The whole object: one that breaks off is read again, and never taken for a shorter one.
    ///
    /// Requires: `s3:GetObject`; also `kms:Decrypt` on the trail's key, where it encrypts its files with one
    /// (CloudTrail User Guide, "Encrypting CloudTrail log files with AWS KMS keys")
    fn read(&self, object: &TrailObject) -> Result<Vec<u8>, PortError> {
        let (client, bucket, key) = (self.client()?, self.settings.bucket.clone(), self.key_of(object)?);
        let most = self.max_object_bytes;
        let content = self.aws.bridge().wait(async move { read::object(&client, &bucket, &key, most).await })?;
        content.ok_or_else(|| {
            self.state().gone.entry(object.source.clone()).or_default().insert(object.key.clone());
            PortError::new(PortErrorKind::NotFound, format!("`{}` was deleted before it was read", object.key))
                .with_hint("keep the trail's files for longer than Whittle may be off")
        })
    }

    fn parallel_reads(&self) -> usize {
        PARALLEL_READS
    }

    fn compact(&self, marks: &mut ReadMarks, next: Option<&TrailObject>) {
        let mut state = self.state();
        let ListState { listed, gone, .. } = &mut *state;
        let kept_days = i32::from(KEEP_DAYS.max(self.settings.lookback_days));
        let horizon = Horizon { kept_since: day_prefix(self.settings.now, kept_days), ahead: self.settings.ahead() };
        for (name, listed) in listed.iter() {
            let limit = match next {
                Some(next) if next.source < *name => continue,
                Some(next) if next.source == *name => Some(next.key.as_str()),
                _ => None,
            };
            if let Some(source) = marks.sources.get_mut(name) {
                compact::compact(source, listed, limit, &gone.remove(name).unwrap_or_default(), &horizon);
            }
        }
    }
}

impl TrailBucketSettings {
    /// Files of 90 days of the caller's account in all Regions, from now.
    pub fn new(bucket: impl Into<String>) -> Self {
        Self {
            bucket: bucket.into(),
            prefix: None,
            organization: None,
            accounts: Vec::new(),
            regions: None,
            lookback_days: 90,
            now: Timestamp::now(),
        }
    }

    /// The folders that hold one folder for each Region.
    fn folders(&self, accounts: &[String]) -> Vec<ListedFolder> {
        let part = |part: Option<&String>| {
            let part = part.map(|part| part.trim_matches('/')).unwrap_or_default();
            if part.is_empty() { String::new() } else { format!("{part}/") }
        };
        let (prefix, organization) = (part(self.prefix.as_ref()), part(self.organization.as_ref()));
        let accounts: BTreeSet<&String> = accounts.iter().collect();
        let mut folders = Vec::new();
        for account in accounts {
            let trail = format!("{prefix}AWSLogs/{organization}{account}");
            folders.push(ListedFolder { path: format!("{trail}/CloudTrail/"), may_be_absent: false });
            folders.push(ListedFolder { path: format!("{trail}/CloudTrail-Digest/"), may_be_absent: true });
            if !organization.is_empty() {
                let own = format!("{prefix}AWSLogs/{account}");
                folders.push(ListedFolder { path: format!("{own}/CloudTrail/"), may_be_absent: true });
                folders.push(ListedFolder { path: format!("{own}/CloudTrail-Digest/"), may_be_absent: true });
            }
        }
        folders
    }

    /// How the first key begins that is named after a day to come. A day of grace for clocks that differ.
    fn ahead(&self) -> String {
        day_prefix(self.now, -2)
    }
}

/// How the keys of the day begin that lies `days` before `now`.
fn day_prefix(now: Timestamp, days: i32) -> String {
    let time = now.checked_sub(SignedDuration::from_hours(i64::from(days) * 24)).unwrap_or(Timestamp::MIN);
    let date = time.to_zoned(jiff::tz::TimeZone::UTC).date();
    format!("{:04}/{:02}/{:02}", date.year(), date.month(), date.day())
}

/// The bucket's Region, if S3 names it.
async fn region_of(client: &aws_sdk_s3::Client, bucket: &str) -> Result<Option<String>, PortError> {
    let error = match client.head_bucket().bucket(bucket).send().await {
        Ok(answer) => return Ok(answer.bucket_region().map(str::to_owned)),
        Err(error) => error,
    };
    // Refusals name the Region too: 301 for a bucket elsewhere, 403 for one that may not be listed.
    let named = error.raw_response().and_then(|response| response.headers().get("x-amz-bucket-region"));
    if let Some(region) = named {
        return Ok(Some(region.to_owned()));
    }
    let missing = error.raw_response().is_some_and(|response| response.status().as_u16() == 404);
    if missing { Err(no_bucket(error, bucket)) } else { Ok(None) }
}

fn no_bucket(error: SdkError<HeadBucketError, HttpResponse>, bucket: &str) -> PortError {
    let what = format!("there is no bucket `{bucket}`");
    let source = port_error(error, "s3:ListBucket", &what);
    PortError::new(PortErrorKind::NotFound, what)
        .with_source(source)
        .with_hint("`aws cloudtrail describe-trails` names the bucket of each trail (`S3BucketName`)")
}

#[cfg(test)]
mod tests;
