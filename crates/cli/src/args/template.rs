//! Arguments that match a template with an account: the deployment it describes, and its functions.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
#[command(next_help_heading = "For a template")]
pub struct DeploymentArguments {
    /// The function that a logical id (Terraform: address) is deployed as; repeatable
    #[arg(long = "function", visible_alias = "map", value_name = "LOGICAL_ID=NAME|ARN", value_parser = pair)]
    pub functions: Vec<(String, String)>,
    /// Snapshot folder of the account [default: the snapshot that the store was made from]
    #[arg(long, value_name = "DIR", env = "WHITTLE_SNAPSHOT")]
    pub snapshot: Option<PathBuf>,
    /// Account to compare with, where the store knows several
    #[arg(long, value_name = "ID", env = "WHITTLE_ACCOUNT")]
    pub account: Option<String>,
    /// Name of the stack, where the account holds several made of this template
    #[arg(long, value_name = "NAME", env = "WHITTLE_STACK")]
    pub stack: Option<String>,
    /// Answer of `aws cloudformation describe-stack-resources` for that stack; repeatable
    #[arg(long, value_name = "FILE", env = "WHITTLE_STACK_RESOURCES")]
    pub stack_resources: Vec<PathBuf>,
    /// Value of a template parameter in that stack; defaults of the template otherwise; repeatable
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = pair)]
    pub parameters: Vec<(String, String)>,
    /// Terraform state, or the output of `terraform show -json`
    #[arg(long, value_name = "FILE", env = "WHITTLE_TERRAFORM_STATE")]
    pub terraform_state: Option<PathBuf>,
}

/// `NAME=VALUE` with a name.
pub fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("expected NAME=VALUE".to_owned()),
    }
}
