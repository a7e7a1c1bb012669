//! A JSON reader that remembers where each value stood and refuses what `serde_json::Value` would hide: a key
//! that occurs twice.
//!
//! Recursion is bounded by [`MAX_DEPTH`], far above what a policy needs (7) and far below what a stack holds.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use crate::error::{ParsePolicyError, ParsePolicyErrorKind as Kind, Position, excerpt};

/// Deepest nesting that is read.
pub(crate) const MAX_DEPTH: usize = 32;
/// Most values that one text may hold. A value takes some 50 times the memory of the two bytes that it may be
/// written in, and all that one entity can have attached, at AWS's quotas, comes to some 200,000 characters.
const MAX_VALUES: usize = 1 << 20;

/// A JSON value and its place in the text, if there was one.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) offset: Option<usize>,
    pub(crate) value: Value<'a>,
}

#[derive(Debug)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Number(Number),
    String(Cow<'a, str>),
    Array(Vec<Node<'a>>),
    Object(Vec<Member<'a>>),
}

#[derive(Debug)]
pub(crate) struct Member<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) offset: Option<usize>,
    pub(crate) value: Node<'a>,
}

impl Value<'_> {
    /// The JSON type, for messages.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(_) => "a number",
            Self::String(_) => "a string",
            Self::Array(_) => "a list",
            Self::Object(_) => "an object",
        }
    }
}

/// A JSON path that grows and shrinks with the walk.
#[derive(Debug, Clone)]
pub(crate) struct Path(String);

impl Path {
    pub(crate) fn root() -> Self {
        Self("$".to_owned())
    }

    /// Steps into a member; give the result to [`Path::leave`].
    pub(crate) fn enter(&mut self, name: &str) -> usize {
        let mark = self.0.len();
        let plain =
            !name.is_empty() && name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if plain {
            self.0.push('.');
            self.0.push_str(name);
        } else {
            let quoted = format!("[{:?}]", excerpt(name));
            self.0.push_str(&quoted);
        }
        mark
    }

    /// Steps into a list item; give the result to [`Path::leave`].
    pub(crate) fn enter_item(&mut self, index: usize) -> usize {
        let mark = self.0.len();
        let bracketed = format!("[{index}]");
        self.0.push_str(&bracketed);
        mark
    }

    pub(crate) fn leave(&mut self, mark: usize) {
        self.0.truncate(mark);
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Reads a whole text as one JSON value.
pub(crate) fn read(text: &str) -> Result<Node<'_>, ParsePolicyError> {
    let mut reader = Reader { text, at: 0, values: 0, path: Path::root() };
    let node = reader.value(0)?;
    reader.skip_space();
    if reader.at < text.len() { Err(reader.error(Kind::Json("text goes on after the document"))) } else { Ok(node) }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// Values read so far.
    values: usize,
    path: Path,
}

impl<'a> Reader<'a> {
    fn error(&self, kind: Kind) -> ParsePolicyError {
        self.error_at(self.at, kind)
    }

    fn error_at(&self, offset: usize, kind: Kind) -> ParsePolicyError {
        ParsePolicyError {
            path: self.path.as_str().to_owned(),
            position: Some(Position::of(self.text, offset)),
            kind: Box::new(kind),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8, message: &'static str) -> Result<(), ParsePolicyError> {
        self.skip_space();
        match self.peek() {
            Some(found) if found == byte => {
                self.at += 1;
                Ok(())
            }
            Some(_) => Err(self.error(Kind::Json(message))),
            None => Err(self.error(Kind::Json("text ended too early"))),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node<'a>, ParsePolicyError> {
        if depth > MAX_DEPTH {
            return Err(self.error(Kind::TooDeep { limit: MAX_DEPTH }));
        }
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(self.error(Kind::TooManyValues { limit: MAX_VALUES }));
        }
        self.skip_space();
        let offset = self.at;
        let value = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => Value::Number(self.number()?),
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            Some(b',') => return Err(self.error(Kind::Json("a value is missing before this comma"))),
            Some(b'\'') => return Err(self.error(Kind::Json("strings stand in double quotes"))),
            Some(b'/') => return Err(self.error(Kind::Json("JSON has no comments"))),
            Some(_) => return Err(self.error(Kind::Json("expected a value"))),
            None => return Err(self.error(Kind::Json("text ended too early"))),
        };
        Ok(Node { offset: Some(offset), value })
    }

    fn word(&mut self, word: &str, value: Value<'a>) -> Result<Value<'a>, ParsePolicyError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if rest.starts_with(word) {
            self.at += word.len();
            Ok(value)
        } else {
            Err(self.error(Kind::Json("expected a value")))
        }
    }

