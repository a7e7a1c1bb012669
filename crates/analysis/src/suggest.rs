//! From kept grants to policy documents.
//!
//! Each suggested Allow narrows exactly one original statement: its actions, its resource element or patterns
//! inside it, its condition and at most one more. So "never wider" holds by construction and is still proved
//! afterwards ([`crate::proof`]). Deny statements are copied as they are. A statement of which everything
//! stays is copied as it is, patterns and all.

mod quota;

use std::collections::{BTreeMap, BTreeSet};

use whittle_catalog::{ActionId, catalog};
pub use whittle_policy::pack::MANAGED_POLICY_CHARACTERS;
use whittle_policy::{ActionClause, ActionPattern, Effect, OneOrMany, ResourceClause, ResourcePattern, Statement};

use crate::decide::{Decision, KeptGrant, KeptResources};
use crate::grants::{GrantStatement, Grants};
use crate::inventory::{Role, RolePolicy};
use crate::need::ExtraCondition;
use crate::reason::StatementReason;
use crate::result::{StatementNote, SuggestedPolicy, Verdict};

/// A narrowed set of policies, not yet proved.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SuggestionDraft {
    /// Policies within the size limit.
    pub policies: Vec<SuggestedPolicy>,
    /// One per statement, in document order.
    pub notes: Vec<StatementNote>,
}

/// Builds the policies that keep what `decision` keeps. `name` is the base of the policy names.
#[expect(clippy::expect_used, reason = "`grants` has one statement for each Allow of the role, in the same order")]
pub fn draft(role: &Role, grants: &Grants<'_>, decision: &Decision<'_>, name: &str) -> SuggestionDraft {
    let kept = without_repeats(&decision.kept);
    let mut allows = grants.statements.iter();
    let mut builder = Builder { sids: BTreeSet::new(), out: Vec::new() };
    for policy in &role.policies {
        for (index, statement) in policy.document.statements.iter().enumerate() {
            if statement.effect == Effect::Deny {
                builder.push(policy, index, statement, StatementReason::Deny, "");
                continue;
            }
            let grant = allows.next().expect("the grants of the role");
            let own: Vec<&KeptGrant<'_>> =
                kept.iter().filter(|kept| kept.grant.position() == grant.position()).collect();
            builder.narrow(grant, &own);
        }
    }
    quota::within_quota(role, builder.out, name)
}

struct Suggested {
    statement: Statement,
    origin: StatementOrigin,
    reason: StatementReason,
}

/// The statement of the role that a suggested one narrows.
#[derive(Clone)]
struct StatementOrigin {
    policy: String,
    statement: usize,
}

struct Builder {
    sids: BTreeSet<String>,
    out: Vec<Suggested>,
}

impl Builder {
    fn push(
        &mut self,
        policy: &RolePolicy,
        index: usize,
        statement: &Statement,
        reason: StatementReason,
        suffix: &str,
    ) {
        // One version for all: `${…}` means something only from 2012-10-17 on, so text of older documents is
        // escaped.
        let mut statement = statement.to_version_2012();
        let base = match statement.sid.as_deref().filter(|sid| !sid.is_empty()) {
            Some(sid) => sid.to_owned(),
            None => format!("{}{}", alphanumeric(&policy.name), index + 1),
        };
        statement.sid = Some(self.unique_sid(&format!("{base}{suffix}")));
        let origin = StatementOrigin { policy: policy.name.clone(), statement: index };
        self.out.push(Suggested { statement, origin, reason });
    }

    /// Sids are unique in a policy; keeping them unique over all policies lets statements move between them.
    fn unique_sid(&mut self, wanted: &str) -> String {
        let mut sid = alphanumeric(wanted);
        let mut number = 2_u32;
        while !self.sids.insert(sid.clone()) {
            sid = format!("{}{number}", alphanumeric(wanted));
            number = number.saturating_add(1);
        }
        sid
    }

