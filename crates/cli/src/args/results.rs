//! Arguments of the commands that look at results: `policy`, `explain`, `diff`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{DeploymentArguments, Format, LookupArguments, StoreArguments};

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  whittle policy my-function
  whittle policy my-function --format sam
  whittle policy --stack my-stack MyFunction --format cloudformation
  whittle policy my-shared-role --split --format terraform -o roles.tf
  whittle policy my-function --table whittle-table
  whittle policy arn:aws:iam::111122223333:role/my-role -o policy.json
  whittle policy my-function --format sam --stack-resources resources.json
  whittle policy my-function --format terraform --terraform-state state.json

With sam, cloudformation and terraform each statement carries a comment: why it is there, when it was last seen, and a
warning where it is kept unproven. Account, Region and partition become pseudo parameters, and with the stack's resources
  aws cloudformation describe-stack-resources --stack-name STACK > resources.json
(or stack-resources.json of a snapshot) ARNs become !GetAtt, !Ref and !Sub of the logical ids; with a Terraform state, or
  terraform show -json > state.json
addresses of resources.")]
pub struct PolicyArguments {
    /// Function (name or ARN), role (name or ARN), or with --stack the logical id of a function
    #[arg(value_name = "FUNCTION|ROLE")]
    pub name: String,
    /// Output format
    #[arg(long, value_enum, default_value_t = PolicyFormat::Json, env = "WHITTLE_POLICY_FORMAT")]
    pub format: PolicyFormat,
    /// CloudFormation stack that the function belongs to by its tags; the name is then a logical id
    #[arg(long, value_name = "STACK")]
    pub stack: Option<String>,
    /// Answer of `aws cloudformation describe-stack-resources` for the function's stack: ARNs become
    /// references; repeatable
    #[arg(long, value_name = "FILE", env = "WHITTLE_STACK_RESOURCES")]
    pub stack_resources: Vec<PathBuf>,
    /// Snapshot folder, for its stack-resources.json
    #[arg(long, value_name = "DIR", env = "WHITTLE_SNAPSHOT")]
    pub snapshot: Option<PathBuf>,
    /// Terraform state, or the output of `terraform show -json`: ARNs become addresses
    #[arg(long, value_name = "FILE", env = "WHITTLE_TERRAFORM_STATE")]
    pub terraform_state: Option<PathBuf>,
    /// Split a shared role: one role for each function that runs under it
    #[arg(long)]
    pub split: bool,
    /// One policy for a shared role, its statements for one function each by lambda:SourceFunctionArn where
    /// that is safe
    #[arg(long, conflicts_with = "split")]
    pub source_function_arn: bool,
    #[command(flatten)]
    pub store: LookupArguments,
}

/// Formats of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PolicyFormat {
    /// The policy document, ready for IAM
    Json,
    /// Policies of an AWS::Serverless::Function
    Sam,
    /// Resources of a CloudFormation template
    #[value(name = "cloudformation")]
    CloudFormation,
    /// Data sources and resources of Terraform
    Terraform,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  whittle explain my-function
  whittle explain my-function 's3:*'
  whittle explain my-function s3:DeleteObject --trail trail/ --snapshot snapshot/

The store knows on which days an action was used and on what. With --trail the events themselves are listed, with \
--snapshot the statements that grant the action.")]
pub struct ExplainArguments {
    /// Function: name or ARN
    #[arg(value_name = "FUNCTION")]
    pub function: String,
    /// Only this action, or those that match this pattern
    #[arg(value_name = "ACTION")]
    pub action: Option<String>,
    /// Trail file or folder to list events from; may be given several times
    #[arg(long = "trail", value_name = "PATH", requires = "action")]
    pub trails: Vec<PathBuf>,
    /// Snapshot folder, to name the statements that grant an action
    #[arg(long, value_name = "DIR")]
    pub snapshot: Option<PathBuf>,
    /// Events to list at most, latest first
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub events: usize,
    /// List every action, however many have the same reason
    #[arg(long)]
    pub all: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table, env = "WHITTLE_FORMAT")]
    pub format: Format,
    #[command(flatten)]
    pub store: LookupArguments,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  whittle diff template.yaml                  what it would allow more (+) and less (-) than today
  whittle diff template.yaml --snapshot snapshot/ --parameter Stage=prod
  whittle diff last-week.json                 what changed since then, by the results in the store
  whittle diff last-week.json today.json --format json

A template (SAM, CloudFormation, .tf) is compared with the roles that the account has. `?` marks what is not known: a \
value that is given nowhere, or policies too complex for a proof. Results are the output of `whittle analyze --format json`.")]
pub struct DiffArguments {
    /// Template, or an earlier result
    #[arg(value_name = "TEMPLATE|BEFORE")]
    pub before: PathBuf,
    /// Later result [default: what the store holds]
    #[arg(value_name = "AFTER")]
    pub after: Option<PathBuf>,
    #[command(flatten)]
    pub store: StoreArguments,
    /// Output format
    #[arg(long, value_enum, default_value_t = Format::Table, env = "WHITTLE_FORMAT")]
    pub format: Format,
    #[command(flatten)]
    pub deployment: DeploymentArguments,
}
