//! Narrowed policies in the formats that developers merge: JSON, SAM, CloudFormation, Terraform.
//!
//! In: results of an analysis. Out: text that goes into a pull request as it is. Every statement carries a
//! comment that says why it is there. Names, tags and ARNs may be written by an attacker, so each writer
//! quotes all text ([`whittle_template::quote`]), and the tests read the text back with the parsers of
//! others: it is the same policy document.
//!
//! What an ARN is called in a template is for [`References`](whittle_template::references::References) to
//! say. Not here: editing files that exist.

pub mod cloudformation;
pub mod comment;
pub mod hcl;
pub mod json;
pub mod sam;
pub mod sam_template;
pub mod scoped;
pub mod split;
pub mod terraform;
pub mod yaml;

use std::collections::BTreeMap;

use whittle_analysis::result::{FunctionResult, RoleResult, RoleSettings, Suggestion, Verdict, VerdictRow};
use whittle_policy::PolicyDocument;

use crate::text::short_name;

/// Characters that the inline policies of one role may have together, white space not counted (IAM User
/// Guide, "IAM and AWS STS quotas").
const INLINE_CHARACTERS: usize = 10_240;

/// Something cannot be written in a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct RenderError {
    message: String,
    hint: String,
}

impl RenderError {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }

    /// Advice for the user.
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

/// The narrowed policies of a function or role, with notes for the reader.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicySet {
    /// Name of the function or role.
    pub name: String,
    /// The function, if it is about one.
    pub function_arn: Option<String>,
    /// Its logical id, if its tags show it.
    pub logical_id: Option<String>,
    /// The role that has the policies today.
    pub role_arn: String,
    /// Settings that a replacement of the role must keep.
    pub settings: Option<RoleSettings>,
    /// Comment lines on top.
    pub heading: Vec<String>,
    /// The policies.
    pub policies: Vec<AnnotatedPolicy>,
}

/// A policy document and a comment for each of its statements.
#[derive(Debug, Clone, PartialEq)]
pub struct AnnotatedPolicy {
    /// Its name.
    pub name: String,
    /// The document.
    pub document: PolicyDocument,
    /// Comment lines of each statement, in order.
    pub comments: Vec<Vec<String>>,
}

impl PolicySet {
    /// The narrowed policies of a function under one role; `None` if there are none.
    pub fn of_function(result: &FunctionResult) -> Option<Self> {
        let suggestion = result.suggestion.as_ref()?;
        let name = short_name(&result.function_arn).to_owned();
        let rows: Vec<&VerdictRow> = result.verdicts.iter().collect();
        let what = format!("Narrowed policy of function {name} under role {}.", short_name(&result.role_arn));
        Some(Self {
            heading: heading(what, &name, suggestion),
            policies: annotate(suggestion, &rows),
            function_arn: Some(result.function_arn.clone()),
            logical_id: result.stack.as_ref().map(|stack| stack.logical_id.clone()),
            role_arn: result.role_arn.clone(),
            settings: None,
            name,
        })
    }

    /// The narrowed policies of a role for all functions that run under it; `functions` are their results.
    pub fn of_role(result: &RoleResult, functions: &[FunctionResult]) -> Option<Self> {
        let suggestion = result.suggestion.as_ref()?;
        let name = short_name(&result.role_arn).to_owned();
        let rows = strongest_rows(functions);
        let rows: Vec<&VerdictRow> = rows.into_values().collect();
        let used_by: Vec<&str> = result.functions.iter().map(|arn| short_name(arn)).collect();
        let what = format!("Narrowed policy of role {name}, for {} together.", used_by.join(", "));
        Some(Self {
            heading: heading(what, &name, suggestion),
            policies: annotate(suggestion, &rows),
            function_arn: None,
            logical_id: None,
            role_arn: result.role_arn.clone(),
            settings: result.settings.clone(),
            name,
        })
    }

    /// True if the policies fit into the role as its only inline policies.
    fn fits_inline(&self) -> bool {
        self.policies.iter().map(|policy| policy.document.size()).sum::<usize>() <= INLINE_CHARACTERS
    }
}

/// For each action, the row of the functions that keeps it most firmly; among equals, the latest use.
fn strongest_rows(functions: &[FunctionResult]) -> BTreeMap<&str, &VerdictRow> {
    let mut out: BTreeMap<&str, &VerdictRow> = BTreeMap::new();
    for row in functions.iter().flat_map(|function| &function.verdicts) {
        let known = out.entry(&row.action).or_insert(row);
        if (rank(row.verdict), std::cmp::Reverse(&row.last_seen))
            < (rank(known.verdict), std::cmp::Reverse(&known.last_seen))
        {
            *known = row;
        }
    }
    out
}

fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Used => 0,
        Verdict::Required => 1,
        Verdict::Companion => 2,
        Verdict::Possible => 3,
        Verdict::Unobservable => 4,
        Verdict::Unknown => 5,
        Verdict::Unused => 6,
    }
}

fn heading(what: String, name: &str, suggestion: &Suggestion) -> Vec<String> {
    let mut lines = vec![
        what,
        "It takes the place of all identity-based policies of the role: remove those in the same change.".to_owned(),
        format!(
            "{} granted actions removed, {} kept unproven; confidence {:.2}. Why each: whittle explain {name}",
            suggestion.removed_actions, suggestion.kept_unproven, suggestion.confidence
        ),
    ];
    if suggestion.policies.len() > 1 {
        lines.push("Its documents belong together: attach all of them.".to_owned());
    }
    lines
}

fn annotate(suggestion: &Suggestion, rows: &[&VerdictRow]) -> Vec<AnnotatedPolicy> {
    let mut notes = suggestion.statements.iter();
    suggestion
        .policies
        .iter()
        .map(|policy| AnnotatedPolicy {
            name: policy.name.clone(),
            document: policy.document.clone(),
            comments: policy
                .document
                .statements
                .iter()
                .map(|statement| comment::lines(statement, notes.next(), rows))
                .collect(),
        })
        .collect()
}

/// `shop-checkout` → `ShopCheckout`: letters and digits, as logical ids must be (AWS CloudFormation User
/// Guide, "Resources").
fn logical_id(name: &str, suffix: &str) -> String {
    let mut out = String::new();
    for word in name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()) {
        let mut letters = word.chars();
        out.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        out.push_str(letters.as_str());
    }
    if !out.starts_with(|c: char| c.is_ascii_alphabetic()) {
        out.insert(0, 'P');
    }
    out.push_str(suffix);
    out
}

#[cfg(test)]
mod tests;
