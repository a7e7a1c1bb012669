//! Reads text files under a size limit and says precisely what is wrong with the JSON in them.
//!
//! In: a path. Out: text without byte order mark, or a [`Problem`] that becomes an issue or an error, as the caller
//! needs. JSON is split into raw members first and typed later, so that one bad entry costs that entry only.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;
use whittle_analysis::issue::Issue;
use whittle_pipeline::ports::{PortError, PortErrorKind};

/// Files above this size are refused: an account of 10,000 roles stays under a tenth of it.
pub(crate) const MAX_FILE_BYTES: u64 = 1 << 30;

/// What is wrong with one file.
#[derive(Debug)]
pub(crate) struct Problem {
    /// Issue kind.
    pub(crate) kind: &'static str,
    /// File as shown to the user.
    pub(crate) place: String,
    /// One line, lower case.
    pub(crate) message: String,
    /// Advice; may be empty.
    pub(crate) hint: String,
}

impl Problem {
    pub(crate) fn new(kind: &'static str, place: &str, message: impl Into<String>) -> Self {
        Self { kind, place: place.to_owned(), message: message.into(), hint: String::new() }
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// As a counted issue; the run goes on.
    pub(crate) fn into_issue(self) -> Issue {
        let issue = Issue::new(self.kind, self.place, self.message);
        if self.hint.is_empty() { issue } else { issue.with_hint(self.hint) }
    }

    /// As an error: nothing can be analysed without this file.
    pub(crate) fn into_error(self, root: &Path) -> PortError {
        let path = root.join(&self.place);
        let error = PortError::new(PortErrorKind::Invalid, format!("`{}` {}", path.display(), self.message));
        if self.hint.is_empty() { error } else { error.with_hint(self.hint) }
    }
}

/// The text of a file, `Ok(None)` if there is none. `place` is how the file is named in messages.
pub(crate) fn read_text(path: &Path, place: &str, max_bytes: u64) -> Result<Option<String>, Problem> {
    let unreadable = |error: &io::Error| Problem::new("unreadable-file", place, format!("cannot be read: {error}"));
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(&error)),
    };
    if !metadata.is_file() {
        return Err(Problem::new("unreadable-file", place, "is not a regular file"));
    }
    let bytes = read_bounded(path, max_bytes).map_err(|error| unreadable(&error))?.ok_or_else(|| {
        Problem::new("file-too-large", place, format!("is larger than {max_bytes} bytes"))
            .with_hint("split the account by Region into `regions/<region>/` folders")
    })?;
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(Problem::new("bad-encoding", place, "is UTF-16, not UTF-8")
            .with_hint("in PowerShell, write it with `| Out-File -Encoding utf8`"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        Problem::new("bad-encoding", place, format!("is not UTF-8 text (first bad byte at offset {offset})"))
    })?;
    Ok(Some(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    }))
}

/// Reads a whole file, or `None` if it holds more than `max_bytes`, whatever its metadata said.
pub(crate) fn read_bounded(path: &Path, max_bytes: u64) -> io::Result<Option<Vec<u8>>> {
    let file = File::open(path)?;
    let expected = file.metadata()?.len();
    if expected > max_bytes {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or(0));
    // A growing file, or one of `/proc` that claims no size, must not pass the limit either.
    let read = file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok((u64::try_from(read).unwrap_or(u64::MAX) <= max_bytes).then_some(bytes))
}

/// A JSON file whose top level is an object, its members not looked into yet.
#[derive(Debug)]
pub(crate) struct JsonObject<'a> {
    text: &'a str,
    place: &'a str,
    members: BTreeMap<String, &'a RawValue>,
}

impl<'a> JsonObject<'a> {
    /// Splits `text`. `remake` tells how to make the file anew.
    pub(crate) fn parse(text: &'a str, place: &'a str, remake: &str) -> Result<Self, Problem> {
        match serde_json::from_str(text) {
            Ok(members) => Ok(Self { text, place, members }),
            Err(_) if text.trim().is_empty() => {
                Err(Problem::new("empty-file", place, "is empty").with_hint(remake_hint(remake)))
            }
            Err(error) if error.is_data() => {
                let (line, column) = (error.line(), error.column());
                Err(Problem::new("bad-json", place, format!("holds no JSON object (line {line}, column {column})"))
                    .with_hint(remake_hint(remake)))
            }
            Err(error) => {
                Err(Problem::new("bad-json", place, describe(text, text, &error)).with_hint(if error.is_eof() {
                    format!("the file ends too early; {}", remake_hint(remake))
                } else {
                    remake_hint(remake)
                }))
            }
        }
    }

