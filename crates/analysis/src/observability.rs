//! Observability: is absence of evidence evidence of absence, for one role, an action and a resource pattern?
//!
//! No, while any of these holds: there is no window, or it is too short; events were lost; code was deployed
//! or the role was used after the evidence ends; a call of the subject could not be mapped and may have been
//! this action; IAM saw an access that no event shows; the catalog, the trails or the files read say that its
//! events would not have been seen. The last is overruled by IAM's own last-accessed data, which sees the
//! data plane: a service without an attempt in its whole tracking period was not used (IAM User Guide,
//! "Refine permissions in AWS using last accessed information").

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use whittle_catalog::events::Visibility;
use whittle_catalog::{ActionId, catalog};
use whittle_evidence::coverage::assess::GLOBAL_REGION;
use whittle_evidence::coverage::event_sources::is_global;
use whittle_evidence::coverage::{ActionAsked, BlindReason, Coverage, CoverageRemedy, Observability};
use whittle_policy::ResourcePattern;

use crate::callers::{CallingOperation, callers_of};
use crate::doubt::Doubt;
use crate::function_history::FunctionHistory;
use crate::grants::{GrantStatement, Grants};
use crate::input::AnalysisEvidence;
use crate::inventory::{Function, Role};
use crate::need::SubjectUsage;
use crate::pass_role;
use crate::reason::{BeyondTrails, CoverageReason, KeepReason, UnseenReason, day};
use crate::recently_granted::{PolicyChanges, granted_since};
use crate::result::{CoverageRow, RowObservability};
use crate::usage::unmapped_by_prefix;

mod doubts;

use doubts::{general_doubt, usage_not_kept, used_after_evidence};

/// Questions of the decision; the proof asks the same.
pub trait ObservabilityCheck {
    /// Reason why a use of `action` on something that `pattern` matches could have gone unseen; `None`: it
    /// would have been seen.
    fn unseen(&self, action: ActionId, pattern: &ResourcePattern) -> Option<UnseenReason>;

    /// Reason why the grant is too young to be called unused.
    fn recently_granted(&self, grant: &GrantStatement<'_>, action: ActionId) -> Option<KeepReason>;

    /// The service, if last-accessed data alone says that `action` was not used.
    fn cleared_by_last_accessed(&self, action: ActionId) -> Option<String>;

    /// Days over which every use of `action` that was asked about would have been seen.
    fn window_days(&self, action: ActionId) -> u32;
}

/// Answers of [`Coverage`], which are the same for all functions of a role, and for all resources and roles
/// if no selector looks at those; and the changes of policies, which are the same for all.
#[derive(Debug)]
pub struct CoverageCache<'a> {
    changes: &'a PolicyChanges,
    /// Since when functions are what they are.
    pub(crate) functions: &'a FunctionHistory,
    answers: RefCell<HashMap<CoverageKey, CoverageAnswer>>,
    by_resource: bool,
    by_role: bool,
}

/// A reason why the coverage is not full, and what would change it.
type Blind = (BlindReason, Option<CoverageRemedy>);

/// What the evidence can show of an action.
#[derive(Debug, Clone)]
struct CoverageAnswer {
    /// The reason why it cannot show every use.
    blind: Option<Blind>,
    /// Days, up to the end of the window, over which it shows every use.
    days: u32,
}

/// Action, then what else the answer depends on.
type CoverageKey = (ActionId, Option<String>, Option<String>, Option<String>, Option<String>);

impl<'a> CoverageCache<'a> {
    /// For the answers of `coverage`.
    pub fn new(coverage: &Coverage<'_>, changes: &'a PolicyChanges, functions: &'a FunctionHistory) -> Self {
        let on = coverage.depends_on();
        Self { changes, functions, answers: RefCell::default(), by_resource: on.resource, by_role: on.role }
    }

