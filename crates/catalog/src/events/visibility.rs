//! Visibility of actions in CloudTrail: the forward map, inverted, with `data/events/data-events.tsv` and
//! `data/events/unseen.tsv`.
//!
//! Conservative by construction: `Management` is said only of actions whose every known operation is a
//! management event; anything not known to be logged is `Never`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::OnceLock;

use super::rule::{Clause, ClauseEffect};
use super::{table, tables};
use crate::{ActionId, ActionInfo, Catalog};

static DATA_EVENTS: &str = include_str!("../../data/events/data-events.tsv");
static UNSEEN: &str = include_str!("../../data/events/unseen.tsv");

/// The way in which CloudTrail could show a use of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Visibility<'a> {
    /// Management events show every use of it.
    Management,
    /// Data events show it: each of these `resources.type` must be logged before absence proves anything.
    /// Some of these actions are also checked by management calls (item actions by a table restore), so
    /// management events must be logged as well.
    Data {
        /// Values of `resources.type`, sorted.
        resource_types: &'a [&'a str],
    },
    /// Management or data events, which is not known or both: both must be logged.
    Either {
        /// Values of `resources.type`, sorted.
        resource_types: &'a [&'a str],
    },
    /// Only network activity events of a VPC endpoint show it. No action is known to be so today.
    NetworkOnly,
    /// No event of any kind shows it: absence proves nothing.
    Never {
        /// The reason.
        reason: &'a str,
    },
    /// Only parameters of the events of other actions show it: absence proves nothing.
    Inferred {
        /// Those actions, sorted; empty where there are many.
        by: &'a [ActionId],
        /// The reason.
        reason: &'a str,
    },
}

/// The log that holds an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RevealerKind {
    /// A management event.
    Management,
    /// A data event.
    Data,
    /// One or the other.
    Either,
}

/// An event that reveals an action.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revealer {
    /// `eventSource` as CloudTrail usually writes it.
    pub event_source: String,
    /// `eventName`, without an API date.
    pub event_name: String,
    /// The log.
    pub kind: RevealerKind,
    /// `resources.type` values of the selectors that log it; empty for management events.
    pub resource_types: Vec<&'static str>,
    /// Further types under which the same event is logged for special resources (access points, endpoints).
    pub also_logged_by: Vec<&'static str>,
    /// True if parameters of the event must say so (a version id, a role parameter).
    pub conditional: bool,
}