    fn narrow(&mut self, grant: &GrantStatement<'_>, kept_grants: &[&KeptGrant<'_>]) {
        let whole: BTreeSet<ActionId> = kept_grants
            .iter()
            .filter(|p| p.kept == KeptResources::AsGranted && p.only_if.is_none())
            .map(|p| p.action)
            .collect();
        if whole.len() == grant.actions.len() && kept_grants.len() == whole.len() {
            if !(grant.actions.is_empty() && grant.unknown.is_empty()) {
                self.push(grant.owner, grant.statement_index, grant.statement, group_reason(kept_grants, grant), "");
            }
            return;
        }
        let mut groups: BTreeMap<(&KeptResources, Option<&ExtraCondition>), Vec<&KeptGrant<'_>>> = BTreeMap::new();
        for kept in kept_grants {
            groups.entry((&kept.kept, kept.only_if.as_ref())).or_default().push(kept);
        }
        if !grant.unknown.is_empty() && !groups.contains_key(&(&KeptResources::AsGranted, None)) {
            groups.insert((&KeptResources::AsGranted, None), Vec::new());
        }
        for ((kept, only_if), members) in groups {
            let actions: BTreeSet<ActionId> = members.iter().map(|kept| kept.action).collect();
            let unknown =
                if *kept == KeptResources::AsGranted && only_if.is_none() { grant.unknown.as_slice() } else { &[] };
            let patterns = action_patterns(grant, &actions, *kept == KeptResources::AsGranted, unknown);
            if patterns.is_empty() {
                continue;
            }
            let mut statement = grant.statement.clone();
            statement.action = ActionClause::Action(OneOrMany::from(patterns));
            if let KeptResources::Narrowed(resources) = kept {
                statement.resource = Some(ResourceClause::Resource(OneOrMany::from(resources.clone())));
            }
            if let Some(extra) = only_if {
                statement.condition = statement.condition.with(&extra.operator, &extra.key, &extra.values);
            }
            let suffix = suffix(&members, kept, only_if);
            self.push(grant.owner, grant.statement_index, &statement, group_reason(&members, grant), suffix);
        }
    }
}

/// Action patterns for `actions`: where everything that a pattern of the statement stands for is kept as
/// granted, the pattern itself (a function may use what the catalog does not know yet); otherwise the names.
fn action_patterns(
    grant: &GrantStatement<'_>,
    actions: &BTreeSet<ActionId>,
    as_granted: bool,
    unknown: &[ActionPattern],
) -> Vec<ActionPattern> {
    let mut out: Vec<ActionPattern> = unknown.to_vec();
    let mut left = actions.clone();
    if as_granted {
        for pattern in candidate_patterns(grant) {
            let expansion = catalog().expand(&pattern);
            if !expansion.is_empty() && expansion.iter().all(|action| actions.contains(action)) {
                for action in &expansion {
                    left.remove(action);
                }
                out.push(pattern);
            }
        }
    }
    out.extend(left.iter().map(|action| pattern(catalog().info(*action).name())));
    out.sort();
    out.dedup();
    out
}

/// Patterns that the statement itself grants: its own, and `service:*` where it grants whole services.
fn candidate_patterns(grant: &GrantStatement<'_>) -> Vec<ActionPattern> {
    let own: Vec<ActionPattern> = match &grant.statement.action {
        ActionClause::Action(patterns) => patterns.iter().filter(|p| p.is_wildcard()).cloned().collect(),
        ActionClause::NotAction(_) => Vec::new(),
    };
    let grants_many_services =
        own.iter().any(ActionPattern::is_any) || matches!(grant.statement.action, ActionClause::NotAction(_));
    let mut out = own;
    if grants_many_services {
        let whole_services = catalog().services().map(|service| pattern(&format!("{}:*", service.prefix())));
        out.extend(whole_services.filter(|pattern| grant.statement.action.covers(pattern)));
    }
    out
}

