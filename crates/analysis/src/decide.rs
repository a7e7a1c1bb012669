//! Verdict on each granted action, and the part of each grant that is kept.
//!
//! In: grant statements, needs, and an [`ObservabilityCheck`]: could a use have gone unseen? Out: a verdict
//! row per action and the [`KeptGrant`]s that the suggestion is built from.
//!
//! The rule, per granted action and resource pattern of each statement:
//! 1. recently granted, or needed on an unknown resource → the pattern is kept;
//! 2. a use of it could have gone unseen → kept (invariant 4 in ARCHITECTURE.md), whatever else was seen:
//!    calls on one bucket say nothing about a bucket whose data events are not logged;
//! 3. otherwise it is narrowed to the needed resources that lie in it, which may be none.

use std::collections::BTreeMap;

use whittle_catalog::{ActionId, catalog};
use whittle_policy::{ResourceClause, ResourcePattern};

use crate::grants::{GrantStatement, Grants};
use crate::need::{ExtraCondition, Need, NeedKind, Needs, SubjectUsage};
use crate::observability::ObservabilityCheck;
use crate::pass_role;
use crate::reason::{KeepReason, NeedReason, UnusedProof, VerdictReason};
use crate::result::{Seen, Verdict, VerdictCounts, VerdictRow};

/// A grant that stays: one action of one statement, on all or some of its resources.
#[derive(Debug, Clone)]
pub struct KeptGrant<'g> {
    /// The statement that grants it.
    pub grant: &'g GrantStatement<'g>,
    /// The action.
    pub action: ActionId,
    /// Resources kept.
    pub kept: KeptResources,
    /// Kept only under this condition, on top of the statement's own.
    pub only_if: Option<ExtraCondition>,
    /// The verdict that it serves.
    pub verdict: Verdict,
}

/// Resources kept of a statement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeptResources {
    /// The statement's resource element as it is.
    AsGranted,
    /// These patterns, each inside the statement's resource element; sorted.
    Narrowed(Vec<ResourcePattern>),
}

/// Verdicts and kept grants of one subject.
#[derive(Debug, Clone, Default)]
pub struct Decision<'g> {
    /// One row per granted action, then one per unknown pattern, each by name.
    pub rows: Vec<VerdictRow>,
    /// By statement, then action.
    pub kept: Vec<KeptGrant<'g>>,
    /// Parts of grants that are kept since a use could have gone unseen.
    pub unseen: UnseenUse,
}

/// What may have been used without an event: granted patterns by action.
pub type UnseenUse = BTreeMap<ActionId, Vec<ResourcePattern>>;

impl Decision<'_> {
    /// Counts of the rows.
    pub fn counts(&self) -> VerdictCounts {
        let mut counts = VerdictCounts { granted: self.rows.len(), ..VerdictCounts::default() };
        for row in &self.rows {
            match row.verdict {
                Verdict::Used => counts.used += 1,
                Verdict::Required => counts.required += 1,
                Verdict::Companion => counts.companion += 1,
                Verdict::Possible => counts.possible += 1,
                Verdict::Unused => counts.unused += 1,
                Verdict::Unobservable | Verdict::Unknown => counts.unproven += 1,
            }
        }
        counts
    }
}

/// Decides every granted action of one subject.
pub fn decide<'g>(
    grants: &'g Grants<'g>,
    needs: &Needs,
    usage: &SubjectUsage,
    observability: &dyn ObservabilityCheck,
) -> Decision<'g> {
    let mut decision = Decision::default();
    for action in grants.actions() {
        let (row, kept, unseen) =
            ActionDecision { grants, needs: needs.of(action), usage, observability, action }.run();
        decision.rows.push(row);
        decision.kept.extend(kept);
        if !unseen.is_empty() {
            decision.unseen.insert(action, unseen);
        }
    }
    for pattern in grants.unknown_patterns() {
        decision.rows.push(VerdictRow {
            action: pattern.as_str().to_owned(),
            verdict: Verdict::Unknown,
            resources: resources_of_unknown(grants, pattern.as_str()),
            last_seen: None,
            reason: VerdictReason::UnknownAction.into(),
            seen: None,
        });
    }
    decision.kept.sort_by_key(|kept| (kept.grant.position(), kept.action));
    decision
}

fn resources_of_unknown(grants: &Grants<'_>, pattern: &str) -> Vec<String> {
    let mut out: Vec<String> = grants
        .statements
        .iter()
        .filter(|grant| grant.unknown.iter().any(|unknown| unknown.as_str() == pattern))
        .flat_map(as_granted_text)
        .collect();
    out.sort();
    out.dedup();
    out
}

