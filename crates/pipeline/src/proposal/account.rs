//! The account that a template is checked against.

use serde_json::Value;
use whittle_analysis::inventory::Inventory;
use whittle_snapshot::{SnapshotFiles, TrailConfigs, read_inventory, read_trails};
use whittle_template::grants::Documents;

use super::ProposalError;

/// Functions, roles, trails and stacks of one account.
pub struct DeployedAccount {
    /// Functions and roles.
    pub inventory: Inventory,
    /// Trails.
    pub trails: TrailConfigs,
    /// Answers of `describe-stack-resources` in the snapshot.
    pub stacks: Vec<Value>,
}

impl DeployedAccount {
    /// Reads a snapshot.
    pub fn read(files: &dyn SnapshotFiles) -> Result<Self, ProposalError> {
        let inventory = read_inventory(files)?;
        let trails = read_trails(files);
        let regions = files.names("regions").ok().flatten().unwrap_or_default();
        let names = std::iter::once("stack-resources.json".to_owned())
            .chain(regions.into_iter().map(|region| format!("regions/{region}/stack-resources.json")));
        let mut stacks = Vec::new();
        for name in names {
            if let Ok(Some(text)) = files.text(&name) {
                let answer = serde_json::from_str(&text);
                stacks.push(answer.map_err(|error| ProposalError::StackResources { file: name, error })?);
            }
        }
        Ok(Self { inventory, trails, stacks })
    }

    /// Documents of the managed policies that the account's roles have.
    pub(super) fn documents(&self) -> Documents {
        let policies = self.inventory.roles.values().flat_map(|role| &role.policies);
        policies.filter_map(|policy| Some((policy.arn.clone()?, policy.document.clone()))).collect()
    }
}
