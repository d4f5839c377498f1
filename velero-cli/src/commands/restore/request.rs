//! The flags that describe a restore, shared by `restore plan` and `restore create`.

use crate::catalog;
use crate::exit::usage;
use crate::flags::filter::{Selectors, set};
use crate::flags::pairs::{self, Pairs};
use crate::flags::unsupported::{RestoreUnsupported, refuse};
use crate::flags::{boolean, read_file};
use anyhow::anyhow;
use std::path::PathBuf;
use velero_core::api::restore::RestoreStatusSpec;
use velero_core::api::{Backup, BackupPhase, Duration, Restore, RestoreSpec, TypedReference};
use velero_repo::{BackupName, BackupStore, RestoreName};

/// What is to be restored, and how.
#[derive(Debug, clap::Args)]
pub struct Request {
    /// Name of the restore [default: BACKUP-YYYYMMDDHHMMSS]
    #[arg(value_name = "NAME", value_parser = super::name)]
    name: Option<RestoreName>,
    /// The backup to restore
    #[arg(long, value_name = "NAME", value_parser = crate::commands::backup::name, required_unless_present = "from_schedule", display_order = 0)]
    from_backup: Option<BackupName>,
    /// Restore the newest backup of this schedule
    #[arg(long, value_name = "NAME", conflicts_with = "from_backup")]
    from_schedule: Option<String>,
    /// With --from-schedule: take a backup that is partially failed, too
    #[arg(long, value_name = "BOOL", num_args(0..=1), require_equals(true), default_missing_value("true"), value_parser = boolean)]
    allow_partially_failed: Option<bool>,
    /// Restore into other namespaces, such as shop:shop-copy
    #[arg(long, value_name = "FROM:TO,…", value_parser = pairs::colon)]
    namespace_mappings: Vec<Pairs>,
    /// Labels of the restore
    #[arg(long, value_name = "K=V,…", value_parser = pairs::equals)]
    labels: Vec<Pairs>,
    /// Annotations of the restore
    #[arg(long, value_name = "K=V,…", value_parser = pairs::equals)]
    annotations: Vec<Pairs>,
    /// What happens to objects that exist and differ: none or update
    #[arg(long, value_name = "POLICY", value_parser = ["none", "update"])]
    existing_resource_policy: Option<String>,
    /// Resources whose status is restored
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    status_include_resources: Vec<String>,
    /// Resources whose status is not restored
    #[arg(long, value_name = "LIST", value_delimiter = ',', requires = "status_include_resources")]
    status_exclude_resources: Vec<String>,
    /// Whether services keep all their node ports
    #[arg(long, value_name = "BOOL", num_args(0..=1), require_equals(true), default_missing_value("true"), value_parser = boolean)]
    preserve_nodeports: Option<bool>,
    /// Whether volumes are restored from snapshots; =true is not there yet
    #[arg(long, value_name = "BOOL", num_args(0..=1), require_equals(true), default_missing_value("true"), value_parser = boolean)]
    restore_volumes: Option<bool>,
    /// Resource modifiers from a local file
    #[arg(long, value_name = "FILE", conflicts_with = "resource_modifier_configmap")]
    resource_modifiers: Option<PathBuf>,
    /// Resource modifiers from a ConfigMap in Velero's namespace
    #[arg(long, value_name = "NAME")]
    resource_modifier_configmap: Option<String>,
    /// How long asynchronous operations may take, as the document carries it
    #[arg(long, value_name = "DURATION")]
    item_operation_timeout: Option<Duration>,
    #[command(flatten)]
    filters: RestoreFilters,
    #[command(flatten)]
    unsupported: RestoreUnsupported,
}

/// What of the backup is restored.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What is taken")]
struct RestoreFilters {
    /// Namespaces to include, as named in the backup [default: all]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    include_namespaces: Vec<String>,
    /// Namespaces to leave out
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    exclude_namespaces: Vec<String>,
    /// Resources to include [default: all]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    include_resources: Vec<String>,
    /// Resources to leave out
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    exclude_resources: Vec<String>,
    /// Cluster-scoped resources: all (true), none (false), or what the namespaced objects need (unset)
    #[arg(long, value_name = "BOOL", num_args(0..=1), require_equals(true), default_missing_value("true"), value_parser = boolean)]
    include_cluster_resources: Option<bool>,
    #[command(flatten)]
    selectors: Selectors,
}

impl Request {
    /// Refuses flags that can not be honoured.
    pub fn check(&self) -> anyhow::Result<()> {
        self.unsupported.check()?;
        let fix = "; --allow-empty-volumes restores claims without their data";
        refuse(&[("--restore-volumes=true", self.restore_volumes == Some(true), fix)])
    }

