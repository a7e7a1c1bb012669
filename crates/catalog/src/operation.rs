//! View of one API operation.

use std::fmt;

use crate::action::ActionId;
use crate::catalog::Catalog;

/// An API operation under a service prefix: a cheap view, copied freely.
#[derive(Clone, Copy)]
pub struct OperationInfo<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) prefix: &'a str,
    pub(crate) name: &'a str,
    pub(crate) same_named: Option<ActionId>,
    pub(crate) authorised_list: u16,
    pub(crate) in_sdk: bool,
    pub(crate) read_only: Option<bool>,
}

impl<'a> OperationInfo<'a> {
    /// Service prefix it is called under, for example `s3`.
    pub fn prefix(self) -> &'a str {
        self.prefix
    }

    /// Name as the API spells it, for example `ListObjectsV2`.
    pub fn name(self) -> &'a str {
        self.name
    }

    /// True if it is an operation of a current SDK; otherwise only an older or AWS's own map names it.
    pub fn in_sdk(self) -> bool {
        self.in_sdk
    }

    /// True if the API model marks it read-only; `None` where the model does not say (most do not).
    pub fn read_only(self) -> Option<bool> {
        self.read_only
    }

    /// Actions that may be checked when it is called: a superset, sorted. Use it only to keep more, never to
    /// say that an action was used.
    pub fn authorised_by(self) -> Vec<ActionId> {
        let listed = self.catalog.blob.list(self.authorised_list).map(|index| ActionId(u32::from(index)));
        let mut actions: Vec<_> = self.same_named.into_iter().chain(listed).collect();
        actions.sort_unstable();
        actions.dedup();
        actions
    }
}

impl fmt::Debug for OperationInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OperationInfo({}:{})", self.prefix, self.name)
    }
}

impl fmt::Display for OperationInfo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.prefix, self.name)
    }
}
