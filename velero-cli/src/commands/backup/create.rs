//! `velero backup create NAME`.

use super::dry_run;
use crate::connect::{self, Target};
use crate::context::Context;
use crate::exit::{Exit, usage};
use crate::flags::filter::BackupFilters;
use crate::flags::pairs::{self, Pairs};
use crate::flags::unsupported::{BackupUnsupported, refuse};
use crate::flags::{Format, OrderedResources, boolean, ordered_resources};
use crate::output::progress::Progress;
use crate::output::table::LabelColumns;
use crate::output::{bytes, count, document, time};
use crate::report::{More, RunReport};
use anyhow::Context as _;
use std::path::PathBuf;
use std::time::Instant;
use velero_core::api::{Backup, BackupPhase, Duration, TypedReference};
use velero_k8s::{BackupOptions, BackupReport};
use velero_repo::BackupName;

/// Arguments of `backup create`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Volume data and hooks are left out by this build; each one is named in a warning.")]
pub struct Args {
    /// Name of the backup; may come from --from-spec instead
    #[arg(value_name = "NAME", value_parser = super::name, required_unless_present = "from_spec")]
    name: Option<BackupName>,
    /// Order inside resources, such as 'pods=ns1/a,ns1/b;persistentvolumes=c'
    #[arg(long, value_name = "LIST", value_parser = ordered_resources)]
    ordered_resources: Option<OrderedResources>,
    /// A Backup document, or only its spec, in YAML or JSON; flags win over it
    #[arg(long, value_name = "FILE")]
    from_spec: Option<PathBuf>,
    /// Resource policies from a local file
    #[arg(long, value_name = "FILE", conflicts_with = "resource_policies_configmap")]
    resource_policies: Option<PathBuf>,
    /// Resource policies from a ConfigMap in Velero's namespace
    #[arg(long, value_name = "NAME")]
    resource_policies_configmap: Option<String>,
    /// How long the backup is kept [default: 720h]
    #[arg(long, value_name = "DURATION")]
    ttl: Option<Duration>,
    /// Labels of the backup
    #[arg(long, value_name = "K=V,…", value_parser = pairs::equals)]
    labels: Vec<Pairs>,
    /// Annotations of the backup
    #[arg(long, value_name = "K=V,…", value_parser = pairs::equals)]
    annotations: Vec<Pairs>,
    /// Name of the storage location, as the document carries it
    #[arg(long, value_name = "NAME")]
    storage_location: Option<String>,
    /// Whether volumes are snapshotted; =true is not there yet
    #[arg(long, value_name = "BOOL", num_args(0..=1), require_equals(true), default_missing_value("true"), value_parser = boolean)]
    snapshot_volumes: Option<bool>,
    /// How long a CSI snapshot may take, as the document carries it
    #[arg(long, value_name = "DURATION")]
    csi_snapshot_timeout: Option<Duration>,
    /// How long asynchronous operations may take, as the document carries it
    #[arg(long, value_name = "DURATION")]
    item_operation_timeout: Option<Duration>,
    /// Show what would be backed up, and store nothing
    #[arg(long, value_name = "BOOL", num_args(0..=1), require_equals(true), default_missing_value("true"), value_parser = boolean)]
    dry_run: Option<bool>,
    /// With --dry-run: say for every object of the cluster why it is in or out
    #[arg(long, value_name = "BOOL", num_args(0..=1), require_equals(true), default_missing_value("true"), value_parser = boolean, requires = "dry_run")]
    explain: Option<bool>,
    /// Accepted for Velero's sake; the command always waits
    #[arg(short, long, value_name = "BOOL", num_args(0..=1), require_equals(true), default_missing_value("true"), value_parser = boolean)]
    wait: Option<bool>,
    /// Print the Backup document and create nothing
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
    #[command(flatten)]
    columns: LabelColumns,
    #[command(flatten)]
    filters: BackupFilters,
    #[command(flatten)]
    unsupported: BackupUnsupported,
}

/// Backs up the cluster.
pub async fn run(args: Args, context: &mut Context) -> anyhow::Result<Exit> {
    let versions = context.global.api_group_versions();
    refuse(&[(
        "--features EnableAPIGroupVersions",
        versions,
        "; restores know this feature, backups save one version",
    )])?;
    let (output, dry, explain) = (args.output, args.dry_run == Some(true), args.explain == Some(true));
    let policies = args.resource_policies.as_deref().map(crate::flags::read_file).transpose()?;
    let (request, columns) = args.request(&context.global.namespace)?;
    match output {
        Some(Format::Table) => {
            let table = super::get::table(&[request], &columns, jiff::Timestamp::now(), context.out.style());
            context.out.bytes(table.as_bytes());
            return Ok(Exit::Completed);
        }
        Some(format) => return document::print(context, &request, format).map(|()| Exit::Completed),
        None if dry => return dry_run::run(request, policies, explain, context).await,
        None => {}
    }
    connect::address(&context.global)?;
    let Target { cluster, name: source } = connect::cluster(&context.global).await?;
    let store = connect::store_for_backup(&context.global)?;
    let progress = Progress::start();
    let options = BackupOptions {
        resource_policies: policies,
        observer: progress.observer(),
        cancel: context.cancel.clone(),
        ..BackupOptions::default()
    };
    let (name, started) = (request.metadata.name.clone(), Instant::now());
    let address = store.store().address().to_owned();
    let result = velero_k8s::Backup::new(cluster, store).with_options(options).run(request).await;
    progress.finish();
    let report = result.with_context(|| format!("backing up {name} from {source}"))?;
    Ok(finish(report, &address, started, context))
}

