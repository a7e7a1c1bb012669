//! One role, one account: puts grants, needs, decision, suggestion, proof and findings together.

use std::collections::BTreeMap;

use crate::confidence::confidence;
use crate::decide::{Decision, UnseenUse, decide};
use crate::findings::{self, RoleFacts};
use crate::function_history::{FunctionHistory, FunctionSince};
use crate::grants::Grants;
use crate::input::AnalysisEvidence;
use crate::inventory::{Function, Inventory, Role};
use crate::issue::{Issue, IssueKind, merge_issues};
use crate::need::SubjectUsage;
use crate::needs::{self, NeedContext};
use crate::observability::{CoverageCache, ObservedFunctions, RoleObservability, coverage_rows};
use crate::proof;
use crate::reason::{NoSuggestion, Reason, UnseenReason, VerdictReason};
use crate::recently_granted::PolicyChanges;
use crate::required::{Requirement, RoleTrust, requirements};
use crate::result::{
    Finding, FunctionResult, Report, RoleResult, RoleSettings, SCHEMA_VERSION, StackMember, Suggestion, Verdict,
    VerdictCounts, VerdictRow,
};
use crate::suggest;
use crate::unseen_code::{runs_with_stacks, unlisted_functions, unseen_code};
use crate::usage::RoleUsage;

/// Result for one role with all its functions.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleAnalysis {
    /// The role.
    pub role: RoleResult,
    /// Its functions, by ARN.
    pub functions: Vec<FunctionResult>,
    /// Findings, unsorted.
    pub findings: Vec<Finding>,
    /// Suggestions without a proof, and other gaps.
    pub issues: Vec<Issue>,
}

/// Roles that are analyzed together: they share answers about coverage.
const ROLES_PER_BATCH: usize = 64;

/// One execution role and the functions that run under it.
pub type Assignment<'a> = (&'a Role, Vec<&'a Function>);

/// Analyzes every role that a function runs under, one batch after the other. See [`analyze_with`].
pub fn analyze(inventory: &Inventory, evidence: AnalysisEvidence<'_>) -> Report {
    analyze_with(inventory, evidence, |batches, work| batches.iter().map(work).collect())
}

