//! Reasons why a use would not have been seen, and what would change that. `whittle-render` words them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Reason why a use of an action would not have been seen, or not everywhere or always.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum BlindReason {
    /// No event shows it; the catalog's table says why.
    NoEvent {
        /// From `unseen.tsv`.
        why: String,
    },
    /// The catalog has a kind of visibility that this crate does not know.
    VisibilityUnknown,
    /// Only network activity events show it.
    NetworkActivityOnly,
    /// A data event shows it, of a type that is not known.
    DataTypesUnknown,
    /// Event history of the Region was not read.
    HistoryOfRegionUnread {
        /// The Region.
        region: String,
    },
    /// Event history was read in some Regions only.
    HistoryOfRegionsOnly {
        /// These Regions.
        regions: Vec<String>,
    },
    /// Event history was not read over the whole window.
    HistoryTooShort,
    /// The trails are not known.
    TrailsUnknown,
    /// The account has no trail.
    NoTrail,
    /// No file that a trail delivered was given.
    NoTrailFiles,
    /// The event selectors of the trail are not known.
    SelectorsUnknown {
        /// The trail's name.
        trail: String,
    },
    /// The trail leaves out global service events.
    NoGlobalEvents {
        /// The trail's name.
        trail: String,
    },
    /// The Region of the trail is not known.
    RegionUnknown {
        /// The trail's name.
        trail: String,
    },
    /// The trail logs one Region only.
    OneRegion {
        /// The trail's name.
        trail: String,
        /// The Region it logs.
        home: String,
        /// The Region of the call; `None` if it may be any.
        asked: Option<String>,
    },
    /// The trail does not select all of the events.
    NotSelected {
        /// The trail's name.
        trail: String,
        /// `resources.type` of the data events; `None` for management events.
        data_type: Option<String>,
        /// It selects some of them.
        some: bool,
        /// The setting that stands in the way, if one does.
        obstacle: Option<Obstacle>,
    },
    /// The trail selects the events, and the files hold none of the kind.
    NotInFiles {
        /// The trail's name.
        trail: String,
        /// Data events; else management events.
        data: bool,
    },
    /// No file of the trail was read.
    NotRead {
        /// The trail's name.
        trail: String,
    },
    /// Files of the Region are missing.
    DaysNotRead {
        /// The trail's name.
        trail: String,
        /// The Region.
        region: String,
        /// Number of days without any event or file.
        days: u32,
    },
    /// The files read of the trail begin inside the window.
    FilesOfDaysOnly {
        /// The trail's name.
        trail: String,
        /// Number of days that they reach back.
        days: u32,
    },
    /// The files may be those of several trails, of which one does not log the events.
    FilesNotTold {
        /// The trails' names.
        trails: Vec<String>,
        /// The one that does not.
        without: String,
    },
    /// The trail's settings are changed elsewhere, and its files show events of the kind only from some day
    /// on.
    ShownSince {
        /// The trail's name.
        trail: String,
    },
    /// The trail belongs to another account and is no organisation trail.
    TrailOfAnotherAccount {
        /// The trail's name.
        trail: String,
    },
    /// The resource belongs to another account, and nothing says that the caller's account gets the event.
    ResourceOfAnotherAccount {
        /// The account.
        account: String,
    },
    /// The files hold no event of the account on these days.
    NoEventOnDays,
    /// It is not known whether the trail was logging.
    StatusUnknown {
        /// The trail's name.
        trail: String,
    },
    /// The trail cannot deliver its files.
    CannotDeliver {
        /// The trail's name.
        trail: String,
        /// `LatestDeliveryError`.
        error: String,
    },
    /// The trail stopped inside the window.
    Stopped {
        /// The trail's name.
        trail: String,
        /// `StopLoggingTime`.
        at: Timestamp,
    },
    /// The trail has not been logging since before the window.
    NotLogging {
        /// The trail's name.
        trail: String,
        /// `StopLoggingTime`.
        since: Option<Timestamp>,
    },
    /// The trail was started inside the window.
    StartedLate {
        /// The trail's name.
        trail: String,
        /// `StartLoggingTime`.
        at: Timestamp,
    },
    /// It is not known since when the trail has been logging.
    StartUnknown {
        /// The trail's name.
        trail: String,
    },
    /// The trail was changed inside the window.
    Changed {
        /// The trail's name.
        trail: String,
        /// Event name of the change.
        event: String,
        /// Time of the change.
        at: Timestamp,
    },
}

/// Setting of a trail that leaves events out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "setting", rename_all = "kebab-case")]
pub enum Obstacle {
    /// `ReadWriteType` leaves out read events, or write events.
    ReadWriteType {
        /// Read events.
        reads: bool,
    },
    /// `ExcludeManagementEventSources` holds their source.
    ExcludedSource {
        /// The source.
        source: String,
    },
    /// `DataResources` lists other resources of the type.
    OtherResources,
    /// A field of an advanced selector does not let all of them through.
    Field {
        /// `Field`.
        field: String,
        /// Its operators.
        conditions: Vec<FieldCondition>,
    },
}

/// One operator of a field selector, with its first values.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FieldCondition {
    /// CloudTrail's name of the operator; `None` for one that is not known.
    pub operator: Option<String>,
    /// The first values.
    pub values: Vec<String>,
    /// Number of further values.
    pub more: usize,
}

/// Change that would make the use visible.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum CoverageRemedy {
    /// Read event history of the Region.
    ReadHistory {
        /// The Region.
        region: String,
    },
    /// Add a `trails.json` to the snapshot.
    AddTrails,
    /// Add the status and event selectors of each trail to `trails.json`.
    AddTrailSettings,
    /// Give the files that the trails delivered.
    GiveFiles,
    /// Give the files that one trail delivered for the window.
    GiveFilesOfTrail {
        /// The trail's name.
        trail: String,
    },
    /// Give the files that one trail delivered for some days.
    GiveFilesOfDays {
        /// The trail's name.
        trail: String,
    },
    /// Log all Regions with one trail.
    LogAllRegions,
    /// `aws cloudtrail start-logging`.
    StartLogging {
        /// The trail's name.
        trail: String,
    },
    /// Create a multi-Region trail that logs the events.
    CreateTrail {
        /// `resources.type` of data events; `None` for management events.
        data_type: Option<String>,
    },
    /// Remove a source from `ExcludeManagementEventSources`.
    IncludeSource {
        /// The trail's name.
        trail: String,
        /// The source.
        source: String,
    },
    /// Add a basic selector for management events.
    AddManagementEvents {
        /// The trail's name.
        trail: String,
    },
    /// Add a type to `DataResources` of the basic selectors.
    AddDataResources {
        /// The trail's name.
        trail: String,
        /// `resources.type`.
        data_type: String,
        /// The ARN that stands for all resources of the type.
        arn: String,
    },
    /// Replace the basic selectors, which cannot name the type, by advanced ones.
    ReplaceByAdvanced {
        /// The trail's name.
        trail: String,
        /// `resources.type`.
        data_type: String,
    },
    /// Add an advanced selector.
    AddAdvanced {
        /// The trail's name.
        trail: String,
        /// `resources.type` of data events; `None` for management events.
        data_type: Option<String>,
    },
}
