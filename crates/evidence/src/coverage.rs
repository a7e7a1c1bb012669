//! Observability: would an action have been seen, had it been used?
//!
//! In: the trails with status and selectors ([`Trails`]), answers of LookupEvents that the caller vouches for
//! ([`EventHistory`]), the facts of the ledger, and the observation window. Out: an [`Observability`] for
//! each [`CoverageQuestion`], with a [`BlindReason`] where it is not full.
//!
//! Nothing is claimed without proof: a trail counts for the days and Regions of which its files were read,
//! and its settings only explain and bound. Each of these lowers the answer: an unknown setting, a selector
//! that might exclude the role or the resource, a change of the trail inside the window, data events that a
//! trail selects but no file holds, days of a Region without files. For each direction (reads, writes) and
//! Region one source has to answer alone. (CloudTrail User Guide: "Logging management events", "Logging data
//! events", "CloudTrail concepts".)

mod action;
pub mod assess;
mod by_trail;
pub mod daily;
mod direction;
pub mod event_sources;
mod files;
mod known;
pub mod question;
mod read_days;
mod reason;
mod remedy;
pub mod selectors;
mod times;
pub mod trails;

pub use action::ActionAsked;
pub use assess::Coverage;
pub use daily::DayRun;
pub use question::{
    CoverageEvidence, CoverageQuestion, DayWindow, DependsOn, EventHistory, EventKind, Observability, SourceSummary,
};
pub use read_days::MAX_QUIET_DAYS;
pub use reason::{BlindReason, CoverageRemedy, FieldCondition, Obstacle};
pub use selectors::{AdvancedSelector, BasicSelector, Condition, DataResource, FieldSelector, Operator, Selectors};
pub use trails::{ParseTrailsError, Trail, TrailStatus, Trails};
