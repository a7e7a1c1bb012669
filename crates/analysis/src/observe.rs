//! Whether absence of evidence is evidence: for one role, for each action and resource pattern.
//!
//! No, while any of these holds: there is no window, or it is too short; events were lost; a call of the subject could not be
//! mapped and may have been this action; the catalog or the trails say that its events would not have been seen. The last
//! of these is overruled by IAM's own last-accessed data, which sees the data plane: a service without an attempt in its whole
//! tracking period was not used (IAM User Guide, "Refine permissions in AWS using last accessed information").

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::{SignedDuration, Timestamp};
use whittle_catalog::events::Visibility;
use whittle_catalog::{ActionId, catalog};
use whittle_evidence::coverage::{Coverage, Sight};
use whittle_evidence::ledger::days::start_of_day;
use whittle_evidence::ledger::{ChangeKind, Ledger};
use whittle_policy::{Effect, ResourcePattern};

use crate::analyze::Evidence;
use crate::grants::{GrantSite, Grants};
use crate::inventory::{Function, PolicyKind, Role, RolePolicy};
use crate::need::SubjectUsage;
use crate::pass_role;
use crate::required;
use crate::result::{self, CoverageRow};
use crate::usage::unmapped_by_prefix;

/// The observation window in UTC days, half open; empty when there is no evidence.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Window {
    days: Option<(i32, i32)>,
}

impl Window {
    /// From days since 1970-01-01.
    pub fn new(days: Option<std::ops::Range<i32>>) -> Self {
        Self { days: days.filter(|days| days.start < days.end).map(|days| (days.start, days.end)) }
    }

    /// First instant.
    pub fn start(&self) -> Option<Timestamp> {
        self.days.and_then(|(start, _)| start_of_day(start))
    }

    /// First instant after it.
    pub fn end(&self) -> Option<Timestamp> {
        self.days.and_then(|(_, end)| start_of_day(end))
    }

    /// Whole days.
    pub fn days(&self) -> u32 {
        self.days.map_or(0, |(start, end)| u32::try_from(end.saturating_sub(start)).unwrap_or(0))
    }

    /// As it is shown.
    pub fn to_result(&self) -> result::Window {
        let text = |time: Option<Timestamp>| time.map(|time| time.to_string()).unwrap_or_default();
        result::Window { start: text(self.start()), end: text(self.end()), days: self.days() }
    }
}

/// What the decision asks; the proof asks the same.
pub trait Watch {
    /// Why a use of `action` on something that `pattern` matches could have gone unseen; `None`: it would have been seen.
    fn unseen(&self, action: ActionId, pattern: &ResourcePattern) -> Option<String>;

    /// Why the grant is too young to be called unused.
    fn on_grace(&self, site: &GrantSite<'_>, action: ActionId) -> Option<String>;

    /// The service, if last-accessed data alone says that `action` was not used.
    fn released(&self, action: ActionId) -> Option<String>;

    /// Length of the window.
    fn window_days(&self) -> u32;
}

/// Answers of [`Coverage`], which are the same for all functions of a role, and for all resources and roles if no selector
/// looks at those.
#[derive(Debug)]
pub struct SightCache {
    answers: RefCell<HashMap<SightKey, Option<String>>>,
    by_resource: bool,
    by_role: bool,
}

/// Action, then what else the answer depends on.
type SightKey = (ActionId, Option<String>, Option<String>, Option<String>);

impl SightCache {
    /// For the answers of `coverage`.
    pub fn new(coverage: &Coverage<'_>) -> Self {
        let on = coverage.depends_on();
        Self { answers: RefCell::default(), by_resource: on.resource, by_role: on.role }
    }

    fn key(&self, action: ActionId, pattern: &ResourcePattern, role: &Role) -> SightKey {
        let by_resource = self.by_resource || !catalog().blind_resources(action).is_empty();
        (
            action,
            region_of(pattern).map(str::to_owned),
            by_resource.then(|| pattern.as_str().to_owned()),
            self.by_role.then(|| role.arn.to_string()),
        )
    }
}

/// [`Watch`] on real evidence, for one subject.
pub struct Observer<'a> {
    evidence: Evidence<'a>,
    role: &'a Role,
    cache: &'a SightCache,
    general: Option<String>,
    unmapped: BTreeMap<&'a str, String>,
    untouched: BTreeSet<&'a str>,
    usage: &'a SubjectUsage,
    grants: &'a Grants<'a>,
    /// Why a role could have been passed unseen.
    passed: OnceCell<Option<String>>,
}

