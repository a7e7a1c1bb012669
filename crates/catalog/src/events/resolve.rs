//! From an event source and an event name to the rule of the event.

use super::classes::Class;
use super::rule::{Clause, ClauseEffect};
use super::sources;
use super::tables::EventTables;
use crate::{ActionId, Catalog};

/// Meaning of an (event source, event name) pair.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventResolution<'a> {
    /// The call is authorised by actions.
    Actions(EventRule<'a>),
    /// A call that needs no permission of its caller, or whose permission is not an IAM action.
    NoPermission {
        /// The reason.
        reason: &'a str,
    },
    /// Not a call of a principal: service events, console sign-in, Insights.
    NotACall {
        /// The reason.
        reason: &'a str,
    },
    /// The pair is not known.
    Unknown {
        /// Names of actions that are spelled most like it, best first; may be empty.
        nearest: Vec<String>,
    },
}

/// Origin of the rule of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RuleOrigin {
    /// By rows of the curated tables.
    Curated,
    /// By the action of the same name.
    SameName,
    /// By the one action that AWS's operation map leaves when the secondary ones are taken out.
    OperationMap,
}

/// The actions that an event proves, with and without conditions on its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventRule<'a> {
    prefix: &'a str,
    same_named: Option<ActionId>,
    origin: RuleOrigin,
    clauses: [&'a [Clause]; 3],
    /// Name of the operation, where the catalog knows one of the event's name.
    operation: Option<&'a str>,
}

/// An action that AWS lists under an operation, and what tells that a call did not check it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FurtherAction<'a> {
    /// The action.
    pub action: ActionId,
    /// Clauses with [`ClauseEffect::Only`]: if there are any and none holds, the call did not check it.
    pub only: Vec<&'a Clause>,
    /// Clauses with [`ClauseEffect::Never`]: if one holds, the call did not check it.
    pub never: Vec<&'a Clause>,
    /// True for a tagging action of an operation whose event shows tags: without a parameter of tags the call
    /// did not check it.
    pub needs_tags: bool,
}

impl FurtherAction<'_> {
    /// True if no call of the operation checks it, whatever its parameters are.
    pub fn is_never_checked(&self) -> bool {
        self.never.iter().any(|clause| clause.tests().is_empty())
    }
}

impl<'a> EventRule<'a> {
    /// IAM service prefix of the event's service.
    pub fn prefix(&self) -> &'a str {
        self.prefix
    }

    /// Origin of the rule.
    pub fn origin(&self) -> RuleOrigin {
        self.origin
    }

    /// The action that stands for the call by name; `None` where clauses say it all.
    pub fn same_named(&self) -> Option<ActionId> {
        self.same_named
    }

    /// Name of the API operation, as the API spells it; `None` where the catalog knows none of this name.
    pub fn operation(&self) -> Option<&'a str> {
        self.operation
    }

    /// What AWS lists under the operation beside what every call of it proves, sorted: a superset of what a
    /// call checks.
    ///
    /// AWS page: Service Authorization Reference, "Simplified AWS service information for programmatic
    /// access", Operations.
    pub fn further_actions(&self, catalog: &'a Catalog) -> Vec<FurtherAction<'a>> {
        let Some(operation) = self.operation else { return Vec::new() };
        let certain = self.primary();
        let listed = catalog.authorised_by(self.prefix, operation).into_iter();
        let name = operation.to_ascii_lowercase();
        let exclusions: Vec<&Clause> = super::tables::tables().rules.exclusions(self.prefix, &name).collect();
        let of = |action: ActionId, effect: ClauseEffect| -> Vec<&'a Clause> {
            let own = |clause: &&&'a Clause| clause.effect() == effect && clause.actions().contains(&action);
            exclusions.iter().filter(own).copied().collect()
        };
        listed
            .filter(|action| !certain.contains(action))
            .map(|action| FurtherAction {
                action,
                only: of(action, ClauseEffect::Only),
                never: of(action, ClauseEffect::Never),
                needs_tags: super::tables::tables().tags_shown.contains(catalog, action, self.prefix, operation),
            })
            .collect()
    }

    /// Clauses to evaluate on the event, in table order.
    pub fn clauses(&self) -> impl Iterator<Item = &'a Clause> + use<'a> {
        self.clauses.into_iter().flatten()
    }

    /// Actions that every successful call with this name proves, sorted, whatever its parameters.
    ///
    /// Empty where the parameters decide (PartiQL statements, transaction items). An `instead` clause may
    /// replace one of them by a stricter one.
    pub fn primary(&self) -> Vec<ActionId> {
        let certain = self.clauses().filter(|clause| clause.effect() == ClauseEffect::Is && clause.tests().is_empty());
        let mut actions: Vec<_> =
            self.same_named.into_iter().chain(certain.flat_map(|clause| clause.actions().iter().copied())).collect();
        actions.sort_unstable();
        actions.dedup();
        actions
    }

    /// Every action that the rule names, sorted, whatever the parameters say.
    #[cfg(test)]
    pub(crate) fn mentioned(&self) -> Vec<ActionId> {
        let listed = self.clauses().flat_map(|clause| clause.actions().iter().copied());
        let mut actions: Vec<_> = self.same_named.into_iter().chain(listed).collect();
        actions.sort_unstable();
        actions.dedup();
        actions
    }
}

