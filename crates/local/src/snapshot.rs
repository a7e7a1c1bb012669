//! Reads the inventory and the trail configuration from a folder of plain AWS CLI output.
//!
//! | file | command | without it |
//! |---|---|---|
//! | `authorization-details.json` | `aws iam get-account-authorization-details` | an error |
//! | `functions.json` | `aws lambda list-functions --function-version ALL` | an error |
//! | `event-source-mappings.json` | `aws lambda list-event-source-mappings` | an issue; nothing is called unused |
//! | `trails.json` | `aws cloudtrail describe-trails` | an issue; nothing says what the trail could see |
//! | `trail-status/<trail>.json`, `event-selectors/<trail>.json` | `aws cloudtrail get-trail-status`, `get-event-selectors` | an issue for each trail |
//! | `event-invoke-configs/<function>.json` | `aws lambda list-function-event-invoke-configs` | an issue |
//! | `function-urls/<function>.json` | `aws lambda list-function-url-configs` | an issue |
//! | `resource-policies/<function>.json` | `aws lambda get-policy` | an issue |
//! | `aliases/<function>.json` | `aws lambda list-aliases` | an issue, if there are published versions |
//! | `service-last-accessed/<role>.json` | `aws iam get-service-last-accessed-details` | an issue |
//!
//! All but the first and the last may be in `regions/<region>/` instead of the root, or in both. A folder with a file
//! per function may also be one file of that name with all entries (`function-urls.json`).
//!
//! One bad entry costs that entry, and is an issue. What is not known never makes something look unused: a function
//! whose configuration is not readable gets an event source of kind `Unknown`, a role with an unreadable policy names it
//! in `unreadable_policies`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use whittle_analysis::inventory::Inventory;
use whittle_analysis::issue::{Issue, merge_issues};
use whittle_pipeline::ports::{InventorySource, PortError, PortErrorKind, TrailConfigSource, TrailConfigs};
use whittle_policy::id::{AccountId, Region};

use crate::files::{MAX_FILE_BYTES, remake_hint};
use attachments::{Functions, KINDS};
use functions::{Versions, add_new, unknown_source};
use scope::{Scope, scopes};

mod account;
mod attachments;
mod exposure;
mod functions;
mod iam;
mod last_accessed;
mod scope;
mod time;
mod trails;

/// A folder of AWS CLI output.
#[derive(Debug, Clone)]
pub struct SnapshotFolder {
    root: PathBuf,
    max_file_bytes: u64,
}

impl SnapshotFolder {
    /// Opens a snapshot. The files are read by the methods of the ports.
    ///
    /// Fails (`Invalid`, with a hint) if `path` is no folder, is empty, or has no `authorization-details.json` or no
    /// `functions.json` in it or in any `regions/<region>/`.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, PortError> {
        let root = path.as_ref();
        let invalid = |message: String| PortError::new(PortErrorKind::Invalid, message);
        let shown = root.display();
        let metadata = std::fs::metadata(root).map_err(|error| {
            let hint = "make a snapshot of your account there, or give the path of one";
            invalid(format!("snapshot folder `{shown}` cannot be opened")).with_hint(hint).with_source(error)
        })?;
        if !metadata.is_dir() {
            return Err(invalid(format!("snapshot `{shown}` is not a folder"))
                .with_hint(format!("give the folder that holds `{}`", iam::FILE)));
        }
        let mut entries = std::fs::read_dir(root)
            .map_err(|error| invalid(format!("snapshot folder `{shown}` cannot be listed")).with_source(error))?;
        if entries.next().is_none() {
            return Err(invalid(format!("snapshot folder `{shown}` is empty")).with_hint(format!(
                "{}, and `{}`",
                remake_hint(iam::COMMAND),
                functions::COMMAND
            )));
        }
        let folder = Self { root: root.to_owned(), max_file_bytes: MAX_FILE_BYTES };
        if !root.join(iam::FILE).exists() {
            return Err(folder.missing(iam::FILE, iam::COMMAND));
        }
        if !folder.scopes(&mut Vec::new()).iter().any(|scope| scope.has("functions")) {
            return Err(folder.missing(functions::FILE, functions::COMMAND));
        }
        Ok(folder)
    }

    /// Refuses files above this size (1 GiB unless set).
    #[must_use]
    pub fn with_max_file_bytes(mut self, max_file_bytes: u64) -> Self {
        self.max_file_bytes = max_file_bytes;
        self
    }

    fn missing(&self, file: &str, command: &str) -> PortError {
        let message = format!("snapshot folder `{}` has no `{file}`", self.root.display());
        let hint = match near_name(&self.root, file) {
            Some(found) => format!("rename `{found}`, or {}", remake_hint(command)),
            None => remake_hint(command),
        };
        PortError::new(PortErrorKind::Invalid, message).with_hint(hint)
    }

    fn scopes(&self, issues: &mut Vec<Issue>) -> Vec<Scope> {
        scopes(&self.root, self.max_file_bytes, issues)
    }

    fn read_inventory(&self) -> Result<Inventory, PortError> {
        let mut issues = Vec::new();
        let scopes = self.scopes(&mut issues);
        let root = scopes.first().ok_or_else(|| self.missing(iam::FILE, iam::COMMAND))?;

        let text = root.text(iam::FILE).map_err(|problem| problem.into_error(&self.root))?;
        let text = text.ok_or_else(|| self.missing(iam::FILE, iam::COMMAND))?;
        let roles = iam::parse(&text).map_err(|problem| problem.into_error(&self.root))?;
        drop(text);
        issues.extend(roles.issues);
        let mut roles = roles.roles;

        let mut versions = Versions::default();
        let mut with_functions: BTreeSet<Option<Region>> = BTreeSet::new();
        for scope in &scopes {
            // Without one of these files, functions are missing that share roles with the rest: better no answer.
            let Some(text) = scope.text(functions::FILE).map_err(|problem| problem.into_error(&self.root))? else {
                if scope.region.is_some() {
                    issues.push(missing_file(
                        scope,
                        functions::FILE,
                        functions::COMMAND,
                        "functions there are not known",
                    ));
                }
                continue;
            };
            with_functions.insert(scope.region.clone());
            let place = scope.place(functions::FILE);
            versions.add_file(&text, &place).map_err(|problem| problem.into_error(&self.root))?;
        }
        if with_functions.is_empty() {
            return Err(self.missing(functions::FILE, functions::COMMAND));
        }
        let (mut functions, function_issues) = versions.into_functions();
        issues.extend(function_issues);

        let account: AccountId = account::decide(&roles, &mut functions, &self.root, &mut issues)?;
        let partition = account::partition(&roles, &functions);
        attach(&scopes, &with_functions, &mut functions, &mut issues);
        if root.has(last_accessed::NAME) {
            last_accessed::apply(&root.documents(last_accessed::NAME, &mut issues), &mut roles, &mut issues);
        } else {
            let without = "no report says which services a role never used";
            issues.push(missing_file(root, last_accessed::NAME, last_accessed::COMMAND, without));
        }
        account::check_roles(&functions, &roles, &mut issues);
        Ok(Inventory { account, partition, functions, roles, issues: merge_issues(issues) })
    }
}

