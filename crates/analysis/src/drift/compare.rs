//! Two states of a role's policies: what does one allow that the other does not?

use std::collections::{BTreeMap, BTreeSet};

use whittle_catalog::{ActionId, catalog};
use whittle_policy::{Effect, PolicyDocument, ResourceClause, ResourcePattern, Statement};

use super::model::{AddedAction, NamedPolicy};
use crate::grants::{Grants, reaches_everything};

/// One state: documents in the current version of the language, with their grants.
pub(super) struct Policies {
    identity: Layer,
    boundary: Option<Layer>,
}

/// The statements of some policies, with the catalog actions of each.
struct Layer {
    statements: Vec<Entry>,
    by_action: BTreeMap<ActionId, Vec<usize>>,
}

/// One statement.
pub(super) struct Entry {
    pub(super) policy: String,
    pub(super) index: usize,
    pub(super) statement: Statement,
    actions: Vec<ActionId>,
    /// Patterns that match nothing in the catalog.
    unknown: Vec<whittle_policy::ActionPattern>,
}

/// Result of [`added`].
pub(super) struct Added {
    pub(super) actions: Vec<AddedAction>,
    pub(super) through: Vec<String>,
}

impl Layer {
    fn new<'a>(policies: impl IntoIterator<Item = (&'a str, &'a PolicyDocument)>) -> Self {
        let mut statements = Vec::new();
        for (name, document) in policies {
            // In one version of the language, so that patterns of both states can be compared.
            let document = document.to_version_2012();
            for (index, statement) in document.statements.into_vec().into_iter().enumerate() {
                let (actions, unknown) = Grants::expand(&statement.action);
                statements.push(Entry { policy: name.to_owned(), index, statement, actions, unknown });
            }
        }
        let mut by_action: BTreeMap<ActionId, Vec<usize>> = BTreeMap::new();
        for (index, entry) in statements.iter().enumerate() {
            for action in &entry.actions {
                by_action.entry(*action).or_default().push(index);
            }
        }
        Self { statements, by_action }
    }

    fn of(&self, effect: Effect) -> impl Iterator<Item = &Entry> {
        self.statements.iter().filter(move |entry| entry.statement.effect == effect)
    }

    fn on(&self, effect: Effect, action: ActionId) -> impl Iterator<Item = &Entry> {
        let indexes = self.by_action.get(&action).map_or(&[][..], Vec::as_slice);
        indexes
            .iter()
            .filter_map(|&index| self.statements.get(index))
            .filter(move |entry| entry.statement.effect == effect)
    }

    /// True if one statement acts on all of `part`.
    fn surely(&self, effect: Effect, action: ActionId, part: &Part<'_>) -> bool {
        self.on(effect, action).any(|entry| part.is_within(&entry.statement))
    }

    fn surely_unknown(&self, effect: Effect, action: &whittle_policy::ActionPattern, part: &Part<'_>) -> bool {
        self.of(effect).any(|entry| entry.statement.action.covers(action) && part.is_within(&entry.statement))
    }

    /// True if some statement may act on some of it.
    fn maybe(&self, effect: Effect, action: ActionId, pattern: &ResourcePattern) -> bool {
        self.on(effect, action)
            .any(|entry| entry.statement.resource.as_ref().is_none_or(|clause| clause.intersects(pattern)))
    }
}

/// A piece of a statement: one pattern of its resources (all of a negated clause) under its condition.
struct Part<'a> {
    statement: &'a Statement,
    pattern: Option<&'a ResourcePattern>,
}

impl Part<'_> {
    fn is_within(&self, wide: &Statement) -> bool {
        let resource = match (&wide.resource, self.pattern, &self.statement.resource) {
            (None, _, _) => true,
            (Some(wide), Some(pattern), _) => wide.covers(pattern),
            (Some(wide), None, Some(narrow)) => wide.covers_clause(narrow),
            (Some(_), None, None) => false,
        };
        resource && wide.condition.covers(&self.statement.condition)
    }
}

fn parts(statement: &Statement) -> Vec<Part<'_>> {
    match &statement.resource {
        Some(ResourceClause::Resource(patterns)) => {
            patterns.iter().map(|pattern| Part { statement, pattern: Some(pattern) }).collect()
        }
        _ => vec![Part { statement, pattern: None }],
    }
}

/// Pieces of `wide`'s statements of one effect that `narrow` lacks: (entry, action, pattern).
fn lacking<'a>(
    narrow: &Layer,
    wide: &'a Layer,
    effect: Effect,
) -> Vec<(&'a Entry, Piece<'a>, Option<&'a ResourcePattern>)> {
    let mut out = Vec::new();
    for entry in wide.of(effect) {
        // The usual case: the statement is still there, word for word.
        if narrow.of(effect).any(|known| same_meaning(&known.statement, &entry.statement)) {
            continue;
        }
        for part in parts(&entry.statement) {
            for &action in &entry.actions {
                if !narrow.surely(effect, action, &part) {
                    out.push((entry, Piece::Known(action), part.pattern));
                }
            }
            for pattern in &entry.unknown {
                if !narrow.surely_unknown(effect, pattern, &part) {
                    out.push((entry, Piece::Unknown(pattern), part.pattern));
                }
            }
        }
    }
    out
}

fn same_meaning(a: &Statement, b: &Statement) -> bool {
    a.action == b.action && a.resource == b.resource && a.condition == b.condition
}

#[derive(Clone, Copy)]
enum Piece<'a> {
    Known(ActionId),
    Unknown(&'a whittle_policy::ActionPattern),
}

