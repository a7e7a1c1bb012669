//! The command line as typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod apply;
mod aws;
mod check;
mod evidence;
mod results;
mod severity;
mod shell;
mod template;

pub use apply::ApplyArguments;
#[cfg(feature = "aws")]
pub use aws::EvidenceChoice;
pub use aws::{AwsArguments, RunArguments, SnapshotArguments};
pub use check::{CheckArguments, CheckFormat, WaiveArguments};
pub use evidence::{EvidenceArguments, WindowArguments};
pub use results::{DiffArguments, ExplainArguments, PolicyArguments, PolicyFormat};
pub use severity::SeverityChoice;
pub use shell::{CompletionsArguments, ManArguments};
pub use template::DeploymentArguments;

/// Least-privilege policies for AWS Lambda functions, proved safe.
///
/// Compares what the execution role of each function is allowed with what CloudTrail shows was used, and
/// prints a narrowed policy for each function. A permission whose use could not have been seen is kept, with
/// the reason.
#[derive(Debug, Parser)]
#[command(name = "whittle", version, max_term_width = 120, after_long_help = EXAMPLES)]
pub struct Arguments {
    #[command(flatten)]
    pub global: GlobalArguments,
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  whittle analyze snapshot --trail trail     what every function may do, needs, and can lose
  whittle policy my-function --format sam    the narrowed policy, ready for a pull request
  whittle apply template.yaml --diff         the same as a change of your template
  whittle check template.yaml                for a pull request: what the template would allow, before it is deployed
  whittle explain my-function 's3:*'         why each of these actions stays or goes

Exit codes: 0 fine, 1 findings at or above --fail-on, 2 error, 3 inconclusive (a gate without enough coverage).";

/// Flags that every command takes.
#[derive(Debug, Args)]
pub struct GlobalArguments {
    /// Colour the output
    #[arg(long, global = true, value_enum, default_value_t = ColorChoice::Auto, env = "WHITTLE_COLOR", value_name = "WHEN")]
    pub color: ColorChoice,
    /// Write data to FILE instead of standard output
    #[arg(short, long, global = true, value_name = "FILE", env = "WHITTLE_OUTPUT")]
    pub output: Option<PathBuf>,
    /// Print data and errors only
    #[arg(short, long, global = true, env = "WHITTLE_QUIET")]
    pub quiet: bool,
    /// Print details of the run to standard error
    #[arg(short, long, global = true, env = "WHITTLE_VERBOSE", conflicts_with = "quiet")]
    pub verbose: bool,
    /// Draw no progress
    #[arg(long, global = true, env = "WHITTLE_NO_PROGRESS")]
    pub no_progress: bool,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Fetch the inventory of an account into a snapshot folder
    Snapshot(SnapshotArguments),
    /// Analyze a snapshot folder and its trail on this machine
    Analyze(AnalyzeArguments),
    /// Run once against AWS, as the Lambda function does
    Run(Box<RunArguments>),
    /// Print the narrowed policy of a function or role
    Policy(PolicyArguments),
    /// Put the narrowed policies into a SAM, CloudFormation or Terraform file
    Apply(Box<ApplyArguments>),
    /// Show the evidence, the configuration and the coverage behind each verdict
    Explain(ExplainArguments),
    /// Decide requests against policies, as AWS does: cases in, decisions out, one a line
    Simulate(SimulateArguments),
    /// For CI: findings of a template or a snapshot as SARIF, annotations or Markdown; fails on those at or
    /// above --fail-on
    Check(Box<CheckArguments>),
    /// Accept a finding until a date, in the waivers file
    Waive(WaiveArguments),
    /// Compare a template with the roles of today, or two results with each other
    Diff(Box<DiffArguments>),
    /// Query trails: the actions that events map to, usages, and coverage
    #[command(subcommand)]
    Trail(TrailCommand),
    /// Query the catalog of IAM actions
    #[command(subcommand)]
    Catalog(CatalogCommand),
    /// Print a completion script for a shell
    Completions(CompletionsArguments),
    /// Print the manual page
    Man(ManArguments),
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Table,
    /// One JSON document
    Json,
    /// One JSON object a line
    Ndjson,
}

/// Where state is kept between runs.
#[derive(Debug, Args)]
pub struct StoreArguments {
    /// SQLite file that keeps ledger, suggestions and findings
    #[arg(long, value_name = "FILE", env = "WHITTLE_STORE", default_value = ".whittle/store.sqlite")]
    pub store: PathBuf,
}

/// Where to look results up.
#[derive(Debug, Args)]
pub struct LookupArguments {
    #[command(flatten)]
    pub local: StoreArguments,
    /// DynamoDB table of a deployed Whittle to read, instead of the SQLite file
    #[arg(long, env = "WHITTLE_TABLE", value_name = "TABLE")]
    pub table: Option<String>,
    #[command(flatten)]
    pub aws: AwsArguments,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  whittle analyze examples/shop --trail examples/shop/trail
  whittle analyze snapshot --trail trail --format json -o report.json --fail-on high

A snapshot folder is plain AWS CLI output:
  aws iam get-account-authorization-details > snapshot/authorization-details.json
  aws lambda list-functions --function-version ALL > snapshot/functions.json
  aws lambda list-event-source-mappings > snapshot/event-source-mappings.json
  aws cloudtrail describe-trails > snapshot/trails.json
With more Regions, the Lambda files go to snapshot/regions/REGION/.", mut_arg("trails", |trails| trails.required(true)))]
pub struct AnalyzeArguments {
    /// Snapshot folder
    #[arg(value_name = "SNAPSHOT")]
    pub snapshot: PathBuf,
    #[command(flatten)]
    pub evidence: EvidenceArguments,
    #[command(flatten)]
    pub store: StoreArguments,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table, env = "WHITTLE_FORMAT")]
    pub format: Format,
    /// Exit with 1 if there is a finding of this severity or worse
    #[arg(long, value_enum, value_name = "SEVERITY", env = "WHITTLE_FAIL_ON")]
    pub fail_on: Option<SeverityChoice>,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
A case is one line (broken up here):
  {\"id\": 1,
   \"request\": {\"principal\": \"arn:aws:iam::111122223333:role/reader\", \"action\": \"s3:GetObject\",
               \"resource\": \"arn:aws:s3:::photos/a.jpg\", \"resource_account\": \"111122223333\",
               \"context\": {\"aws:SourceIp\": [\"192.0.2.1\"]}},
   \"identity_policies\": [{\"name\": \"read\", \"document\": {\"Version\": \"2012-10-17\", \"Statement\": []}}],
   \"resource_policy\": null, \"permissions_boundaries\": null, \"session_policies\": null,
   \"service_control_policies\": [[]], \"resource_control_policies\": [], \"endpoint_policies\": null}
Only request.principal, request.action and request.resource are needed; null, [] and a missing member are the same.
Control policies are a list with a list of policies for each level, from the root to the account: [] is no
organization, [[]] a level that allows nothing.

Answers:
  {\"id\":1,\"decision\":\"Allowed\",\"deciding\":[{\"policy\":\"read\",\"statement\":0,\"layer\":\"identity\"}]}
  {\"id\":2,\"decision\":\"ImplicitlyDenied\",\"deciding\":[],\"missing\":\"service-control\"}
  {\"id\":3,\"error\":\"$.request: action is missing (line 1, column 18)\"}

Nothing is derived: a context key that is not given is missing, aws:PrincipalArn and aws:username included.

Examples:
  whittle simulate cases.ndjson
  whittle simulate --explain < cases.ndjson
  cat *.ndjson | whittle simulate - -o answers.ndjson

Exit codes: 0 every line has its answer (some may be errors, which are counted on standard error), 2 a file cannot be read,
or no case in it.")]
pub struct SimulateArguments {
    /// Files of cases, one JSON object a line; `-` or none is standard input
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Name every statement, and say why it does not match
    #[arg(long, env = "WHITTLE_EXPLAIN")]
    pub explain: bool,
}

#[derive(Debug, Subcommand)]
pub enum TrailCommand {
    /// Show the actions that each kind of event maps to
    Map(TrailMapArguments),
    /// Show which caller used which action on which resources
    Usage(TrailUsageArguments),
    /// Show what the trails of a snapshot can see
    Coverage(TrailCoverageArguments),
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  whittle trail map trail/
  whittle trail map events.json --format ndjson
  aws cloudtrail lookup-events | whittle trail map -")]
pub struct TrailMapArguments {
    /// Trail files or folders; `-` for standard input
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
    /// Only event kinds of this class; repeatable
    #[arg(long, value_name = "CLASS", value_parser = ["actions", "no-permission", "not-a-call", "unknown"])]
    pub class: Vec<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table, env = "WHITTLE_FORMAT")]
    pub format: Format,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  whittle trail usage trail/
  whittle trail usage trail/ --snapshot snapshot --format ndjson")]
pub struct TrailUsageArguments {
    /// Trail files or folders; `-` for standard input
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
    /// Snapshot folder, to tell functions from other callers by session name
    #[arg(long, value_name = "DIR")]
    pub snapshot: Option<PathBuf>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table, env = "WHITTLE_FORMAT")]
    pub format: Format,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  whittle trail coverage snapshot
  whittle trail coverage snapshot --trail trail/ --format json")]
pub struct TrailCoverageArguments {
    /// Snapshot folder with trails.json, or a trails.json
    #[arg(value_name = "SNAPSHOT")]
    pub snapshot: PathBuf,
    /// Trail file or folder (`-` for standard input), to know the window; may be given several times
    #[arg(long = "trail", value_name = "PATH")]
    pub trails: Vec<PathBuf>,
    /// Show this action, or all of a pattern, day by day; repeatable
    #[arg(long, value_name = "ACTION")]
    pub action: Vec<String>,
    /// The resource that the action is asked about: an ARN or a pattern
    #[arg(long, value_name = "ARN", default_value = "*", requires = "action")]
    pub resource: String,
    /// The Region of the calls; without it, any Region
    #[arg(long, value_name = "REGION", requires = "action")]
    pub region: Option<String>,
    /// The role that makes the calls; without it, any role
    #[arg(long, value_name = "ARN", requires = "action")]
    pub role: Option<String>,
    /// The LookupEvents answers given are complete for this Region, or `all`; repeatable
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    pub event_history: Vec<String>,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table, env = "WHITTLE_FORMAT")]
    pub format: Format,
}

#[derive(Debug, Subcommand)]
pub enum CatalogCommand {
    /// Show one action, or all that a pattern expands to
    Show(CatalogShowArguments),
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  whittle catalog show s3:GetObject
  whittle catalog show 's3:Get*' --format json")]
pub struct CatalogShowArguments {
    /// Action or pattern
    #[arg(value_name = "ACTION|PATTERN")]
    pub pattern: String,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table, env = "WHITTLE_FORMAT")]
    pub format: Format,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn every_flag_has_help_and_the_tree_is_sound() {
        fn check(command: &clap::Command) {
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{}: {} has no help", command.get_name(), argument.get_id());
            }
            for sub in command.get_subcommands() {
                assert!(sub.get_about().is_some(), "{} has no help", sub.get_name());
                check(sub);
            }
        }
        let command = super::Arguments::command();
        command.clone().debug_assert();
        check(&command);
    }

    #[test]
    fn every_command_without_subcommands_ends_its_help_in_examples() {
        fn check(command: &clap::Command) {
            if command.has_subcommands() {
                command.get_subcommands().for_each(check);
            } else {
                let text = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
                assert!(text.contains("Examples:"), "{} has no examples", command.get_name());
            }
        }
        check(&super::Arguments::command());
    }
}
