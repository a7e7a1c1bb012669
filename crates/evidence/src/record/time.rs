//! `eventTime` as text.

use jiff::Timestamp;
use jiff::civil::Date;

/// Reads an event time. CloudTrail writes `2026-09-01T10:02:07Z` (CloudTrail User Guide, record contents:
/// UTC); exports of the same records also show a space for the `T`, fractions, and no zone. No zone means
/// UTC.
pub(super) fn parse_time(text: &str) -> Option<Timestamp> {
    parse_plain(text.as_bytes()).or_else(|| parse_any(text))
}

/// The one shape that CloudTrail itself writes, without a general parser.
fn parse_plain(bytes: &[u8]) -> Option<Timestamp> {
    let &[y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T', h0, h1, b':', n0, n1, b':', s0, s1, b'Z'] = bytes else {
        return None;
    };
    let two = |a: u8, b: u8| {
        (a.is_ascii_digit() && b.is_ascii_digit()).then(|| i16::from(a - b'0') * 10 + i16::from(b - b'0'))
    };
    let year = two(y0, y1)? * 100 + two(y2, y3)?;
    let month = i8::try_from(two(m0, m1)?).ok()?;
    let day = i8::try_from(two(d0, d1)?).ok()?;
    let (hour, minute, second) = (two(h0, h1)?, two(n0, n1)?, two(s0, s1)?);
    // A leap second is left to the general parser.
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let date = Date::new(year, month, day).ok()?;
    let seconds = days_since_epoch(date) * 86_400 + i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
    Timestamp::from_second(seconds).ok()
}

/// Days from 1970-01-01, proleptic Gregorian (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn days_since_epoch(date: Date) -> i64 {
    let (year, month, day) = (i64::from(date.year()), i64::from(date.month()), i64::from(date.day()));
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

fn parse_any(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    // The longest sensible form is far below this; nothing longer is worth a parse. A bare date is no time.
    if text.len() > 64 || !text.contains(':') {
        return None;
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    let civil = text.parse::<jiff::civil::DateTime>().ok()?;
    civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str, expect: Option<&str>) {
        assert_eq!(parse_time(text).map(|t| t.to_string()).as_deref(), expect, "{text:?}");
    }

    #[test]
    fn forms_of_event_time() {
        check("2026-09-01T10:02:07Z", Some("2026-09-01T10:02:07Z"));
        check("2024-02-29T00:00:00Z", Some("2024-02-29T00:00:00Z"));
        check("2025-01-21 17:49:47.000000000", Some("2025-01-21T17:49:47Z"));
        check("2022-11-21 18:06:52", Some("2022-11-21T18:06:52Z"));
        check("2026-09-01T12:02:07+02:00", Some("2026-09-01T10:02:07Z"));
        check("2023-02-29T00:00:00Z", None);
        check("redacted", None);
        check("...", None);
        check("", None);
        check("2026-09-01", None);
    }

    proptest! {
        #[test]
        fn plain_form_agrees_with_jiff(second in -62_000_000_000_i64..253_000_000_000) {
            let time = Timestamp::from_second(second).unwrap();
            let text = time.to_string();
            prop_assert_eq!(parse_time(&text), Some(time));
        }
    }
}
