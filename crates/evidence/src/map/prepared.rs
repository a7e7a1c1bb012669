//! What an event name means, with everything worked out that does not depend on the single event.

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use whittle_catalog::Catalog;
use whittle_catalog::events::{Clause, EventRule, FieldPath, Segment, TagKeys, Test};

/// A rule, ready for many events.
#[derive(Debug)]
pub(super) struct Prepared {
    pub rule: EventRule<'static>,
    pub keys: Keys,
    /// The tagging action, if the event is a create call of a service that has one.
    pub tags: Option<TagKeys<'static>>,
    /// Whether a role in the parameters is passed on.
    pub may_pass_role: bool,
}

impl Prepared {
    pub fn of(catalog: &'static Catalog, rule: EventRule<'static>, event_name: &str) -> Self {
        Self {
            rule,
            keys: Keys::of(&rule),
            tags: catalog.tag_on_create(rule.prefix(), event_name),
            may_pass_role: may_pass_role(rule.prefix(), event_name),
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
        let mut reader = serde_json::Deserializer::from_str(request.get());
        // Anything but an object (or broken text) has no keys; the full parse will say the same.
        serde::de::Deserializer::deserialize_map(&mut reader, AnyOf(self)).is_ok_and(|found| !found)
    }

    fn contain(&self, key: &str) -> bool {
        self.names.iter().any(|name| name.eq_ignore_ascii_case(key))
            || self.starts.iter().any(|start| {
                key.as_bytes().get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start.as_bytes()))
            })
    }
}

/// Reads an object and says whether it has one of the keys.
struct AnyOf<'k>(&'k Keys);

/// A key, borrowed where the text holds no escape.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] std::borrow::Cow<'a, str>);

impl<'de> Visitor<'de> for AnyOf<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(Key(key)) = map.next_key()? {
            found |= self.0.contain(&key);
            map.next_value::<IgnoredAny>()?;
        }
        Ok(found)
    }
}
