//! One function or one role instead of the whole account.

use std::collections::BTreeSet;

use whittle_analysis::inventory::Inventory;
use whittle_policy::id::{FunctionArn, RoleArn};

use crate::ports::{PortError, PortErrorKind};

/// The part of the account to analyze.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AnalysisScope {
    /// The whole account.
    #[default]
    Account,
    /// One function, by name or ARN; with it everything on its roles.
    Function(String),
    /// One role, by name or ARN.
    Role(String),
}

impl AnalysisScope {
    /// Removes everything outside the scope from the inventory. Returns the roles in scope, or `None` for
    /// all. Functions that share a role with one in scope stay: what the role needs is the need of all of
    /// them.
    ///
    /// Fails (`NotFound`, with names that are spelled alike) if there is nothing of that name.
    pub fn restrict(&self, inventory: &mut Inventory) -> Result<Option<BTreeSet<String>>, PortError> {
        let roles: BTreeSet<RoleArn> = match self {
            Self::Account => return Ok(None),
            Self::Function(name) => {
                let arn = FunctionArn::split_qualified(name).ok().map(|(arn, _)| arn);
                let plain = name.split(':').next().unwrap_or_default();
                let found: Vec<_> = inventory
                    .functions
                    .values()
                    .filter(|function| arn.as_ref().map_or(function.name == plain, |arn| *arn == function.arn))
                    .collect();
                if found.is_empty() {
                    let names = inventory.functions.values().map(|function| function.name.as_str());
                    return Err(not_found("function", name, names));
                }
                found.into_iter().flat_map(|function| function.roles()).cloned().collect()
            }
            Self::Role(name) => {
                let found: BTreeSet<RoleArn> = inventory
                    .assignments()
                    .into_keys()
                    .filter(|role| role.as_ref() == name || role.name().eq_ignore_ascii_case(name))
                    .cloned()
                    .collect();
                if found.is_empty() {
                    let names = inventory.roles.values().map(|role| role.name.as_str());
                    return Err(not_found("execution role", name, names));
                }
                found
            }
        };
        inventory.functions.retain(|_, function| function.roles().into_iter().any(|role| roles.contains(role)));
        inventory.roles.retain(|arn, _| roles.contains(arn));
        Ok(Some(roles.iter().map(ToString::to_string).collect()))
    }
}

fn not_found<'a>(what: &str, name: &str, known: impl Iterator<Item = &'a str>) -> PortError {
    let wanted = name.to_ascii_lowercase();
    let mut near: Vec<&str> = known.filter(|known| alike(&known.to_ascii_lowercase(), &wanted)).collect();
    near.sort_unstable();
    near.truncate(3);
    let error = PortError::new(PortErrorKind::NotFound, format!("there is no {what} `{name}`"));
    if near.is_empty() {
        error.with_hint("check the name, the account and the Regions that are read")
    } else {
        error.with_hint(format!("did you mean {}?", near.join(", ")))
    }
}

/// One contains the other, or they begin alike.
fn alike(known: &str, wanted: &str) -> bool {
    let begin: String = wanted.chars().take(wanted.chars().count() / 2 + 1).collect();
    known.contains(wanted) || wanted.contains(known) || known.starts_with(&begin)
}
