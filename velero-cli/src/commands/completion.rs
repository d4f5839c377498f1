//! `velero completion SHELL`.

use crate::cli::Cli;
use crate::context::Context;
use crate::exit::Exit;
use clap::CommandFactory;

/// Arguments of `completion`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: source <(velero completion bash)")]
pub struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Shells with a completion script.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
}

/// Prints the script.
pub fn run(args: &Args, context: &mut Context) -> anyhow::Result<Exit> {
    let shell = match args.shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
        Shell::Powershell => clap_complete::Shell::PowerShell,
    };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "velero", &mut script);
    context.out.bytes(&script);
    Ok(Exit::Completed)
}