/// Resources on which a use of an action leaves no event that is asked for, though other uses of it do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlindResource {
    /// Pattern of what a policy names for them.
    pub pattern: &'static str,
    /// The reason.
    pub reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum OwnedVisibility {
    Management,
    Data(Vec<&'static str>),
    Either(Vec<&'static str>),
    Never(&'static str),
    Inferred(Vec<ActionId>, &'static str),
}

/// The forward map, inverted. The curated tables are gathered once; the answer for an action is made when it
/// is first asked for, since most programs ask about few of them.
#[derive(Debug)]
pub(super) struct VisibilityIndex {
    catalog: &'static Catalog,
    data: DataRows,
    unseen: Unseen,
    gathered: Gathered,
    entries: Vec<OnceLock<ActionVisibility>>,
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the test that every row is understood"))]
    pub problems: Vec<String>,
}

/// The rows of the tables, inverted.
#[derive(Debug, Default)]
struct Gathered {
    revealers: BTreeMap<ActionId, BTreeSet<Revealer>>,
    /// Actions that only parameters of the events of these show.
    inferred_by: BTreeMap<ActionId, BTreeSet<ActionId>>,
    /// Actions that may be checked by calls whose events do not tell.
    possible: BTreeSet<ActionId>,
    /// Events (prefix, lower-case name) whose same-named action is not what they prove.
    replaced: BTreeSet<(&'static str, String)>,
}

impl Gathered {
    fn add(
        &mut self,
        catalog: &'static Catalog,
        data: &DataRows,
        prefix: &'static str,
        event: &str,
        clauses: &[Clause],
    ) {
        let is: Vec<ActionId> = clauses
            .iter()
            .filter(|clause| clause.effect() == ClauseEffect::Is)
            .flat_map(|clause| clause.actions().iter().copied())
            .collect();
        let same = catalog.action(&format!("{prefix}:{event}"));
        if !is.is_empty() {
            self.replaced.insert((prefix, event.to_ascii_lowercase()));
        }
        let primary: Vec<ActionId> = if is.is_empty() { same.into_iter().collect() } else { is };
        let name = catalog.operation(prefix, event).map_or(event, crate::OperationInfo::name);
        let name = same.map_or(name, |id| catalog.info(id).short_name());
        for clause in clauses {
            let conditional = match clause.effect() {
                ClauseEffect::Is | ClauseEffect::Or => !clause.tests().is_empty(),
                ClauseEffect::Instead | ClauseEffect::And => true,
                ClauseEffect::Possible => {
                    self.possible.extend(clause.actions());
                    continue;
                }
                ClauseEffect::Only | ClauseEffect::Never => continue,
            };
            for action in clause.actions() {
                let revealer = revealer(catalog, data, prefix, name, Some(*action), conditional);
                self.revealers.entry(*action).or_default().insert(revealer);
                if conditional {
                    let by = primary.iter().copied().filter(|id| id != action);
                    self.inferred_by.entry(*action).or_default().extend(by);
                }
            }
        }
    }

    /// The reason that no event shows an action.
    fn why_never(&self, catalog: &Catalog, id: ActionId) -> &'static str {
        let info = catalog.info(id);
        if self.replaced.contains(&(info.prefix(), info.short_name().to_ascii_lowercase())) {
            "the calls of this name are authorised by another action; which calls check this one is not known"
        } else if self.possible.contains(&id) {
            "other calls may check it, and their events do not tell whether they did"
        } else {
            "no API operation of this name is known"
        }
    }
}

#[derive(Debug)]
struct ActionVisibility {
    visibility: OwnedVisibility,
    revealers: Vec<Revealer>,
}

impl VisibilityIndex {
    pub fn visibility(&self, action: ActionId) -> Visibility<'_> {
        match &self.entry(action).visibility {
            OwnedVisibility::Management => Visibility::Management,
            OwnedVisibility::Data(types) => Visibility::Data { resource_types: types },
            OwnedVisibility::Either(types) => Visibility::Either { resource_types: types },
            OwnedVisibility::Never(reason) => Visibility::Never { reason },
            OwnedVisibility::Inferred(by, reason) => Visibility::Inferred { by, reason },
        }
    }

    pub fn blind_resources(&self, action: ActionId) -> &[BlindResource] {
        self.unseen.blind.get(&action).map_or(&[], Vec::as_slice)
    }

    /// The event of an operation.
    pub fn event_of(&self, prefix: &str, operation: &str) -> Option<Revealer> {
        let own = self.catalog.action(&format!("{prefix}:{operation}"));
        let is_logged = !self.data.is_unverified(prefix, operation);
        is_logged.then(|| revealer(self.catalog, &self.data, prefix, operation, own, false))
    }

    pub fn revealers(&self, action: ActionId) -> &[Revealer] {
        &self.entry(action).revealers
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "an ActionId of the embedded catalog is an index below its action count"
    )]
    fn entry(&self, action: ActionId) -> &ActionVisibility {
        self.entries[action.index()].get_or_init(|| self.make(action))
    }

    fn make(&self, id: ActionId) -> ActionVisibility {
        let (catalog, tables) = (self.catalog, tables::tables());
        let mut found = self.gathered.revealers.get(&id).cloned().unwrap_or_default();
        let info = catalog.info(id);
        let (prefix, name) = (info.prefix(), info.short_name());
        let called =
            self.data.name(prefix, name) || catalog.operation(prefix, name).is_some_and(crate::OperationInfo::in_sdk);
        let elsewhere =
            tables.classes.find(tables.classes.known_label(prefix).unwrap_or("-"), &name.to_ascii_lowercase());
        let hidden = self.gathered.replaced.contains(&(prefix, name.to_ascii_lowercase()));
        if called && elsewhere.is_none() && !hidden {
            found.insert(revealer(catalog, &self.data, prefix, name, Some(id), false));
        }
        let revealers: Vec<Revealer> = found.into_iter().collect();
        let visibility = self.unseen.rows.get(&id).cloned().unwrap_or_else(|| {
            if revealers.is_empty() {
                return OwnedVisibility::Never(
                    elsewhere.map_or_else(|| self.gathered.why_never(catalog, id), |(_, reason)| reason),
                );
            }
            let by = self.gathered.inferred_by.get(&id).into_iter().flatten().copied().collect();
            judge(catalog, &self.data, id, &revealers, by)
        });
        ActionVisibility { visibility, revealers }
    }
}

pub(super) fn index() -> &'static VisibilityIndex {
    static INDEX: OnceLock<VisibilityIndex> = OnceLock::new();
    INDEX.get_or_init(|| build(crate::catalog()))
}

/// Kind of a data-event row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RowKind {
    Data,
    Either,
    Also,
    /// Expected as a data event, but no page says that it is logged.
    Unverified,
}

