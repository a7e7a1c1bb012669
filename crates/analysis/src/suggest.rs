//! From kept pieces to policy documents.
//!
//! Each suggested Allow narrows exactly one original statement: its actions, its resource element or patterns inside it, its
//! condition and at most one more. So "never wider" holds by construction and is still proved afterwards ([`crate::proof`]).
//! Deny statements are copied as they are. A statement of which everything stays is copied as it is, patterns and all.

mod fit;

use std::collections::{BTreeMap, BTreeSet};

use whittle_catalog::{ActionId, catalog};
pub use whittle_policy::pack::MANAGED_POLICY_CHARACTERS;
use whittle_policy::{ActionClause, ActionPattern, Effect, OneOrMany, ResourceClause, ResourcePattern, Statement};

use crate::decide::{Decision, Kept, Piece};
use crate::grants::{GrantSite, Grants};
use crate::inventory::Role;
use crate::need::ExtraCondition;
use crate::result::{StatementNote, SuggestedPolicy, Verdict};

/// A narrowed set of policies, not yet proved.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Draft {
    /// Policies within the size limit.
    pub policies: Vec<SuggestedPolicy>,
    /// One per statement, in document order.
    pub notes: Vec<StatementNote>,
}

/// Builds the policies that keep `decision`'s pieces. `name` is the base of the policy names.
pub fn draft(role: &Role, grants: &Grants<'_>, decision: &Decision, name: &str) -> Draft {
    let pieces = without_repeats(grants, &decision.pieces);
    let mut builder = Builder { role, sids: BTreeSet::new(), out: Vec::new() };
    for (policy_index, policy) in role.policies.iter().enumerate() {
        for (statement_index, statement) in policy.document.statements.iter().enumerate() {
            if statement.effect == Effect::Deny {
                builder.copy(policy_index, statement_index, statement, "a Deny is never touched");
                continue;
            }
            let site = grants
                .sites
                .iter()
                .enumerate()
                .find(|(_, site)| site.policy == policy_index && site.statement_index == statement_index);
            if let Some((index, site)) = site {
                let own: Vec<&Piece> = pieces.iter().filter(|piece| piece.site == index).collect();
                builder.narrow(site, &own);
            }
        }
    }
    fit::fit(role, builder.out, name)
}

struct Suggested {
    statement: Statement,
    note: StatementNote,
}

struct Builder<'a> {
    role: &'a Role,
    sids: BTreeSet<String>,
    out: Vec<Suggested>,
}

impl Builder<'_> {
    fn copy(&mut self, policy: usize, index: usize, statement: &Statement, reason: &str) {
        self.push(policy, index, statement, reason.to_owned(), "");
    }

    fn push(&mut self, policy: usize, index: usize, statement: &Statement, reason: String, suffix: &str) {
        let Some(role_policy) = self.role.policies.get(policy) else { return };
        // One version for all: `${…}` means something only from 2012-10-17 on, so text of older documents is escaped.
        let mut statement = statement.to_version_2012();
        let base = match statement.sid.as_deref().filter(|sid| !sid.is_empty()) {
            Some(sid) => sid.to_owned(),
            None => format!("{}{}", alphanumeric(&role_policy.name), index + 1),
        };
        let sid = self.unique_sid(&format!("{base}{suffix}"));
        statement.sid = Some(sid.clone());
        self.out.push(Suggested {
            statement,
            note: StatementNote { sid, from_policy: role_policy.name.clone(), from_statement: index, reason },
        });
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

    fn narrow(&mut self, site: &GrantSite<'_>, pieces: &[&Piece]) {
        let whole: BTreeSet<ActionId> =
            pieces.iter().filter(|p| p.kept == Kept::AsGranted && p.only_if.is_none()).map(|p| p.action).collect();
        if whole.len() == site.actions.len() && pieces.len() == whole.len() {
            if !(site.actions.is_empty() && site.unknown.is_empty()) {
                self.copy(site.policy, site.statement_index, site.statement, &group_reason(pieces, site));
            }
            return;
        }
        let mut groups: BTreeMap<(&Kept, Option<&ExtraCondition>), Vec<&Piece>> = BTreeMap::new();
        for piece in pieces {
            groups.entry((&piece.kept, piece.only_if.as_ref())).or_default().push(piece);
        }
        if !site.unknown.is_empty() && !groups.contains_key(&(&Kept::AsGranted, None)) {
            groups.insert((&Kept::AsGranted, None), Vec::new());
        }
        for ((kept, only_if), members) in groups {
            let actions: BTreeSet<ActionId> = members.iter().map(|piece| piece.action).collect();
            let unknown = if *kept == Kept::AsGranted && only_if.is_none() { site.unknown.as_slice() } else { &[] };
            let patterns = self.action_patterns(site, &actions, *kept == Kept::AsGranted, unknown);
            if patterns.is_empty() {
                continue;
            }
            let mut statement = site.statement.clone();
            statement.action = ActionClause::Action(OneOrMany::from(patterns));
            if let Kept::Narrowed(resources) = kept {
                statement.resource = Some(ResourceClause::Resource(OneOrMany::from(resources.clone())));
            }
            if let Some(extra) = only_if {
                statement.condition = statement.condition.with(&extra.operator, &extra.key, &extra.values);
            }
            let suffix = suffix(&members, kept, only_if);
            self.push(site.policy, site.statement_index, &statement, group_reason(&members, site), suffix);
        }
    }

    /// Action patterns for `actions`: where everything that a pattern of the statement stands for is kept as granted, the
    /// pattern itself (a function may use what the catalog does not know yet); otherwise the names.
    fn action_patterns(
        &self,
        site: &GrantSite<'_>,
        actions: &BTreeSet<ActionId>,
        as_granted: bool,
        unknown: &[ActionPattern],
    ) -> Vec<ActionPattern> {
        let mut out: Vec<ActionPattern> = unknown.to_vec();
        let mut left = actions.clone();
        if as_granted {
            for pattern in self.candidate_patterns(site) {
                let expansion = catalog().expand(&pattern);
                if !expansion.is_empty() && expansion.iter().all(|action| actions.contains(action)) {
                    for action in &expansion {
                        left.remove(action);
                    }
                    out.push(pattern);
                }
            }
        }
        out.extend(left.iter().filter_map(|action| catalog().info(*action).name().parse().ok()));
        out.sort();
        out.dedup();
        out
    }

    /// Patterns that the statement itself grants: its own, and `service:*` where it grants whole services.
    fn candidate_patterns(&self, site: &GrantSite<'_>) -> Vec<ActionPattern> {
        let own: Vec<ActionPattern> = match &site.statement.action {
            ActionClause::Action(patterns) => patterns.iter().filter(|p| p.is_wildcard()).cloned().collect(),
            ActionClause::NotAction(_) => Vec::new(),
        };
        let grants_many_services =
            own.iter().any(ActionPattern::is_any) || matches!(site.statement.action, ActionClause::NotAction(_));
        let mut out = own;
        if grants_many_services {
            let whole_services =
                catalog().services().filter_map(|service| format!("{}:*", service.prefix()).parse().ok());
            out.extend(whole_services.filter(|pattern| site.statement.action.covers(pattern)));
        }
        out
    }
}