impl<'a> Observer<'a> {
    /// For the functions (one, or all of the role) whose usage is `usage`.
    pub fn new(
        evidence: Evidence<'a>,
        role: &'a Role,
        grants: &'a Grants<'a>,
        functions: &[&Function],
        usage: &'a SubjectUsage,
        cache: &'a SightCache,
    ) -> Self {
        let mut general = general_doubt(evidence, functions);
        let mut unmapped = BTreeMap::new();
        for (prefix, events) in unmapped_by_prefix(usage) {
            let names: Vec<String> = events.iter().take(3).map(|(source, name)| format!("{source} {name}")).collect();
            let reason = format!("the catalog cannot map {}, which was called", names.join(", "));
            match prefix {
                Some(prefix) => {
                    unmapped.insert(prefix, reason);
                }
                // A service that is not known: the call may have been authorised by anything.
                None => general = general.or(Some(reason)),
            }
        }
        let untouched = untouched(evidence, role);
        Self { evidence, role, cache, general, unmapped, untouched, usage, grants, passed: OnceCell::new() }
    }

    /// Why the role may have passed a role to a service though no event shows it; `None`: no granted call that can do so was
    /// made, and each would have been seen. See [`crate::pass_role`].
    fn passed_unseen(&self, pass_role: ActionId) -> Option<String> {
        if self.usage.actions.contains_key(&pass_role) {
            return Some("calls were seen that pass a role; which others may do so is not known".to_owned());
        }
        if let Some(pattern) = self.grants.unknown_patterns().first() {
            return Some(format!("the catalog does not know {}, which may take a role", pattern.as_str()));
        }
        if let Some(reason) = self.unmapped.values().next() {
            return Some(format!("{reason}; it may take a role"));
        }
        let any = ResourcePattern::new("*");
        self.grants.actions().filter(|action| *action != pass_role).find_map(|action| {
            let name = catalog().info(action).name();
            if pass_role::takes_role(action) && self.usage.actions.contains_key(&action) {
                return Some(format!("{name} was called, which can pass a role"));
            }
            pass_role::might_take_role(action)
                .then(|| self.unseen(action, &any))?
                .map(|reason| format!("{name} can pass a role, and a call of it may have gone unseen: {reason}"))
        })
    }

    /// IAM saw an attempt inside the window that no event shows: then some events were not seen, whatever the trails say.
    /// (Where the attempt was denied it is no need either; it stays a doubt.)
    fn contradicted(&self, action: ActionId) -> Option<String> {
        let report = self.role.last_accessed.as_ref()?;
        let attempt = (*report.actions.get(catalog().info(action).name())?)?;
        let window = self.evidence.window;
        let inside = window.start()? <= attempt && attempt < window.end()?;
        // IAM's times are rounded, so events of the day before count.
        let shown = self.usage.actions.get(&action).is_some_and(|used| {
            used.last_seen.checked_add(SignedDuration::from_hours(24)).is_ok_and(|latest| latest >= attempt)
        });
        (inside && !shown).then(|| format!("IAM saw an attempt on {}, which no event shows", day(attempt)))
    }

    /// What IAM's own data says where no trail can tell, or what it lacks.
    fn beyond_trails(&self, prefix: &str) -> String {
        match &self.role.last_accessed {
            None => "; only a last-accessed report of the role could tell".to_owned(),
            Some(report) => match report.services.get(prefix) {
                Some(Some(last)) => format!("; IAM saw an attempt on {prefix}, last on {}", day(*last)),
                Some(None) => "; the last-accessed report, which could tell, is older than the window".to_owned(),
                None => format!("; the last-accessed report, which could tell, does not list {prefix}"),
            },
        }
    }

    fn by_coverage(&self, action: ActionId, pattern: &ResourcePattern) -> Option<String> {
        let key = self.cache.key(action, pattern, self.role);
        if let Some(known) = self.cache.answers.borrow().get(&key) {
            return known.clone();
        }
        let answer = assess(self.evidence.coverage, self.role, action, pattern);
        self.cache.answers.borrow_mut().insert(key, answer.clone());
        answer
    }
}

