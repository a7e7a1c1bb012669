//! Times as the AWS CLI prints them: ISO 8601 text, or seconds since 1970 as a number.

use jiff::Timestamp;
use serde_json::Value;

/// Reads either form; `None` for anything else.
pub(super) fn parse(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => {
            let text = text.trim();
            text.parse::<Timestamp>().ok().or_else(|| text.parse::<f64>().ok().and_then(from_seconds))
        }
        Value::Number(number) => from_seconds(number.as_f64()?),
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "whole seconds within the range checked just before")]
fn from_seconds(seconds: f64) -> Option<Timestamp> {
    (seconds.is_finite() && seconds.abs() < 1e11).then(|| Timestamp::from_second(seconds.floor() as i64).ok())?
}
