//! Findings on permissions that a file proposes and that nobody has had yet: only how they are written can be
//! judged.
//!
//! Codes are those of the account: `wildcard-action`, `wildcard-resource`, `privilege-widened`. Each new
//! statement by wildcard is a finding of its own, named by what it grants, so that a baseline with an older
//! one of the same role does not hide it.

use jiff::Timestamp;
use whittle_catalog::{ActionId, catalog};

use super::breadth::{WILDCARD_ACTION, WILDCARD_RESOURCE, by_pattern, is_everything};
use super::drift::PRIVILEGE_WIDENED;
use super::{FindingIdentity, fingerprint, plural, some_of};
use crate::grants::{GrantStatement, Grants};
use crate::inventory::{Function, Role};
use crate::proposal::{Novelty, ProposedStatement};
use crate::reason::Reason;
use crate::result::Finding;
use crate::risk;

/// One role as a file proposes it.
pub struct ProposedFacts<'a> {
    /// Made by [`crate::proposal::role`]: one policy for each statement.
    pub role: &'a Role,
    /// The role is not in the account yet.
    pub is_new: bool,
    /// Functions that would run under it.
    pub functions: &'a [&'a Function],
    /// Statements of the file.
    pub statements: &'a [ProposedStatement],
    /// New actions of each statement.
    pub novelties: &'a [Novelty],
    /// The time of the question.
    pub now: Timestamp,
}

