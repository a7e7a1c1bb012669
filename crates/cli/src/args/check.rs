//! Arguments of the CI gate.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{DeploymentArguments, EvidenceArguments, SeverityChoice, StoreArguments};

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  whittle check template.yaml                                    before it is deployed
  whittle check template.yaml --format github --fail-on medium
  whittle check template.yaml --function Checkout=shop-checkout --parameter Stage=prod
  whittle check main.tf --terraform-state state.json --format markdown
  whittle check snapshot --format sarif -o whittle.sarif --baseline main.sarif

A template (SAM, CloudFormation, .tf) is checked by what it would grant, with the evidence about what runs today: functions \
are found by --function, the stack's resources, their stack tags, or a FunctionName in the file. There is no evidence about \
what is not granted today, so it is never called unused; only its breadth is checked. A folder is a snapshot of the account.

Evidence comes from the store of earlier runs, and from --trail; nothing is written to the store.

Exit codes: 0 nothing at or above --fail-on, 1 something, 2 error, 3 nothing, but there is not enough evidence.")]
pub struct CheckArguments {
    /// SAM, CloudFormation or Terraform file; or a snapshot folder
    #[arg(value_name = "TEMPLATE|SNAPSHOT")]
    pub subject: PathBuf,
    #[command(flatten)]
    pub evidence: EvidenceArguments,
    #[command(flatten)]
    pub store: StoreArguments,
    /// Output format
    #[arg(long, value_enum, default_value_t = CheckFormat::Table, env = "WHITTLE_CHECK_FORMAT")]
    pub format: CheckFormat,
    /// Exit with 1 if there is a finding of this severity or worse, not waived and not in the baseline
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = SeverityChoice::High, env = "WHITTLE_FAIL_ON")]
    pub fail_on: SeverityChoice,
    /// Waivers file [default: whittle.toml, if there is one]
    #[arg(long, value_name = "FILE", env = "WHITTLE_WAIVERS")]
    pub waivers: Option<PathBuf>,
    /// Earlier JSON or SARIF output: only findings that are new or worse count
    #[arg(long, value_name = "FILE", env = "WHITTLE_BASELINE")]
    pub baseline: Option<PathBuf>,
    #[command(flatten)]
    pub deployment: DeploymentArguments,
}

/// Formats of the gate's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// For people
    Table,
    /// One JSON document
    Json,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Annotations of GitHub Actions
    Github,
    /// A comment on a pull request
    Markdown,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  whittle waive 5b1c9a2f40d37e86 --owner team-shop --reason 'split planned' --until 2027-03-31
  whittle waive 5b1c9a2f --owner shop --reason SHOP-231 --until 2027-03-31 --waivers ci/whittle.toml

`whittle check` shows fingerprints; the beginning of one is enough if the store knows the finding.

A waiver that matches no finding, or has expired, is a finding itself, so the file keeps no waiver without a use.")]
pub struct WaiveArguments {
    /// Fingerprint of the finding, or its beginning
    #[arg(value_name = "FINGERPRINT")]
    pub fingerprint: String,
    /// Owner of the waiver
    #[arg(long, value_name = "WHO")]
    pub owner: String,
    /// Reason to accept the finding
    #[arg(long, value_name = "WHY")]
    pub reason: String,
    /// Last day on which it holds (YYYY-MM-DD)
    #[arg(long, value_name = "DATE")]
    pub until: String,
    /// Waivers file; made if there is none
    #[arg(long, value_name = "FILE", default_value = "whittle.toml", env = "WHITTLE_WAIVERS")]
    pub waivers: PathBuf,
    /// Write it although the store knows no such finding
    #[arg(long)]
    pub force: bool,
    #[command(flatten)]
    pub store: StoreArguments,
}
