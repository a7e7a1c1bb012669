//! `whittle completions` and `whittle man`: from the same definitions that parse the command line.

use clap::CommandFactory;

use crate::args::{Arguments, CompletionsArguments, ManArguments};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::printer::Printer;

/// A completion script.
pub fn completions(arguments: &CompletionsArguments, printer: &Printer) -> Result<Exit, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "whittle", &mut script);
    printer.data(&String::from_utf8_lossy(&script))?;
    Ok(Exit::Clean)
}

/// A manual page.
pub fn man(arguments: &ManArguments, printer: &Printer) -> Result<Exit, CommandError> {
    let mut root = Arguments::command();
    root.build();
    let mut page = &root;
    for name in &arguments.command {
        page = page.find_subcommand(name).ok_or_else(|| {
            let known: Vec<&str> = page.get_subcommands().map(clap::Command::get_name).collect();
            CommandError::NotFound {
                message: format!("there is no command `{}`", arguments.command.join(" ")),
                hint: format!("there are {}", known.join(", ")),
            }
        })?;
    }
    let title = std::iter::once("whittle").chain(arguments.command.iter().map(String::as_str)).collect::<Vec<_>>();
    let mut text = Vec::new();
    let written = clap_mangen::Man::new(page.clone()).title(title.join("-")).render(&mut text);
    written.map_err(|source| CommandError::Write { path: "the manual page".into(), source })?;
    printer.data(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Clean)
}