#[expect(clippy::expect_used, reason = "names of the catalog are action patterns; a test reads them all")]
fn pattern(name: &str) -> ActionPattern {
    name.parse().expect("an action pattern")
}

fn suffix(members: &[&KeptGrant<'_>], kept: &KeptResources, only_if: Option<&ExtraCondition>) -> &'static str {
    match only_if.map(|extra| extra.key.as_str()) {
        Some("kms:ViaService") => return "ViaService",
        Some(_) => return "ByAlias",
        None => {}
    }
    let verdicts: BTreeSet<Verdict> = members.iter().map(|kept| kept.verdict).collect();
    match (verdicts.first(), verdicts.len()) {
        (Some(Verdict::Used), 1) => "Used",
        (Some(Verdict::Required), 1) => "Required",
        (Some(Verdict::Companion), 1) => "Companion",
        (Some(Verdict::Possible), 1) => "Possible",
        (Some(Verdict::Unobservable | Verdict::Unknown), 1) | (None, _) => "Unproven",
        _ if *kept == KeptResources::AsGranted => "AsGranted",
        _ => "Needed",
    }
}

fn group_reason(members: &[&KeptGrant<'_>], grant: &GrantStatement<'_>) -> StatementReason {
    let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
    for action in members.iter().map(|kept| (kept.action, kept.verdict)).collect::<BTreeSet<_>>() {
        *counts.entry(action.1).or_default() += 1;
    }
    if !grant.unknown.is_empty() {
        counts.insert(Verdict::Unknown, grant.unknown.len());
    }
    StatementReason::Verdicts { counts }
}

fn alphanumeric(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// Drops what another statement of the role keeps anyway, so that overlapping policies do not repeat each
/// other.
fn without_repeats<'g>(all: &[KeptGrant<'g>]) -> Vec<KeptGrant<'g>> {
    let mut by_action: BTreeMap<ActionId, Vec<&KeptGrant<'g>>> = BTreeMap::new();
    for kept in all {
        by_action.entry(kept.action).or_default().push(kept);
    }
    let mut out = Vec::with_capacity(all.len());
    for (_, mut group) in by_action {
        // Widest first: one may be dropped only for one that stays.
        group
            .sort_by_key(|kept| (kept.only_if.is_some(), kept.kept != KeptResources::AsGranted, kept.grant.position()));
        let mut staying: Vec<KeptGrant<'g>> = Vec::with_capacity(group.len());
        for kept in group {
            let mut kept = kept.clone();
            let resources: Vec<ResourcePattern> = resources_of(&kept);
            let left: Vec<ResourcePattern> = resources
                .iter()
                .filter(|resource| !staying.iter().any(|other| keeps(other, &kept, resource)))
                .cloned()
                .collect();
            if left.is_empty() && !resources.is_empty() {
                continue;
            }
            if left.len() < resources.len() {
                kept.kept = KeptResources::Narrowed(left);
            }
            staying.push(kept);
        }
        out.extend(staying);
    }
    out.sort_by_key(|kept| (kept.grant.position(), kept.action));
    out
}

/// The resource patterns of a kept grant; empty where it keeps a `NotResource` element.
fn resources_of(kept: &KeptGrant<'_>) -> Vec<ResourcePattern> {
    match (&kept.kept, &kept.grant.statement.resource) {
        (KeptResources::Narrowed(patterns), _) => patterns.clone(),
        (KeptResources::AsGranted, Some(ResourceClause::Resource(patterns))) => patterns.iter().cloned().collect(),
        (KeptResources::AsGranted, _) => Vec::new(),
    }
}

/// True if `other` allows `resource` under every condition under which `kept` does.
fn keeps(other: &KeptGrant<'_>, kept: &KeptGrant<'_>, resource: &ResourcePattern) -> bool {
    let same_extra = other.only_if.is_none() || other.only_if == kept.only_if;
    same_extra
        && other.grant.statement.condition.covers(&kept.grant.statement.condition)
        && resources_of(other).iter().any(|pattern| pattern.covers(resource))
}