fn suffix(members: &[&Piece], kept: &Kept, only_if: Option<&ExtraCondition>) -> &'static str {
    match only_if.map(|extra| extra.key.as_str()) {
        Some("kms:ViaService") => return "ViaService",
        Some(_) => return "ByAlias",
        None => {}
    }
    let verdicts: BTreeSet<Verdict> = members.iter().map(|piece| piece.verdict).collect();
    match (verdicts.first(), verdicts.len()) {
        (Some(Verdict::Used), 1) => "Used",
        (Some(Verdict::Required), 1) => "Required",
        (Some(Verdict::Companion), 1) => "Companion",
        (Some(Verdict::Unobservable | Verdict::Unknown), 1) | (None, _) => "Unproven",
        _ if *kept == Kept::AsGranted => "AsGranted",
        _ => "Needed",
    }
}

fn group_reason(members: &[&Piece], site: &GrantSite<'_>) -> String {
    let mut counts: BTreeMap<Verdict, usize> = BTreeMap::new();
    for action in members.iter().map(|piece| (piece.action, piece.verdict)).collect::<BTreeSet<_>>() {
        *counts.entry(action.1).or_default() += 1;
    }
    if !site.unknown.is_empty() {
        counts.insert(Verdict::Unknown, site.unknown.len());
    }
    let parts: Vec<String> = counts.iter().map(|(verdict, count)| format!("{count} {}", verdict.as_str())).collect();
    parts.join(", ")
}

fn alphanumeric(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// Drops what another statement of the role keeps anyway, so that overlapping policies do not repeat each other.
fn without_repeats(grants: &Grants<'_>, pieces: &[Piece]) -> Vec<Piece> {
    let mut by_action: BTreeMap<ActionId, Vec<&Piece>> = BTreeMap::new();
    for piece in pieces {
        by_action.entry(piece.action).or_default().push(piece);
    }
    let mut out = Vec::with_capacity(pieces.len());
    for (_, mut group) in by_action {
        // Widest first: a piece may be dropped only for one that stays.
        group.sort_by_key(|piece| (piece.only_if.is_some(), piece.kept != Kept::AsGranted, piece.site));
        let mut kept: Vec<Piece> = Vec::with_capacity(group.len());
        for piece in group {
            let mut piece = piece.clone();
            let resources: Vec<ResourcePattern> = resources_of(grants, &piece);
            let left: Vec<ResourcePattern> = resources
                .iter()
                .filter(|resource| !kept.iter().any(|other| keeps(grants, other, &piece, resource)))
                .cloned()
                .collect();
            if left.is_empty() && !resources.is_empty() {
                continue;
            }
            if left.len() < resources.len() {
                piece.kept = Kept::Narrowed(left);
            }
            kept.push(piece);
        }
        out.extend(kept);
    }
    out.sort_by_key(|piece| (piece.site, piece.action));
    out
}

/// The resource patterns of a piece; empty where it keeps a `NotResource` element.
fn resources_of(grants: &Grants<'_>, piece: &Piece) -> Vec<ResourcePattern> {
    match &piece.kept {
        Kept::Narrowed(patterns) => patterns.clone(),
        Kept::AsGranted => match grants.sites.get(piece.site).and_then(|site| site.statement.resource.as_ref()) {
            Some(ResourceClause::Resource(patterns)) => patterns.iter().cloned().collect(),
            _ => Vec::new(),
        },
    }
}

/// Whether `other` allows `resource` under every condition under which `piece` does.
fn keeps(grants: &Grants<'_>, other: &Piece, piece: &Piece, resource: &ResourcePattern) -> bool {
    let (Some(wide), Some(narrow)) = (grants.sites.get(other.site), grants.sites.get(piece.site)) else { return false };
    let same_extra = other.only_if.is_none() || other.only_if == piece.only_if;
    same_extra
        && wide.statement.condition.covers(&narrow.statement.condition)
        && resources_of(grants, other).iter().any(|pattern| pattern.covers(resource))
}
