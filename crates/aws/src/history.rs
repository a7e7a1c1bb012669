//! CloudTrail's event history: `LookupEvents`, one Region at a time each, at the pace that the service
//! allows.
//!
//! It answers two calls a second for the whole account in each Region, and refuses more with HTTP 400 and
//! `ThrottlingException` (AWS CloudTrail API Reference, LookupEvents). So the tries of a call are made here,
//! each in its turn: those of the SDK know no pace, and would make of one refused call several that are
//! refused.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_cloudtrail::config::retry::RetryConfig;
use aws_sdk_cloudtrail::operation::lookup_events::{LookupEventsError, LookupEventsOutput};
use aws_sdk_cloudtrail::primitives::DateTime;
use aws_sdk_cloudtrail::types::Event;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use whittle_pipeline::ports::{EventHistorySource, HistoryPage, HistoryRequest, PortError, PortErrorKind};

use crate::clients::Aws;
use crate::error::port_error;

mod pace;

use pace::Pace;

const ACTION: &str = "cloudtrail:LookupEvents";

/// Events of a page: the most there is (AWS CloudTrail API Reference, LookupEvents, `MaxResults`).
const PAGE_EVENTS: i32 = 50;

/// Tries of one page.
const MAX_TRIES: u32 = 8;

/// After this time no further try is begun, so that a run notices soon that it has to stop.
const MAX_TIME: Duration = Duration::from_mins(1);

/// Pause after the first try that failed without being refused; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// Event history of some Regions.
#[derive(Debug)]
pub struct EventHistory {
    regions: BTreeMap<String, HistoryRegion>,
}

#[derive(Debug)]
struct HistoryRegion {
    client: aws_sdk_cloudtrail::Client,
    pace: Pace,
}

impl EventHistory {
    /// Of these Regions; none, and event history is not read. At most `share` percent of the calls that the
    /// account may make are used. Keep the value between runs of one process: it knows when each Region was
    /// asked last.
    pub fn new(aws: &Aws, regions: Vec<String>, share: u8) -> Self {
        let region = |name: String| {
            let config = aws.cloudtrail(&name).config().to_builder().retry_config(RetryConfig::disabled()).build();
            (
                name,
                HistoryRegion { client: aws_sdk_cloudtrail::Client::from_conf(config), pace: Pace::with_share(share) },
            )
        };
        Self { regions: regions.into_iter().map(region).collect() }
    }
}

impl EventHistorySource for EventHistory {
    fn regions(&self) -> Vec<String> {
        self.regions.keys().cloned().collect()
    }

    /// Tries again what is refused or lost, at most for about two minutes.
    ///
    /// Requires: `cloudtrail:LookupEvents`
    async fn page(&self, request: &HistoryRequest) -> Result<HistoryPage, PortError> {
        let Some(HistoryRegion { client, pace }) = self.regions.get(&request.region) else {
            let message = format!("event history of `{}` was not to be read", request.region);
            return Err(PortError::new(PortErrorKind::Bug, message));
        };
        let began = Instant::now();
        let mut tries = 0;
        loop {
            pace.turn().await;
            let answer = client
                .lookup_events()
                .start_time(DateTime::from_secs(request.start.as_second()))
                .end_time(DateTime::from_secs(request.end.as_second()))
                .max_results(PAGE_EVENTS)
                .set_next_token(request.token.clone())
                .send()
                .await;
            let error = match answer {
                Ok(answer) => {
                    pace.answered();
                    return page_of(&answer);
                }
                Err(error) => error,
            };
            let error = lookup_error(error, &request.region);
            tries += 1;
            match error.kind() {
                PortErrorKind::Throttled => pace.refused(),
                PortErrorKind::Transient => tokio::time::sleep(FIRST_PAUSE * 2_u32.saturating_pow(tries - 1)).await,
                _ => return Err(error),
            }
            if tries >= MAX_TRIES || began.elapsed() >= MAX_TIME {
                return Err(error);
            }
        }
    }
}

fn lookup_error(error: SdkError<LookupEventsError, HttpResponse>, region: &str) -> PortError {
    let what = format!("event history of {region} cannot be read");
    let refused = error.as_service_error().is_some_and(LookupEventsError::is_invalid_next_token_exception);
    let error = port_error(error, ACTION, &what);
    if refused { PortError::new(PortErrorKind::NotFound, error.to_string()).with_source(error) } else { error }
}

/// Answer of LookupEvents in the shape that the evidence reader takes.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(rename = "Events")]
    events: Vec<EventEntry<'a>>,
}

#[derive(Serialize)]
struct EventEntry<'a> {
    #[serde(rename = "EventId", skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    /// Without it the reader counts the entry as an issue.
    #[serde(rename = "CloudTrailEvent", skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
}

fn page_of(answer: &LookupEventsOutput) -> Result<HistoryPage, PortError> {
    let events = answer.events();
    let entries =
        events.iter().map(|event| EventEntry { id: event.event_id(), text: event.cloud_trail_event() }).collect();
    let body = serde_json::to_vec(&Body { events: entries }).map_err(|error| {
        PortError::new(PortErrorKind::Bug, "a page of event history cannot be written as JSON").with_source(error)
    })?;
    let next = answer.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
    // An event without time makes the page reach less far back, never further.
    Ok(HistoryPage { body, oldest: events.iter().filter_map(time_of).min(), next })
}

fn time_of(event: &Event) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct RecordTime {
        #[serde(rename = "eventTime")]
        time: Timestamp,
    }
    match event.event_time() {
        Some(time) => Timestamp::from_second(time.secs()).ok(),
        None => serde_json::from_str::<RecordTime>(event.cloud_trail_event()?).ok().map(|record| record.time),
    }
}

#[cfg(test)]
mod tests;
