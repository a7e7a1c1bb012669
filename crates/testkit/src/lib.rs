//! Builders, fakes and the literal oracle. Development only: no crate ships with it.

pub mod memory_store;
pub mod oracle;
pub mod policies;
pub mod store_suite;
