//! Puts suggested statements into policies within the quotas of IAM.

use whittle_catalog::catalog;
use whittle_policy::minify::{KnownActions, MinifiedStatement, minify_where, shorten_actions};
use whittle_policy::pack::{MANAGED_POLICY_CHARACTERS, Placed, pack};
use whittle_policy::{ActionClause, ActionPattern, Effect, OneOrMany, PolicyDocument, Statement};

use super::{Suggested, SuggestionDraft};
use crate::inventory::Role;
use crate::reason::{MergedStatement, StatementReason};
use crate::result::{StatementNote, SuggestedPolicy};

/// Managed policies that a role may have by default (IAM User Guide, "IAM and AWS STS quotas").
const MAX_MANAGED_POLICIES: usize = 20;

/// Puts statements into as few policies as their order allows, none above the size limit.
///
/// Statements that fit one policy stay as they are, each with its own reason. Others are merged where one
/// original Allow covers the result. What then still needs more policies than a role may have gets action
/// prefixes in place of names, where an original Allow grants the prefix and the catalog knows nothing more
/// that it matches.
#[expect(clippy::expect_used, reason = "packing gives back indexes of the statements that it was given")]
pub(super) fn within_quota(role: &Role, mut suggested: Vec<Suggested>, name: &str) -> SuggestionDraft {
    let mut packed = packed(&suggested);
    if packed.len() > 1 {
        suggested = merged(role, suggested);
        packed = self::packed(&suggested);
    }
    if packed.len() > MAX_MANAGED_POLICIES {
        shorten(role, &mut suggested);
        packed = self::packed(&suggested);
    }
    let mut draft = SuggestionDraft::default();
    let many = packed.len() > 1;
    for (index, policy) in packed.into_iter().enumerate() {
        let name = if many { format!("{name}-{}", index + 1) } else { name.to_owned() };
        let mut statements = Vec::with_capacity(policy.len());
        for Placed { statement, origin } in policy {
            let whole = suggested.get(origin).expect("the statement that it is, or is a part of");
            draft.notes.push(StatementNote {
                sid: sid_of(&statement),
                from_policy: whole.origin.policy.clone(),
                from_statement: whole.origin.statement,
                reason: whole.reason.clone().into(),
            });
            statements.push(statement);
        }
        draft.policies.push(SuggestedPolicy { name, document: PolicyDocument::new(statements) });
    }
    draft
}

fn packed(suggested: &[Suggested]) -> Vec<Vec<Placed>> {
    let statements: Vec<Statement> = suggested.iter().map(|suggested| suggested.statement.clone()).collect();
    pack(&statements, MANAGED_POLICY_CHARACTERS)
}

/// True if one original Allow covers the statement.
fn is_granted(role: &Role, statement: &Statement) -> bool {
    let mut original = role.policies.iter().flat_map(|policy| policy.document.statements.iter());
    original.any(|wide| wide.effect == Effect::Allow && wide.covers(statement))
}

/// Allow statements merged; Deny statements as they are, in front.
#[expect(
    clippy::expect_used,
    reason = "merging gives back indexes of the statements that it was given, at least one each"
)]
fn merged(role: &Role, suggested: Vec<Suggested>) -> Vec<Suggested> {
    let (mut out, allows): (Vec<_>, Vec<_>) =
        suggested.into_iter().partition(|suggested| suggested.statement.effect == Effect::Deny);
    let statements: Vec<Statement> = allows.iter().map(|suggested| suggested.statement.clone()).collect();
    for MinifiedStatement { statement, origins } in minify_where(&statements, |statement| is_granted(role, statement)) {
        let mut merged = origins.iter().map(|&at| allows.get(at).expect("a statement that was merged"));
        let first = merged.next().expect("at least one statement");
        let others: Vec<MergedStatement> = merged
            .map(|other| MergedStatement { sid: sid_of(&other.statement), reason: other.reason.clone() })
            .collect();
        let reason = if others.is_empty() {
            first.reason.clone()
        } else {
            StatementReason::Merged { first: Box::new(first.reason.clone()), others }
        };
        out.push(Suggested { statement, origin: first.origin.clone(), reason });
    }
    out
}

fn sid_of(statement: &Statement) -> String {
    statement.sid.clone().unwrap_or_default()
}