/// The log of an operation.
struct Logged {
    kind: RevealerKind,
    types: Vec<&'static str>,
    also: Vec<&'static str>,
}

/// Rows of the data-event table, by prefix.
#[derive(Debug, Default)]
struct DataRows {
    rows: HashMap<&'static str, Vec<(&'static str, &'static str, RowKind)>>,
    problems: Vec<String>,
}

impl DataRows {
    fn read(catalog: &Catalog, types: &[&'static str]) -> Self {
        let mut data = Self::default();
        for row in table::rows(DATA_EVENTS) {
            let kind = match row.column(3) {
                "data" => RowKind::Data,
                "either" => RowKind::Either,
                "also" => RowKind::Also,
                "unverified" => RowKind::Unverified,
                other => {
                    data.problems.push(format!("data-events.tsv:{}: kind `{other}`", row.line));
                    continue;
                }
            };
            if catalog.service(row.column(0)).is_none() {
                data.problems.push(format!("data-events.tsv:{}: no service `{}`", row.line, row.column(0)));
            }
            if !types.contains(&row.column(1)) {
                data.problems.push(format!("data-events.tsv:{}: no type `{}`", row.line, row.column(1)));
            }
            for operation in row.list(2) {
                data.rows.entry(row.column(0)).or_default().push((operation, row.column(1), kind));
            }
        }
        data
    }

    /// True if a row names this very operation as a data event: it is logged, also where no SDK has it.
    fn name(&self, prefix: &str, name: &str) -> bool {
        let mut rows = self.rows.get(prefix).into_iter().flatten();
        rows.any(|row| row.2 == RowKind::Data && row.0.eq_ignore_ascii_case(name))
    }

    /// True if no page says that this very operation, a data event, is logged.
    fn is_unverified(&self, prefix: &str, name: &str) -> bool {
        let mut rows = self.rows.get(prefix).into_iter().flatten();
        rows.any(|row| row.2 == RowKind::Unverified && row.0.eq_ignore_ascii_case(name))
    }

    /// Kind and types of an operation, by prefix and name. `info`: the action, for rows by resource type.
    fn kind(&self, prefix: &str, name: &str, info: Option<ActionInfo<'_>>) -> Logged {
        let (mut kind, mut types, mut also) = (RevealerKind::Management, BTreeSet::new(), BTreeSet::new());
        for (operation, resource_type, row_kind) in self.rows.get(prefix).into_iter().flatten() {
            let fits = match operation.strip_prefix("type:") {
                Some(wanted) => {
                    info.is_some_and(|info| info.resource_types().any(|kind| kind.name().eq_ignore_ascii_case(wanted)))
                }
                None => *operation == "*" || operation.eq_ignore_ascii_case(name),
            };
            match row_kind {
                _ if !fits => {}
                RowKind::Also => {
                    also.insert(*resource_type);
                }
                RowKind::Data | RowKind::Unverified => {
                    kind = RevealerKind::Data;
                    types.insert(*resource_type);
                }
                RowKind::Either => {
                    if kind == RevealerKind::Management {
                        kind = RevealerKind::Either;
                    }
                    types.insert(*resource_type);
                }
            }
        }
        Logged { kind, types: types.into_iter().collect(), also: also.into_iter().collect() }
    }
}

fn build(catalog: &'static Catalog) -> VisibilityIndex {
    let tables = tables::tables();
    let data = DataRows::read(catalog, &tables.data_types);
    let mut gathered = Gathered::default();
    for (prefix, event, clauses) in tables.rules.events() {
        gathered.add(catalog, &data, prefix, event, clauses);
    }
    // Rows for all names that start so, on the operations that have no row and no action of their own.
    for service in catalog.services() {
        for operation in service.operations().filter(|operation| operation.in_sdk()) {
            let clauses = tables.rules.by_start(catalog, service.prefix(), &operation.name().to_ascii_lowercase());
            if !clauses.is_empty() {
                gathered.add(catalog, &data, service.prefix(), operation.name(), clauses);
            }
        }
    }
    let mut unseen = Unseen::read(catalog);
    let mut problems = data.problems.clone();
    problems.append(&mut unseen.problems);
    let entries = std::iter::repeat_with(OnceLock::new).take(catalog.action_count()).collect();
    VisibilityIndex { catalog, data, unseen, gathered, entries, problems }
}

fn revealer(
    catalog: &Catalog,
    data: &DataRows,
    prefix: &str,
    name: &str,
    action: Option<ActionId>,
    conditional: bool,
) -> Revealer {
    let own = action.map(|id| catalog.info(id)).filter(|info| info.prefix() == prefix);
    let logged = data.kind(prefix, name, own);
    Revealer {
        event_source: format!("{}.amazonaws.com", tables::tables().usual_labels.get(prefix).unwrap_or(&prefix)),
        event_name: name.to_owned(),
        kind: logged.kind,
        resource_types: logged.types,
        also_logged_by: logged.also,
        conditional,
    }
}

fn judge(catalog: &Catalog, data: &DataRows, id: ActionId, found: &[Revealer], by: Vec<ActionId>) -> OwnedVisibility {
    let types = |wanted: &dyn Fn(&Revealer) -> bool| -> Vec<&'static str> {
        let set: BTreeSet<_> = found.iter().filter(|row| wanted(row)).flat_map(|row| &row.resource_types).collect();
        set.into_iter().copied().collect()
    };
    let certain = |row: &Revealer| !row.conditional;
    if !found.iter().any(certain) {
        return OwnedVisibility::Inferred(by, "no event of that name: only parameters of other calls show it");
    }
    let prefix = catalog.info(id).prefix();
    if found.iter().any(|row| certain(row) && data.is_unverified(prefix, &row.event_name)) {
        return OwnedVisibility::Never("expected as a data event, but no page of AWS says that CloudTrail logs it");
    }
    // The calls that are this action decide the log. Data types of conditional ones count too: the action may
    // have been used in that way only.
    let any = |kind: RevealerKind| found.iter().any(|row| row.kind == kind && certain(row));
    let all = types(&|_| true);
    if any(RevealerKind::Either) {
        return OwnedVisibility::Either(all);
    }
    match (any(RevealerKind::Management), any(RevealerKind::Data)) {
        (true, true) => OwnedVisibility::Either(all),
        (false, true) => OwnedVisibility::Data(all),
        _ if !all.is_empty() => OwnedVisibility::Either(all),
        _ => {
            // Not in a list by its operations, but perhaps by its resource type.
            let info = catalog.info(id);
            let logged = data.kind(info.prefix(), info.short_name(), Some(info));
            if logged.kind == RevealerKind::Management {
                OwnedVisibility::Management
            } else {
                OwnedVisibility::Either(logged.types)
            }
        }
    }
}

