//! View of one action.

use std::fmt;

use crate::access_level::AccessLevel;
use crate::arn_format::ArnFormat;
use crate::catalog::Catalog;
use crate::operation::OperationInfo;

/// Number of an action in one catalog. Its order is the order of (service prefix, action name), ASCII case
/// ignored.
///
/// Ids are dense from zero, so [`ActionId::index`] can index a bit set. They mean nothing in another catalog:
/// store names, not ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionId(pub(crate) u32);

impl ActionId {
    /// Position in catalog order, from zero.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Facts about one action: a cheap view, copied freely.
#[derive(Clone, Copy)]
pub struct ActionInfo<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) id: ActionId,
}

impl<'a> ActionInfo<'a> {
    /// The action's number in this catalog.
    pub fn id(self) -> ActionId {
        self.id
    }

    /// Full name in AWS's spelling, for example `s3:GetObject`.
    pub fn name(self) -> &'a str {
        self.catalog.blob.action_name(self.id.0)
    }

    /// Service prefix, for example `s3`.
    pub fn prefix(self) -> &'a str {
        self.name().split_once(':').map_or("", |(prefix, _)| prefix)
    }

    /// Name without the prefix, for example `GetObject`.
    pub fn short_name(self) -> &'a str {
        self.name().split_once(':').map_or("", |(_, name)| name)
    }

    /// Access level. Where sources differ it is the most dangerous one they name.
    pub fn access_level(self) -> AccessLevel {
        self.catalog.blob.flags(self.id.0).access_level()
    }

    /// Resource types that the action can be limited to. Empty: only `Resource: "*"` works.
    pub fn resource_types(self) -> impl Iterator<Item = ResourceTypeRef<'a>> + use<'a> {
        let catalog = self.catalog;
        let first = catalog.blob.service_of_action(self.id.0).map_or(0, |row| row.resource_types.start);
        catalog
            .blob
            .list(catalog.blob.resource_list(self.id.0))
            .map(move |item| ResourceTypeRef::new(catalog, first + u32::from(item >> 1), Some(item & 1 == 1)))
    }

    /// True if a policy can name resources for this action.
    pub fn supports_resources(self) -> bool {
        self.resource_types().next().is_some()
    }

    /// Condition keys that apply to the action, sorted. Global `aws:` keys appear only where AWS lists them
    /// for it.
    pub fn condition_keys(self) -> impl Iterator<Item = &'a str> + use<'a> {
        let blob = &self.catalog.blob;
        blob.list(blob.condition_list(self.id.0)).map(|string| blob.string(string))
    }

    /// Actions that AWS says a caller needs beside this one (in some uses of it), sorted.
    pub fn dependent_actions(self) -> impl Iterator<Item = ActionId> + use<'a> {
        let blob = &self.catalog.blob;
        blob.list(blob.dependent_list(self.id.0)).map(|index| ActionId(u32::from(index)))
    }

    /// True if IAM's action last accessed information tracks the action; `None` where no source says.
    ///
    /// AWS page: IAM User Guide, "IAM action last accessed information services and actions".
    pub fn last_accessed_supported(self) -> Option<bool> {
        self.catalog.blob.flags(self.id.0).last_accessed()
    }

    /// API operations known to be authorised by this action, by (prefix, name); also those of other services.
    ///
    /// Empty: none is known. That alone does not prove that the action has no call: it may be new, or be
    /// called under another prefix (`s3express` through S3's operations).
    pub fn operations(self) -> Vec<OperationInfo<'a>> {
        self.catalog.operations_of(self.id)
    }

    /// True if any API operation is known to be authorised by this action: [`Self::operations`] without
    /// making them.
    pub fn has_known_operation(self) -> bool {
        self.catalog.has_operation(self.id)
    }
}

impl fmt::Debug for ActionInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ActionInfo").field(&self.name()).finish()
    }
}

/// A resource type of a service, or of one action.
#[derive(Clone, Copy)]
pub struct ResourceTypeRef<'a> {
    catalog: &'a Catalog,
    index: u32,
    required: Option<bool>,
}

impl<'a> ResourceTypeRef<'a> {
    pub(crate) fn new(catalog: &'a Catalog, index: u32, required: Option<bool>) -> Self {
        Self { catalog, index, required }
    }

    /// Name, for example `object`.
    pub fn name(self) -> &'a str {
        self.catalog.blob.string(self.catalog.blob.resource_type(self.index).name)
    }

    /// True if a statement for the action must name a resource of this type. `false` when the view does not
    /// come from an action.
    pub fn required(self) -> bool {
        self.required.unwrap_or(false)
    }

    /// ARN formats, for example `arn:${Partition}:s3:::${BucketName}/${ObjectName}`.
    pub fn arn_formats(self) -> impl Iterator<Item = ArnFormat<'a>> + use<'a> {
        let blob = &self.catalog.blob;
        blob.list(blob.resource_type(self.index).arn_formats).map(|string| ArnFormat::new(blob.string(string)))
    }

    /// Condition keys that the type supports, sorted.
    pub fn condition_keys(self) -> impl Iterator<Item = &'a str> + use<'a> {
        let blob = &self.catalog.blob;
        blob.list(blob.resource_type(self.index).condition_keys).map(|string| blob.string(string))
    }
}

impl fmt::Debug for ResourceTypeRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResourceTypeRef").field("name", &self.name()).field("required", &self.required).finish()
    }
}
