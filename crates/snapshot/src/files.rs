//! Where the documents of a snapshot come from, and what may be wrong with one of them.

use std::collections::BTreeSet;

use whittle_analysis::issue::{Issue, IssueKind};

use crate::error::SnapshotError;

/// The documents of a snapshot by name (`functions.json`, `regions/eu-central-1/functions.json`).
pub trait SnapshotFiles: Send + Sync {
    /// Their place, for messages; empty if there is none.
    fn shown(&self) -> String;

    /// Text of a document, `Ok(None)` if there is none.
    fn text(&self, file: &str) -> Result<Option<String>, FileProblem>;

    /// Names in a folder, sorted; `Ok(None)` if there is no such folder.
    fn names(&self, folder: &str) -> Result<Option<BTreeSet<String>>, FileProblem>;

    /// True if there is a document of this name, readable or not.
    fn exists(&self, file: &str) -> bool;
}

/// A problem with one file.
#[derive(Debug)]
pub struct FileProblem {
    kind: IssueKind,
    /// File as shown to the user.
    place: String,
    /// One line, lower case.
    message: String,
    /// Advice; may be empty.
    pub(crate) hint: String,
}

impl FileProblem {
    /// A problem with the file `place`; `message` goes on where the place ends (`is empty`).
    pub fn new(kind: IssueKind, place: &str, message: impl Into<String>) -> Self {
        Self { kind, place: place.to_owned(), message: message.into(), hint: String::new() }
    }

    /// The same problem with advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The problem, one line without the place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// As a counted issue; the run goes on.
    pub(crate) fn into_issue(self) -> Issue {
        let issue = Issue::new(self.kind, self.place, self.message);
        if self.hint.is_empty() { issue } else { issue.with_hint(self.hint) }
    }

    /// As an error: nothing can be analysed without this file.
    pub(crate) fn into_error(self, shown: &str) -> SnapshotError {
        let place = if shown.is_empty() { self.place } else { format!("{shown}/{}", self.place) };
        let error = SnapshotError::new(format!("`{place}` {}", self.message));
        if self.hint.is_empty() { error } else { error.with_hint(self.hint) }
    }
}