/// Findings with the statements (by index) that they are about.
#[expect(clippy::expect_used, reason = "the role has one policy for each statement, and a novelty for each")]
pub fn check_proposal(facts: &ProposedFacts<'_>) -> Vec<(Finding, Vec<usize>)> {
    let grants = Grants::of(facts.role);
    let mut out = Vec::new();
    let mut plain: Vec<(usize, &GrantStatement<'_>, &Novelty)> = Vec::new();
    for grant in &grants.statements {
        let own = facts.statements.get(grant.policy).expect("the statement of a policy");
        let new = facts.novelties.get(grant.policy).expect("the novelty of a statement");
        // `administrator-access` says it already; and what something adds by itself nobody can write
        // otherwise.
        if own.implied || own.usual || new.is_empty() || is_everything(grant) {
            continue;
        }
        let resourced = new.actions.iter().any(|action| catalog().info(*action).supports_resources());
        // A pattern that stands for one action only is that action (`sqs:SendMessage*`).
        let spread =
            grant.actions.len() > grant.statement.action.patterns().len() || grant.statement.action.is_negated();
        if by_pattern(grant) && spread {
            out.push((facts.wildcard_action(grant, own, new), vec![grant.policy]));
        } else if grant.reaches_everything() && resourced {
            out.push((facts.wildcard_resource(own, new), vec![grant.policy]));
        } else {
            plain.push((grant.policy, grant, new));
        }
    }
    if !facts.is_new && !plain.is_empty() {
        let statements = plain.iter().map(|(index, _, _)| *index).collect();
        out.push((facts.widened(&plain), statements));
    }
    out
}

/// Stands for the fingerprint of the finding in a remedy.
const FINGERPRINT: &str = "{fingerprint}";

/// Said of each new statement, whose purpose cannot be known.
const NO_EVIDENCE: &str = "nothing allows it today, so no evidence can show what is needed";

impl ProposedFacts<'_> {
    fn wildcard_action(&self, grant: &GrantStatement<'_>, own: &ProposedStatement, new: &Novelty) -> Finding {
        let everywhere = grant.reaches_everything();
        let names = worst_first(&new.actions);
        let detail = format!(
            "{} {} {} on {}: {}; {NO_EVIDENCE}",
            place(own),
            if new.actions.len() < grant.actions.len() { "adds" } else { "allows" },
            plural(new.actions.len() + new.unknown.len(), "action"),
            if everywhere { "every resource" } else { "the resources it names" },
            some_of(&names, 5)
        );
        let title = format!("{} would be allowed actions by wildcard", self.name());
        let remedy = "name the actions that the code calls".to_owned();
        self.finding(WILDCARD_ACTION.code, impact(new, everywhere), [title, detail, remedy], &content(own))
    }

    fn wildcard_resource(&self, own: &ProposedStatement, new: &Novelty) -> Finding {
        let resourced: Vec<ActionId> =
            new.actions.iter().copied().filter(|action| catalog().info(*action).supports_resources()).collect();
        let names = worst_first(&resourced);
        let title = format!("{} would be allowed {} on every resource", self.name(), plural(names.len(), "action"));
        let detail = format!("{} allows {}; {NO_EVIDENCE}", place(own), some_of(&names, 5));
        let remedy = "name the resources, as !GetAtt or !Ref of the template".to_owned();
        let impact = risk::impact_of_all(resourced.iter().map(|action| (*action, true)));
        self.finding(WILDCARD_RESOURCE.code, impact, [title, detail, remedy], &content(own))
    }

    fn widened(&self, plain: &[(usize, &GrantStatement<'_>, &Novelty)]) -> Finding {
        let mut actions: Vec<ActionId> = plain.iter().flat_map(|(_, _, new)| &new.actions).copied().collect();
        actions.sort_unstable();
        actions.dedup();
        let mut names = worst_first(&actions);
        names.extend(plain.iter().flat_map(|(_, _, new)| &new.unknown).map(whittle_policy::ActionPattern::as_str));
        let impact = plain.iter().map(|(_, grant, new)| impact(new, grant.reaches_everything())).max().unwrap_or(1);
        let places: Vec<String> =
            plain.iter().filter_map(|(index, _, _)| self.statements.get(*index)).map(place).collect();
        let title = format!("{} would be allowed {} more than today", self.name(), plural(names.len(), "action"));
        let detail = format!("adds {} (in {})", some_of(&names, 8), some_of(&places, 4));
        let also: Vec<String> =
            plain.iter().filter_map(|(index, _, _)| self.statements.get(*index)).map(content).collect();
        let remedy = format!("narrow it, or accept it until it is deployed: whittle waive {FINGERPRINT} --force");
        self.finding(PRIVILEGE_WIDENED.code, impact, [title, detail, remedy], &also.join("\n"))
    }

    fn finding(&self, code: &str, impact: u8, [title, detail, remedy]: [String; 3], also: &str) -> Finding {
        let likelihood =
            self.functions.iter().map(|function| risk::likelihood(function, Some(self.now))).max().unwrap_or(1);
        let function_arn = match self.functions {
            [only] => Some(only.arn.to_string()),
            _ => None,
        };
        let role = self.role.arn.as_ref();
        let fingerprint = fingerprint(&FindingIdentity { code, function: function_arn.as_deref(), role, also });
        let remedy = remedy.replace(FINGERPRINT, &fingerprint);
        Finding {
            code: code.to_owned(),
            severity: risk::severity(likelihood, impact),
            likelihood,
            impact,
            fingerprint,
            function_arn,
            role_arn: self.role.arn.to_string(),
            title,
            detail: Reason::Text(detail),
            remedy,
        }
    }

    fn name(&self) -> &str {
        match self.functions {
            [only] => only.name.as_str(),
            _ => self.role.name.as_str(),
        }
    }
}

fn place(own: &ProposedStatement) -> String {
    match own.statement.sid.as_deref().filter(|sid| !sid.is_empty()) {
        Some(sid) => format!("{}/{sid}", own.policy),
        None => format!("{}/{}", own.policy, own.place),
    }
}

fn impact(new: &Novelty, everywhere: bool) -> u8 {
    risk::impact_of_all(new.actions.iter().map(|action| (*action, everywhere)))
}

fn worst_first(actions: &[ActionId]) -> Vec<&'static str> {
    let mut actions = actions.to_vec();
    actions.sort_by_key(|action| (std::cmp::Reverse(risk::impact(*action)), *action));
    actions.into_iter().map(|action| catalog().info(action).name()).collect()
}

/// Grants of a statement, whatever its Sid and place.
fn content(own: &ProposedStatement) -> String {
    let plain = whittle_policy::Statement { sid: None, ..own.statement.canonical() };
    serde_json::to_string(&plain).unwrap_or_default()
}
