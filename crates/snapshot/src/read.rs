//! Puts the documents together.

use std::collections::BTreeSet;

use whittle_analysis::inventory::{Function, Inventory};
use whittle_analysis::issue::{Issue, IssueKind, merge_issues};
use whittle_policy::id::{AccountId, Region};

use crate::attachments::{self, Absence, FunctionsByArn, KINDS};
use crate::document::remake_hint;
use crate::error::SnapshotError;
use crate::files::SnapshotFiles;
use crate::functions::{self, Versions, add_new, unknown_source};
use crate::scope::{SnapshotScope, scopes};
use crate::trails::{self, TrailConfigs};
use crate::{account, exposure, iam, last_accessed, not_collected, stacks};

/// Checks that the documents exist without which there is no inventory. See [`read_inventory`].
pub fn check(files: &dyn SnapshotFiles) -> Result<(), SnapshotError> {
    if !files.exists(iam::FILE) {
        return Err(missing(files, iam::FILE, iam::COMMAND));
    }
    if !scopes(files, &mut Vec::new()).iter().any(|scope| scope.has("functions")) {
        return Err(missing(files, functions::FILE, functions::COMMAND));
    }
    Ok(())
}

/// The first commands of a snapshot, as a hint.
pub fn first_commands() -> String {
    format!("{}, and `{}`", remake_hint(iam::COMMAND), functions::COMMAND)
}

fn missing(files: &dyn SnapshotFiles, file: &str, command: &str) -> SnapshotError {
    let message = format!("snapshot folder `{}` has no `{file}`", files.shown());
    let hint = match near_name(files, file) {
        Some(found) => format!("rename `{found}`, or {}", remake_hint(command)),
        None => remake_hint(command),
    };
    SnapshotError::new(message).with_hint(hint)
}

/// Reads the whole inventory. Fails without roles or without functions, on which everything rests.
pub fn read_inventory(files: &dyn SnapshotFiles) -> Result<Inventory, SnapshotError> {
    let mut issues = Vec::new();
    let scopes = scopes(files, &mut issues);
    let root = scopes.first().ok_or_else(|| missing(files, iam::FILE, iam::COMMAND))?;

    let text = root.text(iam::FILE).map_err(|problem| problem.into_error(&files.shown()))?;
    let text = text.ok_or_else(|| missing(files, iam::FILE, iam::COMMAND))?;
    let roles = iam::parse(&text).map_err(|problem| problem.into_error(&files.shown()))?;
    drop(text);
    issues.extend(roles.issues);
    let role_settings = roles.settings;
    let mut roles = roles.roles;

    let mut versions = Versions::default();
    let mut with_functions: BTreeSet<Option<Region>> = BTreeSet::new();
    let mut unlisted = false;
    for scope in &scopes {
        // Without one of these files, functions are missing that share roles with the rest: better no answer.
        let Some(text) = scope.text(functions::FILE).map_err(|problem| problem.into_error(&files.shown()))? else {
            if scope.region.is_some() {
                unlisted = true;
                issues.push(missing_file(scope, functions::FILE, functions::COMMAND, "functions there are not known"));
            }
            continue;
        };
        with_functions.insert(scope.region.clone());
        let place = scope.place(functions::FILE);
        versions.add_file(&text, &place).map_err(|problem| problem.into_error(&files.shown()))?;
    }
    if with_functions.is_empty() {
        return Err(missing(files, functions::FILE, functions::COMMAND));
    }
    let (mut functions, function_issues) = versions.into_functions();
    issues.extend(function_issues);

    let account: AccountId = account::decide(&roles, &mut functions, &files.shown(), &mut issues)?;
    let partition = account::partition(&roles, &functions);
    attach(&scopes, &with_functions, &mut functions, &mut issues);
    if unlisted {
        // Functions that nobody saw may use the same roles, for whatever their configuration asks.
        for function in functions.values_mut() {
            add_new(&mut function.config.event_sources, &[unknown_source()]);
        }
    }
    if root.has(last_accessed::NAME) {
        last_accessed::apply(&root.documents(last_accessed::NAME, &mut issues), &mut roles, &mut issues);
    } else {
        let without = "no report says which services a role never used";
        issues.push(missing_file(root, last_accessed::NAME, last_accessed::COMMAND, without));
    }
    account::check_roles(&functions, &roles, &mut issues);
    let stacks = stacks::read(&scopes, &functions, &mut issues);
    let regions = with_functions.into_iter().flatten().collect();
    Ok(Inventory { account, partition, functions, roles, stacks, role_settings, regions, issues: merge_issues(issues) })
}

