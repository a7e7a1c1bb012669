//! Builders, fakes and the literal oracle. Development only: no crate ships with it.
//!
//! ```
//! use whittle_testkit::oracle::pattern::action_matches;
//!
//! assert!(action_matches("s3:get*", "s3:GetObject"));
//! assert!(!action_matches("s3:Get?", "s3:GetObject"));
//! ```

pub mod cases;
#[cfg(feature = "store")]
pub mod memory_store;
pub mod oracle;
pub mod policies;
#[cfg(feature = "store")]
pub mod store_suite;
