//! The lighter choice for a shared role: one policy for all, with statements that apply to one function each
//! by `lambda:SourceFunctionArn`.
//!
//! Limits of the key (AWS Lambda Developer Guide, "Using source function ARN to control function access
//! behavior"): Lambda puts it into the credentials of the execution environment, and into the calls that it
//! makes itself for logs, X-Ray and EFS. It is absent from other calls that the service makes with the role
//! (event source polling, network interfaces, environment decryption), it cannot be used in resource-based
//! policies, and only the function's ARN without version or alias matches. Nothing documents that it survives
//! when another AWS service calls on (forward access sessions), and the credentials of a role that the code
//! assumes do not have it.
//!
//! So only proven calls of the code get the condition: actions that primary events show, that were not made
//! through another service, and that the configuration does not make the Lambda service call. Everything else
//! stays unconditional: the result allows each function what its own narrowed policy allows, and never more
//! than the role allowed before.

use std::collections::{BTreeMap, BTreeSet};

use whittle_analysis::result::{FunctionResult, RoleResult, Verdict, VerdictRow};
use whittle_analysis::suggest::MANAGED_POLICY_CHARACTERS;
use whittle_policy::{ActionClause, ActionPattern, Effect, OneOrMany, PolicyDocument, Statement};

use super::{AnnotatedPolicy, PolicySet, RenderError};
use crate::text::short_name;
use crate::words;

const KEY: &str = "lambda:SourceFunctionArn";

/// The policies for a shared role. Every function of the role must have a narrowed policy of its own.
pub fn policies(role: &RoleResult, functions: &[FunctionResult]) -> Result<PolicySet, RenderError> {
    let name = short_name(&role.role_arn).to_owned();
    let mut parts: Vec<(Statement, Vec<String>)> = Vec::new();
    let mut conditioned = 0_usize;
    for arn in &role.functions {
        let result = functions.iter().find(|result| result.function_arn == *arn);
        let Some((result, set)) = result.and_then(|result| Some((result, PolicySet::of_function(result)?))) else {
            let reason = result.and_then(|result| result.no_suggestion.as_ref());
            let why = reason.map_or("it has no result".into(), words::no_suggestion);
            return Err(RenderError::new(
                format!("{} runs under role {name} too, and has no narrowed policy: {why}", short_name(arn)),
                "a policy for the role must keep everything for it; give that function a role of its own first",
            ));
        };
        let code = CodeActions::of(result);
        for policy in set.policies {
            let comments = policy.comments.into_iter().chain(std::iter::repeat(Vec::new()));
            for (statement, comment) in policy.document.statements.iter().zip(comments) {
                conditioned += code.split(statement, &comment, arn, &mut parts);
            }
        }
    }
    Ok(PolicySet {
        heading: heading(role, &name, conditioned),
        policies: pack(&name, dedup(parts))?,
        function_arn: None,
        logical_id: None,
        role_arn: role.role_arn.clone(),
        settings: role.settings.clone(),
        name,
    })
}

fn heading(role: &RoleResult, name: &str, conditioned: usize) -> Vec<String> {
    let functions: Vec<&str> = role.functions.iter().map(|arn| short_name(arn)).collect();
    vec![
        format!("Policy of the shared role {name}, for {}.", functions.join(", ")),
        "It takes the place of all identity-based policies of the role: remove those in the same change.".to_owned(),
        format!("Statements that hold for one function only, by {KEY}: {conditioned}. Limits of that key:"),
        "it is in the calls of the function's code, and in what Lambda does itself for logs, X-Ray and EFS;".to_owned(),
        "it is not in event source polling, network interfaces, decryption of the environment: those stay for all;"
            .to_owned(),
        "nor is it in calls of a role that the code assumes. People who assume this role lose these statements."
            .to_owned(),
        "A role for each function separates more: --split.".to_owned(),
    ]
}

/// Actions of a function that are proven calls of its code.
struct CodeActions<'a>(BTreeSet<&'a str>);

