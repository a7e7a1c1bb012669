//! Which parameters the mapping of an event can depend on, worked out once for each event name.
//!
//! Most parameters of most calls say nothing about actions and resources: the key of an item, the body of a message, a page
//! size. Two calls that differ only there mean the same, so what is remembered of one answers the other
//! ([`super::memo`]); and where no parameter is there that a test of the rule looks at, the parameters need not be parsed.

use serde_json::value::RawValue;
use whittle_catalog::events::{Clause, EventRule, FieldPath, ResourceSpec, Segment, Test};
use whittle_catalog::{ActionId, Catalog};

use super::plan;

/// The top-level parameters that a rule looks at.
#[derive(Debug, Default)]
pub(super) struct Reads {
    /// Keys that the tests of the rule look at.
    tests: Keys,
    /// Keys that the tests or the resources of its actions look at.
    all: Keys,
}

/// Top-level keys, in any case.
#[derive(Debug, Default)]
struct Keys {
    names: Vec<&'static str>,
    starts: Vec<&'static str>,
    /// A bit for each length of a name: most keys have none of them.
    lengths: u64,
    /// A path starts at any key, so that all parameters count.
    any: bool,
    /// A path is of the answer.
    response: bool,
}

impl Reads {
    pub fn of(catalog: &'static Catalog, rule: &EventRule<'static>) -> Self {
        let mut reads = Self::default();
        for clause in rule.clauses() {
            for test in clause.tests() {
                match test {
                    Test::Has(paths) | Test::Lacks(paths) => paths.iter().for_each(|path| reads.tests.add(path)),
                    Test::Is(pairs) => pairs.iter().for_each(|(path, _)| reads.tests.add(path)),
                    Test::Text(path, _) | Test::Verb(_, path) | Test::NoVerb(_, path) => reads.tests.add(path),
                    Test::Error(_) => {}
                    _ => (reads.tests.any, reads.tests.response) = (true, true),
                }
            }
            match clause.resource() {
                ResourceSpec::Any | ResourceSpec::Unnamed | ResourceSpec::Default => {}
                ResourceSpec::At(paths) => paths.iter().for_each(|(path, _)| reads.all.add(path)),
                _ => (reads.all.any, reads.all.response) = (true, true),
            }
        }
        reads.tests.finish();
        reads.all.names.extend(&reads.tests.names);
        reads.all.starts.extend(&reads.tests.starts);
        reads.all.any |= reads.tests.any;
        reads.all.response |= reads.tests.response;
        let of_clauses = rule.clauses().flat_map(Clause::actions).copied();
        for action in rule.same_named().into_iter().chain(of_clauses) {
            reads.all.add_resources(catalog, action);
        }
        reads.all.finish();
        reads
    }

    /// Whether any of them looks at `responseElements`.
    pub fn response(&self) -> bool {
        self.all.response
    }

    /// Whether no parameter is there that a test of the rule looks at.
    pub fn tests_see_nothing(&self, request: Option<&RawValue>) -> bool {
        if self.tests.any {
            return false;
        }
        let Some(request) = request else { return true };
        if self.tests.is_empty() {
            return true;
        }
        let mut found = false;
        // Broken text has no keys that count: the full parse will say the same.
        let well_formed = members(request.get(), |key, _| found |= self.tests.contain(key));
        well_formed && !found
    }

    /// Appends what the mapping can depend on of the request parameters. The answer is that of
    /// [`Self::tests_see_nothing`]; `None`: all of the text may count, and what was appended must not be used.
    pub fn project(&self, text: &str, out: &mut Vec<u8>) -> Option<bool> {
        if self.all.any {
            return None;
        }
        let mut found = false;
        let well_formed = members(text, |key, member| {
            if self.all.contain(key) {
                found |= self.tests.contain(key);
                // The key with its closing quote, the colon and the value: no two lists of members have the same bytes.
                out.extend_from_slice(member.as_bytes());
                out.push(b',');
            }
        });
        well_formed.then_some(!self.tests.any && !found)
    }
}

