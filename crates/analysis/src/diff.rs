//! Changes between two results of one account.
//!
//! In: two [`Report`]s. Out: [`Difference`]: findings, verdicts and suggestions that are not what they were,
//! in the order of the reports. Only what is said changes counts; that a sighting is younger does not.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::reason::{Reason, VerdictReason};
use crate::result::{Finding, FunctionResult, Report, ReportWindow, SCHEMA_VERSION, Severity, Verdict, VerdictRow};

/// Everything that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// Account id.
    pub account: String,
    /// Evidence of the earlier result.
    pub before: ReportWindow,
    /// Evidence of the later one.
    pub after: ReportWindow,
    /// Findings, worst first.
    pub findings: Vec<FindingChange>,
    /// Functions, by ARN, then role.
    pub functions: Vec<FunctionChange>,
}

impl Difference {
    /// True if nothing changed.
    pub fn is_empty(&self) -> bool {
        self.findings.is_empty() && self.functions.is_empty()
    }
}

/// One finding that changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FindingChange {
    /// `new`, `resolved`, `worse` or `better`.
    pub change: &'static str,
    /// Its severity before, if it was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<Severity>,
    /// The finding as it is, or as it was last.
    #[serde(flatten)]
    pub finding: Finding,
}

/// One function under one role that changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FunctionChange {
    /// Function ARN.
    pub function_arn: String,
    /// Role ARN.
    pub role_arn: String,
    /// `new`, `gone` or `changed`.
    pub change: &'static str,
    /// Actions whose verdict differs, by name.
    pub verdicts: Vec<VerdictChange>,
    /// The narrowed policy differs.
    pub policy_changed: bool,
    /// Actions that the suggestion removes: before and after.
    pub removed_actions: [Option<usize>; 2],
    /// Confidence: before and after.
    pub confidence: [Option<f64>; 2],
}

/// One action whose verdict changed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct VerdictChange {
    /// The action.
    pub action: String,
    /// `None`: it was not granted.
    pub before: Option<Verdict>,
    /// `None`: it is granted no more.
    pub after: Option<Verdict>,
    /// Reason of the verdict now, or of the last one.
    pub reason: Reason<VerdictReason>,
}

/// Compares two results.
pub fn diff(before: &Report, after: &Report) -> Difference {
    Difference {
        schema_version: SCHEMA_VERSION,
        account: after.account.clone(),
        before: before.window.clone(),
        after: after.window.clone(),
        findings: findings(before, after),
        functions: functions(before, after),
    }
}

fn findings(before: &Report, after: &Report) -> Vec<FindingChange> {
    let by_print = |report: &'_ Report| -> BTreeMap<String, Severity> {
        report.findings.iter().map(|finding| (finding.fingerprint.clone(), finding.severity)).collect()
    };
    let (old, new) = (by_print(before), by_print(after));
    let mut out: Vec<FindingChange> = Vec::new();
    for finding in &after.findings {
        let was = old.get(&finding.fingerprint).copied();
        let change = match was {
            None => "new",
            Some(was) if was < finding.severity => "worse",
            Some(was) if was > finding.severity => "better",
            Some(_) => continue,
        };
        out.push(FindingChange { change, was, finding: finding.clone() });
    }
    for finding in before.findings.iter().filter(|finding| !new.contains_key(&finding.fingerprint)) {
        out.push(FindingChange { change: "resolved", was: Some(finding.severity), finding: finding.clone() });
    }
    out.sort_by_key(|change| std::cmp::Reverse(change.finding.severity));
    out
}

fn functions(before: &Report, after: &Report) -> Vec<FunctionChange> {
    let keyed = |report: &'_ Report| -> BTreeMap<(String, String), FunctionResult> {
        let key = |result: &FunctionResult| (result.function_arn.clone(), result.role_arn.clone());
        report.functions.iter().map(|result| (key(result), result.clone())).collect()
    };
    let (old, new) = (keyed(before), keyed(after));
    let keys: BTreeSet<&(String, String)> = old.keys().chain(new.keys()).collect();
    keys.into_iter().filter_map(|key| function(key, old.get(key), new.get(key))).collect()
}

fn function(
    (function_arn, role_arn): &(String, String),
    before: Option<&FunctionResult>,
    after: Option<&FunctionResult>,
) -> Option<FunctionChange> {
    let suggestion = |result: Option<&FunctionResult>| result.and_then(|result| result.suggestion.clone());
    let (old, new) = (suggestion(before), suggestion(after));
    let policies = |suggestion: &Option<crate::result::Suggestion>| suggestion.as_ref().map(|own| own.policies.clone());
    let policy_changed = policies(&old) != policies(&new);
    let verdicts = match (before, after) {
        (Some(before), Some(after)) => verdicts(&before.verdicts, &after.verdicts),
        _ => Vec::new(),
    };
    let change = match (before, after) {
        (None, _) => "new",
        (_, None) => "gone",
        _ if verdicts.is_empty() && !policy_changed => return None,
        _ => "changed",
    };
    Some(FunctionChange {
        function_arn: function_arn.clone(),
        role_arn: role_arn.clone(),
        change,
        verdicts,
        policy_changed,
        removed_actions: [&old, &new].map(|own| own.as_ref().map(|own| own.removed_actions)),
        confidence: [&old, &new].map(|own| own.as_ref().map(|own| own.confidence)),
    })
}

fn verdicts(before: &[VerdictRow], after: &[VerdictRow]) -> Vec<VerdictChange> {
    let keyed = |rows: &'_ [VerdictRow]| -> BTreeMap<String, VerdictRow> {
        rows.iter().map(|row| (row.action.clone(), row.clone())).collect()
    };
    let (old, new) = (keyed(before), keyed(after));
    let actions: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    actions
        .into_iter()
        .filter_map(|action| {
            let (before, after) = (old.get(action), new.get(action));
            let verdict = |row: Option<&VerdictRow>| row.map(|row| row.verdict);
            if verdict(before) == verdict(after) {
                return None;
            }
            let reason = after.or(before)?.reason.clone();
            Some(VerdictChange { action: action.clone(), before: verdict(before), after: verdict(after), reason })
        })
        .collect()
}
