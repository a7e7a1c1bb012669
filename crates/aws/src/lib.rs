//! The ports of [`whittle_pipeline`] on AWS.
//!
//! SDK types do not leave this crate. Every method that calls AWS says which IAM actions it needs
//! (`Requires:`); together they are the permissions of the function in `template.yaml`, and none of them
//! changes IAM.
//!
//! Nothing that `whittle` does by default depends on this crate, so that a build without AWS compiles no SDK.

pub mod alerts;
pub mod bridge;
pub mod calls;
pub mod clients;
pub mod continuation;
pub mod error;
pub mod history;
pub mod inventory;
pub mod service;
pub mod store;
pub mod trail_bucket;

#[cfg(test)]
mod wire;
