//! Words for blind spots of the coverage, and for what would lift them.

use std::fmt::Write as _;

use whittle_evidence::coverage::{BlindReason, CoverageRemedy, Obstacle};

/// Reason why a use would not have been seen.
pub fn blind_reason(reason: &BlindReason) -> String {
    match reason {
        BlindReason::NoEvent { why } => why.clone(),
        BlindReason::VisibilityUnknown => {
            "this version of the program does not know how the action could be seen".to_owned()
        }
        BlindReason::NetworkActivityOnly => {
            "only network activity events show it, and these show only calls through a VPC endpoint".to_owned()
        }
        BlindReason::DataTypesUnknown => "it is not known which data events show it".to_owned(),
        BlindReason::HistoryOfRegionUnread { region } => format!("event history of {region} was not read"),
        BlindReason::HistoryOfRegionsOnly { regions } => {
            format!("event history was read only in {}", regions.join(", "))
        }
        BlindReason::HistoryTooShort => {
            "event history was not read over the whole window; it goes back 90 days".to_owned()
        }
        BlindReason::TrailsUnknown => "it is not known what the trails log".to_owned(),
        BlindReason::NoTrail => "the account has no trail".to_owned(),
        BlindReason::NoTrailFiles => "no file that a trail delivered was given".to_owned(),
        BlindReason::SelectorsUnknown { trail } => format!("the event selectors of trail `{trail}` are not known"),
        BlindReason::NoGlobalEvents { trail } => format!("trail `{trail}` leaves out global service events"),
        BlindReason::RegionUnknown { trail } => format!("the Region of trail `{trail}` is not known"),
        BlindReason::OneRegion { trail, home, asked: None } => format!("trail `{trail}` logs only {home}"),
        BlindReason::OneRegion { trail, home, asked: Some(asked) } => {
            format!("trail `{trail}` logs only {home}, not {asked}")
        }
        BlindReason::NotSelected { trail, data_type, some, obstacle } => {
            let events = data_type
                .as_deref()
                .map_or_else(|| "these management events".to_owned(), |kind| format!("data events of {kind}"));
            let extent = if *some { "does not select all of" } else { "does not select" };
            let why = obstacle.as_ref().map(|obstacle| format!(" ({})", self::obstacle(obstacle)));
            format!("trail `{trail}` {extent} {events}{}", why.unwrap_or_default())
        }
        BlindReason::NotInFiles { trail, data } => {
            let kind = if *data { "data" } else { "management" };
            format!("trail `{trail}` selects {kind} events, but the files given hold no {kind} event of this account")
        }
        BlindReason::NotRead { trail } => format!("no file of trail {trail} was read"),
        BlindReason::DaysNotRead { trail, region, days } => {
            format!("{days} days without any event of {region} in the files of trail {trail}, so files may be missing")
        }
        BlindReason::FilesOfDaysOnly { trail, days } => {
            format!("the files read of trail {trail} go back {days} days only")
        }
        BlindReason::FilesNotTold { trails, without } => {
            format!("the files may be those of {}, and {without} does not log such events", trails.join(" or "))
        }
        BlindReason::ShownSince { trail } => format!(
            "the settings of trail {trail} are changed in another account, and its files do not show such events \
             from the start of the window"
        ),
        BlindReason::TrailOfAnotherAccount { trail } => {
            format!("trail {trail} belongs to another account and is no organisation trail")
        }
        BlindReason::ResourceOfAnotherAccount { account } => {
            format!("the resource belongs to account {account}, where the event may be logged instead")
        }
        BlindReason::NoEventOnDays => {
            "the files given hold no event of this account on these days: files are missing, or it was quiet".to_owned()
        }
        BlindReason::StatusUnknown { trail } => format!("it is not known whether trail `{trail}` was logging"),
        BlindReason::CannotDeliver { trail, error } => format!("trail `{trail}` cannot deliver its files ({error})"),
        BlindReason::Stopped { trail, at } => format!("trail `{trail}` stopped logging at {at}"),
        BlindReason::NotLogging { trail, since: Some(since) } => {
            format!("trail `{trail}` has not been logging since {since}")
        }
        BlindReason::NotLogging { trail, since: None } => format!("trail `{trail}` is not logging"),
        BlindReason::StartedLate { trail, at } => format!("trail `{trail}` has been logging only since {at}"),
        BlindReason::StartUnknown { trail } => {
            format!("it is not known since when trail `{trail}` has been logging")
        }
        BlindReason::Changed { trail, event, at } => {
            format!("trail `{trail}` was changed inside the window (`{event}` at {at})")
        }
    }
}

