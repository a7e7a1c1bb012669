//! Observability: is absence of evidence evidence of absence, for one role, an action and a resource pattern?
//!
//! No, while any of these holds: there is no window, or it is too short; events were lost; a call of the
//! subject could not be mapped and may have been this action; the catalog or the trails say that its events
//! would not have been seen. The last is overruled by IAM's own last-accessed data, which sees the data
//! plane: a service without an attempt in its whole tracking period was not used (IAM User Guide, "Refine
//! permissions in AWS using last accessed information").

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::SignedDuration;
use whittle_catalog::events::Visibility;
use whittle_catalog::{ActionId, catalog};
use whittle_evidence::coverage::{BlindReason, Coverage, CoverageRemedy, Observability};
use whittle_policy::ResourcePattern;

use crate::grants::{GrantStatement, Grants};
use crate::input::AnalysisEvidence;
use crate::inventory::{Function, Role};
use crate::need::SubjectUsage;
use crate::pass_role;
use crate::reason::{BeyondTrails, CoverageReason, KeepReason, UnseenReason, day};
use crate::recently_granted::{PolicyChanges, granted_since};
use crate::required;
use crate::result::{CoverageRow, RowObservability};
use crate::usage::unmapped_by_prefix;

/// Questions of the decision; the proof asks the same.
pub trait ObservabilityCheck {
    /// Reason why a use of `action` on something that `pattern` matches could have gone unseen; `None`: it
    /// would have been seen.
    fn unseen(&self, action: ActionId, pattern: &ResourcePattern) -> Option<UnseenReason>;

    /// Reason why the grant is too young to be called unused.
    fn recently_granted(&self, grant: &GrantStatement<'_>, action: ActionId) -> Option<KeepReason>;

    /// The service, if last-accessed data alone says that `action` was not used.
    fn cleared_by_last_accessed(&self, action: ActionId) -> Option<String>;

    /// Length of the window.
    fn window_days(&self) -> u32;
}

/// Answers of [`Coverage`], which are the same for all functions of a role, and for all resources and roles
/// if no selector looks at those; and the changes of policies, which are the same for all.
#[derive(Debug)]
pub struct CoverageCache<'a> {
    changes: &'a PolicyChanges,
    answers: RefCell<HashMap<CoverageKey, Option<Blind>>>,
    by_resource: bool,
    by_role: bool,
}

/// A reason why the coverage is not full, and what would change it.
type Blind = (BlindReason, Option<CoverageRemedy>);

/// Action, then what else the answer depends on.
type CoverageKey = (ActionId, Option<String>, Option<String>, Option<String>);

impl<'a> CoverageCache<'a> {
    /// For the answers of `coverage`.
    pub fn new(coverage: &Coverage<'_>, changes: &'a PolicyChanges) -> Self {
        let on = coverage.depends_on();
        Self { changes, answers: RefCell::default(), by_resource: on.resource, by_role: on.role }
    }

    fn key(&self, action: ActionId, pattern: &ResourcePattern, role: &Role) -> CoverageKey {
        let by_resource = self.by_resource || !catalog().blind_resources(action).is_empty();
        (
            action,
            region_of(pattern).map(str::to_owned),
            by_resource.then(|| pattern.as_str().to_owned()),
            self.by_role.then(|| role.arn.to_string()),
        )
    }
}

/// [`ObservabilityCheck`] on real evidence, for one subject.
pub struct RoleObservability<'a> {
    evidence: AnalysisEvidence<'a>,
    role: &'a Role,
    cache: &'a CoverageCache<'a>,
    /// A doubt about everything.
    general: Option<UnseenReason>,
    /// By service prefix: the first calls that the catalog cannot map.
    unmapped: BTreeMap<&'a str, Vec<String>>,
    /// Services without an attempt in the whole tracking period of the last-accessed report.
    untouched: BTreeSet<&'a str>,
    usage: &'a SubjectUsage,
    grants: &'a Grants<'a>,
    /// Reason why a role could have been passed unseen.
    passed: OnceCell<Option<UnseenReason>>,
}

