use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use whittle_evidence::read::{FileKind, Limits, read_bytes};

use super::*;
use crate::wire::{Reply, Wire};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn request(token: Option<&str>) -> HistoryRequest {
    HistoryRequest {
        region: "eu-west-1".to_owned(),
        start: at("2026-09-01T00:00:00Z"),
        end: at("2026-09-01T11:59:59Z"),
        token: token.map(str::to_owned),
    }
}

fn answer(body: &Value) -> Reply {
    Reply::new(200, body.to_string()).with("content-type", "application/x-amz-json-1.1")
}

/// With a clock that jumps over waits.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(future)
}

fn page(wire: &Wire, request: &HistoryRequest) -> Result<HistoryPage, PortError> {
    block_on(EventHistory::new(&wire.aws(), vec!["eu-west-1".to_owned()], 100).page(request))
}

#[test]
fn a_page_is_asked_for_and_given_on_as_it_is() {
    let record = r#"{"eventTime":"2026-09-01T10:00:00Z","eventSource":"a","eventName":"b"}"#;
    let body = json!({
        "Events": [
            {"EventId": "1", "EventTime": 1_788_257_400.0, "CloudTrailEvent": record},
            {"EventId": "2", "CloudTrailEvent": record},
            {"EventId": "3", "EventTime": 1_788_260_000.0},
        ],
        "NextToken": "more",
    });
    let wire = Wire::new(move |_| answer(&body));
    let page = page(&wire, &request(Some("from here"))).unwrap();
    assert_eq!((page.oldest, page.next.as_deref()), (Some(at("2026-09-01T10:00:00Z")), Some("more")));
    let report = read_bytes("page", &page.body, &Limits::default(), &mut |_| {});
    assert_eq!((report.kind, report.records, report.unreadable), (FileKind::LookupEvents, 2, 1));
    assert_eq!(report.issues[0].detail, "no usable `CloudTrailEvent`");
    let asked: Value = serde_json::from_str(&wire.asked()[0].body).unwrap();
    let expect =
        json!({"StartTime": 1_788_220_800, "EndTime": 1_788_263_999, "MaxResults": 50, "NextToken": "from here"});
    assert_eq!(asked, expect);
}

#[test]
fn the_last_page_has_no_token_and_may_be_empty() {
    let page = page(&Wire::new(|_| answer(&json!({"Events": [], "NextToken": ""}))), &request(None)).unwrap();
    assert_eq!(page, HistoryPage { body: br#"{"Events":[]}"#.to_vec(), oldest: None, next: None });
}

#[test]
fn a_call_that_fails_is_made_again_in_its_turn() {
    let calls = AtomicUsize::new(0);
    let wire = Wire::new(move |_| match calls.fetch_add(1, Ordering::Relaxed) {
        0 => Reply::json_error(400, "ThrottlingException"),
        1 => Reply::json_error(503, "ServiceUnavailable"),
        _ => answer(&json!({"Events": []})),
    });
    let source = EventHistory::new(&wire.aws(), vec!["eu-west-1".to_owned()], 100);
    let took = block_on(async {
        let began = Instant::now();
        source.page(&request(None)).await.unwrap();
        began.elapsed()
    });
    assert_eq!(wire.asked().len(), 3);
    // After a refusal twice the usual distance.
    assert_eq!(took.as_millis(), 2 * 1_040);
}

#[test]
fn a_service_that_only_refuses_is_left_alone_after_a_while() {
    let wire = Wire::new(|_| Reply::json_error(400, "ThrottlingException"));
    let source = EventHistory::new(&wire.aws(), vec!["eu-west-1".to_owned()], 100);
    let (error, took) = block_on(async {
        let began = Instant::now();
        (source.page(&request(None)).await.unwrap_err(), began.elapsed())
    });
    assert_eq!(error.kind(), &PortErrorKind::Throttled);
    assert_eq!((wire.asked().len(), took.as_secs()), (8, 39));
}

#[test]
fn calls_keep_their_distance_in_each_region() {
    let wire = Wire::new(|_| answer(&json!({"Events": []})));
    let regions = ["eu-west-1".to_owned(), "us-east-1".to_owned()];
    let source = EventHistory::new(&wire.aws(), regions.to_vec(), 100);
    let took = block_on(async {
        let began = Instant::now();
        for _ in 0..11 {
            source.page(&request(None)).await.unwrap();
            // Another Region has a pace of its own.
            source.page(&HistoryRequest { region: "us-east-1".to_owned(), ..request(None) }).await.unwrap();
        }
        began.elapsed()
    });
    assert_eq!(took.as_millis(), 10 * 520);
}

#[test]
fn errors_say_what_to_do() {
    let of = |code: &'static str, token: Option<&str>| {
        let wire = Wire::new(move |_| Reply::json_error(400, code));
        let error = page(&wire, &request(token)).unwrap_err();
        assert_eq!(wire.asked().len(), 1, "{code}");
        error
    };
    let denied = of("AccessDeniedException", None);
    assert_eq!(denied.kind(), &PortErrorKind::AccessDenied { action: ACTION.to_owned() });
    assert!(denied.hint().unwrap().contains("cloudtrail:LookupEvents"), "{:?}", denied.hint());
    assert!(denied.to_string().contains("event history of eu-west-1 cannot be read"), "{denied}");
    assert_eq!(of("InvalidNextTokenException", Some("old")).kind(), &PortErrorKind::NotFound);
    assert_eq!(of("InvalidTimeRangeException", None).kind(), &PortErrorKind::Bug);
}