    fn number(&mut self) -> Result<Number, ParsePolicyError> {
        let start = self.at;
        while let Some(b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        serde_json::from_str(text).map_err(|_| self.error_at(start, Kind::Json("not a number")))
    }

    fn string(&mut self) -> Result<Cow<'a, str>, ParsePolicyError> {
        let start = self.at;
        self.at += 1;
        let mut escaped = false;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.at += 2;
                }
                Some(0..0x20) => return Err(self.error(Kind::Json("a control character in a string needs an escape"))),
                Some(_) => self.at += 1,
                None => return Err(self.error_at(start, Kind::Json("this string does not end"))),
            }
        }
        self.at += 1;
        if escaped {
            let quoted = self.text.get(start..self.at).unwrap_or_default();
            let text = serde_json::from_str(quoted);
            return text.map(Cow::Owned).map_err(|_| self.error_at(start, Kind::Json("bad escape in this string")));
        }
        Ok(Cow::Borrowed(self.text.get(start + 1..self.at - 1).unwrap_or_default()))
    }

    fn array(&mut self, depth: usize) -> Result<Value<'a>, ParsePolicyError> {
        self.at += 1;
        let mut items = Vec::new();
        loop {
            self.skip_space();
            match self.peek() {
                Some(b']') if items.is_empty() => break,
                Some(b']') => return Err(self.error(Kind::Json("a comma must not end a list"))),
                _ => {}
            }
            let mark = self.path.enter_item(items.len());
            items.push(self.value(depth + 1)?);
            self.path.leave(mark);
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                Some(_) => return Err(self.error(Kind::Json("expected a comma or the end of the list"))),
                None => return Err(self.error(Kind::Json("text ended too early"))),
            }
        }
        self.at += 1;
        Ok(Value::Array(items))
    }

    fn object(&mut self, depth: usize) -> Result<Value<'a>, ParsePolicyError> {
        self.at += 1;
        let mut members: Vec<Member<'a>> = Vec::new();
        loop {
            self.skip_space();
            match self.peek() {
                Some(b'}') if members.is_empty() => break,
                Some(b'}') => return Err(self.error(Kind::Json("a comma must not end an object"))),
                Some(b'"') => {}
                Some(_) => return Err(self.error(Kind::Json("expected a key in double quotes"))),
                None => return Err(self.error(Kind::Json("text ended too early"))),
            }
            let offset = self.at;
            let name = self.string()?;
            let mark = self.path.enter(&name);
            self.expect(b':', "expected a colon after this key")?;
            let value = self.value(depth + 1)?;
            self.path.leave(mark);
            members.push(Member { name, offset: Some(offset), value });
            self.skip_space();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                Some(_) => return Err(self.error(Kind::Json("expected a comma or the end of the object"))),
                None => return Err(self.error(Kind::Json("text ended too early"))),
            }
        }
        self.at += 1;
        if let Some(twice) = duplicate(&members) {
            self.path.enter(&twice.name);
            let offset = twice.offset.unwrap_or(self.at);
            return Err(self.error_at(offset, Kind::DuplicateKey(excerpt(&twice.name))));
        }
        Ok(Value::Object(members))
    }
}

/// The second member of the first pair with equal names, in text order.
fn duplicate<'m, 'a>(members: &'m [Member<'a>]) -> Option<&'m Member<'a>> {
    let mut order: Vec<(usize, &Member<'a>)> = members.iter().enumerate().collect();
    order.sort_by(|(i, a), (j, b)| a.name.cmp(&b.name).then(i.cmp(j)));
    let twice = order.windows(2).filter_map(|pair| match pair {
        [(_, a), (at, b)] if a.name == b.name => Some((*at, *b)),
        _ => None,
    });
    twice.min_by_key(|(at, _)| *at).map(|(_, member)| member)
}

impl<'a> Node<'a> {
    /// The same value without places. `None` if it is nested too deeply.
    pub(crate) fn from_value(value: &'a serde_json::Value) -> Option<Self> {
        Self::from_value_at(value, 0)
    }

    fn from_value_at(value: &'a serde_json::Value, depth: usize) -> Option<Self> {
        if depth > MAX_DEPTH {
            return None;
        }
        let value = match value {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(value) => Value::Bool(*value),
            serde_json::Value::Number(value) => Value::Number(value.clone()),
            serde_json::Value::String(value) => Value::String(Cow::Borrowed(value)),
            serde_json::Value::Array(items) => {
                Value::Array(items.iter().map(|item| Self::from_value_at(item, depth + 1)).collect::<Option<_>>()?)
            }
            serde_json::Value::Object(members) => {
                let member = |(name, value)| {
                    let name: &'a String = name;
                    let value = Self::from_value_at(value, depth + 1)?;
                    Some(Member { name: Cow::Borrowed(name.as_str()), offset: None, value })
                };
                Value::Object(members.iter().map(member).collect::<Option<_>>()?)
            }
        };
        Some(Self { offset: None, value })
    }
}

/// Reads a node from any self-describing format, down to `depth` more levels.
pub(crate) struct NodeSeed {
    depth: usize,
}

impl NodeSeed {
    pub(crate) fn new() -> Self {
        Self { depth: MAX_DEPTH }
    }

    fn deeper<E: de::Error>(&self) -> Result<Self, E> {
        let depth = self.depth.checked_sub(1);
        depth.map(|depth| Self { depth }).ok_or_else(|| E::custom(Kind::TooDeep { limit: MAX_DEPTH }))
    }
}

impl<'de> DeserializeSeed<'de> for NodeSeed {
    type Value = Node<'static>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node<'static>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NodeSeed {
    type Value = Node<'static>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a policy document")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Node<'static>, E> {
        Ok(plain(Value::Bool(value)))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Node<'static>, E> {
        Ok(plain(Value::Number(value.into())))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Node<'static>, E> {
        Ok(plain(Value::Number(value.into())))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Node<'static>, E> {
        Number::from_f64(value).map(|value| plain(Value::Number(value))).ok_or_else(|| E::custom("not a JSON number"))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Node<'static>, E> {
        Ok(plain(Value::String(Cow::Owned(value.to_owned()))))
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Node<'static>, E> {
        Ok(plain(Value::String(Cow::Owned(value))))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Node<'static>, E> {
        Ok(plain(Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node<'static>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self.deeper()?)? {
            items.push(item);
        }
        Ok(plain(Value::Array(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node<'static>, A::Error> {
        let mut members = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value_seed(self.deeper()?)?;
            members.push(Member { name: Cow::Owned(name), offset: None, value });
        }
        match duplicate(&members) {
            Some(twice) => Err(de::Error::custom(Kind::DuplicateKey(excerpt(&twice.name)))),
            None => Ok(plain(Value::Object(members))),
        }
    }
}

fn plain(value: Value<'static>) -> Node<'static> {
    Node { offset: None, value }
}
