//! Words for reasons: the only place where a reason becomes a sentence.
//!
//! Output for people takes a sentence where it stands. Output for scripts is a result with each reason
//! replaced by its sentence ([`InWords`]).

mod coverage;
mod needs;
mod suggestion;
mod verdict;

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use whittle_analysis::diff::{FindingChange, FunctionChange};
use whittle_analysis::gate::Inconclusive;
use whittle_analysis::proposal::compare::{DifferingStatement, Uncertainty};
use whittle_analysis::reason::{CoverageReason, FindingDetail, NoSuggestion, Reason, StatementReason, VerdictReason};
use whittle_analysis::result::{CoverageRow, Finding, FunctionResult, RoleResult, Suggestion, VerdictRow};

pub use coverage::{blind_reason, remedy};

/// Length of a reason in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// All of it.
    Full,
    /// Without what would make a use visible, which in a comment would hide the rest.
    Brief,
}

/// Data that has a sentence.
trait Worded {
    /// The sentence: one line, lower case, no final period.
    fn words(&self) -> String;
}

fn text<T: Worded>(reason: &Reason<T>) -> Cow<'_, str> {
    match reason {
        Reason::Known(reason) => Cow::Owned(reason.words()),
        Reason::Text(text) => Cow::Borrowed(text),
    }
}

fn say<T: Worded>(reason: &mut Reason<T>) {
    if let Reason::Known(known) = reason {
        *reason = Reason::Text(known.words());
    }
}

/// Reason of a verdict.
pub fn verdict(reason: &Reason<VerdictReason>) -> Cow<'_, str> {
    text(reason)
}

/// Reason of a verdict for a comment.
pub(crate) fn brief_verdict(reason: &Reason<VerdictReason>) -> Cow<'_, str> {
    match reason {
        Reason::Known(reason) => Cow::Owned(verdict::verdict(reason, Length::Brief)),
        Reason::Text(text) => Cow::Borrowed(text),
    }
}

/// Reason of a suggested statement.
pub fn statement(reason: &Reason<StatementReason>) -> Cow<'_, str> {
    text(reason)
}

/// Reason why there is no suggestion.
pub fn no_suggestion(reason: &Reason<NoSuggestion>) -> Cow<'_, str> {
    text(reason)
}

/// Reason of a row of the coverage; empty where the source covers the window.
pub fn coverage(reason: &Reason<CoverageReason>) -> Cow<'_, str> {
    text(reason)
}

/// Detail of a finding.
pub fn detail(detail: &Reason<FindingDetail>) -> Cow<'_, str> {
    text(detail)
}

/// Reason why a gate has no answer.
pub fn inconclusive(reason: &Reason<Inconclusive>) -> Cow<'_, str> {
    text(reason)
}

/// Reason why it is not known what a statement allows beyond the other side.
pub fn uncertainty(reason: &Reason<Uncertainty>) -> Cow<'_, str> {
    text(reason)
}

/// Results whose reasons can be put into words, as scripts get them.
pub trait InWords: Clone {
    /// Replaces each reason by its sentence.
    fn put_in_words(&mut self);

    /// The same with each reason replaced by its sentence.
    #[must_use]
    fn in_words(&self) -> Self {
        let mut out = self.clone();
        out.put_in_words();
        out
    }
}

/// A list whose items are put into words one by one, as they are written.
pub(crate) struct AllInWords<'a, T>(pub(crate) &'a [T]);

impl<T: InWords + Serialize> Serialize for AllInWords<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(InWords::in_words))
    }
}

impl InWords for CoverageRow {
    fn put_in_words(&mut self) {
        say(&mut self.reason);
    }
}

impl InWords for VerdictRow {
    fn put_in_words(&mut self) {
        say(&mut self.reason);
    }
}

impl InWords for Finding {
    fn put_in_words(&mut self) {
        say(&mut self.detail);
    }
}

impl InWords for RoleResult {
    fn put_in_words(&mut self) {
        self.no_suggestion.iter_mut().for_each(say);
        self.suggestion.iter_mut().for_each(suggested);
    }
}

impl InWords for FunctionResult {
    fn put_in_words(&mut self) {
        self.verdicts.iter_mut().for_each(InWords::put_in_words);
        self.no_suggestion.iter_mut().for_each(say);
        self.suggestion.iter_mut().for_each(suggested);
    }
}

impl InWords for DifferingStatement {
    fn put_in_words(&mut self) {
        self.unknown.iter_mut().for_each(say);
    }
}

impl InWords for FindingChange {
    fn put_in_words(&mut self) {
        self.finding.put_in_words();
    }
}

impl InWords for FunctionChange {
    fn put_in_words(&mut self) {
        self.verdicts.iter_mut().for_each(|change| say(&mut change.reason));
    }
}

fn suggested(suggestion: &mut Suggestion) {
    suggestion.statements.iter_mut().for_each(|note| say(&mut note.reason));
}

impl Worded for VerdictReason {
    fn words(&self) -> String {
        verdict::verdict(self, Length::Full)
    }
}

impl Worded for StatementReason {
    fn words(&self) -> String {
        suggestion::statement(self)
    }
}

impl Worded for NoSuggestion {
    fn words(&self) -> String {
        suggestion::no_suggestion(self)
    }
}

impl Worded for CoverageReason {
    fn words(&self) -> String {
        match self {
            Self::Covered => String::new(),
            Self::NotSelected => "not selected".to_owned(),
            Self::Blind { reason } => blind_reason(reason),
        }
    }
}

impl Worded for FindingDetail {
    fn words(&self) -> String {
        let Self::BlindSpot { groups, more } = self;
        let mut groups: Vec<_> = groups.iter().map(|group| (group, verdict(&group.reason))).collect();
        groups.sort_by(|a, b| b.0.count.cmp(&a.0.count).then_with(|| a.1.cmp(&b.1)));
        let parts: Vec<String> = groups
            .iter()
            .map(|(group, reason)| {
                let hidden = group.count.saturating_sub(group.actions.len());
                format!("{} ({reason})", and_more(&group.actions, hidden))
            })
            .collect();
        let shown = parts.get(..BLIND_GROUPS).unwrap_or(&parts);
        and_more(shown, more.saturating_add(parts.len().saturating_sub(shown.len())))
    }
}

/// Reasons that the detail of a blind spot names.
const BLIND_GROUPS: usize = 4;

fn and_more(items: &[String], more: usize) -> String {
    let items = items.join(", ");
    if more == 0 { items } else { format!("{items} and {more} more") }
}

impl Worded for Inconclusive {
    fn words(&self) -> String {
        match self {
            Self::NoEvidence => verdict::NO_EVIDENCE.to_owned(),
            Self::TooFewDays { days, least } => verdict::too_few_days(*days, *least),
            Self::ManagementEventsUnseen => "no trail is known to show management events".to_owned(),
        }
    }
}

impl Worded for Uncertainty {
    fn words(&self) -> String {
        match self {
            Self::UnknownValues { names } => format!("the value of {} is not known", names.join(", ")),
            Self::MayBeAllowed { policy, statement, names } => {
                format!("{policy}/{statement} may allow it: the value of {} is not known", names.join(", "))
            }
            Self::UnreadablePolicy { problem } => format!("a policy could not be read: {problem}"),
            Self::NeitherProofNorExample => "neither a proof nor an example was found".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
