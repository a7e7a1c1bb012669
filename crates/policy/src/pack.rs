//! Statements into policies that fit AWS's quotas.
//!
//! White space does not count (IAM User Guide, "IAM and AWS STS quotas"), so sizes are those of JSON without
//! any. Sizes are kept as sums; a document is never written out to learn its size.

use std::collections::BTreeSet;

use crate::document::{ActionClause, OneOrMany, PolicyDocument, ResourceClause, Statement};

/// Characters that a managed policy may have (IAM User Guide, "IAM and AWS STS quotas").
pub const MANAGED_POLICY_CHARACTERS: usize = 6_144;
/// Characters that all inline policies of a role may have together (same page).
pub const INLINE_POLICIES_CHARACTERS: usize = 10_240;

/// A statement in a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed {
    /// The statement, or a part of it.
    pub statement: Statement,
    /// Place of the whole in the input.
    pub origin: usize,
}

/// Statements as policies of at most `limit` characters each, in few policies: each statement goes into the
/// first that has room.
///
/// A statement that fits no policy whole is split by its actions or resources; the parts together match the
/// same requests. Each further part gets a Sid of its own, `…Rest`. One action on one resource that is too
/// long gets a policy of its own, which is then too long; nothing can make it smaller.
pub fn pack(statements: &[Statement], limit: usize) -> Vec<Vec<Placed>> {
    let mut packer = Packer {
        limit,
        sids: statements.iter().filter_map(|statement| statement.sid.clone()).collect(),
        policies: Vec::new(),
    };
    for (origin, statement) in statements.iter().enumerate() {
        packer.place(statement.clone(), origin);
    }
    packer.policies.into_iter().map(|policy| policy.statements).collect()
}

/// True if the statements fit into the inline policies of one role, as one policy.
pub fn fits_inline(statements: &[Statement]) -> bool {
    frame() + statements.iter().map(own_size).sum::<usize>() <= INLINE_POLICIES_CHARACTERS + 1
}

/// Size of a document without statements.
fn frame() -> usize {
    PolicyDocument::new(Vec::new()).size()
}

/// Size of a statement in a document, with a comma.
fn own_size(statement: &Statement) -> usize {
    statement.size().saturating_add(1)
}

struct Packer {
    limit: usize,
    sids: BTreeSet<String>,
    policies: Vec<PackedPolicy>,
}

struct PackedPolicy {
    statements: Vec<Placed>,
    /// With a comma after each statement, so one too many.
    size: usize,
}

impl Packer {
    fn place(&mut self, statement: Statement, origin: usize) {
        let mut rest = Some(statement);
        while let Some(statement) = rest.take() {
            let size = own_size(&statement);
            let limit = self.limit.saturating_add(1);
            if let Some(policy) = self.policies.iter_mut().find(|policy| policy.size.saturating_add(size) <= limit) {
                policy.size += size;
                policy.statements.push(Placed { statement, origin });
                continue;
            }
            let empty = frame();
            if empty.saturating_add(size) > limit {
                // Too long for any policy: fill the last one, then begin another.
                let room = self.policies.last().map(|policy| limit.saturating_sub(policy.size));
                let parts = room.and_then(|room| split(&statement, room, limit.saturating_sub(empty)));
                if let Some((head, tail)) = parts {
                    if let Some(policy) = self.policies.last_mut() {
                        policy.size += own_size(&head);
                        policy.statements.push(Placed { statement: head, origin });
                    }
                    rest = Some(self.named_as_rest(tail));
                    continue;
                }
                if let Some((head, tail)) = split(&statement, limit.saturating_sub(empty), limit.saturating_sub(empty))
                {
                    let size = empty.saturating_add(own_size(&head));
                    self.policies.push(PackedPolicy { statements: vec![Placed { statement: head, origin }], size });
                    rest = Some(self.named_as_rest(tail));
                    continue;
                }
            }
            let size = empty.saturating_add(size);
            self.policies.push(PackedPolicy { statements: vec![Placed { statement, origin }], size });
        }
    }

    /// Gives a part a Sid that no other statement has; none where the whole has none.
    fn named_as_rest(&mut self, part: Statement) -> Statement {
        let Some(mut sid) = part.sid.clone() else { return part };
        while !self.sids.insert(sid.clone()) {
            sid.push_str("Rest");
        }
        Statement { sid: Some(sid), ..part }
    }
}

/// The largest part that takes at most `room`, and the rest; `whole` is the room of an empty policy. None if
/// not even the smallest part fits.
fn split(statement: &Statement, room: usize, whole: usize) -> Option<(Statement, Statement)> {
    let actions = match &statement.action {
        ActionClause::Action(patterns) => patterns.len(),
        ActionClause::NotAction(_) => 1,
    };
    let resources = match &statement.resource {
        Some(ResourceClause::Resource(patterns)) => patterns.len(),
        _ => 1,
    };
    // Where one action alone is too long for a policy, it is so because of its resources.
    let one_action_fits = split_actions(statement, 1).is_some_and(|(head, _)| own_size(&head) <= whole);
    let (parts, by_action) = match (actions, resources) {
        (2.., _) if one_action_fits => (actions, true),
        (_, 2..) => (resources, false),
        (2.., _) => (actions, true),
        _ => return None,
    };
    let take =
        |count: usize| if by_action { split_actions(statement, count) } else { split_resources(statement, count) };
    // A head grows by each part and its comma.
    let texts: Vec<usize> = match (&statement.action, &statement.resource) {
        (ActionClause::Action(patterns), _) if by_action => patterns.iter().map(|p| quoted(p.as_str())).collect(),
        (_, Some(ResourceClause::Resource(patterns))) => patterns.iter().map(|p| quoted(p.as_str())).collect(),
        _ => return None,
    };
    let (first, _) = take(1)?;
    let mut size = own_size(&first);
    let mut fits = 0;
    for (at, text) in texts.iter().take(parts.saturating_sub(1)).enumerate() {
        if at > 0 {
            size = size.saturating_add(text.saturating_add(1));
        }
        if size > room {
            break;
        }
        fits = at + 1;
    }
    if fits == 0 { None } else { take(fits) }
}

