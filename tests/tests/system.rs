//! The system test: `template.yaml` deployed by the SAM CLI to an AWS emulator that enforces IAM, and looked
//! at from outside.
//!
//! Needs tools and a build that `cargo xtask test system` makes first; it has a binary of its own so that the
//! other tests need none of that. The first argument of each scenario is an account of its own.

#[path = "../system/faults.rs"]
mod faults;
#[path = "../system/harness.rs"]
mod harness;
#[path = "../system/narrowed_app.rs"]
mod narrowed_app;
#[path = "../system/operation.rs"]
mod operation;
#[path = "../system/organization.rs"]
mod organization;
#[path = "../system/proxy.rs"]
mod proxy;
#[path = "../system/recorder.rs"]
mod recorder;
#[path = "../system/scenario.rs"]
mod scenario;
#[path = "../system/shop.rs"]
mod shop;
#[path = "../system/trail.rs"]
mod trail;
#[path = "../system/wire.rs"]
mod wire;