/// Rows of `unseen.tsv`.
#[derive(Debug, Default)]
struct Unseen {
    rows: HashMap<ActionId, OwnedVisibility>,
    blind: HashMap<ActionId, Vec<BlindResource>>,
    problems: Vec<String>,
}

impl Unseen {
    fn read(catalog: &Catalog) -> Self {
        let mut unseen = Self::default();
        for row in table::rows(UNSEEN) {
            for name in row.list(0) {
                let ids: Vec<ActionId> = match name.strip_suffix(":*") {
                    Some(prefix) => catalog.service(prefix).map(|s| s.actions().collect()).unwrap_or_default(),
                    None => catalog.action(name).into_iter().collect(),
                };
                if ids.is_empty() {
                    unseen.problems.push(format!("unseen.tsv:{}: no action `{name}`", row.line));
                }
                let by: Vec<ActionId> = row.list(2).filter_map(|name| catalog.action(name)).collect();
                for id in ids {
                    let seen = match row.column(1) {
                        "never" => OwnedVisibility::Never(row.column(3)),
                        "on" => {
                            let blind = BlindResource { pattern: row.column(2), reason: row.column(3) };
                            unseen.blind.entry(id).or_default().push(blind);
                            continue;
                        }
                        _ => OwnedVisibility::Inferred(by.clone(), row.column(3)),
                    };
                    unseen.rows.insert(id, seen);
                }
            }
        }
        unseen
    }
}
