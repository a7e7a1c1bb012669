//! The ports of [`whittle_pipeline`] on one machine.
//!
//! | port | here | reads |
//! |---|---|---|
//! | inventory, trail configuration | [`snapshot::SnapshotFolder`] | a folder of plain AWS CLI output |
//! | trail objects | [`trail::TrailFolder`] | files and folders as S3 holds them |
//! | store | [`store::SqliteStore`] | one SQLite file, which `sqlite3` opens too |
//!
//! Beside the ports: [`waivers`], the file of accepted findings.
//!
//! Everything read here is hostile until proved otherwise: sizes and nesting are bounded, symbolic links cannot loop,
//! and what cannot be understood becomes an [`Issue`](whittle_analysis::issue::Issue) naming the file, the place in it
//! and the command that makes it anew. Only what leaves nothing to analyse is an error.

mod files;
pub mod snapshot;
pub mod store;
pub mod trail;
pub mod waivers;
