//! Keys that calls name by an alias: whichever key the alias stands for must stay usable.
//!
//! The ledger holds the alias of a call beside the key that it stood for (`arn:…:alias/orders`,
//! `arn:…:key/1234…`). An alias in a `Resource` element does not speak of its key, so two condition keys say
//! it: `kms:RequestAlias` for calls that name the alias, which holds from the moment that the alias moves;
//! `kms:ResourceAliases` for the others, since what is encrypted under the next key is decrypted under it
//! too, mostly without naming it (AWS KMS Developer Guide, "Use aliases to control access to KMS keys"; a
//! move may take five minutes to reach the second). Both on the keys of the alias's account and Region, and
//! only where granted. The key that was seen stays allowed without condition: it decrypts what is there
//! already.

use std::collections::BTreeSet;

use whittle_catalog::{ActionId, ResourceTypeRef, catalog};
use whittle_policy::ResourcePattern;

use crate::need::{ExtraCondition, Need, NeedKind, Needs, REQUEST_ALIAS, RESOURCE_ALIASES, SubjectUsage, UseBasis};
use crate::reason::NeedReason;

/// Name of a call's key in the ledger.
pub(super) enum KeyName {
    /// The key itself, or something that is no key.
    Own,
    /// An alias that stands for it.
    Alias,
    /// Aliases that the ledger generalised: no key in particular.
    Aliases,
}

/// The kind of name that a resource of an action is.
pub(super) fn key_name(action: ActionId, resource: &ResourcePattern) -> KeyName {
    let info = catalog().info(action);
    let is_alias = info.prefix() == "kms"
        && resource.as_str().contains(":alias/")
        && info.resource_types().all(|kind| kind.name() != "alias");
    match alias_of(resource) {
        _ if !is_alias => KeyName::Own,
        Some(_) => KeyName::Alias,
        None => KeyName::Aliases,
    }
}

/// `arn:aws:kms:r:a:` and `alias/x` of `arn:aws:kms:r:a:alias/x`. Not of a pattern: conditions compare it as
/// text.
fn alias_of(resource: &ResourcePattern) -> Option<(&str, &str)> {
    let text = resource.as_str();
    let at = text.find(":alias/")?.checked_add(1)?;
    let (place, alias) = text.split_at_checked(at)?;
    (!text.contains(['*', '?', '$'])).then_some((place, alias))
}

/// Adds the needs.
pub(super) fn add(usage: &SubjectUsage, needs: &mut Needs) {
    let of_keys = || {
        let kms = usage.actions.iter().filter(|(action, _)| catalog().info(**action).prefix() == "kms");
        kms.filter(|(_, used)| used.basis == UseBasis::Primary)
    };
    let own = |action: ActionId, resources: &[ResourcePattern]| -> BTreeSet<ResourcePattern> {
        let is_alias = |resource: &&ResourcePattern| matches!(key_name(action, resource), KeyName::Alias);
        resources.iter().filter(is_alias).cloned().collect()
    };
    let all: BTreeSet<ResourcePattern> = of_keys().flat_map(|(action, used)| own(*action, &used.resources)).collect();
    for (action, used) in of_keys() {
        let info = catalog().info(*action);
        if info.resource_types().all(|kind| kind.name() != "key") {
            continue;
        }
        let lists = |key: &str| {
            let of_types = info.resource_types().flat_map(ResourceTypeRef::condition_keys);
            info.condition_keys().chain(of_types).any(|known| known == key)
        };
        let (lists_request, lists_resource) = (lists(REQUEST_ALIAS), lists(RESOURCE_ALIASES));
        let named = own(*action, &used.resources);
        for alias in &all {
            let Some((place, name)) = alias_of(alias) else { continue };
            let by_request = named.contains(alias) && lists_request;
            let only_if = (by_request || lists_resource).then(|| ExtraCondition {
                // A key may have several aliases; a request names one.
                operator: if by_request { "StringEquals" } else { "ForAnyValue:StringEquals" }.to_owned(),
                key: if by_request { REQUEST_ALIAS } else { RESOURCE_ALIASES }.to_owned(),
                values: vec![name.to_owned()],
            });
            needs.push(Need {
                action: *action,
                // What was used is the key of the day; that another Region has no grant for the alias says
                // nothing.
                kind: NeedKind::Companion,
                resource: Some(ResourcePattern::new(format!("{place}key/*"))),
                only_if,
                reason: NeedReason::ByAlias { alias: name.to_owned() },
            });
        }
    }
}
