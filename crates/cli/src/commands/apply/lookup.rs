//! From a function of a template to the analysed function, and to the narrowed policies of its role.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use whittle_analysis::inventory::{Inventory, RolePolicy};
use whittle_analysis::reason::{NoSuggestion, Reason};
use whittle_local::snapshot::SnapshotFolder;
use whittle_pipeline::proposal::stack_rows;
use whittle_render::words::no_suggestion;
use whittle_snapshot::read_inventory;
use whittle_template::grants::Documents;
use whittle_template::narrow::Narrowing;
use whittle_template::references::References;
use whittle_template::resolve::Context;

use super::StoredResults;
use crate::args::ApplyArguments;
use crate::commands::deployment;
use crate::error::CommandError;

/// Reason why there is no narrowed policy for a function of the template.
#[derive(Debug, thiserror::Error)]
pub enum NoTarget {
    /// Nothing names the deployed function.
    #[error("nothing says which function this is; pass --stack, --stack-resources, --snapshot or {map}")]
    NotMapped {
        /// The `--map` option that would name it.
        map: String,
    },
    /// Functions of several stacks carry the logical id.
    #[error("{} functions carry this logical id ({}); pass --stack", .names.len(), .names.join(", "))]
    SeveralTagged {
        /// Their names.
        names: Vec<String>,
    },
    /// The store has no result for the function.
    #[error("the function `{name}` was not analysed")]
    NotAnalysed {
        /// Its name.
        name: String,
    },
    /// The store has several results for the name.
    #[error("`{name}` means {count} results; pass --map {logical_id}=ARN")]
    SeveralResults {
        /// The name.
        name: String,
        /// Number of results.
        count: usize,
        /// Logical id in the template.
        logical_id: String,
    },
    /// The store has no result for the role.
    #[error("there is no result for the role {role_arn}")]
    NoRole {
        /// ARN of the role.
        role_arn: String,
    },
    /// The analysis suggests nothing for the role.
    #[error("there is no narrowed policy for {role_arn}: {}", .reason.as_ref().map(no_suggestion).unwrap_or_default())]
    NoSuggestion {
        /// ARN of the role.
        role_arn: String,
        /// Reason that the analysis gave.
        reason: Option<Reason<NoSuggestion>>,
    },
    /// The suggestion has no proof.
    #[error("the suggestion for {role_arn} is not proved")]
    NotProved {
        /// ARN of the role.
        role_arn: String,
    },
}

/// Narrowed policies of one function's role.
pub struct FoundFunction {
    /// ARN of the function.
    pub function_arn: String,
    /// Policies that its role shall have.
    pub narrowing: Narrowing,
}

/// Finds functions of a template in the store.
pub struct FunctionLookup<'a> {
    arguments: &'a ApplyArguments,
    store: StoredResults,
    /// Answers of `describe-stack-resources`.
    stacks: Vec<Value>,
    /// Logical id → names or ARNs of functions that carry it in their stack tags.
    tagged: BTreeMap<String, BTreeSet<String>>,
    /// Terraform's state.
    state: References,
    /// The account as the snapshot holds it.
    inventory: Option<Inventory>,
}

impl<'a> FunctionLookup<'a> {
    /// Reads the files that the arguments name.
    pub fn new(arguments: &'a ApplyArguments, mut store: StoredResults) -> Result<Self, CommandError> {
        let mut tagged = BTreeMap::new();
        let mut inventory = None;
        if let Some(snapshot) = &arguments.snapshot {
            let folder = SnapshotFolder::open(snapshot)?;
            inventory = Some(read_inventory(&folder)?);
            for folder in deployment::regions(snapshot)? {
                read_tags(&folder.join("tags"), arguments.stack.as_deref(), &mut tagged)?;
            }
        } else if let Some(stack) = &arguments.stack {
            for result in store.functions_of_stack(stack)? {
                if let Some(member) = result.stack {
                    tagged.entry(member.logical_id).or_default().insert(result.function_arn);
                }
            }
        }
        let stacks = deployment::stack_answers(&arguments.stack_resources, arguments.snapshot.as_deref())?;
        let mut state = References::default();
        if let Some(path) = &arguments.terraform_state {
            (state, _) = deployment::terraform_state(path)?;
        }
        Ok(Self { arguments, store, stacks, tagged, state, inventory })
    }

