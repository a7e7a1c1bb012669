//! Puts the adapters of this crate together for one run, the same for the Lambda function and for
//! `whittle run`.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use jiff::Timestamp;
use whittle_analysis::input::AnalysisSettings;
use whittle_analysis::issue::Issue;
use whittle_analysis::result::Severity;
use whittle_pipeline::alerts::{AlertSettings, Renderer};
use whittle_pipeline::dry_run::DryRun;
use whittle_pipeline::history::HistorySettings;
use whittle_pipeline::ingest::{IngestObserver, ReadingBounds, ReadingSettings};
use whittle_pipeline::ports::service::{KeptDocuments, ServiceStore};
use whittle_pipeline::ports::{Clock, PortError, PortErrorKind};
use whittle_pipeline::run::RunSettings;
use whittle_pipeline::service::{AnalysisScope, Deadline, Ports, ServiceOutcome, ServiceSettings, run_service};

use crate::alerts::SnsTopic;
use crate::clients::Aws;
use crate::history::EventHistory;
use crate::inventory::{AccountInventory, InventorySettings, collect};
use crate::store::DynamoStore;
use crate::trail_bucket::{DEFAULT_MAX_OBJECT_BYTES, TrailBucket, TrailBucketSettings};

/// Where evidence comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvidenceSource {
    /// CloudTrail's event history: management events of 90 days; nothing to set up.
    EventHistory,
    /// The files of a trail in S3: data events too, and any window.
    TrailBucket,
    /// Both, for an account whose trail is young or does not log every Region.
    Both,
}

impl FromStr for EvidenceSource {
    type Err = PortError;

    fn from_str(text: &str) -> Result<Self, PortError> {
        match text {
            "event-history" => Ok(Self::EventHistory),
            "trail-bucket" => Ok(Self::TrailBucket),
            "both" => Ok(Self::Both),
            other => Err(PortError::new(PortErrorKind::Invalid, format!("unknown evidence source `{other}`"))
                .with_hint("it is `event-history`, `trail-bucket` or `both`")),
        }
    }
}

impl EvidenceSource {
    /// True if event history is read.
    pub fn has_history(self) -> bool {
        self != Self::TrailBucket
    }

    /// True if trail files are read.
    pub fn has_trail(self) -> bool {
        self != Self::EventHistory
    }
}

/// Settings of an installation, from the parameters of its template or from flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceConfig {
    /// Name of the DynamoDB table.
    pub table: String,
    /// ARN of the alert topic; `None` publishes nothing.
    pub topic: Option<String>,
    /// Regions whose functions and event history are read, the first of them being the stack's own.
    pub regions: Vec<String>,
    /// Where evidence comes from.
    pub evidence: EvidenceSource,
    /// Bucket of the trail.
    pub trail_bucket: Option<String>,
    /// Prefix of the trail's keys before `AWSLogs/`.
    pub trail_prefix: Option<String>,
    /// Id of the organisation (`o-…`) whose trail fills the bucket.
    pub trail_organization: Option<String>,
    /// Accounts whose folders in the bucket are read; none for that of the caller.
    pub trail_accounts: Vec<String>,
    /// Percent of the account's calls to LookupEvents that reading event history may use.
    pub history_share: u8,
    /// Memory of the process in bytes, where it is limited.
    pub memory: Option<u64>,
    /// Days of evidence to read at first.
    pub lookback_days: u16,
    /// Days of evidence below which nothing is called unused.
    pub min_window_days: u32,
    /// Least severity that is alerted.
    pub alert_severity: Severity,
    /// Alert when a finding is gone, too.
    pub alert_resolved: bool,
    /// Ask IAM which services each role used (service last accessed).
    pub last_accessed: bool,
}

/// Percent of the account's calls to LookupEvents that Whittle uses unless told otherwise: people and other
/// tools look into event history, too.
pub const DEFAULT_HISTORY_SHARE: u8 = 50;

/// Variables of the function's environment: name, parameter of the template.
const VARIABLES: &[(&str, &str)] = &[
    ("WHITTLE_TABLE", "the table of the stack"),
    ("WHITTLE_TOPIC_ARN", "the topic of the stack"),
    ("WHITTLE_REGIONS", "Regions"),
    ("WHITTLE_EVIDENCE", "EvidenceSource"),
    ("WHITTLE_TRAIL_BUCKET", "TrailBucket"),
    ("WHITTLE_TRAIL_PREFIX", "TrailPrefix"),
    ("WHITTLE_TRAIL_ORGANIZATION_ID", "TrailOrganizationId"),
    ("WHITTLE_TRAIL_ACCOUNTS", "TrailAccounts"),
    ("WHITTLE_HISTORY_SHARE", "EventHistoryShare"),
    ("WHITTLE_LOOKBACK_DAYS", "LookbackDays"),
    ("WHITTLE_MIN_WINDOW_DAYS", "MinWindowDays"),
    ("WHITTLE_ALERT_SEVERITY", "AlertSeverity"),
    ("WHITTLE_ALERT_RESOLVED", "AlertResolved"),
    ("WHITTLE_LAST_ACCESSED", "LastAccessed"),
];