impl Watch for Observer<'_> {
    fn unseen(&self, action: ActionId, pattern: &ResourcePattern) -> Option<String> {
        if let Some(reason) = &self.general {
            return Some(reason.clone());
        }
        let prefix = catalog().info(action).prefix();
        if let Some(reason) = self.unmapped.get(prefix) {
            return Some(reason.clone());
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
        let mut reason = self.by_coverage(action, pattern)?;
        if let Visibility::Never { .. } | Visibility::Inferred { .. } = catalog().visibility(action) {
            reason.push_str(&self.beyond_trails(prefix));
        }
        Some(reason)
    }

    fn on_grace(&self, site: &GrantSite<'_>, action: ActionId) -> Option<String> {
        let start = self.evidence.window.start()?;
        let policy = self.role.policies.get(site.policy)?;
        if let Some(created) = self.role.created.filter(|created| *created > start) {
            return Some(format!("on grace: the role was created {}, inside the window", day(created)));
        }
        let name = catalog().info(action).name();
        let since = since(self.evidence.ledger, self.role, policy, name).filter(|since| *since > start)?;
        Some(format!("on grace: granted {}, inside the window", day(since)))
    }

    fn released(&self, action: ActionId) -> Option<String> {
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
fn general_doubt(evidence: Evidence<'_>, functions: &[&Function]) -> Option<String> {
    let days = evidence.window.days();
    let least = evidence.settings.min_window_days;
    if days == 0 {
        return Some("there is no evidence at all".to_owned());
    }
    if days < least {
        return Some(format!("{days} days of evidence are too few; {least} are asked for"));
    }
    if let Some(doubt) = evidence.doubts.first() {
        return Some(doubt.clone());
    }
    functions
        .iter()
        .find(|function| required::has_unknown_feature(function))
        .map(|function| format!("{} has an event source of a kind that is not known", function.name))
}

fn assess(coverage: &Coverage<'_>, role: &Role, action: ActionId, pattern: &ResourcePattern) -> Option<String> {
    let sight = coverage.assess_action(action, pattern.as_str(), region_of(pattern), Some(role.arn.as_ref()));
    match sight {
        Sight::Full => None,
        Sight::Partial { reason, .. } | Sight::None { reason, remedy: None } => Some(reason),
        Sight::None { reason, remedy: Some(remedy) } => Some(format!("{reason}; {remedy}")),
    }
}

/// The Region that an ARN pattern names, if it names one.
fn region_of(pattern: &ResourcePattern) -> Option<&str> {
    let mut parts = pattern.as_str().split(':');
    let (first, region) = (parts.next()?, parts.nth(2)?);
    let literal = first == "arn" && !region.is_empty() && !region.contains(['*', '?', '$']);
    literal.then_some(region)
}

/// Services of the role's last-accessed report without an attempt in the whole tracking period. A report older than the
/// window's last day says nothing about that day, so it is not used.
fn untouched<'a>(evidence: Evidence<'a>, role: &'a Role) -> BTreeSet<&'a str> {
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

/// Whether last-accessed data would show an attempt. It never shows iam:PassRole (IAM User Guide, "IAM action last accessed
/// information services and actions").
fn is_tracked(action: ActionId) -> bool {
    catalog().info(action).name() != pass_role::PASS_ROLE
}

fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

/// Since when `policy` of `role` grants the action, as far as its versions and the trail tell.
pub(crate) fn since(ledger: &Ledger, role: &Role, policy: &RolePolicy, action: &str) -> Option<Timestamp> {
    granted_since(policy, action).into_iter().chain(changed_in_trail(ledger, role, policy)).max()
}

/// Since when the policy grants the action, as far as its versions tell. An inline policy has no date. AWS changes its own
/// managed policies without anybody in the account wanting the new actions, so their dates put nothing on grace.
fn granted_since(policy: &RolePolicy, action: &str) -> Option<Timestamp> {
    if policy.kind != PolicyKind::CustomerManaged {
        return None;
    }
    let in_force = policy.versions.iter().position(|version| version.document == policy.document).unwrap_or(0);
    policy
        .versions
        .get(in_force..)?
        .iter()
        .take_while(|version| {
            version
                .document
                .statements
                .iter()
                .any(|statement| statement.effect == Effect::Allow && statement.action.matches(action))
        })
        .last()
        .map(|version| version.created)
}

/// When the trail shows that the policy was written or attached.
fn changed_in_trail(ledger: &Ledger, role: &Role, policy: &RolePolicy) -> Option<Timestamp> {
    ledger
        .account()
        .changes(ChangeKind::Policy)
        .filter(|(change, _)| change.account.is_empty() || change.account == role.arn.account())
        .filter(|(change, _)| match (change.event_name.as_str(), &policy.arn) {
            ("PutRolePolicy", None) => change.subject == role.name && change.policy.as_ref() == Some(&policy.name),
            ("AttachRolePolicy", Some(arn)) => change.subject == role.name && change.policy.as_ref() == Some(arn),
            // What the new version grants beyond the old one is told by the versions; without them, all of it is new.
            ("CreatePolicyVersion" | "SetDefaultPolicyVersion", Some(arn)) => {
                change.subject == *arn && policy.versions.len() < 2
            }
            ("CreateRole", _) => change.subject == role.name,
            _ => false,
        })
        .map(|(_, times)| times.last)
        .max()
}

/// What each source can see, for people: a row per source and class of events.
pub fn coverage_rows(coverage: &Coverage<'_>) -> Vec<CoverageRow> {
    let mut rows = Vec::new();
    for source in coverage.sources() {
        let (sight, reason) = match &source.window {
            Sight::Full => ("seen", String::new()),
            Sight::Partial { reason, .. } => ("partly", reason.clone()),
            Sight::None { reason, .. } => ("not-seen", reason.clone()),
        };
        let regions = source.regions.join(", ");
        let mut row = |events: &str, asked: bool| {
            let (sight, reason) = if asked { (sight, reason.clone()) } else { ("not-seen", "not selected".to_owned()) };
            rows.push(CoverageRow {
                source: format!("{} ({regions})", source.name),
                events: events.to_owned(),
                sight: sight.to_owned(),
                reason,
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
