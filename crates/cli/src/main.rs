//! `whittle`: composition root. Parses the command line, puts adapters and use cases together, prints.

mod args;
mod clock;
mod commands;
mod error;
mod exit;
mod files;
mod printer;
mod progress;

use clap::Parser;

fn main() -> exit::Exit {
    let arguments = args::Arguments::parse();
    let printer = printer::Printer::new(&arguments.global);
    match commands::run(&arguments, &printer) {
        Ok(exit) => exit,
        Err(error) => printer.error(&error),
    }
}
