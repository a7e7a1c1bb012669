//! Builders, fakes and the literal oracle. Development only: no crate ships with it.

pub mod cases;
#[cfg(feature = "store")]
pub mod memory_store;
pub mod oracle;
pub mod policies;
#[cfg(feature = "store")]
pub mod store_suite;
