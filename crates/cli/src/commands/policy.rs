//! `whittle policy`.

mod names;

use whittle_analysis::result::{FunctionResult, RoleResult};
use whittle_render::policy::split::Split;
use whittle_render::policy::{PolicySet, RenderError, cloudformation, json, sam, scoped, terraform};
use whittle_template::references::References;

use self::names::Names;
use super::stored::StoredResults;
use crate::args::{PolicyArguments, PolicyFormat};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::printer::Printer;

/// The result that a name means.
enum PolicyTarget {
    Function(Box<FunctionResult>),
    /// With the results of the functions that run under it.
    Role(Box<RoleResult>, Vec<FunctionResult>),
}

/// Prints the narrowed policy of a function or role.
pub fn run(arguments: &PolicyArguments, printer: &Printer) -> Result<Exit, CommandError> {
    let mut store = StoredResults::open(&arguments.store)?;
    let name = &arguments.name;
    let mut target = find(&mut store, arguments)?;
    if (arguments.split || arguments.source_function_arn)
        && let PolicyTarget::Function(result) = &target
    {
        target = role_of(&mut store, result)?;
    }
    if let PolicyTarget::Role(role, functions) = &target {
        if arguments.split {
            warn_if_not_shared(role, printer);
            let split = Split::of(role, functions)?;
            let names = Names::find(arguments, place(role), &deployed(&target), printer)?;
            printer.data(&match arguments.format {
                PolicyFormat::Json => split.json(),
                PolicyFormat::Sam | PolicyFormat::CloudFormation => split.cloudformation(&names.references),
                PolicyFormat::Terraform => split.terraform(&names.references)?,
            })?;
            return Ok(Exit::Clean);
        }
        if arguments.source_function_arn {
            warn_if_not_shared(role, printer);
            let set = scoped::policies(role, functions)?;
            let names = Names::find(arguments, place(role), &deployed(&target), printer)?;
            printer.data(&render(&set, arguments.format, &names.references)?)?;
            printer.hint(
                "the statements for one function do not hold for calls of a role that its code assumes, for other AWS \
                 services that call on, and for people who assume the role; the comments of the other formats say more",
            );
            return Ok(Exit::Clean);
        }
    }
    let (set, arn, suggestion, reason) = match &target {
        PolicyTarget::Function(result) => {
            (PolicySet::of_function(result), result.function_arn.as_str(), &result.suggestion, &result.no_suggestion)
        }
        PolicyTarget::Role(role, functions) => {
            (PolicySet::of_role(role, functions), place(role), &role.suggestion, &role.no_suggestion)
        }
    };
    let (Some(set), Some(suggestion)) = (set, suggestion) else {
        return Err(CommandError::NoPolicy {
            message: format!(
                "there is no narrowed policy for {}: {}",
                label(&target),
                reason.as_ref().map(whittle_render::words::no_suggestion).unwrap_or_default()
            ),
            hint: format!("whittle explain {name}"),
        });
    };
    let names = Names::find(arguments, arn, &deployed(&target), printer)?;
    let text = render(&set, arguments.format, &names.references)?;
    printer.data(&text)?;
    if arguments.format == PolicyFormat::Sam {
        names.warn_of_circles(&text, printer);
    }
    if suggestion.policies.len() > 1 {
        printer.warning(&format!(
            "{} policies: together they exceed the size of one managed policy; attach all of them",
            suggestion.policies.len()
        ));
    }
    if suggestion.kept_unproven > 0 {
        printer.hint(&format!(
            "{} actions are kept although nothing proves that they are needed; `whittle explain {name}` says why",
            suggestion.kept_unproven
        ));
    }
    if let PolicyTarget::Role(role, _) = &target
        && role.functions.len() > 1
    {
        printer.hint(&format!(
            "{} functions share the role; `whittle policy {name} --split` gives each its own",
            role.functions.len()
        ));
    }
    Ok(Exit::Clean)
}

fn render(set: &PolicySet, format: PolicyFormat, references: &References) -> Result<String, RenderError> {
    Ok(match format {
        PolicyFormat::Json => json::render(set),
        PolicyFormat::Sam => sam::render(set, references)?,
        PolicyFormat::CloudFormation => cloudformation::render(set, references),
        PolicyFormat::Terraform => terraform::render(set, references)?,
    })
}

