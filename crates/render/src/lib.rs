//! Results as text: JSON for scripts, tables for people.
//!
//! Pure: data in, text out. Every string that came from an account or a log passes [`text::clean`] before it
//! reaches a terminal, because an attacker may have written it.
//!
//! ```
//! use whittle_render::template::unreadable;
//! use whittle_template::reason::Unreadable;
//!
//! let reason = Unreadable::Macro("Audit".to_owned());
//! assert_eq!(unreadable(&reason), "the macro `Audit` may change the template before it is deployed");
//! ```

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
