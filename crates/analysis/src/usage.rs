//! From the ledger of a role to the usage of each function on it.
//!
//! Callers that count for a function: its own code; the Lambda service acting for it; a call that could have
//! been any function's. People and CI that assumed the role count for the role as a whole, under their own
//! name, and never for a function.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use whittle_catalog::{ActionId, catalog};
use whittle_evidence::attribute::{Caller, FunctionRef, RoleFunctions, resolve};
use whittle_evidence::ledger::days::start_of_day;
use whittle_evidence::ledger::{CallerLedger, CallsOfOperation, DaySet, Usage};
use whittle_policy::ResourcePattern;

use crate::input::AnalysisEvidence;
use crate::inventory::{Function, Role};
use crate::need::{ActionUsage, CalledOperation, SubjectUsage, UseBasis};
use crate::required::Requirement;

/// Usage of a role as a whole and of each function on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleUsage {
    /// Everybody's.
    pub role: SubjectUsage,
    /// Each function's, in the order of the functions given.
    pub functions: Vec<SubjectUsage>,
}

impl RoleUsage {
    /// Splits the ledger of `role` by function. `required` is what the configuration of each function needs:
    /// it tells which function the Lambda service acted for.
    pub fn collect(
        evidence: AnalysisEvidence<'_>,
        role: &Role,
        functions: &[&Function],
        required: &[Vec<Requirement>],
    ) -> Self {
        let mut out = Self { role: SubjectUsage::default(), functions: vec![SubjectUsage::default(); functions.len()] };
        let Some(ledger) = evidence.ledger.of_role(role.id.as_ref(), role.arn.as_ref()) else { return out };
        let end = evidence.window.end();
        let known = functions.iter().map(|function| function.arn.to_string());
        let candidates = RoleFunctions::new(known.chain(ledger.functions().map(str::to_owned)));
        for (key, used) in ledger.callers() {
            let caller = resolve(key, &candidates);
            let counts = counts_for(&caller, functions);
            let activity = activity_of(&caller, &counts);
            out.role.see(used, end);
            for (subject, _) in out.functions.iter_mut().zip(&activity).filter(|(_, counts)| **counts) {
                subject.see(used, end);
            }
            for (name, usage) in used.usage() {
                // The mapper emits catalog names only; a ledger written with a larger catalog may hold
                // others. Those could be anything, so they count as unmapped below.
                let Some(action) = catalog().action(name) else {
                    let event = (name.to_owned(), String::new());
                    out.unmapped(event, &counts);
                    continue;
                };
                let Some(used) = action_usage(usage, &caller) else { continue };
                out.role.add(action, &used);
                if caller == Caller::Other {
                    let last = used.last_seen;
                    for subject in &mut out.functions {
                        let known = subject.others.entry(action).or_insert(last);
                        *known = (*known).max(last);
                    }
                    continue;
                }
                let explained = explained_by(&caller, action, &used, required);
                for (index, (subject, own)) in out.functions.iter_mut().zip(&counts).enumerate() {
                    if *own && explained.as_ref().is_none_or(|explained| explained.contains(&index)) {
                        subject.add(action, &used);
                    }
                }
            }
            for (prefix, name, calls) in used.calls().iter() {
                let called = called_operation(calls, &caller);
                out.role.add_call((prefix, name), &called);
                if caller != Caller::Other {
                    for (subject, _) in out.functions.iter_mut().zip(&counts).filter(|(_, own)| **own) {
                        subject.add_call((prefix, name), &called);
                    }
                }
            }
            for (source, name, _) in used.unmapped() {
                out.unmapped((source.to_owned(), name.to_owned()), &counts);
            }
        }
        out.role.assumed_days = ledger.assumed_days().len();
        out.role.note_possible();
        out.functions.iter_mut().for_each(SubjectUsage::note_possible);
        out
    }

    fn unmapped(&mut self, event: (String, String), counts: &[bool]) {
        for (subject, _) in self.functions.iter_mut().zip(counts).filter(|(_, counts)| **counts) {
            subject.unmapped.insert(event.clone());
        }
        self.role.unmapped.insert(event);
    }
}