impl<'a> CodeActions<'a> {
    fn of(result: &'a FunctionResult) -> Self {
        let kept = |row: &&VerdictRow| row.verdict != Verdict::Unused;
        // Code that assumes a role may assume its own again; those credentials do not have the key.
        if result.verdicts.iter().filter(kept).any(|row| row.action.starts_with("sts:AssumeRole")) {
            return Self(BTreeSet::new());
        }
        let proved = |row: &&VerdictRow| {
            let code = row.seen.as_ref().is_some_and(|seen| {
                seen.basis == "primary" && seen.via.is_empty() && !seen.platform_only && !seen.required
            });
            row.verdict == Verdict::Used && code
        };
        Self(result.verdicts.iter().filter(proved).map(|row| row.action.as_str()).collect())
    }

    /// Adds the statement to `out`, with its proven actions apart, under the condition. Returns how many
    /// statements got it.
    fn split(
        &self,
        statement: &Statement,
        comment: &[String],
        function_arn: &str,
        out: &mut Vec<(Statement, Vec<String>)>,
    ) -> usize {
        let has_key = statement.condition.iter().any(|(_, key, _)| key.eq_ignore_ascii_case(KEY));
        let patterns = match &statement.action {
            ActionClause::Action(patterns) if statement.effect == Effect::Allow && !has_key => patterns.as_slice(),
            _ => {
                out.push((statement.clone(), comment.to_vec()));
                return 0;
            }
        };
        let (own, shared): (Vec<ActionPattern>, Vec<ActionPattern>) =
            patterns.iter().cloned().partition(|pattern| self.0.contains(pattern.as_str()));
        let with = |patterns: Vec<ActionPattern>| Statement {
            action: ActionClause::Action(OneOrMany::from(patterns)),
            ..statement.clone()
        };
        let has_own = !own.is_empty();
        if has_own {
            let mut only = with(own);
            only.condition = only.condition.with("ArnEquals", KEY, &[function_arn.to_owned()]);
            let mut comment = comment.to_vec();
            comment.insert(0, format!("Only for {}.", short_name(function_arn)));
            out.push((only, comment));
        }
        if !shared.is_empty() {
            out.push((with(shared), comment.to_vec()));
        }
        usize::from(has_own)
    }
}

/// Drops repeated statements and makes Sids unique.
fn dedup(parts: Vec<(Statement, Vec<String>)>) -> Vec<(Statement, Vec<String>)> {
    let mut out: Vec<(Statement, Vec<String>)> = Vec::new();
    let mut known: BTreeSet<String> = BTreeSet::new();
    let mut sids: BTreeMap<String, u32> = BTreeMap::new();
    for (mut statement, comment) in parts {
        let base = statement.sid.take().unwrap_or_default();
        if !known.insert(PolicyDocument::new(vec![statement.clone()]).to_json_compact()) {
            continue;
        }
        let number = sids.entry(base.clone()).and_modify(|number| *number += 1).or_insert(1);
        let sid = if *number == 1 { base } else { format!("{base}n{number}") };
        statement.sid = Some(sid).filter(|sid| !sid.is_empty());
        out.push((statement, comment));
    }
    out
}

/// As few policies as the order allows, none above the size of a managed policy.
fn pack(name: &str, parts: Vec<(Statement, Vec<String>)>) -> Result<Vec<AnnotatedPolicy>, RenderError> {
    let mut groups: Vec<Vec<(Statement, Vec<String>)>> = Vec::new();
    for part in parts {
        let fits = |group: &[(Statement, Vec<String>)]| {
            let statements = group.iter().map(|(statement, _)| statement).chain([&part.0]).cloned().collect();
            PolicyDocument::new(statements).size() <= MANAGED_POLICY_CHARACTERS
        };
        match groups.last_mut() {
            Some(group) if fits(group) => group.push(part),
            _ if fits(&[]) => groups.push(vec![part]),
            _ => {
                return Err(RenderError::new(
                    "a statement with its condition is longer than a managed policy may be",
                    "use --split: each function then has a role of its own",
                ));
            }
        }
    }
    let many = groups.len() > 1;
    Ok(groups
        .into_iter()
        .zip(1..)
        .map(|(group, number)| {
            let (statements, comments) = group.into_iter().unzip();
            let name = if many { format!("whittle-{name}-{number}") } else { format!("whittle-{name}") };
            AnnotatedPolicy { name, document: PolicyDocument::new(statements), comments }
        })
        .collect())
}
