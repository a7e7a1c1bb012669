//! `whittle diff`.

mod template;

use std::io::Read as _;
use std::path::Path;

use whittle_analysis::diff::diff;
use whittle_analysis::result::Report;
use whittle_render::diff as render;

use super::stored;
use crate::args::{DiffArguments, Format};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::files::read_text;
use crate::printer::Printer;

/// Says what changed between two results, or what a template would change.
pub fn run(arguments: &DiffArguments, printer: &Printer) -> Result<Exit, CommandError> {
    if is_template(&arguments.before)? {
        if let Some(after) = &arguments.after {
            return Err(CommandError::Usage {
                message: format!(
                    "`{}` is a template; `{}` is one file too many",
                    arguments.before.display(),
                    after.display()
                ),
                hint: "a template is compared with the account: pass --snapshot, or nothing for the store".to_owned(),
            });
        }
        let difference = template::compare_template(arguments, &arguments.before)?;
        printer.data(&match arguments.format {
            Format::Table => render::template::human(&difference, printer.color()),
            Format::Json => render::template::json(&difference)?,
            Format::Ndjson => render::template::ndjson(&difference)?,
        })?;
        return Ok(Exit::Clean);
    }
    let before = read(&arguments.before)?;
    let after = if let Some(path) = &arguments.after {
        read(path)?
    } else {
        let mut store = stored::open_existing(&arguments.store.store)?;
        let known = store.accounts()?;
        store.report(&before.account)?.ok_or_else(|| CommandError::NoResult {
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

/// True for a template: by its name, or as JSON by what it holds. A result begins with its `schema_version`.
fn is_template(path: &Path) -> Result<bool, CommandError> {
    let extension = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
    if extension.is_some_and(|extension| ["yaml", "yml", "template", "tf"].iter().any(|known| extension == *known)) {
        return Ok(true);
    }
    let failed = |source| CommandError::Read { path: path.to_owned(), source };
    let mut text = Vec::new();
    let most = u64::try_from(whittle_template::source::MAX_BYTES).unwrap_or(u64::MAX);
    std::fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut text)).map_err(failed)?;
    let text = String::from_utf8_lossy(&text);
    let is_result = text.trim_start_matches(|c: char| c.is_whitespace() || c == '{').starts_with("\"schema_version\"");
    Ok(!is_result && text.contains("\"Resources\""))
}

fn read(path: &Path) -> Result<Report, CommandError> {
    let text = read_text(path)?;
    serde_json::from_str(&text).map_err(|error| CommandError::File {
        path: path.to_owned(),
        message: format!("is no result of an analysis: {error}"),
        hint: "write it with `whittle analyze SNAPSHOT --trail PATH --format json -o FILE`".to_owned(),
    })
}
