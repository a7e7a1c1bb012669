//! Questions to the catalog.

mod expand;
mod nearest;

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;
use std::sync::OnceLock;

use crate::action::{ActionId, ActionInfo};
use crate::blob::{Blob, LoadError, ServiceRow};
use crate::operation::OperationInfo;
use crate::service::ServiceInfo;
use crate::source::SourceInfo;
use crate::text_order;

static EMBEDDED: &[u8] = include_bytes!("../data/catalog.bin");

/// The catalog inside this program, checked on first use (about a millisecond, once).
///
/// A damaged file gives an empty catalog, in which every action is unknown: nothing is removed from a policy
/// on unknown actions, so that fails safely. A test loads the committed file.
pub fn catalog() -> &'static Catalog {
    static CATALOG: OnceLock<Catalog> = OnceLock::new();
    CATALOG.get_or_init(|| Catalog::from_bytes(EMBEDDED).unwrap_or_else(|_| Catalog::empty()))
}

/// The service authorization reference.
#[derive(Debug)]
pub struct Catalog {
    pub(crate) blob: Blob,
    sources: Vec<SourceInfo>,
    /// (action, operation row) pairs, sorted; made when first asked for.
    rows_by_action: OnceLock<Vec<(u16, u32)>>,
}

impl Catalog {
    /// Reads a catalog file as `cargo xtask refresh-catalog` writes it.
    pub fn from_bytes(file: impl Into<Cow<'static, [u8]>>) -> Result<Self, LoadError> {
        let blob = Blob::load(file.into())?;
        let sources = serde_json::from_str(blob.string(0)).map_err(|_| LoadError::Damaged { what: "sources" })?;
        Ok(Self { blob, sources, rows_by_action: OnceLock::new() })
    }

    /// A catalog that knows nothing.
    pub fn empty() -> Self {
        Self { blob: Blob::empty(), sources: Vec::new(), rows_by_action: OnceLock::new() }
    }

    /// An action by its full name, in any case: `s3:GetObject`, `S3:getobject`. O(log n).
    pub fn action(&self, name: &str) -> Option<ActionId> {
        let (prefix, short_name) = name.split_once(':')?;
        self.action_of(self.service_row(prefix)?, short_name)
    }