    fn key(&self, action: ActionId, pattern: &ResourcePattern, role: &Role, work_regions: &[&str]) -> CoverageKey {
        let by_resource = self.by_resource || !catalog().blind_resources(action).is_empty() || names_account(pattern);
        let region = region_of(pattern);
        (
            action,
            region.map(str::to_owned),
            region.is_none().then(|| work_regions.join(",")),
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
    /// Regions in which the functions work.
    work_regions: Vec<&'a str>,
    /// Actions that the Lambda service needs for the functions.
    required: BTreeSet<ActionId>,
    /// Services that IAM saw accessed though no event shows it, with the day.
    contradicted: OnceCell<BTreeMap<&'a str, Date>>,
    /// Days over which everything of the role was kept, where that is not the whole window.
    kept_days: Option<u32>,
    /// Actions whose uses would have been seen over a part of the window only, with its days.
    shorter: RefCell<BTreeMap<ActionId, u32>>,
    /// Reason why an operation could have been called unseen on a resource.
    operations: RefCell<HashMap<(&'static str, String), Option<UnseenReason>>>,
    /// Reason why a role could have been passed unseen.
    passed: OnceCell<Option<UnseenReason>>,
}

/// The functions that are judged together, and what is known of their code.
#[derive(Debug, Clone, Default)]
pub struct ObservedFunctions<'a> {
    /// The functions.
    pub functions: Vec<&'a Function>,
    /// Reason why what their code calls could not have been seen.
    pub unseen: Option<UnseenReason>,
    /// Days over which they are what they are today, where that is not the whole window.
    pub days: Option<u32>,
    /// What the Lambda service needs for them.
    pub required: BTreeSet<ActionId>,
}

impl<'a> RoleObservability<'a> {
    /// For the functions (one, or all of the role) whose usage is `usage`.
    pub fn new(
        evidence: AnalysisEvidence<'a>,
        role: &'a Role,
        grants: &'a Grants<'a>,
        observed: &ObservedFunctions<'a>,
        usage: &'a SubjectUsage,
        cache: &'a CoverageCache<'a>,
    ) -> Self {
        let functions = observed.functions.as_slice();
        let kept = usage_not_kept(evidence, role);
        let kept_days = kept.as_ref().map(|kept| kept.days).into_iter().chain(observed.days).min();
        let mut general = general_doubt(evidence, functions)
            .or_else(|| used_after_evidence(evidence, role))
            .or_else(|| kept.and_then(|kept| kept.doubt))
            .or_else(|| observed.unseen.clone());
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
        let mut work_regions: Vec<&str> = functions.iter().map(|function| function.region.as_ref()).collect();
        work_regions.sort_unstable();
        work_regions.dedup();
        Self {
            evidence,
            role,
            cache,
            general,
            unmapped,
            untouched,
            usage,
            grants,
            work_regions,
            required: observed.required.clone(),
            contradicted: OnceCell::new(),
            kept_days,
            shorter: RefCell::default(),
            operations: RefCell::default(),
            passed: OnceCell::new(),
        }
    }

    /// Services that IAM saw the role access inside the window while no event of the role shows it: evidence
    /// of these is incomplete. Not those that a granted action which leaves no event, or what the Lambda
    /// service does for the functions, may explain.
    pub fn contradicted_services(&self) -> &BTreeMap<&'a str, Date> {
        self.contradicted.get_or_init(|| {
            let (Some(report), Some(start), Some(end)) =
                (&self.role.last_accessed, self.evidence.window.start(), self.evidence.window.end())
            else {
                return BTreeMap::new();
            };
            let accessed = report.services.iter().filter_map(|(service, last)| Some((service.as_str(), (*last)?)));
            let inside = accessed.filter(|(_, last)| start <= *last && *last < end);
            inside
                .filter(|(service, last)| !self.shows_access(service, *last) && !self.may_explain_access(service))
                .map(|(service, last)| (service, day(last)))
                .collect()
        })
    }

    /// An event of the role, whoever made the call, that is an access to the service about then or later.
    /// IAM's times are rounded, so events of the day before count.
    fn shows_access(&self, service: &str, last: Timestamp) -> bool {
        let Some(ledger) = self.evidence.ledger.of_role(self.role.id.as_ref(), self.role.arn.as_ref()) else {
            return false;
        };
        let late =
            |time: Timestamp| time.checked_add(SignedDuration::from_hours(24)).is_ok_and(|latest| latest >= last);
        ledger.callers().any(|(_, caller)| {
            let of_service = |action: &str| action.split_once(':').is_some_and(|(prefix, _)| prefix == service);
            let uses = caller.usage().filter(|(action, _)| of_service(action)).flat_map(|(_, usage)| {
                usage.authorised.iter().chain(&usage.denied).chain(&usage.undecided).chain(&usage.possible)
            });
            let unmapped = caller
                .unmapped()
                .filter(|(source, _, _)| catalog().prefixes_of_source(source).iter().any(|prefix| prefix == &service));
            let calls = caller.calls().iter().filter(|(_, _, calls)| calls.may_check_by_any_rules().any(of_service));
            let calls = calls.map(|(_, _, calls)| calls.seen().last);
            uses.map(|sighting| sighting.last)
                .chain(unmapped.map(|(_, _, sighting)| sighting.last))
                .chain(calls)
                .any(late)
        })
    }

    /// A doubt about events of a Region whose log may hold a use of the action: that of the resource, or of
    /// global services; any Region for a resource that names none.
    fn doubt_about(&self, action: ActionId, pattern: &ResourcePattern) -> Option<&'a Doubt> {
        if self.evidence.doubts.is_empty() {
            return None;
        }
        let is_global = catalog().revealed_by(action).iter().any(|event| is_global(&event.event_source));
        let region = if is_global { Some(GLOBAL_REGION) } else { region_of(pattern) };
        self.evidence.doubts.iter().find(|doubt| region.is_none_or(|region| doubt.concerns(&[region])))
    }

