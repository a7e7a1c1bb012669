//! One run, whoever starts it: evidence → inventory → analysis → store → alerts.
//!
//! The use cases here know ports only; `local` and `aws` implement the ports, `cli` and `lambda` put them together.
//! Nothing here prints, reads a clock or names an adapter.

pub mod alerts;
pub mod baseline;
pub mod dry_run;
pub mod history;
pub mod ingest;
pub mod look;
pub mod marks;
pub mod ports;
pub mod proposal;
pub mod run;
pub mod service;
pub mod spelling;

#[cfg(test)]
mod memory;