/// The patterns of a grant's resource element as text, `NotResource` marked.
fn as_granted_text(grant: &GrantStatement<'_>) -> Vec<String> {
    match &grant.statement.resource {
        None => Vec::new(),
        Some(ResourceClause::Resource(patterns)) => patterns.iter().map(|p| p.as_str().to_owned()).collect(),
        Some(ResourceClause::NotResource(patterns)) => {
            patterns.iter().map(|p| format!("everything but {}", p.as_str())).collect()
        }
    }
}

struct ActionDecision<'a, 'g> {
    grants: &'g Grants<'g>,
    needs: &'a [Need],
    usage: &'a SubjectUsage,
    observability: &'a dyn ObservabilityCheck,
    action: ActionId,
}

/// Decision on one resource pattern of one statement.
struct PatternOutcome {
    whole: bool,
    parts: Vec<ResourcePattern>,
    conditional: Vec<(ExtraCondition, ResourcePattern)>,
    needs: Vec<NeedKind>,
    kept_whole: Option<KeepReason>,
    /// A use could have gone unseen.
    unseen: bool,
}

impl PatternOutcome {
    /// Adds what `need` keeps of `pattern`.
    fn add(&mut self, need: &Need, pattern: &ResourcePattern, narrow: impl Fn(&ResourcePattern) -> Narrow) {
        match (need.resource.as_ref().map_or(Narrow::Whole, narrow), &need.only_if) {
            (Narrow::Nothing, _) => return,
            (Narrow::Whole, None) => self.whole = true,
            (Narrow::To(part), None) => self.parts.push(part),
            (Narrow::Whole, Some(condition)) => self.conditional.push((condition.clone(), pattern.clone())),
            (Narrow::To(part), Some(condition)) => self.conditional.push((condition.clone(), part)),
        }
        self.needs.push(need.kind);
    }
}

