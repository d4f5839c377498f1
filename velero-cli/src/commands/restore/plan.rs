//! `velero restore plan`: what a restore would do, resource by resource, before anything changes.

use super::request::Request;
use crate::connect::{self, Target};
use crate::context::Context;
use crate::exit::Exit;
use crate::output::progress::Progress;
use crate::output::table::Table;
use crate::output::{Style, count};
use crate::report::{More, RunReport};
use anyhow::Context as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;
use velero_core::plan::{Plan, PlannedWrite, Step};
use velero_k8s::RestoreOptions;

/// Objects of one kind of trouble that are named before the rest is only counted.
const SHOWN: usize = 10;

/// Arguments of `restore plan`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Save the plan for `velero restore apply FILE`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Output
    #[arg(short, long, value_enum, default_value = "table", value_name = "FORMAT")]
    output: Output,
    #[command(flatten)]
    request: Request,
}

/// Output of `restore plan`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    Table,
    Json,
}

/// Plans a restore.
pub async fn run(args: Args, context: &mut Context) -> anyhow::Result<Exit> {
    let started = Instant::now();
    args.request.check()?;
    let store = connect::store(&context.global)?;
    let modifiers = args.request.modifiers()?;
    let namespace = context.global.namespace.clone();
    let restore = args.request.document(&store, &namespace).await?;
    let out = args.out.as_deref().map(PlanFile::create).transpose()?;
    let Target { cluster, name: target } = connect::cluster(&context.global).await?;
    let progress = Progress::start();
    let options = RestoreOptions {
        resource_modifiers: modifiers,
        api_group_versions: context.global.api_group_versions(),
        observer: progress.observer(),
        cancel: context.cancel.clone(),
        ..RestoreOptions::default()
    };
    let what = format!("planning the restore of backup {} into {target}", restore.spec.backup_name);
    let result = velero_k8s::Restore::new(cluster, store).with_options(options).plan(restore).await;
    progress.finish();
    let plan = result.context(what)?;
    let saved = out.map(|file| file.write(&plan)).transpose()?;
    if args.output == Output::Json {
        let mut stdout = BufWriter::new(context.out.writer());
        serde_json::to_writer_pretty(&mut stdout, &plan).context("printing the plan")?;
        stdout.write_all(b"\n").and_then(|()| stdout.flush()).context("printing the plan")?;
        return Ok(Exit::Completed);
    }
    tell(&plan, context);
    let items = plan.counts().total();
    if let Some(path) = &saved {
        context.tell(format_args!("The plan is in {0}. Carry it out with `velero restore apply {0}`.", path.display()));
    }
    let mut run =
        RunReport::new("restore plan", &plan.restore.metadata.name, "Planned", plan.problems).took(started.elapsed());
    run.backup = Some(plan.backup.name);
    run.items = items;
    run.documents = saved.map(|path| path.display().to_string());
    Ok(run.finish(context, More::Flag("-o json")))
}

/// The file of a plan, opened before the planning so that a fault shows at once; it takes its name when it is whole.
struct PlanFile {
    path: PathBuf,
    file: tempfile::NamedTempFile,
}

impl PlanFile {
    fn create(path: &Path) -> anyhow::Result<PlanFile> {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = tempfile::NamedTempFile::new_in(directory)
            .with_context(|| format!("the plan can not be written to {}", path.display()))?;
        Ok(PlanFile { path: path.to_owned(), file })
    }

    fn write(self, plan: &Plan) -> anyhow::Result<PathBuf> {
        let cannot = || format!("writing the plan to {}", self.path.display());
        let mut writer = BufWriter::new(self.file.as_file());
        serde_json::to_writer_pretty(&mut writer, plan).with_context(cannot)?;
        let file: &File = writer.into_inner().map_err(|error| error.into_error()).with_context(cannot)?;
        file.sync_all().with_context(cannot)?;
        self.file.persist(&self.path).map_err(|error| error.error).with_context(cannot)?;
        Ok(self.path)
    }
}

/// Tells what the plan would do. Its problems come after it.
pub fn tell(plan: &Plan, context: &mut Context) {
    let style = context.style();
    context.tell(format_args!(
        "Plan of restore {} from backup {}:\n",
        style.bold(&plan.restore.metadata.name),
        style.bold(&plan.backup.name),
    ));
    context.tell(table(&plan.steps, style));
    for (write, heading) in [
        (PlannedWrite::Update, "Exist and differ; they are brought to what the backup holds:"),
        (PlannedWrite::Skip, "Left alone, because they exist or are not to be restored:"),
        (PlannedWrite::Fail, "Can not be restored:"),
    ] {
        let items = plan.steps.iter().flat_map(|step| step.items.iter().map(move |item| (step, item)));
        let these = items.filter(|(_, item)| item.write == write).map(|(step, item)| step.target(item).to_string());
        named(heading, these, context);
    }
    let empty = plan.empty_volumes.iter().map(|volume| {
        let reason = volume.reason.trim_end_matches(';');
        match volume.volume.is_empty() {
            true => format!("{}: {reason}", volume.item),
            false => format!("{}, volume {}: {reason}", volume.item, volume.volume),
        }
    });
    named(&style.yellow("Come back without their data; --allow-empty-volumes says that this is fine:"), empty, context);
    let counts = plan.counts();
    context.tell(format_args!(
        "{} to create, {} to update, {} left alone{}. Nothing has been changed.",
        count(counts.create as usize, "object"),
        counts.update,
        counts.skip,
        if counts.fail > 0 { format!(", {} that can not be restored", counts.fail) } else { String::new() },
    ));
}

/// Objects by resource and write, in the order of the restore.
fn table(steps: &[Step], style: Style) -> String {
    let columns = [
        ("CREATE", PlannedWrite::Create),
        ("UPDATE", PlannedWrite::Update),
        ("LEAVE ALONE", PlannedWrite::Skip),
        ("CAN NOT", PlannedWrite::Fail),
    ];
    let number = |step: &Step, write| step.items.iter().filter(|item| item.write == write).count();
    // What never happens needs no column, but the first one always stands.
    let shown =
        |(at, (_, write)): &(usize, &(&str, PlannedWrite))| *at == 0 || steps.iter().any(|s| number(s, *write) > 0);
    let columns: Vec<_> = columns.iter().enumerate().filter(shown).map(|(_, column)| *column).collect();
    let headers = std::iter::once("RESOURCE").chain(columns.iter().map(|(header, _)| *header));
    let mut table = Table::new(headers, style);
    for step in steps.iter().filter(|step| !step.items.is_empty()) {
        let mut row = vec![step.resource.to_string()];
        row.extend(columns.iter().map(|(_, write)| match number(step, *write) {
            0 => "-".to_owned(),
            n => n.to_string(),
        }));
        table.row(row);
    }
    table.render()
}

/// A heading and what stands below it, if anything does.
fn named(heading: &str, entries: impl Iterator<Item = String>, context: &mut Context) {
    let mut total = 0;
    for entry in entries {
        total += 1;
        if total == 1 {
            context.tell(heading);
        }
        if total <= SHOWN {
            context.tell(format_args!("  {entry}"));
        }
    }
    if total > SHOWN {
        context.tell(format_args!("  and {} more; -o json lists them", total - SHOWN));
    }
    if total > 0 {
        context.tell("");
    }
}
