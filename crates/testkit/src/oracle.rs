//! The IAM User Guide, read aloud: slow, literal, recursive, and written without looking at the engine.
//!
//! It tries everything where the engine is clever. A disagreement is a question for the
//! AWS page, not for a majority.

pub mod account;
pub mod condition;
pub mod evaluate;
pub mod pattern;
pub mod principal;
pub mod statement;
pub mod text;
pub mod value;

/// A request as the oracle sees it.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Full action name.
    pub action: String,
    /// ARN.
    pub resource: String,
    /// Context keys, in lower case, with their values.
    pub context: std::collections::BTreeMap<String, Vec<String>>,
}
