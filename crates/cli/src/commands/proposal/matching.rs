//! Which function of the account a function of the template is. Nothing is matched by a likeness of names.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use whittle_analysis::inventory::Inventory;
use whittle_policy::id::FunctionArn;
use whittle_template::references::References;

use super::Account;
use crate::args::DeploymentArguments;
use crate::commands::{deployment, stored};
use crate::error::CommandError;

/// Everything that tells functions.
pub struct Matcher<'a> {
    arguments: &'a DeploymentArguments,
    inventory: &'a Inventory,
    /// Answers of `describe-stack-resources`.
    stacks: Vec<Value>,
    state: References,
}

impl<'a> Matcher<'a> {
    /// Reads what the arguments name.
    pub fn new(arguments: &'a DeploymentArguments, account: &'a Account) -> Result<Self, CommandError> {
        let mut stacks = deployment::stack_answers(&arguments.stack_resources, None)?;
        let of_stack = |row: &Value| match &arguments.stack {
            Some(stack) => row.get("StackName").and_then(Value::as_str) == Some(stack),
            None => true,
        };
        let kept = account.stacks.iter().filter(|answer| deployment::rows(answer).next().is_some_and(of_stack));
        stacks.extend(kept.cloned());
        let mut state = References::default();
        if let Some(path) = &arguments.terraform_state {
            (state, _) = deployment::terraform_state(path)?;
        }
        Ok(Self { arguments, inventory: &account.inventory, stacks, state })
    }

    /// Answers of `describe-stack-resources`.
    pub fn stacks(&self) -> &[Value] {
        &self.stacks
    }

    /// Terraform's state.
    pub fn state(&self) -> &References {
        &self.state
    }

    /// The name of the stack, if it is given or all functions found are of one.
    pub fn stack_name<'f>(&self, found: impl Iterator<Item = &'f FunctionArn>) -> Option<String> {
        let of_tags: BTreeSet<&str> =
            found.filter_map(|arn| Some(self.inventory.stacks.get(arn)?.stack.as_str())).collect();
        let of_rows = || {
            let mut names = self.stacks.iter().flat_map(deployment::rows);
            names.find_map(|row| row.get("StackName")?.as_str().map(str::to_owned))
        };
        let only = (of_tags.len() == 1).then(|| of_tags.first().map(|name| (*name).to_owned())).flatten();
        self.arguments.stack.clone().or(only).or_else(of_rows)
    }

    /// The function of each of those in the file (id and fixed name), or why there is none.
    pub fn all(
        &self,
        path: &Path,
        known: &[(String, Option<String>)],
    ) -> Result<BTreeMap<String, Result<FunctionArn, String>>, CommandError> {
        for (id, name) in &self.arguments.functions {
            if !known.iter().any(|(own, _)| own == id) {
                let ids: Vec<&str> = known.iter().map(|(id, _)| id.as_str()).collect();
                return Err(CommandError::NotFound {
                    message: format!("`{}` has no function `{id}`, which --function says to be {name}", path.display()),
                    hint: format!("its functions are {}", ids.join(", ")),
                });
            }
        }
        known.iter().map(|(id, name)| Ok((id.clone(), self.one(id, name.as_deref())?))).collect()
    }

    fn one(&self, id: &str, name: Option<&str>) -> Result<Result<FunctionArn, String>, CommandError> {
        if let Some((_, given)) = self.arguments.functions.iter().find(|(own, _)| own == id) {
            return match self.named(given) {
                Ok(Some(arn)) => Ok(Ok(arn)),
                Ok(None) => Err(self.no_such(id, given)),
                Err(reason) => {
                    Err(CommandError::NotFound { message: format!("--function {id}: {reason}"), hint: String::new() })
                }
            };
        }
        if let Some(physical) = self.of_stack(id).or_else(|| self.of_state(id)) {
            let found = self.named(&physical);
            return Ok(found.and_then(|found| {
                found.ok_or_else(|| {
                    format!("the stack has it as {physical}, which was not there when the account was read")
                })
            }));
        }
        let of_stack = |stack: &str| self.arguments.stack.as_deref().is_none_or(|wanted| wanted == stack);
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
                let names: Vec<&str> = tagged.iter().map(|arn| arn.name()).collect();
                return Ok(Err(format!(
                    "{} functions carry this logical id ({}); pass --stack",
                    names.len(),
                    names.join(", ")
                )));
            }
            _ => {}
        }
        let Some(name) = name else {
            return Ok(Err("nothing in the account carries this logical id".to_owned()));
        };
        Ok(self.named(name).and_then(|found| found.ok_or_else(|| format!("the account has no function {name}"))))
    }

    /// A function by name or ARN. `Err`: there are several.
    fn named(&self, name: &str) -> Result<Option<FunctionArn>, String> {
        if name.starts_with("arn:") {
            return Ok(self.inventory.functions.keys().find(|arn| arn.as_ref() == name).cloned());
        }
        let found: Vec<&FunctionArn> = self.inventory.functions.keys().filter(|arn| arn.name() == name).collect();
        match found.as_slice() {
            [] => Ok(None),
            [only] => Ok(Some((*only).clone())),
            several => {
                let arns: Vec<&str> = several.iter().map(AsRef::as_ref).collect();
                Err(format!("{} functions are called {name}: {}; name one by its ARN", arns.len(), arns.join(", ")))
            }
        }
    }

    fn of_stack(&self, id: &str) -> Option<String> {
        let is = |row: &&Value, key: &str, text: &str| row.get(key).and_then(Value::as_str) == Some(text);
        let mut rows = self.stacks.iter().flat_map(deployment::rows);
        let row =
            rows.find(|row| is(row, "LogicalResourceId", id) && is(row, "ResourceType", "AWS::Lambda::Function"))?;
        row.get("PhysicalResourceId")?.as_str().map(str::to_owned)
    }

    fn of_state(&self, address: &str) -> Option<String> {
        let value = |attribute: &str| self.state.address_value(&format!("{address}.{attribute}"));
        value("arn").or_else(|| value("function_name")).map(str::to_owned)
    }

    fn no_such(&self, id: &str, given: &str) -> CommandError {
        let names = self.inventory.functions.keys().map(FunctionArn::name);
        let hint = match stored::nearest(given, names) {
            Some(nearest) => format!("did you mean {id}={nearest}?"),
            None => format!("the account has {} functions", self.inventory.functions.len()),
        };
        CommandError::NotFound { message: format!("--function {id}: the account has no function `{given}`"), hint }
    }
}
