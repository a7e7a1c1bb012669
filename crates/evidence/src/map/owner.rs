//! Parameters that name the account of whoever owns the resource: it is that account's ARN that is checked.

use std::borrow::Cow;

use serde_json::Value;
use whittle_catalog::catalog;
use whittle_catalog::events::{FieldPath, PathSegment};
use whittle_policy::id::is_account;

use super::CallContext;
use super::arns::SplitArn;
use super::plan::ResourcePlan;
use super::transform::CallPlace;

/// A parameter that names an owner, and the account in it; `None` if that is no account (a word, masked).
pub(super) type NamedOwner<'r> = (&'static str, Option<&'r str>);

impl<'r> CallContext<'r> {
    /// The place of an action's resources: that of the call, in the account that a parameter names as the
    /// owner's. `None` if a parameter names an owner and the tables do not say that the ARN has its account.
    pub(super) fn place_for(&self, plan: &ResourcePlan) -> Option<Cow<'_, CallPlace<'r>>> {
        let mut place = Cow::Borrowed(self.place());
        if !plan.has_account {
            return Some(place);
        }
        for (key, account) in self.owners.get_or_init(|| self.other_owners()) {
            let is_key = |path: &&&FieldPath| {
                let segments = path.segments();
                matches!(segments, [PathSegment::Key(name)] if name.eq_ignore_ascii_case(key))
            };
            match (account, plan.owners.iter().find(is_key)) {
                (Some(account), Some(_)) => place.to_mut().account = Cow::Borrowed(*account),
                (None, None) => {}
                _ => return None,
            }
        }
        for text in plan.owner_arns.iter().flat_map(|path| self.parameters.texts(path)) {
            if let Some(whole) = SplitArn::of(text) {
                let place = place.to_mut();
                (place.region, place.account) = (Cow::Borrowed(whole.region), Cow::Borrowed(whole.account));
            }
        }
        Some(place)
    }

    /// The owners that the request names and that are not the account of the call itself.
    fn other_owners(&self) -> Vec<NamedOwner<'r>> {
        let Some(Value::Object(parameters)) = self.parameters.request() else { return Vec::new() };
        let known = catalog().owner_account_keys();
        let own = self.record.account();
        let named = parameters.iter().filter_map(|(key, value)| {
            let key = known.iter().find(|known| known.eq_ignore_ascii_case(key))?;
            let text = value.as_str().filter(|text| !text.is_empty())?;
            (Some(text) != own).then_some((*key, Some(text).filter(|text| is_account(text))))
        });
        named.collect()
    }
}
