//! Results as text: JSON for scripts, tables for people.
//!
//! Pure: data in, text out. Every string that came from an account or a log passes [`text::clean`] before it
//! reaches a terminal, because an attacker may have written it.

pub mod alert;
pub mod catalog;
pub mod check;
pub mod coverage;
pub mod diff;
pub mod explain;
pub mod policy;
pub mod report;
pub mod style;
pub mod template;
pub mod text;
pub mod trail;
pub mod words;
