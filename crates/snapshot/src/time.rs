//! Timestamps as the AWS command line and the APIs print them.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use serde_json::Value;
use serde_json::value::RawValue;

/// A timestamp member: `Ok(None)` if absent or null, `Err` with the text if it is none.
///
/// Accepted: RFC 3339 with `T` or a blank, offsets with or without colon (Lambda's `LastModified` has none),
/// no offset (then UTC), and seconds since 1970 as a number (what the JSON protocols send).
pub(crate) fn timestamp(raw: Option<&RawValue>) -> Result<Option<Timestamp>, String> {
    let Some(raw) = raw else { return Ok(None) };
    let parsed = match serde_json::from_str::<Value>(raw.get()) {
        Ok(Value::Null) => return Ok(None),
        Ok(Value::String(text)) => from_text(text.trim()),
        Ok(Value::Number(number)) => number.as_f64().and_then(from_seconds),
        _ => None,
    };
    parsed.map(Some).ok_or_else(|| format!("`{}` is not a timestamp", raw.get().chars().take(60).collect::<String>()))
}

fn from_text(text: &str) -> Option<Timestamp> {
    text.parse::<Timestamp>()
        .ok()
        .or_else(|| {
            ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f%z"]
                .iter()
                .find_map(|format| strtime::parse(format, text).ok()?.to_timestamp().ok())
        })
        .or_else(|| {
            let civil: DateTime = text.parse().ok()?;
            Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
        })
}

fn from_seconds(seconds: f64) -> Option<Timestamp> {
    let millis = (seconds * 1000.0).round();
    // Years 1970 to 9999; anything else is no time of AWS.
    if !(0.0..=253_402_300_799_000.0).contains(&millis) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "range checked just above")]
    Timestamp::from_millisecond(millis as i64).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(json: &str, expect: Option<&str>) {
        let raw: &RawValue = serde_json::from_str(json).unwrap();
        let found = timestamp(Some(raw)).ok().flatten().map(|time| time.to_string());
        assert_eq!(found.as_deref(), expect, "{json}");
    }

    #[test]
    fn every_spelling_that_occurs_is_read() {
        check("\"2019-12-18 19:10:08+00:00\"", Some("2019-12-18T19:10:08Z"));
        check("\"2019-12-18T19:10:08Z\"", Some("2019-12-18T19:10:08Z"));
        check("\"2019-12-18T19:10:08+01:00\"", Some("2019-12-18T18:10:08Z"));
        check("\"2026-01-02T03:04:05.678+0000\"", Some("2026-01-02T03:04:05.678Z"));
        check("\"2026-01-02T03:04:05+0200\"", Some("2026-01-02T01:04:05Z"));
        check("\"2019-12-18 19:10:08\"", Some("2019-12-18T19:10:08Z"));
        check("1576696208.5", Some("2019-12-18T19:10:08.5Z"));
        check("1576696208", Some("2019-12-18T19:10:08Z"));
    }

    #[test]
    fn anything_else_is_named() {
        for json in ["\"yesterday\"", "true", "[]", "1e300", "-5", "\"\""] {
            check(json, None);
            assert!(timestamp(Some(serde_json::from_str(json).unwrap())).is_err(), "{json}");
        }
        assert_eq!(timestamp(None), Ok(None));
        assert_eq!(timestamp(Some(serde_json::from_str("null").unwrap())), Ok(None));
    }
}
