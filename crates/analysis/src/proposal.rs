//! A role as a change would make it, before it is deployed.
//!
//! In: statements that a file proposes for a role, and the role that the account has today. Out: a [`Role`]
//! that grants what the file grants, for the same analysis as any other, and for each statement what it would
//! allow that today's role does not ([`Novelty`]). No evidence can exist for what was never allowed, so that
//! counts as recently granted: it is never called unused. What is allowed today counts as granted since when
//! it is granted today.
//!
//! A permission counts as allowed today only by proof: one Allow of today's role covers it, with its resource
//! and condition, and no Deny that the file drops refuses any of it. What is not proved counts as new.

pub mod compare;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use whittle_catalog::{ActionId, catalog};
use whittle_evidence::ledger::Ledger;
use whittle_policy::id::{RoleArn, RoleId};
use whittle_policy::{ActionClause, ActionPattern, Effect, PolicyDocument, ResourceClause, ResourcePattern, Statement};

use crate::findings::{by_pattern, is_everything};
use crate::grants::Grants;
use crate::inventory::{PolicyKind, PolicyVersion, Role, RolePolicy};
use crate::recently_granted::{PolicyChanges, granted_since};
use crate::result::{Finding, FunctionResult, Verdict, VerdictRow};

/// One statement of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct ProposedStatement {
    /// The policy that it is in, for people.
    pub policy: String,
    /// Its line, which names it where it has no Sid.
    pub place: String,
    /// The statement, as of version 2012-10-17.
    pub statement: Statement,
    /// Where values of it are not known: the statement on all resources that they may make of it.
    pub loose: Option<Statement>,
    /// Something adds it by itself; nobody wrote it, so nothing is said of it.
    pub implied: bool,
    /// Every function of its kind has it: that it is broad is not said before it is seen.
    pub usual: bool,
}

/// One role as a file proposes it.
#[derive(Debug, Clone)]
pub struct Proposal<'a> {
    /// The role as the account has it; `None` for a new one.
    pub current: Option<&'a Role>,
    /// ARN of a new role.
    pub arn: RoleArn,
    /// Stands for the id that a new role does not have yet; no event carries it.
    pub id: RoleId,
    /// Everything that the file grants and denies.
    pub statements: &'a [ProposedStatement],
    /// Policies of it that could not be read.
    pub unread: Vec<String>,
    /// The time of the question.
    pub now: Timestamp,
}

/// Actions that one statement would allow beyond today's role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Novelty {
    /// Catalog actions, sorted. Not one that today's role may allow, depending on a value that is not known.
    pub actions: Vec<ActionId>,
    /// Patterns that the catalog does not know.
    pub unknown: Vec<ActionPattern>,
}

impl Novelty {
    /// True if today's role allows all of it.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty() && self.unknown.is_empty()
    }
}

/// The role, with one policy for each statement in the order given, and what is new of each. The policy of a
/// statement that nobody wrote is empty.
pub fn role(ledger: &Ledger, proposal: &Proposal<'_>) -> (Role, Vec<Novelty>) {
    let denies = proposal.statements.iter().map(|own| &own.statement).filter(|own| own.effect == Effect::Deny);
    let today = Today::of(ledger, proposal.current, &denies.collect::<Vec<_>>());
    let mut policies = Vec::new();
    let mut novelties = Vec::new();
    for own in proposal.statements {
        let (policy, novelty) = today.policy(own, proposal.now);
        policies.push(policy);
        novelties.push(novelty);
    }
    let role = match proposal.current {
        Some(current) => Role { policies, unreadable_policies: proposal.unread.clone(), ..current.clone() },
        None => Role {
            created: Some(proposal.now),
            policies,
            unreadable_policies: proposal.unread.clone(),
            ..Role::new(proposal.arn.clone(), proposal.id.clone())
        },
    };
    (role, novelties)
}

/// Actions that one statement allows and `current` does not.
pub fn novelty(ledger: &Ledger, current: &Role, statement: &Statement) -> Novelty {
    let own = ProposedStatement {
        policy: String::new(),
        place: String::new(),
        statement: statement.clone(),
        loose: None,
        implied: false,
        usual: false,
    };
    Today::of(ledger, Some(current), &[]).policy(&own, Timestamp::MAX).1
}

