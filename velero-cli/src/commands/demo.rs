//! `velero demo`: a backup and a restore of a small shop, with no cluster, network or configuration.
//!
//! Comes in: nothing but a directory, a temporary one unless told otherwise. Goes out: the whole way of an application, told
//! step by step: backed up, lost, planned, restored, compared. Each step prints the command that does the same by hand and
//! then does it through the same library calls. It refuses a directory that is not empty.

mod application;
mod compare;

use crate::context::Context;
use crate::exit::Exit;
use crate::output::{Style, bytes, count, time};
use crate::report::{More, tell_problems};
use anyhow::{Context as _, anyhow};
use compare::Snapshot;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use velero_core::api::{Backup, BackupSpec, Restore, RestoreSpec};
use velero_core::{GroupResource, plan::Plan};
use velero_k8s::{Cluster, RestoreOptions};
use velero_repo::{BackupStore, Store, StoreOptions};

/// The namespace of the demo's application.
const NAMESPACE: &str = "shop";

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Keep what the demo makes in this directory, which must be empty or new
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Runs the demo.
pub async fn run(args: Args, context: &mut Context) -> anyhow::Result<Exit> {
    let started = Instant::now();
    let kept = args.dir.is_some();
    let place = Place::new(args.dir)?;
    let demo = Demo::open(&place)?;
    application::create(&*demo.cluster).await.context("filling the demo's cluster")?;
    tell_beginning(&place, context);
    demo.back_up(context).await?;
    let before = demo.snapshot().await?;
    demo.lose(context).await?;
    let plan = demo.plan(context).await?;
    demo.restore(&plan, context).await?;
    let equal = demo.compare(&before, context).await?;
    tell_end(&place, kept, started, context);
    Ok(if equal { Exit::Completed } else { Exit::Failed })
}

/// Where the demo lives.
struct Place {
    root: PathBuf,
    /// Removes a temporary directory at the end.
    _temporary: Option<tempfile::TempDir>,
}

impl Place {
    fn new(dir: Option<PathBuf>) -> anyhow::Result<Place> {
        let (root, temporary) = match dir {
            None => {
                let temporary = tempfile::Builder::new().prefix("velero-demo-").tempdir();
                let temporary = temporary.context("making a temporary directory")?;
                (temporary.path().to_owned(), Some(temporary))
            }
            Some(root) => {
                let cannot = || format!("the directory {} can not be written", root.display());
                std::fs::create_dir_all(&root).with_context(cannot)?;
                if std::fs::read_dir(&root).with_context(cannot)?.next().is_some() {
                    return Err(anyhow!("{} is not empty; name a new directory with --dir", root.display()));
                }
                (root, None)
            }
        };
        std::fs::create_dir_all(root.join("cluster")).context("making the demo's cluster")?;
        Ok(Place { root, _temporary: temporary })
    }

    fn cluster(&self) -> PathBuf {
        self.root.join("cluster")
    }

    fn store(&self) -> PathBuf {
        self.root.join("bucket")
    }
}

/// The demo's cluster and store.
struct Demo {
    cluster: Arc<dyn Cluster>,
    store: BackupStore,
}

impl Demo {
    fn open(place: &Place) -> anyhow::Result<Demo> {
        let cluster = crate::connect::offline(&place.cluster())?;
        let address = format!("file://{}", absolute(&place.store())?.display());
        Ok(Demo { cluster, store: BackupStore::new(Store::open_or_create(&address, &StoreOptions::default())?) })
    }

    async fn back_up(&self, context: &mut Context) -> anyhow::Result<()> {
        step(context, 1, "Back up the namespace", "velero backup create shop-1 --include-namespaces shop");
        let spec = BackupSpec {
            included_namespaces: vec![NAMESPACE.into()],
            storage_location: "default".into(),
            ..BackupSpec::default()
        };
        let driver = velero_k8s::Backup::new(self.cluster.clone(), self.store.clone());
        let report = driver.run(Backup::new("shop-1", spec)).await.context("backing up")?;
        let items = report.backup.status.progress.as_ref().map_or(0, |progress| progress.items_backed_up);
        let phase = report.backup.status.phase.clone().unwrap_or_default().to_string();
        let style = context.style();
        context.tell(format_args!(
            "{}: {} in {}. Every stored byte was read back before the backup became visible.",
            style.phase(&phase),
            count(items as usize, "object"),
            bytes(report.contents_bytes)
        ));
        tell_problems(context, &report.problems, More::Command("velero backup describe shop-1"));
        context.tell(
            "The cluster role, its binding, the disk and the definition of the coupons lie outside the namespace;\n\
             the backup took them because the objects inside need them.",
        );
        Ok(())
    }