impl Keys {
    fn add(&mut self, path: &'static FieldPath) {
        self.response |= path.is_response();
        match path.segments().first() {
            Some(Segment::Key(key)) if !path.is_response() => self.names.push(key),
            Some(Segment::KeyPrefix(start)) if !path.is_response() => self.starts.push(start),
            _ => self.any = true,
        }
    }

    /// Everything that the resources of an action are looked for in. `responseElements` count in full, or not at all.
    fn add_resources(&mut self, catalog: &'static Catalog, action: ActionId) {
        let Some(plan) = plan::of(catalog, action) else {
            (self.any, self.response) = (true, true);
            return;
        };
        // Whole ARNs are looked for below any key too, and their paths are read only when they are used.
        self.any |= !plan.whole_arns.is_empty();
        self.response |= !plan.whole_arns.is_empty() || plan.paths().any(FieldPath::is_response);
        plan.paths().filter(|path| !path.is_response()).for_each(|path| self.add(path));
    }

    fn finish(&mut self) {
        self.names.sort_unstable();
        self.names.dedup();
        self.lengths = self.names.iter().fold(0, |bits, name| bits | length_bit(name));
    }

    fn is_empty(&self) -> bool {
        self.names.is_empty() && self.starts.is_empty()
    }

    fn contain(&self, key: &str) -> bool {
        self.lengths & length_bit(key) != 0 && self.names.iter().any(|name| name.eq_ignore_ascii_case(key))
            || self.starts.iter().any(|start| {
                key.as_bytes().get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
            })
    }
}

fn length_bit(key: &str) -> u64 {
    1 << key.len().min(63)
}

/// Calls `see` with every key of a JSON object's top level, and with the text from the key's first letter to the end of its
/// value. `false` if the text is no object, or a key holds an escape, so that nothing can be said.
///
/// The text has been checked to be JSON by the reader of the record; this only skips over values, faster than a parser that
/// looks at each.
fn members(text: &str, mut see: impl FnMut(&str, &str)) -> bool {
    let bytes = text.as_bytes();
    walk_members(bytes, |start, key_end, end| {
        see(text.get(start..key_end).unwrap_or_default(), text.get(start..end).unwrap_or_default());
    })
    .is_some()
}

/// The same in places: of a key's first letter, of its closing quote, of what follows the value.
fn walk_members(bytes: &[u8], mut see: impl FnMut(usize, usize, usize)) -> Option<()> {
    let mut at = skip_space(bytes, 0);
    (bytes.get(at) == Some(&b'{')).then_some(())?;
    loop {
        at = skip_space(bytes, at + 1);
        match bytes.get(at)? {
            b'"' => {}
            b'}' => return Some(()),
            _ => return None,
        }
        let start = at + 1;
        let (key_end, escaped) = string_end(bytes, start)?;
        if escaped {
            return None;
        }
        at = skip_space(bytes, key_end + 1);
        (bytes.get(at) == Some(&b':')).then_some(())?;
        at = skip_space(bytes, at + 1);
        at = match bytes.get(at)? {
            b'"' => string_end(bytes, at + 1)?.0 + 1,
            b'{' | b'[' => nested_end(bytes, at)?,
            _ => at + memchr::memchr2(b',', b'}', bytes.get(at..)?)?,
        };
        see(start, key_end, at);
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

    use super::members;

    fn keys(text: &str) -> Option<Vec<String>> {
        let mut keys = Vec::new();
        members(text, |key, _| keys.push(key.to_owned())).then_some(keys)
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
            members(&text, |key, member| found.push((key.to_owned(), format!("{{\"{member}}}"))));
            for (key, member) in found {
                let read: serde_json::Value = serde_json::from_str(&member).unwrap();
                prop_assert_eq!(read.get(&key), value.get(&key), "{}", text);
            }
        }
    }
}