    /// The text of the local resource modifiers.
    pub fn modifiers(&self) -> anyhow::Result<Option<String>> {
        self.resource_modifiers.as_deref().map(read_file).transpose()
    }

    /// The Restore document that the flags ask for, its backup resolved in `store`.
    pub async fn document(self, store: &BackupStore, namespace: &str) -> anyhow::Result<Restore> {
        let partial = self.allow_partially_failed == Some(true);
        let backup = match (&self.from_backup, &self.from_schedule) {
            (Some(name), _) => catalog::backup(store, name).await?,
            (None, Some(schedule)) => newest(store, schedule, partial).await?,
            (None, None) => return Err(usage("name the backup with --from-backup")),
        };
        Ok(self.of(&backup, namespace, jiff::Zoned::now()))
    }

    /// The Restore document that the flags ask for, of a backup that is not looked at.
    pub fn unresolved(self, namespace: &str) -> anyhow::Result<Restore> {
        match &self.from_backup {
            Some(name) => {
                let backup = Backup::new(name.as_str(), Default::default());
                Ok(self.of(&backup, namespace, jiff::Zoned::now()))
            }
            None => Err(usage("printing the document needs --from-backup")),
        }
    }

    fn of(self, backup: &Backup, namespace: &str, now: jiff::Zoned) -> Restore {
        let source = self.from_schedule.as_deref().unwrap_or(&backup.metadata.name);
        let name = match &self.name {
            Some(name) => name.to_string(),
            None => format!("{source}-{}", now.strftime("%Y%m%d%H%M%S")),
        };
        let mut spec = RestoreSpec {
            backup_name: backup.metadata.name.clone(),
            schedule_name: self.from_schedule.unwrap_or_default(),
            namespace_mapping: pairs::merge(self.namespace_mappings),
            include_cluster_resources: self.filters.include_cluster_resources,
            existing_resource_policy: self.existing_resource_policy.unwrap_or_default(),
            preserve_node_ports: self.preserve_nodeports,
            restore_pvs: self.restore_volumes,
            item_operation_timeout: self.item_operation_timeout.unwrap_or_default(),
            ..RestoreSpec::default()
        };
        set(&mut spec.included_namespaces, self.filters.include_namespaces);
        set(&mut spec.excluded_namespaces, self.filters.exclude_namespaces);
        set(&mut spec.included_resources, self.filters.include_resources);
        set(&mut spec.excluded_resources, self.filters.exclude_resources);
        self.filters.selectors.apply(&mut spec.label_selector, &mut spec.or_label_selectors);
        // Excludes come with includes only, as in Velero.
        if !self.status_include_resources.is_empty() {
            spec.restore_status = Some(RestoreStatusSpec {
                included_resources: self.status_include_resources,
                excluded_resources: self.status_exclude_resources,
            });
        }
        spec.resource_modifier = self.resource_modifier_configmap.map(|name| TypedReference {
            kind: "configmap".into(),
            name,
            ..TypedReference::default()
        });
        let mut restore = Restore::new(name, spec);
        restore.metadata.creation_timestamp = Some(now.timestamp().strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        restore.metadata.namespace = namespace.to_owned();
        restore.metadata.labels = pairs::merge(self.labels);
        restore.metadata.annotations = pairs::merge(self.annotations);
        restore
    }
}

/// The newest backup of a schedule that completed, or that is partially failed if that is allowed.
async fn newest(store: &BackupStore, schedule: &str, partial: bool) -> anyhow::Result<Backup> {
    let mut newest: Option<Backup> = None;
    for (name, entry) in catalog::backups(store, &[]).await? {
        let backup = match entry {
            Ok(backup) => backup,
            Err(error) => {
                crate::output::note(format_args!("velero: backup {name} is passed over: {error:#}"));
                continue;
            }
        };
        let usable = match backup.status.phase {
            Some(BackupPhase::Completed) => true,
            Some(BackupPhase::PartiallyFailed) => partial,
            _ => false,
        };
        let ours = backup.metadata.labels.get("velero.io/schedule-name").is_some_and(|name| name == schedule);
        let newer = |other: &Backup| other.status.start_timestamp < backup.status.start_timestamp;
        if usable && ours && newest.as_ref().is_none_or(newer) {
            newest = Some(backup);
        }
    }
    newest.ok_or_else(|| anyhow!("schedule {schedule} has no completed backup in {}", store.store().address()))
}