/// Today's role, in one version of the language.
struct Today<'a> {
    /// Each Allow, with its policy.
    allows: Vec<(&'a RolePolicy, Statement)>,
    /// Each Deny that the file does not have.
    dropped: Vec<Statement>,
    role: Option<&'a Role>,
    changes: PolicyChanges,
}

/// A piece of a statement: one pattern of its resources; all of a negated clause.
type Part<'a> = Option<&'a ResourcePattern>;

impl<'a> Today<'a> {
    fn of(ledger: &Ledger, role: Option<&'a Role>, denies: &[&Statement]) -> Self {
        let mut allows = Vec::new();
        let mut dropped = Vec::new();
        for policy in role.iter().flat_map(|role| &role.policies) {
            for statement in policy.document.to_version_2012().statements.into_vec() {
                match statement.effect {
                    Effect::Allow => allows.push((policy, statement)),
                    Effect::Deny if denies.iter().any(|own| same_meaning(own, &statement)) => {}
                    Effect::Deny => dropped.push(statement),
                }
            }
        }
        Self { allows, dropped, role, changes: PolicyChanges::of(ledger) }
    }

    /// One statement as a policy whose versions say since when each action is granted.
    fn policy(&self, own: &ProposedStatement, now: Timestamp) -> (RolePolicy, Novelty) {
        let mut statement = own.statement.clone();
        if statement.sid.as_deref().is_none_or(str::is_empty) {
            statement.sid = Some(own.place.clone());
        }
        let (actions, unknown) = Grants::expand(&statement.action);
        let all: Vec<&str> = actions.iter().map(|action| catalog().info(*action).name()).collect();
        let mut novelty = Novelty::default();
        let mut since: BTreeMap<Timestamp, Vec<&str>> = BTreeMap::new();
        if statement.effect == Effect::Allow {
            for action in actions {
                let name = catalog().info(action).name();
                match self.since(&statement, name) {
                    Some(time) => since.entry(time).or_default().push(name),
                    None if self.may_allow(own, name) => {}
                    None => novelty.actions.push(action),
                }
            }
            let is_new = |pattern: &ActionPattern| {
                !self.allows_unknown(&statement, pattern) && !self.may_allow(own, pattern.as_str())
            };
            novelty.unknown = unknown.into_iter().filter(is_new).collect();
        }
        let document = PolicyDocument::new(if own.implied { Vec::new() } else { vec![statement.clone()] });
        // Newest first: the file's, then one for each time at which less was granted.
        let mut versions = vec![PolicyVersion { created: now, document: document.clone() }];
        let mut granted: BTreeSet<&str> = since.values().flatten().copied().collect();
        for (time, names) in since.iter().rev() {
            let earlier = Statement { action: clause(&statement.action, &all, &granted), ..statement.clone() };
            versions.push(PolicyVersion { created: *time, document: PolicyDocument::new(vec![earlier]) });
            for name in names {
                granted.remove(name);
            }
        }
        let policy = RolePolicy {
            name: own.policy.clone(),
            // Not that of a policy of the account, so that no event is about it.
            arn: Some(format!("proposed:{}", own.place)),
            kind: PolicyKind::CustomerManaged,
            document,
            versions,
        };
        (policy, novelty)
    }

    /// Since when today's role allows the action on all that the statement names; `None` if it is not proved
    /// to. [`Timestamp::MIN`] where nothing tells.
    fn since(&self, statement: &Statement, action: &str) -> Option<Timestamp> {
        let mut latest = Timestamp::MIN;
        for part in parts(statement) {
            let denied = self.dropped.iter().any(|deny| deny.action.matches(action) && touches(deny, part));
            if denied {
                return None;
            }
            let covering = self
                .allows
                .iter()
                .filter(|(_, allow)| allow.action.matches(action) && covers(allow, statement, part))
                .map(|(policy, _)| self.granted_since(policy, action));
            latest = latest.max(covering.min()?);
        }
        Some(latest)
    }

    /// True if today's role may allow it already, by what an unknown value turns out to be. Enough not to
    /// call it new; not enough to call it unused.
    fn may_allow(&self, own: &ProposedStatement, action: &str) -> bool {
        let Some(loose) = &own.loose else { return false };
        let allowed =
            |part: Part<'_>| self.allows.iter().any(|(_, allow)| allow.action.matches(action) && touches(allow, part));
        parts(loose).into_iter().all(allowed)
    }

