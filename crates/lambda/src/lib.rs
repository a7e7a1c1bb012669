//! The scheduled function: what may be asked of it, what it answers, logs and counts.
//!
//! `main.rs` is the composition root. The run itself is [`whittle_pipeline::service`]; the adapters are
//! [`whittle_aws`].

pub mod answer;
pub mod event;
pub mod failure;
pub mod handler;
pub mod logs;
pub mod metrics;