    async fn lose(&self, context: &mut Context) -> anyhow::Result<()> {
        step(context, 2, "Lose the namespace", "kubectl delete namespace shop");
        let table = self.cluster.discover().await?.table;
        // The disk goes with its claim, as its reclaim policy says.
        for (resource, name) in [("namespaces", NAMESPACE), ("persistentvolumes", "disk-7")] {
            let resource = table.get(&GroupResource::parse(resource)).context("the demo's cluster is not complete")?;
            self.cluster.delete(resource, "", name).await.with_context(|| format!("deleting {name}"))?;
        }
        let left = self.snapshot().await?.len();
        context.tell(format_args!(
            "Gone, and the disk with its claim: {} of the shop are left in the cluster.",
            count(left, "object")
        ));
        Ok(())
    }

    async fn plan(&self, context: &mut Context) -> anyhow::Result<Plan> {
        step(context, 3, "Look before restoring", "velero restore plan --from-backup shop-1 --out plan.json");
        let plan = self.driver().plan(request()).await.context("planning the restore")?;
        super::restore::plan::tell(&plan, context);
        tell_problems(context, &plan.problems, More::Command("velero restore plan --from-backup shop-1"));
        Ok(plan)
    }

    async fn restore(&self, plan: &Plan, context: &mut Context) -> anyhow::Result<()> {
        step(context, 4, "Restore", "velero restore apply plan.json --allow-empty-volumes");
        context.tell(
            "The claim's files are not in the backup, so it comes back empty; the flag says that this is fine. Without it\n\
             the restore is refused before anything is written.",
        );
        let started = Instant::now();
        let report = self.driver().apply(plan).await.context("restoring")?;
        let phase = report.restore.status.phase.clone().unwrap_or_default().to_string();
        let items: usize = report.resource_list.values().map(Vec::len).sum();
        let style = context.style();
        context.tell(format_args!(
            "{}: {} in {}.",
            style.phase(&phase),
            count(items, "object"),
            time::span(started.elapsed())
        ));
        tell_problems(context, &report.problems, More::Command("velero restore describe shop-1-back"));
        Ok(())
    }

    async fn compare(&self, before: &Snapshot, context: &mut Context) -> anyhow::Result<bool> {
        step(context, 5, "Compare with what was lost", "");
        let differences = before.differences(&self.snapshot().await?);
        let style = context.style();
        if differences.is_empty() {
            let line = format!(
                "All {} are back and equal, apart from what a cluster assigns anew.",
                count(before.len(), "object")
            );
            context.tell(style.green(line));
        } else {
            context.tell(style.red(format_args!("{}:", count(differences.len(), "difference"))));
            differences.iter().for_each(|difference| context.tell(format_args!("  {difference}")));
        }
        Ok(differences.is_empty())
    }

    fn driver(&self) -> velero_k8s::Restore {
        let options = RestoreOptions { allow_empty_volumes: true, ..RestoreOptions::default() };
        velero_k8s::Restore::new(self.cluster.clone(), self.store.clone()).with_options(options)
    }

    async fn snapshot(&self) -> anyhow::Result<Snapshot> {
        Snapshot::take(&*self.cluster, NAMESPACE).await.context("reading the demo's cluster")
    }
}

fn request() -> Restore {
    Restore::new("shop-1-back", RestoreSpec { backup_name: "shop-1".into(), ..RestoreSpec::default() })
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("resolving {}", path.display()))
}

fn step(context: &mut Context, number: u32, title: &str, command: &str) {
    let style = context.style();
    context.tell(format_args!("\n{}", style.bold(format_args!("{number}. {title}"))));
    if !command.is_empty() {
        context.tell(style.dim(format_args!("   $ {command}\n")));
    }
}

fn tell_beginning(place: &Place, context: &mut Context) {
    let style: Style = context.style();
    context.tell(style.bold("A small shop in a cluster that is only a directory"));
    context.tell(format_args!(
        "A Deployment, a Service, settings, a token, an account with its rights, a disk, and two coupons of a kind of the\n\
         shop's own. The commands shown do the same on a real cluster, with your kubeconfig.\n\n  \
         cluster       {}\n  object store  {}",
        place.cluster().display(),
        place.store().display(),
    ));
}

fn tell_end(place: &Place, kept: bool, started: Instant, context: &mut Context) {
    context.tell(format_args!("\nDone in {}. What to look at now:", time::span(started.elapsed())));
    if kept {
        let flags = format!("--store {} --offline {}", place.store().display(), place.cluster().display());
        context.tell(format_args!("  velero backup describe shop-1 --details {flags}"));
        context.tell(format_args!(
            "  velero restore plan --from-backup shop-1 --namespace-mappings shop:shop-copy {flags}"
        ));
        context.tell(format_args!("  tar tzf {}/backups/shop-1/shop-1.tar.gz", place.store().display()));
    } else {
        for (command, what) in [
            ("velero demo --dir demo", "the same, and cluster and store stay for you to work with"),
            ("velero backup create NAME --store ./bucket", "back up the cluster of your kubeconfig"),
            ("velero backup get --store s3://BUCKET/PREFIX", "read a bucket that Velero filled"),
        ] {
            context.tell(format_args!("  {command:46}{what}"));
        }
    }
}
