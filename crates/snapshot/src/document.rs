//! One document of a snapshot: its JSON, split into raw members first and typed later, so that one bad entry
//! costs that entry only; and what may be wrong with it, with the place and the command that makes it anew.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use whittle_analysis::issue::{Issue, IssueKind};

use crate::files::FileProblem;

/// Members by which an answer says that it is not whole: a flag, then the tokens of further pages.
pub(crate) const TRUNCATION_MARKS: [&str; 4] = ["IsTruncated", "NextToken", "NextMarker", "Marker"];

/// A JSON file whose top level is an object, its members not parsed yet.
#[derive(Debug)]
pub(crate) struct JsonObject<'a> {
    text: &'a str,
    place: &'a str,
    members: BTreeMap<String, &'a RawValue>,
}

impl<'a> JsonObject<'a> {
    /// Splits `text`. `remake` is the command that makes the file anew.
    pub(crate) fn parse(text: &'a str, place: &'a str, remake: &str) -> Result<Self, FileProblem> {
        match serde_json::from_str(text) {
            Ok(members) => Ok(Self { text, place, members }),
            Err(_) if text.trim().is_empty() => {
                Err(FileProblem::new(IssueKind::EmptyFile, place, "is empty").with_hint(remake_hint(remake)))
            }
            Err(error) if error.is_data() => {
                let (line, column) = (error.line(), error.column());
                Err(FileProblem::new(
                    IssueKind::BadJson,
                    place,
                    format!("holds no JSON object (line {line}, column {column})"),
                )
                .with_hint(remake_hint(remake)))
            }
            Err(error) => Err(FileProblem::new(IssueKind::BadJson, place, describe(text, text, &error)).with_hint(
                if error.is_eof() {
                    format!("the file ends too early; {}", remake_hint(remake))
                } else {
                    remake_hint(remake)
                },
            )),
        }
    }

    /// A member as raw JSON; `None` if it is absent or null.
    pub(crate) fn member(&self, name: &str) -> Option<&'a RawValue> {
        self.members.get(name).copied().filter(|raw| raw.get() != "null")
    }

    /// True if a member is there and null.
    pub(crate) fn is_null(&self, name: &str) -> bool {
        self.members.get(name).is_some_and(|raw| raw.get() == "null")
    }

    /// The entries of a list member, `Ok(None)` if it is absent or null.
    pub(crate) fn list(&self, name: &str) -> Result<Option<Vec<&'a RawValue>>, FileProblem> {
        let Some(raw) = self.member(name) else { return Ok(None) };
        serde_json::from_str(raw.get()).map(Some).map_err(|_| {
            let (line, column) = position(self.text, raw.get());
            let message = format!("has `{name}` at line {line} column {column}, but it is not a list");
            FileProblem::new(IssueKind::BadJson, self.place, message)
                .with_hint("it is no plain output of the AWS command line")
        })
    }

    /// Like [`Self::list`], where an absent list makes the file useless.
    pub(crate) fn required_list(&self, name: &str, remake: &str) -> Result<Vec<&'a RawValue>, FileProblem> {
        self.list(name).and_then(|list| {
            list.ok_or_else(|| {
                FileProblem::new(IssueKind::BadJson, self.place, format!("holds no list `{name}`"))
                    .with_hint(remake_hint(remake))
            })
        })
    }

    /// Types one entry of a list, or says where in the file it is wrong.
    pub(crate) fn typed<'b, T: Deserialize<'b>>(&self, raw: &'b RawValue) -> Result<T, String> {
        serde_json::from_str(raw.get()).map_err(|error| describe(self.text, raw.get(), &error))
    }

    /// Name of the file in messages.
    pub(crate) fn place(&self) -> &'a str {
        self.place
    }

    /// An issue if the answer was cut off: the AWS CLI pages by itself unless it is told not to.
    pub(crate) fn truncation(&self) -> Option<Issue> {
        let [flag, tokens @ ..] = TRUNCATION_MARKS;
        let cut = self.member(flag).is_some_and(|raw| raw.get() == "true")
            || tokens.iter().any(|name| self.member(name).is_some());
        cut.then(|| {
            Issue::new(IssueKind::TruncatedFile, self.place, "holds only the first pages of the answer")
                .with_hint("run the command again without --no-paginate and --max-items")
        })
    }
}

