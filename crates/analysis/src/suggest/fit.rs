//! Suggested statements into policies that fit AWS's quotas.

use whittle_catalog::catalog;
use whittle_policy::minify::{KnownActions, Merged, minify_where, shorten_actions};
use whittle_policy::pack::{MANAGED_POLICY_CHARACTERS, Placed, pack};
use whittle_policy::{ActionClause, ActionPattern, Effect, OneOrMany, PolicyDocument, Statement};

use super::{Draft, Suggested};
use crate::inventory::Role;
use crate::result::{StatementNote, SuggestedPolicy};

/// Managed policies that a role may have by default (IAM User Guide, "IAM and AWS STS quotas").
const MOST_MANAGED_POLICIES: usize = 20;

/// Puts statements into as few policies as their order allows, none above the size limit.
///
/// What fits one policy stays as it is, each statement with its own reason. What does not is merged where one original Allow
/// covers the result. What then still needs more policies than a role may have gets action prefixes in place of names, where
/// an original Allow grants the prefix and the catalog knows nothing more that it matches.
pub(super) fn fit(role: &Role, mut suggested: Vec<Suggested>, name: &str) -> Draft {
    let mut packed = packed(&suggested);
    if packed.len() > 1 {
        suggested = merged(role, suggested);
        packed = self::packed(&suggested);
    }
    if packed.len() > MOST_MANAGED_POLICIES {
        shorten(role, &mut suggested);
        packed = self::packed(&suggested);
    }
    let mut draft = Draft::default();
    let many = packed.len() > 1;
    for (index, policy) in packed.into_iter().enumerate() {
        let name = if many { format!("{name}-{}", index + 1) } else { name.to_owned() };
        let mut statements = Vec::with_capacity(policy.len());
        for Placed { statement, origin } in policy {
            if let Some(whole) = suggested.get(origin) {
                let sid = statement.sid.clone().unwrap_or_default();
                draft.notes.push(StatementNote { sid, ..whole.note.clone() });
            }
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

/// Whether one original Allow covers the statement.
fn is_granted(role: &Role, statement: &Statement) -> bool {
    let mut original = role.policies.iter().flat_map(|policy| policy.document.statements.iter());
    original.any(|wide| wide.effect == Effect::Allow && wide.covers(statement))
}

/// Allow statements merged; Deny statements as they are, in front.
fn merged(role: &Role, suggested: Vec<Suggested>) -> Vec<Suggested> {
    let (mut out, allows): (Vec<_>, Vec<_>) =
        suggested.into_iter().partition(|suggested| suggested.statement.effect == Effect::Deny);
    let statements: Vec<Statement> = allows.iter().map(|suggested| suggested.statement.clone()).collect();
    for Merged { statement, origins } in minify_where(&statements, |statement| is_granted(role, statement)) {
        let mut notes = origins.iter().filter_map(|&at| allows.get(at)).map(|suggested| &suggested.note);
        let Some(mut note) = notes.next().cloned() else { continue };
        for other in notes {
            note.reason = format!("{}; with {}: {}", note.reason, other.sid, other.reason);
        }
        out.push(Suggested { statement, note });
    }
    out
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

    fn role(documents: &[&str]) -> Role {
        let policy = |(index, text): (usize, &&str)| RolePolicy {
            name: format!("p{index}"),
            arn: None,
            kind: PolicyKind::Inline,
            document: PolicyDocument::parse(text).unwrap(),
            versions: Vec::new(),
        };
        Role {
            arn: "arn:aws:iam::111122223333:role/r".parse().unwrap(),
            id: "AROAEXAMPLEEXAMPLE001".parse().unwrap(),
            name: "r".to_owned(),
            created: None,
            policies: documents.iter().enumerate().map(policy).collect(),
            boundary: None,
            has_boundary: false,
            last_used: None,
            last_accessed: None,
            unreadable_policies: Vec::new(),
        }
    }

    fn suggested(sid: &str, actions: &[String], resources: &[String]) -> Suggested {
        let actions: Vec<ActionPattern> = actions.iter().map(|action| action.parse().unwrap()).collect();
        let resources: Vec<whittle_policy::ResourcePattern> =
            resources.iter().map(|resource| resource.as_str().into()).collect();
        let statement = Statement { sid: Some(sid.to_owned()), ..Statement::allow(actions, resources) };
        let note = StatementNote {
            sid: sid.to_owned(),
            from_policy: "p0".to_owned(),
            from_statement: 0,
            reason: format!("{sid} used"),
        };
        Suggested { statement, note }
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
        let draft = fit(&role(&[ALL]), statements, "r");
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
        let draft = fit(&role(&[ALL]), statements(), "r");
        assert_eq!(draft.policies.len(), 1);
        assert_eq!(draft.notes[0].reason, "A used; with B: B used");

        // No one original grants both: they stay apart.
        let halves = [
            ALL.replace("\"*\",\"Res", "\"dynamodb:Get*\",\"Res"),
            ALL.replace("\"*\",\"Res", "\"dynamodb:Put*\",\"Res"),
        ];
        let draft = fit(&role(&[&halves[0], &halves[1]]), statements(), "r");
        assert_eq!(draft.policies.iter().map(|policy| policy.name.as_str()).collect::<Vec<_>>(), ["r-1", "r-2"]);
        assert_eq!(draft.notes.iter().map(|note| note.reason.as_str()).collect::<Vec<_>>(), ["A used", "B used"]);
    }

    #[test]
    fn prefixes_come_only_when_a_role_may_not_have_so_many_policies() {
        // Every S3 action that begins with Get, on so many objects that 21 policies are needed without prefixes.
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
        let few = fit(&role(&[ALL]), statements(2), "r");
        let has_prefix = |draft: &Draft| {
            let statements = draft.policies.iter().flat_map(|policy| policy.document.statements.iter());
            statements.flat_map(|statement| statement.action.patterns()).any(ActionPattern::is_wildcard)
        };
        assert!(!has_prefix(&few));
        let many = fit(&role(&[ALL]), statements(100), "r");
        assert!(has_prefix(&many));
        for policy in &many.policies {
            assert!(policy.document.size() <= MANAGED_POLICY_CHARACTERS);
        }
    }
}
