//! The members of a JSON object's top level, found without a parser that looks at each value.
//!
//! Most parameters of most calls say nothing about actions and resources. Those that do are kept with their text, and parsed
//! one by one when a path leads into them.

use std::cell::OnceCell;

use serde_json_borrow::Value;
use smallvec::SmallVec;

use crate::bytes;

/// The top-level request parameters that the rule of an event looks at, in the order of the record.
#[derive(Debug, Default)]
pub(super) struct Members<'a> {
    pub list: SmallVec<[Member<'a>; 4]>,
    /// One of them is looked at by a test of the rule.
    pub of_tests: bool,
}

/// One parameter.
#[derive(Debug)]
pub(super) struct Member<'a> {
    /// From the first letter of the key to the end of the value: no two lists of members have the same texts.
    pub text: &'a str,
    key_length: usize,
    value_start: usize,
    /// Boxed: most are never parsed.
    parsed: OnceCell<Option<Box<Value<'a>>>>,
}

impl<'a> Member<'a> {
    pub fn key(&self) -> &'a [u8] {
        self.text.as_bytes().get(..self.key_length).unwrap_or_default()
    }

    fn value(&self) -> &'a str {
        self.text.get(self.value_start..).unwrap_or_default()
    }

    /// The text of the value, if it is one without escapes.
    pub fn plain_text(&self) -> Option<&'a str> {
        let inner = self.value().strip_prefix('"')?.strip_suffix('"')?;
        bytes::find(inner.as_bytes(), 0, b'\\').is_none().then_some(inner)
    }

    /// The value.
    pub fn parsed(&self) -> Option<&Value<'a>> {
        self.parsed.get_or_init(|| serde_json::from_str(self.value()).ok().map(Box::new)).as_deref()
    }
}

/// A member as the scan sees it, in places of the text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'a> {
    text: &'a str,
    key: usize,
    key_end: usize,
    value: usize,
    end: usize,
}

impl<'a> Found<'a> {
    pub fn key(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.key..self.key_end).unwrap_or_default()
    }

    pub fn member(&self) -> Option<Member<'a>> {
        Some(Member {
            text: self.text.get(self.key..self.end)?,
            key_length: self.key_end - self.key,
            value_start: self.value - self.key,
            parsed: OnceCell::new(),
        })
    }
}

/// Calls `see` with every member of a JSON object's top level. `None` if the text is no object, or a key holds an escape, so
/// that nothing can be said.
///
/// The text has been checked to be JSON by the reader of the record; this only skips over values, faster than a parser that
/// looks at each.
pub(super) fn scan<'a>(text: &'a str, mut see: impl FnMut(Found<'a>)) -> Option<()> {
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
        at = match bytes.get(at)? {
            b'"' => string_end(bytes, at + 1)?.0 + 1,
            b'{' | b'[' => nested_end(bytes, at)?,
            _ => bytes::find_either(bytes, at, b',', b'}')?,
        };
        see(Found { text, key, key_end, value, end: at });
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
        scan(text, |found| keys.push(String::from_utf8(found.key().to_vec()).unwrap())).map(|()| keys)
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
            scan(&text, |member| found.push(member.member().unwrap()));
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