    fn granted_since(&self, policy: &RolePolicy, action: &str) -> Timestamp {
        let seen = self.role.and_then(|role| granted_since(&self.changes, role, policy, action));
        seen.unwrap_or(Timestamp::MIN)
    }

    fn allows_unknown(&self, statement: &Statement, pattern: &ActionPattern) -> bool {
        parts(statement).into_iter().all(|part| {
            let denied = self.dropped.iter().any(|deny| deny.action.intersects(pattern) && touches(deny, part));
            !denied
                && self.allows.iter().any(|(_, allow)| allow.action.covers(pattern) && covers(allow, statement, part))
        })
    }
}

/// Of the actions of a statement (`all`) those in `granted`, in few patterns: the clause is asked about each
/// action.
fn clause(own: &ActionClause, all: &[&str], granted: &BTreeSet<&str>) -> ActionClause {
    let rest: Vec<&str> = all.iter().filter(|name| !granted.contains(*name)).copied().collect();
    let patterns = |names: &mut dyn Iterator<Item = &str>| -> Vec<ActionPattern> {
        names.filter_map(|name| name.parse().ok()).collect()
    };
    if rest.is_empty() {
        own.clone()
    } else if rest.len() < granted.len() {
        ActionClause::NotAction(patterns(&mut rest.iter().copied()).into())
    } else {
        ActionClause::Action(patterns(&mut granted.iter().copied()).into())
    }
}

fn parts(statement: &Statement) -> Vec<Part<'_>> {
    match &statement.resource {
        Some(ResourceClause::Resource(patterns)) => patterns.iter().map(Some).collect(),
        _ => vec![None],
    }
}

/// True if `allow` allows all of a part of `statement`, its action aside.
fn covers(allow: &Statement, statement: &Statement, part: Part<'_>) -> bool {
    let resource = match (&allow.resource, part, &statement.resource) {
        (Some(wide), Some(pattern), _) => wide.covers(pattern),
        (Some(wide), None, Some(narrow)) => wide.covers_clause(narrow),
        (None, None, None) => true,
        _ => false,
    };
    resource && allow.condition.covers(&statement.condition)
}

/// True if `deny` may refuse some of a part, its action aside.
fn touches(deny: &Statement, part: Part<'_>) -> bool {
    match (&deny.resource, part) {
        (Some(clause), Some(pattern)) => clause.intersects(pattern),
        _ => true,
    }
}

fn same_meaning(a: &Statement, b: &Statement) -> bool {
    let plain = |statement: &Statement| Statement { sid: None, ..statement.canonical() };
    plain(a) == plain(b)
}

/// Statements (by index) that a finding on the role is about, the one that matters most first; none for a
/// finding that is about the role or a function as such. `role` is that of [`role`]; `results` are those of
/// its functions.
pub fn statements_of(role: &Role, finding: &Finding, results: &[&FunctionResult]) -> Vec<usize> {
    let of_finding =
        |result: &&&FunctionResult| finding.function_arn.as_ref().is_none_or(|arn| *arn == result.function_arn);
    let rows: Vec<&VerdictRow> = results.iter().filter(of_finding).flat_map(|result| &result.verdicts).collect();
    let names = |test: &dyn Fn(&VerdictRow) -> bool| -> BTreeSet<&str> {
        rows.iter().filter(|row| test(row)).map(|row| row.action.as_str()).collect()
    };
    let unused = names(&|row| row.verdict == Verdict::Unused);
    let narrowed = names(&|row| !row.resources.is_empty() && !row.resources.iter().any(|resource| resource == "*"));
    let grants = Grants::of(role);
    let mut found: Vec<(usize, usize)> = Vec::new();
    for grant in &grants.statements {
        let count = |of: &BTreeSet<&str>| {
            grant.actions.iter().filter(|action| of.contains(catalog().info(**action).name())).count()
        };
        let weight = match finding.code.as_str() {
            "administrator-access" => usize::from(is_everything(grant)),
            "unused-actions" => count(&unused),
            "unused-services" => usize::from(count(&unused) == grant.actions.len()) * grant.actions.len(),
            "wildcard-action" if by_pattern(grant) && !is_everything(grant) => count(&unused),
            "wildcard-resource" if grant.reaches_everything() && !is_everything(grant) => count(&narrowed),
            _ => 0,
        };
        if weight > 0 {
            found.push((weight, grant.policy));
        }
    }
    found.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    found.into_iter().map(|(_, index)| index).collect()
}
