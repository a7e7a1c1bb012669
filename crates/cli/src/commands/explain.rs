//! `whittle explain`.

use whittle_analysis::result::{FunctionResult, VerdictRow};
use whittle_policy::ActionPattern;
use whittle_render::explain;

use super::stored::Stored;
use crate::args::{ExplainArguments, Format};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::printer::Printer;

/// Says why each action of a function is kept or removable.
pub fn run(arguments: &ExplainArguments, printer: &Printer) -> Result<Exit, CommandError> {
    let mut store = Stored::open(&arguments.store)?;
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
    if let Some(action) = &arguments.action
        && selected.iter().all(|(_, rows)| rows.is_empty())
    {
        return Err(CommandError::NotFound {
            message: format!("`{}` is not granted `{action}`", arguments.function),
            hint: format!("whittle explain {} lists what is granted", arguments.function),
        });
    }
    let text = match arguments.format {
        Format::Table => {
            let all = arguments.all || pattern.is_some();
            let parts: Vec<String> =
                selected.iter().map(|(result, rows)| explain::human(result, rows, all, printer.color())).collect();
            parts.join("\n")
        }
        Format::Json => explain::json(&selected)?,
        Format::Ndjson => explain::ndjson(&selected)?,
    };
    printer.data(&text)?;
    Ok(Exit::Clean)
}

fn parse(action: &str) -> Result<ActionPattern, CommandError> {
    action.parse().map_err(|error: whittle_policy::ParseActionPatternError| CommandError::NotFound {
        message: error.to_string(),
        hint: error.hint().to_owned(),
    })
}

fn matches(pattern: Option<&ActionPattern>, row: &VerdictRow) -> bool {
    pattern.is_none_or(|pattern| {
        pattern.matches(&row.action) || row.action.parse().is_ok_and(|own: ActionPattern| pattern.intersects(&own))
    })
}