/// The role, and the functions that are asked about.
fn deployed(target: &PolicyTarget) -> Vec<&str> {
    match target {
        PolicyTarget::Function(result) => vec![&result.function_arn, &result.role_arn],
        PolicyTarget::Role(role, _) => role.functions.iter().chain([&role.role_arn]).map(String::as_str).collect(),
    }
}

/// The ARN that gives partition, Region and account of a role's templates: that of its functions if they are
/// all in one Region, else its own, which has no Region.
fn place(role: &RoleResult) -> &str {
    let region = |arn: &str| arn.split(':').nth(3).unwrap_or_default().to_owned();
    match role.functions.as_slice() {
        [first, rest @ ..] if rest.iter().all(|other| region(other) == region(first)) => first,
        _ => &role.role_arn,
    }
}

fn warn_if_not_shared(role: &RoleResult, printer: &Printer) {
    if role.functions.len() < 2 {
        printer.warning(&format!("{} functions run under {}: nothing is shared", role.functions.len(), role.role_arn));
    }
}

fn find(store: &mut StoredResults, arguments: &PolicyArguments) -> Result<PolicyTarget, CommandError> {
    let name = &arguments.name;
    let found: Vec<FunctionResult> = match &arguments.stack {
        Some(stack) => {
            let found = store.functions_of_stack(stack)?;
            let known: Vec<String> = found
                .iter()
                .filter_map(|result| result.stack.as_ref().map(|member| member.logical_id.clone()))
                .collect();
            let found: Vec<FunctionResult> = found
                .into_iter()
                .filter(|result| result.stack.as_ref().is_some_and(|member| member.logical_id == *name))
                .collect();
            if found.is_empty() {
                let hint = if known.is_empty() {
                    "no function in the store has the tags of this stack; are tags/FUNCTION.json in the snapshot?"
                        .to_owned()
                } else {
                    format!("the stack's functions are {}", known.join(", "))
                };
                return Err(CommandError::NotFound {
                    message: format!("stack `{stack}` has no function with the logical id `{name}` in the store"),
                    hint,
                });
            }
            found
        }
        None => store.functions(name)?,
    };
    let mut targets: Vec<PolicyTarget> =
        found.into_iter().map(|result| PolicyTarget::Function(Box::new(result))).collect();
    if targets.is_empty() {
        for role in store.roles(name)? {
            let functions = functions_of(store, &role)?;
            targets.push(PolicyTarget::Role(Box::new(role), functions));
        }
    }
    match targets.len() {
        0 => Err(store.not_found("function or role", name)),
        1 => Ok(targets.swap_remove(0)),
        count => {
            let labels: Vec<String> = targets.iter().map(label).collect();
            Err(CommandError::Ambiguous {
                message: format!("`{name}` means {count} results: {}", labels.join("; ")),
                hint: "name the role instead of the function, or give the whole ARN".to_owned(),
            })
        }
    }
}

fn label(target: &PolicyTarget) -> String {
    match target {
        PolicyTarget::Function(result) => format!("{} under {}", result.function_arn, result.role_arn),
        PolicyTarget::Role(role, _) => role.role_arn.clone(),
    }
}

fn role_of(store: &mut StoredResults, result: &FunctionResult) -> Result<PolicyTarget, CommandError> {
    let mut roles = store.roles(&result.role_arn)?;
    let Some(role) = roles.pop() else { return Err(store.not_found("role", &result.role_arn)) };
    let functions = functions_of(store, &role)?;
    Ok(PolicyTarget::Role(Box::new(role), functions))
}

/// Results of the functions under a role, as far as they run under it.
fn functions_of(store: &mut StoredResults, role: &RoleResult) -> Result<Vec<FunctionResult>, CommandError> {
    let mut out = Vec::new();
    for arn in &role.functions {
        out.extend(store.functions(arn)?.into_iter().filter(|result| result.role_arn == role.role_arn));
    }
    Ok(out)
}