impl SubjectUsage {
    /// `end` is that of the window: a later event has a wrong date, so only its day is left out.
    fn see(&mut self, caller: &CallerLedger, end: Option<Timestamp>) {
        let Some(seen) = caller.seen() else { return };
        let inside = |time: &Timestamp| end.is_none_or(|end| *time < end);
        let last = Some(seen.last).filter(inside).or_else(|| {
            let starts = seen.days.iter().filter_map(start_of_day);
            starts.filter(inside).last()
        });
        self.days.union(&seen.days);
        self.last_seen = self.last_seen.max(last);
    }

    fn add(&mut self, action: ActionId, usage: &ActionUsage) {
        self.actions.entry(action).and_modify(|known| known.join(usage)).or_insert_with(|| usage.clone());
    }
}

impl SubjectUsage {
    fn add_call(&mut self, (prefix, name): (&str, &str), called: &CalledOperation) {
        let calls = self.calls.entry((prefix.to_owned(), name.to_owned()));
        calls.and_modify(|known| known.join(called)).or_insert_with(|| called.clone());
    }

    /// Notes what the operations called may have checked.
    fn note_possible(&mut self) {
        for ((prefix, name), called) in &self.calls {
            let listed = if called.by_other_rules { catalog().authorised_by(prefix, name) } else { Vec::new() };
            let proven = |action: &ActionId| called.by_other_rules && is_proven(prefix, name, *action);
            let actions: BTreeSet<ActionId> = called.may_check.iter().copied().chain(listed).collect();
            for action in actions.into_iter().filter(|action| !proven(action)) {
                let usage = called.to_usage(format!("{prefix}:{name}"));
                self.possible.entry(action).and_modify(|known| known.join(&usage)).or_insert(usage);
            }
        }
    }
}

/// True if every call of the operation proves the action, so that its events are in the usage of it.
pub(crate) fn is_proven(prefix: &str, name: &str, action: ActionId) -> bool {
    catalog().rule_of_operation(prefix, name).is_some_and(|rule| rule.primary().contains(&action))
}

impl CalledOperation {
    fn join(&mut self, other: &Self) {
        self.first_seen = self.first_seen.min(other.first_seen);
        self.last_seen = self.last_seen.max(other.last_seen);
        self.days.union(&other.days);
        self.may_check.extend(&other.may_check);
        self.by_other_rules |= other.by_other_rules;
        self.platform_only &= other.platform_only;
        self.others_only &= other.others_only;
    }

    /// As a use of an action that the calls may have checked, on resources that no event names.
    fn to_usage(&self, operation: String) -> ActionUsage {
        ActionUsage {
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            days: self.days.clone(),
            resources: Vec::new(),
            since: BTreeMap::new(),
            unnamed: true,
            basis: UseBasis::Possible,
            via: BTreeSet::new(),
            may_be_checked_by: BTreeSet::from([operation]),
            platform_only: self.platform_only,
            others_only: self.others_only,
        }
    }
}

fn called_operation(calls: &CallsOfOperation, caller: &Caller) -> CalledOperation {
    let rules = catalog().exclusion_rules();
    let by_other_rules = calls.may_check(rules).is_none();
    // An action that this catalog does not have is not granted under any name that it knows.
    let may_check = calls.may_check_by_any_rules().filter_map(|name| catalog().action(name)).collect();
    let seen = calls.seen();
    CalledOperation {
        first_seen: seen.first,
        last_seen: seen.last,
        days: seen.days.clone(),
        may_check,
        by_other_rules,
        platform_only: matches!(caller, Caller::Platform { .. }),
        others_only: *caller == Caller::Other,
    }
}

/// For each function, whether what `caller` did may be its doing.
fn counts_for(caller: &Caller, functions: &[&Function]) -> Vec<bool> {
    let named: Vec<bool> = functions.iter().map(|function| caller.may_be(function.arn.as_ref())).collect();
    let ours = named.iter().any(|counts| *counts);
    match caller {
        Caller::Other => vec![false; functions.len()],
        // Credentials issued to a function that is gone: not the doing of those that are there.
        Caller::Function(FunctionRef::Arn(_)) => named,
        // A session from inside a sandbox under a name that is no function's: code may assume its own role
        // again under any session name, so it may be any of them.
        Caller::Function(_) | Caller::Platform { .. } if !ours => vec![true; functions.len()],
        Caller::Function(_) | Caller::Platform { .. } => named,
    }
}

