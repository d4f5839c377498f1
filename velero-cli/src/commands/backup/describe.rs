//! `velero backup describe`: one page a backup, laid out as Velero lays it out.

use super::get::{readable, selector_text};
use super::json;
use crate::context::Context;
use crate::exit::{Exit, usage};
use crate::flags::{boolean, selector};
use crate::output::describe::{Page, named, tristate};
use crate::output::{count, time};
use crate::{catalog, connect};
use serde_json::Value;
use std::collections::BTreeMap;
use velero_core::Results;
use velero_core::api::{Backup, BackupPhase, BackupSpec, BackupVolumeInfo, Duration, LabelSelector};
use velero_core::problem::ResultList;
use velero_repo::{BackupName, BackupStore, Document};

/// Arguments of `backup describe`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Names of backups [default: all]
    #[arg(value_name = "NAME", value_parser = super::name)]
    names: Vec<BackupName>,
    /// List every object, and every volume with its particulars
    #[arg(long, value_name = "BOOL", num_args(0..=1), require_equals(true), default_missing_value("true"), value_parser = boolean)]
    details: Option<bool>,
    /// Only backups with these labels
    #[arg(short = 'l', long, value_name = "SELECTOR", value_parser = selector)]
    selector: Option<LabelSelector>,
    /// Output; json for exactly one backup
    #[arg(short, long, value_enum, default_value = "plaintext", value_name = "FORMAT")]
    output: Output,
}

/// Output of `backup describe`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Output {
    Plaintext,
    Json,
}

/// All that a store holds about one backup, tarball and log apart.
pub struct Facts {
    /// The document.
    pub backup: Backup,
    /// Warnings and errors, if the backup has any and they were stored.
    pub results: Option<Results>,
    /// Objects by `apiVersion/Kind`; read for details only.
    pub resource_list: Option<BTreeMap<String, Vec<String>>>,
    /// Volumes.
    pub volumes: Vec<BackupVolumeInfo>,
    /// Native snapshots.
    pub snapshots: Vec<Value>,
    /// Pod volume backups.
    pub pod_volumes: Vec<Value>,
}

/// Describes backups.
pub async fn run(args: Args, context: &mut Context) -> anyhow::Result<Exit> {
    let store = connect::store(&context.global)?;
    let mut exit = Exit::Completed;
    let mut backups = readable(catalog::backups(&store, &args.names).await?, "backup", &mut exit);
    if let (Some(selector), true) = (&args.selector, args.names.is_empty()) {
        backups.retain(|backup| velero_core::selector::matches(selector, &backup.metadata.labels));
    }
    if args.output == Output::Json && backups.len() != 1 {
        return Err(usage(format!("-o json describes exactly one backup, not {}; name one", backups.len())));
    }
    let details = args.details == Some(true);
    for (at, backup) in backups.into_iter().enumerate() {
        let facts = Facts::read(&store, backup, details).await?;
        if args.output == Output::Json {
            context.out.line(json::page(&facts, details)?);
            continue;
        }
        if at > 0 {
            context.out.line("\n");
        }
        let page = facts.page(Page::new(context.out.style()), details);
        context.out.bytes(page.render().as_bytes());
    }
    Ok(exit)
}

impl Facts {
    /// Reads the documents of `backup`.
    async fn read(store: &BackupStore, backup: Backup, details: bool) -> anyhow::Result<Facts> {
        let name = BackupName::new(&backup.metadata.name)?;
        let counted = backup.status.warnings + backup.status.errors > 0;
        let results = if counted { catalog::document(store, &name, Document::Results).await? } else { None };
        let resource_list = if details { catalog::document(store, &name, Document::ResourceList).await? } else { None };
        Ok(Facts {
            results,
            resource_list,
            volumes: list(catalog::document(store, &name, Document::VolumeInfo).await?),
            snapshots: list(catalog::document(store, &name, Document::VolumeSnapshots).await?),
            pod_volumes: list(catalog::document(store, &name, Document::PodVolumeBackups).await?),
            backup,
        })
    }

    /// The page.
    fn page(&self, mut page: Page, details: bool) -> Page {
        let (spec, status) = (&self.backup.spec, &self.backup.status);
        metadata(&mut page, &self.backup.metadata);
        self.phase(&mut page);
        if let Some(policy) = &spec.resource_policy {
            page.section("Resource policies");
            page.field(1, "Type", &policy.kind);
            page.field(1, "Name", &policy.name);
        }
        strings(&mut page, 0, "Validation errors", &status.validation_errors);
        problems(&mut page, self.results.as_ref(), status.warnings, status.errors);
        filters(&mut page, spec);
        page.single("Storage Location", &spec.storage_location);
        page.blank();
        page.field(0, "Velero-Native Snapshot PVs", tristate(spec.snapshot_volumes));
        if let Some(all) = spec.default_volumes_to_fs_backup {
            page.field(0, "File System Backup (Default)", all.to_string());
        }
        page.field(0, "Snapshot Move Data", tristate(spec.snapshot_move_data));
        page.field(0, "Data Mover", if spec.datamover.is_empty() { "velero" } else { &spec.datamover });
        page.single("TTL", spec.ttl.to_string());
        page.single("CSISnapshotTimeout", or_default(spec.csi_snapshot_timeout, 600));
        page.field(0, "ItemOperationTimeout", or_default(spec.item_operation_timeout, 4 * 3600));
        hooks(&mut page, spec);
        if !spec.ordered_resources.is_empty() {
            page.section("OrderedResources");
            spec.ordered_resources.iter().for_each(|(resource, names)| page.field(1, resource, names));
        }
        self.times(&mut page);
        if details {
            self.resources(&mut page);
        }
        self.volumes(&mut page, details);
        page
    }

