//! Whether an action would have been seen, had it been used.
//!
//! In: the trails with status and selectors ([`Trails`]), answers of LookupEvents that the caller vouches for
//! ([`EventHistory`]), the facts of the ledger, and the observation window. Out: a [`Sight`] for each [`Question`].
//!
//! Nothing is claimed without proof: a setting that is not known, a selector that might exclude the role or the resource,
//! a change of the trail inside the window, or data events that a trail selects but no file holds, each lower the answer.
//! One source has to answer a question alone: halves of two trails are not added up.
//! (CloudTrail User Guide: "Logging management events", "Logging data events", "CloudTrail concepts".)

mod action;
pub mod assess;
pub mod daily;
pub mod question;
mod remedy;
pub mod selectors;
mod times;
pub mod trails;

pub use assess::Coverage;
pub use daily::DayRun;
pub use question::{DependsOn, EventHistory, EventKind, Evidence, Question, Sight, SourceSummary, Window};
pub use selectors::{AdvancedSelector, BasicSelector, Condition, DataResource, FieldSelector, Operator, Selectors};
pub use trails::{ParseTrailsError, Trail, TrailStatus, Trails};
