//! `velero restore get`.

use crate::commands::backup::get::{readable, selector_text};
use crate::context::Context;
use crate::exit::Exit;
use crate::flags::{Format, selector};
use crate::output::table::{LabelColumns, Table};
use crate::output::{Style, document, note, time};
use crate::{catalog, connect};
use velero_core::api::{LabelSelector, Restore};
use velero_repo::RestoreName;

/// Arguments of `restore get`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Names of restores [default: all]
    #[arg(value_name = "NAME", value_parser = super::name)]
    names: Vec<RestoreName>,
    /// Output
    #[arg(short, long, value_enum, default_value = "table", value_name = "FORMAT")]
    output: Format,
    /// Only restores with these labels
    #[arg(short = 'l', long, value_name = "SELECTOR", value_parser = selector)]
    selector: Option<LabelSelector>,
    #[command(flatten)]
    labels: LabelColumns,
}

/// Lists restores.
pub async fn run(args: Args, context: &mut Context) -> anyhow::Result<Exit> {
    let store = connect::store(&context.global)?;
    let mut exit = Exit::Completed;
    let mut restores = readable(catalog::restores(&store, &args.names).await?, "restore", &mut exit);
    if let (Some(selector), true) = (&args.selector, args.names.is_empty()) {
        restores.retain(|restore| velero_core::selector::matches(selector, &restore.metadata.labels));
    }
    match args.output {
        Format::Table if restores.is_empty() && exit == Exit::Completed => {
            note(format_args!("No restores in {}.", store.store().address()));
        }
        Format::Table => {
            let table = table(&restores, &args.labels, context.out.style());
            context.out.bytes(table.as_bytes());
        }
        format => document::print_all(context, "Restore", &restores, format)?,
    }
    Ok(exit)
}

/// The table of restores.
pub fn table(restores: &[Restore], labels: &LabelColumns, style: Style) -> String {
    let headers = ["NAME", "BACKUP", "STATUS", "STARTED", "COMPLETED", "ERRORS", "WARNINGS", "CREATED", "SELECTOR"];
    let mut table = Table::new(labels.headers(&headers), style);
    for restore in restores {
        let status = &restore.status;
        let phase = status.phase.clone().unwrap_or_default().to_string();
        let cells = vec![
            restore.metadata.name.clone(),
            restore.spec.backup_name.clone(),
            style.phase(&phase),
            time::absolute(status.start_timestamp.as_deref(), "<nil>"),
            time::absolute(status.completion_timestamp.as_deref(), "<nil>"),
            status.errors.to_string(),
            status.warnings.to_string(),
            time::absolute(restore.metadata.creation_timestamp.as_deref(), "<nil>"),
            selector_text(restore.spec.label_selector.as_ref()),
        ];
        table.row(labels.cells(cells, &restore.metadata.labels));
    }
    table.render()
}
