//! The gate of a CI run: which findings count, after waivers and a baseline, and what the answer is.
//!
//! In: findings, waivers, an earlier result, a date. Out: [`Gate`]. A waiver that has expired or matches
//! nothing is a finding itself, so that a waivers file never holds what nobody needs.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::findings::{EXPIRED_WAIVER, STALE_WAIVER, WaiverRule, waiver_finding};
use crate::issue::Issue;
use crate::reason::Reason;
use crate::result::{CoverageRow, Finding, Report, ReportWindow, RowObservability, Severity};

/// Accepts a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// Of the finding.
    pub fingerprint: String,
    /// The person or team that answers for it.
    pub owner: String,
    /// Reason to accept it.
    pub reason: String,
    /// Last day on which it holds.
    pub until: Date,
    /// Line in its file, from 1.
    pub line: u32,
}

/// Findings of an earlier result: fingerprint → severity.
pub type Baseline = BTreeMap<String, Severity>;

/// Standing of a finding in the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Not in the baseline, or worse than there.
    New,
    /// In the baseline.
    Known,
    /// Accepted.
    Waived(Waiver),
}

/// A finding and how it counts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedFinding {
    /// The finding.
    pub finding: Finding,
    /// Its standing.
    pub standing: Standing,
    /// For a finding about a waiver: its line in the waivers file.
    pub waiver_line: Option<u32>,
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateOutcome {
    /// Nothing that counts is at or above the level, and the evidence is enough to say so.
    Clean,
    /// Something is.
    Findings,
    /// Nothing is, but too little is known.
    Inconclusive,
}

impl GateOutcome {
    /// The word used in every output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Findings => "findings",
            Self::Inconclusive => "inconclusive",
        }
    }
}

/// Reason why a gate has no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inconclusive {
    /// There is no evidence at all.
    NoEvidence,
    /// The window is too short.
    TooFewDays {
        /// Days of the window.
        days: u32,
        /// Days that are asked for.
        least: u32,
    },
    /// No trail is known to show management events.
    ManagementEventsUnseen,
}

/// Findings that count and those that do not.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// Account id.
    pub account: String,
    /// The observation window.
    pub window: ReportWindow,
    /// The level.
    pub fail_on: Severity,
    /// All findings, worst first.
    pub findings: Vec<JudgedFinding>,
    /// Gaps in what was read or seen.
    pub issues: Vec<Issue>,
    /// Parts that were not judged, or not wholly; a reader of the answer must know.
    pub notes: Vec<Issue>,
    /// Reason why nothing found proves nothing.
    pub inconclusive: Option<Reason<Inconclusive>>,
    /// Compared with an earlier result.
    pub has_baseline: bool,
}

/// Settings of a gate.
#[derive(Debug, Clone)]
pub struct GateQuestion<'a> {
    /// The level.
    pub fail_on: Severity,
    /// Accepted findings.
    pub waivers: &'a [Waiver],
    /// Their file, for people.
    pub waivers_file: &'a str,
    /// An earlier result.
    pub baseline: Option<&'a Baseline>,
    /// Days of evidence below which the gate is inconclusive.
    pub min_window_days: u32,
    /// Today.
    pub today: Date,
    /// The findings are all that there are: a waiver that matches none of them is not needed. Else it may be
    /// for others.
    pub is_whole: bool,
}