/// For each function, whether the call shows that it ran. What the service did for an unnamed function shows
/// so only when there is no other.
fn activity_of(caller: &Caller, counts: &[bool]) -> Vec<bool> {
    let certain = match caller {
        Caller::Platform { function_name: None } | Caller::Function(FunctionRef::Any) => counts.len() == 1,
        _ => true,
    };
    counts.iter().map(|counts| *counts && certain).collect()
}

/// The functions whose configuration explains a call that the Lambda service made for a function it does not
/// name; `None` if no configuration explains it (or it names the function), so that it counts for all.
fn explained_by(
    caller: &Caller,
    action: ActionId,
    used: &ActionUsage,
    required: &[Vec<Requirement>],
) -> Option<BTreeSet<usize>> {
    if !matches!(caller, Caller::Platform { function_name: None }) {
        return None;
    }
    let explains = |requirement: &Requirement| {
        requirement.action == action
            && requirement
                .resource
                .as_ref()
                .is_none_or(|resource| used.unnamed || used.resources.iter().any(|seen| seen.intersects(resource)))
    };
    let functions: BTreeSet<usize> = required
        .iter()
        .enumerate()
        .filter(|(_, requirements)| requirements.iter().any(explains))
        .map(|(index, _)| index)
        .collect();
    (!functions.is_empty()).then_some(functions)
}

/// Authorised use, and use that may have been authorised: neither an error that may hide a denial nor a call
/// that may have checked the action beside its own is proof against a need.
fn action_usage(usage: &Usage, caller: &Caller) -> Option<ActionUsage> {
    let mut sightings = usage.authorised.iter().chain(&usage.undecided).chain(&usage.possible);
    let first = sightings.next()?;
    let basis = if usage.authorised.is_none() && usage.undecided.is_none() {
        UseBasis::Possible
    } else if usage.primary {
        UseBasis::Primary
    } else {
        UseBasis::Secondary
    };
    let mut out = ActionUsage {
        first_seen: first.first,
        last_seen: first.last,
        days: DaySet::new(),
        resources: Vec::new(),
        since: BTreeMap::new(),
        // A call that may have needed the action names no resource for it.
        unnamed: usage.possible.is_some(),
        basis,
        via: usage.via.clone(),
        may_be_checked_by: BTreeSet::new(),
        platform_only: matches!(caller, Caller::Platform { .. }),
        others_only: *caller == Caller::Other,
    };
    for sighting in std::iter::once(first).chain(sightings) {
        out.first_seen = out.first_seen.min(sighting.first);
        out.last_seen = out.last_seen.max(sighting.last);
        out.days.union(&sighting.days);
        for (resource, day) in sighting.resources.first_seen() {
            let resource = ResourcePattern::without_variables(resource);
            if let Some(day) = day {
                out.note_day(resource.clone(), day);
            }
            out.resources.push(resource);
        }
        out.unnamed |= sighting.resources.has_unnamed();
    }
    out.resources.sort();
    out.resources.dedup();
    Some(out)
}

/// Unmapped events by the service prefix that they may belong to; `None` as key for a source that no prefix
/// is known for.
pub(crate) fn unmapped_by_prefix(usage: &SubjectUsage) -> BTreeMap<Option<&str>, Vec<&(String, String)>> {
    let mut out: BTreeMap<Option<&str>, Vec<&(String, String)>> = BTreeMap::new();
    for event in &usage.unmapped {
        let prefixes = catalog().prefixes_of_source(&event.0);
        if prefixes.is_empty() {
            let own = event.0.split_once(':').and_then(|(prefix, _)| catalog().service(prefix));
            out.entry(own.map(whittle_catalog::ServiceInfo::prefix)).or_default().push(event);
        }
        for prefix in prefixes {
            out.entry(Some(prefix)).or_default().push(event);
        }
    }
    out
}
