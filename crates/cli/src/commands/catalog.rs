//! `whittle catalog show`.

use whittle_catalog::{ActionId, catalog};
use whittle_policy::ActionPattern;
use whittle_render::catalog as render;

use crate::args::{CatalogShowArguments, Format};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::printer::Printer;

/// Shows one action, or all that a pattern expands to.
pub fn show(arguments: &CatalogShowArguments, printer: &Printer) -> Result<Exit, CommandError> {
    let actions = expand(&arguments.pattern)?;
    printer.data(&match arguments.format {
        Format::Table => render::human(&actions, printer.color()),
        Format::Json => render::json(&actions)?,
        Format::Ndjson => render::ndjson(&actions)?,
    })?;
    Ok(Exit::Clean)
}

/// The actions that a name or pattern stands for; an error with the nearest names if there are none.
pub fn expand(text: &str) -> Result<Vec<ActionId>, CommandError> {
    let pattern: ActionPattern = text.parse().map_err(|error: whittle_policy::ParseActionPatternError| {
        CommandError::Usage { message: error.to_string(), hint: error.hint().to_owned() }
    })?;
    let actions = catalog().expand(&pattern);
    if actions.is_empty() {
        let nearest = catalog().nearest(text, 3);
        let hint = if nearest.is_empty() {
            String::new()
        } else {
            format!("did you mean {}?", nearest.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "))
        };
        return Err(CommandError::NotFound { message: format!("the catalog knows no action `{text}`"), hint });
    }
    Ok(actions)
}
