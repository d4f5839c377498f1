//! `velero restore apply FILE`: carries out a saved plan, and nothing that it does not list.

use super::run::RunFlags;
use crate::connect::{self, Target};
use crate::context::Context;
use crate::exit::Exit;
use crate::output::progress::Progress;
use anyhow::{Context as _, anyhow};
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::Instant;
use velero_core::plan::Plan;

/// Arguments of `restore apply`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The plan, as `restore plan --out FILE` wrote it
    #[arg(value_name = "FILE")]
    plan: PathBuf,
    #[command(flatten)]
    run: RunFlags,
}

/// Carries out the plan.
pub async fn run(args: Args, context: &mut Context) -> anyhow::Result<Exit> {
    let started = Instant::now();
    let plan = read(&args.plan)?;
    let store = connect::store(&context.global)?;
    let Target { cluster, name: target } = connect::cluster(&context.global).await?;
    let progress = Progress::start();
    let options = args.run.options(&progress, context)?;
    let result = velero_k8s::Restore::new(cluster, store).with_options(options).apply(&plan).await;
    progress.finish();
    let report = result.with_context(|| format!("applying {} to {target}", args.plan.display()))?;
    Ok(args.run.finish("restore apply", report, started, context))
}

fn read(path: &Path) -> anyhow::Result<Plan> {
    let file = File::open(path).with_context(|| format!("reading the plan {}", path.display()))?;
    let plan: Plan = serde_json::from_reader(BufReader::new(file))
        .with_context(|| format!("{} is not a plan of `velero restore plan --out`", path.display()))?;
    match plan.version {
        1 => Ok(plan),
        version => Err(anyhow!("{} is a plan of version {version}; this build applies version 1", path.display())),
    }
}
