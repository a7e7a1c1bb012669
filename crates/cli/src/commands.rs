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
mod proposal;
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

/// A path relative to the working folder, which in CI is the root of the repository; with `/`, and without `.` and `..`.
fn relative(path: &std::path::Path) -> String {
    let here = std::env::current_dir().unwrap_or_default();
    let outside: std::path::PathBuf;
    let path = match path.strip_prefix(&here) {
        Ok(inside) => inside,
        // Not in the repository: the file and its folder are all that a reader can use.
        Err(_) if path.is_absolute() => {
            let last: Vec<_> = path.components().rev().take(2).collect();
            outside = last.into_iter().rev().collect();
            outside.as_path()
        }
        Err(_) => path,
    };
    let mut parts: Vec<String> = Vec::new();
    for part in path.components() {
        match part {
            std::path::Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            std::path::Component::ParentDir => {
                parts.pop();
            }
            std::path::Component::CurDir | std::path::Component::RootDir | std::path::Component::Prefix(_) => {}
        }
    }
    parts.join("/")
}