impl<'g> ActionDecision<'_, 'g> {
    /// The row, what is kept, and the patterns of which a use could have gone unseen.
    fn run(&self) -> (VerdictRow, Vec<KeptGrant<'g>>, Vec<ResourcePattern>) {
        let mut unseen = Vec::new();
        let mut kept = Vec::new();
        let mut needs: Vec<NeedKind> = Vec::new();
        let mut kept_whole: Option<KeepReason> = None;
        let everywhere = self.keeps_everything();
        for grant in self.grants.of_action(self.action) {
            let outcomes = self.statement_outcomes(grant, everywhere.as_ref());
            for outcome in &outcomes {
                needs.extend(&outcome.needs);
                if outcome.unseen {
                    unseen.extend(outcome.parts.iter().cloned());
                }
                if kept_whole.is_none() {
                    kept_whole.clone_from(&outcome.kept_whole);
                }
            }
            self.keep(grant, &outcomes, &mut kept);
        }
        let kept_whole = kept_whole.or(everywhere).or_else(|| self.possibly_checked());
        let (verdict, reason) = match needs.iter().min() {
            Some(NeedKind::Used) => (Verdict::Used, self.needed(NeedKind::Used, kept_whole)),
            Some(NeedKind::Required) => (Verdict::Required, self.needed(NeedKind::Required, kept_whole)),
            Some(NeedKind::Companion) => (Verdict::Companion, self.needed(NeedKind::Companion, kept_whole)),
            Some(NeedKind::Possible) => (Verdict::Possible, self.needed(NeedKind::Possible, kept_whole)),
            Some(NeedKind::BesideUnseen) if kept_whole.is_none() => {
                (Verdict::Unobservable, self.needed(NeedKind::BesideUnseen, None))
            }
            None if kept.is_empty() => (Verdict::Unused, self.unused()),
            Some(NeedKind::BesideUnseen) | None => (Verdict::Unobservable, unobservable(kept_whole)),
        };
        for kept in &mut kept {
            kept.verdict = verdict;
        }
        (self.row(verdict, &kept, reason), kept, unseen)
    }

    /// The reason to keep an action whole that was used, and that other calls may have checked too.
    fn possibly_checked(&self) -> Option<KeepReason> {
        self.needs.iter().find_map(|need| match &need.reason {
            NeedReason::PossiblyChecked { calls, .. } => Some(KeepReason::PossiblyChecked { calls: calls.clone() }),
            _ => None,
        })
    }

    /// A reason to keep every resource of every grant of this action, if there is one.
    fn keeps_everything(&self) -> Option<KeepReason> {
        let used = || self.needs.iter().filter(|need| need.kind == NeedKind::Used);
        used().next()?;
        if used().any(|need| need.resource.is_none()) {
            return Some(KeepReason::ResourceNotNamed);
        }
        if !catalog().info(self.action).supports_resources() {
            return Some(KeepReason::NoResource);
        }
        if !crate::narrowable::is_narrowable(self.action) {
            return Some(KeepReason::SeveralResources);
        }
        // A use that no grant explains: either a resource-based policy allowed it, or the event was read
        // wrongly. Nothing may be removed on the strength of a wrong reading.
        used().filter_map(|need| need.resource.as_ref()).find_map(|resource| {
            let explained = self
                .grants
                .of_action(self.action)
                .any(|grant| grant.statement.resource.as_ref().is_none_or(|clause| clause.intersects(resource)));
            (!explained).then(|| KeepReason::NotGranted { resource: resource.as_str().to_owned() })
        })
    }

    fn statement_outcomes(&self, grant: &GrantStatement<'_>, everywhere: Option<&KeepReason>) -> Vec<PatternOutcome> {
        match &grant.statement.resource {
            Some(ResourceClause::Resource(patterns)) => patterns
                .iter()
                .map(|pattern| self.pattern_outcome(grant, pattern, everywhere, |need| narrow(pattern, need)))
                .collect(),
            clause => {
                let any = ResourcePattern::new("*");
                let covers = |need: &ResourcePattern| clause.as_ref().is_none_or(|clause| clause.covers(need));
                let touches = |need: &ResourcePattern| clause.as_ref().is_none_or(|clause| clause.intersects(need));
                // Inside NotResource a need is kept only if it lies wholly outside the excluded patterns; one
                // that straddles the border cannot be written as one pattern, so the element is kept as it
                // is.
                vec![self.pattern_outcome(grant, &any, everywhere, |need| {
                    if covers(need) {
                        Narrow::To(need.clone())
                    } else if touches(need) {
                        Narrow::Whole
                    } else {
                        Narrow::Nothing
                    }
                })]
            }
        }
    }

    fn pattern_outcome(
        &self,
        grant: &GrantStatement<'_>,
        pattern: &ResourcePattern,
        everywhere: Option<&KeepReason>,
        narrow: impl Fn(&ResourcePattern) -> Narrow,
    ) -> PatternOutcome {
        let mut out = PatternOutcome {
            whole: everywhere.is_some(),
            parts: Vec::new(),
            conditional: Vec::new(),
            needs: Vec::new(),
            kept_whole: everywhere.cloned(),
            unseen: false,
        };
        let (beside, own): (Vec<&Need>, Vec<&Need>) =
            self.needs.iter().partition(|need| need.kind == NeedKind::BesideUnseen);
        for need in own {
            out.add(need, pattern, &narrow);
        }
        if everywhere.is_some() {
            out.needs.push(NeedKind::Used);
        }
        // A narrowing that gives back the whole pattern is none.
        out.whole |= out.parts.iter().any(|part| part.covers(pattern));
        if !out.whole {
            let unseen = self.observability.unseen(self.action, pattern).map(|because| KeepReason::Unseen { because });
            out.unseen = unseen.is_some();
            out.kept_whole = self.observability.recently_granted(grant, self.action).or(unseen);
            out.whole = out.kept_whole.is_some();
        }
        // What could not have been seen itself says so with its own reason.
        if !out.whole {
            for need in beside {
                out.add(need, pattern, &narrow);
            }
            out.whole |= out.parts.iter().any(|part| part.covers(pattern));
        }
        if out.whole {
            out.parts = vec![pattern.clone()];
            out.conditional.clear();
        }
        out
    }

    fn keep(&self, grant: &'g GrantStatement<'g>, outcomes: &[PatternOutcome], out: &mut Vec<KeptGrant<'g>>) {
        let keep =
            |kept, only_if| KeptGrant { grant, action: self.action, kept, only_if, verdict: Verdict::Unobservable };
        if !outcomes.is_empty() && outcomes.iter().all(|outcome| outcome.whole) {
            out.push(keep(KeptResources::AsGranted, None));
            return;
        }
        let parts: Vec<_> = outcomes.iter().flat_map(|outcome| outcome.parts.iter().cloned()).collect();
        if !parts.is_empty() {
            out.push(keep(KeptResources::Narrowed(without_covered(parts)), None));
        }
        let mut conditional: BTreeMap<&ExtraCondition, Vec<ResourcePattern>> = BTreeMap::new();
        for (condition, part) in outcomes.iter().flat_map(|outcome| &outcome.conditional) {
            conditional.entry(condition).or_default().push(part.clone());
        }
        let negated = grant.statement.resource.as_ref().is_some_and(ResourceClause::is_negated);
        for (condition, parts) in conditional {
            // "Everything but" cannot be written as a pattern: the element itself stays.
            let whole = negated && parts.iter().any(ResourcePattern::is_any);
            let kept = if whole { KeptResources::AsGranted } else { KeptResources::Narrowed(without_covered(parts)) };
            out.push(keep(kept, Some(condition.clone())));
        }
    }

    fn row(&self, verdict: Verdict, kept: &[KeptGrant<'_>], reason: VerdictReason) -> VerdictRow {
        let mut resources: Vec<String> = Vec::new();
        for kept in kept {
            match &kept.kept {
                KeptResources::Narrowed(patterns) => resources.extend(patterns.iter().map(|p| p.as_str().to_owned())),
                KeptResources::AsGranted => resources.extend(as_granted_text(kept.grant)),
            }
        }
        resources.sort();
        resources.dedup();
        let usage = self.usage.actions.get(&self.action).or_else(|| self.usage.possible.get(&self.action));
        VerdictRow {
            action: catalog().info(self.action).name().to_owned(),
            verdict,
            resources,
            last_seen: usage.map(|usage| usage.last_seen.to_string()),
            reason: reason.into(),
            seen: usage.map(|usage| {
                let required = self.needs.iter().any(|need| need.kind == NeedKind::Required);
                Box::new(Seen { required, ..usage.to_seen() })
            }),
        }
    }

    #[expect(clippy::expect_used, reason = "an outcome has the kinds of these needs alone")]
    fn needed(&self, kind: NeedKind, kept_whole: Option<KeepReason>) -> VerdictReason {
        let first = self.needs.iter().find(|need| need.kind == kind).expect("a need of the deciding kind");
        let by_alias = || self.needs.iter().find_map(|need| need.by_alias()).map(str::to_owned);
        VerdictReason::Needed {
            need: first.reason.clone(),
            by_alias: if kind == NeedKind::Used { by_alias() } else { None },
            kept_whole: kept_whole.filter(|_| kind != NeedKind::Possible),
        }
    }

    fn unused(&self) -> VerdictReason {
        let days = self.observability.window_days(self.action);
        let proof = self.observability.cleared_by_last_accessed(self.action).map_or_else(
            || match catalog().info(self.action).name() {
                pass_role::PASS_ROLE if self.grants.actions().any(pass_role::takes_role) => {
                    UnusedProof::PassRoleCalls { days }
                }
                pass_role::PASS_ROLE => UnusedProof::NoPassRoleCall,
                _ => UnusedProof::Window { days },
            },
            |service| UnusedProof::LastAccessed { service },
        );
        VerdictReason::Unused { proof, other_callers: self.usage.others.get(&self.action).copied() }
    }
}

