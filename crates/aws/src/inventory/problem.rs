//! Failed calls as issues, equal ones counted.

use std::collections::BTreeMap;

use whittle_analysis::issue::{Issue, IssueKind};
use whittle_pipeline::ports::{PortError, PortErrorKind};

/// A failed call that leaves a gap in the inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CallFailure {
    kind: IssueKind,
    message: String,
    hint: String,
}

impl CallFailure {
    pub(super) fn is_denied(&self) -> bool {
        self.kind == IssueKind::AccessDenied
    }

    /// True if asking again would be answered the same.
    pub(super) fn is_final(&self) -> bool {
        matches!(self.kind, IssueKind::AccessDenied | IssueKind::Gone)
    }
}

impl From<&PortError> for CallFailure {
    fn from(error: &PortError) -> Self {
        let (kind, hint) = match error.kind() {
            PortErrorKind::AccessDenied { .. } => (IssueKind::AccessDenied, ""),
            PortErrorKind::Throttled => (IssueKind::Throttled, "the next run asks again"),
            PortErrorKind::Transient => (IssueKind::Unreachable, "the next run asks again"),
            PortErrorKind::NotFound => {
                (IssueKind::Gone, "it was deleted while the inventory was read; the next run will show")
            }
            _ => (IssueKind::FailedCall, ""),
        };
        Self { kind, message: error.to_string(), hint: error.hint().unwrap_or(hint).to_owned() }
    }
}

/// Failures by what they cost and where.
#[derive(Debug, Default)]
pub(super) struct Problems(BTreeMap<(IssueKind, String, &'static str), ProblemEntry>);

#[derive(Debug)]
struct ProblemEntry {
    count: u64,
    subject: String,
    failure: CallFailure,
}

impl Problems {
    /// Notes that `action` failed in `place` (a Region, or nothing) for `subject`; `effect` says what is not
    /// known now.
    pub(super) fn add(&mut self, action: &str, place: &str, effect: &'static str, subject: &str, failure: CallFailure) {
        let place = if place.is_empty() { action.to_owned() } else { format!("{action} in {place}") };
        let entry = self.0.entry((failure.kind.clone(), place, effect)).or_insert_with(|| ProblemEntry {
            count: 0,
            subject: subject.to_owned(),
            failure: failure.clone(),
        });
        entry.count = entry.count.saturating_add(1);
        // Which call ended first is chance; the report must not show it.
        if subject < entry.subject.as_str() {
            subject.clone_into(&mut entry.subject);
            entry.failure = failure;
        }
    }

    /// One issue for each sort of failure, with the message of the first of its subjects by name.
    pub(super) fn into_issues(self) -> Vec<Issue> {
        self.0
            .into_iter()
            .map(|((kind, place, effect), entry)| {
                let mut issue = Issue::new(kind, place, format!("{effect}: {}", entry.failure.message));
                issue.hint = entry.failure.hint;
                issue.count = entry.count;
                issue
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_failures_are_one_issue_whatever_order_they_came_in() {
        let denied = |name: &str| {
            let kind = PortErrorKind::AccessDenied { action: "lambda:GetPolicy".to_owned() };
            CallFailure::from(&PortError::new(kind, format!("refused for {name}")).with_hint("allow it"))
        };
        let collect = |names: &[&str]| {
            let mut problems = Problems::default();
            for name in names {
                problems.add("lambda:GetPolicy", "eu-central-1", "exposure is not known", name, denied(name));
            }
            problems.into_issues()
        };
        let issues = collect(&["b", "a", "c"]);
        assert_eq!(issues, collect(&["c", "b", "a"]));
        assert_eq!(issues.len(), 1);
        assert_eq!((issues[0].kind.as_str(), issues[0].count), ("access-denied", 3));
        assert_eq!(issues[0].place, "lambda:GetPolicy in eu-central-1");
        assert_eq!(issues[0].message, "exposure is not known: refused for a");
        assert_eq!(issues[0].hint, "allow it");
    }
}
