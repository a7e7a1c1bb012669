//! Builders, fakes and the literal oracle. Development only: no crate ships with it.

pub mod oracle;
pub mod policies;
