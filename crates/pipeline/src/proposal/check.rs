//! The gate on a template: what it would grant, against the evidence about what runs today.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use whittle_analysis::findings::{self, ProposedFacts, check_proposal};
use whittle_analysis::inventory::{Function, Inventory, Role};
use whittle_analysis::issue::{Issue, merge_issues};
use whittle_analysis::proposal::{Novelty, statements_of};
use whittle_analysis::result::{Finding, FunctionResult, Report};
use whittle_template::proposal::Region;
use whittle_template::reason::{InconclusiveProposal, Unreadable};

use super::{MatchedProposal, ProposalError, RoleGroup, groups};
use crate::ingest::Evidence;
use crate::run::{AnalysisInput, RunSettings, analyze};

/// Evidence about an account, for the check of a template.
pub struct ProposalEvidence<'a> {
    /// Everything read.
    pub evidence: &'a Evidence,
    /// Settings of the run.
    pub settings: &'a RunSettings,
    /// Problems met while the evidence was read.
    pub issues: Vec<Issue>,
    /// Now.
    pub now: Timestamp,
}

/// The answer of [`check`].
pub struct CheckedProposal {
    /// Findings on what the template would grant.
    pub report: Report,
    /// Places of each finding in the file, by fingerprint.
    pub places: BTreeMap<String, Vec<FilePlace>>,
    /// Parts of the template that were not checked, or not wholly.
    pub notes: Vec<Issue>,
    /// Reason why the absence of findings proves nothing.
    pub inconclusive: Option<InconclusiveProposal>,
}

/// A place in the template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilePlace {
    /// A piece of the file.
    Piece(Region),
    /// The beginning of a resource, for a finding about the resource as such.
    Beginning(Region),
}

/// Checks a template against the evidence.
pub fn check(proposal: &MatchedProposal, evidence: ProposalEvidence<'_>) -> Result<CheckedProposal, ProposalError> {
    let (groups, more_notes) = groups(proposal, &evidence.evidence.ledger, evidence.now)?;
    let mut check = ProposalCheck { proposal, evidence, placed: Vec::new(), active: 0 };
    let mut report = check.empty();
    for group in &groups {
        check.group(group, &mut report);
    }
    report.issues.extend(proposal.account.inventory.issues.iter().cloned());
    report.issues = merge_issues(report.issues);
    let mut places = BTreeMap::new();
    for (finding, found) in check.placed {
        // Functions of two roles that come to share one may have the same to say of it.
        if places.insert(finding.fingerprint.clone(), found).is_none() {
            report.findings.push(finding);
        }
    }
    findings::sort(&mut report.findings);
    let mut notes = proposal.notes();
    notes.extend(more_notes);
    let inconclusive = inconclusive(proposal, &groups, check.active);
    Ok(CheckedProposal { report, places, notes, inconclusive })
}

fn inconclusive(proposal: &MatchedProposal, groups: &[RoleGroup<'_>], active: usize) -> Option<InconclusiveProposal> {
    for unread in &proposal.content.unread {
        if let Unreadable::Macro(name) = &unread.reason {
            return Some(InconclusiveProposal::Macro(name.clone()));
        }
    }
    if groups.is_empty() {
        return Some(InconclusiveProposal::NoRole);
    }
    if proposal.matches.values().all(Result::is_err) {
        return Some(InconclusiveProposal::NothingDeployed);
    }
    (active == 0).then_some(InconclusiveProposal::NothingActive)
}

struct ProposalCheck<'a> {
    proposal: &'a MatchedProposal,
    evidence: ProposalEvidence<'a>,
    placed: Vec<(Finding, Vec<FilePlace>)>,
    /// Functions of the template that were seen.
    active: usize,
}

