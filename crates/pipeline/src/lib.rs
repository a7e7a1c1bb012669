//! One run, whoever starts it: evidence → inventory → analysis → store → alerts.
//!
//! The use cases here know ports only; `local` and `aws` implement the ports, `cli` and `lambda` put them
//! together. Nothing here prints, reads a clock or names an adapter.
//!
//! A run reads only what is new: the marks of a store know each object by its version.
//!
//! ```
//! use whittle_pipeline::marks::ReadMarks;
//! use whittle_pipeline::trail_object::TrailObject;
//!
//! let object = TrailObject {
//!     source: "trail".to_owned(),
//!     key: "2026/11/30/events.json.gz".to_owned(),
//!     version: "etag-1".to_owned(),
//!     size_bytes: 512,
//! };
//! let mut marks = ReadMarks::default();
//! assert!(!marks.knows(&object));
//! marks.note_read(&object, Vec::new());
//! assert!(marks.knows(&object));
//! assert!(!marks.knows(&TrailObject { version: "etag-2".to_owned(), ..object }));
//! ```

pub mod alerts;
pub mod baseline;
pub mod dry_run;
pub mod history;
pub mod ingest;
pub mod marks;
pub mod ports;
pub mod proposal;
pub mod run;
pub mod service;
pub mod spelling;
pub mod trail_object;
pub mod trail_query;

#[cfg(test)]
mod memory;