    fn phase(&self, page: &mut Page) {
        let status = &self.backup.status;
        let phase = status.phase.clone().unwrap_or_default();
        let mut text = page.style().phase(&phase.to_string());
        if matches!(phase, BackupPhase::Failed | BackupPhase::PartiallyFailed) {
            text.push_str(&format!("  (see `velero backup logs {}`)", self.backup.metadata.name));
        }
        page.single("Phase", text);
        if let Some(position) = status.other.get("queuePosition").filter(|_| phase == BackupPhase::Queued) {
            page.field(0, "Queue position", position.to_string());
        }
        if !status.failure_reason.is_empty() {
            page.field(0, "Failure reason", &status.failure_reason);
        }
    }

    fn times(&self, page: &mut Page) {
        let status = &self.backup.status;
        let version = &status.format_version;
        page.single("Backup Format Version", if version.is_empty() { "<n/a>" } else { version });
        page.single("Started", time::absolute(status.start_timestamp.as_deref(), "<n/a>"));
        page.field(0, "Completed", time::absolute(status.completion_timestamp.as_deref(), "<n/a>"));
        page.single("Expiration", time::absolute(status.expiration.as_deref(), "<n/a>"));
        if let Some(progress) = &status.progress {
            let running = status.phase == Some(BackupPhase::InProgress);
            let labels = match running {
                true => ["Estimated total items to be backed up", "Items backed up so far"],
                false => ["Total items to be backed up", "Items backed up"],
            };
            page.single(labels[0], progress.total_items.to_string());
            page.field(0, labels[1], progress.items_backed_up.to_string());
        }
    }

    fn resources(&self, page: &mut Page) {
        page.section("Resource List");
        resource_list(page, self.resource_list.as_ref(), "backup");
    }

    fn volumes(&self, page: &mut Page, details: bool) {
        page.section("Backup Volumes");
        let taken =
            |method: &str| self.volumes.iter().filter(|v| v.backup_method == method && !v.skipped).collect::<Vec<_>>();
        let native = self.snapshots.iter().map(|s| text_at(s, "/spec/persistentVolumeName")).collect();
        volume_group(page, "Velero-Native Snapshots", native, details);
        volume_group(page, "CSI Snapshots", taken("CSISnapshot").iter().map(|v| claim(v)).collect(), details);
        let copies = self
            .pod_volumes
            .iter()
            .map(|p| {
                let pod = format!("{}/{}", text_at(p, "/spec/pod/namespace"), text_at(p, "/spec/pod/name"));
                format!("{pod}: {}", text_at(p, "/spec/volume"))
            })
            .collect();
        volume_group(page, "Pod Volume Backups", copies, details);
        let left_out: Vec<_> = self.volumes.iter().filter(|v| v.skipped).collect();
        if !left_out.is_empty() {
            let heading = format!("Left out, {} without data", count(left_out.len(), "volume"));
            page.heading(1, &page.style().yellow(heading));
            left_out
                .iter()
                .for_each(|volume| page.field(2, &claim(volume), volume.skipped_reason.trim_end_matches(';')));
        }
        if let Some(hooks) = self.backup.status.other.get("hookStatus") {
            page.single("HooksAttempted", hooks["hooksAttempted"].as_u64().unwrap_or(0).to_string());
            page.field(0, "HooksFailed", hooks["hooksFailed"].as_u64().unwrap_or(0).to_string());
        }
    }
}

/// The documents of a list that may be absent.
fn list<T>(documents: Option<Vec<T>>) -> Vec<T> {
    documents.unwrap_or_default()
}