impl ProposalCheck<'_> {
    /// A report without functions: window and coverage.
    fn empty(&self) -> Report {
        self.analyze(Vec::new(), None)
    }

    /// The analysis of these functions under this role.
    fn analyze(&self, functions: Vec<Function>, role: Option<Role>) -> Report {
        let account = &self.proposal.account;
        let mut inventory = Inventory::new(account.inventory.account.clone(), account.inventory.partition.clone());
        inventory.functions = functions.into_iter().map(|function| (function.arn.clone(), function)).collect();
        inventory.roles = role.into_iter().map(|role| (role.arn.clone(), role)).collect();
        let facts = self.evidence.evidence.ledger.account();
        let history = |days| self.evidence.settings.declared_history(days, facts, account.inventory.account.as_ref());
        analyze(AnalysisInput {
            inventory: &inventory,
            trails: account.trails.clone(),
            evidence: self.evidence.evidence,
            history: &history,
            settings: self.evidence.settings,
            doubts: Vec::new(),
            issues: self.evidence.issues.clone(),
            is_partial: true,
        })
    }

    fn group(&mut self, group: &RoleGroup<'_>, out: &mut Report) {
        let all = group.functions.iter().map(|(_, function)| function).chain(&group.others);
        let report = self.analyze(all.cloned().collect(), Some(group.role.clone()));
        out.issues.extend(report.issues);
        let others: BTreeSet<&str> = group.others.iter().map(|function| function.arn.as_ref()).collect();
        let results: Vec<&FunctionResult> = report.functions.iter().collect();
        self.active += results
            .iter()
            .filter(|result| result.active_days > 0 && !others.contains(result.function_arn.as_str()))
            .count();
        for finding in &report.findings {
            let function = finding.function_arn.as_deref();
            let is_new = function.is_some_and(|arn| group.new.contains(arn));
            // Of a role that several come to share, each part knows its own functions only.
            let of_part = group.mixed && function.is_none() && finding.code != "administrator-access";
            // A blind spot concerns the owner of the account, not the author of a template.
            let skip = finding.code == "blind-spot"
                || function.is_some_and(|arn| others.contains(arn))
                // Of a role that is not known nothing could have been seen.
                || (finding.code == "unused-function" && (is_new || group.current.is_none()))
                || of_part;
            if !skip {
                let statements = statements_of(&group.role, finding, &results);
                let places = Self::places(group, finding, &statements);
                self.placed.push((self.with_remedy(group, finding), places));
            }
        }
        let functions: Vec<&Function> = group.functions.iter().map(|(_, function)| function).collect();
        let found = check_proposal(&ProposedFacts {
            role: &group.role,
            is_new: group.current.is_none(),
            functions: &functions,
            statements: &group.statements,
            novelties: &group.novelties,
            now: self.evidence.now,
        });
        for (finding, statements) in found {
            let places = Self::places(group, &finding, &statements);
            self.placed.push((finding, places));
        }
    }

    /// A finding with the next command for a template.
    fn with_remedy(&self, group: &RoleGroup<'_>, finding: &Finding) -> Finding {
        let own = |arn: &str| group.functions.iter().find(|(_, function)| function.arn.as_ref() == arn);
        let id = finding.function_arn.as_deref().and_then(own).map(|(id, _)| id.as_str());
        let is_new = finding.function_arn.as_deref().is_some_and(|arn| group.new.contains(arn));
        // `apply` takes away what was analysed; it refuses a file that allows more than the account does.
        let as_deployed = group.novelties.iter().all(Novelty::is_empty);
        let remedy = match id {
            _ if !findings::asks_for_narrowed_policy(&finding.code) => finding.remedy.clone(),
            _ if is_new => "name the actions and resources that the code needs".to_owned(),
            Some(id) if as_deployed => format!("whittle apply {} {id} --diff", self.proposal.file),
            None if as_deployed => format!("whittle apply {} --diff", self.proposal.file),
            _ => format!("{} --format sam", finding.remedy),
        };
        Finding { remedy, ..finding.clone() }
    }

    /// The statements; for a finding about a function or role as such, its first line.
    #[expect(clippy::expect_used, reason = "`groups` makes one policy of each statement, so each index is one of both")]
    fn places(group: &RoleGroup<'_>, finding: &Finding, statements: &[usize]) -> Vec<FilePlace> {
        let of_index = |index: &usize| group.proposed.statements.get(*index).expect("a statement of the role").region;
        let regions = statements.iter().map(of_index);
        let mut found: Vec<FilePlace> = Vec::new();
        for region in regions {
            if !found.contains(&FilePlace::Piece(region)) {
                found.push(FilePlace::Piece(region));
            }
        }
        if found.is_empty() {
            let id = finding.function_arn.as_ref().and_then(|arn| {
                group.functions.iter().find(|(_, function)| function.arn.as_ref() == arn).map(|(id, _)| id)
            });
            let function = id.and_then(|id| group.proposed.functions.iter().find(|function| function.id == *id));
            let region = function.map_or(group.proposed.region, |function| function.region);
            found.push(FilePlace::Beginning(region));
        }
        found
    }
}