impl ServiceConfig {
    /// Reads the variables of the environment through `variable`; `region` is the Region of the stack.
    ///
    /// Fails (`Invalid`, naming the variable and its parameter) on a missing table or a value that is none.
    pub fn from_variables(variable: &dyn Fn(&str) -> Option<String>, region: &str) -> Result<Self, PortError> {
        let text = |name: &str| variable(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let table = text("WHITTLE_TABLE").ok_or_else(|| invalid("WHITTLE_TABLE", "is not set"))?;
        let evidence = match text("WHITTLE_EVIDENCE") {
            Some(word) => word.parse::<EvidenceSource>().map_err(|error| wrong("WHITTLE_EVIDENCE", &error))?,
            None => EvidenceSource::EventHistory,
        };
        let regions = match text("WHITTLE_REGIONS") {
            Some(list) => regions(&list)
                .map_err(|bad| invalid("WHITTLE_REGIONS", &format!("names `{bad}`, which is no Region")))?,
            None => default_regions(region),
        };
        let trail_bucket = text("WHITTLE_TRAIL_BUCKET");
        if evidence.has_trail() && trail_bucket.is_none() {
            return Err(invalid("WHITTLE_TRAIL_BUCKET", "is not set, and the evidence is in a trail's bucket"));
        }
        let trail_organization = text("WHITTLE_TRAIL_ORGANIZATION_ID");
        if let Some(id) = trail_organization.as_deref().filter(|id| !is_organization(id)) {
            return Err(invalid(
                "WHITTLE_TRAIL_ORGANIZATION_ID",
                &format!("is `{id}`, which is no id of an organisation"),
            ));
        }
        let trail_accounts = accounts(&text("WHITTLE_TRAIL_ACCOUNTS").unwrap_or_default())
            .map_err(|bad| invalid("WHITTLE_TRAIL_ACCOUNTS", &format!("names `{bad}`, which is no account")))?;
        let share = DEFAULT_HISTORY_SHARE.into();
        let history_share = number("WHITTLE_HISTORY_SHARE", text("WHITTLE_HISTORY_SHARE"), share, 1..=100)?;
        let history_share = u8::try_from(history_share).unwrap_or(DEFAULT_HISTORY_SHARE);
        let lookback_days = number("WHITTLE_LOOKBACK_DAYS", text("WHITTLE_LOOKBACK_DAYS"), 90, 1..=400)?;
        let min_window_days = number("WHITTLE_MIN_WINDOW_DAYS", text("WHITTLE_MIN_WINDOW_DAYS"), 30, 1..=400)?;
        let alert_severity = match text("WHITTLE_ALERT_SEVERITY") {
            Some(word) => severity(&word)
                .ok_or_else(|| invalid("WHITTLE_ALERT_SEVERITY", "is none of info, low, medium, high and critical"))?,
            None => Severity::High,
        };
        Ok(Self {
            table,
            topic: text("WHITTLE_TOPIC_ARN"),
            regions,
            evidence,
            trail_bucket,
            trail_prefix: text("WHITTLE_TRAIL_PREFIX"),
            trail_organization,
            trail_accounts,
            history_share,
            memory: text("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
                .and_then(|mib| mib.parse::<u64>().ok())
                .map(|mib| mib << 20),
            lookback_days,
            min_window_days: u32::from(min_window_days),
            alert_severity,
            alert_resolved: flag("WHITTLE_ALERT_RESOLVED", text("WHITTLE_ALERT_RESOLVED").as_deref(), false)?,
            last_accessed: flag("WHITTLE_LAST_ACCESSED", text("WHITTLE_LAST_ACCESSED").as_deref(), true)?,
        })
    }
}

/// The Region itself, and the one that holds the events of global services (AWS CloudTrail User Guide,
/// "CloudTrail concepts": global service events are in us-east-1 of the partition `aws`).
pub fn default_regions(region: &str) -> Vec<String> {
    const GLOBAL: &str = "us-east-1";
    let elsewhere = ["cn-", "us-gov-", "us-iso", "eu-isoe-", "eusc-"].iter().any(|other| region.starts_with(other));
    let mut regions = vec![region.to_owned()];
    if region != GLOBAL && !elsewhere {
        regions.push(GLOBAL.to_owned());
    }
    regions
}

/// A comma-separated list of Regions, in order, each once. The error is the word that is none.
pub fn regions(list: &str) -> Result<Vec<String>, String> {
    each_once(list, |word| word.parse::<whittle_policy::id::Region>().is_ok())
}

/// A comma-separated list of accounts, in order, each once. The error is the word that is none.
pub fn accounts(list: &str) -> Result<Vec<String>, String> {
    each_once(list, whittle_policy::id::is_account)
}

/// The words of a comma-separated list, in order, each once. The error is the first that is not `valid`.
fn each_once(list: &str, valid: impl Fn(&str) -> bool) -> Result<Vec<String>, String> {
    let mut out: Vec<String> = Vec::new();
    for word in list.split(',').map(str::trim).filter(|word| !word.is_empty()) {
        if !valid(word) {
            return Err(word.to_owned());
        }
        if !out.iter().any(|known| known == word) {
            out.push(word.to_owned());
        }
    }
    Ok(out)
}

/// True for an id of an organisation (AWS Organizations API Reference, "Organization").
pub fn is_organization(text: &str) -> bool {
    text.strip_prefix("o-").is_some_and(|rest| {
        (10..=32).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    })
}

/// The severity of a word, in any case.
pub fn severity(word: &str) -> Option<Severity> {
    [Severity::Info, Severity::Low, Severity::Medium, Severity::High, Severity::Critical]
        .into_iter()
        .find(|severity| severity.as_str().eq_ignore_ascii_case(word))
}

fn number(
    name: &str,
    text: Option<String>,
    default: u16,
    range: std::ops::RangeInclusive<u16>,
) -> Result<u16, PortError> {
    let Some(text) = text else { return Ok(default) };
    text.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
        invalid(name, &format!("is `{text}`, and must be a number from {} to {}", range.start(), range.end()))
    })
}

