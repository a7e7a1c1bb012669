//! The ports on AWS. So far: what an AWS error code means to a caller.
//!
//! The adapters themselves (inventory, evidence, store, alerts) are not part of this version. Nothing that `whittle` does
//! by default depends on this crate, so that a build without AWS compiles no SDK.

pub mod error;
