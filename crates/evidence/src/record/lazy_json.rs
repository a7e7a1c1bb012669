//! A JSON value of a record that is parsed on first use.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::value::RawValue;

use super::mend::mend;

/// A JSON value of a record: its text, and the parsed value once something asks for it. Records that are
/// skipped never pay for it.
#[derive(Debug, Clone)]
pub struct LazyJson<'a> {
    raw: &'a RawValue,
    value: OnceCell<Value>,
}

impl<'a> LazyJson<'a> {
    pub(super) fn new(raw: &'a RawValue) -> Self {
        Self { raw, value: OnceCell::new() }
    }

    /// The JSON text.
    pub fn text(&self) -> &'a str {
        self.raw.get()
    }

    /// The value, parsed once. A repeated key keeps its last value.
    pub fn value(&self) -> &Value {
        self.value.get_or_init(|| {
            serde_json::from_str(self.text()).unwrap_or_else(|_| {
                let mended = mend(self.text());
                serde_json::from_str(&mended).unwrap_or_else(|_| readable_members(&mended))
            })
        })
    }
}

/// The members that can be read. A value may still nest too deeply; it must not hide its neighbours.
fn readable_members(text: &str) -> Value {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(text).unwrap_or_default();
    let readable = |(key, raw): (String, &RawValue)| Some((key, serde_json::from_str::<Value>(raw.get()).ok()?));
    members.into_iter().filter_map(readable).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &Value) {
        let raw: &RawValue = serde_json::from_str(text).unwrap();
        assert_eq!(LazyJson::new(raw).value(), expect, "{text}");
    }

    #[test]
    fn a_value_that_cannot_be_read_does_not_hide_the_others() {
        check(r#"{"a":1,"b":[true]}"#, &json!({"a": 1, "b": [true]}));
        check(r#"{"a":"\ud800","bucket":"b"}"#, &json!({"a": "\u{fffd}", "bucket": "b"}));
        check(r#"{"n":1e999,"bucket":"b"}"#, &json!({"n": "\u{7f}", "bucket": "b"}));
        check(&format!(r#"{{"deep":{}{},"bucket":"b"}}"#, "[".repeat(500), "]".repeat(500)), &json!({"bucket": "b"}));
        check(r#"["\ud800"]"#, &json!(["\u{fffd}"]));
    }
}