impl Gate {
    /// Judges the findings of a report.
    pub fn new(report: Report, question: &GateQuestion<'_>) -> Self {
        let inconclusive = too_little(&report.window, &report.coverage, question.min_window_days).map(Reason::Known);
        let mut waivers: BTreeMap<&str, &Waiver> = BTreeMap::new();
        for waiver in question.waivers {
            // Of two for one finding the later end counts; the other one is not needed.
            let known = waivers.entry(&waiver.fingerprint).or_insert(waiver);
            if waiver.until > known.until {
                *known = waiver;
            }
        }
        let standing = |finding: &Finding| match waivers.get(finding.fingerprint.as_str()) {
            Some(waiver) if waiver.until >= question.today => Standing::Waived((*waiver).clone()),
            _ => match question.baseline.and_then(|baseline| baseline.get(&finding.fingerprint)) {
                Some(before) if finding.severity <= *before => Standing::Known,
                _ => Standing::New,
            },
        };
        let mut findings: Vec<JudgedFinding> = report
            .findings
            .iter()
            .map(|finding| JudgedFinding { finding: finding.clone(), standing: standing(finding), waiver_line: None })
            .collect();
        for waiver in question.waivers {
            let matched = report.findings.iter().any(|finding| finding.fingerprint == waiver.fingerprint);
            let in_force = waivers.get(waiver.fingerprint.as_str()).is_some_and(|used| *used == waiver);
            let Some(rule) = complaint(matched && in_force, waiver.until < question.today) else { continue };
            if !question.is_whole && rule.code == STALE_WAIVER.code {
                continue;
            }
            let finding = waiver_finding(rule, waiver, question.waivers_file);
            let standing = standing(&finding);
            findings.push(JudgedFinding { finding, standing, waiver_line: Some(waiver.line) });
        }
        // The order of the report, with the complaints about waivers behind those of their severity.
        findings.sort_by_key(|judged| std::cmp::Reverse(judged.finding.severity));
        Self {
            account: report.account,
            window: report.window,
            fail_on: question.fail_on,
            findings,
            issues: report.issues,
            notes: Vec::new(),
            inconclusive,
            has_baseline: question.baseline.is_some(),
        }
    }

    /// Findings that count, worst first.
    pub fn new_findings(&self) -> impl Iterator<Item = &JudgedFinding> {
        self.findings.iter().filter(|judged| judged.standing == Standing::New)
    }

    /// Number of findings that count and are at or above the level.
    pub fn failing(&self) -> usize {
        self.new_findings().filter(|judged| judged.finding.severity >= self.fail_on).count()
    }

    /// Number of findings in the baseline, and of waived ones.
    pub fn passed_over(&self) -> (usize, usize) {
        let count = |test: fn(&Standing) -> bool| self.findings.iter().filter(|judged| test(&judged.standing)).count();
        (count(|standing| *standing == Standing::Known), count(|standing| matches!(standing, Standing::Waived(_))))
    }

    /// The answer.
    pub fn outcome(&self) -> GateOutcome {
        match (self.failing(), &self.inconclusive) {
            (1.., _) => GateOutcome::Findings,
            (0, Some(_)) => GateOutcome::Inconclusive,
            (0, None) => GateOutcome::Clean,
        }
    }
}

fn complaint(needed: bool, expired: bool) -> Option<&'static WaiverRule> {
    match (needed, expired) {
        (true, false) => None,
        (true, true) => Some(&EXPIRED_WAIVER),
        (false, _) => Some(&STALE_WAIVER),
    }
}