pub(super) fn resolve<'a>(
    catalog: &'a Catalog,
    tables: &'static EventTables,
    event_source: &str,
    event_name: &str,
) -> EventResolution<'a> {
    let Some(label) = sources::label(event_source) else {
        return EventResolution::NotACall { reason: "the event source is not a service of AWS" };
    };
    let name = event_name.to_ascii_lowercase();
    let prefixes = sources::of_label(catalog, &tables.sources, label);
    let class = |label: &str| tables.classes.find(tables.classes.known_label(label)?, &name);
    let classified = |(class, reason)| match class {
        Class::NoPermission => EventResolution::NoPermission { reason },
        Class::NotACall => EventResolution::NotACall { reason },
    };
    if let Some(found) = class(label).or_else(|| prefixes.iter().find_map(|prefix| class(prefix))) {
        return classified(found);
    }
    // INVARIANT: match first, strip second: about fifty actions end in digits of their own.
    let stripped = without_api_date(&name);
    for name in [Some(name.as_str()), stripped].into_iter().flatten() {
        for prefix in &prefixes {
            if let Some(rule) = find(catalog, tables, prefix, name) {
                return EventResolution::Actions(rule);
            }
        }
    }
    let base = stripped.unwrap_or(&name);
    if let Some(rule) = prefixes.iter().find_map(|prefix| by_operation_map(catalog, tables, prefix, base)) {
        return EventResolution::Actions(rule);
    }
    if let Some(found) = tables.classes.otherwise(label, &name) {
        return classified(found);
    }
    // Rows that say only what may be checked, or what parameters prove.
    if let Some(rule) = prefixes.iter().find_map(|prefix| by_clauses_alone(catalog, tables, prefix, base)) {
        return EventResolution::Actions(rule);
    }
    if let Some(rule) = prefixes.iter().find_map(|prefix| by_listed_actions(catalog, tables, prefix, base)) {
        return EventResolution::Actions(rule);
    }
    let asked = format!("{}:{}", prefixes.first().copied().unwrap_or(label), base);
    let nearest = catalog.nearest(&asked, 3).into_iter().map(str::to_owned).collect();
    EventResolution::Unknown { nearest }
}

fn find<'a>(catalog: &'a Catalog, tables: &'static EventTables, prefix: &'a str, name: &str) -> Option<EventRule<'a>> {
    let exact = tables.rules.exact(prefix, name);
    let is = |clauses: &[Clause]| clauses.iter().any(|clause| clause.effect() == ClauseEffect::Is);
    let same_named = if is(exact) { None } else { catalog.action(&format!("{prefix}:{name}")) };
    let start = if is(exact) || same_named.is_some() { &[] } else { tables.rules.start(prefix, name) };
    let curated = is(exact) || is(start);
    (curated || same_named.is_some()).then(|| EventRule {
        prefix,
        same_named,
        origin: if curated { RuleOrigin::Curated } else { RuleOrigin::SameName },
        clauses: [exact, start, tables.rules.wide(prefix)],
        operation: operation_name(catalog, prefix, name),
    })
}

