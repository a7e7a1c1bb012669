//! The ports of [`whittle_pipeline`] on one machine.
//!
//! | port | here | reads |
//! |---|---|---|
//! | inventory, trail configuration | [`snapshot::SnapshotFolder`] | a folder of plain AWS CLI output |
//! | trail objects | [`trail::TrailFolder`] | files and folders as S3 holds them |
//! | store | [`store::SqliteStore`] | one SQLite file, which `sqlite3` opens too |
//!
//! Beside the ports: [`waivers`], the file of accepted findings; [`files`], how files are read and made.
//!
//! Everything read here is hostile until proved otherwise: sizes and nesting are bounded, symbolic links
//! neither loop nor lead out, and what cannot be understood becomes an
//! [`Issue`](whittle_analysis::issue::Issue) naming the file, the place in it and the command that makes it
//! anew. Only what leaves nothing to analyse is an error.
//!
//! ```
//! use whittle_local::store::SqliteStore;
//! use whittle_local::trail::TrailFolder;
//! use whittle_pipeline::ports::Store;
//! use whittle_pipeline::run::{RunSettings, run};
//! use whittle_snapshot::SnapshotDocuments;
//!
//! let mut snapshot = SnapshotDocuments::default();
//! snapshot.insert(
//!     "authorization-details.json",
//!     r#"{"RoleDetailList": [{"Arn": "arn:aws:iam::111122223333:role/mail", "RoleId": "AROAEXAMPLEMAILROLE01"}], "Policies": []}"#,
//! );
//! snapshot.insert(
//!     "functions.json",
//!     r#"{"Functions": [{"FunctionArn": "arn:aws:lambda:eu-west-1:111122223333:function:mail",
//!         "Role": "arn:aws:iam::111122223333:role/mail"}]}"#,
//! );
//! let mut store = SqliteStore::open_in_memory()?;
//! let trail = TrailFolder::new(Vec::new());
//! let outcome = run(&snapshot, &trail, &mut store, &RunSettings::default(), &mut ())?;
//! assert_eq!(outcome.report.account, "111122223333");
//! assert_eq!(store.functions("mail")?.len(), 1);
//! # Ok::<(), whittle_pipeline::ports::PortError>(())
//! ```

pub mod files;
pub mod snapshot;
pub mod store;
pub mod trail;
pub mod waivers;
