//! `whittle diff`.

use std::path::Path;

use whittle_analysis::diff::diff;
use whittle_analysis::result::Report;
use whittle_render::diff as render;

use super::stored;
use crate::args::{DiffArguments, Format};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::printer::Printer;

/// Says what changed between two results.
pub fn run(arguments: &DiffArguments, printer: &Printer) -> Result<Exit, CommandError> {
    let before = read(&arguments.before)?;
    let after = if let Some(path) = &arguments.after {
        read(path)?
    } else {
        let mut store = stored::open_existing(&arguments.store.store)?;
        let known = store.accounts()?;
        store.report(&before.account)?.ok_or_else(|| CommandError::NotFound {
            message: format!("the store has no result of account {}", before.account),
            hint: format!("it has results of {}", known.join(", ")),
        })?
    };
    if before.account != after.account {
        printer.warning(&format!("the results are of two accounts: {} and {}", before.account, after.account));
    }
    let difference = diff(&before, &after);
    printer.data(&match arguments.format {
        Format::Table => render::human(&difference, printer.color()),
        Format::Json => render::json(&difference)?,
        Format::Ndjson => render::ndjson(&difference)?,
    })?;
    Ok(Exit::Clean)
}

fn read(path: &Path) -> Result<Report, CommandError> {
    let text = super::read_text(path)?;
    serde_json::from_str(&text).map_err(|error| CommandError::File {
        path: path.to_owned(),
        message: format!("is no result of an analysis: {error}"),
        hint: "write it with `whittle analyze SNAPSHOT --trail PATH --format json -o FILE`".to_owned(),
    })
}
