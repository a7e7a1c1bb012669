//! `requestParameters`: their JSON text, and where the members of its top level stand.
//!
//! Most parameters of most calls say nothing about actions and resources. So the values are left as text, and those that
//! count are parsed when they are asked for.

use serde_json::value::RawValue;
use smallvec::SmallVec;

use crate::bytes;

/// Request parameters as CloudTrail logs them: any JSON value but null, nearly always an object.
#[derive(Debug, Clone)]
pub struct RequestParameters<'a> {
    text: &'a str,
    members: Option<SmallVec<[Member<'a>; 6]>>,
}

impl<'a> RequestParameters<'a> {
    pub(crate) fn of(raw: &'a RawValue) -> Self {
        let text = raw.get();
        let mut members = SmallVec::new();
        let is_scanned = scan(text, |member| members.push(member)).is_some();
        Self { text, members: is_scanned.then_some(members) }
    }

    /// The JSON text.
    pub fn get(&self) -> &'a str {
        self.text
    }

    /// The members of the top level, in order, repeated keys too. `None` if the value is no object, or a key holds an escape.
    pub fn members(&self) -> Option<&[Member<'a>]> {
        self.members.as_deref()
    }
}

/// A parameter.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    text: &'a str,
    key_length: u32,
    value_start: u32,
    /// The value is a text without escapes.
    is_plain: bool,
}

impl<'a> Member<'a> {
    /// From the first letter of the key to the end of the value: no two members have the same text.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// The key, which holds no escape.
    pub fn key(&self) -> &'a [u8] {
        self.text.as_bytes().get(..self.key_length as usize).unwrap_or_default()
    }

    /// The JSON text of the value.
    pub fn value(&self) -> &'a str {
        self.text.get(self.value_start as usize..).unwrap_or_default()
    }

    /// The value, if it is a text without escapes.
    pub fn plain_text(&self) -> Option<&'a str> {
        let quoted = self.is_plain.then(|| self.value())?;
        quoted.get(1..quoted.len() - 1)
    }
}

/// Calls `see` with every member of a JSON object's top level. `None` if the text is no object, or a key holds an escape, so
/// that nothing can be said.
///
/// The text has been checked to be JSON by the reader of the record; this only skips over values, faster than a parser that
/// looks at each.
fn scan<'a>(text: &'a str, mut see: impl FnMut(Member<'a>)) -> Option<()> {
    let bytes = text.as_bytes();
    let mut at = skip_space(bytes, 0);
    (bytes.get(at) == Some(&b'{')).then_some(())?;
    loop {
        at = skip_space(bytes, at + 1);
        match bytes.get(at)? {
            b'"' => {}
            b'}' => return Some(()),
            _ => return None,
        }
        let key = at + 1;
        let (key_end, escaped) = string_end(bytes, key)?;
        if escaped {
            return None;
        }
        at = skip_space(bytes, key_end + 1);
        (bytes.get(at) == Some(&b':')).then_some(())?;
        at = skip_space(bytes, at + 1);
        let value = at;
        let mut is_plain = false;
        at = match bytes.get(at)? {
            b'"' => {
                let (end, escaped) = string_end(bytes, at + 1)?;
                is_plain = !escaped;
                end + 1
            }
            b'{' | b'[' => nested_end(bytes, at)?,
            _ => bytes::find_either(bytes, at, b',', b'}')?,
        };
        let short = |length: usize| u32::try_from(length).ok();
        see(Member {
            text: text.get(key..at)?,
            key_length: short(key_end - key)?,
            value_start: short(value - key)?,
            is_plain,
        });
        at = skip_space(bytes, at);
        match bytes.get(at)? {
            b',' => {}
            b'}' => return Some(()),
            _ => return None,
        }
    }
}

/// The first place from `at` on that is no white space of JSON.
fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while matches!(bytes.get(at), Some(b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// What follows the object or list that starts at `at`.
fn nested_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0_usize;
    loop {
        match bytes.get(at)? {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            b'"' => at = string_end(bytes, at + 1)?.0,
            _ => {}
        }
        at += 1;
    }
}

/// The closing quote of a string whose content starts at `at`, and whether it holds an escape.
fn string_end(bytes: &[u8], mut at: usize) -> Option<(usize, bool)> {
    let mut escaped = false;
    loop {
        let found = bytes::find_either(bytes, at, b'"', b'\\')?;
        if bytes.get(found) == Some(&b'"') {
            return Some((found, escaped));
        }
        escaped = true;
        at = found + 2;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::scan;

    fn keys(text: &str) -> Option<Vec<String>> {
        let mut keys = Vec::new();
        scan(text, |member| keys.push(String::from_utf8(member.key().to_vec()).unwrap())).map(|()| keys)
    }

    #[test]
    fn only_keys_of_the_top_level_are_seen() {
        let text = r#" {"a": {"b": "x, \"c\": 1"}, "d":[{"e":1},"f"], "g" : null} "#;
        assert_eq!(keys(text).unwrap(), ["a", "d", "g"]);
        assert_eq!(keys("{}").unwrap(), Vec::<String>::new());
        for text in ["[]", "null", "\"a\"", r#"{"\u0061":1}"#, "{\"a"] {
            assert_eq!(keys(text), None, "{text}");
        }
    }

    fn value() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Into::into),
            any::<i32>().prop_map(Into::into),
            "[a-c\"\\\\{}\\[\\],:é ]{0,6}".prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
                prop::collection::hash_map("[a-c]{1,2}", inner, 0..4)
                    .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_scan_sees_what_a_parser_sees(value in value(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            let expect = value.as_object().map(|map| map.keys().cloned().collect::<std::collections::BTreeSet<_>>());
            let seen = keys(&text).map(|keys| keys.into_iter().collect::<std::collections::BTreeSet<_>>());
            prop_assert_eq!(seen, expect, "{}", text);
            // A member is the key and its value and nothing else.
            let mut found = Vec::new();
            scan(&text, |member| found.push(member));
            for member in found {
                let key = str::from_utf8(member.key()).unwrap();
                let read: serde_json::Value = serde_json::from_str(&format!("{{\"{}}}", member.text)).unwrap();
                let expect = value.get(key).unwrap();
                prop_assert_eq!(read.get(key).unwrap(), expect, "{}", text);
                let parsed = serde_json::from_str::<serde_json::Value>(member.value()).unwrap();
                prop_assert_eq!(&parsed, expect, "{}", text);
                // Only texts without escapes are taken as they stand.
                if let Some(plain) = member.plain_text() {
                    prop_assert_eq!(Some(plain), expect.as_str(), "{}", text);
                } else {
                    prop_assert!(!expect.is_string() || member.value().contains('\\'), "{}", text);
                }
            }
        }
    }
}
