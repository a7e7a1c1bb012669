//! `not-collected.json`: what a collection could not get for single functions, written by the collection
//! itself.
//!
//! Shape: `{"NotCollected": [{"FunctionArn": "…", "Documents": ["event-invoke-configs", …]}]}`. Without it, a
//! function that was not asked about would look like one that has nothing.

use std::collections::BTreeMap;

use serde::Deserialize;
use whittle_analysis::issue::{Issue, IssueKind};
use whittle_policy::id::FunctionArn;

use crate::attachments::{Absence, FunctionsByArn, KINDS};
use crate::document::{BadEntries, JsonObject};
use crate::exposure;
use crate::functions::{add_new, unknown_source};
use crate::keep::{Fields, Shape};
use crate::scope::SnapshotScope;

/// File name in the root or a Region folder, without `.json`.
pub(crate) const NAME: &str = "not-collected";
const FILE: &str = "not-collected.json";
const LIST: &str = "NotCollected";

/// What is read of it.
pub(crate) static KEPT: Shape = Shape::Answer(&[&[("NotCollected", Shape::List(&Shape::Object(ENTRY)))]]);
const ENTRY: &Fields = &[("FunctionArn", Shape::Scalar), ("Documents", Shape::List(&Shape::Scalar))];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct NotCollected {
    function_arn: String,
    documents: Vec<String>,
}

/// Gives every function of which something essential is not known an unknown event source. A file that cannot
/// be read names nobody, so it is about every function of the scope.
pub(crate) fn apply(
    scope: &SnapshotScope<'_>,
    of_scope: impl Fn(&str) -> bool,
    functions: &mut FunctionsByArn,
    issues: &mut Vec<Issue>,
) {
    let text = match scope.text(FILE) {
        Ok(None) => return,
        Ok(Some(text)) => Ok(text),
        Err(problem) => Err(problem),
    };
    let mut doubt_all = false;
    let parsed = text.and_then(|text| read(scope, &text, functions, issues, &mut doubt_all));
    if let Err(problem) = parsed {
        issues.push(problem.into_issue());
        doubt_all = true;
    }
    if doubt_all {
        for function in functions.values_mut().filter(|function| of_scope(function.region.as_str())) {
            add_new(&mut function.config.event_sources, &[unknown_source()]);
        }
    }
}

fn read(
    scope: &SnapshotScope<'_>,
    text: &str,
    functions: &mut FunctionsByArn,
    issues: &mut Vec<Issue>,
    doubt_all: &mut bool,
) -> Result<(), crate::files::FileProblem> {
    let place = scope.place(FILE);
    let object = JsonObject::parse(text, &place, "whittle snapshot")?;
    let mut bad = BadEntries::new(&place, LIST);
    let mut missing: BTreeMap<String, u64> = BTreeMap::new();
    for (index, raw) in object.required_list(LIST, "whittle snapshot")?.into_iter().enumerate() {
        let entry: NotCollected = match object.typed(raw) {
            Ok(entry) => entry,
            Err(reason) => {
                bad.add(index, || reason);
                *doubt_all = true;
                continue;
            }
        };
        let function =
            FunctionArn::split_qualified(&entry.function_arn).ok().and_then(|(arn, _)| functions.get_mut(&arn));
        // A function that is not in the snapshot is not analysed.
        let Some(function) = function else { continue };
        for document in entry.documents {
            if without(&document).is_none_or(|(_, decides)| decides) {
                add_new(&mut function.config.event_sources, &[unknown_source()]);
            }
            let count = missing.entry(document).or_default();
            *count = count.saturating_add(1);
        }
    }
    issues.extend(bad.into_issues());
    for (document, count) in missing {
        let what = without(&document).map_or("what it says is not known", |(what, _)| what);
        let mut issue = Issue::new(
            IssueKind::NotCollected,
            scope.place(&document),
            format!("is missing for some functions: {what}"),
        )
        .with_hint("the next run goes on with them, unless another issue says what is in the way");
        issue.count = count;
        issues.push(issue);
    }
    Ok(())
}

/// Sentence on what is not known without documents of this name; true if a permission could look unused for
/// it.
fn without(document: &str) -> Option<(&'static str, bool)> {
    match document {
        exposure::NAME => Some(("who may invoke them is not known", false)),
        "tags" => Some(("their tags are not known", false)),
        name => KINDS.iter().find(|kind| kind.name == name).map(|kind| (kind.without, kind.absence != Absence::Little)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keep::tests::keeps_what_is_read;

    #[test]
    fn all_that_is_read_is_kept() {
        keeps_what_is_read::<NotCollected>(ENTRY);
    }
}