/// Reads the configuration of the trails. What is not known is in the issues.
pub fn read_trails(files: &dyn SnapshotFiles) -> TrailConfigs {
    // Region folders that are named wrongly are reported with the inventory.
    trails::read(&scopes(files, &mut Vec::new()))
}

/// Completes the functions with everything that has a file of its own.
fn attach(
    scopes: &[SnapshotScope<'_>],
    with_functions: &BTreeSet<Option<Region>>,
    functions: &mut FunctionsByArn,
    issues: &mut Vec<Issue>,
) {
    let any_versions = functions.values().any(|function| !function.versions.is_empty());
    for kind in KINDS {
        for scope in scopes {
            let documents = scope.documents(kind.name, issues);
            for document in &documents {
                attachments::apply(kind, document, functions, issues);
            }
            let in_scope = |function: &Function| {
                is_of(function.region.as_str(), scope) && !is_elsewhere(scopes, scope, function, kind.name)
            };
            attachments::doubt_missing(kind, &documents, in_scope, functions);
            if kind.needs_versions && !any_versions || !is_missing(scopes, scope, with_functions, functions, kind.name)
            {
                continue;
            }
            let file = if kind.per_function { kind.name.to_owned() } else { format!("{}.json", kind.name) };
            issues.push(missing_file(scope, &file, kind.command, kind.without));
            if kind.absence == Absence::NothingUnused {
                for function in functions.values_mut().filter(|function| is_of(function.region.as_str(), scope)) {
                    add_new(&mut function.config.event_sources, &[unknown_source()]);
                }
            }
        }
    }
    for scope in scopes {
        not_collected::apply(scope, |region| is_of(region, scope), functions, issues);
        exposure::apply(&scope.documents(exposure::NAME, issues), functions, issues);
        if is_missing(scopes, scope, with_functions, functions, exposure::NAME) {
            let without = "who may invoke a function is not known, so its exposure may be rated too low";
            issues.push(missing_file(scope, exposure::NAME, exposure::COMMAND, without));
        }
    }
}

/// True if `scope` ought to have `name`: it has functions, and the file is neither here nor, for functions of
/// the root, in the folder of each of their Regions.
fn is_missing(
    scopes: &[SnapshotScope<'_>],
    scope: &SnapshotScope<'_>,
    with_functions: &BTreeSet<Option<Region>>,
    functions: &FunctionsByArn,
    name: &str,
) -> bool {
    if !with_functions.contains(&scope.region) || scope.has(name) {
        return false;
    }
    let mut regions =
        functions.values().map(|function| &function.region).filter(|region| is_of(region.as_str(), scope));
    !regions.all(|region| scopes.iter().any(|other| other.region.as_ref() == Some(region) && other.has(name)))
}

/// True if documents of this kind about a function of the root may be in the folder of its Region.
fn is_elsewhere(scopes: &[SnapshotScope<'_>], scope: &SnapshotScope<'_>, function: &Function, name: &str) -> bool {
    scope.region.is_none()
        && scopes.iter().any(|other| other.region.as_ref() == Some(&function.region) && other.has(name))
}

fn is_of(region: &str, scope: &SnapshotScope<'_>) -> bool {
    scope.region.as_ref().is_none_or(|own| own.as_str() == region)
}

fn missing_file(scope: &SnapshotScope<'_>, file: &str, command: &str, without: &str) -> Issue {
    let command = match &scope.region {
        Some(region) => command.replacen(" --output", &format!(" --region {region} --output"), 1),
        None => command.to_owned(),
    };
    Issue::new(IssueKind::MissingFile, scope.place(file), format!("is not in the snapshot: {without}"))
        .with_hint(remake_hint(&command))
}

/// A file whose name differs in case or punctuation only.
fn near_name(files: &dyn SnapshotFiles, wanted: &str) -> Option<String> {
    let plain = |name: &str| -> String {
        name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
    };
    files.names("").ok()??.into_iter().find(|name| plain(name) == plain(wanted))
}

#[cfg(test)]
mod tests;
