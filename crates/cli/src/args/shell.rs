//! Arguments of what is made from the command line itself.

use clap::Args;
use clap_complete::Shell;

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  whittle completions bash > ~/.local/share/bash-completion/completions/whittle
  whittle completions zsh > ~/.zfunc/_whittle")]
pub struct CompletionsArguments {
    /// Shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  whittle man | man -l -
  whittle man policy > ~/.local/share/man/man1/whittle-policy.1")]
pub struct ManArguments {
    /// Page of this command, such as `policy` or `trail map` [default: the overview]
    #[arg(value_name = "COMMAND")]
    pub command: Vec<String>,
}