    /// The functions that the user asked for, of those in the file: logical id and name.
    pub fn choose(&self, known: &[(String, Option<String>)]) -> Result<Vec<(String, Option<String>)>, CommandError> {
        if self.arguments.functions.is_empty() {
            return Ok(known.to_vec());
        }
        let mut chosen = Vec::new();
        for wanted in &self.arguments.functions {
            let found = known.iter().find(|(id, name)| {
                id == wanted || name.as_ref() == Some(wanted) || self.deployed(id).is_some_and(|name| name == *wanted)
            });
            let Some(found) = found else {
                let ids: Vec<&str> = known.iter().map(|(id, _)| id.as_str()).collect();
                return Err(CommandError::NotFound {
                    message: format!("`{}` has no function `{wanted}`", self.arguments.template.display()),
                    hint: format!("its functions are {}", ids.join(", ")),
                });
            };
            chosen.push(found.clone());
        }
        Ok(chosen)
    }

    /// Deployed name or ARN of a logical id, by the arguments.
    fn deployed(&self, logical_id: &str) -> Option<String> {
        let mapped = self.arguments.map.iter().find(|(id, _)| id == logical_id).map(|(_, name)| name.clone());
        let of_stack = || {
            let rows = self.stacks.iter().flat_map(stack_rows);
            let is = |row: &&Value, key: &str, text: &str| row.get(key).and_then(Value::as_str) == Some(text);
            rows.filter(|row| is(row, "LogicalResourceId", logical_id))
                .find(|row| is(row, "ResourceType", "AWS::Lambda::Function"))
                .and_then(|row| row.get("PhysicalResourceId")?.as_str().map(str::to_owned))
        };
        let tagged = || match self.tagged.get(logical_id) {
            Some(names) if names.len() == 1 => names.first().cloned(),
            _ => None,
        };
        let of_state = || self.state.address_value(&format!("{logical_id}.function_name")).map(str::to_owned);
        mapped.or_else(of_stack).or_else(of_state).or_else(tagged)
    }

    /// The narrowed policies of a function's role. The inner `Err` is the reason why there are none.
    pub fn target(
        &mut self,
        logical_id: &str,
        name: Option<&str>,
    ) -> Result<Result<FoundFunction, NoTarget>, CommandError> {
        let Some(name) = self.deployed(logical_id).or_else(|| name.map(str::to_owned)) else {
            return Ok(Err(self.not_mapped(logical_id)?));
        };
        let results = self.store.functions(&name)?;
        // A template deploys the current version; published ones may still run under other roles.
        let current: Vec<_> =
            results.iter().filter(|result| result.qualifiers.iter().any(|name| name == "$LATEST")).collect();
        let [result] = current.as_slice() else {
            return Ok(Err(match results.len() {
                0 => NoTarget::NotAnalysed { name },
                count => NoTarget::SeveralResults { name, count, logical_id: logical_id.to_owned() },
            }));
        };
        // The role as it is: it may serve more functions than this one.
        let roles = self.store.roles(&result.role_arn)?;
        let Some(role) = roles.into_iter().find(|role| role.role_arn == result.role_arn) else {
            return Ok(Err(NoTarget::NoRole { role_arn: result.role_arn.clone() }));
        };
        let Some(suggestion) = role.suggestion else {
            return Ok(Err(NoTarget::NoSuggestion { role_arn: role.role_arn, reason: role.no_suggestion }));
        };
        if !(suggestion.proof.never_wider && suggestion.proof.never_too_narrow) {
            return Ok(Err(NoTarget::NotProved { role_arn: role.role_arn }));
        }
        let analysed = result.verdicts.iter().map(|row| row.action.clone()).collect();
        let policies = suggestion.policies.into_iter().map(|policy| (policy.name, policy.document)).collect();
        let role = self.inventory.as_ref().and_then(|inventory| {
            inventory.roles.iter().find(|(arn, _)| arn.as_str() == result.role_arn).map(|(_, role)| role)
        });
        let deployed = role.map(|role| {
            let policy =
                |policy: &RolePolicy| (policy.name.clone(), policy.document.to_version_2012().statements.into_vec());
            role.policies.iter().map(policy).collect()
        });
        let narrowing = Narrowing { policies, analysed: Some(analysed), deployed };
        Ok(Ok(FoundFunction { function_arn: result.function_arn.clone(), narrowing }))
    }

