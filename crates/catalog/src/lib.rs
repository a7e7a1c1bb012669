//! The embedded service authorization reference: which IAM actions exist, and what is known about each.
//!
//! In: an action name or a pattern. Out: facts about it ([`ActionInfo`]): access level, resource types with
//! their ARN formats, condition keys, dependent actions, the API operations that it authorises. Not here:
//! what a policy grants (`whittle-policy`) and what a trail shows (`whittle-evidence`).
//!
//! The facts are one packed file inside the program (`data/catalog.bin`), written by `cargo xtask
//! refresh-catalog`; `data/SOURCES.md` says where each part comes from. It is checked on first use and read
//! in place: no object per action is made.
//!
//! ```
//! use whittle_catalog::{AccessLevel, catalog};
//!
//! let get_object = catalog().action("S3:getobject").map(|id| catalog().info(id));
//! assert_eq!(get_object.map(|info| info.name()), Some("s3:GetObject"));
//! assert_eq!(get_object.map(|info| info.access_level()), Some(AccessLevel::Read));
//! ```
//!
//! AWS page: Service Authorization Reference, "Actions, resources, and condition keys for AWS services".

mod access_level;
mod action;
mod arn_format;
mod blob;
mod catalog;
pub mod events;
mod operation;
mod partition;
mod service;
mod source;
mod text_order;

pub use access_level::{AccessLevel, ParseAccessLevelError};
pub use action::{ActionId, ActionInfo, ResourceTypeRef};
pub use arn_format::ArnFormat;
pub use blob::LoadError;
pub use catalog::{Catalog, catalog};
pub use operation::OperationInfo;
pub use partition::partition_of_region;
pub use service::ServiceInfo;
pub use source::{SourceCount, SourceInfo};