/// Tells how the run ended.
fn finish(report: BackupReport, address: &str, started: Instant, context: &mut Context) -> Exit {
    let BackupReport { backup, problems, contents_bytes } = report;
    let (name, status, style) = (&backup.metadata.name, &backup.status, context.style());
    let phase = status.phase.clone().unwrap_or_default();
    let items = status.progress.as_ref().map_or(0, |progress| progress.items_backed_up);
    let stored = phase != BackupPhase::FailedValidation && phase != BackupPhase::Failed;
    if stored {
        context.tell(format_args!(
            "Backup {}: {}. {} in {}, {} in {address}.",
            style.bold(name),
            style.phase(&phase.to_string()),
            count(items as usize, "object"),
            time::span(started.elapsed()),
            bytes(contents_bytes),
        ));
    } else {
        context.tell(format_args!(
            "Backup {}: {}. Nothing was stored.",
            style.bold(name),
            style.phase(&phase.to_string())
        ));
        let reasons = status.validation_errors.iter().chain(Some(&status.failure_reason).filter(|r| !r.is_empty()));
        reasons.for_each(|reason| context.tell(format_args!("  {reason}")));
    }
    let mut run = RunReport::new("backup create", name, &phase, problems).took(started.elapsed());
    run.items = items;
    run.bytes = stored.then_some(contents_bytes);
    run.documents = stored.then(|| address.to_owned());
    let exit = run.finish(context, More::Command(&format!("velero backup describe {name}")));
    if stored {
        context.tell(format_args!(
            "See what is in it with `velero backup describe {name} --details`, and what a restore would do with \
             `velero restore plan --from-backup {name}`."
        ));
    }
    exit
}

impl Args {
    /// The Backup document that the flags ask for, and the label columns to print it with.
    fn request(self, namespace: &str) -> anyhow::Result<(Backup, LabelColumns)> {
        self.unsupported.check()?;
        refuse(&[(
            "--snapshot-volumes=true",
            self.snapshot_volumes == Some(true),
            "; see `velero backup create --help`",
        )])?;
        let mut backup = match &self.from_spec {
            Some(file) => super::spec_file::read(file)?,
            None => Backup::new("", Default::default()),
        };
        if let Some(name) = &self.name {
            backup.metadata.name = name.to_string();
        }
        if backup.metadata.name.is_empty() {
            return Err(usage(
                "the backup has no name: give one on the command line or in the document of --from-spec",
            ));
        }
        BackupName::new(&backup.metadata.name).map_err(|error| usage(error.to_string()))?;
        backup.metadata.namespace = namespace.to_owned();
        backup.metadata.labels.extend(pairs::merge(self.labels));
        backup.metadata.annotations.extend(pairs::merge(self.annotations));
        let spec = &mut backup.spec;
        self.filters.apply(spec)?;
        if let Some(OrderedResources(ordered)) = self.ordered_resources {
            spec.ordered_resources = ordered;
        }
        if let Some(name) = self.resource_policies_configmap {
            spec.resource_policy = Some(TypedReference { kind: "configmap".into(), name, ..Default::default() });
        }
        spec.snapshot_volumes = self.snapshot_volumes.or(spec.snapshot_volumes);
        spec.snapshot_move_data = self.unsupported.snapshot_move_data.or(spec.snapshot_move_data);
        spec.default_volumes_to_fs_backup =
            self.unsupported.default_volumes_to_fs_backup.or(spec.default_volumes_to_fs_backup);
        spec.ttl = self.ttl.unwrap_or(spec.ttl);
        spec.csi_snapshot_timeout = self.csi_snapshot_timeout.unwrap_or(spec.csi_snapshot_timeout);
        spec.item_operation_timeout = self.item_operation_timeout.unwrap_or(spec.item_operation_timeout);
        spec.storage_location = self.storage_location.unwrap_or_else(|| match spec.storage_location.as_str() {
            "" => "default".to_owned(),
            name => name.to_owned(),
        });
        Ok((backup, self.columns))
    }
}
