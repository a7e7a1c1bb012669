//! One run, whoever starts it: inventory → evidence → analysis → store.
//!
//! The use cases here know ports only; `local` and `aws` implement the ports, `cli` and `lambda` put them together.
//! Nothing here prints, reads a clock or names an adapter.

pub mod alerts;
pub mod baseline;
pub mod ingest;
pub mod look;
pub mod marks;
pub mod ports;
pub mod run;
pub mod snapshot;