fn flag(name: &str, text: Option<&str>, default: bool) -> Result<bool, PortError> {
    match text {
        None => Ok(default),
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        Some(other) => Err(invalid(name, &format!("is `{other}`, and must be `true` or `false`"))),
    }
}

fn wrong(name: &str, error: &PortError) -> PortError {
    invalid(name, &format!("is wrong: {error}"))
}

fn invalid(name: &str, message: &str) -> PortError {
    let parameter = VARIABLES.iter().find(|(variable, _)| *variable == name).map_or("", |(_, parameter)| parameter);
    PortError::new(PortErrorKind::Invalid, format!("the variable {name} {message}"))
        .with_hint(format!("deploy template.yaml again; the variable comes from {parameter}"))
}

/// Settings of one run.
#[derive(Debug, Clone)]
pub struct RunRequest {
    /// Id of the run; unique.
    pub run_id: String,
    /// Scope of the analysis.
    pub scope: AnalysisScope,
    /// Write and publish nothing.
    pub dry_run: bool,
    /// Read the evidence of so many days again.
    pub backfill_days: Option<u16>,
    /// When to stop.
    pub deadline: Option<Deadline>,
}

/// One run with the adapters of this crate. `render` puts alerts into words.
pub async fn run(
    aws: &Aws,
    config: &ServiceConfig,
    request: &RunRequest,
    render: Renderer<'_>,
    observer: &mut dyn IngestObserver,
) -> Result<ServiceOutcome, PortError> {
    let identity = aws.identity().await?;
    let lookback_days = request.backfill_days.unwrap_or(config.lookback_days);
    let mut inventory = InventorySettings::new(config.regions.clone());
    inventory.last_accessed = config.last_accessed;
    let inventory = AccountInventory::new(aws.clone(), inventory);
    let history = if config.evidence.has_history() { config.regions.clone() } else { Vec::new() };
    let history = EventHistory::new(aws, history, config.history_share);
    let bucket = config.trail_bucket.as_ref().filter(|_| config.evidence.has_trail());
    let objects = bucket.map(|bucket| {
        TrailBucket::new(
            aws,
            TrailBucketSettings {
                prefix: config.trail_prefix.clone(),
                organization: config.trail_organization.clone(),
                accounts: match config.trail_accounts.as_slice() {
                    [] => vec![identity.account.clone()],
                    accounts => accounts.to_vec(),
                },
                lookback_days,
                ..TrailBucketSettings::new(bucket)
            },
        )
        .with_max_object_bytes(config.memory.map_or(DEFAULT_MAX_OBJECT_BYTES, |bytes| bytes / 8))
    });
    let settings = ServiceSettings {
        run_id: request.run_id.clone(),
        scope: request.scope.clone(),
        run: RunSettings {
            analysis: AnalysisSettings { min_window_days: config.min_window_days },
            ..RunSettings::default()
        },
        reading: ReadingSettings {
            bounds: config
                .memory
                .map_or_else(ReadingBounds::default, |bytes| ReadingBounds::for_memory(bytes, cores())),
            ..ReadingSettings::default()
        },
        history: HistorySettings { lookback_days, ..HistorySettings::default() },
        backfill_days: request.backfill_days,
        deadline: request.deadline,
        alerts: AlertSettings {
            least: config.alert_severity,
            report_resolved: config.alert_resolved,
            ..AlertSettings::default()
        },
    };
    let topic = config.topic.as_ref().filter(|_| !request.dry_run).map(|arn| SnsTopic::open(aws, arn)).transpose()?;
    let mut table = DynamoStore::open(aws, &config.table)?.for_account(&identity.account);
    let adapters = Adapters { inventory, history, objects, topic };
    if request.dry_run {
        return adapters.run(&mut DryRun::new(table), &settings, render, observer).await;
    }
    adapters.run(&mut table, &settings, render, observer).await
}

