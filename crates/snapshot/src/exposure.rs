//! `resource-policies/<function>.json`: who may invoke a function.
//!
//! Shape: AWS Lambda API Reference, `GetPolicy` (the policy is JSON text inside JSON). Only Allow statements
//! about invocation count; Deny is left out, so exposure may be rated too high, never too low.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use whittle_analysis::inventory::Function;
use whittle_analysis::issue::{Issue, IssueKind};
use whittle_policy::id::FunctionArn;
use whittle_policy::{ConditionBlock, Effect, PolicyDocument, ResourceClause, Statement};

use crate::attachments::FunctionsByArn;
use crate::document::JsonObject;
use crate::iam;
use crate::keep::{Fields, POLICY_ELEMENTS, Shape};
use crate::scope::SnapshotDocument;

/// Folder name.
pub(crate) const NAME: &str = "resource-policies";
/// Command that makes one file of it.
pub(crate) const COMMAND: &str =
    "aws lambda get-policy --function-name {name} --output json > resource-policies/{name}.json";

/// What is read of one file. Of a bare policy the names of other elements matter, since it is refused for
/// them.
pub(crate) static KEPT: Shape = Shape::Answer(&[ANSWER, POLICY_ELEMENTS]);
const ANSWER: &Fields = &[("Policy", Shape::Policy)];

const INVOKE_ACTIONS: &[&str] = &["lambda:InvokeFunction", "lambda:InvokeFunctionUrl"];

/// Condition keys that say only that a call comes through the function's URL, which anybody can call if its
/// auth type is `NONE` (AWS Lambda Developer Guide, "Control access to Lambda function URLs").
const URL_KEYS: &[&str] = &["lambda:FunctionUrlAuthType", "lambda:InvokedViaFunctionUrl"];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyAnswer<'a> {
    #[serde(borrow)]
    policy: &'a RawValue,
}

/// Adds who may invoke to the exposure of the functions that the files are about.
pub(crate) fn apply(documents: &[SnapshotDocument], functions: &mut FunctionsByArn, issues: &mut Vec<Issue>) {
    let mut by_name: BTreeMap<String, Vec<&mut Function>> = BTreeMap::new();
    for function in functions.values_mut() {
        by_name.entry(function.name.clone()).or_default().push(function);
    }
    for document in documents {
        let name = document.stem.as_deref().unwrap_or_default();
        apply_one(document, by_name.get_mut(name).map(Vec::as_mut_slice).unwrap_or_default(), issues);
    }
}

fn apply_one(document: &SnapshotDocument, functions: &mut [&mut Function], issues: &mut Vec<Issue>) {
    let parsed = document.text.as_deref().map_err(Clone::clone).and_then(|text| parse(text, &document.place));
    let policy = match parsed {
        Ok(Some(policy)) => policy,
        Ok(None) => return,
        Err(issue) => return issues.push(issue),
    };
    let named = named_functions(&policy);
    let mut used = false;
    for function in functions.iter_mut().filter(|function| document.concerns(function)) {
        // Functions of one name in two Regions: the policy names the one it is of.
        if !named.is_empty() && !named.contains(&function.arn) {
            continue;
        }
        used = true;
        for statement in &policy.statements {
            let exposure = &mut function.exposure;
            invokers(statement, &mut exposure.invokers, &mut exposure.public_policy);
        }
        function.exposure.invokers.sort();
        function.exposure.invokers.dedup();
    }
    if !used {
        issues.push(Issue::new(
            IssueKind::UnknownFunction,
            &document.place,
            "is about a function that is not in functions.json",
        ));
    }
}

/// `None`: the function has no policy, and the document says so.
fn parse(text: &str, place: &str) -> Result<Option<PolicyDocument>, Issue> {
    let problem = |message: String| {
        Issue::new(IssueKind::BadJson, place, message)
            .with_hint("the function counts as reachable by nobody through its policy")
    };
    let object = JsonObject::parse(text, place, COMMAND).map_err(crate::files::FileProblem::into_issue)?;
    // The bare policy is accepted too.
    if object.member("Statement").is_some() {
        return PolicyDocument::parse(text).map(Some).map_err(|error| problem(format!("is not a policy: {error}")));
    }
    if object.is_null("Policy") {
        return Ok(None);
    }
    let answer: PolicyAnswer<'_> =
        serde_json::from_str(text).map_err(|_| problem("holds no member `Policy`".to_owned()))?;
    iam::document(answer.policy)
        .map(Some)
        .map_err(|error| problem(format!("holds a policy that is not readable: {error}")))
}

fn invokers(statement: &Statement, invokers: &mut Vec<String>, public: &mut bool) {
    let about_calls = INVOKE_ACTIONS.iter().any(|action| statement.action.matches(action));
    let (Effect::Allow, true, Some(clause)) = (statement.effect, about_calls, &statement.principal) else { return };
    let open = only_url_keys(&statement.condition);
    // `NotPrincipal` with Allow is everybody else.
    if clause.is_negated() || clause.principals().is_everyone() {
        if open {
            *public = true;
        } else {
            // Everybody, under a condition such as `aws:PrincipalOrgID` or `aws:SourceArn`.
            invokers.push("*".to_owned());
        }
    }
    if !clause.is_negated() {
        invokers.extend(clause.principals().iter().filter(|(_, name)| *name != "*").map(|(_, name)| name.to_owned()));
    }
}

/// No condition, or only ones that every caller of the URL fulfils.
fn only_url_keys(condition: &ConditionBlock) -> bool {
    condition.iter().all(|(_, key, _)| URL_KEYS.iter().any(|known| known.eq_ignore_ascii_case(key)))
}

/// Functions that the statements name as resource.
fn named_functions(policy: &PolicyDocument) -> Vec<FunctionArn> {
    let mut named = Vec::new();
    for statement in &policy.statements {
        if let Some(ResourceClause::Resource(patterns)) = &statement.resource {
            for pattern in patterns {
                named.extend(FunctionArn::split_qualified(pattern.as_str()).map(|(arn, _)| arn));
            }
        }
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keep::tests::keeps_what_is_read;

    #[test]
    fn all_that_is_read_is_kept() {
        keeps_what_is_read::<PolicyAnswer<'_>>(ANSWER);
    }
}
