//! Evidence: what CloudTrail shows that execution roles did, and what it could have shown.
//!
//! The path of one event: [`read`] turns the bytes of a file into [`record::Record`]s, [`attribute`] names
//! the role and the caller behind a record, the mapper turns its event into IAM actions and resources, and
//! [`ledger`] remembers the result in a form that does not depend on order, splitting or repetition.
//! [`coverage`] answers the opposite question: would an action have been seen at all, had it been used?
//!
//! In: bytes and parsed JSON, times and names as parameters. Out: data. There is no file access, no clock and
//! no randomness here; broken input becomes counted issues, never an error that ends a run.

pub mod attribute;
pub mod coverage;
pub mod ledger;
pub mod map;
pub mod read;
pub mod record;
