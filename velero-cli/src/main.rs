//! The `velero` command: back up, plan and restore Kubernetes clusters with no server in them.
//!
//! Comes in: the command line. Goes out: text on stdout, one line per fault on stderr, and an exit code (see [`exit`]).
//! This file parses, builds the runtime, calls one verb and maps its outcome; every verb lives in [`commands`].

mod catalog;
mod cli;
mod commands;
mod confirm;
mod connect;
mod context;
mod exit;
mod flags;
mod global;
mod interrupt;
mod memory;
mod output;
mod report;

use cli::Cli;
use context::Context;
use exit::Exit;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match cli::parse(std::env::args_os()) {
        Ok(cli) => cli,
        Err(exit) => return exit.into(),
    };
    // Fails only if a provider is installed already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    cli.global.start_diagnostics();
    if matches!(cli.command, cli::Command::Repo(_)) {
        memory::spend_little();
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::fail(&anyhow::Error::new(error).context("starting the runtime")).into(),
    };
    let exit = runtime.block_on(run(cli));
    // A prompt that still waits for an answer must not hold up the end.
    runtime.shutdown_background();
    exit.into()
}

/// Runs one verb to its end, or until it is interrupted.
async fn run(cli: Cli) -> Exit {
    let mut context = Context::new(cli.global);
    interrupt::listen(context.cancel.clone());
    let cancel = context.cancel.clone();
    let command = cli.command;
    let label = command.label();
    let cleans_up = command.cleans_up();
    let done = async {
        tokio::select! {
            result = command.run(&mut context) => result,
            // A run that writes ends cleanly by itself; anything else may simply be dropped.
            () = cancel.cancelled(), if !cleans_up => Err(exit::Interrupted.into()),
        }
    };
    let exit = match done.await {
        Ok(exit) => exit,
        Err(error) => {
            let exit = exit::fail(&error);
            report::of_error(&mut context, label, &error, exit);
            exit
        }
    };
    if context.out.has_failed() { exit.unread() } else { exit }
}
