//! `velero restore delete`: deletes what the store keeps about restores. What they restored stays in its cluster.

use crate::commands::backup::get::readable;
use crate::context::Context;
use crate::exit::{Exit, usage};
use crate::flags::{boolean, selector};
use crate::output::bytes;
use crate::output::table::Table;
use crate::report::{More, RunReport};
use crate::{catalog, confirm, connect};
use anyhow::Context as _;
use std::time::Instant;
use velero_core::api::LabelSelector;
use velero_repo::RestoreName;

/// Arguments of `restore delete`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Names of restores
    #[arg(value_name = "NAME", value_parser = super::name)]
    names: Vec<RestoreName>,
    /// All restores of the store
    #[arg(long, value_name = "BOOL", num_args(0..=1), require_equals(true), default_missing_value("true"), value_parser = boolean)]
    all: Option<bool>,
    /// Restores with these labels
    #[arg(short = 'l', long, value_name = "SELECTOR", value_parser = selector)]
    selector: Option<LabelSelector>,
    /// Do not ask
    #[arg(long, value_name = "BOOL", num_args(0..=1), require_equals(true), default_missing_value("true"), value_parser = boolean)]
    confirm: Option<bool>,
}

/// Deletes restores.
pub async fn run(args: Args, context: &mut Context) -> anyhow::Result<Exit> {
    let started = Instant::now();
    let ways = [!args.names.is_empty(), args.all == Some(true), args.selector.is_some()];
    if ways.into_iter().filter(|given| *given).count() != 1 {
        return Err(usage("say which: restore names, --all, or a label selector with -l, and only one of these"));
    }
    let store = connect::store(&context.global)?;
    let mut exit = Exit::Completed;
    let mut restores = readable(catalog::restores(&store, &args.names).await?, "restore", &mut exit);
    if let Some(selector) = &args.selector {
        restores.retain(|restore| velero_core::selector::matches(selector, &restore.metadata.labels));
    }
    let mut plan = Vec::new();
    for restore in &restores {
        let name = RestoreName::new(&restore.metadata.name)?;
        let objects = store.restore_objects(&name).await.with_context(|| format!("listing restore {name}"))?;
        plan.push((name, restore.spec.backup_name.clone(), objects));
    }
    let size = |objects: &[velero_repo::store::ObjectInfo]| objects.iter().map(|object| object.size).sum::<u64>();
    if plan.is_empty() {
        context.tell("No restore is to be deleted.");
    } else {
        let mut table = Table::new(["RESTORE", "BACKUP", "OBJECTS", "SIZE"], context.style());
        for (name, backup, objects) in &plan {
            table.row(vec![name.to_string(), backup.clone(), objects.len().to_string(), bytes(size(objects))]);
        }
        context.tell(table.render().trim_end());
        if args.confirm != Some(true) && !confirm::ask("Delete these for good?").await? {
            context.tell("Nothing was deleted.");
            return Ok(Exit::Completed);
        }
    }
    for (name, _, objects) in &plan {
        store.delete(objects).await.with_context(|| format!("deleting restore {name}"))?;
        context.tell(format_args!("Restore {name} is deleted."));
    }
    let names: Vec<_> = plan.iter().map(|(name, _, _)| name.as_str()).collect();
    let mut run = RunReport::new("restore delete", names.join(","), "Deleted", Vec::new()).took(started.elapsed());
    run.items = plan.iter().map(|(_, _, objects)| objects.len() as u64).sum();
    run.bytes = Some(plan.iter().map(|(_, _, objects)| size(objects)).sum());
    let ended = run.finish(context, More::Flag("--report json"));
    Ok(if exit == Exit::Completed { ended } else { exit })
}
