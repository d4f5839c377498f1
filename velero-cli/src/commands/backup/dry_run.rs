//! `velero backup create --dry-run [--explain]`: what a backup would hold, and why; nothing is stored.

use crate::connect::{self, Target};
use crate::context::Context;
use crate::exit::Exit;
use crate::output::count;
use crate::output::progress::Progress;
use crate::output::table::Table;
use crate::report::{More, RunReport};
use anyhow::Context as _;
use std::time::Instant;
use velero_core::api::Backup;
use velero_k8s::{BackupOptions, DryRun};
use velero_repo::{BackupStore, Store, StoreOptions};

/// Runs the backup for show.
pub async fn run(
    request: Backup,
    policies: Option<String>,
    explain: bool,
    context: &mut Context,
) -> anyhow::Result<Exit> {
    let started = Instant::now();
    let Target { cluster, name: source } = connect::cluster(&context.global).await?;
    // A dry run reads no store, so it needs none to be named.
    let store = BackupStore::new(Store::open("memory://", &StoreOptions::default())?);
    let progress = Progress::start();
    let options = BackupOptions {
        resource_policies: policies,
        observer: progress.observer(),
        cancel: context.cancel.clone(),
        ..BackupOptions::default()
    };
    let name = request.metadata.name.clone();
    let driver = velero_k8s::Backup::new(cluster, store).with_options(options);
    let style = context.style();
    let result = driver
        .explain(request, |decision| {
            if explain {
                let sign = if decision.included { style.green("+") } else { style.red("-") };
                progress.above(|| context.tell(format_args!("{sign} {}: {}", decision.subject, decision.reason)));
            }
        })
        .await;
    progress.finish();
    let DryRun { included, problems, .. } =
        result.with_context(|| format!("dry run of backup {name} from {source}"))?;
    let mut table = Table::new(["RESOURCE", "OBJECTS"], style);
    for resource in included.resources() {
        table.row(vec![resource.to_string(), included.of(resource).count().to_string()]);
    }
    if !included.is_empty() {
        context.tell(table.render());
    }
    let total = count(included.len() as usize, "object");
    context.tell(format_args!("Backup {} would hold {total}. Nothing was stored.", style.bold(&name)));
    let mut run = RunReport::new("backup create", &name, "Planned", problems).took(started.elapsed());
    run.items = included.len();
    Ok(run.finish(context, More::Flag("--report json")))
}
