//! `velero version`.

use crate::context::Context;
use crate::exit::Exit;
use crate::flags::boolean;
use crate::output::describe::Page;

/// Arguments of `version`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Accepted for Velero's sake; there is no server to ask
    #[arg(long, value_name = "BOOL", num_args(0..=1), require_equals(true), default_missing_value("true"), value_parser = boolean)]
    client_only: Option<bool>,
}

/// Prints the version and the formats.
pub fn run(_args: &Args, context: &mut Context) -> anyhow::Result<Exit> {
    let mut page = Page::new(context.out.style());
    page.heading(0, "Client");
    page.field(1, "Version", format!("v{}", env!("CARGO_PKG_VERSION")));
    page.field(1, "Backup format", "1.1.0, as Velero 1.18 writes it");
    page.field(1, "Server", "none needed");
    context.out.bytes(page.render().as_bytes());
    Ok(Exit::Completed)
}