    /// A member as raw JSON; `None` if it is absent or null.
    pub(crate) fn member(&self, name: &str) -> Option<&'a RawValue> {
        self.members.get(name).copied().filter(|raw| raw.get() != "null")
    }

    /// The entries of a list member, `Ok(None)` if it is absent or null.
    pub(crate) fn list(&self, name: &str) -> Result<Option<Vec<&'a RawValue>>, Problem> {
        let Some(raw) = self.member(name) else { return Ok(None) };
        serde_json::from_str(raw.get()).map(Some).map_err(|_| {
            let (line, column) = position(self.text, raw.get());
            let message = format!("has `{name}` at line {line} column {column}, but it is not a list");
            Problem::new("bad-json", self.place, message).with_hint("it is no plain output of the AWS command line")
        })
    }

    /// Like [`Self::list`], where an absent list makes the file useless.
    pub(crate) fn required_list(&self, name: &str, remake: &str) -> Result<Vec<&'a RawValue>, Problem> {
        self.list(name).and_then(|list| {
            list.ok_or_else(|| {
                Problem::new("bad-json", self.place, format!("holds no list `{name}`")).with_hint(remake_hint(remake))
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

    /// An issue if the answer was cut off: the command line pages by itself unless it was told not to.
    pub(crate) fn truncation(&self) -> Option<Issue> {
        let cut = self.member("IsTruncated").is_some_and(|raw| raw.get() == "true")
            || ["NextToken", "NextMarker", "Marker"].iter().any(|name| self.member(name).is_some());
        cut.then(|| {
            Issue::new("truncated-file", self.place, "holds only the first pages of the answer")
                .with_hint("run the command again without --no-paginate and --max-items")
        })
    }
}

/// Counts bad entries of one list: the first ones are named, the rest only counted, so that a hostile file costs
/// neither memory nor quadratic time.
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
            self.named.push(Issue::new("bad-entry", self.place, message));
        } else {
            self.further = self.further.saturating_add(1);
        }
    }

    pub(crate) fn into_issues(self) -> Vec<Issue> {
        let mut issues = self.named;
        if self.further > 0 {
            let mut rest =
                Issue::new("bad-entry", self.place, format!("further entries of `{}` are not usable", self.list));
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
        assert!(problem.message.contains("line 1 column"), "{}", problem.message);
        assert!(problem.hint.contains("ends too early"), "{}", problem.hint);
    }

    #[test]
    fn deep_nesting_is_no_stack_overflow() {
        let text = format!("{{\"L\": [{}{}]}}", "[".repeat(200_000), "]".repeat(200_000));
        let object = JsonObject::parse(&text, "f.json", "aws x").unwrap();
        let entries = object.required_list("L", "aws x").unwrap();
        assert!(object.typed::<serde_json::Value>(entries[0]).is_err());
    }

    #[test]
    fn byte_order_marks_are_tolerated_or_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f.json");
        std::fs::write(&path, b"\xef\xbb\xbf{}").unwrap();
        assert_eq!(read_text(&path, "f.json", 100).unwrap().unwrap(), "{}");
        std::fs::write(&path, b"\xff\xfe{\0}\0").unwrap();
        assert!(read_text(&path, "f.json", 100).unwrap_err().message.contains("UTF-16"));
        std::fs::write(&path, b"{\"a\":\"\xe9\"}").unwrap();
        assert!(read_text(&path, "f.json", 100).unwrap_err().message.contains("offset 6"));
        assert!(read_text(&path, "f.json", 3).unwrap_err().message.contains("larger than 3 bytes"));
        assert!(read_text(dir.path(), "f.json", 3).is_err());
        assert!(read_text(&dir.path().join("none"), "none", 3).unwrap().is_none());
    }
}