    /// Documents of the managed policies that the account's roles have.
    pub fn documents(&self) -> Documents {
        let roles = self.inventory.iter().flat_map(|inventory| inventory.roles.values());
        let policies = roles.flat_map(|role| &role.policies);
        policies.filter_map(|policy| Some((policy.arn.clone()?, policy.document.clone()))).collect()
    }

    /// The reason if nothing names the function, with names that look like it.
    fn not_mapped(&mut self, logical_id: &str) -> Result<NoTarget, CommandError> {
        if let Some(names) = self.tagged.get(logical_id).filter(|names| names.len() > 1) {
            return Ok(NoTarget::SeveralTagged { names: names.iter().cloned().collect() });
        }
        let middle = format!("-{logical_id}-");
        let names = self.store.names()?;
        let alike: Vec<&str> = names.iter().map(String::as_str).filter(|name| name.contains(&middle)).take(3).collect();
        let map = match alike.as_slice() {
            [] => format!("--map {logical_id}=FUNCTION"),
            [only] => format!("--map {logical_id}={only}"),
            several => format!("--map {logical_id}=FUNCTION (one of {}?)", several.join(", ")),
        };
        Ok(NoTarget::NotMapped { map })
    }

    /// Context of a deployment by CloudFormation, without the functions.
    pub fn context(&self) -> Context {
        self.context_at(None)
    }

    /// Context of a deployment by Terraform.
    pub fn terraform_context(&self) -> Context {
        Context {
            parameters: self.arguments.parameters.iter().cloned().collect(),
            references: self.state.clone(),
            ..Context::default()
        }
    }

    /// Context of the deployment that holds a function.
    pub fn context_at(&self, function_arn: Option<&str>) -> Context {
        let stack_arn = self.stacks.iter().find_map(|stack| {
            let list = stack.get("StackResources").and_then(Value::as_array)?;
            list.iter().find_map(|row| row.get("StackId")?.as_str())
        });
        let mut context = function_arn.or(stack_arn).map(Context::of_arn).unwrap_or_default();
        context.parameters = self.arguments.parameters.iter().cloned().collect();
        context.stack_name = self.arguments.stack.clone().or_else(|| {
            self.stacks.iter().find_map(|stack| {
                let list = stack.get("StackResources").and_then(Value::as_array)?;
                list.iter().find_map(|row| row.get("StackName")?.as_str().map(str::to_owned))
            })
        });
        let mut references = References::default().with_place(
            context.account.as_deref(),
            context.region.as_deref(),
            context.partition.as_deref(),
        );
        for stack in &self.stacks {
            references.add_stack_resources(stack);
        }
        context.references = references;
        context
    }
}

/// Logical ids from `tags/<function>.json`.
fn read_tags(
    folder: &Path,
    stack: Option<&str>,
    out: &mut BTreeMap<String, BTreeSet<String>>,
) -> Result<(), CommandError> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry.map_err(|source| CommandError::Read { path: folder.to_owned(), source })?.path();
        let Some(function) = path.file_stem().map(|name| name.to_string_lossy().into_owned()) else { continue };
        let value = deployment::json(&path)?;
        let tag = |name: &str| value.get("Tags")?.get(name)?.as_str();
        let wanted = stack.is_none_or(|stack| tag("aws:cloudformation:stack-name") == Some(stack));
        if let (Some(logical_id), true) = (tag("aws:cloudformation:logical-id"), wanted) {
            out.entry(logical_id.to_owned()).or_default().insert(function);
        }
    }
    Ok(())
}
