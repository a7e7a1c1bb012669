//! Which part of each grant is kept, and the verdict on each granted action.
//!
//! In: grant sites, needs, and a [`Watch`] that says whether absence of evidence would be evidence. Out: a verdict row per
//! action and the [`Piece`]s of grants that the suggestion is built from.
//!
//! The rule, per granted action and resource pattern of each statement:
//! 1. on grace, or needed on an unknown resource → the pattern is kept;
//! 2. a use of it could have gone unseen → kept (design invariant 4), whatever else was seen: seeing calls on one bucket
//!    says nothing about a bucket whose data events are not logged;
//! 3. otherwise it is narrowed to the needed resources that lie in it, which may be none.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use whittle_catalog::{ActionId, catalog};
use whittle_policy::{ResourceClause, ResourcePattern};

use crate::grants::{GrantSite, Grants};
use crate::need::{ExtraCondition, Need, NeedKind, Needs, SubjectUsage};
use crate::observe::Watch;
use crate::pass_role;
use crate::result::{Counts, Seen, Verdict, VerdictRow};

/// What stays of one (site, action).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Index into `Grants::sites`.
    pub site: usize,
    /// The action.
    pub action: ActionId,
    /// Resources kept.
    pub kept: Kept,
    /// Kept only under this condition, on top of the statement's own.
    pub only_if: Option<ExtraCondition>,
    /// Which verdict it serves.
    pub verdict: Verdict,
}

/// Resources kept of a statement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kept {
    /// The statement's resource element as it is.
    AsGranted,
    /// These patterns, each inside the statement's resource element; sorted.
    Narrowed(Vec<ResourcePattern>),
}

/// Verdicts and kept pieces of one subject.
#[derive(Debug, Clone, Default)]
pub struct Decision {
    /// One row per granted action, then one per unknown pattern, each by name.
    pub rows: Vec<VerdictRow>,
    /// Pieces by site, then action.
    pub pieces: Vec<Piece>,
}

impl Decision {
    /// Counts of the rows.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts { granted: self.rows.len(), ..Counts::default() };
        for row in &self.rows {
            match row.verdict {
                Verdict::Used => counts.used += 1,
                Verdict::Required => counts.required += 1,
                Verdict::Companion => counts.companion += 1,
                Verdict::Unused => counts.unused += 1,
                Verdict::Unobservable | Verdict::Unknown => counts.unproven += 1,
            }
        }
        counts
    }
}

/// Decides every granted action of one subject.
pub fn decide(grants: &Grants<'_>, needs: &Needs, usage: &SubjectUsage, observer: &dyn Watch) -> Decision {
    let mut decision = Decision::default();
    for (&action, sites) in &grants.by_action {
        let (row, pieces) = ActionDecision { grants, needs: needs.of(action), usage, observer, action }.run(sites);
        decision.rows.push(row);
        decision.pieces.extend(pieces);
    }
    for pattern in grants.unknown_patterns() {
        decision.rows.push(VerdictRow {
            action: pattern.as_str().to_owned(),
            verdict: Verdict::Unknown,
            resources: resources_of_unknown(grants, pattern.as_str()),
            last_seen: None,
            reason: "the catalog knows no such action; kept as granted".to_owned(),
            seen: None,
        });
    }
    decision.pieces.sort_by_key(|piece| (piece.site, piece.action));
    decision
}

fn resources_of_unknown(grants: &Grants<'_>, pattern: &str) -> Vec<String> {
    let mut out: Vec<String> = grants
        .sites
        .iter()
        .filter(|site| site.unknown.iter().any(|unknown| unknown.as_str() == pattern))
        .flat_map(as_granted_text)
        .collect();
    out.sort();
    out.dedup();
    out
}

/// The patterns of a site's resource element as text, `NotResource` marked.
fn as_granted_text(site: &GrantSite<'_>) -> Vec<String> {
    match &site.statement.resource {
        None => Vec::new(),
        Some(ResourceClause::Resource(patterns)) => patterns.iter().map(|p| p.as_str().to_owned()).collect(),
        Some(ResourceClause::NotResource(patterns)) => {
            patterns.iter().map(|p| format!("everything but {}", p.as_str())).collect()
        }
    }
}

struct ActionDecision<'a> {
    grants: &'a Grants<'a>,
    needs: &'a [Need],
    usage: &'a SubjectUsage,
    observer: &'a dyn Watch,
    action: ActionId,
}

/// What became of one resource pattern of one statement.
struct PatternOutcome {
    whole: bool,
    parts: Vec<ResourcePattern>,
    conditional: Vec<(ExtraCondition, ResourcePattern)>,
    kinds: Vec<NeedKind>,
    unseen: Option<String>,
}