/// Everything of a run but the store.
struct Adapters {
    inventory: AccountInventory,
    history: EventHistory,
    objects: Option<TrailBucket>,
    topic: Option<SnsTopic>,
}

impl Adapters {
    async fn run<S: ServiceStore>(
        &self,
        store: &mut S,
        settings: &ServiceSettings,
        render: Renderer<'_>,
        observer: &mut dyn IngestObserver,
    ) -> Result<ServiceOutcome, PortError> {
        let ports = Ports {
            inventory: &self.inventory,
            history: &self.history,
            objects: &self.objects,
            store,
            alerts: self.topic.as_ref(),
            clock: &SystemClock,
        };
        run_service(ports, settings, render, observer).await
    }
}

/// Fetches the documents of a snapshot, as files for people. What could not be fetched is in the issues.
pub async fn fetch_documents(
    aws: &Aws,
    regions: Vec<String>,
    last_accessed: bool,
) -> Result<(BTreeMap<String, String>, Vec<Issue>), PortError> {
    let mut settings = InventorySettings::new(regions);
    settings.last_accessed = last_accessed;
    let now = SystemClock.now();
    let nothing = (KeptDocuments::new(), BTreeSet::new());
    let collected = collect(aws, &settings, &nothing.0, &nothing.1, &|| false, now).await?;
    let files = collected.documents.files().map(|(name, text)| (name.to_owned(), text)).collect();
    Ok((files, collected.issues))
}

fn cores() -> u64 {
    std::thread::available_parallelism().map_or(1, |cores| u64::try_from(cores.get()).unwrap_or(1))
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn config(variables: &[(&str, &str)]) -> Result<ServiceConfig, String> {
        let map: BTreeMap<&str, &str> = variables.iter().copied().collect();
        ServiceConfig::from_variables(&|name| map.get(name).map(ToString::to_string), "eu-central-1")
            .map_err(|error| format!("{error} / {}", error.hint().unwrap_or_default()))
    }

    #[test]
    fn a_table_is_enough() {
        let config = config(&[("WHITTLE_TABLE", "t"), ("WHITTLE_TOPIC_ARN", "")]).unwrap();
        assert_eq!(config.regions, ["eu-central-1", "us-east-1"]);
        assert_eq!(default_regions("us-east-1"), ["us-east-1"]);
        assert_eq!(default_regions("cn-north-1"), ["cn-north-1"]);
        assert_eq!((config.lookback_days, config.min_window_days), (90, 30));
        assert_eq!((config.evidence, config.topic), (EvidenceSource::EventHistory, None));
        assert_eq!(config.alert_severity, Severity::High);
    }

    #[test]
    fn wrong_values_name_variable_and_parameter() {
        for (name, value, expect) in [
            ("WHITTLE_TABLE", " ", "the variable WHITTLE_TABLE is not set"),
            ("WHITTLE_EVIDENCE", "athena", "EvidenceSource"),
            ("WHITTLE_EVIDENCE", "both", "WHITTLE_TRAIL_BUCKET is not set"),
            ("WHITTLE_HISTORY_SHARE", "0", "EventHistoryShare"),
            ("WHITTLE_LOOKBACK_DAYS", "401", "from 1 to 400"),
            ("WHITTLE_MIN_WINDOW_DAYS", "-1", "MinWindowDays"),
            ("WHITTLE_ALERT_SEVERITY", "severe", "AlertSeverity"),
            ("WHITTLE_LAST_ACCESSED", "yes", "`true` or `false`"),
            ("WHITTLE_REGIONS", "eu-central-1, mars", "`mars`"),
            ("WHITTLE_TRAIL_ORGANIZATION_ID", "o-1", "TrailOrganizationId"),
            ("WHITTLE_TRAIL_ACCOUNTS", "111122223333,1", "`1`, which is no account"),
        ] {
            let error = config(&[("WHITTLE_TABLE", "t"), (name, value)]).unwrap_err();
            assert!(error.contains(expect), "{name}: {error}");
        }
    }

    #[test]
    fn regions_are_taken_once_and_in_order() {
        assert_eq!(regions(" us-east-1,eu-west-1 ,us-east-1,").unwrap(), ["us-east-1", "eu-west-1"]);
    }
}
