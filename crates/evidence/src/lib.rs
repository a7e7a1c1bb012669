//! Evidence: what CloudTrail shows that execution roles did, and what it could have shown.
//!
//! The path of one event: [`read`] turns the bytes of a file into [`record::Record`]s, [`attribute`] names
//! the role and the caller behind a record, the mapper turns its event into IAM actions and resources, and
//! [`ledger`] remembers the result in a form that does not depend on order, splitting or repetition.
//! [`coverage`] answers the opposite question: would an action have been seen at all, had it been used?
//!
//! In: bytes and parsed JSON, times and names as parameters. Out: data. There is no file access, no clock and
//! no randomness here; broken input becomes counted issues, never an error that ends a run.
//!
//! ```
//! use whittle_evidence::ledger::{Ledger, RecordSource};
//! use whittle_evidence::map::Mapper;
//! use whittle_evidence::read::{Limits, read_bytes};
//!
//! let file = br#"{"Records": [{"eventTime": "2026-09-01T10:00:00Z", "eventSource": "s3.amazonaws.com",
//!     "eventName": "GetObject", "requestParameters": {"bucketName": "orders", "key": "a.json"},
//!     "userIdentity": {"type": "AssumedRole", "principalId": "AROAEXAMPLE:orders"}}]}"#;
//! let (mut ledger, mut mapper) = (Ledger::default(), Mapper::default());
//! read_bytes("trail.json", file, &Limits::default(), &mut |found| {
//!     ledger.observe_record(found.record, &RecordSource::of_file("trail", "a.json"), &mut mapper);
//! });
//! let (_, session) = ledger.role("AROAEXAMPLE").and_then(|role| role.callers().next()).expect("a session");
//! assert!(session.usage().any(|(action, _)| action == "s3:GetObject"));
//! ```

pub mod attribute;
mod base64;
pub mod coverage;
pub mod ledger;
pub mod map;
pub mod read;
pub mod record;
