//! `whittle apply` as typed.

use std::path::PathBuf;

use clap::Args;

use super::LookupArguments;
use super::template::pair;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  whittle apply template.yaml --diff                             what would change
  whittle apply template.yaml --stack-resources resources.json   edit the file; names of the stack become references
  whittle apply template.yaml Checkout --map Checkout=shop-checkout
  whittle apply template.yaml --stack shop --table whittle-table what a deployed Whittle suggests for the stack `shop`
  whittle apply main.tf --terraform-state state.json

resources.json is the answer of
  aws cloudformation describe-stack-resources --stack-name STACK > resources.json
and state.json that of
  terraform show -json > state.json

Only bytes of policies change: comments, order, quotes and line ends elsewhere stay. The edited file is read again and
proved before it replaces the old one; what cannot be edited safely is left as it is, with the reason and the text to
write by hand. A second run changes nothing.")]
pub struct ApplyArguments {
    /// SAM, CloudFormation (YAML or JSON) or Terraform (.tf) file
    #[arg(value_name = "TEMPLATE")]
    pub template: PathBuf,
    /// Functions to narrow: logical id or function name; all of the file if none is given
    #[arg(value_name = "FUNCTION")]
    pub functions: Vec<String>,
    /// Print a unified diff and write nothing
    #[arg(long, conflicts_with = "check")]
    pub diff: bool,
    /// Write nothing; exit with 1 if the file would change
    #[arg(long)]
    pub check: bool,
    /// The function that a logical id (Terraform: address) was deployed as; repeatable
    #[arg(long, value_name = "LOGICAL_ID=FUNCTION", value_parser = pair)]
    pub map: Vec<(String, String)>,
    /// Answer of `aws cloudformation describe-stack-resources` for the stack that was analysed; repeatable
    #[arg(long, value_name = "FILE", env = "WHITTLE_STACK_RESOURCES")]
    pub stack_resources: Vec<PathBuf>,
    /// Snapshot folder, to find functions by their stack tags
    #[arg(long, value_name = "DIR", env = "WHITTLE_SNAPSHOT")]
    pub snapshot: Option<PathBuf>,
    /// Name of the stack made of this template, to find functions by their stack tags
    #[arg(long, value_name = "NAME", env = "WHITTLE_STACK")]
    pub stack: Option<String>,
    /// Value of a template parameter in that stack; defaults of the template otherwise; repeatable
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = pair)]
    pub parameters: Vec<(String, String)>,
    /// Terraform state, or the output of `terraform show -json`
    #[arg(long, value_name = "FILE", env = "WHITTLE_TERRAFORM_STATE")]
    pub terraform_state: Option<PathBuf>,
    #[command(flatten)]
    pub store: LookupArguments,
}