impl Policies {
    pub(super) fn new(identity: &[NamedPolicy], boundary: Option<&PolicyDocument>) -> Self {
        Self {
            identity: Layer::new(identity.iter().map(|(name, document)| (name.as_str(), document))),
            boundary: boundary.map(|document| Layer::new([("permissions boundary", document)])),
        }
    }

    /// Statements that allow `action` on some of `resource`; on anything, if it is not known.
    pub(super) fn grants_of(&self, action: ActionId, resource: Option<&ResourcePattern>) -> Vec<&Entry> {
        let any = ResourcePattern::new("*");
        let resource = resource.unwrap_or(&any);
        let hits = |entry: &&Entry| entry.statement.resource.as_ref().is_none_or(|clause| clause.intersects(resource));
        if self.refuses(action, resource) {
            return Vec::new();
        }
        self.identity.on(Effect::Allow, action).filter(hits).collect()
    }

    /// True if `action` on all of `resource` is refused whatever the request.
    fn refuses(&self, action: ActionId, resource: &ResourcePattern) -> bool {
        let layers = || [Some(&self.identity), self.boundary.as_ref()].into_iter().flatten();
        layers().any(|layer| layer.refuses(action, resource))
            || self.boundary.as_ref().is_some_and(|boundary| !boundary.maybe(Effect::Allow, action, resource))
    }
}

impl Layer {
    fn refuses(&self, action: ActionId, resource: &ResourcePattern) -> bool {
        self.on(Effect::Deny, action).any(|entry| {
            entry.statement.condition.is_empty()
                && entry.statement.resource.as_ref().is_none_or(|clause| clause.covers(resource))
        })
    }
}

/// Actions that `new` allows beyond `old`. Pieces from policies that `ignored` names do not count.
pub(super) fn added(old: &Policies, new: &Policies, ignored: &dyn Fn(&str) -> bool) -> Added {
    let any = ResourcePattern::new("*");
    let mut actions: BTreeMap<String, bool> = BTreeMap::new();
    let mut through = BTreeSet::new();
    let mut note = |name: String, everywhere: bool, source: &str| {
        *actions.entry(name).or_default() |= everywhere;
        through.insert(source.to_owned());
    };
    // 1. A new or wider Allow, unless boundary or Deny keep it from taking effect.
    for (entry, piece, pattern) in lacking(&old.identity, &new.identity, Effect::Allow) {
        if ignored(&entry.policy) {
            continue;
        }
        let everywhere = pattern.is_none_or(ResourcePattern::is_any);
        match piece {
            Piece::Known(action) if new.refuses(action, pattern.unwrap_or(&any)) => {}
            Piece::Known(action) => note(catalog().info(action).name().to_owned(), everywhere, &entry.policy),
            Piece::Unknown(pattern) => note(pattern.as_str().to_owned(), everywhere, &entry.policy),
        }
    }
    // 2. A Deny that is gone or narrower, over something that is allowed.
    let denials = [(Some(&new.identity), Some(&old.identity)), (new.boundary.as_ref(), old.boundary.as_ref())];
    for (now, was) in denials.into_iter().filter_map(|(now, was)| Some((now, was?))) {
        let nothing = Layer { statements: Vec::new(), by_action: BTreeMap::new() };
        for (_, piece, pattern) in lacking(now.unwrap_or(&nothing), was, Effect::Deny) {
            let Piece::Known(action) = piece else { continue };
            for allow in freed(new, action, pattern.unwrap_or(&any), ignored) {
                note(
                    catalog().info(action).name().to_owned(),
                    everywhere(allow) && pattern.is_none_or(ResourcePattern::is_any),
                    "a Deny that is gone",
                );
            }
        }
    }
    // 3. A boundary that is gone, or allows more.
    match (&old.boundary, &new.boundary) {
        (Some(was), Some(now)) => {
            for (_, piece, pattern) in lacking(was, now, Effect::Allow) {
                let Piece::Known(action) = piece else { continue };
                for allow in freed(new, action, pattern.unwrap_or(&any), ignored) {
                    note(
                        catalog().info(action).name().to_owned(),
                        everywhere(allow) && pattern.is_none_or(ResourcePattern::is_any),
                        "the permissions boundary",
                    );
                }
            }
        }
        (Some(was), None) => {
            for entry in new.identity.of(Effect::Allow) {
                for part in parts(&entry.statement) {
                    for &action in &entry.actions {
                        let resource = part.pattern.unwrap_or(&any);
                        if !was.surely(Effect::Allow, action, &part) && !new.refuses(action, resource) {
                            note(
                                catalog().info(action).name().to_owned(),
                                resource.is_any(),
                                "the permissions boundary",
                            );
                        }
                    }
                }
            }
        }
        (None, _) => {}
    }
    let actions = actions.into_iter().map(|(action, everywhere)| AddedAction { action, everywhere }).collect();
    Added { actions, through: through.into_iter().collect() }
}

/// Allow statements that take effect on `resource` once nothing else stands in their way.
fn freed<'a>(
    new: &'a Policies,
    action: ActionId,
    resource: &ResourcePattern,
    ignored: &dyn Fn(&str) -> bool,
) -> Vec<&'a Entry> {
    if new.refuses(action, resource) {
        return Vec::new();
    }
    let allows = new.identity.on(Effect::Allow, action).filter(|entry| {
        !ignored(&entry.policy) && entry.statement.resource.as_ref().is_none_or(|clause| clause.intersects(resource))
    });
    allows.collect()
}

fn everywhere(entry: &Entry) -> bool {
    reaches_everything(&entry.statement)
}