/// The text at a JSON pointer, empty if there is none.
pub fn text_at(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// `ns/claim`, or the volume if there is no claim.
pub fn claim(volume: &BackupVolumeInfo) -> String {
    match volume.pvc_name.is_empty() {
        true => volume.pv_name.clone(),
        false => format!("{}/{}", volume.pvc_namespace, volume.pvc_name),
    }
}

fn volume_group(page: &mut Page, title: &str, volumes: Vec<String>, details: bool) {
    match (volumes.is_empty(), details) {
        (true, _) => page.field(1, title, "<none included>"),
        (false, true) => {
            page.heading(1, title);
            volumes.into_iter().for_each(|volume| page.text(2, volume));
        }
        (false, false) => page.field(1, title, format!("{}; --details lists them", count(volumes.len(), "volume"))),
    }
}

/// Name, namespace, labels and annotations.
pub fn metadata(page: &mut Page, metadata: &velero_core::api::Metadata) {
    page.field(0, "Name", page.style().bold(&metadata.name));
    page.field(0, "Namespace", &metadata.namespace);
    page.map(0, "Labels", &metadata.labels);
    page.map(0, "Annotations", &metadata.annotations);
}

/// A heading with one text a line, or nothing without any.
pub fn strings(page: &mut Page, indent: usize, title: &str, texts: &[String]) {
    if !texts.is_empty() {
        if indent == 0 {
            page.blank();
        }
        page.heading(indent, title);
        texts.iter().for_each(|text| page.text(indent + 1, text));
    }
}

/// Warnings and errors, or only their numbers when the messages were not stored.
pub fn problems(page: &mut Page, results: Option<&Results>, warnings: u64, errors: u64) {
    let style = page.style();
    let lists = [
        (style.yellow("Warnings"), results.map(|r| &r.warnings), warnings),
        (style.red("Errors"), results.map(|r| &r.errors), errors),
    ];
    for (title, list, number) in lists {
        match list {
            Some(list) if list.count() > 0 => result_list(page, &title, list),
            _ if number > 0 => page.single(&title, number.to_string()),
            _ => {}
        }
    }
}

fn result_list(page: &mut Page, title: &str, list: &ResultList) {
    page.section(title);
    strings(page, 1, "Velero", &list.velero);
    strings(page, 1, "Cluster", &list.cluster);
    if !list.namespaces.is_empty() {
        page.heading(1, "Namespaces");
        list.namespaces.iter().for_each(|(namespace, texts)| strings(page, 2, namespace, texts));
    }
}

fn filters(page: &mut Page, spec: &BackupSpec) {
    page.section("Namespaces");
    page.list(1, "Included", &spec.included_namespaces, "*");
    page.list(1, "Excluded", &spec.excluded_namespaces, "<none>");
    page.section("Resources");
    let scoped = [
        ("Included cluster-scoped", &spec.included_cluster_scoped_resources),
        ("Excluded cluster-scoped", &spec.excluded_cluster_scoped_resources),
        ("Included namespace-scoped", &spec.included_namespace_scoped_resources),
        ("Excluded namespace-scoped", &spec.excluded_namespace_scoped_resources),
    ];
    if scoped.iter().any(|(_, list)| !list.is_empty()) {
        // Nothing named means all namespaced resources, but only related cluster-scoped ones.
        let empty = |label: &str| if label == "Included namespace-scoped" { "*" } else { "<none>" };
        scoped.iter().for_each(|(label, list)| page.list(1, label, list, empty(label)));
    } else {
        page.list(1, "Included", &spec.included_resources, "*");
        page.list(1, "Excluded", &spec.excluded_resources, "<none>");
        page.field(1, "Cluster-scoped", named(spec.include_cluster_resources, ["auto", "included", "excluded"]));
    }
    selectors(page, spec.label_selector.as_ref(), &spec.or_label_selectors);
}

/// The label selectors of a spec.
pub fn selectors(page: &mut Page, one: Option<&LabelSelector>, several: &[LabelSelector]) {
    page.single("Label selector", selector_text(one));
    let several: Vec<_> = several.iter().map(|selector| selector_text(Some(selector))).collect();
    page.single("Or label selector", if several.is_empty() { "<none>".into() } else { several.join(" or ") });
}

fn hooks(page: &mut Page, spec: &BackupSpec) {
    let hooks = spec.hooks.as_ref().map(|hooks| hooks.resources.as_slice()).unwrap_or_default();
    if hooks.is_empty() {
        page.single("Hooks", "<none>");
        return;
    }
    page.section("Hooks");
    page.heading(1, "Resources");
    for hook in hooks {
        page.heading(2, &hook.name);
        page.list(3, "Namespaces included", &hook.included_namespaces, "*");
        page.list(3, "Namespaces excluded", &hook.excluded_namespaces, "<none>");
        page.field(3, "Label selector", selector_text(hook.label_selector.as_ref()));
        for (key, value) in &hook.other {
            page.field(3, key, value.to_string());
        }
    }
}

/// A resource list with one object a line, or why there is none.
pub fn resource_list(page: &mut Page, list: Option<&BTreeMap<String, Vec<String>>>, of: &str) {
    match list {
        None => page.text(1, format!("<this {of} was stored without a resource list>")),
        Some(list) if list.is_empty() => page.text(1, "<none>"),
        Some(list) => {
            for (kind, names) in list {
                page.heading(1, kind);
                names.iter().for_each(|name| page.text(2, format!("- {name}")));
            }
        }
    }
}

/// A duration, or the default that zero stands for.
pub fn or_default(duration: Duration, default: i64) -> String {
    if duration.is_zero() { Duration::from_secs(default).to_string() } else { duration.to_string() }
}

#[cfg(test)]
#[path = "describe/tests.rs"]
mod tests;
