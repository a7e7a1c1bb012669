//! Arguments of the commands that talk to AWS.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{Format, SeverityChoice, WindowArguments};

/// How to reach AWS.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "AWS")]
pub struct AwsArguments {
    /// Profile of the AWS configuration files
    #[arg(long, env = "AWS_PROFILE", value_name = "NAME")]
    pub profile: Option<String>,
    /// Region of the table and the topic
    #[arg(long, env = "AWS_REGION", value_name = "REGION")]
    pub region: Option<String>,
}

/// Where evidence comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EvidenceChoice {
    /// CloudTrail's event history: management events of 90 days, nothing to set up
    EventHistory,
    /// The files of a trail in S3
    TrailBucket,
    /// Both
    Both,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  whittle run --table whittle-table --dry-run
  whittle run --table whittle-table --evidence trail-bucket --trail-bucket my-trail --function my-function
  whittle run --table whittle-table --evidence trail-bucket --trail-bucket org-trail --trail-organization o-exampleorgid
  whittle run --table whittle-table --topic arn:aws:sns:eu-central-1:111122223333:whittle-alerts

Table and topic are outputs of the stack that `sam deploy` makes. Without --topic nothing is published: alerts stay
pending, and the next run of the Lambda function publishes them.")]
pub struct RunArguments {
    /// DynamoDB table of the stack
    #[arg(long, env = "WHITTLE_TABLE", value_name = "TABLE")]
    pub table: String,
    /// SNS topic (ARN) to publish alerts to
    #[arg(long, env = "WHITTLE_TOPIC_ARN", value_name = "ARN")]
    pub topic: Option<String>,
    /// Regions whose functions and event history are read [default: that of the table, and us-east-1]
    #[arg(long, env = "WHITTLE_REGIONS", value_name = "REGION", value_delimiter = ',')]
    pub regions: Vec<String>,
    /// Where evidence comes from
    #[arg(long, value_enum, default_value_t = EvidenceChoice::EventHistory, env = "WHITTLE_EVIDENCE")]
    pub evidence: EvidenceChoice,
    /// Bucket of the trail
    #[arg(long, env = "WHITTLE_TRAIL_BUCKET", value_name = "BUCKET", required_if_eq_any([("evidence", "trail-bucket"), ("evidence", "both")]))]
    pub trail_bucket: Option<String>,
    /// Prefix of the trail's keys before AWSLogs/
    #[arg(long, env = "WHITTLE_TRAIL_PREFIX", value_name = "PREFIX")]
    pub trail_prefix: Option<String>,
    /// Organisation (o-…) whose trail fills the bucket; a trail of the account itself in it is read too
    #[arg(long, env = "WHITTLE_TRAIL_ORGANIZATION_ID", value_name = "ID")]
    pub trail_organization: Option<String>,
    /// Accounts whose folders in the bucket are read [default: the account itself]
    #[arg(long, env = "WHITTLE_TRAIL_ACCOUNTS", value_name = "ACCOUNT", value_delimiter = ',')]
    pub trail_accounts: Vec<String>,
    /// Percent of the account's calls to LookupEvents that reading event history may use
    #[arg(long, env = "WHITTLE_HISTORY_SHARE", default_value_t = 50, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=100))]
    pub history_share: u8,
    /// Days of evidence to read at first
    #[arg(long, env = "WHITTLE_LOOKBACK_DAYS", default_value_t = 90, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..=400))]
    pub lookback_days: u16,
    #[command(flatten)]
    pub window: WindowArguments,
    /// Publish findings of this severity or worse
    #[arg(long, value_enum, env = "WHITTLE_ALERT_SEVERITY", default_value_t = SeverityChoice::High, value_name = "SEVERITY")]
    pub alert_severity: SeverityChoice,
    /// Publish when a finding is gone, too
    #[arg(long, env = "WHITTLE_ALERT_RESOLVED")]
    pub alert_resolved: bool,
    /// Do not ask IAM which services each role used
    #[arg(long)]
    pub no_last_accessed: bool,
    /// Only this function (name or ARN), with everything that shares its roles
    #[arg(long, value_name = "FUNCTION", conflicts_with = "role")]
    pub function: Option<String>,
    /// Only this execution role (name or ARN)
    #[arg(long, value_name = "ROLE")]
    pub role: Option<String>,
    /// Read the evidence of so many days again, whatever was read before
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u16).range(1..=400))]
    pub backfill_days: Option<u16>,
    /// Write and publish nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub aws: AwsArguments,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table, env = "WHITTLE_FORMAT")]
    pub format: Format,
    /// Exit with 1 if there is a finding of this severity or worse
    #[arg(long, value_enum, value_name = "SEVERITY", env = "WHITTLE_FAIL_ON")]
    pub fail_on: Option<SeverityChoice>,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  whittle snapshot snapshot/
  whittle snapshot snapshot/ --regions eu-central-1,us-east-1 --profile audit

The folder then holds what the AWS command line would print, and `whittle analyze` reads it. Values of environment
variables are never fetched into it.")]
pub struct SnapshotArguments {
    /// Folder to write; it must be empty, new, or a snapshot
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Regions whose functions are read [default: the one in use, and us-east-1]
    #[arg(long, env = "WHITTLE_REGIONS", value_name = "REGION", value_delimiter = ',')]
    pub regions: Vec<String>,
    /// Do not ask IAM which services each role used
    #[arg(long)]
    pub no_last_accessed: bool,
    #[command(flatten)]
    pub aws: AwsArguments,
}