impl InventorySource for SnapshotFolder {
    async fn inventory(&self) -> Result<Inventory, PortError> {
        self.read_inventory()
    }
}

impl TrailConfigSource for SnapshotFolder {
    async fn trails(&self) -> Result<TrailConfigs, PortError> {
        let mut issues = Vec::new();
        let scopes = self.scopes(&mut issues);
        // Region folders that are named wrongly are reported with the inventory.
        issues.clear();
        Ok(trails::read(&scopes))
    }
}

/// Completes the functions with everything that has a file of its own.
fn attach(
    scopes: &[Scope],
    with_functions: &BTreeSet<Option<Region>>,
    functions: &mut Functions,
    issues: &mut Vec<Issue>,
) {
    let any_versions = functions.values().any(|function| !function.versions.is_empty());
    for kind in KINDS {
        for scope in scopes {
            for document in scope.documents(kind.name, issues) {
                attachments::apply(kind, &document, functions, issues);
            }
            if kind.needs_versions && !any_versions || !is_missing(scopes, scope, with_functions, functions, kind.name)
            {
                continue;
            }
            let file = if kind.per_function { kind.name.to_owned() } else { format!("{}.json", kind.name) };
            issues.push(missing_file(scope, &file, kind.command, kind.without));
            if kind.essential {
                for function in functions.values_mut().filter(|function| is_of(function.region.as_str(), scope)) {
                    add_new(&mut function.config.event_sources, &[unknown_source()]);
                }
            }
        }
    }
    for scope in scopes {
        exposure::apply(&scope.documents(exposure::NAME, issues), functions, issues);
        if is_missing(scopes, scope, with_functions, functions, exposure::NAME) {
            let without = "who may invoke a function is not known, so its exposure may be rated too low";
            issues.push(missing_file(scope, exposure::NAME, exposure::COMMAND, without));
        }
    }
}

/// Whether `scope` ought to have `name`: it has functions, and the file is neither here nor, for functions of the root,
/// in the folder of each of their Regions.
fn is_missing(
    scopes: &[Scope],
    scope: &Scope,
    with_functions: &BTreeSet<Option<Region>>,
    functions: &Functions,
    name: &str,
) -> bool {
    if !with_functions.contains(&scope.region) || scope.has(name) {
        return false;
    }
    let mut regions =
        functions.values().map(|function| &function.region).filter(|region| is_of(region.as_str(), scope));
    !regions.all(|region| scopes.iter().any(|other| other.region.as_ref() == Some(region) && other.has(name)))
}

fn is_of(region: &str, scope: &Scope) -> bool {
    scope.region.as_ref().is_none_or(|own| own.as_str() == region)
}

fn missing_file(scope: &Scope, file: &str, command: &str, without: &str) -> Issue {
    let command = match &scope.region {
        Some(region) => command.replacen(" --output", &format!(" --region {region} --output"), 1),
        None => command.to_owned(),
    };
    Issue::new("missing-file", scope.place(file), format!("is not in the snapshot: {without}"))
        .with_hint(remake_hint(&command))
}

/// A file of the folder whose name differs in case or punctuation only.
fn near_name(root: &Path, wanted: &str) -> Option<String> {
    let plain = |name: &str| -> String {
        name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
    };
    let mut names: Vec<String> =
        std::fs::read_dir(root).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    names.into_iter().find(|name| plain(name) == plain(wanted))
}

#[cfg(test)]
mod tests;