#[expect(clippy::expect_used, reason = "without a need a pattern is kept only for such a reason")]
fn unobservable(kept_whole: Option<KeepReason>) -> VerdictReason {
    VerdictReason::Kept { because: kept_whole.expect("a reason to keep the pattern") }
}

/// The part of a grant's pattern that a need takes.
enum Narrow {
    Nothing,
    To(ResourcePattern),
    Whole,
}

fn narrow(pattern: &ResourcePattern, need: &ResourcePattern) -> Narrow {
    if pattern.covers(need) {
        Narrow::To(need.clone())
    } else if pattern.intersects(need) {
        // Their overlap is not one pattern in general; the grant's own pattern is the safe side of it.
        Narrow::Whole
    } else {
        Narrow::Nothing
    }
}

/// Sorted, without repeats and without patterns that another one covers.
pub(crate) fn without_covered(mut patterns: Vec<ResourcePattern>) -> Vec<ResourcePattern> {
    patterns.sort();
    patterns.dedup();
    let kept: Vec<ResourcePattern> = patterns
        .iter()
        .enumerate()
        .filter(|(index, pattern)| {
            !patterns.iter().enumerate().any(|(other_index, other)| {
                // Of two that cover each other the first stays.
                other_index != *index && other.covers(pattern) && (!pattern.covers(other) || other_index < *index)
            })
        })
        .map(|(_, pattern)| pattern.clone())
        .collect();
    kept
}
