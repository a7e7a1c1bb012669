//! What an event name means, with everything worked out that does not depend on the single event.

use serde_json::value::RawValue;
use whittle_catalog::Catalog;
use whittle_catalog::events::{BatchItems, Clause, EventRule, FieldPath, Segment, TagKeys, Test};

/// A rule, ready for many events.
#[derive(Debug)]
pub(super) struct Prepared {
    pub rule: EventRule<'static>,
    pub keys: Keys,
    /// The tagging action, if the event is a create call of a service that has one.
    pub tags: Option<TagKeys<'static>>,
    /// Whether a role in the parameters is passed on.
    pub may_pass_role: bool,
    /// Where the answer of a batch call says which items were denied.
    pub batch: Option<&'static BatchItems>,
    /// The services that a role in the parameters may be passed to.
    pub passed_to: &'static [&'static str],
}

impl Prepared {
    pub fn of(catalog: &'static Catalog, rule: EventRule<'static>, event_name: &str) -> Self {
        Self {
            rule,
            keys: Keys::of(&rule),
            tags: catalog.tag_on_create(rule.prefix(), event_name),
            may_pass_role: may_pass_role(rule.prefix(), event_name),
            batch: catalog.batch_items(rule.prefix(), event_name),
            passed_to: catalog.passed_to_services(rule.prefix(), event_name),
        }
    }
}

/// Calls that read pass no role, and some services take role ARNs as plain data.
fn may_pass_role(prefix: &str, event_name: &str) -> bool {
    let reads = ["Get", "List", "Describe", "Head", "Search", "Lookup", "BatchGet"];
    !matches!(prefix, "iam" | "sts" | "s3" | "sso" | "kms" | "secretsmanager" | "cloudtrail")
        && !reads.iter().any(|start| event_name.starts_with(start))
}

/// The top-level parameters that the tests of a rule look at. Most events have none of them, so that their parameters
/// need not be parsed.
#[derive(Debug, Default)]
pub(super) struct Keys {
    names: Vec<&'static str>,
    starts: Vec<&'static str>,
    /// A test starts at any key, so that all parameters must be looked at.
    any: bool,
}

impl Keys {
    fn of(rule: &EventRule<'static>) -> Self {
        let mut keys = Self::default();
        for test in rule.clauses().flat_map(Clause::tests) {
            match test {
                Test::Has(paths) | Test::Lacks(paths) => paths.iter().for_each(|path| keys.add(path)),
                Test::Is(pairs) => pairs.iter().for_each(|(path, _)| keys.add(path)),
                Test::Text(path, _) | Test::Verb(_, path) | Test::NoVerb(_, path) => keys.add(path),
                Test::Error(_) => {}
                _ => keys.any = true,
            }
        }
        keys.names.sort_unstable();
        keys.names.dedup();
        keys
    }

    fn add(&mut self, path: &'static FieldPath) {
        match path.segments().first() {
            Some(Segment::Key(key)) if !path.is_response() => self.names.push(key),
            Some(Segment::KeyPrefix(start)) if !path.is_response() => self.starts.push(start),
            _ => self.any = true,
        }
    }

    /// Whether the parameters have none of these keys at their top level.
    pub fn are_absent(&self, request: Option<&RawValue>) -> bool {
        if self.any {
            return false;
        }
        let Some(request) = request else { return true };
        if self.names.is_empty() && self.starts.is_empty() {
            return true;
        }
        let mut found = false;
        // Broken text has no keys that count: the full parse will say the same.
        let well_formed = top_level_keys(request.get(), &mut |key| found |= self.contain(key));
        well_formed && !found
    }

    fn contain(&self, key: &str) -> bool {
        self.names.iter().any(|name| name.eq_ignore_ascii_case(key))
            || self.starts.iter().any(|start| {
                key.as_bytes().get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
            })
    }
}

/// Calls `see` with every key of a JSON object's top level, as it stands in the text. `false` if the text is no object, or a
/// key holds an escape, so that nothing can be said.
///
/// The text has been checked to be JSON by the reader of the record; this only skips over values, faster than a parser that
/// looks at each.
fn top_level_keys(text: &str, see: &mut dyn FnMut(&str)) -> bool {
    let bytes = text.as_bytes();
    let (mut at, mut depth, mut key_next, mut is_object) = (0_usize, 0_usize, false, false);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                if depth == 1 {
                    is_object = *byte == b'{';
                    key_next = true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ if !is_object && !byte.is_ascii_whitespace() => return false,
            b',' if depth == 1 => key_next = true,
            b'"' => {
                let start = at + 1;
                let Some((end, escaped)) = string_end(bytes, start) else { return false };
                if depth == 1 && key_next {
                    let Some(key) = text.get(start..end) else { return false };
                    if escaped {
                        return false;
                    }
                    see(key);
                    key_next = false;
                }
                at = end;
            }
            _ => {}
        }
        at += 1;
    }
    is_object && depth == 0
}

/// The closing quote of a string whose content starts at `at`, and whether it holds an escape.
fn string_end(bytes: &[u8], mut at: usize) -> Option<(usize, bool)> {
    let mut escaped = false;
    loop {
        let found = at + memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
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

    use super::top_level_keys;

    fn keys(text: &str) -> Option<Vec<String>> {
        let mut keys = Vec::new();
        top_level_keys(text, &mut |key| keys.push(key.to_owned())).then_some(keys)
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
        }
    }
}