/// Analyzes every role that a function runs under. `run` does the given work for every batch, in any order
/// and on any threads, and gives the results in the order of the batches. Roles are independent of each
/// other, so the report does not depend on how that is done.
pub fn analyze_with<R>(inventory: &Inventory, evidence: AnalysisEvidence<'_>, run: R) -> Report
where
    R: FnOnce(
        &[Vec<Assignment<'_>>],
        &(dyn Fn(&Vec<Assignment<'_>>) -> Vec<RoleAnalysis> + Sync),
    ) -> Vec<Vec<RoleAnalysis>>,
{
    let mut report = Report {
        schema_version: SCHEMA_VERSION,
        account: inventory.account.to_string(),
        window: evidence.window.to_result(),
        coverage: coverage_rows(evidence.coverage),
        issues: inventory.issues.clone(),
        roles: Vec::new(),
        functions: Vec::new(),
        findings: Vec::new(),
    };
    let mut known: Vec<Assignment<'_>> = Vec::new();
    for (role_arn, functions) in inventory.assignments() {
        match inventory.roles.get(role_arn) {
            Some(role) => known.push((role, functions)),
            None => report.functions.extend(functions.iter().map(|function| without_role(function, role_arn.as_ref()))),
        }
    }
    let batches: Vec<Vec<Assignment<'_>>> = known.chunks(ROLES_PER_BATCH).map(<[_]>::to_vec).collect();
    let changes = PolicyChanges::of(evidence.ledger);
    let history = FunctionHistory::of(evidence.ledger);
    let analyses = run(&batches, &|batch| {
        let cache = CoverageCache::new(evidence.coverage, &changes, &history);
        let one = |(role, functions): &Assignment<'_>| analyze_role(role, functions, inventory, evidence, &cache);
        batch.iter().map(one).collect()
    });
    for analysis in analyses.into_iter().flatten() {
        report.roles.push(analysis.role);
        report.functions.extend(analysis.functions);
        report.findings.extend(analysis.findings);
        report.issues.extend(analysis.issues);
    }
    place(inventory, &mut report);
    report.functions.sort_by(|a, b| (&a.function_arn, &a.role_arn).cmp(&(&b.function_arn, &b.role_arn)));
    findings::sort(&mut report.findings);
    report.issues = merge_issues(report.issues);
    report
}

/// Adds what outputs need to know of functions and roles and no verdict rests on.
fn place(inventory: &Inventory, report: &mut Report) {
    let stacks: BTreeMap<&str, &StackMember> =
        inventory.stacks.iter().map(|(arn, stack)| (arn.as_ref(), stack)).collect();
    for function in &mut report.functions {
        function.stack = stacks.get(function.function_arn.as_str()).map(|stack| (*stack).clone());
    }
    let settings: BTreeMap<&str, &RoleSettings> =
        inventory.role_settings.iter().map(|(arn, settings)| (arn.as_ref(), settings)).collect();
    for role in &mut report.roles {
        role.settings = settings.get(role.role_arn.as_str()).map(|settings| (*settings).clone());
    }
}

fn without_role(function: &Function, role_arn: &str) -> FunctionResult {
    FunctionResult {
        function_arn: function.arn.to_string(),
        role_arn: role_arn.to_owned(),
        qualifiers: Vec::new(),
        active_days: 0,
        counts: VerdictCounts::default(),
        verdicts: Vec::new(),
        suggestion: None,
        no_suggestion: Some(NoSuggestion::RoleNotFound.into()),
        stack: None,
    }
}

/// Analyzes one role and the functions that run under it.
///
/// `cache` holds answers about coverage; share one among the roles of an account.
pub fn analyze_role(
    role: &Role,
    functions: &[&Function],
    inventory: &Inventory,
    evidence: AnalysisEvidence<'_>,
    cache: &CoverageCache<'_>,
) -> RoleAnalysis {
    RoleRun { role, functions, inventory, evidence, grants: Grants::of(role), cache, issues: Vec::new() }.run()
}

struct RoleRun<'a> {
    role: &'a Role,
    functions: &'a [&'a Function],
    inventory: &'a Inventory,
    evidence: AnalysisEvidence<'a>,
    grants: Grants<'a>,
    cache: &'a CoverageCache<'a>,
    issues: Vec<Issue>,
}

/// Rows and suggestion of one subject.
struct SubjectOutcome {
    rows: Vec<VerdictRow>,
    counts: VerdictCounts,
    suggestion: Option<Suggestion>,
    no_suggestion: Option<Reason<NoSuggestion>>,
}

/// Name of the policies suggested for a function or role; several are numbered.
fn base_name(of: &str) -> String {
    format!("whittle-{of}")
}

/// Doubts about the functions of a role that are found once for all of them.
struct RoleDoubts<'r> {
    /// Since when each function is what it is, where that is not the whole window.
    since: &'r [Option<FunctionSince>],
    /// A function that nobody listed uses the role.
    unlisted: Option<UnseenReason>,
}

/// Result for a role; its verdict rows unless they are those of its only function.
struct OfRole {
    result: RoleResult,
    rows: Option<Vec<VerdictRow>>,
}

impl RoleRun<'_> {
    fn run(mut self) -> RoleAnalysis {
        let trust = match self.inventory.role_settings.get(&self.role.arn).map(|settings| &settings.trust) {
            None => RoleTrust::NotListed,
            Some(None) => RoleTrust::Unreadable,
            Some(Some(policy)) => RoleTrust::Policy(policy),
        };
        let needed = |function: &&Function| requirements(function, trust, &self.inventory.partition);
        let required: Vec<Vec<Requirement>> = self.functions.iter().map(needed).collect();
        let usage = RoleUsage::collect(self.evidence, self.role, self.functions, &required);
        let role_idle = self.is_idle(&usage.role);
        let unlisted = unlisted_functions(self.evidence, self.role, self.inventory);
        let unlisted_doubt =
            unlisted.first().map(|function| UnseenReason::FunctionNotInInventory { function: function.clone() });
        // Of each function: since when it is what it is.
        let since: Vec<Option<FunctionSince>> = self
            .functions
            .iter()
            .map(|function| self.cache.functions.since(self.evidence, function, self.role))
            .collect();
        let mut idle = Vec::new();
        let mut function_results = Vec::new();
        let subjects = self.functions.iter().copied().zip(&usage.functions).zip(&required).zip(&since);
        for (((function, own), required), since) in subjects {
            // Of several functions on a role the silent one is not known to have run.
            let is_idle = role_idle || (self.functions.len() > 1 && own.days.is_empty());
            let observed = ObservedFunctions {
                functions: vec![function],
                days: since.as_ref().map(|since| since.days),
                unseen: unseen_code(self.evidence, function, own)
                    .or_else(|| since.as_ref().and_then(|since| since.doubt.clone()))
                    .or_else(|| runs_with_stacks(function, self.inventory))
                    .or_else(|| unlisted_doubt.clone()),
                required: required.iter().map(|requirement| requirement.action).collect(),
            };
            let outcome = self.subject(own, required, &function.name, &observed, is_idle);
            idle.push(is_idle);
            function_results.push(FunctionResult {
                function_arn: function.arn.to_string(),
                role_arn: self.role.arn.to_string(),
                qualifiers: function.qualifiers_under(&self.role.arn),
                active_days: u32::try_from(own.days.len()).unwrap_or(u32::MAX),
                counts: outcome.counts,
                verdicts: outcome.rows,
                suggestion: outcome.suggestion,
                no_suggestion: outcome.no_suggestion,
                stack: None,
            });
        }
        let doubts = RoleDoubts { since: &since, unlisted: unlisted_doubt };
        let of_role = self.role_outcome(&usage, &required, &function_results, doubts, role_idle);
        let role_rows =
            of_role.rows.as_deref().or_else(|| function_results.first().map(|only| only.verdicts.as_slice()));
        let role_result = of_role.result;
        let findings = findings::check_role(&RoleFacts {
            role: self.role,
            grants: &self.grants,
            functions: self.functions,
            granted: &self.grants.actions().collect::<Vec<_>>(),
            role_rows: role_rows.unwrap_or_default(),
            function_results: &function_results,
            unlisted: &unlisted,
            idle: &idle,
            window_start: self.evidence.window.start(),
            now: self.evidence.window.end(),
            window_days: self.evidence.window.days(),
        });
        RoleAnalysis { role: role_result, functions: function_results, findings, issues: self.issues }
    }

    /// The result for the role as it is shared. Where one function is all that uses it, that function's
    /// result is the role's.
    fn role_outcome(
        &mut self,
        usage: &RoleUsage,
        required: &[Vec<Requirement>],
        functions: &[FunctionResult],
        doubts: RoleDoubts<'_>,
        idle: bool,
    ) -> OfRole {
        let arns = self.functions.iter().map(|function| function.arn.to_string()).collect();
        let role_arn = self.role.arn.to_string();
        if let ([own], [only]) = (usage.functions.as_slice(), functions)
            && own.actions == usage.role.actions
            && own.unmapped == usage.role.unmapped
            && own.others.is_empty()
        {
            let mut suggestion = only.suggestion.clone();
            let functions_name = self.functions.first().map(|function| base_name(&function.name)).unwrap_or_default();
            for policy in suggestion.iter_mut().flat_map(|suggestion| &mut suggestion.policies) {
                if let Some(number) = policy.name.strip_prefix(&functions_name) {
                    policy.name = format!("{}{number}", base_name(&self.role.name));
                }
            }
            let result = RoleResult {
                role_arn,
                functions: arns,
                counts: only.counts,
                suggestion,
                no_suggestion: only.no_suggestion.clone(),
                settings: None,
            };
            return OfRole { result, rows: None };
        }
        let all: Vec<Requirement> = required.iter().flatten().cloned().collect();
        let mut own = self.functions.iter().zip(&usage.functions);
        let mut since = doubts.since.iter().flatten();
        let observed = ObservedFunctions {
            functions: self.functions.to_vec(),
            days: since.clone().map(|since| since.days).min(),
            unseen: own
                .find_map(|(function, own)| {
                    unseen_code(self.evidence, function, own).or_else(|| runs_with_stacks(function, self.inventory))
                })
                .or_else(|| since.find_map(|since| since.doubt.clone()))
                .or(doubts.unlisted),
            required: all.iter().map(|requirement| requirement.action).collect(),
        };
        let outcome = self.subject(&usage.role, &all, &self.role.name, &observed, idle);
        let result = RoleResult {
            role_arn,
            functions: arns,
            counts: outcome.counts,
            suggestion: outcome.suggestion,
            no_suggestion: outcome.no_suggestion,
            settings: None,
        };
        OfRole { result, rows: Some(outcome.rows) }
    }

    /// No event of the role at all: whatever it does, nothing was learned about it. A function that runs
    /// makes log streams with its role, so this means that it did not run, or that this is not its trail.
    fn is_idle(&mut self, usage: &SubjectUsage) -> bool {
        let idle = usage.days.is_empty();
        let used_meanwhile =
            self.evidence.window.start().zip(self.role.last_used).is_some_and(|(start, last)| last >= start);
        if idle && used_meanwhile {
            self.issues.push(
                Issue::new(
                    IssueKind::NoEventOfUsedRole,
                    self.role.arn.to_string(),
                    "IAM says that the role was used in the window, and the trail shows no event of it",
                )
                .with_hint("is this the trail of this account, and does it cover the function's Region?"),
            );
        }
        idle
    }

    fn subject(
        &mut self,
        usage: &SubjectUsage,
        required: &[Requirement],
        name: &str,
        observed: &ObservedFunctions<'_>,
        idle: bool,
    ) -> SubjectOutcome {
        let deployed = observed.functions.iter().filter_map(|function| function.last_modified).max();
        let nothing = UnseenUse::new();
        let known =
            NeedContext { partition: &self.inventory.partition, window: *self.evidence.window, unseen: &nothing };
        let mut needs = needs::collect(usage, required, known);
        let observability = RoleObservability::new(self.evidence, self.role, &self.grants, observed, usage, self.cache);
        let contradicted = observability.contradicted_services();
        if !contradicted.is_empty() {
            let services: Vec<&str> = contradicted.keys().copied().collect();
            let mut issue = Issue::new(
                IssueKind::AccessWithoutEvent,
                self.role.arn.to_string(),
                format!(
                    "IAM saw accesses to {} that no event shows: nothing of it is called unused",
                    services.join(", ")
                ),
            )
            .with_hint("read the files of every Region and day; whittle trail coverage shows what is missing");
            issue.count = u64::try_from(services.len()).unwrap_or(u64::MAX);
            self.issues.push(issue);
        }
        let mut decision = decide(&self.grants, &needs, usage, &observability);
        // What may have been used unseen implies what it would imply if it had been seen. Needs change
        // nothing about what could have been seen, so one more round is all it takes.
        if !decision.unseen.is_empty() {
            needs = needs::collect(usage, required, NeedContext { unseen: &decision.unseen, ..known });
            decision = decide(&self.grants, &needs, usage, &observability);
        }
        if let Some(refusal) = self.refusal(idle) {
            if idle {
                mark_unobservable(&mut decision);
            }
            return without_suggestion(decision, refusal);
        }
        let draft = suggest::draft(self.role, &self.grants, &decision, &base_name(name));
        let proved = proof::prove(self.role, &self.grants, &draft.policies, &needs, usage, &observability);
        if let Some(failure) = proved.failures.into_iter().next() {
            self.issues.push(
                Issue::new(
                    IssueKind::UnprovedSuggestion,
                    self.role.arn.to_string(),
                    format!("the suggestion for {name} could not be proved, so none is given"),
                )
                .with_hint("please report this: whittle explain shows the verdicts that led to it"),
            );
            return without_suggestion(decision, NoSuggestion::Unproved { failure });
        }
        let counts = decision.counts();
        let suggestion = Suggestion {
            policies: draft.policies,
            removed_actions: counts.unused,
            kept_unproven: counts.unproven,
            confidence: confidence(self.evidence.window.days(), self.evidence.density, usage, deployed),
            proof: proved.proof,
            statements: draft.notes,
        };
        SubjectOutcome { rows: decision.rows, counts, suggestion: Some(suggestion), no_suggestion: None }
    }

    /// Reason why there is no suggestion for a subject, whatever its verdicts.
    fn refusal(&self, idle: bool) -> Option<NoSuggestion> {
        if !self.role.unreadable_policies.is_empty() {
            return Some(NoSuggestion::UnreadablePolicies { policies: self.role.unreadable_policies.clone() });
        }
        if self.role.policies.is_empty() {
            return Some(NoSuggestion::NoPolicies);
        }
        if self.evidence.window.days() == 0 {
            return Some(NoSuggestion::NoEvidence);
        }
        idle.then_some(NoSuggestion::NotUsed)
    }
}

fn without_suggestion(decision: Decision<'_>, reason: NoSuggestion) -> SubjectOutcome {
    let counts = decision.counts();
    SubjectOutcome { rows: decision.rows, counts, suggestion: None, no_suggestion: Some(reason.into()) }
}

/// Nothing is called unused because of a function that never ran.
fn mark_unobservable(decision: &mut Decision<'_>) {
    for row in decision.rows.iter_mut().filter(|row| row.verdict == Verdict::Unused) {
        row.verdict = Verdict::Unobservable;
        row.reason = VerdictReason::NotLearned.into();
    }
}
