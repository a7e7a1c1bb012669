//! Which function of the account a function of the template is. Nothing is matched by a likeness of names.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use whittle_analysis::inventory::Inventory;
use whittle_policy::id::FunctionArn;
use whittle_template::references::References;

use super::{DeployedAccount, ProposalError};

/// Facts about a deployment of a template that the template itself does not state.
#[derive(Debug, Clone, Default)]
pub struct Deployment {
    /// Functions of the template (logical id, Terraform: address) with their name or ARN in the account.
    pub functions: Vec<(String, String)>,
    /// Name of the stack.
    pub stack: Option<String>,
    /// Answers of `describe-stack-resources`, beside those of the account's snapshot.
    pub stacks: Vec<Value>,
    /// Terraform's state.
    pub state: References,
    /// Values of template parameters.
    pub parameters: BTreeMap<String, String>,
}

/// Reason why a function of the template has no counterpart in the account.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unmatched {
    /// The stack or state names a function that the inventory does not have.
    #[error("the stack has it as {name}, which was not there when the account was read")]
    Gone {
        /// Name or ARN in the stack.
        name: String,
    },
    /// Several functions carry the logical id.
    #[error("{} functions carry this logical id ({}); pass --stack", .names.len(), .names.join(", "))]
    SeveralTagged {
        /// Their names.
        names: Vec<String>,
    },
    /// Several functions have the name.
    #[error("{} functions are called {name}: {}; name one by its ARN", .arns.len(), .arns.join(", "))]
    SeveralNamed {
        /// The name.
        name: String,
        /// The functions.
        arns: Vec<String>,
    },
    /// The template gives the function no name, and nothing in the account carries its logical id.
    #[error("nothing in the account carries this logical id")]
    NotTagged,
    /// The account has no function of the template's name.
    #[error("the account has no function {name}")]
    NotNamed {
        /// The name.
        name: String,
    },
}

/// Matches functions of a template to those of an account.
pub(super) struct Matcher<'a> {
    deployment: &'a Deployment,
    inventory: &'a Inventory,
    /// Answers of `describe-stack-resources`.
    stacks: Vec<Value>,
}

impl<'a> Matcher<'a> {
    pub(super) fn new(deployment: &'a Deployment, account: &'a DeployedAccount) -> Self {
        let of_stack = |row: &Value| match &deployment.stack {
            Some(stack) => row.get("StackName").and_then(Value::as_str) == Some(stack),
            None => true,
        };
        let kept = account.stacks.iter().filter(|answer| stack_rows(answer).next().is_some_and(of_stack));
        let stacks = deployment.stacks.iter().chain(kept).cloned().collect();
        Self { deployment, inventory: &account.inventory, stacks }
    }

    /// Answers of `describe-stack-resources`.
    pub(super) fn stacks(&self) -> &[Value] {
        &self.stacks
    }

    /// The name of the stack, if it is given or all functions found are of one.
    pub(super) fn stack_name<'f>(&self, found: impl Iterator<Item = &'f FunctionArn>) -> Option<String> {
        let of_tags: BTreeSet<&str> =
            found.filter_map(|arn| Some(self.inventory.stacks.get(arn)?.stack.as_str())).collect();
        let of_rows = || {
            let mut names = self.stacks.iter().flat_map(stack_rows);
            names.find_map(|row| row.get("StackName")?.as_str().map(str::to_owned))
        };
        let only = (of_tags.len() == 1).then(|| of_tags.first().map(|name| (*name).to_owned())).flatten();
        self.deployment.stack.clone().or(only).or_else(of_rows)
    }

    /// The function of each of those in the file (id and fixed name), or why there is none.
    pub(super) fn all(
        &self,
        file: &str,
        known: &[(String, Option<String>)],
    ) -> Result<BTreeMap<String, Result<FunctionArn, Unmatched>>, ProposalError> {
        for given in &self.deployment.functions {
            if !known.iter().any(|(own, _)| *own == given.0) {
                return Err(ProposalError::not_in_file(file, given, known));
            }
        }
        known.iter().map(|(id, name)| Ok((id.clone(), self.one(id, name.as_deref())?))).collect()
    }

    fn one(&self, id: &str, name: Option<&str>) -> Result<Result<FunctionArn, Unmatched>, ProposalError> {
        if let Some((_, given)) = self.deployment.functions.iter().find(|(own, _)| own == id) {
            return match self.named(given) {
                Ok(Some(arn)) => Ok(Ok(arn)),
                Ok(None) => Err(ProposalError::not_in_account(
                    id,
                    given,
                    self.inventory.functions.keys().map(FunctionArn::name),
                )),
                Err(reason) => Err(ProposalError::Ambiguous { id: id.to_owned(), reason }),
            };
        }
        if let Some(physical) = self.of_stack(id).or_else(|| self.of_state(id)) {
            let found = self.named(&physical);
            return Ok(found.and_then(|found| found.ok_or(Unmatched::Gone { name: physical })));
        }
        let of_stack = |stack: &str| self.deployment.stack.as_deref().is_none_or(|wanted| wanted == stack);
        let tagged: Vec<&FunctionArn> = self
            .inventory
            .stacks
            .iter()
            .filter(|(_, member)| member.logical_id == id && of_stack(&member.stack))
            .map(|(arn, _)| arn)
            .collect();
        match (tagged.as_slice(), name) {
            ([only], _) => return Ok(Ok((*only).clone())),
            ([_, _, ..], None) => {
                let names = tagged.iter().map(|arn| arn.name().to_owned()).collect();
                return Ok(Err(Unmatched::SeveralTagged { names }));
            }
            _ => {}
        }
        let Some(name) = name else { return Ok(Err(Unmatched::NotTagged)) };
        let found = self.named(name);
        Ok(found.and_then(|found| found.ok_or_else(|| Unmatched::NotNamed { name: name.to_owned() })))
    }

    /// A function by name or ARN. `Err`: there are several.
    fn named(&self, name: &str) -> Result<Option<FunctionArn>, Unmatched> {
        if name.starts_with("arn:") {
            return Ok(self.inventory.functions.keys().find(|arn| arn.as_ref() == name).cloned());
        }
        let found: Vec<&FunctionArn> = self.inventory.functions.keys().filter(|arn| arn.name() == name).collect();
        match found.as_slice() {
            [] => Ok(None),
            [only] => Ok(Some((*only).clone())),
            several => {
                let arns = several.iter().map(ToString::to_string).collect();
                Err(Unmatched::SeveralNamed { name: name.to_owned(), arns })
            }
        }
    }

    fn of_stack(&self, id: &str) -> Option<String> {
        let is = |row: &&Value, key: &str, text: &str| row.get(key).and_then(Value::as_str) == Some(text);
        let mut rows = self.stacks.iter().flat_map(stack_rows);
        let row =
            rows.find(|row| is(row, "LogicalResourceId", id) && is(row, "ResourceType", "AWS::Lambda::Function"))?;
        row.get("PhysicalResourceId")?.as_str().map(str::to_owned)
    }

    fn of_state(&self, address: &str) -> Option<String> {
        let value = |attribute: &str| self.deployment.state.address_value(&format!("{address}.{attribute}"));
        value("arn").or_else(|| value("function_name")).map(str::to_owned)
    }
}

/// Rows of an answer of `describe-stack-resources` or `list-stack-resources`.
pub fn stack_rows(answer: &Value) -> impl Iterator<Item = &Value> {
    let list = answer.get("StackResources").or_else(|| answer.get("StackResourceSummaries"));
    list.and_then(Value::as_array).into_iter().flatten()
}