/// Counts bad entries of one list: the first ones are named, the rest only counted, so that a hostile file
/// costs neither memory nor quadratic time.
#[derive(Debug)]
pub(crate) struct BadEntries<'a> {
    place: &'a str,
    list: &'static str,
    named: Vec<Issue>,
    further: u64,
}

impl<'a> BadEntries<'a> {
    const NAMED_AT_MOST: usize = 100;

    pub(crate) fn new(place: &'a str, list: &'static str) -> Self {
        Self { place, list, named: Vec::new(), further: 0 }
    }

    pub(crate) fn add(&mut self, index: usize, reason: impl FnOnce() -> String) {
        if self.named.len() < Self::NAMED_AT_MOST {
            let message = format!("entry {index} of `{}` is not usable: {}", self.list, reason());
            self.named.push(Issue::new(IssueKind::BadEntry, self.place, message));
        } else {
            self.further = self.further.saturating_add(1);
        }
    }

    pub(crate) fn into_issues(self) -> Vec<Issue> {
        let mut issues = self.named;
        if self.further > 0 {
            let mut rest = Issue::new(
                IssueKind::BadEntry,
                self.place,
                format!("further entries of `{}` are not usable", self.list),
            );
            rest.count = self.further;
            issues.push(rest);
        }
        issues
    }
}

/// `run again: <command>`.
pub(crate) fn remake_hint(command: &str) -> String {
    format!("make it with `{command}`")
}

/// The parser's message with the position in the whole file.
fn describe(text: &str, part: &str, error: &serde_json::Error) -> String {
    let (base_line, base_column) = position(text, part);
    let line = base_line.saturating_add(error.line().saturating_sub(1));
    let column =
        if error.line() <= 1 { base_column.saturating_add(error.column().saturating_sub(1)) } else { error.column() };
    let full = error.to_string();
    let message = full.rsplit_once(" at line ").map_or(full.as_str(), |(message, _)| message);
    format!("is not valid at line {line} column {column}: {message}")
}

/// Line and column (from 1) at which `part`, a slice of `text`, begins.
fn position(text: &str, part: &str) -> (usize, usize) {
    let offset = part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    let before = text.get(..offset).unwrap_or_default();
    let line = before.matches('\n').count().saturating_add(1);
    let column = before.rsplit('\n').next().map_or(0, str::len).saturating_add(1);
    (line, column)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_an_entry_carry_the_position_in_the_file() {
        #[derive(Debug, Deserialize)]
        struct Entry {
            #[expect(dead_code, reason = "only its type matters")]
            n: u8,
        }
        let text = "{\n \"L\": [\n  {\"n\": 1},\n  {\"n\": \"x\"}\n ]\n}";
        let object = JsonObject::parse(text, "f.json", "aws x").unwrap();
        let entries = object.required_list("L", "aws x").unwrap();
        assert!(object.typed::<Entry>(entries[0]).is_ok());
        let message = object.typed::<Entry>(entries[1]).unwrap_err();
        assert!(message.contains("line 4 column 11"), "{message}");
        assert!(!message.contains(" at line 1"), "{message}");
    }

    #[test]
    fn half_a_file_says_where_it_ends() {
        let problem = JsonObject::parse("{\"L\": [1, 2", "f.json", "aws x").unwrap_err();
        assert!(problem.message().contains("line 1 column"), "{}", problem.message());
        assert!(problem.hint.contains("ends too early"), "{}", problem.hint);
    }

    #[test]
    fn deep_nesting_is_no_stack_overflow() {
        let text = format!("{{\"L\": [{}{}]}}", "[".repeat(200_000), "]".repeat(200_000));
        let object = JsonObject::parse(&text, "f.json", "aws x").unwrap();
        let entries = object.required_list("L", "aws x").unwrap();
        assert!(object.typed::<serde_json::Value>(entries[0]).is_err());
    }
}
