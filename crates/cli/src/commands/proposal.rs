//! A template held against an account, for `check` and `diff`: reads what the arguments name.

use std::path::Path;

use whittle_local::snapshot::SnapshotFolder;
use whittle_pipeline::proposal::{DeployedAccount, Deployment, FilePlace, MatchedProposal, TemplateFile};
use whittle_render::check::Location;
use whittle_render::template::unreadable;
use whittle_template::proposal::Region;

use super::{deployment, stored};
use crate::args::DeploymentArguments;
use crate::error::CommandError;
use crate::files::relative;

/// Reads the template, the account and what is known of the deployment, and matches them.
pub fn read(path: &Path, arguments: &DeploymentArguments, store: &Path) -> Result<MatchedProposal, CommandError> {
    let bytes = std::fs::read(path).map_err(|source| CommandError::Read { path: path.to_owned(), source })?;
    let is_terraform = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tf"));
    let template = TemplateFile::read(&bytes, is_terraform)
        .map_err(|source| CommandError::Template { path: path.to_owned(), source })?;
    let account = account(arguments, store)?;
    let mut known = Deployment {
        functions: arguments.functions.clone(),
        stack: arguments.stack.clone(),
        stacks: deployment::stack_answers(&arguments.stack_resources, None)?,
        parameters: arguments.parameters.iter().cloned().collect(),
        ..Deployment::default()
    };
    if let Some(state) = &arguments.terraform_state {
        (known.state, _) = deployment::terraform_state(state)?;
    }
    let names = (path.display().to_string(), relative(path));
    Ok(MatchedProposal::new(&template, (&names.0, names.1), &known, account, unreadable)?)
}

/// The snapshot that is named, or the one that the store was made from.
fn account(arguments: &DeploymentArguments, store: &Path) -> Result<DeployedAccount, CommandError> {
    if let Some(folder) = &arguments.snapshot {
        let account = DeployedAccount::read(&SnapshotFolder::open(folder)?)?;
        let found = account.inventory.account.to_string();
        return match &arguments.account {
            Some(wanted) if *wanted != found => Err(CommandError::Usage {
                message: format!("snapshot `{}` is of account {found}, not {wanted}", folder.display()),
                hint: String::new(),
            }),
            _ => Ok(account),
        };
    }
    if !store.exists() {
        return Err(CommandError::NoResult {
            message: format!("there is no store at `{}` that says what the account holds", store.display()),
            hint: "run `whittle analyze SNAPSHOT --trail PATH` first, or pass --store or --snapshot".to_owned(),
        });
    }
    let mut opened = stored::open_existing(store)?;
    let accounts = opened.accounts()?;
    let account = match (&arguments.account, accounts.as_slice()) {
        (Some(wanted), known) if known.contains(wanted) => wanted.clone(),
        (Some(wanted), known) => {
            return Err(CommandError::NoResult {
                message: format!("the store has no result of account {wanted}"),
                hint: format!("it has results of {}", known.join(", ")),
            });
        }
        (None, [only]) => only.clone(),
        (None, []) => {
            return Err(CommandError::NoResult {
                message: format!("the store `{}` is empty", store.display()),
                hint: "run `whittle analyze SNAPSHOT --trail PATH` first".to_owned(),
            });
        }
        (None, known) => {
            return Err(CommandError::Ambiguous {
                message: format!("the store has results of {} accounts", known.len()),
                hint: format!("pass --account, one of {}", known.join(", ")),
            });
        }
    };
    let kept = opened.snapshot(&account)?.ok_or_else(|| CommandError::NoResult {
        message: format!("the store does not say what the roles of account {account} are: an earlier version wrote it"),
        hint: "run `whittle analyze` again, or pass --snapshot".to_owned(),
    })?;
    Ok(DeployedAccount::read(&kept)?)
}

/// A piece of the template.
pub fn location(file: &str, region: Region) -> Location {
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    Location {
        path: file.to_owned(),
        line: number(region.start.line),
        column: Some(number(region.start.column)),
        end_line: Some(number(region.end.line)),
        end_column: Some(number(region.end.column)),
    }
}

/// The place of a finding. Of a resource only the first line is marked.
pub fn location_of(file: &str, place: FilePlace) -> Location {
    match place {
        FilePlace::Piece(region) => location(file, region),
        FilePlace::Beginning(region) => Location { end_line: None, end_column: None, ..location(file, region) },
    }
}