/// Reason why the evidence is too small for an answer.
fn too_little(window: &ReportWindow, coverage: &[CoverageRow], min_window_days: u32) -> Option<Inconclusive> {
    if window.days == 0 {
        return Some(Inconclusive::NoEvidence);
    }
    if window.days < min_window_days {
        return Some(Inconclusive::TooFewDays { days: window.days, least: min_window_days });
    }
    let seen = coverage.iter().any(|row| row.events == "management" && row.observability != RowObservability::NotSeen);
    (!seen).then_some(Inconclusive::ManagementEventsUnseen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::CoverageReason;

    const TODAY: &str = "2026-11-22";

    fn finding(fingerprint: &str, severity: Severity) -> Finding {
        Finding {
            code: "unused-actions".to_owned(),
            severity,
            likelihood: 3,
            impact: 4,
            function_arn: None,
            role_arn: "arn:aws:iam::111122223333:role/r".to_owned(),
            title: "t".to_owned(),
            detail: Reason::Text(String::new()),
            remedy: String::new(),
            fingerprint: fingerprint.to_owned(),
        }
    }

    fn waiver(fingerprint: &str, until: &str) -> Waiver {
        Waiver {
            fingerprint: fingerprint.to_owned(),
            owner: "o".to_owned(),
            reason: "r".to_owned(),
            until: until.parse().unwrap(),
            line: 3,
        }
    }

    fn report(findings: Vec<Finding>, days: u32) -> Report {
        let row = |observability| CoverageRow {
            source: "trail".to_owned(),
            events: "management".to_owned(),
            observability,
            reason: CoverageReason::Covered.into(),
        };
        Report {
            schema_version: 1,
            account: "111122223333".to_owned(),
            window: ReportWindow { start: String::new(), end: String::new(), days },
            coverage: vec![row(RowObservability::Seen)],
            issues: Vec::new(),
            roles: Vec::new(),
            functions: Vec::new(),
            findings,
        }
    }

    /// Codes (a finding's own is its fingerprint) with `+` new, `=` known, `-` waived; then the answer.
    #[track_caller]
    fn check(findings: &[(&str, Severity)], waivers: &[(&str, &str)], baseline: &[(&str, Severity)], expected: &str) {
        let waivers: Vec<Waiver> = waivers.iter().map(|(fingerprint, until)| waiver(fingerprint, until)).collect();
        let baseline: Baseline = baseline.iter().map(|(name, severity)| ((*name).to_owned(), *severity)).collect();
        let question = GateQuestion {
            fail_on: Severity::High,
            waivers: &waivers,
            waivers_file: "whittle.toml",
            baseline: (!baseline.is_empty()).then_some(&baseline),
            min_window_days: 30,
            today: TODAY.parse().unwrap(),
            is_whole: true,
        };
        let findings = findings.iter().map(|(name, severity)| finding(name, *severity)).collect();
        let gate = Gate::new(report(findings, 90), &question);
        let mut words: Vec<String> = gate
            .findings
            .iter()
            .map(|judged| {
                let sign = match judged.standing {
                    Standing::New => "+",
                    Standing::Known => "=",
                    Standing::Waived(_) => "-",
                };
                let own = judged.finding.code == "unused-actions";
                format!("{sign}{}", if own { &judged.finding.fingerprint } else { &judged.finding.code })
            })
            .collect();
        words.push(gate.outcome().as_str().to_owned());
        assert_eq!(words.join(" "), expected);
    }

    #[test]
    fn waivers_hold_until_their_day_and_are_needed() {
        use Severity::{High, Low};
        check(&[("a", High)], &[], &[], "+a findings");
        check(&[("a", Low)], &[], &[], "+a clean");
        check(&[("a", High)], &[("a", TODAY)], &[], "-a clean");
        check(&[("a", High)], &[("a", "2026-11-21")], &[], "+a +expired-waiver findings");
        check(&[("a", High)], &[("b", TODAY)], &[], "+a +stale-waiver findings");
        check(&[], &[("b", "2020-01-01")], &[], "+stale-waiver clean");
        // Two for one finding: the later one counts, the other is not needed.
        check(&[("a", High)], &[("a", "2020-01-01"), ("a", "2027-01-01")], &[], "-a +stale-waiver clean");
    }

    #[test]
    fn of_a_part_a_waiver_may_be_for_the_rest() {
        let waivers = [waiver("a", "2026-11-21"), waiver("b", TODAY), waiver("c", "2020-01-01")];
        let question = GateQuestion {
            fail_on: Severity::High,
            waivers: &waivers,
            waivers_file: "whittle.toml",
            baseline: None,
            min_window_days: 30,
            today: TODAY.parse().unwrap(),
            is_whole: false,
        };
        let gate = Gate::new(report(vec![finding("a", Severity::Low)], 90), &question);
        let codes: Vec<&str> = gate.findings.iter().map(|judged| judged.finding.code.as_str()).collect();
        assert_eq!(codes, ["unused-actions", "expired-waiver"]);
    }

    #[test]
    fn a_baseline_hides_what_is_not_worse() {
        use Severity::{Critical, High, Low};
        check(&[("a", High), ("b", High)], &[], &[("a", High)], "=a +b findings");
        check(&[("a", High)], &[], &[("a", High)], "=a clean");
        check(&[("a", Critical)], &[], &[("a", High)], "+a findings");
        check(&[("a", Low)], &[], &[("a", High)], "=a clean");
    }

    #[test]
    fn nothing_found_in_too_little_is_no_answer() {
        let question = GateQuestion {
            fail_on: Severity::High,
            waivers: &[],
            waivers_file: "",
            baseline: None,
            min_window_days: 30,
            today: TODAY.parse().unwrap(),
            is_whole: true,
        };
        for days in [0, 29] {
            assert_eq!(Gate::new(report(vec![], days), &question).outcome(), GateOutcome::Inconclusive);
            let bad = report(vec![finding("a", Severity::High)], days);
            assert_eq!(Gate::new(bad, &question).outcome(), GateOutcome::Findings);
        }
        assert_eq!(Gate::new(report(vec![], 30), &question).outcome(), GateOutcome::Clean);
        let mut blind = report(vec![], 90);
        blind.coverage.clear();
        assert_eq!(Gate::new(blind, &question).outcome(), GateOutcome::Inconclusive);
    }
}
