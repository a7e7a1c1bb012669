//! One module per command: arguments in, exit code out.

mod analyze;
mod apply;
#[cfg(feature = "aws")]
mod aws;
mod catalog;
mod check;
mod deployment;
mod diff;
mod explain;
mod policy;
mod shell;
mod simulate;
mod stored;
mod trail;
mod waive;

use crate::args::{Arguments, CatalogCommand, Command, TrailCommand};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::printer::Printer;

/// Runs the command that was typed.
pub fn run(arguments: &Arguments, printer: &Printer) -> Result<Exit, CommandError> {
    match &arguments.command {
        Command::Analyze(arguments) => analyze::run(arguments, printer),
        #[cfg(feature = "aws")]
        Command::Run(arguments) => aws::run(arguments, printer),
        #[cfg(feature = "aws")]
        Command::Snapshot(arguments) => aws::snapshot(arguments, printer),
        #[cfg(not(feature = "aws"))]
        Command::Run(_) => Err(without_aws("`whittle run`")),
        #[cfg(not(feature = "aws"))]
        Command::Snapshot(_) => Err(without_aws("`whittle snapshot`")),
        Command::Policy(arguments) => policy::run(arguments, printer),
        Command::Apply(arguments) => apply::run(arguments, printer),
        Command::Explain(arguments) => explain::run(arguments, printer),
        Command::Simulate(arguments) => simulate::run(arguments, printer),
        Command::Check(arguments) => check::run(arguments, printer),
        Command::Waive(arguments) => waive::run(arguments, printer),
        Command::Diff(arguments) => diff::run(arguments, printer),
        Command::Completions(arguments) => shell::completions(arguments, printer),
        Command::Man(arguments) => shell::man(arguments, printer),
        Command::Trail(TrailCommand::Map(arguments)) => trail::map(arguments, printer),
        Command::Trail(TrailCommand::Usage(arguments)) => trail::usage(arguments, printer),
        Command::Trail(TrailCommand::Coverage(arguments)) => trail::coverage(arguments, printer),
        Command::Catalog(CatalogCommand::Show(arguments)) => catalog::show(arguments, printer),
    }
}

/// Text of a file that the user named.
fn read_text(path: &std::path::Path) -> Result<String, CommandError> {
    std::fs::read_to_string(path).map_err(|error| CommandError::File {
        path: path.to_owned(),
        message: format!("cannot be read: {error}"),
        hint: String::new(),
    })
}

/// Today in UTC.
fn today() -> jiff::civil::Date {
    jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// Runs a future to its end on this thread.
fn block_on<F: Future>(future: F) -> Result<F::Output, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(CommandError::Runtime)?;
    Ok(runtime.block_on(future))
}

/// What talks to AWS is left out of the default build: its SDK takes minutes to compile.
#[cfg(not(feature = "aws"))]
fn without_aws(what: &str) -> CommandError {
    CommandError::NotFound {
        message: format!("{what} is not in this build of whittle"),
        hint: "build it with `cargo install --path crates/cli --features aws`".to_owned(),
    }
}
