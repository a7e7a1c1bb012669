//! View of one service prefix.

use crate::action::{ActionId, ResourceTypeRef};
use crate::blob::ServiceRow;
use crate::catalog::Catalog;
use crate::operation::OperationInfo;

/// One service of the catalog: a cheap view, copied freely.
#[derive(Clone, Copy)]
pub struct ServiceInfo<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) row: ServiceRow,
}

impl<'a> ServiceInfo<'a> {
    /// Service prefix, for example `s3`.
    pub fn prefix(self) -> &'a str {
        self.catalog.blob.string(self.row.prefix)
    }

    /// Name for people, for example `Amazon S3`.
    pub fn name(self) -> &'a str {
        self.catalog.blob.string(self.row.name)
    }

    /// Number of actions.
    pub fn action_count(self) -> usize {
        self.row.actions.iter().len()
    }

    /// The service's actions, in catalog order.
    pub fn actions(self) -> impl ExactSizeIterator<Item = ActionId> + use<> {
        self.row.actions.iter().map(ActionId)
    }

    /// The service's resource types, by name.
    pub fn resource_types(self) -> impl Iterator<Item = ResourceTypeRef<'a>> + use<'a> {
        let catalog = self.catalog;
        self.row.resource_types.iter().map(move |index| ResourceTypeRef::new(catalog, index, None))
    }

    /// A resource type by its name, in any case.
    pub fn resource_type(self, name: &str) -> Option<ResourceTypeRef<'a>> {
        self.resource_types().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }

    /// API operations that are called under this prefix, by name.
    pub fn operations(self) -> impl Iterator<Item = OperationInfo<'a>> + use<'a> {
        self.catalog.operations_in(self.row)
    }
}

impl std::fmt::Debug for ServiceInfo<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ServiceInfo").field(&self.prefix()).finish()
    }
}