impl<'a> RoleObservability<'a> {
    /// For the functions (one, or all of the role) whose usage is `usage`.
    pub fn new(
        evidence: AnalysisEvidence<'a>,
        role: &'a Role,
        grants: &'a Grants<'a>,
        functions: &[&Function],
        usage: &'a SubjectUsage,
        cache: &'a CoverageCache<'a>,
    ) -> Self {
        let mut general = general_doubt(evidence, functions);
        let mut unmapped = BTreeMap::new();
        for (prefix, events) in unmapped_by_prefix(usage) {
            let events: Vec<String> = events.iter().take(3).map(|(source, name)| format!("{source} {name}")).collect();
            match prefix {
                Some(prefix) => {
                    unmapped.insert(prefix, events);
                }
                // A service that is not known: the call may have been authorised by anything.
                None => general = general.or(Some(UnseenReason::Unmapped { events })),
            }
        }
        let untouched = untouched(evidence, role);
        Self { evidence, role, cache, general, unmapped, untouched, usage, grants, passed: OnceCell::new() }
    }

    /// Reason why the role may have passed a role to a service though no event shows it; `None`: no granted
    /// call that can do so was made, and each would have been seen. See [`crate::pass_role`].
    fn passed_unseen(&self, pass_role: ActionId) -> Option<UnseenReason> {
        if self.usage.actions.contains_key(&pass_role) {
            return Some(UnseenReason::PassesRole);
        }
        if let Some(pattern) = self.grants.unknown_patterns().first() {
            return Some(UnseenReason::UnknownMayTakeRole { pattern: pattern.as_str().to_owned() });
        }
        if let Some(events) = self.unmapped.values().next() {
            return Some(UnseenReason::UnmappedMayTakeRole { events: events.clone() });
        }
        let any = ResourcePattern::new("*");
        self.grants.actions().filter(|action| *action != pass_role).find_map(|taker| {
            let action = || catalog().info(taker).name().to_owned();
            if pass_role::takes_role(taker) && self.usage.actions.contains_key(&taker) {
                return Some(UnseenReason::CanPassRole { action: action() });
            }
            pass_role::might_take_role(taker)
                .then(|| self.unseen(taker, &any))?
                .map(|because| UnseenReason::PassRoleCallUnseen { action: action(), because: Box::new(because) })
        })
    }

    /// IAM saw an attempt inside the window that no event shows: then some events were not seen, whatever the
    /// trails say. (Where the attempt was denied it is no need either; it stays a doubt.)
    fn contradicted(&self, action: ActionId) -> Option<UnseenReason> {
        let report = self.role.last_accessed.as_ref()?;
        let attempt = (*report.actions.get(catalog().info(action).name())?)?;
        let window = self.evidence.window;
        let inside = window.start()? <= attempt && attempt < window.end()?;
        // IAM's times are rounded, so events of the day before count.
        let shown = self.usage.actions.get(&action).is_some_and(|used| {
            used.last_seen.checked_add(SignedDuration::from_hours(24)).is_ok_and(|latest| latest >= attempt)
        });
        (inside && !shown).then(|| UnseenReason::AttemptWithoutEvent { on: day(attempt) })
    }

    /// IAM's own data on a service where no trail can tell.
    fn beyond_trails(&self, prefix: &str) -> BeyondTrails {
        let service = || prefix.to_owned();
        match &self.role.last_accessed {
            None => BeyondTrails::NoReport,
            Some(report) => match report.services.get(prefix) {
                Some(Some(last)) => BeyondTrails::Attempt { service: service(), on: day(*last) },
                Some(None) => BeyondTrails::ReportTooOld,
                None => BeyondTrails::NotListed { service: service() },
            },
        }
    }

    fn by_coverage(&self, action: ActionId, pattern: &ResourcePattern) -> Option<Blind> {
        let key = self.cache.key(action, pattern, self.role);
        if let Some(known) = self.cache.answers.borrow().get(&key) {
            return known.clone();
        }
        let (region, role) = (region_of(pattern), Some(self.role.arn.as_ref()));
        let answer = match self.evidence.coverage.assess_action(action, pattern.as_str(), region, role) {
            Observability::Full => None,
            Observability::Partial { reason, .. } => Some((reason, None)),
            Observability::None { reason, remedy } => Some((reason, remedy)),
        };
        self.cache.answers.borrow_mut().insert(key, answer.clone());
        answer
    }
}

