//! One module per command: arguments in, exit code out.

mod analyze;
mod apply;
#[cfg(feature = "aws")]
mod aws;
mod catalog;
mod check;
#[cfg(feature = "aws")]
mod client;
mod deployment;
mod diff;
mod evidence;
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
        Command::Run(_) => Err(CommandError::NotInBuild { what: "`whittle run`" }),
        #[cfg(not(feature = "aws"))]
        Command::Snapshot(_) => Err(CommandError::NotInBuild { what: "`whittle snapshot`" }),
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
