//! What the account holds.

use std::path::Path;

use serde_json::Value;
use whittle_analysis::inventory::Inventory;
use whittle_local::snapshot::SnapshotFolder;
use whittle_pipeline::ports::TrailConfigs;
use whittle_pipeline::snapshot::{self, SnapshotFiles};
use whittle_template::grants::Documents;

use crate::args::DeploymentArguments;
use crate::commands::stored;
use crate::error::CommandError;

/// Functions, roles and trails of one account.
pub struct Account {
    /// Functions and roles.
    pub inventory: Inventory,
    /// Trails.
    pub trails: TrailConfigs,
    /// Answers of `describe-stack-resources` in the snapshot.
    pub stacks: Vec<Value>,
}

impl Account {
    /// Reads the snapshot that is named, or the one that the store was made from.
    pub fn open(arguments: &DeploymentArguments, store: &Path) -> Result<Self, CommandError> {
        if let Some(folder) = &arguments.snapshot {
            let account = Self::read(&SnapshotFolder::open(folder)?)?;
            let found = account.inventory.account.to_string();
            return match &arguments.account {
                Some(wanted) if *wanted != found => Err(CommandError::NotFound {
                    message: format!("snapshot `{}` is of account {found}, not {wanted}", folder.display()),
                    hint: String::new(),
                }),
                _ => Ok(account),
            };
        }
        if !store.exists() {
            return Err(CommandError::NotFound {
                message: format!("there is no store at `{}` that says what the account holds", store.display()),
                hint: "run `whittle analyze SNAPSHOT --trail PATH` first, or pass --store or --snapshot".to_owned(),
            });
        }
        let mut opened = stored::open_existing(store)?;
        let accounts = opened.accounts()?;
        let account = match (&arguments.account, accounts.as_slice()) {
            (Some(wanted), known) if known.contains(wanted) => wanted.clone(),
            (Some(wanted), known) => {
                return Err(CommandError::NotFound {
                    message: format!("the store has no result of account {wanted}"),
                    hint: format!("it has results of {}", known.join(", ")),
                });
            }
            (None, [only]) => only.clone(),
            (None, []) => {
                return Err(CommandError::NotFound {
                    message: format!("the store `{}` is empty", store.display()),
                    hint: "run `whittle analyze SNAPSHOT --trail PATH` first".to_owned(),
                });
            }
            (None, known) => {
                return Err(CommandError::NotFound {
                    message: format!("the store has results of {} accounts", known.len()),
                    hint: format!("pass --account, one of {}", known.join(", ")),
                });
            }
        };
        let kept = opened.snapshot(&account)?.ok_or_else(|| CommandError::NotFound {
            message: format!(
                "the store does not say what the roles of account {account} are: an earlier version wrote it"
            ),
            hint: "run `whittle analyze` again, or pass --snapshot".to_owned(),
        })?;
        Self::read(&kept)
    }

    fn read(files: &dyn SnapshotFiles) -> Result<Self, CommandError> {
        let inventory = snapshot::read_inventory(files)?;
        let trails = snapshot::read_trails(files);
        let regions = files.names("regions").ok().flatten().unwrap_or_default();
        let names = std::iter::once("stack-resources.json".to_owned())
            .chain(regions.into_iter().map(|region| format!("regions/{region}/stack-resources.json")));
        let mut stacks = Vec::new();
        for name in names {
            if let Ok(Some(text)) = files.text(&name) {
                let value = serde_json::from_str(&text).map_err(|error| CommandError::File {
                    path: name.clone().into(),
                    message: format!("is not JSON: {error}"),
                    hint: "aws cloudformation describe-stack-resources --stack-name STACK".to_owned(),
                })?;
                stacks.push(value);
            }
        }
        Ok(Self { inventory, trails, stacks })
    }

    /// Documents of the managed policies that the account's roles have.
    pub fn documents(&self) -> Documents {
        let policies = self.inventory.roles.values().flat_map(|role| &role.policies);
        policies.filter_map(|policy| Some((policy.arn.clone()?, policy.document.clone()))).collect()
    }
}
