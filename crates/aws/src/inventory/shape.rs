//! Answers of the SDK as the AWS command line prints them.
//!
//! The SDK's types cannot be serialised, so every member that is wanted is named here, with the names of the
//! API references. What is absent in an answer is absent in the document. Lists without an order of their own
//! are sorted, so that equal accounts give equal documents.
//!
//! Environment variables are left out on purpose: their values may be secrets, and no verdict rests on them.

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use serde_json::{Map, Value};

pub(super) mod iam;
pub(super) mod lambda;
pub(super) mod mapping;
pub(super) mod trail;

/// A JSON object in the making.
#[derive(Debug, Default)]
pub(super) struct JsonObject(Map<String, Value>);

impl JsonObject {
    /// Adds a member, if there is a value.
    pub(super) fn with<V: Into<Value>>(mut self, name: &str, value: Option<V>) -> Self {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
        self
    }

    /// Adds a time as RFC 3339, if there is one.
    pub(super) fn with_time(self, name: &str, time: Option<&DateTime>) -> Self {
        self.with(name, time.and_then(|time| time.fmt(Format::DateTime).ok()))
    }

    /// Adds a list of texts, if the answer has it.
    pub(super) fn with_texts(self, name: &str, texts: Option<&[String]>) -> Self {
        self.with(name, texts.map(<[String]>::to_vec))
    }
}

impl From<JsonObject> for Value {
    fn from(object: JsonObject) -> Self {
        Value::Object(object.0)
    }
}

/// A list of objects made by `shape`.
pub(super) fn list<T>(items: Option<&[T]>, shape: impl Fn(&T) -> JsonObject) -> Option<Vec<Value>> {
    items.map(|items| items.iter().map(|item| shape(item).into()).collect())
}

/// A list of enum members by their names.
pub(super) fn names<'a, T: 'a>(
    items: Option<impl IntoIterator<Item = &'a T>>,
    name: impl Fn(&'a T) -> &'a str,
) -> Option<Vec<Value>> {
    items.map(|items| items.into_iter().map(|item| Value::from(name(item))).collect())
}

/// A document with one list, from entries that are JSON already: the values of thousands of functions are
/// never held at once.
pub(super) fn document(lists: &[(&str, Vec<&str>)]) -> String {
    let size: usize = lists.iter().flat_map(|(_, entries)| entries).map(|entry| entry.len().saturating_add(1)).sum();
    let mut text = String::with_capacity(size.saturating_add(64));
    text.push('{');
    for (index, (name, entries)) in lists.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        text.push_str(&Value::from(*name).to_string());
        text.push_str(":[");
        for (index, entry) in entries.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            text.push_str(entry);
        }
        text.push(']');
    }
    text.push('}');
    text
}