impl ActionDecision<'_> {
    fn run(&self, sites: &[usize]) -> (VerdictRow, Vec<Piece>) {
        let mut pieces = Vec::new();
        let mut kinds: Vec<NeedKind> = Vec::new();
        let mut unseen: Option<String> = None;
        let everywhere = self.keeps_everything(sites);
        for &index in sites {
            let Some(site) = self.grants.sites.get(index) else { continue };
            let outcomes = self.site_outcomes(site, everywhere.as_deref());
            for outcome in &outcomes {
                kinds.extend(&outcome.kinds);
                if unseen.is_none() {
                    unseen.clone_from(&outcome.unseen);
                }
            }
            self.pieces_of(index, &outcomes, &mut pieces);
        }
        let verdict = match kinds.iter().min() {
            Some(NeedKind::Used) => Verdict::Used,
            Some(NeedKind::Required) => Verdict::Required,
            Some(NeedKind::Companion) => Verdict::Companion,
            None if pieces.is_empty() => Verdict::Unused,
            None => Verdict::Unobservable,
        };
        for piece in &mut pieces {
            piece.verdict = verdict;
        }
        let row = self.row(verdict, &pieces, unseen.or(everywhere).as_deref());
        (row, pieces)
    }

    /// A reason to keep every resource of every grant of this action, if there is one.
    fn keeps_everything(&self, sites: &[usize]) -> Option<String> {
        if self.needs.iter().any(|need| need.kind == NeedKind::Used && need.resource.is_none()) {
            return Some("some events do not name the resource".to_owned());
        }
        let used = || self.needs.iter().filter(|need| need.kind == NeedKind::Used);
        if used().next().is_some() && !catalog().info(self.action).supports_resources() {
            return Some("the action takes no resource".to_owned());
        }
        if used().next().is_some() && !crate::narrowable::is_narrowable(self.action) {
            return Some("one call may need several kinds of resource, and events name only some".to_owned());
        }
        // A use that no grant explains: either a resource-based policy allowed it, or the event was read wrongly.
        // Nothing may be removed on the strength of a wrong reading.
        used().filter_map(|need| need.resource.as_ref()).find_map(|resource| {
            let explained = sites
                .iter()
                .filter_map(|&index| self.grants.sites.get(index))
                .any(|site| site.statement.resource.as_ref().is_none_or(|clause| clause.intersects(resource)));
            (!explained).then(|| format!("no grant names {}, which was used", resource.as_str()))
        })
    }

    fn site_outcomes(&self, site: &GrantSite<'_>, everywhere: Option<&str>) -> Vec<PatternOutcome> {
        match &site.statement.resource {
            Some(ResourceClause::Resource(patterns)) => patterns
                .iter()
                .map(|pattern| self.pattern_outcome(site, pattern, everywhere, |need| narrow(pattern, need)))
                .collect(),
            clause => {
                let any = ResourcePattern::new("*");
                let covers = |need: &ResourcePattern| clause.as_ref().is_none_or(|clause| clause.covers(need));
                let touches = |need: &ResourcePattern| clause.as_ref().is_none_or(|clause| clause.intersects(need));
                // Inside NotResource a need is kept only if it lies wholly outside the excluded patterns; one that
                // straddles the border cannot be written as one pattern, so the element is kept as it is.
                vec![self.pattern_outcome(site, &any, everywhere, |need| {
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
        site: &GrantSite<'_>,
        pattern: &ResourcePattern,
        everywhere: Option<&str>,
        narrow: impl Fn(&ResourcePattern) -> Narrow,
    ) -> PatternOutcome {
        let mut out = PatternOutcome {
            whole: everywhere.is_some(),
            parts: Vec::new(),
            conditional: Vec::new(),
            kinds: Vec::new(),
            unseen: everywhere.map(str::to_owned),
        };
        let mut witness = self.action;
        for need in self.needs {
            let outcome = need.resource.as_ref().map_or(Narrow::Whole, &narrow);
            match (outcome, &need.only_if) {
                (Narrow::Nothing, _) => continue,
                (Narrow::Whole, None) => out.whole = true,
                (Narrow::To(part), None) => out.parts.push(part),
                (Narrow::Whole, Some(condition)) => out.conditional.push((condition.clone(), pattern.clone())),
                (Narrow::To(part), Some(condition)) => out.conditional.push((condition.clone(), part)),
            }
            out.kinds.push(need.kind);
            witness = need.seen_through.unwrap_or(witness);
        }
        if everywhere.is_some() && self.needs.iter().any(|need| need.kind == NeedKind::Used) {
            out.kinds.push(NeedKind::Used);
        }
        // A narrowing that gives back the whole pattern is none.
        out.whole |= out.parts.iter().any(|part| part.covers(pattern));
        if !out.whole {
            let reason = self.observer.on_grace(site, self.action).or_else(|| self.observer.unseen(witness, pattern));
            if let Some(reason) = reason {
                out.whole = true;
                out.unseen = Some(reason);
            }
        }
        if out.whole {
            out.parts = vec![pattern.clone()];
            out.conditional.clear();
        }
        out
    }

    fn pieces_of(&self, site: usize, outcomes: &[PatternOutcome], pieces: &mut Vec<Piece>) {
        let piece = |kept, only_if| Piece { site, action: self.action, kept, only_if, verdict: Verdict::Unused };
        if !outcomes.is_empty() && outcomes.iter().all(|outcome| outcome.whole) {
            pieces.push(piece(Kept::AsGranted, None));
            return;
        }
        let parts: Vec<_> = outcomes.iter().flat_map(|outcome| outcome.parts.iter().cloned()).collect();
        if !parts.is_empty() {
            pieces.push(piece(Kept::Narrowed(without_covered(parts)), None));
        }
        let mut conditional: BTreeMap<&ExtraCondition, Vec<ResourcePattern>> = BTreeMap::new();
        for (condition, part) in outcomes.iter().flat_map(|outcome| &outcome.conditional) {
            conditional.entry(condition).or_default().push(part.clone());
        }
        let negated = self.grants.sites.get(site).and_then(|site| site.statement.resource.as_ref());
        let negated = negated.is_some_and(ResourceClause::is_negated);
        for (condition, parts) in conditional {
            // "Everything but" cannot be written as a pattern: the element itself stays.
            let whole = negated && parts.iter().any(ResourcePattern::is_any);
            let kept = if whole { Kept::AsGranted } else { Kept::Narrowed(without_covered(parts)) };
            pieces.push(piece(kept, Some(condition.clone())));
        }
    }

    fn row(&self, verdict: Verdict, pieces: &[Piece], kept_because: Option<&str>) -> VerdictRow {
        let info = catalog().info(self.action);
        let mut resources: Vec<String> = Vec::new();
        for piece in pieces {
            match &piece.kept {
                Kept::Narrowed(patterns) => resources.extend(patterns.iter().map(|p| p.as_str().to_owned())),
                Kept::AsGranted => {
                    resources.extend(self.grants.sites.get(piece.site).map(as_granted_text).unwrap_or_default());
                }
            }
        }
        resources.sort();
        resources.dedup();
        let usage = self.usage.actions.get(&self.action);
        VerdictRow {
            action: info.name().to_owned(),
            verdict,
            resources,
            last_seen: usage.map(|usage| usage.last_seen.to_string()),
            reason: self.reason(verdict, kept_because),
            seen: usage.map(|usage| {
                let required = self.needs.iter().any(|need| need.kind == NeedKind::Required);
                Box::new(Seen { required, ..usage.to_seen() })
            }),
        }
    }

    fn reason(&self, verdict: Verdict, kept_because: Option<&str>) -> String {
        let first = |kind: NeedKind| {
            self.needs.iter().find(|need| need.kind == kind).map(|need| need.reason.clone()).unwrap_or_default()
        };
        let mut text = match verdict {
            Verdict::Used => first(NeedKind::Used),
            Verdict::Required => format!("the function {}", first(NeedKind::Required)),
            Verdict::Companion => first(NeedKind::Companion),
            Verdict::Unobservable => return kept_because.unwrap_or("could not have been seen").to_owned(),
            Verdict::Unused => return self.unused_reason(),
            Verdict::Unknown => String::new(),
        };
        if verdict == Verdict::Used
            && let Some(by_alias) = self.needs.iter().find(|need| need.is_by_alias())
        {
            let _ = write!(text, "; {}", by_alias.reason);
        }
        if let Some(because) = kept_because {
            text.push_str("; resources kept as granted: ");
            text.push_str(because);
        }
        text
    }

    fn unused_reason(&self) -> String {
        let days = self.observer.window_days();
        let mut text = self.observer.released(self.action).map_or_else(
            || match catalog().info(self.action).name() {
                pass_role::PASS_ROLE if self.grants.actions().any(pass_role::takes_role) => {
                    format!("granted calls that can pass a role would have been seen, and were not in {days} days")
                }
                pass_role::PASS_ROLE => "no granted call can pass a role".to_owned(),
                _ => format!("would have been seen, and was not in {days} days"),
            },
            |service| format!("IAM last accessed: no attempt on {service} in its whole tracking period"),
        );
        if let Some(last) = self.usage.others.get(&self.action) {
            let _ = write!(text, "; only other callers of the role used it, last {last}");
        }
        text
    }
}

/// How a pattern of a grant shrinks to a need.
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
