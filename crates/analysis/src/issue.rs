//! Things that Whittle could not read or see. Never a statement about the user's account.

use serde::{Deserialize, Serialize};

mod kind;

pub use kind::IssueKind;

/// One thing that could not be read or seen, where, and what to do about it.
///
/// An issue lowers coverage or confidence; it never ends a run (invariant 7 of ARCHITECTURE.md).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Issue {
    /// Sort of issue.
    pub kind: IssueKind,
    /// File, API or record the issue is about.
    pub place: String,
    /// The problem; one line, lower case, no final period.
    pub message: String,
    /// Advice for the user; empty if there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hint: String,
    /// How many times it occurred.
    pub count: u64,
}

impl Issue {
    /// An issue that occurred once.
    pub fn new(kind: impl Into<IssueKind>, place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { kind: kind.into(), place: place.into(), message: message.into(), hint: String::new(), count: 1 }
    }

    /// The same issue with advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

/// Sorts issues and adds up equal ones, so that a run reports the same bytes whatever order it met them in.
pub fn merge_issues(mut issues: Vec<Issue>) -> Vec<Issue> {
    issues.sort();
    let mut out: Vec<Issue> = Vec::with_capacity(issues.len());
    for issue in issues {
        match out.last_mut() {
            Some(last)
                if last.kind == issue.kind
                    && last.place == issue.place
                    && last.message == issue.message
                    && last.hint == issue.hint =>
            {
                last.count = last.count.saturating_add(issue.count);
            }
            _ => out.push(issue),
        }
    }
    out
}
