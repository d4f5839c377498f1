//! `velero backup describe -o json`: Velero's structured description, with its keys as they are spelt there.

use super::describe::{Facts, claim, or_default, text_at};
use super::get::selector_text;
use crate::output::describe::{named, tristate};
use serde::Serialize;
use serde_json::ser::PrettyFormatter;
use serde_json::{Map, Value, json};

/// The description as one JSON object, indented by four blanks.
pub fn page(facts: &Facts, details: bool) -> anyhow::Result<String> {
    let metadata = &facts.backup.metadata;
    let status = &facts.backup.status;
    let mut page = Map::new();
    let mut put = |key: &str, value: Value| drop(page.insert(key.to_owned(), value));
    put(
        "metadata",
        json!({
            "name": metadata.name, "namespace": metadata.namespace,
            "labels": metadata.labels, "annotations": metadata.annotations,
        }),
    );
    put("phase", json!(status.phase.clone().unwrap_or_default().to_string()));
    if let Some(policy) = &facts.backup.spec.resource_policy {
        put("resourcePolicies", json!({"type": policy.kind, "name": policy.name}));
    }
    if !status.validation_errors.is_empty() {
        put("validationErrors", json!(status.validation_errors));
    }
    let results = facts.results.as_ref();
    for (key, list, number) in [
        ("warnings", results.map(|r| &r.warnings), status.warnings),
        ("errors", results.map(|r| &r.errors), status.errors),
    ] {
        match list {
            Some(list) if list.count() > 0 => put(key, serde_json::to_value(list)?),
            _ if number > 0 => put(key, json!({"count": number})),
            _ => {}
        }
    }
    put("spec", spec(facts));
    put("status", self::status(facts, details));
    let mut text = Vec::new();
    let formatter = PrettyFormatter::with_indent(b"    ");
    // Through a sorted map, as Go prints maps.
    let sorted: std::collections::BTreeMap<_, _> = page.into_iter().collect();
    sorted.serialize(&mut serde_json::Serializer::with_formatter(&mut text, formatter))?;
    Ok(String::from_utf8(text)?)
}

fn spec(facts: &Facts) -> Value {
    let spec = &facts.backup.spec;
    let joined = |list: &[String], empty: &str| if list.is_empty() { empty.to_owned() } else { list.join(", ") };
    let mut value = json!({
        "namespaces": {
            "included": joined(&spec.included_namespaces, "*"),
            "excluded": joined(&spec.excluded_namespaces, "<none>"),
        },
        "resources": {
            "included": joined(&spec.included_resources, "*"),
            "excluded": joined(&spec.excluded_resources, "<none>"),
            "clusterScoped": named(spec.include_cluster_resources, ["auto", "included", "excluded"]),
        },
        "labelSelector": selector_text(spec.label_selector.as_ref()),
        "storageLocation": spec.storage_location,
        "veleroNativeSnapshotPVs": tristate(spec.snapshot_volumes),
        "veleroSnapshotMoveData": tristate(spec.snapshot_move_data),
        "dataMover": if spec.datamover.is_empty() { "velero" } else { &spec.datamover },
        "TTL": spec.ttl.to_string(),
        "CSISnapshotTimeout": or_default(spec.csi_snapshot_timeout, 600),
        "orderedResources": spec.ordered_resources,
    });
    if let Some(hooks) = spec.hooks.as_ref().filter(|hooks| !hooks.resources.is_empty()) {
        value["hooks"] = json!({"resources": hooks.resources});
    }
    value
}

fn status(facts: &Facts, details: bool) -> Value {
    let status = &facts.backup.status;
    let mut value = json!({
        "backupFormatVersion": status.format_version,
        "started": status.start_timestamp.as_deref().unwrap_or("<n/a>"),
        "completed": status.completion_timestamp.as_deref().unwrap_or("<n/a>"),
        "expiration": status.expiration.as_deref().unwrap_or("<n/a>"),
        "backupVolumes": volumes(facts),
    });
    if let Some(progress) = &status.progress {
        value["totalItemsToBeBackedUp"] = json!(progress.total_items);
        value["itemsBackedUp"] = json!(progress.items_backed_up);
    }
    match (&facts.resource_list, details) {
        (Some(list), true) => value["resourceList"] = json!(list),
        (None, true) => value["errorGettingResourceList"] = json!("the backup was stored without a resource list"),
        _ => {}
    }
    if let Some(hooks) = status.other.get("hookStatus") {
        value["hooksAttempted"] = hooks["hooksAttempted"].clone();
        value["hooksFailed"] = hooks["hooksFailed"].clone();
    }
    value
}

fn volumes(facts: &Facts) -> Value {
    let none = || json!("<none included>");
    let csi: Map<String, Value> = facts
        .volumes
        .iter()
        .filter(|volume| volume.backup_method == "CSISnapshot" && !volume.skipped)
        .map(|volume| (claim(volume), json!(volume)))
        .collect();
    let native: Map<String, Value> =
        facts.snapshots.iter().map(|s| (text_at(s, "/spec/persistentVolumeName"), s["status"].clone())).collect();
    let skipped: Map<String, Value> =
        facts.volumes.iter().filter(|v| v.skipped).map(|v| (claim(v), json!(v.skipped_reason))).collect();
    json!({
        "nativeSnapshots": if native.is_empty() { none() } else { Value::Object(native) },
        "csiSnapshots": if csi.is_empty() { none() } else { Value::Object(csi) },
        "podVolumeBackups": if facts.pod_volumes.is_empty() { none() } else { json!(facts.pod_volumes) },
        "leftOut": skipped,
    })
}