/// The operation of an event's name.
fn operation_name<'a>(catalog: &'a Catalog, prefix: &str, name: &str) -> Option<&'a str> {
    catalog.operation(prefix, name).map(crate::OperationInfo::name)
}

/// An event that has no action of its own, but rows that name further ones.
fn by_clauses_alone<'a>(
    catalog: &'a Catalog,
    tables: &'static EventTables,
    prefix: &'a str,
    name: &str,
) -> Option<EventRule<'a>> {
    let exact = tables.rules.exact(prefix, name);
    (!exact.is_empty()).then(|| EventRule {
        prefix,
        same_named: None,
        origin: RuleOrigin::Curated,
        clauses: [exact, &[], tables.rules.wide(prefix)],
        operation: operation_name(catalog, prefix, name),
    })
}

/// The one action of the service itself that AWS's operation map names, when what is checked only sometimes
/// is left out: role passing, tagging, bearer tokens.
fn by_operation_map<'a>(
    catalog: &'a Catalog,
    tables: &'static EventTables,
    prefix: &'a str,
    name: &str,
) -> Option<EventRule<'a>> {
    let mut own = catalog.authorised_by(prefix, name).into_iter().filter(|id| {
        let info = catalog.info(*id);
        info.prefix() == prefix
            && info.access_level() != crate::AccessLevel::Tagging
            && info.short_name() != "CallWithBearerToken"
    });
    let only = own.next()?;
    own.next().is_none().then(|| EventRule {
        prefix,
        same_named: Some(only),
        origin: RuleOrigin::OperationMap,
        clauses: [tables.rules.exact(prefix, name), &[], tables.rules.wide(prefix)],
        operation: operation_name(catalog, prefix, name),
    })
}

/// An operation of which AWS lists several actions and none has its name: any of them may be checked.
fn by_listed_actions<'a>(
    catalog: &'a Catalog,
    tables: &'static EventTables,
    prefix: &'a str,
    name: &str,
) -> Option<EventRule<'a>> {
    let operation = catalog.operation(prefix, name).filter(|operation| !operation.authorised_by().is_empty())?;
    Some(EventRule {
        prefix,
        same_named: None,
        origin: RuleOrigin::OperationMap,
        clauses: [&[], &[], tables.rules.wide(prefix)],
        operation: Some(operation.name()),
    })
}

/// The name without an API date: `…20150331`, `…20150331v2`, `…2020_05_31`.
///
/// AWS page: Lambda Developer Guide, "Logging AWS Lambda API calls using AWS CloudTrail".
fn without_api_date(name: &str) -> Option<&str> {
    let digits = |text: &str, count: usize| -> Option<usize> {
        let start = text.len().checked_sub(count)?;
        let tail = text.get(start..)?;
        (start > 0 && tail.bytes().all(|byte| byte.is_ascii_digit())).then_some(start)
    };
    let undashed = digits(name, 8).or_else(|| {
        let at = name.rfind('v')?;
        let version = name.get(at + 1..)?;
        let numeric = !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit());
        if numeric { digits(name.get(..at)?, 8) } else { None }
    });
    let start = undashed.or_else(|| {
        let start = name.len().checked_sub(10)?;
        let tail = name.get(start..)?.as_bytes();
        let shape = tail.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'_',
            _ => byte.is_ascii_digit(),
        });
        (shape && start > 0).then_some(start)
    })?;
    name.get(..start)
}

#[cfg(test)]
mod tests {
    use super::without_api_date;

    #[test]
    fn only_api_dates_are_cut() {
        for (name, expect) in [
            ("createfunction20150331", Some("createfunction")),
            ("getfunction20150331v2", Some("getfunction")),
            ("tagresource20170331v2", Some("tagresource")),
            ("createdistribution2020_05_31", Some("createdistribution")),
            ("getqueueurl20121105", Some("getqueueurl")),
            ("restoredbclusterfroms3", None),
            ("describeclusterv2", None),
            ("20150331", None),
            ("v2", None),
            ("", None),
        ] {
            assert_eq!(without_api_date(name), expect, "{name}");
        }
    }
}