    fn may_explain_access(&self, service: &str) -> bool {
        let of_service = |action: &ActionId| catalog().info(*action).prefix() == service;
        let any = ResourcePattern::new("*");
        let unobservable = |action: ActionId| self.by_coverage(action, &any).blind.is_some();
        self.required.iter().any(of_service) || self.grants.actions().filter(of_service).any(unobservable)
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

    /// Reason why an operation that may check the action beside its own may have been called unseen. A call
    /// that the role may not make has checked nothing.
    fn caller_unseen(&self, action: ActionId, pattern: &ResourcePattern) -> Option<UnseenReason> {
        callers_of(action).iter().find_map(|caller| {
            let mut gates = caller.gates.iter();
            let gate = gates.find(|gate| **gate != action && self.grants.contains(**gate))?;
            let resource = if caller.of_same_service { pattern.as_str() } else { "*" };
            let because = self.operation_unseen(caller, *gate, resource)?;
            Some(UnseenReason::CallerUnseen { operation: caller.operation.clone(), because: Box::new(because) })
        })
    }

    /// Reason why a call of an operation on a resource could have gone unseen.
    fn operation_unseen(
        &self,
        caller: &'static CallingOperation,
        gate: ActionId,
        resource: &str,
    ) -> Option<UnseenReason> {
        let key = (caller.operation.as_str(), resource.to_owned());
        if let Some(known) = self.operations.borrow().get(&key) {
            return known.clone();
        }
        let asked = ActionAsked {
            resource,
            region: region_in(resource),
            work_regions: &self.work_regions,
            role_arn: Some(self.role.arn.as_ref()),
        };
        let blind = match &caller.event {
            Some(event) => {
                let level = catalog().info(gate).access_level();
                self.judged(self.evidence.coverage.assess_event(event, level, &asked)).blind
            }
            None => Some((BlindReason::VisibilityUnknown, None)),
        };
        let unseen = blind.map(|(reason, remedy)| UnseenReason::NotCovered { reason, remedy, beyond_trails: None });
        self.operations.borrow_mut().insert(key, unseen.clone());
        unseen
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

    fn by_coverage(&self, action: ActionId, pattern: &ResourcePattern) -> CoverageAnswer {
        let key = self.cache.key(action, pattern, self.role, &self.work_regions);
        if let Some(known) = self.cache.answers.borrow().get(&key) {
            return known.clone();
        }
        let asked = ActionAsked {
            resource: pattern.as_str(),
            region: region_of(pattern),
            work_regions: &self.work_regions,
            role_arn: Some(self.role.arn.as_ref()),
        };
        let answer = self.judged(self.evidence.coverage.assess_action(action, &asked));
        self.cache.answers.borrow_mut().insert(key, answer.clone());
        answer
    }

    /// What coverage says, judged by the least window: enough of the days show every use, or not.
    fn judged(&self, seen: Observability) -> CoverageAnswer {
        match seen {
            Observability::Full => CoverageAnswer { blind: None, days: self.evidence.window.days() },
            Observability::Partial { reason, since } => {
                let days = since.map_or(0, |since| self.evidence.window.days_since(since));
                let enough = days > 0 && days >= self.evidence.settings.min_window_days;
                CoverageAnswer { blind: (!enough).then_some((reason, None)), days }
            }
            Observability::None { reason, remedy } => CoverageAnswer { blind: Some((reason, remedy)), days: 0 },
        }
    }
}

impl ObservabilityCheck for RoleObservability<'_> {
    fn unseen(&self, action: ActionId, pattern: &ResourcePattern) -> Option<UnseenReason> {
        if let Some(reason) = &self.general {
            return Some(reason.clone());
        }
        if let Some(doubt) = self.doubt_about(action, pattern) {
            return Some(UnseenReason::Doubt { doubt: doubt.clone() });
        }
        let prefix = catalog().info(action).prefix();
        if let Some(events) = self.unmapped.get(prefix) {
            return Some(UnseenReason::Unmapped { events: events.clone() });
        }
        if let Some(on) = self.contradicted_services().get(prefix) {
            return Some(UnseenReason::ServiceAccessWithoutEvent { service: prefix.to_owned(), on: *on });
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
        let CoverageAnswer { blind, days } = self.by_coverage(action, pattern);
        if blind.is_none() && days < self.evidence.window.days() {
            let mut shorter = self.shorter.borrow_mut();
            let known = shorter.entry(action).or_insert(days);
            *known = days.min(*known);
        }
        let Some((reason, remedy)) = blind else { return self.caller_unseen(action, pattern) };
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
            && self.by_coverage(action, &ResourcePattern::new("*")).blind.is_some();
        alone.then(|| prefix.to_owned())
    }

    fn window_days(&self, action: ActionId) -> u32 {
        let days = self.shorter.borrow().get(&action).copied().unwrap_or_else(|| self.evidence.window.days());
        self.kept_days.map_or(days, |kept| kept.min(days))
    }
}

/// True for an ARN pattern that names an account.
fn names_account(pattern: &ResourcePattern) -> bool {
    let account = pattern.as_str().split(':').nth(4).unwrap_or_default();
    !account.is_empty() && account.bytes().all(|b| b.is_ascii_digit())
}

/// The Region that an ARN pattern names, if it names one.
fn region_of(pattern: &ResourcePattern) -> Option<&str> {
    region_in(pattern.as_str())
}

fn region_in(pattern: &str) -> Option<&str> {
    let mut parts = pattern.split(':');
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
    let untouched: BTreeSet<&str> =
        report.services.iter().filter(|(_, last)| last.is_none()).map(|(prefix, _)| prefix.as_str()).collect();
    if contradicts_usage(evidence, role, &untouched) { BTreeSet::new() } else { untouched }
}

/// The trail shows that the role used one of the services long before the report was made: it is the report
/// of another role, or of an earlier one of this name.
fn contradicts_usage(evidence: AnalysisEvidence<'_>, role: &Role, untouched: &BTreeSet<&str>) -> bool {
    let completed = role.last_accessed.as_ref().and_then(|report| report.completed);
    // IAM reports within four hours, as a rule (IAM User Guide, "Refine permissions in AWS using last
    // accessed information").
    let latest = completed.and_then(|completed| completed.checked_sub(SignedDuration::from_hours(48)).ok());
    let Some((latest, ledger)) = latest.zip(evidence.ledger.of_role(role.id.as_ref(), role.arn.as_ref())) else {
        return false;
    };
    ledger.callers().flat_map(|(_, caller)| caller.usage()).any(|(action, usage)| {
        let is_untouched = action.split_once(':').is_some_and(|(prefix, _)| untouched.contains(prefix));
        is_untouched && usage.authorised.as_ref().is_some_and(|seen| seen.first < latest)
    })
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
