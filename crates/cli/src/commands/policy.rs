//! `whittle policy`.

use whittle_analysis::result::Suggestion;

use super::stored::Stored;
use crate::args::{PolicyArguments, PolicyFormat};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::printer::Printer;

/// Prints the narrowed policy of a function or role.
pub fn run(arguments: &PolicyArguments, printer: &Printer) -> Result<Exit, CommandError> {
    let mut store = Stored::open(&arguments.store)?;
    let name = &arguments.name;
    let mut found: Vec<(String, Option<Suggestion>, Option<String>)> = store
        .functions(name)?
        .into_iter()
        .map(|result| {
            let label = format!("{} under {}", result.function_arn, result.role_arn);
            (label, result.suggestion, result.no_suggestion)
        })
        .collect();
    if found.is_empty() {
        let roles = store.roles(name)?;
        found.extend(roles.into_iter().map(|result| (result.role_arn, result.suggestion, result.no_suggestion)));
    }
    let (label, suggestion, reason) = match found.len() {
        0 => return Err(store.not_found("function or role", name)),
        1 => found.swap_remove(0),
        _ => {
            let labels: Vec<String> = found.into_iter().map(|(label, _, _)| label).collect();
            return Err(CommandError::NotFound {
                message: format!("`{name}` means {} results: {}", labels.len(), labels.join("; ")),
                hint: "name the role instead of the function, or give the whole ARN".to_owned(),
            });
        }
    };
    let Some(suggestion) = suggestion else {
        return Err(CommandError::NotFound {
            message: format!("there is no narrowed policy for {label}: {}", reason.unwrap_or_default()),
            hint: format!("whittle explain {name}"),
        });
    };
    let text = match arguments.format {
        PolicyFormat::Json => json(&suggestion),
    };
    printer.data(&text)?;
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
    Ok(Exit::Clean)
}

/// One document as it goes into IAM; several as a list of name and document.
fn json(suggestion: &Suggestion) -> String {
    let text = match suggestion.policies.as_slice() {
        [policy] => policy.document.to_json_pretty(),
        policies => {
            let list: Vec<serde_json::Value> = policies
                .iter()
                .map(|policy| serde_json::json!({"name": policy.name, "document": policy.document.to_value()}))
                .collect();
            format!("{:#}", serde_json::Value::Array(list))
        }
    };
    format!("{text}\n")
}