/// Characters of a text as a JSON string.
fn quoted(text: &str) -> usize {
    serde_json::Value::from(text).to_string().chars().count()
}

fn split_actions(statement: &Statement, count: usize) -> Option<(Statement, Statement)> {
    let ActionClause::Action(patterns) = &statement.action else { return None };
    let (head, tail) = patterns.as_slice().split_at_checked(count)?;
    let with = |part: &[crate::ActionPattern]| Statement {
        action: ActionClause::Action(OneOrMany::from(part.to_vec())),
        ..statement.clone()
    };
    Some((with(head), with(tail)))
}

fn split_resources(statement: &Statement, count: usize) -> Option<(Statement, Statement)> {
    let Some(ResourceClause::Resource(patterns)) = &statement.resource else { return None };
    let (head, tail) = patterns.as_slice().split_at_checked(count)?;
    let with = |part: &[crate::ResourcePattern]| Statement {
        resource: Some(ResourceClause::Resource(OneOrMany::from(part.to_vec()))),
        ..statement.clone()
    };
    Some((with(head), with(tail)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::ActionPattern;
    use crate::resource::ResourcePattern;

    fn allow(sid: &str, actions: usize, resources: usize) -> Statement {
        let action = |n| format!("s3:Action{n:04}").parse::<ActionPattern>().unwrap();
        let resource = |n| ResourcePattern::new(format!("arn:aws:s3:::bucket-{sid}-{n:04}/*"));
        let mut statement = Statement::allow(
            (0..actions).map(action).collect::<Vec<_>>(),
            (0..resources).map(resource).collect::<Vec<_>>(),
        );
        statement.sid = Some(sid.to_owned());
        statement
    }

    fn size(policy: &[Placed]) -> usize {
        PolicyDocument::new(policy.iter().map(|placed| placed.statement.clone()).collect()).size()
    }

    /// Every (action, resource) of the input, once each.
    fn pairs(statements: impl IntoIterator<Item = Statement>) -> Vec<(String, String)> {
        let mut out = Vec::new();
        for statement in statements {
            for action in statement.action.patterns() {
                for resource in statement.resource.as_ref().unwrap().patterns() {
                    out.push((action.to_string(), resource.to_string()));
                }
            }
        }
        out.sort();
        out
    }

    #[test]
    fn nothing_is_lost_and_nothing_is_too_long() {
        let statements =
            [allow("A", 40, 1), allow("B", 700, 3), allow("C", 1, 400), allow("D", 3, 2), allow("E", 30, 300)];
        let packed = pack(&statements, MANAGED_POLICY_CHARACTERS);
        for policy in &packed {
            assert!(size(policy) <= MANAGED_POLICY_CHARACTERS, "{}", size(policy));
        }
        let placed = || packed.iter().flatten().map(|placed| placed.statement.clone());
        assert_eq!(pairs(placed()), pairs(statements.iter().cloned()));
        let sids: BTreeSet<Option<String>> = placed().map(|statement| statement.sid).collect();
        assert_eq!(sids.len(), placed().count(), "Sids are unique");
        for placed in packed.iter().flatten() {
            let origin = statements[placed.origin].sid.clone().unwrap();
            assert!(placed.statement.sid.as_ref().unwrap().starts_with(&origin));
        }
    }

    #[test]
    fn a_policy_is_filled_to_the_last_character() {
        let statements = [allow("A", 5, 5), allow("B", 4, 4)];
        let together = PolicyDocument::new(statements.to_vec()).size();
        assert_eq!(pack(&statements, together).len(), 1);
        assert_eq!(pack(&statements, together - 1).len(), 2);
    }

    #[test]
    fn later_statements_fill_earlier_policies() {
        let statements = [allow("A", 200, 1), allow("B", 200, 1), allow("C", 1, 1)];
        let packed = pack(&statements, MANAGED_POLICY_CHARACTERS);
        let origins: Vec<Vec<usize>> =
            packed.iter().map(|policy| policy.iter().map(|placed| placed.origin).collect()).collect();
        assert_eq!(origins, [vec![0, 2], vec![1]]);
    }

    #[test]
    fn what_cannot_be_split_stands_alone() {
        let mut long = allow("A", 1, 1);
        long.resource = Some(ResourceClause::Resource(ResourcePattern::new("x".repeat(7_000)).into()));
        let packed = pack(&[long.clone(), allow("B", 1, 1)], MANAGED_POLICY_CHARACTERS);
        assert_eq!(packed.len(), 2);
        assert_eq!(packed[0][0].statement, long);
    }

    #[test]
    fn inline_policies_have_their_own_budget() {
        assert!(fits_inline(&[allow("A", 300, 1)]));
        assert!(!fits_inline(&[allow("A", 300, 1), allow("B", 500, 1)]));
    }
}
