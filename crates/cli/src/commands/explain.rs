//! `whittle explain`.

mod case;

use whittle_analysis::result::{FunctionResult, VerdictRow};
use whittle_pipeline::spelling::nearest;
use whittle_policy::ActionPattern;
use whittle_render::explain;

use super::stored::StoredResults;
use crate::args::{ExplainArguments, Format};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::printer::Printer;

/// Verdicts that are laid out in full; more are listed.
const IN_FULL: usize = 12;

/// Says why each action of a function is kept or removable.
pub fn run(arguments: &ExplainArguments, printer: &Printer) -> Result<Exit, CommandError> {
    let mut store = StoredResults::open(&arguments.store)?;
    let results = store.functions(&arguments.function)?;
    if results.is_empty() {
        return Err(store.not_found("function", &arguments.function));
    }
    let pattern = arguments.action.as_deref().map(parse).transpose()?;
    let selected: Vec<(&FunctionResult, Vec<&VerdictRow>)> = results
        .iter()
        .map(|result| {
            let rows = result.verdicts.iter().filter(|row| matches(pattern.as_ref(), row)).collect();
            (result, rows)
        })
        .collect();
    let count: usize = selected.iter().map(|(_, rows)| rows.len()).sum();
    if let Some(action) = &arguments.action
        && count == 0
    {
        return Err(not_granted(&results, &arguments.function, action));
    }
    if pattern.is_some() && (count <= IN_FULL || arguments.all) {
        return case::run(arguments, &mut store, &selected, printer);
    }
    let text = match arguments.format {
        Format::Table => {
            let parts: Vec<String> = selected
                .iter()
                .map(|(result, rows)| explain::human(result, rows, arguments.all, printer.color()))
                .collect();
            parts.join("\n")
        }
        Format::Json => explain::json(&selected)?,
        Format::Ndjson => explain::ndjson(&selected)?,
    };
    printer.data(&text)?;
    if pattern.is_some() {
        printer.hint(&format!(
            "{count} actions match; name one, or pass --all, for the events and the coverage behind each"
        ));
    } else {
        printer.hint(&format!("`whittle explain {} ACTION` lays out the case for one action", arguments.function));
    }
    Ok(Exit::Clean)
}

fn parse(action: &str) -> Result<ActionPattern, CommandError> {
    action.parse().map_err(|error: whittle_policy::ParseActionPatternError| CommandError::Usage {
        message: error.to_string(),
        hint: error.hint().to_owned(),
    })
}

fn matches(pattern: Option<&ActionPattern>, row: &VerdictRow) -> bool {
    pattern.is_none_or(|pattern| {
        pattern.matches(&row.action) || row.action.parse().is_ok_and(|own: ActionPattern| pattern.intersects(&own))
    })
}

/// The action is not granted: perhaps it is spelled wrongly, perhaps the function really lacks it.
fn not_granted(results: &[FunctionResult], function: &str, action: &str) -> CommandError {
    let granted = results.iter().flat_map(|result| &result.verdicts).map(|row| row.action.as_str());
    let hint = match nearest(action, granted) {
        Some(nearest) => format!("did you mean {nearest}?"),
        None => format!("whittle explain {function} lists what is granted"),
    };
    CommandError::NotFound { message: format!("`{function}` is not granted `{action}`"), hint }
}