fn obstacle(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::ReadWriteType { reads: true } => "`ReadWriteType` leaves out read events".to_owned(),
        Obstacle::ReadWriteType { reads: false } => "`ReadWriteType` leaves out write events".to_owned(),
        Obstacle::ExcludedSource { source } => format!("`ExcludeManagementEventSources` holds {source}"),
        Obstacle::OtherResources => "`DataResources` lists only some resources of the type".to_owned(),
        Obstacle::Field { field, conditions } => {
            let mut out = format!("`{field}`");
            for condition in conditions {
                let operator = condition.operator.as_deref().unwrap_or("an operator that is not known");
                let _ = write!(out, " {operator} {}", condition.values.join(", "));
                if condition.more > 0 {
                    let _ = write!(out, " and {} more", condition.more);
                }
            }
            out
        }
    }
}

/// Change that would make the use visible; a selector is written as `put-event-selectors` takes it.
pub fn remedy(remedy: &CoverageRemedy) -> String {
    match remedy {
        CoverageRemedy::ReadHistory { region } => format!("read event history of {region} too"),
        CoverageRemedy::AddTrails => {
            "add `trails.json` with each trail's status and event selectors to the snapshot".to_owned()
        }
        CoverageRemedy::AddTrailSettings => "add each trail's status and event selectors to `trails.json`".to_owned(),
        CoverageRemedy::GiveFiles => "give the files of the trail's bucket for the window".to_owned(),
        CoverageRemedy::GiveFilesOfTrail { trail } => {
            format!("give the files that trail `{trail}` delivered for the window")
        }
        CoverageRemedy::GiveFilesOfDays { trail } => {
            format!("give all files that trail `{trail}` delivered for these days")
        }
        CoverageRemedy::LogAllRegions => "log the events of all Regions with one trail".to_owned(),
        CoverageRemedy::StartLogging { trail } => format!("aws cloudtrail start-logging --name {trail}"),
        CoverageRemedy::CreateTrail { data_type } => {
            format!("create a multi-Region trail with the advanced event selector {}", advanced(data_type.as_deref()))
        }
        CoverageRemedy::IncludeSource { trail, source } => {
            format!("remove {source} from `ExcludeManagementEventSources` of trail `{trail}`")
        }
        CoverageRemedy::AddManagementEvents { trail } => format!(
            r#"add to the event selectors of trail `{trail}`: {{"ReadWriteType":"All","IncludeManagementEvents":true}}"#
        ),
        CoverageRemedy::AddDataResources { trail, data_type, arn } => format!(
            r#"add to `DataResources` of the event selectors of trail `{trail}` (`ReadWriteType` All): {{"Type":"{data_type}","Values":["{arn}"]}}"#
        ),
        CoverageRemedy::ReplaceByAdvanced { trail, data_type } => format!(
            "replace the event selectors of trail `{trail}` by advanced ones: what they log now, and {}",
            advanced(Some(data_type))
        ),
        CoverageRemedy::AddAdvanced { trail, data_type } => {
            format!("add to the advanced event selectors of trail `{trail}`: {}", advanced(data_type.as_deref()))
        }
    }
}

fn advanced(data_type: Option<&str>) -> String {
    match data_type {
        None => r#"{"FieldSelectors":[{"Field":"eventCategory","Equals":["Management"]}]}"#.to_owned(),
        Some(kind) => format!(
            r#"{{"FieldSelectors":[{{"Field":"eventCategory","Equals":["Data"]}},{{"Field":"resources.type","Equals":["{kind}"]}}]}}"#
        ),
    }
}