impl ObservabilityCheck for RoleObservability<'_> {
    fn unseen(&self, action: ActionId, pattern: &ResourcePattern) -> Option<UnseenReason> {
        if let Some(reason) = &self.general {
            return Some(reason.clone());
        }
        let prefix = catalog().info(action).prefix();
        if let Some(events) = self.unmapped.get(prefix) {
            return Some(UnseenReason::Unmapped { events: events.clone() });
        }
        if let Some(reason) = self.contradicted(action) {
            return Some(reason);
        }
        if !is_tracked(action) {
            return self.passed.get_or_init(|| self.passed_unseen(action)).clone();
        }
        if self.untouched.contains(prefix) {
            return None;
        }
        let (reason, remedy) = self.by_coverage(action, pattern)?;
        let no_event = matches!(catalog().visibility(action), Visibility::Never { .. } | Visibility::Inferred { .. });
        let beyond_trails = no_event.then(|| self.beyond_trails(prefix));
        Some(UnseenReason::NotCovered { reason, remedy, beyond_trails })
    }

    fn recently_granted(&self, grant: &GrantStatement<'_>, action: ActionId) -> Option<KeepReason> {
        let start = self.evidence.window.start()?;
        if let Some(created) = self.role.created.filter(|created| *created > start) {
            return Some(KeepReason::RoleCreated { on: day(created) });
        }
        let name = catalog().info(action).name();
        let since = granted_since(self.cache.changes, self.role, grant.owner, name).filter(|since| *since > start)?;
        Some(KeepReason::RecentlyGranted { on: day(since) })
    }

    fn cleared_by_last_accessed(&self, action: ActionId) -> Option<String> {
        let prefix = catalog().info(action).prefix();
        let alone = self.untouched.contains(prefix)
            && is_tracked(action)
            && self.by_coverage(action, &ResourcePattern::new("*")).is_some();
        alone.then(|| prefix.to_owned())
    }

    fn window_days(&self) -> u32 {
        self.evidence.window.days()
    }
}

/// A doubt about everything.
fn general_doubt(evidence: AnalysisEvidence<'_>, functions: &[&Function]) -> Option<UnseenReason> {
    let days = evidence.window.days();
    let least = evidence.settings.min_window_days;
    if days == 0 {
        return Some(UnseenReason::NoEvidence);
    }
    if days < least {
        return Some(UnseenReason::TooFewDays { days, least });
    }
    if let Some(doubt) = evidence.doubts.first() {
        return Some(UnseenReason::Doubt { doubt: doubt.clone() });
    }
    let unknown = functions.iter().find(|function| required::has_unknown_feature(function))?;
    Some(UnseenReason::UnknownEventSource { function: unknown.name.clone() })
}

/// The Region that an ARN pattern names, if it names one.
fn region_of(pattern: &ResourcePattern) -> Option<&str> {
    let mut parts = pattern.as_str().split(':');
    let (first, region) = (parts.next()?, parts.nth(2)?);
    let literal = first == "arn" && !region.is_empty() && !region.contains(['*', '?', '$']);
    literal.then_some(region)
}

/// Services of the role's last-accessed report without an attempt in the whole tracking period. A report
/// older than the window's last day says nothing about that day, so it is not used.
fn untouched<'a>(evidence: AnalysisEvidence<'a>, role: &'a Role) -> BTreeSet<&'a str> {
    let Some(report) = &role.last_accessed else { return BTreeSet::new() };
    let fresh = evidence.window.end().is_none_or(|end| {
        let least = end.checked_sub(SignedDuration::from_hours(24)).unwrap_or(end);
        report.completed.is_some_and(|completed| completed >= least)
    });
    if !fresh {
        return BTreeSet::new();
    }
    report.services.iter().filter(|(_, last)| last.is_none()).map(|(prefix, _)| prefix.as_str()).collect()
}

/// True if last-accessed data would show an attempt. It never shows iam:PassRole (IAM User Guide, "IAM action
/// last accessed information services and actions").
fn is_tracked(action: ActionId) -> bool {
    catalog().info(action).name() != pass_role::PASS_ROLE
}

/// Coverage by source and class of events.
pub fn coverage_rows(coverage: &Coverage<'_>) -> Vec<CoverageRow> {
    let mut rows = Vec::new();
    for source in coverage.sources() {
        let (observability, reason) = match source.window {
            Observability::Full => (RowObservability::Seen, CoverageReason::Covered),
            Observability::Partial { reason, .. } => (RowObservability::Partly, CoverageReason::Blind { reason }),
            Observability::None { reason, .. } => (RowObservability::NotSeen, CoverageReason::Blind { reason }),
        };
        let regions = source.regions.join(", ");
        let mut row = |events: &str, is_selected: bool| {
            let not_selected = (RowObservability::NotSeen, CoverageReason::NotSelected);
            let (observability, reason) = if is_selected { (observability, reason.clone()) } else { not_selected };
            rows.push(CoverageRow {
                source: format!("{} ({regions})", source.name),
                events: events.to_owned(),
                observability,
                reason: reason.into(),
            });
        };
        row("management", source.management);
        for kind in &source.data_types {
            row(kind, true);
        }
        if source.data_types.is_empty() {
            row("data", false);
        }
    }
    rows
}
