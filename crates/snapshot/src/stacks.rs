//! `tags/<function>.json`: the CloudFormation stack that a function belongs to.
//!
//! Shape: AWS Lambda API Reference, `ListTags`. CloudFormation itself sets the tags that are read here (AWS
//! CloudFormation User Guide, "Resource tag"); nobody else can, since the prefix `aws:` is reserved. Nothing
//! is judged by them, so a document that cannot be read is an issue and no more.

use std::collections::BTreeMap;

use serde::Deserialize;
use whittle_analysis::issue::{Issue, IssueKind};
use whittle_analysis::result::StackMember;
use whittle_policy::id::FunctionArn;

use crate::attachments::FunctionsByArn;
use crate::keep::Shape;
use crate::scope::SnapshotScope;

/// Folder name.
pub(crate) const NAME: &str = "tags";

const STACK_NAME: &str = "aws:cloudformation:stack-name";
const LOGICAL_ID: &str = "aws:cloudformation:logical-id";

/// What is read of one file: two tags of all. The others may be called anything and hold anything.
pub(crate) static KEPT: Shape =
    Shape::Object(&[("Tags", Shape::Object(&[(STACK_NAME, Shape::Scalar), (LOGICAL_ID, Shape::Scalar)]))]);

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagsAnswer {
    tags: BTreeMap<String, String>,
}

/// The stacks of the functions that have such tags.
pub(crate) fn read(
    scopes: &[SnapshotScope<'_>],
    functions: &FunctionsByArn,
    issues: &mut Vec<Issue>,
) -> BTreeMap<FunctionArn, StackMember> {
    let mut out = BTreeMap::new();
    let mut documents = Vec::new();
    for scope in scopes {
        documents.extend(scope.documents(NAME, issues));
    }
    for document in documents {
        // One file for all functions does not say whose tags it holds.
        if document.stem.is_none() {
            continue;
        }
        let parsed = document.text.as_deref().map_err(Clone::clone).and_then(|text| {
            serde_json::from_str::<TagsAnswer>(text).map_err(|error| {
                Issue::new(IssueKind::BadJson, &document.place, format!("is no answer of list-tags: {error}"))
                    .with_hint("the stack of the function is not known, so look it up by name")
            })
        });
        let mut tags = match parsed {
            Ok(answer) => answer.tags,
            Err(issue) => {
                issues.push(issue);
                continue;
            }
        };
        let stack = tags.remove(STACK_NAME);
        let (Some(stack), Some(logical_id)) = (stack, tags.remove(LOGICAL_ID)) else { continue };
        for function in functions.values().filter(|function| document.concerns(function)) {
            out.insert(function.arn.clone(), StackMember { stack: stack.clone(), logical_id: logical_id.clone() });
        }
    }
    out
}
