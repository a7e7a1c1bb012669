//! Clients of AWS, and the runtime that they need.

use whittle_aws::clients::{Aws, AwsSettings};
use whittle_aws::service::default_regions;

use crate::args::AwsArguments;
use crate::error::CommandError;

/// Reads the AWS configuration.
pub fn load(arguments: &AwsArguments) -> Result<Aws, CommandError> {
    let settings = AwsSettings { profile: arguments.profile.clone(), region: arguments.region.clone() };
    Ok(block_on(Aws::load(&settings))??)
}

/// The Regions that were typed, or those to read by default.
pub fn regions(typed: &[String], aws: &Aws) -> Vec<String> {
    if typed.is_empty() { default_regions(&aws.region()) } else { typed.to_vec() }
}

/// Runs a future with threads beside it: the adapters' own waiting must not stop it.
pub fn block_on<F: Future>(future: F) -> Result<F::Output, CommandError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(CommandError::Runtime)?;
    Ok(runtime.block_on(future))
}
