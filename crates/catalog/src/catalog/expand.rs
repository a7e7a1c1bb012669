//! From an action pattern to the actions that it names.
//!
//! AWS page: IAM User Guide, "IAM JSON policy elements: Action": names are compared without regard to case,
//! `*` and `?` may stand anywhere in the name. O(log n + answers) where the pattern has one `*` at its end;
//! otherwise the actions that share the text before the first wildcard are tried one by one.

use std::cmp::Ordering;
use std::ops::Range;

use whittle_policy::ActionPattern;

use super::{Catalog, partition_point};
use crate::action::ActionId;
use crate::blob::ServiceRow;
use crate::text_order;

impl Catalog {
    /// The actions that a pattern matches, in catalog order. A pattern that matches none gives none: it may
    /// still name an action that this catalog does not know.
    pub fn expand(&self, pattern: &ActionPattern) -> Vec<ActionId> {
        if pattern.is_any() {
            return self.actions().collect();
        }
        let text = pattern.as_str();
        let Some((prefix, name)) = text.split_once(':') else {
            return self.actions().filter(|id| pattern.matches(self.info(*id).name())).collect();
        };
        if prefix.contains(['*', '?']) {
            return self.actions().filter(|id| pattern.matches(self.info(*id).name())).collect();
        }
        let Some(service) = self.service_row(prefix) else { return Vec::new() };
        let Some(wildcard) = name.find(['*', '?']) else {
            return self.action_of(service, name).into_iter().collect();
        };
        let (head, tail) = name.split_at_checked(wildcard).unwrap_or((name, ""));
        let in_range = self.actions_starting(service, head);
        if tail == "*" {
            return in_range.map(ActionId).collect();
        }
        in_range.map(ActionId).filter(|id| pattern.matches(self.info(*id).name())).collect()
    }

    /// The actions of a service whose name starts with `head`.
    fn actions_starting(&self, service: ServiceRow, head: &str) -> Range<u32> {
        let compare = |action| text_order::compare_head(self.short_name(service, action), head);
        let rows = service.actions.iter();
        let start = partition_point(rows.clone(), |action| compare(action) == Ordering::Less);
        let end = partition_point(start..rows.end, |action| compare(action) == Ordering::Equal);
        start..end
    }
}
