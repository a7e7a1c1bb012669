//! Inventory and trail configuration from documents of plain AWS CLI output: in a folder, in a store, or in
//! memory just fetched from AWS. One reader for all of them, so that what holds for a snapshot holds for a
//! run in the account.
//!
//! | document | command | without it |
//! |---|---|---|
//! | `authorization-details` | `aws iam get-account-authorization-details` | an error |
//! | `functions` | `aws lambda list-functions --function-version ALL` | an error |
//! | `event-source-mappings` | `aws lambda list-event-source-mappings` | an issue; nothing is called unused |
//! | `trails` | `aws cloudtrail describe-trails` | an issue; nothing says what a trail could see |
//! | `trail-status/<trail>` | `aws cloudtrail get-trail-status` | an issue for each trail |
//! | `event-selectors/<trail>` | `aws cloudtrail get-event-selectors` | an issue for each trail |
//! | `event-invoke-configs/<function>` | `aws lambda list-function-event-invoke-configs` | an issue |
//! | `function-urls/<function>` | `aws lambda list-function-url-configs` | an issue |
//! | `resource-policies/<function>` | `aws lambda get-policy` | an issue |
//! | `aliases/<function>` | `aws lambda list-aliases` | an issue, if there are published versions |
//! | `service-last-accessed/<role>` | `aws iam get-service-last-accessed-details` | an issue |
//! | `tags/<function>` | `aws lambda list-tags` | nothing; tags name the stack of a function |
//! | `not-collected` | written by a collection that could not get everything | nothing |
//!
//! Each name ends in `.json`. All but the first and `service-last-accessed` may be in `regions/<region>/`
//! instead of the root, or in both. A folder with a file per function may also be one file of that name with
//! all entries (`function-urls.json`).
//!
//! One bad entry costs that entry, and is an issue. What is not known never makes something look unused: a
//! function with an unreadable configuration gets an event source of kind `Unknown`, and a role with an
//! unreadable policy names it in `unreadable_policies`.
//!
//! ```
//! use whittle_snapshot::{SnapshotDocuments, read_inventory};
//!
//! let mut documents = SnapshotDocuments::default();
//! documents.insert(
//!     "authorization-details.json",
//!     r#"{"RoleDetailList": [{"Arn": "arn:aws:iam::111122223333:role/mail", "RoleId": "AROAEXAMPLEMAILROLE01"}], "Policies": []}"#,
//! );
//! documents.insert(
//!     "functions.json",
//!     r#"{"Functions": [{"FunctionArn": "arn:aws:lambda:eu-west-1:111122223333:function:mail",
//!         "Role": "arn:aws:iam::111122223333:role/mail"}]}"#,
//! );
//! let inventory = read_inventory(&documents)?;
//! assert_eq!((inventory.functions.len(), inventory.roles.len()), (1, 1));
//! // Without its event source mappings, the function may need anything.
//! assert!(inventory.issues.iter().any(|issue| issue.place == "event-source-mappings.json"));
//! # Ok::<(), whittle_snapshot::SnapshotError>(())
//! ```

mod account;
mod attachments;
mod document;
mod documents;
mod error;
mod exposure;
mod files;
mod functions;
mod iam;
mod keep;
mod last_accessed;
mod not_collected;
mod public_keys;
mod read;
mod scope;
mod stacks;
mod time;
mod trails;

pub use documents::SnapshotDocuments;
pub use error::SnapshotError;
pub use files::{FileProblem, SnapshotFiles};
pub use keep::{document_names, known_part};
pub use public_keys::read_public_keys;
pub use read::{check, first_commands, read_inventory, read_trails};
pub use trails::TrailConfigs;
