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
use crate::scope::SnapshotScope;

const NAME: &str = "tags";

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
        let stack = tags.remove("aws:cloudformation:stack-name");
        let (Some(stack), Some(logical_id)) = (stack, tags.remove("aws:cloudformation:logical-id")) else { continue };
        for function in functions.values().filter(|function| document.concerns(function)) {
            out.insert(function.arn.clone(), StackMember { stack: stack.clone(), logical_id: logical_id.clone() });
        }
    }
    out
}