    /// Facts about an action.
    pub fn info(&self, id: ActionId) -> ActionInfo<'_> {
        ActionInfo { catalog: self, id }
    }

    /// The action at a position of the catalog order: the inverse of [`ActionId::index`].
    pub fn action_at(&self, index: usize) -> Option<ActionId> {
        u32::try_from(index).ok().filter(|index| *index < self.blob.action_count()).map(ActionId)
    }

    /// Every action, in catalog order.
    pub fn actions(&self) -> impl ExactSizeIterator<Item = ActionId> + use<> {
        (0..self.blob.action_count()).map(ActionId)
    }

    /// Number of actions.
    pub fn action_count(&self) -> usize {
        self.blob.action_count() as usize
    }

    /// Every service, by prefix.
    pub fn services(&self) -> impl ExactSizeIterator<Item = ServiceInfo<'_>> {
        self.blob.services().iter().map(|row| ServiceInfo { catalog: self, row: *row })
    }

    /// A service by its prefix, in any case.
    pub fn service(&self, prefix: &str) -> Option<ServiceInfo<'_>> {
        self.service_row(prefix).map(|row| ServiceInfo { catalog: self, row })
    }

    /// The sources of the facts.
    pub fn sources(&self) -> &[SourceInfo] {
        &self.sources
    }

    /// An API operation under a service prefix, both in any case.
    pub fn operation(&self, prefix: &str, name: &str) -> Option<OperationInfo<'_>> {
        let service = self.service_row(prefix)?;
        if let Some(row) = self.search_operation_rows(service, name) {
            return Some(self.operation_row(service, row));
        }
        self.same_named_operation(service, self.action_of(service, name)?)
    }

    /// Actions that may be checked when an operation is called: a superset, sorted; empty if the operation is
    /// not known. Use it only to keep more, never to say that an action was used.
    pub fn authorised_by(&self, prefix: &str, operation: &str) -> Vec<ActionId> {
        self.operation(prefix, operation).map(OperationInfo::authorised_by).unwrap_or_default()
    }

    pub(crate) fn operations_in(&self, service: ServiceRow) -> impl Iterator<Item = OperationInfo<'_>> {
        let rows = service.operations.iter().map(move |row| self.operation_row(service, row));
        let same_named = service.actions.iter().filter_map(move |action| {
            let operation = self.same_named_operation(service, ActionId(action))?;
            self.search_operation_rows(service, operation.name).is_none().then_some(operation)
        });
        let mut operations: Vec<_> = rows.chain(same_named).collect();
        operations.sort_by(|a, b| text_order::compare(a.name, b.name));
        operations.into_iter()
    }

    pub(crate) fn operations_of(&self, action: ActionId) -> Vec<OperationInfo<'_>> {
        let service_of = |row: u32| {
            let services = self.blob.services();
            let after = services.partition_point(|service| service.operations.start <= row);
            services.get(..after)?.iter().rev().find(|service| service.operations.iter().contains(&row)).copied()
        };
        let rows = self.rows_of(action);
        let mut operations: Vec<_> = rows.filter_map(|row| Some(self.operation_row(service_of(row)?, row))).collect();
        if let Some(service) = self.blob.service_of_action(action.0)
            && let Some(operation) = self.same_named_operation(service, action)
        {
            operations.push(operation);
        }
        operations
            .sort_by(|a, b| text_order::compare(a.prefix, b.prefix).then_with(|| text_order::compare(a.name, b.name)));
        operations
    }

    pub(crate) fn has_operation(&self, action: ActionId) -> bool {
        self.blob.flags(action.0).has_operation() || self.rows_of(action).next().is_some()
    }

    /// Operation rows that list an action.
    fn rows_of(&self, action: ActionId) -> impl Iterator<Item = u32> + use<'_> {
        let by_action = self.rows_by_action.get_or_init(|| self.collect_rows_by_action());
        let start = by_action.partition_point(|(listed, _)| u32::from(*listed) < action.0);
        let listed = by_action.iter().skip(start).take_while(move |(listed, _)| u32::from(*listed) == action.0);
        listed.map(|(_, row)| *row)
    }

    fn collect_rows_by_action(&self) -> Vec<(u16, u32)> {
        let mut pairs = Vec::new();
        for service in self.blob.services() {
            for row in service.operations.iter() {
                let operation = self.operation_row(*service, row);
                pairs.extend(operation.authorised_by().iter().filter_map(|id| Some((u16::try_from(id.0).ok()?, row))));
            }
        }
        pairs.sort_unstable();
        pairs
    }

    /// The operation that only its action's flag describes.
    fn same_named_operation(&self, service: ServiceRow, action: ActionId) -> Option<OperationInfo<'_>> {
        let flags = self.blob.flags(action.0);
        let (_, name) = self.blob.action_name(action.0).split_once(':')?;
        flags.has_operation().then(|| OperationInfo {
            catalog: self,
            prefix: self.blob.string(service.prefix),
            name,
            same_named: Some(action),
            authorised_list: 0,
            in_sdk: true,
            read_only: flags.operation_read_only(),
        })
    }

    fn operation_row(&self, service: ServiceRow, row: u32) -> OperationInfo<'_> {
        let row = self.blob.operation(row);
        let name = self.blob.string(row.name);
        OperationInfo {
            catalog: self,
            prefix: self.blob.string(service.prefix),
            name,
            same_named: self.action_of(service, name),
            authorised_list: row.authorised_by,
            in_sdk: row.in_sdk(),
            read_only: row.read_only(),
        }
    }

    fn search_operation_rows(&self, service: ServiceRow, name: &str) -> Option<u32> {
        binary_search(service.operations.iter(), |row| {
            text_order::compare(self.blob.string(self.blob.operation(row).name), name)
        })
    }

    fn service_row(&self, prefix: &str) -> Option<ServiceRow> {
        let services = self.blob.services();
        let at = services.binary_search_by(|row| text_order::compare(self.blob.string(row.prefix), prefix)).ok()?;
        services.get(at).copied()
    }

    fn action_of(&self, service: ServiceRow, short_name: &str) -> Option<ActionId> {
        let found = binary_search(service.actions.iter(), |action| {
            text_order::compare(self.short_name(service, action), short_name)
        });
        found.map(ActionId)
    }

    fn short_name(&self, service: ServiceRow, action: u32) -> &str {
        let skip = self.blob.string(service.prefix).len() + 1;
        self.blob.action_name(action).get(skip..).unwrap_or_default()
    }
}

/// Binary search over row numbers: the row that compares equal.
fn binary_search(rows: Range<u32>, compare: impl Fn(u32) -> Ordering) -> Option<u32> {
    let at = partition_point(rows.clone(), |row| compare(row) == Ordering::Less);
    (rows.contains(&at) && compare(at) == Ordering::Equal).then_some(at)
}

/// The first row for which `before` is false; the rows for which it is true must come first.
fn partition_point(rows: Range<u32>, before: impl Fn(u32) -> bool) -> u32 {
    let Range { mut start, mut end } = rows;
    while start < end {
        let middle = start + (end - start) / 2;
        if before(middle) {
            start = middle + 1;
        } else {
            end = middle;
        }
    }
    start
}

#[cfg(test)]
mod tests;