fn shorten(role: &Role, suggested: &mut [Suggested]) {
    let known: KnownActions = catalog().actions().map(|action| catalog().info(action).name()).collect();
    for Suggested { statement, .. } in suggested.iter_mut().filter(|s| s.statement.effect == Effect::Allow) {
        let with = |pattern: &ActionPattern| {
            let action = ActionClause::Action(OneOrMany::One(pattern.clone()));
            Statement { action, ..statement.clone() }
        };
        let shorter = shorten_actions(statement, &known, |pattern| is_granted(role, &with(pattern)));
        // One original must cover the whole.
        if let Some(shorter) = shorter.filter(|shorter| is_granted(role, shorter)) {
            *statement = shorter;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{PolicyKind, RolePolicy};
    use crate::result::Verdict;
    use crate::suggest::StatementOrigin;

    fn role(documents: &[&str]) -> Role {
        let policy = |(index, text): (usize, &&str)| RolePolicy {
            name: format!("p{index}"),
            arn: None,
            kind: PolicyKind::Inline,
            document: PolicyDocument::parse(text).unwrap(),
            versions: Vec::new(),
        };
        let policies = documents.iter().enumerate().map(policy).collect();
        let (arn, id) = ("arn:aws:iam::111122223333:role/r", "AROAEXAMPLEEXAMPLE001");
        Role { policies, ..Role::new(arn.parse().unwrap(), id.parse().unwrap()) }
    }

    fn suggested(sid: &str, actions: &[String], resources: &[String]) -> Suggested {
        let actions: Vec<ActionPattern> = actions.iter().map(|action| action.parse().unwrap()).collect();
        let resources: Vec<whittle_policy::ResourcePattern> =
            resources.iter().map(|resource| resource.as_str().into()).collect();
        let statement = Statement { sid: Some(sid.to_owned()), ..Statement::allow(actions, resources) };
        let origin = StatementOrigin { policy: "p0".to_owned(), statement: 0 };
        Suggested { statement, origin, reason: used() }
    }

    fn used() -> StatementReason {
        StatementReason::Verdicts { counts: [(Verdict::Used, 1)].into() }
    }

    fn texts(range: std::ops::Range<usize>, text: impl Fn(usize) -> String) -> Vec<String> {
        range.map(text).collect()
    }

    const ALL: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

    #[test]
    fn what_fits_one_policy_keeps_its_statements_apart() {
        let table = [String::from("arn:aws:dynamodb:eu-central-1:111122223333:table/a")];
        let statements = vec![
            suggested("A", &["dynamodb:GetItem".to_owned()], &table),
            suggested("B", &["dynamodb:PutItem".to_owned()], &table),
        ];
        let draft = within_quota(&role(&[ALL]), statements, "r");
        assert_eq!(draft.policies.len(), 1);
        assert_eq!(draft.policies[0].document.statements.len(), 2);
        assert_eq!(draft.notes.iter().map(|note| note.sid.as_str()).collect::<Vec<_>>(), ["A", "B"]);
    }

    #[test]
    fn what_does_not_fit_is_merged_under_one_original_and_keeps_its_reasons() {
        let tables = texts(0..90, |n| format!("arn:aws:dynamodb:eu-central-1:111122223333:table/number-{n:03}"));
        let statements = || {
            vec![
                suggested("A", &["dynamodb:GetItem".to_owned()], &tables),
                suggested("B", &["dynamodb:PutItem".to_owned()], &tables),
            ]
        };
        let draft = within_quota(&role(&[ALL]), statements(), "r");
        assert_eq!(draft.policies.len(), 1);
        let merged = MergedStatement { sid: "B".to_owned(), reason: used() };
        let reason = StatementReason::Merged { first: Box::new(used()), others: vec![merged] };
        assert_eq!(draft.notes[0].reason, reason.into());

        // No one original grants both: they stay apart.
        let halves = [
            ALL.replace("\"*\",\"Res", "\"dynamodb:Get*\",\"Res"),
            ALL.replace("\"*\",\"Res", "\"dynamodb:Put*\",\"Res"),
        ];
        let draft = within_quota(&role(&[&halves[0], &halves[1]]), statements(), "r");
        assert_eq!(draft.policies.iter().map(|policy| policy.name.as_str()).collect::<Vec<_>>(), ["r-1", "r-2"]);
        assert!(draft.notes.iter().all(|note| note.reason == used().into()));
    }

    #[test]
    fn prefixes_come_only_when_a_role_may_not_have_so_many_policies() {
        // Every S3 action that begins with Get, on so many objects that 21 policies are needed without
        // prefixes.
        let names: Vec<&str> = catalog().actions().map(|action| catalog().info(action).name()).collect();
        let get: Vec<String> =
            names.iter().filter(|name| name.starts_with("s3:Get")).map(|name| (*name).to_owned()).collect();
        let statements = |count: usize| {
            let one = |n: usize| {
                let objects = texts(0..20, |m| format!("arn:aws:s3:::bucket-{n:03}/some/rather/long/prefix/{m:04}/*"));
                suggested(&format!("S{n}"), &get, &objects)
            };
            (0..count).map(one).collect::<Vec<_>>()
        };
        let few = within_quota(&role(&[ALL]), statements(2), "r");
        let has_prefix = |draft: &SuggestionDraft| {
            let statements = draft.policies.iter().flat_map(|policy| policy.document.statements.iter());
            statements.flat_map(|statement| statement.action.patterns()).any(ActionPattern::is_wildcard)
        };
        assert!(!has_prefix(&few));
        let many = within_quota(&role(&[ALL]), statements(100), "r");
        assert!(has_prefix(&many));
        for policy in &many.policies {
            assert!(policy.document.size() <= MANAGED_POLICY_CHARACTERS);
        }
    }
}
